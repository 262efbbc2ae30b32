//! Who watches: after each step it looks at what that step changed, and at nothing else. Neighbours:
//! `law`, the promises; `ending`, which looks at everything once all is quiet.

mod answered;
mod halt;
mod made;
mod noted;

pub use answered::Told;

use super::{
    law::{Breach, Law},
    listener::Ears,
    world::World,
};
use answered::Answered;
use bridge_core::{
    call::{CallError, Resolve},
    effect::{Answer, CreateTicket, Effect, Operation},
    event::Side,
    ids::{ConversationId, DeliveryId, IntentId, LaneId, LinkId, TicketId, UserId},
    intent::{Intent, IntentState},
    lane::Lane,
    mapping::Mapping,
    ticket::Version,
    time::Timestamp,
};
use halt::LetOut;
use jelou_bridge::store::Claim;
use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

/// Writes to one Link within a minute, as the rules allow them: beyond this the Link is parked.
const WRITES_PER_LINK_MINUTE: usize = 20;

/// Of the minute for which a start's event is waited for, so much is left of it whatever the clocks of
/// two processes make of it.
const SURELY_WAITED: Duration = Duration::from_secs(45);

/// Rule 5: so much may Jelou's clock and ours differ, where a conversation is told by its beginning.
const CLOCKS_APART: Duration = Duration::from_secs(120);

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    /// The first law that was broken.
    pub breach: Option<Breach>,
    /// Whether somebody reads the tale.
    pub traced: bool,
    /// Deliveries whose sender was answered.
    pub acked: BTreeSet<DeliveryId>,
    /// When it went live after it had observed.
    pub live_since: Option<Timestamp>,
    /// Backups that were restored: as of when, and when.
    pub restored: Vec<(Timestamp, Timestamp)>,
    /// Intents that were flagged as a possible duplicate.
    pub flagged: BTreeSet<IntentId>,
    /// Links that a person untied, or whose parked work a person decided on.
    pub decided: BTreeSet<LinkId>,
    /// Intents that were parked once: a person was asked, and their Links keep no other from going.
    pub parked: BTreeSet<IntentId>,
    /// Links whose ticket was known to be open while they had it.
    pub known_open: BTreeSet<(LinkId, TicketId)>,
    /// Tickets that were given to another requester.
    pub given: BTreeSet<TicketId>,
    /// Conversations of which a start or a message came in.
    pub heard: BTreeSet<ConversationId>,
    /// How often an object was said not to be there although it was.
    pub missed: BTreeMap<String, u32>,
    /// When a start made a conversation.
    pub begun: BTreeMap<ConversationId, Timestamp>,
    /// Conversations that a close of ours ended.
    pub closed_by_us: BTreeSet<ConversationId>,
    /// Tickets that were closed once: what asks of them later is another rule's.
    pub once_closed: BTreeSet<TicketId>,
    /// Since when each ticket asks for a conversation by its tags.
    pub asks_since: BTreeMap<TicketId, Timestamp>,
    /// When a start last made a conversation for a ticket, and for which Link.
    pub served: BTreeMap<TicketId, (Timestamp, LinkId)>,
    /// When a ticket's state was last shown to the bridge.
    pub shown: BTreeMap<TicketId, Timestamp>,
    /// When the latest look at a ticket that was answered began, by the clock of who looked.
    pub looked_at: BTreeMap<TicketId, Timestamp>,
    /// Until when a host or credential is to be left alone, by its key: the true time, as far as it was stored.
    pub paused_until: BTreeMap<String, Timestamp>,
    /// What was planned for a Link when a person untied it, and when.
    pub untied: BTreeMap<IntentId, Timestamp>,
    noted: BTreeMap<IntentId, u32>,
    /// What the safety halt let out since it was last released.
    let_out: BTreeMap<Operation, BTreeMap<IntentId, LetOut>>,
    /// What the halt held when a person released it, and when that was planned.
    let_go: BTreeMap<IntentId, Timestamp>,
    /// What a person let go, and when that was planned: it is not counted until it is planned anew.
    freed: BTreeMap<IntentId, Timestamp>,
    /// Tickets of which the bridge knows that it made them.
    pub made: BTreeSet<TicketId>,
    /// Links whose conversation came of another ticket's start.
    pub gave_way: BTreeSet<LinkId>,
    /// Creates that count as done, with what follows them.
    pub finished: BTreeSet<IntentId>,
    /// Their tries, by when they left, that had not reached the desk by then.
    pub unstoppable: BTreeSet<(IntentId, Option<Timestamp>)>,
    /// What came to the door, and for what senders were answered.
    answered: Answered,
    tokens: BTreeMap<LaneId, i64>,
    settled: BTreeSet<(DeliveryId, u32)>,
    /// Intents that were committed as sent.
    pub sent: BTreeSet<IntentId>,
    /// What each start made, and whether that try went out flagged.
    started: BTreeMap<IntentId, BTreeMap<ConversationId, bool>>,
    /// What was known of the customer's conversations when a start first went out.
    pub(super) known_before: BTreeMap<IntentId, BTreeSet<ConversationId>>,
    /// Starts that got a conversation by the time of its beginning alone, and when they were first sent.
    by_time: BTreeMap<IntentId, (ConversationId, Timestamp)>,
    /// For whom each conversation was asked for, in the spelling that the start named.
    pub asked_for: BTreeMap<ConversationId, UserId>,
    /// When each start of ours was first done, and when Jelou's word of it was stored.
    done_and_told: BTreeMap<IntentId, (Option<Timestamp>, Option<Timestamp>)>,
    /// What was made for each Link, and whether that try went out flagged.
    created: BTreeMap<LinkId, BTreeMap<TicketId, bool>>,
    /// All tickets that were made for each conversation, whichever Link asked.
    created_for: BTreeMap<ConversationId, BTreeSet<TicketId>>,
    /// What each key was sent for.
    keys: BTreeMap<IntentId, CreateTicket>,
    /// What was said, and what came of it.
    pub ears: Ears,
    /// When each Link, and each ticket, was written to.
    writes: BTreeMap<String, VecDeque<Timestamp>>,
    /// Tries, by when they left, that were on their way when all was healed.
    pub left_unhealed: BTreeSet<(IntentId, Option<Timestamp>)>,
    /// How often each Link was written to since, at either side.
    pub written_late: BTreeMap<(LinkId, Side), u32>,
    /// The laws that were asked of something, a bit each.
    asked: Cell<u64>,
    /// Those that were asked soon after the healing, and whether that is now.
    asked_in_time: Cell<u64>,
    is_soon: Cell<bool>,
    /// Those that something excused of something.
    excused: Cell<u64>,
}

