//! What the reads of a client have in common. Neighbours: `mod`, one method an operation; `list`, which
//! reads page by page; `write`, the same for writes.

use super::{
    Client, as_kept,
    data::Data,
    list::Seen,
    pace::Budget,
    send::{not_sent, unreadable},
};
use crate::profile::rules::Kind;
use bridge_core::{call::CallError, ids::TicketId, text::Text, ticket::Ticket};
use std::time::Duration;

impl Client {
    pub(super) async fn read(&self, id: &TicketId, budget: &Budget) -> Result<Ticket, CallError> {
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

    pub(super) async fn found(
        &self,
        kind: Kind,
        data: Data,
        deadline: Duration,
    ) -> Result<Vec<Ticket>, CallError> {
        let rule = self.rule(kind)?;
        let items = self.list(rule, &data, &Budget::read(deadline)).await?;
        let mut tickets = Vec::new();
        for item in &items {
            if let Some(shape) = &rule.shape {
                let ticket = shape.ticket(item);
                tickets.push(ticket.map_err(|error| unreadable(true, 200, &error.to_string()))?);
            }
        }
        Ok(tickets)
    }

    pub(super) async fn says(
        &self,
        ticket: &TicketId,
        text: &Text,
        budget: &Budget,
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
}
