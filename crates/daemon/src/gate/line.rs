//! The line before a side that takes so many calls in so long a time: who goes now, and who comes
//! again when. Neighbour: `gate`, which also knows sides that take no calls at all; who waits for
//! those stands in the same line.
//!
//! Everybody who must wait gets a place of their own, as far from the next as the rate says. So a
//! hundred thousand Lanes that wait for a dead side do not all come at once when it may be back, and
//! when it is back they go at the rate from the first second on: the line never stops moving. Who
//! comes at their place while the side is still dead stands at the end again.
//!
//! The places say when to come, and only what was let out says who goes: whoever comes late, and
//! others with them, waits until the rate has room.

use crate::config::Rate;
use bridge_core::time::Timestamp;
use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

/// A place that was not taken this long after it came up is forgotten. Longer than it takes to claim
/// all Lanes that are due after a long stop of the process.
const PLACE_KEPT: Duration = Duration::from_secs(60);

/// Calls in a row that are not all made by then are not made any more: each takes some seconds at most.
const COVER_KEPT: Duration = Duration::from_secs(30);

/// Places remembered, some 40 bytes each. Who finds the line longer is told when to come and not
/// remembered: at their time it is shorter.
const PLACES_MAX: usize = 200_000;

/// Places stand this much further apart than the rate needs, so that lateness is made up for.
const SPARE_SHARE: f64 = 0.01;

/// While others stand in line, calls that can wait take one place in so many.
const ONE_IN: u32 = 2;

/// The line of one side.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// When the latest calls were let out, or will be: those of an operation that is under way have
    /// their places before all who stand in line. No more of them than the rate has in its time.
    let_out: VecDeque<Timestamp>,
    /// When the last call that can wait was let out.
    beside: Option<Timestamp>,
    /// Who waits, and until when.
    places: HashMap<u64, Timestamp>,
    /// The same in the order of standing in line, to forget who never came.
    order: VecDeque<(Timestamp, u64)>,
    /// Who was let out for several calls in a row: since when, and how many of them are still to come.
    covered: HashMap<u64, (Timestamp, u32)>,
    /// The last moment that was told to who came to their place and found no room, µs.
    late_us: i64,
    /// The last place, µs: rates of thousands a second have less than a millisecond between two.
    end_us: i64,
}

impl Line {
    /// Lets so many calls out in a row, the first of them now, or says when to come again. Who asks
    /// for the next of them need not wait again.
    pub fn take(
        &mut self,
        rate: Rate,
        who: &str,
        calls: u32,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        self.forget(now);
        if let Some((_, left)) = self.covered.get_mut(&key(who)) {
            *left -= 1;
            return Ok(());
        }
        self.take_whole(rate, who, calls, now)?;
        if calls > 1 {
            self.covered.insert(key(who), (now, calls - 1));
        }
        Ok(())
    }

    /// The same for one operation of so many calls, which are made without asking again.
    pub fn take_whole(
        &mut self,
        rate: Rate,
        who: &str,
        calls: u32,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        self.forget(now);
        let who = key(who);
        let calls = calls.max(1);
        let place = self.places.get(&who).copied();
        match place {
            Some(at) if now < at => return Err(at),
            Some(_) => {}
            // Who has not stood in line does not pass those who do.
            None if now.0.saturating_mul(1_000) < self.end_us => {
                return Err(self.stand(rate, who, calls, now));
            }
            None => {}
        }
        let free = self.free_at(rate, calls, now);
        if free <= now {
            self.places.remove(&who);
            for _ in 0..calls {
                self.reserve(rate, now);
            }
            return Ok(());
        }
        if place.is_none() {
            return Err(self.stand(rate, who, calls, free));
        }
        // Came to its place and found that others came late: before all who stand further back, and
        // behind each other.
        let next = self.late_us.saturating_add(apart_us(rate));
        self.late_us = next.max(free.0.saturating_mul(1_000));
        let at = whole(self.late_us);
        self.places.insert(who, at);
        Err(at)
    }

    /// As [`Self::take`] for who waits without being claimed and put off, such as the Sweep and a
    /// person: only what was let out counts, and they need not stand in line.
    pub fn take_ahead(&mut self, rate: Rate, now: Timestamp) -> Result<(), Timestamp> {
        let free = self.free_at(rate, 1, now);
        if free > now {
            return Err(free);
        }
        self.let_out.push_back(now);
        Ok(())
    }

    /// The next free moment, taken: for a call of an operation that is under way and has to end.
    pub fn reserve(&mut self, rate: Rate, now: Timestamp) -> Timestamp {
        let at = self.free_at(rate, 1, now);
        self.let_out.push_back(at);
        at
    }

