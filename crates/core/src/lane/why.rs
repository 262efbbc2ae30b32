//! Why a ticket has the conversation that it has, or none: each rule that could start or close one,
//! with what it asks for and what it finds. Neighbours: `plan`, open and start, whose judgements
//! these are; the daemon's `explain`, which tells them.
//!
//! What is stored is judged as it is. Nothing is planned, and nothing is changed.

use super::{
    access::wish,
    state::{Lane, TicketMemory},
    step::{Mode, Rules, Turn},
};
use crate::{
    conversation::ConversationState,
    effect::Operation,
    ids::{ConversationId, TicketId},
    intent::{Intent, IntentState},
    link::{ConversationSide, Link, TicketSide},
    mapping::TicketReopened,
    plan::{Sides, Verdict, merge},
    ticket::{Status, Ticket},
    time::Timestamp,
};

const OPEN_WHEN: &str = "mapping.conversation.open_when";
const CLOSE_ON_STATUS: &str = "mapping.conversation.close_on_status";

/// What of a ticket is told that no key of the configuration decides.
const TICKET: &str = "the ticket";
const LINK: &str = "the link";

/// What one rule asks for, and what it finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The rule: a key of the configuration, or what else decides.
    pub rule: String,
    /// Both in a sentence, without a customer's names, numbers or texts.
    pub sentence: String,
}

impl Reason {
    fn new(rule: &str, sentence: impl Into<String>) -> Self {
        Self {
            rule: rule.to_owned(),
            sentence: sentence.into(),
        }
    }
}

/// Lets each rule that could start or close a conversation say what it asks for, and what it finds
/// stored. The Link is the live one of the ticket or conversation asked about, else its latest.
#[must_use]
pub fn why(
    lane: &Lane,
    link: Option<&Link>,
    ticket: Option<&TicketId>,
    rules: &Rules<'_>,
    now: Timestamp,
) -> Vec<Reason> {
    let mut lane = lane.clone();
    let turn = Turn::new(&mut lane, rules, now);
    turn.why(link, ticket)
}

