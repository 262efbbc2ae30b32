//! What goes into the store and comes out of it. Neighbours: `sqlite` fills these, `http`, `jobs`
//! and the admin API read them.

use bridge_core::{
    effect::Operation,
    event::Side,
    halt::{self, Window},
    ids::{BridgeName, ConversationId, DeliveryId, IntentId, LaneId, LinkId, TicketId, UserId},
    intent::Intent,
    lane::{Direction, Lane},
    link::{Link, Origin},
    read::Holder,
    route::Tries,
    time::{Timestamp, Wait},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// What brought a Delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A request of the remote.
    Webhook,
    /// A finding of the Sweep.
    Sweep,
    /// A finding of `backfill`.
    Backfill,
    /// The Router, from a Delivery that is about several tickets.
    Part,
}

impl Source {
    /// The word in tables and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Sweep => "sweep",
            Self::Backfill => "backfill",
            Self::Part => "part",
        }
    }
}

/// A Delivery to be recorded.
#[derive(Clone)]
pub struct NewDelivery {
    /// Whose.
    pub bridge: BridgeName,
    /// Who sent it.
    pub side: Side,
    /// What brought it.
    pub source: Source,
    /// The id under which the sender sends it again; `None` where the sender gives none (rule 2).
    pub dedup: Option<String>,
    /// When it came; for the Sweep, when its read began.
    pub received_at: Timestamp,
    /// The headers worth keeping, without any proof or secret.
    pub headers: BTreeMap<String, String>,
    /// The body as it came.
    pub body: Bytes,
}

/// Bodies and headers are not shown (law 9).
impl fmt::Debug for NewDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewDelivery")
            .field("bridge", &self.bridge)
            .field("side", &self.side)
            .field("source", &self.source)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What became of a Delivery to be recorded. Either way it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is new.
    New(DeliveryId),
    /// It was here already, or says the same as one that nobody has looked at yet.
    Known(DeliveryId),
}

impl Recorded {
    /// Its row.
    #[must_use]
    pub fn id(self) -> DeliveryId {
        match self {
            Self::New(id) | Self::Known(id) => id,
        }
    }
}

/// A Delivery handed to the Router.
#[derive(Clone)]
pub struct Received {
    /// Its row.
    pub id: DeliveryId,
    /// Whose.
    pub bridge: BridgeName,
    /// Who sent it.
    pub side: Side,
    /// What brought it.
    pub source: Source,
    /// When it came.
    pub received_at: Timestamp,
    /// The headers kept.
    pub headers: BTreeMap<String, String>,
    /// The body as it came.
    pub body: Bytes,
    /// How often it was handed out, this time included.
    pub attempts: u32,
    /// Since when its ticket is missed, if it was when it was looked for last.
    pub missing_since: Option<Timestamp>,
    /// When a person last had it tried again, after it was parked.
    pub retried_at: Option<Timestamp>,
}

impl Received {
    /// What the Router's rules ask of its tries; `who` reads for it.
    #[must_use]
    pub fn tries<'a>(&self, who: &'a str) -> Tries<'a> {
        Tries {
            who,
            attempts: self.attempts,
            received_at: self.received_at,
            retried_at: self.retried_at,
        }
    }
}

/// Bodies and headers are not shown (law 9).
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("id", &self.id)
            .field("bridge", &self.bridge)
            .field("side", &self.side)
            .field("source", &self.source)
            .field("bytes", &self.body.len())
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// What became of a Delivery whose routing ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routed {
    /// It is on this Lane, which is due.
    Lane(LaneId),
    /// It is settled, parked or put off.
    Done,
    /// The Lane is gone, joined to another one meanwhile, and the Delivery is handed out again at once; or an
    /// earlier one about the same object is put off, and it is handed out behind that.
    Again,
}

/// The proof that we alone work on a Lane. Every commit carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The Lane.
    pub lane: LaneId,
    /// This process, by a name drawn at its start.
    pub owner: Arc<str>,
    /// The fencing token: grows with each Claim of the Lane.
    pub token: i64,
}

/// A Lane with all that is known of it, and the Claim on it.
#[derive(Clone, Debug)]
pub struct ClaimedLane {
    /// What is known: every live Link and open or parked Intent, the latest of the others, and the
    /// Events not settled yet in source-time order.
    pub lane: Lane,
    /// The Claim.
    pub claim: Claim,
}

/// An Intent that asks the safety halt whether it may go out (rule 16).
#[derive(Clone, Debug)]
pub struct Admission {
    /// Which.
    pub intent: IntentId,
    /// Its kind: start, close or status.
    pub operation: Operation,
    /// The bridge's `safety` section.
    pub limits: halt::Limits,
}

/// What the safety halt said, and which of the two commits happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// The Intent is committed as `sent`.
    Out,
    /// The Intent is committed as `planned` and held.
    Held {
        /// Whether this Intent tripped the halt.
        newly: bool,
    },
}

