//! The mapping as an operator writes it, `[bridges.NAME.mapping]`. Neighbour: compile, which turns
//! it into rules. The comments on the keys are the manual: `docs/CONFIGURATION.md` is made of them.

use super::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// The operator's rules between tickets and conversations. Conditions are Jinja expressions, texts
/// are Jinja templates; both are checked when the file is loaded.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MappingSpec {
    /// Which side wins when ticket and conversation both changed since they last agreed.
    pub on_conflict: OnConflict,
    /// What happens when a ticket wants a conversation while the customer is in another one:
    /// `wait` until that ends, or `skip` with a note on the ticket.
    pub customer_busy: CustomerBusy,
    /// Who answers the customer after a conversation's end: `leave` it as Jelou has it, or the `bot`.
    pub customer_after_close: CustomerAfterClose,
    /// How long a ticket waits for a busy customer before it is parked for a person.
    #[schemars(default = "busy_timeout")]
    pub busy_timeout: Option<Span>,
    /// From a ticket to a conversation. Without this table no ticket opens a conversation.
    pub conversation: Option<ConversationSpec>,
    /// Who gets a conversation that a ticket opened; the first rule that matches wins. Without a
    /// match, Jelou decides.
    pub assignment: Vec<AssignmentSpec>,
    /// From a conversation to a ticket. Without this table no conversation makes a ticket.
    pub ticket: Option<TicketSpec>,
    /// Messages between the two.
    pub messages: MessagesSpec,
    /// The template that goes to a customer whom free words do not reach: once after their last
    /// words, however many comments follow. Without this table none is sent.
    pub template: Option<TemplateSpec>,
    /// Call buttons, each sent when its `when` turns true on a ticket with a live conversation, and not
    /// again before it was false. Jelou sends them only where the account has calling enabled.
    pub call_button: Vec<CallButtonSpec>,
}

/// The default of `busy_timeout`: a day, so that a ticket of the evening is served in the morning.
pub const BUSY_TIMEOUT: Span = Span::new(Duration::from_secs(24 * 60 * 60));
/// The default of `reopen_within`: three days, a weekend and a day.
pub const REOPEN_WITHIN: Span = Span::new(Duration::from_secs(72 * 60 * 60));

fn busy_timeout() -> Span {
    BUSY_TIMEOUT
}

fn reopen_within() -> Span {
    REOPEN_WITHIN
}

/// Which side wins when both changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum OnConflict {
    /// The ticket.
    #[default]
    Ticket,
    /// The conversation.
    Conversation,
}

/// What happens to a ticket whose customer is in another conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum CustomerBusy {
    /// It waits until the other conversation ends.
    #[default]
    Wait,
    /// It is noted on the ticket and left.
    Skip,
}

/// Who answers the customer after a conversation's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum CustomerAfterClose {
    /// Whoever Jelou lets answer.
    #[default]
    Leave,
    /// The bot (`POST /v1/users/state`).
    Bot,
}

/// From a ticket to a conversation. Names in its rules: `ticket.id`, `subject`, `status`,
/// `priority`, `tags`, `group`, `requester.{id,name,phone,email,external_id}`, `assignee`,
/// `fields.NAME`, `url`, `created_at`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversationSpec {
    /// Which tickets open a conversation. It opens when this turns true.
    #[schemars(example = &"'whatsapp' in ticket.tags")]
    pub open_when: String,
    /// The customer as Jelou names them: digits without plus. The filter `phone('BR')` makes them
    /// from a number as people write it, `digits` only drops what is not a digit. A ticket for
    /// which this is empty opens no conversation.
    #[schemars(example = &"{{ ticket.requester.phone | phone('BR') }}")]
    pub user_id: String,
    /// What the customer reads first. Empty: nothing is sent.
    #[serde(default)]
    pub initial_message: Option<String>,
    /// Free pairs that go with the conversation. `ticketId` and `intentId` are always there.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// The ticket's statuses that close its conversation. Default: all that mean solved or closed
    /// in this ticketing system.
    #[serde(default)]
    pub close_on_status: Option<Vec<String>>,
    /// What the customer reads when the ticket closes the conversation.
    #[serde(default)]
    pub close_message: Option<String>,
    /// What happens when a solved ticket is opened again: `wait` until the customer writes, or
    /// `start` a new conversation.
    #[serde(default)]
    pub ticket_reopened: TicketReopened,
    /// What happens to an agent's comment for the customer when no conversation is open: a `note`
    /// on the ticket says that it was not sent, a conversation is started, or the `template` is sent
    /// instead, and the note says so. A ticket that is solved or closed begins neither.
    #[serde(default)]
    pub comment_without_conversation: CommentWithoutConversation,
}

