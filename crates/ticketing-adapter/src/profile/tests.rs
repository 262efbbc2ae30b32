//! Profiles are loaded, and what is wrong with them is told.

use super::*;

mod losing;
mod manual;
mod slips;
mod words;

#[test]
fn every_built_in_profile_loads_under_its_own_name() {
    for (name, text) in BUILTIN {
        let profile = Profile::load(text, name).unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert_eq!(profile.name(), *name);
    }
    assert_eq!(Profile::builtin("nothing").map(|p| p.source), None);
}

#[test]
fn every_built_in_profile_passes_its_own_check() {
    for name in Profile::builtin_names() {
        let review = Profile::builtin(name).unwrap().review();
        assert_eq!(review.problems, [], "{name}");
        assert!(review.webhooks.is_none() || review.examples >= 2, "{name}");
    }
}

/// A profile that is right, to be made wrong in one place.
const RIGHT: &str = r#"
name = "small"
title = "Small"

[credentials.token]
about = "A token."

[auth]
bearer = "{{ credentials.token }}"

[options.queue]
about = "The queue."
required = true

[vocabulary]
statuses = ["open", "done"]
solved = ["done"]
final = []
reopened = "open"

[ticket.api]
id = "it.id"
status = "it.status"

[operations.get]
path = "/tickets/{{ ticket.id }}"
ticket = "body"
shape = "api"

[operations.set_status]
method = "PUT"
path = "/tickets/{{ ticket.id }}"
body.status = "{{ status }}"
ok_when = "body.id"
resolve.by = "idempotent"

[webhook]
recognised = "body.id"

[webhook.proof.signature]
header = "X-Signature"
digest = "sha256"
encoding = "hex"
signed = "{body}"

[[webhook.events]]
event = "ticket_changed"
when = "body.id"
ticket = "body"
shape = "api"
"#;

