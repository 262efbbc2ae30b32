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
    sync::{mpsc, oneshot, watch},
};

/// The file's time is looked at this often; a change is in force within two seconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long who asks for a reload waits for it.
const RELOADED_WITHIN: Duration = Duration::from_secs(10);

/// Questions for a reload that wait at once; the set-up alone asks, once for each bridge at most.
const ASKS_MAX: usize = 16;

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

type Answer = oneshot::Sender<Result<(), String>>;

/// Asks for a reload from within. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Asker(mpsc::Sender<Answer>);

/// Where those questions come in.
#[derive(Debug)]
pub struct Asks(mpsc::Receiver<Answer>);

/// The two ends of that way.
#[must_use]
pub fn asking() -> (Asker, Asks) {
    let (asker, asks) = mpsc::channel(ASKS_MAX);
    (Asker(asker), Asks(asks))
}

impl Asker {
    /// Reads the configuration anew, and returns when it is in force.
    ///
    /// # Errors
    /// Why the old one stays, in a sentence.
    pub async fn reload(&self) -> Result<(), String> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.0.send(answer).await.ok()?;
            answered.await.ok()
        };
        match tokio::time::timeout(RELOADED_WITHIN, asked).await {
            Ok(Some(done)) => done,
            Ok(None) => Err("the daemon is stopping".to_owned()),
            Err(_) => Err(format!(
                "it took longer than {} s",
                RELOADED_WITHIN.as_secs()
            )),
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
    /// Who in this process wants it read anew.
    pub asks: Asks,
}

impl Reloader {
    /// Reloads on SIGHUP, when the file or a file of signing secrets changes, and when asked, until
    /// `stopped`.
    pub async fn watch(mut self, path: PathBuf, mut stopped: watch::Receiver<bool>) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else {
            tracing::error!("SIGHUP cannot be listened to; the configuration is not reloaded");
            return;
        };
        let mut seen = self.changed_at(&path);
        loop {
            let mut answer = None;
            let asked = tokio::select! {
                _ = hangup.recv() => true,
                Some(asker) = self.asks.0.recv() => {
                    answer = Some(asker);
                    true
                }
                () = tokio::time::sleep(LOOK_EVERY) => false,
                _ = stopped.changed() => return,
            };
            let now = self.changed_at(&path);
            if asked || now != seen {
                seen = now;
                let reloaded = self.reload(&path).await;
                if let Some(answer) = answer {
                    // Who asked may be gone; it is in force all the same.
                    let _ = answer.send(reloaded);
                }
            }
        }
    }

    /// When the files that a configuration is made of changed. The daemon itself, or the set-up
    /// beside it, writes those of signing secrets.
    fn changed_at(&self, path: &Path) -> Vec<Option<SystemTime>> {
        let runtime = self.runtimes.borrow();
        let bridges = runtime.config.bridges.values();
        let files = bridges.flat_map(|b| [&b.jelou.secret_file, &b.ticketing_secret_file]);
        let secrets = files.filter_map(Option::as_deref);
        [path].into_iter().chain(secrets).map(changed_at).collect()
    }

    /// Keeps what was configured at the start, until `stopped`.
    pub async fn keep(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                Some(asker) = self.asks.0.recv() => {
                    let _ = asker.send(Err("it was started without a file".to_owned()));
                }
                _ = stopped.changed() => return,
            }
        }
    }

    async fn reload(&self, path: &Path) -> Result<(), String> {
        let taken = self.take(path).await;
        match &taken {
            Ok(()) => tracing::info!("The changed configuration is in force"),
            Err(reason) => tracing::error!(
                "The changed configuration is refused and the old one stays: {reason}"
            ),
        }
        self.jobs.metrics.config_reload(taken.is_ok());
        taken
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
        let runtime = Runtime::build(Arc::clone(&config), &self.transport, &self.jobs.gate)
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
        crate::setup::words::learn(&runtime);
        crate::setup::myself::ask(&runtime);
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
