//! What an agent says to the customer goes into the conversation. Neighbours: enclosed, which makes
//! messages of a comment; unsent, for what cannot go.

use super::{Message, Outcome, Place, Way, enclosed::contents, untold::is_untold};
use crate::{
    conversation::Conversation,
    effect::{Effect, Operation, Read, SendMessage},
    ids::{ConversationId, LinkId, MessageId, RoomId, TicketId},
    intent::{Intent, IntentState},
    lane::{
        access::wish,
        state::{ConversationMemory, EntryKind},
        step::Turn,
    },
    link::{ConversationSide, Link},
    message::{AgentMessage, Content},
    time::Timestamp,
};
use std::{collections::VecDeque, time::Duration};

pub(super) const RULE: &str = "mapping.messages.to_conversation_when";

/// More comments than this to one customer within a minute are a loop through both directions: the
/// third net of rule 14. No agent writes that fast.
const MESSAGES_PER_LINK_MINUTE: usize = 60;

/// WhatsApp takes free words within this time of the customer's own; after it, templates only.
pub(super) const WINDOW: Duration = Duration::from_secs(24 * 3600);

/// Why a part of a comment is parked that was never tried.
const BEHIND: &str = "behind";

/// Begins the last error of a message that Jelou refused as too late.
pub(in crate::lane) const TOO_LATE: &str = "window";

/// Who would hear an agent's words on a ticket.
enum Hears {
    /// The customer, in this conversation.
    Talk { link: Link, id: ConversationId },
    /// Nobody yet: a conversation is on its way, or it is not known yet that the ticket is a Link's.
    Later,
    /// Nobody. The Link is the ticket's last, if it had one.
    Nobody { link: Option<Link> },
}

