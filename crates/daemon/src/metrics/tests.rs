//! What a scrape promises, checked by a reader of the text format that forgives nothing.

use super::{labels::OTHER, *};
use crate::store::{Counts, HaltState};
use bridge_core::{
    call::CallError,
    effect::Operation,
    event::Side,
    halt::Window,
    ids::{BotId, BridgeName},
    lane::{Direction, Outcome},
    report::{ReportEnd, Reported},
    time::Timestamp,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// One series of a scrape: its name, its labels and its value.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// Reads a scrape as the text format 0.0.4 has it: each metric with one HELP and one TYPE before
/// its samples, all its samples together, no sample twice, histograms whole.
pub(crate) fn read(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n'), "the last line must end");
    let (mut samples, mut seen) = (Vec::new(), BTreeSet::new());
    let (mut helped, mut kinds) = (BTreeSet::new(), BTreeMap::new());
    let mut current = String::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a name and a help");
            assert!(!help.is_empty() && helped.insert(name.to_owned()), "{line}");
            name.clone_into(&mut current);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a type");
            assert_eq!(name, current, "HELP and TYPE stand together");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none());
        } else {
            assert!(!line.starts_with('#') && !line.is_empty(), "{line:?}");
            let sample = sample(line);
            let kind = &kinds[&current];
            let stem = if kind == "histogram" {
                let ends = ["_bucket", "_sum", "_count"];
                ends.iter().find_map(|end| sample.name.strip_suffix(end))
            } else {
                Some(sample.name.as_str())
            };
            assert_eq!(stem, Some(current.as_str()), "{line}");
            assert_eq!(kind == "counter", sample.name.ends_with("_total"), "{line}");
            assert!(seen.insert((sample.name.clone(), sample.labels.clone())));
            samples.push(sample);
        }
    }
    check_histograms(&samples, &kinds);
    samples
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    let (name, labels) = match series.split_once('{') {
        Some((name, rest)) => (name, rest.strip_suffix('}').expect("a closing brace")),
        None => (series, ""),
    };
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    assert!(is_word(name), "{line}");
    let labels = labels.split_terminator(',').map(|label| {
        let (label, value) = label.split_once("=\"").expect("a label's value in quotes");
        let value = value.strip_suffix('"').expect("a closing quote");
        // No value of ours needs an escape, so that one would be input that got in.
        assert!(
            is_word(label) && !value.contains(['"', '\\', '\n']),
            "{line}"
        );
        (label.to_owned(), value.to_owned())
    });
    Sample {
        name: name.to_owned(),
        labels: labels.collect(),
        value: value.parse().expect("a number"),
    }
}

fn check_histograms(samples: &[Sample], kinds: &BTreeMap<String, String>) {
    for (name, _) in kinds.iter().filter(|(_, kind)| *kind == "histogram") {
        let of = |end: &str| {
            let wanted = format!("{name}{end}");
            samples.iter().filter(move |s| s.name == wanted)
        };
        for count in of("_count") {
            let mut last = 0.0;
            let mut bounds = Vec::new();
            for bucket in of("_bucket") {
                let mut labels = bucket.labels.clone();
                let bound = labels.remove("le").expect("a bound");
                if labels == count.labels {
                    assert!(bucket.value >= last, "buckets grow");
                    last = bucket.value;
                    bounds.push(bound);
                }
            }
            assert_eq!(bounds.last().map(String::as_str), Some("+Inf"));
            assert!(
                (last - count.value).abs() < f64::EPSILON,
                "all are in the last"
            );
            assert!(of("_sum").any(|sum| sum.labels == count.labels));
        }
    }
}

fn bridge(name: &str) -> BridgeName {
    BridgeName::parse(name).unwrap()
}

fn bot() -> BotId {
    BotId::parse("7a1d0c52-3b6e-4f0a-9a57-2c61d2f4e801").unwrap()
}

fn reported(end: ReportEnd, team: &str) -> Reported {
    Reported {
        end,
        team: Some(team.to_owned()),
        first_reply: Some(Duration::from_secs(30)),
        duration: Some(Duration::from_secs(900)),
    }
}

const SIDES: [Side; 2] = [Side::Jelou, Side::Ticketing];

