//! The Router's one read, for a Delivery that does not say whose ticket it is. Neighbour: the Router,
//! which asks it under the ticket's lock.

use crate::{
    clock,
    jobs::{Jobs, ask, learn, status_of},
    runtime::Bridge,
    store::Received,
};
use bridge_core::{
    call::CallError,
    event::{Event, Side},
    ids::TicketId,
    lane::retry_at,
    ticket::Ticket,
    time::Timestamp,
};
use std::time::Duration;

/// One act may be told in several webhooks at once: Zendesk makes a sequence of events of it. A read
/// waits this long for the rest of them, since one that begins after all of them covers them all:
/// long enough for webhooks sent side by side, too short to be felt in a chat.
const GATHER: Duration = Duration::from_millis(300);

/// The last read of a ticket: it holds for every Delivery that was received before it began.
pub(super) struct LastRead {
    begun: Timestamp,
    ticket: Box<Ticket>,
}

pub(super) enum Read {
    There {
        ticket: Box<Ticket>,
        begun: Timestamp,
    },
    Gone,
    /// It will not be had: the remote says no, or has failed for too long.
    Never {
        reason: &'static str,
        detail: String,
    },
    Later {
        due_at: Timestamp,
        error: String,
    },
}

/// Reads the ticket, unless the last read covers this Delivery.
pub(super) async fn read_ticket(
    jobs: &Jobs,
    bridge: &Bridge,
    ticket: &TicketId,
    received: &Received,
    last: &mut Option<LastRead>,
) -> Read {
    if let Some(read) = last
        && read.begun >= received.received_at
    {
        return Read::There {
            ticket: read.ticket.clone(),
            begun: read.begun,
        };
    }
    let gathered = received.received_at.plus(GATHER);
    // A clock that was set back must not make this a long one.
    tokio::time::sleep(gathered.since(clock::now()).min(GATHER)).await;
    let target = bridge.target(Side::Ticketing);
    let who = format!("delivery {}", received.id);
    if let Err(blocked) = ask(jobs, &target, &who) {
        return Read::Later {
            due_at: blocked.until,
            error: format!("waiting: {}", blocked.by),
        };
    }
    let begun = clock::now();
    let found = bridge.ticketing.ticket(ticket, bridge.call_timeout()).await;
    let took = clock::now().since(begun);
    jobs.metrics.call(
        &bridge.name,
        Side::Ticketing,
        status_of(found.as_ref().err()),
        took,
    );
    let object = format!("ticket {ticket}");
    match learn(jobs, &target, &who, &object, found).await {
        Ok(ticket) => {
            let ticket = Box::new(ticket);
            *last = Some(LastRead {
                begun,
                ticket: ticket.clone(),
            });
            Read::There { ticket, begun }
        }
        Err(CallError::Gone { .. }) => Read::Gone,
        Err(error @ CallError::Refused { .. }) => Read::Never {
            reason: "refused",
            detail: error.to_string(),
        },
        Err(error) => not_now(bridge, received, &who, &error),
    }
}

/// A read that failed comes again, as long as calls are tried at all. A credential's failure is no
/// failure of this Delivery's.
fn not_now(bridge: &Bridge, received: &Received, who: &str, error: &CallError) -> Read {
    let now = clock::now();
    let of_the_credential = matches!(
        error,
        CallError::Locked { .. } | CallError::Forbidden { .. }
    );
    let waited = now.since(received.received_at);
    if waited > bridge.config.limits.rules.retry_for && !of_the_credential {
        return Read::Never {
            reason: "retries_exhausted",
            detail: error.to_string(),
        };
    }
    Read::Later {
        due_at: retry_at(received.attempts, who, now),
        error: error.to_string(),
    }
}

/// The Event carries what the Router read, so that the Lane need not read it again.
pub(super) fn fill(events: &mut [Event], ticket: &Ticket, begun: Timestamp) {
    for event in events {
        let change = match event {
            Event::TicketChanged(change) => change,
            Event::CommentAdded(comment) => &mut *comment.change,
            Event::ConversationStarted(_)
            | Event::ConversationClosed(_)
            | Event::MessageReceived(_) => continue,
        };
        change.whole = Some(Box::new(ticket.clone()));
        change.version = ticket.version;
        change.read_at = Some(begun);
    }
}
