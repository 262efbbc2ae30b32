//! A lean helpdesk for a hundred thousand customers: the API of the sandbox helpdesk, a few bytes a
//! customer, and a note of when each call came. Neighbour: `said`, what was said on a ticket.
//!
//! The sandbox helpdesk looks through all its tickets at many calls, which is fine for stories and
//! not for a million events. This one finds everybody by their number.

use super::{
    customers::{self, Poison, poison},
    http::{Message, Wire},
    said::Said,
};
use jelou_bridge::clock;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
    task::JoinSet,
};

/// A page of the listing of changes, as the profile asks for it.
const PAGE: usize = 100;

/// Breaches told in words; more of the same tell nothing more.
const TOLD_MAX: usize = 20;

/// Whether anybody gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// As usual.
    Open,
    /// Connections are refused.
    Refuse,
    /// Every call is answered 503.
    Unavailable,
}

/// What the helpdesk knows of one customer and their one ticket.
#[derive(Clone, Debug, Default)]
struct Customer {
    /// How far their calls have come: the next may not be of an earlier kind.
    reached: Step,
    created_at: i64,
    updated_at: i64,
    version: usize,
    solved: bool,
    link_field: Option<String>,
    said: Said,
}

/// The calls for one customer, in the order in which they make sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    #[default]
    Nothing,
    Known,
    Created,
    Solved,
}

/// What is to be known after a run.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// When each call came that was let in, ms since 1970, in order.
    pub calls: Vec<i64>,
    /// Calls answered 503 while the door was so.
    pub unavailable: usize,
    /// Tickets made.
    pub created: usize,
    /// Calls that were refused, or broke, for their customer's poison.
    pub poisoned: usize,
    /// Tickets set to solved.
    pub solved: usize,
    /// What should not have been asked: out of order, twice, unknown.
    pub broken: Vec<String>,
}

#[derive(Default)]
struct World {
    customers: BTreeMap<usize, Customer>,
    /// Whose ticket changed, by version.
    changes: Vec<usize>,
    seen: Seen,
}

/// The handle on it.
#[derive(Clone)]
pub struct Desk {
    world: Arc<Mutex<World>>,
    door: watch::Sender<Door>,
    /// Where it listens, open or not.
    pub addr: SocketAddr,
}

impl Desk {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// What the operating system said.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let (door, watched) = watch::channel(Door::Open);
        let desk = Self {
            world: Arc::default(),
            door,
            addr,
        };
        tokio::spawn(welcome(desk.clone(), listener, watched));
        Ok(desk)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens or shuts it.
    pub fn door(&self, door: Door) {
        self.door.send_replace(door);
    }

    /// What it has seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.world().seen.clone()
    }

    /// How many tickets it has made.
    #[must_use]
    pub fn created(&self) -> usize {
        self.world().seen.created
    }

    /// How many calls poison has struck.
    #[must_use]
    pub fn poisoned(&self) -> usize {
        self.world().seen.poisoned
    }

    /// When a customer's ticket was made, ms since 1970.
    #[must_use]
    pub fn created_at(&self, customer: usize) -> Option<i64> {
        let world = self.world();
        let made = world.customers.get(&customer)?;
        (made.reached >= Step::Created).then_some(made.created_at)
    }

    /// How many of a customer's messages stand on their ticket.
    #[must_use]
    pub fn messages(&self, customer: usize) -> usize {
        let world = self.world();
        let customer = world.customers.get(&customer);
        customer.map_or(0, |customer| customer.said.messages())
    }

    /// Whether a customer's ticket is solved.
    #[must_use]
    pub fn is_solved(&self, customer: usize) -> bool {
        self.world()
            .customers
            .get(&customer)
            .is_some_and(|c| c.solved)
    }

    /// An agent makes a ticket for this customer. Gives it back as its webhook shows it.
    pub fn agent_creates(&self, customer: usize) -> Value {
        let mut world = self.world();
        let now = clock::now().0;
        let new = Customer {
            reached: Step::Created,
            created_at: now,
            ..Customer::default()
        };
        world.customers.insert(customer, new);
        world.changed(customer, now);
        world.shown(customer)
    }
}

async fn welcome(desk: Desk, listener: TcpListener, mut door: watch::Receiver<Door>) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let now = *door.borrow_and_update();
        if now == Door::Refuse {
            listener = None;
            connections.shutdown().await;
            if door.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(at) = listener.take().or_else(|| listen_again(desk.addr)) else {
            tokio::task::yield_now().await;
            continue;
        };
        loop {
            tokio::select! {
                changed = door.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    break;
                }
                accepted = at.accept() => {
                    if let Ok((stream, _)) = accepted {
                        connections.spawn(converse(desk.clone(), Wire::new(stream)));
                    }
                }
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
            }
        }
        listener = Some(at);
    }
}

