//! All is healed: what is left is drained, both worlds are compared, and two full sweeps must find
//! nothing to do. Neighbours: `law`, whose second half is asked here; `judge`, which watched so far.

use super::{
    bounds::{LEASES_END_WITHIN, QUIET, SWEEPS_IN_TIME},
    excuse::makes_a_side,
    fault::Fault,
    law::Law,
    world::{CALL_TIMEOUT, World},
};
use bridge_core::{
    effect::Operation,
    event::Side,
    ids::{LaneId, LinkId, TicketId},
    intent::{Intent, IntentState},
    link::{ConversationSide, Link},
    time::Timestamp,
};
use std::{collections::BTreeSet, time::Duration};

/// The longest wait that is no person's: a Retry-After of an hour, and what comes after it.
const DRAIN: Duration = Duration::from_secs(2 * 3600);

/// Sweeps while it drains, in minutes after the healing. Two of them come when a Retry-After of an hour
/// is over: what the first one finds may have something said on it that only the second can list.
const SWEEPS: [u64; 6] = [1, 2, 4, 10, 62, 90];

/// What may come of a sweep comes within this.
const AFTER_SWEEP: Duration = Duration::from_secs(600);

impl World {
    /// Heals, drains, compares, sweeps.
    pub fn end(&mut self) {
        if self.judge.breach.is_some() {
            return;
        }
        let healed = self.now;
        self.sweeping = false;
        self.heal();
        let waits = self.longest_wait();
        self.pass(healed.plus(LEASES_END_WITHIN));
        self.leases_ended_in_time();
        let waits = self.longest_wait_answered(waits);
        for minutes in SWEEPS {
            self.pass(healed.plus(Duration::from_secs(60 * minutes)));
            self.sweep(0);
            if minutes == SWEEPS_IN_TIME {
                self.pass(self.now.plus(QUIET));
                self.all_came_in_time(waits);
            }
        }
        self.pass(healed.plus(DRAIN));
        while let Some(over) = self.wait_that_ends_by(self.now.plus(2 * AFTER_SWEEP)) {
            // Time stands still once a law is broken.
            if self.judge.breach.is_some() {
                return;
            }
            self.pass(over.plus(AFTER_SWEEP));
        }
        // Who is at work just now, looking at who keeps a customer busy, ends with its call.
        let soon = self.now.plus(CALL_TIMEOUT);
        while self.judge.breach.is_none()
            && self.now < soon
            && self.store.lanes().any(|lane| lane.lease_until.is_some())
        {
            self.pass(self.now.plus(Duration::from_secs(1)));
        }
        if self.judge.breach.is_some() {
            return;
        }
        self.all_is_settled();
        self.both_sides_agree();
        self.few_writes_were_made();
        self.links_are_single();
        self.judge.asks(Law::Fixpoint);
        // The first one may find what nothing else told: a comment that changes no version, of which the webhook was
        // lost. All laws above were asked without it.
        self.sweep_in_full();
        let before = self.writes();
        self.sweep_in_full();
        self.sweep_in_full();
        if self.writes() != before {
            let new = self.last_write();
            self.judge
                .breach(Law::Fixpoint, format!("a sweep wrote: {new}"));
        }
    }

    fn sweep_in_full(&mut self) {
        self.sweep_all(0);
        self.pass(self.now.plus(AFTER_SWEEP));
    }

    /// A wait for a busy customer ends by itself, whatever a sweep finds (rule 7; history 8541913).
    fn wait_that_ends_by(&self, by: Timestamp) -> Option<Timestamp> {
        let links = self.store.lanes().flat_map(|lane| lane.links);
        let waits = links.filter(|l| l.is_live() && l.conversation == ConversationSide::Wanted);
        let since = waits.filter_map(|l| l.busy_since);
        let clocks = 0..self.replicas.len();
        let ends = since.flat_map(|since| {
            let over = since.plus(self.mapping.busy_timeout);
            let left = clocks.clone().map(move |r| over.since(self.clock(r)));
            left.filter(|left| !left.is_zero())
                .map(|left| self.now.plus(left))
        });
        ends.filter(|over| *over <= by).max()
    }

