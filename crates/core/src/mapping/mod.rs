//! The operator's rules between the two vocabularies, checked and compiled when the file is loaded.
//! Neighbours: the Lane, which asks them; the daemon's config, which loads them.
//!
//! One language for conditions and texts: Jinja. A condition is an expression, a text a template. A
//! name that may be missing is nothing in a text and holds in no comparison but `is none`.

mod compile;
mod engine;
mod names;
mod phone;
mod report;
mod rule;
mod scan;
mod span;
mod spec;
#[cfg(test)]
pub(crate) mod tests;

pub use compile::compile;
pub use engine::filters;
pub use names::{nearest, rule_names};
pub use span::{BadSpan, Span};
pub use spec::*;

use crate::{
    conversation::{Assignment, Conversation},
    effect::StartConversation,
    event::CommentAdded,
    ids::{BotId, TicketId, UserId},
    message,
    report::Attended,
    text::Text,
    ticket::{NewTicket, Requester, Status, Ticket, Vocabulary},
};
use engine::Rule;
use minijinja::{Environment, value::Value};
use std::{collections::BTreeMap, fmt, time::Duration};

/// Something wrong in a mapping as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, below `mapping`: `conversation.open_when`, `assignment[0].when`.
    pub key: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// A rule that failed on a real ticket or conversation. It tells nothing of what was in them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("mapping.{key} failed: {reason}")]
pub struct MappingError {
    /// Which rule, below `mapping`.
    pub key: String,
    /// Why.
    pub reason: String,
}

/// The key of `status_on_close` for every reason without its own.
const DEFAULT_REASON: &str = "default";

/// A mapping that was checked and compiled.
pub struct Mapping {
    /// Which side wins when both changed.
    pub on_conflict: OnConflict,
    /// What happens to a ticket whose customer is in another conversation.
    pub customer_busy: CustomerBusy,
    /// How long it waits for that one's end.
    pub busy_timeout: Duration,
    /// Who answers the customer after a conversation's end.
    pub customer_after_close: CustomerAfterClose,
    /// What happens when a solved ticket is opened again.
    pub ticket_reopened: TicketReopened,
    /// What happens to an agent's comment when no conversation is open.
    pub comment_without_conversation: CommentWithoutConversation,
    /// Whether a conversation takes the customer's open ticket.
    pub reuse: Reuse,
    /// What happens when a customer writes after the ticket was solved.
    pub customer_writes_after_close: CustomerWritesAfterClose,
    /// For how long after the close that holds.
    pub reopen_within: Duration,
    /// What becomes of the report on an attended conversation.
    pub report: Report,
    /// When after the end it is looked for.
    pub report_after: Vec<Duration>,
    /// How a customer's message becomes a comment.
    pub to_ticket: ToTicket,
    makes_tickets: bool,
    opening: Option<Opening>,
    assigning: Vec<Assigning>,
    ticketing: Ticketing,
    report_fields: BTreeMap<String, Rule>,
    to_conversation_when: Rule,
    template: Option<Template>,
    call_buttons: Vec<CallButton>,
    status_on_close: BTreeMap<String, Status>,
    close_on_status: Vec<Status>,
    own_tags: Vec<String>,
    vocabulary: Vocabulary,
    env: Environment<'static>,
}

/// The rules of `[mapping.conversation]`.
struct Opening {
    open_when: Rule,
    user_id: Rule,
    initial_message: Option<Rule>,
    metadata: BTreeMap<String, Rule>,
    close_message: Option<Rule>,
}

/// One of `[[mapping.assignment]]`.
struct Assigning {
    when: Rule,
    kind: AssignmentKind,
    target: Rule,
}

/// The rules of `[mapping.ticket]`.
struct Ticketing {
    create_when: Rule,
    name: Rule,
    phone: Rule,
    email: Rule,
    external_id: Rule,
    subject: Rule,
    description: Rule,
    fields: BTreeMap<String, Rule>,
}

/// The rules of `[mapping.template]`.
struct Template {
    name: String,
    language: String,
    parameters: Vec<Rule>,
}

/// One of `[[mapping.call_button]]`.
struct CallButton {
    when: Rule,
    header: Option<Rule>,
    text: Rule,
    display_text: Rule,
}

