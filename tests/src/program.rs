//! The real program as a process of its own: built, started, killed, stopped. Neighbours:
//! `figures`, which asks it how it is; `campaign` and the tests, which treat it badly.

use crate::figures;
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::process::{Child, Command};

/// A daemon that is not ready after this will not be. A cold start takes a tenth of a second; a
/// machine with other work on it takes longer.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// The daemon promises to be down ten seconds after SIGTERM; one more is for the way.
pub const STOPS_WITHIN: Duration = Duration::from_secs(11);

/// How often readiness is asked for.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Where the program is, after a build that takes no time if nothing changed. It is built into the
/// folder and for the profile of whoever asks.
///
/// # Errors
/// What went wrong, in a sentence.
pub async fn built() -> Result<PathBuf, String> {
    let me = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut folder = me.parent().unwrap_or(Path::new("."));
    if folder.ends_with("deps") {
        folder = folder.parent().unwrap_or(folder);
    }
    let program = folder.join("jelou-bridge");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !sources.is_dir() {
        // Carried away from its sources: then the program stands beside it, or it was left behind.
        return match program.is_file() {
            true => Ok(program),
            false => Err(format!("{} is missing", program.display())),
        };
    }
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--package", "jelou-bridge", "--bins"]);
    build.current_dir(sources).stdin(Stdio::null());
    if let Some(target) = folder.parent() {
        build.arg("--target-dir").arg(target);
    }
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let status = build.status().await.map_err(|error| error.to_string())?;
    if status.success() {
        Ok(program)
    } else {
        Err("jelou-bridge could not be built".to_owned())
    }
}

/// A port on loopback that nobody listens on just now.
///
/// # Errors
/// What the operating system said.
pub fn free_port() -> Result<u16, String> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
    Ok(taken.local_addr().map_err(|e| e.to_string())?.port())
}

/// What is started: the program, its configuration, and where it writes its log.
#[derive(Clone, Debug)]
pub struct Program {
    /// The binary.
    pub path: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
    /// What it says goes here, one life after the other.
    pub log: PathBuf,
    /// Its level of logging.
    pub level: &'static str,
    /// What it is started by, with the words that come before the program's path: `strace` with its
    /// options, `ip netns exec NAME`. Empty: nothing. It must become the program or stand aside
    /// (`strace -D`), because signals go to the process that is started.
    pub before: Vec<String>,
    /// What is added to its environment.
    pub environment: Vec<(String, String)>,
    /// `host:port` of its admin listener, as configured.
    pub admin: String,
}

/// A running daemon. It is killed when this is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    /// `host:port` of its admin listener.
    pub admin: String,
}

impl Program {
    /// Starts it and does not wait until it is ready.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn spawn(&self) -> Result<Daemon, String> {
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.map_err(|error| error.to_string())?;
        let again = log.try_clone().map_err(|error| error.to_string())?;
        let path = self.path.display().to_string();
        let mut words = self.before.iter().chain([&path]);
        let mut command = Command::new(words.next().unwrap_or(&path));
        let child = command
            .args(words)
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .arg("run")
            .arg("--config")
            .arg(&self.config)
            .env("JELOU_BRIDGE_LOG", self.level)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(again)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", self.path.display()))?;
        Ok(Daemon {
            child,
            admin: self.admin.clone(),
        })
    }

    /// Starts it and waits until it is ready to accept.
    ///
    /// # Errors
    /// If it ended, or was not ready in time.
    pub async fn start(&self) -> Result<Daemon, String> {
        let mut daemon = self.spawn()?;
        daemon.ready().await?;
        Ok(daemon)
    }
}

impl Daemon {
    /// Waits until it is ready to accept.
    ///
    /// # Errors
    /// If it ended, or is not ready in time.
    pub async fn ready(&mut self) -> Result<(), String> {
        let ready = async {
            loop {
                if let Some(status) = self.has_ended() {
                    return Err(format!("the daemon ended with {status}"));
                }
                if figures::status(&self.admin, "/readyz").await == Some(200) {
                    return Ok(());
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        let ready = tokio::time::timeout(READY_WITHIN, ready).await;
        ready.map_err(|_| format!("the daemon was not ready within {READY_WITHIN:?}"))?
    }

    /// How it ended, if it did.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// SIGKILL, and waits until the process is gone.
    ///
    /// # Errors
    /// What the operating system said.
    pub async fn kill(mut self) -> Result<(), String> {
        self.child.kill().await.map_err(|error| error.to_string())
    }

    /// Its process id; none once it ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends a signal by its name, such as `TERM`.
    ///
    /// # Errors
    /// What `kill` said.
    pub async fn signal(&self, name: &str) -> Result<(), String> {
        let pid = self.child.id().ok_or("the daemon is gone")?;
        let sent = Command::new("kill")
            .args(["-s", name, &pid.to_string()])
            .status()
            .await
            .map_err(|error| error.to_string())?;
        if sent.success() {
            Ok(())
        } else {
            Err(format!("kill -s {name} ended with {sent}"))
        }
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// If it does not in time.
    pub async fn ended(&mut self, within: Duration) -> Result<ExitStatus, String> {
        let ended = tokio::time::timeout(within, self.child.wait()).await;
        let ended = ended.map_err(|_| format!("the daemon did not end within {within:?}"))?;
        ended.map_err(|error| error.to_string())
    }

    /// SIGTERM, and how it ended.
    ///
    /// # Errors
    /// If it is not down in time.
    pub async fn terminate(mut self) -> Result<ExitStatus, String> {
        self.signal("TERM").await?;
        self.ended(STOPS_WITHIN).await
    }
}
