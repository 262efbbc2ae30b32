//! The three-way merge of a Link: what was agreed, what the conversation is, what the ticket is.
//! Neighbours: the Lane asks it at each step and turns its answer into Intents; mapping, whose
//! rules it follows.
//!
//! The ticket's status counts through the Mapping only: it either asks for a closed conversation
//! or it does not. So an agent's move from `new` to `open` is no move, whatever else happens at
//! the same time, and the order in which webhooks arrive cannot make it one.

use crate::{
    link::Agreed,
    mapping::{Mapping, OnConflict},
    ticket::Status,
};

/// What a Link calls for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both sides agree: this is what they agree on from now.
    Agree(Agreed),
    /// The conversation is to be closed.
    Close {
        /// The rule that says so.
        rule: &'static str,
    },
    /// The ticket is to get this status.
    SetStatus {
        /// The status.
        status: Status,
        /// The rule that says so.
        rule: String,
    },
}

/// The state of both sides at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// Jelou's reason, if the conversation is closed.
    pub closed: Option<&'a str>,
    /// The ticket's status.
    pub status: &'a Status,
}

/// Merges the two sides of a whole Link over what was agreed.
#[must_use]
pub fn merge(agreed: &Agreed, sides: Sides<'_>, mapping: &Mapping) -> Verdict {
    let ticket_moved = mapping.closes(sides.status) != mapping.closes(&agreed.status);
    let settled = || {
        Verdict::Agree(Agreed {
            conversation_closed: sides.closed.is_some(),
            status: sides.status.clone(),
        })
    };
    match (ticket_moved, sides.closed) {
        (_, Some(_)) if agreed.conversation_closed => settled(),
        (false, None) => settled(),
        (true, None) if mapping.closes(sides.status) => Verdict::Close {
            rule: "mapping.conversation.close_on_status",
        },
        (true, None) => settled(),
        (true, Some(_))
            if (mapping.on_conflict == OnConflict::Ticket) ^ planted!(OnConflictInverted) =>
        {
            settled()
        }
        (true | false, Some(reason)) => {
            let status = mapping.status_on_close(reason);
            if status == sides.status || mapping.vocabulary().is_final(sides.status) {
                settled()
            } else {
                Verdict::SetStatus {
                    status: status.clone(),
                    rule: format!("mapping.ticket.status_on_close ({reason})"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::tests::opens_always;

    /// What comes of a ticket that moves from one status to another while its conversation goes on.
    fn moved(from: &str, to: &str) -> Verdict {
        let agreed = Agreed {
            conversation_closed: false,
            status: Status::new(from),
        };
        let status = Status::new(to);
        let sides = Sides {
            closed: None,
            status: &status,
        };
        merge(&agreed, sides, &opens_always())
    }

    // A person gave the close up, so that the conversation went on beside a solved ticket.
    #[test]
    fn a_ticket_that_is_open_again_closes_no_conversation() {
        let closes = |verdict| matches!(verdict, Verdict::Close { .. });
        assert!(closes(moved("open", "solved")));
        let again = moved("solved", "open");
        let Verdict::Agree(agreed) = again else {
            panic!("{again:?}");
        };
        assert_eq!(agreed.status, Status::new("open"));
        assert!(!agreed.conversation_closed);
    }
}
