//! Webhooks: proves their sender, names the delivery, and turns a body into Events. Neighbours: the
//! daemon's ingest verifies and records, its router parses; the profile says how.

mod proof;

use crate::{
    Profile, Refused, Settings,
    profile::{
        expr::from_json,
        filters::items,
        rules::{CommentRule, EventRule, Proof, WebhookRules},
        shape::{Unreadable, moment},
        spec::EventKind,
    },
};
use bridge_core::{
    event::{CommentAdded, Event, Parsed, TicketChanged},
    ids::MessageId,
    text::Text,
    ticket::{Status, TicketPatch, Vocabulary},
};
use http::HeaderMap;
use minijinja::value::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Proves that a webhook was sent by the ticketing system, on its raw bytes.
///
/// # Errors
/// [`Refused`]; the caller answers 401 whatever it says.
pub fn verify(
    profile: &Profile,
    settings: &Settings,
    method: &str,
    uri: &str,
    headers: &HeaderMap,
    raw: &[u8],
) -> Result<(), Refused> {
    let rules = profile.rules.webhook.as_ref().ok_or(Refused::Unexpected)?;
    let request = proof::Sent {
        method,
        uri,
        headers,
        raw,
    };
    proof::check(&rules.proof, &settings.webhook_secrets, &request)
}

/// The answer to a question that the system asks by GET before it sends webhooks, of this address's query.
///
/// # Errors
/// [`Refused::Unexpected`] where the system asks no such question, [`Refused::Missing`] where the token is
/// not there, [`Refused::Wrong`] where it shows that the asker does not know the secret.
pub fn challenged(profile: &Profile, settings: &Settings, query: &str) -> Result<String, Refused> {
    let rules = profile.rules.webhook.as_ref().ok_or(Refused::Unexpected)?;
    let (Some(challenge), Proof::Signature(signature)) = (&rules.challenge, &rules.proof) else {
        return Err(Refused::Unexpected);
    };
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let token = pairs.find(|(name, _)| *name == challenge.parameter);
    let (_, token) = token.ok_or(Refused::Missing)?;
    let secrets = &settings.webhook_secrets;
    proof::answer(signature, &challenge.signs, secrets, &token).ok_or(Refused::Wrong)
}

/// The name of a delivery, under which a repetition is known; `None` where neither the system nor
/// the body names it, so that core's rule for identical bodies holds.
#[must_use]
pub fn dedup_key(profile: &Profile, headers: &HeaderMap, raw: &[u8]) -> Option<String> {
    let rules = profile.rules.webhook.as_ref()?;
    let in_body = rules.delivery_body.as_ref().and_then(|expr| {
        let body: serde_json::Value = serde_json::from_slice(raw).ok()?;
        let data = Value::from_pairs([("body", from_json(&body))]);
        expr.text(&data).ok().flatten()
    });
    if let Some(id) = in_body {
        return Some(format!("id:{id}"));
    }
    let header = rules
        .delivery_header
        .as_ref()
        .and_then(|name| headers.get(name));
    if let Some(id) = header.and_then(|value| value.to_str().ok()) {
        // The header is not signed: alone, a repeated old body under a coming id would hide it.
        return Some(format!("header:{id}:{}", hash(raw)));
    }
    rules.body_unique.then(|| format!("body:{}", hash(raw)))
}

fn hash(raw: &[u8]) -> String {
    Sha256::digest(raw)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The headers that [`parse`] reads, lower case: those to keep with the body.
#[must_use]
pub fn kept_headers(profile: &Profile) -> Vec<String> {
    let rules = profile.rules.webhook.as_ref();
    rules.map(|rules| rules.headers.clone()).unwrap_or_default()
}

/// What a verified body means. `headers` are the kept ones.
#[must_use]
pub fn parse(
    profile: &Profile,
    settings: &Settings,
    headers: &[(String, String)],
    raw: &[u8],
) -> Parsed {
    meaning(profile, &settings.options, headers, raw)
}

/// The same, where nothing but the options is set.
pub(crate) fn meaning(
    profile: &Profile,
    options: &BTreeMap<String, String>,
    headers: &[(String, String)],
    raw: &[u8],
) -> Parsed {
    let Some(rules) = &profile.rules.webhook else {
        return Parsed::Ignored("unknown_event");
    };
    let body: serde_json::Value = match serde_json::from_slice(raw) {
        Ok(body) => body,
        // serde_json's words may quote the body; its place in it says enough.
        Err(error) => {
            return unreadable(format!(
                "no JSON at line {}, column {}",
                error.line(),
                error.column()
            ));
        }
    };
    let headers = headers.iter();
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.as_str()));
    let headers = Value::from_pairs(headers);
    let body = from_json(&body);
    let data = BTreeMap::from([
        ("options", profile.options(options)),
        ("headers", headers),
        ("body", body),
    ]);
    match events(rules, profile.vocabulary(), &data) {
        Ok(None) => unreadable("the body is not of the form that this profile knows".to_owned()),
        Ok(Some(events)) if events.is_empty() => Parsed::Ignored("unknown_event"),
        Ok(Some(events)) => Parsed::Events(events),
        Err(error) => unreadable(error.to_string()),
    }
}

