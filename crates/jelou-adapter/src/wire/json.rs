//! Reads a body as a tree, and picks from it under whatever name a page gave a thing. Neighbours:
//! `answer` and the webhook's `parse`, which know the names.
//!
//! A tree and not typed structs: a contact whose name turned into a number must not cost us the
//! conversation's id.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads a body. A key that appears twice is refused: which of the two is meant is a guess, and
/// two readers that guess differently can be played against each other.
///
/// # Errors
/// What is wrong and where, without any of the content: not UTF-8, not JSON, too deep (128), a key
/// twice.
pub(crate) fn read(raw: &[u8]) -> Result<Value, String> {
    match serde_json::from_slice(raw) {
        Ok(Tree(value)) => Ok(value),
        Err(error) => Err(format!("not readable as JSON: {error}")),
    }
}

/// The first of the names that holds something other than null.
pub(crate) fn first<'a>(of: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names
        .iter()
        .filter_map(|name| of.get(name))
        .find(|value| !value.is_null())
}

/// What stands at the end of a path of names.
pub(crate) fn at<'a>(of: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(of, |value, name| value.get(name))
}

/// A text without NUL, which PostgreSQL and C programs behind APIs cannot hold; `None` if blank.
pub(crate) fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?.replace('\0', "");
    (!text.trim().is_empty()).then_some(text)
}

/// An id as text: pages write some ids as strings here and as numbers there.
pub(crate) fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

/// Takes NUL out of every text in a tree.
pub(crate) fn without_nul(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|c| c != '\0'),
        Value::Array(items) => items.iter_mut().for_each(without_nul),
        Value::Object(map) => map.values_mut().for_each(without_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A [`Value`] that refuses a key twice in one object.
struct Tree(Value);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(TreeVisitor).map(Tree)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Tree(item)) = from.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Tree(value))) = from.next_entry::<String, Tree>()? {
            if map.insert(key, value).is_some() {
                // The key is not named: it may be anybody's words.
                return Err(A::Error::custom("a key appears twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_serde_json_reads_is_read_the_same() {
        let raw = r#"{"a":[1,-2,1.5,1e3,true,null,"é\u00e9😀"],"b":{"c":{}},"":""}"#;
        let plain: Value = serde_json::from_str(raw).unwrap();
        assert_eq!(read(raw.as_bytes()).unwrap(), plain);
    }

    #[test]
    fn a_key_twice_is_refused_without_naming_it() {
        let error = read(br#"{"a":{"593987654321":1,"593987654321":2}}"#).unwrap_err();
        assert!(error.contains("a key appears twice"), "{error}");
        assert!(!error.contains("593987654321"), "{error}");
    }

    #[test]
    fn an_id_may_be_a_whole_number() {
        assert_eq!(id(&json!("7")), Some("7".to_owned()));
        assert_eq!(id(&json!(7)), Some("7".to_owned()));
        assert_eq!(id(&json!(7.5)), None);
        assert_eq!(id(&json!(true)), None);
        assert_eq!(id(&json!(null)), None);
        assert_eq!(id(&json!({"id": 7})), None);
    }

    #[test]
    fn nul_is_taken_out_of_texts_however_deep() {
        assert_eq!(text(&json!("a\0b")), Some("ab".to_owned()));
        assert_eq!(text(&json!("\0")), None);
        let mut value = json!({"a": ["x\0y", {"b": "\0"}]});
        without_nul(&mut value);
        assert_eq!(value, json!({"a": ["xy", {"b": ""}]}));
    }
}
