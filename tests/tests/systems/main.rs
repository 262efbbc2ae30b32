//! The daemon between a sandbox Jelou and real ticketing systems: one suite of stories for all of them,
//! and a table of what each can do. Neighbours: `suite`, the stories; `desk`, what differs between the
//! systems; `tests/request_tracker` and `tests/zendesk`, the
//! stories that only one of them has.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code, reason = "shared with the stories of Request Tracker alone")]
#[path = "../request_tracker/agent.rs"]
mod agent;
mod audit;
mod desk;
mod follows;
mod gathered;
#[allow(dead_code, reason = "shared with the stories of Request Tracker alone")]
#[path = "../request_tracker/instance.rs"]
mod instance;
mod live;
mod only_creates;
#[allow(dead_code, reason = "shared with the stories of Request Tracker alone")]
#[path = "../request_tracker/proxy.rs"]
mod proxy;
mod rate;
mod stage;
mod suite;
mod table;
#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the stories of Zendesk alone"
)]
#[path = "../zendesk/desk/mod.rs"]
mod zendesk;

use desk::System;
use stage::Stage;
use suite::STORIES;
use table::Outcome;
use tokio::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn a_real_request_tracker_and_jelou_are_kept_in_step() {
    plays_all(System::RequestTracker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_django_helpdesk_and_jelou_are_kept_in_step() {
    plays_all(System::DjangoHelpdesk).await;
}

/// In the run of every test: what it needs is here.
#[tokio::test(flavor = "multi_thread")]
async fn a_documented_zendesk_plays_the_same_stories() {
    plays_all(System::FakeZendesk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_documented_jira_service_management_plays_the_same_stories() {
    plays_all(System::FakeJira).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_documented_glpi_plays_the_same_stories() {
    plays_all(System::FakeGlpi).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_documented_servicenow_plays_the_same_stories() {
    plays_all(System::FakeServiceNow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_documented_hubspot_plays_the_same_stories() {
    plays_all(System::FakeHubSpot).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_osticket_plays_what_it_can() {
    plays_all(System::FakeOsTicket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_documented_freshdesk_plays_the_same_stories() {
    plays_all(System::FakeFreshdesk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_documented_zammad_plays_the_same_stories() {
    plays_all(System::FakeZammad).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_documented_redmine_plays_the_same_stories_by_the_sweep_alone() {
    plays_all(System::FakeRedmine).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redmine_with_webhooks_plays_the_same_stories() {
    plays_all(System::FakeRedmineWebhooks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_the_tutorial_has_a_profile_that_plays_the_same_stories() {
    plays_all(System::Frontdesk).await;
}

async fn plays_all(system: System) {
    let title = system.title();
    if let Err(remedy) = system.is_installed() {
        assert!(!is_continuous_run(), "{title} is not installed; {remedy}");
        eprintln!("LEFT OUT: {title} is not installed; {remedy}");
        return;
    }
    let stage = Stage::start(system).await;
    eprintln!("{:>7.1?}  {title} made and started", stage.desk_took);
    let begun = Instant::now();
    let mut ended = Vec::new();
    for story in STORIES {
        let begun = Instant::now();
        let outcome = match story.lacked_by(&stage.desk.profile) {
            Some(reason) => Outcome::Cannot(reason),
            None => {
                (story.play)(&stage).await;
                Outcome::Plays
            }
        };
        let name = story.title;
        eprintln!("{:>7.1?}  {name}: {outcome}", begun.elapsed());
        ended.push(outcome);
    }
    audit::all_is_well(&stage).await;
    let strange = stage.desk.asked_in_vain();
    assert!(
        strange.is_empty(),
        "no such call is documented: {strange:?}"
    );
    eprintln!("{:>7.1?}  all stories and the audit", begun.elapsed());
    stage.stop().await;
    table::holds(system, &ended);
}

/// What is missing on a person's machine is left out; in the continuous run it is a failure.
#[expect(
    clippy::disallowed_methods,
    reason = "a test asks where it runs; the daemon does not"
)]
fn is_continuous_run() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}
