//! One method an operation, driven by the profile. Neighbours: the daemon's `perform` calls these;
//! `send` and `list` do the calls; the profile says what they look like.
//!
//! Every method has one deadline for all the calls it makes, and each call keeps to the rate. What comes back is an answer, or a
//! `CallError` sorted by what must happen next (rule 15).

mod cursor;
mod data;
mod form;
mod list;
mod pace;
mod proof;
mod read;
mod send;
mod setup;
mod words;
mod write;

pub use list::{Changes, Comments, Listing};
pub use pace::{Further, Pace, Turn};
pub use proof::Myself;
pub use setup::{Hook, HookPart, Standing};

use crate::{
    Profile, Settings,
    error::unsure,
    profile::{
        filters::WORD_JOINER,
        rules::{Kind, RequestRule},
        spec::CursorKind,
    },
};
use bridge_core::{
    call::CallError,
    effect::{AddComment, Answer, AttachFile, CreateTicket},
    event::Comment,
    ids::{ConversationId, IntentId, TicketId},
    text::Text,
    ticket::{Requester, Status, Ticket},
    time::Timestamp,
};
use bridge_transport::Transport;
use bytes::Bytes;
use cursor::Cursor;
use data::Data;
use form::Carried;
use minijinja::value::Value;
use pace::Budget;
use proof::Session;
use send::{not_sent, unreadable};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// A ticketing system as its profile teaches it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    profile: Arc<Profile>,
    settings: Arc<Settings>,
    transport: Transport,
    options: Value,
    /// The token of the last log-in, where the profile has one; all clones of a client share it.
    session: Arc<Mutex<Option<Session>>>,
    /// The rate that its calls keep to; none where nobody counts them.
    pace: Option<Pace>,
}

impl Client {
    /// Speaks to the system at `settings.base_url` as `profile` says.
    #[must_use]
    pub fn new(profile: Arc<Profile>, settings: Arc<Settings>, transport: Transport) -> Self {
        let options = profile.options(&settings.options);
        Self {
            profile,
            settings,
            transport,
            options,
            session: Arc::default(),
            pace: None,
        }
    }

    /// Makes sure that a person is known, and answers [`Answer::Requester`].
    ///
    /// # Errors
    /// [`CallError`], of any kind.
    pub async fn upsert_requester(
        &self,
        requester: &Requester,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let rule = self.rule(Kind::UpsertRequester)?;
        let asked = self.calls_until_out(Kind::UpsertRequester);
        let budget = &Budget::write(deadline, asked);
        let data = self.data().requester(requester);
        if let Some(find) = &rule.find_first
            && let Some(id) = self.find_first(find, &data, budget).await?
        {
            return Ok(Answer::Requester { id });
        }
        let data = self.prepared(rule, data, budget).await?;
        let reply = self
            .exchange(&rule.request, &data, rule.is_idempotent(), budget)
            .await?;
        budget.is_out();
        let answer = match self.judge(rule, &reply, &data) {
            Ok(answer) => answer,
            // Someone else may have made them between our look and our call.
            Err(refused @ CallError::Refused { .. }) => {
                let found = match &rule.find_first {
                    Some(find) => self.find_first(find, &data, budget).await?,
                    None => None,
                };
                return found.map(|id| Answer::Requester { id }).ok_or(refused);
            }
            Err(other) => return Err(other),
        };
        let id = rule
            .id
            .as_ref()
            .and_then(|id| id.text(&answer.value()).ok().flatten());
        match id {
            Some(id) => Ok(Answer::Requester { id }),
            None => Err(unreadable(
                rule.is_idempotent(),
                reply.status,
                "no readable id",
            )),
        }
    }

