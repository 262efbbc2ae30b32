//! The program from outside: exit codes, one JSON document, and the same answer with and without a
//! running daemon.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an answer of another form fails its test"
)]

use jelou_bridge::demo::{ADMIN_TOKEN, Stage, StageOptions};
use serde_json::Value;
use std::{net::TcpListener, path::Path, process::Output, time::Duration};
use tempfile::TempDir;
use tokio::process::Command;

/// How long a story may take to settle, on a busy machine.
const WITHIN: Duration = Duration::from_secs(30);

async fn bridge(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jelou-bridge"));
    command
        .env_remove("JELOU_BRIDGE_CONFIG")
        .env_remove("JELOU_BRIDGE_ADMIN_TOKEN");
    command.args(arguments).kill_on_drop(true);
    tokio::time::timeout(WITHIN, command.output())
        .await
        .unwrap()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The one document on standard output.
fn json(output: &Output) -> Value {
    let stdout = text(&output.stdout);
    serde_json::from_str(&stdout).unwrap_or_else(|error| {
        panic!(
            "no single JSON document: {error}\n{stdout}\n{}",
            text(&output.stderr)
        )
    })
}

/// A stage whose configuration is in a file, with its real admin address.
struct Staged {
    stage: Stage,
    config: String,
    _folder: TempDir,
}

impl Staged {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let mut options = StageOptions::in_folder(folder.path());
        options.admin_listen = free.to_string();
        // What a round of the sweep adds to a timeline would come at any time.
        options.rules = options.rules.replace("every = \"2s\"", "every = \"1h\"");
        let stage = Stage::start(options).await.unwrap();
        let config = folder.path().join("bridge.toml");
        std::fs::write(&config, stage.config()).unwrap();
        private(&config);
        let config = config.to_str().unwrap().to_owned();
        Self {
            stage,
            config,
            _folder: folder,
        }
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        let mut all = vec!["--config", &self.config];
        all.extend(arguments);
        bridge(&all).await
    }

    /// A ticket that has its conversation.
    async fn linked(&self) -> (String, String) {
        let ticket = self.stage.ticket_for("+5511987654321", "Ana", "Pedido");
        self.stage.settle(WITHIN).await.unwrap();
        let conversation = self.stage.conversation_of(&ticket).unwrap();
        (ticket, conversation)
    }
}

fn private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn wrong_use_exits_2_and_says_nothing_on_standard_output() {
    for wrong in [
        &["timeline"][..],
        &["timeline", "--ticket", "1", "--user", "2"],
        &["sweep"],
        &["parked", "retry"],
        &["explain", "event.json"],
        &["no-such-command"],
    ] {
        let output = bridge(wrong).await;
        assert_eq!(code(&output), 2, "{wrong:?}");
        assert!(output.stdout.is_empty(), "{wrong:?}");
        assert!(!output.stderr.is_empty(), "{wrong:?}");
    }
}

#[tokio::test]
async fn wrong_use_with_json_is_one_document_with_a_remedy() {
    for wrong in [
        &["timeline", "--json"][..],
        &["--json", "parked", "retry"],
        &["parked", "discard", "7.1", "--all", "--json"],
        &["halt", "relaese", "--json"],
        &["links", "--limit", "many", "--json"],
    ] {
        let output = bridge(wrong).await;
        assert_eq!(code(&output), 2, "{wrong:?}");
        let told = json(&output);
        let error = told["error"].as_str().unwrap();
        assert!(!error.is_empty() && !error.starts_with("error"), "{error}");
        assert!(
            told["remedy"].as_str().unwrap().contains("--help"),
            "{told}"
        );
    }
    let help = bridge(&["parked", "--help", "--json"]).await;
    assert_eq!(code(&help), 0, "help is no wrong use");
    assert!(text(&help.stdout).contains("Usage: "));
}

