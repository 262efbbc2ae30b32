//! The command line beside a running daemon, as an operator types it. Neighbours: `parked` and
//! `halt`, which do.

use bridge_tests::program;
use jelou_bridge::demo::ADMIN_TOKEN;
use serde_json::Value;
use std::{path::PathBuf, process::Stdio, time::Duration};
use tokio::{process::Command, sync::OnceCell};

/// No command of an operator takes longer, not even a round through thousands.
const WITHIN: Duration = Duration::from_secs(120);

/// Built once: a build with nothing to do still waits for whoever builds something.
static PROGRAM: OnceCell<PathBuf> = OnceCell::const_new();

/// What a command said.
#[derive(Debug)]
pub struct Said {
    /// Its exit code.
    pub code: i32,
    /// The one document on standard output.
    pub json: Value,
}

/// Runs `jelou-bridge ARGUMENTS --json` against the daemon at this admin address.
pub async fn command(admin: &str, arguments: &[&str]) -> Said {
    let built = PROGRAM.get_or_try_init(program::built);
    let program = built.await.unwrap();
    let mut command = Command::new(program);
    command
        .args(["--json", "--admin", &format!("http://{admin}")])
        .args(["--admin-token", ADMIN_TOKEN])
        .args(arguments)
        .env_remove("JELOU_BRIDGE_CONFIG")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(WITHIN, command.output());
    let output = output.await.expect("it ends in time").unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    let json = serde_json::from_str(&stdout)
        .unwrap_or_else(|why| panic!("no single document: {why}\n{stdout}\n{error}"));
    Said {
        code: output.status.code().unwrap_or(-1),
        json,
    }
}
