//! `campaign NAME [OPTIONS]`: treats the real program badly in one of several ways and compares the
//! worlds afterwards; `campaign all --short` does it in all of them. Neighbour:
//! `bridge_tests::campaign`, which does it.
//!
//! Ends with 0 if every law held, 1 if one was broken, 2 if it was asked wrongly, 3 if a campaign
//! could not be played. Where a law was broken, the folder with the database is kept and named.

use bridge_tests::{
    asked::wants_help,
    built::COMMIT,
    campaign::{
        Subcommand, TABLE, Words,
        table::{help, usage},
    },
    printed::say,
};
use jelou_bridge::clock;
use std::{io::Write, process::ExitCode};

/// It was asked wrongly, as told.
fn wrong(why: &str) -> ExitCode {
    let _ = write!(std::io::stderr(), "{why}\n{}", usage());
    ExitCode::from(2)
}

/// Plays one and prints its line. Returns the exit code it calls for.
async fn play(one: &Subcommand, words: Words) -> u8 {
    say(&format!("{} begins; {}", one.name, one.what));
    let since = clock::now();
    let came = (one.play)(words).await;
    let took = clock::now().since(since).as_secs();
    let (word, line, broken, code) = match came {
        Ok(verdict) if verdict.broken.is_empty() => ("ok", verdict.line, Vec::new(), 0),
        Ok(verdict) => ("BROKEN", verdict.line, verdict.broken, 1),
        Err(why) => ("NOT PLAYED", why, Vec::new(), 3),
    };
    for law in &broken {
        say(&format!("  {law}"));
    }
    say(&format!(
        "{}: {line}; {took} s; campaign of commit {COMMIT}; {word}",
        one.name
    ));
    code
}

#[tokio::main]
async fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if wants_help(&asked) {
        let is_named = |one: &&Subcommand| asked.iter().any(|word| word == one.name);
        let named: Vec<&Subcommand> = TABLE.iter().filter(is_named).collect();
        let all: Vec<&Subcommand> = TABLE.iter().collect();
        let those = if named.is_empty() { all } else { named };
        say(help(&those).trim_end());
        return ExitCode::SUCCESS;
    }
    let Some((name, options)) = asked.split_first() else {
        return wrong("say which campaign");
    };
    let chosen: Vec<&Subcommand> = TABLE
        .iter()
        .filter(|one| name == "all" || one.name == name)
        .collect();
    if chosen.is_empty() {
        return wrong(&format!("there is no campaign {name}"));
    }
    let mut understood = Vec::new();
    for one in chosen {
        match one.words(options) {
            Ok(words) => understood.push((one, words)),
            Err(why) => return wrong(&why),
        }
    }
    let mut code = 0;
    for (one, words) in understood {
        code = code.max(play(one, words).await);
    }
    ExitCode::from(code)
}