/// The same port again, although connections of before may linger on it.
fn listen_again(addr: SocketAddr) -> Option<TcpListener> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.set_reuseaddr(true).ok()?;
    socket.bind(addr).ok()?;
    socket.listen(1_024).ok()
}

async fn converse(desk: Desk, mut wire: Wire) {
    while let Some(asked) = wire.next().await {
        let now = clock::now().0;
        let (status, body) = match *desk.door.borrow() {
            Door::Open => desk.world().answer(&asked, now),
            Door::Unavailable | Door::Refuse => {
                desk.world().seen.unavailable += 1;
                (503, refusal("unavailable"))
            }
        };
        if wire.answer(status, &body.to_string()).await.is_none() {
            return;
        }
    }
}

fn refusal(code: &str) -> Value {
    json!({"error": {"code": code, "message": "told to"}})
}

fn iso(ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{at:.3}")
}

impl World {
    fn answer(&mut self, asked: &Message, now: i64) -> (u16, Value) {
        self.seen.calls.push(now);
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let mut words = asked.first.split(' ');
        let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let id = path.strip_prefix("/api/tickets/");
        match (method, path, id) {
            ("POST", "/api/requesters", _) => self.upsert(&body),
            ("POST", "/api/tickets", _) => self.create(&body, now),
            ("GET", "/api/tickets", _) => self.list(query),
            ("GET", _, Some(id)) if !id.contains('/') => self.ticket(id),
            ("PATCH", _, Some(id)) if !id.contains('/') => self.change(id, &body, now),
            ("POST", _, Some(rest)) => match rest.strip_suffix("/comments") {
                Some(id) => self.comment(id, &body, now),
                None => self.strange(format!("POST {path} is not known here")),
            },
            ("GET", _, Some(rest)) => match rest.strip_suffix("/comments") {
                Some(id) => self.comments(id),
                None => self.strange(format!("GET {path} is not known here")),
            },
            _ => self.strange(format!("{method} {path} is not known here")),
        }
    }

    fn strange(&mut self, what: String) -> (u16, Value) {
        if self.seen.broken.len() < TOLD_MAX {
            self.seen.broken.push(what);
        }
        (404, refusal("not_found"))
    }

    fn upsert(&mut self, body: &Value) -> (u16, Value) {
        let user = body.get("external_id").and_then(Value::as_str);
        let Some(number) = user.and_then(customers::number_of) else {
            return self.strange("a requester that nobody is".to_owned());
        };
        let customer = self.customers.entry(number).or_default();
        if customer.reached > Step::Created {
            return self.strange(format!("customer {number} was made known after the end"));
        }
        customer.reached = customer.reached.max(Step::Known);
        (200, json!({"requester": requester(number)}))
    }

    fn create(&mut self, body: &Value, now: i64) -> (u16, Value) {
        let of = |key| {
            body.get("ticket")
                .and_then(|ticket| ticket.get(key)?.as_str())
        };
        let number = of("requester_id").and_then(|id| id.strip_prefix('r')?.parse().ok());
        let Some(number) = number else {
            return self.strange("a ticket for nobody".to_owned());
        };
        if let Some(poison) = poison(number) {
            self.seen.poisoned += 1;
            return match poison {
                Poison::Refused => (422, refusal("invalid")),
                Poison::Breaks => (500, refusal("failed")),
            };
        }
        let reached = self.customers.get(&number).map(|c| c.reached);
        if reached != Some(Step::Known) {
            return self.strange(format!("customer {number} got a ticket at {reached:?}"));
        }
        let link_field = of("external_id").map(str::to_owned);
        if let Some(customer) = self.customers.get_mut(&number) {
            customer.reached = Step::Created;
            customer.created_at = now;
            customer.link_field = link_field;
        }
        self.seen.created += 1;
        self.changed(number, now);
        (201, json!({"ticket": self.shown(number)}))
    }

    fn ticket(&mut self, id: &str) -> (u16, Value) {
        match self.made(id) {
            Some(number) => (200, json!({"ticket": self.shown(number)})),
            None => (404, refusal("not_found")),
        }
    }

    fn comment(&mut self, id: &str, body: &Value, now: i64) -> (u16, Value) {
        let Some(number) = self.made(id) else {
            return self.strange(format!("ticket {id} got a comment before it was made"));
        };
        let comment = body.get("comment").cloned().unwrap_or_default();
        let customer = self.customers.entry(number).or_default();
        let (shown, wrong) = customer.said.add(id, &comment, iso(now));
        self.changed(number, now);
        if let Some(wrong) = wrong {
            self.strange(wrong);
        }
        (201, json!({"comment": shown}))
    }

