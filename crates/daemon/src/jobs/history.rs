//! What customers wrote and no webhook told: the history of each bot is read behind the webhooks, and
//! what of it a conversation of ours lacks goes the way of a webhook from there on. Neighbour: `sweep`,
//! whose round this is a part of; `gaps`, the conversations that are read later; `agreed`, whether ids are
//! known to agree.
//!
//! What is known is known by its id, never by the clock. No page says that the history and the webhooks
//! name a message alike; where they did not, each would come to its ticket twice. So nothing is brought
//! over before one message that a webhook told was found under its id. The reading goes on meanwhile,
//! and comes back to where it left something out.

mod agreed;
mod gaps;

use super::{
    Jobs,
    sweep::{record, said, wait_for_place},
};
use crate::{clock, runtime::Bridge};
use bridge_core::{
    call::CallError,
    conversation::Conversation,
    event::{Event, MessageReceived, Side},
    ids::{BotId, ConversationId, MessageId, UserId},
    lane::{ConversationMemory, Mode, Place},
    time::Timestamp,
};
use gaps::Gaps;
use jelou_adapter::client::{Author, HistoryMessage, Range};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A message has this long to come by itself, or one round's time if that is shorter.
const WEBHOOK_WAIT: Duration = Duration::from_secs(60);

/// Read at once; after an outage one such span follows the other.
const SPAN: Duration = Duration::from_secs(3600);

/// Spans in one round. The next round goes on from the stored cursor.
const SPANS_MAX: u32 = 24;

/// Pages of one span: ten thousand messages an hour.
const PAGES_MAX: u32 = 200;

/// How far back it is looked, after an outage or while it is not known whether ids agree.
const LOOK_BACK: Duration = Duration::from_secs(24 * 3600);

/// Why the history of a bot was not read to its end.
#[derive(Debug)]
pub(super) enum Off {
    /// The client id may be wrong or lack the right: it was never more than an offer.
    Barred(String),
    /// It worked before and will again; meanwhile lost messages stay lost.
    Broken(String),
}

impl From<String> for Off {
    fn from(why: String) -> Self {
        Self::Broken(why)
    }
}

/// What customers wrote in a span, by customer.
type Wrote = BTreeMap<UserId, Vec<HistoryMessage>>;

/// Looks for lost messages of all bots, and adds to `found` how many there were. A bot whose history
/// breaks off is nobody's trouble but its own.
///
/// # Errors
/// What broke one of them off, the first that is not barred; what was found is kept.
pub(super) async fn sweep(jobs: &Jobs, bridge: &Bridge, found: &mut u64) -> Result<(), Off> {
    let jelou = &bridge.config.jelou;
    if jelou.client.api_auth.is_none() || bridge.config.mode == Mode::Observe {
        return Ok(());
    }
    let now = clock::now();
    let live = jobs
        .store
        .conversations_to_look_at(&bridge.name, now, 1)
        .await
        .map_err(said)?;
    let mut ended = Ok(());
    for bot in &jelou.bots {
        match (
            of_bot(jobs, bridge, bot, !live.is_empty(), now, found).await,
            &ended,
        ) {
            (Ok(()), _) | (Err(_), Err(Off::Broken(_))) | (Err(Off::Barred(_)), Err(_)) => {}
            (Err(off), _) => ended = Err(off),
        }
    }
    ended
}

async fn of_bot(
    jobs: &Jobs,
    bridge: &Bridge,
    bot: &BotId,
    somebody_talks: bool,
    now: Timestamp,
    found: &mut u64,
) -> Result<(), Off> {
    let name = format!("history:{bot}");
    let stored = jobs
        .store
        .cursor(&bridge.name, &name)
        .await
        .map_err(said)?
        .and_then(|text| text.parse().ok().map(Timestamp));
    let until = now.minus(bridge.config.sweep.every.min(WEBHOOK_WAIT));
    let Some(cursor) = stored else {
        // The first run begins now: older work enters only through `backfill` (rule 17).
        return Ok(move_to(jobs, bridge, &name, now, now).await?);
    };
    let mut gaps = Gaps::load(jobs, bridge, bot, now).await?;
    // One old span that fails keeps nobody's fresh words back.
    let filled = fill(jobs, bridge, bot, &mut gaps, found).await;
    gaps.save(jobs, bridge, bot, now).await?;
    if !somebody_talks && now.since(cursor) < SPAN {
        // Only who talked since can miss words, and for them one look an hour will do.
        return filled;
    }
    let left = agreed::left_out(jobs, bridge, bot, now).await?;
    let cursor = left.map_or(cursor, |left| cursor.min(left));
    let cursor = cursor.max(now.minus(LOOK_BACK));
    let mut from = cursor.minus(bridge.config.sweep.overlap);
    gaps.forget_given_up(from);
    for _ in 0..SPANS_MAX {
        let range = Range {
            from,
            to: until.min(from.plus(SPAN)),
        };
        let wrote = read(jobs, bridge, bot, range).await?;
        let all = |_: &ConversationId| true;
        let brought = bring_over(jobs, bridge, bot, &wrote, range, &mut gaps, &all, now);
        *found += brought.await?;
        // Before the cursor: what is left out must be known by then.
        gaps.save(jobs, bridge, bot, now).await?;
        move_to(jobs, bridge, &name, range.to, now).await?;
        if range.to >= until {
            break;
        }
        from = range.to;
    }
    filled
}

