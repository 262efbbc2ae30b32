//! What must hold of both worlds and of the daemon between them when all is quiet. Rooms: `words`
//! (what people said). Neighbours: `load`, which tells what people did; `season`, which gathers the rest.
//!
//! Each law looks at the sandboxes' own state first: what the daemon says of itself is believed
//! only where nobody else knows.

#[cfg(test)]
mod tests;
mod words;

use super::{
    fault::{self, DoneAgain, Fault},
    load::Told,
    manner::{Manner, Offers},
    said::Known,
    scene::is_write,
};
use bridge_sandbox::{
    Call, Operation,
    helpdesk::{Comment, Role, Ticket},
    jelou::{Conversation, Spoken},
};
use jelou_bridge::jobs::LANES_AT_ONCE;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Both worlds as far as one season goes, and the daemon's Links.
pub struct Worlds {
    /// What people did.
    pub told: Told,
    /// How what became of a lost call could be found out.
    pub manner: Manner,
    /// When answers can have been lost.
    pub faults: Vec<Fault>,
    /// Every conversation at Jelou that began in it.
    pub conversations: Vec<Conversation>,
    /// Everything that was said at Jelou in it.
    pub spoken: Vec<Spoken>,
    /// Every ticket at the helpdesk that was made in it, with its comments.
    pub tickets: Vec<(Ticket, Vec<Comment>)>,
    /// Every call that the helpdesk got in it.
    pub calls: Vec<Call>,
    /// Every call that Jelou got in it.
    pub jelou_calls: Vec<Call>,
    /// When Jelou's webhooks and the helpdesk's told of words.
    pub known: [Known; 2],
    /// Every Link that the daemon has of these, ended ones too.
    pub links: Vec<Value>,
    /// When the first Link of a ticket was made, by the program's clock as it was then.
    pub made: BTreeMap<String, String>,
    /// Every Intent that it ever had for their tickets.
    pub intents: Vec<Planned>,
    /// What a person was asked about.
    pub asked: Vec<Asked>,
}

/// An Intent, as far as the laws go.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The ticket of its Link.
    pub ticket: String,
    /// `note`, `message`, ...
    pub operation: String,
    /// Tried again although an earlier try may have worked.
    pub flagged: bool,
}

/// A write that was parked because nobody knows what came of it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `note`, `message`, ...
    pub operation: String,
    /// Its ticket, where it has one.
    pub ticket: Option<String>,
    /// The program ended before it knew what came of the call; it may not even have left.
    pub stopped: bool,
}

/// Every place where a law is broken, a sentence each.
#[must_use]
pub fn broken(worlds: &Worlds) -> Vec<String> {
    let mut all = at_any_time(worlds);
    all.extend(words::come_over_once_in_order(worlds));
    all.extend(a_note_is_told_once(worlds));
    all.extend(no_more_is_asked_than_was_cut(worlds));
    all.extend(answers_are_kept_at_once(worlds));
    all.extend(every_ticket_got_its_conversation(worlds));
    all.extend(every_conversation_got_its_ticket(worlds));
    all.extend(a_done_ticket_has_no_open_conversation(worlds));
    all.extend(a_close_is_seen_on_the_ticket(worlds));
    all.extend(a_live_link_is_written_on_its_ticket(worlds));
    all
}

/// How many words of agents went nowhere since they were said before the bridge knew of their ticket.
#[must_use]
pub fn said_before(worlds: &Worlds) -> usize {
    words::to_customers(worlds).before
}

/// Of those laws, such as hold while everything is on its way, and ask nothing of the daemon.
#[must_use]
pub fn at_any_time(worlds: &Worlds) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(an_intent_starts_one_conversation(worlds));
    all.extend(a_ticket_has_one_open_conversation(worlds));
    all.extend(a_ticket_is_not_started_again_without_a_reopening(worlds));
    all.extend(a_conversation_has_one_ticket(worlds));
    all.extend(words::stay_with_whom_they_are_for(worlds));
    all
}

