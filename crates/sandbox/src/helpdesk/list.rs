//! The listings: by link field, by requester, changed since. Neighbour: api.

use super::{Ticket, answer::refused, world::World};
use crate::{
    clock::{now_ms, parse_iso},
    stage::{Answer, Asked},
};
use serde_json::json;

/// A listing shows at most so many tickets at once.
const PAGE_MAX: usize = 100;

pub(super) fn list(world: &World, asked: &Asked) -> Answer {
    let all = world.tickets.values();
    if let Some(external_id) = asked.query("external_id") {
        let indexed = now_ms() - world.options.index_lag_ms;
        let known = |t: &&Ticket| parse_iso(&t.created_at).is_none_or(|at| at <= indexed);
        let named = |t: &&Ticket| t.external_id.as_ref() == Some(&external_id);
        return page(all.filter(named).filter(known).collect());
    }
    if let Some(requester) = asked.query("requester_id") {
        let only_open = asked.query("open").as_deref() == Some("true");
        let is_open = |t: &Ticket| t.status != "solved" && t.status != "closed";
        let fits = |t: &&Ticket| t.requester.id == requester && (!only_open || is_open(t));
        return page(all.filter(fits).collect());
    }
    match asked.query("changed_since") {
        Some(cursor) => changed_since(world, &cursor, asked),
        None => refused(422, "external_id, requester_id or changed_since is needed"),
    }
}

/// Tickets changed after the cursor, in the order of their last changes.
fn changed_since(world: &World, cursor: &str, asked: &Asked) -> Answer {
    let last = world.last_version();
    let mut tickets: Vec<&Ticket> = match (cursor.parse::<u64>(), parse_iso(cursor)) {
        (Ok(version), _) => world
            .tickets
            .values()
            .filter(|t| t.version > version)
            .collect(),
        (Err(_), Some(since)) => {
            let changed = |t: &&Ticket| parse_iso(&t.updated_at).is_some_and(|at| at >= since);
            world.tickets.values().filter(changed).collect()
        }
        (Err(_), None) if cursor == "now" => Vec::new(),
        (Err(_), None) => return refused(422, "changed_since is a version, a time or `now`"),
    };
    tickets.sort_by_key(|ticket| ticket.version);
    let limit = asked.query("limit").and_then(|limit| limit.parse().ok());
    let limit = limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX);
    let more = tickets.len() > limit;
    tickets.truncate(limit);
    // What is shown moves the cursor; where all is shown, it moves to the last change of all.
    let shown_last = tickets.last().map(|ticket| ticket.version).filter(|_| more);
    let next = shown_last.unwrap_or(last).to_string();
    Answer::new(200, json!({"tickets": tickets, "next": next, "more": more}))
}

fn page(tickets: Vec<&Ticket>) -> Answer {
    Answer::new(
        200,
        json!({"tickets": tickets, "next": null, "more": false}),
    )
}
