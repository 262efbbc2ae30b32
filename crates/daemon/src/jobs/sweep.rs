//! The Sweep: what no webhook said is found here, and goes the way of a webhook from there on.
//! Neighbours: `routes`, which takes its findings; `prune`, the other round; `comments`, of a system whose tickets
//! do not tell that something was said.

mod comments;
#[cfg(test)]
mod tests;

use super::{Jobs, history, listed::Finding, prune, reports, silence};
use crate::{
    clock,
    runtime::Bridge,
    store::{NewDelivery, Source, StoreError},
};
use apalis::prelude::Data;
use bridge_core::{
    call::CallError,
    conversation::Conversation,
    event::{ConversationClosed, Event, Side, TicketChanged},
    ids::{BridgeName, ConversationId, LaneId, TicketId},
    ticket::{Ticket, TicketPatch, Version},
    time::Timestamp,
};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};
use ticketing_adapter::Listing;
use tokio::{sync::mpsc, task::JoinSet};

/// Rounds at the same time. A bridge has one sweep and one reading of the report at most, and they mostly
/// wait for answers: enough for sixteen bridges whose systems all hang.
pub const ROUNDS_AT_ONCE: usize = 32;

/// Whether a bridge is due for a round is asked this often.
const TICK: Duration = Duration::from_millis(250);

/// Pages of changed tickets in one round; the next round goes on from the stored cursor.
const PAGES_MAX: u32 = 200;

/// A round waits this long for its place at a rate limit before it gives up until the next.
const PLACE_WAIT: Duration = Duration::from_secs(20);

/// Retention is applied this often.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// One round to make. No other of its kind begins before this is dropped.
pub struct Round {
    kind: Kind,
    under_way: UnderWay,
}

/// The rounds that wait for a worker or have one.
type UnderWay = Arc<Mutex<BTreeSet<Kind>>>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Both sides of this bridge.
    Sweep(BridgeName),
    /// Jelou's report of this bridge, for all who wait for it.
    Report(BridgeName),
    /// Bodies older than the retention.
    Prune,
}

impl Round {
    /// `None` while such a round is under way.
    fn begin(kind: Kind, under_way: &UnderWay) -> Option<Self> {
        let is_new = kinds(under_way).insert(kind.clone());
        is_new.then(|| Self {
            kind,
            under_way: Arc::clone(under_way),
        })
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        kinds(&self.under_way).remove(&self.kind);
    }
}

fn kinds(under_way: &UnderWay) -> MutexGuard<'_, BTreeSet<Kind>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a round found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Swept {
    /// Tickets listed as changed.
    pub tickets: u64,
    /// Of those, states not recorded before.
    pub new_states: u64,
    /// Conversations read.
    pub conversations: u64,
    /// Of those, found closed.
    pub found_closed: u64,
    /// Messages that no webhook told.
    #[serde(default)]
    pub messages: u64,
    /// Agents' comments that no webhook told, of a system that lists them by themselves.
    #[serde(default)]
    pub comments: u64,
}

/// Starts the clockwork and hands out its channel.
pub fn feed(jobs: Jobs, feeders: &mut JoinSet<()>) -> mpsc::Receiver<Round> {
    let (tasks, feed) = mpsc::channel(ROUNDS_AT_ONCE);
    feeders.spawn(tick(jobs, tasks));
    feed
}

async fn tick(jobs: Jobs, tasks: mpsc::Sender<Round>) {
    let mut last: HashMap<BridgeName, Timestamp> = HashMap::new();
    let mut pruned = Timestamp(0);
    let under_way = UnderWay::default();
    // One that is under way still, or finds no place among those that wait, is tried at the next tick.
    let begin = |kind| match Round::begin(kind, &under_way) {
        Some(round) => tasks.try_send(round).is_ok(),
        None => false,
    };
    loop {
        tokio::time::sleep(TICK).await;
        if jobs.stopping.load(Ordering::Relaxed) || tasks.is_closed() {
            return;
        }
        let now = clock::now();
        // Where the clock was set back, the next round is due as if the last had been now.
        for at in last.values_mut().chain([&mut pruned]) {
            *at = (*at).min(now);
        }
        let runtime = jobs.runtime.borrow().clone();
        for (name, bridge) in &runtime.bridges {
            let before = *last.entry(name.clone()).or_insert(now);
            if now.since(before) >= bridge.config.sweep.every && begin(Kind::Sweep(name.clone())) {
                last.insert(name.clone(), now);
            }
            if reports::is_due(&jobs, name, now) {
                begin(Kind::Report(name.clone()));
            }
        }
        if now.since(pruned) >= PRUNE_EVERY && begin(Kind::Prune) {
            pruned = now;
        }
    }
}

/// Makes one round. It always ends well: what it missed, the next one finds.
pub async fn work(round: Round, jobs: Data<Jobs>) -> Result<(), std::convert::Infallible> {
    match &round.kind {
        Kind::Sweep(bridge) => {
            if let Err(error) = sweep_now(&jobs, bridge).await {
                tracing::warn!(bridge = %bridge, "A sweep broke off: {error}");
            }
        }
        Kind::Report(bridge) => reports::read(&jobs, bridge).await,
        Kind::Prune => prune::prune(&jobs).await,
    }
    Ok(())
}

