//! What HubSpot is asked, and what its answers mean. Neighbour: `talk`, which asks.

use crate::{
    support::{DEADLINE, ana, conversation},
    talk::{Talk, is_done},
};
use bridge_core::{call::CallError, effect::Answer};
use serde_json::{Value, json};

async fn talk() -> Talk {
    Talk::with("hubspot", &[]).await
}

fn shown(stage: &str) -> Value {
    json!({
        "id": "42", "createdAt": "2026-11-21T09:00:00.000Z", "updatedAt": "2026-11-21T10:00:05.120Z", "archived": false,
        "properties": { "subject": "Pedido", "hs_pipeline": "0", "hs_pipeline_stage": stage, "hs_ticket_priority": "HIGH",
                        "hubspot_owner_id": null, "jelou_conversation_id": "room-77",
                        "hs_lastmodifieddate": "2026-11-21T10:00:05.120Z" }
    })
}

fn whole(stage: &str) -> Value {
    let mut whole = shown(stage);
    whole["associations"] =
        json!({ "contacts": { "results": [{ "id": "35", "type": "ticket_to_contact" }] } });
    whole
}

fn contact() -> Value {
    json!({ "id": "35", "properties": { "firstname": "Ana", "phone": "+593987654321", "email": null } })
}

fn upserted(id: &str) -> Value {
    json!({ "status": "COMPLETE", "results": [{ "id": id, "new": true, "properties": {} }] })
}

fn list(items: &[Value]) -> Value {
    json!({ "total": items.len(), "results": items })
}

#[tokio::test]
async fn each_operation_asks_what_hubspots_pages_say() {
    let mut talk = talk().await;
    let made = talk.upsert(&[(200, upserted("35"))]).await;
    let id = "35".to_owned();
    assert_eq!(made, Answer::Requester { id });
    let made = talk.create(&[(201, shown("1"))]).await;
    assert!(made.is_ok(), "{made:?}");
    let said = json!({ "id": "204", "properties": {} });
    assert!(is_done(&talk.says(&[(201, said.clone())]).await));
    assert!(is_done(&talk.notes(&[(201, said.clone())]).await));
    let brought = json!({ "id": "1187", "parentFolderId": "12", "name": "image-1", "extension": "png", "access": "PRIVATE" });
    let hung = talk.attach(&[(201, brought), (201, said)]).await;
    assert!(is_done(&hung));
    assert!(is_done(&talk.status("closed", &[(200, shown("4"))]).await));
    assert!(is_done(&talk.link(&[(200, shown("1"))]).await));
    assert!(is_done(&talk.fields("channel", &[(200, shown("1"))]).await));
    assert_eq!(talk.found(&[(200, whole("1"))]).await.len(), 1);
    let none = json!({ "status": "error", "category": "OBJECT_NOT_FOUND" });
    assert!(talk.found(&[(404, none)]).await.is_empty());
    let open = talk
        .open(&[(200, list(&[shown("1"), shown("4"), shown("9")]))])
        .await;
    assert_eq!(open.len(), 2, "a stage of the site's own is open");
    let changed = [
        (200, list(&[shown("3")])),
        (200, whole("3")),
        (200, contact()),
    ];
    let changed = talk.changed(&changed).await;
    assert_eq!(
        changed[0].requester.phone.as_ref().unwrap().reveal(),
        "+593987654321"
    );
    let agents = json!({ "hs_note_body": "<p>&gt;&gt; Ol&aacute;</p>", "hs_createdate": "2026-11-21T10:00:05.120Z",
                         "hs_object_source": "CRM_UI", "hs_created_by_user_id": "7",
                         "hs_attachment_ids": "1187;1188" });
    let ours = json!({ "hs_note_body": "written by the bridge", "hs_createdate": "2026-11-21T10:00:06.120Z",
                       "hs_object_source": "INTEGRATION", "hs_created_by_user_id": null });
    let of_a_deal = json!({ "id": "303", "properties": {} });
    let mut of_a_ticket = json!({ "id": "301", "properties": {} });
    of_a_ticket["associations"] =
        json!({ "tickets": { "results": [{ "id": "42", "type": "note_to_ticket" }] } });
    let notes = ["301", "302", "303"].map(|id| {
        let properties = if id == "302" { &ours } else { &agents };
        json!({ "id": id, "properties": properties })
    });
    let said = [(200, list(&notes)), (200, of_a_ticket), (200, of_a_deal)];
    assert_eq!(talk.commented(&said).await, ["42 301 Olá [1187] [1188]"]);
    insta::assert_snapshot!("hubspot_requests", talk.said.join("\n"));
}

