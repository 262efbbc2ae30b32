//! How the next calls are treated. Neighbour: stage, which asks before and after each call.

use crate::{calls::Operation, chance::Chance};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};

/// What a caller gets in place of the true answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// The true answer.
    #[default]
    True,
    /// This status, with the server's own error envelope.
    Status(u16),
    /// 429, with this `Retry-After` as it stands (seconds, a date, or nonsense) or without one.
    TooMany(Option<String>),
    /// 503, with this `Retry-After` as it stands.
    Unavailable(String),
    /// Nothing: the connection is closed without an answer.
    Cut,
    /// 200 and a page of HTML, as a proxy in between would say.
    Html,
    /// The true status and the first half of the true body: JSON that breaks off.
    Half,
    /// The true answer, with null where the id belongs.
    NullId,
    /// 200 and an envelope that says it failed (`status: 0`).
    StatusZero,
}

/// One rule. The first that fits a call is used, and used up one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Which calls; `None` is any.
    pub operation: Option<Operation>,
    /// Only calls whose path or body holds this text: one user, one ticket.
    pub about: Option<String>,
    /// How many calls; `None` is until it is cleared.
    pub times: Option<u32>,
    /// In which share of the fitting calls, 0 to 1. One that is spared does not use the rule up.
    pub share: f64,
    /// Wait this long before doing it, ms.
    pub slow_ms: u64,
    /// Wait this long after doing it and before answering, ms.
    pub late_ms: u64,
    /// Whether it is done, where `reply` is not the true answer.
    pub performed: bool,
    /// What is answered.
    pub reply: Reply,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            operation: None,
            about: None,
            times: None,
            share: 1.0,
            slow_ms: 0,
            late_ms: 0,
            performed: false,
            reply: Reply::True,
        }
    }
}

impl Rule {
    fn fits(&self, operation: Operation, path: &str, body: &str) -> bool {
        self.operation.is_none_or(|only| only == operation)
            && self
                .about
                .as_deref()
                .is_none_or(|text| path.contains(text) || body.contains(text))
    }
}

/// The rules of one server, shared between its handle, its HTTP side and its calls.
#[derive(Clone, Debug)]
pub struct Manners(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    rules: Vec<Rule>,
    chance: Chance,
}

impl Manners {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            rules: Vec::new(),
            chance: Chance::new(seed),
        })))
    }

    /// Adds a rule behind those that are there.
    pub fn add(&self, rule: Rule) {
        crate::stage::lock(&self.0).rules.push(rule);
    }

    /// The next `times` calls fail with `status` and are not done.
    pub fn fail_next(&self, operation: impl Into<Option<Operation>>, times: u32, status: u16) {
        self.next(operation, times, false, Reply::Status(status));
    }

    /// The next `times` calls are done, and answered with `status` all the same.
    pub fn do_and_fail(&self, operation: impl Into<Option<Operation>>, times: u32, status: u16) {
        self.next(operation, times, true, Reply::Status(status));
    }

    /// The next `times` calls are done and their answers cut off.
    pub fn do_and_cut(&self, operation: impl Into<Option<Operation>>, times: u32) {
        self.next(operation, times, true, Reply::Cut);
    }

    /// The next `times` calls are cut off and not done.
    pub fn cut_before(&self, operation: impl Into<Option<Operation>>, times: u32) {
        self.next(operation, times, false, Reply::Cut);
    }

    /// The next `times` calls are answered 429 with this `Retry-After`.
    pub fn too_many(
        &self,
        operation: impl Into<Option<Operation>>,
        times: u32,
        retry_after: Option<&str>,
    ) {
        let reply = Reply::TooMany(retry_after.map(str::to_owned));
        self.next(operation, times, false, reply);
    }

    /// The next `times` calls are done and answered with `reply`.
    pub fn do_and_reply(&self, operation: impl Into<Option<Operation>>, times: u32, reply: Reply) {
        self.next(operation, times, true, reply);
    }

    /// Every call waits `ms` before it is done, until [`Self::clear`].
    pub fn slow(&self, operation: impl Into<Option<Operation>>, ms: u64) {
        self.add(Rule {
            operation: operation.into(),
            slow_ms: ms,
            ..Rule::default()
        });
    }

    /// The rules that still stand.
    #[must_use]
    pub fn rules(&self) -> Vec<Rule> {
        crate::stage::lock(&self.0).rules.clone()
    }

    /// Good manners again.
    pub fn clear(&self) {
        crate::stage::lock(&self.0).rules.clear();
    }

    fn next(
        &self,
        operation: impl Into<Option<Operation>>,
        times: u32,
        performed: bool,
        reply: Reply,
    ) {
        self.add(Rule {
            operation: operation.into(),
            times: Some(times),
            performed,
            reply,
            ..Rule::default()
        });
    }

    /// The rule for this call, used up one time; the kindest rule where none fits.
    pub(crate) fn take(&self, operation: Operation, path: &str, body: &str) -> Rule {
        let inner = &mut *crate::stage::lock(&self.0);
        let Inner { rules, chance } = inner;
        let found = rules.iter_mut().find(|rule| {
            rule.times != Some(0) && rule.fits(operation, path, body) && chance.happens(rule.share)
        });
        let taken = found.map_or_else(Rule::default, |rule| {
            rule.times = rule.times.map(|left| left.saturating_sub(1));
            rule.clone()
        });
        rules.retain(|rule| rule.times != Some(0));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_used_up_by_the_calls_it_fits_and_by_no_other() {
        let manners = Manners::new(1);
        manners.fail_next(Operation::Start, 2, 503);
        let reply = |operation| manners.take(operation, "/", "").reply;
        assert_eq!(reply(Operation::Close), Reply::True);
        assert_eq!(reply(Operation::Start), Reply::Status(503));
        assert_eq!(reply(Operation::Start), Reply::Status(503));
        assert_eq!(reply(Operation::Start), Reply::True);
        assert!(manners.rules().is_empty());
    }

    #[test]
    fn a_rule_can_be_about_one_customer() {
        let manners = Manners::new(1);
        manners.add(Rule {
            about: Some("5511".to_owned()),
            reply: Reply::Status(403),
            ..Rule::default()
        });
        let reply = |body| manners.take(Operation::Start, "/", body).reply;
        assert_eq!(reply(r#"{"userId":"5511"}"#), Reply::Status(403));
        assert_eq!(reply(r#"{"userId":"5522"}"#), Reply::True);
    }

    #[test]
    fn a_rule_reads_from_json_as_the_control_page_shows_it() {
        let rule: Rule =
            serde_json::from_str(r#"{"operation":"start","times":1,"reply":{"too_many":"30"}}"#)
                .unwrap();
        assert_eq!(rule.reply, Reply::TooMany(Some("30".to_owned())));
        assert!(serde_json::from_str::<Rule>(r#"{"operation":"strat"}"#).is_err());
    }
}
