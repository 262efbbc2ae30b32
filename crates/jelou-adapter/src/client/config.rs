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
    /// Such as `https://chatbot.jelou.ai`: where agents' messages go.
    pub messages_url: Url,
    /// The Jelou project (`projectId`, `brainId`).
    pub project_id: String,
    /// For conversations and user memory.
    pub gateway_auth: GatewayAuth,
    /// For everything on `api_url`; `None` where the bridge uses none of it.
    pub api_auth: Option<Basic>,
    /// How the report takes that credential.
    pub metrics_auth: MetricsAuth,
    /// What signs agents' messages: the newest secret, since Jelou knows one at a time. `None`
    /// before the integration is set up.
    pub signing_secret: Option<Text>,
}

/// How the report of attended conversations takes the client id and its secret: its table and its
/// samples show the bare pair, its schema shows Basic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricsAuth {
    /// `Authorization: Basic ...`.
    #[default]
    Basic,
    /// `Authorization: clientId:clientSecret`.
    Raw,
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

impl MetricsAuth {
    pub(super) fn header(self, auth: &Basic) -> Result<Credential, BadConfig> {
        match self {
            Self::Basic => auth.header(),
            Self::Raw => Ok((AUTHORIZATION, secret(&auth.pair()?)?)),
        }
    }
}

impl Basic {
    pub(super) fn header(&self) -> Result<Credential, BadConfig> {
        let value = secret(&format!("Basic {}", BASE64.encode(self.pair()?)))?;
        Ok((AUTHORIZATION, value))
    }

    fn pair(&self) -> Result<String, BadConfig> {
        if self.client_id.contains(':') {
            return Err(BadConfig::ClientId);
        }
        Ok(format!(
            "{}:{}",
            self.client_id,
            self.client_secret.reveal()
        ))
    }
}

pub(super) fn secret(text: &str) -> Result<HeaderValue, BadConfig> {
    let mut value = HeaderValue::from_str(text).map_err(|_| BadConfig::Credential)?;
    value.set_sensitive(true);
    Ok(value)
}
