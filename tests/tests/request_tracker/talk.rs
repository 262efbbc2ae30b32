//! What is said on one side is read on the other. Neighbours: `stories`, where conversations begin
//! and end; `weather`, where webhooks get lost.

use crate::{
    stage::Stage,
    stories::{Linked, at_jelou, linked, ticket_of},
};
use bridge_sandbox::jelou::{Speaker, Spoken};

/// What a customer got from agents, in order.
fn heard(stage: &Stage, user: &str) -> Vec<String> {
    let by_agents = |spoken: &Spoken| spoken.by == Speaker::Operator;
    let all = stage.jelou.handle.heard_by(user).into_iter();
    let words = |spoken: Spoken| match spoken.content["body"].as_str() {
        Some(words) => words.to_owned(),
        None => spoken.content.to_string(),
    };
    all.filter(by_agents).map(words).collect()
}

/// Waits until a customer got so many messages from agents.
async fn has_heard(stage: &Stage, user: &str, many: usize) {
    let what = format!("customer {user} got {many} messages");
    let by_agents = |spoken: &Spoken| spoken.by == Speaker::Operator;
    stage
        .until_jelou(&what, |jelou| {
            jelou.heard_by(user).iter().filter(|s| by_agents(s)).count() >= many
        })
        .await;
}

/// What agents write for the customer reaches them, once each; what they write among themselves does
/// not, nor does what the bridge or Request Tracker wrote.
pub async fn an_agents_public_reply_reaches_the_customer_and_an_internal_comment_does_not(
    stage: &Stage,
) {
    let user = "5511987650031";
    let Linked { ticket, .. } = linked(stage, user).await;
    stage
        .agent
        .replies(&ticket, "Olá 🙂, tudo bem?", None)
        .await;
    stage.agent.comments(&ticket, "He is angry.").await;
    stage.agent.replies(&ticket, "Já resolvo.", None).await;
    has_heard(stage, user, 2).await;
    stage.settle().await;
    assert_eq!(heard(stage, user), ["Olá 🙂, tudo bem?", "Já resolvo."]);
}

/// A customer's words are on the ticket with their name, and do not come back to them.
pub async fn what_a_customer_writes_is_on_the_ticket_and_stays_there(stage: &Stage) {
    let user = "5511987650032";
    stage.jelou.handle.add_user(user, "Rita Melo");
    let jelou = &stage.jelou.handle;
    let conversation = jelou.customer_starts(user, "Bom dia").expect("free");
    let ticket = ticket_of(stage, &conversation).await;
    jelou
        .customer_writes(&conversation, "Comprei ontem; não liga")
        .expect("it goes on");
    stage.until_said(&ticket, "Comprei ontem; não liga").await;
    stage.settle().await;
    assert!(heard(stage, user).is_empty(), "{:?}", heard(stage, user));
    assert!(at_jelou(stage, &conversation).active);
}

/// Request Tracker's webhooks get lost; what agents wrote is found by listing the history, and the last
/// words go out before the conversation is closed.
pub async fn a_reply_that_no_webhook_told_is_found_in_the_history(stage: &Stage) {
    let user = "5511987650033";
    let Linked {
        ticket,
        conversation,
    } = linked(stage, user).await;
    stage.hooks.set_open(false).await;
    stage.agent.replies(&ticket, "Um momento.", None).await;
    stage.agent.comments(&ticket, "Not for them.").await;
    stage
        .agent
        .replies(&ticket, "Pronto, até logo!", Some("resolved"))
        .await;
    stage.hooks.set_open(true).await;
    stage.sweep().await;
    stage
        .until_jelou("the conversation is over", |jelou| {
            jelou.conversation(&conversation).is_some_and(|c| !c.active)
        })
        .await;
    stage.settle().await;
    assert_eq!(heard(stage, user), ["Um momento.", "Pronto, até logo!"]);
}
