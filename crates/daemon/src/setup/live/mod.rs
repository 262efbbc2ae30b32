//! A profile tried on the system itself: a ticket that says it is a test is made, commented, changed, found
//! and listed, and left solved. Neighbours: `cli`, where a person asks for it; `said`, the notes
//! and comments; `send`, by which it writes and waits; `ear`, which hears whether its webhook comes.
//!
//! Only the ticketing system is written to. What is declared and does not hold is the finding.

mod said;
mod send;

use crate::{clock, runtime::Bridge};
use bridge_core::{
    call::{CallError, Resolve},
    effect::{Answer, CreateTicket, Effect, Operation},
    ids::{ConversationId, NOBODY, TicketId},
    text::Text,
    ticket::{NewTicket, Requester, Status, Ticket},
};
use serde::Serialize;
use std::{collections::BTreeMap, sync::atomic::AtomicU32, time::Duration};
use tokio::time::Instant;

/// The longest that a listing may be behind: one that leaves out its last minute is asked for three.
pub const WAIT: Duration = Duration::from_secs(180);

/// The longest that a lookup that is said to find at once may take.
const AT_ONCE: Duration = Duration::from_secs(10);

/// What a search index may need beyond what its profile says.
const BEHIND: Duration = Duration::from_secs(30);

/// What the conversation of a trial's ticket is called, before the time of the trial. There is none of this name.
pub const TRIAL: &str = "jelou-bridge-test-";

/// What came of trying one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As the profile says.
    Works,
    /// Not as the profile says.
    Fails,
    /// The profile says that the system does not have it.
    Absent,
    /// Nothing could be tried.
    NotTried,
}

impl Verdict {
    /// The word in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Fails => "FAILS",
            Self::Absent => "absent",
            Self::NotTried => "not tried",
        }
    }
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// The operation, or what it is about.
    pub what: &'static str,
    /// What came of it.
    pub verdict: Verdict,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// What was found, in a sentence without anybody's words.
    pub found: String,
}

/// A trial under way.
pub struct Trial<'a> {
    bridge: &'a Bridge,
    wait: Duration,
    conversation: ConversationId,
    since: String,
    calls: AtomicU32,
    /// What was tried so far.
    pub tried: Vec<Tried>,
    /// The ticket that was made for it.
    pub ticket: Option<TicketId>,
}

/// What a step found, or why it failed.
type Found = Result<String, String>;

impl<'a> Trial<'a> {
    /// Nothing is tried yet. `None` where this moment gives no name to the test.
    #[must_use]
    pub fn new(bridge: &'a Bridge, wait: Duration) -> Option<Self> {
        let now = clock::now();
        Some(Self {
            bridge,
            wait,
            conversation: ConversationId::parse(&format!("{TRIAL}{}", now.0)).ok()?,
            since: bridge.ticketing.beginning(now),
            calls: AtomicU32::new(0),
            tried: Vec::new(),
            ticket: None,
        })
    }

    /// Tries everything but the webhook. A failure keeps nothing from being tried that does not rest on it.
    pub async fn play(&mut self) {
        let begun = Instant::now();
        let made = self.create().await;
        self.kept("create", begun, made);
        let Some(ticket) = self.ticket.clone() else {
            return;
        };
        let status = self.read(&ticket).await;
        self.link_field(&ticket).await;
        self.words(&ticket).await;
        self.status(&ticket, status).await;
        self.by_requester(&ticket).await;
        self.changes(&ticket).await;
        self.new_comments(&ticket).await;
        for what in ["set_fields", "attach"] {
            if self.has(what) {
                let untried = "what a mapping sends differs; `jelou-bridge explain` shows it";
                self.note(what, Verdict::NotTried, untried);
            }
        }
    }

