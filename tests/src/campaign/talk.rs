//! `campaign talk`: many customers and agents write at once, while webhooks of both sides are lost,
//! sent twice and overtake each other. Neighbours: the sandboxes, whose weather it is; the story
//! `weather`, which plays it in short.
//!
//! All that was written must have come over, once. Its order is kept for all that can be known in time:
//! what was written earlier and became known later than something that had gone already stands behind
//! that. On a ticket its first line says when it was written, so that it reads in order by its times;
//! how many there are is in the line of counts.

use super::{
    Subcommand, Verdict, Words,
    said::{self, Excused, Heard, Known, Sheet, Voice, whose},
    table::Played,
};
use crate::{figures::Figures, printed::say};
use bridge_sandbox::{HookManners, Hooks};
use jelou_bridge::{
    clock,
    demo::{Stage, StageOptions},
};
use std::{fmt, path::Path, time::Duration};

/// See the module.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "talk",
    usage: "[--conversations N] [--each N]",
    options: &["--conversations", "--each"],
    short: &["--conversations", "10", "--each", "10"],
    what: "Many customers and agents write at once while webhooks of both sides are lost, sent \
           twice and overtake each other.",
    takes: "50 conversations with 20 messages each way unless it is said otherwise.",
    needs: "nothing; the bridge runs within it.",
    play: |words| -> Played { Box::pin(campaign(words)) },
};

/// A thousand messages each way.
const CONVERSATIONS: usize = 50;
const EACH: usize = 20;

/// A webhook waits up to this long, by chance, ms: three of one conversation may overtake each other.
const JITTER_MS: u64 = 600;

/// So long after one message of a conversation comes the next, each way.
const BETWEEN: Duration = Duration::from_millis(200);

/// All that was lost is found within this: rounds of the sweep, and the work they bring.
const FOUND_WITHIN: Duration = Duration::from_secs(180);

/// How much is said.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Customers, each with a conversation and a ticket.
    pub conversations: usize,
    /// Messages of each, and as many of the agent.
    pub each: usize,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What customers wrote.
    pub to_ticket: Sheet,
    /// What agents wrote.
    pub to_customer: Sheet,
    /// Webhooks made, lost and sent twice, of both sides.
    pub webhooks: (usize, usize, usize),
    /// What the bridge found by itself, as its metrics say.
    pub drift: f64,
    /// What it flagged, likewise.
    pub flagged: f64,
    /// From the first word to the last that came over.
    pub took: Duration,
}

impl Report {
    /// The sentences that are wrong with it.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        let mut broken = self.to_ticket.broken("to the tickets");
        broken.extend(self.to_customer.broken("to the customers"));
        let (made, lost, twice) = self.webhooks;
        if lost == 0 || twice == 0 {
            broken.push(format!(
                "of {made} webhooks {lost} were lost and {twice} sent twice, so nothing is proven"
            ));
        }
        broken
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (made, lost, twice) = self.webhooks;
        write!(
            f,
            "{made} webhooks, {lost} lost, {twice} sent twice, all up to {JITTER_MS} ms late; \
             to tickets {}; to customers {}; {} found by the sweep, {} flagged, {} s",
            self.to_ticket,
            self.to_customer,
            self.drift,
            self.flagged,
            self.took.as_secs()
        )
    }
}

async fn campaign(words: Words) -> Result<Verdict, String> {
    let size = Size {
        conversations: words.value("--conversations", CONVERSATIONS)?,
        each: words.value("--each", EACH)?,
    };
    let seed = words.seed()?;
    let folder = words.folder()?;
    let came = play(folder.path(), size, seed).await.map(|report| {
        say(&report.to_string());
        Verdict {
            line: report.to_string(),
            broken: report.broken(),
        }
    });
    folder.judged(seed, came)
}

/// Plays it in a folder.
///
/// # Errors
/// What kept it from being played to its end.
pub async fn play(folder: &Path, size: Size, seed: u64) -> Result<Report, String> {
    let mut options = StageOptions::in_folder(folder);
    options.rules = options
        .rules
        .replace("min_count = 20", "min_count = 100000")
        .replace("\"100/s\"", "\"1000/s\"");
    options.jelou.seed = seed;
    options.helpdesk.seed = seed.wrapping_add(1);
    let stage = Stage::start(options).await.map_err(|e| e.to_string())?;
    let pairs = begin(&stage, size).await?;
    let since = clock::now();
    say_all(&stage, &pairs, size).await?;
    let whole = |heard: &[Vec<Heard>]| heard.iter().all(|one| one.len() >= size.each);
    let came = stage.wait("all has come over", FOUND_WITHIN, |_, _| {
        whole(&on_tickets(&stage, &pairs)) && whole(&at_customers(&stage, &pairs))
    });
    // What is missing is counted, not waited for.
    let _ = came.await;
    let took = clock::now().since(since);
    stage.settle(FOUND_WITHIN).await?;
    // Two rounds of the sweep more: none brings anything twice.
    tokio::time::sleep(Duration::from_secs(6)).await;
    stage.settle(FOUND_WITHIN).await?;
    let report = judge(&stage, &pairs, size, took).await;
    let mut stage = stage;
    stage.stop_daemon().await;
    report
}

