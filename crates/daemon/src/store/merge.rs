//! What two Lanes remember, made one memory. Neighbours: the `join` of either store, which asks when
//! the two turn out to be one customer.
//!
//! Every field is joined by its own meaning: neither memory is the better one as a whole, since
//! each Lane heard the events that came under its spelling only. All fields are named, so that a
//! new one must be thought of here.

use bridge_core::{
    conversation::Conversation,
    ids::LaneId,
    lane::{ConversationMemory, Escalation, Lane, ReportMemory, Retry, TicketMemory},
    ticket::{Order, Ticket},
    time::Timestamp,
};
use std::collections::BTreeMap;

/// What either Lane remembers is kept; what both remember is joined field by field.
pub(super) fn merge(ours: Lane, theirs: &mut Lane) {
    let both = [ours.id.clone(), theirs.id.clone()];
    for (id, memory) in ours.tickets {
        let joined = match theirs.tickets.remove(&id) {
            Some(kept) => ticket(kept, memory),
            None => memory,
        };
        theirs.tickets.insert(id, joined);
    }
    for (id, memory) in ours.conversations {
        let joined = match theirs.conversations.remove(&id) {
            Some(kept) => conversation(kept, memory),
            None => memory,
        };
        theirs.conversations.insert(id, joined);
    }
    for memory in theirs.tickets.values_mut() {
        held_here(memory, both.each_ref());
    }
}

/// Joins two memories of one ticket. What was seen is the later state: by its version where that
/// tells, else by when it was seen.
fn ticket(a: TicketMemory, b: TicketMemory) -> TicketMemory {
    let (fresh, stale) = if is_later(&b, &a) { (b, a) } else { (a, b) };
    let read_at = fresh.read_at.max(stale.read_at);
    let hint_at = fresh.hint_at.max(stale.hint_at);
    let missing_since = earliest(fresh.missing_since, stale.missing_since);
    let differ = state(&fresh) != state(&stale);
    // A cause that one Lane used up must not stand for a state that only the other one saw.
    let changes = fresh
        .changes
        .max(stale.changes)
        .saturating_add(u32::from(differ));
    let (held_elsewhere, holder_asked_at) = if fresh.holder_asked_at >= stale.holder_asked_at {
        (fresh.held_elsewhere, fresh.holder_asked_at)
    } else {
        (stale.held_elsewhere, stale.holder_asked_at)
    };
    // Who only heard of it knows nothing of whose it is.
    let (fresh_knows, stale_knows) = (fresh.seen.is_some(), stale.seen.is_some());
    let anothers = match fresh_knows == stale_knows {
        true => fresh.anothers && stale.anothers,
        false => fresh_knows && fresh.anothers || stale_knows && stale.anothers,
    };
    let came_for = fresh.came_for.or(stale.came_for);
    TicketMemory {
        partial: if fresh.seen.is_some() {
            fresh.partial
        } else {
            stale.partial
        },
        seen: fresh.seen.or(stale.seen),
        seen_at: fresh.seen_at.or(stale.seen_at),
        read_at,
        // It tells how old is what is seen.
        looked_at: fresh.looked_at.filter(|_| fresh_knows),
        hint_at: hint_at.filter(|hint| Some(*hint) > read_at),
        changes,
        open_when: fresh.open_when || stale.open_when,
        made_by_us: fresh.made_by_us || stale.made_by_us,
        made_here: fresh.made_here || stale.made_here,
        missing_since: missing_since.filter(|since| Some(*since) > read_at),
        gone: fresh.gone || stale.gone,
        told: fresh.told || stale.told,
        anothers,
        came_for: came_for.filter(|_| !fresh_knows && !stale_knows),
        came_back: fresh.came_back.filter(|_| stale.came_back.is_some()),
        held_elsewhere,
        holder_asked_at,
        // The other's Links are this one's own now.
        others: None,
        shared: fresh.shared || stale.shared,
        misjudged_at: fresh.misjudged_at.filter(|_| !differ),
        escalations: escalations(fresh.escalations, stale.escalations),
        retry: retry(fresh.retry, stale.retry),
        comments: fresh.comments.merged(stale.comments),
    }
}

/// A button that either Lane sent was sent.
fn escalations(
    mut fresh: BTreeMap<usize, Escalation>,
    stale: BTreeMap<usize, Escalation>,
) -> BTreeMap<usize, Escalation> {
    for (number, old) in stale {
        let both = fresh.entry(number).or_default();
        both.holds |= old.holds;
        both.times = both.times.max(old.times);
    }
    fresh
}

