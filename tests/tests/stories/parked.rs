//! Parked work in bulk, as an operator meets it after a bad night. Neighbours: `command`, which
//! types; the store's stories, where rounds and filters are told one by one.

use crate::{
    command::{Said, command},
    talking::{has_heard, heard, say_all, write_all},
};
use bridge_core::{event::Side, time::Timestamp};
use bridge_sandbox::{Operation, Reply, Rule, helpdesk::NewTicket};
use bridge_tests::{
    figures::{self, Figures},
    play::{PATIENCE, Play, phone, rules},
    process::Process,
    program::Daemon,
};
use jelou_bridge::{
    clock,
    demo::{ADMIN_TOKEN, BRIDGE, StageOptions},
    store::{NewDelivery, Source},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// What a remote breaks in a night.
const MANY: usize = 5_000;

/// Customers whose conversations could not be closed.
const SOME: usize = 24;

fn refuses(operation: Operation, status: u16) -> Rule {
    Rule {
        operation: Some(operation),
        reply: Reply::Status(status),
        ..Rule::default()
    }
}

async fn until_parked(admin: &str, count: usize) {
    let waited = tokio::time::timeout(PATIENCE * 2, async {
        loop {
            let figures = Figures::of(admin).await.unwrap();
            if figures.sum("jelou_bridge_parked", &[]) >= count as f64 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    waited.await.expect("they are parked");
}

fn counts(said: &Said) -> (u64, u64, bool) {
    let number = |name: &str| said.json[name].as_u64().unwrap();
    (number("done"), number("failed"), said.json["more"] == true)
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_unreadable_webhooks_are_retried_and_discarded_by_one_command_each() {
    let play = Play::begin().await;
    let store = play.stage.daemon().unwrap().jobs.store.clone();
    let mut recording = Vec::new();
    for number in 0..MANY {
        let store = store.clone();
        recording.push(tokio::spawn(async move {
            let garbage = NewDelivery {
                bridge: bridge_core::ids::BridgeName::parse(BRIDGE).unwrap(),
                side: Side::Jelou,
                source: Source::Webhook,
                dedup: None,
                received_at: Timestamp(clock::now().0),
                headers: BTreeMap::new(),
                body: format!("no JSON {number}").into(),
            };
            store.record(garbage).await.unwrap();
        }));
    }
    for recorded in recording {
        recorded.await.unwrap();
    }
    let admin = play.admin();
    until_parked(&admin, MANY).await;
    let retried = command(&admin, &["parked", "retry", "--reason", "unreadable"]).await;
    assert_eq!(counts(&retried), (MANY as u64, 0, false), "{retried:?}");
    assert_eq!(retried.code, 0);
    let handed_on = &retried.json["handed_on"];
    assert_eq!(handed_on, MANY, "what comes of them is not known yet");
    until_parked(&admin, MANY).await;
    let young = [
        "parked",
        "discard",
        "--reason",
        "unreadable",
        "--older-than",
        "1h",
    ];
    assert_eq!(counts(&command(&admin, &young).await), (0, 0, false));
    let of_other_side = ["parked", "discard", "--side", "ticketing"];
    assert_eq!(
        counts(&command(&admin, &of_other_side).await),
        (0, 0, false)
    );
    let discarded = command(&admin, &["parked", "discard", "--side", "jelou"]).await;
    assert_eq!(counts(&discarded), (MANY as u64, 0, false));
    assert_eq!(discarded.json["handed_on"], 0);
    assert!(play.parked().await.is_empty());
    play.settle().await;
}

/// Customers in talk whose tickets are solved, while Jelou refuses to close.
async fn closes_parked(play: &Play) -> Vec<(String, String)> {
    let tickets: Vec<String> = (1..=SOME).map(|customer| play.ticket(customer)).collect();
    let mut pairs = Vec::new();
    for ticket in tickets {
        let conversation = play.linked(&ticket).await;
        pairs.push((ticket, conversation));
    }
    play.jelou().manners().add(refuses(Operation::Close, 422));
    for (ticket, _) in &pairs {
        play.sets(ticket, "solved");
    }
    until_parked(&play.admin(), SOME).await;
    play.settle().await;
    pairs
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_retry_given_twice_at_the_same_moment_closes_each_conversation_once() {
    let play = Play::begin().await;
    let pairs = closes_parked(&play).await;
    let (starts, closes) = (
        play.asked_of_jelou(Operation::Start),
        play.asked_of_jelou(Operation::Close),
    );
    let written = play.asked_of_helpdesk(Operation::UpdateTicket);
    play.jelou().manners().clear();
    let admin = play.admin();
    let none = command(&admin, &["parked", "retry", "--operation", "start"]).await;
    assert_eq!(counts(&none), (0, 0, false), "no start is parked");
    let one = ["parked", "retry", "--ticket", &pairs[0].0];
    assert_eq!(counts(&command(&admin, &one).await), (1, 0, false));
    let rest = ["parked", "retry", "--operation", "close", "--side", "jelou"];
    let (first, second) = tokio::join!(command(&admin, &rest), command(&admin, &rest));
    for said in [&first, &second] {
        assert_eq!(
            (said.code, &said.json["failed"]),
            (0, &0.into()),
            "{said:?}"
        );
    }
    play.settle().await;
    for (_, conversation) in &pairs {
        assert!(!play.jelou().conversation(conversation).unwrap().active);
    }
    assert_eq!(play.asked_of_jelou(Operation::Close), closes + SOME);
    assert_eq!(
        play.asked_of_jelou(Operation::Start),
        starts,
        "a close is no new start"
    );
    assert_eq!(
        play.asked_of_helpdesk(Operation::UpdateTicket),
        written,
        "what went well is not done again"
    );
    let again = command(&admin, &rest).await;
    assert_eq!(counts(&again), (0, 0, false));
    assert!(play.parked().await.is_empty());
}

/// So many that the numbers of what brings them over have one digit and two.
const WORDS: [&str; 12] = [
    "um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove", "dez", "onze", "doze",
];

/// Waits until all words are parked. Some of their numbers have one digit and some two, and as text 10 is before 9.
async fn until_words_are_parked(play: &Play) {
    until_parked(&play.admin(), WORDS.len()).await;
    play.settle().await;
    let parked = play.parked().await;
    let names = parked.iter().map(|item| item["id"].as_str().unwrap());
    let numbers = names.filter_map(|name| name.rsplit_once('.'));
    let digits: BTreeSet<usize> = numbers.map(|(_, number)| number.len()).collect();
    assert_eq!(digits, BTreeSet::from([1, 2]), "{parked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_customer_did_not_get_reaches_them_in_its_order_by_one_bulk_retry() {
    let play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    write_all(&play, &conversation, &["Oi"]).await;
    has_heard(&play, &ticket, 1).await;
    let manners = play.jelou().manners();
    manners.add(refuses(Operation::AgentMessage, 422));
    say_all(&play, &ticket, &WORDS).await;
    until_words_are_parked(&play).await;
    manners.clear();
    let retried = command(&play.admin(), &["parked", "retry", "--reason", "refused"]).await;
    assert_eq!(counts(&retried), (12, 0, false), "{retried:?}");
    play.settle().await;
    assert_eq!(heard(&play, 1), WORDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_ticket_did_not_get_comes_to_it_in_its_order_by_one_bulk_retry() {
    let play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    let manners = play.helpdesk().manners();
    manners.add(refuses(Operation::AddComment, 422));
    write_all(&play, &conversation, &WORDS).await;
    until_words_are_parked(&play).await;
    manners.clear();
    // Each is looked for first, and what is not there is written a little later: slow looks leave time for that.
    manners.slow(Operation::Comments, 400);
    // With them go what would have told the agents of each: that is a comment too.
    let retried = command(&play.admin(), &["parked", "retry", "--reason", "refused"]).await;
    assert_eq!(retried.json["failed"], 0, "{retried:?}");
    assert_eq!(has_heard(&play, &ticket, 12).await, WORDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_stands_in_the_timeline_and_is_not_tried_again() {
    let play = Play::begin().await;
    let pairs = closes_parked(&play).await;
    play.jelou().manners().clear();
    let closes = play.asked_of_jelou(Operation::Close);
    let said = command(&play.admin(), &["parked", "discard", "--reason", "refused"]).await;
    assert_eq!(counts(&said), (SOME as u64, 0, false), "{said:?}");
    let left = said.json["items"][0]["note"].as_str().unwrap();
    assert!(left.contains("stays open"), "what remains is told: {left}");
    play.settle().await;
    for (ticket, conversation) in &pairs {
        let told = play.timeline(ticket).await;
        let given_up = told
            .iter()
            .filter(|line| line.starts_with("Given up by order: close"))
            .count();
        assert_eq!(given_up, 1, "{told:?}");
        assert!(play.jelou().conversation(conversation).unwrap().active);
    }
    assert_eq!(play.asked_of_jelou(Operation::Close), closes);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_parked_item_all_is_told_that_a_person_asks_next() {
    let play = Play::begin().await;
    let (ticket, _) = play.pair(1).await;
    play.jelou().manners().add(refuses(Operation::Close, 422));
    play.sets(&ticket, "solved");
    let admin = play.admin();
    until_parked(&admin, 1).await;
    let listed = command(&admin, &["parked"]).await.json;
    let id = listed["parked"][0]["id"].as_str().unwrap();
    let shown = command(&admin, &["parked", "show", id]).await.json;
    assert_eq!(shown["operation"], "close");
    assert_eq!(shown["rule"], "mapping.conversation.close_on_status");
    assert_eq!(shown["attempts"], 1);
    let last = shown["last_error"].as_str().unwrap();
    assert!(last.starts_with("refused with 422"), "{last}");
    let remedy = shown["remedy"].as_str().unwrap();
    assert!(remedy.contains(&format!("`parked retry {id}`")), "{remedy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_the_making_of_a_ticket_is_told_that_the_customers_words_go_nowhere() {
    let play = Play::begin().await;
    let (admin, manners) = (play.admin(), play.helpdesk().manners());
    manners.add(refuses(Operation::CreateTicket, 422));
    let conversation = play.customer_starts(1, "Oi");
    until_parked(&admin, 1).await;
    let said = command(&admin, &["parked", "discard", "--operation", "create"]).await;
    assert_eq!(counts(&said), (1, 0, false), "{said:?}");
    let left = said.json["items"][0]["note"].as_str().unwrap();
    let told = left.contains("goes nowhere") && left.contains("`link`");
    assert!(told, "what remains is told, and the way out: {left}");

    manners.clear();
    let writes = play.jelou().customer_writes(&conversation, "Tem alguém?");
    writes.unwrap();
    play.settle().await;
    let tickets = play.helpdesk().tickets();
    assert!(tickets.is_empty(), "as was said: {tickets:?}");
}

async fn started() -> (tempfile::TempDir, Process, Daemon) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = StageOptions::in_folder(folder.path());
    options.rules = rules(&options.rules, "min_count = 20", "min_count = 1000");
    let process = Process::set(options).await.unwrap();
    let daemon = process.program.start().await.unwrap();
    (folder, process, daemon)
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = clock::now().plus(PATIENCE);
    while !holds() {
        assert!(clock::now() < give_up, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_retry_that_a_crash_cuts_is_given_again_and_does_each_thing_once() {
    let (_folder, process, daemon) = started().await;
    let (jelou, helpdesk) = (&process.jelou.handle, &process.helpdesk.handle);
    let tickets: Vec<String> = (1..=SOME)
        .map(|customer| {
            helpdesk.agent_creates(NewTicket {
                requester_phone: Some(phone(customer)),
                tags: vec!["whatsapp".to_owned()],
                ..NewTicket::default()
            })
        })
        .collect();
    let linked = || helpdesk.tickets().iter().all(|t| t.external_id.is_some());
    until("all are linked", linked).await;
    jelou.manners().add(refuses(Operation::Close, 422));
    for ticket in &tickets {
        helpdesk.agent_sets_status(ticket, "solved").unwrap();
    }
    until_parked(&daemon.admin, SOME).await;
    jelou.manners().clear();
    jelou.manners().slow(Operation::Close, 300);
    let begun = jelou.calls().len();
    let all = serde_json::json!({ "operation": "close" });
    let admin = daemon.admin.clone();
    let order =
        tokio::spawn(
            async move { figures::order(&admin, ADMIN_TOKEN, "/parked/retry", &all).await },
        );
    let closes = || {
        let calls = jelou.calls();
        calls[begun..]
            .iter()
            .filter(|c| c.operation == Operation::Close)
            .count()
    };
    until("a close is on its way", || closes() >= 1).await;
    daemon.kill().await.unwrap();
    let order = order.await.unwrap();
    assert!(order.is_err(), "the daemon is gone: {order:?}");
    jelou.manners().clear();
    let daemon = process.program.start().await.unwrap();
    let again = command(&daemon.admin, &["parked", "retry", "--operation", "close"]).await;
    assert_eq!(
        (again.code, &again.json["failed"]),
        (0, &0.into()),
        "{again:?}"
    );
    let closed = || jelou.conversations().iter().all(|c| !c.active);
    until("all are closed", closed).await;
    assert_eq!(jelou.conversations().len(), SOME, "a close is no new start");
    let done = jelou.calls()[begun..]
        .iter()
        .filter(|c| c.operation == Operation::Close && c.status == Some(200))
        .count();
    assert!(done <= SOME, "{done} closes for {SOME} conversations");
    let figures = Figures::of(&daemon.admin).await.unwrap();
    assert!(figures.sum("jelou_bridge_parked", &[]) < 0.5);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_command_tells_what_does_not_move_and_why() {
    let play = Play::begin().await;
    let (linked, _) = play.pair(1).await;
    let waiting = play.ticket(1);
    play.jelou()
        .manners()
        .too_many(Operation::Start, 1, Some("60"));
    let retrying = play.ticket(2);
    play.until("the second was tried", |jelou, _| {
        jelou.calls().iter().any(|call| call.status == Some(429))
    })
    .await;
    // What is younger than ten seconds is on its way.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let said = command(&play.admin(), &["links", "--stuck"]).await;
    assert_eq!(said.code, 0);
    let stuck = said.json["stuck"].as_array().unwrap();
    let of = |ticket: &str| stuck.iter().find(|one| one["ticket"] == ticket);
    let busy = of(&waiting).unwrap_or_else(|| panic!("{stuck:?}"));
    assert_eq!(
        (&busy["why"], &busy["what"]),
        (&"waiting_busy".into(), &"start a conversation".into())
    );
    let asked_to_wait = of(&retrying).unwrap_or_else(|| panic!("{stuck:?}"));
    let words = ["retrying", "blocked"];
    let why = asked_to_wait["why"].as_str().unwrap();
    assert!(words.contains(&why), "{asked_to_wait}");
    assert!(asked_to_wait["next_try"].is_string());
    assert!(of(&linked).is_none(), "a pair in talk is not stuck");
}
