//! Two bridges in one daemon: two projects, two helpdesks, one process's workers. Neighbours: `store::tests::claiming`, how places
//! are shared; the gate's tests, where each side of each bridge has its own rate.

use bridge_sandbox::{
    Delivered, Helpdesk, HelpdeskOptions, Jelou, JelouOptions, Operation, RunningHelpdesk,
    RunningJelou, Target, helpdesk::NewTicket,
};
use bridge_tests::play::{PATIENCE, Play, phone, user};
use jelou_bridge::demo::{BRIDGE, StageOptions};
use std::time::Duration;

/// The second bridge's own Jelou and helpdesk.
struct Second {
    jelou: RunningJelou,
    helpdesk: RunningHelpdesk,
}

/// The places that the daemon has for Lanes, less those that it keeps for a second bridge.
const ONE_OF_TWO_HAS: u64 = 48;

/// A stage whose daemon serves a second bridge beside the usual one; nothing but the daemon is shared.
async fn two() -> (Play, Second) {
    two_with(|_| {}).await
}

async fn two_with(differ: impl FnOnce(&mut StageOptions)) -> (Play, Second) {
    let mut play = Play::begin().await;
    let mut options = StageOptions::in_folder(play.folder.path());
    options.jelou = JelouOptions {
        project_id: "01ksecond0000000000000002".to_owned(),
        api_key: "second-key".to_owned(),
        client_id: "second-client".to_owned(),
        client_secret: "second-client-secret".to_owned(),
        signing_secret: "second-signing-secret".to_owned(),
        ..JelouOptions::default()
    };
    options.helpdesk = HelpdeskOptions {
        token: "second-token".to_owned(),
        webhook_secret: "second-webhook-secret".to_owned(),
        ..HelpdeskOptions::default()
    };
    differ(&mut options);
    let jelou = Jelou::start(options.jelou.clone()).await.expect("a Jelou");
    let helpdesk = Helpdesk::start(options.helpdesk.clone()).await;
    let helpdesk = helpdesk.expect("a helpdesk");
    let config = options.config(&jelou.url(), &helpdesk.url());
    let (_, second) = config
        .split_once(&format!("[bridges.{BRIDGE}]"))
        .expect("the bridge's part");
    let second = second.replace(&format!("bridges.{BRIDGE}"), "bridges.second");
    play.stage
        .change_config(|first| format!("{first}\n[bridges.second]{second}"));
    play.stage.stop_daemon().await;
    play.stage.start_daemon().await.expect("both are served");
    let door = format!(
        "http://{}/webhooks/second",
        play.stage.daemon().expect("a daemon").listen
    );
    for (hooks, side) in [
        (jelou.handle.webhooks(), "jelou"),
        (helpdesk.handle.webhooks(), "ticketing"),
    ] {
        hooks.set_target(Target {
            url: Some(format!("{door}/{side}")),
            secret: hooks.target().secret,
        });
    }
    (play, Second { jelou, helpdesk })
}

impl Second {
    /// An agent of the second helpdesk makes a ticket for this customer.
    fn ticket(&self, customer: usize) -> String {
        self.helpdesk.handle.agent_creates(NewTicket {
            requester_phone: Some(phone(customer)),
            requester_name: Some(format!("Customer {customer}")),
            tags: vec!["whatsapp".to_owned()],
            group: Some("billing".to_owned()),
            subject: "A question".to_owned(),
            description: "Made by an agent.".to_owned(),
            ..NewTicket::default()
        })
    }

    /// Waits until its ticket names a conversation.
    async fn linked(&self, play: &Play, ticket: &str) -> String {
        let of = || self.helpdesk.handle.ticket(ticket)?.external_id;
        play.until(
            "the second bridge's ticket names its conversation",
            |_, _| of().is_some(),
        )
        .await;
        play.settle().await;
        of().expect("it names one")
    }
}

