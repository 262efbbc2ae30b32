//! What becomes of a Lane's moments when the clock is set back. Neighbour: step, which asks before
//! anything else is decided.
//!
//! A moment that was, and lies ahead, was written by a clock that has been set back since. Taken as
//! it stands, "five seconds after that" would be an hour away, and what was heard of since would
//! count as older than what was known before. So all moments that this Lane wrote by our clock are
//! moved back together: their order and their distances stay. Moments by the clocks of others (a
//! message's, a conversation's start and end) are theirs. That is done once: a Delivery of before may
//! come long after it.

use super::{
    ours::OUR_CLOCKS_APART,
    schedule::LONGEST_WAIT,
    state::{ConversationMemory, Lane, Pending, Retry, TicketMemory},
};
use crate::{
    event::Event,
    ids::DeliveryId,
    intent::{Intent, IntentState},
    link::Link,
    ticket::Version,
    time::Timestamp,
};
use std::time::Duration;

/// Being this far ahead is no clock set back, but one moment asked for a little earlier than another.
const AHEAD_MOST: Duration = Duration::from_secs(2);

impl Lane {
    /// Moves this Lane's moments back by as much as the clock was. Says whether it had been.
    pub(super) fn follow_the_clock(&mut self, now: Timestamp) -> bool {
        let ahead = now.plus(AHEAD_MOST);
        let by = self.latest().map_or(Duration::ZERO, |at| at.since(now));
        let came = self.pending.iter().flat_map(moments).max();
        let came_by = came.map_or(Duration::ZERO, |at| at.since(now));
        if by <= AHEAD_MOST && came_by <= OUR_CLOCKS_APART {
            let not_ahead = |at: &mut Timestamp| *at = (*at).min(ahead);
            let pending = self.pending.iter_mut();
            pending.for_each(|pending| each_of_pending(pending, &not_ahead));
            return false;
        }
        // What was known before stays earlier than what is heard now, if only by this much.
        let later = Duration::from_millis(1);
        let furthest = by.max(came_by).saturating_add(later);
        // Calls and waits go by the clock as it is: a Delivery may lie there since the clock was set back once
        // before, which this Lane has followed.
        let own = match by <= AHEAD_MOST {
            true => Duration::ZERO,
            false => by.saturating_add(later),
        };
        let last_before = self.move_pending(ahead, &|at: &mut Timestamp| *at = at.minus(furthest));
        // What came since the clock was set back may have waited for this step: it is later too.
        let since = self
            .pending
            .iter()
            .filter(|p| Some(p.delivery) > last_before);
        let waited = since.map(|p| p.received_at).min();
        let waited = waited.map_or(Duration::ZERO, |first| now.since(first));
        // What was seen of tickets makes room for all that was told of them before.
        let room = waited.saturating_add(furthest.saturating_sub(own));
        for memory in self.tickets.values_mut() {
            each_sight(memory, &|at: &mut Timestamp| *at = at.minus(room));
        }
        if own.is_zero() {
            return true;
        }
        let back = |at: &mut Timestamp| *at = at.minus(own);
        // Two processes' clocks may differ by so much: since when a Link is, and others were, is held against
        // other clocks, and may not drift away each time that the other process works on the Lane.
        let since = |at: &mut Timestamp| match by <= OUR_CLOCKS_APART {
            true => *at = (*at).min(now.minus(later)),
            false => *at = at.minus(own),
        };
        for memory in self.tickets.values_mut() {
            each_of_ticket(memory, &back);
            // What was told since may still wait for the Router, nobody here knows since when: no look of before
            // covers it. Two processes' clocks that differ are no set-back.
            if by > OUR_CLOCKS_APART {
                memory.read_at = None;
            }
            for other in memory.others.iter_mut().flatten() {
                since(&mut other.since);
                each(&mut [&mut other.until], &since);
            }
        }
        for memory in self.conversations.values_mut() {
            each_of_conversation(memory, &back);
        }
        for link in &mut self.links {
            each_of_link(link, &back, &since);
        }
        for intent in &mut self.intents {
            each_of_intent(intent, &back);
        }
        true
    }

