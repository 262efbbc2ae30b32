//! Checks a written profile and turns it into rules, naming every problem it finds in one run.
//! Neighbours: `spec`, which it reads; `rules`, which it makes; `operations`, its larger half.

use super::{
    expr::{BadExpr, Expr, Names, Template},
    place::{Place, line_of},
    request::{Sent, request},
    rules::{Auth, FilesRule, Kind, ListedWords, OperationRule, OptionRule, Rules, WebhookRules},
    shape::{Codes, RequesterRule, Shape, VersionRule},
    spec::{
        FilesSpec, ListedWordsSpec, OptionKind, OptionSpec, ProfileSpec, ShapeSpec, VersionSpec,
        VocabularySpec,
    },
};
use crate::error::Problem;
use bridge_core::ticket::{Status, Vocabulary};
use http::HeaderName;
use std::{collections::BTreeMap, sync::Arc};

/// Names that every expression over an answer or a webhook may use.
pub(crate) const ANSWER: &[&str] = &["body.*", "headers.*"];

/// Collects problems with their places.
pub(crate) struct Checker<'a> {
    text: &'a str,
    pub(crate) problems: Vec<Problem>,
    options: Names,
    /// The header by which `auth` proves who asks.
    proof: HeaderName,
    /// Whether its tickets are made and never read.
    pub(crate) only_makes: bool,
    /// Every `[ticket.NAME]`; `None` for one with a problem of its own.
    shapes: BTreeMap<String, Option<Arc<Shape>>>,
    codes: Arc<Codes>,
    /// Whether the system has codes for its statuses: the profile's, or those of its own list.
    pub(crate) has_codes: bool,
}

impl Checker<'_> {
    pub(crate) fn problem(
        &mut self,
        place: &Place,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.problems.push(Problem {
            key: place.to_string(),
            line: line_of(self.text, place),
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// The names of `[options]`, and these.
    pub(crate) fn names(&self, more: &[&str]) -> Names {
        self.options.and(more)
    }

    pub(crate) fn expr(&mut self, place: &Place, source: &str, names: &Names) -> Option<Expr> {
        let compiled = Expr::compile(source, names);
        self.kept(place, compiled)
    }

    pub(crate) fn maybe(
        &mut self,
        place: &Place,
        key: &str,
        source: Option<&String>,
        names: &Names,
    ) -> Option<Expr> {
        self.expr(&place.key(key), source?, names)
    }

    pub(crate) fn files(
        &mut self,
        place: &Place,
        spec: &FilesSpec,
        names: &Names,
    ) -> Option<FilesRule> {
        Some(FilesRule {
            list: self.expr(&place.key("list"), &spec.list, names)?,
            name: spec.name.clone(),
            kind: spec.r#type.clone(),
            url: spec.url.clone(),
        })
    }

    pub(crate) fn template(
        &mut self,
        place: &Place,
        source: &str,
        names: &Names,
    ) -> Option<Template> {
        let compiled = Template::compile(source, names);
        self.kept(place, compiled)
    }

    fn kept<T>(&mut self, place: &Place, compiled: Result<T, BadExpr>) -> Option<T> {
        match compiled {
            Ok(compiled) => Some(compiled),
            Err(bad) => {
                self.problem(place, bad.what, bad.remedy);
                None
            }
        }
    }

    /// Whether this header says who asks, by `auth` or beside it.
    pub(crate) fn proves(&self, name: &HeaderName) -> bool {
        *name == self.proof || *name == http::header::AUTHORIZATION
    }

    /// The `[ticket.NAME]` of this name.
    pub(crate) fn shape(&mut self, place: &Place, name: &str) -> Option<Arc<Shape>> {
        if let Some(shape) = self.shapes.get(name) {
            return shape.clone();
        }
        let known: Vec<&str> = self.shapes.keys().map(String::as_str).collect();
        let remedy = format!("Known: {}.", known.join(", "));
        self.problem(place, format!("there is no [ticket.{name}]"), remedy);
        None
    }

    pub(crate) fn header(&mut self, place: &Place, name: &str) -> Option<HeaderName> {
        let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
        if parsed.is_none() {
            self.problem(
                place,
                format!("`{name}` is no header name"),
                "Use letters, digits and dashes.",
            );
        }
        parsed
    }
}

fn checker<'a>(spec: &ProfileSpec, text: &'a str) -> Checker<'a> {
    let mut options = Names::default();
    for name in spec.options.keys() {
        options.add(format!("options.{name}"));
    }
    Checker {
        text,
        problems: Vec::new(),
        options,
        proof: http::header::AUTHORIZATION,
        only_makes: !spec.operations.has(Kind::Get),
        shapes: BTreeMap::new(),
        codes: Arc::default(),
        has_codes: {
            let listed = spec.vocabulary.listed.as_ref();
            !spec.vocabulary.codes.is_empty() || listed.is_some_and(|l| l.code.is_some())
        },
    }
}

