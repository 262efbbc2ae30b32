//! One template or condition: is all that it uses known, and does it stand a rehearsal? Neighbours:
//! compile, which asks; engine, which runs what comes out.

use super::{
    compile::Compiler,
    engine::{self, Rule, Undecided},
    names::{self, Sample, Scope, nearest},
    scan,
};
use minijinja::{Error, ErrorKind};
use std::collections::BTreeMap;

/// Blocks that a text may use. The others read files, define what nothing calls, or escape.
const BLOCKS: [&str; 13] = [
    "if", "elif", "else", "endif", "for", "endfor", "set", "endset", "with", "endwith", "raw",
    "endraw", "do",
];

impl Compiler<'_> {
    pub(super) fn pairs(
        &mut self,
        key: &str,
        pairs: &BTreeMap<String, String>,
        scope: Scope,
    ) -> BTreeMap<String, Rule> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, source)| {
                let rule = self.text(&format!("{key}.{name}"), source, scope);
                (name.clone(), rule)
            })
            .collect()
    }

    pub(super) fn texts(&mut self, key: &str, source: Option<&str>, scope: Scope) -> Option<Rule> {
        source.map(|source| self.text(key, source, scope))
    }

    pub(super) fn text(&mut self, key: &str, source: &str, scope: Scope) -> Rule {
        let uses = scan::template(source);
        let rule = Rule {
            key: key.to_owned(),
            orders: false,
        };
        if let Err(error) = self
            .env
            .add_template_owned(key.to_owned(), source.to_owned())
        {
            self.syntax(key, &error);
            return rule;
        }
        let used = self
            .env
            .get_template(key)
            .map(|template| template.undeclared_variables(true))
            .unwrap_or_default();
        self.check(&rule, source, &uses, used, scope);
        rule
    }

    pub(super) fn condition(&mut self, key: &str, source: &str, scope: Scope) -> Rule {
        let uses = scan::expression(source);
        let rule = Rule {
            key: key.to_owned(),
            orders: uses.orders,
        };
        if source.contains("{{") || source.contains("{%") {
            self.problem(
                key.to_owned(),
                "a condition stands without braces",
                "write the expression alone, such as \"'whatsapp' in ticket.tags\"",
            );
            return rule;
        }
        let used = match self.env.compile_expression(source) {
            Ok(expression) => expression.undeclared_variables(true),
            Err(error) => {
                self.syntax(key, &error);
                return rule;
            }
        };
        let template = engine::condition_template(source);
        if let Err(error) = self.env.add_template_owned(key.to_owned(), template) {
            self.syntax(key, &error);
            return rule;
        }
        self.check(&rule, source, &uses, used, scope);
        rule
    }

    /// Everything that can be known of a rule before it meets its first customer.
    fn check(
        &mut self,
        rule: &Rule,
        source: &str,
        uses: &scan::Uses,
        used: impl IntoIterator<Item = String>,
        scope: Scope,
    ) {
        let before = self.problems.len();
        let key = rule.key.as_str();
        let mut unknown: Vec<_> = used.into_iter().filter(|name| !scope.knows(name)).collect();
        unknown.sort();
        for name in unknown {
            let (what, remedy) = unknown_name(&name, scope);
            self.problem(key.to_owned(), &what, &remedy);
        }
        let filters = engine::FILTERS.iter().chain(&engine::OWN_FILTERS).copied();
        self.words(key, "filter", &uses.filters, filters);
        self.words(key, "test", &uses.tests, engine::TESTS.iter().copied());
        self.words(key, "block", &uses.blocks, BLOCKS.iter().copied());
        if uses.equals_none {
            self.problem(
                key.to_owned(),
                "a missing value equals nothing, not even none",
                "write `is none` or `is not none`",
            );
        }
        if self.problems.len() == before {
            self.rehearse(rule, source, scope);
        }
    }

    fn words<'a>(
        &mut self,
        key: &str,
        kind: &str,
        used: &[String],
        known: impl Iterator<Item = &'a str> + Clone,
    ) {
        for word in used {
            if known.clone().any(|k| k == word) {
                continue;
            }
            let remedy = match nearest(word, known.clone()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("known are {}", known.clone().collect::<Vec<_>>().join(", ")),
            };
            self.problem(
                key.to_owned(),
                &format!("there is no {kind} {word}"),
                &remedy,
            );
        }
    }

    /// Runs the rule on invented values, from all there to all left out that may be.
    fn rehearse(&mut self, rule: &Rule, source: &str, scope: Scope) {
        let samples = [Sample::Full, Sample::Untagged, Sample::Bare];
        let failed = samples.into_iter().find_map(|sample| {
            engine::render(&self.env, &rule.key, names::invented(scope, sample)).err()
        });
        if let Some(error) = failed {
            if let Some(undecided) = engine::undecided(&error) {
                let remedy = decided(source.trim(), undecided, scope);
                self.problem(rule.key.clone(), &undecided.to_string(), &remedy);
                return;
            }
            let what = match (error.kind(), error.detail()) {
                (ErrorKind::InvalidOperation, Some(detail)) => detail.to_owned(),
                (_, _) => engine::reason(&error),
            };
            self.problem(
                rule.key.clone(),
                &format!("it fails on a sample: {what}"),
                "mend the rule; what may be missing can be guarded by `if` or `| default('')`",
            );
        }
    }

    fn syntax(&mut self, key: &str, error: &Error) {
        let what = error.detail().unwrap_or("it cannot be read").to_owned();
        let line = error.line().filter(|line| *line > 1);
        let place = line
            .map(|line| format!(" (line {line} of it)"))
            .unwrap_or_default();
        self.problem(
            key.to_owned(),
            &format!("syntax error: {what}{place}"),
            "mend the expression; texts in it stand in single quotes",
        );
    }
}

