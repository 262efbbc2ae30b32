//! The ticketing system's webhooks set up from outside: one that makes its secret, one that is given it,
//! one that a person sets up. Neighbours: `desk`, the systems; bench.

use crate::{
    bench::{Bench, code, json, said},
    desk::{Desk, Ways},
};
use bridge_sandbox::helpdesk::NewTicket;
use serde_json::{Value, json};
use std::{os::unix::fs::PermissionsExt, time::Duration};

const SECRET_FILE: &str = "{ file = \"ticketing-secret\" }";

/// A bridge to a desk, with Jelou's side set up.
async fn bench(desk: &Desk, profile: &str, secret: &str) -> Bench {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    let more = match profile {
        "zammad" => "credentials = { token = \"t\" }\noptions = { group = \"Support\" }",
        "freshdesk" => {
            "credentials = { token = \"t\" }\noptions = { conversation_field = \"cf_x\" }"
        }
        _ => "credentials = { user = \"bridge@acme.com/token\", password = \"p\" }",
    };
    bench.ticketing(&format!(
        "profile = \"{profile}\"\nbase_url = \"{}\"\n{more}\nwebhook_secrets = [{secret}]\n",
        desk.url
    ));
    bench
}

fn ticketing_url(bench: &Bench) -> String {
    bench.webhook_url().replace("/jelou", "/ticketing")
}

