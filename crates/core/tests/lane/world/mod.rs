//! A small world without runtime, network or wall clock: a Jelou, a ticketing system, and the bridge
//! between them driving the real state machine. Neighbours: the stories.
//!
//! Everything is deterministic. Time moves only when the world is run.

pub mod bridge;
pub mod calls;
pub mod faults;
pub mod net;
pub mod people;
pub mod router;

pub use bridge_remotes::{chance, desk, jelou, mapping};

use bridge::Bridge;
use bridge_core::{
    call::Resolve,
    effect::TicketIdPlace,
    ids::{BotId, TicketId},
    lane::{Away, Capabilities, Limits, Mode, OnUnknown, Rules},
    mapping::Mapping,
    text::Text,
    time::Timestamp,
};
use desk::Desk;
use faults::Faults;
use jelou::Jelou;
use net::Net;
use serde_json::{Value, json};
use std::{rc::Rc, time::Duration};

pub const ANA: &str = "593987654321";
pub const BEA: &str = "593911111111";

/// A call takes this long.
pub const CALL: Duration = Duration::from_millis(10);

pub struct World {
    pub now: Timestamp,
    pub jelou: Jelou,
    pub desk: Desk,
    pub net: Net,
    pub faults: Faults,
    pub bridge: Bridge,
    pub mapping: Rc<Mapping>,
    pub mode: Mode,
    /// Since when, where it was live before.
    pub observes_since: Option<Timestamp>,
    pub limits: Limits,
    pub capabilities: Capabilities,
    /// The tickets for which the call that follows a create was made.
    pub followed: Vec<TicketId>,
    pub place: TicketIdPlace,
    pub silent: bool,
    /// Nobody is in since this moment: what customers read who write now.
    pub away: Option<(Text, Timestamp)>,
    /// Whether each commit goes through JSON, as in the real store: what it leaves out is lost.
    pub through_json: bool,
    /// How long a call takes.
    pub slow: Duration,
}

impl World {
    pub fn new() -> Self {
        Self::with(&json!({}))
    }

    /// A world whose mapping differs from the manual's.
    pub fn with(over: &Value) -> Self {
        Self::ruled(Rc::new(mapping(over)))
    }

    /// A world with a mapping that others have too.
    pub fn ruled(mapping: Rc<Mapping>) -> Self {
        Self {
            now: Timestamp(1_700_000_000_000),
            jelou: Jelou::default(),
            desk: Desk::default(),
            net: Net::default(),
            faults: Faults::default(),
            bridge: Bridge::default(),
            mapping,
            mode: Mode::Live,
            observes_since: None,
            limits: Limits {
                retry_for: Duration::from_secs(72 * 3600),
                on_unknown: OnUnknown::Hold,
                event_confirm: Duration::from_secs(60),
            },
            capabilities: Capabilities {
                only_creates: false,
                upsert_requester: true,
                find_open: true,
                create: Resolve::DirectLookup,
                note: Resolve::DirectLookup,
                comment: Resolve::DirectLookup,
                comments: false,
                create_follows: false,
                comments_hinted: false,
                attach: Some(Resolve::DirectLookup),
            },
            followed: Vec::new(),
            place: TicketIdPlace::None,
            silent: false,
            away: None,
            through_json: true,
            slow: CALL,
        }
    }

    pub fn remap(&mut self, over: &Value) {
        self.mapping = Rc::new(mapping(over));
    }

    pub fn rules<'a>(&'a self, mapping: &'a Mapping) -> Rules<'a> {
        Rules {
            mapping,
            mode: self.mode,
            limits: self.limits,
            capabilities: self.capabilities,
            ticket_id_place: self.place,
            away: self.away.as_ref().map(|(message, since)| Away {
                message,
                since: *since,
            }),
            webhooks_silent: self.silent,
        }
    }

    pub fn bot() -> BotId {
        bridge_remotes::bot()
    }

    /// Runs until nothing is due any more for ten minutes.
    pub fn settle(&mut self) {
        self.pass(Duration::from_secs(600));
    }

    /// Runs what is due now and within moments.
    pub fn moment(&mut self) {
        self.pass(Duration::from_secs(1));
    }

    /// Lets time go by, and everything that is due in it happen.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now.plus(time);
        for _ in 0..30_000 {
            if self.deliver_due() || self.work_due() {
                continue;
            }
            match self.next_moment().filter(|at| *at <= until) {
                Some(at) => self.now = self.now.max(at),
                None => {
                    self.now = self.now.max(until);
                    return;
                }
            }
        }
        panic!("the world does not come to rest:\n{}", self.tale());
    }

    fn next_moment(&self) -> Option<Timestamp> {
        let hook = self.net.next_at();
        let lane = self.bridge.next_due();
        hook.into_iter().chain(lane).min()
    }

    /// The last lines of the bridge's timeline, for a failing test.
    pub fn tale(&self) -> String {
        let journal = &self.bridge.journal;
        let from = journal.len().saturating_sub(60);
        journal[from..]
            .iter()
            .map(|e| {
                format!(
                    "{:>8} {:?} {}\n",
                    e.at.0 - 1_700_000_000_000,
                    e.kind,
                    e.sentence
                )
            })
            .collect()
    }
}