/// A customer's conversation and its ticket.
struct Pair {
    user: String,
    conversation: String,
    ticket: String,
}

/// In good weather, so that all know each other: a conversation, its ticket, and one word.
async fn begin(stage: &Stage, size: Size) -> Result<Vec<Pair>, String> {
    let jelou = &stage.jelou.handle;
    let mut pairs = Vec::new();
    for number in 0..size.conversations {
        let user = format!("55119{:08}", 87_650_000 + number);
        jelou.add_user(&user, &format!("Customer {number}"));
        let said = |refusal| format!("{refusal:?}");
        let conversation = jelou.customer_starts(&user, "Oi").map_err(said)?;
        jelou
            .customer_writes(&conversation, "Bom dia")
            .map_err(said)?;
        pairs.push(Pair {
            user,
            conversation,
            ticket: String::new(),
        });
    }
    stage.settle(FOUND_WITHIN).await?;
    for pair in &mut pairs {
        let tickets = stage
            .helpdesk
            .handle
            .tickets_of_conversation(&pair.conversation);
        let [ticket] = &tickets[..] else {
            return Err(format!("{} tickets of one conversation", tickets.len()));
        };
        pair.ticket.clone_from(&ticket.id);
    }
    Ok(pairs)
}

async fn say_all(stage: &Stage, pairs: &[Pair], size: Size) -> Result<(), String> {
    for hooks in [
        stage.jelou.handle.webhooks(),
        stage.helpdesk.handle.webhooks(),
    ] {
        hooks.set_manners(HookManners {
            lose_share: 0.05,
            repeat_share: 0.2,
            jitter_ms: JITTER_MS,
            ..HookManners::default()
        });
    }
    let said = |refusal| format!("{refusal:?}");
    for nth in 0..size.each {
        for (number, pair) in pairs.iter().enumerate() {
            let jelou = &stage.jelou.handle;
            let written =
                jelou.customer_writes(&pair.conversation, &Voice::Customer.words(number, nth));
            written.map_err(said)?;
            let desk = &stage.helpdesk.handle;
            let written = desk.agent_comments(&pair.ticket, &Voice::Agent.words(number, nth), true);
            written.map_err(said)?;
        }
        tokio::time::sleep(BETWEEN).await;
    }
    Ok(())
}

/// Whether these are the words of this voice to or of this customer.
fn are(heard: &Heard, number: usize, voice: Voice) -> bool {
    whose(&heard.text) == Some((number, voice))
}

/// What stands on each ticket of what its customer wrote, in order.
fn on_tickets(stage: &Stage, pairs: &[Pair]) -> Vec<Vec<Heard>> {
    let of_pair = |(number, pair): (usize, &Pair)| {
        let comments = stage.helpdesk.handle.comments(&pair.ticket);
        let heard = comments.iter().filter_map(Heard::on_ticket);
        heard.filter(|h| are(h, number, Voice::Customer)).collect()
    };
    pairs.iter().enumerate().map(of_pair).collect()
}

/// What reached each customer of what their agent wrote, in order.
fn at_customers(stage: &Stage, pairs: &[Pair]) -> Vec<Vec<Heard>> {
    let of_pair = |(number, pair): (usize, &Pair)| {
        let spoken = stage.jelou.handle.heard_by(&pair.user);
        let heard = spoken.iter().filter_map(Heard::at_customer);
        heard.filter(|h| are(h, number, Voice::Agent)).collect()
    };
    pairs.iter().enumerate().map(of_pair).collect()
}

async fn judge(
    stage: &Stage,
    pairs: &[Pair],
    size: Size,
    took: Duration,
) -> Result<Report, String> {
    let jelou = stage.jelou.handle.webhooks();
    let desk = stage.helpdesk.handle.webhooks();
    let (customers, agents) = (Known::by(&jelou.all()), Known::by(&desk.all()));
    let sheet = |heard: Vec<Vec<Heard>>, known: &Known, voice: Voice| {
        let mut sheet = Sheet::default();
        for (number, heard) in heard.iter().enumerate() {
            let written: Vec<_> = (0..size.each).map(|nth| voice.words(number, nth)).collect();
            sheet.add(&written, heard, known, &Excused::default());
        }
        sheet
    };
    let admin = stage.daemon().map_err(|e| e.to_string())?.admin.to_string();
    let figures = Figures::of(&admin).await?;
    let all: Vec<&Hooks> = vec![jelou, desk];
    Ok(Report {
        to_ticket: sheet(on_tickets(stage, pairs), &customers, Voice::Customer),
        to_customer: sheet(at_customers(stage, pairs), &agents, Voice::Agent),
        webhooks: said::counted(&all),
        drift: figures.sum("jelou_bridge_drift_total", &[]),
        flagged: figures.sum("jelou_bridge_possible_duplicates_total", &[]),
        took,
    })
}
