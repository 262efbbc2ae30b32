//! Drives one claimed Lane: asks the state machine, does what it says, settles. Neighbours:
//! `bridge_core::lane`, which decides; `perform` and `observe`, which call; `store`, which keeps.
//!
//! The order is the promise: an Intent is committed as `sent`, then its call is made, then its
//! outcome is committed. No transaction is open during a call.

use super::{
    Jobs, LEASE,
    count::count,
    objects::{object_of_effect, object_of_read},
    silence, status_of,
};
use crate::{
    clock,
    gate::Target,
    metrics::EffectOutcome,
    observe::observe,
    perform::perform,
    runtime::Bridge,
    store::{Admission, Admitted, Changes, Claim, ClaimedLane, CommitError, Joined},
};
use bridge_core::{
    call::CallError,
    effect::{Operation, Read},
    event::Side,
    ids::IntentId,
    lane::{Entry, EntryKind, Input, Lane, Next, Order, step},
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};

/// Steps in one Claim. A Lane that wants more gives its Claim back and is claimed again, so that no
/// Lane keeps a worker for itself.
const STEPS_MAX: u32 = 64;

/// How soon a Lane that ran out of steps, or met a conflict, is due again.
const SOON: Duration = Duration::from_millis(100);

/// How soon a join that the store refused is tried again.
const JOIN_AGAIN: Duration = Duration::from_secs(1);

/// A Lane whose bridge is no longer configured is looked at again this seldom.
const NO_BRIDGE: Duration = Duration::from_secs(3600);

/// One Claim at work.
struct Session<'a> {
    jobs: &'a Jobs,
    bridge: Arc<Bridge>,
    claim: Claim,
    /// The Lane as stored.
    stored: Lane,
    lane: Lane,
    lease_until: Timestamp,
    silent: bool,
    /// When the oldest Delivery of this Claim came.
    received_at: Option<Timestamp>,
}

/// The Claim is gone, or the store is: nothing more can be done under it.
struct Lost;

/// Works on a Lane until it has nothing to do now.
pub async fn drive(jobs: &Jobs, claimed: ClaimedLane, claimed_at: Timestamp) {
    drive_with(jobs, claimed, claimed_at, Input::Woken).await;
}

/// Works on a Lane with a person's order first.
pub async fn drive_ordered(jobs: &Jobs, claimed: ClaimedLane, claimed_at: Timestamp, order: Order) {
    drive_with(jobs, claimed, claimed_at, Input::Ordered(order)).await;
}

async fn drive_with(jobs: &Jobs, claimed: ClaimedLane, claimed_at: Timestamp, first: Input) {
    let ClaimedLane { lane, claim } = claimed;
    let runtime = jobs.runtime.borrow().clone();
    let Some(bridge) = runtime.bridges.get(&lane.bridge).cloned() else {
        let now = clock::now();
        let due = now.plus(NO_BRIDGE);
        if let Ok(nothing) = Changes::between(&lane, &lane) {
            let _ = jobs
                .store
                .release(
                    &claim,
                    nothing,
                    Some(due),
                    Some("no_bridge".to_owned()),
                    now,
                )
                .await;
        }
        return;
    };
    let silent = silence::matters_and_is(jobs, &bridge, &lane).await;
    let lease_until = claimed_at.plus(LEASE);
    let received_at = lane.pending.iter().map(|p| p.received_at).min();
    let stored = lane.clone();
    let mut session = Session {
        jobs,
        bridge,
        claim,
        stored,
        lane,
        lease_until,
        silent,
        received_at,
    };
    if session.run(first).await.is_err() {
        tracing::warn!(lane.id = %session.claim.lane, "A claim was lost; the lane is worked on again when its lease ends");
    }
}

