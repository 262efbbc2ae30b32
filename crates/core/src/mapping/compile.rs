//! Checks a mapping as written, reporting everything that is wrong at once. Neighbours: spec, which
//! it reads; rule, which checks each template and condition in it.

use super::{
    Assigning, Mapping, Opening, Problem, TO_CONVERSATION_WHEN, Ticketing, engine,
    names::{Scope, nearest},
    spec::MappingSpec,
};
use crate::ticket::{Status, Vocabulary};
use minijinja::Environment;
use std::collections::BTreeMap;

/// Keys of metadata that the bridge writes itself (rule 5 finds starts by them).
const OWN_METADATA: [&str; 2] = ["ticketId", "intentId"];

/// Jelou's reason for a close by an operator.
const BY_OPERATOR: &str = "closed_by_operator";

/// The reasons for a close that Jelou's pages name, and ours for all others. The set is open.
const KNOWN_REASONS: [&str; 3] = [BY_OPERATOR, "expired", super::DEFAULT_REASON];

/// Letters by which a slip of the keyboard differs from its word. What differs by more may be a
/// reason of Jelou's that no page names.
const SLIP_LETTERS_MAX: usize = 2;

/// Compiles a mapping against the words of its ticketing system.
///
/// # Errors
/// Every [`Problem`] found, in the order of the keys in [`MappingSpec`].
pub fn compile(spec: &MappingSpec, vocabulary: &Vocabulary) -> Result<Mapping, Vec<Problem>> {
    let mut compiler = Compiler {
        env: engine::environment(),
        vocabulary,
        problems: Vec::new(),
    };
    let opening = spec.conversation.as_ref().map(|c| compiler.opening(c));
    let assigning = compiler.assigning(spec);
    let written = spec.ticket.clone().unwrap_or_default();
    let ticketing = compiler.ticketing(&written);
    let relayed = spec.messages.to_conversation_when.as_deref();
    let to_conversation_when = compiler.condition(
        "messages.to_conversation_when",
        relayed.unwrap_or(TO_CONVERSATION_WHEN),
        Scope::Comment,
    );
    let template = compiler.template(spec);
    let call_buttons = compiler.call_buttons(spec);
    let (report_after, report_fields) = compiler.report(&written);
    let status_on_close = compiler.status_on_close(&written.status_on_close);
    let close_on_status = compiler.close_on_status(spec);
    if !compiler.problems.is_empty() {
        return Err(compiler.problems);
    }
    Ok(Mapping {
        on_conflict: spec.on_conflict,
        customer_busy: spec.customer_busy,
        customer_after_close: spec.customer_after_close,
        busy_timeout: spec.busy_timeout.unwrap_or(super::BUSY_TIMEOUT).duration(),
        ticket_reopened: spec
            .conversation
            .as_ref()
            .map(|c| c.ticket_reopened)
            .unwrap_or_default(),
        comment_without_conversation: spec
            .conversation
            .as_ref()
            .map(|c| c.comment_without_conversation)
            .unwrap_or_default(),
        reuse: written.reuse,
        customer_writes_after_close: written.customer_writes_after_close,
        reopen_within: written
            .reopen_within
            .unwrap_or(super::REOPEN_WITHIN)
            .duration(),
        report: written.report,
        report_after,
        to_ticket: spec.messages.to_ticket,
        makes_tickets: spec.ticket.is_some(),
        opening,
        assigning,
        ticketing,
        report_fields,
        to_conversation_when,
        template,
        call_buttons,
        status_on_close,
        close_on_status,
        own_tags: written.tags,
        vocabulary: vocabulary.clone(),
        env: compiler.env,
    })
}

pub(super) struct Compiler<'a> {
    pub(super) env: Environment<'static>,
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) problems: Vec<Problem>,
}

