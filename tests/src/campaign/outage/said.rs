//! What was said on one ticket. Neighbours: `desk`, whose ticket it is; `load`, where the customers'
//! messages are numbered.

use serde_json::{Value, json};

/// The comments of a ticket, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Said {
    comments: Vec<Comment>,
    /// The latest of the customer's messages, which are numbered from one.
    message: usize,
    /// How many of them there are.
    messages: usize,
}

#[derive(Clone, Debug)]
struct Comment {
    body: String,
    public: bool,
    at: String,
}

impl Said {
    /// One more comment. Gives it back as it is shown, and what is wrong with it, if anything is: a
    /// customer's message comes once, and after the one before.
    pub fn add(&mut self, ticket: &str, comment: &Value, at: String) -> (Value, Option<String>) {
        let body = comment.get("body").and_then(Value::as_str);
        let body = body.unwrap_or_default().to_owned();
        let public = comment.get("public").and_then(Value::as_bool) == Some(true);
        let mut wrong = None;
        if let Some(number) = number_of(&body).filter(|_| public) {
            if number <= self.message {
                let last = self.message;
                wrong = Some(format!("ticket {ticket}: message {number} after {last}"));
            }
            self.message = number;
            self.messages += 1;
        }
        self.comments.push(Comment { body, public, at });
        let shown = self.comments.last().zip(self.comments.len().checked_sub(1));
        let shown = shown.map(|(comment, index)| comment.shown(ticket, index));
        (shown.unwrap_or_default(), wrong)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.comments.len()
    }

    /// How many of the customer's messages are among them.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.messages
    }

    /// All of them, as they are listed.
    #[must_use]
    pub fn shown(&self, ticket: &str) -> Vec<Value> {
        let all = self.comments.iter().enumerate();
        all.map(|(index, comment)| comment.shown(ticket, index))
            .collect()
    }
}

impl Comment {
    fn shown(&self, ticket: &str, index: usize) -> Value {
        json!({
            "id": format!("{ticket}-{index}"),
            "body": self.body,
            "public": self.public,
            "author": "bridge",
            "created_at": self.at,
            "attachments": [],
        })
    }
}

/// The how manyth message of its customer these words are.
fn number_of(body: &str) -> Option<usize> {
    let (_, rest) = body.split_once("Message ")?;
    rest.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_comes_twice_or_too_late_is_told() {
        let mut said = Said::default();
        let mut add = |body: &str| {
            let comment = json!({"body": body, "public": true});
            said.add("1000", &comment, String::new()).1
        };
        assert_eq!(add("Customer, 10:00:\nMessage 1 of somebody."), None);
        assert_eq!(add("Customer, 10:01:\nMessage 3 of somebody."), None);
        assert!(add("Customer, 10:01:\nMessage 3 of somebody.").is_some());
        assert!(add("Customer, 10:00:\nMessage 2 of somebody.").is_some());
        assert_eq!((said.count(), said.messages()), (4, 4));
    }
}
