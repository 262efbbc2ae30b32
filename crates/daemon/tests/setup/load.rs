//! The secret is exchanged while webhooks come in. Neighbour: bench, which has Jelou and a daemon.

use crate::bench::{Bench, WITHIN, code, json, said};
use bridge_sandbox::{Jelou, Operation, Rule};
use jelou_bridge::app::Running;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

const WEBHOOKS: usize = 2_000;
const CONNECTIONS: usize = 40;
const ROTATIONS: usize = 3;

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A webhook as Jelou would send it at this moment.
async fn tell(client: &reqwest::Client, url: &str, jelou: &Jelou, body: String) -> u16 {
    let secret = jelou.webhooks().target().secret;
    let signature = jelou_adapter::webhook::sign(&secret, body.as_bytes());
    send(client, url, &signature, body).await
}

async fn send(client: &reqwest::Client, url: &str, signature: &str, body: String) -> u16 {
    let request = client.post(url).header("X-Jelou-Signature", signature);
    request.body(body).send().await.unwrap().status().as_u16()
}

/// A figure of the daemon's metrics page, summed over its series with these labels.
async fn figure(daemon: &Running, name: &str, labels: &str) -> u64 {
    let page = client().get(format!("http://{}/metrics", daemon.admin));
    let page = page.send().await.unwrap().text().await.unwrap();
    let lines = page
        .lines()
        .filter(|line| line.starts_with(name) && line.contains(labels));
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.map(|value| value as u64).sum()
}

