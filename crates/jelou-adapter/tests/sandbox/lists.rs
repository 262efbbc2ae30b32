//! Lists: the report and the history, page by page to the end.

use crate::{ANA, DEADLINE, Scene, ana};
use bridge_core::{event::MessageReceived, ids::ConversationId, report::Attended, time::Timestamp};
use bridge_sandbox::{JelouOptions, Operation};
use jelou_adapter::client::{Author, HistoryMessage, MetricsAuth, Page, Range};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};

/// From 2020 to the end of 2099.
const ALWAYS: Range = Range {
    from: Timestamp(1_577_836_800_000),
    to: Timestamp(4_102_444_800_000),
};

/// More than one page holds.
const MANY: usize = 120;

/// The pages that there are at most in a test, so that none reads for ever.
const PAGES_MAX: u32 = 10;

async fn report(scene: &Scene) -> Vec<Attended> {
    let mut rows = Vec::new();
    for number in 1..=PAGES_MAX {
        let page: Page<Attended> = scene
            .client
            .attended(ALWAYS, number, DEADLINE)
            .await
            .unwrap();
        assert_eq!(page.unreadable, 0);
        rows.extend(page.rows);
        if page.is_last {
            return rows;
        }
    }
    panic!("no last page");
}

async fn history(scene: &Scene) -> Vec<HistoryMessage> {
    let mut rows = Vec::new();
    for number in 1..=PAGES_MAX {
        let bot = scene.bot();
        let page = scene
            .client
            .history(&bot, ALWAYS, number, DEADLINE)
            .await
            .unwrap();
        assert_eq!(page.unreadable, 0);
        rows.extend(page.rows);
        if page.is_last {
            return rows;
        }
    }
    panic!("no last page");
}

#[tokio::test]
async fn the_report_is_read_to_its_last_page_with_either_credential() {
    for auth in [MetricsAuth::Basic, MetricsAuth::Raw] {
        let scene = Scene::with(JelouOptions::default(), |config| config.metrics_auth = auth).await;
        let mut closed = BTreeSet::new();
        for n in 0..MANY {
            let id = scene
                .jelou()
                .customer_starts(&format!("5939{n:08}"), "Oi")
                .unwrap();
            scene
                .jelou()
                .operator_closes(&id, "closed_by_operator")
                .unwrap();
            closed.insert(id);
        }
        let rows = report(&scene).await;
        let listed: BTreeSet<String> = rows
            .iter()
            .map(|row| row.conversation.to_string())
            .collect();
        assert_eq!((rows.len(), &listed), (MANY, &closed), "each once");
        assert_eq!(scene.jelou().calls().len(), 3, "fifty a page");
    }
}

#[tokio::test]
async fn a_row_says_who_attended_how_long_and_why_it_ended() {
    let scene = Scene::begin().await;
    let id = scene.jelou().customer_starts(ANA, "Oi").unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    scene
        .jelou()
        .operator_closes(&id, "closed_by_operator")
        .unwrap();
    let row = report(&scene).await.remove(0);
    assert_eq!(
        (row.conversation.as_str(), row.user),
        (id.as_str(), Some(ana()))
    );
    assert_eq!(row.operator.unwrap().reveal(), "Sandbox Operator");
    assert_eq!(row.state.as_deref(), Some("closed"));
    assert_eq!(row.ended_reason.as_deref(), Some("closed_by_operator"));
    assert_eq!(
        (row.origin.as_deref(), row.first_reply),
        (Some("bot"), None)
    );
    assert!(row.duration.unwrap() >= Duration::from_millis(30));
    let began = scene.jelou().conversation(&id).unwrap().start_at_ms;
    let off = began - row.started_at.unwrap().0.0;
    assert!(
        (5 * 3_600_000..5 * 3_600_000 + 1_000).contains(&off),
        "in a zone that it does not tell"
    );
}

#[tokio::test]
async fn what_nobody_attended_or_is_not_listed_yet_is_not_in_the_report() {
    let late = JelouOptions {
        report_lag_ms: 3_600_000,
        ..JelouOptions::default()
    };
    for (options, reason) in [
        (late, "closed_by_operator"),
        (JelouOptions::default(), "expired"),
    ] {
        let scene = Scene::with(options, |_| {}).await;
        let id = scene.jelou().customer_starts(ANA, "Oi").unwrap();
        scene.jelou().operator_closes(&id, reason).unwrap();
        assert_eq!(report(&scene).await, []);
    }
}

