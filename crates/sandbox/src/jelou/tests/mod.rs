//! The sandbox's Jelou behaves as Jelou's pages say, and misbehaves when told to.

mod desk;
mod manners;

use super::*;
use crate::testing::{PATIENCE, Receiver, call};
use serde_json::json;

const KEY: (&str, &str) = ("x-api-key", "sandbox-api-key");
/// base64("sandbox-client:sandbox-client-secret")
const BASIC: (&str, &str) = (
    "authorization",
    "Basic c2FuZGJveC1jbGllbnQ6c2FuZGJveC1jbGllbnQtc2VjcmV0",
);
const PROJECT: &str = "01ksandbox000000000000001";
const BOT: &str = "7a1d0c52-3b6e-4f0a-9a57-2c61d2f4e801";
const ANA: &str = "593987654321";

struct Scene {
    running: RunningJelou,
    receiver: Receiver,
}

impl Scene {
    async fn begin() -> Self {
        Self::with(JelouOptions::default()).await
    }

    async fn with(options: JelouOptions) -> Self {
        let (receiver, url) = Receiver::start().await;
        let options = JelouOptions {
            webhook_url: Some(url),
            ..options
        };
        let running = Jelou::start(options).await.unwrap();
        running.handle.add_user(ANA, "Ana Lima");
        Self { running, receiver }
    }

    fn jelou(&self) -> &Jelou {
        &self.running.handle
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.running.url())
    }

    fn gateway(&self, last: &str) -> String {
        self.at(&format!(
            "/jelouapi/v1/external-support/{PROJECT}/conversations/{last}"
        ))
    }

    async fn start(&self, ticket: &str) -> Result<(u16, Value), reqwest::Error> {
        let body = json!({
            "botId": BOT, "userId": ANA, "initialMessage": "Olá Ana",
            "metadata": {"ticketId": ticket}, "assignment": {"type": "queue", "target": "SUPORTE"},
        });
        call("POST", &self.gateway("start"), KEY, Some(body)).await
    }

    async fn close(&self) -> (u16, Value) {
        let body = json!({"botId": BOT, "userId": ANA, "redirectPayload": {"type": "text", "text": "Obrigado!"}});
        call("POST", &self.gateway("close"), KEY, Some(body))
            .await
            .unwrap()
    }

    async fn heard(&self) -> Vec<Value> {
        assert!(self.jelou().webhooks().quiet(PATIENCE).await);
        self.receiver
            .bodies("x-jelou-signature", "sandbox-signing-secret")
    }

    async fn heard_kinds(&self) -> Vec<String> {
        let kind = |event: &Value| event["event_type"].as_str().unwrap().to_owned();
        self.heard().await.iter().map(kind).collect()
    }
}

#[tokio::test]
async fn a_start_answers_and_tells_as_documented() {
    let scene = Scene::begin().await;
    let (status, answer) = scene.start("HD-1").await.unwrap();
    let id = answer["data"]["conversationId"].as_str().unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        json!({
            "message": ["Conversation started successfully"], "statusMessage": "success", "status": 1,
            "data": {"conversationId": id, "botId": BOT, "userId": ANA, "status": "active"},
        })
    );
    assert!(id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit()));

    let heard = scene.heard().await;
    let timestamp = heard[0]["timestamp"].as_i64().unwrap();
    assert_eq!(
        heard,
        [json!({
            "event": "conversation.start", "timestamp": timestamp, "field": "conversation",
            "object": "conversation_event", "event_type": "start", "project_id": PROJECT,
            "room_id": format!("G:{BOT}:{ANA}"), "contact": {"id": ANA, "name": "Ana Lima"},
            "conversation": {"id": id, "assignment": {"type": "queue", "target": "SUPORTE"}},
            "bot": {"id": BOT, "name": "Sandbox"},
            "value": {"initial_message": "Olá Ana", "metadata": {"ticketId": "HD-1"}},
        })]
    );
    assert_eq!(scene.jelou().conversations_of_ticket("HD-1").len(), 1);
}