async fn set_up() -> (Bench, Running) {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    assert_eq!(code(&bench.run(&["setup"]).await), 0);
    let daemon = bench.daemon().await;
    (bench, daemon)
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_no_webhook_is_lost_or_refused_while_the_secret_is_exchanged() {
    let (bench, daemon) = set_up().await;
    // Jelou signs with the new secret for a while before its answer is here: longer than a webhook takes
    // from its signature to its proof on a busy machine, and shorter than one is held.
    bench.jelou.handle.manners().add(Rule {
        operation: Some(Operation::RotateSecret),
        late_ms: 1_500,
        ..Rule::default()
    });
    let url = bench.webhook_url();
    let done = Arc::new(AtomicBool::new(false));
    let load: Vec<_> = (0..CONNECTIONS)
        .map(|connection| {
            let (url, jelou, done) = (url.clone(), bench.jelou.handle.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let client = client();
                let mut sent = 0;
                // Until the last rotation is over, however fast this machine is.
                while sent < WEBHOOKS / CONNECTIONS || !done.load(Ordering::Relaxed) {
                    let body =
                        format!(r#"{{"event":"load","connection":{connection},"n":{sent}}}"#);
                    let status = tell(&client, &url, &jelou, body).await;
                    assert_eq!(status, 200, "webhook {sent} of connection {connection}");
                    sent += 1;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                sent
            })
        })
        .collect();
    let mut held = 0;
    for _ in 0..ROTATIONS {
        let rotated = bench.run(&["setup", "--rotate-secret", "--json"]).await;
        assert_eq!(code(&rotated), 0, "{}", said(&rotated));
        let secret = bench.jelou.handle.webhooks().target().secret;
        assert_eq!(bench.secrets()[0], secret);
        assert!(!said(&rotated).contains(&secret));
        held += held_in(&json(&rotated)["bridges"][0]["changed"][0]);
    }
    done.store(true, Ordering::Relaxed);
    let mut sent = 0;
    for connection in load {
        sent += connection.await.unwrap();
    }
    assert!(sent >= WEBHOOKS);
    assert!(held > 0, "some came while only Jelou knew the secret");
    let name = "jelou_bridge_deliveries_total";
    let labels = "side=\"jelou\",outcome=";
    assert_eq!(
        figure(&daemon, name, &format!("{labels}\"new\"")).await,
        sent as u64
    );
    assert_eq!(
        figure(&daemon, name, labels).await,
        sent as u64,
        "each once, none refused"
    );
    daemon.stop().await;
}

/// `...; 12 webhooks were held meanwhile`.
fn held_in(sentence: &serde_json::Value) -> u64 {
    let sentence = sentence.as_str().unwrap();
    let Some((_, held)) = sentence.split_once("; ") else {
        return 0;
    };
    held.split(' ').next().unwrap().parse().unwrap_or(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forged_is_refused_in_its_time_and_what_is_not_signed_at_once() {
    let (bench, daemon) = set_up().await;
    bench
        .jelou
        .handle
        .manners()
        .slow(Operation::RotateSecret, 9_000);
    let began = Instant::now();
    let exchange = bench.run(&["setup", "--rotate-secret"]);
    let forge = async {
        while bench.jelou.handle.calls().last().unwrap().operation != Operation::RotateSecret
            && !bench.was_broken_off()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let url = bench.webhook_url();
        let unsigned = Instant::now();
        let status = send(&client(), &url, "sha256=no", "{}".to_owned()).await;
        assert_eq!(status, 401);
        assert!(unsigned.elapsed() < Duration::from_secs(1));
        let shared = client();
        let forged: Vec<_> = (0..CONNECTIONS)
            .map(|n| {
                let (url, client) = (url.clone(), shared.clone());
                tokio::spawn(async move {
                    let body = format!("{{\"forged\":{n}}}");
                    let signature = jelou_adapter::webhook::sign("forged", body.as_bytes());
                    let began = Instant::now();
                    let status = send(&client, &url, &signature, body).await;
                    (status, began.elapsed())
                })
            })
            .collect();
        for answer in forged {
            let (status, within) = answer.await.unwrap();
            assert_eq!(status, 401);
            assert!(within < Duration::from_secs(8), "{within:?}");
        }
    };
    let (rotated, ()) = tokio::join!(exchange, forge);
    assert_eq!(code(&rotated), 0, "{}", said(&rotated));
    assert!(began.elapsed() < WITHIN);
    bench.a_customer_is_heard().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_mended_by_asking_once_more() {
    let (bench, daemon) = set_up().await;
    bench
        .jelou
        .handle
        .manners()
        .do_and_cut(Operation::RotateSecret, 1);
    let rotated = bench.run(&["setup", "--rotate-secret"]).await;
    assert_eq!(code(&rotated), 0, "{}", said(&rotated));
    bench.a_customer_is_heard().await;
    assert!(!bench.was_broken_off());
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_lost_for_good_leave_a_mark_that_the_next_setup_mends() {
    let (bench, daemon) = set_up().await;
    let before = bench.secrets();
    bench
        .jelou
        .handle
        .manners()
        .do_and_cut(Operation::RotateSecret, 2);
    let lost = bench.run(&["setup", "--rotate-secret"]).await;
    assert_eq!(code(&lost), 3, "{}", said(&lost));
    assert!(said(&lost).contains("setup --rotate-secret"));
    assert_eq!(bench.secrets(), before, "the old one is accepted as before");
    assert!(bench.was_broken_off());
    let doctor = bench.run(&["doctor"]).await;
    assert_eq!(code(&doctor), 1);
    assert!(said(&doctor).contains("broken off"), "{}", said(&doctor));

    let mended = bench.run(&["setup"]).await;
    assert_eq!(code(&mended), 0, "{}", said(&mended));
    assert!(!bench.was_broken_off());
    bench.a_customer_is_heard().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_cannot_be_asked_keeps_its_secret() {
    let (bench, daemon) = set_up().await;
    let admin = daemon.admin.to_string();
    bench.change(&admin, &crate::bench::free());
    let refused = bench.run(&["setup", "--rotate-secret"]).await;
    assert_eq!(code(&refused), 3, "{}", said(&refused));
    assert!(said(&refused).contains("--admin"), "{}", said(&refused));
    bench.a_customer_is_heard().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_is_accepted_even_if_the_configuration_cannot_be_read_anew() {
    let (bench, daemon) = set_up().await;
    let copy = bench.folder.path().join("copy.toml");
    std::fs::copy(bench.config(), &copy).unwrap();
    bench.change(
        "[bridges.main.jelou]",
        "[bridges.main.jelou]\nno_such_key = 1",
    );
    let copy = copy.to_str().unwrap();
    let rotated = bench
        .run(&["setup", "--rotate-secret", "--config", copy])
        .await;
    assert_eq!(code(&rotated), 1, "{}", said(&rotated));
    assert!(
        said(&rotated).contains("jelou-bridge check"),
        "{}",
        said(&rotated)
    );
    let secret = bench.jelou.handle.webhooks().target().secret;
    assert_eq!(bench.secrets()[0], secret, "it is in the file");
    bench.a_customer_is_heard().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_daemon_takes_up_the_secret_of_an_integration_made_anew() {
    let (bench, daemon) = set_up().await;
    assert_eq!(code(&bench.run(&["setup", "--remove"]).await), 0);
    assert_eq!(code(&bench.run(&["setup"]).await), 0);
    // A change of a file is in force within two seconds.
    let url = bench.webhook_url();
    let give_up = Instant::now() + Duration::from_secs(10);
    let mut n = 0;
    while tell(
        &client(),
        &url,
        &bench.jelou.handle,
        format!("{{\"n\":{n}}}"),
    )
    .await
        != 200
    {
        assert!(Instant::now() < give_up, "the new secret is never accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
        n += 1;
    }
    bench.a_customer_is_heard().await;
    daemon.stop().await;
}
