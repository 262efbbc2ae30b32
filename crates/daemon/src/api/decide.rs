//! `parked retry` and `parked discard`: one item, or all that a filter leaves, page by page.
//! Neighbours: `parked`, which lists; the Lane, which takes a decision as an order; the Router,
//! which gets a delivery again.
//!
//! A round goes through what was parked when it began, each item once: what is parked again at once
//! is not taken a second time, and what cannot be done does not stop the rest.

use super::{
    ApiError,
    error::NOT_TAKEN,
    halt::{self, HaltOn},
    parked::{ParkedAsked, find},
    view::LIST_MAX,
};
use crate::{
    clock,
    jobs::{self, Jobs},
    store::{ParkedItem, ParkedKind, ParkedMark, StoreError, Wake},
};
use bridge_core::{effect::Operation, ids::LaneId, lane::Order, time::Timestamp};
use futures::{StreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Items in one page: its answer is small, and much is done between two questions.
const PAGE: u32 = 500;

/// Lanes that get their orders at the same time: a call of one does not hold up the others, and half
/// of the workers stay free for what comes in.
const AT_ONCE: usize = 16;

/// A page begins nothing new after this, however slow the remotes are: whoever asks is answered
/// before patience ends.
const PAGE_WITHIN: Duration = Duration::from_secs(20);

/// What a close that is given up leaves behind. No list of what waits tells of it any more.
const CLOSE_GIVEN_UP: &str = "its conversation stays open, and tied to its ticket; close it at Jelou, or untie them with `unlink`";

/// What the making of a ticket leaves behind that is given up.
const CREATE_GIVEN_UP: &str = "its conversation is tied to no ticket, and while it goes on, what the customer writes in it goes nowhere; tie it to one with `link`";

/// Which parked work to retry or discard: one by its id, or all that a filter leaves.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParkedChosen {
    /// This one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// All of this bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// All with this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// All writes of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// All writes to this side, and deliveries of this side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<String>,
    /// All that concern this ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// All that are parked for longer than this, and deliveries received longer ago, as `30m`, `12h`
    /// or `7d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older_than: Option<String>,
    /// All, where no other filter is given.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Goes on where an answer stopped: its `next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What became of the chosen ones.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ParkedDone {
    /// How many were done as asked, or handed on to be done.
    #[serde(default)]
    pub done: u64,
    /// How many of these were handed on: whether they are parked again is known later.
    #[serde(default)]
    pub handed_on: u64,
    /// How many were not.
    #[serde(default)]
    pub failed: u64,
    /// Each; of many, the first.
    pub items: Vec<ParkedOutcome>,
    /// Those that were not done; of many, the first.
    #[serde(default)]
    pub failures: Vec<ParkedOutcome>,
    /// Whether there are more than one answer holds: ask again, with `next` as `after`.
    pub more: bool,
    /// Where the next question begins.
    #[serde(default)]
    pub next: Option<String>,
    /// After a retry, the safety halts that are on: they may hold what was tried again.
    #[serde(default)]
    pub halted: Vec<HaltOn>,
}

/// What became of one chosen item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParkedOutcome {
    /// Its name.
    pub id: String,
    /// Whether it was done as asked, or handed on to be done.
    pub done: bool,
    /// Whether it was handed on: a delivery to be routed, or a customer who was set aside to be worked on. It may be
    /// parked again.
    #[serde(default)]
    pub handed_on: bool,
    /// Why not, or what came of it at once.
    pub note: Option<String>,
}

/// What a person decided about parked work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Try again.
    Retry,
    /// Give up.
    Discard,
}

/// Retries or discards what was chosen. Doing it twice is doing it once.
///
/// # Errors
/// 400 where nothing was chosen, or by a word that is none of the known ones; 404 if the one named is not parked.
/// In bulk, each item fails alone.
pub async fn decide(
    jobs: &Jobs,
    decision: Decision,
    chosen: ParkedChosen,
) -> Result<ParkedDone, ApiError> {
    let mut done = decided(jobs, decision, chosen).await?;
    if decision == Decision::Retry {
        done.halted = halt::on(jobs, None).await?;
    }
    Ok(done)
}

async fn decided(
    jobs: &Jobs,
    decision: Decision,
    chosen: ParkedChosen,
) -> Result<ParkedDone, ApiError> {
    if let Some(id) = &chosen.id {
        let item = find(jobs, id).await?;
        let outcome = one(jobs, decision, &item).await?;
        return Ok(ParkedDone::of(vec![outcome], None));
    }
    if !chosen.chooses() {
        return Err(ApiError::wrong(
            "nothing was chosen",
            "give an id or a filter, or ask for all",
        ));
    }
    // On a task of its own: if whoever asked goes away, what is begun is finished all the same.
    let page = tokio::spawn(page(jobs.clone(), decision, chosen));
    page.await.unwrap_or_else(|_| {
        Err(ApiError::later(
            "the round broke off",
            "ask again; what was done stays done",
        ))
    })
}

