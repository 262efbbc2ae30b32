//! The talk: what customers say goes to their tickets, and what agents say to them into their
//! conversations, in order, once each. Neighbours: links, which
//! says what belongs together; send, which brings out what is planned here.
//!
//! A message is not state: two are never made one, and an earlier one is never dropped for a later.
//! Each stays in the store until it has ended one way or another, and of each place (a conversation,
//! a ticket) only the first that waits has an Intent. So the order holds whatever fails.

mod echo;
mod enclosed;
mod files;
mod first_words;
mod heard;
mod listing;
mod message;
mod since;
mod split;
mod template;
mod to_customer;
mod to_ticket;
mod unsent;
mod untold;
mod whose;
mod words;

pub use listing::CommentsMemory;
pub use message::{Direction, MESSAGES_AT_ONCE, Message, Outcome, Place};

pub(super) use to_customer::TOO_LATE;

use super::{state::EntryKind, step::Turn};
use crate::{effect::Effect, ids::MessageId, intent::Intent, time::Timestamp};
use std::collections::BTreeSet;

/// How far a message has come.
enum Way {
    /// It holds its place: those behind it wait.
    Stays,
    Ends(Outcome),
}

impl Turn<'_> {
    pub(super) fn plan_talk(&mut self) {
        self.plan_listings();
        self.tell_of_files();
        self.take_back_knocks();
        let waiting = self.lane.messages.iter().filter(|m| m.waits());
        let places: BTreeSet<Place> = waiting.map(|m| m.place.clone()).collect();
        for place in places {
            match &place {
                Place::Conversation { id } => self.relay_to_ticket(id, &place),
                Place::Ticket { id } => self.relay_to_customer(id, &place),
            }
        }
        let mut more = self.lane.said_since.keys();
        if more.any(|place| self.first_waiting(place).is_none()) {
            // What this Claim has loaded has ended; the store has more.
            self.wake(self.now);
        }
    }

    /// Takes in what was said, once.
    pub(super) fn keep_message(&mut self, message: Message) -> bool {
        let known = |m: &&Message| {
            let same = m.id == message.id || planted!(OneMessageAMoment) && m.at == message.at;
            m.place == message.place && same
        };
        if self.lane.messages.iter().any(|m| known(&m)) {
            return false;
        }
        self.doubt_whose(&message);
        self.lane.messages.push(message);
        true
    }

    /// The earliest message of a place that waits: of what the Claim has not loaded there may be
    /// earlier ones than what came just now.
    ///
    /// Of two said at one moment the lower number comes first, where ids are numbers, as those that grow
    /// are; else the one that became known first: so they stand in `messages`.
    fn first_waiting(&self, place: &Place) -> Option<&Message> {
        let messages = self.lane.messages.iter().zip(0_usize..);
        let of_place = messages.filter(|(m, _)| m.place == *place);
        let until = self.lane.said_since.get(place).map(|(at, last)| {
            let found = of_place.clone().find(|(m, _)| m.id == *last);
            (*at, found.map_or(0, |(_, number)| number))
        });
        of_place
            .filter(|(m, _)| m.waits())
            .filter(|(m, number)| until.is_none_or(|until| (m.at, *number) <= until))
            .min_by_key(|(m, number)| {
                let at = if planted!(LatestSaidFirst) {
                    -m.at.0
                } else {
                    m.at.0
                };
                (at, numbered(&m.id), *number)
            })
            .map(|(m, _)| m)
    }

    /// Whether earlier words of the same place wait, be it only for a look at something: what was not tried
    /// yet stays behind them. What is begun is said to its end.
    pub(super) fn is_behind_earlier_words(&self, intent: &Intent) -> bool {
        let (place, id) = if let Effect::SendMessage(said) = &intent.effect
            && said.part == 1
        {
            let id = said.ticket.clone();
            (Place::Ticket { id }, &said.comment)
        } else if let Effect::AddComment(comment) = &intent.effect
            && let Some(link) = self.lane.link(&intent.link)
            && let Some(id) = link.conversation_id().cloned()
        {
            (Place::Conversation { id }, &comment.message)
        } else {
            return false;
        };
        let first = self.first_waiting(&place);
        self.is_waiting(&place, id) && first.is_some_and(|m| m.id != *id)
    }

    fn is_waiting(&self, place: &Place, id: &MessageId) -> bool {
        let messages = &self.lane.messages;
        let mut waiting = messages.iter().filter(|m| m.waits());
        waiting.any(|m| m.place == *place && m.id == *id)
    }

    fn end_message(&mut self, place: &Place, id: &MessageId, outcome: Outcome) {
        let found = self.lane.messages.iter_mut();
        let mut found = found.filter(|m| m.place == *place && m.id == *id);
        if let Some(message) = found.next() {
            message.outcome = Some(outcome);
            self.changed = true;
            self.forget_files(place, id);
        }
    }

    /// All that waits at a place ends, with one line on the timeline.
    fn end_all(&mut self, place: &Place, outcome: Outcome, why: &str) {
        let mut ended = 0_u32;
        let waiting = self.lane.messages.iter_mut().filter(|m| m.waits());
        for message in waiting.filter(|m| m.place == *place) {
            message.outcome = Some(outcome);
            ended += 1;
        }
        if ended == 0 {
            return;
        }
        self.changed = true;
        let sentence = match ended {
            1 => format!("A message was not relayed: {why}"),
            more => format!("{more} messages were not relayed: {why}"),
        };
        match place {
            Place::Conversation { id } => self.note_conversation(EntryKind::Decision, sentence, id),
            Place::Ticket { id } => self.note_ticket(EntryKind::Decision, sentence, id),
        }
    }
}

/// How far a Claim has loaded what waits at a place: up to this message, and there are more.
pub type LoadedTo = (Timestamp, MessageId);

/// An id that is a number, to be compared as one; those that are none come after, all alike.
fn numbered(id: &MessageId) -> (bool, usize, &str) {
    let digits = id.as_str();
    match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => (false, digits.len(), digits),
        false => (true, 0, ""),
    }
}