/// Makes one round over both sides of a bridge: what it finds goes the way of a webhook.
///
/// # Errors
/// In a sentence, what broke it off; what was found before that is kept.
pub async fn sweep_now(jobs: &Jobs, bridge: &BridgeName) -> Result<Swept, String> {
    let runtime = jobs.runtime.borrow().clone();
    match runtime.bridges.get(bridge) {
        Some(bridge) => sweep(jobs, bridge).await,
        None => Err(format!("there is no bridge {bridge}")),
    }
}

async fn sweep(jobs: &Jobs, bridge: &Bridge) -> Result<Swept, String> {
    let begun = clock::now();
    let mut swept = Swept::default();
    let tickets = sweep_tickets(jobs, bridge, &mut swept).await;
    let comments = comments::sweep(jobs, bridge, &mut swept.comments).await;
    let conversations = sweep_conversations(jobs, bridge, &mut swept).await;
    let history = match history::sweep(jobs, bridge, &mut swept.messages).await {
        Ok(()) => true,
        Err(off) => {
            let (history::Off::Barred(error) | history::Off::Broken(error)) = &off;
            tracing::warn!(bridge = %bridge.name, "The history of messages was not read: {error}");
            // A client id may be wrong or lack the right, and all else goes on.
            matches!(off, history::Off::Barred(_))
        }
    };
    let took = clock::now().since(begun);
    let ended = tickets.and(comments).and(conversations);
    if ended.is_ok() && history {
        // A round that broke off is no round: an alert on the last one must ring.
        jobs.metrics
            .sweep_finished(&bridge.name, took, clock::now());
    }
    if let Ok(silent) = silence::is(jobs, bridge).await {
        jobs.metrics.webhook_silence(&bridge.name, silent);
    }
    tracing::debug!(bridge = %bridge.name, tickets = swept.tickets, conversations = swept.conversations, duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "A sweep ended");
    ended.map(|()| swept)
}

async fn sweep_tickets(jobs: &Jobs, bridge: &Bridge, swept: &mut Swept) -> Result<(), String> {
    if !bridge.config.profile.lists_changes() {
        return Ok(());
    }
    let mut cursor = goes_on(jobs, bridge, Listing::Tickets).await?;
    for _ in 0..PAGES_MAX {
        wait_for_place(jobs, bridge, Side::Ticketing).await?;
        let begun = clock::now();
        let page = bridge
            .ticketing
            .changed_since(&cursor, bridge.call_timeout())
            .await;
        let changes = learn(jobs, bridge, Side::Ticketing, "changes", begun, page).await?;
        if changes.unreadable > 0 {
            tracing::warn!(bridge = %bridge.name, tickets = changes.unreadable, "The sweep left out tickets that it could not read");
        }
        for ticket in changes.tickets {
            swept.tickets += 1;
            if record_ticket(jobs, bridge, ticket, begun)
                .await
                .map_err(said)?
            {
                swept.new_states += 1;
            }
        }
        // Stored only now: what the page held is durable.
        jobs.store
            .set_cursor(
                &bridge.name,
                Listing::Tickets.name(),
                &changes.cursor,
                clock::now(),
            )
            .await
            .map_err(said)?;
        if !changes.more {
            return Ok(());
        }
        cursor = changes.cursor;
    }
    Ok(())
}

/// Where a listing goes on: a little before where the last one ended. The first begins now: older work enters
/// only through `backfill` (rule 17).
async fn goes_on(jobs: &Jobs, bridge: &Bridge, listing: Listing) -> Result<String, String> {
    let stored = jobs.store.cursor(&bridge.name, listing.name()).await;
    let stored = stored.map_err(said)?;
    let cursor = stored.unwrap_or_else(|| bridge.ticketing.beginning(clock::now()));
    // What an index shows late must not be behind the cursor by then.
    let lag = bridge.config.profile.index_lag();
    let overlap = bridge.config.sweep.overlap.max(lag);
    Ok(bridge.ticketing.with_overlap(listing, &cursor, overlap))
}

