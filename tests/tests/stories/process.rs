//! The real program as a process: signals, ports, files. Neighbour: canary, which reads its log.

use bridge_sandbox::helpdesk::NewTicket;
use bridge_tests::{
    figures::{self, Figures},
    play::{PATIENCE, phone, rules},
    process::Process,
    program::STOPS_WITHIN,
};
use jelou_bridge::{clock, demo::StageOptions};
use std::{path::Path, time::Duration};
use tempfile::TempDir;

/// A changed configuration is in force two seconds after SIGHUP; a machine with other work gets more.
const IN_FORCE_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn process() -> (TempDir, Process) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = StageOptions::in_folder(folder.path());
    options.rules = rules(&options.rules, "min_count = 20", "min_count = 1000");
    let process = Process::set(options).await.unwrap();
    (folder, process)
}

/// An agent's ticket, and whether it has a conversation before patience ends.
async fn gets_a_conversation(process: &Process, customer: usize, tag: &str) -> bool {
    let helpdesk = &process.helpdesk.handle;
    let ticket = helpdesk.agent_creates(NewTicket {
        requester_phone: Some(phone(customer)),
        tags: vec![tag.to_owned()],
        subject: "A question".to_owned(),
        ..NewTicket::default()
    });
    let give_up = clock::now().plus(Duration::from_secs(5));
    while clock::now() < give_up {
        if helpdesk.ticket(&ticket).unwrap().external_id.is_some() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

pub(super) fn change(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, rules(&text, from, to)).unwrap();
}

/// Waits until so many tries to reload ended so.
pub(super) async fn reloaded(admin: &str, outcome: &str, times: f64) {
    let waited = tokio::time::timeout(IN_FORCE_WITHIN, async {
        let name = "jelou_bridge_config_reloads_total";
        while Figures::of(admin)
            .await
            .unwrap()
            .sum(name, &[("outcome", outcome)])
            < times
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.expect("it is reloaded in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_changes_nothing_and_a_good_one_is_in_force_at_once() {
    let (_folder, process) = process().await;
    let daemon = process.program.start().await.unwrap();
    let file = &process.program.config;
    change(
        file,
        "'whatsapp' in ticket.tags",
        "'whatsapp' in ticket.tagz",
    );
    daemon.signal("HUP").await.unwrap();
    reloaded(&daemon.admin, "refused", 1.0).await;
    assert!(
        gets_a_conversation(&process, 1, "whatsapp").await,
        "the old one stays"
    );
    change(file, "'whatsapp' in ticket.tagz", "'zap' in ticket.tags");
    daemon.signal("HUP").await.unwrap();
    reloaded(&daemon.admin, "taken", 1.0).await;
    assert!(gets_a_conversation(&process, 2, "zap").await);
    assert!(!gets_a_conversation(&process, 3, "whatsapp").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_noticed_without_a_signal() {
    let (_folder, process) = process().await;
    let daemon = process.program.start().await.unwrap();
    change(
        &process.program.config,
        "'whatsapp' in ticket.tags",
        "'zap' in ticket.tags",
    );
    reloaded(&daemon.admin, "taken", 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_program_well_also_in_the_middle_of_a_call() {
    let (_folder, process) = process().await;
    let mut daemon = process.program.start().await.unwrap();
    process.jelou.handle.manners().slow(None, 3_000);
    for customer in 0..20 {
        let _ = process.helpdesk.handle.agent_creates(NewTicket {
            requester_phone: Some(phone(customer)),
            tags: vec!["whatsapp".to_owned()],
            ..NewTicket::default()
        });
    }
    let give_up = clock::now().plus(PATIENCE);
    while process.jelou.handle.calls().is_empty() && clock::now() < give_up {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    daemon.signal("TERM").await.unwrap();
    let status = daemon.ended(STOPS_WITHIN).await.unwrap();
    assert_eq!(status.code(), Some(0));
    // And what it left is taken up again: one conversation for each, none twice.
    process.jelou.handle.manners().clear();
    let _daemon = process.program.start().await.unwrap();
    let give_up = clock::now().plus(PATIENCE);
    let linked = || {
        let tickets = process.helpdesk.handle.tickets();
        tickets.iter().filter(|t| t.external_id.is_some()).count()
    };
    while linked() < 20 && clock::now() < give_up {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        (linked(), process.jelou.handle.conversations().len()),
        (20, 20)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_and_a_taken_database_are_the_environments_fault() {
    let (_folder, process) = process().await;
    let daemon = process.program.start().await.unwrap();
    let mut second = process.program.spawn().unwrap();
    let status = second.ended(PATIENCE).await.unwrap();
    assert_eq!(status.code(), Some(3), "its ports are taken");
    let mut elsewhere = process.program.clone();
    elsewhere.config = process.program.config.with_file_name("second.toml");
    let text = std::fs::read_to_string(&process.program.config).unwrap();
    let text = text.replace(&process.listen, "127.0.0.1:0");
    std::fs::write(
        &elsewhere.config,
        text.replace(&daemon.admin, "127.0.0.1:0"),
    )
    .unwrap();
    let mut third = elsewhere.spawn().unwrap();
    let status = third.ended(PATIENCE).await.unwrap();
    assert_eq!(status.code(), Some(3), "its database is taken");
    assert_eq!(figures::status(&daemon.admin, "/healthz").await, Some(200));
}
