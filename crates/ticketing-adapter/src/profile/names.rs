//! What the request of each operation may name, and what it must: one table, read by the check and by the
//! manual. Neighbours: `carried`, which checks it; `rules`, which has the kinds.
//!
//! What must be named is that without which a call is answered with yes and does something else: it
//! writes nothing, moves another ticket, or brings everybody's instead of one's own.

use super::{
    rules::Kind,
    spec::{CursorKind, OperationSpec, ResolveSpec},
};

/// Something that a request cannot do without.
#[derive(Debug)]
pub(super) struct Must {
    /// The names, of which one at least is there.
    pub(super) one_of: &'static [&'static str],
    /// Which requests of this kind it holds for.
    pub(super) when: When,
    /// What comes of a request without it.
    pub(super) lest: &'static str,
    /// How it may be written.
    pub(super) such_as: &'static str,
    /// Whether a list may do without it and say why, since what it brings is compared here.
    pub(super) unfiltered: bool,
    /// Whether it is said by what is chosen for it, such as a number for each status.
    pub(super) by_choice: bool,
}

impl Must {
    const fn always(
        one_of: &'static [&'static str],
        lest: &'static str,
        such_as: &'static str,
    ) -> Self {
        Self {
            one_of,
            when: When::Always,
            lest,
            such_as,
            unfiltered: false,
            by_choice: false,
        }
    }

    const fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    const fn or_chosen_by(self) -> Self {
        Self {
            by_choice: true,
            ..self
        }
    }

    const fn unless_unfiltered(self) -> Self {
        Self {
            unfiltered: true,
            ..self
        }
    }
}

/// Which requests something holds for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// A lost create is looked for by the conversation in it.
    LookedUp,
    /// What is sent again makes no second ticket, and adds no words twice.
    Repeated,
    /// The system knows by its key what it has done.
    Keyed,
    /// Nobody can read or add to the ticket later.
    OnlyMade,
    /// The file's bytes stand in the body itself.
    InBody,
    /// They are brought by a call before.
    Uploaded,
    /// A full page has another behind it.
    Paged,
    /// The same, of a listing by time.
    PagedByTime,
    /// A listing is asked from a time.
    ByTime,
    /// A listing is asked from a token.
    ByToken,
}

impl When {
    /// In words, behind the name; nothing where it always holds.
    #[cfg(test)]
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Always => "",
            Self::LookedUp => " where a lost one is looked up",
            Self::Repeated => " where it is sent again",
            Self::Keyed => " with `idempotency_key`",
            Self::OnlyMade => " without `get`",
            Self::InBody => " without `upload` and `file_part`",
            Self::Uploaded => " with `upload`",
            Self::Paged => " with `page_size`",
            Self::PagedByTime => " with `page_size`, by time",
            Self::ByTime => " by time",
            Self::ByToken => " by token",
        }
    }

    pub(super) fn holds(self, spec: &OperationSpec, only_made: bool) -> bool {
        use ResolveSpec::{DirectLookup, IdempotencyKey, Idempotent, LaggingSearch};
        let cursor = spec.cursor.as_ref();
        let by_time = cursor.is_some_and(|cursor| cursor.kind == CursorKind::Time);
        let by_token =
            cursor.is_some_and(|cursor| cursor.kind == CursorKind::Token || cursor.next.is_some());
        match self {
            Self::Always => true,
            Self::LookedUp => matches!(spec.resolve, Some(DirectLookup | LaggingSearch { .. })),
            Self::Repeated => matches!(spec.resolve, Some(Idempotent)),
            Self::Keyed => matches!(spec.resolve, Some(IdempotencyKey)),
            Self::OnlyMade => only_made,
            Self::InBody => spec.upload.is_none() && spec.file_part.is_none(),
            Self::Uploaded => spec.upload.is_some(),
            Self::Paged => spec.page_size.is_some(),
            Self::PagedByTime => spec.page_size.is_some() && by_time && !by_token,
            Self::ByTime => by_time,
            Self::ByToken => by_token,
        }
    }
}

const TICKET: Must = Must::always(
    &["ticket.id"],
    "it would go to another ticket, or to none",
    "path = \"/tickets/{{ ticket.id }}\"",
);

