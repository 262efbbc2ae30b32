//! Brings together what belongs to one customer: Lanes under two spellings, and an Event that came
//! to the wrong Lane. Neighbours: `route` follows the aliases written here; `claim` made the Claim.

use super::{Memory, no_lane, row::LaneRow};
use crate::store::{
    error::{CommitError, StoreError},
    merge::merge,
    types::{Claim, Joined},
};
use bridge_core::{
    ids::{BotId, BridgeName, DeliveryId, LaneId, UserId},
    time::Timestamp,
};

impl Memory {
    /// Gives the claimed Lane its customer's canonical spelling (rule 9). If another Lane has that
    /// name, everything moves there, if nobody works on it now. Commit first: what the Lane still
    /// has in memory is not stored by this.
    ///
    /// # Errors
    /// [`CommitError::Fenced`]; nothing is changed then.
    pub fn join(
        &mut self,
        claim: &Claim,
        canonical: &UserId,
        now: Timestamp,
    ) -> Result<Joined, CommitError> {
        let ours = &self.claimed(claim)?.state;
        if ours.user == *canonical {
            return Ok(Joined::Renamed);
        }
        let (bridge, bot, asked) = (ours.bridge.clone(), ours.bot.clone(), ours.user.clone());
        let customer = (bridge.clone(), bot.clone(), canonical.clone());
        let Some(into) = self.by_customer.get(&customer).cloned() else {
            self.alias(&bridge, &bot, &asked, canonical);
            self.by_customer.remove(&(bridge, bot, asked));
            self.by_customer.insert(customer, claim.lane.clone());
            self.claimed(claim)?.state.user = canonical.clone();
            return Ok(Joined::Renamed);
        };
        if self.lanes.get(&into).is_some_and(|row| !row.is_free(now)) {
            return Ok(Joined::Busy);
        }
        self.alias(&bridge, &bot, &asked, canonical);
        self.by_customer.remove(&(bridge, bot, asked));
        if let Some(ours) = self.lanes.remove(&claim.lane) {
            self.move_over(&claim.lane, &into);
            if let Some(theirs) = self.lanes.get_mut(&into) {
                take_in(ours, theirs, now);
            }
        }
        Ok(Joined::Into(into))
    }

    /// Moves a routed Delivery, with the Events in it that have no fate yet, from the claimed Lane
    /// to another one, which becomes due (rule 1).
    ///
    /// # Errors
    /// [`CommitError::Fenced`], or [`StoreError::Gone`] if the Lane or the Delivery is not there.
    pub fn forward(
        &mut self,
        claim: &Claim,
        delivery: DeliveryId,
        to: &LaneId,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        self.claimed(claim)?;
        if !self.lanes.contains_key(to) {
            return Err(no_lane().into());
        }
        if !self.claimed(claim)?.routed.remove(&delivery) {
            return Err(StoreError::Gone { what: "delivery" }.into());
        }
        if let Some(row) = self.deliveries.get_mut(&delivery) {
            row.lane = Some(to.clone());
        }
        if let Some(row) = self.lanes.get_mut(to) {
            row.routed.insert(delivery);
            row.wake(now);
        }
        Ok(())
    }

    /// Whoever was known by the spelling that gives way is known by the new one, so that chains stay
    /// one step long; and the canonical spelling itself is nobody's alias.
    fn alias(&mut self, bridge: &BridgeName, bot: &BotId, asked: &UserId, canonical: &UserId) {
        for ((of, on, _), leads_to) in &mut self.aliases {
            if of == bridge && on == bot && leads_to == asked {
                *leads_to = canonical.clone();
            }
        }
        let key = |user: &UserId| (bridge.clone(), bot.clone(), user.clone());
        self.aliases.remove(&key(canonical));
        if !bridge_core::planted!(AliasNotKept) {
            self.aliases.insert(key(asked), canonical.clone());
        }
    }

    /// What was told of the one Lane, and came for it, is the other's.
    fn move_over(&mut self, ours: &LaneId, theirs: &LaneId) {
        for row in self.deliveries.values_mut() {
            if row.lane.as_ref() == Some(ours) {
                row.lane = Some(theirs.clone());
            }
        }
        for row in self.messages.values_mut() {
            if row.lane == *ours && row.outcome.is_none() {
                row.lane = theirs.clone();
            }
        }
        for line in &mut self.journal {
            if line.lane == *ours {
                line.lane = theirs.clone();
            }
        }
    }
}

/// Moves all of `ours` to `theirs`. Ids of Links and Intents carry the Lane's id they were made
/// under, so they cannot meet. The token grows, so that a holder whose lease ran out cannot write
/// over the join.
fn take_in(ours: LaneRow, theirs: &mut LaneRow, now: Timestamp) {
    merge(ours.state, &mut theirs.state);
    theirs.token += 1;
    theirs.held = None;
    theirs.links.extend(ours.links);
    theirs.links.sort_by_key(|stored| stored.row);
    if !bridge_core::planted!(JoinLosesIntents) {
        theirs.intents.extend(ours.intents);
    }
    theirs.intents.sort_by_key(|stored| stored.row);
    theirs.said.extend(ours.said);
    if !bridge_core::planted!(JoinLosesEvents) {
        theirs.routed.extend(ours.routed);
    }
    theirs.wake(now);
}
