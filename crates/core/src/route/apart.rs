//! A Delivery that is about several tickets at once. Neighbour: `route`, which finds the Lane of one.
//!
//! Some systems gather: one body of HubSpot tells of a hundred changes of as many tickets. Each ticket may be
//! another customer's, so each is routed for itself, as if it had come alone.

use super::object_of_event;
use crate::{
    event::{Event, Parsed},
    time::Timestamp,
};

/// What a Delivery meant for one ticket or conversation more than it is routed for.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Part {
    /// The ticket's or conversation's id.
    pub object: String,
    /// What it meant for that one, in the order of the body.
    pub events: Vec<Event>,
}

impl Part {
    /// The id under which it is kept with its Delivery: the same whenever that is routed again.
    #[must_use]
    pub fn key(&self, delivery: impl std::fmt::Display) -> String {
        format!("part:{delivery}:{}", self.object)
    }
}

/// When a part came: with its Delivery. Where the clock was set back since, it comes now: it would be handed out hours
/// later, as whatever is due then.
#[must_use]
pub fn came_with(received_at: Timestamp, now: Timestamp) -> Timestamp {
    received_at.min(now)
}

/// Keeps what is about the first ticket or conversation of a Delivery, and takes the rest out of it: a
/// part for each other one, in the order in which the body names them.
#[must_use]
pub fn apart(parsed: Parsed) -> (Parsed, Vec<Part>) {
    let Parsed::Events(events) = parsed else {
        return (parsed, Vec::new());
    };
    if planted!(SeveralTakenAsOne) {
        return (Parsed::Events(events), Vec::new());
    }
    let first = events.first().and_then(object_of_event).map(str::to_owned);
    let (kept, others): (Vec<Event>, Vec<Event>) = events
        .into_iter()
        .partition(|event| object_of_event(event) == first.as_deref());
    let mut parts: Vec<Part> = Vec::new();
    for event in others {
        let object = object_of_event(&event).unwrap_or_default().to_owned();
        match parts.iter_mut().find(|part| part.object == object) {
            Some(part) => part.events.push(event),
            None => parts.push(Part {
                object,
                events: vec![event],
            }),
        }
    }
    (Parsed::Events(kept), parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::tests::hint_of;

    fn changed(ticket: &str) -> Event {
        Event::TicketChanged(hint_of(ticket))
    }

    // Found by a reader: what a body told of a second customer's ticket went to the customer of the first.
    #[test]
    fn of_several_tickets_in_one_body_each_is_routed_for_itself() {
        let body = ["81", "82", "81", "83", "82"].map(changed).to_vec();
        let (first, parts) = apart(Parsed::Events(body));
        assert_eq!(first, Parsed::Events(vec![changed("81"), changed("81")]));
        let told: Vec<_> = parts
            .iter()
            .map(|part| (part.object.as_str(), part.events.clone()))
            .collect();
        let (second, third) = (vec![changed("82"); 2], vec![changed("83")]);
        assert_eq!(told, [("82", second), ("83", third)]);
    }

    #[test]
    fn a_part_has_the_same_key_whenever_its_delivery_is_routed_again() {
        let keys = || {
            let (_, parts) = apart(Parsed::Events(["81", "82", "83"].map(changed).to_vec()));
            parts.iter().map(|part| part.key(7)).collect::<Vec<_>>()
        };
        assert_eq!(keys(), ["part:7:82", "part:7:83"]);
        assert_eq!(keys(), keys());
    }

    #[test]
    fn what_means_nothing_stays_so() {
        let (parsed, parts) = apart(Parsed::Ignored("unknown_event"));
        assert_eq!((parsed, parts), (Parsed::Ignored("unknown_event"), vec![]));
    }

    // Found by histories 643450 and 702919.
    #[test]
    fn a_part_of_what_came_before_the_clock_was_set_back_is_due_now() {
        let (before, now) = (Timestamp(90_000), Timestamp(60_000));
        assert_eq!(came_with(before, now), now);
        assert_eq!(came_with(now, before), now);
    }
}
