//! A ticket that goes to another requester between two conversations is no longer its first customer's (rule 10).
//! Neighbours: adoption, for tickets that are named; listed, for words that no webhook told.

use super::world::{ANA, BEA, World, faults::Fault, net::Weather};
use bridge_core::{ids::TicketId, text::Text};
use bridge_remotes::{desk::Versions, jelou::Talk};
use serde_json::json;
use std::time::Duration;

/// An agent gives the ticket to somebody else.
fn give(w: &mut World, ticket: &TicketId, phone: Option<&str>) {
    let to = w.desk.requester(phone.unwrap_or("nobody"));
    w.agent_changes(ticket, |t| {
        t.requester.id = Some(to);
        t.requester.phone = phone.map(|phone| Text::new(format!("+{phone}")));
        t.requester.external_id = phone.map(Text::new);
    });
}

#[test]
fn a_customers_next_conversation_does_not_go_onto_a_ticket_that_is_somebody_elses_by_now() {
    for (to, told) in [(Some(BEA), true), (Some(BEA), false), (None, true)] {
        let mut w = World::new();
        let (ticket, talk) = w.linked_from_ticket();
        w.ends(&talk, "expired");
        w.settle();
        if !told {
            w.net.weather = Weather::Lost;
        }
        give(&mut w, &ticket, to);
        w.net.weather = Weather::Fair;
        w.settle();
        let next = w.ana_starts();
        w.customer_writes(&next, "m1");
        w.settle();
        let own = w.ticket_of(&next).expect("one of her own");
        assert_ne!(own, ticket, "{}", w.tale());
        assert!(w.desk.records[&ticket].said.is_empty(), "{}", w.tale());
    }
}

#[test]
fn a_ticket_that_comes_back_to_its_customer_is_taken_again() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.ends(&talk, "expired");
    w.settle();
    give(&mut w, &ticket, Some(BEA));
    w.settle();
    give(&mut w, &ticket, Some(ANA));
    w.settle();
    let next = w.ana_starts();
    w.settle();
    assert_eq!(w.ticket_of(&next), Some(ticket), "{}", w.tale());
}

#[test]
fn nobody_is_written_to_about_a_ticket_whose_requester_has_no_number() {
    let start = json!({"conversation": {"ticket_reopened": "start", "comment_without_conversation": "start"}});
    let mut w = World::with(&start);
    let (ticket, talk) = w.linked_from_ticket();
    w.agent_sets(&ticket, "solved");
    w.settle();
    assert!(w.jelou.talks.len() == 1 && w.active().is_empty());
    give(&mut w, &ticket, None);
    w.settle();
    w.agent_sets(&ticket, "open");
    w.settle();
    w.agent_tags(&ticket, &[]);
    w.settle();
    w.agent_tags(&ticket, &["whatsapp"]);
    w.agent_says(&ticket, "k1", "para outra pessoa");
    w.settle();
    assert!(w.active().is_empty(), "{}", w.tale());
    assert!(w.heard(&talk).is_empty(), "{}", w.tale());
}

#[test]
fn words_of_the_time_between_two_conversations_come_late_and_are_told_as_unsent() {
    let mut w = World::with(&json!({"conversation": {"ticket_reopened": "start"}}));
    w.capabilities.comments = true;
    let (ticket, _) = w.linked_from_ticket();
    w.agent_sets(&ticket, "solved");
    w.pass(Duration::from_secs(60));
    w.net.weather = Weather::Lost;
    w.agent_says(&ticket, "k1", "entre as duas");
    w.net.weather = Weather::Fair;
    w.pass(Duration::from_secs(60));
    w.agent_sets(&ticket, "open");
    w.settle();
    let talk = w
        .talk_of(&ticket)
        .expect("reopened")
        .conversation
        .id
        .clone();
    w.sweep();
    assert!(w.heard(&talk).is_empty(), "{}", w.tale());
    let told = w
        .notes(&ticket)
        .iter()
        .filter(|note| note.contains("(comment k1)"));
    assert_eq!(told.count(), 1, "{:?}", w.notes(&ticket));
}

/// Found by history 20876818: nobody was told of them.
#[test]
fn words_that_are_told_of_when_another_customer_has_the_ticket_are_told_as_unsent() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.pass(Duration::from_secs(60));
    w.net.weather = Weather::Kept;
    w.agent_says(&ticket, "k1", "para a primeira pessoa");
    let late = w.net.kept.remove(0);
    w.net.weather = Weather::Fair;
    w.ends(&talk, "expired");
    w.settle();
    let (theirs, began) = w.jelou.begin(BEA, Some(ticket.clone()), None, w.now);
    w.deliver(began);
    w.settle();
    assert_eq!(w.ticket_of(&theirs), Some(ticket.clone()), "{}", w.tale());
    for _ in 0..2 {
        w.deliver(late.clone());
        w.settle();
    }
    assert!(w.heard(&theirs).is_empty(), "{}", w.tale());
    let told = |note: &&String| note.contains("(comment k1)");
    let told = w.notes(&ticket).iter().filter(told).count();
    assert_eq!(told, 1, "{:?}", w.notes(&ticket));
}

