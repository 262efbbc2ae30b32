//! `setup`: both sides as the configuration says: the integration at Jelou, and the webhooks of the
//! ticketing system. Neighbours: the room `setup`, which knows how; `door`, which finds the daemon that has to be told before a secret is exchanged.

use super::{
    args::{Setup, Shared},
    door::{Asked, Door, Holder, log},
    ending::{ENVIRONMENT, Ending, FINE, FOUND, Failure, WRONG_USE, to_json},
};
use crate::{
    clock,
    config::{self, Config},
    runtime::{Bridge, Runtime},
    setup::{
        NotDone, Turn,
        arrange::{Arranged, arrange, remove},
        hooks::{self, Hooked},
        rotate::{RotateAsked, Rotated, renew},
    },
};
use bridge_core::ids::BridgeName;
use bridge_transport::Transport;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;

/// What became of one bridge.
#[derive(Serialize)]
struct Done {
    #[serde(flatten)]
    arranged: Arranged,
    /// The ticketing side; not of an exchange of Jelou's secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticketing: Option<Hooks>,
    /// What went wrong, after what is told above was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    #[serde(skip)]
    code: u8,
}

/// What became of the ticketing side.
#[derive(Serialize)]
struct Hooks {
    #[serde(flatten)]
    hooked: Hooked,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    #[serde(skip)]
    code: u8,
}

/// Does what was asked, bridge by bridge, side by side. One that fails keeps no other from its turn.
pub(super) async fn setup(shared: &Shared, asked: Setup) -> Result<Ending, Failure> {
    let config = Arc::new(config::load_for_setup(&shared.config)?);
    log(Some(&config))?;
    let bridges = bridges(&config, asked.bridge.as_deref())?;
    let mut all = Vec::new();
    for bridge in &bridges {
        let mut done = one(shared, &config, bridge, &asked).await;
        done.ticketing = ticketing(&config, bridge, &asked).await;
        all.push(done);
    }
    let text: String = all.iter().map(told).collect();
    let code = all.iter().map(Done::code).max().unwrap_or(FINE);
    let bridges = to_json(&all)?;
    let ok = code == FINE;
    Ok(Ending::new(text, json!({ "ok": ok, "bridges": bridges })).with_code(code))
}

/// The bridges that are meant, each with its clients.
pub(super) fn bridges(
    config: &Arc<Config>,
    only: Option<&str>,
) -> Result<Vec<Arc<Bridge>>, Failure> {
    let broken = |error: String| Failure::environment(error, "report this");
    let transport = Transport::new(clock::now).map_err(|error| broken(error.to_string()))?;
    let runtime = Runtime::build(Arc::clone(config), &transport, &Arc::default());
    let runtime = runtime.map_err(|error| broken(error.to_string()))?;
    let Some(only) = only else {
        return Ok(runtime.bridges.into_values().collect());
    };
    let found = BridgeName::parse(only).ok();
    let found = found.and_then(|name| runtime.bridges.get(&name).cloned());
    found
        .map(|bridge| vec![bridge])
        .ok_or_else(|| Failure::no_bridge(only, runtime.bridges.keys()))
}

async fn one(shared: &Shared, config: &Config, bridge: &Bridge, asked: &Setup) -> Done {
    let public = config.server.public_url.as_ref();
    let arranged = if asked.rotate_secret {
        Ok(Arranged::nothing(bridge))
    } else if asked.remove {
        remove(bridge, public, asked.force).await
    } else {
        arrange(bridge, public, asked.force).await
    };
    let mut arranged = match arranged {
        Ok(arranged) => arranged,
        Err(not) => return Done::new(Arranged::nothing(bridge), Err(not.into())),
    };
    if asked.rotate_secret || arranged.wants_secret {
        let rotated = rotate(shared, config, bridge, asked.rotate_secret).await;
        let left = match rotated {
            Ok(rotated) => {
                arranged.changed.push(sentence(&rotated));
                rotated.remedy
            }
            Err(failure) => return Done::new(arranged, Err(failure)),
        };
        if let Some(remedy) = left {
            let failure = Failure::new(FOUND, "the new secret is not wholly in force", remedy);
            return Done::new(arranged, Err(failure));
        }
    }
    Done::new(arranged, Ok(()))
}

/// The ticketing system's webhooks, whatever became of Jelou's. Its secret is not exchanged here.
async fn ticketing(config: &Config, bridge: &Bridge, asked: &Setup) -> Option<Hooks> {
    if asked.rotate_secret {
        return None;
    }
    let public = config.server.public_url.as_ref();
    let mut hooked = Hooked::default();
    let ended = if asked.remove {
        hooks::remove(bridge, public, &mut hooked).await
    } else {
        hooks::arrange(bridge, public, asked.force, &mut hooked).await
    };
    let failure = ended.err().map(Failure::from);
    Some(Hooks {
        hooked,
        code: failure.as_ref().map_or(FINE, |failure| failure.code),
        error: failure.as_ref().map(|failure| failure.error.clone()),
        remedy: failure.map(|failure| failure.remedy),
    })
}

