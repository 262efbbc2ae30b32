use super::*;
use std::sync::{Arc, Mutex};
use tracing_subscriber::Registry;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is on the page after `act` logged to it.
fn log(format: LogFormat, level: Option<&str>, act: impl FnOnce()) -> String {
    let page = Page::default();
    let out = page.clone();
    let layer = layer::<Registry, _>(format, level, move || out.clone()).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), act);
    let bytes = page.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn an_event_is_one_line_whatever_it_holds() {
    let page = log(LogFormat::Human, None, || {
        tracing::info!(
            ticket.id = "7\n2026 ERROR forged",
            odd = "\u{1b}[2J\u{202e}eno\u{7f}",
            "Linked\r\nsomething"
        );
    });
    assert_eq!(page.lines().count(), 1, "{page:?}");
    assert!(page.ends_with('\n'));
    for bad in ['\u{1b}', '\u{202e}', '\r', '\u{7f}'] {
        assert!(!page.contains(bad), "{page:?}");
    }
    assert!(page.contains("\\u{202e}"), "{page:?}");
}

#[test]
fn a_json_line_is_one_object_with_the_same_text_and_no_turning_characters() {
    let page = log(LogFormat::Json, None, || {
        tracing::warn!(ticket.id = "7\n8", "Turned \u{202e}around\u{85}, Olá");
    });
    assert_eq!(page.lines().count(), 1);
    assert!(!page.contains(['\u{202e}', '\u{85}']));
    let line: serde_json::Value = serde_json::from_str(&page).unwrap();
    assert_eq!(line["message"], "Turned \u{202e}around\u{85}, Olá");
    assert_eq!(line["ticket.id"], "7\n8");
    assert_eq!(line["level"], "WARN");
}

#[test]
fn other_crates_are_heard_from_warn_up_even_where_trace_is_asked_for() {
    let speak = || {
        tracing::trace!("ours");
        tracing::debug!(target: "hyper::proto", "theirs");
        tracing::warn!(target: "sqlx::query", "slow");
    };
    let page = log(LogFormat::Human, Some("trace"), speak);
    assert!(page.contains("ours") && page.contains("slow"), "{page}");
    assert!(!page.contains("theirs"), "{page}");
    let page = log(LogFormat::Human, Some("hyper=trace"), speak);
    assert!(!page.contains("theirs"), "{page}");
}

#[test]
fn without_a_level_it_is_info() {
    let page = log(LogFormat::Human, None, || {
        tracing::info!("said");
        tracing::debug!("unsaid");
    });
    assert!(page.contains(" said") && !page.contains("unsaid"), "{page}");
    let page = log(LogFormat::Human, Some("jelou_bridge=debug"), || {
        tracing::debug!("said");
    });
    assert!(page.contains("said"));
}

#[test]
fn a_level_that_is_none_is_told_and_not_taken_for_silence() {
    for wrong in ["verbose", "debug,loud", "jelou_bridge=loud"] {
        let error = layer::<Registry, _>(LogFormat::Human, Some(wrong), io::sink).err();
        let told = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            told.contains("error, warn, info, debug or trace"),
            "{wrong}: {told}"
        );
    }
}

#[test]
fn the_manual_names_every_field_that_is_logged() {
    let crates = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let manual = std::fs::read_to_string(crates.join("../docs/LOGGING.md")).unwrap();
    let rows = manual.lines().filter(|line| line.starts_with("| `"));
    let named: Vec<&str> = rows
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    let mut unnamed = Vec::new();
    let mut logged = 0;
    for file in sources(crates) {
        for field in fields_of(&std::fs::read_to_string(&file).unwrap()) {
            logged += 1;
            if !named.contains(&field.as_str()) {
                unnamed.push(format!("{}: {field}", file.display()));
            }
        }
    }
    assert!(
        logged > 50,
        "the search finds hardly any field: it is broken"
    );
    assert!(unnamed.is_empty(), "not in docs/LOGGING.md: {unnamed:#?}");
}

/// The source files of all crates, without tests.
fn sources(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("tests") {
            continue;
        }
        if path.is_dir() {
            found.extend(sources(&path));
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    found
}

/// The fields of each logging macro in a source: what stands before the sentence.
fn fields_of(source: &str) -> Vec<String> {
    let levels = ["trace!(", "debug!(", "info!(", "warn!(", "error!("];
    let calls = levels.iter().flat_map(|level| source.match_indices(level));
    let mut fields = Vec::new();
    for (at, level) in calls {
        if source[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            continue;
        }
        let (mut depth, mut field) = (0, String::new());
        for character in source[at + level.len()..].chars() {
            match character {
                '"' | ')' if depth == 0 => break,
                ',' if depth == 0 => fields.push(std::mem::take(&mut field)),
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ if depth == 0 => field.push(character),
                _ => {}
            }
        }
    }
    let name = |field: String| {
        let name = field.split('=').next().unwrap_or_default();
        name.trim().trim_start_matches(['%', '?']).to_owned()
    };
    fields.into_iter().map(name).collect()
}
