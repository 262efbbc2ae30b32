//! What a worker asks of others, done at once. Neighbours: worker, which asks; remotes, which do it.

use super::{
    remotes::{Desk, Done},
    setting::Setting,
    worker::{How, Worker},
    world::World,
};
use bridge_core::{
    call::CallError,
    effect::{Answer, Effect, Found, Read},
    intent::Intent,
    report::InReport,
};
use std::time::Duration;

impl World {
    pub(super) fn look(&self, read: &Read, setting: &Setting) -> Result<Found, CallError> {
        Ok(match read {
            Read::Conversation { id } => Found::Conversation(Box::new(self.jelou.read(id)?)),
            Read::Ticket { id } => Found::Ticket(Box::new(self.desk.read(id)?)),
            Read::OpenTickets { requester_id } => Found::Tickets {
                tickets: self.desk.open_of(requester_id),
            },
            Read::TicketsByConversation { conversation } => Found::Tickets {
                tickets: self.desk.by_conversation(conversation, setting, self.now),
            },
            Read::Comments { .. } => Found::Comments {
                comments: Vec::new(),
            },
            Read::NoteOnTicket { ticket, text } => Found::Note {
                there: self
                    .desk
                    .records
                    .get(ticket)
                    .is_some_and(|r| r.notes.contains(text)),
            },
            Read::Report { .. } => Found::Report(InReport::Missing),
            Read::Unheard { lane, by } => Found::Unheard {
                waits: self.store.has_unheard(&setting.bridge, lane, *by, self.now),
            },
            Read::Written { ticket, besides } => Found::Written {
                entries: self
                    .store
                    .written_on_ticket(&setting.bridge, ticket, besides),
            },
            Read::TicketHolder { ticket } => Found::Holders {
                holders: self.store.holders_of_ticket(&setting.bridge, ticket),
                told: self.store.routed_of_ticket(&setting.bridge, ticket),
            },
        })
    }

    pub(super) fn call(
        &mut self,
        worker: &mut Worker,
        intent: &Intent,
        how: How,
        setting: &Setting,
    ) -> Result<Answer, CallError> {
        if how == How::CutBefore {
            return Err(cut_off());
        }
        // What a call does is later than all that was before it.
        self.now = self.now.plus(Duration::from_millis(1));
        let (answer, events) = self.affect(worker, intent, setting);
        // Where the answer is cut off, nothing tells which conversation a close has hit.
        worker.misclosed &= how == How::Well;
        for event in events {
            self.tell(event, setting);
        }
        if how == How::CutAfter {
            Err(cut_off())
        } else {
            answer
        }
    }

    fn affect(&mut self, worker: &mut Worker, intent: &Intent, setting: &Setting) -> Done {
        let now = self.now;
        match &intent.effect {
            Effect::StartConversation(start) => {
                self.jelou.edit().start(start, &intent.id, setting, now)
            }
            Effect::CloseConversation(close) => {
                let (hit, done) = self.jelou.edit().close(close, now);
                worker.misclosed = hit.is_some_and(|hit| hit != close.conversation);
                done
            }
            Effect::WriteTicketId(write) => self.jelou.edit().write_ticket_id(write),
            Effect::UpsertRequester { requester } => (
                Ok(Desk::requester(requester.external_id.as_ref())),
                Vec::new(),
            ),
            Effect::CreateTicket(create) => {
                self.desk.edit().create(create, &intent.id, setting, now)
            }
            Effect::WriteLinkField {
                ticket,
                conversation,
            } => self.desk.edit().write(ticket, setting, now, |record| {
                record.ticket.link_field = Some(conversation.clone());
            }),
            Effect::SetStatus { ticket, status } => {
                self.desk.edit().write(ticket, setting, now, |record| {
                    record.ticket.status = status.clone();
                })
            }
            Effect::SendMessage(message) => self.jelou.edit().say(&message.conversation),
            // The explored worlds configure none of these.
            Effect::SetFields { .. }
            | Effect::SendTemplate(_)
            | Effect::SendBotMessage(_)
            | Effect::HandOver(_) => (Ok(Answer::Done { whole: None }), Vec::new()),
            Effect::AddComment(comment) => {
                let ticket = &comment.ticket;
                let (answer, events) = self.desk.edit().write(ticket, setting, now, |record| {
                    record.notes.push(comment.text.clone());
                });
                (answer.map(|_| Answer::Done { whole: None }), events)
            }
            Effect::AttachFile(file) => {
                let ticket = &file.ticket;
                let (answer, events) = self.desk.edit().write(ticket, setting, now, |record| {
                    record.notes.push(file.text.clone());
                });
                (answer.map(|_| Answer::Done { whole: None }), events)
            }
            Effect::AddNote { ticket, text } => {
                let (answer, events) = self.desk.edit().write(ticket, setting, now, |record| {
                    record.notes.push(text.clone());
                });
                (answer.map(|_| Answer::Done { whole: None }), events)
            }
        }
    }
}

pub(super) fn cut_off() -> CallError {
    CallError::Unknown {
        status: None,
        reason: "cut off".to_owned(),
        after: None,
    }
}
