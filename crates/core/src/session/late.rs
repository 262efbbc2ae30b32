//! A call that is not begun in time is not begun at all. Neighbours: the daemon's `jobs::drive` and the
//! simulator, which ask before each call.

use crate::{call::CallError, intent::Intent, time::Timestamp};
use std::time::Duration;

/// A call begins no later than this after its Intent was committed as sent. A lease has at least this
/// left beyond a call's deadline then, so whoever takes the Lane over finds the call ended.
pub const BEGIN_WITHIN: Duration = Duration::from_secs(5);

/// Whether the call of an Intent that was committed as sent may still begin. A worker that slept since
/// the commit may have lost its Claim, and its successor may have found that nothing was done and done
/// it.
///
/// # Errors
/// [`CallError::Later`]: nothing left.
pub fn begins_in_time(intent: &Intent, now: Timestamp) -> Result<(), CallError> {
    match intent.sent_at {
        Some(sent) if now.since(sent) > BEGIN_WITHIN => Err(CallError::Later {
            after: None,
            status: None,
            reason: "the call was not begun in time".to_owned(),
            host_wide: false,
        }),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        effect::Effect,
        ids::{IntentId, LinkId, TicketId},
        intent::IntentState,
        ticket::Status,
    };

    fn sent_at(at: i64) -> Intent {
        let effect = Effect::SetStatus {
            ticket: TicketId::parse("7").unwrap(),
            status: Status::new("open"),
        };
        Intent {
            state: IntentState::Sent,
            first_sent_at: Some(Timestamp(at)),
            sent_at: Some(Timestamp(at)),
            attempts: 1,
            ..Intent::planned(
                IntentId::parse("l.1").unwrap(),
                LinkId::parse("l-1").unwrap(),
                "c".to_owned(),
                "r".to_owned(),
                effect,
                Timestamp(at),
            )
        }
    }

    #[test]
    fn a_worker_that_slept_since_it_said_sent_sends_nothing() {
        let intent = sent_at(1_000);
        assert!(begins_in_time(&intent, Timestamp(1_000)).is_ok());
        assert!(begins_in_time(&intent, Timestamp(6_000)).is_ok());
        assert!(begins_in_time(&intent, Timestamp(6_001)).is_err());
    }
}
