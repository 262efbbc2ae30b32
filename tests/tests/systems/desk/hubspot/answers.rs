//! The fake HubSpot's API: the calls that the profile makes, answered as its pages say. Neighbour: `world`,
//! what it keeps.

use super::world::{CUSTOMER, Kind, Object, Refused, STAGES, TALK, TOKEN, World, Writer};
use crate::desk::fake::{Answer, Asked, Part, Told};
use serde_json::{Value, json};

/// HubSpot's number for the tie of a note to its ticket.
const NOTE_TO_TICKET: u64 = 228;

/// HubSpot's number for the tie of a ticket to its contact.
const TICKET_TO_CONTACT: u64 = 16;

/// The most that a search gives at once, and in all.
const PAGE_MAX: u64 = 200;

pub fn answer(world: &mut World, asked: &Asked, told: &mut Told) -> Option<Answer> {
    if asked.header("authorization") != format!("Bearer {TOKEN}") {
        return Some(refusal((401, "INVALID_AUTHENTICATION", "")));
    }
    let (method, path) = asked.words();
    if let ("GET", ["crm", "v3", "pipelines", "tickets", "0", "stages"]) = (method, &path[..]) {
        return Some(stages());
    }
    if let ("POST", ["files", "v3", "files"]) = (method, &path[..]) {
        return Some(keeps_file(world, asked));
    }
    let ["crm", version, "objects", objects, rest @ ..] = &path[..] else {
        return None;
    };
    let kind = match *objects {
        "tickets" => Kind::Ticket,
        "contacts" => Kind::Contact,
        "notes" => Kind::Note,
        _ => return None,
    };
    Some(match (method, *version, rest) {
        ("POST", "v3", ["batch", "upsert"]) if kind == Kind::Contact => upserts(world, asked)?,
        ("POST", "v3", ["search"]) => searches(world, kind, &asked.body)?,
        ("POST", "v3", []) if kind == Kind::Note => makes_note(world, &asked.body)?,
        ("POST", "v3", []) if kind == Kind::Ticket => makes_ticket(world, &asked.body, told)?,
        ("GET", "v3", [id]) => match named(world, kind, id, asked)? {
            Some(object) => Answer::from((200, read(object, asked)?)),
            None => refusal((404, "OBJECT_NOT_FOUND", "")),
        },
        ("PATCH", "v3", [id]) if kind == Kind::Ticket => changes(world, id, &asked.body, told),
        _ => return None,
    })
}

/// The stages of the first pipeline.
fn stages() -> Answer {
    let stages = STAGES.iter().enumerate().map(|(order, (label, id))| {
        let state = if *id == "4" { "CLOSED" } else { "OPEN" };
        json!({
            "id": id, "label": label, "displayOrder": order, "metadata": { "ticketState": state },
            "archived": false,
        })
    });
    Answer::from((200, json!({ "results": stages.collect::<Vec<_>>() })))
}

fn refusal((status, category, code): Refused) -> Answer {
    let errors = match code {
        "" => json!([]),
        code => json!([{ "message": "it does not fit", "code": code }]),
    };
    let body = json!({
        "status": "error", "message": "it does not fit", "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
        "category": category, "errors": errors,
    });
    Answer::from((status, body))
}

/// The one with this id, or with this value of the unique property that the query names.
fn named<'a>(world: &'a World, kind: Kind, id: &str, asked: &Asked) -> Option<Option<&'a Object>> {
    match (asked.query("idProperty"), kind) {
        ("", _) => Some(world.of(kind, id)),
        (TALK, Kind::Ticket) => Some(world.with(kind, TALK, id)),
        _ => None,
    }
}

/// A ticket with its contact, whose tie has a number of HubSpot's. A value that must be unique is taken once.
fn makes_ticket(world: &mut World, body: &Value, told: &mut Told) -> Option<Answer> {
    let properties = &body["properties"];
    if let Err(refused) = world.takes(Kind::Ticket, None, properties) {
        return Some(refusal(refused));
    }
    if !properties["hs_pipeline_stage"].is_string() || !properties["subject"].is_string() {
        return Some(refusal((400, "VALIDATION_ERROR", "REQUIRED_FIELD")));
    }
    let mut contacts = Vec::new();
    for tie in body["associations"].as_array().into_iter().flatten() {
        let [kind] = tie["types"].as_array()?.as_slice() else {
            return None;
        };
        let contact = tie["to"]["id"].as_str()?;
        let documented = kind["associationCategory"] == "HUBSPOT_DEFINED"
            && kind["associationTypeId"] == TICKET_TO_CONTACT;
        if !documented || world.of(Kind::Contact, contact).is_none() {
            return Some(refusal((400, "VALIDATION_ERROR", "INVALID_OBJECT_IDS")));
        }
        contacts.push(contact.to_owned());
    }
    let id = world.makes(Kind::Ticket, properties, Writer::Bridge);
    for contact in contacts {
        world.associates(&id, &contact);
    }
    world.tells_of(&id, &["subject", "hs_pipeline_stage"], true, told);
    Some(Answer::from((201, world.object(&id).shown(&[TALK]))))
}

