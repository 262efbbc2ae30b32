//! Frontdesk, the helpdesk of docs/PROFILE-TUTORIAL.md: it behaves as that page says. Neighbour: `fake`, its
//! server and the agent's hands.
//!
//! The profile is the page's own, joined from its pieces.

use super::{
    Config, File, Seen,
    fake::{Answer, Asked, Hook, Told, Vendor, now, paged, signed, written},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};
use ticketing_adapter::profile::Profile;

const KEY: &str = "key-of-the-bridge";

const PAGE: usize = 50;

const AGENT: &str = "agent:eva";

const BRIDGE: &str = "robot:bridge";

const PAGE_OF_THE_MANUAL: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROFILE-TUTORIAL.md");

/// The profile that who follows the page has at its end.
pub fn profile() -> String {
    let page = std::fs::read_to_string(PAGE_OF_THE_MANUAL).expect("the page");
    let pieces = page.split("```toml\n").skip(1);
    let pieces = pieces.map(|piece| piece.split_once("```").expect("a whole piece").0);
    pieces.collect()
}

/// What it keeps.
pub struct World {
    cases: BTreeMap<u64, Value>,
    lines: BTreeMap<u64, Vec<Value>>,
    last: u64,
    posted: u64,
    secret: String,
    profile: PathBuf,
}

