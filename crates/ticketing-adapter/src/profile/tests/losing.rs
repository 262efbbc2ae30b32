//! Profiles that would lose or double in production: each is refused when it is loaded.

use super::super::Profile;

/// A profile that ships, and what of it is written in another way.
pub(super) type Broken = (&'static str, &'static [(&'static str, &'static str)]);

const NOTHING_IN_IT: &[Broken] = &[
    (
        "generic",
        &[(" | with('conversation_id', conversation.id)", "")],
    ),
    (
        "generic",
        &[
            (" | with('conversation_id', conversation.id)", ""),
            (
                "resolve.by = \"direct_lookup\"",
                "resolve.by = \"idempotent\"",
            ),
        ],
    ),
    (
        "generic",
        &[("text = \"{{ note.body | plain }}\"", "text = \"A note\"")],
    ),
    (
        "generic",
        &[(
            "text = \"{{ comment.body | plain }}\"",
            "text = \"A comment\"",
        )],
    ),
    (
        "generic",
        &[("body.status = \"{{ status }}\"", "body.status = \"open\"")],
    ),
    (
        "redmine",
        &[(
            "find('name', status)).id | number",
            "find('name', 'Closed')).id | number",
        )],
    ),
    (
        "generic",
        &[(
            "[operations.get]\npath = \"/api/tickets/{{ ticket.id }}\"",
            "[operations.get]\npath = \"/api/tickets/7\"",
        )],
    ),
    (
        "generic",
        &[(
            "path = \"/api/tickets/{{ ticket.id }}\"\nbody.status",
            "path = \"/api/tickets\"\nbody.status",
        )],
    ),
    (
        "generic",
        &[(
            "body.fields = \"{{ fields | plain }}\"",
            "body.fields.a = \"b\"",
        )],
    ),
    (
        "generic",
        &[(
            "body.fields.conversation_id = \"{{ conversation.id }}\"",
            "body.fields.a = \"b\"",
        )],
    ),
    (
        "generic",
        &[
            (
                "{{ since.at | format_time('%Y-%m-%dT%H:%M:%SZ') }}",
                "yesterday",
            ),
            (
                "sort = \"updated_at\"\npage = \"{{ since.page }}\"",
                "sort = \"updated_at\"",
            ),
        ],
    ),
    (
        "zendesk",
        &[
            ("cursor = \"{{ since.token }}\"\n", ""),
            (
                "{{ none if since.token else (since.at // 1000 - 120) }}",
                "{{ since.at // 1000 }}",
            ),
        ],
    ),
    (
        "generic",
        &[(
            "query = { conversation_id = \"{{ conversation.id }}\" }",
            "query = {}",
        )],
    ),
    (
        "generic",
        &[("requester_id = \"{{ requester_id }}\", page", "page")],
    ),
    (
        "generic",
        &[(
            "query = { page = \"{{ page }}\" }\nitems = \"body.comments\"\ntext",
            "items = \"body.comments\"\ntext",
        )],
    ),
    (
        "generic",
        &[("text = \"it.text\"\npage_size = 100", "text = \"it.text\"")],
    ),
    (
        "sandbox",
        &[(", uploads = [\"{{ upload.upload.id }}\"]", "")],
    ),
    ("zammad", &[("data = \"{{ file.base64 }}\"", "data = \"\"")]),
    (
        "glpi",
        &[(
            "method = \"POST\"\npath = \"/api.php/v2/Assistance/Ticket/{{ ticket.id }}/TeamMember\"\nbody = { type",
            "method = \"POST\"\npath = \"/api.php/v2/Assistance/Ticket/7/TeamMember\"\nbody = { type",
        )],
    ),
    (
        "osticket",
        &[(
            "message = \"data:text/plain;charset=utf-8,{{ new.description | plain }}\"",
            "message = \"Hello\"",
        )],
    ),
    (
        "sandbox",
        &[(
            "phone = \"{{ requester.phone }}\", external_id = \"{{ requester.external_id }}\"",
            "a = 1",
        )],
    ),
    (
        "django-helpdesk",
        &[("unfiltered = \"", "# unfiltered = \"")],
    ),
    (
        "generic",
        &[(
            "query = { conversation_id = ",
            "unfiltered = \"It cannot\"\nquery = { conversation_id = ",
        )],
    ),
    (
        "generic",
        &[(
            "body.status = \"{{ status }}\"",
            "body.status = \"{{ status }}\"\nunfiltered = \"It cannot\"",
        )],
    ),
];

/// What nobody would see in what is sent.
const UNSENT: &[Broken] = &[
    (
        "generic",
        &[("format_time('%Y-%m-%dT%H:%M:%SZ')", "format_time")],
    ),
    (
        "generic",
        &[(
            "format_time('%Y-%m-%dT%H:%M:%SZ')",
            "format_time('%Y', '%m')",
        )],
    ),
    ("zendesk", &[("find('id', it.author_id)", "find('id')")]),
    (
        "generic",
        &[("bearer = \"{{ credentials.token }}\"", "bearer = \"token\"")],
    ),
    (
        "zammad",
        &[("Token token={{ credentials.token }}", "Token token=secret")],
    ),
    (
        "freshdesk",
        &[("user = \"{{ credentials.token }}\"", "user = \"token\"")],
    ),
    (
        "glpi",
        &[(
            "client_id = \"{{ credentials.client_id }}\", client_secret = \"{{ credentials.client_secret }}\", username = \"{{ credentials.user }}\", password = \"{{ credentials.password }}\", ",
            "",
        )],
    ),
];

