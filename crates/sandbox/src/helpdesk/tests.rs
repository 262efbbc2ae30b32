//! The sandbox's helpdesk keeps its contract, and misbehaves when told to.

use super::*;
use crate::{
    Operation, Rule,
    testing::{PATIENCE, Receiver, call},
};

const TOKEN: (&str, &str) = ("authorization", "Bearer sandbox-helpdesk-token");

struct Scene {
    running: RunningHelpdesk,
    receiver: Receiver,
}

impl Scene {
    async fn begin() -> Self {
        let (receiver, url) = Receiver::start().await;
        let options = HelpdeskOptions {
            webhook_url: Some(url),
            ..HelpdeskOptions::default()
        };
        let running = Helpdesk::start(options).await.unwrap();
        Self { running, receiver }
    }

    fn desk(&self) -> &Helpdesk {
        &self.running.handle
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}{path}", self.running.url());
        call(method, &url, TOKEN, body).await.unwrap()
    }

    async fn requester(&self) -> String {
        let body = json!({"name": "Ana", "phone": "+593987654321", "external_id": "593987654321"});
        let (status, answer) = self.ask("POST", "/api/requesters", Some(body)).await;
        assert_eq!(status, 200);
        answer["requester"]["id"].as_str().unwrap().to_owned()
    }

    async fn create(&self, conversation: &str) -> Value {
        let requester = self.requester().await;
        let ticket = json!({
            "subject": "WhatsApp: Ana", "description": "Oi", "requester_id": requester,
            "tags": ["whatsapp"], "fields": {"channel": "wa"}, "external_id": conversation,
        });
        let (status, answer) = self
            .ask("POST", "/api/tickets", Some(json!({"ticket": ticket})))
            .await;
        assert_eq!(status, 201, "{answer}");
        answer["ticket"].clone()
    }

    async fn heard(&self) -> Vec<Value> {
        assert!(self.desk().webhooks().quiet(PATIENCE).await);
        self.receiver
            .bodies("x-helpdesk-signature", "sandbox-webhook-secret")
    }

    fn agents_ticket(&self) -> String {
        self.desk().agent_creates(NewTicket {
            requester_phone: Some("+593 98 765 4321".to_owned()),
            requester_name: Some("Ana".to_owned()),
            tags: vec!["whatsapp".to_owned()],
            group: Some("billing".to_owned()),
            priority: "urgent".to_owned(),
            subject: "Boleto".to_owned(),
            description: "Segunda via".to_owned(),
            ..NewTicket::default()
        })
    }
}

#[tokio::test]
async fn a_ticket_made_over_the_api_reads_back_whole_and_is_told_as_the_bridges() {
    let scene = Scene::begin().await;
    let made = scene.create("69f8").await;
    let expected = json!({
        "id": "1001", "status": "new", "subject": "WhatsApp: Ana", "description": "Oi",
        "priority": "normal", "tags": ["whatsapp"], "group": null, "assignee": null,
        "requester": {"id": "501", "name": "Ana", "phone": "+593987654321", "external_id": "593987654321"},
        "external_id": "69f8", "fields": {"channel": "wa"}, "version": 1, "comments_count": 0,
        "created_at": made["created_at"], "updated_at": made["updated_at"],
    });
    assert_eq!(made, expected);
    assert_eq!(
        scene.ask("GET", "/api/tickets/1001", None).await,
        (200, json!({"ticket": expected}))
    );

    let heard = &scene.heard().await[0];
    assert_eq!(heard["type"], "ticket.changed");
    assert_eq!(heard["actor"], "bridge");
    assert_eq!(heard["ticket"], expected);
    let sent = &scene.desk().webhooks().all()[0];
    assert_eq!(heard["id"], sent.headers["x-helpdesk-delivery"]);
}

#[tokio::test]
async fn one_idempotency_key_makes_one_ticket() {
    let scene = Scene::begin().await;
    let requester = scene.requester().await;
    let post = async |subject: &str| {
        let body = json!({"ticket": {"subject": subject, "requester_id": requester}});
        let answer = reqwest::Client::new()
            .post(format!("{}/api/tickets", scene.running.url()))
            .header(TOKEN.0, TOKEN.1)
            .header("idempotency-key", "intent-1")
            .body(body.to_string());
        let answer = answer.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.text().await.unwrap())
    };
    scene
        .desk()
        .manners()
        .fail_next(Operation::CreateTicket, 1, 503);
    assert_eq!(post("same").await.0, 503);
    let (first, again) = (post("same").await, post("same").await);
    assert_eq!(first, again);
    assert_eq!(post("other").await.0, 422);
    assert_eq!(scene.desk().tickets().len(), 1);
    assert_eq!(
        scene.desk().calls()[1].idempotency_key.as_deref(),
        Some("intent-1")
    );
}