impl ParkedChosen {
    fn chooses(&self) -> bool {
        let filters = [
            &self.bridge,
            &self.reason,
            &self.operation,
            &self.side,
            &self.ticket,
            &self.older_than,
        ];
        self.all || filters.iter().any(|filter| filter.is_some())
    }
}

impl ParkedDone {
    /// How many items, and how many failures, an answer holds at most.
    pub const TOLD_MAX: usize = LIST_MAX as usize;

    fn of(items: Vec<ParkedOutcome>, next: Option<String>) -> Self {
        let failures: Vec<_> = items.iter().filter(|item| !item.done).cloned().collect();
        let failed = failures.len() as u64;
        let handed_on = items.iter().filter(|item| item.handed_on).count() as u64;
        Self {
            done: (items.len() as u64).saturating_sub(failed),
            handed_on,
            failed,
            items,
            failures,
            more: next.is_some(),
            next,
            halted: Vec::new(),
        }
    }

    /// Adds the answer for the next page, within [`ParkedDone::TOLD_MAX`].
    pub fn add(&mut self, page: Self) {
        self.done = self.done.saturating_add(page.done);
        self.handed_on = self.handed_on.saturating_add(page.handed_on);
        self.failed = self.failed.saturating_add(page.failed);
        let room = |told: &Vec<_>| Self::TOLD_MAX.saturating_sub(told.len());
        let (items, failures) = (room(&self.items), room(&self.failures));
        self.items.extend(page.items.into_iter().take(items));
        self.failures
            .extend(page.failures.into_iter().take(failures));
        self.more = page.more;
        self.next = page.next;
        self.halted = page.halted;
    }
}

/// Where a round stands: since when it goes, and what it took last.
struct Mark {
    began: Timestamp,
    last: Option<ParkedMark>,
}

impl Mark {
    fn of(after: Option<&String>) -> Result<Self, ApiError> {
        let Some(after) = after else {
            return Ok(Self {
                began: clock::now(),
                last: None,
            });
        };
        let read = || {
            let (began, last) = after.split_once('/')?;
            Some(Self {
                began: Timestamp(began.parse().ok()?),
                last: Some(ParkedMark::parse(last)?),
            })
        };
        read().ok_or_else(|| {
            ApiError::wrong(
                "after: this is no place where an answer stopped",
                "give the `next` of the answer before, or leave it out",
            )
        })
    }
}

async fn page(
    jobs: Jobs,
    decision: Decision,
    chosen: ParkedChosen,
) -> Result<ParkedDone, ApiError> {
    let give_up = clock::now().plus(PAGE_WITHIN);
    let mark = Mark::of(chosen.after.as_ref())?;
    let asked = ParkedAsked {
        bridge: chosen.bridge,
        reason: chosen.reason,
        operation: chosen.operation,
        side: chosen.side,
        ticket: chosen.ticket,
        older_than: chosen.older_than,
        limit: None,
    };
    let mut filter = asked.filter(&jobs, PAGE)?;
    let began = mark.began.plus(Duration::from_millis(1));
    filter.before = Some(filter.before.map_or(began, |before| before.min(began)));
    let mut items = jobs.store.next_parked(&filter, mark.last.as_ref()).await?;
    let full = items.len() > PAGE as usize;
    items.truncate(PAGE as usize);
    let marks: Vec<ParkedMark> = items.iter().map(ParkedMark::of).collect();
    let found = items.len();
    let mut outcomes = Vec::with_capacity(found);
    // What is begun is finished, in the order of the list: the mark names the last of it.
    let mut working = stream::iter(by_lane(items))
        .take_while(|_| std::future::ready(clock::now() <= give_up))
        .map(|items| several(&jobs, decision, items))
        .buffered(AT_ONCE);
    while let Some(several) = working.next().await {
        outcomes.extend(several);
    }
    let more = full || outcomes.len() < found;
    let last = outcomes.len().checked_sub(1).filter(|_| more);
    let last = last.and_then(|last| marks.get(last));
    let next = last.map(|last| format!("{}/{last}", mark.began.0));
    Ok(ParkedDone::of(outcomes, next))
}

/// Items that stand beside each other and are of one Lane: it takes one order at a time.
fn by_lane(items: Vec<ParkedItem>) -> Vec<Vec<ParkedItem>> {
    let mut groups: Vec<Vec<ParkedItem>> = Vec::new();
    for item in items {
        match groups.last_mut() {
            Some(group) if lane(&item).is_some() && group.last().and_then(lane) == lane(&item) => {
                group.push(item);
            }
            Some(_) | None => groups.push(vec![item]),
        }
    }
    groups
}

