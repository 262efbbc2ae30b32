//! `kill-campaign ROUNDS [--events N] [--seed S]`: kills the real daemon with SIGKILL in the middle
//! of a burst, round after round, and compares the worlds. Neighbour: `bridge_tests::campaign`,
//! which does it.
//!
//! Ends with 0 if every law held in every round, 1 if one was broken, 2 if it was asked wrongly, 3
//! if a round could not be played. Where a law was broken, the round's folder is kept and named.

use bridge_tests::{
    campaign::{Plan, Round, play},
    chance::Chance,
    program,
};
use std::{io::Write, process::ExitCode};

/// How many acts a burst has unless `--events` says otherwise.
const EVENTS: usize = 500;

struct Asked {
    rounds: u64,
    acts: usize,
    seed: u64,
}

fn asked(mut words: impl Iterator<Item = String>) -> Option<Asked> {
    let mut asked = Asked {
        rounds: 0,
        acts: EVENTS,
        seed: u64::try_from(jelou_bridge::clock::now().0).unwrap_or_default(),
    };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--events" => asked.acts = words.next()?.parse().ok()?,
            "--seed" => asked.seed = words.next()?.parse().ok()?,
            rounds => asked.rounds = rounds.parse().ok()?,
        }
    }
    (asked.rounds > 0 && asked.acts >= 10).then_some(asked)
}

fn say(line: &str) {
    // Nobody may be reading any more; the exit code still tells.
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn line(number: u64, seed: u64, round: &Round) -> String {
    let Round {
        kills,
        acked,
        conversations,
        tickets,
        settled_in,
        broken,
    } = round;
    let verdict = match broken.len() {
        0 => "all laws held".to_owned(),
        some => format!("{some} BREACHES"),
    };
    let settled = settled_in.as_secs_f64();
    format!(
        "round {number:>3}  seed {seed:<20}  kills {kills}  acked {acked:>5}  conversations \
         {conversations:>4}  tickets {tickets:>4}  settled in {settled:>5.1} s  {verdict}"
    )
}

#[derive(Default)]
struct Sum {
    rounds: u64,
    kills: usize,
    acked: usize,
    breaches: usize,
}

async fn campaign(asked: &Asked) -> Result<Sum, String> {
    let path = program::built().await?;
    let mut seeds = Chance::new(asked.seed);
    let mut sum = Sum::default();
    for number in 1..=asked.rounds {
        // The first round of a seed is that seed, so that one round can be played again.
        let seed = match number {
            1 => asked.seed,
            _ => seeds.draw(),
        };
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let plan = Plan {
            seed,
            acts: asked.acts,
        };
        let round = match play(plan, &path, folder.path()).await {
            Ok(round) => round,
            Err(why) => {
                let kept = folder.keep();
                return Err(format!("seed {seed}: {why}. See {}", kept.display()));
            }
        };
        say(&line(number, seed, &round));
        if !round.broken.is_empty() {
            for law in &round.broken {
                say(&format!("           {law}"));
            }
            say(&format!("           kept in {}", folder.keep().display()));
        }
        sum.rounds += 1;
        sum.kills += round.kills;
        sum.acked += round.acked;
        sum.breaches += round.broken.len();
    }
    Ok(sum)
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(asked) = asked(std::env::args().skip(1)) else {
        let _ = writeln!(
            std::io::stderr(),
            "usage: kill-campaign ROUNDS [--events N] [--seed S], with N of at least 10"
        );
        return ExitCode::from(2);
    };
    match campaign(&asked).await {
        Ok(Sum {
            rounds,
            kills,
            acked,
            breaches,
        }) => {
            say(&format!(
                "{rounds} rounds, {kills} kills, {acked} webhooks acknowledged, {breaches} breaches"
            ));
            ExitCode::from(u8::from(breaches > 0))
        }
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "{why}");
            ExitCode::from(3)
        }
    }
}
