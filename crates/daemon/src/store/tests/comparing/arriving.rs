//! What comes, and what the Router says of it. Neighbour: `working`, on what was routed.

use super::*;

impl Pair {
    pub(super) async fn record(&mut self) {
        let dedup = self.dice.once_in(2).then(|| self.dice.digit());
        let mut new = webhook(&self.dice.digit(), dedup.as_deref());
        new.received_at = self.now();
        if self.dice.once_in(3) {
            new.side = Side::Jelou;
        }
        let disk = self.disk.record(new.clone()).await.unwrap();
        let memory = self.memory.record(new);
        self.same("record", &disk, &memory);
    }

    pub(super) async fn claim_routes(&mut self) {
        let (limit, now) = (u32::try_from(self.dice.below(3)).unwrap() + 1, self.now());
        let seen = |list: Vec<Received>| {
            let each = list
                .into_iter()
                .map(|r| (r.id, r.attempts, r.missing_since, r.retried_at, r.body));
            each.collect::<Vec<_>>()
        };
        let disk = seen(self.disk.claim_routes(&Room::of(limit), now).await.unwrap());
        let memory = seen(self.memory.claim_routes(&Room::of(limit), now));
        self.same("claim_routes", &disk, &memory);
    }

    pub(super) async fn route(&mut self) {
        let (delivery, now) = (self.a_delivery_that_is("received"), self.now());
        let events = (0..self.dice.below(3))
            .map(|_| {
                changed(
                    &self.dice.digit(),
                    self.now - 5 + self.dice.below(10) as i64,
                )
            })
            .collect();
        let object = Some(self.dice.digit());
        let words = |word: &str| word.to_owned();
        let (disk, memory) = match (self.dice.below(9), self.a_lane()) {
            (0, _) => {
                let object = object.as_deref();
                self.disk.unroute(delivery, object, now).await.unwrap();
                self.memory.unroute(delivery, object, now);
                return;
            }
            (1, _) => both(RouteEnd::Ignored {
                reason: words("reflection"),
                object,
                events,
            }),
            (2, _) => both(RouteEnd::Parked {
                reason: words("unreadable"),
                detail: words("it is not JSON"),
                remedy: words("look"),
                object,
            }),
            (3, _) => both(RouteEnd::Later {
                due_at: at(self.now + 500),
                error: words("503"),
                object,
                missing_since: self.dice.once_in(2).then(|| at(self.now)),
            }),
            (4, Some((disk, memory))) => {
                let to = |lane| RouteEnd::ToKnownLane {
                    lane,
                    events: Vec::clone(&events),
                    object: object.clone(),
                };
                (to(disk), to(memory))
            }
            _ => {
                let customer = self.a_user();
                both(to_lane(customer.as_str(), events))
            }
        };
        let made = self.memory.lanes().count();
        let disk = self.disk.routed(delivery, disk, now).await.unwrap();
        let memory = self.memory.routed(delivery, memory, now).unwrap();
        if let (Routed::Lane(disk), Routed::Lane(memory)) = (&disk, &memory)
            && !self.lanes.iter().any(|(known, _)| known == disk)
        {
            self.lanes.push((disk.clone(), memory.clone()));
        }
        // A Lane may be made for a Delivery that then had no Events, or that waits behind another.
        if self.memory.lanes().count() > made && !matches!(memory, Routed::Lane(_)) {
            self.name_new_lane().await;
        }
        self.same("routed", &disk, &memory);
    }

    pub(super) async fn name_new_lane(&mut self) {
        let lane = self.memory.lanes().last().unwrap().lane.clone();
        let disk = self
            .disk
            .lane_of_user(&lane.bridge, &lane.bot, &lane.user)
            .await
            .unwrap()
            .unwrap();
        self.lanes.push((disk, lane.id));
    }
}
