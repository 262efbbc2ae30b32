//! What a Lane remembers. Neighbour: step, which changes it.

use super::{
    inbox::Inbox,
    report::ReportMemory,
    talk::{CommentsMemory, LoadedTo, Message, Place},
};
use crate::{
    conversation::Conversation,
    event::{Event, Side},
    ids::{
        BotId, BridgeName, ConversationId, DeliveryId, IntentId, LaneId, LinkId, MessageId,
        TicketId, UserId,
    },
    intent::Intent,
    link::Link,
    read::Holder,
    report::Reported,
    ticket::Ticket,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{Hash, Hasher},
};

/// How a read that fails is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Retry {
    /// Failures in a row.
    pub failures: u32,
    /// When the row began.
    pub since: Option<Timestamp>,
    /// When the latest of them came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Timestamp>,
    /// Not before this moment.
    pub due_at: Option<Timestamp>,
}

impl Retry {
    /// Counts a failure.
    pub(super) fn failed(&mut self, now: Timestamp) {
        self.failures = self.failures.saturating_add(1);
        self.since.get_or_insert(now);
        self.failed_at = Some(now);
    }
}

/// How a call button's rule stands on a ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Escalation {
    /// It holds, and the button was sent for that.
    pub holds: bool,
    /// How often it turned true.
    pub times: u32,
}

/// A ticket as this Lane knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TicketMemory {
    /// As last seen.
    pub seen: Option<Ticket>,
    /// When the read that saw it began, or when the Delivery that carried it was received.
    pub seen_at: Option<Timestamp>,
    /// When the latest read that saw it began: it covers the hints of before.
    #[serde(default)]
    pub read_at: Option<Timestamp>,
    /// When this Lane's own look at it last came, or the answer to a write of its own, however long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
    /// The latest hint that it changed, if none of what is seen covers it: it must be read.
    pub hint_at: Option<Timestamp>,
    /// What is seen was patched from a Delivery that did not carry all of it: before a rule that
    /// asks for more than the status, it is read.
    #[serde(default)]
    pub partial: bool,
    /// How often its seen state changed: the cause of Intents where versions cannot tell (rule 4).
    pub changes: u32,
    /// Whether `open_when` held when it was last asked. A conversation starts when it turns true.
    pub open_when: bool,
    /// Whether the bridge made this ticket: tags it put on do not make it start a conversation.
    pub made_by_us: bool,
    /// Whether it was made for a conversation of this Lane.
    #[serde(default)]
    pub made_here: bool,
    /// When it was first found missing; twice, spaced, means gone.
    pub missing_since: Option<Timestamp>,
    /// It is gone for good.
    pub gone: bool,
    /// Whether a Delivery came to this Lane for it. One that was only looked at, as what another was
    /// merged into, may be another customer's: it asks this one for nothing.
    #[serde(default)]
    pub told: bool,
    /// Its requester is somebody else: a conversation's metadata named it, or an agent gave it away since. It asks
    /// this customer for nothing more, and takes none of their conversations in, unless it comes to this Lane for
    /// its requester.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anothers: bool,
    /// For whom a Delivery brought it here, until a look shows whose it is: it may have been given away meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_for: Option<UserId>,
    /// Another Lane had its last Link, and since this moment nothing was seen of it here: whether it asked there
    /// since then is to be looked up before it asks here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_back: Option<Timestamp>,
    /// The lane that holds it, if it was asked for and is not ours.
    pub held_elsewhere: Option<LaneId>,
    /// When the store was last asked who holds it.
    #[serde(default)]
    pub holder_asked_at: Option<Timestamp>,
    /// The other Lanes that had it, as the store last said; `None` once something was said on it in a time
    /// that no Link of this Lane covers, until the store is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<Vec<Holder>>,
    /// Another Lane has or had it, or may have: an entry on it may be what that one wrote.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
    /// The count of changes at which a rule failed on it, so that this is told once.
    #[serde(default)]
    pub misjudged_at: Option<u32>,
    /// Which call buttons' rules hold on it, by their number in the mapping.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub escalations: BTreeMap<usize, Escalation>,
    /// Failing reads of it.
    pub retry: Retry,
    /// What is known of its comments from listing them.
    #[serde(default, skip_serializing_if = "CommentsMemory::is_empty")]
    pub comments: CommentsMemory,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands it by reference"
)]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A conversation as this Lane knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ConversationMemory {
    /// As last seen.
    pub seen: Conversation,
    /// When the read that saw it began; `None` if only events told of it.
    pub read_at: Option<Timestamp>,
    /// When we first heard of it.
    pub learnt_at: Timestamp,
    /// Whether its start event was seen.
    pub start_event: bool,
    /// The `metadata.intentId` of its start event.
    pub start_intent: Option<IntentId>,
    /// The `metadata.ticketId` of its start event.
    pub start_ticket: Option<TicketId>,
    /// Whether it counts as the customer's own: no start of ours made it.
    pub customers_own: bool,
    /// A Link of another Lane has it.
    #[serde(default)]
    pub taken_elsewhere: bool,
    /// Messages received in it.
    pub messages: u32,
    /// The latest message's own time.
    pub last_message_at: Option<Timestamp>,
    /// Whether a Link has or had it: it never makes another ticket, even when that Link is no
    /// longer loaded.
    #[serde(default)]
    pub linked: bool,
    /// The customer's open ticket that it takes if no other Lane holds it.
    #[serde(default)]
    pub candidate: Option<TicketId>,
    /// When we learnt that it is closed.
    #[serde(default)]
    pub closed_known_at: Option<Timestamp>,
    /// When it was first found missing; twice, spaced, counts as its end.
    #[serde(default)]
    pub missing_since: Option<Timestamp>,
    /// Failing reads of it.
    pub retry: Retry,
    /// How the wait for its report stands, once it ended and a report is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportMemory>,
}

