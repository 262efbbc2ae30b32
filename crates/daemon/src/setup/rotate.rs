//! A new signing secret, with no webhook lost. Neighbours: `http::ingest`, which holds what no secret
//! verifies meanwhile; `reload`, which brings the new secret into force.
//!
//! Jelou signs with the new secret from the instant it answers, or would have answered. In order:
//! webhooks are held, the file's place is made, Jelou is asked, the file is written, the secret is
//! accepted from memory, the configuration is read anew, and what was held is verified again. The
//! old secret stays accepted throughout.

use super::{NotDone, SecretFile, secret_file::Maker};
use crate::{
    api::ApiError,
    http::ingest::{Hold, Open},
    reload,
    runtime::{Bridge, Runtime},
};
use bridge_core::{call::CallError, ids::BridgeName, text::Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

/// One question to Jelou for a new secret, whatever a Lane's calls may take: an answer that is given
/// up is a secret that is lost.
const ASK_WITHIN: Duration = Duration::from_secs(10);

/// Questions in all: a second one where the first one's answer was lost, since only a further
/// secret is one that we know.
const ASK_TIMES: u32 = 2;

/// The whole of it: both questions, and ten seconds for the disk and the reload.
pub const ROTATION_WITHIN: Duration = Duration::from_secs(30);

/// Which bridge's secret to exchange.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateAsked {
    /// Its name.
    pub bridge: String,
}

/// A new secret is in force. It is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rotated {
    /// The bridge.
    pub bridge: String,
    /// Where the new secret is, first in line.
    pub file: String,
    /// Webhooks that were held back meanwhile until they could be verified, or could not.
    pub held: u64,
    /// What is still to be done, if something is.
    pub remedy: Option<String>,
}

/// Exchanges secrets in a running daemon.
#[derive(Clone)]
pub struct Rotator {
    /// Holds webhooks back meanwhile.
    pub hold: Hold,
    /// The bridges in force.
    pub runtime: watch::Receiver<Arc<Runtime>>,
    /// Reads the configuration anew.
    pub reload: reload::Asker,
}

impl Rotator {
    /// Exchanges the secret of a bridge. It is carried to its end even if the asker goes away.
    ///
    /// # Errors
    /// 404 for an unknown bridge; 409 where the secret is in no file that can be written, where Jelou
    /// says no or while another exchange goes on; 502 where Jelou could not be reached or its answer
    /// was lost.
    pub async fn rotate(self, asked: RotateAsked) -> Result<Rotated, ApiError> {
        let bridge = self.bridge(&asked.bridge)?;
        let open = self.hold.begin(&bridge.name).ok_or_else(|| {
            ApiError::conflict(
                format!(
                    "the secret of bridge {} is just being exchanged",
                    bridge.name
                ),
                "wait half a minute",
            )
        })?;
        let task = tokio::spawn(async move { self.exchange(&bridge, open).await });
        task.await
            .unwrap_or_else(|_| {
                Err(NotDone::of_operator(
                    "the exchange of the secret broke off",
                    "run `jelou-bridge setup --rotate-secret` again",
                ))
            })
            .map_err(ApiError::from)
    }

    fn bridge(&self, name: &str) -> Result<Arc<Bridge>, ApiError> {
        let runtime = Arc::clone(&self.runtime.borrow());
        let found = BridgeName::parse(name).ok();
        let found = found.and_then(|name| runtime.bridges.get(&name).cloned());
        found.ok_or_else(|| {
            ApiError::missing(
                "the running daemon has no bridge of that name",
                "look into the configuration, and whether the daemon's log refuses it",
            )
        })
    }

    async fn exchange(&self, bridge: &Bridge, open: Open) -> Result<Rotated, NotDone> {
        let name = &bridge.name;
        tracing::info!(bridge = %name, "The signing secret is exchanged; webhooks that it does not verify are held");
        let renewed = renew(bridge, |secret| open.accept(secret.clone())).await;
        let done = match renewed {
            Ok(path) => self.reload(bridge, &open, path).await,
            Err(not) => {
                tracing::warn!(bridge = %name, reason = %not, "The signing secret was not exchanged: {not}");
                return Err(not);
            }
        };
        tracing::info!(bridge = %name, held = done.held, "The new signing secret is in force");
        Ok(done)
    }

