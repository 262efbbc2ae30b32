//! The fake Jira's API: the calls that the profile makes, answered as Atlassian's pages say. Neighbour:
//! `world`, what it keeps.

use super::{Site, world::BRIDGE};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, Uri},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub fn router(site: Site) -> Router {
    Router::new().fallback(answer).with_state(site)
}

/// A status and a body.
type Answer = (u16, Value);

async fn answer(
    State(site): State<Site>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response<Body> {
    let path: Vec<&str> = uri.path().split('/').skip(1).collect();
    let query = queried(uri.query().unwrap_or_default());
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let (status, body) = match (method.as_str(), &path[..]) {
        _ if !headers.contains_key("authorization") => (401, json!({})),
        ("GET", ["rest", "api", "2", "user", "search"]) => finds_people(&site, &query["query"]),
        ("GET", ["rest", "api", "2", "search", "jql"]) => searches(&site, &query["jql"]),
        ("POST", ["rest", "servicedeskapi", "customer"]) => makes_person(&site, &body),
        ("POST", ["rest", "servicedeskapi", "request"]) => makes(&site, &body).await,
        (
            "POST",
            [
                "rest",
                "servicedeskapi",
                "servicedesk",
                "4",
                "attachTemporaryFile",
            ],
        ) => keeps_file(&site, &headers, &bytes),
        (_, ["rest", "servicedeskapi", "request", key, what]) => {
            says(&site, key, what, &body).await
        }
        (_, ["rest", "api", "2", "issue", key, what @ ..]) => {
            if !site.on(|world| world.issues.iter().any(|issue| issue.key == **key)) {
                (404, json!({ "errorMessages": ["Issue does not exist"] }))
            } else {
                of_issue(&site, method.as_str(), key, what, &body).await
            }
        }
        _ => strange(&site, &method, &uri),
    };
    let said = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = Response::builder().status(status).body(Body::from(said));
    answer.expect("an answer")
}

fn strange(site: &Site, method: &Method, uri: &Uri) -> Answer {
    site.on(|world| world.strange.push(format!("{method} {uri}")));
    (404, json!({}))
}

fn queried(query: &str) -> BTreeMap<String, String> {
    reqwest::Url::parse(&format!("http://h/?{query}"))
        .expect("a query")
        .query_pairs()
        .into_owned()
        .collect()
}

fn finds_people(site: &Site, wanted: &str) -> Answer {
    let found = site.on(|world| {
        let people = world.people.iter().filter(|(_, mail, _)| mail == wanted);
        people
            .map(|(id, mail, _)| json!({ "accountId": id, "emailAddress": mail }))
            .collect()
    });
    (200, Value::Array(found))
}

fn makes_person(site: &Site, body: &Value) -> Answer {
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let id = site.on(|world| world.person(&text("email"), &text("displayName")));
    (
        201,
        json!({ "accountId": id, "emailAddress": text("email") }),
    )
}

async fn makes(site: &Site, body: &Value) -> Answer {
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
    let key = site.on(|world| world.makes(&summary, person, fields));
    site.tells_of_issue("jira:issue_created", &key, BRIDGE)
        .await;
    (201, json!({ "issueId": "1", "issueKey": key }))
}

/// The three searches that the profile makes.
fn searches(site: &Site, jql: &str) -> Answer {
    let between = |from: &str, to: char| -> Option<String> {
        let (_, rest) = jql.split_once(from)?;
        rest.split(to).next().map(str::to_owned)
    };
    let found = site.on(|world| {
        let mut issues: Vec<_> = world.issues.iter().collect();
        if let Some(conversation) = between("cf[10050] ~ \"\\\"", '\\') {
            issues.retain(|issue| {
                issue.fields.get("customfield_10050") == Some(&json!(conversation))
            });
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
        issues.iter().map(|issue| issue.shown()).collect()
    });
    (200, json!({ "issues": Value::Array(found) }))
}

/// A part of a form: its name and the file's, its type, its bytes.
fn keeps_file(site: &Site, headers: &HeaderMap, bytes: &[u8]) -> Answer {
    if headers
        .get("x-atlassian-token")
        .is_none_or(|value| value != "no-check")
    {
        return (403, json!({}));
    }
    let kind = headers["content-type"].to_str().expect("a text");
    let (_, between) = kind.split_once("boundary=").expect("a boundary");
    let place = |of: &[u8]| bytes.windows(of.len()).position(|window| window == of);
    let begins = place(b"\r\n\r\n").expect("a head") + 4;
    let ends = place(format!("\r\n--{between}--").as_bytes()).expect("an end");
    let head = String::from_utf8_lossy(&bytes[..begins]).into_owned();
    let after = |from: &str, to: &str| {
        let (_, rest) = head.split_once(from).expect("this part");
        rest.split(to).next().unwrap_or_default().to_owned()
    };
    let file = (
        after("filename=\"", "\""),
        after("Content-Type: ", "\r"),
        bytes[begins..ends].to_vec(),
    );
    let number = site.on(|world| {
        world.brought.push(file);
        world.brought.len() - 1
    });
    (
        201,
        json!({ "temporaryAttachments": [{ "temporaryAttachmentId": number.to_string() }] }),
    )
}

async fn says(site: &Site, key: &str, what: &str, body: &Value) -> Answer {
    let public = body["public"].as_bool().unwrap_or_default();
    let id = match what {
        "comment" => site.on(|world| {
            let words = body["body"].as_str().unwrap_or_default();
            world.says(key, BRIDGE, words, public)
        }),
        _ => site.on(|world| {
            let number = body["temporaryAttachmentIds"][0]
                .as_str()
                .and_then(|n| n.parse::<usize>().ok());
            let file = world.brought[number.expect("a number")].clone();
            let words = body["additionalComment"]["body"]
                .as_str()
                .unwrap_or_default();
            let words = format!("{words}\n\n!{}|thumbnail!", file.0);
            world.issue(key).files.push(file);
            world.says(key, BRIDGE, &words, public)
        }),
    };
    site.tells_of_comment(key).await;
    match what {
        "comment" => (201, json!({ "id": id, "public": public })),
        _ => (
            201,
            json!({ "comment": { "id": id }, "attachments": { "values": [] } }),
        ),
    }
}

async fn of_issue(site: &Site, method: &str, key: &str, what: &[&str], body: &Value) -> Answer {
    match (method, what) {
        ("GET", []) => (200, site.on(|world| world.issue(key).shown())),
        ("GET", ["transitions"]) => {
            let ways = site.on(|world| world.issue(key).ways());
            (200, json!({ "transitions": ways }))
        }
        ("GET", ["comment"]) => {
            let mut said = site.on(|world| {
                let comments = world.issue(key).comments.iter();
                comments.map(|comment| comment.shown()).collect::<Vec<_>>()
            });
            said.reverse();
            (200, json!({ "comments": said, "total": said.len() }))
        }
        ("PUT", []) => {
            let fields = body["fields"].as_object().cloned().unwrap_or_default();
            site.on(|world| {
                let issue = world.issue(key);
                issue.fields.extend(fields);
                issue.updated = super::world::now();
            });
            site.tells_of_issue("jira:issue_updated", key, BRIDGE).await;
            (204, Value::Null)
        }
        ("POST", ["transitions"]) => {
            let wanted = &body["transition"]["id"];
            let ways = site.on(|world| world.issue(key).ways());
            let Some(way) = ways.iter().find(|way| way["id"] == *wanted) else {
                return (
                    400,
                    json!({ "errorMessages": ["It seems that you have tried to perform a workflow operation"] }),
                );
            };
            let to = way["to"]["name"].as_str().unwrap_or_default().to_owned();
            site.on(|world| world.moves(key, &to));
            site.tells_of_issue("jira:issue_updated", key, BRIDGE).await;
            (204, Value::Null)
        }
        _ => (405, json!({})),
    }
}
