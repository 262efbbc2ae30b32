//! The laws of the repository, each a test: which room may do what, what no file may hold, and that
//! the documents are true. Neighbour: CONTRIBUTING.md, which says the same to people.
//!
//! A law that fails prints every place that breaks it. Mend the place; a law is changed only with a
//! page in docs/decisions.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod dependencies;
mod documents;
mod files;
mod packages;
mod planted;
mod rooms;
mod scan;
mod tree;

/// Fails with every breach, one a line.
fn none(law: &str, breaches: &[String]) {
    assert!(
        breaches.is_empty(),
        "{law}. Broken at:\n  {}",
        breaches.join("\n  ")
    );
}
