//! Webhooks held back in memory while the secret that signs them is exchanged. Neighbours: `setup`,
//! which exchanges it; `ingest`, whose requests wait here.
//!
//! From the instant Jelou has made a new secret until we know it, its webhooks cannot be told from
//! forged ones. So what is signed by an unknown secret, and proven in all else, waits for the new
//! one. What is not even signed is refused as always, and the place for those who wait is bounded.

use bridge_core::{ids::BridgeName, text::Text};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Deliveries that wait at once. Jelou sends a few a second to a busy project; an exchange takes
/// less than one.
pub const HELD_MAX: usize = 1024;

/// Bytes of their bodies, over all: a few thousand webhooks as they are, or sixteen as large as they
/// may be.
pub const HELD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The exchanges under way. Clones speak of the same ones.
#[derive(Clone, Debug)]
pub struct Hold(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bridges: Mutex<BTreeMap<BridgeName, Exchange>>,
    changed: watch::Sender<()>,
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Exchange {
    open: bool,
    /// What Jelou told and the configuration does not have yet.
    fresh: Vec<Text>,
    held: Arc<AtomicU64>,
}

/// An exchange under way; it ends when this is dropped, and those who wait look once more.
#[derive(Debug)]
pub struct Open {
    hold: Hold,
    bridge: BridgeName,
    held: Arc<AtomicU64>,
}

/// A place among those who wait.
#[derive(Debug)]
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Default for Hold {
    fn default() -> Self {
        Self(Arc::new(Inner {
            bridges: Mutex::default(),
            changed: watch::Sender::new(()),
            places: Arc::new(Semaphore::new(HELD_MAX)),
            bytes: Arc::new(Semaphore::new(HELD_BYTES_MAX)),
        }))
    }
}

impl Hold {
    /// An exchange begins; `None` while one of this bridge is under way.
    #[must_use]
    pub fn begin(&self, bridge: &BridgeName) -> Option<Open> {
        let mut bridges = self.locked();
        let exchange = bridges.entry(bridge.clone()).or_default();
        if exchange.open {
            return None;
        }
        exchange.open = true;
        exchange.held = Arc::default();
        Some(Open {
            hold: self.clone(),
            bridge: bridge.clone(),
            held: Arc::clone(&exchange.held),
        })
    }

    /// Whether an exchange of this bridge is under way, and the secrets that only memory knows.
    pub(super) fn look(&self, bridge: &BridgeName) -> (bool, Vec<Text>) {
        let bridges = self.locked();
        bridges
            .get(bridge)
            .map_or_else(Default::default, |exchange| {
                (exchange.open, exchange.fresh.clone())
            })
    }

    /// Told whenever an exchange moves on. Asked for before looking, it misses nothing.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.0.changed.subscribe()
    }

    /// A place to wait with a body of so many bytes, if there is one.
    pub(super) fn place(&self, bridge: &BridgeName, bytes: usize) -> Option<Place> {
        let place = Arc::clone(&self.0.places).try_acquire_owned().ok()?;
        let bytes = u32::try_from(bytes).ok()?;
        let bytes = Arc::clone(&self.0.bytes)
            .try_acquire_many_owned(bytes)
            .ok()?;
        if let Some(exchange) = self.locked().get(bridge) {
            exchange.held.fetch_add(1, Ordering::Relaxed);
        }
        Some(Place {
            _place: place,
            _bytes: bytes,
        })
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<BridgeName, Exchange>> {
        self.0
            .bridges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, bridge: &BridgeName, change: impl FnOnce(&mut Exchange)) {
        if let Some(exchange) = self.locked().get_mut(bridge) {
            change(exchange);
        }
        self.0.changed.send_replace(());
    }
}

impl Open {
    /// This secret is accepted from now on, until the configuration has it.
    pub fn accept(&self, secret: Text) {
        self.hold
            .change(&self.bridge, |exchange| exchange.fresh.insert(0, secret));
    }

    /// The configuration has it.
    pub fn is_in_force(&self) {
        self.hold
            .change(&self.bridge, |exchange| exchange.fresh.clear());
    }

    /// How many deliveries waited so far.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.hold
            .change(&self.bridge, |exchange| exchange.open = false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn main() -> BridgeName {
        BridgeName::parse("main").unwrap()
    }

    #[test]
    fn who_waits_can_fill_neither_the_places_nor_the_memory() {
        let hold = Hold::default();
        let _open = hold.begin(&main()).unwrap();
        let large = 1024 * 1024;
        let waiting: Vec<_> = (0..HELD_BYTES_MAX / large)
            .map(|_| hold.place(&main(), large).unwrap())
            .collect();
        assert!(hold.place(&main(), 1).is_none(), "no byte more");
        drop(waiting);
        let waiting: Vec<_> = (0..HELD_MAX)
            .map(|_| hold.place(&main(), 0).unwrap())
            .collect();
        assert!(hold.place(&main(), 0).is_none(), "no place more");
        drop(waiting);
        assert!(hold.place(&main(), large).is_some(), "who went made room");
    }

    #[test]
    fn one_exchange_at_a_time_and_what_it_told_outlives_it_until_it_is_in_force() {
        let hold = Hold::default();
        let open = hold.begin(&main()).unwrap();
        assert!(hold.begin(&main()).is_none());
        open.accept(Text::from("new"));
        drop(open);
        let (is_open, fresh) = hold.look(&main());
        assert!(!is_open);
        assert_eq!(fresh.len(), 1, "its file could not be read: memory has it");
        let next = hold.begin(&main()).unwrap();
        next.is_in_force();
        assert!(hold.look(&main()).1.is_empty());
    }
}