    /// As [`Self::take_ahead`] for one of many calls, such as those that complete a long list: while
    /// others stand in line, it leaves them every other place.
    pub fn take_beside(&mut self, rate: Rate, now: Timestamp) -> Result<(), Timestamp> {
        let apart = rate.per / rate.calls.get() * ONE_IN;
        let next = self.beside.map_or(now, |last| last.plus(apart));
        let others = self.end_us.max(self.late_us);
        if now.0.saturating_mul(1_000) < others && now < next {
            return Err(next);
        }
        self.take_ahead(rate, now)?;
        self.beside = Some(now);
        Ok(())
    }

    /// A place not before this moment, for who finds the side closed until then.
    pub fn wait(
        &mut self,
        rate: Rate,
        who: &str,
        not_before: Timestamp,
        now: Timestamp,
    ) -> Timestamp {
        self.forget(now);
        let who = key(who);
        match self.places.get(&who).copied() {
            Some(at) if at >= not_before => at,
            Some(_) | None => self.stand(rate, who, 1, not_before),
        }
    }

    /// The side is open earlier than those who wait were told. They come when they were told to, one
    /// after the other as before; whoever comes sooner need not wait for them.
    pub fn open(&mut self) {
        self.places.clear();
        self.order.clear();
        self.end_us = 0;
    }

    /// Every moment kept here, to be moved with the clock.
    pub fn move_back(&mut self, by: Duration) {
        let order = self.order.iter_mut().map(|(at, _)| at);
        let covered = self.covered.values_mut().map(|(at, _)| at);
        for at in self
            .let_out
            .iter_mut()
            .chain(self.places.values_mut())
            .chain(order)
            .chain(covered)
            .chain(&mut self.beside)
        {
            *at = at.minus(by);
        }
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.end_us = self.end_us.saturating_sub(by);
        self.late_us = self.late_us.saturating_sub(by);
    }

    /// When the rate has room for so many more; for all there are in its time, where they are more.
    fn free_at(&mut self, rate: Rate, calls: u32, now: Timestamp) -> Timestamp {
        let most = rate.calls.get() as usize;
        while self.let_out.len() > most {
            self.let_out.pop_front();
        }
        let room = most - self.let_out.len();
        let wanted = (calls as usize).clamp(1, most);
        let Some(in_the_way) = wanted.checked_sub(room + 1) else {
            return now;
        };
        match self.let_out.get(in_the_way) {
            Some(call) => call.plus(rate.per).max(now),
            None => now,
        }
    }

    /// Stands at the end of the line.
    fn stand(&mut self, rate: Rate, who: u64, calls: u32, not_before: Timestamp) -> Timestamp {
        let apart = apart_us(rate).saturating_mul(i64::from(calls));
        let next = self.end_us.saturating_add(apart);
        self.end_us = next.max(not_before.0.saturating_mul(1_000));
        let at = whole(self.end_us);
        if self.places.len() < PLACES_MAX || self.places.contains_key(&who) {
            self.places.insert(who, at);
            self.order.push_back((at, who));
        }
        at
    }

    /// Forgets who did not come to their place, or did not make all their calls.
    fn forget(&mut self, now: Timestamp) {
        self.covered
            .retain(|_, (at, left)| *left > 0 && now.since(*at) < COVER_KEPT);
        while let Some((at, who)) = self.order.front().copied() {
            if now.since(at) < PLACE_KEPT {
                return;
            }
            self.order.pop_front();
            match self.places.get(&who).copied() {
                Some(kept) if now.since(kept) < PLACE_KEPT => self.order.push_back((kept, who)),
                Some(_) => {
                    self.places.remove(&who);
                }
                None => {}
            }
        }
    }
}

/// The next whole millisecond: coming a little early would be in vain.
fn whole(at_us: i64) -> Timestamp {
    Timestamp(at_us.saturating_add(999).div_euclid(1_000))
}

/// From one place to the next, µs.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a rate's time is an hour at most"
)]
fn apart_us(rate: Rate) -> i64 {
    let apart = rate.per.as_secs_f64() / f64::from(rate.calls.get());
    (apart * (1.0 + SPARE_SHARE) * 1e6) as i64
}

