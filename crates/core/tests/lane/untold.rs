//! Where a webhook tells an agent's words and not what files came with them, the listing of the
//! comments does, and both reach the customer together.

use super::world::{World, faults::Fault};
use bridge_core::{
    event::{Event, Side},
    ids::{ConversationId, TicketId},
    lane::Outcome,
    message::Enclosed,
    text::Text,
};
use std::time::Duration;

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

/// Found by the simulator, history 559684: the wait for the listing was not moved with the clock, and the close
/// waited for the words.
#[test]
fn the_words_go_within_a_minute_though_the_clock_was_set_back_meanwhile() {
    let (mut w, ticket, talk) = listing();
    w.faults.always("comments", Fault::Later(None));
    answers(&mut w, &ticket, "k1", "", true);
    w.moment();
    assert!(w.heard(&talk).is_empty(), "{}", w.tale());
    w.now = w.now.minus(Duration::from_secs(5 * 3600));
    w.wake_all();
    w.pass(Duration::from_secs(61));
    assert_eq!(w.heard(&talk), ["Veja"], "{}", w.tale());
}

/// Ten comments and the close behind them: a list that fails costs all of them one wait.
#[test]
fn where_the_files_cannot_be_read_all_words_go_alone_within_a_minute_and_the_agents_learn_of_it() {
    let faults = [
        Fault::Refuse(422),
        Fault::Gone,
        Fault::Forbidden,
        Fault::Later(None),
        Fault::Cut,
    ];
    for fault in faults {
        let (mut w, ticket, talk) = listing();
        w.faults.always("comments", fault);
        for n in 0..10 {
            answers(&mut w, &ticket, &format!("k{n}"), "a.png", true);
        }
        w.agent_sets(&ticket, "solved");
        w.pass(Duration::from_secs(75));
        assert_eq!(w.heard(&talk), ["Veja"; 10], "{fault:?} {}", w.tale());
        assert!(w.active().is_empty(), "{fault:?} {}", w.tale());
        assert_eq!(told(&w, &ticket), 10, "{fault:?}");
        w.settle();
        assert_eq!(w.heard(&talk).len(), 10, "what was told stays true");
    }
}

#[test]
fn words_do_not_wait_for_a_system_that_is_down_or_lets_nobody_in() {
    for down in [true, false] {
        let (mut w, ticket, talk) = listing();
        let side = Side::Ticketing;
        match down {
            true => w.faults.down.insert(side),
            false => w.faults.locked.insert(side),
        };
        answers(&mut w, &ticket, "k1", "a.png", true);
        w.pass(Duration::from_secs(75));
        assert_eq!(w.heard(&talk), ["Veja"], "{}", w.tale());
    }
}

/// Found by a reader: the sweep's listings failed before, and their waits had become long.
#[test]
fn what_failed_before_is_no_reason_to_wait() {
    let (mut w, ticket, talk) = listing();
    w.faults.always("comments", Fault::Later(None));
    w.sweep();
    w.pass(Duration::from_secs(600));
    w.faults.heal();
    answers(&mut w, &ticket, "k1", "a.png", true);
    w.moment();
    assert_eq!(w.heard(&talk).len(), 2, "{}", w.tale());
}

/// Found by a reader: a right to list comments that is missing kept the whole ticket from its customer.
#[test]
fn a_list_that_is_forbidden_keeps_nothing_else_back() {
    let (mut w, ticket, talk) = listing();
    w.faults.always("comments", Fault::Forbidden);
    answers(&mut w, &ticket, "k1", "a.png", true);
    w.moment();
    w.customer_writes(&talk, "ainda preciso");
    w.moment();
    assert_eq!(w.comments(&ticket).len(), 1, "{}", w.tale());
    w.agent_sets(&ticket, "solved");
    w.pass(Duration::from_secs(120));
    assert!(w.active().is_empty(), "{}", w.tale());
}

/// Found by a reader: what the bridge has just read to be internal went out.
#[test]
fn a_comment_that_is_made_internal_before_it_goes_out_stays_inside() {
    let (mut w, ticket, talk) = listing();
    answers(&mut w, &ticket, "k1", "a.png", true);
    let said = &mut w.desk.records.get_mut(&ticket).unwrap().said;
    said.last_mut().unwrap().public = false;
    w.settle();
    assert!(w.heard(&talk).is_empty(), "{}", w.tale());
    assert_eq!(w.outcome("k1"), Some(Outcome::Unwanted));
}

#[test]
fn a_list_that_lags_is_asked_again_and_not_for_ever() {
    let (mut w, ticket, talk) = listing();
    answers(&mut w, &ticket, "k1", "a.png", false);
    w.pass(Duration::from_secs(75));
    assert_eq!(w.heard(&talk), ["Veja"], "{}", w.tale());
    assert_eq!(told(&w, &ticket), 1);
    assert_eq!(w.outcome("k1"), Some(Outcome::Relayed));
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
