//! The bridge's calls reach the remotes, or fail on the way. Neighbour: bridge, which makes them.

use super::{World, bridge::Crash, faults::Fault};
use bridge_core::{
    call::{CallError, Resolve},
    effect::{Answer, Effect, Found, Operation, Read},
    event::{Event, Side},
    ids::TicketId,
    intent::Intent,
    lane::Input,
    time::Timestamp,
};

impl World {
    pub fn observe(&mut self, read: Read) -> Input {
        let side = match &read {
            Read::Conversation { .. } => Some(Side::Jelou),
            Read::TicketHolder { .. }
            | Read::Written { .. }
            | Read::Unheard { .. }
            | Read::Report { .. } => None,
            Read::Ticket { .. }
            | Read::OpenTickets { .. }
            | Read::TicketsByConversation { .. }
            | Read::Comments { .. }
            | Read::NoteOnTicket { .. } => Some(Side::Ticketing),
        };
        if let Some(blocked) = self.gate_of(side) {
            return Input::Blocked(blocked);
        }
        let deaf = self.capabilities.only_creates && side == Some(Side::Ticketing);
        assert!(!deaf, "nothing can be read there, but: {read}");
        let begun = self.now;
        self.now = self.now.plus(self.slow);
        if side.is_some() || matches!(read, Read::Report { .. }) {
            self.bridge.reads.push(read.to_string());
        }
        let broken = side.and_then(|side| self.faults.whole_side(side));
        let fault = self.faults.of(read.as_str()).map(Fault::error);
        let found = match broken.or(fault) {
            Some(error) => Err(error),
            None => self.look(&read),
        };
        Input::Observed { read, begun, found }
    }

    fn look(&self, read: &Read) -> Result<Found, CallError> {
        Ok(match read {
            Read::Conversation { id } => Found::Conversation(Box::new(self.jelou.read(id)?)),
            Read::Ticket { id } => Found::Ticket(Box::new(self.desk.read(id)?)),
            Read::OpenTickets { requester_id } => Found::Tickets {
                tickets: self.desk.open_of(requester_id),
            },
            Read::TicketsByConversation { conversation } => Found::Tickets {
                tickets: self.desk.by_conversation(
                    conversation.as_str(),
                    self.capabilities.create,
                    self.now,
                ),
            },
            Read::Comments { ticket } => Found::Comments {
                comments: self.desk.comments(ticket)?,
            },
            Read::NoteOnTicket { ticket, text } => Found::Note {
                there: self.desk.has_words(ticket, text)?,
            },
            Read::Report { conversation, .. } => {
                Found::Report(self.jelou.in_report(conversation, self.now))
            }
            Read::Unheard { by, .. } => Found::Unheard {
                waits: self.bridge.inbox.iter().any(|(at, _)| at <= by),
            },
            Read::Written { ticket, besides } => Found::Written {
                entries: self.bridge.written_on(ticket, besides),
            },
            Read::TicketHolder { ticket } => Found::Holders {
                holders: self.bridge.holders(ticket),
                told: self.bridge.told_of(ticket),
            },
        })
    }

    pub fn perform(&mut self, intent: &Intent) -> Result<Result<Answer, CallError>, Crash> {
        let now = self.now;
        self.now = self.now.plus(self.slow);
        let operation = intent.operation();
        let makes = matches!(operation, Operation::Create | Operation::Requester);
        let deaf = self.capabilities.only_creates && operation.side() == Side::Ticketing;
        assert!(makes || !deaf, "nothing can be changed there: {intent:?}");
        if let Some(error) = self.faults.whole_side(operation.side()) {
            return Ok(Err(error));
        }
        let fault = self.faults.of(operation.as_str());
        let mut answer = Err(CallError::Unknown {
            status: None,
            reason: String::new(),
            after: None,
        });
        if fault.is_none_or(Fault::takes_effect) {
            let (done, events) = self.affect(intent, now);
            answer = done;
            // Where nothing can be read, nothing is told either.
            for event in events.into_iter().filter(|_| !deaf) {
                self.net.send(self.now, event);
            }
        }
        match fault {
            None => Ok(self.follow(intent, answer)),
            Some(fault) if fault.is_crash() => Err(Crash),
            Some(fault) => Ok(Err(fault.error())),
        }
    }

    /// The call that follows a create, where one does.
    fn follow(
        &mut self,
        intent: &Intent,
        answer: Result<Answer, CallError>,
    ) -> Result<Answer, CallError> {
        let (Effect::CreateTicket(create), Ok(Answer::Created { ticket, whole, .. })) =
            (&intent.effect, &answer)
        else {
            return answer;
        };
        if !self.capabilities.create_follows {
            return answer;
        }
        let fault = self.faults.of("follow");
        if fault.is_none_or(Fault::takes_effect) && !self.followed.contains(ticket) {
            self.followed.push(ticket.clone());
        }
        let left = fault.map(Fault::error);
        match left {
            Some(error) if create.made.is_some() => Err(error),
            left => Ok(Answer::Created {
                ticket: ticket.clone(),
                whole: whole.clone(),
                left,
            }),
        }
    }

    fn affect(
        &mut self,
        intent: &Intent,
        now: Timestamp,
    ) -> (Result<Answer, CallError>, Vec<Event>) {
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
                if let Some(ticket) = create.made.clone() {
                    return (Ok(made(ticket)), vec![]);
                }
                let keyed = self.capabilities.create == Resolve::IdempotencyKey;
                let (answer, events) = self.desk.create(create, keyed.then_some(&intent.id), now);
                (Ok(answer), events)
            }
            Effect::WriteLinkField {
                ticket,
                conversation,
            } => {
                let what = format!("link field of {ticket}");
                self.desk.write(ticket, what, now, |t| {
                    t.link_field = Some(conversation.clone())
                })
            }
            Effect::SetStatus { ticket, status } => {
                let what = format!("status of {ticket}: {status}");
                self.desk
                    .write(ticket, what, now, |t| t.status = status.clone())
            }
            Effect::SetFields { ticket, fields } => self.desk.set_fields(ticket, fields, now),
            Effect::AddComment(comment) => self.desk.comment(comment, now),
            Effect::AttachFile(file) => self.desk.attach(file, now),
            Effect::SendMessage(message) => (self.jelou.say(message), vec![]),
            Effect::SendTemplate(send) => (self.jelou.send_template(send), vec![]),
            Effect::SendBotMessage(send) => (self.jelou.bot_says(send), vec![]),
            Effect::HandOver(to) => (Ok(self.jelou.hand_over(to)), vec![]),
            Effect::AddNote { ticket, text } => self.desk.note(ticket, text, now),
        }
    }
}

fn made(ticket: TicketId) -> Answer {
    Answer::Created {
        ticket,
        whole: None,
        left: None,
    }
}
