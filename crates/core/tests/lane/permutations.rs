//! The order of arrival does not change the end state (law 5): every order of short histories.
//!
//! Those of five events are played whole here, 120 orders each; of the longer ones a share. All 720
//! and 5,040 orders of those are played by `explore --orders`, in release.

mod playing;
mod table;

use crate::world;
use playing::{ends_alike, order, orders, tellings};
use std::collections::BTreeSet;
use table::SCENARIOS;

/// Scenarios of which every order is played here, in every telling; a share of the others, so that
/// a debug run stays quick.
const WHOLE: [&str; 7] = [
    "a-short-visit",
    "a-ticket-is-worked-on",
    "both-sides-move",
    "a-ticket-asks-later",
    "a-ticket-waits-for-ana",
    "ana-comes-back",
    "ana-writes-after-the-end",
];

fn whole(name: &str) {
    let scenario = SCENARIOS.iter().find(|s| s.name == name).unwrap();
    for over in scenario.over {
        for telling in tellings() {
            assert_eq!(ends_alike(scenario, over, &telling, 1), 121);
        }
    }
}

#[test]
fn a_short_visit_ends_alike_in_all_orders() {
    whole("a-short-visit");
}

#[test]
fn a_ticket_that_is_worked_on_ends_alike_in_all_orders() {
    whole("a-ticket-is-worked-on");
}

#[test]
fn two_sides_that_move_end_alike_in_all_orders_whoever_wins() {
    whole("both-sides-move");
}

#[test]
fn a_ticket_that_asks_later_ends_alike_in_all_orders() {
    whole("a-ticket-asks-later");
}

#[test]
fn a_ticket_that_waits_for_its_customer_ends_alike_in_all_orders() {
    whole("a-ticket-waits-for-ana");
}

#[test]
fn a_customer_who_comes_back_ends_alike_in_all_orders_under_each_policy() {
    whole("ana-comes-back");
}

#[test]
fn a_message_after_the_end_ends_alike_in_all_orders() {
    whole("ana-writes-after-the-end");
}

#[test]
fn thirteen_more_histories_end_alike_in_a_share_of_their_orders() {
    for scenario in SCENARIOS.iter().filter(|s| !WHOLE.contains(&s.name)) {
        let stride = orders(scenario.events) / 12 + 1;
        for over in scenario.over {
            for telling in tellings().iter().step_by(4) {
                ends_alike(scenario, over, telling, stride);
            }
        }
    }
}

#[test]
fn there_are_twenty_histories_and_as_many_orders_as_there_should_be() {
    assert_eq!(SCENARIOS.len(), 20);
    assert!(SCENARIOS.iter().filter(|s| s.events == 7).count() >= 4);
    for (events, many) in [(5, 120), (6, 720), (7, 5_040)] {
        let different: BTreeSet<_> = (0..orders(events)).map(|n| order(events, n)).collect();
        assert_eq!(different.len(), many);
    }
}