#[tokio::test]
async fn a_requester_is_one_person_however_often_they_are_written() {
    let scene = Scene::begin().await;
    let first = scene.requester().await;
    let body = json!({"name": "Ana Lima", "external_id": "593987654321"});
    let (_, answer) = scene.ask("POST", "/api/requesters", Some(body)).await;
    assert_eq!(answer["requester"]["id"], first.as_str());
    assert_eq!(answer["requester"]["name"], "Ana Lima");
    assert_eq!(answer["requester"]["phone"], "+593987654321");
    assert_eq!(
        scene
            .ask("POST", "/api/requesters", Some(json!({"name": "x"})))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn a_change_moves_the_version_and_no_change_moves_nothing() {
    let scene = Scene::begin().await;
    scene.create("").await;
    let patch = json!({"ticket": {"status": "solved", "external_id": "69f8", "tags": ["a"], "fields": {"f": 1}}});
    let (status, answer) = scene
        .ask("PATCH", "/api/tickets/1001", Some(patch.clone()))
        .await;
    assert_eq!((status, &answer["ticket"]["version"]), (200, &json!(2)));
    assert_eq!(answer["ticket"]["fields"], json!({"channel": "wa", "f": 1}));
    let (_, same) = scene.ask("PATCH", "/api/tickets/1001", Some(patch)).await;
    assert_eq!(same["ticket"]["version"], 2);
    assert_eq!(
        scene.heard().await.len(),
        2,
        "one for the making, one for the change"
    );
}

#[tokio::test]
async fn a_wrong_status_and_a_closed_ticket_are_refused() {
    let scene = Scene::begin().await;
    let id = scene.agents_ticket();
    let path = format!("/api/tickets/{id}");
    let set = async |status: &str| {
        let body = json!({"ticket": {"status": status}});
        scene.ask("PATCH", &path, Some(body)).await.0
    };
    assert_eq!(set("nope").await, 422);
    assert_eq!(set("closed").await, 200);
    assert_eq!(set("open").await, 422);
    let note = json!({"comment": {"body": "x", "public": false}});
    assert_eq!(
        scene
            .ask("POST", &format!("{path}/comments"), Some(note))
            .await
            .0,
        422
    );
    assert_eq!(
        scene
            .ask("PATCH", "/api/tickets/9", Some(json!({"ticket": {}})))
            .await
            .0,
        404
    );
    assert_eq!(
        scene
            .ask("PATCH", &path, Some(json!({"ticket": {"statsu": "open"}})))
            .await
            .0,
        422
    );
    let wrong = ("authorization", "Bearer nope");
    let url = format!("{}{path}", scene.running.url());
    assert_eq!(call("GET", &url, wrong, None).await.unwrap().0, 401);
}

#[tokio::test]
async fn comments_are_told_with_their_authors_and_the_whole_ticket() {
    let scene = Scene::begin().await;
    let id = scene.agents_ticket();
    scene.desk().agent_comments(&id, "Já vejo", true).unwrap();
    let note = json!({"comment": {"body": "the customer is busy", "public": false}});
    let (status, made) = scene
        .ask("POST", &format!("/api/tickets/{id}/comments"), Some(note))
        .await;
    assert_eq!(status, 201);

    let heard = scene.heard().await;
    assert_eq!(heard[1]["type"], "comment.added");
    assert_eq!(heard[1]["comment"]["author_role"], "agent");
    assert_eq!(heard[1]["ticket"]["comments_count"], 1);
    assert_eq!(
        (&heard[2]["actor"], &heard[2]["comment"]["id"]),
        (&json!("bridge"), &made["comment"]["id"])
    );

    let (_, listed) = scene
        .ask("GET", &format!("/api/tickets/{id}/comments"), None)
        .await;
    assert_eq!(listed["comments"][1]["body"], "the customer is busy");
    assert_eq!(listed["comments"][1]["author"], "bridge");
}

#[tokio::test]
async fn a_new_ticket_is_found_by_its_link_once_it_is_indexed() {
    let scene = Scene::begin().await;
    let found = async || {
        let path = "/api/tickets?external_id=69f8";
        let (_, answer) = scene.ask("GET", path, None).await;
        answer["tickets"].as_array().unwrap().len()
    };
    scene.desk().set_index_lag(60_000);
    let made = scene.create("69f8").await;
    assert_eq!(found().await, 0);
    let path = format!("/api/tickets/{}", made["id"].as_str().unwrap());
    assert_eq!(scene.ask("GET", &path, None).await.0, 200);
    scene.desk().set_index_lag(0);
    assert_eq!(found().await, 1);
}

#[tokio::test]
async fn tickets_are_found_by_link_by_requester_and_by_change() {
    let scene = Scene::begin().await;
    let made = scene.create("69f8").await;
    let (solved, open) = (scene.agents_ticket(), scene.agents_ticket());
    scene.desk().agent_sets_status(&solved, "solved").unwrap();
    let ids = async |query: String| {
        let (status, answer) = scene
            .ask("GET", &format!("/api/tickets?{query}"), None)
            .await;
        assert_eq!(status, 200);
        let id = |ticket: &Value| ticket["id"].as_str().unwrap().to_owned();
        let ids: Vec<String> = answer["tickets"]
            .as_array()
            .unwrap()
            .iter()
            .map(id)
            .collect();
        (ids, answer["next"].clone(), answer["more"].clone())
    };
    assert_eq!(ids("external_id=69f8".to_owned()).await.0, ["1001"]);
    let requester = scene.desk().ticket(&open).unwrap().requester.id;
    assert_eq!(
        ids(format!("requester_id={requester}&open=true")).await.0,
        std::slice::from_ref(&open)
    );

    let (first, next, more) = ids("changed_since=0&limit=2".to_owned()).await;
    assert_eq!((first, more), (vec!["1001".to_owned(), open], json!(true)));
    let (rest, next, more) = ids(format!("changed_since={}", next.as_str().unwrap())).await;
    assert_eq!(
        (rest, &next, more),
        (vec![solved], &json!("4"), json!(false))
    );
    assert_eq!(
        ids("changed_since=now".to_owned()).await,
        (vec![], json!("4"), json!(false))
    );
    let since = made["created_at"].as_str().unwrap();
    assert_eq!(ids(format!("changed_since={since}")).await.0.len(), 3);
}

#[tokio::test]
async fn a_deleted_ticket_is_gone() {
    let scene = Scene::begin().await;
    let id = scene.agents_ticket();
    scene.desk().agent_deletes(&id).unwrap();
    assert_eq!(
        scene
            .ask("GET", &format!("/api/tickets/{id}"), None)
            .await
            .0,
        404
    );
    assert!(scene.desk().agent_sets_status(&id, "open").is_err());
}

#[tokio::test]
async fn one_poisoned_ticket_harms_no_other() {
    let scene = Scene::begin().await;
    let (poisoned, fine) = (scene.agents_ticket(), scene.agents_ticket());
    scene.desk().manners().add(Rule {
        about: Some(format!("/api/tickets/{poisoned}")),
        reply: crate::Reply::Status(403),
        ..Rule::default()
    });
    assert_eq!(
        scene
            .ask("GET", &format!("/api/tickets/{poisoned}"), None)
            .await
            .0,
        403
    );
    assert_eq!(
        scene
            .ask("GET", &format!("/api/tickets/{fine}"), None)
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn an_answer_cut_off_after_the_deed_leaves_a_ticket() {
    let scene = Scene::begin().await;
    let requester = scene.requester().await;
    scene
        .desk()
        .manners()
        .do_and_cut(Operation::CreateTicket, 1);
    let body =
        json!({"ticket": {"subject": "x", "requester_id": requester, "external_id": "69f8"}});
    let url = format!("{}/api/tickets", scene.running.url());
    assert!(call("POST", &url, TOKEN, Some(body)).await.is_err());
    assert_eq!(scene.desk().tickets_of_conversation("69f8").len(), 1);
}

#[tokio::test]
async fn an_agent_can_act_from_another_process() {
    let scene = Scene::begin().await;
    let new =
        json!({"requester_phone": "+593987654321", "subject": "Boleto", "tags": ["whatsapp"]});
    let (_, made) = scene.ask("POST", "/sandbox/tickets", Some(new)).await;
    let id = made["id"].as_str().unwrap();
    let act = async |what: &str, body: Value| {
        let answer = scene
            .ask("POST", &format!("/sandbox/tickets/{id}/{what}"), Some(body))
            .await;
        assert_eq!(answer.0, 200, "{}", answer.1);
    };
    act("tags", json!({"add": ["vip"], "remove": ["whatsapp"]})).await;
    act(
        "comments",
        json!({"body": "oi", "public": true, "role": "requester"}),
    )
    .await;
    act("status", json!({"status": "solved"})).await;
    let ticket = scene.desk().ticket(id).unwrap();
    assert_eq!((ticket.status.as_str(), ticket.version), ("solved", 4));
    assert_eq!(ticket.tags.into_iter().collect::<Vec<_>>(), ["vip"]);
    let (status, refused) = scene
        .ask(
            "POST",
            "/sandbox/tickets/7/status",
            Some(json!({"status": "open"})),
        )
        .await;
    assert_eq!(
        (status, &refused["error"]),
        (409, &json!("there is no such ticket"))
    );
    let types: Vec<Value> = scene
        .heard()
        .await
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    assert_eq!(
        types,
        [
            "ticket.changed",
            "ticket.changed",
            "comment.added",
            "ticket.changed"
        ]
    );
}
