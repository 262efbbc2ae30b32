//! A stage with words for stories: who does what, and what is waited for. Neighbours: the daemon's
//! `demo::Stage`, which stands behind it; the tests, which play on it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a story that goes wrong ends its test, with what was waited for"
)]

use crate::figures::{self, Figures};
use bridge_sandbox::{Call, Helpdesk, Jelou, Operation, helpdesk::Comment};
use jelou_bridge::demo::{ADMIN_TOKEN, BRIDGE, Stage, StageOptions};
use serde_json::Value;
use std::time::Duration;
use tempfile::TempDir;

/// No story waits longer for one thing: a busy machine is slow, and no rule here waits ten seconds.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A stage, and the folder it works in.
pub struct Play {
    /// Both sandboxes and the daemon.
    pub stage: Stage,
    /// Gone when the story ends.
    pub folder: TempDir,
}

/// A customer as Jelou spells them.
#[must_use]
pub fn user(number: usize) -> String {
    format!("55119{:08}", 87_650_000 + number)
}

/// The same customer as an agent writes them.
#[must_use]
pub fn phone(number: usize) -> String {
    format!("(11) 98765-{number:04}")
}

/// The rules of the demo with one line of them changed; the line must be there.
#[must_use]
pub fn rules(rules: &str, from: &str, to: &str) -> String {
    assert!(rules.contains(from), "the rules have no {from}");
    rules.replace(from, to)
}

impl Play {
    /// The usual stage.
    pub async fn begin() -> Self {
        Self::with(|_| {}).await
    }

    /// A stage on which something is different.
    pub async fn with(differ: impl FnOnce(&mut StageOptions)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = StageOptions::in_folder(folder.path());
        // Stories are not about the halt unless they say so.
        options.rules = rules(&options.rules, "min_count = 20", "min_count = 1000");
        differ(&mut options);
        let stage = Stage::start(options).await.expect("a stage");
        Self { stage, folder }
    }

    /// The Jelou.
    #[must_use]
    pub fn jelou(&self) -> &Jelou {
        &self.stage.jelou.handle
    }

    /// The helpdesk.
    #[must_use]
    pub fn helpdesk(&self) -> &Helpdesk {
        &self.stage.helpdesk.handle
    }

    /// `http://host:port/webhooks/{bridge}` of the daemon.
    #[must_use]
    pub fn door(&self) -> String {
        let daemon = self.stage.daemon().expect("a daemon");
        format!("http://{}/webhooks/{BRIDGE}", daemon.listen)
    }

    /// `host:port` of the admin listener.
    #[must_use]
    pub fn admin(&self) -> String {
        self.stage.daemon().expect("a daemon").admin.to_string()
    }

    /// Its metrics.
    pub async fn figures(&self) -> Figures {
        Figures::of(&self.admin()).await.expect("metrics")
    }

    /// What is parked, as `parked list --json` tells it.
    pub async fn parked(&self) -> Vec<Value> {
        let list = figures::api(&self.admin(), ADMIN_TOKEN, "/parked").await;
        let list = list.expect("the parked work");
        let items = list.get("parked").and_then(Value::as_array).cloned();
        items.expect("a list")
    }

    /// Waits until a condition holds.
    pub async fn until(&self, what: &str, holds: impl FnMut(&Jelou, &Helpdesk) -> bool) {
        let waited = self.stage.wait(what, PATIENCE, holds).await;
        waited.unwrap_or_else(|why| panic!("{why}"));
    }

    /// Waits until a condition on the metrics holds.
    pub async fn until_figures(&self, what: &str, mut holds: impl FnMut(&Figures) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds(&self.figures().await) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        waited
            .await
            .unwrap_or_else(|_| panic!("waited in vain until {what}"));
    }

    /// Waits until nothing is on its way.
    pub async fn settle(&self) {
        let settled = self.stage.settle(PATIENCE).await;
        settled.unwrap_or_else(|why| panic!("{why}"));
    }