impl Turn<'_> {
    pub(super) fn relay_to_customer(&mut self, ticket: &TicketId, place: &Place) {
        while let Some(message) = self.begun_or_first(ticket, place).cloned() {
            if self.is_of_observing(ticket, message.at) {
                self.end_message(place, &message.id, Outcome::Observed);
                let sentence = "A message was not relayed: the bridge only observed then";
                self.note_ticket(EntryKind::Decision, sentence.to_owned(), ticket);
                continue;
            }
            let held_back = self.not_compared(ticket, &message);
            let held_back = held_back.or_else(|| self.not_for_us(ticket, &message));
            let way = match (held_back, self.who_hears(ticket)) {
                (Some(way), _) => way,
                (None, Hears::Talk { link, id }) => self.say(&link, &id, ticket, &message),
                (None, Hears::Later) => Way::Stays,
                (None, Hears::Nobody { link }) => {
                    self.leave_unsent(link.as_ref(), ticket, &message)
                }
            };
            match way {
                Way::Stays => return,
                Way::Ends(outcome) => self.end_message(place, &message.id, outcome),
            }
        }
    }

    /// What is said in part is said to its end before earlier words that turned up meanwhile.
    fn begun_or_first(&self, ticket: &TicketId, place: &Place) -> Option<&Message> {
        let begun = |m: &&Message| {
            let is_part = |i: &Intent| match &i.effect {
                Effect::SendMessage(said) => said.comment == m.id && said.ticket == *ticket,
                _ => false,
            };
            let mut intents = self.lane.intents.iter();
            intents.any(|i| i.state == IntentState::Confirmed && is_part(i))
        };
        let mut waiting = self
            .lane
            .messages
            .iter()
            .filter(|m| m.waits() && m.place == *place);
        waiting.find(begun).or_else(|| self.first_waiting(place))
    }

    fn who_hears(&self, ticket: &TicketId) -> Hears {
        let live = self.live_link_of_ticket(ticket);
        let Some(link) = live.or_else(|| self.latest_link_of_ticket(ticket)) else {
            return match self.made_for(ticket) {
                Some(_) => Hears::Later,
                None => Hears::Nobody { link: None },
            };
        };
        let nobody = Hears::Nobody {
            link: Some(link.clone()),
        };
        match &link.conversation {
            ConversationSide::Known { id } if link.is_live() && self.is_active(id) => Hears::Talk {
                link: link.clone(),
                id: id.clone(),
            },
            ConversationSide::Wanted if link.is_live() => Hears::Later,
            ConversationSide::Known { .. }
            | ConversationSide::Wanted
            | ConversationSide::Unwanted { .. } => nobody,
        }
    }

    pub(in crate::lane) fn is_active(&self, id: &ConversationId) -> bool {
        let memory = self.lane.conversations.get(id);
        memory.is_some_and(|m| !m.seen.state.is_closed())
    }

    fn say(
        &mut self,
        link: &Link,
        id: &ConversationId,
        ticket: &TicketId,
        message: &Message,
    ) -> Way {
        let Some(memory) = self.lane.conversations.get(id).cloned() else {
            return Way::Stays;
        };
        let Some(files) = self.files_of(ticket, message) else {
            return self.look_for_files(ticket);
        };
        let contents = contents(message, &files);
        if contents.is_empty() {
            self.tell_of_kept_back(&link.id, message, &files);
            let why = match is_untold(message) {
                true => "it has no words, and no file of it could be read",
                false => "it holds nothing that can be sent",
            };
            return self.unsendable(&link.id, message, why);
        }
        let Some(room) = memory.seen.room.clone() else {
            return self.look_for_room(&link.id, id, &memory, message);
        };
        let begun = self.messages_of(&link.id, message).any(|i| i.attempts > 0);
        if !begun && self.is_silent(id) {
            return self.outside_window(&link.id, ticket, message);
        }
        self.tell_of_kept_back(&link.id, message, &files);
        let count = u32::try_from(contents.len()).unwrap_or(u32::MAX);
        let mut outcome = Outcome::Relayed;
        let mut effects = VecDeque::new();
        for (number, content) in (1..).zip(contents) {
            let Some(value) = MessageId::of_part(ticket, &message.id, number) else {
                return self.unsendable(&link.id, message, "its id is too long");
            };
            if self.was_heard_before(&link.id, &value) {
                continue;
            }
            let effect = Effect::SendMessage(SendMessage {
                conversation: id.clone(),
                ticket: ticket.clone(),
                comment: message.id.clone(),
                part: number,
                parts: count,
                message: in_room(value, room.clone(), &memory.seen, content),
            });
            effects.push_back((number, effect));
        }
        while let Some((number, effect)) = effects.pop_front() {
            match self.say_part(&link.id, ticket, message, effect, number) {
                Way::Stays => return Way::Stays,
                Way::Ends(Outcome::Relayed) => {}
                Way::Ends(Outcome::Observed) => outcome = Outcome::Observed,
                // What is left of it would make no sense without this part, and waits for a person with it.
                Way::Ends(Outcome::Parked) => {
                    self.park_behind(&link.id, message, &effects);
                    return Way::Ends(Outcome::Parked);
                }
                Way::Ends(other) => return Way::Ends(other),
            }
        }
        Way::Ends(outcome)
    }

    fn say_part(
        &mut self,
        link: &LinkId,
        ticket: &TicketId,
        message: &Message,
        effect: Effect,
        number: u32,
    ) -> Way {
        let cause = cause_of(message, number);
        if let Some(ahead) = self.message_ahead(link, message) {
            // Only the one that is begun may stay ahead of an earlier one that came late.
            let untried =
                ahead.state == IntentState::Planned && ahead.attempts == 0 && is_first_part(&ahead);
            let waits = comment_of(&ahead).is_some_and(|id| self.is_waiting(&message.place, id));
            if !(untried && waits) {
                return Way::Stays;
            }
            self.let_go(&ahead, "an earlier comment came");
        }
        self.ensure(link, &cause, effect, RULE);
        let is_part = |i: &&Intent| wish(&i.cause) == cause;
        let part = self.messages_of(link, message).rfind(is_part).cloned();
        if let Some(part) = &part
            && self.may_have_gone_out_before(part)
        {
            self.flag_planned(link, |i| i.id == part.id);
        }
        match part {
            Some(intent) => self.way_of_part(&intent, ticket, message),
            None => Way::Stays,
        }
    }

    /// Whether what is about to be said first may have been said in a conversation that ended since: a
    /// try of it went out, and what became of that is not known.
    fn may_have_gone_out_before(&self, part: &Intent) -> bool {
        let Effect::SendMessage(said) = &part.effect else {
            return false;
        };
        let untried = part.state == IntentState::Planned && part.attempts == 0;
        let in_doubt = |i: &Intent| {
            let same = matches!(&i.effect, Effect::SendMessage(other) if other.message.id == said.message.id);
            same && i.id != part.id
                && i.attempts > 0
                && matches!(i.state, IntentState::Withdrawn | IntentState::Parked)
        };
        untried && self.lane.intents.iter().any(in_doubt)
    }

    /// Whether the customer got this part already, in a conversation that ended before all was said.
    fn was_heard_before(&self, link: &LinkId, part: &MessageId) -> bool {
        let is_part =
            |i: &Intent| matches!(&i.effect, Effect::SendMessage(said) if said.message.id == *part);
        let mut earlier = self.lane.intents.iter().filter(|i| i.link != *link);
        earlier.any(|i| i.state == IntentState::Confirmed && is_part(i))
    }

    /// Parts that nobody will hear before the one ahead of them: parked beside it, so that a retry of
    /// that one brings them too.
    fn park_behind(&mut self, link: &LinkId, message: &Message, rest: &VecDeque<(u32, Effect)>) {
        for (number, effect) in rest {
            let cause = cause_of(message, *number);
            self.ensure(link, &cause, effect.clone(), RULE);
            let is_part = |i: &&Intent| wish(&i.cause) == cause;
            let part = self.messages_of(link, message).rfind(is_part).cloned();
            if let Some(part) = part.filter(|part| part.state == IntentState::Planned) {
                self.park(
                    &part.id,
                    BEHIND,
                    "a part before it waits for a person".to_owned(),
                    "try the first part again, which brings this one too",
                );
            }
        }
    }

    fn way_of_part(&mut self, intent: &Intent, ticket: &TicketId, message: &Message) -> Way {
        match intent.state {
            IntentState::Planned | IntentState::Sent | IntentState::Unknown => Way::Stays,
            IntentState::Confirmed => Way::Ends(Outcome::Relayed),
            IntentState::Observed => Way::Ends(Outcome::Observed),
            IntentState::Parked => {
                self.tell_parked(intent, message);
                Way::Ends(Outcome::Parked)
            }
            IntentState::Refused if came_too_late(intent) => {
                self.outside_window(&intent.link, ticket, message)
            }
            IntentState::Refused | IntentState::Withdrawn => Way::Ends(Outcome::GivenUp),
        }
    }

    fn tell_parked(&mut self, intent: &Intent, message: &Message) {
        let reason = intent.parked.as_ref().map_or("", |parked| &parked.reason);
        let (key, what) = match reason {
            "loop" => (
                "loop:messages".to_owned(),
                "More comments than an agent writes came within a minute, so the bridge stopped sending them to the customer. Find what writes them.".to_owned(),
            ),
            super::super::UNKNOWN_OUTCOME => (
                format!("message:{}", message.id),
                "It is not known whether the customer got a comment of this ticket: the answer was lost. The bridge's operator decides whether it is sent again.".to_owned(),
            ),
            other => (
                format!("message:{}", message.id),
                format!("The customer did not get a comment of this ticket: Jelou did not take it ({other}), perhaps because they have not written for 24 hours. The bridge's operator can have it tried again."),
            ),
        };
        let text = format!("{what} (comment {})", message.id);
        self.tell(&intent.link, &key, &text);
    }

    /// The room is told by every webhook of the conversation; where none came, a read tells it.
    fn look_for_room(
        &mut self,
        link: &LinkId,
        id: &ConversationId,
        memory: &ConversationMemory,
        message: &Message,
    ) -> Way {
        if self.lane.looked.contains(id) {
            return self.unsendable(link, message, "Jelou tells no room of its conversation");
        }
        let due = memory.retry.due_at.unwrap_or(self.now);
        self.want_read(Read::Conversation { id: id.clone() }, due);
        Way::Stays
    }

    fn unsendable(&mut self, link: &LinkId, message: &Message, why: &str) -> Way {
        let text = format!(
            "The customer did not get a comment of this ticket: {why}. (comment {})",
            message.id
        );
        self.tell(link, &format!("message:{}", message.id), &text);
        Way::Ends(Outcome::Unsendable)
    }

    /// Whether the customer was silent for so long that free words do not reach them. A conversation
    /// that began since shows that Jelou reached them then.
    pub(in crate::lane) fn is_silent(&self, id: &ConversationId) -> bool {
        let talk = self.lane.conversations.get(id);
        let begun = talk.map(|m| m.seen.started_at.unwrap_or(m.learnt_at));
        let heard = begun.max(self.last_words_at());
        heard.is_none_or(|at| self.now.since(at) >= WINDOW)
    }

    /// When the customer last wrote, as far as known, in any conversation with this bot.
    pub(in crate::lane) fn last_words_at(&self) -> Option<Timestamp> {
        let talks = self.lane.conversations.values();
        talks.filter_map(|m| m.last_message_at).max()
    }

    /// The Intents of one comment's parts.
    pub(super) fn messages_of(
        &self,
        link: &LinkId,
        message: &Message,
    ) -> impl DoubleEndedIterator<Item = &Intent> {
        let intents = self.lane.intents.iter().filter(move |i| i.link == *link);
        intents.filter(move |i| {
            i.operation() == Operation::Message && comment_of(i) == Some(&message.id)
        })
    }

    /// What of another comment is on its way already.
    fn message_ahead(&self, link: &LinkId, message: &Message) -> Option<Intent> {
        let ahead = |i: &&Intent| {
            i.link == *link
                && i.operation() == Operation::Message
                && i.state.is_open()
                && comment_of(i) != Some(&message.id)
        };
        self.lane.intents.iter().find(ahead).cloned()
    }

    /// Whether an agent's words wait to go into a Link's conversation.
    pub(in crate::lane) fn has_words_for(&self, link: &LinkId) -> bool {
        let ticket = self.lane.link(link).and_then(Link::ticket_id);
        let place = ticket.map(|id| Place::Ticket { id: id.clone() });
        // The store may have more than this Claim has loaded.
        place.is_some_and(|place| {
            self.first_waiting(&place).is_some() || self.lane.said_since.contains_key(&place)
        })
    }

    /// Whether comments go out faster than people write them. A long one is one, however many its parts.
    pub(in crate::lane) fn is_storm(&self, intent: &Intent) -> bool {
        let minute = Duration::from_secs(60);
        let sent = self.lane.intents.iter().filter(|i| {
            i.link == intent.link
                && matches!(&i.effect, Effect::SendMessage(said) if said.part == 1)
                && i.failures == 0
                && i.sent_at.is_some_and(|at| self.now.since(at) < minute)
        });
        intent.operation() == Operation::Message && sent.count() >= MESSAGES_PER_LINK_MINUTE
    }
}

fn cause_of(message: &Message, part: u32) -> String {
    format!("comment {} part {part}", message.id)
}

fn in_room(id: MessageId, room: RoomId, talk: &Conversation, content: Content) -> AgentMessage {
    AgentMessage {
        id,
        bot: talk.bot.clone(),
        user: talk.user.clone(),
        room,
        content,
    }
}

/// The comment that a message brings.
fn comment_of(intent: &Intent) -> Option<&MessageId> {
    let Effect::SendMessage(message) = &intent.effect else {
        return None;
    };
    Some(&message.comment)
}

fn is_first_part(intent: &Intent) -> bool {
    matches!(&intent.effect, Effect::SendMessage(message) if message.part == 1)
}

/// How many parts an agent's comment has.
pub(super) fn parts_of(intent: &Intent) -> Option<u32> {
    let Effect::SendMessage(message) = &intent.effect else {
        return None;
    };
    Some(message.parts)
}

fn came_too_late(intent: &Intent) -> bool {
    let error = intent.last_error.as_deref();
    error.is_some_and(|error| error.starts_with(TOO_LATE))
}
