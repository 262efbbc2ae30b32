//! The safety halt's memory (rule 16). Neighbours: `bridge_core::halt` decides; `commit` writes the
//! one of two outcomes.

use super::{
    Store, commit,
    engine::Turn,
    row::{count, id, json, operation, to_json},
    wake,
};
use crate::store::{
    changes::Changes,
    error::{CommitError, StoreError},
    types::{Admission, Admitted, Claim, HaltState, RELEASED},
};
use bridge_core::{
    effect::Operation,
    halt::{Admit, Window},
    ids::BridgeName,
    intent::Intent,
    time::Timestamp,
};
use sqlx::{Row, SqliteConnection, query};

const WINDOW: &str = "SELECT window FROM halt WHERE bridge = ? AND operation = ?";

const SET_WINDOW: &str = "INSERT INTO halt (bridge, operation, tripped_at, window) VALUES (?1, ?2, ?3, ?4) \
     ON CONFLICT (bridge, operation) DO UPDATE SET tripped_at = excluded.tripped_at, window = excluded.window";

const LIVE_LINKS: &str = "SELECT count(*) AS live FROM link WHERE bridge = ? AND live = 1";

const COUNTED: &str = "SELECT let_go, let_out_at FROM intent WHERE id = ?";

const LET_OUT: &str = "UPDATE intent SET let_out_at = ?2 WHERE id = ?1";

/// A halt that is on holds what it was asked about, and what is planned and has not come to ask: it waits for the rate,
/// or for its turn. Both conditions on the state, so that the index of what is open is used.
const STATES: &str = "SELECT bridge, operation, window, (SELECT count(*) FROM intent i WHERE i.held = 1 \
     AND i.bridge = halt.bridge AND i.operation = halt.operation) + CASE WHEN tripped_at IS NULL THEN 0 ELSE \
     (SELECT count(*) FROM intent i WHERE i.state IN ('planned', 'sent', 'unknown') AND i.state = 'planned' \
     AND i.held = 0 AND i.let_go = 0 AND i.let_out_at IS NULL \
     AND i.bridge = halt.bridge AND i.operation = halt.operation) END AS held \
     FROM halt WHERE ?1 IS NULL OR bridge = ?1 ORDER BY bridge, operation";

const LANES_OF_HELD: &str =
    "SELECT DISTINCT lane_id AS id FROM intent WHERE held = 1 AND bridge = ? AND operation = ?";

/// While the halt is on, what is planned would be held as soon as it asked: a release lets it go with the rest, or
/// the remainder of one bulk edit would ring again.
const HOLD_PLANNED: &str = "UPDATE intent SET held = 1 WHERE state IN ('planned', 'sent', 'unknown') AND state = 'planned' \
     AND held = 0 AND let_go = 0 AND let_out_at IS NULL AND bridge = ?1 AND operation = ?2 AND EXISTS \
     (SELECT 1 FROM halt WHERE halt.bridge = ?1 AND halt.operation = ?2 AND tripped_at IS NOT NULL)";

/// What a person let go stands in the timelines, as all that they decide.
const TELL: &str = "INSERT INTO audit (at, bridge, lane_id, link_id, ticket, conversation, kind, sentence, rule) \
     SELECT ?3, i.bridge, i.lane_id, i.link_id, l.ticket, l.conversation, 'decision', ?4, json_extract(i.body, '$.rule') \
     FROM intent i JOIN link l ON l.id = i.link_id WHERE i.held = 1 AND i.bridge = ?1 AND i.operation = ?2 ORDER BY i.planned_at, i.id";

const LET_GO: &str =
    "UPDATE intent SET held = 0, let_go = 1 WHERE held = 1 AND bridge = ? AND operation = ?";

const FORGET: &str = "UPDATE intent SET let_go = 0, let_out_at = NULL WHERE id = ?1 AND (let_go = 1 OR let_out_at IS NOT NULL) \
     AND (planned_at < ?2 OR (state = 'withdrawn' AND ?3 <> 'withdrawn'))";

const EMPTY_WINDOW: &str = "DELETE FROM halt WHERE bridge = ? AND operation = ?";

/// The two commits an Intent of a halted kind may end in.
struct Sending {
    claim: Claim,
    if_out: Changes,
    if_held: Changes,
    admission: Admission,
    now: Timestamp,
}

impl Store {
    /// Asks the safety halt and commits, in one transaction, either the Intent as `sent` or the
    /// Intent as `planned` and held. What a person released, and a retry of what was counted in the
    /// present window, goes out uncounted.
    ///
    /// # Errors
    /// See [`CommitError`]; nothing is stored and nothing counted then.
    pub async fn commit_sent(
        &self,
        claim: &Claim,
        if_out: Changes,
        if_held: Changes,
        admission: Admission,
        now: Timestamp,
    ) -> Result<Admitted, CommitError> {
        let sending = Sending {
            claim: claim.clone(),
            if_out,
            if_held,
            admission,
            now,
        };
        self.engine
            .write(Turn::Quiet, sending, |db, sending| {
                Box::pin(send(db, sending))
            })
            .await
    }

