//! A season: a stretch of a campaign with customers of its own, at whose end all becomes quiet and
//! every law is looked at. Neighbours: `load`, which acts in it; `laws`; `scene`, whose worlds go on
//! from one season to the next.

use super::{
    Scene,
    fault::{DoneAgain, Fault},
    laws::{self, Asked, Planned, Worlds},
    load::Told,
    person,
    said::Known,
    scene::is_write,
};
use crate::{
    figures::{self, Figures},
    program::Daemon,
};
use bridge_sandbox::{Hooks, Outcome};
use jelou_bridge::{clock, demo::ADMIN_TOKEN};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::task::JoinSet;

/// Customers who may take part in one season.
const CUSTOMERS_EACH: usize = 10_000;

/// At so many customers the spelling of their numbers ends; then the first come again.
const CUSTOMERS_ALL: usize = 19_000_000;

/// Webhooks that are sent once more at the same time.
const AT_ONCE: usize = 16;

/// How often a person looks through what is parked: what is tried again may be cut no more.
const ASKED_MOST: usize = 3;

/// How many of the latest Links are looked through for those of a season.
const LINKS_LOOKED_AT: usize = 10_000;

/// What a timeline says of a Link's beginning.
const LINK_MADE: &str = "A link is made";

/// Where a season begins in both worlds.
#[derive(Clone, Debug)]
pub struct Season {
    /// The number of its first customer.
    pub first_customer: usize,
    /// Conversations that there were before.
    pub conversations_before: usize,
    /// The last ticket before.
    pub tickets_before: u64,
    /// How much was said at Jelou before.
    spoken_before: usize,
    /// The last calls that Jelou and the helpdesk got before.
    calls_before: [u64; 2],
    /// The last webhook of each side before.
    hooks_before: [u64; 2],
}

/// A season whose people have stopped.
#[derive(Clone, Debug)]
pub struct Over {
    season: Season,
    told: Told,
    faults: Vec<Fault>,
}

/// What came of a season.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Webhooks that were answered 2xx.
    pub acked: u64,
    /// Conversations that began in it.
    pub conversations: usize,
    /// Tickets that were made in it.
    pub tickets: usize,
    /// From the last act until all was quiet.
    pub settled_in: Duration,
    /// An agent's words that were said before the bridge knew of their ticket, and went nowhere.
    pub before: usize,
    /// Writes of which a person was asked what came of them.
    pub asked: usize,
    /// Writes of which the program may not have known it.
    pub cut: usize,
    /// What was done once more, as the program did not know it any more.
    pub again: DoneAgain,
    /// Laws that were broken, a sentence each.
    pub broken: Vec<String>,
}

impl Season {
    /// The season of this number begins now.
    #[must_use]
    pub fn begin(scene: &Scene, number: usize) -> Self {
        Self {
            first_customer: number * CUSTOMERS_EACH % CUSTOMERS_ALL,
            conversations_before: scene.jelou.handle.conversation_count(),
            tickets_before: scene.helpdesk.handle.last_ticket(),
            spoken_before: scene.jelou.handle.spoken_count(),
            calls_before: scene.calls(),
            hooks_before: scene.hooks().map(Hooks::count),
        }
    }

    /// Its people have stopped; this is what they did, and when answers can have been lost.
    #[must_use]
    pub fn over(self, told: Told, faults: Vec<Fault>) -> Over {
        Over {
            season: self,
            told,
            faults,
        }
    }

    /// What can be looked at while everything is on its way: both worlds, without the daemon.
    #[must_use]
    pub fn so_far(&self, scene: &Scene, faults: &[Fault]) -> Worlds {
        let (jelou, helpdesk) = (&scene.jelou.handle, &scene.helpdesk.handle);
        let [jelou_before, desk_before] = self.calls_before;
        let tickets = helpdesk.tickets_after(self.tickets_before).into_iter();
        let tickets = tickets.map(|ticket| {
            let comments = helpdesk.comments(&ticket.id);
            (ticket, comments)
        });
        Worlds {
            told: Told::default(),
            manner: scene.manner,
            faults: faults.to_vec(),
            conversations: jelou.conversations_after(self.conversations_before),
            spoken: jelou.spoken_after(self.spoken_before),
            tickets: tickets.collect(),
            calls: helpdesk.calls_after(desk_before),
            jelou_calls: jelou.calls_after(jelou_before),
            known: [Known::default(), Known::default()],
            links: Vec::new(),
            made: BTreeMap::new(),
            intents: Vec::new(),
            asked: Vec::new(),
        }
    }
}

