//! `campaign clocks`: the machine's wall clock is set forward and back while work goes on. Rooms:
//! `fake` (a wall clock that can be set). Neighbour: `season`, which judges after each jump back.
//!
//! The laws hold whatever the clock says, and nothing waits for the clock to catch up: due times,
//! leases and pauses of an hour ago were written by a clock that has been set back since.

mod fake;

use super::{
    Scene, Season, Subcommand, Verdict, Words, fault::Fault, load::Load, manner::Manner,
    table::Played,
};
use crate::{chance::Chance, figures::Figures, printed::say, program::Daemon};
use fake::Clock;
use jelou_bridge::{clock as true_clock, demo::StageOptions};
use std::{path::Path, time::Duration};

/// See the module.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "clocks",
    usage: "[--rounds N] [--program PATH] [--manner NAME]",
    options: &["--rounds", "--program", "--manner"],
    short: &["--rounds", "1"],
    what: "The machine's wall clock, as the program sees it, is set forward and back while work \
           goes on.",
    takes: "10 rounds unless it is said otherwise.",
    needs: "libfaketime.",
    play: |words| -> Played { Box::pin(play(words)) },
};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// What becomes of the clock in one season: where it goes, in seconds off the true time, one after
/// the other. The last is back from where it was, so that what would freeze shows.
struct Story {
    told: &'static str,
    jumps: &'static [i64],
    /// Whether the program is killed before the last jump, and started again after it.
    restarts: bool,
}

/// The stories of a round. The true time comes back with the next round.
const STORIES: [Story; 3] = [
    Story {
        told: "an hour forward, an hour back",
        jumps: &[HOUR, 0],
        restarts: false,
    },
    Story {
        told: "a day back",
        jumps: &[-DAY],
        restarts: false,
    },
    Story {
        told: "a day forward; killed, an hour back, started",
        jumps: &[0, -HOUR],
        restarts: true,
    },
];

/// Webhooks that people make before each jump and after the last.
const WEBHOOKS_EACH: u64 = 80;

/// Customers of a season.
const CUSTOMERS: usize = 60;

/// How long people go on before each jump and after the last, ms.
const BETWEEN_MS: (usize, usize) = (300, 1_300);

/// The program sweeps once a second: so long after a jump it has, and tells when.
const TELLS_WITHIN: Duration = Duration::from_secs(20);

/// No two of the times that the clock is set to are as near each other, s; no sweep is as old.
const FAR_OFF_S: f64 = 60.0;

/// How often it is asked.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What the campaign counts.
#[derive(Default)]
struct Counts {
    seasons: usize,
    webhooks: u64,
    jumps: usize,
    longest: Duration,
    before: usize,
}

async fn play(words: Words) -> Result<Verdict, String> {
    let rounds = words.value("--rounds", 10)?;
    let seed = words.seed()?;
    let path = words.program().await?;
    let folder = words.folder()?;
    let mut chance = Chance::new(seed);
    let drawn = Manner::draw(&mut chance);
    let manner = words.manner()?.unwrap_or(drawn);
    let came = campaign(rounds, manner, &path, folder.path(), &mut chance).await;
    folder.judged(seed, came)
}