/// By a unique property: what is there is written over, what is not is made.
fn upserts(world: &mut World, asked: &Asked) -> Option<Answer> {
    let [input] = asked.body["inputs"].as_array()?.as_slice() else {
        return None;
    };
    let (kind, unique) = (Kind::Contact, CUSTOMER);
    if input["idProperty"] != unique {
        return None;
    }
    let value = input["id"].as_str()?.to_owned();
    let there = world.with(kind, unique, &value).map(|o| o.id.clone());
    let mut properties = input["properties"].clone();
    properties[unique] = json!(value);
    if let Err(refused) = world.takes(kind, there.as_deref(), &properties) {
        return Some(refusal(refused));
    }
    let (id, new) = match there {
        Some(id) => {
            world.changes(&id, &properties);
            (id, false)
        }
        None => (world.makes(kind, &properties, Writer::Bridge), true),
    };
    let mut result = world.object(&id).shown(&[unique]);
    result["new"] = json!(new);
    let body = json!({ "status": "COMPLETE", "results": [result] });
    Some(Answer::from((if new { 201 } else { 200 }, body)))
}

fn listed(value: &Value) -> Vec<&str> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

fn read(object: &Object, asked: &Asked) -> Option<Value> {
    let wanted: Vec<&str> = asked.query("properties").split(',').collect();
    let mut shown = object.shown(&wanted);
    match asked.query("associations") {
        "" => {}
        asked => {
            let tie = match (object.kind, asked) {
                (Kind::Ticket, "contacts") => "ticket_to_contact",
                (Kind::Note, "tickets") => "note_to_ticket",
                _ => return None,
            };
            if let Some(other) = &object.associated {
                let results = json!([{ "id": other, "type": tie }]);
                shown["associations"] = json!({ asked: { "results": results } });
            }
        }
    }
    Some(shown)
}

fn changes(world: &mut World, id: &str, body: &Value, told: &mut Told) -> Answer {
    if world.of(Kind::Ticket, id).is_none() {
        return refusal((404, "OBJECT_NOT_FOUND", ""));
    }
    let properties = &body["properties"];
    if let Err(refused) = world.takes(Kind::Ticket, Some(id), properties) {
        return refusal(refused);
    }
    world.changes(id, properties);
    let set = properties.as_object().into_iter().flatten();
    let names: Vec<&str> = set.map(|(name, _)| name.as_str()).collect();
    let subscribed = ["hs_pipeline_stage", "hs_ticket_priority", "subject"];
    let heard: Vec<&str> = names
        .iter()
        .copied()
        .filter(|n| subscribed.contains(n))
        .collect();
    if !heard.is_empty() {
        world.tells_of(id, &heard, false, told);
    }
    Answer::from((200, world.object(id).shown(&names)))
}

fn makes_note(world: &mut World, body: &Value) -> Option<Answer> {
    let [tie] = body["associations"].as_array()?.as_slice() else {
        return None;
    };
    let [kind] = tie["types"].as_array()?.as_slice() else {
        return None;
    };
    let ticket = tie["to"]["id"].as_str()?.to_owned();
    let documented = kind["associationCategory"] == "HUBSPOT_DEFINED"
        && kind["associationTypeId"] == NOTE_TO_TICKET;
    if !documented || body["properties"]["hs_timestamp"].is_null() {
        return Some(refusal((400, "VALIDATION_ERROR", "REQUIRED_FIELD")));
    }
    if let Err(refused) = world.takes(Kind::Note, None, &body["properties"]) {
        return Some(refusal(refused));
    }
    if world.of(Kind::Ticket, &ticket).is_none() {
        return Some(refusal((404, "OBJECT_NOT_FOUND", "")));
    }
    let hung = body["properties"]["hs_attachment_ids"].as_str();
    let unknown = |id: &str| !world.files.contains_key(id);
    if hung.is_some_and(|ids| ids.split(';').any(unknown)) {
        return Some(refusal((400, "VALIDATION_ERROR", "INVALID_ATTACHMENT")));
    }
    let words = body["properties"]["hs_note_body"].as_str()?;
    let note = world.writes_note(&ticket, words, Writer::Bridge);
    if hung.is_some() {
        let ids = &body["properties"]["hs_attachment_ids"];
        world.changes(&note, &json!({ "hs_attachment_ids": ids }));
    }
    let shown = world.object(&note).shown(&["hs_note_body"]);
    Some(Answer::from((201, shown)))
}

