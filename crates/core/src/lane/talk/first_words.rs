//! What a customer says before their ticket is made, where nothing can be said on it afterwards: it goes
//! into the description. Neighbours: create, which makes the ticket; to_ticket, for all other systems.

use super::{Message, Outcome, Place, words};
use crate::{
    effect::Effect,
    ids::{ConversationId, LinkId, MessageId},
    lane::step::Turn,
    mapping::ToTicket,
    text::Text,
    ticket::NewTicket,
};
use std::time::Duration;

/// How long a ticket that takes no more words afterwards waits for the customer's first ones, from when
/// their conversation was heard of: people write what they want in a few short messages.
const FIRST_WORDS_WAIT: Duration = Duration::from_secs(10);

impl Turn<'_> {
    /// A new ticket with what was said so far in its description, and whose messages those are; nothing
    /// while more is awaited. Where comments can be added it stays as it is.
    pub(in crate::lane) fn with_first_words(
        &mut self,
        id: &ConversationId,
        mut new: NewTicket,
    ) -> Option<(NewTicket, Vec<MessageId>)> {
        let wanted = self.rules.mapping.to_ticket != ToTicket::None;
        if !self.rules.capabilities.only_creates || !wanted {
            return Some((new, Vec::new()));
        }
        let memory = self.lane.conversations.get(id)?;
        let until = memory.learnt_at.plus(FIRST_WORDS_WAIT);
        if self.now < until && !memory.seen.state.is_closed() {
            self.wake(until);
            return None;
        }
        let place = Place::Conversation { id: id.clone() };
        let messages = self.lane.messages.iter();
        let mut said: Vec<&Message> = messages.filter(|m| m.waits() && m.place == place).collect();
        said.sort_by_key(|message| message.at);
        let mut text = new.description.reveal().to_owned();
        for message in &said {
            let words = words::comment(message, &memory.seen, 1);
            text.push_str("\n\n");
            text.push_str(words.reveal());
        }
        new.description = Text::new(text);
        let said = said.into_iter().map(|m| m.id.clone()).collect();
        Some((new, said))
    }

    /// The ticket is there and takes no more: what was said before it was made stands on it.
    pub(super) fn end_after_create(&mut self, link: &LinkId, place: &Place) {
        let of_link = self.lane.intents.iter().filter(|i| i.link == *link);
        let made_with = of_link.filter_map(|intent| match &intent.effect {
            Effect::CreateTicket(create) => Some(create.said.clone()),
            Effect::StartConversation(_)
            | Effect::CloseConversation(_)
            | Effect::WriteTicketId(_)
            | Effect::UpsertRequester { .. }
            | Effect::WriteLinkField { .. }
            | Effect::SetStatus { .. }
            | Effect::SetFields { .. }
            | Effect::AddComment(_)
            | Effect::AttachFile(_)
            | Effect::SendMessage(_)
            | Effect::SendTemplate(_)
            | Effect::SendBotMessage(_)
            | Effect::HandOver(_)
            | Effect::AddNote { .. } => None,
        });
        let on_ticket: Vec<MessageId> = made_with.flatten().collect();
        for id in on_ticket {
            if self.is_waiting(place, &id) {
                self.end_message(place, &id, Outcome::Relayed);
            }
        }
        self.end_all(
            place,
            Outcome::Unsendable,
            "the ticketing system takes no words for a ticket that is there",
        );
    }
}
