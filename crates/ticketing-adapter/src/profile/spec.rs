//! The language of profile files as it is written. Neighbours: `compile`, which checks it and turns
//! it into rules; `docs/PROFILES.md`, its manual.
//!
//! A text called an expression here is a MiniJinja expression (`body.ticket.id`); one called a
//! template is text with expressions in double braces.

use bridge_core::call::Resolve;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

mod auth;
mod setup;
mod vocabulary;
mod webhook;

pub(crate) use auth::{AuthSpec, MyselfSpec, SessionSpec};
pub(crate) use setup::{LookSpec, PartSpec, SecretSpec, SetupCallSpec, SetupSpec};
pub(crate) use vocabulary::{ErrorsSpec, ListedWordsSpec, VocabularySpec};
pub(crate) use webhook::{
    Digest, Encoding, EventKind, EventSpec, ExampleSpec, FilesSpec, ProofSpec, SignatureSpec,
    WebhookSpec,
};

/// A profile: all that the bridge knows of one ticketing system.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileSpec {
    /// The name that `profile = "..."` in the bridge's config gives it.
    pub name: String,
    /// What people call the system.
    pub title: String,
    /// The credentials it needs, by the names that expressions use.
    #[serde(default)]
    pub credentials: BTreeMap<String, CredentialSpec>,
    /// How a request proves who sends it.
    pub auth: AuthSpec,
    /// Whose credential it is.
    pub myself: Option<MyselfSpec>,
    /// What the operator may set, by the names that expressions use.
    #[serde(default)]
    pub options: BTreeMap<String, OptionSpec>,
    /// Its words for statuses.
    pub vocabulary: VocabularySpec,
    /// How to read its refusals.
    #[serde(default)]
    pub errors: ErrorsSpec,
    /// How a ticket is read, by the name of the place it stands in.
    pub ticket: BTreeMap<String, ShapeSpec>,
    /// Its calls.
    pub operations: OperationsSpec,
    /// Its webhooks; without them only the sweep sees its changes.
    pub webhook: Option<WebhookSpec>,
    /// How it is made to send them.
    pub setup: Option<SetupSpec>,
}

/// One credential.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialSpec {
    /// What it is and where to get it.
    pub about: String,
}

/// One thing the operator may set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OptionSpec {
    /// What it is and where to find it.
    pub about: String,
    /// What it looks like.
    #[serde(default)]
    pub kind: OptionKind,
    /// Whether it must be set.
    #[serde(default)]
    pub required: bool,
    /// Its value where it is not set.
    pub default: Option<String>,
}

/// What an option looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OptionKind {
    /// Any text.
    #[default]
    Text,
    /// Digits alone, such as an id.
    Digits,
}

/// How a ticket is read: expressions over `it` (the ticket), `body` (all of the answer or
/// webhook), `headers`, `also` (what `then` read) and `options`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShapeSpec {
    /// Its id.
    pub id: String,
    /// Its status.
    pub status: String,
    /// Which state of it this is.
    #[serde(default)]
    pub version: VersionSpec,
    /// Its subject.
    pub subject: Option<String>,
    /// Its priority.
    pub priority: Option<String>,
    /// A list of its tags, or a text of tags with spaces between.
    pub tags: Option<String>,
    /// The name of its group or queue.
    pub group: Option<String>,
    /// Who asked.
    #[serde(default)]
    pub requester: RequesterSpec,
    /// Who works on it.
    pub assignee: Option<String>,
    /// The conversation in its link field.
    pub link_field: Option<String>,
    /// A map of its other fields.
    pub fields: Option<String>,
    /// Where an agent opens it.
    pub url: Option<String>,
    /// When it was made.
    pub created_at: Option<String>,
    /// The ticket that took it in.
    pub merged_into: Option<String>,
}

/// How the requester is read.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequesterSpec {
    /// Their id, as `create` takes it.
    pub id: Option<String>,
    /// Their name.
    pub name: Option<String>,
    /// Their phone.
    pub phone: Option<String>,
    /// Their mail address.
    pub email: Option<String>,
    /// Our own id for them.
    pub external_id: Option<String>,
}