    fn comments(&self, id: &str) -> (u16, Value) {
        match self.made(id).and_then(|number| self.customers.get(&number)) {
            Some(customer) => (200, json!({"comments": customer.said.shown(id)})),
            None => (404, refusal("not_found")),
        }
    }

    fn made(&self, id: &str) -> Option<usize> {
        let number = customers::customer_of(id)?;
        let customer = self.customers.get(&number)?;
        (customer.reached >= Step::Created).then_some(number)
    }

    fn change(&mut self, id: &str, body: &Value, now: i64) -> (u16, Value) {
        let Some(number) = self.made(id) else {
            return self.strange(format!("ticket {id} was changed before it was made"));
        };
        let of = |key| {
            body.get("ticket")
                .and_then(|ticket| ticket.get(key)?.as_str())
        };
        let solved = of("status") == Some("solved");
        let mut again = false;
        if let Some(customer) = self.customers.get_mut(&number) {
            again = solved && customer.solved;
            customer.solved |= solved;
            if solved {
                customer.reached = Step::Solved;
            }
            if let Some(conversation) = of("external_id") {
                customer.link_field = Some(conversation.to_owned());
            }
        }
        if again {
            self.strange(format!("ticket {id} was solved twice"));
        }
        self.seen.solved += usize::from(solved);
        self.changed(number, now);
        (200, json!({"ticket": self.shown(number)}))
    }

    fn changed(&mut self, number: usize, now: i64) {
        self.changes.push(number);
        let version = self.changes.len();
        if let Some(customer) = self.customers.get_mut(&number) {
            customer.version = version;
            customer.updated_at = now;
        }
    }

    fn list(&mut self, query: &str) -> (u16, Value) {
        let of = |key: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(is, _)| *is == key).map(|(_, value)| value)
        };
        if let Some(id) = of("requester_id") {
            let number = id.strip_prefix('r').and_then(|n| n.parse().ok());
            let open = number.filter(|n| self.customers.get(n).is_some_and(Customer::is_open));
            let tickets: Vec<Value> = open.iter().map(|n| self.shown(*n)).collect();
            return (
                200,
                json!({"tickets": tickets, "next": null, "more": false}),
            );
        }
        if let Some(conversation) = of("external_id") {
            // Asked only where an outcome is unknown, which is seldom.
            let has = |c: &Customer| c.link_field.as_deref() == Some(conversation);
            let found = self.customers.iter().filter(|(_, c)| has(c));
            let tickets: Vec<Value> = found.map(|(n, _)| self.shown(*n)).collect();
            return (
                200,
                json!({"tickets": tickets, "next": null, "more": false}),
            );
        }
        let Some(since) = of("changed_since").and_then(|since| since.parse::<usize>().ok()) else {
            return self.strange(format!("a listing by {query}"));
        };
        let (tickets, next) = self.changed_since(since);
        let more = next < self.changes.len();
        (
            200,
            json!({"tickets": tickets, "next": next.to_string(), "more": more}),
        )
    }

    /// A page of tickets whose last change comes after `since`, in the order of those changes.
    fn changed_since(&self, since: usize) -> (Vec<Value>, usize) {
        let mut tickets = Vec::new();
        let mut next = since;
        for number in self.changes.iter().skip(since) {
            if tickets.len() == PAGE {
                break;
            }
            next += 1;
            let last = self.customers.get(number).map(|c| c.version);
            if last == Some(next) {
                tickets.push(self.shown(*number));
            }
        }
        (tickets, next)
    }

    fn shown(&self, number: usize) -> Value {
        let unknown = Customer::default();
        let customer = self.customers.get(&number).unwrap_or(&unknown);
        let canary = number >= customers::CANARIES;
        json!({
            "id": customers::ticket(number),
            "status": if customer.solved { "solved" } else { "new" },
            "subject": "WhatsApp",
            "description": "",
            "priority": "normal",
            "tags": if canary { ["whatsapp", "canary"] } else { ["whatsapp", "jelou"] },
            "group": null,
            "requester": requester(number),
            "external_id": customer.link_field,
            "fields": {},
            "assignee": null,
            "created_at": iso(customer.created_at),
            "updated_at": iso(customer.updated_at),
            "version": customer.version,
            "comments_count": customer.said.count(),
        })
    }
}

impl Customer {
    fn is_open(&self) -> bool {
        self.reached >= Step::Created && !self.solved
    }
}

fn requester(number: usize) -> Value {
    let user = customers::user(number);
    json!({"id": format!("r{number}"), "name": "Customer", "phone": format!("+{user}"), "external_id": user})
}
