//! The ticket's id at Jelou, for conversations that the customer started.

use crate::world::{ANA, World, faults::Fault, net::Weather};
use bridge_core::{effect::TicketIdPlace, event::Side};
use serde_json::json;
use std::time::Duration;

fn world(place: TicketIdPlace) -> World {
    let mut w = World::with(&json!({"ticket": {"reuse": "never"}}));
    w.place = place;
    w
}

#[test]
fn the_id_is_written_and_cleared_at_the_close() {
    let mut w = world(TicketIdPlace::UserCache);
    let (talk, ticket) = w.linked_from_conversation();
    assert_eq!(w.jelou.cache[ANA], ticket.as_str());
    w.ends(&talk, "closed_by_operator");
    w.settle();
    assert_eq!(w.jelou.cache[ANA], "");
    assert_eq!(w.jelou.writes, ["ticket id 't1'", "ticket id ''"]);
}

#[test]
fn a_conversation_that_a_ticket_started_carries_it_already() {
    let mut w = world(TicketIdPlace::UserCache);
    w.linked_from_ticket();
    w.settle();
    assert!(w.jelou.cache.is_empty());
}

#[test]
fn memory_is_renewed_before_it_ends() {
    let mut w = world(TicketIdPlace::UserMemory);
    let (talk, ticket) = w.linked_from_conversation();
    for _ in 0..60 {
        w.hours(1);
        let (id, ends) = &w.jelou.memory[ANA];
        assert_eq!(id, ticket.as_str());
        assert!(*ends > w.now, "it never ends");
    }
    assert!(w.jelou.writes.len() <= 4);
    w.ends(&talk, "closed_by_operator");
    w.settle();
    assert_eq!(w.jelou.memory[ANA].0, "");
    let writes = w.jelou.writes.len();
    w.hours(60);
    assert_eq!(
        w.jelou.writes.len(),
        writes,
        "what is cleared is not renewed"
    );
}

#[test]
fn a_write_that_may_have_been_done_is_cleared_too() {
    let mut w = world(TicketIdPlace::UserCache);
    w.faults.next("ticket_id", Fault::DoThenCut);
    w.faults.next("ticket_id", Fault::Later(Some(60)));
    let talk = w.ana_starts();
    w.pass(Duration::from_secs(3));
    assert_eq!(w.jelou.cache[ANA], "t1");
    w.ends(&talk, "closed_by_operator");
    w.settle();
    assert_eq!(w.jelou.cache[ANA], "", "{}", w.tale());
}

#[test]
fn a_late_clear_does_not_wipe_the_next_conversations_id() {
    let mut w = world(TicketIdPlace::UserCache);
    let (talk, _) = w.linked_from_conversation();
    w.faults.next("ticket_id", Fault::Later(Some(60)));
    w.ends(&talk, "closed_by_operator");
    w.pass(Duration::from_secs(3));
    let next = w.ana_starts();
    w.settle();
    let ticket = w.ticket_of(&next).unwrap();
    assert_eq!(w.jelou.cache[ANA], ticket.as_str(), "{}", w.tale());
    w.ends(&next, "closed_by_operator");
    w.settle();
    assert_eq!(w.jelou.cache[ANA], "");
    assert_eq!(
        w.jelou
            .writes
            .iter()
            .filter(|x| *x == "ticket id ''")
            .count(),
        1
    );
}

#[test]
fn a_cache_that_is_down_holds_up_no_close() {
    let mut w = world(TicketIdPlace::UserCache);
    w.faults.always("ticket_id", Fault::Later(None));
    let (talk, ticket) = w.linked_from_conversation();
    w.agent_sets(&ticket, "solved");
    w.pass(Duration::from_secs(30));
    assert!(!w.jelou.talks[&talk].is_active(), "{}", w.tale());
    let _ = Side::Jelou;
}

