//! Visits every state of small worlds and says which law does not hold, by a shortest way.
//! Neighbour: `bridge_tests::explorer`, which does it.
//!
//! usage: explore [--list] [--laws] [--scenario NAME] [--short|--whole|--most STATES]
//!                [--flaw NAME] [--jobs N]
//!        explore --orders [--short] [--scenario NAME] [--jobs N]
//!
//! With `--orders` it plays every order of longer histories instead, and says which ends otherwise.

#![allow(clippy::print_stdout)]

use bridge_tests::{
    asked::number,
    explorer::{
        Explored, Flaw, LAWS, SCENARIOS, Scenario, Setting, TROUBLES, Trouble, World, explore,
        orders, tell,
    },
};
use jelou_bridge::clock;
use std::{
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
};

/// A history is mostly small things made and let go: a third more of them in an hour than with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A search stops after the level in which it comes to so many states, and says so.
const FULL: u64 = 25_000;

/// The same in the short form.
const SHORT: u64 = 4_000;

/// No bound: all of it, which takes hours and gigabytes for the larger worlds.
const WHOLE: u64 = u64::MAX;

struct Wanted {
    only: Option<String>,
    most: u64,
    jobs: usize,
    flaw: Flaw,
    orders: bool,
}

fn main() -> ExitCode {
    match wanted() {
        Ok(Some(wanted)) if wanted.orders => run_orders(&wanted),
        Ok(Some(wanted)) => run(&wanted),
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::from(2)
        }
    }
}

fn wanted() -> Result<Option<Wanted>, String> {
    let mut wanted = Wanted {
        only: None,
        most: FULL,
        jobs: std::thread::available_parallelism().map_or(1, usize::from),
        flaw: Flaw::None,
        orders: false,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} wants a value"));
        match arg.as_str() {
            "--list" => {
                for scenario in SCENARIOS {
                    println!("{:28} {}", scenario.name, scenario.what);
                }
                return Ok(None);
            }
            "--laws" => {
                for (law, promise) in LAWS {
                    println!("{law:20} {promise}");
                }
                return Ok(None);
            }
            "--orders" => wanted.orders = true,
            "--whole" => wanted.most = WHOLE,
            "--short" => wanted.most = SHORT,
            "--scenario" => wanted.only = Some(value()?),
            "--most" => wanted.most = number(&arg, &value()?)?,
            "--jobs" => wanted.jobs = number(&arg, &value()?)?,
            "--flaw" => wanted.flaw = flaw(&value()?)?,
            _ => return Err(format!("there is no {arg}; see --list and --laws")),
        }
    }
    Ok(Some(wanted))
}

fn flaw(name: &str) -> Result<Flaw, String> {
    match name {
        "no-fencing" => Ok(Flaw::NoFencing),
        "sent-after-call" => Ok(Flaw::SentAfterCall),
        "begun-late" => Ok(Flaw::BegunLate),
        "answer-before-store" => Ok(Flaw::AnswerBeforeStore),
        _ => Err("flaws: no-fencing, sent-after-call, begun-late, answer-before-store".to_owned()),
    }
}

fn run(wanted: &Wanted) -> ExitCode {
    let pairs = SCENARIOS
        .iter()
        .flat_map(|s| TROUBLES.iter().map(move |t| (s, t)));
    let chosen: Vec<(&Scenario, &Trouble)> = pairs
        .filter(|(s, t)| {
            let is_meant = |only: &str| only == s.name || only == format!("{}/{}", s.name, t.name);
            wanted.only.as_deref().is_none_or(is_meant)
        })
        .collect();
    let next = AtomicUsize::new(0);
    let begun = clock::now();
    let ended: Vec<(Explored, bool)> = std::thread::scope(|scope| {
        let work = || {
            let mut ended = Vec::new();
            while let Some((s, t)) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                ended.push(one(s, t, wanted));
            }
            ended
        };
        let threads: Vec<_> = (0..wanted.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .filter_map(|t| t.join().ok())
            .flatten()
            .collect()
    });
    let states: u64 = ended.iter().map(|(e, _)| e.states).sum();
    let transitions: u64 = ended.iter().map(|(e, _)| e.transitions).sum();
    let well =
        ended.len() == chosen.len() && !chosen.is_empty() && ended.iter().all(|(_, well)| *well);
    println!(
        "{} searches, {states} states, {transitions} transitions, {:.1} s: {}",
        ended.len(),
        clock::now().since(begun).as_secs_f64(),
        if well { "every law holds" } else { "NOT well" },
    );
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn one(scenario: &Scenario, trouble: &Trouble, wanted: &Wanted) -> (Explored, bool) {
    let begun = clock::now();
    let (mut setting, root): (Setting, World) = match scenario.begin(trouble) {
        Ok(begun) => begun,
        Err(error) => {
            println!("{}/{}: cannot begin: {error}", scenario.name, trouble.name);
            return (Explored::default(), false);
        }
    };
    setting.flaw = wanted.flaw;
    let explored = explore(root.clone(), &setting, wanted.most);
    let whole = if explored.cut_short {
        "cut short"
    } else {
        "whole"
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
    println!("{told}");
    let well = explored.broken.is_none();
    (explored, well)
}

fn run_orders(wanted: &Wanted) -> ExitCode {
    let chosen: Vec<orders::Orders> = orders::all(wanted.most == SHORT)
        .into_iter()
        .filter(|o| wanted.only.as_deref().is_none_or(|only| only == o.name()))
        .collect();
    let (next, begun) = (AtomicUsize::new(0), clock::now());
    let played: Vec<Option<usize>> = std::thread::scope(|scope| {
        let work = || {
            let mut played = Vec::new();
            while let Some(one) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                // An order that ends otherwise panics with its tale; the others are played on.
                let came = std::panic::catch_unwind(|| one.play()).ok();
                if came.is_none() {
                    println!("{}: NOT alike in all orders", one.name());
                }
                played.push(came);
            }
            played
        };
        let threads: Vec<_> = (0..wanted.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .filter_map(|t| t.join().ok())
            .flatten()
            .collect()
    });
    let well =
        played.len() == chosen.len() && !chosen.is_empty() && played.iter().all(Option::is_some);
    println!(
        "{} tellings, {} histories, {:.1} s: {}",
        played.len(),
        played.iter().flatten().sum::<usize>(),
        clock::now().since(begun).as_secs_f64(),
        if well {
            "every order ends alike"
        } else {
            "NOT well"
        },
    );
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
