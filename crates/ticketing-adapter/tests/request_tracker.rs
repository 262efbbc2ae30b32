//! What Request Tracker is asked, to the byte, and what its answers mean. The answers are those that
//! RT 5.0.3 gave.
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

const OPTIONS: &[(&str, &str)] = &[("queue", "WhatsApp")];

fn shown(status: &str, conversation: &str) -> Value {
    json!({
        "id": 42, "Status": status, "Subject": "Hola", "Priority": "0", "Type": "ticket",
        "Queue": { "type": "queue", "id": "3", "Name": "WhatsApp" },
        "Owner": { "type": "user", "id": "Nobody" },
        "Requestor": [{ "type": "user", "id": "wa-593987654321" }],
        "CustomFields": [
            { "id": "2", "name": "ConversationId", "values": [conversation] },
            { "id": "3", "name": "Channel", "values": [] },
            { "id": "4", "name": "Labels", "values": ["vip", "late"] }
        ],
        "Created": "2026-11-21T02:25:59Z", "LastUpdated": "2026-11-21T02:26:02Z"
    })
}

fn user() -> Value {
    json!({ "id": 35, "Name": "wa-593987654321", "RealName": "Ana", "MobilePhone": "+593987654321",
            "EmailAddress": "", "_hyperlinks": [{ "ref": "self", "type": "user", "id": 35 }] })
}

fn listed() -> Value {
    let mut item = shown("open", "room-77");
    item["id"] = json!("42");
    item["Requestor"][0]["Name"] = json!("wa-593987654321");
    item["Requestor"][0]["RealName"] = json!("Ana");
    item["Requestor"][0]["MobilePhone"] = json!("+593987654321");
    item
}

#[tokio::test]
async fn a_person_is_looked_for_by_name_before_they_are_made() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    remote.tell(404, json!({ "message": "Not Found" }));
    remote.tell(201, json!({ "type": "user", "id": "wa-593987654321" }));
    remote.tell(200, user());
    for _ in 0..2 {
        let answer = client.upsert_requester(&ana(), DEADLINE).await.unwrap();
        let id = "wa-593987654321".to_owned();
        assert_eq!(answer, Answer::Requester { id });
    }
    insta::assert_snapshot!("rt_upsert_requester", remote.asked());
}

#[tokio::test]
async fn a_person_made_by_someone_else_in_between_is_found() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    remote
        .tell(404, json!({}))
        .tell(400, json!({ "message": "Name in use" }));
    remote.tell(200, user());
    let answer = client.upsert_requester(&ana(), DEADLINE).await.unwrap();
    assert_eq!(
        answer,
        Answer::Requester {
            id: "wa-593987654321".to_owned()
        }
    );
}

#[tokio::test]
async fn nobody_without_an_id_or_phone_becomes_one_shared_user() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    let mut nobody = ana();
    (nobody.phone, nobody.external_id) = (None, None);
    let error = client
        .upsert_requester(&nobody, DEADLINE)
        .await
        .unwrap_err();
    assert_eq!((error.kind(), remote.asked().as_str()), ("refused", ""));
}

#[tokio::test]
async fn a_ticket_is_created_in_the_queue_with_the_conversation_in_its_field() {
    let options = &[("queue", "WhatsApp"), ("tags_field", "Labels")];
    let (remote, client) = start("request-tracker", options).await;
    remote.tell(201, json!({ "type": "ticket", "id": "42" }));
    let create = wild("wa-593987654321", "Channel");
    let answer = client
        .create(&create, &intent(), false, DEADLINE)
        .await
        .unwrap();
    assert_eq!(
        answer,
        Answer::Created {
            ticket: ticket(),
            whole: None,
            left: None,
        }
    );
    insta::assert_snapshot!("rt_create", remote.asked());
}

#[tokio::test]
async fn a_status_is_set_and_then_looked_at() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    let said = json!(["Ticket 42: Status changed from 'open' to 'resolved'"]);
    remote.tell(200, said);
    remote.tell_with(
        200,
        &[("etag", "\"57\"")],
        &shown("resolved", "room-77").to_string(),
    );
    remote.tell(200, user());
    let answer = client
        .set_status(&ticket(), &Status::new("resolved"), DEADLINE)
        .await
        .unwrap();
    let Answer::Done { whole: Some(whole) } = answer else {
        panic!("{answer:?}")
    };
    insta::assert_snapshot!("rt_set_status", remote.asked());
    insta::assert_json_snapshot!("rt_ticket", whole);
}

