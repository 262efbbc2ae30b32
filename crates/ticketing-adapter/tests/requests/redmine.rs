//! What Redmine is asked, and what its answers mean. Neighbour: `talk`, which asks.

use crate::talk::{Talk, is_done};
use bridge_core::call::CallError;
use serde_json::{Value, json};

const OPTIONS: &[(&str, &str)] = &[
    ("project", "support"),
    ("conversation_field", "5"),
    ("phone_field", "6"),
    ("bridge_user_id", "99"),
];

fn shown(status: &str, conversation: &str) -> Value {
    json!({ "issue": issue(status, conversation) })
}

fn issue(status: &str, conversation: &str) -> Value {
    json!({
        "id": 42, "project": { "id": 1, "name": "Support" }, "tracker": { "id": 3, "name": "Support" },
        "status": { "id": 3, "name": status, "is_closed": false }, "priority": { "id": 2, "name": "Normal" },
        "author": { "id": 99, "name": "Bridge" }, "subject": "Pedido", "description": "Olá",
        "custom_fields": [
            { "id": 5, "name": "Conversation", "value": conversation },
            { "id": 6, "name": "Phone", "value": "+593987654321" },
            { "id": 7, "name": "Channel", "value": "whatsapp" }
        ],
        "created_on": "2026-11-21T09:00:00Z", "updated_on": "2026-11-21T10:00:05Z"
    })
}

fn journals(words: &[&str]) -> Value {
    let mut shown = shown("New", "room-77");
    let journal = |(n, words): (usize, &&str)| {
        json!({ "id": n + 1, "user": { "id": 9 }, "notes": words, "private_notes": false,
                "created_on": "2026-11-21T10:00:05Z", "details": [] })
    };
    shown["issue"]["journals"] = words.iter().enumerate().map(journal).collect();
    shown
}

fn statuses() -> Value {
    json!({ "issue_statuses": [{ "id": 1, "name": "New" }, { "id": 8, "name": "Resolved" }] })
}

#[tokio::test]
async fn each_operation_asks_what_redmines_pages_say() {
    let mut talk = Talk::with("redmine", OPTIONS).await;
    talk.create(&[(201, shown("New", "room-77"))])
        .await
        .unwrap();
    let there = journals(&["Olá 👩‍👩‍👧 <b>Ana</b>\r\nlinha 2"]);
    assert!(is_done(
        &talk.says(&[(204, Value::Null), (200, there)]).await
    ));
    let there = journals(&["Linked to conversation room-77"]);
    assert!(is_done(
        &talk.notes(&[(204, Value::Null), (200, there)]).await
    ));
    let brought = json!({ "upload": { "id": 7, "token": "7.ed1ccdb093229ca1bd0b043618d88743" } });
    let there = journals(&["Foto (1)"]);
    let hung = [(201, brought), (204, Value::Null), (200, there)];
    assert!(is_done(&talk.attach(&hung).await));
    let set = [
        (200, statuses()),
        (204, Value::Null),
        (200, shown("Resolved", "room-77")),
    ];
    assert!(is_done(&talk.status("resolved", &set).await));
    let set = [(204, Value::Null), (200, shown("New", "room-77"))];
    assert!(is_done(&talk.link(&set).await));
    assert!(is_done(&talk.fields("7", &set).await));
    let list =
        json!({ "issues": [issue("New", "room-77")], "total_count": 1, "offset": 0, "limit": 100 });
    assert_eq!(talk.found(&[(200, list.clone())]).await.len(), 1);
    assert_eq!(talk.changed(&[(200, list)]).await.len(), 1);
    insta::assert_snapshot!("redmine_requests", talk.said.join("\n"));
}

#[tokio::test]
async fn a_204_that_changed_nothing_is_never_taken_for_done() {
    let mut talk = Talk::with("redmine", OPTIONS).await;
    let set = [
        (200, statuses()),
        (204, Value::Null),
        (200, shown("New", "room-77")),
    ];
    let refused = talk.status("resolved", &set).await.unwrap_err();
    assert!(matches!(refused, CallError::Refused { .. }), "{refused:?}");
    let unsure = talk
        .notes(&[(204, Value::Null), (200, journals(&["other words"]))])
        .await;
    assert!(
        matches!(unsure, Err(CallError::Unknown { .. })),
        "{unsure:?}"
    );
}

#[tokio::test]
async fn a_status_that_the_site_does_not_have_is_refused_unsent() {
    let mut talk = Talk::with("redmine", OPTIONS).await;
    let refused = talk
        .status("feedback", &[(200, statuses())])
        .await
        .unwrap_err();
    assert!(matches!(refused, CallError::Refused { .. }), "{refused:?}");
    assert!(!talk.said.join("").contains("PUT"), "{:?}", talk.said);
}

#[tokio::test]
async fn a_journal_without_words_and_a_private_one_are_not_the_customers() {
    let mut talk = Talk::with("redmine", OPTIONS).await;
    let mut listed = journals(&["Olá Ana", "", "only for us", "Linked"]);
    listed["issue"]["journals"][2]["private_notes"] = json!(true);
    listed["issue"]["journals"][3]["user"]["id"] = json!(99);
    let told = talk.comments(&[(200, listed)]).await;
    insta::assert_snapshot!("redmine_comments", told.join("\n"));
}
