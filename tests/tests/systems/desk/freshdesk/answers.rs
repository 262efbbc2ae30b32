//! The fake Freshdesk's API: the calls that the profile makes, answered as Freshdesk's pages say. Neighbour:
//! `world`, what it keeps.

use super::world::{BRIDGE, FIELD, Said, World};
use crate::desk::{
    File,
    fake::{Answer, Asked, Part, Told, now, paged, quoted},
};
use serde_json::{Map, Value, json};

/// Every call that is a multiple of this is one too many for the minute. The list of tickets has a limit of
/// its own, which is not reached here.
const TOO_MANY_AT: u64 = 60;

/// A status and a body, or a refusal of the same kind.
type Answered = Result<(u16, Value), (u16, Value)>;

pub fn answer(world: &mut World, asked: &Asked, told: &mut Told) -> Option<Answer> {
    // `of this test:X` in base64.
    if asked.header("authorization") != "Basic b2YgdGhpcyB0ZXN0Olg=" {
        let said = json!({ "code": "invalid_credentials", "message": "You have to be logged in to perform this action." });
        return Some(Answer::from((401, said)));
    }
    let lists = asked.words() == ("GET", vec!["api", "v2", "tickets"]);
    world.calls += u64::from(!lists);
    let left = TOO_MANY_AT - world.calls % TOO_MANY_AT;
    if left == TOO_MANY_AT && !lists {
        let mut answer = Answer::from((429, json!({ "message": "You have exceeded the limit" })));
        answer.headers = vec![("retry-after", "1".to_owned())];
        return Some(answer);
    }
    let answered = answered(world, asked, told)?;
    let mut answer = Answer::from(answered.unwrap_or_else(|refused| refused));
    answer.headers = vec![
        ("x-ratelimit-total", TOO_MANY_AT.to_string()),
        ("x-ratelimit-remaining", (left - 1).to_string()),
        ("x-ratelimit-used-currentrequest", "1".to_owned()),
    ];
    Some(answer)
}

/// One field that is wrong, as Freshdesk says it.
fn invalid(field: &str, code: &str) -> (u16, Value) {
    let error = json!({ "field": field, "message": "It is wrong.", "code": code });
    let said = json!({ "description": "Validation failed", "errors": [error] });
    (if code == "duplicate_value" { 409 } else { 400 }, said)
}

/// A body or a query has no other key than these.
fn knows<'a>(keys: impl Iterator<Item = &'a String>, known: &[&str]) -> Result<(), (u16, Value)> {
    let mut strange = keys.filter(|key| !known.contains(&key.as_str()));
    strange
        .next()
        .map_or(Ok(()), |key| Err(invalid(key, "invalid_field")))
}

fn object(body: &Value) -> Result<&Map<String, Value>, (u16, Value)> {
    let refusal =
        json!({ "code": "invalid_json", "message": "Request body has invalid json format" });
    body.as_object().ok_or((400, refusal))
}

fn answered(world: &mut World, asked: &Asked, told: &mut Told) -> Option<Answered> {
    let (method, path) = asked.words();
    let ["api", "v2", path @ ..] = &path[..] else {
        return None;
    };
    if let ["tickets", id, ..] = path
        && id.parse().ok().and_then(|id| world.ticket(id)).is_none()
    {
        return Some(Err((404, Value::Null)));
    }
    let id = path
        .get(1)
        .and_then(|id| id.parse().ok())
        .unwrap_or_default();
    Some(match (method, path) {
        ("GET", ["agents", "me"]) => Ok((200, json!({ "id": BRIDGE, "available": true }))),
        ("GET", ["contacts"]) => finds_contacts(world, asked),
        ("POST", ["contacts"]) => makes_contact(world, asked),
        ("GET", ["tickets"]) => lists(world, asked),
        ("POST", ["tickets"]) => makes(world, asked, told),
        ("GET", ["search", "tickets"]) => searches(world, asked),
        ("GET", ["tickets", _]) => {
            let ticket = world.ticket(id)?;
            let requester = asked.query("include").contains("requester");
            Ok((200, world.shown(ticket, requester)))
        }
        ("PUT", ["tickets", _]) => changes(world, id, asked, told),
        ("GET", ["tickets", _, "conversations"]) => {
            let said = world.ticket(id)?.said.iter();
            let said = said.map(|(shown, _)| shown.clone()).collect();
            Ok((200, Value::Array(paged(said, asked, "per_page", 30))))
        }
        ("POST", ["tickets", _, "notes"]) => notes(world, id, asked, told),
        _ => return None,
    })
}

