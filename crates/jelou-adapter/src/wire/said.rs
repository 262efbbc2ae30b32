//! What a message holds, in the spellings of the webhook and of the history. Neighbours: the
//! webhook's `told`, and `history`.
//!
//! Jelou names five kinds (page "recibir-mensajes"). Customers also send places, contacts, stickers
//! and answers to buttons: of those the agent gets to read what came, as it came.

use crate::wire::{
    answer::word,
    json::{first, text},
};
use bridge_core::{
    message::{Media, MediaKind, UNKNOWN_MIME_TYPE},
    text::Text,
};
use serde_json::Value;

/// How much of a content that we do not know is shown, in characters. The largest known, a contact
/// with addresses, stays under it; and a comment must not become a page.
const SHOWN_CHARACTERS_MAX: usize = 2_000;

/// Where the words of a message are.
const WORDS: &[&str] = &["body", "text", "caption"];

/// What a message holds.
pub(crate) struct Said {
    /// Jelou's word for the kind, in lower case.
    pub(crate) kind: String,
    /// What can be read of it.
    pub(crate) body: Option<Text>,
    /// The file, if it brings one that we know what to do with.
    pub(crate) media: Option<Media>,
}

/// Reads a message: its `type` and its `content`, or the history's whole `bubble`.
pub(crate) fn said(kind: Option<&Value>, content: &Value) -> Said {
    let kind = kind
        .and_then(word)
        .map_or_else(|| "unknown".to_owned(), |kind| kind.to_lowercase());
    let words = match content {
        Value::String(words) => Some(words.clone()),
        _ => first(content, WORDS).and_then(text),
    };
    let media = media(&kind, content);
    let body = if kind == "text" && words.is_some() || media.is_some() {
        words
    } else {
        placeholder(&kind, words.as_deref(), content)
    };
    Said {
        kind,
        body: body.map(Text::new),
        media,
    }
}

/// The file of a kind that brings one. The messages API says `file` for what the webhook calls
/// `document`.
fn media(kind: &str, content: &Value) -> Option<Media> {
    let kind = match kind {
        "file" => MediaKind::Document,
        word => MediaKind::of_word(word)?,
    };
    let pick = |names: &[&str]| first(content, names).and_then(text);
    Some(Media {
        kind,
        url: Text::new(pick(&["url", "mediaUrl", "media_url", "link"])?),
        mime_type: first(content, &["mime_type", "mimeType", "mediaType"])
            .and_then(word)
            .unwrap_or_else(|| UNKNOWN_MIME_TYPE.to_owned()),
        filename: pick(&["filename", "fileName"]).map(Text::new),
        caption: pick(&["caption", "text"]).map(Text::new),
    })
}

/// The kind, its words, and everything else it holds as JSON; `None` where there is nothing at all.
fn placeholder(kind: &str, words: Option<&str>, content: &Value) -> Option<String> {
    let mut rest = content.clone();
    if let Some(fields) = rest.as_object_mut() {
        fields.retain(|name, value| name != "type" && !value.is_null());
        if fields.len() == 1 && WORDS.iter().any(|name| fields.contains_key(*name)) {
            fields.clear();
        }
    }
    let is_empty = match &rest {
        Value::Null | Value::String(_) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    if kind == "text" && is_empty {
        return None;
    }
    let mut shown = format!("[{kind}]");
    if let Some(words) = words {
        shown.push(' ');
        shown.push_str(words);
    }
    if !is_empty {
        shown.push(' ');
        shown.push_str(&rest.to_string());
    }
    Some(shown.chars().take(SHOWN_CHARACTERS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(kind: &str, content: Value) -> Said {
        said(Some(&json!(kind)), &content)
    }

    fn body(kind: &str, content: Value) -> Option<String> {
        let body = read(kind, content).body;
        body.map(|text| text.reveal().to_owned())
    }

    #[test]
    fn a_file_is_known_by_its_kind_and_address_in_both_spellings() {
        let file = json!({"url": "https://m.example.net/1", "mime_type": "application/pdf", "filename": "nf.pdf"});
        let bubble = json!({"type": "FILE", "mediaUrl": "https://m.example.net/1",
            "mediaType": "application/pdf", "fileName": "nf.pdf"});
        let expected = Media {
            kind: MediaKind::Document,
            url: Text::from("https://m.example.net/1"),
            mime_type: "application/pdf".to_owned(),
            filename: Some(Text::from("nf.pdf")),
            caption: None,
        };
        assert_eq!(read("document", file).media, Some(expected.clone()));
        assert_eq!(read("FILE", bubble).media, Some(expected));
    }

    #[test]
    fn a_file_without_a_type_is_of_the_type_that_says_nothing() {
        let media = read("image", json!({"url": "https://m.example.net/1"})).media;
        assert_eq!(media.unwrap().mime_type, UNKNOWN_MIME_TYPE);
    }

    #[test]
    fn what_we_do_not_know_is_shown_as_it_came() {
        let place = json!({"coordinates": {"lat": -2.17, "long": -79.9}});
        assert_eq!(
            body("LOCATION", place).unwrap(),
            r#"[location] {"coordinates":{"lat":-2.17,"long":-79.9}}"#
        );
        let button = json!({"text": "Sim", "payload": "yes"});
        assert_eq!(
            body("button", button).unwrap(),
            r#"[button] Sim {"payload":"yes","text":"Sim"}"#
        );
        assert_eq!(
            body("unknown", json!({"caption": "olha"})).unwrap(),
            "[unknown] olha"
        );
        assert_eq!(body("reaction", json!("👍")).unwrap(), "[reaction] 👍");
        assert_eq!(body("sticker", Value::Null).unwrap(), "[sticker]");
    }

    #[test]
    fn a_picture_without_an_address_is_told_of_and_not_lost() {
        let said = read(
            "image",
            json!({"mime_type": "image/png", "caption": "a foto"}),
        );
        assert_eq!(said.media, None);
        let told = said.body.unwrap();
        assert!(told.reveal().starts_with("[image] a foto {"));
    }

    #[test]
    fn an_endless_content_is_cut() {
        let told = body("contacts", json!({"x": "é".repeat(9_000)})).unwrap();
        assert_eq!(told.chars().count(), SHOWN_CHARACTERS_MAX);
    }

    #[test]
    fn a_text_without_words_says_nothing() {
        assert_eq!(body("text", json!({})), None);
        assert_eq!(body("text", Value::Null), None);
        assert_eq!(body("text", json!({"body": " "})), None);
    }
}
