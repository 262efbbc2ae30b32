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
use jelou_adapter::client::{Margin, Page, Range, Sought, ranges_of};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Pages of all near spans, and as many of all far ones, where the sweep's share of the rate allows as many: five thousand rows.
const PAGES_MAX: u32 = 100;

/// And as many at least, of each span: two hundred closes of one moment are four.
const PAGES_MIN: u32 = 10;

/// The near spans, and after them the far ones, end with what they have when they take longer.
const READING_WITHIN: Duration = Duration::from_secs(60);

/// What a reading that is over needs to say so. Whoever has not by then never will.
const TOLD_WITHIN: Duration = Duration::from_secs(30);

/// Two readings are this far apart at most: whoever waits five minutes may wait these too.
const APART_MOST: Duration = Duration::from_secs(100);

/// And at least.
const APART_LEAST: Duration = Duration::from_secs(1);

/// What the report doubts comes before what was never looked at, which is 0.
const LOOK_FIRST: Timestamp = Timestamp(-1);

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
    let until = begun.plus(2 * READING_WITHIN).plus(TOLD_WITHIN);
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
        read: Vec::new(),
        pages: 0,
    };
    look.all().await;
    let Look {
        reading,
        ended,
        pages,
        ..
    } = look;
    // Before the answers are out: whoever sees one may rely on the other.
    if let Err(error) = hint(jobs, bridge, &ended).await {
        tracing::debug!(bridge = %bridge.name, "What the report says has ended could not be noted for the sweep: {error}");
    }
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
    /// The spans that were read to their end.
    read: Vec<Range>,
    pages: u32,
}

/// Why a span was not read to its end.
enum Off {
    /// Another may do better.
    Span(String),
    /// None will, for now.
    All(String),
}

impl Look<'_> {
    /// Near spans first, for all; then far ones, for those who were looked for before.
    async fn all(&mut self) {
        for margin in [Margin::Near, Margin::Far] {
            let sought = self.sought(margin);
            let sought: Vec<Sought> = sought.into_iter().map(|(_, sought)| sought).collect();
            let ranges = ranges_of(&sought, margin);
            let group = tokio::time::timeout(READING_WITHIN, self.group(ranges));
            match group.await {
                Ok(Ok(())) => {}
                Ok(Err(why)) => {
                    self.reading.broken = Some(why);
                    break;
                }
                Err(_) => self.breaks(format!("it takes more than {READING_WITHIN:?}")),
            }
        }
        self.reading.unread = [Margin::Near, Margin::Far]
            .into_iter()
            .flat_map(|margin| {
                let mut sought = self.sought(margin);
                sought.retain(|(_, one)| !one.is_within(&self.read, margin));
                sought.into_iter().map(|(id, _)| id.clone())
            })
            .collect();
    }

    /// Who is not found yet and is to be looked for as far as that.
    fn sought(&self, margin: Margin) -> Vec<(&ConversationId, Sought)> {
        let wishes = self.wishes.iter();
        let wishes = wishes.filter(|(id, _)| !self.reading.rows.contains_key(*id));
        let wishes = wishes.filter(|(_, wish)| margin == Margin::Near || wish.look > 1);
        let sought = wishes.map(|(id, wish)| {
            let (began, ended) = (wish.began, wish.ended);
            (id, Sought { began, ended })
        });
        sought.collect()
    }

    /// Reads spans that share a budget; one that fails leaves the others be.
    async fn group(&mut self, ranges: Vec<Range>) -> Result<(), String> {
        let budget = self.bridge.sweep_budget().clamp(PAGES_MIN, PAGES_MAX);
        let (before, mut left) = (self.pages, u32::try_from(ranges.len()).unwrap_or(u32::MAX));
        // The latest first: most ended just now.
        for range in ranges.into_iter().rev() {
            if self.has_all() {
                break;
            }
            let rest = budget.saturating_sub(self.pages.saturating_sub(before));
            let share = rest.checked_div(left).unwrap_or_default().max(PAGES_MIN);
            left = left.saturating_sub(1);
            match self.range(range, share).await {
                Ok(()) => self.read.push(range),
                Err(Off::Span(why)) => self.breaks(why),
                Err(Off::All(why)) => return Err(why),
            }
        }
        Ok(())
    }

    /// The first reason is what the log tells.
    fn breaks(&mut self, why: String) {
        self.reading.broken.get_or_insert(why);
    }

    fn has_all(&self) -> bool {
        self.reading.rows.len() == self.wishes.len()
    }

    async fn range(&mut self, range: Range, most: u32) -> Result<(), Off> {
        for number in 1..=most {
            let page = self.page(range, number).await?;
            if page.unreadable > 0 {
                tracing::warn!(bridge = %self.bridge.name, rows = page.unreadable, "Rows of the report could not be read");
            }
            for row in page.rows {
                self.row(row);
            }
            if page.is_last || self.has_all() {
                return Ok(());
            }
        }
        Err(Off::Span(format!("it has more than {most} pages")))
    }

    async fn page(&mut self, range: Range, number: u32) -> Result<Page<Attended>, Off> {
        let place = wait_for_place(self.jobs, self.bridge, Side::Jelou).await;
        place.map_err(Off::All)?;
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

    fn failed(&mut self, error: &CallError) -> Off {
        let why = error.to_string();
        match error {
            CallError::Later {
                after, host_wide, ..
            } => {
                self.reading.after = *after;
                if after.is_some() || *host_wide {
                    return Off::All(why);
                }
                Off::Span(why)
            }
            CallError::Locked { .. } | CallError::Forbidden { .. } => Off::All(format!(
                "{why}; look at client_id and client_secret, and try the other metrics_auth"
            )),
            CallError::Unknown { after, .. } => {
                self.reading.after = *after;
                Off::Span(why)
            }
            CallError::Gone { .. } | CallError::Refused { .. } => Off::Span(why),
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
    let doubted = jobs.reports.newly_doubted(name, doubted);
    if doubted.is_empty() {
        return Ok(());
    }
    tracing::info!(bridge = %name, conversations = doubted.len(), "The report says that open conversations have ended; the sweep looks at them first");
    jobs.store.looked_at(name, &doubted, LOOK_FIRST).await
}
