//! What is wrong in a mapping, at load and on a real ticket.

use super::*;

#[test]
fn a_slip_in_a_rule_is_found_at_load_with_what_was_meant() {
    insta::assert_snapshot!(
        [
            "ticket.pririty == 'urgent'",
            "ticket.requester.fone == ''",
            "tiket.id == '1'",
            "ticket.requester == 'x'",
            "ticket == 1",
            "contact.id == '1'",
            "ticket.subject == null",
            "ticket.group == none",
            "ticket.subject | uper == 'X'",
            "true or ticket.subject | uper == 'X'",
            "ticket.subject is nonne",
            "ticket.subject.upper() == 'X'",
            "range(5)",
            "ticket.priority = 'urgent'",
            "'whatsapp' in ticket.tags and",
            "{{ ticket.id }}",
            "true %}{{ ticket.id }}{% if true",
            "ticket.subject | phone('Brazil') == ''",
            "ticket.subject | replace('a') == ''",
            "ticket.group + 1 == 2",
        ]
        .map(|rule| format!("{rule}\n  {}", problems_of_condition(rule).join("\n  ")))
        .join("\n")
    );
}

#[test]
fn a_condition_that_is_neither_true_nor_false_is_found_at_load_with_what_was_meant() {
    insta::assert_snapshot!(
        [
            "'whatsapp'",
            "\"whatsapp\"",
            "'false'",
            "ticket.tags",
            "ticket.priority",
            "ticket.created_at",
            "ticket.subject | length",
            "ticket.priority or false",
            "'whatsapp' in ticket.tags or 'vip'",
            "'whatsapp' in ticket.tags or ticket.priority",
            "'whatsapp' in ticket.tags and ticket.requester.phone",
            "ticket.fields.vip | default('no')",
            "['whatsapp']",
        ]
        .map(|rule| format!("{rule}\n  {}", problems_of_condition(rule).join("\n  ")))
        .join("\n")
    );
}

#[test]
fn every_key_that_is_a_condition_must_be_true_or_false() {
    let told = problems(json!({
        "conversation": {"open_when": "'whatsapp'", "user_id": "1"},
        "assignment": [{"when": "ticket.group", "type": "queue", "target": "a"}],
        "ticket": {"create_when": "contact.name"},
        "messages": {"to_conversation_when": "comment.public and comment.body"},
        "call_button": [{"when": "ticket.tags", "text": "a", "display_text": "b"}],
    }));
    let wrong = |told: &String| {
        let (key, what) = told.split_once(": it gives a ").unwrap();
        format!("{key}: {}", what.split_once(',').unwrap().0)
    };
    assert_eq!(
        told.iter().map(wrong).collect::<Vec<_>>(),
        [
            "conversation.open_when: text",
            "assignment[0].when: text",
            "ticket.create_when: text",
            "messages.to_conversation_when: text",
            "call_button[0].when: list",
        ]
    );
}

#[test]
fn a_slip_in_a_reason_for_a_close_is_found_and_a_reason_that_no_page_names_is_taken() {
    let by_reason = |reason: &str| json!({"ticket": {"status_on_close": {(reason): "pending"}}});
    for (slip, meant) in [
        ("expird", "expired"),
        ("Expired", "expired"),
        ("close_by_operator", "closed_by_operator"),
        ("closed-by-operator", "closed_by_operator"),
        ("defualt", "default"),
    ] {
        assert_eq!(
            problems(by_reason(slip)),
            [format!(
                "ticket.status_on_close.{slip}: no page of Jelou's names the reason {slip}: did you mean {meant}?"
            )]
        );
    }
    for reason in ["expired", "default", "closed", "resolved", "closed_by_bot"] {
        let mapping = mapping(by_reason(reason));
        assert_eq!(mapping.status_on_close(reason).as_str(), "pending");
    }
}

#[test]
fn everything_wrong_is_told_at_once() {
    insta::assert_snapshot!(
        problems(json!({
            "conversation": {
                "open_when": "ticket.tag",
                "user_id": "{{ ticket.requester.phone | fone('BR') }}",
                "initial_message": "{% include 'x' %}",
                "metadata": {"intentId": "x", "p": "{{ ticket.prio }}"},
                "close_on_status": ["solved", "resolved"],
                "close_message": "line one\n{{ ticket.id",
            },
            "assignment": [{"when": "true", "type": "queue", "target": " "}],
            "ticket": {
                "create_when": "ticket.id",
                "tags": ["ok", "{{ contact.id }}"],
                "fields": {"plans": "x", "zzz": "y"},
                "status_on_close": {"expired": "on_hold"},
            },
            "messages": {"to_conversation_when": "comment.publik"},
            "call_button": [{"when": "x", "text": "{{ y }}", "display_text": "z"}],
        }))
        .join("\n")
    );
}

#[test]
fn a_country_that_there_is_not_is_told_apart_from_what_is_no_code() {
    let told = |code: &str| {
        let rule = format!("ticket.requester.phone | phone('{code}') == ''");
        problems_of_condition(&rule).join("\n")
    };
    assert!(told("ZZ").contains("phone() knows no country ZZ:"));
    for code in ["br", "BRA", "Brazil", ""] {
        let told = told(code);
        assert!(told.contains("a country of two capital letters"), "{told}");
    }
}

#[test]
fn a_rule_gone_wild_ends_and_tells_nothing_of_its_values() {
    let mapping = says(
        "{% for a in ticket.subject %}{% for b in ticket.subject %}{{ ticket.group }}{% endfor %}{% endfor %}",
    );
    let (bot, user) = (BotId::parse("bot").unwrap(), UserId::parse("1").unwrap());
    let wild = |subject: usize, group: usize| {
        let ticket = Ticket {
            subject: Some(Text::new("s".repeat(subject))),
            group: Some("g".repeat(group)),
            ..bare()
        };
        mapping.start(&ticket, &bot, &user).unwrap_err().to_string()
    };
    assert_eq!(
        wild(1_000, 1),
        "mapping.conversation.initial_message failed: it took more than 50000 steps"
    );
    assert_eq!(
        wild(20, 1_000),
        "mapping.conversation.initial_message failed: its text is longer than 65536 bytes"
    );
}

#[test]
fn an_id_that_cannot_be_one_is_an_error_without_the_id() {
    let mapping =
        mapping(json!({"conversation": {"open_when": "true", "user_id": "{{ ticket.subject }}"}}));
    let ticket = Ticket {
        subject: Some(Text::new("1\r\nHost: x")),
        ..bare()
    };
    let error = mapping.user_id(&ticket).unwrap_err().to_string();
    assert_eq!(
        error,
        "mapping.conversation.user_id failed: the id has a control character in it"
    );
}

#[test]
fn unknown_keys_and_bare_numbers_are_refused() {
    let read = |written: serde_json::Value| serde_json::from_value::<MappingSpec>(written);
    assert!(read(json!({"conversaton": {}})).is_err());
    assert!(read(json!({"busy_timeout": 60})).is_err());
    assert!(read(json!({"busy_timeout": "60"})).is_err());
    assert_eq!(
        mapping(json!({"busy_timeout": "2m"}))
            .busy_timeout
            .as_secs(),
        120
    );
    assert_eq!(mapping(json!({})).busy_timeout.as_secs(), 86_400);
    assert_eq!(mapping(json!({})).reopen_within.as_secs(), 72 * 3_600);
}
