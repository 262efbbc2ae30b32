//! `links`: which tickets and conversations belong together. Neighbours: `link`, which changes that.

use super::{
    ApiError,
    view::{Moment, PageOf, bridge_named, id, limit, maybe, observing, word},
};
use crate::{
    jobs::Jobs,
    store::{LinkFilter, LinkRow},
};
use bridge_core::{
    ids::{ConversationId, LinkId, TicketId},
    intent::Intent,
    link::{ConversationSide, Origin, TicketSide},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The words for a Link's state, as [`Link::state`](bridge_core::link::Link::state) gives them.
const STATES: [&str; 6] = [
    "linked",
    "waiting_busy",
    "conversation_wanted",
    "ticket_wanted",
    "unwanted",
    "ended",
];

/// Which Links to list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LinksAsked {
    /// Only of this bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// Only with this ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Only with this conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// Only in this state: `linked`, `waiting_busy`, `conversation_wanted`, `ticket_wanted`,
    /// `unwanted`, `ended`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Only those that have not ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub live: bool,
    /// At most so many, the latest changed first; 200 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Links, the latest changed first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Links {
    /// Those.
    pub links: Vec<LinkView>,
    /// Whether the limit left some out.
    pub more: bool,
    /// Of the bridges that were asked about, those with `mode = "observe"`: what they plan is not written.
    #[serde(default)]
    pub observing: Vec<String>,
}

/// A Link: a conversation and a ticket that belong together. One of the two may be missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinkView {
    /// Its id.
    pub id: String,
    /// Its bridge.
    pub bridge: String,
    /// Its Lane.
    pub lane: String,
    /// `linked`, `waiting_busy`, `conversation_wanted`, `ticket_wanted`, `unwanted` or `ended`.
    pub state: String,
    /// The ticket, once there is one.
    pub ticket: Option<String>,
    /// The conversation, once there is one.
    pub conversation: Option<String>,
    /// Which side was there first: `ticket`, `conversation` or `operator`.
    pub origin: String,
    /// The rule that says why a side stays missing.
    pub unwanted_by: Option<String>,
    /// Grows with each reopening and each retry of a start or close.
    pub generation: u32,
    /// The ticket that this one follows.
    pub follows: Option<String>,
    /// Since when another conversation of the customer keeps it waiting.
    pub busy_since: Option<Moment>,
    /// Fields on which a side refused for good.
    pub diverged: Vec<DivergedView>,
    /// When it was made.
    pub created_at: Moment,
    /// When it last changed.
    pub updated_at: Moment,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// Why it ended, in a word.
    pub ended_reason: Option<String>,
}

/// A field on which a side refused for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DivergedView {
    /// Which.
    pub field: String,
    /// What was wanted.
    pub wanted: String,
    /// What the side said.
    pub reason: String,
    /// Since when.
    pub at: Moment,
}

/// One Link with all that was planned for it, the oldest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LinkShown {
    /// The Link.
    pub link: LinkView,
    /// What was planned and what became of it.
    pub intents: Vec<IntentView>,
}

/// An effect on its way out, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IntentView {
    /// Its id.
    pub id: String,
    /// `start`, `close`, `create`, `status`, `note`, ...
    pub operation: String,
    /// `planned`, `sent`, `unknown`, `confirmed`, `refused`, `withdrawn`, `parked` or `observed`.
    pub state: String,
    /// What it does, in a sentence.
    pub sentence: String,
    /// The rule that made it.
    pub rule: String,
    /// When it was planned.
    pub planned_at: Moment,
    /// When its latest call began.
    pub sent_at: Option<Moment>,
    /// When it was confirmed.
    pub confirmed_at: Option<Moment>,
    /// Not before this.
    pub due_at: Option<Moment>,
    /// Calls that may have reached the remote.
    pub attempts: u32,
    /// The last error.
    pub last_error: Option<String>,
    /// Why it is parked, in a word.
    pub parked: Option<String>,
    /// It was tried again although an earlier try may have worked.
    pub possible_duplicate: bool,
    /// The safety halt holds it.
    pub held: bool,
}

