//! The state machine's door: inputs in, the next command out. Neighbours: hear (events), found
//! (reads) and outcome (calls) take inputs in; adopt, open and merge plan; send and resolve say
//! what may go out.
//!
//! Each step derives what is wanted afresh from what is known, so a step may be lost, repeated or
//! run after a restart without harm.

use super::{
    by_bot::Away,
    state::{Blocked, Lane},
};
use crate::{
    call::{CallError, Resolve},
    effect::{Answer, Found, Operation, Read, TicketIdPlace},
    event::{CommentAdded, Side},
    ids::IntentId,
    mapping::Mapping,
    time::Timestamp,
};
use std::time::Duration;

/// Whether the bridge writes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It does.
    Live,
    /// It reads, plans and records; each Effect ends as `observed` and is never sent.
    Observe,
}

/// What to do where nothing can tell what became of a call.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Try again, flagged as a possible duplicate.
    Retry,
    /// Park it for a person.
    Hold,
}

/// The `limits` of a bridge that the rules know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a failing call is tried.
    pub retry_for: Duration,
    /// What to do where nothing can tell what became of a call.
    pub on_unknown: OnUnknown,
    /// How long to wait for the event that confirms a start.
    pub event_confirm: Duration,
}

/// What the ticketing system's profile can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// It makes tickets and nothing more: nobody can read, answer or change one afterwards.
    pub only_creates: bool,
    /// It has an operation that makes sure of a requester.
    pub upsert_requester: bool,
    /// It can list a requester's open tickets.
    pub find_open: bool,
    /// How an unknown create is found out.
    pub create: Resolve,
    /// Making a ticket takes further calls once it is there: one that was found lacks them.
    pub create_follows: bool,
    /// How an unknown note is found out.
    pub note: Resolve,
    /// How an unknown comment is found out.
    pub comment: Resolve,
    /// It can list a ticket's comments.
    pub comments: bool,
    /// No webhook of it tells of a comment: each that tells of a ticket may hint at one.
    pub comments_hinted: bool,
    /// How it is found out whether a file hangs on a ticket; `None` if it takes no files.
    pub attach: Option<Resolve>,
}

/// What a step goes by.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The operator's mapping.
    pub mapping: &'a Mapping,
    /// Whether the bridge writes.
    pub mode: Mode,
    /// Its limits.
    pub limits: Limits,
    /// What the profile can do.
    pub capabilities: Capabilities,
    /// Where Jelou keeps the ticket's id.
    pub ticket_id_place: TicketIdPlace,
    /// That nobody is in, outside the office hours; `None` within them.
    pub away: Option<Away<'a>>,
    /// The bridge's last confirmed start or close got no event in time: webhooks are not coming
    /// through, so their absence proves nothing (rule 5).
    pub webhooks_silent: bool,
}

/// What a person asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Tie a ticket and a conversation together.
    Link {
        /// The conversation, as just read.
        conversation: Box<crate::conversation::Conversation>,
        /// The ticket, as just read.
        ticket: Box<crate::ticket::Ticket>,
    },
    /// End a Link.
    Unlink {
        /// Which.
        link: crate::ids::LinkId,
    },
    /// Try a parked Intent again.
    Retry {
        /// Which.
        intent: IntentId,
    },
    /// Give a parked Intent up.
    Discard {
        /// Which.
        intent: IntentId,
    },
}

/// What the state machine is told.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Input {
    /// The Lane was claimed; its `pending` Events are loaded.
    Woken,
    /// A person asked for something.
    Ordered(Order),
    /// A read ended.
    Observed {
        /// The read.
        read: Read,
        /// When it began.
        begun: Timestamp,
        /// What it found.
        found: Result<Found, CallError>,
    },
    /// A command could not be carried out now, and surely nothing left.
    Blocked(Blocked),
    /// The safety halt holds an Intent.
    Held {
        /// Which.
        intent: IntentId,
    },
    /// A call ended.
    Performed {
        /// Whose.
        intent: IntentId,
        /// How.
        outcome: Result<Answer, CallError>,
    },
}

/// What the state machine wants next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// See this first.
    Observe(Read),
    /// Commit this Intent as sent ([`Lane::mark_sent`]), then do its Effect.
    Perform(IntentId),
    /// Settle, and give the Claim back.
    Release {
        /// When to come again by oneself.
        due_at: Option<Timestamp>,
        /// What holds it, in a word, so that it can be woken when that is gone:
        /// `halt`, `credential.jelou`, ...
        held_by: Option<String>,
    },
}

/// One thing that could be done.
#[derive(Debug)]
pub(super) struct Work {
    pub due: Timestamp,
    pub side: Option<Side>,
    pub next: Next,
}

