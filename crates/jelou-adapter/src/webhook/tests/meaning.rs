//! What Jelou's events mean, in every spelling its pages use.

use super::{BOT, CLOSE, MESSAGE, REFLECTION, START, event, parked_as, parse, with};
use bridge_core::{
    conversation::ConversationState,
    event::{Event, Parsed},
    message::{Media, MediaKind},
    text::Text,
    time::Timestamp,
};
use serde_json::{Value, json};

#[test]
fn each_fixture_means_what_it_meant_yesterday() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/webhooks");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut meaning = match parse(&std::fs::read(&path).unwrap()) {
            Parsed::Events(events) => serde_json::to_value(events).unwrap(),
            Parsed::Ignored(reason) => json!({ "ignored": reason }),
            Parsed::Parked { reason, detail } => json!({ "parked": reason, "detail": detail }),
        };
        meaning.sort_all_objects();
        let name = path.file_stem().unwrap().to_str().unwrap();
        insta::assert_json_snapshot!(name, meaning);
        seen += 1;
    }
    assert_eq!(seen, 13);
}

#[test]
fn the_pair_of_object_and_type_decides_whatever_else_is_said() {
    let body = with(START, "/event", json!("conversation.close"));
    assert_eq!(event(&body).kind(), "conversation_started");
    let body = with(START, "/field", json!("messages"));
    assert_eq!(event(&body).kind(), "conversation_started");
    let body = with(START, "/event", Value::Null);
    assert_eq!(event(&body).kind(), "conversation_started");
}

#[test]
fn where_the_pair_is_broken_the_event_and_then_the_field_decide() {
    let body = with(CLOSE, "/object", Value::Null);
    assert_eq!(event(&body).kind(), "conversation_closed");
    let body = with(CLOSE, "/event_type", Value::Null);
    assert_eq!(event(&body).kind(), "conversation_closed");
    let body = with(MESSAGE, "/object", Value::Null);
    assert_eq!(event(&body).kind(), "message_received");
}

#[test]
fn our_own_message_played_back_is_ignored_in_any_wrapping() {
    for body in [
        REFLECTION.to_owned(),
        with(MESSAGE, "/event_type", json!("incoming_message")).to_string(),
        with(REFLECTION, "/object", Value::Null).to_string(),
    ] {
        assert_eq!(parse(body.as_bytes()), Parsed::Ignored("reflection"));
    }
}

#[test]
fn what_we_never_heard_of_is_ignored() {
    for (pointer, value) in [("/event_type", "typing"), ("/object", "operator_event")] {
        let body = with(START, pointer, json!(value)).to_string();
        assert_eq!(parse(body.as_bytes()), Parsed::Ignored("unknown_event"));
    }
    let legacy = br#"{"event":"user-new","payload":{},"datetime":"2026-01-15"}"#;
    assert_eq!(parse(legacy), Parsed::Ignored("unknown_event"));
}

#[test]
fn another_project_is_parked_before_anything_else_is_asked() {
    for body in [
        with(START, "/project_id", json!("another")),
        with(REFLECTION, "/project_id", json!("another")),
        with(
            &with(CLOSE, "/project_id", Value::Null).to_string(),
            "/brainId",
            json!("another"),
        ),
    ] {
        let parsed = parse(body.to_string().as_bytes());
        assert_eq!(parked_as(&parsed), Some("wrong_project"), "{body}");
    }
}

#[test]
fn a_bot_that_is_not_ours_is_ignored() {
    let body = with(START, "/bot/id", json!("another")).to_string();
    assert_eq!(parse(body.as_bytes()), Parsed::Ignored("other_bot"));
}

#[test]
fn the_time_is_understood_in_seconds_in_words_and_as_a_fraction() {
    for written in [
        json!(1_776_133_797_000_i64),
        json!("1776133797000"),
        json!(1_776_133_797),
        json!(1_776_133_797.0),
        json!("2026-04-14T02:29:57.000Z"),
    ] {
        let event = event(&with(CLOSE, "/timestamp", written));
        assert_eq!(event.at(), Some(Timestamp(1_776_133_797_000)));
    }
}

#[test]
fn metadata_links_only_by_ids_that_can_be_read() {
    let ids = |metadata: Value| match event(&with(START, "/value/metadata", metadata)) {
        Event::ConversationStarted(e) => (
            e.ticket_id.map(|id| id.to_string()),
            e.intent_id.map(|id| id.to_string()),
        ),
        other => panic!("{other:?}"),
    };
    let both = (Some("8841".to_owned()), Some("k.1".to_owned()));
    assert_eq!(ids(json!({"ticketId": "8841", "intentId": "k.1"})), both);
    assert_eq!(ids(json!({"ticketId": 8841, "intentId": "k.1"})), both);
    assert_eq!(ids(json!({"ticket_id": "8841", "intent_id": "k.1"})), both);
    let nothing = (None, None);
    assert_eq!(ids(json!({"ticketId": " ", "intentId": ""})), nothing);
    assert_eq!(
        ids(json!({"ticketId": {"id": 1}, "intentId": [1]})),
        nothing
    );
    assert_eq!(
        ids(json!({"ticketId": "1\r\n2", "intentId": "\u{0}"})),
        nothing
    );
    assert_eq!(ids(json!({"ticketId": "9".repeat(4096)})), nothing);
    assert_eq!(ids(json!("ticketId")), nothing);
    assert_eq!(ids(json!([{"ticketId": "8841"}])), nothing);
}

