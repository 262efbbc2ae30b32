//! How answers look to people: aligned columns, whole sentences, times in UTC. Neighbours: `api`,
//! whose answers these are; `table`, which aligns; `decided`, of parked work.

#[cfg(test)]
mod tests;

use super::table::{aligned, count, facts, pad, table};
use crate::api::{
    Moment,
    halt::{HaltOn, HaltView, Halts, Released},
    link::Linked,
    links::{IntentView, LinkShown, LinkView, Links},
    parked::{ParkedList, ParkedView},
    stuck::{Stuck, StuckView},
    sweep::Sweeps,
    timeline::{LineView, Timeline},
};

/// Sentences are padded up to this width so that the rules stand under each other; a longer one
/// has its rule right behind it.
const SENTENCE_WIDTH_MAX: usize = 80;

/// Of what a halt holds, so many are told to a person: enough to see the rule.
const HELD_TOLD: usize = 10;

/// What a person can do about a halt that is on.
const HALT_ON: &str = "Was it meant? `halt release` lets go what is held.\n\
    Was it not? Mend the rule or the tickets first: what nobody wants any more is withdrawn.\n";

const MORE: &str = "There are more; --limit shows them.\n";

fn time(at: &Moment) -> String {
    at.for_people()
}

fn maybe_time(at: Option<&Moment>) -> String {
    at.map(time).unwrap_or_default()
}

