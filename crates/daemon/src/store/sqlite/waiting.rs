//! Lists what does not move. Neighbours: `parked`, whose items wait for a person; `halt`, which
//! counts what it holds.

use super::{
    Store,
    row::{at, delivery_id, id, intent, json, maybe_id, side},
};
use crate::store::{
    error::StoreError,
    waiting::{HeldIntent, LaneStand, OpenIntent, Waiting, WaitingDelivery, WaitingLink},
};
use bridge_core::{effect::Operation, ids::BridgeName, time::Timestamp};
use sqlx::{Row, query, sqlite::SqliteRow};

/// What came or was planned before `?2`, and what the safety halt holds, come to ask or not. Bare of an index on its
/// age: an operator asks now and then, and what is open is not much unless a side is down.
const INTENTS: &str = "SELECT i.bridge, i.body, i.is_held AS held, l.ticket, l.conversation, lane.id AS lane_id, lane.held_by, lane.due_at AS lane_due_at, lane.owner, \
     (SELECT sentence FROM audit a WHERE a.lane_id = lane.id AND a.kind = 'read' ORDER BY a.id DESC LIMIT 1) AS failed_read \
     FROM (SELECT *, held = 1 OR (state = 'planned' AND let_go = 0 AND let_out_at IS NULL AND EXISTS (SELECT 1 FROM halt h \
     WHERE h.bridge = intent.bridge AND h.operation = intent.operation AND h.tripped_at IS NOT NULL)) AS is_held \
     FROM intent WHERE state IN ('planned', 'sent', 'unknown')) i \
     JOIN link l ON l.id = i.link_id JOIN lane ON lane.id = i.lane_id \
     WHERE (?1 IS NULL OR i.bridge = ?1) AND (i.is_held = 1 OR i.planned_at < ?2) \
     ORDER BY i.planned_at, i.id LIMIT ?3";

const LINKS: &str = "SELECT l.bridge, l.body, lane.id AS lane_id, lane.held_by, lane.due_at AS lane_due_at, lane.owner, \
     (SELECT sentence FROM audit a WHERE a.lane_id = lane.id AND a.kind = 'read' ORDER BY a.id DESC LIMIT 1) AS failed_read \
     FROM link l JOIN lane ON lane.id = l.lane_id \
     WHERE l.live = 1 AND l.state IN ('waiting_busy', 'conversation_wanted', 'ticket_wanted') AND (?1 IS NULL OR l.bridge = ?1) AND l.created_at < ?2 \
     AND NOT EXISTS (SELECT 1 FROM intent i WHERE i.link_id = l.id AND i.operation IN ('start', 'requester', 'create') \
     AND i.state IN ('planned', 'sent', 'unknown', 'parked')) ORDER BY l.created_at, l.id LIMIT ?3";

const DELIVERIES: &str = "SELECT d.id, d.bridge, d.side, d.received_at, d.attempts, d.due_at, d.detail, d.object, \
     lane.id AS lane_id, lane.held_by, lane.due_at AS lane_due_at, lane.owner, \
     (SELECT sentence FROM audit a WHERE a.lane_id = lane.id AND a.kind = 'read' ORDER BY a.id DESC LIMIT 1) AS failed_read \
     FROM delivery d LEFT JOIN lane ON lane.id = d.lane_id \
     WHERE d.state IN ('received', 'routed') AND (?1 IS NULL OR d.bridge = ?1) AND d.received_at < ?2 \
     ORDER BY d.received_at, d.id LIMIT ?3";

const HELD: &str = "SELECT i.body, 1 AS held, i.link_id, l.ticket, l.conversation FROM intent i JOIN link l ON l.id = i.link_id \
     WHERE i.state IN ('planned', 'sent', 'unknown') AND i.state = 'planned' AND i.bridge = ?1 AND i.operation = ?2 \
     AND (i.held = 1 OR (i.let_go = 0 AND i.let_out_at IS NULL AND EXISTS \
     (SELECT 1 FROM halt h WHERE h.bridge = ?1 AND h.operation = ?2 AND h.tripped_at IS NOT NULL))) \
     ORDER BY i.planned_at, i.id LIMIT ?3";

