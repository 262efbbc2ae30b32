//! Who looks over the shoulder: at each commit that is taken, what the Lane says it did is held
//! against what it knew and against what is true. Neighbours: `judge`, who watches the remotes;
//! `law`, the promises.
//!
//! The rules decide from what they know; this room knows both sides as they are, and shares no code
//! with the rules.

use super::{fault::Fault, finish::rest_of, law::Law, world::World};
use bridge_core::{
    conversation::ConversationState,
    effect::{Effect, Operation},
    event::Event,
    ids::{ConversationId, IntentId, TicketId},
    intent::{Intent, IntentState},
    lane::{ConversationMemory, Fate, Lane},
    link::{Link, Origin, TicketSide},
    mapping::{Mapping, OnConflict, TicketReopened},
    ticket::{Ticket, Version},
};
use std::time::Duration;

/// Clocks may differ by this much before the time of a start proves anything (rule 5).
const CLOCKS_APART: Duration = Duration::from_secs(120);

/// A start's own event is waited for at most this long, less a little for clocks that differ.
const IN_QUESTION: Duration = Duration::from_secs(50);

/// A conversation that a start may have made is tried to be read for so long.
const LOOKED_FOR: Duration = Duration::from_secs(3600);

/// What is known of a ticket may be this old when its status is set, the call and a little more
/// included.
pub(super) const LOOK_AGE: Duration = Duration::from_secs(330);

/// The tag that asks for a conversation, as in the mapping of all histories.
pub(super) const TAG: &str = "whatsapp";

/// What is wrong, if something is.
type Verdict = Option<(Law, String)>;

impl World {
    /// A commit was taken: `before` was stored, `after` is.
    pub fn witness(&mut self, before: &Lane, after: &Lane) {
        self.is_said_since_the_step(before, after);
        self.is_said_to_the_first_seen(before, after);
        self.hear_out(before, after);
        self.finished(after);
        self.asks_no_more(before, after);
        if let Some((law, what)) = self.goes_onto_its_own(before, after) {
            self.judge.breach(law, what);
        }
        let rests = self
            .untied(before, after)
            .or_else(|| self.agreed_after_a_look(before, after))
            .or_else(|| self.follows_its_own(before, after))
            .or_else(|| self.is_looked_at_first(before, after));
        if let Some((law, what)) = rests {
            self.judge.breach(law, what);
        }
        self.judge.asks(Law::SidesStay);
        let seen = self
            .missed_twice(before, after)
            .or_else(|| sides_stay(before, after))
            .or_else(|| self.heard(before, after))
            .or_else(|| {
                let mut changed = after.intents.iter().filter_map(|new| {
                    let old = before.intents.iter().find(|old| old.id == new.id);
                    (old != Some(new)).then_some((old, new))
                });
                changed.find_map(|(old, new)| self.looks_right(after, old, new))
            });
        if let Some((law, what)) = seen {
            self.judge.breach(law, what);
        }
        self.judge
            .made
            .extend(after.intents.iter().filter_map(rest_of).cloned());
        let made =
            |i: &&Intent| i.operation() == Operation::Create && i.state == IntentState::Confirmed;
        for intent in after.intents.iter().filter(made) {
            let Effect::CreateTicket(create) = &intent.effect else {
                continue;
            };
            // One that another customer's conversation was written on shows no more who made it.
            let names_it = |id: &TicketId| {
                let record = self.desk.records.get(id);
                let field = record.and_then(|r| r.ticket.link_field.as_ref());
                field == Some(&create.conversation)
            };
            let mut known = self.judge.all_made_for(&intent.link);
            let link = after.links.iter().find(|l| l.id == intent.link);
            let own = link.and_then(|l| l.ticket_id());
            known.retain(|id| own == Some(id) || names_it(id));
            self.judge.made.extend(known);
        }
    }

