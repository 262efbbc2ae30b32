//! Each request, whole, as Jelou gets it.

use crate::{
    BOT, DEADLINE, Jelou, a_close, a_conversation, a_start, a_ticket_id, an_intent, basic, client,
};
use bridge_core::{
    call::CallError,
    effect::{Answer, TicketIdPlace},
    ids::{ConversationId, UserId},
    text::Text,
};
use jelou_adapter::client::{BadConfig, Client, GatewayAuth};
use serde_json::Value;

const ANSWERED: &str = include_str!("../../fixtures/answers/start.json");

#[tokio::test]
async fn a_start_is_sent_as_documented_with_both_our_ids() {
    let jelou = Jelou::start().await;
    jelou.answers(200, ANSWERED);
    jelou
        .client()
        .start(&a_start(), &an_intent(), DEADLINE)
        .await
        .unwrap();
    insta::assert_snapshot!(jelou.asked());
}

#[tokio::test]
async fn a_start_leaves_out_what_there_is_not() {
    let jelou = Jelou::start().await;
    jelou.answers(200, ANSWERED);
    let mut start = a_start();
    start.initial_message = Some(Text::from(" \n"));
    start.assignment = None;
    start.metadata.clear();
    jelou
        .client()
        .start(&start, &an_intent(), DEADLINE)
        .await
        .unwrap();
    insta::assert_snapshot!(jelou.asked());
}

#[tokio::test]
async fn no_rule_of_an_operator_takes_the_place_of_our_ids() {
    let jelou = Jelou::start().await;
    jelou.answers(200, ANSWERED);
    let mut start = a_start();
    for key in ["ticketId", "intentId"] {
        start.metadata.insert(key.to_owned(), Text::from("another"));
    }
    jelou
        .client()
        .start(&start, &an_intent(), DEADLINE)
        .await
        .unwrap();
    assert!(!jelou.asked().contains("another"));
}

#[tokio::test]
async fn a_close_is_sent_as_documented_with_or_without_a_message() {
    let jelou = Jelou::start().await;
    jelou.answers(200, ANSWERED);
    let client = jelou.client();
    let mut close = a_close();
    client.close(&close, DEADLINE).await.unwrap();
    close.message = None;
    client.close(&close, DEADLINE).await.unwrap();
    insta::assert_snapshot!(jelou.asked());
}

#[tokio::test]
async fn a_conversation_is_asked_for_as_documented() {
    let jelou = Jelou::start().await;
    jelou.answers(
        200,
        include_str!("../../fixtures/answers/conversation-active.json"),
    );
    jelou
        .client()
        .conversation(&a_conversation(), DEADLINE)
        .await
        .unwrap();
    insta::assert_snapshot!(jelou.asked());
}

#[tokio::test]
async fn a_ticket_id_is_written_to_the_cache_and_cleared_there() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    let mut write = a_ticket_id(TicketIdPlace::UserCache);
    client.write_ticket_id(&write, DEADLINE).await.unwrap();
    write.ticket = None;
    client.write_ticket_id(&write, DEADLINE).await.unwrap();
    insta::assert_snapshot!(jelou.asked());
}

#[tokio::test]
async fn a_ticket_id_is_written_to_memory_for_a_day_and_cleared_there() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    let mut write = a_ticket_id(TicketIdPlace::UserMemory);
    client.write_ticket_id(&write, DEADLINE).await.unwrap();
    write.ticket = None;
    client.write_ticket_id(&write, DEADLINE).await.unwrap();
    insta::assert_snapshot!(jelou.asked());
}

#[tokio::test]
async fn a_ticket_id_that_goes_nowhere_costs_no_call() {
    let jelou = Jelou::start().await;
    let write = a_ticket_id(TicketIdPlace::None);
    let answer = jelou.client().write_ticket_id(&write, DEADLINE).await;
    assert_eq!(answer, Ok(Answer::Done { whole: None }));
    assert_eq!(jelou.count(), 0);
}

#[tokio::test]
async fn the_other_prefix_a_path_of_its_own_and_basic_are_a_matter_of_config() {
    let jelou = Jelou::start().await;
    jelou.answers(200, ANSWERED);
    let mut config = jelou.config();
    config.gateway_url.set_path("/proxy/");
    config.api_url.set_path("/proxy");
    config.gateway_prefix = "platform/v1/".to_owned();
    config.gateway_auth = GatewayAuth::Basic(basic());
    let client = client(&config);
    client.close(&a_close(), DEADLINE).await.unwrap();
    for place in [TicketIdPlace::UserCache, TicketIdPlace::UserMemory] {
        client
            .write_ticket_id(&a_ticket_id(place), DEADLINE)
            .await
            .unwrap();
    }
    insta::assert_snapshot!(jelou.asked());
}

