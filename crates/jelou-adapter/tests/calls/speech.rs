//! What is said to customers: each request whole, and what becomes of each answer.

use crate::{BOT, DEADLINE, Jelou, SIGNING_SECRET, USER, client};
use bridge_core::{
    call::{CallError, Resolve},
    ids::{BotId, MessageId, RoomId, UserId},
    message::{AgentMessage, BotMessage, BotSays, Content, Media, MediaKind, Template},
    text::Text,
};
use jelou_adapter::{client::Write, webhook::sign};
use serde_json::json;

fn a_message(content: Content) -> AgentMessage {
    AgentMessage {
        id: MessageId::parse("hd-8841-3").unwrap(),
        bot: BotId::parse(BOT).unwrap(),
        user: UserId::parse(USER).unwrap(),
        room: RoomId::parse(&format!("G:{BOT}:{USER}")).unwrap(),
        content,
    }
}

fn words() -> Content {
    Content::Text {
        body: Text::from("Olá Ana, já resolvemos o chamado ✅"),
    }
}

fn a_file(kind: MediaKind, mime_type: &str) -> Content {
    Content::Media(Media {
        kind,
        url: Text::from("https://files.example.org/8841/nf"),
        mime_type: mime_type.to_owned(),
        filename: Some(Text::from("nf-1022.pdf")),
        caption: Some(Text::from("segue a nota")),
    })
}

fn a_template() -> Template {
    Template {
        bot: BotId::parse(BOT).unwrap(),
        user: UserId::parse(USER).unwrap(),
        name: "ticket_update".to_owned(),
        language: "pt_BR".to_owned(),
        parameters: vec![Text::from("Ana"), Text::from("HD-8841")],
    }
}

fn a_call_button() -> BotMessage {
    BotMessage {
        bot: BotId::parse(BOT).unwrap(),
        user: UserId::parse(USER).unwrap(),
        what: BotSays::VoiceCall {
            header: Some(Text::from("Suporte")),
            text: Text::from("Toque para falar com um atendente"),
            display_text: Text::from("Ligar"),
        },
    }
}

#[tokio::test]
async fn a_message_is_sent_as_documented_and_proven_by_its_signature_alone() {
    let jelou = Jelou::start().await;
    let message = a_message(words());
    jelou
        .client()
        .send_message(&message, DEADLINE)
        .await
        .unwrap();
    insta::assert_snapshot!(jelou.asked());
    assert_eq!(
        sign(SIGNING_SECRET, jelou.last_body().as_bytes()),
        "sha256=1284b166ed7612ffe274a16cdd872c789e287d1c1bf1e6a34bf707a3e23703c3",
        "the signature is over the bytes that were sent"
    );
}

#[tokio::test]
async fn each_kind_of_file_takes_what_its_page_knows_and_no_more() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    for (kind, mime_type) in [
        (MediaKind::Image, "image/jpeg"),
        (MediaKind::Video, "video/mp4"),
        (MediaKind::Audio, "audio/ogg; codecs=opus"),
        (MediaKind::Document, "application/pdf"),
    ] {
        let message = a_message(a_file(kind, mime_type));
        client.send_message(&message, DEADLINE).await.unwrap();
    }
    insta::assert_snapshot!(jelou.asked_bodies());
}

#[tokio::test]
async fn the_same_message_has_the_same_bytes_however_often_it_is_sent() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    let message = a_message(words());
    client.send_message(&message, DEADLINE).await.unwrap();
    let first = jelou.last_body();
    client.send_message(&message, DEADLINE).await.unwrap();
    assert_eq!(jelou.last_body(), first);
}

