//! What another customer's Lane has: the store refuses to give it away, and the rules heed that (rule 10).

use crate::world::{ANA, BEA, World, faults::Fault, jelou::Second, net::Weather};
use bridge_core::{
    effect::{Found, Operation, Read},
    event::Side,
    ids::{ConversationId, TicketId},
    intent::IntentState,
    lane::{Blocked, Input, Lane},
    session::{Act, Came, Refusal, Session},
};
use std::time::Duration;

/// Ana's ticket was solved while the answer to its start was lost; then a conversation of Bea's named it.
fn solved_and_bea_s() -> (World, TicketId, ConversationId) {
    let mut w = World::new();
    w.jelou.second = Second::Returned;
    w.faults.next("start", Fault::DoThenCut);
    w.net.weather = Weather::Kept;
    let ticket = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.deliver(asked);
    w.moment();
    let talk = w.only_talk();
    w.net.kept.clear();
    w.net.weather = Weather::Fair;
    w.agent_sets(&ticket, "solved");
    w.pass(Duration::from_secs(70));
    assert!(w.live_link(&ticket).is_none(), "{}", w.tale());
    let named = Some(ticket.clone());
    let (of_bea, told) = w.jelou.begin(BEA, named, None, w.now);
    w.net.send(w.now, told);
    w.settle();
    assert_eq!(w.ticket_of(&of_bea), Some(ticket.clone()), "{}", w.tale());
    (w, ticket, talk)
}

/// Found by the simulator, history 1337703: the Lane took the ticket back, was refused, and did it again
/// without end, with four reads each time.
#[test]
fn a_start_that_turns_out_to_have_worked_takes_no_ticket_back_from_another_customer() {
    let (mut w, ticket, talk) = solved_and_bea_s();
    // The start for Ana's next ticket is answered with the conversation that is there.
    let next = w.agent_makes(ANA, "open", &["whatsapp"]);
    w.settle();
    let of_bea = w.talk_of(&ticket).expect("it stays where it is");
    assert_eq!(of_bea.conversation.user.as_str(), BEA, "{}", w.tale());
    assert_eq!(w.ticket_of(&talk), None, "{}", w.tale());
    let told = |n: &String| n.contains("started for this ticket");
    assert_eq!(w.notes(&ticket).iter().filter(|n| told(n)).count(), 1);
    // It keeps Ana busy until it ends, as any other.
    assert!(w.talk_of(&next).is_none(), "{}", w.tale());
    w.ends(&talk, "expired");
    w.settle();
    assert!(w.talk_of(&next).is_some(), "{}", w.tale());
}

#[test]
fn a_start_that_turns_out_to_have_worked_takes_its_ticket_back_once_nobody_else_has_it() {
    let (mut w, ticket, talk) = solved_and_bea_s();
    let of_bea = w.talk_of(&ticket).unwrap().conversation.id.clone();
    w.ends(&of_bea, "expired");
    w.settle();
    w.agent_sets(&ticket, "open");
    w.settle();
    w.agent_makes(ANA, "open", &["whatsapp"]);
    w.settle();
    assert_eq!(w.ticket_of(&talk), Some(ticket), "{}", w.tale());
}

