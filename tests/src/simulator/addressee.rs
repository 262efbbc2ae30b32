//! To whom words go: an agent's to whom they were said, a customer's onto a ticket that is theirs. Neighbours:
//! `listener`, who judges that they go once and as they were said; `speech`, where they are said.

use super::{law::Law, world::World};
use bridge_core::{
    effect::{SendMessage, StartConversation},
    ids::{MessageId, TicketId, UserId},
    lane::Lane,
    link::{Ended, Link, Origin, TicketSide},
    ticket::Ticket,
};
use std::{collections::BTreeSet, time::Duration};

/// What is said so shortly before the bridge goes live may go out after it: the desk's clock may be behind ours,
/// and tell whole seconds.
const SAID_AS_IT_WENT_LIVE: Duration = Duration::from_secs(4);

/// What is wrong, if something is.
type Verdict = Option<(Law, String)>;

impl World {
    /// An agent's words are said: to the ticket's requester, and to whoever has it by a live Link, as Jelou spells
    /// them.
    pub fn is_said_to(&mut self, ticket: &TicketId, comment: &MessageId) {
        let mut lanes = self.store.lanes();
        if !lanes.any(|lane| lane.lane.tickets.contains_key(ticket)) {
            let said = (ticket.clone(), comment.clone());
            self.judge.ears.unseen.insert(said);
        }
        let record = self.desk.records.get(ticket);
        let requester = record.and_then(|r| self.customer_of(&r.ticket));
        let lanes = self.store.lanes();
        let holders = lanes.filter(|lane| {
            let mut links = lane.links.iter();
            links.any(|l| self.has_or_gets(l, ticket))
        });
        let mut to: BTreeSet<String> = holders.map(|lane| self.spelled(&lane.lane.user)).collect();
        to.extend(requester);
        let said = (ticket.clone(), comment.clone());
        self.judge.ears.said_to.insert(said, to);
    }

    /// A Link comes to be with its commit, and hears what is said since the step that decided on it: no step
    /// knows when its commit will be taken (history 2172776).
    pub(super) fn is_said_since_the_step(&mut self, before: &Lane, after: &Lane) {
        let user = self.spelled(&after.user);
        for link in after.links.iter().filter(|l| l.is_live()) {
            let Some(ticket) = link.ticket_id() else {
                continue;
            };
            let had_it = |l: &Link| l.is_live() && l.ticket_id() == Some(ticket);
            let record = self.desk.records.get(ticket);
            let Some(record) = record.filter(|_| !before.links.iter().any(had_it)) else {
                continue;
            };
            let since = |at| at >= link.has_ticket_since();
            for said in record.said.iter().filter(|k| k.at.is_some_and(since)) {
                let said_to = &mut self.judge.ears.said_to;
                if let Some(to) = said_to.get_mut(&(ticket.clone(), said.id.clone())) {
                    to.insert(user.clone());
                }
            }
        }
    }

    /// Of words that were said when no Lane knew of their ticket nobody can know an earlier requester than the first
    /// one that a Lane sees (histories 34508 and 1906682).
    pub(super) fn is_said_to_the_first_seen(&mut self, before: &Lane, after: &Lane) {
        let sees = |lane: &Lane, ticket: &TicketId| {
            let memory = lane.tickets.get(ticket);
            memory.is_some_and(|m| m.seen.is_some())
        };
        let is_first = |ticket: &TicketId| {
            let mut lanes = self.store.lanes().filter(|lane| lane.lane.id != after.id);
            sees(after, ticket) && !sees(before, ticket) && !lanes.any(|l| sees(l.lane, ticket))
        };
        let unseen = self.judge.ears.unseen.iter();
        let first: Vec<_> = unseen
            .filter(|(ticket, _)| is_first(ticket))
            .cloned()
            .collect();
        for key in first {
            let seen = after.tickets.get(&key.0).and_then(|m| m.seen.as_ref());
            let requester = seen.and_then(|seen| self.customer_of(seen));
            if let Some(to) = self.judge.ears.said_to.get_mut(&key) {
                to.extend(requester);
            }
        }
    }

    /// The bridge goes live: what was heard of for a half Link, which ends with that, is of before (rule 17).
    pub(super) fn is_of_before(&mut self) {
        let mut of_before = Vec::new();
        for lane in self.store.lanes() {
            let half = lane.links.iter().filter(|l| l.is_live() && !l.is_whole());
            for ticket in half.filter_map(|l| l.ticket_id()) {
                let waiting = self.judge.ears.waiting(&lane.lane.id, ticket);
                of_before.extend(waiting.into_iter().map(|id| (ticket.clone(), id)));
            }
        }
        self.judge.ears.of_before.extend(of_before);
    }

    /// Whether these words are of before the bridge went live, by all clocks, and the Link that they were heard of for
    /// ended with that: a Claim from before may have kept it.
    fn was_said_before_live(&self, key: &(TicketId, MessageId)) -> bool {
        let (ticket, comment) = key;
        let record = self.desk.records.get(ticket);
        let said = record.and_then(|r| r.said.iter().find(|k| k.id == *comment));
        let until = self.judge.live_since.map(|live| {
            let by_all_clocks = live.minus(self.clocks_behind());
            by_all_clocks.minus(SAID_AS_IT_WENT_LIVE)
        });
        let at = said.and_then(|k| k.at);
        let before = at.is_some_and(|at| until.is_some_and(|until| at <= until));
        before
            && self.judge.ears.of_before.contains(key)
            && self.store.lanes().any(|lane| {
                let of_ticket = lane.links.iter().filter(|l| l.ticket_id() == Some(ticket));
                let mut ends = of_ticket.filter_map(|l| l.ended.as_ref());
                ends.any(|ended| ended.reason == Ended::WENT_LIVE)
            })
    }

