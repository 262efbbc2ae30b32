//! The ticketing side of a bridge. Neighbour: build, which asks for it; the ticketing adapter,
//! whose profile says what it needs.

use super::{
    build::url,
    document::join,
    report::{Problem, Report},
    secrets::Places,
    spec::{BridgeSpec, TicketingSpec},
    text::{Unread, text_of},
};
use bridge_core::{
    mapping::{self, nearest},
    ticket::{Status, Vocabulary},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};
use ticketing_adapter::{Profile, Settings};

/// The profile: built in, or a file of the operator's.
pub(super) fn profile(
    spec: &TicketingSpec,
    key: &str,
    places: Places<'_>,
    report: &mut Report<'_>,
) -> Option<Arc<Profile>> {
    let key = join(key, "profile");
    if !report.is_sound(&key) {
        return None;
    }
    let name = spec.profile.as_str();
    if let Some(profile) = Profile::builtin(name) {
        return Some(Arc::new(profile));
    }
    let is_path = name.contains(['/', '\\']) || name.ends_with(".toml");
    if !is_path {
        let known = Profile::builtin_names();
        let near = nearest(name, known.iter().copied());
        let near = near
            .map(|near| format!("did you mean {near}? "))
            .unwrap_or_default();
        let remedy = format!(
            "{near}built in are {}; your own is a path",
            known.join(", ")
        );
        report.problem(&key, format!("there is no profile {name}"), remedy);
        return None;
    }
    own_profile(&places.folder.join(name), &key, report)
}

fn own_profile(path: &Path, key: &str, report: &mut Report<'_>) -> Option<Arc<Profile>> {
    let shown = path.display().to_string();
    let text = match text_of(path) {
        Ok(text) => text,
        Err(Unread::NotText(problem)) => {
            report.elsewhere(*problem);
            return None;
        }
        Err(Unread::Unreadable(error)) => {
            let what = format!("the profile {shown} cannot be read ({})", error.kind());
            report.problem(key, what, "write the path from where this file is");
            return None;
        }
    };
    match Profile::load(&text, &shown) {
        Ok(profile) => Some(Arc::new(profile)),
        Err(problems) => {
            for problem in problems {
                report.elsewhere(Problem {
                    file: shown.clone(),
                    line: problem.line,
                    key: problem.key,
                    what: problem.what,
                    remedy: problem.remedy,
                });
            }
            None
        }
    }
}

/// What the profile needs to reach one system.
pub(super) fn settings(
    spec: &TicketingSpec,
    profile: Option<&Profile>,
    key: &str,
    places: Places<'_>,
    report: &mut Report<'_>,
) -> Option<Settings> {
    let base_url = url(&spec.base_url, &join(key, "base_url"), report);
    let mut credentials = BTreeMap::new();
    for (name, secret) in &spec.credentials {
        let key = join(&join(key, "credentials"), name);
        if let Some(secret) = places.one(secret, &key, report) {
            credentials.insert(name.clone(), secret.reveal().to_owned());
        }
    }
    let options: BTreeMap<_, _> = spec
        .options
        .iter()
        .map(|(name, value)| (name.clone(), value.to_string()))
        .collect();
    let secrets_key = join(key, "webhook_secrets");
    let webhook_secrets = if profile.is_some_and(Profile::tells_webhook_secret) {
        places.signing(&spec.webhook_secrets, &secrets_key, report)
    } else {
        places.several(&spec.webhook_secrets, &secrets_key, report)
    };
    let has_secret = !spec.webhook_secrets.is_empty();
    let missing = profile.map(|profile| profile.check_settings(&credentials, &options, has_secret));
    let missing = missing.unwrap_or_default().into_iter();
    let missing = missing.map(|p| (join(key, &p.key), p.what, p.remedy));
    report.problems(missing.collect());
    Some(Settings {
        base_url: base_url?,
        credentials,
        options,
        webhook_secrets: webhook_secrets
            .iter()
            .map(|s| s.reveal().to_owned())
            .collect(),
    })
}

/// Where the set-up writes the secret of webhooks, where the system makes it.
pub(super) fn secret_file(
    spec: &TicketingSpec,
    profile: &Profile,
    places: Places<'_>,
) -> Option<PathBuf> {
    let told = profile.tells_webhook_secret();
    told.then(|| places.written_by_setup(&spec.webhook_secrets))?
}

/// Tells of a report that is to go into fields of a system whose profile sets none.
pub(super) fn takes_report(
    spec: &BridgeSpec,
    profile: &Profile,
    mapping_key: &str,
    report: &mut Report<'_>,
) {
    let ticket = spec.mapping.ticket.as_ref();
    let wanted = ticket.is_some_and(|t| t.report == mapping::Report::Fields);
    if wanted && !profile.can_set_fields() {
        report.problem(
            &join(mapping_key, "ticket.report"),
            "the profile sets no fields of a ticket that is there",
            "write report = \"note\", or add the operation set_fields to the profile",
        );
    }
}

/// Tells of rules that read or write tickets of a system whose profile only makes them.
pub(super) fn only_creates(
    spec: &BridgeSpec,
    profile: &Profile,
    mapping_key: &str,
    report: &mut Report<'_>,
) {
    if !profile.only_creates() {
        return;
    }
    let mapping = &spec.mapping;
    if let Some(conversation) = &mapping.conversation
        && conversation.close_on_status.is_some()
    {
        let what = "no status of a ticket is ever known: the profile only makes tickets";
        let remedy = "take it out; agents end conversations at Jelou";
        let key = join(mapping_key, "conversation.close_on_status");
        report.problem(&key, what, remedy);
    }
    let Some(ticket) = &mapping.ticket else {
        return;
    };
    let writes = [
        (!ticket.status_on_close.is_empty(), "ticket.status_on_close"),
        (ticket.report != mapping::Report::None, "ticket.report"),
    ];
    for (wanted, key) in writes {
        if wanted {
            let what = "nothing can be written on a ticket once it is made: the profile has no `get` and what rests on it";
            let remedy = "take it out; `jelou-bridge profile check` shows what the system can do";
            report.problem(&join(mapping_key, key), what, remedy);
        }
    }
}

/// Stands in for the words of a profile that could not be loaded, so that the rest of the mapping
/// is checked all the same.
pub(super) fn any_words() -> Vocabulary {
    Vocabulary {
        statuses: vec![],
        solved: vec![],
        final_: vec![],
        reopened: Status::new("open"),
        open_ended: true,
        fields: None,
    }
}
