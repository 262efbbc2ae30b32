//! `links --stuck`: what does not move, since when, and on what it waits. Neighbours: `parked`, for
//! what waits for a person and is not told here; the store, which knows where each Lane stands.

use super::{
    ApiError,
    view::{LIST_MAX, Moment, bridge_named, limit, observing},
};
use crate::{
    clock,
    jobs::Jobs,
    store::{LaneStand, OpenIntent, Waiting, WaitingDelivery, WaitingLink},
};
use bridge_core::{ids::BridgeName, intent::IntentState, link::ConversationSide, time::Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is younger is on its way: most of it takes a second.
const MOVES_WITHIN: Duration = Duration::from_secs(10);

/// What of the stuck to list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StuckAsked {
    /// Only of this bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// At most so many, the oldest first; 200 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What does not move, the oldest first, without what is parked.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Stuck {
    /// Those.
    pub stuck: Vec<StuckView>,
    /// Whether the limit left some out.
    pub more: bool,
    /// How much is parked beside these: `parked` lists it.
    pub parked: u64,
    /// Of the bridges that were asked about, those with `mode = "observe"`: what they plan is not written.
    #[serde(default)]
    pub observing: Vec<String>,
}

/// Something that does not move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StuckView {
    /// Since when.
    pub since: Moment,
    /// Why, in a word: `held`, `retrying`, `unknown`, `waiting_busy`, `waiting_turn`, `blocked`,
    /// `reading`, `set_aside`, `queued`.
    pub why: String,
    /// On what it waits, in a sentence.
    pub waits_for: String,
    /// What is to happen.
    pub what: String,
    /// When it is looked at again by itself.
    pub next_try: Option<Moment>,
    /// Tries so far that did not do it.
    pub attempts: u32,
    /// The last error.
    pub last_error: Option<String>,
    /// `intent`, `link` or `delivery`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its bridge.
    pub bridge: String,
    /// Its Lane, once known.
    pub lane: Option<String>,
    /// Its Link, if it has one.
    pub link: Option<String>,
    /// The ticket it concerns.
    pub ticket: Option<String>,
    /// The conversation it concerns.
    pub conversation: Option<String>,
}

/// Lists what does not move.
///
/// # Errors
/// 404 for a bridge that is not configured.
pub async fn list(jobs: &Jobs, asked: StuckAsked) -> Result<Stuck, ApiError> {
    let most = limit(asked.limit);
    let bridge = {
        let runtime = jobs.runtime.borrow();
        bridge_named(&runtime, asked.bridge.as_ref())?
    };
    let now = clock::now();
    let before = now.minus(MOVES_WITHIN);
    let room = most.saturating_add(1);
    let waiting = jobs.store.waiting(bridge.as_ref(), before, room).await?;
    let stuck = views(&waiting, now);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let more = stuck.len() > most;
    let counts = jobs.store.counts(now).await?;
    let of_bridge = |name: &String| bridge.as_ref().is_none_or(|only| only.as_str() == name);
    let parked = counts
        .parked
        .iter()
        .filter(|((name, _), _)| of_bridge(name));
    Ok(Stuck {
        parked: parked.map(|(_, count)| count).sum(),
        stuck: stuck.into_iter().take(most).map(|(_, view)| view).collect(),
        more,
        observing: observing(&jobs.runtime.borrow(), bridge.as_ref()),
    })
}

/// All of a bridge that has not ended, however young: for a look at one thing of it.
pub(super) async fn all_of(
    jobs: &Jobs,
    bridge: &BridgeName,
    now: Timestamp,
) -> Result<Vec<StuckView>, ApiError> {
    let soon = now.plus(MOVES_WITHIN);
    let waiting = jobs.store.waiting(Some(bridge), soon, LIST_MAX).await?;
    let views = views(&waiting, now).into_iter();
    Ok(views.map(|(_, view)| view).collect())
}

/// The oldest first.
fn views(waiting: &Waiting, now: Timestamp) -> Vec<(Timestamp, StuckView)> {
    let mut stuck: Vec<(Timestamp, StuckView)> = Vec::new();
    stuck.extend(waiting.intents.iter().map(|intent| of_intent(intent, now)));
    stuck.extend(waiting.links.iter().map(of_link));
    stuck.extend(waiting.deliveries.iter().map(|d| of_delivery(d, now)));
    stuck.sort_by_key(|(since, _)| *since);
    stuck
}

