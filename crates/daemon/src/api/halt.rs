//! `halt`: what the safety halt holds, and its release (rule 16). Neighbour: the store, which counts.

use super::{
    ApiError,
    view::{Moment, bridge_named, limit, observing},
};
use crate::{
    clock,
    jobs::Jobs,
    store::{HaltState, HeldIntent, StoreError},
};
use bridge_core::{effect::Operation, ids::BridgeName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which halts to list.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HaltsAsked {
    /// Only of this bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// Of what each holds at most so many, the oldest first; 200 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The safety halts: one for each bridge and kind of write.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Halts {
    /// Those.
    pub halts: Vec<HaltView>,
    /// Of the bridges that were asked about, those with `mode = "observe"`: what they plan is not written.
    #[serde(default)]
    pub observing: Vec<String>,
}

/// The safety halt of one kind of write of one bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HaltView {
    /// Its bridge.
    pub bridge: String,
    /// `start`, `close` or `status`.
    pub operation: String,
    /// Whether it holds writes back until it is released.
    pub holds: bool,
    /// Since when it holds.
    pub since: Option<Moment>,
    /// How many writes it holds now.
    pub held: u64,
    /// How many writes went out in the present window.
    pub let_out: u64,
    /// What it holds, the oldest first, as far as the limit goes.
    #[serde(default)]
    pub holding: Vec<HeldView>,
}

/// A write that the safety halt holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeldView {
    /// Its id.
    pub id: String,
    /// What it would do.
    pub sentence: String,
    /// The rule that wants it.
    pub rule: String,
    /// When it was planned.
    pub planned_at: Moment,
    /// Its Link.
    pub link: String,
    /// The ticket it concerns.
    pub ticket: Option<String>,
    /// The conversation it concerns.
    pub conversation: Option<String>,
}

/// What to release. Nothing given: everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReleaseAsked {
    /// Only of this bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge: Option<String>,
    /// Only this kind: `start`, `close` or `status`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// What was released.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Released {
    /// How many writes were let go, over all.
    pub let_go: u64,
    /// By bridge and kind, those that held something.
    pub released: Vec<ReleasedView>,
    /// Those that were on and held nothing any more: they are off now.
    #[serde(default)]
    pub emptied: Vec<HaltName>,
    /// Those that are on all the same, as they were not asked about.
    #[serde(default)]
    pub still_on: Vec<HaltOn>,
}

/// The halt of one kind of write of one bridge, by its name alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HaltName {
    /// Its bridge.
    pub bridge: String,
    /// The kind.
    pub operation: String,
}

/// A halt that is on, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HaltOn {
    /// Its bridge.
    pub bridge: String,
    /// The kind.
    pub operation: String,
    /// How many writes it holds.
    pub held: u64,
}

/// What was released of one kind of write of one bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleasedView {
    /// Its bridge.
    pub bridge: String,
    /// The kind.
    pub operation: String,
    /// How many writes were let go.
    pub let_go: u64,
}

fn kinds() -> impl Iterator<Item = Operation> {
    Operation::ALL
        .into_iter()
        .filter(|operation| operation.is_halted_in_bulk())
}

/// Lists the halts of all bridges, those that never counted anything too.
///
/// # Errors
/// 404 for a bridge that is not configured.
pub async fn list(jobs: &Jobs, asked: HaltsAsked) -> Result<Halts, ApiError> {
    let (only, bridges) = bridges(jobs, asked.bridge.as_ref())?;
    let stored = jobs.store.halts(only.as_ref()).await?;
    let most = limit(asked.limit);
    let mut halts = Vec::new();
    for bridge in bridges {
        for operation in kinds() {
            let found = stored
                .iter()
                .find(|h| h.bridge == bridge && h.operation == operation);
            let since = found.and_then(|halt| halt.window.tripped_at);
            let holding = match found.map_or(0, |halt| halt.held) {
                0 => Vec::new(),
                _ => jobs.store.held(&bridge, operation, most).await?,
            };
            let holding = holding.into_iter().map(HeldView::from).collect();
            halts.push(HaltView {
                bridge: bridge.to_string(),
                operation: operation.to_string(),
                holds: since.is_some(),
                since: since.map(Moment::from),
                held: found.map_or(0, |halt| halt.held),
                let_out: found.map_or(0, |halt| halt.window.let_out.len() as u64),
                holding,
            });
        }
    }
    Ok(Halts {
        halts,
        observing: observing(&jobs.runtime.borrow(), only.as_ref()),
    })
}

