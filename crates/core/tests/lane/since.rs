//! Which comments are words for the customer, and since when. Neighbour: saying, for how they go out.

use super::{
    given_away::give,
    world::{
        ANA, BEA, World,
        desk::{Carries, Versions},
        faults::Fault,
        net::Weather,
    },
};
use bridge_core::{effect::Effect, event::Event, lane::Mode, text::Text};
use serde_json::json;
use std::time::Duration;

#[test]
fn what_is_not_an_agents_word_to_the_customer_stays_on_the_ticket() {
    let mut w = World::with(&json!({"messages": {"to_conversation_when": "true"}}));
    let (talk, ticket) = w.linked_from_conversation();
    for (id, public, by_agent, by_us) in [
        ("internal", false, true, false),
        ("requester", true, false, false),
        ("ours", true, true, true),
    ] {
        let mut event = w.desk.agent_comment(&ticket, id, "no", public, w.now);
        if let Event::CommentAdded(comment) = &mut event {
            (comment.by_agent, comment.by_us) = (by_agent, by_us);
        }
        w.deliver(event);
        w.moment();
    }
    assert!(w.heard(&talk).is_empty(), "{}", w.tale());
    assert!(w.messages().is_empty());
}

#[test]
fn the_operators_rule_says_which_comments_go() {
    let rule = "comment.public and '#zap' in comment.body";
    let mut w = World::with(&json!({"messages": {"to_conversation_when": rule}}));
    let (talk, ticket) = w.linked_from_conversation();
    w.agent_says(&ticket, "k1", "not this");
    w.agent_says(&ticket, "k2", "this #zap");
    w.moment();
    assert_eq!(w.heard(&talk), ["this #zap"], "{}", w.tale());
}

#[test]
fn a_message_of_the_customer_never_comes_back_to_them_whoever_is_told_to_have_written_it() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.customer_writes(&talk, "m1");
    w.moment();
    let ours = w.desk.records[&ticket].comments[0].0.clone();
    let kept = ours.replace('\n', "\r\n") + "\u{2060}";
    w.agent_says(&ticket, "k1", &kept);
    w.settle();
    assert!(w.heard(&talk).is_empty(), "{}", w.tale());
}

/// Found by history 160675: an echo that came late was told as an agent's, and the ticket had another customer's
/// conversation by then.
#[test]
fn a_message_of_one_customer_does_not_go_to_the_next_one_of_the_ticket_whoever_is_told_to_have_written_it()
 {
    let mut w = World::new();
    let ticket = w.agent_makes(ANA, "open", &[]);
    w.settle();
    let (theirs, began) = w.jelou.begin(BEA, Some(ticket.clone()), None, w.now);
    w.deliver(began);
    w.settle();
    w.customer_writes(&theirs, "m1");
    w.settle();
    let wrote = w.desk.records[&ticket].comments[0].0.clone();
    w.ends(&theirs, "expired");
    w.settle();
    w.agent_sets(&ticket, "open");
    w.settle();
    w.agent_tags(&ticket, &["whatsapp"]);
    w.settle();
    let talk = w.talk_of(&ticket).expect("it asks").conversation.id.clone();
    assert_ne!(talk, theirs, "{}", w.tale());
    w.agent_says(&ticket, "k1", &wrote);
    w.settle();
    w.agent_says(&ticket, "k2", "para a Ana");
    w.settle();
    assert_eq!(w.heard(&talk), ["para a Ana"], "{}", w.tale());
    let mut notes = w.notes(&ticket).iter();
    assert!(!notes.any(|note| note.contains("k1")), "{}", w.tale());
}

// Found by a reader: the store was asked no sooner than the ticketing system wanted to be.
#[test]
fn words_are_compared_with_others_though_the_ticketing_system_answers_nothing_for_an_hour() {
    let mut w = World::new();
    w.desk.versions = Versions::None;
    w.desk.carries = Carries::Patch;
    let (ticket, first) = w.linked_from_ticket();
    w.settle();
    w.ends(&first, "expired");
    w.settle();
    give(&mut w, &ticket, Some(BEA));
    w.agent_tags(&ticket, &[]);
    w.settle();
    w.agent_tags(&ticket, &["whatsapp"]);
    w.settle();
    let talk = w.talk_of(&ticket).expect("it asks").conversation.id.clone();
    assert_ne!(talk, first, "{}", w.tale());
    w.faults.always("ticket", Fault::Later(Some(3_600)));
    w.agent_tags(&ticket, &["whatsapp", "seen"]);
    w.pass(Duration::from_secs(10));
    w.agent_says(&ticket, "k1", "Já vejo");
    w.pass(Duration::from_secs(60));
    assert_eq!(w.heard(&talk), ["Já vejo"], "{}", w.tale());
}

