//! An osTicket that behaves as the source of its API says: it makes tickets, and knows no other call. It sends
//! no webhooks. Neighbour: `fake`, its server and the agent's hands.

use super::{
    Config, File, Seen,
    fake::{Answer, Asked, Told, Vendor},
};
use serde_json::json;
use std::time::Duration;

const KEY: &str = "KEY-OF-THIS-TEST";

/// The variable of a text field of the ticket form.
const TALK: &str = "jelou_conversation";

/// A ticket.
struct Ticket {
    number: String,
    subject: String,
    message: String,
    conversation: Option<String>,
    closed: bool,
}

#[derive(Default)]
pub struct World {
    tickets: Vec<Ticket>,
}

impl World {
    fn makes(&mut self, subject: &str, message: &str, conversation: Option<String>) -> String {
        // Its numbers have zeros before them where a site counts.
        let number = format!("{:06}", self.tickets.len() + 1);
        self.tickets.push(Ticket {
            number: number.clone(),
            subject: subject.to_owned(),
            message: message.to_owned(),
            conversation,
            closed: false,
        });
        number
    }

    fn ticket(&self, number: &str) -> &Ticket {
        let found = self.tickets.iter().find(|t| t.number == number);
        found.expect("this ticket")
    }
}

/// What begins with `data:` is read as RFC 2397 says, and pictures among the words are taken out.
fn message(sent: &str) -> String {
    let words = match sent.strip_prefix("data:") {
        Some(data) => data.split_once(',').map_or("", |(_, words)| words),
        None => sent,
    };
    let pictures = |c: char| ('\u{1f300}'..='\u{1faff}').contains(&c);
    words.replace(pictures, "")
}

impl Vendor for World {
    fn config(&self) -> Config {
        Config {
            profile: "osticket".to_owned(),
            credentials: format!("token = \"{KEY}\""),
            options: format!(
                "{{ mail_domain = \"acme.example\", conversation_field = \"{TALK}\" }}"
            ),
            creates_at: "/api/tickets.json",
            logs_in_at: None,
            solved: "closed",
            open_again: "open",
            lag: Duration::ZERO,
            webhooks: false,
        }
    }

    /// No ticket is ever read, so none opens a conversation; no status is read, and none can be set.
    fn rules(&self, common: &str) -> String {
        let of_status = ["close_on_status", "status_on_close"];
        let others = |line: &&str| !of_status.iter().any(|key| line.starts_with(key));
        let unopened = |line| match str::starts_with(line, "open_when") {
            true => "open_when = \"false\"",
            false => line,
        };
        let lines: Vec<&str> = common.lines().filter(others).map(unopened).collect();
        lines.join("\n")
    }

    fn answers(&mut self, asked: &Asked, _told: &mut Told) -> Option<Answer> {
        let (method, path) = asked.words();
        let ("POST", ["api", "tickets.json"]) = (method, &path[..]) else {
            return None;
        };
        let said = |status: u16, words: &str| Some(Answer::from((status, json!(words))));
        if asked.header("x-api-key") != KEY {
            return said(401, "Valid API key required");
        }
        let missing = ["name", "email", "subject", "message"];
        let mut missing = missing.iter().filter(|key| asked.text(key).is_empty());
        if let Some(key) = missing.next() {
            let words = format!("Unable to create new ticket: validation errors:\n{key}: required");
            return said(400, &words);
        }
        // Whether the domain takes mail.
        if !asked.text("email").ends_with("@acme.example") {
            return said(
                400,
                "Unable to create new ticket: validation errors:\nemail: not valid",
            );
        }
        let conversation = asked.body[TALK].as_str().map(str::to_owned);
        let words = message(&asked.text("message"));
        let number = self.makes(&asked.text("subject"), &words, conversation);
        said(201, &number)
    }

    fn knows_no_such_call(&self) -> Answer {
        Answer::from((400, json!("URL not supported")))
    }

    fn opens(&mut self, _user: &str, subject: &str, _told: &mut Told) -> String {
        self.makes(subject, "By an agent.", None)
    }

    fn tickets(&self) -> Vec<Seen> {
        let seen = |ticket: &Ticket| Seen {
            id: ticket.number.clone(),
            status: if ticket.closed { "closed" } else { "open" }.to_owned(),
            conversation: ticket.conversation.clone(),
        };
        self.tickets.iter().map(seen).collect()
    }

    fn sets_status(&mut self, ticket: &str, status: &str, _told: &mut Told) {
        let found = self.tickets.iter_mut().find(|t| t.number == ticket);
        found.expect("this ticket").closed = status == "closed";
    }

    /// It goes out by mail.
    fn says(&mut self, _ticket: &str, _text: &str, _public: bool, _told: &mut Told) {}

    fn reads(&self, ticket: &str) -> Vec<String> {
        let ticket = self.ticket(ticket);
        vec![ticket.subject.clone(), ticket.message.clone()]
    }

    fn files(&self, _ticket: &str) -> Vec<File> {
        Vec::new()
    }

    fn notes_by_bridge(&self, _ticket: &str) -> usize {
        0
    }
}

#[test]
fn it_reads_a_message_as_osticket_does() {
    assert_eq!(message("data:text/plain;charset=utf-8,a, b"), "a, b");
    assert_eq!(message("a \u{1f642} b"), "a  b");
}