impl Judge {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new(traced: bool) -> Self {
        Self {
            traced,
            ..Self::default()
        }
    }

    /// A law was broken. The first one counts.
    pub fn breach(&mut self, law: Law, what: String) {
        if self.breach.is_none() {
            self.breach = Some(Breach { law, what });
        }
    }

    /// A law is asked of something: nothing excuses it.
    pub fn asks(&self, law: Law) {
        self.asked.set(self.asked.get() | law.bit());
        if self.is_soon.get() {
            self.asked_in_time.set(self.asked_in_time.get() | law.bit());
        }
    }

    /// The laws that were asked of something.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.get()
    }

    /// What is asked meanwhile is asked soon after the healing.
    pub fn in_time<T>(&self, ask: impl FnOnce() -> T) -> T {
        self.is_soon.set(true);
        let told = ask();
        self.is_soon.set(false);
        told
    }

    /// The laws that were asked of something soon after the healing.
    #[must_use]
    pub fn asked_in_time(&self) -> u64 {
        self.asked_in_time.get()
    }

    /// A law is not asked of something.
    pub fn excuses(&self, law: Law) {
        self.excused.set(self.excused.get() | law.bit());
    }

    /// The laws that were not asked of something.
    #[must_use]
    pub fn excused(&self) -> u64 {
        self.excused.get()
    }

    /// Whether a tale is written.
    #[must_use]
    pub fn is_traced(&self) -> bool {
        self.traced
    }

    /// Jelou's word of a start of ours was stored.
    pub fn told_of_start(&mut self, intent: IntentId, now: Timestamp) {
        self.done_and_told
            .entry(intent)
            .or_default()
            .1
            .get_or_insert(now);
    }

    /// A start of ours was done. Says whether the word of an earlier time was stored while that was
    /// waited for, so that this one need not have been.
    fn done_in_vain(&mut self, intent: &IntentId, now: Timestamp) -> bool {
        let known = self.done_and_told.entry(intent.clone()).or_default();
        let first = *known.0.get_or_insert(now);
        first < now
            && known
                .1
                .is_some_and(|told| told.since(first) < SURELY_WAITED)
    }

    /// A sender was answered.
    pub fn acked(&mut self, id: DeliveryId) {
        self.acked.insert(id);
    }

    /// A Delivery that was never answered may be lost with its process: it comes again, as a new one.
    pub fn forget_all_but(&mut self, there: &BTreeSet<DeliveryId>) {
        self.answered.forget_all_but(|id| there.contains(id));
    }

    /// A Lane was claimed.
    pub fn claimed(&mut self, claim: &Claim) {
        let last = self.tokens.insert(claim.lane.clone(), claim.token);
        if last.is_some_and(|last| last >= claim.token) {
            let what = format!("{} was claimed twice with one token", claim.lane);
            self.breach(Law::SingleWriter, what);
        }
    }

    /// A commit is about to be tried.
    pub fn follows(&mut self, before: &Lane, after: &Lane) {
        for (id, memory) in &after.tickets {
            let old = before.tickets.get(id).and_then(|m| m.seen.as_ref());
            let (Some(old), Some(new)) = (old, &memory.seen) else {
                continue;
            };
            self.asks(Law::NothingStale);
            let back = match (old.version, new.version) {
                (Version::Monotonic { number: old }, Version::Monotonic { number: new }) => {
                    new < old
                }
                (Version::Time { at: old, .. }, Version::Time { at: new, .. }) => new < old,
                _ => false,
            };
            if back {
                self.breach(Law::NothingStale, format!("ticket {id} went back"));
            }
        }
    }

    /// The store hands out no more than there are free workers for.
    pub fn is_bounded(&mut self, what: &str, handed_out: usize, free: usize) {
        self.asks(Law::Bounded);
        if handed_out > free {
            let what = format!("{handed_out} {what} for {free} workers");
            self.breach(Law::Bounded, what);
        }
    }

    /// A commit was taken.
    pub fn committed(&mut self, claim: &Claim, after: &Lane, mapping: &Mapping) {
        for link in &after.links {
            let seen = link
                .ticket_id()
                .and_then(|id| after.tickets.get(id)?.seen.as_ref());
            if let Some(ticket) = seen.filter(|ticket| !mapping.closes(&ticket.status)) {
                self.known_open.insert((link.id.clone(), ticket.id.clone()));
            }
        }
        self.asks(Law::SingleWriter);
        if self
            .tokens
            .get(&claim.lane)
            .is_some_and(|t| *t > claim.token)
        {
            let what = format!("{} was written under an old claim", claim.lane);
            self.breach(Law::SingleWriter, what);
        }
        for (delivery, position, _) in &after.fates {
            self.asks(Law::SettledOnce);
            if !self.settled.insert((*delivery, *position)) {
                let what = format!("event {position} of delivery {delivery} twice");
                self.breach(Law::SettledOnce, what);
            }
        }
        for intent in &after.intents {
            match intent.state {
                IntentState::Sent => {
                    if intent.held {
                        self.breach(Law::HaltHolds, format!("{} was held and sent", intent.id));
                    }
                    self.sent.insert(intent.id.clone());
                    if intent.operation() == Operation::Start && intent.attempts == 1 {
                        let known = after.conversations.keys().cloned().collect();
                        self.known_before.entry(intent.id.clone()).or_insert(known);
                    }
                }
                IntentState::Parked => {
                    self.parked.insert(intent.id.clone());
                }
                IntentState::Confirmed => self.confirmed(intent, after),
                IntentState::Planned => {
                    if intent.attempts == 0 {
                        // An earlier try surely did nothing: the next one is the first.
                        self.known_before.remove(&intent.id);
                    }
                }
                IntentState::Unknown
                | IntentState::Refused
                | IntentState::Withdrawn
                | IntentState::Observed => {}
            }
            if intent.possible_duplicate {
                self.flagged.insert(intent.id.clone());
            }
        }
    }

    /// A start got a conversation. If neither its event was heard, nor it itself before the start went
    /// out, then by the time alone.
    fn confirmed(&mut self, intent: &Intent, after: &Lane) {
        if intent.operation() != Operation::Start {
            return;
        }
        let talk = after.link(&intent.link).and_then(|l| l.conversation_id());
        let unheard = |id: &&ConversationId| {
            let memory = after.conversations.get(*id);
            let known = self.known_before.get(&intent.id);
            memory.is_some_and(|m| !m.start_event) && known.is_some_and(|k| !k.contains(*id))
        };
        if let (Some(talk), Some(sent)) = (talk.filter(unheard), intent.first_sent_at) {
            self.by_time
                .entry(intent.id.clone())
                .or_insert_with(|| (talk.clone(), sent));
        }
    }

    /// The store is the one of an earlier moment again.
    pub fn restore(&mut self, backup_at: Timestamp, now: Timestamp, last: Option<DeliveryId>) {
        self.restored.push((backup_at, now));
        let known = |id: &DeliveryId| last.is_some_and(|last| *id <= last);
        self.acked.retain(known);
        self.answered.forget_all_but(known);
        self.ears.forget_deliveries(known);
        self.settled.clear();
        self.tokens.clear();
        self.paused_until.clear();
        self.known_before.clear();
        self.by_time.clear();
        // With the flag, the Intent of a surplus one is forgotten: it was told in its time, and is none
        // of those that may come once more for what is forgotten now.
        for made in self.started.values_mut() {
            made.retain(|_, flagged| !*flagged);
        }
        let surplus = |made: &BTreeMap<TicketId, bool>| {
            let flagged = made.iter().filter(|(_, flagged)| **flagged);
            flagged.map(|(id, _)| id.clone()).collect::<Vec<_>>()
        };
        let told: BTreeSet<TicketId> = self.created.values().flat_map(surplus).collect();
        for made in self.created.values_mut() {
            made.retain(|_, flagged| !*flagged);
        }
        for made in self.created_for.values_mut() {
            made.retain(|id| !told.contains(id));
        }
    }

    /// Whether we made this ticket for this Link, which may have followed a merge to another since.
    #[must_use]
    pub fn made_for(&self, link: &LinkId, ticket: &TicketId) -> bool {
        self.created
            .get(link)
            .is_some_and(|made| made.contains_key(ticket))
    }

    /// All that we made for this Link, in the order of its ids.
    #[must_use]
    pub fn all_made_for(&self, link: &LinkId) -> Vec<TicketId> {
        let made = self.created.get(link);
        made.into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// One more write to a Link or ticket: how many that makes within a minute.
    fn written_in_a_minute(&mut self, whose: &str, now: Timestamp) -> usize {
        let writes = self.writes.entry(whose.to_owned()).or_default();
        writes.push_back(now);
        writes.retain(|at| now.since(*at) <= Duration::from_secs(59));
        writes.len()
    }

    /// Whether so many of something are one too many, where each restored backup may have forgotten one.
    pub(super) fn is_too_many(&self, many: usize) -> bool {
        many > 1 + self.restored.len()
    }
}