#[tokio::test]
async fn any_success_takes_a_message_and_a_lost_answer_leaves_it_unknown() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    let message = a_message(words());
    for (status, body) in [
        (200, ""),
        (200, "{}"),
        (201, r#"{"status":1}"#),
        (202, "null"),
    ] {
        jelou.answers(status, body);
        assert_eq!(client.send_message(&message, DEADLINE).await, Ok(()));
    }
    for (status, body, kind) in [
        (200, r#"{"status":0}"#, "unknown"),
        (200, "<html>", "unknown"),
        (500, "", "unknown"),
        (503, "", "unknown"),
        (429, "", "later"),
        (401, "", "locked"),
        (404, "", "gone"),
        (400, r#"{"code":"message_could_not_be_send"}"#, "refused"),
    ] {
        jelou.answers(status, body);
        let error = client.send_message(&message, DEADLINE).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {body}");
    }
    assert_eq!(Write::AgentMessage.resolve(), Resolve::None);
}

#[tokio::test]
async fn without_a_secret_no_message_leaves() {
    let jelou = Jelou::start().await;
    for secret in [None, Some(Text::from("")), Some(Text::from(" "))] {
        let mut config = jelou.config();
        config.signing_secret = secret;
        let outcome = client(&config)
            .send_message(&a_message(words()), DEADLINE)
            .await;
        assert!(matches!(outcome, Err(CallError::Refused { status: 0, .. })));
    }
    assert_eq!(jelou.count(), 0);
}

#[tokio::test]
async fn a_template_and_a_call_button_are_sent_as_documented() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    jelou.answers(
        200,
        json!([{"id": "5d0e8a2b", "destination": USER}]).to_string(),
    );
    let template = client.send_template(&a_template(), DEADLINE).await;
    assert_eq!(template.unwrap().as_str(), "5d0e8a2b");
    jelou.answers(
        200,
        json!({"success": true, "messageId": "msg_1"}).to_string(),
    );
    let button = client.send_bot_message(&a_call_button(), DEADLINE).await;
    assert_eq!(button.unwrap().as_str(), "msg_1");
    let mut plain = a_call_button();
    plain.what = BotSays::Text {
        text: Text::from("Um atendente vai ligar"),
    };
    client.send_bot_message(&plain, DEADLINE).await.unwrap();
    insta::assert_snapshot!(jelou.asked());
}

#[tokio::test]
async fn a_template_or_button_without_an_id_in_the_answer_may_have_been_sent() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    for body in [
        "",
        "{}",
        "[]",
        "[{}]",
        r#"[{"id":""}]"#,
        r#"{"success":true}"#,
        r#"{"success":false,"messageId":"msg_1"}"#,
        r#"{"message":["Template does not exist"],"status":"failed","_metadata":{}}"#,
        "<html>",
    ] {
        jelou.answers(200, body);
        let template = client.send_template(&a_template(), DEADLINE).await;
        let button = client.send_bot_message(&a_call_button(), DEADLINE).await;
        for outcome in [template, button] {
            assert!(
                matches!(outcome, Err(CallError::Unknown { .. })),
                "{outcome:?} for {body}"
            );
        }
    }
    jelou.answers(
        200,
        json!({"success": true, "data": {"messageId": "msg_2"}}).to_string(),
    );
    let nested = client.send_bot_message(&a_call_button(), DEADLINE).await;
    assert_eq!(nested.unwrap().as_str(), "msg_2");
}

#[tokio::test]
async fn without_a_client_id_neither_template_nor_button_leaves() {
    let jelou = Jelou::start().await;
    let mut config = jelou.config();
    config.api_auth = None;
    let client = client(&config);
    let template = client.send_template(&a_template(), DEADLINE).await;
    let button = client.send_bot_message(&a_call_button(), DEADLINE).await;
    for outcome in [template, button] {
        assert!(matches!(outcome, Err(CallError::Refused { status: 0, .. })));
    }
    assert_eq!(jelou.count(), 0);
}

#[tokio::test]
async fn no_reason_repeats_what_was_said_or_to_whom() {
    let jelou = Jelou::start().await;
    let body = json!({"message": [format!("user {USER}: Olá Ana")], "code": "message_could_not_be_send",
        "error": {"description": format!("{USER} Olá Ana")}});
    jelou.answers(400, body.to_string());
    let error = jelou
        .client()
        .send_message(&a_message(words()), DEADLINE)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "refused with 400: message: 400 message_could_not_be_send"
    );
}
