//! The office hours of a bridge, checked, and whether somebody is in. Neighbours: build, which has them
//! read; `bridge_core::lane`, which is told what a customer reads who writes while nobody is.

use super::{document::join, report::Report, spec::HoursSpec};
use bridge_core::{
    lane::{AWAY_WITHIN, Away},
    text::Text,
    time::Timestamp,
};
use jiff::{
    civil::{Date, Weekday},
    tz::TimeZone,
};

/// The minutes of a day, and the end of its last.
const DAY_MINUTES: u32 = 24 * 60;

/// Hours begin and end with a minute.
const MINUTE_MILLIS: i64 = 60_000;

/// When somebody is in.
#[derive(Clone, Debug)]
pub struct Hours {
    zone: TimeZone,
    /// From Monday on; each span from a minute of the day up to another.
    week: [Vec<(u32, u32)>; 7],
    closed_on: Vec<Date>,
    away_message: Text,
}

impl Hours {
    /// Since when nobody is in at this moment, and what a customer reads then; `None` while somebody
    /// is in. It is looked back no further than the Lanes ask for.
    #[must_use]
    pub fn away(&self, at: Timestamp) -> Option<Away<'_>> {
        let minute_begins = Timestamp(at.0 - at.0.rem_euclid(MINUTE_MILLIS));
        if self.is_open(at) {
            return None;
        }
        let minutes = AWAY_WITHIN.as_secs().div_ceil(60);
        let mut since = minute_begins;
        for _ in 0..minutes {
            let earlier = Timestamp(since.0 - MINUTE_MILLIS);
            if self.is_open(earlier) {
                break;
            }
            since = earlier;
        }
        Some(Away {
            message: &self.away_message,
            since,
        })
    }

    fn is_open(&self, at: Timestamp) -> bool {
        let Ok(at) = jiff::Timestamp::from_millisecond(at.0) else {
            return true;
        };
        let there = at.to_zoned(self.zone.clone());
        if self.closed_on.contains(&there.date()) {
            return false;
        }
        let day = match there.weekday() {
            Weekday::Monday => 0,
            Weekday::Tuesday => 1,
            Weekday::Wednesday => 2,
            Weekday::Thursday => 3,
            Weekday::Friday => 4,
            Weekday::Saturday => 5,
            Weekday::Sunday => 6,
        };
        let minute = |of: i8| u32::try_from(of).unwrap_or(0);
        let now = minute(there.hour()) * 60 + minute(there.minute());
        let spans = self.week.get(day).into_iter().flatten();
        spans
            .into_iter()
            .any(|(from, to)| (*from..*to).contains(&now))
    }
}

pub(super) fn build(spec: &HoursSpec, key: &str, report: &mut Report<'_>) -> Option<Hours> {
    let zone = TimeZone::get(spec.time_zone.trim());
    if zone.is_err() {
        report.problem(
            &join(key, "time_zone"),
            "there is no such time zone",
            "write its IANA name, such as \"America/Sao_Paulo\"",
        );
    }
    if spec.away_message.trim().is_empty() {
        report.problem(
            &join(key, "away_message"),
            "it is empty",
            "write what the customer reads, or leave the table `hours` out",
        );
    }
    let days = [
        ("monday", &spec.monday),
        ("tuesday", &spec.tuesday),
        ("wednesday", &spec.wednesday),
        ("thursday", &spec.thursday),
        ("friday", &spec.friday),
        ("saturday", &spec.saturday),
        ("sunday", &spec.sunday),
    ];
    if days.iter().all(|(_, spans)| spans.is_empty()) {
        report.problem(
            key,
            "nobody is ever in",
            "add a day, such as monday = [\"09:00-18:00\"]",
        );
    }
    let week = days.map(|(day, spans)| spans_of(spans, &join(key, day), report));
    let closed_on = dates(&spec.closed_on, &join(key, "closed_on"), report);
    Some(Hours {
        zone: zone.ok()?,
        week,
        closed_on,
        away_message: Text::from(spec.away_message.as_str()),
    })
}

