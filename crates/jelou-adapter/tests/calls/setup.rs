//! The integration: each request whole, and what becomes of each answer.

use crate::{DEADLINE, Jelou, SIGNING_SECRET};
use bridge_core::{call::CallError, text::Text, time::Timestamp};
use jelou_adapter::webhook::Proof;
use serde_json::json;
use url::Url;

const CREATED: &str = include_str!("../../fixtures/answers/integration-created.json");
const READ: &str = include_str!("../../fixtures/answers/integration.json");

fn hook() -> Url {
    Url::parse("https://bridge.example.org/webhooks/main/jelou").unwrap()
}

#[tokio::test]
async fn an_integration_is_made_changed_rotated_and_taken_away_as_documented() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    jelou.answers(200, CREATED);
    let proof = Proof::Bearer(Text::from("t0ken"));
    for proof in [&Proof::None, &proof] {
        let secret = client.create_integration(&hook(), proof, DEADLINE).await;
        assert_eq!(secret, Ok(Text::from(SIGNING_SECRET)));
    }
    client.rotate_secret(DEADLINE).await.unwrap();
    jelou.answers(200, READ);
    client.integration(DEADLINE).await.unwrap();
    for proof in [&Proof::None, &proof] {
        client
            .update_integration(&hook(), proof, DEADLINE)
            .await
            .unwrap();
    }
    jelou.answers(
        200,
        r#"{"message":["Integration deleted successfully."],"statusMessage":"success","status":1}"#,
    );
    client.remove_integration(DEADLINE).await.unwrap();
    insta::assert_snapshot!(jelou.asked());
}

#[tokio::test]
async fn an_integration_is_read_with_and_without_its_wrapping() {
    let jelou = Jelou::start().await;
    let bare = json!({"id": "int_55", "brainId": "x", "authType": "bearer", "createdAt": "2026-01-15T10:30:00Z",
        "webhookUrl": "https://bridge.example.org/webhooks/main/jelou"});
    jelou.answers(200, READ);
    let wrapped = jelou.client().integration(DEADLINE).await.unwrap();
    jelou.answers(200, bare.to_string());
    let bare = jelou.client().integration(DEADLINE).await.unwrap();
    for integration in [&wrapped, &bare] {
        assert_eq!(integration.webhook_url, hook().as_str());
        assert_eq!(integration.created_at, Some(Timestamp(1_768_473_000_000)));
    }
    assert_eq!(wrapped.updated_at, Some(Timestamp(1_768_559_400_000)));
    assert_eq!(
        (wrapped.auth_type, bare.auth_type.as_deref()),
        (None, Some("bearer"))
    );
}

#[tokio::test]
async fn a_secret_that_did_not_arrive_is_an_unknown_outcome() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    for body in [
        "",
        "{}",
        "<html>",
        r#"{"status":0,"data":{"signingSecret":"s"}}"#,
        r#"{"data":{"signingSecret":null}}"#,
        r#"{"data":{"signingSecret":" "}}"#,
        r#"{"data":{"signingSecret":"a\nb"}}"#,
        r#"{"signingSecret":7}"#,
    ] {
        jelou.answers(200, body);
        let made = client
            .create_integration(&hook(), &Proof::None, DEADLINE)
            .await;
        let rotated = client.rotate_secret(DEADLINE).await;
        for outcome in [made, rotated] {
            assert!(
                matches!(outcome, Err(CallError::Unknown { .. })),
                "{outcome:?} for {body}"
            );
        }
    }
    jelou.answers(500, "");
    assert_eq!(
        client.rotate_secret(DEADLINE).await.unwrap_err().kind(),
        "unknown"
    );
    let bare = json!({"signingSecret": "s3cret", "regeneratedAt": "2026-01-15T10:30:00Z"});
    jelou.answers(200, bare.to_string());
    let secret = client.rotate_secret(DEADLINE).await.unwrap();
    assert_eq!(secret.reveal(), "s3cret");
    assert!(!format!("{secret:?}").contains("s3cret"));
}

#[tokio::test]
async fn where_there_is_no_integration_each_call_says_so() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    jelou.answers(404, r#"{"message":["Not found"],"status":0}"#);
    let read = client.integration(DEADLINE).await.map(|_| ());
    let changed = client
        .update_integration(&hook(), &Proof::None, DEADLINE)
        .await;
    let removed = client.remove_integration(DEADLINE).await;
    let rotated = client.rotate_secret(DEADLINE).await.map(|_| ());
    for outcome in [read, changed, removed, rotated] {
        assert!(matches!(outcome, Err(CallError::Gone { .. })));
    }
}