impl Compiler<'_> {
    fn opening(&mut self, spec: &super::ConversationSpec) -> Opening {
        let scope = Scope::Ticket;
        for key in OWN_METADATA {
            if spec.metadata.contains_key(key) {
                self.problem(
                    format!("conversation.metadata.{key}"),
                    "the bridge writes this key itself",
                    "leave it out; it is always there",
                );
            }
        }
        Opening {
            open_when: self.condition("conversation.open_when", &spec.open_when, scope),
            user_id: self.text("conversation.user_id", &spec.user_id, scope),
            initial_message: self.texts(
                "conversation.initial_message",
                spec.initial_message.as_deref(),
                scope,
            ),
            metadata: self.pairs("conversation.metadata", &spec.metadata, scope),
            close_message: self.texts(
                "conversation.close_message",
                spec.close_message.as_deref(),
                scope,
            ),
        }
    }

    fn assigning(&mut self, spec: &MappingSpec) -> Vec<Assigning> {
        let rules = spec.assignment.iter().enumerate();
        rules
            .map(|(n, rule)| {
                let target = format!("assignment[{n}].target");
                if rule.target.trim().is_empty() {
                    self.problem(
                        target.clone(),
                        "it is empty",
                        "name the queue, operator or team",
                    );
                }
                Assigning {
                    when: self.condition(
                        &format!("assignment[{n}].when"),
                        &rule.when,
                        Scope::Ticket,
                    ),
                    kind: rule.kind,
                    target: self.text(&target, &rule.target, Scope::Ticket),
                }
            })
            .collect()
    }

    fn ticketing(&mut self, spec: &super::TicketSpec) -> Ticketing {
        let scope = Scope::Conversation;
        self.tags(&spec.tags);
        self.field_names("ticket.fields", &spec.fields);
        let create_when = spec.create_when.as_deref().unwrap_or(super::CREATE_WHEN);
        let subject = spec.subject.as_deref().unwrap_or(super::SUBJECT);
        let description = spec.description.as_deref().unwrap_or(super::DESCRIPTION);
        Ticketing {
            create_when: self.condition("ticket.create_when", create_when, scope),
            name: self.text("ticket.requester.name", &spec.requester.name, scope),
            phone: self.text("ticket.requester.phone", &spec.requester.phone, scope),
            email: self.text("ticket.requester.email", &spec.requester.email, scope),
            external_id: self.text(
                "ticket.requester.external_id",
                &spec.requester.external_id,
                scope,
            ),
            subject: self.text("ticket.subject", subject, scope),
            description: self.text("ticket.description", description, scope),
            fields: self.pairs("ticket.fields", &spec.fields, scope),
        }
    }

    fn tags(&mut self, tags: &[String]) {
        for (n, tag) in tags.iter().enumerate() {
            if tag.trim().is_empty() || tag.contains("{{") || tag.contains("{%") {
                self.problem(
                    format!("ticket.tags[{n}]"),
                    "a tag is a plain word, and no template",
                    "write the word; what varies belongs into ticket.fields",
                );
            }
        }
    }

    pub(super) fn field_names(&mut self, key: &str, fields: &BTreeMap<String, String>) {
        let Some(known) = &self.vocabulary.fields else {
            return;
        };
        let unknown: Vec<_> = fields.keys().filter(|name| !known.contains(name)).collect();
        let list = known.join(", ");
        for name in unknown {
            let remedy = match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near}?"),
                None if known.is_empty() => "this profile sets no further fields".to_owned(),
                None => format!("the profile knows {list}"),
            };
            self.problems.push(Problem {
                key: format!("{key}.{name}"),
                what: format!("the profile knows no field {name}"),
                remedy,
            });
        }
    }

    fn template(&mut self, spec: &MappingSpec) -> Option<super::Template> {
        let opening = spec.conversation.as_ref();
        let wanted = opening.map(|c| c.comment_without_conversation);
        if spec.template.is_none() && wanted == Some(super::CommentWithoutConversation::Template) {
            self.problem(
                "conversation.comment_without_conversation".to_owned(),
                "there is no template to send",
                "add a table `template` with its name and language, or write \"note\"",
            );
        }
        let written = spec.template.as_ref()?;
        for (key, word) in [("name", &written.name), ("language", &written.language)] {
            if word.trim().is_empty() {
                self.problem(
                    format!("template.{key}"),
                    "it is empty",
                    "write it as Jelou shows it with the approved template",
                );
            }
        }
        let parameters = written.parameters.iter().enumerate();
        Some(super::Template {
            name: written.name.trim().to_owned(),
            language: written.language.trim().to_owned(),
            parameters: parameters
                .map(|(n, source)| {
                    self.text(&format!("template.parameters[{n}]"), source, Scope::Ticket)
                })
                .collect(),
        })
    }

    fn call_buttons(&mut self, spec: &MappingSpec) -> Vec<super::CallButton> {
        let scope = Scope::Ticket;
        let buttons = spec.call_button.iter().enumerate();
        buttons
            .map(|(n, button)| super::CallButton {
                when: self.condition(&format!("call_button[{n}].when"), &button.when, scope),
                header: self.texts(
                    &format!("call_button[{n}].header"),
                    button.header.as_deref(),
                    scope,
                ),
                text: self.text(&format!("call_button[{n}].text"), &button.text, scope),
                display_text: self.text(
                    &format!("call_button[{n}].display_text"),
                    &button.display_text,
                    scope,
                ),
            })
            .collect()
    }

    /// The system's own first word for solved, and for open again, where the operator names none.
    fn status_on_close(&mut self, written: &BTreeMap<String, String>) -> BTreeMap<String, Status> {
        let mut statuses = BTreeMap::from([(
            super::DEFAULT_REASON.to_owned(),
            self.vocabulary.reopened.clone(),
        )]);
        if let Some(solved) = self.vocabulary.solved.first() {
            statuses.insert(BY_OPERATOR.to_owned(), solved.clone());
        }
        for (reason, word) in written {
            let key = format!("ticket.status_on_close.{reason}");
            if let Some(meant) = reason_meant(reason) {
                self.problem(
                    key.clone(),
                    &format!("no page of Jelou's names the reason {reason}"),
                    &format!("did you mean {meant}?"),
                );
            }
            let status = self.status(key, word);
            statuses.insert(reason.clone(), status);
        }
        statuses
    }

    fn close_on_status(&mut self, spec: &MappingSpec) -> Vec<Status> {
        let written = spec
            .conversation
            .as_ref()
            .and_then(|c| c.close_on_status.clone());
        match written {
            Some(words) => words
                .iter()
                .enumerate()
                .map(|(n, word)| self.status(format!("conversation.close_on_status[{n}]"), word))
                .collect(),
            None => {
                let done = self.vocabulary.solved.iter().chain(&self.vocabulary.final_);
                done.cloned().collect()
            }
        }
    }

    fn status(&mut self, key: String, word: &str) -> Status {
        let status = Status::new(word);
        let known = &self.vocabulary.statuses;
        if !self.vocabulary.open_ended && !known.contains(&status) {
            let words: Vec<_> = known.iter().map(Status::as_str).collect();
            let remedy = match nearest(status.as_str(), words.iter().copied()) {
                Some(near) => format!("did you mean {near}? Known are {}", words.join(", ")),
                None => format!("known are {}", words.join(", ")),
            };
            self.problem(
                key,
                &format!("the profile knows no status {status}"),
                &remedy,
            );
        }
        status
    }

    pub(super) fn problem(&mut self, key: String, what: &str, remedy: &str) {
        self.problems.push(Problem {
            key,
            what: what.to_owned(),
            remedy: remedy.to_owned(),
        });
    }
}

/// The known reason that one which is unknown is a slip for, if it is near enough to be none of its
/// own.
fn reason_meant(reason: &str) -> Option<&'static str> {
    if KNOWN_REASONS.contains(&reason) {
        return None;
    }
    let mut known = KNOWN_REASONS.into_iter();
    known.find(|known| strsim::osa_distance(reason, known) <= SLIP_LETTERS_MAX)
}
