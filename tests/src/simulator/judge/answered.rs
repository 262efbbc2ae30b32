//! What senders were told is safe: each Delivery is held against what its webhook tells, not against the key that
//! the code under test made of it. Neighbours: `hooks`, the door; `listener`, who hears what came of it.

use super::{Judge, Law};
use crate::simulator::world::World;
use bridge_core::{
    event::{Event, Side},
    ids::{ConversationId, DeliveryId, MessageId},
    lane::Place,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    rc::Rc,
};

/// What a webhook tells, whatever became of its bytes; nothing, if they were cut. One of Jelou tells one thing.
pub type Told = Option<Rc<[Event]>>;

/// What came to the door and was kept.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// What each Delivery's first webhook tells.
    told: BTreeMap<DeliveryId, Told>,
    /// The key of each Delivery that has one.
    by_dedup: BTreeMap<(Side, String), DeliveryId>,
    /// The Deliveries that Jelou told something with, by the hash of that: a storm of them is not looked through.
    by_event: BTreeMap<u64, Vec<DeliveryId>>,
    /// The Deliveries that were answered for a customer's message.
    messages: BTreeMap<(ConversationId, MessageId), BTreeSet<DeliveryId>>,
}

impl Answered {
    /// These Deliveries are there, and no others.
    pub(super) fn forget_all_but(&mut self, known: impl Fn(&DeliveryId) -> bool) {
        self.told.retain(|id, _| known(id));
        self.by_dedup.retain(|_, id| known(id));
        self.by_event.retain(|_, by| {
            by.retain(&known);
            !by.is_empty()
        });
        self.messages.retain(|_, by| {
            by.retain(&known);
            !by.is_empty()
        });
    }

    /// The Delivery that Jelou told an event with: it tells each once, whatever bytes repeat it.
    fn delivery_of(&self, events: &[Event]) -> Option<DeliveryId> {
        let like = self.by_event.get(&hash_of(events))?;
        let same = |id: &&DeliveryId| self.told.get(id).and_then(|t| t.as_deref()) == Some(events);
        like.iter().find(same).copied()
    }
}

impl Judge {
    /// A Delivery is new in the store.
    pub fn recorded(&mut self, side: Side, dedup: Option<String>, told: &Told, id: DeliveryId) {
        self.asks(Law::RecordedOnce);
        let of_event = match (side, told) {
            (Side::Jelou, Some(events)) => self.answered.delivery_of(events),
            (Side::Jelou | Side::Ticketing, _) => None,
        };
        let of_key = dedup.and_then(|dedup| self.answered.by_dedup.insert((side, dedup), id));
        self.answered.told.insert(id, told.clone());
        if let (Side::Jelou, Some(events)) = (side, told) {
            let like = self.answered.by_event.entry(hash_of(events));
            like.or_default().push(id);
        }
        if let Some(first) = of_event.or(of_key) {
            let what = format!("deliveries {first} and {id} are one");
            self.breach(Law::RecordedOnce, what);
        }
    }

    /// The sender of a webhook was answered, for this Delivery.
    pub fn answered(&mut self, told: &Told, id: DeliveryId) {
        self.asks(Law::AckedKept);
        let kept = self.answered.told.get(&id);
        if kept != Some(told) {
            let what = match told.as_deref() {
                Some(events) => format!("{} was answered", named(events)),
                None => "what cannot be read was answered".to_owned(),
            };
            let kept = kept.and_then(|kept| kept.as_deref()).map(named);
            let what = format!("{what}, and delivery {id} holds {kept:?}");
            self.breach(Law::AckedKept, what);
        }
        if let Some([Event::MessageReceived(said)]) = told.as_deref() {
            let key = (said.conversation.id.clone(), said.message.clone());
            self.answered.messages.entry(key).or_default().insert(id);
        }
        self.acked(id);
    }
}

impl World {
    /// Each customer's message that was answered came to a Lane, or a person was asked about its Delivery. One that
    /// a restored backup had not yet is Jelou's to tell no more.
    pub fn what_was_answered_is_heard_of(&mut self) {
        let mut lost = None;
        for ((talk, message), by) in &self.judge.answered.messages {
            self.judge.asks(Law::SaidIsHeard);
            let place = Place::Conversation { id: talk.clone() };
            if !self.judge.ears.has_heard_of(&place, message) && !self.is_set_aside(by) {
                lost = Some(format!(
                    "{message} of {talk} was answered and came to nobody's ears"
                ));
            }
        }
        if let Some(what) = lost {
            self.judge.breach(Law::SaidIsHeard, what);
        }
    }

    /// Whether one of these Deliveries waits for a person, or was given up by one.
    fn is_set_aside(&self, by: &BTreeSet<DeliveryId>) -> bool {
        let mut all = self.store.deliveries().filter(|d| by.contains(&d.id));
        all.any(|d| d.state == "parked" || d.state == "ignored" && d.reason == Some("discarded"))
    }
}

fn hash_of(events: &[Event]) -> u64 {
    let mut hasher = DefaultHasher::new();
    events.hash(&mut hasher);
    hasher.finish()
}

/// Events, short.
fn named(events: &[Event]) -> String {
    let each: Vec<String> = events.iter().map(named_one).collect();
    each.join(", ")
}

fn named_one(event: &Event) -> String {
    match event {
        Event::MessageReceived(said) => format!("{} of {}", said.message, said.conversation.id),
        Event::CommentAdded(said) => format!("{} of {}", said.comment, said.ticket),
        Event::ConversationStarted(_) | Event::ConversationClosed(_) | Event::TicketChanged(_) => {
            let talk = event.conversation().map(|talk| talk.id.to_string());
            format!("{} of {talk:?}", event.kind())
        }
    }
}
