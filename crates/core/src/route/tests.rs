//! To whose Lane a ticket's change goes when its own customer cannot be told. Neighbour: `mapping`, which
//! says who that is.

use super::*;
use crate::{
    mapping::tests::opens_always,
    text::Text,
    ticket::{Requester, Status, TicketPatch, Version},
};
use std::{collections::BTreeMap, time::Duration};

const BEA: &str = "593900000002";

/// A ticket that was made for a conversation and is Bea's by now.
fn of_bea_for(conversation: &str) -> Ticket {
    Ticket {
        id: TicketId::parse("t1").unwrap(),
        version: Version::None,
        status: Status::new("open"),
        subject: None,
        priority: None,
        tags: Vec::new(),
        group: None,
        requester: Requester {
            phone: Some(Text::new(BEA)),
            ..Requester::default()
        },
        assignee: None,
        link_field: ConversationId::parse(conversation).ok(),
        fields: BTreeMap::new(),
        url: None,
        created_at: None,
        merged_into: None,
    }
}

/// A change that tells of no more than the ticket's id.
pub(super) fn hint_of(ticket: &str) -> TicketChanged {
    TicketChanged {
        ticket: TicketId::parse(ticket).unwrap(),
        version: Version::None,
        whole: None,
        patch: TicketPatch::default(),
        by_us: false,
        at: None,
        read_at: None,
        last_lane: None,
    }
}

/// Such a change, of a ticket whose last Link was this Lane's.
fn asked_to_read(lane: &LaneId, mapping: &Mapping) -> Route {
    let parsed = Parsed::Events(vec![Event::TicketChanged(hint_of("t1"))]);
    let bridge = BridgeName::parse("main").unwrap();
    let (mut route, turn) = Route::begin(parsed, bridge, BotId::parse("bot-1").ok());
    assert!(matches!(turn, Turn::Ask(Ask::LaneOfLiveTicket(_))));
    let turn = route.told(Told::Lane(None), mapping);
    assert!(matches!(turn, Turn::Ask(Ask::LaneOfTicket(_))));
    let turn = route.told(Told::Lane(Some(lane.clone())), mapping);
    assert!(matches!(turn, Turn::Ask(Ask::ReadTicket(_))));
    route
}

// Found by history 20243074: a customer who had named somebody else's ticket once was asked about it, as the
// Router had been told by mistake that the ticket was gone.
#[test]
fn a_ticket_that_cannot_be_read_comes_to_its_last_lane_and_not_for_its_requester() {
    let mapping = opens_always();
    let lane = LaneId::parse("lane1").unwrap();
    let mut route = asked_to_read(&lane, &mapping);
    let gone = Told::Gone { since: None };
    let turn = route.told(gone, &mapping);
    assert!(matches!(turn, Turn::Ask(Ask::LaneOfTicket(_))));
    let turn = route.told(Told::Lane(Some(lane.clone())), &mapping);
    let Turn::End(RouteEnd::ToKnownLane {
        lane: to, events, ..
    }) = turn
    else {
        panic!("{turn:?}");
    };
    assert_eq!(to, lane);
    let Some(Event::TicketChanged(change)) = events.first() else {
        panic!("{events:?}");
    };
    assert_eq!(
        change.last_lane, None,
        "its requester did not bring it there"
    );
}

// Found by history 8742372: a lagging replica did not know the ticket that had just been made, and what an agent
// had said on it went nowhere.
#[test]
fn a_ticket_that_nobody_had_is_missed_twice_before_it_counts_as_gone() {
    let mapping = opens_always();
    let lane = LaneId::parse("lane1").unwrap();
    let first = Timestamp(1_000);
    let end = |since: Option<Timestamp>, now: Timestamp| {
        let mut route = asked_to_read(&lane, &mapping);
        route.told(missing(since, now), &mapping);
        match route.told(Told::Lane(None), &mapping) {
            Turn::End(end) => end,
            Turn::Ask(ask) => panic!("{ask:?}"),
        }
    };
    let put_off = |end: RouteEnd| match end {
        RouteEnd::Later {
            due_at,
            missing_since,
            object,
            ..
        } => {
            assert!(object.is_some(), "no later one about it overtakes it");
            (missing_since, due_at)
        }
        end => panic!("{end:?}"),
    };
    let again = first.plus(GONE_READS_APART);
    assert_eq!(put_off(end(None, first)), (Some(first), again));
    let soon = first.plus(Duration::from_secs(1));
    assert_eq!(put_off(end(Some(first), soon)), (Some(first), again));
    let second = end(Some(first), again);
    assert!(matches!(second, RouteEnd::Ignored { .. }), "{second:?}");
}

