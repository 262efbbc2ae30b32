//! Every state, once, the nearest to the beginning first: so the first broken law is found by a
//! shortest way. Neighbours: world, the states; scenario, where they begin.

use super::{
    laws::Broken,
    part::hash_of,
    setting::Setting,
    world::{Action, World},
};
use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, Hasher},
};

/// What a search came to.
#[derive(Clone, Debug, Default)]
pub struct Explored {
    /// Distinct states.
    pub states: u64,
    /// Ways from one to another.
    pub transitions: u64,
    /// States in which nothing more happens.
    pub ends: u64,
    /// The longest of the shortest ways to a state.
    pub depth: u32,
    /// Whether the bound on states stopped it.
    pub cut_short: bool,
    /// The law that was broken, by a shortest way.
    pub broken: Option<(Broken, Vec<Action>)>,
}

/// A hash is a hash already.
#[derive(Clone, Copy, Debug, Default)]
pub struct Same(u64);

impl Hasher for Same {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Seen = HashSet<u64, BuildHasherDefault<Same>>;

/// How a state was come to: from which, by what.
type Ways = Vec<(u32, Action)>;

/// Visits every state that can be come to from `root`, `states_max` at most.
pub fn explore(root: World, setting: &Setting, states_max: u64) -> Explored {
    let mut explored = Explored::default();
    let mut seen = Seen::default();
    let mut ended = Seen::default();
    let mut ways: Ways = vec![(0, Action::Clock)];
    seen.insert(root.hash());
    explored.states = 1;
    let mut level = vec![(0_u32, root)];
    while !level.is_empty() {
        let mut next = Vec::new();
        for (from, world) in level {
            let actions = world.actions(setting);
            if actions.is_empty() {
                explored.ends += 1;
                if ended.insert(end_of(&world))
                    && let Err(broken) = world.check_end(setting)
                {
                    explored.broken = Some((broken, way_to(&ways, from, None)));
                    return explored;
                }
            }
            for action in actions {
                explored.transitions += 1;
                let after = match world.after(action, setting) {
                    Ok(after) => after,
                    Err(broken) => {
                        explored.broken = Some((broken, way_to(&ways, from, Some(action))));
                        return explored;
                    }
                };
                if seen.insert(after.hash()) {
                    explored.states += 1;
                    let number = u32::try_from(ways.len()).unwrap_or(u32::MAX);
                    ways.push((from, action));
                    next.push((number, after));
                }
            }
        }
        if explored.states >= states_max {
            explored.cut_short = !next.is_empty();
            return explored;
        }
        explored.depth += u32::from(!next.is_empty());
        level = next;
    }
    explored
}

/// What an end is judged by: what may still have gone wrong does not count.
fn end_of(world: &World) -> u64 {
    let parts = (world.store.hash(), world.jelou.hash(), world.desk.hash());
    hash_of(&(parts, &world.lost, world.left.cuts))
}

fn way_to(ways: &Ways, mut at: u32, last: Option<Action>) -> Vec<Action> {
    let mut way: Vec<Action> = last.into_iter().collect();
    while at != 0 {
        let Some((from, action)) = usize::try_from(at).ok().and_then(|at| ways.get(at)) else {
            break;
        };
        way.push(*action);
        at = *from;
    }
    way.reverse();
    way
}

/// A way, told for people: one line an action.
pub fn tell(root: World, setting: &Setting, way: &[Action]) -> Vec<String> {
    let mut world = root;
    let mut lines = Vec::new();
    for action in way {
        let millis = world.now.0 - super::world::BEGINNING.0;
        lines.push(format!(
            "{millis:>8} ms  {}",
            shown(&world, setting, *action)
        ));
        match world.after(*action, setting) {
            Ok(after) => world = after,
            Err(_) => break,
        }
    }
    lines
}

fn shown(world: &World, setting: &Setting, action: Action) -> String {
    let hook = |at: u8| {
        let hook = world.hooks.get(usize::from(at));
        let event = hook.and_then(|hook| setting.event(hook.event));
        event.map_or_else(String::new, |event| {
            let of = event.ticket().map(ToString::to_string);
            let of = of.or_else(|| event.conversation_id().map(ToString::to_string));
            format!("{} of {}", event.kind(), of.unwrap_or_default())
        })
    };
    let worker = |r: u8| {
        let replica = world.replicas.get(usize::from(r));
        let worker = replica.and_then(|replica| replica.worker.as_ref());
        worker.map_or_else(String::new, |worker| worker.shown())
    };
    let routing = |r: u8| {
        let replica = world.replicas.get(usize::from(r));
        let routing = replica.and_then(|replica| replica.routing.as_ref());
        routing.map_or_else(String::new, |routing| routing.shown(setting))
    };
    match action {
        Action::Deed(hand) => format!("people: {:?}", world.next_deed(setting, hand)),
        Action::Arrives(at) => format!("webhook arrives: {}", hook(at)),
        Action::ArrivesTwice(at) => format!("webhook arrives, and will again: {}", hook(at)),
        Action::Lost(at) => format!("webhook is lost: {}", hook(at)),
        Action::HeldUp(at) => format!("webhook is held up: {}", hook(at)),
        Action::Stores(_) => "what was answered is stored".to_owned(),
        Action::Takes(r) => format!("router {r} takes the oldest delivery and looks up its lane"),
        Action::Reads(r) => format!("router {r}: {}", routing(r)),
        Action::ReadFails(r) => format!("router {r}, cut off: {}", routing(r)),
        Action::Routes(r) => format!("router {r}: {}", routing(r)),
        Action::Claims(r) => format!("worker {r} claims"),
        Action::Acts(r) => format!("worker {r}: {}", worker(r)),
        Action::CutBefore(r) => format!("worker {r}, cut off before it was done: {}", worker(r)),
        Action::CutAfter(r) => format!("worker {r}, done and the answer cut off: {}", worker(r)),
        Action::Sleeps(r) => format!("worker {r} falls asleep before: {}", worker(r)),
        Action::Dies(r) => format!("replica {r} dies before: {}{}", worker(r), routing(r)),
        Action::PowerFails => "the power fails".to_owned(),
        Action::Clock => "the clock goes on to what is due next".to_owned(),
    }
}
