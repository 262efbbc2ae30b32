//! Reads Jelou's pages of lists: the report of attended conversations and the history of messages.
//! Neighbours: `answer` (the envelopes), the client's `listing`.
//!
//! A row that cannot be read is counted and left out: the rest of the page is worth having.

use super::{
    answer::{data, word},
    dates::moment,
    json::{at, first, id, text},
    said::{Said, said},
};
use crate::client::{Author, HistoryMessage, Page};
use bridge_core::{
    ids::{BotId, ConversationId, MessageId, UserId},
    report::{Attended, Zoneless},
    text::Text,
};
use serde_json::Value;
use std::time::Duration;

/// Reads a page, row by row. `asked` is the page that was asked for, from 1: one of the samples
/// tells its number and another does not, so it is not looked for. `limit` is how many rows were
/// asked for.
///
/// # Errors
/// As [`data`], and that there is no list in it.
pub(crate) fn page<T>(
    body: &[u8],
    asked: u32,
    limit: u32,
    row: impl Fn(&Value) -> Option<T>,
) -> Result<Page<T>, String> {
    let root = data(body)?;
    let results = first(&root, &["results"])
        .and_then(Value::as_array)
        .ok_or("the answer has no list of results")?;
    let rows: Vec<T> = results.iter().filter_map(&row).collect();
    let total = |name| at(&root, &["pagination", name]).and_then(whole);
    let is_full = u64::try_from(results.len()).is_ok_and(|count| count >= u64::from(limit));
    Ok(Page {
        unreadable: results.len().saturating_sub(rows.len()),
        rows,
        is_last: match total("totalPages") {
            Some(pages) => u64::from(asked) >= pages,
            None => !is_full,
        },
        total: total("total"),
    })
}

fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        _ => value.as_u64(),
    }
}

/// A conversation of the report (page "conversaciones-asesores").
pub(crate) fn attended(row: &Value) -> Option<Attended> {
    let conversation = first(row, &["_id", "conversationId", "id"]).and_then(id)?;
    let inner = |object, name| at(row, &[object, name]);
    let said = |name| first(row, &[name]).and_then(word);
    let when = |name| first(row, &[name]).and_then(moment).map(Zoneless);
    let lasted = |name| first(row, &[name]).and_then(milliseconds);
    Some(Attended {
        conversation: ConversationId::parse(&conversation).ok()?,
        user: inner("user", "id")
            .and_then(id)
            .and_then(|user| UserId::parse(&user).ok()),
        bot_name: inner("bot", "name").and_then(word),
        operator: inner("operator", "names").and_then(text).map(Text::new),
        team: inner("assignationMethod", "teamName").and_then(word),
        state: said("state").map(|state| state.to_lowercase()),
        ended_reason: said("endedReason"),
        origin: said("origin"),
        started_at: when("startAt"),
        ended_at: when("endAt"),
        first_reply: lasted("timeRepliedOperator"),
        duration: lasted("conversationDuration"),
    })
}

/// The page says milliseconds, and its sample agrees with its own times. A negative one is none.
fn milliseconds(value: &Value) -> Option<Duration> {
    if let Some(ms) = whole(value) {
        return Some(Duration::from_millis(ms));
    }
    let ms = value.as_f64()?;
    Duration::try_from_secs_f64(ms / 1_000.0).ok()
}

/// A message of the history (page "historial").
pub(crate) fn message(row: &Value) -> Option<HistoryMessage> {
    let message = first(row, &["messageId", "_id", "id"]).and_then(id)?;
    let bubble = first(row, &["bubble"]).unwrap_or(&Value::Null);
    let Said { kind, body, media } = said(first(bubble, &["type"]), bubble);
    let person = |names: &[&str]| {
        let person = first(row, names)?;
        let id = first(person, &["id", "_id"]).and_then(id)?;
        UserId::parse(&id).ok()
    };
    let name = |object| first(at(row, &[object])?, &["names", "name"]).and_then(text);
    Some(HistoryMessage {
        id: MessageId::parse(&message).ok()?,
        by: author(row),
        sender: person(&["sender"]),
        sender_name: name("sender").map(Text::new),
        recipient: person(&["recipient"]),
        status: first(row, &["status"]).and_then(word),
        kind,
        body,
        media,
        content: bubble.clone(),
        at: first(row, &["createdAt", "created_at"]).and_then(moment),
    })
}

