//! What agents said, at a system whose tickets do not change by it and so are not listed for it. Neighbours: the rest
//! of the round; core, which hears of a comment as if a webhook had told.

use super::{PAGES_MAX, goes_on, learn, record, said, wait_for_place};
use crate::{clock, jobs::Jobs, runtime::Bridge};
use bridge_core::event::{Event, Side};
use ticketing_adapter::Listing;

/// Reads the comments that were written since the last round, and counts those that nothing had told of.
pub(super) async fn sweep(jobs: &Jobs, bridge: &Bridge, new: &mut u64) -> Result<(), String> {
    if !bridge.config.profile.lists_new_comments() {
        return Ok(());
    }
    let mut cursor = goes_on(jobs, bridge, Listing::Comments).await?;
    for _ in 0..PAGES_MAX {
        wait_for_place(jobs, bridge, Side::Ticketing).await?;
        let begun = clock::now();
        let page = bridge
            .ticketing
            .commented_since(&cursor, bridge.call_timeout())
            .await;
        let page = learn(jobs, bridge, Side::Ticketing, "comments", begun, page).await?;
        if page.unreadable > 0 {
            tracing::warn!(bridge = %bridge.name, comments = page.unreadable, "The sweep left out comments that it could not read");
        }
        for (ticket, comment) in page.comments {
            // Its id stays when an agent mends a word later: what went to a customer does not go again.
            let dedup = format!("sweep:comment:{ticket}:{}", comment.id);
            let at = comment.at.unwrap_or(begun);
            let event = Event::CommentAdded(comment.told_of(&ticket, at));
            let recorded = record(jobs, bridge, Side::Ticketing, dedup, &[event], begun).await;
            *new += u64::from(recorded.map_err(said)?);
        }
        // Stored only now: what the page held is durable.
        let stored = jobs.store.set_cursor(
            &bridge.name,
            Listing::Comments.name(),
            &page.cursor,
            clock::now(),
        );
        stored.await.map_err(said)?;
        if !page.more {
            return Ok(());
        }
        cursor = page.cursor;
    }
    Ok(())
}
