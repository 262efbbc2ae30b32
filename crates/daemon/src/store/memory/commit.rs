//! Writes what became of a Lane, under its Claim. Neighbours: `changes` says what differs, `halt`
//! asks before an Intent goes out, `claim` made the Claim.
//!
//! First all is checked, in the order in which the SQLite store would meet it; then all is written.

use super::{
    Memory,
    claim::holds,
    earlier,
    row::{IntentStored, LaneRow, Line, LinkStored, Stage},
};
use crate::store::{
    changes::Changes,
    error::{CommitError, StoreError},
    types::Claim,
};
use bridge_core::{
    effect::Effect,
    ids::{BridgeName, DeliveryId, LaneId},
    intent::{Intent, IntentState},
    lane::{Entry, Fate, Lane},
    link::Link,
    time::Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};

impl Memory {
    /// Commits what changed, and keeps the Claim.
    ///
    /// # Errors
    /// See [`CommitError`]; nothing is stored then.
    pub fn commit(
        &mut self,
        claim: &Claim,
        changes: Changes,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        self.check(claim, &changes)?;
        self.write(changes, now);
        Ok(())
    }

    /// Commits what changed and gives the Lane back, to be claimed again at `due_at` or when
    /// something wakes it. `held_by` names what it waits for, as `kind:name`. If work came for the
    /// Lane meanwhile, it stays due at once.
    ///
    /// # Errors
    /// See [`CommitError`]; nothing is stored then, and the Claim goes on.
    pub fn release(
        &mut self,
        claim: &Claim,
        changes: Changes,
        due_at: Option<Timestamp>,
        held_by: Option<String>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        self.commit(claim, changes, now)?;
        let row = self.claimed(claim)?;
        row.held = None;
        row.held_by = held_by;
        row.due_at = earlier(
            row.due_at.filter(|_| !bridge_core::planted!(WakeLost)),
            due_at,
        );
        Ok(())
    }

    /// Commits what changed and sets the Lane aside: it rests until there is news for it or a person has it tried
    /// again, however much waits for it by now. `held_by` names why, as `kind:name:moment`.
    ///
    /// # Errors
    /// See [`CommitError`]; nothing is stored then, and the Claim goes on.
    pub fn set_aside(
        &mut self,
        claim: &Claim,
        changes: Changes,
        held_by: String,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        self.commit(claim, changes, now)?;
        let row = self.claimed(claim)?;
        row.held = None;
        row.held_by = Some(held_by);
        row.due_at = None;
        Ok(())
    }

    /// Whether the changes may be written.
    pub(super) fn check(&self, claim: &Claim, changes: &Changes) -> Result<(), CommitError> {
        if changes.lane != claim.lane {
            return Err(CommitError::Store(StoreError::Broken {
                what: "a claim was used for another lane".to_owned(),
            }));
        }
        let row = self
            .lanes
            .get(&claim.lane)
            .filter(|row| holds(row, claim))
            .ok_or(CommitError::Fenced)?;
        if !bridge_core::planted!(TakenUnchecked) {
            self.check_links(changes)?;
        }
        check_intents(row, changes)
    }

    /// A ticket or conversation has one live Link. What ends in the same commit gives them free.
    fn check_links(&self, changes: &Changes) -> Result<(), CommitError> {
        let (live, ended): (Vec<&Link>, Vec<&Link>) =
            changes.links.iter().partition(|link| link.is_live());
        let mut put = ended;
        for link in live {
            if let Some(ticket) = link.ticket_id()
                && self.is_taken(changes, link, &put, |lane, l| {
                    let asked =
                        !bridge_core::planted!(TicketElsewhereUnchecked) || *lane == changes.lane;
                    asked && l.ticket_id() == Some(ticket)
                })
            {
                let ticket = ticket.clone();
                return Err(CommitError::TicketTaken { ticket });
            }
            if let Some(id) = link.conversation_id()
                && self.is_taken(changes, link, &put, |_, l| l.conversation_id() == Some(id))
            {
                let conversation = id.clone();
                return Err(CommitError::ConversationTaken { conversation });
            }
            put.push(link);
        }
        Ok(())
    }

    /// Whether another live Link, as stored or as put by this commit, has it.
    fn is_taken(
        &self,
        changes: &Changes,
        link: &Link,
        put: &[&Link],
        has_it: impl Fn(&LaneId, &Link) -> bool,
    ) -> bool {
        let in_the_way = |lane: &LaneId, other: &Link| {
            other.id != link.id && other.is_live() && has_it(lane, other)
        };
        let is_put = |other: &Link| put.iter().any(|put| put.id == other.id);
        put.iter().any(|other| in_the_way(&changes.lane, other))
            || self
                .links_of(&changes.bridge)
                .any(|(lane, s)| in_the_way(lane, &s.link) && !is_put(&s.link))
    }

    /// The Links of a bridge, with their Lanes.
    pub(super) fn links_of(
        &self,
        bridge: &BridgeName,
    ) -> impl Iterator<Item = (&LaneId, &LinkStored)> {
        self.lanes
            .iter()
            .filter(move |(_, row)| row.state.bridge == *bridge)
            .flat_map(|(lane, row)| row.links.iter().map(move |stored| (lane, stored)))
    }

    /// Writes what was checked.
    pub(super) fn write(&mut self, changes: Changes, now: Timestamp) {
        let Changes {
            lane,
            bridge,
            state,
            links,
            intents,
            fates,
            journal,
            messages,
        } = changes;
        let mut rows = self.rows;
        if let Some(row) = self.lanes.get_mut(&lane) {
            if let Some(state) = state {
                put_state(row, *state);
            }
            let (live, ended): (Vec<Link>, Vec<Link>) = links.into_iter().partition(Link::is_live);
            for link in ended.into_iter().chain(live) {
                put_link(row, link, now, &mut rows);
            }
            for intent in intents {
                put_intent(row, intent, &mut rows);
            }
        }
        self.rows = rows;
        self.settle(&lane, fates, now);
        self.tell(&bridge, &lane, journal);
        for message in messages {
            self.keep(&bridge, &lane, message);
        }
    }

