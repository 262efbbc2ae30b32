//! Where a webhook tells an agent's words and not what files came with them, the listing of the
//! comments does, and both reach the customer together.

use super::world::{World, faults::Fault};
use bridge_core::{
    event::Event,
    ids::{ConversationId, TicketId},
    lane::Outcome,
    message::Enclosed,
    text::Text,
};

fn listing() -> (World, TicketId, ConversationId) {
    let mut w = World::new();
    w.capabilities.comments = true;
    let (talk, ticket) = w.linked_from_conversation();
    (w, ticket, talk)
}

/// An agent answers with a file; `seen` if the list shows it at once.
fn answers(w: &mut World, ticket: &TicketId, comment: &str, name: &str, seen: bool) {
    let mut event = w.desk.agent_comment(ticket, comment, "Veja", true, w.now);
    if let Event::CommentAdded(told) = &mut event {
        told.files_untold = true;
    }
    let said = &mut w.desk.records.get_mut(ticket).unwrap().said;
    let mut kept = said.pop().unwrap();
    if !name.is_empty() {
        kept.files.push(Enclosed {
            name: Text::new(name),
            mime_type: "image/png".to_owned(),
            url: Some(Text::new(format!("https://desk.example/{name}"))),
        });
    }
    if seen {
        said.push(kept);
    }
    w.net.send(w.now, event);
}

fn told(w: &World, ticket: &TicketId) -> usize {
    let notes = w.notes(ticket);
    let told = notes.iter().filter(|note| note.contains("words alone"));
    told.count()
}

#[test]
fn the_words_wait_for_the_listing_and_the_files_follow_them() {
    let (mut w, ticket, talk) = listing();
    answers(&mut w, &ticket, "k1", "a.png", true);
    answers(&mut w, &ticket, "k2", "", true);
    w.settle();
    let heard = ["Veja", "https://desk.example/a.png", "Veja"];
    assert_eq!(w.heard(&talk), heard, "{}", w.tale());
    assert_eq!(told(&w, &ticket), 0);
    w.sweep();
    assert_eq!(w.heard(&talk).len(), 3, "once");
}

#[test]
fn a_listing_that_fails_for_a_moment_costs_the_customer_no_file() {
    let (mut w, ticket, talk) = listing();
    w.faults.next("comments", Fault::Later(None));
    w.faults.next("comments", Fault::Cut);
    answers(&mut w, &ticket, "k1", "a.png", true);
    w.settle();
    assert_eq!(w.heard(&talk).len(), 2, "{}", w.tale());
    assert_eq!(told(&w, &ticket), 0);
}

#[test]
fn where_the_files_cannot_be_read_the_words_go_alone_and_the_agent_learns_of_it() {
    for fault in [
        Fault::Refuse(422),
        Fault::Gone,
        Fault::Forbidden,
        Fault::Later(None),
    ] {
        let (mut w, ticket, talk) = listing();
        w.faults.always("comments", fault);
        answers(&mut w, &ticket, "k1", "a.png", true);
        answers(&mut w, &ticket, "k2", "b.png", true);
        w.settle();
        assert_eq!(w.heard(&talk), ["Veja", "Veja"], "{fault:?} {}", w.tale());
        assert_eq!(told(&w, &ticket), 2, "{fault:?}");
    }
}

#[test]
fn a_list_that_lags_is_asked_again_and_not_for_ever() {
    let (mut w, ticket, talk) = listing();
    answers(&mut w, &ticket, "k1", "a.png", false);
    w.settle();
    assert_eq!(w.heard(&talk), ["Veja"], "{}", w.tale());
    assert_eq!(told(&w, &ticket), 1);
    let outcome = w.messages().into_iter().find(|m| m.id.as_str() == "k1");
    assert_eq!(outcome.unwrap().outcome, Some(Outcome::Relayed));
}

#[test]
fn the_words_reach_the_customer_before_the_ticket_closes_their_conversation() {
    let (mut w, ticket, talk) = listing();
    answers(&mut w, &ticket, "k1", "a.png", true);
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert_eq!(w.heard(&talk).len(), 2, "{}", w.tale());
    assert!(w.active().is_empty());
}