const COMMENT: Must = Must::always(
    &["comment.body"],
    "what the customer wrote would be lost, and the call answered with yes",
    "body.text = \"{{ comment.body | plain }}\"",
);

const WORDS_ONCE: Must = Must::always(
    &["intent.id"],
    "sent again the same words would stand there twice",
    "the key by which the system knows them: body.key = \"{{ intent.id }}\"; or have them looked for: resolve.by = \"direct_lookup\"",
)
.when(When::Repeated);

const FILE_ONCE: Must = Must::always(
    &["intent.id"],
    "sent again the same file would hang there twice",
    "the key by which the system knows it: body.key = \"{{ intent.id }}\"; or have it looked for: resolve.by = \"direct_lookup\"",
)
.when(When::Repeated);

/// By its name the system knows that it has done this.
const KEY: Must = Must::always(
    &["intent.id"],
    "the system would do it again, since nothing tells it that it has done it",
    "headers = { Idempotency-Key = \"{{ intent.id }}\" }",
)
.when(When::Keyed);

const PAGE: Must = Must::always(
    &["page"],
    "the first page would be read again and again, and no other",
    "query = { page = \"{{ page }}\" }",
)
.when(When::Paged);

const CREATE: &[Must] = &[
    Must::always(
        &["new.subject", "new.description"],
        "the ticket would not say what it is about",
        "body.subject = \"{{ new.subject | line }}\"",
    ),
    Must::always(
        &["new.description"],
        "what the customer wrote would be on no ticket, as nothing can be added to it later",
        "body.text = \"{{ new.description | plain }}\"",
    )
    .when(When::OnlyMade),
    Must::always(
        &["conversation.id"],
        "a create whose answer was lost would not be found, and made again",
        "the link field: body.conversation_id = \"{{ conversation.id }}\"",
    )
    .when(When::LookedUp),
    Must::always(
        &["conversation.id", "intent.id"],
        "sent again it would make a second ticket",
        "the key by which the system knows it: body.key = \"{{ conversation.id }}\"",
    )
    .when(When::Repeated),
    KEY,
];

const NOTE: &[Must] = &[
    TICKET,
    Must::always(
        &["note.body"],
        "the words would be lost, and the call answered with yes",
        "body.text = \"{{ note.body | plain }}\"",
    ),
    WORDS_ONCE,
    KEY,
];

const ATTACH: &[Must] = &[
    TICKET,
    COMMENT,
    Must::always(
        &["file.base64"],
        "the file would be lost, and the call answered with yes",
        "body.file = \"{{ file.base64 }}\"; or say how its bytes go, by `file_part` or `upload`",
    )
    .when(When::InBody),
    Must::always(
        &["upload.*"],
        "the file would be brought there and hang on no ticket",
        "body.uploads = [\"{{ upload.id }}\"]; or bring it to the ticket itself, by {{ ticket.id }} in `upload`",
    )
    .when(When::Uploaded),
    FILE_ONCE,
    KEY,
];

const SET_STATUS: &[Must] = &[
    TICKET,
    Must::always(
        &["status", "status_code"],
        "every ticket would get the same status, whichever is wanted",
        "body.status = \"{{ status }}\"",
    )
    .or_chosen_by(),
];

const SET_LINK_FIELD: &[Must] = &[
    TICKET,
    Must::always(
        &["conversation.id"],
        "the ticket would not name its conversation, and not be found by it",
        "body.conversation_id = \"{{ conversation.id }}\"",
    ),
];

const SET_FIELDS: &[Must] = &[
    TICKET,
    Must::always(
        &["fields.*"],
        "nothing would be set, and the call answered with yes",
        "body.fields = \"{{ fields | plain }}\"",
    )
    .or_chosen_by(),
];

const FIND_BY_LINK_FIELD: &[Must] = &[
    Must::always(
        &["conversation.id"],
        "it would list any tickets, and a ticket that is not among the first of them would be made again",
        "query = { conversation_id = \"{{ conversation.id }}\" }",
    )
    .unless_unfiltered(),
    PAGE,
];

const FIND_OPEN_BY_REQUESTER: &[Must] = &[
    Must::always(
        &["requester_id"],
        "another customer's open ticket would be taken for this one's",
        "query = { requester_id = \"{{ requester_id }}\" }",
    ),
    PAGE,
];

