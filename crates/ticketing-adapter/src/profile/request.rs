//! Checks and compiles one request of a profile: path, query, headers, body. Neighbours: `operations`
//! and `setup`, whose requests these are; `rules`, what comes of them.

use super::{
    compile::Checker,
    expr::{Names, Template, Tree},
    place::Place,
    rules::RequestRule,
    secret,
    spec::Method,
};
use std::collections::BTreeMap;

/// The parts of a request as written.
pub(super) struct Sent<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: &'a BTreeMap<String, String>,
    pub(super) headers: &'a BTreeMap<String, String>,
    pub(super) body: Option<&'a toml::Table>,
}

impl<'a> Sent<'a> {
    /// One without a query.
    pub(super) fn only(path: &'a str) -> Self {
        static NO_QUERY: BTreeMap<String, String> = BTreeMap::new();
        Self::read(path, &NO_QUERY)
    }

    pub(super) fn read(path: &'a str, query: &'a BTreeMap<String, String>) -> Self {
        static NO_HEADERS: BTreeMap<String, String> = BTreeMap::new();
        Self {
            method: Method::Get,
            path,
            query,
            headers: &NO_HEADERS,
            body: None,
        }
    }
}

pub(super) fn request(
    checker: &mut Checker<'_>,
    place: &Place,
    sent: &Sent<'_>,
    names: &Names,
) -> Option<RequestRule> {
    let path = path(checker, &place.key("path"), sent.path, names);
    let mut query = Vec::new();
    for (name, source) in sent.query {
        let place = place.key("query").key(name);
        let value = checker.template(&place, source, names);
        if let Some(value) = value.as_ref().filter(|_| secret::is_named(name)) {
            secret::in_the_open(checker, &place, value);
        }
        let name = checker.template(&place, name, names);
        query.extend(name.zip(value));
    }
    let mut headers = Vec::new();
    for (name, source) in sent.headers {
        let place = place.key("headers").key(name);
        let value = checker.template(&place, source, names);
        let is_secret = secret::is_named(name);
        let name = checker.header(&place, name);
        if name.as_ref().is_some_and(|name| checker.proves(name)) {
            let remedy = "Take it out here: `auth` sends what proves who asks.";
            checker.problem(&place, "a second header would prove who asks", remedy);
        } else if let Some(value) = value.as_ref().filter(|_| is_secret) {
            secret::in_the_open(checker, &place, value);
        }
        headers.extend(name.zip(value));
    }
    let body = sent.body.and_then(|body| {
        tree(
            checker,
            &place.key("body"),
            &toml::Value::Table(body.clone()),
            names,
        )
    });
    Some(RequestRule {
        method: sent.method,
        path: path?,
        query,
        headers,
        body,
    })
}

fn path(
    checker: &mut Checker<'_>,
    place: &Place,
    source: &str,
    names: &Names,
) -> Option<Vec<Template>> {
    let Some(below) = source.strip_prefix('/') else {
        checker.problem(
            place,
            "a path begins with a slash",
            format!("Write /{source}."),
        );
        return None;
    };
    let mut segments = Vec::new();
    let parts = segments_of(below);
    for (n, segment) in parts.iter().enumerate() {
        // Some systems have a slash at the end of each address.
        let ends = n > 0 && n + 1 == parts.len();
        if segment.is_empty() && !ends {
            checker.problem(
                place,
                "a segment of the path is empty",
                "Take out the second slash.",
            );
            return None;
        }
        let template = checker.template(place, segment, names)?;
        if template.words().any(|words| words.contains(['?', '#'])) {
            checker.problem(place, "a path holds no query", "Use [.query].");
        }
        segments.push(template);
    }
    Some(segments)
}

/// The parts between slashes; a slash within braces belongs to an expression.
fn segments_of(path: &str) -> Vec<&str> {
    let (mut segments, mut from, mut open) = (Vec::new(), 0, 0_usize);
    for (at, c) in path.char_indices() {
        match c {
            '{' => open += 1,
            '}' => open = open.saturating_sub(1),
            '/' if open == 0 => {
                segments.push(path.get(from..at).unwrap_or_default());
                from = at + 1;
            }
            _ => {}
        }
    }
    segments.push(path.get(from..).unwrap_or_default());
    segments
}

fn tree(
    checker: &mut Checker<'_>,
    place: &Place,
    value: &toml::Value,
    names: &Names,
) -> Option<Tree> {
    Some(match value {
        toml::Value::String(source) => Tree::Leaf(checker.template(place, source, names)?),
        toml::Value::Integer(number) => Tree::Fixed((*number).into()),
        toml::Value::Float(number) => Tree::Fixed((*number).into()),
        toml::Value::Boolean(flag) => Tree::Fixed((*flag).into()),
        toml::Value::Datetime(moment) => Tree::Fixed(moment.to_string().into()),
        toml::Value::Array(items) => {
            let mut parts = Vec::new();
            for (n, item) in items.iter().enumerate() {
                parts.extend(tree(checker, &place.index(n), item, names));
            }
            Tree::List(parts)
        }
        toml::Value::Table(table) => {
            let mut parts = Vec::new();
            for (key, item) in table {
                let place = place.key(key);
                let name = checker.template(&place, key, names);
                parts.extend(name.zip(tree(checker, &place, item, names)));
            }
            Tree::Table(parts)
        }
    })
}

/// A request that posts nothing but what its sender adds.
pub(super) fn posted(
    checker: &mut Checker<'_>,
    place: &Place,
    path: &str,
    names: &Names,
) -> Option<RequestRule> {
    let sent = Sent {
        method: Method::Post,
        ..Sent::only(path)
    };
    request(checker, place, &sent, names)
}
