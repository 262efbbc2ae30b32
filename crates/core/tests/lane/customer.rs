//! Customer first: a conversation that the customer began gets one ticket.

use crate::world::{
    ANA, World,
    bridge::Bridge,
    desk::{Carries, Versions},
    faults::Fault,
    net::Weather,
};
use bridge_core::{
    call::Resolve,
    effect::Operation,
    lane::{LONE_MESSAGE_WAIT, OnUnknown},
};
use serde_json::json;
use std::time::Duration;

#[test]
fn a_conversation_of_the_customers_own_gets_one_ticket() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.settle();
    let made = &w.desk.records[&ticket].ticket;
    assert_eq!(made.link_field, Some(talk));
    assert_eq!(made.tags, ["whatsapp"]);
    assert_eq!(made.subject.as_ref().unwrap().reveal(), "WhatsApp: Ana");
    assert_eq!(w.desk.records.len(), 1);
    assert_eq!(
        w.desk.writes,
        ["create for c1"],
        "the link field came with the create"
    );
}

#[test]
fn the_same_start_told_five_times_makes_one_ticket() {
    let mut w = World::new();
    w.net.weather = Weather::Kept;
    w.ana_starts();
    let told = w.net.kept.remove(0);
    w.net.weather = Weather::Fair;
    for _ in 0..5 {
        w.deliver(told.clone());
        w.moment();
    }
    w.settle();
    assert_eq!(w.desk.records.len(), 1);
}

#[test]
fn the_customers_open_ticket_is_taken() {
    let mut w = World::new();
    let there = w.agent_makes(ANA, "pending", &[]);
    w.settle();
    let (talk, ticket) = w.linked_from_conversation();
    assert_eq!(ticket, there);
    w.settle();
    assert_eq!(w.desk.records.len(), 1);
    assert_eq!(w.desk.records[&there].ticket.link_field, Some(talk));
    assert_eq!(
        w.status(&there),
        "pending",
        "the status it had moves nothing"
    );
}

#[test]
fn a_solved_ticket_is_not_an_open_one() {
    let mut w = World::new();
    let there = w.agent_makes(ANA, "solved", &[]);
    w.settle();
    let (_, ticket) = w.linked_from_conversation();
    assert_ne!(ticket, there);
}

#[test]
fn each_conversation_makes_its_own_ticket_where_nothing_is_reused() {
    let mut w = World::with(&json!({"ticket": {"reuse": "never"}}));
    let there = w.agent_makes(ANA, "open", &[]);
    w.settle();
    let (_, ticket) = w.linked_from_conversation();
    assert_ne!(ticket, there);
}

/// Found by the simulator, history 809126: what was found went to the link of the unheard create, which takes
/// none, and the open tickets were listed without end.
#[test]
fn a_create_that_nobody_can_look_up_keeps_no_other_conversation_from_an_open_ticket() {
    let mut w = World::with(&json!({"ticket": {"reuse": "never"}}));
    w.capabilities.create = Resolve::DirectLookup;
    w.faults.next("create", Fault::Cut);
    w.faults
        .always("tickets_by_conversation", Fault::Later(None));
    let first = w.ana_starts();
    w.moment();
    w.ends(&first, "expired");
    let there = w.agent_makes(ANA, "open", &[]);
    w.moment();
    w.remap(&json!({"ticket": {"reuse": "open"}}));
    let second = w.ana_starts();
    w.pass(Duration::from_secs(60));
    assert_eq!(w.ticket_of(&second), Some(there), "{}", w.tale());
    assert!(w.bridge.reads.len() < 40, "{:?}", w.bridge.reads);
}

#[test]
fn reuse_never_takes_a_ticket_that_another_customer_is_talking_about() {
    let mut w = World::new();
    let shared = w.agent_makes(crate::world::BEA, "open", &["whatsapp"]);
    w.moment();
    let ana = w.desk.requester(ANA);
    w.agent_changes(&shared, |t| t.requester.id = Some(ana));
    w.settle();
    let (_, ticket) = w.linked_from_conversation();
    assert_ne!(ticket, shared, "{}", w.tale());
    w.settle();
    let first = w.talk_of(&shared).expect("it kept its conversation");
    assert_eq!(first.conversation.user.as_str(), crate::world::BEA);
}

/// Found by the simulator, history 3198655.
#[test]
fn an_open_ticket_is_taken_instead_of_one_that_an_older_mapping_planned() {
    let mut w = World::with(&json!({"ticket": {"reuse": "never"}}));
    let there = w.agent_makes(ANA, "open", &[]);
    w.settle();
    w.faults.next("create", Fault::Later(Some(2)));
    let talk = w.ana_starts();
    w.moment();
    assert_eq!(w.intents(Operation::Create).len(), 1, "{}", w.tale());
    w.remap(&json!({"ticket": {"reuse": "open"}}));
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(there), "{}", w.tale());
    assert_eq!(w.desk.records.len(), 1, "{}", w.tale());
}

