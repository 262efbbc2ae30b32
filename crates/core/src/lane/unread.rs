//! Reads that failed: when they come again, and when a thing counts as gone. Neighbour: found, for
//! those that did not.

use super::{
    schedule,
    state::{EntryKind, Retry},
    step::Turn,
};
use crate::{
    call::CallError,
    conversation::ConversationState,
    effect::{Effect, Read},
    event::Side,
    ids::{ConversationId, TicketId},
    intent::IntentState,
    ticket::GONE_READS_APART,
    time::Timestamp,
};
use std::time::Duration;

/// A side whose credential was refused is asked again this often, by one held call.
pub const CREDENTIAL_PROBE_EVERY: Duration = Duration::from_secs(60);

/// The reason under which a conversation counts as ended that Jelou no longer knows.
pub(super) const NOT_FOUND: &str = "not_found";

impl Turn<'_> {
    pub(super) fn read_failed(&mut self, read: &Read, error: &CallError) {
        let side = match read {
            Read::Conversation { .. } => Side::Jelou,
            Read::Ticket { .. }
            | Read::OpenTickets { .. }
            | Read::TicketsByConversation { .. }
            | Read::NoteOnTicket { .. }
            | Read::TicketHolder { .. } => Side::Ticketing,
        };
        if let CallError::Locked { .. } | CallError::Forbidden { .. } = error {
            return self.block(side, self.now.plus(CREDENTIAL_PROBE_EVERY), "credential");
        }
        match (read, error) {
            (Read::Ticket { id }, CallError::Gone { .. }) => self.ticket_missing(id),
            (Read::OpenTickets { .. }, CallError::Gone { .. } | CallError::Refused { .. }) => {
                self.found_tickets(read, Vec::new(), self.now);
            }
            (Read::Ticket { id }, _) => {
                let (now, key) = (self.now, id.as_str().to_owned());
                let memory = self.lane.tickets.entry(id.clone()).or_default();
                put_off(&mut memory.retry, &key, error, now);
            }
            (Read::Conversation { id }, CallError::Gone { .. }) => {
                self.conversation_missing(id, error);
            }
            (Read::Conversation { id }, _) => self.conversation_unread(id, error),
            (Read::OpenTickets { requester_id }, _) => {
                let waiting = self.link_looking_for_open(requester_id);
                let conversation = waiting.and_then(|l| l.conversation_id()).cloned();
                if let Some(id) = conversation {
                    self.conversation_unread(&id, error);
                }
            }
            (
                Read::TicketsByConversation { .. }
                | Read::NoteOnTicket { .. }
                | Read::TicketHolder { .. },
                _,
            ) => {
                self.lookup_failed(read, error);
            }
        }
    }

    fn conversation_unread(&mut self, id: &ConversationId, error: &CallError) {
        let now = self.now;
        if let Some(memory) = self.lane.conversations.get_mut(id) {
            put_off(&mut memory.retry, id.as_str(), error, now);
        }
    }

    /// Missing once may be a lagging replica; missing twice, spaced, it counts as ended.
    fn conversation_missing(&mut self, id: &ConversationId, error: &CallError) {
        let now = self.now;
        self.conversation_unread(id, error);
        let Some(memory) = self.lane.conversations.get_mut(id) else {
            return;
        };
        let since = *memory.missing_since.get_or_insert(now);
        memory.retry.due_at = Some(since.plus(GONE_READS_APART).max(now));
        if now.since(since) < GONE_READS_APART || memory.seen.state.is_closed() {
            return;
        }
        memory.seen.state = ConversationState::Closed {
            reason: NOT_FOUND.to_owned(),
        };
        memory.read_at = Some(now);
        memory.retry = Retry::default();
        self.changed = true;
        let sentence = format!("Jelou no longer knows conversation {id}: it counts as ended");
        self.note_conversation(EntryKind::Alarm, sentence, id);
        self.confirm_close_on_its_way(id);
    }

    fn lookup_failed(&mut self, read: &Read, error: &CallError) {
        let now = self.now;
        if let Read::TicketHolder { ticket } = read {
            let memory = self.lane.tickets.entry(ticket.clone()).or_default();
            put_off(&mut memory.retry, ticket.as_str(), error, now);
        }
        for intent in &mut self.lane.intents {
            let asked = match (&intent.effect, read) {
                (Effect::CreateTicket(c), Read::TicketsByConversation { conversation }) => {
                    &c.conversation == conversation
                }
                (Effect::AddNote { ticket, text }, Read::NoteOnTicket { ticket: t, text: x }) => {
                    ticket == t && text == x
                }
                _ => false,
            };
            if asked && intent.state == IntentState::Unknown {
                intent.failures = intent.failures.saturating_add(1);
                intent.last_error = Some(error.to_string());
                intent.due_at = Some(schedule::retry_at(intent.failures, intent.id.as_str(), now));
            }
        }
    }

    /// Missing once may be a lagging replica; missing twice, spaced, is gone (F33).
    fn ticket_missing(&mut self, id: &TicketId) {
        let now = self.now;
        let memory = self.lane.tickets.entry(id.clone()).or_default();
        match memory.missing_since {
            Some(since) if now.since(since) >= GONE_READS_APART => {
                memory.gone = true;
                memory.hint_at = None;
                self.changed = true;
            }
            Some(since) => memory.retry.due_at = Some(since.plus(GONE_READS_APART)),
            None => {
                memory.missing_since = Some(now);
                memory.retry.due_at = Some(now.plus(GONE_READS_APART));
            }
        }
    }
}

/// A failed read comes back later: when the remote said, else by the schedule.
fn put_off(retry: &mut Retry, key: &str, error: &CallError, now: Timestamp) {
    retry.failures = retry.failures.saturating_add(1);
    retry.since.get_or_insert(now);
    let by_schedule = schedule::retry_at(retry.failures, key, now);
    retry.due_at = Some(match error {
        CallError::Later {
            after: Some(after), ..
        } => now.plus(*after),
        CallError::Later { after: None, .. }
        | CallError::Unknown { .. }
        | CallError::Locked { .. }
        | CallError::Forbidden { .. }
        | CallError::Gone { .. }
        | CallError::Refused { .. } => by_schedule,
    });
}
