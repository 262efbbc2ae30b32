//! What agents said and no webhook told is found where the ticketing system lists comments.
//! Neighbours: saying, for what was told; untold, for files.

use super::world::{ANA, BEA, World, faults::Fault, net::Weather};
use bridge_core::event::Event;
use bridge_remotes::desk::Versions;
use serde_json::json;
use std::time::Duration;

/// A world whose ticketing system lists comments.
fn listing() -> World {
    let mut w = World::new();
    w.capabilities.comments = true;
    w
}

#[test]
fn with_every_webhook_of_it_lost_the_sweep_alone_brings_what_agents_said() {
    let mut w = listing();
    let (talk, ticket) = w.linked_from_conversation();
    w.sweep();
    w.net.weather = Weather::Lost;
    for (n, words) in ["um", "dois", "três"].into_iter().enumerate() {
        w.agent_says(&ticket, &format!("k{n}"), words);
        w.pass(Duration::from_secs(2));
    }
    w.sweep();
    assert_eq!(w.heard(&talk), ["um", "dois", "três"], "{}", w.tale());
    w.sweep();
    assert_eq!(w.heard(&talk).len(), 3);
}

#[test]
fn a_comment_that_was_lost_between_two_others_is_found_and_none_is_said_twice() {
    let mut w = listing();
    let (talk, ticket) = w.linked_from_conversation();
    w.agent_says(&ticket, "k1", "um");
    w.pass(Duration::from_secs(2));
    w.net.weather = Weather::Kept;
    w.agent_says(&ticket, "k2", "dois");
    let late = w.net.kept.remove(0);
    w.net.weather = Weather::Fair;
    w.pass(Duration::from_secs(2));
    w.agent_says(&ticket, "k3", "três");
    w.settle();
    w.sweep();
    assert_eq!(w.heard(&talk), ["um", "três", "dois"], "{}", w.tale());
    w.deliver(late);
    w.sweep();
    assert_eq!(w.heard(&talk).len(), 3, "{}", w.tale());
}

/// History 471046: a conversation's metadata named the ticket of another customer, moments after the agent
/// had answered that one.
#[test]
fn what_was_said_to_one_customer_is_not_said_to_another_who_names_the_ticket() {
    let mut w = listing();
    let ticket = w.agent_makes(ANA, "open", &["whatsapp"]);
    w.settle();
    let talk = w.only_talk();
    w.net.weather = Weather::Lost;
    w.agent_says(&ticket, "k1", "um");
    w.ends(&talk, "expired");
    w.net.weather = Weather::Fair;
    w.agent_sets(&ticket, "solved");
    w.pass(Duration::from_secs(1));
    let (other, began) = w.jelou.begin(BEA, Some(ticket.clone()), None, w.now);
    w.net.send(w.now, began);
    w.moment();
    w.sweep();
    w.settle();
    assert!(w.heard(&other).is_empty(), "{}", w.tale());
}

/// History 2107391: between two Links of one customer another one had the ticket.
#[test]
fn what_was_said_while_another_customer_had_the_ticket_stays_theirs_when_it_comes_back() {
    for late in [false, true] {
        let mut w = World::with(&json!({"conversation": {"ticket_reopened": "start"}}));
        w.capabilities.comments = true;
        let ticket = w.agent_makes(ANA, "open", &["whatsapp"]);
        w.settle();
        let first = w.only_talk();
        w.ends(&first, "expired");
        w.agent_sets(&ticket, "solved");
        w.pass(Duration::from_secs(60));
        let (beas, began) = w.jelou.begin(BEA, Some(ticket.clone()), None, w.now);
        w.net.send(w.now, began);
        w.settle();
        w.net.weather = Weather::Kept;
        w.agent_says(&ticket, "k1", "um");
        let told = w.net.kept.remove(0);
        w.net.weather = Weather::Fair;
        w.sweep();
        assert_eq!(w.heard(&beas), ["um"], "{}", w.tale());
        w.ends(&beas, "expired");
        w.agent_sets(&ticket, "solved");
        w.pass(Duration::from_secs(60));
        w.agent_sets(&ticket, "open");
        w.settle();
        let anas = w
            .talk_of(&ticket)
            .expect("reopened for Ana")
            .conversation
            .id
            .clone();
        if late {
            w.deliver(told);
        }
        w.sweep();
        w.settle();
        assert!(w.heard(&anas).is_empty(), "{}", w.tale());
        let told = w.notes(&ticket).iter();
        let told = told.filter(|note| note.contains("(comment k1)"));
        assert_eq!(told.count(), 1, "{:?}", w.notes(&ticket));
    }
}

#[test]
fn what_was_said_to_another_customer_starts_no_conversation_with_the_first_one() {
    let start = json!({"conversation": {"comment_without_conversation": "start"}});
    let mut w = World::with(&start);
    w.capabilities.comments = true;
    let ticket = w.agent_makes(ANA, "open", &["whatsapp"]);
    w.settle();
    let first = w.only_talk();
    w.ends(&first, "expired");
    w.settle();
    let (beas, began) = w.jelou.begin(BEA, Some(ticket.clone()), None, w.now);
    w.net.send(w.now, began);
    w.settle();
    w.pass(Duration::from_secs(60));
    w.agent_says(&ticket, "k1", "um");
    w.settle();
    assert_eq!(w.heard(&beas), ["um"], "{}", w.tale());
    w.ends(&beas, "expired");
    w.settle();
    w.pass(Duration::from_secs(60));
    w.agent_sets(&ticket, "open");
    w.sweep();
    w.settle();
    assert!(w.active().is_empty(), "{}", w.tale());
    let told = w.notes(&ticket).iter();
    let told = told.filter(|note| note.contains("another customer had the ticket"));
    assert_eq!(told.count(), 1, "{:?}", w.notes(&ticket));
}

