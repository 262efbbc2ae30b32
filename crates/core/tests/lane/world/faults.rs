//! What goes wrong, and when: written down beforehand, or by chance. Neighbour: bridge, which asks
//! before each call.

use super::chance::Chance;
use bridge_core::{call::CallError, event::Side};
use std::{collections::BTreeSet, time::Duration};

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429, with the seconds of its `Retry-After`.
    Later(Option<u64>),
    /// It is done, and the answer is lost.
    DoThenCut,
    /// It is not done, and nobody can tell.
    Cut,
    /// 403.
    Forbidden,
    /// 404.
    Gone,
    /// No, with this status.
    Refuse(u16),
    /// The bridge dies before the call leaves.
    CrashBefore,
    /// The bridge dies when the call is done, before it commits the outcome.
    CrashAfter,
}

#[derive(Default)]
pub struct Faults {
    /// `None`: that one goes well.
    planned: Vec<(String, Option<Fault>)>,
    always: Vec<(String, Fault)>,
    /// Sides that answer every call with 401.
    pub locked: BTreeSet<Side>,
    /// Sides that answer every call with 503.
    pub down: BTreeSet<Side>,
    chance: Option<(Chance, u64)>,
    /// The bridge dies at its n-th commit, counted down.
    pub crash_at_commit: Option<u32>,
}

impl Faults {
    /// The next call of this kind fails so. Kinds are the words of operations and reads.
    pub fn next(&mut self, call: &str, fault: Fault) {
        self.planned.push((call.to_owned(), Some(fault)));
    }

    /// The next call of this kind goes well, and the one after it fails so.
    pub fn after_next(&mut self, call: &str, fault: Fault) {
        self.planned.push((call.to_owned(), None));
        self.next(call, fault);
    }

    /// Every call of this kind fails so.
    pub fn always(&mut self, call: &str, fault: Fault) {
        self.always.push((call.to_owned(), fault));
    }

    /// From now on, `percent` of all calls fail in some way.
    pub fn at_random(&mut self, chance: Chance, percent: u64) {
        self.chance = Some((chance, percent));
    }

    pub fn heal(&mut self) {
        *self = Self::default();
    }

    pub fn of(&mut self, call: &str) -> Option<Fault> {
        if let Some(at) = self.planned.iter().position(|(c, _)| c == call) {
            return self.planned.remove(at).1;
        }
        if let Some((_, fault)) = self.always.iter().find(|(c, _)| c == call) {
            return Some(*fault);
        }
        let (chance, percent) = self.chance.as_mut()?;
        if !chance.percent(*percent) {
            return None;
        }
        Some(match chance.below(6) {
            0 => Fault::Later(None),
            1 => Fault::Later(Some(3)),
            2 => Fault::DoThenCut,
            3 => Fault::Cut,
            4 => Fault::CrashBefore,
            _ => Fault::CrashAfter,
        })
    }

    pub fn whole_side(&self, side: Side) -> Option<CallError> {
        if self.locked.contains(&side) {
            Some(CallError::Locked {
                reason: "401".to_owned(),
            })
        } else if self.down.contains(&side) {
            Some(CallError::Later {
                after: None,
                status: Some(503),
                reason: "503".to_owned(),
                host_wide: false,
            })
        } else {
            None
        }
    }
}

impl Fault {
    /// The error the bridge sees, and whether the call has its effect nevertheless.
    pub fn error(self) -> CallError {
        let reason = "planned".to_owned();
        match self {
            Self::Later(seconds) => CallError::Later {
                after: seconds.map(Duration::from_secs),
                status: Some(429),
                reason,
                host_wide: false,
            },
            Self::DoThenCut | Self::Cut | Self::CrashBefore | Self::CrashAfter => {
                CallError::Unknown {
                    status: None,
                    reason,
                    after: None,
                }
            }
            Self::Forbidden => CallError::Forbidden { reason },
            Self::Gone => CallError::Gone { reason },
            Self::Refuse(status) => CallError::Refused { status, reason },
        }
    }

    pub fn takes_effect(self) -> bool {
        matches!(self, Self::DoThenCut | Self::CrashAfter)
    }

    pub fn is_crash(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter)
    }
}