/// A call button as a ticket fills it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// Its place among the mapping's call buttons, from zero.
    pub number: usize,
    /// The line above the text.
    pub header: Option<Text>,
    /// The text.
    pub text: Text,
    /// The words on the button.
    pub display_text: Text,
}

/// The rules are the operator's, and may name people: only their kind shows.
impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("opens_conversations", &self.opening.is_some())
            .field("makes_tickets", &self.makes_tickets)
            .finish_non_exhaustive()
    }
}

/// Towards the conversation.
impl Mapping {
    /// Whether tickets start conversations at all.
    #[must_use]
    pub fn starts_conversations(&self) -> bool {
        self.opening.is_some()
    }

    /// Whether a ticket wants a conversation.
    ///
    /// # Errors
    /// [`MappingError`] when the rule fails on this ticket.
    pub fn open_when(&self, ticket: &Ticket) -> Result<bool, MappingError> {
        match &self.opening {
            Some(opening) => self.asks(&opening.open_when, ticket),
            None => Ok(false),
        }
    }

    /// Whether a ticket would want a conversation if it did not have these tags.
    ///
    /// # Errors
    /// See [`Mapping::open_when`].
    pub fn open_when_without(
        &self,
        ticket: &Ticket,
        tags: &[String],
    ) -> Result<bool, MappingError> {
        let mut without = ticket.clone();
        without.tags.retain(|tag| !tags.contains(tag));
        self.open_when(&without)
    }

    /// The customer of a ticket, or `None` where the ticket names none, or nobody.
    ///
    /// # Errors
    /// [`MappingError`] when the rule fails, or makes what cannot be an id.
    pub fn user_id(&self, ticket: &Ticket) -> Result<Option<UserId>, MappingError> {
        let Some(opening) = &self.opening else {
            return Ok(None);
        };
        if ticket.requester.is_nobody() {
            return Ok(None);
        }
        let id = self.words(&opening.user_id, ticket)?;
        match id.trim() {
            "" => Ok(None),
            id => UserId::parse(id).map(Some).map_err(|bad| MappingError {
                key: opening.user_id.key.clone(),
                reason: bad.to_string(),
            }),
        }
    }

    /// The start of a conversation about a ticket.
    ///
    /// # Errors
    /// [`MappingError`] when one of its rules fails on this ticket.
    pub fn start(
        &self,
        ticket: &Ticket,
        bot: &BotId,
        user: &UserId,
    ) -> Result<StartConversation, MappingError> {
        let mut metadata = BTreeMap::new();
        let mut initial_message = None;
        if let Some(opening) = &self.opening {
            initial_message = self.some_words(opening.initial_message.as_ref(), ticket)?;
            for (name, rule) in &opening.metadata {
                if let Some(value) = self.some_words(Some(rule), ticket)? {
                    metadata.insert(name.clone(), value);
                }
            }
        }
        Ok(StartConversation {
            bot: bot.clone(),
            user: user.clone(),
            ticket: ticket.id.clone(),
            initial_message,
            metadata,
            assignment: self.assignment(ticket)?.map(|(_, assignment)| assignment),
        })
    }

    /// Who gets a ticket's conversation, with the number of the rule that says so, from zero.
    ///
    /// # Errors
    /// [`MappingError`] when a rule fails on this ticket.
    pub fn assignment(&self, ticket: &Ticket) -> Result<Option<(usize, Assignment)>, MappingError> {
        for (number, rule) in self.assigning.iter().enumerate() {
            if self.asks(&rule.when, ticket)? {
                let target = self.words(&rule.target, ticket)?.trim().to_owned();
                let kind = rule.kind.as_str().to_owned();
                let known = (!target.is_empty()).then_some(Assignment { kind, target });
                return Ok(known.map(|assignment| (number, assignment)));
            }
        }
        Ok(None)
    }

    /// Whether a ticket in this status has no open conversation.
    #[must_use]
    pub fn closes(&self, status: &Status) -> bool {
        self.close_on_status.contains(status)
    }

