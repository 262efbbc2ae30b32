//! The figures of a run, and what is promised of them. Neighbour: `measure`, which makes them.

#[cfg(test)]
mod tests;

use super::{measure::Memory, stage::ARENAS};
use crate::campaign::table::Verdict;
use std::{fmt, time::Duration};

/// The daemon's resident memory never exceeds this, however much is queued: it keeps the queue on
/// disk (the aim of the project), KiB.
const MEMORY_MOST_KIB: u64 = 64 * 1024;

/// From the start of the process to ready, with everything queued (the aim of the project).
const READY_WITHIN: Duration = Duration::from_secs(2);

/// The share of the remote's limit that the drain makes use of, at least (the aim of the project).
const PACE_LEAST: f64 = 0.9;

/// No second sees more calls leave than the limit, wherever it begins: the line before the side remembers
/// when it let out as many as the limit, and lets out the next a second after the first of them. It is not
/// a bucket that fills while nobody calls. But a call arrives later than it was let out, since an Intent is
/// committed between, and one commit may take so much longer than another: what was let out in a second
/// and so much more may arrive within one. 440 calls in a second of 400 were seen while a compiler had both cores.
const COMMIT_MOST: Duration = Duration::from_millis(100);

/// The same commit is all that may come on top in a stretch of so many seconds: nobody goes on too fast.
pub const STRETCH_S: usize = 10;

/// Poison delays the others by a fifth at most (the aim of the project), and so does one side's trouble those
/// who are served by the other...
const DELAY_MOST: f64 = 1.2;

/// ...as far as that can be measured: so far apart, ms, may the p99 of two stretches be that should be alike. On a
/// quiet machine they were seen 3 and 11 apart, beside a build hundreds. It is the noise of measuring: a fifth of
/// the 10 ms in which somebody is served is less than the operating system lets a process wait for its turn.
const NOISE_MS: i64 = 25;

/// In a run of any length half of the others wait no longer than so much more, ms. In a stretch of some
/// seconds the machine's own stalls make the p99, and no median: this one tells poison that stops everybody.
const MEDIAN_MORE_MOST_MS: i64 = 500;

/// The side that lives is served as soon as ever with everything queued for the other: a canary's p99 is held
/// against what it was before ([`DELAY_MOST`]). In the drain, and whatever it was, it is at most this, ms: a person
/// does not notice.
const CANARY_MOST_MS: i64 = 1_000;

/// From so many events on, how long things take is judged. A shorter run prints it all the same, and is held
/// to [`MEDIAN_MORE_MOST_MS`] alone: it is part of the run of everything, which must not hang on who else
/// uses the machine.
const TIMED_FROM_EVENTS: usize = 100_000;

/// Canaries that sing while nothing else happens: what the others are held against.
pub const BEFORE: &str = "before";

/// Canaries that sing while all events arrive. Those take two cores whole, so that everything takes longer: told, and
/// not judged.
pub const FLOOD: &str = "flood";

/// Canaries that sing while what is queued is drained at the whole limit. They wait for the same commits as each of its
/// calls, which those before did not: held to [`CANARY_MOST_MS`] alone. 8 ms before were 341 in it, and 11 were 163.
pub const DRAIN: &str = "drain";

/// How the drain went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Drain {
    /// Calls a second that are allowed.
    pub limit: usize,
    /// From the side's return to its first call.
    pub back_after: Duration,
    /// From the first call to the last.
    pub window: Duration,
    /// Calls in it.
    pub calls: usize,
    /// The most calls in any second.
    pub most_in_a_second: usize,
    /// The most calls in any [`STRETCH_S`] seconds.
    pub most_in_a_stretch: usize,
    /// Tickets made.
    pub created: usize,
    /// Tickets to make.
    pub wanted: usize,
    /// Processor time of the daemon, cores.
    pub processor: f64,
}

impl Drain {
    #[allow(clippy::cast_precision_loss, reason = "some hundred thousand calls")]
    fn share(&self) -> f64 {
        self.calls as f64 / self.window.as_secs_f64().max(0.001) / self.limit as f64
    }

    /// Stretches in which more calls came than may.
    fn too_fast(&self) -> Vec<String> {
        let stretches = [
            (1, self.most_in_a_second),
            (STRETCH_S, self.most_in_a_stretch),
        ];
        let wrong = stretches.into_iter().filter_map(|(seconds, most)| {
            let allowed = self.most_allowed(seconds);
            (most > allowed).then(|| format!("{most} calls in {seconds} s, {allowed} allowed"))
        });
        wrong.collect()
    }

    /// Calls that may arrive in so many seconds.
    fn most_allowed(&self, seconds: usize) -> usize {
        let ms = usize::try_from(COMMIT_MOST.as_millis()).unwrap_or_default();
        self.limit * seconds + (self.limit * ms).div_ceil(1_000)
    }
}

