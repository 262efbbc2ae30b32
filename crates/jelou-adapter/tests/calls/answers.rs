//! What becomes of each answer. No success without the id that a success brings.

use crate::{
    BOT, CONVERSATION, DEADLINE, Jelou, USER, a_close, a_conversation, a_start, a_ticket_id,
    an_intent,
};
use bridge_core::{
    call::CallError,
    conversation::{Conversation, ConversationState},
    effect::{Answer, TicketIdPlace},
    ids::{ConversationId, UserId},
    text::Text,
    time::Timestamp,
};
use serde_json::{Value, json};
use std::time::Duration;

const STARTED: &str = include_str!("../../fixtures/answers/start.json");
const CLOSED: &str = include_str!("../../fixtures/answers/close.json");
const ACTIVE: &str = include_str!("../../fixtures/answers/conversation-active.json");
const ENDED: &str = include_str!("../../fixtures/answers/conversation-closed.json");
const INVALID: &str = include_str!("../../fixtures/answers/failed-validation.json");
const BROKEN: &str = include_str!("../../fixtures/answers/failed-server.json");
const UNAUTHORIZED: &str = include_str!("../../fixtures/answers/unauthorized.json");
const LIMITED: &str = include_str!("../../fixtures/answers/rate-limited.json");

/// Bodies that come with 200 and are no success of anything.
fn no_successes() -> Vec<String> {
    let failed_with_id = |extra: Value| {
        let mut body = json!({"data": {"conversationId": CONVERSATION, "userId": USER}});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        body.to_string()
    };
    vec![
        "<html><body>Service is being updated</body></html>".to_owned(),
        "{\"message\":[\"Conversation started".to_owned(),
        "\u{feff}{}".to_owned(),
        INVALID.to_owned(),
        BROKEN.to_owned(),
        failed_with_id(json!({"status": 0})),
        failed_with_id(json!({"status": 0.0})),
        failed_with_id(json!({"status": "0"})),
        failed_with_id(json!({"status": "failed"})),
        failed_with_id(json!({"status": "Error"})),
        failed_with_id(json!({"status": false})),
        failed_with_id(json!({"statusMessage": "failed"})),
        failed_with_id(json!({"success": false})),
    ]
}

/// Bodies that come with 200, say success and bring no id.
fn idless() -> Vec<String> {
    let data = |data: Value| json!({"status": 1, "statusMessage": "success", "data": data});
    [
        json!({}),
        data(json!(null)),
        data(json!({})),
        data(json!([])),
        data(json!("ok")),
        data(json!({"conversationId": null})),
        data(json!({"conversationId": ""})),
        data(json!({"conversationId": {"id": 1}})),
        data(json!({"conversationId": "a\r\nb"})),
        json!({"message": "ok", "status": 1}),
    ]
    .iter()
    .map(Value::to_string)
    .chain([
        "".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        "7".to_owned(),
    ])
    .collect()
}

async fn start(jelou: &Jelou) -> Result<Answer, CallError> {
    jelou
        .client()
        .start(&a_start(), &an_intent(), DEADLINE)
        .await
}

async fn close(jelou: &Jelou) -> Result<Answer, CallError> {
    jelou.client().close(&a_close(), DEADLINE).await
}

async fn read(jelou: &Jelou) -> Result<Conversation, CallError> {
    jelou
        .client()
        .conversation(&a_conversation(), DEADLINE)
        .await
}

#[tokio::test]
async fn a_start_brings_the_conversation_and_jelous_spelling_of_the_user() {
    let jelou = Jelou::start().await;
    for body in [
        STARTED.to_owned(),
        json!({"conversationId": CONVERSATION, "userId": USER}).to_string(),
        json!({"status": 123, "message": "ok", "data": {"_id": CONVERSATION, "User": {"id": USER}}})
            .to_string(),
        json!({"status": "success", "data": {"id": CONVERSATION, "user": {"id": 593_987_654_321_i64}}})
            .to_string(),
    ] {
        jelou.answers(200, body.clone());
        let expected = Answer::Started {
            conversation: ConversationId::parse(CONVERSATION).unwrap(),
            user: Some(UserId::parse(USER).unwrap()),
        };
        assert_eq!(start(&jelou).await, Ok(expected), "{body}");
    }
    jelou.answers(201, json!({"data": {"conversationId": 7}}).to_string());
    let expected = Answer::Started {
        conversation: ConversationId::parse("7").unwrap(),
        user: None,
    };
    assert_eq!(start(&jelou).await, Ok(expected));
}