fn unreadable(detail: String) -> Parsed {
    Parsed::Parked {
        reason: "unreadable",
        detail,
    }
}

type Data = BTreeMap<&'static str, Value>;

fn value(data: &Data) -> Value {
    Value::from_pairs(data.iter().map(|(name, value)| (*name, value.clone())))
}

/// The events of a body; `None` where it is not this system's.
fn events(
    rules: &WebhookRules,
    vocabulary: &Vocabulary,
    data: &Data,
) -> Result<Option<Vec<Event>>, Unreadable> {
    if !rules.recognised.is_true(&value(data))? {
        return Ok(None);
    }
    let mut events = Vec::new();
    for rule in &rules.events {
        let things: Vec<Value> = match &rule.each {
            Some(each) => items(&each.value(&value(data))?).collect(),
            None => data.get("body").cloned().into_iter().collect(),
        };
        for thing in things {
            let mut data = data.clone();
            data.insert("it", thing);
            if rule.when.is_true(&value(&data))? {
                events.push(event(rule, vocabulary, data)?);
            }
        }
    }
    Ok(Some(events))
}

fn event(rule: &EventRule, vocabulary: &Vocabulary, mut data: Data) -> Result<Event, Unreadable> {
    let around = value(&data);
    let by_us = match &rule.by_us {
        Some(expr) => expr.is_true(&around)?,
        None => false,
    };
    let at = moment(rule.at.as_ref(), &around)?;
    data.insert("it", rule.ticket.value(&around)?);
    let told = value(&data);
    let ticket = rule.shape.id(&told)?;
    let mut patch = rule.shape.patch(&told)?;
    patch.status = patch.status.filter(|status| is_word(vocabulary, status));
    // A status in words of another language tells nothing but that something changed.
    let (whole, patch) = if rule.partial || patch.status.is_none() {
        (None, patch)
    } else {
        let whole = rule.shape.ticket(&told)?;
        (Some(Box::new(whole)), TicketPatch::default())
    };
    let version = rule.shape.version(&told)?;
    let read_at = None;
    let change = TicketChanged {
        ticket,
        version,
        whole,
        patch,
        by_us,
        at,
        read_at,
        last_lane: None,
    };
    match (rule.event, &rule.comment) {
        (EventKind::CommentAdded, Some(comment)) => self::comment(comment, change, &around),
        (EventKind::CommentAdded | EventKind::TicketChanged, _) => Ok(Event::TicketChanged(change)),
    }
}

fn is_word(vocabulary: &Vocabulary, status: &Status) -> bool {
    vocabulary.open_ended || vocabulary.statuses.contains(status)
}

fn comment(rule: &CommentRule, change: TicketChanged, data: &Value) -> Result<Event, Unreadable> {
    let id = rule
        .id
        .text(data)?
        .and_then(|id| MessageId::parse(&id).ok());
    Ok(Event::CommentAdded(CommentAdded {
        ticket: change.ticket.clone(),
        comment: id.ok_or(Unreadable::Part("comment"))?,
        body: Text::new(rule.body.text(data)?.unwrap_or_default()),
        public: rule.public.is_true(data)?,
        by_agent: rule.by_agent.is_true(data)? && !change.by_us,
        by_us: change.by_us,
        opening: match &rule.opening {
            Some(opening) => opening.is_true(data)?,
            None => false,
        },
        files: rule
            .files
            .as_ref()
            .map_or_else(Vec::new, |files| files.read(data)),
        files_untold: rule.files_listed,
        at: change.at,
        change: Box::new(change),
    }))
}
