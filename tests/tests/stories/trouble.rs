//! Remotes that refuse, slow down and go away. Neighbour: `bad_input`, where they answer oddly.

use bridge_sandbox::{Door, Operation, Reply, Rule};
use bridge_tests::{figures, play::Play};
use jelou_bridge::store::{Options, Store};
use std::time::Duration;

/// How long Jelou asks to be left alone.
const LEFT_ALONE: Duration = Duration::from_secs(4);

/// How far the clock is set back while the daemon is stopped.
const SET_BACK: Duration = Duration::from_secs(3 * 3600);

/// Once a minute one call asks whether the credential works again.
const PROBED_WITHIN: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_credential_pauses_itself_and_nothing_else_and_resumes_alone() {
    let play = Play::begin().await;
    play.jelou().manners().add(Rule {
        reply: Reply::Status(401),
        ..Rule::default()
    });
    let held: Vec<String> = (1..=5).map(|customer| play.ticket(customer)).collect();
    play.until_figures("the credential is paused", |figures| {
        figures.sum("jelou_bridge_credential_paused", &[("side", "jelou")]) > 0.0
    })
    .await;
    let conversation = play.customer_starts(6, "Oi");
    play.until("the other side works on", |_, helpdesk| {
        !helpdesk.tickets_of_conversation(&conversation).is_empty()
    })
    .await;
    let figures = play.figures().await;
    let other = [("side", "ticketing")];
    assert!(figures.sum("jelou_bridge_credential_paused", &other) < 0.5);
    // A few may have been on their way when the first was refused; after that, none goes out.
    let asked = play.jelou().calls().len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(play.jelou().calls().len(), asked);
    play.jelou().manners().clear();
    play.stage
        .wait(
            "all are linked without anybody's help",
            PROBED_WITHIN,
            |_, helpdesk| {
                held.iter()
                    .all(|t| helpdesk.ticket(t).is_some_and(|t| t.external_id.is_some()))
            },
        )
        .await
        .unwrap();
    play.settle().await;
    assert!(play.parked().await.is_empty(), "no attempts were used up");
    let figures = play.figures().await;
    assert!(figures.sum("jelou_bridge_credential_paused", &[]) < 0.5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_asks_to_be_left_alone_is_left_alone_over_a_restart() {
    let mut play = Play::begin().await;
    let seconds = LEFT_ALONE.as_secs().to_string();
    play.jelou()
        .manners()
        .too_many(Operation::Start, 1, Some(&seconds));
    let ticket = play.ticket(1);
    play.until("Jelou has asked for it", |jelou, _| {
        jelou.calls().iter().any(|call| call.status == Some(429))
    })
    .await;
    let second = play.ticket(2);
    // The answer is being settled; what it asked for is on disk by then.
    tokio::time::sleep(Duration::from_millis(500)).await;
    play.stage.stop_daemon().await;
    play.stage.start_daemon().await.unwrap();
    let _ = play.linked(&ticket).await;
    let _ = play.linked(&second).await;
    let calls = play.jelou().calls();
    let asked = calls
        .iter()
        .position(|call| call.status == Some(429))
        .unwrap();
    let (from, next) = (&calls[asked], &calls[asked + 1]);
    let alone = next.at_ms - from.at_ms;
    assert!(
        u128::try_from(alone).unwrap() >= LEFT_ALONE.as_millis(),
        "{alone} ms"
    );
    assert_eq!(play.jelou().conversations().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_is_not_left_alone_for_as_long_as_the_clock_was_set_back_before_the_start() {
    let mut play = Play::begin().await;
    let seconds = LEFT_ALONE.as_secs().to_string();
    play.jelou()
        .manners()
        .too_many(Operation::Start, 1, Some(&seconds));
    let ticket = play.ticket(1);
    play.until("Jelou has asked for it", |jelou, _| {
        jelou.calls().iter().any(|call| call.status == Some(429))
    })
    .await;
    // The answer is being settled; what it asked for is on disk by then.
    tokio::time::sleep(Duration::from_millis(500)).await;
    play.stage.stop_daemon().await;
    move_pauses_ahead(&play).await;
    play.stage.start_daemon().await.unwrap();
    let _ = play.linked(&ticket).await;
    assert_eq!(play.jelou().conversations().len(), 1);
}

/// The clock cannot be turned in here: what it wrote down lies ahead instead, as if it had been.
async fn move_pauses_ahead(play: &Play) {
    let file = play.folder.path().join("bridge.db");
    let url = format!("sqlite:{}", file.display());
    let as_it_is = Options {
        migrate: false,
        create: false,
    };
    let store = Store::open(&url, as_it_is).await.unwrap();
    let pauses = store.pauses().await.unwrap();
    assert!(!pauses.is_empty(), "what Jelou asked for is stored");
    for pause in pauses {
        let (since, until) = (pause.wait.since, pause.wait.until);
        store
            .pause(
                &pause.key,
                until.plus(SET_BACK),
                &pause.reason,
                since.plus(SET_BACK),
            )
            .await
            .unwrap();
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_call_counts_by_the_status_of_its_answer_and_as_none_where_none_came() {
    let play = Play::begin().await;
    let replies = [
        Reply::Status(503),
        Reply::Unavailable("1".to_owned()),
        Reply::TooMany(Some("1".to_owned())),
        Reply::Cut,
    ];
    for (customer, reply) in replies.into_iter().enumerate() {
        let manners = play.helpdesk().manners();
        manners.add(Rule {
            // Names the conversation on its ticket.
            operation: Some(Operation::UpdateTicket),
            times: Some(1),
            reply,
            ..Rule::default()
        });
        let _ = play.pair(customer).await;
        assert!(manners.rules().is_empty(), "it was answered so");
    }
    let figures = play.figures().await;
    for (class, calls) in [("5xx", 2.0), ("429", 1.0), ("none", 1.0)] {
        let of = [("side", "ticketing"), ("status_class", class)];
        let counted = figures.sum("jelou_bridge_calls_total", &of);
        assert!((counted - calls).abs() < 0.1, "{class}: {counted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_taken_while_both_remotes_are_away_and_worked_on_when_they_are_back() {
    let play = Play::begin().await;
    play.stage.jelou.handle.door(Door::Refuse).await;
    play.stage.helpdesk.handle.door(Door::Refuse).await;
    let ticket = play.ticket(1);
    let conversation = play.customer_starts(2, "Oi");
    for hooks in [play.jelou().webhooks(), play.helpdesk().webhooks()] {
        assert!(hooks.quiet(Duration::from_secs(10)).await);
        let outcomes: Vec<_> = hooks.all().into_iter().map(|d| d.outcome).collect();
        assert_eq!(
            outcomes,
            [bridge_sandbox::Outcome::Answered { status: 200 }]
        );
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(figures::status(&play.admin(), "/readyz").await, Some(200));
    play.stage.jelou.handle.door(Door::Open).await;
    play.stage.helpdesk.handle.door(Door::Open).await;
    let _ = play.linked(&ticket).await;
    let _ = play.ticket_of(&conversation).await;
    assert_eq!(play.helpdesk().tickets().len(), 2);
    assert_eq!(play.jelou().conversations().len(), 2);
    assert!(play.parked().await.is_empty());
}
