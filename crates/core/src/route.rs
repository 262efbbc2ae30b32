//! The Router's decision: which Lane does a Delivery belong to? By its body, else by the Link, else
//! by one read. Neighbours: the adapters' `webhook::parse`, which says what a Delivery means; the
//! daemon's `jobs::routes` and the simulator, which look up and read what is asked here.

mod apart;
mod tries;

pub use apart::{Part, apart, came_with};
pub use tries::{Tries, not_now};

use crate::{
    event::{Event, Parsed, TicketChanged},
    ids::{BotId, BridgeName, ConversationId, IntentId, LaneId, TicketId, UserId},
    mapping::Mapping,
    ticket::{GONE_READS_APART, Order, Ticket},
    time::Timestamp,
};
use std::time::Duration;

/// What a Delivery is put off by whose ticket was missed for the first time.
const NOT_THERE: &str = "its ticket was not found; it is looked for once more";

/// A Delivery waits so long behind an earlier one that was put off and is at a Router just now.
const BEHIND: Duration = Duration::from_millis(500);

/// Until when a Delivery waits behind an earlier one about the same object that is put off. Of two that are due at
/// one moment, that one goes first.
#[must_use]
pub fn behind(put_off: Timestamp, now: Timestamp) -> Timestamp {
    if put_off > now {
        put_off
    } else {
        now.plus(BEHIND)
    }
}

/// How the Router ends with a Delivery.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum RouteEnd {
    /// It belongs to the customer's Lane, which is made if there is none. A known other spelling of
    /// the customer leads to the Lane under the canonical one.
    ToLane {
        /// The bridge.
        bridge: BridgeName,
        /// The bot.
        bot: BotId,
        /// The customer, in any spelling.
        user: UserId,
        /// What the Delivery meant.
        events: Vec<Event>,
        /// The ticket's or conversation's id.
        object: Option<String>,
    },
    /// It belongs to a Lane that was found.
    ToKnownLane {
        /// The Lane.
        lane: LaneId,
        /// What the Delivery meant.
        events: Vec<Event>,
        /// The ticket's or conversation's id.
        object: Option<String>,
    },
    /// It concerns nobody; in a word why.
    Ignored {
        /// `reflection`, `other_bot`, `no_customer`, ...
        reason: String,
        /// The ticket's or conversation's id, as far as read.
        object: Option<String>,
        /// What it meant, as far as read.
        events: Vec<Event>,
    },
    /// It waits for a person.
    Parked {
        /// `unreadable`, `wrong_project`, ...
        reason: String,
        /// What is wrong, in a sentence without content.
        detail: String,
        /// What a person can do.
        remedy: String,
        /// The ticket's or conversation's id, as far as read.
        object: Option<String>,
    },
    /// Something was missing, such as a read; it is handed out again.
    Later {
        /// Not before.
        due_at: Timestamp,
        /// What was missing, in a sentence without content.
        error: String,
        /// The ticket's or conversation's id: no later Delivery about it overtakes this one.
        object: Option<String>,
        /// Since when its ticket is missed, if it is: kept with it, whatever puts it off next.
        missing_since: Option<Timestamp>,
    },
}

impl RouteEnd {
    /// It waits for a person, who is told what helps.
    #[must_use]
    pub fn parked(reason: &str, detail: String, object: Option<String>) -> Self {
        let remedy = match reason {
            "wrong_project" => {
                "send this project's webhooks to its own bridge; check jelou.project_id"
            }
            "mapping" => "mend the mapping, then `parked retry`",
            "refused" | "retries_exhausted" => {
                "let the bridge's user see this ticket, then `parked retry`; or `parked discard`"
            }
            _ => {
                "look at it with `parked show`; if the sender changed its format, upgrade and `parked retry`"
            }
        };
        Self::Parked {
            reason: reason.to_owned(),
            detail,
            remedy: remedy.to_owned(),
            object,
        }
    }
}

