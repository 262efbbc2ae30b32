//! A changed configuration comes into force while the daemon runs: atomically, or not at all.
//! Neighbour: `app`, which starts it.

use crate::{
    begin,
    config::{self, Config},
    jobs::Jobs,
    runtime::Runtime,
};
use bridge_transport::Transport;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// The file's time is looked at this often; a change is in force within two seconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Claims at work end within this, as no call may take longer; what does not is taken over later.
const CLAIMS_WITHIN: Duration = Duration::from_secs(15);

/// How often it is asked whether they have.
const CLAIMS_LOOK: Duration = Duration::from_millis(50);

/// The signals that end the daemon.
pub struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// Listens from now on, so that a signal during the start is not lost.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them.
    pub async fn stop(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// Brings a new configuration into force.
pub struct Reloader {
    /// What jobs work with.
    pub jobs: Jobs,
    /// What new clients send through.
    pub transport: Transport,
    /// The bridges in force.
    pub runtimes: watch::Sender<Arc<Runtime>>,
    /// The configuration in force.
    pub configs: watch::Sender<Arc<Config>>,
}

impl Reloader {
    /// Reloads on SIGHUP and when the file changes, until `stopped`.
    pub async fn watch(self, path: PathBuf, mut stopped: watch::Receiver<bool>) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else {
            tracing::error!("SIGHUP cannot be listened to; the configuration is not reloaded");
            return;
        };
        let mut seen = changed_at(&path);
        loop {
            let asked = tokio::select! {
                _ = hangup.recv() => true,
                () = tokio::time::sleep(LOOK_EVERY) => false,
                _ = stopped.changed() => return,
            };
            let now = changed_at(&path);
            if asked || now != seen {
                seen = now;
                self.reload(&path).await;
            }
        }
    }

    /// Keeps what was configured at the start, until `stopped`.
    pub async fn keep(self, mut stopped: watch::Receiver<bool>) {
        let _ = stopped.changed().await;
    }

    async fn reload(&self, path: &Path) {
        let taken = match self.take(path).await {
            Ok(()) => {
                tracing::info!("The changed configuration is in force");
                true
            }
            Err(reason) => {
                tracing::error!(
                    "The changed configuration is refused and the old one stays: {reason}"
                );
                false
            }
        };
        self.jobs.metrics.config_reload(taken);
    }

    async fn take(&self, path: &Path) -> Result<(), String> {
        let config = Arc::new(config::load(path).map_err(|error| error.to_string())?);
        let old = Arc::clone(&self.runtimes.borrow().config);
        if config.server.listen != old.server.listen
            || config.server.admin_listen != old.server.admin_listen
            || config.database_url != old.database_url
        {
            return Err(
                "server.listen, server.admin_listen and database.url take a restart".to_owned(),
            );
        }
        let runtime = Runtime::build(Arc::clone(&config), &self.transport)
            .map_err(|error| error.to_string())?;
        let turned = old.bridges.iter().any(|(name, before)| {
            let now = config.bridges.get(name);
            now.is_some_and(|now| now.mode != before.mode)
        });
        let _pause = if turned {
            Some(self.let_claims_end().await)
        } else {
            None
        };
        begin::begin(&self.jobs.store, &runtime, &self.jobs.metrics)
            .await
            .map_err(|error| error.to_string())?;
        let names: Vec<_> = runtime.bridges.keys().cloned().collect();
        let _ = self.runtimes.send(Arc::new(runtime));
        let _ = self.configs.send(config);
        self.jobs.gate.ask_again(crate::clock::now());
        for name in names {
            // A changed mapping may want something of Lanes that nothing else would wake.
            let wake = crate::store::Wake::Bridge(name);
            self.jobs
                .store
                .wake(wake, crate::clock::now())
                .await
                .map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}

impl Reloader {
    /// A bridge turns between observing and live: what is at work ends under the old mode first, so
    /// that nothing of it is written behind the new beginning (rule 17).
    async fn let_claims_end(&self) -> Pause<'_> {
        let pause = Pause::begin(&self.jobs.pausing);
        let give_up = tokio::time::Instant::now() + CLAIMS_WITHIN;
        while tokio::time::Instant::now() < give_up {
            tokio::time::sleep(CLAIMS_LOOK).await;
            let counts = self.jobs.store.counts(crate::clock::now()).await;
            if counts.is_ok_and(|counts| counts.lanes_claimed == 0) {
                break;
            }
        }
        pause
    }
}

/// No Lane is claimed while this is held.
struct Pause<'a>(&'a AtomicBool);

impl<'a> Pause<'a> {
    fn begin(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::Relaxed);
        Self(flag)
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}
