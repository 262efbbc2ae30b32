//! The worlds that are searched. Neighbours: setting, which each one fills; `explore`, which lists
//! and runs them.

use super::{
    laws::Broken,
    setting::{Carries, Deed, Left, Second, Setting, Versions},
    world::World,
};
use bridge_core::{call::Resolve, effect::TicketIdPlace, lane::OnUnknown};
use serde_json::{Value, json};
use std::time::Duration;

/// A world to be searched.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens in it, in a sentence.
    pub what: &'static str,
    over: fn() -> Value,
    fill: fn(&mut Setting),
}

/// A kind of trouble that a world is searched with.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens, each once at most.
    pub what: &'static str,
    left: Left,
}

const NONE: Left = Left {
    crashes: 0,
    cuts: 0,
    lost: 0,
    twice: 0,
    late: 0,
    sleeps: 0,
};

/// Each world is searched with each of these. All at once would be a thousand times as many states,
/// and none of the laws speaks of more than two of them together.
pub const TROUBLES: &[Trouble] = &[
    Trouble {
        name: "calls",
        what: "a process dies, and a call is cut off",
        left: Left {
            crashes: 1,
            cuts: 1,
            ..NONE
        },
    },
    Trouble {
        name: "sleep",
        what: "a process dies, and a worker sleeps until its lease has run out",
        left: Left {
            crashes: 1,
            sleeps: 1,
            ..NONE
        },
    },
    Trouble {
        name: "hooks",
        what: "a webhook is lost, one comes twice, and one comes late",
        left: Left {
            lost: 1,
            twice: 1,
            late: 1,
            ..NONE
        },
    },
    Trouble {
        name: "cut-and-lost",
        what: "a call is cut off, and a webhook is lost",
        left: Left {
            cuts: 1,
            lost: 1,
            ..NONE
        },
    },
    Trouble {
        name: "cut-and-late",
        what: "a call is cut off, and a webhook comes late",
        left: Left {
            cuts: 1,
            late: 1,
            ..NONE
        },
    },
];

fn plain() -> Value {
    json!({})
}

impl Scenario {
    /// The setting, and the world as it is when the search begins.
    ///
    /// # Errors
    /// In a sentence, why there is none.
    pub fn begin(&self, trouble: &Trouble) -> Result<(Setting, World), String> {
        let mut setting = Setting::new(&(self.over)())?;
        (self.fill)(&mut setting);
        setting.left = trouble.left;
        let root = before(&setting).map_err(|b| format!("{}: {}", b.law, b.what))?;
        Ok((setting, root))
    }
}

/// Plays what happened before, without trouble.
fn before(setting: &Setting) -> Result<World, Broken> {
    let mut world = World::new(setting);
    for deed in setting.before {
        world.deed(*deed, setting);
        world.drain(setting)?;
    }
    world.left = setting.left;
    Ok(world)
}

