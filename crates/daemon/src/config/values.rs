//! Values with a form of their own: secrets, rates, addresses. Neighbours: spec, whose keys have
//! them; validate, which refuses them where they stand.
//!
//! Each names its form to the schema as `x-kind`, and what to write instead as `x-remedy`.

use bridge_core::mapping::{BadSpan, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt, net::SocketAddr, num::NonZeroU32, str::FromStr, time::Duration};
use url::{Host, Url};

/// A secret as written: in a variable, in a file, or, where it must be, in plain text.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum SecretSpec {
    Env { env: String },
    File { file: String },
    Plain(String),
}

/// Nothing of a secret shows, not even where it is.
impl fmt::Debug for SecretSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Secrets are never written back; only the schema's defaults ask for this, and no secret has one.
impl Serialize for SecretSpec {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str("(secret)")
    }
}

impl JsonSchema for SecretSpec {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = |key: &str| {
            serde_json::json!({
                "type": "object",
                "properties": { key: { "type": "string", "minLength": 1 } },
                "required": [key],
                "additionalProperties": false,
            })
        };
        json_schema!({
            "x-kind": "secret",
            "x-remedy": "write { env = \"NAME\" } for a variable, { file = \"PATH\" } for a file, or a plain string",
            "examples": ["{ env = \"NAME\" }"],
            "anyOf": [one("env"), one("file"), { "type": "string", "minLength": 1 }],
        })
    }
}

/// Makes a type that is a text of a given form: parsed by `FromStr`, described to the schema.
macro_rules! text_form {
    ($name:ident, $kind:literal, $remedy:literal) => {
        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "x-kind": $kind, "x-remedy": $remedy })
            }
        }
    };
}

/// How many calls in how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    /// Calls.
    pub calls: NonZeroU32,
    /// In this time: a second, a minute or an hour.
    pub per: Duration,
}

const PER: [(&str, u64); 3] = [("s", 1), ("m", 60), ("h", 3_600)];

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || "it is not a rate".to_owned();
        let (calls, per) = text.split_once('/').ok_or_else(bad)?;
        let calls = calls.trim().parse().map_err(|_| bad())?;
        let seconds = PER
            .iter()
            .find(|(unit, _)| *unit == per.trim())
            .map(|(_, seconds)| *seconds);
        Ok(Self {
            calls,
            per: Duration::from_secs(seconds.ok_or_else(bad)?),
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = PER
            .iter()
            .find(|(_, seconds)| *seconds == self.per.as_secs())
            .map_or("s", |(unit, _)| unit);
        write!(f, "{}/{unit}", self.calls)
    }
}

text_form!(
    Rate,
    "rate",
    "write calls per second, minute or hour, such as \"5/s\" or \"300/m\"; at least 1"
);

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Address(pub(super) SocketAddr);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse()
            .map(Self)
            .map_err(|_| "it is not an address to listen on".to_owned())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_form!(
    Address,
    "address",
    "write an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\""
);

/// The base of a remote's addresses. Secrets travel there, so it is `https`, or on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct BaseUrl(String);

impl BaseUrl {
    /// One that this program brings along.
    pub(super) fn known(url: &'static str) -> Self {
        Self(url.to_owned())
    }

    pub(super) fn url(&self) -> Result<Url, url::ParseError> {
        Url::parse(&self.0)
    }
}

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|_| "it is not a URL".to_owned())?;
        let encrypted = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err("it is not an https:// URL".to_owned()),
        };
        let local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => return Err("it names no host".to_owned()),
        };
        if !encrypted && !local {
            return Err("http:// would send secrets in the open".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it holds a user or a password".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it has a query or a fragment".to_owned());
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_form!(
    BaseUrl,
    "url",
    "write https://HOST, with a path if need be; http:// is only for this machine"
);

/// Says what is wrong with a text of a given form, if something is.
pub(super) fn wrong(kind: &str, text: &str) -> Option<String> {
    match kind {
        "duration" => text.parse::<Span>().err().map(|bad| match bad {
            BadSpan::NoUnit => format!("the duration {text:?} has no unit"),
            BadSpan::Unreadable => format!("{text:?} is not a duration"),
            BadSpan::TooLong => format!("the duration {text:?} is longer than ten years"),
        }),
        "rate" => text.parse::<Rate>().err(),
        "address" => text.parse::<Address>().err(),
        "url" => text.parse::<BaseUrl>().err(),
        "path" => bad_path(text),
        "database" => bad_database(text),
        _ => None,
    }
}

fn bad_path(text: &str) -> Option<String> {
    let fine = text.is_empty() || (text.starts_with('/') && !text.contains(['?', '#', ' ']));
    (!fine).then(|| "it is not the beginning of a path".to_owned())
}

fn bad_database(text: &str) -> Option<String> {
    if text.starts_with("postgres:") || text.starts_with("postgresql:") {
        Some("PostgreSQL comes later".to_owned())
    } else if text
        .strip_prefix("sqlite:")
        .is_some_and(|file| !file.is_empty())
    {
        None
    } else {
        Some("it is not the URL of a database".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_says_how_many_in_how_long() {
        let rate: Rate = "300/m".parse().unwrap();
        assert_eq!((rate.calls.get(), rate.per), (300, Duration::from_secs(60)));
        assert_eq!(rate.to_string(), "300/m");
        for bad in ["5", "0/s", "-1/s", "5/d", "five/s", "5/", "1.5/s"] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn plain_http_is_only_for_this_machine() {
        for fine in [
            "https://acme.example.com",
            "http://127.0.0.1:8080",
            "http://localhost:1",
            "http://[::1]:1/rt",
        ] {
            assert!(fine.parse::<BaseUrl>().is_ok(), "{fine}");
        }
        for bad in [
            "http://acme.example.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "ftp://acme",
            "acme.example.com",
            "https://user:word@acme.example.com",
            "https://acme.example.com?x=1",
        ] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_of_a_secret_shows_in_debug_output() {
        let secret = SecretSpec::Plain("hunter2".to_owned());
        assert_eq!(format!("{secret:?}"), "(secret)");
    }
}
