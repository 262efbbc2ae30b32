//! Finding out what became of an Intent before anything is tried again (rules 5, 6 and 7).
//! Neighbours: outcome says that it is unknown; found takes the reads in that this asks for.

use super::{
    UNKNOWN_OUTCOME,
    follow::is_made,
    ours::{CLOCKS_APART, tried_before, was_known_before},
    state::{ConversationMemory, EntryKind},
    step::{OnUnknown, Turn},
    talk::TOO_LATE,
    unread::NOT_FOUND,
};
use crate::{
    call::Resolve,
    conversation::ConversationState,
    effect::{Effect, Operation, Read},
    ids::{ConversationId, IntentId, LinkId, TicketId},
    intent::{Intent, IntentState},
    time::Timestamp,
};
use std::time::Duration;

/// A start's event mostly comes at once; only if it has not after this is the conversation read.
pub const ANSWER_PROOF_WAIT: Duration = Duration::from_secs(5);

/// Calls begun for one Intent whose outcome stays unknown and that nothing can find out; then it
/// waits for a person even where the operator chose `retry`.
const UNKNOWN_TRIES_MAX: u32 = 3;

/// A customer who wrote within this time can be written to, whatever the clocks say: a refusal then has
/// another reason. The rest of the 24 hours is for clocks that differ, and for messages still unknown.
const SURELY_HEARD: Duration = Duration::from_secs(23 * 3600);

/// What a person does about an Intent of which nobody knows what became.
pub(super) const UNKNOWN_REMEDY: &str =
    "look at both systems: if it was done, `link` the two; if not, `parked retry`";

/// The same where a look would tell, and cannot be had.
pub(super) const UNLOOKED_REMEDY: &str = "let the bridge's user see it, then `parked retry`, which looks first; if it was done, `link` the two";

/// The same where the bridge can read no ticket, and so can link none.
const UNSEEN_REMEDY: &str = "look for the ticket by its customer and subject: if it is there, `parked discard`; if not, `parked retry`";

