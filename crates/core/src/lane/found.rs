//! Reads come back. Neighbours: start, create, whole, send and resolve ask for them; lookup takes in
//! those that search, unread those that failed.

use super::{
    state::{EntryKind, Retry},
    step::Turn,
};
use crate::{
    call::CallError,
    conversation::Conversation,
    effect::{Effect, Found, Read},
    ids::{ConversationId, IntentId, LinkId},
    intent::IntentState,
    link::Agreed,
    ticket::Ticket,
    time::Timestamp,
};

impl Turn<'_> {
    pub(super) fn found(&mut self, read: &Read, begun: Timestamp, found: Result<Found, CallError>) {
        match found {
            Ok(Found::Conversation(conversation)) => self.found_conversation(&conversation, begun),
            Ok(Found::Ticket(ticket)) => self.see_by_call(*ticket, begun),
            Ok(Found::Tickets { tickets }) => self.found_tickets(read, tickets, begun),
            Ok(Found::Note { there }) => self.found_note(read, there),
            Ok(Found::Comments { comments }) => self.found_comments(read, comments, begun),
            Ok(Found::Holders { holders, told }) => self.found_holders(read, holders, &told, begun),
            Ok(Found::Written { entries }) => self.found_written(read, &entries),
            Ok(Found::Unheard { waits }) => self.found_unheard(read, waits),
            Ok(Found::Report(told)) => self.found_in_report(read, told),
            Err(error) => self.read_failed(read, &error),
        }
    }

    fn found_conversation(&mut self, told: &Conversation, begun: Timestamp) {
        self.lane.looked.insert(told.id.clone());
        let before = self
            .lane
            .conversations
            .get(&told.id)
            .map(|m| m.seen.state.is_closed());
        let memory = self.remember(told);
        memory.read_at = Some(begun);
        memory.retry = Retry::default();
        memory.missing_since = None;
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
        self.agree_on_close(&link);
    }

    /// The Link's conversation was closed by us, so the close asks for no status of its ticket.
    pub(super) fn agree_on_close(&mut self, link: &LinkId) {
        let status = self
            .lane
            .link(link)
            .and_then(|l| l.ticket_id())
            .and_then(|t| self.lane.tickets.get(t))
            .and_then(|m| m.seen.as_ref())
            .map(|seen| seen.status.clone());
        if let Some(status) = status {
            self.agree(
                link,
                Agreed {
                    conversation_closed: !planted!(OwnCloseSetsStatus),
                    status,
                },
            );
        }
    }

    pub(super) fn found_tickets(&mut self, read: &Read, tickets: Vec<Ticket>, begun: Timestamp) {
        match read {
            Read::OpenTickets { requester_id } => self.found_open(requester_id, tickets, begun),
            Read::TicketsByConversation { conversation } => {
                self.found_created(conversation, tickets, begun);
            }
            Read::Conversation { .. }
            | Read::Ticket { .. }
            | Read::NoteOnTicket { .. }
            | Read::Comments { .. }
            | Read::TicketHolder { .. }
            | Read::Written { .. }
            | Read::Report { .. }
            | Read::Unheard { .. } => {}
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
