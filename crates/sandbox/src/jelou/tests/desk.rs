//! What an outside desk uses beside conversations: messages both ways, files, lists, the set-up.

use super::*;
use crate::{hooks::sign, jelou::Spoken};

const SECRET: &str = "sandbox-signing-secret";

impl Scene {
    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        call("POST", &self.at(path), BASIC, Some(body))
            .await
            .unwrap()
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        call("GET", &self.at(path), BASIC, None).await.unwrap()
    }

    async fn integration(&self, method: &str, last: &str, body: Option<Value>) -> (u16, Value) {
        let url = self.at(&format!("/platform/v1/external-support/{PROJECT}{last}"));
        call(method, &url, KEY, body).await.unwrap()
    }

    async fn says(&self, id: &str, words: &str) -> (u16, Value) {
        self.says_signed(SECRET, id, words).await
    }

    async fn says_signed(&self, secret: &str, id: &str, words: &str) -> (u16, Value) {
        let body = json!({
            "field": "messages", "object": "message_event", "event_type": "incoming_message",
            "project_id": PROJECT, "room_id": format!("G:{BOT}:{ANA}"), "bot_id": BOT, "user_id": ANA,
            "value": {"id": id, "type": "text", "content": {"body": words}},
        });
        let signature = sign(secret, body.to_string().as_bytes());
        let url = self.at("/v1/external-support/webhook");
        let credential = ("x-jelou-signature", signature.as_str());
        call("POST", &url, credential, Some(body)).await.unwrap()
    }

    fn read_by_ana(&self) -> Vec<String> {
        let words = |one: &Spoken| one.content["body"].as_str().unwrap_or(&one.kind).to_owned();
        self.jelou().heard_by(ANA).iter().map(words).collect()
    }
}

#[tokio::test]
async fn an_agents_message_needs_the_signature_and_an_active_conversation() {
    let scene = Scene::begin().await;
    assert_eq!(scene.says("hd-1", "cedo").await.0, 404, "no such room");
    let id = scene.jelou().customer_starts(ANA, "Oi").unwrap();
    assert_eq!(scene.says_signed("wrong", "hd-1", "Olá").await.0, 500);
    assert_eq!(scene.says("hd-1", "Olá Ana").await.0, 200);
    assert_eq!(scene.says("hd-2", "").await.0, 422, "no words");
    assert_eq!(scene.says("hd-2", &"é".repeat(4_097)).await.0, 422);
    scene.jelou().expires(&id).unwrap();
    assert_eq!(scene.says("hd-2", "tarde").await.0, 422);
    assert_eq!(scene.read_by_ana(), ["Olá Ana"]);
}

#[tokio::test]
async fn the_same_id_is_another_message_or_the_same_as_the_model_says() {
    let scene = Scene::begin().await;
    scene.jelou().customer_starts(ANA, "Oi").unwrap();
    scene.says("hd-1", "uma").await;
    scene.says("hd-1", "uma").await;
    assert_eq!(scene.read_by_ana(), ["uma", "uma"]);
    scene.jelou().set_same_id(SameId::Once);
    assert_eq!(scene.says("hd-1", "uma").await.0, 200);
    assert_eq!(scene.read_by_ana().len(), 2);
}

