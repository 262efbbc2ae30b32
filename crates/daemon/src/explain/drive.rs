//! Drives the state machine without hands: it plans, and each effect is written down instead of done.
//! Neighbours: `bridge_core::lane::step`; `reads`, for what must be seen; `why`, for what was not
//! planned.

use super::{EffectPlanned, Explanation, Question, ReadNeeded, reads, why};
use bridge_core::{
    effect::{Effect, Read},
    event::Event,
    ids::{DeliveryId, IntentId},
    intent::IntentState,
    lane::{EntryKind, Fate, Input, LONE_MESSAGE_WAIT, Lane, Mode, Next, Pending, Rules, step},
    time::Timestamp,
};
use std::collections::BTreeSet;

/// Steps at most: each read, wait and assumed answer takes one, and no event has so many.
const STEPS_MAX: u32 = 64;

/// Waits up to this long are followed: a message waits for its conversation's start, and what comes
/// after that belongs to the plan. Retries and timeouts do not.
const AHEAD: std::time::Duration = LONE_MESSAGE_WAIT.saturating_mul(2);

/// What the requester's id is taken for, which only the ticketing system's answer tells.
const ASSUMED_REQUESTER: &str = "(the requester's id)";

struct Drive<'a> {
    question: &'a Question<'a>,
    rules: Rules<'a>,
    lane: Lane,
    /// As of when it is explained.
    began: Timestamp,
    now: Timestamp,
    /// What had been observed before.
    before: BTreeSet<IntentId>,
}

/// Tells the Lane the Events and writes down what it makes of them.
pub(super) async fn drive(
    question: &Question<'_>,
    mut lane: Lane,
    events: Vec<Event>,
    explanation: &mut Explanation,
) {
    let told = events.clone();
    let now = moment(question, &lane, &events);
    lane.pending = (0_u32..)
        .zip(events)
        .map(|(position, event)| just_come(position, event, question.now))
        .collect();
    lane.fates.clear();
    lane.journal.clear();
    let before = observed(&lane);
    let rules = Rules {
        mode: Mode::Observe,
        ..question.bridge.rules_at(now, false)
    };
    let mut drive = Drive {
        question,
        rules,
        lane,
        began: now,
        now,
        before,
    };
    drive.run(explanation).await;
    drive.tell(&told, explanation);
}

/// As of when it is explained: who is in, and how long ago something was said, belongs to the plan. Of a
/// customer of whom nothing is known that is the moment at which it happened at Jelou; with what is known
/// of them now, it comes now.
fn moment(question: &Question<'_>, lane: &Lane, events: &[Event]) -> Timestamp {
    let unknown = lane.conversations.is_empty() && lane.tickets.is_empty();
    let at_jelou = events.iter().filter(|event| event.conversation().is_some());
    let happened = at_jelou.filter_map(Event::at).max();
    happened.filter(|_| unknown).unwrap_or(question.now)
}

/// One that is explained later than it came is no late one, and what it told is no older for that.
fn just_come(position: u32, mut event: Event, now: Timestamp) -> Pending {
    let change = match &mut event {
        Event::TicketChanged(change) => Some(change),
        Event::CommentAdded(comment) => Some(&mut *comment.change),
        Event::ConversationStarted(_)
        | Event::ConversationClosed(_)
        | Event::MessageReceived(_) => None,
    };
    let told_of_a_ticket = change.is_some();
    if let Some(change) = change.filter(|change| change.at.is_some()) {
        change.at = Some(now);
    }
    let said_at = event.at().filter(|_| !told_of_a_ticket);
    Pending {
        delivery: DeliveryId(0),
        position,
        received_at: said_at.unwrap_or(now),
        by_sweep: false,
        event,
    }
}

fn observed(lane: &Lane) -> BTreeSet<IntentId> {
    let observed = lane
        .intents
        .iter()
        .filter(|intent| intent.state == IntentState::Observed);
    observed.map(|intent| intent.id.clone()).collect()
}

