//! What people do, what the world does to the processes, and what operators order. Neighbours:
//! `history`, which drew it; `hooks`, which tell of it.

use super::{
    fault::Fault,
    history::{Act, PEOPLE},
    queue::{Happening, ReplicaId},
    witness::TAG,
    world::World,
};
use bridge_core::{
    effect::Operation,
    event::Side,
    ids::{ConversationId, DeliveryId, IntentId, LaneId, LinkId, TicketId},
    intent::{Intent, IntentState},
    lane::{Mode, Order},
    ticket::Status,
    time::Timestamp,
};
use jelou_bridge::{
    gate::Gate,
    store::{ParkedFilter, ParkedKind, Wake},
};
use std::time::Duration;

/// What a ticket may be set to.
const STATUSES: [&str; 5] = ["open", "pending", "solved", "solved", "closed"];

/// What a conversation may end for.
const REASONS: [&str; 3] = ["closed_by_operator", "expired", "x"];

/// Claims that do not end hold up the turn to live no longer than this, as in the daemon's `reload`.
const CLAIMS_WITHIN: Duration = Duration::from_secs(15);

/// A process that was told to stop ends what is under way within this, as in the daemon's `jobs`.
const STOP_WITHIN: Duration = Duration::from_secs(8);

/// One of these, by a number.
fn chosen<T>(mut all: Vec<T>, by: u8) -> Option<T> {
    let many = all.len();
    (many > 0).then(|| all.swap_remove(usize::from(by) % many))
}

fn customer(by: u8) -> String {
    format!("59390000000{}", 1 + u64::from(by) % PEOPLE)
}

impl World {
    /// Something happens.
    pub fn act(&mut self, act: Act) {
        match act {
            Act::Ask(who) => self.make(who, "open", &["whatsapp"]),
            Act::Make(who) => self.make(who, "new", &[]),
            Act::Tag(which) => {
                if let Some(ticket) = chosen(self.open_tickets(), which) {
                    // Half of the time it is taken off again, where it is.
                    let off = which % 2 == 1;
                    self.change(&ticket, |t| {
                        let had = std::mem::take(&mut t.tags);
                        if had.is_empty() || !off {
                            t.tags = vec!["whatsapp".to_owned()];
                        }
                    });
                }
            }
            Act::Begin(who) => self.begin(who),
            Act::Write(which) => {
                if let Some(talk) = chosen(self.active(), which) {
                    self.write(&talk, 0);
                }
            }
            Act::Late(which, ago) => {
                let known: Vec<_> = self.jelou.talks.keys().cloned().collect();
                if let Some(talk) = chosen(known, which) {
                    self.write(&talk, ago);
                }
            }
            Act::End(which, why) => {
                if let Some(talk) = chosen(self.active(), which) {
                    let reason = REASONS[usize::from(why) % REASONS.len()];
                    let event = self.jelou.end(&talk, reason, self.now);
                    self.tell(&event);
                }
            }
            Act::Set(which, what) => {
                if let Some(ticket) = chosen(self.open_tickets(), which) {
                    let status = Status::new(STATUSES[usize::from(what) % STATUSES.len()]);
                    self.change(&ticket, |t| t.status = status);
                    if let Some(event) = self.desk.automate(&ticket, self.now) {
                        self.faults.fire(Fault::Automation);
                        self.tell(&event);
                    }
                }
            }
            Act::Show(which) => {
                if let Some(talk) = chosen(self.active(), which) {
                    self.show(&talk);
                }
            }
            Act::Say(which, how) => {
                if let Some(ticket) = chosen(self.open_tickets(), which) {
                    self.say(&ticket, how);
                }
            }
            Act::Urge(which) => {
                if let Some(ticket) = chosen(self.open_tickets(), which) {
                    self.urge(&ticket);
                }
            }
            Act::Home => self.spoken.go_home_or_come_back(self.now),
            Act::Trouble(fault, by) => self.trouble(fault, by),
        }
    }

    fn make(&mut self, who: u8, status: &str, tags: &[&str]) {
        let (_, event) = self
            .desk
            .make(&customer(who), status, tags, false, self.now);
        self.tell(&event);
    }

