//! The search finds what is wrong: drivers with a flaw, each by the law that speaks of it; and it
//! finds nothing where nothing is. What is said of it is no more than was searched.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{
    Explored, Flaw, PROTOCOL, SCENARIOS, Setting, TROUBLES, Verdict, Wanted, What, World, explore,
    explore_whole, setting::Left,
};

/// How a scenario begins, with this trouble and this flaw.
fn begin(scenario: &str, trouble: &str, flaw: Flaw) -> (Setting, World) {
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
    (setting, root)
}

/// A world in which nothing goes wrong: it has few states.
fn small() -> (Setting, World) {
    let (setting, mut root) = begin("comes-and-goes", "calls", Flaw::None);
    root.left = Left::default();
    (setting, root)
}

/// The law that a search of this scenario breaks first, within so many states.
fn broken(scenario: &str, trouble: &str, flaw: Flaw, most: u64) -> Option<&'static str> {
    let (setting, root) = begin(scenario, trouble, flaw);
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

#[test]
fn both_ways_of_searching_come_to_the_same_states() {
    let (setting, root) = small();
    let nearest = explore(root.clone(), &setting, u64::MAX);
    let deepest = explore_whole(root, &setting, u64::MAX);
    let counts = |e: &Explored| (e.states, e.transitions, e.ends, e.cut_short);
    assert!(nearest.states > 100, "{} prove nothing", nearest.states);
    assert_eq!(counts(&nearest), counts(&deepest));
    assert!(nearest.broken.is_none() && deepest.broken.is_none());
}

#[test]
fn a_whole_search_tells_a_flaw_by_a_shortest_way() {
    let (setting, root) = begin("asks-then-solved", "calls", Flaw::SentAfterCall);
    let (broken, way) = explore(root.clone(), &setting, u64::MAX).broken.unwrap();
    let (same, told) = explore_whole(root, &setting, u64::MAX).broken.unwrap();
    assert_eq!((same.law, told.len()), (broken.law, way.len()));
}

#[test]
fn the_protocol_is_not_proven_by_a_search_that_was_cut_short_or_is_small() {
    let (scenario, trouble) = PROTOCOL.split_once('/').unwrap();
    let (setting, root) = begin(scenario, trouble, Flaw::None);
    let mut verdict = Verdict::default();
    verdict.add(&explore_whole(root, &setting, 2_000));
    let why = verdict.is_full_protocol().unwrap_err();
    assert!(why.contains("cut short"), "{why}");
    let small = Explored {
        states: 999_999,
        ..Explored::default()
    };
    let mut verdict = Verdict::default();
    verdict.add(&small);
    let why = verdict.is_full_protocol().unwrap_err();
    assert!(why.contains("999999 states"), "{why}");
    let mut verdict = Verdict::default();
    verdict.add(&Explored {
        states: 1_000_000,
        ..small
    });
    assert_eq!(verdict.is_full_protocol(), Ok(()));
}

#[test]
fn the_closing_line_counts_what_was_whole_and_what_was_cut_short() {
    let (setting, root) = small();
    let mut verdict = Verdict::default();
    verdict.add(&explore(root.clone(), &setting, u64::MAX));
    assert_eq!(verdict.word(), "every law holds");
    verdict.add(&explore(root, &setting, 50));
    assert!(
        verdict
            .counts()
            .starts_with("2 searches (1 whole, 1 cut short, 0 broken), ")
    );
    assert_eq!(verdict.word(), "every law holds as far as was searched");
    let (setting, root) = begin("asks-then-solved", "sleep", Flaw::NoFencing);
    verdict.add(&explore(root, &setting, 20_000));
    assert!(
        verdict
            .counts()
            .starts_with("3 searches (1 whole, 1 cut short, 1 broken), ")
    );
    assert_eq!(verdict.word(), "NOT well");
}

fn wanted(words: &str) -> Result<Wanted, String> {
    Wanted::read(words.split_whitespace().map(str::to_owned))
}

#[test]
fn the_protocol_is_one_search_of_two_events_a_crash_and_a_lost_answer() {
    let asked = wanted("--protocol").unwrap();
    assert_eq!(asked.what, What::Protocol);
    let searches = asked.searches();
    let [(scenario, trouble)] = searches.as_slice() else {
        panic!("{searches:?}");
    };
    assert_eq!(format!("{}/{}", scenario.name, trouble.name), PROTOCOL);
    let (setting, _) = scenario.begin(trouble).unwrap();
    assert_eq!(setting.hands.concat().len(), 2);
    assert_eq!((setting.left.crashes, setting.left.cuts), (1, 1));
}

#[test]
fn an_explorer_that_is_asked_wrongly_says_so() {
    for (words, why) in [
        ("--most 0", "--most 0 proves nothing"),
        ("--jobs 0", "--jobs 0 proves nothing"),
        ("--most", "--most wants a value"),
        ("--most many", "--most many is not a number"),
        ("--short --whole", "one of"),
        ("--short --most 7", "one of"),
        ("--protocol --orders", "one of"),
        ("--protocol --most 7", "do not go together"),
        ("--protocol --short", "do not go together"),
        ("--protocol --scenario two-tickets", "do not go together"),
        ("--orders --most 7", "do not go together"),
        ("--orders --flaw no-fencing", "do not go together"),
        (
            "--scenario asks-for-nothing",
            "there is no asks-for-nothing",
        ),
        (
            "--orders --scenario asks-then-solved",
            "there is no asks-then-solved",
        ),
        ("--flaw none", "flaws: "),
        ("--bogus", "there is no --bogus"),
    ] {
        let said = wanted(words).unwrap_err();
        assert!(said.contains(why), "{words}: {said}");
    }
    assert_eq!(wanted("").unwrap().searches().len(), 80);
    assert_eq!(
        wanted("--scenario two-tickets").unwrap().searches().len(),
        5
    );
    assert_eq!(
        wanted("--orders --short").unwrap().what,
        What::Orders { short: true }
    );
}