    /// An agent makes a ticket that asks for a conversation with this customer.
    #[must_use]
    pub fn ticket(&self, customer: usize) -> String {
        let name = format!("Customer {customer}");
        self.stage.ticket_for(&phone(customer), &name, "A question")
    }

    /// Waits until a ticket names its conversation, and all is quiet.
    pub async fn linked(&self, ticket: &str) -> String {
        let what = format!("ticket {ticket} names its conversation");
        self.until(&what, |_, helpdesk| {
            helpdesk
                .ticket(ticket)
                .is_some_and(|t| t.external_id.is_some())
        })
        .await;
        self.settle().await;
        self.stage.conversation_of(ticket).expect("a conversation")
    }

    /// A ticket and its conversation, both there.
    pub async fn pair(&self, customer: usize) -> (String, String) {
        let ticket = self.ticket(customer);
        let conversation = self.linked(&ticket).await;
        (ticket, conversation)
    }

    /// A customer starts a conversation.
    #[must_use]
    pub fn customer_starts(&self, customer: usize, text: &str) -> String {
        self.jelou()
            .add_user(&user(customer), &format!("Customer {customer}"));
        let started = self.jelou().customer_starts(&user(customer), text);
        started.expect("the customer is free")
    }

    /// Waits until a conversation is on a ticket, and all is quiet. There is one such ticket.
    pub async fn ticket_of(&self, conversation: &str) -> String {
        self.until("the conversation has a ticket", |_, helpdesk| {
            !helpdesk.tickets_of_conversation(conversation).is_empty()
        })
        .await;
        self.settle().await;
        let tickets = self.helpdesk().tickets_of_conversation(conversation);
        let [ticket] = &tickets[..] else {
            panic!("{} tickets for one conversation", tickets.len());
        };
        ticket.id.clone()
    }

    /// Waits until a conversation is closed, and all is quiet.
    pub async fn closed(&self, conversation: &str) {
        let what = format!("conversation {conversation} is closed");
        self.until(&what, |jelou, _| {
            jelou.conversation(conversation).is_some_and(|c| !c.active)
        })
        .await;
        self.settle().await;
    }

    /// Waits until a ticket has a status, and all is quiet.
    pub async fn has_status(&self, ticket: &str, status: &str) {
        let what = format!("ticket {ticket} is {status}");
        self.until(&what, |_, helpdesk| {
            helpdesk.ticket(ticket).is_some_and(|t| t.status == status)
        })
        .await;
        self.settle().await;
    }

    /// A ticket's status now.
    #[must_use]
    pub fn status(&self, ticket: &str) -> String {
        self.helpdesk().ticket(ticket).expect("the ticket").status
    }

    /// An agent sets a status.
    pub fn sets(&self, ticket: &str, status: &str) {
        let set = self.helpdesk().agent_sets_status(ticket, status);
        set.unwrap_or_else(|why| panic!("{why}"));
    }

    /// The internal notes on a ticket.
    #[must_use]
    pub fn notes(&self, ticket: &str) -> Vec<Comment> {
        let mut all = self.helpdesk().comments(ticket);
        all.retain(|comment| !comment.public);
        all
    }

    /// How often Jelou was asked this.
    #[must_use]
    pub fn asked_of_jelou(&self, operation: Operation) -> usize {
        count(&self.jelou().calls(), operation)
    }

    /// How often the helpdesk was asked this.
    #[must_use]
    pub fn asked_of_helpdesk(&self, operation: Operation) -> usize {
        count(&self.helpdesk().calls(), operation)
    }

    /// The sentences of a ticket's timeline.
    pub async fn timeline(&self, ticket: &str) -> Vec<String> {
        let lines = self.stage.timeline(ticket).await.expect("a timeline");
        lines
            .into_iter()
            .filter_map(|line| match line {
                jelou_bridge::store::Line::Entry { sentence, .. } => Some(sentence),
                jelou_bridge::store::Line::Delivery { .. } => None,
            })
            .collect()
    }
}

fn count(calls: &[Call], operation: Operation) -> usize {
    calls
        .iter()
        .filter(|call| call.operation == operation)
        .count()
}