    /// Makes a ticket, and answers [`Answer::Created`]: what of the calls that follow is not done, it tells
    /// there. Where the ticket is there already (`made`), it does those calls alone. `again` says that an
    /// earlier try may have been done, and those calls with it: they look before they do.
    ///
    /// # Errors
    /// [`CallError`]; an answer that means yes but has no readable id is `Unknown`, and so is a refusal that
    /// says that the ticket is there.
    pub async fn create(
        &self,
        create: &CreateTicket,
        intent: &IntentId,
        again: bool,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let rule = self.rule(Kind::Create)?;
        let budget = &Budget::write(deadline, self.calls_until_out(Kind::Create));
        let data = self.data().create(create).intent(intent);
        if let Some(ticket) = create.made.clone() {
            let data = data.made(&ticket, true);
            budget.is_out();
            self.follow(&rule.after, data, budget).await?;
            return Ok(Answer::Created {
                ticket,
                whole: None,
                left: None,
            });
        }
        let data = self.prepared(rule, data, budget).await?;
        let reply = self.exchange(&rule.request, &data, false, budget).await?;
        budget.is_out();
        if self.is_taken(rule, &reply, &data) {
            let reason = format!("{}: it is there already", self.reason(&reply, &data));
            return Err(unsure(false, Some(reply.status), reason));
        }
        let answer = self.judge(rule, &reply, &data)?;
        let id = rule
            .id
            .as_ref()
            .and_then(|id| id.text(&answer.value()).ok().flatten());
        let ticket = id.and_then(|id| TicketId::parse(&id).ok());
        let ticket = ticket.ok_or_else(|| unreadable(false, reply.status, "no readable id"))?;
        let whole = self.whole_in(rule, &reply, &answer, &ticket)?;
        let data = data.made(&ticket, again);
        let left = self.follow(&rule.after, data, budget).await.err();
        Ok(Answer::Created {
            ticket,
            whole,
            left,
        })
    }

    /// Writes the conversation into the ticket's link field.
    ///
    /// # Errors
    /// [`CallError`]; `Refused` with status 200 where a yes turned out to mean no.
    pub async fn write_link_field(
        &self,
        ticket: &TicketId,
        conversation: &ConversationId,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let data = self.data().ticket(ticket).conversation(conversation);
        let done = |read: &Ticket| read.link_field.as_ref() == Some(conversation);
        self.write(Kind::SetLinkField, ticket, data, done, deadline)
            .await
    }

    /// Sets the ticket's status.
    ///
    /// # Errors
    /// [`CallError`]; `Refused` with status 200 where a yes turned out to mean no.
    pub async fn set_status(
        &self,
        ticket: &TicketId,
        status: &Status,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let data = self
            .data()
            .ticket(ticket)
            .and("status", Value::from(status.as_str()));
        let code = self.profile.rules.codes.code(status, &data.value());
        let code = code.map_err(|error| not_sent(&error))?;
        let data = data.and("status_code", code.map_or(Value::UNDEFINED, Value::from));
        let done = |read: &Ticket| read.status == *status;
        self.write(Kind::SetStatus, ticket, data, done, deadline)
            .await
    }

    /// Sets fields by the names the profile gives them.
    ///
    /// # Errors
    /// [`CallError`]; `Refused` with status 200 where a yes turned out to mean no.
    pub async fn set_fields(
        &self,
        ticket: &TicketId,
        fields: &BTreeMap<String, Text>,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let data = self.data().ticket(ticket).fields(fields);
        let done = |read: &Ticket| {
            fields.iter().all(|(name, wanted)| {
                let kept = read.fields.get(name).map(|kept| match kept {
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                });
                kept.is_some_and(|kept| as_kept(&kept) == as_kept(wanted.reveal()))
            })
        };
        self.write(Kind::SetFields, ticket, data, done, deadline)
            .await
    }

    /// Adds an internal note.
    ///
    /// # Errors
    /// [`CallError`], of any kind.
    pub async fn add_note(
        &self,
        ticket: &TicketId,
        text: &Text,
        intent: &IntentId,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let data = self.data().ticket(ticket).intent(intent);
        self.say(Kind::Note, ticket, text, data.said("note", text), deadline)
            .await
    }