/// What must be known before the Router can say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// Which Lane has this Intent? Answered by [`Told::Lane`].
    LaneOfIntent(IntentId),
    /// Which Lane has a Link of this conversation, live or not?
    LaneOfConversation(ConversationId),
    /// Which Lane has a live Link of this ticket?
    LaneOfLiveTicket(TicketId),
    /// Which Lane has a Link of this ticket, live or not?
    LaneOfTicket(TicketId),
    /// Which Lane has a live Link of this conversation that waits for its ticket, or has this one by now? The
    /// ticket's link field names the conversation: a create whose answer is on its way made it.
    LaneThatWaits {
        /// The conversation.
        conversation: ConversationId,
        /// The ticket.
        ticket: TicketId,
    },
    /// One read of the ticket, or a read that began after the Delivery was received.
    ReadTicket(TicketId),
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Told {
    /// Which Lane, if any.
    Lane(Option<LaneId>),
    /// The ticket, and when its read began.
    Ticket {
        /// As read.
        ticket: Box<Ticket>,
        /// When the read began.
        begun: Timestamp,
    },
    /// There is no such ticket ([`missing`]).
    Gone {
        /// It is missed since then, and not for long enough: it is looked for once more, if nobody had it.
        since: Option<Timestamp>,
    },
    /// It will not be had: the remote says no, or has failed for too long.
    Never {
        /// In a word.
        reason: &'static str,
        /// In a sentence without content.
        detail: String,
    },
    /// It cannot be had now.
    Later {
        /// Not before.
        due_at: Timestamp,
        /// Why, in a sentence without content.
        error: String,
    },
}

/// What the Router wants.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Turn {
    /// Know this first.
    Ask(Ask),
    /// Settle it so.
    End(RouteEnd),
}

#[derive(Clone, Debug, PartialEq, Hash)]
enum Phase {
    /// A start that names one of our Intents.
    ByIntent,
    ByConversation,
    ByLiveTicket,
    /// A change by us, told without the ticket.
    ByAnyTicket,
    Reading,
    /// The ticket is known, and names the conversation that it was made for.
    ByLinkField,
    /// The ticket is known; its customer is not, or is not wanted.
    NoCustomer,
    /// The ticket is gone, or missed since then.
    Missing {
        since: Option<Timestamp>,
    },
}

/// One Delivery on its way to a Lane. It is about one ticket or conversation: [`apart()`] sees to that.
#[derive(Clone, Debug, Hash)]
pub struct Route {
    bridge: BridgeName,
    bot: Option<BotId>,
    events: Vec<Event>,
    object: Option<String>,
    phase: Phase,
}

impl Route {
    /// Begins with what the Delivery meant. A ticket's conversation is started on `bot`.
    #[must_use]
    pub fn begin(parsed: Parsed, bridge: BridgeName, bot: Option<BotId>) -> (Self, Turn) {
        let object = object_of(&parsed).map(str::to_owned);
        let mut route = Self {
            bridge,
            bot,
            events: Vec::new(),
            object,
            phase: Phase::ByConversation,
        };
        let turn = match parsed {
            Parsed::Events(events) => {
                route.events = events;
                route.look()
            }
            Parsed::Ignored(reason) => route.ignored(reason),
            Parsed::Parked { reason, detail } => route.parked(reason, detail),
        };
        (route, turn)
    }

    /// Takes in the answer to what was asked last.
    pub fn told(&mut self, told: Told, mapping: &Mapping) -> Turn {
        match told {
            Told::Lane(_)
                if planted!(LinkNotAskedFirst) && matches!(self.phase, Phase::ByLiveTicket) =>
            {
                self.by_lane(None, mapping)
            }
            Told::Lane(_)
                if planted!(TalkLaneNotAsked) && matches!(self.phase, Phase::ByConversation) =>
            {
                self.by_lane(None, mapping)
            }
            Told::Later { .. } if planted!(RouterGivesUp) => self.ignored("unread"),
            Told::Lane(lane) => self.by_lane(lane, mapping),
            Told::Ticket { ticket, begun } => {
                fill(&mut self.events, &ticket, begun);
                self.by_customer(&ticket, mapping)
            }
            Told::Gone { since } => {
                self.phase = Phase::Missing { since };
                self.ask_ticket(Ask::LaneOfTicket)
            }
            Told::Never { reason, detail } => self.parked(reason, detail),
            Told::Later { due_at, error } => Turn::End(RouteEnd::Later {
                due_at,
                error,
                object: self.object.take(),
                missing_since: None,
            }),
        }
    }

