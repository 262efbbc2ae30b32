//! A remote said no for good: what is parked, and who is told (rule 15). Neighbour: outcome.

use super::{follow::is_made, step::Turn};
use crate::{
    effect::{CreateTicket, Effect, Operation, SendBotMessage},
    ids::TicketId,
    intent::{Intent, IntentState},
    link::{Agreed, Diverged},
    message::BotSays,
};

/// Why a file waits for a person: it could not be fetched, or the ticketing system did not take it.
const FILE_REFUSED: &str = "file";

/// What is found out of a start that Jelou refused: it answers so to a customer who is in a conversation.
const LOOK_FOR_ANOTHER: &str = "looking whether the customer is in another conversation";

/// What is found out of a close or a message that Jelou refused.
const LOOK_FOR_THE_END: &str = "looking whether the conversation has ended";

impl Turn<'_> {
    /// 404 on a ticket that was there: it is read before anything is concluded. If it is there, the
    /// second 404 is a refusal; if not, the Link ends (F33).
    pub(super) fn gone(&mut self, intent: &Intent, reason: &str) {
        let ticket = match &intent.effect {
            Effect::AddComment(comment) => comment.ticket.clone(),
            Effect::AttachFile(file) => file.ticket.clone(),
            Effect::CreateTicket(CreateTicket {
                made: Some(ticket), ..
            }) => ticket.clone(),
            Effect::SetStatus { ticket, .. }
            | Effect::SetFields { ticket, .. }
            | Effect::AddNote { ticket, .. }
            | Effect::WriteLinkField { ticket, .. } => ticket.clone(),
            Effect::StartConversation(_)
            | Effect::CloseConversation(_)
            | Effect::WriteTicketId(_)
            | Effect::UpsertRequester { .. }
            | Effect::SendMessage(_)
            | Effect::SendTemplate(_)
            | Effect::SendBotMessage(_)
            | Effect::HandOver(_)
            | Effect::CreateTicket(CreateTicket { made: None, .. }) => {
                return self.refused(intent, 404, reason);
            }
        };
        if intent.refused_status == Some(404) {
            return self.refused(intent, 404, reason);
        }
        if let Some(found) = self.lane.intent_mut(&intent.id) {
            found.refused_status = Some(404);
            found.state = IntentState::Planned;
        }
        self.doubt_ticket(&ticket);
    }

    fn doubt_ticket(&mut self, ticket: &TicketId) {
        let now = self.now;
        let memory = self.lane.tickets.entry(ticket.clone()).or_default();
        memory.hint_at = Some(now);
        memory.missing_since.get_or_insert(now);
        self.changed = true;
    }

    pub(super) fn refused(&mut self, intent: &Intent, status: u16, reason: &str) {
        match intent.operation() {
            Operation::Start if matches!(status, 400 | 409 | 422) => {
                if let Some(found) = self.lane.intent_mut(&intent.id) {
                    found.refused_status = Some(status);
                }
                self.refused_in_question(&intent.id, reason, LOOK_FOR_ANOTHER);
            }
            Operation::Close if planted!(RefusedCloseTakenAsDone) => self.done(intent),
            // It is looked whether the conversation has ended first.
            Operation::Close | Operation::Message => {
                if let Some(found) = self.lane.intent_mut(&intent.id) {
                    found.refused_status = Some(status);
                }
                self.refused_in_question(&intent.id, reason, LOOK_FOR_THE_END);
            }
            Operation::Start => {
                if let Some(found) = self.lane.intent_mut(&intent.id) {
                    found.refused_status = Some(status);
                }
                self.park(
                    &intent.id,
                    "refused",
                    reason.to_owned(),
                    "check bot and user in the mapping, then `parked retry`",
                );
                self.tell(
                    &intent.link,
                    "refused",
                    &format!("No conversation was started: Jelou refused it ({status})."),
                );
            }
            Operation::Status => self.status_refused(intent, status, reason),
            Operation::Template | Operation::BotMessage => {
                self.said_by_bot_refused(intent, status, reason);
            }
            Operation::LinkField | Operation::TicketId | Operation::UserState => {
                self.diverge(intent, status, reason);
                self.tell(
                    &intent.link,
                    intent.operation().as_str(),
                    &format!(
                        "The bridge could not do this: {} ({status}).",
                        intent.effect
                    ),
                );
            }
            Operation::File => self.park(
                &intent.id,
                FILE_REFUSED,
                reason.to_owned(),
                "read the customer's message for the file's address; mend what stands in the way, then `parked retry`",
            ),
            Operation::Create if is_made(intent) => self.rest_refused(intent, status, reason),
            Operation::Create
            | Operation::Requester
            | Operation::Fields
            | Operation::Comment
            | Operation::Note => {
                self.park(
                    &intent.id,
                    "refused",
                    reason.to_owned(),
                    "mend the mapping or the ticketing system, then `parked retry`",
                );
            }
        }
    }

    /// What the bot was to say is not said, and the ticket is told once.
    fn said_by_bot_refused(&mut self, intent: &Intent, status: u16, reason: &str) {
        let (key, what, remedy) = if let Effect::SendTemplate(send) = &intent.effect {
            (
                "template",
                format!("The template {} was not sent", send.template.name),
                "check the template's name, language and places at Jelou, then `parked retry`, which sends the same again; where `mapping.template` is wrong, mend that and `parked discard`: it counts from the customer's next silence",
            )
        } else {
            (
                "bot_message",
                said_by_bot(&intent.effect).to_owned(),
                "check that the account may send it, then `parked retry`",
            )
        };
        self.park(&intent.id, "refused", reason.to_owned(), remedy);
        let text = format!("{what}: Jelou refused it ({status}).");
        self.tell(&intent.link, key, &text);
    }

    fn status_refused(&mut self, intent: &Intent, status: u16, reason: &str) {
        self.diverge(intent, status, reason);
        self.tell(
            &intent.link,
            "status",
            &format!("The status could not be set: {} ({status}).", intent.effect),
        );
        let Effect::SetStatus { ticket, .. } = &intent.effect else {
            return;
        };
        let seen = self
            .lane
            .tickets
            .get(ticket)
            .and_then(|m| m.seen.as_ref())
            .map(|t| t.status.clone());
        let closed = self
            .lane
            .link(&intent.link)
            .and_then(|l| l.conversation_id())
            .and_then(|id| self.lane.conversations.get(id))
            .is_some_and(|m| m.seen.state.is_closed());
        if let Some(status) = seen {
            self.agree(
                &intent.link.clone(),
                Agreed {
                    conversation_closed: closed,
                    status,
                },
            );
        }
    }

    /// A side refused a field for good: parked for a person, and not planned again by itself.
    fn diverge(&mut self, intent: &Intent, status: u16, reason: &str) {
        let now = self.now;
        self.park(
            &intent.id,
            "refused",
            reason.to_owned(),
            "mend the mapping or the remote, then `parked retry`",
        );
        if let Some(link) = self.lane.link_mut(&intent.link) {
            link.diverged.push(Diverged {
                field: intent.operation().as_str().to_owned(),
                wanted: intent.effect.to_string(),
                reason: crate::call::refusal(status),
                at: now,
            });
        }
    }
}

fn said_by_bot(effect: &Effect) -> &'static str {
    let call = |said: &SendBotMessage| matches!(said.message.what, BotSays::VoiceCall { .. });
    if let Effect::SendBotMessage(said) = effect
        && call(said)
    {
        "The call button was not sent; it needs an account that has WhatsApp calling enabled"
    } else {
        "The bot's message was not sent"
    }
}
