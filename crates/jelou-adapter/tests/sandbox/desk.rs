//! Talk: what agents and customers say to each other.

use crate::{ANA, DEADLINE, Scene, ana, transport};
use bridge_core::{
    call::CallError,
    ids::{MessageId, RoomId},
    message::{
        AgentMessage, AnsweredBy, BotMessage, BotSays, Content, HandOver, Media, MediaKind,
        Template,
    },
    text::Text,
};
use bridge_sandbox::{
    JelouOptions, Operation, SameId,
    jelou::{AfterSilence, CustomerFile},
};
use bridge_transport::{ANSWER_BYTES_MAX, Request};
use http::{HeaderMap, Method};
use serde_json::json;
use url::Url;

/// A conversation that Ana began, and a message of an agent's into its room.
fn an_answer(scene: &Scene, content: Content) -> AgentMessage {
    let id = scene.jelou().customer_starts(ANA, "Oi").unwrap();
    let room = scene.jelou().conversation(&id).unwrap().room;
    AgentMessage {
        id: MessageId::parse("hd-8841-3").unwrap(),
        bot: scene.bot(),
        user: ana(),
        room: RoomId::parse(&room).unwrap(),
        content,
    }
}

fn words(text: &str) -> Content {
    Content::Text {
        body: Text::from(text),
    }
}

fn a_template(scene: &Scene, name: &str) -> Template {
    Template {
        bot: scene.bot(),
        user: ana(),
        name: name.to_owned(),
        language: "pt_BR".to_owned(),
        parameters: vec![Text::from("Ana"), Text::from("HD-8841")],
    }
}

fn a_call_button(scene: &Scene) -> BotMessage {
    BotMessage {
        bot: scene.bot(),
        user: ana(),
        what: BotSays::VoiceCall {
            header: None,
            text: Text::from("Toque para falar com um atendente"),
            display_text: Text::from("Ligar"),
        },
    }
}

#[tokio::test]
async fn an_agents_words_arrive_as_written() {
    let scene = Scene::begin().await;
    let said = "Olá Ana ✅ {{7*7}} <b>\"&\" \\ 👩‍👩‍👧\r\n=1+1";
    let message = an_answer(&scene, words(said));
    scene.client.send_message(&message, DEADLINE).await.unwrap();
    assert_eq!(scene.texts(), [said]);
}

#[tokio::test]
async fn an_agents_files_arrive_as_what_they_are() {
    let scene = Scene::begin().await;
    let mut message = an_answer(&scene, words("x"));
    for kind in MediaKind::ALL {
        message.content = Content::Media(Media {
            kind,
            url: Text::from("https://files.example.org/nf.pdf"),
            mime_type: "application/pdf".to_owned(),
            filename: Some(Text::from("nf.pdf")),
            caption: Some(Text::from("segue")),
        });
        scene.client.send_message(&message, DEADLINE).await.unwrap();
    }
    let phone = scene.phone();
    let kinds: Vec<&str> = phone.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(kinds, ["image", "video", "audio", "document"]);
    assert_eq!(phone[0].content["caption"], "segue");
    assert_eq!(phone[2].content["caption"], json!(null));
    assert_eq!(phone[3].content["filename"], "nf.pdf");
}

#[tokio::test]
async fn a_second_try_after_a_lost_answer_is_one_message_or_two_as_jelou_has_it() {
    for (model, times) in [(SameId::Once, 1), (SameId::Another, 2)] {
        let scene = Scene::begin().await;
        scene.jelou().set_same_id(model);
        let message = an_answer(&scene, words("Olá Ana"));
        scene
            .jelou()
            .manners()
            .do_and_cut(Operation::AgentMessage, 1);
        let lost = scene.client.send_message(&message, DEADLINE).await;
        assert!(matches!(lost, Err(CallError::Unknown { .. })), "{lost:?}");
        scene.client.send_message(&message, DEADLINE).await.unwrap();
        assert_eq!(scene.texts().len(), times, "{model:?}");
    }
}

#[tokio::test]
async fn a_message_signed_with_a_dead_secret_never_arrives() {
    for (status, kind) in [(500, "unknown"), (401, "locked")] {
        let options = JelouOptions {
            bad_signature: status,
            ..JelouOptions::default()
        };
        let dead = |config: &mut jelou_adapter::client::ClientConfig| {
            config.signing_secret = Some(Text::from("dead"));
        };
        let scene = Scene::with(options, dead).await;
        let message = an_answer(&scene, words("Olá"));
        let error = scene.client.send_message(&message, DEADLINE).await;
        assert_eq!(error.unwrap_err().kind(), kind);
        assert!(scene.texts().is_empty());
    }
}

#[tokio::test]
async fn a_room_without_a_conversation_refuses_for_good() {
    let scene = Scene::begin().await;
    let mut message = an_answer(&scene, words("Olá"));
    let active = scene.jelou().active_conversation(ANA).unwrap();
    scene.jelou().expires(&active.id).unwrap();
    let over = scene.client.send_message(&message, DEADLINE).await;
    assert_eq!(over.unwrap_err().kind(), "refused");
    message.room = RoomId::parse("G:no:room").unwrap();
    let unknown = scene.client.send_message(&message, DEADLINE).await;
    assert_eq!(unknown.unwrap_err().kind(), "gone");
}

