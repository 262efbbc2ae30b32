//! Stories of the daemon between a Jelou and a helpdesk, each with one moral. Neighbours: `demo`,
//! which tells the common ones; `bad_input`, where nobody behaves; core, which knows every rule.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod bot;
mod bridges;
mod busy;
mod canary;
mod command;
mod explaining;
mod files;
mod halt;
mod history;
mod keeping;
mod linking;
mod observing;
mod parked;
mod process;
mod reopening;
mod report;
mod stopping;
mod talking;
mod trouble;
mod weather;
