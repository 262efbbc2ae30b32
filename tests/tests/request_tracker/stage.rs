//! Request Tracker, a sandbox Jelou and the daemon between them, with a door on each way to and from
//! Request Tracker. Neighbours: `stories`, which play on it; the demo's stage, which has a sandbox
//! helpdesk in Request Tracker's place.

use crate::{
    agent::{Agent, Seen},
    instance::Instance,
    proxy::Proxy,
};
use bridge_core::ids::{BridgeName, TicketId};
use bridge_sandbox::{Jelou, JelouOptions, RunningJelou, Target};
use jelou_bridge::{
    api::{
        decide::{Decision, ParkedChosen, decide},
        parked::{self, ParkedAsked, ParkedView},
    },
    app::{self, RunOptions, Running},
    clock,
    config::{self, Variables},
    demo::is_quiet,
    jobs::{self, Swept},
    store::{LinkFilter, LinkRow, Store, TimelineOf},
};
use std::{path::Path, time::Duration};
use tempfile::TempDir;
use tokio::time::Instant;

/// The longest anything may take here: Request Tracker answers in seconds on a busy machine, and a
/// call that failed comes back by a schedule of seconds.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How often a condition is looked at; each look is a call of Request Tracker.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const SECRET: &str = "a secret of this test";

/// Everything running.
pub struct Stage {
    /// The Jelou.
    pub jelou: RunningJelou,
    /// The agent.
    pub agent: Agent,
    /// The way of Request Tracker's webhooks to the bridge.
    pub hooks: Proxy,
    /// The way of the bridge's calls to Request Tracker.
    pub rest: Proxy,
    /// Request Tracker.
    pub rt: Instance,
    /// How long it took to make and start it.
    pub rt_took: Duration,
    daemon: Running,
    _folder: TempDir,
}

