//! Claims at work, as the daemon's `jobs::drive` and `jobs::lanes` do it: what the session says is
//! done, and what came of it is told. Neighbours: `bridge_core::session`, which decides; `calls`.

use super::{
    calls::{Owner, What},
    fault::Fault,
    law::Law,
    queue::{Happening, ReplicaId, TaskId},
    world::{CALL_TIMEOUT, InForce, LEASE, WORKERS, World},
};
use bridge_core::{
    call::CallError,
    effect::{Answer, Found, Operation},
    ids::{IntentId, LaneId, UserId},
    intent::{Intent, IntentState},
    lane::{Lane, Order},
    session::{Act, Came, JoinEnd, Let, Refusal, Session, begins_in_time},
    time::Timestamp,
};
use jelou_bridge::store::{
    Admission, Admitted, Changes, Claim, ClaimedLane, CommitError, Joined, Room,
};
use std::{rc::Rc, time::Duration};

/// A lease is renewed before a call if less than the call's deadline and this is left of it.
const LEASE_SPARE: Duration = Duration::from_secs(5);

/// Even if nothing rings, work is looked for this often.
const LOOK_EVERY: u64 = 1_000;

/// A failed look is tried again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// A person's order waits for a Lane that is being worked on, so often and so long.
const ORDER_TRIES: u8 = 30;
const ORDER_AGAIN: Duration = Duration::from_millis(500);

/// One Claim and what it is worked on with.
pub struct LaneTask {
    /// Which process.
    pub replica: ReplicaId,
    /// The proof.
    pub claim: Claim,
    pub(super) session: Session,
    lease_until: Timestamp,
    /// What was in force when it was made: it goes by that to its end.
    in_force: InForce,
    silent: bool,
    act: Act,
    paused: bool,
    /// A close of it was answered with another conversation's id: the next commit says so.
    misclosed: bool,
    /// A call of it was turned away, at which try: the next commit takes that try back.
    turned_away: Option<(IntentId, u32)>,
}

impl World {
    /// Work came: all processes look, if they hear the bell.
    pub fn ring(&mut self) {
        for replica in 0..self.replicas.len() {
            if self.faults.strikes(Fault::BellDropped) {
                let wait = 1 + self.faults.below(Fault::BellDropped, LOOK_EVERY);
                self.look_by(replica, self.now.plus(Duration::from_millis(wait)));
                continue;
            }
            let mut wait = self.timing.below(3);
            if self.faults.strikes(Fault::BellLate) {
                wait = self.faults.below(Fault::BellLate, 900);
            }
            self.look_by(replica, self.now.plus(Duration::from_millis(wait)));
            if self.faults.strikes(Fault::BellDoubled) {
                self.soon(5, Happening::Look(replica));
            }
        }
    }

    /// This process looks then, if it would not anyway.
    pub fn look_by(&mut self, replica: ReplicaId, at: Timestamp) {
        let Some(r) = self.replicas.get_mut(replica) else {
            return;
        };
        if r.alive && r.look_at.is_none_or(|planned| at < planned) {
            r.look_at = Some(at);
            self.queue.plan(at, Happening::Look(replica));
        }
    }

    /// A process looks for due Lanes and Deliveries.
    pub fn look(&mut self, replica: ReplicaId) {
        if !self.works(replica) {
            return;
        }
        if self.replicas[replica]
            .look_at
            .is_some_and(|at| at <= self.now)
        {
            self.replicas[replica].look_at = None;
        }
        if self.store_is_down() || self.going_live.is_some() {
            return self.look_by(replica, self.now.plus(LOOK_AGAIN));
        }
        let mut full = false;
        let busy = self.lanes.values().filter(|t| t.replica == replica).count();
        let free = WORKERS.saturating_sub(busy);
        let now = self.clock(replica);
        let claimed = self.store.claim_lanes(&Room::of(free as u32), now, LEASE);
        self.judge.is_bounded("claims", claimed.len(), free);
        full |= claimed.len() == free;
        for claimed in claimed {
            self.begin_claim(replica, claimed, None);
            if !self.replicas[replica].alive {
                return;
            }
        }
        full |= self.claim_routes(replica);
        if full || !self.replicas[replica].alive {
            return;
        }
        if let Some(due) = self.store.next_due() {
            let wait = due.since(self.clock(replica)).max(Duration::from_millis(1));
            self.look_by(replica, self.now.plus(wait));
        }
    }