#[test]
fn where_webhooks_tell_of_tickets_alone_each_of_them_hints_at_what_agents_said() {
    let mut w = listing();
    w.capabilities.comments_hinted = true;
    let (ticket, talk) = w.linked_from_ticket();
    for (n, words) in ["um", "dois"].into_iter().enumerate() {
        w.net.weather = Weather::Lost;
        w.agent_says(&ticket, &format!("k{n}"), words);
        w.net.weather = Weather::Fair;
        w.agent_tags(&ticket, &["whatsapp", words]);
        w.settle();
    }
    assert_eq!(w.heard(&talk), ["um", "dois"], "{}", w.tale());
}

/// A ticket's version tells the second. What is said right after a listing of that second changes nothing of
/// it that the next round could see.
#[test]
fn words_of_the_second_in_which_the_comments_were_listed_are_found_too() {
    for hinted in [false, true] {
        let mut w = listing();
        w.capabilities.comments_hinted = hinted;
        let (talk, ticket) = w.linked_from_conversation();
        w.sweep();
        w.net.weather = Weather::Lost;
        w.agent_says(&ticket, "k1", "um");
        w.look_round();
        w.pass(Duration::from_millis(100));
        w.agent_says(&ticket, "k2", "dois");
        w.sweep();
        assert_eq!(w.heard(&talk), ["um", "dois"], "{}", w.tale());
    }
}

#[test]
fn the_last_words_are_looked_for_before_a_conversation_is_closed() {
    let mut w = listing();
    let (ticket, talk) = w.linked_from_ticket();
    w.net.weather = Weather::Lost;
    w.agent_says(&ticket, "k1", "tchau");
    w.net.weather = Weather::Fair;
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert_eq!(w.heard(&talk), ["tchau"], "{}", w.tale());
    assert!(w.active().is_empty());
}

#[test]
fn comments_that_cannot_be_listed_do_not_keep_a_conversation_open() {
    for fault in [Fault::Refuse(403), Fault::Later(None), Fault::Gone] {
        let mut w = listing();
        let (ticket, _) = w.linked_from_ticket();
        w.faults.always("comments", fault);
        w.agent_sets(&ticket, "solved");
        w.settle();
        assert!(w.active().is_empty(), "{fault:?} {}", w.tale());
    }
}

/// Found by history 8402411: the words went nowhere, and nobody was told.
#[test]
fn a_listing_that_is_not_found_once_is_asked_for_again() {
    let mut w = listing();
    let (talk, ticket) = w.linked_from_conversation();
    w.sweep();
    w.net.weather = Weather::Lost;
    w.agent_says(&ticket, "k1", "um");
    w.faults.next("comments", Fault::Gone);
    w.sweep();
    w.pass(Duration::from_secs(120));
    w.sweep();
    assert_eq!(w.heard(&talk), ["um"], "{}", w.tale());
}

#[test]
fn what_was_said_before_the_link_is_not_found_afterwards() {
    let mut w = listing();
    let ticket = w.agent_makes(super::world::ANA, "open", &[]);
    w.agent_says(&ticket, "before", "before");
    w.pass(Duration::from_secs(5));
    w.agent_tags(&ticket, &["whatsapp"]);
    w.settle();
    w.net.weather = Weather::Lost;
    w.agent_says(&ticket, "after", "after");
    w.sweep();
    w.settle();
    assert_eq!(w.heard(&w.only_talk()), ["after"], "{}", w.tale());
}

/// Found by the simulator, history 2040628: of the ticket the customer's lane had heard nothing but the echo of a
/// note of ours, and took it for one that was made for them.
#[test]
fn who_names_a_ticket_that_only_an_echo_told_of_hears_nothing_that_was_said_to_another() {
    let mut w = listing();
    let ticket = w.agent_makes(BEA, "open", &["whatsapp"]);
    w.settle();
    let beas = w.talk_of(&ticket).unwrap().conversation.id.clone();
    w.net.weather = Weather::Lost;
    w.agent_says(&ticket, "k1", "for Bea alone");
    w.net.weather = Weather::Fair;
    w.ends(&beas, "expired");
    w.settle();
    // It is Ana's by now, and the first that is told of it there is an echo.
    w.net.weather = Weather::Kept;
    let ana = w.desk.requester(ANA);
    w.agent_changes(&ticket, |t| {
        t.requester.id = Some(ana);
        t.requester.phone = Some(ANA.into());
        t.requester.external_id = Some(ANA.into());
    });
    let Event::TicketChanged(mut echo) = w.net.kept.remove(0) else {
        panic!("a ticket changed");
    };
    w.net.weather = Weather::Fair;
    echo.by_us = true;
    w.deliver(Event::TicketChanged(echo));
    w.settle();
    let talk = w.someone_starts_about(&ticket);
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket), "{}", w.tale());
    w.sweep();
    w.settle();
    assert!(w.heard(&talk).is_empty(), "{}", w.tale());
}

/// Found by history 1978133: whose the first were was still to be asked, and the later ones went out.
#[test]
fn words_that_a_listing_shows_stay_ahead_of_later_ones_while_something_is_looked_for() {
    let mut w = listing();
    w.desk.versions = Versions::None;
    let (ticket, talk) = w.linked_from_ticket();
    let before = w.live_link(&ticket).expect("linked").created_at;
    let before = before.minus(Duration::from_secs(1));
    w.desk.agent_comment(&ticket, "k1", "um", true, before);
    w.look_round();
    let told = w.desk.agent_comment(&ticket, "k2", "dois", true, w.now);
    w.faults.next("ticket", Fault::Cut);
    w.deliver(told);
    w.settle();
    assert_eq!(w.heard(&talk), ["um", "dois"], "{}", w.tale());
}
