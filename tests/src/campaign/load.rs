//! Load: agents, customers and operators who do what they like, all at once, for as long as they are
//! asked to. Neighbours: the sandboxes, in which they act; `season`, which bounds whom it may
//! concern; `laws`, which goes by what is written down here of their acts.

use super::{Scene, Season, said::Voice};
use crate::chance::Chance;
use bridge_sandbox::{Helpdesk, Jelou, helpdesk::NewTicket};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;

/// A customer gets this many tickets at most: enough for two that race for one conversation.
const TICKETS_EACH: usize = 2;

/// Tries to find an act that is possible just now; opening a ticket for somebody nearly always is.
const TRIES: usize = 50;

/// The longest pause between two acts, ms. Two cores follow about half as fast.
const PAUSE_MOST_MS: usize = 8;

/// With so many webhooks on their way people hold still. A queue that only grows shows nothing new,
/// and a start whose event comes later than `event_confirm` is tried again, as the rules have it.
const WAITING_MOST: usize = 80;

/// How long people hold still before they look again.
const HOLD_STILL: Duration = Duration::from_millis(5);

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
    /// Those of them that an agent ever set to `solved`: nothing starts for them until their customer writes.
    pub solved: BTreeSet<String>,
    /// How often an agent took a ticket out of `solved`.
    pub reopened: BTreeMap<String, usize>,
    /// What they said, in the order in which they said it.
    pub said: Vec<Said>,
    /// How many acts.
    pub acts: usize,
}

/// Words, and where somebody said them. The words tell who did ([`super::said::whose`]).
#[derive(Clone, Debug)]
pub struct Said {
    /// The words. No others are the same.
    pub words: String,
    /// The conversation in which a customer said them, else the ticket on which an agent did.
    pub place: String,
    /// The helpdesk's id of an agent's comment.
    pub comment: Option<String>,
}

/// A load that goes on until it is ended.
#[derive(Debug)]
pub struct Load {
    allowed: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    playing: JoinHandle<Told>,
}

impl Load {
    /// People begin to act; but first they must be allowed to.
    #[must_use]
    pub fn begin(scene: &Scene, season: &Season, customers: usize, chance: Chance) -> Self {
        let (jelou, helpdesk) = (&scene.jelou.handle, &scene.helpdesk.handle);
        let people = People::of(jelou, helpdesk, season, customers, chance);
        let allowed = Arc::new(AtomicU64::new(0));
        let over = Arc::new(AtomicBool::new(false));
        let playing = people.play(Arc::clone(&allowed), Arc::clone(&over));
        Self {
            allowed,
            over,
            playing: tokio::spawn(playing),
        }
    }

    /// They act until so many webhooks were made since the sandboxes were started; see
    /// [`Scene::sent`].
    pub fn allow(&self, webhooks: u64) {
        self.allowed.store(webhooks, Ordering::Relaxed);
    }

    /// They stop. Returns what they did.
    pub async fn end(self) -> Told {
        self.over.store(true, Ordering::Relaxed);
        self.playing.await.unwrap_or_default()
    }
}

/// A customer as Jelou spells them.
#[must_use]
pub fn user(number: usize) -> String {
    format!("55119{:08}", 80_000_000 + number)
}

/// The same customer as an agent writes them.
#[must_use]
pub fn phone(number: usize) -> String {
    let digits = format!("{:08}", 80_000_000 + number);
    let (head, tail) = digits.split_at(4);
    format!("(11) 9{head}-{tail}")
}

/// The customer of either spelling.
#[must_use]
pub fn number(phone: &str) -> Option<usize> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let last: usize = digits.get(digits.len().checked_sub(8)?..)?.parse().ok()?;
    last.checked_sub(80_000_000)
}

/// The people.
struct People {
    jelou: Jelou,
    helpdesk: Helpdesk,
    chance: Chance,
    first: usize,
    customers: usize,
    /// The tickets of each customer, those of the bridge too.
    tickets: BTreeMap<usize, Vec<String>>,
    last_ticket: u64,
    told: Told,
}