/// Who wrote it: `by`, and where that is missing the sender's type.
fn author(row: &Value) -> Author {
    let word = first(row, &["by"])
        .and_then(word)
        .or_else(|| at(row, &["sender", "type"]).and_then(word))
        .unwrap_or_default()
        .to_lowercase();
    match word.as_str() {
        "user" => Author::Customer,
        "bot" => Author::Bot,
        "operator" => Author::Operator,
        _ => Author::Other(word),
    }
}

/// The bot that an answer speaks of, where it names one.
pub(crate) fn bot(row: &Value) -> Option<BotId> {
    first(row, &["botId", "bot_id"])
        .and_then(id)
        .and_then(|bot| BotId::parse(&bot).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &Value, asked: u32, limit: u32) -> Page<u64> {
        page(body.to_string().as_bytes(), asked, limit, Value::as_u64).unwrap()
    }

    #[test]
    fn the_last_page_is_known_by_the_count_of_pages_or_by_being_short() {
        let counted = json!({"results": [1, 2], "pagination": {"totalPages": 3, "total": 6}});
        assert!(!read(&counted, 2, 2).is_last);
        assert!(read(&counted, 3, 2).is_last);
        let uncounted = json!({"results": [1, 2]});
        assert!(!read(&uncounted, 1, 2).is_last);
        assert!(read(&uncounted, 1, 3).is_last);
        assert!(read(&json!({"results": []}), 1, 2).is_last);
    }

    #[test]
    fn a_row_that_cannot_be_read_costs_only_itself() {
        let page = read(&json!({"results": [1, "x", null, 4]}), 1, 50);
        assert_eq!((page.rows, page.unreadable), (vec![1, 4], 2));
    }

    #[test]
    fn an_answer_without_a_list_is_no_empty_list() {
        for body in ["{}", r#"{"results":null}"#, r#"{"results":{}}"#, "[]", ""] {
            assert!(page(body.as_bytes(), 1, 50, attended).is_err(), "{body}");
        }
    }

    #[test]
    fn a_row_may_lack_everything_but_its_id() {
        let row = attended(
            &json!({"_id": "c1", "operator": null, "user": "x", "startAt": 0,
            "timeRepliedOperator": -5, "conversationDuration": "soon"}),
        );
        let row = row.unwrap();
        assert_eq!(row.conversation.as_str(), "c1");
        assert_eq!((row.operator, row.user, row.started_at), (None, None, None));
        assert_eq!((row.first_reply, row.duration), (None, None));
        assert_eq!(attended(&json!({"operator": {"names": "Ana"}})), None);
    }

    #[test]
    fn a_page_cut_anywhere_is_no_page_and_a_broken_byte_breaks_nobody() {
        let report = include_str!("../../fixtures/answers/report.json");
        let history = include_str!("../../fixtures/answers/history.json");
        let mut tried = 0;
        for whole in [report, history] {
            let whole = whole.trim_end().as_bytes();
            for at in 0..whole.len() {
                assert!(page(&whole[..at], 1, 50, message).is_err(), "cut at {at}");
                for put in [
                    b'"', b'{', b'}', b'[', b']', b'\\', b':', b',', b'-', 0, 0xff,
                ] {
                    let mut broken = whole.to_vec();
                    broken[at] = put;
                    let _ = (
                        page(&broken, 1, 50, attended),
                        page(&broken, 1, 50, message),
                    );
                    tried += 1;
                }
            }
        }
        assert!(tried > 10_000, "{tried}");
    }

    #[test]
    fn an_author_is_known_in_any_case_and_from_either_place() {
        let by = |row: Value| author(&row);
        assert_eq!(by(json!({"by": "USER"})), Author::Customer);
        assert_eq!(
            by(json!({"sender": {"type": "operator"}})),
            Author::Operator
        );
        assert_eq!(by(json!({"by": "flow"})), Author::Other("flow".to_owned()));
        assert_eq!(by(json!({})), Author::Other(String::new()));
    }
}
