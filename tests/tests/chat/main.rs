//! The sandbox's two pages, as a person uses them: the customer's phone and the agent's desk beside
//! it, in a real browser. Neighbour: `stories`, which play the same through the sandbox's handles.
//!
//! It needs chromium and chromedriver. Without them it says so and ends; under CI that is a failure.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr, // Who has no browser is told so.
    clippy::unwrap_used
)]

mod browser;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bridge_tests::play::{Play, rules, user};
use browser::Browser;
use std::path::Path;

/// What the customer sends: a frame in two colours, as PNG in base64.
const PICTURE: &str = concat!(
    "iVBORw0KGgoAAAANSUhEUgAAAKAAAAB4AQMAAABPbGssAAAABlBMVEU8bpbwqjymtVJ5AAAAKUlEQVR42mNgGAWj",
    "YGDAfzgYFRy8gh9AFP+o4GAWHE20g11wFIwCegIAGIbyHPGDb5AAAAAASUVORK5CYII=",
);

#[tokio::test(flavor = "multi_thread")]
async fn a_person_plays_both_sides_and_watches_both_move() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let play = Play::begin().await;
    play.jelou().add_user(&user(1), "Ana Lima");
    let desk = format!("http://{}/", play.stage.helpdesk.addr);
    let page = format!("http://{}/?desk={desk}", play.stage.jelou.addr);
    browser.goes_to(&page).await;

    browser
        .types("#words", "Olá 👋🏽, meu pedido não chegou")
        .await;
    browser.clicks("#send").await;
    browser.shows("#state", "In conversation").await;
    browser.at_the_desk(true).await;
    browser
        .shows("#thread", "Olá 👋🏽, meu pedido não chegou")
        .await;
    browser.shows("#facts", "Ana Lima").await;

    browser.types("#words", "Bom dia, Ana ☀️ Vou ver.").await;
    browser.clicks("#send").await;
    browser.chooses("#kind", "internal").await;
    browser.types("#words", "Cliente antiga").await;
    browser.clicks("#send").await;
    browser.shows("#thread", "Cliente antiga").await;
    browser.at_the_desk(false).await;
    browser.shows("#talk", "Bom dia, Ana ☀️ Vou ver.").await;

    let picture = play.folder.path().join("foto.png");
    std::fs::write(&picture, STANDARD.decode(PICTURE).unwrap()).unwrap();
    browser.gives("#file", &picture).await;
    browser.has("#talk img").await;
    browser.at_the_desk(true).await;
    browser.shows("#thread", "attached: image-").await;
    browser.keeps(&artifact("chat-page.png")).await;

    browser.chooses("#status", "solved").await;
    browser.at_the_desk(false).await;
    browser.shows("#talk", "conversation ended").await;
    assert!(!browser.text("#talk").await.contains("Cliente antiga"));
    browser.keeps(&artifact("chat-page-ended.png")).await;
    browser.closes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_the_halt_holds_says_why_at_the_desk() {
    let Some(browser) = Browser::open().await else {
        return;
    };
    let play = Play::with(|options| {
        options.rules = rules(&options.rules, "min_count = 1000", "min_count = 1");
    })
    .await;
    let (linked, _) = play.pair(1).await;
    let held = play.ticket(2);
    browser.goes_to(&play.stage.helpdesk.url()).await;
    browser.shows("#subject", &format!("#{held}")).await;
    let why = "held, waits for the safety halt; `halt release` lets it go";
    browser.shows("#waits", why).await;

    let other = format!("#list button[data-ticket='{linked}']");
    browser.clicks(&other).await;
    browser.shows("#subject", &format!("#{linked}")).await;
    browser.shows("#facts", "conversation").await;
    browser.keeps(&artifact("desk-page-held.png")).await;
    browser.closes().await;
}

/// Where what a test leaves for a person to look at is kept: `target/tmp`.
fn artifact(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}
