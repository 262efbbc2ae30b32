//! What the fake GLPI keeps: people, tickets, what is said on them, tokens. Neighbour: `answers`, its API.

use crate::desk::fake::{self, Hook, Told, now, signed};
use serde_json::{Value, json};

/// The id of the bridge's user.
pub const BRIDGE: usize = 2;

/// The id of the agent.
pub const AGENT: usize = 7;

/// The id of the first customer, and of the first group that tickets are given to.
pub const CUSTOMERS_FROM: usize = 100;

/// The id of the group that stands on each ticket as one who asks, where there is no person.
const ASKING_GROUP: usize = 1;

/// How many calls a token is good for: few enough that the stories have many of them.
const CALLS_A_TOKEN: usize = 20;

/// All of it.
#[derive(Default)]
pub struct World {
    pub tickets: Vec<Ticket>,
    /// Login, name, mobile; the first has the id [`CUSTOMERS_FROM`].
    pub people: Vec<(String, String, String)>,
    /// How many tokens were handed out; the last alone is good.
    pub tokens: usize,
    /// How many calls it is good for yet.
    calls_left: usize,
    secret: String,
}

/// A ticket.
pub struct Ticket {
    pub id: usize,
    pub name: String,
    pub content: String,
    pub status: usize,
    pub external_id: Option<String>,
    /// The users who asked, each once.
    pub requesters: Vec<usize>,
    /// The groups that it is given to.
    pub groups: Vec<usize>,
    pub followups: Vec<Followup>,
    pub created: i64,
    pub updated: i64,
}

/// A follow-up.
pub struct Followup {
    pub id: usize,
    pub by: usize,
    pub content: String,
    pub private: bool,
    pub created: i64,
}

fn written(at: i64) -> String {
    fake::written(at, "%Y-%m-%dT%H:%M:%S+00:00")
}

impl World {
    pub fn new(secret: &str) -> Self {
        Self {
            secret: secret.to_owned(),
            ..Self::default()
        }
    }

    /// A new token; the one before is over.
    pub fn logs_in(&mut self) -> String {
        self.tokens += 1;
        self.calls_left = CALLS_A_TOKEN;
        format!("token-{}", self.tokens)
    }

    /// Whether a token is good for one call more.
    pub fn takes(&mut self, token: &str) -> bool {
        let good = token == format!("token-{}", self.tokens) && self.calls_left > 0;
        self.calls_left = self.calls_left.saturating_sub(1);
        good
    }

    pub fn ticket(&self, id: usize) -> &Ticket {
        let found = self.tickets.iter().find(|ticket| ticket.id == id);
        found.expect("this ticket")
    }

    pub fn ticket_mut(&mut self, id: usize) -> &mut Ticket {
        let found = self.tickets.iter_mut().find(|ticket| ticket.id == id);
        found.expect("this ticket")
    }

    /// The person with this login, made if there is none.
    pub fn person(&mut self, login: &str, name: &str, mobile: &str) -> usize {
        let at = self.people.iter().position(|(known, ..)| known == login);
        let at = at.unwrap_or_else(|| {
            self.people
                .push((login.to_owned(), name.to_owned(), mobile.to_owned()));
            self.people.len() - 1
        });
        CUSTOMERS_FROM + at
    }

    pub fn person_shown(&self, id: usize) -> Option<Value> {
        let (login, name, mobile) = self.people.get(id.checked_sub(CUSTOMERS_FROM)?)?;
        Some(
            json!({ "id": id, "username": login, "realname": name, "mobile": mobile, "emails": [] }),
        )
    }

    /// A rule for the birth of tickets gives each to groups; users and groups are numbered apart, so a group may
    /// well have a customer's number.
    pub fn makes(&mut self, name: &str, content: &str, external_id: Option<String>) -> usize {
        let id = self.tickets.len() + 1;
        let groups = (CUSTOMERS_FROM..).take(self.people.len()).collect();
        self.tickets.push(Ticket {
            id,
            name: name.to_owned(),
            content: content.to_owned(),
            status: 1,
            external_id,
            requesters: Vec::new(),
            groups,
            followups: Vec::new(),
            created: now(),
            updated: now(),
        });
        id
    }

    pub fn follows_up(
        &mut self,
        ticket: usize,
        by: usize,
        content: &str,
        private: bool,
        told: &mut Told,
    ) -> usize {
        let all = self.tickets.iter().map(|ticket| ticket.followups.len());
        let id = all.sum::<usize>() + 1;
        let followup = Followup {
            id,
            by,
            content: content.to_owned(),
            private,
            created: now(),
        };
        let item = followup.shown(ticket);
        let on = self.ticket_mut(ticket);
        on.updated = now();
        on.followups.push(followup);
        let body = json!({ "item": item, "event": "new", "parent_item": self.shown(ticket) });
        self.tells(&body, told);
        id
    }

    pub fn tells_of_ticket(&self, event: &str, id: usize, told: &mut Told) {
        self.tells(&json!({ "item": self.shown(id), "event": event }), told);
    }

    fn tells(&self, body: &Value, told: &mut Told) {
        let body = serde_json::to_string_pretty(body).expect("a text");
        let timestamp = (now() / 1000).to_string();
        told.push(Hook {
            path: String::new(),
            headers: vec![
                (
                    "x-glpi-signature",
                    signed(&self.secret, &[&body, &timestamp]),
                ),
                ("x-glpi-timestamp", timestamp),
            ],
            body,
        });
    }

    /// Who is on a ticket, as `ITILController::getCleanTeam` tells it: users, groups and suppliers in one list, each
    /// with a role and the address of their page (`CommonDBTM::getFormURLWithID`), below the folder that GLPI is
    /// served from. It promises no order.
    pub fn team(&self, id: usize) -> Vec<Value> {
        let ticket = self.ticket(id);
        let page = |kind: &str, id: &Value| format!("/glpi11/front/{kind}.form.php?id={id}");
        let group = |role: &str, id: usize| json!({ "role": role, "name": "Support", "display_name": "Support", "href": page("group", &json!(id)) });
        let given_to = ticket.groups.iter().map(|id| group("assigned", *id));
        let people = ticket.requesters.iter();
        let people = people.filter_map(|id| self.person_shown(*id));
        let user = |person: Value| {
            json!({ "role": "requester", "name": person["username"], "display_name": person["realname"],
                    "href": page("user", &person["id"]) })
        };
        let asking = std::iter::once(group("requester", ASKING_GROUP));
        asking.chain(given_to).chain(people.map(user)).collect()
    }

    pub fn shown(&self, id: usize) -> Value {
        let team = self.team(id);
        let ticket = self.ticket(id);
        json!({
            "id": id, "name": ticket.name, "content": ticket.content, "status": { "id": ticket.status, "name": ".." },
            "priority": 3, "type": 2, "external_id": ticket.external_id, "entity": { "id": 0, "name": "Root" },
            "date_creation": written(ticket.created), "date_mod": written(ticket.updated), "team": team
        })
    }
}

impl Followup {
    pub fn shown(&self, ticket: usize) -> Value {
        json!({ "id": self.id, "itemtype": "Ticket", "items_id": ticket, "content": self.content,
                "is_private": self.private, "user": { "id": self.by, "name": ".." },
                "date_creation": written(self.created), "date_mod": written(self.created) })
    }
}
