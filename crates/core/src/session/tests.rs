//! What a session refuses to store, whatever the rules or a damaged memory say.

use super::{Act, Broken, Session, check};
use crate::{
    conversation::{Conversation, ConversationState},
    effect::Effect,
    ids::{
        BotId, BridgeName, ConversationId, DeliveryId, IntentId, LaneId, LinkId, TicketId, UserId,
    },
    intent::{Intent, IntentState},
    lane::{ConversationMemory, Fate, Lane, Retry},
    link::{ConversationSide, Link, Origin, TicketSide},
    time::Timestamp,
};
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn lane() -> Lane {
    let user = UserId::parse("593987654321").unwrap();
    let name = BridgeName::parse("main").unwrap();
    Lane::new(
        LaneId::parse("L1").unwrap(),
        name,
        BotId::parse("bot-1").unwrap(),
        user,
    )
}

fn link(id: &str, ticket: &str) -> Link {
    Link {
        id: LinkId::parse(id).unwrap(),
        generation: 1,
        origin: Origin::Ticket,
        conversation: ConversationSide::Wanted,
        ticket: TicketSide::Known {
            id: TicketId::parse(ticket).unwrap(),
        },
        agreed: None,
        requester_id: None,
        looked_for_open: false,
        follows: None,
        busy_since: None,
        link_field_written: false,
        ticket_id_written_at: None,
        ticket_id_cleared: false,
        told: std::collections::BTreeSet::new(),
        diverged: Vec::new(),
        created_at: NOW,
        ticket_since: None,
        relays: true,
        ended: None,
    }
}

fn intent(id: &str, cause: &str, state: IntentState) -> Intent {
    let effect = Effect::WriteLinkField {
        ticket: TicketId::parse("t1").unwrap(),
        conversation: ConversationId::parse("c1").unwrap(),
    };
    Intent {
        state,
        ..Intent::planned(
            IntentId::parse(id).unwrap(),
            LinkId::parse("L1.1").unwrap(),
            cause.to_owned(),
            "a test".to_owned(),
            effect,
            NOW,
        )
    }
}

fn talk(state: ConversationState) -> ConversationMemory {
    ConversationMemory {
        seen: Conversation {
            id: ConversationId::parse("c1").unwrap(),
            bot: BotId::parse("bot-1").unwrap(),
            user: UserId::parse("593987654321").unwrap(),
            room: None,
            contact_name: None,
            state,
            started_at: None,
            ended_at: None,
            assignment: None,
            initial_message: None,
        },
        read_at: None,
        learnt_at: NOW,
        start_event: false,
        start_intent: None,
        start_ticket: None,
        customers_own: false,
        taken_elsewhere: false,
        messages: 0,
        last_message_at: None,
        linked: false,
        candidate: None,
        closed_known_at: None,
        missing_since: None,
        retry: Retry::default(),
        report: None,
    }
}

/// The law that a change from `before` to `after` would break.
fn broken(before: &Lane, after: &Lane) -> Option<&'static str> {
    check(before, after).err().map(|broken: Broken| broken.law)
}

#[test]
fn a_ticket_has_one_live_link() {
    let mut after = lane();
    after.links = vec![link("L1.1", "t1"), link("L1.2", "t2")];
    assert_eq!(broken(&lane(), &after), None);
    after.links.push(link("L1.3", "t1"));
    assert_eq!(broken(&lane(), &after), Some("one_link"));
}

#[test]
fn what_was_done_stays_done_and_serves_what_it_served() {
    let mut before = lane();
    before.intents = vec![intent("L1.1.1", "a", IntentState::Confirmed)];
    let mut after = before.clone();
    assert_eq!(broken(&before, &after), None);
    after.intents[0].state = IntentState::Planned;
    assert_eq!(broken(&before, &after), Some("intent_final"));
    after.intents[0].state = IntentState::Confirmed;
    after.intents[0].cause = "b".to_owned();
    assert_eq!(broken(&before, &after), Some("intent_final"));
}

#[test]
fn a_call_that_surely_did_nothing_is_taken_back_and_no_other() {
    let mut before = lane();
    before.intents = vec![intent("L1.1.1", "a", IntentState::Planned)];
    before.intents[0].attempts = 2;
    before.intents[0].first_sent_at = Some(Timestamp(1));
    before.intents[0].sent_at = Some(Timestamp(2));
    let mut after = before.clone();
    before.intents[0].state = IntentState::Sent;
    after.intents[0].attempts = 1;
    assert_eq!(broken(&before, &after), None);
    after.intents[0].attempts = 0;
    assert_eq!(broken(&before, &after), Some("intent_final"));
}

