//! Joins, wakes, people and restarts; and questions in between. Neighbour: `rows`, the questions at
//! the end.

use super::*;

impl Pair {
    pub(super) async fn join(&mut self) {
        let Some(index) = self.a_claim() else { return };
        let (held, canonical, now) = (self.claims[index].clone(), self.a_user(), self.now());
        let disk = self.disk.join(&held.disk.claim, &canonical, now).await;
        let memory = self.memory.join(&held.memory.claim, &canonical, now);
        self.same("join", &disk, &memory);
    }

    pub(super) async fn forward(&mut self) {
        let (Some(index), Some((disk, memory))) = (self.a_claim(), self.a_lane()) else {
            return;
        };
        let (held, delivery, now) = (self.claims[index].clone(), self.a_delivery(), self.now());
        let disk = self
            .disk
            .forward(&held.disk.claim, delivery, &disk, now)
            .await;
        let memory = self
            .memory
            .forward(&held.memory.claim, delivery, &memory, now);
        self.same("forward", &disk, &memory);
    }

    pub(super) async fn wake(&mut self) {
        let now = self.now();
        let (disk, memory) = match (self.dice.below(3), self.a_lane()) {
            (0, Some((disk, memory))) => (Wake::Lane(disk), Wake::Lane(memory)),
            (1, _) => both(Wake::Bridge(bridge())),
            _ => both(Wake::HeldBy(format!("host:{}", self.dice.digit()))),
        };
        let disk = self.disk.wake(disk, now).await.unwrap();
        let memory = self.memory.wake(&memory, now);
        self.same("wake", &disk, &memory);
    }

    /// What a person and the hourly round do.
    pub(super) async fn tend(&mut self) {
        let (delivery, now) = (self.a_delivery_that_is("parked"), self.now());
        match self.dice.below(5) {
            0 => {
                let disk = self.disk.retry_delivery(delivery, now).await;
                let memory = self.memory.retry_delivery(delivery, now);
                self.same("retry", &disk, &memory);
            }
            1 => {
                let disk = self.disk.discard_delivery(delivery, now).await;
                let memory = self.memory.discard_delivery(delivery, now);
                self.same("discard", &disk, &memory);
            }
            2 => {
                let disk = self.disk.release_halt(&bridge(), None, now).await.unwrap();
                let memory = self.memory.release_halt(&bridge(), None, now);
                self.same("release_halt", &disk, &memory);
            }
            3 => {
                let before = at(self.now - 5_000);
                let disk = self.disk.prune(before).await.unwrap();
                let memory = self.memory.prune(before);
                self.same("prune", &disk, &memory);
            }
            _ => {
                let which = [conversation(&self.dice.digit())];
                self.disk.looked_at(&bridge(), &which, now).await.unwrap();
                self.memory.looked_at(&bridge(), &which, now);
            }
        }
    }

    pub(super) async fn restart_or_begin(&mut self) {
        if self.dice.below(3) > 0 {
            let observes = self.dice.once_in(2);
            let disk = self.disk.begin(&bridge(), observes, self.now()).await;
            let memory = self.memory.begin(&bridge(), observes, self.now());
            self.same("begin", &disk.unwrap(), &memory);
            return;
        }
        self.disk.restart().await;
        self.memory.restart(&format!("process {}", self.now));
    }

    /// What can be asked answers the same.
    pub(super) async fn look(&mut self) {
        let (main, now) = (bridge(), self.now());
        let (ticket, talk, asked) = (
            ticket(&self.dice.digit()),
            conversation(&self.dice.digit()),
            self.a_user(),
        );
        let disk = &self.disk;
        let disk = (
            disk.next_due().await.unwrap(),
            disk.lane_of_ticket(&main, &ticket).await.unwrap(),
            disk.lane_of_live_ticket(&main, &ticket).await.unwrap(),
            disk.lane_that_waits(&main, &talk, &ticket).await.unwrap(),
            disk.holders_of_ticket(&main, &ticket).await.unwrap(),
            disk.routed_of_ticket(&main, &ticket).await.unwrap(),
            disk.lane_of_conversation(&main, &talk).await.unwrap(),
            disk.lane_of_user(&main, &bot(), &asked).await.unwrap(),
            disk.counts(now).await.unwrap(),
            disk.halts(None).await.unwrap(),
        );
        let memory = &self.memory;
        let memory = (
            memory.next_due(),
            memory.lane_of_ticket(&main, &ticket),
            memory.lane_of_live_ticket(&main, &ticket),
            memory.lane_that_waits(&main, &talk, &ticket),
            memory.holders_of_ticket(&main, &ticket),
            memory.routed_of_ticket(&main, &ticket),
            memory.lane_of_conversation(&main, &talk),
            memory.lane_of_user(&main, &bot(), &asked),
            memory.counts(now),
            memory.halts(None),
        );
        self.same("look", &disk, &memory);
        self.told.pop();
    }
}
