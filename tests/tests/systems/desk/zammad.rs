//! A Zammad that behaves as its pages and its source say. Neighbours: `world`, what it keeps; `answers`, what it
//! answers; `fake`, its server and the agent's hands.
//!
//! All its searches go by an index that is behind. A trigger calls its webhook for every change, whoever made
//! it.

mod answers;
mod world;

pub use world::World;

use super::{
    Config, File, Seen,
    fake::{Answer, Asked, Told, Vendor, plain},
};
use serde_json::{Map, Value, json};
use world::{AGENT, Article, BRIDGE, FIELD, INDEX_LAGS};

impl Vendor for World {
    fn config(&self) -> Config {
        Config {
            profile: self.profile.display().to_string(),
            credentials: r#"token = "of this test""#.to_owned(),
            options: format!(
                r#"{{ group = "Users", conversation_field = "{FIELD}", bridge_user_id = "{BRIDGE}" }}"#
            ),
            creates_at: "/api/v1/tickets",
            logs_in_at: None,
            solved: "closed",
            open_again: "open",
            lag: INDEX_LAGS,
            webhooks: true,
        }
    }

    fn answers(&mut self, asked: &Asked, told: &mut Told) -> Option<Answer> {
        answers::answer(self, asked, told).map(Answer::from)
    }

    fn knows_no_such_call(&self) -> Answer {
        let said = json!({ "error": "This page doesn't exist." });
        Answer::from((404, said))
    }

    fn opens(&mut self, user: &str, subject: &str, told: &mut Told) -> String {
        // As the bridge itself would name them.
        let login = format!("wa-{user}");
        let known = self.users.iter().find(|user| user.login == login);
        let customer = match known {
            Some(user) => user.id,
            None => self.adds_user(&login, "Ana", Some(format!("+{user}")), None),
        };
        let id = self.makes(subject, customer, AGENT, Map::new());
        let article = Article::by(AGENT, "<div>By an agent.</div>", "text/html", true);
        self.adds(id, article, Vec::new(), told);
        id.to_string()
    }

    fn tickets(&self) -> Vec<Seen> {
        let seen = |ticket: &world::Ticket| {
            let conversation = ticket.attributes.get(FIELD).and_then(Value::as_str);
            Seen {
                id: ticket.id.to_string(),
                status: ticket.state.to_owned(),
                conversation: conversation.map(str::to_owned),
            }
        };
        self.tickets.iter().map(seen).collect()
    }

    fn sets_status(&mut self, ticket: &str, status: &str, told: &mut Told) {
        let id = number(ticket);
        assert!(self.moves(id, status, AGENT), "a state: {status}");
        self.tells(id, None, told);
    }

    fn says(&mut self, ticket: &str, text: &str, public: bool, told: &mut Told) {
        let body = format!("<div>{text}</div>");
        let article = Article::by(AGENT, &body, "text/html", !public);
        self.adds(number(ticket), article, Vec::new(), told);
    }

    fn reads(&self, ticket: &str) -> Vec<String> {
        let articles = self
            .ticket(number(ticket))
            .expect("this ticket")
            .articles
            .iter();
        let words = |article: &Article| match article.kind.as_str() {
            "text/html" => plain(&article.body),
            _ => article.body.clone(),
        };
        articles.map(words).collect()
    }

    fn files(&self, ticket: &str) -> Vec<File> {
        let ticket = self.ticket(number(ticket)).expect("this ticket");
        ticket.files.clone()
    }

    fn notes_by_bridge(&self, ticket: &str) -> usize {
        let articles = self
            .ticket(number(ticket))
            .expect("this ticket")
            .articles
            .iter();
        articles.filter(|a| a.by == BRIDGE && a.internal).count()
    }
}

fn number(ticket: &str) -> u64 {
    ticket.parse().expect("a number")
}