fn finds_contacts(world: &World, asked: &Asked) -> Answered {
    let known = [
        "unique_external_id",
        "mobile",
        "phone",
        "email",
        "page",
        "per_page",
    ];
    knows(asked.query.keys(), &known)?;
    let fits = |key: &str, has: &Option<String>| {
        asked
            .query
            .get(key)
            .is_none_or(|wanted| has.as_ref() == Some(wanted))
    };
    let found = world.contacts.iter().filter(|contact| {
        fits("unique_external_id", &contact.external_id)
            && fits("mobile", &contact.mobile)
            && fits("email", &contact.email)
    });
    Ok((200, found.map(|contact| contact.shown()).collect()))
}

fn makes_contact(world: &mut World, asked: &Asked) -> Answered {
    let body = object(&asked.body)?;
    knows(
        body.keys(),
        &["name", "mobile", "phone", "email", "unique_external_id"],
    )?;
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let Some(name) = text("name") else {
        return Err(invalid("name", "missing_field"));
    };
    let (mobile, email, external) = (text("mobile"), text("email"), text("unique_external_id"));
    if mobile.is_none() && email.is_none() && external.is_none() {
        return Err(invalid("email", "missing_field"));
    }
    // A contact is one person's: neither an address nor a number stands in two.
    let taken = |of: fn(&super::world::Contact) -> &Option<String>, wanted: &Option<String>| {
        wanted.is_some() && world.contacts.iter().any(|contact| of(contact) == wanted)
    };
    if taken(|c| &c.external_id, &external) {
        return Err(invalid("unique_external_id", "duplicate_value"));
    }
    if taken(|c| &c.email, &email) {
        return Err(invalid("email", "duplicate_value"));
    }
    world.adds_contact(&name, mobile, email, external);
    let made = world.contacts.last().expect("it was added");
    Ok((201, made.shown()))
}

fn makes(world: &mut World, asked: &Asked, told: &mut Told) -> Answered {
    let body = object(&asked.body)?;
    let known = [
        "subject",
        "description",
        "requester_id",
        "status",
        "priority",
        "source",
        "group_id",
        "tags",
        "custom_fields",
    ];
    knows(body.keys(), &known)?;
    let custom = body.get("custom_fields").and_then(Value::as_object);
    let custom = custom.cloned().unwrap_or_default();
    knows(custom.keys(), &[FIELD])?;
    for number in ["status", "priority", "source", "requester_id"] {
        if !body.get(number).is_some_and(Value::is_u64) {
            return Err(invalid(number, "datatype_mismatch"));
        }
    }
    let requester = body["requester_id"].as_u64().unwrap_or_default();
    if !world.contacts.iter().any(|contact| contact.id == requester) {
        return Err(invalid("requester_id", "invalid_value"));
    }
    let (subject, description) = (asked.text("subject"), asked.text("description"));
    if subject.is_empty() || description.is_empty() {
        return Err(invalid("subject", "missing_field"));
    }
    let id = world.makes(&subject, &description, requester, custom);
    if let (Some(tags), Some(ticket)) = (body.get("tags"), world.ticket_mut(id)) {
        ticket.tags = tags.clone();
    }
    world.tells(id, "{ticket_action: created}", told);
    let ticket = world.ticket(id).expect("it was made");
    Ok((201, world.shown(ticket, false)))
}

