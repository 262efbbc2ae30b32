//! The calls to Jelou, one method an operation. Neighbours: `wire` (the bodies), `error` (the
//! refusals), the daemon's `perform`, the only caller of what writes.
//!
//! Each method sends once. What may be sent again, and when, is the Lane's to say.

use crate::{
    error::{no_success, refusal},
    wire::{answer, request},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bridge_core::{
    call::CallError,
    conversation::Conversation,
    effect::{Answer, CloseConversation, StartConversation, TicketIdPlace, WriteTicketId},
    ids::{ConversationId, IntentId},
    text::Text,
};
use bridge_transport::{BadSegment, NOT_SENT, Request, Response, Transport, push_segment};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde::Serialize;
use std::time::Duration;
use url::Url;

/// The path of user memory at the gateway, page "guardar-registros".
const MEMORY_PATH: &str = "/workflows/v2/memory/users/set";

/// How the gateway knows us. Its prose says one, its schema the other, so the operator says.
#[derive(Clone, Debug)]
pub enum GatewayAuth {
    /// `x-api-key: KEY`.
    ApiKey(Text),
    /// `Authorization: Basic ...`.
    Basic(Basic),
}

/// A client id and its secret, for `Authorization: Basic`.
#[derive(Clone, Debug)]
pub struct Basic {
    /// `clientId`; without a colon.
    pub client_id: String,
    /// `clientSecret`.
    pub client_secret: Text,
}

/// Where Jelou is and how it knows us.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Such as `https://gateway.jelou.ai`.
    pub gateway_url: Url,
    /// `/jelouapi/v1` or `/platform/v1`: the pages differ.
    pub gateway_prefix: String,
    /// Such as `https://api.jelou.ai`.
    pub api_url: Url,
    /// The Jelou project (`projectId`, `brainId`).
    pub project_id: String,
    /// For conversations and user memory.
    pub gateway_auth: GatewayAuth,
    /// For the user cache; `None` where the bridge does not write to it.
    pub api_auth: Option<Basic>,
}

/// A [`ClientConfig`] that no request can be made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    /// A key or secret holds something that no header can.
    #[error("a credential has a character that no HTTP header can hold")]
    Credential,
    /// `client_id` has a colon, where the secret would begin.
    #[error("the client id must have no colon in it")]
    ClientId,
    /// `project_id` cannot stand in a path.
    #[error("the project id: {0}")]
    Project(BadSegment),
    /// The prefix or an address takes no path.
    #[error("the gateway's address or prefix: {0}")]
    Address(BadSegment),
}

/// The client of one bridge. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
    conversations: Url,
    memory: Url,
    users: Url,
    gateway_auth: (HeaderName, HeaderValue),
    api_auth: Option<(HeaderName, HeaderValue)>,
}

impl Client {
    /// Makes the client of one bridge.
    ///
    /// # Errors
    /// [`BadConfig`] names the key that cannot be used.
    pub fn new(transport: Transport, config: &ClientConfig) -> Result<Self, BadConfig> {
        let mut conversations = config.gateway_url.clone();
        push_path(&mut conversations, &config.gateway_prefix).map_err(BadConfig::Address)?;
        push_path(&mut conversations, "external-support").map_err(BadConfig::Address)?;
        push_segment(&mut conversations, &config.project_id).map_err(BadConfig::Project)?;
        push_path(&mut conversations, "conversations").map_err(BadConfig::Address)?;
        let mut memory = config.gateway_url.clone();
        push_path(&mut memory, MEMORY_PATH).map_err(BadConfig::Address)?;
        let mut users = config.api_url.clone();
        push_path(&mut users, "/v1/users").map_err(BadConfig::Address)?;
        let gateway_auth = match &config.gateway_auth {
            GatewayAuth::ApiKey(key) => (
                HeaderName::from_static("x-api-key"),
                secret_header(key.reveal())?,
            ),
            GatewayAuth::Basic(basic) => basic_header(basic)?,
        };
        let api_auth = config.api_auth.as_ref().map(basic_header).transpose()?;
        Ok(Self {
            transport,
            conversations,
            memory,
            users,
            gateway_auth,
            api_auth,
        })
    }

    /// Starts a conversation: `POST .../conversations/start`. `intent` travels as
    /// `metadata.intentId`. The id in the answer is not yet proven new (rule 6).
    ///
    /// # Errors
    /// `Unknown` also for a success status without a readable id, or with an envelope that says
    /// failed: Jelou has no key that would make a second start harmless.
    pub async fn start(
        &self,
        start: &StartConversation,
        intent: &IntentId,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let url = below(&self.conversations, "start")?;
        let body = json(&request::Start::new(start, intent))?;
        let call = Call::write("start", url, body, &self.gateway_auth, false);
        let answer = self.send(&call, deadline).await?;
        let data = answer::data(&answer.body).map_err(|why| call.no_success(&why))?;
        let conversation = answer::conversation_id(&data).map_err(|why| call.no_success(&why))?;
        Ok(Answer::Started {
            conversation,
            user: answer::user_id(&data),
        })
    }

