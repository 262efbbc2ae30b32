//! Holds a file against the schema and tells of every key that does not fit. Neighbours: schema,
//! which says what fits; build, which goes on with what comes out.
//!
//! What comes out always fits: a wrong value is replaced by the default or by the schema's
//! example. So one wrong key does not hide what is wrong further down, and nothing is told twice,
//! because the report knows which keys it has told of.

use super::{
    document::join,
    report::Report,
    schema::{choices, keys, kind, types, under},
    values::wrong,
};
use bridge_core::mapping::nearest;
use serde_json::{Map, Value};

/// Tells of everything in `value` that does not fit `node`; gives back what does.
pub(super) fn mend(node: &Value, value: Value, key: &str, report: &mut Report<'_>) -> Value {
    if kind(node) == Some("secret") {
        return secret(node, value, key, report);
    }
    let fits = types(node).iter().any(|kind| is(kind, &value));
    match value {
        Value::Object(table) if fits => Value::Object(mend_table(node, table, key, report)),
        Value::Array(items) if fits => Value::Array(mend_list(node, items, key, report)),
        Value::String(text) if fits => mend_text(node, text, key, report),
        Value::Number(number) if fits => {
            let (min, max) = (bound(node, "minimum"), bound(node, "maximum"));
            let n = number.as_f64().unwrap_or(f64::NAN);
            if (min..=max).contains(&n) {
                return Value::Number(number);
            }
            let remedy = match max {
                f64::INFINITY => format!("write a number from {min} on"),
                max => format!("write a number from {min} to {max}"),
            };
            report.problem(key, format!("{number} is out of range"), remedy);
            stand_in(node)
        }
        Value::Bool(_) if fits => value,
        value => {
            let what = format!("expected {}, found {}", article(node), found(&value));
            report.problem(key, what, remedy(node));
            stand_in(node)
        }
    }
}

fn bound(node: &Value, name: &str) -> f64 {
    let none = if name == "minimum" {
        f64::NEG_INFINITY
    } else {
        f64::INFINITY
    };
    node.get(name).and_then(Value::as_f64).unwrap_or(none)
}

fn mend_table(
    node: &Value,
    table: Map<String, Value>,
    key: &str,
    report: &mut Report<'_>,
) -> Map<String, Value> {
    let mut mended = Map::new();
    for (name, value) in table {
        let below = join(key, &name);
        match under(node, &name) {
            Some(node) => {
                mended.insert(name, mend(node, value, &below, report));
            }
            None => {
                let remedy = match nearest(&name, keys(node)) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!(
                        "known here are {}",
                        keys(node).collect::<Vec<_>>().join(", ")
                    ),
                };
                report.problem(&below, format!("there is no key {name}"), remedy);
            }
        }
    }
    let required = node.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        let Some(node) = under(node, name).filter(|_| !mended.contains_key(name)) else {
            continue;
        };
        report.problem(&join(key, name), "it is missing", example(name, node));
        mended.insert(name.to_owned(), stand_in(node));
    }
    mended
}

fn mend_list(node: &Value, items: Vec<Value>, key: &str, report: &mut Report<'_>) -> Vec<Value> {
    let least = node.get("minItems").and_then(Value::as_u64).unwrap_or(0);
    if (items.len() as u64) < least {
        report.problem(key, "it is empty", remedy(node));
        return stand_in(node).as_array().cloned().unwrap_or_default();
    }
    let Some(each) = node.get("items") else {
        return items;
    };
    let items = items.into_iter().enumerate();
    items
        .map(|(n, item)| mend(each, item, &format!("{key}[{n}]"), report))
        .collect()
}

fn mend_text(node: &Value, text: String, key: &str, report: &mut Report<'_>) -> Value {
    let choices = choices(node);
    if !choices.is_empty() && !choices.contains(&text.as_str()) {
        let near = nearest(&text, choices.iter().copied());
        let near = near
            .map(|near| format!("did you mean {near}? "))
            .unwrap_or_default();
        let remedy = format!("{near}write one of {}", choices.join(", "));
        report.problem(key, format!("there is no {text:?} to choose"), remedy);
        return stand_in(node);
    }
    let least = node.get("minLength").and_then(Value::as_u64).unwrap_or(0);
    if least > 0 && text.trim().is_empty() {
        report.problem(key, "it is empty", remedy(node));
        return stand_in(node);
    }
    match kind(node).and_then(|kind| wrong(kind, &text)) {
        Some(what) => {
            report.problem(key, what, remedy(node));
            stand_in(node)
        }
        None => Value::String(text),
    }
}

