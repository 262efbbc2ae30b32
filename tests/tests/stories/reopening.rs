//! A ticket that was done and is not. Neighbour: busy, where a customer has two.

use bridge_sandbox::Operation;
use bridge_tests::play::{Play, rules};
use std::time::Duration;

/// A pair whose ticket was solved, and whose conversation that closed.
async fn done(play: &Play, customer: usize) -> (String, String) {
    let (ticket, conversation) = play.pair(customer).await;
    play.sets(&ticket, "solved");
    play.closed(&conversation).await;
    (ticket, conversation)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reopened_ticket_waits_for_the_customer_where_the_mapping_says_wait() {
    let play = Play::begin().await;
    let (ticket, _) = done(&play, 1).await;
    play.sets(&ticket, "open");
    // Longer than a round of the sweep, which sees it too.
    tokio::time::sleep(Duration::from_secs(3)).await;
    play.settle().await;
    assert_eq!(play.asked_of_jelou(Operation::Start), 1);
    assert_eq!(play.status(&ticket), "open");
    let conversation = play.customer_starts(1, "Ainda não funciona");
    assert_eq!(play.ticket_of(&conversation).await, ticket);
    assert_eq!(play.helpdesk().tickets().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reopened_ticket_starts_a_conversation_where_the_mapping_says_start() {
    let play = Play::with(|options| {
        let (from, to) = ("ticket_reopened = \"wait\"", "ticket_reopened = \"start\"");
        options.rules = rules(&options.rules, from, to);
    })
    .await;
    let (ticket, first) = done(&play, 1).await;
    play.sets(&ticket, "open");
    play.until("the ticket names another conversation", |_, helpdesk| {
        helpdesk.ticket(&ticket).unwrap().external_id.as_deref() != Some(&first)
    })
    .await;
    play.settle().await;
    let started = play.jelou().conversations_of_ticket(&ticket);
    let active: Vec<bool> = started.iter().map(|c| c.active).collect();
    assert_eq!(active, [false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_comes_back_reopens_the_ticket() {
    let play = Play::begin().await;
    let (ticket, _) = done(&play, 1).await;
    let conversation = play.customer_starts(1, "Ainda não funciona");
    play.has_status(&ticket, "open").await;
    assert_eq!(play.ticket_of(&conversation).await, ticket);
    assert_eq!(play.helpdesk().tickets().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_comes_back_leaves_it_solved_where_the_mapping_says_append() {
    let play = Play::with(|options| {
        let (from, to) = ("after_close = \"reopen\"", "after_close = \"append\"");
        options.rules = rules(&options.rules, from, to);
    })
    .await;
    let (ticket, _) = done(&play, 1).await;
    let conversation = play.customer_starts(1, "Só para agradecer");
    assert_eq!(play.ticket_of(&conversation).await, ticket);
    assert_eq!(play.status(&ticket), "solved");
    assert_eq!(play.helpdesk().tickets().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_comes_back_gets_a_new_ticket_where_the_mapping_says_new() {
    let play = Play::with(|options| {
        let (from, to) = ("after_close = \"reopen\"", "after_close = \"new\"");
        options.rules = rules(&options.rules, from, to);
    })
    .await;
    let (old, _) = done(&play, 1).await;
    let conversation = play.customer_starts(1, "Outra coisa");
    let new = play.ticket_of(&conversation).await;
    assert_ne!(new, old);
    assert_eq!(play.status(&old), "solved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_comes_back_too_late_gets_a_new_ticket() {
    let play = Play::with(|options| {
        let (from, to) = ("reopen_within = \"72h\"", "reopen_within = \"1s\"");
        options.rules = rules(&options.rules, from, to);
    })
    .await;
    let (old, _) = done(&play, 1).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let conversation = play.customer_starts(1, "Outra coisa");
    let new = play.ticket_of(&conversation).await;
    assert_ne!(new, old);
    assert_eq!(play.status(&old), "solved");
}
