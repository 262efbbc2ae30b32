//! The search finds what is wrong: drivers with a flaw, each by the law that speaks of it; and it
//! finds nothing where nothing is.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Flaw, SCENARIOS, TROUBLES, explore};

/// The law that a search of this scenario breaks first, within so many states.
fn broken(scenario: &str, trouble: &str, flaw: Flaw, most: u64) -> Option<&'static str> {
    let scenario = SCENARIOS
        .iter()
        .find(|s| s.name == scenario)
        .expect("a scenario");
    let trouble = TROUBLES
        .iter()
        .find(|t| t.name == trouble)
        .expect("a trouble");
    let (mut setting, root) = scenario.begin(trouble).expect("a beginning");
    setting.flaw = flaw;
    let explored = explore(root, &setting, most);
    explored.broken.map(|(broken, _)| broken.law)
}

#[test]
fn a_commit_without_fencing_is_found() {
    let found = broken("asks-then-solved", "sleep", Flaw::NoFencing, 20_000);
    assert_eq!(found, Some("single_writer"));
}

#[test]
fn a_call_before_its_intent_is_stored_as_sent_is_found() {
    let found = broken("asks-then-solved", "calls", Flaw::SentAfterCall, 20_000);
    assert_eq!(found, Some("intent_before_call"));
}

#[test]
fn a_call_begun_after_a_long_sleep_is_found() {
    let found = broken("asks-then-solved", "sleep", Flaw::BegunLate, 20_000);
    assert_eq!(found, Some("single_writer"));
}

#[test]
fn an_answer_before_the_store_has_it_is_found() {
    let found = broken("comes-and-goes", "calls", Flaw::AnswerBeforeStore, 20_000);
    assert_eq!(found, Some("acked"));
}

#[test]
fn without_a_flaw_nothing_is_found() {
    for trouble in TROUBLES {
        let found = broken("ours-ends-twice", trouble.name, Flaw::None, 1_000);
        assert_eq!(found, None);
    }
}
