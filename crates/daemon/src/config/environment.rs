//! Variables that stand in for keys of the file. Neighbours: schema, which types them; mod, which
//! lays them over the file.
//!
//! `JELOU_BRIDGE__BRIDGES__MAIN__JELOU__PROJECT_ID` is `bridges.main.jelou.project_id`. Two
//! underscores part the keys, so that a bridge's name may hold single ones.

use super::{
    document::join,
    report::{Problem, Report},
    schema::{keys, kind, types, under},
};
use bridge_core::mapping::nearest;
use serde_json::Value;
use std::{collections::BTreeMap, ffi::OsString};

/// What a variable's name begins with to stand for a key.
const PREFIX: &str = "JELOU_BRIDGE__";

/// The variables a process was started with.
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<String, OsString>);

/// Variables hold secrets: only their number shows.
impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({} variables)", self.0.len())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Variables {
    fn from(pairs: [(&str, &str); N]) -> Self {
        let pairs = pairs.into_iter();
        Self(
            pairs
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
        )
    }
}

impl Variables {
    /// Those of this process.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the configuration is where they are read"
    )]
    pub fn of_this_process() -> Self {
        let named = std::env::vars_os();
        Self(
            named
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .collect(),
        )
    }

    /// A variable's text; `None` if it is not set, or is not UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str()
    }
}

/// A key and the value that a variable gives it.
#[derive(Debug)]
pub(super) struct Override {
    pub(super) key: String,
    pub(super) value: Value,
}

/// Finds the key of each variable that stands for one, and reads its value as the key's type.
pub(super) fn overrides(
    variables: &Variables,
    schema: &Value,
    file: &Value,
    report: &mut Report<'_>,
) -> Vec<Override> {
    let mut found = Vec::new();
    for (name, value) in &variables.0 {
        let Some(path) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let read = place(path, schema, file)
            .map_err(|bad| (path.to_lowercase().replace("__", "."), bad))
            .and_then(|(key, node)| {
                let text = value.to_str();
                let value = text.and_then(|text| typed(node, text));
                match value {
                    Some(value) => Ok(Override { key, value }),
                    None => Err((key, wrong_type(node))),
                }
            });
        match read {
            Ok(set) => {
                report.variables.insert(set.key.clone(), name.clone());
                found.push(set);
            }
            Err((key, Bad { what, remedy })) => report.elsewhere(Problem {
                file: name.clone(),
                line: None,
                key,
                what,
                remedy,
            }),
        }
    }
    found
}

struct Bad {
    what: String,
    remedy: String,
}

/// Walks from the top of the schema to the key that a variable names.
fn place<'a>(path: &str, schema: &'a Value, file: &Value) -> Result<(String, &'a Value), Bad> {
    let mut node = schema;
    let mut here = Some(file);
    let mut key = String::new();
    for word in path.split("__") {
        if types(node).contains(&"array") {
            return Err(Bad {
                what: format!("no variable reaches into the list {key}"),
                remedy: "set it in the file".to_owned(),
            });
        }
        let word = word.to_lowercase();
        let name = spelling(node, here, &word);
        node = under(node, &name)
            .filter(|_| !name.is_empty() && kind(node) != Some("secret"))
            .ok_or_else(|| unknown(node, &word))?;
        here = here.and_then(|here| here.get(&name));
        key = join(&key, &name);
    }
    let is_table = types(node) == ["object"] && keys(node).next().is_some();
    if is_table {
        let known: Vec<_> = keys(node).collect();
        return Err(Bad {
            what: format!("{key} is a table"),
            remedy: format!("name one of its keys: {}", known.join(", ")),
        });
    }
    Ok((key, node))
}

/// A key as the schema or the file writes it: a variable's name has no small letters.
fn spelling(node: &Value, here: Option<&Value>, word: &str) -> String {
    let written = here.and_then(Value::as_object);
    let written = written
        .into_iter()
        .flat_map(|table| table.keys().map(String::as_str));
    keys(node)
        .chain(written)
        .find(|known| known.eq_ignore_ascii_case(word))
        .unwrap_or(word)
        .to_owned()
}

fn unknown(node: &Value, word: &str) -> Bad {
    let known: Vec<_> = keys(node).collect();
    let remedy = match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean {}?", near.to_uppercase()),
        None if known.is_empty() => "unset it".to_owned(),
        None => format!(
            "unset it; known here are {}",
            known.join(", ").to_uppercase()
        ),
    };
    Bad {
        what: format!("there is no key {word}"),
        remedy,
    }
}

/// A variable's text as the type of its key.
fn typed(node: &Value, text: &str) -> Option<Value> {
    if kind(node) == Some("secret") {
        let place = text.trim_start().starts_with('{').then(|| toml_value(text));
        return Some(place.flatten().unwrap_or_else(|| Value::from(text)));
    }
    let types = types(node);
    if types.contains(&"string") {
        return Some(Value::from(text));
    }
    let value = toml_value(text.trim())?;
    let fits = match value {
        Value::Bool(_) => types.contains(&"boolean"),
        Value::Number(_) => types.contains(&"integer") || types.contains(&"number"),
        Value::Array(_) => types.contains(&"array"),
        Value::Object(_) => types.contains(&"object"),
        Value::Null | Value::String(_) => false,
    };
    fits.then_some(value)
}

fn toml_value(text: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("value = {text}")).ok()?;
    (table.len() == 1)
        .then(|| serde_json::to_value(table.get("value")?).ok())
        .flatten()
}

fn wrong_type(node: &Value) -> Bad {
    let types = types(node);
    let (what, remedy) = match types.first().copied() {
        Some("boolean") => ("it is neither true nor false", "set true or false"),
        Some("array") => (
            "it is not a TOML array",
            "set an array, such as [\"a\", \"b\"]",
        ),
        Some("object") => (
            "it is not a TOML table",
            "set a table, such as { a = \"b\" }",
        ),
        Some("integer") => ("it is not a whole number", "set a whole number"),
        Some("number") => ("it is not a number", "set a number, such as 0.2"),
        Some(_) | None => ("it is not UTF-8", "set it again"),
    };
    Bad {
        what: what.to_owned(),
        remedy: remedy.to_owned(),
    }
}
