//! The Zendesk of `tests/zendesk`, which behaves as its pages say, as one more system of the suite. Neighbour:
//! `crate::zendesk`, what it keeps, what it answers and how its webhooks are signed.
//!
//! Its webhooks are those of an event subscription: they name neither phones nor files, they go out while
//! whoever caused them is answered, and none comes a second time. An agent goes on when those of what they did
//! were answered, as people are slower than webhooks. Events tell to the nanosecond when they were sent, lists in
//! whole seconds when a comment was written.

use super::{Agent, Config, Doing, File, Seen};
use crate::zendesk::{Account, BRIDGE_USER, TOKEN, Ticket, Zendesk};
use std::{net::SocketAddr, time::Duration};
use tokio::time::Instant;

/// What the incremental export leaves out: a minute at Zendesk, which no story waits.
const EXPORT_LAG: Duration = Duration::from_millis(500);

/// The export's limit and the tickets' times are of a millisecond; this is beyond doubt.
const LISTS_KNOW_AFTER: Duration = Duration::from_millis(700);

/// Webhooks have their answer after this at the latest: the bridge says it in milliseconds, and Zendesk would
/// give up on it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(12);

/// How often it is looked at whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A Zendesk with an agent in it.
pub struct Desk {
    zendesk: Zendesk,
}

impl Desk {
    /// Starts one that posts its webhooks to the bridge named `desk` behind `hooks`.
    pub fn start(hooks: &str, secret: &str) -> Self {
        let zendesk = Zendesk::start(Account {
            export_lag: EXPORT_LAG,
            secret: secret.to_owned(),
            ..Account::default()
        });
        let url = format!("{hooks}/webhooks/desk/ticketing");
        zendesk.hooks().set_url(&url);
        Self { zendesk }
    }

    fn ticket(&self, ticket: &str) -> Ticket {
        self.zendesk.ticket(number_of(ticket))
    }

    /// Lets an agent do something, and the bridge take what is told of it. Nobody may be there to take it.
    async fn does<T>(&self, act: impl FnOnce(&Zendesk) -> T) -> T {
        let outcome = act(&self.zendesk);
        let give_up = Instant::now() + ANSWERED_WITHIN;
        while !self.zendesk.hooks().quiet() {
            assert!(Instant::now() < give_up, "webhooks without an answer");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        outcome
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.zendesk.stop();
    }
}

impl Agent for Desk {
    fn addr(&self) -> SocketAddr {
        self.zendesk.addr
    }

    fn config(&self) -> Config {
        Config {
            profile: "zendesk".to_owned(),
            credentials: format!(r#"user = "{BRIDGE_USER}", password = "{TOKEN}""#),
            options: format!(r#"{{ bridge_user_id = "{}" }}"#, self.zendesk.bridge_user()),
            creates_at: "/api/v2/tickets",
            logs_in_at: None,
            solved: "solved",
            open_again: "open",
            lag: LISTS_KNOW_AFTER,
            webhooks: true,
        }
    }

    fn stop(&self) {
        self.zendesk.stop();
    }

    fn start_again(&self) {
        self.zendesk.start_again();
    }

    fn log(&self) -> String {
        let tickets = self.zendesk.tickets().into_iter();
        let tickets = tickets.map(|ticket| format!("{ticket:?}"));
        let calls = self.zendesk.calls().into_iter();
        let calls = calls.map(|call| format!("{call:?}"));
        tickets.chain(calls).collect::<Vec<_>>().join("\n")
    }

    fn asked_in_vain(&self) -> Vec<String> {
        let calls = self.zendesk.calls().into_iter();
        let in_vain = calls.filter(|call| call.in_vain);
        in_vain
            .map(|call| format!("{} {}", call.method, call.path))
            .collect()
    }

    fn sent(&self) -> (usize, bool) {
        let hooks = self.zendesk.hooks();
        (hooks.told().len(), hooks.quiet())
    }

    fn opens<'a>(&'a self, user: &'a str, subject: &'a str) -> Doing<'a, String> {
        Box::pin(self.does(move |zendesk| {
            // As the bridge itself would name them.
            let known = zendesk.customer_known_as(user);
            let phone = format!("+{user}");
            let customer =
                known.unwrap_or_else(|| zendesk.adds_customer("Ana Lima", &phone, Some(user)));
            let ticket = zendesk.agent_opens(customer, subject, "Support", &[]);
            ticket.to_string()
        }))
    }

    fn sees<'a>(&'a self, ticket: &'a str) -> Doing<'a, Seen> {
        Box::pin(async move { seen(self.ticket(ticket)) })
    }

    fn tickets(&self) -> Doing<'_, Vec<Seen>> {
        Box::pin(async move { self.zendesk.tickets().into_iter().map(seen).collect() })
    }

    fn sets_status<'a>(&'a self, ticket: &'a str, status: &'a str) -> Doing<'a> {
        let ticket = number_of(ticket);
        Box::pin(self.does(move |zendesk| zendesk.agent_sets_status(ticket, status)))
    }

    fn replies<'a>(&'a self, ticket: &'a str, text: &'a str, status: Option<&'a str>) -> Doing<'a> {
        let ticket = number_of(ticket);
        Box::pin(async move {
            let says = |zendesk: &Zendesk| match status {
                Some(status) => zendesk.agent_submits(ticket, text, status),
                None => zendesk.agent_comments(ticket, text, true),
            };
            self.does(says).await;
        })
    }

    fn comments<'a>(&'a self, ticket: &'a str, text: &'a str) -> Doing<'a> {
        let ticket = number_of(ticket);
        Box::pin(async move {
            let says = |zendesk: &Zendesk| zendesk.agent_comments(ticket, text, false);
            self.does(says).await;
        })
    }

    fn reads<'a>(&'a self, ticket: &'a str) -> Doing<'a, Vec<String>> {
        Box::pin(async move {
            let comments = self.ticket(ticket).comments.into_iter();
            comments.map(|comment| comment.body).collect()
        })
    }

    fn files<'a>(&'a self, ticket: &'a str) -> Doing<'a, Vec<File>> {
        Box::pin(async move {
            let comments = self.ticket(ticket).comments.into_iter();
            let files = comments.flat_map(|comment| comment.files);
            files.map(|f| (f.name, f.kind, f.bytes)).collect()
        })
    }

    fn notes_by_bridge<'a>(&'a self, ticket: &'a str) -> Doing<'a, usize> {
        Box::pin(async move {
            let (comments, bridge) = (self.ticket(ticket).comments, self.zendesk.bridge_user());
            let by_bridge = comments.iter().filter(|comment| comment.author == bridge);
            by_bridge.filter(|comment| !comment.public).count()
        })
    }
}

fn number_of(ticket: &str) -> u64 {
    ticket.parse().expect("a number")
}

fn seen(ticket: Ticket) -> Seen {
    Seen {
        id: ticket.id.to_string(),
        status: ticket.status,
        conversation: ticket.external_id,
    }
}
