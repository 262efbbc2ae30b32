//! A GLPI 11 that behaves as its source says. Neighbours: `world`, what it keeps; `answers`, what it answers;
//! `fake`, its server and the agent's hands.
//!
//! Its tokens are over after a few calls.

mod answers;
mod world;

pub use world::World;

use super::{
    Config, File, Seen,
    fake::{Answer, Asked, Told, Vendor, now, plain},
};
use serde_json::{Value, json};
use std::time::Duration;
use world::{AGENT, BRIDGE, Ticket};

/// The profile's words, by their numbers less one.
const WORDS: [&str; 6] = ["new", "assigned", "planned", "pending", "solved", "closed"];

impl Vendor for World {
    fn config(&self) -> Config {
        Config {
            profile: "glpi".to_owned(),
            credentials: r#"client_id = "client", client_secret = "of this test", user = "bridge", password = "of this test""#.to_owned(),
            options: format!(r#"{{ bridge_user_id = "{BRIDGE}" }}"#),
            creates_at: "/api.php/v2/Assistance/Ticket",
            logs_in_at: Some("/api.php/token"),
            solved: "solved",
            open_again: "assigned",
            lag: Duration::ZERO,
            webhooks: true,
        }
    }

    fn answers(&mut self, asked: &Asked, told: &mut Told) -> Option<Answer> {
        answers::answer(self, asked, told).map(Answer::from)
    }

    fn knows_no_such_call(&self) -> Answer {
        Answer::from((404, json!({ "status": "ERROR_ITEM_NOT_FOUND" })))
    }

    fn opens(&mut self, user: &str, subject: &str, told: &mut Told) -> String {
        let person = self.person(&format!("wa-{user}"), "Ana Lima", &format!("+{user}"));
        let id = self.makes(subject, "<p>By an agent.</p>", None);
        self.ticket_mut(id).requesters.push(person);
        self.tells_of_ticket("new", id, told);
        id.to_string()
    }

    fn tickets(&self) -> Vec<Seen> {
        self.tickets.iter().map(seen).collect()
    }

    fn sets_status(&mut self, ticket: &str, status: &str, told: &mut Told) {
        let at = WORDS.iter().position(|word| *word == status);
        let id = number(ticket);
        let ticket = self.ticket_mut(id);
        (ticket.status, ticket.updated) = (at.expect("a status") + 1, now());
        self.tells_of_ticket("update", id, told);
    }

    fn says(&mut self, ticket: &str, text: &str, public: bool, told: &mut Told) {
        let content = format!("<p>{text}</p>");
        self.follows_up(number(ticket), AGENT, &content, !public, told);
    }

    fn reads(&self, ticket: &str) -> Vec<String> {
        let ticket = self.ticket(number(ticket));
        let said = ticket.followups.iter().map(|followup| &followup.content);
        let all = std::iter::once(&ticket.content).chain(said);
        all.map(|content| plain(content)).collect()
    }

    fn customers(&self, ticket: &str) -> Option<Vec<String>> {
        let on_it = self.ticket(number(ticket)).requesters.iter();
        let shown = on_it.filter_map(|id| self.person_shown(*id));
        let login = |person: Value| person["username"].as_str().map(str::to_owned);
        let bare = |login: String| login.trim_start_matches("wa-").to_owned();
        Some(shown.filter_map(login).map(bare).collect())
    }

    fn files(&self, _ticket: &str) -> Vec<File> {
        Vec::new()
    }

    fn notes_by_bridge(&self, ticket: &str) -> usize {
        let followups = self.ticket(number(ticket)).followups.iter();
        followups.filter(|f| f.by == BRIDGE && f.private).count()
    }
}

fn number(ticket: &str) -> usize {
    ticket.parse().expect("a number")
}

fn seen(ticket: &Ticket) -> Seen {
    Seen {
        id: ticket.id.to_string(),
        status: WORDS[ticket.status - 1].to_owned(),
        conversation: ticket.external_id.clone(),
    }
}