/// Lists Links.
///
/// # Errors
/// [`ApiError`] for a text that is no id, for a bridge that is not configured, and from the store.
pub async fn list(jobs: &Jobs, asked: LinksAsked) -> Result<Links, ApiError> {
    let limit = limit(asked.limit);
    let bridge = {
        let runtime = jobs.runtime.borrow();
        bridge_named(&runtime, asked.bridge.as_ref())?
    };
    let filter = LinkFilter {
        bridge,
        ticket: maybe("ticket", asked.ticket.as_ref(), TicketId::parse)?,
        conversation: maybe(
            "conversation",
            asked.conversation.as_ref(),
            ConversationId::parse,
        )?,
        state: word("state", asked.state.as_ref(), &STATES, |state| state)?.map(str::to_owned),
        live_only: asked.live,
        limit: limit.saturating_add(1),
    };
    let rows = jobs.store.links(&filter).await?;
    let page = PageOf::cut(rows, limit);
    Ok(Links {
        links: page.items.iter().map(LinkView::from).collect(),
        more: page.more,
        observing: observing(&jobs.runtime.borrow(), filter.bridge.as_ref()),
    })
}

/// Shows one Link.
///
/// # Errors
/// 404 if there is none of this id.
pub async fn show(jobs: &Jobs, link: &str) -> Result<LinkShown, ApiError> {
    let link = id("link", link, LinkId::parse)?;
    let (row, intents) = jobs.store.link(&link).await?.ok_or_else(|| {
        ApiError::missing(format!("there is no link {link}"), "`links` lists the ids")
    })?;
    Ok(LinkShown {
        link: LinkView::from(&row),
        intents: intents.iter().map(IntentView::from).collect(),
    })
}

impl From<&LinkRow> for LinkView {
    fn from(row: &LinkRow) -> Self {
        let link = &row.link;
        let unwanted_by = match (&link.conversation, &link.ticket) {
            (ConversationSide::Unwanted { rule }, _) | (_, TicketSide::Unwanted { rule }) => {
                Some(rule.clone())
            }
            (
                ConversationSide::Wanted | ConversationSide::Known { .. },
                TicketSide::Wanted | TicketSide::Known { .. },
            ) => None,
        };
        Self {
            id: link.id.to_string(),
            bridge: row.bridge.to_string(),
            lane: row.lane.to_string(),
            state: link.state().to_owned(),
            ticket: link.ticket_id().map(ToString::to_string),
            conversation: link.conversation_id().map(ToString::to_string),
            origin: origin(link.origin).to_owned(),
            unwanted_by,
            generation: link.generation,
            follows: link.follows.as_ref().map(ToString::to_string),
            busy_since: link.busy_since.map(Moment::from),
            diverged: link
                .diverged
                .iter()
                .map(|field| DivergedView {
                    field: field.field.clone(),
                    wanted: field.wanted.clone(),
                    reason: field.reason.clone(),
                    at: field.at.into(),
                })
                .collect(),
            created_at: link.created_at.into(),
            updated_at: row.updated_at.into(),
            ended_at: link.ended.as_ref().map(|ended| ended.at.into()),
            ended_reason: link.ended.as_ref().map(|ended| ended.reason.clone()),
        }
    }
}

impl From<&Intent> for IntentView {
    fn from(intent: &Intent) -> Self {
        Self {
            id: intent.id.to_string(),
            operation: intent.operation().to_string(),
            state: intent.state.as_str().to_owned(),
            sentence: intent.effect.to_string(),
            rule: intent.rule.clone(),
            planned_at: intent.planned_at.into(),
            sent_at: intent.sent_at.map(Moment::from),
            confirmed_at: intent.confirmed_at.map(Moment::from),
            due_at: intent.due_at.map(Moment::from),
            attempts: intent.attempts,
            last_error: intent.last_error.clone(),
            parked: intent.parked.as_ref().map(|parked| parked.reason.clone()),
            possible_duplicate: intent.possible_duplicate,
            held: intent.held,
        }
    }
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Ticket => "ticket",
        Origin::Conversation => "conversation",
        Origin::Operator => "operator",
    }
}