#[tokio::test]
async fn a_word_that_there_is_not_is_refused_with_those_that_there_are() {
    let staged = Staged::new().await;
    for (wrong, known) in [
        (&["links", "--state", "foo"][..], "waiting_busy"),
        (&["parked", "--operation", "foo"], "link_field"),
        (&["parked", "--reason", "refuse"], "did you mean refused?"),
        (
            &["parked", "discard", "--reason", "refuse"],
            "unknown_outcome",
        ),
        (&["parked", "retry", "--older-than", "3"], "12h"),
        (
            &["halt", "release", "--operation", "note"],
            "start, close or status",
        ),
    ] {
        let mut arguments = vec!["--json"];
        arguments.extend(wrong);
        let output = staged.run(&arguments).await;
        assert_eq!(code(&output), 2, "{wrong:?}");
        let remedy = json(&output)["remedy"].clone();
        assert!(
            remedy.as_str().unwrap().contains(known),
            "{wrong:?}: {remedy}"
        );
    }
}

/// When a webhook was parked is not kept, and what is given up cannot be had back.
#[tokio::test]
async fn older_than_says_that_a_webhooks_age_counts_from_when_it_was_received() {
    for command in ["list", "retry", "discard"] {
        let help = text(&bridge(&["parked", command, "--help"]).await.stdout);
        let words: Vec<&str> = help.split_whitespace().collect();
        let said = words.join(" ").contains("webhooks received longer ago");
        assert!(said, "{command}: {help}");
    }
}

#[tokio::test]
async fn a_missing_configuration_exits_3_whatever_was_asked() {
    for command in [
        &["check"][..],
        &["run"],
        &["links"],
        &["migrate"],
        &["parked", "list"],
    ] {
        let mut arguments = vec!["--json", "--config", "/nowhere/bridge.toml"];
        arguments.extend(command);
        let output = bridge(&arguments).await;
        assert_eq!(code(&output), 3, "{command:?}");
    }
    let output = bridge(&["check", "--json", "-c", "/nowhere/bridge.toml"]).await;
    assert_eq!(json(&output)["ok"], false);
    assert_eq!(json(&output)["problems"][0]["file"], "/nowhere/bridge.toml");
}

#[tokio::test]
async fn check_names_file_line_key_and_remedy_of_every_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bridge.toml");
    std::fs::write(
        &path,
        "[server]\nlisten = \"nowhere\"\n\n[databas]\nurl = \"x\"\n",
    )
    .unwrap();
    let path = path.to_str().unwrap();
    let output = bridge(&["check", "-c", path]).await;
    assert_eq!(code(&output), 1);
    let told = text(&output.stdout);
    assert!(
        told.contains(&format!("{path}:2: server.listen: ")),
        "{told}"
    );
    assert!(told.contains("did you mean database"), "{told}");
    let output = bridge(&["check", "-c", path, "--json"]).await;
    assert_eq!(code(&output), 1);
    let report = json(&output);
    let problems = report["problems"].as_array().unwrap();
    let problem = problems
        .iter()
        .find(|problem| problem["key"] == "server.listen")
        .unwrap();
    assert_eq!(problem["line"], 2);
    assert!(problem["remedy"].is_string());
}

#[tokio::test]
async fn the_schema_is_one_json_document_with_and_without_the_flag() {
    let plain = bridge(&["schema"]).await;
    let flagged = bridge(&["schema", "--json"]).await;
    assert_eq!((code(&plain), code(&flagged)), (0, 0));
    assert_eq!(json(&plain), json(&flagged));
    assert_eq!(json(&plain)["title"], "jelou-bridge");
}

