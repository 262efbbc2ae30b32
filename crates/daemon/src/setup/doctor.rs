//! Looks whether what is out there is as the configuration has it. Neighbours: `arrange`, which
//! mends what is found at Jelou; `cli`, which adds what the daemon knows and prints.
//!
//! It only reads. What nothing tells, such as whether a secret is the one that Jelou signs with, is
//! said to be unknown rather than fine.

use super::{
    arrange::{auth_type, shown, webhook_url},
    hooks, myself, was_broken_off, words,
};
use crate::{clock, runtime::Bridge};
use bridge_core::{call::CallError, event::Side, mapping::Report, time::Timestamp};
use bridge_transport::{ANSWER_BYTES_MAX, Request, Transport};
use http::{HeaderMap, Method, header::DATE};
use jelou_adapter::{
    client::{Integration, Range},
    webhook::Proof,
};
use serde::Serialize;
use std::time::Duration;
use url::Url;

/// Clocks further apart than this are told of. Where two events are put in order by Jelou's times,
/// two minutes are allowed for; half of that is left for drift.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(60);

/// How far back a bot's history is asked for: the question matters, not the answer.
const HISTORY_BACK: Duration = Duration::from_secs(60);

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Fine,
    /// Nothing tells, or it does not matter yet.
    Unknown,
    /// Not as the configuration has it.
    Wrong,
    /// It answers, and not what was asked for: that it cannot now (429, 503), or what nobody can read.
    Failing,
    /// It could not be reached, so nothing is known of it.
    Unreachable,
}

impl State {
    /// The word in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Unknown => "unknown",
            Self::Wrong => "wrong",
            Self::Failing => "failing",
            Self::Unreachable => "unreachable",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Look {
    /// The bridge it is of; none where it is of all.
    pub bridge: Option<String>,
    /// What was looked at.
    pub what: &'static str,
    /// How it is.
    pub state: State,
    /// What was found, in a sentence.
    pub found: String,
    /// What to do, where something is to be done.
    pub remedy: Option<String>,
}

impl Look {
    /// As it should be.
    pub(crate) fn fine(what: &'static str, found: impl Into<String>) -> Self {
        Self::new(what, State::Fine, found, None)
    }

    /// Nothing tells.
    pub(crate) fn unknown(what: &'static str, found: impl Into<String>) -> Self {
        Self::new(what, State::Unknown, found, None)
    }

    /// Something to do.
    pub(crate) fn wrong(
        what: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(what, State::Wrong, found, Some(remedy.into()))
    }

    /// Somebody who answers, and not what was asked for.
    fn failing(what: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(what, State::Failing, found, Some(remedy.into()))
    }

    /// Somebody who does not answer.
    pub(crate) fn unreachable(
        what: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(what, State::Unreachable, found, Some(remedy.into()))
    }

