//! Conversations that Jelou does not show just now: what was written in them is looked for again later,
//! and nobody else's words wait for it. Neighbour: the history beside this folder, which reads on.

use super::{Jobs, LOOK_BACK, said};
use crate::runtime::Bridge;
use bridge_core::{
    ids::{BotId, ConversationId},
    route::missed_since,
    time::Timestamp,
};
use jelou_adapter::client::Range;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Conversations of one bot that may be left out. Where more do not answer, it is Jelou that does not,
/// and the reading breaks off without moving on.
const GAPS_MAX: usize = 50;

/// Of them so many are asked for again in one round: each may take a whole deadline.
const ASKED_AGAIN: usize = 5;

/// One conversation that is left out, and of which span.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Gap {
    conversation: ConversationId,
    from: Timestamp,
    to: Timestamp,
    /// Whether its beginning was given up, and the log told of it.
    #[serde(default)]
    cut: bool,
    /// Since when Jelou says that there is none.
    #[serde(default)]
    missing_since: Option<Timestamp>,
    /// Whether it is not asked for any more: kept as long as the reading may come upon the same again.
    #[serde(default)]
    given_up: bool,
}

impl Gap {
    fn is_open(&self, conversation: &ConversationId) -> bool {
        self.conversation == *conversation && !self.given_up
    }

    /// What was left out.
    pub fn range(&self) -> Range {
        Range {
            from: self.from,
            to: self.to,
        }
    }
}

/// What was left out of one bot's history.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Whoever waited longest first.
    all: Vec<Gap>,
    /// Whom the log told of before: who is taken out and left out again is no news.
    told: BTreeSet<ConversationId>,
}

impl Gaps {
    /// Those that are kept; what is older than the history is looked through is given up.
    pub async fn load(
        jobs: &Jobs,
        bridge: &Bridge,
        bot: &BotId,
        now: Timestamp,
    ) -> Result<Self, String> {
        let stored = jobs.store.cursor(&bridge.name, &name_of(bot)).await;
        let stored = stored.map_err(said)?.unwrap_or_default();
        // What cannot be read is nothing: it was written by another version.
        let mut gaps: Vec<Gap> = serde_json::from_str(&stored).unwrap_or_default();
        let earliest = now.minus(LOOK_BACK);
        for gap in gaps.iter_mut().filter(|gap| gap.from < earliest) {
            gap.from = earliest;
            if !gap.cut && !gap.given_up {
                gap.cut = true;
                tracing::warn!(bridge = %bridge.name, conversation.id = %gap.conversation, "A conversation could not be read for a day; messages of it that no webhook told and that are older are no longer looked for");
            }
        }
        gaps.retain(|gap| gap.from < gap.to);
        let told = gaps.iter().map(|gap| gap.conversation.clone()).collect();
        Ok(Self { all: gaps, told })
    }

    /// Keeps them for the next round.
    pub async fn save(
        &self,
        jobs: &Jobs,
        bridge: &Bridge,
        bot: &BotId,
        now: Timestamp,
    ) -> Result<(), String> {
        let text = serde_json::to_string(&self.all).map_err(|error| error.to_string())?;
        let name = name_of(bot);
        let saved = jobs.store.set_cursor(&bridge.name, &name, &text, now);
        saved.await.map_err(said)
    }

    /// Whether a conversation is left out. What is new in it waits for what is older.
    pub fn holds(&self, conversation: &ConversationId) -> bool {
        self.all.iter().any(|gap| gap.is_open(conversation))
    }

    /// Leaves a conversation out of one more span.
    ///
    /// # Errors
    /// That too many are left out.
    pub fn leave_out(
        &mut self,
        bridge: &Bridge,
        conversation: &ConversationId,
        range: Range,
    ) -> Result<(), String> {
        let known = self.all.iter_mut().find(|gap| gap.is_open(conversation));
        if let Some(gap) = known {
            gap.from = gap.from.min(range.from);
            gap.to = gap.to.max(range.to);
            return Ok(());
        }
        if self.all.iter().filter(|gap| !gap.given_up).count() >= GAPS_MAX {
            return Err(format!(
                "more than {GAPS_MAX} conversations are left out of it already"
            ));
        }
        self.all.retain(|gap| gap.conversation != *conversation);
        self.all.push(Gap {
            conversation: conversation.clone(),
            from: range.from,
            to: range.to,
            cut: false,
            missing_since: None,
            given_up: false,
        });
        if self.told.insert(conversation.clone()) {
            tracing::warn!(bridge = %bridge.name, conversation.id = %conversation, "A conversation could not be read; messages of it that no webhook told come later");
        }
        Ok(())
    }

