//! Who waits for Jelou's report, and what it told: the wishes of many Lanes become one reading, and its
//! answers wait here until each Lane comes for its own. Neighbours: `observe`, which asks for a Lane;
//! the round beside this file, which reads.
//!
//! It is memory only. After a restart each Lane asks again.

use bridge_core::{
    call::CallError,
    ids::{BridgeName, ConversationId},
    report::{Attended, InReport},
    time::Timestamp,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The first wish waits this long for others of the same moment.
const GATHER: Duration = Duration::from_millis(500);

/// A Lane comes for its answer this long after the reading began: most are over by then.
const COME_BACK: Duration = Duration::from_secs(2);

/// A Retry-After holds a reading back for this long at most; the looks have moments of their own.
const HELD_BACK_MOST: Duration = Duration::from_secs(3600);

/// An answer that nobody came for is kept this long.
const ANSWER_KEPT: Duration = Duration::from_secs(600);

/// Doubted conversations that are remembered; then it begins anew.
const DOUBTED_MAX: usize = 10_000;

/// Wishes of one reading: what one hour of the busiest bridge brings. Others wait for the next.
const WISHES_MAX: usize = 5_000;

/// One conversation that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Which look this is, from one.
    pub look: u32,
}

/// What a reading found.
#[derive(Debug, Default)]
pub(in crate::jobs) struct Reading {
    /// The rows of conversations that were looked for.
    pub rows: BTreeMap<ConversationId, Attended>,
    /// What kept any of it from being read to its end.
    pub broken: Option<String>,
    /// Who may be in what was not read.
    pub unread: BTreeSet<ConversationId>,
    /// No other reading before that much time is over.
    pub after: Option<Duration>,
}

/// How the log is to tell of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum News {
    /// As the one before.
    None,
    /// It fails, and did not before or for another reason.
    Fails,
    /// It works again.
    WorksAgain,
}

struct Answered {
    look: u32,
    at: Timestamp,
    told: Result<InReport, String>,
}

#[derive(Default)]
struct Waiting {
    wishes: BTreeMap<ConversationId, Wish>,
    reading: BTreeMap<ConversationId, Wish>,
    /// Until when that reading must be over.
    reading_until: Timestamp,
    /// When the next reading begins.
    reads_at: Option<Timestamp>,
    /// No reading before this.
    earliest: Timestamp,
    answers: BTreeMap<ConversationId, Answered>,
    /// Open conversations that a reading had as ended and that the sweep was told of.
    doubted: BTreeSet<ConversationId>,
    trouble: Option<String>,
}

/// The wishes and answers of all bridges.
#[derive(Default)]
pub struct Board(Mutex<BTreeMap<BridgeName, Waiting>>);

impl Board {
    /// What the report says of a conversation, if that was read since it was first asked for.
    ///
    /// # Errors
    /// [`CallError::Later`] where the report could not be read.
    pub fn ask(
        &self,
        bridge: &BridgeName,
        conversation: &ConversationId,
        wish: Wish,
        now: Timestamp,
    ) -> Result<InReport, CallError> {
        let mut all = self.all();
        let waiting = all.entry(bridge.clone()).or_default();
        let answered = waiting.answers.get(conversation);
        if let Some(answered) = answered.filter(|answered| answered.look == wish.look) {
            return answered.told.clone().map_err(|reason| CallError::Later {
                after: None,
                status: None,
                reason,
                host_wide: false,
            });
        }
        let until = if waiting.reading.contains_key(conversation) && now < waiting.reading_until {
            now.plus(COME_BACK)
        } else {
            if waiting.wishes.len() < WISHES_MAX {
                waiting.wishes.insert(conversation.clone(), wish);
            }
            waiting.next_reading(now).plus(COME_BACK)
        };
        Ok(InReport::Gathering { until })
    }

    /// Whether a reading is to begin.
    pub(in crate::jobs) fn is_due(&self, bridge: &BridgeName, now: Timestamp) -> bool {
        let mut all = self.all();
        let Some(waiting) = all.get_mut(bridge).filter(|w| !w.wishes.is_empty()) else {
            return false;
        };
        let over = waiting.reading.is_empty() || now >= waiting.reading_until;
        over && waiting.next_reading(now) <= now
    }

