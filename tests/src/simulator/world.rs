//! Everything there is in a history: two remotes, one store, the processes that work on it, and what
//! is on its way. Neighbours: `queue`, which says what is next; the rooms beside, each of which does
//! one kind of thing.
//!
//! Time moves only from one happening to the next. Nothing here asks a clock or draws from anywhere
//! but the history's seed, so a seed is a story.

use super::{
    backup::Backup,
    calls::{Call, CallId},
    claims::LaneTask,
    fault::{Fault, Faults},
    history::{FOLLOWS, History, POLICIES, Shape},
    hooks::bridge,
    judge::Judge,
    law::Law,
    queue::{Happening, Queue, ReplicaId, TaskId},
    router::{Object, Routing},
    speech::Spoken,
    sweep::Sweep,
};
use bridge_core::{
    event::{Event, Side},
    halt,
    ids::{BridgeName, DeliveryId},
    lane::{Capabilities, Limits, Mode, Rules},
    mapping::Mapping,
    time::Timestamp,
};
use bridge_remotes::{chance::Chance, desk::Desk, jelou::Jelou};
use jelou_bridge::{
    gate::{Gate, Target},
    store::memory::Memory,
};
use std::{collections::BTreeMap, rc::Rc, time::Duration};

/// The bridge's name.
pub const BRIDGE: &str = "main";

/// Its project at Jelou.
pub const PROJECT: &str = "p1";

/// When every history begins.
pub const BEGINNING: Timestamp = Timestamp(1_700_000_000_000);

/// How long a Claim lasts unless it is renewed, as in the daemon's `jobs`.
pub const LEASE: Duration = Duration::from_secs(30);

/// A call's deadline.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Lanes, and as many routings, that one process works on at the same time: few, so that they run out.
pub const WORKERS: usize = 4;

/// A history of some minutes takes a few hundred steps; one that takes this many spins.
const STEPS_MAX: u64 = 40_000;

/// One process.
pub struct Replica {
    /// Whether it runs.
    pub alive: bool,
    /// It was told to stop, and ends by then at the latest.
    pub stops_by: Option<Timestamp>,
    /// How far its clock is from ours, in milliseconds.
    pub clock: i64,
    /// What it knows of who takes calls.
    pub gate: Gate,
    /// When it looks for work next.
    pub look_at: Option<Timestamp>,
    /// What its sweep last recorded of tickets without version, and when it was read.
    pub listed: BTreeMap<String, (u64, Timestamp)>,
    /// The objects it routes for.
    pub objects: BTreeMap<String, Object>,
    /// Sides whose host asked this process for time, or (`true`) refused its credential, and until
    /// when by its clock they are let alone.
    pub told_until: BTreeMap<(Side, bool), Timestamp>,
}

/// A configuration as the processes have it: the mapping, and whether the bridge writes.
pub type InForce = (Rc<Mapping>, Mode);