/// What came of joining two Lanes of one customer (rule 9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Joined {
    /// There was no other Lane: this one now bears the canonical name. The Claim goes on.
    Renamed,
    /// Everything moved to that Lane, which is due. The Claim and its Lane are gone.
    Into(LaneId),
    /// The other Lane is claimed. Nothing was changed; try again a little later.
    Busy,
}

/// Which held Lanes to make due.
#[derive(Clone, Debug)]
pub enum Wake {
    /// Those that wait for something whose name begins like this.
    HeldBy(String),
    /// This one.
    Lane(LaneId),
    /// All of a bridge.
    Bridge(BridgeName),
}

/// How a bridge began, compared with how it last ran (rule 17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// It never ran before.
    First,
    /// In the same mode as before.
    Again,
    /// It observed and now goes live: cursors are forgotten, half Links dropped.
    TurnedLive {
        /// How many half Links were dropped.
        dropped: u64,
    },
    /// It was live and now observes.
    TurnedObserve,
}

/// Which Links to list.
#[derive(Clone, Debug, Default)]
pub struct LinkFilter {
    /// Only of this bridge.
    pub bridge: Option<BridgeName>,
    /// Only with this ticket.
    pub ticket: Option<TicketId>,
    /// Only with this conversation.
    pub conversation: Option<ConversationId>,
    /// Only in this state, by its word.
    pub state: Option<String>,
    /// Only live ones.
    pub live_only: bool,
    /// At most so many, the latest changed first.
    pub limit: u32,
}

/// How many of a ticket's Links are told to a Lane that asks who had it: a ticket changes hands a few times in
/// its life.
pub const HOLDERS_TOLD: u32 = 100;

/// How many of the latest Deliveries about a ticket are told to a Lane that asks whose it was: words of before
/// its Link are words of the seconds before, and a ticket is told of a few times in those.
pub const DELIVERIES_TOLD: u32 = 100;

/// How many of what other Lanes wrote on a ticket are told to one that compares: an echo comes within minutes, and no
/// customer writes so much in them.
pub const ENTRIES_TOLD: u32 = 1_000;

/// A Link as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRow {
    /// Its bridge.
    pub bridge: BridgeName,
    /// Its Lane.
    pub lane: LaneId,
    /// The Link.
    pub link: Link,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl LinkRow {
    /// The time in which it had its ticket.
    #[must_use]
    pub fn holder(self) -> Holder {
        Holder {
            lane: self.lane,
            since: self.link.has_ticket_since(),
            asked: self.link.origin == Origin::Ticket,
            until: self.link.ended.map(|ended| ended.at),
        }
    }
}

impl LinkFilter {
    /// The Links of one ticket, as a Lane is told of them.
    #[must_use]
    pub fn holders(bridge: &BridgeName, ticket: &TicketId) -> Self {
        Self {
            bridge: Some(bridge.clone()),
            ticket: Some(ticket.clone()),
            conversation: None,
            state: None,
            live_only: false,
            limit: HOLDERS_TOLD,
        }
    }
}

/// Whose timeline.
#[derive(Clone, Debug)]
pub enum TimelineOf {
    /// A ticket's.
    Ticket(TicketId),
    /// A conversation's.
    Conversation(ConversationId),
    /// A customer's.
    User(UserId),
}

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// A Delivery came.
    Delivery {
        /// When.
        at: Timestamp,
        /// Its bridge.
        bridge: BridgeName,
        /// Its row.
        id: DeliveryId,
        /// Who sent it.
        side: Side,
        /// What brought it.
        source: Source,
        /// `received`, `routed`, `settled`, `ignored` or `parked`.
        state: String,
        /// Why ignored or parked.
        reason: Option<String>,
    },
    /// Something was taken in, decided, called or answered.
    Entry {
        /// When.
        at: Timestamp,
        /// Its bridge.
        bridge: BridgeName,
        /// `event`, `decision`, `call`, `outcome`, `read` or `alarm`.
        kind: String,
        /// The sentence.
        sentence: String,
        /// The rule that made it so.
        rule: Option<String>,
        /// The Link.
        link: Option<LinkId>,
        /// The ticket.
        ticket: Option<TicketId>,
        /// The conversation.
        conversation: Option<ConversationId>,
    },
}

impl Line {
    /// When it happened.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Delivery { at, .. } | Self::Entry { at, .. } => *at,
        }
    }
}

/// Which parked work to list.
#[derive(Clone, Debug, Default)]
pub struct ParkedFilter {
    /// Only of this bridge.
    pub bridge: Option<BridgeName>,
    /// Only for this reason.
    pub reason: Option<String>,
    /// Only Intents that would do this.
    pub operation: Option<Operation>,
    /// Only Intents that would change this side, and Deliveries that this side sent.
    pub side: Option<Side>,
    /// Only what concerns this ticket.
    pub ticket: Option<TicketId>,
    /// Only what is parked since before this moment; a Delivery since it came.
    pub before: Option<Timestamp>,
    /// At most so many.
    pub limit: u32,
}

