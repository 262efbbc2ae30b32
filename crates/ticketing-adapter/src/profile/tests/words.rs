//! What is wrong with the file as a file is told in our words, all of it at once.

use super::told;

/// What is written, and what is written in its place.
const MISWRITTEN: &[(&str, &str)] = &[
    ("title = \"Small\"", "titel = \"Small\""),
    ("title = \"Small\"", "title = \"Small\"\ntitle = \"Large\""),
    ("[operations.get]", "[operations.gett]"),
    ("method = \"PUT\"", "method = \"PATHC\""),
    ("method = \"PUT\"", "methd = \"PUT\""),
    (
        "method = \"PUT\"",
        "method = \"PUT\"\nok = 200\npage_size = \"50\"",
    ),
    (
        "method = \"PUT\"",
        "method = \"PUT\"\nok = [\"200\"]\nquery.page = 1",
    ),
    ("method = \"PUT\"", "method = \"PUT\"\npage_size = -1"),
    ("resolve.by = \"idempotent\"", "resolve = \"idempotent\""),
    ("resolve.by = \"idempotent\"", "resolve.by = \"idempotet\""),
    (
        "resolve.by = \"idempotent\"",
        "resolve = { by = \"lagging_search\", lag = 60 }",
    ),
    ("id = \"it.id\"\n", ""),
    ("[ticket.api]", "[ticket]"),
    ("[webhook]", "[webhook]\n[webhook]"),
    ("[vocabulary]\nstatuses", "[vocabulary\nstatuses"),
    ("encoding = \"hex\"", "encoding = hex"),
    ("recognised = \"body.id\"", "recognized_by = \"body.id\""),
    (
        "event = \"ticket_changed\"",
        "event = \"ticket_changed\"\nwhen = \"a\"",
    ),
];

#[test]
fn what_is_miswritten_is_told_in_our_words_with_its_line_its_key_and_the_remedy() {
    let mut report = Vec::new();
    for (old, new) in MISWRITTEN {
        let told = told(old, new);
        for theirs in [
            "expected one of",
            "invalid type",
            "missing field",
            "unknown variant",
        ] {
            assert!(!told.contains(theirs), "{new}: {told}");
        }
        assert!(!told.contains(": :"), "{new}: {told}");
        report.push(format!(
            "{}\n    {}",
            new.replace('\n', "\\n"),
            told.replace('\n', "\n    ")
        ));
    }
    insta::assert_snapshot!(report.join("\n\n"));
}
