//! Reads tickets and what is said on them. Neighbours: `list`, which reads page by page; `mod`, which
//! writes.

use super::{
    Client, as_kept,
    data::Data,
    list::Seen,
    send::{Budget, not_sent, unreadable},
};
use crate::profile::rules::Kind;
use bridge_core::{
    call::CallError,
    event::Comment,
    ids::{ConversationId, TicketId},
    text::Text,
    ticket::Ticket,
};
use minijinja::value::Value;
use std::time::Duration;

impl Client {
    /// Reads a ticket. One that was merged away comes back under its own id, naming the other.
    ///
    /// # Errors
    /// [`CallError`]; an answer that is not this ticket is `Later`.
    pub async fn ticket(&self, id: &TicketId, deadline: Duration) -> Result<Ticket, CallError> {
        self.read(id, Budget::new(deadline)).await
    }

    pub(super) async fn read(&self, id: &TicketId, budget: Budget) -> Result<Ticket, CallError> {
        let rule = self.rule(Kind::Get)?;
        let data = self.data().ticket(id);
        let reply = self.exchange(&rule.request, &data, true, budget).await?;
        let answer = self.judge(rule, &reply, &data)?;
        let doubt =
            |what: &dyn std::fmt::Display| unreadable(true, reply.status, &what.to_string());
        let (Some(expr), Some(shape)) = (&rule.ticket, &rule.shape) else {
            return Err(not_sent(&"the profile cannot read a ticket"));
        };
        let item = expr.value(&answer.value()).map_err(|error| doubt(&error))?;
        let mut seen = Seen::new();
        let data = self
            .complete(&rule.then, answer, item, &mut seen, budget)
            .await?;
        let mut ticket = shape.ticket(&data).map_err(|error| doubt(&error))?;
        if ticket.id != *id {
            if !rule.merged {
                return Err(doubt(&"another ticket"));
            }
            let other = std::mem::replace(&mut ticket.id, id.clone());
            ticket.merged_into = Some(other);
        }
        Ok(ticket)
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

    async fn found(
        &self,
        kind: Kind,
        data: Data,
        deadline: Duration,
    ) -> Result<Vec<Ticket>, CallError> {
        let rule = self.rule(kind)?;
        let items = self.list(rule, &data, Budget::new(deadline)).await?;
        let mut tickets = Vec::new();
        for item in &items {
            if let Some(shape) = &rule.shape {
                let ticket = shape.ticket(item);
                tickets.push(ticket.map_err(|error| unreadable(true, 200, &error.to_string()))?);
            }
        }
        Ok(tickets)
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
        self.says(ticket, text, Budget::new(deadline)).await
    }

    pub(super) async fn says(
        &self,
        ticket: &TicketId,
        text: &Text,
        budget: Budget,
    ) -> Result<bool, CallError> {
        let rule = self.rule(Kind::Notes)?;
        let data = self.data().ticket(ticket);
        let wanted = as_kept(text.reveal());
        let items = self.list(rule, &data, budget).await?;
        Ok(items.iter().any(|item| {
            let text = rule
                .text
                .as_ref()
                .and_then(|text| text.text(item).ok().flatten());
            text.is_some_and(|text| as_kept(&text) == wanted)
        }))
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
        let items = self.list(rule, &data, Budget::new(deadline)).await?;
        let mut comments: Vec<_> = items.iter().filter_map(|item| listed.read(item)).collect();
        let earliest = comments.iter_mut().min_by(|a, b| Comment::in_turn(a, b));
        if let Some(earliest) = earliest {
            earliest.opening = listed.first_is_description;
        }
        Ok(comments)
    }
}
