//! Where other people's code comes from, and on which terms: `deny.toml`, held to without any tool
//! but cargo. Neighbour: dependencies, about who may use what.

use crate::{dependencies, none, tree};
use std::{collections::BTreeSet, process::Command};
use toml::{Table, Value};

fn strings<'a>(table: &'a Table, section: &str, key: &str) -> BTreeSet<&'a str> {
    table[section][key]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|value| value.as_str().or_else(|| value.get("crate")?.as_str()))
        .collect()
}

fn locked() -> Vec<Table> {
    let lock: Table = tree::read("Cargo.lock").parse().unwrap();
    let packages = lock["package"].as_array().unwrap();
    packages
        .iter()
        .filter_map(Value::as_table)
        .cloned()
        .collect()
}

fn field<'a>(package: &'a Table, key: &str) -> Option<&'a str> {
    package.get(key).and_then(Value::as_str)
}

#[test]
fn every_package_comes_from_a_registry_with_its_checksum() {
    let strange: Vec<String> = locked()
        .iter()
        .filter(|package| field(package, "source").is_some())
        .filter(|package| {
            let of_registry = field(package, "source").is_some_and(|s| s.starts_with("registry+"));
            !of_registry || field(package, "checksum").is_none_or(|sum| sum.len() != 64)
        })
        .map(|package| field(package, "name").unwrap_or_default().to_owned())
        .collect();
    none("no package without a checksum", &strange);
}

#[test]
fn packages_that_were_refused_stay_out() {
    let deny: Table = tree::read("deny.toml").parse().unwrap();
    let refused = strings(&deny, "bans", "deny");
    assert!(refused.contains("backoff"), "the list is read");
    let found: Vec<String> = locked()
        .iter()
        .filter_map(|package| field(package, "name").map(str::to_owned))
        .filter(|name| refused.contains(name.as_str()))
        .collect();
    none("deny.toml refuses these", &found);
}

#[test]
fn every_licence_is_one_that_we_accept() {
    let deny: Table = tree::read("deny.toml").parse().unwrap();
    let accepted = strings(&deny, "licenses", "allow");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(tree::root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100);
    let found: Vec<String> = packages
        .iter()
        .filter(|package| !is_accepted(package["license"].as_str().unwrap_or("none"), &accepted))
        .map(|package| format!("{}: {}", package["name"], package["license"]))
        .collect();
    none("deny.toml accepts no such licence", &found);
}

/// Whether an SPDX expression can be met with accepted licences. `AND` binds stronger than `OR`;
/// a slash is the old way to write `OR`.
fn is_accepted(expression: &str, accepted: &BTreeSet<&str>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let met = any_of(&mut rest, accepted);
    assert!(rest.is_empty(), "cannot read the licence {expression}");
    met
}

fn any_of(words: &mut &[&str], accepted: &BTreeSet<&str>) -> bool {
    let mut met = all_of(words, accepted);
    while words.first() == Some(&"OR") {
        *words = &words[1..];
        met |= all_of(words, accepted);
    }
    met
}

fn all_of(words: &mut &[&str], accepted: &BTreeSet<&str>) -> bool {
    let mut met = one(words, accepted);
    while words.first() == Some(&"AND") {
        *words = &words[1..];
        met &= one(words, accepted);
    }
    met
}

fn one(words: &mut &[&str], accepted: &BTreeSet<&str>) -> bool {
    let Some((first, rest)) = words.split_first() else {
        return false;
    };
    *words = rest;
    if *first == "(" {
        let met = any_of(words, accepted);
        *words = words.get(1..).unwrap_or_default();
        return met;
    }
    if words.first() == Some(&"WITH") {
        let name = format!("{first} WITH {}", words.get(1).unwrap_or(&""));
        *words = words.get(2..).unwrap_or_default();
        // An exception only ever permits more.
        return accepted.contains(name.as_str()) || accepted.contains(first);
    }
    accepted.contains(first)
}

#[test]
fn licences_are_read_as_they_are_written() {
    let accepted = BTreeSet::from(["MIT", "Unicode-3.0"]);
    assert!(is_accepted("MIT OR Apache-2.0", &accepted));
    assert!(is_accepted("Apache-2.0/MIT", &accepted));
    assert!(is_accepted(
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        &accepted
    ));
    assert!(!is_accepted("MIT AND GPL-3.0", &accepted));
    assert!(!is_accepted("Apache-2.0 WITH LLVM-exception", &accepted));
    assert!(!is_accepted("none", &accepted));
}

#[test]
fn the_readme_gives_a_reason_for_each_package_that_we_chose_and_for_no_other() {
    let readme = tree::read("README.md");
    let (_, rest) = readme.split_once("| package | why |").unwrap();
    let rows = rest
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let listed: BTreeSet<String> = rows
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, dependencies::chosen());
}
