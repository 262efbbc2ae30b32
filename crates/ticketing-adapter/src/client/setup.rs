//! Makes the system send its webhooks, as the profile says: looks for what is ours, makes, changes and
//! takes away one part at a time. Neighbours: the daemon's `setup`, which decides; `send`, which sends.
//!
//! What was made is found again by a look, never believed by an answer's status alone. So a lost answer
//! needs nothing of its own.

use super::{
    Client,
    data::{Data, map},
    pace::Budget,
    send::{not_sent, unreadable},
};
use crate::profile::{
    filters::{items, text},
    setup::{PartRule, SetupCall},
};
use bridge_core::{call::CallError, text::Text};
use minijinja::value::{Value, ValueKind};
use std::{fmt, time::Duration};
use url::Url;

/// The most pages read to find what is ours: an account with two thousand webhooks is none of a helpdesk's.
const PAGES_MAX: u32 = 20;

/// What the system is to be told.
#[derive(Clone, Debug)]
pub struct Hook {
    /// What people see there.
    pub name: String,
    /// Where webhooks go.
    pub url: Url,
    /// The secret that is to prove them, where the operator chose one.
    pub secret: Option<Text>,
}

/// A part of the set-up, in the order in which they are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookPart {
    at: usize,
    /// What people call it.
    pub name: String,
    /// The part before that it rests on: its place in the order.
    pub of: Option<usize>,
    /// Whether one that is there can be changed.
    pub changes: bool,
    /// Whether the system makes the secret and tells it.
    pub tells_secret: bool,
}

/// One of ours that is there. `Debug` leaves out what the system tells of it.
#[derive(Clone)]
pub struct Standing {
    /// Its id at the system.
    pub id: String,
    /// Whether the set-up made it, and no person.
    pub made: bool,
    /// Whether the system sends nothing by it now.
    pub off: bool,
    /// Whether it is as it is made, as far as it can be read.
    pub same: bool,
    item: Value,
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing")
            .field("id", &self.id)
            .field("made", &self.made)
            .field("off", &self.off)
            .field("same", &self.same)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// What calls make at the system, in order; none where a person has to, or where nothing is known.
    #[must_use]
    pub fn hook_parts(&self) -> Vec<HookPart> {
        let rules = self.profile.rules.setup.as_ref();
        let parts = rules.map(|rules| rules.parts.as_slice());
        let part = |(at, rule): (usize, &PartRule)| HookPart {
            at,
            name: rule.name.clone(),
            of: rule.of,
            changes: rule.change.is_some(),
            tells_secret: rule.secret.is_some(),
        };
        parts
            .unwrap_or_default()
            .iter()
            .enumerate()
            .map(part)
            .collect()
    }

    /// What a person does where no call can; none where calls do.
    ///
    /// # Errors
    /// [`CallError::Refused`] with [`bridge_transport::NOT_SENT`] where the profile's words do not fit.
    pub fn hook_steps(&self, hook: &Hook) -> Result<Vec<String>, CallError> {
        let rules = self.profile.rules.setup.as_ref();
        let steps = rules.map(|rules| rules.steps.as_slice());
        let data = self.hook_data(hook, None).value();
        let step = |template: &crate::profile::expr::Template| {
            let told = template.text(&data).map_err(|error| not_sent(&error))?;
            Ok(told.unwrap_or_default())
        };
        steps.unwrap_or_default().iter().map(step).collect()
    }

    /// Those of ours that are there; `of` is the id of the part that this one rests on.
    ///
    /// # Errors
    /// [`CallError`]; an unreadable list is `Later`.
    pub async fn look_at_part(
        &self,
        part: &HookPart,
        hook: &Hook,
        of: Option<&str>,
        deadline: Duration,
    ) -> Result<Vec<Standing>, CallError> {
        let rule = self.part(part)?;
        let budget = &Budget::read(deadline);
        let data = self.hook_data(hook, of);
        let mut ours = Vec::new();
        let mut token = Value::UNDEFINED;
        for page in 1..=PAGES_MAX {
            let asked = data.clone().and("page", Value::from(page));
            let asked = asked.and("token", token.clone());
            let reply = self
                .exchange_page(&rule.look.request, &asked, budget)
                .await?;
            self.accept(&[200], &reply, &asked, true)?;
            let answer = reply.beside(&asked);
            let listed = rule.look.items.value(&answer.value()).unwrap_or_default();
            if !matches!(listed.kind(), ValueKind::Seq | ValueKind::Iterable) {
                return Err(unreadable(true, reply.status, "no readable list"));
            }
            let mut read = 0;
            for item in items(&listed) {
                read += 1;
                let data = answer.clone().and("it", item.clone()).value();
                if rule.ours.is_true(&data).unwrap_or(false) {
                    ours.push(standing(rule, item, &data, reply.status)?);
                }
            }
            let next = rule.look.next.as_ref();
            let next = next.and_then(|next| next.value(&answer.value()).ok());
            let next = next.filter(|next| !text(next).is_empty());
            let full = rule.look.page_size.is_some_and(|size| read >= size);
            match next {
                Some(next) if next != token => token = next,
                None if full => {}
                Some(_) | None => break,
            }
        }
        Ok(ours)
    }

