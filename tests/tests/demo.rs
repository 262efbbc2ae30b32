//! The stories of `demo`, each played on a stage of its own run. Neighbour: the demo itself, whose
//! promise to end well this keeps.

use jelou_bridge::demo::{self, Stage, StageOptions};

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
