//! The person who is asked what came of a call: looks at both systems, as the remedy says. Neighbours:
//! `season`, which asks; `laws`, which want to know what was asked.

use super::{Scene, laws::Asked};
use crate::{figures, program::Daemon};
use jelou_bridge::demo::ADMIN_TOKEN;
use serde_json::{Value, json};

/// Decides about all that is parked because nobody knows what came of it. A ticket that is there is
/// tied to its conversation, and one that is not is made; a start is tried again; words are given up,
/// since the ticket tells of them. Returns what it was.
///
/// # Errors
/// What the program said.
pub async fn decides(scene: &Scene, daemon: &Daemon) -> Result<Vec<Asked>, String> {
    let path = "/parked?reason=unknown_outcome&limit=1000";
    let listed = figures::api(&daemon.admin, ADMIN_TOKEN, path).await?;
    let parked = listed.get("parked").and_then(Value::as_array).cloned();
    let mut asked = Vec::new();
    for one in parked.unwrap_or_default() {
        let word = |key| one.get(key).and_then(Value::as_str).map(str::to_owned);
        let (operation, ticket) = (word("operation").unwrap_or_default(), word("ticket"));
        let (path, words) = match (operation.as_str(), word("conversation")) {
            ("create", Some(conversation)) => {
                let made = scene.helpdesk.handle.tickets_of_conversation(&conversation);
                match made.first() {
                    Some(ticket) => (
                        "/link",
                        json!({"ticket": ticket.id, "conversation": conversation}),
                    ),
                    None => ("/parked/retry", json!({"id": word("id")})),
                }
            }
            ("start", _) => ("/parked/retry", json!({"id": word("id")})),
            _ => ("/parked/discard", json!({"id": word("id")})),
        };
        figures::order(&daemon.admin, ADMIN_TOKEN, path, &words).await?;
        let detail = word("detail").unwrap_or_default();
        asked.push(Asked {
            operation,
            ticket,
            stopped: detail.contains("the bridge stopped during the call"),
        });
    }
    Ok(asked)
}
