//! Checks the proof of a webhook's sender. Neighbour: `mod`, which asks before anything is read.
//!
//! Every comparison takes the same time wherever the first difference lies, and every secret is
//! tried whatever the ones before said.

use crate::{
    error::Refused,
    profile::{
        rules::{Part, Proof, Signature},
        spec::{Digest, Encoding},
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use http::{
    HeaderMap, HeaderName,
    header::{AUTHORIZATION, HOST},
};
use sha1::Sha1;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// A request as it came.
pub(super) struct Sent<'a> {
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) raw: &'a [u8],
}

pub(super) fn check(proof: &Proof, secrets: &[String], sent: &Sent<'_>) -> Result<(), Refused> {
    // An empty secret would prove everybody.
    let secrets: Vec<&str> = secrets
        .iter()
        .map(String::as_str)
        .filter(|s| !s.is_empty())
        .collect();
    if secrets.is_empty() {
        return Err(Refused::Unexpected);
    }
    match proof {
        Proof::Signature(signature) => signed(signature, &secrets, sent),
        Proof::Header { name, prefix } => {
            let shown = one(sent.headers, name)?;
            let shown = shown
                .strip_prefix(prefix.as_str())
                .ok_or(Refused::Malformed)?;
            any(&secrets, |secret| same(secret.as_bytes(), shown.as_bytes()))
        }
        Proof::Basic => {
            let shown = one(sent.headers, &AUTHORIZATION)?;
            let shown = shown.strip_prefix("Basic ").ok_or(Refused::Malformed)?;
            let pair = STANDARD
                .decode(shown.trim())
                .map_err(|_| Refused::Malformed)?;
            any(&secrets, |secret| same(secret.as_bytes(), &pair))
        }
        Proof::UrlToken => {
            let path = sent.uri.split(['?', '#']).next().unwrap_or_default();
            let token = path.rsplit('/').next().filter(|token| !token.is_empty());
            let token = token.ok_or(Refused::Missing)?;
            any(&secrets, |secret| same(secret.as_bytes(), token.as_bytes()))
        }
    }
}

fn signed(rule: &Signature, secrets: &[&str], sent: &Sent<'_>) -> Result<(), Refused> {
    let shown = one(sent.headers, &rule.header)?;
    let shown = shown
        .strip_prefix(rule.prefix.as_str())
        .ok_or(Refused::Malformed)?;
    let shown = decode(rule.encoding, shown)?;
    let timestamp = match &rule.timestamp {
        Some(name) => one(sent.headers, name)?,
        None => "",
    };
    let host = match rule.signed.contains(&Part::Host) {
        true => one(sent.headers, &HOST)?,
        false => "",
    };
    let parts: Vec<&[u8]> = rule
        .signed
        .iter()
        .map(|part| match part {
            Part::Body => sent.raw,
            Part::Timestamp => timestamp.as_bytes(),
            Part::Method => sent.method.as_bytes(),
            Part::Host => host.as_bytes(),
            Part::Uri => sent.uri.as_bytes(),
            Part::Words(words) => words.as_bytes(),
        })
        .collect();
    any(secrets, |secret| {
        mac(rule.digest, secret, &parts).map_or(Choice::from(0), |ours| same(&ours, &shown))
    })
}

/// The answer to a challenge: the signature of a token that is itself the signature of a text, by whichever
/// secret made it. Nothing else is signed, since a token of a stranger's choice could be a webhook's words.
pub(super) fn answer(
    rule: &Signature,
    signs: &str,
    secrets: &[String],
    token: &str,
) -> Option<String> {
    let knows = |secret: &&String| {
        let expected = made(rule, secret, signs);
        !secret.is_empty()
            && expected.is_some_and(|ours| bool::from(same(ours.as_bytes(), token.as_bytes())))
    };
    let known: Vec<&String> = secrets.iter().filter(knows).collect();
    known.first().and_then(|secret| made(rule, secret, token))
}

/// The signature of a text, as it is written.
fn made(rule: &Signature, secret: &str, text: &str) -> Option<String> {
    let bytes = mac(rule.digest, secret, &[text.as_bytes()])?;
    Some(match rule.encoding {
        Encoding::Base64 => STANDARD.encode(bytes),
        Encoding::Hex => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

fn mac(digest: Digest, secret: &str, parts: &[&[u8]]) -> Option<Vec<u8>> {
    match digest {
        Digest::Sha1 => keyed::<Hmac<Sha1>>(secret, parts),
        Digest::Sha256 => keyed::<Hmac<Sha256>>(secret, parts),
    }
}

/// Nothing where the key cannot be one: what is not made proves nobody.
fn keyed<M: Mac + KeyInit>(secret: &str, parts: &[&[u8]]) -> Option<Vec<u8>> {
    let mut mac = <M as KeyInit>::new_from_slice(secret.as_bytes()).ok()?;
    for part in parts {
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().to_vec())
}

fn same(ours: &[u8], shown: &[u8]) -> Choice {
    ours.ct_eq(shown)
}

fn any(secrets: &[&str], fits: impl Fn(&str) -> Choice) -> Result<(), Refused> {
    let fitting = secrets
        .iter()
        .fold(Choice::from(0), |found, secret| found | fits(secret));
    if bool::from(fitting) {
        Ok(())
    } else {
        Err(Refused::Wrong)
    }
}

/// The header's value; two that differ prove nothing.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Refused> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().ok_or(Refused::Missing)?;
    if values.any(|other| other != first) {
        return Err(Refused::Malformed);
    }
    first
        .to_str()
        .map(str::trim)
        .map_err(|_| Refused::Malformed)
}

fn decode(encoding: Encoding, shown: &str) -> Result<Vec<u8>, Refused> {
    match encoding {
        Encoding::Base64 => STANDARD.decode(shown).map_err(|_| Refused::Malformed),
        Encoding::Hex => {
            let digits: Option<Vec<u8>> = shown
                .chars()
                .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
                .collect();
            let digits = digits
                .filter(|d| d.len() % 2 == 0)
                .ok_or(Refused::Malformed)?;
            let (pairs, _) = digits.as_chunks::<2>();
            Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
        }
    }
}

#[cfg(test)]
mod tests;
