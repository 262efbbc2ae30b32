//! Events come in. Neighbour: step calls it first; what it learns, adopt, open and merge plan on.
//!
//! Nothing is decided here. An Event changes what is known, and everything known is stored with
//! the Lane, so every Event is settled in the step that hears it.

use super::{
    state::{ConversationMemory, EntryKind, Fate, Pending, Retry, TicketMemory},
    step::Turn,
    talk::{Message, Place},
};
use crate::{
    conversation::{Conversation, ConversationState},
    effect::{Effect, Operation},
    event::{ConversationClosed, ConversationStarted, Event, MessageReceived, TicketChanged},
    ids::{ConversationId, TicketId},
    mapping::Mapping,
    ticket::{Order, Ticket, TicketPatch, Version},
    time::Timestamp,
};
use std::time::Duration;

/// How a ticket's state came to be seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// By a read, or by the answer to a write: it holds for the moment at which that began.
    Read,
    /// By a Delivery that carried all of it.
    Told,
    /// By a Delivery that carried some of it.
    ToldInPart,
}

/// Webhooks come within seconds; what comes later than this was held up or sent again. A sender whose
/// clock is that far behind ours costs one read for each new ticket.
const TOLD_LATE: Duration = Duration::from_secs(60);

/// What an Event told of a ticket, weighed against what is known.
enum Told {
    Nothing(&'static str),
    See { ticket: Box<Ticket>, partial: bool },
    Hint,
}

impl Turn<'_> {
    pub(super) fn hear_all(&mut self) {
        self.forget();
        for pending in std::mem::take(&mut self.lane.pending) {
            let fate = self.hear(&pending);
            self.lane
                .fates
                .push((pending.delivery, pending.position, fate));
        }
    }

    fn hear(&mut self, pending: &Pending) -> Fate {
        match &pending.event {
            Event::TicketChanged(e) => self.hear_ticket(e, pending),
            Event::CommentAdded(e) => self.hear_comment(e, pending),
            Event::ConversationStarted(e) => self.hear_started(e),
            Event::ConversationClosed(e) => self.hear_closed(e),
            Event::MessageReceived(e) => self.hear_message(e),
        }
    }

    pub(super) fn hear_ticket(&mut self, e: &TicketChanged, pending: &Pending) -> Fate {
        let linked = self
            .live_link_of_ticket(&e.ticket)
            .is_some_and(|link| link.is_whole());
        if pending.by_sweep {
            self.doubt_comments(&e.ticket, e.version);
        } else if self.rules.capabilities.comments_hinted {
            self.hint_at_comments(&e.ticket);
        }
        let mapping = self.rules.mapping;
        let memory = self.lane.tickets.entry(e.ticket.clone()).or_default();
        if e.last_lane.as_ref().is_some_and(|l| *l != self.lane.id) {
            memory.shared = true;
            if memory.told {
                memory.came_back = memory.came_back.or(memory.seen_at);
            } else if !planted!(ForeignTicketAsks) {
                // It has asked before, and had its conversation: staying true is not turning true.
                memory.open_when = true;
            }
        }
        memory.told = true;
        let seen_at = e.read_at.unwrap_or(pending.received_at);
        // First heard of by a change of our own: a create whose answer was lost.
        memory.made_by_us |= memory.seen.is_none() && e.by_us && !planted!(EchoNotKnown);
        match weigh(memory, e, seen_at, linked) {
            Told::Nothing(reason) => Fate::Ignored {
                reason: reason.to_owned(),
            },
            Told::Hint => {
                memory.hint_at = memory.hint_at.max(Some(seen_at));
                if memory.seen.is_none() {
                    let told = e.whole.as_ref();
                    let customer = told.and_then(|t| mapping.user_id(t).ok().flatten());
                    memory.came_for = customer.or(memory.came_for.take());
                }
                if memory.gone {
                    // It speaks again: it may have been restored.
                    memory.gone = false;
                    memory.missing_since = None;
                }
                self.count_drift(pending, &e.ticket, "changed");
                Fate::Applied
            }
            Told::See { ticket, partial } => {
                let unchanged = memory.seen.as_ref() == Some(&*ticket);
                let known = memory.seen.as_ref().map(|seen| seen.status.clone());
                if known.as_ref() != Some(&ticket.status) {
                    self.count_drift(pending, &e.ticket, ticket.status.as_str());
                }
                let sight = match (partial, e.read_at) {
                    (true, _) => Sight::ToldInPart,
                    (false, None) => Sight::Told,
                    (false, Some(_)) => Sight::Read,
                };
                self.confirm_status_by(&ticket, seen_at);
                self.see_ticket(*ticket, seen_at, sight);
                if planted!(AgreedSetAgain) && unchanged {
                    self.set_agreed_again(&e.ticket, seen_at);
                }
                if e.last_lane.is_some()
                    && let Some(memory) = self.lane.tickets.get_mut(&e.ticket)
                {
                    // No Link brought it here, but its requester, however they are spelled.
                    memory.anothers = false;
                }
                Fate::Applied
            }
        }
    }

