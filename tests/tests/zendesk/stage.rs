//! A Zendesk, a sandbox Jelou and the daemon between them. Neighbours: `quiet`, `weather` and
//! `trouble`, which play on it.

use crate::desk::{Account, BRIDGE_USER, NewTicket, SECRET, TOKEN, Zendesk};
use bridge_core::ids::{BridgeName, TicketId};
use bridge_sandbox::{Jelou, JelouOptions, RunningJelou, Target, jelou::Conversation};
use jelou_bridge::{
    app::{self, RunOptions, Running},
    clock,
    config::{self, Variables},
    demo::is_quiet,
    jobs::{self, Swept},
    store::{Counts, TimelineOf},
};
use std::{fmt::Write as _, time::Duration};
use tempfile::TempDir;
use tokio::time::Instant;

/// The longest anything may take here.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Everything running.
pub struct Stage {
    /// The Jelou.
    pub jelou: RunningJelou,
    /// The Zendesk.
    pub zendesk: Zendesk,
    daemon: Running,
    config: String,
    folder: TempDir,
}

impl Stage {
    /// The usual account, with event subscriptions.
    pub async fn start() -> Self {
        Self::with(Account::default(), "").await
    }

    /// This account; `options` are the profile's, as TOML.
    pub async fn with(account: Account, options: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let zendesk = Zendesk::start(account);
        let jelou_options = JelouOptions::default();
        let jelou = Jelou::start(jelou_options.clone()).await.expect("a Jelou");
        let text = config_text(&jelou_options, &jelou, &zendesk, options, &folder);
        let daemon = daemon_of(&text, &folder).await;
        let stage = Self {
            jelou,
            zendesk,
            daemon,
            config: text,
            folder,
        };
        stage.tells_both_sides_where();
        stage
    }

    /// Stops the daemon as SIGTERM would, and starts it anew on what it kept.
    pub async fn restarted(self) -> Self {
        self.daemon.stop().await;
        let daemon = daemon_of(&self.config, &self.folder).await;
        let stage = Self { daemon, ..self };
        stage.tells_both_sides_where();
        stage
    }

    fn tells_both_sides_where(&self) {
        let Self {
            jelou,
            zendesk,
            daemon,
            ..
        } = self;
        let base = format!("http://{}/webhooks/main", daemon.listen);
        zendesk.hooks().set_url(&format!("{base}/ticketing"));
        let secret = jelou.handle.webhooks().target().secret;
        jelou.handle.webhooks().set_target(Target {
            url: Some(format!("{base}/jelou")),
            secret,
        });
    }

    /// Stops the daemon as SIGTERM would.
    pub async fn stop(self) {
        self.daemon.stop().await;
    }

