//! Looking things up in a Lane, and writing its timeline. Neighbours: all of the Lane's rooms.

use super::{
    state::{ConversationMemory, Entry, EntryKind, Lane},
    step::{Mode, Turn},
};
use crate::{
    effect::{Effect, Operation},
    ids::{ConversationId, IntentId, LaneId, LinkId, TicketId},
    intent::{Intent, IntentState, Parked},
    link::{ConversationSide, Link, Origin, TicketSide},
    time::Timestamp,
};
use std::{collections::BTreeSet, time::Duration};

/// Ends the cause of what is wanted still after it was only observed.
const LIVE: &str = " live";

/// The wish behind a cause, whether planned at once or after it was observed.
pub(super) fn wish(cause: &str) -> &str {
    cause.trim_end_matches(LIVE)
}

impl Lane {
    /// The Link of this id.
    #[must_use]
    pub fn link(&self, id: &LinkId) -> Option<&Link> {
        self.links.iter().find(|link| &link.id == id)
    }

    pub(super) fn link_mut(&mut self, id: &LinkId) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| &link.id == id)
    }

    /// The Intent of this id.
    #[must_use]
    pub fn intent(&self, id: &IntentId) -> Option<&Intent> {
        self.intents.iter().find(|intent| &intent.id == id)
    }

    pub(super) fn intent_mut(&mut self, id: &IntentId) -> Option<&mut Intent> {
        self.intents.iter_mut().find(|intent| &intent.id == id)
    }

    /// Marks an Intent as sent: commit this before the first byte of its call leaves.
    pub fn mark_sent(&mut self, id: &IntentId, now: Timestamp, call_timeout: Duration) {
        let begins = |i: &Intent| i.operation() == Operation::Start && i.first_sent_at.is_none();
        let known = if self.intent(id).is_some_and(begins) {
            self.conversations_unexplained()
        } else {
            BTreeSet::new()
        };
        let sentence = match self.intent_mut(id) {
            Some(intent) => {
                if intent.first_sent_at.is_none() {
                    intent.known_before = known;
                }
                intent.state = IntentState::Sent;
                if !planted!(AttemptNotCounted) {
                    intent.attempts = intent.attempts.saturating_add(1);
                }
                intent.first_sent_at = intent.first_sent_at.or(Some(now));
                intent.sent_at = Some(now);
                intent.deadline_at = Some(now.plus(call_timeout));
                intent.due_at = None;
                intent.held = false;
                format!("Calling: {}", intent.effect)
            }
            None => return,
        };
        self.journal_intent(id, EntryKind::Call, sentence, now);
    }

    /// Conversations of which it is known neither whose they are nor how they began: a start might be
    /// taken for their cause.
    fn conversations_unexplained(&self) -> BTreeSet<ConversationId> {
        self.conversations
            .iter()
            .filter(|(_, m)| !m.linked && !m.start_event)
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// The store said that a live Link of another Lane has this ticket: it is not ours to take.
    pub fn ticket_is_elsewhere(&mut self, ticket: &TicketId, holder: Option<LaneId>) {
        let holder = holder.or_else(|| LaneId::parse("another").ok());
        let memory = self.tickets.entry(ticket.clone()).or_default();
        memory.held_elsewhere = holder;
        memory.shared = true;
    }

    /// The store said that a Link of another Lane has this conversation.
    pub fn conversation_is_elsewhere(&mut self, conversation: &ConversationId) {
        if let Some(memory) = self.conversations.get_mut(conversation) {
            memory.taken_elsewhere = true;
            return;
        }
        // What a refused commit had learnt is forgotten, also that there is such a conversation.
        let heard = self.pending.iter().find_map(|pending| {
            let told = pending.event.conversation()?;
            (&told.id == conversation).then(|| (told.clone(), pending.received_at))
        });
        if let Some((told, at)) = heard {
            let memory = ConversationMemory {
                taken_elsewhere: true,
                ..ConversationMemory::first_heard_of(told, at)
            };
            self.conversations.insert(conversation.clone(), memory);
        }
    }

    /// The store has an Intent of this key that this Lane no longer had at hand: it counts, and the
    /// new one with the same key does not.
    pub fn recall(&mut self, existing: Intent) {
        self.intents.retain(|i| {
            i.id == existing.id
                || i.link != existing.link
                || i.operation() != existing.operation()
                || i.cause != existing.cause
        });
        if self.intent(&existing.id).is_none() {
            self.intents.insert(0, existing);
        }
    }

    pub(super) fn journal_intent(
        &mut self,
        id: &IntentId,
        kind: EntryKind,
        sentence: String,
        at: Timestamp,
    ) {
        let Some(intent) = self.intent(id) else {
            return;
        };
        let (link, rule) = (intent.link.clone(), intent.rule.clone());
        let found = self.link(&link);
        let ticket = found.and_then(Link::ticket_id).cloned();
        let conversation = found.and_then(Link::conversation_id).cloned();
        self.journal.push(Entry {
            at,
            kind,
            sentence,
            rule: Some(rule),
            link: Some(link),
            ticket,
            conversation,
        });
    }
}

