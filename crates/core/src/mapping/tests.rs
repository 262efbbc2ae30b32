//! What an operator may rely on when writing a rule.

use super::*;
use crate::{
    conversation::ConversationState,
    event::TicketChanged,
    ids::{ConversationId, MessageId, RoomId},
    ticket::{TicketPatch, Version},
};
use serde_json::json;

fn vocabulary() -> Vocabulary {
    let words = |words: &[&str]| words.iter().map(|word| Status::new(word)).collect();
    Vocabulary {
        statuses: words(&["new", "open", "pending", "solved", "closed"]),
        solved: words(&["solved"]),
        final_: words(&["closed"]),
        reopened: Status::new("open"),
        open_ended: false,
        fields: Some(vec!["plan".to_owned(), "priority".to_owned()]),
    }
}

fn spec(written: serde_json::Value) -> MappingSpec {
    serde_json::from_value(written).unwrap()
}

fn mapping(written: serde_json::Value) -> Mapping {
    compile(&spec(written), &vocabulary()).unwrap()
}

/// A mapping with one condition for opening.
fn opens_when(condition: &str) -> Mapping {
    mapping(json!({"conversation": {"open_when": condition, "user_id": "1"}}))
}

/// A mapping whose initial message is this template.
fn says(template: &str) -> Mapping {
    mapping(json!({"conversation": {
        "open_when": "true", "user_id": "1", "initial_message": template,
    }}))
}

fn problems(written: serde_json::Value) -> Vec<String> {
    let found = compile(&spec(written), &vocabulary()).unwrap_err();
    found
        .into_iter()
        .map(|p| format!("{}: {}: {}", p.key, p.what, p.remedy))
        .collect()
}

fn problems_of_condition(condition: &str) -> Vec<String> {
    problems(json!({"conversation": {"open_when": condition, "user_id": "1"}}))
}

fn bare() -> Ticket {
    Ticket {
        id: TicketId::parse("42").unwrap(),
        version: Version::None,
        status: Status::new("open"),
        subject: None,
        priority: None,
        tags: vec![],
        group: None,
        requester: Requester::default(),
        assignee: None,
        link_field: None,
        fields: BTreeMap::new(),
        url: None,
        created_at: None,
        merged_into: None,
    }
}

fn ticket() -> Ticket {
    Ticket {
        subject: Some(Text::new("No signal")),
        priority: Some("urgent".to_owned()),
        tags: vec!["whatsapp".to_owned(), "vip".to_owned()],
        group: Some("billing".to_owned()),
        requester: Requester {
            name: Some(Text::new("Ana")),
            phone: Some(Text::new("(11) 8765-4321")),
            ..Requester::default()
        },
        fields: BTreeMap::from([
            ("score".to_owned(), json!(7)),
            ("gone".to_owned(), json!(null)),
        ]),
        ..bare()
    }
}

fn talk() -> Conversation {
    Conversation {
        id: ConversationId::parse("c1").unwrap(),
        bot: BotId::parse("bot").unwrap(),
        user: UserId::parse("5511987654321").unwrap(),
        room: Some(RoomId::parse("5511987654321:bot").unwrap()),
        contact_name: Some(Text::new("Ana")),
        state: ConversationState::Active,
        started_at: None,
        ended_at: None,
        assignment: None,
        initial_message: Some(Text::new("Hello")),
    }
}

fn said(template: &str, ticket: &Ticket) -> String {
    let (bot, user) = (BotId::parse("bot").unwrap(), UserId::parse("1").unwrap());
    let start = says(template).start(ticket, &bot, &user).unwrap();
    start
        .initial_message
        .map(|m| m.reveal().to_owned())
        .unwrap_or_default()
}

#[test]
fn a_condition_reads_the_ticket() {
    assert!(
        opens_when("'whatsapp' in ticket.tags")
            .open_when(&ticket())
            .unwrap()
    );
    assert!(
        !opens_when("'whatsapp' in ticket.tags")
            .open_when(&bare())
            .unwrap()
    );
    let rule = "ticket.priority == 'urgent' and ticket.fields.score > 5";
    assert!(opens_when(rule).open_when(&ticket()).unwrap());
    assert!(!opens_when(rule).open_when(&bare()).unwrap());
}

#[test]
fn a_comparison_with_a_missing_value_does_not_hold_whichever_way_it_is_asked() {
    for rule in [
        "ticket.fields.none_such > 5",
        "ticket.fields.none_such < 5",
        "ticket.fields.none_such >= 5",
        "ticket.fields.none_such <= 5",
        "5 < ticket.fields.none_such",
        "5 > ticket.fields.none_such",
        "ticket.fields.gone < 5",
        "ticket.fields['none_such'] < 5",
        "ticket.subject < 'x'",
        "ticket.subject > 'x'",
        "ticket.subject == 'x'",
        "'x' in ticket.subject",
        "'none_such' in ticket.fields",
        "ticket.group in ['billing']",
        "ticket.fields.none_such.deeper.still == 1",
        "ticket.subject | upper == 'X'",
        "ticket.fields.none_such | int > 5",
        "ticket.created_at is lt(5)",
    ] {
        assert!(!opens_when(rule).open_when(&bare()).unwrap(), "{rule}");
    }
}

