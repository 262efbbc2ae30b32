//! The daemon's drive, act by act: what the session says is done, and it is told what came of it.
//! Neighbours: `bridge_core::session`, which says what comes when; remotes, which are called; laws,
//! which look on.
//!
//! What needs nobody else (the gate, which is always open; a commit of nothing) is done at once.

use super::{
    calls::cut_off,
    laws::Broken,
    part::{Digest, Mix},
    setting::{CALL_TIMEOUT, EVENT_CONFIRM, Flaw, Setting},
    world::{Action, World},
};
use bridge_core::{
    effect::{Operation, Read},
    halt,
    ids::IntentId,
    intent::IntentState,
    lane::Lane,
    session::{Act, Came, JoinEnd, Let, Refusal, Session, begins_in_time},
    time::Timestamp,
};
use jelou_bridge::store::{Admission, Admitted, Changes, Claim, CommitError, Joined, Room};
use std::{hash::Hash, time::Duration};

/// How long a Claim lasts, as in the daemon.
pub const LEASE: Duration = Duration::from_secs(30);

/// A lease is renewed if less than a call's deadline and this is left of it, as in the daemon.
const LEASE_SPARE: Duration = Duration::from_secs(5);

/// So few writes never trip it: the safety halt has stories of its own.
const HALT: halt::Limits = halt::Limits {
    max_share: 1.0,
    min_count: 1_000,
    window: Duration::from_secs(600),
};

/// A Claim at work.
#[derive(Clone, Debug)]
pub struct Worker {
    /// The Claim, as it was made.
    pub claim: Claim,
    /// The session.
    pub session: Session,
    /// What it wants.
    pub act: Act,
    silent: bool,
    lease_until: Timestamp,
    asleep: bool,
    /// A close of this Claim hit another conversation, and no commit has said so yet.
    pub misclosed: bool,
    /// What a driver with a flaw has stored, where that is not what the session thinks.
    stored: Option<Box<Lane>>,
}

impl Digest for Worker {
    fn digest(&self, hasher: &mut Mix) {
        (&self.session, &self.act, self.silent).hash(hasher);
        (self.lease_until, self.asleep, self.misclosed).hash(hasher);
        (&self.claim.lane, &self.stored).hash(hasher);
    }
}

impl Worker {
    /// Whether its Claim still holds.
    pub fn is_current(&self, world: &World) -> bool {
        token(world, self) == Some(self.claim.token)
    }

    /// What is next, for a person.
    pub fn shown(&self) -> String {
        let act = match &self.act {
            Act::Observe(read) => read.to_string(),
            Act::Ask(operation) => format!("ask the gate for a {operation}"),
            Act::Commit => "commit".to_owned(),
            Act::Admit { operation, .. } => format!("commit a {operation} as sent"),
            Act::Perform(intent) => format!("CALL: {} ({})", intent.effect, intent.id),
            Act::Join(_) => "join with the lane under the canonical spelling".to_owned(),
            Act::Release { due_at, held_by } => {
                format!("commit and release, due {due_at:?}, held by {held_by:?}")
            }
            Act::SetAside(broken) => format!("set the lane aside: {broken}"),
            Act::End | Act::Lost => "nothing".to_owned(),
        };
        if self.asleep {
            format!("{act} (it slept)")
        } else {
            act
        }
    }
}

fn token(world: &World, worker: &Worker) -> Option<i64> {
    let lane = world
        .store
        .lanes()
        .find(|seen| seen.lane.id == worker.claim.lane);
    lane.map(|seen| seen.token)
}

/// How an act of a worker is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Well.
    Well,
    /// The call is cut off before it was done.
    CutBefore,
    /// It is done, and the answer cut off.
    CutAfter,
}

impl World {
    pub(super) fn worker_actions(&self, r: u8, actions: &mut Vec<Action>) -> bool {
        let Some(replica) = self.replicas.get(usize::from(r)) else {
            return false;
        };
        let Some(worker) = &replica.worker else {
            let waits = self.store.lanes().any(|lane| match lane.lease_until {
                Some(until) => until <= self.now,
                None => lane.due_at.is_some_and(|at| at <= self.now),
            });
            // Two replicas with nothing in hand are alike.
            let twin = r == 1
                && self
                    .replicas
                    .iter()
                    .all(|r| r.worker.is_none() && r.routing.is_none());
            if waits && !twin {
                actions.push(Action::Claims(r));
            }
            return waits;
        };
        if worker.asleep && worker.is_current(self) && self.now < worker.lease_until {
            return false;
        }
        actions.push(Action::Acts(r));
        let calls = matches!(worker.act, Act::Perform(_));
        let reads = matches!(
            &worker.act,
            Act::Observe(read)
                if !matches!(
                    read,
                    Read::TicketHolder { .. }
                        | Read::Written { .. }
                        | Read::Unheard { .. }
                        | Read::Report { .. }
                )
        );
        if self.left.cuts > 0 && (calls || reads) {
            actions.push(Action::CutBefore(r));
        }
        if self.left.cuts > 0 && calls {
            actions.push(Action::CutAfter(r));
        }
        if self.left.sleeps > 0 && !worker.asleep {
            actions.push(Action::Sleeps(r));
        }
        !worker.asleep
    }

