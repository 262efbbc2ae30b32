//! Every state of small worlds: two events, two replicas, one crash, one lost answer, one sleep past
//! the lease, webhooks lost, doubled and late, in every order. The code under test is the real one:
//! `bridge_core::session`, `bridge_core::route` and the store in memory. Neighbour: the simulator,
//! which goes far into large worlds by chance where this goes everywhere in small ones.
//!
//! Rooms: `scenario` (the worlds), `setting` (what does not change), `world` and `act` (a state and
//! what makes the next), `router` and `worker` (a replica's two halves), `calls` and `remotes` (both sides),
//! `laws` and `ending` (what must hold), `search` (each state once), `verdict` (what that proves), `part`
//! (shared and hashed), `orders` (every order of longer histories), `wanted` (the command line).
//!
//! What is left out: calls take no time but a millisecond, the gate is always open, and the safety
//! halt never trips.

mod act;
mod calls;
mod ending;
mod laws;
pub mod orders;
mod part;
mod remotes;
mod router;
mod scenario;
mod search;
mod setting;
mod verdict;
mod wanted;
mod worker;
mod world;

#[cfg(test)]
mod tests;

pub use laws::{Broken, LAWS};
pub use scenario::{SCENARIOS, Scenario, TROUBLES, Trouble};
pub use search::{Explored, explore, explore_whole, tell};
pub use setting::{Flaw, Setting};
pub use verdict::{PROTOCOL, Verdict};
pub use wanted::{USAGE, Wanted, What, help};
pub use world::{Action, World};
