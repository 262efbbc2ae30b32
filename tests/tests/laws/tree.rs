//! The files of the repository, as the laws read them. Neighbour: scan, which tells code from words.

use crate::scan;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What is built, or belongs to the version control, and not to the repository.
const NOT_OURS: [&str; 2] = ["target", ".git"];

/// Endings of what is text here. A file of another kind is found by `every_file_is_of_a_known_kind`.
const TEXT: [&str; 13] = [
    "html", "js", "json", "lock", "md", "pl", "py", "rs", "sh", "snap", "sql", "toml", "txt",
];

/// Text files known by their whole name.
const TEXT_NAMES: [&str; 6] = [
    ".gitignore",
    "run",
    "readme",
    "figures",
    "first-link",
    "LICENSE",
];

/// One file.
pub struct File {
    /// From the root, with slashes.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// One file of Rust that ships.
pub struct Rust {
    /// From the root, with slashes.
    pub path: String,
    /// Without comments, texts and inline tests; the lines are kept.
    pub code: String,
    /// Without comments and inline tests; the lines are kept.
    pub said: String,
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

/// A file that must be there.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every path below the root, sorted.
pub fn paths() -> Vec<String> {
    let mut found = Vec::new();
    walk(&root(), "", &mut found);
    found.sort();
    assert!(found.len() > 100, "the walk must reach the repository");
    found
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        // A link to a folder is followed too: the laws may be run over a mirror of the tree.
        if entry.path().is_dir() {
            if !NOT_OURS.contains(&name.as_str()) {
                walk(&entry.path(), &format!("{path}/"), found);
            }
        } else {
            found.push(path);
        }
    }
}

/// Whether a path names a text file of ours.
pub fn is_text(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    TEXT_NAMES.contains(&name) || ending.is_some_and(|ending| TEXT.contains(&ending))
}

/// Every text file.
pub fn files() -> Vec<File> {
    paths()
        .into_iter()
        .filter(|path| is_text(path))
        .filter_map(|path| {
            let text = fs::read_to_string(root().join(&path)).ok()?;
            Some(File { path, text })
        })
        .collect()
}

/// Every file of Rust that ships: no test.
pub fn shipped() -> Vec<Rust> {
    files()
        .into_iter()
        .filter(|file| file.path.ends_with(".rs") && !is_test(&file.path))
        .map(|file| {
            let said = scan::without_tests(&scan::without_comments(&file.text));
            Rust {
                code: scan::without_texts(&said),
                said,
                path: file.path,
            }
        })
        .collect()
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("/testing.rs")
        // It runs where the program is built, and is in none.
        || path.ends_with("/build.rs")
}

/// Where `needle` stands in `text`, as `path:line: the line`.
pub fn places(path: &str, text: &str, needle: &str) -> Vec<String> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| line.contains(needle))
        .map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim()))
        .collect()
}