/// What is told of the right profile with `old` written as `new`.
fn told(old: &str, new: &str) -> String {
    assert!(RIGHT.contains(old), "{old}");
    let text = RIGHT.replacen(old, new, 1);
    let problems = Profile::load(&text, "small.toml").expect_err(new);
    let lines = problems.iter().map(|p| {
        let line = p.line.map(|line| line.to_string()).unwrap_or_default();
        format!("{line}: {}: {}. {}", p.key, p.what, p.remedy)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What is written, and what is written in its place.
const WRONG: &[(&str, &str)] = &[
    ("title = \"Small\"", "title = 7"),
    ("title = \"Small\"", "title = \"Small\"\ncolour = \"red\""),
    ("title = \"Small\"", "title = \"Small"),
    ("name = \"small\"", "name = \"Small One\""),
    (
        "bearer = \"{{ credentials.token }}\"",
        "bearer = \"{{ credentials.tokn }}\"",
    ),
    (
        "bearer = \"{{ credentials.token }}\"",
        "bearer = \"x\"\nbasic = { user = \"a\", password = \"b\" }",
    ),
    ("required = true", "required = true\ndefault = \"x\""),
    (
        "about = \"The queue.\"\nrequired = true",
        "about = \"x\"\nkind = \"digits\"\ndefault = \"x\"",
    ),
    ("solved = [\"done\"]", "solved = [\"finished\"]"),
    ("final = []", "final = [\"open\"]"),
    (
        "status = \"it.status\"",
        "status = \"it.status | uppercase\"",
    ),
    (
        "status = \"it.status\"",
        "status = \"it.status\"\nversion = { number = \"it.v\", time = \"it.t\" }",
    ),
    (
        "status = \"it.status\"",
        "status = \"it.status\"\nlink_field = \"it[options.feild]\"",
    ),
    (
        "ticket = \"body\"\nshape = \"api\"\n\n[operations.set_status]",
        "ticket = \"body\"\nshape = \"aip\"\n\n[operations.set_status]",
    ),
    (
        "path = \"/tickets/{{ ticket.id }}\"\nticket",
        "path = \"tickets/{{ ticket.id }}\"\nticket",
    ),
    (
        "path = \"/tickets/{{ ticket.id }}\"\nticket",
        "path = \"/tickets//{{ ticket.id }}\"\nticket",
    ),
    (
        "path = \"/tickets/{{ ticket.id }}\"\nticket",
        "path = \"/tickets/{{ ticket.id\"\nticket",
    ),
    (
        "body.status = \"{{ status }}\"",
        "body.status = \"{{ ticket.status }}\"",
    ),
    ("method = \"PUT\"", "method = \"GET\""),
    ("ok_when = \"body.id\"\n", ""),
    (
        "resolve.by = \"idempotent\"",
        "resolve.by = \"idempotency_key\"",
    ),
    ("resolve.by = \"idempotent\"", "resolve.by = \"luck\""),
    ("resolve.by = \"idempotent\"\n", ""),
    ("[operations.get]", "[operations.notes]"),
    ("signed = \"{body}\"", "signed = \"{timestamp}\""),
    ("signed = \"{body}\"", "signed = \"{body}{salt}\""),
    ("header = \"X-Signature\"", "header = \"X Signature\""),
    (
        "[webhook.proof.signature]",
        "[webhook.proof.url_token]\n[webhook.proof.signature]",
    ),
    ("event = \"ticket_changed\"", "event = \"comment_added\""),
    (
        "event = \"ticket_changed\"",
        "event = \"comment_added\"\ncomment = { id = \"it.id\", body = \"it.id\", public = \"true\", by_agent = \"true\", files_listed = true }",
    ),
];

#[test]
fn what_is_wrong_is_told_with_its_line_its_key_and_the_remedy() {
    assert_eq!(
        Profile::load(RIGHT, "small.toml")
            .map(|p| p.rules.name)
            .ok()
            .as_deref(),
        Some("small")
    );
    let report: Vec<String> = WRONG
        .iter()
        .map(|(old, new)| {
            format!(
                "{}\n    {}",
                new.replace('\n', "\\n"),
                told(old, new).replace('\n', "\n    ")
            )
        })
        .collect();
    insta::assert_snapshot!(report.join("\n\n"));
}

#[test]
fn every_problem_of_a_profile_is_told_in_one_run() {
    let text = RIGHT
        .replace("it.status\"", "thing.status\"")
        .replace("{{ status }}", "{{ state }}")
        .replace("{body}", "{boddy}");
    assert_eq!(Profile::load(&text, "small.toml").unwrap_err().len(), 3);
}

fn settings_of(
    profile: &str,
    credentials: &[&str],
    options: &[(&str, &str)],
    secret: bool,
) -> String {
    let credentials = credentials
        .iter()
        .map(|&name| (name.to_owned(), "x".to_owned()))
        .collect();
    let options = options
        .iter()
        .map(|&(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    let profile = Profile::builtin(profile).unwrap();
    let problems = profile.check_settings(&credentials, &options, secret);
    problems
        .iter()
        .map(|p| format!("{}: {}. {}\n", p.key, p.what, p.remedy))
        .collect()
}

#[test]
fn settings_that_fit_have_no_problem() {
    assert_eq!(settings_of("zendesk", &["user", "password"], &[], true), "");
    assert_eq!(
        settings_of(
            "request-tracker",
            &["token"],
            &[("queue", "WhatsApp")],
            true
        ),
        ""
    );
    assert_eq!(settings_of("sandbox", &["token"], &[], true), "");
}

#[test]
fn settings_that_do_not_fit_are_told_with_the_remedy() {
    let options = [("conversation_field", "Conversation"), ("colour", "red")];
    let zendesk = settings_of("zendesk", &["user", "token"], &options, false);
    let tracker = settings_of("request-tracker", &[], &[("queue", " ")], true);
    insta::assert_snapshot!(format!("{zendesk}\n{tracker}"));
}

#[test]
fn every_write_that_core_may_ask_for_says_how_its_unknown_outcome_is_resolved() {
    use Operation::{Create, LinkField, Note, Requester, Status};
    for name in Profile::builtin_names() {
        let profile = Profile::builtin(name).unwrap();
        let there = |operation: &Operation| {
            let kind = Kind::of(*operation).unwrap();
            profile.has(kind) || kind == Kind::Create
        };
        let asked = [Create, LinkField, Note, Requester, Status];
        // Of what nobody can read nothing can be found out.
        let asked = asked.into_iter().filter(|_| !profile.only_creates());
        for operation in asked.filter(there) {
            assert_ne!(
                profile.resolve(operation),
                Resolve::None,
                "{name} {operation}"
            );
        }
        assert_eq!(profile.resolve(Operation::Close), Resolve::None);
        let hears = profile.lists_changes() || profile.rules.webhook.is_some();
        assert!(hears || profile.only_creates());
    }
}

#[test]
fn the_schema_describes_every_key() {
    let schema = Profile::schema().to_string();
    for key in [
        "operations",
        "find_first",
        "url_token",
        "granule_ms",
        "lag_seconds",
    ] {
        assert!(schema.contains(key), "{key}");
    }
}

#[test]
fn the_manual_names_every_key_and_every_filter() {
    fn keys(schema: &serde_json::Value, found: &mut Vec<String>) {
        match schema {
            serde_json::Value::Object(map) => {
                if let Some(serde_json::Value::Object(properties)) = map.get("properties") {
                    found.extend(properties.keys().cloned());
                }
                map.values().for_each(|value| keys(value, found));
            }
            serde_json::Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }
    let manual = include_str!("../../../../docs/PROFILES.md");
    let mut known: Vec<String> = filters::NAMES.iter().map(|&name| name.to_owned()).collect();
    keys(&Profile::schema(), &mut known);
    known.retain(|name| !manual.contains(name.as_str()));
    assert_eq!(known, Vec::<String>::new(), "not in docs/PROFILES.md");
}

/// What the check finds in the right profile with `old` written as `new`: it can be loaded, and yet.
fn found(old: &str, new: &str) -> String {
    assert!(RIGHT.contains(old), "{old}");
    let text = RIGHT.replacen(old, new, 1);
    let profile = Profile::load(&text, "small.toml").expect(new);
    let lines = profile.review().problems.into_iter().map(|p| {
        let line = p.line.map(|line| line.to_string()).unwrap_or_default();
        format!("{line}: {}: {}. {}", p.key, p.what, p.remedy)
    });
    lines.collect::<Vec<_>>().join("\n")
}

const ABSENT: &str = r#"
[operations.absent]
upsert_requester = "it knows no people"
create = "its interface makes none"
note = "it has no comments"
comment = "it has no comments"
attach = "it takes no files"
set_link_field = "it has no fields"
set_fields = "it has no fields"
find_by_link_field = "it has no fields"
find_open_by_requester = "it knows no people"
changed_since = "it lists nothing"
notes = "it has no comments"
comments = "it has no comments"
"#;

/// The rest of the profile, with an example that means this.
fn with_example(body: &str, means: &str) -> String {
    let example = "[[webhook.examples]]\nabout = \"a ticket is done\"";
    format!(
        "{ABSENT}\n[webhook]\nrecognised = \"body.id\"\n\n{example}\nbody = '{body}'\nmeans = {means}\n"
    )
}

#[test]
fn what_is_forgotten_is_told_although_the_profile_can_be_loaded() {
    let rest = "\n[webhook]\nrecognised = \"body.id\"\n";
    let done = r#"{"id": 7, "status": "done"}"#;
    assert_eq!(
        found(rest, &with_example(done, r#"["ticket_changed 7 done"]"#)),
        ""
    );
    let wrong = [
        rest.to_owned(),
        format!("{ABSENT}{rest}"),
        with_example(done, r#"["ticket_changed 7 open"]"#),
        with_example(done, "[]"),
        with_example(r#"{"status": "done"}"#, r#"["ticket_changed 7 done"]"#),
        with_example(r#"{"id": 7"#, "[]"),
    ];
    let told = wrong.map(|wrong| format!("{}\n", found(rest, &wrong)));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn an_operation_is_there_or_declared_absent_and_not_both() {
    let none = |line: &str| format!("[operations.absent]\n{line}\n\n[webhook]\nrecognised");
    let lines = ["get = \"no\"", "reopen = \"no\""];
    let told = lines.map(|line| told("[webhook]\nrecognised", &none(line)));
    insta::assert_snapshot!(told.join("\n"));
}

/// A system that makes tickets and lets nobody read them is told from a profile that forgot `get`.
#[test]
fn without_get_nothing_is_there_that_rests_on_it() {
    let osticket = Profile::builtin("osticket").unwrap();
    let text = osticket.text();
    let get = "get = \"its API has no call that reads a ticket\"\n";
    let shape = "shape = \"made\"\n";
    let comment = "comment = \"its API has no call that writes on a ticket that is there\"\n";
    let more = "\n[operations.comment]\nmethod = \"POST\"\npath = \"/api/{{ ticket.id }}\"\nok_when = \"body\"\nresolve.by = \"none\"\n";
    let wrong = [
        text.replace(get, ""),
        text.replace(shape, "shape = \"made\"\npartial = true\n"),
        text.replace(comment, "") + more,
    ];
    let told = wrong.map(|text| {
        let problems = Profile::load(&text, "osticket.toml").expect_err("a problem");
        let lines = problems
            .iter()
            .map(|p| format!("{}: {}. {}", p.key, p.what, p.remedy));
        lines.collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn comments_of_all_tickets_rest_on_how_those_of_one_are_read() {
    let hubspot = Profile::builtin("hubspot").unwrap();
    let text = hubspot.text();
    let of_one = text.find("[operations.comments]\n").expect("it lists them");
    let rest = text.find("# The app's webhooks").expect("what comes next");
    let whose = "ticket_id = \"also.note.associations.tickets.results[0].id\"\n";
    let listed = "[operations.comments.comment]\n";
    let wrong = [
        text.replace(&text[of_one..rest], ""),
        text.replace(listed, &format!("{listed}first_is_description = true\n")),
        text.replace(whose, ""),
        text.replace("page_size = 100\nticket_id", "ticket_id")
            .replace(
                "value = \"{{ since.at }}\" }] }]\nsorts = [{ propertyName = \"hs_createdate\"",
                "value = 0 }] }]\nsorts = [{ propertyName = \"hs_createdate\"",
            ),
        text.replace(
            "text = \"it.properties.hs_note_body | html_text\"\n",
            &format!("text = \"it.properties.hs_note_body | html_text\"\n{whose}"),
        ),
    ];
    let told = wrong.map(|text| {
        let problems = Profile::load(&text, "hubspot.toml").expect_err("a problem");
        let lines = problems
            .iter()
            .map(|p| format!("{}: {}. {}", p.key, p.what, p.remedy));
        lines.collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_file_that_goes_up_bare_has_no_fields_beside_it() {
    let zendesk = Profile::builtin("zendesk").unwrap();
    let upload = "[operations.attach.upload]\n";
    let with = format!("{upload}body = {{ folder = \"a\" }}\n");
    let text = zendesk.text().replace(upload, &with);
    let problems = Profile::load(&text, "zendesk.toml").expect_err("a problem");
    let keys: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
    assert_eq!(keys, ["operations.attach.upload.body"]);
    let part = format!("{with}file_part = \"file\"\n");
    let text = zendesk.text().replace(upload, &part);
    assert!(Profile::load(&text, "zendesk.toml").is_ok());
}

const WITH_PART: &str = r#"
[[setup.parts]]
name = "hook"
look = { path = "/hooks", items = "body" }
ours = "it.url == hook.url"
id = "it.id"
create = { method = "POST", path = "/hooks", body = { url = "{{ hook.url }}", secret = "{{ hook.secret }}" } }
remove = { method = "DELETE", path = "/hooks/{{ id }}" }

[webhook]
recognised"#;

#[test]
fn a_set_up_that_cannot_work_is_told_with_its_remedy() {
    let hook = "[webhook]\nrecognised";
    let right = RIGHT.replacen(hook, WITH_PART, 1);
    let profile = Profile::load(&right, "small.toml").expect("it can be loaded");
    assert!(profile.is_set_up() && !profile.tells_webhook_secret());
    let wrong = [
        ("name = \"hook\"", "name = \"hook\"\nof = \"server\""),
        ("method = \"POST\"", "method = \"GET\""),
        ("/hooks/{{ id }}", "/hooks/{{ it.id }}"),
        ("/hooks/{{ id }}", "/hooks"),
        ("items = \"body\" }", "items = \"body\", page_size = 50 }"),
        (
            "items = \"body\" }",
            "items = \"body\", next = \"body.next\" }",
        ),
        ("it.url == hook.url", "it.url == hook.address"),
        (
            "[[setup.parts]]",
            "[setup]\nsteps = [\"Look\"]\n\n[[setup.parts]]",
        ),
    ];
    let wrong = wrong.map(|(old, new)| {
        assert!(WITH_PART.contains(old), "{old}");
        format!("{}\n", told(hook, &WITH_PART.replacen(old, new, 1)))
    });
    let deletes = told("method = \"PUT\"", "method = \"DELETE\"");
    insta::assert_snapshot!(format!("{}\n{deletes}", wrong.join("\n")));
}

#[test]
fn a_search_that_nothing_asks_is_told() {
    let unused = format!(
        "{}\n[operations.find_open_by_requester]\npath = \"/tickets\"\nquery.by = \"{{{{ requester_id }}}}\"\nitems = \"body\"\nshape = \"api\"\n",
        ABSENT.replace("find_open_by_requester = \"it knows no people\"\n", "")
    );
    let done = r#"{"id": 7, "status": "done"}"#;
    let rest = with_example(done, r#"["ticket_changed 7 done"]"#).replace(ABSENT, &unused);
    let told = found("\n[webhook]\nrecognised = \"body.id\"\n", &rest);
    assert!(
        told.contains("find_open_by_requester: nothing ever asks it"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1, "{told}");
}