/// One Claim, whose commit at its end the store refuses as these say; what is stored then, or how it ended.
/// Nothing is written to a remote; while `desk_is_read` is not, nothing is read there either.
fn claim(
    w: &World,
    lane: Lane,
    desk_is_read: bool,
    refusals: &[Refusal],
) -> Result<Box<Lane>, Act> {
    let mapping = w.mapping.clone();
    let rules = w.rules(&mapping);
    let not_now = || {
        Came::Blocked(Blocked {
            side: Side::Ticketing,
            until: w.now.plus(Duration::from_secs(5)),
            by: "rate".to_owned(),
        })
    };
    let seen = |found| Came::Observed {
        begun: w.now,
        found: Ok(found),
    };
    let mut session = Session::new(lane, Duration::from_secs(10), w.now);
    let mut act = session.begin(None, &rules, w.now);
    let mut refusals = refusals.iter();
    for _ in 0..50 {
        let came = match act {
            Act::Observe(Read::TicketHolder { .. }) => seen(Found::Holders {
                holders: Vec::new(),
                told: Vec::new(),
            }),
            Act::Observe(Read::Ticket { id }) if desk_is_read => {
                let ticket = w.desk.records[&id].ticket.clone();
                seen(Found::Ticket(Box::new(ticket)))
            }
            Act::Observe(_) | Act::Ask(_) => not_now(),
            Act::Release { .. } => match refusals.next() {
                Some(refusal) => Came::Committed(Err(refusal.clone())),
                None => return Ok(Box::new(session.lane().clone())),
            },
            other => return Err(other),
        };
        act = session.came(came, &rules, w.now);
    }
    panic!("the claim does not end");
}

/// The only Lane that there is, as a Claim loads it.
fn as_claimed(w: &World) -> Lane {
    let (_, stored) = w.bridge.lanes.iter().next().expect("a lane");
    let mut lane = stored.lane.clone();
    lane.pending.clone_from(&stored.pending);
    lane
}

/// Ana's Lane, when a conversation began that names a ticket of Bea's which nobody held as it was asked;
/// the ticket itself could not be read yet.
fn about_to_adopt() -> (World, Lane, TicketId, ConversationId) {
    let mut w = World::new();
    w.net.weather = Weather::Lost;
    let ticket = w.agent_makes(BEA, "open", &[]);
    w.net.weather = Weather::Kept;
    let talk = w.someone_starts_about(&ticket);
    let told = w.net.kept.remove(0);
    w.store_only(told);
    w.route_what_is_stored();
    let lane = as_claimed(&w);
    let mut lane = *claim(&w, lane, false, &[]).expect("it waits for the ticketing system");
    lane.fates.clear();
    (w, lane, ticket, talk)
}

/// Found by the simulator, history 1369849: of two refusals in a row only the last was heeded, nothing was
/// stored, and the Lane did the same again each time that its lease had run out; the Lane of the other
/// spelling, which waited to be joined with it, came back ten times a second.
#[test]
fn a_claim_that_is_refused_a_ticket_and_then_a_conversation_heeds_both() {
    let (w, lane, ticket, talk) = about_to_adopt();
    let refusals = [
        Refusal::Ticket(ticket.clone()),
        Refusal::Conversation(talk.clone()),
    ];
    let lane = claim(&w, lane, true, &refusals).expect("it is given back");
    assert!(lane.links.is_empty(), "{:?}", lane.links);
    assert!(lane.conversations[&talk].taken_elsewhere);
    assert!(lane.tickets[&ticket].held_elsewhere.is_some());
}

#[test]
fn a_claim_that_is_refused_the_same_again_is_given_up() {
    let (w, lane, ticket, _) = about_to_adopt();
    let refusals = [Refusal::Ticket(ticket.clone()), Refusal::Ticket(ticket)];
    let lost = claim(&w, lane, true, &refusals).expect_err("what was said did not help");
    assert_eq!(lost, Act::Lost);
}

