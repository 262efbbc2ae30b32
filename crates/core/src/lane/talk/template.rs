//! The template that goes to a customer whom an agent's words do not reach. Neighbours: unsent, which
//! says of a comment that it was not sent; the mapping, which fills the template in.
//!
//! It is a knock at the customer's door, and costs money: one after their last words, however many
//! comments follow and on however many tickets.

use super::Message;
use crate::{
    effect::{Effect, Operation, SendTemplate},
    ids::{LinkId, TicketId},
    intent::{Intent, IntentState},
    lane::{access::wish, state::EntryKind, step::Turn},
    ticket::Ticket,
};

const RULE: &str = "mapping.template";

/// What becomes of the template.
pub(super) enum Knock {
    /// The ticket must be read first: what fills the template in is not all known. Or another Lane of the
    /// customer is about to be joined.
    Waits,
    /// None goes.
    None,
    /// This one goes now.
    Goes(String),
    /// This one went since the customer's last words.
    Went(String),
    /// This one was to go since the customer's last words, and did not.
    Failed(String),
}

impl Turn<'_> {
    /// Knocks at the customer's door, unless that was done since they last wrote.
    pub(super) fn knock(&mut self, link: &LinkId, ticket: &TicketId, message: &Message) -> Knock {
        if !self.rules.mapping.has_template() {
            return Knock::None;
        }
        if self.waits_for_a_join(message) {
            // The other Lane may have knocked, or heard the customer since.
            return Knock::Waits;
        }
        let mut cause = self.silence();
        if planted!(TemplateForEachComment) {
            cause = format!("{cause}, seen at {}", self.now.0);
        }
        if let Some(before) = self.knocked(&cause) {
            return before;
        }
        let Some(seen) = self.all_of(ticket) else {
            let gone = self.lane.tickets.get(ticket).is_some_and(|m| m.gone);
            if gone {
                return Knock::None;
            }
            self.want_ticket(ticket);
            return Knock::Waits;
        };
        let (bot, user) = (&self.lane.bot, &self.lane.user);
        match self.rules.mapping.template(&seen, bot, user) {
            Ok(Some(template)) => {
                let name = template.name.clone();
                let ticket = ticket.clone();
                let effect = Effect::SendTemplate(SendTemplate { ticket, template });
                self.ensure(link, &cause, effect, RULE);
                self.flag_if_tried_elsewhere(link, Operation::Template, &cause);
                Knock::Goes(name)
            }
            Ok(None) => Knock::None,
            Err(error) => {
                let sentence = format!("The template was not filled in: {error}");
                self.note_ticket(EntryKind::Alarm, sentence, ticket);
                Knock::None
            }
        }
    }

    /// A knock that still waits to go out when the customer writes is not needed any more.
    pub(super) fn take_back_knocks(&mut self) {
        let cause = self.silence();
        let late = |i: &&Intent| {
            i.operation() == Operation::Template
                && i.state == IntentState::Planned
                && wish(&i.cause) != cause
                && !planted!(TemplateForEachComment)
        };
        let late: Vec<Intent> = self.lane.intents.iter().filter(late).cloned().collect();
        for intent in late {
            self.let_go(&intent, "the customer has written");
        }
    }

    /// The silence that goes on, as the cause of a knock.
    fn silence(&self) -> String {
        self.last_words_at().map_or_else(
            || "silence from the beginning".to_owned(),
            |at| format!("silence since {}", at.0),
        )
    }

    /// The ticket as last seen, if all of it is known.
    pub(in crate::lane) fn all_of(&self, ticket: &TicketId) -> Option<Ticket> {
        let memory = self.lane.tickets.get(ticket)?;
        let known = memory.hint_at.is_none() && !memory.partial && !memory.gone;
        memory.seen.clone().filter(|_| known)
    }

    /// What became of the knock after the same last words, on whatever ticket.
    fn knocked(&self, cause: &str) -> Option<Knock> {
        let mut knocks = self.lane.intents.iter().rev();
        let before = knocks.find(|i| {
            i.operation() == Operation::Template
                && i.state != IntentState::Withdrawn
                && wish(&i.cause) == cause
        })?;
        Some(match before.state {
            IntentState::Planned
            | IntentState::Sent
            | IntentState::Unknown
            | IntentState::Confirmed
            | IntentState::Observed => Knock::Went(name_of(before)),
            IntentState::Refused | IntentState::Withdrawn | IntentState::Parked => {
                Knock::Failed(name_of(before))
            }
        })
    }
}

fn name_of(intent: &Intent) -> String {
    let Effect::SendTemplate(send) = &intent.effect else {
        return String::new();
    };
    send.template.name.clone()
}

impl Knock {
    /// What the agent reads of it, after why their words did not go.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Waits | Self::None => String::new(),
            Self::Goes(name) => format!(" The template {name} goes to them instead."),
            Self::Went(name) => {
                format!(" The template {name} went to them already since they last wrote.")
            }
            Self::Failed(name) => {
                format!(" The template {name} was to go instead, and Jelou did not take it.")
            }
        }
    }
}
