//! The stories of `demo`, each played on a stage of its own run, and what its page is told. Neighbours: the
//! demo itself, whose promise to end well this keeps; `chat`, where the page is looked at.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

use bridge_tests::{
    figures,
    play::{PATIENCE, Play, rules},
};
use jelou_bridge::demo::{self, ADMIN_TOKEN, Stage, StageOptions};
use serde_json::Value;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn every_story_of_the_demo_ends_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut stage = Stage::start(StageOptions::in_folder(folder.path()))
        .await
        .expect("a stage");
    let mut bad = Vec::new();
    let well = demo::play(&stage, |played| {
        if let Err(reason) = &played.ending {
            bad.push(format!("{}: {reason}", played.title));
        }
    })
    .await
    .expect("timelines");
    stage.stop_daemon().await;
    assert!(well, "{bad:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_plays_along_with_ten_tickets_is_not_stopped_by_the_halt() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut stage = Stage::start(StageOptions::in_folder(folder.path()))
        .await
        .expect("a stage");
    let make = |n| stage.ticket_for(&format!("(11) 98765-02{n:02}"), "Ana", "Pedido");
    let tickets: Vec<String> = (0..10).map(make).collect();
    let settled = stage.settle(Duration::from_secs(20)).await;
    let held = stage.held().await.expect("the halts");
    let waiting = tickets
        .iter()
        .filter(|ticket| stage.conversation_of(ticket).is_none());
    assert_eq!((settled, held, waiting.count()), (Ok(()), 0, 0));
    stage.stop_daemon().await;
}

/// What the halt holds of a ticket, in a list of what does not move.
fn held(told: &Value, ticket: &str) -> Option<[Value; 2]> {
    let mut stuck = told["stuck"].as_array().into_iter().flatten();
    let one = stuck.find(|one| one["ticket"] == ticket && one["why"] == "held")?;
    Some([one["what"].clone(), one["waits_for"].clone()])
}

/// Waits until the agent's page is told that the halt holds something of a ticket: what, and on what it waits.
async fn told_at_the_desk(play: &Play, ticket: &str) -> [Value; 2] {
    let url = format!("{}/sandbox/waiting", play.stage.helpdesk.url());
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.expect("a client");
    let looking = async {
        loop {
            let answer = client.get(&url).send().await.expect("the desk answers");
            let text = answer.text().await.expect("its words");
            let told: Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(held) = held(&told, ticket) {
                return held;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let told = tokio::time::timeout(PATIENCE, looking).await;
    told.expect("the desk is told why")
}

/// The same, as the bridge tells it to an operator.
async fn told_to_an_operator(play: &Play, ticket: &str) -> [Value; 2] {
    let told = figures::api(&play.admin(), ADMIN_TOKEN, "/stuck").await;
    held(&told.expect("the list"), ticket).expect("it is held")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_is_told_why_a_start_or_a_close_is_held_in_the_words_of_stuck() {
    let play = Play::with(|options| {
        options.rules = rules(&options.rules, "min_count = 1000", "min_count = 1");
    })
    .await;
    let (first, conversation) = play.pair(1).await;
    let second = play.ticket(2);
    let start = told_at_the_desk(&play, &second).await;
    assert_eq!(start, told_to_an_operator(&play, &second).await);

    play.stage.release_halt().await.expect("let go");
    let _ = play.linked(&second).await;
    play.sets(&first, "solved");
    play.closed(&conversation).await;
    play.sets(&second, "solved");
    let close = told_at_the_desk(&play, &second).await;
    assert_eq!(close, told_to_an_operator(&play, &second).await);
    assert_ne!(start[0], close[0]);
    assert_eq!(start[1], close[1], "the halt");
}