#[tokio::test]
async fn a_read_shows_no_metadata_and_an_end_only_after_the_end() {
    let scene = Scene::begin().await;
    let (_, started) = scene.start("HD-1").await.unwrap();
    let id = started["data"]["conversationId"]
        .as_str()
        .unwrap()
        .to_owned();
    let url = scene.at(&format!(
        "/platform/v1/external-support/{PROJECT}/conversations/{id}"
    ));

    let (_, open) = call("GET", &url, BASIC, None).await.unwrap();
    let keys: Vec<&String> = open["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["Bot", "User", "_id", "roomId", "startAt", "state"]);
    assert_eq!(open["data"]["User"]["names"], "Ana Lima");

    let (_, closed) = scene.close().await;
    assert_eq!(
        closed["data"],
        json!({"conversationId": id, "status": "closed", "endedReason": "closed_by_operator"})
    );
    let (_, over) = call("GET", &url, BASIC, None).await.unwrap();
    assert_eq!(over["data"]["state"], "closed");
    assert_eq!(over["data"]["endedReason"], "closed_by_operator");
    assert!(over["data"]["endAt"].as_str().unwrap().ends_with('Z'));

    let heard = scene.heard().await;
    assert_eq!(
        heard[1]["value"],
        json!({"reason": "closed_by_operator", "redirectPayload": {"type": "text", "text": "Obrigado!"}})
    );
}

#[tokio::test]
async fn what_a_customer_does_arrives_as_start_message_and_close() {
    let scene = Scene::begin().await;
    let jelou = scene.jelou();
    let id = jelou.customer_starts(ANA, "Oi").unwrap();
    let message = jelou.customer_writes(&id, "meu boleto venceu").unwrap();
    jelou.expires(&id).unwrap();

    let heard = scene.heard().await;
    assert_eq!(heard[0]["value"], json!({"initial_message": "Oi"}));
    assert_eq!(
        heard[1]["value"],
        json!({"id": message, "type": "text", "content": {"body": "meu boleto venceu"}})
    );
    assert_eq!(heard[1]["field"], "messages");
    assert!(
        heard[1].get("event").is_none(),
        "message events have no `event`"
    );
    assert_eq!(heard[2]["value"], json!({"reason": "expired"}));
}

#[tokio::test]
async fn refusals_come_in_their_documented_envelopes() {
    let scene = Scene::with(JelouOptions {
        strangers: Strangers::Refused,
        ..JelouOptions::default()
    })
    .await;
    let start = scene.gateway("start");
    let ask =
        async |credential, body: Value| call("POST", &start, credential, Some(body)).await.unwrap();
    let fine = json!({"botId": BOT, "userId": ANA});

    let wrong_key = ask(("x-api-key", "nope"), fine.clone()).await;
    assert_eq!(
        wrong_key,
        (401, json!({"message": "Authentication failed"}))
    );

    let (status, missing) = ask(KEY, json!({"botId": BOT})).await;
    assert_eq!((status, &missing["status"]), (422, &json!(0)));
    assert_eq!(
        missing["error"],
        json!({"code": "E0422", "key": "VALIDATOR_ERROR"})
    );

    let (status, bot) = ask(KEY, json!({"botId": "no", "userId": ANA})).await;
    assert_eq!(
        (status, &bot["error"]["key"]),
        (404, &json!("BOT_NOT_FOUND"))
    );
    let (status, user) = ask(KEY, json!({"botId": BOT, "userId": "1"})).await;
    assert_eq!((status, &user["statusMessage"]), (404, &json!("failed")));

    let (status, _) = call("GET", &scene.gateway("69f8a1b2c3d4e5f601234567"), KEY, None)
        .await
        .unwrap();
    assert_eq!(status, 404);
    let (status, _) = scene.close().await;
    assert_eq!(status, 404, "nothing to close");
    assert!(scene.jelou().calls().iter().all(|call| !call.performed));
}

#[tokio::test]
async fn a_second_start_follows_the_model() {
    let scene = Scene::begin().await;
    let id = |answer: &Value| answer["data"]["conversationId"].clone();
    let (_, first) = scene.start("HD-1").await.unwrap();
    assert_eq!(scene.start("HD-2").await.unwrap().0, 422);

    scene.jelou().set_second_start(SecondStart::ReturnExisting);
    let (status, second) = scene.start("HD-2").await.unwrap();
    assert_eq!((status, id(&second)), (200, id(&first)));
    assert_eq!(
        scene.heard_kinds().await,
        ["start"],
        "no event for a start that started nothing"
    );
    assert!(scene.jelou().conversations_of_ticket("HD-2").is_empty());

    scene.jelou().set_second_start(SecondStart::StartAnother);
    let (_, third) = scene.start("HD-3").await.unwrap();
    assert_ne!(id(&third), id(&first));
}

#[tokio::test]
async fn a_read_tells_of_an_end_as_much_as_the_model_says() {
    let scene = Scene::begin().await;
    let (_, started) = scene.start("HD-1").await.unwrap();
    let id = started["data"]["conversationId"].as_str().unwrap();
    scene.close().await;
    let url = scene.at(&format!("/sandbox/conversations/{id}/end-shown"));
    for (model, state, tells_when) in [
        ("not_yet", "active", false),
        ("without_time", "closed", false),
        ("whole", "closed", true),
    ] {
        let body = json!({"model": model});
        assert_eq!(call("PUT", &url, KEY, Some(body)).await.unwrap().0, 200);
        let (_, read) = call("GET", &scene.gateway(id), KEY, None).await.unwrap();
        let data = &read["data"];
        let shown = (&data["state"], data.get("endAt").is_some());
        assert_eq!(shown, (&json!(state), tells_when), "{model}");
    }
}

#[tokio::test]
async fn a_customer_asked_for_in_another_spelling_comes_back_in_jelous() {
    let scene = Scene::begin().await;
    scene.jelou().add_user("551187654321", "Bia");
    scene.jelou().alias("5511987654321", "551187654321");
    let body = json!({"botId": BOT, "userId": "5511987654321"});
    let (_, answer) = call("POST", &scene.gateway("start"), KEY, Some(body))
        .await
        .unwrap();
    assert_eq!(answer["data"]["userId"], "551187654321");
    assert_eq!(scene.heard().await[0]["contact"]["id"], "551187654321");
}

#[tokio::test]
async fn the_cache_merges_and_the_memory_ends() {
    let scene = Scene::begin().await;
    let cache = scene.at(&format!("/v1/users/{ANA}/cache"));
    for params in [json!({"ticketId": "HD-1"}), json!({"other": "x"})] {
        let body = json!({"params": params, "botId": BOT});
        assert_eq!(
            call("POST", &cache, BASIC, Some(body)).await.unwrap().0,
            200
        );
    }
    let (_, read) = call("GET", &format!("{cache}?botId={BOT}"), BASIC, None)
        .await
        .unwrap();
    assert_eq!(read, json!({"ticketId": "HD-1", "other": "x"}));
    assert_eq!(
        call("GET", &cache, KEY, None).await.unwrap().0,
        401,
        "Basic only"
    );

    let memory = scene.at("/workflows/v2/memory/users/set");
    let set = |values: Value| {
        let body = json!({"userReferenceId": ANA, "botId": BOT, "values": values});
        call("POST", &memory, KEY, Some(body))
    };
    let values = json!({"ticketId": {"value": "HD-1", "ttl": 86_400}, "bare": "x"});
    assert_eq!(set(values).await.unwrap().0, 200);
    let expected = BTreeMap::from([
        ("ticketId".to_owned(), json!("HD-1")),
        ("bare".to_owned(), json!("")),
    ]);
    assert_eq!(scene.jelou().user_memory(BOT, ANA), expected);
    assert_eq!(
        set(json!({"k": {"value": 1, "ttl": 86_401}}))
            .await
            .unwrap()
            .0,
        422
    );
}

#[tokio::test]
async fn another_process_can_do_all_of_this_over_http() {
    let scene = Scene::begin().await;
    let ask = async |method: &str, path: &str, body: Option<Value>| {
        let (status, answer) = call(method, &scene.at(&format!("/sandbox{path}")), KEY, body)
            .await
            .unwrap();
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    };
    let help = ask("GET", "", None).await;
    assert!(help.as_str().unwrap().contains("/sandbox/manners"));
    let begun = ask(
        "POST",
        "/conversations",
        Some(json!({"user": ANA, "text": "Oi"})),
    )
    .await;
    let id = begun["id"].as_str().unwrap().to_owned();
    ask(
        "POST",
        &format!("/conversations/{id}/messages"),
        Some(json!({"text": "olá"})),
    )
    .await;
    ask(
        "POST",
        &format!("/conversations/{id}/close"),
        Some(json!({})),
    )
    .await;
    assert_eq!(scene.heard_kinds().await, ["start", "message", "close"]);

    ask(
        "POST",
        "/manners",
        Some(json!({"operation": "start", "times": 1, "reply": {"status": 500}})),
    )
    .await;
    assert_eq!(scene.start("HD-1").await.unwrap().0, 500);
    let calls = ask("GET", "/calls?operation=start", None).await;
    assert_eq!(calls[0]["body"]["metadata"]["ticketId"], "HD-1");
    assert!(
        !calls.to_string().contains("sandbox-api-key"),
        "no credential in the log"
    );

    ask("PUT", "/webhooks/manners", Some(json!({"hold": true}))).await;
    ask(
        "PUT",
        "/second-start",
        Some(json!({"model": "return_existing"})),
    )
    .await;
    scene.start("HD-2").await.unwrap();
    ask("POST", "/webhooks/send", Some(json!({"numbers": [4]}))).await;
    assert_eq!(scene.heard_kinds().await.last().unwrap(), "start");
    let state = ask("GET", "/state", None).await;
    assert_eq!(state["world"]["conversations"].as_array().unwrap().len(), 2);
    ask("POST", "/door", Some(json!({"door": "unavailable"}))).await;
    ask("POST", "/door", Some(json!({"door": "open"}))).await;
    ask("POST", "/reset", None).await;
    assert!(scene.jelou().conversations().is_empty());
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let listen = "0.0.0.0:0".parse().unwrap();
    let refused = Jelou::start(JelouOptions {
        listen,
        ..JelouOptions::default()
    })
    .await;
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}
