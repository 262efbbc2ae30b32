//! What is true at this helpdesk: requesters, tickets, comments; and how it changes.
//! Neighbours: api, which asks over HTTP, and the handle's acts.

use super::{
    HelpdeskOptions,
    record::{Attachment, Comment, Denied, NewTicket, Patch, Requester, Role, STATUSES, Ticket},
};
use crate::{
    chance::Chance,
    clock::{iso, now_ms},
    hooks::{Hooks, sign},
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// The first ticket's id; the next ones count up.
const FIRST_TICKET: u64 = 1001;

/// The whole state, as `/sandbox/state` shows it.
#[derive(Debug, Serialize)]
pub(crate) struct World {
    #[serde(skip)]
    pub options: HelpdeskOptions,
    pub requesters: BTreeMap<u64, Requester>,
    pub tickets: BTreeMap<u64, Ticket>,
    pub comments: BTreeMap<u64, Vec<Comment>>,
    /// Idempotency keys: the request they came with, and the ticket made for it.
    #[serde(skip)]
    pub keys: BTreeMap<String, (Vec<u8>, u64)>,
    /// Files that were brought, by their ids; a comment takes them.
    #[serde(skip)]
    pub files: BTreeMap<String, (Attachment, Bytes)>,
    version: u64,
    next_ticket: u64,
    next_requester: u64,
    next_comment: u64,
    #[serde(skip)]
    chance: Chance,
}

impl World {
    pub(crate) fn new(options: HelpdeskOptions) -> Self {
        Self {
            chance: Chance::new(options.seed),
            options,
            requesters: BTreeMap::new(),
            tickets: BTreeMap::new(),
            comments: BTreeMap::new(),
            keys: BTreeMap::new(),
            files: BTreeMap::new(),
            version: 0,
            next_ticket: FIRST_TICKET,
            next_requester: 1,
            next_comment: 1,
        }
    }

    pub(crate) fn ticket(&self, id: &str) -> Option<&Ticket> {
        self.tickets.get(&id.parse().ok()?)
    }

    /// Makes a requester, or finds and updates the one of this external id (else of this phone).
    pub(crate) fn upsert_requester(
        &mut self,
        name: Option<String>,
        phone: Option<String>,
        external_id: Option<String>,
    ) -> Requester {
        let same = |one: &Requester| match (&external_id, &phone) {
            (Some(external), _) => one.external_id.as_ref() == Some(external),
            (None, Some(phone)) => one.phone.as_ref() == Some(phone),
            (None, None) => false,
        };
        let found = self.requesters.iter().find(|(_, one)| same(one));
        let key = found.map_or(self.next_requester, |(key, _)| *key);
        self.next_requester = self.next_requester.max(key + 1);
        let requester = self.requesters.entry(key).or_insert(Requester {
            id: (key + 500).to_string(),
            name: None,
            phone: None,
            external_id: None,
        });
        requester.name = name.or_else(|| requester.name.take());
        requester.phone = phone.or_else(|| requester.phone.take());
        requester.external_id = external_id.or_else(|| requester.external_id.take());
        let requester = requester.clone();
        // Tickets show their requester as they are now; that alone is no change of a ticket.
        let theirs = |ticket: &&mut Ticket| ticket.requester.id == requester.id;
        for ticket in self.tickets.values_mut().filter(theirs) {
            ticket.requester = requester.clone();
        }
        requester
    }

    pub(crate) fn requester(&self, id: &str) -> Option<&Requester> {
        self.requesters.values().find(|one| one.id == id)
    }

    /// Makes a ticket; its version, times and id are set here.
    pub(crate) fn create(
        &mut self,
        hooks: &Hooks,
        by: Role,
        new: NewTicket,
        requester: Requester,
        external_id: Option<String>,
    ) -> Ticket {
        let key = self.next_ticket;
        self.next_ticket += 1;
        self.version += 1;
        let now = iso(now_ms());
        let ticket = Ticket {
            id: key.to_string(),
            status: "new".to_owned(),
            subject: new.subject,
            description: new.description,
            priority: Some(new.priority)
                .filter(|p| !p.is_empty())
                .unwrap_or_else(|| "normal".to_owned()),
            tags: new.tags.into_iter().collect(),
            group: new.group,
            requester,
            external_id,
            fields: new.fields,
            assignee: None,
            created_at: now.clone(),
            updated_at: now,
            version: self.version,
            comments_count: 0,
        };
        self.tickets.insert(key, ticket.clone());
        self.tell(hooks, by, &ticket, None);
        ticket
    }

    /// Changes a ticket; a change that changes nothing makes no version and no webhook.
    pub(crate) fn change(
        &mut self,
        hooks: &Hooks,
        by: Role,
        id: &str,
        patch: Patch,
    ) -> Result<Ticket, Denied> {
        let version = self.version + 1;
        let ticket = find(&mut self.tickets, id)?;
        if ticket.status == "closed" {
            return Err(Denied::Invalid(
                "the ticket is closed and cannot be changed",
            ));
        }
        if patch
            .status
            .as_deref()
            .is_some_and(|status| !STATUSES.contains(&status))
        {
            return Err(Denied::Invalid(
                "status must be new, open, pending, solved or closed",
            ));
        }
        let before = json!(ticket);
        ticket.status = patch.status.unwrap_or_else(|| ticket.status.clone());
        if let Some(external_id) = patch.external_id {
            ticket.external_id = Some(external_id).filter(|id| !id.is_empty());
        }
        ticket.tags = patch.tags.unwrap_or_else(|| ticket.tags.clone());
        for (key, value) in patch.fields.unwrap_or_default() {
            ticket.fields.insert(key, value);
        }
        if json!(ticket) == before {
            return Ok(ticket.clone());
        }
        touch(ticket, version);
        let ticket = ticket.clone();
        self.version = version;
        self.tell(hooks, by, &ticket, None);
        Ok(ticket)
    }

    /// Keeps a file that was brought.
    pub(crate) fn upload(
        &mut self,
        base: &str,
        name: &str,
        kind: &str,
        bytes: Bytes,
    ) -> Attachment {
        let id = format!("{:016x}{:016x}", self.chance.next(), self.chance.next());
        let path = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
        let file = Attachment {
            url: format!("{base}/files/{id}/{path}"),
            id: id.clone(),
            name: name.to_owned(),
            mime_type: kind.to_owned(),
            size: bytes.len(),
        };
        self.files.insert(id, (file.clone(), bytes));
        file
    }

    pub(crate) fn comment(
        &mut self,
        hooks: &Hooks,
        by: Role,
        id: &str,
        body: &str,
        public: bool,
        attachments: Vec<Attachment>,
    ) -> Result<Comment, Denied> {
        let version = self.version + 1;
        let ticket = find(&mut self.tickets, id)?;
        if ticket.status == "closed" {
            return Err(Denied::Invalid(
                "the ticket is closed and takes no comments",
            ));
        }
        touch(ticket, version);
        ticket.comments_count += 1;
        let ticket = ticket.clone();
        let comment = Comment {
            id: (self.next_comment + 9_000).to_string(),
            body: body.to_owned(),
            public,
            author: by,
            created_at: ticket.updated_at.clone(),
            attachments,
        };
        self.version = version;
        self.next_comment += 1;
        self.comments
            .entry(ticket.id.parse().unwrap_or_default())
            .or_default()
            .push(comment.clone());
        self.tell(hooks, by, &ticket, Some(&comment));
        Ok(comment)
    }

    pub(crate) fn delete(&mut self, id: &str) -> Result<(), Denied> {
        let key: u64 = id.parse().map_err(|_| Denied::Unknown)?;
        self.tickets.remove(&key).map(|_| ()).ok_or(Denied::Unknown)
    }

    /// The number of the last change.
    pub(crate) fn last_version(&self) -> u64 {
        self.version
    }

    fn tell(&mut self, hooks: &Hooks, by: Role, ticket: &Ticket, comment: Option<&Comment>) {
        let kind = match comment {
            Some(_) => "comment.added",
            None => "ticket.changed",
        };
        let now = now_ms();
        let delivery = format!("{now:x}-{:016x}", self.chance.next());
        let mut body =
            json!({"id": delivery, "type": kind, "at": iso(now), "actor": by, "ticket": ticket});
        if let (Some(comment), Some(fields)) = (comment, body.as_object_mut()) {
            let mut told = json!({
                "id": comment.id, "body": comment.body, "public": comment.public, "author_role": comment.author,
            });
            if let (false, Some(told)) = (comment.attachments.is_empty(), told.as_object_mut()) {
                told.insert("attachments".to_owned(), json!(comment.attachments));
            }
            fields.insert("comment".to_owned(), told);
        }
        let body = body.to_string();
        let headers = BTreeMap::from([
            (
                "x-helpdesk-signature".to_owned(),
                sign(&hooks.secret(), body.as_bytes()),
            ),
            ("x-helpdesk-delivery".to_owned(), delivery),
        ]);
        hooks.push(kind, &ticket.id, headers, body);
    }
}

fn find<'a>(tickets: &'a mut BTreeMap<u64, Ticket>, id: &str) -> Result<&'a mut Ticket, Denied> {
    let key: u64 = id.parse().map_err(|_| Denied::Unknown)?;
    tickets.get_mut(&key).ok_or(Denied::Unknown)
}

fn touch(ticket: &mut Ticket, version: u64) {
    ticket.version = version;
    ticket.updated_at = iso(now_ms());
}
