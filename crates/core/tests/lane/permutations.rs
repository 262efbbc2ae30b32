//! The order of arrival does not change the end state (law 5): every order of short histories.
//!
//! In each history the remote worlds are finished before the first webhook arrives; the webhooks
//! are then handed over in each of the 120 orders.

use crate::world::{
    ANA, World,
    desk::{Carries, Versions},
    mapping,
    net::Weather,
};
use bridge_core::{event::Event, mapping::Mapping};
use serde_json::{Value, json};
use std::{collections::BTreeSet, rc::Rc, time::Duration};

/// Prepares a world, and lets five things happen in it whose webhooks are kept.
type History = fn(&mut World);

fn apart(w: &mut World) {
    w.now = w.now.plus(Duration::from_millis(1_700));
}

fn quiet(w: &mut World) {
    w.settle();
    w.net.weather = Weather::Kept;
}

/// Ana comes, writes three times, and is gone.
fn a_short_visit(w: &mut World) {
    quiet(w);
    let talk = w.ana_starts();
    for message in ["m1", "m2", "m3"] {
        apart(w);
        w.customer_writes(&talk, message);
    }
    apart(w);
    w.ends(&talk, "expired");
}

/// An agent works on a linked ticket and solves it while Ana writes.
fn a_ticket_is_worked_on(w: &mut World) {
    let (ticket, talk) = w.linked_from_ticket();
    quiet(w);
    w.agent_sets(&ticket, "pending");
    apart(w);
    w.customer_writes(&talk, "m1");
    apart(w);
    w.agent_sets(&ticket, "open");
    apart(w);
    w.customer_writes(&talk, "m2");
    apart(w);
    w.agent_sets(&ticket, "solved");
}

/// Both sides end it at the same time.
fn both_sides_move(w: &mut World) {
    let (ticket, talk) = w.linked_from_ticket();
    quiet(w);
    w.agent_sets(&ticket, "pending");
    apart(w);
    w.customer_writes(&talk, "m1");
    apart(w);
    w.ends(&talk, "expired");
    apart(w);
    w.agent_sets(&ticket, "solved");
    apart(w);
    w.agent_changes(&ticket, |t| t.priority = Some("low".to_owned()));
}

/// A ticket is made, and asks for a conversation only later.
fn a_ticket_asks_later(w: &mut World) {
    quiet(w);
    let ticket = w.agent_makes(ANA, "new", &[]);
    apart(w);
    w.agent_tags(&ticket, &["whatsapp"]);
    apart(w);
    w.agent_changes(&ticket, |t| t.priority = Some("high".to_owned()));
    apart(w);
    w.agent_sets(&ticket, "open");
    apart(w);
    w.agent_sets(&ticket, "pending");
}

/// A ticket wants Ana while she is in a talk of her own, which ends.
fn a_ticket_waits_for_ana(w: &mut World) {
    let (talk, _) = w.linked_from_conversation();
    quiet(w);
    let ticket = w.agent_asks();
    apart(w);
    w.customer_writes(&talk, "m1");
    apart(w);
    w.agent_sets(&ticket, "pending");
    apart(w);
    w.ends(&talk, "closed_by_operator");
    apart(w);
    w.agent_changes(&ticket, |t| t.priority = Some("low".to_owned()));
}

/// Ana comes back after her ticket was solved, and leaves again.
fn ana_comes_back(w: &mut World) {
    let (ticket, _) = w.linked_from_ticket();
    w.agent_sets(&ticket, "solved");
    quiet(w);
    let talk = w.ana_starts();
    apart(w);
    w.customer_writes(&talk, "m1");
    apart(w);
    w.agent_changes(&ticket, |t| t.priority = Some("low".to_owned()));
    apart(w);
    w.customer_writes(&talk, "m2");
    apart(w);
    w.ends(&talk, "expired");
}

/// Ana writes after the close: the ticket opens again, whichever webhook comes first.
fn ana_writes_after_the_end(w: &mut World) {
    let (ticket, talk) = w.linked_from_ticket();
    quiet(w);
    w.customer_writes(&talk, "m1");
    apart(w);
    w.ends(&talk, "closed_by_operator");
    apart(w);
    w.agent_sets(&ticket, "solved");
    apart(w);
    w.customer_writes(&talk, "m2");
    apart(w);
    w.agent_changes(&ticket, |t| t.priority = Some("low".to_owned()));
}

fn orders() -> Vec<[usize; 5]> {
    let mut all = Vec::new();
    for n in 0..120 {
        let mut left = vec![0, 1, 2, 3, 4];
        let mut order = [0; 5];
        let mut rest = n;
        for (place, slot) in order.iter_mut().enumerate() {
            let choices = 5 - place;
            *slot = left.remove(rest % choices);
            rest /= choices;
        }
        all.push(order);
    }
    all
}