/// Through the daemon if there is one: it alone can hold webhooks back meanwhile. A daemon that does
/// not have the bridge yet takes none of its webhooks either; only then, and when it was not `told`
/// to exchange a secret that is in use, this process does it.
async fn rotate(
    shared: &Shared,
    config: &Config,
    bridge: &Bridge,
    told: bool,
) -> Result<Rotated, Failure> {
    let asked = RotateAsked {
        bridge: bridge.name.to_string(),
    };
    match Door::holder(shared, config).await? {
        Holder::Daemon(door) => {
            let asked = Asked::post(&["setup", "rotate-secret"], &asked);
            match door.ask::<Rotated>(asked).await {
                Ok((_, rotated)) => Ok(rotated),
                Err(failure) if failure.code == WRONG_USE && !told => here(bridge).await,
                Err(failure) => Err(failure),
            }
        }
        Holder::Nobody(jobs) => {
            // Kept open meanwhile, so that no daemon starts on the secret that is just going.
            let rotated = here(bridge).await;
            if let Some(jobs) = jobs {
                jobs.store.close().await;
            }
            rotated
        }
    }
}

async fn here(bridge: &Bridge) -> Result<Rotated, Failure> {
    let path = renew(bridge, |_| ()).await?;
    Ok(Rotated {
        bridge: bridge.name.to_string(),
        file: path.display().to_string(),
        held: 0,
        remedy: None,
    })
}

impl Done {
    fn new(arranged: Arranged, ended: Result<(), Failure>) -> Self {
        let (code, error, remedy) = match ended {
            Ok(()) => (FINE, None, None),
            Err(failure) => (failure.code, Some(failure.error), Some(failure.remedy)),
        };
        Self {
            arranged,
            ticketing: None,
            error,
            remedy,
            code,
        }
    }
}

impl Done {
    /// The worse of both sides.
    fn code(&self) -> u8 {
        let other = self.ticketing.as_ref().map_or(FINE, |side| side.code);
        self.code.max(other)
    }
}

impl From<NotDone> for Failure {
    fn from(not: NotDone) -> Self {
        let code = match not.turn {
            Turn::Operator => FOUND,
            Turn::Remote => ENVIRONMENT,
        };
        Self::new(code, not.error, not.remedy)
    }
}

fn sentence(rotated: &Rotated) -> String {
    let held = match rotated.held {
        0 => String::new(),
        1 => "; one webhook was held meanwhile".to_owned(),
        many => format!("; {many} webhooks were held meanwhile"),
    };
    format!(
        "exchanged the signing secret: the new one is first in {}{held}",
        rotated.file
    )
}

fn told(done: &Done) -> String {
    let name = &done.arranged.bridge;
    let mut lines: Vec<String> = done
        .arranged
        .changed
        .iter()
        .chain(&done.arranged.notes)
        .map(|sentence| format!("{name}: {sentence}\n"))
        .collect();
    match (&done.error, &done.remedy) {
        (Some(error), Some(remedy)) => lines.push(format!("{name}: not done: {error}; {remedy}\n")),
        _ if done.arranged.changed.is_empty() && !told_of_ticketing(done) => {
            lines.push(format!("{name}: nothing to do\n"))
        }
        _ => {}
    }
    lines.extend(done.ticketing.iter().flat_map(|side| side.told(name)));
    lines.concat()
}

/// Whether there is more to tell than that nothing was to be done.
fn told_of_ticketing(done: &Done) -> bool {
    let side = done.ticketing.as_ref();
    side.is_some_and(|side| !side.told(&done.arranged.bridge).is_empty())
}

impl Hooks {
    fn told(&self, bridge: &str) -> Vec<String> {
        let said = self.hooked.changed.iter().chain(&self.hooked.notes);
        let mut lines: Vec<String> = said
            .map(|sentence| format!("{bridge}: ticketing: {sentence}\n"))
            .collect();
        if !self.hooked.steps.is_empty() {
            lines.push(format!(
                "{bridge}: ticketing: no call sets this system's webhooks up, so a person does:\n"
            ));
        }
        let steps = self.hooked.steps.iter().enumerate();
        lines.extend(steps.map(|(n, step)| format!("  {}. {step}\n", n + 1)));
        if let (Some(error), Some(remedy)) = (&self.error, &self.remedy) {
            lines.push(format!(
                "{bridge}: ticketing: not done: {error}; {remedy}\n"
            ));
        }
        lines
    }
}
