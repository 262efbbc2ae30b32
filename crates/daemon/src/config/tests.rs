//! What an operator may rely on when writing the file, and when it is wrong.

use super::*;
use std::{fs, path::PathBuf};

/// A file with nothing in it that could be left out.
const SMALL: &str = r#"
[bridges.main.jelou]
project_id = "p1"
bots = ["b1", "b2"]
api_key = "k1"
signing_secrets = ["s1"]
ticket_id_to_jelou = "none"

[bridges.main.ticketing]
profile = "sandbox"
base_url = "http://127.0.0.1:9090"
credentials = { token = "t1" }
webhook_secrets = ["w1"]
"#;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn small(variables: &Variables) -> Result<Config, LoadError> {
    parse(SMALL, Path::new("bridge.toml"), variables)
}

fn problems(text: &str, variables: &Variables) -> String {
    parse(text, Path::new("bridge.toml"), variables)
        .unwrap_err()
        .to_string()
}

fn main_bridge(config: &Config) -> &Bridge {
    &config.bridges[&BridgeName::parse("main").unwrap()]
}

#[test]
fn each_broken_file_is_told_of_with_line_key_and_remedy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/tests/broken");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 20);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let path = folder.join(name);
        let LoadError::Problems(found) = parse(&text, &path, &Variables::default()).unwrap_err()
        else {
            panic!("{name} can be read");
        };
        for problem in &found {
            assert!(problem.line.is_some(), "{name}: {problem}");
            assert!(
                !problem.what.is_empty() && !problem.remedy.is_empty(),
                "{name}: {problem}"
            );
            assert!(!problem.key.is_empty(), "{name}: {problem}");
        }
        let shown = LoadError::Problems(found).to_string();
        let shown = shown.replace(&format!("{}/", folder.display()), "");
        insta::assert_snapshot!(name.trim_end_matches(".toml"), shown);
    }
}

#[test]
fn a_small_file_gets_the_documented_defaults() {
    let config = small(&Variables::default()).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.admin_listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.database_url, "sqlite:bridge.db");
    assert_eq!(config.log, LogFormat::Human);
    assert_eq!(config.retention.bodies, Duration::from_secs(30 * 86_400));
    let bridge = main_bridge(&config);
    assert_eq!(bridge.mode, lane::Mode::Live);
    assert_eq!(
        bridge.jelou.client.gateway_url.as_str(),
        "https://gateway.jelou.ai/"
    );
    assert_eq!(bridge.jelou.client.gateway_prefix, "/jelouapi/v1");
    assert_eq!(
        bridge.jelou.client.api_url.as_str(),
        "https://api.jelou.ai/"
    );
    assert_eq!(
        bridge.jelou.client.messages_url.as_str(),
        "https://chatbot.jelou.ai/"
    );
    assert_eq!(bridge.limits.jelou_rate.to_string(), "5/s");
    assert_eq!(bridge.limits.ticketing_rate.to_string(), "10/s");
    assert_eq!(bridge.limits.call_timeout, Duration::from_secs(10));
    assert_eq!(
        bridge.limits.rules.retry_for,
        Duration::from_secs(72 * 3_600)
    );
    assert_eq!(bridge.limits.rules.event_confirm, Duration::from_secs(60));
    assert_eq!(bridge.safety.min_count, 20);
    assert_eq!(bridge.sweep.overlap, Duration::from_secs(120));
}

#[test]
fn the_example_passes_the_check() {
    let variables = Variables::from([
        ("BRIDGE_ADMIN_TOKEN", "a"),
        ("JELOU_API_KEY", "b"),
        ("JELOU_CLIENT_SECRET", "c"),
        ("JELOU_SIGNING_SECRET", "d"),
        ("ZENDESK_TOKEN", "e"),
        ("ZENDESK_WEBHOOK_SECRET", "f"),
    ]);
    let config = load_with(&repository().join("bridge.example.toml"), &variables);
    if let Err(error) = config {
        panic!("{error}");
    }
}

