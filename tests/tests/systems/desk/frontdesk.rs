//! Frontdesk, the helpdesk of docs/PROFILE-TUTORIAL.md: a server that behaves as that page says, and an
//! agent at it. Neighbour: `mod`, which the suite speaks to.
//!
//! The profile is the page's own, joined from its pieces.

use super::{Config, Seen};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path as At, Query, State},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use ticketing_adapter::profile::Profile;
use tokio::task::JoinHandle;

const KEY: &str = "key-of-the-bridge";

const PAGE: usize = 50;

/// Whoever takes its webhooks has so long.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

const PAGE_OF_THE_MANUAL: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/PROFILE-TUTORIAL.md");

/// The profile that who follows the page has at its end.
pub fn profile() -> String {
    let page = std::fs::read_to_string(PAGE_OF_THE_MANUAL).expect("the page");
    let pieces = page.split("```toml\n").skip(1);
    let pieces = pieces.map(|piece| piece.split_once("```").expect("a whole piece").0);
    pieces.collect()
}

#[derive(Default)]
struct World {
    cases: BTreeMap<u64, Value>,
    lines: BTreeMap<u64, Vec<Value>>,
    last: u64,
}

impl World {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn touch(&mut self, no: u64) {
        let case = self.cases.get_mut(&no).expect("this case");
        case["rev"] = json!(case["rev"].as_u64().unwrap_or_default() + 1);
        case["changed"] = json!(now());
    }
}

struct Shared {
    world: Mutex<World>,
    hook: String,
    secret: String,
    told: AtomicU64,
    in_vain: Mutex<Vec<String>>,
    client: reqwest::Client,
}

/// The system and the agent.
pub struct Desk {
    shared: Arc<Shared>,
    addr: SocketAddr,
    profile: PathBuf,
    serving: Mutex<Option<JoinHandle<()>>>,
}

fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    pub fn start(folder: &Path, hooks: &str, secret: &str) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let path = folder.join("frontdesk.toml");
        std::fs::write(&path, profile()).expect("the profile written");
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let desk = Self {
            shared: Arc::new(Shared {
                world: Mutex::default(),
                hook: format!("{hooks}/webhooks/desk/ticketing"),
                secret: secret.to_owned(),
                told: AtomicU64::new(0),
                in_vain: Mutex::default(),
                client: reqwest::Client::new(),
            }),
            addr: port.local_addr().expect("its number"),
            profile: path,
            serving: Mutex::default(),
        };
        drop(port);
        desk.start_again();
        desk
    }

    pub fn start_again(&self) {
        let listener = super::bound_again(self.addr);
        let router = router(Arc::clone(&self.shared));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        *self.serving.lock().expect("whole") = Some(serving);
    }

    pub fn stop(&self) {
        if let Some(serving) = self.serving.lock().expect("whole").take() {
            serving.abort();
        }
    }

    pub fn log(&self) -> String {
        format!("{:?}", lock(&self.shared.world).cases)
    }

    /// What was asked that the page does not name.
    pub fn asked_in_vain(&self) -> Vec<String> {
        self.shared.in_vain.lock().expect("whole").clone()
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub fn config(&self) -> Config {
        Config {
            profile: self.profile.display().to_string(),
            credentials: format!("token = \"{KEY}\""),
            options: "{}".to_owned(),
            reuse: "never",
        }
    }

    pub fn creates_at(&self) -> &'static str {
        "/v1/cases"
    }

    pub fn open_again(&self) -> &'static str {
        "open"
    }

    fn case(&self, ticket: &str) -> Value {
        let no: u64 = ticket.parse().expect("a number");
        lock(&self.shared.world).cases[&no].clone()
    }

    pub async fn opens(&self, user: &str, subject: &str) -> String {
        let asked = json!({"title": subject, "text": subject, "phone": format!("+{user}"), "name": "A customer"});
        let no = make(&self.shared, &asked, "agent:eva").await;
        no.to_string()
    }

    pub async fn sees(&self, ticket: &str) -> Seen {
        seen(&self.case(ticket))
    }

    pub async fn tickets(&self) -> Vec<Seen> {
        lock(&self.shared.world).cases.values().map(seen).collect()
    }

    pub async fn sets_status(&self, ticket: &str, status: &str) {
        let no = ticket.parse().expect("a number");
        let changed = change(&self.shared, no, &json!({"state": status}), "agent:eva").await;
        changed.expect("it is not archived");
    }

    pub async fn replies(&self, ticket: &str, text: &str, status: Option<&str>) {
        let no = ticket.parse().expect("a number");
        let asked = json!({"text": text, "inside": false});
        write(&self.shared, no, &asked, "agent:eva").await;
        if let Some(status) = status {
            self.sets_status(ticket, status).await;
        }
    }

    pub async fn comments(&self, ticket: &str, text: &str) {
        let no = ticket.parse().expect("a number");
        let asked = json!({"text": text, "inside": true});
        write(&self.shared, no, &asked, "agent:eva").await;
    }

    fn lines(&self, ticket: &str) -> Vec<Value> {
        let no: u64 = ticket.parse().expect("a number");
        let world = lock(&self.shared.world);
        world.lines.get(&no).cloned().unwrap_or_default()
    }

    pub async fn reads(&self, ticket: &str) -> Vec<String> {
        let text = |of: &Value| of["text"].as_str().unwrap_or_default().to_owned();
        let first = text(&self.case(ticket));
        let lines = self.lines(ticket);
        std::iter::once(first)
            .chain(lines.iter().map(text))
            .collect()
    }

    pub async fn files(&self, ticket: &str) -> Vec<(String, String, Vec<u8>)> {
        let lines = self.lines(ticket);
        let files = lines.iter().map(|line| &line["file"]);
        let files = files.filter(|file| file.is_object()).map(|file| {
            let text = |key: &str| file[key].as_str().unwrap_or_default().to_owned();
            let bytes = STANDARD.decode(text("base64")).expect("base64");
            (text("name"), text("type"), bytes)
        });
        files.collect()
    }

    pub async fn notes_by_bridge(&self, ticket: &str) -> usize {
        let lines = self.lines(ticket).into_iter();
        let notes = lines.filter(|l| l["by"] == "robot:bridge" && l["inside"] == true);
        notes.count()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop();
    }
}

