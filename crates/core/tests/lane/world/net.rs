//! Webhooks on their way. Neighbours: the remotes send them, the router takes them in.

use super::chance::Chance;
use bridge_core::{event::Event, time::Timestamp};
use std::time::Duration;

/// What happens to a webhook.
#[derive(Debug, Default)]
pub enum Weather {
    /// It arrives at once.
    #[default]
    Fair,
    /// It never arrives.
    Lost,
    /// It is kept until the test hands it over, in the order the test likes.
    Kept,
    /// It is lost, doubled or delayed by chance.
    Foul(Chance),
}

#[derive(Debug, Default)]
pub struct Net {
    flying: Vec<(Timestamp, u64, Event)>,
    next: u64,
    pub weather: Weather,
    /// What was kept.
    pub kept: Vec<Event>,
}

const FLIGHT: Duration = Duration::from_millis(20);

impl Net {
    pub fn send(&mut self, now: Timestamp, event: Event) {
        match &mut self.weather {
            Weather::Fair => self.fly(now.plus(FLIGHT), event),
            Weather::Lost => {}
            Weather::Kept => self.kept.push(event),
            Weather::Foul(chance) => {
                if chance.percent(20) {
                    return;
                }
                let copies = if chance.percent(20) { 2 } else { 1 };
                let delays: Vec<u64> = (0..copies)
                    .map(|_| match chance.below(4) {
                        0 => chance.below(90_000),
                        1 => chance.below(4_000),
                        _ => 20,
                    })
                    .collect();
                for delay in delays {
                    self.fly(now.plus(Duration::from_millis(delay)), event.clone());
                }
            }
        }
    }

    /// Puts a webhook in the air.
    pub fn fly(&mut self, at: Timestamp, event: Event) {
        self.next += 1;
        self.flying.push((at, self.next, event));
        self.flying.sort_by_key(|(at, n, _)| (*at, *n));
    }

    pub fn next_at(&self) -> Option<Timestamp> {
        self.flying.first().map(|(at, _, _)| *at)
    }

    pub fn land(&mut self, now: Timestamp) -> Option<Event> {
        let due = self.flying.first().is_some_and(|(at, _, _)| *at <= now);
        due.then(|| self.flying.remove(0).2)
    }
}
