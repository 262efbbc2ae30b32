//! The one place that asks what time it is. Neighbours: jobs and http, which hand the answer on;
//! core and the store are told.

use bridge_core::time::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// This moment. Before 1970 it is 1970: no rule of the bridge reaches back that far.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the clock is")]
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
