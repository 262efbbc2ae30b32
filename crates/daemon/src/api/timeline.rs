//! `timeline`: what happened to a ticket, a conversation or a customer, each delivery, decision, call
//! and answer. Neighbour: the store, which keeps the sentences.

use super::{
    ApiError,
    view::{Moment, bridge_named, id},
};
use crate::{
    jobs::Jobs,
    store::{Line, TimelineOf},
};
use bridge_core::ids::{ConversationId, TicketId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose timeline: exactly one of the three. It travels in a body, because a customer's id is
/// mostly a phone number and has no place in a URL.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TimelineAsked {
    /// A ticket's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// A conversation's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// A customer's, as Jelou or the mapping spells them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only of this bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
}

/// A timeline, the oldest line first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Its lines.
    pub lines: Vec<LineView>,
    /// The bridges that are configured: where there are several, each line's own is worth naming.
    #[serde(default)]
    pub bridges: Vec<String>,
}

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineView {
    /// When.
    pub at: Moment,
    /// Its bridge.
    pub bridge: String,
    /// `delivery`, `event`, `decision`, `call`, `outcome`, `read` or `alarm`.
    pub kind: String,
    /// What happened, in a sentence without names, numbers or texts.
    pub sentence: String,
    /// The rule that made it so.
    pub rule: Option<String>,
    /// For a delivery: who sent it, `jelou` or `ticketing`.
    pub side: Option<String>,
    /// For a delivery: its number.
    pub delivery: Option<i64>,
    /// For a delivery: `received`, `routed`, `settled`, `ignored` or `parked`.
    pub state: Option<String>,
    /// For a delivery: why it is ignored or parked, in a word.
    pub reason: Option<String>,
    /// The Link it concerns.
    pub link: Option<String>,
    /// The ticket it concerns.
    pub ticket: Option<String>,
    /// The conversation it concerns.
    pub conversation: Option<String>,
}

/// Reads a timeline. Of a ticket nobody heard of it is empty.
///
/// # Errors
/// 400 unless exactly one of ticket, conversation and user is given.
pub async fn timeline(jobs: &Jobs, asked: TimelineAsked) -> Result<Timeline, ApiError> {
    let (bridge, bridges) = {
        let runtime = jobs.runtime.borrow();
        let names = runtime.bridges.keys().map(ToString::to_string);
        let bridge = bridge_named(&runtime, asked.bridge.as_ref())?;
        (bridge, names.collect())
    };
    let of = match (&asked.ticket, &asked.conversation, &asked.user) {
        (Some(ticket), None, None) => TimelineOf::Ticket(id("ticket", ticket, TicketId::parse)?),
        (None, Some(conversation), None) => {
            TimelineOf::Conversation(id("conversation", conversation, ConversationId::parse)?)
        }
        (None, None, Some(user)) => {
            TimelineOf::User(id("user", as_jelou_spells(user), UserId::parse)?)
        }
        _ => {
            return Err(ApiError::wrong(
                "a timeline is of one ticket, one conversation or one user",
                "give exactly one of ticket, conversation and user",
            ));
        }
    };
    let lines = jobs.store.timeline(bridge.as_ref(), &of).await?;
    Ok(Timeline {
        lines: lines.into_iter().map(LineView::from).collect(),
        bridges,
    })
}

/// A number that a person wrote with its plus, as WhatsApp's ids are: digits alone. Anything else as it is.
fn as_jelou_spells(user: &str) -> &str {
    let digits = user.trim().strip_prefix('+');
    let is_number = |rest: &&str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
    digits.filter(is_number).unwrap_or(user)
}

impl From<Line> for LineView {
    fn from(line: Line) -> Self {
        match line {
            Line::Delivery {
                at,
                bridge,
                id,
                side,
                source,
                state,
                reason,
            } => Self {
                at: at.into(),
                bridge: bridge.to_string(),
                kind: "delivery".to_owned(),
                sentence: format!(
                    "{} {id} {}",
                    source.as_str(),
                    fate(&state, reason.as_deref())
                ),
                rule: None,
                side: Some(side.to_string()),
                delivery: Some(id.0),
                state: Some(state),
                reason,
                link: None,
                ticket: None,
                conversation: None,
            },
            Line::Entry {
                at,
                bridge,
                kind,
                sentence,
                rule,
                link,
                ticket,
                conversation,
            } => Self {
                at: at.into(),
                bridge: bridge.to_string(),
                kind,
                sentence,
                rule,
                side: None,
                delivery: None,
                state: None,
                reason: None,
                link: link.map(|id| id.to_string()),
                ticket: ticket.map(|id| id.to_string()),
                conversation: conversation.map(|id| id.to_string()),
            },
        }
    }
}

fn fate(state: &str, reason: Option<&str>) -> String {
    match (state, reason) {
        ("received", _) => "received".to_owned(),
        (state, Some(reason)) => format!("received -> {state} ({reason})"),
        (state, None) => format!("received -> {state}"),
    }
}