    fn looks_right(&self, after: &Lane, old: Option<&Intent>, new: &Intent) -> Verdict {
        let was = old.map(|old| old.state);
        if new.state == IntentState::Confirmed
            && was != Some(IntentState::Confirmed)
            && new.operation() == Operation::Start
        {
            return self.start_is_its_own(after, new);
        }
        if old.is_none() && new.cause.starts_with("reopen:message") {
            return reopened_in_time(after, new);
        }
        if !goes_out(old, new) {
            return None;
        }
        self.judge.asks(Law::OneAtATime);
        one_at_a_time(after, new).or_else(|| match &new.effect {
            Effect::StartConversation(_) => self.start_is_asked_for(after, new),
            Effect::CloseConversation(_) => {
                self.judge.asks(Law::LookedFirst);
                close_was_looked_at(after, new)
            }
            Effect::CreateTicket(_) => self.create_has_a_reason(after, new),
            Effect::SetStatus { .. } => self.status_is_right(after, new),
            Effect::WriteTicketId(_)
            | Effect::UpsertRequester { .. }
            | Effect::WriteLinkField { .. }
            | Effect::SetFields { .. }
            | Effect::AddNote { .. }
            | Effect::AddComment(_)
            | Effect::AttachFile(_)
            | Effect::SendTemplate(_)
            | Effect::SendBotMessage(_)
            | Effect::HandOver(_)
            | Effect::SendMessage(_) => None,
        })
    }

    /// Whether what a Lane says of when can be compared: it moves its moments back with its clock.
    pub(super) fn clocks_are_steady(&self) -> bool {
        self.faults.fired[Fault::ClockSetBack as usize] == 0
    }

    /// What counts as taken in is known from then on.
    fn heard(&self, before: &Lane, after: &Lane) -> Verdict {
        self.judge.asks(Law::TakenIn);
        let applied = after.fates.iter().filter(|(_, _, f)| *f == Fate::Applied);
        for (delivery, position, _) in applied {
            let came = before
                .pending
                .iter()
                .find(|p| p.delivery == *delivery && p.position == *position);
            let Some(came) = came else { continue };
            let memory = came
                .event
                .conversation()
                .and_then(|c| after.conversations.get(&c.id));
            let is_known = match &came.event {
                Event::ConversationStarted(e) => memory.is_some_and(|m| {
                    m.start_event && (e.intent_id.is_none() || m.start_intent == e.intent_id)
                }),
                Event::ConversationClosed(_) => memory.is_some_and(|m| m.seen.state.is_closed()),
                Event::MessageReceived(e) => {
                    let kept = |m: &bridge_core::lane::Message| m.id == e.message;
                    let in_time = |m: &ConversationMemory| m.last_message_at >= Some(e.at);
                    memory.is_some_and(in_time) && after.messages.iter().any(kept)
                }
                Event::TicketChanged(e) => after.tickets.contains_key(&e.ticket),
                Event::CommentAdded(e) => {
                    let kept = |m: &bridge_core::lane::Message| m.id == e.comment;
                    let ears = &self.judge.ears;
                    // A restored backup may have forgotten the Link to which it was said.
                    let since = |l: &Link| {
                        self.judge.restored.is_empty() || Some(l.has_ticket_since()) <= e.at
                    };
                    let has_it =
                        |l: &Link| l.is_live() && l.ticket_id() == Some(&e.ticket) && since(l);
                    let owed = ears.was_owed(&e.ticket, &e.comment)
                        && !self.was_given_away(&e.ticket)
                        && !self.faults.has(Fault::ObserveFirst)
                        // By a clock that is ahead, words may seem to be older than the Link.
                        && self.shape.second_clock == 0
                        && before.links.iter().any(has_it);
                    let heard_before = ears.is_known(&e.ticket, &e.comment);
                    !owed || heard_before || after.messages.iter().any(kept)
                }
            };
            if !is_known {
                let what = format!("{} of {delivery} is not known after", came.event.kind());
                return Some((Law::TakenIn, what));
            }
        }
        None
    }

    /// Who is not found once may be found again; only twice is gone.
    fn missed_twice(&self, before: &Lane, after: &Lane) -> Verdict {
        self.judge.asks(Law::MissedTwice);
        let often = |object: String| self.judge.missed.get(&object).copied().unwrap_or(0);
        for (id, _) in after.tickets.iter().filter(|(_, m)| m.gone) {
            let known = before.tickets.get(id).is_some_and(|m| m.gone);
            let there = self.desk.records.get(id).is_some_and(|r| !r.gone);
            if !known && there && often(format!("ticket {id}")) < 2 {
                return Some((Law::MissedTwice, format!("ticket {id} is given up")));
            }
        }
        for (id, memory) in &after.conversations {
            let ConversationState::Closed { reason } = &memory.seen.state else {
                continue;
            };
            let old = before.conversations.get(id);
            let known = old.is_some_and(|m| m.seen.state.is_closed());
            let goes_on = self.jelou.talks.get(id).is_some_and(|t| t.is_active());
            if !known && goes_on && often(format!("conversation {id}")) < 2 {
                let what = format!("{id} goes on and counts as closed: {reason}");
                return Some((Law::MissedTwice, what));
            }
        }
        None
    }

