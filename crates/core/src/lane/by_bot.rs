//! What the bot is made to say and do of itself: that nobody is in, a button to call, and that it
//! answers again after the end. Neighbours: links, which asks for each Link; talk, for what people say.

use super::{
    state::{EntryKind, Escalation},
    step::Turn,
};
use crate::{
    effect::{Effect, Operation, SendBotMessage},
    ids::{ConversationId, LinkId, TicketId},
    intent::{Intent, IntentState},
    link::Link,
    mapping::{Button, CustomerAfterClose},
    message::{AnsweredBy, BotMessage, BotSays, HandOver},
    text::Text,
    time::Timestamp,
};
use std::time::Duration;

/// Words older than this get no away message: whoever wrote them no longer waits at the phone.
pub const AWAY_WITHIN: Duration = Duration::from_secs(3600);

/// Nobody is in.
#[derive(Clone, Copy, Debug)]
pub struct Away<'a> {
    /// What customers read who write now.
    pub message: &'a Text,
    /// Since when nobody is; a moment more than [`AWAY_WITHIN`] ago says no more than one that is.
    pub since: Timestamp,
}

/// A conversation that ended longer ago hands nobody over: the customer may talk to a person again
/// by another door, and a rule that is new does not reach into the past.
const HAND_OVER_WITHIN: Duration = Duration::from_secs(3600);