    /// Waits until a condition holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Jelou, &Zendesk) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !holds(&self.jelou.handle, &self.zendesk) {
            self.patient(what, give_up).await;
        }
    }

    /// Waits until nothing is on its way.
    pub async fn settle(&self) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            // All webhooks so far have come; then nothing waits in the store; and none was sent
            // meanwhile.
            let sent = self.sent();
            let soon = Duration::from_millis(1);
            let come =
                self.jelou.handle.webhooks().quiet(soon).await && self.zendesk.hooks().quiet();
            let counts = self.counts().await;
            if come && is_quiet(&counts) && self.sent() == sent {
                return;
            }
            self.patient(&format!("all is settled: {counts:?}"), give_up)
                .await;
        }
    }

    fn sent(&self) -> (u64, usize) {
        let jelou = self.jelou.handle.webhooks().count();
        (jelou, self.zendesk.hooks().told().len())
    }

    /// The daemon's own figures.
    pub async fn counts(&self) -> Counts {
        let store = &self.daemon.jobs.store;
        store.counts(clock::now()).await.expect("counts")
    }

    /// What waits for a person.
    pub async fn parked(&self) -> u64 {
        self.counts().await.parked.values().sum()
    }

    /// What `sweep --now` does.
    pub async fn sweep(&self) -> Swept {
        self.try_sweep().await.expect("a whole round")
    }

    /// Likewise, where it may break off.
    pub async fn try_sweep(&self) -> Result<Swept, String> {
        let bridge = BridgeName::parse("main").expect("a name");
        jobs::sweep_now(&self.daemon.jobs, &bridge).await
    }

    /// Makes rounds, as the clockwork would, until a condition holds.
    pub async fn sweep_until(&self, what: &str, holds: impl Fn(&Jelou, &Zendesk) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !holds(&self.jelou.handle, &self.zendesk) {
            self.sweep().await;
            self.patient(what, give_up).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn patient(&self, what: &str, give_up: Instant) {
        assert!(
            Instant::now() < give_up,
            "waited {PATIENCE:?} in vain until {what}\n{}",
            self.told().await
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }

    /// What a person would want to read after a failure.
    pub async fn told(&self) -> String {
        let mut told = String::new();
        for ticket in self.zendesk.tickets() {
            let _ = writeln!(told, "\n{ticket:?}");
            let id = TicketId::parse(&ticket.id.to_string()).expect("an id");
            let store = &self.daemon.jobs.store;
            let lines = store.timeline(None, &TimelineOf::Ticket(id)).await;
            for line in lines.unwrap_or_default() {
                let _ = writeln!(told, "  {line:?}");
            }
        }
        for call in self.zendesk.calls() {
            let _ = writeln!(told, "{call:?}");
        }
        told
    }

    /// An agent makes a ticket that asks for a conversation, and it gets one.
    pub async fn linked(&self, phone: &str) -> (u64, Conversation) {
        let ticket = self.zendesk.agent_creates(&NewTicket {
            name: "Ana Lima",
            phone,
            group: "billing",
            tags: &["whatsapp"],
        });
        let conversation = self.conversation_of(ticket).await;
        self.settle().await;
        (ticket, conversation)
    }

    /// Waits for the conversation that a ticket's link field names.
    pub async fn conversation_of(&self, ticket: u64) -> Conversation {
        let what = format!("ticket {ticket} names its conversation");
        self.until(&what, |_, zendesk| {
            zendesk.ticket(ticket).external_id.is_some()
        })
        .await;
        let id = self
            .zendesk
            .ticket(ticket)
            .external_id
            .expect("it names one");
        self.conversation(&id)
    }

    /// A conversation at Jelou.
    pub fn conversation(&self, id: &str) -> Conversation {
        self.jelou.handle.conversation(id).expect("Jelou has it")
    }

    /// Waits until a conversation is over.
    pub async fn is_over(&self, conversation: &str) {
        let what = format!("conversation {conversation} is over");
        self.until(&what, |jelou, _| {
            jelou.conversation(conversation).is_some_and(|c| !c.active)
        })
        .await;
    }

    /// Waits until a ticket has a status.
    pub async fn has_status(&self, ticket: u64, status: &str) {
        let what = format!("ticket {ticket} is {status}");
        self.until(&what, |_, zendesk| zendesk.ticket(ticket).status == status)
            .await;
    }

    /// Waits for the only ticket that names a conversation.
    pub async fn ticket_of(&self, conversation: &str) -> u64 {
        let named = |zendesk: &Zendesk| {
            let mut tickets = zendesk.tickets();
            tickets.retain(|t| t.external_id.as_deref() == Some(conversation));
            tickets
        };
        let what = format!("conversation {conversation} has a ticket");
        self.until(&what, |_, zendesk| !named(zendesk).is_empty())
            .await;
        let tickets = named(&self.zendesk);
        assert_eq!(
            tickets.len(),
            1,
            "one conversation, one ticket: {tickets:?}"
        );
        tickets[0].id
    }

    /// Calls of the bridge at both sides, and those of them that change something.
    pub fn spent(&self) -> (usize, usize) {
        let jelou = self.jelou.handle.calls();
        let written = jelou.iter().filter(|call| call.method != "GET").count();
        let zendesk = self.zendesk.calls().len();
        (jelou.len() + zendesk, written + self.zendesk.writes().len())
    }
}

async fn daemon_of(text: &str, folder: &TempDir) -> Running {
    let path = folder.path().join("bridge.toml");
    let config = config::parse(text, &path, &Variables::from([])).expect("a configuration");
    let run = RunOptions {
        config: path,
        migrate: true,
    };
    app::start(config, &run, None).await.expect("a daemon")
}

fn config_text(
    options: &JelouOptions,
    jelou: &RunningJelou,
    zendesk: &Zendesk,
    profile_options: &str,
    folder: &TempDir,
) -> String {
    let (bot, _) = options.bots.first().expect("a bot");
    format!(
        r#"[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.1:0"
admin_token = "of this test"

[database]
url = "sqlite:{database}"

[bridges.main]
mode = "live"

[bridges.main.jelou]
project_id = "{project}"
bots = ["{bot}"]
api_key = "{api_key}"
client_id = "{client_id}"
client_secret = "{client_secret}"
signing_secrets = ["{signing_secret}"]
gateway_url = "{jelou}"
api_url = "{jelou}"
messages_url = "{jelou}"

[bridges.main.ticketing]
profile = "zendesk"
base_url = "http://{zendesk}"
credentials = {{ user = "{BRIDGE_USER}", password = "{TOKEN}" }}
webhook_secrets = ["{SECRET}"]
options = {{ {profile_options} }}

{rules}"#,
        database = folder.path().join("bridge.db").display(),
        project = options.project_id,
        api_key = options.api_key,
        client_id = options.client_id,
        client_secret = options.client_secret,
        signing_secret = options.signing_secret,
        jelou = jelou.url(),
        zendesk = zendesk.addr,
        rules = include_str!("rules.toml"),
    )
}
