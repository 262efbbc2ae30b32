//! Notes and comments of a trial: written, and found in each list that the profile has. Neighbours: `mod`, the other steps;
//! `send`, how long they look.

use super::{AT_ONCE, Trial, Verdict};
use bridge_core::{
    effect::{AddComment, Effect},
    event::Comment,
    ids::{MessageId, TicketId},
    text::Text,
};
use std::collections::BTreeSet;
use tokio::time::Instant;

/// Where a profile spares itself to read what the bridge wrote.
const UNREAD: &str = "they are listed, without the words of the bridge's own: a person's comment would show whether words are read";

/// Where a profile leaves out what the bridge wrote.
const NOT_OURS: &str = "it answers, and leaves out what the bridge wrote: a person's comment would show whether it is listed";

impl Trial<'_> {
    pub(super) async fn words(&mut self, ticket: &TicketId) {
        let before = self.listed_before(ticket).await;
        let note = Text::new(format!("Internal: {}", self.conversation));
        let comment = Text::new(format!("Public: {}", self.conversation));
        let add = Effect::AddNote {
            ticket: ticket.clone(),
            text: note.clone(),
        };
        self.write("note", add).await;
        if let Ok(message) = MessageId::parse(self.conversation.as_str()) {
            let add = Effect::AddComment(AddComment {
                ticket: ticket.clone(),
                message,
                text: comment.clone(),
                public: true,
            });
            self.write("comment", add).await;
        }
        let (client, deadline) = (&self.bridge.ticketing, self.bridge.call_timeout());
        let wrote = [("note", note), ("comment", comment)];
        let wrote: Vec<_> = wrote
            .into_iter()
            .filter(|(what, _)| self.worked(what))
            .collect();
        // A list in which nothing is looked for would hold whatever it shows.
        let partly = match wrote.as_slice() {
            [] => return self.unwritten(),
            [(only, _)] => format!("only the {only} was there to be found"),
            _ => String::new(),
        };
        if self.has("notes") {
            let begun = Instant::now();
            let found = self
                .until(AT_ONCE.max(self.index_lag()), async || {
                    for (_, text) in &wrote {
                        if !client.has_note(ticket, text, deadline).await? {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                })
                .await;
            self.kept("notes", begun, found.map(|_| partly.clone()));
        }
        if self.has("comments") {
            let begun = Instant::now();
            match self.listed(ticket, &wrote, &before).await {
                Ok(true) => self.kept("comments", begun, Ok(partly)),
                Ok(false) => self.note("comments", Verdict::NotTried, UNREAD),
                Err(why) => self.kept("comments", begun, Err(why)),
            }
        }
    }

    /// The lists of what is written, where nothing is.
    fn unwritten(&mut self) {
        for what in ["notes", "comments"] {
            if self.has(what) {
                let why = "neither a note nor a comment was written, so there is none to find";
                self.note(what, Verdict::NotTried, why);
            }
        }
    }

    /// What is listed of a ticket before anything is written on it.
    async fn listed_before(&self, ticket: &TicketId) -> BTreeSet<MessageId> {
        let (client, deadline) = (&self.bridge.ticketing, self.bridge.call_timeout());
        if !self.bridge.config.profile.lists_comments() {
            return BTreeSet::new();
        }
        let all = self.patiently(async || client.comments(ticket, deadline).await);
        let all = all.await.unwrap_or_default();
        all.into_iter().map(|comment| comment.id).collect()
    }

    /// Whether the comments are listed as what they are, and all by their words.
    async fn listed(
        &self,
        ticket: &TicketId,
        wrote: &[(&str, Text)],
        before: &BTreeSet<MessageId>,
    ) -> Result<bool, String> {
        let (client, deadline) = (&self.bridge.ticketing, self.bridge.call_timeout());
        self.until(AT_ONCE.max(self.index_lag()), async || {
            let all = client.comments(ticket, deadline).await?;
            Ok(wrote
                .iter()
                .all(|(what, text)| written(&all, before, what, text).is_some()))
        })
        .await?;
        let all = self.patiently(async || client.comments(ticket, deadline).await);
        let all = all.await.map_err(|error| error.to_string())?;
        for (what, text) in wrote {
            let one = written(&all, before, what, text)
                .ok_or_else(|| format!("the {what} is no longer listed"))?;
            let wrong = match (*what == "note", one.public) {
                (true, true) => "an internal note is listed as public",
                (false, false) if !self.bridge.config.profile.comments_are_for_agents() => {
                    "a public comment is listed as internal"
                }
                _ if one.by_agent && !one.by_us => {
                    "what the bridge writes is taken for an agent's: set the option that names its user"
                }
                _ => continue,
            };
            return Err(wrong.to_owned());
        }
        let read = |text: &Text| all.iter().any(|c| c.body.reveal().contains(text.reveal()));
        Ok(wrote.iter().all(|(_, text)| read(text)))
    }

    /// Whether the list shows what was written here, which a profile may leave out as a program's.
    pub(super) async fn new_comments(&mut self, ticket: &TicketId) {
        const WHAT: &str = "commented_since";
        if !self.has(WHAT) {
            return;
        }
        let begun = Instant::now();
        let (client, deadline) = (&self.bridge.ticketing, self.bridge.call_timeout());
        let page = self.patiently(async || client.commented_since(&self.since, deadline).await);
        let page = page.await;
        match page {
            Ok(page) if page.comments.iter().any(|(on, _)| on == ticket) => {
                self.kept(WHAT, begun, Ok(String::new()));
            }
            Ok(page) if page.unreadable > 0 => {
                let why = format!("{} of its comments could not be read", page.unreadable);
                self.kept(WHAT, begun, Err(why));
            }
            Ok(_) => self.note(WHAT, Verdict::NotTried, NOT_OURS),
            Err(error) => self.kept(WHAT, begun, Err(error.to_string())),
        }
    }
}

/// What was written among what is listed: by its words, or, where a profile spares itself to read what the bridge wrote,
/// one without words of the same kind.
fn written<'a>(
    all: &'a [Comment],
    before: &BTreeSet<MessageId>,
    what: &str,
    text: &Text,
) -> Option<&'a Comment> {
    let by_words = all.iter().find(|c| c.body.reveal().contains(text.reveal()));
    by_words.or_else(|| {
        let new = all.iter().filter(|c| !before.contains(&c.id));
        let mut unread = new.filter(|c| c.by_us && c.body.reveal().is_empty());
        unread.find(|c| c.public == (what != "note"))
    })
}
