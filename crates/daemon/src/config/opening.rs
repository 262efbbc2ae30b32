//! What `open_when` asks of a ticket that no ticket of this system can have. Neighbours: core's mapping, which
//! knows whether a rule can be read; ticketing, whose profile has the words.

use super::{document::join, report::Report, spec::BridgeSpec};
use bridge_core::{mapping::nearest, ticket::Status};
use ticketing_adapter::Profile;

/// What a rule calls a ticket's status.
const STATUS: &str = "ticket.status";

/// Filters that leave a status as it is, which is one word of small letters.
const SAME_AFTER: [&str; 2] = ["lower", "trim"];

/// Tells of a rule that asks for a ticket which is never read, or for a status that none has.
pub(super) fn can_come_true(
    spec: &BridgeSpec,
    profile: &Profile,
    mapping_key: &str,
    report: &mut Report<'_>,
) {
    let Some(conversation) = &spec.mapping.conversation else {
        return;
    };
    let key = join(mapping_key, "conversation.open_when");
    if profile.only_creates() && conversation.open_when.trim() != "false" {
        let what =
            "no ticket is ever read: the profile only makes tickets, and none opens a conversation";
        let remedy = "write open_when = \"false\", or take the table out; customers write first";
        report.problem(&key, what, remedy);
        return;
    }
    let vocabulary = profile.vocabulary();
    if vocabulary.open_ended {
        return;
    }
    let known: Vec<&str> = vocabulary.statuses.iter().map(Status::as_str).collect();
    let mut unknown = compared(&conversation.open_when);
    unknown.retain(|word| !known.contains(word));
    if unknown.is_empty() {
        return;
    }
    let near = unknown.iter();
    let near = near.filter_map(|word| nearest(&word.to_lowercase(), known.iter().copied()));
    let remedy = match near.collect::<Vec<_>>().as_slice() {
        [] => format!("known are {}", known.join(", ")),
        near => format!(
            "did you mean {}? Known are {}",
            quoted(near),
            known.join(", ")
        ),
    };
    let what = format!("no ticket's status is ever {}", quoted(&unknown));
    report.problem(&key, what, remedy);
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    words.join(" or ")
}

/// A part of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    /// What stands between quotes.
    Quoted(&'a str),
    /// A name with the dots in it, or a word of the language.
    Name(&'a str),
    Sign(char),
}

/// The words that a rule asks a ticket's status to be. What it must not be harms nobody if none is.
fn compared(rule: &str) -> Vec<&str> {
    let parts = parts(rule);
    let mut words = Vec::new();
    for (at, _) in parts
        .iter()
        .enumerate()
        .filter(|(_, part)| **part == Part::Name(STATUS))
    {
        let (before, behind) = parts.split_at(at);
        if let [.., Part::Quoted(word), Part::Sign('='), Part::Sign('=')] = before {
            words.push(*word);
        }
        words.extend(compared_behind(behind.get(1..).unwrap_or_default()));
    }
    words
}

/// The same of what stands behind it: `== 'open'`, `in ['open', 'new']`.
fn compared_behind<'a>(parts: &[Part<'a>]) -> Vec<&'a str> {
    match parts {
        [Part::Sign('|'), Part::Name(filter), rest @ ..] if SAME_AFTER.contains(filter) => {
            compared_behind(rest)
        }
        [Part::Sign('='), Part::Sign('='), Part::Quoted(word), ..] => vec![*word],
        [Part::Name("in"), Part::Sign('[' | '('), rest @ ..] => {
            let listed = rest
                .iter()
                .take_while(|part| matches!(part, Part::Quoted(_) | Part::Sign(',')));
            let word = |part: &Part<'a>| match part {
                Part::Quoted(word) => Some(*word),
                Part::Name(_) | Part::Sign(_) => None,
            };
            listed.filter_map(word).collect()
        }
        _ => Vec::new(),
    }
}

fn parts(rule: &str) -> Vec<Part<'_>> {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let (mut parts, mut rest) = (Vec::new(), rule);
    while let Some(first) = rest.chars().next() {
        let (part, behind) = match first {
            '\'' | '"' => {
                let inside = rest.get(1..).unwrap_or_default();
                let (word, behind) = inside.split_once(first).unwrap_or((inside, ""));
                (Part::Quoted(word), behind)
            }
            c if is_letter(c) => {
                let end = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
                let (name, behind) = rest.split_at(end);
                (Part::Name(name), behind)
            }
            c => (Part::Sign(c), rest.get(c.len_utf8()..).unwrap_or_default()),
        };
        if !matches!(part, Part::Sign(c) if c.is_whitespace()) {
            parts.push(part);
        }
        rest = behind;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_counts_where_the_status_is_compared_with_it_and_nowhere_else() {
        for (rule, words) in [
            ("ticket.status == 'open'", vec!["open"]),
            ("'open' == ticket.status", vec!["open"]),
            ("'open' != ticket.status", vec![]),
            ("ticket.status|lower == \"new\"", vec!["new"]),
            ("ticket.status in ['a b', 'c']", vec!["a b", "c"]),
            ("ticket.status not in ['a b', 'c']", vec![]),
            ("ticket.status in ('a',) and ticket.id == 'b'", vec!["a"]),
            ("ticket.status | upper == 'OPEN'", vec![]),
            ("'op' in ticket.status", vec![]),
            ("ticket.status in ticket.fields.good", vec![]),
            ("ticket.status ~ 'x' == 'openx'", vec![]),
            ("ticket.subject == 'ticket.status == 7'", vec![]),
        ] {
            assert_eq!(compared(rule), words, "{rule}");
        }
    }
}
