//! Reads a ticket out of an answer or a webhook. Neighbours: client and webhook, which hand it the
//! data; core's `Ticket`, which it makes.

use super::{
    expr::{EvalError, Expr, Template, json_of},
    filters::{items, millis, text},
};
use bridge_core::{
    ids::{ConversationId, TicketId},
    text::Text,
    ticket::{Requester, Status, Ticket, TicketPatch, Version},
    time::Timestamp,
};
use minijinja::value::{Value, ValueKind};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Why no ticket could be read. It names no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// A part that every ticket has is missing or of the wrong kind.
    #[error("the ticket has no readable {0}")]
    Part(&'static str),
    /// The profile's expression does not fit.
    #[error("{0}")]
    Eval(#[from] EvalError),
}

/// What stands for each status at the system, where that is not its word.
#[derive(Debug, Default)]
pub(crate) struct Codes {
    /// By the profile, and by the operator's options in it.
    pub(crate) given: Vec<(Status, Template)>,
    /// By the system's own list, once it was read.
    learnt: RwLock<Vec<(Status, String)>>,
}

impl Codes {
    pub(crate) fn new(given: Vec<(Status, Template)>) -> Self {
        Self {
            given,
            learnt: RwLock::default(),
        }
    }

    /// What stands for this status; nothing where its word does. What is given goes before what the
    /// system lists.
    pub(crate) fn code(&self, status: &Status, options: &Value) -> Read<Option<String>> {
        let known = self.given.iter().find(|(word, _)| word == status);
        if let Some((_, code)) = known {
            return Ok(code.text(options)?);
        }
        let learnt = self.learnt.read().unwrap_or_else(PoisonError::into_inner);
        let learnt = learnt.iter().find(|(word, _)| word == status);
        Ok(learnt.map(|(_, code)| code.clone()))
    }

    /// Takes what the system lists.
    pub(crate) fn learn(&self, listed: Vec<(Status, String)>) {
        *self.learnt.write().unwrap_or_else(PoisonError::into_inner) = listed;
    }

    /// The status that this stands for; what is no code is a word.
    pub(crate) fn word(&self, told: &str, data: &Value) -> Read<Status> {
        for (word, code) in &self.given {
            if code.text(data)?.as_deref() == Some(told) {
                return Ok(word.clone());
            }
        }
        let learnt = self.learnt.read().unwrap_or_else(PoisonError::into_inner);
        let listed = learnt.iter().find(|(_, code)| code == told);
        Ok(listed.map_or_else(|| Status::new(told), |(word, _)| word.clone()))
    }
}

/// How a ticket is read.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) id: Expr,
    pub(crate) status: Expr,
    pub(crate) codes: Arc<Codes>,
    pub(crate) version: VersionRule,
    pub(crate) subject: Option<Expr>,
    pub(crate) priority: Option<Expr>,
    pub(crate) tags: Option<Expr>,
    pub(crate) group: Option<Expr>,
    pub(crate) requester: RequesterRule,
    pub(crate) assignee: Option<Expr>,
    pub(crate) link_field: Option<Expr>,
    pub(crate) fields: Option<Expr>,
    pub(crate) url: Option<Expr>,
    pub(crate) created_at: Option<Expr>,
    pub(crate) merged_into: Option<Expr>,
}

/// How the requester is read.
#[derive(Debug)]
pub(crate) struct RequesterRule {
    pub(crate) id: Option<Expr>,
    pub(crate) name: Option<Expr>,
    pub(crate) phone: Option<Expr>,
    pub(crate) email: Option<Expr>,
    pub(crate) external_id: Option<Expr>,
}

/// How two states are told apart.
#[derive(Debug)]
pub(crate) enum VersionRule {
    None,
    Number(Expr),
    Time { at: Expr, granule_ms: u32 },
}

type Read<T> = Result<T, Unreadable>;

