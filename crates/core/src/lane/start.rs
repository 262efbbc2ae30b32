//! A ticket that wants a conversation: the start, and the wait for a busy customer (rule 7).
//! Neighbours: links asks; resolve finds out what became of a start.

use super::{
    open::FRESH,
    ours::{in_question, is_surely_refused, may_have_worked},
    state::EntryKind,
    step::{Mode, Turn},
};
use crate::{
    effect::{Effect, Operation, Read},
    ids::TicketId,
    intent::{Intent, IntentState},
    link::{ConversationSide, Ended, Link, Origin},
    mapping::{CustomerBusy, TicketReopened},
    ticket::Ticket,
};
use std::time::Duration;

/// How long after a look at the conversation that keeps a customer busy the next one comes. A day's wait costs a
/// hundred reads of one conversation.
const BUSY_LOOKS_APART: Duration = Duration::from_secs(15 * 60);

impl Turn<'_> {
    pub(super) fn plan_start(&mut self, link: &Link, ticket: &TicketId) {
        let Some(memory) = self.lane.tickets.get(ticket).cloned() else {
            return;
        };
        let Some(seen) = memory.seen else {
            self.want_ticket(ticket);
            return;
        };
        if memory.hint_at.is_some() || (memory.partial && !planted!(PartialTrusted)) {
            return self.want_ticket(ticket);
        }
        let mapping = self.rules.mapping;
        if (mapping.closes(&seen.status) || mapping.vocabulary().is_final(&seen.status))
            && !planted!(StartOfClosedTicket)
        {
            self.withdraw(&link.id, Operation::Start, None);
            if !self.under_way(&link.id, Operation::Start) {
                self.end_link(&link.id, "withdrawn");
            }
            return;
        }
        if self.under_way(&link.id, Operation::Start) || self.start_is_parked(link) {
            return;
        }
        if self.rules.mode == Mode::Live && self.start_was_observed(link) {
            // It is never sent (rule 17), and nothing waits for it.
            return self.end_link(&link.id, Ended::OBSERVED);
        }
        if self.is_asked_for_no_more(link, &seen) && !planted!(StartNotWithdrawn) {
            self.withdraw(&link.id, Operation::Start, None);
            return self.end_link(&link.id, "withdrawn");
        }
        let waits = self.now.since(link.created_at) > FRESH;
        if waits && memory.seen_at.is_none_or(|seen| seen <= link.created_at) {
            // Until the Link stood, another Lane may have been told what became of the ticket.
            return self.want_ticket(ticket);
        }
        let of_link = |i: &&Intent| i.link == link.id && i.operation() == Operation::Start;
        let mut starts = self.lane.intents.iter().filter(of_link);
        if starts.any(may_have_worked) && self.must_read_first() {
            return;
        }
        if self.customer_is_busy(link) && !planted!(BusyCustomerStarted) {
            self.wait_for_customer(link);
            return;
        }
        if let Some(link) = self.lane.link_mut(&link.id) {
            link.busy_since = None;
        }
        let bot = self.lane.bot.clone();
        let user = self.lane.user.clone();
        match mapping.start(&seen, &bot, &user) {
            Ok(start) => {
                let effect = Effect::StartConversation(start);
                let cause = start_cause(link);
                self.ensure(&link.id, &cause, effect, "mapping.conversation.open_when");
                self.flag_if_another_may_have_worked(link, ticket);
            }
            Err(error) => self.give_up_start(link, &error),
        }
    }

    /// What became of a start of an earlier Link of this ticket nobody knows: this one may be its double (rule 5).
    fn flag_if_another_may_have_worked(&mut self, link: &Link, ticket: &TicketId) {
        let doubted = |i: &Intent| {
            let of_ticket = self.lane.link(&i.link).and_then(Link::ticket_id) == Some(ticket);
            of_ticket
                && i.link != link.id
                && i.operation() == Operation::Start
                && i.attempts > 0
                && in_question(i)
                && !is_surely_refused(i)
        };
        if self.lane.intents.iter().any(doubted) {
            let cause = start_cause(link);
            self.flag_planned(&link.id, |i| i.cause == cause);
        }
    }

    /// The rule that made the Link holds no longer: the tag was taken off again, or the mapping was
    /// mended while the safety halt or a rate held the start. A reopened ticket was not asked for by
    /// this rule; and a rule that fails proves nothing.
    pub(super) fn is_asked_for_no_more(&self, link: &Link, seen: &Ticket) -> bool {
        let by_reopening = self.rules.mapping.ticket_reopened == TicketReopened::Start
            && self.lane.links.iter().any(|other| {
                other.id != link.id && !other.is_live() && other.ticket_id() == Some(&seen.id)
            });
        let memory = self.lane.tickets.get(&seen.id);
        link.origin == Origin::Ticket
            && !by_reopening
            && memory.is_some_and(|m| matches!(self.asks_for_conversation(m, seen), Ok(false)))
    }

    fn give_up_start(&mut self, link: &Link, error: &crate::mapping::MappingError) {
        self.tell(&link.id, "mapping", &format!("No conversation was started: {error}. The bridge's operator can see more with `jelou-bridge timeline`."));
        if let Some(link) = self.lane.link_mut(&link.id) {
            link.conversation = ConversationSide::Unwanted {
                rule: format!("error in {error}"),
            };
        }
        self.changed = true;
    }

    fn start_is_parked(&self, link: &Link) -> bool {
        self.lane.intents.iter().any(|i| {
            i.link == link.id
                && i.operation() == Operation::Start
                && i.state == IntentState::Parked
                && i.cause == start_cause(link)
        })
    }

    /// Another conversation of this customer is on, or an older Link waits before this one (rule 7).
    fn customer_is_busy(&self, link: &Link) -> bool {
        let talking = self
            .lane
            .conversations
            .values()
            .any(|m| !m.seen.state.is_closed());
        // Where nothing is sent, nobody waits for what is only observed.
        let older_waits = self.rules.mode == Mode::Live
            && self
                .lane
                .links
                .iter()
                .take_while(|other| other.id != link.id)
                .any(|other| {
                    other.is_live()
                        && other.conversation == ConversationSide::Wanted
                        && !self.start_is_parked(other)
                });
        talking || older_waits
    }

    fn wait_for_customer(&mut self, link: &Link) {
        self.withdraw(&link.id, Operation::Start, None);
        let mapping = self.rules.mapping;
        if mapping.customer_busy == CustomerBusy::Skip {
            self.tell(&link.id, "busy", "The customer is in another conversation, so none was started for this ticket (customer_busy = \"skip\").");
            if let Some(link) = self.lane.link_mut(&link.id) {
                link.conversation = ConversationSide::Unwanted {
                    rule: "mapping.customer_busy".to_owned(),
                };
            }
            self.changed = true;
            return;
        }
        let since = link.busy_since.unwrap_or(self.now);
        if link.busy_since.is_none() {
            self.tell(&link.id, "busy", "The customer is in another conversation. One for this ticket starts when that ends.");
            if let Some(link) = self.lane.link_mut(&link.id) {
                link.busy_since = Some(since);
            }
            let sentence = "The customer is busy: the start waits".to_owned();
            self.note_link(
                EntryKind::Decision,
                sentence,
                &link.id,
                Some("mapping.customer_busy"),
            );
        }
        let until = since.plus(mapping.busy_timeout);
        if self.now < until {
            self.wake(until);
            self.look_who_keeps_the_customer_busy();
        } else {
            self.park_busy(link);
        }
    }

    /// The sweep looks at the conversations of live Links. Of another one, whose ticket a person untied or that was
    /// there before the bridge went live, only its own event tells the end, and that may be lost.
    fn look_who_keeps_the_customer_busy(&mut self) {
        let live = self.lane.links.iter().filter(|l| l.is_live());
        let has_it = |id| live.clone().any(|l| l.conversation_id() == Some(id));
        let talks = self.lane.conversations.iter();
        let alone: Vec<_> = talks
            .filter(|(id, m)| !m.seen.state.is_closed() && !has_it(id))
            .map(|(id, m)| {
                let again = m.shown_at().plus(BUSY_LOOKS_APART);
                let due = m.retry.due_at.unwrap_or(again);
                (id.clone(), due)
            })
            .collect();
        for (id, due) in alone {
            self.want_read(Read::Conversation { id }, due);
        }
    }

    fn start_was_observed(&self, link: &Link) -> bool {
        let cause = start_cause(link);
        let mut own = self.lane.intents.iter().filter(|i| i.link == link.id);
        own.any(|i| i.state == IntentState::Observed && i.cause == cause)
    }

    fn park_busy(&mut self, link: &Link) {
        let Some(ticket) = link.ticket_id().cloned() else {
            return;
        };
        let Some(seen) = self.lane.tickets.get(&ticket).and_then(|m| m.seen.clone()) else {
            return;
        };
        let (bot, user) = (self.lane.bot.clone(), self.lane.user.clone());
        let Ok(start) = self.rules.mapping.start(&seen, &bot, &user) else {
            return;
        };
        let cause = start_cause(link);
        self.ensure(
            &link.id,
            &cause,
            Effect::StartConversation(start),
            "mapping.busy_timeout",
        );
        if self.rules.mode == Mode::Observe {
            return;
        }
        let id = self
            .lane
            .intents
            .iter()
            .find(|i| i.link == link.id && i.cause == cause)
            .map(|i| i.id.clone());
        if let Some(id) = id {
            self.park(
                &id,
                "busy_timeout",
                "the customer's other conversation did not end in time".to_owned(),
                "end the other conversation, then `parked retry`; or `parked discard`",
            );
            self.tell(&link.id, "busy_timeout", "No conversation was started: the customer's other conversation did not end in time.");
        }
    }
}

/// The cause of a start: the Link's generation, which grows with each reopening and retry (rule 4).
pub(super) fn start_cause(link: &Link) -> String {
    format!("g{}", link.generation)
}