    fn begin(&mut self, who: u8) {
        let user = customer(who);
        if self.jelou.active(&user).is_some() {
            return;
        }
        // Some conversations name a ticket in their metadata, and no intent of ours.
        let named = (who % 8 == 7).then(|| chosen(self.open_tickets(), who / 8));
        let (begun, event) = self.jelou.begin(&user, named.flatten(), None, self.now);
        self.heard_from(&begun, self.now);
        if self.jelou.spelled.contains_key(&user) {
            self.faults.fire(Fault::TwoSpellings);
        }
        self.tell(&event);
    }

    fn write(&mut self, talk: &ConversationId, seconds_ago: u8) {
        self.messages += 1;
        let message = format!("m{}", self.messages);
        let at = self.now.minus(Duration::from_secs(seconds_ago.into()));
        let event = self.jelou.message(talk, &message, at);
        self.heard_from(talk, at);
        self.tell(&event);
    }

    pub(super) fn change(
        &mut self,
        ticket: &TicketId,
        change: impl FnOnce(&mut bridge_core::ticket::Ticket),
    ) {
        let event = self.desk.change(ticket, false, self.now, change);
        self.tell(&event);
    }

    /// A ticket changed: whether it was closed, and since when it asks for a conversation, is kept in mind.
    pub(super) fn is_changed(&mut self, ticket: &TicketId) {
        let Some(record) = self.desk.records.get(ticket) else {
            return;
        };
        if self.mapping.closes(&record.ticket.status) {
            self.judge.once_closed.insert(ticket.clone());
        }
        if record.ticket.tags.iter().any(|tag| tag == TAG) {
            let since = self.judge.asks_since.entry(ticket.clone());
            since.or_insert(self.now);
        } else {
            self.judge.asks_since.remove(ticket);
        }
    }

    fn open_tickets(&self) -> Vec<TicketId> {
        let records = self.desk.records.values();
        records
            .filter(|r| !r.gone && r.ticket.status.as_str() != "closed")
            .map(|r| r.ticket.id.clone())
            .collect()
    }

    fn active(&self) -> Vec<ConversationId> {
        let talks = self.jelou.talks.values();
        talks
            .filter(|t| t.is_active())
            .map(|t| t.conversation.id.clone())
            .collect()
    }

    fn trouble(&mut self, fault: Fault, by: u8) {
        let for_a_while = self.now.plus(Duration::from_secs(5 + u64::from(by)));
        let side = [Side::Jelou, Side::Ticketing][usize::from(by) % 2];
        let done = match fault {
            Fault::SideDown => self.down_until.insert(side, for_a_while).is_none(),
            Fault::CredentialRefused => self.locked_until.insert(side, for_a_while).is_none(),
            Fault::ClockSetBack => self.set_clocks_back(by),
            Fault::AnswersLost => self.mute_until.insert(side, for_a_while).is_none(),
            Fault::StoreRefuses => {
                self.store_down_until = self.now.plus(Duration::from_millis(u64::from(by) * 60));
                true
            }
            Fault::Restart => {
                for replica in 0..self.replicas.len() {
                    self.crash(replica);
                }
                true
            }
            Fault::MappingSwapped => {
                let now_is = self.policy(usize::from(by));
                let former = std::mem::replace(&mut self.mapping, now_is);
                self.former.push((self.now, former));
                self.wake_all();
                true
            }
            Fault::ObserveFirst => self.go_live(),
            Fault::BackupRestored => self.restore_backup(),
            Fault::LateMessage => self.late_message(by),
            Fault::RequesterChanged => self.other_requester(by),
            Fault::ParkedRetried | Fault::ParkedDiscarded => self.decide(fault, by),
            Fault::Unlinked => self.unlink(by),
            Fault::Merged => self.merge(by),
            Fault::Deleted => self.delete(by),
            Fault::Pruned => {
                let before = self.clock(0).minus(Duration::from_secs(120));
                let pruned = self.store.prune(before);
                pruned.deliveries + pruned.messages + pruned.intents > 0
            }
            Fault::HaltTripped => {
                self.release_halt();
                false
            }
            // These are of the world's shape, or happen by chance.
            _ => false,
        };
        if done {
            self.faults.fire(fault);
        }
    }

