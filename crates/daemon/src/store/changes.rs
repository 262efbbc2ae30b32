//! What a commit under a Claim writes: the difference of two states of a Lane. Neighbours: `jobs`
//! makes it after each step, `sqlite::commit` and `memory::commit` store it.

use super::error::StoreError;
use bridge_core::{
    ids::{BotId, BridgeName, ConversationId, DeliveryId, LaneId, TicketId, UserId},
    intent::Intent,
    lane::{ConversationMemory, Entry, Fate, Lane, Message, TicketMemory},
    link::Link,
};
use std::collections::BTreeMap;

/// Everything of a Lane that differs from what is stored.
///
/// After a commit the caller empties `fates` and `journal` of its Lane, drops the messages that
/// ended, and takes that Lane as the next `before`.
#[derive(Clone, Debug)]
pub struct Changes {
    pub(super) lane: LaneId,
    pub(super) bridge: BridgeName,
    /// The Lane's state as [`stripped`] leaves it, if it differs.
    pub(super) state: Option<Box<Lane>>,
    /// Links that are new or differ.
    pub(super) links: Vec<Link>,
    /// Intents that are new or differ.
    pub(super) intents: Vec<Intent>,
    pub(super) fates: Vec<(DeliveryId, u32, Fate)>,
    pub(super) journal: Vec<Entry>,
    /// Messages that are new or have ended.
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
        let state = (kept(before) != kept(after)).then(|| Box::new(stripped(after)));
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
            messages: after
                .messages
                .iter()
                .filter(|message| !before.messages.contains(message))
                .cloned()
                .collect(),
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

/// What is stored as a Lane's state: all of it but what lives in tables of its own or for one Claim.
#[derive(PartialEq)]
struct Kept<'a> {
    id: &'a LaneId,
    bridge: &'a BridgeName,
    bot: &'a BotId,
    user: &'a UserId,
    next_link: u32,
    next_intent: u32,
    tickets: &'a BTreeMap<TicketId, TicketMemory>,
    conversations: &'a BTreeMap<ConversationId, ConversationMemory>,
}

/// Every field is named, so that one the rules add later cannot be left behind unseen; a test holds
/// it to what the Lane's JSON carries.
fn kept(lane: &Lane) -> Kept<'_> {
    let Lane {
        id,
        bridge,
        bot,
        user,
        next_link,
        next_intent,
        tickets,
        conversations,
        links: _,
        intents: _,
        pending: _,
        fates: _,
        journal: _,
        messages: _,
        said_since: _,
        drift: _,
        misclosed: _,
        reported: _,
        looked: _,
        compared: _,
        inbox: _,
        blocked: _,
        canonical: _,
    } = lane;
    Kept {
        id,
        bridge,
        bot,
        user,
        next_link: *next_link,
        next_intent: *next_intent,
        tickets,
        conversations,
    }
}

/// The Lane as its state alone makes it.
pub(super) fn stripped(lane: &Lane) -> Lane {
    let Kept {
        id,
        bridge,
        bot,
        user,
        next_link,
        next_intent,
        tickets,
        conversations,
    } = kept(lane);
    Lane {
        next_link,
        next_intent,
        tickets: tickets.clone(),
        conversations: conversations.clone(),
        ..Lane::new(id.clone(), bridge.clone(), bot.clone(), user.clone())
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
