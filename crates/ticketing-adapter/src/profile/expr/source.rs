//! What the text of an expression tells before it is evaluated. Neighbour: `expr`, which compiles it.
//!
//! It looks at brackets and quotes alone: what an expression means is minijinja's.

use super::{super::filters, BadExpr, Names, said::quoted};

/// What minijinja would only find when it evaluates: filters, tests and methods that are not there.
pub(super) fn unknown_parts(source: &str) -> Option<BadExpr> {
    let bare = without_quoted(source);
    let word = |text: &str| -> String {
        let letters = text.trim_start().chars();
        letters
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    for after in bare.split('|').skip(1) {
        let name = word(after);
        if !filters::NAMES.contains(&name.as_str()) {
            return Some(BadExpr {
                what: format!("there is no filter `{name}`"),
                remedy: format!("Filters: {}.", filters::NAMES.join(", ")),
            });
        }
    }
    if let Some(bad) = unfit_arguments(&bare).or_else(|| unwritable_time(source)) {
        return Some(bad);
    }
    if bare
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|w| w == "is")
    {
        return Some(BadExpr {
            what: "there are no tests (`is ...`)".to_owned(),
            remedy: "A missing value is false: write the name alone, or compare with ==."
                .to_owned(),
        });
    }
    let method = bare.split('.').skip(1).find(|rest| {
        let name = word(rest);
        let after = rest.trim_start().get(name.len()..).unwrap_or_default();
        !name.is_empty() && after.trim_start().starts_with('(')
    });
    method.map(|rest| BadExpr {
        what: format!("there is no method `{}`", word(rest)),
        remedy: format!("Filters: {}.", filters::NAMES.join(", ")),
    })
}

/// A filter with too little or too much between its brackets.
fn unfit_arguments(bare: &str) -> Option<BadExpr> {
    bare.match_indices('|').find_map(|(at, _)| {
        let after = bare.get(at + 1..)?.trim_start();
        let end = after.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (name, behind) = after.split_at(end.unwrap_or(after.len()));
        let wanted = filters::arguments(name);
        let given = arguments_of(behind.trim_start());
        (given != wanted.len()).then(|| BadExpr {
            what: format!("`{name}` has {given} arguments and takes {}", wanted.len()),
            remedy: match wanted {
                [] => format!("Write `| {name}` without brackets."),
                wanted => format!("Write it as `| {name}({})` is written.", wanted.join(", ")),
            },
        })
    })
}

/// A form, given between quotes, in which no time can be written: it would be found when a call is made.
fn unwritable_time(source: &str) -> Option<BadExpr> {
    source.match_indices("format_time").find_map(|(at, name)| {
        let behind = source.get(at + name.len()..)?.trim_start();
        let form = behind.strip_prefix('(')?.trim_start();
        let quote = form.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let form = form.get(1..quoted(form, quote) - 1)?;
        let what = match filters::writes_time(form) {
            true if form.contains('%') => return None,
            true => format!("'{form}' writes no time, but itself"),
            false => format!("no time can be written as '{form}'"),
        };
        Some(BadExpr {
            what,
            remedy: "Use the letters of strftime, such as '%Y-%m-%dT%H:%M:%SZ'.".to_owned(),
        })
    })
}

/// Words of a template that would go out as they are, though something else was meant: a known name in
/// single braces, a statement. A name of one word alone in the braces may be another language's, so it
/// is meant only where nothing else stands in the text.
pub(super) fn unfit_words(words: &str, whole: bool, names: &Names) -> Option<BadExpr> {
    if let Some((_, statement)) = words.split_once("{%") {
        let end = statement.find("%}").map_or(statement.len(), |end| end + 2);
        let (statement, _) = statement.split_at(end);
        return Some(BadExpr {
            what: format!("`{{%{statement}` is no part of the language: it would go out as it stands"),
            remedy: "Write a choice as {{ a if b else c }}; what is to go out with these signs, as {{ '{%' }}.".to_owned(),
        });
    }
    words.match_indices('{').find_map(|(at, _)| {
        let inside = words.get(at + 1..)?.trim_start();
        let end = inside.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')?;
        let (name, behind) = inside.split_at(end);
        let closes = behind.trim_start().starts_with(['}', '|']);
        let alone = whole && at == 0 && words.trim_end().ends_with('}');
        let meant = name.contains('.') || alone;
        (closes && meant && !name.is_empty() && names.allows(name)).then(|| BadExpr {
            what: format!("`{name}` stands between single braces: it would go out as it stands"),
            remedy: format!("Write {{{{ {name} }}}}; what is to go out with its brace, as {{{{ '{{{name}}}' }}}}."),
        })
    })
}

/// How many arguments without a name stand in the brackets that this begins with.
fn arguments_of(text: &str) -> usize {
    let Some(inside) = text.strip_prefix('(') else {
        return 0;
    };
    let (mut depth, mut arguments, mut argument) = (0_usize, Vec::new(), String::new());
    for c in inside.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ')' => break,
            ',' if depth == 0 => arguments.push(std::mem::take(&mut argument)),
            _ => {}
        }
        argument.push(c);
    }
    arguments.push(argument);
    let named = |argument: &str| {
        let rest = argument
            .trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == ' ' || c == ',');
        rest.starts_with('=') && !rest.starts_with("==")
    };
    let given = arguments
        .iter()
        .filter(|a| !a.trim_matches([',', ' ']).is_empty());
    given.filter(|argument| !named(argument)).count()
}

/// An expression with an index of the same names in the place of each slice.
pub(super) fn without_slices(source: &str) -> String {
    let (mut out, mut open, mut quote) = (String::new(), Vec::new(), None);
    let mut escaped = false;
    let mut last = ' ';
    for c in source.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None => match c {
                '\'' | '"' => quote = Some(c),
                '(' | '[' | '{' => open.push(c),
                ')' | ']' | '}' => {
                    if last == ':' {
                        out.push('0');
                    }
                    open.pop();
                }
                ':' if open.last() == Some(&'[') => {
                    out.push_str(if matches!(last, '[' | ':') {
                        "0 or "
                    } else {
                        " or "
                    });
                    last = c;
                    continue;
                }
                _ => {}
            },
        }
        out.push(c);
        if !c.is_whitespace() {
            last = c;
        }
    }
    out
}

/// An expression with nothing between its quotes.
fn without_quoted(source: &str) -> String {
    let mut bare = String::new();
    let mut quote = None;
    let mut escaped = false;
    for c in source.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => {
                quote = None;
                bare.push(c);
            }
            Some(_) => {}
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                bare.push(c);
            }
            None => bare.push(c),
        }
    }
    bare
}

/// Where the expression ends: at the first `}}` outside of quotes and braces.
pub(super) fn end_of_expr(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == '{' => depth += 1,
            None if c == '}' && depth > 0 => depth -= 1,
            None if c == '}' => {
                return text.get(at..).filter(|t| t.starts_with("}}")).map(|_| at);
            }
            None => {}
        }
    }
    None
}
