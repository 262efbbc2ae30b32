//! Conversations that are left out, as Jelou does not show them just now or no message was known by its
//! id yet: what was written in them is looked for again later, and nobody else's words wait for it. Neighbour: the history beside this folder, which reads on.

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

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Gap {
    conversation: ConversationId,
    from: Timestamp,
    to: Timestamp,
}

/// Why a conversation is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Jelou does not show it just now.
    NotShown,
    /// No message that a webhook told was found in the history under its id, so its lost ones might
    /// have come already, under other ids.
    NoIdKnown,
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
        gaps.retain(|gap| {
            let keeps = gap.from >= earliest;
            if !keeps {
                tracing::warn!(bridge = %bridge.name, conversation.id = %gap.conversation, "A conversation was left out of the history for a day; messages of it that no webhook told are no longer looked for");
            }
            keeps
        });
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

    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
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
        why: Why,
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
        });
        if self.told.insert(conversation.clone()) {
            match why {
                Why::NotShown => {
                    tracing::warn!(bridge = %bridge.name, conversation.id = %conversation, "A conversation could not be read; messages of it that no webhook told come later");
                }
                Why::NoIdKnown => {
                    tracing::warn!(bridge = %bridge.name, conversation.id = %conversation, "Messages that no webhook told are kept back until one that a webhook told is found in the history under its id");
                }
            }
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

    /// Takes a conversation out of them, and tells what was left out of it.
    pub fn take(&mut self, conversation: &ConversationId) -> Option<Range> {
        let at = self
            .all
            .iter()
            .position(|gap| gap.conversation == *conversation)?;
        let Gap { from, to, .. } = self.all.remove(at);
        Some(Range { from, to })
    }
}

fn name_of(bot: &BotId) -> String {
    format!("history_gaps:{bot}")
}
