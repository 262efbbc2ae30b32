//! What the bridge knows, on disk. The only SQL of the project is below this room; `http` records
//! into it, `jobs` claims from it and settles into it.
//!
//! The laws of the store, each with a test: an answer comes after the commit; a stale Claim commits
//! nothing; members of a group fail alone; a change and the work it causes are one commit.

mod blank;
mod changes;
mod error;
mod mark;
pub mod memory;
mod merge;
mod room;
mod sqlite;
mod types;
mod waiting;

#[cfg(test)]
mod tests;

pub use bridge_core::route::RouteEnd;
pub use changes::Changes;
pub use error::{CommitError, LANE_REMEDY, StoreError};
pub use mark::ParkedMark;
pub use room::Room;
pub use sqlite::{GroupCommit, Options, Store};
pub use types::{
    Admission, Admitted, Beginning, Claim, ClaimedLane, Confirmed, Counts, HaltState, Joined, Line,
    LinkFilter, LinkRow, NewDelivery, ParkedFilter, ParkedItem, ParkedKind, Pause, Pruned,
    Received, Recorded, Routed, Source, TimelineOf, Wake,
};
pub use waiting::{HeldIntent, LaneStand, OpenIntent, Waiting, WaitingDelivery, WaitingLink};
