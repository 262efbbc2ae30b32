//! `campaign disk`: the database's disk is full at bad moments, to various degrees, and has room
//! again. Rooms: `small` (a disk that can be filled). Neighbour: `season`, which judges each round.
//!
//! A webhook that cannot be stored is answered 503 and nothing of it is kept; `/readyz` says so; with
//! room again all goes on, and nobody starts anything anew.

mod small;

use super::{
    Scene, Season, Subcommand, Verdict, Words, fault::Fault, load::Load, manner::Manner,
    table::Played,
};
use crate::{
    chance::Chance,
    figures::{self, Figures},
    printed::say,
    program::Daemon,
};
use jelou_bridge::clock;
use small::Small;
use std::{path::Path, time::Duration};

/// See the module.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "disk",
    usage: "[--rounds N] [--program PATH] [--manner NAME]",
    options: &["--rounds", "--program", "--manner"],
    short: &["--rounds", "1"],
    what: "The disk of the database is full at bad moments and has room again; what cannot be \
           stored must be answered 503.",
    takes: "20 rounds unless it is said otherwise, each with five fillings or more.",
    needs: "root, and the right to mount.",
    play: |words| -> Played { Box::pin(play(words)) },
};

/// The size of the disk, bytes. The campaign's longest form writes a third of it.
const SIZE: u64 = 192 * 1024 * 1024;

/// How much room is left when it is filled, bytes. SQLite's log can be written over for a while even
/// where there is none.
const ROOMS: [u64; 5] = [0, 4 * 1024, 64 * 1024, 512 * 1024, 2 * 1024 * 1024];

/// Times that it is filled in a round.
const FILLINGS: u64 = 5;

/// And no more often than so, where no webhook came while there was no room.
const FILLINGS_MOST: u64 = 40;

/// What the daemon counts a webhook as that it could not store.
const REFUSED: &str = "unavailable";

/// Webhooks that people make between one filling and the next.
const WEBHOOKS_EACH: u64 = 80;

/// Customers of a round.
const CUSTOMERS: usize = 100;

/// Room before it is filled, at most; then how long it stays as it is, at most; ms.
const ROOMY_MOST_MS: usize = 300;
const FULL_MOST_MS: usize = 1_200;

/// How often the room changes before all of it is given back, at most.
const CHANGES_MOST: usize = 3;

/// With room again it is ready within this.
const READY_AGAIN_WITHIN: Duration = Duration::from_secs(5);

/// How often it is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// What the campaign counts.
#[derive(Default)]
struct Counts {
    rounds: u64,
    webhooks: u64,
    fillings: u64,
    refused: f64,
    not_ready: u64,
    longest: Duration,
    before: usize,
}

async fn play(words: Words) -> Result<Verdict, String> {
    let rounds = words.value("--rounds", 20)?;
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
    let place = folder.join("disk");
    let disk = Small::mount(&place, SIZE)?;
    let scene = Scene::set(chance, manner, path, folder, |options| {
        options.folder = place;
    })
    .await?;
    let daemon = scene.program.start().await?;
    let mut counts = Counts::default();
    let mut broken = Vec::new();
    while broken.is_empty() && counts.rounds < rounds {
        broken = round(&scene, &daemon, &disk, chance, &mut counts).await?;
    }
    // Whether it is told by `/readyz` is counted and not judged: what is asked there is a page, and a
    // page may find room where a webhook does not.
    if counts.refused < 1.0 {
        broken.push("the disk was never too full, so nothing is proven".to_owned());
    }
    broken.extend(scene.end(daemon).await?);
    if !broken.is_empty() {
        // The disk goes with this process; what is on it is wanted.
        disk.empty()?;
        keep(&scene.database, folder)?;
    }
    let Counts {
        rounds,
        webhooks,
        fillings,
        refused,
        not_ready,
        longest,
        before,
    } = counts;
    let line = format!(
        "{manner}, {rounds} rounds, {webhooks} webhooks acknowledged, {fillings} fillings, {refused} webhooks \
         answered 503, not ready {not_ready} times, {before} words older than their link not sent, settled in {:.1} s at \
         most, {} breaches",
        longest.as_secs_f64(),
        broken.len()
    );
    Ok(Verdict { line, broken })
}

