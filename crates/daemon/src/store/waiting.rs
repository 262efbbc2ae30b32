//! What is planned and does not move, as the store tells it. Neighbours: `sqlite::waiting` fills
//! these; the admin API says in words why each waits.

use bridge_core::{
    event::Side,
    ids::{BridgeName, ConversationId, DeliveryId, LaneId, LinkId, TicketId},
    intent::Intent,
    link::Link,
    time::Timestamp,
};

/// Where a Lane stands, beside what waits on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneStand {
    /// The Lane.
    pub lane: LaneId,
    /// What it waits for, as `kind:name`.
    pub held_by: Option<String>,
    /// When it is looked at again by itself.
    pub due_at: Option<Timestamp>,
    /// Whether a worker is at it just now.
    pub claimed: bool,
    /// The latest read for it that failed, as its timeline tells it.
    pub failed_read: Option<String>,
}

/// An Intent that has not ended: planned, sent or unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIntent {
    /// Its bridge.
    pub bridge: BridgeName,
    /// The Intent.
    pub intent: Intent,
    /// The Link's ticket.
    pub ticket: Option<TicketId>,
    /// The Link's conversation.
    pub conversation: Option<ConversationId>,
    /// Its Lane.
    pub stand: LaneStand,
}

/// A live Link that lacks a side, and has no Intent that would bring it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingLink {
    /// Its bridge.
    pub bridge: BridgeName,
    /// The Link.
    pub link: Link,
    /// Its Lane.
    pub stand: LaneStand,
}

/// A Delivery that is not settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingDelivery {
    /// Its row.
    pub delivery: DeliveryId,
    /// Its bridge.
    pub bridge: BridgeName,
    /// Who sent it.
    pub side: Side,
    /// When it came.
    pub received_at: Timestamp,
    /// How often the Router had it.
    pub attempts: u32,
    /// Not to be routed before.
    pub due_at: Timestamp,
    /// What the Router missed.
    pub missing: Option<String>,
    /// The ticket's or conversation's id, once read.
    pub object: Option<String>,
    /// Its Lane, once routed.
    pub stand: Option<LaneStand>,
}

/// All that does not move, each the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Intents.
    pub intents: Vec<OpenIntent>,
    /// Links.
    pub links: Vec<WaitingLink>,
    /// Deliveries.
    pub deliveries: Vec<WaitingDelivery>,
}

/// An Intent that the safety halt holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldIntent {
    /// The Intent.
    pub intent: Intent,
    /// The Link.
    pub link: LinkId,
    /// Its ticket.
    pub ticket: Option<TicketId>,
    /// Its conversation.
    pub conversation: Option<ConversationId>,
}
