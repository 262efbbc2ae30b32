//! The webhooks of the ticketing system, as its profile says they are made: looked for, made, changed,
//! taken away; or the steps for a person where no call does it. Neighbours: `arrange`, the same for
//! Jelou; `doctor`, which only looks; the ticketing adapter's client, which knows each call.
//!
//! What is this bridge's is known by its address. A part is looked for before it is made and again
//! afterwards, so an answer that was lost makes no second one.

use super::{
    NotDone, SecretFile,
    arrange::webhook_url,
    doctor::{Look, of_call},
    secret_file::Maker,
};
use crate::runtime::Bridge;
use bridge_core::{call::CallError, event::Side, text::Text};
use serde::Serialize;
use std::time::Duration;
use ticketing_adapter::{Hook, HookPart, Standing};
use url::Url;

/// How often a part that was just made is looked for: a list may be a moment behind.
const LOOKS: u32 = 3;

/// Between two such looks.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// What a run of the set-up did at the ticketing system of one bridge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Hooked {
    /// Where the system sends its webhooks, or is to send them.
    pub webhook_url: Option<String>,
    /// What was changed, a sentence each. Empty: nothing was to be done.
    pub changed: Vec<String>,
    /// What is to be known, a sentence each.
    pub notes: Vec<String>,
    /// What is left to a person, since no call of the system does it.
    pub steps: Vec<String>,
}

/// Makes the system send its webhooks here. With `force` also what looks right is told again: a
/// changed secret does not show.
///
/// What was done before something failed is told in `done`, and stays: the next run looks first.
///
/// # Errors
/// [`NotDone`].
pub async fn arrange(
    bridge: &Bridge,
    public: Option<&Url>,
    force: bool,
    done: &mut Hooked,
) -> Result<(), NotDone> {
    if !bridge.config.profile.takes_webhooks() {
        done.notes.push(untold(bridge));
        return Ok(());
    }
    let hook = hook(bridge, public)?;
    done.webhook_url = Some(hook.url.to_string());
    done.steps = steps(bridge, &hook)?;
    let mut ids: Vec<String> = Vec::new();
    for part in bridge.ticketing.hook_parts() {
        let of = part.of.and_then(|of| ids.get(of)).cloned();
        let there = one(bridge, &hook, &part, (of.as_deref(), force), done).await?;
        if part.tells_secret {
            keep_secret(bridge, &hook, &part, &there.id, done).await?;
        }
        ids.push(there.id);
    }
    Ok(())
}

/// One part, as it should be.
async fn one(
    bridge: &Bridge,
    hook: &Hook,
    part: &HookPart,
    (of, force): (Option<&str>, bool),
    done: &mut Hooked,
) -> Result<Standing, NotDone> {
    let (client, deadline, name) = (&bridge.ticketing, bridge.call_timeout(), &part.name);
    let look = client.look_at_part(part, hook, of, deadline);
    let mut found = look.await.map_err(|error| of_ticketing(bridge, &error))?;
    if found.len() > 1 {
        done.notes.push(format!(
            "there are {} of the kind \"{name}\", so each change comes as often; keep one",
            found.len()
        ));
    }
    if found.is_empty() {
        let made = make(bridge, hook, part, of).await?;
        done.changed
            .push(format!("made the {name} \"{}\"", hook.name));
        return Ok(made);
    }
    let there = found.swap_remove(0);
    if there.off && !there.made {
        return Err(NotDone::of_operator(
            format!("the {name} that a person made for this bridge is switched off"),
            "switch it on by hand, or take it away there and run `jelou-bridge setup` again",
        ));
    }
    let wrong = there.off || !there.same;
    if wrong && !part.changes {
        return Err(NotDone::of_operator(
            format!("the {name} is there, and not as it should be"),
            "mend it by hand, or run `jelou-bridge setup --remove` and `setup` again",
        ));
    }
    if wrong || (force && part.changes) {
        let change = client.change_part(part, hook, (of, &there), deadline);
        change.await.map_err(|error| of_ticketing(bridge, &error))?;
        let how = match (there.off, there.same) {
            (true, _) => "switched it on: the system had stopped sending by it",
            (false, false) => "made it what it should be",
            (false, true) => "told it again",
        };
        done.changed.push(format!("the {name} was there; {how}"));
    }
    Ok(there)
}

