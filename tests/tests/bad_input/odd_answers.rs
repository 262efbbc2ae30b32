//! Remotes that answer 200 and mean nothing by it. None is taken for success; what was asked for is
//! found out, and there is one object in the end. Neighbour: webhooks, where strangers knock.

use super::*;
use bridge_sandbox::{Operation, Reply};

const ODD: [Reply; 4] = [Reply::Html, Reply::NullId, Reply::Half, Reply::StatusZero];

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_answer_to_a_create_makes_no_second_ticket() {
    let play = Play::begin().await;
    for (number, odd) in ODD.into_iter().enumerate() {
        let manners = play.helpdesk().manners();
        manners.do_and_reply(Operation::CreateTicket, 1, odd.clone());
        let conversation = play.customer_starts(number, "Oi");
        let ticket = play.ticket_of(&conversation).await;
        assert!(manners.rules().is_empty(), "{odd:?} was answered");
        let said = play.timeline(&ticket).await.join("\n");
        assert!(
            !said.contains("Outcome unknown") || said.contains("Done"),
            "{said}"
        );
    }
    assert_eq!(play.helpdesk().tickets().len(), ODD.len());
    assert_eq!(play.parked().await.len(), 0);
    let figures = play.figures().await;
    let unknown = [("operation", "create"), ("outcome", "unknown")];
    let count = figures.sum("jelou_bridge_effects_total", &unknown);
    assert!(
        (count - 4.0).abs() < 0.1,
        "each was an unknown outcome, not a failure: {count}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_was_not_done_and_oddly_answered_is_done_after_all() {
    let play = Play::begin().await;
    play.helpdesk().manners().add(bridge_sandbox::Rule {
        operation: Some(Operation::CreateTicket),
        times: Some(1),
        reply: Reply::StatusZero,
        ..bridge_sandbox::Rule::default()
    });
    let conversation = play.customer_starts(1, "Oi");
    let _ = play.ticket_of(&conversation).await;
    assert_eq!(play.helpdesk().tickets().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_answer_to_a_start_makes_no_second_conversation() {
    let play = Play::begin().await;
    for (number, odd) in ODD.into_iter().enumerate() {
        let manners = play.jelou().manners();
        manners.do_and_reply(Operation::Start, 1, odd.clone());
        let (ticket, conversation) = play.pair(number).await;
        assert!(manners.rules().is_empty(), "{odd:?} was answered");
        let started = play.jelou().conversations_of_ticket(&ticket);
        let started: Vec<&str> = started.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(started, [conversation.as_str()], "{odd:?}");
    }
    assert_eq!(play.asked_of_jelou(Operation::Start), ODD.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_answer_to_a_close_closes_once() {
    let play = Play::begin().await;
    for (number, odd) in ODD.into_iter().enumerate() {
        let (ticket, conversation) = play.pair(number).await;
        let manners = play.jelou().manners();
        manners.do_and_reply(Operation::Close, 1, odd);
        play.sets(&ticket, "solved");
        play.closed(&conversation).await;
        assert_eq!(play.status(&ticket), "solved");
    }
    assert_eq!(play.asked_of_jelou(Operation::Close), ODD.len());
}
