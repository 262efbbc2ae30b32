//! What each filter does, and that a missing value goes through it.

use super::*;
use crate::profile::expr::{Expr, Names, from_json, json_of};
use serde_json::{Value as Json, json};

fn eval(source: &str, data: Json) -> Json {
    let expr = Expr::compile(source, &Names::new(&["x.*", "y.*"]))
        .unwrap_or_else(|e| panic!("{}", e.what));
    let value = expr.value(&from_json(&data)).unwrap();
    json_of(&value).unwrap().unwrap_or(Json::Null)
}

fn check<const N: usize>(cases: [(&str, Json, Json); N]) {
    for (source, data, expected) in cases {
        assert_eq!(eval(source, data.clone()), expected, "{source} of {data}");
    }
}

#[test]
fn lists_and_maps_are_turned_as_the_manual_says() {
    let cases = [
        (
            "x | all('by', 'a')",
            json!({ "x": [{ "by": "a" }, { "by": "a" }] }),
            json!(true),
        ),
        (
            "x | all('by', 'a')",
            json!({ "x": [{ "by": "a" }, { "by": "b" }] }),
            json!(false),
        ),
        ("x | all('by', 'a')", json!({ "x": [] }), json!(false)),
        (
            "x | base64_text",
            json!({ "x": "bm90\nYQ==" }),
            json!("nota"),
        ),
        ("x | base64_text", json!({ "x": "%%" }), Json::Null),
        (
            "x | parameter('id')",
            json!({ "x": "/glpi11/front/user.form.php?a=3&id=35#b=4" }),
            json!("35"),
        ),
        (
            "x | parameter('id')",
            json!({ "x": ["/a?id=7", "/b"] }),
            json!(["7", null]),
        ),
        ("x | parameter('id')", json!({ "x": "/a/id=3" }), Json::Null),
        (
            "x | column('id')",
            json!({ "x": [{ "id": 1 }, { "id": "b" }] }),
            json!([1, "b"]),
        ),
        ("x | digits", json!({ "x": "\"57\" +5" }), json!("575")),
        (
            "x | entries('k', 'v', numeric=true)",
            json!({ "x": { "360": "a", "007": "b" } }),
            json!([{ "k": "007", "v": "b" }, { "k": 360, "v": "a" }]),
        ),
        (
            "(x | find('id', 5)).name",
            json!({ "x": [{ "id": "5", "name": "n" }] }),
            json!("n"),
        ),
    ];
    check(cases);
}

#[test]
fn texts_are_turned_as_the_manual_says() {
    let cases = [
        ("x | first", json!({ "x": [7, 8] }), json!(7)),
        (
            "x | inert",
            json!({ "x": "{{a}} {%b%} {#d#} {c}" }),
            json!("{\u{2060}{a}} {\u{2060}%b%\u{2060}} {\u{2060}#d#} {c}"),
        ),
        (
            "(x | find('to.name', 'b')).n",
            json!({ "x": [{ "n": 1, "to": { "name": "a" } }, { "n": 2, "to": { "name": "b" } }] }),
            json!(2),
        ),
        (
            "x | column('a.b')",
            json!({ "x": [{ "a.b": 1 }, { "a": { "b": 2 } }] }),
            json!([1, 2]),
        ),
        (
            "x | inert",
            json!({ "x": { "f": "{{{" } }),
            json!({ "f": "{\u{2060}{\u{2060}{" }),
        ),
        (
            "x | last_segment",
            json!({ "x": "http://h/a/b/12?c=d/e" }),
            json!("12"),
        ),
        (
            "x | line",
            json!({ "x": " a\r\nb\u{2028}c\t" }),
            json!("a  b c"),
        ),
        ("x | trim", json!({ "x": " a\n" }), json!("a")),
        ("x | lower", json!({ "x": "ÁB" }), json!("áb")),
        ("x | number", json!({ "x": "42" }), json!(42)),
        ("x | number", json!({ "x": "042" }), json!("042")),
        (
            "x | pairs('k', 'v')",
            json!({ "x": [{ "k": 1, "v": [2] }, { "k": null, "v": 3 }] }),
            json!({ "1": [2] }),
        ),
        (
            "x | plain",
            json!({ "x": "a\u{0}b\u{7}\r\n\tc" }),
            json!("ab\u{FFFD}\r\n\tc"),
        ),
        (
            "x | quoted",
            json!({ "x": "o'n\\e\r\n" }),
            json!("'o\\'n\\\\e'"),
        ),
        (
            "x | singles",
            json!({ "x": { "a": [1], "b": [], "c": [1, 2], "d": "e" } }),
            json!({ "a": 1, "c": [1, 2], "d": "e" }),
        ),
        (
            "x | with(y, 'v')",
            json!({ "x": { "a": 1 }, "y": "k" }),
            json!({ "a": 1, "k": "v" }),
        ),
        (
            "x | with(y, 'v')",
            json!({ "x": { "a": 1 } }),
            json!({ "a": 1 }),
        ),
    ];
    check(cases);
}

#[test]
fn times_are_read_and_written_as_the_manual_says() {
    let cases = [
        (
            "x | time",
            json!({ "x": "2013-12-12T05:35Z" }),
            json!(1_386_826_500_000_i64),
        ),
        (
            "x | time",
            json!({ "x": 1_386_826_500 }),
            json!(1_386_826_500_000_i64),
        ),
        (
            "x | format_time('%Y-%m-%d %H:%M:%S')",
            json!({ "x": 1_795_228_183_000_i64 }),
            json!("2026-11-21 02:29:43"),
        ),
        ("x | time", json!({ "x": "yesterday" }), Json::Null),
    ];
    check(cases);
}

#[test]
fn a_missing_value_goes_through_every_filter_without_an_error() {
    for name in NAMES {
        for data in [
            json!({}),
            json!({ "x": null }),
            json!({ "x": true }),
            json!({ "x": 1.5 }),
        ] {
            let arguments = arguments(name).join(", ");
            eval(&format!("x | {name}({arguments})"), data);
        }
    }
}

#[test]
fn a_long_line_is_cut_between_characters_as_people_see_them() {
    let family = "👩\u{200D}👩\u{200D}👧";
    let words = format!("{}{family}", "a".repeat(198));
    let cut = eval("x | line", json!({ "x": words }));
    assert_eq!(cut, json!("a".repeat(198)));
    let accent = format!("{}e\u{301}", "a".repeat(199));
    assert_eq!(
        eval("x | line", json!({ "x": accent })),
        json!("a".repeat(199))
    );
}
