//! Each operation of a profile, to the byte: what is asked, and what the answer means. The answers are
//! as the vendors' pages show them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "an answer of another form fails its test"
)]

mod support;

use bridge_core::{
    call::CallError,
    effect::Answer,
    text::Text,
    ticket::{Status, Ticket},
    time::Timestamp,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use support::{DEADLINE, Remote, ana, comment, conversation, intent, start, ticket, wild};
use ticketing_adapter::Client;

/// A profile with its remote, and what was asked so far.
struct Talk {
    remote: Remote,
    client: Client,
    said: Vec<String>,
}

impl Talk {
    async fn with(profile: &str, options: &[(&str, &str)]) -> Self {
        let (remote, client) = start(profile, options).await;
        Self {
            remote,
            client,
            said: Vec::new(),
        }
    }

    /// The next answers.
    fn answers(&self, answers: &[(u16, Value)]) {
        for (status, body) in answers {
            match body {
                Value::Null => self.remote.tell_with(*status, &[], ""),
                body => self.remote.tell(*status, body.clone()),
            };
        }
    }

    /// Keeps what was asked, under this name.
    fn kept(&mut self, name: &str) {
        self.said
            .push(format!("# {name}\n{}\n", self.remote.asked()));
    }

    async fn upsert(&mut self, answers: &[(u16, Value)]) -> Answer {
        self.answers(answers);
        let done = self.client.upsert_requester(&ana(), DEADLINE).await;
        self.kept("upsert_requester");
        done.unwrap()
    }

    async fn create(&mut self, answers: &[(u16, Value)]) -> Result<Answer, CallError> {
        self.answers(answers);
        let new = wild("35", "channel");
        let done = self.client.create(&new, &intent(), DEADLINE).await;
        self.kept("create");
        done
    }

    async fn says(&mut self, answers: &[(u16, Value)]) -> Result<Answer, CallError> {
        self.answers(answers);
        let words = Text::new("Olá 👩‍👩‍👧 <b>Ana</b>\nlinha 2");
        let done = self
            .client
            .add_comment(&comment(&ticket(), &words), &intent(), DEADLINE)
            .await;
        self.kept("comment");
        done
    }

    async fn notes(&mut self, answers: &[(u16, Value)]) -> Result<Answer, CallError> {
        self.answers(answers);
        let words = Text::new("Linked to conversation room-77");
        let done = self
            .client
            .add_note(&ticket(), &words, &intent(), DEADLINE)
            .await;
        self.kept("note");
        done
    }

    async fn status(
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

    async fn link(&mut self, answers: &[(u16, Value)]) -> Result<Answer, CallError> {
        self.answers(answers);
        let done = self
            .client
            .write_link_field(&ticket(), &conversation(), DEADLINE)
            .await;
        self.kept("set_link_field");
        done
    }

    async fn fields(&mut self, name: &str, answers: &[(u16, Value)]) -> Result<Answer, CallError> {
        self.answers(answers);
        let fields = BTreeMap::from([(name.to_owned(), Text::new("whatsapp"))]);
        let done = self.client.set_fields(&ticket(), &fields, DEADLINE).await;
        self.kept("set_fields");
        done
    }

    async fn get(&mut self, answers: &[(u16, Value)]) -> Ticket {
        self.answers(answers);
        let read = self.client.ticket(&ticket(), DEADLINE).await;
        self.kept("get");
        read.unwrap()
    }

    async fn found(&mut self, answers: &[(u16, Value)]) -> Vec<Ticket> {
        self.answers(answers);
        let found = self
            .client
            .tickets_by_conversation(&conversation(), DEADLINE)
            .await;
        self.kept("find_by_link_field");
        found.unwrap()
    }

    async fn open(&mut self, answers: &[(u16, Value)]) -> Vec<Ticket> {
        self.answers(answers);
        let found = self.client.open_tickets("35", DEADLINE).await;
        self.kept("find_open_by_requester");
        found.unwrap()
    }

    async fn changed(&mut self, answers: &[(u16, Value)]) -> Vec<Ticket> {
        self.answers(answers);
        let now = Timestamp(1_795_255_200_000);
        let from = self.client.beginning(now);
        let from = self.client.with_overlap(&from, Duration::from_secs(120));
        let changes = self.client.changed_since(&from, DEADLINE).await;
        self.kept("changed_since");
        changes.unwrap().tickets
    }

    /// The comments as `id public? by_agent? by_us? words`.
    async fn comments(&mut self, answers: &[(u16, Value)]) -> Vec<String> {
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

fn is_done(answer: &Result<Answer, CallError>) -> bool {
    matches!(answer, Ok(Answer::Done { .. }))
}

mod freshdesk {
    use super::*;

    fn shown(status: u8) -> Value {
        json!({
            "id": 42, "status": status, "priority": 3, "subject": "Pedido", "tags": ["whatsapp"],
            "requester_id": 35, "responder_id": 9, "group_id": 3, "type": null,
            "custom_fields": { "cf_conversation_id": "room-77", "cf_channel": null },
            "requester": { "id": 35, "name": "Ana", "email": null, "mobile": "+593987654321", "phone": null },
            "created_at": "2026-11-21T09:00:00Z", "updated_at": "2026-11-21T10:00:05Z"
        })
    }

    async fn talk() -> Talk {
        Talk::with("freshdesk", &[("group_id", "3"), ("bridge_user_id", "99")]).await
    }

    #[tokio::test]
    async fn each_operation_asks_what_freshdesks_pages_say() {
        let mut talk = talk().await;
        let contact = json!({ "id": 35, "name": "Ana", "unique_external_id": "593987654321" });
        let made = talk
            .upsert(&[(200, json!([])), (201, contact.clone())])
            .await;
        let id = "35".to_owned();
        assert_eq!(made, Answer::Requester { id });
        assert_eq!(talk.upsert(&[(200, json!([contact]))]).await, made);
        let created = talk.create(&[(201, shown(2))]).await.unwrap();
        assert!(matches!(created, Answer::Created { ticket: t, .. } if t == ticket()));
        let said = json!({ "id": 7, "ticket_id": 42, "body_text": "..", "private": false });
        assert!(is_done(&talk.says(&[(201, said.clone())]).await));
        assert!(is_done(&talk.notes(&[(201, said)]).await));
        assert!(is_done(&talk.status("resolved", &[(200, shown(4))]).await));
        assert!(is_done(&talk.link(&[(200, shown(2))]).await));
        assert!(is_done(
            &talk.fields("cf_channel", &[(200, shown(2))]).await
        ));
        let found = json!({ "total": 1, "results": [shown(2)] });
        assert_eq!(talk.found(&[(200, found)]).await.len(), 1);
        assert_eq!(
            talk.open(&[(200, json!([shown(2), shown(4), shown(5)]))])
                .await
                .len(),
            1
        );
        assert_eq!(talk.changed(&[(200, json!([shown(3)]))]).await.len(), 1);
        insta::assert_snapshot!("freshdesk_requests", talk.said.join("\n"));
    }

    #[tokio::test]
    async fn its_numbers_are_read_as_words_and_a_number_of_the_sites_own_as_itself() {
        let mut talk = talk().await;
        for (number, word) in [
            (2, "open"),
            (3, "pending"),
            (4, "resolved"),
            (5, "closed"),
            (7, "7"),
        ] {
            let read = talk.get(&[(200, shown(number))]).await;
            assert_eq!(read.status.as_str(), word);
        }
        let read = talk.get(&[(200, shown(2))]).await;
        assert_eq!(read.priority.as_deref(), Some("high"));
        assert_eq!(read.link_field, Some(conversation()));
        assert_eq!(read.requester.phone.unwrap().reveal(), "+593987654321");
    }

    #[tokio::test]
    async fn an_agents_reply_is_told_from_notes_customers_and_our_own() {
        let mut talk = talk().await;
        let item = |id: u32, user: u32, private: bool, incoming: bool| {
            json!({ "id": id, "user_id": user, "private": private, "incoming": incoming,
                    "body": "<p>Olá</p>", "body_text": "Olá", "created_at": "2026-11-21T10:00:05Z" })
        };
        let listed = json!([
            item(1, 9, false, false),
            item(2, 9, true, false),
            item(3, 35, false, true),
            item(4, 99, true, false)
        ]);
        let told = talk.comments(&[(200, listed)]).await;
        insta::assert_snapshot!("freshdesk_comments", told.join("\n"));
    }
}

mod redmine {
    use super::*;

    const OPTIONS: &[(&str, &str)] = &[
        ("project", "support"),
        ("conversation_field", "5"),
        ("phone_field", "6"),
        ("bridge_user_id", "99"),
    ];

    fn shown(status: &str, conversation: &str) -> Value {
        json!({ "issue": issue(status, conversation) })
    }

    fn issue(status: &str, conversation: &str) -> Value {
        json!({
            "id": 42, "project": { "id": 1, "name": "Support" }, "tracker": { "id": 3, "name": "Support" },
            "status": { "id": 3, "name": status, "is_closed": false }, "priority": { "id": 2, "name": "Normal" },
            "author": { "id": 99, "name": "Bridge" }, "subject": "Pedido", "description": "Olá",
            "custom_fields": [
                { "id": 5, "name": "Conversation", "value": conversation },
                { "id": 6, "name": "Phone", "value": "+593987654321" },
                { "id": 7, "name": "Channel", "value": "whatsapp" }
            ],
            "created_on": "2026-11-21T09:00:00Z", "updated_on": "2026-11-21T10:00:05Z"
        })
    }

    fn journals(words: &[&str]) -> Value {
        let mut shown = shown("New", "room-77");
        let journal = |(n, words): (usize, &&str)| {
            json!({ "id": n + 1, "user": { "id": 9 }, "notes": words, "private_notes": false,
                    "created_on": "2026-11-21T10:00:05Z", "details": [] })
        };
        shown["issue"]["journals"] = words.iter().enumerate().map(journal).collect();
        shown
    }

    fn statuses() -> Value {
        json!({ "issue_statuses": [{ "id": 1, "name": "New" }, { "id": 8, "name": "Resolved" }] })
    }

    #[tokio::test]
    async fn each_operation_asks_what_redmines_pages_say() {
        let mut talk = Talk::with("redmine", OPTIONS).await;
        talk.create(&[(201, shown("New", "room-77"))])
            .await
            .unwrap();
        let there = journals(&["Olá 👩‍👩‍👧 <b>Ana</b>\r\nlinha 2"]);
        assert!(is_done(
            &talk.says(&[(204, Value::Null), (200, there)]).await
        ));
        let there = journals(&["Linked to conversation room-77"]);
        assert!(is_done(
            &talk.notes(&[(204, Value::Null), (200, there)]).await
        ));
        let set = [
            (200, statuses()),
            (204, Value::Null),
            (200, shown("Resolved", "room-77")),
        ];
        assert!(is_done(&talk.status("resolved", &set).await));
        let set = [(204, Value::Null), (200, shown("New", "room-77"))];
        assert!(is_done(&talk.link(&set).await));
        assert!(is_done(&talk.fields("7", &set).await));
        let list = json!({ "issues": [issue("New", "room-77")], "total_count": 1, "offset": 0, "limit": 100 });
        assert_eq!(talk.found(&[(200, list.clone())]).await.len(), 1);
        assert_eq!(talk.changed(&[(200, list)]).await.len(), 1);
        insta::assert_snapshot!("redmine_requests", talk.said.join("\n"));
    }

    #[tokio::test]
    async fn a_204_that_changed_nothing_is_never_taken_for_done() {
        let mut talk = Talk::with("redmine", OPTIONS).await;
        let set = [
            (200, statuses()),
            (204, Value::Null),
            (200, shown("New", "room-77")),
        ];
        let refused = talk.status("resolved", &set).await.unwrap_err();
        assert!(matches!(refused, CallError::Refused { .. }), "{refused:?}");
        let unsure = talk
            .notes(&[(204, Value::Null), (200, journals(&["other words"]))])
            .await;
        assert!(
            matches!(unsure, Err(CallError::Unknown { .. })),
            "{unsure:?}"
        );
    }

    #[tokio::test]
    async fn a_status_that_the_site_does_not_have_is_refused_unsent() {
        let mut talk = Talk::with("redmine", OPTIONS).await;
        let refused = talk
            .status("feedback", &[(200, statuses())])
            .await
            .unwrap_err();
        assert!(matches!(refused, CallError::Refused { .. }), "{refused:?}");
        assert!(!talk.said.join("").contains("PUT"), "{:?}", talk.said);
    }

    #[tokio::test]
    async fn a_journal_without_words_and_a_private_one_are_not_the_customers() {
        let mut talk = Talk::with("redmine", OPTIONS).await;
        let mut listed = journals(&["Olá Ana", "", "only for us", "Linked"]);
        listed["issue"]["journals"][2]["private_notes"] = json!(true);
        listed["issue"]["journals"][3]["user"]["id"] = json!(99);
        let told = talk.comments(&[(200, listed)]).await;
        insta::assert_snapshot!("redmine_comments", told.join("\n"));
    }
}

mod zammad {
    use super::*;

    fn shown(state: &str) -> Value {
        json!({
            "id": 42, "number": "10042", "title": "Pedido", "group": "Support", "group_id": 1, "state": state,
            "state_id": 2, "priority": "2 normal", "owner": "-", "customer": "wa-593987654321", "customer_id": 35,
            "conversation_id": "room-77", "created_at": "2026-11-21T09:00:00.000Z",
            "updated_at": "2026-11-21T10:00:05.120Z"
        })
    }

    fn customer() -> Value {
        json!({ "id": 35, "login": "wa-593987654321", "firstname": "Ana", "mobile": "+593987654321" })
    }

    fn tags() -> Value {
        json!({ "tags": ["whatsapp"] })
    }

    async fn talk() -> Talk {
        Talk::with("zammad", &[("group", "Support"), ("bridge_user_id", "99")]).await
    }

    #[tokio::test]
    async fn each_operation_asks_what_zammads_pages_say() {
        let mut talk = talk().await;
        let like = json!([{ "id": 7, "login": "wa-5939876543210" }]);
        let made = talk.upsert(&[(200, like), (201, customer())]).await;
        let id = "35".to_owned();
        assert_eq!(made, Answer::Requester { id });
        talk.create(&[(201, shown("new"))]).await.unwrap();
        let said = json!({ "id": 204, "ticket_id": 42 });
        assert!(is_done(&talk.says(&[(201, said.clone())]).await));
        assert!(is_done(&talk.notes(&[(201, said)]).await));
        assert!(is_done(
            &talk.status("closed", &[(200, shown("closed"))]).await
        ));
        assert!(is_done(&talk.link(&[(200, shown("open"))]).await));
        let read = talk
            .get(&[(200, shown("open")), (200, tags()), (200, customer())])
            .await;
        assert_eq!(read.requester.phone.unwrap().reveal(), "+593987654321");
        assert_eq!(
            (read.tags, read.link_field),
            (vec!["whatsapp".to_owned()], Some(conversation()))
        );
        assert_eq!(read.assignee, None, "nobody is written as a dash");
        assert_eq!(talk.found(&[(200, json!([shown("open")]))]).await.len(), 1);
        assert_eq!(
            talk.open(&[(200, json!([shown("open"), shown("closed")]))])
                .await
                .len(),
            1
        );
        let two = json!([shown("open"), shown("open")]);
        let changed = talk
            .changed(&[(200, two), (200, tags()), (200, customer())])
            .await;
        assert_eq!(changed.len(), 2, "one customer of two tickets is read once");
        insta::assert_snapshot!("zammad_requests", talk.said.join("\n"));
    }

    #[tokio::test]
    async fn an_agents_article_is_told_from_internal_ones_customers_and_our_own() {
        let mut talk = talk().await;
        let item = |id: u32, sender: &str, internal: bool, by: u32| {
            json!({ "id": id, "sender": sender, "internal": internal, "created_by_id": by, "type": "note",
                    "content_type": "text/html", "body": "<p>Ol&aacute;</p>", "created_at": "2026-11-21T10:00:05Z" })
        };
        let listed = json!([
            item(1, "Customer", false, 35),
            item(2, "Agent", false, 9),
            item(3, "Agent", true, 9),
            item(4, "Agent", true, 99)
        ]);
        let told = talk.comments(&[(200, listed)]).await;
        insta::assert_snapshot!("zammad_comments", told.join("\n"));
    }
}
