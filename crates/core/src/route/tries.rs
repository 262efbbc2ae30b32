//! How long the Router's read is tried for one Delivery. Neighbours: `missing`, of a read that found no
//! ticket; `lane::retry_at`, which paces all that is tried again.

use super::Told;
use crate::{call::CallError, lane::retry_at, time::Timestamp};
use std::time::Duration;

/// The tries of one Delivery.
#[derive(Clone, Copy, Debug)]
pub struct Tries<'a> {
    /// Who reads: it spreads the tries of those that failed together.
    pub who: &'a str,
    /// How often the Delivery was handed out, this time included.
    pub attempts: u32,
    /// When it came.
    pub received_at: Timestamp,
    /// When a person last had it tried again, after it was parked.
    pub retried_at: Option<Timestamp>,
}

/// What a failed read tells: it comes again, as long as calls are tried at all, which counts anew from when a person had
/// it tried again. A credential's failure is no failure of this Delivery's.
#[must_use]
pub fn not_now(tries: Tries<'_>, retry_for: Duration, error: &CallError, now: Timestamp) -> Told {
    let of_the_credential = matches!(
        error,
        CallError::Locked { .. } | CallError::Forbidden { .. }
    );
    let came = tries.received_at;
    let since = tries.retried_at.map_or(came, |at| at.max(came));
    if now.since(since) > retry_for && !of_the_credential {
        return Told::Never {
            reason: "retries_exhausted",
            detail: error.to_string(),
        };
    }
    Told::Later {
        due_at: retry_at(tries.attempts, tries.who, now),
        error: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn fails(error: &CallError, retried_at: Option<Timestamp>, now: Timestamp) -> Told {
        let tries = Tries {
            who: "delivery 1",
            attempts: 1,
            received_at: Timestamp(0),
            retried_at,
        };
        not_now(tries, DAY, error, now)
    }

    fn unavailable() -> CallError {
        CallError::Later {
            after: None,
            status: Some(503),
            reason: "503".to_owned(),
            host_wide: false,
        }
    }

    #[test]
    fn what_a_person_has_tried_again_is_tried_for_as_long_as_what_comes_anew() {
        let (error, retried) = (unavailable(), Timestamp(0).plus(DAY * 5));
        let soon = retried.plus(Duration::from_secs(1));
        let exhausted = |told: Told| matches!(told, Told::Never { reason, .. } if reason == "retries_exhausted");
        assert!(exhausted(fails(&error, None, soon)));
        assert!(!exhausted(fails(&error, Some(retried), soon)));
        assert!(!exhausted(fails(&error, Some(retried), retried.plus(DAY))));
        assert!(exhausted(fails(&error, Some(retried), soon.plus(DAY))));
    }

    #[test]
    fn a_refused_credential_exhausts_no_deliverys_tries() {
        let locked = CallError::Locked {
            reason: "401".to_owned(),
        };
        let told = fails(&locked, None, Timestamp(0).plus(DAY * 5));
        assert!(matches!(told, Told::Later { .. }), "{told:?}");
    }
}
