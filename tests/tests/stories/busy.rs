//! A customer who is in another conversation. Neighbour: the demo's story of two tickets, where the
//! second waits and gets its turn.

use bridge_sandbox::{Operation, SecondStart};
use bridge_tests::play::{Play, rules};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_a_busy_customer_is_noted_and_left_where_the_mapping_says_skip() {
    let play = Play::with(|options| {
        let (from, to) = ("customer_busy = \"wait\"", "customer_busy = \"skip\"");
        options.rules = rules(&options.rules, from, to);
    })
    .await;
    let (first, conversation) = play.pair(1).await;
    let second = play.ticket(1);
    play.until("the agents are told", |_, helpdesk| {
        !helpdesk.comments(&second).is_empty()
    })
    .await;
    play.sets(&first, "solved");
    play.closed(&conversation).await;
    assert_eq!(play.notes(&second).len(), 1);
    assert_eq!(play.asked_of_jelou(Operation::Start), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_waits_too_long_is_parked_for_a_person() {
    let play = Play::with(|options| {
        let (from, to) = ("busy_timeout = \"1h\"", "busy_timeout = \"2s\"");
        options.rules = rules(&options.rules, from, to);
    })
    .await;
    let _ = play.pair(1).await;
    let second = play.ticket(1);
    play.until_figures("it is parked", |figures| {
        figures.sum("jelou_bridge_parked", &[("reason", "busy_timeout")]) > 0.0
    })
    .await;
    let parked = play.parked().await;
    assert_eq!(parked[0]["ticket"], second.as_str());
    assert_eq!(play.asked_of_jelou(Operation::Start), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_solved_while_it_waits_gets_no_conversation() {
    let play = Play::begin().await;
    let (first, conversation) = play.pair(1).await;
    let second = play.ticket(1);
    play.until("the agents are told", |_, helpdesk| {
        !helpdesk.comments(&second).is_empty()
    })
    .await;
    play.sets(&second, "solved");
    play.settle().await;
    play.sets(&first, "solved");
    play.closed(&conversation).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    play.settle().await;
    assert_eq!(play.asked_of_jelou(Operation::Start), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_the_customers_own_conversation_makes_no_link_to_it() {
    let play = Play::with(|options| {
        options.jelou.second_start = SecondStart::ReturnExisting;
    })
    .await;
    // The customer's own conversation is there, and its webhook is late.
    play.jelou().webhooks().hold();
    let own = play.customer_starts(1, "Oi");
    let ticket = play.ticket(1);
    play.until("Jelou answered with what is there", |jelou, _| {
        jelou.calls().iter().any(|call| call.status == Some(200))
    })
    .await;
    play.jelou().webhooks().release().await;
    play.until(
        "the agents are told that the ticket waits",
        |_, helpdesk| helpdesk.comments(&ticket).iter().any(|c| !c.public),
    )
    .await;
    assert_eq!(play.stage.conversation_of(&ticket), None);
    assert!(play.jelou().conversation(&own).unwrap().active);
}
