//! What can be wrong with a profile or its settings, with a webhook, and with an answer. Neighbours:
//! profile and webhook return these; the client sorts answers into core's `CallError` with them.

use bridge_core::call::CallError;

/// The longest reason told, in characters: one line of a timeline.
const REASON_CHARACTERS_MAX: usize = 160;

/// The shortest row of digits taken for a number that names a person. Statuses, field ids in short
/// systems and dates have fewer.
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
pub(crate) fn unsure(idempotent: bool, reason: String) -> CallError {
    if idempotent {
        CallError::Later {
            after: None,
            reason,
            host_wide: false,
        }
    } else {
        CallError::Unknown {
            reason,
            after: None,
        }
    }
}

/// Makes a remote's words fit to be told: what we sent of people is taken out, and so are rows of
/// digits that could be a phone number.
pub(crate) fn redact(words: &str, secrets: &[String]) -> String {
    let mut told = words.to_owned();
    for secret in secrets {
        if secret.trim().chars().count() >= 3 {
            told = told.replace(secret.trim(), "(hidden)");
        }
    }
    let mut out = String::new();
    let mut digits = String::new();
    for c in told.chars().chain(std::iter::once(' ')) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if digits.len() >= DIGITS_OF_A_PERSON {
            out.push_str("(number)");
        } else {
            out.push_str(&digits);
        }
        digits.clear();
        out.push(if c.is_control() { ' ' } else { c });
    }
    out.trim().chars().take(REASON_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_repeats_neither_what_we_sent_nor_a_phone_number() {
        let told = redact(
            "Phone +593987654321 of Ana Pérez is invalid (code 422)\n",
            &["Ana Pérez".to_owned()],
        );
        assert_eq!(told, "Phone +(number) of (hidden) is invalid (code 422)");
    }
}
