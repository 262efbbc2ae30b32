//! The one place that runs an operator's rule. Neighbours: compile, which fills it; names, which
//! gives it values.
//!
//! What customers wrote comes in as values and goes out as it came: it is never compiled, and
//! nothing is rendered twice.

use super::{
    MappingError,
    names::{Missing, is_missing},
    phone,
};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, escape_formatter,
    value::{Rest, Value, ValueKind},
};
use std::{error::Error as _, io, sync::Arc};

/// Steps one rule may take. A long rule takes a few hundred; a loop over a ticket's tags some
/// thousands; what takes more would hold up every customer behind it.
const FUEL: u64 = 50_000;

/// The longest text a rule may make, in bytes. A WhatsApp message has at most 4,096 characters;
/// this leaves room for several of them in one description, and none for a loop gone wild.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Jinja's own filters, all of which take a missing value as empty text here.
pub(super) const FILTERS: [&str; 45] = [
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "dictsort",
    "e",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// Filters of ours, and those of Jinja's that are about missing values.
pub(super) const OWN_FILTERS: [&str; 4] = ["d", "default", "digits", "phone"];

/// Every filter that rules may use, sorted: for the manual.
#[must_use]
pub fn filters() -> Vec<&'static str> {
    let mut all: Vec<_> = FILTERS.iter().chain(&OWN_FILTERS).copied().collect();
    all.sort_unstable();
    all
}

/// Tests that may follow `is`.
pub(super) const TESTS: [&str; 29] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "undefined",
];

/// A rule that was compiled, by the name under which the engine keeps it: the operator's key.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) key: String,
    /// Whether it compares by order, so that missing values must be asked about both ways.
    pub(super) orders: bool,
}

/// The environment in which rules run: no loader, no functions, no escaping.
pub(super) fn environment() -> Environment<'static> {
    let builtin = Arc::new(Environment::new());
    let mut env = Environment::new();
    env.set_debug(false);
    env.set_fuel(Some(FUEL));
    env.set_undefined_behavior(UndefinedBehavior::Chainable);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_formatter(|out, state, value| {
        if is_missing(value) {
            return Ok(());
        }
        escape_formatter(out, state, value)
    });
    let globals: Vec<String> = env.globals().map(|(name, _)| name.to_owned()).collect();
    for name in globals {
        env.remove_global(&name);
    }
    for name in FILTERS {
        let builtin = Arc::clone(&builtin);
        env.add_filter(name, move |value: Value, rest: Rest<Value>| {
            if is_missing(&value) {
                return Ok(without_value(name, value));
            }
            let mut args = vec![value];
            args.extend(rest.iter().cloned());
            builtin.empty_state().apply_filter(name, &args)
        });
    }
    env.add_filter("default", or_default);
    env.add_filter("d", or_default);
    env.add_filter("digits", digits);
    env.add_filter("phone", phone_digits);
    env.add_filter(TRUTH, truth);
    env.add_test("none", |value: Value| is_missing(&value));
    env.add_test("undefined", |value: Value| is_missing(&value));
    env.add_test("defined", |value: Value| !is_missing(&value));
    env
}

/// What a filter makes of a missing value: empty text, except that what would be a number or a part
/// stays missing, so that no order with it holds.
fn without_value(filter: &str, missing: Value) -> Value {
    const NO_TEXT: [&str; 12] = [
        "abs", "attr", "count", "first", "float", "int", "last", "length", "max", "min", "round",
        "sum",
    ];
    if NO_TEXT.contains(&filter) {
        missing
    } else {
        Value::from("")
    }
}

/// Jinja's `default` takes only undefined values for missing; here null is missing too.
fn or_default(value: Value, other: Option<Value>, also_false: Option<bool>) -> Value {
    if is_missing(&value) || (also_false == Some(true) && !value.is_true()) {
        other.unwrap_or_else(|| Value::from(""))
    } else {
        value
    }
}

/// Drops everything but digits.
fn digits(value: Value) -> String {
    if is_missing(&value) {
        return String::new();
    }
    value
        .to_string()
        .chars()
        .filter(char::is_ascii_digit)
        .collect()
}