#[test]
fn a_report_into_fields_needs_a_profile_that_sets_them() {
    let folder = tempfile::tempdir().unwrap();
    let profiles = repository().join("crates/ticketing-adapter/profiles");
    let profile = fs::read_to_string(profiles.join("sandbox.toml")).unwrap();
    let at = profile.find("[operations.set_fields]").unwrap();
    let after = profile[at..].find("\n\n").unwrap();
    let without = format!("{}{}", &profile[..at], &profile[at + after + 2..]);
    fs::write(folder.path().join("bare.toml"), without).unwrap();
    let written = |name: &str| {
        let text = SMALL.replace("profile = \"sandbox\"", &format!("profile = \"{name}\""));
        let client = "client_id = \"c1\"\nclient_secret = \"s2\"\n";
        let text = text.replace("api_key = ", &format!("{client}api_key = "));
        format!(
            "{text}\n[bridges.main.mapping.ticket]\nreport = \"fields\"\nreport_fields = {{ waited = \"{{{{ report.first_reply }}}}\" }}\n"
        )
    };
    let path = folder.path().join("bridge.toml");
    parse(&written("sandbox"), &path, &Variables::default()).unwrap();
    let error = parse(&written("bare.toml"), &path, &Variables::default()).unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("bridges.main.mapping.ticket.report: the profile sets no fields"),
        "{told}"
    );
}

#[test]
fn rules_that_write_on_tickets_need_a_profile_that_does_more_than_make_them() {
    let options = "profile = \"osticket\"\noptions = { mail_domain = \"acme.example\" }";
    let text = SMALL.replace("profile = \"sandbox\"", options);
    let text = text.replace("webhook_secrets", "# webhook_secrets");
    let client = "client_id = \"c1\"\nclient_secret = \"s2\"\napi_key = ";
    let text = text.replace("api_key = ", client);
    let ticket = "[bridges.main.mapping.ticket]\n";
    let closing =
        format!("{ticket}status_on_close = {{ default = \"open\" }}\nreport = \"note\"\n");
    let path = Path::new("bridge.toml");
    let parsed = |more: &str| parse(&format!("{text}\n{more}"), path, &Variables::default());
    parsed(ticket).unwrap();
    let told = parsed(&closing).unwrap_err().to_string();
    for key in ["status_on_close", "report"] {
        let line = format!("bridges.main.mapping.ticket.{key}: nothing can be written on a ticket");
        assert!(told.contains(&line), "{told}");
    }
    // Whether the profile has the word or not: none will ever be read.
    for word in ["open", "solved"] {
        let rule = format!(
            "[bridges.main.mapping.conversation]\nopen_when = \"false\"\nuser_id = \"\"\nclose_on_status = [\"{word}\"]\n"
        );
        let told = parsed(&rule).unwrap_err().to_string();
        let line = "bridges.main.mapping.conversation.close_on_status: no status of a ticket is ever known: the profile only makes tickets; take it out";
        assert!(told.contains(line) && told.lines().count() == 1, "{told}");
    }
    // Nor is any ticket ever read that a rule could ask for.
    let rule = "[bridges.main.mapping.conversation]\nopen_when = \"'vip' in ticket.tags\"\nuser_id = \"1\"\n";
    let told = parsed(rule).unwrap_err().to_string();
    let line = "bridges.main.mapping.conversation.open_when: no ticket is ever read";
    assert!(told.contains(line) && told.lines().count() == 1, "{told}");
}

/// Before either was written: afterwards it would be too late.
#[test]
fn no_two_secrets_are_written_to_one_file() {
    let second = SMALL.replace("bridges.main", "bridges.second");
    let second = second.replace("\"p1\"", "\"p2\"");
    let second = second.replace("\"w1\"", "{ file = \"one\" }");
    let first = SMALL.replace("\"s1\"", "{ file = \"one\" }");
    let path = Path::new("bridge.toml");
    let nothing = Variables::default();
    let told = |text: &str| checked(text, path, &nothing, Purpose::SetUp);
    let problem = told(&format!("{first}{second}")).unwrap_err().to_string();
    let line = "bridges.second.ticketing.webhook_secrets: bridges.main.jelou.signing_secrets begins with the same file";
    assert!(problem.contains(line), "{problem}");
}