    /// What came in and is not heard yet may be of before and of after. What is of before keeps its
    /// place too: of a read and a hint after it, the read must not come to cover the hint. Says which was the
    /// last of before.
    fn move_pending(
        &mut self,
        ahead: Timestamp,
        back: &impl Fn(&mut Timestamp),
    ) -> Option<DeliveryId> {
        let of_before = self
            .pending
            .iter()
            .filter(|p| moments(p).max() > Some(ahead));
        let last_before = of_before.map(|p| p.delivery).max();
        let of_before = |p: &&mut Pending| Some(p.delivery) <= last_before;
        for pending in self.pending.iter_mut().filter(of_before) {
            each_of_pending(pending, back);
            forget_look(pending);
        }
        last_before
    }

    /// The latest moment at which this Lane did, saw or planned something.
    fn latest(&self) -> Option<Timestamp> {
        let tickets = self.tickets.values();
        let tickets = tickets.flat_map(|m| {
            [
                m.seen_at,
                m.read_at,
                m.looked_at,
                m.hint_at,
                m.missing_since,
                m.retry.failed_at,
                m.comments.read_at,
                m.comments.retry.failed_at,
                m.comments.missing_since,
                m.comments.files.since,
                m.comments.files.failed_at,
            ]
        });
        let conversations = self.conversations.values();
        let conversations = conversations.flat_map(|m| {
            [
                Some(m.learnt_at),
                m.read_at,
                m.closed_known_at,
                m.missing_since,
                m.retry.failed_at,
                m.report.as_ref().map(|report| report.since),
            ]
        });
        let links = self.links.iter();
        let links = links.flat_map(|l| {
            let ended = l.ended.as_ref().map(|ended| ended.at);
            [
                Some(l.created_at),
                l.busy_since,
                l.ticket_id_written_at,
                l.ticket_since,
                ended,
            ]
        });
        let intents = self.intents.iter();
        let intents = intents.flat_map(|i| {
            // What was looked up in vain is looked up again after this at most.
            let unknown = i.due_at.filter(|_| i.state == IntentState::Unknown);
            [
                Some(i.planned_at),
                unknown.map(|due| due.minus(LONGEST_WAIT)),
                i.sent_at,
                i.confirmed_at,
                i.answered_at,
                i.failing_since,
            ]
        });
        let all = tickets.chain(conversations).chain(links).chain(intents);
        all.flatten().max()
    }
}

/// When a Delivery was received, and when a read that it carries began.
fn moments(pending: &Pending) -> impl Iterator<Item = Timestamp> {
    std::iter::once(pending.received_at).chain(pending.event.read_at())
}

/// Of a look of before and one since nobody knows any more which began first: what the earlier showed is
/// only a hint, and is looked at anew.
fn forget_look(pending: &mut Pending) {
    let change = match &mut pending.event {
        Event::TicketChanged(change) => change,
        Event::CommentAdded(comment) => &mut *comment.change,
        Event::ConversationStarted(_)
        | Event::ConversationClosed(_)
        | Event::MessageReceived(_) => return,
    };
    if change.read_at.take().is_some() {
        change.whole = None;
        change.version = Version::None;
    }
}

fn each_of_pending(pending: &mut Pending, change: &impl Fn(&mut Timestamp)) {
    change(&mut pending.received_at);
    match &mut pending.event {
        Event::TicketChanged(e) => each(&mut [&mut e.read_at], change),
        Event::CommentAdded(e) => each(&mut [&mut e.change.read_at], change),
        Event::ConversationStarted(_)
        | Event::ConversationClosed(_)
        | Event::MessageReceived(_) => {}
    }
}

fn each(all: &mut [&mut Option<Timestamp>], change: &impl Fn(&mut Timestamp)) {
    for one in all.iter_mut().filter_map(|one| one.as_mut()) {
        change(one);
    }
}

fn each_of_retry(retry: &mut Retry, change: &impl Fn(&mut Timestamp)) {
    let Retry {
        failures: _,
        since,
        failed_at,
        due_at,
    } = retry;
    each(&mut [since, failed_at, due_at], change);
}

/// When a ticket was seen, read and hinted at.
fn each_sight(memory: &mut TicketMemory, change: &impl Fn(&mut Timestamp)) {
    let TicketMemory {
        seen_at,
        read_at,
        hint_at,
        ..
    } = memory;
    each(&mut [seen_at, read_at, hint_at], change);
}

