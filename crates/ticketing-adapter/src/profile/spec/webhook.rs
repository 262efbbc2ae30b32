//! The language of a profile's webhooks as it is written. Neighbour: `spec`, the rest of it.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Webhooks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookSpec {
    /// Whether there are systems of this kind without webhooks, such as of an older version: where no
    /// secret is set, none is taken, and nothing is wrong.
    #[serde(default)]
    pub optional: bool,
    /// What proves the sender.
    pub proof: ProofSpec,
    /// A question that the system asks by GET before it sends: whether we know the secret too.
    pub challenge: Option<ChallengeSpec>,
    /// Headers that expressions read, beside the proof.
    #[serde(default)]
    pub headers: Vec<String>,
    /// What names one delivery, however often it comes.
    #[serde(default)]
    pub delivery_id: DeliveryIdSpec,
    /// Whether no two changes ever have the same body, so that its hash names the delivery.
    #[serde(default)]
    pub body_unique: bool,
    /// An expression: whether the body is one of this system's at all.
    pub recognised: String,
    /// What a body can mean; each entry whose `when` holds adds its events.
    pub events: Vec<EventSpec>,
    /// Bodies as the system sends them, with what they mean: `profile check` tries each.
    #[serde(default)]
    pub examples: Vec<ExampleSpec>,
}

/// A body as the system sends it, and what it means.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExampleSpec {
    /// What happened, and which page of the vendor's shows the body.
    pub about: String,
    /// The headers that expressions read.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The options that expressions read.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// The body, as JSON.
    pub body: String,
    /// What it means, an event a line: `ticket_changed 7 open`, `comment_added 7/31 public, by agent`;
    /// none for a body that is ignored.
    pub means: Vec<String>,
}

/// What proves the sender: exactly one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofSpec {
    /// A keyed hash.
    pub signature: Option<SignatureSpec>,
    /// A header that holds the secret itself.
    pub header: Option<ProofHeaderSpec>,
    /// HTTP Basic, the secret being `user:password`.
    pub basic: Option<Flag>,
    /// The secret is the last segment of the URL.
    pub url_token: Option<Flag>,
}

/// A GET whose token shows that the asker knows the secret, and whose answer shows that we do: the token
/// is the signature of a text, the answer that of the token. Any other token would have us sign whatever a
/// stranger sends.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChallengeSpec {
    /// The parameter of the address that holds the token.
    pub parameter: String,
    /// The text whose signature the token is.
    pub signs: String,
}

/// A switch that can only be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flag {}

/// A keyed hash (HMAC).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignatureSpec {
    /// The header it stands in.
    pub header: String,
    /// What stands before it there.
    #[serde(default)]
    pub prefix: String,
    /// Which hash.
    pub digest: Digest,
    /// How its bytes are written.
    pub encoding: Encoding,
    /// What is signed: `{body}`, `{timestamp}`, `{method}`, `{host}` (the header), `{uri}` (the path) and
    /// anything between them.
    pub signed: String,
    /// The header that holds the timestamp, which is signed as it is written.
    pub timestamp_header: Option<String>,
}

/// Which hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Digest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// How a hash's bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    /// Hexadecimal, either case.
    Hex,
    /// Base64.
    Base64,
}

/// A header that holds the secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofHeaderSpec {
    /// Its name.
    pub name: String,
    /// What stands before the secret there.
    #[serde(default)]
    pub prefix: String,
}

/// What names one delivery. The body goes first.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveryIdSpec {
    /// An expression over `body`.
    pub body: Option<String>,
    /// A header's name. No signature covers it, so it counts together with the body's hash.
    pub header: Option<String>,
}

/// What a body can mean. Expressions over `it`, `body`, `headers` and `options`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventSpec {
    /// Which event.
    pub event: EventKind,
    /// An expression for the list of things that each make one event, as `it`; the body, if left out.
    pub each: Option<String>,
    /// Whether it holds.
    pub when: String,
    /// The ticket.
    pub ticket: String,
    /// Which `[ticket.NAME]` reads it.
    pub shape: String,
    /// Whether that ticket lacks something that rules may ask for.
    #[serde(default)]
    pub partial: bool,
    /// Whether our own API user did it.
    pub by_us: Option<String>,
    /// When it happened.
    pub at: Option<String>,
    /// The comment.
    pub comment: Option<CommentSpec>,
}

/// Which event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EventKind {
    /// A ticket was made or changed.
    TicketChanged,
    /// A comment was added.
    CommentAdded,
}

/// How a comment is read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentSpec {
    /// Its id.
    pub id: String,
    /// Its text.
    pub body: String,
    /// Whether the customer may see it.
    pub public: String,
    /// Whether an agent wrote it: neither we, nor the requester, nor an automation.
    pub by_agent: String,
    /// Whether it may be the ticket's description, where the system keeps that as the first comment.
    pub opening: Option<String>,
    /// The files that came with it.
    pub files: Option<FilesSpec>,
    /// Whether the body tells of no files, and operation `comments` does: the comment waits for it.
    #[serde(default)]
    pub files_listed: bool,
}

/// How the files of a comment are read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilesSpec {
    /// An expression for the list of them.
    pub list: String,
    /// The key of a file's name; nothing where the list holds names, or ids, and no more.
    pub name: Option<String>,
    /// The key of its type.
    pub r#type: Option<String>,
    /// The key of its address, where anybody can have the file who has that; nothing where only the
    /// system's own people can.
    pub url: Option<String>,
}
