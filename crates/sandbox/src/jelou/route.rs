//! Where a call to Jelou goes, by method and path; both prefixes lead to the same place.
//! Neighbour: api.

use crate::calls::Operation;

/// Where a call goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Start { project: String },
    Close { project: String },
    Conversation { project: String, id: String },
    ReadCache { user: String },
    WriteCache { user: String },
    SetMemory,
    Unknown,
}

impl Route {
    pub(super) fn of(method: &str, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or(path);
        let decode = |part: &str| {
            percent_encoding::percent_decode_str(part)
                .decode_utf8_lossy()
                .into_owned()
        };
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            (
                _,
                [
                    "jelouapi" | "platform",
                    "v1",
                    "external-support",
                    project,
                    "conversations",
                    last,
                ],
            ) => {
                let project = decode(project);
                match (method, *last) {
                    ("POST", "start") => Self::Start { project },
                    ("POST", "close") => Self::Close { project },
                    ("GET", id) => Self::Conversation {
                        project,
                        id: decode(id),
                    },
                    _ => Self::Unknown,
                }
            }
            ("GET", ["v1", "users", user, "cache"]) => Self::ReadCache { user: decode(user) },
            ("POST", ["v1", "users", user, "cache"]) => Self::WriteCache { user: decode(user) },
            ("POST", ["workflows", "v2", "memory", "users", "set"]) => Self::SetMemory,
            _ => Self::Unknown,
        }
    }

    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::Start { .. } => Operation::Start,
            Self::Close { .. } => Operation::Close,
            Self::Conversation { .. } => Operation::Conversation,
            Self::ReadCache { .. } => Operation::ReadCache,
            Self::WriteCache { .. } => Operation::WriteCache,
            Self::SetMemory => Operation::SetMemory,
            Self::Unknown => Operation::Unknown,
        }
    }
}