/// How two states of a ticket are told apart: by at most one of these.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VersionSpec {
    /// A number that grows with each change.
    pub number: Option<String>,
    /// The time of the last change.
    pub time: Option<String>,
    /// How fine that time is, in milliseconds.
    pub granule_ms: Option<u32>,
}

/// The calls. A system without one of them goes without what it brings.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationsSpec {
    /// Makes sure that a person is known. Names: `requester`.
    pub upsert_requester: Option<OperationSpec>,
    /// Makes a ticket. Names: `new`, `requester_id`, `conversation`, `intent`.
    pub create: Option<OperationSpec>,
    /// Adds an internal note. Names: `ticket`, `note`, `intent`.
    pub note: Option<OperationSpec>,
    /// Adds a public comment. Names: `ticket`, `comment`, `intent`.
    pub comment: Option<OperationSpec>,
    /// Hangs a customer's file on a ticket, as a comment of its own. Names: `ticket`, `comment.body`,
    /// `file`, `intent`, `upload`.
    pub attach: Option<OperationSpec>,
    /// Sets the status. Names: `ticket`, `status`.
    pub set_status: Option<OperationSpec>,
    /// Writes the conversation into the link field. Names: `ticket`, `conversation`.
    pub set_link_field: Option<OperationSpec>,
    /// Sets fields. Names: `ticket`, `fields`.
    pub set_fields: Option<OperationSpec>,
    /// Reads a ticket. Names: `ticket`.
    pub get: Option<OperationSpec>,
    /// Finds tickets by their link field. Names: `conversation`, `page`.
    pub find_by_link_field: Option<OperationSpec>,
    /// Finds a person's tickets. Names: `requester_id`, `page`.
    pub find_open_by_requester: Option<OperationSpec>,
    /// Lists what changed. Names: `since`.
    pub changed_since: Option<OperationSpec>,
    /// Lists the comments that were written, on whatever ticket: for a system where a comment leaves its ticket as it was,
    /// so that `changed_since` does not tell of it. `comments` says how one is read. Names: `since`.
    pub commented_since: Option<OperationSpec>,
    /// Lists a ticket's comments as texts: what became of a note or comment of ours. Names: `ticket`,
    /// `page`.
    pub notes: Option<OperationSpec>,
    /// Lists a ticket's comments with who wrote them, the latest first where there are pages: what no
    /// webhook told of is found so. Names: `ticket`, `page`.
    pub comments: Option<OperationSpec>,
    /// The operations that the system does not have, each with the reason: so that `profile check`
    /// can tell what is left out from what was forgotten.
    #[serde(default)]
    pub absent: BTreeMap<String, String>,
}

