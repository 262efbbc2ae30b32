//! The clock of the machine is set back: what waits still waits as long, and what was told before is told
//! before.

use crate::world::{
    BEA, World,
    desk::{Carries, Versions},
    faults::Fault,
    net::Weather,
};
use bridge_core::event::Event;
use serde_json::json;
use std::time::Duration;

const FIVE_HOURS: Duration = Duration::from_secs(5 * 3600);

/// Found by the simulator, history 314592: with the clock set back, what was seen before counted as
/// seen now.
#[test]
fn the_customers_last_ticket_is_looked_at_anew_though_the_clock_was_set_back() {
    for back in [Duration::ZERO, Duration::from_secs(5 * 3600)] {
        let mut w = World::with(&json!({"ticket": {"customer_writes_after_close": "reopen"}}));
        let (first, ticket) = w.linked_from_conversation();
        w.ends(&first, "expired");
        w.settle();
        w.agent_tags(&ticket, &["vip"]);
        w.settle();
        w.net.weather = Weather::Lost;
        w.agent_sets(&ticket, "closed");
        w.net.weather = Weather::Fair;
        w.now = w.now.minus(back);
        let next = w.ana_starts();
        w.settle();
        assert_eq!(w.desk.records.len(), 2, "{back:?}\n{}", w.tale());
        assert_ne!(w.ticket_of(&next), Some(ticket), "{back:?}\n{}", w.tale());
    }
}

/// Found by the simulator, history 992098: both counted as of one moment, and the read as covering the hint.
#[test]
fn a_hint_that_came_before_the_clock_was_set_back_is_followed_though_a_read_came_with_it() {
    for back in [Duration::ZERO, Duration::from_secs(5 * 3600)] {
        let mut w = World::new();
        w.desk.versions = Versions::None;
        w.desk.carries = Carries::IdOnly;
        let (ticket, _) = w.linked_from_ticket();
        w.settle();
        let lane = w.bridge.lanes.keys().next().expect("Ana's").clone();
        let now = w.now;
        w.net.weather = Weather::Kept;
        w.agent_tags(&ticket, &["whatsapp", "vip"]);
        let Event::TicketChanged(mut read) = w.net.kept.remove(0) else {
            panic!("a ticket changed");
        };
        // The Router had read it for its customer before the Link stood.
        read.whole = Some(Box::new(w.desk.read(&ticket).unwrap()));
        read.read_at = Some(now);
        w.bridge
            .hand_over(&lane, Event::TicketChanged(read), now, now, false);
        w.now = now.plus(Duration::from_secs(12));
        w.agent_sets(&ticket, "solved");
        let hint = w.net.kept.remove(0);
        w.bridge.hand_over(&lane, hint, w.now, w.now, false);
        w.now = w.now.minus(back);
        w.wake_all();
        w.settle();
        assert!(w.active().is_empty(), "{back:?}\n{}", w.tale());
    }
}

/// Found by the simulator, histories 84928, 111715 and 291173: a webhook that lay stored when the clock was set
/// back moved all that the lane knew back once more, the end of the call under way as well, and the words stood
/// there twice.
#[test]
fn a_webhook_from_before_the_clock_was_set_back_ends_no_wait_for_a_call_under_way() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.net.weather = Weather::Kept;
    w.customer_writes(&talk, "m1");
    let early = w.net.kept.remove(0);
    w.store_only(early);
    w.net.weather = Weather::Fair;
    w.pass(Duration::from_secs(2));
    w.faults.next("comment", Fault::CrashBefore);
    w.customer_writes(&talk, "m2");
    w.moment();
    // The call may still arrive: nobody knows that it never left.
    w.now = w.now.minus(FIVE_HOURS);
    w.wake_all();
    w.moment();
    w.route_what_is_stored();
    w.moment();
    let there = &w.desk.records[&ticket].comments;
    assert!(there.is_empty(), "{there:?}\n{}", w.tale());
    w.settle();
    assert_eq!(w.desk.records[&ticket].comments.len(), 2, "{}", w.tale());
    assert!(w.parked().is_empty(), "{}", w.tale());
}

