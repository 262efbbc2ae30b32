//! What the steps of a trial have in common: how long they look, and how a write is done. Neighbour: `mod`,
//! the steps.

use super::{BEHIND, Found, Trial};
use crate::{clock, perform::perform};
use bridge_core::{
    call::CallError,
    effect::{Answer, Effect},
    ids::{IntentId, LinkId},
    intent::{Intent, IntentState},
};
use std::{sync::atomic::Ordering, time::Duration};
use tokio::time::Instant;

/// Between two looks for the same thing.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Trial<'_> {
    /// How far a search may be behind, by the profile.
    pub(super) fn index_lag(&self) -> Duration {
        match self.bridge.config.profile.index_lag() {
            Duration::ZERO => Duration::ZERO,
            lag => lag + BEHIND,
        }
    }

    /// Looks until it is there, at least once.
    pub(super) async fn until(
        &self,
        within: Duration,
        mut look: impl AsyncFnMut() -> Result<bool, CallError>,
    ) -> Found {
        let within = within.min(self.wait);
        let begun = Instant::now();
        loop {
            let found = look().await;
            let over = begun.elapsed() + LOOK_EVERY > within;
            match found {
                Ok(true) => return Ok(String::new()),
                Ok(false) if over => {
                    return Err(format!("it is not there after {} s", within.as_secs()));
                }
                Err(error) if over => return Err(error.to_string()),
                Ok(false) | Err(CallError::Later { .. }) => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Does one write, once.
    pub(super) async fn perform(&self, effect: Effect) -> Result<Answer, CallError> {
        self.patiently(async || self.send(effect.clone()).await)
            .await
    }

    /// Asks once, and again where the system asked for time.
    pub(super) async fn patiently<T>(
        &self,
        mut ask: impl AsyncFnMut() -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let begun = Instant::now();
        loop {
            let answer = ask().await;
            match self.asked_for(&answer, begun) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return answer,
            }
        }
    }

    /// The time that a system asks for, which is no fault of its profile, if there is so much.
    fn asked_for<T>(&self, answer: &Result<T, CallError>, begun: Instant) -> Option<Duration> {
        let Err(CallError::Later {
            after,
            host_wide: true,
            ..
        }) = answer
        else {
            return None;
        };
        let pause = after.unwrap_or(LOOK_EVERY).max(LOOK_EVERY);
        (begun.elapsed() + pause <= self.wait).then_some(pause)
    }

    async fn send(&self, effect: Effect) -> Result<Answer, CallError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let now = clock::now();
        let name = format!("live-{}.{call}", now.0);
        let unnamed = || CallError::Refused {
            status: bridge_transport::NOT_SENT,
            reason: "the test has no name".to_owned(),
        };
        let word = "profile check --live";
        let intent = Intent {
            state: IntentState::Sent,
            first_sent_at: Some(now),
            sent_at: Some(now),
            attempts: 1,
            ..Intent::planned(
                IntentId::parse(&name).map_err(|_| unnamed())?,
                LinkId::parse(&name).map_err(|_| unnamed())?,
                word.to_owned(),
                word.to_owned(),
                effect,
                now,
            )
        };
        perform(self.bridge, &intent, None, self.bridge.call_timeout()).await
    }
}