/// A request: what is sent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationSpec {
    /// An expression over `options`: whether this form is used. The first of `instead` that holds
    /// goes before the operation itself.
    pub when: Option<String>,
    /// Other forms of the operation, each with its `when`.
    #[serde(default)]
    pub instead: Vec<OperationSpec>,
    /// The method; GET where it is left out.
    #[serde(default)]
    pub method: Method,
    /// A template for the path below the base URL. Between two slashes is one segment, escaped as one.
    pub path: String,
    /// Templates for the query; one without value is left out.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Templates for headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The JSON body, its texts being templates.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub body: Option<toml::Table>,
    /// The statuses that mean yes.
    #[serde(default = "two_hundred")]
    pub ok: Vec<u16>,
    /// An expression over the answer that must hold for a yes.
    pub ok_when: Option<String>,
    /// Lists: statuses that say that there is nothing.
    #[serde(default)]
    pub absent: Vec<u16>,
    /// `create`: refusals that say that the ticket is there already: it is looked up.
    #[serde(default)]
    pub taken: Vec<TakenSpec>,
    /// Writes: reads that come first; their bodies are `also.NAME` in the request.
    #[serde(default)]
    pub first: Vec<ThenSpec>,
    /// Writes: an expression that must hold once `first` was read; else the write is refused, unsent.
    pub only_if: Option<String>,
    /// `create`: writes that follow once the ticket is there, each of which may be done twice.
    #[serde(default)]
    pub after: Vec<AfterSpec>,
    /// Writes: how an unknown outcome is resolved.
    pub resolve: Option<ResolveSpec>,
    /// Writes: how a yes is made sure of where the answer cannot be believed.
    pub verify: Option<Verify>,
    /// `upsert_requester`: a read that may find the person already there.
    pub find_first: Option<FindFirstSpec>,
    /// `comment`: whether only agents see it, since the system's tickets have no comments for customers.
    #[serde(default)]
    pub agents_only: bool,
    /// `attach`: a call that brings the file's bytes before; its answer is `upload`.
    pub upload: Option<UploadSpec>,
    /// `attach`: the body goes as multipart/form-data, a part for each of its keys, and the file's bytes
    /// as the part of this name.
    pub file_part: Option<String>,
    /// `upsert_requester`, `create`: an expression for the id in the answer.
    pub id: Option<String>,
    /// An expression for the ticket in the answer.
    pub ticket: Option<String>,
    /// Lists: an expression for the list in the answer.
    pub items: Option<String>,
    /// `notes`: an expression for the text of one comment, over `it` and `also`.
    pub text: Option<String>,
    /// `comments`: how one is read, by expressions over `it` and `also`; one of `commented_since` is read so too.
    pub comment: Option<ListedSpec>,
    /// `commented_since`: an expression for the id of a comment's ticket, over `it` and `also`. What has none is left out:
    /// it was said of something else.
    pub ticket_id: Option<String>,
    /// Which `[ticket.NAME]` reads the ticket or the items.
    pub shape: Option<String>,
    /// Whether the ticket in a write's answer lacks something that rules may ask for.
    #[serde(default)]
    pub partial: bool,
    /// Reads that complete the answer, or each item of a list; their bodies are `also.NAME`.
    #[serde(default)]
    pub then: Vec<ThenSpec>,
    /// `get`: what it means when the answer is another ticket.
    pub other_id: Option<OtherId>,
    /// Lists with pages: how many items a full page has.
    pub page_size: Option<usize>,
    /// `changed_since`, `commented_since`: how the listing goes on.
    pub cursor: Option<CursorSpec>,
    /// `find_by_link_field`, `changed_since`: the system cannot be asked for these alone, and why. The list
    /// has others among them, which are left out here.
    pub unfiltered: Option<String>,
}

/// A refusal that says that what was to be made is there.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakenSpec {
    /// Its status.
    pub status: u16,
    /// An expression over the answer that must hold as well.
    pub when: Option<String>,
}

/// A write that follows a write. Names: what the operation itself may name, `ticket.id`, and `ticket.found`:
/// whether it was made earlier, so that this may have been done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AfterSpec {
    /// Reads that come before; their bodies are `also.NAME`.
    #[serde(default)]
    pub first: Vec<ThenSpec>,
    /// An expression: whether it is needed.
    pub when: Option<String>,
    /// The method.
    pub method: Method,
    /// The path, as in an operation.
    pub path: String,
    /// The JSON body, as in an operation.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub body: Option<toml::Table>,
    /// The statuses that mean yes.
    #[serde(default = "two_hundred")]
    pub ok: Vec<u16>,
}

/// A call with a file's bytes as its body, and the file's type as theirs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadSpec {
    /// A template for the path below the base URL.
    pub path: String,
    /// Templates for the query.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Templates for headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The bytes go as the part of this name of a multipart/form-data; bare, if left out.
    pub file_part: Option<String>,
    /// With `file_part`: the parts beside the file, one for each key; a table goes as its JSON.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub body: Option<toml::Table>,
    /// The statuses that mean yes.
    #[serde(default = "two_hundred")]
    pub ok: Vec<u16>,
}

