//! The figures that an operator watches. Neighbours: everyone who counts calls [`Metrics`]; the
//! admin listener renders it, with what the store knows.
//!
//! `names` holds every name once and `labels` every value; `docs/METRICS.md` is written from them.

mod instance;
mod labels;
mod manual;
mod names;
mod series;
mod service;

#[cfg(test)]
pub(crate) mod tests;

pub use instance::Metrics;
pub use labels::{
    DeliveryOutcome, EffectOutcome, EventFate, MAX_SERIES, PARKED_REASONS, StatusClass,
};
pub use manual::manual;
pub use names::{ALL, Kind, Name, Origin};
pub use service::render_store;
