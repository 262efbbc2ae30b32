//! Jelou's signature: what verifies and what does not.

use super::{CLOSE, REFLECTION};
use crate::webhook::{Refused, SIGNATURE_HEADER, sign, verify};
use http::{HeaderMap, HeaderValue};

const SECRET: &str = "3f9c1d7a5b2e84c06d1f9e7b8a4c2d5038e6f1a94b7c0d2e5f8a1b3c6d9e0f12";
const CLOSE_SIGNED: &str =
    "sha256=eab48d2f575d3ff67912ba8dc4ff5c3d5c99d9d995464accde86d99df0824da6";

fn headers(value: &str) -> HeaderMap {
    HeaderMap::from_iter([(SIGNATURE_HEADER, HeaderValue::from_str(value).unwrap())])
}

fn check(value: &str, body: &[u8]) -> Result<(), Refused> {
    verify(&[SECRET], &headers(value), body)
}

#[test]
fn the_worked_vectors_verify_and_are_what_we_sign() {
    let raw_matters = br#"{"a":1.0,"b":1e3,"c":"\u00e9","d":"\/","10":1,"2":2}"#;
    let stringified = r#"{"2":2,"10":1,"a":1,"b":1000,"c":"é","d":"/"}"#.as_bytes();
    assert_eq!((CLOSE.len(), REFLECTION.len()), (447, 357));
    for (body, value) in [
        (CLOSE.as_bytes(), CLOSE_SIGNED),
        (
            REFLECTION.as_bytes(),
            "sha256=1284b166ed7612ffe274a16cdd872c789e287d1c1bf1e6a34bf707a3e23703c3",
        ),
        (
            b"",
            "sha256=369923211503ee0c123ef3b2f6ad6c5c50bda1f3303d98f4634efa72faca40d2",
        ),
        (
            b"{}",
            "sha256=0390f88635dbd8c687f857313c95f265049ec956a6afb607cfc6233397743fb2",
        ),
        (
            raw_matters,
            "sha256=3198614bb9f4403731c5db8313275cf377c62a70fff9443db4a86bdcf313e9c4",
        ),
        (
            stringified,
            "sha256=2a797b4215a35ba85c8debe0fb7d05ea8c8008a1aaf6c9d9bff1d5d4aa766328",
        ),
    ] {
        assert_eq!(sign(SECRET, body), value);
        assert_eq!(check(value, body), Ok(()));
    }
}

#[test]
fn the_secret_is_the_text_and_not_what_its_hexadecimal_stands_for() {
    let decoded = "sha256=4a33b58dc286fb87eeb812cab9d8c606a2b7ba64d38de8b7479b16f325eb9ddc";
    assert_eq!(check(decoded, CLOSE.as_bytes()), Err(Refused::Wrong));
}

#[test]
fn the_same_content_in_other_bytes_does_not_verify() {
    let escaped = "sha256=0978597db9e9473e3d649c50c49ee74d46d9758172f9110d28e298828f95ba7e";
    assert_eq!(check(escaped, REFLECTION.as_bytes()), Err(Refused::Wrong));
    let pretty = "sha256=5d9b187634f2b62992cefa2061f80f02847b1a72aeec1aa9f214b06ce59c5b2f";
    assert_eq!(check(pretty, CLOSE.as_bytes()), Err(Refused::Wrong));
    let with_newline = format!("{CLOSE}\n");
    assert_eq!(
        check(CLOSE_SIGNED, with_newline.as_bytes()),
        Err(Refused::Wrong)
    );
}

