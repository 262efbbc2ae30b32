//! Counts and tells what a commit settled: the difference of two states of a Lane. Neighbour:
//! `drive`, which calls it once for each commit that holds.

use super::Jobs;
use crate::metrics::{EffectOutcome, EventFate};
use bridge_core::{
    event::Side,
    ids::BridgeName,
    intent::{Intent, IntentState},
    lane::{EntryKind, Fate, Lane},
    time::Timestamp,
};

/// Counts what changed between what was stored and what is stored now. `received_at` is when the
/// oldest Delivery of this Claim came.
pub(super) fn count(
    jobs: &Jobs,
    bridge: &BridgeName,
    before: &Lane,
    after: &Lane,
    received_at: Option<Timestamp>,
) {
    for (delivery, position, fate) in &after.fates {
        let side = before
            .pending
            .iter()
            .find(|p| p.delivery == *delivery && p.position == *position)
            .map_or(Side::Jelou, |p| match p.event.ticket() {
                Some(_) => Side::Ticketing,
                None => Side::Jelou,
            });
        let fate = match fate {
            Fate::Applied => EventFate::Applied,
            Fate::Ignored { .. } => EventFate::Ignored,
        };
        jobs.metrics.event_settled(bridge, side, fate);
    }
    if after.drift > 0 {
        jobs.metrics.drift(bridge, u64::from(after.drift));
    }
    for _ in 0..after.misclosed {
        jobs.metrics.misclosed(bridge);
    }
    for report in &after.reported {
        jobs.metrics.reported(bridge, &after.bot, report);
    }
    for intent in &after.intents {
        if before.intent(&intent.id).map(|i| i.state) != Some(intent.state) {
            count_intent(jobs, bridge, intent, received_at);
        }
    }
    for message in &after.messages {
        let ended = message
            .outcome
            .filter(|_| !before.messages.contains(message));
        if let Some(outcome) = ended {
            let direction = message.place.direction();
            jobs.metrics.message(bridge, direction, outcome);
        }
    }
    for entry in &after.journal {
        if entry.kind == EntryKind::Alarm {
            tracing::warn!(bridge = %bridge, lane.id = %after.id, "{}", entry.sentence);
        }
    }
}

fn count_intent(jobs: &Jobs, bridge: &BridgeName, intent: &Intent, received_at: Option<Timestamp>) {
    match intent.state {
        IntentState::Sent if intent.possible_duplicate => jobs.metrics.possible_duplicate(bridge),
        IntentState::Observed => {
            jobs.metrics
                .effect(bridge, intent.operation(), EffectOutcome::Observed);
        }
        IntentState::Confirmed => {
            let from = received_at.filter(|at| *at <= intent.planned_at);
            let from = from.unwrap_or(intent.planned_at);
            if let Some(at) = intent.confirmed_at {
                jobs.metrics.end_to_end(bridge, at.since(from));
            }
        }
        IntentState::Planned
        | IntentState::Sent
        | IntentState::Unknown
        | IntentState::Refused
        | IntentState::Parked
        | IntentState::Withdrawn => {}
    }
}
