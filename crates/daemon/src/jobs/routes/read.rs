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
    event::Side,
    ids::TicketId,
    route::{Told, missing, not_now},
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

/// Reads the ticket, unless the last read covers this Delivery.
pub(super) async fn read_ticket(
    jobs: &Jobs,
    bridge: &Bridge,
    ticket: &TicketId,
    received: &Received,
    last: &mut Option<LastRead>,
) -> Told {
    if let Some(read) = last
        && read.begun >= received.received_at
    {
        return Told::Ticket {
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
        return Told::Later {
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
            Told::Ticket { ticket, begun }
        }
        Err(CallError::Gone { .. }) => missing(received.missing_since, clock::now()),
        Err(error @ CallError::Refused { .. }) => Told::Never {
            reason: "refused",
            detail: error.to_string(),
        },
        Err(error) => {
            let retry_for = bridge.config.limits.rules.retry_for;
            not_now(received.tries(&who), retry_for, &error, clock::now())
        }
    }
}
