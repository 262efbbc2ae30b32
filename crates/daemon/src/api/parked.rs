//! `parked`: work that stopped trying and waits for a person. Neighbours: the store, which lists it;
//! the Lane, which takes a retry or a discard as an order; the Router, which gets a delivery again.

use super::{
    ApiError,
    view::{LIST_MAX, Moment, PageOf, bridge_named, limit},
};
use crate::{
    clock,
    jobs::{self, Jobs},
    store::{ParkedFilter, ParkedItem, ParkedKind},
};
use bridge_core::lane::Order;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which parked work to list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParkedAsked {
    /// Only of this bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// Only for this reason: `unreadable`, `refused`, `unknown_outcome`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// At most so many, the oldest first; 200 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Parked work, the oldest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ParkedList {
    /// Those.
    pub parked: Vec<ParkedView>,
    /// Whether the limit left some out.
    pub more: bool,
}

/// A parked write or delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParkedView {
    /// Its name for show, retry and discard.
    pub id: String,
    /// `intent` or `delivery`.
    pub kind: String,
    /// Its bridge.
    pub bridge: String,
    /// Why, in a word.
    pub reason: String,
    /// What happened, in a sentence without content.
    pub detail: String,
    /// What to do.
    pub remedy: String,
    /// Since when.
    pub at: Moment,
    /// For an intent: what it would do, `start`, `close`, ...
    pub operation: Option<String>,
    /// For a delivery: who sent it.
    pub side: Option<String>,
    /// For an intent: its Lane.
    pub lane: Option<String>,
    /// For an intent: its Link.
    pub link: Option<String>,
    /// The ticket it concerns.
    pub ticket: Option<String>,
    /// The conversation it concerns.
    pub conversation: Option<String>,
}

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
    /// All, where no other filter is given.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
}

/// What became of the chosen ones.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ParkedDone {
    /// Each.
    pub items: Vec<ParkedOutcome>,
    /// Whether there were more than one answer holds: ask again.
    pub more: bool,
}

/// What became of one chosen item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParkedOutcome {
    /// Its name.
    pub id: String,
    /// Whether it was done as asked.
    pub done: bool,
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

/// Lists parked work.
///
/// # Errors
/// 404 for a bridge that is not configured.
pub async fn list(jobs: &Jobs, asked: ParkedAsked) -> Result<ParkedList, ApiError> {
    let limit = limit(asked.limit);
    let filter = filter(jobs, asked.bridge.as_ref(), asked.reason, limit)?;
    let page = PageOf::cut(jobs.store.parked(&filter).await?, limit);
    let parked = page.items.into_iter().map(ParkedView::from).collect();
    Ok(ParkedList {
        parked,
        more: page.more,
    })
}

/// Shows one.
///
/// # Errors
/// 404 if nothing of this name is parked.
pub async fn show(jobs: &Jobs, id: &str) -> Result<ParkedView, ApiError> {
    find(jobs, id).await.map(ParkedView::from)
}

/// Retries or discards what was chosen. Doing it twice is doing it once.
///
/// # Errors
/// 400 where nothing was chosen, 404 if the one named is not parked. In bulk, each item fails alone.
pub async fn decide(
    jobs: &Jobs,
    decision: Decision,
    chosen: ParkedChosen,
) -> Result<ParkedDone, ApiError> {
    if let Some(id) = &chosen.id {
        let item = find(jobs, id).await?;
        let note = carry_out(jobs, decision, &item).await?;
        return Ok(ParkedDone {
            items: vec![outcome(item, Ok(note))],
            more: false,
        });
    }
    if chosen.bridge.is_none() && chosen.reason.is_none() && !chosen.all {
        return Err(ApiError::wrong(
            "nothing was chosen",
            "give an id, a reason or a bridge, or ask for all",
        ));
    }
    let filter = filter(jobs, chosen.bridge.as_ref(), chosen.reason, LIST_MAX)?;
    // As of now: what is parked again at once is not taken a second time.
    let page = PageOf::cut(jobs.store.parked(&filter).await?, LIST_MAX);
    let mut items = Vec::with_capacity(page.items.len());
    for item in page.items {
        let done = carry_out(jobs, decision, &item).await;
        items.push(outcome(item, done));
    }
    Ok(ParkedDone {
        items,
        more: page.more,
    })
}

fn filter(
    jobs: &Jobs,
    bridge: Option<&String>,
    reason: Option<String>,
    limit: u32,
) -> Result<ParkedFilter, ApiError> {
    let runtime = jobs.runtime.borrow();
    let bridge = bridge_named(&runtime, bridge)?;
    Ok(ParkedFilter {
        bridge,
        reason,
        limit: limit.saturating_add(1),
    })
}

async fn find(jobs: &Jobs, id: &str) -> Result<ParkedItem, ApiError> {
    jobs.store.parked_item(id).await?.ok_or_else(|| {
        ApiError::missing(
            "nothing of this name is parked",
            "`parked list` shows the names; what is not there was settled, retried or discarded",
        )
    })
}

async fn carry_out(
    jobs: &Jobs,
    decision: Decision,
    item: &ParkedItem,
) -> Result<Option<String>, ApiError> {
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
    match &item.kind {
        ParkedKind::Delivery { delivery, .. } => {
            let now = clock::now();
            match decision {
                Decision::Retry => jobs.store.retry_delivery(*delivery, now).await?,
                Decision::Discard => jobs.store.discard_delivery(*delivery, now).await?,
            }
            Ok(None)
        }
        ParkedKind::Intent { intent, lane, .. } => {
            let intent = intent.clone();
            let order = match decision {
                Decision::Retry => Order::Retry { intent },
                Decision::Discard => Order::Discard { intent },
            };
            jobs::give_order(jobs, lane, order).await?;
            let still = jobs.store.parked_item(&item.id).await?;
            Ok(still.map(|item| format!("it is parked again: {}", item.reason)))
        }
    }
}

fn outcome(item: ParkedItem, done: Result<Option<String>, ApiError>) -> ParkedOutcome {
    match done {
        Ok(note) => ParkedOutcome {
            id: item.id,
            done: true,
            note,
        },
        Err(error) => ParkedOutcome {
            id: item.id,
            done: false,
            note: Some(error.trouble.error),
        },
    }
}

impl From<ParkedItem> for ParkedView {
    fn from(item: ParkedItem) -> Self {
        let (kind, operation, side, lane, link) = match item.kind {
            ParkedKind::Intent {
                operation,
                lane,
                link,
                ..
            } => ("intent", Some(operation), None, Some(lane), Some(link)),
            ParkedKind::Delivery { side, .. } => ("delivery", None, Some(side), None, None),
        };
        Self {
            id: item.id,
            kind: kind.to_owned(),
            bridge: item.bridge.to_string(),
            reason: item.reason,
            detail: item.detail,
            remedy: item.remedy,
            at: item.at.into(),
            operation: operation.map(|word| word.to_string()),
            side: side.map(|side| side.to_string()),
            lane: lane.map(|id| id.to_string()),
            link: link.map(|id| id.to_string()),
            ticket: item.ticket.map(|id| id.to_string()),
            conversation: item.conversation.map(|id| id.to_string()),
        }
    }
}
