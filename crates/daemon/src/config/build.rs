//! Turns a file that fits the schema into what the daemon runs on, and tells of what the schema
//! cannot see: keys that need each other, secrets that are not there, rules that do not compile.
//! Neighbours: validate before it, mod around it.

use super::{
    Bridge, Config, Limits, Retention, Server, Sweep,
    apart::keep_apart,
    document::join,
    environment::Variables,
    hours, jelou, opening,
    report::Report,
    secrets::{Places, Purpose},
    spec::{BridgeSpec, ConfigSpec, LimitsSpec, SafetySpec, ServerSpec, SweepSpec},
    ticketing,
    values::BaseUrl,
};
use bridge_core::{
    halt,
    ids::BridgeName,
    lane,
    mapping::{self, CustomerAfterClose, Span, compile},
};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use url::Url;

/// A call's deadline is under half a Claim's lease of 30 s (rule 11).
const CALL_TIMEOUT_BELOW: Duration = Duration::from_secs(15);

/// Builds the configuration; `None`, or a report that is not empty, if something is wrong.
pub(super) fn config(
    spec: &ConfigSpec,
    variables: &Variables,
    purpose: Purpose,
    report: &mut Report<'_>,
) -> Option<Config> {
    let path = report.path;
    let places = Places {
        variables,
        folder: path.parent().unwrap_or(Path::new("")),
        purpose,
    };
    let server = server(&spec.server, places, report);
    if spec.bridges.is_empty() {
        report.problem(
            "bridges",
            "no bridge is given",
            "add a table such as [bridges.main]",
        );
    }
    keep_apart(&spec.bridges, places, report);
    let mut bridges = BTreeMap::new();
    for (name, written) in &spec.bridges {
        let key = join("bridges", name);
        let name = bridge_name(name, &key, report);
        let built = bridge(written, &key, places, report);
        if let (Some(name), Some(bridge)) = (name, built) {
            bridges.insert(name, bridge);
        }
    }
    Some(Config {
        server: server?,
        database_url: spec.database.url.clone(),
        log: spec.log.format,
        retention: Retention {
            bodies: spec.retention.bodies.duration(),
        },
        bridges,
    })
}

fn server(spec: &ServerSpec, places: Places<'_>, report: &mut Report<'_>) -> Option<Server> {
    let token = spec.admin_token.as_ref();
    let admin = spec.admin_listen.0;
    if token.is_none() && !admin.ip().is_loopback() {
        report.problem(
            "server.admin_listen",
            format!("{admin} is open to others, and there is no admin_token"),
            "listen on 127.0.0.1, or add admin_token = { env = \"BRIDGE_ADMIN_TOKEN\" }",
        );
    }
    if admin == spec.listen.0 && admin.port() != 0 {
        report.problem(
            "server.admin_listen",
            "it is the address of the webhooks",
            "give it another port",
        );
    }
    let token = token.map(|token| places.one(token, "server.admin_token", report));
    let public_url = spec.public_url.as_ref();
    let public_url = public_url.map(|public| url(public, "server.public_url", report));
    Some(Server {
        listen: spec.listen.0,
        public_url: transpose(public_url)?,
        admin_listen: admin,
        admin_token: transpose(token)?,
    })
}

/// `Some(None)` is a value that was given and is wrong: nothing can be built of it.
fn transpose<T>(given: Option<Option<T>>) -> Option<Option<T>> {
    match given {
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
        None => Some(None),
    }
}

pub(super) fn url(base: &BaseUrl, key: &str, report: &mut Report<'_>) -> Option<Url> {
    let parsed = base.url();
    parsed
        .map_err(|bad| report.problem(key, bad.to_string(), "write https://HOST"))
        .ok()
}

fn bridge_name(name: &str, key: &str, report: &mut Report<'_>) -> Option<BridgeName> {
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let parsed = BridgeName::parse(name).ok();
    let parsed = parsed.filter(|_| name.split('_').all(word));
    if parsed.is_none() {
        report.problem(
            key,
            "it cannot be a bridge's name",
            "use small letters and digits, with single underscores between, such as acme_sales",
        );
    }
    parsed
}