#[tokio::test]
async fn a_200_that_means_no_is_never_taken_for_done() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    let refusals = [
        json!(["Ticket 42: Status 'nope' isn't a valid status for this ticket."]),
        json!([]),
    ];
    for said in refusals {
        remote.tell(200, said);
        remote.tell(200, shown("open", "room-1")).tell(200, user());
        let error = client
            .set_status(&ticket(), &Status::new("nope"), DEADLINE)
            .await;
        let told = error.unwrap_err().to_string();
        assert_eq!(
            told,
            "refused with 200: it answered yes, and the ticket shows that it meant no"
        );
    }
    remote
        .tell(200, json!([]))
        .tell(200, shown("open", "room-1"))
        .tell(200, user());
    let error = client
        .write_link_field(&ticket(), &conversation(), DEADLINE)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "refused");
}

#[tokio::test]
async fn a_change_that_changes_nothing_is_done() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    for _ in 0..2 {
        remote
            .tell(200, json!([]))
            .tell(200, shown("open", "room-77"))
            .tell(200, user());
    }
    client
        .set_status(&ticket(), &Status::new("open"), DEADLINE)
        .await
        .unwrap();
    client
        .write_link_field(&ticket(), &conversation(), DEADLINE)
        .await
        .unwrap();
    insta::assert_snapshot!("rt_set_link_field", remote.asked());
}

#[tokio::test]
async fn fields_are_set_by_name_and_an_unknown_one_is_refused() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    let fields = [("Nope".to_owned(), Text::new("x"))].into();
    remote
        .tell(200, json!([]))
        .tell(200, shown("open", "room-77"))
        .tell(200, user());
    let error = client
        .set_fields(&ticket(), &fields, DEADLINE)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "refused");
    insta::assert_snapshot!("rt_set_fields", remote.asked());
}

#[tokio::test]
async fn notes_and_comments_are_sure_once_their_transaction_is_named() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    let location = [("location", "/REST/2.0/transaction/41")];
    let text = Text::new("nota\nsegunda ✅");
    remote.tell_with(201, &location, "[\"Comments added\"]");
    remote.tell_with(201, &location, "[\"Correspondence added\"]");
    client
        .add_note(&ticket(), &text, &intent(), DEADLINE)
        .await
        .unwrap();
    client
        .add_comment(&comment(&ticket(), &text), &intent(), DEADLINE)
        .await
        .unwrap();
    insta::assert_snapshot!("rt_comments", remote.asked());
    remote.tell_with(201, &[], "<html>fine</html>");
    let error = client
        .add_note(&ticket(), &text, &intent(), DEADLINE)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "unknown");
}

#[tokio::test]
async fn a_note_is_looked_for_among_our_own_words_only() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    let entry = |id: u32, kind: &str, creator: &str| json!({ "id": id.to_string(), "ContentType": kind, "Creator": { "id": creator } });
    remote.tell(200, json!({ "pages": null, "items": [
        entry(45, "image/png", "bridge"), entry(43, "text/plain", "agent1"), entry(42, "text/plain", "bridge")
    ] }));
    remote.tell(200, json!({ "Content": "bm90YQpzZWd1bmRhIOKchQ==\n" }));
    let text = Text::new("nota\nsegunda ✅");
    assert!(client.has_note(&ticket(), &text, DEADLINE).await.unwrap());
    insta::assert_snapshot!("rt_notes", remote.asked());
}