/// Everything that can be counted for one bridge, each once.
fn touch_all(metrics: &Metrics, bridge: &BridgeName) {
    let second = Duration::from_secs(1);
    metrics.begin(bridge);
    for side in SIDES {
        for outcome in DeliveryOutcome::ALL {
            metrics.delivery(bridge, side, *outcome);
        }
        for fate in EventFate::ALL {
            metrics.event_settled(bridge, side, *fate);
        }
        for status in [None, Some(200), Some(302), Some(404), Some(429), Some(500)] {
            metrics.call(bridge, side, status, second);
        }
        metrics.rate_wait(bridge, side, second);
    }
    for operation in Operation::ALL {
        for outcome in EffectOutcome::ALL {
            metrics.effect(bridge, operation, *outcome);
        }
    }
    for direction in Direction::ALL {
        for outcome in Outcome::ALL {
            metrics.message(bridge, direction, outcome);
        }
    }
    metrics.end_to_end(bridge, second);
    metrics.drift(bridge, 2);
    metrics.sweep_finished(bridge, second, Timestamp(1_700_000_000_500));
    metrics.misclosed(bridge);
    metrics.possible_duplicate(bridge);
    metrics.lane_set_aside(bridge, "one_link");
    for end in ReportEnd::ALL {
        metrics.reported(bridge, &bot(), &reported(end, "SUPPORT"));
    }
    metrics.ingest(second);
    metrics.store_commit(3, second);
    metrics.config_reload(true);
    metrics.config_reload(false);
}

/// Counts with everything in it, for so many bridges.
fn full_counts(bridges: usize) -> (Counts, Vec<HaltState>) {
    let mut counts = Counts {
        lanes_due: 3,
        lanes_claimed: 1,
        ..Counts::default()
    };
    let mut halts = Vec::new();
    for number in 0..bridges {
        let name = format!("bridge{number}");
        counts
            .oldest_unsettled
            .insert(name.clone(), Timestamp(1000));
        for direction in Direction::ALL {
            let key = (name.clone(), direction);
            counts.oldest_message.insert(key, Timestamp(1000));
        }
        counts.received.insert(name.clone(), 1);
        counts.routed.insert(name.clone(), 1);
        for word in super::labels::LINK_STATES.iter().chain(&["new_state"]) {
            counts.links.insert((name.clone(), (*word).to_owned()), 1);
        }
        for word in super::labels::INTENT_STATES.iter().chain(&["new_state"]) {
            counts.intents.insert((name.clone(), (*word).to_owned()), 1);
        }
        for word in super::labels::PARKED_REASONS
            .iter()
            .chain(&["new_a", "new_b"])
        {
            counts.parked.insert((name.clone(), (*word).to_owned()), 1);
        }
        for operation in Operation::ALL.into_iter().filter(|o| o.is_halted_in_bulk()) {
            halts.push(HaltState {
                bridge: bridge(&name),
                operation,
                window: Window {
                    tripped_at: Some(Timestamp(1)),
                    ..Window::default()
                },
                held: 2,
            });
        }
    }
    (counts, halts)
}

fn scrape(metrics: &Metrics, bridges: usize) -> String {
    let (counts, halts) = full_counts(bridges);
    metrics.render() + &render_store(std::iter::empty(), &counts, &halts, Timestamp(61_000))
}

fn sum(samples: &[Sample], name: &str) -> f64 {
    samples
        .iter()
        .filter(|s| s.name == name)
        .map(|s| s.value)
        .sum()
}

#[test]
fn a_scrape_reads_as_prometheus_text_and_names_what_the_manual_names() {
    let metrics = Metrics::new("0.0.0");
    touch_all(&metrics, &bridge("main"));
    let text = scrape(&metrics, 1);
    let samples = read(&text);
    for name in ALL {
        let kind = name.kind.as_str();
        assert!(
            text.contains(&format!("# TYPE {} {kind}\n", name.name)),
            "{} is never scraped",
            name.name
        );
        for sample in samples.iter().filter(|s| s.name.starts_with(name.name)) {
            let labels = sample.labels.keys().filter(|label| *label != "le");
            let declared: BTreeSet<&str> = name.labels.iter().copied().collect();
            assert_eq!(
                labels.map(String::as_str).collect::<BTreeSet<_>>(),
                declared
            );
        }
    }
    let named = text
        .lines()
        .filter(|line| line.starts_with("# TYPE"))
        .count();
    assert_eq!(
        named,
        ALL.len(),
        "a metric is scraped that has no name in names.rs"
    );
    assert!(
        !text.contains("\"new_a\""),
        "a word nobody listed became a label"
    );
}

