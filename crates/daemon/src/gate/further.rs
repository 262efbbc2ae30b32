//! The calls of one operation, where it makes more than one: a rate counts calls. Neighbours: `gate`, which
//! lets an operation in; `line`, which counts; the clients, which make the calls.

use super::{Blocked, Gate, Target, Timestamp};

impl Gate {
    /// Asks for one operation of several calls, which come one after the other without asking again;
    /// [`Self::further`] is asked for those beyond.
    ///
    /// # Errors
    /// [`Blocked`] as of [`Gate::ask`].
    pub fn ask_whole(
        &self,
        target: &Target,
        who: &str,
        calls: u32,
        now: Timestamp,
    ) -> Result<(), Blocked> {
        self.let_in(target, who, now, |line| {
            line.take_whole(target.rate, who, calls, now)
        })
    }

    /// Asks for a further call of an operation that was let through: by rate and `Retry-After` alone,
    /// since the operation itself may be what shows whether the side is well. Gives back when it may
    /// go. A call that has to be made has its place at that moment; one that `can_wait` asks again then.
    ///
    /// # Errors
    /// [`Blocked`] while the host takes no calls.
    pub fn further(
        &self,
        target: &Target,
        can_wait: bool,
        now: Timestamp,
    ) -> Result<Timestamp, Blocked> {
        let mut state = self.state_at(now);
        if let Some(until) = state.host(&target.host, now) {
            return Err(Blocked {
                side: target.side,
                until,
                by: "retry_after".to_owned(),
            });
        }
        let side = (target.bridge.clone(), target.side);
        let line = &mut state.sides.entry(side).or_default().line;
        Ok(if can_wait {
            line.take_beside(target.rate, now)
                .map_or_else(|until| until, |()| now)
        } else {
            line.reserve(target.rate, now)
        })
    }
}