/// However its path is written, and whether it is there or yet to be made.
#[test]
fn one_file_by_two_paths_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    fs::create_dir(&kept).unwrap();
    std::os::unix::fs::symlink(&kept, folder.path().join("linked")).unwrap();
    let nothing = Variables::default();
    let second = SMALL.replace("bridges.main", "bridges.second");
    let second = second.replace("\"p1\"", "\"p2\"");
    let told = |path: &Path, one: &str, other: &str| {
        let second = second.replace("\"w1\"", &format!("{{ file = \"{other}\" }}"));
        let first = SMALL.replace("\"s1\"", &format!("{{ file = \"{one}\" }}"));
        let text = format!("{first}{second}");
        let checked = checked(&text, path, &nothing, Purpose::SetUp);
        checked.err().map(|problems| problems.to_string())
    };
    let absolute = kept.join("one");
    let ways = ["kept/../kept/one", "linked/one", absolute.to_str().unwrap()];
    let path = folder.path().join("bridge.toml");
    for written in [false, true] {
        for other in ways {
            let told = told(&path, "kept/one", other).unwrap_or_default();
            assert!(
                told.contains("begins with the same file"),
                "{other}: {told}"
            );
        }
        let apart = told(&path, "kept/one", "one").unwrap_or_default();
        assert!(!apart.contains("begins with the same file"), "{apart}");
        assert!(written || fs::write(&absolute, "s1").is_ok());
    }
    // Beside a configuration that is named without a folder, and in no folder that is there.
    for (one, other) in [("one", "./one"), ("no/such/one", "no/./such/one")] {
        let told = told(Path::new("bridge.toml"), one, other).unwrap_or_default();
        assert!(
            told.contains("begins with the same file"),
            "{other}: {told}"
        );
    }
}

#[test]
fn the_example_fits_the_published_schema() {
    let text = fs::read_to_string(repository().join("bridge.example.toml")).unwrap();
    let example: toml::Table = toml::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let example = serde_json::to_value(example).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(&example)
        .map(|e| e.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    assert!(!validator.is_valid(&serde_json::json!({"bridges": {}, "brigdes": {}})));
}

#[test]
fn the_manual_says_what_the_keys_say() {
    let file = repository().join("docs/CONFIGURATION.md");
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever runs the test asks for a new manual"
    )]
    if std::env::var_os("BLESS").is_some() {
        fs::write(&file, manual()).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == manual(),
        "docs/CONFIGURATION.md differs from the keys; write it anew with BLESS=1 cargo test -p jelou-bridge manual"
    );
}

#[test]
fn a_missing_file_is_unreadable_and_no_problem_of_its_content() {
    let missing = load_with(Path::new("/no/such/bridge.toml"), &Variables::default());
    assert!(matches!(missing, Err(LoadError::Unreadable { .. })));
}

#[test]
fn a_file_that_is_not_utf_8_is_told_of_with_its_line_and_byte() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let own = write("latin1.toml", b"name = \"x\"\ntitle = \"Atenci\xF3n\"\n");
    let text = fs::read_to_string(repository().join("bridge.example.toml")).unwrap();
    let names_it = text.replace("profile = \"zendesk\"", "profile = \"latin1.toml\"");
    let outer = write("bridge.toml", names_it.as_bytes());
    let itself = write(
        "accents.toml",
        &[text.as_bytes(), b"# Atenci\xF3n"].concat(),
    );
    for (path, told, line, byte) in [
        (&outer, &own, 2, 27),
        (&itself, &itself, text.lines().count() + 1, text.len() + 9),
    ] {
        let LoadError::Problems(found) = load_with(path, &Variables::default()).unwrap_err() else {
            panic!("{}", path.display());
        };
        let shown: Vec<String> = found.iter().map(Problem::to_string).collect();
        let wanted = format!(
            "{}:{line}: byte {byte} of the file, 0xF3, is not UTF-8",
            told.display()
        );
        assert!(
            shown.iter().any(|one| one.starts_with(&wanted)),
            "{wanted}: {shown:#?}"
        );
    }
}