    fn new(
        what: &'static str,
        state: State,
        found: impl Into<String>,
        remedy: Option<String>,
    ) -> Self {
        Self {
            bridge: None,
            what,
            state,
            found: found.into(),
            remedy,
        }
    }
}

/// Looks at all that a bridge rests on, from here.
pub async fn examine(bridge: &Bridge, transport: &Transport, public: Option<&Url>) -> Vec<Look> {
    let mut looks = integration(bridge, public).await;
    looks.push(secret(bridge));
    looks.push(client_id(bridge).await);
    if bridge.config.mapping.report != Report::None {
        looks.push(report(bridge).await);
    }
    looks.push(ticketing(bridge).await);
    looks.extend(hooks::examine(bridge, public).await);
    looks.extend(words::examine(bridge).await);
    let sides = [
        (
            "clock against Jelou",
            &bridge.config.jelou.client.gateway_url,
        ),
        ("clock against ticketing", &bridge.config.ticketing.base_url),
    ];
    for (what, url) in sides {
        looks.push(clocks(what, bridge, transport, url).await);
    }
    for look in &mut looks {
        look.bridge = Some(bridge.name.to_string());
    }
    looks
}

async fn integration(bridge: &Bridge, public: Option<&Url>) -> Vec<Look> {
    const GATEWAY: &str = "Jelou's gateway";
    const ADDRESS: &str = "webhook address";
    let setup = "run `jelou-bridge setup`";
    match bridge.jelou.integration(bridge.call_timeout()).await {
        Ok(found) => vec![
            Look::fine(GATEWAY, "it answers, and knows us"),
            match webhook_url(public, bridge, Side::Jelou) {
                Err(not) => Look::wrong(ADDRESS, not.error, not.remedy),
                Ok(ours) if ours.as_str() == found.webhook_url => {
                    Look::fine(ADDRESS, format!("webhooks go to {ours}"))
                }
                Ok(ours) => Look::wrong(
                    ADDRESS,
                    format!(
                        "webhooks go to {}, not to {ours}",
                        shown(&found.webhook_url)
                    ),
                    "if nobody needs them there, run `jelou-bridge setup --force`",
                ),
            },
            credential(bridge, &found),
        ],
        Err(CallError::Gone { .. }) => vec![
            Look::fine(GATEWAY, "it answers, and knows us"),
            Look::wrong(ADDRESS, "there is no integration: no webhooks come", setup),
        ],
        Err(error) => vec![of_call(
            GATEWAY,
            &error,
            "look at api_key, or at client_id and client_secret with auth = \"basic\", at gateway_url and at gateway_prefix",
        )],
    }
}

fn credential(bridge: &Bridge, found: &Integration) -> Look {
    const WHAT: &str = "webhook credential";
    let proof = &bridge.config.jelou.webhook_auth;
    let wanted = auth_type(proof);
    match found.auth_type.as_deref() {
        Some(told) if told == wanted => Look::fine(WHAT, format!("`{told}`")),
        Some(told) => Look::wrong(
            WHAT,
            format!("Jelou shows `{told}`, and webhook_auth wants `{wanted}`"),
            "run `jelou-bridge setup`",
        ),
        None if matches!(proof, Proof::None) => Look::fine(WHAT, "none is wanted"),
        None => Look::unknown(WHAT, format!("`{wanted}` is wanted; Jelou does not tell")),
    }
}

fn secret(bridge: &Bridge) -> Look {
    const WHAT: &str = "signing secret";
    let jelou = &bridge.config.jelou;
    let known = jelou.signing_secrets.len();
    let file = jelou.secret_file.as_deref();
    if file.is_some_and(was_broken_off) {
        return Look::wrong(
            WHAT,
            "an exchange was broken off: Jelou may sign with a secret that nobody kept",
            "run `jelou-bridge setup --rotate-secret`",
        );
    }
    match (known, file) {
        (0, _) => Look::wrong(WHAT, "there is none yet", "run `jelou-bridge setup`"),
        (1, Some(_)) => Look::fine(WHAT, "one, in a file"),
        (many, Some(_)) => Look::fine(WHAT, format!("{many}, the newest in a file")),
        (many, None) => Look::fine(
            WHAT,
            format!("{many}, in no file: `setup` cannot exchange it"),
        ),
    }
}

/// A read with the client id also shows whether Jelou knows the bot.
async fn client_id(bridge: &Bridge) -> Look {
    const WHAT: &str = "Jelou's API";
    let jelou = &bridge.config.jelou;
    let (Some(_), Some(bot)) = (&jelou.client.api_auth, jelou.bots.first()) else {
        return Look::unknown(WHAT, "no client_id is given, so nothing of it is used");
    };
    let to = clock::now();
    let range = Range {
        from: to.minus(HISTORY_BACK),
        to,
    };
    match bridge
        .jelou
        .history(bot, range, 1, bridge.call_timeout())
        .await
    {
        Ok(_) => Look::fine(WHAT, "it answers, and knows us and the first bot"),
        Err(CallError::Gone { .. }) => Look::wrong(
            WHAT,
            "it answers, and does not know the first bot",
            "copy the bot's id from Jelou into bots, and look at api_url",
        ),
        Err(error) => of_call(WHAT, &error, "look at client_id and client_secret"),
    }
}

/// The report has a credential of its own form, which two pages of Jelou show differently.
async fn report(bridge: &Bridge) -> Look {
    const WHAT: &str = "report";
    let to = clock::now();
    let range = Range {
        from: to.minus(HISTORY_BACK),
        to,
    };
    let (client, deadline) = (&bridge.jelou, bridge.call_timeout());
    match client.attended(range, 1, deadline).await {
        Ok(_) => Look::fine(WHAT, "it answers, and knows us"),
        Err(error) => of_call(
            WHAT,
            &error,
            "look at client_id and client_secret, and try the other metrics_auth",
        ),
    }
}

async fn ticketing(bridge: &Bridge) -> Look {
    const WHAT: &str = "ticketing system";
    if let Some(wrong) = myself::examine(bridge).await {
        return wrong;
    }
    if !bridge.config.profile.lists_changes() {
        return Look::unknown(WHAT, "its profile has no read that could be tried");
    }
    let since = bridge.ticketing.beginning(clock::now());
    let (client, deadline) = (&bridge.ticketing, bridge.call_timeout());
    let mut answered = client.changed_since(&since, deadline).await.map(drop);
    if answered.is_ok() && bridge.config.profile.lists_new_comments() {
        // It may need a right of its own.
        answered = client.commented_since(&since, deadline).await.map(drop);
    }
    match answered {
        Ok(()) => Look::fine(WHAT, "it answers, and knows us"),
        Err(error) => of_call(
            WHAT,
            &error,
            "look at base_url and credentials, and at what that user may read",
        ),
    }
}

pub(super) fn of_call(what: &'static str, error: &CallError, remedy: &str) -> Look {
    match error {
        CallError::Later { status, reason, .. } | CallError::Unknown { status, reason, .. } => {
            let Some(status) = status else {
                return Look::unreachable(
                    what,
                    error.to_string(),
                    "look at the network from this machine, and at the address",
                );
            };
            // A page that nobody can read is mostly that of another address; waiting mends none.
            let remedy = match status {
                200..=299 => remedy,
                _ => "wait, or ask who runs it; the bridge tries again by itself",
            };
            Look::failing(what, format!("it answers with {status} ({reason})"), remedy)
        }
        CallError::Locked { .. }
        | CallError::Forbidden { .. }
        | CallError::Gone { .. }
        | CallError::Refused { .. } => Look::wrong(what, error.to_string(), remedy),
    }
}

/// Every answer brings its server's time, whatever was asked.
async fn clocks(what: &'static str, bridge: &Bridge, transport: &Transport, url: &Url) -> Look {
    let request = Request {
        method: Method::GET,
        url: url.clone(),
        headers: HeaderMap::new(),
        body: None,
        idempotent: true,
        answer_max: ANSWER_BYTES_MAX,
    };
    let asked = clock::now();
    let Ok(answer) = transport.send(request, bridge.call_timeout()).await else {
        return Look::unknown(what, "it does not answer");
    };
    let told = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
    let Some(theirs) = told.and_then(moment) else {
        return Look::unknown(what, "it does not tell the time");
    };
    compared(what, asked, answer.received_at, theirs)
}

fn moment(date: &str) -> Option<Timestamp> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let at = parser.parse_timestamp(date).ok()?;
    Some(Timestamp(at.as_millisecond()))
}

