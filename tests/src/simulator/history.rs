//! What will happen, drawn from a seed before anything runs: the shape of the world, its faults, and
//! what people do. Neighbours: `acts`, which lets it happen; `shrink`, which leaves parts of it out.

use super::{
    fault::Fault,
    speech::{self, Speech},
};
use bridge_core::{call::Resolve, effect::TicketIdPlace, lane::OnUnknown};
use bridge_remotes::{
    chance::Chance,
    desk::{Carries, Versions},
    jelou::Second,
};
use serde_json::{Value, json};
use std::time::Duration;

/// How many customers there are.
pub const PEOPLE: u64 = 3;

/// How many mappings a history may have: those with talk are as many again, behind the others.
pub const POLICIES: usize = 4;

/// The mappings that histories have, first without and then with what is said by templates and buttons.
#[must_use]
pub fn policies() -> Vec<Value> {
    let mut all = quiet_policies();
    let plain = all.clone().into_iter();
    all.extend(plain.zip(speech::rules()).map(|(mut plain, more)| {
        bridge_remotes::overlay(&mut plain, &more);
        plain
    }));
    all
}

/// The one of them that starts a conversation when a ticket is opened again.
const STARTS_AGAIN: usize = 3;

fn quiet_policies() -> Vec<Value> {
    // A close may come as late as an hour and a half after all is healed; what follows it still falls
    // into the two hours for which a history is drained.
    let report = json!(["30s", "2m", "10m"]);
    let fields = json!({"attended_by": "{{ report.operator }}"});
    vec![
        json!({"ticket": {"report": "note", "report_after": report}}),
        json!({"on_conflict": "conversation", "ticket": {"customer_writes_after_close": "new"}}),
        json!({"customer_busy": "skip", "ticket": {"reuse": "never", "customer_writes_after_close": "append", "report": "note", "report_after": report}}),
        json!({"conversation": {"ticket_reopened": "start"}, "busy_timeout": "5m", "ticket": {"report": "fields", "report_after": report, "report_fields": fields}}),
    ]
}

/// What kind of world it is.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Which mapping at first.
    pub policy: usize,
    /// How many processes work on one store.
    pub replicas: usize,
    /// How the desk says which state is the later one.
    pub versions: Versions,
    /// What the desk's webhooks carry.
    pub carries: Carries,
    /// Whether the desk gives each webhook an id.
    pub delivery_ids: bool,
    /// Whether the desk sends webhooks at all.
    pub desk_hooks: bool,
    /// Whether the desk lists what changed.
    pub lists_changes: bool,
    /// What a second start means at Jelou.
    pub second: Second,
    /// Where the ticket's id goes.
    pub place: TicketIdPlace,
    /// How an unknown create is found out.
    pub create: Resolve,
    /// How an unknown note is found out.
    pub note: Resolve,
    /// What to do where nothing can tell.
    pub on_unknown: OnUnknown,
    /// How far Jelou's clock is from ours, in milliseconds.
    pub jelou_clock: i64,
    /// How far the second process's clock is from ours, in milliseconds.
    pub second_clock: i64,
    /// Whether the desk wants a call after each create.
    pub follows: bool,
    /// What is said beyond customers' plain words, where anything is.
    pub speech: Option<Speech>,
}

/// What people and the world do. Numbers choose among what there is at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// An agent makes a ticket that asks for a conversation with this customer.
    Ask(u8),
    /// An agent makes a ticket that does not.
    Make(u8),
    /// A ticket gets the tag that asks for a conversation.
    Tag(u8),
    /// A customer begins a conversation.
    Begin(u8),
    /// A customer writes into a conversation that goes on.
    Write(u8),
    /// A message comes for any conversation, written so many seconds ago.
    Late(u8, u8),
    /// A conversation ends for one of the reasons.
    End(u8, u8),
    /// An agent sets a ticket's status.
    Set(u8, u8),
    /// A customer sends a file into a conversation that goes on.
    Show(u8),
    /// An agent comments on a ticket: words, words with a file, a file, or among agents.
    Say(u8, u8),
    /// A ticket becomes urgent, or is so no longer.
    Urge(u8),
    /// The agents go home, or come back.
    Home,
    /// Something out of the table of faults, with a number to choose by.
    Trouble(Fault, u8),
}

/// One history.
#[derive(Clone, Debug)]
pub struct History {
    /// Its seed.
    pub seed: u64,
    /// Its world.
    pub shape: Shape,
    /// Its faults and their rates in percent.
    pub faults: Vec<(Fault, u8)>,
    /// What happens, and how many milliseconds after the one before.
    pub acts: Vec<(u32, Act)>,
}

impl History {
    /// The history of a seed.
    #[must_use]
    pub fn drawn(seed: u64) -> Self {
        let mut chance = Chance::seeded(seed);
        let mut faults = faults(&mut chance);
        let mut shape = shape(&mut chance, &faults);
        let mut acts = acts(&mut chance, &faults);
        shape.speech = speech::drawn(seed, &mut acts);
        shape.follows = Chance::seeded(seed ^ FOLLOWS).below(4) == 0;
        if !faults.is_empty() {
            add_later_kinds(seed, &mut faults);
            add_rare_kinds(seed, &mut faults);
        }
        if faults.contains(&(Fault::Undone, 1)) {
            shape.policy = STARTS_AGAIN;
        }
        Self {
            seed,
            shape,
            faults,
            acts,
        }
    }
}

