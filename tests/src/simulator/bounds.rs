//! What must have come to pass soon after the healing, each law by its own clock, and what of a Link is asked then and
//! once more when all is quiet. Neighbours: `ending`, which lets the time pass; `law`, the promises.

use super::{
    excuse::is_in_question,
    law::Law,
    queue::Happening,
    world::{LEASE, World},
};
use bridge_core::{
    event::Side,
    ids::LinkId,
    lane::{CREDENTIAL_PROBE_EVERY, TicketMemory},
    link::Link,
    ticket::Ticket,
    time::Timestamp,
};
use bridge_remotes::desk::{Carries, Versions};
use jelou_bridge::store::memory::LaneSeen;
use std::time::Duration;

/// L6: what the lease of who died, or sleeps, held is another's so soon after it.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(5);

/// All leases that were left at the healing are over by then, and taken over.
pub(super) const LEASES_END_WITHIN: Duration = LEASE.saturating_add(TAKEN_OVER_WITHIN);

/// Law 8 of the design: so many rounds of the sweep tell what no webhook told,
pub(super) const SWEEPS_IN_TIME: u64 = 2;

/// and within a minute of quiet it is done.
pub(super) const QUIET: Duration = Duration::from_secs(60);

/// A wait that is longer than the longest backoff was asked for by somebody: then it is asked in the end alone.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// L1: the longest backoff and a minute.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

/// A linked ticket that is not known as it is.
pub(super) struct Mistaken {
    /// By which Link.
    link: LinkId,
    /// Since when.
    since: Timestamp,
    /// In what.
    pub what: String,
}

impl World {
    /// The longest wait that is there when all is healed: for a host that asked for time, a credential that was
    /// refused, or a webhook that is on its way or lies where the Router comes to it late.
    pub(super) fn longest_wait(&self) -> Duration {
        let slowest = self.slowest_clock();
        // What was put off by a host that asked for time waits as long, whoever forgot that since.
        let lanes = self.store.lanes().flat_map(|lane| put_off_in(&lane));
        let received = self.store.deliveries().filter(|d| d.state == "received");
        let put_off = lanes.chain(received.map(|d| d.due_at));
        let closed = put_off.map(|until| until.since(slowest));
        let on_its_way =
            |what: &Happening| matches!(what, Happening::Hook(_) | Happening::Unroute(_));
        let comes = self.queue.latest(on_its_way).map(|at| at.since(self.now));
        closed
            .chain(comes)
            .max()
            .unwrap_or_default()
            .max(self.longest_pause())
    }

    /// For how long a host wants to be left alone, or a credential is asked with once a minute, as far as the answers
    /// were read.
    fn longest_pause(&self) -> Duration {
        let slowest = self.slowest_clock();
        let paused = self.store.pauses().into_iter();
        let paused = paused.map(|pause| pause.wait.until);
        let told = self.replicas.iter().flat_map(|r| r.told_until.values());
        // Of a credential that was refused one call a minute asks, and the next may be one for what is not there.
        let mut sides = [Side::Jelou, Side::Ticketing].into_iter();
        let refused = sides.any(|side| self.is_credential_paused(side));
        let probes = refused.then_some(CREDENTIAL_PROBE_EVERY.saturating_mul(2));
        let closed = paused
            .chain(told.copied())
            .map(|until| until.since(slowest));
        closed.chain(probes).max().unwrap_or_default()
    }

    /// The longest wait there was when all was healed, or that was in an answer then under way (history 92188): a
    /// healed host asks for no time.
    pub(super) fn longest_wait_answered(&self, before: Duration) -> Duration {
        let pause = self.longest_pause();
        let since = LEASES_END_WITHIN * u32::from(!pause.is_zero());
        before.max(pause + since)
    }

    fn is_credential_paused(&self, side: Side) -> bool {
        let replicas = self.replicas.iter().enumerate();
        let mut known = replicas.map(|(n, r)| r.gate.condition(&self.bridge, side, self.clock(n)));
        known.any(|(_, paused)| paused)
    }

