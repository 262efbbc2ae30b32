//! What agents and customers do at the helpdesk by its own doors. Neighbour: world, where it takes
//! effect.

use super::{
    Helpdesk, NewTicket, Role, Ticket,
    record::{Denied, Patch},
};
use crate::stage::{Refusal, lock};
use bytes::Bytes;
use serde_json::Value;

impl Helpdesk {
    /// From now on a new ticket is not found by its link field for so long, ms.
    pub fn set_index_lag(&self, ms: i64) {
        lock(&self.0.world).options.index_lag_ms = ms;
    }

    /// An agent makes a ticket. Returns its id. The requester is found by phone, else made.
    #[must_use]
    pub fn agent_creates(&self, new: NewTicket) -> String {
        let world = &mut *lock(&self.0.world);
        let requester = world.upsert_requester(
            new.requester_name.clone(),
            new.requester_phone.clone(),
            None,
        );
        world
            .create(&self.0.stage.hooks, Role::Agent, new, requester, None)
            .id
    }

    /// An agent sets a ticket's status.
    ///
    /// # Errors
    /// Where there is no such ticket, it is closed, or the status is none of [`STATUSES`](super::STATUSES).
    pub fn agent_sets_status(&self, id: &str, status: &str) -> Result<(), Refusal> {
        self.change(id, |_| Patch {
            status: Some(status.to_owned()),
            ..Patch::default()
        })
    }

    /// An agent puts tags on and takes tags off.
    ///
    /// # Errors
    /// Where there is no such ticket or it is closed.
    pub fn agent_edits_tags(&self, id: &str, add: &[&str], remove: &[&str]) -> Result<(), Refusal> {
        self.change(id, |ticket| {
            let kept = ticket
                .tags
                .iter()
                .filter(|tag| !remove.contains(&tag.as_str()));
            let added = add.iter().map(|tag| (*tag).to_owned());
            Patch {
                tags: Some(kept.cloned().chain(added).collect()),
                ..Patch::default()
            }
        })
    }

    /// An agent sets a custom field.
    ///
    /// # Errors
    /// Where there is no such ticket or it is closed.
    pub fn agent_sets_field(&self, id: &str, field: &str, value: Value) -> Result<(), Refusal> {
        self.change(id, |_| Patch {
            fields: Some([(field.to_owned(), value)].into_iter().collect()),
            ..Patch::default()
        })
    }

    fn change(&self, id: &str, patch: impl FnOnce(&Ticket) -> Patch) -> Result<(), Refusal> {
        let world = &mut *lock(&self.0.world);
        let ticket = world.ticket(id).ok_or(Denied::Unknown)?;
        let patch = patch(ticket);
        world.change(&self.0.stage.hooks, Role::Agent, id, patch)?;
        Ok(())
    }

    /// An agent comments, in public or among agents. Returns the comment's id.
    ///
    /// # Errors
    /// Where there is no such ticket or it is closed.
    pub fn agent_comments(&self, id: &str, body: &str, public: bool) -> Result<String, Refusal> {
        self.comments_as(Role::Agent, id, body, public)
    }

    /// Anyone comments. Returns the comment's id.
    ///
    /// # Errors
    /// Where there is no such ticket or it is closed.
    pub fn comments_as(
        &self,
        by: Role,
        id: &str,
        body: &str,
        public: bool,
    ) -> Result<String, Refusal> {
        let world = &mut *lock(&self.0.world);
        Ok(world
            .comment(&self.0.stage.hooks, by, id, body, public, Vec::new())?
            .id)
    }

    /// An agent comments for the customer and puts a file to it. Returns the comment's id.
    ///
    /// # Errors
    /// As [`Self::agent_comments`].
    pub fn agent_sends_file(
        &self,
        id: &str,
        body: &str,
        (name, mime_type): (&str, &str),
        bytes: Bytes,
    ) -> Result<String, Refusal> {
        let world = &mut *lock(&self.0.world);
        let file = world.upload(&self.0.base, name, mime_type, bytes);
        let hooks = &self.0.stage.hooks;
        Ok(world
            .comment(hooks, Role::Agent, id, body, true, vec![file])?
            .id)
    }

    /// An agent deletes a ticket: reads answer 404 from now on. No webhook tells.
    ///
    /// # Errors
    /// Where there is no such ticket.
    pub fn agent_deletes(&self, id: &str) -> Result<(), Refusal> {
        Ok(lock(&self.0.world).delete(id)?)
    }
}
