//! Where a call to Jelou goes, by method and path; both prefixes lead to the same place. Three hosts
//! of Jelou's are one here. Neighbour: api.

use crate::calls::Operation;

/// Where a call goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Start { project: String },
    Close { project: String },
    Conversation { project: String, id: String },
    CreateIntegration { project: String },
    Integration { project: String },
    UpdateIntegration { project: String },
    RemoveIntegration { project: String },
    RotateSecret { project: String },
    ReadCache { user: String },
    WriteCache { user: String },
    SetMemory,
    AgentMessage,
    BotMessage { bot: String },
    Template { bot: String },
    Report,
    History { bot: String },
    UserState { user: String },
    SetUserState,
    Unknown,
}

impl Route {
    pub(super) fn of(method: &str, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or(path);
        let parts: Vec<String> = path
            .trim_start_matches('/')
            .split('/')
            .map(|part| {
                percent_encoding::percent_decode_str(part)
                    .decode_utf8_lossy()
                    .into_owned()
            })
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            [
                "jelouapi" | "platform",
                "v1",
                "external-support",
                project,
                rest @ ..,
            ] => Self::at_the_gateway(method, project, rest),
            ["workflows", "v2", "memory", "users", "set"] if method == "POST" => Self::SetMemory,
            ["v1", "external-support", "webhook"] if method == "POST" => Self::AgentMessage,
            ["v1" | "v2", ..] => Self::at_the_api(method, &parts),
            _ => Self::Unknown,
        }
    }

    fn at_the_gateway(method: &str, project: &str, rest: &[&str]) -> Self {
        let project = project.to_owned();
        match (method, rest) {
            ("POST", ["conversations", "start"]) => Self::Start { project },
            ("POST", ["conversations", "close"]) => Self::Close { project },
            ("GET", ["conversations", id]) => Self::Conversation {
                project,
                id: (*id).to_owned(),
            },
            ("POST", []) => Self::CreateIntegration { project },
            ("GET", []) => Self::Integration { project },
            ("PATCH", []) => Self::UpdateIntegration { project },
            ("DELETE", []) => Self::RemoveIntegration { project },
            ("POST", ["secret", "regenerate"]) => Self::RotateSecret { project },
            _ => Self::Unknown,
        }
    }

    fn at_the_api(method: &str, parts: &[&str]) -> Self {
        let own = |id: &&str| (*id).to_owned();
        match (method, parts) {
            ("GET", ["v1", "users", user, "cache"]) => Self::ReadCache { user: own(user) },
            ("POST", ["v1", "users", user, "cache"]) => Self::WriteCache { user: own(user) },
            ("POST", ["v1", "users", "state"]) => Self::SetUserState,
            ("GET", ["v1", "users", user, "state"]) => Self::UserState { user: own(user) },
            ("POST", ["v1", "bots", bot, "messages"]) => Self::BotMessage { bot: own(bot) },
            ("POST", ["v2", "whatsapp", bot, "hsm"]) => Self::Template { bot: own(bot) },
            ("POST", ["v1", "metrics", "conversations", "attended", "external"]) => Self::Report,
            ("GET", ["v1", "external", "messages", "history", bot]) => {
                Self::History { bot: own(bot) }
            }
            _ => Self::Unknown,
        }
    }

    pub(super) fn operation(&self) -> Operation {
        match self {
            Self::Start { .. } => Operation::Start,
            Self::Close { .. } => Operation::Close,
            Self::Conversation { .. } => Operation::Conversation,
            Self::CreateIntegration { .. } => Operation::CreateIntegration,
            Self::Integration { .. } => Operation::Integration,
            Self::UpdateIntegration { .. } => Operation::UpdateIntegration,
            Self::RemoveIntegration { .. } => Operation::RemoveIntegration,
            Self::RotateSecret { .. } => Operation::RotateSecret,
            Self::ReadCache { .. } => Operation::ReadCache,
            Self::WriteCache { .. } => Operation::WriteCache,
            Self::SetMemory => Operation::SetMemory,
            Self::AgentMessage => Operation::AgentMessage,
            Self::BotMessage { .. } => Operation::BotMessage,
            Self::Template { .. } => Operation::Template,
            Self::Report => Operation::Report,
            Self::History { .. } => Operation::History,
            Self::UserState { .. } => Operation::UserState,
            Self::SetUserState => Operation::SetUserState,
            Self::Unknown => Operation::Unknown,
        }
    }
}
