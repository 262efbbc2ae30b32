//! Bugs that programmers make, kept as switches: they prove that the simulator would find them.
//! Neighbours: the places that ask `planted!`, in the rules, the store in memory and the webhooks;
//! the runner `planted-bugs`, which switches each on and looks which law breaks.
//!
//! Without the feature `planted` this room is a macro that says `false`, and nothing else: what ships
//! has no switch in it, and the daemon's program does not build with the feature.

/// Whether this bug is switched on here and now.
#[cfg(feature = "planted")]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is($crate::planted::Planted::$bug)
    };
}

/// Whether this bug is switched on: it is not.
#[cfg(not(feature = "planted"))]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

#[cfg(feature = "planted")]
mod bugs;
#[cfg(feature = "planted")]
pub use bugs::{Planted, is, with};
