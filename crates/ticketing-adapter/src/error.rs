//! What can be wrong with a profile or its settings, with a webhook, and with an answer. Neighbours:
//! profile and webhook return these; the client sorts answers into core's `CallError` with them.

use crate::profile::filters::{items, text};
use bridge_core::call::CallError;
use minijinja::value::{Value, ValueKind};

/// The longest machine code told, in characters. The longest known ones have under 40.
const CODE_CHARACTERS_MAX: usize = 64;

/// How many machine codes are told of one answer: one line of a timeline.
const CODES_MAX: usize = 8;

/// The shortest row of digits taken for a number that names a person. Statuses, error numbers and
/// years have fewer.
const DIGITS_OF_A_PERSON: usize = 6;

/// Something wrong with a profile or its settings, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key in the profile, or in `[bridges.NAME.ticketing]` for settings.
    pub key: String,
    /// The line in the profile, counted from 1; `None` for settings and for missing keys.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// A webhook whose sender is not proven. The word is for a metric; the caller is told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The proof is missing.
    #[error("the proof is missing")]
    Missing,
    /// There are two that differ, or it is not of the right form.
    #[error("the proof is malformed")]
    Malformed,
    /// It fits none of our secrets.
    #[error("the proof is wrong")]
    Wrong,
    /// The profile takes no webhooks, or no secret is set.
    #[error("no webhook is expected")]
    Unexpected,
}

/// What an answer that cannot be taken for a success means: for a call that may be sent again, a
/// new try; for any other, an unknown outcome.
pub(crate) fn unsure(idempotent: bool, status: Option<u16>, reason: String) -> CallError {
    if idempotent {
        CallError::Later {
            after: None,
            status,
            reason,
            host_wide: false,
        }
    } else {
        CallError::Unknown {
            status,
            reason,
            after: None,
        }
    }
}

/// What may be told of a refusal: its status, and the machine codes that the profile points at.
/// A vendor's sentences hold names and numbers in forms that no filter knows, so none is told.
pub(crate) fn reason(status: u16, told: &Value, sent: &[String]) -> String {
    let mut codes = Vec::new();
    collect(told, sent, &mut codes);
    if codes.is_empty() {
        return format!("status {status}");
    }
    format!("status {status}: {}", codes.join(" "))
}

fn collect(told: &Value, sent: &[String], codes: &mut Vec<String>) {
    match told.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            for item in items(told) {
                collect(&item, sent, codes);
            }
        }
        ValueKind::String | ValueKind::Number => {
            let code = text(told);
            let new = !codes.contains(&code);
            if codes.len() < CODES_MAX && new && is_code(&code) && !repeats(&code, sent) {
                codes.push(code);
            }
        }
        _ => {}
    }
}

/// One short word of ASCII letters, digits and `_`, `.`, `-`, as programs write for programs; with
/// no row of digits, separators left out, that could be a phone number or an account.
fn is_code(word: &str) -> bool {
    let separators = ['_', '.', '-'];
    let mut row = 0_usize;
    for c in word.chars() {
        if c.is_ascii_digit() {
            row += 1;
        } else if c.is_ascii_alphabetic() {
            row = 0;
        } else if !separators.contains(&c) {
            return false;
        }
        if row >= DIGITS_OF_A_PERSON {
            return false;
        }
    }
    (1..=CODE_CHARACTERS_MAX).contains(&word.len())
}

/// Whether it is a word of what we sent of people: a profile that points at the wrong place must
/// not tell a name.
fn repeats(code: &str, sent: &[String]) -> bool {
    sent.iter()
        .flat_map(|words| words.split(|c: char| !c.is_alphanumeric()))
        .any(|word| word.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> String {
        let list: Vec<Value> = words.iter().map(|word| Value::from(*word)).collect();
        reason(422, &Value::from(list), &["Ana Pérez".to_owned()])
    }

    #[test]
    fn a_reason_tells_the_status_and_machine_codes() {
        assert_eq!(told(&[]), "status 422");
        assert_eq!(
            told(&["RecordInvalid", "status", "E0422", "status"]),
            "status 422: RecordInvalid status E0422"
        );
        assert_eq!(reason(400, &Value::from(1042), &[]), "status 400: 1042");
    }

    #[test]
    fn a_reason_tells_no_sentence_no_name_and_no_number_of_a_person() {
        for words in [
            "Phone +593 98 765 4321 of Ana Pérez is taken",
            "593987654321",
            "593-987-654",
            "5.9.3.9.8.7",
            "phone_098765",
            "+59398",
            "ana",
            "Pérez",
            "José",
            "a@b.example",
            "two words",
            "line\nfeed",
            "",
        ] {
            assert_eq!(told(&[words]), "status 422", "{words}");
        }
        assert_eq!(told(&[&"x".repeat(65)]), "status 422");
        let map = Value::from_pairs([("name", "Luis")]);
        assert_eq!(reason(422, &map, &[]), "status 422");
    }

    #[test]
    fn a_reason_has_an_end() {
        let many: Vec<String> = (0..100).map(|n| format!("E{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(told(&many), "status 422: E0 E1 E2 E3 E4 E5 E6 E7");
    }
}
