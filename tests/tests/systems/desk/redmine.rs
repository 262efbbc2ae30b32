//! A Redmine 5.0 that behaves as the one that was run, and its pages, say. Neighbours: `world`, what it keeps;
//! `answers`, what it answers; `fake`, its server and the agent's hands.
//!
//! It has no webhooks, or those of the coming version as its source makes them; it keeps no customers, and says 204 to what it did not do.

mod answers;
mod world;

pub use world::World;

use super::{
    Config, File, Seen,
    fake::{Answer, Asked, Told, Vendor},
};
use serde_json::json;
use std::time::Duration;
use world::{AGENT, BRIDGE, CONVERSATION, Change, Issue, PHONE, STATUSES};

impl Vendor for World {
    fn config(&self) -> Config {
        Config {
            profile: "redmine".to_owned(),
            credentials: r#"token = "of this test""#.to_owned(),
            options: format!(
                r#"{{ project = "support", conversation_field = "{CONVERSATION}", phone_field = "{PHONE}", bridge_user_id = "{BRIDGE}" }}"#
            ),
            creates_at: "/issues.json",
            logs_in_at: None,
            solved: "resolved",
            open_again: "in progress",
            lag: Duration::ZERO,
            // Its journals are read when it tells of their issue.
            webhooks: self.secret.is_some(),
        }
    }

    fn answers(&mut self, asked: &Asked, told: &mut Told) -> Option<Answer> {
        answers::answer(self, asked, told).map(Answer::from)
    }

    fn opens(&mut self, user: &str, subject: &str, told: &mut Told) -> String {
        let fields = [(PHONE, format!("+{user}"))];
        let id = self.makes(subject, "By an agent.", AGENT, fields.into());
        self.tells("issue.created", id, told);
        id.to_string()
    }

    fn tickets(&self) -> Vec<Seen> {
        self.issues.iter().map(seen).collect()
    }

    fn sets_status(&mut self, ticket: &str, status: &str, told: &mut Told) {
        let known = STATUSES
            .iter()
            .find(|(_, name, _)| name.to_lowercase() == status);
        let change = Change {
            status: Some(known.expect("a status").0),
            ..Change::default()
        };
        self.changes(number(ticket), AGENT, change);
        self.tells("issue.updated", number(ticket), told);
        let issue = self.issue(number(ticket)).expect("this issue");
        assert_eq!(seen(issue).status, status, "the workflow has this way");
    }

    fn says(&mut self, ticket: &str, text: &str, public: bool, told: &mut Told) {
        let change = Change {
            notes: text.to_owned(),
            private: !public,
            ..Change::default()
        };
        self.changes(number(ticket), AGENT, change);
        self.tells("issue.updated", number(ticket), told);
    }

    fn reads(&self, ticket: &str) -> Vec<String> {
        let issue = self.issue(number(ticket)).expect("this issue");
        let notes = issue.journals.iter().map(|journal| journal.notes.clone());
        let all = std::iter::once(issue.description.clone()).chain(notes);
        all.filter(|text| !text.is_empty()).collect()
    }

    fn files(&self, ticket: &str) -> Vec<File> {
        let issue = self.issue(number(ticket)).expect("this issue");
        issue.files.clone()
    }

    fn notes_by_bridge(&self, ticket: &str) -> usize {
        let issue = self.issue(number(ticket)).expect("this issue");
        let notes = issue
            .journals
            .iter()
            .filter(|j| j.by == BRIDGE && j.private);
        notes.count()
    }

    fn knows_no_such_call(&self) -> Answer {
        Answer::from((404, json!(null)))
    }
}

fn number(ticket: &str) -> u64 {
    ticket.parse().expect("a number")
}

fn seen(issue: &Issue) -> Seen {
    let name = STATUSES.iter().find(|(id, ..)| *id == issue.status);
    let conversation = issue.fields.get(&CONVERSATION);
    Seen {
        id: issue.id.to_string(),
        status: name.expect("a status").1.to_lowercase(),
        conversation: conversation.filter(|id| !id.is_empty()).cloned(),
    }
}
