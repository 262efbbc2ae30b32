//! One Claim at work: which step comes when, what is committed before which call, and what a refused
//! commit means. Neighbours: `lane`, whose state machine decides what is wanted; the daemon's
//! `jobs::drive` and the simulator, which do what is said here and tell what came of it.
//!
//! The order is the promise: an Intent is committed as `sent`, then its call is made, then its
//! outcome is committed. Nothing waits inside a Claim.

mod conflict;
mod late;
mod sound;
#[cfg(test)]
mod tests;

pub use late::{BEGIN_WITHIN, begins_in_time};
pub use sound::{BROKEN, Broken, check};

use crate::{
    call::CallError,
    effect::{Answer, Found, Operation, Read},
    ids::{ConversationId, IntentId, TicketId, UserId},
    intent::Intent,
    lane::{Blocked, Entry, EntryKind, Input, Lane, Message, Next, Order, Rules, step},
    link::Link,
    time::Timestamp,
};
use std::{
    hash::{Hash, Hasher},
    time::Duration,
};

/// Steps in one Claim. A Lane that wants more gives its Claim back and is claimed again, so that no
/// Lane keeps a worker for itself.
const STEPS_MAX: u32 = 64;

/// How soon a Lane that ran out of steps, or met a conflict, is due again.
const SOON: Duration = Duration::from_millis(100);

/// How soon a join that the store refused is tried again.
const JOIN_AGAIN: Duration = Duration::from_secs(1);

/// What the driver is to do next.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Act {
    /// Ask the gate for one call of the read's side, keep the lease, make the read. Answered by
    /// [`Came::Observed`], [`Came::Blocked`] or [`Came::Recalled`].
    Observe(Read),
    /// Ask the gate for one call of this operation's side, and keep the lease. Answered by
    /// [`Came::Open`], [`Came::Blocked`] or [`Came::Recalled`].
    Ask(Operation),
    /// Commit the difference of [`Session::stored`] and [`Session::lane`]. Answered by
    /// [`Came::Committed`].
    Commit,
    /// Ask the safety halt; commit the difference of [`Session::stored`] and [`Session::lane`] if
    /// it lets the Intent out, and of [`Session::stored`] and [`Session::held`] if not. Answered by
    /// [`Came::Admitted`].
    Admit {
        /// Which Intent.
        intent: IntentId,
        /// Its operation.
        operation: Operation,
    },
    /// Do this Effect, once. Answered by [`Came::Performed`].
    Perform(Box<Intent>),
    /// Join this Lane with the one under the canonical spelling. Answered by [`Came::Joined`].
    Join(UserId),
    /// Commit as above and give the Claim back. Answered by [`Came::Committed`].
    Release {
        /// When the Lane is due by itself.
        due_at: Option<Timestamp>,
        /// What holds it.
        held_by: Option<String>,
    },
    /// A law would be broken: nothing of that is stored. Commit as above and set the Lane aside with
    /// [`Broken::held_by`]: whatever waits for it by now, it rests until there is news for it or a
    /// person has it tried again. Nothing more is to be told to the session.
    SetAside(Broken),
    /// The Claim is settled.
    End,
    /// The Claim is lost: another may have it, or the store takes nothing. Its lease ends by itself.
    Lost,
}

/// Why a commit was refused.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Refusal {
    /// The Claim is over, or the store is in trouble: nothing more can be done under it.
    Lost,
    /// Another live Link has the ticket.
    Ticket(TicketId),
    /// Another live Link has the conversation.
    Conversation(ConversationId),
    /// This Intent was planned before, under another id.
    Intent(Box<Intent>),
}

/// What the safety halt said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Let {
    /// The Intent is committed as `sent`.
    Out,
    /// It is committed as `planned` and held.
    Held,
}

/// What came of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinEnd {
    /// This Lane now bears the canonical name; the Claim goes on.
    Renamed,
    /// This Lane is part of another one now, and its Claim is gone.
    Into,
    /// The other Lane is claimed.
    Busy,
    /// The store did not take it.
    Failed,
}

/// What the driver tells.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Came {
    /// A read ended.
    Observed {
        /// When it began.
        begun: Timestamp,
        /// What it found.
        found: Result<Found, CallError>,
    },
    /// The gate lets no call through now.
    Blocked(Blocked),
    /// The gate lets a call through, and the lease is long enough for it.
    Open,
    /// No call is to begin under this Claim any more: the process stops, or other rules come into force.
    Recalled,
    /// A commit ended.
    Committed(Result<(), Refusal>),
    /// The commit that asked the safety halt ended.
    Admitted(Result<Let, Refusal>),
    /// A call ended.
    Performed(Result<Answer, CallError>),
    /// A join ended.
    Joined(JoinEnd),
}

