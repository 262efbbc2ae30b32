//! `doctor` finds each defect, and names it with its remedy. Neighbour: bench.

use crate::bench;
use crate::bench::{Bench, FOREIGN, code, said};
use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
    routing::get,
};
use bridge_sandbox::{Door, Operation, Reply};
use serde_json::{Value, json};

async fn healthy() -> Bench {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    assert_eq!(code(&bench.run(&["setup"]).await), 0);
    bench
}

/// What `doctor` says of one thing, and its exit code.
async fn told(bench: &Bench, what: &str) -> (i32, Value) {
    let output = bench.run(&["doctor", "--json"]).await;
    let all = bench::json(&output);
    let looks = all["looks"].as_array().unwrap();
    let look = looks.iter().find(|look| look["what"] == what);
    let look = look.unwrap_or_else(|| panic!("{what} is looked at: {all}"));
    assert_eq!(all["ok"], code(&output) == 0);
    (code(&output), look.clone())
}

async fn finds(bench: &Bench, what: &str, remedy: &str) {
    let (code, look) = told(bench, what).await;
    assert_eq!((code, &look["state"]), (1, &"wrong".into()), "{look}");
    let said = look["remedy"].as_str().unwrap();
    assert!(said.contains(remedy), "{said}");
}

#[tokio::test]
async fn what_is_as_it_should_be_is_fine_with_and_without_a_daemon() {
    let bench = healthy().await;
    let alone = bench.run(&["doctor"]).await;
    assert_eq!(code(&alone), 0, "{}", said(&alone));
    let daemon = bench.daemon().await;
    bench.a_customer_is_heard().await;
    let beside = bench.run(&["doctor"]).await;
    assert_eq!(code(&beside), 0, "{}", said(&beside));
    let (_, webhooks) = told(&bench, "webhooks of Jelou").await;
    assert_eq!(webhooks["state"], "fine", "{webhooks}");
    let calls = bench.jelou.handle.calls();
    let secret = &bench.secrets()[0];
    assert!(!said(&beside).contains(secret));
    let changed = [
        Operation::UpdateIntegration,
        Operation::RotateSecret,
        Operation::RemoveIntegration,
    ];
    assert!(
        !calls.iter().any(|call| changed.contains(&call.operation)),
        "it only reads"
    );
    daemon.stop().await;
    let after = bench.run(&["doctor", "--json"]).await;
    assert_eq!(code(&after), 0, "{}", said(&after));
    assert_eq!(bench::json(&after)["ok"], true);
    let told = String::from_utf8_lossy(&after.stderr);
    assert!(told.contains("No bridge is running"), "{told}");
}

#[tokio::test]
async fn each_defect_at_jelou_is_found_and_has_its_remedy() {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    finds(&bench, "webhook address", "jelou-bridge setup").await;
    finds(&bench, "signing secret", "jelou-bridge setup").await;
    bench.jelou_sends_to(FOREIGN);
    finds(&bench, "webhook address", "--force").await;

    let bench = healthy().await;
    bench.change(
        "[bridges.main.ticketing]",
        "[bridges.main.jelou.webhook_auth]\ntype = \"api_key\"\nsecret = \"k3y\"\n\n[bridges.main.ticketing]",
    );
    finds(&bench, "webhook credential", "jelou-bridge setup").await;
    bench.change("sandbox-client-secret", "another");
    finds(&bench, "Jelou's API", "client_secret").await;
    bench.change("sandbox-api-key", "another");
    finds(&bench, "Jelou's gateway", "api_key").await;
}

#[tokio::test]
async fn a_report_that_refuses_the_credential_is_found_where_one_is_wanted() {
    let bench = healthy().await;
    bench.change(
        "customer_writes_after_close = \"reopen\"",
        "customer_writes_after_close = \"reopen\"\nreport = \"note\"",
    );
    let (_, report) = told(&bench, "report").await;
    assert_eq!(report["state"], "fine", "{report}");
    let manners = bench.jelou.handle.manners();
    manners.fail_next(Operation::Report, 1, 401);
    finds(&bench, "report", "metrics_auth").await;
}

#[tokio::test]
async fn a_ticketing_credential_that_is_refused_is_found() {
    let bench = healthy().await;
    let helpdesk = bench.helpdesk_token();
    bench.change(&helpdesk, "token = \"another\"");
    finds(&bench, "ticketing system", "credentials").await;
}

