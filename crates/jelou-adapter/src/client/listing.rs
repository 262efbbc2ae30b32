//! What Jelou lists, page by page: the report of attended conversations and the history of messages.
//! Neighbour: `wire::listing`, which reads the pages.

use super::{Call, Client, json, path, with_client_id};
use crate::{
    error::no_success,
    wire::{listing, moments, request::ReportRange},
};
use bridge_core::{
    call::CallError,
    conversation::{Conversation, ConversationState},
    event::MessageReceived,
    ids::{BotId, MessageId, UserId},
    message::Media,
    report::Attended,
    text::Text,
    time::Timestamp,
};
use bridge_transport::{LISTING_BYTES_MAX, NOT_SENT};
use std::time::Duration;

/// How many rows are asked for at a time: the most that the history's page allows. The report's
/// page tells no most, and takes this.
pub const ROWS_A_PAGE: u32 = 50;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What could be read.
    pub rows: Vec<T>,
    /// How many rows could not.
    pub unreadable: usize,
    /// Whether no page follows.
    pub is_last: bool,
    /// How many rows there are on all pages, where Jelou told.
    pub total: Option<u64>,
}

/// A span of time, both ends in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// The customer.
    Customer,
    /// The bot.
    Bot,
    /// A person at Jelou.
    Operator,
    /// A word that no page shows; empty where there was none.
    Other(String),
}

/// A message as the history of a bot tells it. The history knows no conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryMessage {
    /// Its id.
    pub id: MessageId,
    /// Who wrote it.
    pub by: Author,
    /// The sender: the customer, where the customer wrote it.
    pub sender: Option<UserId>,
    /// The sender's name.
    pub sender_name: Option<Text>,
    /// The recipient: the customer, where the bot or a person wrote it.
    pub recipient: Option<UserId>,
    /// How far it came: `CREATED`, `DELIVERED_CHANNEL`, `DELIVERED_USER`, `READ`, `REPLY`, `FAILED`.
    pub status: Option<String>,
    /// `text`, `image`, ... in lower case.
    pub kind: String,
    /// What can be read of it.
    pub body: Option<Text>,
    /// The file, for the kinds that bring one.
    pub media: Option<Media>,
    /// The `bubble` as it came.
    pub content: serde_json::Value,
    /// When it was written.
    pub at: Option<Timestamp>,
}

impl HistoryMessage {
    /// Whether this message is the customer's and was written while this conversation went on. The
    /// history knows no conversations, so it is the times that say what may belong to one: where two
    /// went on at once, to either. What the customer wrote before, to the bot, is not of the
    /// conversation, and neither is what they write after it.
    #[must_use]
    pub fn may_be_of(&self, conversation: &Conversation) -> bool {
        let Some(at) = self.at else {
            return false;
        };
        let is_theirs =
            self.by == Author::Customer && self.sender.as_ref() == Some(&conversation.user);
        let began = conversation.started_at.is_some_and(|start| start <= at);
        let went_on = conversation.ended_at.is_none_or(|end| at <= end);
        is_theirs && began && went_on
    }

    /// This message as its webhook would have told it, if it may be of this conversation. What is told
    /// twice is known by its id.
    #[must_use]
    pub fn told_in(self, conversation: &Conversation) -> Option<MessageReceived> {
        let at = self.at?;
        self.may_be_of(conversation).then(|| MessageReceived {
            conversation: Conversation {
                state: ConversationState::Active,
                started_at: None,
                ended_at: None,
                ..conversation.clone()
            },
            message: self.id,
            kind: self.kind,
            body: self.body,
            media: self.media,
            content: self.content,
            at,
        })
    }
}

impl Client {
    /// Reads a page of the report: `POST .../v1/metrics/conversations/attended/external`, pages from
    /// 1, [`ROWS_A_PAGE`] a page. Which of a conversation's times must lie in the range, and whether
    /// every conversation of an outside desk is in it, no page tells.
    ///
    /// # Errors
    /// `Later` for an answer that cannot be read; `Refused` with [`NOT_SENT`] without a client id;
    /// else as any read.
    pub async fn attended(
        &self,
        range: Range,
        page: u32,
        deadline: Duration,
    ) -> Result<Page<Attended>, CallError> {
        let auth = with_client_id("report", self.metrics_auth.as_ref())?;
        let mut url = path(
            &self.api,
            &["v1", "metrics", "conversations", "attended", "external"],
        )?;
        url.query_pairs_mut()
            .append_pair("limit", &ROWS_A_PAGE.to_string())
            .append_pair("page", &page.to_string());
        let body = json(&ReportRange::new(
            said(moments::with_offset(range.from, false))?,
            said(moments::with_offset(range.to, true))?,
        ))?;
        let mut call = Call::write("report", url, body, auth, true);
        call.request.answer_max = LISTING_BYTES_MAX;
        let answer = self.send(&call, deadline).await?;
        listing::page(&answer.body, page, ROWS_A_PAGE, listing::attended)
            .map_err(|why| no_success("report", answer.status, &why, true))
    }

    /// Reads a page of what was written to and by a bot: `GET .../v1/external/messages/history/{botId}`,
    /// the newest first, pages from 1, [`ROWS_A_PAGE`] a page. There is no asking for one customer.
    ///
    /// # Errors
    /// As [`Self::attended`]; `Gone` where Jelou does not know the bot.
    pub async fn history(
        &self,
        bot: &BotId,
        range: Range,
        page: u32,
        deadline: Duration,
    ) -> Result<Page<HistoryMessage>, CallError> {
        let auth = with_client_id("history", self.api_auth.as_ref())?;
        let mut url = path(
            &self.api,
            &["v1", "external", "messages", "history", bot.as_str()],
        )?;
        // All four, since older pages call now these two, now those two required.
        url.query_pairs_mut()
            .append_pair("limit", &ROWS_A_PAGE.to_string())
            .append_pair("page", &page.to_string())
            .append_pair("startAt", &said(moments::in_utc(range.from))?)
            .append_pair("endAt", &said(moments::in_utc(range.to))?);
        let mut call = Call::read("history", url, auth);
        call.request.answer_max = LISTING_BYTES_MAX;
        let answer = self.send(&call, deadline).await?;
        listing::page(&answer.body, page, ROWS_A_PAGE, listing::message)
            .map_err(|why| no_success("history", answer.status, &why, true))
    }
}

fn said(moment: Option<String>) -> Result<String, CallError> {
    moment.ok_or_else(|| CallError::Refused {
        status: NOT_SENT,
        reason: "not sent: a moment that no calendar has".to_owned(),
    })
}
