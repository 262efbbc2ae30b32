//! What customers wrote and no webhook told, where the history shows it and something is in the way.
//! Neighbour: `talking`, with the common stories of it.

use super::talking::{has_heard, now, read_past, relayed, write_all};
use bridge_sandbox::{Operation, Reply, Rule, SecondStart, jelou::EndShown};
use bridge_tests::play::{Play, rules};

/// A stage on which the history is not read twice: what one round leaves out, the next one does not
/// come upon by itself.
async fn read_once() -> Play {
    Play::with(|options| {
        let (from, to) = ("overlap = \"2m\"", "overlap = \"1s\"");
        options.rules = rules(&options.rules, from, to);
    })
    .await
}

/// Until it is cleared Jelou answers so where it is asked for this conversation.
fn answers(play: &Play, conversation: &str, reply: Reply, times: Option<u32>) {
    play.jelou().manners().add(Rule {
        operation: Some(Operation::Conversation),
        about: Some(conversation.to_owned()),
        times,
        reply,
        ..Rule::default()
    });
}

/// Until the manners are cleared the history is not read: what happens meanwhile is read together.
fn is_not_read(play: &Play) {
    let manners = play.jelou().manners();
    manners.fail_next(Operation::History, 1_000, 500);
}

/// A customer has written "um", which came. The ticket and the conversation.
async fn has_written(play: &Play) -> (String, String) {
    let (ticket, conversation) = play.pair(1).await;
    // The reading begins with the first round.
    read_past(play, 0).await;
    write_all(play, &conversation, &["um"]).await;
    has_heard(play, &ticket, 1).await;
    (ticket, conversation)
}

/// The customer writes "dois", the bridge closes their conversation, and what they write then is for the bot.
async fn is_closed_between(play: &Play, ticket: &str, conversation: &str) {
    write_all(play, conversation, &["dois"]).await;
    play.sets(ticket, "solved");
    play.closed(conversation).await;
    write_all(play, conversation, &["três"]).await;
}

