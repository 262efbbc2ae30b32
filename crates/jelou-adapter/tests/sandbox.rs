//! The client against the sandbox's Jelou over loopback, one story an operation. The two share no
//! line: where both read a page the same way, it is likely to be read right.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a scene that cannot be set fails its test"
)]

#[path = "sandbox/desk.rs"]
mod desk;
#[path = "sandbox/lists.rs"]
mod lists;
#[path = "sandbox/setup.rs"]
mod setup;

use bridge_core::{
    effect::{Answer, CloseConversation, StartConversation},
    event::{Event, MessageReceived, Parsed},
    ids::{BotId, ConversationId, IntentId, TicketId, UserId},
    text::Text,
    time::Timestamp,
};
use bridge_sandbox::{Jelou, JelouOptions, RunningJelou, jelou::Spoken};
use bridge_transport::Transport;
use jelou_adapter::{
    client::{Basic, Client, ClientConfig, GatewayAuth, MetricsAuth},
    webhook::parse,
};
use std::{collections::BTreeMap, time::Duration};
use url::Url;

/// Long enough for loopback on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);
pub(crate) const ANA: &str = "593987654321";

/// A Jelou with Ana in it, and our client to it.
pub(crate) struct Scene {
    pub(crate) running: RunningJelou,
    pub(crate) options: JelouOptions,
    pub(crate) client: Client,
}

impl Scene {
    pub(crate) async fn begin() -> Self {
        Self::with(JelouOptions::default(), |_| {}).await
    }

    pub(crate) async fn with(
        options: JelouOptions,
        change: impl FnOnce(&mut ClientConfig),
    ) -> Self {
        let running = Jelou::start(options.clone()).await.unwrap();
        running.handle.add_user(ANA, "Ana Lima");
        let url = Url::parse(&running.url()).unwrap();
        let mut config = ClientConfig {
            gateway_url: url.clone(),
            gateway_prefix: "/platform/v1".to_owned(),
            api_url: url.clone(),
            messages_url: url,
            project_id: options.project_id.clone(),
            gateway_auth: GatewayAuth::ApiKey(Text::from(options.api_key.as_str())),
            api_auth: Some(Basic {
                client_id: options.client_id.clone(),
                client_secret: Text::from(options.client_secret.as_str()),
            }),
            metrics_auth: MetricsAuth::Basic,
            signing_secret: Some(Text::from(options.signing_secret.as_str())),
        };
        change(&mut config);
        Self {
            client: Client::new(transport(), &config).unwrap(),
            running,
            options,
        }
    }

    pub(crate) fn jelou(&self) -> &Jelou {
        &self.running.handle
    }

    pub(crate) fn bot(&self) -> BotId {
        BotId::parse(&self.options.bots[0].0).unwrap()
    }

    /// What Ana has on her phone.
    pub(crate) fn phone(&self) -> Vec<Spoken> {
        self.jelou().heard_by(ANA)
    }

    /// The texts on Ana's phone.
    pub(crate) fn texts(&self) -> Vec<String> {
        let phone = self.phone();
        let words = phone.iter().filter_map(|one| one.content["body"].as_str());
        words.map(str::to_owned).collect()
    }

    /// What the webhooks told so far, as the bridge understands it.
    pub(crate) fn told(&self) -> Vec<Event> {
        let bots = [self.bot()];
        let project = &self.options.project_id;
        let all = self.jelou().webhooks().all();
        let events = all
            .iter()
            .flat_map(|one| match parse(one.body.as_bytes(), project, &bots) {
                Parsed::Events(events) => events,
                other => panic!("{other:?} from {}", one.kind),
            });
        events.collect()
    }

    /// The messages that the webhooks told of.
    pub(crate) fn messages(&self) -> Vec<MessageReceived> {
        let told = self.told().into_iter();
        told.filter_map(|event| match event {
            Event::MessageReceived(message) => Some(message),
            _ => None,
        })
        .collect()
    }
}

pub(crate) fn transport() -> Transport {
    Transport::new(|| Timestamp(1_776_133_797_000)).unwrap()
}

pub(crate) fn ana() -> UserId {
    UserId::parse(ANA).unwrap()
}

#[tokio::test]
async fn a_conversation_is_started_read_and_closed() {
    let scene = Scene::begin().await;
    let start = StartConversation {
        bot: scene.bot(),
        user: ana(),
        ticket: TicketId::parse("HD-8841").unwrap(),
        initial_message: Some(Text::from("Olá Ana")),
        metadata: BTreeMap::new(),
        assignment: None,
    };
    let intent = IntentId::parse("k3v9.1").unwrap();
    let started = scene.client.start(&start, &intent, DEADLINE).await;
    let Ok(Answer::Started { conversation, user }) = started else {
        panic!("{started:?}");
    };
    assert_eq!(user, Some(ana()));
    let Event::ConversationStarted(event) = scene.told().remove(0) else {
        panic!("no start event");
    };
    assert_eq!(
        (event.intent_id, event.ticket_id),
        (Some(intent), Some(start.ticket))
    );
    assert_eq!(event.conversation.id, conversation);

    let read = async |id: &ConversationId| scene.client.conversation(id, DEADLINE).await.unwrap();
    assert!(!read(&conversation).await.state.is_closed());
    let close = CloseConversation {
        conversation: conversation.clone(),
        bot: scene.bot(),
        user: ana(),
        message: Some(Text::from("Obrigado!")),
    };
    let closed = scene.client.close(&close, DEADLINE).await;
    let id = Some(conversation.clone());
    assert_eq!(closed, Ok(Answer::Closed { conversation: id }));
    assert!(read(&conversation).await.state.is_closed());
    assert_eq!(scene.texts(), ["Olá Ana", "Obrigado!"]);
}