#[tokio::test]
async fn a_success_that_is_none_is_an_unknown_outcome_for_a_start_and_a_close() {
    let jelou = Jelou::start().await;
    for body in no_successes().into_iter().chain(idless()) {
        jelou.answers(200, body.clone());
        for outcome in [start(&jelou).await, close(&jelou).await] {
            assert!(
                matches!(outcome, Err(CallError::Unknown { .. })),
                "{outcome:?} for {body}"
            );
        }
    }
    jelou.answers(204, "");
    assert!(matches!(
        start(&jelou).await,
        Err(CallError::Unknown { .. })
    ));
}

#[tokio::test]
async fn a_success_that_is_none_is_read_again_later() {
    let jelou = Jelou::start().await;
    let whole: Value = serde_json::from_str(ACTIVE).unwrap();
    let lacking = ["_id", "User", "Bot", "state"].map(|name| {
        let mut body = whole.clone();
        body["data"].as_object_mut().unwrap().remove(name);
        body.to_string()
    });
    for body in no_successes().into_iter().chain(idless()).chain(lacking) {
        jelou.answers(200, body.clone());
        let outcome = read(&jelou).await;
        assert!(
            matches!(outcome, Err(CallError::Later { .. })),
            "{outcome:?} for {body}"
        );
    }
}

#[tokio::test]
async fn a_close_brings_the_conversation_that_was_closed() {
    let jelou = Jelou::start().await;
    for (body, id) in [
        (CLOSED.to_owned(), CONVERSATION),
        (
            json!({"data": {"conversationId": "another"}}).to_string(),
            "another",
        ),
        (
            json!({"_id": CONVERSATION, "status": "closed"}).to_string(),
            CONVERSATION,
        ),
    ] {
        jelou.answers(200, body);
        let expected = Answer::Closed {
            conversation: Some(ConversationId::parse(id).unwrap()),
        };
        assert_eq!(close(&jelou).await, Ok(expected));
    }
}

#[tokio::test]
async fn a_conversation_is_read_whole() {
    let jelou = Jelou::start().await;
    jelou.answers(200, ENDED);
    let conversation = read(&jelou).await.unwrap();
    assert_eq!(conversation.id.as_str(), CONVERSATION);
    assert_eq!(conversation.bot.as_str(), BOT);
    assert_eq!(conversation.user.as_str(), USER);
    assert_eq!(
        conversation.room.unwrap().as_str(),
        format!("G:{BOT}:{USER}")
    );
    assert_eq!(conversation.contact_name, Some(Text::from("Ana Lima")));
    let reason = "closed_by_operator".to_owned();
    assert_eq!(conversation.state, ConversationState::Closed { reason });
    assert_eq!(conversation.started_at, Some(Timestamp(1_768_473_000_000)));
    assert_eq!(conversation.ended_at, Some(Timestamp(1_768_473_900_000)));
}

#[tokio::test]
async fn a_conversation_is_read_in_every_spelling() {
    let jelou = Jelou::start().await;
    for (body, is_closed) in [
        (
            json!({"conversationId": CONVERSATION, "status": "active", "botId": BOT, "userId": USER}),
            false,
        ),
        (
            json!({"id": CONVERSATION, "state": "closed", "bot": {"id": BOT}, "user": {"id": USER}}),
            true,
        ),
        (
            json!({"status": 1, "data": {"_id": CONVERSATION, "status": "closed", "Bot": {"id": BOT},
            "contact": {"id": USER, "name": "Ana"}, "startAt": "2026-01-15 10:30:00"}}),
            true,
        ),
    ] {
        jelou.answers(200, body.to_string());
        let conversation = read(&jelou).await.unwrap();
        assert_eq!(
            (conversation.user.as_str(), conversation.bot.as_str()),
            (USER, BOT)
        );
        assert_eq!(conversation.state.is_closed(), is_closed);
    }
}