impl Store {
    /// What was planned, made or received before a moment and has not ended, without what is parked.
    ///
    /// # Errors
    /// What the database said.
    pub async fn waiting(
        &self,
        bridge: Option<&BridgeName>,
        before: Timestamp,
        limit: u32,
    ) -> Result<Waiting, StoreError> {
        let asked = |statement: &'static str| {
            query(statement)
                .bind(bridge.map(|b| b.as_str().to_owned()))
                .bind(before.0)
                .bind(limit)
                .fetch_all(&self.readers)
        };
        let (intents, links) = (asked(INTENTS).await?, asked(LINKS).await?);
        let deliveries = asked(DELIVERIES).await?;
        Ok(Waiting {
            intents: intents.iter().map(open).collect::<Result<_, _>>()?,
            links: links.iter().map(half).collect::<Result<_, _>>()?,
            deliveries: deliveries.iter().map(unsettled).collect::<Result<_, _>>()?,
        })
    }

    /// What the safety halt holds of one kind, the oldest first: while it is on, also what is planned and has not
    /// come to ask.
    ///
    /// # Errors
    /// What the database said.
    pub async fn held(
        &self,
        bridge: &BridgeName,
        operation: Operation,
        limit: u32,
    ) -> Result<Vec<HeldIntent>, StoreError> {
        let rows = query(HELD)
            .bind(bridge.as_str())
            .bind(operation.as_str())
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(HeldIntent {
                    intent: intent(row)?,
                    link: id(row, "link_id")?,
                    ticket: maybe_id(row, "ticket")?,
                    conversation: maybe_id(row, "conversation")?,
                })
            })
            .collect()
    }
}

fn open(row: &SqliteRow) -> Result<OpenIntent, StoreError> {
    Ok(OpenIntent {
        bridge: id(row, "bridge")?,
        intent: intent(row)?,
        ticket: maybe_id(row, "ticket")?,
        conversation: maybe_id(row, "conversation")?,
        stand: stand(row)?,
    })
}

fn half(row: &SqliteRow) -> Result<WaitingLink, StoreError> {
    Ok(WaitingLink {
        bridge: id(row, "bridge")?,
        link: json(row, "body")?,
        stand: stand(row)?,
    })
}

fn unsettled(row: &SqliteRow) -> Result<WaitingDelivery, StoreError> {
    let routed = row.try_get::<Option<String>, _>("lane_id")?.is_some();
    Ok(WaitingDelivery {
        delivery: delivery_id(row)?,
        bridge: id(row, "bridge")?,
        side: side(row)?,
        received_at: at(row, "received_at")?,
        attempts: u32::try_from(row.try_get::<i64, _>("attempts")?).unwrap_or(u32::MAX),
        due_at: at(row, "due_at")?,
        missing: row.try_get("detail")?,
        object: row.try_get("object")?,
        stand: if routed { Some(stand(row)?) } else { None },
    })
}

fn stand(row: &SqliteRow) -> Result<LaneStand, StoreError> {
    Ok(LaneStand {
        lane: id(row, "lane_id")?,
        held_by: row.try_get("held_by")?,
        due_at: row.try_get::<Option<i64>, _>("lane_due_at")?.map(Timestamp),
        claimed: row.try_get::<Option<String>, _>("owner")?.is_some(),
        failed_read: row.try_get("failed_read")?,
    })
}

#[cfg(test)]
mod tests {
    use crate::store::{
        Admission, Admitted, Changes, ClaimedLane, Joined, ParkedFilter, ParkedMark, RouteEnd,
        tests::{
            on_sqlite::{Fresh as Disk, fresh as disk},
            *,
        },
    };
    use bridge_core::{
        effect::Operation,
        halt::Limits,
        ids::DeliveryId,
        intent::{IntentState, Parked},
    };
    use std::time::Duration;

    async fn unreadable(disk: &Disk, body: &str) -> DeliveryId {
        let id = disk.received(body).await.id;
        let parked = RouteEnd::Parked {
            reason: "unreadable".to_owned(),
            detail: "the body is not JSON".to_owned(),
            remedy: "look at what was sent".to_owned(),
            object: None,
        };
        disk.routed(id, parked, at(1_000)).await.unwrap();
        id
    }

    #[tokio::test]
    async fn a_round_meets_each_item_once_also_if_it_is_parked_again_behind() {
        let disk = disk().await;
        let mut ids = Vec::new();
        for number in 0..5 {
            ids.push(unreadable(&disk, &format!("not json {number}")).await);
        }
        let expected: Vec<String> = ids.iter().map(|id| format!("delivery-{id}")).collect();
        assert_eq!(round(&disk).await, expected);
    }

    /// What a round meets, in pages of two.
    async fn round(disk: &Disk) -> Vec<String> {
        let two = ParkedFilter {
            limit: 2,
            ..ParkedFilter::default()
        };
        let (mut met, mut after) = (Vec::new(), None);
        loop {
            let page = disk.next_parked(&two, after.as_ref()).await.unwrap();
            let Some(last) = page.last() else { return met };
            after = Some(ParkedMark::of(last));
            met.extend(page.into_iter().map(|item| item.id));
            assert!(met.len() <= 10, "{met:?}");
        }
    }

