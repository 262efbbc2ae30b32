//! A Jira Service Management that behaves as Atlassian's pages say. Neighbours: `world`, what it keeps;
//! `answers`, what it answers; `fake`, its server and the agent's hands.

mod answers;
mod world;

pub use world::World;

use super::{
    Config, File, Seen,
    fake::{Answer, Asked, Told, Vendor},
};
use serde_json::Value;
use std::time::Duration;
use world::{AGENT, BRIDGE, Issue};

impl Vendor for World {
    fn config(&self) -> Config {
        Config {
            profile: "jira-sm".to_owned(),
            credentials: r#"user = "bridge@example.org", token = "of this test""#.to_owned(),
            options: format!(
                r#"{{ project = "SUP", service_desk_id = "4", request_type_id = "11", conversation_field = "10050", bridge_user_id = "{BRIDGE}" }}"#
            ),
            creates_at: "/rest/servicedeskapi/request",
            logs_in_at: None,
            solved: "resolved",
            open_again: "in progress",
            lag: Duration::ZERO,
            webhooks: true,
        }
    }

    fn answers(&mut self, asked: &Asked, told: &mut Told) -> Option<Answer> {
        answers::answer(self, asked, told).map(Answer::from)
    }

    fn opens(&mut self, user: &str, subject: &str, told: &mut Told) -> String {
        let person = self.person(&format!("wa-{user}@wa.invalid"), "Ana Lima");
        let key = self.makes(subject, &person, serde_json::Map::new());
        self.tells_of_issue("jira:issue_created", &key, AGENT, told);
        key
    }

    fn tickets(&self) -> Vec<Seen> {
        self.issues.iter().map(seen).collect()
    }

    fn sets_status(&mut self, ticket: &str, status: &str, told: &mut Told) {
        self.moves(ticket, status);
        self.tells_of_issue("jira:issue_updated", ticket, AGENT, told);
    }

    fn says(&mut self, ticket: &str, text: &str, public: bool, told: &mut Told) {
        self.comments(ticket, AGENT, text, public, told);
    }

    fn reads(&self, ticket: &str) -> Vec<String> {
        let issue = self.issue(ticket);
        let said = issue.comments.iter().map(|comment| comment.body.clone());
        std::iter::once(issue.description.clone())
            .chain(said)
            .collect()
    }

    fn files(&self, ticket: &str) -> Vec<File> {
        self.issue(ticket).files.clone()
    }

    fn notes_by_bridge(&self, ticket: &str) -> usize {
        let comments = self.issue(ticket).comments.iter();
        comments.filter(|c| c.author == BRIDGE && !c.public).count()
    }
}

fn seen(issue: &Issue) -> Seen {
    let conversation = issue
        .fields
        .get("customfield_10050")
        .and_then(Value::as_str);
    Seen {
        id: issue.key.clone(),
        status: issue.status.to_lowercase(),
        conversation: conversation.map(str::to_owned),
    }
}
