//! What was said waits in the store until it is brought over.

use super::*;
use crate::store::Joined;
use bridge_core::{
    conversation::{Conversation, ConversationState},
    event::MessageReceived,
    lane::{MESSAGES_AT_ONCE, Message, Outcome},
};

impl Fresh {
    /// Maria's Lane with these messages, given back and claimed again.
    async fn with(&self, messages: &[Message]) -> ClaimedLane {
        let mut claimed = self.linked("maria", "7", "c7").await;
        let before = claimed.lane.clone();
        claimed.lane.messages.extend_from_slice(messages);
        self.keep(&claimed.claim, &before, &claimed.lane).await;
        self.give_back(&claimed).await;
        let lane = claimed.lane.id.clone();
        let again = self.claim_lane(&lane, at(3_000), LEASE).await.unwrap();
        again.unwrap()
    }
}

fn ended(mut message: Message) -> Message {
    message.outcome = Some(Outcome::Relayed);
    message
}

fn told(message: &Message) -> Event {
    Event::MessageReceived(MessageReceived {
        conversation: Conversation {
            id: conversation(message.place.id()),
            bot: bot(),
            user: user("maria"),
            room: None,
            contact_name: None,
            state: ConversationState::Active,
            started_at: None,
            ended_at: None,
            assignment: None,
            initial_message: None,
        },
        message: message.id.clone(),
        kind: message.kind.clone(),
        body: message.body.clone(),
        media: None,
        content: serde_json::Value::Null,
        at: message.at,
    })
}

#[tokio::test]
async fn what_waits_comes_back_with_the_next_claim_in_the_order_of_its_own_time() {
    let store = fresh().await;
    let messages = [
        said("c7", "m3", 30),
        said("c7", "m2", 10),
        ended(said("c7", "m0", 1)),
        said("c7", "m1", 10),
    ];
    let claimed = store.with(&messages).await;
    let loaded = claimed.lane.messages;
    let expected = [&messages[1], &messages[3], &messages[0]];
    assert!(loaded.iter().eq(expected), "{loaded:?}");
    assert!(claimed.lane.said_since.is_empty());
}

#[tokio::test]
async fn of_a_flood_each_place_has_its_first_hundred_and_it_is_said_that_there_are_more() {
    let store = fresh().await;
    let flood = (0..150).map(|n| said("c7", &format!("m{n:03}"), n));
    let messages: Vec<_> = flood.chain([said("c8", "other", 900)]).collect();
    let claimed = store.with(&messages).await;
    assert_eq!(claimed.lane.messages.len(), MESSAGES_AT_ONCE + 1);
    let (at_most, last) = &claimed.lane.said_since[&messages[0].place];
    assert_eq!((*at_most, last.as_str()), (at(99), "m099"));
    assert_eq!(claimed.lane.said_since.len(), 1);

    let before = claimed.lane.clone();
    let mut after = before.clone();
    for message in &mut after.messages {
        message.outcome = Some(Outcome::Relayed);
    }
    store.keep(&claimed.claim, &before, &after).await;
    store.give_back(&claimed).await;
    let rest = store.claim_lane(&before.id, at(3_000), LEASE).await;
    assert_eq!(rest.unwrap().unwrap().lane.messages.len(), 50);
}

#[tokio::test]
async fn what_is_told_again_comes_with_how_it_ended() {
    let store = fresh().await;
    let over = ended(said("c7", "m1", 10));
    let claimed = store.with(std::slice::from_ref(&over)).await;
    assert!(claimed.lane.messages.is_empty());
    store.give_back(&claimed).await;
    store.told("maria", told(&over)).await;
    assert_eq!(store.claimed(4_000).await.lane.messages, [over]);
}

#[tokio::test]
async fn what_another_lane_has_is_not_to_be_brought_over_twice() {
    let store = fresh().await;
    let message = said("c7", "m1", 10);
    let claimed = store.with(std::slice::from_ref(&message)).await;
    store.told("bea", told(&message)).await;
    let other = store.claimed(4_000).await;
    assert_ne!(other.lane.id, claimed.lane.id);
    assert!(other.lane.messages.iter().all(|m| !m.waits()));
}

#[tokio::test]
async fn what_waits_goes_over_when_two_lanes_are_joined() {
    let store = fresh().await;
    let message = said("c7", "m1", 10);
    let claimed = store.with(std::slice::from_ref(&message)).await;
    store.told("mariana", changed("8", 1)).await;
    let other = store.claimed(4_000).await;
    store.give_back(&other).await;
    let joined = store
        .join(&claimed.claim, &user("mariana"), at(4_000))
        .await;
    assert_eq!(joined.unwrap(), Joined::Into(other.lane.id.clone()));
    let again = store.claim_lane(&other.lane.id, at(5_000), LEASE).await;
    assert_eq!(again.unwrap().unwrap().lane.messages, [message]);
}

#[tokio::test]
async fn the_words_of_a_file_go_with_the_retention_too() {
    let store = fresh().await;
    let mut over = ended(said("c7", "m1", 10));
    over.body = None;
    over.content = serde_json::Value::Null;
    over.media = Some(bridge_core::message::Media {
        kind: bridge_core::message::MediaKind::Image,
        url: "https://media.example.net/1".into(),
        mime_type: "image/png".to_owned(),
        filename: None,
        caption: Some("Olá".into()),
    });
    let claimed = store.with(std::slice::from_ref(&over)).await;
    store.give_back(&claimed).await;
    assert_eq!(store.prune(at(9_000)).await.unwrap().messages, 1);
    store.told("maria", told(&over)).await;
    let kept = store.claimed(10_000).await.lane.messages.remove(0);
    assert_eq!((kept.media, kept.outcome), (None, over.outcome));
}

#[tokio::test]
async fn which_messages_of_a_place_are_kept_is_known_by_their_ids() {
    let store = fresh().await;
    let (waits, over) = (said("c7", "m1", 10), ended(said("c7", "m2", 20)));
    store.with(&[waits.clone(), over.clone()]).await;
    let other = said("c7", "m3", 30);
    let ids = [&waits, &over, &other].map(|m| m.id.clone());
    let kept = store.kept_messages(&bridge(), &waits.place, &ids).await;
    assert!(kept.unwrap().iter().eq(&ids[..2]));
    let elsewhere = said("c8", "m1", 10).place;
    let kept = store.kept_messages(&bridge(), &elsewhere, &ids).await;
    assert!(kept.unwrap().is_empty());
}
