//! What GLPI is asked, and what its answers mean. Neighbour: `talk`, which asks.

use crate::{
    support::{DEADLINE, conversation, ticket},
    talk::{Talk, is_done},
};
use bridge_core::{call::CallError, effect::Answer};
use serde_json::{Value, json};

async fn talk() -> Talk {
    Talk::with("glpi", &[("bridge_user_id", "99"), ("entity", "3")]).await
}

fn token(n: u8) -> (u16, Value) {
    (
        200,
        json!({ "token_type": "Bearer", "expires_in": 3600, "access_token": format!("tok-{n}") }),
    )
}

fn shown(status: u8) -> Value {
    json!({
        "id": 42, "name": "Pedido", "content": "<p>Olá</p>", "status": { "id": status, "name": ".." }, "priority": 4,
        "type": 2, "external_id": "room-77", "entity": { "id": 3, "name": "Support" }, "urgency": 5,
        "date_creation": "2026-11-21T09:00:00+00:00", "date_mod": "2026-11-21T10:00:05+00:00",
        "team": [{ "role": "requester", "name": "wa-593987654321", "display_name": "Ana Pérez",
                   "href": "/front/user.form.php?id=35" }]
    })
}

fn user() -> Value {
    json!({ "id": 35, "username": "wa-593987654321", "mobile": "+593987654321", "emails": [] })
}

#[tokio::test]
async fn each_operation_asks_what_glpis_source_takes() {
    let mut talk = talk().await;
    let made = talk
        .upsert(&[
            token(1),
            (200, json!([])),
            (201, json!({ "id": 35, "href": ".." })),
        ])
        .await;
    let id = "35".to_owned();
    assert_eq!(made, Answer::Requester { id });
    assert_eq!(talk.upsert(&[(200, json!([user()]))]).await, made);
    let made = (201, json!({ "id": 42, "href": "/Assistance/Ticket/42" }));
    assert!(
        talk.create(&[made.clone(), (201, Value::Null)])
            .await
            .is_ok()
    );
    assert!(is_done(&talk.says(std::slice::from_ref(&made)).await));
    assert!(is_done(&talk.notes(&[made]).await));
    let set = [(200, shown(5)), (200, shown(5)), (200, user())];
    assert!(is_done(&talk.status("solved", &set).await));
    assert!(is_done(&talk.link(&[(200, shown(2))]).await));
    assert!(is_done(&talk.fields("urgency", &[(200, shown(2))]).await));
    assert_eq!(talk.found(&[(206, json!([shown(2)]))]).await.len(), 1);
    let changed = talk
        .changed(&[(200, json!([shown(2)])), (200, user())])
        .await;
    assert_eq!(
        changed[0].requester.phone.as_ref().unwrap().reveal(),
        "+593987654321"
    );
    assert_eq!(changed[0].link_field, Some(conversation()));
    insta::assert_snapshot!("glpi_requests", talk.said.join("\n"));
}

/// `ITILController::addTeamMember` refuses one who is on the team.
#[tokio::test]
async fn who_is_on_a_ticket_that_was_found_is_not_put_on_it_again() {
    let mut talk = talk().await;
    let member = |id: u8| json!({ "role": "requester", "href": format!("/glpi11/front/user.form.php?id={id}") });
    let there = [token(1), (200, json!([member(3), member(35)]))];
    assert!(talk.finishes(&there).await.is_ok());
    let lacking = [(200, json!([member(3)])), (201, Value::Null)];
    assert!(talk.finishes(&lacking).await.is_ok());
    insta::assert_snapshot!("glpi_finishes", talk.said.join("\n"));
}

fn member(role: &str, kind: &str, id: u8) -> Value {
    json!({ "role": role, "name": kind, "href": format!("/glpi11/front/{kind}.form.php?id={id}") })
}

/// `ITILController::getCleanTeam` lists users, groups and suppliers of each role, and each kind is numbered apart.
#[tokio::test]
async fn only_a_user_who_asks_is_the_customer() {
    let mut talk = talk().await;
    let others = [
        member("requester", "group", 35),
        member("assigned", "supplier", 35),
        member("observer", "user", 35),
        member("assigned", "user", 7),
    ];
    let put_on = [token(1), (200, json!(others)), (201, Value::Null)];
    assert!(talk.finishes(&put_on).await.is_ok());
    let put = "POST /api.php/v2/Assistance/Ticket/42/TeamMember";
    assert!(talk.said.concat().contains(put), "{:?}", talk.said);
    let mut shown = shown(2);
    shown["team"] = json!([
        member("requester", "group", 7),
        member("observer", "user", 8),
        member("requester", "user", 35)
    ]);
    let read = talk.get(&[(200, shown), (200, user())]).await;
    assert_eq!(read.requester.id.as_deref(), Some("35"));
    assert_eq!(read.requester.phone.unwrap().reveal(), "+593987654321");
}

