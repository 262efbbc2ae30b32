//! Reads that failed: when they come again, and when a thing counts as gone. Neighbour: found, for
//! those that did not.

use super::{
    resolve::{UNKNOWN_REMEDY, UNLOOKED_REMEDY},
    schedule,
    state::{EntryKind, Retry},
    step::Turn,
};
use crate::{
    call::CallError,
    conversation::ConversationState,
    effect::{Effect, Operation, Read},
    event::Side,
    ids::{ConversationId, IntentId, TicketId},
    intent::{Intent, IntentState},
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
        if let Read::Unheard { .. } = read {
            return self.found_unheard(read, true);
        }
        if let Read::Report { conversation, .. } = read {
            return self.looked_in_vain(conversation, false);
        }
        let side = read.side().unwrap_or(Side::Ticketing);
        if let CallError::Locked { .. } | CallError::Forbidden { .. } = error {
            if let Read::Comments { ticket } = read {
                self.comments_unread(ticket, false);
            }
            if let (Read::Comments { .. }, CallError::Forbidden { .. }) = (read, error) {
                // Nothing else waits for it, and the ticket itself may be open to us.
                return;
            }
            return self.block(side, self.now.plus(CREDENTIAL_PROBE_EVERY), "credential");
        }
        match (read, error) {
            (Read::Ticket { id }, CallError::Gone { .. }) => self.ticket_missing(id),
            (Read::Comments { ticket }, CallError::Gone { .. }) => self.comments_missing(ticket),
            (Read::Comments { ticket }, error) => {
                self.comments_unread(ticket, matches!(error, CallError::Refused { .. }));
            }
            (Read::OpenTickets { .. }, CallError::Gone { .. } | CallError::Refused { .. }) => {
                self.found_tickets(read, Vec::new(), self.now);
            }
            (Read::Ticket { id }, _) => self.ticket_unread(read, id, error),
            (Read::Conversation { id }, CallError::Gone { .. }) => {
                self.conversation_missing(id, error);
            }
            (Read::Conversation { id }, _) => {
                self.conversation_unread(id, error);
                let since = self.lane.conversations.get(id).and_then(|m| m.retry.since);
                if self.give_up_reading(read, error, since)
                    && let Some(memory) = self.lane.conversations.get_mut(id)
                {
                    memory.retry.since = None;
                }
            }
            (Read::OpenTickets { requester_id }, _) => {
                let waiting = self.link_looking_for_open(requester_id);
                let conversation = waiting.and_then(|l| l.conversation_id()).cloned();
                if let Some(id) = conversation {
                    self.conversation_unread(&id, error);
                }
            }
            (Read::NoteOnTicket { ticket, .. }, CallError::Gone { .. }) => {
                self.lookup_failed(read, error);
                self.ticket_missing(ticket);
            }
            (
                Read::TicketsByConversation { .. }
                | Read::NoteOnTicket { .. }
                | Read::TicketHolder { .. }
                | Read::Written { .. }
                | Read::Report { .. }
                | Read::Unheard { .. },
                _,
            ) => {
                self.lookup_failed(read, error);
            }
        }
    }

    fn ticket_unread(&mut self, read: &Read, id: &TicketId, error: &CallError) {
        let now = self.now;
        let memory = self.lane.tickets.entry(id.clone()).or_default();
        put_off(&mut memory.retry, id.as_str(), error, now);
        let since = memory.retry.since;
        if self.give_up_reading(read, error, since)
            && let Some(memory) = self.lane.tickets.get_mut(id)
        {
            memory.retry.since = None;
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
        let soon = now.since(since) < GONE_READS_APART && !planted!(ConversationMissingOnce);
        if soon || memory.seen.state.is_closed() {
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
        if let Read::TicketHolder { ticket } | Read::Written { ticket, .. } = read {
            let memory = self.lane.tickets.entry(ticket.clone()).or_default();
            put_off(&mut memory.retry, ticket.as_str(), error, now);
        }
        let mut since = None;
        for id in self.waiting_for(read) {
            if let Some(intent) = self.lane.intent_mut(&id) {
                intent.failures = intent.failures.saturating_add(1);
                since = Some(*intent.failing_since.get_or_insert(now));
                intent.last_error = Some(error.to_string());
                intent.due_at = Some(schedule::retry_at(intent.failures, id.as_str(), now));
            }
        }
        self.give_up_reading(read, error, since);
    }

    /// A read that a remote refuses for good, or that fails for longer than `retry_for`, is no
    /// longer waited for: what waits is parked. Says whether anything was.
    fn give_up_reading(
        &mut self,
        read: &Read,
        error: &CallError,
        since: Option<Timestamp>,
    ) -> bool {
        let retry_for = self.rules.limits.retry_for;
        let too_long = since.is_some_and(|since| self.now.since(since) > retry_for);
        let reason = match error {
            CallError::Refused { .. } => "refused",
            CallError::Later { .. }
            | CallError::Unknown { .. }
            | CallError::Locked { .. }
            | CallError::Forbidden { .. }
            | CallError::Gone { .. } => {
                if !too_long {
                    return false;
                }
                "retries_exhausted"
            }
        };
        let waiting = self.waiting_for(read);
        for id in &waiting {
            self.park_unread(id, reason, format!("{read}: {error}"));
        }
        !waiting.is_empty()
    }

    fn park_unread(&mut self, id: &IntentId, reason: &str, detail: String) {
        let Some(mut intent) = self.lane.intent(id).cloned() else {
            return;
        };
        if intent.operation() == Operation::Start && intent.state != IntentState::Planned {
            intent.last_error = Some(detail);
            return self.park_unknown(&intent);
        }
        let repeatable = intent.operation() == Operation::Status;
        let unknown = intent.state == IntentState::Unknown && !repeatable;
        let remedy = if unknown && self.can_be_looked_up(&intent) {
            UNLOOKED_REMEDY
        } else if unknown {
            UNKNOWN_REMEDY
        } else {
            "mend the remote or the credential's rights, then `parked retry`"
        };
        self.park(id, reason, detail, remedy);
        self.tell_given_up(id);
    }

    /// The Intents that go no further without this read.
    fn waiting_for(&self, read: &Read) -> Vec<IntentId> {
        let waits = |i: &&Intent| match (&i.effect, read) {
            (Effect::CreateTicket(c), Read::TicketsByConversation { conversation }) => {
                i.state == IntentState::Unknown && &c.conversation == conversation
            }
            (effect, Read::NoteOnTicket { ticket, text }) => {
                i.state == IntentState::Unknown && effect.entry() == Some((ticket, text))
            }
            (Effect::SetStatus { ticket, .. }, Read::Ticket { id }) => {
                ticket == id && (i.state == IntentState::Unknown || self.is_next(i))
            }
            (_, Read::Ticket { id }) => {
                self.ticket_in_doubt(i).as_ref() == Some(id) && self.is_next(i)
            }
            (Effect::CloseConversation(c), Read::Conversation { id }) => {
                let own = &c.conversation == id;
                let talk = self.lane.conversations.get(id);
                let live = talk.is_some_and(|m| !m.seen.state.is_closed());
                own && i.state == IntentState::Unknown || (own || live) && self.is_next(i)
            }
            (Effect::SendMessage(message), Read::Conversation { id }) => {
                i.state == IntentState::Unknown
                    && i.refused_status.is_some()
                    && &message.conversation == id
            }
            (Effect::StartConversation(_), Read::Conversation { id }) => {
                matches!(i.state, IntentState::Sent | IntentState::Unknown)
                    && i.answered.as_ref() == Some(id)
            }
            _ => false,
        };
        let waiting = self.lane.intents.iter().filter(waits);
        waiting.map(|i| i.id.clone()).collect()
    }

    /// Missing once may be a lagging replica; missing twice, spaced, is gone (F33).
    fn ticket_missing(&mut self, id: &TicketId) {
        let now = self.now;
        let memory = self.lane.tickets.entry(id.clone()).or_default();
        match memory.missing_since {
            since
                if planted!(MissingOnceIsGone)
                    || since.is_some_and(|since| now.since(since) >= GONE_READS_APART) =>
            {
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
    retry.failed(now);
    let by_schedule = schedule::retry_at(retry.failures, key, now);
    retry.due_at = Some(match error {
        CallError::Later {
            after: Some(after), ..
        } if !planted!(RetryAfterIgnored) => now.plus(*after),
        CallError::Later { .. }
        | CallError::Unknown { .. }
        | CallError::Locked { .. }
        | CallError::Forbidden { .. }
        | CallError::Gone { .. }
        | CallError::Refused { .. } => by_schedule,
    });
}
