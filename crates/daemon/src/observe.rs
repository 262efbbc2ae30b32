//! Reads one thing of a remote; or of our own store, where the state machine asks who holds a ticket,
//! what others wrote on it or what it has not heard yet; or of the board, where the report is gathered. Neighbour: perform, which
//! writes.

use crate::{
    clock,
    jobs::{Board, Wish},
    runtime::Bridge,
    store::{Store, StoreError},
};
use bridge_core::{
    call::CallError,
    effect::{Found, Read},
    ids::{BridgeName, TicketId},
};

/// Whose a ticket is and was.
async fn holders(
    store: &Store,
    bridge: &BridgeName,
    ticket: &TicketId,
) -> Result<Found, StoreError> {
    Ok(Found::Holders {
        holders: store.holders_of_ticket(bridge, ticket).await?,
        told: store.routed_of_ticket(bridge, ticket).await?,
    })
}

/// Makes one read within the bridge's call timeout.
///
/// # Errors
/// [`CallError`], sorted by what must happen next.
pub async fn observe(
    bridge: &Bridge,
    store: &Store,
    reports: &Board,
    read: &Read,
) -> Result<Found, CallError> {
    let deadline = bridge.call_timeout();
    match read {
        Read::Conversation { id } => bridge
            .jelou
            .conversation(id, deadline)
            .await
            .map(|found| Found::Conversation(Box::new(found))),
        Read::Ticket { id } => bridge
            .ticketing
            .ticket(id, deadline)
            .await
            .map(|found| Found::Ticket(Box::new(found))),
        Read::OpenTickets { requester_id } => bridge
            .ticketing
            .open_tickets(requester_id, deadline)
            .await
            .map(|tickets| Found::Tickets { tickets }),
        Read::TicketsByConversation { conversation } => bridge
            .ticketing
            .tickets_by_conversation(conversation, deadline)
            .await
            .map(|tickets| Found::Tickets { tickets }),
        Read::Comments { ticket } => bridge
            .ticketing
            .comments(ticket, deadline)
            .await
            .map(|comments| Found::Comments { comments }),
        Read::NoteOnTicket { ticket, text } => bridge
            .ticketing
            .has_note(ticket, text, deadline)
            .await
            .map(|there| Found::Note { there }),
        Read::TicketHolder { ticket } => holders(store, &bridge.name, ticket).await.map_err(unread),
        Read::Written { ticket, besides } => store
            .written_on_ticket(&bridge.name, ticket, besides)
            .await
            .map(|entries| Found::Written { entries })
            .map_err(unread),
        Read::Unheard { lane, by } => store
            .has_unheard(&bridge.name, lane, *by, clock::now())
            .await
            .map(|waits| Found::Unheard { waits })
            .map_err(unread),
        Read::Report {
            conversation,
            began,
            ended,
            look,
        } => {
            let wish = Wish {
                began: *began,
                ended: *ended,
                look: *look,
            };
            reports
                .ask(&bridge.name, conversation, wish, clock::now())
                .map(Found::Report)
        }
    }
}

/// The store did not answer: surely nothing was changed by asking.
fn unread(error: StoreError) -> CallError {
    CallError::Later {
        after: None,
        status: None,
        reason: error.to_string(),
        host_wide: false,
    }
}