#[test]
fn a_conversation_that_no_rule_wants_makes_no_ticket() {
    let mut w = World::with(&json!({"ticket": {"create_when": "contact.name == 'Bea'"}}));
    let talk = w.ana_starts();
    w.customer_writes(&talk, "m1");
    w.settle();
    assert!(w.desk.records.is_empty());
    w.ends(&talk, "expired");
    w.settle();
    assert!(w.links().iter().all(|l| !l.is_live()));
}

#[test]
fn a_lone_message_waits_for_its_start_and_then_makes_the_ticket() {
    let mut w = World::new();
    w.net.weather = Weather::Lost;
    let talk = w.ana_starts();
    w.net.weather = Weather::Fair;
    w.customer_writes(&talk, "m1");
    w.pass(LONE_MESSAGE_WAIT - Duration::from_millis(100));
    assert!(w.desk.records.is_empty(), "it waits for the start");
    w.pass(Duration::from_millis(500));
    assert_eq!(w.desk.records.len(), 1);
    assert_eq!(w.messages().len(), 1, "and the message is kept");
}

#[test]
fn a_message_that_overtook_its_start_makes_no_second_ticket() {
    let mut w = World::new();
    w.net.weather = Weather::Kept;
    let talk = w.ana_starts();
    w.customer_writes(&talk, "m1");
    let [start, message] = <[_; 2]>::try_from(std::mem::take(&mut w.net.kept)).unwrap();
    w.net.weather = Weather::Fair;
    w.deliver(message);
    w.moment();
    w.deliver(start);
    w.settle();
    assert_eq!(w.desk.records.len(), 1);
}

#[test]
fn a_close_alone_is_a_tombstone_and_makes_no_ticket() {
    let mut w = World::new();
    w.net.weather = Weather::Lost;
    let talk = w.ana_starts();
    w.net.weather = Weather::Fair;
    w.ends(&talk, "expired");
    w.settle();
    assert!(w.desk.records.is_empty());
    assert!(w.links().is_empty());
}

#[test]
fn a_start_after_its_close_makes_the_ticket_and_then_its_status() {
    let mut w = World::new();
    w.net.weather = Weather::Kept;
    let talk = w.ana_starts();
    w.ends(&talk, "expired");
    let [start, close] = <[_; 2]>::try_from(std::mem::take(&mut w.net.kept)).unwrap();
    w.net.weather = Weather::Fair;
    w.deliver(close);
    w.settle();
    w.deliver(start);
    w.settle();
    let ticket = w
        .ticket_of(&talk)
        .expect("the ticket as it would have been");
    assert_eq!(w.status(&ticket), "pending");
}

#[test]
fn a_create_whose_answer_was_lost_is_not_done_twice() {
    let lag = Duration::from_secs(20);
    for how in [
        Resolve::IdempotencyKey,
        Resolve::DirectLookup,
        Resolve::LaggingSearch { lag },
    ] {
        for fault in [
            Fault::DoThenCut,
            Fault::Cut,
            Fault::CrashAfter,
            Fault::CrashBefore,
        ] {
            let mut w = World::new();
            w.capabilities.create = how;
            w.faults.next("create", fault);
            w.faults.next("create", fault);
            let talk = w.ana_starts();
            w.settle();
            let tale = w.tale();
            assert_eq!(w.desk.records.len(), 1, "{how:?} {fault:?}\n{tale}");
            assert!(w.ticket_of(&talk).is_some(), "{how:?} {fault:?}\n{tale}");
        }
    }
}

#[test]
fn a_search_that_lags_is_waited_for_from_the_end_of_the_call_and_not_from_its_beginning() {
    let lag = Duration::from_secs(15);
    let mut w = World::new();
    w.capabilities.create = Resolve::LaggingSearch { lag };
    w.faults.next("create", Fault::DoThenCut);
    w.net.weather = Weather::Kept;
    let talk = w.ana_starts();
    let started = w.net.kept.remove(0);
    w.deliver(started);
    // A call lasts ten seconds at most: it may have been done in the last of them.
    let looked = |w: &World| {
        w.bridge
            .reads
            .iter()
            .any(|r| r.starts_with("find the ticket"))
    };
    w.pass(Duration::from_secs(24));
    assert!(!looked(&w), "{}", w.tale());
    w.pass(Duration::from_secs(30));
    assert!(looked(&w), "{}", w.tale());
    assert!(w.ticket_of(&talk).is_some());
    assert_eq!(w.desk.records.len(), 1);
}

