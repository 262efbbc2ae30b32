//! A burst: agents, customers and operators who do what they like, all at once. Neighbours: the
//! sandboxes, in which they act; `laws`, which goes by what is written down here of their acts.

use crate::chance::Chance;
use bridge_sandbox::{Helpdesk, Jelou, helpdesk::NewTicket};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::sync::watch;

/// A customer has this many tickets at most: enough for two that race for one conversation.
const TICKETS_EACH: usize = 2;

/// Tries to find an act that is possible just now; opening a ticket for somebody nearly always is.
const TRIES: usize = 50;

/// The longest pause between two acts. The mean makes five hundred take about two seconds, which is
/// faster than the daemon on two cores can follow.
const PAUSE_MOST_MS: usize = 8;

/// The statuses agents set; `closed` is final and would end a ticket's story too early.
const STATUSES: [&str; 3] = ["open", "pending", "solved"];

/// What people did, as far as the laws need it.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Tickets made by agents, each with its customer.
    pub opened: BTreeMap<String, String>,
    /// Conversations closed at Jelou, and with which reason.
    pub closed: BTreeMap<String, &'static str>,
    /// Tickets whose status an agent set.
    pub touched: BTreeSet<String>,
    /// How often an agent took a ticket out of `solved`.
    pub reopened: BTreeMap<String, usize>,
    /// How many acts.
    pub acts: usize,
}

/// The people.
pub struct Burst {
    jelou: Jelou,
    helpdesk: Helpdesk,
    chance: Chance,
    customers: usize,
    told: Told,
}

/// A customer as Jelou spells them.
#[must_use]
pub fn user(number: usize) -> String {
    format!("55119{:08}", 80_000_000 + number)
}

/// The same customer as an agent writes them.
#[must_use]
pub fn phone(number: usize) -> String {
    format!("(11) 98000-{number:04}")
}

impl Burst {
    /// So many customers, known to Jelou, who have done nothing yet.
    #[must_use]
    pub fn of(jelou: &Jelou, helpdesk: &Helpdesk, customers: usize, chance: Chance) -> Self {
        for number in 0..customers {
            jelou.add_user(&user(number), &format!("Customer {number}"));
        }
        Self {
            jelou: jelou.clone(),
            helpdesk: helpdesk.clone(),
            chance,
            customers,
            told: Told::default(),
        }
    }

    /// So many acts, and says how many are done after each.
    pub async fn play(mut self, acts: usize, done: watch::Sender<usize>) -> Told {
        for number in 1..=acts {
            let possible = (0..TRIES).any(|_| self.act());
            self.told.acts += usize::from(possible);
            done.send_replace(number);
            let pause = self.chance.below(PAUSE_MOST_MS + 1);
            tokio::time::sleep(Duration::from_millis(pause as u64)).await;
        }
        self.told
    }

    /// Somebody tries to do something. Not everything is possible at any time.
    fn act(&mut self) -> bool {
        let customer = self.chance.below(self.customers);
        match self.chance.below(14) {
            0..=3 => self.opens_ticket(customer),
            4..=5 => self.starts(customer),
            6..=8 => self.writes(customer),
            9..=10 => self.closes(customer),
            11..=12 => self.sets_status(customer),
            _ => self.comments(customer),
        }
    }

    fn opens_ticket(&mut self, customer: usize) -> bool {
        if self.tickets(customer).len() >= TICKETS_EACH {
            return false;
        }
        let id = self.helpdesk.agent_creates(NewTicket {
            requester_phone: Some(phone(customer)),
            requester_name: Some(format!("Customer {customer}")),
            tags: vec!["whatsapp".to_owned()],
            subject: format!("Something about customer {customer}"),
            description: "Made by an agent.".to_owned(),
            ..NewTicket::default()
        });
        self.told.opened.insert(id, user(customer));
        true
    }

    fn starts(&self, customer: usize) -> bool {
        let free = self.active(customer).is_none();
        free && self.jelou.customer_starts(&user(customer), "Oi").is_ok()
    }

    fn writes(&mut self, customer: usize) -> bool {
        let text = format!("message {}", self.told.acts);
        let wrote = |id: String| self.jelou.customer_writes(&id, &text).is_ok();
        self.active(customer).is_some_and(wrote)
    }

    fn closes(&mut self, customer: usize) -> bool {
        let Some(id) = self.active(customer) else {
            return false;
        };
        let reason = match self.chance.below(2) {
            0 => "expired",
            _ => "closed_by_operator",
        };
        let closed = self.jelou.operator_closes(&id, reason).is_ok();
        if closed {
            self.told.closed.insert(id, reason);
        }
        closed
    }

    fn sets_status(&mut self, customer: usize) -> bool {
        let tickets = self.tickets(customer);
        let (Some(ticket), Some(status)) =
            (self.chance.pick(&tickets), self.chance.pick(&STATUSES))
        else {
            return false;
        };
        let before = self.helpdesk.ticket(ticket).map(|ticket| ticket.status);
        if before.as_deref() == Some(*status) {
            return false;
        }
        let set = self.helpdesk.agent_sets_status(ticket, status).is_ok();
        if set {
            self.told.touched.insert(ticket.clone());
            if before.as_deref() == Some("solved") {
                *self.told.reopened.entry(ticket.clone()).or_default() += 1;
            }
        }
        set
    }

    fn comments(&mut self, customer: usize) -> bool {
        let tickets = self.tickets(customer);
        let public = self.chance.below(2) == 0;
        let Some(ticket) = self.chance.pick(&tickets) else {
            return false;
        };
        let text = format!("comment {}", self.told.acts);
        self.helpdesk.agent_comments(ticket, &text, public).is_ok()
    }

    fn active(&self, customer: usize) -> Option<String> {
        let user = user(customer);
        let all = self.jelou.conversations();
        let mut theirs = all.into_iter().filter(|c| c.active && c.user == user);
        theirs.next().map(|conversation| conversation.id)
    }

    fn tickets(&self, customer: usize) -> Vec<String> {
        let (as_agents, as_jelou) = (phone(customer), format!("+{}", user(customer)));
        let theirs = |phone: &str| phone == as_agents || phone == as_jelou;
        let all = self.helpdesk.tickets().into_iter();
        all.filter(|ticket| ticket.requester.phone.as_deref().is_some_and(theirs))
            .map(|ticket| ticket.id)
            .collect()
    }
}
