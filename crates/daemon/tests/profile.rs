//! `profile` as its user sees it: a file is written, checked, mended.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an answer of another form fails its test"
)]

use serde_json::Value;
use std::{path::PathBuf, process::Command};
use tempfile::TempDir;

/// A helpdesk of the house, as its developer would write it at first.
const HELPDESK: &str = r#"name = "helpdesk"
title = "The helpdesk of the house"

[credentials.token]
about = "An API token: ask the house's IT."

[auth.header]
name = "Authorization"
value = "Token {{ credentials.token }}"

[vocabulary]
statuses = ["open", "waiting", "done"]
solved = ["done"]
final = []
reopened = "open"

[ticket.api]
id = "it.number"
status = "it.state"
requester.phone = "it.caller.phone"
link_field = "it.conversation"

[operations.get]
path = "/tickets/{{ ticket.id }}"
ticket = "body"
shape = "api"

[operations.set_status]
method = "PUT"
path = "/tickets/{{ ticket.id }}"
body.state = "{{ status }}"
ok_when = "body.state == status"
resolve.by = "idempotent"

[webhook]
recognised = "body.number"

[webhook.proof.header]
name = "X-Helpdesk-Secret"

[[webhook.events]]
event = "ticket_changed"
when = "body.number"
ticket = "body"
shape = "api"
"#;

/// Mistakes: what is written, and what is written in its place.
const MISTAKES: &[(&str, &str)] = &[
    ("[vocabulary]", "[vocabulary"),
    ("title =", "titel ="),
    ("{{ credentials.token }}", "{{ credentials.tokn }}"),
    ("solved = [\"done\"]", "solved = [\"closed\"]"),
    ("it.caller.phone", "it.caller.phone |"),
    (
        "path = \"/tickets/{{ ticket.id }}\"\nticket",
        "path = \"tickets/{{ ticket.id }}\"\nticket",
    ),
    (
        "shape = \"api\"\n\n[operations.set_status]",
        "shape = \"whole\"\n\n[operations.set_status]",
    ),
    ("ok_when = \"body.state == status\"\n", ""),
    ("resolve.by = \"idempotent\"", "resolve.by = \"direct\""),
    (
        "[webhook.proof.header]\nname = \"X-Helpdesk-Secret\"",
        "[webhook.proof]\nbasic = {}\nurl_token = {}",
    ),
    ("body.state = \"{{ status }}\"", "body.state = \"done\""),
    (
        "path = \"/tickets/{{ ticket.id }}\"\nticket",
        "path = \"/tickets\"\nticket",
    ),
    ("Token {{ credentials.token }}", "Token 5ecret"),
    (
        "status = \"it.state\"",
        "status = \"it.state | find('name')\"",
    ),
];

struct Written {
    _folder: TempDir,
    file: PathBuf,
}

impl Written {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("helpdesk.toml");
        std::fs::write(&file, text).unwrap();
        Self {
            _folder: folder,
            file,
        }
    }

    /// What is printed, and the exit code.
    fn check(&self, more: &[&str]) -> (String, i32) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jelou-bridge"));
        command
            .args(["profile", "check"])
            .arg(&self.file)
            .args(more);
        let done = command.output().unwrap();
        let out = String::from_utf8(done.stdout).unwrap();
        let folder = self.file.parent().unwrap().display().to_string();
        (
            out.replace(&format!("{folder}/"), ""),
            done.status.code().unwrap(),
        )
    }
}

#[test]
fn each_mistake_is_told_with_file_line_key_and_remedy() {
    let told = MISTAKES.iter().map(|(right, wrong)| {
        assert!(HELPDESK.contains(right), "{right}");
        let (said, code) = Written::new(&HELPDESK.replacen(right, wrong, 1)).check(&[]);
        assert_eq!(code, 1, "{said}");
        format!("{wrong:?}\n{said}")
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_profile_that_can_be_loaded_is_still_asked_for_what_it_forgot() {
    let (said, code) = Written::new(HELPDESK).check(&[]);
    assert_eq!(code, 1);
    insta::assert_snapshot!(said);
}

#[test]
fn a_built_in_profile_is_a_beginning_that_passes() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jelou-bridge"));
    let shown = command
        .args(["profile", "show", "sandbox"])
        .output()
        .unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    let (said, code) = Written::new(&text).check(&["--json"]);
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &answer["ok"]), (0, &Value::Bool(true)), "{said}");
    assert_eq!(answer["name"], "sandbox");
}

/// osTicket's core API makes tickets and nothing more.
#[test]
fn what_a_system_cannot_do_is_said_plainly() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jelou-bridge"));
    let checked = command.args(["profile", "check", "osticket"]).output();
    let checked = checked.unwrap();
    assert!(checked.status.success());
    insta::assert_snapshot!(String::from_utf8(checked.stdout).unwrap());
}

#[test]
fn a_profile_that_is_not_there_is_a_matter_of_the_machine() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jelou-bridge"));
    let done = command
        .args(["profile", "check", "nowhere.toml"])
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(3));
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(
        said.contains("nowhere.toml") && said.contains("zendesk"),
        "{said}"
    );
}

#[test]
fn a_profile_of_another_encoding_is_told_of_with_its_line() {
    let written = Written::new("");
    std::fs::write(&written.file, b"name = \"x\"\ntitle = \"Atenci\xF3n\"\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_jelou-bridge"));
    let done = command.args(["profile", "check"]).arg(&written.file);
    let done = done.output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8(done.stderr).unwrap();
    let wanted = "helpdesk.toml:2: byte 27 of the file, 0xF3, is not UTF-8";
    assert!(said.contains(wanted), "{said}");
}

#[test]
fn every_profile_that_is_shipped_fits_the_schema_that_an_editor_gets() {
    let schema = Command::new(env!("CARGO_BIN_EXE_jelou-bridge"))
        .args(["schema", "--profile"])
        .output()
        .unwrap();
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for name in ticketing_adapter::Profile::builtin_names() {
        let text = ticketing_adapter::Profile::builtin(name).unwrap();
        let profile: Value = toml::from_str(text.text()).unwrap();
        let wrong: Vec<String> = schema
            .iter_errors(&profile)
            .map(|e| e.to_string())
            .collect();
        assert_eq!(wrong, Vec::<String>::new(), "{name}");
    }
    let mistyped = serde_json::json!({ "name": 7 });
    assert!(!schema.is_valid(&mistyped));
}
