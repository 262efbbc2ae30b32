//! Each operation of a profile, to the byte: what is asked, and what the answer means. The answers are
//! as the vendors' pages show them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "an answer of another form fails its test"
)]

#[path = "../support/mod.rs"]
mod support;

mod django_helpdesk;
mod freshdesk;
mod glpi;
mod hubspot;
mod jira;
mod osticket;
mod redmine;
mod servicenow;
mod setup;
mod talk;
mod zammad;
