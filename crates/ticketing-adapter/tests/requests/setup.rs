//! How each system is made to send its webhooks: what is asked, to the byte, or what a person is told.
//! Neighbour: `support`, the remote. The answers are as the vendors' pages show them.

use crate::support::{DEADLINE, Remote, start};
use bridge_core::{call::CallError, text::Text};
use serde_json::{Value, json};
use std::fmt::Write as _;
use ticketing_adapter::{Client, Hook, HookPart, Profile};

const URL: &str = "https://bridge.example.org/webhooks/main/ticketing";

fn hook() -> Hook {
    Hook {
        name: "jelou-bridge main".to_owned(),
        url: URL.parse().unwrap(),
        secret: Some(Text::new("chosen-secret")),
    }
}

/// Each part made, looked at, changed and taken away, and all that was asked.
async fn each_call(remote: &Remote, client: &Client, lists: &[Value], ok: [u16; 3]) -> String {
    let mut said = String::new();
    let mut kept = |what: &str, part: &HookPart| {
        let asked = remote.asked();
        writeln!(said, "# {what} {}\n{asked}\n", part.name).unwrap();
    };
    let [made, changed, gone] = ok;
    for (part, list) in client.hook_parts().iter().zip(lists) {
        let of = part.of.map(|_| "7");
        remote.tell(made, json!({}));
        client
            .create_part(part, &hook(), of, DEADLINE)
            .await
            .unwrap();
        kept("create", part);
        remote.tell(200, list.clone());
        let found = client.look_at_part(part, &hook(), of, DEADLINE).await;
        kept("look", part);
        let [there] = found.unwrap().try_into().unwrap();
        assert!(there.same && !there.off, "{there:?}");
        remote.tell(changed, json!({}));
        client
            .change_part(part, &hook(), (of, &there), DEADLINE)
            .await
            .unwrap();
        kept("change", part);
        remote.tell(gone, json!({}));
        client
            .remove_part(part, &hook(), (of, &there.id), DEADLINE)
            .await
            .unwrap();
        kept("remove", part);
    }
    said
}

#[tokio::test]
async fn an_event_subscription_is_made_and_its_secret_read() {
    let (remote, client) = start("zendesk", &[]).await;
    let listed = json!({ "webhooks": [
        { "id": "01A", "name": "jelou-bridge main", "status": "active", "endpoint": "https://other.example.org/",
          "subscriptions": ["conditional_ticket_events"] },
        { "id": "01B", "name": "by hand", "status": "active", "endpoint": URL, "http_method": "POST",
          "subscriptions": ["zen:event-type:ticket.created", "zen:event-type:ticket.status_changed",
                            "zen:event-type:ticket.comment_added"] },
    ], "meta": { "has_more": false, "after_cursor": "eyJvIjoi" } });
    let mut said = each_call(&remote, &client, &[listed], [201, 204, 204]).await;
    let [part] = client.hook_parts().try_into().unwrap();
    remote.tell(
        200,
        json!({ "signing_secret": { "algorithm": "SHA256", "secret": "dGhpcw==" } }),
    );
    let secret = client.part_secret(&part, &hook(), "01B", DEADLINE).await;
    assert_eq!(secret.unwrap().reveal(), "dGhpcw==");
    said.push_str(&remote.asked());
    insta::assert_snapshot!("zendesk_setup", said);
}

#[tokio::test]
async fn a_webhook_that_a_trigger_calls_stays_of_its_kind() {
    let (remote, client) = start("zendesk", &[]).await;
    let listed = json!({ "webhooks": [{ "id": "01C", "status": "inactive", "endpoint": URL,
                                        "subscriptions": ["conditional_ticket_events"] }] });
    let [part] = client.hook_parts().try_into().unwrap();
    remote.tell(200, listed);
    let found = client.look_at_part(&part, &hook(), None, DEADLINE).await;
    let [there] = found.unwrap().try_into().unwrap();
    assert!(there.same && there.off, "{there:?}");
    remote.asked();
    remote.tell(204, Value::Null);
    client
        .change_part(&part, &hook(), (None, &there), DEADLINE)
        .await
        .unwrap();
    assert!(remote.asked().contains("conditional_ticket_events"));
}

#[tokio::test]
async fn a_webhook_and_the_triggers_that_call_it_are_made() {
    let (remote, client) = start("zammad", &[("group", "Support")]).await;
    let trigger = |id: u32, webhook: u32, action: &str| {
        json!({ "id": id, "name": "any", "active": true,
                "condition": { "ticket.action": { "operator": "is", "value": action } },
                "perform": { "notification.webhook": { "webhook_id": webhook } } })
    };
    let lists = [
        json!([{ "id": 6, "endpoint": "https://other.example.org/", "active": true },
               { "id": 7, "endpoint": URL, "active": true, "signature_token": "**********",
                 "customized_payload": false }]),
        json!([
            trigger(2, 6, "create"),
            trigger(3, 7, "create"),
            trigger(4, 7, "update")
        ]),
        json!([
            trigger(2, 6, "update"),
            trigger(3, 7, "create"),
            trigger(4, 7, "update")
        ]),
    ];
    let said = each_call(&remote, &client, &lists, [201, 200, 200]).await;
    insta::assert_snapshot!("zammad_setup", said);
}

#[tokio::test]
async fn an_administrators_webhook_with_a_secret_is_made() {
    let options = [("project", "SUP"), ("bridge_user_id", "5b10")];
    let (remote, client) = start("jira-sm", &options).await;
    let listed = json!([
        { "name": "other", "url": "https://other.example.org/", "enabled": true,
          "self": "https://acme.atlassian.net/rest/webhooks/1.0/webhook/4" },
        { "name": "by hand", "url": URL, "enabled": true, "excludeBody": false,
          "events": ["jira:issue_created", "jira:issue_updated", "comment_created"],
          "filters": { "issue-related-events-section": "project = SUP AND labels = whatsapp" },
          "self": "https://acme.atlassian.net/rest/webhooks/1.0/webhook/5" },
    ]);
    let said = each_call(&remote, &client, &[listed], [201, 200, 204]).await;
    insta::assert_snapshot!("jira_setup", said);
}

