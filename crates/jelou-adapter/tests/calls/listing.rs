//! The report and the history: each request whole, and every shape of an answer.

use crate::{BOT, CONVERSATION, DEADLINE, Jelou, USER, client};
use bridge_core::{
    call::CallError,
    ids::BotId,
    message::{AnsweredBy, HandOver, MediaKind},
    report::Zoneless,
    text::Text,
    time::Timestamp,
};
use jelou_adapter::client::{Author, Client, MetricsAuth, Range};
use serde_json::json;
use std::time::Duration;

const REPORT: &str = include_str!("../../fixtures/answers/report.json");
const HISTORY: &str = include_str!("../../fixtures/answers/history.json");
const INVALID: &str = include_str!("../../fixtures/answers/failed-validation.json");
const BROKEN: &str = include_str!("../../fixtures/answers/failed-server.json");
const UNAUTHORIZED: &str = include_str!("../../fixtures/answers/unauthorized.json");
const LIMITED: &str = include_str!("../../fixtures/answers/rate-limited.json");

/// 2026-01-15 10:30:00.250 UTC and a day more.
const DAY: Range = Range {
    from: Timestamp(1_768_473_000_250),
    to: Timestamp(1_768_559_400_250),
};

fn bot() -> BotId {
    BotId::parse(BOT).unwrap()
}

fn user() -> bridge_core::ids::UserId {
    bridge_core::ids::UserId::parse(USER).unwrap()
}

async fn kinds(client: &Client) -> [&'static str; 2] {
    let report = client.attended(DAY, 1, DEADLINE).await.map(|_| ());
    let history = client.history(&bot(), DAY, 1, DEADLINE).await.map(|_| ());
    [report, history].map(|outcome| outcome.map_or_else(|error| error.kind(), |()| "read"))
}

#[tokio::test]
async fn the_report_is_asked_for_with_either_credential() {
    let jelou = Jelou::start().await;
    jelou.answers(200, REPORT);
    let mut config = jelou.config();
    client(&config).attended(DAY, 1, DEADLINE).await.unwrap();
    config.metrics_auth = MetricsAuth::Raw;
    client(&config).attended(DAY, 2, DEADLINE).await.unwrap();
    insta::assert_snapshot!(jelou.asked());
}

#[tokio::test]
async fn a_row_of_the_report_is_read_whole() {
    let jelou = Jelou::start().await;
    jelou.answers(200, REPORT);
    let page = jelou.client().attended(DAY, 1, DEADLINE).await.unwrap();
    assert_eq!(
        (page.unreadable, page.is_last, page.total),
        (0, false, Some(61))
    );
    let row = &page.rows[0];
    assert_eq!(row.conversation.as_str(), CONVERSATION);
    assert_eq!(row.user.as_ref().unwrap().as_str(), USER);
    assert_eq!(row.operator, Some(Text::from("Rui Costa")));
    assert_eq!(row.team.as_deref(), Some("FINANCEIRO"));
    assert_eq!(row.bot_name.as_deref(), Some("Suporte BR"));
    assert_eq!(row.ended_reason.as_deref(), Some("expired"));
    assert_eq!(row.origin.as_deref(), Some("ticket"));
    let began = Zoneless(Timestamp(1_768_473_000_000));
    assert_eq!(row.started_at, Some(began));
    assert_eq!(row.first_reply, Some(Duration::from_millis(795_880)));
    assert_eq!(row.duration, Some(Duration::from_millis(26_115_953)));
    let last = jelou.client().attended(DAY, 2, DEADLINE).await.unwrap();
    assert!(last.is_last);
}