impl Turn<'_> {
    fn why(&self, link: Option<&Link>, ticket: Option<&TicketId>) -> Vec<Reason> {
        let mut told = Vec::new();
        if self.rules.mode == Mode::Observe {
            let sentence = "it is observe: what the rules want is recorded, and nothing is written";
            told.push(Reason::new("mode", sentence));
        }
        let memory = ticket.and_then(|id| self.lane.tickets.get(id));
        told.extend(memory.map(in_doubt).unwrap_or_default());
        let seen = memory.and_then(|m| Some((m, m.seen.as_ref()?)));
        match (link.filter(|link| link.is_live()), seen) {
            (Some(link), seen) => told.extend(self.why_of_live(link, seen)),
            (None, seen) => {
                told.extend(link.map(has_ended).unwrap_or_default());
                told.extend(seen.map_or_else(Vec::new, |(m, seen)| self.why_unlinked(m, seen)));
            }
        }
        if let Some(link) = link {
            let planned = self.lane.intents.iter().filter(|i| i.link == link.id);
            told.extend(planned.filter_map(|intent| fate(intent, link)));
        }
        told
    }

    fn why_of_live(&self, link: &Link, seen: Option<(&TicketMemory, &Ticket)>) -> Vec<Reason> {
        match (&link.conversation, &link.ticket) {
            (ConversationSide::Known { id }, TicketSide::Known { .. }) => {
                let reason = seen.and_then(|(_, seen)| self.why_open(link, id, seen));
                reason.into_iter().collect()
            }
            (ConversationSide::Wanted, _) => {
                seen.map_or_else(Vec::new, |(_, seen)| self.why_not_started(link, seen))
            }
            (ConversationSide::Known { .. }, TicketSide::Wanted) => {
                let sentence = "the conversation is to get a ticket, and has none yet";
                vec![Reason::new("mapping.ticket", sentence)]
            }
            (ConversationSide::Unwanted { rule }, _) => {
                vec![Reason::new(rule, "no conversation is started")]
            }
            (ConversationSide::Known { .. }, TicketSide::Unwanted { rule }) => {
                let sentence = "the conversation gets no ticket, so no ticket closes it";
                vec![Reason::new(rule, sentence)]
            }
        }
    }

    /// Of a whole Link: what the merge of both sides says.
    fn why_open(&self, link: &Link, talk: &ConversationId, seen: &Ticket) -> Option<Reason> {
        let closed = match self.lane.conversations.get(talk).map(|m| &m.seen.state) {
            Some(ConversationState::Closed { reason }) => Some(reason.as_str()),
            Some(ConversationState::Active) | None => None,
        };
        let asked = self.status_asked(&seen.status);
        let sides = Sides {
            closed,
            status: &seen.status,
        };
        let verdict = merge(link.agreed.as_ref()?, sides, self.rules.mapping);
        Some(match (verdict, closed) {
            (Verdict::Close { rule }, _) => {
                let sentence = format!("{asked}, so the conversation is to be closed");
                Reason::new(rule, sentence)
            }
            (Verdict::SetStatus { status, rule }, _) => {
                let is = &seen.status;
                let sentence =
                    format!("the conversation is over: the ticket is {is} and is to be {status}");
                Reason::new(&rule, sentence)
            }
            (Verdict::Agree(_), Some(reason)) => {
                let sentence = format!("the conversation is over ({reason}): nothing follows");
                Reason::new(LINK, sentence)
            }
            (Verdict::Agree(_), None) if self.rules.mapping.closes(&seen.status) => {
                let sentence = format!(
                    "{asked}, as it was when both sides last agreed: only a move to such a status \
                     closes, so the conversation stays open"
                );
                Reason::new(CLOSE_ON_STATUS, sentence)
            }
            (Verdict::Agree(_), None) => {
                let sentence = format!("{asked}, so the conversation stays open");
                Reason::new(CLOSE_ON_STATUS, sentence)
            }
        })
    }

    /// Of a Link that lacks its conversation.
    fn why_not_started(&self, link: &Link, seen: &Ticket) -> Vec<Reason> {
        if let Some(done) = self.starts_nothing(&seen.status) {
            return vec![done];
        }
        if self.is_asked_for_no_more(link, seen) {
            let sentence = "it holds for the ticket no more, so no conversation is started";
            return vec![Reason::new(OPEN_WHEN, sentence)];
        }
        let wanted = "a conversation is wanted for the ticket, and there is none yet";
        let mut told = vec![Reason::new(LINK, wanted)];
        if link.busy_since.is_some() {
            let busy = "the customer is in another conversation, or an older ticket comes first: \
                        the start waits";
            told.push(Reason::new("mapping.customer_busy", busy));
        }
        told
    }

    /// Of a ticket without a live Link.
    fn why_unlinked(&self, memory: &TicketMemory, seen: &Ticket) -> Vec<Reason> {
        if let Some(done) = self.starts_nothing(&seen.status) {
            return vec![done];
        }
        let mapping = self.rules.mapping;
        if !mapping.starts_conversations() {
            let sentence = "there is no such table: no ticket starts a conversation";
            return vec![Reason::new("mapping.conversation", sentence)];
        }
        let sentence = match self.asks_for_conversation(memory, seen) {
            Err(error) => format!("it cannot be judged: {error}"),
            Ok(false) if memory.made_by_us => {
                "open_when does not hold for the ticket without the tags that the bridge put on: \
                 it asks for no conversation"
                    .to_owned()
            }
            Ok(false) => {
                "open_when does not hold for the ticket: it asks for no conversation".to_owned()
            }
            Ok(true) if memory.open_when => {
                "open_when holds for the ticket, as it did before: a conversation starts only \
                 when it turns true"
                    .to_owned()
            }
            Ok(true) => "open_when holds for the ticket: it asks for a conversation".to_owned(),
        };
        let mut told = vec![Reason::new(OPEN_WHEN, sentence)];
        if self.reopened(&seen.id).is_some() {
            let sentence = match mapping.ticket_reopened {
                TicketReopened::Wait => {
                    "it is wait: the ticket is open again, and a conversation comes when the \
                     customer writes"
                }
                TicketReopened::Start => "it is start: the ticket is open again, and asks for one",
            };
            told.push(Reason::new(
                "mapping.conversation.ticket_reopened",
                sentence,
            ));
        }
        told
    }

    /// Of a status in which no ticket gets a conversation.
    fn starts_nothing(&self, status: &Status) -> Option<Reason> {
        let mapping = self.rules.mapping;
        if mapping.closes(status) {
            let sentence = format!("{}, so no conversation starts", self.status_asked(status));
            return Some(Reason::new(CLOSE_ON_STATUS, sentence));
        }
        mapping.vocabulary().is_final(status).then(|| {
            let sentence = format!("it is {status}, which is final, so no conversation starts");
            Reason::new(TICKET, sentence)
        })
    }

    fn status_asked(&self, status: &Status) -> String {
        let closing = self.rules.mapping.close_on_status();
        let closing: Vec<&str> = closing.iter().map(Status::as_str).collect();
        let asked = match closing.as_slice() {
            [] => "no status".to_owned(),
            some => some.join(" or "),
        };
        format!("close_on_status asks for {asked}: the ticket is {status}")
    }
}

