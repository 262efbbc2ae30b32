//! Who must be at work, and is. Neighbours: app, which names them and gives each its [`Working`];
//! `/readyz`, which asks.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The workers without whom the daemon is not ready. Clones speak of the same ones.
#[derive(Clone, Debug)]
pub struct Workers(Arc<Mutex<BTreeMap<&'static str, bool>>>);

impl Workers {
    /// These are expected; none has begun yet.
    #[must_use]
    pub fn new(names: &[&'static str]) -> Self {
        let none = names.iter().map(|name| (*name, false)).collect();
        Self(Arc::new(Mutex::new(none)))
    }

    /// A worker begins. It is at work until what this returns is dropped, as it is when its task
    /// ends in whatever way.
    #[must_use]
    pub fn begin(&self, name: &'static str) -> Working {
        self.locked().insert(name, true);
        Working {
            all: self.clone(),
            name,
        }
    }

    /// Each worker, and whether it is at work.
    pub(super) fn all(&self) -> BTreeMap<&'static str, bool> {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<&'static str, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker at work.
#[derive(Debug)]
pub struct Working {
    all: Workers,
    name: &'static str,
}

impl Drop for Working {
    fn drop(&mut self) {
        self.all.locked().insert(self.name, false);
    }
}
