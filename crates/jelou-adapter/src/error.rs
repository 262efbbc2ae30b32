//! Turns Jelou's refusals into what must happen next. Neighbours: `client`, and the transport's
//! `classify`, which knows the statuses.
//!
//! Jelou's codes come in three families (`E0422`, `bot_not_found`, `MEDIA_TOO_LARGE`) and in two
//! places; they are for people to read. What happens next is decided by the HTTP status alone.

use crate::wire::json::{self, at};
use bridge_core::call::CallError;
use bridge_transport::{Response, classify};
use serde_json::Value;

/// The longest code told, in characters; the longest known has 34.
const CODE_CHARACTERS_MAX: usize = 64;

/// The most digits a code has. A longer run may be somebody's phone number.
const CODE_DIGITS_MAX: usize = 5;

/// Sorts an answer whose status is no success.
pub(crate) fn refusal(operation: &str, answer: &Response, idempotent: bool) -> CallError {
    let mut reason = format!("{operation}: {}", answer.status);
    for code in codes(&answer.body) {
        reason.push(' ');
        reason.push_str(&code);
    }
    classify(
        answer.status,
        &answer.headers,
        answer.received_at,
        idempotent,
        reason,
    )
}

/// Sorts a success status whose body is no success. Jelou may have done it or not: what cannot be
/// done twice without harm is an unknown outcome, the rest is asked again.
pub(crate) fn no_success(operation: &str, status: u16, why: &str, idempotent: bool) -> CallError {
    let reason = format!("{operation}: {why}");
    if idempotent {
        CallError::Later {
            after: None,
            status: Some(status),
            reason,
            host_wide: false,
        }
    } else {
        CallError::Unknown {
            status: Some(status),
            reason,
            after: None,
        }
    }
}

/// The code and the key of an error, where they look like such. Its sentences are left out: they
/// may repeat what was sent.
fn codes(body: &[u8]) -> Vec<String> {
    let Ok(root) = json::read(body) else {
        return Vec::new();
    };
    let mut codes: Vec<String> = [
        &["error", "code"][..],
        &["error", "key"],
        &["code"],
        &["key"],
        &["error"],
    ]
    .iter()
    .filter_map(|path| at(&root, path).and_then(code))
    .collect();
    codes.dedup();
    codes
}

fn code(value: &Value) -> Option<String> {
    let code = value.as_str()?.trim();
    let digits = code.chars().filter(char::is_ascii_digit).count();
    let looks_like_one = code.starts_with(|c: char| c.is_ascii_alphabetic())
        && code.len() <= CODE_CHARACTERS_MAX
        && digits <= CODE_DIGITS_MAX
        && code
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    looks_like_one.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_core::time::Timestamp;
    use bytes::Bytes;
    use http::HeaderMap;

    fn reason(status: u16, body: &'static str) -> String {
        let answer = Response {
            status,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
            received_at: Timestamp(0),
        };
        refusal("start", &answer, false).to_string()
    }

    #[test]
    fn the_code_is_told_wherever_it_sits() {
        let told = "refused with 422: start: 422 E0422 VALIDATOR_ERROR";
        for body in [
            r#"{"message":["x"],"status":0,"error":{"code":"E0422","key":"VALIDATOR_ERROR"}}"#,
            r#"{"message":"x","code":"E0422","key":"VALIDATOR_ERROR"}"#,
        ] {
            assert_eq!(reason(422, body), told);
        }
        let bare = reason(404, r#"{"error":"bot_not_found"}"#);
        assert_eq!(bare, "not found: start: 404 bot_not_found");
    }

    #[test]
    fn what_is_no_code_is_not_told() {
        for body in [
            "<html>Ana Lima</html>",
            "",
            "null",
            "[]",
            r#"{"message":"user 593987654321 not found"}"#,
            r#"{"error":{"code":"Ana Lima","key":"593987654321"}}"#,
            r#"{"error":{"code":"U593987654321","description":"Ana"}}"#,
            r#"{"error":{"code":{"x":1},"key":422}}"#,
        ] {
            assert_eq!(reason(422, body), "refused with 422: start: 422", "{body}");
        }
    }
}
