//! What searches prove together, in words that say no more than was looked at. Neighbours: search,
//! which makes one; `bin/explore`, which ends with these.

use super::search::Explored;

/// The world of the intent protocol, small enough to be searched whole: a ticket asks for a
/// conversation and is solved (two events), two processes, one crash, one call of which the answer is
/// lost.
pub const PROTOCOL: &str = "asks-then-solved/calls";

/// Fewer states than this, and the protocol's world has shrunk to one that proves little. It had
/// 1.94 million when this was written.
const PROTOCOL_STATES_MIN: u64 = 1_000_000;

/// What several searches came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdict {
    whole: u64,
    cut_short: u64,
    broken: u64,
    states: u64,
    transitions: u64,
}

impl Verdict {
    /// One more search came to this.
    pub fn add(&mut self, explored: &Explored) {
        match explored {
            Explored {
                broken: Some(_), ..
            } => self.broken += 1,
            Explored {
                cut_short: true, ..
            } => self.cut_short += 1,
            Explored { .. } => self.whole += 1,
        }
        self.states += explored.states;
        self.transitions += explored.transitions;
    }

    /// How many searches there were.
    #[must_use]
    pub fn searches(&self) -> u64 {
        self.whole + self.cut_short + self.broken
    }

    /// Whether no law was broken in what was looked at, and anything was.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.broken == 0 && self.searches() > 0
    }

    /// Whether this is the intent protocol in its full space of states, and every law holds there.
    ///
    /// # Errors
    /// Why it is not, in a sentence.
    pub fn is_full_protocol(&self) -> Result<(), String> {
        match self {
            Self { broken: 1.., .. } => Err("a law is broken".to_owned()),
            Self { cut_short: 1.., .. } => Err("cut short: these are not all states".to_owned()),
            Self { states, .. } if *states < PROTOCOL_STATES_MIN => Err(format!(
                "{states} states are no world to prove it in: {PROTOCOL_STATES_MIN} at least"
            )),
            _ => Ok(()),
        }
    }

    /// The counts, for a closing line.
    #[must_use]
    pub fn counts(&self) -> String {
        format!(
            "{} searches ({} whole, {} cut short, {} broken), {} states, {} transitions",
            self.searches(),
            self.whole,
            self.cut_short,
            self.broken,
            self.states,
            self.transitions,
        )
    }

    /// What that says of the laws.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (self.is_well(), self.cut_short) {
            (false, _) => "NOT well",
            (true, 0) => "every law holds",
            (true, _) => "every law holds as far as was searched",
        }
    }
}
