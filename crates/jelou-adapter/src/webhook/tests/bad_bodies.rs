//! Authentic bodies that cannot be read are parked, whatever they are; nothing panics.

use super::{CLOSE, MESSAGE, START, parked_as, parse, with};
use bridge_core::event::Parsed;
use serde_json::{Value, json};

fn is_unreadable(raw: &[u8]) {
    let parsed = parse(raw);
    let shown = String::from_utf8_lossy(&raw[..raw.len().min(200)]).into_owned();
    assert_eq!(parked_as(&parsed), Some("unreadable"), "{shown}");
}

#[test]
fn what_is_no_json_object_is_parked() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_in_value = START.replace("{\"ticketId\"", &format!("{}\"", "{\"a\":".repeat(200)));
    for raw in [
        b"".as_slice(),
        b" \n",
        b"null",
        b"[]",
        b"7",
        b"\"text\"",
        b"true",
        b"{",
        b"{}{}",
        b"{}",
        b"<html></html>",
        b"\xef\xbb\xbf{}",
        b"{\"event\":\"\xff\xfe\"}",
        br#"{"event":"\ud800"}"#,
        br#"{"event":"\udc00\ud800"}"#,
        b"{\"event\":\"\x00\"}",
        br#"{"timestamp":1e999}"#,
        deep.as_bytes(),
        deep_in_value.as_bytes(),
    ] {
        is_unreadable(raw);
    }
    is_unreadable(format!("\u{feff}{START}").as_bytes());
}

#[test]
fn a_missing_or_unusable_id_is_parked() {
    for fixture in [START, CLOSE, MESSAGE] {
        for pointer in [
            "/project_id",
            "/conversation",
            "/conversation/id",
            "/bot",
            "/bot/id",
            "/contact",
            "/contact/id",
            "/timestamp",
        ] {
            is_unreadable(with(fixture, pointer, Value::Null).to_string().as_bytes());
        }
        for pointer in ["/conversation/id", "/bot/id", "/contact/id"] {
            for value in [
                json!(""),
                json!(" "),
                json!({}),
                json!([1]),
                json!(1.5),
                json!(true),
                json!("a\r\nb"),
                json!("a\u{0}"),
                json!("9".repeat(4096)),
            ] {
                is_unreadable(with(fixture, pointer, value).to_string().as_bytes());
            }
        }
        for value in [json!("soon"), json!(0), json!(-1), json!(1e300), json!({})] {
            is_unreadable(with(fixture, "/timestamp", value).to_string().as_bytes());
        }
    }
    for pointer in ["/value", "/value/id"] {
        is_unreadable(with(MESSAGE, pointer, Value::Null).to_string().as_bytes());
    }
}

#[test]
fn a_key_twice_is_parked_wherever_it_stands() {
    for (once, twice) in [
        ("\"project_id\":", "\"project_id\":\"x\",\"project_id\":"),
        ("\"contact\":{", "\"contact\":{\"id\":\"1\","),
        ("\"metadata\":{", "\"metadata\":{\"ticketId\":\"1\","),
    ] {
        let body = START.replace(once, twice);
        assert_ne!(body, START);
        is_unreadable(body.as_bytes());
    }
}

#[test]
fn the_detail_repeats_nothing_of_the_body() {
    let bodies = [
        with(START, "/contact/id", json!("Ana\r\nLima")).to_string(),
        with(START, "/conversation/id", json!(["canary"])).to_string(),
        START.replace("\"value\":", "\"canary\":1,\"canary\":2,\"value\":"),
        START.replace("Ana Lima", "\\ud800 canary"),
        with(START, "/project_id", json!("canary")).to_string(),
    ];
    for body in bodies {
        let Parsed::Parked { detail, .. } = parse(body.as_bytes()) else {
            panic!("not parked");
        };
        for secret in ["Ana", "Lima", "canary", "593987654321"] {
            assert!(!detail.contains(secret), "{detail}");
        }
    }
}

#[test]
fn no_broken_piece_of_a_body_panics() {
    for fixture in [START, CLOSE, MESSAGE] {
        let raw = fixture.as_bytes();
        for at in 0..raw.len() {
            let _ = parse(&raw[..at]);
            for put in [b'"', b'{', b'}', b'\\', b'0', b',', 0, 0xff] {
                let mut broken = raw.to_vec();
                broken[at] = put;
                let _ = parse(&broken);
                let _ = crate::webhook::dedup_key(&broken);
            }
        }
    }
}