/// Sends a webhook again, as it is, to another path; how it was answered.
async fn posted(url: &str, webhook: &Delivered) -> u16 {
    let mut request = reqwest::Client::new()
        .post(url)
        .timeout(PATIENCE)
        .body(webhook.body.clone());
    for (name, value) in &webhook.headers {
        request = request.header(name, value);
    }
    let answer = request.send().await.expect("an answer");
    answer.status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bridges_with_one_customer_and_one_ticket_number_keep_to_their_own_pair() {
    let (play, second) = two().await;
    let ticket = play.ticket(1);
    let same = second.ticket(1);
    assert_eq!(ticket, same, "both helpdesks count from one");
    let ours = play.linked(&ticket).await;
    let theirs = second.linked(&play, &same).await;

    play.sets(&ticket, "solved");
    play.closed(&ours).await;
    let at_second = second.jelou.handle.conversation(&theirs);
    assert!(at_second.expect("it is there").active);
    let still = second.helpdesk.handle.ticket(&same).expect("a ticket");
    assert_eq!(still.status, "new");

    let closed = second
        .jelou
        .handle
        .operator_closes(&theirs, "closed_by_operator");
    closed.expect("the second one's operator closes");
    play.until("the second bridge's ticket is solved", |_, _| {
        second.helpdesk.handle.ticket(&same).expect("it").status == "solved"
    })
    .await;
    play.settle().await;
    let begun = second.jelou.handle.calls();
    let begun = begun
        .iter()
        .filter(|call| call.operation == Operation::Start);
    assert_eq!(
        (play.asked_of_jelou(Operation::Start), begun.count()),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_of_one_bridge_on_the_path_of_another_is_refused_and_leaves_nothing() {
    let (play, second) = two().await;
    let (_, _) = play.pair(1).await;
    let ticket = second.ticket(1);
    second.linked(&play, &ticket).await;
    let host = play.door().replace(&format!("/{BRIDGE}"), "");
    let before = play.stage.daemon().expect("one").jobs.store.clone();
    let kept = |counts: jelou_bridge::store::Counts| (counts.received, counts.routed);
    let now = jelou_bridge::clock::now();
    let were = kept(before.counts(now).await.expect("counts"));
    for (hooks, path) in [
        (play.jelou().webhooks(), "second/jelou"),
        (play.helpdesk().webhooks(), "second/ticketing"),
        (second.jelou.handle.webhooks(), "demo/jelou"),
        (second.helpdesk.handle.webhooks(), "demo/ticketing"),
    ] {
        let all = hooks.all();
        let one = all.last().expect("a webhook was sent");
        assert_eq!(posted(&format!("{host}/{path}"), one).await, 401, "{path}");
    }
    assert_eq!(kept(before.counts(now).await.expect("counts")), were);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bridge_whose_helpdesk_answers_nobody_holds_up_no_other_bridge() {
    let (play, second) = two_with(|options| {
        let (from, to) = ("call_timeout = \"5s\"", "call_timeout = \"14s\"");
        options.rules = bridge_tests::play::rules(&options.rules, from, to);
    })
    .await;
    let helpdesk = &second.helpdesk.handle;
    helpdesk.manners().slow(None, 60_000);
    for customer in 0..100 {
        let name = format!("Customer {customer}");
        second.jelou.handle.add_user(&user(customer), &name);
        let started = second.jelou.handle.customer_starts(&user(customer), "Oi");
        started.expect("the customer is free");
    }
    let store = &play.stage.daemon().expect("a daemon").jobs.store;
    let at_work = || async {
        let counts = store.counts(jelou_bridge::clock::now()).await;
        counts.expect("counts").lanes_claimed
    };
    let filled = tokio::time::timeout(PATIENCE, async {
        while at_work().await < ONE_OF_TWO_HAS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    filled.await.expect("the slow bridge has all it may have");

    let ticket = play.ticket(1);
    let linked = |_: &Jelou, helpdesk: &Helpdesk| {
        let ticket = helpdesk.ticket(&ticket).expect("it is there");
        ticket.external_id.is_some()
    };
    play.until("the other bridge's ticket is served", linked)
        .await;
    let answered = helpdesk.calls().iter().any(|call| call.status.is_some());
    assert!(!answered, "until then nothing of the slow one had ended");
}

/// A round of the sweep that takes longer than the next is due is waited for: rounds of one slow system would
/// pile up until no bridge had a worker for its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_system_has_one_round_of_the_sweep_at_a_time() {
    // Rounds are due every two seconds, and each listing takes more than four.
    let play = Play::begin().await;
    let helpdesk = play.helpdesk();
    helpdesk.manners().slow(Operation::Tickets, 4_500);
    let listings = || {
        let mut all = helpdesk.calls();
        all.retain(|call| call.operation == Operation::Tickets);
        all
    };
    let before = listings().len();
    play.until("three rounds were made", |_, _| {
        let waiting = listings().iter().filter(|c| c.took_ms.is_none()).count();
        assert!(waiting <= 1, "{waiting} rounds at once");
        listings().len() > before + 2
    })
    .await;
}