impl People {
    /// So many customers, known to Jelou, who have done nothing yet.
    fn of(
        jelou: &Jelou,
        helpdesk: &Helpdesk,
        season: &Season,
        customers: usize,
        chance: Chance,
    ) -> Self {
        for number in season.first_customer..season.first_customer + customers {
            jelou.add_user(&user(number), &format!("Customer {number}"));
        }
        Self {
            jelou: jelou.clone(),
            helpdesk: helpdesk.clone(),
            chance,
            first: season.first_customer,
            customers,
            tickets: BTreeMap::new(),
            last_ticket: season.tickets_before,
            told: Told::default(),
        }
    }

    async fn play(mut self, allowed: Arc<AtomicU64>, over: Arc<AtomicBool>) -> Told {
        while !over.load(Ordering::Relaxed) {
            let hooks = [self.jelou.webhooks(), self.helpdesk.webhooks()];
            let sent: u64 = hooks.iter().map(|hooks| hooks.count()).sum();
            let waiting: usize = hooks.iter().map(|hooks| hooks.waiting()).sum();
            if sent >= allowed.load(Ordering::Relaxed) || waiting > WAITING_MOST {
                tokio::time::sleep(HOLD_STILL).await;
                continue;
            }
            self.meet_new_tickets();
            let possible = (0..TRIES).any(|_| self.act());
            self.told.acts += usize::from(possible);
            let pause = self.chance.below(PAUSE_MOST_MS + 1);
            tokio::time::sleep(Duration::from_millis(pause as u64)).await;
        }
        self.told
    }

    fn meet_new_tickets(&mut self) {
        for ticket in self.helpdesk.tickets_after(self.last_ticket) {
            self.last_ticket = ticket.id.parse().unwrap_or(self.last_ticket);
            let customer = ticket.requester.phone.as_deref().and_then(number);
            if let Some(customer) = customer {
                self.tickets.entry(customer).or_default().push(ticket.id);
            }
        }
    }

    /// Somebody tries to do something. Not everything is possible at any time.
    fn act(&mut self) -> bool {
        let customer = self.first + self.chance.below(self.customers);
        match self.chance.below(16) {
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
        self.meet_new_tickets();
        true
    }

    fn starts(&self, customer: usize) -> bool {
        let free = self.active(customer).is_none();
        free && self.jelou.customer_starts(&user(customer), "Oi").is_ok()
    }

    fn writes(&mut self, customer: usize) -> bool {
        let Some(place) = self.active(customer) else {
            return false;
        };
        let words = Voice::Customer.words(customer, self.told.acts);
        let written = self.jelou.customer_writes(&place, &words).is_ok();
        if written {
            self.told.said.push(Said {
                words,
                place,
                comment: None,
            });
        }
        written
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
            if *status == "solved" {
                self.told.solved.insert(ticket.clone());
            }
            if before.as_deref() == Some("solved") {
                *self.told.reopened.entry(ticket.clone()).or_default() += 1;
            }
        }
        set
    }

    fn comments(&mut self, customer: usize) -> bool {
        let tickets = self.tickets(customer);
        let voice = self.chance.pick(&[Voice::Agent, Voice::Inside]).copied();
        let (Some(ticket), Some(voice)) = (self.chance.pick(&tickets), voice) else {
            return false;
        };
        let words = voice.words(customer, self.told.acts);
        let public = voice == Voice::Agent;
        let comment = self.helpdesk.agent_comments(ticket, &words, public);
        let written = comment.is_ok();
        if let Ok(comment) = comment {
            self.told.said.push(Said {
                words,
                place: ticket.clone(),
                comment: Some(comment),
            });
        }
        written
    }

    fn active(&self, customer: usize) -> Option<String> {
        let active = self.jelou.active_conversation(&user(customer));
        active.map(|conversation| conversation.id)
    }

    fn tickets(&self, customer: usize) -> Vec<String> {
        self.tickets.get(&customer).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_known_by_either_spelling() {
        for customer in [0, 7, 199, 10_000, 490_123] {
            assert_eq!(number(&phone(customer)), Some(customer));
            assert_eq!(number(&format!("+{}", user(customer))), Some(customer));
        }
    }
}
