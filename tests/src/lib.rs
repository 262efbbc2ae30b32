//! The daemon from outside, and the laws of the repository. Neighbours: `tests/tests`, where the
//! tests are; `tests/run`, which runs everything there is.
//!
//! Rooms: `play` (a stage with words for stories), `program` (the real binary as a process),
//! `process` (it stands between two sandboxes), `figures` (what its admin listener tells), `campaign` (kill it in the middle of a burst and
//! compare the worlds), `simulator` (the rules in virtual time), `explorer` (every state of small worlds),
//! `planted` (bugs that the simulator must find), `chance` (from a seed), `asked` (the words of a command line), `printed` (what a
//! program says), `built` (of which commit).

pub mod asked;
pub mod built;
pub mod campaign;
pub mod chance;
pub mod explorer;
pub mod figures;
#[cfg(feature = "planted")]
pub mod planted;
pub mod play;
pub mod printed;
pub mod process;
pub mod program;
pub mod simulator;
