//! A conversation that a start may have made is looked at before it is taken for the customer's own, however
//! long that takes. Neighbour: starts.

use crate::world::{World, faults::Fault};
use bridge_core::{
    event::Side,
    ids::{ConversationId, TicketId},
    lane::Blocked,
};
use std::time::Duration;

/// How a conversation cannot be read. What uses no attempt counts as no failure either.
const WAYS: [&str; 4] = ["failing", "locked", "forbidden", "waiting"];

impl World {
    fn reads_no_conversation(&mut self, how: &str) {
        match how {
            "failing" => self.faults.always("conversation", Fault::Later(None)),
            "locked" => {
                self.faults.locked.insert(Side::Jelou);
            }
            "forbidden" => self.faults.always("conversation", Fault::Forbidden),
            _ => {
                self.bridge.gate = Some(Blocked {
                    side: Side::Jelou,
                    until: self.now.plus(Duration::from_secs(500)),
                    by: "rate".to_owned(),
                });
            }
        }
    }
}

/// A ticket's start was done, and its answer and its event are lost.
fn begun_and_not_known() -> (World, TicketId, ConversationId) {
    let mut w = World::new();
    w.faults.next("start", Fault::DoThenCut);
    let (ticket, _) = w.agent_asks_and_the_start_event_is_late();
    let talk = w.only_talk();
    (w, ticket, talk)
}

/// Found by histories 20872838, 3532350 and 3571642: it was taken for the customer's own, and the start was
/// done once more.
#[test]
fn a_conversation_that_cannot_be_read_is_not_judged_before_it_can_be() {
    let at_once = WAYS.map(|how| (how, 1));
    // She writes when the start is about to be done again, and that cannot go out either.
    let later = [("locked", 65), ("waiting", 65)];
    for (how, after) in at_once.into_iter().chain(later) {
        let (mut w, ticket, talk) = begun_and_not_known();
        w.reads_no_conversation(how);
        w.pass(Duration::from_secs(after));
        w.customer_writes(&talk, "m1");
        w.pass(Duration::from_secs(600));
        w.faults.heal();
        w.settle();
        let tale = format!("{how} after {after} s:\n{}", w.tale());
        assert_eq!(w.ticket_of(&talk), Some(ticket), "{tale}");
        assert_eq!(w.talks().len(), 1, "the start was done once: {tale}");
        assert_eq!(w.desk.records.len(), 1, "no second ticket: {tale}");
    }
}

#[test]
fn a_conversation_that_never_can_be_read_is_the_customers_own_after_an_hour() {
    for how in ["failing", "locked"] {
        let (mut w, _, talk) = begun_and_not_known();
        w.reads_no_conversation(how);
        w.customer_writes(&talk, "m1");
        w.pass(Duration::from_secs(3000));
        assert_eq!(w.desk.records.len(), 1, "{how}: {}", w.tale());
        w.hours(2);
        assert_eq!(w.desk.records.len(), 2, "{how}: {}", w.tale());
    }
}

/// Found by history 7283847: the customer's words made a ticket at once, as if the conversation were their own.
#[test]
fn what_a_start_may_have_made_is_looked_at_first_though_the_start_was_given_up() {
    let (mut w, ticket, talk) = begun_and_not_known();
    w.faults.always("start", Fault::Later(None));
    w.pass(Duration::from_secs(120));
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(w.links().iter().all(|link| !link.is_live()), "{}", w.tale());
    w.reads_no_conversation("failing");
    w.customer_writes(&talk, "m1");
    w.pass(Duration::from_secs(600));
    assert_eq!(w.desk.records.len(), 1, "{}", w.tale());
    w.faults.heal();
    w.settle();
    let tale = w.tale();
    assert!(tale.contains("it began after our start"), "{tale}");
}
