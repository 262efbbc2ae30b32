//! Sorts an answer that is not a success by what must happen next (rule 15). Neighbour: `send`,
//! which sorts answers that never came.

use bridge_core::{call::CallError, time::Timestamp};
use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};
use jiff::{civil, fmt::strtime};
use std::time::Duration;

/// The shortest wait taken from `Retry-After`: "now" from a remote that just said no is no answer.
pub const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);

/// The longest wait taken from `Retry-After`: a remote that says a year must not silence us for it.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

const EPOCH: civil::DateTime = civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Sorts an answer that was not accepted. `reason` says in short what the remote said, without any
/// content; `now` turns a date in `Retry-After` into a wait.
///
/// 401 is the credential's fault, 403 perhaps; 404 and 410 say the thing is not there. 425 and 429
/// are told before anything is done. 408 and 5xx may come after it was done, so for a request that
/// is not idempotent they are unknown outcomes. Everything else is a no, redirects included, and so
/// is a success status that the caller found to mean no.
#[must_use]
pub fn classify(
    status: u16,
    headers: &HeaderMap,
    now: Timestamp,
    idempotent: bool,
    reason: String,
) -> CallError {
    let after = retry_after(headers, now);
    match status {
        425 | 429 => CallError::Later {
            after,
            status: Some(status),
            reason,
            host_wide: status == 429 || after.is_some(),
        },
        408 | 500..=599 if idempotent => CallError::Later {
            after,
            status: Some(status),
            reason,
            host_wide: after.is_some(),
        },
        408 | 500..=599 => CallError::Unknown {
            status: Some(status),
            reason,
            after,
        },
        401 => CallError::Locked { reason },
        403 => CallError::Forbidden { reason },
        404 | 410 => CallError::Gone { reason },
        _ => CallError::Refused { status, reason },
    }
}

/// What `Retry-After` says, as a wait between [`RETRY_AFTER_MIN`] and [`RETRY_AFTER_MAX`]: seconds
/// or a date (RFC 9110, 10.2.3). Of several headers the longest wait counts; one that is neither
/// says nothing.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    headers
        .get_all(RETRY_AFTER)
        .iter()
        .filter_map(|value| wait_of(value, now))
        .max()
}

fn wait_of(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let seconds = match text.parse::<f64>() {
        Ok(seconds) if seconds.is_nan() => return None,
        Ok(seconds) => seconds,
        Err(_) => {
            let wait = date_of(text)?.saturating_sub(now.0);
            // Within a float's exact range for any date a header can hold.
            #[expect(
                clippy::cast_precision_loss,
                reason = "milliseconds of a date are exact"
            )]
            let millis = wait as f64;
            millis / 1_000.0
        }
    };
    let (least, most) = (RETRY_AFTER_MIN.as_secs_f64(), RETRY_AFTER_MAX.as_secs_f64());
    Some(Duration::from_secs_f64(seconds.clamp(least, most)))
}

/// An HTTP date in any of the three forms a recipient must take (RFC 9110, 5.6.7), in milliseconds.
fn date_of(text: &str) -> Option<i64> {
    // The day's name is left out: a wrong one is no reason to come too early.
    let (_, date) = text.split_once([',', ' '])?;
    let utc = [
        "%d %b %Y %H:%M:%S GMT",
        "%d-%b-%y %H:%M:%S GMT",
        "%b %e %H:%M:%S %Y",
    ]
    .iter()
    .find_map(|form| strtime::parse(form, date.trim()).ok()?.to_datetime().ok())?;
    i64::try_from(utc.duration_since(EPOCH).as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06 08:49:37 UTC, the date RFC 9110 uses.
    const NOW: Timestamp = Timestamp(784_111_777_000);

    fn wait(value: &'static str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(value));
        retry_after(&headers, NOW).map(|wait| wait.as_secs())
    }

    fn sorted(status: u16, idempotent: bool) -> &'static str {
        classify(status, &HeaderMap::new(), NOW, idempotent, String::new()).kind()
    }

    #[test]
    fn seconds_are_taken_as_said() {
        assert_eq!(wait("30"), Some(30));
        assert_eq!(wait(" 90 "), Some(90));
    }

    #[test]
    fn absurd_seconds_are_clamped() {
        for (value, expected) in [
            ("-1", 1),
            ("0", 1),
            ("1e9", 3_600),
            ("99999999999999999999999999", 3_600),
            ("inf", 3_600),
            ("-inf", 1),
        ] {
            assert_eq!(wait(value), Some(expected), "{value}");
        }
    }

    #[test]
    fn a_date_in_any_of_the_three_forms_is_a_wait() {
        for value in [
            "Sun, 06 Nov 1994 08:50:37 GMT",
            "Sunday, 06-Nov-94 08:50:37 GMT",
            "Sun Nov  6 08:50:37 1994",
            "Tue, 06 Nov 1994 08:50:37 GMT",
        ] {
            assert_eq!(wait(value), Some(60), "{value}");
        }
    }

    #[test]
    fn dates_in_the_past_and_far_ahead_are_clamped() {
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:36 GMT"), Some(1));
        assert_eq!(wait("Thu, 01 Jan 1970 00:00:00 GMT"), Some(1));
        assert_eq!(wait("Fri, 31 Dec 9999 23:59:59 GMT"), Some(3_600));
    }

    #[test]
    fn words_say_nothing() {
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("nan"), None);
        assert_eq!(wait(""), None);
    }

    #[test]
    fn the_longest_of_several_waits_counts() {
        let mut headers = HeaderMap::new();
        headers.append(RETRY_AFTER, HeaderValue::from_static("5"));
        headers.append(RETRY_AFTER, HeaderValue::from_static("50"));
        assert_eq!(retry_after(&headers, NOW), Some(Duration::from_secs(50)));
    }

    #[test]
    fn a_server_error_is_an_unknown_outcome_only_where_twice_does_harm() {
        for status in [408, 500, 502, 503, 504, 599] {
            assert_eq!(sorted(status, false), "unknown", "{status}");
            assert_eq!(sorted(status, true), "later", "{status}");
        }
    }

    #[test]
    fn whatever_an_answer_means_its_status_is_told() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
        for status in [302, 401, 403, 404, 408, 422, 425, 429, 500, 503] {
            for idempotent in [false, true] {
                let sorted = classify(status, &headers, NOW, idempotent, String::new());
                assert_eq!(sorted.status(), Some(status), "{sorted:?}");
            }
        }
    }

    #[test]
    fn too_many_and_too_early_are_told_before_anything_is_done() {
        for status in [425, 429] {
            assert_eq!(sorted(status, false), "later", "{status}");
        }
    }

    #[test]
    fn every_other_status_tells_what_must_happen_next() {
        assert_eq!(sorted(401, true), "locked");
        assert_eq!(sorted(403, true), "forbidden");
        assert_eq!(sorted(404, true), "gone");
        assert_eq!(sorted(410, true), "gone");
        for status in [200, 301, 302, 304, 307, 400, 405, 409, 415, 418, 422] {
            assert_eq!(sorted(status, true), "refused", "{status}");
        }
    }

    #[test]
    fn the_whole_host_waits_when_it_asked_for_it() {
        let mut headers = HeaderMap::new();
        let host_wide =
            |status, headers: &HeaderMap| match classify(status, headers, NOW, true, String::new())
            {
                CallError::Later { host_wide, .. } => host_wide,
                other => panic!("{other:?}"),
            };
        assert!(host_wide(429, &headers));
        assert!(!host_wide(503, &headers));
        headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
        assert!(host_wide(503, &headers));
    }
}