/// A secret is a text, or a table with one key that says where it is.
fn secret(node: &Value, value: Value, key: &str, report: &mut Report<'_>) -> Value {
    let what = match &value {
        Value::String(text) if text.trim().is_empty() => "the secret is empty",
        Value::String(_) => return value,
        Value::Object(table) => {
            let place = table.iter().next().filter(|_| table.len() == 1);
            match place {
                Some((name, Value::String(place)))
                    if ["env", "file"].contains(&name.as_str()) && !place.trim().is_empty() =>
                {
                    return value;
                }
                Some(_) | None => "it does not say where the secret is",
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => "it is not a secret",
    };
    report.problem(key, what, remedy(node));
    stand_in(node)
}

fn is(kind: &str, value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => kind == "number" || (kind == "integer" && !number.is_f64()),
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a bare number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

fn article(node: &Value) -> &'static str {
    match (kind(node), types(node).first().copied()) {
        (Some("duration"), _) => "a duration with its unit, in quotes",
        (Some("rate"), _) => "a rate, in quotes",
        (_, Some("boolean")) => "true or false",
        (_, Some("integer")) => "a whole number",
        (_, Some("number")) => "a number",
        (_, Some("array")) => "a list",
        (_, Some("object")) => "a table",
        (_, Some(_) | None) => "a text in quotes",
    }
}

/// What to write instead.
fn remedy(node: &Value) -> String {
    if let Some(remedy) = node.get("x-remedy").and_then(Value::as_str) {
        return remedy.to_owned();
    }
    let choices = choices(node);
    if !choices.is_empty() {
        return format!("write one of {}", choices.join(", "));
    }
    match first_example(node) {
        Some(example) => format!("write something like {}", as_toml(example)),
        None => format!("write {}", article(node)),
    }
}

fn example(name: &str, node: &Value) -> String {
    match first_example(node) {
        Some(example) => format!("add {name} = {}", as_toml(example)),
        None if types(node) == ["object"] => format!("add the table {name}"),
        None => match choices(node).first() {
            Some(first) => format!("add {name} = \"{first}\""),
            None => format!("add {name}: {}", article(node)),
        },
    }
}

fn first_example(node: &Value) -> Option<&Value> {
    node.get("examples")?.as_array()?.first()
}

/// An example as it is written in the file. Where it already is TOML, as for secrets, it stays.
pub(super) fn as_toml(value: &Value) -> String {
    match value {
        Value::String(text) if text.starts_with("{ ") => text.clone(),
        Value::String(text) => {
            let quoted = toml::Value::String(text.clone());
            quoted.to_string()
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(as_toml).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(table) if table.is_empty() => "{}".to_owned(),
        Value::Object(table) => {
            let pairs: Vec<_> = table
                .iter()
                .map(|(key, value)| format!("{key} = {}", as_toml(value)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A value that fits, for a place whose own does not.
fn stand_in(node: &Value) -> Value {
    if let Some(value) = node.get("default").or_else(|| first_example(node)) {
        return value.clone();
    }
    if let Some(first) = choices(node).first() {
        return Value::from(*first);
    }
    match types(node).first().copied() {
        Some("object") => {
            let required = node.get("required").and_then(Value::as_array);
            let required = required.into_iter().flatten().filter_map(Value::as_str);
            let pairs =
                required.filter_map(|name| Some((name.to_owned(), stand_in(under(node, name)?))));
            Value::Object(pairs.collect())
        }
        Some("array") => Value::Array(vec![]),
        Some("boolean") => Value::Bool(false),
        Some("integer" | "number") => Value::from(0),
        Some(_) | None => Value::from("x"),
    }
}