/// What loads, answers with yes, and is wrong all the same.
const SEEMS_RIGHT: &[Broken] = &[
    // A found ticket that names no conversation is none of this one's.
    (
        "generic",
        &[("link_field = \"it.fields.conversation_id\"\n", "")],
    ),
    // In a segment of a path a question mark is a letter.
    (
        "generic",
        &[(
            "[operations.get]\npath = \"/api/tickets/{{ ticket.id }}\"",
            "[operations.get]\npath = \"/api/tickets?id={{ ticket.id }}\"",
        )],
    ),
    (
        "generic",
        &[(
            "[operations.get]\npath = \"/api/tickets/{{ ticket.id }}\"",
            "[operations.get]\npath = \"/api/tickets/{{ ticket.id }}#top\"",
        )],
    ),
    (
        "generic",
        &[("[operations.get]\n", "[operations.get]\nok = []\n")],
    ),
    (
        "generic",
        &[("[operations.get]\n", "[operations.get]\nok = [2010]\n")],
    ),
    (
        "glpi",
        &[("role = 1 }\nok = [200, 201]", "role = 1 }\nok = []")],
    ),
    (
        "zendesk",
        &[(
            "path = \"/api/v2/webhooks/{{ id }}\", ok = [204]",
            "path = \"/api/v2/webhooks/{{ id }}\", ok = [20]",
        )],
    ),
    ("generic", &[("page_size = 100", "page_size = 0")]),
    ("freshdesk", &[("pending = \"3\"", "pending = \"2\"")]),
    (
        "generic",
        &[(
            "[operations.get]\n",
            "[operations.get]\nheaders = { authorization = \"Basic YTpi\" }\n",
        )],
    ),
    (
        "redmine",
        &[(
            "[operations.get]\n",
            "[operations.get]\nheaders = { X-Redmine-API-Key = \"a\" }\n",
        )],
    ),
    (
        "generic",
        &[(
            "public = false }\nok = [201]\nok_when = \"body.comment.id\"\nresolve.by = \"direct_lookup\"",
            "public = false }\nok = [201]\nok_when = \"body.comment.id\"\nresolve.by = \"idempotent\"",
        )],
    ),
    (
        "generic",
        &[(
            "public = true }\nok = [201]\nok_when = \"body.comment.id\"\nresolve.by = \"direct_lookup\"",
            "public = true }\nok = [201]\nok_when = \"body.comment.id\"\nresolve.by = \"idempotent\"",
        )],
    ),
];

pub(super) fn told((name, changes): &Broken) -> String {
    let profile = Profile::builtin(name).unwrap();
    let mut text = profile.text().to_owned();
    let mut written = String::new();
    for (right, wrong) in *changes {
        assert!(text.contains(right), "{name}: {right}");
        text = text.replacen(right, wrong, 1);
        written += &format!(
            "{name}: {} -> {}\n",
            right.replace('\n', "\\n"),
            wrong.replace('\n', "\\n")
        );
    }
    let problems = Profile::load(&text, "broken.toml");
    let problems = problems.map(|_| ()).expect_err(&written);
    for p in problems {
        let line = p.line.map(|line| line.to_string()).unwrap_or_default();
        written += &format!("    {line}: {}: {}. {}\n", p.key, p.what, p.remedy);
    }
    written
}

#[test]
fn a_request_without_what_it_is_for_is_refused() {
    let told: Vec<String> = NOTHING_IN_IT.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_filter_without_its_argument_and_a_call_without_a_credential_are_refused() {
    let told: Vec<String> = UNSENT.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_seems_right_and_is_not_is_refused() {
    let told: Vec<String> = SEEMS_RIGHT.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"));
}

/// It can be run, so it is told and not refused.
#[test]
fn a_credential_that_nothing_sends_is_told() {
    let generic = Profile::builtin("generic").unwrap();
    let idle = "[credentials.idle]\nabout = \"Of nobody\"\n\n[credentials.token]\n";
    let text = generic.text().replacen("[credentials.token]\n", idle, 1);
    let loaded = Profile::load(&text, "generic.toml").unwrap();
    let told: Vec<String> = loaded
        .review()
        .problems
        .iter()
        .map(|p| p.key.clone())
        .collect();
    assert_eq!(told, ["credentials.idle"]);
    assert!(generic.review().problems.is_empty());
}

/// What is read first brings what it was asked by.
#[test]
fn a_name_that_goes_by_a_read_before_counts() {
    let redmine = Profile::builtin("redmine").unwrap();
    let asked = "(also.site.issue_statuses | lower | find('name', status)).id";
    let read = "name = \"site\"\npath = \"/issue_statuses.json\"";
    let by_the_read = redmine
        .text()
        .replace(asked, "also.site.issue_statuses[0].id")
        .replace(
            read,
            &format!("{read}\nquery = {{ name = \"{{{{ status }}}}\" }}"),
        );
    assert!(by_the_read.contains("query = { name ="), "{by_the_read}");
    let loaded = Profile::load(&by_the_read, "redmine.toml");
    assert!(loaded.is_ok(), "{loaded:#?}");
    let unused = by_the_read.replace("also.site.issue_statuses[0].id", "5");
    assert!(Profile::load(&unused, "redmine.toml").is_err());
}
