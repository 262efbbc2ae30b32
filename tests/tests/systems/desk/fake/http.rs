//! What a fake is asked and answers, and what it posts. Neighbour: `mod`, which serves it.

use super::{File, Site, Vendor};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, Uri},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

/// One request of the bridge.
pub struct Asked {
    /// GET, POST..
    pub method: String,
    /// The path's words.
    pub path: Vec<String>,
    /// The query, decoded.
    pub query: BTreeMap<String, String>,
    /// The body, where it is JSON.
    pub body: Value,
    /// The body as it came.
    pub bytes: Bytes,
    headers: HeaderMap,
}

impl Asked {
    /// The method and the path's words, to match with.
    pub fn words(&self) -> (&str, Vec<&str>) {
        let path = self.path.iter().map(String::as_str).collect();
        (&self.method, path)
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// A key of the query, or nothing.
    pub fn query(&self, key: &str) -> &str {
        self.query.get(key).map_or("", String::as_str)
    }

    /// A text of the body, or nothing.
    pub fn text(&self, key: &str) -> String {
        self.body[key].as_str().unwrap_or_default().to_owned()
    }

    /// A body that is a form of the kind `a=b&c=d`.
    pub fn form(&self) -> BTreeMap<String, String> {
        queried(&String::from_utf8_lossy(&self.bytes))
    }

    /// The parts of a body of the kind `multipart/form-data`.
    pub fn parts(&self) -> Vec<Part> {
        let Some((_, between)) = self.header("content-type").split_once("boundary=") else {
            return Vec::new();
        };
        let line = format!("\r\n--{between}");
        // The first line has nothing before it.
        let whole = [b"\r\n", &self.bytes[..]].concat();
        let mut rest = &whole[..];
        let mut parts = Vec::new();
        while let Some((_, after)) = split_at(rest, line.as_bytes()) {
            let Some((part, _)) = split_at(after, line.as_bytes()) else {
                break;
            };
            let (head, bytes) = split_at(part, b"\r\n\r\n").expect("a head");
            parts.push(Part::read(&String::from_utf8_lossy(head), bytes));
            rest = after;
        }
        parts
    }
}

/// One part of a form.
pub struct Part {
    /// The field's name.
    pub name: String,
    /// The file's name and type, where it is one.
    pub file: Option<(String, String)>,
    /// What stands in it.
    pub bytes: Vec<u8>,
}

impl Part {
    fn read(head: &str, bytes: &[u8]) -> Self {
        let after = |from: &str, to: &str| {
            let (_, rest) = head.split_once(from)?;
            rest.split(to).next().map(str::to_owned)
        };
        let kind = after("Content-Type: ", "\r").unwrap_or_default();
        Self {
            name: after(" name=\"", "\"").expect("a name"),
            file: after("filename=\"", "\"").map(|name| (name, kind)),
            bytes: bytes.to_vec(),
        }
    }

    /// The file that it is.
    pub fn into_file(self) -> Option<File> {
        let (name, kind) = self.file?;
        Some((name, kind, self.bytes))
    }
}

fn split_at<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = bytes.windows(at.len()).position(|window| window == at)?;
    Some((&bytes[..place], &bytes[place + at.len()..]))
}

/// What the fake says to it.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers beside the content's type.
    pub headers: Vec<(&'static str, String)>,
    /// The body; null is none, a text stands as it is.
    pub body: Value,
}

impl From<(u16, Value)> for Answer {
    fn from((status, body): (u16, Value)) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
        }
    }
}

/// One webhook, to be posted.
pub struct Hook {
    /// What follows the address that the bridge gave.
    pub path: String,
    /// Headers beside the content's type.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// The webhooks of one change, in their order.
pub type Told = Vec<Hook>;

/// HMAC-SHA256 in small hex digits, of pieces one after another.
pub fn signed(secret: &str, pieces: &[&str]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    for piece in pieces {
        mac.update(piece.as_bytes());
    }
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What stands between the first of these signs and the next.
pub fn quoted(text: &str, sign: char) -> &str {
    text.split(sign).nth(1).unwrap_or_default()
}

/// One page of a list, counted from 1; so many, unless the query's key says how many.
pub fn paged(all: Vec<Value>, asked: &Asked, size_key: &str, size: usize) -> Vec<Value> {
    let number = asked.query("page").parse().unwrap_or(1_usize);
    let size = asked.query(size_key).parse().unwrap_or(size);
    let before = number.saturating_sub(1) * size;
    all.into_iter().skip(before).take(size).collect()
}

/// Everything goes to the vendor.
pub fn router<V: Vendor>(site: Arc<Site<V>>) -> Router {
    Router::new().fallback(answer::<V>).with_state(site)
}

async fn answer<V: Vendor>(
    State(site): State<Arc<Site<V>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response<Body> {
    let asked = Asked {
        method: method.to_string(),
        path: uri.path().split('/').skip(1).map(str::to_owned).collect(),
        query: queried(uri.query().unwrap_or_default()),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
        bytes,
        headers,
    };
    let answers = |vendor: &mut V, told: &mut Told| vendor.answers(&asked, told);
    let answer = match site.does(answers).await {
        Some(answer) => answer,
        None => {
            let mut in_vain = site.in_vain.lock().unwrap_or_else(PoisonError::into_inner);
            in_vain.push(format!("{method} {uri}"));
            site.on(|vendor| vendor.knows_no_such_call())
        }
    };
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = match answer.body {
        Value::Null => Body::empty(),
        // No vendor answers with a JSON text: this is a bare one.
        Value::String(text) => {
            response = response.header("content-type", "text/html; charset=UTF-8");
            Body::from(text)
        }
        body => {
            response = response.header("content-type", "application/json");
            Body::from(body.to_string())
        }
    };
    response.body(body).expect("an answer")
}

fn queried(query: &str) -> BTreeMap<String, String> {
    reqwest::Url::parse(&format!("http://h/?{query}"))
        .expect("a query")
        .query_pairs()
        .into_owned()
        .collect()
}