/// Asks again for conversations that were left out, brings over what they lack, and adds to `found` how
/// many messages that were.
async fn fill(
    jobs: &Jobs,
    bridge: &Bridge,
    bot: &BotId,
    gaps: &mut Gaps,
    found: &mut u64,
) -> Result<(), Off> {
    for id in gaps.in_turn() {
        match look(jobs, bridge, &id).await? {
            Shown::Now(_) => {}
            Shown::NotNow => continue,
            Shown::Missing => {
                if gaps.missed(&id, clock::now()) {
                    tracing::warn!(bridge = %bridge.name, conversation.id = %id, "Jelou did not show a conversation at two looks a minute apart; messages of it that no webhook told are no longer looked for");
                }
                continue;
            }
        }
        let Some(gap) = gaps.take(&id) else {
            continue;
        };
        // Its words must not wait for it while they are brought over; out of the list for good it is with
        // the last of them.
        let mut left = gap.range();
        let filled = fill_one(jobs, bridge, bot, &id, &mut left, gaps, found).await;
        if filled.is_err() {
            gaps.put_back(gap, left.from);
        }
        filled?;
    }
    Ok(())
}

/// Brings over what a conversation lacks, adds to `found` how many messages that were, and takes out of
/// `left` what is done.
async fn fill_one(
    jobs: &Jobs,
    bridge: &Bridge,
    bot: &BotId,
    id: &ConversationId,
    left: &mut Range,
    gaps: &mut Gaps,
    found: &mut u64,
) -> Result<(), Off> {
    let only = |other: &ConversationId| other == id;
    while left.from < left.to {
        let range = Range {
            from: left.from,
            to: left.to.min(left.from.plus(SPAN)),
        };
        let wrote = read(jobs, bridge, bot, range).await?;
        let now = clock::now();
        *found += bring_over(jobs, bridge, bot, &wrote, range, gaps, &only, now).await?;
        left.from = range.to;
    }
    Ok(())
}

async fn move_to(
    jobs: &Jobs,
    bridge: &Bridge,
    name: &str,
    to: Timestamp,
    now: Timestamp,
) -> Result<(), String> {
    let cursor = to.0.to_string();
    let moved = jobs.store.set_cursor(&bridge.name, name, &cursor, now);
    moved.await.map_err(said)
}

/// What customers wrote in a span.
async fn read(jobs: &Jobs, bridge: &Bridge, bot: &BotId, range: Range) -> Result<Wrote, Off> {
    let mut wrote = Wrote::new();
    for number in 1..=PAGES_MAX {
        wait_for_place(jobs, bridge, Side::Jelou).await?;
        let begun = clock::now();
        let page = bridge
            .jelou
            .history(bot, range, number, bridge.call_timeout())
            .await;
        let took = clock::now().since(begun);
        let status = super::status_of(page.as_ref().err());
        jobs.metrics.call(&bridge.name, Side::Jelou, status, took);
        let page = match page {
            // Whatever else goes on goes by the key: what a wrong client id costs is the history.
            Err(CallError::Locked { reason }) => return Err(Off::Barred(reason)),
            other => {
                let target = bridge.target(Side::Jelou);
                super::learn(jobs, &target, "sweep", "history", other).await
            }
        };
        let page = page.map_err(|error| off(&error))?;
        if page.unreadable > 0 {
            tracing::warn!(bridge = %bridge.name, messages = page.unreadable, "The sweep left out messages that it could not read");
        }
        for message in page.rows {
            if let (Author::Customer, Some(sender)) = (&message.by, &message.sender) {
                wrote.entry(sender.clone()).or_default().push(message);
            }
        }
        if page.is_last {
            return Ok(wrote);
        }
    }
    tracing::warn!(bridge = %bridge.name, "More was written within an hour than the sweep reads; lost messages of it are not found");
    Ok(wrote)
}

