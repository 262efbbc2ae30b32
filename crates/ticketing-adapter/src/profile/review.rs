//! What `profile check` looks for beyond what a profile needs to be loaded: is anything forgotten, and
//! do its examples mean what they say? Neighbours: `compile`, which refuses what cannot work;
//! `webhook`, which the examples are given to.

use super::{
    Profile,
    place::{Place, line_of},
    rules::{Kind, OperationRule, Proof, Rules},
    setup::SetupRules,
    spec::{CursorKind, Digest, ExampleSpec},
};
use crate::{error::Problem, webhook};
use bridge_core::{
    call::Resolve,
    event::{CommentAdded, Event, Parsed, TicketChanged},
};

/// What stands in a profile, in words, and what is missing although it can be run.
#[derive(Clone, Debug)]
pub struct Review {
    /// Each operation: what the bridge can do with this system, and what it goes without.
    pub operations: Vec<OperationReview>,
    /// Whether it makes tickets and nothing more.
    pub only_creates: bool,
    /// How webhooks are proven; nothing where it takes none.
    pub webhooks: Option<String>,
    /// How many examples of webhooks were tried.
    pub examples: usize,
    /// How `setup` brings the system to send them; nothing where it does not say.
    pub setup: Option<String>,
    /// How the sweep finds what no webhook told; nothing where it cannot.
    pub changes: Option<String>,
    /// What is wrong or forgotten.
    pub problems: Vec<Problem>,
}

/// One operation of a profile.
#[derive(Clone, Debug)]
pub struct OperationReview {
    /// Its key in `[operations]`.
    pub name: &'static str,
    /// Whether it is there.
    pub is_there: bool,
    /// Of a write that is there, how it is found out what became of it when no answer comes; of one that
    /// is declared absent, the reason.
    pub about: String,
}

pub(super) fn review(profile: &Profile) -> Review {
    let rules = &profile.rules;
    let mut problems = Vec::new();
    let mut problem = |place: Place, what: String, remedy: String| {
        problems.push(Problem {
            key: place.to_string(),
            line: line_of(&profile.text, &place),
            what,
            remedy,
        });
    };
    let root = Place::default();
    let forgotten = forgotten(rules);
    if !forgotten.is_empty() {
        let what = format!(
            "neither there nor declared absent: {}",
            forgotten.join(", ")
        );
        let remedy = "Add [operations.NAME] for each that the system has, and for the others a line in [operations.absent]: NAME = \"why not\".";
        problem(root.key("operations"), what, remedy.to_owned());
    }
    let there = |kind| rules.operations.contains_key(&kind);
    if there(Kind::FindOpenByRequester) && !there(Kind::UpsertRequester) {
        let what = "nothing ever asks it: a person's open tickets are looked for by what `upsert_requester` brings";
        let remedy = "Add [operations.upsert_requester], or declare this one absent.";
        let place = root.key("operations").key(Kind::FindOpenByRequester.key());
        problem(place, what.to_owned(), remedy.to_owned());
    }
    let sent = super::auth::named(&rules.auth);
    for name in rules.credentials.keys() {
        let written = format!("credentials.{name}");
        if !sent.contains(&written.as_str()) {
            let what =
                "nothing sends it: an operator would have to give a secret that nobody needs";
            let remedy = format!("Put {{{{ {written} }}}} where `auth` sends it, or take it out.");
            problem(root.key("credentials").key(name), what.to_owned(), remedy);
        }
    }
    let hears = rules.webhook.is_some() || rules.operations.contains_key(&Kind::ChangedSince);
    // What nobody can read cannot be heard of either.
    if !hears && !profile.only_creates() {
        let what = "the bridge would never hear of a change".to_owned();
        let remedy = "Add [webhook], or [operations.changed_since], or both.".to_owned();
        problem(root.key("webhook"), what, remedy);
    }
    let examples = rules.webhook.as_ref().map(|webhook| &webhook.examples);
    let examples = examples.map(Vec::as_slice).unwrap_or_default();
    if rules.webhook.is_some() && examples.is_empty() {
        let what = "nothing shows that a webhook is read as it is meant".to_owned();
        let remedy = "Add [[webhook.examples]]: a body that the system sent, and what it means.";
        problem(root.key("webhook").key("examples"), what, remedy.to_owned());
    }
    for (n, example) in examples.iter().enumerate() {
        if let Err((key, what, remedy)) = tried(profile, example) {
            let place = root.key("webhook").key("examples").index(n).key(key);
            problem(place, what, remedy);
        }
    }
    Review {
        operations: Kind::ALL.map(|kind| operation(rules, kind)).to_vec(),
        only_creates: profile.only_creates(),
        webhooks: rules.webhook.as_ref().map(|w| proven(&w.proof)),
        examples: examples.len(),
        setup: rules.setup.as_ref().map(set_up),
        changes: changes(rules),
        problems,
    }
}

/// The operations of which a profile says nothing.
fn forgotten(rules: &Rules) -> Vec<&'static str> {
    let said = |kind: &Kind| rules.operations.contains_key(kind) || rules.absent.contains_key(kind);
    let all = Kind::ALL.into_iter();
    let unsaid = all.filter(|kind| !said(kind) && kind.unsaid().is_none());
    unsaid.map(Kind::key).collect()
}

