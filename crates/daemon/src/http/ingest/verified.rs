//! A webhook whose sender is proven. Neighbours: the adapters' `webhook` rooms, which know how.
//!
//! Only this file makes a [`Verified`], so what is stored was proven. The adapters do the same work
//! whatever is wrong; the answer is the same too.

use super::super::refuse::Refusal;
use crate::config::{Bridge, JelouConfig};
use axum::body::Bytes;
use bridge_core::text::Text;
use http::{HeaderMap, request::Parts};
use std::collections::BTreeMap;

/// A webhook from one of the two systems, and from nobody else.
pub(super) struct Verified {
    /// The name under which its sender sends it again, if it has one.
    pub(super) dedup: Option<String>,
    /// What the adapter reads beside the body.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Bytes,
}

/// Why a webhook is not proven to be from Jelou.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unproven {
    /// It is signed, but by no secret that we know; all else is right.
    Secret,
    /// It is from somebody else, whatever the secret.
    Sender,
}

impl Verified {
    /// Signed by Jelou with one of our secrets, and with the credential beside it where the
    /// integration has one. `fresh` are secrets that the configuration does not have yet.
    pub(super) fn from_jelou(
        jelou: &JelouConfig,
        fresh: &[Text],
        head: &Parts,
        body: Bytes,
    ) -> Result<Self, Unproven> {
        use jelou_adapter::webhook::{Refused, check_proof, dedup_key, verify};
        let secrets = jelou.signing_secrets.iter().chain(fresh);
        let secrets: Vec<&str> = secrets.map(Text::reveal).collect();
        let signed = verify(&secrets, &head.headers, &body);
        // Asked even if the signature is wrong, so that the time does not tell which it was.
        let proven = check_proof(&jelou.webhook_auth, &head.headers);
        match (signed, proven) {
            (Ok(()), Ok(())) => Ok(Self {
                dedup: Some(dedup_key(&body)),
                headers: BTreeMap::new(),
                body,
            }),
            (Err(Refused::Wrong), Ok(())) => Err(Unproven::Secret),
            (Ok(()) | Err(_), Ok(()) | Err(_)) => Err(Unproven::Sender),
        }
    }

    /// Proven as the profile says.
    pub(super) fn from_ticketing(
        bridge: &Bridge,
        head: &Parts,
        body: Bytes,
    ) -> Result<Self, Refusal> {
        use ticketing_adapter::webhook::{dedup_key, kept_headers, verify};
        let (profile, settings) = (&bridge.profile, &bridge.ticketing);
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let method = head.method.as_str();
        verify(profile, settings, method, path, &head.headers, &body)
            .map_err(|_| Refusal::Proof)?;
        Ok(Self {
            dedup: dedup_key(profile, &head.headers, &body),
            headers: kept(&kept_headers(profile), &head.headers),
            body,
        })
    }
}

/// The first value of each header the adapter wants to see again.
fn kept(names: &[String], headers: &HeaderMap) -> BTreeMap<String, String> {
    let value = |name: &String| {
        let value = headers.get(name.as_str())?.as_bytes();
        Some((name.clone(), String::from_utf8_lossy(value).into_owned()))
    };
    names.iter().filter_map(value).collect()
}
