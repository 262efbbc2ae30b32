//! What the queue costs: as much as is due, and not as much as there is. Neighbours: `claim`, `wake`, `route` and
//! `counts`, whose statements these are.

use super::{
    super::counts::{INTENTS, UNSETTLED, WAITING},
    *,
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A look at the count each so many steps of SQLite's machine.
const STEPS: i32 = 10;

/// Customers for whom nothing is to be done, and webhooks that were put off.
const CUSTOMERS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?1) \
     INSERT INTO lane (id, bridge, bot, user, state) SELECT 'idle' || i, 'main', 'bot-1', 'idle' || i, '{}' FROM n";
const PUT_OFF: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?1) \
     INSERT INTO delivery (bridge, side, source, body_hash, received_at, headers, body, due_at) \
     SELECT 'main', 'jelou', 'webhook', 'h' || i, 1000, '{}', x'7b7d', 9000000000 FROM n";

/// A store in which one lane and one webhook are due, and so many more rest.
async fn with(resting: i64) -> Disk {
    let disk = disk().await;
    for statement in [CUSTOMERS, PUT_OFF] {
        disk.engine
            .write(
                Turn::Quiet,
                (statement, resting),
                |db, (statement, resting)| {
                    Box::pin(async move {
                        query(*statement).bind(*resting).execute(db).await?;
                        Ok(())
                    })
                },
            )
            .await
            .unwrap();
    }
    disk.told("maria", changed("7", 1)).await;
    disk.record(webhook("due", Some("1"))).await.unwrap();
    disk
}

/// How many steps of SQLite's machine a claim of lanes and one of deliveries took together.
async fn steps_of_a_claim(resting: i64) -> u64 {
    let disk = with(resting).await;
    let steps = Arc::new(AtomicU64::new(0));
    disk.engine
        .write(Turn::Quiet, Arc::clone(&steps), |db, steps| {
            let steps = Arc::clone(steps);
            Box::pin(async move {
                let mut handle = db.lock_handle().await?;
                handle.set_progress_handler(STEPS, move || {
                    steps.fetch_add(STEPS.unsigned_abs().into(), Ordering::Relaxed);
                    true
                });
                Ok(())
            })
        })
        .await
        .unwrap();
    let lanes = disk.claim_lanes(&Room::of(64), at(5_000), LEASE).await;
    assert_eq!(lanes.unwrap().len(), 1);
    let routes = disk.claim_routes(&Room::of(32), at(5_000)).await;
    assert_eq!(routes.unwrap().len(), 1);
    steps.load(Ordering::Relaxed)
}

// Found by `campaign outage`: of a hundred thousand customers each claim read every one, twice, and the Router went
// through all that waited, so that thirty webhooks a second were routed.
#[tokio::test]
async fn what_a_claim_costs_goes_by_what_is_due_and_not_by_what_there_is() {
    let (few, many) = (steps_of_a_claim(50).await, steps_of_a_claim(5_000).await);
    assert!(many < few * 2, "{few} steps among 50, {many} among 5,000");
}

// Found by `campaign outage`: with half a million webhooks queued the page was without all that the store knows, since
// each row of what waits was read for it.
#[tokio::test]
async fn what_waits_is_counted_for_the_metrics_along_an_index_and_no_row_is_read() {
    let disk = disk().await;
    for counted in [INTENTS, UNSETTLED, WAITING] {
        let plan = query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {counted}")));
        let steps = plan.fetch_all(&disk.readers).await.unwrap();
        let steps = steps.iter().map(|step| step.get::<String, _>("detail"));
        let steps: Vec<_> = steps.collect();
        let [one] = &*steps else {
            panic!("{counted}: {steps:?}")
        };
        assert!(one.contains("USING COVERING INDEX"), "{counted}: {one}");
    }
}
