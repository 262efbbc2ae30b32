//! `profile`: which ticketing systems the bridge knows, and whether a profile of your own is right.
//! Neighbours: `ticketing_adapter::Profile`, which reads and reviews them; `check`, which asks the same
//! of the configuration.

use super::{
    args::{LiveArgs, ProfileCommand, Shared},
    ending::{Ending, FOUND, Failure},
    live,
    table::{count, table},
};
use crate::config::{Problem, Unread, text_of};
use serde_json::{Value, json};
use std::path::Path;
use ticketing_adapter::{
    Profile,
    profile::{OperationReview, Review},
};

/// Lists, shows or checks profiles; without any network, unless one is tried live.
pub(super) async fn profile(shared: &Shared, command: ProfileCommand) -> Result<Ending, Failure> {
    match command {
        ProfileCommand::List => Ok(list()),
        ProfileCommand::Show { profile } => show(&profile),
        ProfileCommand::Check {
            profile,
            live: false,
            with: _,
        } => check(&profile),
        ProfileCommand::Check {
            profile,
            live: true,
            with,
        } => try_live(shared, &profile, with).await,
    }
}

fn list() -> Ending {
    let builtin = Profile::builtin_names().into_iter();
    let known: Vec<Profile> = builtin.filter_map(Profile::builtin).collect();
    let rows: Vec<Vec<String>> = known
        .iter()
        .map(|p| vec![p.name().to_owned(), p.title().to_owned()])
        .collect();
    let listed: Vec<Value> = known
        .iter()
        .map(|p| json!({ "name": p.name(), "title": p.title() }))
        .collect();
    Ending::new(
        table(&["PROFILE", "SYSTEM"], &rows),
        json!({ "profiles": listed }),
    )
}

/// The file, to begin one's own with.
fn show(name: &str) -> Result<Ending, Failure> {
    let (_, text) = read(name)?;
    let document = json!({ "profile": name, "text": text });
    Ok(Ending::new(text, document))
}

/// What cannot be loaded is not tried; what is only forgotten keeps nothing from it.
async fn try_live(shared: &Shared, name: &str, with: LiveArgs) -> Result<Ending, Failure> {
    let (file, text) = read(name)?;
    match Profile::load(&text, &file) {
        Ok(profile) => live::live(shared, profile, with).await,
        Err(_) => check(name),
    }
}

fn check(name: &str) -> Result<Ending, Failure> {
    let (file, text) = read(name)?;
    let checked = Profile::load(&text, &file).map(|profile| {
        let review = profile.review();
        (profile, review)
    });
    let (profile, review) = match checked {
        Ok(checked) => checked,
        Err(found) => {
            let problems = in_file(&file, found);
            let document = json!({ "ok": false, "problems": problems });
            return Ok(Ending::new(lines(&problems), document).with_code(FOUND));
        }
    };
    let problems = in_file(&file, review.problems.clone());
    let ok = problems.is_empty();
    let document = json!({
        "ok": ok,
        "problems": problems,
        "name": profile.name(),
        "title": profile.title(),
        "only_creates": review.only_creates,
        "operations": review.operations.iter().map(as_value).collect::<Vec<_>>(),
        "webhooks": review.webhooks,
        "setup": review.setup,
        "changes": review.changes,
        "examples": review.examples,
    });
    let verdict = if ok {
        format!("{file} is right: {}.\n", profile.title())
    } else {
        let found = count(problems.len() as u64, "problem", "problems");
        format!("{file} can be loaded, but has {found}.\n")
    };
    let text = format!("{}\n{}{verdict}", in_words(&review), lines(&problems));
    Ok(Ending::new(text, document).with_code(if ok { 0 } else { FOUND }))
}

/// A built-in profile by its name, or a file.
fn read(name: &str) -> Result<(String, String), Failure> {
    if let Some(profile) = Profile::builtin(name) {
        return Ok((name.to_owned(), profile.text().to_owned()));
    }
    let text = text_of(Path::new(name)).map_err(|unread| match unread {
        Unread::Unreadable(error) => {
            let known = Profile::builtin_names().join(", ");
            Failure::environment(
                format!("cannot read the profile {name}: {error}"),
                format!("name a file, or one that is built in: {known}"),
            )
        }
        Unread::NotText(problem) => {
            let line = problem.line.unwrap_or(1);
            Failure::new(
                FOUND,
                format!("{name}:{line}: {}", problem.what),
                problem.remedy,
            )
        }
    })?;
    Ok((name.to_owned(), text))
}

fn in_file(file: &str, found: Vec<ticketing_adapter::Problem>) -> Vec<Problem> {
    let named = |problem: ticketing_adapter::Problem| Problem {
        file: file.to_owned(),
        line: problem.line,
        key: problem.key,
        what: problem.what,
        remedy: problem.remedy,
    };
    found.into_iter().map(named).collect()
}

fn lines(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}

/// What the bridge does with a system that nobody can read.
const ONLY_CREATES: &str = "
With this system the bridge makes a ticket for each conversation of a customer, with their first words in its
description, and nothing more: what is said later is not relayed, either way; a status moves no conversation, and
the end of a conversation no status; a ticket whose making was not answered waits for a person.
";

fn in_words(review: &Review) -> String {
    let rows: Vec<Vec<String>> = review
        .operations
        .iter()
        .map(|operation| {
            let there = if operation.is_there { "yes" } else { "no" };
            vec![
                operation.name.to_owned(),
                there.to_owned(),
                operation.about.clone(),
            ]
        })
        .collect();
    let operations = table(
        &["OPERATION", "THERE", "WITHOUT AN ANSWER, OR WHY NOT"],
        &rows,
    );
    let nothing = || "none".to_owned();
    let webhooks = review.webhooks.as_ref().map_or_else(nothing, |proven| {
        let examples = count(review.examples as u64, "example", "examples");
        format!("proven {proven}; {examples}")
    });
    let changes = review
        .changes
        .clone()
        .map_or_else(nothing, |by| format!("listed {by}"));
    let only = if review.only_creates {
        ONLY_CREATES
    } else {
        ""
    };
    let setup = review
        .setup
        .clone()
        .map_or_else(String::new, |how| format!("made      {how}\n"));
    format!("{operations}\nwebhooks  {webhooks}\n{setup}changes   {changes}\n{only}")
}

fn as_value(operation: &OperationReview) -> Value {
    json!({ "name": operation.name, "there": operation.is_there, "about": operation.about })
}
