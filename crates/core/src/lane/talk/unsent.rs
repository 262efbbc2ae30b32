//! An agent's words that cannot go into a conversation: what becomes of them, and that the agent
//! learns of it at once. Neighbour: to_customer.

use super::{Message, Outcome, Way, template::Knock};
use crate::{
    effect::Effect,
    ids::{LinkId, MessageId, TicketId},
    intent::{Intent, IntentState},
    lane::{UNKNOWN_OUTCOME, step::Turn},
    link::Link,
    mapping::CommentWithoutConversation,
};

const RULE: &str = "mapping.conversation.comment_without_conversation";

impl Turn<'_> {
    /// The customer was silent for 24 hours.
    pub(super) fn outside_window(
        &mut self,
        link: &LinkId,
        ticket: &TicketId,
        message: &Message,
    ) -> Way {
        let knock = self.knock(link, ticket, message);
        if let Knock::Waits = knock {
            return Way::Stays;
        }
        let text = format!(
            "The customer did not get a comment of this ticket: they have not written for 24 hours, and WhatsApp takes free text only within 24 hours of their last message.{} It can be sent when they write again. (comment {})",
            knock.told(),
            message.id
        );
        self.tell(link, &format!("window:{}", message.id), &text);
        Way::Ends(Outcome::Window)
    }

    /// No conversation is open.
    pub(super) fn leave_unsent(
        &mut self,
        link: Option<&Link>,
        ticket: &TicketId,
        message: &Message,
    ) -> Way {
        let Some(link) = link else {
            return self.never_linked(ticket, message);
        };
        if let Some(way) = self.take_back(link, message) {
            return way;
        }
        match self.rules.mapping.comment_without_conversation {
            CommentWithoutConversation::Start if self.may_start_for(ticket) => {
                self.start_for_comment(link, ticket)
            }
            CommentWithoutConversation::Template if self.may_start_for(ticket) => {
                match self.knock(&link.id, ticket, message) {
                    Knock::Waits => Way::Stays,
                    knock => self.tell_unsent(&link.id, ticket, message, &knock.told()),
                }
            }
            CommentWithoutConversation::Start | CommentWithoutConversation::Template => {
                let why =
                    " None is begun for a ticket that is solved, closed, or another customer's.";
                self.tell_unsent(&link.id, ticket, message, why)
            }
            CommentWithoutConversation::Note => self.tell_unsent(&link.id, ticket, message, ""),
        }
    }

    /// The ticket was made for a Link that ended before it was known, or got another one.
    fn never_linked(&mut self, ticket: &TicketId, message: &Message) -> Way {
        let seen = self.lane.tickets.get(ticket).and_then(|m| m.seen.as_ref());
        let talk = seen.and_then(|seen| seen.link_field.as_ref());
        let links = &self.lane.links;
        let of_talk = |l: &&Link| talk.is_some() && l.conversation_id() == talk;
        let made_for = links.iter().rev().find(of_talk);
        // It may name another customer's conversation by now.
        if let Some(link) = made_for.or(links.last()).map(|l| l.id.clone()) {
            let text = self.not_heard(ticket, &message.id, "");
            self.tell_about(&link, ticket, &format!("unsent:{}", message.id), &text);
        }
        Way::Ends(Outcome::NoConversation)
    }

    fn tell_unsent(
        &mut self,
        link: &LinkId,
        ticket: &TicketId,
        message: &Message,
        knock: &str,
    ) -> Way {
        let text = self.not_heard(ticket, &message.id, knock);
        if !planted!(UnsentNotTold) {
            self.tell(link, &format!("unsent:{}", message.id), &text);
        }
        Way::Ends(Outcome::NoConversation)
    }

    /// What the ticket is told. Of a try that went out nobody may know what came of it, in whichever of
    /// the customer's conversations that was.
    fn not_heard(&self, ticket: &TicketId, comment: &MessageId, knock: &str) -> String {
        let unknown = |i: &Intent| {
            let asked = i.parked.as_ref();
            asked.is_some_and(|p| p.reason == UNKNOWN_OUTCOME) || i.possible_duplicate
        };
        let is_part = |i: &Intent| {
            matches!(&i.effect, Effect::SendMessage(said)
                if said.ticket == *ticket && said.comment == *comment)
        };
        let mut parts = self.lane.intents.iter().filter(|i| is_part(i));
        match parts.any(|i| i.attempts > 0 && unknown(i)) {
            true => format!(
                "It is not known whether the customer got a comment of this ticket: the answer was lost, and no conversation with them is open.{knock} (comment {comment})"
            ),
            false => unheard(comment, knock),
        }
    }

    /// The same of a comment that is long settled otherwise: a person had it tried again.
    pub(in crate::lane) fn tell_nobody_heard(
        &mut self,
        link: &LinkId,
        ticket: &TicketId,
        comment: &MessageId,
    ) {
        let text = self.not_heard(ticket, comment, "");
        self.tell_about(link, ticket, &format!("unsent:{comment}"), &text);
    }

    /// What was planned for a conversation that has ended since does not go out; of what did go out
    /// it must be known first what became of it.
    fn take_back(&mut self, link: &Link, message: &Message) -> Option<Way> {
        let parts: Vec<Intent> = self.messages_of(&link.id, message).cloned().collect();
        let on_its_way = |i: &Intent| matches!(i.state, IntentState::Sent | IntentState::Unknown);
        if parts.iter().any(on_its_way) {
            return Some(Way::Stays);
        }
        for part in parts.iter().filter(|i| i.state == IntentState::Planned) {
            self.let_go(part, "the conversation has ended");
        }
        let (told, all) = (
            parts
                .iter()
                .filter(|i| i.state == IntentState::Confirmed)
                .count(),
            parts.iter().filter_map(super::to_customer::parts_of).max(),
        );
        (all.is_some_and(|all| u32::try_from(told).unwrap_or(0) >= all))
            .then_some(Way::Ends(Outcome::Relayed))
    }

    /// A ticket that asks for a closed conversation, or that another customer's Lane holds, starts none.
    fn may_start_for(&self, ticket: &TicketId) -> bool {
        let mapping = self.rules.mapping;
        let memory = self.lane.tickets.get(ticket);
        memory.is_some_and(|m| {
            let open = |status| !mapping.closes(status) && !mapping.vocabulary().is_final(status);
            let open = m.seen.as_ref().is_some_and(|seen| open(&seen.status));
            open && !m.gone && !m.anothers && m.held_elsewhere.is_none()
        })
    }

    fn start_for_comment(&mut self, last: &Link, ticket: &TicketId) -> Way {
        if last.is_live() {
            // Its conversation has ended, and it will once its ticket is read.
            return Way::Stays;
        }
        let seen = self.lane.tickets.get(ticket).and_then(|m| m.seen.clone());
        if let Some(seen) = seen {
            self.open_link(&seen, last.generation.saturating_add(1), RULE);
        }
        Way::Stays
    }
}

fn unheard(comment: &MessageId, knock: &str) -> String {
    format!(
        "The customer did not get a comment of this ticket: no conversation with them is open.{knock} (comment {comment})"
    )
}