    /// A customer's Lane on which Intents of these numbers are parked, claimed.
    async fn parked(disk: &Disk, customer: &str, ticket: &str, numbers: &[u32]) -> ClaimedLane {
        let mut claimed = disk.linked(customer, ticket, &format!("c{ticket}")).await;
        let before = claimed.lane.clone();
        for number in numbers {
            let mut intent = close(&claimed.lane, *number, &number.to_string());
            intent.state = IntentState::Parked;
            intent.parked = Some(Parked {
                reason: "refused".to_owned(),
                detail: "no".to_owned(),
                remedy: "look".to_owned(),
                at: at(1_900),
            });
            claimed.lane.intents.push(intent);
        }
        disk.keep(&claimed.claim, &before, &claimed.lane).await;
        claimed
    }

    #[tokio::test]
    async fn a_round_meets_what_is_parked_of_a_lane_in_the_order_in_which_it_was_planned() {
        let disk = disk().await;
        let first = parked(&disk, "maria", "7", &[100, 9, 11, 10]).await;
        let second = parked(&disk, "joao", "8", &[10, 9]).await;
        let mut in_order = [
            (first.lane.id, vec![9, 10, 11, 100]),
            (second.lane.id, vec![9, 10]),
        ];
        in_order.sort();
        let mut expected = Vec::new();
        for (lane, numbers) in in_order {
            let ids = numbers.iter().map(|number| format!("{lane}.{number}"));
            expected.extend(ids);
        }
        assert_eq!(round(&disk).await, expected);
    }

    #[tokio::test]
    async fn a_round_meets_what_a_join_brought_to_a_lane_before_what_was_planned_there_since() {
        let disk = disk().await;
        let known = parked(&disk, "maria", "7", &[9]).await;
        disk.give_back(&known).await;
        let other = parked(&disk, "maria by another spelling", "8", &[11]).await;
        let joined = disk.join(&other.claim, &user("maria"), at(2_000)).await;
        assert_eq!(joined, Ok(Joined::Into(known.lane.id.clone())));
        let expected = [
            format!("{}.11", other.lane.id),
            format!("{}.9", known.lane.id),
        ];
        assert_eq!(round(&disk).await, expected);
    }

    #[tokio::test]
    async fn what_is_held_is_listed_with_its_ticket_and_what_is_old_waits() {
        let disk = disk().await;
        let mut claimed = disk.linked("maria", "7", "c7").await;
        let before = claimed.lane.clone();
        let mut held = close(&claimed.lane, 1, "1");
        held.held = true;
        let mut unknown = close(&claimed.lane, 2, "2");
        unknown.state = IntentState::Unknown;
        claimed.lane.intents.extend([held.clone(), unknown.clone()]);
        disk.keep(&claimed.claim, &before, &claimed.lane).await;

        let of_close = disk.held(&bridge(), Operation::Close, 10).await.unwrap();
        assert_eq!(of_close.len(), 1);
        assert_eq!(
            (&of_close[0].intent.id, &of_close[0].ticket),
            (&held.id, &Some(ticket("7")))
        );
        assert!(
            disk.held(&bridge(), Operation::Start, 10)
                .await
                .unwrap()
                .is_empty()
        );

        let early = disk.waiting(None, at(1_000), 10).await.unwrap();
        let early: Vec<_> = early.intents.iter().map(|open| &open.intent.id).collect();
        assert_eq!(early, [&held.id], "what is held is told at once");
        let late = disk.waiting(Some(&bridge()), at(9_000), 10).await.unwrap();
        let late: Vec<_> = late.intents.iter().map(|open| &open.intent.id).collect();
        assert_eq!(late, [&held.id, &unknown.id]);
    }

    #[tokio::test]
    async fn what_is_planned_while_the_halt_is_on_is_listed_as_held_before_it_comes_to_ask() {
        let disk = disk().await;
        let claimed = disk.linked("maria", "7", "c7").await;
        let mut asked = close(&claimed.lane, 1, "1");
        asked.held = true;
        let waits = close(&claimed.lane, 2, "2");
        let mut after = claimed.lane.clone();
        after.intents.extend([asked.clone(), waits.clone()]);
        let changes = Changes::between(&claimed.lane, &after).unwrap();
        let admission = Admission {
            intent: asked.id.clone(),
            operation: Operation::Close,
            limits: Limits {
                max_share: 0.0,
                min_count: 0,
                window: Duration::from_secs(600),
            },
        };
        let admitted = disk
            .commit_sent(
                &claimed.claim,
                changes.clone(),
                changes,
                admission,
                at(2_000),
            )
            .await;
        assert_eq!(admitted.unwrap(), Admitted::Held { newly: true });

        let both = [(&asked.id, true), (&waits.id, true)];
        let held = disk.held(&bridge(), Operation::Close, 10).await.unwrap();
        let held: Vec<_> = held.iter().map(|h| (&h.intent.id, h.intent.held)).collect();
        assert_eq!(held, both);
        let stuck = disk.waiting(None, at(1_000), 10).await.unwrap();
        let stuck = stuck.intents.iter();
        let stuck: Vec<_> = stuck.map(|i| (&i.intent.id, i.intent.held)).collect();
        assert_eq!(stuck, both, "told at once");
    }
}
