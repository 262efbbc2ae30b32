//! Checks and compiles a profile's calls. Neighbours: `compile`, the rest of the same work.

use super::{
    carried::{self, Carried},
    compile::{ANSWER, Checker},
    complete,
    expr::{Expr, Names},
    names::{FOLLOWS, PERSON},
    place::Place,
    request::{Sent, request},
    rules::{
        After, CursorRule, FindFirst, Kind, ListedRule, OperationRule, RequestRule, Taken, Then,
        Upload,
    },
    spec::{
        AfterSpec, CursorKind, CursorSpec, FindFirstSpec, ListedSpec, Method, OperationSpec,
        OperationsSpec, OtherId, ProfileSpec, TakenSpec, ThenSpec, UploadSpec,
    },
};
use bridge_core::call::Resolve;
use std::collections::BTreeMap;

impl OperationsSpec {
    /// The operation of this kind, if it is there.
    fn of(&self, kind: Kind) -> Option<&OperationSpec> {
        let spec = match kind {
            Kind::UpsertRequester => &self.upsert_requester,
            Kind::Create => &self.create,
            Kind::Note => &self.note,
            Kind::Comment => &self.comment,
            Kind::Attach => &self.attach,
            Kind::SetStatus => &self.set_status,
            Kind::SetLinkField => &self.set_link_field,
            Kind::SetFields => &self.set_fields,
            Kind::Get => &self.get,
            Kind::FindByLinkField => &self.find_by_link_field,
            Kind::FindOpenByRequester => &self.find_open_by_requester,
            Kind::ChangedSince => &self.changed_since,
            Kind::CommentedSince => &self.commented_since,
            Kind::Notes => &self.notes,
            Kind::Comments => &self.comments,
        };
        spec.as_ref()
    }

    /// Whether there is an operation of this kind.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.of(kind).is_some()
    }
}

pub(crate) fn compile(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &ProfileSpec,
) -> BTreeMap<Kind, OperationRule> {
    let ops = &spec.operations;
    let mut rules = BTreeMap::new();
    for kind in Kind::ALL {
        let Some(spec) = ops.of(kind) else { continue };
        let place = place.key(kind.key());
        if let Some(rule) = operation(checker, &place, kind, spec) {
            rules.insert(kind, rule);
        }
    }
    if ops.get.is_none() {
        complete::without_reads(checker, place, spec);
    }
    if ops.has(Kind::CommentedSince) {
        reads_new_comments(checker, &place.key(Kind::CommentedSince.key()), ops);
    }
    for write in [Kind::Create, Kind::Note, Kind::Comment, Kind::Attach] {
        let read = write.looked_up_by();
        let spec = ops.of(write);
        let looks = matches!(
            spec.and_then(|spec| spec.resolve).map(Resolve::from),
            Some(Resolve::DirectLookup | Resolve::LaggingSearch { .. })
        );
        let verifies = spec.is_some_and(|spec| spec.verify.is_some());
        if (looks || verifies) && !ops.has(read) {
            let what = format!("it rests on `{}`, which is missing", read.key());
            let remedy = format!("Add [operations.{}].", read.key());
            let key = if looks { "resolve" } else { "verify" };
            checker.problem(&place.key(write.key()).key(key), what, remedy);
        }
    }
    rules
}

/// Comments of all tickets are read as those of one.
fn reads_new_comments(checker: &mut Checker<'_>, place: &Place, ops: &OperationsSpec) {
    let Some(comments) = &ops.comments else {
        let remedy = "Add [operations.comments], which says how a comment is read.";
        checker.problem(place, "it rests on `comments`, which is missing", remedy);
        return;
    };
    let listed = comments.comment.as_ref();
    if listed.is_some_and(|listed| listed.first_is_description) {
        let what = "a comment by itself does not show whether it is its ticket's description, which `first_is_description` says the first is: it would go to the customer";
        let remedy =
            "Leave it out: where a description is a comment, a comment changes its ticket as well.";
        checker.problem(place, what, remedy);
    }
}

fn operation(
    checker: &mut Checker<'_>,
    place: &Place,
    kind: Kind,
    spec: &OperationSpec,
) -> Option<OperationRule> {
    let told = checker.problems.len();
    let rule = compiled(checker, place, kind, spec)?;
    // A part that could not be compiled names nothing, and was told.
    if checker.problems.len() == told {
        complete::shows_link(checker, place, &rule);
        carries(checker, place, spec, &rule);
    }
    Some(rule)
}

