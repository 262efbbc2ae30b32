//! What becomes of a conversation that no Link has yet and no start of ours made (rule 8).
//! Neighbours: ours, which looks first; hear learns of it; links takes over once it has a Link.

use super::{
    state::{ConversationMemory, EntryKind, TicketMemory},
    step::Turn,
};
use crate::{
    effect::Read,
    ids::{ConversationId, LinkId, TicketId},
    link::{Agreed, ConversationSide, Link, Origin, TicketSide},
    mapping::{CustomerWritesAfterClose, MappingError, Reuse},
    time::Timestamp,
};
use std::time::Duration;

/// A message may overtake the start event of its conversation; after this it counts as lost.
pub const LONE_MESSAGE_WAIT: Duration = Duration::from_secs(5);

/// Before a conversation goes to a ticket, it is looked whose that is: what becomes of another customer's
/// ticket is told to their Lane alone. Long enough for the look, and for what it waits for.
const LOOK_GOOD_FOR: Duration = Duration::from_secs(30);

/// What cannot be read may be a start's own conversation: so long it is waited for a read of it. When Jelou
/// cannot be read for longer, the customer's words count for more than a second conversation, which is
/// flagged.
const UNREAD_MOST: Duration = Duration::from_secs(3600);

/// Why a conversation has no ticket of which nothing is known but that Jelou answered a start with it.
pub(super) const LEARNT_BY_ANSWER: &str = "learnt from Jelou's answer to a start";

const REUSE: &str = "mapping.ticket.reuse";
const AFTER_CLOSE: &str = "mapping.ticket.customer_writes_after_close";
const CREATE: &str = "mapping.ticket.create_when";

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
    /// To none.
    None,
    /// A read must come first.
    Wait,
}

/// What came of a ticket that a conversation's metadata names.
enum Named {
    /// The conversation has it.
    Adopted,
    /// A read must come first.
    Wait,
    /// It is not to be had, and is to be told so.
    Refused,
    /// It is not to be had, and nobody can be told.
    Lost,
}

