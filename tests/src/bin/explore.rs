//! Visits every state of small worlds and says which law does not hold, by a shortest way; with
//! `--protocol` the intent protocol's world, whole; with `--orders` it plays every order of longer
//! histories instead, and says which ends otherwise. Neighbour: `bridge_tests::explorer`, which does it.
//!
//! Ends with 0 if every law held, 1 if one was broken or the protocol was not searched whole, 2 if it
//! was asked wrongly.

use bridge_tests::{
    asked::wants_help,
    built::COMMIT,
    explorer::{
        Explored, LAWS, SCENARIOS, Scenario, Setting, TROUBLES, Trouble, USAGE, Verdict, Wanted,
        What, World, explore, explore_whole, help, tell,
    },
    printed::say,
};
use jelou_bridge::clock;
use std::{
    io::Write,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A history is mostly small things made and let go: a third more of them in an hour than with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if wants_help(&words) {
        say(help().trim_end());
        return ExitCode::SUCCESS;
    }
    let wanted = match Wanted::read(words.into_iter()) {
        Ok(wanted) => wanted,
        Err(why) => {
            let _ = write!(std::io::stderr(), "{why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let well = match wanted.what {
        What::List => {
            for scenario in SCENARIOS {
                say(&format!("{:28} {}", scenario.name, scenario.what));
            }
            say("\neach with one of these troubles (NAME/TROUBLE):");
            for trouble in TROUBLES {
                say(&format!("{:28} {}", trouble.name, trouble.what));
            }
            true
        }
        What::Laws => {
            for (law, promise) in LAWS {
                say(&format!("{law:20} {promise}"));
            }
            true
        }
        What::Searches(most) => search(&wanted, most),
        What::Protocol => search(&wanted, None),
        What::Orders { short } => play(&wanted, short),
    };
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Does each of these on so many threads as were asked for, and returns what came of them.
fn on_threads<T: Sync, R: Send>(
    wanted: &Wanted,
    all: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = wanted
        .jobs
        .map_or(cores, |jobs| usize::try_from(jobs).unwrap_or(cores));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let some = || {
            let mut ended = Vec::new();
            while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                ended.push(work(one));
            }
            ended
        };
        let threads: Vec<_> = (0..jobs).map(|_| scope.spawn(some)).collect();
        threads
            .into_iter()
            .filter_map(|t| t.join().ok())
            .flatten()
            .collect()
    })
}

/// Searches the worlds that were asked for, and says whether all is well.
fn search(wanted: &Wanted, most: Option<u64>) -> bool {
    let chosen = wanted.searches();
    let begun = clock::now();
    let ended = on_threads(wanted, &chosen, |(s, t)| one(s, t, wanted, most));
    let mut verdict = Verdict::default();
    for explored in ended.iter().flatten() {
        verdict.add(explored);
    }
    let all_ended = ended.iter().flatten().count() == chosen.len();
    let (well, word) = match (wanted.what, verdict.is_full_protocol()) {
        _ if !all_ended => (false, "NOT well: not every search ended".to_owned()),
        (What::Protocol, Ok(())) => (
            true,
            "the intent protocol holds in all its states".to_owned(),
        ),
        (What::Protocol, Err(why)) => (false, format!("NOT well: {why}")),
        _ => (verdict.is_well(), verdict.word().to_owned()),
    };
    say(&format!(
        "{}, {:.1} s, commit {COMMIT}: {word}",
        verdict.counts(),
        clock::now().since(begun).as_secs_f64(),
    ));
    well
}

/// One search, told; nothing if it could not begin.
fn one(
    scenario: &Scenario,
    trouble: &Trouble,
    wanted: &Wanted,
    most: Option<u64>,
) -> Option<Explored> {
    let begun = clock::now();
    let (mut setting, root): (Setting, World) = match scenario.begin(trouble) {
        Ok(begun) => begun,
        Err(error) => {
            let name = format!("{}/{}", scenario.name, trouble.name);
            say(&format!("{name}: cannot begin: {error}"));
            return None;
        }
    };
    setting.flaw = wanted.flaw;
    let explored = match most {
        Some(most) => explore(root.clone(), &setting, most),
        None => explore_whole(root.clone(), &setting, u64::MAX),
    };
    let whole = match (&explored.broken, explored.cut_short) {
        (Some(_), _) => "broken",
        (None, true) => "cut short",
        (None, false) => "whole",
    };
    let mut told = format!(
        "{:40} {:>8} states {:>9} transitions {:>6} ends  depth {:>3}  {whole:9} {:>6.1} s",
        format!("{}/{}", scenario.name, trouble.name),
        explored.states,
        explored.transitions,
        explored.ends,
        explored.depth,
        clock::now().since(begun).as_secs_f64(),
    );
    if let Some((broken, way)) = &explored.broken {
        told.push_str(&format!("\n  BROKEN {}: {}\n", broken.law, broken.what));
        for line in tell(root, &setting, way) {
            told.push_str(&format!("    {line}\n"));
        }
    }
    say(&told);
    Some(explored)
}

/// Plays every order of the histories that were asked for, and says whether all end alike.
fn play(wanted: &Wanted, short: bool) -> bool {
    let chosen = wanted.orders(short);
    let begun = clock::now();
    let played = on_threads(wanted, &chosen, |one| {
        // An order that ends otherwise panics with its tale; the others are played on.
        let came = std::panic::catch_unwind(|| one.play()).ok();
        if came.is_none() {
            say(&format!("{}: NOT alike in all orders", one.name()));
        }
        came
    });
    let well = played.len() == chosen.len() && played.iter().all(Option::is_some);
    say(&format!(
        "{} tellings, {} histories, {:.1} s, commit {COMMIT}: {}",
        played.len(),
        played.iter().flatten().sum::<usize>(),
        clock::now().since(begun).as_secs_f64(),
        if well {
            "every order ends alike"
        } else {
            "NOT well"
        },
    ));
    well
}