fn operation(rules: &Rules, kind: Kind) -> OperationReview {
    let rule = rules.operations.get(&kind);
    let about = match rule {
        Some(rule) if kind.is_write() => resolved(rule.resolve, kind),
        Some(OperationRule {
            unfiltered: Some(why),
            ..
        }) => format!("asked again; lists others too: {why}"),
        Some(_) => "asked again".to_owned(),
        None => match rules.absent.get(&kind) {
            Some(why) => why.clone(),
            None => kind.unsaid().unwrap_or_default().to_owned(),
        },
    };
    OperationReview {
        name: kind.key(),
        is_there: rule.is_some(),
        about,
    }
}

/// What becomes of a call without an answer.
fn resolved(resolve: Resolve, kind: Kind) -> String {
    let by = kind.looked_up_by().key();
    match resolve {
        Resolve::IdempotencyKey => "sent again under the same key".to_owned(),
        Resolve::Idempotent => "sent again without harm".to_owned(),
        Resolve::DirectLookup => format!("looked up by {by}"),
        Resolve::LaggingSearch { lag } => {
            format!("searched by {by}, whose index lags by {} s", lag.as_secs())
        }
        Resolve::EventConfirm => "a webhook tells".to_owned(),
        Resolve::None => "nothing tells: `on_unknown` decides".to_owned(),
    }
}

pub(super) fn proven(proof: &Proof) -> String {
    match proof {
        Proof::Signature(signature) => {
            let digest = match signature.digest {
                Digest::Sha1 => "SHA-1",
                Digest::Sha256 => "SHA-256",
            };
            format!("by HMAC-{digest} in {}", signature.header)
        }
        Proof::Header { name, .. } => format!("by the secret in {name}"),
        Proof::Basic => "by HTTP Basic".to_owned(),
        Proof::UrlToken => "by the secret at the end of their address".to_owned(),
    }
}

fn set_up(setup: &SetupRules) -> String {
    if setup.parts.is_empty() {
        return "by a person, whom `setup` shows the steps".to_owned();
    }
    let names: Vec<&str> = setup.parts.iter().map(|part| part.name.as_str()).collect();
    format!("by `setup`: {}", names.join(", "))
}

fn changes(rules: &Rules) -> Option<String> {
    let rule = rules.operations.get(&Kind::ChangedSince)?;
    let by = match rule.cursor.as_ref()?.kind {
        CursorKind::Token => "by the system's own cursor",
        CursorKind::Time => "by the time of the last change",
    };
    Some(by.to_owned())
}

/// The key that is wrong, what, and the remedy.
type Wrong = (&'static str, String, String);

/// Whether an example means what it says.
fn tried(profile: &Profile, example: &ExampleSpec) -> Result<(), Wrong> {
    let headers: Vec<(String, String)> = example.headers.clone().into_iter().collect();
    let body = example.body.as_bytes();
    let means = match webhook::meaning(profile, &example.options, &headers, body) {
        Parsed::Events(events) => events.iter().map(in_words).collect(),
        Parsed::Ignored(_) => Vec::new(),
        Parsed::Parked { detail, .. } => {
            let remedy = "Mend `recognised`, the shape that reads it, or the example.";
            return Err((
                "body",
                format!("\"{}\" is unreadable: {detail}", example.about),
                remedy.to_owned(),
            ));
        }
    };
    if means == example.means {
        return Ok(());
    }
    let what = format!("\"{}\" means {}", example.about, listed(&means));
    let remedy = "Mend the rules until it means what it should, or `means` if that was wrong.";
    Err(("means", what, remedy.to_owned()))
}

fn listed(means: &[String]) -> String {
    if means.is_empty() {
        return "nothing: no event fits".to_owned();
    }
    let quoted: Vec<String> = means.iter().map(|line| format!("\"{line}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

/// An event as a line of `means`.
fn in_words(event: &Event) -> String {
    match event {
        Event::TicketChanged(change) => format!("ticket_changed {}", changed(change)),
        Event::CommentAdded(comment) => format!("comment_added {}", commented(comment)),
        // A ticketing system tells of no conversation.
        Event::ConversationStarted(_)
        | Event::ConversationClosed(_)
        | Event::MessageReceived(_) => String::new(),
    }
}

fn changed(change: &TicketChanged) -> String {
    let whole = change.whole.as_ref().map(|whole| &whole.status);
    let mut line = match (whole, &change.patch.status) {
        (Some(status), _) => format!("{} {status}", change.ticket),
        (None, Some(status)) => format!("{} {status}, in part", change.ticket),
        (None, None) => format!("{}, to be read", change.ticket),
    };
    if change.by_us {
        line.push_str(", by us");
    }
    line
}

fn commented(comment: &CommentAdded) -> String {
    let seen_by = if comment.public { "public" } else { "internal" };
    let by = match (comment.by_us, comment.by_agent) {
        (true, _) => "by us",
        (false, true) => "by agent",
        (false, false) => "by requester or automation",
    };
    let mut line = format!("{}/{} {seen_by}, {by}", comment.ticket, comment.comment);
    if !comment.files.is_empty() {
        line.push_str(&format!(", files {}", comment.files.len()));
    }
    if comment.files_untold {
        line.push_str(", files to be listed");
    }
    line
}
