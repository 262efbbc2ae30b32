//! What does not change during a search: the rules, the remotes' manners, what people do, and what
//! may go wrong how often. Neighbours: scenario, which fills it; world, which lives by it.

use bridge_core::{
    call::Resolve,
    effect::TicketIdPlace,
    event::Event,
    ids::{BotId, BridgeName, UserId},
    lane::{Capabilities, Limits, Mode, OnUnknown, Rules},
    mapping::{self, Mapping, MappingSpec},
    ticket::{Status, Vocabulary},
};
use bytes::Bytes;
use serde_json::{Value, json};
use std::{cell::RefCell, collections::HashMap, time::Duration};

/// The bot of every conversation.
pub const BOT: &str = "bot-1";

/// The customer.
pub const ANA: &str = "593987654321";

/// What a start means for a customer who is already talking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Second {
    /// 422.
    Refused,
    /// 200, with the conversation that is there.
    Returned,
}

/// How the ticketing system says which state is the later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// By a clock of whole seconds.
    Seconds,
    /// By a number.
    Numbers,
    /// Not at all.
    None,
}

/// What its webhooks carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// The whole ticket.
    Whole,
    /// Its id.
    Id,
}

/// How often each thing may still go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Left {
    /// A replica dies, or both do.
    pub crashes: u8,
    /// A call is cut off: before or after it was done.
    pub cuts: u8,
    /// A webhook is lost.
    pub lost: u8,
    /// A webhook comes twice.
    pub twice: u8,
    /// A webhook comes after the clock went on.
    pub late: u8,
    /// A worker sleeps until its lease has run out.
    pub sleeps: u8,
}