/// What may have been meant by a condition that is neither true nor false.
fn decided(source: &str, given: Undecided, scope: Scope) -> String {
    // A name and nothing else: with what is around it a comparison would mean something else.
    let in_names = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let is_name = source.chars().all(in_names) && scope.knows(source);
    match (quoted(source), given) {
        (Some(word @ ("true" | "false")), _) => format!("did you mean \"{word}\"?"),
        (Some(word), _) if scope == Scope::Ticket => {
            format!("did you mean \"'{word}' in ticket.tags\"?")
        }
        (None, Undecided::List) if is_name => {
            format!("did you mean \"'WORD' in {source}\"?")
        }
        (None, Undecided::Text) if is_name => {
            format!("write \"{source} == 'WORD'\", or \"{source} is not none\" where any will do")
        }
        (_, _) => {
            let example = match scope {
                Scope::Ticket => "ticket.priority == 'urgent'",
                Scope::Conversation => "contact.name == 'Ana'",
                Scope::Comment => "'#zap' in comment.body",
                Scope::Report => "report.team == 'billing'",
            };
            format!(
                "write a comparison, such as \"{example}\"; on both sides of `and` and `or` too"
            )
        }
    }
}

/// The word of a rule that is a word in quotes and nothing else.
fn quoted(source: &str) -> Option<&str> {
    let quotes = ['\'', '"'];
    let between = |quote: &char| source.strip_prefix(*quote)?.strip_suffix(*quote);
    let word = quotes.iter().find_map(between)?;
    (!word.contains(['\'', '"', '\\'])).then_some(word)
}

fn unknown_name(name: &str, scope: Scope) -> (String, String) {
    let inside: Vec<_> = scope
        .names()
        .iter()
        .copied()
        .filter(|known| {
            known
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('.'))
        })
        .collect();
    if !inside.is_empty() {
        return (
            format!("{name} is a group of names and has no value of its own"),
            format!("name one of {}", inside.join(", ")),
        );
    }
    let what = format!("there is no name {name} here");
    if name == "null" {
        return (what, "write `is none` or `is not none`".to_owned());
    }
    let above = name.rsplit_once('.');
    if let Some((known, word)) = above.filter(|(known, _)| scope.names().contains(known)) {
        let what = format!("{known} has no {word} below it");
        return (what, format!("a filter is written {known} | {word}"));
    }
    let remedy = match nearest(name, scope.names().iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("known are {}", scope.names().join(", ")),
    };
    (what, remedy)
}