#[test]
fn a_variable_stands_in_for_a_key_and_is_read_as_its_type() {
    let variables = Variables::from([
        ("JELOU_BRIDGE__SERVER__LISTEN", "127.0.0.1:9"),
        ("JELOU_BRIDGE__SERVER__ADMIN_TOKEN", "{ env = \"TOKEN\" }"),
        ("TOKEN", "t2"),
        ("JELOU_BRIDGE__BRIDGES__MAIN__MODE", "observe"),
        ("JELOU_BRIDGE__BRIDGES__MAIN__JELOU__PROJECT_ID", "0123"),
        ("JELOU_BRIDGE__BRIDGES__MAIN__JELOU__BOTS", "[\"b9\"]"),
        ("JELOU_BRIDGE__BRIDGES__MAIN__JELOU__API_KEY", "k2"),
        ("JELOU_BRIDGE__BRIDGES__MAIN__SAFETY__MIN_COUNT", "7"),
        ("JELOU_BRIDGE__BRIDGES__MAIN__SAFETY__MAX_SHARE", "0.5"),
        (
            "JELOU_BRIDGE__BRIDGES__MAIN__TICKETING__CREDENTIALS__TOKEN",
            "t3",
        ),
        ("JELOU_BRIDGE_CONFIG", "elsewhere.toml"),
        ("PATH", "/bin"),
    ]);
    let config = small(&variables).unwrap();
    assert_eq!(config.server.listen.port(), 9);
    assert_eq!(config.server.admin_token, Some(Text::new("t2")));
    let bridge = main_bridge(&config);
    assert_eq!(bridge.mode, lane::Mode::Observe);
    assert_eq!(bridge.jelou.client.project_id, "0123");
    assert_eq!(bridge.jelou.bots, [BotId::parse("b9").unwrap()]);
    assert_eq!(bridge.safety.min_count, 7);
    assert!((bridge.safety.max_share - 0.5).abs() < f64::EPSILON);
    assert_eq!(bridge.ticketing.credentials["token"], "t3");
}

#[test]
fn a_bridges_name_may_hold_single_underscores_in_a_variable() {
    let text = SMALL.replace("main", "acme_sales");
    let variables =
        Variables::from([("JELOU_BRIDGE__BRIDGES__ACME_SALES__JELOU__PROJECT_ID", "p9")]);
    let config = parse(&text, Path::new("bridge.toml"), &variables).unwrap();
    let name = BridgeName::parse("acme_sales").unwrap();
    assert_eq!(config.bridges[&name].jelou.client.project_id, "p9");
}

#[test]
fn free_keys_keep_the_spelling_of_the_file_under_a_variable() {
    let text = format!(
        "{SMALL}[bridges.main.mapping.conversation]\nopen_when = \"true\"\nuser_id = \"1\"\nmetadata = {{ orderId = \"1\" }}\n"
    );
    let name = "JELOU_BRIDGE__BRIDGES__MAIN__MAPPING__CONVERSATION__METADATA__ORDERID";
    let found = problems(&text, &Variables::from([(name, "{{ tiket.id }}")]));
    assert_eq!(
        found,
        format!(
            "{name}: bridges.main.mapping.conversation.metadata.orderId: there is no name tiket.id here; did you mean ticket.id?"
        )
    );
}

#[test]
fn a_variable_that_is_wrong_is_told_of_under_its_own_name() {
    let text = format!(
        "{SMALL}[[bridges.main.mapping.call_button]]\nwhen = \"true\"\ntext = \"a\"\ndisplay_text = \"b\"\n"
    );
    let variables = Variables::from([
        ("JELOU_BRIDGE__SERVER__LISEN", "127.0.0.1:9"),
        ("JELOU_BRIDGE__SERVER", "x"),
        (
            "JELOU_BRIDGE__SERVER__PUBLIC_URL",
            "http://bridge.example.org",
        ),
        ("JELOU_BRIDGE__BRIDGES__MAIN__JELOU__BOTS", "b9"),
        (
            "JELOU_BRIDGE__BRIDGES__MAIN__JELOU__SIGNING_SECRETS",
            "[{ env = \"NO_SUCH\" }]",
        ),
        ("JELOU_BRIDGE__BRIDGES__MAIN__SAFETY__MIN_COUNT", "many"),
        ("JELOU_BRIDGE__BRIDGES__MAIN__SAFETY__WINDOW", "10"),
        (
            "JELOU_BRIDGE__BRIDGES__MAIN__MAPPING__CALL_BUTTON__TEXT",
            "x",
        ),
        ("JELOU_BRIDGE__BRIDGES__MAIN__JELOU__API_KEY__ENV", "X"),
    ]);
    insta::assert_snapshot!(problems(&text, &variables));
}

