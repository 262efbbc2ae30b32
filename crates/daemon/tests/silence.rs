//! While the store cannot say whether Jelou's webhooks are silent, no start is sent again on a guess.
//! Neighbour: core's stories of starts, which know what silence means for one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an answer of another form fails its test"
)]

use bridge_sandbox::Operation;
use jelou_bridge::{
    clock,
    demo::{Stage, StageOptions},
    store::{ParkedFilter, ParkedItem},
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{path::Path, time::Duration};

/// How long a story may take to settle, on a busy machine.
const WITHIN: Duration = Duration::from_secs(30);

/// Longer than the demo's `event_confirm`: a start of which nothing was heard is looked at again by then.
const LOOKED_AT: Duration = Duration::from_secs(7);

/// Makes what is kept of confirmed starts unreadable, as a damaged page would.
const SPOIL: &str =
    "UPDATE intent SET body = '!' || body WHERE operation = 'start' AND state = 'confirmed'";

/// Takes that back.
const MEND: &str = "UPDATE intent SET body = substr(body, 2) WHERE body GLOB '!*'";

/// Changes rows behind the daemon's back; how many.
async fn by_hand(folder: &Path, statement: &'static str) -> u64 {
    let database = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "db"))
        .expect("the stage's database");
    let options = SqliteConnectOptions::new().filename(database);
    let mut db = SqliteConnection::connect_with(&options).await.unwrap();
    let changed = sqlx::query(statement).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
    changed.rows_affected()
}

/// What waits for a person because nobody knows what became of it.
async fn unknown_within(stage: &Stage, within: Duration) -> Vec<ParkedItem> {
    let unknown = ParkedFilter {
        reason: Some("unknown_outcome".to_owned()),
        limit: 10,
        ..ParkedFilter::default()
    };
    let store = &stage.daemon().unwrap().jobs.store;
    let give_up = clock::now().plus(within);
    loop {
        let parked = store.parked(&unknown).await.unwrap();
        if !parked.is_empty() || clock::now() > give_up {
            return parked;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn no_start_is_sent_again_while_the_store_cannot_say_whether_webhooks_are_silent() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::start(StageOptions::in_folder(folder.path()))
        .await
        .unwrap();
    let jelou = &stage.jelou.handle;
    jelou.webhooks().set_off(true);
    let confirmed = stage.ticket_for("+5511987654321", "Ana", "Pedido");
    stage.settle(WITHIN).await.unwrap();
    assert!(stage.conversation_of(&confirmed).is_some());

    assert_eq!(by_hand(folder.path(), SPOIL).await, 1);
    jelou.manners().cut_before(Operation::Start, 1);
    let cut_off = stage.ticket_for("+5511987654322", "Bia", "Pedido");
    let starts = || {
        let calls = jelou.calls();
        calls
            .iter()
            .filter(|call| call.operation == Operation::Start)
            .count()
    };
    let sent = stage.wait("it was sent", WITHIN, |_, _| starts() == 2);
    sent.await.unwrap();
    tokio::time::sleep(LOOKED_AT).await;
    assert_eq!(starts(), 2, "the missing event proves nothing yet");

    // The store says it again: they are silent, and a person is asked (rule 5).
    assert_eq!(by_hand(folder.path(), MEND).await, 1);
    let parked = unknown_within(&stage, WITHIN).await;
    assert_eq!(parked.len(), 1, "{parked:?}");
    let ticket = parked[0].ticket.as_ref().map(|id| id.as_str());
    assert_eq!(ticket, Some(cut_off.as_str()));
    assert_eq!(starts(), 2);
}