/// What happens when a solved ticket is opened again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum TicketReopened {
    /// Nothing, until the customer writes.
    #[default]
    Wait,
    /// A new conversation.
    Start,
}

/// What happens to an agent's comment when no conversation is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum CommentWithoutConversation {
    /// A note on the ticket says that it was not sent.
    #[default]
    Note,
    /// A conversation is started with it.
    Start,
    /// The template of `mapping.template` is sent in its place.
    Template,
}

/// A WhatsApp template, as Jelou has it approved.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateSpec {
    /// Its name (`elementName` at Jelou).
    #[schemars(length(min = 1), example = &"ticket_update")]
    pub name: String,
    /// Its language.
    #[schemars(length(min = 1), example = &"pt_BR")]
    pub language: String,
    /// What stands in its places, in order, such as `"{{ ticket.requester.name }}"`. Templates, with
    /// the names of `conversation`.
    #[serde(default)]
    pub parameters: Vec<String>,
}

/// Who gets a conversation that a ticket opened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignmentSpec {
    /// For which tickets.
    #[schemars(example = &"ticket.group == 'billing'")]
    pub when: String,
    /// What `target` names.
    #[serde(rename = "type")]
    pub kind: AssignmentKind,
    /// The queue's name, or the id of the operator or team. A template.
    #[schemars(example = &"FINANCEIRO")]
    pub target: String,
}

/// What an assignment's target names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum AssignmentKind {
    /// A queue by its name.
    Queue,
    /// An operator by id.
    Operator,
    /// A team by id.
    Team,
}

impl AssignmentKind {
    /// Jelou's word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Operator => "operator",
            Self::Team => "team",
        }
    }
}

/// From a conversation to a ticket. Names in its rules: `contact.id`, `contact.name`,
/// `conversation.id`, `initial_message`, `bot`, `room`, `assignment.{type,target}`, and `follows`,
/// the id of the ticket that the new one follows.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TicketSpec {
    /// Which conversations make a ticket.
    #[schemars(default = "create_when")]
    pub create_when: Option<String>,
    /// `open`: the customer's open ticket is taken if there is one. `never`: each conversation
    /// makes its own ticket.
    pub reuse: Reuse,
    /// Who asks, in the ticketing system.
    pub requester: RequesterSpec,
    /// The ticket's subject, one line.
    #[schemars(default = "subject")]
    pub subject: Option<String>,
    /// The ticket's first entry.
    #[schemars(default = "description")]
    pub description: Option<String>,
    /// Tags on tickets the bridge makes. Plain words; they never make it start a conversation.
    pub tags: Vec<String>,
    /// Further fields to set, by the names the profile gives them.
    pub fields: BTreeMap<String, String>,
    /// The ticket's status after a close that the bridge did not ask for, by Jelou's reason
    /// (`closed_by_operator`, `expired`, ...); `default` is for every other reason. Without
    /// `closed_by_operator` here it is the system's first word for solved, without `default` the
    /// word for open again.
    pub status_on_close: BTreeMap<String, String>,
    /// What Jelou's report on attended conversations tells of one that ended (operator, team, first
    /// reply, duration, origin, reason) comes to its ticket: not at all (`none`), as one internal
    /// `note`, or into `fields`.
    pub report: Report,
    /// When after the end the report is looked for; after the last of these no more. No page of Jelou
    /// says how late a conversation appears there.
    #[schemars(default = "report_after")]
    pub report_after: Option<Vec<Span>>,
    /// What `report = "fields"` writes, by the names the profile gives the fields. Names in these
    /// rules: `report.operator`, `team`, `first_reply` and `duration` (whole seconds), `origin`,
    /// `ended_reason`, `state`. What comes out empty is left alone.
    pub report_fields: BTreeMap<String, String>,
    /// A customer writes after the ticket was solved: `append` to it, `reopen` it, or make a `new`
    /// one.
    pub customer_writes_after_close: CustomerWritesAfterClose,
    /// How long after the close that holds; later, or where the ticket can no longer change, a new
    /// ticket names the old one.
    #[schemars(default = "reopen_within")]
    pub reopen_within: Option<Span>,
}

