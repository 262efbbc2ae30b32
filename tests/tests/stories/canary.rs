//! Secrets, names, phones and texts leave no trace: not in the log at its loudest, not in metrics,
//! not in what the API tells (law 9). Neighbour: `core::text`, which keeps them out by type.

use bridge_sandbox::{Operation, Reply, helpdesk::NewTicket};
use bridge_tests::{
    figures,
    play::{PATIENCE, rules},
    process::Process,
};
use jelou_bridge::{
    clock,
    demo::{ADMIN_TOKEN, StageOptions},
};
use std::time::Duration;

/// The agents' spelling of a phone, and the parts of it that nobody may see again.
const PHONE: &str = "(11) 91357-2468";
const USER: &str = "5511913572468";
const OTHER_USER: &str = "5511924681357";

/// What must not be found anywhere.
const CANARIES: [&str; 12] = [
    "canary-api-key",
    "canary-client-secret",
    "canary-signing-secret",
    "canary-helpdesk-token",
    "canary-webhook-secret",
    "Canarina Pássaro",
    "Canarina",
    "913572468",
    "91357-2468",
    "924681357",
    "CANARY TEXT",
    "CANARY SUBJECT",
];

fn options(folder: &std::path::Path) -> StageOptions {
    let mut options = StageOptions::in_folder(folder);
    options.jelou.api_key = "canary-api-key".to_owned();
    options.jelou.client_secret = "canary-client-secret".to_owned();
    options.jelou.signing_secret = "canary-signing-secret".to_owned();
    options.helpdesk.token = "canary-helpdesk-token".to_owned();
    options.helpdesk.webhook_secret = "canary-webhook-secret".to_owned();
    options.jelou.operator_name = "Canarina Operadora".to_owned();
    options.rules = rules(&options.rules, "Encerramos o chamado", "CANARY TEXT");
    let line = "customer_writes_after_close = \"reopen\"";
    let report = format!("{line}\nreport = \"note\"\nreport_after = [\"1s\", \"3s\"]");
    options.rules = rules(&options.rules, line, &report);
    options
}

/// Everything that people write, over everything that can go wrong with it.
async fn live_a_little(process: &Process) {
    let (jelou, helpdesk) = (&process.jelou.handle, &process.helpdesk.handle);
    for operation in [Operation::Start, Operation::Close, Operation::WriteCache] {
        jelou.manners().do_and_reply(operation, 1, Reply::Html);
        jelou.manners().fail_next(operation, 1, 503);
    }
    for operation in [
        Operation::UpsertRequester,
        Operation::CreateTicket,
        Operation::AddComment,
    ] {
        helpdesk.manners().fail_next(operation, 1, 422);
        helpdesk.manners().do_and_cut(operation, 1);
    }
    jelou.add_user(USER, "Canarina Pássaro");
    jelou.add_user(OTHER_USER, "Canarina Pássaro");
    let tickets: Vec<String> = (0..2)
        .map(|_| {
            helpdesk.agent_creates(NewTicket {
                requester_phone: Some(PHONE.to_owned()),
                requester_name: Some("Canarina Pássaro".to_owned()),
                tags: vec!["whatsapp".to_owned()],
                subject: "CANARY SUBJECT".to_owned(),
                description: "CANARY TEXT".to_owned(),
                ..NewTicket::default()
            })
        })
        .collect();
    helpdesk
        .agent_comments(&tickets[0], "CANARY TEXT", true)
        .unwrap();
    let conversation = jelou.customer_starts(OTHER_USER, "CANARY TEXT").unwrap();
    jelou.customer_writes(&conversation, "CANARY TEXT").unwrap();
    let give_up = clock::now().plus(PATIENCE);
    let started = || !jelou.conversations_of_ticket(&tickets[0]).is_empty();
    while !started() && clock::now() < give_up {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(started(), "something happened");
    helpdesk.agent_sets_status(&tickets[0], "solved").unwrap();
    jelou
        .operator_closes(&conversation, "closed_by_operator")
        .unwrap();
    let give_up = clock::now().plus(PATIENCE);
    let reported = || {
        let mut calls = jelou.calls().into_iter();
        calls.any(|call| call.operation == Operation::Report)
    };
    while !reported() && clock::now() < give_up {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(reported(), "who closed it is asked for");
    tokio::time::sleep(Duration::from_secs(4)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_name_phone_or_text_is_in_logs_at_trace_in_metrics_or_in_answers() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::set(options(folder.path())).await.unwrap();
    process.program.level = "trace";
    let daemon = process.program.start().await.unwrap();
    live_a_little(&process).await;

    let mut said = Vec::new();
    let page = async |path: &str| {
        let url = format!("http://{}{path}", daemon.admin);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(url).bearer_auth(ADMIN_TOKEN);
        request.send().await.unwrap().text().await.unwrap()
    };
    let pages = [
        "/metrics",
        "/readyz",
        "/api/v1/links",
        "/api/v1/parked",
        "/api/v1/halt",
    ];
    for path in pages {
        said.push((path.to_owned(), page(path).await));
    }
    for ticket in process.helpdesk.handle.tickets() {
        let asked = serde_json::json!({"ticket": ticket.id});
        let told = figures::order(&daemon.admin, ADMIN_TOKEN, "/timeline", &asked).await;
        said.push((
            format!("timeline of {}", ticket.id),
            told.unwrap().to_string(),
        ));
    }
    let door = process.door();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let refused = client
        .post(format!("{door}/jelou"))
        .body("CANARY TEXT")
        .send()
        .await
        .unwrap();
    said.push(("a refusal".to_owned(), format!("{refused:?}")));
    assert!(daemon.terminate().await.unwrap().success());
    let log = std::fs::read_to_string(folder.path().join("daemon.log")).unwrap();
    assert!(
        log.contains("TRACE") || log.contains("DEBUG"),
        "it is the loudest log"
    );
    said.push(("the log".to_owned(), log));

    let mut found = Vec::new();
    for (place, text) in &said {
        for canary in CANARIES {
            if let Some(line) = text.lines().find(|line| line.contains(canary)) {
                found.push(format!("{canary} in {place}: {line}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