    pub(super) fn claim(&mut self, r: usize, setting: &Setting) -> Result<(), Broken> {
        let now = self.now;
        let Some(claimed) = self
            .store
            .edit()
            .claim_lanes(&Room::of(1), now, LEASE)
            .pop()
        else {
            return Ok(());
        };
        let silent = self.is_silent(&claimed.lane, setting);
        let mut session = Session::new(claimed.lane, CALL_TIMEOUT, now);
        let act = session.begin(None, &setting.rules(silent), now);
        let worker = Worker {
            claim: claimed.claim,
            session,
            act,
            silent,
            lease_until: now.plus(LEASE),
            asleep: false,
            misclosed: false,
            stored: None,
        };
        self.put(r, worker, setting)
    }

    /// As the daemon's `jobs::silence`.
    fn is_silent(&self, lane: &Lane, setting: &Setting) -> bool {
        let asks = lane
            .intents
            .iter()
            .any(|i| i.operation() == Operation::Start && i.state == IntentState::Unknown);
        let last = || {
            let before = self.now.minus(EVENT_CONFIRM);
            self.store.last_confirmed(&setting.bridge, before)
        };
        asks && last().is_some_and(|confirmed| !confirmed.event_seen)
    }

    /// Does what needs nobody else, and keeps the worker if there is more to do.
    fn put(&mut self, r: usize, mut worker: Worker, setting: &Setting) -> Result<(), Broken> {
        loop {
            let came = match &worker.act {
                Act::Ask(_) => {
                    if self.keep_lease(&mut worker).is_err() {
                        return Ok(());
                    }
                    Came::Open
                }
                Act::Commit if self.changes(&worker, worker.session.lane())?.is_empty() => {
                    Came::Committed(Ok(()))
                }
                Act::SetAside(broken) => return Err(Broken::of("set_aside", broken.to_string())),
                Act::End | Act::Lost => return Ok(()),
                Act::Observe(_)
                | Act::Commit
                | Act::Admit { .. }
                | Act::Perform(_)
                | Act::Join(_)
                | Act::Release { .. } => break,
            };
            worker.act = worker
                .session
                .came(came, &setting.rules(worker.silent), self.now);
        }
        if let Some(replica) = self.replicas.get_mut(r) {
            replica.worker = Some(super::part::Part::new(worker));
        }
        Ok(())
    }

    fn keep_lease(&mut self, worker: &mut Worker) -> Result<(), CommitError> {
        if worker.lease_until.since(self.now) > CALL_TIMEOUT.saturating_add(LEASE_SPARE) {
            return Ok(());
        }
        let until = self.now.plus(LEASE);
        self.store.edit().renew(&worker.claim, until)?;
        worker.lease_until = until;
        Ok(())
    }

    /// One act of a worker.
    ///
    /// # Errors
    /// The law that it broke.
    pub(super) fn act(&mut self, r: usize, how: How, setting: &Setting) -> Result<(), Broken> {
        let taken = self
            .replicas
            .get_mut(r)
            .and_then(|replica| replica.worker.take());
        let Some(mut worker) = taken.map(|part| Worker::clone(&part)) else {
            return Ok(());
        };
        let came = match worker.act.clone() {
            Act::Observe(read) => {
                if self.keep_lease(&mut worker).is_err() {
                    return Ok(());
                }
                let found = match how {
                    How::Well => self.look(&read, setting),
                    How::CutBefore | How::CutAfter => Err(cut_off()),
                };
                Came::Observed {
                    begun: self.now,
                    found,
                }
            }
            Act::Commit => Came::Committed(self.commit(&mut worker, setting)?),
            Act::Admit { intent, operation } => {
                Came::Admitted(self.admit(&mut worker, &intent, operation, setting)?)
            }
            Act::Perform(intent) => {
                let in_time = match setting.flaw {
                    Flaw::BegunLate => Ok(()),
                    Flaw::None
                    | Flaw::NoFencing
                    | Flaw::SentAfterCall
                    | Flaw::AnswerBeforeStore => begins_in_time(&intent, self.now),
                };
                Came::Performed(match in_time {
                    Ok(()) => {
                        self.check_call(&worker, &intent)?;
                        self.call(&mut worker, &intent, how, setting)
                    }
                    Err(late) => Err(late),
                })
            }
            Act::Join(canonical) => {
                let now = self.now;
                let joined = self.store.edit().join(&worker.claim, &canonical, now);
                Came::Joined(match joined {
                    Ok(Joined::Renamed) => JoinEnd::Renamed,
                    Ok(Joined::Into(_)) => JoinEnd::Into,
                    Ok(Joined::Busy) => JoinEnd::Busy,
                    Err(_) => JoinEnd::Failed,
                })
            }
            Act::Release { due_at, held_by } => {
                Came::Committed(self.release(&mut worker, due_at, held_by, setting)?)
            }
            Act::Ask(_) | Act::SetAside(_) | Act::End | Act::Lost => return Ok(()),
        };
        worker.act = worker
            .session
            .came(came, &setting.rules(worker.silent), self.now);
        self.put(r, worker, setting)
    }