#[tokio::test]
async fn the_state_reads_the_same_with_and_without_a_running_daemon() {
    let mut staged = Staged::new().await;
    let (ticket, conversation) = staged.linked().await;
    let timeline = ["timeline", "--ticket", &ticket];
    let by_conversation = ["timeline", "--conversation", &conversation, "--json"];
    let explain = ["explain", "--ticket", &ticket];
    let questions = [
        &["links"][..],
        &["links", "list", "--json"],
        &timeline,
        &by_conversation,
        &["parked", "list", "--json"],
        &["halt", "--json"],
        &["halt", "list"],
        &["links", "--stuck", "--json"],
        &explain,
    ];
    let mut running = Vec::new();
    for question in questions {
        let output = staged.run(question).await;
        assert_eq!(code(&output), 0, "{question:?}: {}", text(&output.stderr));
        running.push(text(&output.stdout));
    }
    assert!(
        running[0].contains(&ticket) && running[0].contains(&conversation),
        "{}",
        running[0]
    );
    assert!(
        running[2].contains("[mapping.conversation.open_when]"),
        "{}",
        running[2]
    );
    assert!(
        running[8].contains("so the conversation stays open"),
        "{}",
        running[8]
    );
    staged.stage.stop_daemon().await;
    for (question, before) in questions.iter().zip(running) {
        let output = staged.run(question).await;
        assert_eq!(code(&output), 0, "{question:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), before, "{question:?}");
    }
}

#[tokio::test]
async fn a_person_can_unlink_and_link_again_and_asking_twice_is_asking_once() {
    let staged = Staged::new().await;
    let (ticket, conversation) = staged.linked().await;
    let unlinked = staged.run(&["unlink", &ticket, "--json"]).await;
    assert_eq!(code(&unlinked), 0, "{}", text(&unlinked.stderr));
    assert_eq!(json(&unlinked)["link"]["ended_reason"], "unlinked");
    let again = staged.run(&["unlink", &ticket, "--json"]).await;
    assert_eq!(code(&again), 2);
    assert!(json(&again)["remedy"].is_string());
    let linked = staged
        .run(&["link", &ticket, &conversation, "--json"])
        .await;
    assert_eq!(code(&linked), 0, "{}", text(&linked.stderr));
    let link = json(&linked)["link"].clone();
    assert_eq!(
        (&link["state"], &link["origin"]),
        (&"linked".into(), &"operator".into())
    );
    let twice = staged
        .run(&["link", &ticket, &conversation, "--json"])
        .await;
    assert_eq!(json(&twice)["link"]["id"], link["id"]);
    let shown = staged
        .run(&["links", "show", link["id"].as_str().unwrap(), "--json"])
        .await;
    assert_eq!(json(&shown)["link"]["conversation"], conversation.as_str());
    assert_eq!(staged.stage.jelou.handle.conversations().len(), 1);
}

#[tokio::test]
async fn an_order_without_a_bridge_says_that_it_was_carried_out_by_the_command() {
    let mut staged = Staged::new().await;
    let (ticket, conversation) = staged.linked().await;
    staged.stage.stop_daemon().await;
    let unlinked = staged.run(&["unlink", &ticket, "--json"]).await;
    assert_eq!(code(&unlinked), 0, "{}", text(&unlinked.stderr));
    assert_eq!(json(&unlinked)["link"]["ended_reason"], "unlinked");
    let said = "this command carried the order out itself, with the calls";
    assert!(text(&unlinked.stderr).contains(said));
    let linked = staged
        .run(&["link", &ticket, &conversation, "--json"])
        .await;
    assert_eq!(code(&linked), 0, "{}", text(&linked.stderr));
    assert_eq!(json(&linked)["link"]["state"], "linked", "it is done now");
    assert!(text(&linked.stderr).contains(said));
    let released = staged.run(&["halt", "release"]).await;
    assert!(text(&released.stdout).contains("Nothing was held"));
    let let_go = "let go by the next one that runs";
    assert!(!text(&released.stderr).contains(let_go), "nothing was held");
}

#[tokio::test]
async fn a_question_without_a_bridge_says_that_none_runs() {
    let mut staged = Staged::new().await;
    let (ticket, _) = staged.linked().await;
    let timeline = ["timeline", "--ticket", &ticket, "--json"];
    let questions = [
        &["parked", "--json"][..],
        &["links", "--stuck", "--json"],
        &["halt", "--json"],
        &timeline,
    ];
    let none_runs = "No bridge is running: this command read the database itself.";
    for question in questions {
        let beside = staged.run(question).await;
        assert!(!text(&beside.stderr).contains(none_runs), "{question:?}");
    }
    staged.stage.stop_daemon().await;
    for question in questions {
        let alone = staged.run(question).await;
        assert_eq!(code(&alone), 0, "{question:?}");
        let told = text(&alone.stderr);
        assert_eq!(told.matches(none_runs).count(), 1, "{question:?}: {told}");
        assert!(json(&alone).is_object(), "one document, and nothing else");
    }
    // An order that found nothing to do has read, and no more.
    let released = staged.run(&["halt", "release"]).await;
    assert!(text(&released.stderr).contains(none_runs));
}

#[tokio::test]
async fn what_is_not_there_or_in_the_way_is_told_with_a_remedy() {
    let staged = Staged::new().await;
    let (ticket, conversation) = staged.linked().await;
    let other = staged.stage.ticket_for("+5511912345678", "Bia", "Outro");
    staged.stage.settle(WITHIN).await.unwrap();
    let taken = staged.run(&["link", &other, &conversation, "--json"]).await;
    assert_eq!(code(&taken), 1, "{}", text(&taken.stdout));
    let unlinked = staged.run(&["unlink", &ticket]).await;
    assert_eq!(code(&unlinked), 0);
    let gone = staged
        .run(&["link", "999999", &conversation, "--json"])
        .await;
    assert_eq!(code(&gone), 2, "{}", text(&gone.stdout));
    assert_eq!(json(&gone)["error"], "there is no ticket 999999");
    let unknown = staged
        .run(&["link", &ticket, &conversation, "--bridge", "other"])
        .await;
    assert_eq!(code(&unknown), 2);
    let nothing = staged.run(&["parked", "retry", "nothing.1"]).await;
    assert_eq!(code(&nothing), 2);
    let empty = staged.run(&["timeline", "--ticket", "999999"]).await;
    let told = text(&empty.stdout);
    assert_eq!(code(&empty), 0);
    assert!(told.starts_with("Nothing is known of it"), "{told}");
    assert!(told.contains("`jelou-bridge doctor`"), "{told}");
}

/// People write a number with its plus; Jelou's ids have none.
#[tokio::test]
async fn a_customers_timeline_is_found_by_their_number_with_its_plus() {
    let staged = Staged::new().await;
    let _ = staged.stage.ticket_for("+5511912345678", "Bia", "Outro");
    staged.stage.settle(WITHIN).await.unwrap();
    let plain = staged
        .run(&["timeline", "--user", "5511912345678", "--json"])
        .await;
    let lines = &json(&plain)["lines"];
    assert_ne!(lines.as_array().unwrap().len(), 0, "{lines}");
    let plus = staged
        .run(&["timeline", "--user", "+5511912345678", "--json"])
        .await;
    assert_eq!(&json(&plus)["lines"], lines);
}

#[tokio::test]
async fn an_unreadable_delivery_is_parked_listed_with_a_remedy_and_discarded() {
    let staged = Staged::new().await;
    let secret = jelou_secret(&staged);
    let body = "[1,2,3]";
    let listen = staged.stage.daemon().unwrap().listen;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client
        .post(format!("http://{listen}/webhooks/demo/jelou"))
        .header(
            "X-Jelou-Signature",
            jelou_adapter::webhook::sign(&secret, body.as_bytes()),
        )
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    staged.stage.settle(WITHIN).await.unwrap();
    let listed = staged.run(&["parked", "list", "--json"]).await;
    assert_eq!(code(&listed), 1, "parked work was found");
    let item = json(&listed)["parked"][0].clone();
    assert_eq!(
        (&item["reason"], &item["kind"]),
        (&"unreadable".into(), &"delivery".into())
    );
    assert!(
        item["remedy"]
            .as_str()
            .is_some_and(|remedy| !remedy.is_empty())
    );
    let shown = staged
        .run(&["parked", "show", item["id"].as_str().unwrap()])
        .await;
    assert!(
        text(&shown.stdout).contains("what to do"),
        "{}",
        text(&shown.stdout)
    );
    let discarded = staged
        .run(&["parked", "discard", "--reason", "unreadable", "--json"])
        .await;
    assert_eq!(code(&discarded), 0);
    assert_eq!(json(&discarded)["items"][0]["done"], true);
    let empty = staged.run(&["parked"]).await;
    assert_eq!(
        (code(&empty), text(&empty.stdout).as_str()),
        (0, "Nothing is parked.\n")
    );
}

fn jelou_secret(staged: &Staged) -> String {
    let config: toml::Value = toml::from_str(staged.stage.config()).unwrap();
    let secrets = &config["bridges"]["demo"]["jelou"]["signing_secrets"];
    secrets[0].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_daemon_is_asked_by_address_alone_and_only_with_its_token() {
    let staged = Staged::new().await;
    let admin = format!("http://{}", staged.stage.daemon().unwrap().admin);
    let nowhere = ["--config", "/nowhere/bridge.toml", "--admin", &admin];
    let ask = |token: &'static str| {
        let mut all = nowhere.to_vec();
        all.extend(["halt", "--json", "--admin-token", token]);
        let all: Vec<String> = all.into_iter().map(str::to_owned).collect();
        async move {
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            bridge(&all).await
        }
    };
    let allowed = ask(ADMIN_TOKEN).await;
    assert_eq!(code(&allowed), 0, "{}", text(&allowed.stderr));
    assert_eq!(json(&allowed)["halts"].as_array().unwrap().len(), 3);
    let refused = ask("wrong").await;
    assert_eq!(code(&refused), 3);
    assert!(json(&refused)["remedy"].is_string());
}

#[tokio::test]
async fn a_broken_file_does_not_stop_who_names_the_address_and_the_token() {
    let staged = Staged::new().await;
    let admin = format!("http://{}", staged.stage.daemon().unwrap().admin);
    let broken = Path::new(&staged.config).with_file_name("broken.toml");
    std::fs::write(&broken, "[server]\nlisten = \"nowhere\"\n").unwrap();
    let broken = broken.to_str().unwrap();
    let release = ["-c", broken, "--admin", &admin, "halt", "release", "--json"];
    let released = bridge(&[&release[..], &["--admin-token", ADMIN_TOKEN]].concat()).await;
    assert_eq!(code(&released), 0, "{}", text(&released.stderr));
    let without_token = bridge(&release).await;
    assert_eq!(code(&without_token), 1, "the token would be in the file");
}

#[tokio::test]
async fn explain_by_ticket_plans_against_what_the_daemon_knows_and_changes_nothing() {
    let mut staged = Staged::new().await;
    let (ticket, conversation) = staged.linked().await;
    let calls =
        staged.stage.jelou.handle.calls().len() + staged.stage.helpdesk.handle.calls().len();
    let event = Path::new(&staged.config).with_file_name("event.json");
    let body = serde_json::json!({
        "id": "x-1", "type": "ticket.changed", "at": "2026-11-21T10:00:05.250Z", "actor": "agent",
        "ticket": {
            "id": ticket, "status": "solved", "subject": "Pedido", "tags": ["whatsapp"],
            "requester": { "id": "r1", "name": "Ana", "phone": "+5511987654321" },
            "external_id": conversation, "version": 1_000_000,
        },
    });
    std::fs::write(&event, body.to_string()).unwrap();
    let event = event.to_str().unwrap();
    let question = [
        "explain",
        "--side",
        "ticketing",
        "--ticket",
        &ticket,
        event,
        "--json",
    ];
    let explained = staged.run(&question).await;
    assert_eq!(code(&explained), 0, "{}", text(&explained.stderr));
    let explained = json(&explained);
    let effects = explained["effects"].as_array().unwrap();
    let close = effects
        .iter()
        .find(|effect| effect["effect"]["effect"] == "close_conversation");
    let close = close.unwrap_or_else(|| panic!("{explained:#}"));
    assert_eq!(close["rule"], "mapping.conversation.close_on_status");
    let after =
        staged.stage.jelou.handle.calls().len() + staged.stage.helpdesk.handle.calls().len();
    assert_eq!(after, calls);
    staged.stage.stop_daemon().await;
    let alone = staged.run(&question).await;
    assert_eq!(code(&alone), 0, "{}", text(&alone.stderr));
    assert!(json(&alone)["effects"].is_array());
    assert!(text(&alone.stderr).contains("No bridge is running"));
}

#[tokio::test]
async fn a_sweep_by_order_tells_what_it_looked_at() {
    let staged = Staged::new().await;
    let _ = staged.linked().await;
    let swept = staged.run(&["sweep", "--now", "--json"]).await;
    assert_eq!(code(&swept), 0, "{}", text(&swept.stderr));
    let sweep = &json(&swept)["sweeps"][0];
    assert_eq!(
        (&sweep["bridge"], &sweep["error"]),
        (&"demo".into(), &Value::Null)
    );
    assert_eq!(sweep["conversations"], 1);
}