    fn begin_claim(&mut self, replica: ReplicaId, claimed: ClaimedLane, order: Option<Order>) {
        let ClaimedLane { lane, claim } = claimed;
        self.judge.claimed(&claim);
        if self.faults.strikes(Fault::CrashAtClaim) {
            return self.crash(replica);
        }
        let silent = self.silence_matters_and_is(replica, &lane);
        let now = self.clock(replica);
        let mut session = Session::new(lane, CALL_TIMEOUT, now);
        let in_force = self.in_force();
        let act = session.begin(order, &self.rules(&in_force, silent), now);
        let task = LaneTask {
            replica,
            claim,
            session,
            lease_until: now.plus(LEASE),
            in_force,
            silent,
            act,
            paused: false,
            misclosed: false,
            turned_away: None,
        };
        let id = self.task();
        self.next_turn(id, task, 3);
    }

    fn silence_matters_and_is(&self, replica: ReplicaId, lane: &Lane) -> bool {
        let asks = lane
            .intents
            .iter()
            .any(|i| i.operation() == Operation::Start && i.state == IntentState::Unknown);
        if !asks {
            return false;
        }
        let before = self.clock(replica).minus(self.limits().event_confirm);
        let last = self.store.last_confirmed(&self.bridge, before);
        last.is_some_and(|confirmed| !confirmed.event_seen)
    }

    fn next_turn(&mut self, id: TaskId, task: LaneTask, most: u64) {
        self.lanes.insert(id, task);
        self.soon(most, Happening::Turn(id));
    }

    /// A person's order, given to its Lane when nobody works on it.
    pub fn order(&mut self, lane: &LaneId, order: Order, tries: u8) {
        let claimed = match self.any_replica() {
            Some(replica) if !self.store_is_down() && self.going_live.is_none() => {
                let now = self.clock(replica);
                match self.store.claim_lane(lane, now, LEASE) {
                    Ok(Some(claimed)) => Some((replica, claimed)),
                    Ok(None) => None,
                    Err(_) => return,
                }
            }
            _ => None,
        };
        match claimed {
            Some((replica, claimed)) => self.begin_claim(replica, claimed, Some(order)),
            None if tries < ORDER_TRIES => {
                let again = Happening::Order(lane.clone(), Box::new(order), tries + 1);
                self.queue.plan(self.now.plus(ORDER_AGAIN), again);
            }
            None => {}
        }
    }

    /// Whether no process can take anything over, or could so long: each of its workers sleeps or slept.
    pub(super) fn all_workers_slept(&self, lately: Duration) -> bool {
        (0..self.replicas.len()).all(|replica| {
            let asleep = self.lanes.values().filter(|t| t.replica == replica);
            let asleep = asleep.filter(|t| t.paused).count();
            let woken = self
                .woken
                .iter()
                .filter(|(who, at)| *who == replica && at.plus(lately) > self.now);
            asleep + woken.count() >= WORKERS
        })
    }

