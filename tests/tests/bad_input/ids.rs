//! Ids that would be more than a name, if somebody let them: each reaches the remote as one escaped
//! piece of a path, or it is refused. Neighbour: `bridge_core::ids`, which says what an id may be.

use super::*;
use serde_json::json;

/// Where they would lead, unescaped.
fn nasty() -> Vec<String> {
    vec![
        "../../sandbox/reset".to_owned(),
        "..".to_owned(),
        ".".to_owned(),
        "7/../../requesters".to_owned(),
        "7?open=true#x".to_owned(),
        "7%2f..%2f8".to_owned(),
        "7;8 9&a=b".to_owned(),
        "7\r\nX-Evil: 1".to_owned(),
        "7\u{0}8".to_owned(),
        "é\u{202e}".to_owned(),
        "9".repeat(4096),
    ]
}

/// What each call of a kind was asked under, without its query.
fn paths(calls: &[bridge_sandbox::Call]) -> Vec<String> {
    let path = |call: &bridge_sandbox::Call| call.path.split('?').next().unwrap().to_owned();
    calls.iter().map(path).collect()
}

/// Whether a piece of a path means the folder itself or the one above, escaped or not.
fn leads_up(path: &str) -> bool {
    let plain = path.to_lowercase().replace("%2e", ".");
    plain.split('/').any(|piece| piece == "." || piece == "..")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_id_reaches_the_helpdesk_as_one_piece_or_not_at_all() {
    let play = Play::begin().await;
    for (number, id) in nasty().into_iter().enumerate() {
        let body = json!({
            "id": format!("nasty-{number}"), "type": "ticket.changed",
            "at": jiff::Timestamp::now().to_string(), "actor": "agent",
            "ticket": {
                "id": id, "status": "open", "subject": "x", "description": "x",
                "priority": "normal", "tags": ["whatsapp"], "group": null,
                "requester": {"id": "1", "name": "x", "phone": format!("(11) 98765-{number:04}"), "external_id": null},
                "external_id": null, "fields": {}, "assignee": null,
                "created_at": "2026-11-21T01:02:03.000Z", "updated_at": "2026-11-21T01:02:03.000Z",
                "version": 7, "comments_count": 0,
            },
        });
        let answer = helpdesk_says(&play, body.to_string().as_bytes()).await;
        assert_eq!(answer.status(), 200, "authentic, so it is kept");
    }
    play.until("starts were made for those that may be ids", |jelou, _| {
        jelou.conversations().len() >= 8
    })
    .await;
    play.until("their link fields were written", |_, helpdesk| {
        helpdesk.calls().len() >= 8
    })
    .await;
    for path in paths(&play.helpdesk().calls()) {
        let rest = path
            .strip_prefix("/api/tickets")
            .expect("a call about tickets");
        let id = rest.strip_suffix("/comments").unwrap_or(rest);
        assert!(id.matches('/').count() <= 1, "{path}");
        assert!(!leads_up(rest), "{path}");
        assert!(path.len() < 2_000, "no id of 4 KiB goes out");
    }
    assert!(
        play.helpdesk().tickets().is_empty(),
        "none of them is there"
    );
    let control = ["\r", "\n", "\u{0}"];
    for conversation in play.jelou().conversations() {
        let named = conversation.metadata.unwrap()["ticketId"].clone();
        let named = named.as_str().unwrap();
        assert!(control.iter().all(|c| !named.contains(c)) && named.len() <= 512);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_id_reaches_jelou_as_one_piece_or_not_at_all() {
    let play = Play::begin().await;
    play.jelou().webhooks().hold();
    let real = play.customer_starts(1, "Oi");
    let event = play.jelou().webhooks().all()[0].body.clone();
    for (number, id) in nasty().into_iter().enumerate() {
        let mut body: serde_json::Value = serde_json::from_str(&event).unwrap();
        body["conversation"]["id"] = json!(id);
        body["contact"]["id"] = json!(format!("55119800000{number:02}"));
        let answer = jelou_says(&play, body.to_string().as_bytes()).await;
        assert_eq!(answer.status(), 200, "authentic, so it is kept");
    }
    // Tickets are made for them, and the sweep reads their conversations.
    play.until(
        "tickets were made for those that may be ids",
        |_, helpdesk| helpdesk.tickets().len() >= 8,
    )
    .await;
    play.until("the sweep has looked for them", |jelou, _| {
        jelou
            .calls()
            .iter()
            .filter(|c| c.path.contains("/conversations/"))
            .count()
            >= 8
    })
    .await;
    for path in paths(&play.jelou().calls()) {
        if let Some((_, id)) = path.split_once("/conversations/") {
            assert!(!id.contains('/') && !leads_up(id), "{path}");
            assert!(id.len() < 2_000, "no id of 4 KiB goes out");
        }
    }
    assert!(
        play.jelou().conversation(&real).is_some(),
        "nothing was reset"
    );
}