impl Turn<'_> {
    pub(super) fn plan_conversations(&mut self) {
        let unlinked: Vec<ConversationId> = self
            .lane
            .conversations
            .iter()
            .filter(|(id, m)| {
                let unlinked = !m.linked && self.link_of_conversation(id).is_none();
                unlinked || self.announced_by(m).is_some()
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in unlinked {
            self.consider(&id);
        }
    }

    fn consider(&mut self, id: &ConversationId) {
        let Some(memory) = self.lane.conversations.get(id).cloned() else {
            return;
        };
        if memory.taken_elsewhere {
            return;
        }
        if let Some(intent) = self.announced_by(&memory) {
            let proof = "its start event carried our intent id";
            return self.confirm_start(&intent, id, proof);
        }
        if memory.linked || self.link_of_conversation(id).is_some() {
            // It was announced by a start whose other conversation has just been taken for its own.
            return;
        }
        if let Some(intent) = self.claimed_by(&memory) {
            // Its start event says whose it is, if one came: another start's, or nobody's.
            if self.must_hear_first(memory.shown_at()) {
                return;
            }
            let proof = "it began after our start and nothing else explains it";
            return self.confirm_start(&intent, id, proof);
        }
        if self.is_answer_in_question(id) {
            // Resolve proves or disproves it, by its event or by a read.
            return;
        }
        let start_on_its_way = self.start_in_question(&memory);
        let claimable = self.may_be_claimed(&memory);
        if claimable {
            let due = memory.retry.due_at.unwrap_or(self.now);
            self.want_read(Read::Conversation { id: id.clone() }, due);
        }
        if !memory.start_event && memory.messages == 0 && !planted!(CloseAloneMakesTicket) {
            return self.keep_an_eye_on(id, &memory, start_on_its_way);
        }
        let wait = if planted!(TakenInAtOnce) {
            Duration::ZERO
        } else if claimable {
            UNREAD_MOST
        } else if start_on_its_way {
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

    /// Whether a conversation is still to be read that a start may have made; then it is waited for.
    pub(super) fn must_read_first(&mut self) -> bool {
        let looked_for = |id: &ConversationId, m: &ConversationMemory| {
            let free = !m.linked && !m.taken_elsewhere && self.link_of_conversation(id).is_none();
            free && self.may_be_claimed(m)
        };
        let talks = self.lane.conversations.iter();
        let unread = talks.filter(|(id, m)| looked_for(id, m));
        let until = unread.map(|(_, m)| m.learnt_at.plus(UNREAD_MOST)).max();
        let until = until.filter(|until| self.now < *until);
        if let Some(until) = until {
            self.wake(until);
        }
        until.is_some()
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
            self.link_without_ticket(id, LEARNT_BY_ANSWER);
        }
    }

    pub(super) fn link_without_ticket(&mut self, id: &ConversationId, rule: &str) -> LinkId {
        self.new_link(
            Origin::Conversation,
            ConversationSide::Known { id: id.clone() },
            TicketSide::Unwanted {
                rule: rule.to_owned(),
            },
            rule,
        )
    }

    fn take_in(&mut self, id: &ConversationId, memory: &ConversationMemory) {
        let named = memory
            .start_ticket
            .as_ref()
            .filter(|_| memory.start_intent.is_none());
        let told = match named.map(|ticket| self.adopt(id, memory, ticket)) {
            Some(Named::Adopted | Named::Wait) => return,
            Some(Named::Refused) => named,
            Some(Named::Lost) | None => None,
        };
        if let Some(known) = self.lane.conversations.get_mut(id) {
            known.customers_own = true;
        }
        let link = match self.place(memory) {
            Ok(Place::Wait) => return,
            Ok(Place::None) => self.link_without_ticket(id, CREATE),
            Ok(Place::Ticket {
                id: ticket,
                reopen,
                rule,
            }) => {
                let Some(link) = self.join_ticket(id, &ticket, rule) else {
                    return;
                };
                if reopen {
                    self.reopen(&link, &ticket, &format!("conversation {id}"), rule);
                }
                link
            }
            Ok(Place::New { follows }) => self.link_with_new_ticket(id, follows),
            Err(error) => self.give_up_conversation(id, &error),
        };
        if let Some(ticket) = told {
            self.tell_about(&link, ticket, &format!("named:{id}"), "A conversation named this ticket in its metadata, but another conversation has it or had it to the end. It was treated as the customer's own.");
        }
    }

    fn link_with_new_ticket(&mut self, id: &ConversationId, follows: Option<TicketId>) -> LinkId {
        let link = self.new_link(
            Origin::Conversation,
            ConversationSide::Known { id: id.clone() },
            TicketSide::Wanted,
            CREATE,
        );
        if let Some(link) = self.lane.link_mut(&link) {
            link.follows = follows;
        }
        link
    }

    /// Its start event or a message came after all: it gets a ticket like any other.
    pub(super) fn take_in_after_all(&mut self, link: &Link, id: &ConversationId) {
        let Some(memory) = self.lane.conversations.get(id).cloned() else {
            return;
        };
        let ticket = match self.place(&memory) {
            Ok(Place::Wait) => return,
            Ok(Place::None) => TicketSide::Unwanted {
                rule: CREATE.to_owned(),
            },
            Ok(Place::Ticket { id: ticket, .. }) => TicketSide::Known { id: ticket },
            Ok(Place::New { .. }) => TicketSide::Wanted,
            Err(error) => {
                self.note_unmade(id, &error);
                TicketSide::Unwanted {
                    rule: format!("error in {error}"),
                }
            }
        };
        if let Some(link) = self.lane.link_mut(&link.id) {
            link.ticket = ticket;
        }
        self.changed = true;
    }

    fn give_up_conversation(&mut self, id: &ConversationId, error: &MappingError) -> LinkId {
        self.note_unmade(id, error);
        self.link_without_ticket(id, &format!("error in {error}"))
    }

    pub(super) fn note_unmade(&mut self, id: &ConversationId, error: &MappingError) {
        let sentence = format!("No ticket for conversation {id}: {error}");
        self.note_conversation(EntryKind::Alarm, sentence, id);
    }

    /// Metadata names a ticket: it is taken if no Link has it and it can still change.
    fn adopt(
        &mut self,
        id: &ConversationId,
        talk: &ConversationMemory,
        ticket: &TicketId,
    ) -> Named {
        if self.rules.capabilities.only_creates {
            return Named::Lost;
        }
        if self.live_link_of_ticket(ticket).is_some() && !planted!(NamedTicketTaken) {
            return Named::Refused;
        }
        let memory = self.lane.tickets.get(ticket).cloned().unwrap_or_default();
        if memory.gone {
            return Named::Lost;
        }
        if memory.holder_asked_at.is_none_or(|at| at < talk.learnt_at) {
            self.ask_who_holds(ticket);
            return Named::Wait;
        }
        if memory.held_elsewhere.is_some() {
            return Named::Refused;
        }
        let fresh = self.is_fresh(&memory, talk);
        let Some(seen) = memory.seen.filter(|_| fresh) else {
            self.want_ticket(ticket);
            return Named::Wait;
        };
        if seen.merged_into.is_some() || self.rules.mapping.vocabulary().is_final(&seen.status) {
            return Named::Lost;
        }
        let requester = self.rules.mapping.user_id(&seen).ok().flatten();
        let anothers = requester.is_some_and(|user| user != self.lane.user);
        if let Some(memory) = self.lane.tickets.get_mut(ticket) {
            memory.anothers = anothers;
        }
        match self.join_ticket(id, ticket, "metadata.ticketId") {
            Some(_) => Named::Adopted,
            None => Named::Lost,
        }
    }

    /// Whether a ticket was seen since the conversation that may go to it was learnt of, and just now: the
    /// conversation may have waited for long.
    fn is_fresh(&self, ticket: &TicketMemory, talk: &ConversationMemory) -> bool {
        let since = |at| at >= talk.learnt_at && self.now.since(at) <= LOOK_GOOD_FOR;
        ticket.seen_at.is_some_and(since)
    }

    fn place(&mut self, talk: &ConversationMemory) -> Result<Place, MappingError> {
        let mapping = self.rules.mapping;
        let vocabulary = mapping.vocabulary();
        if !mapping.create_when(&talk.seen)? {
            return Ok(Place::None);
        }
        let last = self.last_ended_ticket();
        for id in self.candidates(last.as_ref()) {
            let Some(memory) = self.lane.tickets.get(&id).cloned() else {
                continue;
            };
            if memory.seen_at.is_none_or(|at| at < talk.learnt_at) {
                self.want_ticket(&id);
                return Ok(Place::Wait);
            }
            let fresh = self.is_fresh(&memory, talk);
            if memory.anothers && !planted!(GivenAwayTaken) {
                // A changed requester counts for the next conversation (rule 10).
                continue;
            }
            let Some(seen) = memory.seen.filter(|seen| seen.merged_into.is_none()) else {
                continue;
            };
            let rule = if vocabulary.is_open(&seen.status) {
                (mapping.reuse == Reuse::Open).then_some((false, REUSE))
            } else if vocabulary.is_final(&seen.status) {
                None
            } else {
                self.after_close(&id, last.as_ref())
            };
            if rule.is_some() && !fresh {
                self.want_ticket(&id);
                return Ok(Place::Wait);
            }
            if let Some((reopen, rule)) = rule {
                return Ok(Place::Ticket { id, reopen, rule });
            }
        }
        let over = last.map(|(ticket, _)| ticket).filter(|ticket| {
            let seen = self.lane.tickets.get(ticket).and_then(|m| m.seen.as_ref());
            seen.is_some_and(|seen| !vocabulary.is_open(&seen.status))
        });
        Ok(Place::New { follows: over })
    }

    /// What `customer_writes_after_close` says of a solved ticket, if it was the customer's last.
    fn after_close(
        &self,
        id: &TicketId,
        last: Option<&(TicketId, Timestamp)>,
    ) -> Option<(bool, &'static str)> {
        let mapping = self.rules.mapping;
        let recent = last.is_some_and(|(ticket, ended)| {
            ticket == id && self.now.since(*ended) <= mapping.reopen_within
        });
        match mapping.customer_writes_after_close {
            CustomerWritesAfterClose::Append if recent => Some((false, AFTER_CLOSE)),
            CustomerWritesAfterClose::Reopen if recent => Some((true, AFTER_CLOSE)),
            CustomerWritesAfterClose::Append
            | CustomerWritesAfterClose::Reopen
            | CustomerWritesAfterClose::New => None,
        }
    }

    /// Tickets of this Lane that no live Link has and that a new conversation may go to, the latest
    /// first. What was solved long ago is not among them: each is read before it is taken.
    fn candidates(&self, last: Option<&(TicketId, Timestamp)>) -> Vec<TicketId> {
        if self.rules.capabilities.only_creates {
            return Vec::new();
        }
        let mapping = self.rules.mapping;
        let is_last = |id: &TicketId| last.is_some_and(|(ticket, _)| ticket == id);
        let mut free: Vec<_> = self
            .lane
            .tickets
            .iter()
            .filter(|(id, m)| {
                let taken = self.live_link_of_ticket(id).is_some() && !planted!(TicketTakenTwice);
                !m.gone && m.held_elsewhere.is_none() && !taken
            })
            .filter(|(id, m)| m.made_by_us || self.latest_link_of_ticket(id).is_some())
            .filter(|(id, m)| {
                let open = m
                    .seen
                    .as_ref()
                    .is_none_or(|t| mapping.vocabulary().is_open(&t.status));
                is_last(id) || (open && mapping.reuse == Reuse::Open)
            })
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
            .filter(|(id, _)| {
                let memory = self.lane.tickets.get(id);
                memory.is_none_or(|m| m.held_elsewhere.is_none())
            })
            .max_by_key(|(_, at)| *at)
    }

    fn join_ticket(
        &mut self,
        id: &ConversationId,
        ticket: &TicketId,
        rule: &str,
    ) -> Option<LinkId> {
        let seen = self.lane.tickets.get(ticket).and_then(|m| m.seen.clone())?;
        self.takes(ticket);
        let link = self.new_link(
            Origin::Conversation,
            ConversationSide::Known { id: id.clone() },
            TicketSide::Known { id: ticket.clone() },
            rule,
        );
        if let Some(link) = self.lane.link_mut(&link) {
            link.agreed = Some(Agreed {
                conversation_closed: false,
                status: seen.status,
            });
        }
        Some(link)
    }
}