    /// Does what the session said.
    pub fn turn(&mut self, id: TaskId) {
        let Some(mut task) = self.lanes.remove(&id) else {
            return;
        };
        if !task.paused && self.faults.strikes(Fault::Pause) {
            // A sleeping process is a sleeping clock too: it wakes, and goes on where it was.
            task.paused = true;
            let beyond = 31_000 + self.faults.below(Fault::Pause, 40_000);
            self.lanes.insert(id, task);
            let at = self.now.plus(Duration::from_millis(beyond));
            return self.queue.plan(at, Happening::Turn(id));
        }
        if task.paused {
            task.paused = false;
            self.woken.push((task.replica, self.now));
        }
        let act = std::mem::replace(&mut task.act, Act::End);
        match act {
            Act::Observe(_) | Act::Ask(_) if self.is_recalled(&task) => {
                self.came(id, task, Came::Recalled);
            }
            Act::Observe(read) => self.look_at(id, task, read),
            Act::Ask(operation) => {
                let side = operation.side();
                let closes = operation == Operation::Close;
                let calls = if closes {
                    task.session.lane().calls_of_a_close()
                } else {
                    1
                };
                let who = task.claim.lane.as_str();
                let came = match self.ask_for(task.replica, side, who, calls) {
                    Err(blocked) => Came::Blocked(blocked),
                    Ok(()) if self.keep_lease(&mut task) => Came::Open,
                    Ok(()) => return self.lost(&task),
                };
                self.came(id, task, came);
            }
            Act::Commit => self.commit(id, task),
            Act::Admit { intent, operation } => self.admit(id, task, intent, operation),
            Act::Perform(intent) => self.perform(id, task, *intent),
            Act::Join(canonical) => self.join(id, task, &canonical),
            Act::Release { due_at, held_by } => self.release(id, task, due_at, held_by),
            Act::SetAside(broken) => {
                self.judge.breach(Law::Sound, broken.to_string());
            }
            Act::End => self.look_by(task.replica, self.now),
            Act::Lost => self.lost(&task),
        }
    }

    /// Whether no call is to begin under this Claim any more.
    fn is_recalled(&self, task: &LaneTask) -> bool {
        let (mapping, mode) = &task.in_force;
        !self.works(task.replica)
            || self.going_live.is_some()
            || *mode != self.mode
            || !Rc::ptr_eq(mapping, &self.mapping)
    }

    /// The Claim is gone: its lease ends by itself, and the worker is free.
    pub(super) fn lost(&mut self, task: &LaneTask) {
        self.trace(|_| format!("{} lost", task.claim.lane));
        self.look_by(task.replica, self.now);
    }

    /// Tells the session what came, and does the next thing soon.
    pub fn came(&mut self, id: TaskId, mut task: LaneTask, came: Came) {
        let now = self.clock(task.replica);
        if self.judge.is_traced() {
            let line = format!("{} came {came:?}", task.claim.lane);
            self.trace(|_| line);
        }
        task.act = task
            .session
            .came(came, &self.rules(&task.in_force, task.silent), now);
        match task.act {
            Act::End => self.look_by(task.replica, self.now),
            Act::Lost => self.lost(&task),
            Act::Observe(_)
            | Act::Ask(_)
            | Act::Commit
            | Act::Admit { .. }
            | Act::Perform(_)
            | Act::Join(_)
            | Act::Release { .. }
            | Act::SetAside(_) => self.next_turn(id, task, 3),
        }
    }

    pub(super) fn keep_lease(&mut self, task: &mut LaneTask) -> bool {
        let now = self.clock(task.replica);
        if task.lease_until.since(now) > CALL_TIMEOUT.saturating_add(LEASE_SPARE) {
            return true;
        }
        let until = now.plus(LEASE);
        let renewed = !self.store_is_down() && self.store.renew(&task.claim, until).is_ok();
        if renewed {
            task.lease_until = until;
        }
        renewed
    }

    fn perform(&mut self, id: TaskId, mut task: LaneTask, intent: Intent) {
        if self.faults.strikes(Fault::CrashBeforeCall) {
            return self.crash(task.replica);
        }
        if let Err(late) = begins_in_time(&intent, self.clock(task.replica)) {
            return self.came(id, task, Came::Performed(Err(late)));
        }
        task.misclosed = false;
        let (replica, who) = (task.replica, task.claim.lane.as_str().to_owned());
        self.lanes.insert(id, task);
        self.call(Owner::Lane(id), replica, who, What::Do(Box::new(intent)));
        if self.faults.strikes(Fault::Stopped) {
            self.stop(replica);
        }
        if self.faults.strikes(Fault::CrashAfterCall) {
            // What is on its way arrives all the same.
            self.crash(replica);
        }
    }

    /// A read of a Lane ended.
    pub fn observed(&mut self, id: TaskId, begun: Timestamp, found: Result<Found, CallError>) {
        if let Some(task) = self.lanes.remove(&id) {
            self.came(id, task, Came::Observed { begun, found });
        }
    }

