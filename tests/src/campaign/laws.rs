//! What must hold of both worlds and of the daemon between them when all is quiet. Neighbours:
//! `load`, which tells what people did; `season`, which gathers the rest.
//!
//! Each law looks at the sandboxes' own state first: what the daemon says of itself is believed
//! only where nobody else knows.

use super::load::Told;
use bridge_sandbox::{
    Call, Operation,
    helpdesk::{Comment, Role, Ticket},
    jelou::Conversation,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Both worlds as far as one season goes, and the daemon's Links.
pub struct Worlds {
    /// What people did.
    pub told: Told,
    /// Every conversation at Jelou that began in it.
    pub conversations: Vec<Conversation>,
    /// Every ticket at the helpdesk that was made in it, with its comments.
    pub tickets: Vec<(Ticket, Vec<Comment>)>,
    /// Every call that the helpdesk got in it.
    pub calls: Vec<Call>,
    /// Every Link that the daemon has of these, ended ones too.
    pub links: Vec<Value>,
    /// The ticket and the operation of every Intent it ever had.
    pub intents: Vec<(String, String)>,
}

/// Every place where a law is broken, a sentence each.
#[must_use]
pub fn broken(worlds: &Worlds) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(an_intent_starts_one_conversation(worlds));
    all.extend(a_ticket_has_one_open_conversation(worlds));
    all.extend(a_ticket_is_not_started_again_without_a_reopening(worlds));
    all.extend(a_conversation_has_one_ticket(worlds));
    all.extend(a_note_is_told_once(worlds));
    all.extend(every_ticket_got_its_conversation(worlds));
    all.extend(every_conversation_got_its_ticket(worlds));
    all.extend(a_done_ticket_has_no_open_conversation(worlds));
    all.extend(a_close_is_seen_on_the_ticket(worlds));
    all.extend(a_live_link_is_written_on_its_ticket(worlds));
    all
}

fn meta<'a>(conversation: &'a Conversation, key: &str) -> Option<&'a str> {
    conversation.metadata.as_ref()?.get(key)?.as_str()
}

fn text<'a>(link: &'a Value, key: &str) -> Option<&'a str> {
    link.get(key)?.as_str()
}

impl Worlds {
    fn started_for(&self, ticket: &str) -> Vec<&Conversation> {
        let all = self.conversations.iter();
        all.filter(|c| meta(c, "ticketId") == Some(ticket))
            .collect()
    }

    fn conversation(&self, id: &str) -> Option<&Conversation> {
        self.conversations.iter().find(|c| c.id == id)
    }

    fn ticket(&self, id: &str) -> Option<&Ticket> {
        let mut all = self.tickets.iter();
        all.find(|(ticket, _)| ticket.id == id)
            .map(|(ticket, _)| ticket)
    }

    fn links_of(&self, conversation: &str) -> Vec<&Value> {
        let all = self.links.iter();
        all.filter(|link| text(link, "conversation") == Some(conversation))
            .collect()
    }
}

/// Law 2 and A5: however often a start is tried, one conversation comes of it.
fn an_intent_starts_one_conversation(worlds: &Worlds) -> Vec<String> {
    let mut by_intent: BTreeMap<&str, usize> = BTreeMap::new();
    for intent in worlds
        .conversations
        .iter()
        .filter_map(|c| meta(c, "intentId"))
    {
        *by_intent.entry(intent).or_default() += 1;
    }
    let doubled = by_intent.into_iter().filter(|(_, count)| *count > 1);
    doubled
        .map(|(intent, count)| format!("intent {intent} started {count} conversations"))
        .collect()
}

/// Law 3: two conversations of one ticket never go on at the same time.
fn a_ticket_has_one_open_conversation(worlds: &Worlds) -> Vec<String> {
    let mut all = Vec::new();
    for (ticket, _) in &worlds.tickets {
        let mut started = worlds.started_for(&ticket.id);
        started.sort_by_key(|c| c.start_at_ms);
        for (earlier, later) in started.iter().zip(started.iter().skip(1)) {
            if earlier.end_at_ms.is_none_or(|end| end > later.start_at_ms) {
                let (one, two) = (&earlier.id, &later.id);
                all.push(format!("ticket {} has {one} and {two} at once", ticket.id));
            }
        }
    }
    all
}

/// A second conversation for a ticket needs a reason: the customer wrote, or an agent reopened it.
fn a_ticket_is_not_started_again_without_a_reopening(worlds: &Worlds) -> Vec<String> {
    let opened = worlds.told.opened.keys();
    opened
        .filter_map(|ticket| {
            let started = worlds.started_for(ticket).len();
            let reasons = 1 + worlds
                .told
                .reopened
                .get(ticket)
                .copied()
                .unwrap_or_default();
            (started > reasons)
                .then(|| format!("ticket {ticket} was started {started} times for {reasons}"))
        })
        .collect()
}