/// The default of `ticket.report_after`.
pub const REPORT_AFTER: [Span; 3] = [
    Span::new(Duration::from_secs(300)),
    Span::new(Duration::from_secs(3_600)),
    Span::new(Duration::from_secs(86_400)),
];

fn report_after() -> [Span; 3] {
    REPORT_AFTER
}

/// The default of `ticket.create_when`.
pub const CREATE_WHEN: &str = "true";
/// The default of `ticket.subject`.
pub const SUBJECT: &str = "WhatsApp: {{ contact.name or contact.id }}";
/// The default of `ticket.description`.
pub const DESCRIPTION: &str =
    "{{ conversation.initial_message or 'Conversation started by the customer.' }}";

fn create_when() -> &'static str {
    CREATE_WHEN
}

fn subject() -> &'static str {
    SUBJECT
}

fn description() -> &'static str {
    DESCRIPTION
}

/// Whether a conversation takes the customer's open ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Reuse {
    /// If there is one that is neither solved nor closed.
    #[default]
    Open,
    /// Never.
    Never,
}

/// Who asks, in the ticketing system. What comes out empty is left out.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequesterSpec {
    /// Their name.
    pub name: String,
    /// Their phone.
    pub phone: String,
    /// Their mail address.
    pub email: String,
    /// The key by which the ticketing system finds them again.
    pub external_id: String,
}

impl Default for RequesterSpec {
    fn default() -> Self {
        Self {
            name: "{{ contact.name }}".to_owned(),
            phone: "+{{ contact.id }}".to_owned(),
            email: String::new(),
            external_id: "{{ contact.id }}".to_owned(),
        }
    }
}

/// What becomes of Jelou's report on an attended conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Report {
    /// Nothing.
    #[default]
    None,
    /// One internal note.
    Note,
    /// Fields of the ticket.
    Fields,
}

/// What happens when a customer writes after the ticket was solved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum CustomerWritesAfterClose {
    /// The ticket stays as it is and takes the words.
    Append,
    /// The ticket is opened again.
    #[default]
    Reopen,
    /// A new ticket is made.
    New,
}

/// Messages between ticket and conversation.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MessagesSpec {
    /// How a customer's message becomes a comment, and a file of theirs hangs on the ticket: `public`,
    /// `internal`, or not at all (`none`).
    pub to_ticket: ToTicket,
    /// Which comments go to the customer. Names: `comment.public`, `comment.by_agent`,
    /// `comment.by_us`, `comment.body`, `comment.id`. Comments of the bridge, the requester and
    /// automations never do, nor do internal notes.
    #[schemars(default = "to_conversation_when")]
    pub to_conversation_when: Option<String>,
}

/// The default of `messages.to_conversation_when`.
pub const TO_CONVERSATION_WHEN: &str = "comment.public and comment.by_agent";

fn to_conversation_when() -> &'static str {
    TO_CONVERSATION_WHEN
}

/// How a customer's message becomes a comment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum ToTicket {
    /// As a comment the customer may see.
    #[default]
    Public,
    /// As an internal note.
    Internal,
    /// Not at all.
    None,
}

/// A button with which the customer calls.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallButtonSpec {
    /// For which tickets. It fires when this turns true on a ticket with a live conversation.
    #[schemars(example = &"ticket.priority == 'urgent'")]
    pub when: String,
    /// The line above the text. A template.
    #[serde(default)]
    pub header: Option<String>,
    /// The text. A template.
    #[schemars(example = &"Toque para falar com um atendente")]
    pub text: String,
    /// The words on the button. A template.
    #[schemars(example = &"Ligar")]
    pub display_text: String,
}
