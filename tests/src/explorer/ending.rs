//! What must hold when nothing more happens: all is settled; after a sweep both sides agree; after
//! another nothing is written. Neighbours: laws, about every state; the daemon's `jobs::sweep`, whose
//! round this is.

use super::{
    laws::{Broken, had_talk, has_ticket, may_rest, parked},
    setting::{Left, Setting},
    world::{Action, World},
};
use bridge_core::{
    effect::Operation,
    event::{ConversationClosed, Event, Side, TicketChanged},
    ids::LinkId,
    intent::IntentState,
    ticket::{TicketPatch, Version},
};
use jelou_bridge::store::{NewDelivery, Source};
use std::{collections::BTreeMap, time::Duration};

/// More acts than this in a quiet world is going on for ever.
const ACTS_MAX: u32 = 2_000;

impl World {
    /// Lets all that is to be done be done, without any trouble, in one fixed order.
    ///
    /// # Errors
    /// The law that was broken on the way.
    pub fn drain(&mut self, setting: &Setting) -> Result<(), Broken> {
        self.left = Left::default();
        for _ in 0..ACTS_MAX {
            let actions = self.actions(setting);
            let Some(action) = actions.into_iter().find(|a| !matches!(a, Action::Deed(_))) else {
                return Ok(());
            };
            *self = self.after(action, setting)?;
        }
        Err(Broken::of(
            "ends",
            "a quiet world does not come to rest".to_owned(),
        ))
    }

    /// The laws of an end.
    ///
    /// # Errors
    /// The law that is broken.
    pub fn check_end(&self, setting: &Setting) -> Result<(), Broken> {
        self.all_is_settled()?;
        let mut world = self.clone();
        // Two rounds: what the first finds may show what the second is to look at.
        for _ in 0..2 {
            world.sweep(setting);
            world.drain(setting)?;
        }
        world.all_is_settled()?;
        world.sides_agree(self.left, setting)?;
        let written = (world.jelou.writes, world.desk.writes);
        for round in 1..=2 {
            world.sweep(setting);
            world.drain(setting)?;
            if (world.jelou.writes, world.desk.writes) != written {
                let what = format!("sweep {round} after all was settled wrote");
                return Err(Broken::of("fixpoint", what));
            }
        }
        Ok(())
    }

    fn all_is_settled(&self) -> Result<(), Broken> {
        for delivery in self.store.deliveries() {
            if !matches!(delivery.state, "settled" | "ignored") {
                let what = format!("delivery {} is {}", delivery.id, delivery.state);
                return Err(Broken::of("settled", what));
            }
        }
        for lane in self.store.lanes() {
            for intent in &lane.intents {
                if intent.state.is_open() && !may_rest(intent) {
                    let what = format!(
                        "intent {} is {}: {}",
                        intent.id,
                        intent.state.as_str(),
                        intent.effect
                    );
                    return Err(Broken::of("at_rest", what));
                }
            }
        }
        Ok(())
    }

    fn sides_agree(&self, left: Left, setting: &Setting) -> Result<(), Broken> {
        let parked = parked(self);
        // A cut may leave what nobody can find out; two conversations of one customer are a matter
        // for a person, and so is one that does not end in a day, or one for which Jelou refuses
        // another and that no webhook told of in time.
        let unheard = !self.lost.is_empty() || left.late < setting.left.late;
        let cut = left.cuts < setting.left.cuts;
        let excused = |operation: Operation, reason: &str| {
            matches!(reason, "two_conversations" | "busy_timeout")
                || cut
                || unheard && operation == Operation::Start && reason == "refused"
        };
        if let Some((operation, reason)) = parked
            .iter()
            .find(|(operation, reason)| !excused(*operation, reason))
        {
            return Err(Broken::of(
                "parked",
                format!("a {operation} waits for a person: {reason}"),
            ));
        }
        let asked = self.links_with_parked();
        for lane in self.store.lanes() {
            for link in lane
                .links
                .iter()
                .filter(|l| l.is_live() && !asked.contains(&l.id))
            {
                let (Some(talk), Some(ticket)) = (link.conversation_id(), link.ticket_id()) else {
                    continue;
                };
                if self
                    .jelou
                    .talks
                    .get(talk)
                    .is_none_or(|talk| !talk.is_active())
                {
                    return Err(Broken::of(
                        "agreed",
                        format!("{talk} of {ticket} is over and its link lives"),
                    ));
                }
                let Some(record) = self.desk.records.get(ticket) else {
                    continue;
                };
                let status = &record.ticket.status;
                let began_so = link
                    .agreed
                    .as_ref()
                    .is_some_and(|agreed| agreed.status == *status);
                if setting.mapping.closes(status) && !began_so {
                    return Err(Broken::of(
                        "agreed",
                        format!("{ticket} is {status} and {talk} goes on"),
                    ));
                }
            }
        }
        if parked.is_empty() {
            self.all_are_served(setting)
        } else {
            Ok(())
        }
    }

