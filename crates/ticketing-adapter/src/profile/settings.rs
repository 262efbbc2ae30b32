//! Checks what the operator set against what the profile asks for. Neighbours: `rules`; the
//! daemon's `check`, which shows these problems.

use super::{
    compile::kind_remedy,
    rules::{OptionRule, Rules, WebhookRules},
    spec::OptionKind,
};
use crate::error::Problem;
use minijinja::value::Value;
use std::collections::BTreeMap;

/// Whether an option's value is of its kind.
pub(crate) fn fits(kind: OptionKind, value: &str) -> bool {
    match kind {
        OptionKind::Text => !value.trim().is_empty(),
        OptionKind::Digits => !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()),
    }
}

pub(crate) fn check(
    rules: &Rules,
    credentials: &BTreeMap<String, String>,
    options: &BTreeMap<String, String>,
    has_webhook_secret: bool,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |key: String, what: String, remedy: String| {
        problems.push(Problem {
            key,
            line: None,
            what,
            remedy,
        });
    };
    for (name, about) in &rules.credentials {
        let key = format!("credentials.{name}");
        match credentials.get(name) {
            None => problem(
                key,
                format!("profile {} needs this", rules.name),
                format!("Set it. {about}"),
            ),
            Some(value) if value.trim().is_empty() => {
                problem(key, "it is empty".to_owned(), format!("Set it. {about}"));
            }
            Some(_) => {}
        }
    }
    for name in credentials
        .keys()
        .filter(|name| !rules.credentials.contains_key(*name))
    {
        problem(
            format!("credentials.{name}"),
            unknown(rules),
            known(rules.credentials.keys()),
        );
    }
    for (name, rule) in &rules.options {
        let key = format!("options.{name}");
        match options.get(name) {
            None if rule.required => {
                problem(
                    key,
                    format!("profile {} needs this", rules.name),
                    format!("Set it. {}", rule.about),
                );
            }
            Some(value) if !fits(rule.kind, value) => {
                let remedy = format!("{} {}", kind_remedy(rule.kind), rule.about);
                problem(key, "its value is not of the right kind".to_owned(), remedy);
            }
            None | Some(_) => {}
        }
    }
    for name in options
        .keys()
        .filter(|name| !rules.options.contains_key(*name))
    {
        problem(
            format!("options.{name}"),
            unknown(rules),
            known(rules.options.keys()),
        );
    }
    let wants = |webhook: &WebhookRules| !webhook.optional;
    if rules.webhook.as_ref().is_some_and(wants) && !has_webhook_secret {
        let what = "no secret proves the sender of a webhook".to_owned();
        let remedy = "Set one, the same as in the ticketing system.".to_owned();
        problem("webhook_secrets".to_owned(), what, remedy);
    }
    problems
}

fn unknown(rules: &Rules) -> String {
    format!("profile {} knows no such key", rules.name)
}

fn known<'a>(keys: impl Iterator<Item = &'a String>) -> String {
    let keys: Vec<&str> = keys.map(String::as_str).collect();
    if keys.is_empty() {
        "Take it out; it knows none.".to_owned()
    } else {
        format!("Take it out, or use one of: {}.", keys.join(", "))
    }
}

/// The options as expressions see them: what is set, else the default, else nothing.
pub(crate) fn options(rules: &Rules, set: &BTreeMap<String, String>) -> Value {
    let value = |(name, rule): (&String, &OptionRule)| {
        let value = set.get(name).or(rule.default.as_ref());
        value.map(|value| (name.clone(), Value::from(value.as_str())))
    };
    let map: BTreeMap<String, Value> = rules.options.iter().filter_map(value).collect();
    Value::from(map)
}
