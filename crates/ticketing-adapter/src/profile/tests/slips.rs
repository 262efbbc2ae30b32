//! What is written by a slip, loads, and goes out as something else: refused when it is loaded.

use super::{
    super::Profile,
    losing::{Broken, told},
};

/// The language reads an expression up to a sign that it does not know, if a text stands before it, and takes that for all of it.
const READ_HALF: &[Broken] = &[
    (
        "generic",
        &[(
            "public = \"it.public\"",
            "public = \"it.kind == 'public' && it.visible\"",
        )],
    ),
    (
        "generic",
        &[(
            "subject = \"{{ new.subject | line }}\"",
            "subject = \"{{ new.subject or 'x' ! zzz }}\"",
        )],
    ),
];

#[test]
fn an_expression_is_read_to_its_end() {
    let told: Vec<String> = READ_HALF.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// What is sent as it is written, though a value was meant.
const SENT_AS_WRITTEN: &[Broken] = &[
    (
        "generic",
        &[(
            "body.fields = \"{{ fields | plain }}\"",
            "body.fields = \"{{ fields | plain }}\"\nheaders = { X-Ticket = \"{ ticket.id }\" }",
        )],
    ),
    (
        "generic",
        &[(
            "path = \"/api/tickets/{{ ticket.id }}\"\nbody.status",
            "path = \"/api/tickets/{ticket.id}\"\nbody.status",
        )],
    ),
    (
        "generic",
        &[(
            "subject = \"{{ new.subject | line }}\"",
            "subject = \"WhatsApp: { new.subject | line }\"",
        )],
    ),
    (
        "generic",
        &[(
            "query = { page = \"{{ page }}\" }\nitems = \"body.comments\"\ntext",
            "query = { page = \"{page}\" }\nitems = \"body.comments\"\ntext",
        )],
    ),
    (
        "generic",
        &[(
            "body.fields.conversation_id = \"{{ conversation.id }}\"",
            "body.fields = { conversation_id = \"{{ conversation.id }}\", \"{ conversation.id }\" = 1 }",
        )],
    ),
    (
        "generic",
        &[(
            "text = \"{{ note.body | plain }}\"",
            "text = \"{{ note.body | plain }}{% if ticket.id %} on {{ ticket.id }}{% endif %}\"",
        )],
    ),
    (
        "zendesk",
        &[(
            "path = \"/api/v2/webhooks/{{ id }}\", ok = [204]",
            "path = \"/api/v2/webhooks/{id}\", ok = [204]",
        )],
    ),
];

/// How a time is written that cannot be written so.
const TIMES: &[Broken] = &[
    (
        "generic",
        &[(
            "format_time('%Y-%m-%dT%H:%M:%SZ')",
            "format_time('%Y-%m-%dT%H:%M:%!Z')",
        )],
    ),
    (
        "jira-sm",
        &[("format_time('%Y-%m-%d %H:%M')", "format_time('%Y-%m-%d %')")],
    ),
    (
        "generic",
        &[(
            "format_time('%Y-%m-%dT%H:%M:%SZ')",
            "format_time('YYYY-MM-DD')",
        )],
    ),
];

/// What a request asks about and does not say.
const ASKED_AND_UNSAID: &[Broken] = &[
    (
        "generic",
        &[(
            "[operations.get]\npath = \"/api/tickets/{{ ticket.id }}\"",
            "[operations.get]\npath = \"/api/tickets/{{ 7 if ticket.id else 8 }}\"",
        )],
    ),
    (
        "generic",
        &[(
            "text = \"{{ comment.body | plain }}\"",
            "text = \"{{ comment.body and 'A comment' }}\"",
        )],
    ),
    (
        "generic",
        &[(
            "query = { conversation_id = \"{{ conversation.id }}\" }",
            "query = { conversation_id = \"{{ 'any' if (conversation.id | trim) else 'none' }}\" }",
        )],
    ),
    ("zendesk", &[("cursor = \"{{ since.token }}\"\n", "")]),
];

/// The word of a status, where the system has a code for it; and a code, where nothing has one.
const WORD_FOR_CODE: &[Broken] = &[
    (
        "freshdesk",
        &[("{{ (status_code or status) | number }}", "{{ status }}")],
    ),
    (
        "hubspot",
        &[("{{ status_code or status }}", "{{ status | lower }}")],
    ),
    (
        "servicenow",
        &[(
            "state = \"{{ status_code or status }}\"",
            "state = \"state-{{ status }}\"",
        )],
    ),
    (
        "generic",
        &[(
            "body.status = \"{{ status }}\"",
            "body.status = \"{{ status_code }}\"",
        )],
    ),
];

/// What is sent again and cannot be told from the first.
const NO_KEY: &[Broken] = &[
    (
        "sandbox",
        &[(
            "headers = { Idempotency-Key = \"{{ intent.id }}\" }",
            "headers = { Idempotency-Key = \"intent.id\" }",
        )],
    ),
    (
        "zammad",
        &[(
            "resolve.by = \"direct_lookup\"\n\n[operations.attach.body]",
            "resolve.by = \"idempotency_key\"\n\n[operations.attach.body]",
        )],
    ),
    (
        "zammad",
        &[(
            "resolve.by = \"direct_lookup\"\n\n[operations.attach.body]",
            "resolve.by = \"idempotent\"\n\n[operations.attach.body]",
        )],
    ),
    (
        "generic",
        &[(
            "public = true }\nok = [201]\nok_when = \"body.comment.id\"\nresolve.by = \"direct_lookup\"",
            "public = true, key = \"{{ 1 if intent.id else 2 }}\" }\nok = [201]\nok_when = \"body.comment.id\"\nresolve.by = \"idempotency_key\"",
        )],
    ),
];

/// Secrets that stand in the profile: it is shown, sent to others, and kept where everybody reads.
const SECRETS: &[Broken] = &[
    (
        "zendesk",
        &[("{{ credentials.password }}", "correct horse")],
    ),
    ("glpi", &[("{{ credentials.client_secret }}", "1f9a")]),
    (
        "generic",
        &[(
            "[operations.get]\n",
            "[operations.get]\nheaders = { X-Api-Key = \"1f9a\" }\n",
        )],
    ),
    (
        "generic",
        &[(
            "query = { conversation_id = ",
            "query = { access_token = \"1f9a\", conversation_id = ",
        )],
    ),
];

#[test]
fn a_status_goes_out_as_what_stands_for_it() {
    let told: Vec<String> = WORD_FOR_CODE.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_is_sent_again_carries_its_key() {
    let told: Vec<String> = NO_KEY.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_secret_in_the_profile_is_refused() {
    let told: Vec<String> = SECRETS.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// A filler beside a token is none, nor is what a header of a secret's kind takes from elsewhere.
#[test]
fn a_word_that_everybody_sends_is_no_secret() {
    let freshdesk = Profile::builtin("freshdesk").unwrap();
    assert!(freshdesk.text().contains("password = \"X\""));
    let word = "password = \"{{ 'api_token' }}\"";
    let text = freshdesk.text().replacen("password = \"X\"", word, 1);
    assert!(Profile::load(&text, "freshdesk.toml").is_ok());
}

/// What looks a status up by its word, or sends its word beside the code, needs no code there.
#[test]
fn a_status_may_be_looked_up_by_its_word() {
    let jira = Profile::builtin("jira-sm").unwrap();
    let words = jira.vocabulary().statuses.iter();
    let codes = words
        .enumerate()
        .map(|(n, word)| format!("\"{word}\" = \"{n}\""));
    let codes = format!(
        "[vocabulary]\ncodes = {{ {} }}\n",
        codes.collect::<Vec<_>>().join(", ")
    );
    let text = jira.text().replacen("[vocabulary]\n", &codes, 1);
    let loaded = Profile::load(&text, "jira-sm.toml");
    assert!(loaded.is_ok(), "{loaded:#?}");
}

#[test]
fn a_name_in_single_braces_and_a_statement_are_refused() {
    let told: Vec<String> = SENT_AS_WRITTEN.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// Braces are other languages' as well: a word alone in them is a selection of GraphQL.
#[test]
fn braces_of_another_language_go_out_as_they_stand() {
    let generic = Profile::builtin("generic").unwrap();
    let sent = "body.status = \"{{ status }}\"";
    for body in [
        "mutation { set(id: {{ ticket.id }}, to: {{ status }}) { status } }",
        "{ \\\"status\\\": \\\"{{ status }}\\\", \\\"by\\\": {} }",
        "{{ status ~ '{ status } {ticket.id} {% raw %}' }}",
    ] {
        let text = generic
            .text()
            .replacen(sent, &format!("body.status = \"{body}\""), 1);
        assert!(text.contains(body), "{body}");
        let loaded = Profile::load(&text, "generic.toml");
        assert!(loaded.is_ok(), "{body}: {loaded:#?}");
    }
}

#[test]
fn a_time_that_cannot_be_written_so_is_refused() {
    let told: Vec<String> = TIMES.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_name_in_a_condition_alone_is_not_carried() {
    let told: Vec<String> = ASKED_AND_UNSAID.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"));
}