/// How a comment of a list is read. Its id is the same as in a webhook.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListedSpec {
    /// Its id.
    pub id: String,
    /// Its text.
    pub body: String,
    /// Whether the customer may see it.
    pub public: String,
    /// Whether an agent wrote it: neither we, nor the requester, nor an automation.
    pub by_agent: String,
    /// Whether our own API user wrote it.
    pub by_us: String,
    /// When it was written.
    pub at: String,
    /// The files that came with it, as in a webhook.
    pub files: Option<FilesSpec>,
    /// Whether the first of a ticket's comments is its description.
    #[serde(default)]
    pub first_is_description: bool,
}

fn two_hundred() -> Vec<u16> {
    vec![200]
}

/// The methods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    /// Reads.
    #[default]
    Get,
    /// Makes, or acts.
    Post,
    /// Changes.
    Put,
    /// Changes.
    Patch,
    /// Takes away: in the set-up alone, since the bridge never deletes a ticket.
    Delete,
}

/// How a yes is made sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verify {
    /// The ticket is read again, and what was set is compared.
    Reread,
}

/// What another ticket in the answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OtherId {
    /// The one asked for was merged into the one answered.
    Merged,
}

/// How an unknown outcome is resolved.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ResolveSpec {
    /// The request carries the intent's id and the system does it once.
    IdempotencyKey,
    /// Twice is the same as once.
    Idempotent,
    /// A read finds it at once.
    DirectLookup,
    /// A search finds it after a while.
    LaggingSearch {
        /// How long the index may lag, in seconds.
        lag_seconds: u32,
    },
    /// A webhook tells.
    EventConfirm,
    /// Nothing tells.
    None,
}

impl From<ResolveSpec> for Resolve {
    fn from(spec: ResolveSpec) -> Self {
        match spec {
            ResolveSpec::IdempotencyKey => Self::IdempotencyKey,
            ResolveSpec::Idempotent => Self::Idempotent,
            ResolveSpec::DirectLookup => Self::DirectLookup,
            ResolveSpec::LaggingSearch { lag_seconds } => Self::LaggingSearch {
                lag: Duration::from_secs(u64::from(lag_seconds)),
            },
            ResolveSpec::EventConfirm => Self::EventConfirm,
            ResolveSpec::None => Self::None,
        }
    }
}

/// A read before a write, which may make it needless.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindFirstSpec {
    /// The path, as in an operation.
    pub path: String,
    /// The query, as in an operation.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Statuses that say there is none.
    #[serde(default)]
    pub absent: Vec<u16>,
    /// An expression for the id of what was found; without value, there is none.
    pub id: String,
}

/// A read after a read, which completes it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThenSpec {
    /// Its body is `also.NAME`.
    pub name: String,
    /// An expression: whether it is needed.
    pub when: Option<String>,
    /// The path, as in an operation.
    pub path: String,
    /// The query, as in an operation.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// Statuses that say there is nothing to add.
    #[serde(default)]
    pub absent: Vec<u16>,
}

/// How `changed_since` goes on from page to page and from sweep to sweep.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CursorSpec {
    /// What the system takes to go on.
    pub kind: CursorKind,
    /// An expression over `it`: when this ticket last changed. Older ones than the beginning are left out.
    pub changed_at: String,
    /// An expression for the next token; where `kind` is `time`, of the next page of this listing.
    pub next: Option<String>,
    /// `token`: an expression for whether there is more at once.
    pub more: Option<String>,
    /// Statuses that say that the token is not known any more: the listing begins anew.
    #[serde(default)]
    pub gone: Vec<u16>,
    /// `token`: the listing is a log, the earliest first, which cannot be asked from a date. What is
    /// older than `since.at` is left out unread.
    #[serde(default)]
    pub log: bool,
}

/// What the system takes to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CursorKind {
    /// A token of its own, `since.token`; the first call has none and goes by `since.at`.
    Token,
    /// The time of the last change seen, `since.at`, with `since.page` where one time fills a page.
    Time,
}
