//! What a body means, and whose it is: as the Router would find out, but without the store.
//! Neighbours: the adapters' `webhook::parse`; `drive`, which takes it from here.

use super::{Explanation, Question, ReadNeeded, reads};
use bridge_core::{
    effect::{Found, Read},
    event::{Event, Parsed, Side, TicketChanged},
    ids::{BotId, LaneId, UserId},
    lane::Lane,
    route::{Part, apart},
    ticket::Ticket,
};

/// The Lane to step and the Events to tell it; `None` where the way ends before.
pub(super) async fn route(
    question: &Question<'_>,
    explanation: &mut Explanation,
) -> Option<(Lane, Vec<Event>)> {
    let (parsed, others) = apart(parse(question));
    for Part { object, .. } in others {
        explanation.note(format!(
            "It tells of {object} too, which goes its own way: explain that with a body that names it alone"
        ));
    }
    let mut events = match parsed {
        Parsed::Events(events) => events,
        Parsed::Ignored(reason) => {
            explanation.note(format!("It would be ignored: {reason}"));
            return None;
        }
        Parsed::Parked { reason, detail } => {
            explanation.note(format!("It would be parked ({reason}): {detail}"));
            return None;
        }
    };
    explanation.events = events.iter().map(Event::kind).collect();
    let first = events.first().cloned();
    let lane = match (&question.lane, first) {
        (Some(lane), _) => lane.clone(),
        (None, Some(first)) => empty_lane(question, &first, &mut events, explanation).await?,
        (None, None) => {
            explanation.note("It would be ignored: no_event");
            return None;
        }
    };
    Some((lane, events))
}

fn parse(question: &Question<'_>) -> Parsed {
    let config = &question.bridge.config;
    match question.side {
        Side::Jelou => jelou_adapter::webhook::parse(
            question.body,
            &config.jelou.client.project_id,
            &config.jelou.bots,
        ),
        // Headers carry the proof and the delivery's id; no built-in profile reads more from them.
        Side::Ticketing => ticketing_adapter::webhook::parse(
            &config.profile,
            &config.ticketing,
            &[],
            question.body,
        ),
    }
}

/// A Lane of which nothing is known, for the customer of the first Event.
async fn empty_lane(
    question: &Question<'_>,
    first: &Event,
    events: &mut [Event],
    explanation: &mut Explanation,
) -> Option<Lane> {
    let told = match first {
        Event::TicketChanged(told) => told,
        Event::CommentAdded(comment) => &*comment.change,
        Event::ConversationStarted(_)
        | Event::ConversationClosed(_)
        | Event::MessageReceived(_) => {
            let talk = first.conversation()?;
            return new_lane(question, talk.bot.clone(), talk.user.clone());
        }
    };
    let ticket = whole(question, told, events, explanation).await?;
    let bot = question.bridge.config.jelou.bots.first()?.clone();
    match question.bridge.config.mapping.user_id(&ticket) {
        Ok(Some(user)) => new_lane(question, bot, user),
        Ok(None) => {
            explanation.note(format!(
                "Ticket {} names no customer, so it would be ignored: no_customer [mapping.conversation.user_id]",
                ticket.id
            ));
            None
        }
        Err(error) => {
            explanation.note(format!("It would be parked (mapping): {error}"));
            None
        }
    }
}

/// The whole ticket: as told, or by the one read that the Router would make.
async fn whole(
    question: &Question<'_>,
    told: &TicketChanged,
    events: &mut [Event],
    explanation: &mut Explanation,
) -> Option<Ticket> {
    if let Some(whole) = &told.whole {
        return Some((**whole).clone());
    }
    let read = Read::Ticket {
        id: told.ticket.clone(),
    };
    if !question.read {
        explanation.reads.push(ReadNeeded {
            sentence: read.to_string(),
            made: false,
            error: None,
        });
        explanation.note(format!(
            "The event does not carry ticket {} whole: its customer is known after that read",
            told.ticket
        ));
        return None;
    }
    let found = reads::make(question.bridge, &read).await;
    let error = found.as_ref().err().map(ToString::to_string);
    explanation.reads.push(ReadNeeded {
        sentence: read.to_string(),
        made: true,
        error,
    });
    let Ok(Found::Ticket(ticket)) = found else {
        explanation.note(format!("Ticket {} could not be read", told.ticket));
        return None;
    };
    for event in events {
        fill(event, &ticket, question);
    }
    Some(*ticket)
}

/// The Event carries what was read, as after the Router's read.
fn fill(event: &mut Event, ticket: &Ticket, question: &Question<'_>) {
    let change = match event {
        Event::TicketChanged(change) => change,
        Event::CommentAdded(comment) => &mut *comment.change,
        Event::ConversationStarted(_)
        | Event::ConversationClosed(_)
        | Event::MessageReceived(_) => return,
    };
    change.whole = Some(Box::new(ticket.clone()));
    change.version = ticket.version;
    change.read_at = Some(question.now);
}

fn new_lane(question: &Question<'_>, bot: BotId, user: UserId) -> Option<Lane> {
    // The id is never stored; it shows in the names of what is planned.
    let id = LaneId::parse("explain").ok()?;
    Some(Lane::new(id, question.bridge.name.clone(), bot, user))
}
