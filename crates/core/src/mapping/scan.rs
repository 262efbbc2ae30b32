//! Reads a rule's words before it runs. Neighbour: compile.
//!
//! The engine finds an unknown filter only when it comes to it, which may be at night and for one
//! customer in a thousand; so the words are looked up here, at load.

/// A word or sign of the rule language.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(String),
    /// The begin of a `{% %}` block.
    Block,
    /// A literal, whose content does not matter.
    Literal,
}

/// What a rule uses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    pub(super) filters: Vec<String>,
    pub(super) tests: Vec<String>,
    /// First words of `{% %}` blocks.
    pub(super) blocks: Vec<String>,
    /// `==` or `!=` beside `none`.
    pub(super) equals_none: bool,
    /// `<`, `>`, `<=` or `>=`, or a test that orders.
    pub(super) orders: bool,
}

/// What a condition uses.
pub(super) fn expression(source: &str) -> Uses {
    let mut tokens = Vec::new();
    code(source, None, &mut tokens);
    uses(&tokens)
}

/// What a text's template uses.
pub(super) fn template(source: &str) -> Uses {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find('{') {
        let (_, from) = rest.split_at(at);
        rest = if let Some(inside) = from.strip_prefix("{{") {
            tokens.push(Token::Literal);
            code(inside, Some("}}"), &mut tokens)
        } else if let Some(inside) = from.strip_prefix("{%") {
            tokens.push(Token::Block);
            let after = code(inside, Some("%}"), &mut tokens);
            skip_raw(inside, after)
        } else if let Some(inside) = from.strip_prefix("{#") {
            inside.split_once("#}").map_or("", |(_, after)| after)
        } else {
            from.strip_prefix('{').unwrap_or("")
        };
    }
    uses(&tokens)
}

/// What stands between `{% raw %}` and `{% endraw %}` is text.
fn skip_raw<'a>(block: &str, after: &'a str) -> &'a str {
    let word = block.trim_start_matches(['-', '+']).trim_start();
    if !word.starts_with("raw") {
        return after;
    }
    after.find("endraw").map_or("", |at| after.split_at(at).1)
}

/// Takes tokens up to `end`; gives back what follows it.
fn code<'a>(source: &'a str, end: Option<&str>, tokens: &mut Vec<Token>) -> &'a str {
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        if let Some(after) = end.and_then(|end| rest.strip_prefix(end)) {
            return after;
        }
        let length = match first {
            '\'' | '"' => {
                tokens.push(Token::Literal);
                quoted(rest, first)
            }
            c if c.is_alphabetic() || c == '_' => {
                let length = span(rest, |c| c.is_alphanumeric() || c == '_');
                tokens.push(Token::Word(rest.chars().take(length).collect()));
                length
            }
            c if c.is_ascii_digit() => {
                tokens.push(Token::Literal);
                span(rest, |c| c.is_alphanumeric() || c == '_')
            }
            c if c.is_whitespace() => 1,
            c => {
                let length = if matches!(c, '=' | '!' | '<' | '>') {
                    span(rest, |c| matches!(c, '=' | '!' | '<' | '>'))
                } else {
                    1
                };
                tokens.push(Token::Sign(rest.chars().take(length).collect()));
                length
            }
        };
        rest = skip(rest, length);
    }
    rest
}

fn skip(text: &str, characters: usize) -> &str {
    let mut rest = text.chars();
    for _ in 0..characters {
        rest.next();
    }
    rest.as_str()
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.chars().take_while(|c| belongs(*c)).count()
}

/// How many characters a quoted text has, its quotes among them.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.chars().enumerate().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.chars().count()
}

fn uses(tokens: &[Token]) -> Uses {
    let mut uses = Uses::default();
    let mut before: Option<&Token> = None;
    let mut ahead = tokens.iter().peekable();
    while let Some(token) = ahead.next() {
        match token {
            Token::Sign(sign) if sign == "|" => {
                if let Some(Token::Word(name)) = ahead.peek() {
                    uses.filters.push(name.clone());
                }
            }
            Token::Sign(sign) if sign == "==" || sign == "!=" => {
                uses.equals_none |= is_none(before) || is_none(ahead.peek().copied());
            }
            Token::Sign(sign) if sign.starts_with(['<', '>']) => uses.orders = true,
            Token::Word(word) if word == "is" && before.is_some_and(|t| !is_sign(t, ".")) => {
                if matches!(ahead.peek(), Some(Token::Word(not)) if not == "not") {
                    ahead.next();
                }
                if let Some(Token::Word(name)) = ahead.peek() {
                    uses.orders |= ["lt", "le", "gt", "ge", "lessthan", "greaterthan"]
                        .contains(&name.as_str());
                    uses.tests.push(name.clone());
                }
            }
            Token::Block => {
                while matches!(ahead.peek(), Some(Token::Sign(s)) if s == "-" || s == "+") {
                    ahead.next();
                }
                if let Some(Token::Word(name)) = ahead.peek() {
                    uses.blocks.push(name.clone());
                }
            }
            Token::Word(_) | Token::Sign(_) | Token::Literal => {}
        }
        before = Some(token);
    }
    uses
}

fn is_sign(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Sign(sign) if sign == wanted)
}

fn is_none(token: Option<&Token>) -> bool {
    matches!(token, Some(Token::Word(word)) if word == "none" || word == "None")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_quotes_and_in_plain_text_are_not_code() {
        let uses =
            template("a | b {{ 'x | y' | upper }} is none {# | z #}{% raw %}{{ a|q }}{% endraw %}");
        assert_eq!(uses.filters, ["upper"]);
        assert!(uses.tests.is_empty());
        assert_eq!(uses.blocks, ["raw"]);
        assert_eq!(expression(r#""it's | x" == a|lower"#).filters, ["lower"]);
    }

    #[test]
    fn an_order_and_a_comparison_with_none_are_seen() {
        assert!(expression("ticket.fields.score >= 5").orders);
        assert!(expression("x is lt(5)").orders);
        assert!(!expression("'<' in ticket.subject").orders);
        assert!(expression("ticket.group == none").equals_none);
        assert!(expression("None != ticket.group").equals_none);
        assert!(!expression("ticket.group is none").equals_none);
        assert_eq!(expression("a is not none").tests, ["none"]);
    }
}