#[test]
fn what_is_not_missing_counts_beside_what_is() {
    let holds = |rule: &str| opens_when(rule).open_when(&bare()).unwrap();
    assert!(holds("ticket.fields.score < 5 or ticket.status == 'open'"));
    assert!(holds("ticket.group is none and ticket.id > '1'"));
    assert!(holds("ticket.subject is not defined"));
    assert!(holds("not ticket.priority"));
    assert!(holds("ticket.priority | default('low') == 'low'"));
}

#[test]
fn a_missing_value_is_nothing_in_a_text() {
    assert_eq!(said("[{{ ticket.group }}]", &bare()), "[]");
    assert_eq!(said("[{{ ticket.fields.gone }}]", &ticket()), "[]");
    assert_eq!(said("[{{ none }}]", &bare()), "[]");
    assert_eq!(said("[{{ 'a' ~ ticket.requester.name }}]", &bare()), "[a]");
    assert_eq!(
        said("[{{ ticket.group or 'nobody' }}]", &bare()),
        "[nobody]"
    );
    assert_eq!(
        said("[{{ ticket.group | d('nobody') }}]", &bare()),
        "[nobody]"
    );
}

#[test]
fn every_filter_on_a_missing_value_gives_nothing() {
    for filter in engine::FILTERS
        .iter()
        .chain(&["digits", "phone", "phone('BR')"])
    {
        assert_eq!(
            said(
                &format!("[{{{{ ticket.fields.none_such | {filter} }}}}]"),
                &bare()
            ),
            "[]",
            "{filter}"
        );
    }
}

#[test]
fn every_filter_and_test_offered_is_there() {
    let env = engine::environment();
    let names = engine::FILTERS.iter().chain(&engine::OWN_FILTERS);
    let rules = names.map(|name| format!("'{name}' is filter"));
    for rule in rules.chain(engine::TESTS.iter().map(|name| format!("'{name}' is test"))) {
        let there = env.compile_expression(&rule).unwrap().eval(()).unwrap();
        assert!(there.is_true(), "{rule}");
    }
    let jinja = minijinja::Environment::new();
    for name in engine::FILTERS {
        let rule = format!("'{name}' is filter");
        let there = jinja.compile_expression(&rule).unwrap().eval(()).unwrap();
        assert!(there.is_true(), "{rule}");
    }
}

#[test]
fn jinjas_filters_work_as_everywhere() {
    assert_eq!(said("{{ ticket.subject | upper }}", &ticket()), "NO SIGNAL");
    assert_eq!(
        said("{{ ticket.tags | sort | join('+') }}", &ticket()),
        "vip+whatsapp"
    );
    assert_eq!(
        said("{{ ticket.subject | replace('No', 'Some') }}", &ticket()),
        "Some signal"
    );
    assert_eq!(
        said("{{ ticket.tags | map('upper') | first }}", &ticket()),
        "WHATSAPP"
    );
    assert_eq!(
        said(
            "{% for t in ticket.tags if t != 'vip' %}{{ t }}{% endfor %}",
            &ticket()
        ),
        "whatsapp"
    );
}

#[test]
fn the_customers_number_becomes_the_id_that_whatsapp_knows() {
    let id = |rule: &str, ticket: &Ticket| {
        let mapping = mapping(json!({"conversation": {"open_when": "true", "user_id": rule}}));
        mapping
            .user_id(ticket)
            .unwrap()
            .map(|id| id.as_str().to_owned())
    };
    let phone = "{{ ticket.requester.phone | phone('BR') }}";
    assert_eq!(id(phone, &ticket()).as_deref(), Some("5511987654321"));
    assert_eq!(id(phone, &bare()), None);
    assert_eq!(
        id("{{ ticket.requester.phone | digits }}", &ticket()).as_deref(),
        Some("1187654321")
    );
    assert_eq!(id("  \n ", &ticket()), None);
}

#[test]
fn a_customers_words_are_never_run() {
    let mut ticket = ticket();
    let words = "{{ 7*7 }} {% include 'x' %} {# y #} <b>&amp;</b> {{ ticket.id }}";
    ticket.subject = Some(Text::new(words));
    assert_eq!(said("{{ ticket.subject }}", &ticket), words);

    let mut talk = talk();
    talk.initial_message = Some(Text::new(words));
    let new = mapping(json!({"ticket": {}}))
        .new_ticket(&talk, None)
        .unwrap();
    assert_eq!(new.description.reveal(), words);
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