fn spans_of(written: &[String], key: &str, report: &mut Report<'_>) -> Vec<(u32, u32)> {
    let mut spans = Vec::new();
    for (n, span) in written.iter().enumerate() {
        let ends = span.split_once('-');
        let ends = ends.and_then(|(from, to)| Some((minute_of(from)?, minute_of(to)?)));
        match ends.filter(|(from, to)| from < to) {
            Some(ends) => spans.push(ends),
            None => report.problem(
                &format!("{key}[{n}]"),
                "it is no span of a day",
                "write from and to, such as \"09:00-18:00\"; what goes past midnight is two spans",
            ),
        }
    }
    spans
}

/// `09:30` as the minute of the day; `24:00` is its end.
fn minute_of(time: &str) -> Option<u32> {
    let (hour, minute) = time.trim().split_once(':')?;
    let number = |word: &str| {
        let fits = word.len() == 2 && word.bytes().all(|b| b.is_ascii_digit());
        word.parse::<u32>().ok().filter(|_| fits)
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= DAY_MINUTES).then_some(of_day)
}

fn dates(written: &[String], key: &str, report: &mut Report<'_>) -> Vec<Date> {
    let mut dates = Vec::new();
    for (n, date) in written.iter().enumerate() {
        match date.trim().parse() {
            Ok(date) => dates.push(date),
            Err(_) => report.problem(
                &format!("{key}[{n}]"),
                "it is no date",
                "write year, month and day, such as \"2026-12-25\"",
            ),
        }
    }
    dates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours() -> Hours {
        let weekday = vec![(9 * 60, 12 * 60), (13 * 60, 18 * 60)];
        let mut week: [Vec<(u32, u32)>; 7] = std::array::from_fn(|_| weekday.clone());
        week[5] = vec![(22 * 60, DAY_MINUTES)];
        week[6] = vec![];
        Hours {
            zone: TimeZone::get("America/Sao_Paulo").unwrap(),
            week,
            closed_on: vec!["2026-12-25".parse().unwrap()],
            away_message: Text::from("amanhã"),
        }
    }

    fn is_in(at: &str) -> bool {
        hours().away(moment(at)).is_none()
    }

    fn moment(at: &str) -> Timestamp {
        let at: jiff::Timestamp = at.parse().unwrap();
        Timestamp(at.as_millisecond())
    }

    #[test]
    fn who_wrote_before_the_end_of_the_day_wrote_to_somebody() {
        for (now, since) in [
            ("2026-11-25T21:00:07Z", "2026-11-25T21:00:00Z"),
            ("2026-11-25T21:20:40Z", "2026-11-25T21:00:00Z"),
            ("2026-11-26T03:00:30Z", "2026-11-26T02:00:00Z"),
        ] {
            let hours = hours();
            let away = hours.away(moment(now)).unwrap();
            assert_eq!(away.since, moment(since), "at {now}");
        }
    }

    #[test]
    fn somebody_is_in_by_the_clock_of_the_place() {
        // Wednesday, 25 November 2026, three hours behind UTC.
        assert!(!is_in("2026-11-25T11:59:59Z"), "before nine");
        assert!(is_in("2026-11-25T12:00:00Z"), "at nine");
        assert!(!is_in("2026-11-25T15:30:00Z"), "at noon");
        assert!(is_in("2026-11-25T20:59:59Z"), "before six");
        assert!(!is_in("2026-11-25T21:00:00Z"), "at six");
    }

    #[test]
    fn a_span_may_end_with_its_day_and_a_day_may_be_free() {
        assert!(is_in("2026-11-29T02:59:59Z"), "Saturday, before midnight");
        assert!(!is_in("2026-11-29T03:00:00Z"), "Sunday");
        assert!(!is_in("2026-12-25T15:00:00Z"), "Christmas, a Friday");
    }

    #[test]
    fn a_time_is_two_digits_and_two_digits_of_one_day() {
        assert_eq!(minute_of("09:30"), Some(570));
        assert_eq!(minute_of(" 24:00 "), Some(DAY_MINUTES));
        for wrong in ["9:30", "24:01", "09:60", "0930", "+9:30", ""] {
            assert_eq!(minute_of(wrong), None, "{wrong}");
        }
    }
}
