//! What `simulate`, `explore` and `campaign` say to whoever does not know them, or reads no further.
//! Neighbour: simulator, where the first of them is asked for histories.

#![allow(clippy::unwrap_used)]

use bridge_tests::{campaign::TABLE, explorer::TROUBLES};
use std::{
    process::{Command, Output},
    str::FromStr,
};

const SIMULATE: &str = env!("CARGO_BIN_EXE_simulate");
const EXPLORE: &str = env!("CARGO_BIN_EXE_explore");
const CAMPAIGN: &str = env!("CARGO_BIN_EXE_campaign");

fn run(program: &str, words: &str) -> Output {
    let mut command = Command::new(program);
    command.args(words.split_whitespace()).output().unwrap()
}

/// What it printed, where that was all and it ended well.
fn said(program: &str, words: &str) -> String {
    let output = run(program, words);
    assert_eq!(output.status.code(), Some(0), "{program} {words}");
    assert!(output.stderr.is_empty(), "{program} {words}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn who_asks_a_program_for_help_is_told_what_it_does() {
    for program in [SIMULATE, EXPLORE, CAMPAIGN] {
        for words in ["--help", "-h"] {
            let said = said(program, words);
            assert!(said.starts_with("usage:"), "{program}: {said}");
            assert!(said.contains("Ends with 0"), "{program}: {said}");
        }
    }
}

#[test]
fn each_campaign_says_what_it_does_how_long_it_takes_and_what_it_needs() {
    let all = said(CAMPAIGN, "--help");
    for one in TABLE {
        let alone = said(CAMPAIGN, &format!("{} --help", one.name));
        for part in [one.name, one.what, one.takes, one.needs] {
            assert!(!part.is_empty(), "{}", one.name);
            assert!(alone.contains(part) && all.contains(part), "{part}");
        }
        let others = TABLE.iter().filter(|other| other.name != one.name);
        let told = others.filter(|other| alone.contains(other.what)).count();
        assert_eq!(told, 0, "{}: {alone}", one.name);
    }
}

#[test]
fn a_campaign_that_there_is_not_is_named() {
    for (words, why) in [
        ("foo", "there is no campaign foo\n"),
        ("foo --short", "there is no campaign foo\n"),
        ("", "say which campaign\n"),
        ("kill --foo 1", "kill has no option --foo\n"),
    ] {
        let output = run(CAMPAIGN, words);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        assert!(said.starts_with(why), "{words}: {said}");
        assert!(said.contains("campaign kill"), "{words}: {said}");
    }
}

#[test]
fn the_list_of_worlds_names_the_troubles_too() {
    let list = said(EXPLORE, "--list");
    for trouble in TROUBLES {
        let named = list.lines().find(|line| line.starts_with(trouble.name));
        assert!(
            named.is_some_and(|line| line.ends_with(trouble.what)),
            "{list}"
        );
    }
}

#[test]
fn who_reads_no_further_ends_a_program_quietly() {
    for (program, words) in [
        (EXPLORE, "--laws"),
        (EXPLORE, "--list"),
        (SIMULATE, "--laws"),
        (CAMPAIGN, "--help"),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(program);
        command.arg(words).stdout(writer);
        let output = command.output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), told.as_str()),
            (Some(0), ""),
            "{words}"
        );
    }
}

/// With N for each figure.
fn without_figures(words: &str) -> String {
    let plain = words.split(' ').map(|word| match f64::from_str(word) {
        Ok(_) => "N",
        Err(_) => word,
    });
    plain.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_word_that_simulate_closes_with_stands_in_the_glossary() {
    let page = include_str!("../../docs/RELIABILITY.md");
    let said = said(SIMULATE, "--seeds 0..3 --jobs 1");
    let lines: Vec<&str> = said.lines().collect();
    let (last, before) = lines.split_last().unwrap();
    let shares = before.iter().filter_map(|line| line.split(": ").next());
    let counts = last.split(" (").next().unwrap().split(", ");
    let all: Vec<String> = shares.chain(counts).map(without_figures).collect();
    assert_eq!(all.len(), 11, "{said}");
    for words in all {
        assert!(page.contains(&format!("\n| \"{words}\" | ")), "{words}");
    }
}
