//! What the safety halt lets out: no more than so many within its window. Neighbours: `judge`, which keeps it;
//! `claims`, which says how many.

use super::{Judge, Law};
use bridge_core::{ids::IntentId, intent::Intent, time::Timestamp};
use std::time::Duration;

/// The safety halt's window, less what the clocks of two processes may differ by.
const HALT_WINDOW: Duration = Duration::from_secs(590);

/// What the safety halt let out.
#[derive(Clone, Copy, Debug)]
pub(super) struct LetOut {
    /// When, for the first time.
    at: Timestamp,
    /// When what went out was planned, as far as seen.
    planned_at: Timestamp,
}

impl Judge {
    /// The safety halt let an Intent out: no more than so many within its window (rule 16).
    pub fn let_out(&mut self, intent: &Intent, now: Timestamp, most: u64) {
        let freed = self.freed.get(&intent.id);
        let is_freed = freed.is_some_and(|planned_at| intent.planned_at <= *planned_at);
        if !self.restored.is_empty() {
            self.excuses(Law::HaltHolds);
        }
        if is_freed || !self.restored.is_empty() {
            return;
        }
        self.asks(Law::HaltHolds);
        let planned_at = intent.planned_at;
        let out = self.let_out.entry(intent.operation()).or_default();
        let one = out.entry(intent.id.clone());
        let one = one.or_insert(LetOut {
            at: now,
            planned_at,
        });
        one.planned_at = one.planned_at.max(planned_at);
        let recent = out.values().filter(|one| now.since(one.at) < HALT_WINDOW);
        let many = recent.count() as u64;
        if many > most {
            let what = format!("{many} of {} went out", intent.operation().as_str());
            self.breach(Law::HaltHolds, what);
        }
    }

    /// The safety halt held an Intent: not one that a person has let go as it is planned now.
    pub fn held(&mut self, intent: &Intent) {
        let let_go = self.let_go.get(&intent.id);
        let again = let_go.is_some_and(|planned_at| intent.planned_at <= *planned_at);
        if again && self.restored.is_empty() {
            let what = format!("{} was let go and is held again", intent.id);
            self.breach(Law::HaltHolds, what);
        }
    }

    /// A person released the safety halt while it held these, planned then.
    pub fn released(&mut self, held: Vec<(IntentId, Timestamp)>) {
        self.let_go.extend(held.iter().cloned());
        // What was let out before and is tried again was counted then.
        let out = std::mem::take(&mut self.let_out).into_values().flatten();
        let out = out.map(|(id, one)| (id, one.planned_at));
        for (id, planned_at) in held.into_iter().chain(out) {
            let freed = self.freed.entry(id).or_insert(planned_at);
            *freed = planned_at.max(*freed);
        }
    }
}
