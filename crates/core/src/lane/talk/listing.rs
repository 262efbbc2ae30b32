//! A ticket's comments, listed: what no webhook told of is found so. Neighbours: the Sweep, whose
//! findings ask for it; send, which asks once more before a conversation is closed; to_customer, which
//! brings out what is found.

use super::{Message, Place};
use crate::{
    effect::Read,
    event::{Comment, CommentAdded, TicketChanged},
    ids::{LinkId, MessageId, TicketId},
    lane::{
        schedule,
        state::{EntryKind, Retry},
        step::Turn,
    },
    link::Link,
    message::Enclosed,
    ticket::{GONE_READS_APART, TicketPatch, Version},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// A listing may show an earlier comment later than a later one, by this much at most: a write that
/// took long, or two clocks at one system.
const OVERLAP: Duration = Duration::from_secs(600);

/// Comments of the overlap that are remembered by their ids. A ticket with more in ten minutes has an
/// automation on it; of those, only the latest are known.
const KNOWN_MOST: usize = 300;

/// A close waits for the listing no longer than this many failures.
const FAILURES_BEFORE_CLOSE: u32 = 3;

/// What is known of a ticket's comments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct CommentsMemory {
    /// The state of the ticket for which they are to be listed.
    pub wanted: Option<Version>,
    /// From when on a listing shows all that was said in that state: while the moment that its version names
    /// lasts, more may be said, and the ticket looks the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settles_at: Option<Timestamp>,
    /// Whether a webhook that tells no words came, so that they are to be listed at once.
    #[serde(skip_serializing_if = "is_false")]
    pub hinted: bool,
    /// The state for which they were listed last.
    pub listed: Option<Version>,
    /// When that listing began.
    pub read_at: Option<Timestamp>,
    /// The time of the latest that was listed, by the ticketing system's clock.
    pub until: Option<Timestamp>,
    /// Those since a little before that, and their times.
    pub known: BTreeMap<MessageId, Timestamp>,
    /// Failing listings.
    pub retry: Retry,
    /// When the ticket was first said not to be there, while it was asked for its comments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<Timestamp>,
    /// The files of comments that wait to be sent and whose webhooks told of none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub enclosed: BTreeMap<MessageId, Vec<Enclosed>>,
    /// Listings in a row from which such a comment learnt nothing.
    #[serde(skip_serializing_if = "is_idle")]
    pub files: Retry,
}

fn is_idle(retry: &Retry) -> bool {
    *retry == Retry::default()
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands it by reference"
)]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl CommentsMemory {
    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Two memories of one ticket's comments, as one.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        self.known.extend(other.known);
        self.enclosed.extend(other.enclosed);
        let earlier = |a: Option<Timestamp>, b: Option<Timestamp>| a.into_iter().chain(b).min();
        Self {
            wanted: self.wanted.or(other.wanted),
            settles_at: self.settles_at.max(other.settles_at),
            hinted: self.hinted || other.hinted,
            listed: self
                .listed
                .filter(|listed| other.listed.as_ref() == Some(listed)),
            read_at: earlier(self.read_at, other.read_at),
            until: earlier(self.until, other.until),
            known: self.known,
            retry: Retry::default(),
            missing_since: None,
            enclosed: self.enclosed,
            files: Retry::default(),
        }
    }

    fn know(&mut self, id: MessageId, at: Timestamp) {
        self.known.insert(id, at);
        if self.known.len() > KNOWN_MOST
            && let Some(oldest) = self.known.iter().min_by_key(|(_, at)| **at)
        {
            let oldest = oldest.0.clone();
            self.known.remove(&oldest);
        }
    }
}