#[test]
fn how_long_a_ticket_was_missed_counts_anew_after_the_clock_was_set_back() {
    let (before, now) = (Timestamp(90_000), Timestamp(1_000));
    let Told::Gone { since } = missing(Some(before), now) else {
        panic!("it was missed");
    };
    assert_eq!(since, Some(now));
}

// Found by history 120142: two webhooks about a ticket that was gone took turns at the one look a minute that a
// credential in doubt allows, each time as if the ticket was missed for the first time, without end.
#[test]
fn what_puts_a_delivery_off_in_between_does_not_begin_the_wait_for_a_missed_ticket_anew() {
    let mapping = opens_always();
    let lane = LaneId::parse("lane1").unwrap();
    let mut route = asked_to_read(&lane, &mapping);
    let told = Told::Later {
        due_at: Timestamp(5_000),
        error: "waiting: credential".to_owned(),
    };
    let Turn::End(RouteEnd::Later { missing_since, .. }) = route.told(told, &mapping) else {
        panic!("it comes again");
    };
    assert_eq!(missing_since, None, "what is known of it stays as it is");
}

#[test]
fn what_waits_for_a_person_says_which_ticket_it_is_about() {
    let mapping = opens_always();
    let lane = LaneId::parse("lane1").unwrap();
    let mut route = asked_to_read(&lane, &mapping);
    let never = Told::Never {
        reason: "retries_exhausted",
        detail: "503".to_owned(),
    };
    let Turn::End(RouteEnd::Parked { object, .. }) = route.told(never, &mapping) else {
        panic!("it is parked");
    };
    assert_eq!(object.as_deref(), Some("t1"));
}

// Found by history 8824969: an agent gave a ticket away in the second in which it was made, and whoever it was made
// for heard nothing of it any more.
#[test]
fn a_ticket_that_names_the_conversation_it_was_made_for_goes_to_who_waits_for_it_and_not_to_its_requester()
 {
    let mapping = opens_always();
    let (last, waits) = (
        LaneId::parse("lane1").unwrap(),
        LaneId::parse("lane2").unwrap(),
    );
    for found in [Some(waits), None] {
        let mut route = asked_to_read(&last, &mapping);
        let ticket = Box::new(of_bea_for("c7"));
        let begun = Timestamp(5);
        let turn = route.told(Told::Ticket { ticket, begun }, &mapping);
        assert!(
            matches!(turn, Turn::Ask(Ask::LaneThatWaits { .. })),
            "{turn:?}"
        );
        let turn = route.told(Told::Lane(found.clone()), &mapping);
        match (turn, found) {
            (Turn::End(RouteEnd::ToKnownLane { lane, .. }), Some(waits)) => assert_eq!(lane, waits),
            (Turn::End(RouteEnd::ToLane { user, .. }), None) => assert_eq!(user.as_str(), BEA),
            (turn, _) => panic!("{turn:?}"),
        }
    }
}

#[test]
fn a_delivery_waits_behind_an_earlier_one_as_long_as_that_one_is_put_off() {
    let now = Timestamp(10_000);
    assert_eq!(behind(Timestamp(70_000), now), Timestamp(70_000));
    // That one is at a Router just now.
    assert_eq!(behind(now, now), Timestamp(10_500));
    assert_eq!(behind(Timestamp(1_000), now), Timestamp(10_500));
}

// Found by history 44091: a ticket that asked and was given to another customer within the second went to the first
// one's Lane alone, and the other was never asked.
#[test]
fn what_one_body_tells_of_several_moments_goes_to_whose_the_ticket_was_last() {
    let mapping = opens_always();
    let told = |phone: &str| {
        let mut whole = of_bea_for("c7");
        whole.link_field = None;
        whole.requester.phone = Some(Text::new(phone));
        Event::TicketChanged(TicketChanged {
            whole: Some(Box::new(whole)),
            ..hint_of("t1")
        })
    };
    let parsed = Parsed::Events(vec![told("593900000001"), told(BEA)]);
    let bridge = BridgeName::parse("main").unwrap();
    let (mut route, _) = Route::begin(parsed, bridge, BotId::parse("bot-1").ok());
    route.told(Told::Lane(None), &mapping);
    let turn = route.told(Told::Lane(None), &mapping);
    let Turn::End(RouteEnd::ToLane { user, events, .. }) = turn else {
        panic!("{turn:?}");
    };
    assert_eq!((user.as_str(), events.len()), (BEA, 2));
}
