//! The calls to Jelou, one method an operation: here those that make and end conversations, in
//! `say` those that speak, in `listing` those that read pages, in `integration` those of the set-up,
//! in `user_state` who answers. Neighbours: `wire` (the bodies), `error` (the refusals), the daemon's
//! `perform`, the only caller of what writes.
//!
//! Each method sends once. What may be sent again, and when, is the Lane's to say.

mod config;
mod integration;
mod listing;
mod ranges;
mod resolve;
mod say;
mod user_state;

pub use config::{BadConfig, Basic, ClientConfig, GatewayAuth, MetricsAuth};
pub use integration::Integration;
pub use listing::{Author, HistoryMessage, Page, ROWS_A_PAGE, Range};
pub use ranges::{Margin, Sought, ranges_of};
pub use resolve::{Write, resolve};

use crate::{
    error::{no_success, refusal},
    wire::{answer, request},
};
use bridge_core::{
    call::CallError,
    conversation::Conversation,
    effect::{Answer, CloseConversation, StartConversation, TicketIdPlace, WriteTicketId},
    ids::{ConversationId, IntentId},
    text::Text,
};
use bridge_transport::{
    ANSWER_BYTES_MAX, BadSegment, NOT_SENT, Request, Response, Transport, push_segment,
};
use bytes::Bytes;
use config::Credential;
use http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};
use serde::Serialize;
use std::time::Duration;
use url::Url;

/// The path of user memory at the gateway, page "guardar-registros".
const MEMORY_PATH: &str = "/workflows/v2/memory/users/set";

/// The path of agents' messages, page "enviar-mensajes" of the external support panel.
const MESSAGES_PATH: &str = "/v1/external-support/webhook";

/// The client of one bridge. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
    project_id: String,
    integration: Url,
    conversations: Url,
    memory: Url,
    messages: Url,
    api: Url,
    gateway_auth: Credential,
    api_auth: Option<Credential>,
    metrics_auth: Option<Credential>,
    signing_secret: Option<Text>,
}

impl Client {
    /// Makes the client of one bridge.
    ///
    /// # Errors
    /// [`BadConfig`] names the key that cannot be used.
    pub fn new(transport: Transport, config: &ClientConfig) -> Result<Self, BadConfig> {
        let mut integration = config.gateway_url.clone();
        push_path(&mut integration, &config.gateway_prefix).map_err(BadConfig::Address)?;
        push_path(&mut integration, "external-support").map_err(BadConfig::Address)?;
        push_segment(&mut integration, &config.project_id).map_err(BadConfig::Project)?;
        let join = |base: &Url, path: &str| {
            let mut url = base.clone();
            push_path(&mut url, path).map_err(BadConfig::Address)?;
            Ok(url)
        };
        let api_auth = config.api_auth.as_ref();
        Ok(Self {
            transport,
            project_id: config.project_id.clone(),
            conversations: join(&integration, "conversations")?,
            integration,
            memory: join(&config.gateway_url, MEMORY_PATH)?,
            messages: join(&config.messages_url, MESSAGES_PATH)?,
            api: join(&config.api_url, "")?,
            gateway_auth: config.gateway_auth.header()?,
            metrics_auth: api_auth
                .map(|auth| config.metrics_auth.header(auth))
                .transpose()?,
            api_auth: api_auth.map(Basic::header).transpose()?,
            signing_secret: config.signing_secret.clone(),
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
        let data = answer::data(&answer.body).map_err(|why| call.no_success(&answer, &why))?;
        let conversation =
            answer::conversation_id(&data).map_err(|why| call.no_success(&answer, &why))?;
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
        let data = answer::data(&answer.body).map_err(|why| call.no_success(&answer, &why))?;
        let closed =
            answer::conversation_id(&data).map_err(|why| call.no_success(&answer, &why))?;
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
            .map_err(|why| call.no_success(&answer, &why))?;
        if conversation.id != *id {
            return Err(call.no_success(&answer, "the answer speaks of another conversation"));
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
        answer::accepted(&answer.body).map_err(|why| call.no_success(&answer, &why))?;
        Ok(Answer::Done { whole: None })
    }

    fn cache_write(&self, write: &WriteTicketId) -> Result<Call, CallError> {
        let auth = with_client_id("user_cache", self.api_auth.as_ref())?;
        let url = path(&self.api, &["v1", "users", write.user.as_str(), "cache"])?;
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
    fn read(operation: &'static str, url: Url, auth: &Credential) -> Self {
        Self::new(operation, Method::GET, url, None, auth, true)
    }

    fn write(
        operation: &'static str,
        url: Url,
        body: Bytes,
        auth: &Credential,
        idempotent: bool,
    ) -> Self {
        Self::new(operation, Method::POST, url, Some(body), auth, idempotent)
    }

    fn new(
        operation: &'static str,
        method: Method,
        url: Url,
        body: Option<Bytes>,
        (name, value): &Credential,
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
            answer_max: ANSWER_BYTES_MAX,
        };
        Self { operation, request }
    }

    fn no_success(&self, answer: &Response, why: &str) -> CallError {
        no_success(self.operation, answer.status, why, self.request.idempotent)
    }
}

fn below(base: &Url, segment: &str) -> Result<Url, CallError> {
    path(base, &[segment])
}

fn path(base: &Url, segments: &[&str]) -> Result<Url, CallError> {
    let mut url = base.clone();
    for segment in segments {
        push_segment(&mut url, segment)?;
    }
    Ok(url)
}

/// The credential of a call that needs the client id and its secret.
fn with_client_id<'a>(
    operation: &str,
    auth: Option<&'a Credential>,
) -> Result<&'a Credential, CallError> {
    auth.ok_or_else(|| {
        not_sent(&format!(
            "{operation}: no client id and secret are configured"
        ))
    })
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
