//! Each promise on figures made by hand: it says nothing of good ones, and finds what is wrong.

use super::*;

fn canary(when: &'static str, p99: i64) -> Canary {
    Canary {
        when,
        sung: 51,
        missing: 0,
        median: 6,
        p99,
    }
}

/// A short run in which all went well.
fn good() -> Report {
    Report {
        events: 8_000,
        backlog: 800.0,
        unavailable: 12,
        judged: true,
        canaries: vec![canary(BEFORE, 10), canary(FLOOD, 180), canary("queued", 18)],
        drain: Drain {
            limit: 400,
            most_in_a_second: 400,
            wanted: 792,
            ..Drain::default()
        },
        without_poison: Newcomers {
            served: 240,
            poisoned: 0,
            median: 20,
            p99: 60,
        },
        with_poison: Newcomers {
            served: 238,
            poisoned: 9,
            median: 25,
            p99: 400,
        },
        ..Report::default()
    }
}

#[test]
fn a_good_run_breaks_nothing() {
    assert_eq!(good().verdict().broken, [""; 0]);
}

#[test]
fn a_run_in_which_nothing_was_queued_or_refused_proves_nothing() {
    for (backlog, unavailable) in [(791.0, 12), (800.0, 0)] {
        let report = Report {
            backlog,
            unavailable,
            ..good()
        };
        let broken = report.verdict().broken.join("");
        assert!(broken.contains("nothing is proven"), "{broken}");
    }
}

#[test]
fn a_comparison_with_poison_on_both_sides_or_none_or_of_nobody_proves_nothing() {
    let changes: [fn(&mut Report); 4] = [
        |report| report.without_poison.poisoned = 1,
        |report| report.with_poison.poisoned = 0,
        |report| report.without_poison = Newcomers::default(),
        |report| report.with_poison.served = 0,
    ];
    for change in changes {
        let mut report = good();
        change(&mut report);
        let broken = report.verdict().broken.join("");
        assert!(broken.contains("so nothing is proven of it"), "{broken}");
    }
}

#[test]
fn canaries_are_held_against_those_before_and_those_of_the_flood_are_told_alone() {
    for (before, queued, told) in [
        (10, 35, None),
        (10, 36, Some("canaries took 36 ms (queued), 10 before")),
        (500, 600, None),
        (500, 601, Some("canaries took 601 ms (queued), 500 before")),
        (
            900,
            1_001,
            Some("canaries took 1001 ms (queued), 900 before"),
        ),
    ] {
        let canaries = vec![
            canary(BEFORE, before),
            canary(FLOOD, 5_000),
            canary("queued", queued),
        ];
        let report = Report { canaries, ..good() };
        assert_eq!(report.harmed(true).first().map(String::as_str), told);
        assert!(
            report.harmed(false).is_empty(),
            "in five seconds a p99 is noise"
        );
    }
    let drained = Report {
        canaries: vec![canary(BEFORE, 10), canary(DRAIN, 1_000)],
        ..good()
    };
    assert!(
        drained.harmed(true).is_empty(),
        "it waits for each call's commits"
    );
    let none = Report {
        canaries: vec![canary("queued", 10)],
        ..good()
    };
    assert!(
        none.verdict()
            .broken
            .join("")
            .contains("nothing is proven of them")
    );
}

#[test]
fn what_noise_makes_is_no_delay_and_what_is_beyond_it_is() {
    let mut report = good();
    for (with, told) in [
        (72, None),
        (85, None),
        (86, Some("poison delayed the others to 1.43")),
    ] {
        report.with_poison.p99 = with;
        assert_eq!(report.delayed(true).first().map(String::as_str), told);
    }
}

#[test]
fn poison_that_delays_the_others_is_told_by_the_p99_of_a_long_run_and_the_median_of_any() {
    let mut report = good();
    assert!(
        report.delayed(false).is_empty(),
        "in some seconds a p99 is noise"
    );
    assert_eq!(report.delayed(true), ["poison delayed the others to 6.67"]);
    report.with_poison.median = 521;
    assert_eq!(
        report.delayed(false),
        ["poison delayed half of the others by 501 ms"]
    );
}

#[test]
fn a_burst_is_what_two_commits_may_differ_by_and_no_more() {
    for (second, stretch, told) in [
        (440, 4_040, None),
        (441, 4_000, Some("441 calls in 1 s, 440 allowed")),
        (400, 4_041, Some("4041 calls in 10 s, 4040 allowed")),
    ] {
        let mut report = good();
        report.drain.most_in_a_second = second;
        report.drain.most_in_a_stretch = stretch;
        let broken = report.verdict().broken;
        assert_eq!(broken.first().map(String::as_str), told);
    }
}
