//! A disk that is full: the webhook is answered 503 with a time to come again, and is taken when
//! there is room. Neighbour: the store, which says what it could not write.
//!
//! The real program, because what stands for the disk is its limit on the size of files.

use super::*;
use bridge_tests::{figures, process::Process};
use jelou_bridge::demo::{ADMIN_TOKEN, StageOptions};
use std::{os::unix::fs::PermissionsExt, path::Path, process::Command};

/// Room for a few webhooks after the limit was set, bytes.
const ROOM: u64 = 64 * 1024;

/// More webhooks than fit into that.
const MANY: usize = 100;

/// A body that is kept though nobody can read it; each is another one.
fn body(number: usize) -> Vec<u8> {
    format!("{number} {}", "x".repeat(8 * 1024)).into_bytes()
}

/// Past its limit a process is ended by a signal, unless it ignores that; a full disk sends none.
fn ignores_the_signal(folder: &Path, program: &Path) -> std::path::PathBuf {
    let path = folder.join("without-signal");
    let script = format!(
        "#!/bin/sh\ntrap '' XFSZ\nexec {} \"$@\"\n",
        program.display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn limit_files(pid: u32, bytes: &str) {
    let (pid, limit) = (format!("--pid={pid}"), format!("--fsize={bytes}:"));
    let status = Command::new("prlimit").args([pid, limit]).status().unwrap();
    assert!(status.success());
}

async fn posted(process: &Process, body: Vec<u8>) -> reqwest::Response {
    let secret = process.jelou.handle.webhooks().target().secret;
    let request = client().post(format!("{}/jelou", process.door()));
    let signature = sign(&secret, &body);
    let request = request.header("X-Jelou-Signature", signature).body(body);
    request.send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_disk_is_full_senders_are_told_to_come_again_and_nothing_is_half_stored() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::set(StageOptions::in_folder(folder.path()))
        .await
        .unwrap();
    process.program.path = ignores_the_signal(folder.path(), &process.program.path);
    let daemon = process.program.start().await.unwrap();
    let largest = ["bridge.db", "bridge.db-wal", "daemon.log"]
        .map(|name| std::fs::metadata(folder.path().join(name)).map_or(0, |m| m.len()));
    let full = largest.into_iter().max().unwrap() + ROOM;
    limit_files(daemon.pid().unwrap(), &full.to_string());

    let mut taken = 0;
    while posted(&process, body(taken)).await.status() == 200 {
        taken += 1;
        assert!(taken < MANY, "it never got full");
    }
    let refused = posted(&process, body(taken)).await;
    assert_eq!(refused.status(), 503);
    let again = refused.headers()["retry-after"].to_str().unwrap();
    assert!(again.parse::<u64>().unwrap() > 0);
    assert_eq!(figures::status(&daemon.admin, "/healthz").await, Some(200));

    limit_files(daemon.pid().unwrap(), "unlimited");
    assert_eq!(posted(&process, body(taken)).await.status(), 200);
    taken += 1;
    let parked = async || {
        let list = figures::api(&daemon.admin, ADMIN_TOKEN, "/parked")
            .await
            .unwrap();
        list["parked"].as_array().unwrap().len()
    };
    for _ in 0..200 {
        if parked().await == taken {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(parked().await, taken, "what was answered 200, and no more");
    assert!(daemon.terminate().await.unwrap().success());
}