#[tokio::test]
async fn after_a_day_of_silence_only_a_template_arrives() {
    let scene = Scene::begin().await;
    let id = scene.jelou().customer_starts(ANA, "Oi").unwrap();
    scene.jelou().falls_silent(ANA);
    let (status, refused) = scene.says("hd-1", "Olá").await;
    let code = json!("message_could_not_be_send");
    assert_eq!((status, &refused["error"]["code"]), (400, &code));
    scene.jelou().set_after_silence(AfterSilence::Dropped);
    assert_eq!(scene.says("hd-1", "Olá").await.0, 200);
    let text = json!({"type": "text", "userId": ANA, "text": "Olá"});
    let messages = format!("/v1/bots/{BOT}/messages");
    assert_eq!(scene.post(&messages, text.clone()).await.0, 400);
    assert!(scene.read_by_ana().is_empty());

    let hsm = format!("/v2/whatsapp/{BOT}/hsm");
    let template = |name: &str| {
        json!({"elementName": name, "destinations": [ANA], "language": "pt_BR",
        "type": "text", "parameters": ["Ana", "HD-1"]})
    };
    let (status, sent) = scene.post(&hsm, template("ticket_update")).await;
    assert_eq!((status, &sent[0]["destination"]), (200, &json!(ANA)));
    assert_eq!(scene.read_by_ana(), ["template"]);
    let unknown = scene.post(&hsm, template("nothing")).await;
    let envelope =
        json!({"message": ["Template does not exist"], "status": "failed", "_metadata": {}});
    assert_eq!(unknown, (400, envelope));

    scene.jelou().customer_writes(&id, "voltei").unwrap();
    assert_eq!(scene.post(&messages, text).await.0, 200);
}

#[tokio::test]
async fn a_call_button_needs_an_account_that_may_call() {
    let scene = Scene::begin().await;
    let messages = format!("/v1/bots/{BOT}/messages");
    let button = json!({"type": "voice_call", "userId": ANA, "header": "Suporte", "text": "Toque",
        "parameters": {"display_text": "Ligar"}});
    let (status, sent) = scene.post(&messages, button.clone()).await;
    assert_eq!((status, &sent["success"]), (200, &json!(true)));
    let phone = scene.jelou().heard_by(ANA);
    assert_eq!(phone[0].content["parameters"]["display_text"], "Ligar");
    scene.jelou().set_calling(false);
    assert_eq!(scene.post(&messages, button).await.0, 400);
    let bare = json!({"type": "voice_call", "userId": ANA, "text": "Toque"});
    assert_eq!(scene.post(&messages, bare).await.0, 422);
}

#[tokio::test]
async fn the_report_lists_what_a_person_attended_late_and_in_its_own_zone() {
    let scene = Scene::begin().await;
    scene.jelou().set_report_lag(3_600_000);
    let jelou = scene.jelou();
    let alone = jelou.customer_starts(ANA, "Oi").unwrap();
    jelou.expires(&alone).unwrap();
    let id = jelou.customer_starts(ANA, "Oi de novo").unwrap();
    scene.says("hd-1", "Olá").await;
    jelou.operator_closes(&id, "closed_by_operator").unwrap();

    let range = json!({"startAt": "2020-01-01T00:00:00-05:00", "endAt": "2099-01-01T00:00:00-05:00", "getJson": true});
    let path = "/v1/metrics/conversations/attended/external?limit=10&page=1";
    let (_, early) = scene.post(path, range.clone()).await;
    assert_eq!(early["results"], json!([]));
    let lag = json!({"ms": 0});
    let url = scene.at("/sandbox/report-lag");
    assert_eq!(call("PUT", &url, KEY, Some(lag)).await.unwrap().0, 200);
    let raw = ("authorization", "sandbox-client:sandbox-client-secret");
    let (status, listed) = call("POST", &scene.at(path), raw, Some(range.clone()))
        .await
        .unwrap();
    assert_eq!((status, &listed["status"]), (200, &json!("success")));
    assert_eq!(listed["results"].as_array().unwrap().len(), 1);
    let row = &listed["results"][0];
    assert_eq!((&row["_id"], &row["state"]), (&json!(id), &json!("closed")));
    assert_eq!(row["operator"]["names"], "Sandbox Operator");
    let began = jelou.conversation(&id).unwrap().start_at_ms - 5 * 3_600_000;
    let there = crate::clock::iso(began).replace('T', " ");
    assert_eq!(row["startAt"], there[..19]);
    assert!(listed["pagination"].get("page").is_none());

    let mut wrong = range;
    wrong["getJson"] = json!("true");
    assert_eq!(scene.post(path, wrong).await.0, 422);
    assert_eq!(
        call("POST", &scene.at(path), KEY, None).await.unwrap().0,
        401
    );
}

