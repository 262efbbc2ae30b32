//! Where Jelou is and how it knows us. Neighbour: the client, which is made of it.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bridge_core::text::Text;
use bridge_transport::BadSegment;
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use url::Url;

/// A header that proves who we are. Exactly one goes with a request: the pages show either, and
/// never both.
pub(super) type Credential = (HeaderName, HeaderValue);

/// How the gateway knows us. Its prose says one, its schema the other, so the operator says.
#[derive(Clone, Debug)]
pub enum GatewayAuth {
    /// `x-api-key: KEY`.
    ApiKey(Text),
    /// `Authorization: Basic ...`.
    Basic(Basic),
}

/// A client id and its secret, for `Authorization: Basic`.
#[derive(Clone, Debug)]
pub struct Basic {
    /// `clientId`; without a colon.
    pub client_id: String,
    /// `clientSecret`.
    pub client_secret: Text,
}

/// Where Jelou is and how it knows us.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Such as `https://gateway.jelou.ai`.
    pub gateway_url: Url,
    /// `/jelouapi/v1` or `/platform/v1`: the pages differ.
    pub gateway_prefix: String,
    /// Such as `https://api.jelou.ai`.
    pub api_url: Url,
    /// The Jelou project (`projectId`, `brainId`).
    pub project_id: String,
    /// For conversations and user memory.
    pub gateway_auth: GatewayAuth,
    /// For the user cache; `None` where the bridge does not write to it.
    pub api_auth: Option<Basic>,
}

/// A [`ClientConfig`] that no request can be made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadConfig {
    /// A key or secret holds something that no header can.
    #[error("a credential has a character that no HTTP header can hold")]
    Credential,
    /// `client_id` has a colon, where the secret would begin.
    #[error("the client id must have no colon in it")]
    ClientId,
    /// `project_id` cannot stand in a path.
    #[error("the project id: {0}")]
    Project(BadSegment),
    /// The prefix or an address takes no path.
    #[error("the gateway's address or prefix: {0}")]
    Address(BadSegment),
}

impl GatewayAuth {
    pub(super) fn header(&self) -> Result<Credential, BadConfig> {
        match self {
            Self::ApiKey(key) => {
                let name = HeaderName::from_static("x-api-key");
                Ok((name, secret(key.reveal())?))
            }
            Self::Basic(basic) => basic.header(),
        }
    }
}

impl Basic {
    pub(super) fn header(&self) -> Result<Credential, BadConfig> {
        if self.client_id.contains(':') {
            return Err(BadConfig::ClientId);
        }
        let pair = format!("{}:{}", self.client_id, self.client_secret.reveal());
        let value = secret(&format!("Basic {}", BASE64.encode(pair)))?;
        Ok((AUTHORIZATION, value))
    }
}

fn secret(text: &str) -> Result<HeaderValue, BadConfig> {
    let mut value = HeaderValue::from_str(text).map_err(|_| BadConfig::Credential)?;
    value.set_sensitive(true);
    Ok(value)
}