    fn look(&mut self) -> Turn {
        match self.events.first() {
            None => self.ignored("no_event"),
            Some(Event::ConversationStarted(e)) => match e.intent_id.clone() {
                Some(_) if planted!(IntentLaneNotAsked) => self.ask_conversation(),
                Some(intent) => {
                    self.phase = Phase::ByIntent;
                    Turn::Ask(Ask::LaneOfIntent(intent))
                }
                None => self.ask_conversation(),
            },
            Some(Event::ConversationClosed(_) | Event::MessageReceived(_)) => {
                self.ask_conversation()
            }
            // Routing asks the Link first: a changed requester counts only for the next
            // conversation (rule 10).
            Some(Event::TicketChanged(_) | Event::CommentAdded(_)) => {
                self.phase = Phase::ByLiveTicket;
                self.ask_ticket(Ask::LaneOfLiveTicket)
            }
        }
    }

    fn by_lane(&mut self, lane: Option<LaneId>, mapping: &Mapping) -> Turn {
        if self.phase == Phase::ByAnyTicket && !self.is_only_ours() {
            changes(&mut self.events).for_each(|change| change.last_lane = lane.clone());
            return self.by_whole(mapping);
        }
        let by_requester = !matches!(
            self.phase,
            Phase::NoCustomer | Phase::Missing { .. } | Phase::ByLinkField
        );
        if lane.is_some() && !by_requester {
            // It goes where it is or was, and no requester brings it there.
            changes(&mut self.events).for_each(|change| change.last_lane = None);
        }
        if let Some(lane) = lane {
            return Turn::End(RouteEnd::ToKnownLane {
                lane,
                events: std::mem::take(&mut self.events),
                object: self.object.take(),
            });
        }
        match self.phase {
            Phase::ByIntent => self.ask_conversation(),
            Phase::ByConversation => self.end_at_talker(),
            Phase::ByLiveTicket => {
                self.phase = Phase::ByAnyTicket;
                self.ask_ticket(Ask::LaneOfTicket)
            }
            Phase::ByAnyTicket | Phase::ByLinkField => self.by_whole(mapping),
            Phase::NoCustomer | Phase::Reading => self.ignored("no_customer"),
            Phase::Missing { since: None } => self.ignored("gone"),
            Phase::Missing { since: Some(since) } => Turn::End(RouteEnd::Later {
                due_at: since.plus(GONE_READS_APART),
                error: NOT_THERE.to_owned(),
                object: self.object.take(),
                missing_since: Some(since),
            }),
        }
    }

    fn by_whole(&mut self, mapping: &Mapping) -> Turn {
        match self.latest_whole().cloned() {
            Some(whole) => self.by_customer(&whole, mapping),
            None => {
                self.phase = Phase::Reading;
                self.ask_ticket(Ask::ReadTicket)
            }
        }
    }

    fn by_customer(&mut self, ticket: &Ticket, mapping: &Mapping) -> Turn {
        // Who waits for it goes before its requester, as who has it does (rule 10).
        if let Some(conversation) = ticket.link_field.clone()
            && self.phase != Phase::ByLinkField
            && !planted!(LinkNotAskedFirst)
        {
            self.phase = Phase::ByLinkField;
            let ticket = ticket.id.clone();
            return Turn::Ask(Ask::LaneThatWaits {
                conversation,
                ticket,
            });
        }
        match mapping.user_id(ticket) {
            Ok(Some(user)) => match self.bot.clone() {
                Some(bot) => self.end_at(bot, user),
                None => self.ignored("no_bot"),
            },
            Ok(None) => {
                self.phase = Phase::NoCustomer;
                self.ask_ticket(Ask::LaneOfTicket)
            }
            Err(error) => self.parked("mapping", error.to_string()),
        }
    }

    fn end_at_talker(&mut self) -> Turn {
        match self.events.first().and_then(Event::conversation).cloned() {
            Some(conversation) => self.end_at(conversation.bot, conversation.user),
            None => self.ignored("no_event"),
        }
    }

    fn end_at(&mut self, bot: BotId, user: UserId) -> Turn {
        Turn::End(RouteEnd::ToLane {
            bridge: self.bridge.clone(),
            bot,
            user,
            events: std::mem::take(&mut self.events),
            object: self.object.take(),
        })
    }

