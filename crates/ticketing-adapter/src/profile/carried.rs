//! Looks whether a request carries what it is for. Neighbours: `names`, the table of what each must
//! name; `operations` and `setup`, whose requests these are.

use super::{
    compile::Checker,
    expr::{Expr, Template, Tree},
    names::Must,
    place::Place,
    rules::{Kind, OperationRule, RequestRule, Then, Upload},
    spec::OperationSpec,
};
use minijinja::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A status that no profile has in its expressions.
const SOME_STATUS: &str = "such a status";

/// Every name that tells a request apart from another of its kind.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// Those that stand in it.
    named: BTreeSet<String>,
    /// Those of which something goes out, and not what is only asked of them.
    said: BTreeSet<String>,
}

impl Carried {
    /// Those of its path, query, headers and body.
    pub(super) fn by(request: &RequestRule) -> Self {
        let mut carried = Self::default();
        for expr in exprs(request) {
            carried.named.extend(expr.names().map(str::to_owned));
            carried.said.extend(expr.said().map(str::to_owned));
        }
        carried
    }

    /// With those of an expression that picks from its answer: what a system cannot be asked for is
    /// found in what it brings, by whatever the expression asks of it.
    pub(super) fn or_picked(mut self, by: &Expr) -> Self {
        self.named.extend(by.names().map(str::to_owned));
        self.said.extend(by.names().map(str::to_owned));
        self
    }

    /// With those by which a read before it was asked, where the request names what that read brought.
    pub(super) fn through(mut self, first: &[Then]) -> Self {
        for read in first.iter().rev() {
            let brought = format!("also.{}", read.name);
            let before = Self::by(&read.request);
            if is_in(&self.said, &brought) {
                self.said.extend(before.said);
            }
            if self.names(&brought) {
                self.named.extend(before.named);
            }
        }
        self
    }

    /// With a file that was brought to the ticket itself, and so hangs there already.
    pub(super) fn beside(mut self, upload: Option<&Upload>) -> Self {
        let brought = upload.map(|upload| Self::by(&upload.request));
        if brought.is_some_and(|brought| is_in(&brought.said, "ticket.id")) {
            self.named.insert("upload".to_owned());
            self.said.insert("upload".to_owned());
        }
        self
    }

    /// Whether this name, a part of it, or the whole that it is a part of is there.
    pub(super) fn names(&self, name: &str) -> bool {
        is_in(&self.named, name)
    }

    fn has(&self, must: &Must) -> bool {
        let there = if must.by_choice {
            &self.named
        } else {
            &self.said
        };
        must.one_of.iter().any(|name| is_in(there, name))
    }
}

/// The expressions of its path, query, headers and body.
fn exprs(request: &RequestRule) -> impl Iterator<Item = &Expr> {
    let pairs = request.query.iter().flat_map(|(name, value)| [name, value]);
    let texts = request.path.iter().chain(pairs);
    let texts = texts.chain(request.headers.iter().map(|(_, value)| value));
    let body = request.body.iter().flat_map(Tree::exprs);
    texts.flat_map(Template::exprs).chain(body)
}

fn is_in(names: &BTreeSet<String>, name: &str) -> bool {
    let name = name.strip_suffix(".*").unwrap_or(name);
    let part_of = |part: &str, whole: &str| {
        let rest = part.strip_prefix(whole);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let mut names = names.iter();
    names.any(|there| part_of(there, name) || part_of(name, there))
}

/// Tells what a request must name and does not.
pub(super) fn must(checker: &mut Checker<'_>, place: &Place, carried: &Carried, must: &Must) {
    if carried.has(must) {
        return;
    }
    let asked = must.one_of.iter().find(|name| carried.names(name));
    let what = match must.one_of {
        _ if let Some(name) = asked => format!(
            "its request asks for `{}` in a condition and does not say it",
            shown(name)
        ),
        [name] => format!("its request does not name `{}`", shown(name)),
        names => {
            let names: Vec<String> = names
                .iter()
                .map(|name| format!("`{}`", shown(name)))
                .collect();
            format!("its request names none of {}", names.join(", "))
        }
    };
    let mut remedy = format!("Say where it goes, such as {}.", must.such_as);
    if must.unfiltered {
        remedy += " If the system cannot be asked so, say why: unfiltered = \"...\".";
    }
    checker.problem(place, format!("{what}: {}", must.lest), remedy);
}

/// The same for all that an operation of this kind must name.
pub(super) fn check(
    checker: &mut Checker<'_>,
    place: &Place,
    (kind, spec): (Kind, &OperationSpec),
    carried: &Carried,
) {
    let only_made = kind == Kind::Create && checker.only_makes;
    let wanted = kind.musts().iter();
    let wanted: Vec<&Must> = wanted.filter(|m| m.when.holds(spec, only_made)).collect();
    for one in &wanted {
        if !(one.unfiltered && spec.unfiltered.is_some()) {
            must(checker, place, carried, one);
        }
    }
    let filter = wanted.iter().find(|must| must.unfiltered);
    let remedy = "Take `unfiltered` out.";
    match (&spec.unfiltered, filter) {
        (Some(_), None) => {
            let what = "only a list whose items are compared here may be unfiltered";
            checker.problem(&place.key("unfiltered"), what, remedy);
        }
        (Some(_), Some(filter)) if carried.has(filter) => {
            let what = format!("its request names `{}`", filter.one_of.join("`, `"));
            checker.problem(&place.key("unfiltered"), what, remedy);
        }
        _ => {}
    }
    let unread = ["page", "since.page"]
        .into_iter()
        .find(|page| carried.names(page));
    if let (Some(page), None) = (unread, spec.page_size) {
        let what = format!(
            "`{page}` is named and `page_size` is missing: only the first page would ever be read"
        );
        checker.problem(
            place,
            what,
            "Say how many items a full page has: page_size = 100.",
        );
    }
}

/// Whether a status goes out as what stands for it at the system: its code where it has one, else its word.
pub(super) fn status(checker: &mut Checker<'_>, place: &Place, rule: &OperationRule) {
    let carried = Carried::by(&rule.request).through(&rule.first);
    let (word, code) = (carried.names("status"), carried.names("status_code"));
    let told = Value::from(BTreeMap::from([("status", SOME_STATUS)]));
    let as_word = |expr: &Expr| {
        let sent = expr.text(&told).ok().flatten();
        sent.is_some_and(|sent| sent.to_lowercase().contains(SOME_STATUS))
    };
    if checker.has_codes && !code && exprs(&rule.request).any(as_word) {
        let what = "a status would go out as its word, and the vocabulary has codes for what the system takes";
        let remedy = "Send {{ status_code or status }}. If the system takes words and only tells codes, take the codes out of the vocabulary and read them in [ticket.NAME]: status = \"'open' if it.status == 2 else ...\".";
        checker.problem(place, what, remedy);
    }
    if !checker.has_codes && code && !word {
        let what = "`status_code` is sent, and nothing stands for any status: it would be left out";
        let remedy = "Add [vocabulary.codes], or send {{ status }}.";
        checker.problem(place, what, remedy);
    }
}

fn shown(name: &str) -> String {
    name.trim_end_matches(".*").to_owned()
}
