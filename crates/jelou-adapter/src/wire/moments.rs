//! Writes a moment in the two ways that Jelou's pages ask for. Neighbours: `dates`, which reads all
//! five; the client's `listing`.

use bridge_core::time::Timestamp;

/// `2026-01-15T10:30:00+00:00`: whole seconds and an offset, as the report wants it. `up` rounds a
/// part of a second up, so that the end of a range stays in it. `None` beyond the calendar.
pub(crate) fn with_offset(at: Timestamp, up: bool) -> Option<String> {
    let seconds = at.0.div_euclid(1_000);
    let more = i64::from(up && at.0.rem_euclid(1_000) > 0);
    let at = jiff::Timestamp::from_second(seconds.checked_add(more)?).ok()?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string())
}

/// `2026-01-15T10:30:00.000Z`: no plus sign, which a query string can turn into a space.
pub(crate) fn in_utc(at: Timestamp) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(at.0).ok()?;
    Some(format!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_loses_no_part_of_a_second_at_either_end() {
        let at = Timestamp(1_768_473_000_001);
        let written = |up| with_offset(at, up).unwrap();
        assert_eq!(written(false), "2026-01-15T10:30:00+00:00");
        assert_eq!(written(true), "2026-01-15T10:30:01+00:00");
        let whole = Timestamp(1_768_473_000_000);
        assert_eq!(with_offset(whole, true).unwrap(), written(false));
        assert_eq!(in_utc(at).unwrap(), "2026-01-15T10:30:00.001Z");
    }

    #[test]
    fn a_moment_that_no_calendar_has_is_not_written() {
        for at in [i64::MIN, i64::MAX] {
            assert_eq!(with_offset(Timestamp(at), true), None);
            assert_eq!(in_utc(Timestamp(at)), None);
        }
    }
}
