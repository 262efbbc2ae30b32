//! The stories in bad weather: webhooks refused, answers cut off, Request Tracker gone or saying no
//! with a 200. Neighbour: `stories`, the quiet days.

use crate::{
    stage::Stage,
    stories::{
        Linked, at_jelou, conversation_of, has_status, is_over, linked, next_conversation_of, phone,
    },
};
use serde_json::json;

/// Agents work on while nobody takes Request Tracker's webhooks; it does not send them again. One
/// round of the sweep finds all of it.
pub async fn what_refused_webhooks_did_not_tell_the_sweep_finds(stage: &Stage) {
    let resolved = linked(stage, "5511987650011").await;
    let answered = linked(stage, "5511987650012").await;
    let waiting = closed(stage, "5511987650013").await;
    let new_customer = "customer-5511987650014";
    let brief_customer = "customer-5511987650015";
    for name in [new_customer, brief_customer] {
        let user = name.trim_start_matches("customer-");
        stage
            .agent
            .adds_person(name, "Gabi Melo", &phone(user))
            .await;
    }

    stage.hooks.set_open(false).await;
    let posted = stage.hooks.passed().len();
    stage.agent.sets_status(&resolved.ticket, "resolved").await;
    stage
        .agent
        .replies(&answered.ticket, "Done, thank you.", Some("resolved"))
        .await;
    stage.agent.sets_status(&waiting.ticket, "open").await;
    let created = stage.agent.opens_ticket(new_customer, "An order").await;
    let brief = stage.agent.opens_ticket(brief_customer, "A slip").await;
    stage.agent.sets_status(&brief, "rejected").await;
    stage.settle().await;
    assert_eq!(stage.hooks.passed().len(), posted, "nothing came through");
    assert!(at_jelou(stage, &resolved.conversation).active);
    assert!(at_jelou(stage, &answered.conversation).active);
    assert_eq!(stage.agent.sees(&created).await.conversation, None);

    let swept = stage.sweep().await;
    assert!(swept.new_states >= 5, "{swept:?}");
    is_over(stage, &resolved.conversation).await;
    is_over(stage, &answered.conversation).await;
    let started = conversation_of(stage, &created).await;
    let again = next_conversation_of(stage, &waiting.ticket, &waiting.conversation).await;
    stage.hooks.set_open(true).await;
    stage.settle().await;
    assert!(at_jelou(stage, &started).active);
    assert!(at_jelou(stage, &again).active);
    assert_eq!(stage.agent.sees(&brief).await.conversation, None);
    let never = stage.jelou.handle.conversations_of_ticket(&brief);
    assert!(never.is_empty(), "over before it was known: {never:?}");
}

async fn closed(stage: &Stage, user: &str) -> Linked {
    let linked = linked(stage, user).await;
    stage.agent.sets_status(&linked.ticket, "resolved").await;
    is_over(stage, &linked.conversation).await;
    stage.settle().await;
    linked
}

/// The answers to a status and a link field are cut off: both are sent again, which changes nothing.
pub async fn a_write_whose_answer_is_cut_is_done_once(stage: &Stage) {
    let user = "5511987650018";
    let name = format!("customer-{user}");
    stage
        .agent
        .adds_person(&name, "Iris Costa", &phone(user))
        .await;
    // The next ticket's number is not known before it is there; its link field is written later.
    stage.rest.set_open(false).await;
    let ticket = stage.agent.opens_ticket(&name, "An order").await;
    let path = format!("/REST/2.0/ticket/{ticket}");
    stage.rest.cut_next("PUT", &path);
    stage.rest.set_open(true).await;
    let conversation = conversation_of(stage, &ticket).await;
    stage.settle().await;
    stage.rest.cut_next("PUT", &path);
    stage
        .jelou
        .handle
        .operator_closes(&conversation, "closed_by_operator")
        .expect("it goes on");
    has_status(stage, &ticket, "resolved").await;
    stage.settle().await;
    let cut = stage.rest.passed().iter().filter(|p| p.cut).count();
    assert_eq!(cut, 2, "both answers were cut off");
    for kind in ["CustomField", "Status"] {
        let made = stage.agent.made_by_bridge(&ticket, kind).await;
        assert_eq!(made, 1, "{kind} is written once");
    }
}

/// A change of the owner together with the status is posted in part or not at all. At the latest the
/// sweep sees what it came to.
pub async fn what_request_tracker_leaves_out_of_a_webhook_is_not_lost(stage: &Stage) {
    let linked = linked(stage, "5511987650021").await;
    let change = json!({"Owner": "agent1", "Status": "resolved"});
    let said = stage.agent.changes(&linked.ticket, change).await;
    assert!(said.contains("to 'resolved'"), "{said}");
    stage.settle().await;
    stage.sweep().await;
    is_over(stage, &linked.conversation).await;
    stage.settle().await;
}

/// A ticket that depends on another cannot be resolved: Request Tracker says so in a 200, and the
/// bridge does not take it for a yes. It tells the agents, does not ask again and again, and does it
/// when the other ticket is done and a person says so.
pub async fn a_no_in_a_200_is_told_and_not_believed(stage: &Stage) {
    let blocker = linked(stage, "5511987650022").await;
    let blocked = linked(stage, "5511987650023").await;
    let change = json!({"DependsOn": blocker.ticket});
    stage.agent.changes(&blocked.ticket, change).await;
    stage.settle().await;
    stage
        .jelou
        .handle
        .operator_closes(&blocked.conversation, "closed_by_operator")
        .expect("it goes on");
    stage.until_told(&blocked.ticket).await;
    stage.settle().await;
    let written = stage.rest.writes();
    stage.sweep().await;
    stage.settle().await;
    assert_eq!(stage.rest.writes(), written, "it is not asked again");
    assert_eq!(stage.agent.sees(&blocked.ticket).await.status, "new");
    let parked = stage.parked().await;
    assert_eq!(parked.len(), 1, "{parked:?}");
    assert_eq!(parked[0].reason, "refused");
    assert_eq!(parked[0].ticket, Some(blocked.ticket.clone()));

    stage.agent.sets_status(&blocker.ticket, "resolved").await;
    is_over(stage, &blocker.conversation).await;
    stage.retry(&parked[0].id).await;
    has_status(stage, &blocked.ticket, "resolved").await;
    stage.settle().await;
    assert_eq!(
        stage.agent.made_by_bridge(&blocked.ticket, "Comment").await,
        1
    );
}
