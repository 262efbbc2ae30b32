//! A Jelou, a helpdesk and a daemon between them, on this machine. Neighbours: `stories`, which
//! plays on it; the tests of the workspace, which play their own.

use crate::{
    app::{self, AppError, RunOptions, Running},
    clock,
    config::{self, Variables},
    store::{Counts, Line, TimelineOf},
};
use bridge_core::ids::{ConversationId, TicketId};
use bridge_sandbox::{
    Helpdesk, HelpdeskOptions, Jelou, JelouOptions, RunningHelpdesk, RunningJelou, Target,
    helpdesk::{Bridge, NewTicket},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The token of the demo's admin API. The listener is on loopback, and so is everything it rules.
pub const ADMIN_TOKEN: &str = "demo";

/// The name of the demo's bridge.
pub const BRIDGE: &str = "demo";

/// What differs from the usual stage.
#[derive(Clone, Debug)]
pub struct StageOptions {
    /// The Jelou.
    pub jelou: JelouOptions,
    /// The helpdesk.
    pub helpdesk: HelpdeskOptions,
    /// Where the database is.
    pub folder: PathBuf,
    /// Where the daemon listens for webhooks; port 0 takes a free one.
    pub listen: String,
    /// Where its admin listener is.
    pub admin_listen: String,
    /// `[bridges.demo.mapping]` and below, `limits`, `safety` and `sweep`, as TOML.
    pub rules: String,
    /// `live` or `observe`.
    pub mode: String,
    /// `user_cache`, `user_memory` or `none`.
    pub ticket_id_to_jelou: String,
}

impl StageOptions {
    /// The usual stage, with its database in a folder.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            jelou: JelouOptions::default(),
            helpdesk: HelpdeskOptions::default(),
            folder: folder.to_owned(),
            listen: "127.0.0.1:0".to_owned(),
            admin_listen: "127.0.0.1:0".to_owned(),
            rules: RULES.to_owned(),
            mode: "live".to_owned(),
            ticket_id_to_jelou: "user_cache".to_owned(),
        }
    }

    /// The configuration of a daemon between a Jelou and a helpdesk at these addresses, as TOML.
    #[must_use]
    pub fn config(&self, jelou: &str, helpdesk: &str) -> String {
        Configured::of(self).text(self, jelou, helpdesk)
    }
}

/// The demo's mapping: the one of `bridge.example.toml`, with waits that suit a spectator.
pub const RULES: &str = include_str!("rules.toml");

/// Everything running.
pub struct Stage {
    /// The Jelou.
    pub jelou: RunningJelou,
    /// The helpdesk.
    pub helpdesk: RunningHelpdesk,
    /// The daemon; `None` between a stop and the next start.
    running: Option<Running>,
    config: String,
    folder: PathBuf,
}

impl Stage {
    /// Starts both sandboxes and the daemon, and points the webhooks at it.
    ///
    /// # Errors
    /// [`AppError`] if a port or the folder cannot be used.
    pub async fn start(options: StageOptions) -> Result<Self, AppError> {
        let environment = |error: std::io::Error| AppError::Environment(error.to_string());
        let jelou = Jelou::start(options.jelou.clone())
            .await
            .map_err(environment)?;
        let helpdesk = Helpdesk::start(options.helpdesk.clone())
            .await
            .map_err(environment)?;
        let config = options.config(&jelou.url(), &helpdesk.url());
        let mut stage = Self {
            jelou,
            helpdesk,
            running: None,
            config,
            folder: options.folder.clone(),
        };
        stage.start_daemon().await?;
        Ok(stage)
    }

    /// Starts the daemon again on the same database, points the webhooks at it, and names it to the agent's page.
    ///
    /// # Errors
    /// [`AppError`] if its configuration is refused or its ports or database are taken.
    pub async fn start_daemon(&mut self) -> Result<(), AppError> {
        let path = self.folder.join("demo.toml");
        let config = config::parse(&self.config, &path, &Variables::from([]))?;
        let options = RunOptions {
            config: path,
            migrate: true,
        };
        let running = app::start(config, &options, None).await?;
        let base = format!("http://{}/webhooks/{BRIDGE}", running.listen);
        point(self.jelou.handle.webhooks(), format!("{base}/jelou"));
        point(self.helpdesk.handle.webhooks(), format!("{base}/ticketing"));
        self.helpdesk.handle.set_bridge(Bridge {
            admin: format!("http://{}", running.admin),
            token: ADMIN_TOKEN.to_owned(),
        });
        self.running = Some(running);
        Ok(())
    }