impl Turn<'_> {
    /// What a Link asks of the bot.
    pub(super) fn plan_by_bot(&mut self, id: &LinkId) {
        let Some(link) = self.lane.link(id).cloned() else {
            return;
        };
        let Some(talk) = link.conversation_id().cloned() else {
            return;
        };
        let goes_on = |m: &super::ConversationMemory| !m.seen.state.is_closed();
        if link.is_live() && self.lane.conversations.get(&talk).is_some_and(goes_on) {
            self.plan_away(id, &talk);
            if let Some(ticket) = link.ticket_id() {
                self.plan_buttons(id, &talk, ticket);
            }
        } else {
            self.take_back_bots_words(id);
            self.plan_hand_over(&link, &talk);
        }
    }

    /// The customer writes while nobody is in: once per conversation they read so.
    fn plan_away(&mut self, link: &LinkId, talk: &ConversationId) {
        let Some(away) = self.rules.away else {
            return;
        };
        let wrote = self.lane.conversations.get(talk).and_then(|memory| {
            let began = memory.seen.started_at.unwrap_or(memory.learnt_at);
            let own = memory.customers_own.then_some(began);
            memory.last_message_at.max(own)
        });
        let mut cause = format!("nobody is in for conversation {talk}");
        if planted!(AwayWithEachMessage) {
            cause = format!("{cause} since {wrote:?}");
        }
        let unheard = |at: Timestamp| at >= away.since && self.now.since(at) < AWAY_WITHIN;
        if !wrote.is_some_and(unheard) || self.has_read_so(link, &cause) {
            return;
        }
        let text = away.message.clone();
        self.have_bot_say(
            link,
            talk,
            &cause,
            BotSays::Text { text },
            "hours.away_message",
        );
        self.flag_if_tried_elsewhere(link, Operation::BotMessage, &cause);
    }

    /// Each button goes out when its rule turns true, and not again before it was false.
    fn plan_buttons(&mut self, link: &LinkId, talk: &ConversationId, ticket: &TicketId) {
        let mapping = self.rules.mapping;
        if !mapping.has_call_buttons() {
            return;
        }
        let learnt = self.lane.conversations.get(talk).map(|m| m.learnt_at);
        if learnt.is_some_and(|at| self.is_join_near(at)) {
            // The other Lane may have sent it.
            return;
        }
        let Some(seen) = self.all_of(ticket) else {
            if self.lane.tickets.get(ticket).is_some_and(|m| !m.gone) {
                self.want_ticket(ticket);
            }
            return;
        };
        let buttons = match mapping.call_buttons(&seen) {
            Ok(buttons) => buttons,
            Err(error) => {
                // Once for each state of the ticket.
                let changes = self.lane.tickets.get(ticket).map_or(0, |m| m.changes);
                let text = format!("The rules of the call buttons failed on this ticket: {error}");
                let told = format!("call_button:{changes}");
                if self
                    .lane
                    .link(link)
                    .is_some_and(|l| !l.told.contains(&told))
                {
                    if let Some(found) = self.lane.link_mut(link) {
                        found.told.insert(told);
                    }
                    self.note_link(EntryKind::Alarm, text, link, None);
                }
                return;
            }
        };
        let Some(memory) = self.lane.tickets.get_mut(ticket) else {
            return;
        };
        let mut rising = Vec::new();
        let holds = |number: usize| buttons.iter().any(|button| button.number == number);
        let mut fallen = Vec::new();
        for (number, escalation) in &mut memory.escalations {
            if escalation.holds && !holds(*number) {
                escalation.holds = false;
                fallen.push(*number);
            }
        }
        for button in buttons {
            let escalation = memory.escalations.entry(button.number).or_default();
            let changed = planted!(ButtonWithEachChange) && memory.changes > escalation.times;
            if !escalation.holds || changed {
                *escalation = Escalation {
                    holds: true,
                    times: escalation.times.saturating_add(1),
                };
                rising.push((escalation.times, button));
            }
        }
        for number in fallen {
            self.take_back_button(link, number);
        }
        for (time, button) in rising {
            self.send_button(link, talk, time, button);
        }
    }

    /// What was not sent while its rule held is not sent afterwards.
    fn take_back_button(&mut self, link: &LinkId, number: usize) {
        let rule = button_rule(number);
        let unsent =
            |i: &&Intent| i.link == *link && i.state == IntentState::Planned && i.rule == rule;
        let unsent: Vec<Intent> = self.lane.intents.iter().filter(unsent).cloned().collect();
        for intent in unsent {
            self.let_go(&intent, "its rule holds no longer");
        }
    }

    fn send_button(&mut self, link: &LinkId, talk: &ConversationId, time: u32, button: Button) {
        self.changed = true;
        if self.is_silent(talk) {
            let text = "The customer did not get the call button: they have not written for 24 hours, and WhatsApp takes none then.";
            return self.tell(link, &format!("call_button:{}:{time}", button.number), text);
        }
        let cause = format!("call button {} for the {time}. time", button.number);
        let says = BotSays::VoiceCall {
            header: button.header,
            text: button.text,
            display_text: button.display_text,
        };
        let rule = button_rule(button.number);
        self.have_bot_say(link, talk, &cause, says, &rule);
    }

    fn have_bot_say(
        &mut self,
        link: &LinkId,
        talk: &ConversationId,
        cause: &str,
        what: BotSays,
        rule: &str,
    ) {
        let Some(memory) = self.lane.conversations.get(talk) else {
            return;
        };
        let effect = Effect::SendBotMessage(SendBotMessage {
            conversation: talk.clone(),
            message: BotMessage {
                bot: memory.seen.bot.clone(),
                user: memory.seen.user.clone(),
                what,
            },
        });
        self.ensure(link, cause, effect, rule);
    }

    /// Whether the bot was made to say it, for whatever Link the conversation belonged to then. What
    /// was withdrawn with another Link is said anew, flagged if a try of it may have worked.
    fn has_read_so(&self, link: &LinkId, cause: &str) -> bool {
        let mut intents = self.lane.intents.iter();
        intents.any(|i| {
            i.operation() == Operation::BotMessage
                && super::access::wish(&i.cause) == cause
                && (i.link == *link || i.state != IntentState::Withdrawn)
        })
    }

    /// What was not said before the end is not said after it.
    fn take_back_bots_words(&mut self, link: &LinkId) {
        let unsaid = |i: &&Intent| {
            i.link == *link
                && i.operation() == Operation::BotMessage
                && i.state == IntentState::Planned
        };
        let unsaid: Vec<Intent> = self.lane.intents.iter().filter(unsaid).cloned().collect();
        for intent in unsaid {
            self.let_go(&intent, "the conversation has ended");
        }
    }

    /// After the end the bot answers the customer again, if the operator wants it so and no other
    /// conversation of theirs goes on.
    fn plan_hand_over(&mut self, link: &Link, talk: &ConversationId) {
        if self.rules.mapping.customer_after_close != CustomerAfterClose::Bot {
            return;
        }
        let mut talks = self.lane.conversations.values();
        if talks.any(|m| !m.seen.state.is_closed()) {
            return self.withdraw(&link.id, Operation::UserState, None);
        }
        let lately = |at: Timestamp| self.now.since(at) < HAND_OVER_WITHIN;
        if !link.ended.as_ref().is_some_and(|ended| lately(ended.at)) {
            return;
        }
        let Some(memory) = self.lane.conversations.get(talk) else {
            return;
        };
        let effect = Effect::HandOver(HandOver {
            bot: memory.seen.bot.clone(),
            user: memory.seen.user.clone(),
            to: AnsweredBy::Bot,
            for_secs: None,
        });
        let cause = format!("conversation {talk} closed");
        self.ensure(&link.id, &cause, effect, "mapping.customer_after_close");
    }
}

/// The rule of a call button, by its number in the mapping.
fn button_rule(number: usize) -> String {
    format!("mapping.call_button[{number}].when")
}
