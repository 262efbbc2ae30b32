//! What Jelou lists: the report of attended conversations, and a bot's messages both ways.
//! Neighbours: api, which asks; talk, which says what is listed here.

use super::{
    answer::{failed, fields_of, invalid, text},
    record::{Conversation, Speaker, Spoken},
    world::World,
};
use crate::{
    clock::{iso, now_ms, parse_iso},
    stage::{Answer, Asked},
};
use serde_json::{Value, json};

/// Rows a page where none are asked for (both pages).
const ROWS: usize = 10;
/// The history lists no more at a time (its page).
const HISTORY_ROWS_MAX: usize = 50;
/// No page tells a most for the report; a limit all the same.
const REPORT_ROWS_MAX: usize = 1_000;

/// Which rows are asked for.
struct Part {
    limit: usize,
    page: usize,
}

impl Part {
    fn of(asked: &Asked, most: usize) -> Option<Self> {
        let number = |name, otherwise| match asked.query(name) {
            None => Some(otherwise),
            Some(text) => text.parse::<usize>().ok().filter(|number| *number >= 1),
        };
        Some(Self {
            limit: number("limit", ROWS).filter(|limit| *limit <= most)?,
            page: number("page", 1)?,
        })
    }

    fn offset(&self) -> usize {
        self.limit.saturating_mul(self.page - 1)
    }

    fn of_rows(&self, rows: Vec<Value>) -> (usize, usize, Vec<Value>) {
        let (total, pages) = (rows.len(), rows.len().div_ceil(self.limit));
        let part = rows.into_iter().skip(self.offset()).take(self.limit);
        (total, pages, part.collect())
    }
}

/// `POST v1/metrics/conversations/attended/external`. Its pagination tells no `page`, its times no
/// zone, and `status` is a word.
pub(super) fn report(world: &World, asked: &Asked) -> Answer {
    let fields = fields_of(asked).unwrap_or_default();
    let when = |name| text(&fields, name).and_then(parse_iso);
    let (Some(from), Some(to), Some(part)) = (
        when("startAt"),
        when("endAt"),
        Part::of(asked, REPORT_ROWS_MAX),
    ) else {
        return invalid("The values entered are not correct.");
    };
    if fields.get("getJson") != Some(&Value::Bool(true)) {
        return invalid("The values entered are not correct.");
    }
    let seen_until = now_ms() - world.options.report_lag_ms;
    let listed = world.conversations.iter().filter(|one| {
        let changed = one.end_at_ms.unwrap_or(one.start_at_ms);
        (from..=to).contains(&one.start_at_ms) && changed <= seen_until && attended(one)
    });
    let rows = listed.map(|one| world.row(one)).collect();
    let (total, pages, results) = part.of_rows(rows);
    let link = |number: usize| {
        let path = "/v1/metrics/conversations/attended/external";
        json!({"number": number, "url": format!("{path}?limit={}&page={number}", part.limit)})
    };
    Answer::new(
        200,
        json!({
            "message": ["Retrieving conversations succeeded"], "status": "success", "results": results,
            "pagination": {"limit": part.limit, "total": total, "offset": part.offset(), "totalPages": pages},
            "links": (1..=pages).map(link).collect::<Vec<_>>(),
        }),
    )
}

/// Whether a person had to do with it: wrote in it, or closed it.
fn attended(one: &Conversation) -> bool {
    one.first_reply_at_ms.is_some() || one.ended_reason.as_deref() == Some("closed_by_operator")
}

impl World {
    fn row(&self, one: &Conversation) -> Value {
        let team = one.assignment.as_ref().and_then(|a| a.get("target"));
        let state = match (one.active, one.ended_reason.as_deref()) {
            (true, _) => "active",
            (false, Some("expired")) => "expired",
            (false, _) => "closed",
        };
        let end = one.end_at_ms.unwrap_or_else(now_ms);
        let mut row = json!({
            "_id": one.id,
            "operator": {"names": self.options.operator_name},
            "user": {"id": one.user},
            "bot": {"name": self.bot_name(&one.bot)},
            "company": {"id": 1},
            "assignationMethod": {"teamName": team},
            "state": state,
            "startAt": self.zoneless(one.start_at_ms),
            "origin": if one.asked_user.is_some() { "ticket" } else { "bot" },
            "timeRepliedOperator": one.first_reply_at_ms.map(|at| at - one.start_at_ms),
            "conversationDuration": end - one.start_at_ms,
        });
        if let (Some(fields), Some(end)) = (row.as_object_mut(), one.end_at_ms) {
            fields.insert("endAt".to_owned(), json!(self.zoneless(end)));
            fields.insert("endedReason".to_owned(), json!(one.ended_reason));
        }
        row
    }