/// The digits by which WhatsApp knows a number; see [`phone::normalise`].
fn phone_digits(value: Value, country: Option<String>) -> Result<String, Error> {
    let country = country
        .map(|code| code.parse().map_err(|_| no_country(&code)))
        .transpose()?;
    if is_missing(&value) {
        return Ok(String::new());
    }
    Ok(phone::normalise(&value.to_string(), country).unwrap_or_default())
}

fn no_country(code: &str) -> Error {
    let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    let what = if is_code {
        format!("phone() knows no country {code}")
    } else {
        "phone() wants a country of two capital letters, such as phone('BR')".to_owned()
    };
    Error::new(ErrorKind::InvalidOperation, what)
}

/// Runs a text's rule.
pub(super) fn text(
    env: &Environment<'_>,
    rule: &Rule,
    values: Value,
) -> Result<String, MappingError> {
    render(env, &rule.key, values).map_err(|error| rule.failed(&error))
}

/// Runs a condition's rule; `values` makes the values with missing ones taken so or so.
pub(super) fn holds(
    env: &Environment<'_>,
    rule: &Rule,
    values: impl Fn(Missing) -> Value,
) -> Result<bool, MappingError> {
    let ask = |missing| {
        render(env, &rule.key, values(missing))
            .map(|answer| answer == HOLDS)
            .map_err(|error| rule.failed(&error))
    };
    Ok(ask(Missing::Low)? && (!rule.orders || ask(Missing::High)?))
}

/// What the template around a condition writes when it holds.
const HOLDS: &str = "1";

/// The filter through which a condition's value goes; none that an operator may write.
const TRUTH: &str = "truth";

/// The template in which a condition is kept. The condition was parsed as an expression of its own
/// before, so it cannot leave the block.
pub(super) fn condition_template(condition: &str) -> String {
    format!("{{% if ({condition}) | {TRUTH} %}}{HOLDS}{{% endif %}}")
}

/// A condition's value that is there and is no truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Undecided {
    #[error("it gives a text, which is neither true nor false")]
    Text,
    #[error("it gives a number, which is neither true nor false")]
    Number,
    #[error("it gives a list, which is neither true nor false")]
    List,
    #[error("it gives what is neither true nor false")]
    Other,
}

/// Whether a condition holds. What is missing or empty does not; of anything else Jinja would say
/// that it does, and a word in quotes would hold for each ticket.
fn truth(value: Value) -> Result<bool, Error> {
    if !value.is_true() {
        return Ok(false);
    }
    let undecided = match value.kind() {
        ValueKind::Bool => return Ok(true),
        ValueKind::String => Undecided::Text,
        ValueKind::Number => Undecided::Number,
        ValueKind::Seq | ValueKind::Iterable => Undecided::List,
        _ => Undecided::Other,
    };
    Err(Error::from(ErrorKind::InvalidOperation).with_source(undecided))
}

/// What a condition gave, if that is why it failed.
pub(super) fn undecided(error: &Error) -> Option<Undecided> {
    error.source()?.downcast_ref::<Undecided>().copied()
}

/// Renders without letting the output grow past [`TEXT_BYTES_MAX`].
pub(super) fn render(env: &Environment<'_>, name: &str, values: Value) -> Result<String, Error> {
    let mut out = Capped(Vec::new());
    env.get_template(name)?
        .render_captured_to(values, &mut out)?;
    String::from_utf8(out.0)
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "the text is not UTF-8"))
}

struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.0.len() + part.len() > TEXT_BYTES_MAX {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Rule {
    fn failed(&self, error: &Error) -> MappingError {
        MappingError {
            key: self.key.clone(),
            reason: reason(error),
        }
    }
}

/// What went wrong, in words that hold nothing of the values.
pub(super) fn reason(error: &Error) -> String {
    match error.kind() {
        ErrorKind::OutOfFuel => format!("it took more than {FUEL} steps"),
        ErrorKind::WriteFailure => format!("its text is longer than {TEXT_BYTES_MAX} bytes"),
        ErrorKind::InvalidOperation => undecided(error).map_or_else(
            || "an operation does not fit the kind of its value".to_owned(),
            |undecided| undecided.to_string(),
        ),
        kind => kind.to_string(),
    }
}
