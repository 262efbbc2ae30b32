//! The language of a profile's words as it is written: its statuses, and how it refuses. Neighbour:
//! `spec`, the rest of it.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The system's words for statuses, lower case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VocabularySpec {
    /// Every status.
    pub statuses: Vec<String>,
    /// Those that mean solved.
    pub solved: Vec<String>,
    /// Those that never change again.
    #[serde(rename = "final")]
    pub final_: Vec<String>,
    /// The status of a ticket that a customer's words reopen.
    pub reopened: String,
    /// Whether other words are accepted, for systems where each site has its own.
    #[serde(default)]
    pub open_ended: bool,
    /// What stands for a status at the system, where that is a number or an id: templates over
    /// `options`, by status.
    #[serde(default)]
    pub codes: BTreeMap<String, String>,
    /// A read that lists the statuses that the site really has.
    pub listed: Option<ListedWordsSpec>,
    /// The fields a mapping may set; any, where this is left out.
    pub fields: Option<Vec<String>>,
}

/// A list of the statuses that a site has. What `codes` gives a status goes before.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListedWordsSpec {
    /// The path, as in an operation.
    pub path: String,
    /// The query, as in an operation.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// An expression for the list in the answer.
    pub items: String,
    /// An expression over `it` for the word.
    pub word: String,
    /// An expression over `it` for what stands for it at the system, where that is not the word.
    pub code: Option<String>,
}

/// How to read refusals.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorsSpec {
    /// An expression for the machine codes of a refusal, over `body`: a code, or a list of codes and
    /// lists. What is no code (a sentence, a number of six or more digits) is left out; without any,
    /// the status alone is told.
    pub reason: Option<String>,
    /// Statuses under 500 that ask to try again, beside 408, 425 and 429.
    #[serde(default)]
    pub later: Vec<u16>,
}