fn each_of_ticket(memory: &mut TicketMemory, change: &impl Fn(&mut Timestamp)) {
    each_sight(memory, change);
    let TicketMemory {
        looked_at,
        came_back,
        missing_since,
        holder_asked_at,
        retry,
        comments,
        ..
    } = memory;
    each(
        &mut [
            looked_at,
            came_back,
            missing_since,
            holder_asked_at,
            &mut comments.read_at,
            &mut comments.settles_at,
            &mut comments.missing_since,
        ],
        change,
    );
    each_of_retry(retry, change);
    each_of_retry(&mut comments.retry, change);
    each_of_retry(&mut comments.files, change);
}

fn each_of_conversation(memory: &mut ConversationMemory, change: &impl Fn(&mut Timestamp)) {
    let ConversationMemory {
        read_at,
        learnt_at,
        closed_known_at,
        missing_since,
        retry,
        report,
        ..
    } = memory;
    if let Some(report) = report {
        report.each_moment(change);
    }
    change(learnt_at);
    each(&mut [read_at, closed_known_at, missing_since], change);
    each_of_retry(retry, change);
}

/// `since` moves from when to when it was a Link.
fn each_of_link(
    link: &mut Link,
    change: &impl Fn(&mut Timestamp),
    since: &impl Fn(&mut Timestamp),
) {
    let Link {
        busy_since,
        ticket_id_written_at,
        ticket_since,
        diverged,
        created_at,
        ended,
        ..
    } = link;
    since(created_at);
    each(&mut [ticket_since], since);
    each(&mut [busy_since, ticket_id_written_at], change);
    for diverged in diverged {
        change(&mut diverged.at);
    }
    if let Some(ended) = ended {
        since(&mut ended.at);
        each(&mut [&mut ended.observed_since], since);
    }
}

fn each_of_intent(intent: &mut Intent, change: &impl Fn(&mut Timestamp)) {
    let Intent {
        planned_at,
        first_sent_at,
        sent_at,
        deadline_at,
        confirmed_at,
        due_at,
        failing_since,
        answered_at,
        parked,
        ..
    } = intent;
    change(planned_at);
    each(
        &mut [
            first_sent_at,
            sent_at,
            deadline_at,
            confirmed_at,
            due_at,
            failing_since,
            answered_at,
        ],
        change,
    );
    if let Some(parked) = parked {
        change(&mut parked.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BotId, BridgeName, LaneId, TicketId, UserId};

    const HOUR: i64 = 3_600_000;

    fn lane_at(now: i64) -> Lane {
        let mut lane = Lane::new(
            LaneId::parse("l").unwrap(),
            BridgeName::parse("main").unwrap(),
            BotId::parse("b").unwrap(),
            UserId::parse("u").unwrap(),
        );
        let memory = TicketMemory {
            seen_at: Some(Timestamp(now - 500)),
            read_at: Some(Timestamp(now)),
            retry: Retry {
                failures: 1,
                since: Some(Timestamp(now - 100)),
                failed_at: Some(Timestamp(now - 50)),
                due_at: Some(Timestamp(now + 5_000)),
            },
            ..TicketMemory::default()
        };
        lane.tickets.insert(TicketId::parse("7").unwrap(), memory);
        lane
    }

    #[test]
    fn when_the_clock_is_set_back_what_waited_five_seconds_still_waits_five_seconds() {
        let mut lane = lane_at(10 * HOUR);
        assert!(lane.follow_the_clock(Timestamp(9 * HOUR)));
        let a_moment_ago = 9 * HOUR - 1;
        let mut expected = lane_at(a_moment_ago);
        for memory in expected.tickets.values_mut() {
            memory.read_at = None;
        }
        assert_eq!(lane, expected, "what is heard now is later");
        assert!(!lane.follow_the_clock(Timestamp(9 * HOUR)));
    }

    #[test]
    fn a_clock_that_goes_on_changes_nothing() {
        let mut lane = lane_at(10 * HOUR);
        for now in [10 * HOUR - 1_000, 10 * HOUR, 11 * HOUR] {
            assert!(!lane.follow_the_clock(Timestamp(now)));
        }
        assert_eq!(lane, lane_at(10 * HOUR));
    }
}
