//! `simulate`: lives histories of the bridge by their seeds. Neighbour: `bridge_tests::simulator`.
//!
//! Ends with 0 if every law held, 1 if one was broken, 2 if it was asked wrongly.

use bridge_tests::{
    asked::{count, number, wants_help},
    built::{self, COMMIT},
    printed::say,
    simulator::{Fault, History, Law, Totals, live, mappings, range, shrink},
};
use jelou_bridge::clock;
use std::{io::Write, ops::Range, process::ExitCode};

/// A history is mostly small things made and let go: a third more of them in an hour than with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage:
  simulate --seeds A..B [--jobs J] [--commit C]   live these histories and count, if this is of that commit
  simulate --seed N [--trace] [--whole]           live one; with --trace, print its minimal trace
  simulate --laws | --faults                      what is promised; what goes wrong
";

/// What there is to say of it beyond that.
const HELP: &str = "
Lives histories of the bridge, each drawn from its number: the production core and the store in memory, in
virtual time, between a simulated Jelou and a simulated ticketing system, with faults at every step. Needs
cores, and nothing else of the machine. Some 800 histories a second and core were measured with nothing beside;
tests/run lives 20,000 and ends them after 300 s.

--seeds   the histories from A to before B; at last the counts, of which docs/RELIABILITY.md says what each
          word means
--jobs    on so many threads, in place of all cores
--commit  lives nothing if this was built from another commit
--seed    this history alone; --trace tells it, and one that broke a law is told as small as it can be made,
          unless --whole

Ends with 0 if every law held, 1 if one was broken, 2 if it was asked wrongly. From 20,000 histories on it ends
with 1 too if a kind of fault never happened, or a law was asked of next to nothing.
";

/// A run shows so many broken histories and stops.
const BROKEN_MAX: usize = 10;

/// From so many histories on, a kind of fault that never fired fails the run.
const ALL_FIRE_FROM: u64 = 20_000;

/// A law that is asked of anything in fewer of a hundred histories fails such a run too: it has been
/// excused away.
const ASKED_LEAST: f64 = 0.05;

/// So many of the laws that are asked least are named.
const LEAST_SHOWN: usize = 12;

/// What is to be done. One of these, once.
enum What {
    Laws,
    Faults,
    One(u64),
    Many(Range<u64>),
}

struct Asked {
    what: What,
    trace: bool,
    whole: bool,
    jobs: Option<u64>,
}

fn asked(mut args: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut whats = Vec::new();
    let (mut trace, mut whole, mut jobs, mut commit) = (false, false, None, None);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} wants a value"));
        match arg.as_str() {
            "--laws" => whats.push(What::Laws),
            "--faults" => whats.push(What::Faults),
            "--seed" => whats.push(What::One(number(&arg, &value()?)?)),
            "--seeds" => whats.push(What::Many(seeds(&value()?)?)),
            "--trace" => trace = true,
            "--whole" => whole = true,
            "--jobs" => jobs = Some(count(&arg, &value()?)?),
            "--commit" => commit = Some(value()?),
            _ => return Err(format!("there is no {arg}")),
        }
    }
    let what = whats.pop().filter(|_| whats.is_empty());
    let what = what.ok_or("say one of --seeds, --seed, --laws and --faults, and once")?;
    let (of_one, of_many) = (trace || whole, jobs.is_some() || commit.is_some());
    let fits = match what {
        What::One(_) => !of_many,
        What::Many(_) => !of_one,
        What::Laws | What::Faults => !of_one && !of_many,
    };
    if !fits {
        return Err("--trace and --whole go with --seed, --jobs and --commit with --seeds".into());
    }
    if let Some(commit) = commit {
        built::is_of(&commit)?;
    }
    Ok(Asked {
        what,
        trace,
        whole,
        jobs,
    })
}

