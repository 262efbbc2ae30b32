//! The safety halt's memory (rule 16). Neighbours: `bridge_core::halt` decides; `commit` writes the
//! one of two outcomes.

use super::{
    Memory,
    row::{IntentStored, LaneRow},
};
use crate::store::{
    changes::Changes,
    error::CommitError,
    types::{Admission, Admitted, Claim, HaltState, RELEASED},
};
use bridge_core::{
    effect::Operation,
    halt::{Admit, Window},
    ids::BridgeName,
    intent::{Intent, IntentState},
    lane::{Entry, EntryKind},
    link::Link,
    time::Timestamp,
};

impl Memory {
    /// Asks the safety halt and commits either the Intent as `sent` or the Intent as `planned` and
    /// held. What a person released, and a retry of what was counted in the present window, goes
    /// out uncounted.
    ///
    /// # Errors
    /// See [`CommitError`]; nothing is stored and nothing counted then.
    pub fn commit_sent(
        &mut self,
        claim: &Claim,
        if_out: Changes,
        if_held: Changes,
        admission: &Admission,
        now: Timestamp,
    ) -> Result<Admitted, CommitError> {
        let bridge = if_out.bridge.clone();
        let mut wanted = if_out.intents.iter();
        let wanted = wanted.find(|intent| intent.id == admission.intent);
        let (admitted, window) = self.admit(&bridge, wanted, admission, now);
        let changes = match admitted {
            Admitted::Out => if_out,
            Admitted::Held { .. } => if_held,
        };
        self.commit(claim, changes, now)?;
        if let Some(window) = window {
            self.halts.insert((bridge, admission.operation), window);
        }
        if admitted == Admitted::Out
            && let Some(row) = self.lanes.get_mut(&claim.lane)
            && let Some(stored) = row
                .intents
                .iter_mut()
                .find(|s| s.intent.id == admission.intent)
        {
            stored.let_out_at = Some(now);
        }
        Ok(admitted)
    }

    /// The halts that have counted anything, with how many Intents each holds: while it is on, also those that are
    /// planned and have not come to ask.
    #[must_use]
    pub fn halts(&self, bridge: Option<&BridgeName>) -> Vec<HaltState> {
        let mut halts: Vec<HaltState> = self
            .halts
            .iter()
            .filter(|((of, _), _)| bridge.is_none_or(|wanted| wanted == of))
            .map(|((of, operation), window)| HaltState {
                bridge: of.clone(),
                operation: *operation,
                window: window.clone(),
                held: self.held(of, *operation).count() as u64,
            })
            .collect();
        halts.sort_by(|a, b| {
            (&a.bridge, a.operation.as_str()).cmp(&(&b.bridge, b.operation.as_str()))
        });
        halts
    }

    /// What the halt of one kind holds: what it was asked about, and while it is on what is planned and has not come
    /// to ask.
    pub fn held(&self, bridge: &BridgeName, operation: Operation) -> impl Iterator<Item = &Intent> {
        let on = self.is_on(bridge, operation);
        self.intents_of(bridge)
            .filter(move |stored| is_held(stored, operation, on))
            .map(|stored| &stored.intent)
    }

    fn is_on(&self, bridge: &BridgeName, operation: Operation) -> bool {
        let window = self.halts.get(&(bridge.clone(), operation));
        window.is_some_and(|window| window.tripped_at.is_some())
    }

    /// Lets go what is held now, and where the halt is on what is planned, uncounted; opens an empty window, and
    /// makes the Lanes due of what was held. Without an operation, of all three kinds. Returns how many Intents
    /// were let go.
    pub fn release_halt(
        &mut self,
        bridge: &BridgeName,
        operation: Option<Operation>,
        now: Timestamp,
    ) -> u64 {
        let mut released = 0;
        for one in Operation::ALL {
            if one.is_halted_in_bulk() && operation.is_none_or(|wanted| wanted == one) {
                released += self.let_go(bridge, one, now);
                self.halts.remove(&(bridge.clone(), one));
            }
        }
        released
    }

