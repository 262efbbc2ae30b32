//! When a failed call is tried again. Neighbours: send, found and outcome ask it.

use crate::time::Timestamp;
use std::time::Duration;

/// The first wait is at most this long.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// No wait is longer: a side that came back is noticed within a minute (law 1 counts it).
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// No wait is shorter, so that jitter cannot make a hot loop.
const SHORTEST_WAIT: Duration = Duration::from_millis(200);

/// The moment of the next try after `failures` failures in a row: exponential, with full jitter.
///
/// The jitter comes from `seed`, the id of the thing that waits: core has no chance in it, yet two
/// Intents that failed together do not come back together.
#[must_use]
pub fn retry_at(failures: u32, seed: &str, now: Timestamp) -> Timestamp {
    let doublings = failures.saturating_sub(1).min(16);
    let most = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let share = fnv(seed, failures) % 1_000;
    let wait = most.mul_f64(f64::from(u32::try_from(share).unwrap_or(0)) / 1_000.0);
    now.plus(wait.max(SHORTEST_WAIT))
}

/// FNV-1a: spreads ids evenly; nothing here needs more.
fn fnv(seed: &str, salt: u32) -> u64 {
    seed.bytes()
        .chain(salt.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_no_further() {
        for failures in 1..200 {
            let wait = retry_at(failures, "lane.1", Timestamp(0)).since(Timestamp(0));
            assert!(
                wait >= SHORTEST_WAIT && wait <= LONGEST_WAIT,
                "{failures}: {wait:?}"
            );
        }
        let early = (0..50)
            .map(|n| retry_at(1, &format!("lane.{n}"), Timestamp(0)).0)
            .max();
        assert!(early.unwrap() <= 1_000);
    }

    #[test]
    fn two_intents_that_failed_together_come_back_apart() {
        assert_ne!(
            retry_at(5, "lane.1", Timestamp(0)),
            retry_at(5, "lane.2", Timestamp(0))
        );
    }
}
