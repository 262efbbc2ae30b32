//! Whether all is heard that Jelou told by some moment. Neighbours: ours and resolve, which decide
//! nothing by an event's absence before it is.
//!
//! A webhook is answered as soon as it is stored, and the Router may come to it later than this Lane
//! comes to its start: after a kill, or behind a flood. The proof would then lie in our own inbox
//! while the start is sent again.

use super::step::Turn;
use crate::{effect::Read, time::Timestamp};
use std::time::Duration;

/// The Router takes what is oldest first, and a webhook of Jelou's needs no read of a remote: mostly
/// this is enough.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the store has said of it in this Claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Inbox {
    /// All that was received by then is heard.
    heard: Option<Timestamp>,
    /// Something that was received by then is not.
    waits: Option<Timestamp>,
}

impl Turn<'_> {
    /// Whether all that Jelou told by that moment is known to be heard.
    pub(super) fn has_heard_all(&self, by: Timestamp) -> bool {
        self.lane.inbox.heard.is_some_and(|heard| heard >= by) || planted!(InboxNotAwaited)
    }

    /// Whether what Jelou told by that moment must be heard first; then it is asked for, or waited for.
    ///
    /// What is waited for is a fixed number of Deliveries: those received by that moment. They leave
    /// the Router oldest first, so the backlog at that moment bounds the wait. Should one of them
    /// never leave, `retry_for` does.
    pub(super) fn must_hear_first(&mut self, by: Timestamp) -> bool {
        if self.has_heard_all(by) {
            return false;
        }
        if self.lane.inbox.waits.is_none_or(|waits| waits > by) {
            let lane = self.lane.id.clone();
            self.want_read(Read::Unheard { lane, by }, self.now);
            return true;
        }
        let given_up = self.now.since(by) > self.rules.limits.retry_for;
        if !given_up {
            self.wake(self.now.plus(LOOK_AGAIN));
        }
        !given_up
    }

    /// The store's word, or none: then it is as if something waited.
    pub(super) fn found_unheard(&mut self, read: &Read, waits: bool) {
        let Read::Unheard { by, .. } = read else {
            return;
        };
        let inbox = &mut self.lane.inbox;
        if waits {
            inbox.waits = Some(inbox.waits.map_or(*by, |waits| waits.min(*by)));
        } else {
            inbox.heard = inbox.heard.max(Some(*by));
        }
    }
}
