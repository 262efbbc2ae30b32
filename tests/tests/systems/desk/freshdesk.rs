//! A Freshdesk that behaves as its pages say. Neighbours: `world`, what it keeps; `answers`, what it answers;
//! `fake`, its server and the agent's hands.
//!
//! Its webhook is a rule of the operator's, as deploy/freshdesk tells to write it: which ticket, a secret in a
//! header, and nothing of what changed. Now and then an hour's calls are used up.

mod answers;
mod world;

pub use world::World;

use super::{
    Config, File, Seen,
    fake::{Answer, Asked, Told, Vendor, now, plain},
};
use serde_json::Map;
use std::time::Duration;
use world::{AGENT, BRIDGE, FIELD, Said, Ticket};

/// The profile's words and Freshdesk's numbers.
const WORDS: [(&str, u64); 4] = [("open", 2), ("pending", 3), ("resolved", 4), ("closed", 5)];

impl Vendor for World {
    fn config(&self) -> Config {
        Config {
            profile: self.profile.display().to_string(),
            credentials: r#"token = "of this test""#.to_owned(),
            options: format!(
                r#"{{ conversation_field = "{FIELD}", bridge_user_id = "{BRIDGE}" }}"#
            ),
            creates_at: "/api/v2/tickets",
            logs_in_at: None,
            solved: "resolved",
            open_again: "open",
            lag: Duration::ZERO,
            webhooks: true,
        }
    }

    fn answers(&mut self, asked: &Asked, told: &mut Told) -> Option<Answer> {
        answers::answer(self, asked, told)
    }

    fn knows_no_such_call(&self) -> Answer {
        Answer::from((404, serde_json::Value::Null))
    }

    fn opens(&mut self, user: &str, subject: &str, told: &mut Told) -> String {
        // As the bridge itself would name them.
        let name = Some(user.to_owned());
        let known = self.contacts.iter().find(|c| c.external_id == name);
        let contact = match known {
            Some(contact) => contact.id,
            None => self.adds_contact("Ana Lima", Some(format!("+{user}")), None, name),
        };
        let id = self.makes(subject, "<div>By an agent.</div>", contact, Map::new());
        self.tells(id, "{ticket_action: created}", told);
        id.to_string()
    }

    fn tickets(&self) -> Vec<Seen> {
        self.tickets.iter().map(seen).collect()
    }

    fn sets_status(&mut self, ticket: &str, status: &str, told: &mut Told) {
        let number = WORDS.iter().find(|(word, _)| *word == status);
        let id = number_of(ticket);
        let ticket = self.ticket_mut(id).expect("this ticket");
        (ticket.status, ticket.updated) = (number.expect("a status").1, now());
        self.tells(id, "{status: {to: ..}}", told);
    }

    fn says(&mut self, ticket: &str, text: &str, public: bool, told: &mut Told) {
        let said = Said {
            user: AGENT,
            body: format!("<div>{text}</div>"),
            private: !public,
            incoming: false,
        };
        self.adds(number_of(ticket), said, Vec::new(), told);
    }

    fn reads(&self, ticket: &str) -> Vec<String> {
        let ticket = self.ticket(number_of(ticket)).expect("this ticket");
        let said = ticket.said.iter().map(|(_, said)| &said.body);
        let all = std::iter::once(&ticket.description).chain(said);
        all.map(|html| plain(html)).collect()
    }

    fn files(&self, ticket: &str) -> Vec<File> {
        let ticket = self.ticket(number_of(ticket)).expect("this ticket");
        ticket.files.clone()
    }

    fn notes_by_bridge(&self, ticket: &str) -> usize {
        let ticket = self.ticket(number_of(ticket)).expect("this ticket");
        let said = ticket.said.iter().map(|(_, said)| said);
        said.filter(|said| said.user == BRIDGE && said.private)
            .count()
    }
}

fn number_of(ticket: &str) -> u64 {
    ticket.parse().expect("a number")
}

fn seen(ticket: &Ticket) -> Seen {
    let word = WORDS.iter().find(|(_, number)| *number == ticket.status);
    let conversation = ticket.fields.get(FIELD).and_then(|value| value.as_str());
    Seen {
        id: ticket.id.to_string(),
        status: word.expect("a status").0.to_owned(),
        conversation: conversation.map(str::to_owned),
    }
}
