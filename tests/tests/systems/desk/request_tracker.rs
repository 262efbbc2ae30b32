//! Request Tracker and an agent in it. Neighbours: `tests/request_tracker`, whose agent and instance do the
//! work; `mod`, which the suite speaks to.

use super::{Config, File, Seen, is_an_agent};
use crate::{
    agent::{self, Agent},
    instance::Instance,
};
use std::{collections::BTreeSet, net::SocketAddr, path::Path, time::Duration};
use tokio::sync::Mutex;

/// The system and the agent.
pub struct Desk {
    rt: Instance,
    agent: Agent,
    /// The customers who are known there already.
    people: Mutex<BTreeSet<String>>,
}

impl Desk {
    pub fn start(folder: &Path, hooks: &str, secret: &str) -> Self {
        let rt = Instance::start(folder, &format!("{hooks}/webhooks/desk/ticketing"), secret);
        let agent = Agent::new(rt.addr, rt.token("agent1"));
        let people = Mutex::default();
        Self { rt, agent, people }
    }

    pub fn addr(&self) -> SocketAddr {
        self.rt.addr
    }

    pub fn config(&self) -> Config {
        Config {
            profile: "request-tracker".to_owned(),
            credentials: format!("token = \"{}\"", self.rt.token("bridge")),
            options: r#"{ queue = "WhatsApp" }"#.to_owned(),
            creates_at: "/REST/2.0/ticket",
            logs_in_at: None,
            solved: "resolved",
            open_again: "open",
            lag: Duration::ZERO,
            webhooks: true,
        }
    }

    pub fn stop(&self) {
        self.rt.stop();
    }

    pub fn start_again(&self) {
        self.rt.start_again();
    }

    pub fn log(&self) -> String {
        self.rt.log()
    }

    pub async fn opens(&self, user: &str, subject: &str) -> String {
        // As the bridge itself would name them.
        let name = format!("wa-{user}");
        if self.people.lock().await.insert(name.clone()) {
            let phone = format!("+{user}");
            self.agent.adds_person(&name, "Ana Lima", &phone).await;
        }
        self.agent.opens_ticket(&name, subject).await
    }

    pub async fn sees(&self, ticket: &str) -> Seen {
        seen(self.agent.sees(ticket).await)
    }

    pub async fn tickets(&self) -> Vec<Seen> {
        let found = self.agent.finds("Queue = 'WhatsApp'").await;
        found.into_iter().map(seen).collect()
    }

    pub async fn sets_status(&self, ticket: &str, status: &str) {
        self.agent.sets_status(ticket, status).await;
    }

    pub async fn replies(&self, ticket: &str, text: &str, status: Option<&str>) {
        self.agent.replies(ticket, text, status).await;
    }

    pub async fn comments(&self, ticket: &str, text: &str) {
        self.agent.comments(ticket, text).await;
    }

    pub async fn reads(&self, ticket: &str) -> Vec<String> {
        self.agent.reads(ticket).await
    }

    pub async fn files(&self, ticket: &str) -> Vec<File> {
        self.agent.files(ticket).await
    }

    pub async fn notes_by_bridge(&self, ticket: &str) -> usize {
        self.agent.made_by_bridge(ticket, "Comment").await
    }
}

is_an_agent!(Desk);

fn seen(seen: agent::Seen) -> Seen {
    Seen {
        id: seen.id,
        status: seen.status,
        conversation: seen.conversation,
    }
}