/// Compiles a profile.
pub(crate) fn compile(spec: &ProfileSpec, text: &str) -> Result<Rules, Vec<Problem>> {
    let mut checker = checker(spec, text);
    let root = Place::default();
    name(&mut checker, &root.key("name"), &spec.name);
    let auth = super::auth::compile(&mut checker, &root.key("auth"), spec);
    if let Some(Auth::Header { name, .. }) = &auth {
        checker.proof = name.clone();
    }
    let myself = super::auth::myself(&mut checker, &root.key("myself"), spec);
    let vocabulary = vocabulary(&mut checker, &root.key("vocabulary"), &spec.vocabulary);
    let place = root.key("vocabulary").key("codes");
    checker.codes = Arc::new(codes(&mut checker, &place, &spec.vocabulary));
    let place = root.key("vocabulary").key("listed");
    let listed = spec.vocabulary.listed.as_ref();
    let listed = listed.and_then(|listed| words(&mut checker, &place, listed));
    let reason = {
        let names = Names::new(ANSWER);
        checker.maybe(
            &root.key("errors"),
            "reason",
            spec.errors.reason.as_ref(),
            &names,
        )
    };
    for (name, shape_spec) in &spec.ticket {
        let place = root.key("ticket").key(name);
        let shape = shape(&mut checker, &place, shape_spec).map(Arc::new);
        checker.shapes.insert(name.clone(), shape);
    }
    let operations = super::operations::compile(&mut checker, &root.key("operations"), spec);
    let absent = absent(&mut checker, &root.key("operations").key("absent"), spec);
    let webhook = spec
        .webhook
        .as_ref()
        .and_then(|webhook| super::webhooks::compile(&mut checker, &root.key("webhook"), webhook));
    if let Some(webhook) = &webhook {
        files_are_listed(&mut checker, &root.key("webhook"), webhook, &operations);
    }
    let setup = super::setup::compile(&mut checker, &root.key("setup"), spec);
    let options = options_of(&mut checker, &root.key("options"), &spec.options);
    match auth {
        Some(auth) if checker.problems.is_empty() => Ok(Rules {
            name: spec.name.clone(),
            title: spec.title.clone(),
            credentials: spec
                .credentials
                .iter()
                .map(|(k, v)| (k.clone(), v.about.clone()))
                .collect(),
            options,
            auth,
            myself,
            vocabulary,
            codes: checker.codes,
            listed,
            reason,
            later: spec.errors.later.clone(),
            operations,
            absent,
            webhook,
            setup,
        }),
        _ => Err(checker.problems),
    }
}

/// A comment that waits for a list of its files needs one.
fn files_are_listed(
    checker: &mut Checker<'_>,
    place: &Place,
    webhook: &WebhookRules,
    operations: &BTreeMap<Kind, OperationRule>,
) {
    let list = operations.get(&Kind::Comments);
    let listed = list
        .and_then(|list| list.comment.as_ref())
        .is_some_and(|c| c.files.is_some());
    for (number, event) in webhook.events.iter().enumerate() {
        if !listed && event.comment.as_ref().is_some_and(|c| c.files_listed) {
            let place = place
                .key("events")
                .index(number)
                .key("comment")
                .key("files_listed");
            let remedy = "Give [operations.comments.comment] its `files`, or take this line out.";
            checker.problem(&place, "no operation lists the files", remedy);
        }
    }
}