impl Drive<'_> {
    async fn run(&mut self, explanation: &mut Explanation) {
        let mut input = Input::Woken;
        for _ in 0..STEPS_MAX {
            let next = step(&mut self.lane, input, &self.rules, self.now);
            input = match next {
                Next::Observe(read) => self.look(read, explanation).await,
                // In observe mode nothing is performed; a Lane that was live may still be asked
                // to resolve what it sent, and that is not this event's doing.
                Next::Perform(_) => return,
                Next::Release { due_at, .. } => match self.go_on(due_at, explanation) {
                    Some(input) => input,
                    None => return,
                },
            };
        }
        explanation.note("The plan goes on, but no further than this is followed");
    }

    async fn look(&mut self, read: Read, explanation: &mut Explanation) -> Input {
        // A person is only assumed: nothing can be listed under that name.
        let answerable = !matches!(&read, Read::OpenTickets { requester_id } if requester_id == ASSUMED_REQUESTER);
        let make = self.question.read && answerable && reads::is_remote(&read);
        let begun = self.now;
        let (found, assumed) = if make {
            (reads::make(self.question.bridge, &read).await, None)
        } else {
            reads::without(&read)
        };
        if reads::is_remote(&read) {
            let error = found
                .as_ref()
                .err()
                .filter(|_| make)
                .map(ToString::to_string);
            let needed = ReadNeeded {
                sentence: read.to_string(),
                made: make,
                error,
            };
            if !explanation.reads.contains(&needed) {
                explanation.reads.push(needed);
            }
        }
        if let Some(assumed) = assumed {
            explanation.note(assumed);
        }
        Input::Observed { read, begun, found }
    }

    /// What to step on with: an answer that can be assumed, or a wait that is short.
    fn go_on(&mut self, due_at: Option<Timestamp>, explanation: &mut Explanation) -> Option<Input> {
        if self.assume_requester() {
            explanation.note("Assumed: the ticketing system knows the requester after that");
            return Some(Input::Woken);
        }
        let due = due_at.filter(|due| due.since(self.began) <= AHEAD && *due > self.now)?;
        let seconds = due.since(self.now).as_secs_f64();
        explanation.note(format!(
            "Nothing else coming meanwhile, it goes on {seconds:.0} s later"
        ));
        self.now = due;
        Some(Input::Woken)
    }

    /// An observed requester brings no id, without which no ticket is planned: one is assumed.
    fn assume_requester(&mut self) -> bool {
        let mut assumed = false;
        for intent in &self.lane.intents {
            let is_new = intent.state == IntentState::Observed && !self.before.contains(&intent.id);
            if !is_new || !matches!(intent.effect, Effect::UpsertRequester { .. }) {
                continue;
            }
            let link = self
                .lane
                .links
                .iter_mut()
                .find(|link| link.id == intent.link);
            if let Some(link) = link.filter(|link| link.requester_id.is_none()) {
                link.requester_id = Some(ASSUMED_REQUESTER.to_owned());
                assumed = true;
            }
        }
        assumed
    }

    /// Writes down what came of it.
    fn tell(&self, told: &[Event], explanation: &mut Explanation) {
        for intent in &self.lane.intents {
            if intent.state == IntentState::Observed && !self.before.contains(&intent.id) {
                explanation.effects.push(EffectPlanned {
                    effect: intent.effect.clone(),
                    sentence: intent.effect.to_string(),
                    rule: intent.rule.clone(),
                });
            }
        }
        for entry in &self.lane.journal {
            // Plans stand among the effects already.
            let is_plan = entry.kind == EntryKind::Decision
                && (entry.sentence.starts_with("Planned: ")
                    || entry.sentence.starts_with("Would: "));
            if !is_plan {
                explanation.note(match &entry.rule {
                    Some(rule) => format!("{} [{rule}]", entry.sentence),
                    None => entry.sentence.clone(),
                });
            }
        }
        for (_, position, fate) in &self.lane.fates {
            if let Fate::Ignored { reason } = fate {
                let kind = usize::try_from(*position).ok().and_then(|n| told.get(n));
                let kind = kind.map_or("event", Event::kind);
                explanation.note(format!("{kind} changes nothing: {reason}"));
            }
        }
        if !explanation.effects.is_empty() {
            return;
        }
        if !self.question.read && !explanation.reads.is_empty() {
            explanation.note("What comes after the reads is not known before they are made");
        }
        for note in why::nothing(&self.lane, self.rules.mapping) {
            explanation.note(note);
        }
    }
}