    /// A write of a Lane ended.
    pub fn performed(&mut self, id: TaskId, intent: &Intent, outcome: Result<Answer, CallError>) {
        if let Some(mut task) = self.lanes.remove(&id) {
            if let Ok(Answer::Closed {
                conversation: Some(hit),
            }) = &outcome
                && let bridge_core::effect::Effect::CloseConversation(close) = &intent.effect
            {
                task.misclosed = hit != &close.conversation;
            }
            task.turned_away = match &outcome {
                Err(CallError::Later { .. } | CallError::Locked { .. }) => {
                    Some((intent.id.clone(), intent.attempts))
                }
                Err(_) | Ok(_) => None,
            };
            self.came(id, task, Came::Performed(outcome));
        }
    }

    /// What a commit would write; the judge sees it before and after.
    fn changes(&mut self, task: &LaneTask, after: &Lane) -> Option<Changes> {
        self.judge.follows(task.session.stored(), after);
        Changes::between(task.session.stored(), after).ok()
    }

    /// Whether the process dies before a commit.
    fn dies(&mut self, task: &LaneTask) -> bool {
        let dies = self.faults.strikes(Fault::CrashBeforeCommit);
        if dies {
            self.crash(task.replica);
        }
        dies
    }

    fn commit(&mut self, id: TaskId, mut task: LaneTask) {
        if self.dies(&task) {
            return;
        }
        if self.store_is_down() {
            return self.go_on(id, task, Came::Committed(Err(Refusal::Lost)));
        }
        let Some(changes) = self.changes(&task, task.session.lane()) else {
            return self.lost(&task);
        };
        if changes.is_empty() {
            return self.go_on(id, task, Came::Committed(Ok(())));
        }
        let now = self.clock(task.replica);
        let ended = self.store.commit(&task.claim, changes, now);
        let ended = self.ended(&mut task, ended);
        self.go_on(id, task, Came::Committed(ended));
    }

    fn release(
        &mut self,
        id: TaskId,
        mut task: LaneTask,
        due_at: Option<Timestamp>,
        held_by: Option<String>,
    ) {
        if self.dies(&task) {
            return;
        }
        if self.store_is_down() {
            return self.go_on(id, task, Came::Committed(Err(Refusal::Lost)));
        }
        let Some(changes) = self.changes(&task, task.session.lane()) else {
            return self.lost(&task);
        };
        let now = self.clock(task.replica);
        if self.judge.is_traced() {
            let line = format!("{} release {due_at:?} {held_by:?}", task.claim.lane);
            self.trace(|_| line);
        }
        let released = self
            .store
            .release(&task.claim, changes, due_at, held_by, now);
        let ended = self.ended(&mut task, released);
        if ended.is_ok() && due_at.is_some_and(|at| at <= now) {
            self.ring();
        }
        self.go_on(id, task, Came::Committed(ended));
    }

    fn admit(&mut self, id: TaskId, mut task: LaneTask, intent: IntentId, operation: Operation) {
        if self.dies(&task) {
            return;
        }
        if self.store_is_down() {
            return self.go_on(id, task, Came::Admitted(Err(Refusal::Lost)));
        }
        let held = task.session.held().unwrap_or(task.session.stored());
        let changes = (
            self.changes(&task, task.session.lane()),
            self.changes(&task, held),
        );
        let (Some(if_out), Some(if_held)) = changes else {
            return self.lost(&task);
        };
        let admission = Admission {
            intent,
            operation,
            limits: self.safety,
        };
        let now = self.clock(task.replica);
        let admitted = self
            .store
            .commit_sent(&task.claim, if_out, if_held, &admission, now);
        let admitted = match admitted {
            Ok(Admitted::Out) => {
                if let Some(out) = task.session.lane().intent(&admission.intent).cloned() {
                    self.count_let_out(&out);
                }
                self.ended(&mut task, Ok(())).map(|()| Let::Out)
            }
            Ok(Admitted::Held { newly }) => {
                if newly {
                    self.faults.fire(Fault::HaltTripped);
                }
                let held = task.session.held().unwrap_or(task.session.stored());
                if let Some(intent) = held.intent(&admission.intent) {
                    self.judge.held(intent);
                }
                self.taken(&task, held);
                Ok(Let::Held)
            }
            Err(error) => self.ended(&mut task, Err(error)).map(|()| Let::Out),
        };
        self.go_on(id, task, Came::Admitted(admitted));
    }

