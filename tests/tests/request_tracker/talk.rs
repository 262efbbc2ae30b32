//! What is said on one side is read on the other. Neighbours: `stories`, where conversations begin
//! and end; `weather`, where webhooks get lost.

use crate::{
    stage::{PATIENCE, Stage},
    stories::{Linked, linked},
};
use bridge_sandbox::jelou::{CustomerFile, Speaker, Spoken};
use bytes::Bytes;
use tokio::time::Instant;

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

/// A customer's files hang on the ticket, byte for byte and once each; nothing of them goes back.
pub async fn a_customers_picture_arrives_as_an_attachment(stage: &Stage) {
    let user = "5511987650034";
    let Linked {
        ticket,
        conversation,
    } = linked(stage, user).await;
    // Every byte there is: none may be taken for a text, a line's end or a sign of some alphabet.
    let bytes: Vec<u8> = b"\x89PNG\r\n\x1a\n"
        .iter()
        .copied()
        .chain(0..=255)
        .collect();
    let file = |kind: &str, mime_type: &str, name: &str| CustomerFile {
        kind: kind.to_owned(),
        mime_type: mime_type.to_owned(),
        name: name.to_owned(),
        caption: Some("Veja".to_owned()),
        bytes: Bytes::from(bytes.clone()),
    };
    let jelou = &stage.jelou.handle;
    let sent = [
        file("image", "image/png", "foto.png"),
        file("document", "application/pdf", "nota ção 🙂.pdf"),
    ];
    for file in sent {
        jelou
            .customer_sends_file(&conversation, file)
            .expect("sent");
    }
    until_hung(stage, &ticket, 2).await;
    stage.settle().await;
    let mut files = stage.agent.files(&ticket).await;
    files.sort();
    let [(picture, kind, held), (document, its_kind, its_held)] = &files[..] else {
        panic!("{} files", files.len());
    };
    assert!(
        picture.starts_with("image-") && picture.ends_with(".png"),
        "{picture}"
    );
    assert_eq!((kind.as_str(), held), ("image/png", &bytes));
    assert_eq!(document, "nota __o _.pdf");
    assert_eq!((its_kind.as_str(), its_held), ("application/pdf", &bytes));
    // The messages came by themselves, with the files' addresses.
    let texts = stage.agent.reads(&ticket).await;
    let with_address = texts.iter().filter(|text| text.contains("/media/"));
    assert_eq!(with_address.count(), 2, "{texts:?}");
    assert!(heard(stage, user).is_empty(), "{:?}", heard(stage, user));
}

/// Request Tracker gives files to those who log in. The words go out, and the ticket says that the file
/// did not: whether a webhook told of it or the history.
pub async fn an_agents_file_stays_behind_and_the_ticket_says_so(stage: &Stage) {
    let user = "5511987650035";
    let Linked { ticket, .. } = linked(stage, user).await;
    let agent = &stage.agent;
    agent
        .replies_with_file(&ticket, "Segue.", "boleto.pdf")
        .await;
    has_heard(stage, user, 1).await;
    stage.hooks.set_open(false).await;
    agent
        .replies_with_file(&ticket, "E este.", "nota.pdf")
        .await;
    stage.hooks.set_open(true).await;
    stage.sweep().await;
    has_heard(stage, user, 2).await;
    stage.settle().await;
    assert_eq!(heard(stage, user), ["Segue.", "E este."]);
    let texts = agent.reads(&ticket).await;
    for file in ["boleto.pdf", "nota.pdf"] {
        let told = texts.iter().filter(|text| text.contains(file));
        assert_eq!(told.count(), 1, "{file}: {texts:?}");
    }
}

/// Waits until so many files hang on a ticket.
async fn until_hung(stage: &Stage, ticket: &str, many: usize) {
    let give_up = Instant::now() + PATIENCE;
    while stage.agent.files(ticket).await.len() < many {
        let what = format!("{many} files hang on ticket {ticket}");
        stage.patient(&what, give_up).await;
    }
}