    /// Begins a reading, which must be over by `until`: gives what is looked for.
    pub(in crate::jobs) fn begin(
        &self,
        bridge: &BridgeName,
        until: Timestamp,
    ) -> BTreeMap<ConversationId, Wish> {
        let mut all = self.all();
        let waiting = all.entry(bridge.clone()).or_default();
        waiting.reading = std::mem::take(&mut waiting.wishes);
        waiting.reading_until = until;
        waiting.reads_at = None;
        waiting.reading.clone()
    }

    /// Leaves of these the ones that no reading had as ended before: the sweep looks at each of them
    /// first once, or a report that is wrong would have it look at nothing else.
    pub(in crate::jobs) fn newly_doubted(
        &self,
        bridge: &BridgeName,
        mut ended: Vec<ConversationId>,
    ) -> Vec<ConversationId> {
        let mut all = self.all();
        let doubted = &mut all.entry(bridge.clone()).or_default().doubted;
        if doubted.len() > DOUBTED_MAX {
            doubted.clear();
        }
        ended.retain(|id| doubted.insert(id.clone()));
        ended
    }

    /// A reading ended: each wish of it has its answer. The next one begins no sooner than after
    /// `apart`.
    pub(in crate::jobs) fn end(
        &self,
        bridge: &BridgeName,
        mut reading: Reading,
        apart: Duration,
        now: Timestamp,
    ) -> News {
        let mut all = self.all();
        let waiting = all.entry(bridge.clone()).or_default();
        let answers = &mut waiting.answers;
        answers.retain(|_, answered| now.since(answered.at) < ANSWER_KEPT);
        for (conversation, wish) in std::mem::take(&mut waiting.reading) {
            let told = match (reading.rows.remove(&conversation), &reading.broken) {
                (Some(row), _) => Ok(InReport::There { row: Box::new(row) }),
                (None, Some(why)) if reading.unread.contains(&conversation) => Err(why.clone()),
                (None, _) => Ok(InReport::Missing),
            };
            let answered = Answered {
                look: wish.look,
                at: now,
                told,
            };
            answers.insert(conversation, answered);
        }
        waiting.earliest = now.plus(reading.after.unwrap_or(apart).max(apart));
        let news = match (&waiting.trouble, &reading.broken) {
            (before, Some(why)) if before.as_ref() != Some(why) => News::Fails,
            (Some(_), None) => News::WorksAgain,
            (_, _) => News::None,
        };
        waiting.trouble = reading.broken;
        news
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<BridgeName, Waiting>> {
        // What a panic left is wishes and answers still.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// When the next reading begins; one is planned if none is. A clock that was set back moves none
    /// further away than a reading may be held back.
    fn next_reading(&mut self, now: Timestamp) -> Timestamp {
        self.earliest = self.earliest.min(now.plus(HELD_BACK_MOST));
        let soon = now.plus(GATHER).max(self.earliest);
        let at = self.reads_at.unwrap_or(soon).min(soon);
        self.reads_at = Some(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APART: Duration = Duration::from_secs(100);
    const SOON: Duration = Duration::from_secs(60);

    fn bridge() -> BridgeName {
        BridgeName::parse("main").unwrap()
    }

    fn talk(number: usize) -> ConversationId {
        ConversationId::parse(&format!("c{number}")).unwrap()
    }

    fn asked(board: &Board, number: usize, look: u32, now: i64) -> Result<InReport, CallError> {
        let (began, ended) = (Timestamp(0), Timestamp(0));
        let wish = Wish { began, ended, look };
        board.ask(&bridge(), &talk(number), wish, Timestamp(now))
    }

    fn row(number: usize) -> Attended {
        Attended {
            conversation: talk(number),
            user: None,
            bot_name: None,
            operator: None,
            team: None,
            state: None,
            ended_reason: None,
            origin: None,
            started_at: None,
            ended_at: None,
            first_reply: None,
            duration: None,
        }
    }

    fn read(board: &Board, reading: Reading, now: i64) -> (usize, News) {
        let now = Timestamp(now);
        let wishes = board.begin(&bridge(), now.plus(SOON));
        (wishes.len(), board.end(&bridge(), reading, APART, now))
    }

    #[test]
    fn wishes_of_one_moment_are_one_reading_and_each_gets_its_own_answer() {
        let board = Board::default();
        for number in 0..200 {
            let gathering = asked(&board, number, 1, 0).unwrap();
            let until = Timestamp(0).plus(GATHER).plus(COME_BACK);
            assert_eq!(gathering, InReport::Gathering { until });
        }
        assert!(!board.is_due(&bridge(), Timestamp(0)), "others may come");
        assert!(board.is_due(&bridge(), Timestamp(500)));
        let reading = Reading {
            rows: BTreeMap::from([(talk(7), row(7))]),
            ..Reading::default()
        };
        assert_eq!(read(&board, reading, 500).0, 200);
        let there = InReport::There {
            row: Box::new(row(7)),
        };
        assert_eq!(asked(&board, 7, 1, 2_500).unwrap(), there);
        assert_eq!(asked(&board, 8, 1, 2_500).unwrap(), InReport::Missing);
        assert!(
            !board.is_due(&bridge(), Timestamp(1_000_000)),
            "all is told"
        );
    }

    #[test]
    fn the_next_reading_keeps_its_distance_from_the_last() {
        let board = Board::default();
        let _ = asked(&board, 1, 1, 0);
        let _ = read(&board, Reading::default(), 500);
        let _ = asked(&board, 2, 1, 1_000);
        assert!(!board.is_due(&bridge(), Timestamp(100_499)));
        assert!(board.is_due(&bridge(), Timestamp(100_500)));
    }

    #[test]
    fn who_asks_again_while_it_is_read_makes_no_other_reading() {
        let board = Board::default();
        let _ = asked(&board, 1, 1, 0);
        let _ = board.begin(&bridge(), Timestamp(60_000));
        let gathering = asked(&board, 1, 1, 3_000).unwrap();
        let until = Timestamp(3_000).plus(COME_BACK);
        assert_eq!(gathering, InReport::Gathering { until });
        assert!(!board.is_due(&bridge(), Timestamp(50_000)));
        // Whoever read it is gone.
        let _ = asked(&board, 1, 1, 60_000);
        assert!(board.is_due(&bridge(), Timestamp(61_000)));
    }

    #[test]
    fn the_sweep_is_told_of_a_doubt_once() {
        let board = Board::default();
        let newly = |ids: &[usize]| {
            let ids = ids.iter().map(|id| talk(*id)).collect();
            board.newly_doubted(&bridge(), ids)
        };
        assert_eq!(newly(&[1, 2]), [talk(1), talk(2)]);
        assert_eq!(newly(&[2, 3]), [talk(3)]);
    }

    #[test]
    fn a_second_look_is_not_answered_by_the_first_one() {
        let board = Board::default();
        let _ = asked(&board, 1, 1, 0);
        let _ = read(&board, Reading::default(), 500);
        let told = asked(&board, 1, 2, 3_600_000).unwrap();
        assert!(matches!(told, InReport::Gathering { .. }));
    }

    #[test]
    fn trouble_is_news_once_and_so_is_its_end() {
        let board = Board::default();
        let broken = || Reading {
            broken: Some("401".to_owned()),
            unread: BTreeSet::from([talk(1)]),
            ..Reading::default()
        };
        let _ = asked(&board, 1, 1, 0);
        assert_eq!(read(&board, broken(), 500), (1, News::Fails));
        assert!(asked(&board, 1, 1, 2_500).is_err(), "nobody could tell");
        assert_eq!(read(&board, broken(), 200_000).1, News::None);
        assert_eq!(
            read(&board, Reading::default(), 300_000).1,
            News::WorksAgain
        );
        assert_eq!(read(&board, Reading::default(), 400_000).1, News::None);
    }

    #[test]
    fn a_span_that_was_not_read_is_a_failure_of_those_alone_who_may_be_in_it() {
        let board = Board::default();
        let _ = asked(&board, 1, 1, 0);
        let _ = asked(&board, 2, 2, 0);
        let reading = Reading {
            broken: Some("500".to_owned()),
            unread: BTreeSet::from([talk(2)]),
            ..Reading::default()
        };
        let _ = read(&board, reading, 500);
        assert_eq!(asked(&board, 1, 1, 2_500).unwrap(), InReport::Missing);
        assert!(asked(&board, 2, 2, 2_500).is_err());
    }

    #[test]
    fn a_retry_after_holds_the_next_reading_back_and_no_longer_than_an_hour() {
        for (after, held) in [(600, 600_000), (86_400, 3_600_000)] {
            let board = Board::default();
            let reading = Reading {
                after: Some(Duration::from_secs(after)),
                ..Reading::default()
            };
            let _ = read(&board, reading, 0);
            let _ = asked(&board, 1, 1, 0);
            assert!(!board.is_due(&bridge(), Timestamp(held - 1)));
            assert!(board.is_due(&bridge(), Timestamp(held)));
        }
    }
}
