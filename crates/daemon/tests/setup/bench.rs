//! Both sandboxes, a configuration in a folder, and the program beside them. Neighbours: the stories.

use bridge_sandbox::{
    Delivered, Helpdesk, HelpdeskOptions, Jelou, JelouOptions, Outcome, RunningHelpdesk,
    RunningJelou, Target,
};
use jelou_bridge::{
    app::{self, RunOptions, Running},
    clock, config,
    demo::StageOptions,
};
use serde_json::Value;
use std::{net::TcpListener, path::PathBuf, process::Output, time::Duration};
use tempfile::TempDir;
use tokio::process::Command;

/// How long a story may take to settle, on a busy machine.
pub const WITHIN: Duration = Duration::from_secs(30);

/// An integration of somebody else.
pub const FOREIGN: &str = "https://other.example.org/hooks/jelou";

pub struct Bench {
    pub jelou: RunningJelou,
    pub folder: TempDir,
    listen: String,
    pub helpdesk: RunningHelpdesk,
}

impl Bench {
    /// A Jelou without an integration, and a bridge `main` whose first signing secret is there.
    pub async fn new(secret: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let jelou = Jelou::start(JelouOptions::default()).await.unwrap();
        let helpdesk = Helpdesk::start(HelpdeskOptions::default()).await.unwrap();
        let mut options = StageOptions::in_folder(folder.path());
        options.listen = free();
        options.admin_listen = free();
        let text = options.config(&jelou.url(), &helpdesk.url());
        let text = text.replace("[bridges.demo", "[bridges.main");
        let text = replaced(
            &text,
            "[server]\n",
            &format!("[server]\npublic_url = \"http://{}\"\n", options.listen),
        );
        let text = replaced(&text, "\"sandbox-signing-secret\"", secret);
        std::fs::write(folder.path().join("bridge.toml"), text).unwrap();
        Self {
            jelou,
            folder,
            listen: options.listen,
            helpdesk,
        }
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("bridge.toml")
    }

    pub fn change(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        std::fs::write(self.config(), replaced(&text, from, to)).unwrap();
    }

    /// Another ticketing system: all of its table up to the rules.
    pub fn ticketing(&self, lines: &str) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        let (head, rest) = text.split_once("[bridges.main.ticketing]\n").unwrap();
        let (_, rules) = rest.split_once("\n[").unwrap();
        let text = format!("{head}[bridges.main.ticketing]\n{lines}\n[{rules}");
        std::fs::write(self.config(), text).unwrap();
    }

    pub fn secret_file(&self) -> PathBuf {
        self.folder.path().join("jelou-secret")
    }

    pub fn secrets(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.secret_file()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    pub fn was_broken_off(&self) -> bool {
        self.folder.path().join("jelou-secret.new").exists()
    }

    pub fn webhook_url(&self) -> String {
        format!("http://{}/webhooks/main/jelou", self.listen)
    }

    pub fn jelou_sends_to(&self, url: &str) {
        let hooks = self.jelou.handle.webhooks();
        let secret = hooks.target().secret;
        let url = Some(url.to_owned());
        hooks.set_target(Target { url, secret });
    }

    /// The helpdesk sends its webhooks to the bridge.
    pub fn hears_the_helpdesk(&self) {
        self.helpdesk.handle.webhooks().set_target(Target {
            url: Some(self.webhook_url().replace("/jelou", "/ticketing")),
            secret: HelpdeskOptions::default().webhook_secret,
        });
    }

    /// The line that holds the helpdesk's token.
    pub fn helpdesk_token(&self) -> String {
        format!("token = \"{}\"", HelpdeskOptions::default().token)
    }

    pub async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jelou-bridge"));
        command
            .env_remove("JELOU_BRIDGE_ADMIN_TOKEN")
            .env("JELOU_BRIDGE_CONFIG", self.config())
            .env("BENCH_SECRET", "from-outside")
            .args(arguments)
            .kill_on_drop(true);
        let ended = tokio::time::timeout(WITHIN, command.output()).await;
        ended.unwrap().unwrap()
    }

    pub async fn check(&self) -> bool {
        let checked = self.run(&["check"]).await;
        let told = said(&checked);
        assert!(
            code(&checked) == 0 || told.contains("jelou-bridge setup"),
            "{told}"
        );
        code(&checked) == 0
    }

    /// The daemon in this process, which reloads from the file.
    pub async fn daemon(&self) -> Running {
        let config = config::load(&self.config()).unwrap();
        let options = RunOptions {
            config: self.config(),
            migrate: true,
        };
        app::start(config, &options, Some(self.config()))
            .await
            .unwrap()
    }

    /// A customer begins to talk, and what Jelou tells of it is stored.
    pub async fn a_customer_is_heard(&self) {
        let jelou = &self.jelou.handle;
        jelou.customer_starts("5511900000001", "Oi").unwrap();
        let give_up = clock::now().plus(WITHIN);
        loop {
            let told = jelou.webhooks().all();
            let refused = |one: &&Delivered| matches!(one.outcome, Outcome::Answered { status } if status != 200);
            assert!(!told.iter().any(|one| refused(&one)), "{told:?}");
            if !told.is_empty()
                && told
                    .iter()
                    .all(|one| one.outcome == Outcome::Answered { status: 200 })
            {
                return;
            }
            assert!(clock::now() < give_up, "{told:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is there");
    text.replace(from, to)
}

pub fn free() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// All that was printed.
pub fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(both).unwrap()
}

pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}
