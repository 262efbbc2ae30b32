//! A long outage: one side is dead while a million events arrive, the program is killed and started
//! with all of them queued, then the side comes back. Rooms: `customers` (who writes), `load` (how),
//! `desk` (the side that dies), `said` (what it was told), `stage` (everything in its place), `measure` (figures), `verdict`
//! (what is promised of them).
//!
//! What is measured, in this order: how long new customers take while nobody is poisoned, memory while the
//! queue grows, the time from start to ready, the pace and order of the drain, a canary with the side that
//! lives before, while and after, and whether customers whose calls always fail delay new ones. The flood has
//! such customers, so that what they are compared with comes before it.

mod customers;
mod desk;
mod http;
mod load;
mod measure;
mod said;
mod stage;
mod verdict;

use super::table::{Played, Subcommand, Verdict, Words};
use crate::{chance::Chance, figures::Figures, printed::say};
use desk::Door;
use jelou_bridge::clock;
use load::{EVENTS_EACH, Progress};
use measure::{Memory, most_within, processor_seconds};
use stage::Stage;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::Instant;
use verdict::{BEFORE, Canary, DRAIN, Drain, FLOOD, Report};

/// A million events, or as many as `--events` says.
const EVENTS: usize = 1_000_000;

/// Calls a second that the helpdesk allows, unless `--rate` says otherwise.
const RATE: usize = 200;

/// How long the drain is watched, s, unless `--drain` says otherwise; to its end if it is shorter.
const DRAIN_S: u64 = 7_200;

/// Each stretch of the comparison with and without poison, and each in which canaries sing and nothing else happens,
/// s, unless `--stretch` says otherwise. The p99 of the canaries of five seconds would be the slowest of them.
const STRETCH_S: u64 = 60;

/// A canary each.
const CANARY_EVERY: Duration = Duration::from_millis(100);

/// How often the figures are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Of a hundred tickets, so many are nearly all: some score of customers' calls met the dead side
/// itself, and their next try is their own, up to a minute later.
const NEARLY_PERCENT: usize = 90;

/// What is still to settle after the last ticket or message came does so in this time.
const SETTLES_WITHIN: Duration = Duration::from_secs(120);

/// The subcommand.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "outage",
    usage: "[--events N] [--rate CALLS_PER_SECOND] [--drain S] [--stretch S] [--program PATH]",
    options: &["--events", "--rate", "--drain", "--stretch", "--program"],
    short: &[
        "--events",
        "8000",
        "--rate",
        "400",
        "--drain",
        "120",
        "--stretch",
        "3",
    ],
    what: "One side is dead while a million webhooks arrive; the program is killed with all of \
           them queued; then the side comes back.",
    takes: "a million webhooks unless it is said otherwise; the drain is watched for 7,200 s at \
            most.",
    needs: "the machine for itself, since it measures paces.",
    play: |words| -> Played { Box::pin(campaign(words)) },
};

/// What was asked.
#[derive(Clone, Copy, Debug)]
struct Plan {
    customers: usize,
    rate: usize,
    drain: Duration,
    stretch: Duration,
}

async fn campaign(words: Words) -> Result<Verdict, String> {
    let events: usize = words.value("--events", EVENTS)?;
    let plan = Plan {
        customers: events.div_ceil(EVENTS_EACH).max(100),
        rate: words.value("--rate", RATE)?,
        drain: Duration::from_secs(words.value("--drain", DRAIN_S)?),
        stretch: Duration::from_secs(words.value("--stretch", STRETCH_S)?),
    };
    let seed = words.seed()?;
    let program = words.program().await?;
    let folder = words.folder()?;
    let came = async {
        let stage = Stage::set(Chance::new(seed).draw(), &program, folder.path(), &plan).await?;
        let report = play(stage, &plan).await?;
        say(&report.to_string());
        Ok(report.verdict())
    };
    let came = came.await;
    folder.judged(seed, came)
}

async fn play(mut stage: Stage, plan: &Plan) -> Result<Report, String> {
    let mut report = Report::default();
    stage.start().await?;
    report.memory.push(("idle", stage.memory()));
    report
        .canaries
        .push(canaries(&mut stage, BEFORE, plan.stretch).await);
    report.without_poison = stage.steady(plan, false).await?;
    calm(&stage).await?;
    stage.desk.door(Door::Refuse);
    flood(&mut stage, &mut report).await?;
    report
        .canaries
        .push(canaries(&mut stage, "queued", plan.stretch).await);
    report.memory.push(("queued", stage.memory()));
    report.scrape = stage.scrape().await?;
    stage.kill().await?;
    report.ready_after_kill = stage.start().await?;
    stage.stop().await?;
    report.ready_after_stop = stage.start().await?;
    report
        .canaries
        .push(canaries(&mut stage, "restarted", plan.stretch).await);
    report.memory.push(("restarted", stage.memory()));
    drain(&mut stage, plan, &mut report).await?;
    report.with_poison = stage.steady(plan, true).await?;
    report.peak = report.peak.max(stage.memory().peak);
    let seen = stage.desk.seen();
    report.unavailable = seen.unavailable;
    report.broken.extend(seen.broken);
    stage.stop().await?;
    Ok(report)
}

