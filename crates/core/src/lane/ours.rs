//! The conversations that starts of ours made: how that is proven, and what the Link gets (rules 5
//! and 6). Neighbours: adopt, for all others; resolve, for starts that no conversation turned up for.

use super::{
    follow::is_made,
    state::{ConversationMemory, EntryKind},
    step::Turn,
};
use crate::{
    effect::Operation,
    ids::{ConversationId, IntentId, LinkId},
    intent::{Intent, IntentState},
    link::{ConversationSide, Link, Origin, TicketSide},
    time::Timestamp,
};
use std::time::Duration;

/// Jelou's clock and ours may differ by this much when a conversation's start is held against the
/// moment we asked for it.
pub const CLOCKS_APART: Duration = Duration::from_secs(120);

/// The clocks of two processes of ours on one store differ by less than this.
pub(super) const OUR_CLOCKS_APART: Duration = Duration::from_secs(5);

/// Two Lanes of one customer are joined when neither is being worked on; until then it is tried
/// again after this.
const JOIN_AGAIN: Duration = Duration::from_secs(1);

/// The end of a Link that a person untied.
pub(super) const UNLINKED: &str = "unlinked";

/// Why a conversation has no ticket that a start made although another one had worked.
const DOUBLED: &str = "a second conversation of the same start";

/// Why a conversation has no ticket whose start's ticket another customer has by now.
const ELSEWHERE: &str = "its ticket is another customer's by now";

