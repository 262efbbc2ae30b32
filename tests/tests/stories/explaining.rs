//! Why a ticket's conversation did not start or close: `explain` without a webhook's body. Neighbours:
//! core's stories of `why`, where each rule speaks; `observing`, where nothing is written.

use crate::command::command;
use bridge_sandbox::helpdesk::NewTicket;
use bridge_tests::play::{Play, phone, rules};

const CLOSE_ON_STATUS: &str = "mapping.conversation.close_on_status";

/// What a rule says of a ticket or a conversation. A round of the sweep may stand beside it as what waits.
async fn said(play: &Play, asked: [&str; 2], rule: &str) -> String {
    let [by, id] = asked;
    let said = command(&play.admin(), &["explain", by, id]).await;
    assert_eq!(said.code, 0, "{}", said.json);
    let reasons = said.json["reasons"].as_array().unwrap();
    let reason = reasons.iter().find(|reason| reason["rule"] == rule);
    let reason = reason.unwrap_or_else(|| panic!("no {rule} in {reasons:?}"));
    reason["sentence"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_went_to_pending_says_why_its_conversation_stays_open() {
    let play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    play.sets(&ticket, "pending");
    play.settle().await;
    for asked in [["--ticket", &ticket], ["--conversation", &conversation]] {
        assert_eq!(
            said(&play, asked, CLOSE_ON_STATUS).await,
            "close_on_status asks for solved or closed: the ticket is pending, so the \
             conversation stays open"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_was_solved_while_the_halt_held_says_that_the_halt_holds_its_close() {
    let play = Play::with(|options| {
        options.rules = rules(&options.rules, "min_count = 1000", "min_count = 1");
    })
    .await;
    let first = play.customer_starts(1, "Oi");
    let first_ticket = play.ticket_of(&first).await;
    let second = play.customer_starts(2, "Oi");
    let ticket = play.ticket_of(&second).await;
    play.sets(&first_ticket, "solved");
    play.closed(&first).await;
    play.sets(&ticket, "solved");
    play.until_figures("the halt holds the second", |figures| {
        figures.sum("jelou_bridge_halt_held_intents", &[("operation", "close")]) > 0.5
    })
    .await;
    let wanted = said(&play, ["--ticket", &ticket], CLOSE_ON_STATUS).await;
    assert!(
        wanted.ends_with("the ticket is solved, so the conversation is to be closed"),
        "{wanted}"
    );
    let held = said(&play, ["--ticket", &ticket], "safety").await;
    assert!(held.contains("`halt release`"), "{held}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_with_a_mistyped_tag_says_that_open_when_does_not_hold() {
    let play = Play::begin().await;
    let ticket = play.helpdesk().agent_creates(NewTicket {
        requester_phone: Some(phone(1)),
        tags: vec!["whatsap".to_owned()],
        subject: "A question".to_owned(),
        ..NewTicket::default()
    });
    play.settle().await;
    let rule = "mapping.conversation.open_when";
    let sentence = said(&play, ["--ticket", &ticket], rule).await;
    assert!(sentence.contains("does not hold"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_nobody_heard_of_is_told_as_that() {
    let play = Play::begin().await;
    let said = command(&play.admin(), &["explain", "--ticket", "4711"]).await;
    assert_eq!(said.code, 2);
    let remedy = said.json["remedy"].as_str().unwrap();
    assert!(remedy.contains("timeline --ticket 4711"), "{remedy}");
}