/// What the session waits for.
#[derive(Clone, Debug, PartialEq, Hash)]
enum Phase {
    Observing(Read),
    Asking(IntentId),
    Admitting(IntentId, Box<Admitting>),
    Calling(IntentId),
    /// A commit; then this.
    Keeping(Then),
    Joining {
        due_at: Option<Timestamp>,
        held_by: Option<String>,
    },
    Releasing,
    /// What the rules made of a conflict at the very end is being stored.
    Settling,
    Ended,
}

#[derive(Clone, Debug, PartialEq, Hash)]
struct Admitting {
    held: Lane,
    next: Next,
}

/// What follows a commit.
#[derive(Clone, Debug, PartialEq, Hash)]
enum Then {
    /// The Intent is `sent`: do it.
    Call(IntentId),
    Next(Next),
    Join {
        canonical: UserId,
        due_at: Option<Timestamp>,
        held_by: Option<String>,
    },
}

/// One Claim at work.
#[derive(Clone, Debug)]
pub struct Session {
    stored: Lane,
    lane: Lane,
    phase: Phase,
    steps: u32,
    /// What the store refused since it last took a commit: all of it is heeded together.
    refusals: Vec<Refusal>,
    /// What came of a call since then: unlike a read, it cannot be had again.
    outcome: Option<(IntentId, Result<Answer, CallError>)>,
    call_timeout: Duration,
    now: Timestamp,
}

/// When it was last told something is for the timeline only: a search over states leaves it out.
impl Hash for Session {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            stored,
            lane,
            phase,
            steps,
            refusals,
            outcome,
            call_timeout,
            now: _,
        } = self;
        (stored, lane, phase, steps, refusals, call_timeout).hash(state);
        outcome.hash(state);
    }
}

impl Session {
    /// A Claim that was made now, with the Lane as loaded. A call takes `call_timeout` at most.
    #[must_use]
    pub fn new(lane: Lane, call_timeout: Duration, now: Timestamp) -> Self {
        Self {
            stored: lane.clone(),
            lane,
            phase: Phase::Ended,
            steps: 0,
            refusals: Vec::new(),
            outcome: None,
            call_timeout,
            now,
        }
    }

    /// The Lane as it was last stored.
    #[must_use]
    pub fn stored(&self) -> &Lane {
        &self.stored
    }

    /// The Lane as the rules have it now.
    #[must_use]
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// The Lane as it is to be stored if the safety halt holds the Intent; only during
    /// [`Act::Admit`].
    #[must_use]
    pub fn held(&self) -> Option<&Lane> {
        match &self.phase {
            Phase::Admitting(_, admitting) => Some(&admitting.held),
            Phase::Observing(_)
            | Phase::Asking(_)
            | Phase::Calling(_)
            | Phase::Keeping(_)
            | Phase::Joining { .. }
            | Phase::Releasing
            | Phase::Settling
            | Phase::Ended => None,
        }
    }

    /// Begins: with a person's order, or with what came since the last Claim.
    pub fn begin(&mut self, order: Option<Order>, rules: &Rules<'_>, now: Timestamp) -> Act {
        self.now = now;
        if let Some(order) = order {
            let _ = step(&mut self.lane, Input::Ordered(order), rules, now);
        }
        let next = step(&mut self.lane, Input::Woken, rules, now);
        self.go_on(next, now)
    }

