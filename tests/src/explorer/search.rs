//! Every state, once: the nearest to the beginning first, so that the first broken law is found by a
//! shortest way; or each way to its end, which wants little memory. Neighbours: world, the states;
//! scenario, where they begin.

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
    /// The longest way to a state: of the shortest ones, or of those that were walked.
    pub depth: u32,
    /// Whether the bound on states stopped it.
    pub cut_short: bool,
    /// The law that was broken, by a shortest way.
    pub broken: Option<(Broken, Vec<Action>)>,
}

/// A hash is a hash already. That two of two million states share one, so that what comes after the
/// second is not looked at, has a chance of about one in ten million; and so with each of their parts.
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

/// What both ways of searching keep: the states that were come to, by their hashes, and the counts.
struct Search<'a> {
    setting: &'a Setting,
    seen: Seen,
    ended: Seen,
    explored: Explored,
}

impl<'a> Search<'a> {
    fn new(root: &World, setting: &'a Setting) -> Self {
        Self {
            setting,
            seen: Seen::from_iter([root.hash()]),
            ended: Seen::default(),
            explored: Explored {
                states: 1,
                ..Explored::default()
            },
        }
    }

    /// What can happen next. Where nothing does, the end is judged.
    fn actions(&mut self, world: &World) -> Result<Vec<Action>, Broken> {
        let actions = world.actions(self.setting);
        if actions.is_empty() {
            self.explored.ends += 1;
            if self.ended.insert(end_of(world)) {
                world.check_end(self.setting)?;
            }
        }
        Ok(actions)
    }

    /// The state after an action, if it was not come to before.
    fn after(&mut self, world: &World, action: Action) -> Result<Option<World>, Broken> {
        self.explored.transitions += 1;
        let after = world.after(action, self.setting)?;
        let is_new = self.seen.insert(after.hash());
        self.explored.states += u64::from(is_new);
        Ok(is_new.then_some(after))
    }

    fn broke(self, broken: Broken, way: Vec<Action>) -> Explored {
        Explored {
            broken: Some((broken, way)),
            ..self.explored
        }
    }
}

/// Visits every state that can be come to from `root`, the nearest first, and stops after the level
/// in which it comes to `states_max`. It holds the worlds of a level: some kilobytes for each.
pub fn explore(root: World, setting: &Setting, states_max: u64) -> Explored {
    let mut search = Search::new(&root, setting);
    let mut ways: Ways = vec![(0, Action::Clock)];
    let mut level = vec![(0_u32, root)];
    while !level.is_empty() {
        let mut next = Vec::new();
        for (from, world) in level {
            let actions = match search.actions(&world) {
                Ok(actions) => actions,
                Err(broken) => return search.broke(broken, way_to(&ways, from, None)),
            };
            for action in actions {
                match search.after(&world, action) {
                    Ok(None) => {}
                    Ok(Some(after)) => {
                        let number = u32::try_from(ways.len()).unwrap_or(u32::MAX);
                        ways.push((from, action));
                        next.push((number, after));
                    }
                    Err(broken) => {
                        return search.broke(broken, way_to(&ways, from, Some(action)));
                    }
                }
            }
        }
        if search.explored.states >= states_max {
            search.explored.cut_short = !next.is_empty();
            return search.explored;
        }
        search.explored.depth += u32::from(!next.is_empty());
        level = next;
    }
    search.explored
}

/// Visits the same states, each way down to its end before the next, and stops at `states_max`. It
/// holds the worlds of one way, and of all others a hash: so a search may be whole that has millions.
/// The law that it finds broken is told by a shortest way all the same.
pub fn explore_whole(root: World, setting: &Setting, states_max: u64) -> Explored {
    let walked = walk(root.clone(), setting, states_max);
    if walked.broken.is_none() {
        return walked;
    }
    let nearest = explore(root, setting, u64::MAX);
    if nearest.broken.is_some() {
        nearest
    } else {
        walked
    }
}

/// A state on the way that is walked: what led to it, and what was not tried there yet.
struct Step {
    by: Action,
    world: World,
    left: Vec<Action>,
}

fn walk(root: World, setting: &Setting, states_max: u64) -> Explored {
    let mut search = Search::new(&root, setting);
    let left = match search.actions(&root) {
        Ok(left) => left,
        Err(broken) => return search.broke(broken, Vec::new()),
    };
    let mut steps = vec![Step {
        by: Action::Clock,
        world: root,
        left,
    }];
    while let Some(step) = steps.last_mut() {
        let Some(action) = step.left.pop() else {
            steps.pop();
            continue;
        };
        let came = search.after(&step.world, action).and_then(|after| {
            let Some(world) = after else { return Ok(None) };
            let left = search.actions(&world)?;
            Ok(Some(Step {
                by: action,
                world,
                left,
            }))
        });
        match came {
            Ok(None) => {}
            Ok(Some(step)) => steps.push(step),
            Err(broken) => {
                let way = steps.iter().skip(1).map(|step| step.by);
                return search.broke(broken, way.chain([action]).collect());
            }
        }
        if search.explored.states >= states_max {
            search.explored.cut_short = true;
            return search.explored;
        }
        let depth = u32::try_from(steps.len()).unwrap_or(u32::MAX);
        search.explored.depth = search.explored.depth.max(depth.saturating_sub(1));
    }
    search.explored
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
