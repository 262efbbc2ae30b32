//! One history told in one order, and what must be the same in every order (law 5). Neighbour:
//! table, the histories.
//!
//! The remote worlds are finished before the first webhook arrives; the webhooks are then handed
//! over in the order asked for.

use super::{
    table::{History, Scenario},
    world::{
        World,
        desk::{Carries, Versions},
        mapping,
        net::Weather,
    },
};
use bridge_core::{event::Event, mapping::Mapping};
use std::{collections::BTreeSet, rc::Rc, time::Duration};

/// Both worlds as they ended, without ids.
pub fn end_state(w: &World) -> String {
    let mut talks: Vec<String> = w
        .talks()
        .iter()
        .map(|t| {
            let ticket = w.ticket_of(&t.conversation.id);
            let status = ticket.map(|t| w.status(&t).to_owned());
            format!("{:?} of ticket {status:?}", t.conversation.state)
        })
        .collect();
    let mut tickets: Vec<String> = w
        .desk
        .records
        .values()
        .map(|r| {
            let live = w.live_link(&r.ticket.id).is_some();
            let talk = r
                .ticket
                .link_field
                .as_ref()
                .map(|id| &w.jelou.talks[id].conversation.state);
            format!("{} names {talk:?}, live link {live}", r.ticket.status)
        })
        .collect();
    talks.sort();
    tickets.sort();
    let messages = w.messages();
    let messages: BTreeSet<_> = messages.iter().map(|m| m.id.as_str()).collect();
    let parked = w.parked_for();
    format!("{talks:#?}\n{tickets:#?}\n{messages:?} {parked:?}")
}

/// How the webhooks are told.
#[derive(Clone, Copy, Debug)]
pub struct Telling {
    pub gap: Duration,
    pub twice: bool,
    pub versions: Versions,
    pub carries: Carries,
}

/// Every way of telling.
pub fn tellings() -> Vec<Telling> {
    let mut all = Vec::new();
    for versions in [Versions::Seconds, Versions::Numbers, Versions::None] {
        for (carries, seconds, twice) in [
            (Carries::Whole, 0, false),
            (Carries::Whole, 1, false),
            (Carries::Whole, 20, true),
            (Carries::Patch, 1, true),
            (Carries::IdOnly, 1, false),
        ] {
            all.push(Telling {
                gap: Duration::from_secs(seconds),
                twice,
                versions,
                carries,
            });
        }
    }
    all
}

/// The ways of telling that a history of so many events is told in when all its orders are: fewer
/// where there are more orders, and each kind of version, of body and of gap among them.
pub fn tellings_of(events: usize) -> Vec<Telling> {
    let all = tellings();
    let chosen: &[usize] = match events {
        0..=5 => return all,
        6 => &[0, 3, 6, 7, 9, 11],
        _ => &[1, 7, 14],
    };
    chosen.iter().map(|at| all[*at]).collect()
}

/// The `n`th order of so many things.
pub fn order(many: usize, n: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..many).collect();
    let mut rest = n;
    (0..many)
        .map(|place| {
            let choices = many - place;
            let chosen = left.remove(rest % choices);
            rest /= choices;
            chosen
        })
        .collect()
}

/// How many orders there are of so many things.
pub fn orders(many: usize) -> usize {
    (1..=many).product()
}

fn play(history: History, mapping: &Rc<Mapping>, order: &[usize], telling: &Telling) -> World {
    let mut w = World::ruled(mapping.clone());
    w.through_json = false;
    w.desk.versions = telling.versions;
    w.desk.carries = telling.carries;
    history(&mut w);
    let told: Vec<Event> = std::mem::take(&mut w.net.kept);
    assert_eq!(told.len(), order.len(), "so many webhooks are kept");
    w.net.weather = Weather::Fair;
    for place in order {
        w.deliver(told[*place].clone());
        w.pass(telling.gap);
    }
    if telling.twice {
        for place in order.iter().rev() {
            w.deliver(told[*place].clone());
            w.pass(telling.gap);
        }
    }
    w.settle();
    w
}

/// Plays a scenario under one of its mappings in every `stride`th order, and compares the ends.
/// Returns how many were played; panics at the first that ends otherwise.
pub fn ends_alike(scenario: &Scenario, over: &str, telling: &Telling, stride: usize) -> usize {
    let mapping = Rc::new(mapping(&serde_json::from_str(over).unwrap()));
    let first = order(scenario.events, 0);
    let first = end_state(&play(scenario.history, &mapping, &first, telling));
    let mut played = 1;
    for n in (0..orders(scenario.events)).step_by(stride) {
        let order = order(scenario.events, n);
        let w = play(scenario.history, &mapping, &order, telling);
        let tale = || {
            format!(
                "{}: {order:?} {telling:?} {over}\n{}",
                scenario.name,
                w.tale()
            )
        };
        assert_eq!(end_state(&w), first, "{}", tale());
        played += 1;
    }
    played
}