    fn writes(&self) -> [usize; 3] {
        let jelou = &self.jelou;
        let heard: usize = jelou.talks.values().map(|talk| talk.heard.len()).sum();
        let said = heard + jelou.templates.len() + jelou.bot_said.len();
        [self.desk.writes.len(), jelou.writes.len(), said]
    }

    fn last_write(&self) -> String {
        let last = |writes: &[String]| writes.last().cloned().unwrap_or_default();
        format!("{} | {}", last(&self.desk.writes), last(&self.jelou.writes))
    }

    fn all_is_settled(&mut self) {
        let mut left = None;
        for delivery in self.store.deliveries() {
            if matches!(delivery.state, "received" | "routed") {
                left = Some(format!("delivery {} is {}", delivery.id, delivery.state));
            }
        }
        if let Some(what) = left {
            self.judge.breach(Law::Settled, what);
        }
        for law in [
            Law::AckedKept,
            Law::Settled,
            Law::LeasesEnd,
            Law::IntentsEnd,
            Law::Sound,
            Law::Panicked,
            Law::ComesToRest,
        ] {
            self.judge.asks(law);
        }
        self.what_was_answered_is_there();
        self.what_was_answered_is_heard_of();
        let mut claimed = None;
        let mut open = None;
        for lane in self.store.lanes() {
            if lane.lease_until.is_some() {
                claimed = Some(lane.lane.id.to_string());
            }
            let waits = |link: &LinkId| {
                lane.links
                    .iter()
                    .any(|l| &l.id == link && (l.busy_since.is_some() || !l.is_live()))
            };
            for intent in &lane.intents {
                let half_done = match intent.state {
                    IntentState::Sent | IntentState::Unknown => true,
                    IntentState::Planned => !waits(&intent.link) && !self.is_stuck_behind(intent),
                    IntentState::Confirmed
                    | IntentState::Refused
                    | IntentState::Withdrawn
                    | IntentState::Parked
                    | IntentState::Observed => false,
                };
                if half_done {
                    open = Some(format!(
                        "{} ({}) is {}: {:?}",
                        intent.id,
                        intent.effect,
                        intent.state.as_str(),
                        intent.last_error
                    ));
                }
            }
        }
        if let Some(lane) = claimed {
            self.judge
                .breach(Law::LeasesEnd, format!("{lane} is claimed"));
        }
        if let Some(what) = open {
            self.judge.breach(Law::IntentsEnd, what);
        }
        self.all_that_went_out_is_kept();
    }

    /// Asked whenever a process finds what another left, too.
    pub(super) fn what_was_answered_is_there(&mut self) {
        let there: BTreeSet<_> = self
            .store
            .deliveries()
            .map(|delivery| delivery.id)
            .collect();
        if let Some(lost) = self.judge.acked.difference(&there).next() {
            let what = format!("delivery {lost} was answered and is not there");
            self.judge.breach(Law::AckedKept, what);
        }
    }

    fn all_that_went_out_is_kept(&mut self) {
        if !self.judge.restored.is_empty() {
            return self.judge.excuses(Law::IntentKept);
        }
        let intents = self.store.lanes().flat_map(|lane| lane.intents);
        let kept: BTreeSet<_> = intents.map(|intent| intent.id.clone()).collect();
        if !self.judge.sent.is_empty() {
            self.judge.asks(Law::IntentKept);
        }
        let lost = self.judge.sent.difference(&kept).next();
        if let Some(lost) = lost.cloned() {
            let what = format!("{lost} went out, and the store knows nothing of it");
            self.judge.breach(Law::IntentKept, what);
        }
    }

    /// A parked create or start holds its own Link: what rests on it waits for a person too (rule 12).
    fn is_stuck_behind(&self, intent: &Intent) -> bool {
        self.is_parked(&intent.link, makes_a_side)
    }

