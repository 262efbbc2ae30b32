//! Hands Deliveries to the Router and takes its word on them. Neighbours: `record` before, `claim`
//! after.

use super::{
    Memory, length,
    row::{DeliveryRow, LaneRow, Stage},
};
use crate::store::{
    RouteEnd,
    error::StoreError,
    room::Room,
    types::{Received, Routed},
};
use bridge_core::{
    event::{Event, Side},
    ids::{BotId, BridgeName, DeliveryId, LaneId, UserId},
    lane::Lane,
    route::behind,
    time::Timestamp,
};
use std::collections::BTreeMap;

/// A bridge, a side, a source.
type From<'a> = (&'a str, &'a str, &'a str);

/// Whose it is, and what of it is due.
type Waiting = ((BridgeName, Side), Vec<(Timestamp, DeliveryId)>);

impl Memory {
    /// Hands out due Deliveries, each to one caller at a time: of each bridge, side and source its share of the
    /// room, the oldest first.
    pub fn claim_routes(
        &mut self,
        room: &Room<(BridgeName, Side)>,
        now: Timestamp,
    ) -> Vec<Received> {
        let mut sources: BTreeMap<From<'_>, Waiting> = BTreeMap::new();
        for id in &self.received {
            if let Some(row) = self.deliveries.get(id) {
                let came = &row.came;
                let from = (
                    came.bridge.as_str(),
                    came.side.as_str(),
                    came.source.as_str(),
                );
                let (_, due) = sources
                    .entry(from)
                    .or_insert_with(|| ((came.bridge.clone(), came.side), Vec::new()));
                if !row.at_router && row.due_at <= now {
                    due.push((row.due_at, *id));
                }
            }
        }
        let mut room = room.clone();
        let waiting: Vec<_> = sources.into_values().collect();
        let mut waiting = room.in_turn(waiting, |(party, _)| party.clone());
        let mut due: Vec<(Timestamp, DeliveryId)> = Vec::new();
        // An equal share each, then what is left.
        for most in [room.share(waiting.len()), room.free] {
            for (party, waiting) in &mut waiting {
                waiting.sort_unstable();
                let most = length(room.grants(party, most)).min(waiting.len());
                room.give(party, most);
                due.extend(waiting.drain(..most));
            }
        }
        due.sort_unstable();
        due.into_iter()
            .filter_map(|(_, id)| Some(hand_out(id, self.deliveries.get_mut(&id)?)))
            .collect()
    }

    /// Takes the Router's word on a Delivery. One that is no longer at the Router stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if a Lane's id cannot be made, which no count reaches.
    pub fn routed(
        &mut self,
        delivery: DeliveryId,
        end: RouteEnd,
        now: Timestamp,
    ) -> Result<Routed, StoreError> {
        match end {
            RouteEnd::ToLane {
                bridge,
                bot,
                user,
                events,
                object,
            } => {
                let lane = self.lane_for(&bridge, &bot, &user)?;
                Ok(self.put(delivery, lane, events, object, now))
            }
            RouteEnd::ToKnownLane {
                lane,
                events,
                object,
            } => Ok(self.put(delivery, lane, events, object, now)),
            RouteEnd::Ignored {
                reason,
                object,
                events,
            } => {
                self.ignore(delivery, reason, object, events, now);
                Ok(Routed::Done)
            }
            RouteEnd::Parked {
                reason,
                detail,
                remedy,
                object,
            } => {
                if let Some(row) = self.leave_router(delivery, Stage::Parked) {
                    row.reason = Some(reason);
                    row.detail = Some(detail);
                    row.remedy = Some(remedy);
                    row.events = Vec::new();
                    row.object = object.or(row.object.take());
                }
                Ok(Routed::Done)
            }
            RouteEnd::Later {
                due_at,
                error,
                object,
                missing_since,
            } => {
                if let Some(row) = self.give_back(delivery, object, due_at) {
                    row.detail = Some(error);
                    row.missing_since = missing_since.or(row.missing_since);
                }
                Ok(Routed::Done)
            }
        }
    }

    /// Gives a Delivery back untouched, to be handed out from `due_at` on: routing it broke off. No later one
    /// about the same object overtakes it, if it is told which that is.
    pub fn unroute(&mut self, delivery: DeliveryId, object: Option<&str>, due_at: Timestamp) {
        self.give_back(delivery, object.map(str::to_owned), due_at);
    }

    /// Whether anything that Jelou told of a bridge until a moment has not come to a claimed Lane yet: it
    /// waits for the Router, or came since the Claim, as whatever wakes the Lane may have. What was received ahead
    /// of `now` came before the clock was set back, so before that moment.
    #[must_use]
    pub fn has_unheard(
        &self,
        bridge: &BridgeName,
        lane: &LaneId,
        by: Timestamp,
        now: Timestamp,
    ) -> bool {
        let told = |row: &DeliveryRow| {
            let came = &row.came;
            let until_then = came.received_at <= by || came.received_at > now;
            came.bridge == *bridge && came.side == Side::Jelou && until_then
        };
        let woken = self.lanes.get(lane).is_some_and(|row| row.due_at.is_some());
        let mut waiting = self.received.iter();
        woken || waiting.any(|id| self.deliveries.get(id).is_some_and(told))
    }

