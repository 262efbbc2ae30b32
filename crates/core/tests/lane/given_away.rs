//! A ticket that goes to another requester between two conversations is no longer its first customer's (rule 10).
//! Neighbours: adoption, for tickets that are named; listed, for words that no webhook told.

use super::world::{ANA, BEA, World, faults::Fault, net::Weather};
use bridge_core::{call::Resolve, ids::TicketId, lane::Order, text::Text};
use bridge_remotes::{
    desk::{Carries, Versions},
    jelou::{Second, Talk},
};
use serde_json::json;
use std::time::Duration;

/// An agent gives the ticket to somebody else.
pub fn give(w: &mut World, ticket: &TicketId, phone: Option<&str>) {
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

/// Found by histories 20876818 and 200670: nobody was told of them.
#[test]
fn words_that_are_told_of_when_another_customer_has_the_ticket_are_told_as_unsent() {
    let mut w = World::new();
    let (ticket, talk) = w.linked_from_ticket();
    w.pass(Duration::from_secs(60));
    w.net.weather = Weather::Kept;
    for comment in ["k1", "k2"] {
        w.agent_says(&ticket, comment, "para a primeira pessoa");
    }
    let late = std::mem::take(&mut w.net.kept);
    w.net.weather = Weather::Fair;
    w.ends(&talk, "expired");
    w.settle();
    let (theirs, began) = w.jelou.begin(BEA, Some(ticket.clone()), None, w.now);
    w.deliver(began);
    w.settle();
    assert_eq!(w.ticket_of(&theirs), Some(ticket.clone()), "{}", w.tale());
    for told in late.iter().chain(&late) {
        w.deliver(told.clone());
        w.settle();
    }
    assert!(w.heard(&theirs).is_empty(), "{}", w.tale());
    for comment in ["(comment k1)", "(comment k2)"] {
        let told = w.notes(&ticket).iter().filter(|n| n.contains(comment));
        assert_eq!(told.count(), 1, "{:?}", w.notes(&ticket));
    }
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

/// Found by histories 349280 and 787867: it went onto the ticket that the one before had followed.
#[test]
fn the_next_conversation_of_who_followed_a_merge_to_anothers_ticket_gets_one_of_its_own() {
    for by_hand in [true, false] {
        let mut w = World::new();
        let (ticket, talk) = match by_hand {
            true => w.linked_from_ticket(),
            false => {
                let ticket = w.agent_makes(BEA, "open", &[]);
                let talk = w.someone_starts_about(&ticket);
                w.settle();
                (ticket, talk)
            }
        };
        let into = w.agent_makes(BEA, "open", &[]);
        w.settle();
        let target = into.clone();
        w.agent_changes(&ticket, |t| t.merged_into = Some(target));
        w.settle();
        if by_hand {
            let intent = w.parked().remove(0).id;
            w.order(Order::Retry { intent });
            w.settle();
        }
        assert_eq!(w.ticket_of(&talk), Some(into.clone()), "{}", w.tale());
        w.ends(&talk, "expired");
        w.settle();
        let next = w.ana_starts();
        w.customer_writes(&next, "m1");
        w.settle();
        let own = w.ticket_of(&next).expect("one of her own");
        assert_ne!(own, into, "{}", w.tale());
    }
}

/// Found by history 985414: the link followed to a ticket that was somebody else's by then.
#[test]
fn what_a_ticket_was_merged_into_is_looked_at_anew() {
    let mut w = World::new();
    let (ticket, _) = w.linked_from_ticket();
    let into = w.agent_makes(ANA, "open", &[]);
    w.settle();
    w.net.weather = Weather::Lost;
    give(&mut w, &into, Some(BEA));
    w.net.weather = Weather::Fair;
    w.pass(Duration::from_secs(60));
    w.agent_changes(&ticket, |t| t.merged_into = Some(into));
    w.settle();
    assert_eq!(w.parked_for(), ["merged"], "{}", w.tale());
}

const LAGS: Resolve = Resolve::LaggingSearch {
    lag: Duration::from_secs(60),
};

/// A ticket was made for Ana's conversation, and nobody here knows that yet: its answer and all its webhooks
/// are lost.
fn made_and_not_known(how: Resolve, fault: Fault) -> (World, TicketId) {
    let mut w = World::new();
    w.capabilities.create = how;
    w.faults.next("create", fault);
    w.net.weather = Weather::Kept;
    let talk = w.ana_starts();
    let started = w.net.kept.remove(0);
    w.deliver(started);
    w.moment();
    w.net.kept.clear();
    w.net.weather = Weather::Lost;
    w.customer_writes(&talk, "m1");
    let made = w.desk.records.keys().next().expect("made").clone();
    (w, made)
}

/// Found by history 920879: nobody had seen it as it was made, so nobody saw that it was given away.
#[test]
fn a_ticket_that_was_given_away_before_its_create_was_answered_is_not_the_next_conversations() {
    let (mut w, made) = made_and_not_known(LAGS, Fault::DoThenCut);
    give(&mut w, &made, Some(BEA));
    w.net.weather = Weather::Fair;
    w.settle();
    let talk = w.only_talk();
    assert_eq!(w.ticket_of(&talk), Some(made.clone()), "{}", w.tale());
    w.ends(&talk, "expired");
    w.settle();
    let next = w.ana_starts();
    w.settle();
    assert_ne!(w.ticket_of(&next), Some(made), "{}", w.tale());
}

/// Found by histories 614313 and 1130567: words on it went nowhere, and nobody was told.
#[test]
fn words_on_a_ticket_that_another_customer_got_before_its_create_was_answered_are_told_as_unsent() {
    for (how, fault) in [
        (LAGS, Fault::DoThenCut),
        (Resolve::IdempotencyKey, Fault::CrashAfter),
    ] {
        let (mut w, made) = made_and_not_known(how, fault);
        let anas = w.bridge.lane_where(|s| s.lane.user.as_str() == ANA);
        w.net.weather = Weather::Kept;
        w.agent_says(&made, "k1", "para a Ana");
        let said = w.net.kept.remove(0);
        w.net.weather = Weather::Fair;
        let (theirs, began) = w.jelou.begin(BEA, Some(made.clone()), None, w.now);
        w.deliver(began);
        w.moment();
        w.net.weather = Weather::Kept;
        w.agent_tags(&made, &["vip"]);
        let tagged = w.net.kept.remove(0);
        w.net.weather = Weather::Fair;
        // The Router had asked who has the ticket before Bea's conversation did.
        for late in [said, tagged] {
            let (lane, now) = (anas.as_ref().expect("Ana's lane"), w.now);
            w.bridge.hand_over(lane, late, now, now, false);
        }
        w.settle();
        assert_eq!(w.ticket_of(&theirs), Some(made.clone()), "{}", w.tale());
        assert!(w.heard(&theirs).is_empty(), "{}", w.tale());
        let told = |note: &String| note.contains("(comment k1)");
        assert!(w.notes(&made).iter().any(told), "{how:?}: {}", w.tale());
    }
}

/// Found by history 1531183: it was looked at when the conversation had begun, and taken long after.
#[test]
fn a_conversation_that_waited_for_the_router_looks_once_more_whose_the_ticket_is() {
    let mut w = World::new();
    w.desk.versions = Versions::None;
    w.jelou.second = Second::Returned;
    let (ticket, talk) = w.linked_from_ticket();
    w.ends(&talk, "expired");
    w.settle();
    let (next, began) = w.jelou.begin(ANA, None, None, w.now);
    w.store_only(began);
    // Jelou answers with it, and what it is shows when its event has come.
    w.agent_asks();
    w.pass(Duration::from_secs(5));
    w.agent_changes(&ticket, |t| t.subject = Some(Text::new("Fatura")));
    w.pass(Duration::from_secs(60));
    w.net.weather = Weather::Lost;
    give(&mut w, &ticket, Some(BEA));
    w.net.weather = Weather::Fair;
    w.route_what_is_stored();
    w.settle();
    let own = w.ticket_of(&next).expect("one of her own");
    assert_ne!(own, ticket, "{}", w.tale());
}

/// Found by history 7548796: the echo, which went to whose the ticket was last, seemed to show that it was hers
/// again.
#[test]
fn a_late_echo_of_ours_does_not_show_whose_a_ticket_was() {
    let mut w = World::with(&json!({"conversation": {"comment_without_conversation": "start"}}));
    w.capabilities.comments = true;
    w.desk.carries = Carries::Patch;
    let (ticket, talk) = w.linked_from_ticket();
    w.ends(&talk, "expired");
    w.settle();
    let echo = w.desk.change(&ticket, true, w.now, |_| {});
    give(&mut w, &ticket, Some(BEA));
    w.pass(Duration::from_secs(60));
    let anas = w.bridge.lane_where(|s| s.lane.user.as_str() == ANA);
    let (anas, now) = (anas.unwrap(), w.now);
    w.bridge.hand_over(&anas, echo, now, now, false);
    w.pass(Duration::from_secs(60));
    w.net.weather = Weather::Kept;
    w.agent_says(&ticket, "k1", "para Bea");
    give(&mut w, &ticket, Some(ANA));
    let told = std::mem::take(&mut w.net.kept);
    w.net.weather = Weather::Fair;
    for event in told.into_iter().rev() {
        w.deliver(event);
    }
    w.settle();
    assert!(w.active().is_empty(), "{}", w.tale());
    let unsent = |note: &&String| note.contains("(comment k1)");
    assert_eq!(
        w.notes(&ticket).iter().filter(unsent).count(),
        1,
        "{}",
        w.tale()
    );
}

/// Found by history 8545720: it was stored before Bea's conversation took the ticket, and routed after.
#[test]
fn words_that_the_router_comes_to_after_another_named_the_ticket_are_told_as_unsent() {
    let (mut w, made) = made_and_not_known(Resolve::IdempotencyKey, Fault::CrashAfter);
    w.net.weather = Weather::Kept;
    w.agent_says(&made, "k1", "para a Ana");
    let said = w.net.kept.remove(0);
    w.store_only(said);
    w.net.weather = Weather::Fair;
    let (theirs, began) = w.jelou.begin(BEA, Some(made.clone()), None, w.now);
    w.deliver(began);
    w.moment();
    assert_eq!(w.ticket_of(&theirs), Some(made.clone()), "{}", w.tale());
    w.route_what_is_stored();
    w.settle();
    assert!(w.heard(&theirs).is_empty(), "{}", w.tale());
    let unsent = |note: &&String| note.contains("(comment k1)");
    assert_eq!(
        w.notes(&made).iter().filter(unsent).count(),
        1,
        "{}",
        w.tale()
    );
}

// Found by history 1906682: what was stored before they were said showed only by a later read whose the ticket was.
#[test]
fn words_said_while_a_webhook_waits_for_the_router_do_not_go_to_who_gets_the_ticket_meanwhile() {
    let mut w = World::new();
    w.capabilities.comments = true;
    w.desk.carries = Carries::IdOnly;
    let ticket = w.agent_makes(BEA, "open", &[]);
    w.settle();
    w.net.weather = Weather::Kept;
    w.agent_tags(&ticket, &["whatsapp"]);
    let waits = w.net.kept.remove(0);
    w.store_only(waits);
    w.net.weather = Weather::Lost;
    // More than our clock and the helpdesk's may differ by.
    w.now = w.now.plus(Duration::from_secs(4));
    w.agent_says(&ticket, "k1", "só para Bea");
    w.now = w.now.plus(Duration::from_secs(1));
    give(&mut w, &ticket, Some(ANA));
    w.net.weather = Weather::Fair;
    w.route_what_is_stored();
    w.settle();
    w.sweep();
    let talk = w.talk_of(&ticket).expect("it asks").conversation.id.clone();
    assert!(w.heard(&talk).is_empty(), "{}", w.tale());
    let unsent = |n: &&String| n.contains("(comment k1)");
    assert_eq!(
        w.notes(&ticket).iter().filter(unsent).count(),
        1,
        "{}",
        w.tale()
    );
}