async fn campaign(
    rounds: u64,
    manner: Manner,
    path: &Path,
    folder: &Path,
    chance: &mut Chance,
) -> Result<Verdict, String> {
    let clock = Clock::in_folder(folder)?;
    // Whom the clock tells that a day has passed has waited for a day. That is no law broken, but it
    // would hide one.
    let patient = |options: &mut StageOptions| {
        let busy = "busy_timeout = \"1h\"";
        options.rules = options.rules.replace(busy, "busy_timeout = \"8760h\"");
    };
    let mut scene = Scene::set(chance, manner, path, folder, patient).await?;
    scene.program.environment = clock.environment();
    let mut daemon = scene.program.start().await?;
    let mut counts = Counts::default();
    let mut broken = Vec::new();
    for _ in 0..rounds {
        for story in &STORIES {
            let mut found;
            (daemon, found) = season(&scene, daemon, &clock, story, chance, &mut counts).await?;
            broken.append(&mut found);
        }
        if !broken.is_empty() {
            break;
        }
    }
    broken.extend(scene.end(daemon).await?);
    let Counts {
        webhooks,
        jumps,
        longest,
        before,
        ..
    } = counts;
    let line = format!(
        "{manner}, {jumps} jumps of the clock, each told by the program, {webhooks} webhooks acknowledged, {before} words older \
         than their link not sent, settled in {:.1} s at most, {} breaches",
        longest.as_secs_f64(),
        broken.len()
    );
    Ok(Verdict { line, broken })
}

/// People act while the clock jumps; then it goes on as it is, quiet, and the verdict.
async fn season(
    scene: &Scene,
    mut daemon: Daemon,
    clock: &Clock,
    story: &Story,
    chance: &mut Chance,
    counts: &mut Counts,
) -> Result<(Daemon, Vec<String>), String> {
    let season = Season::begin(scene, counts.seasons);
    let load = Load::begin(scene, &season, CUSTOMERS, Chance::new(chance.draw()));
    // A call that is under way at a jump may seem to have gone on for an hour: its Claim is over.
    let mut jumps = Vec::new();
    for (number, seconds) in story.jumps.iter().enumerate() {
        go_on(scene, &load, chance).await;
        jumps.push(Fault::at(true_clock::now().0));
        if story.restarts && number + 1 == story.jumps.len() {
            daemon.kill().await?;
            clock.set(*seconds)?;
            daemon = scene.program.start().await?;
        } else {
            clock.set(*seconds)?;
        }
        tells_the_time(&daemon, *seconds).await?;
        counts.jumps += 1;
    }
    go_on(scene, &load, chance).await;
    let season = season.over(load.end().await, jumps);
    let judged = season.judged(scene, &daemon).await?;
    counts.seasons += 1;
    counts.webhooks += judged.acked;
    counts.before += judged.before;
    counts.longest = counts.longest.max(judged.settled_in);
    say(&format!(
        "{:<46}  {:>6} webhooks  settled in {:>4.1} s  {} breaches",
        story.told,
        judged.acked,
        judged.settled_in.as_secs_f64(),
        judged.broken.len()
    ));
    let named = |law| format!("{}: {law}", story.told);
    Ok((daemon, judged.broken.into_iter().map(named).collect()))
}

/// Waits until the program itself tells a time so many seconds off the true one: when it last swept.
/// A jump that it does not see proves nothing.
async fn tells_the_time(daemon: &Daemon, off: i64) -> Result<(), String> {
    let told = async || {
        let figures = Figures::of(&daemon.admin).await?;
        let swept = figures.sum("jelou_bridge_last_sweep_timestamp_seconds", &[]);
        #[allow(clippy::cast_precision_loss, reason = "seconds since 1970")]
        let now = true_clock::now().0 as f64 / 1_000.0;
        Ok::<f64, String>(swept - now)
    };
    let give_up = true_clock::now().plus(TELLS_WITHIN);
    #[allow(clippy::cast_precision_loss, reason = "a day's seconds")]
    let wanted = off as f64;
    loop {
        let is = told().await?;
        if (is - wanted).abs() < FAR_OFF_S {
            return Ok(());
        }
        if true_clock::now() > give_up {
            return Err(format!(
                "the clock was set {off} s off, and {TELLS_WITHIN:?} later the program's is {is:.0} s off: nothing is proven"
            ));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn go_on(scene: &Scene, load: &Load, chance: &mut Chance) {
    load.allow(scene.sent() + WEBHOOKS_EACH);
    let (least, most) = BETWEEN_MS;
    let wait = least + chance.below(most - least);
    tokio::time::sleep(Duration::from_millis(wait as u64)).await;
}
