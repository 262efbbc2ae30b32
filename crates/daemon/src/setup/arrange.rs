//! Makes the integration at Jelou what the configuration says, or takes it away. Neighbours: `cli`,
//! which asks for it; `rotate`, which brings a secret where one is missing.
//!
//! It looks first, and changes only what differs; so it may be run at any time.

use super::{NotDone, rotate, was_broken_off};
use crate::runtime::Bridge;
use bridge_core::{call::CallError, event::Side};
use jelou_adapter::{client::Integration, webhook::Proof};
use serde::Serialize;
use url::Url;

/// What a run of the set-up did for one bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Arranged {
    /// The bridge.
    pub bridge: String,
    /// Where Jelou sends its webhooks now.
    pub webhook_url: Option<String>,
    /// What was changed, a sentence each. Empty: nothing was to be done.
    pub changed: Vec<String>,
    /// What is to be known, a sentence each.
    pub notes: Vec<String>,
    /// Whether the secret that Jelou signs with is still to be exchanged, since nobody here knows it.
    #[serde(skip)]
    pub wants_secret: bool,
}

impl Arranged {
    /// Nothing was done yet.
    #[must_use]
    pub fn nothing(bridge: &Bridge) -> Self {
        Self {
            bridge: bridge.name.to_string(),
            webhook_url: None,
            changed: Vec::new(),
            notes: Vec::new(),
            wants_secret: false,
        }
    }
}

/// The path at which a bridge takes webhooks of a side.
#[must_use]
pub fn webhook_path(bridge: &Bridge, side: Side) -> String {
    format!("/webhooks/{}/{side}", bridge.name)
}

/// Where a side is to send its webhooks.
///
/// # Errors
/// [`NotDone`] where the configuration does not say how the bridge is reached.
pub fn webhook_url(public: Option<&Url>, bridge: &Bridge, side: Side) -> Result<Url, NotDone> {
    let mut url = public.cloned().ok_or_else(|| {
        let who = match side {
            Side::Jelou => "Jelou",
            Side::Ticketing => "the ticketing system",
        };
        NotDone::of_operator(
            format!(
                "server.public_url is not given, so {who} cannot be told where to send its webhooks"
            ),
            "add public_url = \"https://HOST\" to [server], as the outside reaches server.listen",
        )
    })?;
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}{}", webhook_path(bridge, side)));
    Ok(url)
}

/// How Jelou names what it sends beside the signature.
#[must_use]
pub fn auth_type(proof: &Proof) -> &'static str {
    match proof {
        Proof::None => "no_auth",
        Proof::Bearer(_) => "bearer",
        Proof::ApiKey(_) => "api_key",
        Proof::Basic(_) => "basic",
    }
}

/// The address of an integration as it may be shown: what stands behind the path may be a secret.
#[must_use]
pub fn shown(webhook_url: &str) -> String {
    let whole = webhook_url.split(['?', '#']).next().unwrap_or_default();
    match whole.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split('/').next().unwrap_or_default();
            let bare = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{}", rest.replacen(host, bare, 1))
        }
        None => whole.to_owned(),
    }
}

/// Reads the integration; `None` if there is none.
///
/// # Errors
/// [`NotDone`] where Jelou could not be asked.
pub async fn look(bridge: &Bridge) -> Result<Option<Integration>, NotDone> {
    match bridge.jelou.integration(bridge.call_timeout()).await {
        Ok(found) => Ok(Some(found)),
        Err(CallError::Gone { .. }) => Ok(None),
        Err(error) => Err(NotDone::from_call(&error)),
    }
}

/// Makes the integration what the configuration says. With `force` also if it is somebody else's,
/// and if it looks right: a changed credential does not show.
///
/// # Errors
/// [`NotDone`]. Nothing was changed, unless it says that an answer was lost.
pub async fn arrange(
    bridge: &Bridge,
    public: Option<&Url>,
    force: bool,
) -> Result<Arranged, NotDone> {
    let url = webhook_url(public, bridge, Side::Jelou)?;
    match look(bridge).await? {
        None => create(bridge, &url).await,
        Some(found) if found.webhook_url == url.as_str() => own(bridge, &url, &found, force).await,
        Some(found) if force => take_over(bridge, &url, &found).await,
        Some(found) => Err(NotDone::of_operator(
            format!(
                "bridge {}: the project's integration belongs to somebody else, or to this bridge under another address: Jelou sends its webhooks to {}, not to {url}",
                bridge.name,
                shown(&found.webhook_url)
            ),
            "look who receives them there; `jelou-bridge setup --force` takes the integration over, with a new secret, and nothing reaches them any more",
        )),
    }
}

