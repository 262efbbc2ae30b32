//! What happened to a ticket, a conversation or a customer, as far as it is kept. Neighbour:
//! `commit` writes the sentences.

use super::{Memory, row};
use crate::store::types::{Line, TimelineOf};
use bridge_core::{
    event::Side,
    ids::{BridgeName, DeliveryId, LaneId, UserId},
    lane::EntryKind,
    link::Link,
};
use std::collections::BTreeSet;

/// What a timeline shows at most of each kind, as in `sqlite::timeline`.
const LINES_MAX: usize = 1_000;

/// What belongs to one timeline.
struct Scope<'a> {
    of: &'a TimelineOf,
    links: Vec<&'a Link>,
    lanes: BTreeSet<&'a LaneId>,
}

impl Memory {
    /// The lines of a timeline, the oldest first; a Delivery before what it led to.
    #[must_use]
    pub fn timeline(&self, bridge: Option<&BridgeName>, of: &TimelineOf) -> Vec<Line> {
        let is_wanted = |of: &BridgeName| bridge.is_none_or(|wanted| wanted == of);
        let scope = self.scope(bridge, of);
        let mut lines: Vec<Line> = self
            .deliveries
            .iter()
            .rev()
            .filter(|(_, row)| is_wanted(&row.came.bridge) && scope.has_delivery(row))
            .take(LINES_MAX)
            .map(|(id, row)| delivery(*id, row))
            .collect();
        lines.reverse();
        let mut entries: Vec<Line> = self
            .journal
            .iter()
            .rev()
            .filter(|line| is_wanted(&line.bridge) && scope.has_entry(line))
            .take(LINES_MAX)
            .map(entry)
            .collect();
        entries.reverse();
        lines.extend(entries);
        // Stable: within one millisecond the order of writing stays.
        lines.sort_by_key(Line::at);
        lines
    }

    fn scope<'a>(&'a self, bridge: Option<&BridgeName>, of: &'a TimelineOf) -> Scope<'a> {
        let is_its = |link: &&Link| match of {
            TimelineOf::Ticket(id) => link.ticket_id() == Some(id),
            TimelineOf::Conversation(id) => link.conversation_id() == Some(id),
            TimelineOf::User(_) => false,
        };
        let links = self
            .lanes
            .values()
            .filter(|row| bridge.is_none_or(|wanted| *wanted == row.state.bridge))
            .flat_map(|row| row.links.iter().map(|stored| &stored.link))
            .filter(is_its)
            .collect();
        let lanes = match of {
            TimelineOf::Ticket(_) | TimelineOf::Conversation(_) => BTreeSet::new(),
            TimelineOf::User(user) => self.lanes_known_as(user),
        };
        Scope { of, links, lanes }
    }

    fn lanes_known_as(&self, user: &UserId) -> BTreeSet<&LaneId> {
        let names: BTreeSet<&UserId> = self
            .aliases
            .iter()
            .filter(|((_, _, asked), _)| asked == user)
            .map(|(_, canonical)| canonical)
            .chain([user])
            .collect();
        self.lanes
            .iter()
            .filter(|(_, row)| names.contains(&row.state.user))
            .map(|(id, _)| id)
            .collect()
    }
}

impl Scope<'_> {
    fn has_delivery(&self, row: &row::DeliveryRow) -> bool {
        let object = row.object.as_deref();
        let side = row.came.side;
        let is_of_a_link = |link: &&Link| match side {
            Side::Jelou => link.conversation_id().map(|id| id.as_str()) == object,
            Side::Ticketing => link.ticket_id().map(|id| id.as_str()) == object,
        };
        match self.of {
            TimelineOf::Ticket(id) => match side {
                Side::Ticketing => object == Some(id.as_str()),
                Side::Jelou => object.is_some() && self.links.iter().any(is_of_a_link),
            },
            TimelineOf::Conversation(id) => match side {
                Side::Jelou => object == Some(id.as_str()),
                Side::Ticketing => object.is_some() && self.links.iter().any(is_of_a_link),
            },
            TimelineOf::User(_) => row.lane.as_ref().is_some_and(|l| self.lanes.contains(l)),
        }
    }

    fn has_entry(&self, line: &row::Line) -> bool {
        let of_a_link = || {
            let link = line.entry.link.as_ref();
            link.is_some_and(|id| self.links.iter().any(|link| link.id == *id))
        };
        match self.of {
            TimelineOf::Ticket(id) => line.entry.ticket.as_ref() == Some(id) || of_a_link(),
            TimelineOf::Conversation(id) => {
                line.entry.conversation.as_ref() == Some(id) || of_a_link()
            }
            TimelineOf::User(_) => self.lanes.contains(&line.lane),
        }
    }
}

fn delivery(id: DeliveryId, row: &row::DeliveryRow) -> Line {
    Line::Delivery {
        at: row.came.received_at,
        bridge: row.came.bridge.clone(),
        id,
        side: row.came.side,
        source: row.came.source,
        state: row.stage.as_str().to_owned(),
        reason: row.reason.clone(),
    }
}

fn entry(line: &row::Line) -> Line {
    Line::Entry {
        at: line.entry.at,
        bridge: line.bridge.clone(),
        kind: kind(line.entry.kind).to_owned(),
        sentence: line.entry.sentence.clone(),
        rule: line.entry.rule.clone(),
        link: line.entry.link.clone(),
        ticket: line.entry.ticket.clone(),
        conversation: line.entry.conversation.clone(),
    }
}

fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Event => "event",
        EntryKind::Decision => "decision",
        EntryKind::Call => "call",
        EntryKind::Outcome => "outcome",
        EntryKind::Read => "read",
        EntryKind::Alarm => "alarm",
    }
}
