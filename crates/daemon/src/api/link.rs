//! `link` and `unlink`: a person ties a ticket and a conversation together, or takes them apart.
//! Neighbours: both adapters, which are asked first; the Lane, which takes it as an order.

use super::{
    ApiError,
    error::NOT_TAKEN,
    links::LinkView,
    view::{bridge_named, id, the_bridge},
};
use crate::{
    clock,
    jobs::{self, Jobs},
    runtime::Bridge,
    store::{LinkFilter, LinkRow},
};
use bridge_core::{
    call::CallError,
    conversation::Conversation,
    event::Side,
    ids::{BridgeName, ConversationId, LaneId, LinkId, TicketId},
    lane::Order,
    ticket::Ticket,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// Where to look when an order changed nothing.
const LOOK: &str = "`parked` shows who is set aside, and the log the rest; then try again";

/// At most one live Link has a ticket, and one a conversation, on each bridge; so few are looked for.
const LIVE_MAX: u32 = 100;

/// What to tie together.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkWanted {
    /// The ticket.
    pub ticket: String,
    /// The conversation.
    pub conversation: String,
    /// Also where the ticket names another customer than the conversation's, who then gets what agents
    /// write on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_customer: bool,
    /// The bridge, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
}

/// What to take apart.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlinkWanted {
    /// The Link's id, or a ticket's.
    pub id: String,
    /// The bridge, where several know the ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
}

/// The Link after the order.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Linked {
    /// The Link.
    pub link: LinkView,
}

/// Ties a ticket and a conversation together. Both are read first. Asking twice is asking once.
///
/// # Errors
/// 404 if a side is not there; 409 if a side belongs to another Link, if the conversation is over or
/// on a bot that is not the bridge's, if the ticket names another customer and nobody insisted, or if
/// nobody took the order; 502 and 503 if a side did not answer.
pub async fn link(jobs: &Jobs, wanted: LinkWanted) -> Result<Linked, ApiError> {
    let ticket = id("ticket", &wanted.ticket, TicketId::parse)?;
    let conversation = id("conversation", &wanted.conversation, ConversationId::parse)?;
    let bridge = {
        let runtime = jobs.runtime.borrow();
        the_bridge(&runtime, wanted.bridge.as_ref())?
    };
    let of_ticket = live(jobs, &bridge.name, Some(&ticket), None).await?;
    let of_conversation = live(jobs, &bridge.name, None, Some(&conversation)).await?;
    if let Some(there) = both(&of_ticket, &conversation) {
        return Ok(Linked {
            link: LinkView::from(there),
        });
    }
    if let Some(other) = of_ticket
        .iter()
        .find(|row| row.link.conversation_id().is_some())
    {
        return Err(taken("ticket", &ticket, other));
    }
    if let Some(other) = of_conversation.first() {
        return Err(taken("conversation", &conversation, other));
    }
    let talk = read_conversation(jobs, &bridge, &conversation).await?;
    let found = read_ticket(jobs, &bridge, &ticket).await?;
    if !wanted.other_customer && names_another(jobs, &bridge, &found, &talk).await? {
        return Err(ApiError::conflict(
            format!("ticket {ticket} names another customer than conversation {conversation} has"),
            format!(
                "see that both ids are right; `link {ticket} {conversation} --other-customer` ties them all the same, and the conversation's customer gets what agents write on the ticket"
            ),
        ));
    }
    let lane = lane(jobs, &bridge, &talk, of_ticket.first(), &ticket).await?;
    let order = Order::Link {
        conversation: Box::new(talk),
        ticket: Box::new(found),
    };
    jobs::give_order(jobs, &lane, order).await?;
    let now = live(jobs, &bridge.name, Some(&ticket), None).await?;
    let Some(row) = both(&now, &conversation) else {
        return Err(ApiError::conflict(
            format!(
                "ticket {ticket} and conversation {conversation} were not linked: another link took one of them meanwhile, {NOT_TAKEN}"
            ),
            format!("`timeline --ticket {ticket}` tells what happened; {LOOK}"),
        ));
    };
    tracing::info!(bridge = %bridge.name, ticket.id = %ticket, conversation.id = %conversation, "Linked by order");
    Ok(Linked {
        link: LinkView::from(row),
    })
}

