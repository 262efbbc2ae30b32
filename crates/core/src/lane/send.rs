//! Which Intent may go out, and what must be seen before it does. Neighbours: links plans Intents,
//! resolve finds out about those whose outcome is unknown.

use super::{
    follow::is_made,
    ours::may_have_worked,
    state::{EntryKind, Lane},
    step::Turn,
};
use crate::{
    effect::{Effect, Operation, Read, SendMessage},
    event::Side,
    ids::{ConversationId, IntentId, LinkId, TicketId},
    intent::{Intent, IntentState},
    lane::step::Mode,
    link::{Agreed, Link},
    time::Timestamp,
};
use std::time::Duration;

/// What is known of a ticket's status is too old after this to set another one over it: longer than
/// a call can take, shorter than an agent's pause.
const LOOK_FRESH: Duration = Duration::from_secs(300);

/// More writes than this to one Link within a minute are a loop between the two systems: the third
/// net of rule 14. Law 6 wants two for each outside change, and people change a ticket a few times
/// a minute at most.
const WRITES_PER_LINK_MINUTE: usize = 20;

/// Calls that a close may have one place in the line for. Nobody has more active conversations on
/// one bot than Jelou's second model lets be.
const CLOSE_CALLS_MOST: u32 = 4;

impl Lane {
    /// How many calls hang together with a look: one, but for the look before a close.
    #[must_use]
    pub fn calls_from(&self, look: &Read) -> u32 {
        match look.side() {
            Some(Side::Jelou) => self.calls_of_a_close(),
            Some(Side::Ticketing) | None => 1,
        }
    }

    /// A close is begun by looking at each conversation that may be active (rule 13), and what was seen holds for
    /// this Claim only. If each look took a place of its own in a line that is full, the close behind it would never
    /// come.
    #[must_use]
    pub fn calls_of_a_close(&self) -> u32 {
        let closes = |i: &Intent| {
            i.operation() == Operation::Close && i.state == IntentState::Planned && !i.held
        };
        if !self.intents.iter().any(closes) {
            return 1;
        }
        let talks = self.conversations.values();
        let looks = talks.filter(|m| !m.seen.state.is_closed()).count();
        let looks = u32::try_from(looks.max(1)).unwrap_or(1);
        looks.saturating_add(1).min(CLOSE_CALLS_MOST)
    }
}