async fn create(bridge: &Bridge, url: &Url) -> Result<Arranged, NotDone> {
    let file = rotate::prepared(bridge).await?;
    let path = file.path().display().to_string();
    let proof = &bridge.config.jelou.webhook_auth;
    let created = bridge
        .jelou
        .create_integration(url, proof, bridge.call_timeout());
    let secret = match created.await {
        Ok(secret) => secret,
        Err(CallError::Unknown { reason, .. }) => {
            return Err(NotDone::of_remote(
                format!(
                    "Jelou's answer was lost, and with it the secret if an integration was made: {reason}"
                ),
                "run `jelou-bridge setup` again: it looks, and asks for another secret if need be",
            ));
        }
        Err(error) => {
            file.give_up();
            return Err(NotDone::from_call(&error));
        }
    };
    rotate::write(file, secret).await?;
    let mut done = arranged(bridge, url);
    done.changed
        .push(format!("made the integration: webhooks go to {url}"));
    if !matches!(proof, Proof::None) {
        done.changed.push(told_credential(proof));
    }
    done.changed
        .push(format!("wrote the signing secret to {path}"));
    Ok(done)
}

/// Ours already.
async fn own(
    bridge: &Bridge,
    url: &Url,
    found: &Integration,
    force: bool,
) -> Result<Arranged, NotDone> {
    let jelou = &bridge.config.jelou;
    let mut done = arranged(bridge, url);
    let wanted = auth_type(&jelou.webhook_auth);
    let differs = found
        .auth_type
        .as_deref()
        .is_some_and(|told| told != wanted);
    if differs || force {
        update(bridge, url).await?;
        done.changed.push(told_credential(&jelou.webhook_auth));
    } else if found.auth_type.is_none() && !matches!(jelou.webhook_auth, Proof::None) {
        done.notes.push(format!(
            "Jelou does not tell what it shows beside the signature; `setup --force` tells it `{wanted}` again"
        ));
    }
    let file = jelou.secret_file.as_deref();
    done.wants_secret = jelou.signing_secrets.is_empty() || file.is_some_and(was_broken_off);
    Ok(done)
}

/// Nobody here knows what signs another's integration.
async fn take_over(bridge: &Bridge, url: &Url, found: &Integration) -> Result<Arranged, NotDone> {
    let mut done = arranged(bridge, url);
    let jelou = &bridge.config.jelou;
    if jelou.secret_file.is_some() {
        // What would stand in the way of the new secret is found before anything is changed.
        rotate::prepared(bridge).await?.give_up();
        done.wants_secret = true;
    } else {
        done.notes.push(
            "the signing secret is in no file and was left as it is: make sure that it is the integration's"
                .to_owned(),
        );
    }
    update(bridge, url).await?;
    done.changed.push(format!(
        "took the integration over: webhooks go to {url}, no longer to {}",
        shown(&found.webhook_url)
    ));
    done.changed.push(told_credential(&jelou.webhook_auth));
    Ok(done)
}

async fn update(bridge: &Bridge, url: &Url) -> Result<(), NotDone> {
    let proof = &bridge.config.jelou.webhook_auth;
    let updated = bridge
        .jelou
        .update_integration(url, proof, bridge.call_timeout());
    updated.await.map_err(|error| NotDone::from_call(&error))
}

/// Takes the integration away, if it is known to be this bridge's or `force` says so. The secret's
/// file stays.
///
/// # Errors
/// [`NotDone`] where it is somebody else's, where nothing tells whose it is, or where Jelou could not
/// be asked.
pub async fn remove(
    bridge: &Bridge,
    public: Option<&Url>,
    force: bool,
) -> Result<Arranged, NotDone> {
    let none = Arranged::nothing(bridge);
    let Some(found) = look(bridge).await? else {
        return Ok(none);
    };
    if !force {
        is_ours(bridge, public, &found)?;
    }
    match bridge.jelou.remove_integration(bridge.call_timeout()).await {
        Ok(()) | Err(CallError::Gone { .. }) => Ok(Arranged {
            changed: vec![format!(
                "removed the integration: no more webhooks go to {}",
                shown(&found.webhook_url)
            )],
            ..none
        }),
        Err(error) => Err(NotDone::from_call(&error)),
    }
}

/// Whether an integration that is to be removed is this bridge's: only its address tells.
fn is_ours(bridge: &Bridge, public: Option<&Url>, found: &Integration) -> Result<(), NotDone> {
    let (name, there) = (&bridge.name, shown(&found.webhook_url));
    let Some(public) = public else {
        return Err(NotDone::of_operator(
            format!(
                "bridge {name}: whose the project's integration is cannot be told, since server.public_url is not given: Jelou sends its webhooks to {there}"
            ),
            "add public_url = \"https://HOST\" to [server], or look who receives them there; `jelou-bridge setup --remove --force` removes it all the same",
        ));
    };
    if webhook_url(Some(public), bridge, Side::Jelou)?.as_str() == found.webhook_url {
        return Ok(());
    }
    Err(NotDone::of_operator(
        format!(
            "bridge {name}: the project's integration is not this bridge's: Jelou sends its webhooks to {there}"
        ),
        "look who receives them there; `jelou-bridge setup --remove --force` removes it all the same",
    ))
}

fn arranged(bridge: &Bridge, url: &Url) -> Arranged {
    Arranged {
        webhook_url: Some(url.to_string()),
        ..Arranged::nothing(bridge)
    }
}

fn told_credential(proof: &Proof) -> String {
    format!(
        "told Jelou what to show beside the signature: `{}`",
        auth_type(proof)
    )
}