    /// A backup was restored in place of `newer`: no Lane gets a name again that was given since, as
    /// none does where names are drawn by chance.
    pub fn restored_over(&mut self, newer: &Self) {
        self.lanes_made = self.lanes_made.max(newer.lanes_made);
    }

    /// The Lane of a customer under any known spelling; made if there is none.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if a Lane's id cannot be made, which no count reaches.
    pub fn lane_for(
        &mut self,
        bridge: &BridgeName,
        bot: &BotId,
        user: &UserId,
    ) -> Result<LaneId, StoreError> {
        if let Some(found) = self.lane_of_user(bridge, bot, user) {
            return Ok(found);
        }
        self.lanes_made += 1;
        let id = LaneId::parse(&format!("lane{:06}", self.lanes_made)).map_err(|_| {
            StoreError::Broken {
                what: "a lane id could not be made".to_owned(),
            }
        })?;
        let user = self.canonical(bridge, bot, user);
        let customer = (bridge.clone(), bot.clone(), user.clone());
        self.by_customer.insert(customer, id.clone());
        let lane = Lane::new(id.clone(), bridge.clone(), bot.clone(), user);
        self.lanes.insert(id.clone(), LaneRow::new(lane));
        Ok(id)
    }

    /// Puts a Delivery on a Lane and makes the Lane due, unless it would overtake an earlier one.
    fn put(
        &mut self,
        delivery: DeliveryId,
        lane: LaneId,
        events: Vec<Event>,
        object: Option<String>,
        now: Timestamp,
    ) -> Routed {
        if events.is_empty() {
            self.ignore(delivery, "no_events".to_owned(), object, events, now);
            return Routed::Done;
        }
        if let Some(put_off) = self.ahead(delivery, object.as_deref()) {
            if let Some(row) = self.give_back(delivery, object, behind(put_off, now)) {
                row.attempts = row.attempts.saturating_sub(1);
            }
            return Routed::Again;
        }
        let Some(row) = self.lanes.get_mut(&lane) else {
            self.give_back(delivery, object, now);
            return Routed::Again;
        };
        row.wake(now);
        if let Some(came) = self.leave_router(delivery, Stage::Routed) {
            came.detail = None;
            came.lane = Some(lane.clone());
            came.events = events;
            came.object = object;
            if let Some(row) = self.lanes.get_mut(&lane) {
                row.routed.insert(delivery);
            }
        }
        Routed::Lane(lane)
    }

    fn ignore(
        &mut self,
        delivery: DeliveryId,
        reason: String,
        object: Option<String>,
        events: Vec<Event>,
        now: Timestamp,
    ) {
        if let Some(row) = self.leave_router(delivery, Stage::Ignored) {
            row.reason = Some(reason);
            row.detail = None;
            row.remedy = None;
            row.events = events;
            row.object = object.or(row.object.take());
            row.settled_at = Some(now);
        }
    }

    /// The Delivery, if it was still at the Router, in its new stage.
    fn leave_router(&mut self, delivery: DeliveryId, stage: Stage) -> Option<&mut DeliveryRow> {
        if !self.received.remove(&delivery) {
            return None;
        }
        let row = self.deliveries.get_mut(&delivery)?;
        row.stage = stage;
        row.at_router = false;
        Some(row)
    }

    /// Until when an earlier Delivery about the same object is put off: this one waits as long.
    fn ahead(&self, delivery: DeliveryId, object: Option<&str>) -> Option<Timestamp> {
        let came = &self.deliveries.get(&delivery)?.came;
        let object = object.filter(|_| !bridge_core::planted!(PutOffOvertaken))?;
        let earlier = self.received.range(..delivery);
        let mut earlier = earlier.filter_map(|id| self.deliveries.get(id));
        let about_the_same = |row: &&DeliveryRow| {
            row.object.as_deref() == Some(object)
                && row.came.bridge == came.bridge
                && row.came.side == came.side
        };
        earlier.find(about_the_same).map(|row| row.due_at)
    }

    fn give_back(
        &mut self,
        delivery: DeliveryId,
        object: Option<String>,
        due_at: Timestamp,
    ) -> Option<&mut DeliveryRow> {
        if !self.received.contains(&delivery) {
            return None;
        }
        let row = self.deliveries.get_mut(&delivery)?;
        row.at_router = false;
        row.due_at = due_at;
        row.object = object.or(row.object.take());
        Some(row)
    }
}

fn hand_out(id: DeliveryId, row: &mut DeliveryRow) -> Received {
    row.at_router = true;
    row.routing_begun = true;
    row.attempts += 1;
    Received {
        id,
        bridge: row.came.bridge.clone(),
        side: row.came.side,
        source: row.came.source,
        received_at: row.came.received_at,
        headers: row.came.headers.clone(),
        body: row.came.body.clone(),
        attempts: row.attempts,
        missing_since: row.missing_since,
        retried_at: row.retried_at,
    }
}
