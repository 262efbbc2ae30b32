//! After the word to stop, or to write no more, nothing new is begun: what is under way ends.
//! Neighbours: `process`, where the whole program ends; `observing`, where a bridge begins so.

use crate::{
    command::command,
    process::{change, process, reloaded},
    talking::{has_heard, relayed, write_all},
};
use bridge_sandbox::Operation;
use bridge_tests::play::{PATIENCE, Play};
use jelou_bridge::clock;
use std::{sync::atomic::Ordering, time::Duration};

/// More than are brought over before anyone can say stop.
const WORDS: [&str; 7] = ["um", "dois", "três", "quatro", "cinco", "seis", "sete"];

/// How long the helpdesk takes for each: all of them are done in less than a stop or a reload waits.
const SLOW_MS: u64 = 1_000;

/// A write that was begun without leave would show within this.
const QUIET: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn after_the_word_to_stop_the_call_under_way_ends_and_no_other_begins() {
    let mut play = Play::begin().await;
    let (ticket, conversation) = play.pair(1).await;
    play.helpdesk()
        .manners()
        .slow(Operation::AddComment, SLOW_MS);
    let before = play.asked_of_helpdesk(Operation::AddComment);
    write_all(&play, &conversation, &WORDS).await;
    // The first may be claimed alone; with the second all the others wait in the same Claim.
    play.until("the second is under way", |_, _| {
        play.asked_of_helpdesk(Operation::AddComment) == before + 2
    })
    .await;
    play.stage.stop_daemon().await;
    assert_eq!(
        play.asked_of_helpdesk(Operation::AddComment),
        before + 2,
        "none was begun after it"
    );
    assert_eq!(relayed(&play, &ticket).len(), 2, "none was cut");

    play.helpdesk().manners().clear();
    play.stage.start_daemon().await.unwrap();
    let heard = has_heard(&play, &ticket, WORDS.len()).await;
    assert_eq!(heard, WORDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_at_work_writes_no_more_once_its_bridge_is_to_observe() {
    let (_folder, process) = process().await;
    let daemon = process.program.start().await.unwrap();
    let (jelou, helpdesk) = (&process.jelou.handle, &process.helpdesk.handle);
    let user = bridge_tests::play::user(1);
    jelou.add_user(&user, "Customer 1");
    let conversation = jelou.customer_starts(&user, "Oi").unwrap();
    let asked = || {
        let calls = helpdesk.calls();
        let comments = calls
            .iter()
            .filter(|c| c.operation == Operation::AddComment);
        comments.count()
    };
    let until_asked = async |times: usize| {
        let give_up = clock::now().plus(PATIENCE);
        while asked() < times {
            assert!(clock::now() < give_up, "asked {} times", asked());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let give_up = clock::now().plus(PATIENCE);
    while helpdesk.tickets_of_conversation(&conversation).is_empty() {
        assert!(clock::now() < give_up, "the conversation has no ticket");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    helpdesk.manners().slow(Operation::AddComment, SLOW_MS);
    for text in WORDS {
        jelou.customer_writes(&conversation, text).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = asked();
    until_asked(before + 2).await;
    change(
        &process.program.config,
        "mode = \"live\"",
        "mode = \"observe\"",
    );
    daemon.signal("HUP").await.unwrap();
    reloaded(&daemon.admin, "taken", 1.0).await;
    let then = asked();
    assert!(then < before + WORDS.len(), "not all were written first");
    tokio::time::sleep(QUIET).await;
    assert_eq!(asked(), then, "none is written any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_after_the_word_to_stop_is_refused_and_changes_nothing() {
    let play = Play::begin().await;
    let (ticket, _) = play.pair(1).await;
    let stopping = &play.stage.daemon().unwrap().jobs.stopping;
    stopping.store(true, Ordering::Relaxed);
    let refused = command(&play.admin(), &["unlink", &ticket]).await;
    assert_ne!(refused.code, 0);
    let why = refused.json["error"].as_str().unwrap();
    assert!(why.contains("is stopping"), "{why}");
    let links = command(&play.admin(), &["links"]).await;
    assert_eq!(links.json["links"][0]["state"], "linked");
}
