//! The table of what each system can do, as the manual shows it: a run of a system's stories holds its column
//! to what it did. Neighbour: `suite`, whose stories are the rows.
//!
//! Each system is a process of its own and may be left out, so nobody sees all columns at once: each run
//! answers for one, and the frame for there being a cell for every story and system.

use crate::{desk::System, suite::STORIES};
use std::{collections::BTreeMap, fmt, fs::File, path::Path};

const BEGIN: &str =
    "<!-- the stories: each system's run writes its column, tests/tests/systems/table.rs -->\n";
const END: &str = "<!-- the end of the stories -->\n";
const MANUAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROFILES.md");

/// The cell of a story that no run has ended yet.
const NOT_PLAYED: &str = "not played";

/// How a story ended on a system. One that fails ends the run.
pub enum Outcome {
    /// It was played, and all of it held.
    Plays,
    /// The system's profile lacks what the story rests on, for this reason.
    Cannot(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plays => to.write_str("plays"),
            Self::Cannot(reason) => write!(to, "cannot: {}", reason.replace('|', "\\|")),
        }
    }
}

/// The cells, by story and title.
type Cells = BTreeMap<(String, String), String>;

/// Asserts that the manual's column of a system says how its stories ended just now, in their order.
/// `BLESS=1` writes it.
pub fn holds(system: System, ended: &[Outcome]) {
    assert_eq!(ended.len(), STORIES.len(), "each story has an end");
    let title = system.title();
    let ended = STORIES.iter().zip(ended);
    let ended = ended.map(|(story, outcome)| (story.title.to_owned(), outcome.to_string()));
    let manual = Manual::open();
    let mut cells = manual.cells();
    if is_blessed() {
        for (story, outcome) in ended {
            cells.insert((story, title.to_owned()), outcome);
        }
        manual.write(&shown(&cells));
        return;
    }
    for (story, outcome) in ended {
        let kept = cells.remove(&(story.clone(), title.to_owned()));
        assert_eq!(
            kept.as_deref(),
            Some(&*outcome),
            "docs/PROFILES.md is on the left, this run on the right: {story:?} of {title}; \
             write the column anew with BLESS=1 and this same test"
        );
    }
}

#[test]
fn the_manual_has_a_cell_for_every_story_and_system_that_a_run_wrote() {
    let manual = Manual::open();
    let cells = manual.cells();
    if is_blessed() {
        manual.write(&shown(&cells));
        return;
    }
    assert_eq!(
        manual.table(),
        shown(&cells),
        "another story or system than there is; BLESS=1 cargo test -p bridge-tests --test systems table \
         frames it anew"
    );
    let open = cells.iter().filter(|(_, cell)| *cell == NOT_PLAYED);
    let open: Vec<_> = open.map(|(of, _)| of).collect();
    assert!(
        open.is_empty(),
        "play these with BLESS=1 (the real systems in tests/run systems): {open:?}"
    );
}

/// A row for each story, a column for each system.
fn shown(cells: &Cells) -> String {
    let titles: Vec<&str> = System::ALL.iter().map(|(_, title)| *title).collect();
    let mut table = format!(
        "| story | {} |\n|---{}|\n",
        titles.join(" | "),
        "|---".repeat(titles.len())
    );
    for story in STORIES.iter().map(|story| story.title) {
        let cell = |title: &&str| cells.get(&(story.to_owned(), (*title).to_owned()));
        let cells = titles.iter().map(cell);
        let cells: Vec<&str> = cells
            .map(|cell| cell.map_or(NOT_PLAYED, String::as_str))
            .collect();
        table.push_str(&format!("| {story} | {} |\n", cells.join(" | ")));
    }
    table
}

/// The page, which no other run writes meanwhile.
struct Manual {
    text: String,
    _alone: File,
}

impl Manual {
    fn open() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("the-table-of-stories.lock");
        let alone = File::create(path).expect("a file in the target folder");
        alone.lock().expect("its lock");
        Self {
            text: std::fs::read_to_string(MANUAL).expect("the manual"),
            _alone: alone,
        }
    }

    fn parts(&self) -> (&str, &str, &str) {
        let (before, rest) = self.text.split_once(BEGIN).expect("the table's beginning");
        let (table, after) = rest.split_once(END).expect("the table's end");
        (before, table, after)
    }

    fn table(&self) -> &str {
        self.parts().1
    }

    /// What stands in the table, and [`NOT_PLAYED`] where a row or a column is missing.
    fn cells(&self) -> Cells {
        let mut lines = self.table().lines().map(split);
        let titles = lines.next().unwrap_or_default();
        let mut cells = Cells::new();
        for story in STORIES.iter().map(|story| story.title) {
            for (_, title) in System::ALL {
                let of = (story.to_owned(), (*title).to_owned());
                cells.insert(of, NOT_PLAYED.to_owned());
            }
        }
        for line in lines.skip(1) {
            let Some((story, told)) = line.split_first() else {
                continue;
            };
            for (title, told) in titles.iter().skip(1).zip(told) {
                let cell = cells.get_mut(&(story.clone(), title.clone()));
                if let Some(cell) = cell {
                    cell.clone_from(told);
                }
            }
        }
        cells
    }

    fn write(&self, table: &str) {
        let (before, _, after) = self.parts();
        let anew = format!("{before}{BEGIN}{table}{END}{after}");
        std::fs::write(MANUAL, anew).expect("the manual written");
    }
}

/// The cells of a line of the table.
fn split(line: &str) -> Vec<String> {
    let inside = line.trim().trim_start_matches("| ").trim_end_matches(" |");
    inside.split(" | ").map(str::to_owned).collect()
}

#[expect(clippy::disallowed_methods, reason = "BLESS=1 writes the manual anew")]
fn is_blessed() -> bool {
    std::env::var_os("BLESS").is_some()
}
