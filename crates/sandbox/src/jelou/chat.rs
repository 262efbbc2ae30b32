//! What the chat page shows of one customer. Neighbour: control, which serves it.

use super::{
    Jelou,
    record::{Conversation, Spoken, User},
};
use crate::stage::lock;
use serde::Serialize;
use serde_json::Value;

/// The page on which a person plays the customer: `GET /`.
pub(super) const PAGE: &str = include_str!("chat.html");

/// What a customer has on the phone, and whose phones there are.
#[derive(Debug, Serialize)]
pub(super) struct Chat {
    users: Vec<User>,
    /// The customer's conversations, oldest first.
    conversations: Vec<Talk>,
    /// What was said to and by the customer, in order; also what did not arrive.
    spoken: Vec<Spoken>,
}

#[derive(Debug, Serialize)]
struct Talk {
    id: String,
    active: bool,
    start_at_ms: i64,
    end_at_ms: Option<i64>,
    ended_reason: Option<String>,
    assignment: Option<Value>,
    /// `customer`, or `bridge` where the API began it.
    started_by: &'static str,
}

impl Jelou {
    /// What the chat page shows of a customer; nobody's, where there is no such one.
    pub(super) fn chat(&self, user: &str) -> Chat {
        let world = lock(&self.0.world);
        let conversations = world.conversations.iter();
        let conversations = conversations.filter(|talk| talk.user == user);
        let spoken = world.spoken.iter().filter(|one| one.user == user);
        Chat {
            users: world.users.values().cloned().collect(),
            conversations: conversations.map(Talk::of).collect(),
            spoken: spoken.cloned().collect(),
        }
    }
}

impl Talk {
    fn of(talk: &Conversation) -> Self {
        Self {
            id: talk.id.clone(),
            active: talk.active,
            start_at_ms: talk.start_at_ms,
            end_at_ms: talk.end_at_ms,
            ended_reason: talk.ended_reason.clone(),
            assignment: talk.assignment.clone(),
            started_by: match talk.asked_user {
                Some(_) => "bridge",
                None => "customer",
            },
        }
    }
}