#[test]
fn every_profile_with_webhooks_says_how_they_are_set_up_or_is_a_beginning() {
    let without: Vec<&str> = Profile::builtin_names()
        .into_iter()
        .filter(|name| !Profile::builtin(name).unwrap().is_set_up())
        .collect();
    assert!(!without.contains(&"zendesk"), "{without:?}");
    for name in without {
        let review = Profile::builtin(name).unwrap().review();
        let is_ours = ["generic", "sandbox"].contains(&name);
        assert!(is_ours || review.webhooks.is_none(), "{name}");
    }
}

#[tokio::test]
async fn where_no_call_does_it_a_person_is_told_each_step_without_the_secret() {
    let mut told = String::new();
    for name in Profile::builtin_names() {
        let (_remote, client) = start(name, &[]).await;
        let steps = client.hook_steps(&hook()).unwrap();
        let calls = client.hook_parts();
        assert!(steps.is_empty() || calls.is_empty(), "{name}: one way");
        if !steps.is_empty() {
            writeln!(told, "# {name}\n{}\n", steps.join("\n")).unwrap();
        }
    }
    assert!(!told.contains("chosen-secret"), "{told}");
    insta::assert_snapshot!("setup_steps", told);
}

#[tokio::test]
async fn a_list_is_read_to_its_end_and_one_that_never_ends_is_left() {
    let (remote, client) = start("zendesk", &[]).await;
    let [part] = client.hook_parts().try_into().unwrap();
    let page = |url: &str, token: &str| {
        json!({ "webhooks": [{ "id": token, "status": "active", "endpoint": url, "subscriptions": [] }],
                "meta": { "has_more": true, "after_cursor": token } })
    };
    remote.tell(200, page("https://other.example.org/", "p2"));
    remote.tell(200, page(URL, "p3"));
    remote.tell(200, page("https://other.example.org/", "p3"));
    let found = client.look_at_part(&part, &hook(), None, DEADLINE).await;
    assert_eq!(found.unwrap().len(), 1);
    let asked = remote.asked();
    assert_eq!(
        asked.matches("GET ").count(),
        3,
        "the same token again ends it"
    );
    assert!(asked.contains("page%5Bafter%5D=p2"), "{asked}");
    assert!(!format!("{:?}", hook()).contains("chosen-secret"));
}

#[tokio::test]
async fn a_create_without_an_answer_is_unknown_and_a_remove_of_what_is_gone_is_fine() {
    let (remote, client) = start("zendesk", &[]).await;
    let [part] = client.hook_parts().try_into().unwrap();
    remote.tell(500, Value::Null);
    let lost = client.create_part(&part, &hook(), None, DEADLINE).await;
    assert!(matches!(lost, Err(CallError::Unknown { .. })), "{lost:?}");
    remote.tell(404, Value::Null);
    let hook = hook();
    let gone = client.remove_part(&part, &hook, (None, "01B"), DEADLINE);
    assert_eq!(gone.await, Ok(()));
}

#[tokio::test]
async fn a_stage_of_the_sites_own_is_known_by_its_label_and_what_is_given_goes_before() {
    let (remote, client) = start("hubspot", &[]).await;
    let stage = |id: &str, label: &str| json!({ "id": id, "label": label });
    remote.tell(
        200,
        json!({ "results": [stage("1", "Novo"), stage("98765", "In review")] }),
    );
    let words = client.statuses(DEADLINE).await.unwrap();
    let words: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
    assert!(
        words.contains(&"new") && words.contains(&"in review"),
        "{words:?}"
    );
    assert!(!words.contains(&"closed"), "{words:?}");
    assert!(
        remote
            .asked()
            .contains("GET /crm/v3/pipelines/tickets/0/stages")
    );

    let ticket = crate::support::ticket();
    let shown = json!({ "id": "42", "properties": { "hs_pipeline_stage": "98765" }, "updatedAt": "2026-11-21T10:00:05Z" });
    remote.tell(200, shown.clone());
    let review = bridge_core::ticket::Status::new("In review");
    client.set_status(&ticket, &review, DEADLINE).await.unwrap();
    assert!(remote.asked().contains("\"hs_pipeline_stage\": \"98765\""));
    remote.tell(200, shown);
    assert_eq!(
        client.ticket(&ticket, DEADLINE).await.unwrap().status,
        review
    );
}

#[tokio::test]
async fn each_list_of_statuses_is_asked_for_as_its_vendors_page_says() {
    let answers = [
        (
            "redmine",
            json!({ "issue_statuses": [{ "id": 5, "name": "Em análise" }] }),
        ),
        (
            "zammad",
            json!([{ "id": 8, "name": "em análise", "active": true }]),
        ),
        (
            "jira-sm",
            json!([{ "id": "10001", "name": "Em análise", "statusCategory": { "key": "indeterminate" } }]),
        ),
    ];
    let mut asked = String::new();
    for (name, answer) in answers {
        let (remote, client) = start(name, &[]).await;
        remote.tell(200, answer);
        let words = client.statuses(DEADLINE).await.unwrap();
        assert_eq!(words[0].as_str(), "em análise", "{name}");
        asked.push_str(remote.asked().lines().next().unwrap());
        asked.push('\n');
    }
    assert_eq!(
        asked,
        "GET /issue_statuses.json\nGET /api/v1/ticket_states\nGET /rest/api/2/status\n"
    );
}
