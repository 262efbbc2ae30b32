//! Writes what became of a Lane, under its Claim. Neighbours: `changes` says what differs, `halt`
//! asks before an Intent goes out, `claim` made the Claim.

use super::{
    Store,
    claim::fenced_unless,
    engine::Turn,
    halt,
    row::{intent, is_taken, json, to_json},
};
use crate::store::{
    changes::{Changes, state_of},
    error::{CommitError, StoreError},
    types::Claim,
};
use bridge_core::{
    ids::{DeliveryId, LaneId},
    intent::{Intent, IntentState},
    lane::{Entry, EntryKind, Fate, Message},
    link::Link,
    time::Timestamp,
};
use sqlx::{Row, SqliteConnection, query};
use std::collections::BTreeMap;

const STATE: &str =
    "UPDATE lane SET state = coalesce(?4, state) WHERE id = ?1 AND owner = ?2 AND token = ?3";

const RELEASE: &str = "UPDATE lane SET owner = NULL, claimed_at = NULL, lease_until = NULL, held_by = ?5, \
     due_at = CASE WHEN due_at IS NULL THEN ?4 WHEN ?4 IS NULL THEN due_at ELSE min(due_at, ?4) END \
     WHERE id = ?1 AND owner = ?2 AND token = ?3";

const LINK: &str = "INSERT INTO link (id, lane_id, bridge, conversation, ticket, live, state, generation, body, created_at, updated_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO UPDATE SET conversation = excluded.conversation, \
     ticket = excluded.ticket, live = excluded.live, state = excluded.state, generation = excluded.generation, \
     body = excluded.body, updated_at = excluded.updated_at";

const TICKET_HOLDER: &str =
    "SELECT id FROM link WHERE bridge = ? AND ticket = ? AND live = 1 AND id <> ?";

/// A person's release outlives what the Lane remembers of being held, until the Intent is planned anew, as one that is
/// wanted again is. Whatever is written has its texts again: retention counts from there.
const INTENT: &str = "INSERT INTO intent (id, link_id, lane_id, bridge, operation, cause, state, reason, planned_at, due_at, confirmed_at, event_seen, held, body) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (id) DO UPDATE SET state = excluded.state, \
     planned_at = excluded.planned_at, pruned = 0, reason = excluded.reason, due_at = excluded.due_at, confirmed_at = excluded.confirmed_at, event_seen = excluded.event_seen, \
     held = CASE WHEN let_go = 1 THEN 0 ELSE excluded.held END, body = excluded.body";

const SAME_KEY: &str =
    "SELECT body, held FROM intent WHERE link_id = ? AND operation = ? AND cause = ?";

const FATES_OF: &str = "SELECT coalesce(fates, '{}') AS fates, json_array_length(events) AS events FROM delivery \
     WHERE id = ? AND lane_id = ? AND state = 'routed'";

const SET_FATES: &str =
    "UPDATE delivery SET fates = ?2, state = ?3, reason = ?4, settled_at = ?5 WHERE id = ?1";

const AUDIT: &str = "INSERT INTO audit (at, bridge, lane_id, link_id, ticket, conversation, kind, sentence, rule) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Kept once; what changes after that is how it ended.
const MESSAGE: &str = "INSERT INTO message (bridge, lane_id, direction, place, remote_id, at, kind, body, media, content, outcome) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (bridge, direction, place, remote_id) \
     DO UPDATE SET outcome = excluded.outcome WHERE message.outcome IS NULL AND message.lane_id = excluded.lane_id";

impl Store {
    /// Commits what changed, and keeps the Claim.
    ///
    /// # Errors
    /// See [`CommitError`]; nothing is stored then.
    pub async fn commit(
        &self,
        claim: &Claim,
        changes: Changes,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let args = (claim.clone(), changes, now);
        self.engine
            .write(Turn::Quiet, args, |db, (claim, changes, now)| {
                Box::pin(apply(db, claim, changes, *now))
            })
            .await
    }