fn lane(item: &ParkedItem) -> Option<&LaneId> {
    match &item.kind {
        ParkedKind::Intent { lane, .. } => Some(lane),
        ParkedKind::Delivery { .. } | ParkedKind::Lane { .. } => None,
    }
}

async fn several(jobs: &Jobs, decision: Decision, items: Vec<ParkedItem>) -> Vec<ParkedOutcome> {
    let mut outcomes = Vec::with_capacity(items.len());
    for item in items {
        let outcome = one(jobs, decision, &item).await;
        outcomes.push(outcome.unwrap_or_else(|error| ParkedOutcome {
            id: item.id.clone(),
            done: false,
            handed_on: false,
            note: Some(error.trouble.error),
        }));
    }
    outcomes
}

async fn one(
    jobs: &Jobs,
    decision: Decision,
    item: &ParkedItem,
) -> Result<ParkedOutcome, ApiError> {
    tracing::info!(
        parked.id = item.id,
        reason = item.reason,
        "{} by order: {}",
        match decision {
            Decision::Retry => "To be tried again",
            Decision::Discard => "Given up",
        },
        item.id
    );
    let outcome = |done, note| outcome(item, done, note);
    // What comes of it is known only once its worker has had it.
    let handed_on = || ParkedOutcome {
        handed_on: true,
        ..outcome(true, None)
    };
    match &item.kind {
        ParkedKind::Delivery { delivery, .. } => {
            let now = clock::now();
            let decided = match decision {
                Decision::Retry => jobs.store.retry_delivery(*delivery, now).await,
                Decision::Discard => jobs.store.discard_delivery(*delivery, now).await,
            };
            match decided {
                Ok(()) if decision == Decision::Retry => Ok(handed_on()),
                Ok(()) => Ok(outcome(true, None)),
                // Somebody else was faster: twice is once.
                Err(StoreError::Gone { .. }) => {
                    Ok(outcome(true, Some("it was not parked any more".to_owned())))
                }
                Err(error) => Err(error.into()),
            }
        }
        ParkedKind::Lane { lane } => match decision {
            Decision::Retry => {
                let lane = Wake::Lane(lane.clone());
                jobs.store.wake(lane, clock::now()).await?;
                Ok(handed_on())
            }
            Decision::Discard => Ok(outcome(
                false,
                Some(format!(
                    "a customer cannot be discarded; `parked retry {}` when it is mended",
                    item.id
                )),
            )),
        },
        ParkedKind::Intent { intent, lane, .. } => {
            let order = match decision {
                Decision::Retry => Order::Retry {
                    intent: intent.clone(),
                },
                Decision::Discard => Order::Discard {
                    intent: intent.clone(),
                },
            };
            ordered(jobs, decision, item, lane, order).await
        }
    }
}

fn outcome(item: &ParkedItem, done: bool, note: Option<String>) -> ParkedOutcome {
    ParkedOutcome {
        id: item.id.clone(),
        done,
        handed_on: false,
        note,
    }
}

/// Gives an order about an Intent, and looks what came of it.
async fn ordered(
    jobs: &Jobs,
    decision: Decision,
    item: &ParkedItem,
    lane: &LaneId,
    order: Order,
) -> Result<ParkedOutcome, ApiError> {
    jobs::give_order(jobs, lane, order).await?;
    let still = jobs.store.parked_item(&item.id).await?;
    Ok(match still {
        None => {
            let left = left_behind(jobs, decision, item).await?;
            outcome(item, true, left.map(str::to_owned))
        }
        // Parked since the same moment: nobody took the order.
        Some(still) if still.at == item.at => outcome(
            item,
            false,
            Some(format!("nothing was changed: {NOT_TAKEN}")),
        ),
        Some(still) => outcome(
            item,
            false,
            Some(format!(
                "it was tried and is parked again ({})",
                still.reason
            )),
        ),
    })
}

/// What a write that was given up leaves behind, where no list of what waits tells of it any more.
async fn left_behind(
    jobs: &Jobs,
    decision: Decision,
    item: &ParkedItem,
) -> Result<Option<&'static str>, ApiError> {
    let ParkedKind::Intent {
        operation, link, ..
    } = &item.kind
    else {
        return Ok(None);
    };
    match (decision, operation) {
        (Decision::Discard, Operation::Close) => Ok(Some(CLOSE_GIVEN_UP)),
        (Decision::Discard, Operation::Create | Operation::Requester) => {
            // Where only what follows the making was given up, the ticket is there and linked.
            let found = jobs.store.link(link).await?;
            let ended = found.is_some_and(|(row, _)| !row.link.is_live());
            Ok(ended.then_some(CREATE_GIVEN_UP))
        }
        _ => Ok(None),
    }
}
