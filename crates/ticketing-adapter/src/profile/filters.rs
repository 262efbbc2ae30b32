//! The filters a profile's expressions may use, and no others. Neighbours: `expr`, which compiles
//! expressions; `docs/PROFILES.md`, which explains each filter.
//!
//! They work on shapes (lists of pairs, quoted texts), never on a vendor's names. A missing value
//! goes through all of them as a missing value, an empty list or an empty text, so that a profile
//! need not ask first.

use super::html;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp as Instant;
use minijinja::{
    Environment, Error, ErrorKind,
    value::{Kwargs, Value, ValueKind},
};
use std::collections::BTreeMap;
use url::form_urlencoded;

/// Every filter there is. A name outside is found when the profile is loaded.
pub(crate) const NAMES: &[&str] = &[
    "all",
    "ascii",
    "base64_text",
    "column",
    "digits",
    "entries",
    "find",
    "first",
    "format_time",
    "holding",
    "html",
    "html_text",
    "inert",
    "last_segment",
    "line",
    "lower",
    "number",
    "pairs",
    "parameter",
    "plain",
    "quoted",
    "singles",
    "split",
    "time",
    "trim",
    "with",
];

/// What stands in the brackets of a filter, by an example of each argument.
pub(crate) fn arguments(filter: &str) -> &'static [&'static str] {
    match filter {
        "all" => &["'status'", "'done'"],
        "column" | "parameter" => &["'id'"],
        "holding" => &["'href'", "'/user'"],
        "entries" | "pairs" => &["'id'", "'value'"],
        "find" => &["'id'", "'7'"],
        "format_time" => &["'%Y-%m-%dT%H:%M:%SZ'"],
        "split" => &["';'"],
        "with" => &["'name'", "'Ana'"],
        _ => &[],
    }
}

/// The word joiner: invisible, of no width, and no line breaks at it.
pub(crate) const WORD_JOINER: char = '\u{2060}';

/// The longest one-line text, in characters: what the narrowest subject column known holds.
const LINE_CHARACTERS_MAX: usize = 200;

/// Numbers under this are seconds since 1970, others milliseconds: it is the year 5138 in the one
/// and March 1973 in the other.
const SECONDS_BELOW: i64 = 100_000_000_000;

/// The parts of a text, without the empty ones.
fn split(value: Value, by: String) -> Value {
    let text = text(&value);
    let parts = text.split(by.as_str()).map(str::trim);
    parts.filter(|part| !part.is_empty()).collect()
}

pub(crate) fn register(env: &mut Environment<'static>) {
    env.add_filter("all", all);
    env.add_filter("ascii", |v: Value| each_text(&v, ascii));
    env.add_filter("base64_text", base64_text);
    env.add_filter("column", |v: Value, key: String| -> Value {
        items(&v).map(|item| attr(&item, &key)).collect()
    });
    env.add_filter("digits", |v: Value| -> String {
        text(&v).chars().filter(char::is_ascii_digit).collect()
    });
    env.add_filter("entries", entries);
    env.add_filter("find", find);
    env.add_filter("first", |v: Value| items(&v).next().unwrap_or_default());
    env.add_filter("format_time", format_time);
    env.add_filter("holding", holding);
    env.add_filter("html", |v: Value| each_text(&v, html::of));
    env.add_filter("html_text", |v: Value| each_text(&v, html::text));
    env.add_filter("inert", |v: Value| each_text(&v, inert));
    env.add_filter("last_segment", |v: Value| {
        let url = text(&v);
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        last.to_owned()
    });
    env.add_filter("line", |v: Value| each_text(&v, line));
    env.add_filter("lower", |v: Value| each_text(&v, str::to_lowercase));
    env.add_filter("number", number);
    env.add_filter("pairs", pairs);
    env.add_filter("parameter", parameter);
    env.add_filter("plain", |v: Value| each_text(&v, plain));
    env.add_filter("quoted", |v: Value| quoted(&text(&v)));
    env.add_filter("singles", singles);
    env.add_filter("split", split);
    env.add_filter("time", |v: Value| {
        millis(&v).map_or(Value::UNDEFINED, Value::from)
    });
    env.add_filter("trim", |v: Value| {
        each_text(&v, |text| text.trim().to_owned())
    });
    env.add_filter("with", with);
}

/// A text or a number as text; anything else is no text and gives "".
pub(crate) fn text(value: &Value) -> String {
    match value.kind() {
        ValueKind::String | ValueKind::Number => value.to_string(),
        _ => String::new(),
    }
}

