//! The stories in which a webhook or an answer is lost, or the system is down, and it is made good.
//! Neighbour: `suite`, whose list they are on and whose words they use.

use super::{
    at_jelou, by_an_operator, conversation_of, has_status, heard, is_over, linked, ticket_of,
    until_said,
};
use crate::stage::{PATIENCE, Stage};
use jelou_bridge::store::LinkRow;
use tokio::time::Instant;

/// Agents work on while nobody takes the system's webhooks. One round of the sweep finds all of it, and
/// an agent's last words go out before their conversation is closed.
pub(super) async fn what_no_webhook_told_the_sweep_finds(stage: &Stage) {
    let user = "5511987650109";
    let resolved = linked(stage, "5511987650110").await;
    let answered = linked(stage, user).await;
    stage.hooks.set_open(false).await;
    let posted = stage.hooks.passed().len();
    stage
        .desk
        .sets_status(&resolved.ticket, stage.desk.solved())
        .await;
    stage
        .desk
        .replies(&answered.ticket, "Um momento.", None)
        .await;
    stage.desk.comments(&answered.ticket, "Not for them.").await;
    let (words, done) = ("Pronto, até logo!", Some(stage.desk.solved()));
    stage.desk.replies(&answered.ticket, words, done).await;
    let created = stage.desk.opens("5511987650111", "An order").await;
    stage.settle().await;
    assert_eq!(stage.hooks.passed().len(), posted, "nothing came through");
    assert!(at_jelou(stage, &resolved.conversation).active);
    assert_eq!(stage.desk.sees(&created).await.conversation, None);

    stage.sweep().await;
    is_over(stage, &resolved.conversation).await;
    is_over(stage, &answered.conversation).await;
    let started = conversation_of(stage, &created, None).await;
    stage.hooks.set_open(true).await;
    stage.settle().await;
    assert!(at_jelou(stage, &started).active);
    assert_eq!(heard(stage, user), ["Um momento.", "Pronto, até logo!"]);
}

pub(super) async fn a_close_that_jelou_did_not_tell_the_sweep_finds(stage: &Stage) {
    let linked = linked(stage, "5511987650112").await;
    stage.jelou.handle.webhooks().lose_next(1);
    by_an_operator(stage, &linked.conversation);
    stage.settle().await;
    assert_ne!(
        stage.desk.sees(&linked.ticket).await.status,
        stage.desk.solved()
    );
    let swept = stage.sweep().await;
    assert!(swept.found_closed >= 1, "{swept:?}");
    has_status(stage, &linked.ticket, stage.desk.solved()).await;
    stage.settle().await;
}

/// The ticket is made and its answer never arrives: it is looked for and taken; no second one is made.
pub(super) async fn a_create_whose_answer_is_cut_makes_one_ticket(stage: &Stage) {
    let before = stage.desk.tickets().await.len();
    stage.rest.cut_next("POST", stage.desk.config.creates_at);
    let jelou = &stage.jelou.handle;
    let user = "5511987650113";
    jelou.add_user(user, "Helio Braga");
    let started = jelou.customer_starts(user, "Bom dia");
    let conversation = started.expect("free");
    let ticket = ticket_of(stage, &conversation).await;
    stage.settle().await;
    let cut = stage.rest.passed().iter().filter(|p| p.cut).count();
    assert_eq!(cut, 1, "the answer was cut off");
    assert_eq!(ticket_of(stage, &conversation).await, ticket);
    assert_eq!(stage.desk.tickets().await.len(), before + 1);
    let links = stage.links().await;
    let of = |row: &&LinkRow| row.link.ticket_id().is_some_and(|id| id.as_str() == ticket);
    let whole = links.iter().find(of);
    assert!(whole.is_some_and(|row| row.link.is_whole()), "{whole:?}");
    let customers = stage.desk.customers(&ticket);
    assert!(
        customers.as_ref().is_none_or(|all| *all == [user]),
        "its customer is on it, once: {customers:?}"
    );
}

/// An agent sees the ticket and takes it, before the bridge learns that it is there: the answer is lost, and no
/// webhook tells.
pub(super) async fn what_an_agent_did_while_a_creates_answer_was_lost_stays(stage: &Stage) {
    let before = stage.desk.tickets().await.len();
    stage.hooks.set_open(false).await;
    let creates_at = stage.desk.config.creates_at;
    stage.rest.cut_next_and_shut("POST", creates_at);
    let jelou = &stage.jelou.handle;
    jelou.add_user("5511987650118", "Lia Moura");
    let started = jelou.customer_starts("5511987650118", "Bom dia");
    let conversation = started.expect("free");
    let give_up = Instant::now() + PATIENCE;
    while stage.desk.tickets().await.len() == before {
        stage.waits("the ticket is there", give_up).await;
    }
    let ticket = ticket_of(stage, &conversation).await;
    let links = stage.links().await;
    let knows = |row: &LinkRow| row.link.ticket_id().is_some_and(|id| id.as_str() == ticket);
    assert!(!links.iter().any(knows), "nobody told the bridge yet");
    let taken = stage.desk.open_again();
    stage.desk.sets_status(&ticket, taken).await;
    stage.rest.set_open(true).await;
    stage.settle().await;
    stage.hooks.set_open(true).await;
    until_said(stage, &ticket, "Bom dia").await;
    stage.settle().await;
    assert_eq!(stage.desk.tickets().await.len(), before + 1);
    assert_eq!(stage.desk.sees(&ticket).await.status, taken);
    assert!(at_jelou(stage, &conversation).active);
}

/// A system may answer that it failed because its own webhook did: what it was asked for is done.
pub(super) async fn a_create_whose_webhook_nobody_takes_makes_one_ticket(stage: &Stage) {
    let before = stage.desk.tickets().await.len();
    stage.hooks.set_open(false).await;
    let jelou = &stage.jelou.handle;
    jelou.add_user("5511987650114", "Iris Costa");
    let started = jelou.customer_starts("5511987650114", "Bom dia");
    let conversation = started.expect("free");
    let ticket = ticket_of(stage, &conversation).await;
    until_said(stage, &ticket, "Bom dia").await;
    stage.settle().await;
    stage.hooks.set_open(true).await;
    assert_eq!(stage.desk.tickets().await.len(), before + 1);
    let texts = stage.desk.reads(&ticket).await;
    let said = texts.iter().filter(|text| text.ends_with("Bom dia"));
    assert_eq!(said.count(), 1, "{texts:?}");
}

pub(super) async fn what_happened_while_the_system_was_down_is_made_good(stage: &Stage) {
    let linked = linked(stage, "5511987650115").await;
    stage.rest.set_open(false).await;
    stage.desk.stop();
    let jelou = &stage.jelou.handle;
    jelou.add_user("5511987650116", "Joana Dias");
    let started = jelou.customer_starts("5511987650116", "Bom dia");
    let conversation = started.expect("free");
    by_an_operator(stage, &linked.conversation);
    stage.desk.start_again();
    stage.rest.set_open(true).await;
    let ticket = ticket_of(stage, &conversation).await;
    has_status(stage, &linked.ticket, stage.desk.solved()).await;
    stage.settle().await;
    assert_eq!(ticket_of(stage, &conversation).await, ticket);
}