/// Forgets that a ticket is or was held by one of the Lanes that are joined: that is this one now.
fn held_here(memory: &mut TicketMemory, joined: [&LaneId; 2]) {
    let holder = memory.held_elsewhere.as_ref();
    if holder.is_some_and(|holder| joined.contains(&holder)) {
        memory.held_elsewhere = None;
        memory.holder_asked_at = None;
    }
    if let Some(others) = &mut memory.others {
        others.retain(|other| !joined.contains(&&other.lane));
    }
}

fn state(memory: &TicketMemory) -> Option<&Ticket> {
    memory.seen.as_ref()
}

fn is_later(a: &TicketMemory, than: &TicketMemory) -> bool {
    match (state(a), state(than)) {
        (Some(seen), Some(other)) => match other.version.compare(&seen.version) {
            Order::Newer => true,
            Order::Older => false,
            Order::Same | Order::Unknown => a.seen_at > than.seen_at,
        },
        (seen, other) => seen.is_some() && other.is_none(),
    }
}

/// Joins two memories of one conversation. Closed stays closed; what only one of them knows is
/// known.
fn conversation(a: ConversationMemory, b: ConversationMemory) -> ConversationMemory {
    let looked = |memory: &ConversationMemory| memory.read_at.or(memory.last_message_at);
    let (fresh, stale) = if looked(&b) > looked(&a) {
        (b, a)
    } else {
        (a, b)
    };
    let read_at = fresh.read_at.max(stale.read_at);
    let missing_since = earliest(fresh.missing_since, stale.missing_since);
    ConversationMemory {
        read_at,
        learnt_at: fresh.learnt_at.min(stale.learnt_at),
        start_event: fresh.start_event || stale.start_event,
        start_intent: fresh.start_intent.or(stale.start_intent),
        start_ticket: fresh.start_ticket.or(stale.start_ticket),
        customers_own: fresh.customers_own || stale.customers_own,
        // Taken by the Lane it is joined with is not elsewhere any more.
        taken_elsewhere: (fresh.taken_elsewhere && !stale.linked)
            || (stale.taken_elsewhere && !fresh.linked),
        // Each message came to one of the two Lanes.
        messages: fresh.messages.saturating_add(stale.messages),
        last_message_at: fresh.last_message_at.max(stale.last_message_at),
        linked: fresh.linked || stale.linked,
        candidate: fresh.candidate.or(stale.candidate),
        closed_known_at: earliest(fresh.closed_known_at, stale.closed_known_at),
        missing_since: missing_since.filter(|since| Some(*since) > read_at),
        retry: retry(fresh.retry, stale.retry),
        report: report(fresh.report, stale.report),
        seen: talk(fresh.seen, stale.seen),
    }
}

/// The one that is further: what came to the ticket does not come again.
fn report(a: Option<ReportMemory>, b: Option<ReportMemory>) -> Option<ReportMemory> {
    let far = |report: &ReportMemory| (report.end.is_some(), report.looks);
    match (a, b) {
        (Some(a), Some(b)) => Some(if far(&b) > far(&a) { b } else { a }),
        (a, b) => a.or(b),
    }
}

fn talk(fresh: Conversation, stale: Conversation) -> Conversation {
    let state = if fresh.state.is_closed() {
        fresh.state
    } else {
        stale.state
    };
    Conversation {
        id: fresh.id,
        bot: fresh.bot,
        user: fresh.user,
        room: fresh.room.or(stale.room),
        contact_name: fresh.contact_name.or(stale.contact_name),
        state,
        started_at: fresh.started_at.or(stale.started_at),
        ended_at: fresh.ended_at.or(stale.ended_at),
        assignment: fresh.assignment.or(stale.assignment),
        initial_message: fresh.initial_message.or(stale.initial_message),
    }
}

fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}