fn off(error: &CallError) -> Off {
    let why = error.to_string();
    match error {
        CallError::Later { .. } | CallError::Unknown { .. } => Off::Broken(why),
        CallError::Locked { .. }
        | CallError::Forbidden { .. }
        | CallError::Gone { .. }
        | CallError::Refused { .. } => Off::Barred(why),
    }
}

/// Records what conversations of ours lack, of customers with one that is `wanted`, and gives how many
/// messages that were: what was left out of one may turn out to be another's. Where it is not known whether
/// ids agree, none are, and it is noted from when on.
#[expect(clippy::too_many_arguments, reason = "what a round goes by")]
async fn bring_over(
    jobs: &Jobs,
    bridge: &Bridge,
    bot: &BotId,
    wrote: &Wrote,
    range: Range,
    gaps: &mut Gaps,
    wanted: &(impl Fn(&ConversationId) -> bool + Sync),
    now: Timestamp,
) -> Result<u64, String> {
    let mut missing = Vec::new();
    let mut known = false;
    for (user, messages) in wrote {
        let theirs = conversations_of(jobs, bridge, bot, user).await?;
        if !theirs.linked.iter().any(|one| wanted(&one.id)) {
            continue;
        }
        let (kept, lost) = lost(jobs, bridge, &theirs, messages, range, gaps).await?;
        known |= kept;
        missing.extend(lost.into_iter().filter(|lost| !lost.is_empty()));
    }
    if known {
        agreed::note(jobs, bridge, bot).await?;
    } else if !missing.is_empty() && !agreed::is_noted(jobs, bridge, bot).await? {
        agreed::leave_out(jobs, bridge, bot, range.from, now).await?;
        return Ok(0);
    }
    let mut found = 0;
    for mut lost in missing {
        lost.sort_by(|a, b| (a.at, &a.message).cmp(&(b.at, &b.message)));
        let Some((first, last)) = lost.first().zip(lost.last()) else {
            continue;
        };
        let (talk, count) = (&first.conversation.id, lost.len());
        let dedup = format!(
            "sweep:messages:{talk}:{count}:{}:{}",
            first.message, last.message
        );
        // One Delivery for all of a conversation: what is heard one by one is brought over one by one,
        // and the Router keeps no order between them.
        let events: Vec<Event> = lost.into_iter().map(Event::MessageReceived).collect();
        let many = u64::try_from(events.len()).unwrap_or(u64::MAX);
        let new = record(jobs, bridge, Side::Jelou, dedup, &events, now).await;
        if new.map_err(said)? {
            jobs.metrics.drift(&bridge.name, many);
            found += many;
        }
    }
    Ok(found)
}

/// A customer's conversations, the latest begun first.
#[derive(Default)]
struct Conversations {
    /// All that are known: what is kept of any of them is not lost.
    places: Vec<Place>,
    /// Those that have or had a ticket.
    linked: Vec<Conversation>,
}

async fn conversations_of(
    jobs: &Jobs,
    bridge: &Bridge,
    bot: &BotId,
    user: &UserId,
) -> Result<Conversations, String> {
    let lane = jobs.store.lane_of_user(&bridge.name, bot, user);
    let Some(id) = lane.await.map_err(said)? else {
        return Ok(Conversations::default());
    };
    let lane = jobs.store.lane(&id).await.map_err(said)?;
    let all = lane.into_iter().flat_map(|lane| lane.conversations);
    let mut all: Vec<_> = all.map(|(_, memory)| memory).collect();
    all.sort_by_key(|memory| Reverse(memory.seen.started_at));
    let ids = all.iter().map(|memory| memory.seen.id.clone());
    let places = ids.map(|id| Place::Conversation { id }).collect();
    let linked = all.into_iter().filter(|memory| memory.linked);
    // Of what Jelou no longer knows nobody can tell when it ended, and what was written later would
    // count as said in it. Of what we closed ourselves it tells when it is asked.
    let can_be_told = |memory: &ConversationMemory| {
        let end_is_open = memory.seen.state.is_closed() && memory.seen.ended_at.is_none();
        !end_is_open || memory.missing_since.is_none()
    };
    Ok(Conversations {
        places,
        linked: linked
            .filter(can_be_told)
            .map(|memory| memory.seen)
            .collect(),
    })
}