/// What people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// An agent makes a ticket that asks for a conversation.
    Asks(&'static str),
    /// An agent makes a ticket that does not.
    Makes(&'static str),
    /// An agent lets it ask.
    Tags(&'static str),
    /// An agent sets a ticket's status.
    Sets(&'static str, &'static str),
    /// The customer begins a conversation, if none goes on.
    Begins(&'static str),
    /// The customer writes into the latest conversation, over or not.
    Writes(&'static str),
    /// The conversation that goes on ends for this reason.
    Ends(&'static str),
}

/// What is wrong with the driver, to show that the search finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// A commit does not ask whether its Claim still holds.
    NoFencing,
    /// `sent` is committed with the call's outcome, and not before the call.
    SentAfterCall,
    /// A call is begun however long ago its Intent was committed as sent.
    BegunLate,
    /// Webhooks are answered before they are stored, and a crash loses them.
    AnswerBeforeStore,
}

/// All that does not change.
pub struct Setting {
    /// The operator's mapping.
    pub mapping: Mapping,
    /// Which Jelou.
    pub second: Second,
    /// How an unknown create is found out.
    pub create: Resolve,
    /// How versions are told.
    pub versions: Versions,
    /// What the ticketing system's webhooks carry.
    pub carries: Carries,
    /// What to do where nothing can tell what became of a call.
    pub on_unknown: OnUnknown,
    /// Where Jelou keeps the ticket's id.
    pub place: TicketIdPlace,
    /// The customer as the tickets spell them, where Jelou does it otherwise.
    pub spelled: Option<&'static str>,
    /// What happened before, without any trouble.
    pub before: &'static [Deed],
    /// What people do: each hand in its order, the hands in any.
    pub hands: &'static [&'static [Deed]],
    /// What may go wrong.
    pub left: Left,
    /// What is wrong with the driver.
    pub flaw: Flaw,
    /// The bridge's name.
    pub bridge: BridgeName,
    /// Its bot.
    pub bot: BotId,
    /// The customer as Jelou spells them.
    pub ana: UserId,
    events: RefCell<Events>,
}

/// Every Event that was ever told in this search, by number: a body is its number.
#[derive(Default)]
struct Events {
    numbers: HashMap<Event, u32>,
    all: Vec<(Event, Bytes)>,
}

/// The words of the ticketing system.
pub fn vocabulary() -> Vocabulary {
    let words = |words: &[&str]| words.iter().map(|w| Status::new(w)).collect();
    Vocabulary {
        statuses: words(&["new", "open", "pending", "solved", "closed"]),
        solved: words(&["solved"]),
        final_: words(&["closed"]),
        reopened: Status::new("open"),
        open_ended: false,
        fields: None,
    }
}

/// The mapping of the manual, with `over` merged in, key by key.
///
/// # Errors
/// In a sentence, why it is no mapping.
pub fn mapping(over: &Value) -> Result<Mapping, String> {
    let mut written = json!({
        "conversation": {
            "open_when": "'whatsapp' in ticket.tags",
            "user_id": "{{ ticket.requester.phone | digits }}",
            "initial_message": "About ticket {{ ticket.id }}.",
        },
        "ticket": {
            "tags": ["whatsapp"],
            "status_on_close": {"closed_by_operator": "solved", "expired": "pending", "default": "open"},
        },
    });
    overlay(&mut written, over);
    let spec: MappingSpec = serde_json::from_value(written).map_err(|e| e.to_string())?;
    mapping::compile(&spec, &vocabulary()).map_err(|errors| format!("{errors:?}"))
}

fn overlay(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                overlay(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

impl Setting {
    /// The manual's mapping with `over`, and the plainest remotes.
    ///
    /// # Errors
    /// In a sentence, why it is no setting.
    pub fn new(over: &Value) -> Result<Self, String> {
        let bad = |_| "no id".to_owned();
        Ok(Self {
            mapping: mapping(over)?,
            second: Second::Refused,
            create: Resolve::DirectLookup,
            versions: Versions::Numbers,
            carries: Carries::Whole,
            on_unknown: OnUnknown::Hold,
            place: TicketIdPlace::None,
            spelled: None,
            before: &[],
            hands: &[],
            left: Left::default(),
            flaw: Flaw::None,
            bridge: BridgeName::parse("main").map_err(bad)?,
            bot: BotId::parse(BOT).map_err(bad)?,
            ana: UserId::parse(ANA).map_err(bad)?,
            events: RefCell::default(),
        })
    }

    /// What a step goes by.
    pub fn rules(&self, webhooks_silent: bool) -> Rules<'_> {
        Rules {
            mapping: &self.mapping,
            mode: Mode::Live,
            limits: Limits {
                retry_for: Duration::from_secs(3600),
                on_unknown: self.on_unknown,
                event_confirm: EVENT_CONFIRM,
            },
            capabilities: Capabilities {
                only_creates: false,
                upsert_requester: true,
                find_open: true,
                create: self.create,
                note: Resolve::DirectLookup,
                comment: Resolve::DirectLookup,
                comments: false,
                create_follows: false,
                comments_hinted: false,
                attach: Some(Resolve::DirectLookup),
            },
            ticket_id_place: self.place,
            away: None,
            webhooks_silent,
        }
    }

    /// Jelou's spelling of a customer.
    pub fn canonical(&self, user: &UserId) -> UserId {
        if self.spelled == Some(user.as_str()) {
            self.ana.clone()
        } else {
            user.clone()
        }
    }

    /// The number of an Event.
    pub fn number(&self, event: Event) -> u32 {
        let mut events = self.events.borrow_mut();
        if let Some(number) = events.numbers.get(&event) {
            return *number;
        }
        let number = u32::try_from(events.all.len()).unwrap_or(u32::MAX);
        let body = Bytes::copy_from_slice(&number.to_be_bytes());
        events.all.push((event.clone(), body));
        events.numbers.insert(event, number);
        number
    }

    /// The body under which it is stored.
    pub fn body(&self, number: u32) -> Bytes {
        let events = self.events.borrow();
        let found = usize::try_from(number).ok().and_then(|n| events.all.get(n));
        found.map(|(_, body)| body.clone()).unwrap_or_default()
    }

    /// The Event of a number.
    pub fn event(&self, number: u32) -> Option<Event> {
        let events = self.events.borrow();
        let found = usize::try_from(number).ok().and_then(|n| events.all.get(n));
        found.map(|(event, _)| event.clone())
    }

    /// The Event of a stored body.
    pub fn meant(&self, body: &[u8]) -> Option<Event> {
        let number = u32::from_be_bytes(body.try_into().ok()?);
        self.event(number)
    }
}

/// How long the event of a start is waited for.
pub const EVENT_CONFIRM: Duration = Duration::from_secs(60);

/// A call takes this long at most.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