const CHANGED_SINCE: &[Must] = &[
    Must::always(
        &["since.at"],
        "each sweep would list the same tickets from the beginning, and never come to the last",
        "query = { since = \"{{ since.at | format_time('%Y-%m-%dT%H:%M:%SZ') }}\" }",
    )
    .when(When::ByTime)
    .unless_unfiltered(),
    Must::always(
        &["since.token"],
        "the same page would be asked again and again, and no other",
        "query = { cursor = \"{{ since.token }}\" }",
    )
    .when(When::ByToken),
    Must::always(
        &["since.page"],
        "where one second fills a page, the listing would stay on it for ever",
        "query = { page = \"{{ since.page }}\" }",
    )
    .when(When::PagedByTime),
];

/// By what a person is known: two people have the same name.
pub(super) const PERSON: Must = Must::always(
    &[
        "requester.phone",
        "requester.external_id",
        "requester.email",
    ],
    "one customer would be taken for another",
    "{{ requester.phone }}",
);

/// What follows a create follows on its ticket.
pub(super) const FOLLOWS: Must = TICKET;

/// The next page of what the set-up looks through, by its number.
pub(super) const LOOK_PAGE: Must = Must::always(
    &["page"],
    "the first page would be read again and again, and what is ours on another made twice",
    "query = { page = \"{{ page }}\" }",
);

/// The same by a token.
pub(super) const LOOK_TOKEN: Must = Must::always(
    &["token"],
    "the first page would be read again and again, and what is ours on another made twice",
    "query = { after = \"{{ token }}\" }",
);

/// One thing of the set-up that is there.
pub(super) const THE_ONE: Must = Must::always(
    &["id"],
    "it would reach somebody else's, or all of them",
    "path = \"/webhooks/{{ id }}\"",
);

impl Kind {
    /// What a request of this kind cannot do without.
    pub(super) fn musts(self) -> &'static [Must] {
        match self {
            Self::UpsertRequester => const { &[PERSON] },
            Self::Create => CREATE,
            Self::Note => NOTE,
            Self::Comment => const { &[TICKET, COMMENT, WORDS_ONCE, KEY] },
            Self::Attach => ATTACH,
            Self::SetStatus => SET_STATUS,
            Self::SetLinkField => SET_LINK_FIELD,
            Self::SetFields => SET_FIELDS,
            Self::Get => const { &[TICKET] },
            Self::FindByLinkField => FIND_BY_LINK_FIELD,
            Self::FindOpenByRequester => FIND_OPEN_BY_REQUESTER,
            Self::ChangedSince | Self::CommentedSince => CHANGED_SINCE,
            Self::Notes | Self::Comments => const { &[TICKET, PAGE] },
        }
    }

    /// What expressions of its request may name, beside `options` and `now`.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::UpsertRequester => &[
                "requester.name",
                "requester.phone",
                "requester.email",
                "requester.external_id",
            ],
            Self::Create => &[
                "new.subject",
                "new.description",
                "new.tags",
                "new.fields.*",
                "new.requester.name",
                "new.requester.phone",
                "new.requester.email",
                "new.requester.external_id",
                "requester_id",
                "conversation.id",
                "intent.id",
            ],
            Self::Note => &["ticket.id", "note.body", "intent.id"],
            Self::Comment => &["ticket.id", "comment.body", "intent.id"],
            Self::Attach => &[
                "ticket.id",
                "comment.body",
                "file.name",
                "file.type",
                "file.base64",
                "file.public",
                "intent.id",
            ],
            Self::SetStatus => &["ticket.id", "status", "status_code"],
            Self::SetLinkField => &["ticket.id", "conversation.id"],
            Self::SetFields => &["ticket.id", "fields.*"],
            Self::Get => &["ticket.id"],
            Self::FindByLinkField => &["conversation.id", "page"],
            Self::FindOpenByRequester => &["requester_id", "page"],
            Self::ChangedSince | Self::CommentedSince => &["since.at", "since.token", "since.page"],
            Self::Notes | Self::Comments => &["ticket.id", "page"],
        }
    }
}
