//! The helpdesk's answers, and reading what was sent. Neighbours: api and list.

use super::record::{Denied, Ticket};
use crate::stage::{Answer, Asked};
use serde_json::{Map, Value, json};

pub(super) fn object(asked: &Asked, name: &str) -> Result<Map<String, Value>, Answer> {
    match asked
        .json()
        .and_then(|mut body| body.get_mut(name).map(Value::take))
    {
        Some(Value::Object(fields)) => Ok(fields),
        _ => Err(refused(422, "the body does not hold what this call needs")),
    }
}

/// A string that is there and not empty.
pub(super) fn text(fields: &Map<String, Value>, key: &str) -> Option<String> {
    let text = fields.get(key).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

pub(super) fn strings(value: &Value) -> Option<Vec<String>> {
    let all = value.as_array()?.iter();
    all.map(|one| one.as_str().map(str::to_owned)).collect()
}

pub(super) fn shown(status: u16, ticket: &Ticket) -> Answer {
    Answer::new(status, json!({"ticket": ticket})).with_id_at(&["/ticket/id"])
}

pub(super) fn denial(denied: &Denied) -> Answer {
    match denied {
        Denied::Unknown => not_found(),
        Denied::Invalid(why) => refused(422, why),
    }
}

pub(super) fn not_found() -> Answer {
    refused(404, "there is no such thing")
}

pub(super) fn refused(status: u16, message: &str) -> Answer {
    let code = match status {
        401 => "unauthorized",
        404 => "not_found",
        422 => "invalid",
        429 => "too_many_requests",
        _ => "failed",
    };
    Answer::new(status, json!({"error": {"code": code, "message": message}}))
}
