//! How a command ends: what is printed, where, and with which exit code. Neighbours: the commands,
//! which return these; mod, which prints.

use crate::{
    app::AppError,
    config::LoadError,
    store::{LANE_REMEDY, StoreError},
};
use bridge_core::ids::BridgeName;
use serde::Serialize;
use serde_json::{Value, json};
use std::{io::Write, process::ExitCode};

/// All is well.
pub(super) const FINE: u8 = 0;
/// It looked and found something: a wrong configuration, parked work, something in the way.
pub(super) const FOUND: u8 = 1;
/// It was asked in a wrong way.
pub(super) const WRONG_USE: u8 = 2;
/// A file, the database or the network is not as it must be.
pub(super) const ENVIRONMENT: u8 = 3;

/// A command that was done.
#[derive(Debug)]
pub(super) struct Ending {
    /// For people.
    pub text: String,
    /// For programs: one document.
    pub json: Value,
    /// The exit code.
    pub code: u8,
}

/// A command that could not be done.
#[derive(Debug)]
pub(super) struct Failure {
    /// The exit code.
    pub code: u8,
    /// What is the matter, in a sentence that names the thing.
    pub error: String,
    /// What to do.
    pub remedy: String,
}

impl Ending {
    /// An answer, as text and as JSON.
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self {
            text: text.into(),
            json,
            code: FINE,
        }
    }

    /// An answer that is printed already, line by line.
    pub fn silent(code: u8) -> Self {
        Self {
            text: String::new(),
            json: Value::Null,
            code,
        }
    }

    /// The same with this exit code.
    pub fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    pub fn print(&self, json: bool) -> ExitCode {
        if json && !self.json.is_null() {
            out(&format!("{:#}\n", self.json));
        } else if !json {
            out(&self.text);
        }
        ExitCode::from(self.code)
    }
}

impl Failure {
    pub fn new(code: u8, error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code,
            error: error.into(),
            remedy: remedy.into(),
        }
    }

    /// A file, the database or the network is not as it must be.
    pub fn environment(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(ENVIRONMENT, error, remedy)
    }

    /// The question was wrong.
    pub fn wrong_use(error: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(WRONG_USE, error, remedy)
    }

    /// `--bridge` names one that there is not.
    pub fn no_bridge<'a>(asked: &str, known: impl IntoIterator<Item = &'a BridgeName>) -> Self {
        let names: Vec<&str> = known.into_iter().map(BridgeName::as_str).collect();
        Self::wrong_use(
            format!("there is no bridge {asked}"),
            format!("the configured ones are: {}", names.join(", ")),
        )
    }

    /// On standard error for people, and with `--json` on standard output for programs.
    pub fn print(&self, json: bool) -> ExitCode {
        if json {
            out(&format!(
                "{:#}\n",
                json!({ "error": self.error, "remedy": self.remedy })
            ));
        }
        let sentence = match (self.error.contains('\n'), self.remedy.is_empty()) {
            (true, _) | (_, true) => self.error.clone(),
            (false, false) => format!("jelou-bridge: {}; {}", self.error, self.remedy),
        };
        // Nothing can be done about a closed standard error.
        let _ = writeln!(std::io::stderr(), "{sentence}");
        ExitCode::from(self.code)
    }
}

/// Arguments that cannot be read, or a question for help. Clap's own words go where it puts them;
/// with `--json`, what was wrong is one document on standard output too.
pub(super) fn misused(error: &clap::Error, json: bool) -> ExitCode {
    let wrong = error.use_stderr();
    if wrong && json {
        let told = error.to_string();
        let mut lines = told.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let mut what = first.strip_prefix("error: ").unwrap_or(first).to_owned();
        let mut usage = None;
        for line in lines {
            match line.strip_prefix("Usage: ") {
                Some(line) => usage = Some(line.to_owned()),
                None if usage.is_none() => what = format!("{what} {line}"),
                None => {}
            }
        }
        let remedy = match usage {
            Some(usage) => format!("usage: {usage}; try --help"),
            None => "try --help".to_owned(),
        };
        out(&format!(
            "{:#}\n",
            json!({ "error": what, "remedy": remedy })
        ));
    }
    // Nothing can be done about a closed stream.
    let _ = error.print();
    ExitCode::from(if wrong { WRONG_USE } else { FINE })
}

/// Writes to standard output at once. A reader that went away, as `head` does, is no trouble.
pub(super) fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// An answer as JSON.
pub(super) fn to_json(answer: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(answer).map_err(|error| {
        Failure::environment(
            format!("the answer cannot be put into JSON: {error}"),
            "report this",
        )
    })
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match &error {
            LoadError::Unreadable { .. } => {
                Self::environment(error.to_string(), "name the file with --config")
            }
            // Each line has its own remedy.
            LoadError::Problems(_) => Self::new(FOUND, error.to_string(), "mend the configuration"),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let remedy = match &error {
            StoreError::Busy { .. } => "try again",
            StoreError::Unavailable { .. } | StoreError::Failing { .. } => {
                "look at the disk and at the rights of the file"
            }
            StoreError::Unreadable { .. } => LANE_REMEDY,
            StoreError::Broken { .. } | StoreError::Gone { .. } | StoreError::Closed => {
                "try again; if it stays so, report it"
            }
            // Their sentences end with the remedy.
            StoreError::Corrupt { .. }
            | StoreError::Locked { .. }
            | StoreError::Missing { .. }
            | StoreError::Schema { .. }
            | StoreError::Address { .. } => "",
        };
        Self::environment(prefixed(&error, remedy), remedy)
    }
}

/// A sentence without a remedy of its own is printed as it is, so it names the program itself.
fn prefixed(error: &StoreError, remedy: &str) -> String {
    if remedy.is_empty() {
        format!("jelou-bridge: {error}")
    } else {
        error.to_string()
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Config(error) => error.into(),
            AppError::Store(error) => error.into(),
            AppError::Listen { .. } => Self::environment(format!("jelou-bridge: {error}"), ""),
            AppError::Environment(what) => Self::environment(what, "see the log above"),
        }
    }
}