    /// The statuses in which a ticket has no open conversation.
    #[must_use]
    pub fn close_on_status(&self) -> &[Status] {
        &self.close_on_status
    }

    /// What the customer reads when a ticket closes the conversation.
    ///
    /// # Errors
    /// [`MappingError`] when the rule fails on this ticket.
    pub fn close_message(&self, ticket: &Ticket) -> Result<Option<Text>, MappingError> {
        let rule = self
            .opening
            .as_ref()
            .and_then(|opening| opening.close_message.as_ref());
        self.some_words(rule, ticket)
    }

    /// Whether a comment is for the customer. That it is neither ours, nor the requester's, nor an
    /// automation's is asked before this rule is.
    ///
    /// # Errors
    /// [`MappingError`] when the rule fails on this comment.
    pub fn to_conversation_when(&self, comment: &CommentAdded) -> Result<bool, MappingError> {
        engine::holds(&self.env, &self.to_conversation_when, |_| {
            names::of_comment(comment)
        })
    }

    /// Whether there is a template for customers whom free words do not reach.
    #[must_use]
    pub fn has_template(&self) -> bool {
        self.template.is_some()
    }

    /// The template for a ticket's customer, filled in, if there is one. A place that comes out empty
    /// is a dash: WhatsApp takes no empty one.
    ///
    /// # Errors
    /// [`MappingError`] when one of its rules fails on this ticket.
    pub fn template(
        &self,
        ticket: &Ticket,
        bot: &BotId,
        user: &UserId,
    ) -> Result<Option<message::Template>, MappingError> {
        let Some(template) = &self.template else {
            return Ok(None);
        };
        let mut parameters = Vec::new();
        for rule in &template.parameters {
            // WhatsApp takes no line breaks in a place either.
            let words = one_line(&self.words(rule, ticket)?);
            let words = words.trim();
            parameters.push(Text::from(if words.is_empty() { "-" } else { words }));
        }
        Ok(Some(message::Template {
            bot: bot.clone(),
            user: user.clone(),
            name: template.name.clone(),
            language: template.language.clone(),
            parameters,
        }))
    }

    /// Whether there are call buttons.
    #[must_use]
    pub fn has_call_buttons(&self) -> bool {
        !self.call_buttons.is_empty()
    }

    /// The call buttons whose `when` holds for a ticket.
    ///
    /// # Errors
    /// [`MappingError`] when a rule fails on this ticket.
    pub fn call_buttons(&self, ticket: &Ticket) -> Result<Vec<Button>, MappingError> {
        let mut buttons = Vec::new();
        for (number, rule) in self.call_buttons.iter().enumerate() {
            if self.asks(&rule.when, ticket)? {
                buttons.push(Button {
                    number,
                    header: self.some_words(rule.header.as_ref(), ticket)?,
                    text: Text::new(self.words(&rule.text, ticket)?),
                    display_text: Text::new(self.words(&rule.display_text, ticket)?),
                });
            }
        }
        Ok(buttons)
    }

    fn asks(&self, rule: &Rule, ticket: &Ticket) -> Result<bool, MappingError> {
        engine::holds(&self.env, rule, |missing| names::of_ticket(ticket, missing))
    }

    fn words(&self, rule: &Rule, ticket: &Ticket) -> Result<String, MappingError> {
        engine::text(
            &self.env,
            rule,
            names::of_ticket(ticket, names::Missing::Low),
        )
    }

    fn some_words(
        &self,
        rule: Option<&Rule>,
        ticket: &Ticket,
    ) -> Result<Option<Text>, MappingError> {
        let words = rule.map(|rule| self.words(rule, ticket)).transpose()?;
        Ok(words.map(Text::new).filter(|words| !words.is_blank()))
    }
}

/// Towards the ticket.
impl Mapping {
    /// Whether a conversation makes a ticket.
    ///
    /// # Errors
    /// [`MappingError`] when the rule fails on this conversation.
    pub fn create_when(&self, talk: &Conversation) -> Result<bool, MappingError> {
        if !self.makes_tickets {
            return Ok(false);
        }
        engine::holds(&self.env, &self.ticketing.create_when, |missing| {
            names::of_conversation(talk, None, missing)
        })
    }

