//! A ticketing system with versions, notes and a search that may lag. Neighbours: people do things
//! at it, the bridge calls it.

use super::vocabulary;
use bridge_core::{
    call::{CallError, Resolve},
    effect::{AddComment, Answer, AttachFile, CreateTicket},
    event::{Comment, CommentAdded, Event, TicketChanged},
    ids::{IntentId, MessageId, TicketId},
    text::Text,
    ticket::{Requester, Status, Ticket, TicketPatch, Version},
    time::Timestamp,
};
use std::collections::{BTreeMap, BTreeSet};

/// How the system says which state is the later one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// By the second of the change.
    #[default]
    Seconds,
    /// By a number that grows.
    Numbers,
    /// Not at all.
    None,
}

/// What its webhooks carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Carries {
    /// All of the ticket.
    #[default]
    Whole,
    /// Its id, version and status.
    Patch,
    /// Its id.
    IdOnly,
}

/// An agent's automation that answers each change of status.
pub type Automation = fn(&Status) -> Option<Status>;

/// A ticket and what the system knows beside it.
#[derive(Clone, Debug)]
pub struct Record {
    /// As a read shows it.
    pub ticket: Ticket,
    /// Internal notes, in order.
    pub notes: Vec<String>,
    /// What customers said, in order, and whether they could read it there.
    pub comments: Vec<(String, bool)>,
    /// Customers' files: the words they hang with, and whether the customer could see them.
    pub files: Vec<(String, bool)>,
    /// What agents said, in order, and what counts as said here of what the bridge wrote.
    pub said: Vec<Comment>,
    /// Which of that the bridge wrote, whatever is told of it.
    pub echoes: BTreeSet<MessageId>,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// When it was made.
    pub made_at: Timestamp,
    /// It was deleted: reads answer 404.
    pub gone: bool,
    number: i64,
}

/// The ticketing system.
#[derive(Clone, Default)]
pub struct Desk {
    /// Its tickets.
    pub records: BTreeMap<TicketId, Record>,
    /// How it says which state is the later one.
    pub versions: Versions,
    /// What its webhooks carry.
    pub carries: Carries,
    /// What its automation does.
    pub automation: Option<Automation>,
    /// Creates by the key they carried, where the system does a key once.
    pub keys: BTreeMap<IntentId, TicketId>,
    /// How often what follows a create was done for each ticket.
    pub followed: BTreeMap<TicketId, u32>,
    /// Every write of the bridge, in order.
    pub writes: Vec<String>,
    requesters: BTreeMap<String, String>,
    next: u32,
}

impl Desk {
    /// The id of a requester, who is made if there is none.
    pub fn requester(&mut self, external: &str) -> String {
        let number = self.requesters.len() + 1;
        self.requesters
            .entry(external.to_owned())
            .or_insert_with(|| format!("r{number}"))
            .clone()
    }

    /// Makes a ticket and tells of it.
    pub fn make(
        &mut self,
        phone: &str,
        status: &str,
        tags: &[&str],
        by_us: bool,
        now: Timestamp,
    ) -> (TicketId, Event) {
        self.next += 1;
        let id = TicketId::parse(&format!("t{}", self.next)).unwrap();
        let requester = Requester {
            id: Some(self.requester(phone)),
            phone: Some(Text::new(format!("+{phone}"))),
            external_id: Some(Text::new(phone)),
            ..Requester::default()
        };
        let ticket = Ticket {
            id: id.clone(),
            version: Version::None,
            status: Status::new(status),
            subject: None,
            priority: None,
            tags: tags.iter().map(|t| (*t).to_owned()).collect(),
            group: None,
            requester,
            assignee: None,
            link_field: None,
            fields: BTreeMap::new(),
            url: None,
            created_at: Some(now),
            merged_into: None,
        };
        let record = Record {
            ticket,
            notes: vec![],
            comments: vec![],
            files: vec![],
            said: vec![],
            echoes: BTreeSet::new(),
            changed_at: now,
            made_at: now,
            gone: false,
            number: 0,
        };
        self.records.insert(id.clone(), record);
        let event = self.change(&id, by_us, now, |_| {});
        (id, event)
    }

    /// Changes a ticket and tells of it.
    pub fn change(
        &mut self,
        id: &TicketId,
        by_us: bool,
        now: Timestamp,
        change: impl FnOnce(&mut Ticket),
    ) -> Event {
        let record = self.records.get_mut(id).unwrap();
        change(&mut record.ticket);
        record.number += 1;
        record.changed_at = now;
        record.ticket.version = match self.versions {
            Versions::Seconds => Version::Time {
                at: Timestamp(now.0.div_euclid(1_000) * 1_000),
                granule_ms: 1_000,
            },
            Versions::Numbers => Version::Monotonic {
                number: record.number,
            },
            Versions::None => Version::None,
        };
        self.tell(id, by_us, now)
    }

