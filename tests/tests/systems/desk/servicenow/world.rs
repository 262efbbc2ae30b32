//! What the fake ServiceNow keeps: records, which are names with texts, and the rules of its tables. Neighbour:
//! `answers`, which shows them.

use crate::desk::{
    File,
    fake::{Hook, Told, now, written},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The user that the bridge writes as.
pub const BRIDGE: &str = "bridge";
/// That user's password.
pub const PASSWORD: &str = "of this test";
/// An agent.
pub const AGENT: &str = "beth.anglin";

/// The states of an incident.
pub const STATES: [(&str, &str); 6] = [
    ("new", "1"),
    ("in progress", "2"),
    ("on hold", "3"),
    ("resolved", "6"),
    ("closed", "7"),
    ("canceled", "8"),
];

/// The columns of an incident that anybody may write. What is none of these is left out without a word.
const COLUMNS: [&str; 11] = [
    "short_description",
    "description",
    "caller_id",
    "contact_type",
    "correlation_id",
    "correlation_display",
    "assignment_group",
    "state",
    "close_code",
    "close_notes",
    "u_channel",
];

/// Fields by their names. One that is empty is there all the same.
pub type Record = BTreeMap<String, String>;

/// A record shows whole seconds, in UTC.
const SECONDS: &str = "%Y-%m-%d %H:%M:%S";

pub struct World {
    pub incidents: Vec<Record>,
    pub users: Vec<Record>,
    /// What was said: the table `sys_journal_field`.
    pub journal: Vec<Record>,
    /// The files, each with the incident it hangs on.
    pub files: Vec<(String, File)>,
    secret: String,
    last: u64,
}

/// A data policy asks for more.
#[derive(Debug)]
pub struct Mandatory(pub &'static str);

impl World {
    pub fn new(secret: &str) -> Self {
        Self {
            incidents: Vec::new(),
            users: Vec::new(),
            journal: Vec::new(),
            files: Vec::new(),
            secret: secret.to_owned(),
            last: 0,
        }
    }

    /// 32 hex digits.
    pub fn sys_id(&mut self) -> String {
        self.last += 1;
        format!("9d385017c611228701d22104{:08x}", self.last)
    }

    pub fn adds_user(&mut self, fields: &[(&str, &str)]) -> String {
        let sys_id = self.sys_id();
        let mut row = record(["user_name", "name", "mobile_phone", "phone", "email"]);
        for (name, value) in fields {
            row.insert((*name).to_owned(), (*value).to_owned());
        }
        row.insert("sys_id".to_owned(), sys_id.clone());
        self.users.push(row);
        sys_id
    }

    pub fn incident(&self, sys_id: &str) -> &Record {
        let found = self.incidents.iter().find(|row| row["sys_id"] == sys_id);
        found.expect("this incident")
    }

    pub fn makes(&mut self, asked: &Value, by: &str, told: &mut Told) -> String {
        let sys_id = self.sys_id();
        let at = written(now(), SECONDS);
        let mut row = record(COLUMNS);
        let number = format!("INC{:07}", self.incidents.len() + 10_001);
        let given = [
            ("sys_id", sys_id.as_str()),
            ("number", &number),
            ("state", "1"),
            ("active", "true"),
            ("priority", "5"),
            ("assigned_to", ""),
            ("comments", ""),
            ("work_notes", ""),
            ("sys_created_on", &at),
            ("sys_created_by", by),
        ];
        for (name, value) in given {
            row.insert(name.to_owned(), value.to_owned());
        }
        self.incidents.push(row);
        let made = self.changes(&sys_id, asked, by, told);
        made.expect("a new incident asks for nothing");
        sys_id
    }

    /// Writes what may be written, and runs the business rule.
    pub fn changes(
        &mut self,
        sys_id: &str,
        asked: &Value,
        by: &str,
        told: &mut Told,
    ) -> Result<(), Mandatory> {
        let at = written(now(), SECONDS);
        let mut row = self.incident(sys_id).clone();
        for column in COLUMNS {
            match &asked[column] {
                Value::Null => {}
                Value::String(text) => drop(row.insert(column.to_owned(), text.clone())),
                other => drop(row.insert(column.to_owned(), other.to_string())),
            }
        }
        let resolved = row["state"] == "6";
        if resolved && (row["close_code"].is_empty() || row["close_notes"].is_empty()) {
            return Err(Mandatory("Resolution code, Resolution notes"));
        }
        let over = ["7", "8"].contains(&row["state"].as_str());
        let new = [
            ("active", if over { "false" } else { "true" }),
            ("sys_updated_on", &at),
            ("sys_updated_by", by),
        ];
        for (name, value) in new {
            row.insert(name.to_owned(), value.to_owned());
        }
        for element in ["comments", "work_notes"] {
            if let Some(words) = asked[element].as_str().filter(|words| !words.is_empty()) {
                self.writes_down(sys_id, element, words, by, &at);
            }
        }
        self.tells_of(&row, told);
        let place = self
            .incidents
            .iter_mut()
            .find(|row| row["sys_id"] == sys_id);
        *place.expect("this incident") = row;
        Ok(())
    }

    fn writes_down(&mut self, on: &str, element: &str, words: &str, by: &str, at: &str) {
        let sys_id = self.sys_id();
        let fields = [
            ("sys_id", sys_id.as_str()),
            ("element_id", on),
            ("element", element),
            ("value", words),
            ("sys_created_by", by),
            ("sys_created_on", at),
        ];
        let entry = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.journal.push(entry.into());
    }

    /// What the business rule posts, once.
    fn tells_of(&self, row: &Record, told: &mut Told) {
        let body = json!({
            "sys_id": row["sys_id"], "number": row["number"], "by": row["sys_updated_by"],
            "at": row["sys_updated_on"],
        });
        told.push(Hook {
            path: String::new(),
            headers: vec![("X-Bridge-Secret", self.secret.clone())],
            body: body.to_string(),
        });
    }
}

fn record<const N: usize>(names: [&str; N]) -> Record {
    names.map(|name| (name.to_owned(), String::new())).into()
}
