//! One round: a burst, kills in the middle of it, quiet, and the verdict. Neighbours: `burst`,
//! `laws`; `program`, which is killed here.

use super::{
    burst::{Burst, Told},
    laws::{self, Worlds},
};
use crate::{
    chance::Chance,
    figures::{self, Figures},
    program::{Daemon, Program, free_port},
};
use bridge_sandbox::{
    Helpdesk, HelpdeskOptions, HookManners, Hooks, Jelou, JelouOptions, Operation, Outcome, Rule,
    RunningHelpdesk, RunningJelou, SecondStart, Target,
};
use jelou_bridge::{
    clock,
    demo::{ADMIN_TOKEN, BRIDGE, StageOptions},
    store::{Options, Store},
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::watch;

/// The demo's rules at full speed: what is slow in them is for a spectator.
const RULES: &str = include_str!("rules.toml");

/// Customers who take part.
const CUSTOMERS: usize = 100;

/// A burst that has not settled by then never will: the longest wait in the rules is a few seconds.
const SETTLES_WITHIN: Duration = Duration::from_secs(90);

/// Webhooks are sent again until somebody answers; the daemon is down for a second at most.
const ATTEMPTS: u32 = 10_000;

/// How long a sandbox waits before it sends a webhook again, ms.
const SEND_AGAIN_MS: u64 = 50;

/// Every second call is answered this late, ms: a kill meets calls that are done and not answered.
const LATE_MS: u64 = 15;

/// How often things are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a round does, all of it from one seed.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// How many acts the burst has.
    pub acts: usize,
}

/// What came of a round.
#[derive(Debug)]
pub struct Round {
    /// How often the daemon was killed.
    pub kills: usize,
    /// Webhooks that were answered 2xx.
    pub acked: usize,
    /// Conversations at its end.
    pub conversations: usize,
    /// Tickets at its end.
    pub tickets: usize,
    /// From the last act until all was quiet.
    pub settled_in: Duration,
    /// Laws that were broken, a sentence each.
    pub broken: Vec<String>,
}

/// The ticket and the operation of an Intent.
type Planned = (String, String);

/// A round's world.
struct Scene {
    jelou: RunningJelou,
    helpdesk: RunningHelpdesk,
    program: Program,
    database: PathBuf,
}

/// Plays one round in an empty folder.
///
/// # Errors
/// What kept it from being played to its end; a broken law is no error here.
pub async fn play(plan: Plan, path: &Path, folder: &Path) -> Result<Round, String> {
    let mut chance = Chance::new(plan.seed);
    let scene = Scene::set(&mut chance, path, folder).await?;
    let daemon = scene.program.start().await?;
    let burst = Burst::of(
        &scene.jelou.handle,
        &scene.helpdesk.handle,
        CUSTOMERS,
        Chance::new(chance.draw()),
    );
    let moments = moments(&mut chance, plan.acts);
    let kills = moments.len();
    let (done, progress) = watch::channel(0);
    let (told, daemon) = tokio::join!(
        burst.play(plan.acts, done),
        scene.kill_at(daemon, &moments, &mut chance, progress)
    );
    let daemon = daemon?;
    let began = clock::now();
    let mut broken = Vec::new();
    broken.extend(scene.settle(&daemon).await.err());
    let settled_in = clock::now().since(began);
    let acked = scene.acked();
    broken.extend(scene.judge(&daemon, told).await?);
    broken.extend(scene.send_all_again(&daemon, acked).await?);
    broken.extend(scene.end(daemon).await?);
    Ok(Round {
        kills,
        acked,
        conversations: scene.jelou.handle.conversations().len(),
        tickets: scene.helpdesk.handle.tickets().len(),
        settled_in,
        broken,
    })
}

/// After which acts the daemon is killed: one to three times, between the first tenth and the last.
fn moments(chance: &mut Chance, acts: usize) -> Vec<usize> {
    let count = 1 + chance.below(3);
    let mut all: Vec<usize> = (0..count)
        .map(|_| acts / 10 + chance.below(acts * 8 / 10))
        .collect();
    all.sort_unstable();
    all
}

