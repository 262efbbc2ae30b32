//! The store on SQLite: one writing connection with group commit, readers apart. Neighbours:
//! `engine` owns the writer; `open` makes it all; the other files are one theme each.

mod aside;
mod begin;
mod claim;
mod commit;
mod counts;
mod cursor;
mod customer;
mod engine;
mod halt;
mod integrity;
mod join;
mod links;
mod load;
mod load_talk;
mod open;
mod parked;
mod prune;
mod record;
mod route;
mod row;
mod set_back;
mod sweep;
mod timeline;
mod waiting;
mod wake;

#[cfg(test)]
mod tests;

pub use engine::GroupCommit;
pub use open::Options;

use super::error::StoreError;
use engine::Engine;
use sqlx::SqlitePool;
use std::sync::{Arc, Mutex};
use tokio::{sync::watch, task::JoinHandle};

/// What the bridge knows, on disk. Clones share one writer.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    readers: SqlitePool,
    /// This process, for Claims.
    owner: Arc<str>,
    clock: Arc<set_back::Clock>,
    work: watch::Receiver<u64>,
    running: Arc<Mutex<Option<JoinHandle<()>>>>,
    migrated: usize,
    /// The file, where it was too large to be looked through before it was served.
    unseen: Option<std::path::PathBuf>,
}

impl Store {
    /// Changes with each commit that made something due, and never misses one: wait on it, then
    /// claim.
    #[must_use]
    pub fn work(&self) -> watch::Receiver<u64> {
        self.work.clone()
    }

    /// Tells of each group commit from now on: for the metrics.
    #[must_use]
    pub fn commits(&self) -> tokio::sync::broadcast::Receiver<GroupCommit> {
        self.engine.commits()
    }

    /// How many migrations were applied when it was opened.
    #[must_use]
    pub fn migrated(&self) -> usize {
        self.migrated
    }

    /// Writes what is queued, then closes the file and lets go of its lock. Later calls, of any
    /// clone, are answered [`StoreError::Closed`].
    pub async fn close(&self) {
        // The writer last: only the last connection, and only a writing one, folds the log into
        // the file.
        self.readers.close().await;
        self.engine.stop().await;
        let running = match self.running.lock() {
            Ok(mut running) => running.take(),
            Err(poisoned) => poisoned.into_inner().take(),
        };
        if let Some(running) = running
            && let Err(error) = running.await
        {
            tracing::error!(%error, "The store's engine ended badly");
        }
    }

    /// Whether the database can be read and written now: the readiness of the process.
    ///
    /// # Errors
    /// What the database said.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.set_meta("checked", "1").await?;
        self.meta("checked").await.map(|_| ())
    }
}
