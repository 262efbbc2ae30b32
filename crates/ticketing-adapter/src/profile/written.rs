//! Holds a profile's text against the language's own schema, and tells in our words of all that does not
//! fit: TOML that is none, keys that nobody knows, values of another kind. Neighbours: `spec`, which the
//! schema is made of; `compile`, which goes on with a text that fits.

use super::{
    place::{Place, key_at, line_at},
    spec::ProfileSpec,
};
use crate::error::Problem;
use bridge_core::mapping::nearest;
use serde_json::Value as Json;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Error},
};

/// So many keys are named where none is near; of more, the manual has the list.
const KEYS_NAMED_MAX: usize = 8;

/// Everything that is wrong with the text as a text; nothing where it fits the language.
pub(super) fn problems(text: &str) -> Vec<Problem> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return errors.iter().map(|error| not_toml(text, error)).collect();
    }
    let schema = schemars::schema_for!(ProfileSpec).to_value();
    let mut reader = Reader {
        text,
        schema: &schema,
        problems: Vec::new(),
    };
    reader.table(&schema, document.get_ref(), 0, &Place::default());
    reader.problems
}

/// What TOML itself does not allow. A key that stands there twice is named.
fn not_toml(text: &str, error: &Error) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let before = text.get(..span.start).unwrap_or_default();
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    let told = error.message().trim_end_matches(", expected nothing");
    let (what, remedy) = if told == "duplicate key" {
        let key = text.get(span.clone()).unwrap_or_default();
        (
            format!("`{key}` stands there twice"),
            "Keep one of the two; a table is opened once, and its keys stand together.",
        )
    } else {
        (
            format!("this is not TOML, from column {column} on: {told}"),
            "Mend this line: texts stand in quotes, a table's name in one pair of brackets.",
        )
    };
    let line = line_at(text, span.start);
    Problem {
        key: beginning_of(text, line).unwrap_or_else(|| key_at(text, span.start)),
        line: Some(line),
        what,
        remedy: remedy.to_owned(),
    }
}

/// What a broken line begins with: a key, or a table's name.
fn beginning_of(text: &str, line: usize) -> Option<String> {
    let written = text.lines().nth(line.saturating_sub(1))?.trim();
    let bare = |key: &str| {
        let bare = key.trim_matches(|c: char| c.is_whitespace() || "[]".contains(c));
        Some(bare.to_owned()).filter(|bare| !bare.is_empty())
    };
    match written.split_once('=') {
        Some((key, _)) => bare(key),
        None if written.starts_with('[') => bare(written),
        None => None,
    }
}

/// A part of the schema; null where it has none.
fn part<'a>(node: &'a Json, key: &str) -> &'a Json {
    node.get(key).unwrap_or(&Json::Null)
}

