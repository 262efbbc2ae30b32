//! `profile check --live` from outside, on the sandbox's helpdesk: what a profile says holds, or is found
//! out. Neighbour: bench.

use crate::bench::{Bench, code, json, said};
use bridge_sandbox::Operation;
use serde_json::Value;

async fn bench() -> Bench {
    Bench::new("\"sandbox-signing-secret\"").await
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
    bench.hears_the_helpdesk();
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
    bench.hears_the_helpdesk();
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
async fn a_system_that_asks_for_time_is_given_it() {
    let bench = bench().await;
    let manners = bench.helpdesk.handle.manners();
    manners.fail_next(Operation::AddComment, 1, 429);
    manners.fail_next(Operation::Ticket, 1, 429);
    let (_, told) = tried(&bench, "sandbox", "5s").await;
    for what in ["get", "note", "comment"] {
        assert_eq!(verdict(&told, what), "works", "{what}: {told}");
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
    bench.hears_the_helpdesk();
    let (code, told) = tried(&bench, &file, "20s").await;
    assert_eq!(code, 1, "{told}");
    assert_eq!(verdict(&told, "comments"), "fails", "{told}");
    assert!(found(&told, "comments").contains("an agent's"), "{told}");
    assert_eq!(verdict(&told, "webhook"), "works", "the rest is tried");
}

#[tokio::test]
async fn a_daemon_proves_no_webhook_of_a_file_that_it_does_not_run_on() {
    let bench = bench().await;
    bench.hears_the_helpdesk();
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

/// It reads the file when it is loaded, and does not look at it again.
#[tokio::test]
async fn a_daemon_that_loaded_an_older_text_of_its_file_proves_nothing_by_the_new_one() {
    let bench = bench().await;
    bench.hears_the_helpdesk();
    let signed = "header = \"X-Helpdesk-Signature\"";
    let file = otherwise(&bench, signed, signed).await;
    bench.change("profile = \"sandbox\"", &format!("profile = \"{file}\""));
    let daemon = bench.daemon().await;
    otherwise(&bench, signed, "header = \"X-Never-Sent\"").await;
    let (_, told) = tried(&bench, &file, "20s").await;
    assert_eq!(verdict(&told, "webhook"), "not_tried", "{told}");
    assert!(found(&told, "webhook").contains("loaded"), "{told}");
    daemon.stop().await;
}

/// A profile that makes tickets and nothing more. Neither a call nor a step is left that could fail.
const ONLY_CREATES: &str = r#"
name = "counter"
title = "Counter"
credentials.token.about = "The helpdesk's token."
auth.bearer = "{{ credentials.token }}"

[vocabulary]
statuses = ["new"]
solved = []
final = []
reopened = "new"

[ticket.made]
id = "it.id"
status = "'new'"

[operations.create]
method = "POST"
path = "/api/tickets"
headers = { Idempotency-Key = "{{ intent.id }}" }
ok = [200, 201]
id = "body.ticket.id"
ticket = "body.ticket"
shape = "made"
resolve.by = "none"
body.ticket = { subject = "{{ new.subject | line }}", description = "{{ new.description | plain }}", requester_id = "{{ requester_id }}" }

[operations.upsert_requester]
method = "POST"
path = "/api/requesters"
body = { name = "{{ requester.name | line }}", phone = "{{ requester.phone }}", external_id = "{{ requester.external_id }}" }
id = "body.requester.id"
resolve.by = "idempotent"

[operations.absent]
get = "nobody reads a ticket"
set_fields = "nothing is changed"
attach = "it takes no files"
"#;

#[tokio::test]
async fn a_system_that_only_makes_tickets_is_told_what_it_cannot_do_and_does_not_fail() {
    let bench = bench().await;
    let file = bench.folder.path().join("counter.toml");
    std::fs::write(&file, ONLY_CREATES).unwrap();
    let (code, told) = tried(&bench, file.to_str().unwrap(), "1s").await;
    assert_eq!(code, 0, "{told}");
    assert_eq!(verdict(&told, "create"), "works", "{told}");
    for what in [
        "get",
        "note",
        "set_status",
        "attach",
        "set_fields",
        "webhook",
    ] {
        assert_eq!(verdict(&told, what), "absent", "{what}: {told}");
    }
    assert_eq!(found(&told, "get"), "nobody reads a ticket");
    assert_eq!(verdict(&told, "clean up"), "not_tried", "{told}");
    let ticket = told["ticket"].as_str().unwrap();
    let left = format!("close test ticket {ticket} by hand");
    assert!(found(&told, "clean up").contains(&left), "{told}");
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