/// Names are long and many, and only told apart here.
fn key(who: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    who.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    /// Everybody comes when they were told to; gives back when each was let out.
    fn play(line: &mut Line, rate: Rate, lanes: usize, late: impl Fn(usize) -> i64) -> Vec<i64> {
        let mut due: std::collections::BTreeSet<(i64, usize)> =
            (0..lanes).map(|n| (0, n)).collect();
        let mut out = Vec::new();
        let mut clock = 0;
        while let Some((at, lane)) = due.pop_first() {
            clock = clock.max(at + late(lane));
            match line.take(rate, &lane.to_string(), 1, Timestamp(clock)) {
                Ok(()) => out.push(clock),
                Err(again) => {
                    due.insert((again.0, lane));
                }
            }
        }
        out
    }

    fn most_in_a_second(out: &[i64]) -> usize {
        let within = |at: &i64| out.iter().filter(|o| (*at..at + 1_000).contains(o)).count();
        out.iter().map(within).max().unwrap_or(0)
    }

    #[test]
    fn a_long_line_goes_at_the_rate_and_no_second_sees_more() {
        let out = play(&mut Line::default(), rate("200/s"), 4_000, |_| 0);
        assert_eq!(out.len(), 4_000);
        assert_eq!(most_in_a_second(&out), 200);
        assert!(out.last().unwrap() < &(1_000 * 4_000 / 200 * 105 / 100));
    }

    #[test]
    fn who_comes_late_makes_no_burst() {
        let late = |lane| if lane % 500 < 100 { 700 } else { 0 };
        let out = play(&mut Line::default(), rate("200/s"), 2_000, late);
        assert_eq!(out.len(), 2_000);
        assert!(most_in_a_second(&out) <= 200);
    }

    #[test]
    fn who_waits_for_a_dead_side_does_not_come_back_with_all_the_others() {
        let mut line = Line::default();
        let places: Vec<i64> = (0..1_000)
            .map(|n| {
                let who = format!("lane {n}");
                line.wait(rate("100/s"), &who, Timestamp(30_000), Timestamp(0))
                    .0
            })
            .collect();
        assert_eq!(places.first(), Some(&30_000));
        assert!(most_in_a_second(&places) <= 100);
        // Woken early by something else, each finds its place again.
        let again = line.wait(rate("100/s"), "lane 7", Timestamp(30_000), Timestamp(500));
        assert_eq!(Some(&again.0), places.get(7));
    }

    #[test]
    fn a_newcomer_does_not_pass_the_line_but_who_waits_beside_it_does() {
        let mut line = Line::default();
        for n in 0..10 {
            line.wait(rate("1/s"), &n.to_string(), Timestamp(0), Timestamp(0));
        }
        let newcomer = line
            .take(rate("1/s"), "newcomer", 1, Timestamp(0))
            .unwrap_err();
        assert!(newcomer.0 > 9_000);
        assert!(line.take_ahead(rate("1/s"), Timestamp(0)).is_ok());
        assert!(line.take_ahead(rate("1/s"), Timestamp(999)).is_err());
    }

    #[test]
    fn the_calls_of_one_operation_have_places_of_their_own_before_the_line() {
        let (mut line, rate) = (Line::default(), rate("2/s"));
        assert!(line.take_whole(rate, "five calls", 5, Timestamp(0)).is_ok());
        // Two at once, two a second later, one a second after that.
        assert_eq!(line.reserve(rate, Timestamp(100)), Timestamp(2_000));
        assert_eq!(line.reserve(rate, Timestamp(100)), Timestamp(3_000));
        let newcomer = line.take(rate, "newcomer", 1, Timestamp(100));
        assert_eq!(newcomer.unwrap_err(), Timestamp(3_000));
        assert!(line.take(rate, "newcomer", 1, Timestamp(3_000)).is_ok());
    }

    #[test]
    fn a_long_list_leaves_every_other_place_to_those_who_stand_in_line() {
        let (mut line, rate) = (Line::default(), rate("10/s"));
        let (mut listed, mut let_through) = (0, Vec::new());
        let mut due: Vec<(Timestamp, usize)> = (0..40).map(|n| (Timestamp(0), n)).collect();
        for now in (0..8_500).map(Timestamp) {
            listed += u32::from(line.take_beside(rate, now).is_ok());
            for (at, lane) in due.iter_mut().filter(|(at, _)| *at <= now) {
                match line.take(rate, &lane.to_string(), 1, now) {
                    Ok(()) => {
                        let_through.push(now.0);
                        *at = Timestamp(i64::MAX);
                    }
                    Err(again) => *at = again,
                }
            }
        }
        let (last, through) = (let_through.last(), let_through.len());
        assert_eq!(
            through, 40,
            "the last at {last:?}, and {listed} of the list"
        );
        assert!(listed >= 38, "{listed} of the list");
    }

    #[test]
    fn who_never_comes_is_forgotten() {
        let mut line = Line::default();
        for n in 0..1_000 {
            line.wait(rate("1000/s"), &n.to_string(), Timestamp(0), Timestamp(0));
        }
        let much_later = Timestamp(120_000);
        assert!(line.take(rate("1000/s"), "somebody", 1, much_later).is_ok());
        assert!(line.places.is_empty() && line.order.is_empty());
    }
}
