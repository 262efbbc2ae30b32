//! Both sandboxes in this process, and the real program between them as a process of its own.
//! Neighbours: `program`, which starts it; `play`, where the daemon runs within the test.

use crate::program::{self, Program, free_port};
use bridge_sandbox::{Helpdesk, Hooks, Jelou, RunningHelpdesk, RunningJelou, Target};
use jelou_bridge::demo::{BRIDGE, StageOptions};

/// Both sandboxes, and how the program between them is started.
#[derive(Debug)]
pub struct Process {
    /// The Jelou.
    pub jelou: RunningJelou,
    /// The helpdesk.
    pub helpdesk: RunningHelpdesk,
    /// The program, not started yet.
    pub program: Program,
    /// `host:port` for webhooks.
    pub listen: String,
}

impl Process {
    /// Starts the sandboxes, builds the program, writes its configuration into the options' folder,
    /// and points the webhooks at where it will listen.
    ///
    /// # Errors
    /// What went wrong, in a sentence.
    pub async fn set(mut options: StageOptions) -> Result<Self, String> {
        let path = program::built().await?;
        options.listen = format!("127.0.0.1:{}", free_port()?);
        options.admin_listen = format!("127.0.0.1:{}", free_port()?);
        let jelou = Jelou::start(options.jelou.clone()).await;
        let jelou = jelou.map_err(|error| error.to_string())?;
        let helpdesk = Helpdesk::start(options.helpdesk.clone()).await;
        let helpdesk = helpdesk.map_err(|error| error.to_string())?;
        let config = options.folder.join("bridge.toml");
        std::fs::write(&config, options.config(&jelou.url(), &helpdesk.url()))
            .map_err(|error| error.to_string())?;
        let base = format!("http://{}/webhooks/{BRIDGE}", options.listen);
        point(jelou.handle.webhooks(), format!("{base}/jelou"));
        point(helpdesk.handle.webhooks(), format!("{base}/ticketing"));
        let program = Program {
            path,
            config,
            log: options.folder.join("daemon.log"),
            level: "info",
            before: Vec::new(),
            environment: Vec::new(),
            admin: options.admin_listen,
        };
        Ok(Self {
            jelou,
            helpdesk,
            program,
            listen: options.listen,
        })
    }

    /// `http://host:port/webhooks/{bridge}`.
    #[must_use]
    pub fn door(&self) -> String {
        format!("http://{}/webhooks/{BRIDGE}", self.listen)
    }
}

fn point(hooks: &Hooks, url: String) {
    let secret = hooks.target().secret;
    let url = Some(url);
    hooks.set_target(Target { url, secret });
}
