//! Everything only Jelou would recognise: its JSON, its signature, its paths, its errors.
//! Neighbours: bridge-core, whose words this translates into, and bridge-transport, which sends.
//!
//! Jelou's pages contradict each other in many places (an id has three names, a status two types).
//! Hence the rule of this crate: strict in what is sent, tolerant in what is read, and never a
//! success without the id that a success must bring.

pub mod client;
mod error;
pub mod webhook;
mod wire;
