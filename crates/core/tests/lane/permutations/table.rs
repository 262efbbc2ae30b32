//! Twenty histories of five to seven events. Neighbours: `playing`, which tells them in any order;
//! `permutations`, the stories; `explore --orders` in the tests room, which plays every order of all.

use super::world::{ANA, BEA, World, net::Weather};
use std::time::Duration;

/// Prepares a world, and lets things happen in it whose webhooks are kept.
pub type History = fn(&mut World);

fn apart(w: &mut World) {
    w.now = w.now.plus(Duration::from_millis(1_700));
}

fn quiet(w: &mut World) {
    w.settle();
    w.net.weather = Weather::Kept;
}

/// Ana comes, writes three times, and is gone.
pub fn a_short_visit(w: &mut World) {
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
pub fn a_ticket_is_worked_on(w: &mut World) {
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
pub fn both_sides_move(w: &mut World) {
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
pub fn a_ticket_asks_later(w: &mut World) {
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
pub fn a_ticket_waits_for_ana(w: &mut World) {
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
pub fn ana_comes_back(w: &mut World) {
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
pub fn ana_writes_after_the_end(w: &mut World) {
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

/// Ana comes, writes as often as she likes, and is gone.
fn a_visit(w: &mut World, messages: &[&str]) {
    quiet(w);
    let talk = w.ana_starts();
    for message in messages {
        apart(w);
        w.customer_writes(&talk, message);
    }
    apart(w);
    w.ends(&talk, "expired");
}

/// Ana comes, writes four times, and is gone.
pub fn a_longer_visit(w: &mut World) {
    a_visit(w, &["m1", "m2", "m3", "m4"]);
}

/// Ana comes, writes five times, and is gone.
pub fn a_long_visit(w: &mut World) {
    a_visit(w, &["m1", "m2", "m3", "m4", "m5"]);
}

/// A conversation that Ana began goes on at both sides, and she leaves.
pub fn both_sides_work(w: &mut World) {
    let (talk, ticket) = w.linked_from_conversation();
    quiet(w);
    w.agent_sets(&ticket, "open");
    apart(w);
    w.customer_writes(&talk, "m1");
    apart(w);
    w.agent_changes(&ticket, |t| t.priority = Some("high".to_owned()));
    apart(w);
    w.customer_writes(&talk, "m2");
    apart(w);
    w.agent_sets(&ticket, "pending");
    apart(w);
    w.ends(&talk, "closed_by_operator");
}

/// A second ticket of Ana's asks while the first one still talks to her, and that one is solved.
pub fn two_tickets(w: &mut World) {
    let (first, talk) = w.linked_from_ticket();
    quiet(w);
    let second = w.agent_asks();
    apart(w);
    w.customer_writes(&talk, "m1");
    apart(w);
    w.agent_sets(&first, "pending");
    apart(w);
    w.agent_sets(&second, "pending");
    apart(w);
    w.customer_writes(&talk, "m2");
    apart(w);
    w.agent_sets(&first, "solved");
}

/// An agent moves a linked ticket to and fro, and solves it.
pub fn to_and_fro(w: &mut World) {
    let (ticket, _) = w.linked_from_ticket();
    quiet(w);
    for status in ["pending", "open", "pending", "open", "pending", "solved"] {
        w.agent_sets(&ticket, status);
        apart(w);
    }
}

/// Ana comes twice, and gets a ticket each time.
pub fn ana_comes_twice(w: &mut World) {
    quiet(w);
    for message in ["m1", "m2"] {
        let talk = w.ana_starts();
        apart(w);
        w.customer_writes(&talk, message);
        apart(w);
        w.ends(&talk, "expired");
        apart(w);
    }
}

/// An agent works for long on a linked ticket while Ana writes, and solves it.
pub fn a_ticket_is_worked_on_for_long(w: &mut World) {
    let (ticket, talk) = w.linked_from_ticket();
    quiet(w);
    for (status, message) in [("pending", "m1"), ("open", "m2"), ("pending", "m3")] {
        w.agent_sets(&ticket, status);
        apart(w);
        w.customer_writes(&talk, message);
        apart(w);
    }
    w.agent_sets(&ticket, "solved");
}

/// Both sides end it at the same time, after a while.
pub fn both_sides_move_for_long(w: &mut World) {
    let (ticket, talk) = w.linked_from_ticket();
    quiet(w);
    w.agent_sets(&ticket, "pending");
    apart(w);
    w.customer_writes(&talk, "m1");
    apart(w);
    w.agent_changes(&ticket, |t| t.priority = Some("low".to_owned()));
    apart(w);
    w.customer_writes(&talk, "m2");
    apart(w);
    w.ends(&talk, "expired");
    apart(w);
    w.agent_sets(&ticket, "solved");
    apart(w);
    w.agent_changes(&ticket, |t| t.priority = Some("high".to_owned()));
}

/// A ticket is made, is worked on, and asks for a conversation only later.
pub fn a_ticket_asks_late(w: &mut World) {
    quiet(w);
    let ticket = w.agent_makes(ANA, "new", &[]);
    apart(w);
    w.agent_sets(&ticket, "open");
    apart(w);
    w.agent_changes(&ticket, |t| t.priority = Some("low".to_owned()));
    apart(w);
    w.agent_tags(&ticket, &["whatsapp"]);
    apart(w);
    w.agent_sets(&ticket, "pending");
    apart(w);
    w.agent_changes(&ticket, |t| t.priority = Some("high".to_owned()));
    apart(w);
    w.agent_sets(&ticket, "open");
}

/// Ana and Bea come at once; Ana leaves.
pub fn two_customers(w: &mut World) {
    quiet(w);
    let anas = w.ana_starts();
    apart(w);
    let beas = w.customer_starts(BEA);
    apart(w);
    w.customer_writes(&anas, "m1");
    apart(w);
    w.customer_writes(&beas, "m2");
    apart(w);
    w.ends(&anas, "expired");
}

/// Ana writes before and after her ticket is solved, in a conversation that still goes on.
pub fn ana_writes_as_it_is_solved(w: &mut World) {
    let (ticket, talk) = w.linked_from_ticket();
    quiet(w);
    w.customer_writes(&talk, "m1");
    apart(w);
    w.agent_changes(&ticket, |t| t.priority = Some("low".to_owned()));
    apart(w);
    w.customer_writes(&talk, "m2");
    apart(w);
    w.agent_sets(&ticket, "solved");
    apart(w);
    w.customer_writes(&talk, "m3");
}

/// A conversation names a ticket that never asked for one, and ends.
pub fn someone_starts_about_a_ticket(w: &mut World) {
    quiet(w);
    let ticket = w.agent_makes(ANA, "open", &[]);
    apart(w);
    let talk = w.someone_starts_about(&ticket);
    apart(w);
    w.customer_writes(&talk, "m1");
    apart(w);
    w.agent_sets(&ticket, "pending");
    apart(w);
    w.ends(&talk, "closed_by_operator");
}

/// Ana has an open ticket that never asked, begins a conversation, and leaves.
pub fn ana_has_a_ticket_already(w: &mut World) {
    quiet(w);
    let ticket = w.agent_makes(ANA, "new", &[]);
    apart(w);
    w.agent_sets(&ticket, "open");
    apart(w);
    let talk = w.ana_starts();
    apart(w);
    w.customer_writes(&talk, "m1");
    apart(w);
    w.ends(&talk, "expired");
}

/// A scenario: its name, how many webhooks are kept, what happens, and the mappings it is played under.
pub struct Scenario {
    pub name: &'static str,
    pub events: usize,
    pub history: History,
    pub over: &'static [&'static str],
}

const fn scenario(
    name: &'static str,
    events: usize,
    history: History,
    over: &'static [&'static str],
) -> Scenario {
    Scenario {
        name,
        events,
        history,
        over,
    }
}

const PLAIN: &[&str] = &["{}"];

pub const SCENARIOS: &[Scenario] = &[
    scenario("a-short-visit", 5, a_short_visit, PLAIN),
    scenario("a-ticket-is-worked-on", 5, a_ticket_is_worked_on, PLAIN),
    scenario(
        "both-sides-move",
        5,
        both_sides_move,
        &[
            r#"{"on_conflict": "ticket"}"#,
            r#"{"on_conflict": "conversation"}"#,
        ],
    ),
    scenario("a-ticket-asks-later", 5, a_ticket_asks_later, PLAIN),
    scenario("a-ticket-waits-for-ana", 5, a_ticket_waits_for_ana, PLAIN),
    scenario(
        "ana-comes-back",
        5,
        ana_comes_back,
        &[
            r#"{"ticket": {"customer_writes_after_close": "append"}}"#,
            r#"{"ticket": {"customer_writes_after_close": "reopen"}}"#,
            r#"{"ticket": {"customer_writes_after_close": "new"}}"#,
        ],
    ),
    scenario(
        "ana-writes-after-the-end",
        5,
        ana_writes_after_the_end,
        PLAIN,
    ),
    scenario("two-customers", 5, two_customers, PLAIN),
    scenario(
        "ana-writes-as-it-is-solved",
        5,
        ana_writes_as_it_is_solved,
        PLAIN,
    ),
    scenario(
        "someone-starts-about-a-ticket",
        5,
        someone_starts_about_a_ticket,
        PLAIN,
    ),
    scenario(
        "ana-has-a-ticket-already",
        5,
        ana_has_a_ticket_already,
        PLAIN,
    ),
    scenario("a-longer-visit", 6, a_longer_visit, PLAIN),
    scenario("both-sides-work", 6, both_sides_work, PLAIN),
    scenario("two-tickets", 6, two_tickets, PLAIN),
    scenario("to-and-fro", 6, to_and_fro, PLAIN),
    scenario(
        "ana-comes-twice",
        6,
        ana_comes_twice,
        &[r#"{"ticket": {"reuse": "never", "customer_writes_after_close": "new"}}"#],
    ),
    scenario("a-long-visit", 7, a_long_visit, PLAIN),
    scenario(
        "worked-on-for-long",
        7,
        a_ticket_is_worked_on_for_long,
        PLAIN,
    ),
    scenario(
        "both-sides-move-for-long",
        7,
        both_sides_move_for_long,
        PLAIN,
    ),
    scenario("a-ticket-asks-late", 7, a_ticket_asks_late, PLAIN),
];
