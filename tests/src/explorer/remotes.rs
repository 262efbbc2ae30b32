//! Two remotes small enough to be copied at every step: a Jelou in both models, and a ticketing
//! system. Neighbours: worker, which calls them; scenario, whose people act at them.
//!
//! Ids say who made a thing and not when, so that two orders of the same acts lead to one state.

use super::{
    part::{Digest, Mix},
    setting::{BOT, Carries, Second, Setting, Versions, vocabulary},
};
use bridge_core::{
    call::{CallError, Resolve},
    conversation::{Conversation, ConversationState},
    effect::{Answer, CloseConversation, CreateTicket, StartConversation, WriteTicketId},
    event::{ConversationClosed, ConversationStarted, Event, MessageReceived, TicketChanged},
    ids::{BadId, BotId, ConversationId, IntentId, MessageId, TicketId, UserId},
    text::Text,
    ticket::{Requester, Status, Ticket, TicketPatch, Version},
    time::Timestamp,
};
use std::{collections::BTreeMap, hash::Hash, time::Duration};

/// A conversation at Jelou.
#[derive(Clone, Debug, Hash)]
pub struct Talk {
    /// As Jelou shows it.
    pub seen: Conversation,
    /// The `metadata.ticketId` it began with.
    pub ticket: Option<TicketId>,
    /// The `metadata.intentId` it began with: ours if there is one.
    pub intent: Option<IntentId>,
}

impl Talk {
    /// Whether it goes on.
    pub fn is_active(&self) -> bool {
        !self.seen.state.is_closed()
    }
}

/// A Jelou.
#[derive(Clone, Debug, Default, Hash)]
pub struct Jelou {
    /// Its conversations.
    pub talks: BTreeMap<ConversationId, Talk>,
    /// The ticket's id in the user's cache.
    pub cache: Option<String>,
    /// Writes of ours that were done.
    pub writes: u32,
}

impl Digest for Jelou {
    fn digest(&self, hasher: &mut Mix) {
        self.hash(hasher);
    }
}

/// What a call brought, and the webhooks it caused.
pub type Done = (Result<Answer, CallError>, Vec<Event>);

fn refused(status: u16) -> CallError {
    CallError::Refused {
        status,
        reason: String::new(),
    }
}

fn gone() -> CallError {
    CallError::Gone {
        reason: String::new(),
    }
}

impl Jelou {
    /// A conversation begins: by its customer, or by a start of ours.
    pub fn begin(
        &mut self,
        id: &str,
        user: UserId,
        names: (Option<TicketId>, Option<IntentId>),
        now: Timestamp,
    ) -> Result<(ConversationId, Event), BadId> {
        let mut name = id.to_owned();
        while self.talks.contains_key(&ConversationId::parse(&name)?) {
            name.push('+');
        }
        let id = ConversationId::parse(&name)?;
        let (ticket, intent) = names;
        let mut seen = Conversation {
            id: id.clone(),
            bot: BotId::parse(BOT)?,
            user,
            room: None,
            contact_name: None,
            state: ConversationState::Active,
            started_at: Some(now),
            ended_at: None,
            assignment: None,
            initial_message: None,
        };
        let talk = Talk {
            seen: seen.clone(),
            ticket: ticket.clone(),
            intent: intent.clone(),
        };
        self.talks.insert(id.clone(), talk);
        seen.started_at = None;
        let event = Event::ConversationStarted(ConversationStarted {
            conversation: seen,
            ticket_id: ticket,
            intent_id: intent,
            at: now,
        });
        Ok((id, event))
    }

    /// The customer's conversation that goes on; the latest, should there be two.
    pub fn active(&self, user: &UserId) -> Option<&Talk> {
        let of_user = |talk: &&Talk| talk.is_active() && talk.seen.user == *user;
        let talks = self.talks.values().filter(of_user);
        talks.max_by_key(|talk| (talk.seen.started_at, &talk.seen.id))
    }

    /// A conversation ends.
    pub fn end(&mut self, id: &ConversationId, reason: &str, now: Timestamp) -> Option<Event> {
        let talk = self.talks.get_mut(id).filter(|talk| talk.is_active())?;
        talk.seen.state = ConversationState::Closed {
            reason: reason.to_owned(),
        };
        talk.seen.ended_at = Some(now);
        let mut told = talk.seen.clone();
        told.started_at = None;
        told.ended_at = None;
        Some(Event::ConversationClosed(ConversationClosed {
            conversation: told,
            at: now,
            found_by_sweep: false,
        }))
    }

    /// The customer writes into a conversation, over or not.
    pub fn message(&self, id: &ConversationId, message: &str, now: Timestamp) -> Option<Event> {
        let mut told = self.talks.get(id)?.seen.clone();
        told.state = ConversationState::Active;
        told.started_at = None;
        told.ended_at = None;
        Some(Event::MessageReceived(MessageReceived {
            conversation: told,
            message: MessageId::parse(message).ok()?,
            kind: "text".to_owned(),
            body: Some(Text::new("hello")),
            media: None,
            content: serde_json::Value::Null,
            at: now,
        }))
    }

