//! What the writes of a client have in common: what goes before, what proves them, what follows.
//! Neighbours: `mod`, one method an operation; `read`, the same for reads.

use super::{
    Client,
    data::Data,
    list::Seen,
    pace::Budget,
    send::{Reply, unreadable},
};
use crate::{
    error::unsure,
    profile::rules::{After, FindFirst, Kind, OperationRule},
};
use bridge_core::{call::CallError, effect::Answer, ids::TicketId, text::Text, ticket::Ticket};
use std::time::Duration;

impl Client {
    pub(super) async fn find_first(
        &self,
        find: &FindFirst,
        data: &Data,
        budget: &Budget,
    ) -> Result<Option<String>, CallError> {
        let reply = self.exchange(&find.request, data, true, budget).await?;
        if find.absent.contains(&reply.status) {
            return Ok(None);
        }
        self.accept(&[200], &reply, data, true)?;
        let id = find.id.text(&reply.beside(data).value());
        id.map_err(|error| unreadable(true, reply.status, &error.to_string()))
    }

    /// Does what follows a create, whose ticket is there.
    pub(super) async fn follow(
        &self,
        after: &[After],
        data: Data,
        budget: &Budget,
    ) -> Result<(), CallError> {
        for step in after {
            let also = self
                .also(&step.first, &data, &mut Seen::new(), budget)
                .await?;
            let data = data.clone().and("also", also);
            let wanted = match &step.when {
                Some(when) => when.is_true(&data.value()).unwrap_or(false),
                None => true,
            };
            if wanted {
                let reply = self.exchange(&step.request, &data, true, budget).await?;
                self.accept(&step.ok, &reply, &data, true)?;
            }
        }
        Ok(())
    }

    /// Whether a refusal says that the ticket is there already.
    pub(super) fn is_taken(&self, rule: &OperationRule, reply: &Reply, data: &Data) -> bool {
        let answer = reply.beside(data).value();
        rule.taken.iter().any(|taken| {
            let when = taken.when.as_ref();
            taken.status == reply.status
                && when.is_none_or(|when| when.is_true(&answer).unwrap_or(false))
        })
    }

    /// Adds words to a ticket. Where a yes cannot be believed, they are looked for; what is not there
    /// yet may still come.
    pub(super) async fn say(
        &self,
        kind: Kind,
        ticket: &TicketId,
        text: &Text,
        data: Data,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let rule = self.rule(kind)?;
        if !rule.verify {
            return self.write(kind, ticket, data, |_| true, deadline).await;
        }
        let budget = &Budget::write(deadline, self.calls_until_out(kind));
        let data = self.prepared(rule, data, budget).await?;
        let reply = self.exchange(&rule.request, &data, false, budget).await?;
        budget.is_out();
        self.judge(rule, &reply, &data)?;
        self.finds_words(ticket, text, reply.status, budget).await
    }

    /// Looks whether words are there of which a system said yes with this status, whatever it meant.
    pub(super) async fn finds_words(
        &self,
        ticket: &TicketId,
        text: &Text,
        status: u16,
        budget: &Budget,
    ) -> Result<Answer, CallError> {
        match self.says(ticket, text, budget).await {
            Ok(true) => Ok(Answer::Done { whole: None }),
            Ok(false) => Err(unsure(
                false,
                Some(status),
                "it answered yes, and the words are not there".to_owned(),
            )),
            Err(error) => Err(unsure(
                false,
                error.status(),
                format!("it answered yes; looking for the words: {error}"),
            )),
        }
    }

    /// Changes a ticket that is there.
    pub(super) async fn write(
        &self,
        kind: Kind,
        ticket: &TicketId,
        data: Data,
        done: impl Fn(&Ticket) -> bool,
        deadline: Duration,
    ) -> Result<Answer, CallError> {
        let rule = self.rule(kind)?;
        let budget = &Budget::write(deadline, self.calls_until_out(kind));
        let data = self.prepared(rule, data, budget).await?;
        let reply = self
            .exchange(&rule.request, &data, rule.is_idempotent(), budget)
            .await?;
        budget.is_out();
        let answer = self.judge(rule, &reply, &data)?;
        if !rule.verify {
            let whole = self.whole_in(rule, &reply, &answer, ticket)?;
            return Ok(Answer::Done { whole });
        }
        let read = self.read(ticket, budget).await?;
        if done(&read) {
            return Ok(Answer::Done {
                whole: Some(Box::new(read)),
            });
        }
        let reason = "it answered yes, and the ticket shows that it meant no".to_owned();
        Err(CallError::Refused {
            status: reply.status,
            reason,
        })
    }

    /// The ticket in a write's answer, where it stands there whole. One that is not the ticket meant
    /// proves nothing.
    pub(super) fn whole_in(
        &self,
        rule: &OperationRule,
        reply: &Reply,
        answer: &Data,
        meant: &TicketId,
    ) -> Result<Option<Box<Ticket>>, CallError> {
        let (Some(expr), Some(shape)) = (&rule.ticket, &rule.shape) else {
            return Ok(None);
        };
        let doubt = || {
            unsure(
                rule.is_idempotent(),
                Some(reply.status),
                "the answer shows no such ticket".to_owned(),
            )
        };
        let item = expr.value(&answer.value()).map_err(|_| doubt())?;
        let data = answer.clone().and("it", item).value();
        if shape.id(&data).ok().as_ref() != Some(meant) {
            return Err(doubt());
        }
        if rule.partial {
            return Ok(None);
        }
        let whole = shape.ticket(&data).map_err(|_| doubt())?;
        Ok(Some(Box::new(whole)))
    }
}
