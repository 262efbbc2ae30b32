//! What people say to each other, as values. Neighbours: event (what a customer said), the adapters,
//! which send what an agent said.

use crate::{
    ids::{BotId, MessageId, RoomId, UserId},
    text::Text,
};
use serde::{Deserialize, Serialize};

/// The type of a file that nobody told the type of (RFC 2046, 4.5.1).
pub const UNKNOWN_MIME_TYPE: &str = "application/octet-stream";

/// What a file is to the people who see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// Speech or music.
    Audio,
    /// Anything else.
    Document,
}

impl MediaKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Image, Self::Video, Self::Audio, Self::Document];

    /// The word in messages, notes and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
        }
    }

    /// The kind that a word names.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The kind that a file of this type is shown as: by the first half of the type, and a document
    /// where that says nothing.
    #[must_use]
    pub fn of_mime_type(mime_type: &str) -> Self {
        let family = mime_type.split('/').next().unwrap_or_default().trim();
        match family.to_ascii_lowercase().as_str() {
            "image" => Self::Image,
            "video" => Self::Video,
            "audio" => Self::Audio,
            _ => Self::Document,
        }
    }
}

/// A file behind an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Media {
    /// What it is to people.
    pub kind: MediaKind,
    /// Where it is. Whoever has the address may have the file, hence hidden like words.
    pub url: Text,
    /// Its type, parameters included; [`UNKNOWN_MIME_TYPE`] where nobody told.
    pub mime_type: String,
    /// Its name.
    pub filename: Option<Text>,
    /// The words under it.
    pub caption: Option<Text>,
}

/// The types that a browser shows as what they are, or hands to a program for them. Others could run
/// where an agent opens them (pages, drawings with scripts), and are kept as bytes.
const TYPES_KEPT: [&str; 33] = [
    "application/msword",
    "application/pdf",
    "application/rtf",
    "application/vnd.ms-excel",
    "application/vnd.ms-powerpoint",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/zip",
    "audio/aac",
    "audio/amr",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/opus",
    "audio/wav",
    "audio/webm",
    "image/bmp",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "image/webp",
    "text/csv",
    "text/plain",
    "video/3gpp",
    "video/mp4",
    "video/quicktime",
    "video/webm",
];

impl Media {
    /// The type under which it is kept elsewhere: its own where that is one of a list of harmless ones,
    /// without parameters; else [`UNKNOWN_MIME_TYPE`].
    #[must_use]
    pub fn type_to_keep(&self) -> &'static str {
        let bare = self.mime_type.split(';').next().unwrap_or_default().trim();
        let kept = TYPES_KEPT
            .iter()
            .find(|kept| kept.eq_ignore_ascii_case(bare));
        kept.copied().unwrap_or(UNKNOWN_MIME_TYPE)
    }
}

/// A file that an agent put to a comment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Enclosed {
    /// Its name.
    pub name: Text,
    /// Its type; [`UNKNOWN_MIME_TYPE`] where nobody told.
    pub mime_type: String,
    /// Where anybody can have it who has the address; `None` where only the ticketing system's own
    /// people can.
    pub url: Option<Text>,
}

/// What a message holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "content", rename_all = "snake_case")]
pub enum Content {
    /// Words.
    Text {
        /// The words.
        body: Text,
    },
    /// A file.
    Media(Media),
}

/// An agent's message to a customer, into the room of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AgentMessage {
    /// Our id of it. The same message has the same id however often it is sent.
    pub id: MessageId,
    /// The bot that speaks.
    pub bot: BotId,
    /// The customer, in Jelou's spelling.
    pub user: UserId,
    /// The room of the conversation.
    pub room: RoomId,
    /// What is said.
    pub content: Content,
}

/// A WhatsApp template: the only words that reach a customer who was silent for 24 hours.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Template {
    /// The bot that speaks.
    pub bot: BotId,
    /// The customer.
    pub user: UserId,
    /// The template's name (`elementName`).
    pub name: String,
    /// Its language, such as `pt_BR`.
    pub language: String,
    /// What stands in its places, in order.
    pub parameters: Vec<Text>,
}

/// A message of the bot itself, outside any conversation's room.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BotMessage {
    /// The bot that speaks.
    pub bot: BotId,
    /// The customer.
    pub user: UserId,
    /// What it says.
    pub what: BotSays,
}

/// What a bot can be made to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "says", rename_all = "snake_case")]
pub enum BotSays {
    /// Words.
    Text {
        /// The words.
        text: Text,
    },
    /// A button that calls (`voice_call`). The account must have calling enabled.
    VoiceCall {
        /// The line above.
        header: Option<Text>,
        /// The words.
        text: Text,
        /// What stands on the button.
        display_text: Text,
    },
}

/// Who answers a customer: the bot by itself, or a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// The bot (`auto`).
    Bot,
    /// A person; the bot is silent (`manual`).
    Person,
}

/// The parts of a change of who answers a customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HandOver {
    /// The bot.
    pub bot: BotId,
    /// The customer.
    pub user: UserId,
    /// Who answers from now on.
    pub to: AnsweredBy,
    /// After how many seconds the bot answers again by itself; only for [`AnsweredBy::Person`].
    pub for_secs: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_shown_as_what_its_type_says() {
        for (mime_type, kind) in [
            ("image/jpeg", MediaKind::Image),
            ("Video/MP4", MediaKind::Video),
            ("audio/ogg; codecs=opus", MediaKind::Audio),
            ("application/pdf", MediaKind::Document),
            ("imagery", MediaKind::Document),
            ("", MediaKind::Document),
        ] {
            assert_eq!(MediaKind::of_mime_type(mime_type), kind, "{mime_type}");
        }
    }

    #[test]
    fn a_word_names_the_kind_it_is_the_word_of() {
        for kind in MediaKind::ALL {
            assert_eq!(MediaKind::of_word(kind.as_str()), Some(kind));
        }
        assert_eq!(MediaKind::of_word("sticker"), None);
    }

    #[test]
    fn only_a_type_that_runs_nowhere_is_kept() {
        let kept = |mime_type: &str| {
            let media = Media {
                kind: MediaKind::Document,
                url: Text::default(),
                mime_type: mime_type.to_owned(),
                filename: None,
                caption: None,
            };
            media.type_to_keep()
        };
        assert_eq!(kept("Image/PNG"), "image/png");
        assert_eq!(kept("audio/ogg; codecs=opus"), "audio/ogg");
        for other in [
            "text/html",
            "image/svg+xml",
            "application/xhtml+xml",
            "",
            "a\r\nB: c",
        ] {
            assert_eq!(kept(other), UNKNOWN_MIME_TYPE, "{other}");
        }
    }

    #[test]
    fn neither_words_nor_addresses_show_in_debug_output() {
        let media = Media {
            kind: MediaKind::Image,
            url: Text::from("https://media.example.net/boleto?token=abc"),
            mime_type: "image/jpeg".to_owned(),
            filename: Some(Text::from("ana-lima.jpg")),
            caption: Some(Text::from("segue a foto")),
        };
        let shown = format!("{:?}", Content::Media(media));
        for secret in ["example.net", "token", "ana-lima", "foto"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
