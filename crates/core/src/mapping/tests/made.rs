//! What the rules make of a ticket or a conversation.

use super::*;

/// `profile check --live` makes a ticket for nobody; a bridge that runs beside leaves it alone.
#[test]
fn a_ticket_of_nobody_has_no_customer() {
    let rule = "{{ ticket.requester.phone | digits }}";
    let mapping = mapping(json!({"conversation": {"open_when": "true", "user_id": rule}}));
    let mut ticket = ticket();
    ticket.requester.phone = Some(Text::new("+0000000000"));
    assert_eq!(mapping.user_id(&ticket).unwrap(), None);
    ticket.requester.phone = Some(Text::new("+10000000000"));
    assert!(mapping.user_id(&ticket).unwrap().is_some());
}

#[test]
fn a_start_carries_message_pairs_and_the_first_assignment_that_matches() {
    let mapping = mapping(json!({
        "conversation": {
            "open_when": "true",
            "user_id": "{{ ticket.id }}",
            "initial_message": "Olá {{ ticket.requester.name }}",
            "metadata": {"priority": "{{ ticket.priority }}", "empty": "{{ ticket.url }}"},
            "close_message": "Bye {{ ticket.id }}",
        },
        "assignment": [
            {"when": "ticket.group == 'sales'", "type": "team", "target": "7"},
            {"when": "ticket.group == 'billing'", "type": "queue", "target": "FINANCEIRO"},
            {"when": "true", "type": "operator", "target": "9"},
        ],
    }));
    let (bot, user) = (BotId::parse("bot").unwrap(), UserId::parse("u").unwrap());
    let start = mapping.start(&ticket(), &bot, &user).unwrap();
    assert_eq!(start.initial_message, Some(Text::new("Olá Ana")));
    assert_eq!(
        start.metadata,
        BTreeMap::from([("priority".to_owned(), Text::new("urgent"))])
    );
    let queue = Assignment {
        kind: "queue".to_owned(),
        target: "FINANCEIRO".to_owned(),
    };
    assert_eq!(start.assignment, Some(queue.clone()));
    assert_eq!(mapping.assignment(&ticket()).unwrap(), Some((1, queue)));
    assert_eq!(
        mapping.close_message(&ticket()).unwrap(),
        Some(Text::new("Bye 42"))
    );
}

#[test]
fn the_bridges_own_tags_can_be_taken_away_from_the_question() {
    let mapping = mapping(json!({
        "conversation": {"open_when": "'whatsapp' in ticket.tags", "user_id": "1"},
        "ticket": {"tags": ["whatsapp"]},
    }));
    assert!(mapping.open_when(&ticket()).unwrap());
    assert!(
        !mapping
            .open_when_without(&ticket(), mapping.own_tags())
            .unwrap()
    );
}

#[test]
fn without_its_table_a_direction_is_off() {
    let mapping = mapping(json!({}));
    assert!(!mapping.open_when(&ticket()).unwrap());
    assert_eq!(mapping.user_id(&ticket()).unwrap(), None);
    assert!(!mapping.create_when(&talk()).unwrap());
}

#[test]
fn a_new_ticket_is_written_by_the_defaults() {
    let mapping =
        mapping(json!({"ticket": {"tags": ["jelou"], "fields": {"plan": "{{ contact.name }}"}}}));
    assert!(mapping.create_when(&talk()).unwrap());
    let new = mapping.new_ticket(&talk(), None).unwrap();
    assert_eq!(new.subject, Text::new("WhatsApp: Ana"));
    assert_eq!(new.description, Text::new("Hello"));
    assert_eq!(new.tags, ["jelou"]);
    assert_eq!(
        new.fields,
        BTreeMap::from([("plan".to_owned(), Text::new("Ana"))])
    );
    assert_eq!(new.requester.phone, Some(Text::new("+5511987654321")));
    assert_eq!(new.requester.external_id, Some(Text::new("5511987654321")));

    let silent = Conversation {
        contact_name: None,
        initial_message: None,
        ..talk()
    };
    let new = mapping.new_ticket(&silent, None).unwrap();
    assert_eq!(new.subject, Text::new("WhatsApp: 5511987654321"));
    assert_eq!(
        new.description,
        Text::new("Conversation started by the customer.")
    );
    assert_eq!(new.requester.name, None);
    assert!(new.fields.is_empty());
}

