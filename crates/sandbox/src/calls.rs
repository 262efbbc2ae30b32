//! The log of every call a server got, for assertions. Neighbour: stage, which writes it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::VecDeque;

/// How many calls are kept; the oldest go first. A million-event test still fits in memory.
const CALLS_KEPT: usize = 200_000;

/// What was asked for. One list for both servers; a rule for the other server's operation is idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Jelou: `conversations/start`.
    Start,
    /// Jelou: `conversations/close`.
    Close,
    /// Jelou: read a conversation.
    Conversation,
    /// Jelou: read the user cache.
    ReadCache,
    /// Jelou: merge into the user cache.
    WriteCache,
    /// Jelou: set user memory.
    SetMemory,
    /// Jelou: an agent's message to a customer.
    AgentMessage,
    /// Jelou: a message of the bot.
    BotMessage,
    /// Jelou: a WhatsApp template.
    Template,
    /// Jelou: the report of attended conversations.
    Report,
    /// Jelou: a bot's messages, both ways.
    History,
    /// Jelou: who answers a customer.
    UserState,
    /// Jelou: say who answers a customer.
    SetUserState,
    /// Jelou: make the integration.
    CreateIntegration,
    /// Jelou: read the integration.
    Integration,
    /// Jelou: change the integration.
    UpdateIntegration,
    /// Jelou: take the integration away.
    RemoveIntegration,
    /// Jelou: make a new signing secret.
    RotateSecret,
    /// Jelou: fetch a customer's file.
    File,
    /// Helpdesk: make or find a requester.
    UpsertRequester,
    /// Helpdesk: make a ticket.
    CreateTicket,
    /// Helpdesk: read a ticket.
    Ticket,
    /// Helpdesk: change a ticket.
    UpdateTicket,
    /// Helpdesk: list tickets, by link field, by requester or changed since.
    Tickets,
    /// Helpdesk: add a comment.
    AddComment,
    /// Helpdesk: list comments.
    Comments,
    /// Helpdesk: bring a file.
    Upload,
    /// Anything that no document names.
    Unknown,
}

/// One call as it came and as it was answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// The how manyth since start or reset, from 1.
    pub number: u64,
    /// When it came, ms since 1970.
    pub at_ms: i64,
    /// What it asked for.
    pub operation: Operation,
    /// The HTTP method.
    pub method: String,
    /// Path and query, as sent.
    pub path: String,
    /// The body: JSON where it is JSON, else its text, null where there was none.
    pub body: Value,
    /// The names of its headers, lower case; values stay out, they hold credentials.
    pub headers: Vec<String>,
    /// Its `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Whether it was done, whatever was answered. A refused call was not.
    pub performed: bool,
    /// The status the caller got. `None`: no answer (yet), or the connection was cut.
    pub status: Option<u16>,
    /// How long the caller waited for the answer, ms.
    pub took_ms: Option<i64>,
}

#[derive(Debug, Default)]
pub(crate) struct CallLog {
    calls: VecDeque<Call>,
    count: u64,
}

impl CallLog {
    /// Writes down a call that just came and gives it its number.
    pub(crate) fn begin(&mut self, mut call: Call) -> u64 {
        self.count += 1;
        call.number = self.count;
        if self.calls.len() == CALLS_KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
        self.count
    }

    /// Writes down how it ended.
    pub(crate) fn end(&mut self, number: u64, performed: bool, status: Option<u16>, now_ms: i64) {
        // Calls end near the back of the log: look from there.
        if let Some(call) = self.calls.iter_mut().rev().find(|c| c.number == number) {
            call.performed = performed;
            call.status = status;
            call.took_ms = Some(now_ms - call.at_ms);
        }
    }

    pub(crate) fn all(&self) -> Vec<Call> {
        self.calls.iter().cloned().collect()
    }

    /// How many there ever were.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Those whose number is above this one.
    pub(crate) fn after(&self, number: u64) -> Vec<Call> {
        let from = self.calls.partition_point(|call| call.number <= number);
        self.calls.iter().skip(from).cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
