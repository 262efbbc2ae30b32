//! What customers say comes to their tickets: in order, once each, whatever fails.

use super::{
    since::retention_takes_words,
    world::{World, faults::Fault, net::Weather},
};
use bridge_core::{
    call::Resolve,
    event::{Event, Side},
    ids::{ConversationId, TicketId},
    lane::{Blocked, Mode, OnUnknown, Order, Outcome},
    text::Text,
};
use serde_json::json;
use std::time::Duration;

impl World {
    /// The last word of each comment, which in these stories is the message's id.
    pub fn comments(&self, ticket: &TicketId) -> Vec<String> {
        let comments = self.desk.records[ticket].comments.iter();
        let last = |text: &str| text.split(' ').next_back().unwrap_or_default().to_owned();
        comments.map(|(text, _)| last(text)).collect()
    }

    fn outcomes(&self) -> Vec<Option<Outcome>> {
        self.messages().iter().map(|m| m.outcome).collect()
    }
}

fn numbered(many: u32) -> Vec<String> {
    (1..=many).map(|n| format!("m{n}")).collect()
}

#[test]
fn a_customers_words_become_a_comment_with_their_name_and_time() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.customer_writes(&talk, "m1");
    w.moment();
    let comment = w.desk.records[&ticket].comments[0].clone();
    let read = "Ana, 2023-11-14 22:13:21 UTC:\nhello m1".to_owned();
    assert_eq!(comment, (read, true), "{}", w.tale());
    assert_eq!(w.outcomes(), [Some(Outcome::Relayed)]);
}

#[test]
fn among_agents_or_not_at_all_if_the_operator_says_so() {
    for (word, comments) in [("internal", 1), ("none", 0)] {
        let mut w = World::with(&json!({"messages": {"to_ticket": word}}));
        let (talk, ticket) = w.linked_from_conversation();
        w.customer_writes(&talk, "m1");
        w.moment();
        let comments_there = &w.desk.records[&ticket].comments;
        assert_eq!(comments_there.len(), comments, "{}", w.tale());
        assert!(comments_there.iter().all(|(_, public)| !public));
        assert!(w.outcomes()[0].is_some());
    }
}

#[test]
fn what_was_written_before_the_ticket_comes_to_it_in_order() {
    let mut w = World::new();
    w.faults.next("create", Fault::Later(Some(30)));
    let talk = w.ana_starts();
    for message in numbered(9) {
        w.customer_writes(&talk, &message);
        w.pass(Duration::from_millis(10));
    }
    assert!(w.desk.records.is_empty());
    w.settle();
    let ticket = w.ticket_of(&talk).unwrap();
    assert_eq!(w.comments(&ticket), numbered(9), "{}", w.tale());
}

/// Five messages, told in another order than they were written in.
fn told_in_disorder(w: &mut World, talk: &ConversationId) {
    w.net.weather = Weather::Kept;
    for message in numbered(5) {
        w.customer_writes(talk, &message);
        w.pass(Duration::from_millis(100));
    }
    w.net.weather = Weather::Fair;
    for at in [3, 0, 2, 0, 0] {
        let event = w.net.kept.remove(at);
        w.net.fly(w.now, event);
        w.pass(Duration::from_millis(50));
    }
    w.settle();
}

#[test]
fn messages_that_wait_are_brought_over_by_their_own_time() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.bridge.gate = Some(Blocked {
        side: Side::Ticketing,
        until: w.now.plus(Duration::from_secs(5)),
        by: "rate".to_owned(),
    });
    told_in_disorder(&mut w, &talk);
    assert_eq!(w.comments(&ticket), numbered(5), "{}", w.tale());
}

#[test]
fn only_the_one_that_is_being_tried_stays_ahead_of_an_earlier_one() {
    let mut w = World::new();
    let lag = Duration::from_secs(5);
    w.capabilities.comment = Resolve::LaggingSearch { lag };
    let (talk, ticket) = w.linked_from_conversation();
    w.faults.next("comment", Fault::Cut);
    told_in_disorder(&mut w, &talk);
    let order = ["m4", "m1", "m2", "m3", "m5"];
    assert_eq!(w.comments(&ticket), order, "{}", w.tale());
}

#[test]
fn a_message_that_is_told_again_is_added_once() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    let event = w.jelou.message(&talk, "m1", w.now);
    for _ in 0..3 {
        w.deliver(event.clone());
        w.settle();
    }
    assert_eq!(w.comments(&ticket), ["m1"], "{}", w.tale());
}

#[test]
fn a_comment_whose_answer_was_lost_is_looked_for_before_it_is_added_again() {
    for fault in [
        Fault::DoThenCut,
        Fault::Cut,
        Fault::CrashAfter,
        Fault::CrashBefore,
    ] {
        let mut w = World::new();
        let (talk, ticket) = w.linked_from_conversation();
        w.faults.next("comment", fault);
        for message in numbered(3) {
            w.customer_writes(&talk, &message);
        }
        w.settle();
        assert_eq!(w.comments(&ticket), numbered(3), "{fault:?} {}", w.tale());
    }
}

