//! Which deliveries are one.

use super::{CLOSE, MESSAGE, REFLECTION, START, with};
use crate::webhook::dedup_key;
use serde_json::{Value, json};

fn key(body: &Value) -> String {
    dedup_key(body.to_string().as_bytes())
}

#[test]
fn a_start_sent_again_in_other_bytes_joins_the_first() {
    let first = dedup_key(START.as_bytes());
    assert_eq!(
        first,
        key(&with(START, "/timestamp", json!(1_776_134_145_999_i64)))
    );
    assert_eq!(first, key(&with(START, "/value", json!({}))));
    assert_eq!(first, key(&with(START, "/event", Value::Null)));
    assert_eq!(first, dedup_key(format!(" {START}\n").as_bytes()));
}

#[test]
fn a_start_and_a_close_of_one_conversation_are_two() {
    assert_ne!(dedup_key(START.as_bytes()), dedup_key(CLOSE.as_bytes()));
}

#[test]
fn a_message_is_known_by_its_id_in_its_conversation_and_project() {
    let first = dedup_key(MESSAGE.as_bytes());
    assert_eq!(
        first,
        key(&with(MESSAGE, "/timestamp", json!(1_776_134_278_999_i64)))
    );
    assert_ne!(first, key(&with(MESSAGE, "/value/id", json!("m-2"))));
    assert_ne!(
        first,
        key(&with(MESSAGE, "/conversation/id", json!("another")))
    );
    assert_ne!(first, key(&with(MESSAGE, "/project_id", json!("another"))));
}

#[test]
fn no_message_can_pass_for_a_start_or_a_close() {
    let message = key(&with(MESSAGE, "/value/id", json!("start")));
    assert_ne!(message, dedup_key(START.as_bytes()));
    let sly = with(MESSAGE, "/conversation/id", json!("a\",\"b"));
    let honest = with(&sly.to_string(), "/value/id", json!("b"));
    assert_ne!(key(&sly), key(&honest));
}

#[test]
fn an_unreadable_body_never_takes_the_place_of_a_readable_one() {
    let readable = dedup_key(START.as_bytes());
    for pointer in ["/contact", "/bot", "/timestamp", "/project_id"] {
        let broken = key(&with(START, pointer, Value::Null));
        assert_ne!(broken, readable);
        assert!(broken.starts_with("sha256:"), "{broken}");
    }
}

#[test]
fn any_other_body_is_its_own_key() {
    assert_eq!(
        dedup_key(b""),
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    let reflection = dedup_key(REFLECTION.as_bytes());
    assert!(reflection.starts_with("sha256:"));
    assert_eq!(reflection, dedup_key(REFLECTION.as_bytes()));
    assert_ne!(reflection, dedup_key(format!("{REFLECTION} ").as_bytes()));
}
