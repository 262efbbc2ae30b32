//! How this Zendesk shows what it keeps (developer.zendesk.com, pages "Tickets", "Users", "Ticket
//! Comments"): ids are numbers here, and text in webhooks. Neighbour: `world`.

use super::world::{Comment, Ticket, User, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// `2026-11-21T10:00:05Z`.
pub fn seconds(ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(ms).expect("a time");
    format!("{at:.0}")
}

/// To the nanosecond, as an event's own time is written.
pub fn precise(ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(ms).expect("a time");
    format!("{at:.9}")
}

pub fn ticket(world: &World, ticket: &Ticket) -> Value {
    let fields: Vec<Value> = ticket
        .fields
        .iter()
        .map(|(id, value)| json!({"id": id, "value": value}))
        .collect();
    json!({
        "url": world.url(ticket.id), "id": ticket.id, "external_id": ticket.external_id,
        "via": {"channel": "api"}, "created_at": seconds(ticket.created_ms),
        "updated_at": seconds(ticket.updated_ms), "generated_timestamp": ticket.generated_ms / 1_000,
        "type": null, "subject": ticket.subject, "raw_subject": ticket.subject,
        "description": ticket.comments.first().map(|c| c.body.clone()),
        "priority": ticket.priority, "status": ticket.status, "recipient": null,
        "requester_id": ticket.requester, "submitter_id": ticket.submitter,
        "assignee_id": ticket.assignee, "organization_id": null, "group_id": ticket.group,
        "collaborator_ids": [], "tags": ticket.tags, "custom_fields": fields, "fields": fields,
        "brand_id": 8_447_346_621_310_u64, "is_public": true, "followup_ids": [],
    })
}

pub fn user(user: &User) -> Value {
    json!({
        "id": user.id, "name": user.name, "phone": user.phone, "email": user.email,
        "external_id": user.external_id, "role": if user.staff { "admin" } else { "end-user" },
        "verified": false, "active": true,
    })
}

pub fn comment(comment: &Comment) -> Value {
    let attachments = comment.files.iter().map(|file| {
        json!({
            "id": comment.id + 1, "file_name": file.name, "content_type": file.kind,
            "size": file.bytes.len(),
            "content_url": format!("https://acme.zendesk.com/attachments/token/kPgFVV/?name={}", file.name),
        })
    });
    let attachments: Vec<Value> = attachments.collect();
    json!({
        "id": comment.id, "type": "Comment", "author_id": comment.author, "body": comment.body,
        "html_body": format!("<p>{}</p>", comment.body), "plain_body": comment.body,
        "public": comment.public, "created_at": seconds(comment.at_ms), "attachments": attachments,
    })
}

/// Adds what `include=users,groups` asks for.
pub fn side_load(world: &World, include: &str, tickets: &[&Ticket], body: &mut Value) {
    let asked: Vec<&str> = include.split(',').collect();
    if asked.contains(&"users") {
        let ids: BTreeSet<u64> = tickets
            .iter()
            .flat_map(|t| [Some(t.requester), Some(t.submitter), t.assignee])
            .flatten()
            .collect();
        let users = ids.iter().filter_map(|id| world.users.get(id)).map(user);
        body["users"] = users.collect();
    }
    if asked.contains(&"groups") {
        let ids: BTreeSet<u64> = tickets.iter().filter_map(|t| t.group).collect();
        let groups = world.groups.iter().filter(|(id, _)| ids.contains(id));
        body["groups"] = groups
            .map(|(id, name)| json!({"id": id, "name": name}))
            .collect();
    }
}
