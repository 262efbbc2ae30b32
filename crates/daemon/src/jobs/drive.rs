//! Drives one claimed Lane: does what the session says, and tells it what came of it. Neighbours:
//! `bridge_core::session`, which says what is committed before which call; `perform` and `observe`,
//! which call; `store`, which keeps.
//!
//! No transaction is open during a call.

use super::{
    Jobs, LEASE,
    count::count,
    objects::{object_of_effect, object_of_read},
    silence, status_of,
};
use crate::{
    clock,
    gate::Target,
    media::file_of,
    metrics::EffectOutcome,
    observe::observe,
    perform::perform,
    runtime::Bridge,
    store::{Admission, Admitted, Changes, Claim, ClaimedLane, CommitError, Joined, StoreError},
};
use bridge_core::{
    call::CallError,
    effect::{Answer, Found, Operation, Read},
    ids::{IntentId, UserId},
    intent::Intent,
    lane::{Blocked, Lane, Order},
    session::{Act, Broken, Came, JoinEnd, Let, Refusal, Session, begins_in_time},
    time::Timestamp,
};
use futures::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A Lane whose bridge is no longer configured is looked at again this seldom.
const NO_BRIDGE: Duration = Duration::from_secs(3600);

/// A Lane of which the store did not say what the rules go by is worked on again after this: longer than a burst of
/// reads lasts, shorter than a lease.
const STORE_AGAIN: Duration = Duration::from_secs(5);

/// A lease is renewed before a call if less than the call's deadline and this is left of it.
const LEASE_SPARE: Duration = Duration::from_secs(5);

/// One Claim and what it is worked on with.
struct Drive<'a> {
    jobs: &'a Jobs,
    bridge: Arc<Bridge>,
    claim: Claim,
    session: Session,
    lease_until: Timestamp,
    silent: bool,
    /// When the oldest Delivery of this Claim came.
    received_at: Option<Timestamp>,
}

/// The Claim is gone, or the store is: nothing more can be done under it.
struct Lost;

/// Works on a Lane until it has nothing to do now, with a person's order first if there is one.
pub async fn drive(jobs: &Jobs, claimed: ClaimedLane, claimed_at: Timestamp, order: Option<Order>) {
    let ClaimedLane { lane, claim } = claimed;
    let runtime = jobs.runtime.borrow().clone();
    let Some(bridge) = runtime.bridges.get(&lane.bridge).cloned() else {
        rest_without_bridge(jobs, &lane, &claim).await;
        return;
    };
    let mut drive = Drive {
        jobs,
        claim,
        lease_until: claimed_at.plus(LEASE),
        silent: false,
        received_at: lane.pending.iter().map(|p| p.received_at).min(),
        session: Session::new(lane, bridge.call_timeout(), clock::now()),
        bridge,
    };
    // A panic outside the rules would come again with the next Claim: it stops this Lane and no other, too.
    let driven = AssertUnwindSafe(drive.run(order)).catch_unwind().await;
    let ended = match driven {
        Ok(ended) => ended,
        Err(_) => drive.panicked().await,
    };
    if ended.is_err() {
        tracing::warn!(lane.id = %drive.claim.lane, "A claim was lost; the lane is worked on again when its lease ends");
    }
}

async fn rest_without_bridge(jobs: &Jobs, lane: &Lane, claim: &Claim) {
    let now = clock::now();
    let due = Some(now.plus(NO_BRIDGE));
    let held_by = Some("no_bridge".to_owned());
    let Ok(nothing) = Changes::between(lane, lane) else {
        return;
    };
    if let Err(error) = jobs.store.release(claim, nothing, due, held_by, now).await {
        // The lease will end by itself.
        tracing::debug!(%error, "A claim could not be given back");
    }
}

