//! Whether a side takes a call now: rate, Retry-After, credential, breaker. Neighbour: `jobs`, which
//! asks before each call and tells afterwards how it went.
//!
//! A closed gate never sleeps: the Lane settles when to come again and gives its Claim back
//! (rule 11 of the design). Nothing here touches a disk; what must outlive a restart is handed
//! back for the caller to store.

mod further;
mod line;

use crate::config::Rate;
use bridge_core::{
    call::CallError,
    event::Side,
    ids::BridgeName,
    lane::{Blocked, CREDENTIAL_PROBE_EVERY},
    time::{Timestamp, Wait},
};
use line::Line;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Failures in a row, each on another Lane, that open a host's breaker: one poisoned Lane cannot.
const BREAKER_LANES: usize = 5;

/// How long an open breaker keeps calls away at first, and at most.
const BREAKER_FIRST: Duration = Duration::from_secs(1);
const BREAKER_MOST: Duration = Duration::from_secs(30);

/// While a half-open breaker's probe is on its way, the others wait this much longer.
const BREAKER_PROBE: Duration = Duration::from_secs(5);

/// A 429 without `Retry-After` closes the host for this long.
const PAUSE_WITHOUT_ADVICE: Duration = Duration::from_secs(1);

/// An earlier moment than the latest by no more than this is of a caller who asked for it first; by
/// more, the clock was set back.
const AHEAD_MOST: Duration = Duration::from_secs(2);

/// Lanes remembered as failing while others do well. Beyond it all are forgotten: at worst their next
/// failures count again.
const POISONED_MAX: usize = 10_000;

/// One side of one bridge, as the gate knows it.
#[derive(Clone, Debug)]
pub struct Target {
    /// Whose.
    pub bridge: BridgeName,
    /// Which side.
    pub side: Side,
    /// `host:port`: what Retry-After closes, whichever bridge met it.
    pub host: String,
    /// How many calls in how long.
    pub rate: Rate,
}

