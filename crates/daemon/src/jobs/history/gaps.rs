//! Conversations that Jelou does not show just now: what was written in them is looked for again later,
//! and nobody else's words wait for it. Neighbour: the history beside this folder, which reads on.

use super::{Jobs, LOOK_BACK, said};
use crate::runtime::Bridge;
use bridge_core::{
    ids::{BotId, ConversationId},
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
}

impl Gap {
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
            if !gap.cut {
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
        self.all.iter().any(|gap| gap.conversation == *conversation)
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
        let known = self
            .all
            .iter_mut()
            .find(|gap| gap.conversation == *conversation);
        if let Some(gap) = known {
            gap.from = gap.from.min(range.from);
            gap.to = gap.to.max(range.to);
            return Ok(());
        }
        if self.all.len() >= GAPS_MAX {
            return Err(format!(
                "more than {GAPS_MAX} conversations are left out of it already"
            ));
        }
        self.all.push(Gap {
            conversation: conversation.clone(),
            from: range.from,
            to: range.to,
            cut: false,
        });
        if self.told.insert(conversation.clone()) {
            tracing::warn!(bridge = %bridge.name, conversation.id = %conversation, "A conversation could not be read; messages of it that no webhook told come later");
        }
        Ok(())
    }

    /// The conversations to ask for in this round; the others have their turn in the next.
    pub fn in_turn(&mut self) -> Vec<ConversationId> {
        let many = ASKED_AGAIN.min(self.all.len());
        let turn = self.all.iter().take(many);
        let turn = turn.map(|gap| gap.conversation.clone()).collect();
        self.all.rotate_left(many);
        turn
    }

    /// Takes a conversation out of them.
    pub fn take(&mut self, conversation: &ConversationId) -> Option<Gap> {
        let at = self
            .all
            .iter()
            .position(|gap| gap.conversation == *conversation)?;
        Some(self.all.remove(at))
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
