//! What the sandbox's helpdesk is asked, to the byte, and what its answers mean.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "an answer of another form fails its test"
)]

mod support;

use bridge_core::{effect::Answer, text::Text, ticket::Status, time::Timestamp};
use serde_json::{Value, json};
use support::{DEADLINE, ana, comment, conversation, intent, start, ticket, wild};

fn shown() -> Value {
    json!({
        "id": "42", "status": "open", "subject": "Pedido", "description": "...", "priority": "high",
        "tags": ["whatsapp"], "group": "billing", "external_id": "room-77", "fields": { "channel": "wa" },
        "requester": { "id": "r1", "name": "Ana", "phone": "+593987654321", "external_id": "593987654321" },
        "assignee": "Agent One", "created_at": "2026-11-21T10:00:00.000Z",
        "updated_at": "2026-11-21T10:00:05.250Z", "version": 17, "comments_count": 0
    })
}

#[tokio::test]
async fn every_write_is_one_call_whose_answer_shows_the_ticket() {
    let (remote, client) = start("sandbox", &[]).await;
    remote.tell(200, json!({ "requester": { "id": "r1" } }));
    remote.tell(201, json!({ "ticket": shown() }));
    remote
        .tell(201, json!({ "comment": { "id": "c1" } }))
        .tell(201, json!({ "comment": { "id": "c2" } }));
    for _ in 0..3 {
        remote.tell(200, json!({ "ticket": shown() }));
    }
    let who = client.upsert_requester(&ana(), DEADLINE).await.unwrap();
    assert_eq!(
        who,
        Answer::Requester {
            id: "r1".to_owned()
        }
    );
    let made = client
        .create(&wild("r1", "channel"), &intent(), false, DEADLINE)
        .await
        .unwrap();
    let Answer::Created {
        whole: Some(whole), ..
    } = made
    else {
        panic!("{made:?}")
    };
    insta::assert_json_snapshot!("sandbox_ticket", whole);
    let (t, text) = (&ticket(), Text::new("nota"));
    client
        .add_note(t, &text, &intent(), DEADLINE)
        .await
        .unwrap();
    client
        .add_comment(&comment(t, &text), &intent(), DEADLINE)
        .await
        .unwrap();
    client
        .set_status(t, &Status::new("solved"), DEADLINE)
        .await
        .unwrap();
    client
        .write_link_field(t, &conversation(), DEADLINE)
        .await
        .unwrap();
    let fields = [("channel".to_owned(), Text::new("x"))].into();
    let done = client.set_fields(t, &fields, DEADLINE).await.unwrap();
    assert_eq!(done, Answer::Done { whole: Some(whole) });
    insta::assert_snapshot!("sandbox_writes", remote.asked());
}

#[tokio::test]
async fn every_read_is_one_call() {
    let (remote, client) = start("sandbox", &[]).await;
    let mut solved = shown();
    solved["status"] = json!("solved");
    remote.tell(200, json!({ "ticket": shown() }));
    remote
        .tell(200, json!({ "tickets": [shown()] }))
        .tell(200, json!({ "tickets": [solved] }));
    remote.tell(200, json!({ "comments": [{ "id": "c1", "body": "nota" }] }));
    client.ticket(&ticket(), DEADLINE).await.unwrap();
    let found = client
        .tickets_by_conversation(&conversation(), DEADLINE)
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(client.open_tickets("r1", DEADLINE).await.unwrap(), []);
    assert!(
        client
            .has_note(&ticket(), &Text::new("nota"), DEADLINE)
            .await
            .unwrap()
    );
    insta::assert_snapshot!("sandbox_reads", remote.asked());
}

#[tokio::test]
async fn the_listing_goes_by_its_own_number_and_begins_at_the_beginning() {
    let (remote, client) = start("sandbox", &[]).await;
    // 2026-11-21T10:00:05Z
    let beginning = client.beginning(Timestamp(1_795_255_205_000));
    let mut old = shown();
    old["updated_at"] = json!("2026-11-21T10:00:04.999Z");
    remote.tell(
        200,
        json!({ "tickets": [old, shown()], "next": "17", "more": true }),
    );
    remote.tell(
        200,
        json!({ "tickets": [{ "id": null }], "next": 18, "more": false }),
    );
    let first = client.changed_since(&beginning, DEADLINE).await.unwrap();
    assert_eq!((first.tickets.len(), first.more), (1, true));
    let second = client.changed_since(&first.cursor, DEADLINE).await.unwrap();
    assert_eq!(
        (second.tickets.len(), second.more, second.unreadable),
        (0, false, 1)
    );
    insta::assert_snapshot!("sandbox_changed_since", remote.asked());
}

#[tokio::test]
async fn an_answer_about_another_ticket_proves_nothing() {
    let (remote, client) = start("sandbox", &[]).await;
    let mut other = shown();
    other["id"] = json!("43");
    remote.tell(200, json!({ "ticket": other }));
    let error = client
        .set_status(&ticket(), &Status::new("open"), DEADLINE)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "later");
}

#[tokio::test]
async fn a_text_that_is_no_cursor_of_ours_is_refused_unsent() {
    let (remote, client) = start("sandbox", &[]).await;
    let error = client.changed_since("17", DEADLINE).await.unwrap_err();
    assert_eq!((error.kind(), remote.asked().as_str()), ("refused", ""));
}
