//! Which room may do what. Neighbour: dependencies, the same laws seen from the manifests.

use crate::{
    none,
    tree::{self, Rust, places},
};

const STORE: &str = "crates/daemon/src/store/";
const JOBS: &str = "crates/daemon/src/jobs/";
const CONFIG: &str = "crates/daemon/src/config/";
const PERFORM: &str = "crates/daemon/src/perform.rs";

/// What a person orders by `setup`, and no Lane ever does: the writes of the integration, and of the
/// ticketing system's webhooks.
const SETUP: &str = "crates/daemon/src/setup/";
const INTEGRATION: &str = "crates/jelou-adapter/src/client/integration.rs";
const HOOKS: &str = "crates/ticketing-adapter/src/client/setup.rs";

/// Where the remotes may be read. Each of these hands what it found to the rules, or to a person.
const READERS: [&str; 8] = [
    "crates/daemon/src/observe.rs",
    "crates/daemon/src/explain/",
    "crates/daemon/src/jobs/routes",
    "crates/daemon/src/jobs/history.rs",
    "crates/daemon/src/jobs/reports/mod.rs",
    "crates/daemon/src/jobs/sweep",
    "crates/daemon/src/api/",
    SETUP,
];

/// The clients, and those of their calls that only look. Every other call of theirs is a write.
const CLIENTS: [(&str, &str, &[&str]); 8] = [
    (
        "jelou",
        "crates/jelou-adapter/src/client/mod.rs",
        &["conversation"],
    ),
    ("jelou", "crates/jelou-adapter/src/client/say.rs", &[]),
    (
        "jelou",
        "crates/jelou-adapter/src/client/listing.rs",
        &["attended", "history"],
    ),
    ("jelou", INTEGRATION, &["integration"]),
    ("ticketing", HOOKS, &["look_at_part", "part_secret"]),
    (
        "ticketing",
        "crates/ticketing-adapter/src/client/words.rs",
        &["statuses"],
    ),
    (
        "jelou",
        "crates/jelou-adapter/src/client/user_state.rs",
        &["answered_by"],
    ),
    (
        "ticketing",
        "crates/ticketing-adapter/src/client/mod.rs",
        &[
            "ticket",
            "open_tickets",
            "tickets_by_conversation",
            "has_note",
            "comments",
            "changed_since",
            "commented_since",
        ],
    ),
];

/// How the daemon writes down a call of each kind.
struct Calls {
    writes: Vec<String>,
    reads: Vec<String>,
}

fn calls_there_are() -> Calls {
    let (mut writes, mut reads) = (Vec::new(), Vec::new());
    for (field, path, looks) in CLIENTS {
        let source = tree::read(path);
        let methods = source.split("pub async fn ").skip(1);
        for method in methods.filter_map(|rest| rest.split(['(', '<']).next()) {
            let call = format!(".{field}.{method}(");
            if looks.contains(&method) {
                reads.push(call);
            } else {
                writes.push(call);
            }
        }
        assert!(
            looks
                .iter()
                .all(|look| source.contains(&format!("pub async fn {look}("))),
            "{path} has every read that is named here"
        );
    }
    Calls { writes, reads }
}

fn outside(rooms: &[&str]) -> Vec<Rust> {
    tree::shipped()
        .into_iter()
        .filter(|file| !rooms.iter().any(|room| file.path.starts_with(room)))
        .collect()
}

fn in_code(files: &[Rust], needles: &[&str]) -> Vec<String> {
    files
        .iter()
        .flat_map(|file| {
            needles
                .iter()
                .flat_map(|needle| places(&file.path, &file.code, needle))
        })
        .collect()
}

#[test]
fn sql_is_written_in_the_store_alone() {
    let files = outside(&[STORE]);
    none("sqlx is the store's", &in_code(&files, &["sqlx"]));
    let sql = [
        "SELECT ",
        "INSERT INTO ",
        "DELETE FROM ",
        "CREATE TABLE ",
        "PRAGMA ",
        " SET ",
    ];
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| {
            sql.iter()
                .flat_map(|word| places(&file.path, &file.said, word))
        })
        .collect();
    none("SQL is the store's", &found);
}

#[test]
fn apalis_is_known_in_jobs_alone() {
    none(
        "apalis is the jobs'",
        &in_code(&outside(&[JOBS]), &["apalis"]),
    );
}

