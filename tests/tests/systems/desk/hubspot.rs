//! A HubSpot that behaves as its developers' pages say: tickets, contacts and notes are objects with
//! properties, files hang on notes, searches are behind, webhooks come several at once. Neighbours: `world`, what it keeps;
//! `answers`, what it answers; `fake`, its server and the agent's hands.
//!
//! It tells of no note by webhook, and a note leaves its ticket's time of the last change as it is: what an agent writes is
//! found by a round of the sweep that lists notes.

mod answers;
mod world;

pub use world::World;

use super::{
    Config, File, Seen,
    fake::{Answer, Asked, Told, Vendor},
};
use serde_json::json;
use world::{CUSTOMER, Kind, LAG, Object, STAGES, TALK, TOKEN, Writer};

impl Vendor for World {
    fn config(&self) -> Config {
        Config {
            profile: "hubspot".to_owned(),
            credentials: format!(r#"token = "{TOKEN}""#),
            options: "{}".to_owned(),
            creates_at: "/crm/v3/objects/tickets",
            logs_in_at: None,
            solved: "closed",
            open_again: "waiting on us",
            lag: LAG,
            // None tells of a note.
            webhooks: false,
        }
    }

    fn answers(&mut self, asked: &Asked, told: &mut Told) -> Option<Answer> {
        answers::answer(self, asked, told)
    }

    fn opens(&mut self, user: &str, subject: &str, told: &mut Told) -> String {
        let known = self.with(Kind::Contact, CUSTOMER, user);
        let contact = known.map(|contact| contact.id.clone());
        let contact = contact.unwrap_or_else(|| {
            let phone = format!("+{user}");
            let person = json!({ "firstname": "Ana Lima", "phone": phone, CUSTOMER: user });
            self.makes(Kind::Contact, &person, Writer::Agent)
        });
        let asked = json!({ "subject": subject, "content": "By an agent.", "hs_pipeline": "0", "hs_pipeline_stage": "1" });
        let ticket = self.makes(Kind::Ticket, &asked, Writer::Agent);
        self.associates(&ticket, &contact);
        self.tells_of(&ticket, &["hs_pipeline_stage", "subject"], true, told);
        ticket
    }

    fn tickets(&self) -> Vec<Seen> {
        let tickets = self.objects.iter().filter(|o| o.kind == Kind::Ticket);
        tickets.map(seen).collect()
    }

    fn sets_status(&mut self, ticket: &str, status: &str, told: &mut Told) {
        let stage = STAGES.iter().find(|(word, _)| *word == status);
        let (_, stage) = stage.expect("a stage");
        self.changes(ticket, &json!({ "hs_pipeline_stage": stage }));
        self.tells_of(ticket, &["hs_pipeline_stage"], false, told);
    }

    /// What happens at one moment comes in one body, whatever it is about (developers.hubspot.com, Webhooks).
    fn sets_and_opens(
        &mut self,
        ticket: &str,
        status: &str,
        [user, subject]: [&str; 2],
        told: &mut Told,
    ) -> String {
        let mut each = Told::new();
        self.sets_status(ticket, status, &mut each);
        let opened = self.opens(user, subject, &mut each);
        told.push(self.gathered(&each));
        opened
    }

    /// What begins with two signs goes to the customer, as the agents of the bridge's users know.
    fn says(&mut self, ticket: &str, text: &str, public: bool, _told: &mut Told) {
        let sign = if public { "&gt;&gt; " } else { "" };
        let body = format!("<div dir=\"auto\"><p>{sign}{text}</p></div>");
        self.writes_note(ticket, &body, Writer::Agent);
    }

    fn reads(&self, ticket: &str) -> Vec<String> {
        let first = self.object(ticket).text("content");
        let notes = self
            .notes(ticket)
            .map(|note| words(note.text("hs_note_body")));
        std::iter::once(first.to_owned()).chain(notes).collect()
    }

    fn customers(&self, ticket: &str) -> Option<Vec<String>> {
        let contact = self.object(ticket).associated.as_deref();
        let contact = contact.and_then(|id| self.of(Kind::Contact, id));
        let id = contact.map(|contact| contact.text(CUSTOMER).to_owned());
        Some(id.into_iter().collect())
    }

    fn files(&self, ticket: &str) -> Vec<File> {
        let hung = self
            .notes(ticket)
            .flat_map(|note| note.text("hs_attachment_ids").split(';'));
        hung.filter_map(|id| self.files.get(id).cloned()).collect()
    }

    fn notes_by_bridge(&self, ticket: &str) -> usize {
        let ours = |note: &&Object| note.text("hs_object_source") == "INTEGRATION";
        self.notes(ticket).filter(ours).count()
    }
}

fn seen(ticket: &Object) -> Seen {
    let stage = ticket.text("hs_pipeline_stage");
    let word = STAGES.iter().find(|(_, id)| *id == stage);
    let conversation = ticket.text(TALK).to_owned();
    Seen {
        id: ticket.id.clone(),
        status: word.map_or("?", |(word, _)| word).to_owned(),
        conversation: Some(conversation).filter(|id| !id.is_empty()),
    }
}

/// The words of the little HTML there is here.
fn words(html: &str) -> String {
    let signs = [
        ("<div dir=\"auto\">", ""),
        ("</div>", ""),
        ("<p>", ""),
        ("</p>", ""),
        ("<br>", "\n"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ];
    let plain = html.to_owned();
    signs
        .iter()
        .fold(plain, |text, (sign, letter)| text.replace(sign, letter))
}