/// Found by history 2557631: it lay there over two set-backs, and the lane's own moments went back by both.
#[test]
fn a_webhook_from_before_two_set_backs_ends_no_wait_for_a_call_under_way() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.net.weather = Weather::Kept;
    w.customer_writes(&talk, "m1");
    let early = w.net.kept.remove(0);
    w.store_only(early);
    w.net.weather = Weather::Fair;
    w.now = w.now.minus(FIVE_HOURS);
    w.wake_all();
    w.pass(Duration::from_secs(2));
    w.faults.next("comment", Fault::CrashBefore);
    w.customer_writes(&talk, "m2");
    w.moment();
    w.now = w.now.minus(FIVE_HOURS);
    w.route_what_is_stored();
    w.wake_all();
    w.pass(Duration::from_secs(3));
    let there = &w.desk.records[&ticket].comments;
    assert!(there.is_empty(), "{there:?}\n{}", w.tale());
    w.settle();
    assert_eq!(w.desk.records[&ticket].comments.len(), 2, "{}", w.tale());
    assert!(w.parked().is_empty(), "{}", w.tale());
}

/// Found by the simulator, history 2709324: by the clock that was set back they seemed to be said to the next one.
#[test]
fn words_to_one_customer_do_not_go_to_the_next_though_the_clock_was_set_back_between_them() {
    let mut w = World::new();
    w.capabilities.comments = true;
    w.desk.versions = Versions::None;
    let (ticket, first) = w.linked_from_ticket();
    w.settle();
    w.ends(&first, "expired");
    w.settle();
    w.pass(Duration::from_secs(60));
    let (theirs, began) = w.jelou.begin(BEA, Some(ticket.clone()), None, w.now);
    w.net.send(w.now, began);
    w.settle();
    w.agent_says(&ticket, "k1", "só para Bea");
    w.settle();
    assert_eq!(w.heard(&theirs), ["só para Bea"], "{}", w.tale());
    w.pass(Duration::from_secs(60));
    w.ends(&theirs, "expired");
    w.settle();
    w.agent_tags(&ticket, &[]);
    w.settle();
    w.now = w.now.minus(FIVE_HOURS);
    w.agent_tags(&ticket, &["whatsapp"]);
    w.settle();
    let next = w.talk_of(&ticket).expect("Ana's").conversation.id.clone();
    w.sweep();
    w.settle();
    assert!(w.heard(&next).is_empty(), "{}", w.tale());
    // What is said now bears the desk's own clock, and was for Ana.
    let at = w.now.plus(FIVE_HOURS);
    let said = w.desk.agent_comment(&ticket, "k2", "para Ana", true, at);
    w.net.send(w.now, said);
    w.settle();
    assert_eq!(w.heard(&next), ["para Ana"], "{}", w.tale());
}

/// Found by the simulator, history 573697: a failing look had written down when it failed first, and nothing
/// told that the latest one was ahead.
#[test]
fn a_look_that_failed_for_hours_is_tried_again_soon_though_the_clock_was_set_back() {
    for read in ["ticket", "conversation"] {
        let mut w = World::new();
        w.desk.versions = Versions::None;
        w.desk.carries = match read {
            "ticket" => Carries::IdOnly,
            _ => Carries::Whole,
        };
        let (ticket, _) = w.linked_from_ticket();
        w.settle();
        w.faults.always(read, Fault::Later(None));
        w.agent_sets(&ticket, "solved");
        w.hours(6);
        assert!(!w.active().is_empty(), "{read}\n{}", w.tale());
        w.faults.heal();
        w.now = w.now.minus(FIVE_HOURS);
        w.wake_all();
        w.pass(Duration::from_secs(120));
        assert!(w.active().is_empty(), "{read}\n{}", w.tale());
    }
}

/// Found by the simulator, history 20561179: it was told of after the clock was set back, and had waited for its
/// Lane; what was seen before it moved back to a moment ago, and so counted as seen since.
#[test]
fn a_hint_that_waited_after_the_clock_was_set_back_is_not_covered_by_a_look_of_before() {
    let mut w = World::new();
    w.desk.carries = Carries::IdOnly;
    w.desk.versions = Versions::None;
    let (ticket, talk) = w.linked_from_ticket();
    w.net.weather = Weather::Kept;
    w.agent_sets(&ticket, "solved");
    let told = w.net.kept.remove(0);
    w.net.weather = Weather::Lost;
    w.now = w.now.minus(Duration::from_secs(2 * 3600));
    w.store_only(told);
    w.now = w.now.plus(Duration::from_secs(25));
    w.route_what_is_stored();
    w.settle();
    assert!(!w.jelou.talks[&talk].is_active(), "{}", w.tale());
}

