//! Each fixture of both adapters has its plan and the rule behind it, and nothing leaves the process.

use super::{Explanation, Question, explain};
use crate::{
    clock,
    config::{self, Variables},
    runtime::{Bridge, Runtime},
};
use bridge_core::{
    conversation::{Conversation, ConversationState},
    event::Side,
    ids::{BotId, BridgeName, ConversationId, LaneId, RoomId, TicketId, UserId},
    lane::{Input, Lane, Order, step},
    ticket::{Requester, Status, Ticket, Version},
    time::Timestamp,
};
use bridge_transport::Transport;
use std::{
    collections::BTreeMap,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// 2026-11-21T12:00:00Z, after all that the fixtures tell.
const NOW: Timestamp = Timestamp(1_795_262_400_000);

const BOT: &str = "7a1d0c52-3b6e-4f0a-9a57-2c61d2f4e801";
const USER: &str = "593987654321";

/// A bridge whose every remote is one listener that must never be called.
struct Stage {
    bridge: Arc<Bridge>,
    remote: TcpListener,
}

impl Stage {
    fn new(profile: &str) -> Self {
        Self::with(profile, "")
    }

    /// With more in the configuration.
    fn with(profile: &str, more: &str) -> Self {
        let remote = TcpListener::bind("127.0.0.1:0").unwrap();
        remote.set_nonblocking(true).unwrap();
        let url = format!("http://{}", remote.local_addr().unwrap());
        let (credentials, closes) = match profile {
            "zendesk" => (
                r#"{ user = "a@example.com/token", password = "p" }"#,
                "solved",
            ),
            "request-tracker" => (r#"{ token = "t" }"#, "resolved"),
            _ => (r#"{ token = "t" }"#, "solved"),
        };
        let options = if profile == "request-tracker" {
            r#"{ queue = "WhatsApp" }"#
        } else {
            "{}"
        };
        let text = format!(
            r#"
            [bridges.main.jelou]
            project_id = "01kbridgeproj0000000000001"
            bots = ["{BOT}"]
            api_key = "k"
            client_id = "c"
            client_secret = "s"
            signing_secrets = ["whsec"]
            gateway_url = "{url}"
            api_url = "{url}"
            messages_url = "{url}"
            ticket_id_to_jelou = "none"

            [bridges.main.ticketing]
            profile = "{profile}"
            base_url = "{url}"
            credentials = {credentials}
            webhook_secrets = ["hook"]
            options = {options}

            [bridges.main.mapping.conversation]
            open_when = "'whatsapp' in ticket.tags or ticket.group == 'WhatsApp'"
            user_id = "{{{{ ticket.requester.phone | phone('EC') }}}}"
            initial_message = "Olá {{{{ ticket.requester.name }}}}, sobre o chamado {{{{ ticket.id }}}}."
            close_on_status = ["{closes}"]

            [[bridges.main.mapping.assignment]]
            when = "ticket.group == 'WhatsApp'"
            type = "queue"
            target = "SUPORTE"

            [bridges.main.mapping.ticket]
            status_on_close = {{ default = "open" }}
            {more}
            "#
        );
        let path = Path::new("bridge.toml");
        let config = config::parse(&text, path, &Variables::from([])).unwrap();
        let transport = Transport::new(clock::now).unwrap();
        let runtime = Runtime::build(Arc::new(config), &transport, &Arc::default()).unwrap();
        let name = BridgeName::parse("main").unwrap();
        let bridge = Arc::clone(&runtime.bridges[&name]);
        Self { bridge, remote }
    }

    async fn explain(&self, side: Side, body: &[u8], lane: Option<Lane>) -> Explanation {
        let bridge = &self.bridge;
        let explained = explain(Question {
            bridge,
            side,
            body,
            lane,
            read: false,
            now: NOW,
        })
        .await;
        let call = self.remote.accept();
        assert!(call.is_err(), "explain called a remote");
        explained
    }
}

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder);
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

async fn each(profile: &str, side: Side, folder: &str) {
    let stage = Stage::new(profile);
    let files = fixtures(folder);
    assert!(!files.is_empty(), "no fixtures in {folder}");
    for file in files {
        let body = std::fs::read(&file).unwrap();
        let explained = stage.explain(side, &body, None).await;
        let says_something = !explained.effects.is_empty()
            || !explained.reads.is_empty()
            || !explained.notes.is_empty();
        assert!(says_something, "nothing was said of {}", file.display());
        assert!(
            explained
                .effects
                .iter()
                .all(|planned| !planned.rule.is_empty())
        );
        let place = if side == Side::Jelou {
            "jelou"
        } else {
            profile
        };
        let name = format!("{place}__{}", file.file_stem().unwrap().to_str().unwrap());
        insta::assert_json_snapshot!(name, explained);
    }
}

#[tokio::test]
async fn every_webhook_of_jelou_has_its_plan_and_rule() {
    each("sandbox", Side::Jelou, "jelou-adapter/fixtures/webhooks").await;
}

#[tokio::test]
async fn every_webhook_of_zendesk_has_its_plan_and_rule() {
    each(
        "zendesk",
        Side::Ticketing,
        "ticketing-adapter/fixtures/zendesk",
    )
    .await;
}

#[tokio::test]
async fn every_webhook_of_request_tracker_has_its_plan_and_rule() {
    each(
        "request-tracker",
        Side::Ticketing,
        "ticketing-adapter/fixtures/request-tracker",
    )
    .await;
}

#[tokio::test]
async fn every_webhook_of_the_sandbox_helpdesk_has_its_plan_and_rule() {
    each(
        "sandbox",
        Side::Ticketing,
        "ticketing-adapter/fixtures/sandbox",
    )
    .await;
}

#[tokio::test]
async fn a_solved_ticket_of_a_linked_lane_would_close_its_conversation() {
    let stage = Stage::new("sandbox");
    let body = include_bytes!("../../../ticketing-adapter/fixtures/sandbox/ticket_changed.json");
    let explained = stage
        .explain(Side::Ticketing, body, Some(linked(&stage, "1001")))
        .await;
    let planned: Vec<(&str, &str)> = explained
        .effects
        .iter()
        .map(|planned| (planned.sentence.as_str(), planned.rule.as_str()))
        .collect();
    let close = (
        "close conversation 654a1b2c3d4e5f6789012345",
        "mapping.conversation.close_on_status",
    );
    assert_eq!(planned, [close]);
}

/// The effects that a comment on the linked ticket of a customer would have, who spoke so long ago.
async fn of_a_comment(more: &str, silent: Duration) -> Vec<(String, String)> {
    let stage = Stage::with("sandbox", more);
    let mut lane = linked(&stage, "1001");
    for memory in lane.conversations.values_mut() {
        memory.seen.room = RoomId::parse("G:1").ok();
        memory.last_message_at = Some(NOW.minus(silent));
    }
    let body = include_bytes!("../../../ticketing-adapter/fixtures/sandbox/comment_added.json");
    let explained = stage.explain(Side::Ticketing, body, Some(lane)).await;
    let effects = explained.effects.into_iter();
    effects
        .map(|planned| (planned.sentence, planned.rule))
        .collect()
}

#[tokio::test]
async fn what_a_customer_reads_while_nobody_is_in_is_in_the_plan() {
    // The message came on a Monday at 21:37.
    let hours = r#"
        [bridges.main.hours]
        time_zone = "America/Guayaquil"
        away_message = "Volvemos mañana."
        monday = ["09:00-18:00"]
        tuesday = ["09:00-18:00"]
    "#;
    let stage = Stage::with("sandbox", hours);
    let body = include_bytes!("../../../jelou-adapter/fixtures/webhooks/message-text.json");
    let explained = stage.explain(Side::Jelou, body, None).await;
    let mut effects = explained.effects.iter();
    let away = effects.find(|planned| planned.rule == "hours.away_message");
    let sentence = away.map(|planned| planned.sentence.as_str());
    let told = "have the bot send a text in conversation 69f8a1b2c3d4e5f601234567";
    assert_eq!(sentence, Some(told), "{explained:?}");
}

#[tokio::test]
async fn the_template_for_a_silent_customer_is_in_the_plan() {
    let template = r#"
        [bridges.main.mapping.template]
        name = "ticket_update"
        language = "es"
        parameters = ["{{ ticket.id }}"]
    "#;
    let effects = of_a_comment(template, Duration::from_secs(25 * 3600)).await;
    let (sentence, rule) = (
        "send template ticket_update for ticket 1001".to_owned(),
        "mapping.template".to_owned(),
    );
    assert!(effects.contains(&(sentence, rule)), "{effects:?}");
}

#[tokio::test]
async fn the_call_button_is_in_the_plan() {
    let button = r#"
        [[bridges.main.mapping.call_button]]
        when = "ticket.priority == 'high'"
        text = "Toque para hablar"
        display_text = "Llamar"
    "#;
    let effects = of_a_comment(button, Duration::from_secs(60)).await;
    let (sentence, rule) = (
        "have the bot send a call button in conversation 654a1b2c3d4e5f6789012345".to_owned(),
        "mapping.call_button[0].when".to_owned(),
    );
    assert!(effects.contains(&(sentence, rule)), "{effects:?}");
}

#[tokio::test]
async fn a_lane_that_was_saved_is_read_back_as_it_was() {
    let lane = linked(&Stage::new("sandbox"), "1001");
    let saved = serde_json::to_string(&crate::api::lane::LaneFile::from(lane.clone())).unwrap();
    let read: crate::api::lane::LaneFile = serde_json::from_str(&saved).unwrap();
    assert_eq!(Lane::from(read), lane);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_would_be_parked() {
    let stage = Stage::new("sandbox");
    for side in [Side::Jelou, Side::Ticketing] {
        let explained = stage.explain(side, b"[", None).await;
        assert!(explained.events.is_empty());
        assert!(
            explained.notes[0].starts_with("It would be parked (unreadable)"),
            "{explained:?}"
        );
    }
}

#[tokio::test]
async fn a_read_that_is_allowed_and_fails_is_told_as_made_in_vain() {
    let stage = Stage::new("zendesk");
    let body = include_bytes!("../../../ticketing-adapter/fixtures/zendesk/created.json");
    // Nobody listens there any more.
    drop(stage.remote);
    let bridge = &stage.bridge;
    let side = Side::Ticketing;
    let question = Question {
        bridge,
        side,
        body,
        lane: None,
        read: true,
        now: NOW,
    };
    let explained = explain(question).await;
    assert!(explained.reads[0].made, "{explained:?}");
    assert!(explained.reads[0].error.is_some(), "{explained:?}");
    assert!(explained.effects.is_empty(), "{explained:?}");
}

/// A customer whose ticket and conversation were linked by a person, by the same code as ever.
fn linked(stage: &Stage, ticket: &str) -> Lane {
    let mut lane = Lane::new(
        LaneId::parse("lane").unwrap(),
        BridgeName::parse("main").unwrap(),
        BotId::parse(BOT).unwrap(),
        UserId::parse(USER).unwrap(),
    );
    let conversation = ConversationId::parse("654a1b2c3d4e5f6789012345").unwrap();
    let order = Order::Link {
        ticket: Box::new(open_ticket(
            &TicketId::parse(ticket).unwrap(),
            &conversation,
        )),
        conversation: Box::new(active(&lane, conversation)),
    };
    let rules = stage.bridge.rules(false);
    let _ = step(&mut lane, Input::Ordered(order), &rules, Timestamp(0));
    assert!(lane.links[0].is_whole());
    lane.journal.clear();
    lane
}

fn active(lane: &Lane, id: ConversationId) -> Conversation {
    Conversation {
        id,
        bot: lane.bot.clone(),
        user: lane.user.clone(),
        room: None,
        contact_name: None,
        state: ConversationState::Active,
        started_at: Some(Timestamp(0)),
        ended_at: None,
        assignment: None,
        initial_message: None,
    }
}

fn open_ticket(id: &TicketId, conversation: &ConversationId) -> Ticket {
    Ticket {
        id: id.clone(),
        version: Version::Monotonic { number: 1 },
        status: Status::new("open"),
        subject: None,
        priority: None,
        tags: vec!["whatsapp".to_owned()],
        group: None,
        requester: Requester::default(),
        assignee: None,
        link_field: Some(conversation.clone()),
        fields: BTreeMap::new(),
        url: None,
        created_at: None,
        merged_into: None,
    }
}