    /// Our start.
    pub fn start(
        &mut self,
        start: &StartConversation,
        intent: &IntentId,
        setting: &Setting,
        now: Timestamp,
    ) -> Done {
        let user = setting.canonical(&start.user);
        if let Some(there) = self.active(&user) {
            let answer = match setting.second {
                Second::Refused => Err(refused(422)),
                Second::Returned => Ok(started(there)),
            };
            return (answer, Vec::new());
        }
        let names = (Some(start.ticket.clone()), Some(intent.clone()));
        let Ok((id, event)) = self.begin(&format!("of-{intent}"), user, names, now) else {
            return (Err(refused(400)), Vec::new());
        };
        self.writes += 1;
        let answer = self.talks.get(&id).map(started).ok_or_else(gone);
        (answer, vec![event])
    }

    /// Our close. Says which conversation it hit.
    pub fn close(
        &mut self,
        close: &CloseConversation,
        now: Timestamp,
    ) -> (Option<ConversationId>, Done) {
        let Some(hit) = self.active(&close.user).map(|talk| talk.seen.id.clone()) else {
            return (None, (Err(refused(400)), Vec::new()));
        };
        let event = self.end(&hit, "closed_by_operator", now);
        self.writes += 1;
        let answer = Answer::Closed {
            conversation: Some(hit.clone()),
        };
        (Some(hit), (Ok(answer), event.into_iter().collect()))
    }

    /// Our write of the ticket's id.
    pub fn write_ticket_id(&mut self, write: &WriteTicketId) -> Done {
        self.cache = write.ticket.as_ref().map(|id| id.as_str().to_owned());
        self.writes += 1;
        (Ok(Answer::Done { whole: None }), Vec::new())
    }

    /// An agent's message, into a conversation that goes on.
    pub fn say(&mut self, id: &ConversationId) -> Done {
        let goes_on = |talk: &Talk| !talk.seen.state.is_closed();
        let answer = match self.talks.get(id) {
            Some(talk) if goes_on(talk) => Ok(Answer::Done { whole: None }),
            Some(_) | None => Err(refused(400)),
        };
        (answer, Vec::new())
    }

    /// Our look.
    ///
    /// # Errors
    /// [`CallError::Gone`].
    pub fn read(&self, id: &ConversationId) -> Result<Conversation, CallError> {
        self.talks
            .get(id)
            .map(|talk| talk.seen.clone())
            .ok_or_else(gone)
    }
}

fn started(talk: &Talk) -> Answer {
    Answer::Started {
        conversation: talk.seen.id.clone(),
        user: Some(talk.seen.user.clone()),
    }
}

/// A ticket, with what its API does not show.
#[derive(Clone, Debug, Hash)]
pub struct Record {
    /// As shown.
    pub ticket: Ticket,
    /// The internal notes.
    pub notes: Vec<Text>,
    /// The Intent that made it.
    pub made_by: Option<IntentId>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was last changed.
    pub changed_at: Timestamp,
    number: i64,
}

/// A ticketing system.
#[derive(Clone, Debug, Default, Hash)]
pub struct Desk {
    /// Its tickets.
    pub records: BTreeMap<TicketId, Record>,
    /// Writes of ours that were done.
    pub writes: u32,
}

impl Digest for Desk {
    fn digest(&self, hasher: &mut Mix) {
        self.hash(hasher);
    }
}

/// The id under which the system knows a customer.
fn requester_id(phone: &str) -> String {
    format!("r{phone}")
}

impl Desk {
    /// A ticket is made.
    ///
    /// # Errors
    /// [`BadId`] if `id` is none.
    pub fn make(
        &mut self,
        id: &str,
        phone: &str,
        tags: &[&str],
        setting: &Setting,
        now: Timestamp,
    ) -> Result<(TicketId, Event), BadId> {
        let mut name = id.to_owned();
        while self.records.contains_key(&TicketId::parse(&name)?) {
            name.push('+');
        }
        let id = TicketId::parse(&name)?;
        let ticket = Ticket {
            id: id.clone(),
            version: Version::None,
            status: Status::new("open"),
            subject: None,
            priority: None,
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            group: None,
            requester: Requester {
                id: Some(requester_id(phone)),
                phone: Some(Text::new(format!("+{phone}"))),
                external_id: Some(Text::new(phone)),
                ..Requester::default()
            },
            assignee: None,
            link_field: None,
            fields: BTreeMap::new(),
            url: None,
            created_at: Some(now),
            merged_into: None,
        };
        let record = Record {
            ticket,
            notes: Vec::new(),
            made_by: None,
            made_at: now,
            changed_at: now,
            number: 0,
        };
        self.records.insert(id.clone(), record);
        let event = self.change(&id, false, setting, now, |_| {});
        event.map(|event| (id, event)).ok_or(BadId::Empty)
    }

