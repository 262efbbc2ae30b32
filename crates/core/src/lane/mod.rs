//! One customer on one bot: everything known, and the state machine that decides what comes next.
//! Neighbours: the daemon's `jobs` drives it, `explain` and the simulator drive the same code.

mod state;

pub use state::{
    Blocked, ConversationMemory, Entry, EntryKind, Fate, Lane, Message, Pending, Retry,
    TicketMemory,
};