/// Found by history 3023003: the answer was forgotten with the commit that was to keep it, and one more ticket
/// was made.
#[test]
fn a_create_whose_ticket_the_store_refuses_was_done_all_the_same() {
    let mut w = World::new();
    w.net.weather = Weather::Kept;
    let talk = w.ana_starts();
    let began = w.net.kept.remove(0);
    w.store_only(began);
    w.route_what_is_stored();
    let lane = as_claimed(&w);

    let mapping = w.mapping.clone();
    let mut session = Session::new(lane, Duration::from_secs(10), w.now);
    let mut act = session.begin(None, &w.rules(&mapping), w.now);
    let mut refused = false;
    let lane = loop {
        let created = w.desk.records.keys().next().filter(|_| !refused).cloned();
        let came = match act {
            Act::Observe(read) => match w.observe(read) {
                Input::Observed { begun, found, .. } => Came::Observed { begun, found },
                other => panic!("{other:?}"),
            },
            Act::Ask(_) => Came::Open,
            Act::Perform(intent) => Came::Performed(w.perform(&intent).expect("no crash")),
            // Bea's conversation named the ticket, and her Lane was first.
            Act::Commit | Act::Release { .. } if created.is_some() => {
                refused = true;
                Came::Committed(Err(Refusal::Ticket(created.expect("made"))))
            }
            Act::Commit => Came::Committed(Ok(())),
            Act::Release { .. } => break session.lane().clone(),
            other => panic!("{other:?}"),
        };
        act = session.came(came, &w.rules(&mapping), w.now);
    };

    let made = w.desk.records.keys().next();
    let link = lane
        .links
        .iter()
        .find(|l| l.conversation_id() == Some(&talk));
    let link = link.expect("it had a Link");
    assert_eq!(link.ticket_id(), made, "it was made for this one");
    assert!(!link.is_live(), "{link:?}");
    let create = lane.intents.iter();
    let mut create = create.filter(|i| i.operation() == Operation::Create);
    assert!(create.all(|i| i.state == IntentState::Confirmed));
}

/// Found by history 2224022: while the ticket was looked at once more, it was given away, and what was told of
/// that went to its new requester's Lane.
#[test]
fn a_link_that_got_a_ticket_is_stored_before_anything_more_is_read() {
    let mut w = World::new();
    let (ticket, _) = w.linked_from_ticket();
    w.agent_sets(&ticket, "solved");
    w.settle();
    let (_, began) = w.jelou.begin(ANA, None, None, w.now);
    w.store_only(began);
    w.route_what_is_stored();
    let (_, stored) = w.bridge.lanes.iter().next().expect("a lane");
    let mut lane = stored.lane.clone();
    lane.links.clone_from(&stored.links);
    lane.intents.clone_from(&stored.intents);
    lane.pending.clone_from(&stored.pending);

    let mapping = w.mapping.clone();
    let mut session = Session::new(lane, Duration::from_secs(10), w.now);
    let mut act = session.begin(None, &w.rules(&mapping), w.now);
    while let Act::Observe(read) = act {
        let linked = session.lane().links.iter().any(|l| l.is_live());
        assert!(!linked, "it may be read once the Link stands: {read}");
        let Input::Observed { begun, found, .. } = w.observe(read) else {
            panic!("nothing is in the way")
        };
        w.now = w.now.plus(Duration::from_millis(10));
        act = session.came(Came::Observed { begun, found }, &w.rules(&mapping), w.now);
    }
    assert_eq!(act, Act::Commit);
    let live = session.lane().links.iter().find(|l| l.is_live());
    assert_eq!(live.and_then(|l| l.ticket_id()), Some(&ticket));
}

/// The process stops, or other rules come into force: what is planned stays planned, for whoever claims it next.
#[test]
fn a_claim_that_is_recalled_begins_nothing_more_and_is_due_at_once() {
    let mut w = World::new();
    w.net.weather = Weather::Kept;
    let _ = w.agent_asks();
    let asked = w.net.kept.remove(0);
    w.store_only(asked);
    w.route_what_is_stored();
    let lane = as_claimed(&w);

    let mapping = w.mapping.clone();
    let rules = w.rules(&mapping);
    let mut session = Session::new(lane, Duration::from_secs(10), w.now);
    let mut act = session.begin(None, &rules, w.now);
    while let Act::Commit = act {
        act = session.came(Came::Committed(Ok(())), &rules, w.now);
    }
    assert_eq!(act, Act::Ask(Operation::Start));
    let end = Act::Release {
        due_at: Some(w.now),
        held_by: None,
    };
    assert_eq!(session.came(Came::Recalled, &rules, w.now), end);
    let [start] = &session.lane().intents[..] else {
        panic!("one start: {:?}", session.lane().intents);
    };
    assert_eq!(start.state, IntentState::Planned);
}
