//! The manual of the keys, made of the schema's own words, so that it cannot say anything else.
//! Neighbour: schema. `docs/CONFIGURATION.md` is what this writes.

use super::{
    document::join,
    schema::{choices, keys, kind, schema, types, under},
    validate::as_toml,
};
use bridge_core::mapping::{filters, rule_names};
use serde_json::Value;

const OPENING: &str = "# Configuration

Made from the descriptions of the keys in `crates/daemon/src/config` and `crates/core/src/mapping`;
a test fails when it differs. [bridge.example.toml](../bridge.example.toml) is a whole file with
comments, `jelou-bridge check` tells everything wrong with yours, `jelou-bridge schema` prints the
JSON Schema for your editor.

The file is TOML. Unknown keys are errors. A duration has its unit in it: `250ms`, `60s`, `2m`,
`24h`, `30d`. A secret is `{ env = \"NAME\" }`, `{ file = \"PATH\" }` (from where the file is; others
on the machine must not be able to read it) or, where it must be, a plain string.

Every key outside a list of tables can be set by a variable: `JELOU_BRIDGE__` and the keys in
capitals with two underscores between, so `JELOU_BRIDGE__BRIDGES__MAIN__JELOU__PROJECT_ID` is
`bridges.main.jelou.project_id`. A list or a table is written as in TOML. A variable that begins so
and names no key is an error.
";

/// The text of `docs/CONFIGURATION.md`.
#[must_use]
pub fn manual() -> String {
    let mut text = OPENING.to_owned();
    rules(&mut text);
    section("", &schema(), &mut text);
    text
}

const RULES: &str = "
## The mapping's rules

A condition is a Jinja expression (`'whatsapp' in ticket.tags`), a text is a Jinja template
(`Olá {{ ticket.requester.name }}`). Both are checked when the file is loaded: an unknown name,
filter or test is an error there, not at night with a customer. What may be missing is nothing in a
text; in a condition nothing holds of it but `is none`, and no order with it does, whichever way it
is asked. What customers write is never run.

A condition comes out true or false. What is neither is an error, where the file is loaded
(`'whatsapp'`, `ticket.tags`) or, where only a field can show it, on the ticket: a field that holds
`no` or `0` as a text is to be compared with it. What is empty, missing or the number 0 counts as
false.

Two filters are the bridge's own. `phone('BR')` makes the digits that WhatsApp knows from a number
as people write it: with Brazil's ninth digit, without Mexico's 1, with Argentina's 9; nothing if it
is no number. Numbers that begin with a plus may be of any country. `digits` only drops what is not
a digit. The others are Jinja's.
";

/// What rules may use, from where the rules are checked.
fn rules(text: &mut String) {
    text.push_str(RULES);
    text.push_str("\n| in the rules of | names |\n|---|---|\n");
    for (place, names) in rule_names() {
        let names = names.iter().map(|name| match *name {
            "ticket.fields" => "`ticket.fields.NAME`".to_owned(),
            name => format!("`{name}`"),
        });
        let names: Vec<_> = names.collect();
        text.push_str(&format!("| {place} | {} |\n", names.join(", ")));
    }
    let filters: Vec<_> = filters().iter().map(|name| format!("`{name}`")).collect();
    text.push_str(&format!("\nFilters: {}.\n", filters.join(", ")));
}

/// A table of keys, then each table among them.
fn section(at: &str, node: &Value, text: &mut String) {
    let inner = entries(node);
    if !at.is_empty() {
        text.push_str(&format!("\n## {}\n\n{}\n", heading(at), about(node)));
    }
    let (tables, values): (Vec<_>, Vec<_>) = inner
        .into_iter()
        .partition(|(_, node)| table_of(node).is_some());
    if !values.is_empty() {
        text.push_str("\n| key | is | default |\n|---|---|---|\n");
    }
    let required = required(node);
    for (name, value) in values {
        let default = match value.get("default") {
            Some(default) => format!("`{}`", as_toml(default)),
            None if required.contains(&name.as_str()) => "must be given".to_owned(),
            None => String::new(),
        };
        let about = format!("{}{}", about(value), form(value));
        text.push_str(&format!(
            "| `{name}` | {} | {default} |\n",
            about.replace('|', "\\|")
        ));
    }
    for (name, node) in tables {
        if let Some((suffix, inner)) = table_of(node) {
            let about = node.get("description").or_else(|| inner.get("description"));
            let mut inner = inner.clone();
            if let (Some(table), Some(about)) = (inner.as_object_mut(), about) {
                table.insert("description".to_owned(), about.clone());
            }
            section(&format!("{}{suffix}", join(at, &name)), &inner, text);
        }
    }
}

/// The named keys of a table, or `NAME` for one with names of the operator's.
fn entries(node: &Value) -> Vec<(String, &Value)> {
    let named = keys(node).filter_map(|name| Some((name.to_owned(), under(node, name)?)));
    named.collect()
}

/// What is inside a key that is a table with named keys, a list of such, or a table of such.
fn table_of(node: &Value) -> Option<(&'static str, &Value)> {
    let has_keys = |node: &Value| kind(node).is_none() && keys(node).next().is_some();
    let each = node
        .get("additionalProperties")
        .filter(|each| has_keys(each));
    let item = node.get("items").filter(|item| has_keys(item));
    if has_keys(node) {
        Some(("", node))
    } else if let Some(each) = each {
        Some((".NAME", each))
    } else {
        item.map(|item| ("[]", item))
    }
}

fn heading(at: &str) -> String {
    match at.strip_suffix("[]") {
        Some(list) => format!("`[[{list}]]`"),
        None => format!("`[{at}]`"),
    }
}

fn required(node: &Value) -> Vec<&str> {
    let required = node.get("required").and_then(Value::as_array);
    required
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn about(node: &Value) -> String {
    let about = node
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    about.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn form(node: &Value) -> String {
    let choices = choices(node);
    let described = about(node);
    if !choices.is_empty()
        && choices
            .iter()
            .all(|c| described.contains(&format!("`{c}`")))
    {
        return String::new();
    }
    if !choices.is_empty() {
        let described = node.get("oneOf").and_then(Value::as_array);
        let meaning = |choice: &str| {
            let mut all = described.into_iter().flatten();
            let one = all.find(|one| one.get("const").is_some_and(|name| name == choice))?;
            Some(about(one)).filter(|words| !words.is_empty())
        };
        let list: Vec<_> = choices
            .iter()
            .map(|choice| match meaning(choice) {
                Some(words) => format!("`{choice}`: {}", words.trim_end_matches('.')),
                None => format!("`{choice}`"),
            })
            .collect();
        return format!(" One of {}.", list.join("; "));
    }
    let form = match (kind(node), types(node).first().copied()) {
        (Some("duration"), _) => " A duration.",
        (Some("secret"), _) => " A secret.",
        (Some("rate"), _) => " A rate, such as `5/s` or `300/m`.",
        (_, Some("boolean")) => " `true` or `false`.",
        (_, _) => "",
    };
    let example = node
        .get("examples")
        .and_then(Value::as_array)
        .and_then(|all| all.first());
    match example.filter(|_| kind(node) != Some("secret")) {
        Some(example) => format!("{form} Example: `{}`", as_toml(example)),
        None => form.to_owned(),
    }
}