    /// `2026-01-15 05:30:00`, in the zone of the account.
    fn zoneless(&self, ms: i64) -> String {
        let there = iso(ms + self.options.report_zone_hours * 3_600_000);
        there.replace('T', " ").chars().take(19).collect()
    }
}

/// `GET v1/external/messages/history/{botId}`: the newest first, words in capitals.
pub(super) fn history(world: &World, bot: &str, asked: &Asked) -> Answer {
    let Some(bot_name) = world.bot_name(bot) else {
        return failed(404, "Bot not found", Some(("E1019", "BOT_NOT_FOUND")));
    };
    let bound = |name, otherwise| match asked.query(name) {
        None => Some(otherwise),
        Some(text) => parse_iso(&text),
    };
    let (Some(from), Some(to), Some(part)) = (
        bound("startAt", i64::MIN),
        bound("endAt", i64::MAX),
        Part::of(asked, HISTORY_ROWS_MAX),
    ) else {
        return invalid("The values entered are not correct.");
    };
    let only = asked.query("messageId");
    let mut said: Vec<&Spoken> = world
        .spoken
        .iter()
        .filter(|one| one.bot == bot && (from..=to).contains(&one.at_ms))
        .filter(|one| only.as_ref().is_none_or(|id| *id == one.id))
        .collect();
    said.sort_by_key(|one| std::cmp::Reverse(one.at_ms));
    let rows = said.into_iter().map(|one| world.line(bot_name, one));
    let (total, pages, results) = part.of_rows(rows.collect());
    Answer::new(
        200,
        json!({
            "pagination": {"limit": part.limit, "page": part.page, "total": total,
                "offset": part.offset(), "totalPages": pages},
            "_metadata": {}, "results": results,
        }),
    )
}

impl World {
    fn line(&self, bot_name: &str, one: &Spoken) -> Value {
        let name = self.users.get(&one.user).map(|user| user.name.as_str());
        let (by, sender, recipient) = match one.by {
            Speaker::User => (
                "user",
                json!({"id": one.user, "name": name, "type": "user"}),
                json!({"id": one.bot, "names": bot_name}),
            ),
            Speaker::Operator | Speaker::Bot => {
                let by = match one.by {
                    Speaker::Operator => "operator",
                    Speaker::Bot | Speaker::User => "bot",
                };
                (
                    by,
                    json!({"id": one.bot, "name": bot_name, "type": by}),
                    json!({"id": one.user, "names": name}),
                )
            }
        };
        let status = match (one.by, one.arrived) {
            (Speaker::User, _) => "CREATED",
            (_, true) => "DELIVERED_USER",
            (_, false) => "FAILED",
        };
        json!({
            "messageId": one.id, "by": by, "sender": sender, "recipient": recipient,
            "status": status, "bubble": bubble(one), "createdAt": iso(one.at_ms),
        })
    }
}

/// The words of the messages API: `FILE` for a document, `mediaUrl` and `text` for every kind.
fn bubble(one: &Spoken) -> Value {
    let kind = match one.kind.as_str() {
        "document" => "FILE".to_owned(),
        kind => kind.to_uppercase(),
    };
    let mut bubble = serde_json::Map::from_iter([("type".to_owned(), json!(kind))]);
    let fields = one.content.as_object().cloned().unwrap_or_default();
    for (name, value) in fields {
        let name = match name.as_str() {
            "body" | "caption" => "text".to_owned(),
            "url" => "mediaUrl".to_owned(),
            "mime_type" => "mediaType".to_owned(),
            "filename" => "fileName".to_owned(),
            _ => name,
        };
        bubble.insert(name, value);
    }
    Value::Object(bubble)
}
