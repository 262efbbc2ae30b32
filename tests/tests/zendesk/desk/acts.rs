//! What people do in this Zendesk. Neighbour: `world`, where it takes effect.

use super::{
    Zendesk, lock,
    world::{Change, Changed, Comment, File},
};
use std::time::Duration;

/// A ticket that an agent makes on behalf of a customer.
#[derive(Clone, Debug)]
pub struct NewTicket<'a> {
    /// Their name.
    pub name: &'a str,
    /// Their phone as the agent wrote it.
    pub phone: &'a str,
    /// The group's name.
    pub group: &'a str,
    /// The tags.
    pub tags: &'a [&'a str],
}

impl Zendesk {
    /// The id of the agent that the bridge writes as.
    pub fn bridge_user(&self) -> u64 {
        lock(&self.shared.world).bridge
    }

    /// A customer that Zendesk has known before, by the id another system has for them.
    pub fn adds_customer(&self, name: &str, phone: &str, external_id: Option<&str>) -> u64 {
        lock(&self.shared.world).add_user(name, Some(phone), external_id, false)
    }

    /// The customer that another system has this id for.
    pub fn customer_known_as(&self, external_id: &str) -> Option<u64> {
        let world = lock(&self.shared.world);
        let mut users = world.users.values();
        let known = users.find(|user| user.external_id.as_deref() == Some(external_id));
        known.map(|user| user.id)
    }

    /// Everything known of one person.
    pub fn person(&self, id: u64) -> (String, Option<String>, Option<String>) {
        let world = lock(&self.shared.world);
        let user = world.users.get(&id).expect("this user");
        (
            user.name.clone(),
            user.phone.clone(),
            user.external_id.clone(),
        )
    }

    /// How many customers there are.
    pub fn customers(&self) -> usize {
        let world = lock(&self.shared.world);
        world.users.values().filter(|user| !user.staff).count()
    }

    /// An agent makes a ticket for a new customer. Returns its number.
    pub fn agent_creates(&self, new: &NewTicket<'_>) -> u64 {
        let requester = self.adds_customer(new.name, new.phone, None);
        self.agent_creates_for(requester, new.group, new.tags)
    }

    /// An agent makes a ticket for a customer that Zendesk knows.
    pub fn agent_creates_for(&self, requester: u64, group: &str, tags: &[&str]) -> u64 {
        self.agent_opens(requester, "An invoice that is wrong", group, tags)
    }

    /// Likewise, with a subject.
    pub fn agent_opens(&self, requester: u64, subject: &str, group: &str, tags: &[&str]) -> u64 {
        let world = &mut *lock(&self.shared.world);
        let (agent, group) = (world.agent, world.group(group));
        let comment = Comment {
            id: world.new_id(),
            author: agent,
            body: "Made by an agent.".to_owned(),
            public: true,
            at_ms: super::now_ms(),
            files: Vec::new(),
        };
        let ticket = world.add_ticket(subject, requester, agent);
        ticket.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        ticket.group = group;
        ticket.comments.push(comment);
        let id = ticket.id;
        self.shared.hooks.created(world, id, agent);
        id
    }

    /// An agent sets a ticket's status.
    pub fn agent_sets_status(&self, ticket: u64, status: &str) {
        self.agent_changes(
            ticket,
            Change {
                status: Some(status.to_owned()),
                ..Change::default()
            },
        );
    }

    /// An agent puts a tag on.
    pub fn agent_adds_tag(&self, ticket: u64, tag: &str) {
        let mut tags = self.ticket(ticket).tags;
        tags.push(tag.to_owned());
        self.agent_changes(
            ticket,
            Change {
                tags: Some(tags),
                ..Change::default()
            },
        );
    }

    /// An agent answers in public and sets the status, by one press of the button.
    pub fn agent_submits(&self, ticket: u64, body: &str, status: &str) {
        self.agent_changes(
            ticket,
            Change {
                status: Some(status.to_owned()),
                comment: Some((body.to_owned(), true)),
                ..Change::default()
            },
        );
    }

    /// An agent comments.
    pub fn agent_comments(&self, ticket: u64, body: &str, public: bool) {
        self.agent_changes(
            ticket,
            Change {
                comment: Some((body.to_owned(), public)),
                ..Change::default()
            },
        );
    }

    /// An agent answers with a picture. What webhooks of it come to our address name no file.
    pub fn agent_shows(&self, ticket: u64, body: &str, file: &str) {
        let picture = File {
            name: file.to_owned(),
            kind: "image/png".to_owned(),
            bytes: vec![0; 2_532],
        };
        self.agent_changes(
            ticket,
            Change {
                comment: Some((body.to_owned(), true)),
                files: vec![picture],
                ..Change::default()
            },
        );
    }

    /// The requester answers by mail.
    pub fn requester_comments(&self, ticket: u64, body: &str) {
        let by = self.ticket(ticket).requester;
        self.changes(
            ticket,
            by,
            Change {
                comment: Some((body.to_owned(), true)),
                ..Change::default()
            },
        );
    }

    /// A ticket last changed so long ago, as if nobody had touched it since.
    pub fn ages(&self, ticket: u64, by: Duration) {
        let by = i64::try_from(by.as_millis()).expect("not that long");
        let world = &mut *lock(&self.shared.world);
        let ticket = world.tickets.get_mut(&ticket).expect("this ticket");
        ticket.created_ms -= by;
        ticket.updated_ms -= by;
        ticket.generated_ms -= by;
    }

    fn agent_changes(&self, ticket: u64, change: Change) {
        let agent = lock(&self.shared.world).agent;
        self.changes(ticket, agent, change);
    }

    fn changes(&self, ticket: u64, by: u64, change: Change) {
        let world = &mut *lock(&self.shared.world);
        let changed: Changed = world
            .change(ticket, by, change, true)
            .expect("it may be changed");
        self.shared.hooks.changed(world, ticket, by, &changed);
    }
}
