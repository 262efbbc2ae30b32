//! `docs/METRICS.md`, written from the names. Neighbour: a test, which fails when the file drifts.

use super::{
    labels::{
        DeliveryOutcome, EffectOutcome, EventFate, INTENT_STATES, LINK_STATES, MAX_SERIES,
        PARKED_REASONS, StatusClass,
    },
    names::{ALL, Kind, Name, Origin},
};
use bridge_core::{
    effect::Operation,
    lane::{Direction, Outcome},
    report::ReportEnd,
};

const HEAD: &str = "\
# Metrics

`GET /metrics` on the admin listener answers Prometheus text, version 0.0.4. No token is needed.
This page is written from `crates/daemon/src/metrics/names.rs`; a test fails when the two differ
(`BLESS=1 cargo test -p jelou-bridge --lib metrics` writes it anew).
";

/// The page.
#[must_use]
pub fn manual() -> String {
    let mut page = HEAD.to_owned();
    page += &format!(
        "\nOne scrape has at most {MAX_SERIES} series. With many bridges, what would go beyond \
         that is counted under `bridge=\"other\"`, so that sums stay right.\n"
    );
    page += "\n## As it happens\n\nCounted by this process since its start.\n\n";
    page += &table(Origin::Instance);
    page += "\n## Read from the store at each scrape\n\nThe same before and after a restart.\n\n";
    page += &table(Origin::Service);
    page += "\n## Values of the labels\n\n| label | values |\n|---|---|\n";
    for (label, values) in values() {
        page += &format!("| `{label}` | {values} |\n");
    }
    page
}

fn table(origin: Origin) -> String {
    let mut table = "| name | kind | labels | is |\n|---|---|---|---|\n".to_owned();
    for name in ALL.iter().filter(|name| name.origin == origin) {
        table += &row(name);
    }
    table
}

fn row(name: &Name) -> String {
    let mut kind = name.kind.as_str().to_owned();
    if let Kind::Histogram(buckets) = name.kind {
        kind += &format!(" ({})", words(buckets.iter().map(f64::to_string)));
    }
    let labels = words(name.labels.iter().map(|label| format!("`{label}`")));
    format!("| `{}` | {kind} | {labels} | {} |\n", name.name, name.help)
}

fn values() -> Vec<(&'static str, String)> {
    let listed = |list: &[&str]| ticked(list.iter().copied());
    let halted = Operation::ALL.into_iter().filter(|o| o.is_halted_in_bulk());
    vec![
        ("bridge", "the names in the config, and `other`".to_owned()),
        ("side", listed(&["jelou", "ticketing"])),
        (
            "outcome` of `deliveries",
            ticked(DeliveryOutcome::ALL.iter().map(|o| o.as_str())),
        ),
        (
            "outcome` of `effects",
            ticked(EffectOutcome::ALL.iter().map(|o| o.as_str())),
        ),
        (
            "outcome` of `messages",
            ticked(Outcome::ALL.iter().map(|o| o.as_str())),
        ),
        (
            "direction",
            ticked(Direction::ALL.iter().map(|d| d.as_str())),
        ),
        ("outcome` of `config_reloads", listed(&["taken", "refused"])),
        ("fate", ticked(EventFate::ALL.iter().map(|f| f.as_str()))),
        (
            "operation",
            ticked(Operation::ALL.iter().map(|o| o.as_str())),
        ),
        (
            "operation` of `halt_*",
            ticked(halted.map(Operation::as_str)),
        ),
        (
            "status_class",
            ticked(StatusClass::ALL.iter().map(|c| c.as_str())),
        ),
        ("stage", listed(&["router", "lane"])),
        ("state` of `links", listed(LINK_STATES)),
        ("state` of `intents", listed(INTENT_STATES)),
        ("reason", format!("{}, and `other`", listed(PARKED_REASONS))),
        (
            "result",
            ticked(ReportEnd::ALL.iter().map(|end| end.as_str())),
        ),
        ("bot", "the bots in the config, and `other`".to_owned()),
        (
            "team",
            "the first few that Jelou's report names, `none`, and `other`".to_owned(),
        ),
        ("version", "of the program".to_owned()),
    ]
}

fn ticked<'a>(list: impl Iterator<Item = &'a str>) -> String {
    words(list.map(|word| format!("`{word}`")))
}

fn words(list: impl Iterator<Item = String>) -> String {
    list.collect::<Vec<_>>().join(", ")
}
