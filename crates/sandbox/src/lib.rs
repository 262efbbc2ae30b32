//! A Jelou and a helpdesk that run on this machine: servers with state, and with manners.
//!
//! Used by `jelou-bridge demo` and `jelou-bridge sandbox`, by the tests, and by anyone who wants to
//! try the bridge without an account. They share no line with the adapters: the documents are the
//! contract, so a misreading on one side shows as a failing test and not as two equal mistakes.
//!
//! Each server is a state behind a mutex. A test holds a handle ([`Jelou`], [`Helpdesk`]) to look
//! and to act; another process does the same over HTTP under `/sandbox/` (see [`control`]).
//! [`Manners`] says how calls are treated, [`Hooks`] how webhooks travel.
//!
//! A tool for loopback: `/sandbox/` asks for no password, so listening elsewhere is refused.

mod calls;
mod chance;
mod clock;
pub mod control;
pub mod helpdesk;

mod hooks;
pub mod jelou;
mod manners;
mod page;
mod server;
mod stage;
#[cfg(test)]
mod testing;

pub use calls::{Call, Operation};
pub use helpdesk::{Helpdesk, HelpdeskOptions, RunningHelpdesk};
pub use hooks::{Delivered, HookManners, Hooks, Outcome, Target};
pub use jelou::{
    AfterSilence, Jelou, JelouOptions, ReportTakes, RunningJelou, SameId, SecondStart, Strangers,
};
pub use manners::{Manners, Reply, Rule};
pub use server::Door;
pub use stage::Refusal;