/// People act while the disk is filled and emptied; then there is room, quiet, and the verdict.
async fn round(
    scene: &Scene,
    daemon: &Daemon,
    disk: &Small,
    chance: &mut Chance,
    counts: &mut Counts,
) -> Result<Vec<String>, String> {
    let season = Season::begin(scene, usize::try_from(counts.rounds).unwrap_or(0));
    let load = Load::begin(scene, &season, CUSTOMERS, Chance::new(chance.draw()));
    let before = Figures::of(&daemon.admin).await?;
    let mut broken = Vec::new();
    let mut faults = Vec::new();
    for number in 0..FILLINGS_MOST {
        let so_far = Figures::of(&daemon.admin).await?;
        if number >= FILLINGS && refused(&so_far) > refused(&before) {
            break;
        }
        load.allow(scene.sent() + WEBHOOKS_EACH);
        let (not_ready, full) = filling(daemon, disk, chance).await?;
        faults.push(full);
        counts.fillings += 1;
        counts.not_ready += u64::from(not_ready);
        if !is_ready_soon(daemon).await {
            broken.push(format!(
                "not ready {READY_AGAIN_WITHIN:?} after there was room"
            ));
        }
    }
    let season = season.over(load.end().await, faults);
    let judged = season.judged(scene, daemon).await?;
    broken.extend(judged.broken);
    let after = Figures::of(&daemon.admin).await?;
    let more = |outcome| (deliveries(&after, outcome) - deliveries(&before, outcome)).round();
    let (refused, known) = (more(REFUSED), more("known"));
    #[allow(clippy::cast_precision_loss)]
    let again = judged.acked as f64;
    if known > again {
        // Each was sent once more at the end. Who was known before that had been refused.
        let stored = known - again;
        broken.push(format!("{stored} webhooks were answered 503 and stored"));
    }
    counts.rounds += 1;
    counts.webhooks += judged.acked;
    counts.before += judged.before;
    counts.refused += refused;
    counts.longest = counts.longest.max(judged.settled_in);
    say(&format!(
        "{:>4} rounds  {:>6} webhooks  {refused:>6} answered 503  settled in {:>4.1} s  {} breaches",
        counts.rounds,
        counts.webhooks,
        judged.settled_in.as_secs_f64(),
        broken.len()
    ));
    Ok(broken)
}

/// How many webhooks had such an outcome.
fn deliveries(figures: &Figures, outcome: &str) -> f64 {
    figures.sum("jelou_bridge_deliveries_total", &[("outcome", outcome)])
}

/// How many webhooks found no room.
fn refused(figures: &Figures) -> f64 {
    deliveries(figures, REFUSED)
}

/// Fills the disk, a few times and more or less, and gives the room back. Says whether the daemon
/// was not ready at any time of it, and from when to when there was too little room.
async fn filling(
    daemon: &Daemon,
    disk: &Small,
    chance: &mut Chance,
) -> Result<(bool, Fault), String> {
    let roomy = chance.below(ROOMY_MOST_MS);
    tokio::time::sleep(Duration::from_millis(roomy as u64)).await;
    let mut not_ready = false;
    let from = clock::now().0;
    for _ in 0..=chance.below(CHANGES_MOST) {
        disk.fill(chance.pick(&ROOMS).copied().unwrap_or(0))?;
        let full = Duration::from_millis(chance.below(FULL_MOST_MS) as u64);
        let over = clock::now().plus(full);
        while clock::now() < over {
            not_ready |= figures::status(&daemon.admin, "/readyz").await == Some(503);
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
    disk.empty()?;
    let to = clock::now().0;
    Ok((not_ready, Fault { from, to }))
}

async fn is_ready_soon(daemon: &Daemon) -> bool {
    let asking = async {
        while figures::status(&daemon.admin, "/readyz").await != Some(200) {
            tokio::time::sleep(ASK_EVERY).await;
        }
    };
    tokio::time::timeout(READY_AGAIN_WITHIN, asking)
        .await
        .is_ok()
}

/// Copies the database and its companions to where they outlive the disk.
fn keep(database: &Path, folder: &Path) -> Result<(), String> {
    for companion in ["", "-wal", "-shm"] {
        let mut from = database.as_os_str().to_owned();
        from.push(companion);
        let to = folder.join(format!("bridge.db{companion}"));
        match std::fs::copy(&from, to) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}