    /// Commits what changed and gives the Lane back, to be claimed again at `due_at` or when
    /// something wakes it. `held_by` names what it waits for, as `kind:name`. If work came for the
    /// Lane meanwhile, it stays due at once.
    ///
    /// # Errors
    /// See [`CommitError`]; nothing is stored then, and the Claim goes on.
    pub async fn release(
        &self,
        claim: &Claim,
        changes: Changes,
        due_at: Option<Timestamp>,
        held_by: Option<String>,
        now: Timestamp,
    ) -> Result<(), CommitError> {
        let args = (claim.clone(), changes, due_at, held_by, now);
        self.engine
            .write(
                Turn::Work,
                args,
                |db, (claim, changes, due_at, held_by, now)| {
                    Box::pin(async move {
                        apply(db, claim, changes, *now).await?;
                        let released = query(RELEASE)
                            .bind(claim.lane.as_str())
                            .bind(&*claim.owner)
                            .bind(claim.token)
                            .bind(due_at.map(|at| at.0))
                            .bind(held_by.as_deref())
                            .execute(db)
                            .await?;
                        fenced_unless(released.rows_affected())
                    })
                },
            )
            .await
    }
}

/// Writes the changes, if the Claim still holds.
pub(super) async fn apply(
    db: &mut SqliteConnection,
    claim: &Claim,
    changes: &Changes,
    now: Timestamp,
) -> Result<(), CommitError> {
    if changes.lane != claim.lane {
        return Err(CommitError::Store(StoreError::Broken {
            what: "a claim was used for another lane".to_owned(),
        }));
    }
    let held = query(STATE)
        .bind(claim.lane.as_str())
        .bind(&*claim.owner)
        .bind(claim.token)
        .bind(changes.state.as_deref().map(state_of).transpose()?)
        .execute(&mut *db)
        .await?;
    fenced_unless(held.rows_affected())?;
    // What ends gives its ticket and conversation free for what begins in the same commit.
    for link in changes.links.iter().filter(|l| !l.is_live()) {
        put_link(db, changes, link, now).await?;
    }
    for link in changes.links.iter().filter(|l| l.is_live()) {
        put_link(db, changes, link, now).await?;
    }
    for intent in &changes.intents {
        put_intent(db, changes, intent).await?;
    }
    settle(db, &changes.lane, &changes.fates, now).await?;
    for entry in &changes.journal {
        put_entry(db, changes, entry).await?;
    }
    for message in &changes.messages {
        put_message(db, changes, message).await?;
    }
    Ok(())
}

async fn put_link(
    db: &mut SqliteConnection,
    changes: &Changes,
    link: &Link,
    now: Timestamp,
) -> Result<(), CommitError> {
    let put = query(LINK)
        .bind(link.id.as_str())
        .bind(changes.lane.as_str())
        .bind(changes.bridge.as_str())
        .bind(link.conversation_id().map(|id| id.as_str()))
        .bind(link.ticket_id().map(|id| id.as_str()))
        .bind(link.is_live())
        .bind(link.state())
        .bind(link.generation)
        .bind(to_json(link, "link")?)
        .bind(link.created_at.0)
        .bind(now.0)
        .execute(&mut *db)
        .await;
    match put {
        Ok(_) => Ok(()),
        Err(error) if is_taken(&error) => Err(taken(db, changes, link).await?),
        Err(error) => Err(error.into()),
    }
}

/// Which of a Link's two sides another live Link has.
async fn taken(
    db: &mut SqliteConnection,
    changes: &Changes,
    link: &Link,
) -> Result<CommitError, StoreError> {
    if let Some(ticket) = link.ticket_id() {
        let holder = query(TICKET_HOLDER)
            .bind(changes.bridge.as_str())
            .bind(ticket.as_str())
            .bind(link.id.as_str())
            .fetch_optional(db)
            .await?;
        if holder.is_some() {
            return Ok(CommitError::TicketTaken {
                ticket: ticket.clone(),
            });
        }
    }
    match link.conversation_id() {
        Some(conversation) => Ok(CommitError::ConversationTaken {
            conversation: conversation.clone(),
        }),
        None => Err(StoreError::Broken {
            what: "a link was refused as taken, but nothing takes it".to_owned(),
        }),
    }
}

async fn put_intent(
    db: &mut SqliteConnection,
    changes: &Changes,
    intent: &Intent,
) -> Result<(), CommitError> {
    halt::forget_if_planned_anew(db, intent).await?;
    let put = query(INTENT)
        .bind(intent.id.as_str())
        .bind(intent.link.as_str())
        .bind(changes.lane.as_str())
        .bind(changes.bridge.as_str())
        .bind(intent.operation().as_str())
        .bind(&intent.cause)
        .bind(intent.state.as_str())
        .bind(intent.parked.as_ref().map(|p| p.reason.as_str()))
        .bind(intent.planned_at.0)
        .bind(intent.due_at.map(|at| at.0))
        .bind(intent.confirmed_at.map(|at| at.0))
        .bind(intent.event_seen)
        .bind(intent.held && intent.state == IntentState::Planned)
        .bind(to_json(intent, "intent")?)
        .execute(&mut *db)
        .await;
    match put {
        Ok(_) => Ok(()),
        Err(error) if is_taken(&error) => Err(planned_before(db, intent).await?),
        Err(error) => Err(error.into()),
    }
}

