//! docs/JELOU.md is true as far as a test can tell: it has every call of the client with who makes it,
//! and every test that it names. Neighbour: the laws of the repository, which look at its links and files.
#![expect(
    clippy::unwrap_used,
    reason = "a file that is not there fails its test"
)]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document() -> String {
    fs::read_to_string(root().join("docs/JELOU.md")).unwrap()
}

/// The rows of all tables, without their heads.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines = text.lines().filter(|line| line.starts_with("| "));
    lines
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// What stands between backticks.
fn code(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_call_of_the_client_has_its_row() {
    let text = document();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/client");
    let mut calls = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let source = fs::read_to_string(entry.unwrap().path()).unwrap();
        for rest in source.split("pub async fn ").skip(1) {
            let name = rest.split('(').next().unwrap();
            calls += 1;
            let row = format!("`Client::{name}`");
            assert!(text.contains(&row), "docs/JELOU.md has no row with {row}");
        }
    }
    assert!(calls >= 16, "{calls} calls found");
}

/// Source files of what is shipped, without their inline tests and without white space.
fn sources(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            into.push((path, code.split_whitespace().collect()));
        }
    }
}

#[test]
fn every_call_is_made_where_its_row_says_or_is_said_to_be_unused() {
    let mut all = Vec::new();
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let package = entry.unwrap().path();
        if package
            .file_name()
            .is_some_and(|name| name != "jelou-adapter")
        {
            sources(&package.join("src"), &mut all);
        }
    }
    let text = document();
    let mut made = 0;
    for row in rows(&text) {
        let Some(cell) = row.get(2).filter(|cell| cell.contains("`Client::")) else {
            continue;
        };
        let name = code(cell).find_map(|word| word.strip_prefix("Client::"));
        let call = format!(".jelou.{}(", name.unwrap());
        let callers: Vec<_> = all
            .iter()
            .filter(|(_, code)| code.contains(&call))
            .map(|(path, _)| path)
            .collect();
        if cell.contains("not used by the bridge: ") {
            assert!(callers.is_empty(), "{call} is used by {callers:?}");
            continue;
        }
        assert!(!callers.is_empty(), "nothing of the bridge calls {call}");
        let (_, by) = cell.split_once("called by ").unwrap_or_default();
        assert!(!by.is_empty(), "the row of {call} names no caller");
        for path in code(by).filter(|word| word.ends_with(".rs")) {
            let named = root().join(path);
            assert!(callers.contains(&&named), "{path} has no {call}");
        }
        made += 1;
    }
    assert!(made >= 16, "{made} calls are made");
}

#[test]
fn every_test_that_it_names_is_in_the_file_it_names() {
    let text = document();
    let mut named = 0;
    for row in rows(&text) {
        let mut names = code(row.last().copied().unwrap_or_default());
        let Some(path) = names.next().filter(|name| name.ends_with(".rs")) else {
            continue;
        };
        let test = names.next().unwrap();
        let source = fs::read_to_string(root().join(path)).unwrap();
        assert!(
            source.contains(&format!("fn {test}()")),
            "{path} has no test {test}"
        );
        named += 1;
    }
    assert!(named >= 28, "{named} rows name a test");
}

#[test]
fn no_cell_is_empty() {
    let text = document();
    for row in rows(&text) {
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}
