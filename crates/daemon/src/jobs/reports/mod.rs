//! Jelou's report on attended conversations, read for all Lanes of a bridge that wait for it. Neighbours:
//! `board`, where they wait; `sweep`, whose clockwork calls and which is told what to look at.
//!
//! A report that fails is nobody's trouble but that of who waits for it: nothing is learnt of it for the
//! gate, so that neither a breaker nor a credential holds other calls back.

mod board;

pub use board::{Board, Wish};

use super::{Jobs, status_of, sweep::wait_for_place};
use crate::{clock, runtime::Bridge};
use board::{News, Reading};
use bridge_core::{
    call::CallError,
    event::Side,
    ids::{BridgeName, ConversationId},
    report::Attended,
    time::Timestamp,
};
use jelou_adapter::client::{Page, Range, Sought, ranges_of};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Pages of one reading, where the sweep's share of the rate allows as many: five thousand rows.
const PAGES_MAX: u32 = 100;

/// And as many at least: two hundred closes of one moment are four.
const PAGES_MIN: u32 = 10;

/// A reading that takes longer ends with what it has.
const READING_WITHIN: Duration = Duration::from_secs(120);

/// What a reading that is over needs to say so. Whoever has not by then never will.
const TOLD_WITHIN: Duration = Duration::from_secs(30);

/// Two readings are this far apart at most: whoever waits five minutes may wait these too.
const APART_MOST: Duration = Duration::from_secs(100);

/// And at least.
const APART_LEAST: Duration = Duration::from_secs(1);

/// Open conversations that a reading is held against.
const OPEN_MAX: u32 = 5_000;

/// Whether the report of a bridge is to be read now.
pub(super) fn is_due(jobs: &Jobs, bridge: &BridgeName, now: Timestamp) -> bool {
    jobs.reports.is_due(bridge, now)
}

/// Reads the report once for all who wait for it. It always ends well: whoever is not found looks again
/// at the next moment of their own.
pub(super) async fn read(jobs: &Jobs, bridge: &BridgeName) {
    let runtime = jobs.runtime.borrow().clone();
    let Some(bridge) = runtime.bridges.get(bridge) else {
        return;
    };
    let begun = clock::now();
    let until = begun.plus(READING_WITHIN).plus(TOLD_WITHIN);
    let wishes = jobs.reports.begin(&bridge.name, until);
    if wishes.is_empty() {
        return;
    }
    let mut look = Look {
        jobs,
        bridge,
        wishes: &wishes,
        reading: Reading::default(),
        ended: BTreeSet::new(),
        pages: 0,
    };
    match tokio::time::timeout(READING_WITHIN, look.all()).await {
        Ok(Ok(())) => {}
        Ok(Err(why)) => look.reading.broken = Some(why),
        Err(_) => look.reading.broken = Some(format!("it takes more than {READING_WITHIN:?}")),
    }
    let Look {
        reading,
        ended,
        pages,
        ..
    } = look;
    let (found, broken) = (reading.rows.len(), reading.broken.clone());
    let news = jobs
        .reports
        .end(&bridge.name, reading, apart(bridge), clock::now());
    match (news, broken) {
        (News::Fails, Some(why)) => {
            tracing::warn!(bridge = %bridge.name, "The report on attended conversations could not be read: {why}");
        }
        (News::WorksAgain, _) => {
            tracing::info!(bridge = %bridge.name, "The report on attended conversations is read again");
        }
        (News::Fails | News::None, _) => {}
    }
    tracing::debug!(bridge = %bridge.name, conversations = wishes.len(), found, pages, "The report was read");
    if let Err(error) = hint(jobs, bridge, &ended).await {
        tracing::debug!(bridge = %bridge.name, "What the report says has ended could not be noted for the sweep: {error}");
    }
}

/// How far apart readings are: a third of the first wait, so that those who come later join.
fn apart(bridge: &Bridge) -> Duration {
    let first = bridge.config.mapping.report_after.first();
    let third = first.copied().unwrap_or_default() / 3;
    third.clamp(APART_LEAST, APART_MOST)
}

