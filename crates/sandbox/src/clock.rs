//! The one place of this crate that asks what time it is. Neighbours: everyone who stamps.

use jiff::Timestamp;

/// Milliseconds since 1970, UTC.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// `2026-01-15T10:30:00.000Z`, the form Jelou's pages show.
pub(crate) fn iso(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .map(|at| format!("{at:.3}"))
        .unwrap_or_default()
}

/// The inverse of [`iso`], for any offset; `None` where the text is no time.
pub(crate) fn parse_iso(text: &str) -> Option<i64> {
    text.parse::<Timestamp>()
        .ok()
        .map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_on_jelous_pages() {
        assert_eq!(iso(1_768_473_000_000), "2026-01-15T10:30:00.000Z");
        assert_eq!(
            parse_iso("2026-01-15T05:30:00-05:00"),
            Some(1_768_473_000_000)
        );
    }
}