#[tokio::test]
async fn the_history_has_both_sides_newest_first_in_capitals() {
    let scene = Scene::begin().await;
    let id = scene.jelou().customer_starts(ANA, "Oi").unwrap();
    let said = scene.jelou().customer_writes(&id, "meu boleto").unwrap();
    scene.says("hd-1", "já vejo").await;
    let path = format!("/v1/external/messages/history/{BOT}");
    let (status, all) = scene.get(&path).await;
    let words: Vec<&str> = all["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["bubble"]["text"].as_str().unwrap())
        .collect();
    assert_eq!(status, 200);
    assert_eq!(words.last(), Some(&"Oi"));
    assert!(words.contains(&"já vejo") && words.contains(&"meu boleto"));
    let (_, one) = scene.get(&format!("{path}?messageId={said}")).await;
    assert_eq!(
        one["results"][0]["bubble"],
        json!({"type": "TEXT", "text": "meu boleto"})
    );
    assert_eq!(one["results"][0]["by"], "user");
    let (_, second) = scene.get(&format!("{path}?limit=2&page=2")).await;
    assert_eq!(second["results"].as_array().unwrap().len(), 1);
    assert_eq!(scene.get(&format!("{path}?limit=51")).await.0, 422);
    assert_eq!(scene.get("/v1/external/messages/history/no").await.0, 404);
}

#[tokio::test]
async fn an_integration_is_read_changed_removed_and_made_and_its_secret_dies_at_once() {
    let scene = Scene::begin().await;
    let hook = scene.jelou().webhooks().target().url.unwrap();
    let (_, read) = scene.integration("GET", "", None).await;
    assert_eq!(read["data"]["webhookUrl"], json!(hook));
    assert!(read["data"].get("signingSecret").is_none());
    let wrong = json!({"authType": "magic"});
    assert_eq!(scene.integration("PATCH", "", Some(wrong)).await.0, 400);
    let bearer = json!({"authType": "bearer", "authorization": "t0ken"});
    assert_eq!(scene.integration("PATCH", "", Some(bearer)).await.0, 200);
    let id = scene.jelou().customer_starts(ANA, "Oi").unwrap();
    let headers = &scene.jelou().webhooks().all()[0].headers;
    assert_eq!(headers["authorization"], "Bearer t0ken");

    let (_, rotated) = scene.integration("POST", "/secret/regenerate", None).await;
    let secret = rotated["data"]["signingSecret"].as_str().unwrap();
    assert_eq!(secret.len(), 64);
    assert_eq!(
        scene.says("hd-1", "Olá").await.0,
        500,
        "the old one is dead"
    );
    assert_eq!(scene.says_signed(secret, "hd-1", "Olá").await.0, 200);
    scene.jelou().expires(&id).unwrap();
    let told = scene.jelou().webhooks().all().pop().unwrap();
    assert_eq!(
        told.headers["x-jelou-signature"],
        sign(secret, told.body.as_bytes())
    );

    let (status, gone) = scene.integration("DELETE", "", None).await;
    assert_eq!((status, gone.get("data")), (200, None));
    assert_eq!(scene.integration("GET", "", None).await.0, 404);
    let plain = json!({"webhookUrl": "http://example.org/hook"});
    assert_eq!(scene.integration("POST", "", Some(plain)).await.0, 422);
    let (status, made) = scene
        .integration("POST", "", Some(json!({"webhookUrl": hook})))
        .await;
    assert!(status == 200 && made["data"]["signingSecret"].is_string());
    let again = Some(json!({"webhookUrl": hook}));
    assert_eq!(scene.integration("POST", "", again).await.0, 422);
}

#[tokio::test]
async fn a_customer_is_handed_over_and_back_and_comes_back_alone() {
    let scene = Scene::begin().await;
    let state = async || scene.get(&format!("/v1/users/{ANA}/state")).await.1["state"].clone();
    let set = |state: &str, ttl: Option<i64>| {
        let mut body = json!({"botId": BOT, "userId": ANA, "state": state});
        if let Some(ttl) = ttl {
            body["ttl"] = json!(ttl);
        }
        scene.post("/v1/users/state", body)
    };
    assert_eq!(state().await, "auto");
    assert_eq!(set("manual", None).await.1["state"], "manual");
    assert_eq!(state().await, "manual");
    set("auto", None).await;
    assert_eq!(state().await, "auto");
    set("manual", Some(2)).await;
    assert!(scene.jelou().is_answered_by_person(BOT, ANA));
    tokio::time::sleep(std::time::Duration::from_millis(2_050)).await;
    assert_eq!(state().await, "auto");
    let (status, failed) = set("asleep", None).await;
    assert_eq!((status, &failed["status"]), (400, &json!("failed")));
}

#[tokio::test]
async fn a_customers_file_is_served_to_whoever_has_its_address() {
    let scene = Scene::begin().await;
    let id = scene.jelou().customer_starts(ANA, "Oi").unwrap();
    let sent = json!({"kind": "document", "mime_type": "application/pdf", "name": "nf 1.pdf",
        "caption": null, "base64": "JVBERi0="});
    let path = format!("/sandbox/conversations/{id}/files");
    assert_eq!(scene.post(&path, sent).await.0, 200);
    let heard = scene.heard().await;
    let value = &heard[1]["value"];
    assert_eq!(
        (&value["type"], &value["content"]["filename"]),
        (&json!("document"), &json!("nf 1.pdf"))
    );
    let url = value["content"]["url"].as_str().unwrap();
    let file = reqwest::get(url).await.unwrap();
    assert_eq!(file.headers()["content-type"], "application/pdf");
    assert_eq!(file.bytes().await.unwrap(), "%PDF-");
    scene
        .jelou()
        .manners()
        .fail_next(crate::Operation::File, 1, 403);
    assert_eq!(reqwest::get(url).await.unwrap().status(), 403);
    scene
        .jelou()
        .manners()
        .cut_before(crate::Operation::File, 1);
    assert!(reqwest::get(url).await.is_err());
    let gone = url.replace("/media/", "/media/no");
    assert_eq!(reqwest::get(gone).await.unwrap().status(), 404);
    let files = scene.jelou().calls();
    assert_eq!(
        files
            .iter()
            .filter(|call| call.operation == crate::Operation::File)
            .count(),
        4
    );
}

#[tokio::test]
async fn another_process_can_turn_every_switch_and_read_what_was_said() {
    let scene = Scene::begin().await;
    let turn = async |method: &str, path: &str, body: Value| {
        let url = scene.at(&format!("/sandbox/{path}"));
        let (status, answer) = call(method, &url, KEY, Some(body)).await.unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
    };
    scene.jelou().customer_starts(ANA, "Oi").unwrap();
    turn("PUT", "same-id", json!({"model": "once"})).await;
    turn("PUT", "after-silence", json!({"model": "dropped"})).await;
    turn("PUT", "calling", json!({"on": false})).await;
    scene.says("hd-1", "uma").await;
    scene.says("hd-1", "uma").await;
    turn("POST", "silence", json!({"user": ANA})).await;
    assert_eq!(scene.says("hd-2", "duas").await.0, 200);
    let button = json!({"type": "voice_call", "userId": ANA, "text": "Toque", "parameters": {"display_text": "Ligar"}});
    let messages = format!("/v1/bots/{BOT}/messages");
    assert_eq!(scene.post(&messages, button).await.0, 400);
    let (_, spoken) = scene.get("/sandbox/spoken").await;
    let told: Vec<(&Value, &Value)> = spoken
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["by"], &one["arrived"]))
        .collect();
    let (user, operator) = (json!("user"), json!("operator"));
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(told, [(&user, &yes), (&operator, &yes), (&operator, &no)]);
}
