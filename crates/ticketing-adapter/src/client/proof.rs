//! Proves who sends a request, and logs in where a system wants that. Neighbour: `send`, which asks
//! before each call.

use super::{
    Client,
    data::Data,
    pace::{Budget, no_time},
    send::{header_value, not_sent, unreadable},
};
use crate::profile::{
    expr::Template,
    filters::text,
    rules::{Auth, LogIn},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bridge_core::call::CallError;
use bridge_transport::{Request, classify};
use bytes::Bytes;
use http::{
    HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use minijinja::value::Value;
use std::{fmt, time::Duration};
use tokio::time::Instant;
use url::form_urlencoded;

/// A token is not used for a call in its last seconds: twice the longest deadline of a call.
const LAST_SECONDS: Duration = Duration::from_secs(30);

/// A token that a log-in handed out. It shows in no `Debug` output.
pub(super) struct Session {
    token: String,
    until: Option<Instant>,
}

/// Whose credential the system says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Myself {
    /// The user's id there.
    pub id: String,
    /// The option that names another user.
    pub other: Option<String>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Client {
    /// Adds the header that proves who sends. Tells whether it holds a token of an older log-in.
    pub(super) async fn prove(
        &self,
        request: &mut Request,
        budget: &Budget,
    ) -> Result<bool, CallError> {
        let data = self.credentials();
        let of = |template: &Template| -> Result<String, CallError> {
            let text = template.text(&data).map_err(|error| not_sent(&error))?;
            Ok(text.unwrap_or_default())
        };
        let (name, value) = match &self.profile.rules.auth {
            Auth::Basic { user, password } => {
                let pair = format!("{}:{}", of(user)?, of(password)?);
                (AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)))
            }
            Auth::Header { name, value } => (name.clone(), of(value)?),
            Auth::Session(by) => {
                // Another call may be logging in: its token will do, if it comes in this call's time.
                let wait = tokio::time::timeout(budget.left()?, self.session.lock());
                let mut session = wait.await.map_err(|_| no_time())?;
                let lasts = |kept: &&Session| kept.until.is_none_or(|until| Instant::now() < until);
                let older = session
                    .as_ref()
                    .filter(lasts)
                    .map(|kept| kept.token.clone());
                let is_older = older.is_some();
                let token = match older {
                    Some(token) => token,
                    None => {
                        let fresh = self.log_in(by, budget).await?;
                        session.insert(fresh).token.clone()
                    }
                };
                insert(request, AUTHORIZATION, &format!("Bearer {token}"))?;
                return Ok(is_older);
            }
        };
        insert(request, name, &value)?;
        Ok(false)
    }

    /// Forgets the token that this request carried, unless another call did already, and proves it anew.
    pub(super) async fn log_in_anew(
        &self,
        request: &mut Request,
        budget: &Budget,
    ) -> Result<(), CallError> {
        let carried = request.headers.get(AUTHORIZATION).cloned();
        let carried = carried.as_ref().and_then(|value| value.to_str().ok());
        {
            let wait = tokio::time::timeout(budget.left()?, self.session.lock());
            let mut session = wait.await.map_err(|_| no_time())?;
            let same = |kept: &Session| carried == Some(format!("Bearer {}", kept.token).as_str());
            if session.as_ref().is_some_and(same) {
                *session = None;
            }
        }
        self.prove(request, budget).await.map(|_| ())
    }

    /// Whose credential the calls carry.
    ///
    /// # Errors
    /// [`CallError`]; `Locked` where the system answers as to a stranger, `Refused` with
    /// [`bridge_transport::NOT_SENT`] where the profile has no such read.
    pub async fn myself(&self, deadline: Duration) -> Result<Myself, CallError> {
        let rule = self.profile.rules.myself.as_ref();
        let rule = rule.ok_or_else(|| not_sent(&"the profile does not say who it is"))?;
        let data = self.data();
        let budget = &Budget::read(deadline);
        let reply = self.exchange(&rule.request, &data, true, budget).await?;
        self.accept(&[200], &reply, &data, true)?;
        let told = rule.id.text(&reply.beside(&data).value()).ok().flatten();
        let id = told.filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| CallError::Locked {
            reason: "it answers as to a stranger".to_owned(),
        })?;
        let set = |name: &String| {
            let set = self.settings.options.get(name)?.clone();
            (set != id).then(|| name.clone())
        };
        let other = rule.option.as_ref().and_then(set);
        Ok(Myself { id, other })
    }

    async fn log_in(&self, by: &LogIn, budget: &Budget) -> Result<Session, CallError> {
        let form = self.form(by)?;
        // Twice is two tokens, of which one is never used.
        let mut request = self.render(&by.request, &Data::default(), true)?;
        let kind = header_value("application/x-www-form-urlencoded")?;
        request.headers.insert(CONTENT_TYPE, kind);
        request.body = Some(Bytes::from(form));
        let reply = self.send_bare(request, budget).await?;
        match reply.status {
            200 | 201 => {}
            400 | 401 | 403 => {
                let reason = self.reason(&reply, &Data::default());
                return Err(CallError::Locked { reason });
            }
            status => {
                let reason = self.reason(&reply, &Data::default());
                return Err(classify(
                    status,
                    &reply.headers,
                    reply.received_at,
                    true,
                    reason,
                ));
            }
        }
        let answer = Value::from_pairs([("body", reply.body.clone())]);
        let token = by.token.text(&answer).ok().flatten();
        let token = token.ok_or_else(|| unreadable(true, reply.status, "no readable token"))?;
        let lasts = by
            .lasts
            .as_ref()
            .and_then(|lasts| lasts.value(&answer).ok());
        let lasts = lasts.and_then(|lasts| text(&lasts).parse().ok());
        let until = lasts.map(|seconds| {
            Instant::now() + Duration::from_secs(seconds).saturating_sub(LAST_SECONDS)
        });
        Ok(Session { token, until })
    }

    /// The fields of a log-in. Apart from the call, since a form that is not finished cannot wait for it.
    fn form(&self, by: &LogIn) -> Result<String, CallError> {
        let data = self.credentials();
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, template) in &by.form {
            let value = template.text(&data).map_err(|error| not_sent(&error))?;
            form.append_pair(name, &value.unwrap_or_default());
        }
        Ok(form.finish())
    }

    fn credentials(&self) -> Value {
        let credentials = self.settings.credentials.iter();
        let credentials = Value::from_pairs(credentials.map(|(k, v)| (k.as_str(), v.as_str())));
        Data::default().and("credentials", credentials).value()
    }
}

fn insert(request: &mut Request, name: HeaderName, value: &str) -> Result<(), CallError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| CallError::Locked {
        reason: "the credential has a character that no header can hold".to_owned(),
    })?;
    value.set_sensitive(true);
    request.headers.insert(name, value);
    Ok(())
}