    /// A start's conversation is one that it made, or could have made for all that is known.
    fn start_is_its_own(&self, after: &Lane, intent: &Intent) -> Verdict {
        let link = after.links.iter().find(|l| l.id == intent.link)?;
        let id = link.conversation_id()?;
        let talk = self.jelou.talks.get(id)?;
        // What it made is known to be a double, and is flagged: the Link has what it was held to have made before.
        let made = |id: &ConversationId| {
            let talk = self.jelou.talks.get(id);
            talk.is_some_and(|talk| talk.intent.as_ref() == Some(&intent.id))
        };
        let mut answered = intent.answered.iter();
        if intent.possible_duplicate && answered.any(|answered| answered != id && made(answered)) {
            return None;
        }
        self.judge.asks(Law::OwnStart);
        // A Link that followed a merge has the conversation of whichever start was its ticket's.
        let of_ticket = |i: &&Intent| match &i.effect {
            Effect::StartConversation(start) => link.ticket_id() == Some(&start.ticket),
            _ => false,
        };
        let of_link = |by: &IntentId| {
            let mut own = after.intents.iter();
            own.any(|i| i.id == *by && (i.link == link.id || of_ticket(&i)))
        };
        // Until its start event is heard, the time at which it began is all there is to go by.
        let own = talk.intent.as_ref().is_some_and(of_link);
        let told = after.conversations.get(id).is_some_and(|m| m.start_event);
        let asked = intent.first_sent_at.unwrap_or(intent.planned_at);
        let began = talk.conversation.started_at;
        let before = began.is_some_and(|at| at < asked.minus(CLOCKS_APART));
        let known = self.judge.known_before.get(&intent.id);
        let known = known.is_some_and(|known| known.contains(id));
        let foreign = !own && (told || before || known) && self.judge.restored.is_empty();
        foreign.then(|| {
            let what = format!("{id} counts as made by {}", intent.id);
            (Law::OwnStart, what)
        })
    }

    /// A start goes out for a ticket that asks for one, as far as is known.
    fn start_is_asked_for(&self, after: &Lane, intent: &Intent) -> Verdict {
        let Effect::StartConversation(start) = &intent.effect else {
            return None;
        };
        if self.judge.decided.contains(&intent.link) {
            self.judge.excuses(Law::AskedFor);
            return None;
        }
        // A Link that followed a merge asks for the ticket that it has now.
        let merged = |id: &TicketId| {
            let record = self.desk.records.get(id);
            record.is_some_and(|r| r.ticket.merged_into.is_some())
        };
        let link = after.links.iter().find(|l| l.id == intent.link);
        let now_has = link.and_then(Link::ticket_id);
        let ticket = now_has
            .filter(|_| merged(&start.ticket))
            .unwrap_or(&start.ticket);
        let seen = after.tickets.get(ticket)?.seen.as_ref()?;
        if let Some(mistaken) = self.is_mistaken_of(seen) {
            return Some(mistaken);
        }
        let had_another = after
            .links
            .iter()
            .any(|l| l.id != intent.link && !l.is_live() && l.ticket_id() == Some(ticket));
        // Another customer's Lane knows nothing of who made it.
        let given_away = self.was_given_away(&start.ticket) || !self.judge.restored.is_empty();
        // Of two tickets of one create the other is known by its link field, which another Lane's Link wrote over
        // (history 7678662).
        let wrote_over = |l: &Link| l.ticket_id() == Some(ticket) && l.link_field_written;
        let mut others = self.store.lanes().filter(|lane| lane.lane.id != after.id);
        let hidden = self.may_be_doubled(ticket)
            && others.any(|lane| lane.links.into_iter().any(wrote_over));
        let ours = !given_away && !hidden && self.judge.made.contains(ticket);
        self.judge.asks(Law::AskedFor);
        let asks = seen.tags.iter().any(|tag| tag == TAG) && !ours;
        let wrong = |mapping: &Mapping| {
            let reopened = had_another && mapping.ticket_reopened == TicketReopened::Start;
            mapping.closes(&seen.status) || !reopened && !asks
        };
        let right = !wrong(&self.ruled_by);
        let why = match (self.ruled_by.closes(&seen.status), ours) {
            (true, _) => "is closed",
            (false, true) => "was made by us",
            (false, false) => "does not ask",
        };
        let what = format!("{} goes out, and {ticket} {why}", intent.id);
        let had_one = || self.has_had_one(intent, &start.ticket);
        (!right).then_some((Law::AskedFor, what)).or_else(had_one)
    }