fn compiled(
    checker: &mut Checker<'_>,
    place: &Place,
    kind: Kind,
    spec: &OperationSpec,
) -> Option<OperationRule> {
    let upload = spec
        .upload
        .as_ref()
        .and_then(|upload| self::upload(checker, &place.key("upload"), kind, upload));
    let sent = checker.names(kind.names()).and(&["now"]);
    let sent = sent.and(if upload.is_some() { &["upload.*"] } else { &[] });
    let before = sent.and(&["also.*"]);
    let first = then(checker, &place.key("first"), &spec.first, &before);
    let only_if = checker.maybe(place, "only_if", spec.only_if.as_ref(), &before);
    let sent = if first.is_empty() { sent } else { before };
    let answer = sent.and(ANSWER).and(&["text"]);
    let item = answer.and(&["it.*", "also.*"]);
    let instead = alternatives(checker, place, kind, spec);
    complete::complete(checker, place, kind, spec);
    complete::consistent(checker, place, kind, spec);
    let request = main_request(checker, place, spec, &sent);
    let find_first = spec
        .find_first
        .as_ref()
        .and_then(|find| find_first(checker, &place.key("find_first"), find, (&sent, &answer)));
    let then = then(checker, &place.key("then"), &spec.then, &item);
    let after = after(
        checker,
        &place.key("after"),
        &spec.after,
        &sent.and(&["ticket.id", "ticket.found", "also.*"]),
    );
    let taken = taken(checker, &place.key("taken"), &spec.taken, &answer);
    let cursor = spec
        .cursor
        .as_ref()
        .and_then(|cursor| self::cursor(checker, &place.key("cursor"), cursor, &item));
    Some(OperationRule {
        kind,
        when: when(checker, place, spec),
        instead,
        ok: spec.ok.clone(),
        ok_when: checker.maybe(place, "ok_when", spec.ok_when.as_ref(), &answer),
        absent: spec.absent.clone(),
        taken,
        resolve: spec.resolve.map_or(Resolve::None, Resolve::from),
        verify: spec.verify.is_some(),
        first,
        only_if,
        after,
        find_first,
        upload,
        file_part: spec.file_part.clone(),
        agents_only: spec.agents_only,
        id: checker.maybe(place, "id", spec.id.as_ref(), &answer),
        ticket: checker.maybe(place, "ticket", spec.ticket.as_ref(), &answer),
        items: checker.maybe(place, "items", spec.items.as_ref(), &answer),
        text: checker.maybe(place, "text", spec.text.as_ref(), &item),
        comment: spec
            .comment
            .as_ref()
            .and_then(|comment| listed(checker, &place.key("comment"), comment, &item)),
        ticket_id: checker.maybe(place, "ticket_id", spec.ticket_id.as_ref(), &item),
        shape: spec
            .shape
            .as_ref()
            .and_then(|name| checker.shape(&place.key("shape"), name)),
        partial: spec.partial,
        then,
        merged: spec.other_id == Some(OtherId::Merged),
        page_size: spec.page_size,
        cursor,
        unfiltered: spec.unfiltered.clone(),
        request: request?,
    })
}

/// Whether each of its requests names what it is for.
fn carries(checker: &mut Checker<'_>, place: &Place, spec: &OperationSpec, rule: &OperationRule) {
    let picks = [&rule.ticket, &rule.items];
    let picks = picks
        .into_iter()
        .flatten()
        .filter(|_| !rule.kind.is_write());
    let request = Carried::by(&rule.request).through(&rule.first);
    let request = request.beside(rule.upload.as_ref());
    let carried = picks.fold(request, Carried::or_picked);
    carried::check(checker, place, (rule.kind, spec), &carried);
    if rule.kind == Kind::SetStatus {
        carried::status(checker, place, rule);
    }
    if let Some(find) = &rule.find_first {
        let carried = Carried::by(&find.request).or_picked(&find.id);
        carried::must(checker, &place.key("find_first"), &carried, &PERSON);
    }
    for (n, after) in rule.after.iter().enumerate() {
        let place = place.key("after").index(n);
        carried::must(checker, &place, &Carried::by(&after.request), &FOLLOWS);
    }
}

fn main_request(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &OperationSpec,
    names: &Names,
) -> Option<RequestRule> {
    let sent = Sent {
        method: spec.method,
        path: &spec.path,
        query: &spec.query,
        headers: &spec.headers,
        body: spec.body.as_ref(),
    };
    request(checker, place, &sent, names)
}

/// What says whether this form is used: the options alone.
fn when(checker: &mut Checker<'_>, place: &Place, spec: &OperationSpec) -> Option<Expr> {
    let options = checker.names(&[]);
    checker.maybe(place, "when", spec.when.as_ref(), &options)
}

fn find_first(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &FindFirstSpec,
    (sent, answer): (&Names, &Names),
) -> Option<FindFirst> {
    let request = request(checker, place, &Sent::read(&spec.path, &spec.query), sent);
    let id = checker.expr(&place.key("id"), &spec.id, answer);
    Some(FindFirst {
        request: request?,
        absent: spec.absent.clone(),
        id: id?,
    })
}

