//! What an operation needs to be one, and what contradicts itself in it. Neighbour: `operations`, which
//! compiles it.

use super::{
    compile::Checker,
    place::Place,
    rules::{Kind, OperationRule},
    spec::{Method, OperationSpec, ProfileSpec, ResolveSpec},
};

/// What each kind of operation cannot do without.
pub(super) fn complete(checker: &mut Checker<'_>, place: &Place, kind: Kind, spec: &OperationSpec) {
    let mut told = Vec::new();
    for (there, key, remedy) in needs(kind, spec) {
        if !there && !told.contains(&key) {
            told.push(key);
            checker.problem(place, format!("`{key}` is missing"), remedy);
        }
    }
}

/// The keys that each operation of this kind has, for the manual.
#[cfg(test)]
pub(super) fn needed(kind: Kind) -> Vec<&'static str> {
    let bare: OperationSpec = toml::from_str("path = \"/\"").unwrap();
    let missing = needs(kind, &bare)
        .into_iter()
        .filter(|(there, _, _)| !there);
    missing.map(|(_, key, _)| key).collect()
}

/// Whether each key is there that it cannot do without, and what to do if not.
fn needs(kind: Kind, spec: &OperationSpec) -> Vec<(bool, &'static str, &'static str)> {
    let list = (
        spec.items.is_some(),
        "items",
        "Say where the list stands in the answer.",
    );
    let ticket = (
        spec.ticket.is_some(),
        "ticket",
        "Say where the ticket stands in the answer.",
    );
    let shape = (
        spec.shape.is_some(),
        "shape",
        "Name the [ticket.NAME] that reads it.",
    );
    let id = (
        spec.id.is_some(),
        "id",
        "Say where the id stands: without it nothing is sure.",
    );
    let at = "Say where an item's text stands.";
    let text = (spec.text.is_some(), "text", at);
    let comment = (
        spec.comment.is_some(),
        "comment",
        "Say how a comment of the list is read.",
    );
    let at = "Say where the id of a comment's ticket stands.";
    let whose = (spec.ticket_id.is_some(), "ticket_id", at);
    let on = "Say how the listing goes on.";
    let cursor = (spec.cursor.is_some(), "cursor", on);
    let sure = spec.ok_when.is_some() || spec.ticket.is_some() || spec.verify.is_some();
    let proof = "A status alone proves nothing. Say what a yes has in its body or headers.";
    let resolve = "Say how it is found out what became of it when no answer comes.";
    let needs = match kind {
        Kind::UpsertRequester | Kind::Create => vec![id],
        Kind::Get => vec![ticket, shape],
        Kind::FindByLinkField | Kind::FindOpenByRequester => vec![list, shape],
        Kind::ChangedSince => vec![list, shape, cursor],
        Kind::CommentedSince => vec![list, whose, cursor],
        Kind::Notes => vec![list, text],
        Kind::Comments => vec![list, comment],
        Kind::Note
        | Kind::Comment
        | Kind::Attach
        | Kind::SetStatus
        | Kind::SetLinkField
        | Kind::SetFields => {
            vec![(sure, "ok_when", proof)]
        }
    };
    let resolved = (
        !kind.is_write() || spec.resolve.is_some(),
        "resolve",
        resolve,
    );
    let read = (
        spec.ticket.is_none() || spec.shape.is_some(),
        "shape",
        shape.2,
    );
    needs.into_iter().chain([resolved, read]).collect()
}

/// What contradicts itself in it.
pub(super) fn consistent(
    checker: &mut Checker<'_>,
    place: &Place,
    kind: Kind,
    spec: &OperationSpec,
) {
    let verifies = matches!(
        kind,
        Kind::SetStatus
            | Kind::SetLinkField
            | Kind::SetFields
            | Kind::Note
            | Kind::Comment
            | Kind::Attach
    );
    if spec.verify.is_some() && !verifies {
        let remedy = "Only set_status, set_link_field, set_fields, note, comment and attach can be read again and compared.";
        checker.problem(&place.key("verify"), "it cannot be verified", remedy);
    }
    let prepares = !spec.first.is_empty() || spec.only_if.is_some();
    if prepares && !kind.is_write() {
        let remedy = "Only a write has reads that come first; a read has `then`.";
        checker.problem(&place.key("first"), "it is a read itself", remedy);
    }
    of_comments(checker, place, kind, spec);
    if spec.file_part.is_some() && kind != Kind::Attach {
        let remedy = "Only `attach` brings a file.";
        checker.problem(&place.key("file_part"), "there is no file to bring", remedy);
    }
    if !spec.after.is_empty() && kind != Kind::Create {
        let remedy = "Only `create` has writes that follow it.";
        checker.problem(&place.key("after"), "nothing follows this", remedy);
    }
    if !spec.absent.is_empty() && spec.items.is_none() {
        let remedy = "Only a list can be empty; a `then` and a `find_first` have their own.";
        checker.problem(&place.key("absent"), "it lists nothing", remedy);
    }
    let looks = matches!(
        spec.resolve,
        Some(ResolveSpec::DirectLookup | ResolveSpec::LaggingSearch { .. })
    );
    let looked_up = kind == Kind::Create && looks;
    if !spec.taken.is_empty() && !looked_up {
        let remedy =
            "Only a `create` that is resolved by direct_lookup or lagging_search is looked up.";
        checker.problem(
            &place.key("taken"),
            "nothing looks for what is there",
            remedy,
        );
    }
    let by_key = matches!(spec.resolve, Some(ResolveSpec::IdempotencyKey));
    if by_key && !kind.names().contains(&"intent.id") {
        let remedy = "Only create, note, comment and attach have {{ intent.id }}. Twice is the same as once here, if it is: resolve.by = \"idempotent\".";
        checker.problem(&place.key("resolve"), "it has no idempotency key", remedy);
    }
    yes(checker, place, &spec.ok);
    full_page(checker, place, spec.page_size);
    let fits = match spec.method {
        Method::Get => !kind.is_write(),
        Method::Post => true,
        Method::Put | Method::Patch => kind.is_write(),
        Method::Delete => false,
    };
    if !fits {
        let remedy =
            "Writes use POST, PUT or PATCH; reads GET, or POST where a search wants a body.";
        checker.problem(&place.key("method"), "the method does not fit", remedy);
    }
}