impl Session<'_> {
    async fn run(&mut self, first: Input) -> Result<(), Lost> {
        let mut next = self.step(first.clone());
        if first != Input::Woken {
            next = self.step(Input::Woken);
        }
        for _ in 0..STEPS_MAX {
            next = match next {
                Next::Observe(read) => self.look(read).await?,
                Next::Perform(intent) => self.send(&intent).await?,
                Next::Release { due_at, held_by } => return self.release(due_at, held_by).await,
            };
        }
        self.release(Some(clock::now().plus(SOON)), None).await
    }

    fn step(&mut self, input: Input) -> Next {
        step(
            &mut self.lane,
            input,
            &self.bridge.rules(self.silent),
            clock::now(),
        )
    }

    async fn look(&mut self, read: Read) -> Result<Next, Lost> {
        let side = match &read {
            Read::Conversation { .. } => Side::Jelou,
            Read::Ticket { .. }
            | Read::OpenTickets { .. }
            | Read::TicketsByConversation { .. }
            | Read::NoteOnTicket { .. } => Side::Ticketing,
            Read::TicketHolder { .. } => {
                let begun = clock::now();
                let found = observe(&self.bridge, &self.jobs.store, &read).await;
                return Ok(self.step(Input::Observed { read, begun, found }));
            }
        };
        let target = self.bridge.target(side);
        if let Err(blocked) = self.ask(&target) {
            return Ok(self.step(Input::Blocked(blocked)));
        }
        self.keep_lease().await?;
        let begun = clock::now();
        let found = observe(&self.bridge, &self.jobs.store, &read).await;
        let object = object_of_read(&read);
        let found = super::learn(self.jobs, &target, self.lane.id.as_str(), &object, found).await;
        self.jobs.metrics.call(
            &self.bridge.name,
            side,
            status_of(found.as_ref().err()),
            clock::now().since(begun),
        );
        if let Err(error) = &found {
            self.tell_failed_read(&read, error);
        }
        Ok(self.step(Input::Observed { read, begun, found }))
    }

    /// What waits for a read that fails would else look as if nobody were at it.
    fn tell_failed_read(&mut self, read: &Read, error: &CallError) {
        let sentence = format!("Could not {read}: {error}");
        tracing::warn!(bridge = %self.bridge.name, lane.id = %self.lane.id, outcome = error.kind(), "{sentence}");
        let (ticket, conversation) = match read {
            Read::Ticket { id } | Read::TicketHolder { ticket: id } => (Some(id.clone()), None),
            Read::NoteOnTicket { ticket, .. } => (Some(ticket.clone()), None),
            Read::Conversation { id } | Read::TicketsByConversation { conversation: id } => {
                (None, Some(id.clone()))
            }
            Read::OpenTickets { .. } => (None, None),
        };
        let link = self.lane.links.iter().rev().find(|link| {
            (ticket.is_some() && link.ticket_id() == ticket.as_ref())
                || (conversation.is_some() && link.conversation_id() == conversation.as_ref())
        });
        let link = link.map(|link| link.id.clone());
        self.lane.journal.push(Entry {
            at: clock::now(),
            kind: EntryKind::Read,
            sentence,
            rule: None,
            link,
            ticket,
            conversation,
        });
    }

    fn ask(&self, target: &Target) -> Result<(), bridge_core::lane::Blocked> {
        super::ask(self.jobs, target, self.lane.id.as_str())
    }

    async fn send(&mut self, id: &IntentId) -> Result<Next, Lost> {
        let Some(operation) = self.lane.intent(id).map(|i| i.operation()) else {
            return Ok(self.step(Input::Woken));
        };
        let target = self.bridge.target(operation.side());
        if let Err(blocked) = self.ask(&target) {
            return Ok(self.step(Input::Blocked(blocked)));
        }
        self.keep_lease().await?;
        match self.commit_sent(id, operation).await? {
            Some(next) => Ok(next),
            None => self.call(id, operation, &target).await,
        }
    }

    /// Commits an Intent as sent. `Some` if it may not go out after all.
    async fn commit_sent(
        &mut self,
        id: &IntentId,
        operation: Operation,
    ) -> Result<Option<Next>, Lost> {
        let now = clock::now();
        let mut sent = self.lane.clone();
        sent.mark_sent(id, now, self.bridge.call_timeout());
        if !operation.is_halted_in_bulk() {
            let before = std::mem::replace(&mut self.lane, sent);
            if let Err(conflict) = self.commit().await? {
                self.lane = before;
                return Ok(Some(self.conflict(conflict)));
            }
            return Ok(None);
        }
        let mut held = self.lane.clone();
        let rules = self.bridge.rules(self.silent);
        let next = step(&mut held, Input::Held { intent: id.clone() }, &rules, now);
        let if_out = self.changes(&sent)?;
        let if_held = self.changes(&held)?;
        let admission = Admission {
            intent: id.clone(),
            operation,
            limits: self.bridge.config.safety,
        };
        match self
            .jobs
            .store
            .commit_sent(&self.claim, if_out, if_held, admission, now)
            .await
        {
            Ok(Admitted::Out) => {
                self.lane = sent;
                self.kept();
                Ok(None)
            }
            Ok(Admitted::Held { newly }) => {
                self.lane = held;
                self.kept();
                if newly {
                    tracing::error!(bridge = %self.bridge.name, operation = %operation, "The safety halt holds all further {operation} writes until `halt release`");
                }
                Ok(Some(next))
            }
            Err(error) => self
                .after(error)
                .map(|conflict| Some(self.conflict(conflict))),
        }
    }

    async fn call(
        &mut self,
        id: &IntentId,
        operation: Operation,
        target: &Target,
    ) -> Result<Next, Lost> {
        let Some(intent) = self.lane.intent(id).cloned() else {
            return Ok(self.step(Input::Woken));
        };
        let begun = clock::now();
        let outcome = perform(&self.bridge, &intent).await;
        let took = clock::now().since(begun);
        self.jobs.metrics.call(
            &self.bridge.name,
            operation.side(),
            status_of(outcome.as_ref().err()),
            took,
        );
        let object = object_of_effect(&intent.effect);
        let outcome =
            super::learn(self.jobs, target, self.lane.id.as_str(), &object, outcome).await;
        let word = outcome.as_ref().err().map_or("confirmed", CallError::kind);
        let counted = outcome
            .as_ref()
            .err()
            .map_or(EffectOutcome::Confirmed, EffectOutcome::from);
        self.jobs
            .metrics
            .effect(&self.bridge.name, operation, counted);
        match &outcome {
            Ok(_) => {
                tracing::info!(bridge = %self.bridge.name, lane.id = %self.lane.id, intent.id = %id, operation = %operation, duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "Done: {}", intent.effect)
            }
            Err(error) => {
                tracing::warn!(bridge = %self.bridge.name, lane.id = %self.lane.id, intent.id = %id, operation = %operation, outcome = word, "Not done: {}: {error}", intent.effect)
            }
        }
        let next = self.step(Input::Performed {
            intent: id.clone(),
            outcome,
        });
        if let Next::Release { .. } = next {
            return Ok(next);
        }
        // What came of the call is kept before anything else takes time.
        if let Err(conflict) = self.commit().await? {
            return Ok(self.conflict(conflict));
        }
        Ok(next)
    }

    fn changes(&self, after: &Lane) -> Result<Changes, Lost> {
        Changes::between(&self.stored, after).map_err(|error| {
            tracing::error!(%error, lane.id = %self.lane.id, "A lane could not be written");
            Lost
        })
    }

    async fn commit(&mut self) -> Result<Result<(), CommitError>, Lost> {
        let changes = self.changes(&self.lane)?;
        if changes.is_empty() {
            return Ok(Ok(()));
        }
        match self
            .jobs
            .store
            .commit(&self.claim, changes, clock::now())
            .await
        {
            Ok(()) => {
                self.kept();
                Ok(Ok(()))
            }
            Err(error) => self.after(error).map(Err),
        }
    }

    /// The Lane is stored as it is: the next commit starts from here.
    fn kept(&mut self) {
        count(
            self.jobs,
            &self.bridge.name,
            &self.stored,
            &self.lane,
            self.received_at,
        );
        self.lane.fates.clear();
        self.lane.journal.clear();
        self.lane.messages.clear();
        self.lane.drift = 0;
        self.lane.misclosed = 0;
        self.stored = self.lane.clone();
    }

    /// A conflict that the rules can decide is handed back; all else loses the Claim.
    fn after(&self, error: CommitError) -> Result<CommitError, Lost> {
        match error {
            CommitError::Fenced => Err(Lost),
            CommitError::Store(error) => {
                tracing::error!(%error, lane.id = %self.lane.id, "A lane could not be settled");
                Err(Lost)
            }
            CommitError::TicketTaken { .. }
            | CommitError::ConversationTaken { .. }
            | CommitError::IntentTaken { .. } => Ok(error),
        }
    }

    /// Another Lane has what this one wanted: from the stored state, the rules decide anew.
    fn conflict(&mut self, conflict: CommitError) -> Next {
        self.lane = self.stored.clone();
        match conflict {
            CommitError::TicketTaken { ticket } => self.lane.ticket_is_elsewhere(&ticket, None),
            CommitError::ConversationTaken { conversation } => {
                self.lane.conversation_is_elsewhere(&conversation);
            }
            CommitError::IntentTaken { existing } => self.lane.recall(*existing),
            CommitError::Fenced | CommitError::Store(_) => {}
        }
        self.step(Input::Woken)
    }

    async fn keep_lease(&mut self) -> Result<(), Lost> {
        let now = clock::now();
        let needed = self
            .bridge
            .call_timeout()
            .saturating_add(Duration::from_secs(5));
        if self.lease_until.since(now) > needed {
            return Ok(());
        }
        let until = now.plus(LEASE);
        self.jobs
            .store
            .renew(&self.claim, until)
            .await
            .map_err(|_| Lost)?;
        self.lease_until = until;
        Ok(())
    }

    async fn release(
        &mut self,
        due_at: Option<Timestamp>,
        held_by: Option<String>,
    ) -> Result<(), Lost> {
        if let Some(canonical) = self.lane.canonical.clone() {
            if let Err(conflict) = self.commit().await? {
                return self.settle_conflict(conflict).await;
            }
            match self
                .jobs
                .store
                .join(&self.claim, &canonical, clock::now())
                .await
            {
                Ok(Joined::Renamed) => {}
                Ok(Joined::Into(lane)) => {
                    tracing::info!(lane.id = %self.lane.id, into = %lane, "Two spellings of one customer: their lanes are one now");
                    return Ok(());
                }
                Ok(Joined::Busy) => {
                    let due = Some(clock::now().plus(SOON));
                    return self.release_now(due, None).await;
                }
                Err(error) => {
                    tracing::warn!(%error, lane.id = %self.lane.id, "Lanes could not be joined");
                    let due = Some(clock::now().plus(JOIN_AGAIN));
                    return self.release_now(due, held_by).await;
                }
            }
        }
        self.release_now(due_at, held_by).await
    }

    async fn release_now(
        &mut self,
        due_at: Option<Timestamp>,
        held_by: Option<String>,
    ) -> Result<(), Lost> {
        let changes = self.changes(&self.lane)?;
        match self
            .jobs
            .store
            .release(&self.claim, changes, due_at, held_by, clock::now())
            .await
        {
            Ok(()) => {
                count(
                    self.jobs,
                    &self.bridge.name,
                    &self.stored,
                    &self.lane,
                    self.received_at,
                );
                Ok(())
            }
            Err(error) => {
                let conflict = self.after(error)?;
                self.settle_conflict(conflict).await
            }
        }
    }

    /// A conflict at the very end: what the rules make of it is stored, and the Lane is due again.
    async fn settle_conflict(&mut self, conflict: CommitError) -> Result<(), Lost> {
        let _ = self.conflict(conflict);
        let changes = self.changes(&self.lane)?;
        let due = Some(clock::now().plus(SOON));
        self.jobs
            .store
            .release(&self.claim, changes, due, None, clock::now())
            .await
            .map_err(|error| {
                tracing::error!(%error, lane.id = %self.lane.id, "A conflict could not be settled");
                Lost
            })
    }
}
