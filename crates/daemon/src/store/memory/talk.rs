//! What was said and waits to be relayed. Neighbours: `claim` loads it, `commit` keeps it.

use super::{
    Memory,
    row::{LaneRow, MessageRow},
};
use bridge_core::{
    ids::{BridgeName, LaneId, MessageId},
    lane::{Lane, MESSAGES_AT_ONCE, Message, Place},
};
use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

impl Memory {
    /// Which of these messages of a place are kept, waiting or ended.
    #[must_use]
    pub fn kept_messages(
        &self,
        bridge: &BridgeName,
        place: &Place,
        ids: &[MessageId],
    ) -> BTreeSet<MessageId> {
        let key = |id: &MessageId| (bridge.clone(), place.clone(), id.clone());
        let kept = ids.iter().filter(|id| self.messages.contains_key(&key(id)));
        kept.cloned().collect()
    }

    /// Loads of each place the earliest that wait, and what is kept of those that the pending Events
    /// tell.
    pub(super) fn load_talk(&self, row: &LaneRow, lane: &mut Lane) {
        let mut count: BTreeMap<&Place, usize> = BTreeMap::new();
        let mut loaded: Vec<(u64, Message)> = Vec::new();
        for ((place, _, number), id) in &row.said {
            let count = count.entry(place).or_default();
            *count += 1;
            if *count <= MESSAGES_AT_ONCE {
                let message = self.message(&lane.bridge, place, id, &lane.id);
                loaded.extend(message.map(|message| (*number, message)));
            } else if let Some((_, last)) = loaded.iter().rfind(|(_, m)| m.place == *place) {
                // So far, and there are more.
                let so_far = (last.at, last.id.clone());
                lane.said_since.insert(place.clone(), so_far);
            }
        }
        loaded.sort_by_key(|(number, message)| (message.at, *number));
        lane.messages = loaded.into_iter().map(|(_, message)| message).collect();
        for (place, id) in lane.told_messages() {
            if !lane.messages.iter().any(|m| m.place == place && m.id == id) {
                lane.messages
                    .extend(self.message(&lane.bridge, &place, &id, &lane.id));
            }
        }
    }

    /// A message as kept. What another Lane has is not this one's to relay.
    fn message(
        &self,
        bridge: &BridgeName,
        place: &Place,
        id: &MessageId,
        lane: &LaneId,
    ) -> Option<Message> {
        let row = self
            .messages
            .get(&(bridge.clone(), place.clone(), id.clone()))?;
        let theirs = row.lane != *lane;
        Some(Message {
            place: place.clone(),
            id: id.clone(),
            at: row.at,
            kind: row.kind.clone(),
            body: row.body.clone(),
            media: row.media.clone(),
            content: row.content.clone().unwrap_or_default(),
            outcome: row
                .outcome
                .or(theirs.then_some(bridge_core::lane::Outcome::NoTicket)),
        })
    }

    /// Kept once; what changes after that is how it ended.
    pub(super) fn keep(&mut self, bridge: &BridgeName, lane: &LaneId, message: Message) {
        let (place, id) = (message.place.clone(), message.id.clone());
        let outcome = message.outcome;
        let key = (bridge.clone(), message.place, message.id);
        let (at, number) = match self.messages.entry(key) {
            Entry::Vacant(vacant) => {
                self.rows += 1;
                vacant.insert(MessageRow {
                    row: self.rows,
                    lane: lane.clone(),
                    at: message.at,
                    kind: message.kind,
                    body: message.body,
                    media: message.media,
                    content: Some(message.content),
                    outcome,
                });
                (message.at, self.rows)
            }
            Entry::Occupied(mut kept) => {
                let kept = kept.get_mut();
                if kept.outcome.is_some() || kept.lane != *lane {
                    return;
                }
                kept.outcome = outcome;
                (kept.at, kept.row)
            }
        };
        let waiting = (place, at, number);
        if let Some(row) = self.lanes.get_mut(lane) {
            match outcome {
                Some(_) => row.said.remove(&waiting),
                None => row.said.insert(waiting, id),
            };
        }
    }
}