    fn late_message(&mut self, by: u8) -> bool {
        let talks = self.jelou.talks.values();
        let ended = talks
            .filter(|t| !t.is_active())
            .map(|t| t.conversation.id.clone())
            .collect();
        let Some(talk) = chosen(ended, by) else {
            return false;
        };
        self.write(&talk, by / 4);
        true
    }

    fn other_requester(&mut self, by: u8) -> bool {
        let Some(ticket) = chosen(self.open_tickets(), by) else {
            return false;
        };
        let phone = customer(by / 2);
        let id = self.desk.requester(&phone);
        self.judge.given.insert(ticket.clone());
        self.change(&ticket, |t| {
            t.requester.id = Some(id);
            t.requester.phone = Some(bridge_core::text::Text::new(format!("+{phone}")));
            t.requester.external_id = Some(bridge_core::text::Text::new(phone));
        });
        true
    }

    fn merge(&mut self, by: u8) -> bool {
        let open = self.open_tickets();
        let (Some(one), Some(into)) = (chosen(open.clone(), by), chosen(open, by / 3)) else {
            return false;
        };
        if one == into {
            return false;
        }
        self.change(&one, |t| {
            t.status = Status::new("closed");
            t.merged_into = Some(into);
        });
        true
    }

    fn delete(&mut self, by: u8) -> bool {
        let Some(ticket) = chosen(self.open_tickets(), by) else {
            return false;
        };
        if let Some(record) = self.desk.records.get_mut(&ticket) {
            record.gone = true;
        }
        true
    }

    fn decide(&mut self, fault: Fault, by: u8) -> bool {
        let filter = ParkedFilter {
            limit: 100,
            ..ParkedFilter::default()
        };
        let retry = fault == Fault::ParkedRetried;
        let Some(item) = chosen(self.store.parked(&filter), by) else {
            return retry && self.retry_what_is_not_parked(by);
        };
        match item.kind {
            ParkedKind::Delivery { delivery, .. } if !self.store_is_down() => {
                let decided = if retry {
                    self.store.retry_delivery(delivery, self.clock(0))
                } else {
                    self.store.discard_delivery(delivery, self.clock(0))
                };
                self.ring();
                decided.is_ok()
            }
            // A Lane that was set aside broke a law already.
            ParkedKind::Delivery { .. } | ParkedKind::Lane { .. } => false,
            ParkedKind::Intent {
                intent, lane, link, ..
            } => {
                self.judge.decided.insert(link);
                let order = if retry {
                    Order::Retry { intent }
                } else {
                    Order::Discard { intent }
                };
                // Who hears nothing asks again: twice is once.
                if by.is_multiple_of(4) {
                    self.order(&lane, order.clone(), 0);
                }
                self.order(&lane, order, 0);
                true
            }
        }
    }

    /// Somebody mistakes an Intent for a parked one: nothing comes of it.
    fn retry_what_is_not_parked(&mut self, by: u8) -> bool {
        let all = self.store.lanes().flat_map(|lane| {
            let id = lane.lane.id.clone();
            let calm = |i: &Intent| i.state != IntentState::Parked;
            let ids = lane.intents.into_iter().filter(move |i| calm(i));
            ids.map(move |i| (id.clone(), i.id.clone()))
        });
        let Some((lane, intent)) = chosen(all.collect(), by) else {
            return false;
        };
        self.order(&lane, Order::Retry { intent }, 0);
        true
    }

    fn unlink(&mut self, by: u8) -> bool {
        let live: Vec<(LaneId, LinkId)> = self
            .store
            .lanes()
            .flat_map(|lane| {
                let id = lane.lane.id.clone();
                lane.links
                    .into_iter()
                    .filter(|l| l.is_live())
                    .map(move |l| (id.clone(), l.id.clone()))
            })
            .collect();
        let Some((lane, link)) = chosen(live, by) else {
            return false;
        };
        self.judge.decided.insert(link.clone());
        self.order(&lane, Order::Unlink { link }, 0);
        true
    }

