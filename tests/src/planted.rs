//! Switches each planted bug on and looks which law the simulator says is broken. Neighbours:
//! `bridge_core::planted`, the bugs; `simulator`, which is on trial here; `bin/planted-bugs`.

use crate::simulator::{Breach, History, live, mappings};
use bridge_core::planted::{Planted, with};
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZero,
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::time::Instant;

/// Bugs that the histories are known not to find, each with the reason. All others must be found.
pub const UNFOUND: &[(Planted, &str)] = &[
    (
        Planted::CreatedAsFound,
        "`closed_is_closed` asks for it, but agents would have to close a ticket in the seconds between the lost answer to its create and the look that finds it: no history is known",
    ),
    (
        Planted::StatusLeftUnresolved,
        "a status is set when its conversation is over: a move of the ticket that is none has no conversation left to close, and the next look agrees on the same",
    ),
    (
        Planted::HintDroppedByRead,
        "what comes during a read is heard after it: no history hears a hint first and then a read that began before it",
    ),
    (
        Planted::OwnStatusTakenForMove,
        "as `status-left-unresolved`: the conversation is over, and what counts as a move ends the link as the answer would have",
    ),
    (
        Planted::OwnCloseSetsStatus,
        "the simulator lacks it: its Jelou tells of our close with an operator's reason, for which a ticket is set to what it is already",
    ),
    (
        Planted::TalkLaneNotAsked,
        "the join mends it: only a customer with two spellings has two lanes, and these are one before the worlds are compared",
    ),
    (
        Planted::FirstEventSettles,
        "a lane takes in all events of a delivery in one claim: none is left that could be lost",
    ),
    (
        Planted::OrderOfArrival,
        "a lane takes in all that waits before it decides, and that comes to the same in any order; the timeline alone shows it, which no law reads",
    ),
    (
        Planted::HalfLinkKept,
        "the lane ends what was only observed as well: nothing is left that could go wrong by it",
    ),
];

/// The bugs that must be found.
#[must_use]
pub fn to_be_found() -> Vec<Planted> {
    let all = Planted::ALL.iter().copied();
    all.filter(|bug| why_unfound(*bug).is_none()).collect()
}

/// Why no history finds this bug, if that is known.
#[must_use]
pub fn why_unfound(bug: Planted) -> Option<&'static str> {
    let known = UNFOUND.iter().find(|(unfound, _)| *unfound == bug);
    known.map(|(_, why)| *why)
}

/// How a bug was found.
#[derive(Clone, Debug)]
pub struct Caught {
    /// The seed of the history that broke a law.
    pub seed: u64,
    /// Which law, by its word.
    pub law: &'static str,
    /// By what.
    pub what: String,
}

/// What became of one bug.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Which.
    pub bug: Planted,
    /// How it was found; not at all, within the histories given.
    pub caught: Option<Caught>,
    /// How long that took on one core.
    pub took: Duration,
}

/// The first history of a range that breaks a law with this bug, or with none.
#[must_use]
pub fn first_breach(bug: Option<Planted>, seeds: Range<u64>) -> Option<Caught> {
    let mappings = mappings();
    let mut seeds = seeds.into_iter();
    with(bug, || {
        seeds.find_map(|seed| {
            let Breach { law, what } = live(&History::drawn(seed), &mappings, false).breach?;
            let law = law.as_str();
            Some(Caught { seed, law, what })
        })
    })
}

/// One history with this bug, or with none, line by line.
#[must_use]
pub fn told(bug: Option<Planted>, seed: u64) -> Vec<String> {
    let history = History::drawn(seed);
    let mut lines = vec![
        format!("{:?}", history.shape),
        format!("{:?}", history.faults),
    ];
    let ended = with(bug, || live(&history, &mappings(), true));
    lines.extend(ended.tale);
    lines.push(format!("{:?}", ended.breach));
    lines
}

/// Where a bug was found before, and by which law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The seed of the history.
    pub seed: u64,
    /// The law's word.
    pub law: String,
}

/// Where each bug was found before, by the table of docs/RELIABILITY.md.
///
/// # Errors
/// In a sentence each: what the table names that is no bug, and what must be found and is missing there.
pub fn known_histories(page: &str) -> Result<BTreeMap<Planted, Known>, Vec<String>> {
    let mut known = BTreeMap::new();
    let mut wrong = Vec::new();
    for row in page.lines() {
        let Some((name, seed, law)) = cells_of(row) else {
            continue;
        };
        match Planted::parse(name) {
            Some(bug) if why_unfound(bug).is_none() => {
                let law = law.to_owned();
                known.insert(bug, Known { seed, law });
            }
            Some(_) => wrong.push(format!(
                "the table says that {name} is found; UNFOUND says not"
            )),
            None => wrong.push(format!("the table names {name}, which is no planted bug")),
        }
    }
    let missing = to_be_found().into_iter();
    let missing = missing.filter(|bug| !known.contains_key(bug));
    wrong.extend(missing.map(|bug| format!("the table misses {}", bug.name())));
    if wrong.is_empty() {
        Ok(known)
    } else {
        Err(wrong)
    }
}

