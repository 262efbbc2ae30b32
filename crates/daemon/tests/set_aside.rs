//! A customer whose memory was damaged is set aside, and everybody else is served.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an answer of another form fails its test"
)]

use jelou_bridge::{
    api::decide::{Decision, ParkedChosen, decide},
    demo::{Stage, StageOptions},
    store::ParkedFilter,
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{path::Path, time::Duration};

/// How long a story may take to settle, on a busy machine.
const WITHIN: Duration = Duration::from_secs(30);

/// Sets the number of the customer's next Intent, as a restored row or a stray hand would.
async fn next_intent(folder: &Path, user: &str, number: i64) -> i64 {
    let database = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "db"))
        .expect("the stage's database");
    let options = SqliteConnectOptions::new().filename(database);
    let mut db = SqliteConnection::connect_with(&options).await.unwrap();
    let before: i64 =
        sqlx::query_scalar("SELECT json_extract(state, '$.next_intent') FROM lane WHERE user = ?")
            .bind(user)
            .fetch_one(&mut db)
            .await
            .unwrap();
    sqlx::query("UPDATE lane SET state = json_set(state, '$.next_intent', ?) WHERE user = ?")
        .bind(number)
        .bind(user)
        .execute(&mut db)
        .await
        .unwrap();
    db.close().await.unwrap();
    before
}

async fn figure(stage: &Stage, wanted: &str) -> f64 {
    let url = format!("http://{}/metrics", stage.daemon().unwrap().admin);
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let lines = text.lines().filter(|line| line.starts_with(wanted));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

#[tokio::test]
async fn a_customer_whose_memory_was_damaged_is_set_aside_and_the_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::start(StageOptions::in_folder(folder.path()))
        .await
        .unwrap();
    let damaged = stage.ticket_for("+5511987654321", "Ana", "Pedido");
    let whole = stage.ticket_for("+5511987654322", "Bia", "Pedido");
    stage.settle(WITHIN).await.unwrap();
    let talk = |stage: &Stage, ticket: &str| {
        let id = stage.conversation_of(ticket).expect("it is linked");
        stage.jelou.handle.conversation(&id).unwrap()
    };
    assert!(talk(&stage, &damaged).active);

    stage.stop_daemon().await;
    let right = next_intent(folder.path(), "5511987654321", 1).await;
    stage.start_daemon().await.unwrap();
    for ticket in [&damaged, &whole] {
        let desk = &stage.helpdesk.handle;
        desk.agent_sets_status(ticket, "solved").unwrap();
    }
    wait(|| !talk(&stage, &whole).active).await;
    let mut set_aside = 0.0;
    for _ in 0..100 {
        set_aside = figure(&stage, "jelou_bridge_lanes_set_aside_total").await;
        if set_aside > 0.5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(set_aside > 0.5, "it is counted");
    assert!(
        talk(&stage, &damaged).active,
        "nothing was done in the dark"
    );

    let store = &stage.daemon().unwrap().jobs.store;
    let filter = ParkedFilter {
        reason: Some("broken_invariant".to_owned()),
        limit: 10,
        ..ParkedFilter::default()
    };
    let parked = store.parked(&filter).await.unwrap();
    assert_eq!(parked.len(), 1, "a person is told: {parked:?}");
    assert!(parked[0].at.0 > 0 && parked[0].id.starts_with("lane-"));

    // The row is mended and the Lane tried again: nothing was lost.
    stage.stop_daemon().await;
    next_intent(folder.path(), "5511987654321", right).await;
    stage.start_daemon().await.unwrap();
    let chosen = ParkedChosen {
        id: Some(parked[0].id.clone()),
        ..ParkedChosen::default()
    };
    let jobs = &stage.daemon().unwrap().jobs;
    let done = decide(jobs, Decision::Retry, chosen).await.unwrap();
    assert_eq!((done.done, done.failed), (1, 0));
    wait(|| !talk(&stage, &damaged).active).await;
    let jobs = &stage.daemon().unwrap().jobs;
    assert!(jobs.store.parked(&filter).await.unwrap().is_empty());
}

async fn wait(mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain");
}
