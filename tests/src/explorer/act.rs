//! What happens, happens here: one action makes the next state. Neighbours: world, which says what
//! can happen; router and worker, whose acts these are.

use super::{
    laws::Broken,
    part::Part,
    router::dedup,
    setting::{Deed, Flaw, Setting},
    worker::How,
    world::{Action, Hook, Replica, World},
};
use bridge_core::{
    event::{Event, Side},
    ids::{ConversationId, TicketId},
    ticket::Status,
};
use jelou_bridge::store::{NewDelivery, Recorded, Source};
use std::{collections::BTreeMap, time::Duration};

impl World {
    /// The state after an action.
    ///
    /// # Errors
    /// The law that the action broke.
    pub fn after(&self, action: Action, setting: &Setting) -> Result<Self, Broken> {
        let mut next = self.clone();
        next.happen(action, setting)?;
        next.check(setting)?;
        Ok(next)
    }

    fn happen(&mut self, action: Action, setting: &Setting) -> Result<(), Broken> {
        match action {
            Action::Deed(hand) => {
                if let Some(deed) = self.next_deed(setting, hand) {
                    self.deed(deed, setting);
                    if let Some(done) = self.done.get_mut(usize::from(hand)) {
                        *done += 1;
                    }
                }
            }
            Action::Arrives(at) => self.arrive(at, false, setting),
            Action::ArrivesTwice(at) => {
                self.left.twice -= 1;
                self.arrive(at, true, setting);
            }
            Action::Lost(at) => {
                self.left.lost -= 1;
                let hook = self.hooks.remove(usize::from(at));
                self.lost.push(hook.event);
            }
            Action::HeldUp(at) => {
                self.left.late -= 1;
                let mut hook = self.hooks.remove(usize::from(at));
                hook.late = Some(self.now);
                self.fly(hook);
            }
            Action::Stores(at) => {
                let hook = self.unstored.remove(usize::from(at));
                self.store_hook(hook, setting);
            }
            Action::Takes(r) => {
                let routing = self.take(usize::from(r), setting);
                if let Some(replica) = self.replicas.get_mut(usize::from(r)) {
                    replica.routing = routing.map(Part::new);
                }
            }
            Action::Reads(r) => self.read_for(usize::from(r), false, setting),
            Action::ReadFails(r) => {
                self.left.cuts -= 1;
                self.read_for(usize::from(r), true, setting);
            }
            Action::Routes(r) => self.route(usize::from(r)),
            Action::Claims(r) => return self.claim(usize::from(r), setting),
            Action::Acts(r) => return self.act(usize::from(r), How::Well, setting),
            Action::CutBefore(r) => {
                self.left.cuts -= 1;
                return self.act(usize::from(r), How::CutBefore, setting);
            }
            Action::CutAfter(r) => {
                self.left.cuts -= 1;
                return self.act(usize::from(r), How::CutAfter, setting);
            }
            Action::Sleeps(r) => {
                self.left.sleeps -= 1;
                self.sleep(usize::from(r));
            }
            Action::Dies(r) => {
                self.left.crashes -= 1;
                self.die(usize::from(r));
            }
            Action::PowerFails => self.lose_power(),
            Action::Clock => {
                if let Some(at) = self.next_moment() {
                    self.now = at;
                }
            }
        }
        Ok(())
    }

    /// Both die, and the store frees what they held.
    fn lose_power(&mut self) {
        self.left.crashes -= 1;
        self.replicas = [Replica::default(), Replica::default()];
        self.unstored.clear();
        self.store.edit().restart("a");
    }

    /// What a replica had in hand is gone. Its Router's Delivery is handed out again, as it is when
    /// the process is back; its Lane waits for the lease to run out.
    fn die(&mut self, r: usize) {
        let now = self.now;
        let Some(replica) = self.replicas.get_mut(r) else {
            return;
        };
        let dead = std::mem::take(replica);
        if let Some(routing) = dead.routing {
            self.store.edit().unroute(routing.delivery(), None, now);
        }
    }

    fn arrive(&mut self, at: u8, again: bool, setting: &Setting) {
        let hook = self.hooks.remove(usize::from(at));
        if again {
            self.fly(Hook {
                again: true,
                ..hook
            });
        }
        if setting.flaw == Flaw::AnswerBeforeStore {
            self.answered += 1;
            self.unstored.push(hook);
        } else {
            self.store_hook(hook, setting);
        }
    }

    fn store_hook(&mut self, hook: Hook, setting: &Setting) {
        let Some(event) = setting.event(hook.event) else {
            return;
        };
        let side = if event.conversation().is_some() {
            Side::Jelou
        } else {
            Side::Ticketing
        };
        let recorded = self.store.edit().record(NewDelivery {
            bridge: setting.bridge.clone(),
            side,
            source: Source::Webhook,
            dedup: Some(dedup(&event, hook.event, hook.again)),
            received_at: self.now,
            headers: BTreeMap::new(),
            body: setting.body(hook.event),
        });
        if setting.flaw != Flaw::AnswerBeforeStore && matches!(recorded, Recorded::New(_)) {
            self.answered += 1;
        }
    }

    /// A webhook sets out.
    pub(super) fn tell(&mut self, event: Event, setting: &Setting) {
        let event = setting.number(event);
        self.fly(Hook {
            event,
            late: None,
            again: false,
        });
    }

    fn fly(&mut self, hook: Hook) {
        let at = self.hooks.partition_point(|other| *other < hook);
        self.hooks.insert(at, hook);
    }

    /// A person does something. Their clocks go on by it.
    pub(super) fn deed(&mut self, deed: Deed, setting: &Setting) {
        self.now = self.now.plus(Duration::from_millis(1));
        let now = self.now;
        let phone = setting.spelled.unwrap_or(setting.ana.as_str());
        let event = match deed {
            Deed::Asks(id) => self
                .desk
                .edit()
                .make(id, phone, &["whatsapp"], setting, now)
                .map(|(_, e)| Some(e)),
            Deed::Makes(id) => self
                .desk
                .edit()
                .make(id, phone, &[], setting, now)
                .map(|(_, e)| Some(e)),
            Deed::Tags(id) => TicketId::parse(id).map(|id| {
                self.desk.edit().change(&id, false, setting, now, |record| {
                    record.ticket.tags = vec!["whatsapp".to_owned()];
                })
            }),
            Deed::Sets(id, status) => TicketId::parse(id).map(|id| {
                self.desk.edit().change(&id, false, setting, now, |record| {
                    record.ticket.status = Status::new(status);
                })
            }),
            Deed::Begins(id) => {
                let user = setting.ana.clone();
                let begun = self.jelou.edit().begin(id, user, (None, None), now);
                begun.map(|(_, event)| Some(event))
            }
            Deed::Writes(message) => Ok(self
                .latest_talk()
                .and_then(|talk| self.jelou.message(&talk, message, now))),
            Deed::Ends(reason) => {
                let talk = self
                    .jelou
                    .active(&setting.ana)
                    .map(|talk| talk.seen.id.clone());
                Ok(talk.and_then(|talk| self.jelou.edit().end(&talk, reason, now)))
            }
        };
        if let Ok(Some(event)) = event {
            self.tell(event, setting);
        }
    }

    fn latest_talk(&self) -> Option<ConversationId> {
        let talks = self.jelou.talks.values();
        let latest = talks.max_by_key(|talk| (talk.seen.started_at, &talk.seen.id));
        latest.map(|talk| talk.seen.id.clone())
    }
}
