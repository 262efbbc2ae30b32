//! What is wrong with a configuration, told all at once. Neighbours: validate and build, which
//! find it; the command `check`, which prints it.

use super::document::{Document, parent};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    path::{Path, PathBuf},
};

/// One thing wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file, or the variable, that says it.
    pub file: String,
    /// The line in the file, from 1.
    pub line: Option<usize>,
    /// The key, from the top: `bridges.main.mapping.assignment[0].when`.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}; {}", self.what, self.remedy)
    }
}

/// Why a configuration was not loaded.
#[derive(Debug)]
pub enum LoadError {
    /// The file cannot be read: exit code 3.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was read, and this is wrong with it, by line: exit code 1.
    Problems(Vec<Problem>),
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            Self::Problems(_) => None,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => {
                write!(f, "cannot read {}: {source}", path.display())
            }
            Self::Problems(problems) => {
                let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}

/// Gathers problems, and knows where the value of each key came from.
pub(super) struct Report<'a> {
    pub(super) path: &'a Path,
    pub(super) document: Document,
    /// Keys set by variables, with the variable's name.
    pub(super) variables: BTreeMap<String, String>,
    problems: Vec<Problem>,
    told: BTreeSet<String>,
}

impl<'a> Report<'a> {
    pub(super) fn new(path: &'a Path, document: Document) -> Self {
        Self {
            path,
            document,
            variables: BTreeMap::new(),
            problems: Vec::new(),
            told: BTreeSet::new(),
        }
    }

    /// Tells of a key, unless it or one around it was told of before.
    pub(super) fn problem(
        &mut self,
        key: &str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        if self.is_sound(key) {
            self.tell(key, what.into(), remedy.into());
        }
    }

    /// Tells of several keys at once, some perhaps twice, unless they were told of before.
    pub(super) fn problems(&mut self, found: Vec<(String, String, String)>) {
        let sound = |(key, _, _): &(String, String, String)| self.is_sound(key);
        let (new, _): (Vec<_>, Vec<_>) = found.into_iter().partition(sound);
        for (key, what, remedy) in new {
            self.tell(&key, what, remedy);
        }
    }

    fn tell(&mut self, key: &str, what: String, remedy: String) {
        self.told.insert(key.to_owned());
        let (file, line) = self.place(key);
        self.problems.push(Problem {
            file,
            line,
            key: key.to_owned(),
            what,
            remedy,
        });
    }

    /// Where the value of a key came from: the file and its line, or a variable.
    pub(super) fn place(&self, key: &str) -> (String, Option<usize>) {
        match self.variable(key) {
            Some(name) => (name.to_owned(), None),
            None => (
                self.path.display().to_string(),
                Some(self.document.line(key).unwrap_or(1)),
            ),
        }
    }

    /// Tells of something outside the file: a variable, or another file.
    pub(super) fn elsewhere(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Whether nothing was told of a key or of one around it.
    pub(super) fn is_sound(&self, key: &str) -> bool {
        let mut at = Some(key);
        while let Some(key) = at {
            if self.told.contains(key) {
                return false;
            }
            at = parent(key);
        }
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// Everything told, the file's own by line, then the rest.
    pub(super) fn finish(self) -> LoadError {
        let own = self.path.display().to_string();
        let mut problems = self.problems;
        problems.sort_by_key(|p| (p.file != own, p.file.clone(), p.line, p.key.clone()));
        LoadError::Problems(problems)
    }

    fn variable(&self, key: &str) -> Option<&str> {
        let mut at = Some(key);
        while let Some(key) = at {
            if let Some(name) = self.variables.get(key) {
                return Some(name);
            }
            at = parent(key);
        }
        None
    }
}
