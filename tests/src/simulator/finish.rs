//! What follows a create at the desk: a call of its own, done or not, whatever the create's own answer
//! was. Neighbours: `calls`, which makes it with the create and by itself; `afterwards`, which asks
//! when all is quiet.

use super::{law::Law, world::World};
use bridge_core::{
    call::CallError,
    effect::{Answer, Effect},
    event::Event,
    ids::{LinkId, TicketId},
    intent::{Intent, IntentState},
    lane::Lane,
    link::Link,
};
use std::time::Duration;

/// What is wrong, if something is.
type Verdict = Option<(Law, String)>;

/// How the note begins that tells that what follows was refused.
const TOLD: &str = "could not do what follows";

/// Why a Link ended whose conversation came of another ticket's start.
const GAVE_WAY: &str = "belongs to another ticket";

/// The ticket of a create of which only what follows is left.
pub(super) fn rest_of(intent: &Intent) -> Option<&TicketId> {
    match &intent.effect {
        Effect::CreateTicket(create) => create.made.as_ref(),
        _ => None,
    }
}

impl World {
    /// What follows a create, and nothing else.
    pub(super) fn finish(
        &mut self,
        intent: &Intent,
        ticket: &TicketId,
    ) -> (Result<Answer, CallError>, Vec<Event>) {
        let (done, events) = self.after_create(intent, ticket);
        let answer = done.map(|()| Answer::Created {
            ticket: ticket.clone(),
            whole: None,
            left: None,
        });
        (answer, events)
    }

    /// The call after a create: done, refused for good, put off, or nobody knows.
    pub(super) fn after_create(
        &mut self,
        intent: &Intent,
        ticket: &TicketId,
    ) -> (Result<(), CallError>, Vec<Event>) {
        // What left before it was heard that all is done cannot be called back (history 8408702).
        let left = (intent.id.clone(), intent.sent_at);
        let stoppable = !self.judge.unstoppable.contains(&left);
        if stoppable {
            self.judge.asks(Law::FollowsOnce);
        }
        let finished = self.judge.finished.contains(&intent.id);
        if stoppable && finished && self.judge.restored.is_empty() {
            let what = format!("{} was finished, and finishes {ticket} again", intent.id);
            self.judge.breach(Law::FollowsOnce, what);
        }
        let unknown = || CallError::Unknown {
            status: None,
            reason: "nobody knows".to_owned(),
            after: None,
        };
        let how = if self.healed {
            0
        } else {
            self.follows.below(10)
        };
        match how {
            0..=4 => self.desk.follow(ticket, self.now),
            5 => {
                let reason = "no".to_owned();
                (
                    Err(CallError::Refused {
                        status: 422,
                        reason,
                    }),
                    vec![],
                )
            }
            6 | 7 => {
                let after = (how == 7).then_some(Duration::from_secs(5));
                let later = CallError::Later {
                    after,
                    status: None,
                    reason: "later".to_owned(),
                    host_wide: false,
                };
                (Err(later), vec![])
            }
            8 => (Err(unknown()), vec![]),
            _ => {
                let (done, events) = self.desk.follow(ticket, self.now);
                (done.and(Err(unknown())), events)
            }
        }
    }

    /// A commit was taken: creates that are done with all that follows.
    pub(super) fn finished(&mut self, after: &Lane) {
        let done = |i: &&Intent| {
            i.state == IntentState::Confirmed && matches!(i.effect, Effect::CreateTicket(_))
        };
        let done = after.intents.iter().filter(done).map(|i| i.id.clone());
        for id in done {
            if !self.judge.finished.contains(&id) {
                let on_their_way = self.on_their_way(&id).map(|at| (id.clone(), at));
                let on_their_way: Vec<_> = on_their_way.collect();
                self.judge.unstoppable.extend(on_their_way);
                self.judge.finished.insert(id);
            }
        }
        let gave_way = |l: &&Link| l.ended.as_ref().is_some_and(|e| e.reason == GAVE_WAY);
        let gave_way = after.links.iter().filter(gave_way).map(|l| l.id.clone());
        self.judge.gave_way.extend(gave_way);
    }

    /// When all is quiet: what follows a create was done, or a person is asked, or its ticket says so.
    pub(super) fn all_is_finished(&self) -> Verdict {
        if !self.shape.follows {
            return None;
        }
        for lane in self.store.lanes() {
            for intent in &lane.intents {
                let asks = matches!(intent.state, IntentState::Parked | IntentState::Observed);
                let decided = self.judge.decided.contains(&intent.link);
                let creates = matches!(intent.effect, Effect::CreateTicket(_));
                if asks || decided || !creates {
                    continue;
                }
                self.judge.asks(Law::FollowsDone);
                let ticket = self.unfinished(&intent.link);
                if let Some(ticket) = ticket.filter(|t| !self.is_out_of_reach(t, lane.lane, intent))
                {
                    let state = intent.state.as_str();
                    let what = format!(
                        "{ticket} is made, and {} is {state} before what follows",
                        intent.id
                    );
                    return Some((Law::FollowsDone, what));
                }
            }
        }
        None
    }

    /// Whether the create's ticket is none of its Lane's: nobody knows that it is there; or twice it was not
    /// found and so counts as gone, although it is; or another customer's Lane has it, and may not get this
    /// customer put on it.
    fn is_out_of_reach(&self, ticket: &TicketId, lane: &Lane, intent: &Intent) -> bool {
        let denied = self.counts_as_gone(ticket);
        let has_it = |l: &Link| l.ticket_id() == Some(ticket);
        let mut others = self.store.lanes().filter(|other| other.lane.id != lane.id);
        // Its answer never came, and its conversation turned out to be another ticket's: done once more, a
        // ticket might come of it that nobody wants.
        let gave_way = self.judge.gave_way.contains(&intent.link);
        let unanswered = rest_of(intent).is_none();
        match intent.state {
            IntentState::Withdrawn => denied || unanswered && gave_way,
            IntentState::Confirmed => others.any(|other| other.links.iter().any(|l| has_it(l))),
            IntentState::Planned
            | IntentState::Sent
            | IntentState::Unknown
            | IntentState::Refused
            | IntentState::Parked
            | IntentState::Observed => false,
        }
    }

    /// A ticket that was made for this Link, and none of those had done to it what follows.
    fn unfinished(&self, link: &LinkId) -> Option<TicketId> {
        let made = self.judge.all_made_for(link);
        let is_done = |id: &TicketId| {
            let record = self.desk.records.get(id);
            let told = record.is_some_and(|r| r.notes.iter().any(|n| n.contains(TOLD)));
            let mute = record.is_none_or(|r| r.gone || r.ticket.status.as_str() == "closed");
            told || mute || self.desk.followed.contains_key(id)
        };
        let first = made.first().cloned();
        first.filter(|_| !made.iter().any(is_done))
    }
}