    /// A status that we tried to set and that the ticket has since is set, whatever became of the
    /// answer. As a move of the ticket's own it would win over the conversation's next one.
    fn confirm_status_by(&mut self, seen: &Ticket, at: Timestamp) {
        let tried = self.lane.intents.iter().find(|i| {
            i.state.is_open()
                && i.sent_at.is_some_and(|sent| at >= sent)
                && matches!(&i.effect, Effect::SetStatus { ticket, status }
                    if *ticket == seen.id && *status == seen.status)
        });
        if let Some(intent) = tried.cloned()
            && !planted!(OwnStatusTakenForMove)
        {
            self.done(&intent);
        }
    }

    fn count_drift(&mut self, pending: &Pending, ticket: &TicketId, what: &str) {
        if pending.by_sweep {
            self.lane.drift = self.lane.drift.saturating_add(1);
            let sentence =
                format!("The sweep found ticket {ticket} {what}; no webhook had said so");
            self.note_ticket(EntryKind::Event, sentence, ticket);
        }
    }

    /// Takes in what a call of this Lane, begun at `at`, has just shown of a ticket.
    pub(super) fn see_by_call(&mut self, ticket: Ticket, at: Timestamp) {
        let id = ticket.id.clone();
        self.see_ticket(ticket, at, Sight::Read);
        if let Some(memory) = self.lane.tickets.get_mut(&id) {
            memory.looked_at = Some(self.now);
        }
    }

    /// Takes a ticket's state in. `at` is when the read that saw it began, or when the Delivery
    /// that carried it was received.
    pub(super) fn see_ticket(&mut self, ticket: Ticket, at: Timestamp, sight: Sight) {
        let id = ticket.id.clone();
        let (mapping, user) = (self.rules.mapping, self.lane.user.clone());
        let memory = self.lane.tickets.entry(id.clone()).or_default();
        let moved = memory
            .seen
            .as_ref()
            .is_none_or(|seen| seen.status != ticket.status);
        // A read that shows an older state than was told of shows no second move.
        let left_open = memory.seen.as_ref().filter(|seen| {
            mapping.closes(&ticket.status)
                && !mapping.closes(&seen.status)
                && seen.version.compare(&ticket.version) != Order::Older
        });
        let left_open = left_open.map(|seen| seen.status.clone());
        if memory
            .seen
            .as_ref()
            .is_none_or(|seen| !same_content(seen, &ticket))
        {
            memory.changes = memory.changes.saturating_add(1);
        }
        if sight == Sight::Read {
            // Only a look of our own covers the hints before it: of two Deliveries, either may tell
            // of the later change.
            memory.read_at = memory.read_at.max(Some(at));
            memory.hint_at = memory
                .hint_at
                .filter(|hint| *hint > at && !planted!(HintDroppedByRead));
        }
        let customer = mapping.user_id(&ticket).ok().flatten();
        let given = match &memory.seen {
            Some(seen) => was_given_away(mapping, seen, &ticket),
            None => match (memory.came_for.take(), &customer) {
                (Some(told), Some(seen)) => told != *seen,
                (None, _) | (_, None) => false,
            },
        };
        if given || customer.as_ref() == Some(&user) {
            memory.anothers = customer.as_ref() != Some(&user);
        }
        memory.partial = sight == Sight::ToldInPart;
        memory.seen_at = memory.seen_at.max(Some(at));
        memory.missing_since = None;
        memory.gone = false;
        memory.retry = Retry::default();
        let status = ticket.status.clone();
        memory.seen = Some(ticket);
        if let Some(open) = left_open {
            self.was_open_since(&id, open);
        }
        if moved {
            self.note_ticket(EntryKind::Event, format!("Ticket {id} is {status}"), &id);
        }
    }

