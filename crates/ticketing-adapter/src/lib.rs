//! Ticketing systems, each taught by one profile file. No vendor is named in this code: what only
//! one of them would recognise stands in `profiles/*.toml`. Neighbours: core above, which speaks of
//! tickets; transport below, which sends; the Jelou adapter, its sibling with the same rooms.
//!
//! Read in this order: [`profile`] (the language), [`client`] (one method an operation),
//! [`webhook`] (verify, parse, dedup key).

pub mod client;
mod error;
pub mod profile;
mod settings;
pub mod webhook;

pub use client::{
    Changes, Client, Comments, Further, Hook, HookPart, Listing, Pace, Standing, Turn,
};
pub use error::{Problem, Refused};
pub use profile::Profile;
pub use settings::Settings;
