//! What django-helpdesk is asked, and what its answers mean. The answers are of a 2.6.1. Neighbour:
//! `talk`, which asks.

use crate::{
    support::{DEADLINE, conversation, ticket},
    talk::{Talk, is_done},
};
use bridge_core::{call::CallError, time::Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

const OPTIONS: &[(&str, &str)] = &[("queue", "1"), ("bridge_user_id", "1")];

async fn talk() -> Talk {
    Talk::with("django-helpdesk", OPTIONS).await
}

fn entry(id: u32, user: Value, comment: Value, public: bool) -> Value {
    json!({ "id": id, "ticket": 42, "user": user, "title": "Pedido", "comment": comment, "public": public,
            "new_status": null, "time_spent": null, "followupattachment_set": [],
            "date": "2026-11-21T10:00:05.120000Z", "message_id": null, "email_recipients": null })
}

fn shown(status: u8) -> Value {
    json!({
        "id": 42, "queue": 1, "title": "Pedido", "description": "Olá", "resolution": null,
        "submitter_email": "wa-593987654321@wa.invalid", "assigned_to": null, "status": status, "on_hold": false,
        "priority": 3, "due_date": null, "merged_to": null,
        "followup_set": [entry(7, json!(1), json!("Olá"), true)],
        "custom_conversation_id": "room-77"
    })
}

fn page(results: &[Value], count: u32, next: Option<&str>) -> Value {
    json!({ "count": count, "next": next, "previous": null, "results": results })
}

#[tokio::test]
async fn each_operation_asks_what_the_source_takes() {
    let mut talk = talk().await;
    let created = talk.create(&[(201, shown(1))]).await;
    assert!(created.is_ok(), "{created:?}");
    let said = entry(8, json!(1), json!(".."), true);
    assert!(is_done(&talk.says(&[(201, said.clone())]).await));
    assert!(is_done(&talk.notes(&[(201, said)]).await));
    let hung = entry(9, json!(1), json!("Foto (1)"), true);
    assert!(is_done(&talk.attach(&[(201, hung)]).await));
    assert!(is_done(&talk.status("resolved", &[(200, shown(3))]).await));
    assert!(is_done(&talk.link(&[(200, shown(1))]).await));
    let set = talk.fields("custom_channel", &[(200, shown(1))]).await;
    assert!(is_done(&set));
    let found = page(&[shown(1)], 1, None);
    assert_eq!(talk.found(&[(200, found)]).await.len(), 1);
    let log = page(&[entry(7, json!(2), json!("Olá"), true)], 201, None);
    let changed = talk.changed(&[(200, log), (200, shown(3))]).await;
    assert_eq!(changed[0].status.as_str(), "resolved");
    insta::assert_snapshot!("django_helpdesk_requests", talk.said.join("\n"));
}

#[tokio::test]
async fn a_500_to_a_create_may_mean_yes() {
    let mut talk = talk().await;
    let unsure = talk.create(&[(500, Value::Null)]).await;
    assert!(
        matches!(unsure, Err(CallError::Unknown { .. })),
        "{unsure:?}"
    );
}

#[tokio::test]
async fn a_customer_is_known_by_the_address_made_of_their_number() {
    let mut talk = talk().await;
    let read = talk.get(&[(200, shown(2))]).await;
    assert_eq!(read.status.as_str(), "reopened");
    assert_eq!(read.requester.phone.unwrap().reveal(), "+593987654321");
    assert_eq!(read.link_field, Some(conversation()));
    assert_eq!(read.priority.as_deref(), Some("normal"));
    for (mail, merged) in [
        (json!("ana@example.org"), json!(9)),
        (Value::Null, Value::Null),
    ] {
        let mut by_mail = shown(5);
        by_mail["submitter_email"] = mail;
        by_mail["merged_to"] = merged.clone();
        let read = talk.get(&[(200, by_mail)]).await;
        assert_eq!(read.requester.phone, None);
        assert_eq!(read.merged_into.is_some(), merged.is_number());
    }
}

#[tokio::test]
async fn the_log_is_followed_to_its_end_and_only_what_is_new_is_read() {
    let talk = talk().await;
    let at = |id: u32, time: &str| {
        let mut entry = entry(id, json!(2), json!("Olá"), true);
        entry["ticket"] = json!(id);
        entry["date"] = json!(format!("2026-11-21T{time}Z"));
        entry
    };
    let ticket = |id: u32| {
        let mut ticket = shown(1);
        ticket["id"] = json!(id);
        (200, ticket)
    };
    // It begins at 10:00 with the last of two pages; what was before is not read.
    let begun = talk.client.beginning(Timestamp(1_795_255_200_000));
    let end = page(&[at(1, "09:59:00"), at(2, "10:00:10")], 102, None);
    talk.answers(&[(200, end), ticket(2)]);
    let first = talk.client.changed_since(&begun, DEADLINE).await.unwrap();
    assert_eq!((first.tickets.len(), first.more), (1, false));
    // The page before the last is looked at again, and its successors.
    let early = talk.client.with_overlap(
        ticketing_adapter::Listing::Tickets,
        &first.cursor,
        Duration::from_secs(120),
    );
    let before = page(&[at(1, "09:50:00")], 102, Some("page=2"));
    talk.answers(&[(200, before)]);
    let second = talk.client.changed_since(&early, DEADLINE).await.unwrap();
    assert_eq!((second.tickets.len(), second.more), (0, true));
    let grown = page(&[at(2, "10:00:10"), at(3, "10:05:00")], 103, None);
    talk.answers(&[(200, grown), ticket(2), ticket(3)]);
    let third = talk
        .client
        .changed_since(&second.cursor, DEADLINE)
        .await
        .unwrap();
    assert_eq!((third.tickets.len(), third.more), (2, false));
    // Tickets were deleted, and the log is shorter than it was: it is looked for from its end.
    talk.answers(&[(404, json!({ "detail": "Invalid page." }))]);
    let shorter = page(&[at(2, "10:00:10"), at(4, "10:06:00")], 2, None);
    talk.answers(&[(200, shorter), ticket(4)]);
    let fourth = talk
        .client
        .changed_since(&third.cursor, DEADLINE)
        .await
        .unwrap();
    assert_eq!(fourth.tickets.len(), 1, "what was seen before is left out");
    insta::assert_snapshot!("django_helpdesk_log", talk.remote.asked());
}

#[tokio::test]
async fn an_agents_words_are_told_from_the_submitters_internal_ones_and_our_own() {
    let mut talk = talk().await;
    let mut listed = shown(1);
    listed["followup_set"] = json!([
        entry(1, json!(1), json!("Olá"), true),
        entry(2, json!(9), json!("Olá Ana"), true),
        entry(3, json!(9), json!("only for us"), false),
        entry(4, Value::Null, json!("by the portal"), true),
        entry(5, json!(9), Value::Null, true),
        entry(6, json!(1), json!("a customer's"), true)
    ]);
    let told = talk.comments(&[(200, listed)]).await;
    insta::assert_snapshot!("django_helpdesk_comments", told.join("\n"));
    let words = bridge_core::text::Text::new("a customer's");
    let mut listed = shown(1);
    listed["followup_set"] = json!([entry(6, json!(1), json!("a customer's"), true)]);
    talk.answers(&[(200, listed)]);
    assert!(
        talk.client
            .has_note(&ticket(), &words, DEADLINE)
            .await
            .unwrap()
    );
}

/// Found by a reader: a page of fifty tickets, each read by a call of its own, had the deadline of one call. On
/// a system that answers in a tenth of a second the sweep asked for the same page for ever.
#[tokio::test]
async fn a_full_page_takes_as_long_as_its_reads_and_each_of_them_no_longer_than_a_call() {
    let talk = talk().await;
    let (pace, deadline) = (Duration::from_millis(40), Duration::from_millis(400));
    talk.remote.takes(pace);
    let entries: Vec<Value> = (1..=20)
        .map(|id| {
            let mut entry = entry(id, json!(2), json!("Olá"), true);
            entry["ticket"] = json!(id);
            entry["date"] = json!("2026-11-21T10:00:10Z");
            entry
        })
        .collect();
    let mut answers = vec![(200, page(&entries, 20, None))];
    answers.extend((1..=20).map(|id| {
        let mut ticket = shown(1);
        ticket["id"] = json!(id);
        (200, ticket)
    }));
    talk.answers(&answers);
    let begun = talk.client.beginning(Timestamp(1_795_255_200_000));
    let listed = talk.client.changed_since(&begun, deadline).await.unwrap();
    assert_eq!(listed.tickets.len(), 20);
    talk.remote.takes(deadline * 2);
    talk.answers(&[(200, page(&entries, 20, None))]);
    assert!(talk.client.changed_since(&begun, deadline).await.is_err());
}