    /// What the clock of the process that is furthest behind says.
    fn slowest_clock(&self) -> Timestamp {
        let clocks = self.replicas.iter().map(|r| r.clock);
        Timestamp(self.now.0 + clocks.min().unwrap_or_default())
    }

    /// Nobody holds a Lane beyond the lease that was left when all was healed.
    pub(super) fn leases_ended_in_time(&mut self) {
        // Histories 318083, 1206093: the only process had nobody awake.
        if self.all_workers_slept(TAKEN_OVER_WITHIN) {
            return self.judge.excuses(Law::LeasesEnd);
        }
        self.judge.in_time(|| self.judge.asks(Law::LeasesEnd));
        let now = self.slowest_clock();
        let over = |until: Timestamp| until.plus(TAKEN_OVER_WITHIN) <= now;
        let mut lanes = self.store.lanes();
        let kept = lanes.find(|lane| lane.lease_until.is_some_and(over));
        if let Some(what) = kept.map(|lane| format!("{} is claimed still", lane.lane.id)) {
            self.judge.breach(Law::LeasesEnd, what);
        }
    }

    /// Two rounds and a minute after the healing, where nothing had to wait for longer than a backoff: what came is
    /// settled, linked tickets are known as they are, and the conversations of closed ones are closed.
    pub(super) fn all_came_in_time(&mut self, waits: Duration) {
        if self.judge.breach.is_some() || waits > LONGEST_BACKOFF {
            return;
        }
        let since = self.now.minus(SETTLED_WITHIN);
        let wrong = self.judge.in_time(|| {
            self.unsettled_in_time()
                .or_else(|| self.mistaken_in_time(since))
                .or_else(|| self.outlives_in_time(since))
        });
        if let Some((law, what)) = wrong {
            let what = format!("{what}, three minutes after the healing");
            self.judge.breach(law, what);
        }
    }

    fn unsettled_in_time(&self) -> Option<(Law, String)> {
        self.judge.asks(Law::Settled);
        let since = self.slowest_clock().minus(SETTLED_WITHIN);
        let mut deliveries = self.store.deliveries();
        let late = deliveries.find(|delivery| {
            matches!(delivery.state, "received" | "routed") && delivery.received_at <= since
        })?;
        let what = format!("delivery {} is {}", late.id, late.state);
        Some((Law::Settled, what))
    }

    fn mistaken_in_time(&self, since: Timestamp) -> Option<(Law, String)> {
        let mut mistaken = self.tickets_mistaken().into_iter();
        let late = mistaken.find(|one| one.since <= since && !self.is_new(&one.link, since))?;
        Some((Law::KnownAsItIs, late.what))
    }

    fn outlives_in_time(&self, since: Timestamp) -> Option<(Law, String)> {
        let changed = |link: &Link| {
            let record = self.desk.records.get(link.ticket_id()?);
            record.map(|r| r.changed_at)
        };
        let links = self.live_whole_links().into_iter();
        let mut links = links.filter(|(link, gone)| {
            !gone
                && changed(link).is_some_and(|at| at <= since)
                && !self.is_as_a_person_wants(&link.id)
                && !self.is_new(&link.id, since)
        });
        let what = links.find_map(|(link, _)| self.outlives_its_ticket(&link))?;
        Some((Law::ClosedIsClosed, what))
    }

    /// Whether a Link got a side of late, or nobody knows yet whether it did.
    fn is_new(&self, link: &LinkId, since: Timestamp) -> bool {
        let intents = self.store.lanes().flat_map(|lane| lane.intents);
        let mut own = intents.filter(|i| i.link == *link);
        own.any(|i| is_in_question(i) || i.confirmed_at.is_some_and(|at| at > since))
    }

