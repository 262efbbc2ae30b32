//! `campaign cut`: the remote did what it was asked, and its answer is lost on the way. Rooms: `net`
//! (a network namespace for the program, and the wire out of it), `relay` (from our end of the wire
//! to the sandboxes). Neighbour: `season`, which judges each round.
//!
//! Only answers are lost, never calls, and never webhooks: so each lost one is a call of which the
//! bridge cannot know what became of it, and which it must find out before it tries again.

mod net;
mod relay;

use super::{
    Scene, Season, Subcommand, Verdict, Words, fault::Fault, load::Load, manner::Manner,
    table::Played,
};
use crate::{chance::Chance, figures::Figures, printed::say, program::Daemon};
use jelou_bridge::clock;
use net::Net;
use relay::Relay;
use std::{path::Path, time::Duration};

/// See the module.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "cut",
    usage: "[--rounds N] [--program PATH] [--manner NAME]",
    options: &["--rounds", "--program", "--manner"],
    short: &["--rounds", "1"],
    what: "Calls reach the remote and are done there, and their answers are lost on the way.",
    takes: "20 rounds unless it is said otherwise.",
    needs: "root, iproute2, nftables, and the right to make a network namespace.",
    play: |words| -> Played { Box::pin(play(words)) },
};

/// Bad weathers in a round.
const SPELLS: u64 = 6;

/// And no more than so many, where none of the first lost an answer for good: the shares, the lengths and
/// what is under way are drawn, and one round in twenty or so draws only mild ones.
const SPELLS_MOST: u64 = 40;

/// Webhooks that people make between one bad weather and the next.
const WEBHOOKS_EACH: u64 = 60;

/// Customers of a round.
const CUSTOMERS: usize = 100;

/// Good weather before a spell, at most; then bad weather, at least and at most; ms. A call waits
/// for a second: some spells are longer, and some answers come when they are sent again.
const CALM_MOST_MS: usize = 600;
const SPELL_MS: (usize, usize) = (200, 1_800);

/// Which share of the answers is lost, in percent.
const SHARES: [usize; 3] = [100, 60, 25];

/// What the campaign counts.
#[derive(Default)]
struct Counts {
    rounds: u64,
    webhooks: u64,
    spells: u64,
    lost: u64,
    unknown: f64,
    asked: usize,
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
    let net = Net::set()?;
    let mut scene = Scene::set(chance, manner, path, folder, |options| {
        let there = net.there;
        options.listen = format!("{there}:8080");
        options.admin_listen = format!("{there}:8081");
        let timeout = "call_timeout = \"5s\"";
        options.rules = options.rules.replace(timeout, "call_timeout = \"1s\"");
    })
    .await?;
    scene.program.before = net.before();
    let _relays = [
        Relay::to(scene.jelou.addr, net.here).await?,
        Relay::to(scene.helpdesk.addr, net.here).await?,
    ];
    let daemon = scene.program.start().await?;
    let mut counts = Counts::default();
    let mut broken = Vec::new();
    while broken.is_empty() && counts.rounds < rounds {
        broken = round(&scene, &daemon, &net, chance, &mut counts).await?;
    }
    if counts.lost == 0 || counts.unknown < 1.0 {
        broken.push("no answer was lost, so nothing is proven".to_owned());
    }
    broken.extend(scene.end(daemon).await?);
    let Counts {
        rounds,
        webhooks,
        spells,
        lost,
        unknown,
        asked,
        longest,
        before,
    } = counts;
    let line = format!(
        "{manner}, {rounds} rounds, {webhooks} webhooks acknowledged, {spells} spells of lost answers, {lost} \
         packets lost, {unknown} outcomes unknown at first, {asked} asked about, {before} words older than their link not \
         sent, settled in {:.1} s at most, {} breaches",
        longest.as_secs_f64(),
        broken.len()
    );
    Ok(Verdict { line, broken })
}

/// People act while answers are lost now and then; then good weather, quiet, and the verdict.
async fn round(
    scene: &Scene,
    daemon: &Daemon,
    net: &Net,
    chance: &mut Chance,
    counts: &mut Counts,
) -> Result<Vec<String>, String> {
    let season = Season::begin(scene, usize::try_from(counts.rounds).unwrap_or(0));
    let load = Load::begin(scene, &season, CUSTOMERS, Chance::new(chance.draw()));
    let before = unknown(daemon).await?;
    let mut spells = Vec::new();
    for number in 0..SPELLS_MOST {
        if number >= SPELLS && unknown(daemon).await? > before {
            break;
        }
        load.allow(scene.sent() + WEBHOOKS_EACH);
        spells.push(spell(scene, net, chance).await?);
        counts.spells += 1;
    }
    let season = season.over(load.end().await, spells);
    let judged = season.judged(scene, daemon).await?;
    let unknown = unknown(daemon).await? - before;
    counts.rounds += 1;
    counts.webhooks += judged.acked;
    counts.unknown += unknown;
    counts.asked += judged.asked;
    counts.before += judged.before;
    counts.lost = net.lost()?;
    counts.longest = counts.longest.max(judged.settled_in);
    say(&format!(
        "{:>4} rounds  {:>6} webhooks  {:>6} packets lost  {unknown:>4} outcomes unknown  settled in \
         {:>4.1} s  {} breaches",
        counts.rounds,
        counts.webhooks,
        counts.lost,
        judged.settled_in.as_secs_f64(),
        judged.broken.len()
    ));
    Ok(judged.broken)
}

/// Calm, then a share of one side's answers is lost, or of both sides'.
async fn spell(scene: &Scene, net: &Net, chance: &mut Chance) -> Result<Fault, String> {
    let ports = [scene.jelou.addr.port(), scene.helpdesk.addr.port()];
    let [jelou, helpdesk] = &ports;
    let whose: [&[u16]; 3] = [&[*jelou], &[*helpdesk], &ports];
    let whose = chance.pick(&whose).copied().unwrap_or(&ports);
    let share = chance.pick(&SHARES).copied().unwrap_or(100);
    let (calm, least) = (chance.below(CALM_MOST_MS), SPELL_MS.0);
    let spell = least + chance.below(SPELL_MS.1 - least);
    tokio::time::sleep(Duration::from_millis(calm as u64)).await;
    let from = clock::now().0;
    net.lose(whose, share)?;
    tokio::time::sleep(Duration::from_millis(spell as u64)).await;
    net.heal()?;
    let to = clock::now().0;
    Ok(Fault { from, to })
}

/// How many outcomes the daemon did not know at first.
async fn unknown(daemon: &Daemon) -> Result<f64, String> {
    let figures = Figures::of(&daemon.admin).await?;
    Ok(figures.sum("jelou_bridge_effects_total", &[("outcome", "unknown")]))
}