impl ConversationMemory {
    /// When anything showed it last: a read of ours, or what first told of it.
    pub(super) fn shown_at(&self) -> Timestamp {
        let read_at = self.read_at.unwrap_or(self.learnt_at);
        read_at.max(self.learnt_at)
    }

    /// One that was told of for the first time.
    pub(super) fn first_heard_of(told: Conversation, at: Timestamp) -> Self {
        Self {
            seen: told,
            read_at: None,
            learnt_at: at,
            start_event: false,
            start_intent: None,
            start_ticket: None,
            customers_own: false,
            taken_elsewhere: false,
            messages: 0,
            last_message_at: None,
            linked: false,
            candidate: None,
            closed_known_at: None,
            missing_since: None,
            retry: Retry::default(),
            report: None,
        }
    }
}

/// A routed Event that this Lane has not settled yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Pending {
    /// The Delivery it came in.
    pub delivery: DeliveryId,
    /// Its place in that Delivery.
    pub position: u32,
    /// When the Delivery was received; for a finding of the Sweep, when its read began.
    pub received_at: Timestamp,
    /// Whether the Sweep found it, and no webhook told it.
    pub by_sweep: bool,
    /// What it meant.
    pub event: Event,
}

/// What became of a Pending Event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// Taken in.
    Applied,
    /// Of no concern, and why in a word.
    Ignored {
        /// The word.
        reason: String,
    },
}

/// What kind of line the timeline gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// An Event was taken in.
    Event,
    /// A rule decided something.
    Decision,
    /// A call was begun.
    Call,
    /// A call ended, or its outcome became known.
    Outcome,
    /// A read was made.
    Read,
    /// Something a person should know.
    Alarm,
}

/// One line of a ticket's timeline: a sentence without names, numbers or message text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What kind.
    pub kind: EntryKind,
    /// The sentence.
    pub sentence: String,
    /// The rule that made it, if one did.
    pub rule: Option<String>,
    /// The Link it concerns.
    pub link: Option<LinkId>,
    /// The ticket it concerns.
    pub ticket: Option<TicketId>,
    /// The conversation it concerns.
    pub conversation: Option<ConversationId>,
}

/// A side that takes no call of this Lane before a moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Blocked {
    /// Which side.
    pub side: Side,
    /// Until when.
    pub until: Timestamp,
    /// By what, in a word: `rate`, `retry_after`, `breaker`, `credential`.
    pub by: String,
}

