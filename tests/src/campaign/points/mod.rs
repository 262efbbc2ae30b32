//! `campaign points`: the program is killed, or told of a full or broken disk or a lost connection,
//! at the Nth system call, for one N after the other, with proof each time that the fault fired.
//! Rooms: `trace` (strace does it). Neighbours: `kill`, where chance chooses the moment; `season`.
//!
//! A point is (system call, fault, N): N counts the calls of one thread since the program's start,
//! as strace does. The bundled SQLite writes with `pwrite64`, reads with `pread64` and makes sure
//! with `fsync`, never `fdatasync`; connections write with `writev` and `sendto`.
//!
//! After each run the program goes on or is started again, without strace; all must become quiet,
//! `integrity_check` must find nothing, and the laws hold that need no daemon and no rest: nothing is
//! doubled, nobody reads what is another's. That costs milliseconds. The other laws want two rounds of
//! the sweep and every webhook once more, some seven seconds beside a run's three: they are looked at
//! every [`RUNS_EACH`] runs.

mod trace;

use super::{
    Scene, Season, Subcommand, Verdict, Words,
    fault::{DoneAgain, Fault as Stretch},
    laws,
    load::Load,
    manner::Manner,
    table::Played,
};
use crate::{chance::Chance, printed::say, program::Daemon};
use jelou_bridge::{clock, store::Store};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};
use trace::{Fault, Kind};

/// See the module.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "points",
    usage: "[--points N] [--runs-each N] [--program PATH] [--manner NAME]",
    options: &["--points", "--runs-each", "--program", "--manner"],
    short: &["--points", "20", "--runs-each", "36"],
    what: "The program is killed, or told of a full or broken disk or a lost connection, at the \
           Nth system call, for one N after the other, each proven by strace.",
    takes: "3,000 points unless it is said otherwise; a run takes three seconds and meets no point, \
            one or several, and a look at all laws, every 40 runs, seven.",
    needs: "strace, and the right to trace (as root in a container).",
    play: |words| -> Played { Box::pin(play(words)) },
};

/// What is tried where, in turn. What a file is told cannot happen to a connection, and the other
/// way round; a read of the database meets a broken disk, never a full one.
const TARGETS: [(&str, Kind); 12] = [
    ("pwrite64", Kind::Kill),
    ("pwrite64", Kind::NoSpace),
    ("fsync", Kind::Broken),
    ("writev", Kind::Kill),
    ("pwrite64", Kind::Broken),
    ("fsync", Kind::Kill),
    ("writev", Kind::Reset),
    ("fsync", Kind::NoSpace),
    ("sendto", Kind::Kill),
    ("pread64", Kind::Broken),
    ("sendto", Kind::Reset),
    ("writev", Kind::Broken),
];

/// After so many runs in a row that met no new point a target is given up.
const VAIN_MOST: usize = 4;

/// Runs between two looks at all laws.
const RUNS_EACH: usize = 40;

/// How far beyond the last point a run may begin, on top of as far again.
const BEYOND: u64 = 10;

/// How long one run may wait for its fault.
const RUN_WITHIN: Duration = Duration::from_secs(3);

/// How long a run with errors goes on: some of them come early, some late.
const ERRORS_FOR: Duration = Duration::from_millis(1_500);

/// How long after a run all may take to become quiet. `event_confirm` and what follows from it.
const QUIET_WITHIN: Duration = Duration::from_secs(60);

/// Webhooks that people may cause in one run.
const WEBHOOKS_EACH: u64 = 60;

/// How often things are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Customers of a season: so many that no ticket sees more changes in a minute than the rules let a
/// person make before they take it for a loop.
const CUSTOMERS: usize = 400;

/// One target and the points of it that were met.
#[derive(Default)]
struct Met {
    points: BTreeSet<u64>,
    runs: usize,
    vain: usize,
    /// Not to be tried first again.
    skipped: BTreeSet<u64>,
}