/// Both worlds as they ended, without ids.
fn end_state(w: &World) -> String {
    let mut talks: Vec<String> = w
        .talks()
        .iter()
        .map(|t| {
            let ticket = w.ticket_of(&t.conversation.id);
            let status = ticket.map(|t| w.status(&t).to_owned());
            format!("{:?} of ticket {status:?}", t.conversation.state)
        })
        .collect();
    let mut tickets: Vec<String> = w
        .desk
        .records
        .values()
        .map(|r| {
            let live = w.live_link(&r.ticket.id).is_some();
            let talk = r
                .ticket
                .link_field
                .as_ref()
                .map(|id| &w.jelou.talks[id].conversation.state);
            format!("{} names {talk:?}, live link {live}", r.ticket.status)
        })
        .collect();
    talks.sort();
    tickets.sort();
    let messages: BTreeSet<_> = w.bridge.messages.iter().map(|m| m.id.as_str()).collect();
    let parked = w.parked_for();
    format!("{talks:#?}\n{tickets:#?}\n{messages:?} {parked:?}")
}

struct Telling {
    gap: Duration,
    twice: bool,
    versions: Versions,
    carries: Carries,
}

fn play(history: History, mapping: &Rc<Mapping>, order: [usize; 5], telling: &Telling) -> World {
    let mut w = World::ruled(mapping.clone());
    w.through_json = false;
    w.desk.versions = telling.versions;
    w.desk.carries = telling.carries;
    history(&mut w);
    let told: Vec<Event> = std::mem::take(&mut w.net.kept);
    assert_eq!(told.len(), 5, "five webhooks are kept");
    w.net.weather = Weather::Fair;
    for place in order {
        w.deliver(told[place].clone());
        w.pass(telling.gap);
    }
    if telling.twice {
        for place in order.into_iter().rev() {
            w.deliver(told[place].clone());
            w.pass(telling.gap);
        }
    }
    w.settle();
    w
}

fn ends_alike(history: History, over: &Value) {
    let mapping = Rc::new(mapping(over));
    for versions in [Versions::Seconds, Versions::Numbers, Versions::None] {
        for (carries, seconds, twice) in [
            (Carries::Whole, 0, false),
            (Carries::Whole, 1, false),
            (Carries::Whole, 20, true),
            (Carries::Patch, 1, true),
            (Carries::IdOnly, 1, false),
        ] {
            let gap = Duration::from_secs(seconds);
            let telling = Telling {
                gap,
                twice,
                versions,
                carries,
            };
            let first = end_state(&play(history, &mapping, [0, 1, 2, 3, 4], &telling));
            for order in orders() {
                let w = play(history, &mapping, order, &telling);
                let tale = || format!("{order:?} {versions:?} {carries:?} {gap:?}\n{}", w.tale());
                assert_eq!(end_state(&w), first, "{}", tale());
            }
        }
    }
}

#[test]
fn a_short_visit_ends_alike_in_all_orders() {
    ends_alike(a_short_visit, &json!({}));
}

#[test]
fn a_ticket_that_is_worked_on_ends_alike_in_all_orders() {
    ends_alike(a_ticket_is_worked_on, &json!({}));
}

#[test]
fn two_sides_that_move_end_alike_in_all_orders_whoever_wins() {
    ends_alike(both_sides_move, &json!({"on_conflict": "ticket"}));
    ends_alike(both_sides_move, &json!({"on_conflict": "conversation"}));
}

#[test]
fn a_ticket_that_asks_later_ends_alike_in_all_orders() {
    ends_alike(a_ticket_asks_later, &json!({}));
}

#[test]
fn a_ticket_that_waits_for_its_customer_ends_alike_in_all_orders() {
    ends_alike(a_ticket_waits_for_ana, &json!({}));
}

#[test]
fn a_customer_who_comes_back_ends_alike_in_all_orders_under_each_policy() {
    for policy in ["append", "reopen", "new"] {
        let over = json!({"ticket": {"customer_writes_after_close": policy}});
        ends_alike(ana_comes_back, &over);
    }
}

#[test]
fn a_message_after_the_end_ends_alike_in_all_orders() {
    ends_alike(ana_writes_after_the_end, &json!({}));
}

#[test]
fn there_are_a_hundred_and_twenty_orders() {
    let different: BTreeSet<_> = orders().into_iter().collect();
    assert_eq!(different.len(), 120);
}