    /// Closes the active conversation of a bot and a user: `POST .../conversations/close`. Jelou is
    /// not told which one is meant; the answer tells which one it was (rule 13).
    ///
    /// # Errors
    /// `Unknown` also for a success status without a readable id: a second close could hit the
    /// customer's next conversation. `Gone` and `Refused` (404, 422) may mean there was none active.
    pub async fn close(
        &self,
        close: &CloseConversation,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let url = below(&self.conversations, "close")?;
        let body = json(&request::Close::new(close))?;
        let call = Call::write("close", url, body, &self.gateway_auth, false);
        let answer = self.send(&call, deadline).await?;
        let data = answer::data(&answer.body).map_err(|why| call.no_success(&why))?;
        let closed = answer::conversation_id(&data).map_err(|why| call.no_success(&why))?;
        Ok(Answer::Closed {
            conversation: Some(closed),
        })
    }

    /// Reads a conversation: `GET .../conversations/{id}`. Jelou tells neither its metadata nor
    /// its assignment.
    ///
    /// # Errors
    /// `Later` for an answer that cannot be read, or that speaks of another conversation.
    pub async fn conversation(
        &self,
        id: &ConversationId,
        deadline: Duration,
    ) -> Result<Conversation, CallError> {
        let url = below(&self.conversations, id.as_str())?;
        let call = Call::read("conversation", url, &self.gateway_auth);
        let answer = self.send(&call, deadline).await?;
        let conversation = answer::data(&answer.body)
            .and_then(|data| answer::conversation(&data))
            .map_err(|why| call.no_success(&why))?;
        if conversation.id != *id {
            return Err(call.no_success("the answer speaks of another conversation"));
        }
        Ok(conversation)
    }

    /// Writes the ticket's id where the customer's bot can read it, or clears it. Both places take
    /// the same write twice without harm.
    ///
    /// # Errors
    /// `Refused` with [`NOT_SENT`] when the user cache is asked for and no credential for it is
    /// configured; else as any call.
    pub async fn write_ticket_id(
        &self,
        write: &WriteTicketId,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let call = match write.place {
            TicketIdPlace::UserCache => self.cache_write(write)?,
            TicketIdPlace::UserMemory => {
                let body = json(&request::MemoryWrite::new(write))?;
                let url = self.memory.clone();
                Call::write("user_memory", url, body, &self.gateway_auth, true)
            }
            TicketIdPlace::None => return Ok(Answer::Done { whole: None }),
        };
        let answer = self.send(&call, deadline).await?;
        answer::accepted(&answer.body).map_err(|why| call.no_success(&why))?;
        Ok(Answer::Done { whole: None })
    }

    fn cache_write(&self, write: &WriteTicketId) -> Result<Call, CallError> {
        let Some(auth) = &self.api_auth else {
            return Err(not_sent(
                "user_cache: no client id and secret are configured",
            ));
        };
        let mut url = below(&self.users, write.user.as_str())?;
        push_segment(&mut url, "cache")?;
        let body = json(&request::CacheWrite::new(write))?;
        Ok(Call::write("user_cache", url, body, auth, true))
    }

    async fn send(&self, call: &Call, deadline: Duration) -> Result<Response, CallError> {
        let answer = self.transport.send(call.request.clone(), deadline).await?;
        if answer.is_success() {
            Ok(answer)
        } else {
            Err(refusal(call.operation, &answer, call.request.idempotent))
        }
    }
}

/// A request and the word for it in reasons.
struct Call {
    operation: &'static str,
    request: Request,
}

impl Call {
    fn read(operation: &'static str, url: Url, auth: &(HeaderName, HeaderValue)) -> Self {
        Self::new(operation, Method::GET, url, None, auth, true)
    }

    fn write(
        operation: &'static str,
        url: Url,
        body: Bytes,
        auth: &(HeaderName, HeaderValue),
        idempotent: bool,
    ) -> Self {
        Self::new(operation, Method::POST, url, Some(body), auth, idempotent)
    }

    fn new(
        operation: &'static str,
        method: Method,
        url: Url,
        body: Option<Bytes>,
        (name, value): &(HeaderName, HeaderValue),
        idempotent: bool,
    ) -> Self {
        let mut headers = HeaderMap::new();
        // On reads too: the introduction page asks for it on every request.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(name.clone(), value.clone());
        let request = Request {
            method,
            url,
            headers,
            body,
            idempotent,
        };
        Self { operation, request }
    }

    fn no_success(&self, why: &str) -> CallError {
        no_success(self.operation, why, self.request.idempotent)
    }
}

fn below(base: &Url, segment: &str) -> Result<Url, CallError> {
    let mut url = base.clone();
    push_segment(&mut url, segment)?;
    Ok(url)
}

fn push_path(url: &mut Url, path: &str) -> Result<(), BadSegment> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .try_for_each(|segment| push_segment(url, segment))
}

fn json(body: &impl Serialize) -> Result<Bytes, CallError> {
    serde_json::to_vec(body)
        .map(Bytes::from)
        .map_err(|_| not_sent("the body cannot be written as JSON"))
}

fn not_sent(why: &str) -> CallError {
    CallError::Refused {
        status: NOT_SENT,
        reason: format!("not sent: {why}"),
    }
}

fn basic_header(basic: &Basic) -> Result<(HeaderName, HeaderValue), BadConfig> {
    if basic.client_id.contains(':') {
        return Err(BadConfig::ClientId);
    }
    let pair = format!("{}:{}", basic.client_id, basic.client_secret.reveal());
    let value = secret_header(&format!("Basic {}", BASE64.encode(pair)))?;
    Ok((AUTHORIZATION, value))
}

fn secret_header(text: &str) -> Result<HeaderValue, BadConfig> {
    let mut value = HeaderValue::from_str(text).map_err(|_| BadConfig::Credential)?;
    value.set_sensitive(true);
    Ok(value)
}