/// How long canaries took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Canary {
    /// Meanwhile.
    pub when: &'static str,
    /// How many.
    pub sung: usize,
    /// How many were never heard.
    pub missing: usize,
    /// ms.
    pub median: i64,
    /// ms.
    pub p99: i64,
}

/// New customers in one stretch, and how long they took from their first word to their ticket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Newcomers {
    /// How many got it: all whose calls do not always fail.
    pub served: usize,
    /// Calls that poison struck meanwhile.
    pub poisoned: usize,
    /// ms.
    pub median: i64,
    /// ms.
    pub p99: i64,
}

/// All figures.
#[derive(Debug, Default)]
pub struct Report {
    /// Events that arrived.
    pub events: usize,
    /// How long they took to arrive.
    pub flooded_in: Duration,
    /// Events that had to be said again.
    pub said_again: usize,
    /// From the last one's answer until all were heard.
    pub heard_in: Duration,
    /// Intents that wait.
    pub backlog: f64,
    /// Calls that were answered 503.
    pub unavailable: usize,
    /// Processor time of both, s.
    pub processor: f64,
    /// Memory at each mark.
    pub memory: Vec<(&'static str, Memory)>,
    /// The most memory at any time, KiB.
    pub peak: u64,
    /// How long the metrics page takes with everything queued.
    pub scrape: Duration,
    /// From start to ready after SIGKILL.
    pub ready_after_kill: Duration,
    /// From start to ready after SIGTERM.
    pub ready_after_stop: Duration,
    /// Canaries by stretch.
    pub canaries: Vec<Canary>,
    /// The drain.
    pub drain: Drain,
    /// Whether it was watched to its end and judged.
    pub judged: bool,
    /// New customers before anybody was poisoned.
    pub without_poison: Newcomers,
    /// New customers of whom some are poisoned.
    pub with_poison: Newcomers,
    /// Laws that were broken.
    pub broken: Vec<String>,
}

/// How many times as long the second took as the first, ms.
#[allow(clippy::cast_precision_loss, reason = "milliseconds of a minute")]
fn times(without: i64, with: i64) -> f64 {
    with as f64 / (without as f64).max(1.0)
}

/// Whether the second took longer than the first by more than may be and than noise makes, ms.
fn is_delayed(without: i64, with: i64) -> bool {
    times(without, with) > DELAY_MOST && with - without > NOISE_MS
}

impl Report {
    fn delay(&self) -> f64 {
        times(self.without_poison.p99, self.with_poison.p99)
    }

    fn most_memory(&self) -> u64 {
        let marks = self.memory.iter().map(|(_, memory)| memory.peak);
        marks.chain([self.peak]).max().unwrap_or_default()
    }

    /// What is promised, held against the figures.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut broken = self.broken.clone();
        let mut hold = |holds: bool, what: String| {
            if !holds {
                broken.push(what);
            }
        };
        let timed = self.events >= TIMED_FROM_EVENTS;
        let most = self.most_memory();
        hold(
            most <= MEMORY_MOST_KIB,
            format!("memory rose to {most} KiB"),
        );
        for (after, took) in [
            ("a kill", self.ready_after_kill),
            ("a stop", self.ready_after_stop),
        ] {
            hold(
                took <= READY_WITHIN || !timed,
                format!("ready {took:?} after {after}"),
            );
        }
        hold(
            self.judged,
            "the drain was not watched to its end: --drain is too short".to_owned(),
        );
        let share = self.drain.share();
        hold(
            share >= PACE_LEAST || !timed,
            format!("drained at {share:.2} of the limit"),
        );
        broken.extend(self.harmed(timed));
        broken.extend(self.delayed(timed));
        broken.extend(self.drain.too_fast());
        broken.extend(self.unproven());
        Verdict {
            line: self.line(),
            broken,
        }
    }

    /// What canaries met while the other side was dead, held against what they met before.
    fn harmed(&self, timed: bool) -> Vec<String> {
        let mut broken = Vec::new();
        for Canary { when, missing, .. } in self.canaries.iter().filter(|c| c.missing > 0) {
            broken.push(format!("{missing} canaries were never heard ({when})"));
        }
        let Some(before) = self.canaries.iter().find(|c| c.when == BEFORE) else {
            broken.push("no canary sang before, so nothing is proven of them".to_owned());
            return broken;
        };
        let judged = self.canaries.iter().filter(|c| timed && c.when != FLOOD);
        for Canary { when, p99, .. } in judged {
            let is_late = *when != DRAIN && is_delayed(before.p99, *p99);
            if is_late || *p99 > CANARY_MOST_MS {
                let before = before.p99;
                broken.push(format!("canaries took {p99} ms ({when}), {before} before"));
            }
        }
        broken
    }