/// What a call taught.
#[derive(Debug)]
pub struct Lesson {
    /// The outcome as the Lane is to see it.
    pub error: Option<CallError>,
    /// A pause that must hold over a restart: its key, until when, and why.
    pub pause: Option<(String, Timestamp, &'static str)>,
    /// A pause that is over: its key.
    pub resumed: Option<String>,
}

#[derive(Default)]
struct SideState {
    line: Line,
    credential: Option<Credential>,
    /// Objects that were answered 403, and when first.
    suspects: HashMap<String, Timestamp>,
    last_success: Option<(String, Timestamp)>,
    failing: BTreeSet<String>,
    /// Lanes that failed although others' calls worked: they tell nothing of the side.
    poisoned: BTreeSet<String>,
    openings: u32,
    open_until: Option<Timestamp>,
    /// Whether the breaker's time was over and a call was let through to see.
    probing: bool,
}

struct Credential {
    next_probe: Timestamp,
}

#[derive(Default)]
struct State {
    sides: HashMap<(BridgeName, Side), SideState>,
    hosts: HashMap<String, Timestamp>,
    /// The latest moment that anybody came with.
    latest: Timestamp,
}

impl State {
    /// When the clock is set back, what waits a second must not wait an hour: every moment held here
    /// is moved back with it.
    fn follow(&mut self, now: Timestamp) {
        let by = self.latest.since(now);
        if by <= AHEAD_MOST {
            self.latest = self.latest.max(now);
            return;
        }
        self.latest = now;
        let hosts = self.hosts.values_mut();
        for at in hosts.chain(self.sides.values_mut().flat_map(SideState::moments)) {
            *at = at.minus(by);
        }
        for side in self.sides.values_mut() {
            side.line.move_back(by);
        }
    }
}

impl State {
    /// Until when a host takes no calls at all.
    fn host(&mut self, host: &str, now: Timestamp) -> Option<Timestamp> {
        let until = self.hosts.get(host).copied()?;
        if now < until && !bridge_core::planted!(RetryAfterIgnored) {
            return Some(until);
        }
        self.hosts.remove(host);
        None
    }
}

/// The gate of all sides of all bridges.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is counters; a panic elsewhere cannot have left them half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_at(&self, now: Timestamp) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.follow(now);
        state
    }

    /// Takes a stored pause in again after a restart, by the clock as it is now: that may have been
    /// set back while nobody was there to see it.
    pub fn restore(&self, key: &str, wait: Wait, now: Timestamp) {
        let mut state = self.state_at(now);
        if bridge_core::planted!(PauseForgotten) {
            return;
        }
        let until = wait.follow_the_clock(now).until;
        if let Some(host) = key.strip_prefix("host:") {
            state.hosts.insert(host.to_owned(), until);
        } else if let Some((bridge, side)) = credential_of(key) {
            state.sides.entry((bridge, side)).or_default().credential =
                Some(Credential { next_probe: until });
        }
    }

    /// Asks for one call on behalf of a Lane (or another piece of work, by its name).
    ///
    /// # Errors
    /// [`Blocked`] when it must wait; nothing was counted but a place in the line.
    pub fn ask(&self, target: &Target, who: &str, now: Timestamp) -> Result<(), Blocked> {
        self.ask_for(target, who, 1, now)
    }

    /// The same for several calls in a row, of which each rests on the one before: one place for
    /// all of them, so that the look before a write is not all that a full line ever lets through.
    ///
    /// # Errors
    /// [`Blocked`] as of [`Gate::ask`].
    pub fn ask_for(
        &self,
        target: &Target,
        who: &str,
        calls: u32,
        now: Timestamp,
    ) -> Result<(), Blocked> {
        self.let_in(target, who, now, |line| {
            line.take(target.rate, who, calls, now)
        })
    }

    /// Lets in whom the line lets through, if the side takes calls at all.
    fn let_in(
        &self,
        target: &Target,
        who: &str,
        now: Timestamp,
        take: impl FnOnce(&mut Line) -> Result<(), Timestamp>,
    ) -> Result<(), Blocked> {
        let mut state = self.state_at(now);
        let blocked = |until, by: &str| Blocked {
            side: target.side,
            until,
            by: by.to_owned(),
        };
        let host = state.host(&target.host, now);
        let side = state
            .sides
            .entry((target.bridge.clone(), target.side))
            .or_default();
        if let Some((until, by)) = side.closed(host, now) {
            return Err(blocked(side.line.wait(target.rate, who, until, now), by));
        }
        take(&mut side.line).map_err(|until| blocked(until, "rate"))?;
        side.let_through(now);
        Ok(())
    }

    /// As [`Self::ask`], for who waits without being claimed and put off, such as the Sweep: nobody
    /// is before them but the calls of just now.
    ///
    /// # Errors
    /// [`Blocked`] when it must wait.
    pub fn ask_ahead(&self, target: &Target, now: Timestamp) -> Result<(), Blocked> {
        let mut state = self.state_at(now);
        let blocked = |until, by: &str| Blocked {
            side: target.side,
            until,
            by: by.to_owned(),
        };
        let host = state.host(&target.host, now);
        let side = state
            .sides
            .entry((target.bridge.clone(), target.side))
            .or_default();
        if let Some((until, by)) = side.closed(host, now) {
            return Err(blocked(until, by));
        }
        side.line
            .take_ahead(target.rate, now)
            .map_err(|until| blocked(until, "rate"))?;
        side.let_through(now);
        Ok(())
    }

    /// Takes in how a call went, and says what the Lane is to make of it.
    pub fn learn(
        &self,
        target: &Target,
        who: &str,
        object: &str,
        error: Option<&CallError>,
        now: Timestamp,
    ) -> Lesson {
        let mut state = self.state_at(now);
        let mut lesson = Lesson {
            error: error.cloned(),
            pause: None,
            resumed: None,
        };
        let key = format!("credential:{}:{}", target.bridge, target.side);
        if let Some(wait) = error.and_then(host_closed_for) {
            let until = now.plus(wait);
            let held = state.hosts.entry(target.host.clone()).or_insert(until);
            *held = (*held).max(until);
            lesson.pause = Some((format!("host:{}", target.host), *held, "retry_after"));
            return lesson;
        }
        let side = state
            .sides
            .entry((target.bridge.clone(), target.side))
            .or_default();
        match error {
            None => {
                side.last_success = Some((object.to_owned(), now));
                side.suspects.remove(object);
                side.poisoned.remove(who);
                if side.credential.take().is_some() {
                    side.line.open();
                    lesson.resumed = Some(key);
                }
                side.recover();
            }
            Some(CallError::Gone { .. } | CallError::Refused { .. }) => side.recover(),
            Some(CallError::Later { .. } | CallError::Unknown { .. }) => side.stumble(who, now),
            Some(CallError::Locked { .. }) => {
                let until = side.pause_credential(now);
                lesson.pause = Some((key, until, "unauthorized"));
            }
            Some(CallError::Forbidden { reason }) => match side.forbidden(object, now) {
                Verdict::TheObject => {
                    lesson.error = Some(CallError::Refused {
                        status: 403,
                        reason: reason.clone(),
                    });
                }
                Verdict::TheCredential => {
                    let until = side.pause_credential(now);
                    lesson.pause = Some((key, until, "forbidden"));
                }
                Verdict::NotKnownYet => {}
            },
        }
        lesson
    }

    /// Something was mended, as a reload says: the next call of each paused credential may ask at
    /// once instead of at its minute.
    pub fn ask_again(&self, now: Timestamp) {
        for side in self.state_at(now).sides.values_mut() {
            if let Some(credential) = &mut side.credential {
                credential.next_probe = now;
                side.line.open();
            }
        }
    }

    /// Whether a side's breaker is open, and whether its credential is paused: for the metrics.
    #[must_use]
    pub fn condition(&self, bridge: &BridgeName, side: Side, now: Timestamp) -> (bool, bool) {
        let state = self.state_at(now);
        state
            .sides
            .get(&(bridge.clone(), side))
            .map_or((false, false), |side| {
                (
                    side.open_until.is_some_and(|until| now < until),
                    side.credential.is_some(),
                )
            })
    }
}

