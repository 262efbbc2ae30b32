//! What ServiceNow is asked, and what its answers mean. Neighbour: `talk`, which asks.

use crate::{
    support::conversation,
    talk::{Talk, is_done},
};
use bridge_core::{call::CallError, effect::Answer, ticket::Version};
use serde_json::{Value, json};

async fn talk() -> Talk {
    let options = [
        ("bridge_user", "bridge"),
        ("assignment_group", "287ebd7da9fe198100f92cc8d1d2154e"),
    ];
    Talk::with("servicenow", &options).await
}

fn field(value: &str, shown: &str) -> Value {
    json!({ "value": value, "display_value": shown })
}

fn record(state: &str) -> Value {
    json!({
        "sys_id": field("42", "42"), "number": field("INC0010007", "INC0010007"), "state": field(state, ".."),
        "short_description": field("Pedido", "Pedido"), "priority": field("2", "2 - High"),
        "caller_id": field("35", "Ana Perez"), "assigned_to": field("", ""),
        "assignment_group": field("287ebd7da9fe198100f92cc8d1d2154e", "Service Desk"),
        "correlation_id": field("room-77", "room-77"), "u_channel": field("whatsapp", "whatsapp"),
        "sys_created_on": field("2026-11-21 09:00:00", "2026-11-21 06:00:00"),
        "sys_updated_on": field("2026-11-21 10:00:05", "2026-11-21 07:00:05")
    })
}

fn shown(state: &str) -> Value {
    json!({ "result": record(state) })
}

fn caller() -> Value {
    json!({ "result": { "name": "Ana Perez", "mobile_phone": "+593987654321", "phone": "", "email": "" } })
}

fn journal(entries: &[(&str, &str, &str)]) -> Value {
    let entry = |(element, by, words): &(&str, &str, &str)| {
        json!({ "sys_id": format!("{element}-{by}"), "element": element, "value": words, "sys_created_by": by,
                "sys_created_on": "2026-11-21 10:00:05" })
    };
    json!({ "result": entries.iter().map(entry).collect::<Vec<_>>() })
}

#[tokio::test]
async fn each_operation_asks_what_the_table_api_says() {
    let mut talk = talk().await;
    let made = json!({ "result": { "sys_id": "35" } });
    let made = talk
        .upsert(&[(200, json!({ "result": [] })), (201, made)])
        .await;
    let id = "35".to_owned();
    assert_eq!(made, Answer::Requester { id });
    let there = json!({ "result": [{ "sys_id": "35", "user_name": "wa-593987654321" }] });
    assert_eq!(talk.upsert(&[(200, there)]).await, made);
    let created = json!({ "result": { "sys_id": "42", "number": "INC0010007" } });
    assert!(talk.create(&[(201, created.clone())]).await.is_ok());
    let there = journal(&[("comments", "bridge", "Olá 👩‍👩‍👧 <b>Ana</b>\nlinha 2")]);
    let done = (200, created);
    assert!(is_done(&talk.says(&[done.clone(), (200, there)]).await));
    let there = journal(&[("work_notes", "bridge", "Linked to conversation room-77")]);
    assert!(is_done(&talk.notes(&[done.clone(), (200, there)]).await));
    let brought = json!({ "result": { "sys_id": "a1", "file_name": "image-1.png" } });
    let hung = talk.attach(&[(201, brought), done.clone()]).await;
    assert!(is_done(&hung), "{hung:?}");
    let set = [done.clone(), (200, shown("6")), (200, caller())];
    assert!(is_done(&talk.status("resolved", &set).await));
    assert!(is_done(&talk.link(&set).await));
    assert!(is_done(&talk.fields("u_channel", &set).await));
    let list = json!({ "result": [record("2")] });
    assert_eq!(talk.found(&[(200, list.clone())]).await.len(), 1);
    assert_eq!(talk.open(&[(200, list.clone())]).await.len(), 1);
    let changed = talk.changed(&[(200, list), (200, caller())]).await;
    assert_eq!(changed.len(), 1);
    insta::assert_snapshot!("servicenow_requests", talk.said.join("\n"));
}

#[tokio::test]
async fn a_field_that_was_left_out_without_a_word_is_no_yes() {
    let mut talk = talk().await;
    let done = (200, json!({ "result": { "sys_id": "42" } }));
    let set = [done, (200, shown("2")), (200, caller())];
    let refused = talk.status("resolved", &set).await.unwrap_err();
    assert!(matches!(refused, CallError::Refused { .. }), "{refused:?}");
}

#[tokio::test]
async fn times_are_in_utc_whatever_is_displayed() {
    let mut talk = talk().await;
    let read = talk.get(&[(200, shown("2")), (200, caller())]).await;
    assert_eq!(read.status.as_str(), "in progress");
    let Version::Time { at, granule_ms } = read.version else {
        panic!("{:?}", read.version);
    };
    assert_eq!((at.0, granule_ms), (1_795_255_205_000, 1000));
    assert_eq!(read.requester.phone.unwrap().reveal(), "+593987654321");
    assert_eq!(read.link_field, Some(conversation()));
    assert_eq!(read.fields["u_channel"], json!("whatsapp"));
}

#[tokio::test]
async fn an_agents_words_are_told_from_the_callers_internal_ones_a_rules_and_our_own() {
    let mut talk = talk().await;
    let listed = journal(&[
        ("comments", "beth.anglin", "Olá Ana"),
        ("work_notes", "beth.anglin", "only for us"),
        ("comments", "wa-593987654321", "by the portal"),
        ("comments", "system", "by a rule"),
        ("comments", "bridge", "a customer's"),
    ]);
    let who = json!({ "result": { "caller_id.user_name": "wa-593987654321" } });
    let told = talk.comments(&[(200, listed), (200, who)]).await;
    insta::assert_snapshot!("servicenow_comments", told.join("\n"));
}
