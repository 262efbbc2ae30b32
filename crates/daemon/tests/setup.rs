//! `setup` from outside: the real program, and the sandbox's Jelou with its integration.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an answer of another form fails its test"
)]

#[path = "setup/bench.rs"]
mod bench;
#[path = "setup/desk.rs"]
mod desk;
#[path = "setup/doctor.rs"]
mod doctor;
#[path = "setup/hooks.rs"]
mod hooks;
#[path = "setup/live.rs"]
mod live;
#[path = "setup/load.rs"]
mod load;

use bench::{Bench, FOREIGN, code, json, said};
use bridge_sandbox::{Jelou, JelouOptions};
use std::os::unix::fs::{PermissionsExt, symlink};

/// Nothing was done, and what a person does at the helpdesk is told again.
fn nothing_but_steps(output: &std::process::Output) -> bool {
    let words = said(output);
    let mut lines = words.lines();
    lines.next() == Some(STEPS) && lines.all(|line| line.starts_with("  "))
}

const STEPS: &str = "main: ticketing: no call sets this system's webhooks up, so a person does:";

#[tokio::test]
async fn from_nothing_to_webhooks_that_are_stored() {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    assert!(
        !bench.check().await,
        "a secret that is not there is told of"
    );
    let done = bench.run(&["setup"]).await;
    assert_eq!(code(&done), 0, "{}", said(&done));
    let target = bench.jelou.handle.webhooks().target();
    assert_eq!(target.url.as_deref(), Some(bench.webhook_url().as_str()));
    assert_eq!(bench.secrets(), [target.secret.as_str()]);
    let mode = std::fs::metadata(bench.secret_file())
        .unwrap()
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert!(!said(&done).contains(&target.secret), "it is never shown");

    let _daemon = bench.daemon().await;
    bench.a_customer_is_heard().await;
}

#[tokio::test]
async fn a_second_run_has_nothing_to_do_and_asks_for_no_change() {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    assert_eq!(code(&bench.run(&["setup"]).await), 0);
    let secrets = bench.secrets();
    let calls = bench.jelou.handle.call_count();
    let again = bench.run(&["setup"]).await;
    assert_eq!(code(&again), 0);
    assert!(nothing_but_steps(&again), "{}", said(&again));
    let told = json(&bench.run(&["setup", "--json"]).await);
    assert_eq!(told["ok"], true);
    assert_eq!(told["bridges"][0]["changed"], serde_json::json!([]));
    assert_eq!(bench.secrets(), secrets);
    assert_eq!(bench.jelou.handle.call_count(), calls + 2, "one read each");
}

