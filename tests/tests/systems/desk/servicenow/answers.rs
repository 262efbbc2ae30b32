//! The fake ServiceNow's APIs: tables and attachments, answered as its pages say. Neighbour: `world`, what it
//! keeps.

use super::{
    refusal,
    world::{BRIDGE, Mandatory, PASSWORD, Record, World},
};
use crate::desk::fake::{Answer, Asked, Told};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

pub fn answer(world: &mut World, asked: &Asked, told: &mut Told) -> Option<Answer> {
    let known = STANDARD.encode(format!("{BRIDGE}:{PASSWORD}"));
    if asked.header("authorization") != format!("Basic {known}") {
        let detail = "Required to provide Auth information";
        return Some(refusal(401, "User Not Authenticated", detail));
    }
    let (method, path) = asked.words();
    Some(match (method, &path[..]) {
        ("GET", ["api", "now", "table", table]) => lists(world, table, asked)?,
        ("GET", ["api", "now", "table", table, sys_id]) => {
            let mut rows = rows(world, table)?;
            match rows.find(|row| row["sys_id"] == *sys_id) {
                Some(row) => Answer::from((200, json!({ "result": shown(world, row, asked)? }))),
                None => no_record(),
            }
        }
        ("POST", ["api", "now", "table", "sys_user"]) => makes_user(world, asked)?,
        ("POST", ["api", "now", "table", "incident"]) => {
            let sys_id = world.makes(&asked.body, BRIDGE, told);
            let result = shown(world, world.incident(&sys_id), asked)?;
            Answer::from((201, json!({ "result": result })))
        }
        ("PATCH", ["api", "now", "table", "incident", sys_id]) => {
            changes(world, sys_id, asked, told)?
        }
        ("POST", ["api", "now", "attachment", "file"]) => hangs_file(world, asked),
        _ => return None,
    })
}

fn no_record() -> Answer {
    let detail = "Record doesn't exist or ACL restricts the record retrieval";
    refusal(404, "No Record found", detail)
}

fn rows<'a>(world: &'a World, table: &str) -> Option<std::slice::Iter<'a, Record>> {
    Some(match table {
        "incident" => world.incidents.iter(),
        "sys_user" => world.users.iter(),
        "sys_journal_field" => world.journal.iter(),
        _ => return None,
    })
}

/// A list by an encoded query. ServiceNow leaves out a term that it does not know and lists all the more; here
/// that is a call that nobody documents.
fn lists(world: &World, table: &str, asked: &Asked) -> Option<Answer> {
    let mut found: Vec<&Record> = rows(world, table)?.collect();
    let mut order = None;
    for term in asked.query("sysparm_query").split('^') {
        if let Some(field) = term.strip_prefix("ORDERBYDESC") {
            order = Some((field, true));
        } else if let Some(field) = term.strip_prefix("ORDERBY") {
            order = Some((field, false));
        } else {
            let (field, value) = term.split_once('=')?;
            let (field, least) = match field.strip_suffix('>') {
                Some(field) => (field, true),
                None => (field, false),
            };
            if found.iter().any(|row| !row.contains_key(field)) {
                return None;
            }
            // A time compares as its text does.
            found.retain(|row| row[field] == value || (least && row[field].as_str() > value));
        }
    }
    if let Some((field, falls)) = order {
        found.sort_by(|a, b| a[field].cmp(&b[field]));
        if falls {
            found.reverse();
        }
    }
    let number = |key: &str| asked.query(key).parse::<usize>().ok();
    let (limit, skip) = (number("sysparm_limit"), number("sysparm_offset"));
    let total = found.len().to_string();
    let page = found.into_iter().skip(skip.unwrap_or(0));
    let page = page.take(limit.unwrap_or(10_000));
    let result: Option<Vec<Value>> = page.map(|row| shown(world, row, asked)).collect();
    let mut answer = Answer::from((200, json!({ "result": result? })));
    answer.headers.push(("X-Total-Count", total));
    Some(answer)
}