    /// The safety halt let this out, or it went out without asking.
    pub(super) fn count_let_out(&mut self, intent: &Intent) {
        let links = self.store.lanes().map(|lane| lane.links.len());
        let share = links.sum::<usize>() as u64 / 5;
        let most = self.safety.min_count.max(share);
        self.judge.let_out(intent, self.now, most);
    }

    /// How a commit ended, as the session is to hear it.
    fn ended(
        &mut self,
        task: &mut LaneTask,
        committed: Result<(), CommitError>,
    ) -> Result<(), Refusal> {
        match committed {
            Ok(()) => {
                let misclosed = std::mem::take(&mut task.misclosed);
                let turned_away = task.turned_away.take();
                let after = task.session.lane();
                if misclosed {
                    self.judge.asks(Law::RightTarget);
                }
                if misclosed && after.misclosed == 0 {
                    let what = format!("{} kept quiet of a close that hit another", after.id);
                    self.judge.breach(Law::RightTarget, what);
                }
                self.taken(task, after);
                self.try_is_taken_back(turned_away, after);
                Ok(())
            }
            Err(CommitError::Fenced | CommitError::Store(_)) => Err(Refusal::Lost),
            Err(CommitError::TicketTaken { ticket }) => Err(Refusal::Ticket(ticket)),
            Err(CommitError::ConversationTaken { conversation }) => {
                Err(Refusal::Conversation(conversation))
            }
            Err(CommitError::IntentTaken { existing }) => Err(Refusal::Intent(existing)),
        }
    }

    /// A commit was taken.
    fn taken(&mut self, task: &LaneTask, after: &Lane) {
        self.ruled_by = Rc::clone(&task.in_force.0);
        let mapping = Rc::clone(&self.ruled_by);
        self.judge.committed(&task.claim, after, &mapping);
        self.witness(task.session.stored(), after);
        if self.judge.is_traced() {
            for entry in &after.journal {
                self.trace(|_| format!("{} | {}", after.id, entry.sentence));
            }
        }
    }

    /// A call that surely did nothing is no try, and no reason to ask a person (rule 15).
    fn try_is_taken_back(&mut self, turned_away: Option<(IntentId, u32)>, after: &Lane) {
        let Some((id, tries)) = turned_away else {
            return;
        };
        let Some(intent) = after.intents.iter().find(|i| i.id == id) else {
            return;
        };
        self.judge.asks(Law::TurnedAwayIsFree);
        if intent.attempts >= tries || intent.state == IntentState::Parked {
            let state = intent.state.as_str();
            let what = format!("{id} was turned away and is {state} at try {tries}");
            self.judge.breach(Law::TurnedAwayIsFree, what);
        }
    }

    /// After a commit, unless the process died of it.
    fn go_on(&mut self, id: TaskId, task: LaneTask, came: Came) {
        if !self.replicas[task.replica].alive {
            return;
        }
        if self.faults.strikes(Fault::CrashAfterCommit) {
            return self.crash(task.replica);
        }
        self.came(id, task, came);
    }

    fn join(&mut self, id: TaskId, task: LaneTask, canonical: &UserId) {
        let now = self.clock(task.replica);
        let joined = if self.store_is_down() {
            JoinEnd::Failed
        } else {
            match self.store.join(&task.claim, canonical, now) {
                Ok(Joined::Renamed) => JoinEnd::Renamed,
                Ok(Joined::Into(_)) => JoinEnd::Into,
                Ok(Joined::Busy) => JoinEnd::Busy,
                Err(_) => JoinEnd::Failed,
            }
        };
        if joined == JoinEnd::Into {
            self.ring();
        }
        self.go_on(id, task, Came::Joined(joined));
    }
}
