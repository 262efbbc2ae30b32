//! When each call of an operation goes out: a rate counts calls, and an operation makes several.
//! Neighbours: `send`, which waits here before each; the daemon's gate, which knows the rate.
//!
//! A write has to be made before its deadline, or whoever takes the work over could make it a second
//! time. So its calls are asked for together, before it begins, and none of them waits for long. What only
//! reads waits for its turn as long as it takes, and its deadline waits with it.

use super::Client;
use crate::profile::rules::Kind;
use bridge_core::{call::CallError, effect::Operation};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::Instant;

/// How long one call that can wait waits for its turn: two of the longest windows that are common, a
/// minute. Longer, and the rate has no room for anybody.
const TURN_WAIT: Duration = Duration::from_secs(120);

/// A call that has to be made waits at most this share of the time that is left for it, and goes out then:
/// the calls after it make up for that.
const SHARE_OF_WAIT: u32 = 2;

/// What a further call of an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Further {
    /// It has to be made soon: the time that is answered is its own, whether it is waited for or not.
    MustGo,
    /// It can wait: it asks again when the time that is answered is over.
    CanWait,
}

/// When a further call may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// After so long; now, if that is nothing.
    After(Duration),
    /// Not before so long: the host takes no calls.
    Closed(Duration),
}

/// The rate that the calls of a client keep to.
#[derive(Clone)]
pub struct Pace {
    /// So many calls..
    pub calls: u32,
    /// ..in so long a time.
    pub per: Duration,
    /// Asked for each call beyond those that were asked for when the operation was let through.
    pub further: Arc<dyn Fn(Further) -> Turn + Send + Sync>,
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pace({}/{:?})", self.calls, self.per)
    }
}

/// The time that one operation has for all its calls, and what it made of it.
#[derive(Debug)]
pub(crate) struct Budget {
    begun: Instant,
    whole: Duration,
    /// How many calls were asked for when it was let through.
    asked: u32,
    made: AtomicU32,
    can_wait: AtomicBool,
    waited_ms: AtomicU64,
}

impl Budget {
    /// Of a read: one call was asked for, and the others can wait.
    pub(crate) fn read(deadline: Duration) -> Self {
        Self {
            begun: Instant::now(),
            whole: deadline,
            asked: 1,
            made: AtomicU32::new(0),
            can_wait: AtomicBool::new(true),
            waited_ms: AtomicU64::new(0),
        }
    }

    /// Of a write, whose calls up to the write itself were asked for together.
    pub(crate) fn write(deadline: Duration, asked: u32) -> Self {
        Self {
            asked,
            can_wait: AtomicBool::new(false),
            ..Self::read(deadline)
        }
    }

    /// The same deadline from now on, for a call that stands for itself. None was asked for it.
    pub(crate) fn anew(&self) -> Self {
        Self {
            asked: 0,
            ..Self::read(self.whole)
        }
    }

    /// The write is out: what follows only looks, or may be done twice.
    pub(super) fn is_out(&self) {
        self.can_wait.store(true, Relaxed);
    }

    /// What is left; nothing is sent when nothing is.
    pub(super) fn left(&self) -> Result<Duration, CallError> {
        let waited = Duration::from_millis(self.waited_ms.load(Relaxed));
        let ends = self.begun + self.whole + waited;
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(no_time());
        }
        Ok(left)
    }

    /// Waits until the next call may go, and says how long it may take.
    pub(super) async fn turn(&self, pace: Option<&Pace>) -> Result<Duration, CallError> {
        let made = self.made.fetch_add(1, Relaxed);
        let Some(pace) = pace else {
            return self.left();
        };
        if made < self.asked {
            // As many as the rate has at once, and the others in the time after.
            let after = pace.per * (made / pace.calls.max(1));
            self.must_go(after.saturating_sub(self.begun.elapsed()))
                .await?;
        } else if self.can_wait.load(Relaxed) {
            self.wait(pace).await?;
        } else {
            match (pace.further)(Further::MustGo) {
                Turn::After(wait) => self.must_go(wait).await?,
                Turn::Closed(wait) => return Err(closed(wait)),
            }
        }
        self.left()
    }

    async fn must_go(&self, wait: Duration) -> Result<(), CallError> {
        tokio::time::sleep(wait.min(self.left()? / SHARE_OF_WAIT)).await;
        Ok(())
    }

    async fn wait(&self, pace: &Pace) -> Result<(), CallError> {
        self.left()?;
        let begun = Instant::now();
        loop {
            let wait = match (pace.further)(Further::CanWait) {
                Turn::After(Duration::ZERO) => break,
                Turn::After(wait) => wait,
                Turn::Closed(wait) => return Err(closed(wait)),
            };
            if begun.elapsed() + wait > TURN_WAIT {
                return Err(later("the rate had no room for its further calls"));
            }
            tokio::time::sleep(wait).await;
        }
        let waited = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.waited_ms.fetch_add(waited, Relaxed);
        Ok(())
    }
}

impl Client {
    /// The same client, keeping to a rate: whoever calls one of its methods has asked for one call, or
    /// for as many as [`Self::calls_of`] says.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self {
            pace: Some(pace),
            ..self
        }
    }

    /// How many calls a write makes at most until it is out, where all goes as it should. What follows, such
    /// as a look whether it is there, waits for its turn.
    #[must_use]
    pub fn calls_of(&self, operation: Operation) -> u32 {
        // A comment that the customer may not see is a note.
        let also = (operation == Operation::Comment).then_some(Kind::Note);
        let kinds = Kind::of(operation).into_iter().chain(also);
        kinds
            .map(|kind| self.calls_until_out(kind))
            .max()
            .unwrap_or(1)
    }

    pub(super) fn calls_until_out(&self, kind: Kind) -> u32 {
        let Ok(rule) = self.rule(kind) else { return 1 };
        let before = rule.first.len()
            + usize::from(rule.find_first.is_some())
            + usize::from(rule.upload.is_some());
        u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
    }
}

/// The operation's time is over, and nothing was sent.
pub(super) fn no_time() -> CallError {
    later("no time was left for the next call")
}

fn closed(wait: Duration) -> CallError {
    CallError::Later {
        after: Some(wait),
        status: None,
        reason: "the host takes no further calls now".to_owned(),
        host_wide: false,
    }
}

fn later(reason: &str) -> CallError {
    CallError::Later {
        after: None,
        status: None,
        reason: reason.to_owned(),
        host_wide: false,
    }
}

#[cfg(test)]
mod tests;
