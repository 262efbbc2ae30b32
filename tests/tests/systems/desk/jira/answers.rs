//! The fake Jira's API: the calls that the profile makes, answered as Atlassian's pages say. Neighbour:
//! `world`, what it keeps.

use super::world::{BRIDGE, World};
use crate::desk::fake::{Asked, Part, Told, now};
use serde_json::{Value, json};

/// A status and a body.
type Answer = (u16, Value);

pub fn answer(world: &mut World, asked: &Asked, told: &mut Told) -> Option<Answer> {
    if asked.header("authorization").is_empty() {
        return Some((401, json!({})));
    }
    let (method, path) = asked.words();
    Some(match (method, &path[..]) {
        ("GET", ["rest", "api", "2", "user", "search"]) => {
            finds_people(world, asked.query("query"))
        }
        ("GET", ["rest", "api", "2", "myself"]) => (200, json!({ "accountId": BRIDGE })),
        ("GET", ["rest", "api", "2", "search", "jql"]) => searches(world, asked.query("jql")),
        ("POST", ["rest", "servicedeskapi", "customer"]) => makes_person(world, asked),
        ("POST", ["rest", "servicedeskapi", "request"]) => makes(world, &asked.body, told),
        (
            "POST",
            [
                "rest",
                "servicedeskapi",
                "servicedesk",
                "4",
                "attachTemporaryFile",
            ],
        ) => keeps_file(world, asked),
        (_, ["rest", "servicedeskapi", "request", key, _])
        | (_, ["rest", "api", "2", "issue", key, ..])
            if !world.issues.iter().any(|issue| issue.key == *key) =>
        {
            (404, json!({ "errorMessages": ["Issue does not exist"] }))
        }
        ("POST", ["rest", "servicedeskapi", "request", key, "comment"]) => {
            let words = asked.text("body");
            let public = asked.body["public"] == true;
            let id = world.comments(key, BRIDGE, &words, public, told);
            (201, json!({ "id": id, "public": public }))
        }
        ("POST", ["rest", "servicedeskapi", "request", key, "attachment"]) => {
            hangs_file(world, key, &asked.body, told)
        }
        (_, ["rest", "api", "2", "issue", key, what @ ..]) => {
            of_issue(world, method, key, what, &asked.body, told)?
        }
        _ => return None,
    })
}

fn finds_people(world: &World, wanted: &str) -> Answer {
    let people = world.people.iter().filter(|(_, mail, _)| mail == wanted);
    let found = people.map(|(id, mail, _)| json!({ "accountId": id, "emailAddress": mail }));
    (200, found.collect())
}

fn makes_person(world: &mut World, asked: &Asked) -> Answer {
    let mail = asked.text("email");
    let id = world.person(&mail, &asked.text("displayName"));
    (201, json!({ "accountId": id, "emailAddress": mail }))
}

fn makes(world: &mut World, body: &Value, told: &mut Told) -> Answer {
    let fields = body["requestFieldValues"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let (Some(summary), Some(person)) = (
        fields.get("summary").and_then(Value::as_str),
        body["raiseOnBehalfOf"].as_str(),
    ) else {
        return (
            400,
            json!({ "errorMessage": "summary and raiseOnBehalfOf" }),
        );
    };
    let summary = summary.to_owned();
    let key = world.makes(&summary, person, fields);
    world.tells_of_issue("jira:issue_created", &key, BRIDGE, told);
    (201, json!({ "issueId": "1", "issueKey": key }))
}

/// The three searches that the profile makes.
fn searches(world: &World, jql: &str) -> Answer {
    let between = |from: &str, to: char| -> Option<String> {
        let (_, rest) = jql.split_once(from)?;
        rest.split(to).next().map(str::to_owned)
    };
    let mut issues: Vec<_> = world.issues.iter().collect();
    if let Some(conversation) = between("cf[10050] ~ \"\\\"", '\\') {
        issues.retain(|issue| issue.fields.get("customfield_10050") == Some(&json!(conversation)));
    }
    if let Some(person) = between("reporter = '", '\'') {
        issues.retain(|issue| issue.reporter.0 == person && issue.status != "Resolved");
    }
    if let Some(since) = between("updated >= \"", '"') {
        let since = format!("{}:00Z", since.replace(' ', "T"));
        let since: jiff::Timestamp = since.parse().expect("a time in minutes");
        issues.retain(|issue| issue.updated >= since.as_millisecond());
    }
    issues.sort_by_key(|issue| issue.updated);
    let found: Vec<Value> = issues.iter().map(|issue| issue.shown()).collect();
    (200, json!({ "issues": found }))
}

fn keeps_file(world: &mut World, asked: &Asked) -> Answer {
    if asked.header("x-atlassian-token") != "no-check" {
        return (403, json!({}));
    }
    let parts = asked.parts().into_iter();
    let mut files = parts.filter(|part| part.name == "file");
    let Some(file) = files.next().and_then(Part::into_file) else {
        return (400, json!({ "errorMessage": "file" }));
    };
    world.brought.push(file);
    let number = (world.brought.len() - 1).to_string();
    (
        201,
        json!({ "temporaryAttachments": [{ "temporaryAttachmentId": number }] }),
    )
}

fn hangs_file(world: &mut World, key: &str, body: &Value, told: &mut Told) -> Answer {
    let public = body["public"] == true;
    let number = body["temporaryAttachmentIds"][0].as_str();
    let number = number.and_then(|n| n.parse::<usize>().ok());
    let Some(file) = number.and_then(|n| world.brought.get(n).cloned()) else {
        return (400, json!({ "errorMessage": "temporaryAttachmentIds" }));
    };
    let words = body["additionalComment"]["body"].as_str();
    let words = format!("{}\n\n!{}|thumbnail!", words.unwrap_or_default(), file.0);
    world.issue_mut(key).files.push(file);
    let id = world.comments(key, BRIDGE, &words, public, told);
    (
        201,
        json!({ "comment": { "id": id }, "attachments": { "values": [] } }),
    )
}

fn of_issue(
    world: &mut World,
    method: &str,
    key: &str,
    what: &[&str],
    body: &Value,
    told: &mut Told,
) -> Option<Answer> {
    Some(match (method, what) {
        ("GET", []) => (200, world.issue(key).shown()),
        ("GET", ["transitions"]) => (200, json!({ "transitions": world.issue(key).ways() })),
        ("GET", ["comment"]) => {
            let comments = world.issue(key).comments.iter().rev();
            let said: Vec<Value> = comments.map(|comment| comment.shown()).collect();
            (200, json!({ "comments": said, "total": said.len() }))
        }
        ("PUT", []) => {
            let fields = body["fields"].as_object().cloned().unwrap_or_default();
            let issue = world.issue_mut(key);
            issue.fields.extend(fields);
            issue.updated = now();
            world.tells_of_issue("jira:issue_updated", key, BRIDGE, told);
            (204, Value::Null)
        }
        ("POST", ["transitions"]) => {
            let wanted = &body["transition"]["id"];
            let ways = world.issue(key).ways();
            let Some(way) = ways.iter().find(|way| way["id"] == *wanted) else {
                let refusal = "It seems that you have tried to perform a workflow operation";
                return Some((400, json!({ "errorMessages": [refusal] })));
            };
            let to = way["to"]["name"].as_str().unwrap_or_default().to_owned();
            world.moves(key, &to);
            world.tells_of_issue("jira:issue_updated", key, BRIDGE, told);
            (204, Value::Null)
        }
        _ => return None,
    })
}