/// People may say as much as they like: what they say is no write that a loop could make.
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

impl World {
    /// A write is at its remote, and is not done yet.
    pub fn judge_write(&mut self, intent: &Intent) {
        self.judge.asks(Law::IntentFirst);
        if !self.judge.sent.contains(&intent.id) {
            let what = format!("{} was never committed as sent", intent.id);
            self.judge.breach(Law::IntentFirst, what);
        }
        if intent.cause.is_empty() {
            let what = format!("{} has no cause", intent.id);
            self.judge.breach(Law::IntentFirst, what);
        }
        // Whatever let it out: what reaches a remote is counted, not what was asked for.
        if intent.operation().is_halted_in_bulk() {
            self.count_let_out(intent);
        }
        if let Effect::StartConversation(start) = &intent.effect
            && let Some((law, what)) = self.asks_its_customer(start)
        {
            self.judge.breach(law, what);
        }
        if is_said(intent.operation()) {
            return;
        }
        self.judge.asks(Law::WriteBudget);
        // A loop may run through reopening, which makes a Link of its own each time.
        let ticket = self
            .store
            .ticket_of_link(&intent.link)
            .map(ToString::to_string);
        // Tries that a restored backup forgot are not counted by the rules.
        let counts = self.judge.restored.is_empty();
        let most = WRITES_PER_LINK_MINUTE + 2;
        let link = (intent.link.to_string(), most);
        // What failed is no part of a loop for the rules.
        for (whose, most) in ticket.map(|id| (id, 2 * most)).into_iter().chain([link]) {
            let many = self.judge.written_in_a_minute(&whose, self.now);
            if many > most && counts {
                let what = format!("{many} writes to {whose} in a minute");
                self.judge.breach(Law::WriteBudget, what);
            }
        }
        if let Effect::CreateTicket(create) = &intent.effect
            && self.shape.create == Resolve::IdempotencyKey
            && create.made.is_none()
        {
            self.judge.asks(Law::OneKeyOneThing);
            let keys = &mut self.judge.keys;
            let before = keys.insert(intent.id.clone(), create.clone());
            let restored = !self.judge.restored.is_empty();
            if before.is_some_and(|before| before != *create) && !restored {
                let what = format!("key {} is sent for two things", intent.id);
                self.judge.breach(Law::OneKeyOneThing, what);
            }
        }
    }

    /// A write was done.
    pub fn judge_world(&mut self, intent: &Intent, answer: &Result<Answer, CallError>) {
        if let Ok(answer) = answer {
            self.listen(intent);
            // It closed another one, and this one is closed next (history 98930).
            let meant = !matches!((&intent.effect, answer), (Effect::CloseConversation(c), Answer::Closed { conversation: Some(id) }) if *id != c.conversation);
            if meant {
                self.is_written_late(intent);
            }
        }
        match (intent.operation(), answer) {
            (Operation::Start, Ok(Answer::Started { conversation, .. })) => {
                let made = self
                    .jelou
                    .talks
                    .get(conversation)
                    .is_some_and(|t| t.intent.as_ref() == Some(&intent.id));
                if made {
                    self.judge_start(intent, conversation);
                }
            }
            (Operation::Create, Ok(Answer::Created { ticket, .. })) => {
                self.judge_create(intent, ticket);
            }
            (Operation::Close, Ok(Answer::Closed { conversation })) => {
                self.judge.closed_by_us.extend(conversation.clone());
            }
            (Operation::Note, Ok(_)) => self.judge_note(intent),
            _ => {}
        }
    }
}
