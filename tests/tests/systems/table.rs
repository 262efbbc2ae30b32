//! The table of what each system can do, as the manual shows it. Neighbour: `suite`, which it is made of.

use crate::{desk::System, suite::STORIES};

const BEGIN: &str = "<!-- the stories: tests/tests/systems/table.rs writes this -->\n";
const END: &str = "<!-- the end of the stories -->\n";

/// A row for each story, a column for each system.
fn table() -> String {
    let titles: Vec<&str> = System::ALL.iter().map(|(_, title)| *title).collect();
    let mut table = format!(
        "| story | {} |\n|---{}|\n",
        titles.join(" | "),
        "|---".repeat(titles.len())
    );
    for story in STORIES {
        let cells = System::ALL
            .iter()
            .map(|(system, _)| story.lacked_by(*system));
        let cells: Vec<String> = cells
            .map(|lacked| match lacked {
                None => "plays".to_owned(),
                Some(reason) => format!("cannot: {reason}"),
            })
            .collect();
        let name = story.name.replace('_', " ");
        table.push_str(&format!("| {name} | {} |\n", cells.join(" | ")));
    }
    table
}

#[test]
#[expect(clippy::disallowed_methods, reason = "BLESS=1 writes the manual anew")]
fn the_manuals_table_of_stories_is_the_suites() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROFILES.md");
    let manual = std::fs::read_to_string(path).expect("the manual");
    let (before, rest) = manual.split_once(BEGIN).expect("the table's beginning");
    let (kept, after) = rest.split_once(END).expect("the table's end");
    if std::env::var_os("BLESS").is_some() {
        let anew = format!("{before}{BEGIN}{}{END}{after}", table());
        std::fs::write(path, anew).expect("the manual written");
        return;
    }
    assert_eq!(
        kept,
        table(),
        "write it anew with BLESS=1 cargo test -p bridge-tests --test systems table"
    );
}
