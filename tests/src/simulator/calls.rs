//! Calls on their way to a remote, and what becomes of them on the way. Neighbours: `claims`,
//! `router` and `sweep`, which make them; the daemon's own gate, which lets them through.

use super::{
    fault::Fault,
    law::Law,
    queue::{Happening, ReplicaId, TaskId},
    world::{CALL_TIMEOUT, World},
};
use bridge_core::{
    call::CallError,
    conversation::Conversation,
    effect::{Answer, Effect, Found, Read},
    event::Side,
    ids::{ConversationId, IntentId, TicketId},
    intent::Intent,
    lane::Blocked,
    ticket::Ticket,
    time::Timestamp,
};
use jelou_bridge::store::Wake;
use std::{collections::BTreeSet, time::Duration};

/// A call, by its number.
pub type CallId = u32;

/// Who waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A Claim.
    Lane(TaskId),
    /// A routing.
    Route(TaskId),
    /// A sweep.
    Sweep(TaskId),
}

/// What it asks for.
#[derive(Clone, Debug)]
pub enum What {
    /// A read of a Lane.
    Look(Read),
    /// A write.
    Do(Box<Intent>),
    /// The Router's read of a ticket.
    Ticket(TicketId),
    /// The sweep's list of what changed since.
    Changes(Timestamp),
    /// The sweep's read of a conversation.
    Conversation(ConversationId),
}

/// What it brought.
#[derive(Clone, Debug)]
pub enum Brought {
    /// To a Lane's read.
    Found(Found),
    /// To a write.
    Answer(Answer),
    /// To the Router.
    Ticket(Box<Ticket>),
    /// To the sweep, with the moment as of which it is.
    Changes(Vec<Ticket>, Timestamp),
    /// To the sweep.
    Conversation(Box<Conversation>),
}

/// A call on its way.
#[derive(Clone, Debug)]
pub struct Call {
    owner: Owner,
    replica: ReplicaId,
    who: String,
    what: What,
    begun: Timestamp,
    /// What the caller hears instead of the answer.
    instead: Option<CallError>,
    brought: Option<Result<Brought, CallError>>,
}

/// What becomes of a call on its way.
enum Way {
    /// All is well.
    Through,
    /// It does not reach the remote; the caller hears this after so many milliseconds.
    Not(CallError, u64),
    /// It is done; the caller hears this instead of the answer.
    Done(CallError, u64),
}

fn later(after: Option<u64>, host_wide: bool) -> CallError {
    CallError::Later {
        after: after.map(Duration::from_secs),
        status: host_wide.then_some(429),
        reason: "later".to_owned(),
        host_wide,
    }
}

fn unknown() -> CallError {
    CallError::Unknown {
        status: None,
        reason: "nobody knows".to_owned(),
        after: None,
    }
}

impl What {
    fn side(&self) -> Side {
        match self {
            Self::Look(Read::Conversation { .. }) | Self::Conversation(_) => Side::Jelou,
            Self::Look(_) | Self::Ticket(_) | Self::Changes(_) => Side::Ticketing,
            Self::Do(intent) => intent.operation().side(),
        }
    }

    fn is_write(&self) -> bool {
        matches!(self, Self::Do(_))
    }

    /// The object it is about, as the daemon's `jobs::objects` names it.
    fn object(&self) -> String {
        match self {
            Self::Look(read) => match read {
                Read::Conversation { id } => format!("conversation {id}"),
                Read::Ticket { id }
                | Read::NoteOnTicket { ticket: id, .. }
                | Read::Comments { ticket: id }
                | Read::Written { ticket: id, .. }
                | Read::TicketHolder { ticket: id } => format!("ticket {id}"),
                Read::OpenTickets { .. } => "open tickets".to_owned(),
                Read::Unheard { lane, .. } => format!("what {lane} has not heard"),
                Read::TicketsByConversation { .. } => "search".to_owned(),
                Read::Report { .. } => "report".to_owned(),
            },
            Self::Do(intent) => match &intent.effect {
                Effect::StartConversation(start) => format!("start for ticket {}", start.ticket),
                Effect::CloseConversation(close) => format!("conversation {}", close.conversation),
                Effect::WriteTicketId(_) => "ticket id".to_owned(),
                Effect::UpsertRequester { .. } => "requester".to_owned(),
                Effect::CreateTicket(create) => match &create.made {
                    Some(ticket) => format!("ticket {ticket}"),
                    None => format!("create for {}", create.conversation),
                },
                Effect::AddComment(comment) => format!("ticket {}", comment.ticket),
                Effect::AttachFile(file) => format!("ticket {}", file.ticket),
                Effect::SendMessage(message) => format!("words for {}", message.conversation),
                Effect::SendTemplate(send) => format!("template for {}", send.ticket),
                Effect::SendBotMessage(send) => format!("bot's words for {}", send.conversation),
                Effect::HandOver(_) => "user state".to_owned(),
                Effect::WriteLinkField { ticket, .. }
                | Effect::SetStatus { ticket, .. }
                | Effect::SetFields { ticket, .. }
                | Effect::AddNote { ticket, .. } => format!("ticket {ticket}"),
            },
            Self::Ticket(id) => format!("ticket {id}"),
            Self::Changes(_) => "changes".to_owned(),
            Self::Conversation(id) => format!("conversation {id}"),
        }
    }
}

