//! Jelou's report comes to the ticket some time after a conversation's end. Neighbours: links, which
//! asks for each Link; the daemon's round over the report, which looks for many conversations at once.
//!
//! When a row appears nobody tells, so it is looked for at the moments that `mapping.ticket.report_after`
//! names, and then no more. What it tells goes to the ticket once and changes nothing else: it is a
//! hint, never the truth.

use super::{
    state::{ConversationMemory, EntryKind},
    step::Turn,
};
use crate::{
    effect::{Effect, Read},
    ids::{ConversationId, LinkId, TicketId},
    link::Link,
    mapping::{Report, Span},
    report::{Attended, InReport, ReportEnd, Reported},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A Link that ended longer ago gets no report: a rule that is new does not reach into the past.
const BEGIN_WITHIN: Duration = Duration::from_secs(3600);

/// The rule in timelines.
const RULE: &str = "mapping.ticket.report";

/// How the wait for a conversation's report stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReportMemory {
    /// When the end was heard of, by our clock: the waits count from here.
    pub since: Timestamp,
    /// How often it was looked for in vain.
    pub looks: u32,
    /// Whether the last of these looks read the report. One that failed says nothing about what is in
    /// it.
    #[serde(default)]
    pub was_read: bool,
    /// Not before this moment: the report is read for several at once.
    pub put_off: Option<Timestamp>,
    /// How the wait ended.
    pub end: Option<ReportEnd>,
}

impl ReportMemory {
    fn new(since: Timestamp) -> Self {
        Self {
            since,
            looks: 0,
            was_read: false,
            put_off: None,
            end: None,
        }
    }

    pub(super) fn each_moment(&mut self, change: &impl Fn(&mut Timestamp)) {
        change(&mut self.since);
        if let Some(put_off) = &mut self.put_off {
            change(put_off);
        }
    }
}