#[test]
fn only_perform_writes_to_a_remote_and_the_set_up_what_it_sets_up() {
    let (of_setup, others): (Vec<String>, Vec<String>) = {
        let source = tree::read(INTEGRATION) + &tree::read(HOOKS);
        let declared = |call: &String| {
            let method = call.rsplit('.').next().unwrap_or_default();
            let method = method.trim_end_matches('(');
            source.contains(&format!("pub async fn {method}("))
        };
        calls_there_are().writes.into_iter().partition(declared)
    };
    assert_eq!(
        of_setup.len(),
        7,
        "make, change and remove at each side, exchange: {of_setup:?}"
    );
    let mut found = made(&outside(&[PERFORM]), &others);
    found.extend(made(&outside(&[SETUP]), &of_setup));
    none("a write to a remote belongs into perform", &found);
}

#[test]
fn perform_does_every_effect_so_the_law_above_looks_for_the_right_names() {
    let perform: Vec<Rust> = tree::shipped()
        .into_iter()
        .filter(|file| file.path == PERFORM)
        .collect();
    let effects = perform[0].code.matches("Effect::").count();
    let calls = made(&perform, &calls_there_are().writes);
    assert_eq!(calls.len(), effects, "one call for each effect: {calls:#?}");
}

#[test]
fn remotes_are_read_where_it_is_said_and_nowhere_else() {
    let found = made(&outside(&READERS), &calls_there_are().reads);
    none("a read of a remote belongs into observe", &found);
}

/// Which of these calls the daemon makes in these files, also where a line breaks before a dot.
fn made(files: &[Rust], calls: &[String]) -> Vec<String> {
    let daemon = files
        .iter()
        .filter(|file| file.path.starts_with("crates/daemon/"));
    daemon
        .flat_map(|file| {
            let tight: String = file.code.chars().filter(|c| !c.is_whitespace()).collect();
            calls
                .iter()
                .filter(move |call| tight.contains(call.as_str()))
                .map(move |call| format!("{}: {call}..)", file.path))
        })
        .collect()
}

#[test]
fn the_environment_is_read_in_config_alone() {
    let files = outside(&[CONFIG]);
    let found = in_code(
        &files,
        &[
            "env::var",
            "env::set_var",
            "env::remove_var",
            "env::temp_dir",
        ],
    );
    none("the environment is config's", &found);
}

#[test]
fn the_time_is_asked_for_in_the_clock_alone() {
    let clocks = ["crates/daemon/src/clock.rs", "crates/sandbox/src/clock.rs"];
    let asks = [
        "SystemTime::now",
        "std::time::Instant::now",
        "Timestamp::now()",
        "Zoned::now",
    ];
    none("the clock is handed in", &in_code(&outside(&clocks), &asks));
}

#[test]
fn core_waits_for_nothing_and_opens_nothing() {
    let core: Vec<Rust> = tree::shipped()
        .into_iter()
        .filter(|file| file.path.starts_with("crates/core/src/"))
        .collect();
    assert!(core.len() > 20, "core is there");
    let unwanted = [
        "async fn",
        ".await",
        "std::fs",
        "std::net",
        "std::thread",
        "Instant",
        "SystemTime",
        "std::env",
        "rand::",
        "println!",
        "static mut",
    ];
    none("core is pure", &in_code(&core, &unwanted));
}

#[test]
fn only_the_command_line_prints() {
    let files = outside(&[
        "crates/daemon/src/cli",
        "crates/daemon/src/main.rs",
        "crates/daemon/src/demo",
    ]);
    none(
        "what runs, logs; what is asked, prints",
        &in_code(&files, &["println!", "print!("]),
    );
}

#[test]
fn what_only_one_ticketing_system_would_recognise_is_data() {
    let names = [
        "zendesk",
        "freshdesk",
        "zammad",
        "request tracker",
        "request-tracker",
        "request_tracker",
        "glpi",
        "jira",
        "hubspot",
        "intercom",
        "osticket",
        "otrs",
        "servicenow",
        "redmine",
        "django",
    ];
    let mut found = Vec::new();
    for file in tree::shipped() {
        for (number, line) in file.said.lines().enumerate() {
            let low = line.to_lowercase();
            if names.iter().any(|name| low.contains(name)) {
                found.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    none("a vendor's ways belong into its profile", &found);
}
