//! Calls come back: what each outcome means for its Intent and its Link (rule 15). Neighbours:
//! refused, for a no; resolve, where the outcome is unknown.

use super::{follow::is_made, state::EntryKind, step::Turn, unread::CREDENTIAL_PROBE_EVERY};
use crate::{
    call::{CallError, Resolve},
    conversation::{Conversation, ConversationState},
    effect::{Answer, Effect, Operation},
    ids::{ConversationId, IntentId, LinkId, TicketId, UserId},
    intent::{Intent, IntentState},
    link::{Agreed, TicketSide},
    ticket::{Status, Ticket},
    time::Timestamp,
};

impl Turn<'_> {
    pub(super) fn performed(&mut self, id: &IntentId, outcome: Result<Answer, CallError>) {
        let Some(intent) = self.lane.intent(id).cloned() else {
            return;
        };
        match outcome {
            Ok(answer) => self.answered(&intent, answer),
            Err(error) => self.failed(&intent, error),
        }
    }

    fn answered(&mut self, intent: &Intent, answer: Answer) {
        let now = self.now;
        if let Some(found) = self.lane.intent_mut(&intent.id) {
            found.failures = 0;
            found.failing_since = None;
        }
        match answer {
            Answer::Started { conversation, user } => self.started(intent, &conversation, user),
            Answer::Closed { conversation } => self.closed(intent, conversation),
            Answer::Requester { id } => {
                self.confirm(&intent.id, "the requester is known");
                if let Some(link) = self.lane.link_mut(&intent.link) {
                    link.requester_id = Some(id);
                }
            }
            Answer::Created { left, .. } if is_made(intent) => self.followed(intent, left),
            Answer::Created {
                ticket,
                whole,
                left,
            } => {
                // The answer to a first try shows what that made; the answer to a later one, what
                // has become of it since.
                let first = intent.attempts <= 1;
                let made_as = whole.as_ref().map(|t| t.status.clone());
                let made_as = made_as.filter(|_| first);
                // What is told of it while the answer is on its way is news.
                let began = intent.sent_at.unwrap_or(now);
                let rest = left.is_some();
                self.created(
                    &intent.id,
                    ticket,
                    whole.map(|t| *t),
                    made_as,
                    (began, rest),
                );
                self.not_followed(&intent.id, left);
            }
            Answer::Done { whole } => {
                if let Some(whole) = whole {
                    self.see_by_call(*whole, intent.sent_at.unwrap_or(now));
                }
                self.done(intent);
            }
        }
    }

    /// The answer's id is kept beside the Intent, which stays `sent` until it is proven new (rule 6).
    fn started(&mut self, intent: &Intent, conversation: &ConversationId, user: Option<UserId>) {
        let now = self.now;
        if let Some(found) = self.lane.intent_mut(&intent.id) {
            found.state = IntentState::Sent;
            found.answered = Some(conversation.clone());
            found.answered_at = Some(now);
        }
        let sentence = format!("Jelou answered with conversation {conversation}");
        self.lane
            .journal_intent(&intent.id, EntryKind::Outcome, sentence, now);
        if !self.lane.conversations.contains_key(conversation) {
            self.remember(&Conversation {
                id: conversation.clone(),
                bot: self.lane.bot.clone(),
                user: user.unwrap_or_else(|| self.lane.user.clone()),
                room: None,
                contact_name: None,
                state: ConversationState::Active,
                started_at: None,
                ended_at: None,
                assignment: None,
                initial_message: None,
            });
        }
        self.changed = true;
        if planted!(ReturnedIdTaken) {
            self.confirm_start(&intent.id, conversation, "Jelou answered with it");
        }
    }

    fn closed(&mut self, intent: &Intent, answered: Option<ConversationId>) {
        let Effect::CloseConversation(close) = &intent.effect else {
            return;
        };
        let meant = &close.conversation;
        if let Some(other) = answered.filter(|other| other != meant && !planted!(MiscloseUnnoticed))
        {
            self.closed_another(intent, meant, &other);
            return;
        }
        self.mark_closed(meant);
        self.confirm_close(&intent.id);
    }

    fn mark_closed(&mut self, id: &ConversationId) {
        if let Some(memory) = self.lane.conversations.get_mut(id)
            && !memory.seen.state.is_closed()
        {
            memory.seen.state = ConversationState::Closed {
                reason: "closed_by_operator".to_owned(),
            };
        }
    }

    /// Rule 13's alarm: Jelou closed another conversation of this customer.
    fn closed_another(&mut self, intent: &Intent, meant: &ConversationId, other: &ConversationId) {
        self.lane.misclosed = self.lane.misclosed.saturating_add(1);
        let sentence = format!("Wrong conversation closed: meant {meant}, Jelou closed {other}");
        self.lane
            .journal_intent(&intent.id, EntryKind::Alarm, sentence, self.now);
        self.mark_closed(other);
        self.tell(&intent.link, &format!("misclosed:{other}"), "Jelou closed another conversation of this customer instead of this ticket's. Please check both.");
        if let Some(link) = self.link_of_conversation(other).map(|l| l.id.clone()) {
            self.tell(&link, &format!("misclosed:{other}"), "This ticket's conversation was closed by mistake, while closing another one of the same customer.");
            self.withdraw(&link, Operation::Close, None);
            self.agree_on_close(&link);
        }
        if let Some(memory) = self.lane.conversations.get_mut(meant) {
            memory.read_at = None;
        }
        self.now_unknown(&intent.id, "Jelou closed another conversation");
    }

    /// The ticket exists: the Link gets it, and begins to agree on what it was made as, as far as that
    /// is known. `at` is when it was seen, `rest` whether what follows is still to be done.
    pub(super) fn created(
        &mut self,
        id: &IntentId,
        ticket: TicketId,
        whole: Option<Ticket>,
        made_as: Option<Status>,
        (at, rest): (Timestamp, bool),
    ) {
        let Some(link) = self.lane.intent(id).map(|i| i.link.clone()) else {
            return;
        };
        let link = &link;
        if let Some(whole) = whole {
            self.see_by_call(whole, at);
        }
        let given = self.was_given_at_once(id, &ticket);
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        if memory.held_elsewhere.is_some() {
            return self.created_for_another(id, link, &ticket);
        }
        memory.anothers |= given;
        memory.made_by_us = !planted!(OwnTicketForgotten);
        memory.made_here = true;
        memory.open_when = !planted!(OwnTicketForgotten);
        if self
            .live_link_of_ticket(&ticket)
            .is_some_and(|l| l.id != *link)
        {
            // Another conversation took it as the customer's open one while this answer was lost.
            self.end_link(link, "its ticket went to another conversation");
        }
        // A key that an earlier life of this store used brings the ticket as it is by now.
        let as_made = made_as.filter(|status| !self.rules.mapping.closes(status));
        let status = as_made.unwrap_or_else(|| self.status_as_made(&ticket));
        if let Some(link) = self.lane.link_mut(link) {
            link.ticket = TicketSide::Known { id: ticket.clone() };
            link.agreed = Some(Agreed {
                conversation_closed: false,
                status,
            });
            link.link_field_written = true;
        }
        // Who untied it wants both sides left as they are.
        if rest && !self.is_unlinked(link) && !planted!(RestForgotten) {
            self.leave_rest(id, &ticket);
        } else {
            self.confirm(id, &format!("ticket {ticket}"));
        }
    }

    /// Whether somebody gave the ticket to another requester before it was seen here.
    fn was_given_at_once(&self, create: &IntentId, ticket: &TicketId) -> bool {
        let seen = self.lane.tickets.get(ticket).and_then(|m| m.seen.as_ref());
        let effect = self.lane.intent(create).map(|i| &i.effect);
        let (Some(seen), Some(Effect::CreateTicket(create))) = (seen, effect) else {
            return false;
        };
        let (made_for, has) = (&create.requester_id, &seen.requester.id);
        let customer = self.rules.mapping.user_id(seen).ok().flatten();
        let moved = made_for.is_some() && has.is_some() && made_for != has;
        moved && customer.is_some_and(|user| user != self.lane.user)
    }

    /// The store refused to give this Lane the ticket, as another customer's Lane has it. It exists,
    /// so it is not made again.
    fn created_for_another(&mut self, id: &IntentId, link: &LinkId, ticket: &TicketId) {
        self.confirm(id, &format!("ticket {ticket}"));
        let sentence = format!(
            "Ticket {ticket} was made for this conversation, but another customer's lane has it"
        );
        self.note_link(EntryKind::Alarm, sentence, link, None);
        if let Some(link) = self.lane.link_mut(link) {
            // What was said on it until now was said to this customer.
            link.ticket = TicketSide::Known { id: ticket.clone() };
        }
        self.end_link(link, "ticket belongs to another lane");
    }

    pub(super) fn done(&mut self, intent: &Intent) {
        let now = self.now;
        match &intent.effect {
            Effect::SetStatus { ticket, status } => self.status_is_set(intent, ticket, status),
            Effect::WriteLinkField { ticket, .. } => self.link_field_is_written(intent, ticket),
            Effect::WriteTicketId(write) => {
                if let Some(link) = self.lane.link_mut(&intent.link) {
                    if write.ticket.is_some() {
                        link.ticket_id_written_at = Some(now);
                    } else {
                        link.ticket_id_cleared = true;
                    }
                }
            }
            Effect::StartConversation(_)
            | Effect::CloseConversation(_)
            | Effect::UpsertRequester { .. }
            | Effect::CreateTicket(_)
            | Effect::AddComment(_)
            | Effect::AttachFile(_)
            | Effect::SendMessage(_)
            | Effect::SendTemplate(_)
            | Effect::SendBotMessage(_)
            | Effect::HandOver(_)
            | Effect::SetFields { .. }
            | Effect::AddNote { .. } => {}
        }
        self.confirm(&intent.id, &intent.effect.to_string());
    }

    /// Written to a ticket that is not the Link's, by a person's order after a merge: it follows.
    fn link_field_is_written(&mut self, intent: &Intent, ticket: &TicketId) {
        let own = self
            .lane
            .link(&intent.link)
            .and_then(|l| l.ticket_id().cloned());
        if own.is_some_and(|own| own != *ticket)
            && let Some(seen) = self.lane.tickets.get(ticket).and_then(|m| m.seen.clone())
        {
            self.move_link(&intent.link, ticket, seen.status);
        }
        if let Some(link) = self.lane.link_mut(&intent.link) {
            link.link_field_written = true;
        }
    }

    fn status_is_set(&mut self, intent: &Intent, ticket: &TicketId, status: &Status) {
        if let Some(seen) = self
            .lane
            .tickets
            .get_mut(ticket)
            .and_then(|m| m.seen.as_mut())
        {
            seen.status = status.clone();
        }
        let Some(link) = self.lane.link(&intent.link) else {
            return;
        };
        let closed = link
            .conversation_id()
            .and_then(|id| self.lane.conversations.get(id))
            .is_some_and(|m| m.seen.state.is_closed());
        let reopened = intent.cause.starts_with("reopen:");
        let agreed = Agreed {
            conversation_closed: closed && !reopened,
            status: status.clone(),
        };
        if !planted!(AgreedNotAdvanced) {
            self.agree(&intent.link.clone(), agreed);
        }
    }

    pub(super) fn failed(&mut self, intent: &Intent, error: CallError) {
        let reason = error.to_string();
        if let Some(found) = self.lane.intent_mut(&intent.id) {
            found.last_error = Some(reason.clone());
        }
        match error {
            CallError::Unknown { .. } if planted!(UnknownTakenAsUnsent) => {
                self.not_now(intent, None, &reason);
            }
            CallError::Unknown { .. } if planted!(UnknownTakenAsDone) => self.done(intent),
            CallError::Locked { .. } if planted!(CredentialParks) => {
                self.refused(intent, 401, &reason);
            }
            CallError::Later { after, .. } => self.not_now(intent, after, &reason),
            CallError::Unknown { .. } if self.may_repeat(intent) => {
                self.send_again_later(&intent.id, &reason);
            }
            CallError::Unknown { .. } => self.now_unknown(&intent.id, &reason),
            CallError::Locked { .. } | CallError::Forbidden { .. } => self.locked(intent),
            CallError::Gone { .. } => self.gone(intent, &reason),
            CallError::Refused { status, .. } => self.refused(intent, status, &reason),
        }
    }

    fn may_repeat(&self, intent: &Intent) -> bool {
        let how = self.resolve_of(intent);
        matches!(how, Resolve::Idempotent | Resolve::IdempotencyKey)
    }

    /// Surely not done: an attempt that did not reach the remote is no attempt.
    fn not_now(&mut self, intent: &Intent, after: Option<std::time::Duration>, reason: &str) {
        let now = self.now;
        if let Some(found) = self.lane.intent_mut(&intent.id) {
            if !planted!(RateLimitUsesAttempts) {
                found.attempts = found.attempts.saturating_sub(1);
            }
            if found.attempts == 0 {
                found.first_sent_at = None;
            }
            let after = after.filter(|_| !planted!(RetryAfterIgnored));
            found.due_at = after.map(|after| now.plus(after));
        }
        self.send_again_later(&intent.id, reason);
    }

    fn locked(&mut self, intent: &Intent) {
        if let Some(found) = self.lane.intent_mut(&intent.id) {
            found.state = IntentState::Planned;
            if !planted!(CredentialUsesAttempts) {
                found.attempts = found.attempts.saturating_sub(1);
            }
            if found.attempts == 0 {
                found.first_sent_at = None;
            }
        }
        let sentence = "The credential was refused: held until it works again".to_owned();
        self.lane
            .journal_intent(&intent.id, EntryKind::Outcome, sentence, self.now);
        self.block(
            intent.operation().side(),
            self.now.plus(CREDENTIAL_PROBE_EVERY),
            "credential",
        );
    }
}