/// The more patient one: a remote that failed for either Lane is not hurried by the join.
fn retry(a: Retry, b: Retry) -> Retry {
    if b.due_at > a.due_at { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{at, conversation as talk_id, ticket as ticket_id};
    use bridge_core::{
        conversation::ConversationState,
        ids::{BotId, IntentId, UserId},
        ticket::{Requester, Status, Version},
    };
    use std::collections::BTreeMap;

    fn talk_memory(state: ConversationState) -> ConversationMemory {
        ConversationMemory {
            seen: Conversation {
                id: talk_id("c7"),
                bot: BotId::parse("b1").unwrap(),
                user: UserId::parse("551191234").unwrap(),
                room: None,
                contact_name: None,
                state,
                started_at: None,
                ended_at: None,
                assignment: None,
                initial_message: None,
            },
            read_at: None,
            learnt_at: at(10),
            start_event: false,
            start_intent: None,
            start_ticket: None,
            customers_own: false,
            taken_elsewhere: false,
            messages: 0,
            last_message_at: None,
            linked: false,
            candidate: None,
            closed_known_at: None,
            missing_since: None,
            retry: Retry::default(),
            report: None,
        }
    }

    fn closed() -> ConversationState {
        ConversationState::Closed {
            reason: "expired".to_owned(),
        }
    }

    /// Both orders must give the same.
    fn joined(a: &ConversationMemory, b: &ConversationMemory) -> ConversationMemory {
        let one = conversation(a.clone(), b.clone());
        assert_eq!(one, conversation(b.clone(), a.clone()));
        one
    }

    #[test]
    fn a_closed_conversation_stays_closed_whichever_memory_is_fresher() {
        let mut ended = talk_memory(closed());
        ended.seen.ended_at = Some(at(40));
        ended.closed_known_at = Some(at(50));
        ended.read_at = Some(at(50));
        let mut active = talk_memory(ConversationState::Active);
        active.last_message_at = Some(at(90));
        active.messages = 1;
        let one = joined(&ended, &active);
        assert_eq!(one.seen.state, closed());
        assert_eq!(one.seen.ended_at, Some(at(40)));
        assert_eq!(one.closed_known_at, Some(at(50)));
        assert_eq!(one.last_message_at, Some(at(90)));
    }

    #[test]
    fn what_either_lane_heard_of_a_conversation_is_known_after_the_join() {
        let mut started = talk_memory(ConversationState::Active);
        started.start_event = true;
        started.start_intent = Some(IntentId::parse("i1").unwrap());
        started.start_ticket = Some(ticket_id("7"));
        started.linked = true;
        started.messages = 2;
        started.learnt_at = at(5);
        let mut wrote = talk_memory(ConversationState::Active);
        wrote.read_at = Some(at(80));
        wrote.taken_elsewhere = true;
        wrote.messages = 3;
        wrote.customers_own = true;
        let one = joined(&started, &wrote);
        assert!(one.start_event && one.linked && one.customers_own);
        assert_eq!(one.start_intent, started.start_intent);
        assert_eq!(one.start_ticket, started.start_ticket);
        assert_eq!((one.messages, one.learnt_at), (5, at(5)));
        assert!(!one.taken_elsewhere, "it was taken by the other of the two");
    }

    fn ticket_memory(status: &str, version: i64, seen_at: i64) -> TicketMemory {
        TicketMemory {
            seen: Some(Ticket {
                id: ticket_id("7"),
                version: Version::Monotonic { number: version },
                status: Status::new(status),
                subject: None,
                priority: None,
                tags: Vec::new(),
                group: None,
                requester: Requester::default(),
                assignee: None,
                link_field: None,
                fields: BTreeMap::new(),
                url: None,
                created_at: None,
                merged_into: None,
            }),
            seen_at: Some(at(seen_at)),
            changes: 2,
            ..TicketMemory::default()
        }
    }

    #[test]
    fn a_ticket_is_remembered_in_its_later_state_and_with_all_marks() {
        let mut ours = ticket_memory("open", 3, 90);
        ours.made_by_us = true;
        ours.misjudged_at = Some(2);
        let mut theirs = ticket_memory("solved", 4, 80);
        theirs.open_when = true;
        theirs.gone = true;
        let one = ticket(ours.clone(), theirs.clone());
        assert_eq!(one, ticket(theirs.clone(), ours));
        assert_eq!(one.seen, theirs.seen, "versions tell, not arrival");
        assert!(one.made_by_us && one.open_when && one.gone);
        assert_eq!(one.changes, 3, "a cause of before is not used again");
        let same = ticket(theirs.clone(), theirs);
        assert_eq!(same.changes, 2);
    }

    #[test]
    fn a_hint_that_neither_lane_has_covered_by_a_read_is_kept() {
        let mut read = ticket_memory("open", 3, 50);
        read.read_at = Some(at(50));
        let mut hinted = TicketMemory {
            hint_at: Some(at(60)),
            missing_since: Some(at(40)),
            ..TicketMemory::default()
        };
        let one = ticket(read.clone(), hinted.clone());
        assert_eq!((one.hint_at, one.missing_since), (Some(at(60)), None));
        assert_eq!(one.seen, read.seen);
        hinted.hint_at = Some(at(45));
        assert_eq!(ticket(hinted, read).hint_at, None);
    }

    #[test]
    fn a_ticket_held_by_the_lane_it_is_joined_with_is_held_here() {
        let lane = |id: &str| LaneId::parse(id).unwrap();
        let mut memory = ticket_memory("open", 3, 50);
        memory.held_elsewhere = Some(lane("l2"));
        held_here(&mut memory, [&lane("l1"), &lane("l3")]);
        assert_eq!(memory.held_elsewhere, Some(lane("l2")));
        held_here(&mut memory, [&lane("l1"), &lane("l2")]);
        assert_eq!(memory.held_elsewhere, None);
    }
}