/// Ends a Link. The ticket and the conversation stay as they are.
///
/// # Errors
/// 404 if there is no live Link of this name; 400 if several bridges have one; 409 if it is over
/// already, or if nobody took the order.
pub async fn unlink(jobs: &Jobs, wanted: UnlinkWanted) -> Result<Linked, ApiError> {
    let row = named(jobs, &wanted).await?;
    let (lane, link) = (row.lane, row.link.id);
    jobs::give_order(jobs, &lane, Order::Unlink { link: link.clone() }).await?;
    let (row, _) = jobs
        .store
        .link(&link)
        .await?
        .ok_or_else(|| no_link(&wanted.id))?;
    if row.link.is_live() {
        return Err(ApiError::conflict(
            format!("link {link} goes on, and nothing was changed: {NOT_TAKEN}"),
            LOOK,
        ));
    }
    tracing::info!(lane.id = %lane, link.id = %link, "Unlinked by order");
    Ok(Linked {
        link: LinkView::from(&row),
    })
}

async fn named(jobs: &Jobs, wanted: &UnlinkWanted) -> Result<LinkRow, ApiError> {
    if let Ok(link) = LinkId::parse(&wanted.id)
        && let Some((row, _)) = jobs.store.link(&link).await?
    {
        if row.link.is_live() {
            return Ok(row);
        }
        return Err(ApiError::conflict(
            format!("link {link} has ended already"),
            "nothing is left to do",
        ));
    }
    let ticket = id("id", &wanted.id, TicketId::parse)?;
    let bridge = {
        let runtime = jobs.runtime.borrow();
        bridge_named(&runtime, wanted.bridge.as_ref())?
    };
    let filter = LinkFilter {
        bridge,
        ticket: Some(ticket),
        live_only: true,
        limit: LIVE_MAX,
        ..LinkFilter::default()
    };
    let mut rows = jobs.store.links(&filter).await?;
    match (rows.pop(), rows.is_empty()) {
        (Some(row), true) => Ok(row),
        (Some(_), false) => Err(ApiError::wrong(
            format!("several bridges have a live link of ticket {}", wanted.id),
            "name the bridge, or the link's own id",
        )),
        (None, _) => Err(no_link(&wanted.id)),
    }
}

fn no_link(name: &str) -> ApiError {
    ApiError::missing(
        format!("no live link is called {name}, and none has a ticket of this id"),
        "`links` lists them",
    )
}

async fn live(
    jobs: &Jobs,
    bridge: &BridgeName,
    ticket: Option<&TicketId>,
    conversation: Option<&ConversationId>,
) -> Result<Vec<LinkRow>, ApiError> {
    let filter = LinkFilter {
        bridge: Some(bridge.clone()),
        ticket: ticket.cloned(),
        conversation: conversation.cloned(),
        live_only: true,
        limit: LIVE_MAX,
        ..LinkFilter::default()
    };
    Ok(jobs.store.links(&filter).await?)
}

fn both<'a>(rows: &'a [LinkRow], conversation: &ConversationId) -> Option<&'a LinkRow> {
    rows.iter()
        .find(|row| row.link.conversation_id() == Some(conversation))
}

fn taken(side: &str, id: &dyn Display, by: &LinkRow) -> ApiError {
    let link = &by.link.id;
    ApiError::conflict(
        format!("{side} {id} belongs to link {link}"),
        format!("`links show {link}` shows it; `unlink {link}` ends it"),
    )
}

