//! What of an expression can come out of it: its text without what is only asked. Neighbour: `expr`,
//! which looks for names in both.
//!
//! `7 if ticket.id else 8` asks for a name and says none.

/// An expression's text without its conditions: what stands between `if` and `else`, and before `and`.
/// It names what the expression can give; what it gives is another thing.
pub(super) fn without_conditions(source: &str) -> String {
    let mut levels = vec![Level::default()];
    for token in tokens(source) {
        match token {
            "(" | "[" | "{" => levels.push(Level {
                opened: token,
                ..Level::default()
            }),
            ")" | "]" | "}" => {
                if let Some(inner) = levels.pop() {
                    let opened = inner.opened;
                    let inner = format!("{opened}{}{token}", inner.whole());
                    levels.last_mut().into_iter().for_each(|l| l.add(&inner));
                }
            }
            _ => levels.last_mut().into_iter().for_each(|l| l.take(token)),
        }
    }
    levels.into_iter().map(Level::whole).collect()
}

/// What stands within one pair of brackets.
#[derive(Debug, Default)]
struct Level<'a> {
    opened: &'a str,
    said: String,
    /// The operand being read: dropped if an `and` follows it.
    operand: String,
    asks: bool,
}

impl Level<'_> {
    fn take(&mut self, token: &str) {
        // What stands behind a dot is a part of something, whatever it is called.
        let is_part = self.operand.trim_end().ends_with('.');
        match token {
            "if" if !is_part => {
                self.keep("");
                self.asks = true;
            }
            "else" if !is_part => {
                self.asks = false;
                self.keep(" or ");
            }
            "or" if !is_part && !self.asks => self.keep(" or "),
            "and" if !is_part && !self.asks => self.operand.clear(),
            "," | ":" => {
                self.asks = false;
                self.keep(token);
            }
            _ => self.add(token),
        }
    }

    fn add(&mut self, words: &str) {
        if !self.asks {
            self.operand.push_str(words);
        }
    }

    fn keep(&mut self, behind: &str) {
        self.said.push_str(&std::mem::take(&mut self.operand));
        self.said.push_str(behind);
    }

    fn whole(mut self) -> String {
        self.keep("");
        self.said
    }
}

/// Quoted texts, words, and each other character.
fn tokens(source: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => quoted(rest, first),
            c if is_letter(c) => rest.find(|c| !is_letter(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, behind) = rest.split_at(end);
        tokens.push(token);
        rest = behind;
    }
    tokens
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where the quoted text ends with which this begins.
pub(super) fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_asked_is_left_out_and_what_can_come_out_stays() {
        for (source, said) in [
            ("a.b", "a.b"),
            ("x if a.b else y", "x  or  y"),
            ("'x if a' if a else b", "'x if a'  or  b"),
            ("x if a else y if b else z", "x  or  y  or  z"),
            ("(x if a and b else y) | lower", "(x  or  y) | lower"),
            ("a and 'x'", " 'x'"),
            ("a and b or c", " b  or  c"),
            ("not a and b", " b"),
            ("[a and x, y if b]", "[ x, y ]"),
            ("{'k': a and x}", "{'k': x}"),
            ("it.if.and.or", "it.if.and.or"),
            ("c | with('k', x if a else y)", "c | with('k', x  or  y)"),
            ("x if (a, b)[0] else y", "x  or  y"),
        ] {
            assert_eq!(without_conditions(source), said, "{source}");
        }
    }
}