#[test]
fn the_same_words_in_the_same_second_are_two_comments_though_an_answer_is_lost() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.faults.next("comment", Fault::DoThenCut);
    w.faults.next("comment", Fault::Cut);
    for id in ["m1", "m2"] {
        let mut event = w.jelou.message(&talk, id, w.now);
        if let Event::MessageReceived(said) = &mut event {
            said.body = Some(Text::from("ok"));
        }
        w.deliver(event);
    }
    w.settle();
    let texts: Vec<_> = w.desk.records[&ticket].comments.iter().collect();
    assert_eq!(texts.len(), 2, "{}", w.tale());
    assert_ne!(texts[0], texts[1]);
}

/// Found by history 2859580: the one that came late counted as brought over, by the earlier one's comment.
#[test]
fn the_same_words_in_the_same_second_are_two_comments_though_retention_took_the_first() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    let [first, late] = ["m1", "m2"].map(|id| {
        let mut event = w.jelou.message(&talk, id, w.now);
        if let Event::MessageReceived(said) = &mut event {
            said.body = Some(Text::from("ok"));
        }
        event
    });
    w.deliver(first);
    w.settle();
    retention_takes_words(&mut w);
    w.faults.next("comment", Fault::Cut);
    w.deliver(late);
    w.settle();
    assert_eq!(w.comments(&ticket).len(), 2, "{}", w.tale());
}

#[test]
fn a_message_that_is_refused_is_skipped_with_a_note_and_the_next_goes_on() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.faults.next("comment", Fault::Refuse(422));
    for message in numbered(2) {
        w.customer_writes(&talk, &message);
        w.pass(Duration::from_millis(10));
    }
    w.settle();
    assert_eq!(w.comments(&ticket), ["m2"], "{}", w.tale());
    assert_eq!(w.notes(&ticket).len(), 1);
    assert_eq!(w.parked_for(), ["refused"]);

    let intent = w.parked().remove(0).id;
    w.order(Order::Retry { intent });
    w.settle();
    assert_eq!(w.comments(&ticket), ["m2", "m1"], "{}", w.tale());
}

#[test]
fn where_nothing_can_tell_the_operator_says_whether_it_is_tried_again() {
    for (on_unknown, comments, parked) in [(OnUnknown::Hold, 0, 1), (OnUnknown::Retry, 1, 0)] {
        let mut w = World::new();
        w.capabilities.comment = Resolve::None;
        w.limits.on_unknown = on_unknown;
        let (talk, ticket) = w.linked_from_conversation();
        w.faults.next("comment", Fault::Cut);
        w.customer_writes(&talk, "m1");
        w.settle();
        assert_eq!(w.comments(&ticket).len(), comments, "{}", w.tale());
        assert_eq!(w.parked().len(), parked);
        let comment = w.intents(bridge_core::effect::Operation::Comment).remove(0);
        assert_eq!(comment.possible_duplicate, on_unknown == OnUnknown::Retry);
    }
}

#[test]
fn a_message_after_the_close_reopens_the_ticket_and_is_on_it() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.agent_sets(&ticket, "solved");
    w.settle();
    w.customer_writes(&talk, "late");
    w.settle();
    assert_eq!(w.status(&ticket), "open");
    assert_eq!(w.comments(&ticket), ["late"], "{}", w.tale());
}

#[test]
fn a_conversation_without_a_ticket_keeps_nothing_waiting() {
    let mut w = World::with(&json!({"ticket": {"create_when": "false"}}));
    let talk = w.ana_starts();
    w.customer_writes(&talk, "m1");
    w.settle();
    assert_eq!(w.outcomes(), [Some(Outcome::NoTicket)], "{}", w.tale());
}

#[test]
fn what_was_only_observed_is_not_sent_when_the_bridge_goes_live() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.mode = Mode::Observe;
    for message in numbered(20) {
        w.customer_writes(&talk, &message);
    }
    w.settle();
    assert_eq!(w.outcomes(), [Some(Outcome::Observed); 20], "{}", w.tale());
    w.mode = Mode::Live;
    w.wake_all();
    w.settle();
    assert!(w.comments(&ticket).is_empty());
}

#[test]
fn a_flood_is_brought_over_at_a_pace_and_none_is_lost() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    for message in numbered(150) {
        w.customer_writes(&talk, &message);
        w.now = w.now.plus(Duration::from_millis(1));
    }
    w.pass(Duration::from_secs(30));
    assert_eq!(w.comments(&ticket).len(), 60, "{}", w.tale());
    w.settle();
    assert_eq!(w.comments(&ticket), numbered(150), "{}", w.tale());
    assert!(w.parked().is_empty());
}
