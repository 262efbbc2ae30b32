//! The proofs that no built-in profile uses yet, as their vendors make them. The expected values
//! were made with another implementation.

use super::*;
use http::HeaderValue;

const BODY: &[u8] = b"{\"a\":1}";
const URI: &str = "https://b.example.org/webhooks/main/ticketing";

fn proven(proof: &Proof, uri: &str, pairs: &[(&'static str, &str)]) -> Result<(), Refused> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let sent = Sent {
        method: "POST",
        uri,
        headers: &headers,
        raw: BODY,
    };
    check(proof, &["s3cret".to_owned(), "user:pass".to_owned()], &sent)
}

fn signature(prefix: &str, digest: Digest, encoding: Encoding, signed: Vec<Part>) -> Proof {
    let timestamp = signed.contains(&Part::Timestamp);
    Proof::Signature(Signature {
        header: HeaderName::from_static("x-signature"),
        prefix: prefix.to_owned(),
        digest,
        encoding,
        signed,
        timestamp: timestamp.then_some(HeaderName::from_static("x-timestamp")),
    })
}

#[test]
fn zammads_sha1_in_hex_over_the_body_is_understood() {
    let proof = signature("sha1=", Digest::Sha1, Encoding::Hex, vec![Part::Body]);
    let right = "sha1=79999786a1bff10cd4d7dd0b0752574af76be0b5";
    assert_eq!(proven(&proof, URI, &[("x-signature", right)]), Ok(()));
    for wrong in [
        "sha1=79",
        "sha1=zz",
        "sha1=7",
        "79999786a1bff10cd4d7dd0b0752574af76be0b5",
        "",
    ] {
        assert!(
            proven(&proof, URI, &[("x-signature", wrong)]).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn glpis_body_before_timestamp_is_understood() {
    let proof = signature(
        "",
        Digest::Sha256,
        Encoding::Hex,
        vec![Part::Body, Part::Timestamp],
    );
    let right = "a11b33bba0ad7eedc3c7cbdfde1785cd49e14b3c7c34936765d20a989b8d1557";
    let pairs = [("x-signature", right), ("x-timestamp", "1795228183")];
    assert_eq!(proven(&proof, URI, &pairs), Ok(()));
}

#[test]
fn hubspots_method_uri_body_timestamp_is_understood() {
    let parts = vec![Part::Method, Part::Uri, Part::Body, Part::Timestamp];
    let proof = signature("", Digest::Sha256, Encoding::Base64, parts);
    let right = (
        "x-signature",
        "H/EFJBSS4ynUZUEenWTQH47oVtE5z+QdXEm5tMeZIMs=",
    );
    let time = ("x-timestamp", "1795228183000");
    assert_eq!(proven(&proof, URI, &[right, time]), Ok(()));
    assert_eq!(
        proven(&proof, "https://other", &[right, time]),
        Err(Refused::Wrong)
    );
}

#[test]
fn a_secret_in_a_header_in_basic_or_in_the_url_proves_the_sender() {
    let header = Proof::Header {
        name: HeaderName::from_static("x-api-key"),
        prefix: "Bearer ".to_owned(),
    };
    assert_eq!(
        proven(&header, "/", &[("x-api-key", "Bearer s3cret")]),
        Ok(())
    );
    assert_eq!(
        proven(&header, "/", &[("x-api-key", "s3cret")]),
        Err(Refused::Malformed)
    );
    assert_eq!(
        proven(&header, "/", &[("x-api-key", "Bearer s3cre")]),
        Err(Refused::Wrong)
    );
    let right = [("authorization", "Basic dXNlcjpwYXNz")];
    assert_eq!(proven(&Proof::Basic, "/", &right), Ok(()));
    assert_eq!(proven(&Proof::Basic, "/", &[]), Err(Refused::Missing));
    assert_eq!(
        proven(&Proof::UrlToken, "/webhooks/main/ticketing/s3cret?x=1", &[]),
        Ok(())
    );
    assert_eq!(
        proven(&Proof::UrlToken, "/webhooks/main/ticketing", &[]),
        Err(Refused::Wrong)
    );
}
