//! One state of everything: the store, two replicas with what they have in hand, both remotes, the
//! webhooks in the air and what may still go wrong. Neighbours: act, which changes it; search, which
//! visits each state once.

use super::{
    part::{Part, hash_of},
    remotes::{Desk, Jelou},
    router::Routing,
    setting::{Deed, Left, Setting},
    worker::Worker,
};
use bridge_core::time::Timestamp;
use jelou_bridge::store::memory::Memory;

/// When every world begins.
pub const BEGINNING: Timestamp = Timestamp(1_700_000_000_000);

/// A webhook in the air.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hook {
    /// Which Event it tells.
    pub event: u32,
    /// It was held up then, and comes after the clock went on.
    pub late: Option<Timestamp>,
    /// It came once already.
    pub again: bool,
}

/// A process, with one Router and one worker.
#[derive(Clone, Debug, Default)]
pub struct Replica {
    /// What its Router has in hand.
    pub routing: Option<Part<Routing>>,
    /// What its worker has in hand.
    pub worker: Option<Part<Worker>>,
}

/// One state.
#[derive(Clone, Debug)]
pub struct World {
    /// The clock of all.
    pub now: Timestamp,
    /// The store that both replicas share.
    pub store: Part<Memory>,
    /// One remote.
    pub jelou: Part<Jelou>,
    /// The other.
    pub desk: Part<Desk>,
    /// Webhooks in the air, sorted.
    pub hooks: Vec<Hook>,
    /// The processes.
    pub replicas: [Replica; 2],
    /// What may still go wrong.
    pub left: Left,
    /// How far each hand has come.
    pub done: [u8; 2],
    /// Deliveries answered with 200.
    pub answered: u16,
    /// Webhooks answered before they were stored, by a driver with that flaw.
    pub unstored: Vec<Hook>,
    /// Webhooks that were lost.
    pub lost: Vec<u32>,
}

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The next deed of a hand.
    Deed(u8),
    /// A webhook arrives.
    Arrives(u8),
    /// It arrives, and will again.
    ArrivesTwice(u8),
    /// It is lost.
    Lost(u8),
    /// It is held up.
    HeldUp(u8),
    /// What was answered early is stored (only with that flaw).
    Stores(u8),
    /// A Router takes a Delivery and looks up where it belongs.
    Takes(u8),
    /// A Router reads the ticket.
    Reads(u8),
    /// That read fails.
    ReadFails(u8),
    /// A Router stores its word.
    Routes(u8),
    /// A worker claims a Lane.
    Claims(u8),
    /// A worker does what its session wants.
    Acts(u8),
    /// Its call is cut off before it was done.
    CutBefore(u8),
    /// Its call is done, and the answer cut off.
    CutAfter(u8),
    /// It falls asleep until its lease has run out.
    Sleeps(u8),
    /// A replica dies and starts again; its lease runs on.
    Dies(u8),
    /// The power fails: both die, and the store frees what they held.
    PowerFails,
    /// Nothing else is to be done now: the clock goes on to what is due next.
    Clock,
}

impl World {
    /// Nothing has happened yet.
    pub fn new(setting: &Setting) -> Self {
        Self {
            now: BEGINNING,
            store: Part::new(Memory::new("a", 0)),
            jelou: Part::new(Jelou::default()),
            desk: Part::new(Desk::default()),
            hooks: Vec::new(),
            replicas: [Replica::default(), Replica::default()],
            left: setting.left,
            done: [0; 2],
            answered: 0,
            unstored: Vec::new(),
            lost: Vec::new(),
        }
    }

    /// The hash of this state. The two replicas are alike: which is which does not count.
    pub fn hash(&self) -> u64 {
        let of = |replica: &Replica| {
            let worker = replica
                .worker
                .as_ref()
                .map(|w| (w.hash(), w.is_current(self)));
            hash_of(&(replica.routing.as_ref().map(Part::hash), worker))
        };
        let [one, other] = &self.replicas;
        let (one, other) = (of(one), of(other));
        hash_of(&(
            (
                self.now,
                self.store.hash(),
                self.jelou.hash(),
                self.desk.hash(),
            ),
            (&self.hooks, one.min(other), one.max(other)),
            (self.left, self.done, &self.unstored, &self.lost),
        ))
    }

    /// All that can happen next.
    pub fn actions(&self, setting: &Setting) -> Vec<Action> {
        let mut actions = Vec::with_capacity(16);
        for hand in 0..2_u8 {
            if self
                .next_deed(setting, hand)
                .is_some_and(|deed| self.is_possible(deed))
            {
                actions.push(Action::Deed(hand));
            }
        }
        self.hook_actions(&mut actions);
        let mut busy = self.hooks.iter().any(|hook| hook.late.is_none());
        for (at, _) in (0_u8..).zip(&self.unstored) {
            actions.push(Action::Stores(at));
            busy = true;
        }
        for r in 0..2_u8 {
            busy |= self.router_actions(r, &mut actions);
            busy |= self.worker_actions(r, &mut actions);
        }
        let at_work = |r: &Replica| r.routing.is_some() || r.worker.is_some();
        if self.left.crashes > 0 {
            for (r, replica) in (0_u8..).zip(&self.replicas) {
                if at_work(replica) {
                    actions.push(Action::Dies(r));
                }
            }
            if self.replicas.iter().any(at_work) || !self.unstored.is_empty() {
                actions.push(Action::PowerFails);
            }
        }
        if !busy && self.next_moment().is_some() {
            actions.push(Action::Clock);
        }
        actions
    }

    /// When something is due that is not due yet.
    pub fn next_moment(&self) -> Option<Timestamp> {
        self.store
            .next_due()
            .map(|at| at.max(Timestamp(self.now.0 + 1)))
    }

    /// The next deed of a hand.
    pub fn next_deed(&self, setting: &Setting, hand: u8) -> Option<Deed> {
        let hand = usize::from(hand);
        let at = usize::from(*self.done.get(hand)?);
        setting.hands.get(hand)?.get(at).copied()
    }

    fn is_possible(&self, deed: Deed) -> bool {
        let goes_on = self
            .jelou
            .talks
            .values()
            .any(super::remotes::Talk::is_active);
        match deed {
            Deed::Asks(_) | Deed::Makes(_) | Deed::Tags(_) | Deed::Sets(..) => true,
            Deed::Begins(_) => !goes_on,
            Deed::Writes(_) => !self.jelou.talks.is_empty(),
            Deed::Ends(_) => goes_on,
        }
    }

    fn hook_actions(&self, actions: &mut Vec<Action>) {
        let mut last = None;
        for (at, hook) in (0_u8..).zip(&self.hooks) {
            // Two that are alike are one choice.
            if last.replace(*hook) == Some(*hook) {
                continue;
            }
            if hook.late.is_some_and(|since| self.now <= since) {
                continue;
            }
            actions.push(Action::Arrives(at));
            if hook.again || hook.late.is_some() {
                continue;
            }
            if self.left.twice > 0 {
                actions.push(Action::ArrivesTwice(at));
            }
            if self.left.lost > 0 {
                actions.push(Action::Lost(at));
            }
            if self.left.late > 0 {
                actions.push(Action::HeldUp(at));
            }
        }
    }
}
