//! The way to the state: the running daemon's admin API or, if nothing holds the database, the same
//! API in this process. Neighbours: `state`, which asks; `api`, which answers either way.

use super::{
    args::Shared,
    ending::{ENVIRONMENT, FOUND, Failure, WRONG_USE},
};
use crate::{
    api::{self, Trouble},
    app::{self, AppError},
    config::{self, Config, LoadError, LogFormat},
    jobs::Jobs,
    store::StoreError,
    telemetry,
};
use axum::{Router, body::Body};
use bridge_transport::push_segment;
use http::{Method, Request, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{io::Write, net::SocketAddr, time::Duration};
use tower::ServiceExt;
use url::Url;

/// How long the daemon may take to be reached; it is on this machine, or near.
const REACH_WITHIN: Duration = Duration::from_secs(3);

/// How long an answer may take. A sweep reads as many conversations as the rate limits let it.
const ANSWER_WITHIN: Duration = Duration::from_secs(600);

/// The largest answer taken, in bytes: the longest list there is, with room.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What is said of an answer that this process found in the database itself: lists that are empty would
/// else read as if all were well.
const READ_ALONE: &str = "No bridge is running: this command read the database itself. Webhooks are not taken, and nothing is sent, until one runs.";

/// Says on standard error that no bridge runs, and what an order has `done` without one. Standard output
/// is the same either way.
pub(super) fn tell_alone(done: Option<&str>) {
    // Nothing can be done about a closed standard error.
    let _ = writeln!(std::io::stderr(), "{}", done.unwrap_or(READ_ALONE));
}

/// Who works on a configuration's database.
pub(super) enum Holder {
    /// A daemon, which can be asked.
    Daemon(Door),
    /// Nobody but this process, for as long as this is kept; `None` where there is no database yet.
    Nobody(Option<Box<Jobs>>),
}

/// Where operations are asked for.
pub(super) enum Door {
    /// A daemon that runs.
    Daemon {
        client: reqwest::Client,
        base: Url,
        token: Option<String>,
    },
    /// This process, which holds the database meanwhile.
    Here { router: Router, jobs: Box<Jobs> },
}

/// One operation, by its address below `/api/v1`.
pub(super) struct Asked {
    method: Method,
    path: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<Value>,
}

impl Asked {
    /// A read whose question stands in the URL.
    pub fn get(path: &[&str], query: &impl Serialize) -> Self {
        let query = match serde_json::to_value(query) {
            Ok(Value::Object(fields)) => fields
                .into_iter()
                .map(|(name, value)| (name, plain(&value)))
                .collect(),
            Ok(_) | Err(_) => Vec::new(),
        };
        let path = path.iter().map(|&part| part.to_owned()).collect();
        Self {
            method: Method::GET,
            path,
            query,
            body: None,
        }
    }

    /// The bridge that the question is of, where it names one.
    fn bridge(&self) -> Option<&str> {
        let in_query = self.query.iter().find(|(name, _)| name == "bridge");
        let in_body = || self.body.as_ref()?.get("bridge")?.as_str();
        in_query.map(|(_, name)| name.as_str()).or_else(in_body)
    }

    /// A question in a body.
    pub fn post(path: &[&str], body: &impl Serialize) -> Self {
        let path = path.iter().map(|&part| part.to_owned()).collect();
        let body = serde_json::to_value(body).unwrap_or_default();
        Self {
            method: Method::POST,
            path,
            query: Vec::new(),
            body: Some(body),
        }
    }

    /// What an order given while no bridge runs has done, and what it has not; `None` for a
    /// question.
    pub fn done_alone(&self) -> Option<&'static str> {
        if self.method != Method::POST {
            return None;
        }
        match self.path.first().map(String::as_str) {
            Some("link" | "unlink") => Some(
                "No bridge is running: this command carried the order out itself, with the calls to both systems that it led to. What has to wait is done by the next bridge that runs.",
            ),
            Some("parked") => Some(
                "No bridge is running: of parked calls, this command carried the order out itself, with the calls that it led to. Parked deliveries, and what has to wait, are taken up by the next bridge that runs.",
            ),
            Some("sweep") => Some(
                "No bridge is running: this command made the round itself. What it found is acted on by the next bridge that runs.",
            ),
            Some("halt") => {
                Some("No bridge is running: what was held is let go by the next one that runs.")
            }
            _ => None,
        }
    }

    fn url(&self, base: &Url) -> Result<Url, Failure> {
        let mut url = base.clone();
        let mount = api::MOUNT.trim_start_matches('/');
        let version = api::VERSION.trim_start_matches('/');
        let path = self.path.iter().map(String::as_str);
        for segment in [mount, version].into_iter().chain(path) {
            push_segment(&mut url, segment).map_err(|error| {
                Failure::wrong_use(
                    format!("this id cannot be asked for: {error}"),
                    "copy it from a list",
                )
            })?;
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

impl Door {
    /// Finds the daemon; if there is none, opens the database here, once the bridge that is asked for is a
    /// configured one: whoever mistyped it needs no database to be told.
    ///
    /// # Errors
    /// [`Failure`] with exit code 3 if neither can be done.
    pub async fn open(shared: &Shared, asked: Option<&Asked>) -> Result<Self, Failure> {
        let config = match config::load(&shared.config) {
            Ok(config) => Some(config),
            // The address alone is enough to ask a daemon.
            Err(LoadError::Unreadable { .. }) if shared.admin.is_some() => None,
            // With the token beside it, nothing of the file is needed: a halt must be released even
            // while the file is being mended.
            Err(LoadError::Problems(_))
                if shared.admin.is_some() && shared.admin_token.is_some() =>
            {
                None
            }
            Err(error @ LoadError::Problems(_)) => {
                return Err(Failure {
                    remedy: "mend the configuration; a bridge that runs can be asked without it: give --admin with its address and --admin-token".to_owned(),
                    ..error.into()
                });
            }
            Err(error @ LoadError::Unreadable { .. }) => return Err(error.into()),
        };
        log(config.as_ref())?;
        let token = shared.admin_token.clone().or_else(|| {
            let token = config.as_ref()?.server.admin_token.as_ref()?;
            Some(token.reveal().to_owned())
        });
        if let Some(base) = &shared.admin {
            return Ok(Self::Daemon {
                client: client()?,
                base: base.clone(),
                token,
            });
        }
        match config {
            Some(config) => Self::find(config, token, asked.and_then(Asked::bridge)).await,
            None => Err(Failure::wrong_use(
                "no configuration was read",
                "name it with --config",
            )),
        }
    }

    async fn find(
        config: Config,
        token: Option<String>,
        bridge: Option<&str>,
    ) -> Result<Self, Failure> {
        let address = reachable(config.server.admin_listen);
        if answers(address).await {
            let base = url(&format!("http://{address}"))?;
            return Ok(Self::Daemon {
                client: client()?,
                base,
                token,
            });
        }
        if let Some(name) = bridge
            && !config.bridges.keys().any(|known| known.as_str() == name)
        {
            return Err(Failure::no_bridge(name, config.bridges.keys()));
        }
        match app::offline(config).await {
            Ok(jobs) => {
                let router = Router::new().nest(api::MOUNT, api::router(jobs.clone()));
                Ok(Self::Here {
                    router,
                    jobs: Box::new(jobs),
                })
            }
            Err(AppError::Store(StoreError::Locked { .. })) => Err(held_by_another(address)),
            Err(other) => Err(other.into()),
        }
    }

    /// Finds the daemon, or makes sure that there is none; there need not be a database.
    ///
    /// # Errors
    /// [`Failure`] with exit code 3 if a daemon holds the database and cannot be reached.
    pub async fn holder(shared: &Shared, config: &Config) -> Result<Holder, Failure> {
        let address = reachable(config.server.admin_listen);
        let base = match &shared.admin {
            Some(base) => Some(base.clone()),
            None if answers(address).await => Some(url(&format!("http://{address}"))?),
            None => None,
        };
        if let Some(base) = base {
            let of_config = || Some(config.server.admin_token.as_ref()?.reveal().to_owned());
            return Ok(Holder::Daemon(Self::Daemon {
                client: client()?,
                base,
                token: shared.admin_token.clone().or_else(of_config),
            }));
        }
        match app::offline(config.clone()).await {
            Ok(jobs) => Ok(Holder::Nobody(Some(Box::new(jobs)))),
            Err(AppError::Store(StoreError::Missing { .. })) => Ok(Holder::Nobody(None)),
            Err(AppError::Store(StoreError::Locked { .. })) => Err(held_by_another(address)),
            Err(other) => Err(other.into()),
        }
    }

    /// Says so if no daemon runs, so that this process does the work; see [`tell_alone`].
    pub fn tell_if_alone(&self, done: Option<&str>) {
        if matches!(self, Self::Here { .. }) {
            tell_alone(done);
        }
    }

    /// Asks, and gives the answer as it came and as a value.
    ///
    /// # Errors
    /// [`Failure`] with exit code 2 for a wrong question, 1 if something is in the way, else 3.
    pub async fn ask<T: DeserializeOwned>(&self, asked: Asked) -> Result<(Value, T), Failure> {
        let (status, body) = match self {
            Self::Daemon {
                client,
                base,
                token,
            } => ask_daemon(client, &asked, asked.url(base)?, token.as_deref()).await?,
            Self::Here { router, .. } => {
                let url = asked.url(&url("http://here")?)?;
                ask_here(router.clone(), &asked, &url).await?
            }
        };
        if !status.is_success() {
            return Err(refused(status, &body));
        }
        let no_answer = || not_ours("its answer has another form than this version expects");
        let value: Value = serde_json::from_slice(&body).map_err(|_| no_answer())?;
        let answer = serde_json::from_value(value.clone()).map_err(|_| no_answer())?;
        Ok((value, answer))
    }

    /// A page of the daemon's admin listener that takes no token, whatever its status.
    ///
    /// # Errors
    /// [`Failure`] with exit code 3 if nothing answers there, or no daemon is meant.
    pub async fn page(&self, path: &str) -> Result<String, Failure> {
        let Self::Daemon { client, base, .. } = self else {
            return Err(Failure::environment("no daemon runs", "start one"));
        };
        let mut url = base.clone();
        url.set_path(path);
        let asked = Asked::get(&[], &());
        let (_, body) = ask_daemon(client, &asked, url, None).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Lets go of the database, if it was opened here.
    pub async fn close(self) {
        if let Self::Here { jobs, .. } = self {
            jobs.store.close().await;
        }
    }
}

fn held_by_another(address: SocketAddr) -> Failure {
    Failure::environment(
        format!("a bridge holds the database, but nothing answers at its admin address {address}"),
        "name the address that it was started with: --admin http://HOST:PORT",
    )
}

/// Logs go to standard error, from warnings up unless asked otherwise.
pub(super) fn log(config: Option<&Config>) -> Result<(), Failure> {
    let variables = config::Variables::of_this_process();
    let level = variables
        .get("JELOU_BRIDGE_LOG")
        .or_else(|| variables.get("RUST_LOG"));
    let format = config.map_or(LogFormat::Human, |config| config.log);
    telemetry::init(format, Some(level.unwrap_or("warn")))
        .map_err(|error| Failure::environment(error.to_string(), "mend or unset JELOU_BRIDGE_LOG"))
}

/// An address that listens everywhere is reached on this machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

async fn answers(address: SocketAddr) -> bool {
    let connecting = tokio::net::TcpStream::connect(address);
    matches!(
        tokio::time::timeout(REACH_WITHIN, connecting).await,
        Ok(Ok(_))
    )
}

fn url(text: &str) -> Result<Url, Failure> {
    Url::parse(text).map_err(|error| {
        Failure::wrong_use(
            format!("`{text}` is no address: {error}"),
            "write http://HOST:PORT",
        )
    })
}

fn client() -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder()
        .connect_timeout(REACH_WITHIN)
        .timeout(ANSWER_WITHIN)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| {
            Failure::environment(
                format!("the HTTP client cannot start: {error}"),
                "look at the system's certificates",
            )
        })
}

async fn ask_daemon(
    client: &reqwest::Client,
    asked: &Asked,
    url: Url,
    token: Option<&str>,
) -> Result<(StatusCode, Vec<u8>), Failure> {
    let at = url.origin().ascii_serialization();
    let unreached = |error: reqwest::Error| {
        let what = if error.is_timeout() {
            "did not answer in time"
        } else {
            "cannot be reached"
        };
        Failure::environment(
            format!("the daemon at {at} {what}"),
            "look whether it runs and whether the address is its admin_listen",
        )
    };
    let mut request = client.request(asked.method.clone(), url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = &asked.body {
        request = request
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.to_string());
    }
    let mut answer = request.send().await.map_err(unreached)?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreached)? {
        if body.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
            return Err(not_ours("its answer has no end"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}

async fn ask_here(
    router: Router,
    asked: &Asked,
    url: &Url,
) -> Result<(StatusCode, Vec<u8>), Failure> {
    let broken = |what: String| Failure::environment(what, "report this");
    let body = asked
        .body
        .as_ref()
        .map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = Request::builder()
        .method(asked.method.clone())
        .uri(url.as_str())
        .body(body)
        .map_err(|error| broken(format!("the question cannot be asked: {error}")))?;
    let Ok(answer) = router.oneshot(request).await;
    let status = answer.status();
    let body = axum::body::to_bytes(answer.into_body(), ANSWER_BYTES_MAX)
        .await
        .map_err(|error| broken(format!("the answer broke off: {error}")))?;
    Ok((status, body.to_vec()))
}

/// A refusal, in the API's own words.
fn refused(status: StatusCode, body: &[u8]) -> Failure {
    let code = match status {
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => WRONG_USE,
        StatusCode::CONFLICT => FOUND,
        _ => ENVIRONMENT,
    };
    match serde_json::from_slice::<Trouble>(body) {
        Ok(trouble) => Failure::new(code, trouble.error, trouble.remedy),
        Err(_) => not_ours(&format!("it answered {status}")),
    }
}

fn not_ours(what: &str) -> Failure {
    Failure::environment(
        format!("what is at the admin address is no jelou-bridge of this version: {what}"),
        "look at server.admin_listen, or name the address with --admin",
    )
}