/// Everything.
pub struct World {
    /// The true time.
    pub now: Timestamp,
    /// What will happen.
    pub queue: Queue,
    /// What the bridge knows.
    pub store: Memory,
    /// One side.
    pub jelou: Jelou,
    /// The other side.
    pub desk: Desk,
    /// The processes.
    pub replicas: Vec<Replica>,
    /// Claims at work.
    pub lanes: BTreeMap<TaskId, LaneTask>,
    /// Routings.
    pub routings: BTreeMap<TaskId, Routing>,
    /// Webhooks that a Router had in hand and that came to no Lane yet, each with what it is about, unless
    /// the Router came late to it or a person was asked.
    pub unrouted: BTreeMap<DeliveryId, Option<String>>,
    /// Sweeps.
    pub sweeps: BTreeMap<TaskId, Sweep>,
    /// Calls on their way.
    pub calls: BTreeMap<CallId, Call>,
    /// What goes wrong.
    pub faults: Faults,
    /// Who watches.
    pub judge: Judge,
    /// What kind of world it is.
    pub shape: Shape,
    /// The operator's mapping now.
    pub mapping: Rc<Mapping>,
    /// Those that were in force before it, and until when.
    pub former: Vec<(Timestamp, Rc<Mapping>)>,
    /// The one that the latest commit went by: a Claim ends with the configuration with which it began.
    pub ruled_by: Rc<Mapping>,
    /// All mappings that the operator may have.
    pub mappings: Rc<Vec<Rc<Mapping>>>,
    /// Whether the bridge writes.
    pub mode: Mode,
    /// It is to go live as soon as nothing is at work, or by then.
    pub going_live: Option<Timestamp>,
    /// What is too much at once.
    pub safety: halt::Limits,
    /// The bridge's name.
    pub bridge: BridgeName,
    /// The store takes no writes before.
    pub store_down_until: Timestamp,
    /// A side is down, or refuses the credential, before.
    pub down_until: BTreeMap<Side, Timestamp>,
    /// As above.
    pub locked_until: BTreeMap<Side, Timestamp>,
    /// A side's answers are lost before.
    pub mute_until: BTreeMap<Side, Timestamp>,
    /// Objects that are forbidden before.
    pub forbidden_until: BTreeMap<String, Timestamp>,
    /// The store as of some time ago.
    pub backup: Option<Backup>,
    /// Whether the desk gave a webhook up that nobody took: it is as lost as one that was never sent.
    pub gave_up: bool,
    /// What the desk is about to tell in one body.
    pub gathered: Vec<Event>,
    /// Webhooks of the desk sent so far.
    pub hooks_sent: u32,
    /// Messages written so far.
    pub messages: u32,
    /// What was said, as the world knows it.
    pub spoken: Spoken,
    /// Whether all is healed.
    pub healed: bool,
    /// Which process's workers that slept woke, and when.
    pub woken: Vec<(ReplicaId, Timestamp)>,
    /// Whether sweeps are made by themselves.
    pub sweeping: bool,
    /// When somebody does something next.
    pub next_act_at: Timestamp,
    /// Who swept last.
    pub sweeper: ReplicaId,
    /// Since when tickets are listed: what is older is not taken up (rule 17).
    pub listed_since: Timestamp,
    /// Rounds over all there is that were made so far.
    pub full_sweeps: u32,
    /// Things that happened so far.
    pub steps: u64,
    /// Crashes so far.
    pub crashes: u32,
    /// Claims and routings and calls made so far: the number of the next.
    pub tasks: u32,
    /// How long things take.
    pub timing: Chance,
    /// What becomes of the call after a create.
    pub follows: Chance,
    targets: BTreeMap<Side, Target>,
    acts: Vec<(u32, super::history::Act)>,
    tale: Option<Vec<String>>,
}

/// A process that was just started, with its clock this much off, in milliseconds.
fn replica_with(clock: i64) -> Replica {
    Replica {
        alive: true,
        stops_by: None,
        clock,
        gate: Gate::default(),
        look_at: None,
        listed: BTreeMap::new(),
        objects: BTreeMap::new(),
        told_until: BTreeMap::new(),
    }
}

/// Where the mappings of a world begin among all.
fn first_policy(shape: &Shape) -> usize {
    if shape.speech.is_some() { POLICIES } else { 0 }
}

/// In the report at once, after minutes, after many, or never; no page of Jelou says which.
const REPORT_LAGS: [Option<Duration>; 4] = [
    Some(Duration::ZERO),
    Some(Duration::from_secs(60)),
    Some(Duration::from_secs(300)),
    None,
];

fn jelou_of(shape: &Shape, faults: &Faults, seed: u64) -> Jelou {
    let mut jelou = Jelou::default();
    let lag = usize::try_from(seed % 4).unwrap_or(0);
    jelou.report_lag = REPORT_LAGS[lag];
    jelou.second = shape.second;
    jelou.ahead = Duration::from_millis(shape.jelou_clock.max(0).unsigned_abs());
    jelou.ids_once = shape.speech.is_some_and(|speech| speech.ids_once);
    jelou.no_templates = shape.speech.is_some_and(|speech| speech.no_templates);
    jelou.no_calling = shape.speech.is_some_and(|speech| speech.no_calling);
    jelou.behind = Duration::from_millis(shape.jelou_clock.min(0).unsigned_abs());
    if faults.has(Fault::TwoSpellings) {
        jelou
            .spelled
            .insert("593900000001".to_owned(), "593090000001".to_owned());
    }
    jelou
}

fn desk_of(shape: &Shape, faults: &Faults) -> Desk {
    let mut desk = Desk::default();
    desk.versions = shape.versions;
    desk.carries = shape.carries;
    if faults.has(Fault::Automation) {
        desk.automation = Some(|status| {
            (status.as_str() == "pending").then(|| bridge_core::ticket::Status::new("open"))
        });
    }
    desk
}

fn safety_of(faults: &Faults) -> halt::Limits {
    let tight = faults.has(Fault::HaltTripped);
    halt::Limits {
        max_share: 0.2,
        min_count: if tight { 2 } else { 1_000 },
        window: Duration::from_secs(600),
    }
}

