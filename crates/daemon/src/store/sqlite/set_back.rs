//! What waits for a moment, when the clock is set back: it is looked at anew. Neighbours: `claim`,
//! which comes by with the time at least once a second; the Lane, which moves its own moments.
//!
//! A due time was written by the clock as it was. After an hour back, what is due in five seconds
//! would be due in an hour and five seconds. How far each was away is not known here, so all of it is
//! made due now; what comes too early finds that out and waits again, by the clock as it is. What was
//! under way in that moment brings due times by the old clock for a while: they are looked for, too.

use super::row::at;
use crate::store::error::StoreError;
use bridge_core::time::Timestamp;
use sqlx::{SqliteConnection, query};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// An earlier moment than the latest by no more than this is of a caller who asked for it first, or
/// of a clock that is corrected a little; by more, the clock was set back.
const AHEAD_MOST: Duration = Duration::from_secs(2);

/// What was under way when the clock was set back has ended by then: a call takes less, and so does
/// what waits for the writer.
const UNDER_WAY: Duration = Duration::from_secs(60);

/// What it left is looked for this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What was last written down, by whatever clock there was then. A pause may be all that a read of
/// the Sweep left.
const LATEST: &str = "SELECT coalesce(max(at), 0) AS at FROM ( \
     SELECT at FROM (SELECT at FROM audit ORDER BY id DESC LIMIT 1) UNION ALL \
     SELECT received_at FROM (SELECT received_at FROM delivery ORDER BY id DESC LIMIT 1) UNION ALL \
     SELECT since FROM pause)";

const LANES: &str = "UPDATE lane SET due_at = ?1 WHERE due_at > ?2";

const LEASES: &str = "UPDATE lane SET claimed_at = min(claimed_at, ?1), lease_until = ?3 WHERE owner IS NOT NULL AND lease_until > max(?2, ?3)";

const DELIVERIES: &str = "UPDATE delivery SET due_at = ?1 WHERE state = 'received' AND due_at > ?2";

const LOOKS: &str = "UPDATE link SET looked_at = ?1 WHERE live = 1 AND looked_at > ?2";

/// As [`Wait::follow_the_clock`](bridge_core::time::Wait::follow_the_clock).
const PAUSES: &str = "UPDATE pause SET until = until - (since - ?1), since = ?1 WHERE since > ?2";

/// What this process has seen of the clock.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<Seen>);

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// The latest moment that anybody came with; before that, what the database holds tells.
    latest: Option<Timestamp>,
    back: Option<Back>,
}

/// The clock was set back.
#[derive(Clone, Copy, Debug)]
struct Back {
    /// From there.
    from: Timestamp,
    /// When, by the clock as it is since.
    at: Timestamp,
    /// When due times of before were last looked for.
    looked_at: Timestamp,
}

/// What is to be done at a moment, and what is known after that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turned {
    /// By how much the clock was set back just now.
    pub by: Option<Duration>,
    seen: Seen,
}

impl Clock {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what [`follow`] found; what it wrote is stored.
    pub fn turned(&self, turned: Turned) {
        *self.seen() = turned.seen;
    }
}

/// Makes what waits for a moment due now, if the clock was set back. Doing it twice is as good as
/// once.
pub(super) async fn follow(
    db: &mut SqliteConnection,
    clock: &Clock,
    now: Timestamp,
    lease: Duration,
) -> Result<Turned, StoreError> {
    let mut seen = *clock.seen();
    let before = match seen.latest {
        Some(latest) => latest,
        None => at(&query(LATEST).fetch_one(&mut *db).await?, "at")?,
    };
    seen.latest = Some(now);
    let by = Some(before.since(now)).filter(|by| *by > AHEAD_MOST);
    let ahead_of = match (by, seen.back) {
        (Some(_), _) => {
            seen.back = Some(Back {
                from: before,
                at: now,
                looked_at: now,
            });
            Some(now)
        }
        (None, Some(back)) if now.since(back.at) > UNDER_WAY => {
            seen.back = None;
            None
        }
        (None, Some(back)) if now.since(back.looked_at) >= LOOK_AGAIN => {
            seen.back = Some(Back {
                looked_at: now,
                ..back
            });
            // What lies nearer is by the clock as it is.
            Some(back.from.minus(UNDER_WAY).max(now))
        }
        (None, _) => None,
    };
    if let Some(ahead_of) = ahead_of {
        for statement in [LANES, LEASES, DELIVERIES, LOOKS, PAUSES] {
            query(statement)
                .bind(now.0)
                .bind(ahead_of.0)
                .bind(now.plus(lease).0)
                .execute(&mut *db)
                .await?;
        }
    }
    Ok(Turned { by, seen })
}
