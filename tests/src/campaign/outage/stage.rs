//! Everything in its place: the sandbox Jelou with a conversation for every customer, the lean
//! helpdesk, the program between them. Neighbour: `mod`, which plays on it.

use super::{
    LOOK_EVERY, Plan, SETTLES_WITHIN,
    customers::{self, poison},
    desk::Desk,
    load::{Sender, canary, is_closed, messages},
    measure::{Memory, quantile},
    memory,
    verdict::{Canary, Newcomers},
};
use crate::{
    figures::{self, Figures},
    program::{Daemon, Program, free_port},
};
use bridge_sandbox::{Jelou, JelouOptions, RunningJelou, Target};
use jelou_bridge::{
    clock,
    demo::{BRIDGE, StageOptions},
};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tokio::time::Instant;

const RULES: &str = include_str!("rules.toml");

/// Readiness is asked for as often as this, so that the time to it is known well enough.
const ASK_EVERY: Duration = Duration::from_millis(5);

/// A start that takes longer is no start.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// A canary not heard after this is counted as having taken this long.
const HEARD_WITHIN: Duration = Duration::from_secs(20);

/// How often the conversations are looked through for canaries: that takes a while itself.
const HEAR_EVERY: Duration = Duration::from_secs(1);

/// As docs/OPERATING.md has it run where memory is dear (Memory): the C library keeps at most so many stores of free
/// memory, which are one for each thread otherwise.
pub const ARENAS: (&str, &str) = ("MALLOC_ARENA_MAX", "2");

/// The calls that a new customer's ticket takes: requester, open tickets, the ticket.
const CALLS_EACH: usize = 3;

/// Everything.
pub struct Stage {
    jelou: RunningJelou,
    /// The helpdesk.
    pub desk: Desk,
    program: Program,
    daemon: Option<Daemon>,
    /// Who sends webhooks.
    pub sender: Sender,
    /// The conversation of each customer of the flood.
    pub conversations: Arc<Vec<String>>,
    canaries: usize,
    /// The next new customer's number.
    next: usize,
    /// Tickets of new customers, who are none of the flood.
    of_newcomers: usize,
}

/// A canary, and when it was told of.
pub type Sung = (usize, i64);

impl Stage {
    /// Starts both sides, and has every customer begin a conversation of which nobody is told.
    pub async fn set(seed: u64, path: &Path, folder: &Path, plan: &Plan) -> Result<Self, String> {
        let mut options = StageOptions {
            listen: format!("127.0.0.1:{}", free_port()?),
            admin_listen: format!("127.0.0.1:{}", free_port()?),
            rules: RULES.replace("RATE", &plan.rate.to_string()),
            ticket_id_to_jelou: "none".to_owned(),
            ..StageOptions::in_folder(folder)
        };
        options.jelou = JelouOptions {
            seed,
            ..JelouOptions::default()
        };
        let jelou = Jelou::start(options.jelou.clone()).await;
        let jelou = jelou.map_err(|error| error.to_string())?;
        let desk = Desk::start().await.map_err(|error| error.to_string())?;
        let config = options.config(&jelou.url(), &format!("http://{}", desk.addr));
        let path_of_config = folder.join("bridge.toml");
        std::fs::write(&path_of_config, config).map_err(|error| error.to_string())?;
        let sender = Sender::new(&options.listen, &options.jelou, &options.helpdesk);
        let hooks = jelou.handle.webhooks();
        hooks.set_off(true);
        let mut conversations = Vec::with_capacity(plan.customers);
        for number in 0..plan.customers {
            let begun = jelou
                .handle
                .customer_starts(&customers::user(number), "Olá");
            conversations.push(begun.map_err(|refused| refused.to_string())?);
        }
        hooks.set_off(false);
        hooks.set_target(Target {
            url: Some(format!("http://{}/webhooks/{BRIDGE}/jelou", options.listen)),
            secret: options.jelou.signing_secret.clone(),
        });
        let program = Program {
            path: path.to_owned(),
            config: path_of_config,
            log: folder.join("daemon.log"),
            level: "warn",
            admin: options.admin_listen,
            before: Vec::new(),
            environment: vec![(ARENAS.0.to_owned(), ARENAS.1.to_owned())],
        };
        Ok(Self {
            jelou,
            desk,
            program,
            daemon: None,
            sender: sender.ok_or("the sandbox has no bot")?,
            next: conversations.len(),
            of_newcomers: 0,
            conversations: Arc::new(conversations),
            canaries: 0,
        })
    }