/// How a comment is read stands where comments are listed.
fn of_comments(checker: &mut Checker<'_>, place: &Place, kind: Kind, spec: &OperationSpec) {
    if spec.comment.is_some() && kind != Kind::Comments {
        let remedy = "Only `comments` says how one is read; `commented_since` goes by that.";
        checker.problem(&place.key("comment"), "it is not read here", remedy);
    }
    if spec.agents_only && kind != Kind::Comment {
        let remedy = "Only `comment` may be one for agents; a `note` always is.";
        checker.problem(&place.key("agents_only"), "it is not asked here", remedy);
    }
    if spec.ticket_id.is_some() && kind != Kind::CommentedSince {
        let remedy = "Only `commented_since` asks whose a comment is.";
        checker.problem(&place.key("ticket_id"), "it is not read here", remedy);
    }
}

/// The statuses that mean yes: one at least, since without any every answer would be a no.
pub(super) fn yes(checker: &mut Checker<'_>, place: &Place, ok: &[u16]) {
    let place = place.key("ok");
    if ok.is_empty() {
        let remedy = "Name the statuses that mean yes, or leave `ok` out where that is 200.";
        checker.problem(&place, "no status means yes", remedy);
    }
    for status in ok.iter().filter(|status| !(100..=599).contains(*status)) {
        let what = format!("{status} is no status of HTTP");
        checker.problem(&place, what, "Name three digits, from 100 to 599.");
    }
}

/// How many items a full page has.
pub(super) fn full_page(checker: &mut Checker<'_>, place: &Place, size: Option<usize>) {
    if size == Some(0) {
        let what = "a page without items would be full, and the list without an end";
        let remedy =
            "Say how many items a full page has, or leave it out where there are no pages.";
        checker.problem(&place.key("page_size"), what, remedy);
    }
}

/// What is looked for by its conversation must show it.
pub(super) fn shows_link(checker: &mut Checker<'_>, place: &Place, rule: &OperationRule) {
    let shape = rule.shape.as_ref();
    let is_shown = shape.is_none_or(|shape| shape.link_field.is_some());
    if rule.kind == Kind::FindByLinkField && !is_shown {
        let what = "the shape that reads what it lists has no `link_field`: no ticket would be taken for the one meant, and a create whose answer was lost made again";
        let remedy = "Give that [ticket.NAME] its `link_field`: where the conversation stands in a ticket of the list.";
        checker.problem(&place.key("shape"), what, remedy);
    }
}

/// A system that makes tickets and lets nobody read one: it can have nothing else that rests on reading.
pub(super) fn without_reads(checker: &mut Checker<'_>, place: &Place, spec: &ProfileSpec) {
    let ops = &spec.operations;
    let Some(create) = ops.create.as_ref().filter(|_| {
        let declared = ops.absent.keys().any(|name| name == Kind::Get.key());
        declared && ops.has(Kind::Create)
    }) else {
        let remedy = "Add [operations.get]: every rule rests on reading a ticket. (A system that makes tickets and lets nobody read them has `create`, and `get` among its [operations.absent].)";
        checker.problem(place, "the operation `get` is missing", remedy);
        return;
    };
    let shown = create.ticket.is_some() && create.shape.is_some() && !create.partial;
    if !shown {
        let remedy = "Give it `ticket` and `shape`: what its answer shows is all that the bridge will know of the ticket.";
        checker.problem(
            &place.key(Kind::Create.key()),
            "no ticket can be read later",
            remedy,
        );
    }
    let remedy = "Add [operations.get], or declare this absent as well.";
    for kind in Kind::ALL {
        let alone = matches!(kind, Kind::UpsertRequester | Kind::Create);
        if !alone && ops.has(kind) {
            let what = "it rests on `get`, which is declared absent";
            checker.problem(&place.key(kind.key()), what, remedy);
        }
    }
    if spec.webhook.is_some() {
        let remedy = "Add [operations.get], or take [webhook] out.";
        let what = "it rests on `get`, which is declared absent";
        checker.problem(&Place::default().key("webhook"), what, remedy);
    }
}