impl Turn<'_> {
    pub(super) fn plan_intents(&mut self) {
        let open: Vec<IntentId> = self
            .lane
            .intents
            .iter()
            .filter(|i| i.state.is_open())
            .map(|i| i.id.clone())
            .collect();
        for id in open {
            let Some(intent) = self.lane.intent(&id).cloned() else {
                continue;
            };
            if let Some(talk) = self.conversation_told_of(&intent) {
                // Only another Lane that has it keeps this from being settled: until the two are
                // joined, the start is neither sent again nor given up.
                self.confirm_start(&intent.id, &talk, "its start event carries our intent id");
                continue;
            }
            match intent.state {
                IntentState::Planned => self.plan_send(&intent),
                IntentState::Sent | IntentState::Unknown => self.plan_resolve(&intent),
                IntentState::Confirmed
                | IntentState::Refused
                | IntentState::Withdrawn
                | IntentState::Parked
                | IntentState::Observed => {}
            }
        }
    }

    fn plan_send(&mut self, intent: &Intent) {
        if self.ticket_is_gone(intent) {
            return self.let_go(intent, "its ticket is gone");
        }
        if self.rules.mode == Mode::Observe && !planted!(ObserveWrites) {
            return self.only_observe(intent);
        }
        if intent.held && !planted!(HeldSlipsOut) {
            self.halted = true;
            return;
        }
        if self.is_written_over(intent) && !planted!(LateFieldWritten) {
            return self.withdraw(&intent.link, Operation::LinkField, None);
        }
        if self.must_wait_its_turn(intent) && !planted!(TurnNotAwaited) {
            return;
        }
        if (self.is_loop(intent) || self.is_storm(intent)) && !planted!(LoopNotStopped) {
            return self.park_as_loop(intent);
        }
        let mut due = intent.due_at.unwrap_or(self.now).max(self.now);
        if planted!(BackoffIgnored) {
            due = self.now;
        }
        if planted!(ClosePutOff) && intent.operation() == Operation::Close {
            due = due.max(intent.planned_at.plus(Duration::from_secs(20 * 60)));
        }
        if due > self.now {
            return self.wake(due);
        }
        if self.is_merge_barred(intent) || self.is_merge_open(intent) {
            return;
        }
        if let Some(ticket) = self.ticket_in_doubt(intent) {
            return self.want_ticket(&ticket);
        }
        match &intent.effect {
            Effect::CloseConversation(close) => {
                let conversation = close.conversation.clone();
                self.look_then_close(intent, &conversation);
            }
            Effect::SetStatus { ticket, .. } => {
                self.look_then_set(intent, ticket, due);
            }
            Effect::SendMessage(said) if !self.is_active(&said.conversation) => {
                self.let_go_unheard(intent, said);
            }
            Effect::StartConversation(_) if self.may_turn_out(intent) => {}
            Effect::StartConversation(_)
            | Effect::WriteTicketId(_)
            | Effect::UpsertRequester { .. }
            | Effect::CreateTicket(_)
            | Effect::WriteLinkField { .. }
            | Effect::AddComment(_)
            | Effect::AttachFile(_)
            | Effect::SendMessage(_)
            | Effect::SendTemplate(_)
            | Effect::SendBotMessage(_)
            | Effect::HandOver(_)
            | Effect::SetFields { .. }
            | Effect::AddNote { .. } => self.want_send(&intent.id, intent.operation(), due),
        }
    }

    /// The agent may have moved the ticket meanwhile: what we set must not hide that.
    fn look_then_set(&mut self, intent: &Intent, ticket: &TicketId, due: Timestamp) {
        let seen_at = self.lane.tickets.get(ticket).and_then(|m| m.seen_at);
        let fresh = |at: Timestamp| {
            at >= intent.planned_at
                && intent.sent_at.is_none_or(|sent| at > sent)
                && self.now.since(at) < LOOK_FRESH
        };
        if !seen_at.is_some_and(fresh) && !planted!(StatusSetBlind) {
            return self.want_ticket(ticket);
        }
        if self.has_moved_on(intent, ticket) {
            return self.let_go(intent, "the ticket has moved on");
        }
        self.want_send(&intent.id, Operation::Status, due);
    }

    /// A message names a room, and the room is the next conversation's too.
    fn let_go_unheard(&mut self, intent: &Intent, said: &SendMessage) {
        self.let_go(intent, "the conversation has ended");
        self.tell_nobody_heard(&intent.link, &said.ticket, &said.comment);
    }

    fn park_as_loop(&mut self, intent: &Intent) {
        self.park(
            &intent.id,
            "loop",
            "more writes to this link within a minute than people make".to_owned(),
            "find what changes the ticket back or answers each message, then `parked retry`",
        );
    }

    /// Whether something is still to be heard or read that may show that a start's earlier try worked.
    fn may_turn_out(&mut self, start: &Intent) -> bool {
        start.attempts > 0 && self.must_hear_first(self.waited_until(start))
            || may_have_worked(start) && self.must_read_first()
    }

    /// Until when the event of a start's earlier try was waited for; its latest try, if that was turned
    /// away and comes sooner.
    fn waited_until(&self, start: &Intent) -> Timestamp {
        let sent_at = start.sent_at.unwrap_or(start.planned_at);
        let until = sent_at.plus(self.rules.limits.event_confirm);
        if until <= self.now { until } else { sent_at }
    }

    /// A late write of a conversation that is over would hide the one that the ticket has now.
    fn is_written_over(&self, intent: &Intent) -> bool {
        let Effect::WriteLinkField {
            ticket,
            conversation,
        } = &intent.effect
        else {
            return false;
        };
        self.live_link_of_ticket(ticket).is_some_and(|live| {
            live.id != intent.link
                && live
                    .conversation_id()
                    .is_some_and(|other| other != conversation)
        })
    }

    /// Withdraws this one, and no other of its kind.
    pub(super) fn let_go(&mut self, intent: &Intent, why: &str) {
        if let Some(found) = self.lane.intent_mut(&intent.id) {
            found.state = IntentState::Withdrawn;
            found.held = false;
        }
        self.changed = true;
        let sentence = format!("No longer wanted, as {why}: {}", intent.effect);
        self.lane
            .journal_intent(&intent.id, EntryKind::Decision, sentence, self.now);
    }

    /// What a ticket that is gone was to get has nowhere to go, also after its Link's end.
    pub(super) fn ticket_is_gone(&self, intent: &Intent) -> bool {
        let memory = ticket_of(&intent.effect).and_then(|t| self.lane.tickets.get(t));
        memory.is_some_and(|m| m.gone)
    }

    /// The ticket that must be read before this goes out: it may be gone, or no longer want it. What
    /// was planned by the ticket's state waits while that is in question, or while it is not known
    /// what the ticket was merged into.
    pub(super) fn ticket_in_doubt(&self, intent: &Intent) -> Option<TicketId> {
        let operation = intent.operation();
        let by_state = matches!(
            operation,
            Operation::Start | Operation::Status | Operation::Close
        );
        let of_effect = ticket_of(&intent.effect);
        // A Link may have followed a merge since a start of it was planned: its state decides then.
        let of_link = self.lane.link(&intent.link).and_then(Link::ticket_id);
        let ticket = of_link.filter(|_| by_state).or(of_effect)?;
        let memory = self.lane.tickets.get(ticket)?;
        let hinted = by_state && memory.hint_at.is_some();
        let partial = operation == Operation::Start && memory.partial && !planted!(PartialTrusted);
        let missing = of_effect.is_some() && memory.missing_since.is_some();
        if hinted || partial || missing {
            return Some(ticket.clone());
        }
        let into = memory.seen.as_ref().and_then(|t| t.merged_into.as_ref());
        let into = into.filter(|_| by_state && !planted!(MergeNotFollowed))?;
        let gone = self.lane.tickets.get(into).is_some_and(|m| m.gone);
        let unknown = !gone && !self.is_seen_since_merge(ticket, into);
        unknown.then(|| into.clone())
    }

    fn only_observe(&mut self, intent: &Intent) {
        if let Some(found) = self.lane.intent_mut(&intent.id) {
            found.state = IntentState::Observed;
        }
        self.changed = true;
        self.settle_observed(intent);
        let sentence = format!("Would: {}", intent.effect);
        self.lane
            .journal_intent(&intent.id, EntryKind::Decision, sentence, self.now);
    }

    /// A status that was only observed counts as set, so that the Link ends with its conversation.
    fn settle_observed(&mut self, intent: &Intent) {
        let Effect::SetStatus { ticket, .. } = &intent.effect else {
            return;
        };
        let seen = self.lane.tickets.get(ticket).and_then(|m| m.seen.as_ref());
        let over = self
            .lane
            .link(&intent.link)
            .and_then(|l| l.conversation_id())
            .and_then(|id| self.lane.conversations.get(id))
            .is_some_and(|m| m.seen.state.is_closed());
        if let Some(status) = seen.map(|seen| seen.status.clone()).filter(|_| over) {
            let agreed = Agreed {
                conversation_closed: true,
                status,
            };
            self.agree(&intent.link.clone(), agreed);
        }
    }

    /// Whether nothing but a look keeps it from going out.
    pub(super) fn is_next(&self, intent: &Intent) -> bool {
        let due = intent.due_at.is_none_or(|due| due <= self.now);
        intent.state == IntentState::Planned
            && due
            && !intent.held
            && !self.must_wait_its_turn(intent)
    }

    /// Order holds per Link and direction; one start or close at a time per Lane (rule 12).
    fn must_wait_its_turn(&self, intent: &Intent) -> bool {
        let operation = intent.operation();
        let earlier_of_link = self
            .lane
            .intents
            .iter()
            .take_while(|i| i.id != intent.id)
            .any(|i| {
                i.link == intent.link
                    && i.state.is_open()
                    && !i.held
                    && !is_made(i)
                    && queue(i.operation()) == queue(operation)
            });
        let talks = |o: Operation| matches!(o, Operation::Start | Operation::Close);
        let lane_is_taken = talks(operation)
            && self.lane.intents.iter().any(|i| {
                i.id != intent.id
                    && talks(i.operation())
                    && matches!(i.state, IntentState::Sent | IntentState::Unknown)
            });
        let other_said = is_said(operation)
            && self.lane.intents.iter().any(|i| {
                i.id != intent.id
                    && i.link == intent.link
                    && i.operation() == operation
                    && matches!(i.state, IntentState::Sent | IntentState::Unknown)
            });
        // What an agent wrote before they closed the ticket still reaches the customer.
        let unsaid = operation == Operation::Close && self.has_words_for(&intent.link);
        // One file that cannot be fetched holds up no other.
        let earlier_of_link = earlier_of_link && operation != Operation::File;
        let behind = intent.attempts == 0 && self.is_behind_earlier_words(intent);
        earlier_of_link
            || lane_is_taken
            || other_said
            || unsaid
            || behind
            || self.is_field_taken(intent)
    }

    /// Whether another Link's conversation is being written to the ticket's link field: that write may
    /// still come in, as long as its call's deadline is not over, and would hide this one.
    fn is_field_taken(&self, intent: &Intent) -> bool {
        let Effect::WriteLinkField { ticket, .. } = &intent.effect else {
            return false;
        };
        self.lane.intents.iter().any(|i| {
            i.link != intent.link
                && matches!(i.state, IntentState::Sent | IntentState::Unknown)
                && matches!(&i.effect, Effect::WriteLinkField { ticket: other, .. } if other == ticket)
        })
    }

    fn is_loop(&self, intent: &Intent) -> bool {
        if is_said(intent.operation()) {
            return false;
        }
        let minute_ago = self.now.minus(Duration::from_secs(60));
        // A ticket's Links count together: a loop may run through reopening and close again.
        let ticket = self.lane.link(&intent.link).and_then(Link::ticket_id);
        let together = |link: &LinkId| {
            link == &intent.link
                || ticket.is_some() && self.lane.link(link).and_then(Link::ticket_id) == ticket
        };
        let writes = self
            .lane
            .intents
            .iter()
            .filter(|i| !is_said(i.operation()) && together(&i.link))
            .filter(|i| i.failures == 0 && i.sent_at.is_some_and(|at| at > minute_ago))
            .count();
        writes >= WRITES_PER_LINK_MINUTE
    }

    /// Jelou closes "the conversation of this bot and user": it is made sure first that this is
    /// ours, and that there is no other (rule 13).
    fn look_then_close(&mut self, intent: &Intent, conversation: &ConversationId) {
        let others: Vec<ConversationId> = self
            .lane
            .conversations
            .iter()
            .filter(|(id, m)| *id != conversation && !m.seen.state.is_closed())
            .map(|(id, _)| id.clone())
            .collect();
        let known = self.lane.conversations.get(conversation);
        if known.is_some_and(|m| m.seen.state.is_closed()) && !planted!(OverClosedAnyway) {
            // Jelou closes by customer: it could hit their next one, which nobody here has heard of yet (rule 13).
            return self.withdraw(&intent.link, Operation::Close, None);
        }
        if planted!(CloseWithoutLook) {
            return self.want_send(&intent.id, Operation::Close, self.now);
        }
        if self.list_before_close(&intent.link, intent.planned_at) {
            return;
        }
        for id in std::iter::once(conversation).chain(&others) {
            let Some(memory) = self.lane.conversations.get(id) else {
                continue;
            };
            if !self.lane.looked.contains(id) || memory.read_at < Some(intent.planned_at) {
                let due = memory.retry.due_at.unwrap_or(self.now);
                return self.want_read(Read::Conversation { id: id.clone() }, due);
            }
        }
        if let Some(other) = others.first().filter(|_| !planted!(TwoTalksClosedAnyway)) {
            self.park(
                &intent.id,
                "two_conversations",
                format!("conversation {other} of the same customer is active too, and Jelou closes by customer"),
                "close the other conversation at Jelou, then `parked retry`",
            );
            self.tell(&intent.link, "two_conversations", "The conversation was not closed: the customer has another active conversation, and Jelou might have closed that one. Close it at Jelou.");
            return;
        }
        self.want_send(&intent.id, Operation::Close, self.now);
    }

    /// The safety halt holds it: it stays planned until a person releases the halt.
    pub(super) fn hold(&mut self, id: &IntentId) {
        if let Some(intent) = self.lane.intent_mut(id) {
            intent.state = IntentState::Planned;
            intent.held = true;
        }
        let sentence = "Held by the safety halt until `halt release`".to_owned();
        self.lane
            .journal_intent(id, EntryKind::Decision, sentence, self.now);
    }

    /// A side takes no more calls of this Lane in this Claim.
    pub(super) fn block(&mut self, side: Side, until: crate::time::Timestamp, by: &str) {
        self.lane.blocked.push(super::state::Blocked {
            side,
            until,
            by: by.to_owned(),
        });
    }
}

