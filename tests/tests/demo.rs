//! The stories of `demo`, each played on a stage of its own run. Neighbour: the demo itself, whose
//! promise to end well this keeps.

use jelou_bridge::demo::{self, Stage, StageOptions};
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