fn seen(case: &Value) -> Seen {
    let text = |key: &str| case[key].as_str().map(str::to_owned);
    Seen {
        id: case["no"].to_string(),
        status: text("state").unwrap_or_default(),
        conversation: text("room"),
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/cases", post(makes).get(finds))
        .route("/v1/cases/{no}", get(reads).patch(changes))
        .route("/v1/cases/{no}/lines", post(writes).get(lines))
        .fallback(asks_in_vain)
        .layer(axum::middleware::from_fn(
            |headers: HeaderMap, request: axum::extract::Request, next: axum::middleware::Next| async move {
                match headers.get("x-api-key").is_some_and(|key| key == KEY) {
                    true => next.run(request).await,
                    false => refused(StatusCode::UNAUTHORIZED, "key"),
                }
            },
        ))
        .with_state(shared)
}

async fn asks_in_vain(State(shared): State<Arc<Shared>>, method: Method, uri: Uri) -> Response {
    let mut in_vain = shared.in_vain.lock().expect("whole");
    in_vain.push(format!("{method} {}", uri.path()));
    refused(StatusCode::NOT_FOUND, "unknown")
}

fn refused(status: StatusCode, word: &str) -> Response {
    (status, Json(json!({"error": word}))).into_response()
}

/// As the API shows it: the first text is nobody's but the agents' page.
fn shown(case: &Value) -> Value {
    let mut case = case.clone();
    if let Some(case) = case.as_object_mut() {
        case.remove("text");
    }
    case
}

async fn makes(State(shared): State<Arc<Shared>>, Json(asked): Json<Value>) -> Response {
    if !asked["title"].is_string() {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "title");
    }
    let no = make(&shared, &asked, "robot:bridge").await;
    let case = shown(&lock(&shared.world).cases[&no]);
    (StatusCode::CREATED, Json(json!({"case": case}))).into_response()
}

async fn make(shared: &Arc<Shared>, asked: &Value, by: &str) -> u64 {
    let no = {
        let world = &mut *lock(&shared.world);
        let (no, at) = (world.next(), now());
        let tags = asked["tags"].as_array().cloned().unwrap_or_default();
        let case = json!({
            "no": no, "rev": 1, "state": "open", "title": asked["title"], "text": asked["text"],
            "phone": asked["phone"], "name": asked["name"], "tags": tags, "room": asked["room"],
            "opened": at, "changed": at,
        });
        world.cases.insert(no, case);
        no
    };
    tell(shared, no, None, by).await;
    no
}