    /// Starts the program; from its start to the first 200 of `/readyz`.
    pub async fn start(&mut self) -> Result<Duration, String> {
        let began = Instant::now();
        let daemon = self.program.spawn()?;
        let admin = daemon.admin.clone();
        self.daemon = Some(daemon);
        while figures::status(&admin, "/readyz").await != Some(200) {
            if began.elapsed() > READY_WITHIN {
                return Err(format!("the daemon was not ready within {READY_WITHIN:?}"));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(began.elapsed())
    }

    /// SIGKILL.
    pub async fn kill(&mut self) -> Result<(), String> {
        match self.daemon.take() {
            Some(daemon) => daemon.kill().await,
            None => Ok(()),
        }
    }

    /// SIGTERM, and waits.
    pub async fn stop(&mut self) -> Result<(), String> {
        if let Some(daemon) = self.daemon.take() {
            let status = daemon.terminate().await?;
            if !status.success() {
                return Err(format!("SIGTERM was answered with {status}"));
            }
        }
        Ok(())
    }

    /// The program's process.
    pub fn pid(&self) -> Result<u32, String> {
        let pid = self.daemon.as_ref().and_then(Daemon::pid);
        pid.ok_or_else(|| "the daemon is gone".to_owned())
    }

    /// Its memory now.
    pub fn memory(&self) -> Memory {
        memory(self.pid().ok())
    }

    /// `host:port` of its admin listener.
    pub fn admin(&self) -> String {
        self.program.admin.clone()
    }

    /// How long the metrics page takes.
    pub async fn scrape(&self) -> Result<Duration, String> {
        let began = Instant::now();
        Figures::of(&self.admin()).await?;
        Ok(began.elapsed())
    }

    /// Customers of the flood who must get a ticket.
    pub fn wanted(&self) -> usize {
        let all = 0..self.conversations.len();
        all.filter(|number| poison(*number).is_none()).count()
    }

    /// Tickets of the flood's customers so far.
    pub fn created(&self) -> usize {
        self.desk.created().saturating_sub(self.of_newcomers)
    }

    /// One more agent's ticket that wants a conversation at Jelou.
    pub async fn sing(&mut self) -> Sung {
        let number = canary(self.canaries);
        self.canaries += 1;
        let ticket = self.desk.agent_creates(number);
        (number, self.sender.ticket_made(number, &ticket).await)
    }

    /// How long each took to its conversation, once all are there or time is up.
    pub async fn heard(&self, when: &'static str, sung: &[Sung]) -> Canary {
        let give_up = Instant::now() + HEARD_WITHIN;
        let last = sung.last().map(|(number, _)| customers::user(*number));
        let begun = loop {
            let all = self.jelou.handle.conversations();
            let begun: BTreeMap<String, i64> =
                all.into_iter().map(|c| (c.user, c.start_at_ms)).collect();
            let there = sung
                .iter()
                .filter(|(number, _)| begun.contains_key(&customers::user(*number)))
                .count();
            if there == sung.len() || last.is_none() || Instant::now() > give_up {
                break begun;
            }
            tokio::time::sleep(HEAR_EVERY).await;
        };
        let most = i64::try_from(HEARD_WITHIN.as_millis()).unwrap_or(i64::MAX);
        let mut missing = 0;
        let took: Vec<i64> = sung
            .iter()
            .map(|(number, at)| match begun.get(&customers::user(*number)) {
                Some(start) => start - at,
                None => {
                    missing += 1;
                    most
                }
            })
            .collect();
        Canary {
            when,
            sung: sung.len(),
            missing,
            median: quantile(&took, 0.5),
            p99: quantile(&took, 0.99),
        }
    }

    /// What must hold when the drain is over: every ticket there, once, with all messages on it, closed
    /// where it is, nothing left unsettled, and nothing parked but the poison that the helpdesk refuses.
    pub async fn judge(&self) -> Result<Vec<String>, String> {
        let mut give_up = Instant::now() + SETTLES_WITHIN;
        let mut unsaid_before = usize::MAX;
        let closed: Vec<usize> = (0..self.conversations.len())
            .filter(|n| is_closed(*n) && poison(*n).is_none())
            .collect();
        loop {
            let mut broken = Vec::new();
            let figures = Figures::of(&self.admin()).await?;
            let unsettled = figures.sum("jelou_bridge_unsettled_deliveries", &[]);
            if unsettled > 0.5 {
                broken.push(format!("{unsettled} deliveries are not settled"));
            }
            let missing = self.wanted() - self.created();
            if missing > 0 {
                broken.push(format!("{missing} tickets were never made"));
            }
            let unsaid = self.unsaid();
            if unsaid > 0 {
                broken.push(format!("{unsaid} messages are on no ticket"));
            }
            if unsaid < unsaid_before {
                unsaid_before = unsaid;
                give_up = Instant::now() + SETTLES_WITHIN;
            }
            let open = closed.iter().filter(|n| !self.desk.is_solved(**n)).count();
            if open > 0 {
                broken.push(format!("{open} tickets of closed conversations are open"));
            }
            for (reason, count) in figures.by("jelou_bridge_parked", "reason") {
                if reason != "refused" {
                    broken.push(format!("{count} parked as {reason}"));
                }
            }
            if broken.is_empty() || Instant::now() > give_up {
                return Ok(broken);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Messages of the flood that stand on no ticket yet.
    fn unsaid(&self) -> usize {
        let all = (0..self.conversations.len()).filter(|number| poison(*number).is_none());
        all.map(|number| messages(number).saturating_sub(self.desk.messages(number)))
            .sum()
    }

    /// New customers at an even pace, six tenths of what the helpdesk allows, with poison among them or
    /// without, until all have their ticket whose calls do not always fail.
    pub async fn steady(&mut self, plan: &Plan, with: bool) -> Result<Newcomers, String> {
        let poisoned_before = self.desk.poisoned();
        let pace = Duration::from_secs_f64(1.0 / self.pace(plan));
        let until = Instant::now() + plan.stretch;
        let mut tick = tokio::time::interval(pace);
        let mut healthy = Vec::new();
        while Instant::now() < until {
            tick.tick().await;
            let number = self.newcomer(with);
            let at = clock::now().0;
            let user = customers::user(number);
            let begun = self.jelou.handle.customer_starts(&user, "Olá");
            begun.map_err(|refused| refused.to_string())?;
            if poison(number).is_none() {
                healthy.push((number, at));
            }
        }
        let give_up = Instant::now() + SETTLES_WITHIN;
        loop {
            let took: Vec<i64> = healthy
                .iter()
                .filter_map(|(n, at)| Some(self.desk.created_at(*n)? - at))
                .collect();
            if took.len() == healthy.len() {
                self.of_newcomers += took.len();
                return Ok(Newcomers {
                    served: took.len(),
                    poisoned: self.desk.poisoned() - poisoned_before,
                    median: quantile(&took, 0.5),
                    p99: quantile(&took, 0.99),
                });
            }
            if Instant::now() > give_up {
                let missing = healthy.len() - took.len();
                return Err(format!("{missing} new customers got no ticket"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "a rate of some hundreds")]
    fn pace(&self, plan: &Plan) -> f64 {
        plan.rate as f64 * 0.6 / CALLS_EACH as f64
    }

    fn newcomer(&mut self, with: bool) -> usize {
        while !with && poison(self.next).is_some() {
            self.next += 1;
        }
        self.next += 1;
        self.next - 1
    }
}
