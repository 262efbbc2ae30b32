//! Time as the rules see it: a number that is handed in. Neighbour: everyone who waits.

use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// Milliseconds since 1970 in UTC. Core never asks for it; the caller hands it in.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment plus `wait`, saturating.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(millis(wait)))
    }

    /// This moment minus `wait`, saturating.
    #[must_use]
    pub fn minus(self, wait: Duration) -> Self {
        Self(self.0.saturating_sub(millis(wait)))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A wait that was written down, to be kept over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// When it was written down.
    pub since: Timestamp,
    /// When it is over, by the clock as it was then.
    pub until: Timestamp,
}

impl Wait {
    /// The same by the clock as it is now. Where that was set back since, nobody knows how much of
    /// it is over: it begins anew, and lasts as long as it was to last.
    #[must_use]
    pub fn follow_the_clock(self, now: Timestamp) -> Self {
        if self.since <= now {
            return self;
        }
        Self {
            since: now,
            until: now.plus(self.until.since(self.since)),
        }
    }
}

fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(since: i64, until: i64) -> Wait {
        Wait {
            since: Timestamp(since),
            until: Timestamp(until),
        }
    }

    #[test]
    fn a_wait_begins_anew_where_the_clock_was_set_back_and_stays_as_it_is_where_it_was_not() {
        let minute = wait(10_000, 70_000);
        for now in [10_000, 40_000, 90_000] {
            assert_eq!(minute.follow_the_clock(Timestamp(now)), minute);
        }
        let set_back = minute.follow_the_clock(Timestamp(9_999));
        assert_eq!(set_back, wait(9_999, 69_999));
        assert_eq!(minute.follow_the_clock(Timestamp(0)), wait(0, 60_000));
    }
}
