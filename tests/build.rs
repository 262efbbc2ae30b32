//! Asks git which commit the programs are built from. Neighbour: `src/built.rs`, which says it.
//!
//! It runs again when the commit changes, or one of the files that the programs are made of: not when a
//! test or a page does.
#![allow(
    clippy::disallowed_methods,
    reason = "cargo tells a build script its folders in the environment"
)]

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// What the programs are made of, beside the crates: the explorer plays core's own histories.
const MADE_OF: [&str; 9] = [
    "Cargo.lock",
    "Cargo.toml",
    "rust-toolchain.toml",
    "migrations",
    "tests/Cargo.toml",
    "tests/build.rs",
    "tests/src",
    "tests/remotes",
    "crates/core/tests/lane",
];

/// Letters of a commit's number: as many as nobody finds twice.
const LETTERS: &str = "--short=12";

fn main() -> Result<(), Box<dyn Error>> {
    let tests = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = tests.parent().ok_or("tests/ lies in no folder")?;
    let made_of = made_of(root)?;
    // A file that is not there would make every build run this.
    for path in made_of.iter().chain(&heads(root)).filter(|p| p.exists()) {
        println!("cargo:rerun-if-changed={}", path.display());
    }
    let commit = commit(root, &made_of).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=BUILT_FROM={commit}");
    Ok(())
}

/// The files and folders in which a change is another program.
fn made_of(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut made_of: Vec<PathBuf> = MADE_OF.iter().map(|part| root.join(part)).collect();
    for of_crate in fs::read_dir(root.join("crates"))? {
        let of_crate = of_crate?.path();
        if !of_crate.is_dir() {
            continue;
        }
        for part in fs::read_dir(of_crate)? {
            let part = part?.path();
            if !part.ends_with("tests") {
                made_of.push(part);
            }
        }
    }
    made_of.sort();
    Ok(made_of)
}

/// The files of git that change when another commit is checked out, or one is made.
fn heads(root: &Path) -> Vec<PathBuf> {
    let branch = git(root, &["symbolic-ref", "--quiet", "HEAD"]);
    ["HEAD", "logs/HEAD", "packed-refs"]
        .into_iter()
        .chain(branch.as_deref())
        .filter_map(|name| git(root, &["rev-parse", "--git-path", name]))
        .map(|path| root.join(path))
        .collect()
}

/// The commit that is checked out, with `-dirty` where what the programs are made of is not as it has it.
fn commit(root: &Path, made_of: &[PathBuf]) -> Option<String> {
    // What was unpacked within somebody else's repository is of no commit of that.
    let top = git(root, &["rev-parse", "--show-toplevel"])?;
    if fs::canonicalize(top).ok()? != fs::canonicalize(root).ok()? {
        return None;
    }
    let commit = git(root, &["rev-parse", LETTERS, "HEAD"])?;
    let mut status = vec!["status", "--porcelain", "--"];
    status.extend(made_of.iter().filter_map(|path| path.to_str()));
    let is_clean = git(root, &status)?.is_empty();
    Some(if is_clean {
        commit
    } else {
        format!("{commit}-dirty")
    })
}

/// What git says, without its last line's end; nothing where it cannot.
fn git(root: &Path, words: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    // Another git may be at work in the same folder, and is not to find the index locked.
    git.arg("--no-optional-locks").arg("-C").arg(root);
    let said = git.args(words).output().ok()?;
    let said = said.status.success().then_some(said.stdout)?;
    Some(String::from_utf8(said).ok()?.trim_end().to_owned())
}