#[test]
fn a_problem_is_one_object_in_json() {
    let error = parse("[bridges]\n", Path::new("b.toml"), &Variables::default()).unwrap_err();
    let LoadError::Problems(found) = error else {
        panic!("it can be read")
    };
    insta::assert_snapshot!(serde_json::to_string(&found).unwrap());
}

#[test]
fn a_secret_file_may_hold_several_lines_but_not_be_for_everyone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("signing", "new\r\nold\n", 0o640);
    write("key", "k\n", 0o600);
    let text = SMALL
        .replace("\"s1\"", "{ file = \"signing\" }, \"s2\"")
        .replace("\"k1\"", "{ file = \"key\" }");
    let path = folder.path().join("bridge.toml");
    let config = parse(&text, &path, &Variables::default()).unwrap();
    let secrets = &main_bridge(&config).jelou.signing_secrets;
    assert_eq!(secrets, &["new", "old", "s2"].map(Text::from));

    write("signing", "new\n", 0o644);
    write("key", "k\nk2\n", 0o600);
    let error = parse(&text, &path, &Variables::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("everyone on this machine can read"),
        "{error}"
    );
    assert!(error.contains("chmod 640"), "{error}");
    assert!(error.contains("several lines"), "{error}");
    write("signing", "\n", 0o600);
    write("key", "", 0o600);
    let error = parse(&text, &path, &Variables::default())
        .unwrap_err()
        .to_string();
    assert_eq!(error.matches("the secret is empty").count(), 2, "{error}");
}

#[test]
fn no_secret_shows_in_debug_output_or_in_problems() {
    let secret = "hunter2hunter2";
    let text = ["k1", "s1", "t1", "w1"]
        .iter()
        .fold(SMALL.to_owned(), |text, old| text.replace(old, secret));
    let config = parse(&text, Path::new("bridge.toml"), &Variables::default()).unwrap();
    assert!(!format!("{config:?}").contains(secret));

    let broken = text
        .replace("project_id", "projct_id")
        .replace(
            &format!("api_key = \"{secret}\""),
            &format!("api_key = \"{secret}\\u0007\""),
        )
        .replace("token =", "tokn =");
    let found = problems(&broken, &Variables::default());
    assert!(!found.contains(secret), "{found}");

    let torn = SMALL.replace("[\"s1\"]", &format!("[\n\"{secret}=\n]"));
    let found = problems(&torn, &Variables::default());
    assert!(!found.contains(secret), "{found}");
}

#[test]
fn every_key_that_must_be_given_has_an_example_to_show() {
    fn walk(node: &Value, key: &str, without: &mut Vec<String>) {
        let required = node.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            let below = schema::under(node, name).unwrap();
            let leaf =
                schema::keys(below).next().is_none() && below.get("additionalProperties").is_none();
            let shown = below.get("examples").is_some() || !schema::choices(below).is_empty();
            if leaf && !shown && schema::kind(node) != Some("secret") {
                without.push(format!("{key}.{name}"));
            }
        }
        for name in schema::keys(node) {
            walk(
                schema::under(node, name).unwrap(),
                &format!("{key}.{name}"),
                without,
            );
        }
        for inner in ["items", "additionalProperties"] {
            if let Some(inner) = node.get(inner).filter(|inner| inner.is_object()) {
                walk(inner, &format!("{key}[]"), without);
            }
        }
    }
    let mut without = Vec::new();
    walk(&schema(), "", &mut without);
    assert_eq!(without, Vec::<String>::new());
}
