//! Where a call to the helpdesk goes, by method and path. Neighbour: api.

use crate::calls::Operation;

/// Where a call goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    UpsertRequester,
    Create,
    List,
    Ticket(String),
    Update(String),
    AddComment(String),
    Comments(String),
    Upload,
    Unknown,
}

impl Route {
    pub(super) fn of(method: &str, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or(path);
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("POST", ["api", "requesters"]) => Self::UpsertRequester,
            ("POST", ["api", "tickets"]) => Self::Create,
            ("GET", ["api", "tickets"]) => Self::List,
            ("GET", ["api", "tickets", id]) => Self::Ticket((*id).to_owned()),
            ("PATCH", ["api", "tickets", id]) => Self::Update((*id).to_owned()),
            ("POST", ["api", "tickets", id, "comments"]) => Self::AddComment((*id).to_owned()),
            ("GET", ["api", "tickets", id, "comments"]) => Self::Comments((*id).to_owned()),
            ("POST", ["api", "uploads"]) => Self::Upload,
            _ => Self::Unknown,
        }
    }

    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::UpsertRequester => Operation::UpsertRequester,
            Self::Create => Operation::CreateTicket,
            Self::List => Operation::Tickets,
            Self::Ticket(_) => Operation::Ticket,
            Self::Update(_) => Operation::UpdateTicket,
            Self::AddComment(_) => Operation::AddComment,
            Self::Comments(_) => Operation::Comments,
            Self::Upload => Operation::Upload,
            Self::Unknown => Operation::Unknown,
        }
    }
}
