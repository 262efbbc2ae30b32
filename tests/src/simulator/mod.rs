//! The simulator: the production rules, session, route, gate, webhook door and store, driven by a
//! scheduler with virtual time and one seed, over a simulated Jelou and a simulated ticketing system,
//! with everything that can go wrong going wrong. Neighbours: `bridge-remotes`, the two sides;
//! `tests/src/bin/simulate.rs`, the command.
//!
//! A seed is drawn into a [`History`] first (a world, kinds of fault, acts) and then lived, so a part
//! of a history can be left out and the rest stays what it was: that is how a trace becomes minimal.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod acts;
mod addressee;
pub mod afterwards;
mod at_remote;
pub mod backup;
mod beforehand;
mod bounds;
pub mod calls;
pub mod claims;
pub mod ending;
mod excuse;
pub mod fault;
mod finish;
pub mod history;
pub mod hooks;
pub mod judge;
pub mod law;
pub mod listener;
mod looks;
mod outcome;
pub mod queue;
pub mod range;
pub mod router;
pub mod shrink;
pub mod speech;
pub mod sweep;
pub mod witness;
pub mod world;

pub use fault::{Fault, KINDS};
pub use history::History;
pub use law::{Breach, Law};
pub use range::{Totals, range};
pub use shrink::shrink;

use bridge_core::mapping::Mapping;
use std::{panic::AssertUnwindSafe, rc::Rc};
use world::World;

/// How a history ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The law that broke, if one did.
    pub breach: Option<Breach>,
    /// How often each kind of fault fired.
    pub fired: [u32; KINDS],
    /// Things that happened.
    pub steps: u64,
    /// Processes that died.
    pub crashes: u32,
    /// Intents that wait for a person.
    pub parked: u32,
    /// Intents flagged as a possible duplicate.
    pub flagged: u32,
    /// Writes that reached a remote.
    pub writes: u32,
    /// The laws that were asked of something, a bit each.
    pub asked: u64,
    /// Those of them that were asked in time after the healing.
    pub asked_in_time: u64,
    /// Those that something excused of something.
    pub excused: u64,
    /// What happened, line by line, if it was asked for.
    pub tale: Vec<String>,
}

/// The mappings of all histories, compiled once for each thread.
#[must_use]
pub fn mappings() -> Rc<Vec<Rc<Mapping>>> {
    let compiled = history::policies().into_iter();
    Rc::new(
        compiled
            .map(|p| Rc::new(bridge_remotes::mapping(&p)))
            .collect(),
    )
}

/// Lives one history to its end.
#[must_use]
pub fn live(history: &History, mappings: &Rc<Vec<Rc<Mapping>>>, tale: bool) -> Ended {
    let mut world = World::new(history, mappings, tale);
    let lived = std::panic::catch_unwind(AssertUnwindSafe(|| {
        world.live();
        world.end();
    }));
    if lived.is_err() {
        world
            .judge
            .breach(Law::Panicked, "something panicked".to_owned());
    }
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Ended {
        breach: world.judge.breach.clone(),
        fired: world.faults.fired,
        steps: world.steps,
        crashes: world.crashes,
        parked: count(world.parked().len()),
        flagged: count(world.judge.flagged.len()),
        writes: count(world.desk.writes.len() + world.jelou.writes.len()),
        asked: world.judge.asked(),
        asked_in_time: world.judge.asked_in_time(),
        excused: world.judge.excused(),
        tale: world.tale().to_vec(),
    }
}
