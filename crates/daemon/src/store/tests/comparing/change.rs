//! Small things that happen to a Lane. Neighbour: `working`, which commits them on both stores.

use super::*;

/// One or two small things happen to a Lane.
pub(super) fn change(lane: &mut Lane, now: i64, dice: &mut Dice) {
    for _ in 0..=dice.below(2) {
        match dice.below(10) {
            0..=1 => {
                let id = |dice: &mut Dice| (!dice.once_in(4)).then(|| dice.digit());
                let (ticket, talk) = (id(dice), id(dice));
                let mut new = link(lane, ticket.as_deref(), talk.as_deref());
                new.created_at = at(now);
                lane.links.push(new);
                lane.next_link += 1;
            }
            2 => {
                let live = lane.links.iter_mut().filter(|l| l.is_live());
                if let Some(one) = live.last() {
                    one.ended = Some(Ended {
                        at: at(now),
                        reason: "closed".to_owned(),
                        observed_since: None,
                    });
                }
            }
            3..=4 => follow_up(lane, now, dice),
            5 => {
                let memory = TicketMemory {
                    seen_at: Some(at(now)),
                    ..TicketMemory::default()
                };
                lane.tickets.insert(ticket(&dice.digit()), memory);
            }
            6 => {
                let applied = dice.once_in(2);
                let fate = if applied {
                    Fate::Applied
                } else {
                    Fate::Ignored {
                        reason: "same".to_owned(),
                    }
                };
                let settled: Vec<_> = lane
                    .pending
                    .drain(..lane.pending.len().min(2))
                    .map(|p| (p.delivery, p.position, fate.clone()))
                    .collect();
                lane.fates.extend(settled);
            }
            7 => tell(lane, now, dice),
            _ => plan(lane, now, dice),
        }
    }
}

fn plan(lane: &mut Lane, now: i64, dice: &mut Dice) {
    // `close` speaks of the first Link.
    if lane
        .links
        .first()
        .is_some_and(|l| l.conversation_id().is_some())
    {
        let mut planned = close(lane, lane.next_intent, &dice.below(3).to_string());
        planned.planned_at = at(now);
        lane.intents.push(planned);
        lane.next_intent += 1;
    }
}

fn follow_up(lane: &mut Lane, now: i64, dice: &mut Dice) {
    let number = dice.below(lane.intents.len().max(1));
    let state = dice.below(5);
    let Some(intent) = lane.intents.get_mut(number) else {
        return;
    };
    if state < 4 {
        intent.parked = None;
    }
    match state {
        0 => intent.state = IntentState::Withdrawn,
        1 => {
            intent.state = IntentState::Planned;
            intent.planned_at = at(now);
        }
        2 => {
            intent.state = IntentState::Confirmed;
            intent.confirmed_at = Some(at(now));
        }
        3 => {
            intent.state = IntentState::Parked;
            intent.parked = Some(Parked {
                reason: "refused".to_owned(),
                detail: "no".to_owned(),
                remedy: "look".to_owned(),
                at: at(now),
            });
        }
        _ => intent.held = intent.state == IntentState::Planned,
    }
}

fn tell(lane: &mut Lane, now: i64, dice: &mut Dice) {
    // Without the dice, whose row the rest of the history goes by.
    if now % 3 == 0
        && let Some(message) = lane.messages.iter_mut().find(|m| m.waits())
    {
        message.outcome = Some(Outcome::Relayed);
    }
    lane.journal.push(Entry {
        at: at(now),
        kind: EntryKind::Decision,
        sentence: "something was decided".to_owned(),
        rule: None,
        link: lane.links.last().map(|l| l.id.clone()),
        ticket: Some(ticket(&dice.digit())),
        conversation: None,
    });
    let said_in = dice.digit();
    let place = match now % 2 {
        0 => Place::Conversation {
            id: conversation(&said_in),
        },
        _ => Place::Ticket {
            id: ticket(&said_in),
        },
    };
    lane.messages.push(Message {
        place,
        id: MessageId::parse(&dice.digit()).unwrap(),
        at: at(now),
        media: None,
        outcome: None,
        kind: "text".to_owned(),
        body: Some("Olá".into()),
        content: serde_json::Value::Null,
    });
}
