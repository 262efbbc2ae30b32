//! What the state machine of a Lane promises, told as stories: each rule of the design, all orders
//! of short histories, and long ones by chance.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code
)]

mod world;

mod adoption;
mod busy;
mod by_bot;
mod clock;
mod closing;
mod customer;
mod errors;
mod files;
mod following;
mod given_away;
mod halting;
mod histories;
mod homecoming;
mod inbox;
mod listed;
mod only_creates;
mod opening;
mod orders;
mod permutations;
mod reopening;
mod reports;
mod saying;
mod since;
mod starts;
mod taken;
mod talk;
mod template;
mod ticket_ids;
mod unread;
mod untold;
mod why;