/// What was written on tickets is left by its digest alone.
pub fn retention_takes_words(w: &mut World) {
    let lanes = w.bridge.lanes.values_mut();
    for intent in lanes.flat_map(|lane| &mut lane.intents) {
        intent.wrote = intent.words();
        if let Effect::AddComment(comment) = &mut intent.effect {
            comment.text = Text::default();
        }
    }
}

/// Found by history 350440: no webhook had told of it, and by the time it was listed retention had taken its words.
#[test]
fn a_message_of_the_customer_is_known_by_its_digest_once_retention_has_taken_its_words() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    w.customer_writes(&talk, "m1");
    w.settle();
    retention_takes_words(&mut w);
    let wrote = w.desk.records[&ticket].comments[0].0.clone();
    w.agent_says(&ticket, "k1", &wrote);
    w.agent_says(&ticket, "k2", "Já vejo");
    w.settle();
    assert_eq!(w.heard(&talk), ["Já vejo"], "{}", w.tale());
}

#[test]
fn the_first_entry_of_a_ticket_that_the_bridge_made_is_no_word_to_the_customer() {
    let mut w = World::new();
    let (talk, ticket) = w.linked_from_conversation();
    let first = w.description(&ticket);
    w.agent_says(&ticket, "k0", &first);
    w.settle();
    assert!(w.heard(&talk).is_empty(), "{}", w.tale());
}

#[test]
fn a_description_told_as_the_first_comment_is_not_said_but_an_answer_in_the_same_second_is() {
    let mut w = World::new();
    let ticket = w.agent_makes(super::world::ANA, "open", &["whatsapp"]);
    w.moment();
    for (id, opening) in [("k1", true), ("k2", false)] {
        let mut event = w.desk.agent_comment(&ticket, id, id, true, w.now);
        if let Event::CommentAdded(comment) = &mut event {
            comment.opening = opening;
        }
        w.deliver(event);
    }
    w.settle();
    assert_eq!(w.heard(&w.only_talk()), ["k2"], "{}", w.tale());
}

#[test]
fn the_desks_clock_may_be_a_little_behind() {
    let mut w = World::new();
    let ticket = w.agent_makes(super::world::ANA, "open", &["whatsapp"]);
    w.moment();
    let behind = w.now.minus(Duration::from_secs(2));
    let event = w.desk.agent_comment(&ticket, "k1", "hello", true, behind);
    w.deliver(event);
    w.settle();
    assert_eq!(w.heard(&w.only_talk()), ["hello"], "{}", w.tale());
}

#[test]
fn relay_begins_with_what_is_said_after_the_link_began() {
    let mut w = World::new();
    let ticket = w.agent_makes(super::world::ANA, "open", &[]);
    w.agent_says(&ticket, "before", "before");
    w.moment();
    w.net.weather = Weather::Kept;
    w.agent_says(&ticket, "late", "late");
    w.net.weather = Weather::Fair;
    w.pass(Duration::from_secs(5));
    w.agent_tags(&ticket, &["whatsapp"]);
    w.moment();
    let late = w.net.kept.remove(0);
    w.deliver(late);
    w.agent_says(&ticket, "after", "after");
    w.moment();
    assert_eq!(w.heard(&w.only_talk()), ["after"], "{}", w.tale());
}

/// Found by a reader: the customer begins with "Olá", and so does the agent.
#[test]
fn an_answer_that_reads_like_the_customers_first_words_goes_out() {
    let mut w = World::with(
        &json!({"ticket": {"description": "{{ conversation.initial_message or 'Olá' }}"}}),
    );
    let (talk, ticket) = w.linked_from_conversation();
    let first = w.description(&ticket);
    w.pass(Duration::from_secs(600));
    w.agent_says(&ticket, "k7", &first);
    w.settle();
    assert_eq!(w.heard(&talk), [first], "{}", w.tale());
}