#[tokio::test]
async fn a_secret_that_no_file_can_take_is_not_asked_for() {
    for place in ["\"plain\"", "{ env = \"BENCH_SECRET\" }"] {
        let bench = Bench::new(place).await;
        let refused = bench.run(&["setup"]).await;
        assert_eq!(code(&refused), 1);
        assert!(
            said(&refused).contains("signing_secrets = [{ file"),
            "{}",
            said(&refused)
        );
        assert_eq!(bench.jelou.handle.call_count(), 1, "the read alone");
        assert!(bench.jelou.handle.webhooks().target().url.is_none());

        bench.jelou_sends_to(&bench.webhook_url());
        let refused = bench.run(&["setup", "--rotate-secret"]).await;
        assert_eq!(code(&refused), 1);
        assert_eq!(bench.jelou.handle.call_count(), 1, "nothing is asked");
        let fine = bench.run(&["setup"]).await;
        assert_eq!(
            code(&fine),
            0,
            "what is right needs no file: {}",
            said(&fine)
        );
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_found_before_jelou_is_asked() {
    let bench = Bench::new("{ file = \"no-such-folder/jelou-secret\" }").await;
    let refused = bench.run(&["setup"]).await;
    assert_eq!(code(&refused), 1, "{}", said(&refused));
    assert!(said(&refused).contains("Jelou was not asked"));
    assert_eq!(bench.jelou.handle.call_count(), 1, "the read alone");
}

#[tokio::test]
async fn somebody_elses_integration_is_left_alone_until_told_otherwise() {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    bench.jelou_sends_to(&format!("{FOREIGN}?token=s3cret"));
    let before = bench.jelou.handle.webhooks().target();
    for asked in [&["setup"][..], &["setup", "--remove"]] {
        let refused = bench.run(asked).await;
        assert_eq!(code(&refused), 1);
        let words = said(&refused);
        assert!(
            words.contains(FOREIGN) && words.contains("--force"),
            "{words}"
        );
        assert!(
            !words.contains("s3cret"),
            "a token in the address is not shown"
        );
    }
    let target = bench.jelou.handle.webhooks().target();
    assert_eq!((target.url, target.secret), (before.url, before.secret));

    let taken = bench.run(&["setup", "--force"]).await;
    assert_eq!(code(&taken), 0, "{}", said(&taken));
    let target = bench.jelou.handle.webhooks().target();
    assert_eq!(target.url, Some(bench.webhook_url()));
    assert_eq!(
        bench.secrets(),
        [target.secret],
        "the new one alone is known"
    );
}

#[tokio::test]
async fn what_is_shown_beside_the_signature_follows_the_configuration() {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    assert_eq!(code(&bench.run(&["setup"]).await), 0);
    bench.change("[bridges.main.ticketing]", "[bridges.main.jelou.webhook_auth]\ntype = \"bearer\"\nsecret = \"t0ken\"\n\n[bridges.main.ticketing]");
    let told = bench.run(&["setup"]).await;
    assert_eq!(code(&told), 0);
    assert!(said(&told).contains("`bearer`") && !said(&told).contains("t0ken"));
    assert!(nothing_but_steps(&bench.run(&["setup"]).await));
    let _daemon = bench.daemon().await;
    bench.a_customer_is_heard().await;
}

#[tokio::test]
async fn removed_is_gone_and_removing_it_again_is_no_mistake() {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    assert_eq!(code(&bench.run(&["setup"]).await), 0);
    let removed = bench.run(&["setup", "--remove"]).await;
    assert_eq!(code(&removed), 0, "{}", said(&removed));
    assert!(bench.jelou.handle.webhooks().target().url.is_none());
    let again = bench.run(&["setup", "--remove"]).await;
    assert_eq!(code(&again), 0);
    assert_eq!(said(&again), "main: nothing to do\n");
}

#[tokio::test]
async fn where_no_public_url_tells_whose_an_integration_is_it_is_not_removed() {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    bench.change("public_url = ", "# public_url = ");
    let nothing = bench.run(&["setup", "--remove"]).await;
    assert_eq!(said(&nothing), "main: nothing to do\n", "there is none");

    for there in [FOREIGN, &bench.webhook_url()] {
        bench.jelou_sends_to(there);
        let refused = bench.run(&["setup", "--remove"]).await;
        let words = said(&refused);
        assert_eq!(code(&refused), 1, "{words}");
        for told in [there, "public_url", "--remove --force"] {
            assert!(words.contains(told), "{told}: {words}");
        }
        let target = bench.jelou.handle.webhooks().target();
        assert_eq!(target.url.as_deref(), Some(there));
    }

    let removed = bench.run(&["setup", "--remove", "--force"]).await;
    assert_eq!(code(&removed), 0, "{}", said(&removed));
    assert!(bench.jelou.handle.webhooks().target().url.is_none());
}

#[tokio::test]
async fn an_integration_whose_secret_nobody_kept_gets_another_one() {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    bench.jelou_sends_to(&bench.webhook_url());
    let done = bench.run(&["setup"]).await;
    assert_eq!(code(&done), 0, "{}", said(&done));
    let secret = bench.jelou.handle.webhooks().target().secret;
    assert_eq!(bench.secrets(), [secret]);
}

#[tokio::test]
async fn a_rotation_keeps_the_file_where_it_is_and_the_older_secrets_in_it() {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    let real = bench.folder.path().join("kept-elsewhere");
    std::fs::write(&real, "oldest\nolder\nold\n\nnewest-but-one\n").unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&real, bench.secret_file()).unwrap();
    bench.jelou_sends_to(&bench.webhook_url());
    let done = bench.run(&["setup", "--rotate-secret"]).await;
    assert_eq!(code(&done), 0, "{}", said(&done));
    let secret = bench.jelou.handle.webhooks().target().secret;
    assert_eq!(bench.secrets(), [secret.as_str(), "oldest", "older", "old"]);
    assert!(bench.secret_file().is_symlink());
    let mode = std::fs::metadata(&real).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "whoever could read it still can");
}