    /// The ticket of a live Link is closed, and its conversation goes on for no reason that law 8 of the design gives.
    pub(super) fn outlives_its_ticket(&self, link: &Link) -> Option<String> {
        let (talk, ticket) = (link.conversation_id()?, link.ticket_id()?);
        let talk = self.jelou.talks.get(talk).filter(|t| t.is_active())?;
        let record = self.desk.records.get(ticket).filter(|r| !r.gone)?;
        if self.was_only_observed(&link.id) {
            self.judge.excuses(Law::ClosedIsClosed);
            return None;
        }
        let status = &record.ticket.status;
        // A ticket that was there before the Link may have been so; one that was made for it was
        // not, unless a restored backup forgot that it was made, and its key brought it back.
        let made_now = self.judge.restored.is_empty()
            // A merge may have brought the Link to what an earlier try of its create had made.
            && link.ticket_since.is_none()
            && self.was_made_for(&link.id)
            && self.judge.made_for(&link.id, ticket);
        let tie = (link.id.clone(), ticket.clone());
        let closes = self.mapping.closes(status);
        let began_so = !self.judge.known_open.contains(&tie) && !made_now;
        let excused = began_so
            || self.was_answered_otherwise(None, |m| m.closes(status) != closes)
            || !self.hears_of_tickets();
        if excused {
            self.judge.excuses(Law::ClosedIsClosed);
            return None;
        }
        self.judge.asks(Law::ClosedIsClosed);
        let what = || format!("{ticket} is {status} and {} goes on", talk.conversation.id);
        closes.then(what)
    }

    /// The tickets of live Links that are not known as they are.
    pub(super) fn tickets_mistaken(&self) -> Vec<Mistaken> {
        let mut wrong = Vec::new();
        if !self.hears_of_tickets() {
            self.judge.excuses(Law::KnownAsItIs);
            return wrong;
        }
        for lane in self.store.lanes() {
            for link in lane.links.iter().filter(|l| l.is_live()) {
                let Some(id) = link.ticket_id() else { continue };
                let memory = lane.lane.tickets.get(id);
                let Some(record) = self.desk.records.get(id).filter(|r| !r.gone) else {
                    continue;
                };
                // The cursors began anew as the bridge went live: what no webhook told before is not looked for.
                let live = self.judge.live_since;
                let of_before = live.is_some_and(|live| record.changed_at < live);
                let routed = self.store.routed_of_ticket(&self.bridge, id);
                if of_before && !routed.iter().any(|one| one.at >= record.changed_at) {
                    self.judge.excuses(Law::KnownAsItIs);
                    continue;
                }
                self.judge.asks(Law::KnownAsItIs);
                // A patch of the second that is known tells nothing new: what it leaves out is read before
                // a start goes by it (history 33546).
                let blurred = self.shape.carries == Carries::Patch
                    && self.shape.versions == Versions::Seconds;
                wrong.extend(
                    mistaken(memory, &record.ticket, blurred).map(|what| Mistaken {
                        link: link.id.clone(),
                        since: record.changed_at,
                        what,
                    }),
                );
            }
        }
        wrong
    }
}

/// Until when a Lane has put off what failed.
fn put_off_in(lane: &LaneSeen<'_>) -> Vec<Timestamp> {
    let tickets = lane.lane.tickets.values();
    let tickets = tickets.flat_map(|m| [m.retry.due_at, m.comments.retry.due_at]);
    let talks = lane.lane.conversations.values().map(|m| m.retry.due_at);
    let open = lane.intents.iter().filter(|i| i.state.is_open());
    let blocked = lane.due_at.filter(|_| lane.held_by.is_some());
    let all = tickets.chain(talks).chain(open.map(|i| i.due_at));
    all.flatten().chain(blocked).collect()
}

/// In what a ticket is not known as it is. Where only a part was told, the Lane says so and goes by no more.
fn mistaken(memory: Option<&TicketMemory>, is: &Ticket, blurred: bool) -> Option<String> {
    let id = &is.id;
    let Some((memory, seen)) = memory.and_then(|m| Some((m, m.seen.as_ref()?))) else {
        return Some(format!("{id} has a link and was never seen"));
    };
    if seen.status != is.status {
        return Some(format!(
            "{id} is {} and is taken for {}",
            is.status, seen.status
        ));
    }
    let what = if memory.partial || blurred {
        return None;
    } else if seen.tags != is.tags {
        "tags"
    } else if seen.priority != is.priority {
        "priority"
    } else if seen.requester.id != is.requester.id {
        "requester"
    } else {
        return None;
    };
    Some(format!("the {what} of {id} are not known as they are"))
}
