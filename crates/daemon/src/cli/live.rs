//! `profile check --live`: the profile tried on the configured system. Neighbours: the room `setup`, whose
//! `live` tries and whose `ear` listens; `door`, behind which a daemon tells what it heard.

use super::{
    args::{LiveArgs, Shared},
    door::{Asked, Door, Holder, log},
    ending::{Ending, FOUND, Failure, to_json},
    setup::bridges,
    table::table,
};
use crate::{
    api::{
        bridges::{Bridges, digest},
        timeline::{Timeline, TimelineAsked},
    },
    config::{self, Config},
    runtime::Bridge,
    setup::{
        ear::Ear,
        live::{Trial, Tried, Verdict, WAIT},
    },
};
use bridge_core::ids::{BridgeName, TicketId};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use ticketing_adapter::Profile;
use tokio::time::Instant;

/// How long the ticket's webhook may take, of systems that send by a queue.
const WEBHOOK_WITHIN: Duration = Duration::from_secs(60);

/// Between two looks whether it came.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const WEBHOOK: &str = "webhook";

/// Who hears the webhook.
enum Hearing {
    /// A daemon that runs.
    Daemon(Box<Door>),
    /// This process, for the moment.
    Own(Ear),
    /// Nobody can.
    Nobody(String),
}

/// Tries a profile on the system of a configured bridge, which need not have it yet.
pub(super) async fn live(
    shared: &Shared,
    profile: Profile,
    asked: LiveArgs,
) -> Result<Ending, Failure> {
    let config = config::load_for_setup(&shared.config)?;
    log(Some(&config))?;
    let chosen = chosen(&config, asked.bridge.as_deref())?;
    let (config, bridge) = with_profile(config, profile, &chosen)?;
    let hearing = hearing(shared, &config, &bridge).await;
    let wait = asked.wait.map_or(WAIT, |wait| wait.duration());
    let mut trial = Trial::new(&bridge, wait)
        .ok_or_else(|| Failure::environment("the test has no name", "report this"))?;
    trial.play().await;
    heard(&mut trial, &hearing, &bridge, wait).await;
    trial.clean_up().await;
    let tried = &trial.tried;
    let ok = !tried.iter().any(|one| one.verdict == Verdict::Fails);
    let ticket = trial.ticket.as_ref().map(TicketId::as_str);
    let verdict = match ok {
        true => "What was tried of the profile holds on this system.\n",
        false => "Not all that the profile says holds on this system.\n",
    };
    let json = json!({ "ok": ok, "ticket": ticket, "tried": to_json(tried)? });
    let text = format!("{}\n{verdict}", shown(tried));
    Ok(Ending::new(text, json).with_code(if ok { 0 } else { FOUND }))
}

/// The bridge that is meant.
fn chosen(config: &Config, only: Option<&str>) -> Result<BridgeName, Failure> {
    let names: Vec<_> = config.bridges.keys().cloned().collect();
    let name = match (only, names.as_slice()) {
        (Some(only), _) => names.iter().find(|name| name.as_str() == only),
        (None, [one]) => Some(one),
        (None, _) => None,
    };
    name.cloned().ok_or_else(|| match only {
        Some(only) => Failure::no_bridge(only, &names),
        None => {
            let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
            Failure::wrong_use(
                "there are several bridges, and none is named",
                format!(
                    "name it by --bridge; the configured ones are: {}",
                    names.join(", ")
                ),
            )
        }
    })
}

/// This bridge, with this profile in place of its own.
fn with_profile(
    mut config: Config,
    profile: Profile,
    name: &BridgeName,
) -> Result<(Arc<Config>, Arc<Bridge>), Failure> {
    if let Some(part) = config.bridges.get_mut(name) {
        let settings = &part.ticketing;
        let has_secret = !settings.webhook_secrets.is_empty();
        let problems = profile.check_settings(&settings.credentials, &settings.options, has_secret);
        if let Some(problem) = problems.first() {
            return Err(Failure::new(
                FOUND,
                format!("bridges.{name}.ticketing.{}: {}", problem.key, problem.what),
                problem.remedy.clone(),
            ));
        }
        part.profile = Arc::new(profile);
    }
    let config = Arc::new(config);
    let bridge = bridges(&config, Some(name.as_str()))?.into_iter().next();
    let bridge = bridge.ok_or_else(|| Failure::environment("no bridge", "report this"))?;
    Ok((config, bridge))
}

