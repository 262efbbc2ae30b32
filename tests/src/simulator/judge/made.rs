//! What starts and creates made: not too many, of a ticket, a customer or a conversation. Neighbour: `judge`,
//! which hands over each that was done.

use super::{CLOCKS_APART, Law};
use crate::simulator::world::World;
use bridge_core::{
    call::Resolve,
    effect::{Effect, StartConversation},
    ids::{ConversationId, IntentId, TicketId},
    intent::Intent,
    link::Link,
};
use bridge_remotes::jelou::Talk;
use std::collections::BTreeSet;

impl World {
    pub(super) fn judge_start(&mut self, intent: &Intent, conversation: &ConversationId) {
        // A backup may have forgotten the flag, and what it stands for is done.
        let flagged = intent.possible_duplicate || self.judge.flagged.contains(&intent.id);
        let Effect::StartConversation(start) = &intent.effect else {
            return;
        };
        let made = self.judge.started.entry(intent.id.clone()).or_default();
        let before = made.len();
        made.entry(conversation.clone()).or_insert(flagged);
        let many = made.len();
        // A later try that only returned what an earlier one had made begins nothing: the words in it
        // have waited since that one (rule 8).
        if many > before {
            let begun = self.judge.begun.entry(conversation.clone());
            begun.or_insert(self.now);
            let answered = (self.now, intent.link.clone());
            self.judge.served.insert(start.ticket.clone(), answered);
        }
        self.judge.asks(Law::CreatedOnce);
        if self.judge.is_too_many(many) && !flagged {
            let what = format!("{} made {many} conversations and no flag", intent.id);
            self.judge.breach(Law::CreatedOnce, what);
        }
        if self.judge.done_in_vain(&intent.id, self.now) && self.judge.restored.is_empty() {
            let what = format!("{} was done again although it was told of", intent.id);
            return self.judge.breach(Law::CreatedOnce, what);
        }
        // Until Jelou has answered, nobody can know that two spellings are one customer.
        self.judge
            .asked_for
            .insert(conversation.clone(), start.user.clone());
        self.judge_open_talks(start, flagged);
    }

    /// Of a ticket, and of a customer, one conversation of ours is open; each law is excused by what concerns that
    /// ticket or that customer.
    fn judge_open_talks(&mut self, start: &StartConversation, flagged: bool) {
        let going = || {
            let talks = self.jelou.talks.values();
            talks
                .filter(|t| t.is_active() && t.intent.is_some())
                .filter(|t| !t.intent.as_ref().is_some_and(|i| self.is_mistaken(i)))
                // One that Jelou twice does not know counts as ended, though it goes on.
                .filter(|t| !self.counts_as_over(&t.conversation.id))
        };
        let of_ticket: Vec<&Talk> = going()
            .filter(|t| t.ticket.as_ref() == Some(&start.ticket))
            .collect();
        let of_user: Vec<&Talk> = going()
            .filter(|t| self.judge.asked_for.get(&t.conversation.id) == Some(&start.user))
            .collect();
        let is_by = |talks: &[&Talk], some: &BTreeSet<IntentId>| {
            let mut by = talks.iter().filter_map(|t| t.intent.as_ref());
            by.any(|intent| some.contains(intent))
        };
        let doubled = |talks: &[&Talk]| flagged || is_by(talks, &self.judge.flagged);
        // A person may untie a ticket that is another customer's by now; where the ticket counts as gone, nobody
        // closes what it had.
        let has_it = |l: &Link| {
            let has_talk = |t: &&Talk| l.conversation_id() == Some(&t.conversation.id);
            l.ticket_id() == Some(&start.ticket) || of_ticket.iter().any(has_talk)
        };
        let ticket_excused = doubled(&of_ticket)
            || self.was_decided_of(has_it)
            || self.counts_as_gone(&start.ticket);
        // A parked start holds its own Link only (rule 12).
        let user_excused = doubled(&of_user)
            || is_by(&of_user, &self.judge.parked)
            || self.was_decided_for(&start.user);
        let (of_ticket, of_user) = (of_ticket.len(), of_user.len());
        match ticket_excused {
            true => self.judge.excuses(Law::OneTalkPerTicket),
            false => self.judge.asks(Law::OneTalkPerTicket),
        }
        match user_excused {
            true => self.judge.excuses(Law::OneTalkPerLane),
            false => self.judge.asks(Law::OneTalkPerLane),
        }
        if self.judge.is_too_many(of_ticket) && !ticket_excused {
            let what = format!("{of_ticket} open conversations of {}", start.ticket);
            return self.judge.breach(Law::OneTalkPerTicket, what);
        }
        if self.judge.is_too_many(of_user) && !user_excused {
            let what = format!("{of_user} open conversations of one customer");
            self.judge.breach(Law::OneTalkPerLane, what);
        }
    }

    /// Whether rule 5 gave this start a conversation of the customer's own, because no event told of
    /// either and the times allow it: then nobody can know of the start's own.
    fn is_mistaken(&self, start: &IntentId) -> bool {
        let Some((talk, sent)) = self.judge.by_time.get(start) else {
            return false;
        };
        let talk = self.jelou.talks.get(talk);
        let began = talk.and_then(|t| t.conversation.started_at);
        talk.is_some_and(|t| t.intent.as_ref() != Some(start))
            && began.is_some_and(|at| at >= sent.minus(CLOCKS_APART))
    }

    pub(super) fn judge_create(&mut self, intent: &Intent, ticket: &TicketId) {
        let knows = match self.shape.create {
            Resolve::IdempotencyKey
            | Resolve::Idempotent
            | Resolve::DirectLookup
            | Resolve::LaggingSearch { .. } => true,
            Resolve::EventConfirm | Resolve::None => false,
        };
        let flagged = intent.possible_duplicate && !knows;
        let Effect::CreateTicket(create) = &intent.effect else {
            return;
        };
        let made = self.judge.created.entry(intent.link.clone()).or_default();
        made.entry(ticket.clone()).or_insert(flagged);
        let talk = create.conversation.clone();
        let given = &self.judge.given;
        let made = self.judge.created_for.entry(talk).or_default();
        made.insert(ticket.clone());
        let looked_up = matches!(
            self.shape.create,
            Resolve::DirectLookup | Resolve::LaggingSearch { .. }
        );
        let user_of = |talk: &ConversationId| {
            let talk = self.jelou.talks.get(talk);
            talk.map(|t| self.jelou.canonical(t.conversation.user.as_str()))
        };
        let own = user_of(&create.conversation);
        // One that people gave to another customer meanwhile is found by no look-up, nor is one that another
        // customer's conversation named and was written on.
        let names_it = |id: &&TicketId| {
            let record = self.desk.records.get(*id);
            record.is_some_and(|r| {
                let field = r.ticket.link_field.as_ref();
                let over = looked_up && field.is_some_and(|talk| user_of(talk) != own);
                field == Some(&create.conversation) || r.gone && !given.contains(*id) && !over
            })
        };
        let many = made.iter().filter(names_it).count();
        let law = match self.judge.restored.is_empty() {
            true => Law::OneTicketPerTalk,
            false => Law::NoSecondUndo,
        };
        self.judge.asks(law);
        if self.judge.is_too_many(many) && !flagged {
            let what = format!("{many} tickets were made for {}", create.conversation);
            self.judge.breach(law, what);
        }
    }
}
