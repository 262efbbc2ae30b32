//! Each operation once, with the answers it gets: what is asked is kept for a snapshot. Neighbours:
//! `support`, the remote; a module for each vendor.

use crate::support::{DEADLINE, Remote, ana, comment, conversation, intent, start, ticket, wild};
use bridge_core::{
    call::CallError,
    effect::{Answer, AttachFile},
    ids::MessageId,
    message::{Media, MediaKind},
    text::Text,
    ticket::{Status, Ticket},
    time::Timestamp,
};
use bytes::Bytes;
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use ticketing_adapter::Client;

/// A profile with its remote, and what was asked so far.
pub struct Talk {
    pub remote: Remote,
    pub client: Client,
    pub said: Vec<String>,
}

impl Talk {
    pub async fn with(profile: &str, options: &[(&str, &str)]) -> Self {
        let (remote, client) = start(profile, options).await;
        Self {
            remote,
            client,
            said: Vec::new(),
        }
    }

    /// The next answers.
    pub fn answers(&self, answers: &[(u16, Value)]) {
        for (status, body) in answers {
            match body {
                Value::Null => self.remote.tell_with(*status, &[], ""),
                body => self.remote.tell(*status, body.clone()),
            };
        }
    }

    /// Keeps what was asked, under this name.
    pub fn kept(&mut self, name: &str) {
        self.said
            .push(format!("# {name}\n{}\n", self.remote.asked()));
    }

    pub async fn upsert(&mut self, answers: &[(u16, Value)]) -> Answer {
        self.answers(answers);
        let done = self.client.upsert_requester(&ana(), DEADLINE).await;
        self.kept("upsert_requester");
        done.unwrap()
    }

    pub async fn create(&mut self, answers: &[(u16, Value)]) -> Result<Answer, CallError> {
        self.creates(false, answers).await
    }

    /// The same request once more, after a try that may have been done.
    pub async fn create_again(&mut self, answers: &[(u16, Value)]) -> Result<Answer, CallError> {
        self.creates(true, answers).await
    }

    async fn creates(
        &mut self,
        again: bool,
        answers: &[(u16, Value)],
    ) -> Result<Answer, CallError> {
        self.answers(answers);
        let new = wild("35", "channel");
        let done = self.client.create(&new, &intent(), again, DEADLINE).await;
        self.kept("create");
        done
    }

    /// What is left to do of a create whose ticket is there.
    pub async fn finishes(&mut self, answers: &[(u16, Value)]) -> Result<Answer, CallError> {
        self.answers(answers);
        let mut new = wild("35", "channel");
        new.made = Some(ticket());
        let done = self.client.create(&new, &intent(), true, DEADLINE).await;
        self.kept("finish");
        done
    }

    pub async fn says(&mut self, answers: &[(u16, Value)]) -> Result<Answer, CallError> {
        self.answers(answers);
        let words = Text::new("Olá 👩‍👩‍👧 <b>Ana</b>\nlinha 2");
        let done = self
            .client
            .add_comment(&comment(&ticket(), &words), &intent(), DEADLINE)
            .await;
        self.kept("comment");
        done
    }

    pub async fn notes(&mut self, answers: &[(u16, Value)]) -> Result<Answer, CallError> {
        self.answers(answers);
        let words = Text::new("Linked to conversation room-77");
        let done = self
            .client
            .add_note(&ticket(), &words, &intent(), DEADLINE)
            .await;
        self.kept("note");
        done
    }

    pub async fn attach(&mut self, answers: &[(u16, Value)]) -> Result<Answer, CallError> {
        self.answers(answers);
        let file = picture();
        let bytes = Bytes::from_static(b"\x89PNG\r\n");
        let done = self.client.attach(&file, bytes, &intent(), DEADLINE).await;
        self.kept("attach");
        done
    }

    pub async fn status(
        &mut self,
        status: &str,
        answers: &[(u16, Value)],
    ) -> Result<Answer, CallError> {
        self.answers(answers);
        let status = Status::new(status);
        let done = self.client.set_status(&ticket(), &status, DEADLINE).await;
        self.kept("set_status");
        done
    }