    /// The halts that have counted anything, with how many Intents each holds: while it is on, also those that are
    /// planned and have not come to ask.
    ///
    /// # Errors
    /// What the database said.
    pub async fn halts(&self, bridge: Option<&BridgeName>) -> Result<Vec<HaltState>, StoreError> {
        let rows = query(STATES)
            .bind(bridge.map(|b| b.as_str()))
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(HaltState {
                    bridge: id(row, "bridge")?,
                    operation: operation(row)?,
                    window: json(row, "window")?,
                    held: count(row, "held")?,
                })
            })
            .collect()
    }

    /// Lets go what is held now, and where the halt is on what is planned, uncounted; opens an empty window, and
    /// makes the Lanes due of what was held. Without an operation, of all three kinds. Returns how many Intents
    /// were let go.
    ///
    /// # Errors
    /// What the database said.
    pub async fn release_halt(
        &self,
        bridge: &BridgeName,
        operation: Option<Operation>,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let operations: Vec<Operation> = Operation::ALL
            .into_iter()
            .filter(|o| o.is_halted_in_bulk() && operation.is_none_or(|wanted| wanted == *o))
            .collect();
        let args = (bridge.clone(), operations, now);
        let released = self
            .engine
            .write(Turn::Work, args, |db, (bridge, operations, now)| {
                Box::pin(async move {
                    let mut released = 0;
                    for operation in operations {
                        released += let_go(db, bridge, *operation, *now).await?;
                    }
                    Ok(released)
                })
            });
        Ok(released.await?)
    }
}

async fn send(db: &mut SqliteConnection, sending: &Sending) -> Result<Admitted, CommitError> {
    let Sending {
        claim,
        if_out,
        if_held,
        admission,
        now,
    } = sending;
    for intent in &if_out.intents {
        forget_if_planned_anew(db, intent).await?;
    }
    let admitted = admit(db, &if_out.bridge, admission, *now).await?;
    match admitted {
        Admitted::Out => {
            commit::apply(db, claim, if_out, *now).await?;
            query(LET_OUT)
                .bind(admission.intent.as_str())
                .bind(now.0)
                .execute(db)
                .await?;
        }
        Admitted::Held { .. } => commit::apply(db, claim, if_held, *now).await?,
    }
    Ok(admitted)
}

async fn admit(
    db: &mut SqliteConnection,
    bridge: &BridgeName,
    admission: &Admission,
    now: Timestamp,
) -> Result<Admitted, StoreError> {
    if is_counted(db, admission, now).await? {
        return Ok(Admitted::Out);
    }
    let row = query(WINDOW)
        .bind(bridge.as_str())
        .bind(admission.operation.as_str())
        .fetch_optional(&mut *db)
        .await?;
    let mut window: Window = match row {
        Some(row) => json(&row, "window")?,
        None => Window::default(),
    };
    let row = query(LIVE_LINKS)
        .bind(bridge.as_str())
        .fetch_one(&mut *db)
        .await?;
    let live = count(&row, "live")?;
    let admit = window.admit(now, &admission.limits, || live);
    query(SET_WINDOW)
        .bind(bridge.as_str())
        .bind(admission.operation.as_str())
        .bind(window.tripped_at.map(|at| at.0))
        .bind(to_json(&window, "halt window")?)
        .execute(db)
        .await?;
    Ok(match admit {
        Admit::Out => Admitted::Out,
        Admit::Held { newly } => Admitted::Held { newly },
    })
}

/// What a person let go, and what the halt counted, was the Intent as it was planned then: of one that was withdrawn
/// since and is wanted again, the halt is asked like of any other.
pub(super) async fn forget_if_planned_anew(
    db: &mut SqliteConnection,
    intent: &Intent,
) -> Result<(), StoreError> {
    if intent.operation().is_halted_in_bulk() {
        query(FORGET)
            .bind(intent.id.as_str())
            .bind(intent.planned_at.0)
            .bind(intent.state.as_str())
            .execute(db)
            .await?;
    }
    Ok(())
}

/// Whether a person let this Intent go, or the present window has counted it already.
async fn is_counted(
    db: &mut SqliteConnection,
    admission: &Admission,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = query(COUNTED)
        .bind(admission.intent.as_str())
        .fetch_optional(db)
        .await?;
    let Some(row) = row else { return Ok(false) };
    let let_out_at: Option<i64> = row.try_get("let_out_at")?;
    let in_window = let_out_at.is_some_and(|at| now.since(Timestamp(at)) < admission.limits.window);
    Ok(in_window || row.try_get::<i64, _>("let_go")? != 0)
}

async fn let_go(
    db: &mut SqliteConnection,
    bridge: &BridgeName,
    operation: Operation,
    now: Timestamp,
) -> Result<u64, CommitError> {
    let rows = query(LANES_OF_HELD)
        .bind(bridge.as_str())
        .bind(operation.as_str())
        .fetch_all(&mut *db)
        .await?;
    for row in &rows {
        wake::lane(db, &id(row, "id")?, now).await?;
    }
    // After the waking: what has not come to ask comes by itself.
    query(HOLD_PLANNED)
        .bind(bridge.as_str())
        .bind(operation.as_str())
        .execute(&mut *db)
        .await?;
    query(TELL)
        .bind(bridge.as_str())
        .bind(operation.as_str())
        .bind(now.0)
        .bind(RELEASED)
        .execute(&mut *db)
        .await?;
    let released = query(LET_GO)
        .bind(bridge.as_str())
        .bind(operation.as_str())
        .execute(&mut *db)
        .await?;
    query(EMPTY_WINDOW)
        .bind(bridge.as_str())
        .bind(operation.as_str())
        .execute(db)
        .await?;
    Ok(released.rows_affected())
}