impl Turn<'_> {
    pub(super) fn plan_resolve(&mut self, intent: &Intent) {
        if intent.state == IntentState::Sent && intent.answered.is_none() {
            return self.take_over(intent);
        }
        match intent.operation() {
            Operation::Start => self.resolve_start(intent),
            Operation::Close => self.resolve_close(intent),
            Operation::Create => self.resolve_by(intent, self.resolve_of_create(intent)),
            Operation::Note | Operation::Comment | Operation::File => self.resolve_words(intent),
            Operation::Status => self.resolve_status(intent),
            Operation::Message => self.resolve_message(intent),
            Operation::Template | Operation::BotMessage => self.resolve_by(intent, Resolve::None),
            Operation::TicketId
            | Operation::Requester
            | Operation::LinkField
            | Operation::Fields
            | Operation::UserState => self.resolve_by(intent, Resolve::Idempotent),
        }
    }

    /// A call begun by an earlier holder of this Lane: unknown, once it cannot be going on any more.
    fn take_over(&mut self, intent: &Intent) {
        let over = intent.deadline_at.unwrap_or(self.now);
        if planted!(TakenOverAsUnsent) {
            return self.send_again_later(&intent.id, "the bridge stopped before the call");
        }
        if self.now < over && !planted!(DeadlineNotAwaited) {
            return self.wake(over);
        }
        self.now_unknown(&intent.id, "the bridge stopped during the call");
    }

    pub(super) fn now_unknown(&mut self, id: &IntentId, reason: &str) {
        // The error says so itself when it comes straight from a call.
        let told = reason.strip_prefix("outcome unknown: ").unwrap_or(reason);
        self.in_question(id, reason, format!("Outcome unknown: {told}"));
    }

    /// A refusal of which it is found out first what it means, as `look` says.
    pub(super) fn refused_in_question(&mut self, id: &IntentId, reason: &str, look: &str) {
        self.in_question(id, reason, format!("Jelou said no: {reason}; {look}"));
    }

    fn in_question(&mut self, id: &IntentId, reason: &str, sentence: String) {
        if let Some(intent) = self.lane.intent_mut(id) {
            intent.state = IntentState::Unknown;
            intent.last_error = Some(reason.to_owned());
        }
        self.changed = true;
        self.lane
            .journal_intent(id, EntryKind::Outcome, sentence, self.now);
    }

    fn resolve_start(&mut self, intent: &Intent) {
        if let Some(answered) = &intent.answered {
            return self.prove_answer(intent, answered);
        }
        let sent_at = intent.sent_at.unwrap_or(intent.planned_at);
        let mut until = sent_at.plus(self.rules.limits.event_confirm);
        if planted!(StartRetriedAtOnce) {
            until = sent_at;
        }
        if intent.refused_status.is_some() && self.refusal_is_explained(intent) {
            let why = "the start was refused, and another conversation goes on or went on then";
            return self.customer_was_busy(intent, why);
        }
        if self.now < until {
            return self.wake(until);
        }
        if self.must_hear_first(until) || self.must_read_first() {
            return;
        }
        if let Some(status) = intent.refused_status {
            return if tried_before(intent) {
                self.park_refused_later(intent, status);
            } else {
                self.park_refused(intent, status);
            };
        }
        if planted!(UnheardStartRefused) {
            return self.customer_was_busy(intent, "its event did not come");
        }
        // What cannot be heard may be the proof.
        let hold = if !self.has_heard_all(until) {
            true
        } else if intent.attempts < 2 {
            self.rules.webhooks_silent
        } else {
            self.rules.limits.on_unknown == OnUnknown::Hold || intent.attempts >= UNKNOWN_TRIES_MAX
        };
        if hold {
            self.park_unknown(intent);
        } else if self.is_start_wanted(&intent.link) {
            self.try_again_flagged(intent);
        } else {
            self.let_go(intent, "its link has ended or has a conversation");
        }
    }

    /// Whether a Link still waits for a conversation. An earlier start's may have turned up for its
    /// ticket, while what became of a later start was waited for.
    fn is_start_wanted(&self, link: &LinkId) -> bool {
        let link = self.lane.link(link);
        link.is_some_and(|l| l.is_live() && l.conversation_id().is_none())
    }

    /// Rule 6: the answered conversation is ours if its start event carried our id, or if a read
    /// shows that it began after we asked.
    fn prove_answer(&mut self, intent: &Intent, answered: &ConversationId) {
        let sent = intent.first_sent_at.unwrap_or(intent.planned_at);
        let memory = self.lane.conversations.get(answered).cloned();
        let elsewhere = self.link_of_conversation(answered).is_some()
            || memory.as_ref().is_some_and(|m| m.taken_elsewhere);
        let ours = memory
            .as_ref()
            .is_some_and(|m| m.start_intent.as_ref() == Some(&intent.id));
        let foreign = memory.as_ref().is_some_and(|m| m.start_event && !ours);
        let older = memory.as_ref().is_some_and(|m| was_known_before(m, intent));
        if elsewhere || foreign || older {
            return self.customer_was_busy(
                intent,
                "Jelou answered with a conversation that was there before",
            );
        }
        if ours {
            return self.confirm_start(
                &intent.id,
                answered,
                "its start event carries our intent id",
            );
        }
        let read = memory
            .as_ref()
            .filter(|m| m.read_at.is_some_and(|at| Some(at) >= intent.answered_at));
        if memory.as_ref().is_some_and(|m| never_found(&m.seen.state)) {
            return self.park_unknown(intent);
        }
        let from = intent.answered_at.unwrap_or(self.now);
        let from = from.plus(ANSWER_PROOF_WAIT);
        let Some((began, looked_at)) = read.and_then(|m| Some((m.seen.started_at, m.read_at?)))
        else {
            let due = memory.and_then(|m| m.retry.due_at);
            let due = due.unwrap_or(from).max(from);
            let id = answered.clone();
            return self.want_read(Read::Conversation { id }, due);
        };
        if self.must_hear_first(looked_at) {
            return;
        }
        if began.is_some_and(|at| super::ours::not_before(at, sent)) {
            self.confirm_start(&intent.id, answered, "it began after our start");
        } else {
            let why = "Jelou answered with a conversation that began earlier";
            self.customer_was_busy(intent, why);
        }
    }

    fn customer_was_busy(&mut self, intent: &Intent, why: &str) {
        let now = self.now;
        if let Some(found) = self.lane.intent_mut(&intent.id) {
            found.state = IntentState::Refused;
            found.last_error = Some(format!("customer_busy: {why}"));
            found.confirmed_at = Some(now);
        }
        if let Some(link) = self.lane.link_mut(&intent.link)
            && !planted!(GenerationNotRaised)
        {
            link.generation = link.generation.saturating_add(1);
        }
        self.changed = true;
        let sentence = format!("The customer is busy: {why}");
        self.lane
            .journal_intent(&intent.id, EntryKind::Outcome, sentence, now);
    }

    fn park_refused(&mut self, intent: &Intent, status: u16) {
        let detail = format!("Jelou answered {status}");
        self.park(
            &intent.id,
            "refused",
            detail,
            "check bot, user and assignment in the mapping, then `parked retry`",
        );
        self.tell(
            &intent.link,
            "refused",
            &format!("No conversation was started: Jelou refused it ({status})."),
        );
    }

    /// Whether a conversation that goes on, or went on then, says why Jelou refused a start. One of which
    /// it is not known yet when it began explains nothing where an earlier try may have made it; nor does
    /// one that will be this start's own unless its event says otherwise.
    fn refusal_is_explained(&self, intent: &Intent) -> bool {
        let known = |m: &ConversationMemory| {
            m.start_event || m.linked || m.seen.started_at.is_some() || m.read_at.is_some()
        };
        let own = |m: &ConversationMemory| self.claimed_by(m).as_ref() == Some(&intent.id);
        let mut talks = self.lane.conversations.values().filter(|m| !own(m));
        planted!(RefusalTakenAsBusy)
            || talks.any(|m| match m.seen.state.is_closed() {
                true => !tried_before(intent) && went_on_at(m, intent),
                false => !tried_before(intent) || known(m),
            })
    }

    /// An earlier try may have worked, and its conversation be what this one was refused for.
    fn park_refused_later(&mut self, intent: &Intent, status: u16) {
        let detail = format!(
            "the answer to an earlier try was lost, and Jelou answered the next with {status}, as it does to a customer who is in a conversation"
        );
        self.park(&intent.id, UNKNOWN_OUTCOME, detail, UNKNOWN_REMEDY);
        self.tell(&intent.link, "unknown_start", &format!("A conversation was probably started for this ticket: the answer to the first try was lost, and Jelou refused the next ({status}). It is linked when the customer writes; else the bridge's operator decides."));
    }

    pub(super) fn park_unknown(&mut self, intent: &Intent) {
        let detail = intent
            .last_error
            .clone()
            .unwrap_or_else(|| "the answer did not come".to_owned());
        let unseen =
            intent.operation() == Operation::Create && self.rules.capabilities.only_creates;
        let remedy = if unseen {
            UNSEEN_REMEDY
        } else {
            UNKNOWN_REMEDY
        };
        self.park(&intent.id, UNKNOWN_OUTCOME, detail, remedy);
        if intent.operation() == Operation::Start {
            self.tell(&intent.link, "unknown_start", "It is not known whether a conversation was started for this ticket: the answer was lost and no event came. The bridge's operator decides.");
        }
        if let Effect::SendTemplate(send) = &intent.effect {
            let text = format!(
                "It is not known whether the template {} reached the customer: the answer was lost. The bridge's operator decides whether it is sent again.",
                send.template.name
            );
            self.tell(&intent.link, "unknown_template", &text);
        }
    }

    fn try_again_flagged(&mut self, intent: &Intent) {
        if let Some(found) = self.lane.intent_mut(&intent.id) {
            found.state = IntentState::Planned;
            found.possible_duplicate = !planted!(DoubleNotFlagged);
        }
        self.changed = true;
        let sentence = "Trying once more; an earlier try may have worked".to_owned();
        self.lane
            .journal_intent(&intent.id, EntryKind::Decision, sentence, self.now);
    }

    fn resolve_close(&mut self, intent: &Intent) {
        let Effect::CloseConversation(close) = &intent.effect else {
            return;
        };
        let Some(memory) = self.lane.conversations.get(&close.conversation).cloned() else {
            return;
        };
        let looked = memory.read_at.is_some_and(|at| Some(at) > intent.sent_at);
        if memory.seen.state.is_closed() && (looked || intent.event_seen) {
            self.confirm_close(&intent.id);
        } else if !looked {
            let due = memory.retry.due_at.unwrap_or(self.now);
            self.want_read(
                Read::Conversation {
                    id: close.conversation.clone(),
                },
                due,
            );
        } else if let Some(status) = intent.refused_status {
            self.park(
                &intent.id,
                "refused",
                format!("Jelou answered {status}, and the conversation is still active"),
                "close it at Jelou, or `parked retry`",
            );
            self.tell(
                &intent.link,
                "close_refused",
                &format!("The conversation could not be closed: Jelou refused it ({status})."),
            );
        } else {
            self.send_again_later(&intent.id, "the conversation is still active");
        }
    }

    /// A look at the ticket tells whether the status was set. Until then it may not be withdrawn: what
    /// it set would be taken for a move of the ticket's own.
    fn resolve_status(&mut self, intent: &Intent) {
        let Effect::SetStatus { ticket, status } = &intent.effect else {
            return;
        };
        if planted!(StatusLeftUnresolved) {
            return self.resolve_by(intent, Resolve::Idempotent);
        }
        if self.ticket_is_gone(intent) {
            return self.let_go(intent, "its ticket is gone");
        }
        let memory = self.lane.tickets.get(ticket);
        let read = memory.filter(|m| m.read_at.is_some_and(|at| Some(at) > intent.sent_at));
        match read.and_then(|m| m.seen.as_ref()).map(|t| &t.status) {
            Some(seen) if seen == status => self.done(intent),
            Some(_) if !self.link_still_has(&intent.link, ticket) => {
                self.let_go(intent, "the ticket left its link");
            }
            Some(_) if self.has_moved_on(intent, ticket) => {
                self.let_go(intent, "the ticket has moved on");
            }
            Some(_) => self.send_again_later(&intent.id, "the ticket does not have it"),
            None => self.want_ticket(ticket),
        }
    }

    /// Whether a Link is this ticket's, to its regular end: a customer who writes after that reopens
    /// the ticket of a Link that ended.
    fn link_still_has(&self, link: &LinkId, ticket: &TicketId) -> bool {
        self.lane.link(link).is_some_and(|link| {
            link.ticket_id() == Some(ticket)
                && link
                    .ended
                    .as_ref()
                    .is_none_or(|ended| ended.reason == "closed")
        })
    }

    /// Whether a status that a person has tried again is of before: its Link ended meanwhile, and since then the
    /// ticket has got another one, or an agent closed it. A customer's words that reopen it come after the end.
    pub(super) fn has_moved_on(&self, intent: &Intent, ticket: &TicketId) -> bool {
        let ended = self.lane.link(&intent.link).filter(|link| !link.is_live());
        let Some(link) = ended.filter(|_| !intent.cause.starts_with("reopen:")) else {
            return false;
        };
        let Effect::SetStatus { status, .. } = &intent.effect else {
            return false;
        };
        let latest = self.latest_link_of_ticket(ticket);
        let seen = self.lane.tickets.get(ticket).and_then(|m| m.seen.as_ref());
        let closes = |status| self.rules.mapping.closes(status);
        let was_closed = seen.is_some_and(|seen| closes(&seen.status) && !closes(status));
        latest.is_some_and(|l| l.id != link.id) || was_closed
    }

    /// Jelou may do an id once, but no page says so: whether it is tried again is the operator's word.
    /// A refusal may mean that the conversation has ended, or that the customer was silent too long.
    fn resolve_message(&mut self, intent: &Intent) {
        let (Effect::SendMessage(message), Some(status)) = (&intent.effect, intent.refused_status)
        else {
            return self.resolve_by(intent, Resolve::None);
        };
        let id = &message.conversation;
        let memory = self.lane.conversations.get(id);
        let looked = memory.is_some_and(|m| m.read_at.is_some_and(|at| Some(at) > intent.sent_at));
        if memory.is_some_and(|m| m.seen.state.is_closed()) {
            return self.let_go(intent, "the conversation has ended");
        }
        if !looked {
            let due = memory.and_then(|m| m.retry.due_at).unwrap_or(self.now);
            return self.want_read(Read::Conversation { id: id.clone() }, due);
        }
        let heard = self.last_words_at();
        if heard.is_none_or(|at| self.now.since(at) >= SURELY_HEARD) {
            return self.refuse_as_late(&intent.id, status);
        }
        let detail = intent.last_error.clone();
        self.park(
            &intent.id,
            "refused",
            detail.unwrap_or_else(|| format!("Jelou answered {status}")),
            "if Jelou says that the message could not be sent, wait until the customer has written; else check `signing_secrets` and the bot; then `parked retry`",
        );
    }

    fn refuse_as_late(&mut self, id: &IntentId, status: u16) {
        if let Some(found) = self.lane.intent_mut(id) {
            found.state = IntentState::Refused;
            found.last_error = Some(format!("{TOO_LATE}: Jelou answered {status}"));
        }
        self.changed = true;
        let sentence = format!("Refused ({status}), and the customer was silent: too late");
        self.lane
            .journal_intent(id, EntryKind::Outcome, sentence, self.now);
    }

    fn resolve_by(&mut self, intent: &Intent, how: Resolve) {
        let mut sent_at = intent.sent_at.unwrap_or(intent.planned_at);
        if planted!(WaitNotRearmed) {
            sent_at = intent.first_sent_at.unwrap_or(sent_at);
        }
        // It may have been done as late as the call could last: an index lags behind that.
        let over = intent.deadline_at.filter(|_| !planted!(WaitNotRearmed));
        let over = over.unwrap_or(sent_at).max(sent_at);
        match how {
            Resolve::Idempotent | Resolve::IdempotencyKey => {
                self.send_again_later(&intent.id, "it is safe to send again");
            }
            Resolve::DirectLookup | Resolve::LaggingSearch { .. }
                if planted!(TriedAgainUnresolved) =>
            {
                self.send_again_later(&intent.id, "it failed");
            }
            Resolve::LaggingSearch { .. } if planted!(IndexTrusted) => {
                self.look_up(intent, sent_at);
            }
            Resolve::DirectLookup => self.look_up(intent, sent_at),
            Resolve::LaggingSearch { lag } => self.look_up(intent, over.plus(lag)),
            Resolve::EventConfirm | Resolve::None => {
                let retry = self.rules.limits.on_unknown == OnUnknown::Retry;
                if retry && intent.attempts < UNKNOWN_TRIES_MAX {
                    self.try_again_flagged(intent);
                } else {
                    self.park_unknown(intent);
                }
            }
        }
    }

    /// Where the ticket is gone nobody will know: said elsewhere, they may be said twice.
    fn resolve_words(&mut self, intent: &Intent) {
        if !self.ticket_is_gone(intent) {
            return self.resolve_by(intent, self.resolve_of_words(intent));
        }
        if let Some(found) = self.lane.intent_mut(&intent.id) {
            found.possible_duplicate = !planted!(DoubleNotFlagged);
        }
        self.let_go(intent, "its ticket is gone");
    }

    fn look_up(&mut self, intent: &Intent, from: Timestamp) {
        let due = intent.due_at.unwrap_or(from).max(from);
        let read = if let Effect::CreateTicket(create) = &intent.effect {
            Read::TicketsByConversation {
                conversation: create.conversation.clone(),
            }
        } else if let Some((ticket, text)) = intent.effect.entry() {
            Read::NoteOnTicket {
                ticket: ticket.clone(),
                text: text.clone(),
            }
        } else {
            return self.send_again_later(&intent.id, "it is safe to send again");
        };
        self.want_read(read, due);
    }

    /// Agents learn that a thing they count on was not done.
    pub(super) fn tell_given_up(&mut self, id: &IntentId) {
        let Some(intent) = self.lane.intent(id).cloned() else {
            return;
        };
        let operation = intent.operation();
        let counted_on = match operation {
            Operation::Start
            | Operation::Close
            | Operation::Status
            | Operation::LinkField
            | Operation::Template
            | Operation::BotMessage
            | Operation::UserState => true,
            Operation::Create => is_made(&intent),
            Operation::TicketId
            | Operation::Requester
            | Operation::Comment
            | Operation::File
            | Operation::Message
            | Operation::Fields
            | Operation::Note => false,
        };
        if counted_on {
            let key = format!("given_up:{operation}");
            let text = format!(
                "The bridge could not do this: {}. It stopped trying; the bridge's operator can have it tried again.",
                intent.effect
            );
            self.tell(&intent.link, &key, &text);
        }
    }

    /// It was surely not done, or may be done twice without harm: it is planned again, paced.
    pub(super) fn send_again_later(&mut self, id: &IntentId, why: &str) {
        let (now, retry_for) = (self.now, self.rules.limits.retry_for);
        let Some(intent) = self.lane.intent_mut(id) else {
            return;
        };
        intent.state = IntentState::Planned;
        intent.failures = intent.failures.saturating_add(1);
        let since = *intent.failing_since.get_or_insert(now);
        let due = super::schedule::retry_at(intent.failures, id.as_str(), now);
        intent.due_at = Some(intent.due_at.map_or(due, |at| at.max(due)));
        let sentence = format!("To be tried again: {why}");
        self.changed = true;
        self.lane
            .journal_intent(id, EntryKind::Outcome, sentence, now);
        if now.since(since) > retry_for {
            let detail = self.lane.intent(id).and_then(|i| i.last_error.clone());
            self.park(
                id,
                "retries_exhausted",
                detail.unwrap_or_else(|| why.to_owned()),
                "mend the remote, then `parked retry`",
            );
            self.tell_given_up(id);
        }
    }
}

/// Whether Jelou answered with a conversation that it then did not know.
fn never_found(state: &ConversationState) -> bool {
    matches!(state, ConversationState::Closed { reason } if reason == NOT_FOUND)
}

/// Whether a conversation that is over by now went on when a start was sent, as far as the clocks tell.
/// One whose end was known before explains nothing: else it would explain each refusal of a start.
fn went_on_at(talk: &ConversationMemory, start: &Intent) -> bool {
    let sent = start.sent_at.unwrap_or(start.planned_at);
    let (began, ended) = (talk.seen.started_at, talk.seen.ended_at);
    talk.closed_known_at > Some(sent)
        && began.is_some_and(|at| at <= sent.plus(CLOCKS_APART))
        && ended.is_some_and(|at| at >= sent.minus(CLOCKS_APART))
}
