//! The fake Redmine's API: the calls that the profile makes, answered as Redmine 5.0 does. Neighbour: `world`,
//! what it keeps.

use super::world::{BRIDGE, Change, Issue, STATUSES, World};
use crate::desk::fake::{Asked, Told};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most that a page of a list holds, whatever is asked for.
const PAGE_MOST: usize = 100;

/// A status and a body.
type Answer = (u16, Value);

pub fn answer(world: &mut World, asked: &Asked, told: &mut Told) -> Option<Answer> {
    let stranger = asked.header("x-redmine-api-key") != "of this test";
    let (method, path) = asked.words();
    Some(match (method, &path[..]) {
        // A stranger is shown what is public: nothing.
        ("GET", ["issues.json"]) if stranger => listed(&[], 25, 0),
        _ if stranger => (401, Value::Null),
        ("GET", ["users", "current.json"]) => (200, json!({ "user": { "id": BRIDGE } })),
        ("GET", ["issues.json"]) => lists(world, asked)?,
        ("POST", ["uploads.json"])
            if asked.header("content-type") != "application/octet-stream" =>
        {
            (406, Value::Null)
        }
        ("POST", ["uploads.json"]) => {
            let id = world.brought.len() + 1;
            let token = format!("{id}.ed1ccdb093229ca1bd0b043618d88743");
            world.brought.insert(token.clone(), asked.bytes.to_vec());
            (201, json!({ "upload": { "id": id, "token": token } }))
        }
        ("POST", ["issues.json"]) => makes(world, &asked.body["issue"], told),
        ("GET", ["issue_statuses.json"]) => {
            let statuses = STATUSES.iter();
            let statuses = statuses
                .map(|(id, name, over)| json!({ "id": id, "name": name, "is_closed": over }));
            (
                200,
                json!({ "issue_statuses": statuses.collect::<Vec<_>>() }),
            )
        }
        ("GET" | "PUT", ["issues", name]) => {
            let id = name.strip_suffix(".json")?.parse().ok()?;
            let Some(issue) = world.issue(id) else {
                return Some((404, Value::Null));
            };
            if method == "GET" {
                let journals = asked.query("include") == "journals";
                return Some((200, json!({ "issue": issue.shown(journals) })));
            }
            changes(world, id, &asked.body["issue"]);
            world.tells("issue.updated", id, told);
            (204, Value::Null)
        }
        _ => return None,
    })
}

fn fields(asked: &Value) -> BTreeMap<u64, String> {
    let fields = asked["custom_fields"].as_array().into_iter().flatten();
    let field = |field: &Value| Some((field["id"].as_u64()?, field["value"].as_str()?.to_owned()));
    fields.filter_map(field).collect()
}

fn makes(world: &mut World, asked: &Value, told: &mut Told) -> Answer {
    let subject = asked["subject"].as_str().unwrap_or_default();
    if asked["project_id"] != "support" {
        return (404, Value::Null);
    }
    if subject.is_empty() {
        return (422, json!({ "errors": ["Subject cannot be blank"] }));
    }
    let description = asked["description"].as_str().unwrap_or_default();
    let id = world.makes(subject, description, BRIDGE, fields(asked));
    world.tells("issue.created", id, told);
    let made = world.issue(id).expect("it was made");
    (201, json!({ "issue": made.shown(false) }))
}

fn changes(world: &mut World, id: u64, asked: &Value) {
    let mut files = Vec::new();
    for file in asked["uploads"].as_array().into_iter().flatten() {
        let text = |key: &str| file[key].as_str().unwrap_or_default().to_owned();
        // A token that it does not know it passes over.
        if let Some(bytes) = world.brought.remove(&text("token")) {
            files.push((text("filename"), text("content_type"), bytes));
        }
    }
    let change = Change {
        notes: asked["notes"].as_str().unwrap_or_default().to_owned(),
        private: asked["private_notes"] == true,
        status: asked["status_id"].as_u64(),
        fields: fields(asked),
        files,
    };
    world.changes(id, BRIDGE, change);
}

fn listed(page: &[&Issue], limit: usize, total: usize) -> Answer {
    let page: Vec<Value> = page.iter().map(|issue| issue.shown(false)).collect();
    (
        200,
        json!({ "issues": page, "total_count": total, "offset": 0, "limit": limit }),
    )
}

/// Filters it does not know it passes over; so this one refuses them, lest a story go by one.
fn lists(world: &World, asked: &Asked) -> Option<Answer> {
    let mut found: Vec<&Issue> = world.issues.iter().collect();
    if asked.query("status_id") != "*" {
        found.retain(|issue| !issue.is_over());
    }
    for (key, wanted) in &asked.query {
        match (key.as_str(), key.strip_prefix("cf_")) {
            (_, Some(field)) => {
                let field: u64 = field.parse().ok()?;
                found.retain(|issue| issue.fields.get(&field) == Some(wanted));
            }
            ("updated_on", _) => {
                let since: jiff::Timestamp = wanted.strip_prefix(">=")?.parse().ok()?;
                found.retain(|issue| issue.updated / 1_000 >= since.as_second());
            }
            ("status_id" | "project_id" | "sort" | "limit" | "offset", _) => {}
            _ => return None,
        }
    }
    match asked.query("sort") {
        "updated_on" => found.sort_by_key(|issue| (issue.updated / 1_000, issue.id)),
        _ => found.reverse(),
    }
    let number = |key: &str, other: usize| asked.query(key).parse().unwrap_or(other);
    let (limit, offset, total) = (
        number("limit", 25).min(PAGE_MOST),
        number("offset", 0),
        found.len(),
    );
    let page: Vec<&Issue> = found.into_iter().skip(offset).take(limit).collect();
    Some(listed(&page, limit, total))
}