    /// A ticket is changed: by an agent, or by us.
    pub fn change(
        &mut self,
        id: &TicketId,
        by_us: bool,
        setting: &Setting,
        now: Timestamp,
        change: impl FnOnce(&mut Record),
    ) -> Option<Event> {
        let record = self.records.get_mut(id)?;
        change(record);
        record.number += 1;
        record.changed_at = now;
        record.ticket.version = match setting.versions {
            Versions::Seconds => Version::Time {
                at: Timestamp(now.0.div_euclid(1_000) * 1_000),
                granule_ms: 1_000,
            },
            Versions::Numbers => Version::Monotonic {
                number: record.number,
            },
            Versions::None => Version::None,
        };
        let whole = setting.carries == Carries::Whole;
        Some(Event::TicketChanged(TicketChanged {
            ticket: id.clone(),
            version: if whole {
                record.ticket.version
            } else {
                Version::None
            },
            whole: whole.then(|| Box::new(record.ticket.clone())),
            patch: TicketPatch::default(),
            by_us,
            at: Some(now),
            read_at: None,
            last_lane: None,
        }))
    }

    /// Our create.
    pub fn create(
        &mut self,
        create: &CreateTicket,
        intent: &IntentId,
        setting: &Setting,
        now: Timestamp,
    ) -> Done {
        let by_key = setting.create == Resolve::IdempotencyKey;
        let there = self
            .records
            .values()
            .find(|r| by_key && r.made_by.as_ref() == Some(intent));
        if let Some(there) = there {
            return (Ok(created(&there.ticket)), Vec::new());
        }
        let phone = create.new.requester.external_id.clone().unwrap_or_default();
        let tags: Vec<&str> = create.new.tags.iter().map(String::as_str).collect();
        let Ok((id, _)) = self.make(&format!("by-{intent}"), phone.reveal(), &tags, setting, now)
        else {
            return (Err(refused(400)), Vec::new());
        };
        self.writes += 1;
        let event = self.change(&id, true, setting, now, |record| {
            record.made_by = Some(intent.clone());
            record.ticket.status = Status::new("new");
            record.ticket.link_field = Some(create.conversation.clone());
        });
        let answer = self
            .records
            .get(&id)
            .map(|r| created(&r.ticket))
            .ok_or_else(gone);
        (answer, event.into_iter().collect())
    }

    /// Any other write of ours to a ticket.
    pub fn write(
        &mut self,
        id: &TicketId,
        setting: &Setting,
        now: Timestamp,
        change: impl FnOnce(&mut Record),
    ) -> Done {
        let Some(record) = self.records.get(id) else {
            return (Err(gone()), Vec::new());
        };
        if vocabulary().is_final(&record.ticket.status) {
            return (Err(refused(422)), Vec::new());
        }
        self.writes += 1;
        let event = self.change(id, true, setting, now, change);
        let whole = self.records.get(id).map(|r| Box::new(r.ticket.clone()));
        (Ok(Answer::Done { whole }), event.into_iter().collect())
    }

    /// Our look.
    ///
    /// # Errors
    /// [`CallError::Gone`].
    pub fn read(&self, id: &TicketId) -> Result<Ticket, CallError> {
        self.records
            .get(id)
            .map(|r| r.ticket.clone())
            .ok_or_else(gone)
    }

    /// A requester's open tickets.
    pub fn open_of(&self, requester: &str) -> Vec<Ticket> {
        let words = vocabulary();
        let theirs = |t: &&Ticket| t.requester.id.as_deref() == Some(requester);
        let tickets = self.records.values().map(|r| &r.ticket).filter(theirs);
        tickets
            .filter(|t| words.is_open(&t.status))
            .cloned()
            .collect()
    }

    /// Tickets by their link field, as far as the index has caught up.
    pub fn by_conversation(
        &self,
        conversation: &ConversationId,
        setting: &Setting,
        now: Timestamp,
    ) -> Vec<Ticket> {
        let lag = match setting.create {
            Resolve::LaggingSearch { lag } => lag,
            Resolve::IdempotencyKey
            | Resolve::Idempotent
            | Resolve::DirectLookup
            | Resolve::EventConfirm
            | Resolve::None => Duration::ZERO,
        };
        let named = self
            .records
            .values()
            .filter(|r| r.ticket.link_field.as_ref() == Some(conversation));
        let listed = named.filter(|r| now.since(r.made_at) >= lag);
        listed.map(|r| r.ticket.clone()).collect()
    }

    /// What a requester's upsert answers.
    pub fn requester(external: Option<&Text>) -> Answer {
        let id = requester_id(external.map_or("", Text::reveal));
        Answer::Requester { id }
    }
}

fn created(ticket: &Ticket) -> Answer {
    Answer::Created {
        ticket: ticket.id.clone(),
        whole: Some(Box::new(ticket.clone())),
        left: None,
    }
}

impl Digest for jelou_bridge::store::memory::Memory {
    fn digest(&self, hasher: &mut Mix) {
        Self::digest(self, hasher);
    }
}
