//! What the stories do again and again. Neighbours: `on_sqlite` and `in_memory`, each with its own
//! `Fresh`.

use super::*;
use futures::future::join_all;

impl Fresh {
    /// Records a body, and hands it to the Router.
    pub async fn received(&self, body: &str) -> Received {
        let id = self.record(webhook(body, None)).await.unwrap().id();
        let mut claimed = self.claim_routes(&Room::of(100), at(1_000)).await.unwrap();
        claimed.retain(|r| r.id == id);
        claimed.pop().unwrap()
    }

    /// Brings an Event to a customer's Lane.
    pub async fn told(&self, customer: &str, event: Event) -> (LaneId, DeliveryId) {
        let body = format!("{customer} {}", rand::random::<u64>());
        let id = self.received(&body).await.id;
        match self
            .routed(id, to_lane(customer, vec![event]), at(1_000))
            .await
            .unwrap()
        {
            Routed::Lane(lane) => (lane, id),
            other => panic!("{other:?}"),
        }
    }

    /// Brings so many Events to a customer's Lane at once, each by a Delivery of its own.
    pub async fn flood(&self, customer: &str, many: u32) {
        let recorded = (0..many).map(|n| async move {
            let dedup = n.to_string();
            self.record(webhook("x", Some(&dedup))).await.unwrap();
        });
        join_all(recorded).await;
        let received = self.claim_routes(&Room::of(many), at(1_000)).await.unwrap();
        let routed = received.iter().map(|r| async move {
            let end = to_lane(customer, vec![changed("7", 1)]);
            self.routed(r.id, end, at(1_000)).await.unwrap();
        });
        join_all(routed).await;
    }

    /// The one Lane that is due.
    pub async fn claimed(&self, now: i64) -> ClaimedLane {
        let mut lanes = self
            .claim_lanes(&Room::of(10), at(now), LEASE)
            .await
            .unwrap();
        assert_eq!(lanes.len(), 1);
        lanes.pop().unwrap()
    }

    /// A customer's Lane with one live Link, claimed.
    pub async fn linked(&self, customer: &str, ticket: &str, conversation: &str) -> ClaimedLane {
        self.told(customer, changed(ticket, 1)).await;
        let mut claimed = self.claimed(1_000).await;
        let link = link(&claimed.lane, Some(ticket), Some(conversation));
        let before = claimed.lane.clone();
        claimed.lane.links.push(link);
        claimed.lane.next_link += 1;
        self.keep(&claimed.claim, &before, &claimed.lane).await;
        claimed
    }

    pub async fn keep(&self, claim: &Claim, before: &Lane, after: &Lane) {
        let changes = Changes::between(before, after).unwrap();
        self.commit(claim, changes, at(2_000)).await.unwrap();
    }

    pub async fn give_back(&self, claimed: &ClaimedLane) {
        let nothing = Changes::between(&claimed.lane, &claimed.lane).unwrap();
        self.release(&claimed.claim, nothing, None, None, at(2_000))
            .await
            .unwrap();
    }
}
