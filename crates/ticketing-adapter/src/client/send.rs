//! Renders one request by its rule, sends it, and judges the answer. Neighbours: transport, which
//! sends; `pace`, which says when; `mod`, which knows which call does what.

use super::{
    Client,
    data::Data,
    form::{self, Carried},
    pace::Budget,
};
use crate::{
    error::{reason, unsure},
    profile::{
        expr::{EvalError, from_json},
        rules::{OperationRule, RequestRule, Upload},
        spec::Method,
    },
};
use bridge_core::{call::CallError, time::Timestamp};
use bridge_transport::{
    ANSWER_BYTES_MAX, LISTING_BYTES_MAX, NOT_SENT, Request, Response, classify, push_segment,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
};
use minijinja::value::Value;
use url::Url;

/// An answer with its body as data.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) received_at: Timestamp,
    pub(crate) body: Value,
    /// The answer as it stands, where it is one short line.
    text: Value,
}

/// The longest answer that can be a text, bytes: an id and no page.
const TEXT_BYTES_MAX: usize = 200;

impl Reply {
    /// The data of the call with the answer's body and headers beside it.
    pub(crate) fn beside(&self, data: &Data) -> Data {
        let headers = self.headers.iter();
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let headers = Value::from_pairs(headers);
        data.clone()
            .and("body", self.body.clone())
            .and("text", self.text.clone())
            .and("headers", headers)
    }
}

/// The profile's own rule does not fit the data: nothing was sent.
pub(crate) fn not_sent(why: &dyn std::fmt::Display) -> CallError {
    CallError::Refused {
        status: NOT_SENT,
        reason: format!("not sent: {why}"),
    }
}

impl Client {
    /// Sends what a rule says and reads the answer about one object, whatever its status.
    pub(crate) async fn exchange(
        &self,
        rule: &RequestRule,
        data: &Data,
        idempotent: bool,
        budget: &Budget,
    ) -> Result<Reply, CallError> {
        let request = self.render(rule, data, idempotent)?;
        self.send(request, budget).await
    }

    /// Sends a file's bytes as a rule says. Brought twice it is a file that nobody names.
    pub(super) async fn bring(
        &self,
        rule: &Upload,
        data: &Data,
        file: &Carried<'_>,
        budget: &Budget,
    ) -> Result<Reply, CallError> {
        let mut request = self.render(&rule.request, data, true)?;
        match &rule.file_part {
            Some(part) => form::put(&mut request, part, file)?,
            None => {
                // A rule may say another type than the file's own, which then goes along elsewhere.
                let kind = header_value(file.kind)?;
                request.headers.entry(CONTENT_TYPE).or_insert(kind);
                request.body = Some(file.bytes.clone());
            }
        }
        let reply = self.send(request, budget).await?;
        self.accept(&rule.ok, &reply, data, true)?;
        Ok(reply)
    }

    /// Sends what a rule says and reads the page of a listing, whatever its status.
    pub(crate) async fn exchange_page(
        &self,
        rule: &RequestRule,
        data: &Data,
        budget: &Budget,
    ) -> Result<Reply, CallError> {
        let mut request = self.render(rule, data, true)?;
        request.answer_max = LISTING_BYTES_MAX;
        self.send(request, budget).await
    }

    pub(super) async fn send(
        &self,
        mut request: Request,
        budget: &Budget,
    ) -> Result<Reply, CallError> {
        let older = self.prove(&mut request, budget).await?;
        let turn = budget.turn(self.pace.as_ref()).await?;
        let mut answer = self.transport.send(request.clone(), turn).await?;
        // What was refused for its token was not done; an older token may only have been over.
        if answer.status == 401 && older {
            self.log_in_anew(&mut request, budget).await?;
            let turn = budget.turn(self.pace.as_ref()).await?;
            answer = self.transport.send(request, turn).await?;
        }
        Ok(reply(answer))
    }

    /// Sends a request as it is.
    pub(super) async fn send_bare(
        &self,
        request: Request,
        budget: &Budget,
    ) -> Result<Reply, CallError> {
        let turn = budget.turn(self.pace.as_ref()).await?;
        Ok(reply(self.transport.send(request, turn).await?))
    }
    /// Takes an answer for a yes, or says what it is. A yes has one of the statuses named, and what
    /// `ok_when` asks for.
    pub(crate) fn judge(
        &self,
        rule: &OperationRule,
        reply: &Reply,
        data: &Data,
    ) -> Result<Data, CallError> {
        self.accept(&rule.ok, reply, data, rule.is_idempotent())?;
        let answer = reply.beside(data);
        if let Some(ok_when) = &rule.ok_when {
            let holds = ok_when.is_true(&answer.value()).unwrap_or(false);
            if !holds {
                return Err(unreadable(
                    rule.is_idempotent(),
                    reply.status,
                    "not what a yes looks like",
                ));
            }
        }
        Ok(answer)
    }

