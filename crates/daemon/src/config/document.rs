//! The file's text: its syntax, and on which line each key stands. Neighbours: mod, which reads the
//! file; report, which asks for lines.
//!
//! The values come through the `config` crate, which forgets where they stood; the lines are found
//! here from the same text.

use std::{collections::BTreeMap, ops::Range};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Where each key of a file stands.
#[derive(Debug, Default)]
pub(super) struct Document {
    lines: BTreeMap<String, usize>,
}

/// What the file's syntax breaks: the line, and the parser's words for it.
#[derive(Debug)]
pub(super) struct BadSyntax {
    pub(super) line: usize,
    /// What the line begins with. It may be anything, a secret too: show it only if it is a key.
    pub(super) key: String,
    pub(super) what: String,
}

impl Document {
    /// Reads the places of all keys.
    ///
    /// # Errors
    /// Each place where the text is not TOML.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<BadSyntax>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            let mut bad: Vec<_> = errors.iter().map(|e| bad_syntax(e, text)).collect();
            bad.sort_by_key(|bad| bad.line);
            return Err(bad);
        }
        let mut document = Self::default();
        document.table("", table.get_ref(), text);
        Ok(document)
    }

    /// The line of a key, or of the nearest table around it; `None` at the top.
    pub(super) fn line(&self, key: &str) -> Option<usize> {
        let mut key = key;
        loop {
            if let Some(line) = self.lines.get(key) {
                return Some(*line);
            }
            key = parent(key)?;
        }
    }

    fn table(&mut self, at: &str, table: &DeTable<'_>, text: &str) {
        for (name, value) in table {
            let key = join(at, name.get_ref());
            self.note(&key, name.span(), text);
            self.value(&key, value, text);
        }
    }

    fn value(&mut self, key: &str, value: &Spanned<DeValue<'_>>, text: &str) {
        match value.get_ref() {
            DeValue::Table(table) => self.table(key, table, text),
            DeValue::Array(items) => {
                for (n, item) in items.iter().enumerate() {
                    let key = format!("{key}[{n}]");
                    self.note(&key, item.span(), text);
                    self.value(&key, item, text);
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }

    fn note(&mut self, key: &str, span: Range<usize>, text: &str) {
        self.lines.insert(key.to_owned(), line_at(text, span.start));
    }
}

/// The parser's words name what a grammar wanted; "nothing" wanted is of no use to anyone.
fn bad_syntax(error: &toml::de::Error, text: &str) -> BadSyntax {
    let span = error.span().unwrap_or(0..0);
    let line = line_at(text, span.start);
    let written = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let key = written.split('=').next().unwrap_or_default();
    let message = error.message().trim_end_matches(", expected nothing");
    let what = if message == "duplicate key" {
        // The name of a key, and so never a secret.
        let twice = text.get(span).unwrap_or_default();
        format!("`{twice}` stands there twice")
    } else {
        let before = text.get(..span.start).unwrap_or_default();
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        format!("this is not TOML, from column {column} on: {message}")
    };
    BadSyntax {
        line,
        key: key
            .trim_matches(|c: char| c.is_whitespace() || "[]".contains(c))
            .to_owned(),
        what,
    }
}

/// A key below another, as the report writes it.
pub(super) fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

/// The key around a key: `a.b[0].c`, `a.b[0]`, `a.b`, `a`.
pub(super) fn parent(key: &str) -> Option<&str> {
    let end = key.rfind(['.', '['])?;
    key.get(..end)
}

fn line_at(text: &str, offset: usize) -> usize {
    let before = text.bytes().take(offset);
    before.filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_line_and_a_missing_one_that_of_its_table() {
        let text = "\n[a]\nb = 1\n\n[[a.c]]\nd = [\n  2,\n  3,\n]\ne = { f = 4 }\n";
        let document = Document::parse(text).unwrap();
        assert_eq!(document.line("a.b"), Some(3));
        assert_eq!(document.line("a.c[0].d[1]"), Some(8));
        assert_eq!(document.line("a.c[0].e.f"), Some(10));
        assert_eq!(document.line("a.missing"), Some(2));
        assert_eq!(document.line("a.c[0].missing"), Some(5));
        assert_eq!(document.line("missing"), None);
    }

    #[test]
    fn every_place_that_is_not_toml_is_told() {
        let bad = Document::parse("a = \nb = 1\nc = 2 2\n").unwrap_err();
        let lines: Vec<_> = bad.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [1, 3]);
    }
}