    pub(super) fn live_whole_links(&self) -> Vec<(Link, bool)> {
        self.store
            .lanes()
            .flat_map(|lane| {
                let lane_state = lane.lane;
                lane.links
                    .into_iter()
                    .filter(|l| l.is_live() && l.is_whole())
                    .map(move |l| {
                        let known = l.ticket_id().and_then(|t| lane_state.tickets.get(t));
                        (l.clone(), known.is_some_and(|m| m.gone))
                    })
            })
            .collect()
    }

    fn both_sides_agree(&mut self) {
        for (link, gone) in self.live_whole_links() {
            if gone || self.is_as_a_person_wants(&link.id) {
                self.judge.excuses(Law::Converged);
                self.judge.excuses(Law::ClosedIsClosed);
                continue;
            }
            let (Some(talk), Some(ticket)) = (link.conversation_id(), link.ticket_id()) else {
                continue;
            };
            let Some(talk) = self.jelou.talks.get(talk) else {
                continue;
            };
            self.judge.asks(Law::Converged);
            if !talk.is_active() {
                let what = format!(
                    "{} of {ticket} is over and its link lives",
                    talk.conversation.id
                );
                return self.judge.breach(Law::Converged, what);
            }
            if let Some(what) = self.outlives_its_ticket(&link) {
                return self.judge.breach(Law::ClosedIsClosed, what);
            }
        }
        self.what_was_closed_is_closed();
        self.tickets_are_known();
        self.afterwards();
        self.starts_name_their_ticket();
    }

    /// A Link that ended because both sides are closed has no conversation that goes on. One that Jelou
    /// twice does not know counts as ended.
    fn what_was_closed_is_closed(&mut self) {
        if !self.judge.restored.is_empty() {
            return self.judge.excuses(Law::ClosedIsClosed);
        }
        let goes_on = |link: &&Link| {
            let closed = link.ended.as_ref().is_some_and(|e| e.reason == "closed");
            let closed = closed && !self.judge.decided.contains(&link.id);
            let talk = link.conversation_id().filter(|_| closed);
            let talk = talk.filter(|talk| !self.counts_as_over(talk));
            if talk.is_some() {
                self.judge.asks(Law::ClosedIsClosed);
            }
            talk.is_some_and(|id| self.jelou.talks.get(id).is_some_and(|t| t.is_active()))
        };
        let mut links = self.store.lanes().flat_map(|lane| lane.links.into_iter());
        let what = links.find(goes_on).map(|link| {
            let talk = link.conversation_id();
            format!("{} ended as closed, and {talk:?} goes on", link.id)
        });
        if let Some(what) = what {
            self.judge.breach(Law::ClosedIsClosed, what);
        }
    }

    /// Whether the bridge made this Link's ticket.
    pub(super) fn was_made_for(&self, link: &LinkId) -> bool {
        self.store.lanes().any(|lane| {
            lane.intents.iter().any(|i| {
                &i.link == link
                    && i.operation() == Operation::Create
                    && i.state == IntentState::Confirmed
            })
        })
    }

    /// What was observed is never sent, also after the bridge went live (rule 17).
    pub(super) fn was_only_observed(&self, link: &LinkId) -> bool {
        self.faults.has(Fault::ObserveFirst)
            && self.store.lanes().any(|lane| {
                lane.intents
                    .iter()
                    .any(|i| &i.link == link && i.state == IntentState::Observed)
            })
    }

    fn tickets_are_known(&mut self) {
        if let Some(wrong) = self.tickets_mistaken().into_iter().next() {
            self.judge.breach(Law::KnownAsItIs, wrong.what);
        }
    }

    /// Where its start event was heard: a start that was found by the time of its conversation alone
    /// is told from the customer's own by nothing (rule 5).
    fn starts_name_their_ticket(&mut self) {
        let mut wrong = None;
        for lane in self.store.lanes() {
            for link in lane.links.iter().filter(|l| l.is_live() && l.is_whole()) {
                let talk = link.conversation_id();
                let memory = talk.and_then(|id| lane.lane.conversations.get(id));
                let Some(memory) = memory.filter(|m| m.start_event) else {
                    continue;
                };
                // A start that worked twice is flagged and told; the second talk has its own ticket.
                let by = memory.start_intent.as_ref();
                if by.is_none_or(|by| self.judge.flagged.contains(by)) {
                    continue;
                }
                self.judge.asks(Law::NamesItsTicket);
                let named = memory.start_ticket.as_ref();
                let elsewhere = self.is_anothers(named, &lane.lane.id);
                if named != link.ticket_id() && !elsewhere && !self.was_moved(link, named) {
                    wrong = Some(format!("{:?} names {named:?}", link.ticket_id()));
                }
            }
        }
        if let Some(what) = wrong {
            self.judge.breach(Law::NamesItsTicket, what);
        }
    }

