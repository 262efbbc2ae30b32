//! The fake GLPI's API: the calls that the profile makes, answered as its source does. Neighbour: `world`,
//! what it keeps.

use super::world::{BRIDGE, CUSTOMERS_FROM, World};
use crate::desk::fake::{Asked, Told, now, quoted};
use serde_json::{Value, json};

/// A status and a body.
type Answer = (u16, Value);

pub fn answer(world: &mut World, asked: &Asked, told: &mut Told) -> Option<Answer> {
    let (method, path) = asked.words();
    let token = asked.header("authorization").strip_prefix("Bearer ");
    match (method, &path[..]) {
        ("POST", ["api.php", "token"]) => Some(logs_in(world, asked)),
        _ if !world.takes(token.unwrap_or_default()) => {
            Some((401, json!({ "status": "ERROR_UNAUTHENTICATED" })))
        }
        (_, ["api.php", "v2", rest @ ..]) => answered(world, rest, asked, told),
        _ => None,
    }
}

fn logs_in(world: &mut World, asked: &Asked) -> Answer {
    let form = asked.form();
    let wanted = [
        ("grant_type", "password"),
        ("client_id", "client"),
        ("username", "bridge"),
        ("scope", "api"),
    ];
    if wanted
        .iter()
        .any(|(key, value)| form.get(*key).is_none_or(|told| told != value))
    {
        return (400, json!({ "error": "invalid_request" }));
    }
    let token = world.logs_in();
    (
        200,
        json!({ "token_type": "Bearer", "expires_in": 3600, "access_token": token }),
    )
}

fn answered(world: &mut World, path: &[&str], asked: &Asked, told: &mut Told) -> Option<Answer> {
    let filter = asked.query("filter");
    Some(match (asked.method.as_str(), path) {
        ("GET", ["Administration", "User"]) => finds_people(world, filter),
        ("POST", ["Administration", "User"]) => {
            let (login, name) = (asked.text("username"), asked.text("realname"));
            let id = world.person(&login, &name, &asked.text("mobile"));
            made("/Administration/User", id)
        }
        ("GET", ["Administration", "User", id]) => (200, world.person_shown(id.parse().ok()?)?),
        ("GET", ["Assistance", "Ticket"]) => finds_tickets(world, filter),
        ("POST", ["Assistance", "Ticket"]) => {
            let external_id = asked.body["external_id"].as_str().map(str::to_owned);
            let id = world.makes(&asked.text("name"), &asked.text("content"), external_id);
            world.tells_of_ticket("new", id, told);
            made("/Assistance/Ticket", id)
        }
        (method, ["Assistance", "Ticket", id, what @ ..]) => {
            let id: usize = id.parse().ok()?;
            if !world.tickets.iter().any(|ticket| ticket.id == id) {
                return Some((404, json!({ "status": "ERROR_ITEM_NOT_FOUND" })));
            }
            of_ticket(world, method, id, what, &asked.body, told)?
        }
        _ => return None,
    })
}

fn made(place: &str, id: usize) -> Answer {
    (201, json!({ "id": id, "href": format!("{place}/{id}") }))
}

fn finds_people(world: &World, filter: &str) -> Answer {
    let login = quoted(filter, '"');
    let people = world.people.iter();
    let found = people.enumerate().filter(|(_, person)| person.0 == login);
    let found = found.filter_map(|(at, _)| world.person_shown(at + CUSTOMERS_FROM));
    (200, found.collect())
}

fn finds_tickets(world: &World, filter: &str) -> Answer {
    let wanted = quoted(filter, '"');
    let mut found: Vec<_> = world.tickets.iter().collect();
    if filter.starts_with("external_id==") {
        found.retain(|ticket| ticket.external_id.as_deref() == Some(wanted));
    } else {
        let since = format!("{}Z", wanted.replace(' ', "T"));
        let since: jiff::Timestamp = since.parse().expect("a time in seconds");
        found.retain(|ticket| ticket.updated / 1000 >= since.as_second());
    }
    found.sort_by_key(|ticket| (ticket.updated, ticket.id));
    let found = found.into_iter().map(|ticket| world.shown(ticket.id));
    (200, found.collect())
}

fn of_ticket(
    world: &mut World,
    method: &str,
    id: usize,
    what: &[&str],
    body: &Value,
    told: &mut Told,
) -> Option<Answer> {
    let number = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
    Some(match (method, what) {
        ("GET", []) => (200, world.shown(id)),
        ("PATCH", []) => {
            let ticket = world.ticket_mut(id);
            if let Some(code) = number(&body["status"]["id"]) {
                ticket.status = code;
            }
            if let Some(other) = body["external_id"].as_str() {
                ticket.external_id = Some(other.to_owned());
            }
            ticket.updated = now();
            world.tells_of_ticket("update", id, told);
            (200, world.shown(id))
        }
        ("POST", ["TeamMember"]) => {
            // Who is on it already is not added, and that is told as any other no
            // (CommonITILActor::prepareInputForAdd, ITILController::addTeamMember).
            let person = number(&body["id"])?;
            let known = world.person_shown(person).is_some();
            let there = world.ticket(id).requesters.contains(&person);
            if body["type"] != "User" || body["role"] != 1 || !known || there {
                return Some((400, json!({ "status": "ERROR_INVALID_PARAMETER" })));
            }
            world.ticket_mut(id).requesters.push(person);
            world.tells_of_ticket("update", id, told);
            (201, Value::Null)
        }
        ("GET", ["TeamMember"]) => (200, world.team(id).into()),
        ("GET", ["Timeline", "Followup"]) => {
            let followups = world.ticket(id).followups.iter();
            let said = followups.map(|f| json!({ "type": "Followup", "item": f.shown(id) }));
            (200, said.collect())
        }
        ("POST", ["Timeline", "Followup"]) => {
            let content = body["content"].as_str().unwrap_or_default();
            let private = body["is_private"].as_bool().unwrap_or_default();
            let said = world.follows_up(id, BRIDGE, content, private, told);
            (201, json!({ "id": said, "href": ".." }))
        }
        _ => return None,
    })
}
