//! What the Sweep last recorded of each ticket whose listing has no version. Neighbour: `sweep`.
//!
//! Without a version, a state that comes back (open, solved, open again) looks like one recorded
//! long ago; held against the latest record alone, it is seen as the change it is. What lay between may
//! have been told by another: by a webhook, or by the answer to a write of ours. So what was recorded
//! counts as known only as long as the ticket's Lane has seen nothing else since.

use bridge_core::time::Timestamp;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Tickets remembered. When they are more, all are forgotten: at worst each is recorded once more,
/// and the rules find nothing new in it.
const TICKETS_MAX: usize = 50_000;

/// The latest record of each ticket, by bridge and ticket: what it held, and when it was read.
#[derive(Debug, Default)]
pub struct Listed(Mutex<HashMap<String, (String, Timestamp)>>);

/// A ticket as it was just listed.
pub(super) struct Finding<'a> {
    /// Its bridge and its id.
    pub ticket: &'a str,
    /// What it holds, as a hash.
    pub digest: &'a str,
    /// When the listing began.
    pub begun: Timestamp,
    /// When the ticket's Lane last saw it, by whatever told it; `None` if no Lane had it.
    pub seen_at: Option<Timestamp>,
}

impl Listed {
    /// Whether this is what was last recorded, and what the Lane saw last.
    pub(super) fn is_known(&self, found: &Finding<'_>) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(found.ticket).is_some_and(|(last, read_at)| {
            last == found.digest && found.seen_at.is_none_or(|seen| seen == *read_at)
        })
    }

    /// It was recorded, and counts as known from now on. Said only once it is on disk: what the store refused
    /// must be recorded by the next round.
    pub(super) fn remember(&self, found: &Finding<'_>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= TICKETS_MAX {
            known.clear();
        }
        let latest = (found.digest.to_owned(), found.begun);
        known.insert(found.ticket.to_owned(), latest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The n-th second's listing of a ticket, and when its Lane last saw it. What is not known is recorded.
    fn is_known(listed: &Listed, ticket: &str, digest: &str, at: i64, seen: Option<i64>) -> bool {
        let found = Finding {
            ticket,
            digest,
            begun: Timestamp(at),
            seen_at: seen.map(Timestamp),
        };
        let known = listed.is_known(&found);
        if !known {
            listed.remember(&found);
        }
        known
    }

    #[test]
    fn a_state_that_comes_back_is_a_change_again() {
        let listed = Listed::default();
        assert!(!is_known(&listed, "main/7", "open", 1, None));
        assert!(is_known(&listed, "main/7", "open", 2, None));
        assert!(!is_known(&listed, "main/7", "solved", 3, None));
        assert!(!is_known(&listed, "main/7", "open", 4, None));
        assert!(!is_known(&listed, "main/8", "open", 5, None));
    }

    /// Found by the simulator, history 1114724: the bridge set a ticket to pending, an automation set it
    /// back at once, that webhook was lost, and each listing looked like the one before.
    #[test]
    fn a_state_that_comes_back_after_somebody_else_told_of_another_is_a_change_too() {
        let listed = Listed::default();
        assert!(!is_known(&listed, "main/7", "open", 1, None));
        assert!(is_known(&listed, "main/7", "open", 2, Some(1)));
        assert!(!is_known(&listed, "main/7", "open", 4, Some(3)));
        assert!(is_known(&listed, "main/7", "open", 5, Some(4)));
    }
}
