//! One customer on one bot: everything known, and the state machine that decides what comes next.
//! Neighbours: the daemon's `jobs` drives it; `explain` and the simulator drive the same code.

mod access;
mod adopt;
mod found;
mod hear;
mod links;
mod obey;
mod open;
mod outcome;
mod resolve;
mod schedule;
mod send;
mod state;
mod step;

pub use adopt::{CLOCKS_APART, LONE_MESSAGE_WAIT};
pub use found::CREDENTIAL_PROBE_EVERY;
pub use resolve::ANSWER_PROOF_WAIT;
pub use schedule::{LONGEST_WAIT, retry_at};
pub use state::{
    Blocked, ConversationMemory, Entry, EntryKind, Fate, Lane, Message, Pending, Retry,
    TicketMemory,
};
pub use step::{Capabilities, Input, Limits, Mode, Next, OnUnknown, Order, Rules, step};

/// The reason under which an Intent is parked when nothing can tell what became of it.
pub const UNKNOWN_OUTCOME: &str = "unknown_outcome";
