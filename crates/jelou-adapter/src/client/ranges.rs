//! Which spans of time the report is asked for, so that given conversations can be in the answer.
//! Neighbour: `listing`, which asks.
//!
//! The report lists by time alone. No page says whether a conversation is listed by its beginning or by
//! its end, so both moments are asked for and nothing of what lies between. Nor does a page say whether
//! the offset that is sent is heeded: a look that found nothing is made again with a day more on both
//! sides. The two are asked for apart: a range of two days would swallow the near ones of all others.

use super::Range;
use bridge_core::time::Timestamp;
use std::time::Duration;

/// How far around a moment it is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Margin {
    /// A quarter of an hour: our clock against Jelou's, and what lies between an event and its row.
    Near,
    /// 27 hours: more than any zone is away from any other (26 hours).
    Far,
}

impl Margin {
    fn time(self) -> Duration {
        match self {
            Self::Near => Duration::from_secs(15 * 60),
            Self::Far => Duration::from_secs(27 * 3600),
        }
    }
}

/// When a conversation that is looked for began and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought {
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
}

impl Sought {
    /// Whether all of it that is to be read lies in ranges that were.
    #[must_use]
    pub fn is_within(&self, ranges: &[Range], margin: Margin) -> bool {
        let mut own = self.around(margin).into_iter();
        own.all(|own| {
            let mut ranges = ranges.iter();
            ranges.any(|range| range.from <= own.from && own.to <= range.to)
        })
    }

    fn around(&self, margin: Margin) -> [Range; 2] {
        [self.began, self.ended].map(|at| Range {
            from: at.minus(margin.time()),
            to: at.plus(margin.time()),
        })
    }
}

/// The ranges in which all of these must lie, the earliest first; none touches another.
#[must_use]
pub fn ranges_of(sought: &[Sought], margin: Margin) -> Vec<Range> {
    let mut all: Vec<Range> = sought.iter().flat_map(|one| one.around(margin)).collect();
    all.sort_by_key(|range| (range.from, range.to));
    let mut apart: Vec<Range> = Vec::new();
    for range in all {
        match apart.last_mut().filter(|last| range.from <= last.to) {
            Some(last) => last.to = last.to.max(range.to),
            None => apart.push(range),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn sought(began: i64, ended: i64) -> Sought {
        Sought {
            began: Timestamp(began * MINUTE),
            ended: Timestamp(ended * MINUTE),
        }
    }

    fn minutes(ranges: &[Range]) -> Vec<(i64, i64)> {
        let one = |range: &Range| (range.from.0 / MINUTE, range.to.0 / MINUTE);
        ranges.iter().map(one).collect()
    }

    #[test]
    fn two_hundred_that_end_together_are_one_range() {
        let many: Vec<Sought> = (0..200).map(|n| sought(1_000, 1_001 + n / 40)).collect();
        assert_eq!(minutes(&ranges_of(&many, Margin::Near)), [(985, 1_020)]);
    }

    #[test]
    fn a_conversation_of_a_week_is_asked_for_at_both_ends_only() {
        let week = sought(1_000, 11_080);
        let near = ranges_of(&[week], Margin::Near);
        assert_eq!(minutes(&near), [(985, 1_015), (11_065, 11_095)]);
        assert!(week.is_within(&near, Margin::Near));
        assert!(
            !week.is_within(&near[..1], Margin::Near),
            "one end is not both"
        );
    }

    #[test]
    fn what_was_not_there_is_looked_for_in_every_zone() {
        let again = sought(10_000, 10_005);
        let [range] = ranges_of(&[again], Margin::Far)[..] else {
            panic!("one range was meant");
        };
        assert!(Timestamp(10_000 * MINUTE).since(range.from) >= Duration::from_secs(26 * 3600));
        assert!(range.to.since(Timestamp(10_005 * MINUTE)) >= Duration::from_secs(26 * 3600));
    }

    #[test]
    fn nothing_sought_is_nothing_asked() {
        assert!(ranges_of(&[], Margin::Near).is_empty());
    }
}
