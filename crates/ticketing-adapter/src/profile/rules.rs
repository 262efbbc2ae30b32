//! A profile as it is used: checked and compiled. Neighbours: `compile` makes it from the written
//! form, client and webhook work by it.

use super::{
    auth::Myself,
    expr::{Expr, Template, Tree},
    filters::{self, millis},
    setup::SetupRules,
    shape::{Codes, Shape},
    spec::{CursorKind, Digest, Encoding, EventKind, ExampleSpec, Method, OptionKind},
};
use bridge_core::{
    call::Resolve,
    effect::Operation,
    event::Comment,
    ids::MessageId,
    message::{Enclosed, UNKNOWN_MIME_TYPE},
    text::Text,
    ticket::Vocabulary,
    time::Timestamp,
};
use http::HeaderName;
use minijinja::value::Value;
use std::{collections::BTreeMap, sync::Arc};

/// All rules of one profile.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) credentials: BTreeMap<String, String>,
    pub(crate) options: BTreeMap<String, OptionRule>,
    pub(crate) auth: Auth,
    pub(crate) myself: Option<Myself>,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) codes: Arc<Codes>,
    /// The list of the statuses that the site has.
    pub(crate) listed: Option<ListedWords>,
    pub(crate) reason: Option<Expr>,
    pub(crate) later: Vec<u16>,
    pub(crate) operations: BTreeMap<Kind, OperationRule>,
    /// Why there is none of these.
    pub(crate) absent: BTreeMap<Kind, String>,
    pub(crate) webhook: Option<WebhookRules>,
    pub(crate) setup: Option<SetupRules>,
}

/// One thing the operator may set.
#[derive(Debug)]
pub(crate) struct OptionRule {
    pub(crate) about: String,
    pub(crate) kind: OptionKind,
    pub(crate) required: bool,
    pub(crate) default: Option<String>,
}

/// How a request proves who sends it.
#[derive(Debug)]
pub(crate) enum Auth {
    Basic { user: Template, password: Template },
    Header { name: HeaderName, value: Template },
    Session(Box<LogIn>),
}

/// How a token is had.
#[derive(Debug)]
pub(crate) struct LogIn {
    pub(crate) request: RequestRule,
    pub(crate) form: Vec<(String, Template)>,
    pub(crate) token: Expr,
    pub(crate) lasts: Option<Expr>,
}

/// The calls a profile can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    UpsertRequester,
    Create,
    Note,
    Comment,
    Attach,
    SetStatus,
    SetLinkField,
    SetFields,
    Get,
    FindByLinkField,
    FindOpenByRequester,
    ChangedSince,
    CommentedSince,
    Notes,
    Comments,
}

impl Kind {
    /// All of them, in the order in which a ticket meets them.
    pub(crate) const ALL: [Self; 15] = [
        Self::UpsertRequester,
        Self::Create,
        Self::Note,
        Self::Comment,
        Self::Attach,
        Self::SetStatus,
        Self::SetLinkField,
        Self::SetFields,
        Self::Get,
        Self::FindByLinkField,
        Self::FindOpenByRequester,
        Self::ChangedSince,
        Self::CommentedSince,
        Self::Notes,
        Self::Comments,
    ];

    /// The key in `[operations]`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::UpsertRequester => "upsert_requester",
            Self::Create => "create",
            Self::Note => "note",
            Self::Comment => "comment",
            Self::Attach => "attach",
            Self::SetStatus => "set_status",
            Self::SetLinkField => "set_link_field",
            Self::SetFields => "set_fields",
            Self::Get => "get",
            Self::FindByLinkField => "find_by_link_field",
            Self::FindOpenByRequester => "find_open_by_requester",
            Self::ChangedSince => "changed_since",
            Self::CommentedSince => "commented_since",
            Self::Notes => "notes",
            Self::Comments => "comments",
        }
    }

    /// What finds out whether a write of this kind was done.
    pub(crate) fn looked_up_by(self) -> Self {
        match self {
            Self::Create => Self::FindByLinkField,
            Self::Note | Self::Comment | Self::Attach => Self::Notes,
            Self::UpsertRequester
            | Self::SetStatus
            | Self::SetLinkField
            | Self::SetFields
            | Self::Get
            | Self::FindByLinkField
            | Self::FindOpenByRequester
            | Self::ChangedSince
            | Self::CommentedSince
            | Self::Notes
            | Self::Comments => Self::Get,
        }
    }

    /// Whether it changes something.
    pub(crate) fn is_write(self) -> bool {
        match self {
            Self::UpsertRequester
            | Self::Create
            | Self::Note
            | Self::Comment
            | Self::Attach
            | Self::SetStatus
            | Self::SetLinkField
            | Self::SetFields => true,
            Self::Get
            | Self::FindByLinkField
            | Self::FindOpenByRequester
            | Self::ChangedSince
            | Self::CommentedSince
            | Self::Notes
            | Self::Comments => false,
        }
    }

    /// Why a profile may leave it out without a word; most must be there or be declared absent.
    pub(crate) fn unsaid(self) -> Option<&'static str> {
        match self {
            Self::CommentedSince => Some("needed only where a comment leaves its ticket as it was"),
            _ => None,
        }
    }

    /// The call that does what an Effect of this kind wants; none for Jelou's own.
    pub(crate) fn of(operation: Operation) -> Option<Self> {
        match operation {
            Operation::Requester => Some(Self::UpsertRequester),
            Operation::Create => Some(Self::Create),
            Operation::LinkField => Some(Self::SetLinkField),
            Operation::Status => Some(Self::SetStatus),
            Operation::Fields => Some(Self::SetFields),
            Operation::Comment => Some(Self::Comment),
            Operation::File => Some(Self::Attach),
            Operation::Note => Some(Self::Note),
            Operation::Start
            | Operation::Close
            | Operation::TicketId
            | Operation::Message
            | Operation::Template
            | Operation::BotMessage
            | Operation::UserState => None,
        }
    }
}