    /// Whether another customer's Lane has the ticket that a start named: the conversation, heard of late, stays
    /// where it is, and the ticket is told (rule 10).
    fn is_anothers(&self, named: Option<&TicketId>, lane: &LaneId) -> bool {
        let mut others = self.store.lanes().filter(|other| other.lane.id != *lane);
        named.is_some()
            && others.any(|other| {
                let mut links = other.links.iter().filter(|l| l.is_live());
                links.any(|l| l.ticket_id() == named)
            })
    }

    /// A merge moves the Link to the other ticket, and a person may have untied it or the one that was named.
    fn was_moved(&self, link: &Link, named: Option<&TicketId>) -> bool {
        let merged = |id| {
            let record = self.desk.records.get(id);
            record.is_some_and(|r| r.ticket.merged_into.is_some() || r.gone)
        };
        let had_it = |l: &Link| named.is_some() && l.ticket_id() == named;
        named.is_some_and(merged)
            || self.judge.decided.contains(&link.id)
            || self.was_decided_of(had_it)
            || !self.judge.restored.is_empty()
    }

    /// A write was done. Those that left before all was healed are not counted.
    pub(super) fn is_written_late(&mut self, intent: &Intent) {
        let left = (intent.id.clone(), intent.sent_at);
        if self.healed && settles(intent) && !self.judge.left_unhealed.contains(&left) {
            self.judge.asks(Law::FewWrites);
            let key = (intent.link.clone(), intent.operation().side());
            *self.judge.written_late.entry(key).or_default() += 1;
        }
    }

    fn few_writes_were_made(&mut self) {
        // Jelou's side has one write more to clear the ticket's id, which is no link field of its own.
        let many = |side: Side| if side == Side::Jelou { 3 } else { 2 };
        let mut written = self.judge.written_late.iter();
        let over = written.find(|((_, side), n)| **n > many(*side));
        if let Some(((link, side), n)) = over {
            let what = format!("{n} writes to {link} at {side}");
            self.judge.breach(Law::FewWrites, what);
        }
    }

    fn links_are_single(&mut self) {
        let mut tickets = BTreeSet::new();
        let mut talks = BTreeSet::new();
        let mut shared = None;
        for lane in self.store.lanes() {
            for link in lane.links.into_iter().filter(|l| l.is_live()) {
                self.judge.asks(Law::OneLinkEach);
                let twice = link.ticket_id().is_some_and(|id| !tickets.insert(id))
                    || link.conversation_id().is_some_and(|id| !talks.insert(id));
                if twice {
                    shared = Some(link.id.to_string());
                }
            }
        }
        if let Some(link) = shared {
            self.judge.breach(Law::OneLinkEach, link);
        }
    }
}

/// Whether a write makes the sides of a Link agree, on top of what must be made.
fn settles(intent: &Intent) -> bool {
    let counted = match intent.operation() {
        Operation::Close | Operation::TicketId | Operation::LinkField | Operation::Status => true,
        Operation::Start
        | Operation::Requester
        | Operation::Create
        | Operation::Comment
        | Operation::File
        | Operation::Message
        | Operation::Template
        | Operation::BotMessage
        | Operation::UserState
        | Operation::Fields
        | Operation::Note => false,
    };
    // A late write of the customer's former Link went over what this one had written. Reopening the ticket for a
    // new conversation stands for making one.
    let mends = intent.cause.starts_with("set after ") || intent.cause.starts_with("reopen:");
    counted && !mends
}