impl Scene {
    async fn set(chance: &mut Chance, path: &Path, folder: &Path) -> Result<Self, String> {
        let second = [SecondStart::Refuse, SecondStart::ReturnExisting];
        let jelou = JelouOptions {
            seed: chance.draw(),
            second_start: chance.pick(&second).copied().unwrap_or_default(),
            ..JelouOptions::default()
        };
        let helpdesk = HelpdeskOptions {
            seed: chance.draw(),
            ..HelpdeskOptions::default()
        };
        let (listen, admin) = (free_port()?, free_port()?);
        let options = StageOptions {
            jelou: jelou.clone(),
            helpdesk: helpdesk.clone(),
            listen: format!("127.0.0.1:{listen}"),
            admin_listen: format!("127.0.0.1:{admin}"),
            rules: RULES.to_owned(),
            ..StageOptions::in_folder(folder)
        };
        let jelou = Jelou::start(jelou).await.map_err(|e| e.to_string())?;
        let helpdesk = Helpdesk::start(helpdesk).await.map_err(|e| e.to_string())?;
        let config = folder.join("bridge.toml");
        std::fs::write(&config, options.config(&jelou.url(), &helpdesk.url()))
            .map_err(|error| error.to_string())?;
        let base = format!("http://{}/webhooks/{BRIDGE}", options.listen);
        prepare(jelou.handle.webhooks(), format!("{base}/jelou"));
        prepare(helpdesk.handle.webhooks(), format!("{base}/ticketing"));
        let late = Rule {
            share: 0.5,
            late_ms: LATE_MS,
            ..Rule::default()
        };
        jelou.handle.manners().add(late.clone());
        helpdesk.handle.manners().add(late);
        let program = Program {
            path: path.to_owned(),
            config,
            log: folder.join("daemon.log"),
            level: "info",
            admin: options.admin_listen,
        };
        Ok(Self {
            jelou,
            helpdesk,
            program,
            database: folder.join("bridge.db"),
        })
    }

    /// Kills the daemon a moment after each of these acts, and starts it again.
    async fn kill_at(
        &self,
        mut daemon: Daemon,
        moments: &[usize],
        chance: &mut Chance,
        mut progress: watch::Receiver<usize>,
    ) -> Result<Daemon, String> {
        for moment in moments {
            // An error means that the burst is over: then it is killed in what follows.
            let _ = progress.wait_for(|done| done >= moment).await;
            tokio::time::sleep(Duration::from_millis(chance.below(50) as u64)).await;
            daemon.kill().await?;
            tokio::time::sleep(Duration::from_millis(chance.below(300) as u64)).await;
            daemon = self.program.start().await?;
        }
        Ok(daemon)
    }

    fn hooks(&self) -> [&Hooks; 2] {
        [
            self.jelou.handle.webhooks(),
            self.helpdesk.handle.webhooks(),
        ]
    }

    fn acked(&self) -> usize {
        let all = self.hooks().into_iter().flat_map(Hooks::all);
        all.filter(|d| matches!(d.outcome, Outcome::Answered { status: 200..=299 }))
            .count()
    }

