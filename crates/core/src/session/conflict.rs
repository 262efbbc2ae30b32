//! What the store refuses, as another Lane has it: the rules decide anew. Neighbour: `session`, which hands
//! each refusal over.

use super::{Act, Phase, Refusal, SOON, Session};
use crate::{
    effect::Answer,
    lane::{Input, Rules, step},
    time::Timestamp,
};

impl Session {
    pub(super) fn refused(&mut self, refusal: Refusal, rules: &Rules<'_>, now: Timestamp) -> Act {
        match self.learn(refusal) {
            Some(()) => {
                self.hear_the_answer_again(rules, now);
                self.input(Input::Woken, rules, now)
            }
            None => Act::Lost,
        }
    }

    /// Another Lane has what this one wanted: from the stored state, and all that was refused since, the
    /// rules decide anew. Where they want the same again, the Claim is given up: its lease is a pause.
    fn learn(&mut self, refusal: Refusal) -> Option<()> {
        let fates = std::mem::take(&mut self.lane.fates);
        self.lane = self.stored.clone();
        if planted!(EventsLostAtConflict) {
            self.lane.pending.clear();
            self.lane.fates = fates;
        }
        if refusal == Refusal::Lost || self.refusals.contains(&refusal) {
            return None;
        }
        self.refusals.push(refusal);
        for refusal in &self.refusals {
            match refusal {
                Refusal::Lost => {}
                Refusal::Ticket(ticket) => self.lane.ticket_is_elsewhere(ticket, None),
                Refusal::Conversation(talk) => self.lane.conversation_is_elsewhere(talk),
                Refusal::Intent(existing) => self.lane.recall((**existing).clone()),
            }
        }
        Some(())
    }

    /// A conflict at the very end: what the rules make of it is stored, and the Lane is due again.
    pub(super) fn settle_conflict(
        &mut self,
        refusal: Refusal,
        rules: &Rules<'_>,
        now: Timestamp,
    ) -> Act {
        if self.learn(refusal).is_none() {
            return Act::Lost;
        }
        self.hear_the_answer_again(rules, now);
        let _ = step(&mut self.lane, Input::Woken, rules, now);
        match self.release(Some(now.plus(SOON)), None) {
            release @ Act::Release { .. } => {
                self.phase = Phase::Settling;
                release
            }
            other => other,
        }
    }

    /// The commit that was refused held the answer to a create: the ticket is there, and is not made again. What
    /// else was done is done again, or looked up.
    fn hear_the_answer_again(&mut self, rules: &Rules<'_>, now: Timestamp) {
        let answered = self.outcome.clone();
        let created = answered.filter(|(_, outcome)| matches!(outcome, Ok(Answer::Created { .. })));
        if let Some((intent, outcome)) = created {
            let _ = step(
                &mut self.lane,
                Input::Performed { intent, outcome },
                rules,
                now,
            );
        }
    }
}
