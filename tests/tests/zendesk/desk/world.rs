//! What this Zendesk keeps, and the rules of it that no account can switch off (Zendesk help, "About
//! native system ticket rules"). Neighbours: `api` and `acts`, which change it; `hooks`, which tells.

use super::now_ms;
use serde_json::Value;
use std::{collections::BTreeMap, net::SocketAddr};

/// The custom text fields of this account.
pub const FIELDS: [u64; 2] = [360, 361];

#[derive(Clone, Debug)]
pub struct User {
    pub id: u64,
    pub name: String,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub external_id: Option<String>,
    pub staff: bool,
}

/// A file on a comment.
#[derive(Clone, Debug)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// What stands in it.
    pub bytes: Vec<u8>,
}

/// A comment.
#[derive(Clone, Debug)]
pub struct Comment {
    /// Its id.
    pub id: u64,
    /// Who wrote it.
    pub author: u64,
    /// What it says, placeholders expanded.
    pub body: String,
    /// Whether the requester may see it.
    pub public: bool,
    /// When, ms since 1970.
    pub at_ms: i64,
    /// The files that came with it.
    pub files: Vec<File>,
}

/// A ticket.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// Its number.
    pub id: u64,
    /// Its subject.
    pub subject: String,
    /// Its status, lower case.
    pub status: String,
    /// Its priority.
    pub priority: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its group.
    pub group: Option<u64>,
    /// Who asked.
    pub requester: u64,
    /// Who made it.
    pub submitter: u64,
    /// Who works on it.
    pub assignee: Option<u64>,
    /// What another system calls it.
    pub external_id: Option<String>,
    /// Custom fields.
    pub fields: BTreeMap<u64, Value>,
    /// Its comments, the description first.
    pub comments: Vec<Comment>,
    /// When it was made, ms since 1970.
    pub created_ms: i64,
    /// When it last changed.
    pub updated_ms: i64,
    /// When it last changed in any way: what the export goes by.
    pub generated_ms: i64,
}

/// A change that somebody asks for; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub status: Option<String>,
    pub priority: Option<String>,
    pub tags: Option<Vec<String>>,
    pub group: Option<u64>,
    pub assignee: Option<u64>,
    pub external_id: Option<Option<String>>,
    pub fields: BTreeMap<u64, Value>,
    pub comment: Option<(String, bool)>,
    /// The files that come with it.
    pub files: Vec<File>,
}

/// What became of a change: what of the ticket changed.
#[derive(Clone, Debug, Default)]
pub struct Changed {
    pub status: Option<(String, String)>,
    pub priority: Option<(Option<String>, Option<String>)>,
    pub tags: Option<(Vec<String>, Vec<String>)>,
    pub group: Option<(Option<u64>, Option<u64>)>,
    pub assignee: Option<(Option<u64>, Option<u64>)>,
    pub external_id: Option<(Option<String>, Option<String>)>,
    pub fields: Vec<(u64, Value, Value)>,
    pub comment: Option<Comment>,
}

impl Changed {
    pub fn is_nothing(&self) -> bool {
        self.status.is_none()
            && self.priority.is_none()
            && self.tags.is_none()
            && self.group.is_none()
            && self.assignee.is_none()
            && self.external_id.is_none()
            && self.fields.is_empty()
            && self.comment.is_none()
    }
}

/// Why a ticket cannot be changed so, and the field it is about.
#[derive(Clone, Debug)]
pub struct Invalid(pub &'static str, pub &'static str);

pub struct World {
    pub users: BTreeMap<u64, User>,
    pub groups: BTreeMap<u64, String>,
    pub tickets: BTreeMap<u64, Ticket>,
    /// Idempotency keys with the body they came with and the ticket they made.
    pub keys: BTreeMap<String, (Value, u64)>,
    /// Files that were sent and hang on no comment yet, by their tokens.
    pub uploads: BTreeMap<String, File>,
    pub bridge: u64,
    pub agent: u64,
    addr: SocketAddr,
    last_id: u64,
}

impl World {
    pub fn new(addr: SocketAddr) -> Self {
        let mut world = Self {
            users: BTreeMap::new(),
            groups: BTreeMap::from([(501, "billing".to_owned()), (502, "Support".to_owned())]),
            tickets: BTreeMap::new(),
            keys: BTreeMap::new(),
            uploads: BTreeMap::new(),
            bridge: 0,
            agent: 0,
            addr,
            last_id: 8_447_388_090_000,
        };
        world.bridge = world.add_user("jelou-bridge", None, None, true);
        world.agent = world.add_user("Agent One", None, None, true);
        world
    }

    pub fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub fn add_user(
        &mut self,
        name: &str,
        phone: Option<&str>,
        external_id: Option<&str>,
        staff: bool,
    ) -> u64 {
        let id = self.new_id();
        let user = User {
            id,
            name: name.to_owned(),
            phone: phone.map(str::to_owned),
            email: None,
            external_id: external_id.map(str::to_owned),
            staff,
        };
        self.users.insert(id, user);
        id
    }

