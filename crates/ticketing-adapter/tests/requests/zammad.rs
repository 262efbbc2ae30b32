//! What Zammad is asked, and what its answers mean. Neighbour: `talk`, which asks.

use crate::{
    support::conversation,
    talk::{Talk, is_done},
};
use bridge_core::effect::Answer;
use serde_json::{Value, json};

fn shown(state: &str) -> Value {
    json!({
        "id": 42, "number": "10042", "title": "Pedido", "group": "Support", "group_id": 1, "state": state,
        "state_id": 2, "priority": "2 normal", "owner": "-", "customer": "wa-593987654321", "customer_id": 35,
        "conversation_id": "room-77", "created_at": "2026-11-21T09:00:00.000Z",
        "updated_at": "2026-11-21T10:00:05.120Z"
    })
}

fn customer() -> Value {
    json!({ "id": 35, "login": "wa-593987654321", "firstname": "Ana", "mobile": "+593987654321" })
}

fn tags() -> Value {
    json!({ "tags": ["whatsapp"] })
}

async fn talk() -> Talk {
    Talk::with("zammad", &[("group", "Support"), ("bridge_user_id", "99")]).await
}

#[tokio::test]
async fn each_operation_asks_what_zammads_pages_say() {
    let mut talk = talk().await;
    let like = json!([{ "id": 7, "login": "wa-5939876543210" }]);
    let made = talk.upsert(&[(200, like), (201, customer())]).await;
    let id = "35".to_owned();
    assert_eq!(made, Answer::Requester { id });
    talk.create(&[(201, shown("new"))]).await.unwrap();
    let said = json!({ "id": 204, "ticket_id": 42 });
    assert!(is_done(&talk.says(&[(201, said.clone())]).await));
    assert!(is_done(&talk.notes(&[(201, said)]).await));
    assert!(is_done(
        &talk.status("closed", &[(200, shown("closed"))]).await
    ));
    assert!(is_done(&talk.link(&[(200, shown("open"))]).await));
    assert!(is_done(
        &talk.fields("channel", &[(200, shown("open"))]).await
    ));
    let read = talk
        .get(&[(200, shown("open")), (200, tags()), (200, customer())])
        .await;
    assert_eq!(read.requester.phone.unwrap().reveal(), "+593987654321");
    assert_eq!(
        (read.tags, read.link_field),
        (vec!["whatsapp".to_owned()], Some(conversation()))
    );
    assert_eq!(read.assignee, None, "nobody is written as a dash");
    assert_eq!(talk.found(&[(200, json!([shown("open")]))]).await.len(), 1);
    assert_eq!(
        talk.open(&[(200, json!([shown("open"), shown("closed")]))])
            .await
            .len(),
        1
    );
    let two = json!([shown("open"), shown("open")]);
    let changed = talk
        .changed(&[(200, two), (200, tags()), (200, customer())])
        .await;
    assert_eq!(changed.len(), 2, "one customer of two tickets is read once");
    insta::assert_snapshot!("zammad_requests", talk.said.join("\n"));
}

#[tokio::test]
async fn an_agents_article_is_told_from_internal_ones_customers_and_our_own() {
    let mut talk = talk().await;
    let item = |id: u32, sender: &str, internal: bool, by: u32| {
        json!({ "id": id, "sender": sender, "internal": internal, "created_by_id": by, "type": "note",
                "content_type": "text/html", "body": "<p>Ol&aacute;</p>", "created_at": "2026-11-21T10:00:05Z" })
    };
    let listed = json!([
        item(1, "Customer", false, 35),
        item(2, "Agent", false, 9),
        item(3, "Agent", true, 9),
        item(4, "Agent", true, 99)
    ]);
    let told = talk.comments(&[(200, listed)]).await;
    insta::assert_snapshot!("zammad_comments", told.join("\n"));
}