    /// Who asks, for the ticketing system.
    ///
    /// # Errors
    /// [`MappingError`] when a rule fails on this conversation.
    pub fn requester(&self, talk: &Conversation) -> Result<Requester, MappingError> {
        let values = names::of_conversation(talk, None, names::Missing::Low);
        let part = |rule| self.part(rule, &values);
        Ok(Requester {
            id: None,
            name: part(&self.ticketing.name)?,
            phone: part(&self.ticketing.phone)?.filter(|phone| phone.reveal() != "+"),
            email: part(&self.ticketing.email)?,
            external_id: part(&self.ticketing.external_id)?,
        })
    }

    /// The ticket for a conversation. If it follows an older one, its description names that one,
    /// in the operator's words where they use `follows`, else in one line at the end.
    ///
    /// # Errors
    /// [`MappingError`] when a rule fails on this conversation.
    pub fn new_ticket(
        &self,
        talk: &Conversation,
        follows: Option<&TicketId>,
    ) -> Result<NewTicket, MappingError> {
        let values = names::of_conversation(talk, follows, names::Missing::Low);
        let part = |rule| self.part(rule, &values);
        let unnamed = || Text::new(format!("Conversation {}", talk.id));
        let subject = part(&self.ticketing.subject)?.unwrap_or_else(unnamed);
        let mut description = part(&self.ticketing.description)?.unwrap_or_else(unnamed);
        if let Some(old) = follows.filter(|_| !self.names_the_old_ticket()) {
            description = Text::new(format!("{}\n\nFollows ticket {old}.", description.reveal()));
        }
        let mut fields = BTreeMap::new();
        for (name, rule) in &self.ticketing.fields {
            if let Some(value) = part(rule)? {
                fields.insert(name.clone(), value);
            }
        }
        Ok(NewTicket {
            requester: self.requester(talk)?,
            subject: Text::new(one_line(subject.reveal())),
            description,
            tags: self.own_tags.clone(),
            fields,
        })
    }

    /// The tags on tickets that the bridge makes.
    #[must_use]
    pub fn own_tags(&self) -> &[String] {
        &self.own_tags
    }

    /// The statuses that the rules name, each once: those of which the system must know.
    #[must_use]
    pub fn statuses_named(&self) -> std::collections::BTreeSet<&Status> {
        let given = self.status_on_close.values();
        let named = given.chain(&self.close_on_status);
        named.chain([&self.vocabulary.reopened]).collect()
    }

    /// The ticket's status after a close that the bridge did not ask for, by Jelou's reason.
    #[must_use]
    pub fn status_on_close(&self, reason: &str) -> &Status {
        let status = self.status_on_close.get(reason);
        let status = status.or_else(|| self.status_on_close.get(DEFAULT_REASON));
        status.unwrap_or(&self.vocabulary.reopened)
    }

    /// What the report on a conversation puts into fields of the ticket; what comes out empty is left
    /// out.
    ///
    /// # Errors
    /// [`MappingError`] when a rule fails on this report.
    pub fn report_fields(&self, row: &Attended) -> Result<BTreeMap<String, Text>, MappingError> {
        let mut fields = BTreeMap::new();
        let values = names::of_report(row, names::Missing::Low);
        for (name, rule) in &self.report_fields {
            if let Some(value) = self.part(rule, &values)? {
                fields.insert(name.clone(), value);
            }
        }
        Ok(fields)
    }

    /// The words of the ticketing system.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn names_the_old_ticket(&self) -> bool {
        [&self.ticketing.subject, &self.ticketing.description]
            .iter()
            .any(|rule| {
                self.env
                    .get_template(&rule.key)
                    .is_ok_and(|template| template.undeclared_variables(false).contains("follows"))
            })
    }

    fn part(&self, rule: &Rule, values: &Value) -> Result<Option<Text>, MappingError> {
        let words = Text::new(engine::text(&self.env, rule, values.clone())?);
        Ok(Some(words).filter(|words| !words.is_blank()))
    }
}

/// Line breaks become spaces: a subject is one line, and a header injection where a mail is made of it.
fn one_line(words: &str) -> String {
    words
        .split(char::is_control)
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
