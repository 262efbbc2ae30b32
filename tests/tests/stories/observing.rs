//! A bridge that looks and does nothing, and then goes live (rule 17). Neighbour: `explain`, which
//! does the same for one event.

use crate::command::command;
use bridge_sandbox::{Call, Operation};
use bridge_tests::play::{Play, rules};
use jelou_bridge::demo::BRIDGE;
use serde_json::json;

fn writes(calls: &[Call]) -> Vec<Operation> {
    let reads = [
        Operation::Conversation,
        Operation::Ticket,
        Operation::Tickets,
        Operation::Comments,
    ];
    let writes = calls.iter().map(|call| call.operation);
    writes
        .filter(|operation| !reads.contains(operation))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observing_bridge_plans_and_writes_nothing_and_live_begins_now() {
    let mut play = Play::with(|options| options.mode = "observe".to_owned()).await;
    let old_ticket = play.ticket(1);
    let old_conversation = play.customer_starts(2, "Oi");
    play.until_figures("both were planned", |figures| {
        let observed = [("outcome", "observed")];
        figures.sum("jelou_bridge_effects_total", &observed) >= 2.0
    })
    .await;
    play.settle().await;
    assert_eq!(writes(&play.jelou().calls()), []);
    assert_eq!(writes(&play.helpdesk().calls()), []);

    play.stage.stop_daemon().await;
    play.stage
        .change_config(|config| rules(config, "mode = \"observe\"", "mode = \"live\""));
    play.stage.start_daemon().await.unwrap();
    let (_, conversation) = play.pair(3).await;
    // Two rounds of the sweep have passed what came before; it is not picked up.
    let swept = |figures: &bridge_tests::figures::Figures| {
        figures.sum("jelou_bridge_last_sweep_timestamp_seconds", &[])
    };
    let first = swept(&play.figures().await);
    play.until_figures("two rounds went by", |figures| {
        swept(figures) >= first + 4.0
    })
    .await;
    play.settle().await;
    let all = play.jelou().conversations();
    let all: Vec<&str> = all.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(all, [old_conversation.as_str(), conversation.as_str()]);
    assert_eq!(play.stage.conversation_of(&old_ticket), None);
    assert_eq!(
        play.helpdesk().tickets().len(),
        2,
        "none was made for the old conversation"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observing_bridge_says_so_where_one_looks_for_what_waits() {
    let looks: [&[&str]; 4] = [&["links"], &["links", "--stuck"], &["parked"], &["halt"]];
    for (mode, observing) in [("observe", json!([BRIDGE])), ("live", json!([]))] {
        let play = Play::with(|options| options.mode = mode.to_owned()).await;
        for look in looks {
            let said = command(&play.admin(), look).await;
            assert_eq!(said.json["observing"], observing, "{look:?}");
        }
    }
}
