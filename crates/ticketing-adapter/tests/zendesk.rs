//! What Zendesk is asked, to the byte, and what its answers mean.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "an answer of another form fails its test"
)]

mod support;

use bridge_core::{
    call::CallError, effect::Answer, ids::TicketId, text::Text, ticket::Status, time::Timestamp,
};
use serde_json::{Value, json};
use support::{DEADLINE, ana, comment, conversation, intent, start, ticket, wild};

fn shown() -> Value {
    json!({
        "id": 42, "status": "open", "priority": "URGENT", "subject": "Pedido", "tags": ["whatsapp"],
        "group_id": 5, "requester_id": 9, "assignee_id": 11, "external_id": "room-77",
        "custom_fields": [{ "id": 360, "value": "room-78" }, { "id": 361, "value": null }],
        "created_at": "2026-11-20T10:00:00Z", "updated_at": "2026-11-21T10:00:05Z"
    })
}

fn side_loaded(mut body: Value) -> Value {
    body["users"] = json!([
        { "id": 11, "name": "Agent One" },
        { "id": 9, "name": "Ana", "phone": "+593987654321", "email": null, "external_id": "593987654321" }
    ]);
    body["groups"] = json!([{ "id": 5, "name": "billing" }]);
    body
}

#[tokio::test]
async fn a_requester_is_made_sure_of_by_our_id_for_them() {
    let (remote, client) = start("zendesk", &[]).await;
    remote.tell(201, json!({ "user": { "id": 9 } }));
    let answer = client.upsert_requester(&ana(), DEADLINE).await.unwrap();
    assert_eq!(answer, Answer::Requester { id: "9".to_owned() });
    insta::assert_snapshot!("upsert_requester", remote.asked());
}

#[tokio::test]
async fn a_ticket_is_created_once_with_words_that_expand_to_nothing() {
    let (remote, client) = start("zendesk", &[("group_id", "5")]).await;
    remote.tell(201, json!({ "ticket": shown(), "audit": {} }));
    let answer = client
        .create(&wild("9", "361"), &intent(), false, DEADLINE)
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
    insta::assert_snapshot!("create", remote.asked());
}

#[tokio::test]
async fn with_a_conversation_field_the_id_goes_there_and_is_searched_there() {
    let (remote, client) = start("zendesk", &[("conversation_field", "360")]).await;
    remote
        .tell(201, json!({ "ticket": shown() }))
        .tell(200, json!({ "ticket": shown() }));
    let found = side_loaded(json!({ "results": [shown()] }));
    remote.tell(200, found);
    client
        .create(&wild("9", "361"), &intent(), false, DEADLINE)
        .await
        .unwrap();
    client
        .write_link_field(&ticket(), &conversation(), DEADLINE)
        .await
        .unwrap();
    // The field says room-78: the search matched loosely.
    assert_eq!(
        client
            .tickets_by_conversation(&conversation(), DEADLINE)
            .await
            .unwrap(),
        []
    );
    insta::assert_snapshot!("conversation_field", remote.asked());
}

#[tokio::test]
async fn notes_comments_status_fields_and_link_are_one_put_each() {
    let (remote, client) = start("zendesk", &[]).await;
    let text = Text::new("Linha 1\n{{ticket.id}}");
    for _ in 0..5 {
        remote.tell(200, json!({ "ticket": shown(), "audit": {} }));
    }
    let done = Answer::Done { whole: None };
    let t = &ticket();
    assert_eq!(
        client
            .add_note(t, &text, &intent(), DEADLINE)
            .await
            .unwrap(),
        done
    );
    assert_eq!(
        client
            .add_comment(&comment(t, &text), &intent(), DEADLINE)
            .await
            .unwrap(),
        done
    );
    assert_eq!(
        client
            .set_status(t, &Status::new("solved"), DEADLINE)
            .await
            .unwrap(),
        done
    );
    assert_eq!(
        client
            .write_link_field(t, &conversation(), DEADLINE)
            .await
            .unwrap(),
        done
    );
    let fields = [("361".to_owned(), Text::new("x"))].into();
    assert_eq!(client.set_fields(t, &fields, DEADLINE).await.unwrap(), done);
    insta::assert_snapshot!("writes", remote.asked());
}

#[tokio::test]
async fn a_ticket_is_read_with_the_phone_of_its_requester_and_the_name_of_its_group() {
    let (remote, client) = start("zendesk", &[]).await;
    remote.tell(200, side_loaded(json!({ "ticket": shown() })));
    let read = client.ticket(&ticket(), DEADLINE).await.unwrap();
    assert_eq!(read.requester.phone, Some(Text::new("+593987654321")));
    insta::assert_snapshot!("get", remote.asked());
    insta::assert_json_snapshot!("ticket", read);
}