fn targets_of(faults: &Faults) -> BTreeMap<Side, Target> {
    let rate = if faults.has(Fault::RateTight) {
        "2/s"
    } else {
        "1000/s"
    };
    let target = |side, host: &str| Target {
        bridge: bridge(),
        side,
        host: host.to_owned(),
        rate: rate
            .parse()
            .unwrap_or_else(|_| unreachable!("a constant rate")),
    };
    BTreeMap::from([
        (Side::Jelou, target(Side::Jelou, "jelou:443")),
        (Side::Ticketing, target(Side::Ticketing, "desk:443")),
    ])
}

/// What goes wrong in a history; the clocks that it begins with are off from the first moment.
fn faults_of(history: &History) -> Faults {
    let mut faults = Faults::new(&history.faults, history.seed);
    for (fault, is) in [
        (Fault::ClocksApart, history.shape.second_clock != 0),
        (Fault::JelouAhead, history.shape.jelou_clock > 0),
        (Fault::JelouBehind, history.shape.jelou_clock < 0),
    ] {
        if is {
            faults.fire(fault);
        }
    }
    faults
}

impl World {
    /// A world in which nothing has happened yet. `tale` has what happens written down.
    #[must_use]
    pub fn new(history: &History, mappings: &Rc<Vec<Rc<Mapping>>>, tale: bool) -> Self {
        let shape = history.shape.clone();
        let faults = faults_of(history);
        let observe = faults.has(Fault::ObserveFirst);
        let mut clocks = vec![0, shape.second_clock];
        clocks.truncate(shape.replicas);
        let (targets, safety) = (targets_of(&faults), safety_of(&faults));
        let mut world = Self {
            now: BEGINNING,
            queue: Queue::default(),
            store: Memory::new("r0", if tale { 100_000 } else { 0 }),
            jelou: jelou_of(&shape, &faults, history.seed),
            desk: desk_of(&shape, &faults),
            replicas: clocks.into_iter().map(replica_with).collect(),
            lanes: BTreeMap::new(),
            routings: BTreeMap::new(),
            unrouted: BTreeMap::new(),
            sweeps: BTreeMap::new(),
            calls: BTreeMap::new(),
            faults,
            judge: Judge::new(tale),
            mapping: Rc::clone(&mappings[shape.policy + first_policy(&shape)]),
            former: Vec::new(),
            ruled_by: Rc::clone(&mappings[shape.policy + first_policy(&shape)]),
            mappings: Rc::clone(mappings),
            mode: if observe { Mode::Observe } else { Mode::Live },
            going_live: None,
            safety,
            bridge: bridge(),
            store_down_until: BEGINNING,
            down_until: BTreeMap::new(),
            locked_until: BTreeMap::new(),
            mute_until: BTreeMap::new(),
            forbidden_until: BTreeMap::new(),
            backup: None,
            gave_up: false,
            gathered: Vec::new(),
            hooks_sent: 0,
            messages: 0,
            spoken: Spoken::in_world(history.seed),
            healed: false,
            woken: Vec::new(),
            sweeping: true,
            next_act_at: BEGINNING,
            sweeper: 0,
            listed_since: BEGINNING,
            full_sweeps: 0,
            steps: 0,
            crashes: 0,
            tasks: 0,
            timing: Chance::seeded(history.seed ^ 0x7131),
            follows: Chance::seeded(history.seed ^ FOLLOWS ^ 1),
            targets,
            acts: history.acts.clone(),
            tale: tale.then(Vec::new),
            shape,
        };
        world.begin_bridge(0);
        for replica in 0..world.replicas.len() {
            world.plan_sweep(replica);
        }
        world.plan_act(0);
        world
    }

    fn plan_act(&mut self, number: usize) {
        if let Some((wait, _)) = self.acts.get(number) {
            let at = self.now.plus(Duration::from_millis(u64::from(*wait)));
            self.next_act_at = at;
            self.queue.plan(at, Happening::Act(number));
        }
    }

    /// Lets everything happen until that moment, or until a law breaks.
    pub fn pass(&mut self, until: Timestamp) {
        while self.judge.breach.is_none() {
            let Some((at, what)) = self.queue.next_by(until) else {
                self.now = self.now.max(until);
                return;
            };
            self.now = self.now.max(at);
            self.steps += 1;
            if self.steps > STEPS_MAX {
                let what = format!("{STEPS_MAX} steps and no rest");
                return self.judge.breach(Law::ComesToRest, what);
            }
            self.happen(what);
            self.turn_live();
        }
    }

    /// Lets the whole history happen.
    pub fn live(&mut self) {
        let span: u64 = self.acts.iter().map(|(wait, _)| u64::from(*wait)).sum();
        self.pass(BEGINNING.plus(Duration::from_millis(span)));
    }

