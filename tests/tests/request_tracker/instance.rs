//! A Request Tracker of one's own: made in a folder, started, stopped, started again. Neighbours:
//! `tests/request-tracker`, whose scripts do the work; `agent`, who works in it.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tokio::time::Instant;

/// What Debian's packages bring, and `install.sh` puts on the machine.
const SERVER: &str = "/usr/share/request-tracker5/libexec/rt-server";

/// A server told to end is gone after this; its workers may be in the middle of an answer.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// Whether Request Tracker is on this machine.
pub fn is_installed() -> bool {
    Path::new(SERVER).exists()
}

/// A Request Tracker that runs; it ends when this is dropped.
pub struct Instance {
    /// Where it listens.
    pub addr: SocketAddr,
    folder: PathBuf,
    webhook_url: String,
    webhook_secret: String,
}

impl Instance {
    /// Makes one in a folder and starts it on a free port. Its scrip posts to `webhook_url`.
    pub fn start(folder: &Path, webhook_url: &str, webhook_secret: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let instance = Self {
            addr: port.local_addr().expect("its number"),
            folder: folder.to_owned(),
            webhook_url: webhook_url.to_owned(),
            webhook_secret: webhook_secret.to_owned(),
        };
        drop(port);
        instance.start_again();
        instance
    }

    /// Starts it on the data it has.
    pub fn start_again(&self) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/request-tracker/start.sh");
        let started = Command::new(script)
            .arg(&self.folder)
            .arg(self.addr.port().to_string())
            .env("RT_WEBHOOK_URL", &self.webhook_url)
            .env("RT_WEBHOOK_SECRET", &self.webhook_secret)
            .output()
            .expect("start.sh runs");
        let said = String::from_utf8_lossy(&started.stderr);
        assert!(started.status.success(), "start.sh: {said}");
    }

    /// Ends its server; the data stays.
    pub fn stop(&self) {
        let Some(pid) = self.pid() else {
            return;
        };
        let tell = |signal: &str| {
            let told = Command::new("kill").args([signal, &pid]).output();
            told.is_ok_and(|told| told.status.success())
        };
        tell("-TERM");
        let give_up = Instant::now() + GONE_WITHIN;
        while tell("-0") {
            if Instant::now() > give_up {
                tell("-KILL");
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = std::fs::remove_file(self.folder.join("pid"));
    }

    fn pid(&self) -> Option<String> {
        let pid = std::fs::read_to_string(self.folder.join("pid")).ok()?;
        Some(pid.trim().to_owned())
    }

    /// The token of one of its users.
    pub fn token(&self, user: &str) -> String {
        let tokens = std::fs::read_to_string(self.folder.join("tokens")).expect("the tokens");
        let token = tokens
            .lines()
            .find_map(|line| line.strip_prefix(user)?.strip_prefix(' '));
        token.expect("this user's token").to_owned()
    }

    /// What its log says, for a test that failed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log/rt.log")).unwrap_or_default()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.stop();
    }
}