/// Makes a part that is not there. Only a look tells that it is.
async fn make(
    bridge: &Bridge,
    hook: &Hook,
    part: &HookPart,
    of: Option<&str>,
) -> Result<Standing, NotDone> {
    let (client, deadline) = (&bridge.ticketing, bridge.call_timeout());
    let made = client.create_part(part, hook, of, deadline).await;
    match &made {
        Ok(()) | Err(CallError::Unknown { .. }) => {}
        Err(error) => return Err(of_ticketing(bridge, error)),
    }
    for look in 1..=LOOKS {
        let found = client.look_at_part(part, hook, of, deadline).await;
        match found.map(|found| found.into_iter().next()) {
            Ok(Some(there)) => return Ok(there),
            Ok(None) if look < LOOKS => tokio::time::sleep(LOOK_AGAIN_AFTER).await,
            Ok(None) => {}
            Err(error) => return Err(of_ticketing(bridge, &error)),
        }
    }
    let why = match made {
        Ok(()) => "the answer was yes".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(NotDone::of_remote(
        format!(
            "the {} is not there although it was asked for: {why}",
            part.name
        ),
        "run `jelou-bridge setup` again: it looks first, so it makes no second one",
    ))
}

/// Brings the secret that the system made to where the bridge reads it. It is never shown.
async fn keep_secret(
    bridge: &Bridge,
    hook: &Hook,
    part: &HookPart,
    id: &str,
    done: &mut Hooked,
) -> Result<(), NotDone> {
    let told = bridge
        .ticketing
        .part_secret(part, hook, id, bridge.call_timeout())
        .await
        .map_err(|error| of_ticketing(bridge, &error))?;
    if knows(bridge, &told) {
        return Ok(());
    }
    let name = &bridge.name;
    let Some(path) = bridge.config.ticketing_secret_file.clone() else {
        return Err(NotDone::of_operator(
            format!(
                "the secret that signs the {} is in none of bridges.{name}.ticketing.webhook_secrets, so its webhooks are refused",
                part.name
            ),
            "write webhook_secrets = [{ file = \"ticketing-secret\" }] and run `jelou-bridge setup` again, which writes it; or copy it from the system's own page",
        ));
    };
    let shown = path.display().to_string();
    let written = tokio::task::spawn_blocking(move || {
        SecretFile::prepare(&path, Maker::Ticketing)?.write(&told)
    });
    written.await.unwrap_or_else(|_| {
        Err(NotDone::of_operator(
            "the secret's file could not be worked on",
            "try again",
        ))
    })?;
    done.changed
        .push(format!("wrote the signing secret to {shown}"));
    Ok(())
}

fn knows(bridge: &Bridge, secret: &Text) -> bool {
    let known = &bridge.config.ticketing.webhook_secrets;
    known.iter().any(|known| known == secret.reveal())
}

/// Takes away what the set-up made, the last first. What a person made for this bridge stays, and is told.
///
/// # Errors
/// [`NotDone`]; what was taken away before is told in `done`.
pub async fn remove(
    bridge: &Bridge,
    public: Option<&Url>,
    done: &mut Hooked,
) -> Result<(), NotDone> {
    if !bridge.config.profile.is_set_up() {
        return Ok(());
    }
    let hook = hook(bridge, public)?;
    if !steps(bridge, &hook)?.is_empty() {
        done.notes.push(
            "what a person set up at the ticketing system, a person takes away there".to_owned(),
        );
    }
    let (client, deadline) = (&bridge.ticketing, bridge.call_timeout());
    let found = all(bridge, &hook).await;
    let found = found.map_err(|error| of_ticketing(bridge, &error))?;
    for Seen { part, of, there } in found.iter().rev() {
        if !there.made {
            let name = &part.name;
            done.notes.push(format!(
                "the {name} that a person made for this bridge is left; take it away there"
            ));
            continue;
        }
        let gone = client.remove_part(part, &hook, (of.as_deref(), &there.id), deadline);
        gone.await.map_err(|error| of_ticketing(bridge, &error))?;
        done.changed.push(format!("removed the {}", part.name));
    }
    Ok(())
}

/// A part that is there.
struct Seen {
    part: HookPart,
    of: Option<String>,
    there: Standing,
}

/// All that is ours, in the order in which it was made: one that rests on another, once for each of
/// those.
async fn all(bridge: &Bridge, hook: &Hook) -> Result<Vec<Seen>, CallError> {
    let (client, deadline) = (&bridge.ticketing, bridge.call_timeout());
    let parts = client.hook_parts();
    let mut seen: Vec<Seen> = Vec::new();
    for part in &parts {
        let under = part.of.and_then(|of| parts.get(of));
        let of: Vec<Option<String>> = match under {
            None => vec![None],
            Some(under) => {
                let below = seen.iter().filter(|seen| seen.part == *under);
                below.map(|seen| Some(seen.there.id.clone())).collect()
            }
        };
        for of in of {
            let found = client.look_at_part(part, hook, of.as_deref(), deadline);
            for there in found.await? {
                let (part, of) = (part.clone(), of.clone());
                seen.push(Seen { part, of, there });
            }
        }
    }
    Ok(seen)
}

/// What `doctor` calls the ticketing system's webhooks: those that came, and where no call of the system
/// tells how they are set up, that too.
pub const OF_TICKETING: &str = "webhooks of ticketing";

/// Looks whether the system sends its webhooks here, and by a secret that is known here.
pub async fn examine(bridge: &Bridge, public: Option<&Url>) -> Vec<Look> {
    const WHAT: &str = "ticketing webhook set-up";
    let profile = &bridge.config.profile;
    if !takes_webhooks(bridge) {
        let told = untold(bridge);
        return vec![match profile.lists_changes() {
            true => Look::fine(OF_TICKETING, told),
            false => Look::unknown(OF_TICKETING, told),
        }];
    }
    let hook = match hook(bridge, public) {
        Ok(hook) => hook,
        Err(not) => return vec![Look::wrong(WHAT, not.error, not.remedy)],
    };
    let parts = bridge.ticketing.hook_parts();
    if parts.is_empty() {
        let found = "no call of the system tells; `jelou-bridge setup` prints what a person does";
        return vec![Look::unknown(OF_TICKETING, found)];
    }
    let seen = match all(bridge, &hook).await {
        Ok(seen) => seen,
        Err(error) => {
            let remedy = "let the user of `credentials` see the system's webhooks, or look by hand";
            return vec![of_call(WHAT, &error, remedy)];
        }
    };
    let mut looks: Vec<Look> = parts
        .iter()
        .filter_map(|part| wrong(WHAT, part, &seen, &hook))
        .collect();
    if looks.is_empty() {
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        let found = format!("{}: there, to {}", names.join(", "), hook.url);
        looks.push(Look::fine(WHAT, found));
    }
    for Seen { part, there, .. } in seen.iter().filter(|seen| seen.part.tells_secret) {
        looks.push(secret(bridge, &hook, part, &there.id).await);
    }
    looks
}

/// What is the matter with a part.
fn wrong(what: &'static str, part: &HookPart, seen: &[Seen], hook: &Hook) -> Option<Look> {
    const SETUP: &str = "run `jelou-bridge setup`";
    let ours: Vec<&Seen> = seen.iter().filter(|seen| seen.part == *part).collect();
    let name = &part.name;
    let found = match ours.as_slice() {
        [] => format!("there is no {name} to {}", hook.url),
        [one] if one.there.off => {
            return Some(Look::wrong(
                what,
                format!("the {name} is switched off"),
                "look whether the bridge was away for long: a system may stop a webhook that fails; then run `jelou-bridge setup`, and the sweep finds what was not told",
            ));
        }
        [one] if !one.there.same => format!("the {name} is not as `setup` makes it"),
        [_] => return None,
        several => {
            return Some(Look::wrong(
                what,
                format!("there are {} of the kind \"{name}\"", several.len()),
                "keep one: each change comes as often as there are",
            ));
        }
    };
    Some(Look::wrong(what, found, SETUP))
}

async fn secret(bridge: &Bridge, hook: &Hook, part: &HookPart, id: &str) -> Look {
    const WHAT: &str = "ticketing secret";
    let asked = bridge
        .ticketing
        .part_secret(part, hook, id, bridge.call_timeout());
    match asked.await {
        Ok(told) if knows(bridge, &told) => {
            Look::fine(WHAT, "the one that signs is among webhook_secrets")
        }
        Ok(_) => Look::wrong(
            WHAT,
            "the one that signs is in none of webhook_secrets: what comes is refused",
            "run `jelou-bridge setup`",
        ),
        Err(error) => of_call(
            WHAT,
            &error,
            "let the user of `credentials` see it, or look by hand",
        ),
    }
}

fn hook(bridge: &Bridge, public: Option<&Url>) -> Result<Hook, NotDone> {
    let secret = bridge.config.ticketing.webhook_secrets.first();
    Ok(Hook {
        name: format!("jelou-bridge {}", bridge.name),
        url: webhook_url(public, bridge, Side::Ticketing)?,
        secret: secret.map(|secret| Text::new(secret.as_str())),
    })
}

/// What stands in the place of webhooks, where the profile takes none.
fn untold(bridge: &Bridge) -> String {
    let every = bridge.config.sweep.every.as_secs();
    let profile = &bridge.config.profile;
    let why = match profile.takes_webhooks() {
        true => "without webhook_secrets none is taken",
        false => "its profile takes no webhooks",
    };
    match profile.lists_changes() {
        true => format!("{why}: it is asked every {every} s what changed"),
        false => format!("{why}, and it lists no changes: it tells the bridge nothing"),
    }
}

/// Whether the bridge takes webhooks of its ticketing system. A profile may leave that to the configuration,
/// for systems that have none in some versions.
pub fn takes_webhooks(bridge: &Bridge) -> bool {
    let profile = &bridge.config.profile;
    let has_secret = !bridge.config.ticketing.webhook_secrets.is_empty();
    profile.takes_webhooks() && (has_secret || !profile.may_send_no_webhooks())
}

/// What a person does, where no call of the profile does it.
fn steps(bridge: &Bridge, hook: &Hook) -> Result<Vec<String>, NotDone> {
    let profile = &bridge.config.profile;
    if !profile.is_set_up() {
        let proven = profile.proves_webhooks().unwrap_or_default();
        return Ok(vec![format!(
            "Have the system POST its webhooks to {}, proven {proven}, which is one of webhook_secrets. (The profile's [setup] could say how.)",
            hook.url
        )]);
    }
    let steps = bridge.ticketing.hook_steps(hook);
    steps.map_err(|error| of_ticketing(bridge, &error))
}

/// A call to the ticketing system that did not do it.
fn of_ticketing(bridge: &Bridge, error: &CallError) -> NotDone {
    let told = format!("{}: {error}", bridge.config.profile.title());
    match error {
        CallError::Later { .. } | CallError::Unknown { .. } => {
            NotDone::of_remote(told, "try again; it looks first at what is there")
        }
        CallError::Locked { .. } | CallError::Forbidden { .. } => NotDone::of_operator(
            told,
            "look at credentials, and let that user manage webhooks while the set-up runs; or make them by hand: [setup] of `profile show` has their addresses and bodies",
        ),
        CallError::Gone { .. } | CallError::Refused { .. } => NotDone::of_operator(
            told,
            "look at base_url, and at server.public_url, which many systems want public and https; or make them by hand: [setup] of `profile show` has their addresses and bodies",
        ),
    }
}