#[tokio::test]
async fn an_agents_words_are_listed_with_their_text_and_nobody_elses_text_is_read() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    let entry = |id: u32, kind: &str, creator: &str, files: u32| {
        let attachment = |n| json!({ "ref": "attachment", "_url": format!("http://rt/REST/2.0/attachment/{}", id * 10 + n) });
        let mut links = vec![json!({ "ref": "self" })];
        links.extend((0..files).map(attachment));
        json!({ "id": id.to_string(), "Type": kind, "Creator": { "id": creator }, "Created": "2026-11-21T12:14:24Z", "_hyperlinks": links })
    };
    remote.tell(
        200,
        json!({ "pages": null, "items": [
        entry(49, "Status", "RT_System", 0), entry(48, "Correspond", "wa-593987654321", 1),
        entry(47, "Correspond", "agent1", 3), entry(46, "Correspond", "agent1", 1),
        entry(45, "Comment", "agent1", 1), entry(44, "Correspond", "bridge", 1),
    ] }),
    );
    remote.tell(200, shown("open", "room-77"));
    let text = |words: &str| json!({ "Content": words, "ContentType": "text/plain" });
    remote.tell(200, text("bWFpbA=="));
    let part = |id: u32, kind: &str, name: &str| json!({ "id": id.to_string(), "ContentType": kind, "Filename": name });
    remote.tell(200, json!({ "items": [part(470, "multipart/mixed", ""), part(471, "text/html", ""), part(472, "image/png", "mapa.png")] }));
    let html = "PHA+VmVqYSA8YSBocmVmPSJodHRwczovL2EuZXhhbXBsZSI+YXF1aTwvYT48L3A+";
    remote.tell(200, json!({ "Content": html, "ContentType": "text/html" }));
    remote.tell(200, text("T2zDoQ=="));
    let comments = client.comments(&ticket(), DEADLINE).await.unwrap();
    let told: Vec<_> = comments
        .iter()
        .map(|c| {
            (
                c.id.as_str(),
                c.public,
                c.by_agent,
                c.by_us,
                c.body.reveal(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("48", true, false, false, "mail"),
            ("47", true, true, false, "Veja aqui (https://a.example)"),
            ("46", true, true, false, "Olá"),
            ("45", false, true, false, ""),
            ("44", true, false, true, ""),
        ]
    );
    let files: Vec<_> = comments.iter().flat_map(|c| &c.files).collect();
    let [map] = files[..] else {
        panic!("{files:?}");
    };
    assert_eq!(
        (map.name.reveal(), map.mime_type.as_str(), &map.url),
        ("mapa.png", "image/png", &None),
        "who has no login cannot have it"
    );
    insta::assert_snapshot!("rt_history", remote.asked());
}

#[tokio::test]
async fn tickets_are_found_by_conversation_and_by_requester() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    remote
        .tell(200, json!({ "items": [listed()] }))
        .tell(200, json!({ "items": [listed()] }));
    let found = client
        .tickets_by_conversation(&conversation(), DEADLINE)
        .await
        .unwrap();
    insta::assert_json_snapshot!("rt_listed", found);
    let open = client.open_tickets("wa-o'neill\\", DEADLINE).await.unwrap();
    assert_eq!(open.len(), 1);
    insta::assert_snapshot!("rt_find", remote.asked());
}

#[tokio::test]
async fn what_changed_is_followed_by_time_and_by_page_within_one_second() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    // 2026-11-21T02:26:02Z
    let beginning = client.beginning(Timestamp(1_795_227_962_400));
    let full: Vec<Value> = (0..100).map(|_| listed()).collect();
    remote
        .tell(200, json!({ "items": full }))
        .tell(200, json!({ "items": [listed()] }));
    let first = client.changed_since(&beginning, DEADLINE).await.unwrap();
    assert_eq!((first.tickets.len(), first.more), (100, true));
    let second = client.changed_since(&first.cursor, DEADLINE).await.unwrap();
    assert_eq!((second.tickets.len(), second.more), (1, false));
    let overlap = std::time::Duration::from_secs(120);
    let early = client.with_overlap(ticketing_adapter::Listing::Tickets, &second.cursor, overlap);
    let mut old = listed();
    old["LastUpdated"] = json!("2026-11-21T02:26:01Z");
    remote.tell(200, json!({ "items": [old] }));
    let third = client.changed_since(&early, DEADLINE).await.unwrap();
    assert_eq!(third.tickets, []);
    insta::assert_snapshot!("rt_changed_since", remote.asked());
}

#[tokio::test]
async fn a_merged_ticket_comes_back_under_its_own_id_naming_the_other() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    let mut other = shown("open", "room-1");
    other["id"] = json!(7);
    remote
        .tell(200, other)
        .tell(403, json!({ "message": "Forbidden" }));
    let read = client.ticket(&ticket(), DEADLINE).await.unwrap();
    assert_eq!(read.id, ticket());
    assert_eq!(read.merged_into.unwrap().as_str(), "7");
    assert_eq!(read.requester.phone, None);
}

#[tokio::test]
async fn of_a_refusal_in_sentences_only_the_status_is_told() {
    let (remote, client) = start("request-tracker", OPTIONS).await;
    let sentence = "Ana";
    remote.tell(403, json!({ "message": sentence }));
    let error = client.ticket(&ticket(), DEADLINE).await.unwrap_err();
    assert_eq!(error.to_string(), "forbidden: status 403");
}