fn kept(bench: &Bench) -> Vec<String> {
    let text = std::fs::read_to_string(bench.folder.path().join("ticketing-secret")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// What `doctor` says of one thing.
async fn look(bench: &Bench, what: &str) -> Value {
    let all = json(&bench.run(&["doctor", "--json"]).await);
    let looks = all["looks"].as_array().unwrap();
    let look = looks.iter().find(|look| look["what"] == what);
    look.unwrap_or_else(|| panic!("{what} is looked at: {all}"))
        .clone()
}

#[tokio::test]
async fn a_secret_that_the_system_makes_is_kept_and_what_it_signs_is_stored() {
    let desk = Desk::start(Ways::Zendesk).await;
    desk.has_a_webhook_to("https://other.example.org/a");
    desk.has_a_webhook_to("https://other.example.org/b");
    let bench = bench(&desk, "zendesk", SECRET_FILE).await;
    assert_eq!(
        look(&bench, "ticketing webhook set-up").await["state"],
        "wrong"
    );

    let done = bench.run(&["setup"]).await;
    assert_eq!(code(&done), 0, "{}", said(&done));
    let [id] = desk.webhooks_to(&ticketing_url(&bench))[..] else {
        panic!("one webhook of ours: {}", said(&done))
    };
    let secret = desk.secret_of(id);
    assert_eq!(kept(&bench), [secret.as_str()]);
    let file = std::fs::metadata(bench.folder.path().join("ticketing-secret")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    assert!(!said(&done).contains(&secret), "it is never shown");

    for what in ["ticketing webhook set-up", "ticketing secret"] {
        assert_eq!(look(&bench, what).await["state"], "fine", "{what}");
    }
    desk.writes();
    let again = bench.run(&["setup"]).await;
    assert_eq!(said(&again), "main: nothing to do\n");
    assert_eq!(desk.writes(), [""; 0], "a second run changes nothing");

    desk.change(1, "status", json!("inactive"));
    desk.change(2, "status", json!("inactive"));
    let daemon = bench.daemon().await;
    assert_eq!(desk.changes_a_ticket().await, [200]);
    let heard = look(&bench, "webhooks of ticketing").await;
    assert_eq!(heard["state"], "fine", "{heard}");
    daemon.stop().await;
}

#[tokio::test]
async fn a_secret_that_is_given_is_sent_and_the_triggers_call_the_webhook() {
    let desk = Desk::start(Ways::Zammad).await;
    let bench = bench(&desk, "zammad", "\"chosen-by-us\"").await;
    let done = bench.run(&["setup", "--json"]).await;
    assert_eq!(code(&done), 0, "{}", said(&done));
    let told = json(&done)["bridges"][0]["ticketing"].clone();
    assert_eq!(told["changed"].as_array().unwrap().len(), 3, "{told}");
    assert_eq!(told["webhook_url"], ticketing_url(&bench));
    assert_eq!(desk.counts(), (1, 2));
    assert!(!said(&done).contains("chosen-by-us"));

    desk.writes();
    assert_eq!(said(&bench.run(&["setup"]).await), "main: nothing to do\n");
    assert_eq!(desk.writes(), [""; 0]);
    let daemon = bench.daemon().await;
    assert_eq!(desk.changes_a_ticket().await, [200]);
    daemon.stop().await;

    // A changed secret does not show there: it is told again when asked.
    bench.change("chosen-by-us", "chosen-anew");
    assert_eq!(said(&bench.run(&["setup"]).await), "main: nothing to do\n");
    let forced = bench.run(&["setup", "--force"]).await;
    assert_eq!(code(&forced), 0, "{}", said(&forced));
    let [id] = desk.webhooks_to(&ticketing_url(&bench))[..] else {
        panic!("still one")
    };
    assert_eq!(desk.secret_of(id), "chosen-anew");
    assert_eq!(desk.counts(), (1, 2));
}

#[tokio::test]
async fn remove_takes_what_was_made_and_nothing_else() {
    let desk = Desk::start(Ways::Zammad).await;
    let theirs = desk.has_a_webhook_to("https://other.example.org/hook");
    let bench = bench(&desk, "zammad", "\"chosen-by-us\"").await;
    assert_eq!(code(&bench.run(&["setup"]).await), 0);
    assert_eq!(desk.counts(), (2, 2));
    let removed = bench.run(&["setup", "--remove"]).await;
    assert_eq!(code(&removed), 0, "{}", said(&removed));
    assert_eq!(desk.counts(), (1, 0));
    assert_eq!(desk.webhooks_to("https://other.example.org/hook"), [theirs]);
    let again = bench.run(&["setup", "--remove"]).await;
    assert_eq!(said(&again), "main: nothing to do\n");
}

/// A trigger that mails the customers, for one group and switched off, also calls our webhook.
#[tokio::test]
async fn what_a_person_made_is_neither_switched_on_nor_taken_away() {
    let desk = Desk::start(Ways::Zammad).await;
    let bench = bench(&desk, "zammad", "\"chosen-by-us\"").await;
    let by_hand = desk.has_a_webhook_to(&ticketing_url(&bench));
    let done = bench.run(&["setup"]).await;
    assert_eq!(code(&done), 0, "{}", said(&done));
    assert_eq!(desk.counts(), (1, 2), "theirs is made use of");
    let theirs = desk.has_a_trigger(json!({
        "name": "Welcome mail", "active": false, "activator": "action",
        "condition": { "ticket.action": { "operator": "is", "value": "create" }, "ticket.group_id": { "operator": "is", "value": 3 } },
        "perform": { "notification.webhook": { "webhook_id": by_hand }, "notification.email": { "body": "Hi" } },
    }));
    let again = bench.run(&["setup"]).await;
    assert_eq!(said(&again), "main: nothing to do\n");
    let removed = bench.run(&["setup", "--remove"]).await;
    assert!(said(&removed).contains("is left"), "{}", said(&removed));
    assert_eq!(desk.counts(), (1, 1));
    assert_eq!(desk.trigger(theirs)["active"], json!(false));
}

#[tokio::test]
async fn an_answer_that_was_lost_makes_no_second_webhook() {
    let desk = Desk::start(Ways::Zendesk).await;
    let bench = bench(&desk, "zendesk", SECRET_FILE).await;
    desk.cut_the_next_answer();
    let done = bench.run(&["setup"]).await;
    assert_eq!(
        code(&done),
        0,
        "a look tells that it is there: {}",
        said(&done)
    );
    assert_eq!(code(&bench.run(&["setup"]).await), 0);
    assert_eq!(desk.webhooks_to(&ticketing_url(&bench)).len(), 1);
}

#[tokio::test]
async fn a_webhook_that_the_system_stopped_is_found_and_switched_on() {
    let desk = Desk::start(Ways::Zendesk).await;
    let bench = bench(&desk, "zendesk", SECRET_FILE).await;
    assert_eq!(code(&bench.run(&["setup"]).await), 0);
    let id = desk.webhooks_to(&ticketing_url(&bench))[0];
    desk.change(id, "status", json!("inactive"));
    let off = look(&bench, "ticketing webhook set-up").await;
    assert_eq!(off["state"], "wrong");
    assert!(off["found"].as_str().unwrap().contains("off"), "{off}");
    let done = bench.run(&["setup"]).await;
    assert!(said(&done).contains("switched it on"), "{}", said(&done));
    assert_eq!(
        look(&bench, "ticketing webhook set-up").await["state"],
        "fine"
    );
    assert_eq!(desk.writes().len(), 2, "made once, changed once");
}

#[tokio::test]
async fn a_secret_that_no_file_can_take_is_told_and_not_shown() {
    let desk = Desk::start(Ways::Zendesk).await;
    let bench = bench(&desk, "zendesk", "\"another\"").await;
    let done = bench.run(&["setup"]).await;
    assert_eq!(code(&done), 1);
    let words = said(&done);
    assert!(words.contains("webhook_secrets = [{ file"), "{words}");
    assert!(!words.contains("made by the desk"), "{words}");
    let secret = look(&bench, "ticketing secret").await;
    assert_eq!(secret["state"], "wrong", "{secret}");
}

#[tokio::test]
async fn a_user_who_may_not_do_it_is_told_so_and_jelous_side_is_set_up_all_the_same() {
    let desk = Desk::start(Ways::Zammad).await;
    desk.forbid();
    let bench = bench(&desk, "zammad", "\"chosen-by-us\"").await;
    let done = bench.run(&["setup"]).await;
    assert_eq!(code(&done), 1);
    let words = said(&done);
    assert!(words.contains("ticketing: not done"), "{words}");
    assert!(words.contains("made the integration"), "{words}");
    assert_eq!(
        look(&bench, "ticketing webhook set-up").await["state"],
        "wrong"
    );
}

#[tokio::test]
async fn where_no_call_does_it_the_steps_are_told_with_the_bridges_address() {
    let desk = Desk::start(Ways::Zammad).await;
    let bench = bench(&desk, "freshdesk", "\"chosen-by-us\"").await;
    let done = bench.run(&["setup"]).await;
    assert_eq!(code(&done), 0, "{}", said(&done));
    let words = said(&done);
    assert!(words.contains(&ticketing_url(&bench)), "{words}");
    assert!(words.contains("  2. "), "{words}");
    assert!(!words.contains("chosen-by-us"), "{words}");
    assert_eq!(
        look(&bench, "webhooks of ticketing").await["state"],
        "unknown"
    );
    let removed = bench.run(&["setup", "--remove"]).await;
    assert!(said(&removed).contains("by hand") || said(&removed).contains("a person"));
}

/// The sandbox's profile has no `[setup]`, as one written in house may have none.
#[tokio::test]
async fn where_the_profile_does_not_say_how_the_address_and_the_proof_are_told_all_the_same() {
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    let done = bench.run(&["setup"]).await;
    assert_eq!(code(&done), 0, "{}", said(&done));
    let words = said(&done);
    let step = format!("POST its webhooks to {}, proven by ", ticketing_url(&bench));
    assert!(words.contains(&step), "{words}");
    let set_up = look(&bench, "webhooks of ticketing").await;
    assert_eq!(set_up["state"], "unknown", "{set_up}");

    // One row says all of it: how they are set up is worth a word only until one came.
    let arrived = async || {
        let all = json(&bench.run(&["doctor", "--json"]).await);
        let looks = all["looks"].as_array().unwrap();
        let of_hooks = looks.iter().filter(|look| {
            let what = look["what"].as_str().unwrap();
            what.contains("ticketing") && what.contains("webhook")
        });
        let [look] = of_hooks.collect::<Vec<_>>()[..] else {
            panic!("one row: {all}")
        };
        (
            look["state"].clone(),
            look["found"].as_str().unwrap().to_owned(),
        )
    };
    let daemon = bench.daemon().await;
    let (state, found) = arrived().await;
    assert_eq!(state, "unknown");
    assert!(found.contains("; none was ever proven"), "{found}");
    assert!(found.contains("`jelou-bridge setup` prints"), "{found}");
    bench.hears_the_helpdesk();
    let ticket = bench.helpdesk.handle.agent_creates(NewTicket {
        requester_phone: Some("+5511987654321".to_owned()),
        ..NewTicket::default()
    });
    assert!(!ticket.is_empty());
    let webhooks = bench.helpdesk.handle.webhooks();
    while !webhooks.quiet(Duration::from_millis(50)).await {}
    let (state, found) = arrived().await;
    assert_eq!(state, "fine", "{found}");
    assert!(found.contains("; the last proven one came at 2"), "{found}");
    assert!(!found.contains("setup"), "{found}");
    daemon.stop().await;
    let (_, found) = arrived().await;
    assert!(found.contains("; the last proven one came at 2"), "{found}");
}

#[tokio::test]
async fn a_system_that_has_webhooks_in_its_next_version_is_said_to_be_asked_until_a_secret_is_set()
{
    let bench = Bench::new("{ file = \"jelou-secret\" }").await;
    bench.ticketing(
        "profile = \"redmine\"\nbase_url = \"http://127.0.0.1:9\"\ncredentials = { token = \"t\" }\n\
         options = { project = \"p\", conversation_field = \"1\", phone_field = \"2\" }\n",
    );
    let done = bench.run(&["setup"]).await;
    assert_eq!(code(&done), 0, "{}", said(&done));
    let until = "up to 5.0 it has none: leave webhook_secrets out";
    assert!(said(&done).contains(until), "{}", said(&done));
    let set_up = look(&bench, "webhooks of ticketing").await;
    assert_eq!(set_up["state"], "fine", "{set_up}");
    let asked = "without webhook_secrets none is taken: it is asked every ";
    assert!(
        set_up["found"].as_str().unwrap().starts_with(asked),
        "{set_up}"
    );
}

#[tokio::test]
async fn a_status_that_the_site_does_not_have_is_found_by_its_name() {
    let desk = Desk::start(Ways::Zammad).await;
    let bench = bench(&desk, "zammad", "\"chosen-by-us\"").await;
    let statuses = look(&bench, "statuses").await;
    assert_eq!(statuses["state"], "wrong", "{statuses}");
    assert_eq!(statuses["found"], "the site has no solved");
    bench.change("\"solved\", \"closed\"", "\"closed\"");
    bench.change(
        "closed_by_operator = \"solved\"",
        "closed_by_operator = \"closed\"",
    );
    assert_eq!(look(&bench, "statuses").await["state"], "fine");
}
