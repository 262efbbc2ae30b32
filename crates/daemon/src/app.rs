//! Puts the parts together: the order in which they start, and the order in which they stop.
//! Neighbours: `cli`, which calls it; everything else in this crate, which it starts.
//!
//! Start: config, database, gates as stored, listeners, workers. Stop: no new webhooks, no new
//! Claims, no new calls under those at work, calls in flight end, the database is closed last.

use crate::{
    api, begin, clock,
    config::{self, Config, LoadError, Variables},
    gate::Gate,
    http::{
        self,
        admin::{Admin, Workers, Working},
        ingest::{Hold, Ingest},
        listen::{self, Limits},
    },
    jobs::{self, Jobs},
    metrics::Metrics,
    reload,
    runtime::Runtime,
    setup::rotate::Rotator,
    store::{GroupCommit, Options, Store, StoreError},
    telemetry,
};
use axum::{Extension, Router};
use bridge_transport::Transport;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{broadcast, watch},
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;

/// Everything is down this long after SIGTERM, whatever hangs.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// The word in `/readyz` for the workers.
const WORKERS: &str = "workers";

/// The version in the build information and in `--version`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why the daemon did not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration is missing or wrong.
    #[error(transparent)]
    Config(#[from] LoadError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An address to listen on.
    #[error("cannot listen on {address}: {reason}. Stop what listens there, or change {key}")]
    Listen {
        /// The address.
        address: String,
        /// The key in the configuration.
        key: &'static str,
        /// What the operating system said.
        reason: String,
    },
    /// What a checked configuration cannot have wrong, or the operating system refuses.
    #[error("{0}")]
    Environment(String),
}

/// What `run` was asked.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The configuration file.
    pub config: PathBuf,
    /// Whether the database's tables are brought up to date first.
    pub migrate: bool,
}