    fn happen(&mut self, what: Happening) {
        match what {
            Happening::Act(number) => {
                if let Some((_, act)) = self.acts.get(number).copied() {
                    self.trace(|_| format!("--- {act:?}"));
                    self.act(act);
                    self.keep_backup(number);
                    self.plan_act(number + 1);
                }
            }
            Happening::Hook(hook) => self.land(*hook),
            Happening::Gathered => self.tell_gathered(),
            Happening::Look(replica) => self.look(replica),
            Happening::Turn(task) => self.turn(task),
            Happening::Route(task) => self.route_on(task),
            Happening::SweepOn(task) => self.sweep_on(task),
            Happening::Arrive(call) => self.arrive(call),
            Happening::Answer(call) => self.answer(call),
            Happening::Stopped(replica) => self.stopped(replica),
            Happening::Rise(replica) => self.rise(replica),
            Happening::Unroute(delivery) => {
                if !self.routings.values().any(|r| r.received.id == delivery) {
                    self.store.unroute(delivery, None, self.clock(0));
                    self.ring();
                }
            }
            Happening::SweepDue(replica) => self.sweep_due(replica),
            Happening::Order(lane, order, tries) => self.order(&lane, *order, tries),
        }
    }

    /// The n-th mapping that the operator may have here.
    #[must_use]
    pub fn policy(&self, number: usize) -> Rc<Mapping> {
        Rc::clone(&self.mappings[first_policy(&self.shape) + number % POLICIES])
    }

    /// What a process's clock says.
    #[must_use]
    pub fn clock(&self, replica: ReplicaId) -> Timestamp {
        let by = self.replicas.get(replica).map_or(0, |r| r.clock);
        Timestamp(self.now.0 + by)
    }

    /// One that runs, if one does.
    pub fn any_replica(&mut self) -> Option<ReplicaId> {
        let first = self.timing.below(self.replicas.len() as u64) as usize;
        let other = self.replicas.len() - 1 - first;
        [first, other].into_iter().find(|r| self.works(*r))
    }

    /// Whether this process runs, and was not told to stop.
    #[must_use]
    pub fn works(&self, replica: ReplicaId) -> bool {
        let r = &self.replicas[replica];
        r.alive && r.stops_by.is_none()
    }

    /// Whether the store takes no writes now.
    #[must_use]
    pub fn store_is_down(&self) -> bool {
        self.now < self.store_down_until
    }

    /// What is in force now.
    #[must_use]
    pub fn in_force(&self) -> InForce {
        (Rc::clone(&self.mapping), self.mode)
    }

    /// What the rules go by now, with what was in force when the Claim was made.
    #[must_use]
    pub fn rules<'a>(&self, (mapping, mode): &'a InForce, silent: bool) -> Rules<'a> {
        Rules {
            mapping,
            mode: *mode,
            limits: self.limits(),
            capabilities: Capabilities {
                only_creates: false,
                upsert_requester: true,
                find_open: true,
                create: self.shape.create,
                note: self.shape.note,
                comment: self.shape.note,
                comments: true,
                create_follows: self.shape.follows,
                comments_hinted: false,
                attach: self.attaches().then_some(self.shape.note),
            },
            ticket_id_place: self.shape.place,
            away: self.spoken.away(),
            webhooks_silent: silent,
        }
    }

    /// The bridge's limits.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            retry_for: Duration::from_secs(72 * 3600),
            on_unknown: self.shape.on_unknown,
            event_confirm: Duration::from_secs(60),
        }
    }

    /// One side of the bridge, as the gate knows it.
    #[must_use]
    pub fn target(&self, side: Side) -> Target {
        self.targets[&side].clone()
    }

    /// A new number for a piece of work.
    pub fn task(&mut self) -> TaskId {
        self.tasks += 1;
        self.tasks
    }

    /// Plans something soon: within so many milliseconds.
    pub fn soon(&mut self, most: u64, what: Happening) {
        let wait = Duration::from_millis(self.timing.below(most + 1));
        self.queue.plan(self.now.plus(wait), what);
    }

    /// Writes a line into the tale, if there is one.
    pub fn trace(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.tale.is_some() {
            let at = self.now.0 - BEGINNING.0;
            let line = format!("{at:>9} {}", line(self));
            if let Some(tale) = &mut self.tale {
                tale.push(line);
            }
        }
    }

    /// What was written down.
    #[must_use]
    pub fn tale(&self) -> &[String] {
        self.tale.as_deref().unwrap_or_default()
    }
}
