//! The daemon: everything that touches a clock, a disk or a network. Neighbour below: bridge-core,
//! which decides; neighbours beside: the adapters, which translate.

pub mod api;
pub mod app;
mod begin;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod explain;
pub mod gate;
pub mod http;
pub mod jobs;
pub mod media;
pub mod metrics;
pub mod observe;
pub mod perform;
pub mod reload;
pub mod runtime;
pub mod setup;
pub mod store;
pub mod telemetry;
