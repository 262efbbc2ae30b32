//! Small memories: how far a listing was read, who takes no calls now, and the bridge's own notes.
//! Neighbour: `begin`, which forgets cursors.

use super::Memory;
use crate::store::types::Pause;
use bridge_core::{
    ids::BridgeName,
    time::{Timestamp, Wait},
};

impl Memory {
    /// A note of the bridge to itself.
    #[must_use]
    pub fn meta(&self, key: &str) -> Option<String> {
        self.notes.get(key).cloned()
    }

    /// Writes a note of the bridge to itself.
    pub fn set_meta(&mut self, key: &str, value: &str) {
        self.notes.insert(key.to_owned(), value.to_owned());
    }

    /// How far a listing was read, in the listing's own words.
    #[must_use]
    pub fn cursor(&self, bridge: &BridgeName, name: &str) -> Option<String> {
        self.cursors.get(bridge)?.get(name).cloned()
    }

    /// Moves a cursor.
    pub fn set_cursor(&mut self, bridge: &BridgeName, name: &str, value: &str) {
        let cursors = self.cursors.entry(bridge.clone()).or_default();
        cursors.insert(name.to_owned(), value.to_owned());
    }

    /// Who takes no calls before a moment. Some of it may lie in the past.
    #[must_use]
    pub fn pauses(&self) -> Vec<Pause> {
        self.pauses.values().cloned().collect()
    }

    /// Lets a host or credential take no calls until a moment; longer or shorter than before.
    pub fn pause(&mut self, key: &str, until: Timestamp, reason: &str, now: Timestamp) {
        let pause = Pause {
            key: key.to_owned(),
            wait: Wait { since: now, until },
            reason: reason.to_owned(),
        };
        self.pauses.insert(key.to_owned(), pause);
    }

    /// Moves the pauses that were asked for by a clock that was set back since, as the store on a
    /// disk does when it claims.
    pub fn pauses_follow_the_clock(&mut self, now: Timestamp) {
        for pause in self.pauses.values_mut() {
            pause.wait = pause.wait.follow_the_clock(now);
        }
    }

    /// Ends a pause.
    pub fn resume(&mut self, key: &str) {
        self.pauses.remove(key);
    }
}