/// Found by the simulator, history 1545145: our clock was hours behind the helpdesk's, so that all that was ever
/// said on a ticket looked like said since another customer had named it.
#[test]
fn by_a_clock_that_is_hours_off_nothing_counts_as_said_since_a_ticket_was_named() {
    let mut w = World::new();
    w.capabilities.comments = true;
    let ticket = w.agent_makes(ANA, "open", &["whatsapp"]);
    w.settle();
    let first = w.only_talk();
    w.agent_says(&ticket, "k1", "um");
    w.settle();
    w.ends(&first, "expired");
    w.settle();
    w.now = w.now.minus(Duration::from_secs(2 * 3600));
    let (other, began) = w.jelou.begin(BEA, Some(ticket.clone()), None, w.now);
    w.net.send(w.now, began);
    w.moment();
    w.sweep();
    w.settle();
    assert_eq!(w.ticket_of(&other), Some(ticket), "{}", w.tale());
    assert!(w.heard(&other).is_empty(), "{}", w.tale());
}

// Found by history 113633: Ana was written to about Bea's ticket.
#[test]
fn a_ticket_that_was_given_away_before_anybody_looked_asks_for_nothing_here() {
    let mut w = World::new();
    w.desk.versions = Versions::None;
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    give(&mut w, &ticket, Some(BEA));
    w.net.weather = Weather::Fair;
    w.deliver(asked);
    w.settle();
    let with_ana = |talk: &&Talk| talk.conversation.user.as_str() == ANA;
    assert_eq!(
        w.talks().into_iter().filter(with_ana).count(),
        0,
        "{}",
        w.tale()
    );
}

// Found by history 120134: what was said to Bea a moment before Ana named the ticket went to Ana.
#[test]
fn words_on_a_ticket_that_was_given_away_do_not_go_to_who_names_it_a_moment_later() {
    let mut w = World::new();
    w.capabilities.comments = true;
    let (talk, ticket) = w.linked_from_conversation();
    w.ends(&talk, "expired");
    w.settle();
    give(&mut w, &ticket, Some(BEA));
    w.settle();
    w.net.weather = Weather::Lost;
    w.agent_says(&ticket, "k1", "so para Bea");
    w.net.weather = Weather::Fair;
    let next = w.someone_starts_about(&ticket);
    w.settle();
    w.sweep();
    assert_eq!(w.ticket_of(&next), Some(ticket), "{}", w.tale());
    assert!(w.heard(&next).is_empty(), "{}", w.tale());
    assert!(w.heard(&next).is_empty(), "{}", w.tale());
}

// Found by history 20221885.
#[test]
fn words_said_while_a_ticket_was_another_customers_do_not_go_out_when_it_comes_back() {
    let mut w = World::new();
    w.capabilities.comments = true;
    let (ticket, talk) = w.linked_from_ticket();
    w.ends(&talk, "expired");
    w.settle();
    give(&mut w, &ticket, Some(BEA));
    w.settle();
    w.net.weather = Weather::Lost;
    w.agent_says(&ticket, "k1", "só para Bea");
    give(&mut w, &ticket, Some(ANA));
    w.net.weather = Weather::Fair;
    let next = w.ana_starts();
    w.settle();
    w.agent_says(&ticket, "k2", "para Ana");
    w.settle();
    w.sweep();
    assert_eq!(w.ticket_of(&next), Some(ticket), "{}", w.tale());
    assert_eq!(w.heard(&next), ["para Ana"], "{}", w.tale());
}

// Found by history 20837452: Ana's conversation had begun before, and looked for her open tickets in vain.
#[test]
fn words_said_to_another_before_a_ticket_is_taken_do_not_go_to_who_takes_it() {
    let mut w = World::with(&json!({"ticket": {"reuse": "open"}}));
    w.capabilities.comments = true;
    let ticket = w.agent_makes(BEA, "open", &["whatsapp"]);
    w.settle();
    let of_bea = w.talk_of(&ticket).expect("hers").conversation.id.clone();
    w.faults.always("open_tickets", Fault::Later(None));
    let talk = w.ana_starts();
    w.pass(Duration::from_secs(60));
    assert!(w.ticket_of(&talk).is_none(), "{}", w.tale());
    w.net.weather = Weather::Lost;
    w.agent_says(&ticket, "k1", "so para Bea");
    w.pass(Duration::from_secs(60));
    w.net.weather = Weather::Fair;
    w.ends(&of_bea, "expired");
    give(&mut w, &ticket, Some(ANA));
    w.pass(Duration::from_secs(60));
    w.faults.heal();
    w.settle();
    w.sweep();
    assert_eq!(w.ticket_of(&talk), Some(ticket), "{}", w.tale());
    assert!(w.heard(&talk).is_empty(), "{}", w.tale());
}

// Found by a reader: her words were taken for Bea's, and the ticket said so.
#[test]
fn words_said_with_the_giving_itself_go_to_who_gets_the_ticket() {
    let mut w = World::new();
    let ticket = w.agent_makes(BEA, "open", &[]);
    w.settle();
    w.net.weather = Weather::Kept;
    give(&mut w, &ticket, Some(ANA));
    w.agent_tags(&ticket, &["whatsapp"]);
    w.agent_says(&ticket, "k1", "para Ana");
    let told = std::mem::take(&mut w.net.kept);
    w.net.weather = Weather::Fair;
    for event in told {
        w.now = w.now.plus(Duration::from_millis(300));
        w.deliver(event);
        w.moment();
    }
    w.settle();
    let talk = w.talk_of(&ticket).expect("it asks").conversation.id.clone();
    assert_eq!(w.heard(&talk), ["para Ana"], "{}", w.tale());
    assert!(w.notes(&ticket).is_empty(), "{:?}", w.notes(&ticket));
}