/// Without a date it shows the last thirty days; by `updated_at` alone nobody else's order is asked for.
fn lists(world: &World, asked: &Asked) -> Answered {
    let known = [
        "requester_id",
        "updated_since",
        "include",
        "order_by",
        "order_type",
        "per_page",
        "page",
    ];
    knows(asked.query.keys(), &known)?;
    let mut found: Vec<_> = world.tickets.iter().collect();
    if let Some(wanted) = asked.query.get("requester_id") {
        found.retain(|ticket| ticket.requester.to_string() == *wanted);
    }
    if let Some(since) = asked.query.get("updated_since") {
        let since: Result<jiff::Timestamp, _> = since.parse();
        let since = since.map_err(|_| invalid("updated_since", "invalid_date"))?;
        found.retain(|ticket| ticket.updated / 1000 >= since.as_second());
    }
    found.sort_by_key(|ticket| (ticket.updated / 1000, ticket.id));
    if asked.query("order_type") != "asc" {
        found.reverse();
    }
    let requester = asked.query("include").contains("requester");
    let found = found.iter().map(|ticket| world.shown(ticket, requester));
    Ok((
        200,
        Value::Array(paged(found.collect(), asked, "per_page", 30)),
    ))
}

/// The query stands in double quotes, its value in single ones; thirty a page, ten pages.
fn searches(world: &World, asked: &Asked) -> Answered {
    knows(asked.query.keys(), &["query", "page"])?;
    let query = asked.query("query");
    let query = query
        .strip_prefix('"')
        .and_then(|query| query.strip_suffix('"'));
    let wanted = query.and_then(|query| query.strip_prefix(&format!("{FIELD}:")));
    let Some(wanted) = wanted else {
        return Err(invalid("query", "invalid_value"));
    };
    let wanted = quoted(wanted, '\'');
    let found = world
        .tickets
        .iter()
        .filter(|ticket| ticket.is_found_by(wanted));
    let found: Vec<Value> = found.map(|ticket| world.shown(ticket, false)).collect();
    let total = found.len();
    Ok((
        200,
        json!({ "total": total, "results": paged(found, asked, "", 30) }),
    ))
}

fn changes(world: &mut World, id: u64, asked: &Asked, told: &mut Told) -> Answered {
    let body = object(&asked.body)?;
    knows(
        body.keys(),
        &["status", "custom_fields", "tags", "priority"],
    )?;
    let custom = body.get("custom_fields").and_then(Value::as_object);
    let custom = custom.cloned().unwrap_or_default();
    knows(custom.keys(), &[FIELD])?;
    let status = match body.get("status") {
        None => None,
        Some(status) => match status.as_u64() {
            Some(status @ 2..=5) => Some(status),
            Some(_) => return Err(invalid("status", "invalid_value")),
            None => return Err(invalid("status", "datatype_mismatch")),
        },
    };
    let ticket = world.ticket_mut(id).expect("it was looked for");
    ticket.updated = now();
    ticket.sets_fields(custom);
    let moved = status.is_some_and(|status| status != ticket.status);
    ticket.status = status.unwrap_or(ticket.status);
    // The rule looks at what deploy/freshdesk names: a field of the site's own is not among it.
    if moved {
        world.tells(id, "{status: {to: ..}}", told);
    }
    let ticket = world.ticket(id).expect("it was looked for");
    Ok((200, world.shown(ticket, false)))
}

/// As JSON or, with a file, as a form, in which all is text.
fn notes(world: &mut World, id: u64, asked: &Asked, told: &mut Told) -> Answered {
    let mut files: Vec<File> = Vec::new();
    let mut fields = Map::new();
    match object(&asked.body) {
        Ok(body) => fields = body.clone(),
        Err(refusal) => {
            let parts = asked.parts();
            if parts.is_empty() {
                return Err(refusal);
            }
            for part in parts {
                match part.file {
                    Some(_) if part.name == "attachments[]" => files.extend(Part::into_file(part)),
                    Some(_) => return Err(invalid(&part.name, "invalid_field")),
                    None => {
                        let text = String::from_utf8_lossy(&part.bytes).into_owned();
                        let flag = text.parse::<bool>().map_or(json!(text), Value::Bool);
                        fields.insert(part.name, flag);
                    }
                }
            }
        }
    }
    knows(
        fields.keys(),
        &["body", "private", "incoming", "user_id", "notify_emails"],
    )?;
    let Some(body) = fields.get("body").and_then(Value::as_str) else {
        return Err(invalid("body", "missing_field"));
    };
    let said = Said {
        user: BRIDGE,
        body: body.to_owned(),
        // A note is private where nothing else is said.
        private: fields.get("private") != Some(&json!(false)),
        incoming: fields.get("incoming") == Some(&json!(true)),
    };
    Ok((201, world.adds(id, said, files, told)))
}
