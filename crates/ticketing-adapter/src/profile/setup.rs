//! Checks and compiles how a system is made to send its webhooks. Neighbours: `operations`, the same
//! for its calls; the client's `setup`, which does it.

use super::{
    carried::{self, Carried},
    compile::{ANSWER, Checker},
    complete,
    expr::{Expr, Names, Template},
    names::{LOOK_PAGE, LOOK_TOKEN, THE_ONE},
    place::Place,
    request::{Sent, request},
    rules::RequestRule,
    spec::{LookSpec, Method, PartSpec, ProfileSpec, SecretSpec, SetupCallSpec, SetupSpec},
};

/// How the system is made to send its webhooks.
#[derive(Debug, Default)]
pub(crate) struct SetupRules {
    pub(crate) parts: Vec<PartRule>,
    pub(crate) steps: Vec<Template>,
}

/// One thing that is made there.
#[derive(Debug)]
pub(crate) struct PartRule {
    pub(crate) name: String,
    /// Which part before it rests on.
    pub(crate) of: Option<usize>,
    pub(crate) look: LookRule,
    pub(crate) ours: Expr,
    pub(crate) id: Expr,
    pub(crate) made: Option<Expr>,
    pub(crate) off: Option<Expr>,
    pub(crate) same: Option<Expr>,
    pub(crate) create: SetupCall,
    pub(crate) change: Option<SetupCall>,
    pub(crate) remove: SetupCall,
    pub(crate) secret: Option<SecretRule>,
}

/// The list in which a part is found.
#[derive(Debug)]
pub(crate) struct LookRule {
    pub(crate) request: RequestRule,
    pub(crate) items: Expr,
    pub(crate) page_size: Option<usize>,
    pub(crate) next: Option<Expr>,
}

/// A call that makes, changes or takes away.
#[derive(Debug)]
pub(crate) struct SetupCall {
    pub(crate) request: RequestRule,
    pub(crate) ok: Vec<u16>,
}

/// A read that tells the secret.
#[derive(Debug)]
pub(crate) struct SecretRule {
    pub(crate) request: RequestRule,
    pub(crate) value: Expr,
}

/// What every step may name.
const TOLD: &[&str] = &["hook.url", "hook.name"];

/// What every request may name beside that.
const SENT: &[&str] = &["hook.secret", "of"];

pub(super) fn compile(
    checker: &mut Checker<'_>,
    place: &Place,
    profile: &ProfileSpec,
) -> Option<SetupRules> {
    let spec = profile.setup.as_ref()?;
    consistent(checker, place, spec, profile.webhook.is_some());
    let told = checker.names(TOLD);
    let sent = told.and(SENT);
    let mut parts = Vec::new();
    for (n, one) in spec.parts.iter().enumerate() {
        let place = place.key("parts").index(n);
        let before = spec.parts.get(..n).unwrap_or_default();
        parts.extend(part(checker, &place, one, before, &sent));
    }
    let mut steps = Vec::new();
    for (n, step) in spec.steps.iter().enumerate() {
        steps.extend(checker.template(&place.key("steps").index(n), step, &told));
    }
    Some(SetupRules { parts, steps })
}

fn consistent(checker: &mut Checker<'_>, place: &Place, spec: &SetupSpec, hears: bool) {
    if !hears {
        let remedy = "Add [webhook], which says how a webhook is proven and read.";
        checker.problem(place, "no webhook of it is taken", remedy);
    }
    if spec.parts.is_empty() == spec.steps.is_empty() {
        let remedy =
            "Give [[setup.parts]] where calls do it, or `steps` where a person has to, not both.";
        checker.problem(place, "not one way to set the webhooks up", remedy);
    }
}

