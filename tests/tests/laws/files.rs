//! What every file owes its reader, and what none may hold. Neighbour: rooms, about who does what.

use crate::{none, tree};

/// Ninety-five of a hundred files are at most this long.
const LINES_MOSTLY: usize = 500;

/// A file longer than this hides what is in it.
const LINES_MAX: usize = 600;

/// A folder deeper down than this is hard to guess.
const DEPTH_MAX: usize = 7;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] = [
    "util",
    "utils",
    "helper",
    "helpers",
    "manager",
    "common",
    "misc",
    "shared",
    "processor",
];

#[test]
fn every_module_opens_with_its_room_and_its_neighbour() {
    let found: Vec<String> = tree::files()
        .into_iter()
        .filter(|file| file.path.ends_with(".rs"))
        // The room of a `tests.rs` is the file above it.
        .filter(|file| !file.path.ends_with("/tests.rs"))
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| file.path)
        .collect();
    none("a module opens with //!", &found);
}

#[test]
fn files_are_short() {
    let all: Vec<(usize, String)> = tree::files()
        .into_iter()
        .filter(|file| is_written_by_hand(&file.path))
        .map(|file| (file.text.lines().count(), file.path))
        .collect();
    let over = |most: usize| {
        let long = all.iter().filter(|(lines, _)| *lines > most);
        long.map(|(lines, path)| format!("{path}: {lines} lines"))
            .collect::<Vec<_>>()
    };
    none("a file has at most 600 lines", &over(LINES_MAX));
    let long = over(LINES_MOSTLY);
    assert!(
        long.len() * 20 <= all.len(),
        "ninety-five of a hundred files have at most 500 lines: {long:#?}"
    );
}

fn is_written_by_hand(path: &str) -> bool {
    let generated = ["Cargo.lock", "docs/CONFIGURATION.md", "docs/METRICS.md"];
    !path.contains("/snapshots/") && !generated.contains(&path) && !path.contains("/fixtures/")
}

#[test]
fn every_file_is_where_one_can_find_it() {
    let found: Vec<String> = tree::paths()
        .into_iter()
        .filter(|path| path.matches('/').count() > DEPTH_MAX)
        .collect();
    none("a file lies at most seven folders deep", &found);
}

#[test]
fn names_say_what_is_inside() {
    let found: Vec<String> = tree::paths()
        .into_iter()
        .filter(|path| path.ends_with(".rs"))
        .filter(|path| {
            path.trim_end_matches(".rs")
                .split('/')
                .filter(|part| *part != "shared" || path.starts_with("crates/"))
                .any(|part| EMPTY_NAMES.contains(&part))
        })
        .collect();
    none("a module is named after what is in it", &found);
    let types = tree::shipped().into_iter().flat_map(|file| {
        ["struct ", "enum ", "trait "]
            .into_iter()
            .flat_map(move |word| {
                tree::places(&file.path, &file.code, word)
                    .into_iter()
                    .filter(|place| is_empty_type(place, word))
                    .collect::<Vec<_>>()
            })
    });
    none(
        "a type is named after what it is",
        &types.collect::<Vec<_>>(),
    );
}

fn is_empty_type(place: &str, word: &str) -> bool {
    let Some((_, rest)) = place.split_once(word) else {
        return false;
    };
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
    [
        "Manager",
        "Service",
        "Processor",
        "Helper",
        "Util",
        "Utils",
        "Common",
    ]
    .iter()
    .any(|empty| name.ends_with(empty))
}

#[test]
fn nothing_is_left_for_later() {
    let unwanted = ["todo!", "unimplemented!", "dbg!(", "#[ignore", "#![ignore"];
    let found: Vec<String> = tree::files()
        .iter()
        .filter(|file| file.path.ends_with(".rs"))
        .flat_map(|file| {
            let tests_too = crate::scan::without_texts(&crate::scan::without_comments(&file.text));
            unwanted
                .iter()
                .flat_map(|word| tree::places(&file.path, &tests_too, word))
                .collect::<Vec<_>>()
        })
        .collect();
    none("no stub, and no test that is not run", &found);
    let notes =
        ["TO", "FIX"].map(|head| format!("{head}{}", if head == "TO" { "DO" } else { "ME" }));
    let found: Vec<String> = tree::files()
        .iter()
        .flat_map(|file| {
            notes
                .iter()
                .flat_map(|note| tree::places(&file.path, &file.text, note))
        })
        .collect();
    none("what is to be done stands in an issue", &found);
}

#[test]
fn lints_about_failing_are_never_switched_off_in_what_ships() {
    let lints = [
        "unwrap_used",
        "expect_used",
        "clippy::panic",
        "indexing_slicing",
        "too_many_lines",
    ];
    let found: Vec<String> = tree::shipped()
        .iter()
        .flat_map(|file| {
            lints
                .iter()
                .flat_map(|lint| tree::places(&file.path, &file.code, lint))
        })
        .collect();
    none("what ships does not panic, and fits on a screen", &found);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let unwanted = [
        ["/wor", "k/"].concat(),
        ["../sha", "red"].concat(),
        ["/tmp/br", "ief"].concat(),
        ["/home", "/"].concat(),
        ["/root", "/"].concat(),
    ];
    let found: Vec<String> = tree::files()
        .iter()
        .filter(|file| !file.path.starts_with(".ci/"))
        .flat_map(|file| {
            unwanted
                .iter()
                .flat_map(|word| tree::places(&file.path, &file.text, word))
        })
        .collect();
    none("nothing refers to one machine", &found);
}

#[test]
fn what_the_continuous_run_does_anyone_can_do() {
    let run = tree::read(".ci/run");
    let commands: Vec<&str> = run
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .collect();
    assert_eq!(commands, ["exec tests/run"]);
}

#[test]
fn no_snapshot_waits_for_a_decision_and_every_file_is_of_a_known_kind() {
    let paths = tree::paths();
    let pending: Vec<String> = paths
        .iter()
        .filter(|path| path.ends_with(".snap.new") || path.ends_with(".pending-snap"))
        .cloned()
        .collect();
    none(
        "a new snapshot is accepted or rejected before it is committed",
        &pending,
    );
    let strange: Vec<String> = paths
        .into_iter()
        .filter(|path| !tree::is_text(path) && !is_left_by_a_run(path))
        .collect();
    none("a file is text that the laws can read", &strange);
}

/// What `.gitignore` keeps out: databases of someone who tries the bridge in their checkout.
fn is_left_by_a_run(path: &str) -> bool {
    [".db", ".db-shm", ".db-wal", ".db.lock"]
        .iter()
        .any(|ending| path.ends_with(ending))
}

#[test]
fn every_migration_is_tried_on_data() {
    let paths = tree::paths();
    let migrations: Vec<&String> = paths
        .iter()
        .filter(|path| path.starts_with("migrations/") && path.matches('/').count() == 2)
        .collect();
    assert!(!migrations.is_empty());
    let bare: Vec<String> = migrations
        .into_iter()
        .filter(|path| {
            let (folder, name) = path.rsplit_once('/').unwrap();
            let number = name.split(['_', '.']).next().unwrap();
            !paths.contains(&format!("{folder}/data/{number}.sql"))
        })
        .cloned()
        .collect();
    none("a migration has a data file that a test migrates", &bare);
}
