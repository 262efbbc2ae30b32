//! What Freshdesk is asked, and what its answers mean. Neighbour: `talk`, which asks.

use crate::{
    support::{conversation, ticket},
    talk::{Talk, is_done},
};
use bridge_core::effect::Answer;
use serde_json::{Value, json};

fn shown(status: u8) -> Value {
    json!({
        "id": 42, "status": status, "priority": 3, "subject": "Pedido", "tags": ["whatsapp"],
        "requester_id": 35, "responder_id": 9, "group_id": 3, "type": null,
        "custom_fields": { "cf_conversation_id": "room-77", "cf_channel": null },
        "requester": { "id": 35, "name": "Ana", "email": null, "mobile": "+593987654321", "phone": null },
        "created_at": "2026-11-21T09:00:00Z", "updated_at": "2026-11-21T10:00:05Z"
    })
}

async fn talk() -> Talk {
    Talk::with("freshdesk", &[("group_id", "3"), ("bridge_user_id", "99")]).await
}

#[tokio::test]
async fn each_operation_asks_what_freshdesks_pages_say() {
    let mut talk = talk().await;
    let contact = json!({ "id": 35, "name": "Ana", "unique_external_id": "593987654321" });
    let made = talk
        .upsert(&[(200, json!([])), (201, contact.clone())])
        .await;
    let id = "35".to_owned();
    assert_eq!(made, Answer::Requester { id });
    assert_eq!(talk.upsert(&[(200, json!([contact]))]).await, made);
    let created = talk.create(&[(201, shown(2))]).await.unwrap();
    assert!(matches!(created, Answer::Created { ticket: t, .. } if t == ticket()));
    let said = json!({ "id": 7, "ticket_id": 42, "body_text": "..", "private": false });
    assert!(is_done(&talk.says(&[(201, said.clone())]).await));
    assert!(is_done(&talk.notes(&[(201, said)]).await));
    let hung = json!({ "id": 8, "attachments": [{ "id": 4 }] });
    assert!(is_done(&talk.attach(&[(201, hung)]).await));
    assert!(is_done(&talk.status("resolved", &[(200, shown(4))]).await));
    assert!(is_done(&talk.link(&[(200, shown(2))]).await));
    assert!(is_done(
        &talk.fields("cf_channel", &[(200, shown(2))]).await
    ));
    let found = json!({ "total": 1, "results": [shown(2)] });
    assert_eq!(talk.found(&[(200, found)]).await.len(), 1);
    assert_eq!(
        talk.open(&[(200, json!([shown(2), shown(4), shown(5)]))])
            .await
            .len(),
        1
    );
    assert_eq!(talk.changed(&[(200, json!([shown(3)]))]).await.len(), 1);
    insta::assert_snapshot!("freshdesk_requests", talk.said.join("\n"));
}

#[tokio::test]
async fn its_numbers_are_read_as_words_and_a_number_of_the_sites_own_as_itself() {
    let mut talk = talk().await;
    for (number, word) in [
        (2, "open"),
        (3, "pending"),
        (4, "resolved"),
        (5, "closed"),
        (7, "7"),
    ] {
        let read = talk.get(&[(200, shown(number))]).await;
        assert_eq!(read.status.as_str(), word);
    }
    let read = talk.get(&[(200, shown(2))]).await;
    assert_eq!(read.priority.as_deref(), Some("high"));
    assert_eq!(read.link_field, Some(conversation()));
    assert_eq!(read.requester.phone.unwrap().reveal(), "+593987654321");
}

#[tokio::test]
async fn an_agents_reply_is_told_from_notes_customers_and_our_own() {
    let mut talk = talk().await;
    let item = |id: u32, user: u32, private: bool, incoming: bool| {
        json!({ "id": id, "user_id": user, "private": private, "incoming": incoming,
                "body": "<p>Olá</p>", "body_text": "Olá", "created_at": "2026-11-21T10:00:05Z" })
    };
    let listed = json!([
        item(1, 9, false, false),
        item(2, 9, true, false),
        item(3, 35, false, true),
        item(4, 99, true, false)
    ]);
    let told = talk.comments(&[(200, listed)]).await;
    insta::assert_snapshot!("freshdesk_comments", told.join("\n"));
}
