//! What follows the making of a ticket: calls that a system wants once it is there, such as the one that puts
//! its customer on it. Neighbours: outcome, lookup and open, which learn that the ticket is there; send, which
//! lets the rest go out.
//!
//! The Link has its ticket meanwhile: what is left holds nothing else up, and is tried by itself.

use super::{state::EntryKind, step::Turn};
use crate::{
    call::CallError,
    effect::Effect,
    ids::{IntentId, TicketId},
    intent::{Intent, IntentState},
};

/// Whether the ticket of a create is there, and only what follows is left.
pub(super) fn is_made(intent: &Intent) -> bool {
    matches!(&intent.effect, Effect::CreateTicket(create) if create.made.is_some())
}

impl Turn<'_> {
    /// The ticket is there, and what follows is not done: the create stays, for that alone.
    pub(super) fn leave_rest(&mut self, id: &IntentId, ticket: &TicketId) {
        if let Some(intent) = self.lane.intent_mut(id) {
            if let Effect::CreateTicket(create) = &mut intent.effect {
                create.made = Some(ticket.clone());
            }
            intent.state = IntentState::Planned;
            intent.parked = None;
            intent.due_at = None;
        }
        self.changed = true;
        let sentence = format!("Ticket {ticket} is there; what follows its making is left to do");
        self.lane
            .journal_intent(id, EntryKind::Outcome, sentence, self.now);
    }

    /// What follows a create was tried, after a create or for itself.
    pub(super) fn followed(&mut self, intent: &Intent, left: Option<CallError>) {
        match left {
            None => self.confirm(&intent.id, &intent.effect.to_string()),
            Some(error) => self.failed(intent, error),
        }
    }

    /// A ticket was made just now, and this kept what follows from being done.
    pub(super) fn not_followed(&mut self, id: &IntentId, left: Option<CallError>) {
        let intent = self.lane.intent(id).filter(|intent| is_made(intent));
        if let Some((intent, error)) = intent.cloned().zip(left) {
            self.failed(&intent, error);
        }
    }

    /// The system will not do what follows: a person mends that, and the agents are told.
    pub(super) fn rest_refused(&mut self, intent: &Intent, status: u16, reason: &str) {
        self.park(
            &intent.id,
            "refused",
            reason.to_owned(),
            "the ticket is there and linked: mend what the ticketing system refuses after its making, then `parked retry`",
        );
        let text = format!(
            "The bridge made this ticket, and could not do what follows: its customer may not be on it ({status})."
        );
        self.tell(&intent.link, "create_follows", &text);
    }
}
