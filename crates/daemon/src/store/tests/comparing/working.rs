//! Claims, and what is committed under them. Neighbour: `change`, what is committed.

use super::{change::change, *};

impl Pair {
    pub(super) fn took(&mut self, mut disk: Vec<ClaimedLane>, mut memory: Vec<ClaimedLane>) {
        // Which are taken is the store's promise; in what order they are handed out is not.
        let names = self.lanes.clone();
        let name = |id: &LaneId| names.iter().find(|(d, _)| d == id).unwrap().1.clone();
        disk.sort_by_key(|c| name(&c.lane.id));
        memory.sort_by_key(|c| c.lane.id.clone());
        let seen = |list: &[ClaimedLane]| {
            let each = list.iter();
            each.map(|c| {
                (
                    c.claim.token,
                    c.lane.user.as_str().to_owned(),
                    c.lane.clone(),
                )
            })
            .collect::<Vec<_>>()
        };
        self.same("claim", &seen(&disk), &seen(&memory));
        let pairs = disk.into_iter().zip(memory);
        self.claims
            .extend(pairs.map(|(disk, memory)| Held { disk, memory }));
        // Stale ones stay among them for a while.
        let old = self.claims.len().saturating_sub(6);
        self.claims.drain(..old);
    }

    pub(super) async fn claim_lanes(&mut self) {
        let (limit, now) = (u32::try_from(self.dice.below(3)).unwrap() + 1, self.now());
        let disk = self
            .disk
            .claim_lanes(&Room::of(limit), now, LEASE)
            .await
            .unwrap();
        let memory = self.memory.claim_lanes(&Room::of(limit), now, LEASE);
        self.took(disk, memory);
    }

    pub(super) async fn claim_lane(&mut self) {
        let Some((disk, memory)) = self.a_lane() else {
            return;
        };
        let now = self.now();
        let disk = self.disk.claim_lane(&disk, now, LEASE).await;
        let memory = self.memory.claim_lane(&memory, now, LEASE);
        self.same("claim_lane", &disk.as_ref().err(), &memory.as_ref().err());
        let listed = |claimed: Option<ClaimedLane>| claimed.into_iter().collect();
        self.took(
            listed(disk.unwrap_or_default()),
            listed(memory.unwrap_or_default()),
        );
    }

    /// The same small change on both sides.
    pub(super) fn changed(&mut self, held: &Held) -> Held {
        let dice = self.dice.clone();
        let mut after = held.clone();
        change(&mut after.disk.lane, self.now, &mut dice.clone());
        change(&mut after.memory.lane, self.now, &mut self.dice);
        after
    }

    /// Takes in what a commit came to.
    pub(super) fn settled(
        &mut self,
        index: usize,
        mut after: Held,
        disk: &Result<(), CommitError>,
        memory: &Result<(), CommitError>,
    ) {
        self.same("commit", disk, memory);
        if memory.is_ok() {
            for lane in [&mut after.disk.lane, &mut after.memory.lane] {
                lane.fates.clear();
                lane.journal.clear();
                lane.messages.retain(Message::waits);
            }
            self.claims[index] = after;
        }
    }

    pub(super) async fn commit(&mut self) {
        let Some(index) = self.a_claim() else { return };
        let (before, now) = (self.claims[index].clone(), self.now());
        let after = self.changed(&before);
        let changes = between(&before.disk, &after.disk);
        let disk = self.disk.commit(&before.disk.claim, changes, now).await;
        let changes = between(&before.memory, &after.memory);
        let memory = self.memory.commit(&before.memory.claim, changes, now);
        self.settled(index, after, &disk, &memory);
    }

    pub(super) async fn release(&mut self) {
        let Some(index) = self.a_claim() else { return };
        let (before, now) = (self.claims[index].clone(), self.now());
        if self.dice.once_in(4) {
            let until = at(self.now + 40_000);
            let disk = self.disk.renew(&before.disk.claim, until).await;
            let memory = self.memory.renew(&before.memory.claim, until);
            self.same("renew", &disk, &memory);
            return;
        }
        let after = self.changed(&before);
        let due_at = self.dice.once_in(2).then(|| at(self.now + 3_000));
        let held_by = self
            .dice
            .once_in(2)
            .then(|| format!("host:{}", self.dice.digit()));
        let (claim, changes) = (&before.disk.claim, between(&before.disk, &after.disk));
        let disk = self
            .disk
            .release(claim, changes, due_at, held_by.clone(), now)
            .await;
        let (claim, changes) = (&before.memory.claim, between(&before.memory, &after.memory));
        let memory = self.memory.release(claim, changes, due_at, held_by, now);
        self.settled(index, after, &disk, &memory);
    }

    pub(super) async fn commit_sent(&mut self) {
        let now = self.now();
        let wanted = |i: &Intent| i.state == IntentState::Planned;
        let planned = |held: &Held| held.memory.lane.intents.iter().position(wanted);
        let latest = self.claims.iter().rposition(|held| planned(held).is_some());
        let Some(index) = latest else { return };
        let before = self.claims[index].clone();
        let Some(number) = planned(&before) else {
            return;
        };
        let two = |side: &ClaimedLane| {
            let (mut out, mut held) = (side.clone(), side.clone());
            out.lane.intents[number].state = IntentState::Sent;
            out.lane.intents[number].held = false;
            held.lane.intents[number].held = true;
            (out, held)
        };
        let admission = |side: &ClaimedLane| Admission {
            intent: side.lane.intents[number].id.clone(),
            operation: Operation::Close,
            limits: LIMITS,
        };
        let ((disk_out, disk_held), (out, held)) = (two(&before.disk), two(&before.memory));
        let disk = self
            .disk
            .commit_sent(
                &before.disk.claim,
                between(&before.disk, &disk_out),
                between(&before.disk, &disk_held),
                admission(&before.disk),
                now,
            )
            .await;
        let memory = self.memory.commit_sent(
            &before.memory.claim,
            between(&before.memory, &out),
            between(&before.memory, &held),
            &admission(&before.memory),
            now,
        );
        self.same("commit_sent", &disk, &memory);
        if let Ok(admitted) = memory {
            let (disk, memory) = match admitted {
                crate::store::Admitted::Out => (disk_out, out),
                crate::store::Admitted::Held { .. } => (disk_held, held),
            };
            self.claims[index] = Held { disk, memory };
        }
    }
}
