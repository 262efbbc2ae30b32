//! Every order of every history: the twenty of core's stories, all 120, 720 or 5,040 orders of each.
//! Neighbour: core's `permutations`, whose table and world these are.

#[allow(
    missing_docs,
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#[path = "../../../crates/core/tests/lane/permutations/playing.rs"]
mod playing;
#[allow(missing_docs, dead_code, unreachable_pub)]
#[path = "../../../crates/core/tests/lane/permutations/table.rs"]
mod table;
#[allow(
    missing_docs,
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#[path = "../../../crates/core/tests/lane/world/mod.rs"]
mod world;

use playing::{Telling, ends_alike, tellings_of};
use table::{SCENARIOS, Scenario};

/// One scenario under one mapping, told in one way, in all orders.
#[derive(Clone, Copy)]
pub struct Orders {
    scenario: &'static Scenario,
    over: &'static str,
    telling: Telling,
}

/// All of them; with `short`, one way of telling each.
#[must_use]
pub fn all(short: bool) -> Vec<Orders> {
    let mut all = Vec::new();
    for scenario in SCENARIOS {
        for over in scenario.over {
            let tellings = tellings_of(scenario.events);
            let most = if short { 1 } else { tellings.len() };
            all.extend(tellings.into_iter().take(most).map(|telling| Orders {
                scenario,
                over,
                telling,
            }));
        }
    }
    all
}

impl Orders {
    /// The scenario's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.scenario.name
    }

    /// Plays all orders. Returns how many.
    ///
    /// # Panics
    /// At the first order that ends otherwise than the others, with its tale.
    #[must_use]
    pub fn play(&self) -> usize {
        ends_alike(self.scenario, self.over, &self.telling, 1)
    }
}
