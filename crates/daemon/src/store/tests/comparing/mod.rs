//! One random history on both stores: the same answers at each step, and the same rows at the end.
//! Neighbours: `on_sqlite` and `in_memory`, which tell one meaning at a time.
//!
//! The stores name their Lanes differently. Before two things are compared, each name that SQLite
//! drew is replaced by the one that memory counted.

mod arriving;
mod change;
mod rows;
mod tending;
mod working;

use super::{on_sqlite::fresh, *};
use crate::store::{
    Admission, Changes, ClaimedLane, CommitError, LinkFilter, ParkedFilter, Received, Routed,
    TimelineOf, Wake, memory::Memory,
};
use bridge_core::{
    effect::Operation,
    halt::Limits,
    ids::{DeliveryId, LaneId, MessageId},
    intent::Parked,
    lane::{Entry, EntryKind, Fate, Message, Outcome, Place, TicketMemory},
    link::Ended,
};
use sqlx::{ConnectOptions, Row, sqlite::SqliteConnectOptions};
use std::fmt::Debug;

const STEPS: usize = 60;

const LIMITS: Limits = Limits {
    max_share: 0.0,
    min_count: 1,
    window: Duration::from_secs(60),
};

/// A row of numbers that its seed alone decides.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    fn once_in(&mut self, sides: usize) -> bool {
        self.below(sides) == 0
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() {
            return None;
        }
        Some(&of[self.below(of.len())])
    }

    fn digit(&mut self) -> String {
        self.below(4).to_string()
    }
}

/// A Claim on each side.
#[derive(Clone)]
struct Held {
    disk: ClaimedLane,
    memory: ClaimedLane,
}

struct Pair {
    disk: on_sqlite::Fresh,
    memory: Memory,
    /// Each Lane's name on the disk, and in memory.
    lanes: Vec<(LaneId, LaneId)>,
    claims: Vec<Held>,
    now: i64,
    dice: Dice,
    told: Vec<String>,
}

impl Pair {
    fn now(&self) -> Timestamp {
        at(self.now)
    }

    /// What SQLite said, in memory's names.
    fn translated(&self, words: &str) -> String {
        let known = self.lanes.iter();
        known.fold(words.to_owned(), |words, (disk, memory)| {
            words.replace(disk.as_str(), memory.as_str())
        })
    }

    #[track_caller]
    fn same(&mut self, what: &str, disk: &impl Debug, memory: &impl Debug) {
        let (disk, memory) = (self.translated(&format!("{disk:?}")), format!("{memory:?}"));
        assert_eq!(disk, memory, "{what}, after {:#?}", self.told);
        self.told.push(format!("{} {what}: {memory}", self.now));
    }

    fn a_delivery(&mut self) -> DeliveryId {
        let last = self.memory.deliveries().last().map_or(0, |d| d.id.0);
        let known = usize::try_from(last).unwrap();
        DeliveryId(i64::try_from(self.dice.below(known + 1) + 1).unwrap())
    }

    fn a_delivery_that_is(&mut self, state: &str) -> DeliveryId {
        let mut such = self.memory.deliveries().filter(|d| d.state == state);
        let first = such.next().map(|d| d.id);
        drop(such);
        match first {
            Some(first) if !self.dice.once_in(4) => first,
            _ => self.a_delivery(),
        }
    }

    fn a_user(&mut self) -> UserId {
        user(&format!("u{}", self.dice.below(5)))
    }

    fn a_lane(&mut self) -> Option<(LaneId, LaneId)> {
        self.dice.one(&self.lanes).cloned()
    }

    fn a_claim(&mut self) -> Option<usize> {
        let last = self.claims.len().checked_sub(1)?;
        // Mostly the latest, which mostly holds.
        if self.dice.below(3) > 0 {
            return Some(last);
        }
        Some(self.dice.below(last + 1))
    }

    async fn step(&mut self) {
        self.now += 1;
        if self.dice.once_in(8) {
            self.now += i64::try_from(self.dice.below(20_000)).unwrap();
        }
        match self.dice.below(28) {
            0..=2 => self.record().await,
            3..=4 => self.claim_routes().await,
            5..=8 => self.route().await,
            9..=10 => self.claim_lanes().await,
            11 => self.claim_lane().await,
            12..=15 => self.commit().await,
            16..=17 => self.release().await,
            18 => self.commit_sent().await,
            19 => self.join().await,
            20 => self.forward().await,
            21 => self.wake().await,
            22 => self.tend().await,
            23..=24 => self.restart_or_begin().await,
            _ => self.commit_sent().await,
        }
        if self.dice.once_in(4) {
            self.look().await;
        }
    }
}

fn both<T: Clone>(of: T) -> (T, T) {
    (of.clone(), of)
}

fn between(before: &ClaimedLane, after: &ClaimedLane) -> Changes {
    Changes::between(&before.lane, &after.lane).unwrap()
}

/// What must have come up somewhere, else the histories are too tame to show anything.
const MUST_COME_UP: [&str; 12] = [
    "commit: Err(Fenced)",
    "commit: Err(TicketTaken",
    "commit: Err(ConversationTaken",
    "commit: Err(IntentTaken",
    "commit_sent: Ok(Out)",
    "commit_sent: Ok(Held",
    "join: Ok(Into(",
    "join: Ok(Busy)",
    "forward: Ok(())",
    "retry: Ok(())",
    "discard: Ok(())",
    "begin: TurnedLive { dropped: 1 }",
];

async fn histories(seeds: std::ops::Range<u64>) {
    let mut told = String::new();
    for seed in seeds {
        let mut pair = Pair {
            disk: fresh().await,
            memory: Memory::new("first", 10_000),
            lanes: Vec::new(),
            claims: Vec::new(),
            now: 1_000_000,
            dice: Dice(seed),
            told: vec![format!("seed {seed}")],
        };
        for _ in 0..STEPS {
            pair.step().await;
        }
        pair.compare_all().await;
        told.push_str(&pair.told.join("\n"));
    }
    for word in MUST_COME_UP {
        assert!(told.contains(word), "`{word}` came up nowhere");
    }
}

#[tokio::test]
async fn one_history_on_both_stores_gives_the_same_answers_and_the_same_rows() {
    histories(0..75).await;
}

#[tokio::test]
async fn another_history_on_both_stores_does_as_well() {
    histories(75..150).await;
}
