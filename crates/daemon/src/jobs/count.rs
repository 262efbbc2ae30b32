//! Counts and tells what a commit settled: the difference of two states of a Lane. Neighbour:
//! `drive`, which calls it once for each commit that holds.

use super::Jobs;
use crate::metrics::{EffectOutcome, EventFate};
use bridge_core::{
    event::Side,
    ids::{BridgeName, IntentId},
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
    for (parked, sentence) in alarms(before, after) {
        let parked = parked.map(IntentId::as_str);
        tracing::warn!(bridge = %bridge, lane.id = %after.id, parked.id = parked, "{sentence}");
    }
}

/// What a person should look at: what was parked, each by its name, then all else that rings.
fn alarms<'a>(before: &Lane, after: &'a Lane) -> Vec<(Option<&'a IntentId>, String)> {
    let was = |id: &IntentId| before.intent(id).and_then(|intent| intent.parked.as_ref());
    let anew = after.intents.iter().filter_map(|intent| {
        let parked = intent.parked.as_ref();
        let parked = parked.filter(|_| was(&intent.id) != parked)?;
        Some((Some(&intent.id), parked.sentence(&intent.effect)))
    });
    let mut alarms: Vec<_> = anew.collect();
    let told: Vec<String> = alarms.iter().map(|(_, told)| told.clone()).collect();
    let rings = after.journal.iter().filter(|e| e.kind == EntryKind::Alarm);
    let rest = rings.filter(|entry| !told.contains(&entry.sentence));
    alarms.extend(rest.map(|entry| (None, entry.sentence.clone())));
    alarms
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

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_core::{
        effect::Effect,
        ids::{BotId, ConversationId, LaneId, LinkId, TicketId, UserId},
        intent::Parked,
        lane::Entry,
    };

    fn lane() -> Lane {
        Lane::new(
            LaneId::parse("lane").unwrap(),
            BridgeName::parse("main").unwrap(),
            BotId::parse("bot").unwrap(),
            UserId::parse("maria").unwrap(),
        )
    }

    fn parked() -> Intent {
        let lane = lane().id;
        let effect = Effect::WriteLinkField {
            ticket: TicketId::parse("7").unwrap(),
            conversation: ConversationId::parse("c7").unwrap(),
        };
        let mut intent = Intent::planned(
            IntentId::of(&lane, 3),
            LinkId::of(&lane, 1),
            "cause".to_owned(),
            "rule".to_owned(),
            effect,
            Timestamp(0),
        );
        intent.state = IntentState::Parked;
        intent.parked = Some(Parked {
            reason: "refused".to_owned(),
            detail: "no".to_owned(),
            remedy: "mend it".to_owned(),
            at: Timestamp(1),
        });
        intent
    }

    fn rings(sentence: &str) -> Entry {
        Entry {
            at: Timestamp(1),
            kind: EntryKind::Alarm,
            sentence: sentence.to_owned(),
            rule: None,
            link: None,
            ticket: None,
            conversation: None,
        }
    }

    #[test]
    fn what_is_parked_is_logged_once_and_by_its_name() {
        let (before, mut after, intent) = (lane(), lane(), parked());
        let sentence = intent.parked.clone().unwrap().sentence(&intent.effect);
        after.intents.push(intent.clone());
        after.journal = vec![rings(&sentence), rings("Ticket 8 is gone")];
        let told = alarms(&before, &after);
        let wanted = [
            (Some(&intent.id), sentence),
            (None, "Ticket 8 is gone".to_owned()),
        ];
        assert_eq!(told, wanted);
        after.journal.clear();
        assert!(alarms(&after, &after).is_empty(), "it waits since before");
    }
}
