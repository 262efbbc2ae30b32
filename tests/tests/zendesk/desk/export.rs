//! Lists: by external id, by requester, the search and its lag, the incremental export
//! (developer.zendesk.com, pages "Tickets", "Search", "Incremental Exports"). Neighbour: `api`.

use super::{
    Zendesk,
    api::{Answer, Asked},
    lock, now_ms,
    show::{self, side_load},
    world::{Ticket, World},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// A start must lie further back than this (page "Incremental Exports": `start_time`).
const START_AGE_S: i64 = 60;

/// One page of tickets by the older way of paging, with what `include` asks for.
pub fn page(world: &World, asked: &Asked, name: &str, mut found: Vec<&Ticket>) -> Answer {
    let number = |key: &str, otherwise: usize| {
        let told = asked.query(key).and_then(|text| text.parse().ok());
        told.unwrap_or(otherwise)
    };
    let (page, size) = (number("page", 1).max(1), number("per_page", 100).min(100));
    if asked.query("sort_by").as_deref() == Some("updated_at") {
        found.sort_by_key(|t| t.updated_ms);
    }
    if asked.query("sort_order").as_deref() == Some("desc") {
        found.reverse();
    }
    let count = found.len();
    let found: Vec<&Ticket> = found
        .into_iter()
        .skip((page - 1) * size)
        .take(size)
        .collect();
    let shown: Vec<Value> = found.iter().map(|t| show::ticket(world, t)).collect();
    let mut body = json!({ "count": count, "next_page": null, "previous_page": null });
    body[name] = shown.into();
    let include = asked.query("include").unwrap_or_default();
    let include = include.trim_start_matches("tickets(").trim_end_matches(')');
    side_load(world, include, &found, &mut body);
    Answer::ok(body)
}

/// Finds what the index already has, and a little more than was meant: it goes by words.
pub fn search(zendesk: &Zendesk, asked: &Asked) -> Answer {
    let query = asked.query("query").unwrap_or_default();
    let world = lock(&zendesk.shared.world);
    let indexed =
        now_ms() - i64::try_from(zendesk.shared.account.search_lag.as_millis()).expect("a lag");
    let Some((field, value)) = query
        .split_whitespace()
        .find_map(|term| term.strip_prefix("custom_field_")?.split_once(':'))
    else {
        return page(&world, asked, "results", Vec::new());
    };
    let value = value.trim_matches('"').to_lowercase();
    let holds = |ticket: &&Ticket| {
        let has = field
            .parse()
            .ok()
            .and_then(|id: u64| ticket.fields.get(&id));
        let has = has
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_lowercase();
        ticket.updated_ms <= indexed && !has.is_empty() && has.contains(&value)
    };
    let found = world.tickets.values().filter(holds).collect();
    page(&world, asked, "results", found)
}

/// What changed, by the time of the change and the number of the ticket. What changed just now is
/// left out; the last ticket of a page may come again with the next.
pub fn incremental(zendesk: &Zendesk, asked: &Asked) -> Answer {
    let now = now_ms();
    let after = match (asked.query("cursor"), asked.query("start_time")) {
        (Some(cursor), _) => read_cursor(&cursor),
        (None, Some(start)) => match start.parse::<i64>() {
            Ok(start) if start <= now / 1_000 - START_AGE_S => Some((start * 1_000, 0)),
            Ok(_) | Err(_) => {
                return Answer::error(
                    422,
                    "InvalidValue",
                    "Too recent start_time. Use a start_time older than 60 seconds",
                );
            }
        },
        (None, None) => None,
    };
    let Some(after) = after else {
        return Answer::error(400, "InvalidValue", "start_time or cursor");
    };
    let size = asked
        .query("per_page")
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_000);
    let until = now - i64::try_from(zendesk.shared.account.export_lag.as_millis()).expect("a lag");
    let world = lock(&zendesk.shared.world);
    let mut changed: Vec<&Ticket> = world
        .tickets
        .values()
        .filter(|t| (t.generated_ms, t.id) >= after && t.generated_ms <= until)
        .collect();
    changed.sort_by_key(|t| (t.generated_ms, t.id));
    let all = changed.len();
    changed.truncate(size);
    let last = changed.last().map(|t| (t.generated_ms, t.id));
    let cursor = last.map(write_cursor).or(asked.query("cursor"));
    let shown: Vec<Value> = changed.iter().map(|t| show::ticket(&world, t)).collect();
    // The last of a page is the first of the next: such a page has more only beyond that one.
    let mut body = json!({
        "tickets": shown, "after_cursor": cursor, "after_url": null, "before_cursor": null,
        "before_url": null, "end_of_stream": all <= size,
    });
    let include = asked.query("include").unwrap_or_default();
    side_load(&world, &include, &changed, &mut body);
    Answer::ok(body)
}

fn write_cursor((ms, id): (i64, u64)) -> String {
    STANDARD.encode(format!("{ms}||{id}"))
}

fn read_cursor(cursor: &str) -> Option<(i64, u64)> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    let (ms, id) = text.split_once("||")?;
    Some((ms.parse().ok()?, id.parse().ok()?))
}
