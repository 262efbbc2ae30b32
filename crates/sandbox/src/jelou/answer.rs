//! The platform's envelope, and reading what was sent. Neighbours: api and place.

use crate::stage::{Answer, Asked};
use serde_json::{Map, Value, json};

pub(super) fn fields_of(asked: &Asked) -> Option<Map<String, Value>> {
    match asked.json() {
        Some(Value::Object(fields)) => Some(fields),
        _ => None,
    }
}

/// A string that is there and not empty.
pub(super) fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    fields
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

pub(super) fn succeeded(message: &str, data: Value) -> Answer {
    Answer::new(
        200,
        json!({"message": [message], "statusMessage": "success", "status": 1, "data": data}),
    )
}

pub(super) fn invalid(what: &str) -> Answer {
    failed(422, what, Some(("E0422", "VALIDATOR_ERROR")))
}

pub(super) fn failed(status: u16, message: &str, error: Option<(&str, &str)>) -> Answer {
    let mut body = json!({"message": [message], "statusMessage": "failed", "status": 0});
    if let (Some(fields), Some((code, key))) = (body.as_object_mut(), error) {
        fields.insert("error".to_owned(), json!({"code": code, "key": key}));
    }
    Answer::new(status, body)
}
