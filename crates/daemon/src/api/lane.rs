//! What is known of one customer: the Lane behind a ticket. Neighbour: `explain`, which asks for it,
//! so that an event is explained against what the bridge knows.

use super::{
    ApiError,
    view::{id, the_bridge},
};
use crate::jobs::Jobs;
use bridge_core::{ids::TicketId, intent::Intent, lane::Lane, link::Link};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whose Lane.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LaneAsked {
    /// The Lane of this ticket: by its live Link, else by its latest.
    pub ticket: String,
    /// The bridge, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
}

/// A Lane as a file: what `explain --lane` reads. It holds the customer's number, name and words.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LaneFile {
    /// What is remembered of the customer.
    #[schemars(with = "Value")]
    pub lane: Lane,
    /// The Links: every live one, and the latest of the others.
    #[serde(default)]
    #[schemars(with = "Vec<Value>")]
    pub links: Vec<Link>,
    /// What was planned: all that is open or parked, and the latest of the others.
    #[serde(default)]
    #[schemars(with = "Vec<Value>")]
    pub intents: Vec<Intent>,
}

impl From<Lane> for LaneFile {
    fn from(mut lane: Lane) -> Self {
        let links = std::mem::take(&mut lane.links);
        let intents = std::mem::take(&mut lane.intents);
        Self {
            lane,
            links,
            intents,
        }
    }
}

impl From<LaneFile> for Lane {
    fn from(file: LaneFile) -> Self {
        Self {
            links: file.links,
            intents: file.intents,
            ..file.lane
        }
    }
}

/// Reads the Lane of a ticket, without claiming it.
///
/// # Errors
/// 404 if no Link ever had the ticket.
pub async fn of_ticket(jobs: &Jobs, asked: LaneAsked) -> Result<LaneFile, ApiError> {
    let ticket = id("ticket", &asked.ticket, TicketId::parse)?;
    let bridge = {
        let runtime = jobs.runtime.borrow();
        the_bridge(&runtime, asked.bridge.as_ref())?.name.clone()
    };
    let missing = || {
        ApiError::missing(
            format!("nothing is known of ticket {ticket} on bridge {bridge}"),
            "leave --ticket out to explain the event for a customer of whom nothing is known",
        )
    };
    let lane = jobs
        .store
        .lane_of_ticket(&bridge, &ticket)
        .await?
        .ok_or_else(missing)?;
    let known = jobs.store.lane(&lane).await?.ok_or_else(missing)?;
    Ok(LaneFile::from(known))
}