    /// Takes in what came of the last [`Act`] and says what is next.
    pub fn came(&mut self, came: Came, rules: &Rules<'_>, now: Timestamp) -> Act {
        self.now = now;
        let phase = std::mem::replace(&mut self.phase, Phase::Ended);
        match (phase, came) {
            (Phase::Observing(read), Came::Observed { begun, found }) => {
                if let Err(error) = &found {
                    self.tell_failed_read(&read, error, now);
                }
                self.input(Input::Observed { read, begun, found }, rules, now)
            }
            (Phase::Observing(_) | Phase::Asking(_), Came::Blocked(blocked)) => {
                self.input(Input::Blocked(blocked), rules, now)
            }
            // Due at once: who claims it next goes on with it, by the rules of then.
            (Phase::Observing(_) | Phase::Asking(_), Came::Recalled) => {
                self.release(Some(now), None)
            }
            (Phase::Asking(intent), Came::Open) => self.let_out(&intent, rules, now),
            (Phase::Admitting(intent, admitting), Came::Admitted(admitted)) => {
                self.admitted(intent, *admitting, admitted, rules, now)
            }
            (Phase::Keeping(then), Came::Committed(committed)) => match committed {
                Ok(()) => {
                    self.kept();
                    self.then(then, now)
                }
                Err(Refusal::Lost) if planted!(RefusedCommitIgnored) => self.then(then, now),
                Err(refusal) => self.refused(refusal, rules, now),
            },
            (Phase::Calling(intent), Came::Performed(outcome)) => {
                self.performed(intent, outcome, rules, now)
            }
            (Phase::Joining { due_at, held_by }, Came::Joined(end)) => {
                self.joined(end, due_at, held_by, now)
            }
            (Phase::Releasing, Came::Committed(committed)) => match committed {
                Ok(()) => Act::End,
                Err(Refusal::Lost) => Act::Lost,
                Err(refusal) => self.settle_conflict(refusal, rules, now),
            },
            (Phase::Settling, Came::Committed(Ok(()))) => Act::End,
            (Phase::Settling, Came::Committed(Err(refusal))) => {
                self.settle_conflict(refusal, rules, now)
            }
            (phase, came) => self.set_aside(Broken::driver(&phase, &came)),
        }
    }

    fn input(&mut self, input: Input, rules: &Rules<'_>, now: Timestamp) -> Act {
        let next = step(&mut self.lane, input, rules, now);
        self.go_on(next, now)
    }

