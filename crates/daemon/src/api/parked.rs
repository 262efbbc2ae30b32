//! `parked`: work that stopped trying and waits for a person. Neighbours: the store, which lists it;
//! `decide`, which retries and discards it.

use super::{
    ApiError,
    halt::{self, HaltOn},
    view::{Moment, PageOf, bridge_named, limit, maybe, observing, word},
};
use crate::{
    clock,
    jobs::Jobs,
    metrics::PARKED_REASONS,
    store::{ParkedFilter, ParkedItem, ParkedKind},
};
use bridge_core::{effect::Operation, event::Side, ids::TicketId, mapping::Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
    /// Only writes of this kind: `start`, `close`, `status`, `create`, `note`, `link_field`,
    /// `requester`, `ticket_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Only writes to this side, and deliveries of this side: `jelou` or `ticketing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<String>,
    /// Only what concerns this ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Only what is parked for longer than this, and deliveries received longer ago, as `30m`, `12h`
    /// or `7d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older_than: Option<String>,
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
    /// Of the bridges that were asked about, those with `mode = "observe"`: what they plan is not written.
    #[serde(default)]
    pub observing: Vec<String>,
    /// The safety halts that are on, of the bridges that were asked about: what they hold is not parked.
    #[serde(default)]
    pub halted: Vec<HaltOn>,
}

/// A parked write or delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParkedView {
    /// Its name for show, retry and discard.
    pub id: String,
    /// `intent`, `delivery`, or `lane` for a customer who was set aside.
    pub kind: String,
    /// Its bridge.
    pub bridge: String,
    /// Why, in a word.
    pub reason: String,
    /// What happened, in a sentence without content.
    pub detail: String,
    /// What to do. The commands in it name this item.
    pub remedy: String,
    /// Since when. Of a delivery: when it was received, as when it was parked is not kept.
    pub at: Moment,
    /// For an intent: what it would do, `start`, `close`, ...
    pub operation: Option<String>,
    /// For an intent: which side it would change. For a delivery: who sent it.
    pub side: Option<String>,
    /// For an intent: its Lane. For a Lane set aside: itself.
    pub lane: Option<String>,
    /// For an intent: its Link.
    pub link: Option<String>,
    /// For an intent: the rule that made it.
    pub rule: Option<String>,
    /// For an intent: calls that may have reached the remote.
    pub attempts: Option<u32>,
    /// For an intent: what the last try came to, with the remote's code where it gave one.
    pub last_error: Option<String>,
    /// The ticket it concerns.
    pub ticket: Option<String>,
    /// The conversation it concerns.
    pub conversation: Option<String>,
}

/// Lists parked work.
///
/// # Errors
/// 404 for a bridge that is not configured, 400 for a word that is none of the known ones.
pub async fn list(jobs: &Jobs, asked: ParkedAsked) -> Result<ParkedList, ApiError> {
    let limit = limit(asked.limit);
    let filter = asked.filter(jobs, limit)?;
    let page = PageOf::cut(jobs.store.parked(&filter).await?, limit);
    let parked = page.items.into_iter().map(ParkedView::from).collect();
    let halted = halt::on(jobs, filter.bridge.as_ref()).await?;
    Ok(ParkedList {
        parked,
        more: page.more,
        observing: observing(&jobs.runtime.borrow(), filter.bridge.as_ref()),
        halted,
    })
}

/// Shows one.
///
/// # Errors
/// 404 if nothing of this name is parked.
pub async fn show(jobs: &Jobs, id: &str) -> Result<ParkedView, ApiError> {
    find(jobs, id).await.map(ParkedView::from)
}

pub(super) async fn find(jobs: &Jobs, id: &str) -> Result<ParkedItem, ApiError> {
    jobs.store.parked_item(id).await?.ok_or_else(|| {
        ApiError::missing(
            "nothing of this name is parked",
            "`parked list` shows the names; what is not there was settled, retried or discarded, and a start or close that was retried has a new name",
        )
    })
}

impl ParkedAsked {
    /// The filter as the store takes it, with one item more than the limit, to know of the rest.
    ///
    /// # Errors
    /// 404 for a bridge that is not configured, 400 for a word that is none of the known ones.
    pub(super) fn filter(&self, jobs: &Jobs, limit: u32) -> Result<ParkedFilter, ApiError> {
        let bridge = {
            let runtime = jobs.runtime.borrow();
            bridge_named(&runtime, self.bridge.as_ref())?
        };
        let before = match &self.older_than {
            Some(text) => Some(clock::now().minus(span(text)?)),
            None => None,
        };
        Ok(ParkedFilter {
            bridge,
            reason: word("reason", self.reason.as_ref(), PARKED_REASONS, |word| word)?
                .map(str::to_owned),
            operation: word(
                "operation",
                self.operation.as_ref(),
                &Operation::ALL,
                Operation::as_str,
            )?,
            side: word(
                "side",
                self.side.as_ref(),
                &[Side::Jelou, Side::Ticketing],
                Side::as_str,
            )?,
            ticket: maybe("ticket", self.ticket.as_ref(), TicketId::parse)?,
            before,
            limit: limit.saturating_add(1),
        })
    }
}

fn span(text: &str) -> Result<Duration, ApiError> {
    let span = text.parse::<Span>().map_err(|bad| {
        ApiError::wrong(
            format!("older_than: `{text}`: {bad}"),
            "write a number with its unit: 30m, 12h, 7d",
        )
    })?;
    Ok(span.duration())
}

/// The commands of a remedy as they are to be typed. Whoever parks writes them without the item's name.
fn for_item(remedy: &str, id: &str) -> String {
    let mut text = remedy.to_owned();
    for command in ["parked show", "parked retry", "parked discard"] {
        text = text.replace(&format!("`{command}`"), &format!("`{command} {id}`"));
    }
    text
}

impl From<ParkedItem> for ParkedView {
    fn from(item: ParkedItem) -> Self {
        let mut view = Self {
            remedy: for_item(&item.remedy, &item.id),
            id: item.id,
            kind: String::new(),
            bridge: item.bridge.to_string(),
            reason: item.reason,
            detail: item.detail,
            at: item.at.into(),
            operation: None,
            side: None,
            lane: None,
            link: None,
            rule: None,
            attempts: None,
            last_error: None,
            ticket: item.ticket.map(|id| id.to_string()),
            conversation: item.conversation.map(|id| id.to_string()),
        };
        match item.kind {
            ParkedKind::Intent {
                intent: _,
                operation,
                lane,
                link,
                rule,
                attempts,
                last_error,
            } => {
                view.kind = "intent".to_owned();
                view.operation = Some(operation.to_string());
                view.side = Some(operation.side().to_string());
                view.lane = Some(lane.to_string());
                view.link = Some(link.to_string());
                view.rule = Some(rule);
                view.attempts = Some(attempts);
                view.last_error = last_error;
            }
            ParkedKind::Delivery { delivery: _, side } => {
                view.kind = "delivery".to_owned();
                view.side = Some(side.to_string());
            }
            ParkedKind::Lane { lane } => {
                view.kind = "lane".to_owned();
                view.lane = Some(lane.to_string());
            }
        }
        view
    }
}
