//! One customer on one bot: everything known, and the state machine that decides what comes next.
//! Neighbours: the daemon's `jobs` drives it; `explain` and the simulator drive the same code.

mod access;
mod adopt;
mod by_bot;
mod clock;
mod create;
mod follow;
mod forget;
mod found;
mod hear;
mod how;
mod inbox;
mod links;
mod lookup;
mod merged;
mod obey;
mod open;
mod ours;
mod outcome;
mod refused;
mod report;
mod resolve;
mod schedule;
mod send;
mod start;
mod state;
mod step;
mod talk;
mod ticket_id;
mod unread;
mod whole;
mod why;

pub use adopt::LONE_MESSAGE_WAIT;
pub use by_bot::{AWAY_WITHIN, Away};
pub use inbox::Inbox;
pub use ours::CLOCKS_APART;
pub use report::ReportMemory;
pub use resolve::ANSWER_PROOF_WAIT;
pub use schedule::{LONGEST_WAIT, retry_at};
pub use state::{
    Blocked, ConversationMemory, Entry, EntryKind, Escalation, Fate, Lane, Pending, Retry,
    TicketMemory,
};
pub use step::{Capabilities, Input, Limits, Mode, Next, OnUnknown, Order, Rules, step};
pub use talk::{CommentsMemory, Direction, LoadedTo, MESSAGES_AT_ONCE, Message, Outcome, Place};
pub use unread::CREDENTIAL_PROBE_EVERY;
pub use why::{Reason, why};

/// The reason under which an Intent is parked when nothing can tell what became of it.
pub const UNKNOWN_OUTCOME: &str = "unknown_outcome";
