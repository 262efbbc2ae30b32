//! Looks whether a request carries what it is for. Neighbours: `names`, the table of what each must
//! name; `operations` and `setup`, whose requests these are.

use super::{
    compile::Checker,
    expr::Expr,
    names::Must,
    place::Place,
    rules::{Kind, RequestRule, Then, Upload},
    spec::OperationSpec,
};
use std::collections::BTreeSet;

/// Every name that tells a request apart from another of its kind.
#[derive(Debug, Default)]
pub(super) struct Carried(BTreeSet<String>);

impl Carried {
    /// Those of its path, query, headers and body.
    pub(super) fn by(request: &RequestRule) -> Self {
        let pairs = request.query.iter().flat_map(|(name, value)| [name, value]);
        let texts = request.path.iter().chain(pairs);
        let texts = texts.chain(request.headers.iter().map(|(_, value)| value));
        let mut names: BTreeSet<&str> = texts.flat_map(|text| text.names()).collect();
        names.extend(request.body.iter().flat_map(|body| body.names()));
        Self(names.into_iter().map(str::to_owned).collect())
    }

    /// With those of an expression that picks from its answer: what a system cannot be asked for is
    /// found in what it brings.
    pub(super) fn or_picked(mut self, by: &Expr) -> Self {
        self.0.extend(by.names().map(str::to_owned));
        self
    }

    /// With those by which a read before it was asked, where the request names what that read brought.
    pub(super) fn through(mut self, first: &[Then]) -> Self {
        for read in first.iter().rev() {
            if self.names(&format!("also.{}", read.name)) {
                self.0.extend(Self::by(&read.request).0);
            }
        }
        self
    }

    /// With a file that was brought to the ticket itself, and so hangs there already.
    pub(super) fn beside(mut self, upload: Option<&Upload>) -> Self {
        let brought = upload.map(|upload| Self::by(&upload.request));
        if brought.is_some_and(|brought| brought.names("ticket.id")) {
            self.0.insert("upload".to_owned());
        }
        self
    }

    /// Whether this name, a part of it, or the whole that it is a part of is there.
    pub(super) fn names(&self, name: &str) -> bool {
        let name = name.strip_suffix(".*").unwrap_or(name);
        let part_of = |part: &str, whole: &str| {
            let rest = part.strip_prefix(whole);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.0
            .iter()
            .any(|there| part_of(there, name) || part_of(name, there))
    }

    fn has(&self, must: &Must) -> bool {
        must.one_of.iter().any(|name| self.names(name))
    }
}

/// Tells what a request must name and does not.
pub(super) fn must(checker: &mut Checker<'_>, place: &Place, carried: &Carried, must: &Must) {
    if carried.has(must) {
        return;
    }
    let what = match must.one_of {
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

fn shown(name: &str) -> String {
    name.trim_end_matches(".*").to_owned()
}
