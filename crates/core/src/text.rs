//! What people wrote or are called. Neighbours: event, effect, conversation, ticket.

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::{fmt, sync::Arc};

/// A person's words, name or number. It is stored and sent, never shown by `Debug`: law 9 keeps
/// it out of logs, metrics and errors.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(from = "String")]
pub struct Text(Arc<str>);

impl Text {
    /// Takes the words as they are.
    pub fn new(words: impl Into<Arc<str>>) -> Self {
        Self(words.into())
    }

    /// The words, for sending and storing only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing but white space.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// By what it is known again once it went through a ticketing system; `None` if nothing of it shows.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        let kept = kept(&self.0);
        let hash = Sha256::digest(kept.as_bytes());
        let first = hash.iter().take(8);
        let number = first.fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        (!kept.is_empty()).then_some(Digest(number))
    }
}

/// A text without its words: of two that read alike it is the same, and it says nothing of what they read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(u64);

/// A text as a ticketing system may keep it: without what is invisible, and whatever it does to
/// spaces and line ends.
fn kept(text: &str) -> String {
    let seen = text
        .chars()
        .filter(|c| !matches!(c, '\u{2060}' | '\u{200b}' | '\u{feff}'));
    let seen: String = seen.collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} characters)", self.0.chars().count())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl From<String> for Text {
    fn from(words: String) -> Self {
        Self::new(words)
    }
}

impl From<&str> for Text {
    fn from(words: &str) -> Self {
        Self::new(words)
    }
}
