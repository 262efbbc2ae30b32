//! Lanes set aside: what is stored of them cannot be read, or a law of the bridge would have been
//! broken. Neighbours: `claim` and the session, which set aside; `parked`, which lists them with
//! what else waits for a person.

use super::{
    Store,
    claim::fenced_unless,
    commit,
    engine::Turn,
    row::{count, id},
};
use crate::store::{
    changes::Changes,
    error::{CommitError, LANE_REMEDY, StoreError},
    types::{Claim, ParkedFilter, ParkedItem, ParkedKind},
};
use bridge_core::{ids::LaneId, session::BROKEN, time::Timestamp};
use sqlx::{Row, SqliteConnection, query, sqlite::SqliteRow};

/// How the name of what holds an unreadable Lane begins; the moment follows. One bad row must not
/// keep all other customers from being served.
const UNREADABLE: &str = "unreadable:lane:";

/// How a Lane set aside is named beside Intents, whose ids have a dot.
const LANE_PREFIX: &str = "lane-";

/// Unlike a release it leaves nothing due: what waits beyond one Claim is more of what the Lane cannot take in.
const SET_ASIDE: &str = "UPDATE lane SET owner = NULL, claimed_at = NULL, lease_until = NULL, due_at = NULL, held_by = ?4 \
     WHERE id = ?1 AND owner = ?2 AND token = ?3";

/// `held_by` is indexed, and few Lanes are held so.
const ASIDE: &str = "SELECT id, bridge, held_by FROM lane \
     WHERE (held_by GLOB 'broken:*' OR held_by GLOB 'unreadable:*') AND (?1 IS NULL OR bridge = ?1) AND (?2 IS NULL OR id = ?2) \
     AND (?3 IS NULL OR id > ?3) ORDER BY id LIMIT ?4";

/// Counted for the metrics page, by bridge and reason.
pub(super) const BY_REASON: &str = "SELECT bridge, CASE WHEN held_by GLOB 'broken:*' THEN 'broken_invariant' ELSE 'unreadable_lane' END AS word, \
     count(*) AS number FROM lane WHERE held_by GLOB 'broken:*' OR held_by GLOB 'unreadable:*' GROUP BY bridge, word";

/// The name of what holds a Lane that could not be read at `now`.
pub(super) fn unreadable(now: Timestamp) -> String {
    format!("{UNREADABLE}{}", now.0)
}

/// The Lane, if it is such a Lane's name.
pub(super) fn lane_of(name: &str) -> Option<LaneId> {
    LaneId::parse(name.strip_prefix(LANE_PREFIX)?).ok()
}

/// Gives a claimed Lane up: it rests until there is news for it or a person has it tried again.
pub(super) async fn set_aside(
    db: &mut SqliteConnection,
    claim: &Claim,
    held_by: &str,
) -> Result<(), CommitError> {
    let set_aside = query(SET_ASIDE)
        .bind(claim.lane.as_str())
        .bind(&*claim.owner)
        .bind(claim.token)
        .bind(held_by)
        .execute(db)
        .await?;
    fenced_unless(set_aside.rows_affected())
}

impl Store {
    /// Commits what changed and sets the Lane aside: it rests until there is news for it or a person has it tried
    /// again, however much waits for it by now. `held_by` names why, as `kind:name:moment`.
    ///
    /// # Errors
    /// See [`CommitError`]; nothing is stored then, and the Claim goes on.
    pub async fn set_aside(
        &self,
        claim: &Claim,
        changes: Changes,
        held_by: String,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let args = (claim.clone(), changes, held_by, now);
        self.engine
            .write(Turn::Quiet, args, |db, (claim, changes, held_by, now)| {
                Box::pin(async move {
                    commit::apply(db, claim, changes, *now).await?;
                    set_aside(db, claim, held_by).await
                })
            })
            .await
    }

    /// Lanes set aside that the filter leaves, by their ids; only this one, or only those after it.
    pub(super) async fn aside(
        &self,
        filter: &ParkedFilter,
        only: Option<&LaneId>,
        after: Option<&LaneId>,
    ) -> Result<Vec<ParkedItem>, StoreError> {
        let rows = query(ASIDE)
            .bind(filter.bridge.as_ref().map(|b| b.as_str()))
            .bind(only.map(LaneId::as_str))
            .bind(after.map(LaneId::as_str))
            .bind(filter.limit)
            .fetch_all(&self.readers)
            .await?;
        let items = rows.iter().map(item).collect::<Result<Vec<_>, _>>()?;
        Ok(items.into_iter().filter(|i| filter.lets(i)).collect())
    }

    /// How many Lanes are set aside.
    pub(super) async fn aside_count(
        db: &mut SqliteConnection,
    ) -> Result<std::collections::BTreeMap<(String, String), u64>, StoreError> {
        let rows = query(BY_REASON).fetch_all(db).await?;
        let counted = rows.iter().map(|row| {
            let key = (row.try_get("bridge")?, row.try_get("word")?);
            Ok((key, count(row, "number")?))
        });
        counted.collect()
    }
}

fn item(row: &SqliteRow) -> Result<ParkedItem, StoreError> {
    let lane: LaneId = id(row, "id")?;
    let held_by: String = row.try_get("held_by")?;
    let (what, at) = held_by.rsplit_once(':').unwrap_or((&held_by, "0"));
    let (reason, detail, remedy) = match what.strip_prefix(BROKEN) {
        Some(law) => (
            "broken_invariant",
            match law {
                "panic" => "work on this customer panicked; the log says where".to_owned(),
                _ => format!(
                    "storing what came next would have broken the law {law}; the timeline says more"
                ),
            },
            "this is a bug of the bridge: report it with the timeline; after an upgrade, or when the stored row is mended, `parked retry`",
        ),
        None => (
            "unreadable_lane",
            "what is stored of this customer cannot be read; the log says what".to_owned(),
            LANE_REMEDY,
        ),
    };
    Ok(ParkedItem {
        id: format!("{LANE_PREFIX}{lane}"),
        kind: ParkedKind::Lane { lane },
        bridge: id(row, "bridge")?,
        reason: reason.to_owned(),
        detail,
        remedy: remedy.to_owned(),
        at: Timestamp(at.parse().unwrap_or(0)),
        ticket: None,
        conversation: None,
    })
}