/// The halts that are on, of one bridge or of all that are configured.
///
/// # Errors
/// What the database said.
pub async fn on(jobs: &Jobs, bridge: Option<&BridgeName>) -> Result<Vec<HaltOn>, StoreError> {
    let stored = jobs.store.halts(bridge).await?;
    let runtime = jobs.runtime.borrow();
    let known = |halt: &HaltState| runtime.bridges.contains_key(&halt.bridge);
    let on = stored.iter().filter(|halt| is_on(halt) && known(halt));
    Ok(on.map(HaltOn::from).collect())
}

fn is_on(halt: &HaltState) -> bool {
    halt.window.tripped_at.is_some()
}

/// Lets go what is held now, uncounted, and begins to count anew.
///
/// # Errors
/// 404 for a bridge that is not configured, 400 for a kind that the halt does not count.
pub async fn release(jobs: &Jobs, asked: ReleaseAsked) -> Result<Released, ApiError> {
    let (only, bridges) = bridges(jobs, asked.bridge.as_ref())?;
    let operation = match &asked.operation {
        Some(word) => Some(operation(word)?),
        None => None,
    };
    let before = jobs.store.halts(only.as_ref()).await?;
    let (mut released, mut emptied) = (Vec::new(), Vec::new());
    for bridge in bridges {
        for kind in kinds().filter(|kind| operation.is_none_or(|only| only == *kind)) {
            let let_go = jobs
                .store
                .release_halt(&bridge, Some(kind), clock::now())
                .await?;
            let its = |halt: &&HaltState| halt.bridge == bridge && halt.operation == kind;
            let was_on = before.iter().find(its).is_some_and(is_on);
            let (bridge, operation) = (bridge.to_string(), kind.to_string());
            if let_go == 0 && !was_on {
                tracing::info!(bridge = %bridge, operation = %operation, "The safety halt counts anew by order; it was not on");
                continue;
            }
            tracing::warn!(bridge = %bridge, operation = %operation, let_go, "The safety halt was released by order");
            match let_go {
                0 => emptied.push(HaltName { bridge, operation }),
                _ => released.push(ReleasedView {
                    bridge,
                    operation,
                    let_go,
                }),
            }
        }
    }
    Ok(Released {
        let_go: released.iter().map(|one| one.let_go).sum(),
        released,
        emptied,
        still_on: on(jobs, None).await?,
    })
}

impl From<&HaltState> for HaltOn {
    fn from(halt: &HaltState) -> Self {
        Self {
            bridge: halt.bridge.to_string(),
            operation: halt.operation.to_string(),
            held: halt.held,
        }
    }
}

impl From<HeldIntent> for HeldView {
    fn from(held: HeldIntent) -> Self {
        Self {
            id: held.intent.id.to_string(),
            sentence: held.intent.effect.to_string(),
            rule: held.intent.rule,
            planned_at: held.intent.planned_at.into(),
            link: held.link.to_string(),
            ticket: held.ticket.map(|id| id.to_string()),
            conversation: held.conversation.map(|id| id.to_string()),
        }
    }
}

fn bridges(
    jobs: &Jobs,
    name: Option<&String>,
) -> Result<(Option<BridgeName>, Vec<BridgeName>), ApiError> {
    let runtime = jobs.runtime.borrow();
    let only = bridge_named(&runtime, name)?;
    let all = match &only {
        Some(name) => vec![name.clone()],
        None => runtime.bridges.keys().cloned().collect(),
    };
    Ok((only, all))
}

fn operation(word: &str) -> Result<Operation, ApiError> {
    kinds().find(|kind| kind.as_str() == word).ok_or_else(|| {
        ApiError::wrong(
            format!("`{word}` is no kind of write that the safety halt counts"),
            "name start, close or status",
        )
    })
}