#[tokio::test]
async fn an_id_reaches_jelou_as_one_segment_or_not_at_all() {
    let jelou = Jelou::start().await;
    let client = jelou.client();
    let segments = |asked: &str| asked.lines().next().unwrap().split('/').count();
    let usual = {
        let _ = client.conversation(&a_conversation(), DEADLINE).await;
        segments(&jelou.asked())
    };
    for id in ["../", "%2e%2e%2f", "a/b?x#y", "..\\..\\x", "G:1:2", "é ✅"] {
        let id = ConversationId::parse(id).unwrap();
        let outcome = client.conversation(&id, DEADLINE).await;
        assert!(matches!(outcome, Err(CallError::Later { .. })));
        let asked = jelou.asked();
        let last = asked.rsplit("\n\n").next().unwrap();
        assert_eq!(segments(last), usual, "{last}");
        assert!(!last.contains('?'), "{last}");
    }
    let before = jelou.count();
    for id in [".", ".."] {
        let id = ConversationId::parse(id).unwrap();
        let outcome = client.conversation(&id, DEADLINE).await;
        assert!(matches!(outcome, Err(CallError::Refused { status: 0, .. })));
    }
    assert_eq!(jelou.count(), before);
}

#[tokio::test]
async fn a_user_id_reaches_the_cache_as_one_segment() {
    let jelou = Jelou::start().await;
    let mut write = a_ticket_id(TicketIdPlace::UserCache);
    write.user = UserId::parse("BR.1/../2").unwrap();
    jelou
        .client()
        .write_ticket_id(&write, DEADLINE)
        .await
        .unwrap();
    assert!(
        jelou
            .asked()
            .starts_with("POST /v1/users/BR.1%2F..%2F2/cache\n")
    );
}

#[tokio::test]
async fn words_with_template_syntax_reach_jelou_as_written() {
    let jelou = Jelou::start().await;
    jelou.answers(200, ANSWERED);
    let words = "{{7*7}} {% raw %} <b>\"&\" \\ 👩‍👩‍👧\r\n";
    let mut start = a_start();
    start.initial_message = Some(Text::from(words));
    jelou
        .client()
        .start(&start, &an_intent(), DEADLINE)
        .await
        .unwrap();
    let asked = jelou.asked();
    let body: Value = serde_json::from_str(asked.split_once("\n\n").unwrap().1).unwrap();
    assert_eq!(body["initialMessage"], words);
    assert_eq!(body["botId"], BOT);
}

#[tokio::test]
async fn a_cache_write_without_a_credential_is_refused_unsent() {
    let jelou = Jelou::start().await;
    let mut config = jelou.config();
    config.api_auth = None;
    let outcome = client(&config)
        .write_ticket_id(&a_ticket_id(TicketIdPlace::UserCache), DEADLINE)
        .await;
    assert!(matches!(outcome, Err(CallError::Refused { status: 0, .. })));
    assert_eq!(jelou.count(), 0);
}

#[tokio::test]
async fn a_config_that_no_request_can_be_made_from_says_which_key() {
    let jelou = Jelou::start().await;
    let transport = bridge_transport::Transport::new(|| bridge_core::time::Timestamp(0)).unwrap();
    let error = |change: fn(&mut jelou_adapter::client::ClientConfig)| {
        let mut config = jelou.config();
        change(&mut config);
        Client::new(transport.clone(), &config).unwrap_err()
    };
    let key = error(|c| c.gateway_auth = GatewayAuth::ApiKey(Text::from("k3y\n")));
    assert_eq!(key, BadConfig::Credential);
    let id = error(|c| {
        c.api_auth = Some(jelou_adapter::client::Basic {
            client_id: "a:b".to_owned(),
            client_secret: Text::from("c"),
        });
    });
    assert_eq!(id, BadConfig::ClientId);
    let project = error(|c| c.project_id = "..".to_owned());
    assert!(matches!(project, BadConfig::Project(_)));
    let prefix = error(|c| c.gateway_prefix = "/../v1".to_owned());
    assert!(matches!(prefix, BadConfig::Address(_)));
}

#[tokio::test]
async fn no_secret_shows_in_debug_output() {
    let jelou = Jelou::start().await;
    let shown = format!("{:?} {:?}", jelou.config(), jelou.client());
    for secret in ["k3y", "s3cr3t-Example", "YnJpZGdlLWNsaWVudD"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
