//! The calls to Jelou, one method an operation. Neighbours: `wire` (the bodies), `error` (the
//! refusals), the daemon's `perform`, the only caller of what writes.
//!
//! Each method sends once. What may be sent again, and when, is the Lane's to say.

mod config;

pub use config::{BadConfig, Basic, ClientConfig, GatewayAuth};

use crate::{
    error::{no_success, refusal},
    wire::{answer, request},
};
use bridge_core::{
    call::{CallError, Resolve},
    conversation::Conversation,
    effect::{
        Answer, CloseConversation, Operation, StartConversation, TicketIdPlace, WriteTicketId,
    },
    ids::{ConversationId, IntentId},
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

/// How it is found out what became of a write to Jelou (rule 5). `None` for what is not written
/// to Jelou at all.
///
/// A start has no key and no list to look it up in, but its event brings our `intentId` back. A
/// closed conversation says so when it is read. The ticket's id is overwritten by itself.
#[must_use]
pub fn resolve(operation: Operation) -> Resolve {
    match operation {
        Operation::Start => Resolve::EventConfirm,
        Operation::Close => Resolve::DirectLookup,
        Operation::TicketId => Resolve::Idempotent,
        Operation::Requester
        | Operation::Create
        | Operation::LinkField
        | Operation::Status
        | Operation::Note => Resolve::None,
    }
}

/// The client of one bridge. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
    conversations: Url,
    memory: Url,
    users: Url,
    gateway_auth: Credential,
    api_auth: Option<Credential>,
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
        Ok(Self {
            transport,
            conversations,
            memory,
            users,
            gateway_auth: config.gateway_auth.header()?,
            api_auth: config.api_auth.as_ref().map(Basic::header).transpose()?,
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