impl Over {
    /// Waits until all is quiet and looks at every law; then every webhook of the season comes once
    /// more, and it looks at what came of that.
    ///
    /// # Errors
    /// What kept it from looking; a broken law is no error here.
    pub async fn judged(&self, scene: &Scene, daemon: &Daemon) -> Result<Judged, String> {
        let began = clock::now();
        let mut broken = Vec::new();
        broken.extend(scene.settle(daemon).await.err());
        let settled_in = clock::now().since(began);
        let mut asked = Vec::new();
        for _ in 0..ASKED_MOST {
            let more = person::decides(scene, daemon).await?;
            if more.is_empty() {
                break;
            }
            asked.extend(more);
            broken.extend(scene.settle(daemon).await.err());
        }
        let worlds = self.worlds(scene, daemon, asked).await?;
        broken.extend(laws::broken(&worlds));
        let figures = Figures::of(&daemon.admin).await?;
        for (reason, count) in figures.by("jelou_bridge_parked", "reason") {
            broken.push(format!("{count} parked as {reason}"));
        }
        let hooks = self.hooks(scene);
        let unheard = hooks.iter().flatten().filter(|(_, acked)| !acked).count();
        if unheard > 0 {
            broken.push(format!("{unheard} webhooks were never answered 2xx"));
        }
        let acked = hooks.iter().flatten().filter(|(_, acked)| *acked).count();
        broken.extend(self.send_all_again(scene, daemon, hooks, acked).await?);
        Ok(Judged {
            acked: acked as u64,
            conversations: worlds.conversations.len(),
            tickets: worlds.tickets.len(),
            settled_in,
            before: laws::said_before(&worlds),
            asked: worlds.asked.len(),
            cut: worlds.cut(),
            again: laws::done_again(&worlds),
            broken,
        })
    }

    /// Agents end what goes on, so that the next season is not about it: every ticket is solved.
    pub fn wind_up(&self, scene: &Scene) {
        let helpdesk = &scene.helpdesk.handle;
        for ticket in helpdesk.tickets_after(self.season.tickets_before) {
            // A refusal would be a ticket that is closed already.
            let _ = helpdesk.agent_sets_status(&ticket.id, "solved");
        }
    }

    async fn worlds(
        &self,
        scene: &Scene,
        daemon: &Daemon,
        asked: Vec<Asked>,
    ) -> Result<Worlds, String> {
        let season = &self.season;
        let so_far = season.so_far(scene, &self.faults);
        let tickets = so_far.tickets.iter().map(|(t, _)| t.id.as_str());
        let mut ours: BTreeSet<&str> = tickets.collect();
        ours.extend(so_far.conversations.iter().map(|c| c.id.as_str()));
        let (links, intents) = known(daemon, &ours).await?;
        let made = made(daemon, &self.told).await?;
        let [jelou, helpdesk] = scene.hooks();
        let [before, before_too] = season.hooks_before;
        Ok(Worlds {
            told: self.told.clone(),
            known: [
                Known::by(&jelou.after(before)),
                Known::by(&helpdesk.after(before_too)),
            ],
            links,
            made,
            intents,
            asked,
            ..so_far
        })
    }

    /// The number of each webhook of the season, and whether it was answered 2xx.
    fn hooks(&self, scene: &Scene) -> [Vec<(u64, bool)>; 2] {
        let [jelou, helpdesk] = scene.hooks();
        let [before, before_too] = self.season.hooks_before;
        [(jelou, before), (helpdesk, before_too)].map(|(hooks, before)| {
            let acked =
                |outcome: &Outcome| matches!(outcome, Outcome::Answered { status: 200..=299 });
            let all = hooks.after(before).into_iter();
            all.map(|hook| (hook.number, acked(&hook.outcome)))
                .collect()
        })
    }