    pub fn group(&self, name: &str) -> Option<u64> {
        let mut groups = self.groups.iter();
        groups.find(|(_, n)| n.as_str() == name).map(|(id, _)| *id)
    }

    pub fn url(&self, ticket: u64) -> String {
        format!("http://{}/api/v2/tickets/{ticket}.json", self.addr)
    }

    /// Zendesk's tags have no capitals and no spaces.
    pub fn tags(tags: &[String]) -> Vec<String> {
        let mut tags: Vec<String> = tags
            .iter()
            .map(|tag| tag.to_lowercase().replace(' ', "_"))
            .collect();
        tags.sort();
        tags.dedup();
        tags
    }

    /// A new ticket, before its first comment.
    pub fn add_ticket(&mut self, subject: &str, requester: u64, submitter: u64) -> &mut Ticket {
        let id = u64::try_from(self.tickets.len()).expect("few") + 5_158;
        let now = now_ms();
        let ticket = Ticket {
            id,
            subject: subject.to_owned(),
            status: "new".to_owned(),
            priority: None,
            tags: Vec::new(),
            group: None,
            requester,
            submitter,
            assignee: None,
            external_id: None,
            fields: FIELDS.map(|id| (id, Value::Null)).into(),
            comments: Vec::new(),
            created_ms: now,
            updated_ms: now,
            generated_ms: now,
        };
        self.tickets.entry(id).or_insert(ticket)
    }

    /// Placeholders in an agent's words are filled in (Zendesk help, "Using placeholders").
    pub fn expanded(&self, words: &str, ticket: u64) -> String {
        let Some(ticket) = self.tickets.get(&ticket) else {
            return words.to_owned();
        };
        let requester = self.users.get(&ticket.requester);
        words
            .replace("{{ticket.id}}", &ticket.id.to_string())
            .replace("{{ticket.title}}", &ticket.subject)
            .replace(
                "{{ticket.requester.phone}}",
                requester.and_then(|u| u.phone.as_deref()).unwrap_or(""),
            )
            .replace("{{ticket.comments}}", "(the whole conversation)")
    }

    /// Changes a ticket by the native rules.
    pub fn change(
        &mut self,
        id: u64,
        by: u64,
        change: Change,
        assign_on_solve: bool,
    ) -> Result<Changed, Invalid> {
        let comment = change.comment.map(|(body, public)| Comment {
            id: self.new_id(),
            author: by,
            body: self.expanded(&body, id),
            public,
            at_ms: now_ms(),
            files: change.files,
        });
        let staff = self.users.get(&by).is_some_and(|user| user.staff);
        let ticket = self.tickets.get_mut(&id).expect("this ticket");
        if ticket.status == "closed" {
            return Err(Invalid("status", "Status: closed prevents ticket update"));
        }
        let mut new = ticket.clone();
        new.assignee = change.assignee.or(new.assignee);
        if let Some(status) = change.status {
            new.status = status;
        } else if ticket.status == "new" && ticket.assignee.is_none() && new.assignee.is_some() {
            new.status = "open".to_owned();
        }
        let sleeping = ["pending", "hold", "solved"].contains(&ticket.status.as_str());
        if comment.is_some() && !staff && sleeping {
            new.status = "open".to_owned();
        }
        if new.status == "new" && ticket.status != "new" {
            return Err(Invalid("status", "Status: cannot be set back to new"));
        }
        if new.status == "solved" && ticket.status != "solved" && new.assignee.is_none() {
            if !assign_on_solve {
                return Err(Invalid(
                    "base",
                    "Assignee: is required when solving a ticket",
                ));
            }
            new.assignee = Some(by);
        }
        new.priority = change.priority.or(new.priority);
        new.group = change.group.or(new.group);
        if let Some(tags) = change.tags {
            new.tags = Self::tags(&tags);
        }
        if let Some(external_id) = change.external_id {
            new.external_id = external_id.filter(|id| !id.is_empty());
        }
        for (field, value) in change.fields {
            if new.fields.contains_key(&field) {
                new.fields.insert(field, value);
            }
        }
        new.comments.extend(comment.clone());
        let changed = difference(ticket, &new, comment);
        if !changed.is_nothing() {
            new.updated_ms = now_ms();
            new.generated_ms = new.updated_ms;
        }
        *ticket = new;
        Ok(changed)
    }
}

fn difference(old: &Ticket, new: &Ticket, comment: Option<Comment>) -> Changed {
    fn of<T: Clone + PartialEq>(old: &T, new: &T) -> Option<(T, T)> {
        (old != new).then(|| (old.clone(), new.clone()))
    }
    let fields = new.fields.iter().filter_map(|(id, value)| {
        let before = old.fields.get(id).cloned().unwrap_or_default();
        (before != *value).then(|| (*id, before, value.clone()))
    });
    Changed {
        status: of(&old.status, &new.status),
        priority: of(&old.priority, &new.priority),
        tags: of(&old.tags, &new.tags),
        group: of(&old.group, &new.group),
        assignee: of(&old.assignee, &new.assignee),
        external_id: of(&old.external_id, &new.external_id),
        fields: fields.collect(),
        comment,
    }
}
