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

/// Conversations of one bot that may be left out. Where more do not answer, it is Jelou that does not,
/// and the reading breaks off without moving on.
const GAPS_MAX: usize = 50;

/// Of them so many are asked for again in one round: each may take a whole deadline.
const ASKED_AGAIN: usize = 5;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Gap {
    conversation: ConversationId,
    from: Timestamp,
    to: Timestamp,
}

/// What was left out of one bot's history, whoever waited longest first.
#[derive(Debug, Default)]
pub(super) struct Gaps(Vec<Gap>);

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
        gaps.retain(|gap| {
            let keeps = gap.from >= earliest;
            if !keeps {
                tracing::warn!(bridge = %bridge.name, conversation.id = %gap.conversation, "A conversation could not be read for a day; messages of it that no webhook told are no longer looked for");
            }
            keeps
        });
        Ok(Self(gaps))
    }

    /// Keeps them for the next round.
    pub async fn save(
        &self,
        jobs: &Jobs,
        bridge: &Bridge,
        bot: &BotId,
        now: Timestamp,
    ) -> Result<(), String> {
        let text = serde_json::to_string(&self.0).map_err(|error| error.to_string())?;
        let name = name_of(bot);
        let saved = jobs.store.set_cursor(&bridge.name, &name, &text, now);
        saved.await.map_err(said)
    }

    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a conversation is left out. What is new in it waits for what is older.
    pub fn holds(&self, conversation: &ConversationId) -> bool {
        self.0.iter().any(|gap| gap.conversation == *conversation)
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
            .0
            .iter_mut()
            .find(|gap| gap.conversation == *conversation);
        if let Some(gap) = known {
            gap.from = gap.from.min(range.from);
            gap.to = gap.to.max(range.to);
            return Ok(());
        }
        if self.0.len() >= GAPS_MAX {
            return Err(format!(
                "more than {GAPS_MAX} conversations could not be read"
            ));
        }
        tracing::warn!(bridge = %bridge.name, conversation.id = %conversation, "A conversation could not be read; messages of it that no webhook told come later");
        self.put_back(conversation, range);
        Ok(())
    }

    /// Keeps what was taken and could not be used.
    pub fn put_back(&mut self, conversation: &ConversationId, range: Range) {
        self.0.push(Gap {
            conversation: conversation.clone(),
            from: range.from,
            to: range.to,
        });
    }

    /// The conversations to ask for in this round; the others have their turn in the next.
    pub fn in_turn(&mut self) -> Vec<ConversationId> {
        let many = ASKED_AGAIN.min(self.0.len());
        let turn = self.0.iter().take(many);
        let turn = turn.map(|gap| gap.conversation.clone()).collect();
        self.0.rotate_left(many);
        turn
    }

    /// Takes a conversation out of them, and tells what was left out of it.
    pub fn take(&mut self, conversation: &ConversationId) -> Option<Range> {
        let at = self
            .0
            .iter()
            .position(|gap| gap.conversation == *conversation)?;
        let Gap { from, to, .. } = self.0.remove(at);
        Some(Range { from, to })
    }
}

fn name_of(bot: &BotId) -> String {
    format!("history_gaps:{bot}")
}