#[tokio::test]
async fn only_what_is_known_to_be_over_is_over() {
    let jelou = Jelou::start().await;
    for (state, ended_reason, expected) in [
        ("active", None, None),
        ("ACTIVE", None, None),
        ("paused", None, None),
        (
            "closed",
            Some("closed_by_operator"),
            Some("closed_by_operator"),
        ),
        ("Closed", None, Some("closed")),
        ("resolved", None, Some("resolved")),
        ("expired", Some(" "), Some("expired")),
    ] {
        let mut body: Value = serde_json::from_str(ACTIVE).unwrap();
        body["data"]["state"] = json!(state);
        body["data"]["endedReason"] = json!(ended_reason);
        jelou.answers(200, body.to_string());
        let expected = match expected {
            None => ConversationState::Active,
            Some(reason) => ConversationState::Closed {
                reason: reason.to_owned(),
            },
        };
        assert_eq!(read(&jelou).await.unwrap().state, expected, "{state}");
    }
}

#[tokio::test]
async fn an_answer_about_another_conversation_is_not_taken_for_this_one() {
    let jelou = Jelou::start().await;
    jelou.answers(200, ACTIVE.replace(CONVERSATION, "another"));
    assert!(matches!(read(&jelou).await, Err(CallError::Later { .. })));
}

#[tokio::test]
async fn a_ticket_id_is_written_if_nothing_says_it_is_not() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    for place in [TicketIdPlace::UserCache, TicketIdPlace::UserMemory] {
        let write = a_ticket_id(place);
        for body in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"status":"success"}"#,
            r#"{"status":1}"#,
        ] {
            jelou.answers(200, body);
            let outcome = client.write_ticket_id(&write, DEADLINE).await;
            assert_eq!(outcome, Ok(Answer::Done { whole: None }), "{body}");
        }
        for body in no_successes() {
            jelou.answers(200, body.clone());
            let outcome = client.write_ticket_id(&write, DEADLINE).await;
            assert!(matches!(outcome, Err(CallError::Later { .. })), "{body}");
        }
    }
}

#[tokio::test]
async fn each_refusal_says_what_must_happen_next() {
    let jelou = Jelou::start().await;
    for (status, body, of_a_write, of_a_read) in [
        (302, "", "refused", "refused"),
        (400, INVALID, "refused", "refused"),
        (401, UNAUTHORIZED, "locked", "locked"),
        (403, r#"{"code":"forbidden_bot"}"#, "forbidden", "forbidden"),
        (404, r#"{"code":"bot_not_found"}"#, "gone", "gone"),
        (408, "", "unknown", "later"),
        (409, "", "refused", "refused"),
        (422, INVALID, "refused", "refused"),
        (425, "", "later", "later"),
        (429, LIMITED, "later", "later"),
        (500, BROKEN, "unknown", "later"),
        (502, "<html>Bad gateway</html>", "unknown", "later"),
        (503, "", "unknown", "later"),
    ] {
        jelou.answers(status, body);
        assert_eq!(
            start(&jelou).await.unwrap_err().kind(),
            of_a_write,
            "{status}"
        );
        assert_eq!(
            close(&jelou).await.unwrap_err().kind(),
            of_a_write,
            "{status}"
        );
        assert_eq!(
            read(&jelou).await.unwrap_err().kind(),
            of_a_read,
            "{status}"
        );
        let write = a_ticket_id(TicketIdPlace::UserCache);
        let written = jelou.client().write_ticket_id(&write, DEADLINE).await;
        assert_eq!(written.unwrap_err().kind(), of_a_read, "{status}");
    }
}

#[tokio::test]
async fn a_rate_limit_is_obeyed_by_the_whole_host() {
    let jelou = Jelou::start().await;
    // The clock stands at 2026-04-14 02:29:57 UTC.
    for (said, wait) in [
        ("7", 7),
        ("-1", 1),
        ("1e9", 3_600),
        ("Tue, 14 Apr 2026 02:30:57 GMT", 60),
        ("Tue, 14 Apr 2020 02:30:57 GMT", 1),
    ] {
        jelou.answers_with(429, "retry-after", said);
        let Err(CallError::Later {
            after, host_wide, ..
        }) = start(&jelou).await
        else {
            panic!("not later");
        };
        assert_eq!(
            (after, host_wide),
            (Some(Duration::from_secs(wait)), true),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_reason_names_the_operation_and_the_code_and_no_person() {
    let jelou = Jelou::start().await;
    let body = json!({"message": [format!("user {USER} Ana Lima")], "status": 0,
        "error": {"code": "E0422", "key": "VALIDATOR_ERROR", "description": format!("{USER} Ana")}});
    jelou.answers(422, body.to_string());
    let error = start(&jelou).await.unwrap_err();
    let said = "refused with 422: start: 422 E0422 VALIDATOR_ERROR";
    assert_eq!(error.to_string(), said);
}