/// A record with the fields that are asked for; `None` where it has no such field.
fn shown(world: &World, row: &Record, asked: &Asked) -> Option<Value> {
    let all = asked.query("sysparm_display_value") == "all";
    let fields = asked.query("sysparm_fields");
    let names: Vec<&str> = match fields {
        "" => row.keys().map(String::as_str).collect(),
        fields => fields.split(',').collect(),
    };
    let mut shown = Map::new();
    for name in names {
        let value = match name.split_once('.') {
            // A field of the record that a field names.
            Some((field, of)) => {
                let named = world.users.iter().find(|user| user["sys_id"] == row[field]);
                named.map_or("", |user| user[of].as_str())
            }
            None => row.get(name)?,
        };
        let value = match all {
            true => json!({ "value": value, "display_value": display(world, name, value) }),
            false => json!(value),
        };
        shown.insert(name.to_owned(), value);
    }
    Some(Value::Object(shown))
}

/// What people see. A journal's words stand there with who wrote them; a reference as its name.
fn display(world: &World, name: &str, value: &str) -> String {
    let shown = match (name, value) {
        ("state", "1") => "New",
        ("state", "2") => "In Progress",
        ("state", "3") => "On Hold",
        ("state", "6") => "Resolved",
        ("state", "7") => "Closed",
        ("state", "8") => "Canceled",
        ("priority", "5") => "5 - Planning",
        ("caller_id", id) => {
            let named = world.users.iter().find(|user| user["sys_id"] == id);
            named.map_or("", |user| user["name"].as_str())
        }
        (_, value) => value,
    };
    shown.to_owned()
}

/// No two users have the same name.
fn makes_user(world: &mut World, asked: &Asked) -> Option<Answer> {
    let name = asked.text("user_name");
    if world.users.iter().any(|user| user["user_name"] == name) {
        let detail = "Operation against file 'sys_user' was aborted by Business Rule 'Unique'";
        return Some(refusal(403, "Operation Failed", detail));
    }
    let full = format!("{} {}", asked.text("first_name"), asked.text("last_name"));
    let (mobile, mail) = (asked.text("mobile_phone"), asked.text("email"));
    world.adds_user(&[
        ("user_name", &name),
        ("name", full.trim()),
        ("mobile_phone", &mobile),
        ("email", &mail),
    ]);
    let user = world.users.last().expect("just made");
    let result = shown(world, user, asked)?;
    Some(Answer::from((201, json!({ "result": result }))))
}

fn changes(world: &mut World, sys_id: &str, asked: &Asked, told: &mut Told) -> Option<Answer> {
    if !world.incidents.iter().any(|row| row["sys_id"] == sys_id) {
        return Some(no_record());
    }
    if let Err(Mandatory(fields)) = world.changes(sys_id, &asked.body, BRIDGE, told) {
        let detail = format!("Data Policy Exception: The following fields are mandatory: {fields}");
        return Some(refusal(403, "Operation Failed", &detail));
    }
    let result = shown(world, world.incident(sys_id), asked)?;
    Some(Answer::from((200, json!({ "result": result }))))
}

/// The bytes are the body, as they are.
fn hangs_file(world: &mut World, asked: &Asked) -> Answer {
    let on = asked.query("table_sys_id").to_owned();
    let there = world.incidents.iter().any(|row| row["sys_id"] == on);
    let kind = asked.header("content-type").to_owned();
    if asked.query("table_name") != "incident" || !there || kind.is_empty() {
        let detail = "Attachment size exceeded or record does not exist";
        return refusal(400, "Invalid attachment request", detail);
    }
    let name = asked.query("file_name").to_owned();
    let sys_id = world.sys_id();
    let shown = json!({
        "sys_id": sys_id, "file_name": name, "content_type": kind, "table_sys_id": on,
        "size_bytes": asked.bytes.len().to_string(),
    });
    world.files.push((on, (name, kind, asked.bytes.to_vec())));
    Answer::from((201, json!({ "result": shown })))
}