fn bridge(
    spec: &BridgeSpec,
    key: &str,
    places: Places<'_>,
    report: &mut Report<'_>,
) -> Option<Bridge> {
    let jelou = jelou::build(&spec.jelou, &join(key, "jelou"), places, report);
    let ticketing_key = join(key, "ticketing");
    let profile = ticketing::profile(&spec.ticketing, &ticketing_key, places, report);
    let settings = ticketing::settings(
        &spec.ticketing,
        profile.as_deref(),
        &ticketing_key,
        places,
        report,
    );
    let vocabulary = profile
        .as_ref()
        .map_or_else(ticketing::any_words, |profile| profile.vocabulary().clone());
    let mapping_key = join(key, "mapping");
    if let Some(profile) = &profile {
        ticketing::only_creates(spec, profile, &mapping_key, report);
        opening::can_come_true(spec, profile, &mapping_key, report);
    }
    let mapping = compile(&spec.mapping, &vocabulary).map_err(|problems| {
        let found = problems.into_iter();
        let found = found.map(|p| (join(&mapping_key, &p.key), p.what, p.remedy));
        report.problems(found.collect());
    });
    needs_client(spec, key, report);
    if let Some(profile) = &profile {
        ticketing::takes_report(spec, profile, &mapping_key, report);
    }
    let hours = spec.hours.as_ref();
    let hours = hours.map(|hours| hours::build(hours, &join(key, "hours"), report));
    let limits = limits(&spec.limits, &join(key, "limits"), report);
    let safety = safety(&spec.safety, &join(key, "safety"), report);
    let sweep = sweep(&spec.sweep, &join(key, "sweep"), report);
    let profile = profile?;
    Some(Bridge {
        mode: spec.mode,
        jelou: jelou?,
        ticketing_secret_file: ticketing::secret_file(&spec.ticketing, &profile, places),
        profile,
        ticketing: Arc::new(settings?),
        mapping: Arc::new(mapping.ok()?),
        hours: transpose(hours)?,
        limits,
        safety,
        sweep,
    })
}

/// What goes through api.jelou.ai, which knows us by the client id alone.
fn needs_client(spec: &BridgeSpec, key: &str, report: &mut Report<'_>) {
    if spec.jelou.client_id.is_some() || spec.jelou.client_secret.is_some() {
        return;
    }
    let mapping = &spec.mapping;
    for (used, table) in [
        (mapping.template.is_some(), "mapping.template"),
        (!mapping.call_button.is_empty(), "mapping.call_button"),
        (
            mapping.customer_after_close == CustomerAfterClose::Bot,
            "mapping.customer_after_close",
        ),
        (spec.hours.is_some(), "hours"),
        (
            mapping
                .ticket
                .as_ref()
                .is_some_and(|t| t.report != mapping::Report::None),
            "mapping.ticket.report",
        ),
    ] {
        if used {
            report.problem(
                &join(key, table),
                "it goes through api.jelou.ai, and there is no client_id",
                "add client_id and client_secret to the bridge's `jelou`",
            );
        }
    }
}

fn limits(spec: &LimitsSpec, key: &str, report: &mut Report<'_>) -> Limits {
    let call_timeout = above_zero(spec.call_timeout, &join(key, "call_timeout"), report);
    if call_timeout >= CALL_TIMEOUT_BELOW {
        report.problem(
            &join(key, "call_timeout"),
            format!("{} is too long for one call", spec.call_timeout),
            "write less than 15s",
        );
    }
    Limits {
        jelou_rate: spec.jelou_rate,
        ticketing_rate: spec.ticketing_rate,
        call_timeout,
        rules: lane::Limits {
            retry_for: spec.retry_for.duration(),
            on_unknown: spec.on_unknown,
            event_confirm: above_zero(spec.event_confirm, &join(key, "event_confirm"), report),
        },
    }
}

fn safety(spec: &SafetySpec, key: &str, report: &mut Report<'_>) -> halt::Limits {
    halt::Limits {
        max_share: spec.max_share,
        min_count: u64::from(spec.min_count),
        window: above_zero(spec.window, &join(key, "window"), report),
    }
}

fn sweep(spec: &SweepSpec, key: &str, report: &mut Report<'_>) -> Sweep {
    Sweep {
        every: above_zero(spec.every, &join(key, "every"), report),
        overlap: spec.overlap.duration(),
        budget_share: spec.budget_share,
    }
}

fn above_zero(span: Span, key: &str, report: &mut Report<'_>) -> Duration {
    if span.duration().is_zero() {
        report.problem(
            key,
            "it is no time at all",
            "write a duration above zero, such as \"60s\"",
        );
    }
    span.duration()
}