/// So long a stretch of canaries, and how long each took to its conversation at Jelou.
async fn canaries(stage: &mut Stage, when: &'static str, stretch: Duration) -> Canary {
    let until = Instant::now() + stretch;
    let mut sung = Vec::new();
    let mut tick = tokio::time::interval(CANARY_EVERY);
    while Instant::now() < until {
        tick.tick().await;
        sung.push(stage.sing().await);
    }
    stage.heard(when, &sung).await
}

/// All events arrive while the helpdesk is dead: at first it refuses connections, later it answers 503.
async fn flood(stage: &mut Stage, report: &mut Report) -> Result<(), String> {
    let all = stage.conversations.len() * EVENTS_EACH;
    let progress = Arc::new(Progress::default());
    let began = Instant::now();
    let used = processor_seconds(stage.pid()?);
    let (sender, told) = (stage.sender.clone(), Arc::clone(&progress));
    let conversations = Arc::clone(&stage.conversations);
    let senders = tokio::spawn(async move { sender.flood(conversations, told).await });
    let mut sung = Vec::new();
    let mut marks = [("25 %", all / 4), ("50 %", all / 2), ("75 %", all * 3 / 4)]
        .into_iter()
        .peekable();
    let mut tick = tokio::time::interval(CANARY_EVERY);
    while !senders.is_finished() {
        tick.tick().await;
        sung.push(stage.sing().await);
        let acked = progress.acked.load(Ordering::Relaxed);
        if let Some((name, _)) = marks.next_if(|(_, at)| acked >= *at) {
            report.memory.push((name, stage.memory()));
            if name == "50 %" {
                stage.desk.door(Door::Unavailable);
            }
        }
    }
    stage.desk.door(Door::Unavailable);
    senders.await.map_err(|error| error.to_string())?;
    report.flooded_in = began.elapsed();
    report.events = all;
    report.said_again = progress.said_again.load(Ordering::Relaxed);
    report.memory.push(("100 %", stage.memory()));
    report.canaries.push(stage.heard(FLOOD, &sung).await);
    let caught_up = Instant::now();
    let calm = calm(stage).await?;
    report.heard_in = caught_up.elapsed();
    report.backlog = calm;
    report.processor = processor_seconds(stage.pid()?) - used;
    Ok(())
}

/// Waits until nothing is at the router and no event waits for its lane: what is left waits for the
/// dead side. Gives back the open intents.
async fn calm(stage: &Stage) -> Result<f64, String> {
    let give_up = Instant::now() + Duration::from_secs(7_200);
    loop {
        let figures = Figures::of(&stage.admin()).await?;
        if figures.sum("jelou_bridge_unsettled_deliveries", &[]) < 0.5 {
            return Ok(figures.sum("jelou_bridge_intents", &[]));
        }
        if Instant::now() > give_up {
            return Err("the events were not heard within two hours".to_owned());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The side comes back. The pace is that of the time in which there is enough to do: until nearly all
/// tickets are there. The last ones wait for nothing but their own next try.
async fn drain(stage: &mut Stage, plan: &Plan, report: &mut Report) -> Result<(), String> {
    let before = stage.desk.seen().calls.len();
    let wanted = stage.wanted();
    let nearly = wanted * NEARLY_PERCENT / 100;
    let used = processor_seconds(stage.pid()?);
    stage.desk.door(Door::Open);
    let opened = clock::now().0;
    let began = Instant::now();
    let mut sung = Vec::new();
    let mut tick = tokio::time::interval(CANARY_EVERY);
    while stage.created() < nearly && began.elapsed() < plan.drain {
        tick.tick().await;
        sung.push(stage.sing().await);
    }
    let took = began.elapsed();
    report.memory.push(("draining", stage.memory()));
    let calls = stage.desk.seen().calls;
    let calls = calls.get(before..).unwrap_or_default().to_vec();
    let first = calls.first().copied().unwrap_or(opened);
    let last = calls.last().copied().unwrap_or(opened);
    report.drain = Drain {
        limit: plan.rate,
        back_after: Duration::from_millis(u64::try_from(first - opened).unwrap_or_default()),
        window: Duration::from_millis(u64::try_from(last - first).unwrap_or_default()),
        calls: calls.len(),
        most_in_a_second: most_within(&calls, Duration::from_secs(1)),
        most_in_a_stretch: most_within(&calls, Duration::from_secs(verdict::STRETCH_S as u64)),
        created: stage.created(),
        wanted,
        processor: (processor_seconds(stage.pid()?) - used) / took.as_secs_f64(),
    };
    report.canaries.push(stage.heard(DRAIN, &sung).await);
    if stage.created() >= nearly {
        report.broken.extend(stage.judge().await?);
        report.drain.created = stage.created();
        report.judged = true;
    }
    Ok(())
}

/// A process's memory, or nothing.
fn memory(pid: Option<u32>) -> Memory {
    pid.map(Memory::of).unwrap_or_default()
}
