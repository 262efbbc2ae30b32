//! A customer's file hangs on the ticket apart from its message, once, and holds nothing up.
//! Neighbour: talk, for the messages.

use super::world::{World, faults::Fault};
use bridge_core::{
    call::Resolve,
    effect::{Effect, Operation},
    event::Event,
    ids::TicketId,
    lane::{Mode, OnUnknown, Order},
    message::Enclosed,
    text::Text,
};
use serde_json::json;
use std::time::Duration;

impl World {
    /// The ids of the messages whose files hang on a ticket.
    fn hung(&self, ticket: &TicketId) -> Vec<String> {
        let files = self.desk.records[ticket].files.iter();
        let id = |text: &str| {
            let (_, id) = text.rsplit_once(' ').unwrap();
            id.trim_end_matches(')').to_owned()
        };
        files.map(|(text, _)| id(text)).collect()
    }

    fn said(&self, ticket: &TicketId) -> usize {
        self.desk.records[ticket].comments.len()
    }

    fn told_of_files(&self, ticket: &TicketId) -> usize {
        let notes = self.notes(ticket).iter();
        notes.filter(|note| note.contains("ile")).count()
    }
}

#[test]
fn a_picture_hangs_on_the_ticket_beside_its_message() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.customer_shows(&talk, "p1");
    w.moment();
    assert_eq!(w.hung(&ticket), ["p1"], "{}", w.tale());
    let (hung, public) = w.desk.records[&ticket].files[0].clone();
    let read = "[image: image-2023-11-14-22-13-21.jpg] of 2023-11-14 22:13:21 UTC (message p1)";
    assert_eq!((hung.as_str(), public), (read, true));
    let (said, _) = &w.desk.records[&ticket].comments[0];
    assert!(said.contains("https://media.example/p1"), "{said}");
}

/// Histories 533490 and 657143: the message stayed on the ticket that had taken the conversation in, and its
/// file came to none.
#[test]
fn a_file_comes_to_the_ticket_of_its_message_though_the_conversation_goes_to_another() {
    let mut w = World::new();
    w.faults.next("start", Fault::DoThenCut);
    let (ticket, started) = w.agent_asks_and_the_start_event_is_late();
    let talk = w.only_talk();
    // Its startAt is of yesterday: nothing proves it ours until its event comes, an hour late.
    w.is_dated_yesterday(&talk);
    w.faults.next("file", Fault::Later(Some(7_200)));
    w.customer_shows(&talk, "p1");
    w.pass(Duration::from_secs(3_600));
    let wrong = w.ticket_of(&talk).unwrap();
    assert_ne!(wrong, ticket);
    assert_eq!(
        (w.said(&wrong), w.hung(&wrong).len()),
        (1, 0),
        "{}",
        w.tale()
    );
    w.deliver(started);
    w.settle();
    assert_eq!(w.talk_of(&ticket).unwrap().conversation.id, talk);
    w.pass(Duration::from_secs(7_200));
    assert_eq!(w.hung(&wrong), ["p1"], "{}", w.tale());
    assert!(w.hung(&ticket).is_empty());
}

#[test]
fn a_file_that_does_not_come_holds_up_neither_words_nor_files_nor_the_close() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.faults.next("file", Fault::Later(Some(600)));
    w.customer_shows(&talk, "p1");
    w.moment();
    w.customer_shows(&talk, "p2");
    w.customer_writes(&talk, "m3");
    w.pass(Duration::from_secs(60));
    assert_eq!(w.said(&ticket), 3, "{}", w.tale());
    assert_eq!(w.hung(&ticket), ["p2"], "{}", w.tale());
    w.agent_sets(&ticket, "solved");
    w.pass(Duration::from_secs(60));
    assert!(w.active().is_empty(), "{}", w.tale());
    w.settle();
    assert_eq!(w.hung(&ticket), ["p2", "p1"], "{}", w.tale());
}

