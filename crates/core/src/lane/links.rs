//! What each live Link calls for: a conversation, a ticket, or the merge of both. Neighbours:
//! [`crate::plan`] judges; send and resolve bring out what is planned here.

use super::{adopt::LEARNT_BY_ANSWER, state::EntryKind, step::Turn};
use crate::{
    effect::{
        CloseConversation, CreateTicket, Effect, Operation, Read, TicketIdPlace, WriteTicketId,
    },
    ids::{ConversationId, LinkId, TicketId},
    intent::IntentState,
    link::{Agreed, ConversationSide, Link, Origin, TicketSide},
    mapping::{CustomerBusy, CustomerWritesAfterClose, Reuse},
    plan::{Sides, Verdict, merge},
    ticket::Ticket,
};
use std::time::Duration;

/// User memory ends after 24 h (Jelou's page on saving records); it is renewed well before.
const MEMORY_RENEWED_AFTER: Duration = Duration::from_secs(20 * 3600);

impl Turn<'_> {
    pub(super) fn plan_links(&mut self) {
        let ids: Vec<LinkId> = self.lane.links.iter().map(|link| link.id.clone()).collect();
        for id in ids {
            let Some(link) = self.lane.link(&id).cloned() else {
                continue;
            };
            if link.is_live() {
                self.plan_link(&link);
            }
            self.plan_late_message(&link);
            self.plan_ticket_id(&id);
        }
    }

    fn plan_link(&mut self, link: &Link) {
        if let Some(ticket) = link.ticket_id()
            && self.lane.tickets.get(ticket).is_some_and(|m| m.gone)
        {
            self.lose_ticket(link, ticket);
            return;
        }
        match (&link.conversation, &link.ticket) {
            (ConversationSide::Wanted, TicketSide::Known { id }) => self.plan_start(link, id),
            (ConversationSide::Known { id }, TicketSide::Wanted) => self.plan_create(link, id),
            (ConversationSide::Known { id }, TicketSide::Known { id: ticket }) => {
                self.plan_whole(link, id, ticket);
            }
            (ConversationSide::Known { id }, TicketSide::Unwanted { rule }) => {
                if rule == LEARNT_BY_ANSWER && self.has_spoken(id) {
                    self.want_ticket_after_all(link, id);
                } else if self
                    .lane
                    .conversations
                    .get(id)
                    .is_some_and(|m| m.seen.state.is_closed())
                {
                    self.end_link(&link.id, "closed");
                }
            }
            (ConversationSide::Unwanted { .. }, _) => self.end_link(&link.id, "unwanted"),
            (ConversationSide::Wanted, TicketSide::Wanted | TicketSide::Unwanted { .. }) => {
                self.end_link(&link.id, "withdrawn");
            }
        }
    }

    fn has_spoken(&self, id: &ConversationId) -> bool {
        self.lane
            .conversations
            .get(id)
            .is_some_and(|m| m.start_event || m.messages > 0)
    }

    /// Its start event or a message came after all: it gets a ticket like any other.
    fn want_ticket_after_all(&mut self, link: &Link, id: &ConversationId) {
        let Some(memory) = self.lane.conversations.get(id).cloned() else {
            return;
        };
        let ticket = match self.rules.mapping.create_when(&memory.seen) {
            Ok(true) => TicketSide::Wanted,
            Ok(false) => TicketSide::Unwanted {
                rule: "mapping.ticket.create_when".to_owned(),
            },
            Err(error) => TicketSide::Unwanted {
                rule: format!("error in {error}"),
            },
        };
        if let Some(link) = self.lane.link_mut(&link.id) {
            link.ticket = ticket;
        }
        self.changed = true;
    }

    fn lose_ticket(&mut self, link: &Link, ticket: &TicketId) {
        for operation in Operation::ALL {
            self.withdraw(&link.id, operation, None);
        }
        if !self.under_way(&link.id, Operation::Start) {
            self.note_ticket(EntryKind::Alarm, format!("Ticket {ticket} is gone"), ticket);
            self.end_link(&link.id, "gone");
        }
    }

    fn plan_start(&mut self, link: &Link, ticket: &TicketId) {
        let Some(memory) = self.lane.tickets.get(ticket).cloned() else {
            return;
        };
        let Some(seen) = memory.seen else {
            self.want_ticket(ticket);
            return;
        };
        if memory.hint_at.is_some() {
            self.want_ticket(ticket);
        }
        let mapping = self.rules.mapping;
        if mapping.closes(&seen.status) || mapping.vocabulary().is_final(&seen.status) {
            self.withdraw(&link.id, Operation::Start, None);
            if !self.under_way(&link.id, Operation::Start) {
                self.end_link(&link.id, "withdrawn");
            }
            return;
        }
        if self.under_way(&link.id, Operation::Start) || self.start_is_parked(link) {
            return;
        }
        if self.customer_is_busy(link) {
            self.wait_for_customer(link);
            return;
        }
        if let Some(link) = self.lane.link_mut(&link.id) {
            link.busy_since = None;
        }
        let bot = self.lane.bot.clone();
        let user = self.lane.user.clone();
        match mapping.start(&seen, &bot, &user) {
            Ok(start) => self.ensure(
                &link.id,
                &start_cause(link),
                Effect::StartConversation(start),
                "mapping.conversation.open_when",
            ),
            Err(error) => self.give_up_start(link, &error),
        }
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
        let older_waits = self
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
        } else {
            self.park_busy(link);
        }
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

    fn plan_create(&mut self, link: &Link, id: &ConversationId) {
        let Some(memory) = self.lane.conversations.get(id).cloned() else {
            return;
        };
        let mapping = self.rules.mapping;
        let capabilities = self.rules.capabilities;
        let requester = match mapping.requester(&memory.seen) {
            Ok(requester) => requester,
            Err(error) => return self.give_up_create(link, id, &error),
        };
        if capabilities.upsert_requester && link.requester_id.is_none() {
            let effect = Effect::UpsertRequester { requester };
            self.ensure(
                &link.id,
                &format!("conversation {id}"),
                effect,
                "mapping.ticket.requester",
            );
            return;
        }
        let unasked =
            mapping.reuse == Reuse::Open && capabilities.find_open && !link.looked_for_open;
        let follow_new = mapping.customer_writes_after_close == CustomerWritesAfterClose::New;
        if let (true, Some(requester_id)) = (unasked, link.requester_id.clone())
            && !(follow_new && link.follows.is_some())
        {
            let due = memory.retry.due_at.unwrap_or(self.now);
            self.want_read(Read::OpenTickets { requester_id }, due);
            return;
        }
        match mapping.new_ticket(&memory.seen, link.follows.as_ref()) {
            Ok(new) => {
                let effect = Effect::CreateTicket(CreateTicket {
                    new,
                    requester_id: link.requester_id.clone(),
                    conversation: id.clone(),
                });
                let cause = format!("conversation {id}");
                self.ensure(&link.id, &cause, effect, "mapping.ticket.create_when");
            }
            Err(error) => self.give_up_create(link, id, &error),
        }
    }

    fn give_up_create(
        &mut self,
        link: &Link,
        id: &ConversationId,
        error: &crate::mapping::MappingError,
    ) {
        let sentence = format!("No ticket for conversation {id}: {error}");
        self.note_conversation(EntryKind::Alarm, sentence, id);
        if let Some(link) = self.lane.link_mut(&link.id) {
            link.ticket = TicketSide::Unwanted {
                rule: format!("error in {error}"),
            };
        }
        self.changed = true;
    }

    fn plan_whole(&mut self, link: &Link, id: &ConversationId, ticket: &TicketId) {
        let memory = self.lane.tickets.get(ticket).cloned().unwrap_or_default();
        let Some(seen) = memory.seen else {
            self.want_ticket(ticket);
            return;
        };
        if memory.hint_at.is_some() {
            self.want_ticket(ticket);
            return;
        }
        if let Some(into) = seen.merged_into.clone() {
            self.follow_merge(link, ticket, &into);
            return;
        }
        self.plan_link_field(link, id, &seen);
        self.plan_state(link, id, &seen);
    }

    fn plan_link_field(&mut self, link: &Link, id: &ConversationId, seen: &Ticket) {
        if link.link_field_written {
            return;
        }
        if seen.link_field.as_ref() == Some(id) {
            self.withdraw(&link.id, Operation::LinkField, None);
            if let Some(link) = self.lane.link_mut(&link.id) {
                link.link_field_written = true;
            }
        } else if !self.rules.mapping.vocabulary().is_final(&seen.status) {
            let effect = Effect::WriteLinkField {
                ticket: seen.id.clone(),
                conversation: id.clone(),
            };
            self.ensure(
                &link.id,
                &format!("conversation {id}"),
                effect,
                "the ticket's link field",
            );
        }
    }

    fn plan_state(&mut self, link: &Link, id: &ConversationId, seen: &Ticket) {
        let closed = match self.lane.conversations.get(id).map(|m| &m.seen.state) {
            Some(crate::conversation::ConversationState::Closed { reason }) => Some(reason.clone()),
            Some(crate::conversation::ConversationState::Active) | None => None,
        };
        let Some(agreed) = link.agreed.clone() else {
            let agreed = Agreed {
                conversation_closed: false,
                status: seen.status.clone(),
            };
            if let Some(link) = self.lane.link_mut(&link.id) {
                link.agreed = Some(agreed);
            }
            self.changed = true;
            return;
        };
        if self.under_way(&link.id, Operation::Close) || self.under_way(&link.id, Operation::Status)
        {
            return;
        }
        let sides = Sides {
            closed: closed.as_deref(),
            status: &seen.status,
        };
        match merge(&agreed, sides, self.rules.mapping) {
            Verdict::Agree(now_agreed) => {
                self.withdraw(&link.id, Operation::Close, None);
                if now_agreed.conversation_closed {
                    self.withdraw(&link.id, Operation::Status, None);
                }
                self.agree(&link.id, now_agreed);
            }
            Verdict::Close { rule } => self.plan_close(link, id, seen, rule),
            Verdict::SetStatus { status, rule } => {
                self.withdraw(&link.id, Operation::Close, None);
                let cause = format!("conversation {id} closed g{}", link.generation);
                self.withdraw(&link.id, Operation::Status, Some(&cause));
                let effect = Effect::SetStatus {
                    ticket: seen.id.clone(),
                    status,
                };
                self.ensure(&link.id, &cause, effect, &rule);
            }
        }
    }

    fn plan_close(&mut self, link: &Link, id: &ConversationId, seen: &Ticket, rule: &str) {
        let Some(conversation) = self.lane.conversations.get(id).map(|m| m.seen.clone()) else {
            return;
        };
        let message = self
            .rules
            .mapping
            .close_message(seen)
            .unwrap_or_else(|error| {
                let sentence = format!("Closing without a message: {error}");
                self.note_link(EntryKind::Alarm, sentence, &link.id, None);
                None
            });
        let effect = Effect::CloseConversation(CloseConversation {
            conversation: id.clone(),
            bot: conversation.bot,
            user: conversation.user,
            message,
        });
        self.ensure(&link.id, &format!("g{}", link.generation), effect, rule);
    }

    /// The customer wrote after the close: by their message's own time, so that one which was only
    /// delivered late reopens nothing (rule 8).
    fn plan_late_message(&mut self, link: &Link) {
        let mapping = self.rules.mapping;
        if mapping.customer_writes_after_close != CustomerWritesAfterClose::Reopen {
            return;
        }
        let (Some(id), Some(ticket)) = (link.conversation_id(), link.ticket_id()) else {
            return;
        };
        let Some(memory) = self.lane.conversations.get(id) else {
            return;
        };
        let (Some(wrote), Some(ended)) = (memory.last_message_at, memory.seen.ended_at) else {
            return;
        };
        let latest = self
            .latest_link_of_ticket(ticket)
            .is_some_and(|l| l.id == link.id);
        let Some(seen) = self.lane.tickets.get(ticket).and_then(|m| m.seen.as_ref()) else {
            return;
        };
        let vocabulary = mapping.vocabulary();
        let solved = !vocabulary.is_open(&seen.status) && !vocabulary.is_final(&seen.status);
        let late = wrote > ended && wrote.since(ended) <= mapping.reopen_within;
        if late && latest && solved && link.ended.is_some() {
            let ticket = ticket.clone();
            let cause = format!("message at {} in {id}", wrote.0);
            self.reopen(
                &link.id,
                &ticket,
                &cause,
                "mapping.ticket.customer_writes_after_close",
            );
        }
    }

    /// Both sides agree on this from now; a Link whose conversation is over has ended.
    pub(super) fn agree(&mut self, link: &LinkId, agreed: Agreed) {
        let closed = agreed.conversation_closed;
        if let Some(link) = self.lane.link_mut(link)
            && link.agreed.as_ref() != Some(&agreed)
        {
            link.agreed = Some(agreed);
            self.changed = true;
        }
        if closed {
            self.end_link(link, "closed");
        }
    }

    /// The ticket was merged away: the Link follows if the customer is the same (rule 10).
    fn follow_merge(&mut self, link: &Link, ticket: &TicketId, into: &TicketId) {
        let Some(target) = self.lane.tickets.get(into).and_then(|m| m.seen.clone()) else {
            self.want_ticket(into);
            return;
        };
        let same = matches!(self.rules.mapping.user_id(&target), Ok(Some(user)) if user == self.lane.user)
            || self
                .lane
                .tickets
                .get(ticket)
                .and_then(|m| m.seen.as_ref())
                .is_some_and(|old| {
                    old.requester.id.is_some() && old.requester.id == target.requester.id
                });
        if same && self.live_link_of_ticket(into).is_none() {
            if let Some(link) = self.lane.link_mut(&link.id) {
                link.ticket = TicketSide::Known { id: into.clone() };
                link.link_field_written = false;
                link.agreed = Some(Agreed {
                    conversation_closed: false,
                    status: target.status,
                });
            }
            self.changed = true;
            let sentence = format!("Ticket {ticket} was merged into {into}: the link follows");
            self.note_link(
                EntryKind::Decision,
                sentence,
                &link.id,
                Some("merged tickets"),
            );
        } else {
            self.note_link(EntryKind::Alarm, format!("Ticket {ticket} was merged into {into}, which is another customer's or has a conversation: the link ends"), &link.id, Some("merged tickets"));
            self.end_link(&link.id, "merged");
        }
    }

    /// The ticket's id at Jelou, for conversations that the customer started: written when the Link
    /// is whole, renewed in memory, cleared at the end.
    fn plan_ticket_id(&mut self, id: &LinkId) {
        let place = self.rules.ticket_id_place;
        let Some(link) = self.lane.link(id).cloned() else {
            return;
        };
        if place == TicketIdPlace::None || link.origin == Origin::Ticket {
            return;
        }
        let (Some(conversation), Some(ticket)) = (link.conversation_id(), link.ticket_id()) else {
            return;
        };
        let Some(memory) = self.lane.conversations.get(conversation) else {
            return;
        };
        let write = |ticket: Option<TicketId>| {
            Effect::WriteTicketId(WriteTicketId {
                place,
                bot: memory.seen.bot.clone(),
                user: memory.seen.user.clone(),
                ticket,
            })
        };
        let over = memory.seen.state.is_closed() || !link.is_live();
        let rule = "jelou.ticket_id_to_jelou";
        if over {
            let (clear, began) = (write(None), link.ticket_id_written_at.is_some());
            self.withdraw(id, Operation::TicketId, Some("clear"));
            let successor = self.lane.links.iter().any(|other| {
                other.is_live()
                    && other.origin != Origin::Ticket
                    && other.is_whole()
                    && other.id != *id
            });
            if began
                && !link.ticket_id_cleared
                && !successor
                && !self.under_way(id, Operation::TicketId)
            {
                self.ensure(id, "clear", clear, rule);
            }
            return;
        }
        let effect = write(Some(ticket.clone()));
        match link.ticket_id_written_at {
            None => self.ensure(id, "set", effect, rule),
            Some(at) if place == TicketIdPlace::UserMemory => {
                let renew = at.plus(MEMORY_RENEWED_AFTER);
                if self.now >= renew {
                    self.ensure(id, &format!("renew {}", at.0), effect, rule);
                } else {
                    self.wake(renew);
                }
            }
            Some(_) => {}
        }
    }
}

/// The cause of a start: the Link's generation, which grows with each reopening and retry (rule 4).
pub(super) fn start_cause(link: &Link) -> String {
    format!("g{}", link.generation)
}