/// Whether any of what a customer wrote in their conversations is kept, and what of them lack it. A
/// conversation of which that cannot be told now is left out.
///
/// The history knows no conversations, and a customer may be in two at once. So what is kept of any is
/// lost nowhere, and what is kept of none goes to the one that began last of those that went on then.
async fn lost(
    jobs: &Jobs,
    bridge: &Bridge,
    theirs: &Conversations,
    messages: &[HistoryMessage],
    range: Range,
    gaps: &mut Gaps,
) -> Result<(bool, Vec<Vec<MessageReceived>>), String> {
    let is_theirs = |message: &&HistoryMessage| {
        let mut linked = theirs.linked.iter();
        linked.any(|one| message.may_be_of(one))
    };
    let mut open: Vec<HistoryMessage> = messages.iter().filter(is_theirs).cloned().collect();
    let kept = kept(jobs, bridge, &theirs.places, &open).await?;
    open.retain(|message| !kept.contains(&message.id));
    let mut lost = Vec::new();
    for conversation in &theirs.linked {
        let given_up = gaps.given_up_to(&conversation.id);
        let is_here =
            |message: &HistoryMessage| message.at > given_up && message.may_be_of(conversation);
        if !open.iter().any(is_here) {
            continue;
        }
        let shown = match gaps.holds(&conversation.id) {
            true => Shown::NotNow,
            false => look(jobs, bridge, &conversation.id).await?,
        };
        match shown {
            // We know that it ended, and a replica does not yet: what was written since is not of it.
            Shown::Now(fresh) if conversation.state.is_closed() && !fresh.state.is_closed() => {
                gaps.leave_out(bridge, &conversation.id, range)?;
            }
            Shown::Now(fresh) if fresh.state.is_closed() && fresh.ended_at.is_none() => {
                tracing::warn!(bridge = %bridge.name, conversation.id = %conversation.id, "Jelou does not tell when a conversation ended; what may have been written after it, and no webhook told, is not brought over");
                let others = || theirs.linked.iter().filter(|one| one.id != conversation.id);
                open.retain(|m| !is_here(m) || others().any(|other| m.may_be_of(other)));
                continue;
            }
            // That it ended may not have been heard either; what they wrote since went to the bot, or into
            // one that began before.
            Shown::Now(fresh) => {
                let (here, rest) = open.into_iter().partition(|m| m.may_be_of(&fresh));
                open = rest;
                lost.push(told(here, &fresh));
                continue;
            }
            Shown::Missing => {
                gaps.leave_out(bridge, &conversation.id, range)?;
                gaps.missed(&conversation.id, clock::now());
            }
            Shown::NotNow => gaps.leave_out(bridge, &conversation.id, range)?,
        }
        open.retain(|message| !is_here(message));
    }
    Ok((!kept.is_empty(), lost))
}

fn told(messages: Vec<HistoryMessage>, conversation: &Conversation) -> Vec<MessageReceived> {
    let messages = messages.into_iter();
    messages.filter_map(|m| m.told_in(conversation)).collect()
}

/// Which of these messages are kept, at whichever of these places.
async fn kept(
    jobs: &Jobs,
    bridge: &Bridge,
    places: &[Place],
    messages: &[HistoryMessage],
) -> Result<BTreeSet<MessageId>, String> {
    let mut kept = BTreeSet::new();
    let mut open: Vec<MessageId> = messages.iter().map(|m| m.id.clone()).collect();
    for place in places {
        if open.is_empty() {
            break;
        }
        let here = jobs.store.kept_messages(&bridge.name, place, &open).await;
        kept.extend(here.map_err(said)?);
        open.retain(|id| !kept.contains(id));
    }
    Ok(kept)
}

/// What Jelou says of a conversation.
enum Shown {
    /// As it is now.
    Now(Box<Conversation>),
    /// It says that there is none, or that it does not show it. So it may of one that a replica does not
    /// know yet: the second look tells.
    Missing,
    /// It may, later.
    NotNow,
}

async fn look(jobs: &Jobs, bridge: &Bridge, id: &ConversationId) -> Result<Shown, String> {
    wait_for_place(jobs, bridge, Side::Jelou).await?;
    let begun = clock::now();
    let read = bridge.jelou.conversation(id, bridge.call_timeout()).await;
    let took = clock::now().since(begun);
    let status = super::status_of(read.as_ref().err());
    jobs.metrics.call(&bridge.name, Side::Jelou, status, took);
    let target = bridge.target(Side::Jelou);
    let object = format!("conversation {id}");
    match super::learn(jobs, &target, "sweep", &object, read).await {
        Ok(conversation) => Ok(Shown::Now(Box::new(conversation))),
        Err(CallError::Gone { .. } | CallError::Refused { .. }) => Ok(Shown::Missing),
        // All are told to wait, or nobody is let in: no other would do better.
        Err(
            error @ (CallError::Locked { .. }
            | CallError::Later {
                host_wide: true, ..
            }),
        ) => Err(error.to_string()),
        // Forbidden for itself is refused by then: as long as it is not, it may be the credential.
        Err(CallError::Later { .. } | CallError::Unknown { .. } | CallError::Forbidden { .. }) => {
            Ok(Shown::NotNow)
        }
    }
}
