//! The names a rule may use, and what they stand for. Neighbours: compile, which checks rules
//! against them; engine, which reads the values.

use crate::{
    conversation::Conversation,
    event::CommentAdded,
    ids::TicketId,
    report::{Attended, word},
    text::Text,
    ticket::Ticket,
};
use minijinja::value::{Enumerator, Object, ObjectRepr, Serde, Value};
use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// A ticket.
    Ticket,
    /// A conversation.
    Conversation,
    /// A comment.
    Comment,
    /// The report on a conversation.
    Report,
}

const TICKET: [&str; 15] = [
    "ticket.id",
    "ticket.subject",
    "ticket.status",
    "ticket.priority",
    "ticket.tags",
    "ticket.group",
    "ticket.requester.id",
    "ticket.requester.name",
    "ticket.requester.phone",
    "ticket.requester.email",
    "ticket.requester.external_id",
    "ticket.assignee",
    "ticket.fields",
    "ticket.url",
    "ticket.created_at",
];

const CONVERSATION: [&str; 9] = [
    "contact.id",
    "contact.name",
    "conversation.id",
    "conversation.initial_message",
    "conversation.bot",
    "conversation.room",
    "conversation.assignment.type",
    "conversation.assignment.target",
    "follows",
];

const COMMENT: [&str; 5] = [
    "comment.id",
    "comment.body",
    "comment.public",
    "comment.by_agent",
    "comment.by_us",
];

const REPORT: [&str; 7] = [
    "report.operator",
    "report.team",
    "report.first_reply",
    "report.duration",
    "report.origin",
    "report.ended_reason",
    "report.state",
];

/// Below these, any name may follow: they are the vendor's own.
const OPEN: [&str; 1] = ["ticket.fields."];

impl Scope {
    /// The names, dotted.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Ticket => &TICKET,
            Self::Conversation => &CONVERSATION,
            Self::Comment => &COMMENT,
            Self::Report => &REPORT,
        }
    }

    /// Whether a rule of this scope may use the name.
    pub(super) fn knows(self, name: &str) -> bool {
        self.names().contains(&name)
            || (self == Self::Ticket && OPEN.iter().any(|prefix| name.starts_with(prefix)))
    }
}

/// The names that rules may use, by the tables whose rules they are: for the manual.
#[must_use]
pub fn rule_names() -> [(&'static str, &'static [&'static str]); 4] {
    [
        (
            "`conversation`, `assignment`, `template`, `call_button`",
            &TICKET,
        ),
        ("`ticket`", &CONVERSATION),
        ("`messages`", &COMMENT),
        ("`ticket.report_fields`", &REPORT),
    ]
}

/// The known word nearest to one that is unknown, if one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this the words have too little in common for a slip of the keyboard (Jaro-Winkler, 0 to 1).
    const NEAR: f64 = 0.75;
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// What a value that is not there stands for.
///
/// In texts it is nothing at all. In conditions an order with it must not hold, whichever way it
/// is asked: so a condition that orders is asked twice, once with missing values below every other
/// and once above, and holds if it holds both times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Below every value.
    Low,
    /// Above every value.
    High,
}

impl Missing {
    fn value(self) -> Value {
        match self {
            Self::Low => Value::UNDEFINED,
            Self::High => Value::from_object(Above),
        }
    }

    fn or<T: Into<Value>>(self, value: Option<T>) -> Value {
        value.map_or_else(|| self.value(), Into::into)
    }

    fn text(self, value: Option<&Text>) -> Value {
        self.or(value.map(Text::reveal))
    }
}

/// Whether a value is a missing one.
pub(super) fn is_missing(value: &Value) -> bool {
    value.is_undefined() || value.is_none() || value.downcast_object_ref::<Above>().is_some()
}

/// A missing value that sorts above every other: the engine orders plain objects last.
#[derive(Debug)]
struct Above;

impl Object for Above {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn render(self: &Arc<Self>, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

/// A ticket's custom fields. A field that is not there is a missing value, not an error.
struct Fields {
    values: BTreeMap<String, Value>,
    missing: Missing,
}

/// Fields hold what customers wrote: only their number shows.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} fields)", self.values.len())
    }
}

impl Object for Fields {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = key.as_str().and_then(|name| self.values.get(name)).cloned();
        match self.missing {
            Missing::Low => found,
            Missing::High => Some(found.unwrap_or_else(|| self.missing.value())),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.values
                .keys()
                .map(|name| Value::from(name.as_str()))
                .collect(),
        )
    }
}

