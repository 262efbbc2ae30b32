//! Where in a profile something stands. Neighbour: `compile`, which reports problems with it.

use std::{fmt, ops::Range};
use toml::de::{DeTable, DeValue};

/// A way into a TOML document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Index(usize),
}

impl Place {
    pub(crate) fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if n == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// The line of the deepest part of `place` that is written down.
pub(crate) fn line_of(text: &str, place: &Place) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut table = Some(document.get_ref());
    let mut value: Option<&DeValue<'_>> = None;
    let mut span: Option<Range<usize>> = None;
    for step in &place.0 {
        let found = match step {
            Step::Key(key) => table.and_then(|table| {
                let entry = table
                    .iter()
                    .find(|(name, _)| name.get_ref() == key.as_str());
                entry.map(|(name, value)| (name.span(), value))
            }),
            Step::Index(index) => value
                .and_then(DeValue::as_array)
                .and_then(|array| array.get(*index))
                .map(|value| (value.span(), value)),
        };
        let Some((at, next)) = found else { break };
        span = Some(at);
        value = Some(next.get_ref());
        table = next.get_ref().as_table();
    }
    span.map(|span| line_at(text, span.start))
}

/// The line of a byte, counted from 1.
pub(crate) fn line_at(text: &str, byte: usize) -> usize {
    let before = text.get(..byte).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// The key whose name or value begins at, or covers, a byte.
pub(crate) fn key_at(text: &str, byte: usize) -> String {
    fn dig(table: &DeTable<'_>, byte: usize, place: &Place) -> Option<Place> {
        table.iter().find_map(|(name, value)| {
            let place = place.key(name.get_ref());
            if name.span().contains(&byte) {
                return Some(place);
            }
            let deeper = match value.get_ref() {
                DeValue::Table(table) => dig(table, byte, &place),
                DeValue::Array(array) => array.iter().enumerate().find_map(|(n, item)| {
                    let place = place.index(n);
                    item.get_ref().as_table().and_then(|t| dig(t, byte, &place))
                }),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_) => None,
            };
            deeper.or_else(|| value.span().contains(&byte).then_some(place))
        })
    }
    let document = DeTable::parse_recoverable(text).0;
    dig(document.get_ref(), byte, &Place::default())
        .map_or_else(String::new, |place| place.to_string())
}
