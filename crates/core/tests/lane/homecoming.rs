//! A conversation that was taken in for the customer's own goes home to the ticket whose start made it, when
//! its event comes. Neighbour: starts.

use crate::world::{ANA, World, faults::Fault, jelou::Second, net::Weather};
use bridge_core::effect::{Effect, Operation};
use std::time::Duration;

#[test]
fn a_conversation_that_the_other_spellings_lane_took_in_comes_home_with_its_start_event() {
    let mut w = World::new();
    let (ticket, talk, started) = w.ana_writes_under_another_spelling(Fault::DoThenCut);
    assert_eq!(w.desk.records.len(), 2, "a lone message makes a ticket");

    w.deliver(started);
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket));
    let live = w.links().into_iter().filter(|l| l.is_live()).count();
    assert_eq!(live, 1, "the other ticket gave way:\n{}", w.tale());
}

/// Found by history 20774800: the note that was on its way to the other ticket was withdrawn with all else.
#[test]
fn what_a_ticket_was_to_be_told_is_told_though_its_conversation_goes_home_to_another() {
    let mut w = World::new();
    let (ticket, talk, started) = w.ana_writes_under_another_spelling(Fault::DoThenCut);
    let mut all = w.desk.records.keys().cloned();
    let other = all
        .find(|id| *id != ticket)
        .expect("a lone message makes a ticket");
    w.faults.always("status", Fault::Later(None));
    w.faults.always("note", Fault::Later(None));
    w.ends(&talk, "expired");
    w.pass(Duration::from_secs(5));
    w.agent_says(&other, "k1", "Alo?");
    w.pass(Duration::from_secs(5));
    w.deliver(started);
    w.pass(Duration::from_secs(5));
    assert_eq!(w.ticket_of(&talk), Some(ticket), "{}", w.tale());
    w.faults.heal();
    w.settle();
    let told = |note: &String| note.contains("(comment k1)");
    assert!(w.notes(&other).iter().any(told), "{}", w.tale());
}

/// Found by history 21107632: nothing was said of the first try.
#[test]
fn what_may_be_on_a_ticket_that_is_gone_is_flagged_when_it_is_brought_to_the_conversations_own() {
    let mut w = World::new();
    let (ticket, talk, started) = w.ana_writes_under_another_spelling(Fault::DoThenCut);
    let other = w.ticket_of(&talk).expect("a lone message makes a ticket");
    w.faults.next("comment", Fault::DoThenCut);
    w.faults.always("note_on_ticket", Fault::Later(None));
    w.customer_writes(&talk, "m2");
    w.pass(Duration::from_secs(10));
    w.deliver(started);
    w.desk.records.get_mut(&other).unwrap().gone = true;
    w.faults.heal();
    w.settle();
    let comments = w.intents(Operation::Comment);
    let mut brought = comments.iter().filter(|i| {
        matches!(&i.effect, Effect::AddComment(c) if c.ticket == ticket && c.message.as_str() == "m2")
    });
    let brought = brought.next().unwrap_or_else(|| panic!("{}", w.tale()));
    assert!(brought.possible_duplicate, "{}", w.tale());
    assert!(w.parked().is_empty(), "{}", w.tale());
}

#[test]
fn of_two_conversations_of_one_start_each_keeps_one_link_when_the_lanes_are_joined() {
    let mut w = World::new();
    w.jelou.second = Second::Beside;
    w.jelou
        .spelled
        .insert(ANA.to_owned(), "5931112223334".to_owned());
    w.bridge.joins_wait = true;
    w.net.weather = Weather::Kept;
    w.faults.next("start", Fault::DoThenCut);
    w.faults.next("start", Fault::DoThenCut);
    w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.pass(Duration::from_secs(70));
    let started = std::mem::take(&mut w.net.kept);
    let talks: Vec<_> = w.active().into_iter().cloned().collect();
    assert_eq!(talks.len(), 2, "{}", w.tale());
    w.net.weather = Weather::Fair;
    for (talk, message) in talks.iter().zip(["m1", "m2"]) {
        w.customer_writes(talk, message);
        w.pass(Duration::from_secs(10));
    }
    for event in started {
        w.deliver(event);
    }
    w.pass(Duration::from_secs(5));
    w.bridge.joins_wait = false;
    w.settle();
    for talk in &talks {
        let links = w.links().into_iter();
        let live = links.filter(|l| l.is_live() && l.conversation_id() == Some(talk));
        assert!(live.count() <= 1, "{}", w.tale());
    }
}