#[test]
fn no_single_changed_bit_verifies() {
    let mut body = CLOSE.as_bytes().to_vec();
    for at in 0..body.len() {
        for bit in 0..8 {
            body[at] ^= 1 << bit;
            assert_eq!(check(CLOSE_SIGNED, &body), Err(Refused::Wrong));
            body[at] ^= 1 << bit;
        }
    }
    let digits = CLOSE_SIGNED.len();
    for at in "sha256=".len()..digits {
        let mut value = CLOSE_SIGNED.as_bytes().to_vec();
        value[at] = if value[at] == b'0' { b'1' } else { b'0' };
        let value = String::from_utf8(value).unwrap();
        assert_eq!(
            check(&value, CLOSE.as_bytes()),
            Err(Refused::Wrong),
            "{value}"
        );
    }
}

#[test]
fn upper_case_and_surrounding_spaces_are_accepted() {
    let upper = CLOSE_SIGNED.to_uppercase().replace("SHA256=", "sha256=");
    assert_eq!(check(&upper, CLOSE.as_bytes()), Ok(()));
    assert_eq!(
        check(&format!(" \t{CLOSE_SIGNED}  "), CLOSE.as_bytes()),
        Ok(())
    );
}

#[test]
fn anything_but_the_prefix_and_64_digits_is_malformed() {
    let digits = CLOSE_SIGNED.trim_start_matches("sha256=");
    for value in [
        "",
        "sha256=",
        digits,
        &format!("sha1={digits}"),
        &format!("SHA256={digits}"),
        &format!("sha256={digits}0"),
        &format!("sha256= {digits}"),
        &format!("sha256={}", &digits[1..]),
        &format!("sha256={}g", &digits[1..]),
        &format!("sha256=+{}", &digits[1..]),
        &format!("{CLOSE_SIGNED}, {CLOSE_SIGNED}"),
        "sha256=6rSNL1ddP/Z5ErqNxP9cPVyZ2dmVRkrM3obZnfCCTaY=",
    ] {
        let refused = check(value, CLOSE.as_bytes());
        assert_eq!(refused, Err(Refused::Malformed), "{value}");
    }
    let mut bytes = HeaderMap::new();
    bytes.insert(
        SIGNATURE_HEADER,
        HeaderValue::from_bytes(b"sha256=\xff").unwrap(),
    );
    let refused = verify(&[SECRET], &bytes, CLOSE.as_bytes());
    assert_eq!(refused, Err(Refused::Malformed));
}

#[test]
fn a_missing_signature_is_refused() {
    let refused = verify(&[SECRET], &HeaderMap::new(), CLOSE.as_bytes());
    assert_eq!(refused, Err(Refused::Missing));
}

#[test]
fn two_signatures_that_differ_are_refused_and_two_alike_are_one() {
    let mut twice = headers(CLOSE_SIGNED);
    twice.append(SIGNATURE_HEADER, HeaderValue::from_static(CLOSE_SIGNED));
    assert_eq!(verify(&[SECRET], &twice, CLOSE.as_bytes()), Ok(()));
    let other = sign("another secret", CLOSE.as_bytes());
    twice.append(SIGNATURE_HEADER, HeaderValue::from_str(&other).unwrap());
    let refused = verify(&[SECRET, "another secret"], &twice, CLOSE.as_bytes());
    assert_eq!(refused, Err(Refused::Several));
}

#[test]
fn each_of_several_secrets_is_accepted_and_no_other() {
    let secrets = ["new", "old", SECRET];
    for secret in secrets {
        let signed = headers(&sign(secret, b"body"));
        assert_eq!(verify(&secrets, &signed, b"body"), Ok(()));
    }
    let foreign = headers(&sign("foreign", b"body"));
    assert_eq!(verify(&secrets, &foreign, b"body"), Err(Refused::Wrong));
}

#[test]
fn an_empty_secret_and_no_secret_verify_nothing() {
    let signed = headers(&sign("", b"body"));
    assert_eq!(verify(&[""], &signed, b"body"), Err(Refused::Wrong));
    assert_eq!(verify(&[], &signed, b"body"), Err(Refused::Wrong));
    let zeros = headers(&format!("sha256={}", "0".repeat(64)));
    assert_eq!(verify(&[], &zeros, b"body"), Err(Refused::Wrong));
}
