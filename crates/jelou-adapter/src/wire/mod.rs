//! Jelou's JSON, read and written. Neighbours: `webhook` and `client`, the only callers.

pub(crate) mod answer;
pub(crate) mod dates;
pub(crate) mod json;
pub(crate) mod listing;
pub(crate) mod moments;
pub(crate) mod request;
pub(crate) mod said;
pub(crate) mod speech;