    /// How far the clock of a process is behind the desk's, at most.
    fn clocks_behind(&self) -> Duration {
        let clocks = self.replicas.iter().map(|r| r.clock);
        let behind = clocks.min().unwrap_or_default().min(0).unsigned_abs();
        Duration::from_millis(behind)
    }

    /// Whether a live Link has a ticket, or the ticket was made for it and the answer to that is on its way, or lost.
    pub(super) fn has_or_gets(&self, link: &Link, ticket: &TicketId) -> bool {
        let record = self.desk.records.get(ticket);
        let made_for = record.and_then(|r| r.ticket.link_field.as_ref());
        let gets = link.ticket == TicketSide::Wanted
            && made_for.is_some()
            && link.conversation_id() == made_for;
        link.is_live() && (link.ticket_id() == Some(ticket) || gets)
    }

    /// What goes out goes to whom it was said to.
    pub(super) fn went_to_whom(&self, said: &SendMessage) -> Verdict {
        let key = (said.ticket.clone(), said.comment.clone());
        let to = self.judge.ears.said_to.get(&key)?;
        let heard = self.spelled(&said.message.user);
        let (comment, ticket) = (&said.comment, &said.ticket);
        let decided = self.was_decided_of_ticket(&said.ticket);
        let excused = self.is_since_by_the_clocks(said, &heard) || decided;
        if excused {
            self.judge.excuses(Law::ToWhom);
            return None;
        }
        self.judge.asks(Law::ToWhom);
        if self.was_said_before_live(&key) {
            let what = format!("{comment} of {ticket} is of before the bridge went live");
            return Some((Law::ToWhom, what));
        }
        if to.contains(&heard) {
            return None;
        }
        let what = format!("{comment} of {ticket} was said to {to:?} and goes to {heard}");
        Some((Law::ToWhom, what))
    }

    /// Whether words that are older than the Link are since it by the clock of the process that made it, which
    /// is behind the desk's, a little or since it was set back (histories 20359052, 20379740, 20196559 and
    /// 20288216).
    fn is_since_by_the_clocks(&self, said: &SendMessage, heard: &str) -> bool {
        let record = self.desk.records.get(&said.ticket);
        let comment = record.and_then(|r| r.said.iter().find(|k| k.id == said.comment));
        let behind = self.clocks_behind();
        let Some(at) = comment.and_then(|k| k.at).filter(|_| !behind.is_zero()) else {
            return false;
        };
        let mut lanes = self.store.lanes();
        lanes.any(|lane| {
            let of_ticket = |l: &&Link| l.ticket_id() == Some(&said.ticket);
            let mut made = lane
                .links
                .iter()
                .copied()
                .filter(of_ticket)
                .map(Link::has_ticket_since);
            let hears = self.spelled(&lane.lane.user) == heard;
            hears && made.any(|made| made <= at && at <= made.plus(behind))
        })
    }

    /// A start goes to whose ticket it is, unless people gave that ticket away.
    pub(super) fn asks_its_customer(&self, start: &StartConversation) -> Verdict {
        let decided = self.was_decided_of_ticket(&start.ticket);
        let given = self.was_given_away(&start.ticket) || decided;
        if given {
            self.judge.excuses(Law::ToWhom);
            return None;
        }
        let record = self.desk.records.get(&start.ticket)?;
        let requester = self.customer_of(&record.ticket)?;
        let asked = self.spelled(&start.user);
        let ticket = &start.ticket;
        let what = format!("{ticket} of {requester} starts a conversation with {asked}");
        (requester != asked).then_some((Law::ToWhom, what))
    }

    /// A customer's conversation goes onto no ticket that is known to be somebody else's, unless it names it.
    pub(super) fn goes_onto_its_own(&self, before: &Lane, after: &Lane) -> Verdict {
        let is_new = |l: &&Link| before.link(&l.id).is_none() && l.origin == Origin::Conversation;
        let customer = self.spelled(&after.user);
        let mut new = after.links.iter().filter(is_new);
        new.find_map(|link| {
            let (ticket, talk) = (link.ticket_id()?, link.conversation_id()?);
            let named = after.conversations.get(talk)?.start_ticket.as_ref() == Some(ticket);
            let seen = after.tickets.get(ticket)?.seen.as_ref()?;
            let requester = self.customer_of(seen)?;
            let what = format!("{talk} of {customer} goes onto {ticket} of {requester}");
            (!named && requester != customer).then_some((Law::ToWhom, what))
        })
    }

    /// A Link follows a merge to a ticket that is known as its customer's, or as whose the merged one was.
    pub(super) fn follows_its_own(&self, before: &Lane, after: &Lane) -> Verdict {
        let customer = self.spelled(&after.user);
        let whose = |id: &TicketId| self.customer_of(after.tickets.get(id)?.seen.as_ref()?);
        let mut live = after.links.iter().filter(|l| l.is_live());
        live.find_map(|link| {
            let left = before.link(&link.id)?.ticket_id()?;
            let into = link.ticket_id().filter(|into| *into != left)?;
            if self.judge.decided.contains(&link.id) {
                return None;
            }
            self.judge.asks(Law::FollowsItsOwn);
            let (was, is) = (whose(left), whose(into)?);
            let what = format!(
                "{} of {customer} follows {left} into {into} of {is}",
                link.id
            );
            (is != customer && was.as_ref() != Some(&is)).then_some((Law::FollowsItsOwn, what))
        })
    }

    fn customer_of(&self, ticket: &Ticket) -> Option<String> {
        let user = self.mapping.user_id(ticket).ok().flatten()?;
        Some(self.spelled(&user))
    }

    fn spelled(&self, user: &UserId) -> String {
        self.jelou.canonical(user.as_str())
    }
}
