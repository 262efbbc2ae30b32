//! The stories in quiet weather: both sides open, link, close and reopen, each told of by webhooks
//! alone. Neighbour: `weather`, where webhooks, answers and Request Tracker itself get lost.

use crate::{
    agent::Seen,
    stage::{PATIENCE, Stage},
};
use bridge_sandbox::jelou::Conversation;
use serde_json::json;
use tokio::time::Instant;

/// The id that Jelou has for a customer is their number without the plus.
pub fn phone(user: &str) -> String {
    format!("+{user}")
}

/// An agent's ticket for a customer, with its conversation.
pub struct Linked {
    /// The ticket.
    pub ticket: String,
    /// The conversation.
    pub conversation: String,
}

/// An agent opens a ticket for a new customer, and it gets its conversation.
pub async fn linked(stage: &Stage, user: &str) -> Linked {
    let name = format!("customer-{user}");
    stage
        .agent
        .adds_person(&name, "Ana Lima", &phone(user))
        .await;
    let ticket = stage.agent.opens_ticket(&name, "An order").await;
    let conversation = conversation_of(stage, &ticket).await;
    stage.settle().await;
    Linked {
        ticket,
        conversation,
    }
}

/// Waits for the conversation in a ticket's link field.
pub async fn conversation_of(stage: &Stage, ticket: &str) -> String {
    let named = |seen: &Seen| seen.conversation.is_some();
    let seen = stage
        .until_ticket(ticket, "names its conversation", named)
        .await;
    seen.conversation.expect("it names one")
}

/// Waits until a ticket's link field names another conversation than before.
pub async fn next_conversation_of(stage: &Stage, ticket: &str, before: &str) -> String {
    let seen = stage
        .until_ticket(ticket, "names its next conversation", |seen| {
            seen.conversation.as_deref().is_some_and(|id| id != before)
        })
        .await;
    seen.conversation.expect("it names one")
}

/// A conversation at Jelou.
pub fn at_jelou(stage: &Stage, conversation: &str) -> Conversation {
    let found = stage.jelou.handle.conversation(conversation);
    found.expect("Jelou has this conversation")
}

/// Waits until a conversation is over.
pub async fn is_over(stage: &Stage, conversation: &str) {
    let what = format!("conversation {conversation} is over");
    stage
        .until_jelou(&what, |jelou| {
            jelou.conversation(conversation).is_some_and(|c| !c.active)
        })
        .await;
}

/// Waits until a ticket has a status.
pub async fn has_status(stage: &Stage, ticket: &str, status: &str) {
    let what = format!("is {status}");
    stage
        .until_ticket(ticket, &what, |seen| seen.status == status)
        .await;
}

/// The only ticket that names a conversation.
pub async fn ticket_of(stage: &Stage, conversation: &str) -> String {
    let search = format!("CF.{{ConversationId}} = '{conversation}'");
    let give_up = Instant::now() + PATIENCE;
    loop {
        let found = stage.agent.finds(&search).await;
        assert!(found.len() <= 1, "one conversation, one ticket: {found:?}");
        if let Some(ticket) = found.first() {
            return ticket.id.clone();
        }
        let what = format!("conversation {conversation} has a ticket");
        stage.patient(&what, give_up).await;
    }
}

/// An agent's ticket gets one conversation, with all that the rules say.
pub async fn a_ticket_gets_its_conversation(stage: &Stage) {
    let user = "5511987650001";
    let begun = Instant::now();
    let Linked {
        ticket,
        conversation,
    } = linked(stage, user).await;
    eprintln!(
        "{:>7.1?}  from a customer made by hand to a link that is settled",
        begun.elapsed()
    );
    let talk = at_jelou(stage, &conversation);
    assert!(talk.active);
    assert_eq!(talk.user, user);
    assert_eq!(
        talk.initial_message,
        Some(format!("Olá Ana Lima, sobre o chamado {ticket}."))
    );
    let metadata = talk.metadata.expect("metadata");
    assert_eq!(metadata["ticketId"], json!(ticket));
    assert!(metadata.contains_key("intentId"), "{metadata:?}");
    let assignment = talk.assignment.expect("somebody has it");
    assert!(assignment.to_string().contains("SUPORTE"), "{assignment}");
    let writes = stage.agent.made_by_bridge(&ticket, "CustomField").await;
    assert_eq!(writes, 1, "the link field is written once");
}

/// The reply opens the ticket, and Request Tracker posts two webhooks for it: neither means anything
/// to the conversation, and no write comes of them.
pub async fn an_agents_first_reply_changes_nothing_at_jelou(stage: &Stage) {
    let linked = linked(stage, "5511987650002").await;
    let (posted, written) = (stage.hooks.passed().len(), stage.rest.writes());
    stage
        .agent
        .replies(&linked.ticket, "We are looking.", None)
        .await;
    has_status(stage, &linked.ticket, "open").await;
    stage.settle().await;
    assert_eq!(
        stage.hooks.passed().len(),
        posted + 2,
        "one reply, two webhooks"
    );
    assert_eq!(stage.rest.writes(), written);
    assert!(at_jelou(stage, &linked.conversation).active);
}

/// A customer writes first: Request Tracker gets a user with a phone, and one ticket. After an
/// expiry the ticket is still an open one, and their next conversation is about it too.
pub async fn a_customer_who_writes_first_gets_one_ticket_and_keeps_it(stage: &Stage) {
    let user = "5511987650005";
    let jelou = &stage.jelou.handle;
    jelou.add_user(user, "Davi Alves");
    let first = jelou.customer_starts(user, "Bom dia").expect("free");
    let ticket = ticket_of(stage, &first).await;
    stage.settle().await;
    let seen = stage.agent.sees(&ticket).await;
    let requestor = seen.requestor.expect("a requestor");
    assert_eq!(requestor, format!("wa-{user}"));
    assert_eq!(stage.agent.phone_of(&requestor).await, json!(phone(user)));
    let bot = at_jelou(stage, &first).bot;
    let cached = jelou.user_cache(&bot, user).get("ticketId").cloned();
    assert_eq!(cached, Some(json!(ticket)), "the bot can read it");

    jelou.expires(&first).expect("it goes on");
    has_status(stage, &ticket, "stalled").await;
    stage.settle().await;
    let second = jelou.customer_starts(user, "Still there?").expect("free");
    assert_eq!(
        next_conversation_of(stage, &ticket, &first).await,
        second,
        "the open ticket is taken again"
    );
    stage.settle().await;
    let theirs = stage
        .agent
        .finds(&format!("Requestor.Name = '{requestor}'"))
        .await;
    assert_eq!(theirs.len(), 1, "{theirs:?}");
}

/// A merged ticket's conversation goes on under the ticket that took it in.
pub async fn a_merged_tickets_conversation_follows(stage: &Stage) {
    let user = "5511987650008";
    let merged = linked(stage, user).await;
    let name = format!("customer-{user}");
    let into = stage.agent.opens_ticket(&name, "[mail] The same").await;
    stage.settle().await;
    let said = stage
        .agent
        .changes(&merged.ticket, json!({"MergeInto": into}))
        .await;
    assert!(said.contains("Merge Successful"), "{said}");
    assert_eq!(conversation_of(stage, &into).await, merged.conversation);
    stage.settle().await;
    assert!(at_jelou(stage, &merged.conversation).active);

    stage.agent.sets_status(&into, "resolved").await;
    is_over(stage, &merged.conversation).await;
    stage.settle().await;
}
