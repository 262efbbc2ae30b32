//! A customer whose memory was damaged, or whose work panics, is set aside, and everybody else is served.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an answer of another form fails its test"
)]

use bridge_core::{ids::TicketId, time::Timestamp};
use bridge_transport::Transport;
use jelou_bridge::{
    api::{
        ApiError,
        decide::{Decision, ParkedChosen, decide},
        link::{Linked, UnlinkWanted, unlink},
    },
    app, clock,
    config::{self, Variables},
    demo::{RULES, Stage, StageOptions},
    jobs::{self, Jobs},
    runtime::Runtime,
    store::{LinkFilter, ParkedFilter, ParkedItem},
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// How long a story may take to settle, on a busy machine.
const WITHIN: Duration = Duration::from_secs(30);

/// The stage's database, while its daemon is stopped.
async fn database(folder: &Path) -> SqliteConnection {
    let database = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "db"))
        .expect("the stage's database");
    let options = SqliteConnectOptions::new().filename(database);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// Sets the number of the customer's next Intent, as a restored row or a stray hand would.
async fn next_intent(folder: &Path, user: &str, number: i64) -> i64 {
    let mut db = database(folder).await;
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

/// How far the write of the tickets' field is said to have come. That it is parked and does not say
/// why breaks a law with whatever is committed next.
async fn link_field_is(folder: &Path, state: &str) {
    let mut db = database(folder).await;
    let set = sqlx::query(
        "UPDATE intent SET body = json_set(body, '$.state', ?) WHERE operation = 'link_field'",
    )
    .bind(state)
    .execute(&mut db)
    .await
    .unwrap();
    assert!(set.rows_affected() > 0);
    db.close().await.unwrap();
}

async fn unlinked(stage: &Stage, ticket: &str) -> Result<Linked, ApiError> {
    let wanted = UnlinkWanted {
        id: ticket.to_owned(),
        bridge: None,
    };
    unlink(&stage.daemon().unwrap().jobs, wanted).await
}

async fn has_live_link(stage: &Stage, ticket: &str) -> bool {
    let filter = LinkFilter {
        ticket: Some(TicketId::parse(ticket).unwrap()),
        live_only: true,
        limit: 10,
        ..LinkFilter::default()
    };
    let store = &stage.daemon().unwrap().jobs.store;
    store.links(&filter).await.unwrap().len() == 1
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

#[tokio::test]
async fn an_unlink_that_nobody_took_is_not_told_as_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::start(StageOptions::in_folder(folder.path()))
        .await
        .unwrap();
    let ticket = stage.ticket_for("+5511987654321", "Ana", "Pedido");
    stage.settle(WITHIN).await.unwrap();
    stage.stop_daemon().await;
    link_field_is(folder.path(), "parked").await;
    stage.start_daemon().await.unwrap();

    let refused = unlinked(&stage, &ticket).await.unwrap_err();
    assert_eq!(refused.status.as_u16(), 409, "{refused:?}");
    let told = &refused.trouble;
    assert!(told.error.contains("nothing was changed"), "{told:?}");
    assert!(told.remedy.contains("`parked`"), "{told:?}");
    assert!(has_live_link(&stage, &ticket).await);

    stage.stop_daemon().await;
    link_field_is(folder.path(), "confirmed").await;
    stage.start_daemon().await.unwrap();
    unlinked(&stage, &ticket).await.unwrap();
    assert!(!has_live_link(&stage, &ticket).await);
}

#[tokio::test]
async fn an_order_to_a_customer_who_cannot_be_read_ends_at_once_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::start(StageOptions::in_folder(folder.path()))
        .await
        .unwrap();
    let ticket = stage.ticket_for("+5511987654321", "Ana", "Pedido");
    stage.settle(WITHIN).await.unwrap();
    stage.stop_daemon().await;
    let mut db = database(folder.path()).await;
    sqlx::query("UPDATE lane SET state = '{'")
        .execute(&mut db)
        .await
        .unwrap();
    db.close().await.unwrap();
    stage.start_daemon().await.unwrap();

    let begun = clock::now();
    let refused = unlinked(&stage, &ticket).await.unwrap_err();
    assert!(clock::now().since(begun) < Duration::from_secs(5));
    assert_eq!(refused.status.as_u16(), 409, "{refused:?}");
    let remedy = &refused.trouble.remedy;
    assert!(remedy.contains("restore the row"), "{remedy}");
    assert!(has_live_link(&stage, &ticket).await);
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

/// Whether the clock that stamps answers panics when it is next asked.
static CLOCK_BREAKS: AtomicBool = AtomicBool::new(false);

/// What a mistake in a client would be: the call was made, and its answer is not taken in.
fn clock_that_breaks_once() -> Timestamp {
    assert!(
        !CLOCK_BREAKS.swap(false, Ordering::Relaxed),
        "made up: the first answer cannot be stamped"
    );
    clock::now()
}

/// What jobs work with on the stage's database, while its daemon is stopped; their clients have that clock.
async fn jobs_that_panic_once(stage: &Stage, folder: &Path) -> Jobs {
    let path = folder.join("demo.toml");
    let config = config::parse(stage.config(), &path, &Variables::default()).unwrap();
    let mut jobs = app::offline(config).await.unwrap();
    let config = Arc::clone(&jobs.runtime.borrow().config);
    let transport = Transport::new(clock_that_breaks_once).unwrap();
    let runtime = Runtime::build(config, &transport, &jobs.gate).unwrap();
    // Nothing is reloaded here, so nobody needs the sender.
    jobs.runtime = watch::channel(Arc::new(runtime)).1;
    CLOCK_BREAKS.store(true, Ordering::Relaxed);
    jobs
}

async fn set_aside_within(jobs: &Jobs, within: Duration) -> Vec<ParkedItem> {
    let filter = ParkedFilter {
        reason: Some("broken_invariant".to_owned()),
        limit: 10,
        ..ParkedFilter::default()
    };
    let give_up = clock::now().plus(within);
    loop {
        let parked = jobs.store.parked(&filter).await.unwrap();
        if !parked.is_empty() || clock::now() > give_up {
            return parked;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An agent solves these tickets, and their lanes hear of it and are not claimed before the daemon stops.
async fn solve_unseen(stage: &mut Stage, tickets: [&str; 2]) {
    let jobs = stage.daemon().unwrap().jobs.clone();
    jobs.pausing.store(true, Ordering::Relaxed);
    for ticket in tickets {
        let desk = &stage.helpdesk.handle;
        desk.agent_sets_status(ticket, "solved").unwrap();
    }
    for _ in 0..600 {
        let counts = jobs.store.counts(clock::now()).await.unwrap();
        if counts.routed.values().sum::<u64>() >= 2 {
            stage.stop_daemon().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the webhooks did not come");
}

#[tokio::test]
async fn a_panic_outside_the_rules_sets_one_customer_aside_and_the_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    // A round of the sweep would take the panic.
    let rules = RULES.replace(r#"every = "2s""#, r#"every = "1h""#);
    let options = StageOptions {
        rules,
        ..StageOptions::in_folder(folder.path())
    };
    let mut stage = Stage::start(options).await.unwrap();
    let tickets = [
        stage.ticket_for("+5511987654321", "Ana", "Pedido"),
        stage.ticket_for("+5511987654322", "Bia", "Pedido"),
    ];
    stage.settle(WITHIN).await.unwrap();
    let talks = tickets
        .each_ref()
        .map(|ticket| stage.conversation_of(ticket).expect("it is linked"));
    solve_unseen(&mut stage, tickets.each_ref().map(String::as_str)).await;
    let active = || {
        let all = talks.iter();
        all.filter(|talk| stage.jelou.handle.conversation(talk).unwrap().active)
            .count()
    };
    assert_eq!(active(), 2);

    let jobs = jobs_that_panic_once(&stage, folder.path()).await;
    let (stop, stopped) = watch::channel(false);
    let working = tokio::spawn(jobs::run(jobs.clone(), stopped));
    let parked = set_aside_within(&jobs, Duration::from_secs(5)).await;
    assert_eq!(parked.len(), 1, "a person is told of one: {parked:?}");
    assert!(parked[0].detail.contains("panicked"), "{parked:?}");
    let counted = "jelou_bridge_lanes_set_aside_total{";
    let page = jobs.metrics.render();
    assert!(page.lines().any(|line| line.starts_with(counted)), "{page}");
    wait(|| active() == 1).await;

    // Whatever was under way is resolved when the Lane is tried again.
    let chosen = ParkedChosen {
        id: Some(parked[0].id.clone()),
        ..ParkedChosen::default()
    };
    let done = decide(&jobs, Decision::Retry, chosen).await.unwrap();
    assert_eq!((done.done, done.failed), (1, 0));
    wait(|| active() == 0).await;
    stop.send(true).unwrap();
    let _ = working.await;
    jobs.store.close().await;
}
