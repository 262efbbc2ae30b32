//! What notes tell: each once, and the report of a conversation that has ended. Neighbour: `judge`, which hands over
//! each that was done.

use super::Law;
use crate::simulator::world::World;
use bridge_core::{call::Resolve, effect::Effect, intent::Intent};
use bridge_remotes::jelou::Talk;

/// How a note begins that tells what the report says; the conversation's id follows.
const REPORT_NOTE: &str = "[jelou-bridge] Jelou's report on conversation ";

impl World {
    pub(super) fn judge_note(&mut self, intent: &Intent) {
        let many = self.judge.noted.entry(intent.id.clone()).or_default();
        *many += 1;
        let many = usize::try_from(*many).unwrap_or(usize::MAX);
        let knows = self.shape.note == Resolve::DirectLookup;
        let flagged = intent.possible_duplicate;
        if knows && !flagged && self.judge.is_too_many(many) {
            let what = format!("{} was noted {many} times", intent.id);
            self.judge.breach(Law::CreatedOnce, what);
        }
        if knows && !flagged {
            self.judge_report(intent);
        }
    }

    /// What the report tells of a conversation stands on one ticket, once, and the conversation has ended.
    fn judge_report(&mut self, intent: &Intent) {
        let Effect::AddNote { ticket, text } = &intent.effect else {
            return;
        };
        let Some((head, _)) = text.reveal().split_once(':') else {
            return;
        };
        let Some(talk) = head.strip_prefix(REPORT_NOTE) else {
            return;
        };
        self.judge.asks(Law::ReportedOnce);
        // Two spellings of a customer are two Lanes until Jelou shows them to be one, and each tells its own
        // ticket (history 2000644).
        let mut talks = self.jelou.talks.values();
        let told_of = talks.find(|t| t.conversation.id.as_str() == talk);
        let apart = told_of.is_some_and(|t| self.is_spelled_twice(&t.conversation.user));
        let records = self.desk.records.iter();
        let records = records.filter(|(id, _)| !apart || *id == ticket);
        let notes = records.flat_map(|(_, record)| &record.notes);
        let same = |note: &&String| note.split_once(':').is_some_and(|(other, _)| other == head);
        let many = notes.filter(same).count();
        let goes_on = told_of.is_some_and(Talk::is_active);
        if self.judge.is_too_many(many) || goes_on {
            let what = format!(
                "{} tells of {talk}, {many} times: {}",
                intent.id, intent.cause
            );
            self.judge.breach(Law::ReportedOnce, what);
        }
    }
}
