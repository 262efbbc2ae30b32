//! Both sandboxes in this process and the real program between them, for as long as a campaign takes.
//! Neighbours: `program`, which is treated badly here; `season`, which looks at what came of it.

use super::manner::Manner;
use crate::{
    chance::Chance,
    figures::Figures,
    program::{Daemon, Program, free_port},
};
use bridge_sandbox::{
    Call, Helpdesk, HelpdeskOptions, HookManners, Hooks, Jelou, JelouOptions, Operation, Rule,
    RunningHelpdesk, RunningJelou, SecondStart, Target,
};
use jelou_bridge::{
    clock,
    demo::{BRIDGE, StageOptions},
    store::{Options, Store},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// The demo's rules at full speed: what is slow in them is for a spectator.
const RULES: &str = include_str!("rules.toml");

/// What the rules say where nothing tells what became of a call.
const ON_UNKNOWN: &str = "on_unknown = \"retry\"";

/// What has not settled by then never will: the longest wait in the rules is a few seconds.
const SETTLES_WITHIN: Duration = Duration::from_secs(90);

/// Webhooks are sent again until somebody answers; the program is down for seconds at most.
const ATTEMPTS: u32 = 10_000;

/// How long a sandbox waits before it sends a webhook again, ms.
const SEND_AGAIN_MS: u64 = 50;

/// Every second call is answered this late, ms: a kill meets calls that are done and not answered.
const LATE_MS: u64 = 15;

/// How often things are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Both worlds, and how the program between them is started.
#[derive(Debug)]
pub struct Scene {
    /// The Jelou.
    pub jelou: RunningJelou,
    /// The helpdesk.
    pub helpdesk: RunningHelpdesk,
    /// The program, not started yet.
    pub program: Program,
    /// Its database.
    pub database: PathBuf,
    /// Where it listens for webhooks, `host:port`.
    pub listen: String,
    /// How it can find out what became of a lost call.
    pub manner: Manner,
    options: StageOptions,
}

impl Scene {
    /// Starts the sandboxes, writes the program's configuration in this manner into an empty folder, and
    /// points the webhooks at where it will listen. What differs from the usual is said by `differ`; where the
    /// database is (`StageOptions::folder`) may be another folder, with room for nothing else.
    ///
    /// # Errors
    /// What went wrong, in a sentence.
    pub async fn set(
        chance: &mut Chance,
        manner: Manner,
        path: &Path,
        folder: &Path,
        differ: impl FnOnce(&mut StageOptions),
    ) -> Result<Self, String> {
        let second = [SecondStart::Refuse, SecondStart::ReturnExisting];
        let mut options = StageOptions {
            jelou: JelouOptions {
                seed: chance.draw(),
                second_start: chance.pick(&second).copied().unwrap_or_default(),
                ..JelouOptions::default()
            },
            helpdesk: HelpdeskOptions {
                seed: chance.draw(),
                ..HelpdeskOptions::default()
            },
            listen: format!("127.0.0.1:{}", free_port()?),
            admin_listen: format!("127.0.0.1:{}", free_port()?),
            rules: RULES.to_owned(),
            ..StageOptions::in_folder(folder)
        };
        differ(&mut options);
        let jelou = Jelou::start(options.jelou.clone()).await;
        let jelou = jelou.map_err(|error| error.to_string())?;
        let helpdesk = Helpdesk::start(options.helpdesk.clone()).await;
        let helpdesk = helpdesk.map_err(|error| error.to_string())?;
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
            config: folder.join("bridge.toml"),
            log: folder.join("daemon.log"),
            level: "info",
            admin: options.admin_listen.clone(),
            before: Vec::new(),
            environment: Vec::new(),
        };
        let mut scene = Self {
            jelou,
            helpdesk,
            program,
            database: options.folder.join("bridge.db"),
            listen: options.listen.clone(),
            manner,
            options,
        };
        scene.take(manner)?;
        Ok(scene)
    }

    /// From the program's next start on this is the manner. Nothing may be on its way.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn take(&mut self, manner: Manner) -> Result<(), String> {
        self.manner = manner;
        self.helpdesk.handle.set_index_lag(manner.index_lag_ms());
        let config = &self.program.config;
        let profile = config.with_file_name("sandbox.toml");
        let named = format!("profile = \"{}\"", profile.display());
        let says = format!("on_unknown = \"{}\"", manner.on_unknown());
        let text = self.options.config(&self.jelou.url(), &self.helpdesk.url());
        let text = text.replace("profile = \"sandbox\"", &named);
        let text = text.replace(ON_UNKNOWN, &says);
        std::fs::write(profile, manner.profile())
            .and_then(|()| std::fs::write(config, text))
            .map_err(|error| error.to_string())
    }

    /// The webhooks of Jelou and of the helpdesk.
    #[must_use]
    pub fn hooks(&self) -> [&Hooks; 2] {
        [
            self.jelou.handle.webhooks(),
            self.helpdesk.handle.webhooks(),
        ]
    }

    /// How many webhooks were made so far.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.hooks().into_iter().map(Hooks::count).sum()
    }

    /// How many calls Jelou and the helpdesk got so far.
    #[must_use]
    pub fn calls(&self) -> [u64; 2] {
        [
            self.jelou.handle.call_count(),
            self.helpdesk.handle.call_count(),
        ]
    }

    /// The calls that both got after so many.
    #[must_use]
    pub fn calls_after(&self, [jelou, helpdesk]: [u64; 2]) -> Vec<Call> {
        let mut all = self.jelou.handle.calls_after(jelou);
        all.extend(self.helpdesk.handle.calls_after(helpdesk));
        all
    }

    /// Waits until all is quiet on both sides and in between, and still so after two more rounds of
    /// the sweep.
    ///
    /// # Errors
    /// What was still open, if it did not settle in time; or that the program does not answer.
    pub async fn settle(&self, daemon: &Daemon) -> Result<(), String> {
        let give_up = clock::now().plus(SETTLES_WITHIN);
        let mut quiet_since = None;
        loop {
            let figures = Figures::of(&daemon.admin).await?;
            let swept = figures.sum("jelou_bridge_last_sweep_timestamp_seconds", &[]);
            let open = self.open_by(&figures);
            if open.is_empty() {
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

    /// What is still on its way just now, by name; empty where all is quiet.
    ///
    /// # Errors
    /// That the program does not answer.
    pub async fn open(&self, daemon: &Daemon) -> Result<Vec<(&'static str, f64)>, String> {
        Ok(self.open_by(&Figures::of(&daemon.admin).await?))
    }

    fn open_by(&self, figures: &Figures) -> Vec<(&'static str, f64)> {
        let names = [
            "jelou_bridge_unsettled_deliveries",
            "jelou_bridge_intents",
            "jelou_bridge_lanes_claimed",
        ];
        let mut all: Vec<_> = names.map(|name| (name, figures.sum(name, &[]))).into();
        let waiting: usize = self.hooks().into_iter().map(Hooks::waiting).sum();
        #[allow(clippy::cast_precision_loss)]
        all.push(("webhooks", waiting as f64));
        all.retain(|(_, count)| *count > 0.0);
        all
    }

    /// Stops the program as an operator would, looks through the file it leaves with SQLite's
    /// `integrity_check`, and begins a new log.
    ///
    /// # Errors
    /// What kept it from looking; what it found is no error here.
    pub async fn end(&self, daemon: Daemon) -> Result<Vec<String>, String> {
        let mut broken = Vec::new();
        let status = daemon.terminate().await?;
        if !status.success() {
            broken.push(format!("SIGTERM was answered with {status}"));
        }
        let url = format!("sqlite:{}", self.database.display());
        match Store::damage(&url).await {
            Ok(found) => broken.extend(found.into_iter().map(|line| format!("damaged: {line}"))),
            Err(error) => broken.push(format!("the database cannot be read: {error}")),
        }
        let options = Options {
            migrate: false,
            create: false,
        };
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
        if broken.is_empty() {
            // What was said about a stretch in which every law held is of no use to anybody.
            let log = &self.program.log;
            std::fs::rename(log, log.with_extension("log.before")).map_err(|e| e.to_string())?;
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

/// Whether an operation changes something at a remote.
#[must_use]
pub fn is_write(operation: Operation) -> bool {
    match operation {
        Operation::Start
        | Operation::Close
        | Operation::WriteCache
        | Operation::SetMemory
        | Operation::AgentMessage
        | Operation::BotMessage
        | Operation::Template
        | Operation::SetUserState
        | Operation::CreateIntegration
        | Operation::UpdateIntegration
        | Operation::RemoveIntegration
        | Operation::RotateSecret
        | Operation::UpsertRequester
        | Operation::CreateTicket
        | Operation::UpdateTicket
        | Operation::AddComment
        | Operation::Upload => true,
        Operation::Conversation
        | Operation::ReadCache
        | Operation::Report
        | Operation::History
        | Operation::UserState
        | Operation::Integration
        | Operation::File
        | Operation::Ticket
        | Operation::Tickets
        | Operation::Comments
        | Operation::Unknown => false,
    }
}