    fn hear_started(&mut self, e: &ConversationStarted) -> Fate {
        let id = e.conversation.id.clone();
        let memory = self.remember(&e.conversation);
        let known = memory.start_event;
        memory.start_event = true;
        let told = e.intent_id.as_ref();
        memory.start_intent = told.filter(|_| !planted!(IntentIdUnread)).cloned();
        memory.start_ticket.clone_from(&e.ticket_id);
        memory.seen.started_at = memory.seen.started_at.or(Some(e.at));
        if known {
            return Fate::Ignored {
                reason: "known".to_owned(),
            };
        }
        self.note_conversation(EntryKind::Event, format!("Conversation {id} began"), &id);
        if let Some(intent) = e.intent_id.clone()
            && !planted!(IntentIdUnread)
            && self
                .lane
                .intents
                .iter()
                .any(|i| i.id == intent && i.operation() == Operation::Start)
        {
            self.confirm_start(&intent, &id, "its start event carries our intent id");
        }
        self.mark_event_seen(&id, Operation::Start);
        Fate::Applied
    }

    fn hear_closed(&mut self, e: &ConversationClosed) -> Fate {
        let id = e.conversation.id.clone();
        let known = self
            .lane
            .conversations
            .get(&id)
            .is_some_and(|m| m.seen.state.is_closed());
        if planted!(TombstoneForgotten) && !self.lane.conversations.contains_key(&id) {
            return Fate::Applied;
        }
        let memory = self.remember(&e.conversation);
        memory.seen.ended_at = memory.seen.ended_at.or(Some(e.at));
        self.mark_event_seen(&id, Operation::Close);
        if known {
            return Fate::Ignored {
                reason: "known".to_owned(),
            };
        }
        if e.found_by_sweep {
            self.lane.drift = self.lane.drift.saturating_add(1);
        }
        let how = if e.found_by_sweep {
            "was found closed by the sweep"
        } else {
            "was closed"
        };
        self.note_conversation(EntryKind::Event, format!("Conversation {id} {how}"), &id);
        self.confirm_close_on_its_way(&id);
        Fate::Applied
    }

    fn hear_message(&mut self, e: &MessageReceived) -> Fate {
        let id = e.conversation.id.clone();
        let place = Place::Conversation { id: id.clone() };
        self.remember(&e.conversation);
        if planted!(MessagesCoalesced) {
            self.lane.messages.retain(|m| m.place != place);
        }
        let new = self.keep_message(Message {
            place,
            id: e.message.clone(),
            at: e.at,
            kind: e.kind.clone(),
            body: e.body.clone(),
            media: e.media.clone(),
            content: e.content.clone(),
            outcome: None,
        });
        if !new {
            return Fate::Ignored {
                reason: "known".to_owned(),
            };
        }
        if let Some(memory) = self.lane.conversations.get_mut(&id) {
            memory.messages = memory.messages.saturating_add(1);
            memory.last_message_at = memory.last_message_at.max(Some(e.at));
        }
        self.note_conversation(
            EntryKind::Event,
            format!("The customer wrote in conversation {id} ({})", e.kind),
            &id,
        );
        Fate::Applied
    }

    /// Merges what an event or answer says of a conversation into what is known. Closed stays closed.
    pub(super) fn remember(&mut self, told: &Conversation) -> &mut ConversationMemory {
        let now = self.now;
        let memory = self
            .lane
            .conversations
            .entry(told.id.clone())
            .or_insert_with(|| ConversationMemory::first_heard_of(told.clone(), now));
        let seen = &mut memory.seen;
        // Whatever Jelou tells spells the customer as Jelou does (rule 9).
        seen.user = told.user.clone();
        seen.room = told.room.clone().or_else(|| seen.room.take());
        seen.contact_name = told
            .contact_name
            .clone()
            .or_else(|| seen.contact_name.take());
        seen.assignment = told.assignment.clone().or_else(|| seen.assignment.take());
        seen.initial_message = told
            .initial_message
            .clone()
            .or_else(|| seen.initial_message.take());
        seen.started_at = told.started_at.or(seen.started_at);
        seen.ended_at = told.ended_at.or(seen.ended_at);
        if let ConversationState::Closed { .. } = told.state
            && !seen.state.is_closed()
        {
            seen.state = told.state.clone();
            memory.closed_known_at = Some(now);
        }
        if planted!(ClosedOpensAgain) {
            seen.state = told.state.clone();
        }
        memory
    }

    fn mark_event_seen(&mut self, conversation: &ConversationId, operation: Operation) {
        let links: Vec<_> = self
            .lane
            .links
            .iter()
            .filter(|link| link.conversation_id() == Some(conversation))
            .map(|link| link.id.clone())
            .collect();
        for intent in &mut self.lane.intents {
            if intent.operation() == operation && links.contains(&intent.link) {
                intent.event_seen = true;
            }
        }
    }
}

