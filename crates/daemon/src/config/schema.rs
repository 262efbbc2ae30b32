//! What a valid file is, as JSON Schema. Neighbours: validate, environment and manual read it;
//! `jelou-bridge schema` prints it for editors.

use super::spec::ConfigSpec;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The JSON Schema (2020-12) of the configuration file.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let mut generator = settings.into_generator();
    let mut schema = ConfigSpec::json_schema(&mut generator).to_value();
    without_null(&mut schema);
    if let Some(top) = schema.as_object_mut() {
        top.insert(
            "$schema".to_owned(),
            json!("https://json-schema.org/draft/2020-12/schema"),
        );
        top.insert("title".to_owned(), json!("jelou-bridge"));
    }
    schema
}

/// TOML has no null: a key that may be missing is simply not required.
fn without_null(node: &mut Value) {
    match node {
        Value::Object(table) => {
            drop_null(table);
            table.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn drop_null(table: &mut Map<String, Value>) {
    if table.get("default").is_some_and(Value::is_null) {
        table.remove("default");
    }
    if let Some(Value::Array(types)) = table.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            table.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(choices)) = table.get_mut("anyOf") else {
        return;
    };
    choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        table.remove("anyOf");
        for (key, value) in only {
            table.entry(key).or_insert(value);
        }
        drop_null(table);
    }
}

/// What stands under a key of a table, its own or any further one; `None` if the key is unknown.
pub(super) fn under<'a>(node: &'a Value, key: &str) -> Option<&'a Value> {
    let own = node.get("properties").and_then(|own| own.get(key));
    own.or_else(|| {
        node.get("additionalProperties")
            .filter(|any| any.is_object())
    })
}

/// The keys a table has by name.
pub(super) fn keys(node: &Value) -> impl Iterator<Item = &str> {
    let own = node.get("properties").and_then(Value::as_object);
    own.into_iter()
        .flat_map(|own| own.keys().map(String::as_str))
}

/// Whether some table, anywhere, has a key of this name.
pub(super) fn is_key(node: &Value, name: &str) -> bool {
    let below = node.get("properties").and_then(Value::as_object);
    let below = below.into_iter().flat_map(|own| own.values());
    let inside = ["items", "additionalProperties"]
        .iter()
        .filter_map(|key| node.get(key));
    keys(node).any(|key| key == name) || below.chain(inside).any(|node| is_key(node, name))
}

/// The names a value may have, where it is one of several.
pub(super) fn choices(node: &Value) -> Vec<&str> {
    let listed = node.get("enum").and_then(Value::as_array);
    let described = node.get("oneOf").and_then(Value::as_array);
    let listed = listed.into_iter().flatten();
    let described = described
        .into_iter()
        .flatten()
        .filter_map(|one| one.get("const"));
    listed.chain(described).filter_map(Value::as_str).collect()
}

/// The types a value may have, in JSON Schema's words.
pub(super) fn types(node: &Value) -> Vec<&str> {
    match node.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(_) | None if !choices(node).is_empty() => vec!["string"],
        Some(_) | None => vec![],
    }
}

/// The form of a text that is more than a text.
pub(super) fn kind(node: &Value) -> Option<&str> {
    node.get("x-kind").and_then(Value::as_str)
}