/// Found by the campaign with a full disk: the agent answered before it was known that the ticket was the
/// conversation's.
#[test]
fn what_is_said_while_the_answer_to_a_create_is_not_known_reaches_the_customer() {
    for (lists, told) in [(false, true), (true, true), (true, false)] {
        let mut w = World::new();
        w.capabilities.comments = lists;
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
        assert!(w.ticket_of(&talk).is_none(), "the answer is not known yet");
        w.agent_says(&ticket, "k1", "Já vejo");
        w.settle();
        w.sweep();
        assert_eq!(w.ticket_of(&talk), Some(ticket));
        assert_eq!(w.heard(&talk), ["Já vejo"], "{lists} {told}\n{}", w.tale());
    }
}

/// Found by a reader: a system that tells the first entry as an agent's comment, and not that it was ours.
#[test]
fn the_first_entry_of_a_ticket_is_no_word_to_the_customer_though_its_create_is_not_answered() {
    let mut w = World::with(&json!({"ticket": {"description": "Oi, preciso de ajuda"}}));
    w.faults.next("create", Fault::CrashAfter);
    w.net.weather = Weather::Kept;
    let talk = w.ana_starts();
    let began = w.net.kept.remove(0);
    w.net.weather = Weather::Lost;
    w.deliver(began);
    w.moment();
    let ticket = w.desk.records.keys().next().expect("it was made").clone();
    w.net.weather = Weather::Fair;
    w.agent_says(&ticket, "k1", "Oi, preciso de ajuda");
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket));
    assert!(w.heard(&talk).is_empty(), "{}", w.tale());
}

/// Found by the simulator (1906682): words of 25 hours before.
#[test]
fn what_an_agent_said_while_the_bridge_observed_does_not_go_out_once_it_is_live_and_no_note_tells_of_it()
 {
    for word in ["note", "start"] {
        let mut w = World::with(&json!({"conversation": {"comment_without_conversation": word}}));
        w.mode = Mode::Observe;
        let ticket = w.agent_asks();
        w.moment();
        w.agent_says(&ticket, "k1", "before");
        w.settle();
        w.goes_live();
        w.settle();
        w.agent_tags(&ticket, &[]);
        w.settle();
        w.agent_tags(&ticket, &["whatsapp"]);
        w.settle();
        w.agent_says(&ticket, "k2", "after");
        w.settle();
        assert_eq!(w.heard(&w.only_talk()), ["after"], "{}", w.tale());
        let mut notes = w.notes(&ticket).iter();
        assert!(!notes.any(|note| note.contains("k1")), "{}", w.tale());
    }
}

/// The desk's clock is two seconds behind, so they seem to be of before.
#[test]
fn an_agents_first_words_after_the_bridge_went_live_are_taken_for_no_older_ones() {
    let start = json!({"conversation": {"comment_without_conversation": "start"}});
    let mut w = World::with(&start);
    w.mode = Mode::Observe;
    let ticket = w.agent_asks();
    w.settle();
    w.goes_live();
    let behind = w.now.minus(Duration::from_secs(2));
    let event = w.desk.agent_comment(&ticket, "k1", "hello", true, behind);
    w.deliver(event);
    w.settle();
    assert_eq!(w.heard(&w.only_talk()), ["hello"], "{}", w.tale());
}

#[test]
fn what_an_agent_said_before_the_bridge_observed_for_a_while_is_told_as_unsent() {
    let mut w = World::new();
    w.linked_from_conversation();
    let ticket = w.agent_asks();
    w.settle();
    assert_eq!(w.live_link(&ticket).unwrap().state(), "waiting_busy");
    w.agent_says(&ticket, "k1", "before");
    w.settle();
    w.pass(Duration::from_secs(60));
    w.observes();
    w.settle();
    w.pass(Duration::from_secs(60));
    w.goes_live();
    w.settle();
    let mut notes = w.notes(&ticket).iter();
    assert!(notes.any(|note| note.contains("k1")), "{}", w.tale());
}