impl Turn<'_> {
    pub(super) fn live_link_of_ticket(&self, ticket: &TicketId) -> Option<&Link> {
        self.lane
            .links
            .iter()
            .find(|link| link.is_live() && link.ticket_id() == Some(ticket))
    }

    pub(super) fn link_of_conversation(&self, conversation: &ConversationId) -> Option<&Link> {
        self.lane
            .links
            .iter()
            .find(|link| link.conversation_id() == Some(conversation))
    }

    /// The latest Link this ticket had, live or not.
    pub(super) fn latest_link_of_ticket(&self, ticket: &TicketId) -> Option<&Link> {
        self.lane
            .links
            .iter()
            .rev()
            .find(|link| link.ticket_id() == Some(ticket))
    }

    pub(super) fn new_link(
        &mut self,
        origin: Origin,
        conversation: ConversationSide,
        ticket: TicketSide,
        rule: &str,
    ) -> LinkId {
        let id = LinkId::of(&self.lane.id, self.lane.next_link);
        self.lane.next_link = self.lane.next_link.saturating_add(1);
        let link = Link {
            id: id.clone(),
            generation: 1,
            origin,
            conversation,
            ticket,
            agreed: None,
            requester_id: None,
            looked_for_open: false,
            follows: None,
            busy_since: None,
            link_field_written: false,
            ticket_id_written_at: None,
            ticket_id_cleared: false,
            told: BTreeSet::new(),
            diverged: Vec::new(),
            created_at: self.now,
            ticket_since: None,
            relays: true,
            ended: None,
        };
        if let Some(talk) = link.conversation_id()
            && let Some(memory) = self.lane.conversations.get_mut(talk)
        {
            memory.linked = true;
        }
        self.lane.links.push(link);
        self.changed = true;
        self.note_link(
            EntryKind::Decision,
            "A link is made".to_owned(),
            &id,
            Some(rule),
        );
        id
    }

    /// Makes sure that an Intent of this key exists; one that is still unsent gets the newest effect.
    pub(super) fn ensure(&mut self, link: &LinkId, cause: &str, effect: Effect, rule: &str) {
        let operation = effect.operation();
        let found = self
            .lane
            .intents
            .iter_mut()
            .find(|i| &i.link == link && i.operation() == operation && i.cause == cause)
            .filter(|_| !planted!(WishPlannedAnew));
        let sentence = format!("Planned: {effect}");
        let id = if let Some(intent) = found {
            match intent.state {
                IntentState::Planned => {
                    // What may have gone out already says the same again: under one idempotency
                    // key Zendesk refuses another body, and what it made would be nobody's.
                    if intent.attempts == 0 {
                        intent.effect = effect;
                    }
                    return;
                }
                IntentState::Withdrawn => {
                    intent.state = IntentState::Planned;
                    intent.effect = effect;
                    intent.planned_at = self.now;
                    intent.due_at = None;
                    // What went wrong when it was wanted before says nothing of now.
                    intent.failures = 0;
                    intent.failing_since = None;
                    intent.refused_status = None;
                    intent.id.clone()
                }
                IntentState::Observed if planted!(ObservedSentAfterAll) => {
                    intent.state = IntentState::Planned;
                    intent.id.clone()
                }
                IntentState::Observed => {
                    return self.ensure_after_observing(link, cause, effect, rule);
                }
                IntentState::Sent
                | IntentState::Unknown
                | IntentState::Confirmed
                | IntentState::Refused
                | IntentState::Parked => return,
            }
        } else {
            self.new_intent(link, cause, effect, rule)
        };
        self.changed = true;
        self.lane
            .journal_intent(&id, EntryKind::Decision, sentence, self.now);
    }

    /// What was observed is never sent. But what a whole Link still wants when the bridge has gone
    /// live is planned, as a wish of its own (rule 17).
    fn ensure_after_observing(&mut self, link: &LinkId, cause: &str, effect: Effect, rule: &str) {
        let whole = |l: &Link| l.is_live() && l.is_whole();
        if self.rules.mode == Mode::Live && self.lane.link(link).is_some_and(whole) {
            self.ensure(link, &format!("{cause}{LIVE}"), effect, rule);
        }
    }

    fn new_intent(&mut self, link: &LinkId, cause: &str, effect: Effect, rule: &str) -> IntentId {
        let mut id = IntentId::of(&self.lane.id, self.lane.next_intent);
        if planted!(KeyIsTheNumber) && effect.operation() == Operation::Create {
            let number = format!("create.{}", self.lane.next_intent);
            id = IntentId::parse(&number).unwrap_or(id);
        }
        self.lane.next_intent = self.lane.next_intent.saturating_add(1);
        let mut cause = cause.to_owned();
        if planted!(CauseOfTheMoment) {
            cause = format!("{cause} at {}", self.now.0);
        }
        self.lane.intents.push(Intent::planned(
            id.clone(),
            link.clone(),
            cause,
            rule.to_owned(),
            effect,
            self.now,
        ));
        id
    }

    /// What was taken back from another Link after a try that may have worked is flagged when this one wants
    /// it anew.
    pub(super) fn flag_if_tried_elsewhere(
        &mut self,
        link: &LinkId,
        operation: Operation,
        cause: &str,
    ) {
        let same = |i: &Intent| i.operation() == operation && wish(&i.cause) == cause;
        let in_doubt = |i: &Intent| {
            let taken_back = i.link != *link && i.state == IntentState::Withdrawn;
            taken_back && same(i) && i.attempts > 0 && i.possible_duplicate
        };
        if self.lane.intents.iter().any(in_doubt) {
            self.flag_planned(link, same);
        }
    }

    /// What is planned for a Link may be there already by another's try.
    pub(super) fn flag_planned(&mut self, link: &LinkId, is_it: impl Fn(&Intent) -> bool) {
        let planned =
            |i: &&mut Intent| i.link == *link && i.state == IntentState::Planned && is_it(i);
        if let Some(own) = self.lane.intents.iter_mut().find(planned) {
            own.possible_duplicate |= !planted!(DoubleNotFlagged);
        }
    }

    /// Withdraws what is planned of one kind for a Link, except of one cause.
    pub(super) fn withdraw(&mut self, link: &LinkId, operation: Operation, but: Option<&str>) {
        let mut withdrawn = Vec::new();
        for intent in &mut self.lane.intents {
            if &intent.link == link
                && intent.operation() == operation
                && intent.state == IntentState::Planned
                && but != Some(wish(&intent.cause))
            {
                intent.state = IntentState::Withdrawn;
                intent.held = false;
                withdrawn.push((
                    intent.id.clone(),
                    format!("No longer wanted: {}", intent.effect),
                ));
            }
        }
        for (id, sentence) in withdrawn {
            self.changed = true;
            self.lane
                .journal_intent(&id, EntryKind::Decision, sentence, self.now);
        }
    }

    /// Sets an Intent aside for a person.
    pub(super) fn park(&mut self, id: &IntentId, reason: &str, detail: String, remedy: &str) {
        let now = self.now;
        let Some(intent) = self.lane.intent_mut(id) else {
            return;
        };
        intent.state = IntentState::Parked;
        intent.held = false;
        intent.due_at = None;
        let parked = Parked {
            reason: reason.to_owned(),
            detail,
            remedy: remedy.to_owned(),
            at: now,
        };
        let sentence = parked.sentence(&intent.effect);
        intent.parked = Some(parked);
        self.changed = true;
        self.lane
            .journal_intent(id, EntryKind::Alarm, sentence, now);
    }

    pub(super) fn end_link(&mut self, id: &LinkId, reason: &str) {
        let now = self.now;
        if let Some(link) = self.lane.link_mut(id)
            && link.ended.is_none()
        {
            link.ended = Some(crate::link::Ended {
                at: now,
                reason: reason.to_owned(),
                observed_since: None,
            });
            link.busy_since = None;
            self.changed = true;
            self.note_link(
                EntryKind::Decision,
                format!("The link ended: {reason}"),
                id,
                None,
            );
            self.settle_parked(id);
        }
    }

    /// With the Link's end, a start or close that waits for a person has nothing left to wait for;
    /// only a start whose outcome nobody knows does.
    fn settle_parked(&mut self, link: &LinkId) {
        for intent in &mut self.lane.intents {
            let talks = matches!(intent.operation(), Operation::Start | Operation::Close);
            let unknown = intent
                .parked
                .as_ref()
                .is_some_and(|parked| parked.reason == super::UNKNOWN_OUTCOME);
            if &intent.link == link
                && talks
                && intent.state == IntentState::Parked
                && !(unknown && intent.operation() == Operation::Start)
            {
                intent.state = IntentState::Withdrawn;
                intent.parked = None;
            }
        }
    }

    pub(super) fn note_ticket(&mut self, kind: EntryKind, sentence: String, ticket: &TicketId) {
        let link = self.latest_link_of_ticket(ticket);
        let (link, conversation) = (
            link.map(|l| l.id.clone()),
            link.and_then(Link::conversation_id).cloned(),
        );
        self.lane.journal.push(Entry {
            at: self.now,
            kind,
            sentence,
            rule: None,
            link,
            ticket: Some(ticket.clone()),
            conversation,
        });
    }

    pub(super) fn note_conversation(
        &mut self,
        kind: EntryKind,
        sentence: String,
        conversation: &ConversationId,
    ) {
        let link = self.link_of_conversation(conversation);
        let (link, ticket) = (
            link.map(|l| l.id.clone()),
            link.and_then(Link::ticket_id).cloned(),
        );
        self.lane.journal.push(Entry {
            at: self.now,
            kind,
            sentence,
            rule: None,
            link,
            ticket,
            conversation: Some(conversation.clone()),
        });
    }

    pub(super) fn note_link(
        &mut self,
        kind: EntryKind,
        sentence: String,
        link: &LinkId,
        rule: Option<&str>,
    ) {
        let found = self.lane.link(link);
        let ticket = found.and_then(Link::ticket_id).cloned();
        let conversation = found.and_then(Link::conversation_id).cloned();
        self.lane.journal.push(Entry {
            at: self.now,
            kind,
            sentence,
            rule: rule.map(str::to_owned),
            link: Some(link.clone()),
            ticket,
            conversation,
        });
    }
}