    /// The bridge turns from observing to live, as soon as nothing is at work.
    pub fn go_live(&mut self) -> bool {
        if self.mode == Mode::Live || self.going_live.is_some() {
            return false;
        }
        self.going_live = Some(self.now.plus(CLAIMS_WITHIN));
        self.turn_live();
        true
    }

    /// Nothing is at work: what was observed is over, and older work is not taken up (rule 17).
    pub fn turn_live(&mut self) {
        let ready = |by: Timestamp| self.lanes.is_empty() || by <= self.now;
        if self.going_live.is_some_and(ready) {
            self.going_live = None;
            self.mode = Mode::Live;
            self.judge.live_since = Some(self.now);
            self.is_of_before();
            self.begin_bridge(0);
            self.wake_all();
        }
    }

    /// Every Lane is looked at, as after the daemon's `reload`: what a mapping or mode that has just come into force
    /// wants may be woken by nothing else.
    pub(super) fn wake_all(&mut self) {
        let now = self.clock(0);
        self.store.wake(&Wake::Bridge(self.bridge.clone()), now);
        self.ring();
    }

    /// As the daemon's `begin`.
    pub fn begin_bridge(&mut self, replica: ReplicaId) {
        let (observes, now) = (self.mode == Mode::Observe, self.clock(replica));
        self.store.begin(&self.bridge.clone(), observes, now);
        if self.store.cursor(&self.bridge, "tickets").is_none() {
            self.listed_since = now;
            let cursor = now.0.to_string();
            self.store
                .set_cursor(&self.bridge.clone(), "tickets", &cursor);
        }
    }

    /// A process is told to stop: it claims nothing more, and ends with what is under way.
    pub fn stop(&mut self, replica: ReplicaId) {
        if self.works(replica) {
            self.trace(|_| format!("process {replica} is told to stop"));
            self.replicas[replica].stops_by = Some(self.now.plus(STOP_WITHIN));
            self.soon(100, Happening::Stopped(replica));
        }
    }

    /// Ends it if nothing of it is at work any more, or it is time.
    pub fn stopped(&mut self, replica: ReplicaId) {
        let Some(by) = self.replicas[replica].stops_by else {
            return;
        };
        let works = self.lanes.values().any(|t| t.replica == replica)
            || self.routings.values().any(|r| r.replica == replica)
            || self.sweeps.values().any(|s| s.replica == replica);
        if works && self.now < by {
            return self.soon(100, Happening::Stopped(replica));
        }
        self.crash(replica);
    }

    /// A process dies, and is started again soon.
    pub fn crash(&mut self, replica: ReplicaId) {
        if !self.replicas[replica].alive {
            return;
        }
        self.trace(|_| format!("process {replica} dies"));
        self.crashes += 1;
        let alone = self.replicas.len() == 1;
        let r = &mut self.replicas[replica];
        r.alive = false;
        r.stops_by = None;
        r.look_at = None;
        r.objects.clear();
        r.listed.clear();
        r.told_until.clear();
        self.lanes.retain(|_, task| task.replica != replica);
        self.sweeps.retain(|_, sweep| sweep.replica != replica);
        let routed: Vec<_> = self
            .routings
            .values()
            .filter(|r| r.replica == replica)
            .map(|r| r.received.id)
            .collect();
        self.routings
            .retain(|_, routing| routing.replica != replica);
        if !alone {
            // What a shared store will do by a lease for the Router, as it has one for Lanes.
            for delivery in routed {
                let at = self.now.plus(super::world::LEASE);
                self.queue.plan(at, Happening::Unroute(delivery));
            }
        }
        let wait = Duration::from_millis(100 + self.timing.below(3_000));
        self.queue
            .plan(self.now.plus(wait), Happening::Rise(replica));
    }

