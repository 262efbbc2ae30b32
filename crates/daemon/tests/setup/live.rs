//! `profile check --live` from outside, on the sandbox's helpdesk: what a profile says holds, or is found
//! out. Neighbour: bench.

use crate::bench::{Bench, code, json, said};
use bridge_sandbox::{HelpdeskOptions, Operation, Target};
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

fn row<'a>(told: &'a Value, what: &str) -> &'a Value {
    let tried = told["tried"].as_array().unwrap();
    let one = tried.iter().find(|one| one["what"] == what);
    one.unwrap_or_else(|| panic!("{what} is told of: {told}"))
}

fn verdict<'a>(told: &'a Value, what: &str) -> &'a Value {
    &row(told, what)["verdict"]
}

fn found<'a>(told: &'a Value, what: &str) -> &'a str {
    row(told, what)["found"].as_str().unwrap()
}

/// The sandbox's profile with this one thing in it said otherwise, as a file.
async fn otherwise(bench: &Bench, from: &str, to: &str) -> String {
    let shown = said(&bench.run(&["profile", "show", "sandbox"]).await);
    assert_eq!(shown.matches(from).count(), 1, "{from}: {shown}");
    let file = bench.folder.path().join("otherwise.toml");
    std::fs::write(&file, shown.replace(from, to)).unwrap();
    file.to_str().unwrap().to_owned()
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
    let find = "query = { external_id = \"{{ conversation.id }}\" }";
    let wrong = "query = { external_id = \"x{{ conversation.id }}\" }";
    let file = otherwise(&bench, find, wrong).await;
    let (code, told) = tried(&bench, &file, "1s").await;
    assert_eq!(code, 1, "{told}");
    assert_eq!(verdict(&told, "find_by_link_field"), "fails", "{told}");
    assert_eq!(verdict(&told, "webhook"), "fails", "none was set up");
    for what in ["create", "get", "changed_since", "clean up"] {
        assert_eq!(verdict(&told, what), "works", "{what}: {told}");
    }
    let asked = ["profile", "check", &file, "--live", "--wait", "1s"];
    let table = said(&bench.run(&asked).await);
    assert!(table.contains("FAILS"), "{table}");
    assert!(table.contains("jelou-bridge setup"), "{table}");
}

#[tokio::test]
async fn where_no_comment_could_be_written_no_list_of_comments_is_said_to_work() {
    let bench = bench().await;
    let manners = bench.helpdesk.handle.manners();
    manners.fail_next(Operation::AddComment, 2, 403);
    let (code, told) = tried(&bench, "sandbox", "1s").await;
    assert_eq!(code, 1, "{told}");
    for what in ["note", "comment"] {
        assert_eq!(verdict(&told, what), "fails", "{what}: {told}");
    }
    for what in ["notes", "comments"] {
        assert_eq!(verdict(&told, what), "not_tried", "{what}: {told}");
    }
}

#[tokio::test]
async fn what_was_found_of_one_kind_only_says_so() {
    let bench = bench().await;
    let manners = bench.helpdesk.handle.manners();
    manners.fail_next(Operation::AddComment, 1, 403);
    let (_, told) = tried(&bench, "sandbox", "1s").await;
    assert_eq!(verdict(&told, "note"), "fails", "{told}");
    for what in ["notes", "comments"] {
        assert_eq!(found(&told, what), "only the comment was there to be found");
    }
}

#[tokio::test]
async fn a_profile_that_takes_public_comments_for_internal_fails() {
    let bench = bench().await;
    let file = otherwise(&bench, "public = \"it.public\"", "public = \"false\"").await;
    let (code, told) = tried(&bench, &file, "1s").await;
    assert_eq!(code, 1, "{told}");
    assert_eq!(verdict(&told, "comments"), "fails", "{told}");
    assert!(found(&told, "comments").contains("public"), "{told}");
    assert_eq!(verdict(&told, "notes"), "works", "they tell no visibility");
}

#[tokio::test]
async fn a_profile_that_takes_the_bridge_for_an_agent_fails() {
    let bench = bench().await;
    let right = "by_agent = \"it.author == 'agent'\"\nby_us = \"it.author == 'bridge'\"";
    let wrong = "by_agent = \"it.author == 'bridge'\"\nby_us = \"it.author == 'nobody'\"";
    let file = otherwise(&bench, right, wrong).await;
    hears(&bench);
    let (code, told) = tried(&bench, &file, "20s").await;
    assert_eq!(code, 1, "{told}");
    assert_eq!(verdict(&told, "comments"), "fails", "{told}");
    assert!(found(&told, "comments").contains("an agent's"), "{told}");
    assert_eq!(verdict(&told, "webhook"), "works", "the rest is tried");
}

#[tokio::test]
async fn a_daemon_proves_no_webhook_of_a_file_that_it_does_not_run_on() {
    let bench = bench().await;
    hears(&bench);
    let signed = "header = \"X-Helpdesk-Signature\"";
    let file = otherwise(&bench, signed, "header = \"X-Never-Sent\"").await;
    let daemon = bench.daemon().await;
    let (_, told) = tried(&bench, &file, "20s").await;
    assert_eq!(verdict(&told, "webhook"), "not_tried", "{told}");
    assert!(
        found(&told, "webhook").contains("stop the bridge"),
        "{told}"
    );
    let same = otherwise(&bench, signed, signed).await;
    let (code, told) = tried(&bench, &same, "20s").await;
    assert_eq!(code, 0, "a copy of what it runs on: {told}");
    assert_eq!(verdict(&told, "webhook"), "works", "{told}");
    daemon.stop().await;
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