/// Found by the simulator, history 1630417: it still waited for the Router when its Lane followed the clock; what
/// was seen before moved back to a moment ago, and so covered it.
#[test]
fn a_hint_that_waits_for_the_router_while_its_lane_follows_the_clock_is_not_covered_either() {
    let mut w = World::new();
    w.desk.carries = Carries::IdOnly;
    w.desk.versions = Versions::None;
    let (ticket, talk) = w.linked_from_ticket();
    w.settle();
    // The look that this asks for is the last thing that the Lane does.
    w.agent_tags(&ticket, &["whatsapp", "vip"]);
    w.settle();
    w.net.weather = Weather::Kept;
    w.agent_sets(&ticket, "solved");
    let told = w.net.kept.remove(0);
    w.net.weather = Weather::Lost;
    w.now = w.now.minus(Duration::from_secs(5 * 3600));
    w.store_only(told);
    w.now = w.now.plus(Duration::from_secs(25));
    w.wake_all();
    w.moment();
    w.route_what_is_stored();
    w.settle();
    assert!(!w.jelou.talks[&talk].is_active(), "{}", w.tale());
}

/// Found by history 4896520: what an earlier look had shown won over a later one.
#[test]
fn a_look_from_before_the_clock_was_set_back_does_not_win_over_one_since() {
    let mut w = World::with(&json!({"conversation": {"ticket_reopened": "start"}}));
    w.desk.versions = Versions::None;
    let (ticket, _) = w.linked_from_ticket();
    w.settle();
    w.net.weather = Weather::Kept;
    w.agent_tags(&ticket, &["whatsapp", "vip"]);
    let Event::TicketChanged(mut early) = w.net.kept.remove(0) else {
        panic!("a change")
    };
    w.net.weather = Weather::Fair;
    early.whole = Some(Box::new(w.desk.records[&ticket].ticket.clone()));
    let at = w.now;
    early.read_at = Some(at);
    w.agent_sets(&ticket, "solved");
    w.settle();
    w.now = w.now.minus(FIVE_HOURS);
    w.wake_all();
    w.settle();
    let lane = w
        .bridge
        .lane_where(|s| s.lane.tickets.contains_key(&ticket));
    let lane = lane.expect("the ticket's lane");
    w.bridge
        .hand_over(&lane, Event::TicketChanged(early), at, at, true);
    w.wake_all();
    w.settle();
    assert!(w.active().is_empty(), "{}", w.tale());
    assert_eq!(w.links().len(), 1, "{}", w.tale());
}

/// Found by history 5081098: each time that the other process worked on it, the Link had begun earlier, and
/// words from before it went out.
#[test]
fn since_when_a_link_is_does_not_drift_where_two_processes_clocks_differ() {
    let mut w = World::new();
    let ticket = w.agent_makes(BEA, "open", &[]);
    w.settle();
    w.net.weather = Weather::Kept;
    w.agent_says(&ticket, "k1", "para a Bea");
    let words = w.net.kept.remove(0);
    w.net.weather = Weather::Fair;
    w.pass(Duration::from_millis(500));
    let talk = w.someone_starts_about(&ticket);
    w.moment();
    let since = |w: &World| w.live_link(&ticket).map(|l| l.created_at);
    let made = since(&w);
    for round in 0..5 {
        let ours = w.now;
        w.now = ours.plus(Duration::from_millis(2_300));
        w.customer_writes(&talk, &format!("m{round}"));
        w.moment();
        w.now = ours.plus(Duration::from_millis(100));
        w.wake_all();
        w.moment();
    }
    assert_eq!(since(&w), made, "{}", w.tale());
    w.deliver(words);
    w.settle();
    assert!(w.heard(&talk).is_empty(), "{}", w.tale());
}