/// A customer has written "um", which came, and "dois", whose webhook was lost while Jelou answered so
/// where it was asked for their conversation; the history is read past it. The ticket and the conversation.
async fn left_out(play: &Play, reply: Reply) -> (String, String) {
    let (ticket, conversation) = has_written(play).await;
    play.jelou().webhooks().set_off(true);
    answers(play, &conversation, reply, None);
    write_all(play, &conversation, &["dois"]).await;
    read_past(play, now() + 3_000).await;
    (ticket, conversation)
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_words_that_wait_for_their_conversation_are_not_forgotten_when_a_round_breaks_off() {
    let play = read_once().await;
    let (ticket, conversation) = left_out(&play, Reply::Status(500)).await;
    play.jelou().manners().clear();
    // The sweep looks, the history asks whether it is shown again, and then whether it has ended.
    answers(&play, &conversation, Reply::True, Some(2));
    let wait = Reply::TooMany(Some("1".to_owned()));
    answers(&play, &conversation, wait, Some(1));
    assert_eq!(has_heard(&play, &ticket, 2).await, ["um", "dois"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_words_come_though_jelou_did_not_know_their_conversation_for_a_moment() {
    for status in [404, 403] {
        let play = read_once().await;
        let (ticket, _) = left_out(&play, Reply::Status(status)).await;
        play.jelou().manners().clear();
        assert_eq!(has_heard(&play, &ticket, 2).await, ["um", "dois"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_words_come_though_the_bridge_closed_their_conversation_and_no_webhook_told_it() {
    let play = read_once().await;
    // Somebody else talks on, or the history is read once an hour.
    play.pair(2).await;
    let (ticket, conversation) = has_written(&play).await;
    play.jelou().webhooks().set_off(true);
    is_closed_between(&play, &ticket, &conversation).await;
    assert_eq!(has_heard(&play, &ticket, 2).await, ["um", "dois"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_after_our_close_do_not_come_to_the_ticket_where_a_replica_shows_no_end_yet() {
    let play = read_once().await;
    // Somebody else talks on, or the history is read once an hour.
    play.pair(2).await;
    let (ticket, conversation) = has_written(&play).await;
    is_not_read(&play);
    play.jelou().webhooks().set_off(true);
    let ends = |model| play.jelou().shows_end(&conversation, model).unwrap();
    ends(EndShown::NotYet);
    is_closed_between(&play, &ticket, &conversation).await;
    play.jelou().manners().clear();
    read_past(&play, now()).await;
    play.settle().await;
    let came = relayed(&play, &ticket).len();
    assert_eq!(came, 1, "nobody can tell yet which were said in it");
    ends(EndShown::Whole);
    assert_eq!(has_heard(&play, &ticket, 2).await, ["um", "dois"]);
}

/// A stage on which a customer may be in two conversations at once, each with a ticket of its own.
async fn two_at_once() -> Play {
    Play::with(|options| {
        options.jelou.second_start = SecondStart::StartAnother;
        options.rules = rules(&options.rules, "reuse = \"open\"", "reuse = \"never\"");
    })
    .await
}

/// A customer who is in two conversations at once: each with its ticket, the latest begun last.
async fn in_two(play: &Play) -> [(String, String); 2] {
    let older = play.pair(1).await;
    let conversation = play.customer_starts(1, "");
    let ticket = play.ticket_of(&conversation).await;
    [older, (ticket, conversation)]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_customer_writes_in_one_of_two_conversations_stands_on_its_ticket_alone() {
    let play = two_at_once().await;
    let [(first, older), (second, latest)] = in_two(&play).await;
    assert_ne!(first, second);
    write_all(&play, &older, &["um"]).await;
    write_all(&play, &latest, &["dois"]).await;
    assert_eq!(has_heard(&play, &first, 1).await, ["um"]);
    assert_eq!(has_heard(&play, &second, 1).await, ["dois"]);
    // Twice: what one round finds is on its way in the next.
    for _ in 0..2 {
        read_past(&play, now()).await;
    }
    assert_eq!(has_heard(&play, &first, 1).await, ["um"]);
    assert_eq!(has_heard(&play, &second, 1).await, ["dois"]);
    // Of what no webhook told nobody knows where it was said: it goes to the latest begun, once.
    play.jelou().webhooks().set_off(true);
    write_all(&play, &latest, &["três"]).await;
    assert_eq!(has_heard(&play, &second, 2).await, ["dois", "três"]);
    read_past(&play, now()).await;
    play.settle().await;
    assert_eq!(relayed(&play, &first).len(), 1, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_words_of_one_conversation_are_kept_for_it_where_jelou_tells_no_end_of_another() {
    let play = two_at_once().await;
    // Somebody else talks on, or the history is read once an hour.
    play.pair(2).await;
    let [(first, older), (second, latest)] = in_two(&play).await;
    read_past(&play, 0).await;
    write_all(&play, &older, &["um"]).await;
    has_heard(&play, &first, 1).await;
    is_not_read(&play);
    play.jelou().webhooks().lose_next(1);
    write_all(&play, &older, &["dois"]).await;
    let closed = play.jelou().operator_closes(&older, "closed_by_operator");
    closed.unwrap();
    play.has_status(&first, "solved").await;
    // The one that began last is closed by the bridge, and no webhook tells when it ended either.
    play.jelou().webhooks().set_off(true);
    let model = EndShown::WithoutTime;
    play.jelou().shows_end(&latest, model).unwrap();
    play.sets(&second, "solved");
    play.closed(&latest).await;
    // To the bot, and nobody else.
    write_all(&play, &latest, &["três"]).await;
    play.jelou().manners().clear();
    read_past(&play, now()).await;
    play.settle().await;
    assert!(relayed(&play, &second).is_empty(), "none is taken onto it");
    assert_eq!(has_heard(&play, &first, 2).await, ["um", "dois"]);
}
