//! The daemon between a real Request Tracker 5 and a sandbox Jelou: what only Request Tracker does, in its
//! REST, its webhooks, its ways of saying no. Neighbours: `systems`, the stories that every system plays, it
//! too; `tests/request-tracker`, which installs and starts it; `deploy/request-tracker`, whose scrip sends
//! the webhooks.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod agent;
mod audit;
mod instance;
#[allow(dead_code, reason = "shared with the stories of every system")]
mod proxy;
mod stage;
mod stories;
mod talk;
mod weather;

use stage::Stage;
use std::{collections::BTreeMap, future::Future, pin::Pin, time::Duration};
use tokio::time::Instant;

type Playing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
type Story = (&'static str, for<'a> fn(&'a Stage) -> Playing<'a>);

macro_rules! story {
    ($room:ident::$name:ident) => {
        (stringify!($name), |stage| Box::pin($room::$name(stage)))
    };
}

/// On one Request Tracker, because a start takes seconds and half a gigabyte.
const STORIES: [Story; 11] = [
    story!(stories::a_ticket_gets_its_conversation),
    story!(stories::an_agents_first_reply_changes_nothing_at_jelou),
    story!(stories::a_customer_who_writes_first_gets_one_ticket_and_keeps_it),
    story!(stories::a_merged_tickets_conversation_follows),
    story!(talk::a_customers_picture_arrives_as_an_attachment),
    story!(talk::an_agents_file_stays_behind_and_the_ticket_says_so),
    story!(talk::a_reply_that_no_webhook_told_is_found_in_the_history),
    story!(weather::what_refused_webhooks_did_not_tell_the_sweep_finds),
    story!(weather::a_write_whose_answer_is_cut_is_done_once),
    story!(weather::what_request_tracker_leaves_out_of_a_webhook_is_not_lost),
    story!(weather::a_no_in_a_200_is_told_and_not_believed),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_bridge_keeps_a_real_request_tracker_and_jelou_in_step() {
    if !instance::is_installed() {
        assert!(
            !is_continuous_run(),
            "Request Tracker is not installed; tests/request-tracker/install.sh does it"
        );
        eprintln!(
            "LEFT OUT: Request Tracker is not installed; tests/request-tracker/install.sh does it"
        );
        return;
    }
    let stage = Stage::start().await;
    eprintln!("{:>7.1?}  Request Tracker made and started", stage.rt_took);
    let begun = Instant::now();
    for (name, story) in STORIES {
        let begun = Instant::now();
        story(&stage).await;
        eprintln!("{:>7.1?}  {}", begun.elapsed(), name.replace('_', " "));
    }
    audit::all_is_well(&stage).await;
    eprintln!("{:>7.1?}  all stories and the audit", begun.elapsed());
    tell_figures(&stage);
    stage.stop().await;
}

fn tell_figures(stage: &Stage) {
    let doors = [("REST calls", &stage.rest), ("webhooks", &stage.hooks)];
    for (what, door) in doors {
        let passed = door.passed();
        let mut took: Vec<Duration> = passed.iter().map(|passed| passed.took).collect();
        took.sort();
        let (Some(middle), Some(longest)) = (took.get(took.len() / 2), took.last()) else {
            continue;
        };
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for passed in &passed {
            *kinds.entry(passed.kind()).or_default() += 1;
        }
        eprintln!(
            "{} {what}, half within {middle:.2?}, all within {longest:.2?}: {kinds:?}",
            took.len()
        );
    }
}

/// What is missing on a person's machine is left out; in the continuous run it is a failure.
#[expect(
    clippy::disallowed_methods,
    reason = "a test asks where it runs; the daemon does not"
)]
fn is_continuous_run() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