impl ParkedFilter {
    /// Whether it leaves this item. The same as the statements of `sqlite::parked` say.
    #[must_use]
    pub fn lets(&self, item: &ParkedItem) -> bool {
        let of_kind = match &item.kind {
            ParkedKind::Intent { operation, .. } => {
                self.operation.is_none_or(|only| only == *operation)
                    && self.side.is_none_or(|only| only == operation.side())
            }
            ParkedKind::Delivery { side, .. } => {
                self.operation.is_none() && self.side.is_none_or(|only| only == *side)
            }
            ParkedKind::Lane { .. } => self.operation.is_none() && self.side.is_none(),
        };
        of_kind
            && self.bridge.as_ref().is_none_or(|only| *only == item.bridge)
            && self.reason.as_ref().is_none_or(|only| *only == item.reason)
            && self.before.is_none_or(|before| item.at < before)
            && (self.ticket.is_none() || self.ticket == item.ticket)
    }
}

/// What is parked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ParkedKind {
    /// An Intent.
    Intent {
        /// Its id.
        intent: IntentId,
        /// What it would do.
        operation: Operation,
        /// Its Lane.
        lane: LaneId,
        /// Its Link.
        link: LinkId,
        /// The rule that made it.
        rule: String,
        /// Calls that may have reached the remote.
        attempts: u32,
        /// What the last try came to, in a sentence without content.
        last_error: Option<String>,
    },
    /// A Delivery.
    Delivery {
        /// Its row.
        delivery: DeliveryId,
        /// Who sent it.
        side: Side,
    },
    /// A whole Lane that was set aside.
    Lane {
        /// Which.
        lane: LaneId,
    },
}

/// A parked Intent or Delivery, waiting for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedItem {
    /// The name for `parked show|retry|discard`: the Intent's id, `delivery-{number}` or `lane-{id}`.
    pub id: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: ParkedKind,
    /// Its bridge.
    pub bridge: BridgeName,
    /// Why, in a word.
    pub reason: String,
    /// What happened, in a sentence without content.
    pub detail: String,
    /// What a person can do.
    pub remedy: String,
    /// Since when; of a Delivery, when it came.
    pub at: Timestamp,
    /// The ticket it concerns.
    pub ticket: Option<TicketId>,
    /// The conversation it concerns.
    pub conversation: Option<ConversationId>,
}

/// What the timelines say of an Intent that a person let go.
pub(super) const RELEASED: &str = "Let go by `halt release`";

/// The safety halt of one kind of write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaltState {
    /// Its bridge.
    pub bridge: BridgeName,
    /// The kind.
    pub operation: Operation,
    /// What was let out of late, and since when it holds.
    pub window: Window,
    /// How many Intents it holds.
    pub held: u64,
}

/// A host or credential that takes no calls before a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// `host:{host}:{port}` or `credential:{bridge}:{side}`.
    pub key: String,
    /// When it was last asked for, and until when no call goes out.
    pub wait: Wait,
    /// In a word.
    pub reason: String,
}

/// A confirmed start or close, for the rule about silent webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// Which.
    pub intent: Intent,
    /// When.
    pub at: Timestamp,
    /// Whether the event it causes has come.
    pub event_seen: bool,
}

/// What retention took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Deliveries whose bodies, headers and events went.
    pub deliveries: u64,
    /// Messages whose texts went.
    pub messages: u64,
    /// Settled Intents whose texts went.
    pub intents: u64,
}

/// The figures of the metrics page, as of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// When the oldest unsettled Delivery came, by bridge.
    pub oldest_unsettled: BTreeMap<String, Timestamp>,
    /// When the oldest message that waits was said, by bridge and direction.
    pub oldest_message: BTreeMap<(String, Direction), Timestamp>,
    /// Deliveries that wait for the Router, by bridge.
    pub received: BTreeMap<String, u64>,
    /// Deliveries on a Lane and not settled, by bridge.
    pub routed: BTreeMap<String, u64>,
    /// Lanes that could be claimed now.
    pub lanes_due: u64,
    /// Lanes that are claimed.
    pub lanes_claimed: u64,
    /// Lanes set aside because what is stored of them cannot be read; a person must look.
    pub lanes_unreadable: u64,
    /// Live Links by bridge and state.
    pub links: BTreeMap<(String, String), u64>,
    /// Parked Intents and Deliveries by bridge and reason.
    pub parked: BTreeMap<(String, String), u64>,
    /// Open Intents by bridge and state.
    pub intents: BTreeMap<(String, String), u64>,
    /// Intents that the safety halt holds, by bridge and operation.
    pub held: BTreeMap<(String, String), u64>,
}
