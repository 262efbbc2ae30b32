//! What a commit under a Claim writes: the difference of two states of a Lane. Neighbours: `jobs`
//! makes it after each step, `sqlite::commit` stores it.

use super::error::StoreError;
use bridge_core::{
    ids::{BridgeName, DeliveryId, LaneId},
    intent::Intent,
    lane::{Entry, Fate, Lane, Message},
    link::Link,
};

/// Everything of a Lane that differs from what is stored.
///
/// After a commit the caller empties `fates`, `journal` and `messages` of its Lane, and takes that
/// Lane as the next `before`.
#[derive(Clone, Debug)]
pub struct Changes {
    pub(super) lane: LaneId,
    pub(super) bridge: BridgeName,
    /// The Lane's state as JSON, if it differs.
    pub(super) state: Option<String>,
    /// Links that are new or differ.
    pub(super) links: Vec<Link>,
    /// Intents that are new or differ.
    pub(super) intents: Vec<Intent>,
    pub(super) fates: Vec<(DeliveryId, u32, Fate)>,
    pub(super) journal: Vec<Entry>,
    pub(super) messages: Vec<Message>,
}

impl Changes {
    /// What must be written to bring the store from `before` to `after`, two states of one Lane.
    ///
    /// A Link or Intent that `after` no longer holds stays stored as it was.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if the state cannot be put into JSON.
    pub fn between(before: &Lane, after: &Lane) -> Result<Self, StoreError> {
        // Compared as stored, so that a field the rules add later is never left behind.
        let state =
            Some(state_of(after)?).filter(|new| state_of(before).ok().as_ref() != Some(new));
        let links = after
            .links
            .iter()
            .filter(|link| before.links.iter().find(|old| old.id == link.id) != Some(link))
            .cloned()
            .collect();
        let intents = after
            .intents
            .iter()
            .filter(|intent| before.intents.iter().find(|old| old.id == intent.id) != Some(intent))
            .cloned()
            .collect();
        Ok(Self {
            lane: after.id.clone(),
            bridge: after.bridge.clone(),
            state,
            links,
            intents,
            fates: after.fates.clone(),
            journal: after
                .journal
                .iter()
                .map(|entry| placed(entry, after))
                .collect(),
            messages: after.messages.clone(),
        })
    }

    /// Whether a commit would write nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state.is_none()
            && self.links.is_empty()
            && self.intents.is_empty()
            && self.fates.is_empty()
            && self.journal.is_empty()
            && self.messages.is_empty()
    }
}

/// The state column of a Lane.
pub(super) fn state_of(lane: &Lane) -> Result<String, StoreError> {
    serde_json::to_string(lane).map_err(|_| StoreError::Broken {
        what: "a lane could not be put into JSON".to_owned(),
    })
}

/// An entry that names a Link names its ticket and conversation too, so that each finds it.
fn placed(entry: &Entry, lane: &Lane) -> Entry {
    let mut entry = entry.clone();
    let link = lane
        .links
        .iter()
        .find(|link| Some(&link.id) == entry.link.as_ref());
    if let Some(link) = link {
        entry.ticket = entry.ticket.or_else(|| link.ticket_id().cloned());
        entry.conversation = entry
            .conversation
            .or_else(|| link.conversation_id().cloned());
    }
    entry
}
