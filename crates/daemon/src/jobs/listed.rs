//! What the Sweep last recorded of each ticket whose listing has no version. Neighbour: `sweep`.
//!
//! Without a version, a state that comes back (open, solved, open again) looks like one recorded
//! long ago; held against the latest record alone, it is seen as the change it is.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Tickets remembered. When they are more, all are forgotten: at worst each is recorded once more,
/// and the rules find nothing new in it.
const TICKETS_MAX: usize = 50_000;

/// The latest record of each ticket, by bridge and ticket.
#[derive(Debug, Default)]
pub struct Listed(Mutex<HashMap<String, String>>);

impl Listed {
    /// Whether this is what was last recorded; if not, it is from now on.
    pub(super) fn is_known(&self, ticket: &str, digest: &str) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(ticket).is_some_and(|last| last == digest) {
            return true;
        }
        if known.len() >= TICKETS_MAX {
            known.clear();
        }
        known.insert(ticket.to_owned(), digest.to_owned());
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_comes_back_is_a_change_again() {
        let listed = Listed::default();
        assert!(!listed.is_known("main/7", "open"));
        assert!(listed.is_known("main/7", "open"));
        assert!(!listed.is_known("main/7", "solved"));
        assert!(!listed.is_known("main/7", "open"));
        assert!(!listed.is_known("main/8", "open"));
    }
}
