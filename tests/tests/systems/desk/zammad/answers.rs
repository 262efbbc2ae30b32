//! The fake Zammad's API: the calls that the profile makes, answered as Zammad's pages and its source say.
//! Neighbour: `world`, what it keeps.

use super::world::{Article, BRIDGE, FIELD, World};
use crate::desk::{
    File,
    fake::{Asked, Told, paged, quoted},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// A status and a body.
type Answer = (u16, Value);

pub fn answer(world: &mut World, asked: &Asked, told: &mut Told) -> Option<Answer> {
    if asked.header("authorization") != "Token token=of this test" {
        return Some((401, json!({ "error": "Authentication required" })));
    }
    let (method, path) = asked.words();
    let ["api", "v1", path @ ..] = &path[..] else {
        return None;
    };
    Some(match (method, path) {
        ("GET", ["users", "search"]) => finds_users(world, asked),
        ("POST", ["users"]) => makes_user(world, asked),
        ("GET", ["users", "me"]) => (200, json!({ "id": BRIDGE, "active": true })),
        ("GET", ["users", id]) => {
            let found = world.users.iter().find(|user| user.id.to_string() == *id);
            found.map_or_else(unknown, |user| (200, user.shown()))
        }
        ("GET", ["tickets", "search"]) => searches(world, asked),
        ("POST", ["tickets"]) => makes(world, asked, told),
        ("POST", ["ticket_articles"]) => {
            let ticket = asked.body["ticket_id"].as_u64();
            match ticket.filter(|id| world.ticket(*id).is_some()) {
                Some(ticket) => says(world, ticket, &asked.body, told),
                None => unknown(),
            }
        }
        ("GET", ["ticket_articles", "by_ticket", id]) => {
            let Some(ticket) = world.ticket(id.parse().ok()?) else {
                return Some(unknown());
            };
            let articles = ticket.articles.iter();
            (
                200,
                articles.map(|article| article.shown(ticket.id)).collect(),
            )
        }
        ("GET", ["tags"]) if asked.query("object") == "Ticket" => {
            let found = world.ticket(asked.query("o_id").parse().ok()?);
            found.map_or_else(unknown, |ticket| (200, json!({ "tags": ticket.tags })))
        }
        ("GET" | "PUT", ["tickets", id]) => {
            let id = id.parse().ok()?;
            if world.ticket(id).is_none() {
                return Some(unknown());
            }
            if method == "PUT"
                && let Some(refusal) = changes(world, id, &asked.body, told)
            {
                return Some(refusal);
            }
            (200, world.shown(world.ticket(id)?))
        }
        _ => return None,
    })
}

fn unknown() -> Answer {
    (
        404,
        json!({ "error": "Couldn't find it", "error_human": "No such object" }),
    )
}

fn refused(sentence: &str) -> Answer {
    (422, json!({ "error": sentence, "error_human": sentence }))
}

/// What is alike is found as well, and what is new is not yet.
fn finds_users(world: &World, asked: &Asked) -> Answer {
    let found = world.users.iter().filter(|user| user.is_indexed());
    let found = found.filter(|user| user.login.contains(asked.query("query")));
    (200, found.map(|user| user.shown()).collect())
}

fn makes_user(world: &mut World, asked: &Asked) -> Answer {
    let (login, firstname) = (asked.text("login"), asked.text("firstname"));
    if world.users.iter().any(|user| user.login == login) {
        return refused("This email address/login is already used");
    }
    if firstname.is_empty() {
        return refused(
            "At least one identifier (firstname, lastname, phone, mobile or email) for user is required.",
        );
    }
    let text = |key: &str| asked.body[key].as_str().map(str::to_owned);
    world.adds_user(&login, &firstname, text("mobile"), text("email"));
    let made = world.users.last().expect("it was added");
    (201, made.shown())
}

fn makes(world: &mut World, asked: &Asked, told: &mut Told) -> Answer {
    let body = &asked.body;
    let customer = body["customer_id"].as_u64();
    let Some(customer) = customer.filter(|id| world.users.iter().any(|user| user.id == *id)) else {
        return refused("Missing required value for field 'customer_id'!");
    };
    if body["group"] != "Users" {
        return refused("No lookup value found for 'group'");
    }
    let title = asked.text("title");
    if title.is_empty() || !body["article"]["body"].is_string() {
        return refused("Need at least article: { body: \"some text\" }");
    }
    let mut attributes = serde_json::Map::new();
    if let Some(value) = body.get(FIELD) {
        attributes.insert(FIELD.to_owned(), value.clone());
    }
    let id = world.makes(&title, customer, BRIDGE, attributes);
    let tags = body["tags"].as_array().into_iter().flatten();
    let tags = tags.filter_map(Value::as_str).map(str::to_owned).collect();
    world.ticket_mut(id).tags = tags;
    let (status, said) = says(world, id, &body["article"], told);
    if status != 201 {
        return (status, said);
    }
    (201, world.shown(world.ticket(id).expect("it was made")))
}

/// An article by the bridge, in the name of whoever it says.
fn says(world: &mut World, ticket: u64, asked: &Value, told: &mut Told) -> Answer {
    let text = |key: &str| asked[key].as_str().unwrap_or_default().to_owned();
    let sender = match asked["sender"].as_str() {
        Some("Customer") => "Customer",
        Some("Agent") | None => "Agent",
        Some(_) => return refused("No lookup value found for 'sender'"),
    };
    if asked["type"] != "note" {
        return refused("No lookup value found for 'type'");
    }
    let mut files: Vec<File> = Vec::new();
    for file in asked["attachments"].as_array().into_iter().flatten() {
        let part = |key: &str| file[key].as_str().map(str::to_owned);
        let bytes = part("data").and_then(|data| STANDARD.decode(data).ok());
        let (Some(name), Some(kind), Some(bytes)) = (part("filename"), part("mime-type"), bytes)
        else {
            return refused("Attachment needs 'filename', 'data' and 'mime-type'");
        };
        files.push((name, kind, bytes));
    }
    let mut article = Article::by(
        BRIDGE,
        &text("body"),
        &text("content_type"),
        asked["internal"] == true,
    );
    article.sender = sender;
    let id = world.adds(ticket, article, files, told);
    (201, json!({ "id": id, "ticket_id": ticket }))
}

fn changes(world: &mut World, id: u64, asked: &Value, told: &mut Told) -> Option<Answer> {
    if let Some(state) = asked["state"].as_str()
        && !world.moves(id, state, BRIDGE)
    {
        return Some(refused("No lookup value found for 'state'"));
    }
    if let Some(value) = asked.get(FIELD) {
        let ticket = world.ticket_mut(id);
        ticket.attributes.insert(FIELD.to_owned(), value.clone());
        ticket.touched(BRIDGE);
    }
    world.tells(id, None, told);
    None
}

/// The three searches that the profile makes, over what the index knows; what it shows is fresh.
fn searches(world: &World, asked: &Asked) -> Answer {
    let query = asked.query("query");
    let (key, wanted) = query.split_once(':').unwrap_or_default();
    let mut found: Vec<_> = world.tickets.iter().collect();
    match key {
        FIELD => found.retain(|ticket| {
            let known = ticket.indexed().and_then(|known| known.get(FIELD));
            known == Some(&json!(quoted(wanted, '"')))
        }),
        "customer_id" => found.retain(|ticket| {
            let known = ticket.indexed().and_then(|known| known.get("customer_id"));
            known.and_then(Value::as_u64) == wanted.parse().ok()
        }),
        "updated_at" => {
            let Ok(since) = quoted(wanted, '"').parse::<jiff::Timestamp>() else {
                return refused("parse_exception");
            };
            found.retain(|ticket| {
                let known = ticket
                    .indexed()
                    .and_then(|known| known["updated_at"].as_i64());
                known.is_some_and(|at| at >= since.as_millisecond())
            });
        }
        _ => return refused("parse_exception"),
    }
    let indexed_at = |ticket: &super::world::Ticket| {
        ticket
            .indexed()
            .and_then(|known| known["updated_at"].as_i64())
    };
    found.sort_by_key(|ticket| indexed_at(ticket));
    if asked.query("order_by") == "desc" {
        found.reverse();
    }
    let found = found.into_iter().map(|ticket| world.shown(ticket));
    (
        200,
        Value::Array(paged(found.collect(), asked, "per_page", 50)),
    )
}