    fn tell(&self, id: &TicketId, by_us: bool, now: Timestamp) -> Event {
        let ticket = self.records[id].ticket.clone();
        let version = match self.carries {
            Carries::Whole | Carries::Patch => ticket.version,
            Carries::IdOnly => Version::None,
        };
        let patch = match self.carries {
            Carries::Patch => TicketPatch {
                status: Some(ticket.status.clone()),
                priority: None,
                tags: None,
            },
            Carries::Whole | Carries::IdOnly => TicketPatch::default(),
        };
        Event::TicketChanged(TicketChanged {
            ticket: id.clone(),
            version,
            whole: (self.carries == Carries::Whole).then(|| Box::new(ticket)),
            patch,
            by_us,
            at: Some(now),
            read_at: None,
            last_lane: None,
        })
    }

    /// A ticket, as a GET answers.
    ///
    /// # Errors
    /// [`CallError::Gone`].
    pub fn read(&self, id: &TicketId) -> Result<Ticket, CallError> {
        let record = self.records.get(id).filter(|r| !r.gone);
        record.map(|r| r.ticket.clone()).ok_or(CallError::Gone {
            reason: "404".to_owned(),
        })
    }

    fn writable(&self, id: &TicketId) -> Result<(), CallError> {
        let ticket = self.read(id)?;
        if vocabulary().is_final(&ticket.status) {
            return Err(CallError::Refused {
                status: 422,
                reason: "closed".to_owned(),
            });
        }
        Ok(())
    }

    /// Makes the ticket of a conversation; with a key that it has seen, once.
    pub fn create(
        &mut self,
        create: &CreateTicket,
        key: Option<&IntentId>,
        now: Timestamp,
    ) -> (Answer, Vec<Event>) {
        let there = key.and_then(|k| self.keys.get(k)).cloned();
        let (id, events) = match there {
            Some(id) => (id, vec![]),
            None => {
                let external = create.new.requester.external_id.clone().unwrap_or_default();
                let tags: Vec<&str> = create.new.tags.iter().map(String::as_str).collect();
                let (id, _) = self.make(external.reveal(), "new", &tags, true, now);
                let event = self.change(&id, true, now, |t| {
                    t.link_field = Some(create.conversation.clone());
                    t.subject = Some(create.new.subject.clone());
                    t.fields.insert(
                        "description".to_owned(),
                        create.new.description.reveal().into(),
                    );
                });
                self.writes
                    .push(format!("create for {}", create.conversation));
                if let Some(key) = key {
                    self.keys.insert(key.clone(), id.clone());
                }
                (id, vec![event])
            }
        };
        let whole = Some(Box::new(self.records[&id].ticket.clone()));
        let answer = Answer::Created {
            ticket: id,
            whole,
            left: None,
        };
        (answer, events)
    }

    /// What follows the making of a ticket: its customer is put on it, however often it is asked.
    pub fn follow(&mut self, id: &TicketId, now: Timestamp) -> (Result<(), CallError>, Vec<Event>) {
        if let Err(error) = self.writable(id) {
            return (Err(error), vec![]);
        }
        *self.followed.entry(id.clone()).or_default() += 1;
        self.writes.push(format!("what follows on {id}"));
        let event = self.change(id, true, now, |_| {});
        (Ok(()), vec![event])
    }

    /// One write of the bridge, with what the automation makes of it.
    pub fn write(
        &mut self,
        id: &TicketId,
        what: String,
        now: Timestamp,
        change: impl FnOnce(&mut Ticket),
    ) -> (Result<Answer, CallError>, Vec<Event>) {
        if let Err(error) = self.writable(id) {
            return (Err(error), vec![]);
        }
        self.writes.push(what);
        let mut events = vec![self.change(id, true, now, change)];
        let whole = Some(Box::new(self.records[id].ticket.clone()));
        events.extend(self.automate(id, now));
        (Ok(Answer::Done { whole }), events)
    }

    /// Sets further fields.
    pub fn set_fields(
        &mut self,
        id: &TicketId,
        fields: &BTreeMap<String, Text>,
        now: Timestamp,
    ) -> (Result<Answer, CallError>, Vec<Event>) {
        self.write(id, format!("fields of {id}"), now, |ticket| {
            for (name, value) in fields {
                let value = serde_json::Value::from(value.reveal());
                ticket.fields.insert(name.clone(), value);
            }
        })
    }

    /// Adds an internal note.
    pub fn note(
        &mut self,
        id: &TicketId,
        text: &Text,
        now: Timestamp,
    ) -> (Result<Answer, CallError>, Vec<Event>) {
        if let Err(error) = self.writable(id) {
            return (Err(error), vec![]);
        }
        self.records
            .get_mut(id)
            .unwrap()
            .notes
            .push(text.reveal().to_owned());
        self.writes.push(format!("note on {id}"));
        let event = self.change(id, true, now, |_| {});
        (Ok(Answer::Done { whole: None }), vec![event])
    }