/// Finds who hears. A daemon proves and reads a webhook by the profile as it loaded it, so it can tell
/// nothing of a file that says otherwise.
async fn hearing(shared: &Shared, config: &Config, bridge: &Bridge) -> Hearing {
    match Door::holder(shared, config).await {
        Ok(Holder::Daemon(door)) => match has_loaded(&door, bridge).await {
            Ok(()) => Hearing::Daemon(Box::new(door)),
            Err(why) => Hearing::Nobody(why),
        },
        Ok(Holder::Nobody(jobs)) => {
            if let Some(jobs) = jobs {
                jobs.store.close().await;
            }
            let part = bridge.config.clone();
            match Ear::open(config.server.listen, &bridge.name, part).await {
                Ok(ear) => Hearing::Own(ear),
                Err(error) => Hearing::Nobody(format!("server.listen cannot be taken ({error})")),
            }
        }
        Err(failure) => Hearing::Nobody(failure.error),
    }
}

/// Whether the profile of a daemon's bridge is this one, to the byte; if not, what a person does.
async fn has_loaded(door: &Door, bridge: &Bridge) -> Result<(), String> {
    let name = bridge.name.as_str();
    let asked = door.ask::<Bridges>(Asked::get(&["bridges"], &())).await;
    let (_, loaded) = asked.map_err(|failure| failure.error)?;
    let one = loaded.bridges.iter().find(|one| one.bridge == name);
    match one {
        Some(one) if one.profile_sha256 == digest(&bridge.config.profile) => Ok(()),
        Some(_) => Err(format!(
            "the profile that the running bridge loaded for {name} differs from this file: stop the bridge, or \
             have it load this file (`profile` in its configuration, then SIGHUP), and try again"
        )),
        None => Err(format!("the running bridge has no bridge {name} loaded")),
    }
}

/// Waits for a webhook about the test's ticket.
async fn heard(trial: &mut Trial<'_>, hearing: &Hearing, bridge: &Bridge, wait: Duration) {
    let profile = &bridge.config.profile;
    if profile.review().webhooks.is_none() {
        return trial.note(WEBHOOK, Verdict::Absent, "the profile takes none");
    }
    let Some(ticket) = trial.ticket.clone() else {
        return;
    };
    if let Hearing::Nobody(why) = hearing {
        return trial.note(WEBHOOK, Verdict::NotTried, why);
    }
    let begun = Instant::now();
    let within = WEBHOOK_WITHIN.min(wait);
    let found = loop {
        match came(hearing, &ticket).await {
            Ok(true) => break Ok("proven, and about this ticket".to_owned()),
            Err(why) => break Err(why),
            Ok(false) if begun.elapsed() >= within => {
                break Err(format!(
                    "none about this ticket came within {} s{}; `jelou-bridge setup` sets them up",
                    within.as_secs(),
                    refused(hearing)
                ));
            }
            Ok(false) => tokio::time::sleep(LOOK_EVERY).await,
        }
    };
    trial.kept(WEBHOOK, begun, found);
}

async fn came(hearing: &Hearing, ticket: &TicketId) -> Result<bool, String> {
    match hearing {
        Hearing::Own(ear) => Ok(ear.heard().tickets.contains(ticket)),
        Hearing::Daemon(door) => {
            let asked = TimelineAsked {
                ticket: Some(ticket.to_string()),
                ..TimelineAsked::default()
            };
            let asked = Asked::post(&["timeline"], &asked);
            let (_, timeline) = door
                .ask::<Timeline>(asked)
                .await
                .map_err(|failure| failure.error)?;
            Ok(timeline.lines.iter().any(|line| {
                let of_system = line.side.as_deref() == Some("ticketing");
                of_system && line.sentence.starts_with(WEBHOOK)
            }))
        }
        Hearing::Nobody(why) => Err(why.clone()),
    }
}

/// What else came, where this process listened itself.
fn refused(hearing: &Hearing) -> String {
    match hearing {
        Hearing::Own(ear) => match ear.heard().refused {
            0 => String::new(),
            many => format!(", and {many} were not proven by webhook_secrets"),
        },
        Hearing::Daemon(_) | Hearing::Nobody(_) => String::new(),
    }
}

fn shown(tried: &[Tried]) -> String {
    let row = |one: &Tried| {
        let took = match one.verdict {
            Verdict::Works | Verdict::Fails => format!("{} ms", one.took_ms),
            Verdict::Absent | Verdict::NotTried => String::new(),
        };
        vec![
            one.what.to_owned(),
            one.verdict.as_str().to_owned(),
            took,
            one.found.clone(),
        ]
    };
    let rows: Vec<_> = tried.iter().map(row).collect();
    table(&["WHAT", "", "TOOK", "FOUND"], &rows)
}