/// They told their time at some moment between question and answer.
fn compared(what: &'static str, asked: Timestamp, answered: Timestamp, theirs: Timestamp) -> Look {
    let ahead = theirs.since(answered);
    let behind = asked.since(theirs);
    let apart = ahead.max(behind);
    if apart <= CLOCKS_APART_MAX {
        return Look::fine(what, "the same time");
    }
    let word = if ahead > behind { "behind" } else { "ahead" };
    Look::wrong(
        what,
        format!("this machine is {} s {word}", apart.as_secs()),
        "let this machine set its clock by NTP",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_no_wrong_clock_and_a_minute_is_one() {
        let look = |asked, answered, theirs| {
            compared(
                "clock",
                Timestamp(asked),
                Timestamp(answered),
                Timestamp(theirs),
            )
        };
        assert_eq!(look(0, 90_000, 45_000).state, State::Fine);
        assert_eq!(look(100_000, 100_000, 40_000).state, State::Fine);
        let ahead = look(200_000, 200_500, 100_000);
        assert_eq!(
            (ahead.state, ahead.found.as_str()),
            (State::Wrong, "this machine is 100 s ahead")
        );
        let behind = look(200_000, 200_500, 300_500);
        assert_eq!(
            (behind.state, behind.found.as_str()),
            (State::Wrong, "this machine is 100 s behind")
        );
    }

    #[test]
    fn the_time_that_servers_tell_is_read() {
        assert_eq!(
            moment("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Timestamp(784_111_777_000))
        );
        assert_eq!(moment("now"), None);
    }
}