/// Everything known of one customer on one bot.
///
/// `links` and `intents` have tables of their own; the rest is stored as the Lane's state. The
/// store loads every live Link and open Intent, and the latest of the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// Its id.
    pub id: LaneId,
    /// Its bridge.
    pub bridge: BridgeName,
    /// The bot.
    pub bot: BotId,
    /// The customer, canonical as far as known.
    pub user: UserId,
    /// The number of the next Link.
    pub next_link: u32,
    /// The number of the next Intent.
    pub next_intent: u32,
    /// Its tickets, as last known.
    pub tickets: BTreeMap<TicketId, TicketMemory>,
    /// Its conversations, as last known.
    pub conversations: BTreeMap<ConversationId, ConversationMemory>,
    /// Its Links.
    #[serde(skip)]
    pub links: Vec<Link>,
    /// Its Intents.
    #[serde(skip)]
    pub intents: Vec<Intent>,
    /// Its Events not settled yet, as loaded with the Claim.
    #[serde(skip)]
    pub pending: Vec<Pending>,
    /// What became of Events in this Claim. The store settles those Deliveries and empties it.
    #[serde(skip)]
    pub fates: Vec<(DeliveryId, u32, Fate)>,
    /// Timeline lines of this Claim. The store writes them and empties it.
    #[serde(skip)]
    pub journal: Vec<Entry>,
    /// What was said and waits to be relayed, as loaded with the Claim and as heard in it; and of
    /// what the pending Events tell, what is kept already. What ends here the store keeps as ended.
    #[serde(skip)]
    pub messages: Vec<Message>,
    /// Of which places more waits in the store than was loaded, and how far was.
    #[serde(skip)]
    pub said_since: BTreeMap<Place, LoadedTo>,
    /// How many of this Claim's Events told something that no webhook had told before.
    #[serde(skip)]
    pub drift: u32,
    /// How many closes of this Claim hit another conversation than the one meant (rule 13).
    #[serde(skip)]
    pub misclosed: u32,
    /// The reports that came to an end in this Claim.
    #[serde(skip)]
    pub reported: Vec<Reported>,
    /// Conversations read in this Claim: a close goes by no older look than that.
    #[serde(skip)]
    pub looked: BTreeSet<ConversationId>,
    /// Comments that were compared in this Claim with what the bridge wrote on their tickets for others.
    #[serde(skip)]
    pub compared: BTreeSet<(TicketId, MessageId)>,
    /// How much of what Jelou told is heard, as the store said in this Claim.
    #[serde(skip)]
    pub inbox: Inbox,
    /// Sides that take no call before a moment, as the daemon's gate said in this Claim.
    #[serde(skip)]
    pub blocked: Vec<Blocked>,
    /// The canonical spelling of the customer, once Jelou told one that differs from `user` (rule 9).
    #[serde(skip)]
    pub canonical: Option<UserId>,
}

/// Two Lanes that differ only in what their timelines say are in one state: a search over states
/// counts them once.
impl Hash for Lane {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            id,
            bridge,
            bot,
            user,
            next_link,
            next_intent,
            tickets,
            conversations,
            links,
            intents,
            pending,
            fates,
            journal: _,
            messages,
            said_since,
            drift,
            misclosed,
            reported,
            looked,
            compared,
            inbox,
            blocked,
            canonical,
        } = self;
        (id, bridge, bot, user, next_link, next_intent).hash(state);
        (tickets, conversations, links, intents, pending).hash(state);
        (fates, messages, said_since, drift, misclosed).hash(state);
        (reported, looked, compared, inbox, blocked, canonical).hash(state);
    }
}

impl Lane {
    /// A Lane of which nothing is known yet.
    #[must_use]
    pub fn new(id: LaneId, bridge: BridgeName, bot: BotId, user: UserId) -> Self {
        Self {
            id,
            bridge,
            bot,
            user,
            next_link: 1,
            next_intent: 1,
            tickets: BTreeMap::new(),
            conversations: BTreeMap::new(),
            links: Vec::new(),
            intents: Vec::new(),
            pending: Vec::new(),
            fates: Vec::new(),
            journal: Vec::new(),
            messages: Vec::new(),
            said_since: BTreeMap::new(),
            drift: 0,
            misclosed: 0,
            reported: Vec::new(),
            looked: BTreeSet::new(),
            compared: BTreeSet::new(),
            inbox: Inbox::default(),
            blocked: Vec::new(),
            canonical: None,
        }
    }
}
