//! The fake GLPI's API: the calls that the profile makes, answered as its source does. Neighbour: `world`,
//! what it keeps.

use super::{Site, world::BRIDGE};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, Uri},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub fn router(site: Site) -> Router {
    Router::new().fallback(answer).with_state(site)
}

/// A status and a body.
type Answer = (u16, Value);

async fn answer(
    State(site): State<Site>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response<Body> {
    let path: Vec<&str> = uri.path().split('/').skip(1).collect();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let token = token
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    let (status, body) = match (method.as_str(), &path[..]) {
        ("POST", ["api.php", "token"]) => logs_in(&site, &String::from_utf8_lossy(&bytes)),
        _ if !site.on(|world| world.takes(token)) => {
            (401, json!({ "status": "ERROR_UNAUTHENTICATED" }))
        }
        (method, ["api.php", "v2", rest @ ..]) => {
            let query = queried(uri.query().unwrap_or_default());
            match answered(&site, method, rest, &query, &body).await {
                Some(answer) => answer,
                None => strange(&site, method, &uri),
            }
        }
        (method, _) => strange(&site, method, &uri),
    };
    let answer = Response::builder()
        .status(status)
        .body(Body::from(body.to_string()));
    answer.expect("an answer")
}

fn strange(site: &Site, method: &str, uri: &Uri) -> Answer {
    site.on(|world| world.strange.push(format!("{method} {uri}")));
    (404, json!({ "status": "ERROR_ITEM_NOT_FOUND" }))
}

fn queried(query: &str) -> BTreeMap<String, String> {
    reqwest::Url::parse(&format!("http://h/?{query}"))
        .expect("a query")
        .query_pairs()
        .into_owned()
        .collect()
}

fn logs_in(site: &Site, form: &str) -> Answer {
    let form = queried(form);
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
    let token = site.on(|world| world.logs_in());
    (
        200,
        json!({ "token_type": "Bearer", "expires_in": 3600, "access_token": token }),
    )
}

async fn answered(
    site: &Site,
    method: &str,
    path: &[&str],
    query: &BTreeMap<String, String>,
    body: &Value,
) -> Option<Answer> {
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    Some(match (method, path) {
        ("GET", ["Administration", "User"]) => finds_people(site, query.get("filter")?),
        ("POST", ["Administration", "User"]) => {
            let (login, name, mobile) = (text("username"), text("realname"), text("mobile"));
            let id = site.on(|world| world.person(&login, &name, &mobile));
            (
                201,
                json!({ "id": id, "href": format!("/Administration/User/{id}") }),
            )
        }
        ("GET", ["Administration", "User", id]) => {
            let id = id.parse().ok()?;
            (200, site.on(|world| world.person_shown(id))?)
        }
        ("GET", ["Assistance", "Ticket"]) => finds_tickets(site, query.get("filter")?),
        ("POST", ["Assistance", "Ticket"]) => {
            let external_id = body["external_id"].as_str().map(str::to_owned);
            let id = site.on(|world| world.makes(&text("name"), &text("content"), external_id));
            site.tells_of_ticket("new", id).await;
            (
                201,
                json!({ "id": id, "href": format!("/Assistance/Ticket/{id}") }),
            )
        }
        (method, ["Assistance", "Ticket", id, what @ ..]) => {
            let id: usize = id.parse().ok()?;
            if !site.on(|world| world.tickets.iter().any(|ticket| ticket.id == id)) {
                return Some((404, json!({ "status": "ERROR_ITEM_NOT_FOUND" })));
            }
            of_ticket(site, method, id, what, body).await?
        }
        _ => return None,
    })
}

/// What stands between double quotes in a filter.
fn quoted(filter: &str) -> String {
    filter.split('"').nth(1).unwrap_or_default().to_owned()
}

fn finds_people(site: &Site, filter: &str) -> Answer {
    let login = quoted(filter);
    let found = site.on(|world| {
        let shown = (0..world.people.len()).filter(|at| world.people[*at].0 == login);
        let ids: Vec<usize> = shown.map(|at| at + 100).collect();
        ids.into_iter()
            .filter_map(|id| world.person_shown(id))
            .collect()
    });
    (200, Value::Array(found))
}

fn finds_tickets(site: &Site, filter: &str) -> Answer {
    let wanted = quoted(filter);
    let found = site.on(|world| {
        let mut ids: Vec<(i64, usize)> = Vec::new();
        for ticket in &world.tickets {
            let fits = if filter.starts_with("external_id==") {
                ticket.external_id.as_ref() == Some(&wanted)
            } else {
                let since = format!("{}Z", wanted.replace(' ', "T"));
                let since: jiff::Timestamp = since.parse().expect("a time in seconds");
                ticket.updated / 1000 >= since.as_second()
            };
            if fits {
                ids.push((ticket.updated, ticket.id));
            }
        }
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| world.shown(id)).collect()
    });
    (200, Value::Array(found))
}

async fn of_ticket(
    site: &Site,
    method: &str,
    id: usize,
    what: &[&str],
    body: &Value,
) -> Option<Answer> {
    Some(match (method, what) {
        ("GET", []) => (200, site.on(|world| world.shown(id))),
        ("PATCH", []) => {
            site.on(|world| {
                let ticket = world.ticket(id);
                if let Some(code) = body["status"]["id"]
                    .as_u64()
                    .and_then(|n| usize::try_from(n).ok())
                {
                    ticket.status = code;
                }
                if let Some(other) = body["external_id"].as_str() {
                    ticket.external_id = Some(other.to_owned());
                }
                ticket.updated = super::world::now();
            });
            site.tells_of_ticket("update", id).await;
            (200, site.on(|world| world.shown(id)))
        }
        ("POST", ["TeamMember"]) => {
            let person = body["id"].as_u64().and_then(|n| usize::try_from(n).ok())?;
            if body["type"] != "User" || body["role"] != 1 {
                return Some((400, json!({ "status": "ERROR_INVALID_PARAMETER" })));
            }
            site.on(|world| world.ticket(id).requester = Some(person));
            site.tells_of_ticket("update", id).await;
            (201, Value::Null)
        }
        ("GET", ["Timeline", "Followup"]) => {
            let said: Vec<Value> = site.on(|world| {
                let followups = world.ticket(id).followups.iter();
                followups
                    .map(|f| json!({ "type": "Followup", "item": f.shown(id) }))
                    .collect()
            });
            (200, Value::Array(said))
        }
        ("POST", ["Timeline", "Followup"]) => {
            let content = body["content"].as_str().unwrap_or_default();
            let private = body["is_private"].as_bool().unwrap_or_default();
            let said = site.on(|world| world.says(id, BRIDGE, content, private));
            site.tells_of_followup(id).await;
            (201, json!({ "id": said, "href": ".." }))
        }
        _ => return None,
    })
}