impl Drive<'_> {
    async fn run(&mut self, order: Option<Order>) -> Result<(), Lost> {
        let stored = self.session.stored();
        let silent = silence::matters_and_is(self.jobs, &self.bridge, stored).await;
        self.silent = match silent {
            Ok(silent) => silent,
            Err(error) => return self.put_off(&error).await,
        };
        let mut act = self.say(|session, bridge, silent| {
            let now = clock::now();
            session.begin(order, &bridge.rules_at(now, silent), now)
        });
        loop {
            let came = match act {
                Act::Observe(read) => self.look(read).await?,
                Act::Ask(operation) => self.ask(operation).await?,
                Act::Commit => Came::Committed(self.commit().await?),
                Act::Admit { intent, operation } => {
                    Came::Admitted(self.admit(intent, operation).await?)
                }
                Act::Perform(intent) => Came::Performed(self.call(&intent).await),
                Act::Join(canonical) => Came::Joined(self.join(&canonical).await),
                Act::Release { due_at, held_by } => {
                    Came::Committed(self.release(due_at, held_by).await?)
                }
                Act::SetAside(broken) => return self.set_aside(&broken).await,
                Act::End => return Ok(()),
                Act::Lost => return Err(Lost),
            };
            act = self.say(|session, bridge, silent| {
                let now = clock::now();
                session.came(came, &bridge.rules_at(now, silent), now)
            });
        }
    }

    /// Gives the Claim back before anything is done: the rules go by what the store did not say.
    async fn put_off(&mut self, error: &StoreError) -> Result<(), Lost> {
        tracing::error!(%error, bridge = %self.bridge.name, lane.id = %self.claim.lane, "A lane is put off: whether Jelou's webhooks are silent could not be read");
        let due = clock::now().plus(STORE_AGAIN);
        let released = self.release(Some(due), None).await?;
        released.map_err(|_| Lost)
    }

    /// What the session says. A panic in the rules stops this Lane and no other: nothing of the step
    /// is stored.
    fn say(&mut self, say: impl FnOnce(&mut Session, &Bridge, bool) -> Act) -> Act {
        let (session, bridge, silent) = (&mut self.session, &self.bridge, self.silent);
        std::panic::catch_unwind(AssertUnwindSafe(|| say(session, bridge, silent)))
            .unwrap_or_else(|_| self.session.set_aside(Broken::panicked()))
    }

    /// A read, a call or what keeps it panicked. A call that was under way stays `sent`, and is resolved when
    /// the Lane is tried again.
    async fn panicked(&mut self) -> Result<(), Lost> {
        let broken = Broken::panicked();
        self.session.set_aside(broken.clone());
        self.set_aside(&broken).await
    }

    /// Whether no call is to begin under this Claim any more: the process stops, a bridge changes its mode, or the
    /// configuration that the Claim was made under is no longer the one in force.
    fn is_recalled(&self) -> bool {
        let over = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let runtime = self.jobs.runtime.borrow();
        let in_force = runtime.bridges.get(&self.bridge.name);
        over(&self.jobs.stopping)
            || over(&self.jobs.pausing)
            || !in_force.is_some_and(|bridge| Arc::ptr_eq(bridge, &self.bridge))
    }

    async fn look(&mut self, read: Read) -> Result<Came, Lost> {
        if self.is_recalled() {
            return Ok(Came::Recalled);
        }
        let Some(side) = read.side() else {
            let begun = clock::now();
            let found = self.observe(&read).await;
            return Ok(Came::Observed { begun, found });
        };
        let target = self.bridge.target(side);
        let calls = self.session.lane().calls_from(&read);
        if let Err(blocked) = self.gate(&target, calls) {
            return Ok(Came::Blocked(blocked));
        }
        self.keep_lease().await?;
        let begun = clock::now();
        let (jobs, bridge) = (self.jobs, Arc::clone(&self.bridge));
        let work = observe(&bridge, &jobs.store, &jobs.reports, &read);
        let found = self.holding(work).await;
        let object = object_of_read(&read);
        let lane = self.claim.lane.as_str();
        let found = super::learn(self.jobs, &target, lane, &object, found).await;
        self.jobs.metrics.call(
            &self.bridge.name,
            side,
            status_of(found.as_ref().err()),
            clock::now().since(begun),
        );
        if let Err(error) = &found {
            tracing::warn!(bridge = %self.bridge.name, lane.id = %self.claim.lane, outcome = error.kind(), "Could not {read}: {error}");
        }
        Ok(Came::Observed { begun, found })
    }

    async fn observe(&self, read: &Read) -> Result<Found, CallError> {
        let jobs = self.jobs;
        observe(&self.bridge, &jobs.store, &jobs.reports, read).await
    }

    fn gate(&self, target: &Target, calls: u32) -> Result<(), Blocked> {
        super::ask_for(self.jobs, target, self.claim.lane.as_str(), calls)
    }

    async fn ask(&mut self, operation: Operation) -> Result<Came, Lost> {
        if self.is_recalled() {
            return Ok(Came::Recalled);
        }
        let target = self.bridge.target(operation.side());
        let asked = match operation {
            Operation::Close => {
                let calls = self.session.lane().calls_of_a_close();
                self.gate(&target, calls)
            }
            Operation::Start
            | Operation::TicketId
            | Operation::Message
            | Operation::Template
            | Operation::BotMessage
            | Operation::UserState => self.gate(&target, 1),
            Operation::Requester
            | Operation::Create
            | Operation::LinkField
            | Operation::Status
            | Operation::Comment
            | Operation::File
            | Operation::Fields
            | Operation::Note => {
                let calls = self.bridge.ticketing.calls_of(operation);
                super::ask_whole(self.jobs, &target, self.claim.lane.as_str(), calls)
            }
        };
        if let Err(blocked) = asked {
            return Ok(Came::Blocked(blocked));
        }
        self.keep_lease().await?;
        Ok(Came::Open)
    }

    async fn admit(
        &mut self,
        intent: IntentId,
        operation: Operation,
    ) -> Result<Result<Let, Refusal>, Lost> {
        let if_out = self.changes(self.session.lane())?;
        let if_held = self.changes(self.session.held().unwrap_or(self.session.stored()))?;
        let admission = Admission {
            intent,
            operation,
            limits: self.bridge.config.safety,
        };
        let now = clock::now();
        let store = &self.jobs.store;
        match store
            .commit_sent(&self.claim, if_out, if_held, admission, now)
            .await
        {
            Ok(Admitted::Out) => {
                self.count(self.session.lane());
                Ok(Ok(Let::Out))
            }
            Ok(Admitted::Held { newly }) => {
                if let Some(held) = self.session.held() {
                    self.count(held);
                }
                if newly {
                    tracing::error!(bridge = %self.bridge.name, operation = %operation, "The safety halt holds all further {operation} writes until `halt release`");
                }
                Ok(Ok(Let::Held))
            }
            Err(error) => Ok(Err(self.refusal(error))),
        }
    }

    async fn call(&mut self, intent: &Intent) -> Result<Answer, CallError> {
        let operation = intent.operation();
        let target = self.bridge.target(operation.side());
        let begun = clock::now();
        begins_in_time(intent, begun)?;
        let file = match file_of(&self.bridge, intent).await {
            Ok(file) => file,
            Err(error) => return Err(self.no_file(intent, error)),
        };
        let left = self
            .bridge
            .call_timeout()
            .saturating_sub(clock::now().since(begun));
        let bridge = Arc::clone(&self.bridge);
        let outcome = self.holding(perform(&bridge, intent, file, left)).await;
        let took = clock::now().since(begun);
        let status = status_of(no_yes(&outcome));
        let metrics = &self.jobs.metrics;
        metrics.call(&self.bridge.name, operation.side(), status, took);
        let object = object_of_effect(&intent.effect);
        let outcome = self.learn(&target, &object, outcome).await;
        let counted = outcome
            .as_ref()
            .err()
            .map_or(EffectOutcome::Confirmed, EffectOutcome::from);
        metrics.effect(&self.bridge.name, operation, counted);
        match &outcome {
            Ok(Answer::Created {
                ticket,
                left: Some(left),
                ..
            }) => {
                tracing::warn!(bridge = %self.bridge.name, lane.id = %self.claim.lane, intent.id = %intent.id, ticket.id = %ticket, operation = %operation, outcome = left.kind(), "Done in part: {}: ticket {ticket} is there, and what follows its making is left to do: {left}", intent.effect);
            }
            Ok(_) => {
                tracing::info!(bridge = %self.bridge.name, lane.id = %self.claim.lane, intent.id = %intent.id, operation = %operation, duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "Done: {}", intent.effect);
            }
            Err(error) => {
                tracing::warn!(bridge = %self.bridge.name, lane.id = %self.claim.lane, intent.id = %intent.id, operation = %operation, outcome = error.kind(), "Not done: {}: {error}", intent.effect);
            }
        }
        outcome
    }

    /// The gate learns the last call of a write: where a ticket was made and what follows was not done,
    /// what kept that from being done.
    async fn learn(
        &self,
        target: &Target,
        object: &str,
        outcome: Result<Answer, CallError>,
    ) -> Result<Answer, CallError> {
        let (jobs, lane) = (self.jobs, self.claim.lane.as_str());
        match outcome {
            Ok(Answer::Created {
                ticket,
                whole,
                left: Some(left),
            }) => {
                let learnt = super::learn(jobs, target, lane, object, Err::<(), _>(left)).await;
                Ok(Answer::Created {
                    ticket,
                    whole,
                    left: learnt.err(),
                })
            }
            whole => super::learn(jobs, target, lane, object, whole).await,
        }
    }

    /// A customer's file did not come: no remote of the bridge had a part in that, so nothing is
    /// learnt of one.
    fn no_file(&self, intent: &Intent, error: CallError) -> CallError {
        let (bridge, operation) = (&self.bridge.name, intent.operation());
        let counted = EffectOutcome::from(&error);
        self.jobs.metrics.effect(bridge, operation, counted);
        tracing::warn!(bridge = %bridge, lane.id = %self.claim.lane, intent.id = %intent.id, operation = %operation, outcome = error.kind(), "Not done: {}: {error}", intent.effect);
        error
    }

    fn changes(&self, after: &Lane) -> Result<Changes, Lost> {
        Changes::between(self.session.stored(), after).map_err(|error| {
            tracing::error!(%error, lane.id = %self.claim.lane, "A lane could not be written");
            Lost
        })
    }

    async fn commit(&mut self) -> Result<Result<(), Refusal>, Lost> {
        let changes = self.changes(self.session.lane())?;
        if changes.is_empty() {
            return Ok(Ok(()));
        }
        let committed = self.jobs.store.commit(&self.claim, changes, clock::now());
        Ok(self.ended(committed.await))
    }

    async fn release(
        &mut self,
        due_at: Option<Timestamp>,
        held_by: Option<String>,
    ) -> Result<Result<(), Refusal>, Lost> {
        let changes = self.changes(self.session.lane())?;
        let store = &self.jobs.store;
        let released = store.release(&self.claim, changes, due_at, held_by, clock::now());
        Ok(self.ended(released.await))
    }

    fn ended(&self, committed: Result<(), CommitError>) -> Result<(), Refusal> {
        match committed {
            Ok(()) => {
                self.count(self.session.lane());
                Ok(())
            }
            Err(error) => Err(self.refusal(error)),
        }
    }

    fn count(&self, after: &Lane) {
        let (bridge, before) = (&self.bridge.name, self.session.stored());
        count(self.jobs, bridge, before, after, self.received_at);
    }

    /// A conflict that the rules can decide is handed back; all else loses the Claim.
    fn refusal(&self, error: CommitError) -> Refusal {
        match error {
            CommitError::Fenced => Refusal::Lost,
            CommitError::Store(error) => {
                tracing::error!(%error, lane.id = %self.claim.lane, "A lane could not be settled");
                Refusal::Lost
            }
            CommitError::TicketTaken { ticket } => Refusal::Ticket(ticket),
            CommitError::ConversationTaken { conversation } => Refusal::Conversation(conversation),
            CommitError::IntentTaken { existing } => Refusal::Intent(existing),
        }
    }

    async fn keep_lease(&mut self) -> Result<(), Lost> {
        let now = clock::now();
        let needed = self.bridge.call_timeout().saturating_add(LEASE_SPARE);
        if self.lease_until.since(now) > needed {
            return Ok(());
        }
        let until = now.plus(LEASE);
        let renewed = self.jobs.store.renew(&self.claim, until).await;
        renewed.map_err(|_| Lost)?;
        self.lease_until = until;
        Ok(())
    }

    /// Does something whose further calls wait for their places, and keeps the Claim meanwhile. What is
    /// begun is ended: whether the Claim still held, the commit shows.
    async fn holding<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            let spare = self.bridge.call_timeout().saturating_add(LEASE_SPARE);
            let left = self.lease_until.since(clock::now());
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(left.saturating_sub(spare)) => {
                    if self.keep_lease().await.is_err() {
                        return work.await;
                    }
                }
            }
        }
    }

    async fn join(&mut self, canonical: &UserId) -> JoinEnd {
        let store = &self.jobs.store;
        match store.join(&self.claim, canonical, clock::now()).await {
            Ok(Joined::Renamed) => JoinEnd::Renamed,
            Ok(Joined::Into(lane)) => {
                tracing::info!(lane.id = %self.claim.lane, into = %lane, "Two spellings of one customer: their lanes are one now");
                JoinEnd::Into
            }
            Ok(Joined::Busy) => JoinEnd::Busy,
            Err(error) => {
                tracing::warn!(%error, lane.id = %self.claim.lane, "Lanes could not be joined");
                JoinEnd::Failed
            }
        }
    }

    /// A law would have been broken: the Lane rests as it is stored, and a person is told.
    async fn set_aside(&mut self, broken: &Broken) -> Result<(), Lost> {
        tracing::error!(bridge = %self.bridge.name, lane.id = %self.claim.lane, law = broken.law, "A lane is set aside, which is a bug of the bridge: {broken}");
        let metrics = &self.jobs.metrics;
        metrics.lane_set_aside(&self.bridge.name, broken.law);
        let changes = self.changes(self.session.lane())?;
        let (store, now) = (&self.jobs.store, clock::now());
        let set_aside = store.set_aside(&self.claim, changes, broken.held_by(now), now);
        self.ended(set_aside.await).map_err(|_| Lost)
    }
}

/// What the last call of a write was answered that was no yes.
fn no_yes(outcome: &Result<Answer, CallError>) -> Option<&CallError> {
    match outcome {
        Ok(Answer::Created { left, .. }) => left.as_ref(),
        Ok(_) => None,
        Err(error) => Some(error),
    }
}