#[tokio::test]
async fn the_history_is_asked_for_with_all_four_and_read_whole() {
    let jelou = Jelou::start().await;
    jelou.answers(200, HISTORY);
    let page = jelou
        .client()
        .history(&bot(), DAY, 1, DEADLINE)
        .await
        .unwrap();
    insta::assert_snapshot!(jelou.asked());
    let by: Vec<&Author> = page.rows.iter().map(|row| &row.by).collect();
    assert_eq!(by, [&Author::Bot, &Author::Customer, &Author::Customer]);
    let picture = &page.rows[1];
    assert_eq!(picture.id.as_str(), "wamid.2");
    assert_eq!(picture.sender.as_ref().unwrap().as_str(), USER);
    assert_eq!(picture.at, Some(Timestamp(1_768_473_060_000)));
    assert_eq!(
        (picture.kind.as_str(), &picture.body),
        ("image", &Some(Text::from("segue a foto")))
    );
    let media = picture.media.as_ref().unwrap();
    assert_eq!(
        (media.kind, media.mime_type.as_str()),
        (MediaKind::Image, "image/jpeg")
    );
    assert_eq!(page.rows[2].body, Some(Text::from("Oi")));
    assert_eq!(page.rows[0].recipient.as_ref().unwrap().as_str(), USER);
    assert!(page.is_last);
}

#[tokio::test]
async fn each_documented_refusal_says_what_must_happen_next() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    for (status, body, kind) in [
        (401, UNAUTHORIZED, "locked"),
        (404, r#"{"error":{"code":"E1019"}}"#, "gone"),
        (422, INVALID, "refused"),
        (429, LIMITED, "later"),
        (500, BROKEN, "later"),
        (200, BROKEN, "later"),
        (200, "<html>", "later"),
        (200, "{}", "later"),
        (200, r#"{"status":"success","results":[]}"#, "read"),
    ] {
        jelou.answers(status, body);
        assert_eq!(kinds(&client).await, [kind, kind], "{status} {body}");
    }
}

#[tokio::test]
async fn a_page_larger_than_one_object_is_read() {
    let jelou = Jelou::start().await;
    let long = "é".repeat(60_000);
    let row =
        |n: u32| json!({"messageId": n, "by": "user", "bubble": {"type": "TEXT", "text": long}});
    let rows: Vec<_> = (0..50).map(row).collect();
    jelou.answers(200, json!({"results": rows}).to_string());
    let page = jelou.client().history(&bot(), DAY, 1, DEADLINE).await;
    assert_eq!(page.unwrap().rows.len(), 50);
}

#[tokio::test]
async fn who_answers_is_read_and_said_as_documented() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    let state = |word: &str| json!({"id": USER, "names": "Ana", "botId": BOT, "groupId": "g", "state": word});
    jelou.answers(200, state("manual").to_string());
    let by = client.answered_by(&bot(), &user(), DEADLINE).await;
    assert_eq!(by, Ok(AnsweredBy::Person));
    let mut to = HandOver {
        bot: bot(),
        user: user(),
        to: AnsweredBy::Person,
        for_secs: Some(3_600),
    };
    client.hand_over(&to, DEADLINE).await.unwrap();
    to.to = AnsweredBy::Bot;
    jelou.answers(200, json!({"data": state("AUTO")}).to_string());
    client.hand_over(&to, DEADLINE).await.unwrap();
    insta::assert_snapshot!(jelou.asked());
}

#[tokio::test]
async fn a_state_of_another_bot_or_no_state_is_none() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    for body in [
        json!({"state": "auto", "botId": "another"}),
        json!({"state": "asleep", "botId": BOT}),
        json!({"botId": BOT}),
        json!({"message": ["x"], "status": "failed"}),
    ] {
        jelou.answers(200, body.to_string());
        let by = client.answered_by(&bot(), &user(), DEADLINE).await;
        assert!(matches!(by, Err(CallError::Later { .. })), "{body}");
    }
    jelou.answers(200, json!({"state": "manual"}).to_string());
    let to = HandOver {
        bot: bot(),
        user: user(),
        to: AnsweredBy::Bot,
        for_secs: None,
    };
    let outcome = client.hand_over(&to, DEADLINE).await;
    assert!(matches!(outcome, Err(CallError::Later { .. })));
}