    /// Every webhook comes once more. All are known, and nobody does anything about them: what was
    /// acknowledged before any of the kills is still there, once.
    async fn send_all_again(
        &self,
        scene: &Scene,
        daemon: &Daemon,
        all: [Vec<(u64, bool)>; 2],
        acked: usize,
    ) -> Result<Vec<String>, String> {
        let name = "jelou_bridge_deliveries_total";
        let before = Figures::of(&daemon.admin).await?;
        let calls = scene.calls();
        let mut answers: BTreeMap<Outcome, usize> = BTreeMap::new();
        for (hooks, numbers) in scene.hooks().into_iter().zip(all) {
            let numbers: Vec<u64> = numbers.into_iter().map(|(number, _)| number).collect();
            let mut sending = JoinSet::new();
            for some in numbers.chunks(numbers.len().div_ceil(AT_ONCE).max(1)) {
                let (hooks, some) = (hooks.clone(), some.to_vec());
                sending.spawn(async move { hooks.send_now(&some).await });
            }
            for outcome in sending.join_all().await.into_iter().flatten() {
                *answers.entry(outcome).or_default() += 1;
            }
        }
        let mut broken = Vec::new();
        broken.extend(scene.settle(daemon).await.err());
        let after = Figures::of(&daemon.admin).await?;
        let more = |outcome| {
            let of = |figures: &Figures| figures.sum(name, &[("outcome", outcome)]);
            (of(&after) - of(&before)).round()
        };
        let (new, known) = (more("new"), more("known"));
        #[allow(clippy::cast_precision_loss)]
        if new > 0.0 || known < acked as f64 {
            broken.push(format!(
                "of {acked} acknowledged webhooks {known} were known and {new} new; answers: {answers:?}"
            ));
        }
        let more = scene.calls_after(calls);
        let more = more.iter().filter(|call| is_write(call.operation)).count();
        if more > 0 {
            broken.push(format!("{more} writes were made when all was quiet"));
        }
        Ok(broken)
    }
}

/// Every Link of these tickets and conversations, and the ticket and operation of every Intent.
async fn known(
    daemon: &Daemon,
    ours: &BTreeSet<&str>,
) -> Result<(Vec<Value>, Vec<Planned>), String> {
    let ask = async |path: &str| figures::api(&daemon.admin, ADMIN_TOKEN, path).await;
    let list = |value: &Value, key| value.get(key).and_then(Value::as_array).cloned();
    let word = |value: &Value, key| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let listed = ask(&format!("/links?limit={LINKS_LOOKED_AT}")).await?;
    let mut links = list(&listed, "links").unwrap_or_default();
    links.retain(|link| {
        ["ticket", "conversation"]
            .into_iter()
            .filter_map(|key| link.get(key)?.as_str())
            .any(|id| ours.contains(id))
    });
    let mut intents = Vec::new();
    for link in &links {
        let (Some(id), Some(ticket)) = (word(link, "id"), word(link, "ticket")) else {
            continue;
        };
        let shown = ask(&format!("/links/{id}")).await?;
        for intent in list(&shown, "intents").unwrap_or_default() {
            let flagged = intent.get("possible_duplicate").and_then(Value::as_bool);
            intents.push(Planned {
                ticket: ticket.clone(),
                operation: word(&intent, "operation").unwrap_or_default(),
                flagged: flagged == Some(true),
            });
        }
    }
    Ok((links, intents))
}

/// When the first Link was made of each ticket on which an agent wrote. A Link's own moment follows a clock that
/// was set back; its timeline's does not.
async fn made(daemon: &Daemon, told: &Told) -> Result<BTreeMap<String, String>, String> {
    let on_tickets = told.said.iter().filter(|said| said.comment.is_some());
    let tickets: BTreeSet<&String> = on_tickets.map(|said| &said.place).collect();
    let mut made = BTreeMap::new();
    for ticket in tickets {
        let of_ticket = json!({"ticket": ticket});
        let told = figures::order(&daemon.admin, ADMIN_TOKEN, "/timeline", &of_ticket).await?;
        let lines = told.get("lines").and_then(Value::as_array);
        let is_made = |line: &&Value| line.get("sentence").is_some_and(|told| told == LINK_MADE);
        let first = lines.and_then(|lines| lines.iter().find(is_made));
        if let Some(at) = first.and_then(|line| line.get("at")?.as_str()) {
            made.insert(ticket.clone(), at.to_owned());
        }
    }
    Ok(made)
}