#[test]
fn a_file_that_never_comes_is_told_once_and_can_be_tried_again() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.faults.next("file", Fault::Refuse(0));
    w.customer_shows(&talk, "p1");
    w.settle();
    assert_eq!(w.parked_for(), ["file"], "{}", w.tale());
    assert_eq!((w.said(&ticket), w.told_of_files(&ticket)), (1, 1));
    w.customer_writes(&talk, "m2");
    w.settle();
    assert_eq!((w.said(&ticket), w.told_of_files(&ticket)), (2, 1));
    let intent = w.parked()[0].id.clone();
    w.order(Order::Retry { intent });
    w.settle();
    assert_eq!(w.hung(&ticket), ["p1"], "{}", w.tale());
}

#[test]
fn a_file_whose_answer_is_lost_is_looked_for_and_hangs_once() {
    for fault in [
        Fault::DoThenCut,
        Fault::Cut,
        Fault::CrashAfter,
        Fault::CrashBefore,
    ] {
        let mut w = World::new();
        let (talk, ticket) = w.linked_from_conversation();
        w.faults.next("file", fault);
        w.customer_shows(&talk, "p1");
        w.settle();
        assert_eq!(w.hung(&ticket), ["p1"], "{}", w.tale());
    }
}

#[test]
fn where_nothing_tells_a_lost_file_is_the_operators_to_decide() {
    for (on_unknown, files) in [(OnUnknown::Hold, 0), (OnUnknown::Retry, 1)] {
        let mut w = World::new();
        w.capabilities.attach = Some(Resolve::None);
        w.limits.on_unknown = on_unknown;
        let (talk, ticket) = w.linked_from_conversation();
        w.faults.next("file", Fault::Cut);
        w.customer_shows(&talk, "p1");
        w.settle();
        assert_eq!(w.hung(&ticket).len(), files, "{}", w.tale());
        let file = w.intents(Operation::File).remove(0);
        assert_eq!(file.possible_duplicate, on_unknown == OnUnknown::Retry);
    }
}

#[test]
fn a_system_that_takes_no_files_keeps_their_addresses_and_says_so_once() {
    let mut w = World::new();
    w.capabilities.attach = None;
    let (talk, ticket) = w.linked_from_conversation();
    w.customer_shows(&talk, "p1");
    w.customer_shows(&talk, "p2");
    w.settle();
    assert_eq!((w.said(&ticket), w.hung(&ticket).len()), (2, 0));
    assert_eq!(w.told_of_files(&ticket), 1, "{}", w.tale());
    assert!(w.parked().is_empty());
}

#[test]
fn files_stay_among_agents_where_messages_do_and_away_where_they_do() {
    for (word, files) in [("internal", 1), ("none", 0)] {
        let mut w = World::with(&json!({"messages": {"to_ticket": word}}));
        let (talk, ticket) = w.linked_from_conversation();
        w.customer_shows(&talk, "p1");
        w.settle();
        let there = &w.desk.records[&ticket].files;
        assert_eq!(there.len(), files, "{}", w.tale());
        assert!(there.iter().all(|(_, public)| !public));
    }
}

#[test]
fn a_bridge_that_only_looks_hangs_nothing_up() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.mode = Mode::Observe;
    w.customer_shows(&talk, "p1");
    w.settle();
    w.mode = Mode::Live;
    w.wake_all();
    w.settle();
    assert!(w.hung(&ticket).is_empty(), "{}", w.tale());
}

/// Found by the simulator (20570): retention had emptied a note, and what has no words read like it.
#[test]
fn a_file_without_words_goes_out_though_retention_has_emptied_what_the_bridge_wrote() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.customer_writes(&talk, "m1");
    w.settle();
    let lane = w.bridge.lanes.values_mut().next().unwrap();
    for intent in &mut lane.intents {
        if let Effect::AddComment(comment) = &mut intent.effect {
            comment.text = Text::default();
        }
    }
    let mut event = w.desk.agent_comment(&ticket, "k1", "", true, w.now);
    if let Event::CommentAdded(told) = &mut event {
        told.files = vec![Enclosed {
            name: Text::new("a.pdf"),
            mime_type: "application/pdf".to_owned(),
            url: Some(Text::new("https://desk.example/a.pdf")),
        }];
    }
    w.deliver(event);
    w.moment();
    assert_eq!(
        w.heard(&talk),
        ["https://desk.example/a.pdf"],
        "{}",
        w.tale()
    );
}