struct Look<'a> {
    jobs: &'a Jobs,
    bridge: &'a Bridge,
    wishes: &'a BTreeMap<ConversationId, Wish>,
    reading: Reading,
    /// What the report says has ended.
    ended: BTreeSet<ConversationId>,
    pages: u32,
}

impl Look<'_> {
    async fn all(&mut self) -> Result<(), String> {
        let sought = self.wishes.values().map(|wish| Sought {
            began: wish.began,
            ended: wish.ended,
            again: wish.look > 1,
        });
        let sought: Vec<Sought> = sought.collect();
        // The latest first: most ended just now.
        for range in ranges_of(&sought).into_iter().rev() {
            if self.has_all() {
                break;
            }
            self.range(range).await?;
        }
        Ok(())
    }

    fn has_all(&self) -> bool {
        self.reading.rows.len() == self.wishes.len()
    }

    async fn range(&mut self, range: Range) -> Result<(), String> {
        let most = self.bridge.sweep_budget().clamp(PAGES_MIN, PAGES_MAX);
        let mut number = 1;
        while !self.has_all() {
            if self.pages >= most {
                return Err(format!("it has more than {most} pages"));
            }
            let page = self.page(range, number).await?;
            if page.unreadable > 0 {
                tracing::warn!(bridge = %self.bridge.name, rows = page.unreadable, "Rows of the report could not be read");
            }
            for row in page.rows {
                self.row(row);
            }
            if page.is_last {
                return Ok(());
            }
            number += 1;
        }
        Ok(())
    }

    async fn page(&mut self, range: Range, number: u32) -> Result<Page<Attended>, String> {
        wait_for_place(self.jobs, self.bridge, Side::Jelou).await?;
        self.pages += 1;
        let begun = clock::now();
        let deadline = self.bridge.call_timeout();
        let page = self.bridge.jelou.attended(range, number, deadline).await;
        let took = clock::now().since(begun);
        let status = status_of(page.as_ref().err());
        let metrics = &self.jobs.metrics;
        metrics.call(&self.bridge.name, Side::Jelou, status, took);
        page.map_err(|error| self.failed(&error))
    }

    fn failed(&mut self, error: &CallError) -> String {
        match error {
            CallError::Later { after, .. } | CallError::Unknown { after, .. } => {
                self.reading.after = *after;
                error.to_string()
            }
            CallError::Locked { .. } | CallError::Forbidden { .. } => format!(
                "{error}; look at client_id and client_secret, and try the other metrics_auth"
            ),
            CallError::Gone { .. } | CallError::Refused { .. } => error.to_string(),
        }
    }

    fn row(&mut self, row: Attended) {
        if self.wishes.contains_key(&row.conversation) {
            self.reading.rows.insert(row.conversation.clone(), row);
        } else if row.state.is_some() && !row.says_it_goes_on() {
            self.ended.insert(row.conversation);
        }
    }
}

/// What has ended by the report and goes on by what we know is read in the next sweep, before all
/// others: the report itself is believed in nothing.
async fn hint(
    jobs: &Jobs,
    bridge: &Bridge,
    ended: &BTreeSet<ConversationId>,
) -> Result<(), crate::store::StoreError> {
    if ended.is_empty() {
        return Ok(());
    }
    let (name, now) = (&bridge.name, clock::now());
    let open = jobs.store.conversations_to_look_at(name, now, OPEN_MAX);
    let open = open.await?.into_iter().map(|(_, id)| id);
    let doubted: Vec<ConversationId> = open.filter(|id| ended.contains(id)).collect();
    if doubted.is_empty() {
        return Ok(());
    }
    tracing::info!(bridge = %name, conversations = doubted.len(), "The report says that open conversations have ended; the sweep looks at them first");
    jobs.store.looked_at(name, &doubted, Timestamp(0)).await
}