#[tokio::test]
async fn tickets_are_found_by_conversation_and_by_requester() {
    let (remote, client) = start("zendesk", &[]).await;
    let mut solved = shown();
    solved["status"] = json!("solved");
    remote.tell(200, side_loaded(json!({ "tickets": [shown()] })));
    remote.tell(200, side_loaded(json!({ "tickets": [solved, shown()] })));
    let found = client
        .tickets_by_conversation(&conversation(), DEADLINE)
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    let open = client.open_tickets("9", DEADLINE).await.unwrap();
    assert_eq!(
        open.iter().map(|t| t.status.as_str()).collect::<Vec<_>>(),
        ["open"]
    );
    insta::assert_snapshot!("find", remote.asked());
}

#[tokio::test]
async fn a_note_is_found_again_although_it_was_made_inert() {
    let (remote, client) = start("zendesk", &[]).await;
    let text = Text::new("Linha 1\n{{ticket.id}}");
    let kept = json!({ "comments": [{ "body": "other" }, { "body": "Linha 1\r\n{\u{2060}{ticket.id}} " }] });
    remote.tell(200, kept).tell(200, json!({ "comments": [] }));
    assert!(client.has_note(&ticket(), &text, DEADLINE).await.unwrap());
    assert!(!client.has_note(&ticket(), &text, DEADLINE).await.unwrap());
    insta::assert_snapshot!("notes", remote.asked());
}

#[tokio::test]
async fn comments_are_listed_with_their_authors_and_the_files_that_came_with_them() {
    let (remote, client) = start("zendesk", &[("bridge_user_id", "12")]).await;
    let said = |id: u64, author: u64, public: bool, files: Value| {
        json!({ "id": id, "type": "Comment", "author_id": author, "body": "Veja", "html_body": "<div>Veja</div>",
                "public": public, "attachments": files, "created_at": "2026-11-21T10:00:05Z" })
    };
    let picture = json!([{
        "id": 498483, "file_name": "mapa.png", "content_type": "image/png", "size": 2532,
        "content_url": "https://acme.zendesk.com/attachments/token/kPgFVV/?name=mapa.png", "thumbnails": []
    }]);
    let comments = json!({
        "comments": [said(4, 12, true, json!([])), said(3, 11, true, picture), said(2, 11, false, json!([])), said(1, 9, true, json!([]))],
        "users": [{ "id": 11, "role": "agent" }, { "id": 12, "role": "admin" }, { "id": 9, "role": "end-user" }],
        "next_page": null
    });
    remote.tell(200, comments);
    let comments = client.comments(&ticket(), DEADLINE).await.unwrap();
    insta::assert_json_snapshot!("listed_comments", comments);
    insta::assert_snapshot!("comments_asked", remote.asked());
}

#[tokio::test]
async fn the_incremental_export_is_followed_by_its_cursor_and_leaves_older_work_out() {
    let (remote, client) = start("zendesk", &[]).await;
    // 2026-11-21T10:00:00Z
    let beginning = client.beginning(Timestamp(1_795_255_200_000));
    let mut old = shown();
    old["updated_at"] = json!("2026-11-21T09:59:59Z");
    let first =
        json!({ "tickets": [old, shown()], "after_cursor": "MTU3==", "end_of_stream": false });
    let last = json!({ "tickets": [], "after_cursor": "MTU3==", "end_of_stream": true });
    remote.tell(200, side_loaded(first)).tell(200, last);
    let changes = client.changed_since(&beginning, DEADLINE).await.unwrap();
    assert_eq!(
        (changes.tickets.len(), changes.more, changes.unreadable),
        (1, true, 0)
    );
    let cursor = client.with_overlap(
        ticketing_adapter::Listing::Tickets,
        &changes.cursor,
        std::time::Duration::from_secs(120),
    );
    let changes = client.changed_since(&cursor, DEADLINE).await.unwrap();
    assert_eq!((changes.tickets.len(), changes.more), (0, false));
    insta::assert_snapshot!("changed_since", remote.asked());
}