    /// What poison did to the others; and whether it struck at all, and where it was to and nowhere else: else
    /// nothing was compared.
    fn delayed(&self, timed: bool) -> Vec<String> {
        let (without, with) = (self.without_poison, self.with_poison);
        let compared = without.served > 0 && with.served > 0;
        if !compared || without.poisoned > 0 || with.poisoned == 0 {
            return vec![format!(
                "{} new customers and {} poisoned calls without poison, {} and {} with it, so nothing is proven of it",
                without.served, without.poisoned, with.served, with.poisoned
            )];
        }
        let mut broken = Vec::new();
        if timed && is_delayed(without.p99, with.p99) {
            broken.push(format!("poison delayed the others to {:.2}", self.delay()));
        }
        let more = with.median - without.median;
        if more > MEDIAN_MORE_MOST_MS {
            broken.push(format!("poison delayed half of the others by {more} ms"));
        }
        broken
    }

    /// Whether the side was dead and work was queued for it: else the run is none.
    fn unproven(&self) -> Option<String> {
        let (waited, refused, tickets) = (self.backlog, self.unavailable, self.drain.wanted);
        #[allow(clippy::cast_precision_loss, reason = "some hundred thousand tickets")]
        let queued = waited >= tickets as f64;
        (!queued || refused == 0).then(|| {
            format!(
                "{waited} writes waited for {tickets} tickets and {refused} calls were refused, so nothing is proven"
            )
        })
    }

    fn line(&self) -> String {
        let (name, arenas) = ARENAS;
        let Self { events, drain, .. } = self;
        let ready = self
            .ready_after_kill
            .max(self.ready_after_stop)
            .as_secs_f64();
        let canary = |c: &Canary| format!("{} {}", c.p99, c.when);
        let canaries: Vec<String> = self.canaries.iter().map(canary).collect();
        format!(
            "{events} events, {} writes queued, at most {} MiB with {name}={arenas}, ready in {ready:.2} s, drained at {:.3} of the limit with at most {} \
             calls in a second of {} and {} in {STRETCH_S}, {} of {} tickets, canaries' p99 {} ms, {} poisoned calls and p99 {} ms where it was {}",
            self.backlog,
            self.most_memory() / 1024,
            drain.share(),
            drain.most_in_a_second,
            drain.limit,
            drain.most_in_a_stretch,
            drain.created,
            drain.wanted,
            canaries.join(", "),
            self.with_poison.poisoned,
            self.with_poison.p99,
            self.without_poison.p99,
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[allow(clippy::cast_precision_loss, reason = "a million events")]
        let pace = self.events as f64 / self.flooded_in.as_secs_f64().max(0.001);
        writeln!(
            f,
            "  taken in: {} events in {:.1} s, {pace:.0} a second; {} said again; heard {:.1} s later; {} intents wait; \
             {:.0} s of processor",
            self.events,
            self.flooded_in.as_secs_f64(),
            self.said_again,
            self.heard_in.as_secs_f64(),
            self.backlog,
            self.processor,
        )?;
        for (when, memory) in &self.memory {
            let (now, peak) = (memory.resident / 1024, memory.peak / 1024);
            writeln!(f, "  memory, {when}: {now} MiB, {peak} MiB since its start")?;
        }
        writeln!(
            f,
            "  ready {:.2} s after a kill, {:.2} s after a stop; the metrics page takes {:.2} s",
            self.ready_after_kill.as_secs_f64(),
            self.ready_after_stop.as_secs_f64(),
            self.scrape.as_secs_f64(),
        )?;
        let Drain {
            calls,
            window,
            most_in_a_second,
            most_in_a_stretch,
            limit,
            back_after,
            created,
            wanted,
            processor,
        } = &self.drain;
        writeln!(
            f,
            "  drain: first call {:.1} s after the return, {calls} calls in {:.1} s, {:.3} of {limit} a second, at most \
             {most_in_a_second} in any second and {most_in_a_stretch} in any {STRETCH_S}; {created} of {wanted} tickets, {}; {processor:.2} cores",
            back_after.as_secs_f64(),
            window.as_secs_f64(),
            self.drain.share(),
            if self.judged {
                "judged"
            } else {
                "not to its end"
            },
        )?;
        for canary in &self.canaries {
            let Canary {
                when,
                sung,
                missing,
                median,
                p99,
            } = canary;
            writeln!(
                f,
                "  canaries, {when}: {sung}, median {median} ms, p99 {p99} ms, {missing} missing"
            )?;
        }
        let (without, with) = (self.without_poison, self.with_poison);
        write!(
            f,
            "  new customers: without poison {without}; with {with}; p99 x {:.2}",
            self.delay(),
        )
    }
}

impl fmt::Display for Newcomers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            served,
            poisoned,
            median,
            p99,
        } = self;
        write!(
            f,
            "{served}, median {median} ms, p99 {p99} ms, {poisoned} poisoned calls"
        )
    }
}
