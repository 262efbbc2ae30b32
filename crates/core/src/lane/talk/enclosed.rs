//! What an agent's comment holds, as messages: its words in parts, then each file by itself.
//! Neighbours: to_customer, which sends them; split, for words that are too long for one.

use super::{
    Message,
    split::{TEXT_CHARACTERS_MAX, parts},
};
use crate::{
    ids::LinkId,
    lane::step::Turn,
    message::{Content, Enclosed, Media, MediaKind},
    text::Text,
};

/// What Jelou shows as pictures, sound and films (its page on bot messages). Anything else reaches a
/// phone as a document.
const SHOWN: [(MediaKind, &[&str]); 3] = [
    (MediaKind::Image, &["image/jpeg", "image/png"]),
    (
        MediaKind::Audio,
        &[
            "audio/aac",
            "audio/mp4",
            "audio/mpeg",
            "audio/amr",
            "audio/ogg",
        ],
    ),
    (MediaKind::Video, &["video/mp4", "video/3gpp"]),
];

/// What a comment brought beside its words, as the store keeps it.
pub(super) fn kept_files(files: &[Enclosed]) -> serde_json::Value {
    let kept = (!files.is_empty()).then(|| serde_json::to_value(files).ok());
    kept.flatten().unwrap_or_default()
}

/// What came with a comment, as it was told.
pub(super) fn told_files(message: &Message) -> Vec<Enclosed> {
    serde_json::from_value(message.content.clone()).unwrap_or_default()
}

/// The messages that a comment becomes, in order; none if it holds nothing that can be sent.
pub(super) fn contents(message: &Message, files: &[Enclosed]) -> Vec<Content> {
    let words = message.body.clone().unwrap_or_default();
    let words = Some(words).filter(|words| !words.is_blank());
    let parts = words.iter().flat_map(|words| {
        let parts = parts(words.reveal(), TEXT_CHARACTERS_MAX).into_iter();
        parts.map(|part| Content::Text { body: part.into() })
    });
    let files = files.iter().cloned().filter_map(|file| {
        let (url, mime_type) = (file.url?, file.mime_type);
        Some(Content::Media(Media {
            kind: shown_as(&mime_type),
            url,
            mime_type,
            filename: Some(file.name),
            caption: None,
        }))
    });
    parts.chain(files).collect()
}

fn shown_as(mime_type: &str) -> MediaKind {
    let bare = mime_type.split(';').next().unwrap_or_default().trim();
    let fits = |types: &[&str]| types.iter().any(|one| one.eq_ignore_ascii_case(bare));
    let shown = SHOWN.iter().find(|(_, types)| fits(types));
    shown.map_or(MediaKind::Document, |(kind, _)| *kind)
}

impl Turn<'_> {
    /// Agents learn at once which of their files stays behind.
    pub(super) fn tell_of_kept_back(
        &mut self,
        link: &LinkId,
        message: &Message,
        files: &[Enclosed],
    ) {
        let back = files.iter().filter(|file| file.url.is_none());
        let names: Vec<String> = back.map(|file| quoted(&file.name)).collect();
        if names.is_empty() {
            return;
        }
        let text = format!(
            "The customer did not get {} of a comment of this ticket: the ticketing system gives files to its own people only. (comment {})",
            names.join(", "),
            message.id
        );
        self.tell(link, &format!("enclosed:{}", message.id), &text);
    }
}

fn quoted(name: &Text) -> String {
    format!("\"{}\"", name.reveal())
}