/// The ticket that an Effect writes to or speaks of.
fn ticket_of(effect: &Effect) -> Option<&TicketId> {
    match effect {
        Effect::StartConversation(start) => Some(&start.ticket),
        Effect::SendTemplate(send) => Some(&send.ticket),
        Effect::AddComment(comment) => Some(&comment.ticket),
        Effect::AttachFile(file) => Some(&file.ticket),
        Effect::SetStatus { ticket, .. }
        | Effect::SetFields { ticket, .. }
        | Effect::AddNote { ticket, .. }
        | Effect::WriteLinkField { ticket, .. } => Some(ticket),
        Effect::CloseConversation(_)
        | Effect::WriteTicketId(_)
        | Effect::UpsertRequester { .. }
        | Effect::SendMessage(_)
        | Effect::SendBotMessage(_)
        | Effect::HandOver(_) => None,
        Effect::CreateTicket(create) => create.made.as_ref(),
    }
}

/// What is said, and has bounds of its own: no pace of people's talk is a loop of states.
fn is_said(operation: Operation) -> bool {
    match operation {
        Operation::Note
        | Operation::Comment
        | Operation::File
        | Operation::Message
        | Operation::Template
        | Operation::BotMessage => true,
        Operation::Start
        | Operation::Close
        | Operation::TicketId
        | Operation::UserState
        | Operation::Requester
        | Operation::Create
        | Operation::LinkField
        | Operation::Fields
        | Operation::Status => false,
    }
}

/// What waits for each other within a Link. Notes, messages, and the ticket's id at Jelou (another host's
/// affair), hold nothing else up.
fn queue(operation: Operation) -> u8 {
    match operation {
        Operation::Start | Operation::Close => 0,
        Operation::TicketId => 1,
        Operation::Requester | Operation::Create | Operation::LinkField | Operation::Status => 2,
        Operation::Note => 3,
        Operation::Comment => 4,
        Operation::File => 6,
        Operation::Message => 5,
        Operation::Template => 7,
        Operation::BotMessage => 8,
        Operation::UserState => 9,
        Operation::Fields => 10,
    }
}