impl World {
    /// The tries of an Intent that have not reached their remote yet, by when they left.
    pub(super) fn on_their_way(
        &self,
        id: &IntentId,
    ) -> impl Iterator<Item = Option<Timestamp>> + '_ {
        let calls = self.calls.values().filter(|call| call.brought.is_none());
        let id = id.clone();
        calls.filter_map(move |call| match &call.what {
            What::Do(intent) if intent.id == id => Some(intent.sent_at),
            _ => None,
        })
    }

    /// All tries that have not reached their remote yet, by when they left.
    pub(super) fn writes_on_their_way(&self) -> BTreeSet<(IntentId, Option<Timestamp>)> {
        let calls = self.calls.values().filter(|call| call.brought.is_none());
        let tries = calls.filter_map(|call| match &call.what {
            What::Do(intent) => Some((intent.id.clone(), intent.sent_at)),
            _ => None,
        });
        tries.collect()
    }

    /// Asks the process's gate for one call.
    ///
    /// # Errors
    /// What the gate said.
    pub fn ask(&mut self, replica: ReplicaId, side: Side, who: &str) -> Result<(), Blocked> {
        self.ask_for(replica, side, who, 1)
    }

    /// The same for so many calls that hang together.
    ///
    /// # Errors
    /// What the gate said.
    pub fn ask_for(
        &mut self,
        replica: ReplicaId,
        side: Side,
        who: &str,
        calls: u32,
    ) -> Result<(), Blocked> {
        let (target, now) = (self.target(side), self.clock(replica));
        let r = &self.replicas[replica];
        let asked = r.gate.ask_for(&target, who, calls, now);
        match &asked {
            Ok(()) => {
                self.judge.asks(Law::RateKept);
                let told = |of_credential| r.told_until.get(&(side, of_credential));
                let mut told = [told(false), told(true)].into_iter().flatten();
                if told.any(|until| now < *until) {
                    let what = format!("{who} calls {side} before it may");
                    self.judge.breach(Law::RateKept, what);
                }
            }
            Err(blocked) if blocked.by == "rate" => self.faults.fire(Fault::RateTight),
            Err(_) => {}
        }
        asked
    }

    /// Begins a call that the gate let through.
    pub fn call(&mut self, owner: Owner, replica: ReplicaId, who: String, what: What) {
        let id = self.task();
        let (leg, back) = (self.leg(), self.leg());
        let way = self.way(&what);
        let mut call = Call {
            owner,
            replica,
            who,
            what,
            begun: self.clock(replica),
            instead: None,
            brought: None,
        };
        let now = self.now;
        let millis = Duration::from_millis;
        let answered = match way {
            Way::Through => {
                self.queue
                    .plan(now.plus(millis(leg)), Happening::Arrive(id));
                leg + back
            }
            Way::Not(error, after) => {
                call.instead = Some(error);
                after
            }
            Way::Done(error, after) => {
                call.instead = Some(error);
                self.queue
                    .plan(now.plus(millis(leg)), Happening::Arrive(id));
                after.max(leg + 1)
            }
        };
        self.calls.insert(id, call);
        self.queue
            .plan(now.plus(millis(answered)), Happening::Answer(id));
    }

    /// How long one way takes, in milliseconds.
    fn leg(&mut self) -> u64 {
        match self.timing.below(12) {
            0 => self.timing.below(2_000),
            _ => 5 + self.timing.below(60),
        }
    }

    fn way(&mut self, what: &What) -> Way {
        let side = what.side();
        let until = |of: &std::collections::BTreeMap<Side, Timestamp>, now| {
            of.get(&side).is_some_and(|until| now < *until)
        };
        if until(&self.down_until, self.now) {
            return Way::Not(later(None, false), 30);
        }
        if until(&self.locked_until, self.now) {
            let reason = "401".to_owned();
            return Way::Not(CallError::Locked { reason }, 30);
        }
        if until(&self.mute_until, self.now) {
            return match self.faults.below(Fault::AnswersLost, 2) {
                0 => Way::Done(unknown(), 80),
                _ => Way::Not(unknown(), 80),
            };
        }
        if let Some(way) = self.forbidden(what) {
            return way;
        }
        let deadline = u64::try_from(CALL_TIMEOUT.as_millis()).unwrap_or(10_000);
        let faults = &mut self.faults;
        if faults.strikes(Fault::NotConnected) {
            return Way::Not(later(None, false), 5);
        }
        if faults.strikes(Fault::RequestLost) {
            let after = [50, deadline][faults.below(Fault::RequestLost, 2) as usize];
            return Way::Not(unknown(), after);
        }
        if faults.strikes(Fault::AnswerCut) {
            return Way::Done(unknown(), 80);
        }
        if faults.strikes(Fault::AnswerLate) {
            return Way::Done(unknown(), deadline);
        }
        if faults.strikes(Fault::AnswerMalformed) {
            return Way::Done(unknown(), 100);
        }
        if faults.strikes(Fault::TooMany) {
            let after = 1 + faults.below(Fault::TooMany, 20);
            return Way::Not(later(Some(after), true), 40);
        }
        if faults.strikes(Fault::TooManyAbsurd) {
            // As the transport hands it on: an hour at most, a second at least.
            let after = [1, 3_600][faults.below(Fault::TooManyAbsurd, 2) as usize];
            return Way::Not(later(Some(after), true), 40);
        }
        if faults.strikes(Fault::TooManyPlain) {
            return Way::Not(later(None, true), 40);
        }
        if what.is_write() {
            self.write_way(what)
        } else {
            self.read_way(what)
        }
    }

    fn write_way(&mut self, what: &What) -> Way {
        let faults = &mut self.faults;
        if faults.strikes(Fault::ErrorOnWrite) {
            return match faults.below(Fault::ErrorOnWrite, 2) {
                0 => Way::Done(unknown(), 60),
                _ => Way::Not(unknown(), 60),
            };
        }
        if faults.strikes(Fault::Refused) {
            let status = [400, 409, 422][faults.below(Fault::Refused, 3) as usize];
            let reason = "no".to_owned();
            return Way::Not(CallError::Refused { status, reason }, 60);
        }
        self.missing(what).unwrap_or(Way::Through)
    }

    fn read_way(&mut self, what: &What) -> Way {
        if self.faults.strikes(Fault::ErrorOnRead) {
            return Way::Not(later(None, false), 60);
        }
        self.missing(what).unwrap_or(Way::Through)
    }

    fn missing(&mut self, what: &What) -> Option<Way> {
        let reason = "404".to_owned();
        let strikes = self.faults.strikes(Fault::NotFound);
        if strikes {
            *self.judge.missed.entry(what.object()).or_default() += 1;
        }
        strikes.then_some(Way::Not(CallError::Gone { reason }, 40))
    }

    fn forbidden(&mut self, what: &What) -> Option<Way> {
        if !self.faults.has(Fault::Forbidden) {
            return None;
        }
        let object = what.object();
        if self.faults.strikes(Fault::Forbidden) {
            let wait = Duration::from_secs(5 + self.faults.below(Fault::Forbidden, 60));
            self.forbidden_until
                .insert(object.clone(), self.now.plus(wait));
        }
        let reason = "403".to_owned();
        let until = *self.forbidden_until.get(&object)?;
        (self.now < until).then_some(Way::Not(CallError::Forbidden { reason }, 40))
    }

    /// The call is at its remote.
    pub fn arrive(&mut self, id: CallId) {
        let Some(mut call) = self.calls.remove(&id) else {
            return;
        };
        let brought = match &call.what {
            What::Look(read) => self.found(read).map(Brought::Found),
            What::Do(intent) => self.done(intent).map(Brought::Answer),
            What::Ticket(ticket) => self.desk.read(ticket).map(|t| Brought::Ticket(Box::new(t))),
            What::Changes(since) => {
                let changed = self.desk.records.values();
                let changed = changed
                    .filter(|r| !r.gone && r.changed_at >= *since)
                    .map(|r| r.ticket.clone())
                    .collect();
                Ok(Brought::Changes(changed, self.now))
            }
            What::Conversation(id) => {
                let read = self.jelou.read(id);
                read.map(|c| Brought::Conversation(Box::new(c)))
            }
        };
        call.brought = Some(brought);
        self.calls.insert(id, call);
    }

    /// The caller hears what became of it, if it still listens.
    pub fn answer(&mut self, id: CallId) {
        let Some(mut call) = self.calls.remove(&id) else {
            return;
        };
        let listens = match call.owner {
            Owner::Lane(task) => self.lanes.contains_key(&task),
            Owner::Route(task) => self.routings.contains_key(&task),
            Owner::Sweep(task) => self.sweeps.contains_key(&task),
        };
        if !listens {
            return;
        }
        let outcome = match (call.instead.take(), call.brought.take()) {
            (Some(error), _) => Err(error),
            (None, Some(brought)) => brought,
            (None, None) => Err(unknown()),
        };
        let outcome = match self.learn(&call, outcome.as_ref().err()) {
            Some(error) => Err(error),
            None => outcome,
        };
        if self.judge.is_traced() {
            let line = match &outcome {
                Ok(_) => format!("{:?} answered", call.what),
                Err(error) => format!("{:?} failed: {error}", call.what),
            };
            self.trace(|_| line);
        }
        self.hand_back(call, outcome);
    }

    fn hand_back(&mut self, call: Call, outcome: Result<Brought, CallError>) {
        if let Ok(brought) = &outcome {
            for ticket in tickets_in(brought) {
                self.judge.shown.insert(ticket.clone(), self.now);
                let looked_at = self.judge.looked_at.entry(ticket).or_insert(call.begun);
                *looked_at = call.begun.max(*looked_at);
            }
        }
        let strange = || unknown();
        match (call.owner, call.what) {
            (Owner::Lane(task), What::Do(intent)) => {
                let outcome = outcome.and_then(|brought| match brought {
                    Brought::Answer(answer) => Ok(answer),
                    _ => Err(strange()),
                });
                self.performed(task, &intent, outcome);
            }
            (Owner::Lane(task), what) => {
                self.shows(&what, &outcome, call.replica);
                let found = outcome.and_then(|brought| match brought {
                    Brought::Found(found) => Ok(found),
                    _ => Err(strange()),
                });
                self.observed(task, call.begun, found);
            }
            (Owner::Route(task), _) => self.route_read(task, call.begun, outcome),
            (Owner::Sweep(task), what) => self.swept(task, &what, call.begun, outcome),
        }
    }

    /// A look shows agents' words.
    fn shows(&mut self, what: &What, brought: &Result<Brought, CallError>, replica: ReplicaId) {
        let at = self.clock(replica);
        if let What::Look(Read::Comments { ticket }) = what
            && let Ok(Brought::Found(Found::Comments { comments })) = brought
        {
            for comment in comments {
                self.judge.ears.came_to_be_known(ticket, &comment.id, at);
            }
        }
    }

    /// The gate takes in how it went, as the daemon's `jobs::learn`. The error as the caller is to
    /// hear it.
    fn learn(&mut self, call: &Call, error: Option<&CallError>) -> Option<CallError> {
        let (side, now) = (call.what.side(), self.clock(call.replica));
        let (target, object) = (self.target(side), call.what.object());
        let gate = &self.replicas[call.replica].gate;
        let lesson = gate.learn(&target, &call.who, &object, error, now);
        if error.is_none() {
            self.replicas[call.replica].told_until.remove(&(side, true));
        }
        let told = &mut self.replicas[call.replica].told_until;
        // What the host asked for is what it said, whatever the gate makes of it.
        if let Some(
            CallError::Later {
                after: Some(after),
                host_wide: true,
                ..
            }
            | CallError::Unknown {
                after: Some(after), ..
            },
        ) = error
        {
            told.insert((side, false), now.plus(*after));
        }
        if let Some((key, until, reason)) = lesson.pause {
            if !key.starts_with("host:") {
                told.insert((side, true), until);
            }
            if !self.store_is_down() {
                self.store.pause(&key, until, reason, now);
                let truly = self.now.plus(until.since(now));
                self.judge.paused_until.insert(key, truly);
            }
        }
        if let Some(key) = lesson.resumed
            && !self.store_is_down()
        {
            self.store.resume(&key);
            let held = Wake::HeldBy(format!("credential.{side}"));
            if self.store.wake(&held, now) > 0 {
                self.ring();
            }
        }
        lesson.error
    }
}

/// The tickets whose state was brought.
fn tickets_in(brought: &Brought) -> Vec<TicketId> {
    let ids =
        |tickets: &[Ticket]| -> Vec<TicketId> { tickets.iter().map(|t| t.id.clone()).collect() };
    let of = |ticket: &Ticket| vec![ticket.id.clone()];
    match brought {
        Brought::Found(Found::Ticket(ticket)) | Brought::Ticket(ticket) => of(ticket),
        Brought::Found(Found::Tickets { tickets }) | Brought::Changes(tickets, _) => ids(tickets),
        Brought::Answer(Answer::Done { whole } | Answer::Created { whole, .. }) => {
            whole.iter().flat_map(|ticket| of(ticket)).collect()
        }
        Brought::Found(_) | Brought::Answer(_) | Brought::Conversation(_) => vec![],
    }
}
