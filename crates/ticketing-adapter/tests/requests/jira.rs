//! What Jira Service Management is asked, and what its answers mean. Neighbour: `talk`, which asks.

use crate::{
    support::{DEADLINE, conversation},
    talk::{Talk, is_done},
};
use bridge_core::{call::CallError, effect::Answer, time::Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

const OPTIONS: &[(&str, &str)] = &[
    ("project", "SUP"),
    ("service_desk_id", "4"),
    ("request_type_id", "11"),
    ("conversation_field", "10050"),
    ("phone_field", "10051"),
    ("bridge_user_id", "5b10a2844c20165700ede21g"),
];

async fn talk() -> Talk {
    Talk::with("jira-sm", OPTIONS).await
}

/// The tests' ticket has the id 42; a key reads `SUP-10`, and is as good.
fn shown(status: &str) -> Value {
    json!({
        "id": "10073", "key": "42",
        "fields": {
            "summary": "Pedido", "status": { "name": status, "statusCategory": { "key": "indeterminate" } },
            "priority": { "name": "Medium" }, "labels": ["whatsapp"], "project": { "key": "SUP" },
            "reporter": { "accountId": "qm:1:2", "displayName": "Ana", "accountType": "customer",
                          "emailAddress": "wa-593987654321@wa.invalid" },
            "assignee": null, "customfield_10050": "room-77", "customfield_10051": null, "customfield_10052": "whatsapp",
            "created": "2026-11-21T09:00:00.000+0000", "updated": "2026-11-21T10:00:05.120+0000"
        }
    })
}

fn ways() -> Value {
    json!({ "transitions": [
        { "id": "11", "name": "Escalate", "to": { "name": "Escalated" } },
        { "id": "761", "name": "Resolve this issue", "to": { "name": "Resolved" } }
    ] })
}

#[tokio::test]
async fn each_operation_asks_what_atlassians_pages_say() {
    let mut talk = talk().await;
    let ana = json!({ "accountId": "35", "emailAddress": "wa-593987654321@wa.invalid" });
    let made = talk.upsert(&[(200, json!([])), (201, ana.clone())]).await;
    let id = "35".to_owned();
    assert_eq!(made, Answer::Requester { id });
    assert_eq!(talk.upsert(&[(200, json!([ana]))]).await, made);
    let request =
        json!({ "issueId": "10073", "issueKey": "42", "currentStatus": { "status": "Open" } });
    assert!(talk.create(&[(201, request)]).await.is_ok());
    let said = json!({ "id": "10231", "public": true });
    assert!(is_done(&talk.says(&[(201, said.clone())]).await));
    assert!(is_done(&talk.notes(&[(201, said)]).await));
    let brought = json!({ "temporaryAttachments": [{ "temporaryAttachmentId": "tmp-1", "fileName": "image-1.png" }] });
    let hung = json!({ "comment": { "id": "10232" }, "attachments": { "values": [] } });
    let hung = talk.attach(&[(201, brought), (201, hung)]).await;
    assert!(is_done(&hung), "{hung:?}");
    let set = [(200, ways()), (204, Value::Null), (200, shown("Resolved"))];
    assert!(is_done(&talk.status("resolved", &set).await));
    let set = [(204, Value::Null), (200, shown("Open"))];
    assert!(is_done(&talk.link(&set).await));
    assert!(is_done(&talk.fields("customfield_10052", &set).await));
    let list = json!({ "issues": [shown("Open")] });
    assert_eq!(talk.found(&[(200, list.clone())]).await.len(), 1);
    assert_eq!(talk.open(&[(200, list.clone())]).await.len(), 1);
    assert_eq!(talk.changed(&[(200, list)]).await.len(), 1);
    insta::assert_snapshot!("jira_requests", talk.said.join("\n"));
}

#[tokio::test]
async fn a_status_without_a_way_to_it_is_refused_unsent() {
    let mut talk = talk().await;
    let refused = talk.status("closed", &[(200, ways())]).await.unwrap_err();
    assert!(matches!(refused, CallError::Refused { .. }), "{refused:?}");
    assert!(!talk.said.join("").contains("POST"), "{:?}", talk.said);
}

#[tokio::test]
async fn a_request_shows_its_person_and_an_issue_that_moved_its_new_key() {
    let mut talk = talk().await;
    let read = talk.get(&[(200, shown("Waiting for support"))]).await;
    assert_eq!(read.status.as_str(), "waiting for support");
    assert_eq!(read.requester.phone.unwrap().reveal(), "+593987654321");
    assert_eq!(read.link_field, Some(conversation()));
    assert!(
        read.created_at.is_some(),
        "an offset without a colon is read"
    );
    let mut moved = shown("Open");
    moved["key"] = json!("OPS-3");
    moved["fields"]["customfield_10051"] = json!("+5511987650001");
    let read = talk.get(&[(200, moved)]).await;
    assert_eq!(read.merged_into.unwrap().as_str(), "OPS-3");
    assert_eq!(read.requester.phone.unwrap().reveal(), "+5511987650001");
}

#[tokio::test]
async fn pages_of_one_minute_are_passed_by_their_tokens() {
    let talk = talk().await;
    let begun = talk.client.beginning(Timestamp(1_795_255_200_000));
    let first = json!({ "issues": [shown("Open")], "nextPageToken": "CAEaAggB" });
    talk.answers(&[(200, first)]);
    let page = talk.client.changed_since(&begun, DEADLINE).await.unwrap();
    assert!(page.more);
    // The next round is in the middle of the same listing; its token was forgotten meanwhile.
    let overlap = Duration::from_secs(120);
    let cursor =
        talk.client
            .with_overlap(ticketing_adapter::Listing::Tickets, &page.cursor, overlap);
    let last = json!({ "issues": [shown("Open")] });
    talk.answers(&[
        (400, json!({ "errorMessages": ["expired"] })),
        (200, last.clone()),
    ]);
    let page = talk.client.changed_since(&cursor, DEADLINE).await.unwrap();
    assert_eq!((page.tickets.len(), page.more), (1, false));
    let cursor =
        talk.client
            .with_overlap(ticketing_adapter::Listing::Tickets, &page.cursor, overlap);
    talk.answers(&[(200, last)]);
    talk.client.changed_since(&cursor, DEADLINE).await.unwrap();
    insta::assert_snapshot!("jira_pages", talk.remote.asked());
}

#[tokio::test]
async fn an_agents_words_are_told_from_the_reporters_internal_ones_and_our_own() {
    let mut talk = talk().await;
    let item = |id: u32, author: &str, kind: &str, public: bool| {
        json!({ "id": id.to_string(), "author": { "accountId": author, "accountType": kind }, "body": "Olá",
                "created": "2026-11-21T10:00:05.120+0000", "jsdPublic": public })
    };
    let listed = json!({ "comments": [
        item(5, "5b10a2844c20165700ede21g", "atlassian", true),
        item(4, "99:2", "app", true),
        item(3, "99:1", "atlassian", false),
        item(2, "99:1", "atlassian", true),
        item(1, "qm:1:2", "atlassian", true)
    ] });
    let told = talk.comments(&[(200, listed), (200, shown("Open"))]).await;
    insta::assert_snapshot!("jira_comments", told.join("\n"));
}