impl Turn<'_> {
    /// The start that made this conversation, as far as can be proven without its event: a
    /// conversation whose start event we did not see, begun after we asked (rule 5).
    pub(super) fn claimed_by(&self, memory: &ConversationMemory) -> Option<IntentId> {
        if memory.start_event && !planted!(ForeignStartTakenAsOwn) {
            return None;
        }
        let started_at = memory.seen.started_at?;
        self.lane
            .intents
            .iter()
            .filter(|i| i.operation() == Operation::Start)
            .filter(|i| in_question(i) || self.may_have_made(i, started_at))
            .filter(|i| {
                i.answered
                    .as_ref()
                    .is_none_or(|answered| answered == &memory.seen.id)
            })
            .filter(|i| !is_surely_refused(i))
            .filter(|i| !was_known_before(memory, i))
            .find(|i| {
                i.first_sent_at
                    .is_some_and(|sent| not_before(started_at, sent))
            })
            .map(|i| i.id.clone())
    }

    /// The start whose id this conversation's start event carried, if that is not settled so: its
    /// conversation was in another Lane when the event came, and the two have been joined since.
    pub(super) fn announced_by(&self, memory: &ConversationMemory) -> Option<IntentId> {
        let told = memory.start_intent.as_ref()?;
        let start = self.lane.intent(told)?;
        let open = start.operation() == Operation::Start
            && !matches!(start.state, IntentState::Confirmed | IntentState::Observed);
        (open && !memory.taken_elsewhere).then(|| told.clone())
    }

    /// The conversation whose start event carried this start's id.
    pub(super) fn conversation_told_of(&self, start: &Intent) -> Option<ConversationId> {
        if start.operation() != Operation::Start {
            return None;
        }
        let told = |m: &ConversationMemory| m.start_intent.as_ref() == Some(&start.id);
        let mut talks = self.lane.conversations.iter();
        talks.find(|(_, m)| told(m)).map(|(id, _)| id.clone())
    }

    /// Whether a start of ours may yet turn out to have made this conversation. An answer that names
    /// another one tells of the latest try alone.
    pub(super) fn start_in_question(&self, memory: &ConversationMemory) -> bool {
        self.lane.intents.iter().any(|i| {
            let answered = i.answered.as_ref();
            i.operation() == Operation::Start
                && matches!(i.state, IntentState::Sent | IntentState::Unknown)
                && (tried_before(i) || answered.is_none_or(|id| id == &memory.seen.id))
        })
    }

    /// Whether a look at when this conversation began may show that a start made it whose outcome
    /// nobody knows, parked or given up though it may be.
    pub(super) fn may_be_claimed(&self, memory: &ConversationMemory) -> bool {
        let unread = memory.seen.started_at.is_none() && memory.read_at.is_none();
        let asks = |i: &Intent| {
            i.operation() == Operation::Start
                && (in_question(i) || self.is_given_up_in_doubt(i))
                && i.attempts > 0
                && i.answered
                    .as_ref()
                    .is_none_or(|answered| answered == &memory.seen.id)
                && !was_known_before(memory, i)
        };
        unread && !memory.start_event && self.lane.intents.iter().any(asks)
    }

    /// Whether Jelou answered a start with this conversation, and it is not yet proven new.
    pub(super) fn is_answer_in_question(&self, id: &ConversationId) -> bool {
        self.lane.intents.iter().any(|i| {
            i.answered.as_ref() == Some(id)
                && matches!(i.state, IntentState::Sent | IntentState::Unknown)
        })
    }

    /// A start that was given up by `parked retry` or withdrawn after a try whose outcome nobody
    /// knows.
    fn is_given_up_in_doubt(&self, intent: &Intent) -> bool {
        let link = self.lane.link(&intent.link);
        let wanted = link.is_some_and(|link| link.conversation_id().is_none());
        let withdrawn = intent.state == IntentState::Withdrawn && intent.attempts > 0;
        withdrawn && wanted && !is_surely_refused(intent)
    }

    /// Of one that was given up only a conversation of that very moment is its own.
    fn may_have_made(&self, intent: &Intent, started_at: Timestamp) -> bool {
        let last = intent.deadline_at.map(|over| over.plus(CLOCKS_APART));
        self.is_given_up_in_doubt(intent) && last.is_some_and(|last| started_at <= last)
    }

    /// A start of ours made this conversation: its Link gets it.
    pub(super) fn confirm_start(&mut self, intent: &IntentId, id: &ConversationId, proof: &str) {
        let Some(link) = self.lane.intent(intent).map(|i| i.link.clone()) else {
            return;
        };
        if self.is_taken_elsewhere(id) {
            return self.start_is_elsewhere(intent, &link, id);
        }
        if self.was_over_before(&link, id) {
            return self.start_had_ended(intent, &link, id, proof);
        }
        let Some(target) = self.link_that_takes(&link, id) else {
            let has_one = self.lane.link(&link).and_then(|l| l.conversation_id());
            if has_one.is_none() && self.is_unlinked(&link) {
                return self.start_was_unlinked(intent, id);
            }
            return self.start_was_doubled(intent, &link, id);
        };
        match self.may_live_again(&target, id) {
            Some(true) => {}
            Some(false) => return self.start_came_too_late(intent, &target, id),
            None => return,
        }
        self.settle_start(intent);
        if self.lane.link(&target).and_then(|l| l.conversation_id()) == Some(id) {
            return;
        }
        self.give_way(id, &target);
        self.withdraw(&target, Operation::Start, None);
        let (now, mapping) = (self.now, self.rules.mapping);
        if let Some(link) = self.lane.link_mut(&target) {
            link.conversation = ConversationSide::Known { id: id.clone() };
            link.busy_since = None;
            if link.ended.take().is_some() {
                link.ticket_since = Some(now);
                // It went out for an open ticket. One that was closed since closes what came of it.
                let agreed = link.agreed.as_mut();
                if let Some(agreed) = agreed.filter(|a| mapping.closes(&a.status)) {
                    agreed.status = mapping.vocabulary().reopened.clone();
                }
                self.doubt_what_left(&target);
            }
        }
        self.is_the_starts(id);
        let sentence = format!("Conversation {id} is this ticket's: {proof}");
        self.lane
            .journal_intent(intent, EntryKind::Outcome, sentence, self.now);
    }

    /// Whether nobody else has the ticket of a Link that ended, so that it may come back with this
    /// conversation; `None` while the store is asked (rule 10).
    fn may_live_again(&mut self, link: &LinkId, id: &ConversationId) -> Option<bool> {
        let ended = self.lane.link(link).filter(|l| !l.is_live());
        let ticket = ended.and_then(|l| l.ticket_id()).cloned();
        let memory = ticket.as_ref().and_then(|t| self.lane.tickets.get(t));
        let (Some(ticket), Some(memory)) = (ticket, memory) else {
            return Some(true);
        };
        if memory.held_elsewhere.is_none() {
            // If that is wrong, the store refuses it.
            return Some(true);
        }
        let learnt = self.lane.conversations.get(id).map(|m| m.learnt_at);
        let asked = memory.holder_asked_at >= learnt;
        if !asked {
            self.ask_who_holds(&ticket);
        }
        asked.then_some(false)
    }

    /// The start worked after all, when its Link had ended and its ticket gone to another customer's
    /// Lane. The conversation is watched to its end, as it keeps the customer busy.
    fn start_came_too_late(&mut self, intent: &IntentId, link: &LinkId, id: &ConversationId) {
        self.settle_start(intent);
        let sentence = format!("Conversation {id} came of a start whose ticket has another by now");
        self.note_conversation(EntryKind::Alarm, sentence, id);
        self.tell(link, &format!("late:{id}"), "A conversation that was started for this ticket before turned out to go on, and the ticket is another customer's by now. It was left without a ticket: close it at Jelou, or link it by hand.");
        self.link_to_no_ticket(id, ELSEWHERE);
    }

    /// A Link comes back after its end: since then its ticket's changes were nobody's news here, or went
    /// to the Lane of another requester.
    fn doubt_what_left(&mut self, link: &LinkId) {
        let ticket = self.lane.link(link).and_then(|l| l.ticket_id()).cloned();
        let memory = ticket.and_then(|ticket| self.lane.tickets.get_mut(&ticket));
        if let Some(memory) = memory {
            memory.hint_at = memory.hint_at.max(Some(self.now));
        }
    }

    /// The customer's canonical spelling (rule 9): as Jelou spells them in the latest conversation
    /// that a ticket of ours began, or that Jelou answered its start with and tells of by itself. It is
    /// derived in each step, so that a join which did not come about is tried again.
    pub(super) fn plan_spelling(&mut self) {
        if planted!(SpellingNotFollowed) {
            self.lane.canonical = None;
            return;
        }
        let begun = self.lane.links.iter();
        let begun = begun.filter(|link| link.origin == Origin::Ticket);
        let begun = begun.filter_map(|link| link.conversation_id());
        let starts = self.lane.intents.iter();
        let starts = starts.filter(|i| i.operation() == Operation::Start);
        let answered = starts.filter_map(|i| i.answered.as_ref());
        let known = |id| self.lane.conversations.get(id);
        // Of an answer alone nobody knows whether it is right.
        let answered = answered
            .filter_map(known)
            .filter(|m| m.start_event || m.read_at.is_some());
        let latest = begun
            .filter_map(known)
            .chain(answered)
            .max_by_key(|memory| memory.learnt_at);
        let spelled = latest.map(|memory| memory.seen.user.clone());
        self.lane.canonical = self.lane.canonical.take().or(spelled);
        let user = self.lane.user.clone();
        self.lane.canonical = self.lane.canonical.take().filter(|told| *told != user);
        if self.lane.canonical.is_some() {
            self.wake(self.now.plus(JOIN_AGAIN));
        }
    }

    fn is_taken_elsewhere(&self, id: &ConversationId) -> bool {
        let memory = self.lane.conversations.get(id);
        memory.is_some_and(|memory| memory.taken_elsewhere)
    }

    /// Another Lane took the conversation in before it turned out to be this ticket's own. If that
    /// Lane is the same customer's under Jelou's spelling, the two are joined, and the one Link gives
    /// way to the other then; else it stays where it is.
    fn start_is_elsewhere(&mut self, intent: &IntentId, link: &LinkId, id: &ConversationId) {
        let spelled = self.lane.conversations.get(id).map(|m| m.seen.user.clone());
        if let Some(user) = spelled.filter(|user| *user != self.lane.user) {
            self.lane.canonical = Some(user);
            return self.wake(self.now.plus(JOIN_AGAIN));
        }
        self.settle_start(intent);
        let sentence = format!("Conversation {id} came of this start, and another lane has it");
        self.lane
            .journal_intent(intent, EntryKind::Alarm, sentence, self.now);
        self.tell(link, &format!("elsewhere:{id}"), "The conversation that was started for this ticket belongs to another ticket by now. Link it by hand if that is wrong.");
    }

    fn settle_start(&mut self, intent: &IntentId) {
        let now = self.now;
        if let Some(intent) = self.lane.intent_mut(intent) {
            intent.state = IntentState::Confirmed;
            intent.confirmed_at = intent.confirmed_at.or(Some(now));
            intent.parked = None;
            intent.held = false;
        }
        self.changed = true;
    }

    /// The Link that a start's conversation goes to: the start's own, or the one its ticket has got
    /// since. `None` if that one has another conversation already.
    fn link_that_takes(&self, link: &LinkId, id: &ConversationId) -> Option<LinkId> {
        let own = self.lane.link(link)?;
        if own.conversation_id() == Some(id) {
            return Some(own.id.clone());
        }
        let fits = |has: Option<&ConversationId>| {
            has.is_none_or(|has| has == id || planted!(SecondConversationTaken))
        };
        let later = own
            .ticket_id()
            .and_then(|ticket| self.live_link_of_ticket(ticket))
            .filter(|later| later.id != own.id);
        if later.is_none() && self.is_unlinked(link) && own.conversation_id().is_none() {
            return None;
        }
        let target = later.unwrap_or(own);
        (fits(own.conversation_id()) && fits(target.conversation_id())).then(|| target.id.clone())
    }

    /// Whether the start's ticket has a later Link that waits for a conversation of its own, and this one was over
    /// before that Link was made, or while its own start is on its way.
    fn was_over_before(&self, link: &LinkId, id: &ConversationId) -> bool {
        let own = self.lane.link(link).filter(|l| !l.is_live());
        let own = own.filter(|l| l.conversation_id().is_none() && !self.is_unlinked(&l.id));
        let later = own
            .and_then(Link::ticket_id)
            .and_then(|ticket| self.live_link_of_ticket(ticket));
        let Some(later) = later.filter(|l| l.conversation_id().is_none()) else {
            return false;
        };
        let memory = self.lane.conversations.get(id);
        let Some(memory) = memory.filter(|m| m.seen.state.is_closed()) else {
            return false;
        };
        let over_at = memory.seen.ended_at.or(memory.closed_known_at);
        let earlier = over_at.is_some_and(|at| at <= later.created_at);
        let free = self.link_of_conversation(id).is_none();
        free && (earlier || self.under_way(&later.id, Operation::Start))
    }

    /// The start's own Link gets its conversation, and stays ended: what was said there still goes to the ticket.
    fn start_had_ended(
        &mut self,
        start: &IntentId,
        link: &LinkId,
        id: &ConversationId,
        proof: &str,
    ) {
        self.settle_start(start);
        if let Some(link) = self.lane.link_mut(link) {
            link.conversation = ConversationSide::Known { id: id.clone() };
            link.busy_since = None;
            if let Some(ended) = &mut link.ended {
                ended.reason = "closed".to_owned();
            }
        }
        self.is_the_starts(id);
        let sentence = format!("Conversation {id} was this ticket's, and is over: {proof}");
        self.lane
            .journal_intent(start, EntryKind::Outcome, sentence, self.now);
    }

    fn is_the_starts(&mut self, id: &ConversationId) {
        let Some(memory) = self.lane.conversations.get_mut(id) else {
            return;
        };
        memory.linked = true;
        let spelled = memory.seen.user.clone();
        if spelled != self.lane.user {
            self.lane.canonical = Some(spelled);
        }
    }

    pub(super) fn is_unlinked(&self, link: &LinkId) -> bool {
        let ended = self.lane.link(link).and_then(|l| l.ended.as_ref());
        ended.is_some_and(|ended| ended.reason == UNLINKED)
    }

    /// A person untied the ticket while its start was on its way: that holds. The conversation is
    /// watched to its end, as it keeps the customer busy.
    fn start_was_unlinked(&mut self, intent: &IntentId, id: &ConversationId) {
        self.settle_start(intent);
        let sentence = format!("Conversation {id} came of a start whose ticket was unlinked since");
        self.note_conversation(EntryKind::Alarm, sentence, id);
        self.link_to_no_ticket(id, UNLINKED);
    }

    fn link_to_no_ticket(&mut self, id: &ConversationId, rule: &str) {
        if self.link_of_conversation(id).is_none() {
            self.new_link(
                Origin::Ticket,
                ConversationSide::Known { id: id.clone() },
                TicketSide::Unwanted {
                    rule: rule.to_owned(),
                },
                rule,
            );
        }
    }

    /// A Link that had taken the conversation in before it turned out to be a ticket's own.
    fn give_way(&mut self, id: &ConversationId, to: &LinkId) {
        let other = self
            .lane
            .links
            .iter()
            .find(|l| l.is_live() && l.id != *to && l.conversation_id() == Some(id));
        let Some(other) = other.map(|l| l.id.clone()) else {
            return;
        };
        if planted!(GiveWaySkipped) {
            return;
        }
        // A file belongs to the ticket that its message is on, and so does what its agents are told; what follows
        // its making belongs to a ticket.
        let mut own = self.lane.intents.iter().filter(|i| i.link == other);
        let made = own.any(is_made);
        let of_ticket = |o: &Operation| matches!(o, Operation::File | Operation::Note);
        let stays = |o: &Operation| of_ticket(o) || made && *o == Operation::Create;
        for operation in Operation::ALL.into_iter().filter(|o| !stays(o)) {
            self.withdraw(&other, operation, None);
        }
        self.tell(&other, &format!("ours:{id}"), "This ticket's conversation turned out to belong to another ticket, whose start Jelou had not confirmed in time. It goes on there.");
        self.end_link(&other, "belongs to another ticket");
    }

    /// Two tries of one start both worked: flagged, told, and the customer stays busy with it.
    fn start_was_doubled(&mut self, intent: &IntentId, link: &LinkId, id: &ConversationId) {
        self.settle_start(intent);
        if let Some(intent) = self.lane.intent_mut(intent) {
            intent.possible_duplicate = !planted!(DoubleNotFlagged);
        }
        let sentence =
            format!("Conversation {id} came of a start that had worked before: a duplicate");
        self.note_conversation(EntryKind::Alarm, sentence, id);
        self.tell(link, &format!("double:{id}"), "A second conversation was started for this ticket, because the answer to the first start was lost. Close one of them at Jelou.");
        self.link_to_no_ticket(id, DOUBLED);
    }
}