/// Each seed a part of them, so that none hides another; one in eight has none at all.
fn faults(chance: &mut Chance) -> Vec<(Fault, u8)> {
    let share = [0, 10, 20, 30, 30, 40, 50, 70][chance.below(8) as usize];
    let mut faults = Vec::new();
    for fault in Fault::ALL.iter().filter(|fault| !came_later(fault)) {
        if chance.percent(share) {
            let most = u64::from(fault.rate_max().max(1));
            let rate = if chance.percent(15) {
                most
            } else {
                1 + chance.below(most)
            };
            faults.push((*fault, u8::try_from(rate).unwrap_or(100)));
        }
    }
    faults
}

/// The stream of which worlds have something follow a create, which came after histories had found bugs.
pub const FOLLOWS: u64 = 0xF011_0ED5_0000;

/// Kinds that came after histories had found bugs. They are drawn from a stream of their own, so that
/// those seeds keep their stories.
const LATER: [Fault; 1] = [Fault::RouterBehind];

fn add_later_kinds(seed: u64, faults: &mut Vec<(Fault, u8)>) {
    let mut chance = Chance::seeded(seed ^ 0x1A7E_12D5);
    for fault in LATER {
        if chance.percent(40) {
            let rate = 1 + chance.below(u64::from(fault.rate_max()));
            faults.push((fault, u8::try_from(rate).unwrap_or(100)));
        }
    }
}

/// Kinds that came later still, each for one of so many seeds, drawn from a stream of its own: most seeds that
/// have found bugs keep their stories.
const RARE: [(Fault, u64); 4] = [
    (Fault::Undone, 50),
    (Fault::Echoed, 12),
    (Fault::HooksGathered, 6),
    (Fault::Stopped, 10),
];

fn add_rare_kinds(seed: u64, faults: &mut Vec<(Fault, u8)>) {
    for (fault, of_seeds) in RARE {
        let mut chance = Chance::seeded(seed ^ 0x4A4E_0000_0000 ^ ((fault as u64) << 16));
        if chance.below(of_seeds) == 0 {
            let rate = 1 + chance.below(u64::from(fault.rate_max().max(1)));
            faults.push((fault, u8::try_from(rate).unwrap_or(100)));
        }
    }
}

fn came_later(fault: &Fault) -> bool {
    LATER.contains(fault) || RARE.iter().any(|(rare, _)| rare == fault)
}

fn shape(chance: &mut Chance, faults: &[(Fault, u8)]) -> Shape {
    let has = |fault| faults.iter().any(|(f, _)| *f == fault);
    let lag = Duration::from_secs(15);
    let ways = [
        Resolve::IdempotencyKey,
        Resolve::DirectLookup,
        Resolve::LaggingSearch { lag },
        Resolve::None,
    ];
    let jelou_clock = chance.below(100_000) as i64;
    let second_clock = chance.below(6_000) as i64 - 3_000;
    let apart = has(Fault::ClocksApart);
    let desk_hooks = chance.below(8) != 0;
    Shape {
        policy: chance.below(4) as usize,
        replicas: if apart {
            2
        } else {
            1 + chance.below(2) as usize
        },
        versions: [Versions::Seconds, Versions::Numbers, Versions::None][chance.below(3) as usize],
        carries: [Carries::Whole, Carries::Patch, Carries::IdOnly][chance.below(3) as usize],
        delivery_ids: chance.below(3) != 0,
        desk_hooks,
        lists_changes: !desk_hooks || chance.below(3) != 0,
        second: [Second::Refused, Second::Returned, Second::Beside][chance.below(3) as usize],
        place: [
            TicketIdPlace::None,
            TicketIdPlace::UserCache,
            TicketIdPlace::UserMemory,
        ][chance.below(3) as usize],
        create: ways[chance.below(4) as usize],
        note: [Resolve::DirectLookup, Resolve::None][chance.below(2) as usize],
        on_unknown: [OnUnknown::Hold, OnUnknown::Retry][chance.below(2) as usize],
        jelou_clock: if has(Fault::JelouAhead) {
            jelou_clock
        } else if has(Fault::JelouBehind) {
            -jelou_clock
        } else {
            0
        },
        second_clock: if apart { second_clock } else { 0 },
        follows: false,
        speech: None,
    }
}

fn acts(chance: &mut Chance, faults: &[(Fault, u8)]) -> Vec<(u32, Act)> {
    let troubles: Vec<Fault> = faults
        .iter()
        .map(|(fault, _)| *fault)
        .filter(|fault| fault.rate_max() == 0)
        .collect();
    let many = 6 + chance.below(20);
    (0..many)
        .map(|_| {
            let wait = [0, 50, 2_000, 20_000, 90_000][chance.below(5) as usize];
            let wait = u32::try_from(chance.below(wait + 1)).unwrap_or(0);
            (wait, act(chance, &troubles))
        })
        .collect()
}

fn act(chance: &mut Chance, troubles: &[Fault]) -> Act {
    let mut number = || (chance.below(256)) as u8;
    let (what, one, two) = (number() % 20, number(), number());
    match what {
        0..=2 => Act::Ask(one),
        3 => Act::Make(one),
        4 => Act::Tag(one),
        5 | 6 => Act::Begin(one),
        7..=9 => Act::Write(one),
        10 => Act::Late(one, 0),
        11 | 12 => Act::End(one, two),
        13..=15 => Act::Set(one, two),
        _ => match troubles.len() {
            0 => Act::Set(one, two),
            many => Act::Trouble(troubles[usize::from(one) % many], two),
        },
    }
}
