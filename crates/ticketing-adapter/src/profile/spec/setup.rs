//! The language of a profile's set-up as it is written: how the system is made to send its webhooks.
//! Neighbours: `spec`, the rest of it; `webhook`, which tells how they are proven and read.

use super::{Method, two_hundred};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How the system is made to send its webhooks to the bridge: by calls, or by a person's hand.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupSpec {
    /// What calls make there, one after the other. Names of every request: `hook.url` (the bridge's
    /// address), `hook.name`, `hook.secret` (the first of `webhook_secrets`), `of`, `id`.
    #[serde(default)]
    pub parts: Vec<PartSpec>,
    /// Where no call does it: what a person does, a step each; templates over `hook.url` and `hook.name`.
    #[serde(default)]
    pub steps: Vec<String>,
}

/// One thing that is made at the system, such as a webhook, or a trigger that sends one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartSpec {
    /// What people call it.
    pub name: String,
    /// The part before on which it rests: that one's id is `of`, and without it this one is not there.
    pub of: Option<String>,
    /// The list in which it is found.
    pub look: LookSpec,
    /// An expression over `it`: whether an item of that list is ours. Best by its address, since names
    /// are given by people.
    pub ours: String,
    /// An expression over `it` for its id.
    pub id: String,
    /// An expression over `it`: whether the set-up made it, best by its name. Another, made by a person, is
    /// made use of, and neither switched on nor taken away. Left out: all that is ours was made so.
    pub made: Option<String>,
    /// An expression over `it`: whether the system sends nothing by it now.
    pub off: Option<String>,
    /// An expression over `it`: whether it is as it is made, apart from what nobody can read.
    pub same: Option<String>,
    /// Makes it.
    pub create: SetupCallSpec,
    /// Makes the one that is there what it should be. Names: `id` and `it` too.
    pub change: Option<SetupCallSpec>,
    /// Takes it away. Names: `id` too.
    pub remove: SetupCallSpec,
    /// Where the system makes the secret: a read that tells it.
    pub secret: Option<SecretSpec>,
}

/// A list of what there is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LookSpec {
    /// The path, as in an operation.
    pub path: String,
    /// The query, as in an operation; it may name `page`, and `token`.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// An expression for the list in the answer.
    pub items: String,
    /// How many items a full page has.
    pub page_size: Option<usize>,
    /// An expression for the token of the next page.
    pub next: Option<String>,
}

/// A call of the set-up.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupCallSpec {
    /// The method.
    pub method: Method,
    /// The path, as in an operation.
    pub path: String,
    /// The JSON body, as in an operation.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub body: Option<toml::Table>,
    /// The statuses that mean yes.
    #[serde(default = "two_hundred")]
    pub ok: Vec<u16>,
}

/// A read that tells the secret by which the system signs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretSpec {
    /// The path, as in an operation; it names `id`.
    pub path: String,
    /// An expression for the secret in the answer.
    pub value: String,
}