/// A refusal: the status and the word.
type Refused = (u16, &'static str);

fn today() -> String {
    written(now(), "%Y-%m-%dT%H:%M:%SZ")
}

impl Vendor for World {
    fn config(&self) -> Config {
        Config {
            profile: self.profile.display().to_string(),
            credentials: format!("token = \"{KEY}\""),
            options: "{}".to_owned(),
            creates_at: "/v1/cases",
            logs_in_at: None,
            solved: "resolved",
            open_again: "open",
            lag: Duration::ZERO,
            webhooks: true,
        }
    }

    fn answers(&mut self, asked: &Asked, told: &mut Told) -> Option<Answer> {
        if asked.header("x-api-key") != KEY {
            return Some(Answer::from((401, json!({ "error": "key" }))));
        }
        let answer = self.answered(asked, told)?;
        let (status, body) =
            answer.unwrap_or_else(|(status, word)| (status, json!({ "error": word })));
        Some(Answer::from((status, body)))
    }

    fn knows_no_such_call(&self) -> Answer {
        Answer::from((404, json!({ "error": "unknown" })))
    }

    fn opens(&mut self, user: &str, subject: &str, told: &mut Told) -> String {
        let asked = json!({"title": subject, "text": subject, "phone": format!("+{user}"), "name": "A customer"});
        self.makes(&asked, AGENT, told).to_string()
    }

    fn tickets(&self) -> Vec<Seen> {
        self.cases.values().map(seen).collect()
    }

    fn sets_status(&mut self, ticket: &str, status: &str, told: &mut Told) {
        let changed = self.changes(number(ticket), &json!({"state": status}), AGENT, told);
        changed.expect("it is not archived");
    }

    fn says(&mut self, ticket: &str, text: &str, public: bool, told: &mut Told) {
        let asked = json!({"text": text, "inside": !public});
        self.writes(number(ticket), &asked, AGENT, told);
    }

    fn reads(&self, ticket: &str) -> Vec<String> {
        let text = |of: &Value| of["text"].as_str().unwrap_or_default().to_owned();
        let first = text(&self.cases[&number(ticket)]);
        let lines = self.lines_of(ticket).iter().map(text);
        std::iter::once(first).chain(lines).collect()
    }

    fn files(&self, ticket: &str) -> Vec<File> {
        let files = self.lines_of(ticket).iter().map(|line| &line["file"]);
        let files = files.filter(|file| file.is_object()).map(|file| {
            let text = |key: &str| file[key].as_str().unwrap_or_default().to_owned();
            let bytes = STANDARD.decode(text("base64")).expect("base64");
            (text("name"), text("type"), bytes)
        });
        files.collect()
    }

    fn notes_by_bridge(&self, ticket: &str) -> usize {
        let lines = self.lines_of(ticket).iter();
        let notes = lines.filter(|l| l["by"] == BRIDGE && l["inside"] == true);
        notes.count()
    }
}

fn number(ticket: &str) -> u64 {
    ticket.parse().expect("a number")
}

fn seen(case: &Value) -> Seen {
    let text = |key: &str| case[key].as_str().map(str::to_owned);
    Seen {
        id: case["no"].to_string(),
        status: text("state").unwrap_or_default(),
        conversation: text("room"),
    }
}

/// As the API shows it: the first text is nobody's but the agents' page.
fn shown(case: &Value) -> Value {
    let mut case = case.clone();
    if let Some(case) = case.as_object_mut() {
        case.remove("text");
    }
    case
}

impl World {
    pub fn new(folder: &Path, secret: &str) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let path = folder.join("frontdesk.toml");
        std::fs::write(&path, profile()).expect("the profile written");
        Self {
            cases: BTreeMap::new(),
            lines: BTreeMap::new(),
            last: 0,
            posted: 0,
            secret: secret.to_owned(),
            profile: path,
        }
    }

    fn lines_of(&self, ticket: &str) -> &[Value] {
        let lines = self.lines.get(&number(ticket));
        lines.map_or(&[], Vec::as_slice)
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn touch(&mut self, no: u64) {
        let case = self.cases.get_mut(&no).expect("this case");
        case["rev"] = json!(case["rev"].as_u64().unwrap_or_default() + 1);
        case["changed"] = json!(today());
    }

    fn answered(
        &mut self,
        asked: &Asked,
        told: &mut Told,
    ) -> Option<Result<(u16, Value), Refused>> {
        let (method, path) = asked.words();
        let ["v1", "cases", rest @ ..] = &path[..] else {
            return None;
        };
        let no = rest.first().and_then(|no| no.parse().ok());
        let known = no.filter(|no| self.cases.contains_key(no));
        Some(match (method, rest) {
            ("POST", []) if !asked.body["title"].is_string() => Err((422, "title")),
            ("POST", []) => {
                let no = self.makes(&asked.body, BRIDGE, told);
                Ok((201, json!({ "case": shown(&self.cases[&no]) })))
            }
            ("GET", []) => Ok((200, json!({ "cases": self.finds(asked) }))),
            ("GET" | "PATCH", [_]) | ("GET" | "POST", [_, "lines"]) => match known {
                None => Err((404, "unknown")),
                Some(no) => self.of_case(no, asked, rest.len() > 1, told),
            },
            _ => return None,
        })
    }

    fn of_case(
        &mut self,
        no: u64,
        asked: &Asked,
        lines: bool,
        told: &mut Told,
    ) -> Result<(u16, Value), Refused> {
        match (asked.method.as_str(), lines) {
            ("GET", false) => Ok((200, json!({ "case": shown(&self.cases[&no]) }))),
            (_, false) => {
                let case = self.changes(no, &asked.body, BRIDGE, told)?;
                Ok((200, json!({ "case": case })))
            }
            ("GET", true) => {
                let lines = self.lines.get(&no).cloned().unwrap_or_default();
                Ok((200, json!({ "lines": paged(lines, asked, "", PAGE) })))
            }
            (_, true) => {
                let line = self.writes(no, &asked.body, BRIDGE, told);
                Ok((201, json!({ "line": line })))
            }
        }
    }

    fn makes(&mut self, asked: &Value, by: &str, told: &mut Told) -> u64 {
        let (no, at) = (self.next(), today());
        let tags = asked["tags"].as_array().cloned().unwrap_or_default();
        let case = json!({
            "no": no, "rev": 1, "state": "open", "title": asked["title"], "text": asked["text"],
            "phone": asked["phone"], "name": asked["name"], "tags": tags, "room": asked["room"],
            "opened": at, "changed": at,
        });
        self.cases.insert(no, case);
        self.tells(no, None, by, told);
        no
    }

    fn finds(&self, asked: &Asked) -> Vec<Value> {
        let mut found: Vec<&Value> = self.cases.values().collect();
        if let Some(wanted) = asked.query.get("room") {
            found.retain(|case| case["room"] == json!(wanted));
        }
        if let Some(since) = asked.query.get("changed_since") {
            found.retain(|case| case["changed"].as_str() >= Some(since.as_str()));
        }
        found.sort_by_key(|case| case["changed"].to_string());
        paged(found.into_iter().map(shown).collect(), asked, "", PAGE)
    }

    fn changes(
        &mut self,
        no: u64,
        asked: &Value,
        by: &str,
        told: &mut Told,
    ) -> Result<Value, Refused> {
        let case = self.cases.get_mut(&no).ok_or((404, "unknown"))?;
        if case["state"] == "archived" {
            return Err((409, "archived"));
        }
        let states = ["open", "waiting", "resolved", "archived"];
        let state = asked["state"].as_str();
        if state.is_some_and(|state| !states.contains(&state)) {
            return Err((422, "state"));
        }
        for key in ["state", "room"] {
            if let Some(value) = asked.get(key) {
                case[key] = value.clone();
            }
        }
        self.touch(no);
        self.tells(no, None, by, told);
        Ok(shown(&self.cases[&no]))
    }

    fn writes(&mut self, no: u64, asked: &Value, by: &str, told: &mut Told) -> Value {
        let line = json!({
            "no": self.next(), "text": asked["text"], "inside": asked["inside"] == true, "by": by,
            "at": today(), "file": asked["file"],
        });
        self.lines.entry(no).or_default().push(line.clone());
        self.touch(no);
        self.tells(no, Some(&line), by, told);
        line
    }

    fn tells(&mut self, no: u64, line: Option<&Value>, by: &str, told: &mut Told) {
        self.posted += 1;
        let mut body = json!({
            "id": format!("d{}", self.posted), "by": by, "at": today(), "case": shown(&self.cases[&no]),
        });
        if let Some(line) = line {
            body["line"] = line.clone();
        }
        let body = body.to_string();
        told.push(Hook {
            path: String::new(),
            headers: vec![("x-frontdesk-signature", signed(&self.secret, &[&body]))],
            body,
        });
    }
}

#[test]
fn the_pages_profile_is_right_and_short() {
    let profile = profile();
    let loaded = Profile::load(&profile, "frontdesk.toml");
    let review = loaded.expect("a profile").review();
    assert!(review.problems.is_empty(), "{:?}", review.problems);
    assert!(review.setup.is_some(), "`setup` prints what a person does");
    assert!(profile.lines().count() < 80, "{}", profile.lines().count());
}
