//! `explain`: what the bridge would make of a webhook, and by which rule. Neighbours:
//! `bridge_core::lane`, the same code that decides in earnest; `cli`, which prints this.
//!
//! Nothing is sent and nothing is stored. Reads are made only where the asker allows them; else they
//! are told as needed, and the plan goes on with what is known without them.

mod drive;
mod reads;
mod route;
#[cfg(test)]
mod tests;
mod why;

use crate::runtime::Bridge;
use bridge_core::{effect::Effect, event::Side, lane::Lane, time::Timestamp};
use serde::Serialize;

/// What is to be explained.
pub struct Question<'a> {
    /// For which bridge.
    pub bridge: &'a Bridge,
    /// Who would have sent it.
    pub side: Side,
    /// The body as it would come. No signature is needed.
    pub body: &'a [u8],
    /// What is known of the customer; `None`: nothing.
    pub lane: Option<Lane>,
    /// Whether the remotes may be read.
    pub read: bool,
    /// When it would come.
    pub now: Timestamp,
}

/// What the bridge would make of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What the body means: the kinds of its events, in order.
    pub events: Vec<&'static str>,
    /// What would be read first, in sentences.
    pub reads: Vec<ReadNeeded>,
    /// What would be done, in order.
    pub effects: Vec<EffectPlanned>,
    /// What else was decided or assumed, and the rules that kept something from being done.
    pub notes: Vec<String>,
}

/// A read that the plan rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadNeeded {
    /// What would be read, in a sentence.
    pub sentence: String,
    /// Whether it was made.
    pub made: bool,
    /// Why it brought nothing, if it was made in vain.
    pub error: Option<String>,
}

/// A change at one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EffectPlanned {
    /// All of it, with the texts as they would be sent.
    pub effect: Effect,
    /// In a sentence without names, numbers or texts.
    pub sentence: String,
    /// The rule that made it.
    pub rule: String,
}

/// Explains a webhook.
pub async fn explain(question: Question<'_>) -> Explanation {
    let mut explanation = Explanation::default();
    if let Some((lane, events)) = route::route(&question, &mut explanation).await {
        drive::drive(&question, lane, events, &mut explanation).await;
    }
    explanation
}

impl Explanation {
    /// Adds a note once.
    fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}