impl Turn<'_> {
    /// What the report on a Link's conversation asks for: a look when one is due.
    pub(super) fn plan_report(&mut self, id: &LinkId) {
        if self.rules.mapping.report == Report::None {
            return;
        }
        let Some((talk, _)) = self.lane.link(id).and_then(|link| self.reports_to(link)) else {
            return;
        };
        let begins = self
            .lane
            .link(id)
            .is_some_and(|link| self.ended_lately(link));
        let now = self.now;
        let Some(memory) = self.lane.conversations.get_mut(&talk) else {
            return;
        };
        if !memory.seen.state.is_closed() {
            return;
        }
        let is_new = memory.report.is_none();
        if is_new && !begins {
            return;
        }
        let report = memory.report.get_or_insert_with(|| ReportMemory::new(now));
        if report.end.is_some() {
            return;
        }
        let (since, looks, put_off) = (report.since, report.looks, report.put_off);
        let (began, ended) = span(memory, since);
        if is_new {
            self.note_wait(id);
        }
        let Some(wait) = self.wait_for_look(looks) else {
            // The mapping names fewer moments than before.
            return self.end_of_looks(&talk);
        };
        let read = Read::Report {
            conversation: talk,
            began,
            ended,
            look: looks.saturating_add(1),
        };
        let due = since.plus(wait);
        if self.is_join_near(due) {
            // The other Lane may have told it: the join shows that.
            return;
        }
        self.want_read(read, put_off.map_or(due, |put_off| put_off.max(due)));
    }

    /// The conversation whose report a Link waits for, and the ticket it is for.
    fn reports_to(&self, link: &Link) -> Option<(ConversationId, TicketId)> {
        let (talk, ticket) = (link.conversation_id()?, link.ticket_id()?);
        let gone = self.lane.tickets.get(ticket).is_some_and(|m| m.gone);
        (!gone).then(|| (talk.clone(), ticket.clone()))
    }

    fn ended_lately(&self, link: &Link) -> bool {
        link.ended
            .as_ref()
            .is_none_or(|ended| ended.reason == "closed" && self.now.since(ended.at) < BEGIN_WITHIN)
    }

    fn note_wait(&mut self, id: &LinkId) {
        let waits = self.rules.mapping.report_after.iter();
        let waits: Vec<String> = waits.map(|wait| Span::new(*wait).to_string()).collect();
        let sentence = format!(
            "The report is looked for {} after the end",
            waits.join(", ")
        );
        self.note_link(EntryKind::Decision, sentence, id, Some(RULE));
    }

    fn wait_for_look(&self, looks: u32) -> Option<Duration> {
        let number = usize::try_from(looks).ok()?;
        self.rules.mapping.report_after.get(number).copied()
    }

    pub(super) fn found_in_report(&mut self, read: &Read, told: InReport) {
        let Read::Report {
            conversation: talk, ..
        } = read
        else {
            return;
        };
        match told {
            InReport::Gathering { until } => {
                if let Some(report) = self.report_of(talk) {
                    report.put_off = Some(until);
                }
            }
            InReport::Missing => self.looked_in_vain(talk, true),
            // It lags; at the last look it is taken as it is.
            InReport::There { row } if row.says_it_goes_on() && self.comes_another_look(talk) => {
                self.looked_in_vain(talk, true);
            }
            InReport::There { row } => self.report_is_there(talk, &row),
        }
    }

    fn report_of(&mut self, talk: &ConversationId) -> Option<&mut ReportMemory> {
        let memory = self.lane.conversations.get_mut(talk)?;
        memory.report.as_mut().filter(|report| report.end.is_none())
    }

    fn comes_another_look(&mut self, talk: &ConversationId) -> bool {
        let looks = self.report_of(talk).map_or(0, |report| report.looks);
        self.wait_for_look(looks.saturating_add(1)).is_some()
    }

    /// Nothing was there, or nobody could tell: the next look is at its own moment.
    pub(super) fn looked_in_vain(&mut self, talk: &ConversationId, was_read: bool) {
        let Some(report) = self.report_of(talk) else {
            return;
        };
        report.looks = report.looks.saturating_add(1);
        report.was_read = was_read;
        report.put_off = None;
        let looks = report.looks;
        self.changed = true;
        if self.wait_for_look(looks).is_none() {
            self.end_of_looks(talk);
        }
    }

    /// Only who read it may say that nothing was there.
    fn end_of_looks(&mut self, talk: &ConversationId) {
        let Some(report) = self.report_of(talk) else {
            return;
        };
        let (end, sentence) = if report.was_read {
            let sentence =
                format!("no_report: conversation {talk} was in no report until the last look");
            (ReportEnd::NoReport, sentence)
        } else {
            let sentence = format!(
                "unread: the report could not be read at the last look, so whether conversation {talk} is in it is not known"
            );
            (ReportEnd::Unread, sentence)
        };
        self.settle_report(talk, end, None, sentence);
    }

    fn report_is_there(&mut self, talk: &ConversationId, row: &Attended) {
        let link = self.link_of_conversation(talk).cloned();
        let found = link.and_then(|link| Some((self.reports_to(&link)?.1, link)));
        let sentence = format!("Conversation {talk} is in the report");
        self.settle_report(talk, ReportEnd::Found, Some(row), sentence);
        if let Some((ticket, link)) = found {
            self.bring_report(&link.id, &ticket, talk, row);
        }
    }

    fn settle_report(
        &mut self,
        talk: &ConversationId,
        end: ReportEnd,
        row: Option<&Attended>,
        sentence: String,
    ) {
        let Some(report) = self.report_of(talk) else {
            return;
        };
        report.end = Some(end);
        report.put_off = None;
        if planted!(ReportToldAgain) {
            (report.looks, report.end) = (report.looks.saturating_add(1), None);
        }
        self.changed = true;
        self.lane.reported.push(Reported {
            end,
            team: row.and_then(|row| row.team.clone()),
            first_reply: row.and_then(|row| row.first_reply),
            duration: row.and_then(|row| row.duration),
        });
        self.note_conversation(EntryKind::Outcome, sentence, talk);
    }

    /// Puts on the ticket what the report tells, as the mapping wants it there.
    fn bring_report(
        &mut self,
        link: &LinkId,
        ticket: &TicketId,
        talk: &ConversationId,
        row: &Attended,
    ) {
        let mapping = self.rules.mapping;
        let seen = self.lane.tickets.get(ticket).and_then(|m| m.seen.as_ref());
        if seen.is_some_and(|t| mapping.vocabulary().is_final(&t.status)) {
            let sentence = "The report stays off the ticket, which can no longer change".to_owned();
            return self.note_link(EntryKind::Decision, sentence, link, Some(RULE));
        }
        let effect = match mapping.report {
            Report::None => None,
            Report::Note => row.in_words().map(|words| Effect::AddNote {
                ticket: ticket.clone(),
                text: format!(
                    "[jelou-bridge] Jelou's report on conversation {talk}: {}.",
                    words.reveal()
                )
                .as_str()
                .into(),
            }),
            Report::Fields if self.is_later_reported(link, ticket) => None,
            Report::Fields => match mapping.report_fields(row) {
                Ok(fields) if fields.is_empty() => None,
                Ok(fields) => Some(Effect::SetFields {
                    ticket: ticket.clone(),
                    fields,
                }),
                Err(error) => {
                    let sentence = format!("The report could not be made into fields: {error}");
                    return self.note_link(EntryKind::Alarm, sentence, link, None);
                }
            },
        };
        if let Some(effect) = effect {
            let mut cause = format!("report of conversation {talk}");
            if planted!(ReportToldAgain) {
                cause = format!("{cause} at {}", self.now.0);
            }
            self.ensure(link, &cause, effect, RULE);
        }
    }

    /// Whether the ticket shows the report of a later conversation already: fields hold one, and an
    /// earlier one that comes late is not to hide it.
    fn is_later_reported(&self, link: &LinkId, ticket: &TicketId) -> bool {
        let mut later = self.lane.links.iter().skip_while(|l| l.id != *link).skip(1);
        later.any(|l| {
            let talk = l
                .conversation_id()
                .filter(|_| l.ticket_id() == Some(ticket));
            let memory = talk.and_then(|talk| self.lane.conversations.get(talk));
            let report = memory.and_then(|memory| memory.report.as_ref());
            report.is_some_and(|report| report.end == Some(ReportEnd::Found))
        })
    }
}

/// From when to when a conversation went on: by Jelou's clock, else by when we heard of it.
fn span(memory: &ConversationMemory, heard_of_end: Timestamp) -> (Timestamp, Timestamp) {
    let began = memory.seen.started_at.unwrap_or(memory.learnt_at);
    let ended = memory.seen.ended_at.unwrap_or(heard_of_end);
    (began, ended.max(began))
}
