//! Tells code from comments, texts and inline tests. Neighbour: tree, which hands out the results.
//!
//! A scanner of a page, not a parser: it knows just enough of Rust not to take a word in a comment
//! for code. What is taken out becomes blanks, so that lines keep their numbers.

/// What a stretch of source is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Text,
}

/// The source with comments blanked.
pub fn without_comments(source: &str) -> String {
    blank(source, Kind::Comment)
}

/// The source with what stands between quotes blanked.
pub fn without_texts(source: &str) -> String {
    blank(source, Kind::Text)
}

fn blank(source: &str, unwanted: Kind) -> String {
    let kinds = kinds(source);
    source
        .chars()
        .zip(kinds)
        .map(|(c, kind)| {
            if kind == unwanted && c != '\n' {
                ' '
            } else {
                c
            }
        })
        .collect()
}

fn kinds(source: &str) -> Vec<Kind> {
    let chars: Vec<char> = source.chars().collect();
    let mut kinds = vec![Kind::Code; chars.len()];
    let mut at = 0;
    while at < chars.len() {
        let (kind, end) = match chars[at] {
            '/' if chars.get(at + 1) == Some(&'/') => (Kind::Comment, line_end(&chars, at)),
            '/' if chars.get(at + 1) == Some(&'*') => (Kind::Comment, comment_end(&chars, at)),
            '"' => (Kind::Text, text_end(&chars, at)),
            'r' if !follows_word(&chars, at) && hashes(&chars, at + 1).is_some() => {
                (Kind::Text, raw_end(&chars, at))
            }
            '\'' => (Kind::Text, character_end(&chars, at)),
            _ => (Kind::Code, at + 1),
        };
        let end = end.min(chars.len());
        kinds[at..end].fill(kind);
        at = end;
    }
    kinds
}

fn follows_word(chars: &[char], at: usize) -> bool {
    // `br"..."` is a raw text as well; any other letter before makes it a name.
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_') && chars[at - 1] != 'b'
}

fn line_end(chars: &[char], at: usize) -> usize {
    at + chars[at..].iter().take_while(|c| **c != '\n').count()
}

fn comment_end(chars: &[char], at: usize) -> usize {
    let (mut at, mut depth) = (at + 2, 1);
    while at < chars.len() && depth > 0 {
        match (chars[at], chars.get(at + 1)) {
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

fn text_end(chars: &[char], at: usize) -> usize {
    let mut at = at + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// How many hashes stand between an `r` and its quote, if a raw text begins here.
fn hashes(chars: &[char], at: usize) -> Option<usize> {
    let count = chars[at.min(chars.len())..]
        .iter()
        .take_while(|c| **c == '#')
        .count();
    (chars.get(at + count) == Some(&'"')).then_some(count)
}

fn raw_end(chars: &[char], at: usize) -> usize {
    let count = hashes(chars, at + 1).unwrap();
    let mut at = at + 2 + count;
    while at < chars.len() {
        let closes = chars[at] == '"'
            && chars[at + 1..]
                .iter()
                .take(count)
                .filter(|c| **c == '#')
                .count()
                == count;
        if closes {
            return at + 1 + count;
        }
        at += 1;
    }
    at
}

/// A character in quotes ends at its quote; a lifetime has none and is code.
fn character_end(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), _) => {
            let rest = chars.get(at + 3..).unwrap_or_default();
            at + 4 + rest.iter().take_while(|c| **c != '\'').count()
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// The source with its inline `#[cfg(test)] mod ... { }` blanked. Comments must be gone already.
pub fn without_tests(source: &str) -> String {
    let code: Vec<char> = without_texts(source).chars().collect();
    let mut out: Vec<char> = source.chars().collect();
    let marker: Vec<char> = "#[cfg(test)]".chars().collect();
    let mut at = 0;
    while at + marker.len() <= code.len() {
        if code[at..at + marker.len()] != marker[..] {
            at += 1;
            continue;
        }
        let end = item_end(&code, at + marker.len());
        for c in &mut out[at..end] {
            if *c != '\n' {
                *c = ' ';
            }
        }
        at = end;
    }
    out.into_iter().collect()
}

/// The end of the item that begins here: its `;`, or the brace that closes its first one.
fn item_end(code: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    for (place, c) in code.iter().enumerate().skip(at) {
        match c {
            ';' if depth == 0 => return place + 1,
            '{' => depth += 1,
            '}' if depth == 1 => return place + 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    code.len()
}

#[test]
fn words_in_comments_and_quotes_are_no_code() {
    let source = "let a = \"todo!()\"; // todo!()\n/* todo!() */ let b = 'x'; let c: &'a str;";
    let code = without_texts(&without_comments(source));
    assert!(!code.contains("todo"));
    assert!(code.contains("let a ="), "{code}");
    assert!(
        code.contains("let c: &'a str;") || code.contains("a str;"),
        "{code}"
    );
    assert_eq!(code.lines().count(), 2);
}

#[test]
fn raw_texts_and_escapes_end_where_they_end() {
    let code = without_texts(r##"a(r#"x " y"#); b('\''); c("\"");d('"'); e(br"\");f"##);
    for name in ["a(", "b(", "c(", "d(", "e(", "f"] {
        assert!(code.contains(name), "{name} in {code}");
    }
    assert!(!code.contains('y'), "{code}");
}

#[test]
fn inline_tests_are_left_out_and_what_follows_is_not() {
    let source = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { if x {} } }\nfn c() {}\n#[cfg(test)]\nmod more;\nfn d() {}";
    let code = without_tests(source);
    assert!(code.contains("fn a") && code.contains("fn c") && code.contains("fn d"));
    assert!(!code.contains("fn b") && !code.contains("more"));
}