/// Those of `A..B`.
fn seeds(text: &str) -> Result<Range<u64>, String> {
    let (first, end) = text
        .split_once("..")
        .ok_or(format!("--seeds {text} is not A..B"))?;
    let seeds: Range<u64> = number("--seeds", first)?..number("--seeds", end)?;
    if seeds.is_empty() {
        return Err(format!(
            "--seeds {text} holds no history; B is the first that is not lived"
        ));
    }
    Ok(seeds)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if wants_help(&words) {
        say(format!("{USAGE}{HELP}").trim_end());
        return ExitCode::SUCCESS;
    }
    let asked = match asked(words.into_iter()) {
        Ok(asked) => asked,
        Err(why) => {
            let _ = write!(std::io::stderr(), "{why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match asked.what {
        What::Laws => {
            for law in Law::ALL {
                say(&format!("{:24} {}", law.as_str(), law.promise()));
            }
            ExitCode::SUCCESS
        }
        What::Faults => {
            for fault in Fault::ALL {
                say(&format!("{:20} {}", fault.as_str(), fault.sentence()));
            }
            ExitCode::SUCCESS
        }
        What::One(seed) => one(seed, asked.trace, asked.whole),
        What::Many(seeds) => many(&seeds, asked.jobs),
    }
}

/// All of these, on all cores or as many threads as were asked for.
fn many(seeds: &Range<u64>, jobs: Option<u64>) -> ExitCode {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = jobs.map_or(cores, |jobs| usize::try_from(jobs).unwrap_or(cores));
    let began = clock::now();
    let totals = range(seeds.start, seeds.end, jobs, BROKEN_MAX);
    let took = clock::now().since(began).as_secs_f64();
    close(&totals, took, jobs)
}

/// One history: how it ended, and its trace.
fn one(seed: u64, trace: bool, whole: bool) -> ExitCode {
    let mappings = mappings();
    let history = History::drawn(seed);
    let ended = live(&history, &mappings, trace);
    let Some(breach) = ended.breach else {
        for line in &ended.tale {
            say(line);
        }
        say(&format!(
            "seed {seed}: every law held, {} steps",
            ended.steps
        ));
        return ExitCode::SUCCESS;
    };
    say(&format!(
        "seed {seed}: {} broke: {}",
        breach.law.as_str(),
        breach.what
    ));
    let small = if whole {
        history
    } else {
        shrink(&history, breach.law, &mappings)
    };
    tell(&small);
    if trace {
        for line in &live(&small, &mappings, true).tale {
            say(line);
        }
    }
    ExitCode::from(1)
}

fn tell(history: &History) {
    say(&format!("world: {:?}", history.shape));
    let faults: Vec<_> = history
        .faults
        .iter()
        .map(|(fault, rate)| format!("{}:{rate}", fault.as_str()))
        .collect();
    say(&format!("faults: {}", faults.join(" ")));
    for (wait, act) in &history.acts {
        say(&format!("  after {wait:>6} ms: {act:?}"));
    }
}

fn close(totals: &Totals, took: f64, jobs: usize) -> ExitCode {
    let mappings = mappings();
    for (number, (seed, breach)) in totals.broken.iter().enumerate() {
        say(&format!(
            "BROKEN seed {seed} at {COMMIT}: {}: {} (promise: {})",
            breach.law.as_str(),
            breach.what,
            breach.law.promise()
        ));
        if number == 0 {
            let small = shrink(&History::drawn(*seed), breach.law, &mappings);
            tell(&small);
            for line in &live(&small, &mappings, true).tale {
                say(line);
            }
        }
    }
    let idle: Vec<&str> = Fault::ALL
        .iter()
        .zip(totals.fired)
        .filter(|(_, fired)| *fired == 0)
        .map(|(fault, _)| fault.as_str())
        .collect();
    let idle_matters = totals.histories >= ALL_FIRE_FROM && !idle.is_empty();
    if idle_matters {
        say(&format!("never fired: {}", idle.join(", ")));
    }
    let deaf = asked_of_too_few(totals);
    tell_of_excuses(totals);
    let fired: u64 = totals.fired.iter().sum();
    let cores = if totals.core_seconds > 0.0 {
        totals.core_seconds
    } else {
        took * jobs as f64
    };
    let pace = totals.histories as f64 / cores;
    say(&format!(
        "{} histories, {} steps, {} writes, {fired} faults of {} kinds, {} crashes, {} parked, {} flagged, {}; {took:.1} s ({cores:.1} s of a core), {pace:.0} histories a second and core, commit {COMMIT}",
        totals.histories,
        totals.steps,
        totals.writes,
        Fault::ALL.len() - idle.len(),
        totals.crashes,
        totals.parked,
        totals.flagged,
        totals.outcome(),
    ));
    if totals.broken.is_empty() && !idle_matters && !deaf {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}

/// In how many of a hundred histories the laws are asked of anything that are asked least. Whether one
/// is asked so seldom that its silence proves little.
fn asked_of_too_few(totals: &Totals) -> bool {
    let share = |asked: u64| asked as f64 * 100.0 / totals.histories.max(1) as f64;
    let mut all: Vec<(f64, &str)> = Law::ALL
        .iter()
        .zip(&totals.asked)
        .map(|(law, asked)| (share(*asked), law.as_str()))
        .collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let least = all.iter().take(LEAST_SHOWN);
    let told: Vec<String> = least
        .map(|(share, law)| format!("{law} {share:.1} %"))
        .collect();
    say(&format!("asked least: {}", told.join(", ")));
    let deaf = all.first().is_some_and(|(share, _)| *share < ASKED_LEAST);
    totals.histories >= ALL_FIRE_FROM && deaf
}

/// In how many of a hundred histories each law was asked soon after the healing, and in how many something excused it:
/// of something, and of all that it could have been asked of.
fn tell_of_excuses(totals: &Totals) {
    let share = |many: u64| many as f64 * 100.0 / totals.histories.max(1) as f64;
    let in_time = Law::ALL.iter().zip(&totals.asked_in_time);
    let in_time: Vec<String> = in_time
        .filter(|(_, asked)| **asked > 0)
        .map(|(law, asked)| format!("{} {:.1} %", law.as_str(), share(*asked)))
        .collect();
    say(&format!("asked in time: {}", in_time.join(", ")));
    let excused = Law::ALL.iter().zip(&totals.excused);
    let excused: Vec<String> = excused
        .filter(|(_, (of_some, _))| *of_some > 0)
        .map(|(law, (of_some, of_all))| {
            let (of_some, of_all) = (share(*of_some), share(*of_all));
            format!("{} {of_some:.1} % ({of_all:.1} %)", law.as_str())
        })
        .collect();
    say(&format!(
        "excused of something (of all): {}",
        excused.join(", ")
    ));
}