#[test]
fn a_subject_is_one_line_and_never_empty() {
    let subject = |template: &str, name: &str| {
        let talk = Conversation {
            contact_name: Some(Text::new(name)),
            ..talk()
        };
        let mapping = mapping(json!({"ticket": {"subject": template}}));
        mapping.new_ticket(&talk, None).unwrap().subject
    };
    assert_eq!(
        subject("{{ contact.name }}", "a\r\nBcc: x\ny"),
        Text::new("a Bcc: x y")
    );
    assert_eq!(
        subject("{{ contact.name }}", " "),
        Text::new("Conversation c1")
    );
}

#[test]
fn a_ticket_that_follows_another_names_it() {
    let old = TicketId::parse("7").unwrap();
    let plain = mapping(json!({"ticket": {}}))
        .new_ticket(&talk(), Some(&old))
        .unwrap();
    assert_eq!(plain.description, Text::new("Hello\n\nFollows ticket 7."));
    let own = mapping(json!({"ticket": {
        "subject": "{% if follows %}Again ({{ follows }}){% else %}New{% endif %}",
    }}));
    let new = own.new_ticket(&talk(), Some(&old)).unwrap();
    assert_eq!(new.subject, Text::new("Again (7)"));
    assert_eq!(new.description, Text::new("Hello"));
    assert_eq!(
        own.new_ticket(&talk(), None).unwrap().subject,
        Text::new("New")
    );
}

#[test]
fn a_close_sets_the_status_of_its_reason() {
    let plain = mapping(json!({}));
    assert_eq!(
        plain.status_on_close("closed_by_operator").as_str(),
        "solved"
    );
    assert_eq!(plain.status_on_close("expired").as_str(), "open");
    assert!(plain.closes(&Status::new("solved")) && plain.closes(&Status::new("closed")));
    assert!(!plain.closes(&Status::new("open")));

    let own = mapping(json!({
        "conversation": {"open_when": "true", "user_id": "1", "close_on_status": ["Pending"]},
        "ticket": {"status_on_close": {"expired": "pending", "default": "new"}},
    }));
    assert_eq!(own.status_on_close("expired").as_str(), "pending");
    assert_eq!(own.status_on_close("closed_by_operator").as_str(), "solved");
    assert_eq!(own.status_on_close("anything").as_str(), "new");
    assert!(own.closes(&Status::new("pending")) && !own.closes(&Status::new("solved")));
}

#[test]
fn only_agents_public_comments_go_to_the_customer_unless_told_otherwise() {
    let comment = |public, by_agent| CommentAdded {
        ticket: TicketId::parse("42").unwrap(),
        comment: MessageId::parse("1").unwrap(),
        body: Text::new("Hi"),
        public,
        by_agent,
        by_us: false,
        opening: false,
        files: vec![],
        files_untold: false,
        at: None,
        change: Box::new(TicketChanged {
            ticket: TicketId::parse("42").unwrap(),
            version: Version::None,
            whole: None,
            patch: TicketPatch::default(),
            by_us: false,
            at: None,
            read_at: None,
            last_lane: None,
        }),
    };
    let plain = mapping(json!({}));
    assert!(plain.to_conversation_when(&comment(true, true)).unwrap());
    assert!(!plain.to_conversation_when(&comment(false, true)).unwrap());
    let marked = mapping(json!({"messages": {"to_conversation_when": "'Hi' in comment.body"}}));
    assert!(marked.to_conversation_when(&comment(false, false)).unwrap());
}

#[test]
fn a_call_button_is_filled_in_for_the_tickets_it_is_for() {
    let mapping = mapping(json!({"call_button": [
        {"when": "ticket.priority == 'low'", "text": "a", "display_text": "b"},
        {"when": "ticket.priority == 'urgent'", "header": "{{ ticket.group }}",
         "text": "Ticket {{ ticket.id }}", "display_text": "Ligar"},
    ]}));
    let buttons = mapping.call_buttons(&ticket()).unwrap();
    let [button] = buttons.as_slice() else {
        panic!("one button, not {}", buttons.len())
    };
    assert_eq!((button.number, button.text.reveal()), (1, "Ticket 42"));
    assert_eq!(button.header, Some(Text::new("billing")));
}
