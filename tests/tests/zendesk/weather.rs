//! The stories in bad weather: webhooks lost, doubled, late and out of order, answers lost, limits
//! reached. Neighbours: `quiet`; `trouble`, where Zendesk says no.

use crate::{
    desk::{Account, Bad, NewTicket},
    stage::Stage,
};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn with_every_webhook_lost_the_sweep_alone_finds_it_all() {
    let stage = Stage::start().await;
    let (solved, talk) = stage.linked("+5511987660001").await;
    let (left, over) = stage.linked("+5511987660002").await;
    stage.zendesk.hooks().set_off(true);
    stage.jelou.handle.webhooks().set_off(true);
    stage.zendesk.agent_sets_status(solved, "solved");
    let jelou = &stage.jelou.handle;
    jelou
        .operator_closes(&over.id, "closed_by_operator")
        .expect("it goes on");
    let created = stage.zendesk.agent_creates(&NewTicket {
        name: "Gabi Melo",
        phone: "+5511987660003",
        group: "billing",
        tags: &["whatsapp"],
    });
    let tagged = stage.zendesk.agent_creates(&NewTicket {
        name: "Hugo Reis",
        phone: "+5511987660004",
        group: "billing",
        tags: &[],
    });
    stage.zendesk.agent_adds_tag(tagged, "whatsapp");
    stage
        .sweep_until("both sides agree", |jelou, zendesk| {
            let named = |id| zendesk.ticket(id).external_id.is_some();
            jelou.conversation(&talk.id).is_some_and(|c| !c.active)
                && zendesk.ticket(left).status == "solved"
                && named(created)
                && named(tagged)
        })
        .await;
    stage.settle().await;
    assert_eq!(jelou.conversations().len(), 4);
    let (_, writes) = stage.spent();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(1_600)).await;
        stage.sweep().await;
        stage.settle().await;
    }
    assert_eq!(
        stage.spent().1,
        writes,
        "a full sweep writes nothing\n{}",
        stage.told().await
    );
    stage.stop().await;
}

/// More tickets than one page of the export holds; nothing had changed when the first round was made;
/// and Zendesk allows only so many of these calls a minute.
#[tokio::test(flavor = "multi_thread")]
async fn the_sweep_passes_many_pages_and_goes_on_after_a_limit() {
    const MANY: usize = 120;
    let stage = Stage::start().await;
    for _ in 0..2 {
        assert_eq!(stage.sweep().await.tickets, 0);
    }
    stage.zendesk.hooks().set_off(true);
    for n in 0..MANY {
        stage.zendesk.agent_creates(&NewTicket {
            name: "Nina Melo",
            phone: &format!("+55119877{n:05}"),
            group: "billing",
            tags: &["whatsapp"],
        });
    }
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    stage
        .zendesk
        .next("GET", "/incremental", 1, Bad::TooMany(1));
    assert!(
        stage.try_sweep().await.is_err(),
        "it says that it broke off"
    );
    stage
        .sweep_until("all have a conversation", |_, zendesk| {
            let tickets = zendesk.tickets();
            tickets.iter().all(|ticket| ticket.external_id.is_some())
        })
        .await;
    stage.settle().await;
    let conversations = stage.jelou.handle.conversations();
    assert_eq!(conversations.len(), MANY);
    stage.stop().await;
}

