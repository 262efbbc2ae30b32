//! What a Claim looks up: the store answers at once, a remote by a call. Neighbours: `claims`, which is told; `calls`,
//! which makes the call.

use super::{
    calls::{Owner, What},
    claims::LaneTask,
    queue::TaskId,
    world::World,
};
use bridge_core::{
    call::CallError,
    effect::{Found, Read},
    event::Side,
    ids::ConversationId,
    report::InReport,
    session::Came,
    time::Timestamp,
};
use std::time::Duration;

/// The report is gathered for so long, milliseconds, and told for as long.
const REPORT_READ_MS: i64 = 2_000;

impl World {
    pub(super) fn look_at(&mut self, id: TaskId, mut task: LaneTask, read: Read) {
        let begun = self.clock(task.replica);
        let side = match &read {
            Read::TicketHolder { ticket } => {
                let holders = self.store.holders_of_ticket(&self.bridge, ticket);
                let told = self.store.routed_of_ticket(&self.bridge, ticket);
                let found = Ok(Found::Holders { holders, told });
                return self.came(id, task, Came::Observed { begun, found });
            }
            Read::Written { ticket, besides } => {
                let entries = self.store.written_on_ticket(&self.bridge, ticket, besides);
                let found = Ok(Found::Written { entries });
                return self.came(id, task, Came::Observed { begun, found });
            }
            Read::Unheard { lane, by } => {
                let waits = self.store.has_unheard(&self.bridge, lane, *by, begun);
                let found = Ok(Found::Unheard { waits });
                return self.came(id, task, Came::Observed { begun, found });
            }
            Read::Report { conversation, .. } => {
                let found = self.in_report(conversation, begun);
                return self.came(id, task, Came::Observed { begun, found });
            }
            Read::Conversation { .. } => Side::Jelou,
            Read::Ticket { .. }
            | Read::OpenTickets { .. }
            | Read::TicketsByConversation { .. }
            | Read::Comments { .. }
            | Read::NoteOnTicket { .. } => Side::Ticketing,
        };
        let calls = task.session.lane().calls_from(&read);
        let who = task.claim.lane.as_str();
        if let Err(blocked) = self.ask_for(task.replica, side, who, calls) {
            return self.came(id, task, Came::Blocked(blocked));
        }
        if !self.keep_lease(&mut task) {
            return self.lost(&task);
        }
        let (replica, who) = (task.replica, task.claim.lane.as_str().to_owned());
        self.lanes.insert(id, task);
        self.call(Owner::Lane(id), replica, who, What::Look(read));
    }

    /// What the process has of the report: read for others too, or not at all while Jelou takes no calls.
    fn in_report(&self, conversation: &ConversationId, now: Timestamp) -> Result<Found, CallError> {
        let closed = [&self.down_until, &self.locked_until];
        if closed
            .iter()
            .any(|until| until.get(&Side::Jelou).is_some_and(|at| self.now < *at))
        {
            return Err(CallError::Later {
                after: None,
                status: None,
                reason: "the report could not be read".to_owned(),
                host_wide: false,
            });
        }
        if self.now.0 / REPORT_READ_MS % 2 == 0 {
            let until = now.plus(Duration::from_millis(REPORT_READ_MS.unsigned_abs()));
            return Ok(Found::Report(InReport::Gathering { until }));
        }
        let told = self.jelou.in_report(conversation, self.now);
        Ok(Found::Report(told))
    }
}