#[test]
fn an_id_that_the_next_conversation_was_to_replace_and_did_not_is_cleared_after_all() {
    let mut w = world(TicketIdPlace::UserCache);
    let (talk, ticket) = w.linked_from_conversation();
    w.faults.always("ticket_id", Fault::Later(Some(20)));
    w.ends(&talk, "closed_by_operator");
    w.pass(Duration::from_secs(3));
    let next = w.ana_starts();
    w.pass(Duration::from_secs(3));
    w.ends(&next, "closed_by_operator");
    w.pass(Duration::from_secs(3));
    assert_eq!(w.jelou.cache[ANA], ticket.as_str(), "{}", w.tale());
    w.faults.heal();
    w.settle();
    assert_eq!(w.jelou.cache[ANA], "", "{}", w.tale());
}

/// Found by the simulator, histories 24482 and 31435. In the second pass the later write's answer is
/// lost, so that it may have been done.
#[test]
fn an_older_conversation_that_is_heard_of_late_leaves_the_next_ones_id_as_it_was() {
    for answer_lost in [false, true] {
        let mut w = world(TicketIdPlace::UserCache);
        w.net.weather = Weather::Kept;
        let old = w.ana_starts();
        let late = w.net.kept.remove(0);
        w.ends(&old, "expired");
        w.net.weather = Weather::Fair;
        let (_, ticket) = w.linked_from_conversation();
        assert_eq!(w.jelou.cache[ANA], ticket.as_str());
        if answer_lost {
            w.faults.next("ticket_id", Fault::DoThenCut);
        }
        w.deliver(late);
        w.settle();
        let over_it = w.ticket_of(&old).expect("it got a ticket");
        assert_eq!(w.jelou.cache[ANA], over_it.as_str(), "{}", w.tale());
        w.deliver(w.net.kept[0].clone());
        w.settle();
        assert_eq!(w.jelou.cache[ANA], ticket.as_str(), "{}", w.tale());
    }
}

/// Found by history 1425659: by the first process's clock, which was ahead, the later id had been written last.
#[test]
fn an_id_that_another_process_wrote_over_by_a_clock_behind_is_written_once_more() {
    let mut w = world(TicketIdPlace::UserCache);
    w.net.weather = Weather::Kept;
    let old = w.ana_starts();
    let late = w.net.kept.remove(0);
    w.ends(&old, "expired");
    let ended = w.net.kept.remove(0);
    w.net.weather = Weather::Fair;
    let (talk, ticket) = w.linked_from_conversation();
    w.now = w.now.minus(Duration::from_millis(1_500));
    w.deliver(late);
    w.moment();
    assert_ne!(w.ticket_of(&old), Some(ticket.clone()), "{}", w.tale());
    w.deliver(ended);
    w.settle();
    assert_eq!(w.jelou.cache[ANA], ticket.as_str(), "{}", w.tale());
    w.ends(&talk, "expired");
    w.settle();
    assert_eq!(w.jelou.cache[ANA], "", "{}", w.tale());
}

/// Found by history 4988614: each of two Links whose conversations were over wrote its id for the other, and
/// took that back, without end.
#[test]
fn two_conversations_that_are_over_do_not_write_their_ids_for_each_other() {
    let mut w = world(TicketIdPlace::UserCache);
    let (talk, _) = w.linked_from_conversation();
    w.faults.always("status", Fault::Later(Some(20)));
    w.faults.always("comment", Fault::Later(Some(20)));
    w.faults.always("ticket_id", Fault::Cut);
    w.customer_writes(&talk, "m1");
    w.moment();
    w.ends(&talk, "expired");
    w.pass(Duration::from_secs(3));
    let next = w.ana_starts();
    w.pass(Duration::from_secs(3));
    w.ends(&next, "closed_by_operator");
    w.pass(Duration::from_secs(3));
    w.faults.heal();
    w.settle();
    assert_eq!(w.jelou.cache[ANA], "", "{}", w.tale());
    let planned = w.bridge.journal.iter();
    let planned = planned.filter(|e| e.sentence == "Planned: write ticket id t1 to Jelou");
    assert_eq!(planned.count(), 1, "{}", w.tale());
}
