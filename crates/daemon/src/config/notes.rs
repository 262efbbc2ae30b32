//! What is right in a file and yet not what its writer may think: keys that have no effect yet.
//! Neighbours: spec and the mapping's spec, which mark those keys; the command `check`, which prints
//! the notes.

use super::{
    document::join,
    report::Report,
    schema::{comes_with, under},
};
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// One thing to know of a right configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The file, or the variable, that says it.
    pub file: String,
    /// The line in the file, from 1.
    pub line: Option<usize>,
    /// The key, from the top.
    pub key: String,
    /// What to know.
    pub what: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}: {}", self.key, self.what)
    }
}

/// The keys in `value` that ask for something else than the default and have no effect yet. `key`
/// is where `value` stands, `node` what the schema says of it.
pub(super) fn without_effect(
    node: &Value,
    value: &Value,
    key: &str,
    report: &Report<'_>,
    notes: &mut Vec<Note>,
) {
    if let Some(later) = comes_with(node) {
        if asks_for_something(node, value) {
            let (file, line) = report.place(key);
            notes.push(Note {
                file,
                line,
                key: key.to_owned(),
                what: format!("has no effect yet, it comes with {later}"),
            });
        }
        return;
    }
    let Value::Object(table) = value else {
        return;
    };
    for (name, value) in table {
        if let Some(node) = under(node, name) {
            without_effect(node, value, &join(key, name), report, notes);
        }
    }
}

fn asks_for_something(node: &Value, value: &Value) -> bool {
    let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    !empty && node.get("default") != Some(value)
}