/// One step in progress.
pub(super) struct Turn<'a> {
    pub lane: &'a mut Lane,
    pub rules: &'a Rules<'a>,
    pub now: Timestamp,
    pub works: Vec<Work>,
    pub wakes: Vec<Timestamp>,
    pub halted: bool,
    /// Planning changed something, so that planning must look again.
    pub changed: bool,
    /// Comments that were heard before what was heard with them made their ticket's Link.
    pub early: Vec<(CommentAdded, Timestamp)>,
}

/// Planning settles within a few rounds: a Link ends, so a waiting one may go. More would be a
/// cycle, which is a bug; the bound keeps it from hanging a worker.
const ROUNDS_MAX: u32 = 16;

/// Takes one input in and says what comes next.
pub fn step(lane: &mut Lane, input: Input, rules: &Rules<'_>, now: Timestamp) -> Next {
    if !planted!(ClockNotFollowed) {
        lane.follow_the_clock(now);
    }
    let mut turn = Turn::new(lane, rules, now);
    turn.absorb(input);
    let waiting = |lane: &Lane| lane.messages.iter().filter(|m| m.waits()).count();
    let before = waiting(turn.lane);
    for _ in 0..ROUNDS_MAX {
        turn.plan();
        if !turn.changed {
            break;
        }
    }
    if turn.changed && waiting(turn.lane) < before {
        // Messages that end one by one may take more rounds than any plan.
        turn.wake(now);
    }
    turn.next()
}

impl<'a> Turn<'a> {
    /// At the beginning of a step.
    pub(super) fn new(lane: &'a mut Lane, rules: &'a Rules<'a>, now: Timestamp) -> Self {
        Self {
            lane,
            rules,
            now,
            works: Vec::new(),
            wakes: Vec::new(),
            halted: false,
            changed: false,
            early: Vec::new(),
        }
    }
}

impl Turn<'_> {
    fn absorb(&mut self, input: Input) {
        match input {
            Input::Woken => self.hear_all(),
            Input::Ordered(order) => self.obey(order),
            // By a clock that was right then.
            Input::Observed { read, found, .. } if planted!(ReadStampedAtItsEnd) => {
                self.found(&read, self.now, found);
            }
            Input::Observed { read, begun, found } => self.found(&read, begun.min(self.now), found),
            Input::Blocked(blocked) => self.lane.blocked.push(blocked),
            Input::Held { intent } => self.hold(&intent),
            Input::Performed { intent, outcome } => self.performed(&intent, outcome),
        }
    }

    fn plan(&mut self) {
        self.changed = false;
        self.halted = false;
        self.works.clear();
        self.wakes.clear();
        self.plan_conversations();
        self.plan_tickets();
        // What waits for a join must know of it.
        self.plan_spelling();
        self.plan_links();
        self.plan_talk();
        self.plan_intents();
    }

    /// Picks what is due first; what is blocked waits for its side.
    fn next(&mut self) -> Next {
        let now = self.now;
        let blocked = &self.lane.blocked;
        let ready_at = |work: &Work| {
            blocked
                .iter()
                .filter(|b| Some(b.side) == work.side)
                .map(|b| b.until)
                .chain([work.due])
                .max()
                .unwrap_or(work.due)
        };
        if let Some(work) = self.works.iter().find(|w| ready_at(w) <= now) {
            return work.next.clone();
        }
        let due_at = self
            .works
            .iter()
            .map(ready_at)
            .chain(self.wakes.iter().copied())
            .min();
        let held_by = if self.halted {
            Some("halt".to_owned())
        } else {
            blocked
                .iter()
                .find(|b| self.works.iter().any(|w| w.side == Some(b.side)))
                .map(|b| format!("{}.{}", b.by, b.side))
        };
        Next::Release {
            due_at: due_at.map(|due| due.max(now)),
            held_by,
        }
    }

    /// Comes back at `at` even if nothing else happens.
    pub(super) fn wake(&mut self, at: Timestamp) {
        self.wakes.push(at);
    }

    /// Wants a read, not before `due`.
    pub(super) fn want_read(&mut self, read: Read, due: Timestamp) {
        self.works.push(Work {
            due,
            side: read.side(),
            next: Next::Observe(read),
        });
    }

    /// Wants an Intent to go out, not before `due`.
    pub(super) fn want_send(&mut self, intent: &IntentId, operation: Operation, due: Timestamp) {
        self.works.push(Work {
            due,
            side: Some(operation.side()),
            next: Next::Perform(intent.clone()),
        });
    }
}
