//! `campaign kill`: SIGKILL at random moments, thousands of them, on one database that lives on.
//! Neighbours: `scene`, which is played on; `season`, which is judged every two hundred kills.
//!
//! The program is killed between 20 and 600 ms after it was started, so also while it opens its
//! database and picks up what the last life left, or, every second time by chance, so long after it
//! was ready: on a slow machine it would come to nothing else. It is started again at once. People
//! and remotes go on all the time; what a dead program does not take is sent again by its sender.

use super::{
    Scene, Season, Subcommand, Verdict, Words,
    fault::{DoneAgain, Fault},
    load::Load,
    manner::Manner,
    table::Played,
};
use crate::{chance::Chance, printed::say};
use jelou_bridge::clock;
use std::time::Duration;

/// See the module.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "kill",
    usage: "[--kills N] [--events M] [--every K] [--program PATH] [--manner NAME]",
    options: &["--kills", "--events", "--every", "--program", "--manner"],
    short: &["--kills", "60", "--events", "1200", "--every", "60"],
    what: "SIGKILL at random moments on one database that lives on; after every K kills all must \
           settle, and every law is looked at.",
    takes: "5,000 kills of 200 a season unless it is said otherwise; a life lasts 20 to 600 ms \
            from its start or from when it is ready, and a season may take 90 s to settle.",
    needs: "nothing beside the program.",
    play: |words| -> Played { Box::pin(play(words)) },
};

/// The shortest and the longest life, ms from its start.
const LIVES_MS: (usize, usize) = (20, 600);

/// Customers of a season: so many that no ticket sees more changes in a minute than the rules let a
/// person make before they take it for a loop.
const CUSTOMERS: usize = 1_000;

struct Plan {
    kills: u64,
    events: u64,
    every: u64,
    /// The manner of all seasons, where one was asked for.
    manner: Option<Manner>,
}

#[derive(Default)]
struct Counts {
    kills: u64,
    events: u64,
    seasons: usize,
    asked: usize,
    cut: usize,
    again: DoneAgain,
    before: usize,
}

impl Counts {
    /// What came of it in one line, with so many laws broken. Words that went nowhere and of which nobody was
    /// told are no breach, and no success either: they are in it.
    fn line(&self, breaches: usize) -> String {
        let Self {
            kills,
            events,
            seasons,
            asked,
            cut,
            again,
            before,
        } = self;
        format!(
            "{kills} kills, {events} webhooks acknowledged, judged {seasons} times, {cut} calls cut, {again}, {asked} asked about, \
             {before} words older than their link not sent, {breaches} breaches"
        )
    }
}

async fn play(words: Words) -> Result<Verdict, String> {
    let plan = Plan {
        kills: words.value("--kills", 5_000)?,
        events: words.value("--events", 200_000)?,
        every: words.value("--every", 200)?,
        manner: words.manner()?,
    };
    let seed = words.seed()?;
    let path = words.program().await?;
    let folder = words.folder()?;
    let mut chance = Chance::new(seed);
    let manner = Manner::ALL[0];
    let scene = Scene::set(&mut chance, manner, &path, folder.path(), |_| {}).await;
    let came = match scene {
        Ok(mut scene) => campaign(&mut scene, &plan, &mut chance).await,
        Err(why) => Err(why),
    };
    folder.judged(seed, came)
}

async fn campaign(scene: &mut Scene, plan: &Plan, chance: &mut Chance) -> Result<Verdict, String> {
    let mut counts = Counts::default();
    let mut broken = Vec::new();
    while broken.is_empty() && (counts.kills < plan.kills || counts.events < plan.events) {
        broken = season(scene, plan, chance, &mut counts).await?;
    }
    if broken.is_empty() && counts.cut == 0 {
        broken.push("no kill met a call, so nothing is proven".to_owned());
    }
    let line = counts.line(broken.len());
    Ok(Verdict { line, broken })
}

/// So many kills, quiet, and the verdict.
async fn season(
    scene: &mut Scene,
    plan: &Plan,
    chance: &mut Chance,
    counts: &mut Counts,
) -> Result<Vec<String>, String> {
    let drawn = Manner::draw(chance);
    scene.take(plan.manner.unwrap_or(drawn))?;
    let season = Season::begin(scene, counts.seasons);
    let load = Load::begin(scene, &season, CUSTOMERS, Chance::new(chance.draw()));
    let each = plan.events / plan.kills.max(1);
    let mut allowed = scene.sent();
    let mut kills = Vec::new();
    for _ in 0..plan.every {
        allowed += each;
        load.allow(allowed);
        let mut daemon = scene.program.spawn()?;
        if chance.below(2) == 0 {
            daemon.ready().await?;
        }
        let life = LIVES_MS.0 + chance.below(LIVES_MS.1 - LIVES_MS.0);
        tokio::time::sleep(Duration::from_millis(life as u64)).await;
        if let Some(status) = daemon.has_ended() {
            return Ok(vec![format!("the program ended by itself with {status}")]);
        }
        kills.push(Fault::at(clock::now().0));
        daemon.kill().await?;
        counts.kills += 1;
    }
    let season = season.over(load.end().await, kills);
    let daemon = scene.program.start().await?;
    let judged = season.judged(scene, &daemon).await?;
    let acked = judged.acked;
    let mut broken = judged.broken;
    broken.extend(scene.end(daemon).await?);
    counts.events += acked;
    counts.seasons += 1;
    counts.asked += judged.asked;
    counts.cut += judged.cut;
    counts.again += judged.again;
    counts.before += judged.before;
    say(&format!(
        "{:>6} kills  {:>7} webhooks  {:>5} conversations  {:>5} tickets  settled in {:>4.1} s  \
         database {:>4} MiB  {:<13} {:>4} cut  {}  {:>3} asked  {:>2} before  {}",
        counts.kills,
        counts.events,
        judged.conversations,
        judged.tickets,
        judged.settled_in.as_secs_f64(),
        std::fs::metadata(&scene.database).map_or(0, |file| file.len()) >> 20,
        scene.manner.to_string(),
        judged.cut,
        judged.again,
        judged.asked,
        judged.before,
        match broken.len() {
            0 => "all laws held".to_owned(),
            some => format!("{some} BREACHES"),
        }
    ));
    if broken.is_empty() {
        season.wind_up(scene);
    }
    Ok(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_line_tells_of_words_that_went_nowhere() {
        let counts = Counts {
            kills: 60,
            before: 3,
            ..Counts::default()
        };
        let line = counts.line(0);
        let told = "3 words older than their link not sent, 0 breaches";
        assert!(line.ends_with(told), "{line}");
    }

    #[test]
    fn each_word_of_the_closing_line_stands_in_the_glossary() {
        let page = include_str!("../../../docs/RELIABILITY.md");
        let line = Counts::default().line(0).replace('0', "N");
        for words in line.split(", ") {
            assert!(page.contains(&format!("\n| \"{words}\" | ")), "{words}");
        }
    }
}
