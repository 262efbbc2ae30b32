//! Whose turn it is on one connection. Neighbours: `listen`, which tells when a request begins and
//! ends; `socket`, which asks how long the client may still take.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

/// Shared between a connection's bytes and its requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Turn(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// How often the turn has passed: even while the client is to send a head, odd while we answer.
    passed: AtomicU32,
    /// Whether a request was answered with a success.
    welcome: AtomicBool,
    /// Whether there was room for silent clients when the last one was answered.
    roomy: AtomicBool,
}

impl Turn {
    /// A request's head is there; it is ours to answer.
    pub(super) fn begins(&self) {
        self.0.passed.fetch_add(1, Ordering::Relaxed);
    }

    /// It was answered, with a success or not, and there is room for silent clients or not.
    pub(super) fn ends(&self, success: bool, roomy: bool) {
        self.0.welcome.fetch_or(success, Ordering::Relaxed);
        self.0.roomy.store(roomy, Ordering::Relaxed);
        self.0.passed.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the turn has passed.
    pub(super) fn passed(&self) -> u32 {
        self.0.passed.load(Ordering::Relaxed)
    }

    /// Whether the client may be silent before its next request: a sender of whom something was taken
    /// may, also after a 503. Who has proven nothing yet may not, nor may anybody while places are
    /// short, or silence would be a cheap way to take them all.
    pub(super) fn may_be_silent(&self) -> bool {
        self.0.welcome.load(Ordering::Relaxed) && self.0.roomy.load(Ordering::Relaxed)
    }
}

/// Whether it is the client's turn after so many passes.
pub(super) fn is_clients(passed: u32) -> bool {
    passed.is_multiple_of(2)
}