    /// Notes what became of Events. A Delivery is settled when all of its Events are.
    pub(super) fn settle(
        &mut self,
        lane: &LaneId,
        fates: Vec<(DeliveryId, u32, Fate)>,
        now: Timestamp,
    ) {
        let Some(row) = self.lanes.get_mut(lane) else {
            return;
        };
        let mut touched = BTreeSet::new();
        for (delivery, position, fate) in fates {
            // Settled before, such as by a commit whose answer got lost.
            if row.routed.contains(&delivery)
                && let Some(came) = self.deliveries.get_mut(&delivery)
            {
                came.fates.entry(position).or_insert(fate);
                touched.insert(delivery);
            }
        }
        for delivery in touched {
            if let Some(came) = self.deliveries.get_mut(&delivery)
                && (came.fates.len() >= came.events.len()
                    || bridge_core::planted!(FirstEventSettles))
            {
                came.settled_at = Some(now);
                (came.stage, came.reason) = ended(&came.fates);
                row.routed.remove(&delivery);
            }
        }
    }

    /// Writes sentences into the timelines, of which only the latest are kept.
    pub(super) fn tell(&mut self, bridge: &BridgeName, lane: &LaneId, journal: Vec<Entry>) {
        if self.journal_kept == 0 {
            return;
        }
        for entry in journal {
            if self.journal.len() >= self.journal_kept {
                self.journal.pop_front();
            }
            self.journal.push_back(Line {
                bridge: bridge.clone(),
                lane: lane.clone(),
                entry,
            });
        }
    }
}

/// (Link, operation, cause) is unique, and the Link must be there.
fn check_intents(row: &LaneRow, changes: &Changes) -> Result<(), CommitError> {
    let mut put: Vec<&Intent> = Vec::new();
    for intent in &changes.intents {
        let is_known = row.intents.iter().any(|s| s.intent.id == intent.id)
            || put.iter().any(|p| p.id == intent.id);
        if !is_known {
            let same_key = |other: &Intent| {
                other.link == intent.link
                    && other.operation() == intent.operation()
                    && other.cause == intent.cause
            };
            let stored = row.intents.iter().find(|s| same_key(&s.intent));
            let existing = put
                .iter()
                .rfind(|other| same_key(other))
                .map(|other| as_stored(stored, (*other).clone()))
                .or_else(|| stored.map(|s| s.intent.clone()));
            if let Some(existing) = existing {
                return Err(CommitError::IntentTaken {
                    existing: Box::new(existing),
                });
            }
            let has_link = row.links.iter().any(|s| s.link.id == intent.link)
                || changes.links.iter().any(|link| link.id == intent.link);
            if !has_link {
                return Err(CommitError::Store(StoreError::Broken {
                    what: "FOREIGN KEY constraint failed".to_owned(),
                }));
            }
        }
        put.push(intent);
    }
    Ok(())
}

/// The state, but not whose it is: a rename or a join changes that alone.
fn put_state(row: &mut LaneRow, state: Lane) {
    let old = std::mem::replace(&mut row.state, state);
    row.state.id = old.id;
    row.state.bridge = old.bridge;
    row.state.bot = old.bot;
    row.state.user = old.user;
}

fn put_link(row: &mut LaneRow, link: Link, now: Timestamp, rows: &mut u64) {
    if let Some(stored) = row.links.iter_mut().find(|s| s.link.id == link.id) {
        stored.link = link;
        stored.updated_at = now;
        return;
    }
    *rows += 1;
    row.links.push(LinkStored {
        row: *rows,
        link,
        updated_at: now,
        looked_at: Timestamp(0),
    });
}

fn put_intent(row: &mut LaneRow, intent: Intent, rows: &mut u64) {
    if bridge_core::planted!(RestNotStored) && is_rest_done(&intent) {
        return;
    }
    if let Some(stored) = row.intents.iter_mut().find(|s| s.intent.id == intent.id) {
        if stored.is_planned_anew(&intent) {
            stored.let_go = false;
            stored.let_out_at = None;
        }
        stored.intent = as_stored(Some(stored), intent);
        stored.pruned = false;
        return;
    }
    *rows += 1;
    row.intents.push(IntentStored {
        row: *rows,
        intent: as_stored(None, intent),
        let_go: false,
        let_out_at: None,
        pruned: false,
    });
}

/// Whether what follows a create was done, by itself.
fn is_rest_done(intent: &Intent) -> bool {
    let rest = matches!(&intent.effect, Effect::CreateTicket(create) if create.made.is_some());
    rest && intent.state == IntentState::Confirmed
}

/// A person's release outlives what the Lane remembers of being held, until the Intent is planned anew.
fn as_stored(stored: Option<&IntentStored>, mut intent: Intent) -> Intent {
    intent.held = intent.held
        && intent.state == IntentState::Planned
        && !stored.is_some_and(|stored| stored.let_go);
    intent
}

/// A Delivery counts as ignored only if none of its Events was taken in.
fn ended(fates: &BTreeMap<u32, Fate>) -> (Stage, Option<String>) {
    let mut reason = None;
    for fate in fates.values() {
        match fate {
            Fate::Applied => return (Stage::Settled, None),
            Fate::Ignored { reason: why } => reason = reason.or_else(|| Some(why.clone())),
        }
    }
    (Stage::Ignored, reason)
}
