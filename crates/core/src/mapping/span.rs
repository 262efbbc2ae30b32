//! A length of time as an operator writes it. Neighbours: spec, and the daemon's config.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

/// A length of time with its unit: `250ms`, `60s`, `2m`, `24h`, `30d`. A bare number is refused,
/// because nobody can tell seconds from milliseconds by looking at one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

/// Why a text is not a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSpan {
    /// A number alone.
    #[error("it has no unit")]
    NoUnit,
    /// Not a whole number followed by one of the units.
    #[error("it is not a length of time")]
    Unreadable,
    /// Over [`LONGEST`].
    #[error("it is longer than ten years")]
    TooLong,
}

/// The longest span accepted. Ten years outlives any retention rule, and still adds to any
/// timestamp without overflow.
pub const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// The units with their length in milliseconds, the longest first.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl Span {
    /// Takes a length of time as it is.
    #[must_use]
    pub const fn new(length: Duration) -> Self {
        Self(length)
    }

    /// The length of time.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = BadSpan;

    fn from_str(text: &str) -> Result<Self, BadSpan> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits).ok_or(BadSpan::Unreadable)?;
        if number.is_empty() {
            return Err(BadSpan::Unreadable);
        }
        let unit = unit.trim_start();
        if unit.is_empty() {
            return Err(BadSpan::NoUnit);
        }
        let (_, length) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or(BadSpan::Unreadable)?;
        let millis = number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(*length))
            .ok_or(BadSpan::TooLong)?;
        let length = Duration::from_millis(millis);
        if length > LONGEST {
            return Err(BadSpan::TooLong);
        }
        Ok(Self(length))
    }
}

impl TryFrom<String> for Span {
    type Error = BadSpan;
    fn try_from(text: String) -> Result<Self, BadSpan> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

/// Written with the longest unit that divides it.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 {
            return f.write_str("0s");
        }
        let (unit, length) = UNITS
            .iter()
            .find(|(_, length)| millis.is_multiple_of(*length))
            .unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", millis / length)
    }
}

impl JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^\s*[0-9]+\s*(ms|s|m|h|d)\s*$",
            "x-kind": "duration",
            "x-remedy": "write a whole number with its unit (ms, s, m, h or d), such as \"60s\", \"2m\" or \"30d\"",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_needs_its_unit() {
        let ok = |text: &str| text.parse::<Span>().unwrap().duration();
        assert_eq!(ok("250ms"), Duration::from_millis(250));
        assert_eq!(ok("60s"), Duration::from_secs(60));
        assert_eq!(ok(" 2 m "), Duration::from_secs(120));
        assert_eq!(ok("24h"), Duration::from_secs(86_400));
        assert_eq!(ok("30d"), Duration::from_secs(30 * 86_400));
        assert_eq!("60".parse::<Span>(), Err(BadSpan::NoUnit));
        for bad in ["", "s", "-1s", "1.5h", "1w", "60 seconds", "é1s", "1é"] {
            assert_eq!(bad.parse::<Span>(), Err(BadSpan::Unreadable), "{bad}");
        }
        assert_eq!(
            "99999999999999999999d".parse::<Span>(),
            Err(BadSpan::TooLong)
        );
        assert_eq!("4000d".parse::<Span>(), Err(BadSpan::TooLong));
    }

    #[test]
    fn it_is_shown_in_the_longest_unit_that_divides_it() {
        for text in ["250ms", "61s", "2m", "72h", "30d", "0s"] {
            let shown = text.parse::<Span>().unwrap().to_string();
            assert_eq!(
                shown.parse::<Span>().unwrap(),
                text.parse::<Span>().unwrap()
            );
        }
        assert_eq!("48h".parse::<Span>().unwrap().to_string(), "2d");
    }
}