    /// Whether a ticket is known under the version that it has, and with tags that it has not: so by a patch
    /// that said nothing of them.
    fn is_mistaken_of(&self, seen: &Ticket) -> Verdict {
        let is = &self.desk.records.get(&seen.id)?.ticket;
        let numbered = matches!(is.version, Version::Monotonic { .. });
        let same = numbered && is.version == seen.version;
        let what = format!("{} starts by tags that it has no more", seen.id);
        (same && is.tags != seen.tags).then_some((Law::AskedFor, what))
    }

    /// A ticket is made for a conversation that was heard of by a start or a message, and was not
    /// started by us just now.
    fn create_has_a_reason(&self, after: &Lane, intent: &Intent) -> Verdict {
        let Effect::CreateTicket(create) = &intent.effect else {
            return None;
        };
        let id = &create.conversation;
        // Its ticket is there: what follows makes none.
        if create.made.is_some() {
            return None;
        }
        if !self.judge.heard.contains(id) {
            let what = format!("a ticket for {id}, of which only the end was heard");
            return Some((Law::AskedFor, what));
        }
        let talk = self.jelou.talks.get(id)?;
        let spelled = self.is_spelled_twice(&talk.conversation.user);
        let spelled = spelled || !self.judge.restored.is_empty();
        let by = talk.intent.as_ref()?;
        let asked = self.judge.begun.get(id)?;
        let open = |i: &Intent| matches!(i.state, IntentState::Sent | IntentState::Unknown);
        let in_question = after.intents.iter().any(|i| i.id == *by && open(i))
            && self.now.since(*asked) < IN_QUESTION;
        let what = format!("a ticket for {id}, which we began just now");
        (!spelled && in_question).then_some((Law::OwnStart, what))
    }

    /// A conversation that a start in question made is not taken in for the customer's own before it was looked at.
    fn is_looked_at_first(&self, before: &Lane, after: &Lane) -> Verdict {
        let is_new = |l: &&Link| before.link(&l.id).is_none() && l.origin == Origin::Conversation;
        let mut new = after.links.iter().filter(is_new);
        new.find_map(|link| {
            let id = link.conversation_id()?;
            let made_by = self.jelou.talks.get(id)?.intent.as_ref()?;
            let start = before.intents.iter().find(|i| i.id == *made_by)?;
            let in_question = match start.state {
                IntentState::Sent | IntentState::Unknown => true,
                IntentState::Planned => start.attempts > 0 && start.possible_duplicate,
                IntentState::Confirmed
                | IntentState::Refused
                | IntentState::Withdrawn
                | IntentState::Parked
                | IntentState::Observed => false,
            };
            let told = start.answered.as_ref().is_some_and(|told| told != id);
            let memory = after.conversations.get(id)?;
            let looked = memory.start_event
                || memory.seen.started_at.is_some()
                || memory.read_at.is_some()
                || link.created_at.since(memory.learnt_at) >= LOOKED_FOR;
            self.judge.asks(Law::OwnStart);
            // What has no ticket is watched, and no more.
            let watched = matches!(link.ticket, TicketSide::Unwanted { .. });
            // Or the start is held to have made another one.
            let made = after.intents.iter().find(|i| i.id == *made_by);
            let settled = made.is_some_and(|i| i.state == IntentState::Confirmed);
            let excused = watched
                || settled
                || told
                || looked
                || self.is_spelled_twice(&after.user)
                || !self.judge.restored.is_empty();
            let what = format!("{id} is taken in and was not looked at");
            (in_question && !excused).then_some((Law::OwnStart, what))
        })
    }

