//! What all answers share: how a moment and an id are written, and how much a list holds.
//! Neighbours: the nouns beside.

use super::ApiError;
use crate::runtime::{Bridge, Runtime};
use bridge_core::{
    ids::{BadId, BridgeName},
    lane::Mode,
    mapping::nearest,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A list holds so many at most unless more is asked for: what a person reads.
pub(super) const LIST: u32 = 200;

/// A list never holds more: one answer must fit into memory on both sides.
pub(super) const LIST_MAX: u32 = 10_000;

/// A moment in UTC, as RFC 3339 with milliseconds: `2026-11-21T01:02:03.456Z`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Moment(String);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
        Self(format!("{at:.3}"))
    }
}

impl Moment {
    /// As a person reads it: `2026-11-21 01:02:03Z`.
    #[must_use]
    pub fn for_people(&self) -> String {
        match self.0.parse::<jiff::Timestamp>() {
            Ok(at) => at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
            Err(_) => self.0.clone(),
        }
    }
}

/// How many a list holds, and whether there were more.
pub struct PageOf<T> {
    /// Those.
    pub items: Vec<T>,
    /// Whether the limit left some out.
    pub more: bool,
}

impl<T> PageOf<T> {
    /// Cuts what was fetched with one more than `limit`.
    pub(super) fn cut(mut items: Vec<T>, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        Self { items, more }
    }
}

/// The limit that holds for a list.
pub(super) fn limit(asked: Option<u32>) -> u32 {
    asked.unwrap_or(LIST).clamp(1, LIST_MAX)
}

/// Reads an optional id of a question.
pub(super) fn maybe<T>(
    field: &str,
    text: Option<&String>,
    parse: impl Fn(&str) -> Result<T, BadId>,
) -> Result<Option<T>, ApiError> {
    text.map(|text| parse(text).map_err(|bad| ApiError::id(field, &bad)))
        .transpose()
}

/// Reads an optional word of a question that is one of a few.
pub(super) fn word<T: Copy>(
    field: &str,
    text: Option<&String>,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<Option<T>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let found = all.iter().copied().find(|one| name(*one) == text);
    found.map(Some).ok_or_else(|| {
        let names: Vec<&str> = all.iter().copied().map(name).collect();
        let known = names.join(", ");
        let remedy = match nearest(text, names) {
            Some(near) => format!("did you mean {near}? It is one of: {known}"),
            None => format!("it is one of: {known}"),
        };
        ApiError::wrong(format!("{field}: there is no `{text}`"), remedy)
    })
}

/// Reads an id of a question.
pub(super) fn id<T>(
    field: &str,
    text: &str,
    parse: impl Fn(&str) -> Result<T, BadId>,
) -> Result<T, ApiError> {
    parse(text).map_err(|bad| ApiError::id(field, &bad))
}

/// A bridge's name, if it was given; it must be configured.
pub(super) fn bridge_named(
    runtime: &Runtime,
    name: Option<&String>,
) -> Result<Option<BridgeName>, ApiError> {
    let Some(name) = name else { return Ok(None) };
    let parsed = BridgeName::parse(name).ok();
    let known = parsed.filter(|name| runtime.bridges.contains_key(name));
    known.map(Some).ok_or_else(|| {
        ApiError::missing(
            format!("there is no bridge {name}"),
            format!("the configured ones are: {}", names(runtime)),
        )
    })
}

/// Of this bridge, or of all, the names of those that only observe.
pub(super) fn observing(runtime: &Runtime, only: Option<&BridgeName>) -> Vec<String> {
    let bridges = runtime.bridges.values();
    let asked = bridges.filter(|bridge| only.is_none_or(|name| *name == bridge.name));
    let observe = asked.filter(|bridge| bridge.config.mode == Mode::Observe);
    observe.map(|bridge| bridge.name.to_string()).collect()
}

/// The bridge that is meant: the one named, else the only one there is.
pub(super) fn the_bridge(
    runtime: &Runtime,
    name: Option<&String>,
) -> Result<Arc<Bridge>, ApiError> {
    let named = bridge_named(runtime, name)?;
    let mut all = runtime.bridges.values();
    let found = match (&named, all.next(), all.next()) {
        (Some(name), _, _) => runtime.bridges.get(name),
        (None, only, None) => only,
        (None, _, Some(_)) => None,
    };
    found.cloned().ok_or_else(|| {
        ApiError::wrong(
            "there are several bridges, and none was named",
            format!("name one of: {}", names(runtime)),
        )
    })
}

fn names(runtime: &Runtime) -> String {
    let names: Vec<&str> = runtime.bridges.keys().map(BridgeName::as_str).collect();
    names.join(", ")
}