#[tokio::test]
async fn after_a_day_of_silence_the_template_is_what_arrives() {
    let scene = Scene::begin().await;
    let message = an_answer(&scene, words("Olá"));
    scene.jelou().falls_silent(ANA);
    let refused = scene.client.send_message(&message, DEADLINE).await;
    assert_eq!(
        refused.unwrap_err().to_string(),
        "refused with 400: message: 400 message_could_not_be_send MESSAGE_COULD_NOT_BE_SEND"
    );
    scene.jelou().set_after_silence(AfterSilence::Dropped);
    scene.client.send_message(&message, DEADLINE).await.unwrap();
    assert!(scene.phone().is_empty(), "200, and nothing arrives");

    let template = a_template(&scene, "ticket_update");
    let id = scene
        .client
        .send_template(&template, DEADLINE)
        .await
        .unwrap();
    let phone = scene.phone();
    assert_eq!((phone.len(), phone[0].id.as_str()), (1, id.as_str()));
    assert_eq!(phone[0].content["parameters"], json!(["Ana", "HD-8841"]));
    let unknown = a_template(&scene, "nothing");
    let error = scene.client.send_template(&unknown, DEADLINE).await;
    assert_eq!(error.unwrap_err().kind(), "refused");
}

#[tokio::test]
async fn a_call_button_arrives_unless_the_account_may_not_call() {
    let scene = Scene::begin().await;
    let button = a_call_button(&scene);
    let id = scene
        .client
        .send_bot_message(&button, DEADLINE)
        .await
        .unwrap();
    let phone = scene.phone();
    assert_eq!(
        (phone[0].kind.as_str(), phone[0].id.as_str()),
        ("voice_call", id.as_str())
    );
    assert_eq!(phone[0].content["parameters"]["display_text"], "Ligar");
    scene.jelou().set_calling(false);
    let error = scene.client.send_bot_message(&button, DEADLINE).await;
    assert_eq!(error.unwrap_err().kind(), "refused");
    assert_eq!(scene.phone().len(), 1);
}

#[tokio::test]
async fn the_bot_says_plain_words_too() {
    let scene = Scene::begin().await;
    let mut message = a_call_button(&scene);
    message.what = BotSays::Text {
        text: Text::from("Um atendente vai ligar"),
    };
    scene
        .client
        .send_bot_message(&message, DEADLINE)
        .await
        .unwrap();
    assert_eq!(scene.phone()[0].content["text"], "Um atendente vai ligar");
}

#[tokio::test]
async fn a_customer_is_handed_to_a_person_and_back_to_the_bot() {
    let scene = Scene::begin().await;
    let by = async || {
        scene
            .client
            .answered_by(&scene.bot(), &ana(), DEADLINE)
            .await
    };
    assert_eq!(by().await, Ok(AnsweredBy::Bot));
    for to in [AnsweredBy::Person, AnsweredBy::Bot] {
        let over = HandOver {
            bot: scene.bot(),
            user: ana(),
            to,
            for_secs: Some(3_600),
        };
        scene.client.hand_over(&over, DEADLINE).await.unwrap();
        scene.client.hand_over(&over, DEADLINE).await.unwrap();
        assert_eq!(by().await, Ok(to));
    }
}

#[tokio::test]
async fn a_customers_file_is_told_of_with_an_address_that_has_it() {
    let scene = Scene::begin().await;
    let id = scene.jelou().customer_starts(ANA, "Oi").unwrap();
    for (kind, mime_type, name) in [
        ("image", "image/png", "boleto é 1.png"),
        ("video", "video/mp4", "v.mp4"),
        ("audio", "audio/ogg; codecs=opus", "a.ogg"),
        ("document", "application/pdf", "nf-1022.pdf"),
    ] {
        let file = CustomerFile {
            kind: kind.to_owned(),
            mime_type: mime_type.to_owned(),
            name: name.to_owned(),
            caption: Some("segue".to_owned()),
            bytes: name.as_bytes().to_vec().into(),
        };
        let sent = scene.jelou().customer_sends_file(&id, file).unwrap();
        let message = scene.messages().pop().unwrap();
        assert_eq!(message.message.as_str(), sent);
        assert_eq!(message.body, Some(Text::from("segue")));
        let media = message.media.unwrap();
        assert_eq!(
            (media.kind.as_str(), media.mime_type.as_str()),
            (kind, mime_type)
        );
        let request = Request {
            method: Method::GET,
            url: Url::parse(media.url.reveal()).unwrap(),
            headers: HeaderMap::new(),
            body: None,
            idempotent: true,
            answer_max: ANSWER_BYTES_MAX,
        };
        let file = transport().send(request, DEADLINE).await.unwrap();
        assert_eq!((file.status, &file.body[..]), (200, name.as_bytes()));
    }
}

#[tokio::test]
async fn what_customers_send_of_other_kinds_can_be_read() {
    let scene = Scene::begin().await;
    let id = scene.jelou().customer_starts(ANA, "Oi").unwrap();
    let place = json!({"coordinates": {"lat": -2.17, "long": -79.9}});
    scene
        .jelou()
        .customer_sends(&id, "location", &place)
        .unwrap();
    let message = scene.messages().pop().unwrap();
    let shown = message.body.unwrap();
    assert!(
        shown.reveal().starts_with("[location] {"),
        "it names its kind"
    );
    assert!(shown.reveal().contains("-2.17"));
}