#[test]
fn a_value_that_is_absent_null_or_no_object_is_an_empty_one() {
    for value in [Value::Null, json!("text"), json!([]), json!(7)] {
        assert_eq!(
            event(&with(START, "/value", value.clone())).kind(),
            "conversation_started"
        );
        let Event::ConversationClosed(closed) = event(&with(CLOSE, "/value", value)) else {
            panic!("not a close");
        };
        let unknown = ConversationState::Closed {
            reason: "unknown".to_owned(),
        };
        assert_eq!(closed.conversation.state, unknown);
    }
    let mut body: Value = serde_json::from_str(START).unwrap();
    body["value"] = Value::Null;
    assert_eq!(event(&body).kind(), "conversation_started");
}

#[test]
fn both_spellings_of_the_first_words_are_read() {
    for name in ["initial_message", "initialMessage"] {
        let event = event(&with(START, "/value", json!({ name: "Oi" })));
        let words = event.conversation().unwrap().initial_message.clone();
        assert_eq!(words, Some(Text::from("Oi")), "{name}");
    }
}

#[test]
fn ids_written_as_numbers_or_flat_are_the_same_ids() {
    let mut body: Value = serde_json::from_str(MESSAGE).unwrap();
    for name in ["contact", "conversation", "bot"] {
        body.as_object_mut().unwrap().remove(name);
    }
    body["user_id"] = json!(593_987_654_321_i64);
    body["conversation_id"] = json!("69f8a1b2c3d4e5f601234567");
    body["bot_id"] = json!(BOT);
    let plain = event(&serde_json::from_str(MESSAGE).unwrap());
    let flat = event(&body);
    let (plain, flat) = (plain.conversation().unwrap(), flat.conversation().unwrap());
    assert_eq!(
        (&flat.id, &flat.bot, &flat.user),
        (&plain.id, &plain.bot, &plain.user)
    );
}

#[test]
fn a_customer_without_a_phone_or_a_name_is_a_customer() {
    let mut body = with(
        START,
        "/contact",
        json!({"id": "BR.13400000000000000001", "name": null}),
    );
    body["room_id"] = Value::Null;
    let event = event(&body);
    let conversation = event.conversation().unwrap();
    assert_eq!(conversation.user.as_str(), "BR.13400000000000000001");
    assert_eq!(
        (&conversation.contact_name, &conversation.room),
        (&None, &None)
    );
}

#[test]
fn a_customers_words_arrive_as_written_but_for_nul() {
    let words = "{{7*7}} {% include 'x' %} <b>&amp;</b> ${jndi} \u{202e} 👩‍👩‍👧\r\n=1+1";
    let sent = format!("\u{0}{words}\u{0}");
    let Event::MessageReceived(message) = event(&with(MESSAGE, "/value/content/body", json!(sent)))
    else {
        panic!("not a message");
    };
    assert_eq!(message.body, Some(Text::from(words)));
    assert_eq!(message.content, json!({ "body": words }));
}

#[test]
fn a_message_of_a_kind_we_do_not_know_can_be_read_and_keeps_its_content() {
    let value = json!({"id": "m-9", "type": "Reaction", "content": {"emoji": "👍", "to": "m-1"}});
    let Event::MessageReceived(message) = event(&with(MESSAGE, "/value", value)) else {
        panic!("not a message");
    };
    let shown = Some(Text::from(r#"[reaction] {"emoji":"👍","to":"m-1"}"#));
    assert_eq!(
        (message.kind.as_str(), &message.body, &message.media),
        ("reaction", &shown, &None)
    );
    assert_eq!(message.content, json!({"emoji": "👍", "to": "m-1"}));
    let bare = json!({"id": "m-9", "caption": "olha"});
    let Event::MessageReceived(message) = event(&with(MESSAGE, "/value", bare)) else {
        panic!("not a message");
    };
    assert_eq!(message.kind, "unknown");
    assert_eq!(message.body, Some(Text::from("[unknown] olha")));
}

#[test]
fn a_file_comes_with_its_address_type_name_and_words_wherever_they_stand() {
    let value = json!({"id": "m-5", "type": "document", "filename": "nf.pdf", "caption": "a nota",
        "content": {"url": "https://media.example.net/in/nf.pdf", "mime_type": "application/pdf"}});
    let Event::MessageReceived(message) = event(&with(MESSAGE, "/value", value)) else {
        panic!("not a message");
    };
    let expected = Media {
        kind: MediaKind::Document,
        url: Text::from("https://media.example.net/in/nf.pdf"),
        mime_type: "application/pdf".to_owned(),
        filename: Some(Text::from("nf.pdf")),
        caption: Some(Text::from("a nota")),
    };
    assert_eq!(message.media, Some(expected));
    assert_eq!(message.body, Some(Text::from("a nota")));
}