    /// What the state machine wants next, as something to do.
    fn go_on(&mut self, next: Next, now: Timestamp) -> Act {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return self.release(Some(now.plus(SOON)), None);
        }
        match next {
            Next::Observe(read) if self.has_taken_a_ticket() => {
                self.keep(Then::Next(Next::Observe(read)))
            }
            Next::Observe(read) => {
                self.phase = Phase::Observing(read.clone());
                Act::Observe(read)
            }
            Next::Perform(intent) => match self.lane.intent(&intent).map(Intent::operation) {
                Some(operation) => {
                    self.phase = Phase::Asking(intent);
                    Act::Ask(operation)
                }
                None => self.set_aside(Broken::no_such_intent(&intent)),
            },
            Next::Release { due_at, held_by } => {
                let canonical = self.lane.canonical.clone();
                match canonical.filter(|user| *user != self.lane.user) {
                    Some(canonical) => self.keep(Then::Join {
                        canonical,
                        due_at,
                        held_by,
                    }),
                    None => self.release(due_at, held_by),
                }
            }
        }
    }

    /// Whether a Link got a ticket since the last commit. Until the store has it, what is told of the
    /// ticket goes to its requester's Lane, so no read may take time before that.
    fn has_taken_a_ticket(&self) -> bool {
        let stored = |link: &Link| self.stored.link(&link.id).and_then(Link::ticket_id);
        let mut live = self.lane.links.iter().filter(|l| l.is_live());
        live.any(|l| l.ticket_id().is_some() && stored(l) != l.ticket_id())
    }

    /// Commits an Intent as sent, unless the safety halt holds it.
    fn let_out(&mut self, intent: &IntentId, rules: &Rules<'_>, now: Timestamp) -> Act {
        let Some(operation) = self.lane.intent(intent).map(Intent::operation) else {
            return self.set_aside(Broken::no_such_intent(intent));
        };
        if !operation.is_halted_in_bulk() || planted!(HaltNotAsked) {
            self.lane.mark_sent(intent, now, self.call_timeout);
            if planted!(SentAfterTheCall) {
                return self.call(intent.clone());
            }
            return self.keep(Then::Call(intent.clone()));
        }
        let mut held = self.lane.clone();
        self.lane.mark_sent(intent, now, self.call_timeout);
        let input = Input::Held {
            intent: intent.clone(),
        };
        let next = step(&mut held, input, rules, now);
        if let Err(broken) = check(&self.stored, &self.lane).and(check(&self.stored, &held)) {
            return self.set_aside(broken);
        }
        let admitting = Box::new(Admitting { held, next });
        self.phase = Phase::Admitting(intent.clone(), admitting);
        Act::Admit {
            intent: intent.clone(),
            operation,
        }
    }

    fn admitted(
        &mut self,
        intent: IntentId,
        admitting: Admitting,
        admitted: Result<Let, Refusal>,
        rules: &Rules<'_>,
        now: Timestamp,
    ) -> Act {
        match admitted {
            Ok(Let::Out) => {
                self.kept();
                self.call(intent)
            }
            Ok(Let::Held) => {
                self.lane = admitting.held;
                self.kept();
                self.go_on(admitting.next, now)
            }
            Err(refusal) => self.refused(refusal, rules, now),
        }
    }

    fn then(&mut self, then: Then, now: Timestamp) -> Act {
        match then {
            Then::Call(intent) => self.call(intent),
            Then::Next(next) => self.go_on(next, now),
            Then::Join {
                canonical,
                due_at,
                held_by,
            } => {
                self.phase = Phase::Joining { due_at, held_by };
                Act::Join(canonical)
            }
        }
    }

    fn call(&mut self, id: IntentId) -> Act {
        match self.lane.intent(&id).cloned() {
            Some(intent) => {
                self.phase = Phase::Calling(id);
                Act::Perform(Box::new(intent))
            }
            None => self.set_aside(Broken::no_such_intent(&id)),
        }
    }

    fn performed(
        &mut self,
        intent: IntentId,
        outcome: Result<Answer, CallError>,
        rules: &Rules<'_>,
        now: Timestamp,
    ) -> Act {
        self.outcome = Some((intent.clone(), outcome.clone()));
        let next = step(
            &mut self.lane,
            Input::Performed { intent, outcome },
            rules,
            now,
        );
        if let Next::Release { .. } = next {
            return self.go_on(next, now);
        }
        if planted!(OutcomeNotKept) {
            self.kept();
            return self.go_on(next, now);
        }
        // What came of the call is kept before anything else takes time.
        self.keep(Then::Next(next))
    }

    fn joined(
        &mut self,
        end: JoinEnd,
        due_at: Option<Timestamp>,
        held_by: Option<String>,
        now: Timestamp,
    ) -> Act {
        match end {
            JoinEnd::Renamed => self.release(due_at, held_by),
            JoinEnd::Into => Act::End,
            JoinEnd::Busy => self.release(Some(now.plus(SOON)), None),
            JoinEnd::Failed => self.release(Some(now.plus(JOIN_AGAIN)), held_by),
        }
    }

    fn keep(&mut self, then: Then) -> Act {
        if let Err(broken) = check(&self.stored, &self.lane) {
            return self.set_aside(broken);
        }
        self.phase = Phase::Keeping(then);
        Act::Commit
    }

    fn release(&mut self, due_at: Option<Timestamp>, held_by: Option<String>) -> Act {
        if let Err(broken) = check(&self.stored, &self.lane) {
            return self.set_aside(broken);
        }
        self.phase = Phase::Releasing;
        let due_at = due_at.filter(|_| !planted!(DueForgotten));
        Act::Release { due_at, held_by }
    }

    /// Gives up what was not stored, and says why on the timeline.
    pub fn set_aside(&mut self, broken: Broken) -> Act {
        self.phase = Phase::Ended;
        self.lane = self.stored.clone();
        self.lane.journal.push(Entry {
            at: self.now,
            kind: EntryKind::Alarm,
            sentence: format!("Set aside, which is a bug of the bridge: {broken}"),
            rule: None,
            link: None,
            ticket: None,
            conversation: None,
        });
        Act::SetAside(broken)
    }

    /// The Lane is stored as it is: the next commit starts from here.
    fn kept(&mut self) {
        if !planted!(FatesKept) {
            self.lane.fates.clear();
        }
        self.lane.journal.clear();
        self.lane.messages.retain(Message::waits);
        self.lane.drift = 0;
        self.lane.misclosed = 0;
        self.lane.reported.clear();
        self.refusals.clear();
        self.outcome = None;
        self.stored = self.lane.clone();
    }

    /// What waits for a read that fails would else look as if nobody were at it.
    fn tell_failed_read(&mut self, read: &Read, error: &CallError, now: Timestamp) {
        let (ticket, conversation) = match read {
            Read::Ticket { id } | Read::TicketHolder { ticket: id } => (Some(id.clone()), None),
            Read::NoteOnTicket { ticket, .. }
            | Read::Comments { ticket }
            | Read::Written { ticket, .. } => (Some(ticket.clone()), None),
            Read::Conversation { id }
            | Read::TicketsByConversation { conversation: id }
            | Read::Report {
                conversation: id, ..
            } => (None, Some(id.clone())),
            Read::OpenTickets { .. } | Read::Unheard { .. } => (None, None),
        };
        let link = self.lane.links.iter().rev().find(|link| {
            (ticket.is_some() && link.ticket_id() == ticket.as_ref())
                || (conversation.is_some() && link.conversation_id() == conversation.as_ref())
        });
        let link = link.map(|link| link.id.clone());
        self.lane.journal.push(Entry {
            at: now,
            kind: EntryKind::Read,
            sentence: format!("Could not {read}: {error}"),
            rule: None,
            link,
            ticket,
            conversation,
        });
    }
}