fn part(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &PartSpec,
    before: &[PartSpec],
    sent: &Names,
) -> Option<PartRule> {
    let at = |name: &str| before.iter().position(|part| part.name == name);
    if at(&spec.name).is_some() {
        let remedy = "Give each part a name of its own.";
        checker.problem(&place.key("name"), "two parts have this name", remedy);
    }
    let of = spec.of.as_deref().map(|name| (name, at(name)));
    if let Some((name, None)) = of {
        let remedy = "Name a part that stands before this one.";
        checker.problem(&place.key("of"), format!("no part `{name}` before"), remedy);
    }
    let item = sent.and(ANSWER).and(&["it.*"]);
    let there = sent.and(&["id"]);
    let known = there.and(&["it.*"]);
    let told = checker.problems.len();
    let look = look(checker, &place.key("look"), &spec.look, sent);
    let ours = checker.expr(&place.key("ours"), &spec.ours, &item);
    let id = checker.expr(&place.key("id"), &spec.id, &item);
    let create = call(checker, &place.key("create"), &spec.create, sent);
    let change = spec.change.as_ref();
    let change = change.and_then(|spec| call(checker, &place.key("change"), spec, &known));
    let remove = call(checker, &place.key("remove"), &spec.remove, &there);
    let secret = spec.secret.as_ref();
    let secret = secret.and_then(|spec| self::secret(checker, &place.key("secret"), spec, &there));
    let rule = PartRule {
        name: spec.name.clone(),
        of: of.and_then(|(_, at)| at),
        made: checker.maybe(place, "made", spec.made.as_ref(), &item),
        off: checker.maybe(place, "off", spec.off.as_ref(), &item),
        same: checker.maybe(place, "same", spec.same.as_ref(), &item),
        look: look?,
        ours: ours?,
        id: id?,
        create: create?,
        change,
        remove: remove?,
        secret,
    };
    // A part that could not be compiled names nothing, and was told.
    if checker.problems.len() == told {
        carries(checker, place, &rule);
    }
    Some(rule)
}

/// Whether each of its requests names what it is for.
fn carries(checker: &mut Checker<'_>, place: &Place, rule: &PartRule) {
    let look = Carried::by(&rule.look.request);
    let place_of_look = place.key("look");
    match (&rule.look.next, rule.look.page_size) {
        (Some(_), _) => carried::must(checker, &place_of_look, &look, &LOOK_TOKEN),
        (None, Some(_)) => carried::must(checker, &place_of_look, &look, &LOOK_PAGE),
        (None, None) => {}
    }
    let change = rule.change.as_ref().map(|call| ("change", &call.request));
    let secret = rule.secret.as_ref().map(|read| ("secret", &read.request));
    let remove = [("remove", &rule.remove.request)];
    for (key, request) in remove.into_iter().chain(change).chain(secret) {
        carried::must(checker, &place.key(key), &Carried::by(request), &THE_ONE);
    }
}

fn look(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &LookSpec,
    sent: &Names,
) -> Option<LookRule> {
    complete::full_page(checker, place, spec.page_size);
    let paged = sent.and(&["page", "token"]);
    let request = request(checker, place, &Sent::read(&spec.path, &spec.query), &paged);
    let answer = paged.and(ANSWER);
    let items = checker.expr(&place.key("items"), &spec.items, &answer);
    Some(LookRule {
        request: request?,
        items: items?,
        page_size: spec.page_size,
        next: checker.maybe(place, "next", spec.next.as_ref(), &answer),
    })
}

fn call(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &SetupCallSpec,
    names: &Names,
) -> Option<SetupCall> {
    if spec.method == Method::Get {
        let remedy = "Use POST, PUT, PATCH or DELETE; what reads is `look`.";
        checker.problem(&place.key("method"), "the method does not fit", remedy);
    }
    complete::yes(checker, place, &spec.ok);
    let sent = Sent {
        method: spec.method,
        body: spec.body.as_ref(),
        ..Sent::only(&spec.path)
    };
    let request = request(checker, place, &sent, names)?;
    Some(SetupCall {
        request,
        ok: spec.ok.clone(),
    })
}

fn secret(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &SecretSpec,
    names: &Names,
) -> Option<SecretRule> {
    let request = request(checker, place, &Sent::only(&spec.path), names);
    let answer = names.and(ANSWER);
    let value = checker.expr(&place.key("value"), &spec.value, &answer);
    Some(SecretRule {
        request: request?,
        value: value?,
    })
}