/// Ana begins a conversation while the ticketing system can tell nothing of a lost create.
fn nothing_can_tell(on_unknown: OnUnknown) -> World {
    let mut w = World::new();
    w.capabilities.create = Resolve::None;
    w.limits.on_unknown = on_unknown;
    w.net.weather = Weather::Kept;
    w.ana_starts();
    let told = w.net.kept.remove(0);
    w.net.weather = Weather::Lost;
    w.deliver(told);
    w
}

#[test]
fn where_nothing_can_tell_a_lost_create_is_held_if_the_operator_chose_so() {
    let mut w = nothing_can_tell(OnUnknown::Hold);
    w.faults.next("create", Fault::DoThenCut);
    w.settle();
    assert_eq!(w.parked_for(), ["unknown_outcome"]);
    assert_eq!(w.desk.records.len(), 1);
}

#[test]
fn where_nothing_can_tell_a_second_try_is_bounded_and_flagged() {
    let mut w = nothing_can_tell(OnUnknown::Retry);
    w.faults.next("create", Fault::DoThenCut);
    w.settle();
    assert!(w.intents(Operation::Create)[0].possible_duplicate);
    assert_eq!(w.desk.records.len(), 2);

    let mut w = nothing_can_tell(OnUnknown::Retry);
    w.faults.always("create", Fault::DoThenCut);
    w.hours(2);
    assert_eq!(w.desk.records.len(), 3, "bounded");
    assert_eq!(w.parked_for(), ["unknown_outcome"]);
}

#[test]
fn the_webhook_of_a_ticket_we_made_tells_what_the_lost_answer_did_not() {
    let mut w = World::new();
    w.capabilities.create = Resolve::None;
    w.faults.next("create", Fault::DoThenCut);
    let talk = w.ana_starts();
    w.settle();
    assert!(w.ticket_of(&talk).is_some(), "{}", w.tale());
    assert!(w.parked().is_empty());
    assert_eq!(w.talks().len(), 1, "and its tags start nothing");
}

#[test]
fn a_note_whose_answer_was_lost_is_not_written_twice() {
    for fault in [
        Fault::DoThenCut,
        Fault::Cut,
        Fault::CrashAfter,
        Fault::CrashBefore,
    ] {
        let mut w = World::new();
        w.ana_starts();
        w.moment();
        w.faults.next("note", fault);
        let waiting = w.agent_asks();
        w.settle();
        assert_eq!(w.notes(&waiting).len(), 1, "{fault:?}\n{}", w.tale());
    }
}

#[test]
fn a_system_without_requesters_still_gets_its_ticket() {
    let mut w = World::new();
    w.capabilities.upsert_requester = false;
    let (_, ticket) = w.linked_from_conversation();
    assert_eq!(w.desk.records[&ticket].ticket.tags, ["whatsapp"]);
    assert!(w.intents(Operation::Requester).is_empty());
}

#[test]
fn a_conversation_of_long_ago_is_remembered_and_makes_no_second_ticket() {
    let mut w = World::with(&json!({"ticket": {"reuse": "never"}}));
    let first = w.ana_starts();
    w.settle();
    w.ends(&first, "closed_by_operator");
    w.hours(100);
    for _ in 0..25 {
        let talk = w.ana_starts();
        w.settle();
        w.ends(&talk, "closed_by_operator");
        w.hours(100);
    }
    assert_eq!(
        w.desk.records.len(),
        26,
        "one ticket a conversation\n{}",
        w.tale()
    );
}

#[test]
fn a_ticket_solved_before_the_answer_to_its_create_was_known_closes_its_conversation() {
    let ways = [
        Resolve::IdempotencyKey,
        Resolve::DirectLookup,
        Resolve::LaggingSearch {
            lag: Duration::from_secs(15),
        },
    ];
    for (way, told) in ways.into_iter().flat_map(|way| [(way, true), (way, false)]) {
        let mut w = World::new();
        w.capabilities.create = way;
        w.faults.next("create", Fault::CrashAfter);
        w.net.weather = Weather::Kept;
        let talk = w.ana_starts();
        let began = w.net.kept.remove(0);
        w.net.weather = Weather::Lost;
        w.deliver(began);
        w.moment();
        let ticket = w.desk.records.keys().next().expect("it was made").clone();
        if told {
            w.net.weather = Weather::Fair;
        }
        w.agent_sets(&ticket, "solved");
        w.settle();
        assert_eq!(w.ticket_of(&talk), Some(ticket.clone()));
        assert!(w.active().is_empty(), "{way:?} {told}\n{}", w.tale());
        assert_eq!(w.status(&ticket), "solved", "{way:?} {told}");
        assert_eq!(w.desk.records.len(), 1, "{way:?} {told}");
    }
}

