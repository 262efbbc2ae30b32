//! The safety halt: a mistake in a mapping must not close every conversation at once (rule 16).
//! Neighbours: the store keeps a [`Window`] for each bridge and operation and asks it inside the
//! transaction that lets an Intent out.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How much is too much at once: the `safety` section of a bridge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The share of the Links that were live when the window began.
    pub max_share: f64,
    /// What is never too much, however few Links there are.
    pub min_count: u64,
    /// How far back Intents are counted.
    pub window: Duration,
}

/// The Intents of one kind let out of late.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// When each Intent of the present window was let out, oldest first.
    pub let_out: Vec<Timestamp>,
    /// The Links that were live at the window's first Intent.
    pub live_at_start: u64,
    /// Since when the halt holds everything of this kind, until a person releases it.
    pub tripped_at: Option<Timestamp>,
}

/// Whether an Intent may go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    /// It may.
    Out,
    /// It stays planned until a person releases the halt.
    Held {
        /// Whether this very Intent tripped the halt, so that the alarm rings once.
        newly: bool,
    },
}

impl Window {
    /// Asks for one more Intent. `live_links` is counted only when a window begins.
    pub fn admit(
        &mut self,
        now: Timestamp,
        limits: &Limits,
        live_links: impl FnOnce() -> u64,
    ) -> Admit {
        if self.tripped_at.is_some() {
            return Admit::Held { newly: false };
        }
        // What was let out by a clock that has been set back since was let out by now.
        for at in &mut self.let_out {
            *at = (*at).min(now);
        }
        self.let_out.retain(|at| now.since(*at) < limits.window);
        if self.let_out.is_empty() {
            self.live_at_start = live_links();
        }
        if self.let_out.len() as u64 >= most(limits, self.live_at_start) {
            self.tripped_at = Some(now);
            return Admit::Held { newly: true };
        }
        if !planted!(HaltCountsNothing) {
            self.let_out.push(now);
        }
        Admit::Out
    }

    /// Opens an empty window: what was held goes out uncounted.
    pub fn release(&mut self) {
        *self = Self::default();
    }
}

/// How many Intents one window lets out.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn most(limits: &Limits, live: u64) -> u64 {
    // A share of a count of rows: far below 2^52, so the way through f64 loses nothing.
    let share = (limits.max_share.clamp(0.0, 1.0) * live as f64).floor() as u64;
    share.max(limits.min_count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        max_share: 0.2,
        min_count: 2,
        window: Duration::from_secs(600),
    };

    #[test]
    fn a_fifth_of_the_links_may_close_and_the_next_one_is_held() {
        let mut window = Window::default();
        for at in 0..20 {
            assert_eq!(window.admit(Timestamp(at), &LIMITS, || 100), Admit::Out);
        }
        assert_eq!(
            window.admit(Timestamp(20), &LIMITS, || 0),
            Admit::Held { newly: true }
        );
        assert_eq!(
            window.admit(Timestamp(21), &LIMITS, || 0),
            Admit::Held { newly: false }
        );
    }

    #[test]
    fn a_tripped_halt_stays_until_it_is_released_however_long_that_takes() {
        let mut window = Window::default();
        for _ in 0..3 {
            window.admit(Timestamp(0), &LIMITS, || 0);
        }
        let later = Timestamp(0).plus(LIMITS.window * 10);
        assert_eq!(
            window.admit(later, &LIMITS, || 0),
            Admit::Held { newly: false }
        );
        window.release();
        assert_eq!(window.admit(later, &LIMITS, || 0), Admit::Out);
    }

    #[test]
    fn what_left_the_window_no_longer_counts() {
        let mut window = Window::default();
        assert_eq!(window.admit(Timestamp(0), &LIMITS, || 0), Admit::Out);
        assert_eq!(window.admit(Timestamp(1), &LIMITS, || 0), Admit::Out);
        let later = Timestamp(600_001);
        assert_eq!(window.admit(later, &LIMITS, || 0), Admit::Out);
        assert_eq!(window.admit(later, &LIMITS, || 0), Admit::Out);
    }

    #[test]
    fn a_clock_that_was_set_back_a_day_does_not_make_the_window_a_day_long() {
        let (day, mut window) = (86_400_000, Window::default());
        assert_eq!(window.admit(Timestamp(day), &LIMITS, || 0), Admit::Out);
        assert_eq!(window.admit(Timestamp(0), &LIMITS, || 0), Admit::Out);
        let later = Timestamp(0).plus(LIMITS.window);
        assert_eq!(window.admit(later, &LIMITS, || 0), Admit::Out);
    }
}