    /// Makes a part. Whether it is there, a look tells.
    ///
    /// # Errors
    /// [`CallError`], of any kind.
    pub async fn create_part(
        &self,
        part: &HookPart,
        hook: &Hook,
        of: Option<&str>,
        deadline: Duration,
    ) -> Result<(), CallError> {
        let call = &self.part(part)?.create;
        self.set_up(call, &self.hook_data(hook, of), false, deadline)
            .await
    }

    /// Makes a part that is there what it should be.
    ///
    /// # Errors
    /// [`CallError`]; `Refused` with [`bridge_transport::NOT_SENT`] where the profile has no call for it.
    pub async fn change_part(
        &self,
        part: &HookPart,
        hook: &Hook,
        (of, there): (Option<&str>, &Standing),
        deadline: Duration,
    ) -> Result<(), CallError> {
        let change = self.part(part)?.change.as_ref();
        let call = change.ok_or_else(|| not_sent(&"the profile has no call that changes it"))?;
        let data = self.hook_data(hook, of);
        let data = data.and("id", Value::from(there.id.as_str()));
        let data = data.and("it", there.item.clone());
        self.set_up(call, &data, true, deadline).await
    }

    /// Takes a part away. One that is gone already is fine.
    ///
    /// # Errors
    /// [`CallError`], of any kind.
    pub async fn remove_part(
        &self,
        part: &HookPart,
        hook: &Hook,
        (of, id): (Option<&str>, &str),
        deadline: Duration,
    ) -> Result<(), CallError> {
        let call = &self.part(part)?.remove;
        let data = self.hook_data(hook, of).and("id", Value::from(id));
        match self.set_up(call, &data, true, deadline).await {
            Ok(()) | Err(CallError::Gone { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The secret that the system made for a part.
    ///
    /// # Errors
    /// [`CallError`]; an answer without a secret is `Later`.
    pub async fn part_secret(
        &self,
        part: &HookPart,
        hook: &Hook,
        id: &str,
        deadline: Duration,
    ) -> Result<Text, CallError> {
        let rule = self.part(part)?.secret.as_ref();
        let rule = rule.ok_or_else(|| not_sent(&"the system tells no secret"))?;
        let data = self.hook_data(hook, None).and("id", Value::from(id));
        let budget = &Budget::read(deadline);
        let reply = self.exchange(&rule.request, &data, true, budget).await?;
        self.accept(&[200], &reply, &data, true)?;
        let told = rule.value.text(&reply.beside(&data).value());
        let told = told.ok().flatten().map(Text::new);
        told.ok_or_else(|| unreadable(true, reply.status, "no readable secret"))
    }

    async fn set_up(
        &self,
        call: &SetupCall,
        data: &Data,
        idempotent: bool,
        deadline: Duration,
    ) -> Result<(), CallError> {
        let budget = &Budget::read(deadline);
        let reply = self
            .exchange(&call.request, data, idempotent, budget)
            .await?;
        self.accept(&call.ok, &reply, data, idempotent)
    }

    fn part(&self, part: &HookPart) -> Result<&PartRule, CallError> {
        let rules = self.profile.rules.setup.as_ref();
        let rule = rules.and_then(|rules| rules.parts.get(part.at));
        rule.ok_or_else(|| not_sent(&"the profile has no such part"))
    }

    fn hook_data(&self, hook: &Hook, of: Option<&str>) -> Data {
        let secret = hook.secret.as_ref().map(Text::reveal);
        let told = map([
            ("name", Value::from(hook.name.as_str())),
            ("url", Value::from(hook.url.as_str())),
            ("secret", secret.map_or(Value::UNDEFINED, Value::from)),
        ]);
        let data = self.data().and("hook", told);
        data.and("of", of.map_or(Value::UNDEFINED, Value::from))
    }
}

fn standing(
    rule: &PartRule,
    item: Value,
    data: &Value,
    status: u16,
) -> Result<Standing, CallError> {
    let id = rule.id.text(data).ok().flatten();
    let (off, same) = (rule.off.as_ref(), rule.same.as_ref());
    let made = rule.made.as_ref();
    Ok(Standing {
        id: id.ok_or_else(|| unreadable(true, status, "no readable id"))?,
        made: made.is_none_or(|made| made.is_true(data).unwrap_or(false)),
        off: off.is_some_and(|off| off.is_true(data).unwrap_or(false)),
        same: same.is_none_or(|same| same.is_true(data).unwrap_or(false)),
        item,
    })
}