/// Zendesk's incremental export goes on by a cursor: what happened while the daemon was down is found, and
/// nothing is listed from the beginning again.
#[tokio::test(flavor = "multi_thread")]
async fn the_export_goes_on_after_a_restart_where_it_was() {
    let stage = Stage::start().await;
    let (ticket, talk) = stage.linked("+5511987660019").await;
    stage.zendesk.hooks().set_off(true);
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    stage.sweep().await;
    let stage = stage.restarted().await;
    let before = stage.zendesk.calls().len();
    stage.zendesk.agent_sets_status(ticket, "solved");
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    stage.sweep().await;
    stage.is_over(&talk.id).await;
    let calls = stage.zendesk.calls().split_off(before);
    let mut lists = calls.iter().filter(|c| c.path.contains("/incremental/"));
    assert!(lists.clone().count() > 0, "{calls:?}");
    assert!(lists.all(|call| call.cursor.is_some()), "{calls:?}");
    stage.settle().await;
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_older_than_the_bridge_does_not_enter_by_the_sweep() {
    let stage = Stage::start().await;
    stage.zendesk.hooks().set_off(true);
    let old = stage.zendesk.agent_creates(&NewTicket {
        name: "Iva Dias",
        phone: "+5511987660005",
        group: "billing",
        tags: &["whatsapp"],
    });
    stage.zendesk.ages(old, Duration::from_secs(600));
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    stage.sweep().await;
    stage.settle().await;
    assert!(stage.jelou.handle.conversations().is_empty());
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_done_and_answered_5xx_makes_one_ticket() {
    for options in ["", "conversation_field = \"360\""] {
        let stage = Stage::with(Account::default(), options).await;
        // Else the ticket's own webhook tells that it was made.
        stage.zendesk.hooks().set_off(true);
        stage
            .zendesk
            .next("POST", "/api/v2/tickets", 2, Bad::DoneBut(503));
        let jelou = &stage.jelou.handle;
        let talk = jelou.customer_starts("5511987660006", "Olá").expect("free");
        stage
            .until("a ticket is made", |_, zendesk| {
                !zendesk.tickets().is_empty()
            })
            .await;
        stage
            .until("it is linked", |jelou, _| {
                let bot = jelou.conversation(&talk).expect("it is there").bot;
                jelou
                    .user_cache(&bot, "5511987660006")
                    .contains_key("ticketId")
            })
            .await;
        stage.settle().await;
        assert_eq!(stage.zendesk.tickets().len(), 1, "{options}");
        let mut posts = stage.zendesk.writes();
        posts.retain(|call| call.path == "/api/v2/tickets");
        if options.is_empty() {
            assert_eq!(posts.len(), 1, "a look finds it by its external id");
        } else {
            assert!(posts.len() > 1, "the index lags, so only the key can tell");
            let key = posts[0].key.clone().expect("a key");
            assert!(posts.iter().all(|call| call.key.as_ref() == Some(&key)));
        }
        assert_eq!(stage.parked().await, 0, "{options}");
        stage.stop().await;
    }
}

/// Zendesk refuses a key that comes back with another body, and the customer may say who they are
/// between two tries.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_is_tried_again_says_the_same_although_more_is_known_by_now() {
    for options in ["", "conversation_field = \"360\""] {
        let stage = Stage::with(Account::default(), options).await;
        // Else the ticket's own webhook tells that it was made.
        stage.zendesk.hooks().set_off(true);
        stage
            .zendesk
            .next("POST", "/api/v2/tickets", 3, Bad::DoneBut(503));
        let jelou = &stage.jelou.handle;
        let talk = jelou.customer_starts("5511987660007", "Olá").expect("free");
        stage
            .until("a ticket is made", |_, zendesk| {
                !zendesk.tickets().is_empty()
            })
            .await;
        jelou.add_user("5511987660007", "Julia Reis");
        jelou
            .customer_writes(&talk, "Sou a Julia")
            .expect("it goes on");
        stage
            .until("it is linked", |jelou, _| {
                let bot = jelou.conversation(&talk).expect("it is there").bot;
                jelou
                    .user_cache(&bot, "5511987660007")
                    .contains_key("ticketId")
            })
            .await;
        stage.settle().await;
        assert_eq!(stage.zendesk.tickets().len(), 1, "{options}");
        assert_eq!(stage.parked().await, 0, "{}", stage.told().await);
        stage.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_that_is_done_and_answered_5xx_is_not_written_twice() {
    let stage = Stage::start().await;
    let (first, _) = stage.linked("+5511987660008").await;
    stage
        .zendesk
        .next("PUT", "/api/v2/tickets/", 1, Bad::DoneBut(502));
    let requester = stage.zendesk.ticket(first).requester;
    let second = stage
        .zendesk
        .agent_creates_for(requester, "billing", &["whatsapp"]);
    stage
        .until("it is told", |_, zendesk| {
            zendesk.ticket(second).comments.len() > 1
        })
        .await;
    stage.settle().await;
    assert_eq!(stage.zendesk.ticket(second).comments.len(), 2);
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zendesk_is_left_alone_for_as_long_as_it_asks() {
    let stage = Stage::start().await;
    let (ticket, talk) = stage.linked("+5511987660009").await;
    let before = stage.zendesk.calls().len();
    stage
        .zendesk
        .next("PUT", "/api/v2/tickets/", 1, Bad::TooMany(3));
    let jelou = &stage.jelou.handle;
    jelou
        .operator_closes(&talk.id, "closed_by_operator")
        .expect("it goes on");
    stage
        .until("it was told", |_, zendesk| {
            zendesk.calls().iter().any(|call| call.status == 429)
        })
        .await;
    // The answer is on its way, and another customer's calls must hear of it too.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let other = jelou.customer_starts("5511987660010", "Olá").expect("free");
    stage.has_status(ticket, "solved").await;
    let _ = stage.ticket_of(&other).await;
    stage.settle().await;
    let calls = stage.zendesk.calls().split_off(before);
    let limited = calls
        .iter()
        .position(|call| call.status == 429)
        .expect("it was told");
    let next = calls.get(limited + 1).expect("it was tried again");
    // The time is ours, the second is Zendesk's: a little less is the reading of the clock.
    assert!(next.at_ms - calls[limited].at_ms >= 2_900, "{calls:?}");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_webhook_twice_does_everything_once() {
    let stage = Stage::start().await;
    stage.zendesk.hooks().set_twice(true);
    let (ticket, talk) = stage.linked("+5511987660011").await;
    stage.zendesk.agent_sets_status(ticket, "solved");
    stage.is_over(&talk.id).await;
    stage.settle().await;
    assert_eq!(stage.jelou.handle.conversations().len(), 1);
    let writes = stage.zendesk.writes();
    assert_eq!(writes.len(), 1, "the link field: {writes:?}");
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_in_the_wrong_order_end_where_the_right_order_ends() {
    let stage = Stage::start().await;
    let (ticket, talk) = stage.linked("+5511987660012").await;
    stage.zendesk.hooks().hold();
    for status in ["pending", "solved", "open", "solved"] {
        stage.zendesk.agent_sets_status(ticket, status);
    }
    let told = stage.zendesk.hooks().release(|held| held.reverse()).await;
    assert!(told.len() >= 4, "{told:?}");
    stage.is_over(&talk.id).await;
    stage.settle().await;
    assert_eq!(stage.zendesk.ticket(ticket).status, "solved");
    assert_eq!(stage.jelou.handle.conversations().len(), 1);

    let (ticket, talk) = stage.linked("+5511987660013").await;
    stage.zendesk.hooks().hold();
    stage.zendesk.agent_sets_status(ticket, "solved");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    stage.zendesk.agent_sets_status(ticket, "open");
    stage.zendesk.hooks().release(|held| held.reverse()).await;
    stage.settle().await;
    assert!(
        stage.conversation(&talk.id).active,
        "it was opened again before we heard"
    );
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_of_yesterday_is_taken_and_changes_nothing() {
    let stage = Stage::start().await;
    let (ticket, talk) = stage.linked("+5511987660014").await;
    let created = stage
        .zendesk
        .hooks()
        .told()
        .into_iter()
        .find(|told| told.kind == "created");
    stage.zendesk.agent_sets_status(ticket, "solved");
    stage.is_over(&talk.id).await;
    stage.settle().await;
    let before = stage.spent();
    let created = created.expect("it was told");
    assert_eq!(created.answered, Some(200));
    let hooks = stage.zendesk.hooks();
    assert_eq!(hooks.again(&created).await, Some(200));
    assert_eq!(
        hooks.again_with(&created, "2020-01-01T00:00:00Z").await,
        Some(200)
    );
    stage.settle().await;
    assert_eq!(stage.spent(), before, "known by its id");
    stage.stop().await;
}