    /// Adds a customer's message: as a comment that the customer may see, or as an internal note.
    ///
    /// # Errors
    /// [`CallError`], of any kind.
    pub async fn add_comment(
        &self,
        comment: &AddComment,
        intent: &IntentId,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let AddComment { ticket, text, .. } = comment;
        if !comment.public {
            return self.add_note(ticket, text, intent, deadline).await;
        }
        let data = self.data().ticket(ticket).intent(intent);
        let data = data.said("comment", text);
        self.say(Kind::Comment, ticket, text, data, deadline).await
    }

    /// Hangs a customer's file on a ticket: with its words, as a comment of its own.
    ///
    /// # Errors
    /// [`CallError`]; where the bytes go before the comment that names them, only the comment's
    /// outcome can be unknown.
    pub async fn attach(
        &self,
        file: &AttachFile,
        bytes: Bytes,
        intent: &IntentId,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let rule = self.rule(Kind::Attach)?;
        let budget = &Budget::write(deadline, self.calls_until_out(Kind::Attach));
        let data = self.data().ticket(&file.ticket).intent(intent);
        let data = data.said("comment", &file.text);
        let carried = Carried {
            name: file.name.reveal(),
            kind: file.media.type_to_keep(),
            bytes,
        };
        let data = match (&rule.upload, &rule.file_part) {
            (Some(upload), _) => {
                let data = data.file(file, None);
                let brought = self.bring(upload, &data, &carried, budget).await?;
                data.and("upload", brought.body)
            }
            (None, Some(_)) => data.file(file, None),
            (None, None) => data.file(file, Some(&carried.bytes)),
        };
        let data = self.prepared(rule, data, budget).await?;
        let mut request = self.render(&rule.request, &data, rule.is_idempotent())?;
        if let Some(part) = &rule.file_part {
            form::put(&mut request, part, &carried)?;
        }
        let reply = self.send(request, budget).await?;
        budget.is_out();
        let answer = self.judge(rule, &reply, &data)?;
        if rule.verify {
            return self
                .finds_words(&file.ticket, &file.text, reply.status, budget)
                .await;
        }
        let whole = self.whole_in(rule, &reply, &answer, &file.ticket)?;
        Ok(Answer::Done { whole })
    }

    /// Reads a ticket. One that was merged away comes back under its own id, naming the other.
    ///
    /// # Errors
    /// [`CallError`]; an answer that is not this ticket is `Later`.
    pub async fn ticket(&self, id: &TicketId, deadline: Duration) -> Result<Ticket, CallError> {
        self.read(id, &Budget::read(deadline)).await
    }

    /// A person's tickets that are neither solved nor final, by what `upsert_requester` brought.
    ///
    /// # Errors
    /// [`CallError`]; an unreadable list is `Later`.
    pub async fn open_tickets(
        &self,
        requester_id: &str,
        deadline: Duration,
    ) -> Result<Vec<Ticket>, CallError> {
        let data = self.data().and("requester_id", Value::from(requester_id));
        let mut found = self
            .found(Kind::FindOpenByRequester, data, deadline)
            .await?;
        found.retain(|ticket| self.profile.vocabulary().is_open(&ticket.status));
        Ok(found)
    }

    /// The tickets whose link field names a conversation.
    ///
    /// # Errors
    /// [`CallError`]; an unreadable list is `Later`.
    pub async fn tickets_by_conversation(
        &self,
        conversation: &ConversationId,
        deadline: Duration,
    ) -> Result<Vec<Ticket>, CallError> {
        let data = self.data().conversation(conversation);
        let mut found = self.found(Kind::FindByLinkField, data, deadline).await?;
        // A search may match loosely; a link must not.
        found.retain(|ticket| ticket.link_field.as_ref() == Some(conversation));
        Ok(found)
    }

    /// Whether a note or comment with this text is on the ticket.
    ///
    /// # Errors
    /// [`CallError`]; an unreadable list is `Later`.
    pub async fn has_note(
        &self,
        ticket: &TicketId,
        text: &Text,
        deadline: Duration,
    ) -> Result<bool, CallError> {
        self.says(ticket, text, &Budget::read(deadline)).await
    }