/// A word and a sentence.
type Why = (&'static str, String);

fn of_intent(open: &OpenIntent, now: Timestamp) -> (Timestamp, StuckView) {
    let intent = &open.intent;
    let (why, waits_for) = why_of_intent(open, now);
    let next = [intent.due_at, open.stand.due_at].into_iter().flatten();
    let view = StuckView {
        since: intent.planned_at.into(),
        why: why.to_owned(),
        waits_for,
        what: intent.effect.to_string(),
        next_try: next.max().map(Moment::from),
        attempts: intent.attempts.max(intent.failures),
        last_error: intent.last_error.clone(),
        kind: "intent".to_owned(),
        id: intent.id.to_string(),
        bridge: open.bridge.to_string(),
        lane: Some(open.stand.lane.to_string()),
        link: Some(intent.link.to_string()),
        ticket: open.ticket.as_ref().map(ToString::to_string),
        conversation: open.conversation.as_ref().map(ToString::to_string),
    };
    (intent.planned_at, view)
}

fn why_of_intent(open: &OpenIntent, now: Timestamp) -> Why {
    let intent = &open.intent;
    if intent.held {
        return (
            "held",
            "the safety halt; `halt release` lets it go".to_owned(),
        );
    }
    if let Some(why) = set_aside(&open.stand) {
        return why;
    }
    match intent.state {
        IntentState::Unknown => (
            "unknown",
            "nobody knows whether the call worked; it is found out before anything is tried again"
                .to_owned(),
        ),
        IntentState::Sent if intent.answered.is_some() => (
            "unknown",
            "the answered conversation is not proven new yet, by its event or a read".to_owned(),
        ),
        IntentState::Sent => ("unknown", "the call's outcome".to_owned()),
        IntentState::Planned if intent.failures > 0 && intent.due_at > Some(now) => (
            "retrying",
            format!("the next try, after {} that failed", intent.failures),
        ),
        IntentState::Planned
        | IntentState::Confirmed
        | IntentState::Refused
        | IntentState::Withdrawn
        | IntentState::Parked
        | IntentState::Observed => why_of_lane(&open.stand, now).unwrap_or((
            "waiting_turn",
            "an earlier write of the same link or customer".to_owned(),
        )),
    }
}

fn of_link(waiting: &WaitingLink) -> (Timestamp, StuckView) {
    let link = &waiting.link;
    let since = link.busy_since.unwrap_or(link.created_at);
    let what = match link.conversation {
        ConversationSide::Wanted => "start a conversation",
        ConversationSide::Unwanted { .. } | ConversationSide::Known { .. } => {
            "find or create a ticket"
        }
    };
    let why = set_aside(&waiting.stand);
    let (why, waits_for) = match why {
        Some(why) => why,
        None if link.busy_since.is_some() => (
            "waiting_busy",
            "the end of another conversation of this customer, or an older ticket's turn"
                .to_owned(),
        ),
        None => why_of_lane(&waiting.stand, Timestamp(i64::MIN)).unwrap_or((
            "queued",
            "a worker, or the next change of a side".to_owned(),
        )),
    };
    let view = StuckView {
        since: since.into(),
        why: why.to_owned(),
        waits_for,
        what: what.to_owned(),
        next_try: waiting.stand.due_at.map(Moment::from),
        attempts: 0,
        last_error: None,
        kind: "link".to_owned(),
        id: link.id.to_string(),
        bridge: waiting.bridge.to_string(),
        lane: Some(waiting.stand.lane.to_string()),
        link: Some(link.id.to_string()),
        ticket: link.ticket_id().map(ToString::to_string),
        conversation: link.conversation_id().map(ToString::to_string),
    };
    (since, view)
}

fn of_delivery(waiting: &WaitingDelivery, now: Timestamp) -> (Timestamp, StuckView) {
    let by_lane = waiting
        .stand
        .as_ref()
        .and_then(|stand| set_aside(stand).or_else(|| why_of_lane(stand, now)));
    let (why, waits_for) = match (by_lane, &waiting.missing) {
        (Some(why), _) => why,
        (None, Some(missing)) => ("reading", missing.clone()),
        (None, None) => ("queued", "a worker".to_owned()),
    };
    let due_at = waiting
        .stand
        .as_ref()
        .map_or(Some(waiting.due_at), |stand| stand.due_at);
    let of_ticketing = waiting.side == bridge_core::event::Side::Ticketing;
    let object = |is_its: bool| waiting.object.clone().filter(|_| is_its);
    let view = StuckView {
        since: waiting.received_at.into(),
        why: why.to_owned(),
        waits_for,
        what: format!("take in webhook {} of {}", waiting.delivery, waiting.side),
        next_try: due_at.map(Moment::from),
        attempts: waiting.attempts.saturating_sub(1),
        last_error: waiting.missing.clone(),
        kind: "delivery".to_owned(),
        id: format!("delivery-{}", waiting.delivery),
        bridge: waiting.bridge.to_string(),
        lane: waiting.stand.as_ref().map(|stand| stand.lane.to_string()),
        link: None,
        ticket: object(of_ticketing),
        conversation: object(!of_ticketing),
    };
    (waiting.received_at, view)
}

/// A Lane that nothing wakes but a person, or a change of the configuration.
fn set_aside(stand: &LaneStand) -> Option<Why> {
    let held_by = stand.held_by.as_deref()?;
    if held_by == "no_bridge" {
        let sentence = "its bridge is not configured any more; configure it again".to_owned();
        return Some(("set_aside", sentence));
    }
    let aside = stand.due_at.is_none() && held_by != "halt" && held_by.contains(':');
    aside.then(|| {
        let sentence =
            format!("a person: this customer was set aside ({held_by}); the log says why");
        ("set_aside", sentence)
    })
}

/// What the customer's Lane as a whole waits for.
fn why_of_lane(stand: &LaneStand, now: Timestamp) -> Option<Why> {
    let failed = stand.failed_read.as_ref();
    match stand.held_by.as_deref() {
        Some("halt") => {
            return Some((
                "waiting_turn",
                "a write of this customer that the safety halt holds".to_owned(),
            ));
        }
        Some(held_by) => {
            let (what, side) = held_by.split_once('.').unwrap_or((held_by, ""));
            let sentence = match what {
                "rate" => format!("the rate limit of the {side} side"),
                "retry_after" => format!("the {side} side asked to be left alone"),
                "breaker" => format!("the {side} side does not answer"),
                "credential" => format!("the credential of the {side} side was refused"),
                other => format!("{other} {side}"),
            };
            return Some(("blocked", sentence));
        }
        None => {}
    }
    if stand.claimed {
        return Some(("queued", "a worker is at it".to_owned()));
    }
    match (failed, stand.due_at) {
        (Some(failed), Some(due)) if due > now => Some(("reading", failed.clone())),
        (_, Some(due)) if due <= now => Some(("queued", "a worker".to_owned())),
        (_, Some(_) | None) => None,
    }
}
