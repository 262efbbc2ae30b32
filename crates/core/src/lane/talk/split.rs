//! An agent's words in as many messages as they need. Neighbour: to_customer.

use unicode_segmentation::GraphemeCursor;

/// The longest text of one WhatsApp message, in characters, as its business API documents it.
pub const TEXT_CHARACTERS_MAX: usize = 4_096;

/// The parts, none longer than `most` characters. A part ends behind the last line break of its second
/// half if there is one, else behind the last space, else between two characters as people see them;
/// one of those that alone is too long is cut between code points. Put together again, the parts are
/// the text.
pub(super) fn parts(text: &str, most: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while rest.chars().nth(most).is_some() {
        let (part, after) = rest.split_at(end_of_part(rest, most));
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

/// Where the first part of a text ends that is longer than `most` characters, in bytes. Looks at the
/// characters around the places in question alone: every step of a Lane asks for all parts again.
fn end_of_part(text: &str, most: usize) -> usize {
    let byte_of = |character| {
        let mut characters = text.char_indices();
        characters
            .nth(character)
            .map_or(text.len(), |(byte, _)| byte)
    };
    let (half, limit) = (byte_of(most / 2), byte_of(most));
    let cursor = |byte| GraphemeCursor::new(byte, text.len(), true);
    let is_between = |byte| cursor(byte).is_boundary(text, 0) == Ok(true);
    let end = if is_between(limit) {
        limit
    } else {
        let before = cursor(limit).prev_boundary(text, 0);
        before.ok().flatten().unwrap_or_default()
    };
    let (part, _) = text.split_at(end);
    let behind_last = |wanted: char| {
        let ends = part
            .rmatch_indices(wanted)
            .map(|(byte, found)| byte + found.len());
        ends.take_while(|byte| *byte > half)
            .find(|byte| is_between(*byte))
    };
    match behind_last('\n').or_else(|| behind_last(' ')) {
        Some(end) => end,
        None if end > 0 => end,
        None => limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_one_part_even_an_empty_one() {
        assert_eq!(parts("Olá", 3), ["Olá"]);
        assert_eq!(parts("", 3), [""]);
    }

    #[test]
    fn a_long_text_is_cut_behind_a_line_or_a_word_where_one_ends() {
        assert_eq!(parts("um\ndois três", 8), ["um\ndois ", "três"]);
        assert_eq!(
            parts("primeira\nsegunda linha", 14),
            ["primeira\n", "segunda linha"]
        );
    }

    #[test]
    fn no_emoji_and_no_accent_is_torn_apart() {
        let family = "👨‍👩‍👧‍👦";
        let accented = "e\u{301}";
        let text = format!("{family}{family}{accented}{accented}");
        for most in 7..=18 {
            for part in parts(&text, most) {
                let whole = part.replace(family, "").replace(accented, "");
                assert_eq!(whole, "", "{most}: {part:?}");
            }
        }
    }

    #[test]
    fn put_together_the_parts_are_the_text_and_none_is_too_long() {
        let storm: String = std::iter::once('a')
            .chain(std::iter::repeat_n('\u{301}', 50))
            .collect();
        for text in [
            "a b c d e f g h i j",
            &"x".repeat(100),
            &storm,
            &format!("{storm} {storm}\n\n"),
        ] {
            for most in 1..20 {
                let parts = parts(text, most);
                assert_eq!(parts.concat(), text);
                assert!(
                    parts.iter().all(|part| part.chars().count() <= most),
                    "{most}"
                );
            }
        }
    }
}
