//! `check`: is the configuration right? Neighbour: `config`, which finds what is wrong with it.

use super::{
    args::Shared,
    ending::{ENVIRONMENT, Ending, FOUND},
    table::count,
};
use crate::config::{self, Config, LoadError, Problem, Variables};
use serde_json::{Value, json};

/// Checks the file named by `--config`, without any network.
pub(super) fn check(shared: &Shared) -> Ending {
    match config::load_with(&shared.config, &Variables::of_this_process()) {
        Ok(config) => Ending::new(fine(shared, &config), report(&[])),
        Err(error @ LoadError::Unreadable { .. }) => {
            let problem = Problem {
                file: shared.config.display().to_string(),
                line: None,
                key: String::new(),
                what: error.to_string(),
                remedy: "name the configuration with --config".to_owned(),
            };
            Ending::new(format!("{problem}\n"), report(&[problem])).with_code(ENVIRONMENT)
        }
        Err(LoadError::Problems(problems)) => {
            let lines: String = problems
                .iter()
                .map(|problem| format!("{problem}\n"))
                .collect();
            Ending::new(lines, report(&problems)).with_code(FOUND)
        }
    }
}

fn fine(shared: &Shared, config: &Config) -> String {
    let bridges = count(config.bridges.len() as u64, "bridge", "bridges");
    format!("{} is right: {bridges}.\n", shared.config.display())
}

fn report(problems: &[Problem]) -> Value {
    json!({ "ok": problems.is_empty(), "problems": problems })
}
