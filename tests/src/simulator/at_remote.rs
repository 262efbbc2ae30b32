//! What a call finds and does once it is at its remote. Neighbours: `calls`, which brings it there and its answer
//! back; the two remotes.

use super::{fault::Fault, law::Law, world::World};
use bridge_core::{
    call::{CallError, Resolve},
    effect::{Answer, Effect, Found, Operation, Read},
    event::Event,
    intent::Intent,
    lane::Mode,
    report::InReport,
    ticket::Status,
};
use std::collections::BTreeSet;

/// So often the other systems undo what the bridge does: a loop that is too slow for the budget of a minute would
/// go on for as long as the history does.
const UNDONE_AT_MOST: u32 = 60;

impl World {
    pub(super) fn found(&self, read: &Read) -> Result<Found, CallError> {
        Ok(match read {
            Read::Conversation { id } => Found::Conversation(Box::new(self.jelou.read(id)?)),
            Read::Ticket { id } => Found::Ticket(Box::new(self.desk.read(id)?)),
            Read::OpenTickets { requester_id } => Found::Tickets {
                tickets: self.desk.open_of(requester_id),
            },
            Read::TicketsByConversation { conversation } => {
                // The index lags by less than the operator said.
                let how = match self.shape.create {
                    Resolve::LaggingSearch { lag } => Resolve::LaggingSearch { lag: lag * 4 / 5 },
                    other => other,
                };
                let tickets = self
                    .desk
                    .by_conversation(conversation.as_str(), how, self.now);
                Found::Tickets { tickets }
            }
            Read::Comments { ticket } => Found::Comments {
                comments: self.desk.comments(ticket)?,
            },
            Read::NoteOnTicket { ticket, text } => Found::Note {
                there: self.desk.has_words(ticket, text)?,
            },
            Read::TicketHolder { .. } => Found::Holders {
                holders: Vec::new(),
                told: Vec::new(),
            },
            Read::Written { .. } => Found::Written {
                entries: BTreeSet::new(),
            },
            Read::Unheard { .. } => Found::Unheard { waits: false },
            Read::Report { .. } => Found::Report(InReport::Missing),
        })
    }

    /// One write reaches its remote.
    pub(super) fn done(&mut self, intent: &Intent) -> Result<Answer, CallError> {
        self.judge_write(intent);
        if intent.operation() == Operation::Close && self.faults.strikes(Fault::SwitchedAtClose) {
            self.switch(intent);
        }
        self.judge.asks(Law::ObserveWritesNothing);
        if self.mode == Mode::Observe {
            let what = format!("{} while it observes", intent.effect);
            self.judge.breach(Law::ObserveWritesNothing, what);
        }
        let (answer, events) = self.affect(intent);
        for event in &events {
            self.tell(event);
        }
        self.judge_world(intent, &answer);
        if let Ok(answer) = &answer {
            self.undo(intent, answer);
        }
        answer
    }

    /// A rule of the other system undoes it: with a mapping that undoes that in turn this goes on for as long as
    /// the bridge lets it.
    fn undo(&mut self, intent: &Intent, answer: &Answer) {
        let often = self.faults.fired[Fault::Undone as usize];
        if !self.faults.holds(Fault::Undone) || often >= UNDONE_AT_MOST {
            return;
        }
        match (&intent.effect, answer) {
            (Effect::StartConversation(_), Answer::Started { conversation, .. })
                if self.jelou.talks[conversation].is_active() =>
            {
                let event = self.jelou.end(conversation, "closed_by_operator", self.now);
                self.tell(&event);
            }
            (Effect::SetStatus { ticket, status }, _) if self.mapping.closes(status) => {
                self.change(ticket, |t| t.status = Status::new("open"));
            }
            _ => return,
        }
        self.faults.fire(Fault::Undone);
    }

    /// The customer's conversation ends and another one begins, while the close is on its way.
    fn switch(&mut self, intent: &Intent) {
        let Effect::CloseConversation(close) = &intent.effect else {
            return;
        };
        let user = close.user.as_str();
        if let Some(there) = self.jelou.active(user) {
            let event = self.jelou.end(&there, "expired", self.now);
            self.tell(&event);
        }
        let (_, event) = self.jelou.begin(user, None, None, self.now);
        self.tell(&event);
    }

    fn affect(&mut self, intent: &Intent) -> (Result<Answer, CallError>, Vec<Event>) {
        let now = self.now;
        match &intent.effect {
            Effect::StartConversation(start) => self.jelou.start(start, &intent.id, now),
            Effect::CloseConversation(close) => self.jelou.close(close, now),
            Effect::WriteTicketId(write) => (Ok(self.jelou.write_ticket_id(write, now)), vec![]),
            Effect::UpsertRequester { requester } => {
                let external = requester.external_id.clone().unwrap_or_default();
                let id = self.desk.requester(external.reveal());
                (Ok(Answer::Requester { id }), vec![])
            }
            Effect::CreateTicket(create) => {
                if let Some(ticket) = &create.made {
                    return self.finish(intent, ticket);
                }
                let keyed = self.shape.create == Resolve::IdempotencyKey;
                let key = keyed.then_some(&intent.id);
                let (mut answer, mut events) = self.desk.create(create, key, now);
                if let Answer::Created { ticket, left, .. } = &mut answer
                    && self.shape.follows
                {
                    let (done, told) = self.after_create(intent, ticket);
                    *left = done.err();
                    events.extend(told);
                }
                (Ok(answer), events)
            }
            Effect::WriteLinkField {
                ticket,
                conversation,
            } => {
                let what = format!("link field of {ticket}");
                self.desk.write(ticket, what, now, |t| {
                    t.link_field = Some(conversation.clone());
                })
            }
            Effect::SetStatus { ticket, status } => {
                let what = format!("status of {ticket}: {status}");
                let set = self
                    .desk
                    .write(ticket, what, now, |t| t.status = status.clone());
                if set.1.len() > 1 {
                    self.faults.fire(Fault::Automation);
                }
                set
            }
            Effect::SetFields { ticket, fields } => self.desk.set_fields(ticket, fields, now),
            Effect::AddComment(comment) => {
                let (answer, events) = self.desk.comment(comment, now);
                (answer, self.echoed(comment, events))
            }
            Effect::AttachFile(file) => match self.fetch(file) {
                Ok(()) => self.desk.attach(file, now),
                Err(no_file) => (Err(no_file), vec![]),
            },
            Effect::SendMessage(message) => {
                self.jelou.silent = self.is_silent(&message.message.user);
                (self.jelou.say(message), vec![])
            }
            Effect::SendTemplate(send) => (self.jelou.send_template(send), vec![]),
            Effect::SendBotMessage(send) => {
                self.jelou.silent = self.is_silent(&send.message.user);
                (self.jelou.bot_says(send), vec![])
            }
            Effect::HandOver(to) => (Ok(self.jelou.hand_over(to)), vec![]),
            Effect::AddNote { ticket, text } => self.desk.note(ticket, text, now),
        }
    }
}
