//! How a profile says who sends its requests. Neighbour: `spec`, the rest of the language.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How a request proves who sends it: exactly one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthSpec {
    /// HTTP Basic.
    pub basic: Option<BasicSpec>,
    /// `Authorization: Bearer`, a template for the token.
    pub bearer: Option<String>,
    /// Any other header.
    pub header: Option<HeaderSpec>,
    /// A token that a log-in hands out, sent as `Authorization: Bearer`.
    pub session: Option<SessionSpec>,
}

/// HTTP Basic.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BasicSpec {
    /// A template for the user.
    pub user: String,
    /// A template for the password.
    pub password: String,
}

/// One header.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderSpec {
    /// Its name.
    pub name: String,
    /// A template for its value.
    pub value: String,
}

/// A log-in, whose token is kept in memory until it is over or refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionSpec {
    /// The path it is posted to, below the base URL.
    pub path: String,
    /// Its fields, sent as a form: templates over `credentials`.
    pub form: BTreeMap<String, String>,
    /// An expression over `body` for the token.
    pub token: String,
    /// An expression over `body` for how many seconds the token lasts; until it is refused, if left out.
    pub lasts: Option<String>,
}

/// A read that tells whose credential it is, where a stranger is answered too.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MyselfSpec {
    /// The path, as in an operation.
    pub path: String,
    /// The query, as in an operation.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// An expression over the answer for the user's id; without value it is a stranger's.
    pub id: String,
    /// The option that, where it is set, must be this id.
    pub option: Option<String>,
}
