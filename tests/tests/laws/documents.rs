//! The documents are true as far as a test can tell. Neighbours: `tests/readme`, which runs the
//! README's commands; the daemon's own tests, which keep CONFIGURATION.md and METRICS.md.

use crate::{none, tree};
use std::collections::BTreeSet;

fn markdown() -> Vec<tree::File> {
    let files: Vec<tree::File> = tree::files()
        .into_iter()
        .filter(|file| file.path.ends_with(".md"))
        .collect();
    assert!(files.iter().any(|file| file.path == "README.md"));
    files
}

/// The targets of `[words](target)`, outside code.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("](") {
            let (target, next) = after.split_once(')').unwrap_or((after, ""));
            found.push(target);
            rest = next;
        }
    }
    found
}

/// The anchor of a heading, as the usual viewers make it.
fn anchor(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(anchor)
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut dead = Vec::new();
    for file in markdown() {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in links(&file.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, wanted) = target.split_once('#').unwrap_or((target, ""));
            let there = tree::root().join(folder).join(path);
            let text = match path {
                "" => Some(file.text.clone()),
                _ if there.is_dir() => Some(String::new()),
                _ => std::fs::read_to_string(&there).ok(),
            };
            let alive =
                text.is_some_and(|text| wanted.is_empty() || anchors(&text).contains(wanted));
            if !alive {
                dead.push(format!("{}: {target}", file.path));
            }
        }
    }
    none("a link leads somewhere", &dead);
}

#[test]
fn every_file_that_a_document_names_is_there() {
    let roots = [
        "crates/",
        "tests/",
        "docs/",
        "deploy/",
        "migrations/",
        ".ci/",
    ];
    let mut gone = Vec::new();
    for file in markdown() {
        for name in file.text.split('`').skip(1).step_by(2) {
            let path = name.trim_end_matches('/');
            let is_path = roots.iter().any(|root| name.starts_with(root))
                && !path.contains([' ', '*', '{', '<', '\n'])
                && !path.contains("::");
            if is_path && !tree::root().join(path).exists() {
                gone.push(format!("{}: {name}", file.path));
            }
        }
    }
    none("a named file exists", &gone);
}

#[test]
fn every_function_that_the_walk_names_is_in_the_file_it_names() {
    // docs/ARCHITECTURE.md writes `crates/a/src/b.rs::function`.
    let text = tree::read("docs/ARCHITECTURE.md");
    let (mut named, mut gone) = (0, Vec::new());
    for name in text.split('`').skip(1).step_by(2) {
        let Some((path, function)) = name.split_once(".rs::") else {
            continue;
        };
        named += 1;
        let path = format!("{path}.rs");
        let source = std::fs::read_to_string(tree::root().join(&path)).unwrap_or_default();
        let plain = function.rsplit("::").next().unwrap();
        let kinds = ["fn", "struct", "enum", "const"];
        let is_there = kinds.iter().any(|kind| {
            let word = format!("{kind} {plain}");
            source.match_indices(&word).any(|(at, _)| {
                let next = source[at + word.len()..].chars().next();
                next.is_none_or(|c| !c.is_alphanumeric() && c != '_')
            })
        });
        if !is_there {
            gone.push(name.to_owned());
        }
    }
    assert!(named >= 12, "the walk names real functions; {named} found");
    none("the walk through one event names what is there", &gone);
}

#[test]
fn every_variable_that_is_read_is_documented() {
    let documented: String = markdown().into_iter().map(|file| file.text).collect();
    let mut missing = BTreeSet::new();
    for file in tree::shipped() {
        for text in file.said.split('"').skip(1).step_by(2) {
            let is_variable = text.starts_with("JELOU_BRIDGE_")
                && text.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            if is_variable && !documented.contains(text) {
                missing.insert(format!("{}: {text}", file.path));
            }
        }
    }
    none(
        "a variable is documented",
        &missing.into_iter().collect::<Vec<_>>(),
    );
}

#[test]
fn every_metric_that_an_operator_is_sent_to_is_there() {
    let metrics = tree::read("docs/METRICS.md");
    let guide = tree::read("docs/OPERATING.md");
    let named: BTreeSet<&str> = guide
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("jelou_bridge_"))
        .collect();
    assert!(named.len() >= 5, "{named:?}");
    let gone: Vec<String> = named
        .into_iter()
        .filter(|name| !metrics.contains(&format!("`{name}`")))
        .map(str::to_owned)
        .collect();
    none("a metric that is named is measured", &gone);
}

#[test]
fn every_reason_for_parking_has_a_remedy_in_the_guide() {
    let guide = tree::read("docs/OPERATING.md");
    let metrics = tree::read("docs/METRICS.md");
    let row = metrics
        .lines()
        .find(|line| line.starts_with("| `reason` |"));
    let reasons = row.unwrap().split('`').skip(3).step_by(2);
    let missing: Vec<String> = reasons
        .filter(|reason| *reason != "other" && !guide.contains(&format!("| `{reason}` |")))
        .map(str::to_owned)
        .collect();
    none("docs/OPERATING.md says what to do", &missing);
}

#[test]
fn every_room_is_on_the_map() {
    let map = tree::read("docs/ARCHITECTURE.md");
    let rooms: BTreeSet<String> = tree::paths()
        .into_iter()
        .filter(|path| path.starts_with("crates/"))
        .filter_map(|path| path.split('/').nth(1).map(|room| format!("crates/{room}")))
        .collect();
    let missing: Vec<String> = rooms
        .into_iter()
        .filter(|room| !map.contains(room.as_str()))
        .collect();
    none("docs/ARCHITECTURE.md tells of every crate", &missing);
}

#[test]
fn every_decision_can_be_found() {
    let index = tree::read("docs/decisions/README.md");
    let missing: Vec<String> = tree::paths()
        .into_iter()
        .filter_map(|path| path.strip_prefix("docs/decisions/").map(str::to_owned))
        .filter(|name| name != "README.md" && !index.contains(&format!("({name})")))
        .collect();
    none("docs/decisions/README.md lists every decision", &missing);
}

#[test]
fn anchors_are_made_as_viewers_make_them() {
    assert_eq!(
        anchor("## Ten minutes: Request Tracker"),
        "ten-minutes-request-tracker"
    );
}

/// The words in the last column of FOUND.md that name tests.
fn named_tests(page: &str) -> Vec<&str> {
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let last = rows.filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next());
    let quoted = last.flat_map(|column| column.split('`').skip(1).step_by(2));
    quoted.collect()
}

#[test]
fn each_mistake_that_was_found_names_a_test_that_is_there() {
    let page = tree::read("docs/FOUND.md");
    let named = named_tests(&page);
    assert!(named.len() > 40, "{} tests are named", named.len());
    let code: Vec<tree::File> = tree::files()
        .into_iter()
        .filter(|file| file.path.ends_with(".rs"))
        .collect();
    let is_there = |test: &&str| {
        let head = format!("fn {test}(");
        code.iter().any(|file| file.text.contains(&head))
    };
    let missing: Vec<String> = named
        .into_iter()
        .filter(|test| !is_there(test))
        .map(str::to_owned)
        .collect();
    none("a mistake names the test that holds it", &missing);
}