/// Changes a text, or every text in a list or map; what is missing stays missing.
fn each_text(value: &Value, change: fn(&str) -> String) -> Value {
    match value.kind() {
        ValueKind::String | ValueKind::Number => Value::from(change(&text(value))),
        ValueKind::Seq | ValueKind::Iterable => {
            items(value).map(|item| each_text(&item, change)).collect()
        }
        ValueKind::Map => {
            let changed = map_of(value).into_iter();
            Value::from_pairs(changed.map(|(key, item)| (key, each_text(&item, change))))
        }
        ValueKind::None => Value::UNDEFINED,
        _ => value.clone(),
    }
}

/// The items of a list; of anything else, none.
pub(crate) fn items(value: &Value) -> impl Iterator<Item = Value> + use<> {
    let is_list = matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable);
    let iter = if is_list { value.try_iter().ok() } else { None };
    iter.into_iter().flatten()
}

/// A part by its key, or by a path of keys with dots between; a key with a dot in it goes first.
fn attr(value: &Value, key: &str) -> Value {
    let whole = value.get_attr(key).unwrap_or_default();
    if !whole.is_undefined() {
        return whole;
    }
    key.split('.').fold(value.clone(), |part, key| {
        part.get_attr(key).unwrap_or_default()
    })
}

/// A time in milliseconds since 1970: a number (seconds or milliseconds), a text of digits, or an
/// ISO 8601 text with a zone.
pub(crate) fn millis(value: &Value) -> Option<i64> {
    let words = text(value);
    let words = words.trim();
    if let Ok(number) = words.parse::<i64>() {
        let seconds = number.abs() < SECONDS_BELOW;
        return Some(if seconds {
            number.saturating_mul(1_000)
        } else {
            number
        });
    }
    let instant: Instant = words.parse().ok()?;
    Some(instant.as_millisecond())
}

fn all(list: Value, key: String, wanted: Value) -> bool {
    let wanted = text(&wanted);
    let mut any = false;
    for item in items(&list) {
        any = true;
        if text(&attr(&item, &key)) != wanted {
            return false;
        }
    }
    any && !wanted.is_empty()
}

/// The first item whose `key` reads like `wanted`; numbers and texts count as the same.
fn find(list: Value, key: String, wanted: Value) -> Value {
    let wanted = text(&wanted);
    items(&list)
        .find(|item| !wanted.is_empty() && text(&attr(item, &key)) == wanted)
        .unwrap_or_default()
}

/// The items whose `key` has `part` in it; none where the part is empty.
fn holding(list: Value, key: String, part: String) -> Value {
    let holds = |item: &Value| !part.is_empty() && text(&attr(item, &key)).contains(&part);
    items(&list).filter(holds).collect()
}

/// What a parameter of an address's query says; of each address in a list.
fn parameter(value: Value, name: String) -> Value {
    if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        let each = |address| parameter(address, name.clone());
        return items(&value).map(each).collect();
    }
    let address = text(&value);
    let (_, query) = address.split_once('?').unwrap_or_default();
    let query = query.split('#').next().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let found = pairs.find(|(key, _)| *key == name);
    found.map_or(Value::UNDEFINED, |(_, said)| Value::from(said.as_ref()))
}

/// A list of pairs as a map.
fn pairs(list: Value, key: String, value: String) -> Value {
    let map: BTreeMap<String, Value> = items(&list)
        .map(|item| (text(&attr(&item, &key)), attr(&item, &value)))
        .filter(|(key, _)| !key.is_empty())
        .collect();
    Value::from(map)
}

/// A map as a list of pairs; `numeric=true` makes keys of digits numbers.
fn entries(map: Value, key: String, value: String, options: Kwargs) -> Result<Value, Error> {
    let numeric = options.get::<Option<bool>>("numeric")?.unwrap_or(false);
    options.assert_all_used()?;
    let list: Vec<Value> = map_of(&map)
        .into_iter()
        .map(|(name, content)| {
            let name = Value::from(name);
            let name = if numeric { number(name) } else { name };
            Value::from(BTreeMap::from([
                (key.clone(), name),
                (value.clone(), content),
            ]))
        })
        .collect();
    Ok(Value::from(list))
}

fn map_of(map: &Value) -> BTreeMap<String, Value> {
    if map.kind() != ValueKind::Map {
        return BTreeMap::new();
    }
    let keys = map.try_iter().into_iter().flatten();
    keys.map(|key| (text(&key), map.get_item(&key).unwrap_or_default()))
        .collect()
}

