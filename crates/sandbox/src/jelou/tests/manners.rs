//! Bad manners and bad weather come as ordered.

use super::*;
use crate::{Operation, Outcome, Reply, Rule, hooks::HookManners};
use std::time::Duration;

#[tokio::test]
async fn an_answer_cut_off_after_the_deed_leaves_a_conversation_and_no_answer() {
    let scene = Scene::begin().await;
    scene.jelou().manners().do_and_cut(Operation::Start, 1);
    assert!(scene.start("HD-1").await.is_err());
    assert_eq!(scene.jelou().conversations_of_ticket("HD-1").len(), 1);
    assert_eq!(scene.heard_kinds().await, ["start"]);
    let call = &scene.jelou().calls()[0];
    assert_eq!((call.performed, call.status), (true, None));

    scene.jelou().manners().cut_before(Operation::Close, 1);
    let body = json!({"botId": BOT, "userId": ANA});
    let cut = call_close(&scene, body).await;
    assert!(cut.is_err());
    assert!(scene.jelou().conversations()[0].active);
}

async fn call_close(scene: &Scene, body: Value) -> Result<(u16, Value), reqwest::Error> {
    call("POST", &scene.gateway("close"), KEY, Some(body)).await
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_undo_what_it_asked_for() {
    let scene = Scene::begin().await;
    scene.jelou().manners().slow(Operation::Start, 200);
    let soon = Duration::from_millis(5);
    let arrived = async {
        while scene.jelou().calls().is_empty() {
            tokio::time::sleep(soon).await;
        }
    };
    tokio::select! {
        _ = scene.start("HD-1") => panic!("answered before the wait was over"),
        () = arrived => {}
    }
    let done = async {
        while scene.jelou().conversations().is_empty() {
            tokio::time::sleep(soon).await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.unwrap();
}

#[tokio::test]
async fn bad_manners_answer_as_told() {
    let scene = Scene::begin().await;
    let manners = scene.jelou().manners();
    manners.fail_next(Operation::Start, 1, 500);
    manners.too_many(Operation::Start, 1, Some("7"));
    manners.add(Rule {
        times: Some(1),
        performed: true,
        reply: Reply::NullId,
        ..Rule::default()
    });
    manners.do_and_reply(None, 1, Reply::Html);
    manners.do_and_reply(None, 1, Reply::StatusZero);
    manners.do_and_reply(None, 1, Reply::Half);

    let (status, failed) = scene.start("HD-1").await.unwrap();
    assert_eq!(
        (status, &failed["status"], failed.get("error")),
        (500, &json!(0), None)
    );
    let (status, many) = scene.start("HD-1").await.unwrap();
    assert_eq!(
        (status, many),
        (429, json!({"message": "Rate limit exceeded"}))
    );
    let (status, null) = scene.start("HD-1").await.unwrap();
    assert_eq!(
        (status, &null["data"]["conversationId"]),
        (200, &Value::Null)
    );
    assert_eq!(scene.jelou().conversations().len(), 1);
    let url = scene.gateway(&scene.jelou().conversations()[0].id);
    let (status, html) = call("GET", &url, KEY, None).await.unwrap();
    assert!(status == 200 && html.as_str().unwrap().starts_with("<!doctype"));
    let (status, zero) = call("GET", &url, KEY, None).await.unwrap();
    assert_eq!((status, &zero["status"]), (200, &json!(0)));
    let (status, half) = call("GET", &url, KEY, None).await.unwrap();
    assert!(status == 200 && half.is_string(), "it is no JSON any more");
}

#[tokio::test]
async fn a_refused_port_refuses_and_comes_back_where_it_was() {
    let scene = Scene::begin().await;
    scene.jelou().door(Door::Refuse).await;
    assert!(scene.start("HD-1").await.unwrap_err().is_connect());
    scene.jelou().door(Door::Unavailable).await;
    assert_eq!(scene.start("HD-1").await.unwrap().0, 503);
    scene.jelou().door(Door::Open).await;
    assert_eq!(scene.start("HD-1").await.unwrap().0, 200);
    assert_eq!(scene.jelou().conversations().len(), 1);
}

#[tokio::test]
async fn webhooks_are_lost_repeated_and_reordered_as_told() {
    let scene = Scene::begin().await;
    let (jelou, hooks) = (scene.jelou(), scene.jelou().webhooks());
    hooks.lose_next(1);
    let lost = jelou.customer_starts(ANA, "lost").unwrap();
    hooks.repeat_next(1);
    jelou.customer_writes(&lost, "twice").unwrap();
    assert_eq!(scene.heard_kinds().await, ["message", "message"]);
    assert_eq!(hooks.all()[0].outcome, Outcome::Lost);
    assert_eq!(hooks.all()[1].sends, 2);

    hooks.hold();
    jelou.customer_writes(&lost, "held").unwrap();
    jelou.operator_closes(&lost, "closed_by_operator").unwrap();
    assert_eq!(hooks.held(), [3, 4]);
    let outcomes = hooks.send_now(&[4, 3, 1]).await;
    assert_eq!(outcomes, vec![Outcome::Answered { status: 200 }; 3]);
    let kinds = scene.heard_kinds().await;
    assert_eq!(&kinds[2..], ["close", "message", "start"]);
}

#[tokio::test]
async fn a_webhook_that_fails_is_not_sent_again_unless_told_so() {
    let scene = Scene::begin().await;
    scene.receiver.answer_next(503);
    let id = scene.jelou().customer_starts(ANA, "once").unwrap();
    assert_eq!(scene.heard().await.len(), 1);
    assert_eq!(
        scene.jelou().webhooks().all()[0].outcome,
        Outcome::Answered { status: 503 }
    );

    scene.jelou().webhooks().set_manners(HookManners {
        attempts: 3,
        retry_wait_ms: 1,
        ..HookManners::default()
    });
    scene.receiver.answer_next(503);
    scene.jelou().customer_writes(&id, "again").unwrap();
    assert_eq!(scene.heard().await.len(), 3);
}
