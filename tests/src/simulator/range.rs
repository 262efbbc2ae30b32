//! Many histories on all cores, and what they came to in one line. Neighbour: the command `simulate`.

use super::{Breach, Ended, History, KINDS, Law, live, mappings};
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// Seeds that one thread takes at a time.
const BATCH: u64 = 64;

/// What many histories came to.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Histories.
    pub histories: u64,
    /// Time that a core was at it, in seconds, where the system tells.
    pub core_seconds: f64,
    /// Things that happened.
    pub steps: u64,
    /// How often each kind of fault fired.
    pub fired: [u64; KINDS],
    /// Processes that died.
    pub crashes: u64,
    /// Intents that wait for a person.
    pub parked: u64,
    /// Intents flagged as a possible duplicate.
    pub flagged: u64,
    /// Writes that reached a remote.
    pub writes: u64,
    /// In how many histories each law was asked of something.
    pub asked: Vec<u64>,
    /// In how many it was asked soon after the healing.
    pub asked_in_time: Vec<u64>,
    /// In how many something excused it of something, and in how many of everything.
    pub excused: Vec<(u64, u64)>,
    /// The seeds that broke a law, the lowest first.
    pub broken: Vec<(u64, Breach)>,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            histories: 0,
            core_seconds: 0.0,
            steps: 0,
            fired: [0; KINDS],
            crashes: 0,
            parked: 0,
            flagged: 0,
            writes: 0,
            asked: vec![0; Law::ALL.len()],
            asked_in_time: vec![0; Law::ALL.len()],
            excused: vec![(0, 0); Law::ALL.len()],
            broken: Vec::new(),
        }
    }
}

impl Totals {
    fn add(&mut self, seed: u64, ended: Ended) {
        self.histories += 1;
        self.steps += ended.steps;
        for (all, one) in self.fired.iter_mut().zip(ended.fired) {
            *all += u64::from(one);
        }
        self.crashes += u64::from(ended.crashes);
        self.parked += u64::from(ended.parked);
        self.flagged += u64::from(ended.flagged);
        self.writes += u64::from(ended.writes);
        for (all, law) in self.asked.iter_mut().zip(Law::ALL) {
            *all += u64::from(ended.asked & law.bit() != 0);
        }
        for (all, law) in self.asked_in_time.iter_mut().zip(Law::ALL) {
            *all += u64::from(ended.asked_in_time & law.bit() != 0);
        }
        for ((of_some, of_all), law) in self.excused.iter_mut().zip(Law::ALL) {
            let excused = ended.excused & law.bit() != 0;
            *of_some += u64::from(excused);
            *of_all += u64::from(excused && ended.asked & law.bit() == 0);
        }
        self.broken
            .extend(ended.breach.map(|breach| (seed, breach)));
    }

    fn join(&mut self, other: Self) {
        self.histories += other.histories;
        self.core_seconds += other.core_seconds;
        self.steps += other.steps;
        for (all, more) in self.fired.iter_mut().zip(other.fired) {
            *all += more;
        }
        self.crashes += other.crashes;
        self.parked += other.parked;
        self.flagged += other.flagged;
        self.writes += other.writes;
        for (all, more) in self.asked.iter_mut().zip(other.asked) {
            *all += more;
        }
        for (all, more) in self.asked_in_time.iter_mut().zip(other.asked_in_time) {
            *all += more;
        }
        for (all, more) in self.excused.iter_mut().zip(other.excused) {
            *all = (all.0 + more.0, all.1 + more.1);
        }
        self.broken.extend(other.broken);
    }
}

/// Lives the histories of all seeds from `first` to before `end`, on so many threads. When
/// `broken_max` broke a law, no more are begun.
#[must_use]
pub fn range(first: u64, end: u64, threads: usize, broken_max: usize) -> Totals {
    let next = AtomicU64::new(first);
    let broken = AtomicU64::new(0);
    let totals = Mutex::new(Totals::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut mine = Totals::default();
                let mappings = mappings();
                while (broken.load(Ordering::Relaxed) as usize) < broken_max {
                    let from = next.fetch_add(BATCH, Ordering::Relaxed);
                    if from >= end {
                        break;
                    }
                    let before = mine.broken.len();
                    for seed in from..(from + BATCH).min(end) {
                        mine.add(seed, live(&History::drawn(seed), &mappings, false));
                    }
                    let more = (mine.broken.len() - before) as u64;
                    broken.fetch_add(more, Ordering::Relaxed);
                }
                mine.core_seconds = core_seconds();
                totals
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .join(mine);
            });
        }
    });
    let mut totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    totals.broken.sort_by_key(|(seed, _)| *seed);
    totals
}

/// How long this thread was at work on a core; 0 where the system does not tell.
fn core_seconds() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told.split_whitespace().next().and_then(|n| n.parse().ok());
    nanos.map_or(0.0, |n: f64| n / 1e9)
}