/// What is sent.
#[derive(Debug)]
pub(crate) struct RequestRule {
    pub(crate) method: Method,
    pub(crate) path: Vec<Template>,
    pub(crate) query: Vec<(Template, Template)>,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    pub(crate) body: Option<Tree>,
}

/// How the statuses of a site are listed.
#[derive(Debug)]
pub(crate) struct ListedWords {
    pub(crate) request: RequestRule,
    pub(crate) items: Expr,
    pub(crate) word: Expr,
    pub(crate) code: Option<Expr>,
}

/// How a comment of a list is read.
#[derive(Debug)]
pub(crate) struct ListedRule {
    pub(crate) id: Expr,
    pub(crate) body: Expr,
    pub(crate) public: Expr,
    pub(crate) by_agent: Expr,
    pub(crate) by_us: Expr,
    pub(crate) at: Expr,
    pub(crate) files: Option<FilesRule>,
    pub(crate) first_is_description: bool,
}

/// One call.
#[derive(Debug)]
pub(crate) struct OperationRule {
    pub(crate) kind: Kind,
    pub(crate) when: Option<Expr>,
    pub(crate) instead: Vec<OperationRule>,
    pub(crate) request: RequestRule,
    pub(crate) ok: Vec<u16>,
    pub(crate) ok_when: Option<Expr>,
    pub(crate) absent: Vec<u16>,
    pub(crate) taken: Vec<Taken>,
    pub(crate) resolve: Resolve,
    pub(crate) verify: bool,
    pub(crate) first: Vec<Then>,
    pub(crate) only_if: Option<Expr>,
    pub(crate) after: Vec<After>,
    pub(crate) find_first: Option<FindFirst>,
    pub(crate) upload: Option<Upload>,
    pub(crate) file_part: Option<String>,
    /// Whether no customer sees what it writes.
    pub(crate) agents_only: bool,
    pub(crate) id: Option<Expr>,
    pub(crate) ticket: Option<Expr>,
    pub(crate) items: Option<Expr>,
    pub(crate) text: Option<Expr>,
    pub(crate) comment: Option<ListedRule>,
    /// Where a comment of all tickets' says whose it is.
    pub(crate) ticket_id: Option<Expr>,
    pub(crate) shape: Option<Arc<Shape>>,
    pub(crate) partial: bool,
    pub(crate) then: Vec<Then>,
    pub(crate) merged: bool,
    pub(crate) page_size: Option<usize>,
    pub(crate) cursor: Option<CursorRule>,
    /// Why a list brings more than it is asked for.
    pub(crate) unfiltered: Option<String>,
}

impl OperationRule {
    /// The form of it that fits these options.
    pub(crate) fn form(&self, options: &Value) -> &Self {
        let fits = |form: &&Self| {
            let when = form.when.as_ref();
            when.is_some_and(|when| when.is_true(options).unwrap_or(false))
        };
        self.instead.iter().find(fits).unwrap_or(self)
    }

    /// Whether calls follow it, in any of its forms.
    pub(crate) fn is_followed(&self) -> bool {
        !self.after.is_empty() || self.instead.iter().any(Self::is_followed)
    }

    /// Whether sending it again does no harm.
    pub(crate) fn is_idempotent(&self) -> bool {
        !self.kind.is_write() || self.resolve == Resolve::Idempotent
    }
}

/// A read before a write.
#[derive(Debug)]
pub(crate) struct FindFirst {
    pub(crate) request: RequestRule,
    pub(crate) absent: Vec<u16>,
    pub(crate) id: Expr,
}

/// A refusal that says that the ticket is there.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) status: u16,
    pub(crate) when: Option<Expr>,
}

/// A write after a write.
#[derive(Debug)]
pub(crate) struct After {
    pub(crate) first: Vec<Then>,
    pub(crate) when: Option<Expr>,
    pub(crate) request: RequestRule,
    pub(crate) ok: Vec<u16>,
}