#[tokio::test]
async fn a_page_of_the_export_over_one_mebibyte_is_read_and_one_bad_record_is_counted() {
    let (remote, client) = start("zendesk", &[]).await;
    let beginning = client.beginning(Timestamp(1_795_255_200_000));
    let mut long = shown();
    long["description"] = json!("x".repeat(2 * 1024 * 1024));
    let mut bad = shown();
    bad["status"] = json!(null);
    let page = json!({ "tickets": [bad, long], "after_cursor": "MTU3==", "end_of_stream": true });
    remote.tell(200, side_loaded(page));
    let changes = client.changed_since(&beginning, DEADLINE).await.unwrap();
    assert_eq!((changes.tickets.len(), changes.unreadable), (1, 1));
}

#[tokio::test]
async fn a_create_without_a_readable_id_is_an_unknown_outcome() {
    let (remote, client) = start("zendesk", &[]).await;
    let bodies = [
        "<html>ok</html>",
        "",
        "{\"ticket\":{\"id\":null}}",
        "{\"status\":0}",
        "[]",
        "{\"ticket\":",
    ];
    for body in bodies {
        remote.tell_with(201, &[], body);
        let error = client
            .create(&wild("9", "1"), &intent(), false, DEADLINE)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), "unknown", "{body}");
    }
    remote.tell(204, json!({}));
    let error = client
        .create(&wild("9", "1"), &intent(), false, DEADLINE)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "unknown");
}

#[tokio::test]
async fn a_read_that_makes_no_sense_is_tried_again() {
    let (remote, client) = start("zendesk", &[]).await;
    let mut other = shown();
    other["id"] = json!(43);
    remote.tell_with(200, &[], "<html>login</html>");
    remote.tell(200, json!({ "ticket": { "id": 42 } }));
    remote.tell(200, json!({ "ticket": other }));
    for _ in 0..3 {
        let error = client.ticket(&ticket(), DEADLINE).await.unwrap_err();
        assert_eq!(error.kind(), "later", "{error}");
    }
    remote.tell(200, json!({ "tickets": "none" }));
    assert_eq!(
        client.open_tickets("9", DEADLINE).await.unwrap_err().kind(),
        "later"
    );
}

#[tokio::test]
async fn a_refusal_is_told_by_its_codes_and_never_in_the_remotes_sentences() {
    let (remote, client) = start("zendesk", &[]).await;
    let body = json!({
        "error": "RecordInvalid", "description": "Phone +593 98 765 4321 of Ana Pérez is taken",
        "details": {
            "base": [{ "description": "+593 98-765-4321 (Luis Gómez)\r\nBcc: x", "error": "DuplicateValue" }],
            "098 765 4321": [{ "description": "Luis" }]
        }
    });
    remote.tell(422, body);
    let error = client.upsert_requester(&ana(), DEADLINE).await.unwrap_err();
    insta::assert_snapshot!(error, @"refused with 422: status 422: RecordInvalid base DuplicateValue");
    let body = json!({ "error": { "title": "Luis", "message": "Luis Gómez may not" } });
    remote.tell(403, body);
    let error = client.upsert_requester(&ana(), DEADLINE).await.unwrap_err();
    insta::assert_snapshot!(error, @"forbidden: status 403");
}

#[tokio::test]
async fn refusals_are_sorted_by_what_must_happen_next() {
    let (remote, client) = start("zendesk", &[]).await;
    let cases = [
        (401, "locked"),
        (403, "forbidden"),
        (404, "gone"),
        (409, "later"),
        (422, "refused"),
        (429, "later"),
        (503, "later"),
    ];
    for (status, kind) in cases {
        remote.tell_with(status, &[("retry-after", "7")], "");
        let error = client
            .set_status(&ticket(), &Status::new("open"), DEADLINE)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{status}");
    }
    remote.tell_with(503, &[], "");
    let error = client
        .add_note(&ticket(), &Text::new("x"), &intent(), DEADLINE)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "unknown");
}

#[tokio::test]
async fn an_id_full_of_slashes_stays_one_segment_and_dots_go_nowhere() {
    let (remote, client) = start("zendesk", &[]).await;
    remote.tell(404, json!({}));
    let wild = TicketId::parse("../a/b?x#y").unwrap();
    assert_eq!(
        client.ticket(&wild, DEADLINE).await.unwrap_err().kind(),
        "gone"
    );
    assert!(
        remote
            .asked()
            .starts_with("GET /api/v2/tickets/..%2Fa%2Fb%3Fx%23y?include=")
    );
    let dots = TicketId::parse("..").unwrap();
    let error = client.ticket(&dots, DEADLINE).await.unwrap_err();
    assert!(
        matches!(error, CallError::Refused { status: 0, .. }),
        "{error}"
    );
    assert_eq!(remote.asked(), "");
}
