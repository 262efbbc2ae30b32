//! `profile check --live` from outside, on the sandbox's helpdesk: what a profile says holds, or is found
//! out. Neighbour: bench.

use crate::bench::{Bench, code, json, said};
use bridge_sandbox::{HelpdeskOptions, Target};
use serde_json::Value;

async fn bench() -> Bench {
    Bench::new("\"sandbox-signing-secret\"").await
}

/// The helpdesk sends its webhooks to the bridge.
fn hears(bench: &Bench) {
    bench.helpdesk.handle.webhooks().set_target(Target {
        url: Some(bench.webhook_url().replace("/jelou", "/ticketing")),
        secret: HelpdeskOptions::default().webhook_secret,
    });
}

async fn tried(bench: &Bench, profile: &str, wait: &str) -> (i32, Value) {
    let asked = [
        "profile", "check", profile, "--live", "--wait", wait, "--json",
    ];
    let output = bench.run(&asked).await;
    let told = json(&output);
    assert_eq!(told["ok"], code(&output) == 0, "{}", said(&output));
    (code(&output), told)
}

fn verdict<'a>(told: &'a Value, what: &str) -> &'a Value {
    let tried = told["tried"].as_array().unwrap();
    let one = tried.iter().find(|one| one["what"] == what);
    &one.unwrap_or_else(|| panic!("{what} is told of: {told}"))["verdict"]
}

#[tokio::test]
async fn what_holds_is_told_with_its_time_and_the_ticket_is_left_solved() {
    let bench = bench().await;
    hears(&bench);
    let (code, told) = tried(&bench, "sandbox", "20s").await;
    assert_eq!(code, 0, "{told}");
    for what in [
        "create",
        "find_by_link_field",
        "notes",
        "comments",
        "changed_since",
        "webhook",
    ] {
        assert_eq!(verdict(&told, what), "works", "{what}: {told}");
    }
    let tickets = bench.helpdesk.handle.tickets();
    let [ticket] = &tickets[..] else {
        panic!("one ticket: {tickets:?}")
    };
    assert_eq!(told["ticket"], ticket.id.to_string());
    assert_eq!(ticket.status, "solved");
    assert!(ticket.subject.contains("Test"), "{ticket:?}");
    assert_eq!(bench.jelou.handle.call_count(), 0, "Jelou is not asked");
}

#[tokio::test]
async fn beside_a_daemon_the_daemon_tells_whether_the_webhook_came() {
    let bench = bench().await;
    hears(&bench);
    let daemon = bench.daemon().await;
    let (code, told) = tried(&bench, "sandbox", "20s").await;
    assert_eq!(code, 0, "{told}");
    assert_eq!(verdict(&told, "webhook"), "works");
    daemon.stop().await;
}

#[tokio::test]
async fn what_a_profile_only_claims_is_found_out_and_the_rest_is_tried() {
    let bench = bench().await;
    let shown = said(&bench.run(&["profile", "show", "sandbox"]).await);
    let find = "query = { external_id = \"{{ conversation.id }}\" }";
    assert!(shown.contains(find), "{shown}");
    let wrong = shown.replace(find, "query = { external_id = \"x{{ conversation.id }}\" }");
    std::fs::write(bench.folder.path().join("wrong.toml"), wrong).unwrap();
    let file = bench.folder.path().join("wrong.toml");
    let (code, told) = tried(&bench, file.to_str().unwrap(), "1s").await;
    assert_eq!(code, 1, "{told}");
    assert_eq!(verdict(&told, "find_by_link_field"), "fails", "{told}");
    assert_eq!(verdict(&told, "webhook"), "fails", "none was set up");
    for what in ["create", "get", "changed_since", "clean up"] {
        assert_eq!(verdict(&told, what), "works", "{what}: {told}");
    }
    let table = said(
        &bench
            .run(&[
                "profile",
                "check",
                file.to_str().unwrap(),
                "--live",
                "--wait",
                "1s",
            ])
            .await,
    );
    assert!(table.contains("FAILS"), "{table}");
    assert!(table.contains("jelou-bridge setup"), "{table}");
}

#[tokio::test]
async fn a_credential_that_is_refused_is_told_and_nothing_is_left_behind() {
    let bench = bench().await;
    bench.change(&bench.helpdesk_token(), "token = \"another\"");
    let (code, told) = tried(&bench, "sandbox", "1s").await;
    assert_eq!(code, 1, "{told}");
    assert_eq!(verdict(&told, "create"), "fails");
    assert!(told["ticket"].is_null(), "{told}");
    assert_eq!(bench.helpdesk.handle.tickets().len(), 0);
}