    /// Stops the daemon, as SIGTERM would.
    pub async fn stop_daemon(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// The daemon.
    ///
    /// # Errors
    /// [`AppError::Environment`] while it is stopped.
    pub fn daemon(&self) -> Result<&Running, AppError> {
        self.running
            .as_ref()
            .ok_or_else(|| AppError::Environment("the daemon is stopped".to_owned()))
    }

    /// The configuration the daemon runs on, as TOML.
    #[must_use]
    pub fn config(&self) -> &str {
        &self.config
    }

    /// Changes the configuration that the next start of the daemon takes.
    pub fn change_config(&mut self, change: impl FnOnce(&str) -> String) {
        self.config = change(&self.config);
    }

    /// Waits until a condition holds.
    ///
    /// # Errors
    /// What was waited for, if it did not come in time.
    pub async fn wait(
        &self,
        what: &str,
        within: Duration,
        mut holds: impl FnMut(&Jelou, &Helpdesk) -> bool,
    ) -> Result<(), String> {
        let give_up = clock::now().plus(within);
        while !holds(&self.jelou.handle, &self.helpdesk.handle) {
            if clock::now() > give_up {
                return Err(format!("waited {within:?} in vain until {what}"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until every Delivery is settled and every Intent has ended or waits for a person.
    ///
    /// # Errors
    /// What was still open, if it did not settle in time.
    pub async fn settle(&self, within: Duration) -> Result<(), String> {
        let store = &self.daemon().map_err(|e| e.to_string())?.jobs.store;
        let give_up = clock::now().plus(within);
        loop {
            // All webhooks so far have come; then nothing waits in the store; and none was sent
            // meanwhile, which the store could not have known of.
            let sent = self.hooks_sent();
            let come = self.hooks_are_quiet().await;
            let counts = store
                .counts(clock::now())
                .await
                .map_err(|e| e.to_string())?;
            if come && is_quiet(&counts) && self.hooks_sent() == sent {
                return Ok(());
            }
            if clock::now() > give_up {
                return Err(format!("not settled within {within:?}: {counts:?}"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn hooks_sent(&self) -> u64 {
        self.jelou.handle.webhooks().count() + self.helpdesk.handle.webhooks().count()
    }

    async fn hooks_are_quiet(&self) -> bool {
        let soon = Duration::from_millis(1);
        self.jelou.handle.webhooks().quiet(soon).await
            && self.helpdesk.handle.webhooks().quiet(soon).await
    }

    /// An agent makes a ticket that asks for a conversation with this customer.
    #[must_use]
    pub fn ticket_for(&self, phone: &str, name: &str, subject: &str) -> String {
        self.helpdesk.handle.agent_creates(NewTicket {
            requester_phone: Some(phone.to_owned()),
            requester_name: Some(name.to_owned()),
            tags: vec!["whatsapp".to_owned()],
            group: Some("billing".to_owned()),
            subject: subject.to_owned(),
            description: "Made by an agent.".to_owned(),
            ..NewTicket::default()
        })
    }

    /// The conversation that a ticket's link field names.
    #[must_use]
    pub fn conversation_of(&self, ticket: &str) -> Option<String> {
        self.helpdesk
            .handle
            .ticket(ticket)
            .and_then(|t| t.external_id)
    }

    /// The timeline of a ticket.
    ///
    /// # Errors
    /// What the database said.
    pub async fn timeline(&self, ticket: &str) -> Result<Vec<Line>, String> {
        let id = TicketId::parse(ticket).map_err(|e| e.to_string())?;
        self.timeline_of(TimelineOf::Ticket(id)).await
    }

    /// The timeline of a conversation.
    ///
    /// # Errors
    /// What the database said.
    pub async fn timeline_of_conversation(&self, id: &str) -> Result<Vec<Line>, String> {
        let id = ConversationId::parse(id).map_err(|e| e.to_string())?;
        self.timeline_of(TimelineOf::Conversation(id)).await
    }

    async fn timeline_of(&self, whose: TimelineOf) -> Result<Vec<Line>, String> {
        let store = &self.daemon().map_err(|e| e.to_string())?.jobs.store;
        store
            .timeline(None, &whose)
            .await
            .map_err(|e| e.to_string())
    }
}

/// Whether nothing is on its way: every Delivery is settled, no Lane is at work, no Intent is open.
#[must_use]
pub fn is_quiet(counts: &Counts) -> bool {
    let open = ["planned", "sent", "unknown"];
    counts.received.values().all(|n| *n == 0)
        && counts.routed.values().all(|n| *n == 0)
        && counts.lanes_claimed == 0
        && counts
            .intents
            .iter()
            .all(|((_, state), n)| *n == 0 || !open.contains(&state.as_str()))
}

fn point(hooks: &bridge_sandbox::Hooks, url: String) {
    let secret = hooks.target().secret;
    hooks.set_target(Target {
        url: Some(url),
        secret,
    });
}

/// The parts of the configuration that come from the sandboxes.
struct Configured {
    bot: String,
}

impl Configured {
    fn of(options: &StageOptions) -> Self {
        Self {
            bot: options
                .jelou
                .bots
                .first()
                .map(|(id, _)| id.clone())
                .unwrap_or_default(),
        }
    }

    fn text(&self, options: &StageOptions, jelou: &str, helpdesk: &str) -> String {
        let database = options.folder.join("bridge.db");
        format!(
            r#"[server]
listen = "{listen}"
admin_listen = "{admin}"
admin_token = "{ADMIN_TOKEN}"

[database]
url = "sqlite:{database}"

[bridges.{BRIDGE}]
mode = "{mode}"

[bridges.{BRIDGE}.jelou]
project_id = "{project}"
bots = ["{bot}"]
api_key = "{api_key}"
client_id = "{client_id}"
client_secret = "{client_secret}"
signing_secrets = ["{signing_secret}"]
gateway_url = "{jelou}"
api_url = "{jelou}"
messages_url = "{jelou}"
ticket_id_to_jelou = "{ticket_id}"

[bridges.{BRIDGE}.ticketing]
profile = "sandbox"
base_url = "{helpdesk}"
credentials = {{ token = "{token}" }}
webhook_secrets = ["{webhook_secret}"]

{rules}"#,
            listen = options.listen,
            admin = options.admin_listen,
            database = database.display(),
            mode = options.mode,
            project = options.jelou.project_id,
            bot = self.bot,
            api_key = options.jelou.api_key,
            client_id = options.jelou.client_id,
            client_secret = options.jelou.client_secret,
            signing_secret = options.jelou.signing_secret,
            ticket_id = options.ticket_id_to_jelou,
            token = options.helpdesk.token,
            webhook_secret = options.helpdesk.webhook_secret,
            rules = options.rules,
        )
    }
}
