//! A whole Link: its link field, and the merge of both sides. Neighbours: [`crate::plan`] judges;
//! links asks.

use super::{access::wish, ours::OUR_CLOCKS_APART, state::EntryKind, step::Turn};
use crate::{
    effect::{CloseConversation, Effect, Operation},
    ids::{ConversationId, LinkId, TicketId},
    intent::{Intent, IntentState},
    link::{Agreed, Link},
    mapping::{CustomerWritesAfterClose, OnConflict},
    plan::{Sides, Verdict, merge},
    ticket::{Status, Ticket},
    time::Timestamp,
};

impl Turn<'_> {
    pub(super) fn plan_whole(&mut self, link: &Link, id: &ConversationId, ticket: &TicketId) {
        let memory = self.lane.tickets.get(ticket).cloned().unwrap_or_default();
        let Some(seen) = memory.seen else {
            self.want_ticket(ticket);
            return;
        };
        if memory.hint_at.is_some() && !planted!(HintNotFollowed) {
            self.want_ticket(ticket);
            return;
        }
        self.plan_link_field(link, id, &seen);
        if self.is_unseen_since_linked(link, memory.seen_at) {
            self.want_ticket(ticket);
            return;
        }
        self.plan_state(link, id, &seen);
    }

    /// Of two moves that come together the first may never be planned on: a ticket that was closed when its
    /// Link agreed on it, and was open since, was closed by a move of its own.
    pub(super) fn was_open_since(&mut self, ticket: &TicketId, open: Status) {
        let mapping = self.rules.mapping;
        let live = self.live_link_of_ticket(ticket).filter(|l| l.is_whole());
        let Some((id, talk)) =
            live.and_then(|l| Some((l.id.clone(), l.conversation_id()?.clone())))
        else {
            return;
        };
        if !self.is_active(&talk) {
            return;
        }
        if self.gave_up_close(&id) {
            self.next_close_is_another(&id);
        }
        let agreed = self.lane.link_mut(&id).and_then(|l| l.agreed.as_mut());
        let closed_there =
            |agreed: &&mut Agreed| !agreed.conversation_closed && mapping.closes(&agreed.status);
        if let Some(agreed) = agreed.filter(closed_there) {
            agreed.status = open;
        }
    }

    /// Until the Link stood in the store, what was told of the ticket may have gone to the Lane of
    /// another requester. A link field that was taken speaks for the ticket as it was seen; where it
    /// was not, a read must.
    fn is_unseen_since_linked(&self, link: &Link, seen_at: Option<Timestamp>) -> bool {
        let of_link = self.lane.intents.iter().filter(|i| i.link == link.id);
        let mut writes =
            of_link.filter(|i| matches!(i.operation(), Operation::Start | Operation::LinkField));
        let taken_or_coming = link.link_field_written
            || writes
                .clone()
                .any(|i| i.operation() == Operation::LinkField && i.state.is_open());
        let stood = writes.find_map(|i| i.first_sent_at);
        !taken_or_coming && stood.is_some_and(|stood| seen_at.is_none_or(|seen| seen < stood))
    }

    fn plan_link_field(&mut self, link: &Link, id: &ConversationId, seen: &Ticket) {
        if link.link_field_written {
            if !planted!(LateFieldWritten) {
                self.mend_link_field(link, id, seen);
            }
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
                // A merge moves the Link to another ticket, whose field is another write.
                &format!("conversation {id} on ticket {}", seen.id),
                effect,
                "the ticket's link field",
            );
        }
    }

    /// Until two Lanes of one customer were joined, neither knew of the other's write: a late one, of a
    /// conversation that is over, may lie over this one's. It is written again, once for each.
    fn mend_link_field(&mut self, link: &Link, id: &ConversationId, seen: &Ticket) {
        let writes: Vec<&Intent> = self
            .lane
            .intents
            .iter()
            .filter(|i| writes_field(i, seen))
            .collect();
        let own = writes.iter().filter(|i| i.link == link.id);
        let Some((sent, done)) = own.map(|i| (i.sent_at, i.confirmed_at)).max() else {
            return;
        };
        let later = |i: &&&Intent| {
            let at_once = i.confirmed_at.map(|at| at.plus(OUR_CLOCKS_APART)) > sent;
            let cause = format!("set after {}", i.link);
            let mended = |own: &Intent| own.link == link.id && wish(&own.cause) == cause;
            let mended = self.lane.intents.iter().any(mended);
            i.link != link.id && at_once && !names(i, id) && !mended
        };
        let late = writes.iter().find(later);
        let Some((other, late_at, over)) =
            late.map(|i| (i.link.clone(), i.confirmed_at, (*i).clone()))
        else {
            return;
        };
        let cause = format!("set after {other}");
        let seen_at = self.lane.tickets.get(&seen.id).and_then(|m| m.seen_at);
        let since = done.max(late_at);
        if seen_at < since {
            return self.want_ticket_since(&seen.id, since);
        }
        let hidden = seen
            .link_field
            .as_ref()
            .is_some_and(|talk| names(&over, talk));
        if hidden && !self.rules.mapping.vocabulary().is_final(&seen.status) {
            let effect = Effect::WriteLinkField {
                ticket: seen.id.clone(),
                conversation: id.clone(),
            };
            self.ensure(&link.id, &cause, effect, "the ticket's link field");
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
        if closed.is_some()
            && !agreed.conversation_closed
            && self.must_look_first(id, &seen.id)
            && !planted!(ConflictNotLooked)
        {
            return self.want_ticket(&seen.id);
        }
        match merge(&agreed, sides, self.rules.mapping) {
            Verdict::Agree(now_agreed) => {
                self.withdraw(&link.id, Operation::Close, None);
                if now_agreed.conversation_closed {
                    self.withdraw(&link.id, Operation::Status, None);
                } else {
                    self.forget_parked_close(&link.id);
                }
                self.agree(&link.id, now_agreed);
            }
            Verdict::SetStatus { .. } if self.rules.capabilities.only_creates => {
                self.agree_that_it_is_over(&link.id, seen);
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
                // The conversation is over all the same: only a start or a create holds its Link (rule 12).
                let set_aside = |i: &Intent| {
                    i.link == link.id
                        && wish(&i.cause) == cause
                        && matches!(i.state, IntentState::Parked | IntentState::Refused)
                };
                if self.lane.intents.iter().any(set_aside) {
                    self.agree_that_it_is_over(&link.id, seen);
                }
            }
        }
    }

    fn agree_that_it_is_over(&mut self, link: &LinkId, seen: &Ticket) {
        let agreed = Agreed {
            conversation_closed: true,
            status: seen.status.clone(),
        };
        self.agree(link, agreed);
    }

    /// What a planted bug does: the status that both sides agreed on is set although the ticket has it.
    pub(super) fn set_agreed_again(&mut self, ticket: &TicketId, seen_at: Timestamp) {
        let live = self.live_link_of_ticket(ticket).filter(|l| l.is_whole());
        let agreed = live.and_then(|l| Some((l.id.clone(), l.agreed.as_ref()?.status.clone())));
        let Some((link, status)) = agreed else {
            return;
        };
        if !self.rules.mapping.vocabulary().is_final(&status) {
            let ticket = ticket.clone();
            let effect = Effect::SetStatus { ticket, status };
            let cause = format!("seen at {}", seen_at.0);
            self.ensure(&link, &cause, effect, "none");
        }
    }

    /// The ticket is open again, so a close that waits for a person is no longer wanted; the next one
    /// is another. So it is after one that a person gave up.
    fn forget_parked_close(&mut self, link: &LinkId) {
        if self.gave_up_close(link) {
            return self.next_close_is_another(link);
        }
        let parked = |i: &&Intent| {
            &i.link == link && i.operation() == Operation::Close && i.state == IntentState::Parked
        };
        let found = self.lane.intents.iter().find(parked);
        let Some((id, effect)) = found.map(|i| (i.id.clone(), i.effect.clone())) else {
            return;
        };
        if let Some(intent) = self.lane.intent_mut(&id) {
            intent.state = IntentState::Withdrawn;
            intent.parked = None;
        }
        self.next_close_is_another(link);
        let sentence = format!("No longer wanted, as the ticket is open again: {effect}");
        self.lane
            .journal_intent(&id, EntryKind::Decision, sentence, self.now);
    }

    /// Whether a person gave the close up that this generation of the Link wanted.
    fn gave_up_close(&self, link: &LinkId) -> bool {
        let cause = self.lane.link(link).map(|l| format!("g{}", l.generation));
        self.lane.intents.iter().any(|i| {
            &i.link == link
                && i.operation() == Operation::Close
                && i.state == IntentState::Refused
                && cause.as_deref() == Some(wish(&i.cause))
        })
    }

    fn next_close_is_another(&mut self, link: &LinkId) {
        if let Some(link) = self.lane.link_mut(link) {
            link.generation = link.generation.saturating_add(1);
        }
        self.changed = true;
    }

    /// Where the conversation wins over a ticket that moved too, it is looked whether it did: what a
    /// webhook on its way has to tell must not depend on when it comes.
    fn must_look_first(&self, id: &ConversationId, ticket: &TicketId) -> bool {
        let since = self
            .lane
            .conversations
            .get(id)
            .and_then(|m| m.closed_known_at);
        let looked = self.lane.tickets.get(ticket).and_then(|m| m.read_at);
        self.rules.mapping.on_conflict == OnConflict::Conversation
            && !self.rules.capabilities.only_creates
            && since.is_some_and(|since| looked.is_none_or(|at| at < since))
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
    pub(super) fn plan_late_message(&mut self, link: &Link) {
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
        let (Some(wrote), Some(ended)) = (memory.last_message_at, self.ended_at(id)) else {
            return;
        };
        let latest = self
            .latest_link_of_ticket(ticket)
            .is_some_and(|l| l.id == link.id);
        let there = self.lane.tickets.get(ticket).filter(|m| !m.gone);
        let Some(seen) = there.and_then(|m| m.seen.as_ref()) else {
            return;
        };
        let vocabulary = mapping.vocabulary();
        let solved = !vocabulary.is_open(&seen.status) && !vocabulary.is_final(&seen.status);
        let after = wrote > ended || planted!(LateDeliveryReopens);
        let late = after && wrote.since(ended) <= mapping.reopen_within;
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

    /// When a conversation ended, by Jelou's clock; where nothing told of our own close but its
    /// answer, when that came.
    fn ended_at(&self, id: &ConversationId) -> Option<Timestamp> {
        let told = self.lane.conversations.get(id)?.seen.ended_at;
        told.or_else(|| {
            let ours = |i: &&Intent| matches!(&i.effect, Effect::CloseConversation(c) if &c.conversation == id);
            self.lane.intents.iter().find(ours)?.confirmed_at
        })
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
}

/// Whether an Intent wrote a ticket's link field.
fn writes_field(intent: &Intent, ticket: &Ticket) -> bool {
    let of_ticket =
        matches!(&intent.effect, Effect::WriteLinkField { ticket: t, .. } if *t == ticket.id);
    of_ticket && intent.state == IntentState::Confirmed
}

/// Whether an Intent writes this conversation into a link field.
fn names(intent: &Intent, talk: &ConversationId) -> bool {
    matches!(&intent.effect, Effect::WriteLinkField { conversation, .. } if conversation == talk)
}
