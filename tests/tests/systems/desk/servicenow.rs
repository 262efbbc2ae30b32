//! A ServiceNow that behaves as its Table API and Attachment API say, with the business rule that
//! `deploy/servicenow` ships. Neighbours: `world`, what it keeps; `answers`, what it answers; `fake`, its
//! server and the agent's hands.

mod answers;
mod world;

pub use world::World;

use super::{
    Config, File, Seen,
    fake::{Answer, Asked, Told, Vendor},
};
use serde_json::{Value, json};
use std::time::Duration;
use world::{AGENT, BRIDGE, PASSWORD, Record, STATES};

impl Vendor for World {
    fn config(&self) -> Config {
        Config {
            profile: "servicenow".to_owned(),
            credentials: format!(r#"user = "{BRIDGE}", password = "{PASSWORD}""#),
            options: format!(r#"{{ bridge_user = "{BRIDGE}" }}"#),
            creates_at: "/api/now/table/incident",
            logs_in_at: None,
            solved: "resolved",
            open_again: "in progress",
            lag: Duration::ZERO,
            // The business rule tells which incident changed, and not what was said.
            webhooks: false,
        }
    }

    fn answers(&mut self, asked: &Asked, told: &mut Told) -> Option<Answer> {
        answers::answer(self, asked, told)
    }

    fn knows_no_such_call(&self) -> Answer {
        let error =
            json!({ "message": "Requested URI does not represent any resource", "detail": null });
        Answer::from((400, json!({ "error": error, "status": "failure" })))
    }

    fn opens(&mut self, user: &str, subject: &str, told: &mut Told) -> String {
        let name = format!("wa-{user}");
        let known = self.users.iter().find(|row| row["user_name"] == name);
        let caller = match known {
            Some(row) => row["sys_id"].clone(),
            None => self.adds_user(&[
                ("user_name", &name),
                ("name", "Ana Lima"),
                ("mobile_phone", &format!("+{user}")),
            ]),
        };
        let asked = json!({ "short_description": subject, "description": "By an agent.", "caller_id": caller });
        self.makes(&asked, AGENT, told)
    }

    fn tickets(&self) -> Vec<Seen> {
        self.incidents.iter().map(seen).collect()
    }

    fn sets_status(&mut self, ticket: &str, status: &str, told: &mut Told) {
        let states = STATES.iter().find(|(word, _)| *word == status);
        let (_, state) = states.expect("a state");
        let mut change = json!({ "state": state });
        if status == "resolved" {
            change["close_code"] = json!("Solution provided");
            change["close_notes"] = json!("Done.");
        }
        let changed = self.changes(ticket, &change, AGENT, told);
        changed.expect("the form has all that is asked for");
    }

    fn says(&mut self, ticket: &str, text: &str, public: bool, told: &mut Told) {
        let field = if public { "comments" } else { "work_notes" };
        let changed = self.changes(ticket, &json!({ field: text }), AGENT, told);
        changed.expect("anybody may write");
    }

    fn reads(&self, ticket: &str) -> Vec<String> {
        let first = self.incident(ticket)["description"].clone();
        let journal = self.journal.iter();
        let said = journal.filter(|entry| entry["element_id"] == ticket);
        let said = said.map(|entry| entry["value"].clone());
        std::iter::once(first).chain(said).collect()
    }

    fn files(&self, ticket: &str) -> Vec<File> {
        let files = self.files.iter().filter(|(on, _)| on == ticket);
        files.map(|(_, file)| file.clone()).collect()
    }

    fn notes_by_bridge(&self, ticket: &str) -> usize {
        let journal = self.journal.iter();
        let ours = journal.filter(|entry| {
            entry["element_id"] == ticket
                && entry["element"] == "work_notes"
                && entry["sys_created_by"] == BRIDGE
        });
        ours.count()
    }
}

fn seen(incident: &Record) -> Seen {
    let state = STATES.iter().find(|(_, code)| *code == incident["state"]);
    let conversation = incident["correlation_id"].clone();
    Seen {
        id: incident["sys_id"].clone(),
        status: state.map_or("?", |(word, _)| word).to_owned(),
        conversation: Some(conversation).filter(|id| !id.is_empty()),
    }
}

/// What a refusal looks like.
fn refusal(status: u16, message: &str, detail: &str) -> Answer {
    let error: Value = json!({ "message": message, "detail": detail });
    Answer::from((status, json!({ "error": error, "status": "failure" })))
}
