//! What counts as changed, for either store.

use super::*;
use crate::store::{Changes, changes::stripped};
use bridge_core::{
    conversation::{Conversation, ConversationState},
    ids::{DeliveryId, LaneId},
    lane::{
        Blocked, ConversationMemory, Entry, EntryKind, Fate, Inbox, Message, Pending, Place,
        ReportMemory, Retry, TicketMemory,
    },
};
use std::collections::BTreeSet;

/// A Lane with something in every field. A new field is an error here: give it a value that is not
/// the one a new Lane has.
fn full() -> Lane {
    let bare = Lane::new(LaneId::parse("l1").unwrap(), bridge(), bot(), user("maria"));
    let link = link(&bare, Some("7"), Some("c7"));
    let held = Lane {
        links: vec![link.clone()],
        ..bare.clone()
    };
    Lane {
        id: bare.id,
        bridge: bare.bridge,
        bot: bare.bot,
        user: bare.user,
        next_link: 2,
        next_intent: 3,
        tickets: BTreeMap::from([(ticket("7"), TicketMemory::default())]),
        conversations: BTreeMap::from([(conversation("c7"), talk())]),
        intents: vec![close(&held, 1, "1")],
        links: vec![link],
        pending: vec![Pending {
            delivery: DeliveryId(1),
            position: 0,
            received_at: at(1),
            by_sweep: false,
            event: changed("7", 1),
        }],
        fates: vec![(DeliveryId(1), 0, Fate::Applied)],
        journal: vec![Entry {
            at: at(1),
            kind: EntryKind::Event,
            sentence: "told".to_owned(),
            rule: None,
            link: None,
            ticket: None,
            conversation: None,
        }],
        messages: vec![Message {
            place: Place::Conversation {
                id: conversation("c7"),
            },
            media: None,
            outcome: None,
            id: bridge_core::ids::MessageId::parse("m1").unwrap(),
            at: at(1),
            kind: "text".to_owned(),
            body: None,
            content: serde_json::Value::Null,
        }],
        said_since: BTreeMap::from([(
            Place::Conversation {
                id: conversation("c7"),
            },
            (at(1), bridge_core::ids::MessageId::parse("m1").unwrap()),
        )]),
        drift: 1,
        misclosed: 1,
        reported: Vec::new(),
        looked: BTreeSet::from([conversation("c7")]),
        compared: BTreeSet::from([(
            ticket("7"),
            bridge_core::ids::MessageId::parse("k1").unwrap(),
        )]),
        inbox: Inbox::default(),
        blocked: vec![Blocked {
            side: Side::Jelou,
            until: at(9),
            by: "rate".to_owned(),
        }],
        canonical: Some(user("mariana")),
    }
}

fn talk() -> ConversationMemory {
    ConversationMemory {
        seen: Conversation {
            id: conversation("c7"),
            bot: bot(),
            user: user("maria"),
            room: None,
            contact_name: None,
            state: ConversationState::Active,
            started_at: None,
            ended_at: None,
            assignment: None,
            initial_message: None,
        },
        read_at: Some(at(5)),
        learnt_at: at(4),
        start_event: true,
        start_intent: None,
        start_ticket: None,
        customers_own: false,
        taken_elsewhere: false,
        messages: 1,
        last_message_at: None,
        linked: true,
        candidate: None,
        closed_known_at: None,
        missing_since: None,
        retry: Retry::default(),
        report: Some(ReportMemory {
            since: at(6),
            looks: 1,
            was_read: true,
            put_off: None,
            end: None,
        }),
    }
}

#[test]
fn the_state_of_a_lane_is_what_its_json_carries_and_nothing_is_left_behind() {
    let lane = full();
    let json = serde_json::to_string(&lane).unwrap();
    let back: Lane = serde_json::from_str(&json).unwrap();
    assert_eq!(back, stripped(&lane));
    assert_ne!(back, lane);
}

#[test]
fn what_lives_for_one_claim_is_no_change_of_the_state_and_each_thing_kept_is_one() {
    let lane = full();
    let same = Lane {
        drift: 0,
        looked: BTreeSet::new(),
        compared: BTreeSet::new(),
        pending: Vec::new(),
        canonical: None,
        ..lane.clone()
    };
    assert!(Changes::between(&lane, &same).unwrap().state.is_none());
    let changed: [fn(&mut Lane); 4] = [
        |lane| lane.next_link += 1,
        |lane| lane.next_intent += 1,
        |lane| lane.tickets.clear(),
        |lane| lane.conversations.clear(),
    ];
    for change in changed {
        let mut after = lane.clone();
        change(&mut after);
        let state = Changes::between(&lane, &after).unwrap().state;
        assert_eq!(state.as_deref(), Some(&stripped(&after)));
    }
}
