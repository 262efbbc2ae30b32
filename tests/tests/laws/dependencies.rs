//! What each crate rests on, read from the manifests and the lock file. Neighbours: rooms (the same
//! seen from the code), packages (where they come from).

use crate::{none, tree};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// Our crates: folder, package, and which others of ours it may rest on.
const OURS: [(&str, &str, &[&str]); 8] = [
    ("crates/core", "bridge-core", &["bridge-remotes"]),
    ("crates/transport", "bridge-transport", &["bridge-core"]),
    (
        "crates/jelou-adapter",
        "jelou-adapter",
        // The sandbox in its tests alone: the one made from the documents, the other against it.
        &["bridge-core", "bridge-transport", "bridge-sandbox"],
    ),
    (
        "crates/ticketing-adapter",
        "ticketing-adapter",
        &["bridge-core", "bridge-transport"],
    ),
    ("crates/sandbox", "bridge-sandbox", &[]),
    (
        "crates/daemon",
        "jelou-bridge",
        &[
            "bridge-core",
            "bridge-transport",
            "jelou-adapter",
            "ticketing-adapter",
            "bridge-sandbox",
        ],
    ),
    (
        "tests",
        "bridge-tests",
        &[
            "bridge-core",
            "bridge-remotes",
            "bridge-sandbox",
            "jelou-adapter",
            "jelou-bridge",
            "ticketing-adapter",
        ],
    ),
    ("tests/remotes", "bridge-remotes", &["bridge-core"]),
];

/// What would give core a runtime, a network, a database, a clock or chance.
const NOT_IN_CORE: [&str; 17] = [
    "tokio",
    "async-std",
    "mio",
    "futures",
    "sqlx",
    "sqlx-core",
    "rusqlite",
    "libsqlite3-sys",
    "reqwest",
    "hyper",
    "axum",
    "apalis",
    "apalis-core",
    "jiff",
    "chrono",
    "rand",
    "tracing",
];

/// Packages with one home each.
const HOMES: [(&str, &[&str]); 7] = [
    ("sqlx", &["jelou-bridge"]),
    ("apalis", &["jelou-bridge"]),
    ("apalis-core", &["jelou-bridge"]),
    ("clap", &["jelou-bridge"]),
    ("config", &["jelou-bridge"]),
    (
        "reqwest",
        &[
            "bridge-transport",
            "bridge-sandbox",
            "jelou-bridge",
            "bridge-tests",
        ],
    ),
    ("phonenumber", &["bridge-core"]),
];

pub fn manifest(folder: &str) -> Table {
    let path = format!("{folder}/Cargo.toml");
    tree::read(&path)
        .parse()
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn table<'a>(manifest: &'a Table, key: &str) -> Option<&'a Table> {
    manifest.get(key).and_then(Value::as_table)
}

/// What a manifest names under these headings.
fn named(manifest: &Table, headings: &[&str]) -> BTreeSet<String> {
    headings
        .iter()
        .filter_map(|heading| table(manifest, heading))
        .flat_map(|table| table.keys().cloned())
        .collect()
}

/// Everything that `package` rests on, by the lock file: tests and all platforms included.
fn closure(package: &str) -> BTreeSet<String> {
    let lock: Table = tree::read("Cargo.lock").parse().unwrap();
    let mut rests_on: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in lock["package"].as_array().unwrap() {
        let name = entry["name"].as_str().unwrap().to_owned();
        let needs = entry.get("dependencies").and_then(Value::as_array);
        let names = needs.into_iter().flatten().filter_map(Value::as_str);
        // "name" or "name version": versions of one package are looked at together.
        let names = names
            .filter_map(|line| line.split(' ').next())
            .map(str::to_owned);
        rests_on.entry(name).or_default().extend(names);
    }
    let (mut seen, mut open) = (BTreeSet::new(), vec![package.to_owned()]);
    while let Some(name) = open.pop() {
        for needed in rests_on.get(&name).into_iter().flatten() {
            if seen.insert(needed.clone()) {
                open.push(needed.clone());
            }
        }
    }
    seen
}

#[test]
fn every_crate_is_known_here() {
    let workspace = manifest(".");
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().filter_map(Value::as_str).collect();
    let known: BTreeSet<&str> = OURS.iter().map(|(folder, _, _)| *folder).collect();
    assert_eq!(members, known);
    for (folder, package, _) in OURS {
        assert_eq!(manifest(folder)["package"]["name"].as_str(), Some(package));
    }
}

#[test]
fn dependencies_point_down_and_the_adapters_never_see_each_other() {
    let ours: BTreeSet<&str> = OURS.iter().map(|(_, package, _)| *package).collect();
    let mut breaches = Vec::new();
    for (folder, package, may) in OURS {
        let headings = ["dependencies", "dev-dependencies", "build-dependencies"];
        for needed in named(&manifest(folder), &headings) {
            if ours.contains(needed.as_str()) && !may.contains(&needed.as_str()) {
                breaches.push(format!("{package} -> {needed}"));
            }
        }
    }
    none("dependencies point down", &breaches);
}

#[test]
fn core_rests_on_no_runtime_network_database_or_clock() {
    let below = closure("bridge-core");
    assert!(below.contains("minijinja"), "the walk works");
    let found: Vec<String> = NOT_IN_CORE
        .iter()
        .filter(|name| below.contains(**name))
        .map(|name| format!("bridge-core rests on {name}"))
        .collect();
    none("core is pure", &found);
}

#[test]
fn packages_stay_at_home() {
    let mut breaches = Vec::new();
    for (folder, package, _) in OURS {
        let needs = named(&manifest(folder), &["dependencies", "dev-dependencies"]);
        for (name, homes) in HOMES {
            if needs.contains(name) && !homes.contains(&package) {
                breaches.push(format!("{package} -> {name}"));
            }
        }
    }
    none("a package has one home", &breaches);
}

#[test]
fn every_crate_follows_the_lints_of_the_workspace() {
    for (folder, package, _) in OURS {
        let manifest = manifest(folder);
        let follows = table(&manifest, "lints").and_then(|lints| lints.get("workspace"));
        assert_eq!(follows.and_then(Value::as_bool), Some(true), "{package}");
    }
}

#[test]
fn what_is_depended_on_is_used() {
    let mut files = tree::files();
    files.retain(|file| file.path.ends_with(".rs"));
    let mut idle = Vec::new();
    for (folder, package, _) in OURS {
        let needs = named(&manifest(folder), &["dependencies", "dev-dependencies"]);
        for name in needs {
            let (word, home) = (name.replace('-', "_"), format!("{folder}/"));
            let used = files
                .iter()
                .any(|file| file.path.starts_with(&home) && file.text.contains(&word));
            if !used {
                idle.push(format!("{package} -> {name}"));
            }
        }
    }
    none("a dependency that nothing uses goes", &idle);
}

/// The third-party packages that we name ourselves.
pub fn chosen() -> BTreeSet<String> {
    let ours: BTreeSet<&str> = OURS.iter().map(|(_, package, _)| *package).collect();
    OURS.iter()
        .flat_map(|(folder, _, _)| named(&manifest(folder), &["dependencies", "dev-dependencies"]))
        .filter(|name| !ours.contains(name.as_str()))
        .collect()
}