    fn links_with_parked(&self) -> Vec<LinkId> {
        let mut asked = Vec::new();
        for lane in self.store.lanes() {
            let parked = lane
                .intents
                .iter()
                .filter(|i| i.state == IntentState::Parked);
            asked.extend(parked.map(|i| i.link.clone()));
        }
        asked
    }

    fn all_are_served(&self, setting: &Setting) -> Result<(), Broken> {
        for record in self.desk.records.values() {
            let ticket = &record.ticket;
            let asks = ticket.tags.iter().any(|tag| tag == "whatsapp") && record.made_by.is_none();
            let is_open = !setting.mapping.closes(&ticket.status);
            let waits = self.store.lanes().any(|lane| {
                let mut links = lane.links.iter();
                links.any(|l| l.ticket_id() == Some(&ticket.id) && l.is_live())
            });
            // A customer who is busy is not waited for where the mapping says so: the ticket is told.
            let told = !record.notes.is_empty();
            if asks && is_open && !told && !waits && !had_talk(self, &ticket.id) {
                return Err(Broken::of(
                    "served",
                    format!("{} asks and was never answered", ticket.id),
                ));
            }
        }
        for talk in self
            .jelou
            .talks
            .values()
            .filter(|talk| talk.intent.is_none())
        {
            // A start that was lost can be listed by no call.
            let unheard = self.lost.iter().any(|number| {
                let event = setting.event(*number);
                event.as_ref().and_then(Event::conversation_id) == Some(&talk.seen.id)
            });
            if !unheard && !has_ticket(self, &talk.seen.id) {
                return Err(Broken::of(
                    "served",
                    format!("{} never got its ticket", talk.seen.id),
                ));
            }
        }
        Ok(())
    }

    /// One full round over both sides, a minute later. What it finds goes the way of a webhook.
    fn sweep(&mut self, setting: &Setting) {
        self.now = self.now.plus(Duration::from_secs(60));
        let begun = self.now;
        let mut found = Vec::new();
        for record in self.desk.records.values() {
            let ticket = &record.ticket;
            let key = match ticket.version {
                Version::None => format!("{}:{}", ticket.id, begun.0),
                Version::Monotonic { .. } | Version::Time { .. } => {
                    let content = super::part::hash_of(ticket);
                    format!("{}:{}:{content:x}", ticket.id, ticket.version.key())
                }
            };
            let event = Event::TicketChanged(TicketChanged {
                ticket: ticket.id.clone(),
                version: ticket.version,
                whole: Some(Box::new(ticket.clone())),
                patch: TicketPatch::default(),
                by_us: false,
                at: None,
                read_at: Some(begun),
                last_lane: None,
            });
            found.push((Side::Ticketing, key, event));
        }
        for (_, id) in self
            .store
            .conversations_to_look_at(&setting.bridge, begun, 100)
        {
            let Ok(conversation) = self.jelou.read(&id) else {
                continue;
            };
            if conversation.state.is_closed() {
                let at = conversation.ended_at.unwrap_or(begun);
                let event = Event::ConversationClosed(ConversationClosed {
                    conversation,
                    at,
                    found_by_sweep: true,
                });
                found.push((Side::Jelou, format!("closed:{id}"), event));
            }
            self.store.edit().looked_at(&setting.bridge, &[id], begun);
        }
        for (side, key, event) in found {
            let number = setting.number(event);
            self.store.edit().record(NewDelivery {
                bridge: setting.bridge.clone(),
                side,
                source: Source::Sweep,
                dedup: Some(format!("sweep:{key}")),
                received_at: begun,
                headers: BTreeMap::new(),
                body: setting.body(number),
            });
        }
    }
}
