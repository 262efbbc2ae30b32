//! What becomes of a conversation that no Link has yet: ours, the customer's own, or nobody's
//! (rules 5, 6 and 8). Neighbours: hear learns of it; merge takes over once it has a Link.

use super::{
    state::{ConversationMemory, EntryKind},
    step::Turn,
};
use crate::{
    effect::{Operation, Read},
    ids::{ConversationId, IntentId, TicketId},
    intent::{Intent, IntentState},
    link::{Agreed, ConversationSide, Origin, TicketSide},
    mapping::{CustomerWritesAfterClose, MappingError, Reuse},
    time::Timestamp,
};
use std::time::Duration;

/// A message may overtake the start event of its conversation; after this it counts as lost.
pub const LONE_MESSAGE_WAIT: Duration = Duration::from_secs(5);

/// Jelou's clock and ours may differ by this much when a conversation's start is held against the
/// moment we asked for it.
pub const CLOCKS_APART: Duration = Duration::from_secs(120);

/// Why a conversation has no ticket of which nothing is known but that Jelou answered a start with it.
pub(super) const LEARNT_BY_ANSWER: &str = "learnt from Jelou's answer to a start";

/// Where a new conversation of the customer's own goes.
enum Place {
    /// To this ticket, which is reopened if asked.
    Ticket {
        id: TicketId,
        reopen: bool,
        rule: &'static str,
    },
    /// To a new one, which names the old if there is one.
    New { follows: Option<TicketId> },
    /// A read must come first.
    Wait,
}

