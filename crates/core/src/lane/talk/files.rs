//! A customer's file hangs on the ticket apart from its message: however long the file takes, or if it
//! never comes, its message is there, with the file's address. Neighbours: to_ticket, which brings the
//! message; words, which says how both read.

use super::{Message, Outcome, words};
use crate::{
    effect::{AttachFile, Effect, Operation},
    ids::{LinkId, TicketId},
    intent::IntentState,
    lane::step::Turn,
};

const RULE: &str = "mapping.messages.to_ticket";

impl Turn<'_> {
    /// A message has ended; its file begins.
    pub(super) fn plan_file(
        &mut self,
        link: &LinkId,
        ticket: &TicketId,
        message: &Message,
        outcome: Outcome,
        public: bool,
    ) {
        let Some(media) = message.media.clone() else {
            return;
        };
        if planted!(FileForgotten) && self.lane.messages.iter().any(Message::waits) {
            return;
        }
        // A message that waits for a person does not hold its file back either.
        let wanted = matches!(
            outcome,
            Outcome::Relayed | Outcome::Observed | Outcome::Parked
        );
        if !wanted {
            return;
        }
        if self.rules.capabilities.attach.is_none() {
            let text = "Files of the customer are not attached here: the ticketing system's profile has no `attach`. Each message gives its file's address, which may not work for long.";
            return self.tell(link, "files", text);
        }
        let name = words::file_name(message, &media);
        let effect = Effect::AttachFile(AttachFile {
            ticket: ticket.clone(),
            message: message.id.clone(),
            text: words::hung(message, &media, &name),
            media,
            name,
            public,
        });
        if planted!(FileHungTwice) {
            let cause = format!("file {} of its message", message.id);
            self.ensure(link, &cause, effect.clone(), RULE);
        }
        self.ensure(link, &format!("file {}", message.id), effect, RULE);
    }

    /// Agents learn which file will not come by itself.
    pub(super) fn tell_of_files(&mut self) {
        let given_up = self
            .lane
            .intents
            .iter()
            .filter(|i| i.operation() == Operation::File && i.state == IntentState::Parked);
        let given_up: Vec<_> = given_up
            .map(|i| {
                let detail = i.parked.as_ref().map_or("", |parked| &parked.detail);
                (i.link.clone(), i.cause.clone(), detail.to_owned())
            })
            .collect();
        for (link, cause, detail) in given_up {
            let text = format!(
                "A file of the customer could not be attached here ({detail}). Its address stands in the customer's message and may not work for long; they can be asked to send it again. ({cause})"
            );
            self.tell(&link, &cause, &text);
        }
    }
}