/// The map with one more entry; without a key or a value, the map as it is.
fn with(map: Value, key: Value, value: Value) -> Value {
    let mut map = map_of(&map);
    let key = text(&key);
    if !key.is_empty() && !value.is_undefined() && !value.is_none() {
        map.insert(key, value);
    }
    Value::from(map)
}

/// A map of lists, where a list of one item becomes the item and an empty list is left out.
fn singles(map: Value) -> Value {
    let map: BTreeMap<String, Value> = map_of(&map)
        .into_iter()
        .filter_map(|(key, value)| match items(&value).count() {
            1 => items(&value).next().map(|item| (key, item)),
            0 if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) => None,
            _ => Some((key, value)),
        })
        .collect();
    Value::from(map)
}

/// A text of digits as a number; anything else as it is.
fn number(value: Value) -> Value {
    let words = text(&value);
    match words.parse::<i64>() {
        // "007" and "+7" are names, not numbers.
        Ok(number) if number.to_string() == words => Value::from(number),
        _ => value,
    }
}

/// One line without control characters, of at most [`LINE_CHARACTERS_MAX`].
fn line(words: &str) -> String {
    let spaced: String = words
        .chars()
        .map(|c| match c {
            '\u{2028}' | '\u{2029}' => ' ',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    cut(spaced.trim(), LINE_CHARACTERS_MAX)
}

/// Cuts between characters that people see as one as little as can be told without tables: never
/// before a joiner, a variation mark or a combining mark.
fn cut(words: &str, most: usize) -> String {
    let chars: Vec<char> = words.chars().collect();
    let mut end = chars.len().min(most);
    let joins = |c: Option<&char>| {
        c.is_some_and(|c| {
            matches!(c, '\u{200D}' | '\u{0300}'..='\u{036F}' | '\u{FE00}'..='\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{20D0}'..='\u{20FF}')
        })
    };
    while end > 0
        && end < chars.len()
        && (joins(chars.get(end)) || chars.get(end - 1) == Some(&'\u{200D}'))
    {
        end -= 1;
    }
    chars.into_iter().take(end).collect()
}

/// Text of several lines with what no system stores taken out: NUL is dropped, other control
/// characters show as U+FFFD.
fn plain(words: &str) -> String {
    words
        .chars()
        .filter(|c| *c != '\0')
        .map(|c| match c {
            '\n' | '\r' | '\t' => c,
            c if c.is_control() => '\u{FFFD}',
            c => c,
        })
        .collect()
}

/// Only what every system can spell: each other character shows as an underscore.
fn ascii(words: &str) -> String {
    let spelled = words.chars();
    spelled
        .map(|c| if (' '..='~').contains(&c) { c } else { '_' })
        .collect()
}

/// Breaks every placeholder that a ticketing system could expand, by an invisible character: where it
/// opens, and where a tag closes, which alone is an error to some.
fn inert(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut before = ' ';
    for c in words.chars() {
        let opens = before == '{' && matches!(c, '{' | '%' | '#');
        if opens || (before, c) == ('%', '}') {
            out.push(WORD_JOINER);
        }
        out.push(c);
        before = c;
    }
    out
}

/// A text between single quotes, with quotes and backslashes in it escaped by a backslash.
fn quoted(words: &str) -> String {
    let mut out = String::from("'");
    for c in words.chars().filter(|c| !c.is_control()) {
        if matches!(c, '\'' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('\'');
    out
}

/// Whether a time can be written in this form.
pub(crate) fn writes_time(form: &str) -> bool {
    jiff::fmt::strtime::format(form, Instant::UNIX_EPOCH).is_ok()
}

fn format_time(value: Value, form: String) -> Result<String, Error> {
    let Some(millis) = millis(&value) else {
        return Ok(String::new());
    };
    let bad = |_| {
        Error::new(
            ErrorKind::InvalidOperation,
            "not a time that can be written so",
        )
    };
    let instant = Instant::from_millisecond(millis).map_err(bad)?;
    jiff::fmt::strtime::format(&form, instant).map_err(bad)
}

/// Base64 as text; what is neither base64 nor UTF-8 is no text.
fn base64_text(value: Value) -> Value {
    let packed: String = text(&value).split_whitespace().collect();
    let bytes = STANDARD.decode(packed).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map_or(Value::UNDEFINED, Value::from)
}

#[cfg(test)]
mod tests;
