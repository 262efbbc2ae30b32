//! How a customer's message reads as a comment. Neighbour: to_ticket.

use super::Message;
use crate::{conversation::Conversation, message::Media, text::Text, time::Timestamp};

/// The longest name of a file, characters: what every file system and ticketing system takes.
const NAME_CHARACTERS_MAX: usize = 120;

/// Who said it and when, then what was said. What is no text leaves its kind, with the address of
/// the file where there is one. `time` counts those that would read the same, from one.
pub(super) fn comment(message: &Message, talk: &Conversation, time: usize) -> Text {
    let name = talk.contact_name.as_ref().filter(|name| !name.is_blank());
    let name = name.map_or(talk.user.as_str(), Text::reveal);
    let name: Vec<&str> = name.split(char::is_control).collect();
    let mut text = format!("{}, {}", name.join(" ").trim(), moment(message.at));
    if time > 1 {
        // The same words in the same second.
        text.push_str(&format!(" ({time})"));
    }
    text.push_str(":\n");
    text.push_str(&said(message));
    Text::new(text)
}

fn said(message: &Message) -> String {
    let words = message.body.as_ref().filter(|body| !body.is_blank());
    let mut lines: Vec<String> = message.media.iter().map(file).collect();
    lines.extend(words.map(|words| words.reveal().to_owned()));
    if lines.is_empty() {
        lines.push(format!("[{}]", message.kind));
    }
    lines.join("\n")
}

fn file(media: &Media) -> String {
    let kind = media.kind.as_str();
    match &media.filename {
        Some(name) => format!("[{kind}: {}] {}", name.reveal(), media.url.reveal()),
        None => format!("[{kind}] {}", media.url.reveal()),
    }
}

/// The line with which a file is hung on a ticket: no other reads so, as it names the message's id.
pub(super) fn hung(message: &Message, media: &Media, name: &Text) -> Text {
    let (kind, at) = (media.kind.as_str(), moment(message.at));
    let name = name.reveal();
    Text::new(format!("[{kind}: {name}] of {at} (message {})", message.id))
}

/// A file's name on a ticket: its own, where it has one, else made of its kind, time and type.
pub(super) fn file_name(message: &Message, media: &Media) -> Text {
    let own = media.filename.as_ref().map(|name| named(name.reveal()));
    let own = own.filter(|name| !name.is_empty());
    Text::new(own.unwrap_or_else(|| {
        let at = moment(message.at).replace([':', ' '], "-");
        let at = at.trim_end_matches("-UTC");
        format!("{}-{at}{}", media.kind.as_str(), ending(&media.mime_type))
    }))
}

/// A name without what a file system, a header or a reader could take for something else: no path, no
/// control characters, none that turn the direction of writing and so hide how it ends.
fn named(name: &str) -> String {
    let unfit = |c: char| {
        c.is_control()
            || matches!(
                c,
                '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | ';' | '%'
            )
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let fit: String = name
        .chars()
        .map(|c| if unfit(c) { '_' } else { c })
        .collect();
    let fit = fit.trim().trim_start_matches('.').trim();
    // The end of a long one is kept: it says what the file is.
    let surplus = fit.chars().count().saturating_sub(NAME_CHARACTERS_MAX);
    fit.chars().skip(surplus).collect()
}

/// How the name of a file of this type ends; nothing where the type is none that is common.
fn ending(mime_type: &str) -> &'static str {
    let bare = mime_type.split(';').next().unwrap_or_default().trim();
    match bare.to_ascii_lowercase().as_str() {
        "image/jpeg" => ".jpg",
        "image/png" => ".png",
        "image/webp" => ".webp",
        "video/mp4" => ".mp4",
        "video/3gpp" => ".3gp",
        "audio/ogg" => ".ogg",
        "audio/mpeg" => ".mp3",
        "audio/mp4" => ".m4a",
        "audio/aac" => ".aac",
        "audio/amr" => ".amr",
        "application/pdf" => ".pdf",
        "text/plain" => ".txt",
        _ => "",
    }
}

/// A moment as people read it, in UTC to the second: `2026-11-21 08:35:10 UTC`.
fn moment(at: Timestamp) -> String {
    const MS_PER_DAY: i64 = 86_400_000;
    let (year, month, day) = date(at.0.div_euclid(MS_PER_DAY));
    let second = at.0.rem_euclid(MS_PER_DAY) / 1_000;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day of a day counted from 1970: Howard Hinnant's `civil_from_days`, whose years
/// begin in March so that the leap day comes last.
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    /// From 0000-03-01 to 1970-01-01.
    const SINCE_YEAR_NOUGHT: i64 = 719_468;
    let days = days + SINCE_YEAR_NOUGHT;
    let (era, day) = (
        days.div_euclid(DAYS_OF_400_YEARS),
        days.rem_euclid(DAYS_OF_400_YEARS),
    );
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + i64::from(month <= 2);
    (year, month, date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_people_write_them() {
        for (at, read) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_868_799_999, "2000-02-29 23:59:59 UTC"),
            (1_776_134_278_574, "2026-04-14 02:37:58 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(moment(Timestamp(at)), read);
        }
    }
}
