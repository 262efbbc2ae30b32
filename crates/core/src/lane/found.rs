//! Reads come back. Neighbours: open, links, send and resolve ask for them.

use super::{
    schedule,
    state::{EntryKind, Retry},
    step::Turn,
};
use crate::{
    call::CallError,
    conversation::Conversation,
    effect::{Effect, Found, Read},
    event::Side,
    ids::{ConversationId, IntentId, TicketId},
    intent::IntentState,
    link::{Agreed, TicketSide},
    ticket::{GONE_READS_APART, Ticket},
    time::Timestamp,
};
use std::time::Duration;

/// A side whose credential was refused is asked again this often, by one held call.
pub const CREDENTIAL_PROBE_EVERY: Duration = Duration::from_secs(60);

impl Turn<'_> {
    pub(super) fn found(&mut self, read: &Read, begun: Timestamp, found: Result<Found, CallError>) {
        match found {
            Ok(Found::Conversation(conversation)) => self.found_conversation(&conversation, begun),
            Ok(Found::Ticket(ticket)) => self.see_ticket(*ticket, begun, false),
            Ok(Found::Tickets { tickets }) => self.found_tickets(read, tickets, begun),
            Ok(Found::Note { there }) => self.found_note(read, there),
            Ok(Found::Holder { lane }) => {
                if let Read::TicketHolder { ticket } = read {
                    let elsewhere = lane.filter(|lane| *lane != self.lane.id);
                    self.lane
                        .tickets
                        .entry(ticket.clone())
                        .or_default()
                        .held_elsewhere = elsewhere;
                }
            }
            Err(error) => self.read_failed(read, &error),
        }
    }

    fn found_conversation(&mut self, told: &Conversation, begun: Timestamp) {
        let before = self
            .lane
            .conversations
            .get(&told.id)
            .map(|m| m.seen.state.is_closed());
        let memory = self.remember(told);
        memory.read_at = Some(begun);
        memory.retry = Retry::default();
        if memory.seen.state.is_closed() && before == Some(false) {
            let id = told.id.clone();
            let sentence = format!("Conversation {id} was read: closed");
            self.note_conversation(EntryKind::Read, sentence, &id);
            self.confirm_close_on_its_way(&id);
        }
    }

    /// A close of ours that is on its way is confirmed by whatever shows the conversation closed
    /// (rule 13); one that is only planned was not needed.
    pub(super) fn confirm_close_on_its_way(&mut self, id: &ConversationId) {
        let close = self.lane.intents.iter().find(|i| {
            matches!(&i.effect, Effect::CloseConversation(close) if &close.conversation == id)
                && matches!(
                    i.state,
                    IntentState::Sent | IntentState::Unknown | IntentState::Parked
                )
                && i.attempts > 0
        });
        if let Some(intent) = close.map(|i| i.id.clone()) {
            self.confirm_close(&intent);
        }
    }

    /// The conversation is closed by us: both sides agree.
    pub(super) fn confirm_close(&mut self, id: &IntentId) {
        let now = self.now;
        let Some(intent) = self.lane.intent_mut(id) else {
            return;
        };
        intent.state = IntentState::Confirmed;
        intent.confirmed_at = Some(now);
        intent.parked = None;
        let link = intent.link.clone();
        self.changed = true;
        let sentence = "The conversation is closed".to_owned();
        self.lane
            .journal_intent(id, EntryKind::Outcome, sentence, now);
        let status = self
            .lane
            .link(&link)
            .and_then(|l| l.ticket_id())
            .and_then(|t| self.lane.tickets.get(t))
            .and_then(|m| m.seen.as_ref())
            .map(|seen| seen.status.clone());
        if let Some(status) = status {
            self.agree(
                &link,
                Agreed {
                    conversation_closed: true,
                    status,
                },
            );
        }
    }

    fn found_tickets(&mut self, read: &Read, tickets: Vec<Ticket>, begun: Timestamp) {
        match read {
            Read::OpenTickets { requester_id } => self.found_open(requester_id, tickets, begun),
            Read::TicketsByConversation { conversation } => {
                self.found_created(conversation, tickets, begun);
            }
            Read::Conversation { .. }
            | Read::Ticket { .. }
            | Read::NoteOnTicket { .. }
            | Read::TicketHolder { .. } => {}
        }
    }

    /// The customer's open tickets: the latest that nobody has is taken (`reuse = "open"`).
    fn found_open(&mut self, requester_id: &str, tickets: Vec<Ticket>, begun: Timestamp) {
        let Some(link) = self
            .lane
            .links
            .iter()
            .find(|l| {
                l.is_live()
                    && l.ticket == TicketSide::Wanted
                    && !l.looked_for_open
                    && l.requester_id.as_deref() == Some(requester_id)
            })
            .map(|l| l.id.clone())
        else {
            return;
        };
        let mut free: Vec<Ticket> = tickets
            .into_iter()
            .filter(|t| self.rules.mapping.vocabulary().is_open(&t.status))
            .filter(|t| self.live_link_of_ticket(&t.id).is_none() && t.merged_into.is_none())
            .filter(|t| {
                self.lane
                    .tickets
                    .get(&t.id)
                    .is_none_or(|m| m.held_elsewhere.is_none())
            })
            .collect();
        free.sort_by_key(|t| t.created_at);
        let Some(ticket) = free.pop() else {
            if let Some(link) = self.lane.link_mut(&link) {
                link.looked_for_open = true;
            }
            return;
        };
        let id = ticket.id.clone();
        let agreed = Agreed {
            conversation_closed: false,
            status: ticket.status.clone(),
        };
        self.see_ticket(ticket, begun, false);
        if let Some(memory) = self.lane.tickets.get_mut(&id) {
            memory.open_when = true;
        }
        if let Some(link) = self.lane.link_mut(&link) {
            link.looked_for_open = true;
            link.ticket = TicketSide::Known { id: id.clone() };
            link.agreed = Some(agreed);
        }
        let sentence = format!("The customer's open ticket {id} is taken");
        self.note_link(
            EntryKind::Decision,
            sentence,
            &link,
            Some("mapping.ticket.reuse"),
        );
    }

    /// What became of a create whose answer was lost: found, it was done; not found, it was not.
    fn found_created(
        &mut self,
        conversation: &ConversationId,
        mut tickets: Vec<Ticket>,
        begun: Timestamp,
    ) {
        let Some(intent) = self.lane.intents.iter().find(|i| {
            i.state == IntentState::Unknown
                && matches!(&i.effect, Effect::CreateTicket(c) if &c.conversation == conversation)
        }) else {
            return;
        };
        let (id, link) = (intent.id.clone(), intent.link.clone());
        tickets.sort_by_key(|t| t.created_at);
        if tickets.is_empty() {
            self.send_again_later(&id, "a look-up shows that it was not done");
            return;
        }
        let ticket = tickets.remove(0);
        self.created(&id, &link, ticket.id.clone(), Some(ticket), begun);
    }

    fn found_note(&mut self, read: &Read, there: bool) {
        let Read::NoteOnTicket { ticket, text } = read else {
            return;
        };
        let Some(id) = self
            .lane
            .intents
            .iter()
            .find(|i| {
                i.state == IntentState::Unknown
                    && matches!(&i.effect, Effect::AddNote { ticket: t, text: x } if t == ticket && x == text)
            })
            .map(|i| i.id.clone())
        else {
            return;
        };
        if there {
            self.confirm(&id, "it is on the ticket");
        } else {
            self.send_again_later(&id, "it is not on the ticket");
        }
    }

    fn read_failed(&mut self, read: &Read, error: &CallError) {
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
            (Read::Conversation { id }, _) => self.conversation_unread(&id.clone(), error),
            (Read::OpenTickets { requester_id }, _) => {
                let waiting = self
                    .lane
                    .links
                    .iter()
                    .find(|l| l.requester_id.as_deref() == Some(requester_id));
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
            return;
        }
        // An answered conversation of which no event told yet: its start's Intent waits instead.
        let waiting = self
            .lane
            .intents
            .iter_mut()
            .find(|i| i.answered.as_ref() == Some(id));
        if let Some(intent) = waiting {
            intent.failures = intent.failures.saturating_add(1);
            intent.answered_at = Some(schedule::retry_at(intent.failures, id.as_str(), now));
        }
    }

    fn lookup_failed(&mut self, read: &Read, error: &CallError) {
        let now = self.now;
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

    pub(super) fn confirm(&mut self, id: &IntentId, how: &str) {
        let now = self.now;
        if let Some(intent) = self.lane.intent_mut(id) {
            intent.state = IntentState::Confirmed;
            intent.confirmed_at = Some(now);
            intent.parked = None;
            intent.last_error = None;
        }
        self.changed = true;
        self.lane
            .journal_intent(id, EntryKind::Outcome, format!("Done: {how}"), now);
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
