//! The one place that sends HTTP. Neighbours above: the two adapters, which say what to send and
//! read what comes back.
//!
//! A request goes out once or not at all: what may have reached the remote is never sent again
//! from here, because only the Lane knows whether doing it twice does harm (rule 5 of the design).

mod address;
mod fetch;
mod outcome;
mod path;
mod send;

pub use bridge_core::call::NOT_SENT;
pub use fetch::{
    FILE_BYTES_MAX, FILES_AT_ONCE, FILES_IN_LINE, Fetched, Fetcher, Names, NoFile, system_names,
};
pub use outcome::{RETRY_AFTER_MAX, RETRY_AFTER_MIN, classify, retry_after};
pub use path::{BadSegment, push_segment};
pub use send::{
    ANSWER_BYTES_MAX, CONNECT_TIMEOUT, CannotStart, LISTING_BYTES_MAX, POOL_IDLE_TIMEOUT, Request,
    Response, Transport,
};