#[test]
fn two_hundred_bridges_stay_under_the_limit_of_series_and_no_count_is_lost() {
    let metrics = Metrics::new("0.0.0");
    for number in 0..200 {
        touch_all(&metrics, &bridge(&format!("bridge{number}")));
    }
    let samples = read(&scrape(&metrics, 200));
    assert!(
        samples.len() as u64 <= MAX_SERIES,
        "{} series",
        samples.len()
    );
    let drift = sum(&samples, "jelou_bridge_drift_total");
    assert!((drift - 400.0).abs() < 0.1, "{drift}");
    let linked = sum(&samples, "jelou_bridge_links");
    assert!((linked - 1200.0).abs() < 0.1, "{linked}");
    assert!(
        samples
            .iter()
            .any(|s| s.labels.get("bridge").is_some_and(|b| b == OTHER))
    );
}

#[test]
fn a_few_teams_are_told_apart_and_the_rest_is_counted_together() {
    let metrics = Metrics::new("0.0.0");
    for team in ["A", "B", "C \" }", "C", "D", "E", "A"] {
        metrics.reported(&bridge("main"), &bot(), &reported(ReportEnd::Found, team));
    }
    let samples = read(&metrics.render());
    let count = |team: &str| -> f64 {
        let of_team = samples.iter().filter(|s| {
            s.name == "jelou_bridge_first_reply_seconds_count" && s.labels["team"] == team
        });
        of_team.map(|s| s.value).sum()
    };
    let counted = ["A", "B", "C", "D", "other"].map(count);
    assert!(
        counted
            .iter()
            .zip([2.0, 1.0, 1.0, 1.0, 2.0])
            .all(|(a, b)| (a - b).abs() < 0.1),
        "{counted:?}"
    );
}

#[test]
fn a_bridge_that_was_counted_keeps_its_name_when_the_series_are_used_up() {
    let metrics = Metrics::new("0.0.0");
    let first = bridge("first");
    metrics.drift(&first, 1);
    for number in 0..200 {
        touch_all(&metrics, &bridge(&format!("bridge{number}")));
    }
    metrics.drift(&first, 1);
    let samples = read(&metrics.render());
    let own = samples.iter().find(|s| {
        s.name == "jelou_bridge_drift_total" && s.labels.get("bridge").is_some_and(|b| b == "first")
    });
    assert!((own.unwrap().value - 2.0).abs() < 0.1);
}

#[test]
fn the_age_of_the_oldest_work_is_counted_to_the_moment_of_the_scrape() {
    let (counts, halts) = full_counts(1);
    let configured = [bridge("bridge0"), bridge("idle")];
    let text = render_store(configured.iter(), &counts, &halts, Timestamp(61_000));
    let age = |name: &str| {
        let samples = read(&text);
        let mut ages = samples
            .iter()
            .filter(|s| s.name == "jelou_bridge_oldest_unsettled_seconds");
        ages.find(|s| s.labels["bridge"] == name).unwrap().value
    };
    assert!((age("bridge0") - 60.0).abs() < 0.001);
    assert!(
        age("idle").abs() < 0.001,
        "a bridge without work has no age"
    );
}

#[test]
fn a_halt_of_which_a_release_left_nothing_reads_zero() {
    let (counts, mut halts) = full_counts(2);
    halts.retain(|halt| halt.bridge != bridge("bridge0"));
    let configured = [bridge("bridge0"), bridge("bridge1")];
    let text = render_store(configured.iter(), &counts, &halts, Timestamp(61_000));
    let samples = read(&text);
    let of = |name: &str, bridge: &str| -> Vec<f64> {
        let halts = samples.iter().filter(|s| s.name == name);
        let its = halts.filter(|s| s.labels["bridge"] == bridge);
        its.map(|s| s.value).collect()
    };
    for (name, held) in [
        ("jelou_bridge_halt_tripped", 1.0),
        ("jelou_bridge_halt_held_intents", 2.0),
    ] {
        assert_eq!(of(name, "bridge0"), [0.0; 3], "{name}");
        assert_eq!(of(name, "bridge1"), [held; 3], "{name}");
    }
}

#[test]
fn every_way_a_call_can_end_counts_under_a_listed_outcome() {
    let reason = String::new;
    let errors = [
        CallError::Unknown {
            status: None,
            reason: reason(),
            after: None,
        },
        CallError::Locked { reason: reason() },
        CallError::Forbidden { reason: reason() },
        CallError::Gone { reason: reason() },
    ];
    let outcomes = errors.each_ref().map(|e| EffectOutcome::from(e).as_str());
    assert_eq!(outcomes, ["unknown", "locked", "refused", "refused"]);
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test asks whether to write the page anew"
)]
fn the_manual_lists_every_metric() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/METRICS.md");
    let page = manual();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(kept, page, "run with BLESS=1 to write docs/METRICS.md anew");
}