fn upload(
    checker: &mut Checker<'_>,
    place: &Place,
    kind: Kind,
    spec: &UploadSpec,
) -> Option<Upload> {
    if kind != Kind::Attach {
        let remedy = "Only `attach` brings a file.";
        checker.problem(place, "there is no file to bring", remedy);
    }
    if spec.body.is_some() && spec.file_part.is_none() {
        let remedy = "Name the file's part with `file_part`, or leave `body` out.";
        checker.problem(&place.key("body"), "the file's bytes are the body", remedy);
    }
    complete::yes(checker, place, &spec.ok);
    let names = checker.names(kind.names());
    let sent = Sent {
        method: Method::Post,
        headers: &spec.headers,
        body: spec.body.as_ref(),
        ..Sent::read(&spec.path, &spec.query)
    };
    let request = request(checker, place, &sent, &names)?;
    Some(Upload {
        request,
        file_part: spec.file_part.clone(),
        ok: spec.ok.clone(),
    })
}

fn after(
    checker: &mut Checker<'_>,
    place: &Place,
    specs: &[AfterSpec],
    names: &Names,
) -> Vec<After> {
    let mut rules = Vec::new();
    for (n, spec) in specs.iter().enumerate() {
        let place = place.index(n);
        complete::yes(checker, &place, &spec.ok);
        let first = then(checker, &place.key("first"), &spec.first, names);
        let when = checker.maybe(&place, "when", spec.when.as_ref(), names);
        let sent = Sent {
            method: spec.method,
            body: spec.body.as_ref(),
            ..Sent::only(&spec.path)
        };
        let ok = spec.ok.clone();
        if let Some(request) = request(checker, &place, &sent, names) {
            rules.push(After {
                first,
                when,
                request,
                ok,
            });
        }
    }
    rules
}

fn taken(
    checker: &mut Checker<'_>,
    place: &Place,
    specs: &[TakenSpec],
    answer: &Names,
) -> Vec<Taken> {
    let mut rules = Vec::new();
    for (n, spec) in specs.iter().enumerate() {
        let when = checker.maybe(&place.index(n), "when", spec.when.as_ref(), answer);
        let status = spec.status;
        rules.push(Taken { status, when });
    }
    rules
}

fn listed(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &ListedSpec,
    item: &Names,
) -> Option<ListedRule> {
    let id = checker.expr(&place.key("id"), &spec.id, item);
    let body = checker.expr(&place.key("body"), &spec.body, item);
    let public = checker.expr(&place.key("public"), &spec.public, item);
    let by_agent = checker.expr(&place.key("by_agent"), &spec.by_agent, item);
    let by_us = checker.expr(&place.key("by_us"), &spec.by_us, item);
    let at = checker.expr(&place.key("at"), &spec.at, item);
    Some(ListedRule {
        id: id?,
        body: body?,
        public: public?,
        by_agent: by_agent?,
        by_us: by_us?,
        at: at?,
        files: spec
            .files
            .as_ref()
            .and_then(|files| checker.files(&place.key("files"), files, item)),
        first_is_description: spec.first_is_description,
    })
}

fn alternatives(
    checker: &mut Checker<'_>,
    place: &Place,
    kind: Kind,
    spec: &OperationSpec,
) -> Vec<OperationRule> {
    let mut rules = Vec::new();
    for (n, other) in spec.instead.iter().enumerate() {
        let place = place.key("instead").index(n);
        if other.when.is_none() {
            checker.problem(
                &place,
                "nothing says when this form is used",
                "Give it a `when`.",
            );
        }
        if !other.instead.is_empty() {
            let remedy = "Put all forms beside each other.";
            checker.problem(&place.key("instead"), "a form cannot have forms", remedy);
        }
        rules.extend(operation(checker, &place, kind, other));
    }
    rules
}

fn then(checker: &mut Checker<'_>, place: &Place, specs: &[ThenSpec], names: &Names) -> Vec<Then> {
    let mut rules = Vec::new();
    for (n, spec) in specs.iter().enumerate() {
        let place = place.index(n);
        let when = checker.maybe(&place, "when", spec.when.as_ref(), names);
        let request = request(checker, &place, &Sent::read(&spec.path, &spec.query), names);
        if let Some(request) = request {
            let (name, absent) = (spec.name.clone(), spec.absent.clone());
            rules.push(Then {
                name,
                when,
                request,
                absent,
            });
        }
    }
    rules
}

fn cursor(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &CursorSpec,
    names: &Names,
) -> Option<CursorRule> {
    let changed_at = checker.expr(&place.key("changed_at"), &spec.changed_at, names);
    let next = checker.maybe(place, "next", spec.next.as_ref(), names);
    let more = checker.maybe(place, "more", spec.more.as_ref(), names);
    let both = spec.next.is_some() && spec.more.is_some();
    if spec.kind == CursorKind::Token && !both {
        checker.problem(
            place,
            "a token needs `next` and `more`",
            "Say where they stand in the answer.",
        );
    }
    if spec.kind == CursorKind::Time && spec.log {
        let remedy = "Take out `log`, or use kind = \"token\".";
        checker.problem(place, "a log is not asked from a time", remedy);
    }
    Some(CursorRule {
        kind: spec.kind,
        changed_at: changed_at?,
        next,
        more,
        gone: spec.gone.clone(),
        log: spec.log,
    })
}