#[tokio::test]
async fn the_history_tells_of_each_message_what_its_webhook_told() {
    let scene = Scene::begin().await;
    let id = scene.jelou().customer_starts(ANA, "Oi").unwrap();
    for n in 0..MANY {
        let picture = json!({"url": format!("https://m.example.net/{n}.jpg"), "mime_type": "image/jpeg", "caption": "a foto"});
        match n % 3 {
            0 => scene.jelou().customer_sends(&id, "image", &picture),
            1 => scene.jelou().customer_writes(&id, &format!("mensagem {n}")),
            _ => scene.jelou().customer_sends(&id, "document", &json!({
                "url": "https://m.example.net/nf.pdf", "mime_type": "application/pdf", "filename": "nf.pdf"})),
        }
        .unwrap();
    }
    let mut rows = history(&scene).await;
    rows.retain(|row| row.by == Author::Customer);
    let told = scene.messages();
    assert_eq!(told.len(), MANY);
    for message in &told {
        let row = rows.iter().find(|row| row.id == message.message).unwrap();
        assert_eq!((&row.body, &row.sender), (&message.body, &Some(ana())));
        assert_eq!(row.at, Some(message.at));
        let facts = |media: &Option<bridge_core::message::Media>| {
            let media = media.as_ref()?;
            Some((
                media.kind,
                media.url.clone(),
                media.mime_type.clone(),
                media.filename.clone(),
            ))
        };
        assert_eq!(facts(&row.media), facts(&message.media));
    }
    assert_eq!(
        rows.len(),
        MANY + 1,
        "and what was said to the bot before it handed over"
    );
}

#[tokio::test]
async fn of_the_history_only_what_was_written_in_a_conversation_is_told_in_it() {
    let scene = Scene::begin().await;
    let pause = || tokio::time::sleep(Duration::from_millis(5));
    scene.jelou().add_user("5511987654321", "Bia");
    let other = scene
        .jelou()
        .customer_starts("5511987654321", "Oi")
        .unwrap();
    let first = scene.jelou().customer_starts(ANA, "Oi").unwrap();
    let before = scene
        .jelou()
        .customer_writes(&first, "na primeira")
        .unwrap();
    scene.jelou().expires(&first).unwrap();
    pause().await;
    let id = scene.jelou().customer_starts(ANA, "Oi de novo").unwrap();
    let said = scene.jelou().customer_writes(&id, "na segunda").unwrap();
    scene
        .jelou()
        .customer_writes(&other, "de outra pessoa")
        .unwrap();
    scene
        .jelou()
        .operator_closes(&id, "closed_by_operator")
        .unwrap();
    pause().await;
    scene.jelou().customer_writes(&id, "tarde demais").unwrap();

    let all = history(&scene).await;
    let told_in = async |id: &str| -> Vec<String> {
        let id = ConversationId::parse(id).unwrap();
        let conversation = scene.client.conversation(&id, DEADLINE).await.unwrap();
        let told = all
            .iter()
            .filter_map(|row| row.clone().told_in(&conversation));
        told.map(|message| message.message.to_string()).collect()
    };
    assert_eq!(told_in(&first).await, [before]);
    assert_eq!(told_in(&id).await, std::slice::from_ref(&said));
    let webhook = scene
        .messages()
        .into_iter()
        .find(|one| one.message.as_str() == said);
    let webhook = webhook.unwrap();
    let read = scene
        .client
        .conversation(&webhook.conversation.id, DEADLINE)
        .await
        .unwrap();
    let row = all.iter().find(|row| row.id == webhook.message).unwrap();
    let found = row.clone().told_in(&read).unwrap();
    let told = MessageReceived {
        content: found.content.clone(),
        ..webhook
    };
    assert_eq!(
        found, told,
        "but for the spelling of its content, as its webhook told it"
    );
}

#[tokio::test]
async fn a_list_that_is_refused_or_cut_is_asked_for_again_later() {
    let scene = Scene::begin().await;
    let manners = scene.jelou().manners();
    manners.fail_next(Operation::Report, 1, 500);
    manners.too_many(Operation::History, 1, Some("7"));
    let report = scene.client.attended(ALWAYS, 1, DEADLINE).await;
    assert_eq!(report.unwrap_err().kind(), "later");
    let history = scene
        .client
        .history(&scene.bot(), ALWAYS, 1, DEADLINE)
        .await;
    assert_eq!(history.unwrap_err().kind(), "later");
}
