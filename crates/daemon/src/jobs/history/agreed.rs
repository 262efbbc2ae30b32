//! Whether the history and the webhooks of a bot name a message alike, and from when on messages were
//! left out because that was not known. Neighbour: the history beside this folder, which asks.

use super::{Jobs, said};
use crate::runtime::Bridge;
use bridge_core::{ids::BotId, time::Timestamp};

/// What a note of the bridge to itself says once a message of the history was known by its id.
const AGREE: &str = "agree";

fn note_of(bridge: &Bridge, bot: &BotId) -> String {
    format!("history_ids.{}.{bot}", bridge.name)
}

fn left_out_of(bot: &BotId) -> String {
    format!("history_left_out:{bot}")
}

pub(super) async fn is_noted(jobs: &Jobs, bridge: &Bridge, bot: &BotId) -> Result<bool, String> {
    let noted = jobs.store.meta(&note_of(bridge, bot)).await.map_err(said)?;
    Ok(noted.as_deref() == Some(AGREE))
}

pub(super) async fn note(jobs: &Jobs, bridge: &Bridge, bot: &BotId) -> Result<(), String> {
    if is_noted(jobs, bridge, bot).await? {
        return Ok(());
    }
    let note = note_of(bridge, bot);
    let noted = jobs.store.set_meta(&note, AGREE);
    noted.await.map_err(said)
}

/// Notes that from that moment on messages were left out; an earlier one stands.
pub(super) async fn leave_out(
    jobs: &Jobs,
    bridge: &Bridge,
    bot: &BotId,
    from: Timestamp,
    now: Timestamp,
) -> Result<(), String> {
    if stored(jobs, bridge, bot).await?.is_some() {
        return Ok(());
    }
    tracing::warn!(bridge = %bridge.name, "Messages that no webhook told are kept back until one that a webhook told is found in the history under its id");
    set(jobs, bridge, bot, &from.0.to_string(), now).await
}

/// From when on messages were left out, told once it is known that ids agree: then it is read again
/// from there.
pub(super) async fn left_out(
    jobs: &Jobs,
    bridge: &Bridge,
    bot: &BotId,
    now: Timestamp,
) -> Result<Option<Timestamp>, String> {
    let Some(from) = stored(jobs, bridge, bot).await? else {
        return Ok(None);
    };
    if !is_noted(jobs, bridge, bot).await? {
        return Ok(None);
    }
    // The cursor first: whoever dies between the two reads it twice.
    let name = format!("history:{bot}");
    super::move_to(jobs, bridge, &name, from, now).await?;
    set(jobs, bridge, bot, "", now).await?;
    Ok(Some(from))
}

async fn stored(jobs: &Jobs, bridge: &Bridge, bot: &BotId) -> Result<Option<Timestamp>, String> {
    let stored = jobs.store.cursor(&bridge.name, &left_out_of(bot)).await;
    let stored = stored.map_err(said)?.unwrap_or_default();
    Ok(stored.parse().ok().map(Timestamp))
}

async fn set(
    jobs: &Jobs,
    bridge: &Bridge,
    bot: &BotId,
    text: &str,
    now: Timestamp,
) -> Result<(), String> {
    let name = left_out_of(bot);
    let set = jobs.store.set_cursor(&bridge.name, &name, text, now);
    set.await.map_err(said)
}