    fn ask_conversation(&mut self) -> Turn {
        self.phase = Phase::ByConversation;
        match self.events.first().and_then(Event::conversation) {
            Some(conversation) => Turn::Ask(Ask::LaneOfConversation(conversation.id.clone())),
            None => self.ignored("no_event"),
        }
    }

    fn ask_ticket(&mut self, ask: fn(TicketId) -> Ask) -> Turn {
        match self.change().map(|change| change.ticket.clone()) {
            Some(ticket) => Turn::Ask(ask(ticket)),
            None => self.ignored("no_event"),
        }
    }

    /// What we change is never who asks: no read is needed to know whose ticket it still is.
    fn is_only_ours(&self) -> bool {
        self.change()
            .is_some_and(|change| change.by_us && change.whole.is_none())
    }

    fn change(&self) -> Option<&TicketChanged> {
        change_of(self.events.first()?)
    }

    /// The ticket as the latest of what is told here shows it: one body may tell of several moments, and in
    /// between the ticket may have become another customer's.
    fn latest_whole(&self) -> Option<&Ticket> {
        let told = self.events.iter().filter_map(change_of);
        let wholes = told.filter_map(|change| change.whole.as_deref());
        wholes.reduce(|before, next| match before.version.compare(&next.version) {
            Order::Older => before,
            Order::Newer | Order::Same | Order::Unknown => next,
        })
    }

    fn parked(&mut self, reason: &str, detail: String) -> Turn {
        Turn::End(RouteEnd::parked(reason, detail, self.object.take()))
    }

    fn ignored(&mut self, reason: &str) -> Turn {
        Turn::End(RouteEnd::Ignored {
            reason: reason.to_owned(),
            object: self.object.take(),
            events: std::mem::take(&mut self.events),
        })
    }
}

/// What a 404 tells of the ticket of a Delivery that was missed before, at `since`, or not.
#[must_use]
pub fn missing(since: Option<Timestamp>, now: Timestamp) -> Told {
    let since = missed_since(since, now);
    Told::Gone { since }
}

/// Since when something is missed that is not found now; `None` if for so long that it counts as gone. Missing once
/// may be a lagging replica; missing twice, spaced, is gone (F33). What was missed ahead of `now` was so before the
/// clock was set back, and nobody knows how long ago that is.
#[must_use]
pub fn missed_since(before: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let since = before.map_or(now, |before| before.min(now));
    (now.since(since) < GONE_READS_APART).then_some(since)
}

/// The ticket or conversation that a Delivery is about, the first where there are several ([`apart()`]): routing is
/// serial for each.
#[must_use]
pub fn object_of(parsed: &Parsed) -> Option<&str> {
    let Parsed::Events(events) = parsed else {
        return None;
    };
    object_of_event(events.first()?)
}

/// The ticket or conversation that an event is about.
fn object_of_event(event: &Event) -> Option<&str> {
    event
        .ticket()
        .map(TicketId::as_str)
        .or_else(|| event.conversation_id().map(ConversationId::as_str))
}

fn change_of(event: &Event) -> Option<&TicketChanged> {
    match event {
        Event::TicketChanged(change) => Some(change),
        Event::CommentAdded(comment) => Some(&comment.change),
        Event::ConversationStarted(_)
        | Event::ConversationClosed(_)
        | Event::MessageReceived(_) => None,
    }
}

fn changes(events: &mut [Event]) -> impl Iterator<Item = &mut TicketChanged> {
    events.iter_mut().filter_map(|event| match event {
        Event::TicketChanged(change) => Some(change),
        Event::CommentAdded(comment) => Some(&mut *comment.change),
        Event::ConversationStarted(_)
        | Event::ConversationClosed(_)
        | Event::MessageReceived(_) => None,
    })
}

/// The Event carries what the Router read, so that the Lane need not read it again.
fn fill(events: &mut [Event], ticket: &Ticket, begun: Timestamp) {
    for change in changes(events) {
        change.whole = Some(Box::new(ticket.clone()));
        change.version = ticket.version;
        change.read_at = Some(begun);
    }
}

#[cfg(test)]
mod tests;