/// A file's bytes, brought before what names them.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) request: RequestRule,
    pub(crate) file_part: Option<String>,
    pub(crate) ok: Vec<u16>,
}

/// A read after a read.
#[derive(Debug)]
pub(crate) struct Then {
    pub(crate) name: String,
    pub(crate) when: Option<Expr>,
    pub(crate) request: RequestRule,
    pub(crate) absent: Vec<u16>,
}

/// How `changed_since` and `commented_since` go on.
#[derive(Debug)]
pub(crate) struct CursorRule {
    pub(crate) kind: CursorKind,
    pub(crate) changed_at: Expr,
    pub(crate) next: Option<Expr>,
    pub(crate) more: Option<Expr>,
    pub(crate) gone: Vec<u16>,
    pub(crate) log: bool,
}

/// How webhooks are proven and read.
#[derive(Debug)]
pub(crate) struct WebhookRules {
    pub(crate) optional: bool,
    pub(crate) proof: Proof,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) headers: Vec<String>,
    pub(crate) delivery_body: Option<Expr>,
    pub(crate) delivery_header: Option<HeaderName>,
    pub(crate) body_unique: bool,
    pub(crate) recognised: Expr,
    pub(crate) events: Vec<EventRule>,
    pub(crate) examples: Vec<ExampleSpec>,
}

/// A question before the webhooks, answered by a signature of the proof's kind.
#[derive(Debug)]
pub(crate) struct Challenge {
    pub(crate) parameter: String,
    pub(crate) signs: String,
}

/// What proves the sender.
#[derive(Debug)]
pub(crate) enum Proof {
    Signature(Signature),
    Header { name: HeaderName, prefix: String },
    Basic,
    UrlToken,
}

/// A keyed hash.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) header: HeaderName,
    pub(crate) prefix: String,
    pub(crate) digest: Digest,
    pub(crate) encoding: Encoding,
    pub(crate) signed: Vec<Part>,
    pub(crate) timestamp: Option<HeaderName>,
}

/// A part of what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Body,
    Timestamp,
    Method,
    Host,
    Uri,
    Words(String),
}

/// What a body can mean.
#[derive(Debug)]
pub(crate) struct EventRule {
    pub(crate) event: EventKind,
    pub(crate) each: Option<Expr>,
    pub(crate) when: Expr,
    pub(crate) ticket: Expr,
    pub(crate) shape: Arc<Shape>,
    pub(crate) partial: bool,
    pub(crate) by_us: Option<Expr>,
    pub(crate) at: Option<Expr>,
    pub(crate) comment: Option<CommentRule>,
}

/// How a comment is read.
#[derive(Debug)]
pub(crate) struct CommentRule {
    pub(crate) id: Expr,
    pub(crate) body: Expr,
    pub(crate) public: Expr,
    pub(crate) by_agent: Expr,
    pub(crate) opening: Option<Expr>,
    pub(crate) files: Option<FilesRule>,
    pub(crate) files_listed: bool,
}

/// How the files of a comment are read.
#[derive(Debug)]
pub(crate) struct FilesRule {
    pub(crate) list: Expr,
    pub(crate) name: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) url: Option<String>,
}

impl FilesRule {
    /// The files. What cannot be read as one is left out: the words go on without it.
    pub(crate) fn read(&self, data: &Value) -> Vec<Enclosed> {
        let list = self.list.value(data).unwrap_or_default();
        let text = |file: &Value, key: Option<&String>| {
            let text = filters::text(&file.get_attr(key?).ok()?);
            (!text.trim().is_empty()).then_some(text)
        };
        let read = |file: Value| {
            let kind = text(&file, self.kind.as_ref());
            let name = match &self.name {
                Some(key) => text(&file, Some(key)),
                None => {
                    Some(filters::text(&file).trim().to_owned()).filter(|name| !name.is_empty())
                }
            };
            Some(Enclosed {
                name: Text::new(name?),
                mime_type: kind.unwrap_or_else(|| UNKNOWN_MIME_TYPE.to_owned()),
                url: text(&file, self.url.as_ref()).map(Text::new),
            })
        };
        filters::items(&list).filter_map(read).collect()
    }
}

impl ListedRule {
    /// A comment of a list; `None` if it cannot be read.
    pub(crate) fn read(&self, item: &Value) -> Option<Comment> {
        let id = self.id.text(item).ok().flatten()?;
        let by_us = self.by_us.is_true(item).ok()?;
        let at = self.at.value(item).ok()?;
        Some(Comment {
            id: MessageId::parse(&id).ok()?,
            body: Text::new(self.body.text(item).ok().flatten().unwrap_or_default()),
            public: self.public.is_true(item).ok()?,
            by_agent: self.by_agent.is_true(item).ok()? && !by_us,
            by_us,
            opening: false,
            files: self
                .files
                .as_ref()
                .map_or_else(Vec::new, |files| files.read(item)),
            at: millis(&at).map(Timestamp),
        })
    }
}