impl Stage {
    /// Starts all of it.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let hooks = Proxy::open().await.expect("a port");
        let rest = Proxy::open().await.expect("a port");
        let begun = Instant::now();
        let url = format!("http://{}/webhooks/rt/ticketing", hooks.addr);
        let rt = Instance::start(&folder.path().join("rt"), &url, SECRET);
        let rt_took = begun.elapsed();
        rest.lead_to(rt.addr);
        let options = JelouOptions::default();
        let jelou = Jelou::start(options.clone()).await.expect("a Jelou");
        let text = config_text(&options, &jelou, &rest, &rt, folder.path());
        let daemon = start_daemon(&text, &folder.path().join("bridge.toml")).await;
        hooks.lead_to(daemon.listen);
        let secret = jelou.handle.webhooks().target().secret;
        jelou.handle.webhooks().set_target(Target {
            url: Some(format!("http://{}/webhooks/rt/jelou", daemon.listen)),
            secret,
        });
        Self {
            agent: Agent::new(rt.addr, rt.token("agent1")),
            jelou,
            hooks,
            rest,
            rt,
            rt_took,
            daemon,
            _folder: folder,
        }
    }

    /// Stops the daemon as SIGTERM would; the rest ends with this.
    pub async fn stop(self) {
        self.daemon.stop().await;
    }

    /// The daemon's store.
    pub fn store(&self) -> &Store {
        &self.daemon.jobs.store
    }

    /// What `sweep --now` does.
    pub async fn sweep(&self) -> Swept {
        let bridge = BridgeName::parse("rt").expect("a name");
        let swept = jobs::sweep_now(&self.daemon.jobs, &bridge).await;
        swept.expect("a whole round")
    }

    /// Waits until a condition holds at Jelou.
    pub async fn until_jelou(&self, what: &str, holds: impl Fn(&Jelou) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !holds(&self.jelou.handle) {
            self.patient(what, give_up).await;
        }
    }

    /// Waits until a ticket looks like this.
    pub async fn until_ticket(
        &self,
        ticket: &str,
        what: &str,
        holds: impl Fn(&Seen) -> bool,
    ) -> Seen {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let seen = self.agent.sees(ticket).await;
            if holds(&seen) {
                return seen;
            }
            self.patient(&format!("ticket {ticket} {what}; it is {seen:?}"), give_up)
                .await;
        }
    }

    /// Waits until every Delivery is settled and every Intent has ended or waits for a person.
    pub async fn settle(&self) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            // All webhooks so far have come; then nothing waits in the store; and none was sent
            // meanwhile. (What Request Tracker sends, it sends before it answers.)
            let hooks = self.jelou.handle.webhooks();
            let sent = hooks.count();
            let come = hooks.quiet(Duration::from_millis(1)).await;
            let counts = self.store().counts(clock::now()).await.expect("counts");
            if come && is_quiet(&counts) && hooks.count() == sent {
                return;
            }
            self.patient(&format!("all is settled: {counts:?}"), give_up)
                .await;
        }
    }

    /// Waits a little, and fails after too long.
    pub async fn patient(&self, what: &str, give_up: Instant) {
        assert!(
            Instant::now() < give_up,
            "waited {PATIENCE:?} in vain until {what}\n{}",
            self.told().await
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }

    /// Waits until the agents are told something on a ticket.
    pub async fn until_told(&self, ticket: &str) {
        let give_up = Instant::now() + PATIENCE;
        while self.agent.made_by_bridge(ticket, "Comment").await == 0 {
            let what = format!("something is told on ticket {ticket}");
            self.patient(&what, give_up).await;
        }
    }

    /// What `parked list` does.
    pub async fn parked(&self) -> Vec<ParkedView> {
        let listed = parked::list(&self.daemon.jobs, ParkedAsked::default()).await;
        listed.expect("a list").parked
    }

    /// What `parked retry` does.
    pub async fn retry(&self, id: &str) {
        let chosen = ParkedChosen {
            id: Some(id.to_owned()),
            ..ParkedChosen::default()
        };
        let decided = decide(&self.daemon.jobs, Decision::Retry, chosen).await;
        let items = decided.expect("an outcome").items;
        assert!(items.iter().all(|item| item.done), "{items:?}");
    }

    /// All Links there are.
    pub async fn links(&self) -> Vec<LinkRow> {
        let all = LinkFilter {
            limit: 1_000,
            ..LinkFilter::default()
        };
        self.store().links(&all).await.expect("links")
    }

    /// What a person would want to read after a failure.
    pub async fn told(&self) -> String {
        let mut told = String::new();
        for row in self.links().await {
            told.push_str(&format!("\n{:?}\n", row.link));
            let ticket = row.link.ticket_id().map(|id| id.as_str().to_owned());
            for line in self.timeline(&ticket.unwrap_or_default()).await {
                told.push_str(&format!("  {line}\n"));
            }
        }
        for passed in self.rest.passed() {
            told.push_str(&format!("{passed:?}\n"));
        }
        told + &self.rt.log()
    }

    async fn timeline(&self, ticket: &str) -> Vec<String> {
        let Ok(id) = TicketId::parse(ticket) else {
            return Vec::new();
        };
        let lines = self.store().timeline(None, &TimelineOf::Ticket(id)).await;
        let lines = lines.unwrap_or_default();
        lines.iter().map(|line| format!("{line:?}")).collect()
    }
}

async fn start_daemon(text: &str, path: &Path) -> Running {
    let config = config::parse(text, path, &Variables::from([])).expect("a configuration");
    let options = RunOptions {
        config: path.to_owned(),
        migrate: true,
    };
    app::start(config, &options, None).await.expect("a daemon")
}

fn config_text(
    options: &JelouOptions,
    jelou: &RunningJelou,
    rest: &Proxy,
    rt: &Instance,
    folder: &Path,
) -> String {
    let (bot, _) = options.bots.first().expect("a bot");
    format!(
        r#"[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
admin_token = "of this test"

[database]
url = "sqlite:{database}"

[bridges.rt.jelou]
project_id = "{project}"
bots = ["{bot}"]
api_key = "{api_key}"
client_id = "{client_id}"
client_secret = "{client_secret}"
signing_secrets = ["{signing_secret}"]
gateway_url = "{jelou}"
api_url = "{jelou}"
messages_url = "{jelou}"
ticket_id_to_jelou = "user_cache"

[bridges.rt.ticketing]
profile = "request-tracker"
base_url = "http://{rt}"
credentials = {{ token = "{token}" }}
webhook_secrets = ["{SECRET}"]
options = {{ queue = "WhatsApp" }}

{rules}"#,
        database = folder.join("bridge.db").display(),
        project = options.project_id,
        api_key = options.api_key,
        client_id = options.client_id,
        client_secret = options.client_secret,
        signing_secret = options.signing_secret,
        jelou = jelou.url(),
        rt = rest.addr,
        token = rt.token("bridge"),
        rules = include_str!("rules.toml"),
    )
}