impl Turn<'_> {
    /// The Sweep shows a ticket in this state: what was said on it until then may not have been told.
    pub(in crate::lane) fn doubt_comments(&mut self, ticket: &TicketId, version: Version) {
        if !self.rules.capabilities.comments || !self.may_be_linked(ticket) {
            return;
        }
        let now = self.now;
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        let comments = &mut memory.comments;
        let is_new = comments.wanted != Some(version) && comments.listed != Some(version);
        if version == Version::None || is_new {
            comments.wanted = Some(version);
            comments.settles_at = version.granule().map(|granule| now.plus(granule));
        }
    }

    /// A webhook says that something changed about a ticket, and not what was said on it.
    pub(in crate::lane) fn hint_at_comments(&mut self, ticket: &TicketId) {
        if self.rules.capabilities.comments && self.may_be_linked(ticket) {
            let memory = self.lane.tickets.entry(ticket.clone()).or_default();
            memory.comments.hinted = true;
        }
    }

    /// A comment was told of: a listing shows nothing new with it.
    pub(in crate::lane) fn know_comment(
        &mut self,
        ticket: &TicketId,
        comment: &MessageId,
        at: Timestamp,
    ) {
        if self.rules.capabilities.comments {
            let memory = self.lane.tickets.entry(ticket.clone()).or_default();
            memory.comments.know(comment.clone(), at);
        }
    }

    pub(super) fn plan_listings(&mut self) {
        let wanted = self.lane.tickets.iter();
        // Of a ticket that may turn out to be a Link's, they are listed once it has.
        let wanted = wanted.filter(|(id, m)| !m.gone && self.latest_link_of_ticket(id).is_some());
        let wanted = wanted.filter_map(|(id, m)| {
            let comments = &m.comments;
            let from = match (comments.hinted, comments.wanted) {
                (true, _) => None,
                (false, Some(_)) => comments.settles_at,
                (false, None) => return None,
            };
            Some((id.clone(), comments.retry.due_at.max(from)))
        });
        let wanted: Vec<_> = wanted.collect();
        for (ticket, due) in wanted {
            self.want_read(Read::Comments { ticket }, due.unwrap_or(self.now));
        }
    }

    /// Before a conversation is closed it is looked whether an agent said something that no webhook
    /// has told yet: mostly the last words, which come with the close.
    pub(in crate::lane) fn list_before_close(&mut self, link: &LinkId, since: Timestamp) -> bool {
        let ticket = self.lane.link(link).and_then(Link::ticket_id).cloned();
        let Some(ticket) = ticket.filter(|_| self.rules.capabilities.comments) else {
            return false;
        };
        let Some(memory) = self.lane.tickets.get(&ticket).filter(|m| !m.gone) else {
            return false;
        };
        let comments = &memory.comments;
        let listed = comments.read_at.is_some_and(|at| at >= since);
        if listed || comments.retry.failures >= FAILURES_BEFORE_CLOSE {
            return false;
        }
        let due = comments.retry.due_at.unwrap_or(self.now);
        self.want_read(Read::Comments { ticket }, due);
        true
    }

    pub(in crate::lane) fn found_comments(
        &mut self,
        read: &Read,
        mut comments: Vec<Comment>,
        begun: Timestamp,
    ) {
        let Read::Comments { ticket } = read else {
            return;
        };
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        let known = &mut memory.comments;
        known.hinted = false;
        // One that began before is good for what it shows, and not for the rest of that moment.
        if known.settles_at.is_none_or(|settles| begun >= settles)
            && let Some(wanted) = known.wanted.take()
        {
            known.listed = Some(wanted);
            known.settles_at = None;
        }
        known.read_at = Some(begun);
        known.retry = Retry::default();
        known.missing_since = None;
        let first = known.until.is_none();
        let since = known.until.map(|until| until.minus(OVERLAP));
        let begins = first && !self.latest_link_of_ticket(ticket).is_some_and(|l| l.relays);
        comments.sort_by(Comment::in_turn);
        for comment in comments {
            self.learn_files(ticket, &comment);
            let at = comment.at.unwrap_or(begun);
            if since.is_none_or(|since| at >= since) {
                self.found_comment(ticket, comment, at, begins);
            }
        }
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        let known = &mut memory.comments;
        if let Some(since) = known.until.map(|until| until.minus(OVERLAP)) {
            known.known.retain(|_, at| *at >= since);
        }
        self.listed_files(ticket, begun);
    }

    /// What was said under a version that relayed nothing is only remembered (`begins`).
    fn found_comment(&mut self, ticket: &TicketId, comment: Comment, at: Timestamp, begins: bool) {
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        let known = &mut memory.comments;
        known.until = known.until.max(Some(at));
        if known.known.contains_key(&comment.id) {
            return;
        }
        known.know(comment.id.clone(), at);
        let id = comment.id.clone();
        let told = comment.told_of(ticket, at);
        if begins || !self.is_for_customer(&told, at) {
            return;
        }
        let place = Place::Ticket { id: ticket.clone() };
        if self.keep_message(Message::of_comment(place, told, at)) {
            self.lane.drift = self.lane.drift.saturating_add(1);
            let sentence = format!(
                "An agent wrote to the customer on ticket {ticket}; no webhook had said so"
            );
            self.note_ticket(EntryKind::Event, sentence, ticket);
            self.end_if_late(ticket, &id, at);
        }
    }

    /// Missing once may be a lagging replica; missing twice, spaced, there is nothing to list (F33).
    pub(in crate::lane) fn comments_missing(&mut self, ticket: &TicketId) {
        let now = self.now;
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        let since = *memory.comments.missing_since.get_or_insert(now);
        let twice = now.since(since) >= GONE_READS_APART;
        self.comments_unread(ticket, twice);
        if let Some(memory) = self.lane.tickets.get_mut(ticket).filter(|_| !twice) {
            // Whatever asked for this look, the second one surely comes.
            memory.comments.hinted = true;
            memory.comments.retry.due_at = Some(since.plus(GONE_READS_APART));
        }
    }

    /// The comments could not be listed. What is refused for good is given up until the ticket changes.
    pub(in crate::lane) fn comments_unread(&mut self, ticket: &TicketId, for_good: bool) {
        self.missed_files(ticket, self.now, for_good);
        let (now, key) = (self.now, ticket.as_str().to_owned());
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        let comments = &mut memory.comments;
        if for_good {
            comments.read_at = Some(now);
            comments.listed = comments.wanted.take();
            comments.settles_at = None;
            comments.hinted = false;
            comments.retry = Retry::default();
            comments.missing_since = None;
            return;
        }
        comments.retry.failed(now);
        comments.retry.due_at = Some(schedule::retry_at(comments.retry.failures, &key, now));
    }
}

impl Comment {
    /// As a webhook would have told of it, without the ticket's state.
    #[must_use]
    pub fn told_of(self, ticket: &TicketId, at: Timestamp) -> CommentAdded {
        let change = TicketChanged {
            ticket: ticket.clone(),
            version: Version::None,
            whole: None,
            patch: TicketPatch::default(),
            by_us: self.by_us,
            at: Some(at),
            read_at: None,
            last_lane: None,
        };
        CommentAdded {
            ticket: ticket.clone(),
            comment: self.id,
            body: self.body,
            public: self.public,
            by_agent: self.by_agent,
            by_us: self.by_us,
            opening: self.opening,
            files: self.files,
            files_untold: false,
            at: Some(at),
            change: Box::new(change),
        }
    }
}