    /// Whether the status is one of these.
    pub(crate) fn accept(
        &self,
        ok: &[u16],
        reply: &Reply,
        data: &Data,
        idempotent: bool,
    ) -> Result<(), CallError> {
        let status = reply.status;
        if ok.contains(&status) {
            return Ok(());
        }
        if (200..300).contains(&status) {
            return Err(unreadable(
                idempotent,
                status,
                "a status that is not expected",
            ));
        }
        let reason = self.reason(reply, data);
        if self.profile.rules.later.contains(&status) {
            return Err(CallError::Later {
                after: None,
                status: Some(status),
                reason,
                host_wide: false,
            });
        }
        Err(classify(
            status,
            &reply.headers,
            reply.received_at,
            idempotent,
            reason,
        ))
    }

    /// What may be told of a refusal: its status and machine codes.
    pub(super) fn reason(&self, reply: &Reply, data: &Data) -> String {
        let rule = self.profile.rules.reason.as_ref();
        let told = rule.and_then(|expr| expr.value(&reply.beside(data).value()).ok());
        reason(reply.status, &told.unwrap_or_default(), &data.secrets)
    }

    pub(super) fn render(
        &self,
        rule: &RequestRule,
        data: &Data,
        idempotent: bool,
    ) -> Result<Request, CallError> {
        let data = &data.value();
        let failed = |error: EvalError| not_sent(&error);
        let url = self.url(rule, data)?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, template) in &rule.headers {
            if let Some(value) = template.text(data).map_err(failed)? {
                headers.insert(name.clone(), header_value(&value)?);
            }
        }
        let body = match &rule.body {
            Some(tree) => {
                let json = tree.render(data).map_err(failed)?;
                let json = json.unwrap_or_else(|| serde_json::json!({}));
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Some(Bytes::from(json.to_string()))
            }
            None => None,
        };
        let method = match rule.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Put => http::Method::PUT,
            Method::Patch => http::Method::PATCH,
            Method::Delete => http::Method::DELETE,
        };
        Ok(Request {
            method,
            url,
            headers,
            body,
            idempotent,
            answer_max: ANSWER_BYTES_MAX,
        })
    }

    pub(crate) fn url(&self, rule: &RequestRule, data: &Value) -> Result<Url, CallError> {
        let failed = |error: EvalError| not_sent(&error);
        let mut url = self.settings.base_url.clone();
        url.set_query(None);
        url.set_fragment(None);
        for segment in &rule.path {
            if segment.is_empty() {
                let slashed = format!("{}/", url.path());
                url.set_path(&slashed);
                continue;
            }
            let text = segment.text(data).map_err(failed)?.unwrap_or_default();
            push_segment(&mut url, &text)?;
        }
        for (name, template) in &rule.query {
            let name = name.text(data).map_err(failed)?;
            let value = template.text(data).map_err(failed)?;
            if let Some((name, value)) = name.zip(value) {
                url.query_pairs_mut().append_pair(&name, &value);
            }
        }
        Ok(url)
    }
}

fn reply(answer: Response) -> Reply {
    // What is no JSON is missing to every expression, so no success can rest on it.
    let body = serde_json::from_slice::<serde_json::Value>(&answer.body).ok();
    let text = std::str::from_utf8(&answer.body).ok().map(str::trim);
    let text = text.filter(|text| text.len() <= TEXT_BYTES_MAX && !text.contains(char::is_control));
    Reply {
        status: answer.status,
        headers: answer.headers,
        received_at: answer.received_at,
        body: body.map_or(Value::UNDEFINED, |body| from_json(&body)),
        text: text.map_or(Value::UNDEFINED, Value::from),
    }
}

pub(super) fn header_value(value: &str) -> Result<HeaderValue, CallError> {
    let no_header = "a header's value has a character that no header can hold";
    HeaderValue::from_str(value).map_err(|_| not_sent(&no_header))
}

/// An answer with a status that means yes and a content that does not.
pub(crate) fn unreadable(idempotent: bool, status: u16, what: &str) -> CallError {
    unsure(
        idempotent,
        Some(status),
        format!("answered {status}, but with {what}"),
    )
}
