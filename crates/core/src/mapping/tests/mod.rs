//! What an operator may rely on when writing a rule: the `language`, what is `made` of it, and how
//! `slips` are told.

mod language;
mod made;
mod slips;

use super::*;
use crate::{
    conversation::ConversationState,
    event::TicketChanged,
    ids::{ConversationId, MessageId, RoomId},
    ticket::{TicketPatch, Version},
};
use serde_json::json;

fn vocabulary() -> Vocabulary {
    let words = |words: &[&str]| words.iter().map(|word| Status::new(word)).collect();
    Vocabulary {
        statuses: words(&["new", "open", "pending", "solved", "closed"]),
        solved: words(&["solved"]),
        final_: words(&["closed"]),
        reopened: Status::new("open"),
        open_ended: false,
        fields: Some(vec!["plan".to_owned(), "priority".to_owned()]),
    }
}

fn spec(written: serde_json::Value) -> MappingSpec {
    serde_json::from_value(written).unwrap()
}

fn mapping(written: serde_json::Value) -> Mapping {
    compile(&spec(written), &vocabulary()).unwrap()
}

/// A mapping with one condition for opening.
fn opens_when(condition: &str) -> Mapping {
    mapping(json!({"conversation": {"open_when": condition, "user_id": "1"}}))
}

/// A mapping under which every ticket asks for a conversation with its requester, and a solved one's is closed.
pub(crate) fn opens_always() -> Mapping {
    mapping(json!({"conversation": {
        "open_when": "true", "user_id": "{{ ticket.requester.phone }}", "close_on_status": ["solved"],
    }}))
}

/// A mapping whose initial message is this template.
fn says(template: &str) -> Mapping {
    mapping(json!({"conversation": {
        "open_when": "true", "user_id": "1", "initial_message": template,
    }}))
}

fn problems(written: serde_json::Value) -> Vec<String> {
    let found = compile(&spec(written), &vocabulary()).unwrap_err();
    found
        .into_iter()
        .map(|p| format!("{}: {}: {}", p.key, p.what, p.remedy))
        .collect()
}

fn problems_of_condition(condition: &str) -> Vec<String> {
    problems(json!({"conversation": {"open_when": condition, "user_id": "1"}}))
}

fn bare() -> Ticket {
    Ticket {
        id: TicketId::parse("42").unwrap(),
        version: Version::None,
        status: Status::new("open"),
        subject: None,
        priority: None,
        tags: vec![],
        group: None,
        requester: Requester::default(),
        assignee: None,
        link_field: None,
        fields: BTreeMap::new(),
        url: None,
        created_at: None,
        merged_into: None,
    }
}

fn ticket() -> Ticket {
    Ticket {
        subject: Some(Text::new("No signal")),
        priority: Some("urgent".to_owned()),
        tags: vec!["whatsapp".to_owned(), "vip".to_owned()],
        group: Some("billing".to_owned()),
        requester: Requester {
            name: Some(Text::new("Ana")),
            phone: Some(Text::new("(11) 8765-4321")),
            ..Requester::default()
        },
        fields: BTreeMap::from([
            ("score".to_owned(), json!(7)),
            ("gone".to_owned(), json!(null)),
        ]),
        ..bare()
    }
}

fn talk() -> Conversation {
    Conversation {
        id: ConversationId::parse("c1").unwrap(),
        bot: BotId::parse("bot").unwrap(),
        user: UserId::parse("5511987654321").unwrap(),
        room: Some(RoomId::parse("5511987654321:bot").unwrap()),
        contact_name: Some(Text::new("Ana")),
        state: ConversationState::Active,
        started_at: None,
        ended_at: None,
        assignment: None,
        initial_message: Some(Text::new("Hello")),
    }
}

fn said(template: &str, ticket: &Ticket) -> String {
    let (bot, user) = (BotId::parse("bot").unwrap(), UserId::parse("1").unwrap());
    let start = says(template).start(ticket, &bot, &user).unwrap();
    start
        .initial_message
        .map(|m| m.reveal().to_owned())
        .unwrap_or_default()
}
