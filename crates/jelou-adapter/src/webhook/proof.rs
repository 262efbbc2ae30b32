//! The credential that Jelou sends beside its signature, if the integration was made with one
//! (`authType`, page "firma-hmac"). Neighbour: `signature`.

use super::{Refused, signature::only};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bridge_core::text::Text;
use http::{HeaderMap, HeaderName, header::AUTHORIZATION};
use subtle::{Choice, ConstantTimeEq};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What Jelou sends beside the signature.
#[derive(Clone, Debug)]
pub enum Proof {
    /// Nothing (`no_auth`).
    None,
    /// `Authorization: Bearer TOKEN`.
    Bearer(Text),
    /// `X-API-Key: KEY`.
    ApiKey(Text),
    /// `Authorization: Basic ...`, of `user:password`. The page does not say whether Jelou encodes
    /// what the integration was given or sends it as given, so both are accepted.
    Basic(Text),
}

/// Checks the credential, in constant time.
///
/// # Errors
/// [`Refused::Credential`] when it is missing or wrong, [`Refused::Several`] when two differ.
pub fn check_proof(proof: &Proof, headers: &HeaderMap) -> Result<(), Refused> {
    let right = match proof {
        Proof::None => return Ok(()),
        Proof::Bearer(token) => same(after_scheme(headers, "Bearer")?, token.reveal()),
        Proof::ApiKey(key) => same(value(headers, &API_KEY)?, key.reveal()),
        Proof::Basic(pair) => {
            let sent = after_scheme(headers, "Basic")?;
            same(sent, &BASE64.encode(pair.reveal())) | same(sent, pair.reveal())
        }
    };
    if bool::from(right) {
        Ok(())
    } else {
        Err(Refused::Credential)
    }
}

/// An empty credential is none: anyone can send it.
fn same(sent: &str, expected: &str) -> Choice {
    Choice::from(u8::from(!expected.is_empty())) & sent.as_bytes().ct_eq(expected.as_bytes())
}

fn after_scheme<'a>(headers: &'a HeaderMap, scheme: &str) -> Result<&'a str, Refused> {
    match value(headers, &AUTHORIZATION)?.split_once(' ') {
        Some((said, rest)) if said.eq_ignore_ascii_case(scheme) => Ok(rest.trim()),
        Some(_) | None => Err(Refused::Credential),
    }
}

fn value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Refused> {
    let value = only(headers, name)?.ok_or(Refused::Credential)?;
    value
        .to_str()
        .map(str::trim)
        .map_err(|_| Refused::Credential)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn with(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_bearer_token_must_be_the_one() {
        let proof = Proof::Bearer(Text::from("t0ken"));
        let check = |value| check_proof(&proof, &with(AUTHORIZATION, value));
        assert_eq!(check("Bearer t0ken"), Ok(()));
        assert_eq!(check("bearer  t0ken"), Ok(()));
        for wrong in [
            "Bearer t0kem",
            "Bearer",
            "t0ken",
            "Basic t0ken",
            "Bearer t0ken2",
            "",
        ] {
            assert_eq!(check(wrong), Err(Refused::Credential), "{wrong}");
        }
        assert_eq!(
            check_proof(&proof, &HeaderMap::new()),
            Err(Refused::Credential)
        );
    }

    #[test]
    fn an_api_key_must_be_the_one_and_only_one() {
        let proof = Proof::ApiKey(Text::from("k3y"));
        let mut headers = with(API_KEY, "k3y");
        assert_eq!(check_proof(&proof, &headers), Ok(()));
        headers.append(API_KEY, HeaderValue::from_static("k3y"));
        assert_eq!(check_proof(&proof, &headers), Ok(()));
        headers.append(API_KEY, HeaderValue::from_static("other"));
        assert_eq!(check_proof(&proof, &headers), Err(Refused::Several));
    }

    #[test]
    fn a_basic_pair_is_taken_encoded_once_or_as_given() {
        let plain = Proof::Basic(Text::from("user:pass"));
        let encoded = Proof::Basic(Text::from("dXNlcjpwYXNz"));
        let sent = with(AUTHORIZATION, "Basic dXNlcjpwYXNz");
        assert_eq!(check_proof(&plain, &sent), Ok(()));
        assert_eq!(check_proof(&encoded, &sent), Ok(()));
        let wrong = with(AUTHORIZATION, "Basic dXNlcjpwYXNX");
        assert_eq!(check_proof(&plain, &wrong), Err(Refused::Credential));
    }

    #[test]
    fn an_empty_credential_proves_nothing() {
        let proof = Proof::ApiKey(Text::from(""));
        assert_eq!(
            check_proof(&proof, &with(API_KEY, "")),
            Err(Refused::Credential)
        );
    }

    #[test]
    fn no_proof_asks_for_none() {
        assert_eq!(check_proof(&Proof::None, &HeaderMap::new()), Ok(()));
    }
}