/// What is declared absent: known operations that are not there.
fn absent(checker: &mut Checker<'_>, place: &Place, spec: &ProfileSpec) -> BTreeMap<Kind, String> {
    let mut absent = BTreeMap::new();
    for (name, why) in &spec.operations.absent {
        let place = place.key(name);
        let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.key() == name) else {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.key()).collect();
            let remedy = format!("Known: {}.", known.join(", "));
            checker.problem(&place, format!("there is no operation `{name}`"), remedy);
            continue;
        };
        if spec.operations.has(kind) {
            let remedy = format!("Take out one of both: this line, or [operations.{name}].");
            checker.problem(&place, "it is declared absent and is there", remedy);
        }
        absent.insert(kind, why.clone());
    }
    absent
}

fn name(checker: &mut Checker<'_>, place: &Place, name: &str) {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(fits) {
        let what = format!("`{name}` is no name of a profile");
        checker.problem(place, what, "Use lower-case letters, digits and dashes.");
    }
}

fn vocabulary(checker: &mut Checker<'_>, place: &Place, spec: &VocabularySpec) -> Vocabulary {
    let words = |list: &[String]| {
        list.iter()
            .map(|word| Status::new(word))
            .collect::<Vec<_>>()
    };
    let statuses = words(&spec.statuses);
    let (solved, final_) = (words(&spec.solved), words(&spec.final_));
    let reopened = Status::new(&spec.reopened);
    let one = std::slice::from_ref(&reopened);
    for (key, list) in [
        ("solved", solved.as_slice()),
        ("final", &final_),
        ("reopened", one),
    ] {
        for status in list.iter().filter(|status| !statuses.contains(status)) {
            let what = format!("`{status}` is not among vocabulary.statuses");
            checker.problem(&place.key(key), what, "Add it there, or take it out here.");
        }
    }
    if final_.contains(&reopened) {
        let what = "the status of a reopened ticket never changes again";
        checker.problem(&place.key("reopened"), what, "Name one that is not final.");
    }
    Vocabulary {
        statuses,
        solved,
        final_,
        reopened,
        open_ended: spec.open_ended,
        fields: spec.fields.clone(),
    }
}

/// What stands for each status: for all of them, or for none.
fn codes(checker: &mut Checker<'_>, place: &Place, spec: &VocabularySpec) -> Codes {
    let names = checker.names(&[]);
    let mut codes = Vec::new();
    for (word, code) in &spec.codes {
        let place = place.key(word);
        let status = Status::new(word);
        if !spec
            .statuses
            .iter()
            .any(|known| Status::new(known) == status)
        {
            let what = format!("`{word}` is not among vocabulary.statuses");
            checker.problem(&place, what, "Add it there, or take it out here.");
        }
        let mut others = spec.codes.iter().take_while(|(other, _)| *other != word);
        if let Some((other, _)) = others.find(|(_, theirs)| *theirs == code) {
            let what =
                format!("`{other}` has the same code: one would be read and set as the other");
            checker.problem(&place, what, "Give each status a code of its own.");
        }
        let code = checker.template(&place, code, &names);
        codes.extend(code.map(|code| (status, code)));
    }
    for word in &spec.statuses {
        if !spec.codes.is_empty() && !spec.codes.contains_key(word) {
            let what = format!("nothing stands for `{word}`");
            checker.problem(place, what, "Give each status of the vocabulary its code.");
        }
    }
    Codes::new(codes)
}

