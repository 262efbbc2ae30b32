//! Jelou's signature, page "firma-hmac": `X-Jelou-Signature: sha256=` and the HMAC-SHA256 of the
//! body in hexadecimal. Neighbour: `proof`, the credential beside it.
//!
//! The page signs `JSON.stringify(payload)`, and Jelou sends what it stringified; so we verify over
//! the raw bytes. Writing the parsed body again would change key order, numbers and escapes. The
//! secret looks like hexadecimal but is used as the text it is.

use super::Refused;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// The header that carries the signature, in both directions.
pub const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("x-jelou-signature");

const PREFIX: &str = "sha256=";

type Digest = [u8; 32];

/// Signs a body, as Jelou does and as it wants it from us: the header's value.
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    format!("{PREFIX}{}", hex(&digest(secret, body)))
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
        .collect()
}

/// Whether one of the secrets signed these bytes. Every secret is tried to the end, also when the
/// header is missing or malformed, so that the time says nothing about which of them, or what,
/// was wrong. An empty secret, which anyone knows, signs nothing.
///
/// # Errors
/// [`Refused`], for metrics.
pub fn verify(secrets: &[&str], headers: &HeaderMap, raw: &[u8]) -> Result<(), Refused> {
    let claimed = claimed(headers);
    let candidate = claimed.unwrap_or_default();
    let mut signed = Choice::from(0);
    let known = if bridge_core::planted!(FirstSecretOnly) {
        1
    } else {
        secrets.len()
    };
    for secret in secrets.iter().take(known) {
        let usable = Choice::from(u8::from(!secret.is_empty()));
        signed |= usable & digest(secret, raw).ct_eq(&candidate);
    }
    claimed?;
    if bool::from(signed) || bridge_core::planted!(SignatureUnchecked) {
        Ok(())
    } else {
        Err(Refused::Wrong)
    }
}

/// The digest that the header claims. Upper case and surrounding spaces are accepted; the prefix
/// and the length are not negotiable.
fn claimed(headers: &HeaderMap) -> Result<Digest, Refused> {
    let mut digits = only(headers, &SIGNATURE_HEADER)?
        .ok_or(Refused::Missing)?
        .to_str()
        .ok()
        .and_then(|text| text.trim().strip_prefix(PREFIX))
        .filter(|hex| hex.len() == 2 * size_of::<Digest>())
        .ok_or(Refused::Malformed)?
        .chars();
    let mut digit = || digits.next()?.to_digit(16);
    let mut digest = Digest::default();
    for byte in &mut digest {
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(Refused::Malformed);
        };
        *byte = u8::try_from(high << 4 | low).map_err(|_| Refused::Malformed)?;
    }
    Ok(digest)
}

/// The one value of a header. The same value twice is one value; two that differ are an attempt to
/// be read differently by two readers.
pub(super) fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Refused> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.any(|value| Some(value) != first) {
        return Err(Refused::Several);
    }
    Ok(first)
}

fn digest(secret: &str, body: &[u8]) -> Digest {
    // HMAC takes a key of any length; the branch for an error is never taken.
    match Hmac::<Sha256>::new_from_slice(secret.as_bytes()) {
        Ok(mac) => mac.chain_update(body).finalize().into_bytes().into(),
        Err(_) => Digest::default(),
    }
}
