//! What is written by a slip, loads, and goes out as something else: refused when it is loaded.

use super::{
    super::Profile,
    losing::{Broken, told},
};

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