async fn planned_before(
    db: &mut SqliteConnection,
    wanted: &Intent,
) -> Result<CommitError, StoreError> {
    let row = query(SAME_KEY)
        .bind(wanted.link.as_str())
        .bind(wanted.operation().as_str())
        .bind(&wanted.cause)
        .fetch_one(db)
        .await?;
    Ok(CommitError::IntentTaken {
        existing: Box::new(intent(&row)?),
    })
}

/// Notes what became of Events. A Delivery is settled when all of its Events are.
async fn settle(
    db: &mut SqliteConnection,
    lane: &LaneId,
    fates: &[(DeliveryId, u32, Fate)],
    now: Timestamp,
) -> Result<(), CommitError> {
    let mut by_delivery: BTreeMap<DeliveryId, Vec<(u32, &Fate)>> = BTreeMap::new();
    for (delivery, position, fate) in fates {
        by_delivery
            .entry(*delivery)
            .or_default()
            .push((*position, fate));
    }
    for (delivery, new) in by_delivery {
        let row = query(FATES_OF)
            .bind(delivery.0)
            .bind(lane.as_str())
            .fetch_optional(&mut *db)
            .await?;
        // Settled before, such as by a commit whose answer got lost.
        let Some(row) = row else { continue };
        let events: i64 = row.try_get("events")?;
        let mut all: BTreeMap<u32, Fate> = json(&row, "fates")?;
        for (position, fate) in new {
            all.entry(position).or_insert_with(|| fate.clone());
        }
        let is_settled = i64::try_from(all.len()).is_ok_and(|known| known >= events);
        let (state, reason) = if is_settled {
            ended(&all)
        } else {
            ("routed", None)
        };
        query(SET_FATES)
            .bind(delivery.0)
            .bind(to_json(&all, "delivery's fates")?)
            .bind(state)
            .bind(reason)
            .bind(is_settled.then_some(now.0))
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

/// A Delivery counts as ignored only if none of its Events was taken in.
fn ended(fates: &BTreeMap<u32, Fate>) -> (&'static str, Option<&str>) {
    let mut reason = None;
    for fate in fates.values() {
        match fate {
            Fate::Applied => return ("settled", None),
            Fate::Ignored { reason: why } => reason = reason.or(Some(why.as_str())),
        }
    }
    ("ignored", reason)
}

async fn put_entry(
    db: &mut SqliteConnection,
    changes: &Changes,
    entry: &Entry,
) -> Result<(), CommitError> {
    query(AUDIT)
        .bind(entry.at.0)
        .bind(changes.bridge.as_str())
        .bind(changes.lane.as_str())
        .bind(entry.link.as_ref().map(|id| id.as_str()))
        .bind(entry.ticket.as_ref().map(|id| id.as_str()))
        .bind(entry.conversation.as_ref().map(|id| id.as_str()))
        .bind(kind(entry.kind))
        .bind(&entry.sentence)
        .bind(entry.rule.as_deref())
        .execute(db)
        .await?;
    Ok(())
}

fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Event => "event",
        EntryKind::Decision => "decision",
        EntryKind::Call => "call",
        EntryKind::Outcome => "outcome",
        EntryKind::Read => "read",
        EntryKind::Alarm => "alarm",
    }
}

async fn put_message(
    db: &mut SqliteConnection,
    changes: &Changes,
    message: &Message,
) -> Result<(), CommitError> {
    let media = message.media.as_ref();
    let media = media
        .map(|file| to_json(file, "message's file"))
        .transpose()?;
    query(MESSAGE)
        .bind(changes.bridge.as_str())
        .bind(changes.lane.as_str())
        .bind(message.place.direction().as_str())
        .bind(message.place.id())
        .bind(message.id.as_str())
        .bind(message.at.0)
        .bind(&message.kind)
        .bind(message.body.as_ref().map(|text| text.reveal()))
        .bind(media)
        .bind(to_json(&message.content, "message's content")?)
        .bind(message.outcome.map(|outcome| outcome.as_str()))
        .execute(db)
        .await?;
    Ok(())
}
