//! What the Sweep asks: which conversations to look at, and whether webhooks went silent.
//! Neighbour: `notes`, which holds how far listings were read.

use super::{Memory, length};
use crate::store::types::Confirmed;
use bridge_core::{
    effect::Operation,
    ids::{BridgeName, ConversationId, LaneId},
    intent::IntentState,
    time::Timestamp,
};

impl Memory {
    /// Conversations of live Links that were last looked at no later than `before`, the oldest look
    /// first (rule 18).
    #[must_use]
    pub fn conversations_to_look_at(
        &self,
        bridge: &BridgeName,
        before: Timestamp,
        limit: u32,
    ) -> Vec<(LaneId, ConversationId)> {
        let mut found: Vec<_> = self
            .links_of(bridge)
            .filter(|(_, s)| s.link.is_live() && s.looked_at <= before)
            .filter_map(|(lane, s)| {
                Some((s.looked_at, &s.link.id, lane, s.link.conversation_id()?))
            })
            .collect();
        found.sort();
        found.truncate(length(limit));
        found
            .into_iter()
            .map(|(_, _, lane, conversation)| (lane.clone(), conversation.clone()))
            .collect()
    }

    /// Notes that conversations were looked at.
    pub fn looked_at(
        &mut self,
        bridge: &BridgeName,
        conversations: &[ConversationId],
        now: Timestamp,
    ) {
        let links = self
            .lanes
            .values_mut()
            .filter(|row| row.state.bridge == *bridge)
            .flat_map(|row| &mut row.links);
        for stored in links {
            let conversation = stored.link.conversation_id();
            if stored.link.is_live() && conversation.is_some_and(|id| conversations.contains(id)) {
                stored.looked_at = now;
            }
        }
    }

    /// The latest start or close of a bridge confirmed no later than `before`. If its event has not
    /// come by then, the webhooks are silent (rule 5).
    #[must_use]
    pub fn last_confirmed(&self, bridge: &BridgeName, before: Timestamp) -> Option<Confirmed> {
        let (at, _, intent) = self
            .intents_of(bridge)
            .filter(|s| {
                s.intent.state == IntentState::Confirmed
                    && matches!(s.intent.operation(), Operation::Start | Operation::Close)
            })
            .filter_map(|s| Some((s.intent.confirmed_at?, s.row, &s.intent)))
            .filter(|(at, _, _)| *at <= before)
            .max_by_key(|(at, row, _)| (*at, *row))?;
        Some(Confirmed {
            intent: intent.clone(),
            at,
            event_seen: intent.event_seen,
        })
    }
}