    /// Leaves the ticket solved; where no call does that, to a person.
    pub async fn clean_up(&mut self) {
        let Some(ticket) = self.ticket.clone() else {
            return;
        };
        let review = self.bridge.config.profile.review();
        let set_status = review
            .operations
            .iter()
            .find(|one| one.name == "set_status");
        if !set_status.is_some_and(|one| one.is_there) {
            let left = format!("no call sets a status: close test ticket {ticket} by hand");
            return self.note("clean up", Verdict::NotTried, &left);
        }
        let begun = Instant::now();
        let vocabulary = self.bridge.config.profile.vocabulary();
        let last = vocabulary.final_.iter();
        let solved = vocabulary
            .solved
            .iter()
            .find(|s| !vocabulary.final_.contains(s));
        let left = format!("close test ticket {ticket} by hand");
        let ended = match solved.or(last.into_iter().next()).cloned() {
            Some(status) => self
                .set(&ticket, &status)
                .await
                .map_err(|why| format!("{why}; {left}")),
            None => Err(left),
        };
        self.kept("clean up", begun, ended);
    }

    /// Adds what somebody else found out.
    pub fn kept(&mut self, what: &'static str, begun: Instant, found: Found) {
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (verdict, found) = match found {
            Ok(found) => (Verdict::Works, found),
            Err(found) => (Verdict::Fails, found),
        };
        self.tried.push(Tried {
            what,
            verdict,
            took_ms: took,
            found,
        });
    }

    /// Adds what was not tried.
    pub fn note(&mut self, what: &'static str, verdict: Verdict, found: &str) {
        self.tried.push(Tried {
            what,
            verdict,
            took_ms: 0,
            found: found.to_owned(),
        });
    }

