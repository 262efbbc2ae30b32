//! Proves the simulator: switches on one bug after another and shows which law found it. Neighbour:
//! `bridge_tests::planted`, which does it.
//!
//! usage: planted-bugs [--within 10000] [--clean 2000] [--also] [--only NAME] [--list] [--table] [--tell SEED]
//!                     [--known PAGE]
//!
//! Tries the bugs that must be found; `--also` those as well that no history is known to find.
//! `--table` writes the tables of docs/RELIABILITY.md; `--known` reads them from there and tries each bug
//! on its history in the table first, which is quick as long as that still shows it. `--tell SEED` tells one history, with the bug
//! of `--only` or with none. Ends with 1 if a bug survives that must be found, if another law found it than the table
//! says, if the table names other bugs than there are, or if a law breaks with no bug at all.

use bridge_core::planted::Planted;
use bridge_tests::{
    asked::number,
    built::COMMIT,
    planted::{
        Known, Trial, UNFOUND, closing, found_by_another, known_histories, sound_without,
        to_be_found, told, try_all, why_unfound,
    },
    printed::say,
};
use std::{collections::BTreeMap, process::ExitCode};
use tokio::time::Instant;

/// Histories within which each bug must be found.
const WITHIN: u64 = 10_000;

/// Histories that must be clean without any bug.
const CLEAN: u64 = 2_000;

struct Asked {
    within: u64,
    clean: u64,
    bugs: Vec<Planted>,
    known: BTreeMap<Planted, Known>,
    list: bool,
    table: bool,
    tell: Option<u64>,
}

fn asked() -> Result<Asked, String> {
    let mut asked = Asked {
        within: WITHIN,
        clean: CLEAN,
        bugs: to_be_found(),
        known: BTreeMap::new(),
        list: false,
        table: false,
        tell: None,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} wants a value"));
        match arg.as_str() {
            "--within" => asked.within = number(&arg, &value()?)?,
            "--clean" => asked.clean = number(&arg, &value()?)?,
            "--only" => {
                let name = value()?;
                let bug = Planted::parse(&name).ok_or(format!("there is no bug {name}"))?;
                asked.bugs = vec![bug];
            }
            "--known" => {
                let page = value()?;
                let read = std::fs::read_to_string(&page);
                let read = read.map_err(|error| format!("{page}: {error}"))?;
                asked.known = known_histories(&read).map_err(|wrong| {
                    let wrong = wrong.join("; ");
                    format!("{page}: {wrong}. Write the tables anew: planted-bugs --also --table")
                })?;
            }
            "--tell" => asked.tell = Some(number(&arg, &value()?)?),
            "--list" => asked.list = true,
            "--also" => asked.bugs = Planted::ALL.to_vec(),
            "--table" => asked.table = true,
            _ => return Err(format!("{arg} is not known; see the head of this file")),
        }
    }
    Ok(asked)
}

fn main() -> ExitCode {
    let asked = match asked() {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    if asked.list {
        for bug in asked.bugs {
            say(&format!("{:28} {}", bug.name(), bug.wrong()));
        }
        return ExitCode::SUCCESS;
    }
    if let Some(seed) = asked.tell {
        let one = |bugs: &[Planted]| bugs.first().copied().filter(|_| bugs.len() == 1);
        for line in told(one(&asked.bugs), seed) {
            say(&line);
        }
        return ExitCode::SUCCESS;
    }
    // What a bug makes panic is caught, counted and told below.
    std::panic::set_hook(Box::new(|_| {}));
    let begun = Instant::now();
    let broken = sound_without(asked.clean);
    for broken in &broken {
        say(&format!(
            "without any bug, history {} breaks {}: {}",
            broken.seed, broken.law, broken.what
        ));
    }
    if !broken.is_empty() {
        return ExitCode::FAILURE;
    }
    eprintln!("{} histories without any bug: no law broken", asked.clean);
    let trials = try_all(&asked.bugs, &asked.known, asked.within, |trial| {
        eprintln!("{}", line(trial))
    });
    if asked.table {
        print_tables(&trials);
    }
    let secs = begun.elapsed().as_secs();
    say(&format!(
        "{}, in {secs} s, commit {COMMIT}",
        closing(&trials, asked.within)
    ));
    let others = found_by_another(&trials, &asked.known);
    for other in &others {
        say(&format!(
            "{other}. If the law of the table can still fail, write the tables anew"
        ));
    }
    let survived = |t: &&Trial| t.caught.is_none() && why_unfound(t.bug).is_none();
    let survived: Vec<&str> = trials
        .iter()
        .filter(survived)
        .map(|t| t.bug.name())
        .collect();
    if survived.is_empty() {
        return match others.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        };
    }
    say(&format!(
        "not found: {}. A change of the rules draws other histories, so look further \
         (--only NAME --within 100000) and write the table anew; if that finds nothing, a law no longer fails.",
        survived.join(", ")
    ));
    ExitCode::FAILURE
}

fn line(trial: &Trial) -> String {
    let (name, millis) = (trial.bug.name(), trial.took.as_millis());
    match &trial.caught {
        Some(c) => format!(
            "{name:28} {:>6} {:20} {millis:>6} ms  {}",
            c.seed, c.law, c.what
        ),
        None => format!("{name:28} SURVIVED {millis:>25} ms"),
    }
}

fn print_tables(trials: &[Trial]) {
    say("| bug | what its programmer did wrong | found at history | by the law |");
    say("|---|---|---|---|");
    for trial in trials {
        let Some(caught) = &trial.caught else {
            continue;
        };
        let (name, wrong) = (trial.bug.name(), trial.bug.wrong());
        say(&format!(
            "| `{name}` | {wrong} | {} | `{}` |",
            caught.seed, caught.law
        ));
    }
    say("");
    say("| bug | what its programmer did wrong | why no history is known to find it |");
    say("|---|---|---|");
    for (bug, why) in UNFOUND {
        say(&format!("| `{}` | {} | {why} |", bug.name(), bug.wrong()));
    }
}
