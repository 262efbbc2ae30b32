//! Where Zendesk says no, or keeps its own rules. Neighbours: `quiet`, `weather`.

use crate::{
    desk::{Account, Bad, NewTicket},
    stage::Stage,
};

/// A ticket without an assignee is not solved in every account (Zendesk help, "About native system
/// ticket rules"). It is told on the ticket and waits for a person; the conversation is over all the
/// same.
#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_zendesk_refuses_is_told_on_the_ticket_and_not_asked_for_again() {
    let account = Account {
        assign_on_solve: false,
        ..Account::default()
    };
    let stage = Stage::with(account, "").await;
    let (ticket, talk) = stage.linked("+5511987670001").await;
    let jelou = &stage.jelou.handle;
    jelou
        .operator_closes(&talk.id, "closed_by_operator")
        .expect("it goes on");
    stage
        .until("the agents are told", |_, zendesk| {
            zendesk.ticket(ticket).comments.len() == 2
        })
        .await;
    stage.settle().await;
    let seen = stage.zendesk.ticket(ticket);
    assert_eq!(seen.status, "new");
    assert!(!seen.comments[1].public);
    assert_eq!(stage.parked().await, 1);
    let refused = |stage: &Stage| {
        let calls = stage.zendesk.calls();
        calls.iter().filter(|call| call.status == 422).count()
    };
    assert_eq!(refused(&stage), 1);
    stage.zendesk.agent_comments(ticket, "Assigned.", false);
    stage.sweep().await;
    stage.settle().await;
    assert_eq!(refused(&stage), 1, "saying it again would say the same");
    stage.stop().await;
}

/// The conversation is closed at Jelou while an agent closes the ticket for good: there is nothing
/// left to set.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_was_closed_meanwhile_is_left_as_it_is() {
    let stage = Stage::start().await;
    let (ticket, talk) = stage.linked("+5511987670002").await;
    stage.zendesk.hooks().set_off(true);
    stage.zendesk.agent_sets_status(ticket, "closed");
    let jelou = &stage.jelou.handle;
    jelou
        .operator_closes(&talk.id, "closed_by_operator")
        .expect("it goes on");
    stage.settle().await;
    stage.sweep().await;
    stage.settle().await;
    assert_eq!(stage.zendesk.ticket(ticket).status, "closed");
    let again = jelou.customer_starts(&talk.user, "Olá").expect("free");
    let new = stage.ticket_of(&again).await;
    stage.settle().await;
    assert_ne!(new, ticket);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_holds_zendesks_side_and_loses_nothing() {
    let stage = Stage::start().await;
    let (ticket, talk) = stage.linked("+5511987670003").await;
    stage
        .zendesk
        .next("PUT", "/api/v2/tickets/", 1, Bad::Refused(401));
    let jelou = &stage.jelou.handle;
    jelou
        .operator_closes(&talk.id, "closed_by_operator")
        .expect("it goes on");
    stage
        .until("it was refused", |_, zendesk| {
            zendesk.calls().iter().any(|call| call.status == 401)
        })
        .await;
    // Webhooks are taken while the side is held; one call a minute asks again.
    stage.zendesk.agent_comments(ticket, "Hello?", true);
    stage
        .until("the webhook is answered", |_, zendesk| {
            let told = zendesk.hooks().told();
            told.last().is_some_and(|told| told.answered == Some(200))
        })
        .await;
    assert_eq!(stage.parked().await, 0);
    assert_eq!(stage.zendesk.ticket(ticket).status, "new");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_field_of_ones_own_the_external_id_is_left_alone() {
    let stage = Stage::with(
        Account::default(),
        "conversation_field = \"360\", group_id = \"502\"",
    )
    .await;
    let ticket = stage.zendesk.agent_creates(&NewTicket {
        name: "Ana Lima",
        phone: "+5511987670004",
        group: "billing",
        tags: &["whatsapp"],
    });
    stage
        .until("the field names the conversation", |_, zendesk| {
            !zendesk.ticket(ticket).fields[&360].is_null()
        })
        .await;
    let talk = stage
        .jelou
        .handle
        .customer_starts("5511987670005", "Olá")
        .expect("free");
    stage
        .until("a ticket is made", |_, zendesk| {
            zendesk.tickets().len() == 2
        })
        .await;
    stage.settle().await;
    let tickets = stage.zendesk.tickets();
    assert!(
        tickets.iter().all(|ticket| ticket.external_id.is_none()),
        "{tickets:?}"
    );
    assert_eq!(tickets[1].fields[&360], talk);
    assert_eq!(tickets[1].group, Some(502));
    stage.stop().await;
}