#[test]
fn a_cause_makes_one_intent_and_one_that_was_sent_says_when() {
    let mut after = lane();
    after.intents = vec![
        intent("L1.1.1", "a", IntentState::Planned),
        intent("L1.1.2", "b", IntentState::Planned),
    ];
    assert_eq!(broken(&lane(), &after), None);
    after.intents[1].cause = "a".to_owned();
    assert_eq!(broken(&lane(), &after), Some("intent_once"));
    after.intents = vec![intent("L1.1.1", "a", IntentState::Sent)];
    assert_eq!(broken(&lane(), &after), Some("intent_whole"));
    after.intents = vec![intent("L1.1.1", "a", IntentState::Parked)];
    assert_eq!(broken(&lane(), &after), Some("intent_whole"));
}

#[test]
fn what_ended_does_not_live_again() {
    let mut before = lane();
    before.links = vec![link("L1.1", "t1")];
    before.links[0].ended = Some(crate::link::Ended {
        at: NOW,
        reason: "closed".to_owned(),
        observed_since: None,
    });
    let mut after = before.clone();
    after.links[0].ended = None;
    assert_eq!(broken(&before, &after), Some("link_ends"));
    let id = ConversationId::parse("c1").unwrap();
    // Its start turns out to have worked after all: somebody must see to that conversation.
    after.links[0].conversation = ConversationSide::Known { id: id.clone() };
    assert_eq!(broken(&before, &after), None);
    let closed = ConversationState::Closed {
        reason: "expired".to_owned(),
    };
    let (mut before, mut after) = (lane(), lane());
    before.conversations.insert(id.clone(), talk(closed));
    after
        .conversations
        .insert(id, talk(ConversationState::Active));
    assert_eq!(broken(&before, &after), Some("conversation_closes"));
    assert_eq!(broken(&after, &before), None);
}

#[test]
fn no_number_is_given_twice_and_no_event_settled_twice() {
    let (mut before, mut after) = (lane(), lane());
    before.next_intent = 7;
    assert_eq!(broken(&before, &after), Some("numbers"));
    after.next_intent = 7;
    after.fates = vec![
        (DeliveryId(1), 0, Fate::Applied),
        (DeliveryId(1), 1, Fate::Applied),
    ];
    assert_eq!(broken(&before, &after), None);
    after.fates.push((DeliveryId(1), 0, Fate::Applied));
    assert_eq!(broken(&before, &after), Some("settled_once"));
}

#[test]
fn a_lane_that_is_set_aside_keeps_what_is_stored_and_the_timeline_says_why() {
    let mut session = Session::new(lane(), Duration::from_secs(10), NOW);
    let act = session.set_aside(Broken::panicked());
    let Act::SetAside(broken) = act else {
        panic!("{act:?}");
    };
    assert_eq!(broken.held_by(NOW), "broken:panic:1700000000000");
    assert_eq!(session.stored().links, session.lane().links);
    assert_eq!(session.lane().journal.len(), 1);
}

#[test]
fn an_intent_that_the_store_still_has_counts_and_its_double_does_not() {
    let mut of_another_link = intent("L1.9", "c1", IntentState::Planned);
    of_another_link.link = LinkId::parse("L1.2").unwrap();
    let mut of_another_kind = intent("L1.10", "c1", IntentState::Planned);
    of_another_kind.effect = Effect::AddNote {
        ticket: TicketId::parse("t1").unwrap(),
        text: crate::text::Text::new("a note"),
    };
    let mut lane = lane();
    lane.intents = vec![
        intent("L1.7", "c1", IntentState::Planned),
        intent("L1.8", "c2", IntentState::Planned),
        of_another_link,
        of_another_kind,
    ];
    lane.recall(intent("L1.1", "c1", IntentState::Confirmed));
    let ids = |lane: &Lane| -> Vec<String> {
        let ids = lane.intents.iter().map(|i| i.id.to_string());
        ids.collect()
    };
    assert_eq!(ids(&lane), ["L1.1", "L1.8", "L1.9", "L1.10"]);
    assert_eq!(lane.intents[0].state, IntentState::Confirmed);

    // What the Lane has at hand is no older than what the store answers with.
    lane.recall(intent("L1.1", "c1", IntentState::Planned));
    assert_eq!(ids(&lane), ["L1.1", "L1.8", "L1.9", "L1.10"]);
    assert_eq!(lane.intents[0].state, IntentState::Confirmed);
}