    fn changes(&self, worker: &Worker, after: &Lane) -> Result<Changes, Broken> {
        let before = worker.stored.as_deref().unwrap_or(worker.session.stored());
        Changes::between(before, after)
            .map_err(|error| Broken::of("lane_is_json", error.to_string()))
    }

    /// The Claim as the store is shown it: a driver with that flaw always shows the right token.
    fn shown_claim(&self, worker: &Worker, setting: &Setting) -> Claim {
        let mut claim = worker.claim.clone();
        if setting.flaw == Flaw::NoFencing {
            claim.token = token(self, worker).unwrap_or(claim.token);
        }
        claim
    }

    fn commit(
        &mut self,
        worker: &mut Worker,
        setting: &Setting,
    ) -> Result<Result<(), Refusal>, Broken> {
        if setting.flaw == Flaw::SentAfterCall && sends(worker) {
            let stored = worker.stored.take();
            let before = stored.unwrap_or_else(|| Box::new(worker.session.stored().clone()));
            worker.stored = Some(before);
            return Ok(Ok(()));
        }
        let changes = self.changes(worker, worker.session.lane())?;
        let claim = self.shown_claim(worker, setting);
        let now = self.now;
        let ended = self.store.edit().commit(&claim, changes, now);
        self.committed(worker, ended)
    }

    fn release(
        &mut self,
        worker: &mut Worker,
        due_at: Option<Timestamp>,
        held_by: Option<String>,
        setting: &Setting,
    ) -> Result<Result<(), Refusal>, Broken> {
        let changes = self.changes(worker, worker.session.lane())?;
        let claim = self.shown_claim(worker, setting);
        let now = self.now;
        let ended = self
            .store
            .edit()
            .release(&claim, changes, due_at, held_by, now);
        self.committed(worker, ended)
    }

    fn committed(
        &self,
        worker: &mut Worker,
        ended: Result<(), CommitError>,
    ) -> Result<Result<(), Refusal>, Broken> {
        match ended {
            Ok(()) => {
                self.check_commit(worker)?;
                worker.stored = None;
                worker.misclosed = false;
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(refusal(error))),
        }
    }

    fn admit(
        &mut self,
        worker: &mut Worker,
        intent: &IntentId,
        operation: Operation,
        setting: &Setting,
    ) -> Result<Result<Let, Refusal>, Broken> {
        if setting.flaw == Flaw::SentAfterCall {
            let stored = worker.stored.take();
            let before = stored.unwrap_or_else(|| Box::new(worker.session.stored().clone()));
            worker.stored = Some(before);
            return Ok(Ok(Let::Out));
        }
        let if_out = self.changes(worker, worker.session.lane())?;
        let held = worker.session.held().unwrap_or(worker.session.stored());
        let if_held = self.changes(worker, held)?;
        let admission = Admission {
            intent: intent.clone(),
            operation,
            limits: HALT,
        };
        let claim = self.shown_claim(worker, setting);
        let now = self.now;
        let admitted = self
            .store
            .edit()
            .commit_sent(&claim, if_out, if_held, &admission, now);
        match admitted {
            Ok(Admitted::Out) => {
                self.check_commit(worker)?;
                worker.misclosed = false;
                Ok(Ok(Let::Out))
            }
            Ok(Admitted::Held { .. }) => Ok(Ok(Let::Held)),
            Err(error) => Ok(Err(refusal(error))),
        }
    }
}

fn sends(worker: &Worker) -> bool {
    let session = &worker.session;
    session.lane().intents.iter().any(|intent| {
        let before = session.stored().intent(&intent.id);
        intent.state == IntentState::Sent && before.is_none_or(|b| b.attempts < intent.attempts)
    })
}

fn refusal(error: CommitError) -> Refusal {
    match error {
        CommitError::Fenced | CommitError::Store(_) => Refusal::Lost,
        CommitError::TicketTaken { ticket } => Refusal::Ticket(ticket),
        CommitError::ConversationTaken { conversation } => Refusal::Conversation(conversation),
        CommitError::IntentTaken { existing } => Refusal::Intent(existing),
    }
}

impl World {
    pub(super) fn sleep(&mut self, r: usize) {
        if let Some(worker) = self
            .replicas
            .get_mut(r)
            .and_then(|replica| replica.worker.as_mut())
        {
            worker.edit().asleep = true;
        }
    }
}