enum Verdict {
    /// Another object's call worked since: only this object is forbidden.
    TheObject,
    /// Another object was forbidden too: the credential is.
    TheCredential,
    /// The next call for another object will tell.
    NotKnownYet,
}

impl SideState {
    /// Until when it takes no calls at all, and by what.
    fn closed(&self, host: Option<Timestamp>, now: Timestamp) -> Option<(Timestamp, &'static str)> {
        let credential = self.credential.as_ref().map(|c| c.next_probe);
        let credential = credential.filter(|_| !bridge_core::planted!(CredentialNotPaused));
        [
            (host, "retry_after"),
            (credential, "credential"),
            (self.open_until, "breaker"),
        ]
        .into_iter()
        .filter_map(|(until, by)| Some((until?, by)))
        .find(|(until, _)| now < *until)
    }

    /// A call goes out. Where it is the one that shows whether the side is well, the others wait for
    /// it.
    fn let_through(&mut self, now: Timestamp) {
        if let Some(credential) = &mut self.credential {
            credential.next_probe = now.plus(CREDENTIAL_PROBE_EVERY);
        }
        if let Some(until) = &mut self.open_until {
            *until = now.plus(BREAKER_PROBE);
            self.probing = true;
        }
    }

    fn moments(&mut self) -> impl Iterator<Item = &mut Timestamp> {
        let credential = self.credential.iter_mut().map(|c| &mut c.next_probe);
        let success = self.last_success.iter_mut().map(|(_, at)| at);
        self.suspects
            .values_mut()
            .chain(&mut self.open_until)
            .chain(credential)
            .chain(success)
    }

    fn recover(&mut self) {
        if self.poisoned.len() + self.failing.len() > POISONED_MAX {
            self.poisoned.clear();
        }
        self.poisoned.append(&mut self.failing);
        if self.open_until.is_some() {
            self.line.open();
        }
        self.openings = 0;
        self.open_until = None;
        self.probing = false;
    }

    fn stumble(&mut self, who: &str, now: Timestamp) {
        // Who fails while others do well does not close the side for them, however many they are.
        // Where the side had closed, everybody's failure counts.
        if self.open_until.is_none() && self.poisoned.contains(who) {
            return;
        }
        self.failing.insert(who.to_owned());
        // Calls that were on their way when it opened tell nothing new: only a probe's failure opens
        // it wider.
        let open = self.open_until.is_some_and(|until| now < until) && !self.probing;
        if self.failing.len() >= BREAKER_LANES && !open {
            self.probing = false;
            let wait = BREAKER_FIRST
                .saturating_mul(1 << self.openings.min(8))
                .min(BREAKER_MOST);
            self.openings = self.openings.saturating_add(1);
            self.open_until = Some(now.plus(wait));
        }
    }

    fn pause_credential(&mut self, now: Timestamp) -> Timestamp {
        let until = now.plus(CREDENTIAL_PROBE_EVERY);
        self.credential = Some(Credential { next_probe: until });
        until
    }

    fn forbidden(&mut self, object: &str, now: Timestamp) -> Verdict {
        // Another object's call worked since: those suspects were forbidden for themselves.
        if let Some((worked, at)) = &self.last_success {
            self.suspects
                .retain(|suspect, since| suspect == object || suspect == worked || *since > *at);
        }
        let first = *self.suspects.entry(object.to_owned()).or_insert(now);
        let worked_since = self
            .last_success
            .as_ref()
            .is_some_and(|(other, at)| other != object && *at >= first);
        if worked_since {
            self.suspects.remove(object);
            Verdict::TheObject
        } else if self.suspects.len() > 1 {
            self.suspects.clear();
            Verdict::TheCredential
        } else {
            Verdict::NotKnownYet
        }
    }
}

/// How long the whole host takes no calls, if it said so: a 429 in any case, a 503 by its
/// `Retry-After`, even where it may have come after the deed.
fn host_closed_for(error: &CallError) -> Option<Duration> {
    match error {
        CallError::Later {
            host_wide: true,
            after,
            ..
        } => Some(after.unwrap_or(PAUSE_WITHOUT_ADVICE)),
        CallError::Unknown { after, .. } => *after,
        CallError::Later { .. }
        | CallError::Locked { .. }
        | CallError::Forbidden { .. }
        | CallError::Gone { .. }
        | CallError::Refused { .. } => None,
    }
}

fn credential_of(key: &str) -> Option<(BridgeName, Side)> {
    let (bridge, side) = key.strip_prefix("credential:")?.split_once(':')?;
    let side = match side {
        "jelou" => Side::Jelou,
        "ticketing" => Side::Ticketing,
        _ => return None,
    };
    Some((BridgeName::parse(bridge).ok()?, side))
}

#[cfg(test)]
mod tests;