/// So many of the things that are done again for each one whose answer had left long before. On a quiet
/// machine next to none had; beside builds on two cores seven, eight and fifty in two hundred kills. Were every
/// commit half a second late, it would be most of them.
const DONE_AGAIN_FOR_ONE_LATE: usize = 2;

/// What is done again as the answer before was on the disk late is an exception: else a commit that comes
/// long after its answer would go for bad luck. How long is long hangs on who else uses the machine; so it is
/// held against what the same faults met sooner.
fn answers_are_kept_at_once(worlds: &Worlds) -> Option<String> {
    let DoneAgain { soon, late } = done_again(worlds);
    let most = 1 + soon / DONE_AGAIN_FOR_ONE_LATE;
    (late > most).then(|| {
        format!(
            "{late} things were done again although their answers had left long before, and {soon} of which they had not"
        )
    })
}

/// What was done once more in them, of what may be.
#[must_use]
pub fn done_again(worlds: &Worlds) -> DoneAgain {
    let calls = worlds.calls.iter().chain(&worlds.jelou_calls);
    let calls = calls.filter(|call| worlds.manner.may_repeat(call.operation));
    let what = |call: &Call| Some(format!("{} {}", call.path, call.body));
    fault::done_again(calls, &worlds.faults, what)
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

    /// How often each thing may have been done once more, of what these calls do.
    fn again(
        &self,
        operation: Operation,
        what: fn(&Call) -> Option<String>,
    ) -> BTreeMap<String, usize> {
        if !self.manner.may_repeat(operation) {
            return BTreeMap::new();
        }
        let calls = self.calls.iter().chain(&self.jelou_calls);
        let calls = calls.filter(|call| call.operation == operation);
        fault::again(calls, &self.faults, what)
    }

    /// Writes of which the program may not know what came of them.
    #[must_use]
    pub fn cut(&self) -> usize {
        let calls = self.calls.iter().chain(&self.jelou_calls);
        let writes = calls.filter(|call| is_write(call.operation));
        writes
            .filter(|call| fault::was_cut(call, &self.faults))
            .count()
    }

    fn flagged(&self, operations: &[&str], ticket: Option<&str>) -> usize {
        let all = self.intents.iter().filter(|intent| intent.flagged);
        all.filter(|intent| operations.contains(&intent.operation.as_str()))
            .filter(|intent| ticket.is_none_or(|ticket| intent.ticket == ticket))
            .count()
    }

    /// A ticket that an unanswered create made, and of which nobody can know: another was made for the
    /// conversation.
    fn is_left_over(&self, ticket: &Ticket) -> bool {
        let known = |link: &Value| text(link, "ticket") == Some(&ticket.id);
        self.manner.may_repeat(Operation::CreateTicket)
            && ticket.tags.contains("jelou")
            && !self.links.iter().any(known)
    }

    /// Whether a Link of this ticket says that its customer is in another conversation. A ticket of which
    /// there is no Link waits for nobody: it is forgotten.
    fn waits_busy(&self, ticket: &str) -> bool {
        self.links.iter().any(|link| {
            text(link, "ticket") == Some(ticket) && text(link, "state") == Some("waiting_busy")
        })
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

/// The conversation that a create is about.
fn about(call: &Call) -> Option<String> {
    let about = call.body.pointer("/ticket/external_id");
    about.and_then(Value::as_str).map(str::to_owned)
}

/// Law 4: however often a create is tried, one ticket comes of it, and one create of a conversation;
/// where nothing tells of a lost one, one more for each that was cut.
fn a_conversation_has_one_ticket(worlds: &Worlds) -> Vec<String> {
    let mut made: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let creates = worlds
        .calls
        .iter()
        .filter(|c| c.operation == Operation::CreateTicket);
    for call in creates.filter(|c| c.performed) {
        let key = match worlds.manner.offers {
            Offers::Key => call.idempotency_key.clone(),
            Offers::Lookup | Offers::LaggingSearch | Offers::Nothing => {
                Some(call.number.to_string())
            }
        };
        if let (Some(about), Some(key)) = (about(call), key) {
            made.entry(about).or_default().insert(key);
        }
    }
    let again = worlds.again(Operation::CreateTicket, about);
    let allowed = |about: &String| 1 + again.get(about).copied().unwrap_or_default();
    let several = made
        .iter()
        .filter(|(about, made)| made.len() > allowed(about));
    let mut all: Vec<String> = several
        .map(|(about, made)| format!("conversation {about} got {} tickets", made.len()))
        .collect();
    let ours = worlds
        .tickets
        .iter()
        .filter(|(t, _)| t.tags.contains("jelou"));
    let (there, meant) = (
        ours.count(),
        made.values().map(BTreeSet::len).sum::<usize>(),
    );
    if there != meant {
        all.push(format!(
            "{there} tickets were made where {meant} were meant"
        ));
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
/// has more of them than were planned. Where nothing tells of a lost one, one more for each that was
/// cut, and each of them is flagged.
fn a_note_is_told_once(worlds: &Worlds) -> Vec<String> {
    let mut planned: BTreeMap<&str, usize> = BTreeMap::new();
    for intent in &worlds.intents {
        if ENTRIES.contains(&intent.operation.as_str()) {
            *planned.entry(&intent.ticket).or_default() += 1;
        }
    }
    let again = worlds.again(Operation::AddComment, |call| {
        Some(format!("{}\n{}", call.path, call.body))
    });
    let mut all = Vec::new();
    for (ticket, comments) in &worlds.tickets {
        let path = format!("/api/tickets/{}/comments\n", ticket.id);
        let again = again.iter().filter(|(what, _)| what.starts_with(&path));
        let again: usize = again.map(|(_, times)| times).sum();
        // One of them may have been cut more than once.
        let flagged = worlds.flagged(&ENTRIES, Some(&ticket.id)) > 0;
        let again = if flagged { again } else { 0 };
        let told = comments.iter().filter(|c| c.author == Role::Bridge).count();
        let meant = planned.get(ticket.id.as_str()).copied().unwrap_or_default();
        if told > meant + again {
            let ticket = &ticket.id;
            all.push(format!(
                "ticket {ticket} has {told} entries of ours where {meant} were meant and {again} cut"
            ));
        }
    }
    all
}

/// Operations that write an entry on a ticket.
const ENTRIES: [&str; 3] = ["note", "comment", "file"];

/// A person is asked about nothing but calls that were cut, or that a program which ended had just written down.
fn no_more_is_asked_than_was_cut(worlds: &Worlds) -> Vec<String> {
    let (asked, cut) = (worlds.asked.len(), worlds.cut());
    let stopped = worlds.asked.iter().filter(|asked| asked.stopped).count();
    let unsent = stopped.min(worlds.faults.len() * LANES_AT_ONCE);
    let wrong = (asked > cut + unsent)
        .then(|| format!("a person was asked about {asked} writes, and {cut} can have been cut"));
    wrong.into_iter().collect()
}

/// Nothing lost: a ticket that was never solved has had a conversation, or waits for another of its customer's
/// to end. Any other status is no reason to have none.
fn every_ticket_got_its_conversation(worlds: &Worlds) -> Vec<String> {
    let opened = worlds.told.opened.iter();
    opened
        .filter(|(ticket, _)| !worlds.told.solved.contains(*ticket))
        .filter(|(ticket, user)| {
            let busy = worlds
                .conversations
                .iter()
                .any(|c| c.active && c.user == **user);
            let linked = worlds.links.iter().any(|link| {
                text(link, "ticket") == Some(ticket) && text(link, "conversation").is_some()
            });
            let waits = busy && worlds.waits_busy(ticket);
            !waits && !linked && worlds.started_for(ticket).is_empty()
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
            let meant = its_last && untouched && !worlds.is_left_over(ticket);
            if meant && ticket.status != wanted {
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