/// A few values by their names. So few that they are found sooner than a map of them is built, and
/// each rule is given them anew.
struct Table<const N: usize>([(&'static str, Value); N]);

/// The values are what customers wrote: only their names show.
impl<const N: usize> fmt::Debug for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl<const N: usize> Object for Table<N> {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let wanted = key.as_str()?;
        let mut pairs = self.0.iter();
        let (_, found) = pairs.find(|(name, _)| *name == wanted)?;
        Some(found.clone())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = self.0.iter().map(|(name, _)| Value::from(*name));
        Enumerator::Values(names.collect())
    }
}

fn table<const N: usize>(pairs: [(&'static str, Value); N]) -> Value {
    Value::from_object(Table(pairs))
}

/// The values of [`TICKET`].
pub(super) fn of_ticket(ticket: &Ticket, missing: Missing) -> Value {
    let who = &ticket.requester;
    let requester = table([
        ("id", missing.or(who.id.as_deref())),
        ("name", missing.text(who.name.as_ref())),
        ("phone", missing.text(who.phone.as_ref())),
        ("email", missing.text(who.email.as_ref())),
        ("external_id", missing.text(who.external_id.as_ref())),
    ]);
    let values = ticket
        .fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), Value::from(Serde(value))))
        .collect();
    let ticket = table([
        ("id", Value::from(ticket.id.as_str())),
        ("subject", missing.text(ticket.subject.as_ref())),
        ("status", Value::from(ticket.status.as_str())),
        ("priority", missing.or(ticket.priority.as_deref())),
        ("tags", Value::from(ticket.tags.clone())),
        ("group", missing.or(ticket.group.as_deref())),
        ("requester", requester),
        ("assignee", missing.text(ticket.assignee.as_ref())),
        ("fields", Value::from_object(Fields { values, missing })),
        ("url", missing.or(ticket.url.as_deref())),
        ("created_at", missing.or(ticket.created_at.map(|at| at.0))),
    ]);
    table([("ticket", ticket)])
}

/// The values of [`CONVERSATION`].
pub(super) fn of_conversation(
    talk: &Conversation,
    follows: Option<&TicketId>,
    missing: Missing,
) -> Value {
    let assignment = talk.assignment.as_ref();
    let conversation = table([
        ("id", Value::from(talk.id.as_str())),
        (
            "initial_message",
            missing.text(talk.initial_message.as_ref()),
        ),
        ("bot", Value::from(talk.bot.as_str())),
        (
            "room",
            missing.or(talk.room.as_ref().map(|room| room.as_str())),
        ),
        (
            "assignment",
            table([
                ("type", missing.or(assignment.map(|a| a.kind.as_str()))),
                ("target", missing.or(assignment.map(|a| a.target.as_str()))),
            ]),
        ),
    ]);
    let contact = table([
        ("id", Value::from(talk.user.as_str())),
        ("name", missing.text(talk.contact_name.as_ref())),
    ]);
    table([
        ("conversation", conversation),
        ("contact", contact),
        ("follows", missing.or(follows.map(TicketId::as_str))),
    ])
}

/// The values of [`COMMENT`].
pub(super) fn of_comment(comment: &CommentAdded) -> Value {
    let comment = table([
        ("id", Value::from(comment.comment.as_str())),
        ("body", Value::from(comment.body.reveal())),
        ("public", Value::from(comment.public)),
        ("by_agent", Value::from(comment.by_agent)),
        ("by_us", Value::from(comment.by_us)),
    ]);
    table([("comment", comment)])
}

/// The values of [`REPORT`].
pub(super) fn of_report(row: &Attended, missing: Missing) -> Value {
    let said = |said: Option<&str>| missing.or(said.and_then(word));
    let seconds = |length: Option<Duration>| missing.or(length.map(|length| length.as_secs()));
    let report = table([
        ("operator", said(row.operator.as_ref().map(Text::reveal))),
        ("team", said(row.team.as_deref())),
        ("first_reply", seconds(row.first_reply)),
        ("duration", seconds(row.duration)),
        ("origin", said(row.origin.as_deref())),
        ("ended_reason", said(row.ended_reason.as_deref())),
        ("state", said(row.state.as_deref())),
    ]);
    table([("report", report)])
}

/// Names that always have a value.
const ALWAYS: [&str; 8] = [
    "ticket.id",
    "ticket.status",
    "contact.id",
    "conversation.id",
    "conversation.bot",
    "comment.id",
    "comment.body",
    "comment.public",
];

/// How much there is on an invented ticket, conversation, comment or report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// Everything.
    Full,
    /// Everything but the tags: what stands behind "this tag or" is heard on it.
    Untagged,
    /// Nothing that may be missing.
    Bare,
}

/// Invented values on which a rule is rehearsed at load.
pub(super) fn invented(scope: Scope, sample: Sample) -> Value {
    let full = sample != Sample::Bare;
    let mut top = Tree::default();
    for name in scope.names() {
        let value = match *name {
            "ticket.tags" if sample == Sample::Full => Value::from(vec!["whatsapp"]),
            "ticket.tags" => Value::from(Vec::<String>::new()),
            "ticket.fields" => Value::from_object(Fields {
                values: BTreeMap::new(),
                missing: Missing::Low,
            }),
            "comment.public" | "comment.by_agent" | "comment.by_us" => Value::from(full),
            "ticket.created_at" if full => Value::from(1),
            "report.first_reply" | "report.duration" if full => Value::from(0),
            name if full || ALWAYS.contains(&name) => Value::from("1"),
            _ => Value::UNDEFINED,
        };
        top.put(name, value);
    }
    top.value()
}

#[derive(Default)]
struct Tree(BTreeMap<String, Tree>, Option<Value>);

impl Tree {
    fn put(&mut self, name: &str, value: Value) {
        match name.split_once('.') {
            Some((first, rest)) => self.0.entry(first.to_owned()).or_default().put(rest, value),
            None => self.0.entry(name.to_owned()).or_default().1 = Some(value),
        }
    }

    fn value(self) -> Value {
        self.1.unwrap_or_else(|| {
            Value::from(
                self.0
                    .into_iter()
                    .map(|(name, tree)| (name, tree.value()))
                    .collect::<BTreeMap<_, _>>(),
            )
        })
    }
}
