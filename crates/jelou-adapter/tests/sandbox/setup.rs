//! The set-up: an integration from its making to its end, seen from the webhooks that come of it.

use crate::{ANA, DEADLINE, Scene};
use bridge_core::{call::CallError, text::Text};
use bridge_sandbox::{Delivered, JelouOptions, Operation, Target};
use http::{HeaderMap, HeaderName, HeaderValue};
use jelou_adapter::webhook::{Proof, Refused, check_proof, verify};
use url::Url;

/// Where nobody listens: what matters is what would be sent.
fn hook(path: &str) -> Url {
    Url::parse(&format!("http://127.0.0.1:9/webhooks/{path}/jelou")).unwrap()
}

fn headers(one: &Delivered) -> HeaderMap {
    let pairs = one.headers.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    });
    pairs.collect()
}

impl Scene {
    /// Something happens at Jelou, and this is how it would be told.
    fn next_webhook(&self) -> Delivered {
        let id = self.jelou().customer_starts(ANA, "Oi").unwrap();
        self.jelou().expires(&id).unwrap();
        self.jelou().webhooks().all().pop().unwrap()
    }

    fn verified(&self, secret: &Text) -> Result<(), Refused> {
        let told = self.next_webhook();
        verify(&[secret.reveal()], &headers(&told), told.body.as_bytes())
    }
}

#[tokio::test]
async fn a_new_integration_brings_the_secret_that_signs_its_webhooks() {
    let scene = Scene::begin().await;
    let none = scene.client.integration(DEADLINE).await;
    assert!(matches!(none, Err(CallError::Gone { .. })));
    let made = scene
        .client
        .create_integration(&hook("main"), &Proof::None, DEADLINE)
        .await;
    let secret = made.unwrap();
    let read = scene.client.integration(DEADLINE).await.unwrap();
    assert_eq!(read.webhook_url, hook("main").as_str());
    assert_eq!(read.auth_type.as_deref(), Some("no_auth"));
    assert_eq!(scene.verified(&secret), Ok(()));
    let second = scene
        .client
        .create_integration(&hook("main"), &Proof::None, DEADLINE)
        .await;
    assert_eq!(second.unwrap_err().kind(), "refused");
}

#[tokio::test]
async fn a_changed_integration_shows_what_each_kind_of_proof_wants() {
    let scene = Scene::begin().await;
    let client = &scene.client;
    client
        .create_integration(&hook("main"), &Proof::None, DEADLINE)
        .await
        .unwrap();
    for (proof, kind) in [
        (Proof::Bearer(Text::from("t0ken")), "bearer"),
        (Proof::ApiKey(Text::from("k3y")), "api_key"),
        (Proof::Basic(Text::from("user:pass")), "basic"),
        (Proof::None, "no_auth"),
    ] {
        client
            .update_integration(&hook(kind), &proof, DEADLINE)
            .await
            .unwrap();
        let read = client.integration(DEADLINE).await.unwrap();
        assert_eq!(read.auth_type.as_deref(), Some(kind));
        assert_eq!(read.webhook_url, hook(kind).as_str());
        let told = headers(&scene.next_webhook());
        assert_eq!(check_proof(&proof, &told), Ok(()), "{kind}");
        let other = Proof::Bearer(Text::from("another"));
        assert_eq!(
            check_proof(&other, &told),
            Err(Refused::Credential),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_rotated_secret_is_the_only_one_that_counts() {
    let scene = Scene::begin().await;
    let made = scene
        .client
        .create_integration(&hook("main"), &Proof::None, DEADLINE)
        .await;
    let old = made.unwrap();
    let new = scene.client.rotate_secret(DEADLINE).await.unwrap();
    assert_ne!(old, new);
    assert_eq!(scene.verified(&old), Err(Refused::Wrong));
    assert_eq!(scene.verified(&new), Ok(()));
}

#[tokio::test]
async fn a_rotation_whose_answer_is_lost_is_unknown_and_another_one_mends_it() {
    let scene = Scene::begin().await;
    let made = scene
        .client
        .create_integration(&hook("main"), &Proof::None, DEADLINE)
        .await;
    let old = made.unwrap();
    scene
        .jelou()
        .manners()
        .do_and_cut(Operation::RotateSecret, 1);
    let lost = scene.client.rotate_secret(DEADLINE).await;
    assert!(matches!(lost, Err(CallError::Unknown { .. })));
    assert_eq!(
        scene.verified(&old),
        Err(Refused::Wrong),
        "the old one is dead all the same"
    );
    let new = scene.client.rotate_secret(DEADLINE).await.unwrap();
    assert_eq!(scene.verified(&new), Ok(()));
}

#[tokio::test]
async fn a_removed_integration_is_gone_however_often_it_is_removed() {
    let options = JelouOptions {
        webhook_url: Some(hook("main").into()),
        ..JelouOptions::default()
    };
    let scene = Scene::with(options, |_| {}).await;
    scene.client.remove_integration(DEADLINE).await.unwrap();
    let Target { url, .. } = scene.jelou().webhooks().target();
    assert_eq!(url, None);
    let again = scene.client.remove_integration(DEADLINE).await;
    assert!(matches!(again, Err(CallError::Gone { .. })));
}