    async fn reload(&self, bridge: &Bridge, open: &Open, path: PathBuf) -> Rotated {
        let remedy = match self.reload.reload().await {
            Ok(()) => {
                open.is_in_force();
                None
            }
            Err(reason) => {
                tracing::error!(
                    "The new secret is accepted, but the configuration is not read anew: {reason}"
                );
                Some(
                    "the new secret is written and accepted, but the daemon could not read its configuration anew, and still signs agents' messages with the old one: run `jelou-bridge check`, mend, and send the daemon SIGHUP or restart it"
                        .to_owned(),
                )
            }
        };
        Rotated {
            bridge: bridge.name.to_string(),
            file: path.display().to_string(),
            held: open.held(),
            remedy,
        }
    }
}

/// Asks Jelou for a new secret and writes it to its file, whose path it returns. `known` is told the
/// secret as soon as it was tried to be written, even in vain: then memory is all there is.
///
/// # Errors
/// [`NotDone`], which says whether the old secret still is Jelou's.
pub async fn renew(bridge: &Bridge, known: impl FnOnce(&Text)) -> Result<PathBuf, NotDone> {
    let file = prepared(bridge).await?;
    let path = file.path().to_owned();
    match ask(bridge).await {
        Ok(secret) => {
            let written = write(file, secret.clone()).await;
            known(&secret);
            written.map(|()| path)
        }
        Err(CallError::Unknown { reason, .. }) => Err(NotDone::of_remote(
            format!("Jelou's answer was lost, and with it perhaps the signing secret: {reason}"),
            "run `jelou-bridge setup --rotate-secret` again: until then webhooks may be refused",
        )),
        Err(
            error @ (CallError::Later { .. }
            | CallError::Locked { .. }
            | CallError::Forbidden { .. }
            | CallError::Gone { .. }
            | CallError::Refused { .. }),
        ) => {
            file.give_up();
            Err(NotDone::from_call(&error))
        }
    }
}

/// The place for a bridge's new secret.
pub(super) async fn prepared(bridge: &Bridge) -> Result<SecretFile, NotDone> {
    let name = &bridge.name;
    let Some(path) = bridge.config.jelou.secret_file.clone() else {
        return Err(NotDone::of_operator(
            format!("bridges.{name}.jelou.signing_secrets does not begin with a file"),
            "Jelou tells a new secret once, and only a file can take it: write signing_secrets = [{ file = \"jelou-secret\" }] and put the present secret there; Jelou was not asked",
        ));
    };
    off(move || SecretFile::prepare(&path, Maker::Jelou)).await
}

/// Puts a secret into its place.
pub(super) async fn write(file: SecretFile, secret: Text) -> Result<(), NotDone> {
    off(move || file.write(&secret)).await
}

async fn ask(bridge: &Bridge) -> Result<Text, CallError> {
    let mut asked = 1;
    let mut was_lost = false;
    loop {
        match bridge.jelou.rotate_secret(ASK_WITHIN).await {
            Err(CallError::Unknown { .. }) if asked < ASK_TIMES => {
                asked += 1;
                was_lost = true;
            }
            // That the second try surely did nothing says nothing of the first.
            Err(error) if was_lost => {
                return Err(CallError::Unknown {
                    status: None,
                    reason: error.to_string(),
                    after: None,
                });
            }
            ended @ (Ok(_) | Err(_)) => return ended,
        }
    }
}

/// The disk may take its time; the workers need not wait for it.
async fn off<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NotDone> + Send + 'static,
) -> Result<T, NotDone> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        Err(NotDone::of_operator(
            "the secret's file could not be worked on",
            "try again",
        ))
    })
}