fn weigh(memory: &TicketMemory, e: &TicketChanged, at: Timestamp, linked: bool) -> Told {
    let Some(seen) = &memory.seen else {
        return match &e.whole {
            Some(whole)
                if e.read_at.is_some() || (whole.version != Version::None && !is_late(e, at)) =>
            {
                Told::See {
                    ticket: whole.clone(),
                    partial: false,
                }
            }
            Some(_) | None => Told::Hint,
        };
    };
    let covered = memory
        .read_at
        .is_some_and(|read_at| read_at >= at || planted!(CoveredByAnyRead));
    match seen.version.compare(&e.version) {
        Order::Older if planted!(StaleStatusWins) => see(seen, e),
        Order::Same | Order::Unknown if planted!(GranuleTakenAsNewer) => see(seen, e),
        Order::Older => Told::Nothing("stale"),
        // It may have been another customer's since, and be known better in their Lane.
        Order::Newer if !linked && e.read_at.is_none() && is_late(e, at) => Told::Hint,
        Order::Newer => see(seen, e),
        // Two changes the source cannot tell apart: the read begun last wins.
        // Unless that one began while a call of ours was under way: what each of them shows may be of before the other.
        Order::Same | Order::Unknown if e.read_at.is_some() && !covered => {
            let overlaps = memory.looked_at.is_some_and(|came| came > at);
            let differs = is_overlapping(seen, e);
            if overlaps && differs {
                Told::Hint
            } else {
                see(seen, e)
            }
        }
        Order::Same if says_nothing_new(seen, e, linked) => Told::Nothing("known"),
        Order::Unknown if covered && says_nothing_new(seen, e, linked) => Told::Nothing("known"),
        Order::Same | Order::Unknown if covered && !is_overlapping(seen, e) => {
            Told::Nothing("covered")
        }
        Order::Same | Order::Unknown => Told::Hint,
    }
}

/// A webhook was written before it came. A read that began first may have ended last; only the link
/// field is nobody's but ours.
fn is_overlapping(seen: &Ticket, e: &TicketChanged) -> bool {
    let says_more = match &e.whole {
        Some(whole) => {
            let mut whole = whole.clone();
            whole.link_field.clone_from(&seen.link_field);
            !same_content(seen, &whole)
        }
        None => e.patch != TicketPatch::default(),
    };
    says_more && e.read_at.is_some()
}

/// Whether a state was told long after it was: where no Link keeps up with the ticket, it is only a
/// hint. The ticket may be closed, or another customer's, by now.
fn is_late(e: &TicketChanged, received_at: Timestamp) -> bool {
    e.at.is_some_and(|at| received_at.since(at) > TOLD_LATE)
}

fn see(seen: &Ticket, e: &TicketChanged) -> Told {
    match &e.whole {
        Some(whole) => Told::See {
            ticket: whole.clone(),
            partial: false,
        },
        None if e.patch.status.is_none() => Told::Hint,
        None => Told::See {
            ticket: Box::new(patched(seen, e)),
            partial: true,
        },
    }
}

fn patched(seen: &Ticket, e: &TicketChanged) -> Ticket {
    let mut ticket = seen.clone();
    ticket.version = e.version;
    if let Some(status) = &e.patch.status {
        ticket.status = status.clone();
    }
    if let Some(priority) = &e.patch.priority {
        ticket.priority = Some(priority.clone());
    }
    if let Some(tags) = &e.patch.tags {
        ticket.tags.clone_from(tags);
    }
    ticket
}

/// Whether all that was told is what is known already: our own echo, mostly. For a ticket without a
/// Link, a change of a field that the Delivery did not carry may matter, so it says something new.
fn says_nothing_new(seen: &Ticket, e: &TicketChanged, linked: bool) -> bool {
    match &e.whole {
        Some(whole) => same_content(seen, whole),
        None => {
            (linked || e.by_us) && e.patch.status.is_some() && same_content(seen, &patched(seen, e))
        }
    }
}

fn same_content(a: &Ticket, b: &Ticket) -> bool {
    let mut b = b.clone();
    b.version = a.version;
    b.created_at = a.created_at;
    b.url.clone_from(&a.url);
    *a == b
}

/// Whether a ticket went over to another requester: by their id, or by the customer that the mapping makes of them.
fn was_given_away(mapping: &Mapping, before: &Ticket, now: &Ticket) -> bool {
    let (one, other) = (&before.requester.id, &now.requester.id);
    let known = one.is_some() && other.is_some();
    if known && one != other {
        return true;
    }
    let customer = |ticket| mapping.user_id(ticket).ok().flatten();
    match (customer(before), customer(now)) {
        (Some(one), Some(other)) => one != other,
        _ => false,
    }
}