    /// The clock that all processes go by is set back, which is done while they are down.
    fn set_clocks_back(&mut self, by: u8) -> bool {
        let millis = 3_600_000 * i64::from(2 + by % 4);
        for replica in 0..self.replicas.len() {
            self.crash(replica);
            self.replicas[replica].clock -= millis;
        }
        true
    }

    /// What waits for a moment of the clock as it was is looked at anew, and pauses begin anew, as the
    /// store on a disk does it when the clock was set back.
    fn look_at_all_anew(&mut self) {
        if self.faults.fired[Fault::ClockSetBack as usize] == 0 {
            return;
        }
        let now = self.clock(0);
        let received: Vec<DeliveryId> = self
            .store
            .deliveries()
            .filter(|d| d.state == "received")
            .map(|d| d.id)
            .collect();
        for delivery in received {
            self.store.unroute(delivery, None, now);
        }
        self.store.pauses_follow_the_clock(now);
        let talks: Vec<ConversationId> = self.jelou.talks.keys().cloned().collect();
        self.store.looked_at(&self.bridge, &talks, Timestamp(0));
        self.store.wake(&Wake::Bridge(self.bridge.clone()), now);
    }

    /// A process starts.
    pub fn rise(&mut self, replica: ReplicaId) {
        if self.replicas[replica].alive {
            return;
        }
        self.trace(|_| format!("process {replica} starts"));
        let nobody = self.replicas.iter().all(|r| !r.alive);
        if nobody {
            let owner = format!("r{}", self.crashes);
            self.store.restart(&owner);
            self.what_was_answered_is_there();
            let there = self.store.deliveries().map(|d| d.id).collect();
            self.judge.forget_all_but(&there);
        }
        let now = self.clock(replica);
        let r = &mut self.replicas[replica];
        r.alive = true;
        r.gate = Gate::default();
        for pause in self.store.pauses() {
            r.gate.restore(&pause.key, pause.wait, now);
            // What is stored outlives the process.
            let Some(asked) = self.judge.paused_until.get(&pause.key) else {
                continue;
            };
            let asked = now.plus(asked.since(self.now));
            let side = if pause.key.contains("jelou") {
                Side::Jelou
            } else {
                Side::Ticketing
            };
            let of_credential = !pause.key.starts_with("host:");
            let until = asked.min(pause.wait.until);
            r.told_until.insert((side, of_credential), until);
        }
        if nobody {
            // As in the daemon: its gate takes the pauses in before the store is first claimed from.
            self.look_at_all_anew();
        }
        self.begin_bridge(replica);
        self.look_by(replica, self.now);
    }

    /// Everything works again.
    pub fn heal(&mut self) {
        self.trace(|_| "=== healed".to_owned());
        self.faults.heal();
        self.healed = true;
        self.judge.left_unhealed = self.writes_on_their_way();
        self.down_until.clear();
        self.locked_until.clear();
        self.mute_until.clear();
        self.forbidden_until.clear();
        self.store_down_until = Timestamp(0);
        for replica in 0..self.replicas.len() {
            self.rise(replica);
        }
        self.go_live();
        self.safety.min_count = 1_000;
        self.release_halt();
    }

    /// A person lets go what the safety halt holds, come to ask or not: that, uncounted, and a new window.
    fn release_halt(&mut self) {
        let kinds = Operation::ALL.into_iter();
        let kinds = kinds.filter(|kind| kind.is_halted_in_bulk());
        let held = kinds.flat_map(|kind| self.store.held(&self.bridge, kind));
        let held = held.map(|i| (i.id.clone(), i.planned_at)).collect();
        self.judge.released(held);
        let now = self.clock(0);
        self.store.release_halt(&self.bridge.clone(), None, now);
        self.ring();
    }

    /// The Intents that wait for a person.
    #[must_use]
    pub fn parked(&self) -> Vec<(IntentId, LinkId, String)> {
        self.store
            .lanes()
            .flat_map(|lane| lane.intents)
            .filter(|i| i.state == IntentState::Parked)
            .map(|i| {
                let why = i.parked.as_ref().map(|p| p.reason.clone());
                (i.id.clone(), i.link.clone(), why.unwrap_or_default())
            })
            .collect()
    }
}
