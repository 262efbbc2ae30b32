//! What no two bridges may have in common: a project, a secret that proves a webhook, a file that the
//! set-up writes. Neighbour: build, which looks at each bridge alone.

use super::{
    report::Report,
    secrets::{self, Places},
    spec::BridgeSpec,
};
use std::{collections::BTreeMap, path::PathBuf};

/// Tells of everything that two bridges have in common and must not.
pub(super) fn keep_apart(
    bridges: &BTreeMap<String, BridgeSpec>,
    places: Places<'_>,
    report: &mut Report<'_>,
) {
    one_bridge_per_project(bridges, report);
    a_file_for_each_secret(bridges, places, report);
    a_webhook_secret_for_each(bridges, places, report);
}

/// Jelou's webhooks name the project: with two bridges on one, nobody could tell whose they are.
fn one_bridge_per_project(bridges: &BTreeMap<String, BridgeSpec>, report: &mut Report<'_>) {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, bridge) in bridges {
        let project = bridge.jelou.project_id.as_str();
        let key = format!("bridges.{name}.jelou.project_id");
        if !report.is_sound(&key) {
            continue;
        }
        if let Some(other) = first.insert(project, name) {
            report.problem(
                &key,
                format!("bridge {other} has the same project"),
                "give each bridge a project of its own, or make them one",
            );
        }
    }
}

/// The set-up writes a secret to the file that a list begins with. Two lists that begin with one file
/// would be given the secret of whichever was set up last.
fn a_file_for_each_secret(
    bridges: &BTreeMap<String, BridgeSpec>,
    places: Places<'_>,
    report: &mut Report<'_>,
) {
    let mut first: BTreeMap<PathBuf, String> = BTreeMap::new();
    for (name, bridge) in bridges {
        let lists = [
            ("jelou.signing_secrets", &bridge.jelou.signing_secrets),
            (
                "ticketing.webhook_secrets",
                &bridge.ticketing.webhook_secrets,
            ),
        ];
        for (list, written) in lists {
            let key = format!("bridges.{name}.{list}");
            let Some(path) = places.written_by_setup(written) else {
                continue;
            };
            let path = secrets::one_name(&path);
            if let Some(other) = first.get(&path) {
                let what = format!(
                    "{other} begins with the same file, and `jelou-bridge setup` writes a secret of its own to each"
                );
                report.problem(&key, what, "name a file of its own for each");
                continue;
            }
            first.insert(path, key);
        }
    }
}

/// A webhook of a ticketing system names no bridge: its path does, and no signature covers that
/// everywhere. So only its secret tells a webhook of one bridge from one of the other. Jelou's do name
/// their project, so that one on another bridge's path is known for what it is (`wrong_project`).
fn a_webhook_secret_for_each(
    bridges: &BTreeMap<String, BridgeSpec>,
    places: Places<'_>,
    report: &mut Report<'_>,
) {
    let mut first: BTreeMap<String, &str> = BTreeMap::new();
    for (name, bridge) in bridges {
        let key = format!("bridges.{name}.ticketing.webhook_secrets");
        for secret in places.found(&bridge.ticketing.webhook_secrets) {
            match first.get(secret.reveal()) {
                Some(other) if other != name => report.problem(
                    &key,
                    format!(
                        "bridge {other} has the same secret, so a webhook of one would be proven on the other's path"
                    ),
                    "give each bridge a secret of its own, here and in its ticketing system",
                ),
                Some(_) => {}
                None => {
                    first.insert(secret.reveal().to_owned(), name);
                }
            }
        }
    }
}
