//! Conditions, texts and filters.

use super::*;

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
fn a_field_that_is_true_holds_and_one_that_is_false_empty_or_missing_does_not() {
    for (value, holds) in [
        (json!(true), true),
        (json!(false), false),
        (json!(null), false),
        (json!(""), false),
        (json!([]), false),
        (json!(0), false),
    ] {
        let mut ticket = bare();
        ticket.fields.insert("vip".to_owned(), value.clone());
        for rule in [
            "ticket.fields.vip",
            "ticket.fields.vip or 'vip' in ticket.tags",
            "ticket.id and ticket.fields.vip",
            "ticket.fields.vip | default(false)",
        ] {
            let answer = opens_when(rule).open_when(&ticket);
            assert_eq!(answer, Ok(holds), "{rule} of {value}");
        }
    }
    let guarded = opens_when("ticket.requester.phone and 'vip' in ticket.tags");
    assert_eq!(guarded.open_when(&ticket()), Ok(true));
    assert_eq!(guarded.open_when(&bare()), Ok(false));
}

/// Some systems write a box that is not ticked as `"0"`, `"no"` or `"false"`, each a text that is there.
#[test]
fn a_field_that_is_neither_true_nor_false_fails_its_condition_and_tells_nothing_of_itself() {
    let told = |value: serde_json::Value| {
        let mut ticket = bare();
        ticket.fields.insert("vip".to_owned(), value);
        let error = opens_when("ticket.fields.vip").open_when(&ticket);
        error.unwrap_err().to_string()
    };
    for (value, gave) in [
        (json!("false"), "it gives a text, which is"),
        (json!("0"), "it gives a text, which is"),
        (json!(7), "it gives a number, which is"),
        (json!(["a"]), "it gives a list, which is"),
        (json!({"a": 1}), "it gives what is"),
    ] {
        assert_eq!(
            told(value),
            format!("mapping.conversation.open_when failed: {gave} neither true nor false")
        );
    }
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
