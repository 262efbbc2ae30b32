//! The reads that a plan rests on: made, or taken as not answered yet. Neighbour: `drive`, which is
//! asked for them by the state machine.

use crate::{clock, runtime::Bridge};
use bridge_core::{
    call::CallError,
    effect::{Found, Read},
    report::InReport,
};
use std::{collections::BTreeSet, time::Duration};

/// An unmade read is told to come back after this: beyond what `explain` looks ahead, so that the
/// state machine goes on with what else there is to do.
const NOT_MADE: Duration = Duration::from_secs(3600);

/// Makes one read within the bridge's call timeout. Who holds a ticket and what waits for the Router are
/// the store's to say, which is not asked here: the one is taken as free, the other as nothing.
pub(super) async fn make(bridge: &Bridge, read: &Read) -> Result<Found, CallError> {
    let deadline = bridge.call_timeout();
    match read {
        Read::Conversation { id } => {
            let found = bridge.jelou.conversation(id, deadline).await?;
            Ok(Found::Conversation(Box::new(found)))
        }
        Read::Ticket { id } => {
            let found = bridge.ticketing.ticket(id, deadline).await?;
            Ok(Found::Ticket(Box::new(found)))
        }
        Read::OpenTickets { requester_id } => {
            let tickets = bridge
                .ticketing
                .open_tickets(requester_id, deadline)
                .await?;
            Ok(Found::Tickets { tickets })
        }
        Read::TicketsByConversation { conversation } => {
            let tickets = bridge
                .ticketing
                .tickets_by_conversation(conversation, deadline)
                .await?;
            Ok(Found::Tickets { tickets })
        }
        Read::NoteOnTicket { ticket, text } => {
            let there = bridge.ticketing.has_note(ticket, text, deadline).await?;
            Ok(Found::Note { there })
        }
        Read::Comments { ticket } => {
            let comments = bridge.ticketing.comments(ticket, deadline).await?;
            Ok(Found::Comments { comments })
        }
        Read::TicketHolder { .. } => Ok(Found::Holders {
            holders: Vec::new(),
            told: Vec::new(),
        }),
        Read::Written { .. } => Ok(Found::Written {
            entries: BTreeSet::new(),
        }),
        Read::Unheard { .. } => Ok(Found::Unheard { waits: false }),
        Read::Report { .. } => Ok(not_gathered()),
    }
}

/// The report is read for many at once, by the daemon; no event of now is in it.
fn not_gathered() -> Found {
    Found::Report(InReport::Gathering {
        until: clock::now().plus(NOT_MADE),
    })
}

/// What the state machine is told of a read that is not made, and what is thereby assumed.
pub(super) fn without(read: &Read) -> (Result<Found, CallError>, Option<String>) {
    match read {
        Read::OpenTickets { .. } => (
            Ok(Found::Tickets { tickets: Vec::new() }),
            Some("Assumed: the customer has no open ticket that could be taken [mapping.ticket.reuse]".to_owned()),
        ),
        Read::TicketHolder { ticket } => (
            Ok(Found::Holders { holders: Vec::new(), told: Vec::new() }),
            Some(format!("Assumed: no other customer's link has or had ticket {ticket}")),
        ),
        Read::Comments { ticket } => (
            Ok(Found::Comments { comments: Vec::new() }),
            Some(format!("Assumed: nothing was said on ticket {ticket} that no webhook told")),
        ),
        // What is explained is all that came.
        Read::Unheard { .. } => (Ok(Found::Unheard { waits: false }), None),
        Read::Written { .. } => (Ok(Found::Written { entries: BTreeSet::new() }), None),
        Read::Report { .. } => (Ok(not_gathered()), None),
        Read::Conversation { .. }
        | Read::Ticket { .. }
        | Read::TicketsByConversation { .. }
        | Read::NoteOnTicket { .. } => {
            let reason = "not read by explain".to_owned();
            (Err(CallError::Later { after: Some(NOT_MADE), status: None, reason, host_wide: false }), None)
        }
    }
}

/// Whether a read asks a remote.
pub(super) fn is_remote(read: &Read) -> bool {
    !matches!(
        read,
        Read::TicketHolder { .. } | Read::Written { .. } | Read::Unheard { .. }
    )
}
