//! A Lane for looking at, without a Claim. Neighbour: `claim`, which takes them.

use super::Memory;
use bridge_core::{ids::LaneId, lane::Lane};

impl Memory {
    /// A Lane as known now, for looking only.
    #[must_use]
    pub fn lane(&self, lane: &LaneId) -> Option<Lane> {
        self.load(lane)
    }
}