async fn record_ticket(
    jobs: &Jobs,
    bridge: &Bridge,
    ticket: Ticket,
    begun: Timestamp,
) -> Result<bool, StoreError> {
    // Two changes within one granule bear one version: the content tells them apart.
    let content = serde_json::to_vec(&ticket).unwrap_or_default();
    let digest = Sha256::digest(&content);
    let short: String = digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let name = format!("{}/{}", bridge.name, ticket.id);
    let (dedup, found) = match ticket.version {
        Version::None => {
            let found = Finding {
                ticket: &name,
                digest: &short,
                begun,
                seen_at: last_seen(jobs, bridge, &ticket.id).await?,
            };
            if jobs.listed.is_known(&found) {
                return Ok(false);
            }
            let dedup = format!("sweep:{}:{}:{short}", ticket.id, begun.0);
            (dedup, Some(found))
        }
        Version::Monotonic { .. } | Version::Time { .. } => {
            let version = ticket.version.key();
            (format!("sweep:{}:{version}:{short}", ticket.id), None)
        }
    };
    let event = Event::TicketChanged(TicketChanged {
        ticket: ticket.id.clone(),
        version: ticket.version,
        whole: Some(Box::new(ticket)),
        patch: TicketPatch::default(),
        by_us: false,
        at: None,
        read_at: Some(begun),
        last_lane: None,
    });
    let is_new = record(jobs, bridge, Side::Ticketing, dedup, &[event], begun).await?;
    if let Some(found) = found {
        jobs.listed.remember(&found);
    }
    Ok(is_new)
}

/// When the Lane of a ticket last saw it, by whatever told it.
async fn last_seen(
    jobs: &Jobs,
    bridge: &Bridge,
    ticket: &TicketId,
) -> Result<Option<Timestamp>, StoreError> {
    let Some(lane) = jobs.store.lane_of_ticket(&bridge.name, ticket).await? else {
        return Ok(None);
    };
    let lane = jobs.store.lane(&lane).await?;
    Ok(lane.and_then(|lane| lane.tickets.get(ticket)?.seen_at))
}

pub(super) async fn record(
    jobs: &Jobs,
    bridge: &Bridge,
    side: Side,
    dedup: String,
    events: &[Event],
    begun: Timestamp,
) -> Result<bool, StoreError> {
    let body = serde_json::to_vec(events).unwrap_or_default();
    let recorded = jobs
        .store
        .record(NewDelivery {
            bridge: bridge.name.clone(),
            side,
            source: Source::Sweep,
            dedup: Some(dedup),
            received_at: begun,
            headers: BTreeMap::new(),
            body: Bytes::from(body),
        })
        .await?;
    Ok(matches!(recorded, crate::store::Recorded::New(_)))
}

/// Open conversations are read in turn, oldest look first, within the share of the host's rate.
async fn sweep_conversations(
    jobs: &Jobs,
    bridge: &Bridge,
    swept: &mut Swept,
) -> Result<(), String> {
    let (begun, budget) = (clock::now(), bridge.sweep_budget());
    let open: Vec<(LaneId, ConversationId)> = jobs
        .store
        .conversations_to_look_at(&bridge.name, begun, budget)
        .await
        .map_err(said)?;
    for (_, id) in open {
        wait_for_place(jobs, bridge, Side::Jelou).await?;
        let begun = clock::now();
        let read = bridge.jelou.conversation(&id, bridge.call_timeout()).await;
        let object = format!("conversation {id}");
        match learn(jobs, bridge, Side::Jelou, &object, begun, read).await {
            Ok(conversation) => {
                swept.conversations += 1;
                if conversation.state.is_closed() {
                    swept.found_closed += 1;
                    record_closed(jobs, bridge, conversation, begun)
                        .await
                        .map_err(said)?;
                }
            }
            Err(error) => {
                tracing::debug!(conversation.id = %id, "A conversation was not read: {error}")
            }
        }
        jobs.store
            .looked_at(&bridge.name, std::slice::from_ref(&id), begun)
            .await
            .map_err(said)?;
    }
    Ok(())
}

async fn record_closed(
    jobs: &Jobs,
    bridge: &Bridge,
    conversation: Conversation,
    begun: Timestamp,
) -> Result<bool, StoreError> {
    let dedup = format!("sweep:closed:{}", conversation.id);
    let at = conversation.ended_at.unwrap_or(begun);
    let event = Event::ConversationClosed(ConversationClosed {
        conversation,
        at,
        found_by_sweep: true,
    });
    record(jobs, bridge, Side::Jelou, dedup, &[event], begun).await
}

pub(super) async fn wait_for_place(jobs: &Jobs, bridge: &Bridge, side: Side) -> Result<(), String> {
    let target = bridge.target(side);
    let give_up = clock::now().plus(PLACE_WAIT);
    loop {
        let now = clock::now();
        match jobs.gate.ask_ahead(&target, now) {
            Ok(()) => return Ok(()),
            Err(blocked) if blocked.until > give_up => {
                return Err(format!("{side} takes no calls now: {}", blocked.by));
            }
            Err(blocked) => tokio::time::sleep(blocked.until.since(now)).await,
        }
    }
}

async fn learn<T>(
    jobs: &Jobs,
    bridge: &Bridge,
    side: Side,
    object: &str,
    begun: Timestamp,
    result: Result<T, CallError>,
) -> Result<T, String> {
    let took = clock::now().since(begun);
    jobs.metrics.call(
        &bridge.name,
        side,
        super::status_of(result.as_ref().err()),
        took,
    );
    let target = bridge.target(side);
    super::learn(jobs, &target, "sweep", object, result)
        .await
        .map_err(|error| error.to_string())
}

pub(super) fn said(error: StoreError) -> String {
    error.to_string()
}