fn maybe(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

/// Why nothing of what is planned goes out, where that is meant.
fn observing(bridges: &[String]) -> String {
    let each = bridges.iter();
    each.map(|bridge| {
        format!("Bridge {bridge} observes: nothing is written until its mode is live.\n")
    })
    .collect()
}

/// What a halt holds is not parked, so where one looks for what waits for a person it is told beside it.
pub(super) fn halted(halts: &[HaltOn]) -> String {
    let each = halts.iter();
    each.map(|halt| {
        format!(
            "The safety halt of {} on bridge {} is on and holds {}: \
             `jelou-bridge halt` tells more.\n",
            halt.operation, halt.bridge, halt.held
        )
    })
    .collect()
}

pub(super) fn links(links: &Links) -> String {
    let observing = observing(&links.observing);
    if links.links.is_empty() {
        return "No links.\n".to_owned() + &observing;
    }
    let rows: Vec<Vec<String>> = links.links.iter().map(row).collect();
    let header = [
        "LINK",
        "STATE",
        "TICKET",
        "CONVERSATION",
        "BRIDGE",
        "CHANGED",
    ];
    let text = table(&header, &rows);
    let text = if links.more { text + MORE } else { text };
    text + &observing
}

fn row(link: &LinkView) -> Vec<String> {
    let state = match &link.ended_reason {
        Some(reason) => format!("{} ({reason})", link.state),
        None => link.state.clone(),
    };
    vec![
        link.id.clone(),
        state,
        maybe(link.ticket.as_ref()),
        maybe(link.conversation.as_ref()),
        link.bridge.clone(),
        time(&link.updated_at),
    ]
}

pub(super) fn link(shown: &LinkShown) -> String {
    let link = &shown.link;
    let mut text = facts(&[
        ("link", Some(link.id.clone())),
        ("bridge", Some(link.bridge.clone())),
        ("state", Some(link.state.clone())),
        ("ticket", link.ticket.clone()),
        ("conversation", link.conversation.clone()),
        ("first there", Some(link.origin.clone())),
        ("unwanted by", link.unwanted_by.clone()),
        ("follows ticket", link.follows.clone()),
        ("busy since", link.busy_since.as_ref().map(time)),
        ("made", Some(time(&link.created_at))),
        ("changed", Some(time(&link.updated_at))),
        ("ended", link.ended_at.as_ref().map(time)),
        ("because", link.ended_reason.clone()),
    ]);
    for field in &link.diverged {
        text.push_str(&format!(
            "refused: {} was to be {}: {} (since {})\n",
            field.field,
            field.wanted,
            field.reason,
            time(&field.at)
        ));
    }
    if !shown.intents.is_empty() {
        let rows: Vec<Vec<String>> = shown.intents.iter().map(intent).collect();
        text.push('\n');
        text.push_str(&table(
            &["PLANNED", "STATE", "WHAT", "RULE", "LAST ERROR"],
            &rows,
        ));
    }
    text
}

fn intent(intent: &IntentView) -> Vec<String> {
    let state = match (&intent.parked, intent.held) {
        (Some(reason), _) => format!("{} ({reason})", intent.state),
        (None, true) => format!("{} (held)", intent.state),
        (None, false) => intent.state.clone(),
    };
    vec![
        time(&intent.planned_at),
        state,
        intent.sentence.clone(),
        intent.rule.clone(),
        maybe(intent.last_error.as_ref()),
    ]
}

fn sides(link: &LinkView) -> String {
    let ticket = link.ticket.as_deref().unwrap_or("(none)");
    let conversation = link.conversation.as_deref().unwrap_or("(none)");
    format!("ticket {ticket} and conversation {conversation}")
}

pub(super) fn linked(linked: &Linked) -> String {
    format!("Linked {}: link {}.\n", sides(&linked.link), linked.link.id)
}

pub(super) fn unlinked(unlinked: &Linked) -> String {
    format!(
        "Unlinked {}: link {} has ended.\n",
        sides(&unlinked.link),
        unlinked.link.id
    )
}

/// What a timeline without a line says, and where to look next.
const NOTHING_KNOWN: &str = "Nothing is known of it: no webhook told of it, no sweep found it, or it is spelled otherwise. Look whether webhooks come with `jelou-bridge doctor`, and what is linked with `jelou-bridge links`.\n";

pub(super) fn timeline(timeline: &Timeline) -> String {
    if timeline.lines.is_empty() {
        return NOTHING_KNOWN.to_owned();
    }
    lines(&timeline.lines, timeline.bridges.len() > 1)
}

/// The lines of a timeline: when, of which bridge where that is to be named, who, what, and by which rule.
pub(super) fn lines(lines: &[LineView], named: bool) -> String {
    let bridges = lines.iter().map(|line| line.bridge.chars().count());
    let bridge_width = bridges.max().unwrap_or(0);
    let who = |line: &LineView| {
        let who = line.side.clone().unwrap_or_else(|| line.kind.clone());
        match named {
            true => format!("{}  {who}", pad(&line.bridge, bridge_width)),
            false => who,
        }
    };
    let width = lines
        .iter()
        .map(|line| who(line).chars().count())
        .max()
        .unwrap_or(0);
    let ruled = lines.iter().filter(|line| line.rule.is_some());
    let longest = ruled
        .map(|line| line.sentence.chars().count())
        .max()
        .unwrap_or(0);
    let sentence_width = longest.min(SENTENCE_WIDTH_MAX);
    let mut text = String::new();
    for line in lines {
        let rule = line
            .rule
            .as_ref()
            .map(|rule| format!("  [{rule}]"))
            .unwrap_or_default();
        let said = format!("{}{rule}", pad(&line.sentence, sentence_width));
        let told = format!("{}  {}  {said}", time(&line.at), pad(&who(line), width));
        text.push_str(told.trim_end());
        text.push('\n');
    }
    text
}

pub(super) fn parked(list: &ParkedList, filtered: bool) -> String {
    let observing = halted(&list.halted) + &observing(&list.observing);
    if list.parked.is_empty() {
        let nothing = match filtered {
            true => "Nothing that is parked fits this filter; `parked` alone lists all.\n",
            false => "Nothing is parked.\n",
        };
        return nothing.to_owned() + &observing;
    }
    let rows: Vec<Vec<String>> = list
        .parked
        .iter()
        .map(|item| {
            vec![
                item.id.clone(),
                item.reason.clone(),
                maybe(item.operation.as_ref()),
                time(&item.at),
                item.bridge.clone(),
                maybe(item.ticket.as_ref()),
                maybe(item.conversation.as_ref()),
                item.detail.clone(),
            ]
        })
        .collect();
    let header = [
        "ID",
        "REASON",
        "WOULD",
        "SINCE",
        "BRIDGE",
        "TICKET",
        "CONVERSATION",
        "WHAT HAPPENED",
    ];
    let mut lines = aligned(&header, &rows).into_iter();
    let mut text = lines.next().unwrap_or_default();
    let next = list.parked.iter().skip(1).map(Some).chain([None]);
    let mut shared = false;
    for ((line, item), next) in lines.zip(&list.parked).zip(next) {
        text.push_str(&line);
        // Said once for those that stand beside each other: of many, most are parked for one cause.
        let remedy = of_any(item);
        let is_alike = |next: &ParkedView| next.reason == item.reason && of_any(next) == remedy;
        let goes_on = next.is_some_and(is_alike);
        if !goes_on {
            let remedy = if shared { &remedy } else { &item.remedy };
            text.push_str(&format!("  to do: {remedy}\n"));
        }
        shared = goes_on;
    }
    let text = if list.more { text + MORE } else { text };
    text + &observing
}

/// What to do about an item, with the column's title in place of its own name.
fn of_any(item: &ParkedView) -> String {
    item.remedy.replace(&format!(" {}`", item.id), " ID`")
}

pub(super) fn parked_item(item: &ParkedView) -> String {
    let since = match item.kind.as_str() {
        "delivery" => "received",
        _ => "since",
    };
    let last_error = item.last_error.clone();
    facts(&[
        ("id", Some(item.id.clone())),
        ("kind", Some(item.kind.clone())),
        ("bridge", Some(item.bridge.clone())),
        ("reason", Some(item.reason.clone())),
        ("what happened", Some(item.detail.clone())),
        ("last try", last_error.filter(|e| *e != item.detail)),
        ("what to do", Some(item.remedy.clone())),
        (since, Some(time(&item.at))),
        ("would", item.operation.clone()),
        ("rule", item.rule.clone()),
        ("tries", item.attempts.map(|tries| tries.to_string())),
        ("side", item.side.clone()),
        ("link", item.link.clone()),
        ("ticket", item.ticket.clone()),
        ("conversation", item.conversation.clone()),
    ])
}

/// What does not move, and the parked beside it.
pub(super) fn stuck(stuck: &Stuck) -> String {
    let mut text = if stuck.stuck.is_empty() {
        "Nothing is stuck.\n".to_owned()
    } else {
        let rows: Vec<Vec<String>> = stuck.stuck.iter().map(stuck_row).collect();
        let header = [
            "SINCE",
            "WHY",
            "TICKET",
            "CONVERSATION",
            "BRIDGE",
            "WHAT",
            "WAITS FOR",
        ];
        table(&header, &rows)
    };
    if stuck.more {
        text.push_str(MORE);
    }
    if stuck.parked > 0 {
        let parked = count(
            stuck.parked,
            "item is parked and waits",
            "items are parked and wait",
        );
        text.push_str(&format!("{parked} for a person: `parked` tells which.\n"));
    }
    text + &observing(&stuck.observing)
}

fn stuck_row(stuck: &StuckView) -> Vec<String> {
    let next = stuck
        .next_try
        .as_ref()
        .map(|at| format!(" (next look {})", time(at)));
    let error = stuck
        .last_error
        .as_ref()
        .filter(|error| **error != stuck.waits_for);
    let error = error.map(|error| format!(": {error}"));
    vec![
        time(&stuck.since),
        stuck.why.clone(),
        maybe(stuck.ticket.as_ref()),
        maybe(stuck.conversation.as_ref()),
        stuck.bridge.clone(),
        stuck.what.clone(),
        format!(
            "{}{}{}",
            stuck.waits_for,
            maybe(error.as_ref()),
            maybe(next.as_ref())
        ),
    ]
}

pub(super) fn halts(halts: &Halts) -> String {
    let rows: Vec<Vec<String>> = halts
        .halts
        .iter()
        .map(|halt| {
            vec![
                halt.bridge.clone(),
                halt.operation.clone(),
                if halt.holds { "holds" } else { "open" }.to_owned(),
                halt.held.to_string(),
                halt.let_out.to_string(),
                maybe_time(halt.since.as_ref()),
            ]
        })
        .collect();
    let mut text = table(
        &["BRIDGE", "KIND", "STATE", "HELD", "LET OUT", "SINCE"],
        &rows,
    );
    for halt in halts.halts.iter().filter(|halt| !halt.holding.is_empty()) {
        text.push_str(&holding(halt));
    }
    text.push_str(match halts.halts.iter().any(|halt| halt.holds) {
        true => HALT_ON,
        false => "No halt is on.\n",
    });
    text + &observing(&halts.observing)
}

/// The first of what a halt holds, with the rules that want it.
fn holding(halt: &HaltView) -> String {
    let rows: Vec<Vec<String>> = halt
        .holding
        .iter()
        .take(HELD_TOLD)
        .map(|held| {
            vec![
                time(&held.planned_at),
                maybe(held.ticket.as_ref()),
                maybe(held.conversation.as_ref()),
                held.sentence.clone(),
                held.rule.clone(),
            ]
        })
        .collect();
    let told = rows.len() as u64;
    let mut text = format!(
        "\nHeld of kind {} on bridge {}:\n",
        halt.operation, halt.bridge
    );
    text.push_str(&table(
        &["PLANNED", "TICKET", "CONVERSATION", "WHAT", "RULE"],
        &rows,
    ));
    let more = halt.held.saturating_sub(told);
    if more > 0 {
        text.push_str(&format!(
            "and {more} more; `jelou-bridge halt --json --limit 10000` tells all.\n"
        ));
    }
    text
}

pub(super) fn released(released: &Released) -> String {
    let mut text = String::new();
    for one in &released.released {
        let writes = count(one.let_go, "write", "writes");
        text.push_str(&format!(
            "{} of kind {} on bridge {} let go.\n",
            writes, one.operation, one.bridge
        ));
    }
    for one in &released.emptied {
        text.push_str(&format!(
            "The halt of {} on bridge {} is off; it held nothing any more.\n",
            one.operation, one.bridge
        ));
    }
    if text.is_empty() {
        text.push_str("Nothing was held. The halts count anew from here.\n");
    }
    for one in &released.still_on {
        text.push_str(&format!(
            "Still on: {} on bridge {} holds {}. \
             `halt release --bridge {} --operation {}` lets go of it.\n",
            one.operation, one.bridge, one.held, one.bridge, one.operation
        ));
    }
    text
}

pub(super) fn sweeps(sweeps: &Sweeps) -> String {
    let mut text = String::new();
    for sweep in &sweeps.sweeps {
        let found = [
            (
                sweep.messages,
                "message of a customer",
                "messages of customers",
            ),
            (sweep.comments, "comment of an agent", "comments of agents"),
        ];
        let found = found.into_iter().filter(|(many, _, _)| *many > 0);
        let found: String = found
            .map(|(many, one, more)| format!("; {} found", count(many, one, more)))
            .collect();
        text.push_str(&format!(
            "{}: {} listed as changed, {} new; {} read, {} found closed{found}.\n",
            sweep.bridge,
            count(sweep.tickets, "ticket", "tickets"),
            sweep.new_states,
            count(sweep.conversations, "conversation", "conversations"),
            sweep.found_closed
        ));
        if let Some(error) = &sweep.error {
            text.push_str(&format!("{}: the round broke off: {error}\n", sweep.bridge));
        }
    }
    text
}