#[tokio::test]
async fn where_jelou_says_no_the_file_is_as_it_was() {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    assert_eq!(code(&bench.run(&["setup"]).await), 0);
    let before = bench.secrets();
    bench.change("sandbox-api-key", "wrong");
    let refused = bench.run(&["setup", "--rotate-secret", "--json"]).await;
    assert_eq!(code(&refused), 1);
    let told = json(&refused);
    assert_eq!(told["ok"], false);
    assert!(
        told["bridges"][0]["remedy"]
            .as_str()
            .unwrap()
            .contains("api_key")
    );
    assert_eq!(bench.secrets(), before);
    assert!(!bench.was_broken_off());
}

#[tokio::test]
async fn a_jelou_that_is_not_there_is_exit_3() {
    let mut bench = Bench::new("{ file = \"jelou-secret\" }").await;
    let gone = std::mem::replace(
        &mut bench.jelou,
        Jelou::start(JelouOptions::default()).await.unwrap(),
    );
    gone.handle.door(bridge_sandbox::Door::Closed).await;
    let refused = bench.run(&["setup"]).await;
    assert_eq!(code(&refused), 3, "{}", said(&refused));
    assert!(!bench.secret_file().exists());
}

#[tokio::test]
async fn wrong_use_of_setup_is_exit_2() {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    for wrong in [
        &["setup", "--bridge", "other"][..],
        &["setup", "--rotate-secret", "--remove"],
    ] {
        assert_eq!(code(&bench.run(wrong).await), 2, "{wrong:?}");
    }
    assert_eq!(bench.jelou.handle.call_count(), 0);
}

#[tokio::test]
async fn a_bridge_that_there_is_not_is_named_beside_those_that_there_are() {
    let bench = Bench::new("\"sandbox-signing-secret\"").await;
    std::fs::write(bench.folder.path().join("event.json"), "{}").unwrap();
    let event = bench.folder.path().join("event.json");
    let event = event.to_str().unwrap();
    // Before the first run there is no database, and the name is looked at first all the same.
    a_wrong_name_is_told(&bench, event).await;
    let early = bench.run(&["links", "--bridge", "main"]).await;
    assert_eq!(code(&early), 3, "{}", said(&early));
    assert!(
        said(&early).contains("`jelou-bridge run`"),
        "{}",
        said(&early)
    );
    bench.daemon().await.stop().await;
    a_wrong_name_is_told(&bench, event).await;
}

async fn a_wrong_name_is_told(bench: &Bench, event: &str) {
    let explain = ["explain", "--side", "jelou", event];
    for (command, name) in [
        (&["doctor"][..], "nosuch"),
        (&["setup"], "nosuch"),
        (&explain, "nosuch"),
        (&["profile", "check", "sandbox", "--live"], "nosuch"),
        (&["links"], "nosuch"),
        (&["links"], "no such"),
        (&["timeline", "--ticket", "7"], "nosuch"),
        (&["parked"], "nosuch"),
        (&["sweep", "--now"], "nosuch"),
        (&["halt", "list"], "nosuch"),
    ] {
        let mut all = vec!["--json"];
        all.extend(command);
        all.extend(["--bridge", name]);
        let output = bench.run(&all).await;
        assert_eq!(code(&output), 2, "{command:?}: {}", said(&output));
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            told["error"],
            format!("there is no bridge {name}"),
            "{command:?}"
        );
        assert_eq!(
            told["remedy"], "the configured ones are: main",
            "{command:?}"
        );
    }
}