/// A running daemon.
pub struct Running {
    /// Where webhooks are taken.
    pub listen: std::net::SocketAddr,
    /// Where metrics, health and the API are.
    pub admin: std::net::SocketAddr,
    /// What its jobs work with.
    pub jobs: Jobs,
    stop: watch::Sender<bool>,
    workers_dead: watch::Receiver<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// [`AppError`] if it could not start.
pub async fn run(options: RunOptions) -> Result<(), AppError> {
    let config = config::load(&options.config)?;
    let variables = Variables::of_this_process();
    let level = variables
        .get("JELOU_BRIDGE_LOG")
        .or_else(|| variables.get("RUST_LOG"));
    telemetry::init(config.log, level).map_err(|error| AppError::Environment(error.to_string()))?;
    let mut signals = reload::Signals::new().map_err(|e| AppError::Environment(e.to_string()))?;
    let running = start(config, &options, Some(options.config.clone())).await?;
    tracing::info!(listen = %running.listen, admin = %running.admin, version = VERSION, "The bridge is up");
    let mut workers_dead = running.workers_dead.clone();
    let died = tokio::select! {
        () = signals.stop() => false,
        died = workers_dead.wait_for(|dead| *dead) => died.is_ok(),
    };
    tracing::info!("Stopping: no new webhooks, calls in flight end");
    running.stop().await;
    tracing::info!("Stopped");
    if died {
        return Err(AppError::Environment(
            "the bridge could not go on; the log says why. Mend that, then start again".to_owned(),
        ));
    }
    Ok(())
}

/// Starts all parts with a checked configuration. `watched` is the file to reload from.
///
/// # Errors
/// [`AppError`]; then nothing is left running.
pub async fn start(
    config: Config,
    options: &RunOptions,
    watched: Option<PathBuf>,
) -> Result<Running, AppError> {
    let ingest = bind(config.server.listen, "server.listen").await?;
    let admin = bind(config.server.admin_listen, "server.admin_listen").await?;
    let addresses = (local(&ingest)?, local(&admin)?);
    let opening = Options {
        migrate: options.migrate,
        create: true,
    };
    let (jobs, transport, runtimes) = prepare(config, opening).await?;
    begin::begin(&jobs.store, &runtimes.borrow().clone(), &jobs.metrics).await?;
    tell_halts(&jobs).await?;
    crate::setup::words::learn(&runtimes.borrow());
    crate::setup::myself::ask(&runtimes.borrow());
    let (stop, stopped) = watch::channel(false);
    let (dead, workers_dead) = watch::channel(false);
    let (configs, _) = watch::channel(Arc::clone(&runtimes.borrow().config));
    let workers = Workers::new(&[WORKERS]);
    let (reload, asks) = reload::asking();
    let (public, private) = routers(&jobs, &configs, workers.clone(), reload);
    let limits = Limits::default();
    let mut tasks = vec![
        tokio::spawn(listen::serve(ingest, public, limits, stopped.clone())),
        tokio::spawn(listen::serve(
            admin,
            private,
            limits.without_silence(),
            stopped.clone(),
        )),
        tokio::spawn(count_commits(
            jobs.store.commits(),
            jobs.metrics.clone(),
            stopped.clone(),
        )),
        tokio::spawn(look_through(
            jobs.store.clone(),
            stopped.clone(),
            dead.clone(),
        )),
        tokio::spawn(work(
            jobs.clone(),
            workers.begin(WORKERS),
            stopped.clone(),
            dead,
        )),
    ];
    let reloader = reload::Reloader {
        jobs: jobs.clone(),
        transport,
        runtimes,
        configs,
        asks,
    };
    if let Some(path) = watched {
        tasks.push(tokio::spawn(reloader.watch(path, stopped)));
    } else {
        tasks.push(tokio::spawn(reloader.keep(stopped)));
    }
    Ok(Running {
        listen: addresses.0,
        admin: addresses.1,
        jobs,
        stop,
        workers_dead,
        tasks,
    })
}

/// A safety halt outlives the process, and so does what it holds: the alarm rang in an earlier log.
async fn tell_halts(jobs: &Jobs) -> Result<(), StoreError> {
    for halt in api::halt::on(jobs, None).await? {
        let (held, operation) = (halt.held, &halt.operation);
        tracing::warn!(bridge = %halt.bridge, operation = %operation, held, "The safety halt is on and holds {held} {operation} writes until `halt release`");
    }
    Ok(())
}

/// What the two listeners answer: webhooks, and the operator.
fn routers(
    jobs: &Jobs,
    configs: &watch::Sender<Arc<Config>>,
    workers: Workers,
    reload: reload::Asker,
) -> (Router, Router) {
    let hold = Hold::default();
    let public = Ingest::new(
        jobs.store.clone(),
        configs.subscribe(),
        jobs.metrics.clone(),
        hold.clone(),
    );
    let rotator = Rotator {
        hold,
        runtime: jobs.runtime.clone(),
        reload,
    };
    let operations = Router::new()
        .nest(api::MOUNT, api::router(jobs.clone()))
        .layer(Extension(rotator));
    let private = Admin {
        store: jobs.store.clone(),
        config: configs.subscribe(),
        metrics: jobs.metrics.clone(),
        workers,
    };
    (
        http::ingest::router(public),
        http::admin::router(private, operations),
    )
}

/// Puts the store's group commits on the metrics page.
async fn count_commits(
    mut commits: broadcast::Receiver<GroupCommit>,
    metrics: Metrics,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let told = tokio::select! {
            told = commits.recv() => told,
            _ = stopped.changed() => return,
        };
        match told {
            Ok(commit) => metrics.store_commit(commit.members, commit.took),
            // Figures of a burst may be missing; the next ones count.
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// A large database is served before all of it was looked through. Where it turns out to be damaged,
/// it is served no longer.
async fn look_through(store: Store, mut stopped: watch::Receiver<bool>, dead: watch::Sender<bool>) {
    let looked = tokio::select! {
        looked = store.look_through() => looked,
        _ = stopped.changed() => return,
    };
    match looked {
        Ok(()) => {}
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::error!(%error, "The database is damaged: {error}");
            let _ = dead.send(true);
        }
        Err(error) => tracing::warn!(%error, "The database could not be looked through: {error}"),
    }
}

/// Without its workers the daemon only gathers webhooks: their end is the end of the process.
async fn work(
    jobs: Jobs,
    _working: Working,
    stopped: watch::Receiver<bool>,
    dead: watch::Sender<bool>,
) {
    let stopping = Arc::clone(&jobs.stopping);
    let ended = jobs::run(jobs, stopped.clone()).await;
    if let Err(error) = ended {
        tracing::error!(%error, "The workers ended badly");
    }
    stopping.store(true, Ordering::Relaxed);
    if !*stopped.borrow() {
        let _ = dead.send(true);
    }
}

/// Opens the database as it is and makes what jobs work with, without starting anything: for
/// commands that run while no daemon does. Looking is no beginning: nothing is made, migrated or
/// turned live by it.
///
/// # Errors
/// [`AppError`]; [`StoreError::Locked`] when a daemon holds the database, [`StoreError::Missing`]
/// when there is none.
pub async fn offline(config: Config) -> Result<Jobs, AppError> {
    let opening = Options {
        migrate: false,
        create: false,
    };
    prepare(config, opening).await.map(|(jobs, _, _)| jobs)
}

async fn prepare(
    config: Config,
    opening: Options,
) -> Result<(Jobs, Transport, watch::Sender<Arc<Runtime>>), AppError> {
    let transport =
        Transport::new(clock::now).map_err(|error| AppError::Environment(error.to_string()))?;
    let store = Store::open(&config.database_url, opening).await?;
    let config = Arc::new(config);
    let gate = Arc::new(Gate::default());
    let runtime = Runtime::build(Arc::clone(&config), &transport, &gate)
        .map_err(|error| AppError::Environment(error.to_string()))?;
    let now = clock::now();
    for pause in store.pauses().await? {
        gate.restore(&pause.key, pause.wait, now);
    }
    let metrics = Metrics::new(VERSION);
    let (runtimes, runtime) = watch::channel(Arc::new(runtime));
    let stopping = Arc::new(AtomicBool::new(false));
    let pausing = Arc::new(AtomicBool::new(false));
    let jobs = Jobs {
        store,
        runtime,
        gate,
        metrics,
        listed: Arc::default(),
        reports: Arc::default(),
        pausing,
        stopping,
        orders: TaskTracker::new(),
    };
    Ok((jobs, transport, runtimes))
}

async fn bind(address: std::net::SocketAddr, key: &'static str) -> Result<TcpListener, AppError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| AppError::Listen {
            address: address.to_string(),
            key,
            reason: error.to_string(),
        })
}

fn local(listener: &TcpListener) -> Result<std::net::SocketAddr, AppError> {
    listener
        .local_addr()
        .map_err(|error| AppError::Environment(error.to_string()))
}

impl Running {
    /// Stops all parts in their order, within ten seconds.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let all = async {
            for task in self.tasks {
                let _ = task.await;
            }
            self.jobs.orders.close();
            self.jobs.orders.wait().await;
            self.jobs.store.close().await;
        };
        if tokio::time::timeout(STOP_WITHIN, all).await.is_err() {
            tracing::warn!("Not everything ended in time; what was claimed is taken over later");
        }
    }
}