struct Reader<'a> {
    text: &'a str,
    schema: &'a Json,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn problem(&mut self, place: &Place, byte: usize, what: String, remedy: String) {
        self.problems.push(Problem {
            key: place.to_string(),
            line: Some(line_at(self.text, byte)),
            what,
            remedy,
        });
    }

    /// What a node stands for: behind its name, and without the null that TOML does not have.
    fn meant(&self, node: &'a Json) -> &'a Json {
        if let Some(name) = part(node, "$ref").as_str() {
            let name = name.trim_start_matches("#/$defs/");
            return self.meant(part(part(self.schema, "$defs"), name));
        }
        let choices = part(node, "anyOf").as_array();
        let real = choices.and_then(|all| all.iter().find(|one| part(one, "type") != "null"));
        real.map_or(node, |real| self.meant(real))
    }

    fn value(&mut self, node: &'a Json, value: &Spanned<DeValue<'_>>, place: &Place) {
        let node = self.meant(node);
        let at = value.span().start;
        match value.get_ref() {
            DeValue::Table(table) if takes(node, "object") => self.table(node, table, at, place),
            DeValue::Array(items) if takes(node, "array") => {
                for (n, item) in items.iter().enumerate() {
                    self.value(part(node, "items"), item, &place.index(n));
                }
            }
            DeValue::String(word) if takes(node, "string") => {
                let known = choices(node);
                if !known.is_empty() && !known.contains(&word.as_ref()) {
                    let remedy = did_you_mean(word, &known);
                    self.problem(place, at, format!("there is no `{word}` to choose"), remedy);
                }
            }
            DeValue::Integer(number) if takes(node, "integer") => {
                let least = part(node, "minimum").as_i64();
                let number = number.as_str().replace('_', "").parse::<i64>();
                if number.is_ok_and(|number| Some(number) < least) {
                    let remedy = "Write a whole number from 0 on.".to_owned();
                    self.problem(place, at, "the number is too small".to_owned(), remedy);
                }
            }
            DeValue::Boolean(_) if takes(node, "boolean") => {}
            // A body is anything.
            _ if node.as_bool() == Some(true) => {}
            other => {
                let what = format!("expected {}, found {}", wanted(node), found(other));
                self.problem(place, at, what, remedy(node));
            }
        }
    }

    fn table(&mut self, node: &'a Json, table: &DeTable<'_>, at: usize, place: &Place) {
        let node = match tagged(node) {
            Some((tag, forms)) => match self.form(tag, forms, table, (at, place)) {
                Some(form) => form,
                None => return,
            },
            None => node,
        };
        let known: Vec<&str> = keys(node).collect();
        let mut meant = Vec::new();
        for (name, value) in table {
            let below = place.key(name.get_ref());
            let own = part(node, "properties").get(name.get_ref().as_ref());
            let any = part(node, "additionalProperties");
            match own {
                Some(own) => self.value(own, value, &below),
                None if any.is_object() || any.as_bool() == Some(true) => {
                    self.value(any, value, &below);
                }
                None => {
                    let missing = known
                        .iter()
                        .copied()
                        .filter(|key| !table.contains_key(*key));
                    meant.extend(nearest(name.get_ref(), missing));
                    let remedy = did_you_mean(name.get_ref(), &known);
                    let what = format!("there is no key `{}`", name.get_ref());
                    self.problem(&below, name.span().start, what, remedy);
                }
            }
        }
        let required = part(node, "required").as_array().into_iter().flatten();
        for name in required.filter_map(Json::as_str) {
            if !table.contains_key(name) && !meant.contains(&name) {
                let about = self.meant(part(part(node, "properties"), name));
                let own = part(part(part(node, "properties"), name), "description").as_str();
                let means = own.unwrap_or_default().lines().next().unwrap_or_default();
                let remedy = format!("Add `{name}`, {}. {means}", wanted(about));
                let place = place.key(name);
                self.problem(&place, at, "it is missing".to_owned(), remedy);
            }
        }
    }

    /// The form of a table that its tag chooses.
    fn form(
        &mut self,
        tag: &str,
        forms: &'a [Json],
        table: &DeTable<'_>,
        (at, place): (usize, &Place),
    ) -> Option<&'a Json> {
        let of = |form: &'a Json| part(part(part(form, "properties"), tag), "const").as_str();
        let known: Vec<&str> = forms.iter().filter_map(of).collect();
        let written = table
            .get(tag)
            .map(|value| (value.span().start, value.get_ref()));
        let (at, written) = match written {
            Some((at, DeValue::String(word))) => (at, word.as_ref()),
            Some((at, _)) => (at, ""),
            None => {
                let remedy = format!("Write {tag} = one of {}.", quoted(&known));
                self.problem(&place.key(tag), at, "it is missing".to_owned(), remedy);
                return None;
            }
        };
        let form = forms.iter().find(|form| of(form) == Some(written));
        if form.is_none() {
            let remedy = did_you_mean(written, &known);
            let what = format!("there is no `{written}` to choose");
            self.problem(&place.key(tag), at, what, remedy);
        }
        form
    }
}

/// A table of several forms, told apart by the one key that all of them have.
fn tagged(node: &Json) -> Option<(&str, &[Json])> {
    let forms = part(node, "oneOf").as_array()?;
    let tag = forms.first()?["required"].as_array()?.first()?.as_str()?;
    Some((tag, forms))
}

fn keys(node: &Json) -> impl Iterator<Item = &str> {
    let own = part(node, "properties").as_object();
    own.into_iter()
        .flat_map(|own| own.keys().map(String::as_str))
}

/// The words of which a text must be one.
fn choices(node: &Json) -> Vec<&str> {
    let described = part(node, "oneOf").as_array().into_iter().flatten();
    let described = described.filter_map(|one| part(one, "const").as_str());
    let listed = part(node, "enum").as_array().into_iter().flatten();
    described.chain(listed.filter_map(Json::as_str)).collect()
}

fn takes(node: &Json, kind: &str) -> bool {
    if tagged(node).is_some() {
        return kind == "object";
    }
    let listed = part(node, "type").as_array().into_iter().flatten();
    let mut kinds = listed.chain([part(node, "type")]);
    kinds.any(|one| one == kind) || (kind == "string" && !choices(node).is_empty())
}

fn wanted(node: &Json) -> &'static str {
    let kinds = [
        ("object", "a table"),
        ("array", "a list"),
        ("string", "a text in quotes"),
        ("integer", "a whole number"),
        ("boolean", "true or false"),
    ];
    let fits = kinds.iter().find(|(kind, _)| takes(node, kind));
    fits.map_or("something else", |(_, words)| words)
}

fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a bare number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false without quotes",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn remedy(node: &Json) -> String {
    match (tagged(node), choices(node)) {
        (Some((tag, forms)), _) => {
            let known = forms
                .iter()
                .filter_map(|form| part(part(part(form, "properties"), tag), "const").as_str());
            let known: Vec<&str> = known.collect();
            format!(
                "Write {{ {tag} = \"...\" }} with one of {}.",
                quoted(&known)
            )
        }
        (None, known) if !known.is_empty() => format!("Write one of {}.", quoted(&known)),
        (None, _) => format!("Write {}.", wanted(node)),
    }
}

fn did_you_mean(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("Did you mean `{near}`?"),
        None if known.len() <= KEYS_NAMED_MAX => format!("Known here: {}.", quoted(known)),
        None => "Take it out; docs/PROFILES.md has the keys that are known here.".to_owned(),
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}
