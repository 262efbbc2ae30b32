//! The daemon: everything that touches a clock, a disk or a network. Neighbour below: bridge-core,
//! which decides; neighbours beside: the adapters, which translate.

pub mod clock;
pub mod config;
pub mod store;
pub mod http;
pub mod metrics;
pub mod telemetry;
