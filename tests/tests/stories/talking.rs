//! What is said on one side is read on the other. Neighbour: core's stories of the talk, which know
//! every way in which it can fail.

use bridge_core::ids::BridgeName;
use bridge_sandbox::{
    Operation, Reply, Rule,
    helpdesk::{Comment, Role},
    jelou::{SameId, Speaker, Spoken},
};
use bridge_tests::play::{PATIENCE, Play, rules, user};
use jelou_bridge::demo::BRIDGE;
use serde_json::json;
use std::time::Duration;

/// What the bridge brought over to a ticket for the customer to see, in order.
pub(super) fn relayed(play: &Play, ticket: &str) -> Vec<Comment> {
    let mut all = play.helpdesk().comments(ticket);
    all.retain(|comment| comment.public && comment.author == Role::Bridge);
    all
}

/// A customer writes these, one after the other. Jelou tells the moment in milliseconds, and what is
/// said within one comes as it arrives.
pub(super) async fn write_all(play: &Play, conversation: &str, texts: &[&str]) {
    for text in texts {
        play.jelou().customer_writes(conversation, text).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// An agent writes these for the customer, likewise.
pub(super) async fn say_all(play: &Play, ticket: &str, texts: &[&str]) {
    for text in texts {
        play.helpdesk().agent_comments(ticket, text, true).unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until so many messages are on a ticket, and all is quiet.
pub(super) async fn has_heard(play: &Play, ticket: &str, many: usize) -> Vec<String> {
    play.until("the messages are on the ticket", |_, _| {
        relayed(play, ticket).len() >= many
    })
    .await;
    play.settle().await;
    let heard = relayed(play, ticket).into_iter();
    let words = |comment: Comment| comment.body.lines().skip(1).collect::<Vec<_>>().join("\n");
    heard.map(words).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_customer_writes_is_on_the_ticket_once_in_order_with_their_name() {
    let play = Play::begin().await;
    let conversation = play.customer_starts(1, "Bom dia");
    let words = [
        "Comprei ontem 🙂",
        "Não liga",
        "Não liga",
        "{{ ticket.id }}",
    ];
    write_all(&play, &conversation, &words).await;
    let ticket = play.ticket_of(&conversation).await;
    assert_eq!(has_heard(&play, &ticket, 4).await, words);
    let first = &relayed(&play, &ticket)[0].body;
    assert!(first.starts_with("Customer 1, 20"), "{first}");
    let metrics = play.figures().await;
    let labels = [("direction", "to_ticket"), ("outcome", "relayed")];
    assert!((metrics.sum("jelou_bridge_messages_total", &labels) - 4.0).abs() < 0.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_comes_with_its_content() {
    let play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    let place = json!({"latitude": -23.5, "longitude": -46.6});
    let jelou = play.jelou();
    jelou
        .customer_sends(&conversation, "location", &place)
        .unwrap();
    let heard = has_heard(&play, &ticket, 1).await;
    assert!(heard[0].contains("-46.6"), "{}", heard[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn among_agents_where_the_mapping_says_internal() {
    let play = Play::with(|options| {
        options.rules += "\n[bridges.demo.mapping.messages]\nto_ticket = \"internal\"\n";
    })
    .await;
    let (ticket, conversation) = play.pair(1).await;
    play.jelou()
        .customer_writes(&conversation, "Só entre nós")
        .unwrap();
    play.until("a note is there", |_, _| !play.notes(&ticket).is_empty())
        .await;
    play.settle().await;
    assert!(relayed(&play, &ticket).is_empty());
    assert!(play.notes(&ticket)[0].body.ends_with("Só entre nós"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_whose_answer_is_cut_off_is_looked_for_and_not_added_twice() {
    let play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    play.helpdesk()
        .manners()
        .do_and_cut(Operation::AddComment, 1);
    write_all(&play, &conversation, &["um", "dois"]).await;
    assert_eq!(has_heard(&play, &ticket, 2).await, ["um", "dois"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_the_helpdesk_is_brought_over_by_the_next_process() {
    let mut play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    let helpdesk = play.helpdesk().clone();
    helpdesk
        .manners()
        .fail_next(Operation::AddComment, 1_000, 503);
    write_all(&play, &conversation, &["um", "dois", "três"]).await;
    play.until("the first was tried", |_, helpdesk| {
        let calls = helpdesk.calls();
        calls
            .iter()
            .any(|call| call.operation == Operation::AddComment)
    })
    .await;
    play.stage.stop_daemon().await;
    play.stage.start_daemon().await.unwrap();
    helpdesk.manners().clear();
    assert_eq!(has_heard(&play, &ticket, 3).await, ["um", "dois", "três"]);
}

/// What reached a customer's phone of what agents said, in order.
pub(super) fn heard(play: &Play, customer: usize) -> Vec<String> {
    let heard = play.jelou().heard_by(&user(customer)).into_iter();
    let by_agents = heard.filter(|said| said.by == Speaker::Operator);
    let words = |said: Spoken| said.content["body"].as_str().map(str::to_owned);
    by_agents.filter_map(words).collect()
}

/// Waits until so many of the agents' messages reached a customer, and all is quiet.
async fn has_reached(play: &Play, customer: usize, many: usize) -> Vec<String> {
    play.until("the agent's words reached the customer", |_, _| {
        heard(play, customer).len() >= many
    })
    .await;
    play.settle().await;
    heard(play, customer)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_writes_for_the_customer_reaches_them_once_and_what_is_internal_does_not() {
    let play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    play.jelou().customer_writes(&conversation, "Oi").unwrap();
    has_heard(&play, &ticket, 1).await;
    let long = "Uma resposta comprida 🙂. ".repeat(300);
    let desk = play.helpdesk();
    desk.agent_comments(&ticket, "Olá! Já olho.\nUm momento.", true)
        .unwrap();
    desk.agent_comments(&ticket, "o cliente é difícil", false)
        .unwrap();
    desk.comments_as(Role::Requester, &ticket, "pelo portal", true)
        .unwrap();
    desk.agent_comments(&ticket, &long, true).unwrap();
    let reached = has_reached(&play, 1, 3).await;
    assert_eq!(reached[0], "Olá! Já olho.\nUm momento.");
    assert_eq!(reached[1..].concat(), long);
    assert_eq!(reached.len(), 3);
    assert_eq!(relayed(&play, &ticket).len(), 1, "nothing came back");
    let metrics = play.figures().await;
    let labels = [("direction", "to_conversation"), ("outcome", "relayed")];
    assert!((metrics.sum("jelou_bridge_messages_total", &labels) - 2.0).abs() < 0.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_fell_silent_is_not_written_to_and_the_ticket_says_so() {
    let play = Play::begin().await;
    let (ticket, _) = play.pair(1).await;
    play.jelou().falls_silent(&user(1));
    play.helpdesk()
        .agent_comments(&ticket, "Ainda precisa?", true)
        .unwrap();
    play.until("the ticket says so", |_, _| !play.notes(&ticket).is_empty())
        .await;
    play.settle().await;
    assert!(play.notes(&ticket)[0].body.contains("24 hours"));
    assert!(heard(&play, 1).is_empty());
    assert!(play.parked().await.is_empty());
}

/// An agent says three things. Of the first the answer is cut off, the second is cut off before it is
/// done: nobody can tell them apart. What the customer read, and what the metrics say of it: flagged,
/// and parked as unknown.
async fn two_that_nobody_knows_of(model: SameId, on_unknown: &str) -> (Vec<String>, f64, f64) {
    let play = Play::with(|options| {
        let chosen = format!("on_unknown = \"{on_unknown}\"");
        options.rules = rules(&options.rules, "on_unknown = \"hold\"", &chosen);
        options.jelou.same_id = model;
    })
    .await;
    let (ticket, _) = play.pair(1).await;
    for (words, performed) in [("primeira", true), ("segunda", false)] {
        play.jelou().manners().add(Rule {
            operation: Some(Operation::AgentMessage),
            about: Some(words.to_owned()),
            times: Some(1),
            performed,
            reply: Reply::Cut,
            ..Rule::default()
        });
    }
    say_all(&play, &ticket, &["primeira", "segunda", "terceira"]).await;
    play.until("the last has come", |_, _| {
        heard(&play, 1).iter().any(|words| words == "terceira")
    })
    .await;
    play.settle().await;
    let metrics = play.figures().await;
    let flagged = metrics.sum("jelou_bridge_possible_duplicates_total", &[]);
    let reason = [("reason", "unknown_outcome")];
    let parked = metrics.sum("jelou_bridge_parked", &reason);
    (heard(&play, 1), flagged, parked)
}

#[tokio::test(flavor = "multi_thread")]
async fn where_jelou_knows_an_id_again_two_lost_answers_double_nothing() {
    let (read, flagged, parked) = two_that_nobody_knows_of(SameId::Once, "retry").await;
    assert_eq!(read, ["primeira", "segunda", "terceira"]);
    // Whether Jelou knows an id again the bridge cannot know: it flags both.
    assert!(
        (flagged - 2.0).abs() < 0.1 && parked < 0.1,
        "{flagged} {parked}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_does_not_one_of_two_lost_answers_doubles_and_both_are_flagged() {
    let (read, flagged, parked) = two_that_nobody_knows_of(SameId::Another, "retry").await;
    assert_eq!(read, ["primeira", "primeira", "segunda", "terceira"]);
    assert!(
        (flagged - 2.0).abs() < 0.1 && parked < 0.1,
        "{flagged} {parked}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_what_nobody_knows_of_doubles_nothing_and_has_it_parked() {
    for model in [SameId::Once, SameId::Another] {
        let (read, flagged, parked) = two_that_nobody_knows_of(model, "hold").await;
        assert_eq!(read, ["primeira", "terceira"]);
        assert!(
            flagged < 0.1 && (parked - 2.0).abs() < 0.1,
            "{flagged} {parked}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_words_reach_the_customer_before_the_ticket_closes_their_conversation() {
    let play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    play.helpdesk()
        .agent_comments(&ticket, "Até logo", true)
        .unwrap();
    play.sets(&ticket, "solved");
    play.closed(&conversation).await;
    assert_eq!(heard(&play, 1), ["Até logo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_helpdesks_webhooks_lost_the_sweep_brings_what_the_agent_said_once() {
    let play = Play::begin().await;
    let (ticket, _) = play.pair(1).await;
    play.helpdesk().webhooks().set_off(true);
    say_all(&play, &ticket, &["um", "dois", "três"]).await;
    play.helpdesk()
        .agent_comments(&ticket, "interno", false)
        .unwrap();
    assert_eq!(has_reached(&play, 1, 3).await, ["um", "dois", "três"]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(has_reached(&play, 1, 3).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_jelous_webhooks_lost_the_history_brings_what_the_customer_wrote_once_and_in_order() {
    let play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    write_all(&play, &conversation, &["um"]).await;
    has_heard(&play, &ticket, 1).await;
    play.jelou().webhooks().set_off(true);
    write_all(&play, &conversation, &["dois", "três", "três"]).await;
    let all = ["um", "dois", "três", "três"];
    assert_eq!(has_heard(&play, &ticket, 4).await, all);
    play.jelou().webhooks().set_off(false);
    write_all(&play, &conversation, &["quatro"]).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(has_heard(&play, &ticket, 5).await.len(), 5, "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_jelou_does_not_show_keeps_nobody_elses_lost_words_back() {
    let play = Play::begin().await;
    let (first, unseen) = play.pair(1).await;
    let (second, seen) = play.pair(2).await;
    write_all(&play, &unseen, &["um"]).await;
    write_all(&play, &seen, &["um"]).await;
    has_heard(&play, &first, 1).await;
    has_heard(&play, &second, 1).await;
    play.jelou().webhooks().set_off(true);
    play.jelou().manners().add(Rule {
        operation: Some(Operation::Conversation),
        about: Some(unseen.clone()),
        reply: Reply::Status(500),
        ..Rule::default()
    });
    write_all(&play, &unseen, &["dois"]).await;
    write_all(&play, &seen, &["dois"]).await;
    assert_eq!(has_heard(&play, &second, 2).await, ["um", "dois"]);
    write_all(&play, &unseen, &["três"]).await;
    write_all(&play, &seen, &["três"]).await;
    assert_eq!(has_heard(&play, &second, 3).await, ["um", "dois", "três"]);
    assert_eq!(relayed(&play, &first).len(), 1, "its own waits");
    play.jelou().manners().clear();
    assert_eq!(has_heard(&play, &first, 3).await, ["um", "dois", "três"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_words_wait_until_one_message_is_known_by_its_id_and_the_reading_goes_on_meanwhile() {
    let play = Play::begin().await;
    let (first, unheard) = play.pair(1).await;
    play.jelou().webhooks().set_off(true);
    write_all(&play, &unheard, &["um"]).await;
    let written = now();
    play.jelou().webhooks().set_off(false);
    read_past(&play, written).await;
    assert!(
        relayed(&play, &first).is_empty(),
        "it may have come under another id"
    );
    let (second, heard) = play.pair(2).await;
    write_all(&play, &heard, &["olá"]).await;
    has_heard(&play, &second, 1).await;
    assert_eq!(has_heard(&play, &first, 1).await, ["um"]);
}

pub(super) fn now() -> i64 {
    jelou_bridge::clock::now().0
}

/// Waits until the history is read past a moment.
pub(super) async fn read_past(play: &Play, moment: i64) {
    let store = &play.stage.daemon().unwrap().jobs.store;
    let bridge = BridgeName::parse(BRIDGE).unwrap();
    let bot = play.jelou().conversations()[0].bot.clone();
    let name = format!("history:{bot}");
    let past = async {
        loop {
            let cursor = store.cursor(&bridge, &name).await;
            let read = cursor
                .unwrap()
                .and_then(|cursor| cursor.parse::<i64>().ok());
            if read.is_some_and(|read| read > moment) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let past = tokio::time::timeout(PATIENCE, past).await;
    assert!(past.is_ok(), "the reading of the history goes on");
}