/// The list of the statuses that the site has.
fn words(checker: &mut Checker<'_>, place: &Place, spec: &ListedWordsSpec) -> Option<ListedWords> {
    let names = checker.names(&[]);
    let request = request(checker, place, &Sent::read(&spec.path, &spec.query), &names);
    let answer = names.and(ANSWER);
    let item = answer.and(&["it.*"]);
    let items = checker.expr(&place.key("items"), &spec.items, &answer);
    let word = checker.expr(&place.key("word"), &spec.word, &item);
    Some(ListedWords {
        request: request?,
        items: items?,
        word: word?,
        code: checker.maybe(place, "code", spec.code.as_ref(), &item),
    })
}

fn options_of(
    checker: &mut Checker<'_>,
    place: &Place,
    specs: &BTreeMap<String, OptionSpec>,
) -> BTreeMap<String, OptionRule> {
    let mut rules = BTreeMap::new();
    for (name, spec) in specs {
        let place = place.key(name);
        if spec.required && spec.default.is_some() {
            checker.problem(
                &place.key("default"),
                "an option that must be set needs no default",
                "Take one of both out.",
            );
        }
        let fits = |value: &String| super::settings::fits(spec.kind, value);
        if spec.default.as_ref().is_some_and(|value| !fits(value)) {
            checker.problem(
                &place.key("default"),
                "the default is not of the option's kind",
                kind_remedy(spec.kind),
            );
        }
        rules.insert(
            name.clone(),
            OptionRule {
                about: spec.about.clone(),
                kind: spec.kind,
                required: spec.required,
                default: spec.default.clone(),
            },
        );
    }
    rules
}

/// What an option of this kind looks like.
pub(crate) fn kind_remedy(kind: OptionKind) -> &'static str {
    match kind {
        OptionKind::Text => "Give a text that is not empty.",
        OptionKind::Digits => "Give digits alone, between quotes.",
    }
}

fn shape(checker: &mut Checker<'_>, place: &Place, spec: &ShapeSpec) -> Option<Shape> {
    let names = &checker.names(&["it.*", "also.*"]).and(ANSWER);
    let id = checker.expr(&place.key("id"), &spec.id, names);
    let status = checker.expr(&place.key("status"), &spec.status, names);
    let version = version(checker, &place.key("version"), &spec.version, names);
    let who = place.key("requester");
    let requester = RequesterRule {
        id: checker.maybe(&who, "id", spec.requester.id.as_ref(), names),
        name: checker.maybe(&who, "name", spec.requester.name.as_ref(), names),
        phone: checker.maybe(&who, "phone", spec.requester.phone.as_ref(), names),
        email: checker.maybe(&who, "email", spec.requester.email.as_ref(), names),
        external_id: checker.maybe(
            &who,
            "external_id",
            spec.requester.external_id.as_ref(),
            names,
        ),
    };
    let mut part =
        |key: &str, source: &Option<String>| checker.maybe(place, key, source.as_ref(), names);
    Some(Shape {
        subject: part("subject", &spec.subject),
        priority: part("priority", &spec.priority),
        tags: part("tags", &spec.tags),
        group: part("group", &spec.group),
        assignee: part("assignee", &spec.assignee),
        link_field: part("link_field", &spec.link_field),
        fields: part("fields", &spec.fields),
        url: part("url", &spec.url),
        created_at: part("created_at", &spec.created_at),
        merged_into: part("merged_into", &spec.merged_into),
        requester,
        codes: checker.codes.clone(),
        id: id?,
        status: status?,
        version: version?,
    })
}

fn version(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &VersionSpec,
    names: &Names,
) -> Option<VersionRule> {
    match (&spec.number, &spec.time, spec.granule_ms) {
        (None, None, None) => Some(VersionRule::None),
        (Some(number), None, None) => checker
            .expr(&place.key("number"), number, names)
            .map(VersionRule::Number),
        (None, Some(time), Some(granule_ms)) if granule_ms > 0 => {
            let at = checker.expr(&place.key("time"), time, names)?;
            Some(VersionRule::Time { at, granule_ms })
        }
        _ => {
            let remedy =
                "Give `number` alone, or `time` with `granule_ms` (1 or more), or nothing.";
            checker.problem(place, "not one kind of version", remedy);
            None
        }
    }
}
