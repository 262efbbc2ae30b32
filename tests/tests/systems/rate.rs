//! How many calls a system gets in a second. Neighbours: `suite`, which plays without haste;
//! `request_tracker/proxy`, which counts.

use crate::{
    desk::System,
    stage::Stage,
    suite::{self, Linked},
};
use std::time::Duration;

/// Calls a second that the operator allows.
const MOST: usize = 2;

/// A call may be so long on its way to the door on a busy machine: those of so long may come together.
const LATE: Duration = Duration::from_secs(1);

/// Over so long, what one call is late by counts for little.
const LONG: Duration = Duration::from_secs(10);

/// Zammad tells a ticket without its tags and its customer: each ticket of a list is two calls more, and
/// each counts. Slow as it is, everything comes to its end.
#[tokio::test(flavor = "multi_thread")]
async fn no_second_brings_a_system_more_calls_than_its_rate() {
    let stage = Stage::start_at(System::FakeZammad, &format!("{MOST}/s")).await;
    let mut linked: Vec<Linked> = Vec::new();
    for user in ["5511987650301", "5511987650302", "5511987650303"] {
        linked.push(suite::linked(&stage, user).await);
    }
    stage.settle().await;
    stage.hooks.set_open(false).await;
    for Linked { ticket, .. } in &linked {
        stage.desk.sets_status(ticket, stage.desk.solved()).await;
    }
    stage.sweep().await;
    for Linked { conversation, .. } in &linked {
        suite::is_over(&stage, conversation).await;
    }
    stage.settle().await;

    let mut came: Vec<_> = stage.rest.passed().iter().map(|call| call.at).collect();
    came.sort();
    assert!(came.len() > 20, "{} calls", came.len());
    for window in [Duration::from_secs(1), LONG] {
        let within = |first: usize| {
            let till = came[first] + window;
            came[first..].iter().take_while(|at| **at < till).count()
        };
        let most = (0..came.len()).map(within).max().unwrap_or_default();
        let seconds = usize::try_from((window + LATE).as_secs()).expect("a few");
        assert!(
            most <= MOST * seconds,
            "{most} calls in {window:?}\n{}",
            stage.told().await
        );
    }
    stage.stop().await;
}
