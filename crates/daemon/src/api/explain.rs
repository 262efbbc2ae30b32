//! Why a ticket's conversation did not start or close: what is stored of it, as the rules of now judge
//! it. Neighbours: `bridge_core::lane::why`, which judges; `stuck`, which says on what a write waits;
//! `crate::explain`, which explains a webhook's body.

use super::{
    ApiError,
    stuck::{self, StuckView},
    view::{Moment, id, the_bridge},
};
use crate::{clock, jobs::Jobs};
use bridge_core::{
    ids::{BridgeName, ConversationId, LaneId, TicketId},
    lane::{Reason, why},
    link::Link,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Of what waits, the words for what the rules have said by then.
const SAID: [&str; 3] = ["held", "unknown", "waiting_busy"];

/// What to explain: one ticket, or one conversation.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExplainAsked {
    /// This ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// This conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<String>,
    /// The bridge, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
}

/// What is stored of a ticket and its conversation, and what each rule says of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Explained {
    /// The bridge.
    pub bridge: String,
    /// The ticket, if there is one.
    pub ticket: Option<String>,
    /// The ticket's status, as last seen.
    pub status: Option<String>,
    /// When that was seen.
    pub seen_at: Option<Moment>,
    /// The conversation, if there is one.
    pub conversation: Option<String>,
    /// The Link: the live one, else the latest.
    pub link: Option<String>,
    /// Its state: `linked`, `waiting_busy`, `conversation_wanted`, `ticket_wanted`, `unwanted` or `ended`.
    pub state: Option<String>,
    /// What each rule asks for, and what it finds.
    pub reasons: Vec<ReasonView>,
}

/// What one rule asks for, and what it finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReasonView {
    /// The rule; for what waits, the word of `links --stuck`.
    pub rule: String,
    /// In a sentence without names, numbers or texts.
    pub sentence: String,
}

enum About {
    Ticket(TicketId),
    Conversation(ConversationId),
}

impl About {
    fn is_of(&self, link: &Link) -> bool {
        match self {
            Self::Ticket(id) => link.ticket_id() == Some(id),
            Self::Conversation(id) => link.conversation_id() == Some(id),
        }
    }
}

/// Judges what is stored, without a Claim. Nothing is read, sent or stored.
///
/// # Errors
/// 400 unless exactly one of ticket and conversation is given, 404 if nothing is known of it.
pub async fn explain(jobs: &Jobs, asked: ExplainAsked) -> Result<Explained, ApiError> {
    let about = match (&asked.ticket, &asked.conversation) {
        (Some(ticket), None) => About::Ticket(id("ticket", ticket, TicketId::parse)?),
        (None, Some(talk)) => About::Conversation(id("conversation", talk, ConversationId::parse)?),
        (Some(_), Some(_)) | (None, None) => {
            return Err(ApiError::wrong(
                "one ticket or one conversation is explained",
                "give exactly one of ticket and conversation",
            ));
        }
    };
    let bridge = {
        let runtime = jobs.runtime.borrow();
        the_bridge(&runtime, asked.bridge.as_ref())?
    };
    let lane = match lane_about(jobs, &bridge.name, &about).await? {
        Some(lane) => jobs.store.lane(&lane).await?,
        None => None,
    };
    let lane = lane.ok_or_else(|| unknown(&bridge.name, &about))?;
    let links = lane.links.iter().filter(|link| about.is_of(link));
    let link = links.max_by_key(|link| link.is_live());
    let ticket = match &about {
        About::Ticket(id) => Some(id),
        About::Conversation(_) => link.and_then(Link::ticket_id),
    };
    let talk = match &about {
        About::Ticket(_) => link.and_then(Link::conversation_id),
        About::Conversation(id) => Some(id),
    };
    let now = clock::now();
    let rules = bridge.rules_at(now, false);
    let reasons = why(&lane, link, ticket, &rules, now);
    let memory = ticket.and_then(|id| lane.tickets.get(id));
    let status = memory.and_then(|m| Some(m.seen.as_ref()?.status.to_string()));
    let mut explained = Explained {
        bridge: bridge.name.to_string(),
        ticket: ticket.map(ToString::to_string),
        status,
        seen_at: memory.and_then(|m| m.seen_at).map(Moment::from),
        conversation: talk.map(ToString::to_string),
        link: link.map(|link| link.id.to_string()),
        state: link.map(|link| link.state().to_owned()),
        reasons: reasons.into_iter().map(ReasonView::from).collect(),
    };
    let waiting = stuck::all_of(jobs, &bridge.name, now).await?;
    let its = waiting.iter().filter(|view| explained.is_of(view));
    let waits: Vec<ReasonView> = its.map(ReasonView::from).collect();
    explained.reasons.extend(waits);
    Ok(explained)
}

/// By its Link. A ticket that never had one went with its latest webhook to the customer whose it is.
async fn lane_about(
    jobs: &Jobs,
    bridge: &BridgeName,
    about: &About,
) -> Result<Option<LaneId>, ApiError> {
    let ticket = match about {
        About::Ticket(id) => id,
        About::Conversation(id) => return Ok(jobs.store.lane_of_conversation(bridge, id).await?),
    };
    if let Some(lane) = jobs.store.lane_of_ticket(bridge, ticket).await? {
        return Ok(Some(lane));
    }
    let mut told = jobs.store.routed_of_ticket(bridge, ticket).await?;
    Ok(told.pop().map(|latest| latest.lane))
}

fn unknown(bridge: &BridgeName, about: &About) -> ApiError {
    let (what, id) = match about {
        About::Ticket(id) => ("ticket", id.as_str()),
        About::Conversation(id) => ("conversation", id.as_str()),
    };
    ApiError::missing(
        format!("no customer of bridge {bridge} is known by {what} {id}"),
        format!("look what its webhooks came to: `timeline --{what} {id}`"),
    )
}

impl Explained {
    /// Whether something waits on the Link, or on a webhook of the ticket or the conversation.
    fn is_of(&self, view: &StuckView) -> bool {
        let of_link = self.link.is_some() && view.link == self.link;
        let of_ticket = self.ticket.is_some() && view.ticket == self.ticket;
        let of_talk = self.conversation.is_some() && view.conversation == self.conversation;
        let of_webhook = view.kind == "delivery" && (of_ticket || of_talk);
        (of_link || of_webhook) && !SAID.contains(&view.why.as_str())
    }
}

impl From<Reason> for ReasonView {
    fn from(reason: Reason) -> Self {
        Self {
            rule: reason.rule,
            sentence: reason.sentence,
        }
    }
}

impl From<&StuckView> for ReasonView {
    fn from(view: &StuckView) -> Self {
        Self {
            rule: view.why.clone(),
            sentence: format!("{} waits for: {}", view.what, view.waits_for),
        }
    }
}
