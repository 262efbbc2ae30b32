//! Profiles: files that teach the bridge one ticketing system each. Neighbours: client and webhook,
//! which work by a profile; `docs/PROFILES.md`, the manual of the language.
//!
//! [`spec`](self) is the language as written, `compile` checks it, `rules` is what comes of it.

mod auth;
mod carried;
mod compile;
mod complete;
pub(crate) mod expr;
pub(crate) mod filters;
mod html;
mod names;
mod operations;
mod place;
mod request;
mod review;
pub(crate) mod rules;
mod secret;
mod settings;
pub(crate) mod setup;
pub(crate) mod shape;
pub(crate) mod spec;
mod webhooks;
mod written;

#[cfg(test)]
mod tests;

pub use review::{OperationReview, Review};

use crate::error::Problem;
use bridge_core::{call::Resolve, effect::Operation, ticket::Vocabulary};
use minijinja::value::Value;
use rules::{Kind, Rules};
use spec::ProfileSpec;
use std::{collections::BTreeMap, time::Duration};

/// The files of `profiles/`, each under its own name: the build script lists them.
const BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// What the bridge knows of one ticketing system.
#[derive(Debug)]
pub struct Profile {
    pub(crate) rules: Rules,
    source: String,
    text: String,
}

impl Profile {
    /// A built-in profile.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        let (name, text) = BUILTIN.iter().find(|(known, _)| *known == name)?;
        // A test loads each of them, so this is never an error.
        Self::load(text, name).ok()
    }

    /// The names of the built-in profiles.
    #[must_use]
    pub fn builtin_names() -> Vec<&'static str> {
        BUILTIN.iter().map(|(name, _)| *name).collect()
    }

    /// Reads and checks a profile. `origin` is the file or the built-in name, for reports.
    ///
    /// # Errors
    /// Every [`Problem`] found, each with its line: of the text first, and of what it says once the text fits.
    pub fn load(text: &str, origin: &str) -> Result<Self, Vec<Problem>> {
        let miswritten = written::problems(text);
        if !miswritten.is_empty() {
            return Err(miswritten);
        }
        let spec: ProfileSpec = toml::from_str(text).map_err(|error| {
            let start = error.span().map(|span| span.start);
            vec![Problem {
                key: start
                    .map(|start| place::key_at(text, start))
                    .unwrap_or_default(),
                line: start.map(|start| place::line_at(text, start)),
                what: error.message().to_owned(),
                remedy: "See docs/PROFILES.md for the keys and their kinds.".to_owned(),
            }]
        })?;
        let rules = compile::compile(&spec, text)?;
        let source = origin.to_owned();
        let text = text.to_owned();
        Ok(Self {
            rules,
            source,
            text,
        })
    }

    /// The name it gives itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.rules.name
    }

    /// What people call the system.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.rules.title
    }

    /// Where it came from: a file, or its name for a built-in one.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The system's words for statuses and fields.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.rules.vocabulary
    }

    /// How an unknown outcome of this operation is resolved. Jelou's own operations are not the
    /// profile's business and answer [`Resolve::None`].
    #[must_use]
    pub fn resolve(&self, operation: Operation) -> Resolve {
        Kind::of(operation)
            .and_then(|kind| self.rules.operations.get(&kind))
            .map_or(Resolve::None, |rule| rule.resolve)
    }

    /// Whether its tickets cannot be read, and so neither answered nor changed once they are made.
    #[must_use]
    pub fn only_creates(&self) -> bool {
        !self.has(Kind::Get)
    }

    /// Whether a requester is made sure of before a ticket is created.
    #[must_use]
    pub fn can_upsert_requester(&self) -> bool {
        self.has(Kind::UpsertRequester)
    }

    /// Whether a requester's open tickets can be found.
    #[must_use]
    pub fn can_find_open(&self) -> bool {
        self.has(Kind::FindOpenByRequester)
    }

    /// Whether calls follow the making of a ticket.
    #[must_use]
    pub fn follows_create(&self) -> bool {
        let create = self.rules.operations.get(&Kind::Create);
        create.is_some_and(|create| create.is_followed())
    }

    /// Whether the sweep can list what changed.
    #[must_use]
    pub fn lists_changes(&self) -> bool {
        self.has(Kind::ChangedSince)
    }

    /// How far a search of the system may be behind; zero where none is asked for what was written.
    #[must_use]
    pub fn index_lag(&self) -> Duration {
        let writes = [Operation::Create, Operation::Note, Operation::Comment];
        let lags = writes.map(|operation| match self.resolve(operation) {
            Resolve::LaggingSearch { lag } => lag,
            _ => Duration::ZERO,
        });
        lags.into_iter().max().unwrap_or_default()
    }

    /// Whether what the bridge writes as a comment is seen by agents alone.
    #[must_use]
    pub fn comments_are_for_agents(&self) -> bool {
        let comment = self.rules.operations.get(&Kind::Comment);
        comment.is_some_and(|comment| comment.agents_only)
    }

    /// Whether the sweep lists comments beside the tickets that changed.
    #[must_use]
    pub fn lists_new_comments(&self) -> bool {
        self.has(Kind::CommentedSince)
    }

    /// Whether a ticket's comments can be listed with who wrote them.
    #[must_use]
    pub fn lists_comments(&self) -> bool {
        self.has(Kind::Comments)
    }

    /// Whether its webhooks tell of tickets alone: a comment is seen in the ticket's change, and no
    /// more than that.
    #[must_use]
    pub fn hints_at_comments(&self) -> bool {
        let webhook = self.rules.webhook.as_ref();
        webhook.is_some_and(|webhook| webhook.events.iter().all(|event| event.comment.is_none()))
    }

    /// Whether the bridge takes webhooks of this system; what it does not, the sweep finds.
    #[must_use]
    pub fn takes_webhooks(&self) -> bool {
        self.rules.webhook.is_some()
    }

    /// Whether some versions of the system have no webhooks: without a secret none is taken, and nothing
    /// is wrong.
    #[must_use]
    pub fn may_send_no_webhooks(&self) -> bool {
        let webhook = self.rules.webhook.as_ref();
        webhook.is_some_and(|webhook| webhook.optional)
    }

    /// How its webhooks prove who sent them, in words; nothing where it takes none.
    #[must_use]
    pub fn proves_webhooks(&self) -> Option<String> {
        let webhook = self.rules.webhook.as_ref();
        webhook.map(|webhook| review::proven(&webhook.proof))
    }

    /// Whether further fields of a ticket can be set.
    #[must_use]
    pub fn can_set_fields(&self) -> bool {
        self.has(Kind::SetFields)
    }

    /// Whether files can be hung on a ticket.
    #[must_use]
    pub fn attaches(&self) -> bool {
        self.has(Kind::Attach)
    }

    /// Whether the system tells whose credential it is asked with.
    #[must_use]
    pub fn knows_myself(&self) -> bool {
        self.rules.myself.is_some()
    }

    /// Whether the statuses that a site really has can be listed.
    #[must_use]
    pub fn lists_statuses(&self) -> bool {
        self.rules.listed.is_some()
    }

    /// Whether a site's statuses have codes of its own, which its list tells.
    #[must_use]
    pub fn learns_codes(&self) -> bool {
        let listed = self.rules.listed.as_ref();
        listed.is_some_and(|listed| listed.code.is_some())
    }

    /// Whether it says how the system is made to send its webhooks: by calls, or by a person.
    #[must_use]
    pub fn is_set_up(&self) -> bool {
        self.rules.setup.is_some()
    }

    /// Whether the system makes the secret of its webhooks and tells it.
    #[must_use]
    pub fn tells_webhook_secret(&self) -> bool {
        let setup = self.rules.setup.as_ref();
        setup.is_some_and(|setup| setup.parts.iter().any(|part| part.secret.is_some()))
    }

    /// Checks what the operator set. Keys are told relative to `[bridges.NAME.ticketing]`.
    #[must_use]
    pub fn check_settings(
        &self,
        credentials: &BTreeMap<String, String>,
        options: &BTreeMap<String, String>,
        has_webhook_secret: bool,
    ) -> Vec<Problem> {
        settings::check(&self.rules, credentials, options, has_webhook_secret)
    }

    /// The file, as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands in it, in words, and what is missing although it can be run.
    #[must_use]
    pub fn review(&self) -> Review {
        review::review(self)
    }

    /// The JSON Schema of profile files, for editors.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(ProfileSpec).to_value()
    }

    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.rules.operations.contains_key(&kind)
    }

    /// The options as expressions see them.
    pub(crate) fn options(&self, set: &BTreeMap<String, String>) -> Value {
        settings::options(&self.rules, set)
    }
}