    pub async fn link(&mut self, answers: &[(u16, Value)]) -> Result<Answer, CallError> {
        self.answers(answers);
        let done = self
            .client
            .write_link_field(&ticket(), &conversation(), DEADLINE)
            .await;
        self.kept("set_link_field");
        done
    }

    pub async fn fields(
        &mut self,
        name: &str,
        answers: &[(u16, Value)],
    ) -> Result<Answer, CallError> {
        self.answers(answers);
        let fields = BTreeMap::from([(name.to_owned(), Text::new("whatsapp"))]);
        let done = self.client.set_fields(&ticket(), &fields, DEADLINE).await;
        self.kept("set_fields");
        done
    }

    pub async fn get(&mut self, answers: &[(u16, Value)]) -> Ticket {
        self.answers(answers);
        let read = self.client.ticket(&ticket(), DEADLINE).await;
        self.kept("get");
        read.unwrap()
    }

    pub async fn found(&mut self, answers: &[(u16, Value)]) -> Vec<Ticket> {
        self.answers(answers);
        let found = self
            .client
            .tickets_by_conversation(&conversation(), DEADLINE)
            .await;
        self.kept("find_by_link_field");
        found.unwrap()
    }

    pub async fn open(&mut self, answers: &[(u16, Value)]) -> Vec<Ticket> {
        self.answers(answers);
        let found = self.client.open_tickets("35", DEADLINE).await;
        self.kept("find_open_by_requester");
        found.unwrap()
    }

    pub async fn changed(&mut self, answers: &[(u16, Value)]) -> Vec<Ticket> {
        self.answers(answers);
        let now = Timestamp(1_795_255_200_000);
        let from = self.client.beginning(now);
        let from = self.client.with_overlap(
            ticketing_adapter::Listing::Tickets,
            &from,
            Duration::from_secs(120),
        );
        let changes = self.client.changed_since(&from, DEADLINE).await;
        self.kept("changed_since");
        changes.unwrap().tickets
    }

    /// The comments of all tickets as `ticket id words`.
    pub async fn commented(&mut self, answers: &[(u16, Value)]) -> Vec<String> {
        self.answers(answers);
        let from = self.client.beginning(Timestamp(1_795_255_200_000));
        let page = self.client.commented_since(&from, DEADLINE).await;
        self.kept("commented_since");
        let told = page.unwrap().comments.into_iter().map(|(ticket, c)| {
            let files = c
                .files
                .iter()
                .map(|file| format!(" [{}]", file.name.reveal()));
            let files: String = files.collect();
            format!("{ticket} {} {}{files}", c.id, c.body.reveal())
        });
        told.collect()
    }

    /// The comments as `id public? by_agent? by_us? words`.
    pub async fn comments(&mut self, answers: &[(u16, Value)]) -> Vec<String> {
        self.answers(answers);
        let listed = self.client.comments(&ticket(), DEADLINE).await;
        self.kept("comments");
        let told = listed.unwrap().into_iter().map(|c| {
            let words = c.body.reveal();
            format!("{} {} {} {} {words}", c.id, c.public, c.by_agent, c.by_us)
        });
        told.collect()
    }
}

/// Whether a write was done.
pub fn is_done(answer: &Result<Answer, CallError>) -> bool {
    matches!(answer, Ok(Answer::Done { .. }))
}

/// A customer's picture, on its way to the ticket.
fn picture() -> AttachFile {
    AttachFile {
        ticket: ticket(),
        message: MessageId::parse("wamid.2").unwrap(),
        media: Media {
            kind: MediaKind::Image,
            url: Text::new("https://files.example.org/1"),
            mime_type: "image/png".to_owned(),
            filename: None,
            caption: None,
        },
        name: Text::new("image-1.png"),
        text: Text::new("Foto (1)"),
        public: true,
    }
}