    fn let_go(&mut self, bridge: &BridgeName, operation: Operation, now: Timestamp) -> u64 {
        self.tell_of_release(bridge, operation, now);
        let on = self.is_on(bridge, operation);
        let mut released = 0;
        for row in self.lanes.values_mut() {
            if row.state.bridge != *bridge {
                continue;
            }
            // What has not come to ask comes by itself.
            let mut wakes = false;
            for stored in &mut row.intents {
                if is_held(stored, operation, on) {
                    wakes |= stored.intent.held;
                    stored.intent.held = false;
                    stored.let_go = !bridge_core::planted!(ReleaseCounted);
                    released += 1;
                }
            }
            if wakes {
                row.wake(now);
            }
        }
        released
    }

    /// What a person let go stands in the timelines, as all that they decide.
    fn tell_of_release(&mut self, bridge: &BridgeName, operation: Operation, now: Timestamp) {
        let on = self.is_on(bridge, operation);
        let lanes = self
            .lanes
            .values()
            .filter(|row| row.state.bridge == *bridge);
        let held = lanes.flat_map(|row| row.intents.iter().map(move |stored| (row, stored)));
        let mut held: Vec<_> = held.filter(|(_, s)| is_held(s, operation, on)).collect();
        held.sort_by(|(_, a), (_, b)| {
            let (a, b) = (&a.intent, &b.intent);
            (a.planned_at, &a.id).cmp(&(b.planned_at, &b.id))
        });
        let told: Vec<_> = held
            .into_iter()
            .map(|(row, stored)| (row.state.id.clone(), entry(row, &stored.intent, now)))
            .collect();
        for (lane, entry) in told {
            self.tell(bridge, &lane, vec![entry]);
        }
    }

    /// What the halt says, and its window after that if it was asked.
    fn admit(
        &self,
        bridge: &BridgeName,
        wanted: Option<&Intent>,
        admission: &Admission,
        now: Timestamp,
    ) -> (Admitted, Option<Window>) {
        if self.is_counted(wanted, admission, now) {
            return (Admitted::Out, None);
        }
        let mut window = self
            .halts
            .get(&(bridge.clone(), admission.operation))
            .cloned()
            .unwrap_or_default();
        let live = || {
            self.links_of(bridge)
                .filter(|(_, s)| s.link.is_live())
                .count() as u64
        };
        let admitted = match window.admit(now, &admission.limits, live) {
            Admit::Out => Admitted::Out,
            Admit::Held { newly } => Admitted::Held { newly },
        };
        (admitted, Some(window))
    }

    /// Whether a person let this Intent go, or the present window has counted it already, as it is planned now.
    fn is_counted(&self, wanted: Option<&Intent>, admission: &Admission, now: Timestamp) -> bool {
        let stored = self
            .lanes
            .values()
            .flat_map(|row| &row.intents)
            .find(|s| s.intent.id == admission.intent)
            .filter(|s| !wanted.is_some_and(|intent| s.is_planned_anew(intent)));
        stored.is_some_and(|s| {
            let in_window = s
                .let_out_at
                .is_some_and(|at| now.since(at) < admission.limits.window);
            in_window || s.let_go
        })
    }

    /// The Intents of a bridge.
    pub(super) fn intents_of(&self, bridge: &BridgeName) -> impl Iterator<Item = &IntentStored> {
        self.lanes
            .values()
            .filter(move |row| row.state.bridge == *bridge)
            .flat_map(|row| &row.intents)
    }
}

/// Whether the halt holds it; one that is on holds what is planned too, unless a person let that go or it was counted.
fn is_held(stored: &IntentStored, operation: Operation, on: bool) -> bool {
    let intent = &stored.intent;
    let would_be =
        on && intent.state == IntentState::Planned && !stored.let_go && stored.let_out_at.is_none();
    intent.operation() == operation && (intent.held || would_be)
}

fn entry(row: &LaneRow, intent: &Intent, now: Timestamp) -> Entry {
    let mut links = row.links.iter().map(|stored| &stored.link);
    let link = links.find(|link| link.id == intent.link);
    Entry {
        at: now,
        kind: EntryKind::Decision,
        sentence: RELEASED.to_owned(),
        rule: Some(intent.rule.clone()),
        link: Some(intent.link.clone()),
        ticket: link.and_then(Link::ticket_id).cloned(),
        conversation: link.and_then(Link::conversation_id).cloned(),
    }
}