    /// The conversations to ask for in this round; the others have their turn in the next.
    pub fn in_turn(&mut self) -> Vec<ConversationId> {
        let open = self.all.iter().filter(|gap| !gap.given_up);
        let turn = open.take(ASKED_AGAIN);
        let turn: Vec<_> = turn.map(|gap| gap.conversation.clone()).collect();
        self.all.sort_by_key(|gap| turn.contains(&gap.conversation));
        turn
    }

    /// Notes that Jelou says that there is no such conversation, and tells whether it is given up by that:
    /// at the second look, a minute after the first.
    pub fn missed(&mut self, conversation: &ConversationId, now: Timestamp) -> bool {
        let found = self.all.iter_mut().find(|gap| gap.is_open(conversation));
        let Some(gap) = found else {
            return false;
        };
        let since = missed_since(gap.missing_since, now);
        gap.missing_since = since.or(gap.missing_since);
        gap.given_up = since.is_none();
        gap.given_up
    }

    /// Up to when what was written in a conversation is not looked for any more.
    pub fn given_up_to(&self, conversation: &ConversationId) -> Option<Timestamp> {
        let found = self
            .all
            .iter()
            .find(|gap| gap.given_up && gap.conversation == *conversation);
        found.map(|gap| gap.to)
    }

    /// Forgets those given up before the moment from which it is read now.
    pub fn forget_given_up(&mut self, from: Timestamp) {
        self.all.retain(|gap| !gap.given_up || gap.to >= from);
    }

    /// Takes a conversation out of them that is shown again.
    pub fn take(&mut self, conversation: &ConversationId) -> Option<Gap> {
        let at = self.all.iter().position(|gap| gap.is_open(conversation))?;
        let mut gap = self.all.remove(at);
        gap.missing_since = None;
        Some(gap)
    }

    /// Puts back what was taken out, of which all before `from` is brought over.
    pub fn put_back(&mut self, gap: Gap, from: Timestamp) {
        let mut gap = Gap { from, ..gap };
        // It may have been left out again meanwhile.
        if let Some(again) = self.take(&gap.conversation) {
            gap.from = gap.from.min(again.from);
            gap.to = gap.to.max(again.to);
        }
        self.all.push(gap);
    }
}

fn name_of(bot: &BotId) -> String {
    format!("history_gaps:{bot}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000)
    }

    /// A conversation that is left out, and of it what was written from 10 to 50.
    fn left_out() -> (Gaps, ConversationId) {
        let id = ConversationId::parse("c1").unwrap();
        let gap = Gap {
            conversation: id.clone(),
            from: at(10),
            to: at(50),
            cut: false,
            missing_since: None,
            given_up: false,
        };
        let gaps = Gaps {
            all: vec![gap],
            told: BTreeSet::new(),
        };
        (gaps, id)
    }

    #[test]
    fn a_conversation_that_jelou_does_not_know_is_given_up_at_the_second_look_a_minute_later() {
        let (mut gaps, id) = left_out();
        assert!(!gaps.missed(&id, at(100)));
        assert!(!gaps.missed(&id, at(159)));
        assert!(gaps.holds(&id));
        assert!(gaps.missed(&id, at(160)));
        assert!(!gaps.holds(&id) && gaps.in_turn().is_empty());
        assert_eq!(gaps.given_up_to(&id), Some(at(50)));
        gaps.forget_given_up(at(51));
        assert_eq!(gaps.given_up_to(&id), None);
    }

    #[test]
    fn one_that_was_shown_in_between_is_not_given_up() {
        let (mut gaps, id) = left_out();
        gaps.missed(&id, at(100));
        let gap = gaps.take(&id).unwrap();
        gaps.put_back(gap, at(20));
        assert!(!gaps.missed(&id, at(200)));
        assert_eq!(gaps.in_turn(), [id]);
    }
}
