//! What each bridge of this process was loaded with, and when it last heard of each side. Neighbours: the
//! runtime, which was built of the configuration; the store, which keeps every delivery's time.

use super::{ApiError, view::Moment};
use crate::{jobs::Jobs, runtime::Bridge};
use bridge_core::event::Side;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use ticketing_adapter::Profile;

/// The bridges, by name.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Bridges {
    /// All that are configured.
    pub bridges: Vec<BridgeView>,
}

/// One bridge as it works now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BridgeView {
    /// Its name.
    pub bridge: String,
    /// The name of its profile.
    pub profile: String,
    /// The SHA-256, in hex, of the profile's file as it was loaded: the file may have changed since.
    pub profile_sha256: String,
    /// When the latest proven webhook of Jelou came; nothing if none ever did.
    pub jelou_webhook_at: Option<Moment>,
    /// When the latest proven webhook of the ticketing system came; nothing if none ever did.
    pub ticketing_webhook_at: Option<Moment>,
}

/// Tells of all bridges.
///
/// # Errors
/// 503 if the store does not answer.
pub async fn list(jobs: &Jobs) -> Result<Bridges, ApiError> {
    let all: Vec<Arc<Bridge>> = jobs.runtime.borrow().bridges.values().cloned().collect();
    let mut bridges = Vec::new();
    for bridge in all {
        let last = async |side| {
            let at = jobs.store.last_webhook(&bridge.name, side).await?;
            Ok::<_, ApiError>(at.map(Moment::from))
        };
        let profile = &bridge.config.profile;
        bridges.push(BridgeView {
            bridge: bridge.name.to_string(),
            profile: profile.name().to_owned(),
            profile_sha256: digest(profile),
            jelou_webhook_at: last(Side::Jelou).await?,
            ticketing_webhook_at: last(Side::Ticketing).await?,
        });
    }
    Ok(Bridges { bridges })
}

/// What tells two profiles apart: the digest of their text.
#[must_use]
pub fn digest(profile: &Profile) -> String {
    let digest = Sha256::digest(profile.text());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