/// Name, history and law of a row of the table of what is found; no other row has a number there.
fn cells_of(row: &str) -> Option<(&str, u64, &str)> {
    let mut cells = row.strip_prefix("| `")?.trim_end_matches(" |").split(" | ");
    let name = cells.next()?.trim_end_matches('`');
    let seed = cells.nth(1)?.parse().ok()?;
    Some((name, seed, cells.next()?.trim_matches('`')))
}

/// How many were found within so many histories, which of the others at which one, and how many of all there
/// are stay unfound.
#[must_use]
pub fn closing(trials: &[Trial], within: u64) -> String {
    let caught = trials
        .iter()
        .filter_map(|t| Some((t.bug, t.caught.as_ref()?.seed)));
    let (near, far): (Vec<_>, Vec<_>) = caught.partition(|(_, seed)| *seed < within);
    let found: BTreeSet<Planted> = near.iter().chain(&far).map(|(bug, _)| *bug).collect();
    let beyond = far
        .iter()
        .map(|(bug, seed)| format!(", {} at {seed}", bug.name()));
    let unfound = UNFOUND.iter().filter(|(bug, _)| !found.contains(bug));
    format!(
        "{} of the {} planted bugs tried are found: {} within {within} histories each{}; {} of all {} stay unfound, \
         docs/RELIABILITY.md says why",
        found.len(),
        trials.len(),
        near.len(),
        beyond.collect::<String>(),
        unfound.count(),
        Planted::ALL.len(),
    )
}

/// What another law found than the table says, in a sentence each: the law of the table is not shown able
/// to fail then.
#[must_use]
pub fn found_by_another(trials: &[Trial], known: &BTreeMap<Planted, Known>) -> Vec<String> {
    let other = |trial: &Trial| {
        let (caught, known) = (trial.caught.as_ref()?, known.get(&trial.bug)?);
        let (name, is, was) = (trial.bug.name(), caught.law, &known.law);
        (is != was).then(|| format!("{name} is found by {is}, and the table says by {was}"))
    };
    trials.iter().filter_map(other).collect()
}

/// The history that shows this bug: the one that is known to, if it does still, else the first below
/// `within`. One that breaks a law without the bug as well shows nothing.
#[must_use]
pub fn caught(bug: Planted, known: Option<u64>, within: u64) -> Option<Caught> {
    let known = known.and_then(|seed| first_breach(Some(bug), seed..seed + 1));
    let caught = known.or_else(|| first_breach(Some(bug), 0..within))?;
    let clean = first_breach(None, caught.seed..caught.seed + 1).is_none();
    clean.then_some(caught)
}

/// Tries every bug of a list, each first on the history that is known to show it, if one is, and
/// then on the same histories; on all cores. Each result is handed out as soon as it is there.
pub fn try_all(
    bugs: &[Planted],
    known: &BTreeMap<Planted, Known>,
    within: u64,
    tell: impl Fn(&Trial) + Sync,
) -> Vec<Trial> {
    let next = AtomicUsize::new(0);
    let trials = Mutex::new(Vec::new());
    on_all_cores(|| {
        while let Some(bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            let begun = Instant::now();
            let caught = caught(bug, known.get(&bug).map(|known| known.seed), within);
            let took = begun.elapsed();
            let trial = Trial { bug, caught, took };
            tell(&trial);
            let mut trials = trials.lock().unwrap_or_else(PoisonError::into_inner);
            trials.push(trial);
        }
    });
    let mut trials = trials.into_inner().unwrap_or_else(PoisonError::into_inner);
    trials.sort_by_key(|trial| trial.bug);
    trials
}

/// The first history of each core's share below `within` that breaks a law although no bug is
/// switched on, for each law that breaks.
#[must_use]
pub fn sound_without(within: u64) -> Vec<Caught> {
    /// So many histories one core takes at a time.
    const CHUNK: u64 = 50;
    let next = AtomicUsize::new(0);
    let broken = Mutex::new(Vec::<Caught>::new());
    on_all_cores(|| {
        loop {
            let from = next.fetch_add(1, Ordering::Relaxed) as u64 * CHUNK;
            if from >= within {
                return;
            }
            let Some(caught) = first_breach(None, from..(from + CHUNK).min(within)) else {
                continue;
            };
            let mut broken = broken.lock().unwrap_or_else(PoisonError::into_inner);
            if broken.iter().all(|other| other.law != caught.law) {
                broken.push(caught);
            }
        }
    });
    broken.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn on_all_cores(work: impl Fn() + Sync) {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(&work);
        }
    });
}
