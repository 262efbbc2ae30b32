//! The stories on SQLite. Neighbour: `in_memory`, the same ones.

#![allow(clippy::duplicate_mod, reason = "the stories are meant twice")]

#[path = "acts.rs"]
mod acts;
#[path = "beginning.rs"]
mod beginning;
#[path = "claiming.rs"]
mod claiming;
#[path = "committing.rs"]
mod committing;
#[path = "halting.rs"]
mod halting;
#[path = "joining.rs"]
mod joining;
#[path = "keeping.rs"]
mod keeping;
#[path = "looking.rs"]
mod looking;
#[path = "parking.rs"]
mod parking;
#[path = "recording.rs"]
mod recording;
#[path = "routing.rs"]
mod routing;
#[path = "talking.rs"]
mod talking;

pub use super::*;
pub use crate::store::Store;
use crate::store::{Changes, Claim, ClaimedLane, Options, Received, Routed};
use bridge_core::ids::{DeliveryId, LaneId};
use std::ops::Deref;

/// A store on a disk of its own, gone when the story ends.
pub struct Fresh {
    store: Store,
    pub url: String,
    _folder: tempfile::TempDir,
}

impl Deref for Fresh {
    type Target = Store;
    fn deref(&self) -> &Store {
        &self.store
    }
}

pub async fn fresh() -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("bridge.db").display());
    Fresh {
        store: open(&url).await,
        url,
        _folder: folder,
    }
}

pub async fn open(url: &str) -> Store {
    let options = Options {
        migrate: true,
        create: true,
    };
    Store::open(url, options).await.unwrap()
}

impl Fresh {
    /// The process ends, and another one opens what it left.
    pub async fn restarted(mut self) -> Self {
        self.restart().await;
        self
    }

    pub async fn restart(&mut self) {
        self.store.close().await;
        self.store = open(&self.url).await;
    }
}
