//! The values that labels can have, each a closed list, and the limit on how many series there can
//! be. Neighbours: `instance` and `service`, which count under these.
//!
//! Input never becomes a label: a sender who could name labels could fill the memory of whoever
//! scrapes us (S14 of the threats we keep).

use bridge_core::{
    call::CallError,
    ids::{BotId, BridgeName},
};
use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The labels of one series.
pub(super) type Labels = Vec<(&'static str, Cow<'static, str>)>;

/// In place of a bridge's name once the series are used up, and of a word we do not list.
pub(super) const OTHER: &str = "other";

/// Most series of one scrape: what one small Prometheus takes from one target without notice.
pub const MAX_SERIES: u64 = 500;

/// Of those, for what is read from the store.
pub(super) const SERVICE_SERIES: u64 = 140;

/// Of the store's, what all bridges that share the name `other` can take, with what belongs to none.
pub(super) const RESERVED_SERVICE_SERIES: u64 = 37;

/// Of all series, for what belongs to no bridge, and for all bridges that share the name `other`: the
/// sum over everything that can be counted under it. A test counts it all.
pub(super) const RESERVED_SERIES: u64 = 234;

/// Teams of one process that are told apart in histograms; the rest is `other`. With both histograms
/// each takes twelve series.
const TEAMS_MAX: usize = 4;

/// Longer is no team's name.
const TEAM_CHARACTERS_MAX: usize = 40;

/// What is left for series under a bridge's own name.
pub(super) const NAMED_SERIES: u64 = MAX_SERIES - SERVICE_SERIES - RESERVED_SERIES;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$of])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The label's value.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// What became of a webhook request at the door.
    DeliveryOutcome {
        /// Stored.
        New = "new",
        /// Stored before.
        Known = "known",
        /// 401: nothing proved its sender.
        RefusedProof = "refused_proof",
        /// 413: over the size limit.
        RefusedSize = "refused_size",
        /// 415: a `Content-Encoding`.
        RefusedEncoding = "refused_encoding",
        /// 400 or 408: the body broke off or came too slowly.
        RefusedBroken = "refused_broken",
        /// 503: it could not be stored in time.
        Unavailable = "unavailable",
    }
}

words! {
    /// How an Event ended.
    EventFate {
        /// Taken in by its Lane.
        Applied = "applied",
        /// Of no concern.
        Ignored = "ignored",
        /// Waits for a person.
        Parked = "parked",
    }
}

words! {
    /// How one try to change a remote ended.
    EffectOutcome {
        /// Done.
        Confirmed = "confirmed",
        /// It surely had no effect, and is tried again.
        Later = "later",
        /// Nobody knows yet.
        Unknown = "unknown",
        /// The remote said no, for good: refused, forbidden or gone.
        Refused = "refused",
        /// The credential was refused.
        Locked = "locked",
        /// `mode = "observe"`: it would have been tried.
        Observed = "observed",
    }
}

impl From<&CallError> for EffectOutcome {
    fn from(error: &CallError) -> Self {
        match error {
            CallError::Later { .. } => Self::Later,
            CallError::Unknown { .. } => Self::Unknown,
            CallError::Locked { .. } => Self::Locked,
            CallError::Forbidden { .. } | CallError::Gone { .. } | CallError::Refused { .. } => {
                Self::Refused
            }
        }
    }
}

words! {
    /// What a remote answered.
    StatusClass {
        /// 2xx.
        Success = "2xx",
        /// 1xx and 3xx: neither yes nor no.
        Redirect = "3xx",
        /// 4xx but 429.
        Client = "4xx",
        /// 429: too fast for the remote.
        TooMany = "429",
        /// 5xx.
        Server = "5xx",
        /// No answer: not connected, cut, or too slow.
        None = "none",
    }
}

impl StatusClass {
    /// The class of a status; `None` where no answer came.
    #[must_use]
    pub fn of(status: Option<u16>) -> Self {
        match status {
            Option::None => Self::None,
            Some(200..=299) => Self::Success,
            Some(429) => Self::TooMany,
            Some(400..=499) => Self::Client,
            Some(500..) => Self::Server,
            Some(_) => Self::Redirect,
        }
    }
}

/// Why something is parked: every word that the Router, a Lane or the store parks with. The API refuses any
/// other as a filter.
pub const PARKED_REASONS: &[&str] = &[
    "unreadable",
    "wrong_project",
    "refused",
    "unknown_outcome",
    "busy_timeout",
    "two_conversations",
    "behind",
    "loop",
    "file",
    "retries_exhausted",
    "merged",
    "mapping",
    "no_bridge",
    "broken_invariant",
    "unreadable_lane",
];

/// The states of a live Link: the words of `Link::state`.
pub(super) const LINK_STATES: &[&str] = &[
    "linked",
    "waiting_busy",
    "conversation_wanted",
    "ticket_wanted",
    "unwanted",
];

/// The states of an open Intent: the words of `IntentState::as_str`.
pub(super) const INTENT_STATES: &[&str] = &["planned", "sent", "unknown"];

/// The word itself if it is listed.
pub(super) fn listed(word: &str, list: &[&'static str]) -> &'static str {
    list.iter()
        .find(|one| **one == word)
        .copied()
        .unwrap_or(OTHER)
}

/// How many more series may be made under bridges' own names.
#[derive(Clone, Debug)]
pub(super) struct Budget(Arc<AtomicU64>);

impl Budget {
    pub(super) fn of(series: u64) -> Self {
        Self(Arc::new(AtomicU64::new(series)))
    }

    /// Takes some, if there are so many left.
    pub(super) fn take(&self, series: u64) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(series)
            })
            .is_ok()
    }
}

/// The teams that are told apart: the first few that a report named, by bridge and bot.
#[derive(Debug, Default)]
pub(super) struct Teams(Mutex<BTreeSet<(BridgeName, BotId, String)>>);

impl Teams {
    /// The labels of a bot and a team. A team without a name is `none`; one too many, or whose name
    /// is no plain word, is `other`, and so is its bot.
    pub(super) fn labels(&self, bridge: &BridgeName, bot: &BotId, team: Option<&str>) -> Labels {
        let team = team.unwrap_or("none");
        let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.');
        let fits = !team.is_empty() && team.chars().count() <= TEAM_CHARACTERS_MAX;
        let key = (bridge.clone(), bot.clone(), team.to_owned());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told_apart = fits
            && team.chars().all(plain)
            && (known.contains(&key) || known.len() < TEAMS_MAX && known.insert(key));
        let word = |word: &str| match told_apart {
            true => Cow::Owned(word.to_owned()),
            false => Cow::Borrowed(OTHER),
        };
        vec![
            ("bridge", Cow::Owned(bridge.as_str().to_owned())),
            ("bot", word(bot.as_str())),
            ("team", word(team)),
        ]
    }
}

/// The same labels under `other` in place of the bridge, and of what is the bridge's own.
pub(super) fn under_other(mut labels: Labels) -> Labels {
    for (label, value) in &mut labels {
        if matches!(*label, "bridge" | "bot" | "team") {
            *value = Cow::Borrowed(OTHER);
        }
    }
    labels
}