impl Shape {
    /// The whole ticket.
    pub(crate) fn ticket(&self, data: &Value) -> Read<Ticket> {
        Ok(Ticket {
            id: self.id(data)?,
            version: self.version(data)?,
            status: self.status(data)?.ok_or(Unreadable::Part("status"))?,
            subject: words(self.subject.as_ref(), data)?,
            priority: lower(self.priority.as_ref(), data)?,
            tags: self.tags(data)?.unwrap_or_default(),
            group: plain(self.group.as_ref(), data)?,
            requester: Requester {
                id: plain(self.requester.id.as_ref(), data)?,
                name: words(self.requester.name.as_ref(), data)?,
                phone: words(self.requester.phone.as_ref(), data)?,
                email: words(self.requester.email.as_ref(), data)?,
                external_id: words(self.requester.external_id.as_ref(), data)?,
            },
            assignee: words(self.assignee.as_ref(), data)?,
            // A field that agents can edit may hold anything; what is no id links nothing.
            link_field: plain(self.link_field.as_ref(), data)?
                .and_then(|id| ConversationId::parse(id.trim()).ok()),
            fields: self.fields(data)?,
            url: plain(self.url.as_ref(), data)?,
            created_at: moment(self.created_at.as_ref(), data)?,
            merged_into: plain(self.merged_into.as_ref(), data)?
                .and_then(|id| TicketId::parse(&id).ok()),
        })
    }

    /// Its id.
    pub(crate) fn id(&self, data: &Value) -> Read<TicketId> {
        let id = self.id.text(data)?.ok_or(Unreadable::Part("id"))?;
        TicketId::parse(&id).map_err(|_| Unreadable::Part("id"))
    }

    /// What is told of a ticket that is not told whole.
    pub(crate) fn patch(&self, data: &Value) -> Read<TicketPatch> {
        Ok(TicketPatch {
            status: self.status(data)?,
            priority: lower(self.priority.as_ref(), data)?,
            tags: self.tags(data)?,
        })
    }

    /// Which state of it this is. A version that cannot be read says nothing, so the state is read
    /// again where it counts.
    pub(crate) fn version(&self, data: &Value) -> Read<Version> {
        Ok(match &self.version {
            VersionRule::None => Version::None,
            VersionRule::Number(expr) => expr
                .text(data)?
                .and_then(|number| number.trim().parse().ok())
                .map_or(Version::None, |number| Version::Monotonic { number }),
            VersionRule::Time { at, granule_ms } => {
                millis(&at.value(data)?).map_or(Version::None, |at| Version::Time {
                    at: Timestamp(at),
                    granule_ms: *granule_ms,
                })
            }
        })
    }

    fn status(&self, data: &Value) -> Read<Option<Status>> {
        let Some(told) = self.status.text(data)? else {
            return Ok(None);
        };
        let status = self.codes.word(&told, data)?;
        Ok(Some(status).filter(|status| !status.as_str().is_empty()))
    }

    fn tags(&self, data: &Value) -> Read<Option<Vec<String>>> {
        let Some(expr) = &self.tags else {
            return Ok(None);
        };
        let value = expr.value(data)?;
        Ok(match value.kind() {
            ValueKind::Undefined | ValueKind::None => None,
            ValueKind::String => Some(split(&text(&value))),
            _ => Some(
                items(&value)
                    .map(|tag| text(&tag))
                    .filter(|t| !t.is_empty())
                    .collect(),
            ),
        })
    }

    fn fields(&self, data: &Value) -> Read<BTreeMap<String, serde_json::Value>> {
        let Some(expr) = &self.fields else {
            return Ok(BTreeMap::new());
        };
        Ok(match json_of(&expr.value(data)?)? {
            Some(serde_json::Value::Object(map)) => map.into_iter().collect(),
            _ => BTreeMap::new(),
        })
    }
}

fn split(tags: &str) -> Vec<String> {
    tags.split_whitespace().map(str::to_owned).collect()
}

fn plain(expr: Option<&Expr>, data: &Value) -> Read<Option<String>> {
    Ok(match expr {
        Some(expr) => expr.text(data)?,
        None => None,
    })
}

fn words(expr: Option<&Expr>, data: &Value) -> Read<Option<Text>> {
    Ok(plain(expr, data)?.map(Text::new))
}

fn lower(expr: Option<&Expr>, data: &Value) -> Read<Option<String>> {
    Ok(plain(expr, data)?.map(|word| word.trim().to_lowercase()))
}

/// A time read by a profile's expression; what is no time is none.
pub(crate) fn moment(expr: Option<&Expr>, data: &Value) -> Read<Option<Timestamp>> {
    Ok(match expr {
        Some(expr) => millis(&expr.value(data)?).map(Timestamp),
        None => None,
    })
}