async fn finds(
    State(shared): State<Arc<Shared>>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Response {
    let world = lock(&shared.world);
    let mut found: Vec<&Value> = world.cases.values().collect();
    if let Some(wanted) = asked.get("room") {
        found.retain(|case| case["room"] == json!(wanted));
    }
    if let Some(since) = asked.get("changed_since") {
        found.retain(|case| case["changed"].as_str() >= Some(since.as_str()));
    }
    found.sort_by_key(|case| case["changed"].to_string());
    let cases = page(&asked, found.into_iter().map(shown).collect());
    Json(json!({"cases": cases})).into_response()
}

fn page(asked: &BTreeMap<String, String>, all: Vec<Value>) -> Vec<Value> {
    let number = asked.get("page").and_then(|page| page.parse().ok());
    let before = (number.unwrap_or(1_usize) - 1) * PAGE;
    all.into_iter().skip(before).take(PAGE).collect()
}

async fn reads(State(shared): State<Arc<Shared>>, At(no): At<u64>) -> Response {
    match lock(&shared.world).cases.get(&no) {
        Some(case) => Json(json!({"case": shown(case)})).into_response(),
        None => refused(StatusCode::NOT_FOUND, "unknown"),
    }
}

async fn changes(
    State(shared): State<Arc<Shared>>,
    At(no): At<u64>,
    Json(asked): Json<Value>,
) -> Response {
    match change(&shared, no, &asked, "robot:bridge").await {
        Ok(case) => Json(json!({"case": case})).into_response(),
        Err((status, word)) => refused(status, word),
    }
}

async fn change(
    shared: &Arc<Shared>,
    no: u64,
    asked: &Value,
    by: &str,
) -> Result<Value, (StatusCode, &'static str)> {
    let case = {
        let world = &mut *lock(&shared.world);
        let Some(case) = world.cases.get_mut(&no) else {
            return Err((StatusCode::NOT_FOUND, "unknown"));
        };
        if case["state"] == "archived" {
            return Err((StatusCode::CONFLICT, "archived"));
        }
        let states = ["open", "waiting", "resolved", "archived"];
        if asked["state"]
            .as_str()
            .is_some_and(|state| !states.contains(&state))
        {
            return Err((StatusCode::UNPROCESSABLE_ENTITY, "state"));
        }
        for key in ["state", "room"] {
            if let Some(value) = asked.get(key) {
                case[key] = value.clone();
            }
        }
        world.touch(no);
        shown(&world.cases[&no])
    };
    tell(shared, no, None, by).await;
    Ok(case)
}

async fn lines(
    State(shared): State<Arc<Shared>>,
    At(no): At<u64>,
    Query(asked): Query<BTreeMap<String, String>>,
) -> Response {
    let world = lock(&shared.world);
    if !world.cases.contains_key(&no) {
        return refused(StatusCode::NOT_FOUND, "unknown");
    }
    let lines = world.lines.get(&no).cloned().unwrap_or_default();
    Json(json!({"lines": page(&asked, lines)})).into_response()
}

async fn writes(
    State(shared): State<Arc<Shared>>,
    At(no): At<u64>,
    Json(asked): Json<Value>,
) -> Response {
    if !lock(&shared.world).cases.contains_key(&no) {
        return refused(StatusCode::NOT_FOUND, "unknown");
    }
    let line = write(&shared, no, &asked, "robot:bridge").await;
    (StatusCode::CREATED, Json(json!({"line": line}))).into_response()
}

async fn write(shared: &Arc<Shared>, no: u64, asked: &Value, by: &str) -> Value {
    let line = {
        let world = &mut *lock(&shared.world);
        let line = json!({
            "no": world.next(), "text": asked["text"], "inside": asked["inside"] == true, "by": by,
            "at": now(), "file": asked["file"],
        });
        world.lines.entry(no).or_default().push(line.clone());
        world.touch(no);
        line
    };
    tell(shared, no, Some(line.clone()), by).await;
    line
}

/// Posts what happened, before whoever did it has their answer; once.
async fn tell(shared: &Arc<Shared>, no: u64, line: Option<Value>, by: &str) {
    let number = shared.told.fetch_add(1, Ordering::Relaxed);
    let mut body = json!({
        "id": format!("d{number}"), "by": by, "at": now(),
        "case": shown(&lock(&shared.world).cases[&no]),
    });
    if let Some(line) = line {
        body["line"] = line;
    }
    let body = Bytes::from(body.to_string());
    let told = shared.client.post(&shared.hook).timeout(ANSWER_WITHIN);
    let told = told.header("content-type", "application/json");
    let told = told.header("x-frontdesk-signature", signed(&shared.secret, &body));
    let _ = told.body(body).send().await;
}

fn signed(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(body);
    let mac = mac.finalize().into_bytes();
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_pages_profile_is_right_and_short() {
    let profile = profile();
    let loaded = Profile::load(&profile, "frontdesk.toml");
    let review = loaded.expect("a profile").review();
    assert!(review.problems.is_empty(), "{:?}", review.problems);
    assert!(profile.lines().count() < 80, "{}", profile.lines().count());
}