/// A Redmine with public projects, as the one that was run: a stranger is shown what is public, and has no
/// account (redmine.org, "Rest Users").
async fn public_redmine() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let issues = || async { Json(json!({ "issues": [], "total_count": 0 })) };
    let current = |headers: HeaderMap| async move {
        let known = headers
            .get("x-redmine-api-key")
            .is_some_and(|key| key == "right");
        let user = json!({ "user": { "id": 99, "login": "bridge" } });
        let answer: Response = match known {
            true => Json(user).into_response(),
            false => StatusCode::UNAUTHORIZED.into_response(),
        };
        answer
    };
    let statuses = || async { Json(json!({ "issue_statuses": [] })) };
    let app = Router::new()
        .route("/issues.json", get(issues))
        .route("/issue_statuses.json", get(statuses))
        .route("/users/current.json", get(current));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

#[tokio::test]
async fn a_key_that_is_answered_like_a_stranger_is_found_and_so_is_another_users() {
    let bench = healthy().await;
    let url = public_redmine().await;
    bench.ticketing(&format!(
        "profile = \"redmine\"\nbase_url = \"{url}\"\ncredentials = {{ token = \"wrong\" }}\noptions = {{ project = \"p\", conversation_field = \"5\", phone_field = \"6\", bridge_user_id = \"98\" }}\n"
    ));
    finds(&bench, "ticketing system", "credentials").await;
    bench.change("token = \"wrong\"", "token = \"right\"");
    finds(&bench, "ticketing system", "bridge_user_id = \"99\"").await;
    bench.change("bridge_user_id = \"98\"", "bridge_user_id = \"99\"");
    let (_, look) = told(&bench, "ticketing system").await;
    assert_eq!(look["state"], "fine", "{look}");
}

#[tokio::test]
async fn who_does_not_answer_is_exit_3_and_the_rest_is_looked_at() {
    let bench = healthy().await;
    bench.jelou.handle.door(Door::Closed).await;
    let (code, gateway) = told(&bench, "Jelou's gateway").await;
    assert_eq!(
        (code, &gateway["state"]),
        (3, &"unreachable".into()),
        "{gateway}"
    );
    let (_, ticketing) = told(&bench, "ticketing system").await;
    assert_eq!(ticketing["state"], "fine", "{ticketing}");
}

#[tokio::test]
async fn who_answers_with_503_is_told_apart_from_who_does_not_answer() {
    let bench = healthy().await;
    let jelou = bench.jelou.handle.manners();
    let helpdesk = bench.helpdesk.handle.manners();
    jelou.fail_next(Operation::Integration, 1, 503);
    let (code, gateway) = told(&bench, "Jelou's gateway").await;
    helpdesk.fail_next(Operation::Tickets, 1, 503);
    let (_, ticketing) = told(&bench, "ticketing system").await;
    assert_eq!(code, 3, "{gateway}");
    for look in [gateway, ticketing] {
        assert_eq!(look["state"], "failing", "{look}");
        let found = look["found"].as_str().unwrap();
        assert!(found.starts_with("it answers with 503"), "{found}");
        let remedy = look["remedy"].as_str().unwrap();
        assert!(!remedy.contains("network"), "{remedy}");
    }
}

#[tokio::test]
async fn who_answers_with_a_page_that_nobody_can_read_is_not_called_unreachable() {
    let bench = healthy().await;
    let jelou = bench.jelou.handle.manners();
    jelou.do_and_reply(Operation::Integration, 1, Reply::Html);
    let (code, gateway) = told(&bench, "Jelou's gateway").await;
    assert_eq!(
        (code, &gateway["state"]),
        (3, &"failing".into()),
        "{gateway}"
    );
    let found = gateway["found"].as_str().unwrap();
    assert!(found.starts_with("it answers with 200"), "{found}");
    let remedy = gateway["remedy"].as_str().unwrap();
    assert!(remedy.contains("gateway_url"), "{remedy}");
}

#[tokio::test]
async fn a_secret_that_is_not_jelous_shows_when_its_webhooks_are_refused() {
    let bench = healthy().await;
    std::fs::write(bench.secret_file(), "stale\n").unwrap();
    let daemon = bench.daemon().await;
    let jelou = &bench.jelou.handle;
    jelou.customer_starts("5511900000001", "Oi").unwrap();
    while !jelou
        .webhooks()
        .quiet(std::time::Duration::from_millis(50))
        .await
    {}
    finds(&bench, "webhooks of Jelou", "--rotate-secret").await;
    let mended = bench.run(&["setup", "--rotate-secret"]).await;
    assert_eq!(code(&mended), 0, "{}", said(&mended));
    let (code, webhooks) = told(&bench, "webhooks of Jelou").await;
    assert_eq!(
        (code, &webhooks["state"]),
        (1, &"wrong".into()),
        "none came since"
    );
    jelou.customer_starts("5511900000002", "Oi").unwrap();
    while !jelou
        .webhooks()
        .quiet(std::time::Duration::from_millis(50))
        .await
    {}
    let (code, _) = told(&bench, "webhooks of Jelou").await;
    assert_eq!(code, 0);
    daemon.stop().await;
}