    /// Adds what a customer said.
    pub fn comment(
        &mut self,
        comment: &AddComment,
        now: Timestamp,
    ) -> (Result<Answer, CallError>, Vec<Event>) {
        let id = &comment.ticket;
        if let Err(error) = self.writable(id) {
            return (Err(error), vec![]);
        }
        let said = (comment.text.reveal().to_owned(), comment.public);
        self.records.get_mut(id).unwrap().comments.push(said);
        self.writes.push(format!("comment on {id}"));
        let event = self.change(id, true, now, |_| {});
        (Ok(Answer::Done { whole: None }), vec![event])
    }

    /// Hangs a customer's file on a ticket.
    pub fn attach(
        &mut self,
        file: &AttachFile,
        now: Timestamp,
    ) -> (Result<Answer, CallError>, Vec<Event>) {
        let id = &file.ticket;
        if let Err(error) = self.writable(id) {
            return (Err(error), vec![]);
        }
        let hung = (file.text.reveal().to_owned(), file.public);
        self.records.get_mut(id).unwrap().files.push(hung);
        self.writes.push(format!("file on {id}"));
        let event = self.change(id, true, now, |_| {});
        (Ok(Answer::Done { whole: None }), vec![event])
    }

    /// An agent comments, and it is told of.
    pub fn agent_comment(
        &mut self,
        id: &TicketId,
        comment: &str,
        body: &str,
        public: bool,
        now: Timestamp,
    ) -> Event {
        let change = self.change(id, false, now, |_| {});
        let said = Comment {
            id: MessageId::parse(comment).unwrap(),
            body: Text::new(body),
            public,
            by_agent: true,
            by_us: false,
            opening: false,
            files: vec![],
            at: Some(now),
        };
        self.said(id, said, change)
    }

    /// What the bridge wrote is told of and listed as any comment is: `by_us` is whether it bears our mark.
    pub fn echo(
        &mut self,
        wrote: &AddComment,
        comment: &str,
        body: &str,
        by_us: bool,
        change: Event,
    ) -> Event {
        let record = self.records.get_mut(&wrote.ticket).unwrap();
        let said = Comment {
            id: MessageId::parse(comment).unwrap(),
            body: Text::new(body),
            public: wrote.public,
            by_agent: true,
            by_us,
            opening: false,
            files: vec![],
            at: Some(record.changed_at),
        };
        record.echoes.insert(said.id.clone());
        self.said(&wrote.ticket, said, change)
    }

    fn said(&mut self, ticket: &TicketId, said: Comment, change: Event) -> Event {
        let Event::TicketChanged(change) = change else {
            unreachable!("a change is told as such");
        };
        self.records
            .get_mut(ticket)
            .unwrap()
            .said
            .push(said.clone());
        Event::CommentAdded(CommentAdded {
            ticket: ticket.clone(),
            comment: said.id,
            body: said.body,
            public: said.public,
            by_agent: said.by_agent,
            by_us: said.by_us,
            opening: said.opening,
            files: said.files,
            files_untold: false,
            at: said.at,
            change: Box::new(change),
        })
    }

    /// What agents said on a ticket, as a list shows it.
    ///
    /// # Errors
    /// [`CallError::Gone`].
    pub fn comments(&self, id: &TicketId) -> Result<Vec<Comment>, CallError> {
        self.read(id)?;
        Ok(self.records[id].said.clone())
    }

    /// Whether a note or comment with these words is on a ticket.
    ///
    /// # Errors
    /// [`CallError::Gone`]: who lists what was said on a ticket that is gone is told so.
    pub fn has_words(&self, id: &TicketId, words: &Text) -> Result<bool, CallError> {
        self.read(id)?;
        let record = &self.records[id];
        let comments = record.comments.iter().map(|(said, _)| said);
        let files = record.files.iter().map(|(said, _)| said);
        let mut all = record.notes.iter().chain(comments).chain(files);
        Ok(all.any(|said| said == words.reveal()))
    }

    /// Lets the automation answer a status.
    pub fn automate(&mut self, id: &TicketId, now: Timestamp) -> Option<Event> {
        let to = self.automation?(&self.records[id].ticket.status)?;
        Some(self.change(id, false, now, |t| t.status = to))
    }

    /// A requester's tickets that are neither solved nor final.
    #[must_use]
    pub fn open_of(&self, requester: &str) -> Vec<Ticket> {
        let vocabulary = vocabulary();
        self.records
            .values()
            .filter(|r| !r.gone && r.ticket.requester.id.as_deref() == Some(requester))
            .filter(|r| vocabulary.is_open(&r.ticket.status))
            .map(|r| r.ticket.clone())
            .collect()
    }

    /// Tickets by their link field, as far as the index has caught up.
    #[must_use]
    pub fn by_conversation(&self, id: &str, how: Resolve, now: Timestamp) -> Vec<Ticket> {
        let lag = match how {
            Resolve::LaggingSearch { lag } => lag,
            _ => std::time::Duration::ZERO,
        };
        self.records
            .values()
            .filter(|r| {
                r.ticket
                    .link_field
                    .as_ref()
                    .is_some_and(|c| c.as_str() == id)
            })
            .filter(|r| now.since(r.made_at) >= lag)
            .map(|r| r.ticket.clone())
            .collect()
    }
}
