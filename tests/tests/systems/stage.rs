//! A real system, a sandbox Jelou and the daemon between them, with a door on each way to and from the
//! system. Neighbours: `suite`, which plays on it; `desk`, the system.

use crate::{
    desk::{Desk, Seen, System},
    proxy::Proxy,
};
use bridge_core::ids::{BridgeName, TicketId};
use bridge_sandbox::{Jelou, JelouOptions, RunningJelou, Target};
use jelou_bridge::{
    app::{self, RunOptions, Running},
    clock,
    config::{self, Variables},
    demo::is_quiet,
    jobs::{self, Swept},
    runtime::Runtime,
    store::{LinkFilter, LinkRow, Store, TimelineOf},
};
use std::{path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::time::Instant;

/// The longest anything may take here: the slower system answers in seconds on a busy machine, and a
/// call that failed comes back by a schedule of seconds.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How often a condition is looked at; each look is a call of the system.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Fit for the end of an address.
const SECRET: &str = "a-secret-of-this-test";

/// Everything running.
pub struct Stage {
    /// The Jelou.
    pub jelou: RunningJelou,
    /// The system and the agent in it.
    pub desk: Desk,
    /// The way of the system's webhooks to the bridge.
    pub hooks: Proxy,
    /// The way of the bridge's calls to the system.
    pub rest: Proxy,
    /// How long it took to make and start the system.
    pub desk_took: Duration,
    daemon: Running,
    _folder: TempDir,
}

impl Stage {
    /// Starts all of it.
    pub async fn start(system: System) -> Self {
        Self::start_at(system, "100/s").await
    }

    /// The same, where the system gets so many calls in so long a time.
    pub async fn start_at(system: System, rate: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let hooks = Proxy::open().await.expect("a port");
        let rest = Proxy::open().await.expect("a port");
        let begun = Instant::now();
        let url = format!("http://{}", hooks.addr);
        let desk = Desk::start(system, &folder.path().join("desk"), &url, SECRET);
        let desk_took = begun.elapsed();
        rest.lead_to(desk.addr());
        let options = JelouOptions::default();
        let jelou = Jelou::start(options.clone()).await.expect("a Jelou");
        let text = config_text(&options, &jelou, &rest, &desk, folder.path());
        let text = text.replace(
            "ticketing_rate = \"100/s\"",
            &format!("ticketing_rate = \"{rate}\""),
        );
        let daemon = start_daemon(&text, &folder.path().join("bridge.toml")).await;
        hooks.lead_to(daemon.listen);
        let secret = jelou.handle.webhooks().target().secret;
        jelou.handle.webhooks().set_target(Target {
            url: Some(format!("http://{}/webhooks/desk/jelou", daemon.listen)),
            secret,
        });
        Self {
            jelou,
            desk,
            hooks,
            rest,
            desk_took,
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

    /// What the daemon runs by.
    pub fn runtime(&self) -> Arc<Runtime> {
        self.daemon.jobs.runtime.borrow().clone()
    }

    /// Waits until the system's lists and searches know of all that was done.
    pub async fn lists_know(&self) {
        tokio::time::sleep(self.desk.config.lag).await;
    }

    /// What `sweep --now` does, once the lists know what it is to find.
    pub async fn sweep(&self) -> Swept {
        self.lists_know().await;
        let swept = jobs::sweep_now(&self.daemon.jobs, &self.bridge()).await;
        swept.expect("a whole round")
    }

    fn bridge(&self) -> BridgeName {
        BridgeName::parse("desk").expect("a name")
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
            let seen = self.desk.sees(ticket).await;
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
            // meanwhile.
            let hooks = self.jelou.handle.webhooks();
            let sent = (hooks.count(), self.desk.sent().0);
            let come = hooks.quiet(Duration::from_millis(1)).await && self.desk.sent().1;
            let counts = self.store().counts(clock::now()).await.expect("counts");
            if come && is_quiet(&counts) && (hooks.count(), self.desk.sent().0) == sent {
                return;
            }
            self.waits(&format!("all is settled: {counts:?}"), give_up)
                .await;
        }
    }

    /// Waits a little for what is to come of itself, and fails after too long. Where no webhook tells, it
    /// comes of the next round of the sweep; one that a system kept from its end has a next one.
    pub async fn patient(&self, what: &str, give_up: Instant) {
        if !self.desk.config.webhooks {
            let _ = jobs::sweep_now(&self.daemon.jobs, &self.bridge()).await;
        }
        self.waits(what, give_up).await;
    }

    /// Waits a little for what is to come of itself, whatever a round of the sweep might find.
    pub async fn waits(&self, what: &str, give_up: Instant) {
        assert!(
            Instant::now() < give_up,
            "waited {PATIENCE:?} in vain until {what}\n{}",
            self.told().await
        );
        tokio::time::sleep(LOOK_EVERY).await;
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
        told + &self.desk.log()
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
    desk: &Desk,
    folder: &Path,
) -> String {
    let (bot, _) = options.bots.first().expect("a bot");
    let of_desk = &desk.config;
    format!(
        r#"[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
admin_token = "of this test"

[database]
url = "sqlite:{database}"

[bridges.desk.jelou]
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

[bridges.desk.ticketing]
profile = "{profile}"
base_url = "http://{desk}"
credentials = {{ {credentials} }}
webhook_secrets = ["{SECRET}"]
options = {desk_options}

{rules}
reuse = "{reuse}"
"#,
        database = folder.join("bridge.db").display(),
        project = options.project_id,
        api_key = options.api_key,
        client_id = options.client_id,
        client_secret = options.client_secret,
        signing_secret = options.signing_secret,
        jelou = jelou.url(),
        desk = rest.addr,
        profile = of_desk.profile,
        credentials = of_desk.credentials,
        desk_options = of_desk.options,
        reuse = if desk.profile.can_find_open() {
            "open"
        } else {
            "never"
        },
        rules = desk.rules(
            &include_str!("rules.toml").replace("\"resolved\"", &format!("\"{}\"", of_desk.solved))
        ),
    )
}
