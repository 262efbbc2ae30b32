//! How a customer's message reads as a comment. Neighbour: to_ticket.

use super::Message;
use crate::{conversation::Conversation, message::Media, text::Text, time::Timestamp};

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
