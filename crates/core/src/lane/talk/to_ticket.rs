//! What a customer says becomes a comment on the ticket. Neighbours: words, which says how it reads;
//! files, which brings what hangs on it; links, which finds or makes the ticket that it waits for (rule 8).

use super::{Message, Outcome, Place, Way, words};
use crate::{
    conversation::Conversation,
    effect::{AddComment, Effect, Operation},
    ids::{ConversationId, LinkId, MessageId, TicketId},
    intent::{Intent, IntentState},
    lane::{access::wish, step::Turn},
    link::{Link, TicketSide},
    mapping::ToTicket,
    text::Text,
    time::Timestamp,
};
use std::time::Duration;

const RULE: &str = "mapping.messages.to_ticket";

/// More comments than this on one ticket within a minute are a customer's flood, or a loop through
/// both directions: the next wait for the minute's end. Nobody types that fast.
const COMMENTS_PER_LINK_MINUTE: usize = 60;

/// What the other Lane may have or have done waits so long at most for two Lanes of one customer to be joined:
/// the other is claimed for the length of a call or two. What keeps it for longer is no reason to keep words back.
const JOIN_MOST: Duration = Duration::from_secs(300);

impl Turn<'_> {
    /// The Lane that this one is to be joined with may have earlier words of the same customer.
    pub(super) fn waits_for_a_join(&self, message: &Message) -> bool {
        self.is_join_near(message.at)
    }

    /// Whether this Lane is about to be joined with another of the same customer, which may have done what is due
    /// here since this moment.
    pub(in crate::lane) fn is_join_near(&self, since: Timestamp) -> bool {
        let other = self.lane.canonical.as_ref();
        let other = other.filter(|user| **user != self.lane.user);
        other.is_some() && self.now.since(since) < JOIN_MOST
    }

    pub(super) fn relay_to_ticket(&mut self, id: &ConversationId, place: &Place) {
        let public = match self.rules.mapping.to_ticket {
            ToTicket::Public => true,
            ToTicket::Internal => false,
            ToTicket::None => return self.end_all(place, Outcome::Unwanted, RULE),
        };
        let Some(talk) = self.lane.conversations.get(id).map(|m| m.seen.clone()) else {
            return self.end_all(place, Outcome::NoTicket, "its conversation is long over");
        };
        let Some(link) = self.link_that_hears(id).cloned() else {
            return self.end_unheard(id, place);
        };
        let ticket = match &link.ticket {
            TicketSide::Known { id } => id.clone(),
            TicketSide::Wanted => return,
            TicketSide::Unwanted { .. } => {
                return self.end_all(place, Outcome::NoTicket, "its conversation has no ticket");
            }
        };
        if self.rules.capabilities.only_creates {
            return self.end_after_create(&link.id, place);
        }
        if self.lane.tickets.get(&ticket).is_some_and(|m| m.gone) {
            return self.end_all(place, Outcome::NoTicket, "its ticket is gone");
        }
        while let Some(message) = self.first_waiting(place).cloned() {
            if self.waits_for_a_join(&message) {
                return;
            }
            match self.comment(&link.id, &ticket, &talk, &message, public) {
                Way::Stays => return,
                Way::Ends(outcome) => {
                    self.plan_file(&link.id, &ticket, &message, outcome, public);
                    self.end_message(place, &message.id, outcome);
                }
            }
        }
    }

    /// The Link that a conversation's messages belong to: the live one, else the last that came to
    /// its regular end.
    fn link_that_hears(&self, id: &ConversationId) -> Option<&Link> {
        let of_talk = |l: &&Link| l.conversation_id() == Some(id);
        let closed = |l: &&Link| l.ended.as_ref().is_some_and(|end| end.reason == "closed");
        let links = &self.lane.links;
        let live = links.iter().filter(of_talk).find(|l| l.is_live());
        live.or_else(|| links.iter().rev().filter(of_talk).find(closed))
    }

    /// No Link hears it: it waits for one, unless none will come.
    fn end_unheard(&mut self, id: &ConversationId, place: &Place) {
        let memory = self.lane.conversations.get(id);
        let elsewhere = memory.is_some_and(|m| m.taken_elsewhere);
        let linked = memory.is_some_and(|m| m.linked);
        let ended = self.link_of_conversation(id).and_then(|l| l.ended.as_ref());
        let why = match ended {
            Some(ended) => format!("its link ended ({})", ended.reason),
            None if elsewhere => "another customer's lane has its conversation".to_owned(),
            None if linked => "its link is long over".to_owned(),
            None => return,
        };
        self.end_all(place, Outcome::NoTicket, &why);
    }

    fn comment(
        &mut self,
        link: &LinkId,
        ticket: &TicketId,
        talk: &Conversation,
        message: &Message,
        public: bool,
    ) -> Way {
        let cause = format!("message {}", message.id);
        if let Some(way) = self.way_elsewhere(link, &talk.id, message) {
            return way;
        }
        if let Some(ahead) = self.comment_ahead(link, &cause) {
            // Only the one that is being tried may stay ahead of an earlier one that came late.
            let untried = ahead.state == IntentState::Planned && ahead.attempts == 0;
            let waits = brought_by(&ahead).is_some_and(|id| self.is_waiting(&message.place, id));
            if !(untried && waits) {
                return Way::Stays;
            }
            self.let_go(&ahead, "an earlier message came");
        }
        if self.comment_of(link, &cause).is_none()
            && let Some(until) = self.flooded_until(link)
        {
            self.wake(until);
            return Way::Stays;
        }
        let effect = Effect::AddComment(AddComment {
            ticket: ticket.clone(),
            message: message.id.clone(),
            text: self.words_of_its_own(link, &cause, message, talk),
            public,
        });
        self.ensure(link, &cause, effect, RULE);
        self.flag_if_in_doubt_elsewhere(link, message);
        match self.comment_of(link, &cause).cloned() {
            Some(intent) => self.way_of(&intent),
            None => Way::Stays,
        }
    }

    /// What became of a message that another Link of its conversation was to bring, before the
    /// conversation turned out to be this one's. What was never tried there is brought here alone.
    fn way_elsewhere(
        &mut self,
        link: &LinkId,
        talk: &ConversationId,
        message: &Message,
    ) -> Option<Way> {
        let of_talk = |i: &Intent| {
            let other = self.lane.link(&i.link);
            other.and_then(Link::conversation_id) == Some(talk)
        };
        let others = self.elsewhere(link, message).filter(|i| of_talk(i));
        let others: Vec<Intent> = others.cloned().collect();
        for other in others {
            match other.state {
                IntentState::Planned if other.attempts == 0 => {
                    self.let_go(&other, "its conversation is another ticket's by now");
                }
                IntentState::Planned
                | IntentState::Sent
                | IntentState::Unknown
                | IntentState::Confirmed
                | IntentState::Parked => return Some(self.way_of(&other)),
                IntentState::Refused | IntentState::Withdrawn | IntentState::Observed => {}
            }
        }
        None
    }

    /// A try that was taken back from another Link may have worked.
    fn flag_if_in_doubt_elsewhere(&mut self, link: &LinkId, message: &Message) {
        let in_doubt = |i: &Intent| {
            i.state == IntentState::Withdrawn && i.attempts > 0 && i.possible_duplicate
        };
        if self.elsewhere(link, message).any(in_doubt) {
            self.flag_planned(link, |i| brought_by(i) == Some(&message.id));
        }
    }

    /// The Intents with which other Links bring a message.
    fn elsewhere(&self, link: &LinkId, message: &Message) -> impl Iterator<Item = &Intent> {
        let intents = self.lane.intents.iter().filter(move |i| i.link != *link);
        intents.filter(|i| brought_by(i) == Some(&message.id))
    }

    fn way_of(&mut self, intent: &Intent) -> Way {
        match intent.state {
            IntentState::Planned | IntentState::Sent | IntentState::Unknown => Way::Stays,
            IntentState::Confirmed => Way::Ends(Outcome::Relayed),
            IntentState::Observed => Way::Ends(Outcome::Observed),
            IntentState::Parked => {
                let reason = intent.parked.as_ref().map_or("", |parked| &parked.reason);
                let text = format!(
                    "A message of the customer may be missing here: the bridge stopped trying to add it ({reason}). Read it at Jelou; the bridge's operator can have it tried again."
                );
                self.tell(&intent.link, &intent.cause, &text);
                Way::Ends(Outcome::Parked)
            }
            IntentState::Refused | IntentState::Withdrawn => Way::Ends(Outcome::GivenUp),
        }
    }

    /// The Intent of one message, whether planned at once or after it was observed.
    fn comment_of(&self, link: &LinkId, cause: &str) -> Option<&Intent> {
        let mut comments = self.comments_of(link).rev();
        comments.find(|i| wish(&i.cause) == cause)
    }

    /// What is on its way already.
    fn comment_ahead(&self, link: &LinkId, cause: &str) -> Option<Intent> {
        let mut open = self.comments_of(link).filter(|i| i.state.is_open());
        open.find(|i| wish(&i.cause) != cause).cloned()
    }

    fn comments_of(&self, link: &LinkId) -> impl DoubleEndedIterator<Item = &Intent> {
        let intents = self.lane.intents.iter().filter(move |i| i.link == *link);
        intents.filter(|i| i.operation() == Operation::Comment)
    }

    /// The message as a comment that reads like no other of this Link: what was lost on the way is
    /// looked for by its words.
    fn words_of_its_own(
        &self,
        link: &LinkId,
        cause: &str,
        message: &Message,
        talk: &Conversation,
    ) -> Text {
        // By digest: retention may have taken the words of another.
        let others: Vec<_> = self
            .comments_of(link)
            .filter(|i| wish(&i.cause) != cause)
            .filter_map(Intent::words)
            .collect();
        let mut text = words::comment(message, talk, 1);
        // Each of the others can read like one of these, so the last is free.
        for time in 2..=others.len().saturating_add(1) {
            if !text.digest().is_some_and(|own| others.contains(&own)) {
                break;
            }
            text = words::comment(message, talk, time);
        }
        text
    }

    /// When a Link takes comments again, if it has had more than a customer types.
    fn flooded_until(&self, link: &LinkId) -> Option<Timestamp> {
        let minute = Duration::from_secs(60);
        let sent = self.comments_of(link).filter_map(|i| i.sent_at);
        let mut sent: Vec<_> = sent.filter(|at| self.now.since(*at) < minute).collect();
        sent.sort_unstable();
        let over = sent.len().checked_sub(COMMENTS_PER_LINK_MINUTE)?;
        sent.get(over).map(|at| at.plus(minute))
    }
}

fn brought_by(intent: &Intent) -> Option<&MessageId> {
    let Effect::AddComment(comment) = &intent.effect else {
        return None;
    };
    Some(&comment.message)
}
