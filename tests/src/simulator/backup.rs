//! A backup of the store, which is made now and then and restored later, while both remotes went on.
//! Neighbours: `acts`, which call for it; the judge, which knows what it may have forgotten.

use super::{fault::Fault, world::World};
use bridge_core::{
    ids::{LinkId, TicketId},
    time::Timestamp,
};
use jelou_bridge::store::memory::Memory;
use std::collections::BTreeSet;

/// The store as of some time ago.
#[derive(Clone)]
pub struct Backup {
    at: Timestamp,
    store: Memory,
    /// What the judge had seen be known of tickets by then.
    known_open: BTreeSet<(LinkId, TicketId)>,
}

impl World {
    /// A backup is made now and then, where one will be restored.
    pub fn keep_backup(&mut self, number: usize) {
        if self.faults.has(Fault::BackupRestored) && number % 4 == 1 {
            self.backup = Some(Backup {
                at: self.now,
                store: self.store.clone(),
                known_open: self.judge.known_open.clone(),
            });
        }
    }

    pub(super) fn restore_backup(&mut self) -> bool {
        let Some(backup) = self.backup.clone() else {
            return false;
        };
        let Backup {
            at,
            mut store,
            known_open,
        } = backup;
        for replica in 0..self.replicas.len() {
            self.crash(replica);
        }
        store.restored_over(&self.store);
        self.unrouted.retain(|_, about| about.is_none());
        self.store = store;
        let last = self.store.deliveries().last().map(|d| d.id);
        self.judge.restore(at, self.now, last);
        // What is known is what was known then (history 8636669).
        self.judge.known_open = known_open;
        true
    }
}