impl Met {
    /// The first N that was neither met nor tried in vain; every second time one beyond the last.
    fn next(&self, chance: &mut Chance) -> u64 {
        let known = |n: &u64| self.points.contains(n) || self.skipped.contains(n);
        let last = self.points.last().copied().unwrap_or_default();
        let least = match self.runs % 2 {
            0 => 1,
            _ => last + chance.draw() % (last + BEYOND),
        };
        (least.max(1)..).find(|n| !known(n)).unwrap_or(u64::MAX)
    }
}

/// How a run's program came to its end.
struct End {
    /// By the fault, not by itself.
    killed: bool,
    /// Between the last look at which it went on and the first at which it did not.
    when: Stretch,
}

struct Points<'a> {
    scene: &'a mut Scene,
    chance: &'a mut Chance,
    wanted: usize,
    runs_each: usize,
    log: PathBuf,
    met: BTreeMap<(&'static str, Kind), Met>,
    /// The manner of all seasons, where one was asked for.
    manner: Option<Manner>,
    /// When the runs of this season had their faults.
    stretches: Vec<Stretch>,
    turn: usize,
    runs: usize,
    /// Runs after which the program ended by itself, told that its disk failed.
    ended: usize,
    /// Runs that the program survived, and went on from.
    went_on: usize,
    webhooks: u64,
    seasons: usize,
    cut: usize,
    again: DoneAgain,
    asked: usize,
    before: usize,
}

async fn play(words: Words) -> Result<Verdict, String> {
    trace::there()?;
    let seed = words.seed()?;
    let (wanted, runs_each) = (
        words.value("--points", 3_000)?,
        words.value("--runs-each", RUNS_EACH)?,
    );
    let path = words.program().await?;
    let folder = words.folder()?;
    let mut chance = Chance::new(seed);
    let manner = words.manner()?;
    let first = manner.unwrap_or(Manner::ALL[0]);
    let scene = Scene::set(&mut chance, first, &path, folder.path(), |_| {}).await;
    let came = match scene {
        Ok(mut scene) => {
            let points = Points {
                scene: &mut scene,
                chance: &mut chance,
                wanted,
                runs_each,
                log: folder.path().join("strace.log"),
                met: BTreeMap::new(),
                manner,
                stretches: Vec::new(),
                turn: 0,
                runs: 0,
                ended: 0,
                went_on: 0,
                webhooks: 0,
                seasons: 0,
                cut: 0,
                again: DoneAgain::default(),
                asked: 0,
                before: 0,
            };
            points.all().await
        }
        Err(why) => Err(why),
    };
    folder.judged(seed, came)
}

