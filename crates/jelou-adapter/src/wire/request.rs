//! The bodies we send. Neighbour: `client`, which sends them. Strict: these are the documented
//! fields and no others (pages "iniciar-conversacion", "cerrar-conversacion", "cache-de-usuario",
//! "guardar-registros", "conversaciones-asesores", "estado", "crear-integracion"). What is said to
//! customers stands in `speech`.

use crate::webhook::Proof;
use bridge_core::{
    effect::{CloseConversation, StartConversation, WriteTicketId},
    ids::{BotId, IntentId, UserId},
    message::{AnsweredBy, HandOver},
    text::Text,
};
use serde::Serialize;
use std::collections::BTreeMap;
use url::Url;

/// How long Jelou keeps a value in user memory, in seconds: the longest its page allows.
const MEMORY_TTL_SECS: u32 = 86_400;

/// The key under which a bot finds the ticket's id, in metadata, cache and memory alike.
const TICKET_ID: &str = "ticketId";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Start<'a> {
    bot_id: &'a BotId,
    user_id: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    initial_message: Option<&'a str>,
    metadata: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assignment: Option<Assignment<'a>>,
}

#[derive(Serialize)]
struct Assignment<'a> {
    r#type: &'a str,
    target: &'a str,
}

impl<'a> Start<'a> {
    /// `intent` goes along as `metadata.intentId`: the start event brings it back, which is the one
    /// proof that a start with a lost answer was done.
    pub(crate) fn new(start: &'a StartConversation, intent: &'a IntentId) -> Self {
        let mut metadata: BTreeMap<&str, &str> = start
            .metadata
            .iter()
            .map(|(key, value)| (key.as_str(), value.reveal()))
            .collect();
        // Last, so that no rule of an operator can take their place.
        metadata.insert(TICKET_ID, start.ticket.as_str());
        metadata.insert("intentId", intent.as_str());
        Self {
            bot_id: &start.bot,
            user_id: &start.user,
            initial_message: words(start.initial_message.as_ref()),
            metadata,
            assignment: start.assignment.as_ref().map(|assignment| Assignment {
                r#type: &assignment.kind,
                target: &assignment.target,
            }),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Close<'a> {
    bot_id: &'a BotId,
    user_id: &'a UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect_payload: Option<RedirectPayload<'a>>,
}

#[derive(Serialize)]
struct RedirectPayload<'a> {
    r#type: &'a str,
    text: &'a str,
}

impl<'a> Close<'a> {
    pub(crate) fn new(close: &'a CloseConversation) -> Self {
        Self {
            bot_id: &close.bot,
            user_id: &close.user,
            redirect_payload: words(close.message.as_ref()).map(|text| RedirectPayload {
                r#type: "text",
                text,
            }),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CacheWrite<'a> {
    params: BTreeMap<&'a str, &'a str>,
    bot_id: &'a BotId,
}

impl<'a> CacheWrite<'a> {
    pub(crate) fn new(write: &'a WriteTicketId) -> Self {
        Self {
            params: BTreeMap::from([(TICKET_ID, ticket_id(write))]),
            bot_id: &write.bot,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MemoryWrite<'a> {
    user_reference_id: &'a UserId,
    bot_id: &'a BotId,
    values: BTreeMap<&'a str, MemoryValue<'a>>,
}

/// An object and not a bare value, which Jelou stores empty.
#[derive(Serialize)]
struct MemoryValue<'a> {
    value: &'a str,
    ttl: u32,
}

impl<'a> MemoryWrite<'a> {
    pub(crate) fn new(write: &'a WriteTicketId) -> Self {
        let value = MemoryValue {
            value: ticket_id(write),
            ttl: MEMORY_TTL_SECS,
        };
        Self {
            user_reference_id: &write.user,
            bot_id: &write.bot,
            values: BTreeMap::from([(TICKET_ID, value)]),
        }
    }
}

/// The body of the report; the page wants `getJson` to be there and true.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReportRange {
    start_at: String,
    end_at: String,
    get_json: bool,
}

impl ReportRange {
    pub(crate) fn new(start_at: String, end_at: String) -> Self {
        Self {
            start_at,
            end_at,
            get_json: true,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StateWrite<'a> {
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
    bot_id: &'a BotId,
    user_id: &'a UserId,
    state: &'static str,
}

impl<'a> StateWrite<'a> {
    pub(crate) fn new(to: &'a HandOver) -> Self {
        let (state, ttl) = match to.to {
            AnsweredBy::Bot => ("auto", None),
            AnsweredBy::Person => ("manual", to.for_secs),
        };
        Self {
            ttl,
            bot_id: &to.bot,
            user_id: &to.user,
            state,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IntegrationWrite<'a> {
    webhook_url: &'a Url,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization: Option<&'a str>,
}

impl<'a> IntegrationWrite<'a> {
    /// A new integration. Without a credential nothing is said of one: half of the pages know no
    /// such field.
    pub(crate) fn new_one(webhook_url: &'a Url, proof: &'a Proof) -> Self {
        let changed = Self::changed(webhook_url, proof);
        let auth_type = changed.authorization.and(changed.auth_type);
        Self {
            auth_type,
            ..changed
        }
    }

    /// A change. What is not sent stays as it was, so that there is no credential is said too.
    pub(crate) fn changed(webhook_url: &'a Url, proof: &'a Proof) -> Self {
        let (auth_type, authorization) = match proof {
            Proof::None => ("no_auth", None),
            Proof::Bearer(token) => ("bearer", Some(token)),
            Proof::ApiKey(key) => ("api_key", Some(key)),
            Proof::Basic(pair) => ("basic", Some(pair)),
        };
        Self {
            webhook_url,
            auth_type: Some(auth_type),
            authorization: authorization.map(Text::reveal),
        }
    }
}

/// Both places merge what they are given and know no delete: cleared is empty.
fn ticket_id(write: &WriteTicketId) -> &str {
    write.ticket.as_ref().map_or("", |ticket| ticket.as_str())
}

/// A blank message is left out: WhatsApp refuses one, and nothing is what it says.
pub(super) fn words(text: Option<&Text>) -> Option<&str> {
    text.filter(|text| !text.is_blank()).map(Text::reveal)
}