async fn read_conversation(
    jobs: &Jobs,
    bridge: &Bridge,
    id: &ConversationId,
) -> Result<Conversation, ApiError> {
    ask(jobs, bridge, Side::Jelou)?;
    let talk = bridge.jelou.conversation(id, bridge.call_timeout()).await;
    let talk = talk.map_err(|error| unread("conversation", id, &error))?;
    if !bridge.config.jelou.bots.contains(&talk.bot) {
        return Err(ApiError::conflict(
            format!(
                "conversation {id} is on bot {}, which is not one of bridge {}",
                talk.bot, bridge.name
            ),
            "name a conversation of the bridge's own bots, or add the bot to jelou.bots",
        ));
    }
    if talk.state.is_closed() {
        return Err(ApiError::conflict(
            format!("conversation {id} is over"),
            "only a conversation that goes on can be linked",
        ));
    }
    Ok(talk)
}

async fn read_ticket(jobs: &Jobs, bridge: &Bridge, id: &TicketId) -> Result<Ticket, ApiError> {
    ask(jobs, bridge, Side::Ticketing)?;
    let found = bridge.ticketing.ticket(id, bridge.call_timeout()).await;
    let found = found.map_err(|error| unread("ticket", id, &error))?;
    match &found.merged_into {
        Some(other) => Err(ApiError::conflict(
            format!("ticket {id} was merged into ticket {other}"),
            format!("link ticket {other}"),
        )),
        None => Ok(found),
    }
}

/// Whether the mapping makes another customer of the ticket than the conversation has, under any
/// spelling that is known. A customer who cannot be told from the ticket is no other one.
async fn names_another(
    jobs: &Jobs,
    bridge: &Bridge,
    ticket: &Ticket,
    talk: &Conversation,
) -> Result<bool, ApiError> {
    let Some(named) = bridge.config.mapping.user_id(ticket).ok().flatten() else {
        return Ok(false);
    };
    // A spelling is learnt on the bot of a start; people are the same on every bot.
    for bot in &bridge.config.jelou.bots {
        let named = jobs.store.canonical(&bridge.name, bot, &named).await?;
        if named == jobs.store.canonical(&bridge.name, bot, &talk.user).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The gate holds for a person's reads too: a host that said when to come again means everyone.
fn ask(jobs: &Jobs, bridge: &Bridge, side: Side) -> Result<(), ApiError> {
    jobs.gate
        .ask(&bridge.target(side), "link", clock::now())
        .map_err(|blocked| {
            ApiError::later(
                format!("the {side} side takes no calls now ({})", blocked.by),
                "try again in a minute",
            )
        })
}

fn unread(what: &str, id: &dyn Display, error: &CallError) -> ApiError {
    match error {
        CallError::Gone { .. } => ApiError::missing(
            format!("there is no {what} {id}"),
            "copy its id from where it lives",
        ),
        CallError::Later { .. }
        | CallError::Unknown { .. }
        | CallError::Locked { .. }
        | CallError::Forbidden { .. }
        | CallError::Refused { .. } => ApiError::remote(
            format!("{what} {id} could not be read: {error}"),
            "look whether the address and the credentials in the configuration are right",
        ),
    }
}

/// The Lane that gets the order: the customer's. A ticket that waits for its conversation already
/// has one, and it must be the same.
async fn lane(
    jobs: &Jobs,
    bridge: &Bridge,
    talk: &Conversation,
    waiting: Option<&LinkRow>,
    ticket: &TicketId,
) -> Result<LaneId, ApiError> {
    let lane = jobs
        .store
        .lane_for(&bridge.name, &talk.bot, &talk.user)
        .await?;
    match waiting {
        Some(row) if row.lane != lane => Err(ApiError::conflict(
            format!(
                "ticket {ticket} waits for a conversation of another customer, by link {}",
                row.link.id
            ),
            format!(
                "`unlink {}` first, if the conversation is the right one all the same",
                row.link.id
            ),
        )),
        Some(_) | None => Ok(lane),
    }
}
