//! Bad input, as the daemon meets it at its real doors: each theme a file. Neighbours: `stories`,
//! where everybody behaves; the daemon's own tests of its listener, which know more headers.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod full_disk;
mod ids;
mod odd_answers;
mod texts;
mod webhooks;

use bridge_tests::play::Play;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// `sha256=` and the HMAC in hex, as both sandboxes sign.
fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Posts a body as Jelou would, signed with its secret.
async fn jelou_says(play: &Play, body: &[u8]) -> reqwest::Response {
    let secret = play.jelou().webhooks().target().secret;
    client()
        .post(format!("{}/jelou", play.door()))
        .header("X-Jelou-Signature", sign(&secret, body))
        .body(body.to_vec())
        .send()
        .await
        .unwrap()
}

/// Posts a body as the helpdesk would, signed with its secret.
async fn helpdesk_says(play: &Play, body: &[u8]) -> reqwest::Response {
    let secret = play.helpdesk().webhooks().target().secret;
    client()
        .post(format!("{}/ticketing", play.door()))
        .header("X-Helpdesk-Signature", sign(&secret, body))
        .body(body.to_vec())
        .send()
        .await
        .unwrap()
}
