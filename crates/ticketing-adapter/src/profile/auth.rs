//! Checks and compiles how a profile's requests prove who sends them. Neighbour: `compile`, the rest
//! of the same work.

use super::{
    compile::{ANSWER, Checker},
    expr::{Expr, Names, Template},
    place::Place,
    request::{Sent, posted, request},
    rules::{Auth, LogIn, RequestRule},
    secret,
    spec::{AuthSpec, ProfileSpec, SessionSpec},
};

/// A read that tells whose credential it is.
#[derive(Debug)]
pub(crate) struct Myself {
    pub(crate) request: RequestRule,
    pub(crate) id: Expr,
    pub(crate) option: Option<String>,
}

pub(super) fn compile(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &ProfileSpec,
) -> Option<Auth> {
    let auth = way(checker, place, spec)?;
    if named(&auth).is_empty() {
        let known = spec.credentials.keys().next();
        let remedy = match known {
            Some(name) => format!("Put {{{{ credentials.{name} }}}} where it stands."),
            None => "Add [credentials.token] with its `about`, and put {{ credentials.token }} where it stands: a secret belongs in bridge.toml, never in a profile.".to_owned(),
        };
        checker.problem(
            place,
            "no credential is in it: every call would be refused, or prove nothing",
            remedy,
        );
    }
    Some(auth)
}

/// The names in it, each as it is written: `credentials.NAME`.
pub(super) fn named(auth: &Auth) -> Vec<&str> {
    let texts: Vec<&Template> = match auth {
        Auth::Basic { user, password } => vec![user, password],
        Auth::Header { value, .. } => vec![value],
        Auth::Session(by) => by.form.iter().map(|(_, value)| value).collect(),
    };
    texts.into_iter().flat_map(Template::names).collect()
}

/// The one way that is given.
fn way(checker: &mut Checker<'_>, place: &Place, spec: &ProfileSpec) -> Option<Auth> {
    let mut names = Names::default();
    for credential in spec.credentials.keys() {
        names.add(format!("credentials.{credential}"));
    }
    match &spec.auth {
        AuthSpec {
            basic: Some(basic),
            bearer: None,
            header: None,
            session: None,
        } => {
            let place = place.key("basic");
            let user = checker.template(&place.key("user"), &basic.user, &names);
            let place = place.key("password");
            let password = checker.template(&place, &basic.password, &names)?;
            secret::in_the_open(checker, &place, &password);
            Some(Auth::Basic {
                user: user?,
                password,
            })
        }
        AuthSpec {
            basic: None,
            bearer: Some(token),
            header: None,
            session: None,
        } => {
            let value = format!("Bearer {token}");
            let value = checker.template(&place.key("bearer"), &value, &names)?;
            Some(Auth::Header {
                name: http::header::AUTHORIZATION,
                value,
            })
        }
        AuthSpec {
            basic: None,
            bearer: None,
            header: Some(header),
            session: None,
        } => {
            let place = place.key("header");
            let name = checker.header(&place.key("name"), &header.name);
            let value = checker.template(&place.key("value"), &header.value, &names);
            Some(Auth::Header {
                name: name?,
                value: value?,
            })
        }
        AuthSpec {
            basic: None,
            bearer: None,
            header: None,
            session: Some(session),
        } => log_in(checker, &place.key("session"), session, &names)
            .map(|log_in| Auth::Session(Box::new(log_in))),
        AuthSpec { .. } => {
            checker.problem(
                place,
                "not exactly one way to prove who sends",
                "Give one of basic, bearer, header, session.",
            );
            None
        }
    }
}

fn log_in(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &SessionSpec,
    names: &Names,
) -> Option<LogIn> {
    let request = posted(checker, place, &spec.path, names);
    let mut form = Vec::new();
    for (name, source) in &spec.form {
        let place = place.key("form").key(name);
        let value = checker.template(&place, source, names);
        if let Some(value) = value.as_ref().filter(|_| secret::is_named(name)) {
            secret::in_the_open(checker, &place, value);
        }
        form.extend(value.map(|value| (name.clone(), value)));
    }
    let answer = Names::new(&["body.*"]);
    let token = checker.expr(&place.key("token"), &spec.token, &answer);
    let lasts = checker.maybe(place, "lasts", spec.lasts.as_ref(), &answer);
    Some(LogIn {
        request: request?,
        form,
        token: token?,
        lasts,
    })
}

pub(super) fn myself(
    checker: &mut Checker<'_>,
    place: &Place,
    spec: &ProfileSpec,
) -> Option<Myself> {
    let myself = spec.myself.as_ref()?;
    let names = checker.names(&[]);
    let sent = Sent::read(&myself.path, &myself.query);
    let request = request(checker, place, &sent, &names);
    let id = checker.expr(&place.key("id"), &myself.id, &names.and(ANSWER));
    let option = myself.option.clone();
    if let Some(name) = option
        .as_ref()
        .filter(|name| !spec.options.contains_key(*name))
    {
        let what = format!("there is no option `{name}`");
        checker.problem(&place.key("option"), what, "Name one of [options].");
    }
    Some(Myself {
        request: request?,
        id: id?,
        option,
    })
}