impl Points<'_> {
    fn count(&self) -> usize {
        self.met.values().map(|met| met.points.len()).sum()
    }

    /// Points at which the program was killed, and points at which it was told of an error.
    fn counts(&self) -> (usize, usize) {
        let killed = self.met.iter().filter(|((_, kind), _)| *kind == Kind::Kill);
        let killed = killed.map(|(_, met)| met.points.len()).sum();
        (killed, self.count() - killed)
    }

    async fn all(mut self) -> Result<Verdict, String> {
        let began = clock::now();
        let mut broken = Vec::new();
        while broken.is_empty() && self.count() < self.wanted && !self.exhausted() {
            broken = self.season().await?;
            let minutes = clock::now().since(began).as_secs_f64() / 60.0;
            say(&format!(
                "{:>5} kills  {:>5} errors  {:>5} runs  {:>7} webhooks  {minutes:>5.1} min  {:<13} {}",
                self.counts().0,
                self.counts().1,
                self.runs,
                self.webhooks,
                self.scene.manner.to_string(),
                match broken.len() {
                    0 => "all laws held".to_owned(),
                    some => format!("{some} BREACHES"),
                }
            ));
        }
        for ((syscall, kind), met) in &self.met {
            say(&format!(
                "  {syscall:<9} {:<11} {:>5} points in {:>4} runs, the last at {}",
                kind.word(),
                met.points.len(),
                met.runs,
                met.points.last().copied().unwrap_or_default()
            ));
        }
        if broken.is_empty() && self.count() < self.wanted {
            broken.push(format!("only {} points could be met", self.count()));
        }
        let (kills, errors) = self.counts();
        if broken.is_empty() && (kills == 0 || errors == 0) {
            broken.push(format!(
                "{kills} kills and {errors} errors were met, so the others are not proven"
            ));
        }
        let (kills, errors) = self.counts();
        let line = format!(
            "{} runs met {kills} points with a kill and {errors} with an error, {} webhooks acknowledged, it \
             ended by itself {} times and went on {} times, {} calls cut, {}, {} asked about, {} words older \
             than their link not sent, judged {} times in full, {} breaches",
            self.runs,
            self.webhooks,
            self.ended,
            self.went_on,
            self.cut,
            self.again,
            self.asked,
            self.before,
            self.seasons,
            broken.len()
        );
        Ok(Verdict { line, broken })
    }

    fn exhausted(&self) -> bool {
        let given_up = |target| self.met.get(target).is_some_and(|m| m.vain >= VAIN_MOST);
        TARGETS.iter().all(given_up)
    }

    /// The next target that is not given up, and where on it.
    fn next(&mut self) -> Fault {
        for _ in 0..TARGETS.len() {
            self.turn += 1;
            let target = TARGETS.get(self.turn % TARGETS.len()).copied();
            let (syscall, kind) = target.unwrap_or(("pwrite64", Kind::Kill));
            let met = self.met.entry((syscall, kind)).or_default();
            if met.vain < VAIN_MOST {
                let step = 3 + self.chance.below(9) as u64;
                let from = met.next(self.chance);
                return Fault {
                    syscall,
                    kind,
                    from,
                    step,
                };
            }
        }
        Fault {
            syscall: "pwrite64",
            kind: Kind::Kill,
            from: 1,
            step: 1,
        }
    }

    /// So many runs, and every law.
    async fn season(&mut self) -> Result<Vec<String>, String> {
        let drawn = Manner::draw(self.chance);
        self.scene.take(self.manner.unwrap_or(drawn))?;
        self.stretches.clear();
        let season = Season::begin(self.scene, self.seasons);
        let seed = self.chance.draw();
        let load = Load::begin(self.scene, &season, CUSTOMERS, Chance::new(seed));
        let mut broken = Vec::new();
        for _ in 0..self.runs_each {
            if !broken.is_empty() || self.count() >= self.wanted || self.exhausted() {
                break;
            }
            let fault = self.next();
            let mut found = self.run(fault, &load).await?;
            found.extend(laws::at_any_time(
                &season.so_far(self.scene, &self.stretches),
            ));
            let Fault { syscall, kind, .. } = fault;
            let named = |what| format!("after {} at {syscall} {}: {what}", kind.word(), fault.from);
            broken.extend(found.into_iter().map(named));
        }
        let over = season.over(load.end().await, self.stretches.clone());
        let daemon = self.scene.program.start().await?;
        let judged = over.judged(self.scene, &daemon).await?;
        broken.extend(judged.broken);
        broken.extend(self.scene.end(daemon).await?);
        self.webhooks += judged.acked;
        self.cut += judged.cut;
        self.again += judged.again;
        self.asked += judged.asked;
        self.before += judged.before;
        self.seasons += 1;
        if broken.is_empty() {
            over.wind_up(self.scene);
        }
        Ok(broken)
    }

    /// One run: the program under strace, the proof, quiet, and a look through the file.
    async fn run(&mut self, fault: Fault, load: &Load) -> Result<Vec<String>, String> {
        load.allow(self.scene.sent() + WEBHOOKS_EACH);
        self.runs += 1;
        self.scene.program.before = trace::before(fault, &self.log);
        let daemon = self.scene.program.spawn();
        self.scene.program.before = Vec::new();
        let (daemon, end) = self.wait(daemon?, fault).await;
        let killed = end.as_ref().is_some_and(|end| end.killed);
        let mut broken = Vec::new();
        let daemon = match daemon {
            Some(mut daemon) => match survives(&mut daemon).await {
                true => {
                    self.went_on += 1;
                    Some(daemon)
                }
                false => {
                    let from = clock::now().0;
                    daemon.kill().await?;
                    let to = clock::now().0;
                    self.stretches.push(Stretch { from, to });
                    None
                }
            },
            None => None,
        };
        let met = self.prove(fault, killed).await;
        // From the last error to an end that it led to, what came of a call may be kept no more either.
        self.stretches.extend(match (met, end) {
            (Some(met), Some(end)) => Some(met.until(end.when.to)),
            (met, end) => met.or(end.map(|end| end.when)),
        });
        // Nobody acts while all becomes quiet.
        load.allow(0);
        let mut daemon = match daemon {
            Some(daemon) => self.or_anew(daemon, met).await?,
            None => self.scene.program.spawn()?,
        };
        match daemon.ready().await {
            Ok(()) => broken.extend(self.quiet(&daemon).await.err()),
            Err(why) => broken.push(why),
        }
        let url = format!("sqlite:{}", self.scene.database.display());
        match Store::damage(&url).await {
            Ok(found) => broken.extend(found.into_iter().map(|line| format!("damaged: {line}"))),
            Err(error) => broken.push(format!("the database cannot be read: {error}")),
        }
        daemon.kill().await?;
        Ok(broken)
    }

    /// The program, or a new one where it was about to end of an error that it met just before strace left it.
    async fn or_anew(
        &mut self,
        mut daemon: Daemon,
        met: Option<Stretch>,
    ) -> Result<Daemon, String> {
        let ready = daemon.ready().await.is_ok();
        let Some(met) = met.filter(|_| !ready && daemon.has_ended().is_some()) else {
            return Ok(daemon);
        };
        self.went_on -= 1;
        self.ended += 1;
        self.stretches.push(met.until(clock::now().0));
        self.scene.program.spawn()
    }

    /// Waits for the fault, or for its end. Returns the program if it goes on, and how it ended if it did.
    async fn wait(&mut self, mut daemon: Daemon, fault: Fault) -> (Option<Daemon>, Option<End>) {
        use std::os::unix::process::ExitStatusExt as _;
        let within = match fault.kind {
            Kind::Kill => RUN_WITHIN,
            Kind::NoSpace | Kind::Broken | Kind::Reset => ERRORS_FOR,
        };
        let give_up = clock::now().plus(within);
        let mut from = clock::now().0;
        while clock::now() < give_up {
            if let Some(status) = daemon.has_ended() {
                let killed = status.signal() == Some(9);
                self.ended += usize::from(!killed);
                let to = clock::now().0;
                let when = Stretch { from, to };
                return (None, Some(End { killed, when }));
            }
            from = clock::now().0;
            tokio::time::sleep(LOOK_EVERY).await;
        }
        (Some(daemon), None)
    }

    /// Reads strace's log and writes down which points were met. Returns from when to when that was.
    async fn prove(&mut self, fault: Fault, killed: bool) -> Option<Stretch> {
        // strace writes its last lines after the program's end.
        tokio::time::sleep(LOOK_EVERY).await;
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let mut fired = trace::fired(&log, fault);
        if fault.kind == Kind::Kill && !killed {
            fired.clear();
        }
        let met = self.met.entry((fault.syscall, fault.kind)).or_default();
        let before = met.points.len();
        met.points.extend(fired.iter().map(|fired| fired.nth));
        met.skipped.insert(fault.from);
        met.runs += 1;
        // One beyond the last may be beyond what a run comes to.
        let beyond = fault.from > met.points.last().copied().unwrap_or_default();
        met.vain = match met.points.len() > before {
            true => 0,
            false if beyond && met.runs.is_multiple_of(2) => met.vain,
            false => met.vain + 1,
        };
        let moments = || fired.iter().map(|fired| fired.at_ms);
        let (from, to) = (moments().min()?, moments().max()?);
        Some(Stretch { from, to })
    }

    /// Waits until nothing is on its way.
    async fn quiet(&self, daemon: &Daemon) -> Result<(), String> {
        let give_up = clock::now().plus(QUIET_WITHIN);
        loop {
            let open = self.scene.open(daemon).await?;
            if open.is_empty() {
                return Ok(());
            }
            if clock::now() > give_up {
                return Err(format!("not quiet within {QUIET_WITHIN:?}: {open:?}"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Whether the program goes on once strace has left it.
async fn survives(daemon: &mut Daemon) -> bool {
    let Some(pid) = daemon.pid() else {
        return false;
    };
    trace::let_go(pid).await && daemon.has_ended().is_none()
}