#[tokio::test]
async fn a_file_without_an_id_is_hung_on_no_note() {
    let mut talk = talk().await;
    let nameless = json!({ "name": "image-1", "extension": "png" });
    let hung = talk.attach(&[(201, nameless)]).await;
    assert!(matches!(hung, Err(CallError::Refused { .. })), "{hung:?}");
}

/// HubSpot's pages show such a refusal with its code in a list; programs of others read it from the sentence.
#[tokio::test]
async fn a_second_ticket_for_a_conversation_is_refused_and_the_first_is_looked_for() {
    let mut talk = talk().await;
    let code = "CONFLICTING_UNIQUE_VALUE";
    let listed = json!({ "status": "error", "category": "VALIDATION_ERROR", "message": "it does not fit",
                         "errors": [{ "message": "81 already has that value.", "code": code }] });
    let told = format!("Property values were not valid: [{{\"error\":\"{code}\"}}]");
    let told = json!({ "status": "error", "category": "VALIDATION_ERROR", "message": told });
    let conflict = json!({ "status": "error", "category": "CONFLICT" });
    for taken in [(400, listed), (400, told), (409, conflict)] {
        let unsure = talk.create(&[taken]).await;
        assert!(
            matches!(&unsure, Err(CallError::Unknown { reason, .. }) if reason.contains("there already")),
            "{unsure:?}"
        );
    }
    let named = json!({ "status": "error", "category": "VALIDATION_ERROR", "errors": [{ "code": code,
                         "context": { "propertyName": ["jelou_conversation_id"] } }] });
    let unsure = talk.create(&[(400, named)]).await;
    assert!(
        matches!(unsure, Err(CallError::Unknown { .. })),
        "{unsure:?}"
    );
    let elsewhere = json!({ "status": "error", "category": "VALIDATION_ERROR", "errors": [{ "code": code,
                             "context": { "propertyName": ["order_number"] } }] });
    let told = format!(
        "Property values were not valid: [{{\"error\":\"{code}\",\"name\":\"order_number\"}}]"
    );
    let told = json!({ "status": "error", "category": "VALIDATION_ERROR", "message": told });
    for other in [elsewhere, told] {
        let refused = talk.create(&[(400, other)]).await;
        assert!(
            matches!(refused, Err(CallError::Refused { status: 400, .. })),
            "another property's value, which no look for the conversation finds: {refused:?}"
        );
    }
    let other = json!({ "status": "error", "category": "VALIDATION_ERROR", "errors": [{ "code": "INVALID_OPTION" }] });
    let refused = talk.create(&[(400, other)]).await;
    assert!(
        matches!(refused, Err(CallError::Refused { status: 400, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_upsert_that_is_not_complete_is_no_yes() {
    let mut talk = talk().await;
    let partly = json!({ "status": "COMPLETE_WITH_ERRORS", "results": [], "errors": [{ "category": "VALIDATION_ERROR" }] });
    talk.answers(&[(207, partly)]);
    let unsure = talk.client.upsert_requester(&ana(), DEADLINE).await;
    assert!(matches!(unsure, Err(CallError::Later { .. })), "{unsure:?}");
    talk.kept("upsert_requester");
}

#[tokio::test]
async fn a_ticket_is_read_with_its_contact_and_one_that_was_merged_under_the_others_id() {
    let mut talk = talk().await;
    let read = talk.get(&[(200, whole("2")), (200, contact())]).await;
    assert_eq!(read.status.as_str(), "waiting on contact");
    assert_eq!(read.requester.id.as_deref(), Some("35"));
    assert_eq!(read.link_field, Some(conversation()));
    let mut other = whole("2");
    other["id"] = json!("43");
    let read = talk.get(&[(200, other), (200, contact())]).await;
    assert_eq!(read.merged_into.unwrap().as_str(), "43");
}

#[tokio::test]
async fn a_note_with_the_sign_before_it_is_for_the_customer_and_no_other() {
    let mut talk = talk().await;
    let item = |id: &str, words: &str, source: &str, user: Value| {
        json!({ "id": id, "properties": { "hs_note_body": words, "hs_createdate": "2026-11-21T10:00:05.120Z",
                "hs_object_source": source, "hs_created_by_user_id": user } })
    };
    let listed = list(&[
        item("1", "<p>&gt;&gt;Ol&aacute; Ana</p>", "CRM_UI", json!("7")),
        item("2", "<p>only for us</p>", "CRM_UI", json!("7")),
        item("3", "&gt;&gt;by an app", "INTEGRATION", Value::Null),
        item(
            "4",
            "&gt;&gt;by a workflow",
            "AUTOMATION_PLATFORM",
            Value::Null,
        ),
    ]);
    let told = talk.comments(&[(200, listed)]).await;
    insta::assert_snapshot!("hubspot_comments", told.join("\n"));
}