    async fn create(&mut self) -> Found {
        let requester = Requester {
            id: None,
            name: Some(Text::new("Test of jelou-bridge")),
            phone: Some(Text::new(format!("+{NOBODY}"))),
            email: None,
            external_id: Some(Text::new(NOBODY)),
        };
        let mut requester_id = None;
        if self.bridge.config.profile.can_upsert_requester() {
            let begun = Instant::now();
            let upsert = Effect::UpsertRequester {
                requester: requester.clone(),
            };
            let answer = self.perform(upsert).await;
            let known = match &answer {
                Ok(Answer::Requester { id }) => {
                    requester_id = Some(id.clone());
                    Ok("a requester without a real number".to_owned())
                }
                Ok(_) => Err("no requester in its answer".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            self.kept("upsert_requester", begun, known);
        }
        let create = CreateTicket {
            new: NewTicket {
                requester,
                subject: Text::new("Test of jelou-bridge, to be ignored"),
                description: Text::new("`jelou-bridge profile check --live` made this ticket."),
                tags: Vec::new(),
                fields: BTreeMap::new(),
            },
            requester_id,
            conversation: self.conversation.clone(),
            said: Vec::new(),
            made: None,
        };
        match self.perform(Effect::CreateTicket(create)).await {
            Ok(Answer::Created { ticket, .. }) => {
                let found = format!("ticket {ticket}");
                self.ticket = Some(ticket);
                Ok(found)
            }
            Ok(_) => Err("no ticket in its answer".to_owned()),
            Err(error) => Err(format!("{error}; the rest rests on it")),
        }
    }

    /// The ticket's status as it reads.
    async fn read(&mut self, ticket: &TicketId) -> Option<Status> {
        const WHAT: &str = "get";
        if !self.has(WHAT) {
            return None;
        }
        let begun = Instant::now();
        let got = self.get(ticket).await;
        let status = got.as_ref().ok().map(|read| read.status.clone());
        let shown = got.map(|read| format!("status {}", read.status));
        self.kept(WHAT, begun, shown.map_err(|error| error.to_string()));
        status
    }

    async fn get(&self, ticket: &TicketId) -> Result<Ticket, CallError> {
        let (client, deadline) = (&self.bridge.ticketing, self.bridge.call_timeout());
        self.patiently(async || client.ticket(ticket, deadline).await)
            .await
    }

    async fn link_field(&mut self, ticket: &TicketId) {
        let set = Effect::WriteLinkField {
            ticket: ticket.clone(),
            conversation: self.conversation.clone(),
        };
        self.write("set_link_field", set).await;
        const WHAT: &str = "find_by_link_field";
        if !self.has(WHAT) {
            return;
        }
        let begun = Instant::now();
        let within = match self.bridge.config.profile.resolve(Operation::Create) {
            Resolve::LaggingSearch { lag } => lag + BEHIND,
            _ => AT_ONCE,
        };
        let (client, deadline) = (&self.bridge.ticketing, self.bridge.call_timeout());
        let found = self
            .until(within, async || {
                let found = client.tickets_by_conversation(&self.conversation, deadline);
                Ok(found.await?.iter().any(|found| found.id == *ticket))
            })
            .await;
        self.kept(WHAT, begun, found);
    }

    async fn status(&mut self, ticket: &TicketId, now: Option<Status>) {
        const WHAT: &str = "set_status";
        if !self.has(WHAT) {
            return;
        }
        let vocabulary = self.bridge.config.profile.vocabulary();
        let open = [&vocabulary.reopened]
            .into_iter()
            .chain(&vocabulary.statuses);
        let other = open
            .filter(|status| vocabulary.is_open(status))
            .find(|status| Some(*status) != now.as_ref());
        let Some(status) = other.cloned() else {
            self.note(WHAT, Verdict::NotTried, "there is no other open status");
            return;
        };
        let begun = Instant::now();
        let set = self.set(ticket, &status).await;
        self.kept(WHAT, begun, set);
    }

    /// Sets a status, and reads whether it is so.
    async fn set(&mut self, ticket: &TicketId, status: &Status) -> Found {
        let set = Effect::SetStatus {
            ticket: ticket.clone(),
            status: status.clone(),
        };
        let done = self.perform(set).await;
        done.map_err(|error| format!("{status}: {error}"))?;
        let read = self.get(ticket).await.map_err(|error| error.to_string())?;
        if read.status == *status {
            Ok(format!("{status}, and so it reads"))
        } else {
            Err(format!("it was set to {status}, and reads {}", read.status))
        }
    }

    async fn by_requester(&mut self, ticket: &TicketId) {
        const WHAT: &str = "find_open_by_requester";
        if !self.has(WHAT) {
            return;
        }
        let begun = Instant::now();
        let (client, deadline) = (&self.bridge.ticketing, self.bridge.call_timeout());
        let who = match self.get(ticket).await {
            Ok(read) => read.requester.id,
            Err(error) => return self.kept(WHAT, begun, Err(error.to_string())),
        };
        let Some(who) = who else {
            let found = "the ticket tells no requester.id, so nobody is asked for";
            return self.kept(WHAT, begun, Err(found.to_owned()));
        };
        let found = self
            .until(AT_ONCE.max(self.index_lag()), async || {
                let open = client.open_tickets(&who, deadline).await?;
                Ok(open.iter().any(|open| open.id == *ticket))
            })
            .await;
        self.kept(WHAT, begun, found);
    }

    async fn changes(&mut self, ticket: &TicketId) {
        const WHAT: &str = "changed_since";
        if !self.has(WHAT) {
            return;
        }
        let begun = Instant::now();
        let (client, deadline) = (&self.bridge.ticketing, self.bridge.call_timeout());
        let mut cursor = self.since.clone();
        let found = self
            .until(WAIT, async || {
                let page = client.changed_since(&cursor, deadline).await?;
                cursor.clone_from(&page.cursor);
                Ok(page.tickets.iter().any(|changed| changed.id == *ticket))
            })
            .await;
        self.kept(WHAT, begun, found);
    }

    /// One write, if the profile has it.
    async fn write(&mut self, what: &'static str, effect: Effect) {
        if !self.has(what) {
            return;
        }
        let begun = Instant::now();
        let done = self.perform(effect).await;
        let done = done.map(|_| String::new()).map_err(|e| e.to_string());
        self.kept(what, begun, done);
    }

    /// Whether the profile has an operation; where not, that is told.
    fn has(&mut self, what: &'static str) -> bool {
        let review = self.bridge.config.profile.review();
        let about = review.operations.iter().find(|one| one.name == what);
        let there = about.is_some_and(|one| one.is_there);
        if !there {
            let why = about.map(|one| one.about.clone()).unwrap_or_default();
            self.note(what, Verdict::Absent, &why);
        }
        there
    }

    fn worked(&self, what: &str) -> bool {
        let mut tried = self.tried.iter();
        tried.any(|one| one.what == what && one.verdict == Verdict::Works)
    }
}