/// A start whose conversation may still turn up: sent or unknown, or parked because it stayed so.
pub(super) fn in_question(intent: &Intent) -> bool {
    match intent.state {
        IntentState::Sent | IntentState::Unknown => true,
        IntentState::Parked => intent
            .parked
            .as_ref()
            .is_some_and(|parked| parked.reason == super::UNKNOWN_OUTCOME),
        IntentState::Planned => may_have_worked(intent),
        IntentState::Confirmed
        | IntentState::Refused
        | IntentState::Withdrawn
        | IntentState::Observed => false,
    }
}

/// Whether an earlier try of what is planned may have worked.
pub(super) fn may_have_worked(intent: &Intent) -> bool {
    let planned = intent.state == IntentState::Planned;
    planned && intent.attempts > 0 && intent.possible_duplicate
}

/// Whether this conversation was heard of before the start was first sent: then the start did not make
/// it, however close the two are by Jelou's clock. The Lane itself kept what it knew then; two moments
/// by clocks of ours tell it of a Lane that was joined since, unless they are too close.
pub(super) fn was_known_before(memory: &ConversationMemory, start: &Intent) -> bool {
    let heard = memory.learnt_at.plus(OUR_CLOCKS_APART);
    let earlier = start.first_sent_at.is_some_and(|sent| heard < sent);
    (earlier || start.known_before.contains(&memory.seen.id)) && !planted!(KnownBeforeTaken)
}

/// Whether a try before the latest one may have reached Jelou: a refusal of the latest proves
/// nothing about it, and is what its success would cause.
pub(super) fn tried_before(intent: &Intent) -> bool {
    intent.attempts > 1
}

/// Whether the only try of this was refused: nothing can have come of it.
pub(super) fn is_surely_refused(intent: &Intent) -> bool {
    intent.refused_status.is_some() && !tried_before(intent)
}

/// Whether a conversation that began at `started_at` can come of a call begun at `sent`.
pub(super) fn not_before(started_at: Timestamp, sent: Timestamp) -> bool {
    started_at >= sent.minus(CLOCKS_APART) || planted!(AnyStartTimeWillDo)
}