/// A form with the file, who may see it, and where it lies.
fn keeps_file(world: &mut World, asked: &Asked) -> Answer {
    let parts = asked.parts();
    let told = |name: &str| {
        let part = parts.iter().find(|part| part.name == name);
        part.map(|part| String::from_utf8_lossy(&part.bytes).into_owned())
    };
    let options: Value = told("options")
        .and_then(|options| serde_json::from_str(&options).ok())
        .unwrap_or_default();
    let placed = told("folderPath").is_some() != told("folderId").is_some();
    let access = options["access"].clone();
    let known = ["PUBLIC_INDEXABLE", "PUBLIC_NOT_INDEXABLE", "PRIVATE"].map(Value::from);
    if !placed || !known.contains(&access) {
        return refusal((400, "VALIDATION_ERROR", ""));
    }
    let name = told("fileName");
    let mut files = parts.into_iter().filter(|part| part.name == "file");
    let Some((given, kind, bytes)) = files.next().and_then(Part::into_file) else {
        return refusal((400, "VALIDATION_ERROR", ""));
    };
    let name = name.unwrap_or(given);
    let id = world.keeps_file((name.clone(), kind, bytes));
    let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
    let body = json!({ "id": id, "name": stem, "extension": extension, "access": access });
    Answer::from((201, body))
}

/// One group of filters, by what the index knows.
fn searches(world: &World, kind: Kind, body: &Value) -> Option<Answer> {
    let mut found: Vec<&Object> = Vec::new();
    let [group] = body["filterGroups"].as_array()?.as_slice() else {
        return None;
    };
    let filters = group["filters"].as_array()?;
    for object in world.objects.iter().filter(|o| o.kind == kind) {
        let Some(indexed) = object.indexed() else {
            continue;
        };
        let mut fits = true;
        for filter in filters {
            fits &= holds(indexed, filter)?;
        }
        if fits {
            found.push(indexed);
        }
    }
    if let Some(sort) = body["sorts"].get(0) {
        match sort["propertyName"].as_str()? {
            "hs_lastmodifieddate" => found.sort_by_key(|o| o.updated),
            "hs_createdate" => found.sort_by_key(|o| o.created),
            _ => return None,
        }
        if sort["direction"] == "DESCENDING" {
            found.reverse();
        }
    }
    let limit = body["limit"].as_u64()?;
    if limit > PAGE_MAX {
        return Some(refusal((400, "VALIDATION_ERROR", "LIMIT_TOO_HIGH")));
    }
    let skip = match &body["after"] {
        Value::Null => 0,
        Value::String(text) => text.parse().ok()?,
        number => number.as_u64()?,
    };
    let (skip, limit) = (usize::try_from(skip).ok()?, usize::try_from(limit).ok()?);
    let wanted = listed(&body["properties"]);
    let total = found.len();
    let page = found.into_iter().skip(skip).take(limit);
    let results: Vec<Value> = page.map(|object| object.shown(&wanted)).collect();
    let mut answer = json!({ "total": total, "results": results });
    if skip + limit < total {
        let after = (skip + limit).to_string();
        answer["paging"] = json!({ "next": { "after": after } });
    }
    Some(Answer::from((200, answer)))
}

/// Whether a filter fits; `None` for one that no page names.
fn holds(object: &Object, filter: &Value) -> Option<bool> {
    let value = match &filter["value"] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let name = filter["propertyName"].as_str()?;
    Some(match (name, filter["operator"].as_str()?) {
        ("associations.contact" | "associations.ticket", "EQ") => {
            object.associated.as_deref() == Some(value.as_str())
        }
        ("hs_lastmodifieddate", "GTE") => object.updated >= value.parse().ok()?,
        ("hs_createdate", "GTE") => object.created >= value.parse().ok()?,
        (name, "EQ") => object.text(name) == value,
        _ => return None,
    })
}