    /// A status is set over one that is known, by the side that is to win.
    fn status_is_right(&self, after: &Lane, intent: &Intent) -> Verdict {
        let Effect::SetStatus { ticket, .. } = &intent.effect else {
            return None;
        };
        let link = after.links.iter().find(|l| l.id == intent.link)?;
        let talk = link.conversation_id()?;
        let seen = after.tickets.get(ticket)?.seen.as_ref()?;
        let record = self.desk.records.get(ticket)?;
        if let Some(unseen) = self.is_set_unseen(ticket) {
            return Some(unseen);
        }
        if intent.cause.starts_with("reopen:") {
            return None;
        }
        let own = |i: &&Intent| i.link == intent.link;
        let of_link = || after.intents.iter().filter(own);
        let done =
            |i: &Intent| i.operation() == Operation::Close && i.state == IntentState::Confirmed;
        let is_ours = of_link().any(done) && !of_link().any(|i| i.cause.starts_with("reopen:"));
        if is_ours && self.judge.closed_by_us.contains(talk) && self.judge.restored.is_empty() {
            let what = format!("{ticket} is set after our own close of {talk}");
            return Some((Law::AskedFor, what));
        }
        let agreed = link.agreed.as_ref()?;
        let asks = |status| self.ruled_by.closes(status);
        let merged = record.ticket.merged_into.is_some();
        let set_aside = agreed.conversation_closed && link.is_live();
        let moved = asks(&agreed.status) != asks(&seen.status) && !set_aside && !merged;
        let first = intent.first_sent_at == intent.sent_at;
        // It was planned when the conversation was to win.
        let conversation_won = |m: &Mapping| m.on_conflict != OnConflict::Ticket;
        let steady = !self.was_answered_otherwise(Some(intent.planned_at), conversation_won);
        if moved && !steady && first {
            self.judge.excuses(Law::NothingOverwritten);
        }
        if moved && steady && first && self.ruled_by.on_conflict == OnConflict::Ticket {
            let what = format!("{ticket} moved to {} and is set back", seen.status);
            return Some((Law::NothingOverwritten, what));
        }
        self.judge.asks(Law::NothingOverwritten);
        let stale =
            seen.status != record.ticket.status && self.now.since(record.changed_at) > LOOK_AGE;
        let what = format!("{ticket} is {} and is set unseen", record.ticket.status);
        stale.then_some((Law::NothingOverwritten, what))
    }
}

/// Whether a commit lets an Intent out. By the moment of sending it is not told: that moves with a clock
/// that is more than a little behind another's.
pub(super) fn goes_out(old: Option<&Intent>, new: &Intent) -> bool {
    let again = |old: &Intent| old.state != IntentState::Sent || old.attempts != new.attempts;
    new.state == IntentState::Sent && old.is_none_or(again)
}

/// A message reopens a ticket only if it was written after the end (rule 8). Where only the answer to
/// our own close told of the end, it is by our clock, and proves nothing here.
fn reopened_in_time(after: &Lane, intent: &Intent) -> Verdict {
    let link = after.links.iter().find(|l| l.id == intent.link)?;
    let talk = link.conversation_id()?;
    let memory = after.conversations.get(talk)?;
    let ended = memory.seen.ended_at?;
    let late = memory.last_message_at <= Some(ended);
    let what = format!("a message before the end of {talk} reopens its ticket");
    late.then_some((Law::AskedFor, what))
}

/// A Link keeps the conversation that it has.
fn sides_stay(before: &Lane, after: &Lane) -> Verdict {
    for new in after.links.iter().filter(|l| l.is_live()) {
        let old = before.links.iter().find(|old| old.id == new.id);
        let had = old.and_then(|old| old.conversation_id());
        if had.is_some() && had != new.conversation_id() {
            let what = format!("{} had {had:?} and has {:?}", new.id, new.conversation_id());
            return Some((Law::SidesStay, what));
        }
    }
    None
}

/// Of a Lane, one start or close is on its way at a time (rule 12).
fn one_at_a_time(after: &Lane, intent: &Intent) -> Verdict {
    let talks = |i: &Intent| matches!(i.operation(), Operation::Start | Operation::Close);
    if !talks(intent) {
        return None;
    }
    let under_way = |i: &&Intent| {
        i.id != intent.id && talks(i) && matches!(i.state, IntentState::Sent | IntentState::Unknown)
    };
    let other = after.intents.iter().find(under_way)?;
    let what = format!("{} goes out while {} is on its way", intent.id, other.id);
    Some((Law::OneAtATime, what))
}

/// A close goes out after a look at its conversation, and while it is the only one (rule 13).
fn close_was_looked_at(after: &Lane, intent: &Intent) -> Verdict {
    let Effect::CloseConversation(close) = &intent.effect else {
        return None;
    };
    let id = &close.conversation;
    let known = after.conversations.get(id);
    if known.is_some_and(|m| m.seen.state.is_closed()) {
        let what = format!("{id} is closed although it is known to be over");
        return Some((Law::LookedFirst, what));
    }
    let read_at = known.and_then(|m| m.read_at);
    if read_at.is_none_or(|at| at < intent.planned_at) {
        return Some((Law::LookedFirst, format!("{id} is closed unseen")));
    }
    let mut others = after.conversations.iter();
    let other = others.find(|(other, m)| *other != id && !m.seen.state.is_closed())?;
    let what = format!("{id} is closed while {} goes on", other.0);
    Some((Law::LookedFirst, what))
}