/// Law 4: however often a create is tried, one ticket comes of it, and one create of a conversation.
fn a_conversation_has_one_ticket(worlds: &Worlds) -> Vec<String> {
    let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let creates = worlds
        .calls
        .iter()
        .filter(|c| c.operation == Operation::CreateTicket);
    for call in creates.filter(|c| c.performed) {
        let about = call.body.pointer("/ticket/external_id");
        if let (Some(about), Some(key)) = (about.and_then(Value::as_str), &call.idempotency_key) {
            keys.entry(about).or_default().insert(key);
        }
    }
    let several = keys.iter().filter(|(_, keys)| keys.len() > 1);
    let mut all: Vec<String> = several
        .map(|(about, _)| format!("conversation {about} got several tickets"))
        .collect();
    let ours = worlds
        .tickets
        .iter()
        .filter(|(t, _)| t.tags.contains("jelou"));
    let (made, meant) = (
        ours.count(),
        keys.values().map(BTreeSet::len).sum::<usize>(),
    );
    if made != meant {
        all.push(format!("{made} tickets were made where {meant} were meant"));
    }
    for conversation in &worlds.conversations {
        let links = worlds.links_of(&conversation.id);
        let tickets: BTreeSet<_> = links.iter().filter_map(|l| text(l, "ticket")).collect();
        if tickets.len() > 1 {
            all.push(format!("conversation {} has {tickets:?}", conversation.id));
        }
    }
    all
}

/// A note says a thing once, and so does a customer's message, also when its answer was lost: no ticket
/// has more of them than were planned.
fn a_note_is_told_once(worlds: &Worlds) -> Vec<String> {
    let mut planned: BTreeMap<&str, usize> = BTreeMap::new();
    for (ticket, operation) in &worlds.intents {
        if matches!(operation.as_str(), "note" | "comment" | "file") {
            *planned.entry(ticket).or_default() += 1;
        }
    }
    let mut all = Vec::new();
    for (ticket, comments) in &worlds.tickets {
        let told = comments.iter().filter(|c| c.author == Role::Bridge).count();
        let meant = planned.get(ticket.id.as_str()).copied().unwrap_or_default();
        if told > meant {
            let ticket = &ticket.id;
            all.push(format!(
                "ticket {ticket} has {told} entries of ours where {meant} were meant"
            ));
        }
    }
    all
}

/// Nothing lost: a ticket that was never touched and whose customer is free has had a conversation.
fn every_ticket_got_its_conversation(worlds: &Worlds) -> Vec<String> {
    let opened = worlds.told.opened.iter();
    opened
        .filter(|(ticket, _)| !worlds.told.touched.contains(*ticket))
        .filter(|(ticket, user)| {
            let busy = worlds
                .conversations
                .iter()
                .any(|c| c.active && c.user == **user);
            let linked = worlds.links.iter().any(|link| {
                text(link, "ticket") == Some(ticket) && text(link, "conversation").is_some()
            });
            !busy && !linked && worlds.started_for(ticket).is_empty()
        })
        .map(|(ticket, _)| format!("ticket {ticket} never got a conversation"))
        .collect()
}

/// Nothing lost: what customers began is on a ticket.
fn every_conversation_got_its_ticket(worlds: &Worlds) -> Vec<String> {
    let all = worlds.conversations.iter();
    all.filter(|c| {
        let links = worlds.links_of(&c.id);
        !links.iter().any(|link| text(link, "ticket").is_some())
    })
    .map(|c| format!("conversation {} has no ticket", c.id))
    .collect()
}

/// Law 8: no conversation goes on about a ticket that is done.
fn a_done_ticket_has_no_open_conversation(worlds: &Worlds) -> Vec<String> {
    let done = worlds.tickets.iter().map(|(ticket, _)| ticket);
    let done = done.filter(|ticket| ["solved", "closed"].contains(&ticket.status.as_str()));
    let mut all = Vec::new();
    for ticket in done {
        let linked = worlds.links.iter().filter(|link| {
            text(link, "state") == Some("linked") && text(link, "ticket") == Some(&ticket.id)
        });
        let of_links = linked.filter_map(|link| worlds.conversation(text(link, "conversation")?));
        let of_metadata = worlds.started_for(&ticket.id).into_iter();
        if let Some(open) = of_links.chain(of_metadata).find(|c| c.active) {
            all.push(format!("ticket {} is done, {} goes on", ticket.id, open.id));
        }
    }
    all
}

/// What people closed at Jelou is seen on a ticket that nobody touched.
fn a_close_is_seen_on_the_ticket(worlds: &Worlds) -> Vec<String> {
    let mut all = Vec::new();
    for (id, reason) in &worlds.told.closed {
        let wanted = match *reason {
            "expired" => "pending",
            _ => "solved",
        };
        for ticket in worlds.tickets.iter().map(|(ticket, _)| ticket) {
            let its_last = ticket.external_id.as_deref() == Some(id);
            let untouched = !worlds.told.touched.contains(&ticket.id);
            if its_last && untouched && ticket.status != wanted {
                let (ticket, is) = (&ticket.id, &ticket.status);
                all.push(format!(
                    "{id} was closed, ticket {ticket} is {is}, not {wanted}"
                ));
            }
        }
    }
    all
}

/// A linked ticket names its conversation.
fn a_live_link_is_written_on_its_ticket(worlds: &Worlds) -> Vec<String> {
    let linked = worlds
        .links
        .iter()
        .filter(|l| text(l, "state") == Some("linked"));
    linked
        .filter_map(|link| {
            let (ticket, conversation) = (text(link, "ticket")?, text(link, "conversation")?);
            let names = worlds.ticket(ticket)?.external_id.as_deref();
            (names != Some(conversation))
                .then(|| format!("ticket {ticket} names {names:?}, not {conversation}"))
        })
        .collect()
}
