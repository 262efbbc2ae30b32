//! One lenient reader for Jelou's five ways to write a moment. Neighbours: `answer`, and the
//! webhook's `parse`.
//!
//! Seen on the pages: milliseconds since 1970 (events), ISO with and without milliseconds (the
//! conversation page and its schema), ISO with an offset, and `YYYY-MM-DD HH:MM:SS` without a zone
//! (the reports), taken as UTC.

use bridge_core::time::Timestamp;
use jiff::{civil, tz::TimeZone};
use serde_json::Value;

/// Numbers below this are seconds: as milliseconds they would lie before March 1973.
const SECONDS_BELOW: i64 = 100_000_000_000;

/// The end of the year 9999. What lies beyond is another unit or a joke.
const LATEST_MS: i64 = 253_402_300_799_999;

/// Reads a moment; `None` if it is none.
pub(crate) fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => of_number(whole),
            None => of_float(number.as_f64()?),
        },
        Value::String(text) => of_text(text.trim()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn of_text(text: &str) -> Option<Timestamp> {
    if let Ok(whole) = text.parse::<i64>() {
        return of_number(whole);
    }
    if let Ok(float) = text.parse::<f64>() {
        return of_float(float);
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(at.as_millisecond()));
    }
    let local: civil::DateTime = text.parse().ok()?;
    let at = local.to_zoned(TimeZone::UTC).ok()?;
    Some(Timestamp(at.timestamp().as_millisecond()))
}

fn of_number(number: i64) -> Option<Timestamp> {
    let ms = if number < SECONDS_BELOW {
        number.checked_mul(1_000)?
    } else {
        number
    };
    (1..=LATEST_MS).contains(&ms).then_some(Timestamp(ms))
}

fn of_float(number: f64) -> Option<Timestamp> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "both limits are exact as floats"
    )]
    let (split, latest) = (SECONDS_BELOW as f64, LATEST_MS as f64);
    let ms = if number < split {
        number * 1_000.0
    } else {
        number
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "checked to lie within the limits"
    )]
    (1.0..=latest).contains(&ms).then_some(Timestamp(ms as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_same_moment_reads_the_same_in_every_way_of_writing_it() {
        let expected = Some(Timestamp(1_768_473_000_000));
        for value in [
            json!(1_768_473_000_000_i64),
            json!(1_768_473_000),
            json!(1_768_473_000.0),
            json!(1_768_473_000_000.0),
            json!("1768473000000"),
            json!("1768473000"),
            json!("1768473000.000"),
            json!(" 2026-01-15T10:30:00.000Z "),
            json!("2026-01-15T10:30:00Z"),
            json!("2026-01-15T05:30:00-05:00"),
            json!("2026-01-15 10:30:00"),
            json!("2026-01-15T10:30:00"),
        ] {
            assert_eq!(moment(&value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for value in [
            json!(null),
            json!(true),
            json!(0),
            json!(-5),
            json!(1_776_133_797_422_000_i64),
            json!(1e300),
            json!(""),
            json!("yesterday"),
            json!("NaN"),
            json!("inf"),
            json!("2026-13-45T99:00:00Z"),
            json!({}),
        ] {
            assert_eq!(moment(&value), None, "{value}");
        }
    }
}