/// What keeps the rules from going by what was seen of a ticket.
fn in_doubt(memory: &TicketMemory) -> Vec<Reason> {
    let mut told = Vec::new();
    if memory.gone {
        let sentence = "it was not found, twice and a minute apart: it counts as gone";
        told.push(Reason::new(TICKET, sentence));
    }
    if memory.anothers {
        let sentence = "its requester is another customer: it asks for nothing here";
        told.push(Reason::new(TICKET, sentence));
    }
    match &memory.seen {
        None => told.push(Reason::new(TICKET, "it was not read yet")),
        Some(seen) => {
            if let Some(into) = &seen.merged_into {
                let sentence = format!("it was merged into ticket {into}: ask about that one");
                told.push(Reason::new(TICKET, sentence));
            }
        }
    }
    if memory.hint_at.is_some() {
        let tries = match memory.retry.failures {
            0 => String::new(),
            failures => format!(" (tries that failed: {failures})"),
        };
        let sentence = format!(
            "it changed, and was not read since: it is read first{tries}, and what follows \
             is of before"
        );
        told.push(Reason::new(TICKET, sentence));
    }
    told
}

fn has_ended(link: &Link) -> Vec<Reason> {
    let Some(ended) = &link.ended else {
        return Vec::new();
    };
    let sentence = format!(
        "it ended ({}): by it nothing is started or closed any more",
        ended.reason
    );
    let mut told = vec![Reason::new(LINK, sentence)];
    if let ConversationSide::Unwanted { rule } = &link.conversation {
        told.push(Reason::new(rule, "no conversation was started"));
    }
    told
}

/// How far a write has come that a rule wanted; `None` where that is over, or decides nothing.
fn fate(intent: &Intent, link: &Link) -> Option<Reason> {
    let operation = intent.operation();
    let talks = matches!(operation, Operation::Start | Operation::Close);
    let tickets = matches!(
        operation,
        Operation::Create | Operation::Requester | Operation::Status
    );
    if !talks && !tickets {
        return None;
    }
    let of_now = talks && wish(&intent.cause) == format!("g{}", link.generation);
    let effect = &intent.effect;
    let sentence = match intent.state {
        IntentState::Planned if intent.held => {
            let sentence = format!("the halt holds it until `halt release`: {effect}");
            return Some(Reason::new("safety", sentence));
        }
        IntentState::Planned => match intent.last_error.as_ref().filter(|_| intent.failures > 0) {
            Some(error) => format!("planned, and the last try failed ({error}): {effect}"),
            None => format!("planned, and not sent yet: {effect}"),
        },
        IntentState::Sent => format!("sent, and its outcome is waited for: {effect}"),
        IntentState::Unknown => {
            format!("sent, and it is found out first what became of it: {effect}")
        }
        IntentState::Parked => match &intent.parked {
            Some(parked) => format!(
                "parked ({}), as {}: {effect}; what to do: {}",
                parked.reason, parked.detail, parked.remedy
            ),
            None => format!("parked: {effect}"),
        },
        IntentState::Refused if of_now => {
            format!("refused for good, or given up by a person: {effect}")
        }
        IntentState::Observed if of_now => format!("recorded only, and never sent: {effect}"),
        IntentState::Refused
        | IntentState::Observed
        | IntentState::Confirmed
        | IntentState::Withdrawn => return None,
    };
    Some(Reason::new(&intent.rule, sentence))
}