/// The worlds.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "asks-then-solved",
        what: "a ticket asks for a conversation and is solved",
        over: plain,
        fill: |s| {
            s.hands = &[&[Deed::Asks("t1"), Deed::Sets("t1", "solved")]];
        },
    },
    Scenario {
        name: "asks-then-solved-returned",
        what: "the same where a start for a busy customer returns what is there",
        over: plain,
        fill: |s| {
            s.hands = &[&[Deed::Asks("t1"), Deed::Sets("t1", "solved")]];
            s.second = Second::Returned;
        },
    },
    Scenario {
        name: "comes-and-goes",
        what: "a customer begins a conversation and leaves; creates are found by lookup",
        over: plain,
        fill: |s| {
            s.hands = &[&[Deed::Begins("own1"), Deed::Ends("expired")]];
        },
    },
    Scenario {
        name: "comes-and-goes-key",
        what: "the same where a create carries a key",
        over: plain,
        fill: |s| {
            s.hands = &[&[Deed::Begins("own1"), Deed::Ends("expired")]];
            s.create = Resolve::IdempotencyKey;
            s.place = TicketIdPlace::UserCache;
        },
    },
    Scenario {
        name: "comes-and-goes-none",
        what: "the same where nothing tells what became of a create",
        over: plain,
        fill: |s| {
            s.hands = &[&[Deed::Begins("own1"), Deed::Ends("expired")]];
            s.create = Resolve::None;
            s.on_unknown = OnUnknown::Retry;
        },
    },
    Scenario {
        name: "comes-and-goes-lag",
        what: "the same where the search for a create lags",
        over: plain,
        fill: |s| {
            s.hands = &[&[Deed::Begins("own1"), Deed::Ends("closed_by_operator")]];
            s.create = Resolve::LaggingSearch {
                lag: Duration::from_secs(15),
            };
            s.versions = Versions::Seconds;
            s.carries = Carries::Id;
        },
    },
    Scenario {
        name: "ours-ends-twice",
        what: "our conversation begins, and the customer leaves as the agent solves",
        over: plain,
        fill: |s| {
            s.before = &[Deed::Asks("t1")];
            s.hands = &[&[Deed::Sets("t1", "solved")], &[Deed::Ends("expired")]];
        },
    },
    Scenario {
        name: "ours-ends-twice-seconds",
        what: "the same where versions are seconds and webhooks carry ids",
        over: || json!({"on_conflict": "conversation"}),
        fill: |s| {
            s.before = &[Deed::Asks("t1")];
            s.hands = &[&[Deed::Sets("t1", "solved")], &[Deed::Ends("expired")]];
            s.versions = Versions::Seconds;
            s.carries = Carries::Id;
        },
    },
    Scenario {
        name: "asks-and-begins",
        what: "a ticket asks at the moment at which its customer begins a conversation",
        over: plain,
        fill: |s| {
            s.hands = &[&[Deed::Asks("t1")], &[Deed::Begins("own1")]];
        },
    },
    Scenario {
        name: "asks-and-begins-returned",
        what: "the same where a start for a busy customer returns what is there",
        over: plain,
        fill: |s| {
            s.hands = &[&[Deed::Asks("t1")], &[Deed::Begins("own1")]];
            s.second = Second::Returned;
        },
    },
    Scenario {
        name: "asks-and-begins-hooks",
        what: "the same with trouble for webhooks only",
        over: || json!({"customer_busy": "skip"}),
        fill: |s| {
            s.hands = &[&[Deed::Asks("t1")], &[Deed::Begins("own1")]];
            s.second = Second::Returned;
        },
    },
    Scenario {
        name: "leaves-and-comes-back",
        what: "an agent solves the ticket while its customer leaves and begins anew",
        over: plain,
        fill: |s| {
            s.before = &[Deed::Asks("t1")];
            s.hands = &[
                &[Deed::Sets("t1", "solved")],
                &[Deed::Ends("expired"), Deed::Begins("own1")],
            ];
        },
    },
    Scenario {
        name: "writes-after-the-end",
        what: "a conversation ends and its customer writes",
        over: plain,
        fill: |s| {
            s.before = &[Deed::Asks("t1")];
            s.hands = &[&[Deed::Ends("closed_by_operator"), Deed::Writes("m1")]];
        },
    },
    Scenario {
        name: "asks-later",
        what: "a ticket that did not ask does, and is solved; no versions",
        over: plain,
        fill: |s| {
            s.before = &[Deed::Makes("t1")];
            s.hands = &[&[Deed::Tags("t1"), Deed::Sets("t1", "solved")]];
            s.versions = Versions::None;
        },
    },
    Scenario {
        name: "two-spellings",
        what: "a ticket spells its customer otherwise than Jelou, and the customer begins",
        over: plain,
        fill: |s| {
            s.spelled = Some("0987654321");
            s.hands = &[&[Deed::Asks("t1")], &[Deed::Begins("own1")]];
        },
    },
    Scenario {
        name: "two-tickets",
        what: "two tickets of one customer ask at once",
        over: plain,
        fill: |s| {
            s.hands = &[&[Deed::Asks("t1")], &[Deed::Asks("t2")]];
        },
    },
];