    /// Quiet on both sides and in between, and still so after two more rounds of the sweep.
    async fn settle(&self, daemon: &Daemon) -> Result<(), String> {
        let give_up = clock::now().plus(SETTLES_WITHIN);
        let mut quiet_since = None;
        loop {
            let figures = Figures::of(&daemon.admin).await?;
            let swept = figures.sum("jelou_bridge_last_sweep_timestamp_seconds", &[]);
            let open = open(&figures);
            let mut waiting = Vec::new();
            for hooks in self.hooks() {
                waiting.push(!hooks.quiet(Duration::from_millis(1)).await);
            }
            if open.is_empty() && !waiting.contains(&true) {
                let (since, rounds) = quiet_since.unwrap_or((swept, 0));
                let rounds = rounds + u32::from(swept > since);
                if rounds > 2 {
                    return Ok(());
                }
                quiet_since = Some((swept, rounds));
            } else {
                quiet_since = None;
            }
            if clock::now() > give_up {
                return Err(format!("not settled within {SETTLES_WITHIN:?}: {open:?}"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Every Link, and the ticket and operation of every Intent.
    async fn known(&self, daemon: &Daemon) -> Result<(Vec<Value>, Vec<Planned>), String> {
        let ask = async |path: &str| figures::api(&daemon.admin, ADMIN_TOKEN, path).await;
        let listed = ask("/links?limit=10000").await?;
        let list = |value: &Value, key| value.get(key).and_then(Value::as_array).cloned();
        let word = |value: &Value, key| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let links = list(&listed, "links").unwrap_or_default();
        let mut intents = Vec::new();
        for link in &links {
            let (Some(id), Some(ticket)) = (word(link, "id"), word(link, "ticket")) else {
                continue;
            };
            let shown = ask(&format!("/links/{id}")).await?;
            for intent in list(&shown, "intents").unwrap_or_default() {
                let operation = word(&intent, "operation").unwrap_or_default();
                intents.push((ticket.clone(), operation));
            }
        }
        Ok((links, intents))
    }

    async fn judge(&self, daemon: &Daemon, told: Told) -> Result<Vec<String>, String> {
        let (links, intents) = self.known(daemon).await?;
        let helpdesk = &self.helpdesk.handle;
        let with_comments = |ticket: bridge_sandbox::helpdesk::Ticket| {
            let comments = helpdesk.comments(&ticket.id);
            (ticket, comments)
        };
        let mut broken = laws::broken(&Worlds {
            told,
            conversations: self.jelou.handle.conversations(),
            tickets: helpdesk.tickets().into_iter().map(with_comments).collect(),
            calls: helpdesk.calls(),
            links,
            intents,
        });
        let figures = Figures::of(&daemon.admin).await?;
        for (reason, count) in figures.by("jelou_bridge_parked", "reason") {
            broken.push(format!("{count} parked as {reason}"));
        }
        let all: usize = self
            .hooks()
            .into_iter()
            .map(|hooks| hooks.all().len())
            .sum();
        let unheard = all - self.acked();
        if unheard > 0 {
            broken.push(format!("{unheard} webhooks were never answered 2xx"));
        }
        Ok(broken)
    }

    /// Every webhook comes once more. All are known, and nobody does anything about them: what was
    /// acknowledged before any of the kills is still there, once.
    async fn send_all_again(&self, daemon: &Daemon, all: usize) -> Result<Vec<String>, String> {
        let name = "jelou_bridge_deliveries_total";
        let before = Figures::of(&daemon.admin).await?;
        let writes = self.writes();
        for hooks in self.hooks() {
            let numbers: Vec<u64> = hooks.all().iter().map(|d| d.number).collect();
            hooks.send_now(&numbers).await;
        }
        let mut broken = Vec::new();
        broken.extend(self.settle(daemon).await.err());
        let after = Figures::of(&daemon.admin).await?;
        let more = |outcome| {
            let of = |figures: &Figures| figures.sum(name, &[("outcome", outcome)]);
            (of(&after) - of(&before)).round()
        };
        let (new, known) = (more("new"), more("known"));
        #[allow(clippy::cast_precision_loss)]
        if new > 0.0 || known < all as f64 {
            broken.push(format!(
                "of {all} acknowledged webhooks {known} were known and {new} new"
            ));
        }
        let more = self.writes() - writes;
        if more > 0 {
            broken.push(format!("{more} writes were made when all was quiet"));
        }
        Ok(broken)
    }

    fn writes(&self) -> usize {
        let mut all = self.jelou.handle.calls();
        all.extend(self.helpdesk.handle.calls());
        all.iter().filter(|call| is_write(call.operation)).count()
    }

    /// Stops it as an operator would, and looks through the file it leaves.
    async fn end(&self, daemon: Daemon) -> Result<Vec<String>, String> {
        let mut broken = Vec::new();
        let status = daemon.terminate().await?;
        if !status.success() {
            broken.push(format!("SIGTERM was answered with {status}"));
        }
        let url = format!("sqlite:{}", self.database.display());
        let options = Options {
            migrate: false,
            create: false,
        };
        // Opening looks through every page.
        let store = match Store::open(&url, options).await {
            Ok(store) => store,
            Err(error) => {
                broken.push(format!("the database is not whole: {error}"));
                return Ok(broken);
            }
        };
        let counts = store
            .counts(clock::now())
            .await
            .map_err(|e| e.to_string())?;
        store.close().await;
        let unsettled = counts.received.values().chain(counts.routed.values());
        let unsettled: u64 = unsettled.sum();
        if unsettled + counts.lanes_claimed + counts.lanes_unreadable > 0 {
            broken.push(format!("left unsettled in the database: {counts:?}"));
        }
        Ok(broken)
    }
}

fn prepare(hooks: &Hooks, url: String) {
    let secret = hooks.target().secret;
    let url = Some(url);
    hooks.set_target(Target { url, secret });
    hooks.set_manners(HookManners {
        attempts: ATTEMPTS,
        retry_wait_ms: SEND_AGAIN_MS,
        ..HookManners::default()
    });
}

/// What is still on its way, by name.
fn open(figures: &Figures) -> Vec<(&'static str, f64)> {
    let names = [
        "jelou_bridge_unsettled_deliveries",
        "jelou_bridge_intents",
        "jelou_bridge_lanes_claimed",
    ];
    let all = names.map(|name| (name, figures.sum(name, &[])));
    all.into_iter().filter(|(_, count)| *count > 0.0).collect()
}

fn is_write(operation: Operation) -> bool {
    match operation {
        Operation::Start
        | Operation::Close
        | Operation::WriteCache
        | Operation::SetMemory
        | Operation::UpsertRequester
        | Operation::CreateTicket
        | Operation::UpdateTicket
        | Operation::AddComment => true,
        Operation::Conversation
        | Operation::ReadCache
        | Operation::Ticket
        | Operation::Tickets
        | Operation::Comments
        | Operation::Unknown => false,
    }
}
