//! What the operator set for one bridge's ticketing system. Neighbours: the daemon's config makes
//! it, client and webhook use it.

use std::{collections::BTreeMap, fmt};
use url::Url;

/// One bridge's ticketing system. Its secrets show in no `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where its API lives; a path in it stands before every path of the profile.
    pub base_url: Url,
    /// What the profile's `[credentials]` names.
    pub credentials: BTreeMap<String, String>,
    /// What the profile's `[options]` names.
    pub options: BTreeMap<String, String>,
    /// Secrets that prove a webhook's sender; all are accepted, so that one can be replaced.
    pub webhook_secrets: Vec<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("base_url", &self.base_url.host_str())
            .field("credentials", &self.credentials.keys())
            .field("options", &self.options.keys())
            .field("webhook_secrets", &self.webhook_secrets.len())
            .finish()
    }
}
