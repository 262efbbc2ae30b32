//! Both listeners as their clients meet them: real sockets, a real store. Neighbours: each file
//! here is one theme.

mod admin;
mod door;
mod ingest;

use super::{
    admin::{Admin, Workers},
    ingest::{Hold, Ingest},
    listen::{self, Limits},
};
use crate::{
    clock,
    config::{self, Config, Variables},
    metrics::{Metrics, tests::Sample},
    store::{Options, Received, Room, Store},
};
use axum::{Json, Router, routing::get};
use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

const SECRET: &str = "5ec2e7";
const HELPDESK_SECRET: &str = "he1pde5k";
const TOKEN: &str = "adm1n";

const CONFIG: &str = r#"
[server]
admin_token = "adm1n"

[bridges.main]
mode = "live"

[bridges.main.jelou]
project_id = "01kproject0000000000000001"
bots = ["bot-1"]
api_key = "k"
client_id = "c"
client_secret = "s"
signing_secrets = ["0lder", "5ec2e7"]

[bridges.main.ticketing]
profile = "sandbox"
base_url = "http://127.0.0.1:9"
credentials = { token = "t" }
webhook_secrets = ["he1pde5k"]

[bridges.main.mapping.conversation]
open_when = "true"
user_id = "{{ ticket.requester.phone | digits }}"
"#;

/// A daemon's two listeners on a store of its own, gone when the story ends.
struct World {
    public: SocketAddr,
    private: SocketAddr,
    store: Store,
    workers: Workers,
    config: watch::Sender<Arc<Config>>,
    stop: watch::Sender<bool>,
    listening: Vec<JoinHandle<()>>,
    _folder: TempDir,
}

/// A configuration from text.
fn config(text: &str) -> Arc<Config> {
    let parsed = config::parse(text, Path::new("bridge.toml"), &Variables::default());
    Arc::new(parsed.unwrap_or_else(|error| panic!("{error}")))
}

async fn world() -> World {
    world_with(Limits::default()).await
}

async fn world_with(limits: Limits) -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    world_on(store, folder, limits).await
}

async fn open(folder: &Path) -> Store {
    let url = format!("sqlite:{}", folder.join("bridge.db").display());
    let options = Options {
        migrate: true,
        create: true,
    };
    Store::open(&url, options).await.unwrap()
}

async fn world_on(store: Store, folder: TempDir, limits: Limits) -> World {
    let (config, configs) = watch::channel(config(CONFIG));
    let metrics = Metrics::new("0.0.0");
    let workers = Workers::new(&["workers"]);
    let ingest = Ingest::new(
        store.clone(),
        configs.clone(),
        metrics.clone(),
        Hold::default(),
    );
    let admin = Admin {
        store: store.clone(),
        config: configs,
        metrics,
        workers: workers.clone(),
    };
    let api = Router::new().route("/api/v1/links", get(async || Json("links")));
    let (stop, stopped) = watch::channel(false);
    let mut listening = Vec::new();
    let mut addresses = Vec::new();
    let routers = [
        super::ingest::router(ingest),
        super::admin::router(admin, api),
    ];
    for router in routers {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.push(listener.local_addr().unwrap());
        let serving = listen::serve(listener, router, limits, stopped.clone());
        listening.push(tokio::spawn(serving));
    }
    World {
        public: addresses[0],
        private: addresses[1],
        store,
        workers,
        config,
        stop,
        listening,
        _folder: folder,
    }
}

/// What the Router would be handed: everything stored and not looked at.
impl World {
    async fn stored(&self) -> Vec<Received> {
        self.store
            .claim_routes(&Room::of(100), clock::now())
            .await
            .unwrap()
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = client()
            .post(format!("http://{}{path}", self.public))
            .body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).await
    }

    /// A webhook of Jelou, signed as Jelou signs.
    async fn jelou_says(&self, body: &[u8]) -> Answer {
        let signature = jelou_adapter::webhook::sign(SECRET, body);
        let headers = [("X-Jelou-Signature", signature.as_str())];
        self.post("/webhooks/main/jelou", &headers, body).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = client().get(format!("http://{}{path}", self.private));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request).await
    }

    async fn scrape(&self) -> Vec<Sample> {
        crate::metrics::tests::read(&self.get("/metrics", &[]).await.body)
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.text().await.unwrap(),
    }
}

/// Sends bytes as they are and reads until the other end is done: what a client that does not keep
/// to HTTP meets.
async fn raw(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(8), reading)
        .await
        .expect("the connection is closed in time")
        .expect("the connection is not reset before the answer is read");
    String::from_utf8_lossy(&answer).into_owned()
}
