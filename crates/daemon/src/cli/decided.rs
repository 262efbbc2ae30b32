//! How it looks to people what became of parked work that they decided on. Neighbours: `api::decide`,
//! which did it; `show`, for all other answers.

use super::{show::halted, table::count};
use crate::api::decide::{ParkedDone, ParkedOutcome};

/// Decisions told one by one to a person.
const TOLD: usize = 50;

/// Of what was handed on nobody knows yet.
const AGAIN: &str = "What is handed on may be parked again: `parked` tells.\n";

/// Each where they are few; else those that were not done, and the counts.
pub(super) fn decided(word: &str, done: &ParkedDone) -> String {
    if done.items.is_empty() {
        return "Nothing that is parked fits this filter; `parked` alone lists all.\n".to_owned();
    }
    let past = if word == "retry" {
        "tried again"
    } else {
        "given up"
    };
    let few = done.items.len() <= TOLD && !done.more;
    let told = if few { &done.items } else { &done.failures };
    let mut text: String = told.iter().take(TOLD).map(|item| one(past, item)).collect();
    if !few || done.items.len() > 1 {
        let items = count(done.done.saturating_sub(done.handed_on), "item", "items");
        let handed_on = match done.handed_on {
            0 => String::new(),
            many => format!(" {many} handed on,"),
        };
        text.push_str(&format!(
            "{items} {past},{handed_on} {} not done.\n",
            done.failed
        ));
    }
    if done.handed_on > 0 {
        text.push_str(AGAIN);
    }
    text + &halted(&done.halted)
}

fn one(past: &str, item: &ParkedOutcome) -> String {
    let id = &item.id;
    match (item.done, &item.note) {
        (true, _) if item.handed_on => format!("{id} is handed on.\n"),
        (true, None) => format!("{id} is {past}.\n"),
        (true, Some(note)) => format!("{id} is {past}: {note}.\n"),
        (false, note) => {
            let why = note.as_deref().unwrap_or_default();
            format!("{id} stays parked: {why}.\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::halt::HaltOn;

    fn outcome(id: &str, handed_on: bool) -> ParkedOutcome {
        ParkedOutcome {
            id: id.to_owned(),
            done: true,
            handed_on,
            note: None,
        }
    }

    #[test]
    fn a_webhook_that_is_retried_is_told_as_handed_on_and_not_as_done() {
        let round = ParkedDone {
            done: 2,
            handed_on: 1,
            items: vec![outcome("lane.1", false), outcome("delivery-7", true)],
            ..ParkedDone::default()
        };
        assert_eq!(
            decided("retry", &round),
            "lane.1 is tried again.\ndelivery-7 is handed on.\n\
             1 item tried again, 1 handed on, 0 not done.\n\
             What is handed on may be parked again: `parked` tells.\n"
        );
    }

    #[test]
    fn a_retry_that_a_halt_may_hold_says_so_last() {
        let round = ParkedDone {
            done: 1,
            items: vec![outcome("lane.1", false)],
            halted: vec![HaltOn {
                bridge: "main".to_owned(),
                operation: "close".to_owned(),
                held: 8,
            }],
            ..ParkedDone::default()
        };
        assert_eq!(
            decided("retry", &round),
            "lane.1 is tried again.\n\
             The safety halt of close on bridge main is on and holds 8: \
             `jelou-bridge halt` tells more.\n"
        );
    }
}
