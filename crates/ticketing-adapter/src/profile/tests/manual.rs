//! The table of operations in `docs/PROFILES.md`, written from what is checked.

use super::super::{Profile, complete::needed, names::Must, rules::Kind};

const MANUAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/PROFILES.md");
const BEGIN: &str = "<!-- the operations: the check's own table writes this -->\n";
const END: &str = "<!-- the end of the operations -->";

fn table() -> String {
    let mut table =
        "| operation | must name | may name too | must have |\n|---|---|---|---|\n".to_owned();
    for kind in Kind::ALL {
        let musts: Vec<String> = kind.musts().iter().map(in_words).collect();
        let rest = |name: &&&str| {
            let mut musts = kind.musts().iter();
            !musts.any(|must| must.one_of.contains(name))
        };
        let may: Vec<String> = kind
            .names()
            .iter()
            .filter(rest)
            .map(|name| ticked(name))
            .collect();
        let have: Vec<String> = needed(kind).into_iter().map(key).collect();
        table += &format!(
            "| `{}` | {} | {} | {} |\n",
            kind.key(),
            musts.join("; "),
            may.join(", "),
            have.join(", ")
        );
    }
    table
}

fn in_words(must: &Must) -> String {
    let names: Vec<String> = must.one_of.iter().map(|name| ticked(name)).collect();
    let reason = if must.unfiltered {
        ", or why not: `unfiltered`"
    } else {
        ""
    };
    format!("{}{}{reason}", names.join(" or "), must.when.in_words())
}

/// A status alone proves nothing: `ok_when` is one of the ways to say what does.
fn key(name: &str) -> String {
    if name == "ok_when" {
        return "a proof".to_owned();
    }
    ticked(name)
}

fn ticked(name: &str) -> String {
    format!("`{}`", name.trim_end_matches(".*"))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "BLESS=1 writes the manual anew")]
fn the_manual_tells_what_each_operation_must_name() {
    let page = std::fs::read_to_string(MANUAL).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the table's place");
    let (kept, after) = rest.split_once(END).expect("the table's end");
    let table = table();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(MANUAL, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        kept, table,
        "run with BLESS=1 to write the table of docs/PROFILES.md anew"
    );
}

/// Who follows a profile's words finds what they name.
#[test]
fn what_a_profile_points_at_below_deploy_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seen = 0;
    for name in Profile::builtin_names() {
        let profile = Profile::builtin(name).unwrap();
        for (at, _) in profile.text().match_indices("deploy/") {
            let rest = &profile.text()[at..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && !"/.-_".contains(c));
            let path = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
            assert!(root.join(path).exists(), "{name}: {path}");
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}
