//! The daemon between a Zendesk of our own and a sandbox Jelou. Neighbours: `desk`, the Zendesk,
//! written after Zendesk's public pages; `quiet` and `weather`, the stories; `deploy/zendesk`, whose
//! trigger body is sent here.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[allow(dead_code, reason = "shared with the suite of all systems")]
mod desk;
mod quiet;
mod stage;
mod trouble;
mod weather;
