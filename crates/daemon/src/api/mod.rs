//! What an operator can ask of the daemon, under `/api/v1`. Neighbours: `http::admin`, which asks for
//! the token and serves this; `cli`, which asks through it, or through the same router in its own
//! process when no daemon runs; `jobs`, which carries orders out.
//!
//! One file a noun. Each operation is a plain async function over [`Jobs`](crate::jobs::Jobs); [`routes`] gives each its
//! address, and the OpenAPI document is written from the same list.

pub mod bridges;
pub mod decide;
pub mod error;
pub mod explain;
pub mod halt;
pub mod lane;
pub mod link;
pub mod links;
pub mod openapi;
pub mod parked;
pub mod stuck;
pub mod sweep;
pub mod timeline;

mod extract;
mod routes;
#[cfg(test)]
mod tests;
mod view;

pub use error::{ApiError, Trouble};
pub use routes::router;
pub use view::{Moment, PageOf};

/// Where the admin listener puts [`router`].
pub const MOUNT: &str = "/api";

/// What every path in [`router`] begins with.
pub const VERSION: &str = "/v1";