    /// A ticket's comments, the latest at least. One that cannot be read is left out: its webhook may
    /// have told of it, and it must not hold up all others.
    ///
    /// # Errors
    /// [`CallError`]; an unreadable list is `Later`.
    pub async fn comments(
        &self,
        ticket: &TicketId,
        deadline: Duration,
    ) -> Result<Vec<Comment>, CallError> {
        let rule = self.rule(Kind::Comments)?;
        let Some(listed) = &rule.comment else {
            return Err(not_sent(&"the profile cannot read a comment"));
        };
        let data = self.data().ticket(ticket);
        let items = self.list(rule, &data, &Budget::read(deadline)).await?;
        let mut comments: Vec<_> = items.iter().filter_map(|item| listed.read(item)).collect();
        let earliest = comments.iter_mut().min_by(|a, b| Comment::in_turn(a, b));
        if let Some(earliest) = earliest {
            earliest.opening = listed.first_is_description;
        }
        Ok(comments)
    }

    /// The tickets that changed since a cursor of [`Client::beginning`] or of the call before. The listing has
    /// `deadline`, and so has each read that completes a ticket of it.
    ///
    /// # Errors
    /// [`CallError`]; `Refused` with [`bridge_transport::NOT_SENT`] for a text that is no cursor.
    pub async fn changed_since(
        &self,
        cursor: &str,
        deadline: Duration,
    ) -> Result<Changes, CallError> {
        let rule = self.rule(Kind::ChangedSince)?;
        self.changes(rule, cursor, &Budget::read(deadline)).await
    }

    /// The comments that were written since a cursor of [`Client::beginning`] or of the call before, with the
    /// deadlines of [`Client::changed_since`]. What was said of something that is no ticket is left out.
    ///
    /// # Errors
    /// [`CallError`]; `Refused` with [`bridge_transport::NOT_SENT`] for a text that is no cursor.
    pub async fn commented_since(
        &self,
        cursor: &str,
        deadline: Duration,
    ) -> Result<Comments, CallError> {
        let rule = self.rule(Kind::CommentedSince)?;
        let Some(listed) = &self.rule(Kind::Comments)?.comment else {
            return Err(not_sent(&"the profile cannot read a comment"));
        };
        let budget = Budget::read(deadline);
        self.said(rule, listed, cursor, &budget).await
    }

    /// The cursor that begins at `now`.
    #[must_use]
    pub fn beginning(&self, now: Timestamp) -> String {
        Cursor::beginning(now).to_string()
    }

    /// A cursor a little before another, so that nothing falls between two listings. It never
    /// reaches back before its beginning.
    #[must_use]
    pub fn with_overlap(&self, listing: Listing, cursor: &str, overlap: Duration) -> String {
        let Some(early) = Cursor::parse(cursor) else {
            return cursor.to_owned();
        };
        let rule = self.rule(listing.kind()).ok();
        let by_time = rule
            .and_then(|rule| rule.cursor.as_ref())
            .is_some_and(|by| by.kind == CursorKind::Time);
        // In the middle of a listing, its next page is asked from the same time.
        if by_time && early.token.is_some() {
            return cursor.to_owned();
        }
        early.with_overlap(overlap).to_string()
    }

    fn data(&self) -> Data {
        let now = self.transport.now();
        Data::new(&self.options).and("now", Value::from(now.0))
    }

    /// Where a request would go, as the name of what it would bring.
    fn address(&self, rule: &RequestRule, data: &Data) -> Result<String, CallError> {
        self.url(rule, &data.value()).map(String::from)
    }
}

/// A text as a ticketing system may keep it: without what is invisible, what it may have replaced,
/// and the differences of line ends.
fn as_kept(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| *c != WORD_JOINER && *c != '\u{FFFD}' && (!c.is_control() || *c == '\n'))
        .collect();
    let lines: Vec<&str> = plain.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}
