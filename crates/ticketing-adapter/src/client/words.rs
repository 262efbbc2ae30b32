//! Reads which statuses a site really has, by name. Neighbours: the daemon's `setup`, which asks at the start
//! and for `doctor`; `profile::shape`, which reads tickets by what is learnt here.

use super::{
    Client,
    pace::Budget,
    send::{not_sent, unreadable},
};
use crate::profile::filters::items;
use bridge_core::{call::CallError, ticket::Status};
use minijinja::value::ValueKind;
use std::time::Duration;

impl Client {
    /// The statuses that the site has, under its own names and under those of the profile. What stands for them there is known from then on, wherever the
    /// profile and the operator's options say nothing else.
    ///
    /// # Errors
    /// [`CallError`]; an unreadable list is `Later`.
    pub async fn statuses(&self, deadline: Duration) -> Result<Vec<Status>, CallError> {
        let rules = &self.profile.rules;
        let rule = rules.listed.as_ref();
        let rule = rule.ok_or_else(|| not_sent(&"the profile lists no statuses"))?;
        let data = self.data();
        let budget = &Budget::read(deadline);
        let reply = self.exchange_page(&rule.request, &data, budget).await?;
        self.accept(&[200], &reply, &data, true)?;
        let answer = reply.beside(&data);
        let listed = rule.items.value(&answer.value()).unwrap_or_default();
        if !matches!(listed.kind(), ValueKind::Seq | ValueKind::Iterable) {
            return Err(unreadable(true, reply.status, "no readable list"));
        }
        let (mut words, mut codes) = (Vec::new(), Vec::new());
        for item in items(&listed) {
            let data = answer.clone().and("it", item).value();
            let Some(word) = rule.word.text(&data).ok().flatten() else {
                continue;
            };
            let word = Status::new(&word);
            let code = rule.code.as_ref();
            let code = code.and_then(|code| code.text(&data).ok().flatten());
            codes.extend(code.map(|code| (word.clone(), code)));
            words.push(word);
        }
        rules.codes.learn(codes.clone());
        // A status whose code is given is there under whatever name its site has for it.
        let given = codes
            .iter()
            .map(|(_, code)| rules.codes.word(code, &data.value()));
        words.extend(given.filter_map(Result::ok));
        Ok(words)
    }
}
