//! `check`: is the configuration right? Neighbour: `config`, which finds what is wrong with it.

use super::{
    args::Shared,
    ending::{ENVIRONMENT, Ending, FOUND},
    table::count,
};
use crate::config::{self, Config, LoadError, Note, Problem, Variables};
use serde_json::{Value, json};

/// Checks the file named by `--config`, without any network. What is right but has no effect yet is
/// noted, and is no error.
pub(super) fn check(shared: &Shared) -> Ending {
    match config::load_noted(&shared.config, &Variables::of_this_process()) {
        Ok((config, notes)) => Ending::new(fine(shared, &config, &notes), report(&[], &notes)),
        Err(error @ LoadError::Unreadable { .. }) => {
            let problem = Problem {
                file: shared.config.display().to_string(),
                line: None,
                key: String::new(),
                what: error.to_string(),
                remedy: "name the configuration with --config".to_owned(),
            };
            Ending::new(format!("{problem}\n"), report(&[problem], &[])).with_code(ENVIRONMENT)
        }
        Err(LoadError::Problems(problems)) => {
            let lines: String = problems
                .iter()
                .map(|problem| format!("{problem}\n"))
                .collect();
            Ending::new(lines, report(&problems, &[])).with_code(FOUND)
        }
    }
}

/// Notes first: the verdict stands last, where eyes are.
fn fine(shared: &Shared, config: &Config, notes: &[Note]) -> String {
    let notes: String = notes.iter().map(|note| format!("{note}\n")).collect();
    let bridges = count(config.bridges.len() as u64, "bridge", "bridges");
    format!("{notes}{} is right: {bridges}.\n", shared.config.display())
}

fn report(problems: &[Problem], notes: &[Note]) -> Value {
    json!({ "ok": problems.is_empty(), "problems": problems, "notes": notes })
}
