//! Planted bugs stay where they are of use. Neighbours: `bridge_core::planted`, the switches; the
//! runner `planted-bugs`.

use crate::{none, tree};
use std::collections::BTreeSet;
use toml::{Table, Value};

const BUGS: &str = "crates/core/src/planted/bugs.rs";
const LAWS: &str = "tests/src/simulator/law.rs";
const PAGE: &str = "docs/RELIABILITY.md";

/// The manifests that know the feature: where bugs are planted, and who switches them on.
const KNOWN_IN: [&str; 3] = [
    "crates/core/Cargo.toml",
    "crates/daemon/Cargo.toml",
    "tests/Cargo.toml",
];

fn manifests() -> Vec<(String, Table)> {
    let paths = tree::paths().into_iter();
    paths
        .filter(|path| path.ends_with("Cargo.toml"))
        .map(|path| (path.clone(), tree::read(&path).parse().unwrap()))
        .collect()
}

/// The features of a manifest that bring planted bugs with them.
fn bringing(manifest: &Table) -> BTreeSet<&str> {
    let Some(features) = manifest.get("features").and_then(Value::as_table) else {
        return BTreeSet::new();
    };
    let brings = |list: &Value| list.to_string().contains("planted");
    let found = features.iter();
    let found = found.filter(|(name, list)| *name == "planted" || brings(list));
    found.map(|(name, _)| name.as_str()).collect()
}

#[test]
fn no_feature_but_its_own_brings_planted_bugs_and_no_dependency_asks_for_them() {
    let mut found = Vec::new();
    for (path, manifest) in manifests() {
        let known = KNOWN_IN.contains(&path.as_str());
        let features = bringing(&manifest);
        if features != BTreeSet::from(["planted"]) && (known || !features.is_empty()) {
            found.push(format!("{path}: {features:?}"));
        }
        for part in ["dependencies", "dev-dependencies", "workspace"] {
            let asked = manifest.get(part).map(Value::to_string);
            if asked.is_some_and(|asked| asked.contains("planted")) {
                found.push(format!("{path}: [{part}]"));
            }
        }
    }
    none("planted bugs are built by their own name alone", &found);
}

#[test]
fn the_program_does_not_build_with_planted_bugs() {
    let main = tree::read("crates/daemon/src/main.rs");
    let refusal = "#[cfg(feature = \"planted\")]\ncompile_error!(";
    assert!(main.contains(refusal), "the program refuses the feature");
}

#[test]
fn nothing_that_ships_or_deploys_names_the_feature() {
    let files = tree::files().into_iter();
    let found: Vec<String> = files
        .filter(|file| file.path.starts_with("deploy/") || file.path.starts_with(".ci/"))
        .flat_map(|file| tree::places(&file.path, &file.text, "planted"))
        .collect();
    none("what is deployed has no planted bugs", &found);
}

#[test]
fn each_planted_bug_has_its_place_and_each_place_its_bug() {
    let listed: BTreeSet<String> = tree::read(BUGS)
        .lines()
        .filter(|line| line.matches('"').count() == 4)
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    let mut planted = BTreeSet::new();
    for file in tree::files() {
        if file.path.ends_with(".rs") && !file.path.starts_with("tests/tests/") {
            let places = file.text.split("planted!(").skip(1);
            let names = places.filter_map(|rest| rest.split_once(')'));
            planted.extend(names.map(|(name, _)| name.to_owned()));
        }
    }
    planted.remove("$bug");
    assert!(listed.len() > 40, "the list is read");
    assert_eq!(listed, planted);
}

/// What stands in the first pair of quotes of each line of this kind.
fn quoted(path: &str, is_meant: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let text = tree::read(path);
    let lines = text.lines().filter(|line| is_meant(line));
    let words = lines.filter_map(|line| line.split('"').nth(1));
    words.map(str::to_owned).collect()
}

#[test]
fn the_page_names_each_planted_bug_once_and_the_law_that_found_it() {
    let bugs = quoted(BUGS, |line| line.matches('"').count() == 4);
    let laws = quoted(LAWS, |line| {
        line.starts_with("    ") && line.ends_with("\";")
    });
    assert!(bugs.len() > 40 && laws.len() > 20, "both lists are read");
    let page = tree::read(PAGE);
    let is_bug = |name: &str| bugs.contains(name);
    let mut left = bugs.clone();
    let (mut found, mut wrong) = (0, Vec::new());
    let mut unshown = laws.clone();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`');
        let is_of_table = matches!(cells.len(), 5 | 6) && (is_bug(name) || name.contains('-'));
        if !is_of_table {
            continue;
        }
        if !left.remove(name) {
            wrong.push(format!("{name} is no planted bug, or stands there twice"));
        }
        if cells.len() == 6 {
            found += 1;
            if !laws.contains(cells[4].trim_matches('`')) {
                wrong.push(format!("{name}: {} is no law", cells[4]));
            }
            unshown.remove(cells[4].trim_matches('`'));
        }
    }
    wrong.extend(left.iter().map(|name| format!("{name} is missing")));
    none("write the tables anew: planted-bugs --also --table", &wrong);
    assert!(found >= 40, "{found} planted bugs are found");
    let told = format!("**{found} of {} planted bugs are found**", bugs.len());
    assert!(page.contains(&told), "the page says: {told}");
    // What ships has no way to panic that could be planted: the lints deny it.
    unshown.remove("panicked");
    // The count of `one_ticket_per_talk` after a restored backup: its bugs are found without one first.
    unshown.remove("no_second_undo");
    let unshown: Vec<String> = unshown.into_iter().collect();
    none(
        "each law is shown able to fail by a bug that it finds",
        &unshown,
    );
}