impl Turn<'_> {
    pub(super) fn plan_conversations(&mut self) {
        let unlinked: Vec<ConversationId> = self
            .lane
            .conversations
            .keys()
            .filter(|id| self.link_of_conversation(id).is_none())
            .cloned()
            .collect();
        for id in unlinked {
            self.consider(&id);
        }
    }

    fn consider(&mut self, id: &ConversationId) {
        let Some(memory) = self.lane.conversations.get(id).cloned() else {
            return;
        };
        // What Jelou answered to a start is proven or disproved with that start, in its own time.
        if memory.taken_elsewhere || self.is_an_answer(id) {
            return;
        }
        if let Some(intent) = self.claimed_by(&memory) {
            self.confirm_start(
                &intent,
                id,
                "it began after our start and nothing else explains it",
            );
            return;
        }
        let start_on_its_way = self.start_in_question(&memory);
        if start_on_its_way && memory.seen.started_at.is_none() && !memory.start_event {
            self.want_read(
                Read::Conversation { id: id.clone() },
                memory.retry.due_at.unwrap_or(self.now),
            );
        }
        if !memory.start_event && memory.messages == 0 {
            self.keep_an_eye_on(id, &memory, start_on_its_way);
            return;
        }
        let wait = if start_on_its_way {
            self.rules.limits.event_confirm
        } else if memory.start_event {
            Duration::ZERO
        } else {
            LONE_MESSAGE_WAIT
        };
        let from = memory.learnt_at.plus(wait);
        if self.now < from {
            self.wake(from);
        } else {
            self.take_in(id, &memory);
        }
    }

    fn is_an_answer(&self, id: &ConversationId) -> bool {
        self.lane.intents.iter().any(|i| {
            i.operation() == Operation::Start
                && matches!(i.state, IntentState::Sent | IntentState::Unknown)
                && i.answered.as_ref() == Some(id)
        })
    }

    /// A tombstone makes no ticket by itself. One learnt from an answer keeps the customer busy, so
    /// it gets a Link without a ticket: then the Sweep looks at it, and finds its end.
    fn keep_an_eye_on(
        &mut self,
        id: &ConversationId,
        memory: &ConversationMemory,
        in_question: bool,
    ) {
        if !in_question && !memory.seen.state.is_closed() {
            self.new_link(
                Origin::Conversation,
                ConversationSide::Known { id: id.clone() },
                TicketSide::Unwanted {
                    rule: LEARNT_BY_ANSWER.to_owned(),
                },
                LEARNT_BY_ANSWER,
            );
        }
    }

    /// The start that made this conversation, as far as can be proven without its event: a
    /// conversation whose start event we did not see, begun after we asked (rule 5).
    fn claimed_by(&self, memory: &ConversationMemory) -> Option<IntentId> {
        if memory.start_event {
            return None;
        }
        let started_at = memory.seen.started_at?;
        self.lane
            .intents
            .iter()
            .filter(|i| i.operation() == Operation::Start && in_question(i))
            .filter(|i| {
                i.answered
                    .as_ref()
                    .is_none_or(|answered| answered == &memory.seen.id)
            })
            .filter(|i| i.refused_status.is_none())
            .find(|i| {
                i.first_sent_at
                    .is_some_and(|sent| not_before(started_at, sent))
            })
            .map(|i| i.id.clone())
    }

    /// Whether a start of ours may yet turn out to have made this conversation.
    fn start_in_question(&self, memory: &ConversationMemory) -> bool {
        self.lane.intents.iter().any(|i| {
            i.operation() == Operation::Start
                && matches!(i.state, IntentState::Sent | IntentState::Unknown)
                && i.answered
                    .as_ref()
                    .is_none_or(|answered| answered == &memory.seen.id)
        })
    }

    fn take_in(&mut self, id: &ConversationId, memory: &ConversationMemory) {
        if let Some(ticket) = memory.start_ticket.clone()
            && memory.start_intent.is_none()
            && self.adopt(id, &ticket)
        {
            return;
        }
        if let Some(known) = self.lane.conversations.get_mut(id) {
            known.customers_own = true;
        }
        match self.place(memory) {
            Ok(None) => {
                let rule = "mapping.ticket.create_when".to_owned();
                self.new_link(
                    Origin::Conversation,
                    ConversationSide::Known { id: id.clone() },
                    TicketSide::Unwanted { rule: rule.clone() },
                    &rule,
                );
            }
            Ok(Some(Place::Wait)) => {}
            Ok(Some(Place::Ticket {
                id: ticket,
                reopen,
                rule,
            })) => {
                self.join_ticket(id, &ticket, reopen, rule);
            }
            Ok(Some(Place::New { follows })) => {
                let link = self.new_link(
                    Origin::Conversation,
                    ConversationSide::Known { id: id.clone() },
                    TicketSide::Wanted,
                    "mapping.ticket.create_when",
                );
                if let Some(link) = self.lane.link_mut(&link) {
                    link.follows = follows;
                }
            }
            Err(error) => self.give_up_conversation(id, &error),
        }
    }

    fn give_up_conversation(&mut self, id: &ConversationId, error: &MappingError) {
        let sentence = format!("No ticket for conversation {id}: {error}");
        self.note_conversation(EntryKind::Alarm, sentence, id);
        self.new_link(
            Origin::Conversation,
            ConversationSide::Known { id: id.clone() },
            TicketSide::Unwanted {
                rule: format!("error in {error}"),
            },
            "mapping",
        );
    }

    /// Metadata names a ticket: it is taken if it is free and ours to take. `true` if that is
    /// settled or still being looked at.
    fn adopt(&mut self, id: &ConversationId, ticket: &TicketId) -> bool {
        let memory = self.lane.tickets.get(ticket).cloned().unwrap_or_default();
        let taken_here = self.live_link_of_ticket(ticket).is_some();
        if memory.gone || taken_here || memory.held_elsewhere.is_some() {
            if !memory.gone {
                self.tell_ticket(
                    ticket,
                    &format!("named:{id}"),
                    "A conversation named this ticket in its metadata, but another conversation has it. It was treated as the customer's own.",
                );
            }
            return false;
        }
        let asked = self
            .lane
            .conversations
            .get(id)
            .is_some_and(|m| m.holder_asked);
        if !asked {
            self.want_read(
                Read::TicketHolder {
                    ticket: ticket.clone(),
                },
                self.now,
            );
            if let Some(known) = self.lane.conversations.get_mut(id) {
                known.holder_asked = true;
            }
            return true;
        }
        if memory.seen.is_none() {
            self.want_ticket(ticket);
            return true;
        }
        self.join_ticket(id, ticket, false, "metadata.ticketId");
        true
    }

    fn place(&mut self, memory: &ConversationMemory) -> Result<Option<Place>, MappingError> {
        let mapping = self.rules.mapping;
        if !mapping.create_when(&memory.seen)? {
            return Ok(None);
        }
        let last = self.last_ended_ticket();
        let candidates: Vec<TicketId> = self.free_tickets();
        for id in candidates {
            let seen_at = self.lane.tickets.get(&id).and_then(|m| m.seen_at);
            if seen_at.is_none_or(|at| at < memory.learnt_at) {
                self.want_ticket(&id);
                return Ok(Some(Place::Wait));
            }
            let Some(seen) = self.lane.tickets.get(&id).and_then(|m| m.seen.clone()) else {
                continue;
            };
            let vocabulary = mapping.vocabulary();
            if mapping.reuse == Reuse::Open && vocabulary.is_open(&seen.status) {
                return Ok(Some(Place::Ticket {
                    id,
                    reopen: false,
                    rule: "mapping.ticket.reuse",
                }));
            }
            let recent = last.as_ref().is_some_and(|(ticket, ended)| {
                ticket == &id && self.now.since(*ended) <= mapping.reopen_within
            });
            if recent && !vocabulary.is_final(&seen.status) && !vocabulary.is_open(&seen.status) {
                let rule = "mapping.ticket.customer_writes_after_close";
                match mapping.customer_writes_after_close {
                    CustomerWritesAfterClose::Append => {
                        return Ok(Some(Place::Ticket {
                            id,
                            reopen: false,
                            rule,
                        }));
                    }
                    CustomerWritesAfterClose::Reopen => {
                        return Ok(Some(Place::Ticket {
                            id,
                            reopen: true,
                            rule,
                        }));
                    }
                    CustomerWritesAfterClose::New => {}
                }
            }
        }
        Ok(Some(Place::New {
            follows: last.map(|(ticket, _)| ticket),
        }))
    }

    /// Tickets of this Lane that no live Link has, the latest first.
    fn free_tickets(&self) -> Vec<TicketId> {
        let mut free: Vec<_> = self
            .lane
            .tickets
            .iter()
            .filter(|(id, m)| {
                !m.gone && m.held_elsewhere.is_none() && self.live_link_of_ticket(id).is_none()
            })
            .filter(|(id, m)| m.made_by_us || self.latest_link_of_ticket(id).is_some())
            .map(|(id, m)| (m.seen_at, id.clone()))
            .collect();
        free.sort();
        free.into_iter().rev().map(|(_, id)| id).collect()
    }

    fn last_ended_ticket(&self) -> Option<(TicketId, Timestamp)> {
        self.lane
            .links
            .iter()
            .filter_map(|link| Some((link.ticket_id()?.clone(), link.ended.as_ref()?.at)))
            .max_by_key(|(_, at)| *at)
    }

    fn join_ticket(&mut self, id: &ConversationId, ticket: &TicketId, reopen: bool, rule: &str) {
        let Some(seen) = self.lane.tickets.get(ticket).and_then(|m| m.seen.clone()) else {
            return;
        };
        let link = self.new_link(
            Origin::Conversation,
            ConversationSide::Known { id: id.clone() },
            TicketSide::Known { id: ticket.clone() },
            rule,
        );
        if let Some(memory) = self.lane.tickets.get_mut(ticket) {
            memory.open_when = true;
        }
        if let Some(link) = self.lane.link_mut(&link) {
            link.agreed = Some(Agreed {
                conversation_closed: false,
                status: seen.status,
            });
        }
        if reopen {
            self.reopen(&link, ticket, &format!("conversation {id}"), rule);
        }
    }

    /// A start of ours made this conversation: its Link gets it.
    pub(super) fn confirm_start(&mut self, intent: &IntentId, id: &ConversationId, proof: &str) {
        let Some(link) = self.lane.intent(intent).map(|i| i.link.clone()) else {
            return;
        };
        let other = self
            .lane
            .link(&link)
            .and_then(|l| l.conversation_id().cloned());
        if let Some(other) = other.filter(|other| other != id) {
            self.note_conversation(
                EntryKind::Alarm,
                format!("Conversation {id} came of the same start as {other}: a duplicate"),
                id,
            );
            self.tell(&link, &format!("double:{id}"), "A second conversation was started for this ticket, because the answer to the first start was lost. Close one of them at Jelou.");
            return;
        }
        let now = self.now;
        if let Some(intent) = self.lane.intent_mut(intent) {
            intent.state = IntentState::Confirmed;
            intent.confirmed_at = Some(now);
            intent.parked = None;
            intent.held = false;
        }
        if let Some(link) = self.lane.link_mut(&link) {
            link.conversation = ConversationSide::Known { id: id.clone() };
            link.busy_since = None;
            link.ended = None;
        }
        self.changed = true;
        let spelled = self.lane.conversations.get(id).map(|m| m.seen.user.clone());
        if let Some(user) = spelled.filter(|user| *user != self.lane.user) {
            self.lane.canonical = Some(user);
        }
        self.lane.journal_intent(
            intent,
            EntryKind::Outcome,
            format!("Conversation {id} is this ticket's: {proof}"),
            now,
        );
    }
}

/// A start whose conversation may still turn up: sent or unknown, or parked because it stayed so.
fn in_question(intent: &Intent) -> bool {
    match intent.state {
        IntentState::Sent | IntentState::Unknown => true,
        IntentState::Parked => intent
            .parked
            .as_ref()
            .is_some_and(|parked| parked.reason == super::UNKNOWN_OUTCOME),
        IntentState::Planned => intent.attempts > 0 && intent.possible_duplicate,
        IntentState::Confirmed
        | IntentState::Refused
        | IntentState::Withdrawn
        | IntentState::Observed => false,
    }
}

/// Whether a conversation that began at `started_at` can come of a call begun at `sent`.
pub(super) fn not_before(started_at: Timestamp, sent: Timestamp) -> bool {
    started_at >= sent.minus(CLOCKS_APART)
}