/// A system may answer a create that is sent again with the ticket of the first time, whose customer is on it.
#[tokio::test]
async fn a_create_that_is_sent_again_looks_for_what_the_first_may_have_done() {
    let mut talk = talk().await;
    let made = (201, json!({ "id": 42, "href": "/Assistance/Ticket/42" }));
    let first = [token(1), made.clone(), (201, Value::Null)];
    assert!(talk.create(&first).await.is_ok());
    let there = (200, json!([member("requester", "user", 35)]));
    let again = talk.create_again(&[made, there]).await;
    assert!(
        matches!(again, Ok(Answer::Created { left: None, .. })),
        "{again:?}"
    );
    let last = talk.said.last().unwrap();
    assert!(
        last.contains("GET /api.php/v2/Assistance/Ticket/42/TeamMember"),
        "{last}"
    );
}

#[tokio::test]
async fn a_ticket_that_was_made_is_told_of_also_if_its_customer_cannot_be_put_on_it() {
    let mut talk = talk().await;
    let made = (201, json!({ "id": 42, "href": "/Assistance/Ticket/42" }));
    let no = (400, json!({ "status": "ERROR_INVALID_PARAMETER" }));
    let answer = talk.create(&[token(1), made.clone(), no.clone()]).await;
    let Ok(Answer::Created {
        ticket: id, left, ..
    }) = answer
    else {
        panic!("{answer:?}");
    };
    assert_eq!(id, ticket());
    assert!(matches!(left, Some(CallError::Refused { status: 400, .. })));
    let answer = talk.create(&[made, (503, Value::Null)]).await;
    assert!(
        matches!(
            answer,
            Ok(Answer::Created {
                left: Some(CallError::Later { .. }),
                ..
            })
        ),
        "{answer:?}"
    );
    let refused = talk.finishes(&[(200, json!([])), no]).await;
    assert!(
        matches!(refused, Err(CallError::Refused { status: 400, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_token_that_is_over_is_had_anew_and_the_call_is_done_once() {
    let mut talk = talk().await;
    let over = (401, json!({ "status": "ERROR_UNAUTHENTICATED" }));
    let status = (200, shown(2));
    talk.get(&[token(1), status.clone(), (200, user())]).await;
    talk.get(&[over, token(2), status.clone(), (200, user())])
        .await;
    insta::assert_snapshot!("glpi_tokens", talk.said.join("\n"));
    // A fresh token that is refused is no matter of time.
    let mut talk = self::talk().await;
    let over = (401, json!({ "status": "ERROR_UNAUTHENTICATED" }));
    let refused = talk.link(&[token(1), over]).await;
    assert!(
        matches!(refused, Err(CallError::Locked { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_log_in_that_is_refused_waits_for_a_person_and_one_that_fails_for_a_while() {
    let mut talk = talk().await;
    let wrong = (400, json!({ "error": "invalid_grant" }));
    let refused = talk.link(&[wrong]).await;
    assert!(
        matches!(refused, Err(CallError::Locked { .. })),
        "{refused:?}"
    );
    let down = talk.link(&[(503, Value::Null)]).await;
    assert!(matches!(down, Err(CallError::Later { .. })), "{down:?}");
    assert!(
        !format!("{:?}", talk.client).contains("tok-"),
        "no token is shown"
    );
}

#[tokio::test]
async fn a_call_that_logs_in_may_be_moved_between_threads() {
    let mut talk = talk().await;
    talk.answers(&[token(1), (200, shown(2))]);
    let client = talk.client.clone();
    let linked = tokio::spawn(async move {
        let (ticket, conversation) = (ticket(), conversation());
        client
            .write_link_field(&ticket, &conversation, DEADLINE)
            .await
    });
    assert!(linked.await.unwrap().is_ok());
    talk.kept("link");
}

#[tokio::test]
async fn an_agents_words_are_told_from_the_requesters_internal_ones_and_our_own() {
    let mut talk = talk().await;
    let item = |id: u32, by: u32, private: bool| {
        json!({ "type": "Followup", "item": { "id": id, "content": "<p>Ol&aacute;</p>", "is_private": private,
                "user": { "id": by }, "date_creation": "2026-11-21T10:00:05+00:00" } })
    };
    let listed = json!([
        item(1, 7, false),
        item(2, 7, true),
        item(3, 35, false),
        item(4, 99, false)
    ]);
    let told = talk
        .comments(&[token(1), (200, listed), (200, shown(2))])
        .await;
    insta::assert_snapshot!("glpi_comments", told.join("\n"));
}