/// Found by the simulator, histories 10114031 and 10382693: a restored backup plans the create again,
/// with the key that it used before.
#[test]
fn a_key_of_an_earlier_life_brings_a_ticket_that_was_solved_since() {
    let mut w = World::new();
    w.capabilities.create = Resolve::IdempotencyKey;
    w.net.weather = Weather::Kept;
    let talk = w.ana_starts();
    let began = w.net.kept.remove(0);
    w.net.weather = Weather::Lost;
    w.deliver(began.clone());
    w.settle();
    let ticket = w.ticket_of(&talk).expect("a ticket was made");
    w.agent_sets(&ticket, "solved");
    w.bridge = Bridge::default();
    w.deliver(began);
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket.clone()), "{}", w.tale());
    assert!(w.active().is_empty(), "{}", w.tale());
    assert_eq!(w.status(&ticket), "solved");
    assert_eq!(w.desk.records.len(), 1);
}

/// Found by the simulator, history 36248.
#[test]
fn what_is_told_of_a_ticket_while_the_answer_to_its_create_is_on_its_way_is_not_old() {
    for carries in [Carries::Whole, Carries::Patch, Carries::IdOnly] {
        let mut w = World::new();
        w.desk.versions = Versions::None;
        w.desk.carries = carries;
        w.net.weather = Weather::Kept;
        let talk = w.ana_starts();
        let began = w.net.kept.remove(0);
        let usual = std::mem::replace(&mut w.slow, Duration::from_secs(2));
        w.deliver(began);
        w.moment();
        w.slow = usual;
        let ticket = w.ticket_of(&talk).expect("it was made");
        let answered = w.now;
        w.now = w.now.minus(Duration::from_secs(1));
        w.net.kept.clear();
        w.agent_sets(&ticket, "solved");
        let told = w.net.kept.remove(0);
        w.store_only(told);
        w.net.weather = Weather::Lost;
        w.now = answered;
        w.route_what_is_stored();
        w.settle();
        assert!(w.active().is_empty(), "{carries:?}\n{}", w.tale());
    }
}

/// Found by history 1915241: each double began a conversation with the customer when theirs had ended.
#[test]
fn a_double_of_a_lost_create_that_the_sweep_finds_starts_nothing() {
    let mut w = nothing_can_tell(OnUnknown::Retry);
    w.faults.next("create", Fault::DoThenCut);
    w.settle();
    let talk = w.only_talk();
    assert_eq!(w.desk.records.len(), 2, "{}", w.tale());
    w.sweep();
    w.settle();
    assert_eq!(w.links().len(), 1, "{}", w.tale());
    w.ends(&talk, "expired");
    w.settle();
    w.sweep();
    w.settle();
    assert!(w.intents(Operation::Start).is_empty(), "{}", w.tale());
}

/// Found by history 7603888: the link field, which alone showed whose it was, is the next conversation's by then.
#[test]
fn a_double_that_was_taken_for_the_next_conversation_starts_nothing_when_that_ends() {
    let mut w = nothing_can_tell(OnUnknown::Retry);
    w.faults.next("create", Fault::DoThenCut);
    w.settle();
    let first = w.only_talk();
    let known = w.ticket_of(&first).unwrap();
    w.ends(&first, "expired");
    w.sweep();
    w.agent_sets(&known, "closed");
    w.sweep();
    w.settle();
    w.net.weather = Weather::Fair;
    let next = w.ana_starts();
    w.settle();
    let double = w.ticket_of(&next);
    assert!(double.is_some_and(|double| double != known), "{}", w.tale());
    assert_eq!(w.desk.records.len(), 2, "the double is taken: {}", w.tale());
    w.ends(&next, "expired");
    w.settle();
    w.sweep();
    w.settle();
    assert!(w.intents(Operation::Start).is_empty(), "{}", w.tale());
}

/// Found by history 2262286: of a customer with many conversations the Lane has the create no more in hand.
#[test]
fn a_double_of_a_lost_create_starts_nothing_many_conversations_later() {
    let mut w = nothing_can_tell(OnUnknown::Retry);
    w.faults.next("create", Fault::DoThenCut);
    w.settle();
    w.sweep();
    w.settle();
    w.remap(&json!({"ticket": {"reuse": "never"}}));
    w.net.weather = Weather::Fair;
    let first = w.only_talk();
    w.ends(&first, "expired");
    for _ in 0..40 {
        let talk = w.ana_starts();
        w.settle();
        w.ends(&talk, "expired");
        w.settle();
    }
    assert_eq!(w.desk.records.len(), 42, "{}", w.tale());
    assert!(w.intents(Operation::Start).is_empty(), "{}", w.tale());
}
