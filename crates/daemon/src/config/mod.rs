//! From a file and the environment to what the daemon runs on. Neighbour: app, which starts it.
//!
//! The only room that reads the environment. A file is checked as a whole: every error is told in
//! one run, each with its line, its key and what to do (`check` prints them, `run` refuses to start).
//!
//! Read in this order: `spec` (the keys), `schema` and `validate` (does the file fit), `build` (do
//! the values make sense together).

mod apart;
mod build;
mod document;
mod environment;
mod hours;
mod jelou;
mod manual;
mod opening;
mod report;
mod schema;
mod secrets;
mod spec;
#[cfg(test)]
mod tests;
mod text;
mod ticketing;
mod validate;
mod values;

pub use environment::Variables;
pub use hours::Hours;
pub use manual::manual;
pub use report::{LoadError, Problem};
pub use schema::schema;
pub use spec::{LogFormat, MetricsAuth};
pub use text::{Unread, text_of};
pub use values::Rate;

use bridge_core::{
    effect::TicketIdPlace,
    halt,
    ids::{BotId, BridgeName},
    lane,
    mapping::Mapping,
    text::Text,
};
use config::{Config as Layers, ConfigError, File, FileFormat};
use document::Document;
use jelou_adapter::{client::ClientConfig, webhook::Proof};
use report::Report;
use secrets::Purpose;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use ticketing_adapter::{Profile, Settings};
use url::Url;

/// What the daemon runs on. Its secrets show in no `Debug` output.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens.
    pub server: Server,
    /// Where it remembers: a `sqlite:` URL.
    pub database_url: String,
    /// How a log line looks.
    pub log: LogFormat,
    /// How long it keeps what it no longer needs.
    pub retention: Retention,
    /// The bridges, at least one, each on a Jelou project of its own.
    pub bridges: BTreeMap<BridgeName, Bridge>,
}

/// Where the daemon listens.
#[derive(Clone, Debug)]
pub struct Server {
    /// For webhooks.
    pub listen: SocketAddr,
    /// What the outside sees of `listen`.
    pub public_url: Option<Url>,
    /// For metrics, health, the API and the console.
    pub admin_listen: SocketAddr,
    /// The API's bearer token. Never `None` where `admin_listen` is beyond loopback.
    pub admin_token: Option<Text>,
}

/// How long the daemon keeps what it no longer needs.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// The bodies of settled deliveries.
    pub bodies: Duration,
}

/// One bridge.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// Whether it writes.
    pub mode: lane::Mode,
    /// The Jelou side.
    pub jelou: JelouConfig,
    /// What the bridge knows of the ticketing system.
    pub profile: Arc<Profile>,
    /// The ticketing side.
    pub ticketing: Arc<Settings>,
    /// Where the set-up writes the secret that the ticketing system makes; `None` where the first of
    /// `webhook_secrets` is in no file, or where the operator chooses the secret.
    pub ticketing_secret_file: Option<PathBuf>,
    /// The rules between the two.
    pub mapping: Arc<Mapping>,
    /// When somebody is in, where customers are told.
    pub hours: Option<Hours>,
    /// How hard and how long it tries.
    pub limits: Limits,
    /// When is it too much at once.
    pub safety: halt::Limits,
    /// The periodic round over both sides.
    pub sweep: Sweep,
}

/// The Jelou side of a bridge.
#[derive(Clone, Debug)]
pub struct JelouConfig {
    /// The bots, at least one; the first starts conversations.
    pub bots: Vec<BotId>,
    /// Where Jelou is and how it knows us; the project's id is in here.
    pub client: ClientConfig,
    /// At least one, except before the set-up; the first signs what we send, all are accepted.
    pub signing_secrets: Vec<Text>,
    /// Where the set-up writes a new one; `None` where the first is in no file.
    pub secret_file: Option<PathBuf>,
    /// What Jelou sends beside its signature.
    pub webhook_auth: Proof,
    /// Where the bot finds the ticket's id.
    pub ticket_id_place: TicketIdPlace,
}

/// How hard and how long a bridge tries.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Calls to Jelou.
    pub jelou_rate: Rate,
    /// Calls to the ticketing system.
    pub ticketing_rate: Rate,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// What the Lane goes by.
    pub rules: lane::Limits,
}

/// The periodic round over both sides.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// How often the ticketing system is asked what changed.
    pub every: Duration,
    /// How far each question reaches back into the time of the one before.
    pub overlap: Duration,
    /// The share of a host's rate that reading in turn may take, 0 to 1.
    pub budget_share: f64,
}

/// Loads a configuration with the variables of this process laid over it.
///
/// # Errors
/// [`LoadError::Unreadable`] when there is no such file; [`LoadError::Problems`] with everything
/// that is wrong with it.
pub fn load(path: &Path) -> Result<Config, LoadError> {
    load_with(path, &Variables::of_this_process())
}

/// Loads a configuration to set Jelou up by: a file that the signing secret is yet to be written
/// to may be missing.
///
/// # Errors
/// See [`load`].
pub fn load_for_setup(path: &Path) -> Result<Config, LoadError> {
    let text = read(path)?;
    let variables = Variables::of_this_process();
    checked(&text, path, &variables, Purpose::SetUp)
}

/// Loads a configuration with these variables laid over it.
///
/// # Errors
/// See [`load`].
pub fn load_with(path: &Path, variables: &Variables) -> Result<Config, LoadError> {
    checked(&read(path)?, path, variables, Purpose::Work)
}

fn read(path: &Path) -> Result<String, LoadError> {
    text_of(path).map_err(|unread| match unread {
        Unread::Unreadable(source) => LoadError::Unreadable {
            path: path.to_owned(),
            source,
        },
        Unread::NotText(problem) => LoadError::Problems(vec![*problem]),
    })
}

/// Checks a configuration's text. `path` is where it is from: it stands in every problem, and
/// paths in the text begin in its folder.
///
/// # Errors
/// [`LoadError::Problems`].
pub fn parse(text: &str, path: &Path, variables: &Variables) -> Result<Config, LoadError> {
    checked(text, path, variables, Purpose::Work)
}

fn checked(
    text: &str,
    path: &Path,
    variables: &Variables,
    purpose: Purpose,
) -> Result<Config, LoadError> {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(bad) => return Err(not_toml(path, &bad)),
    };
    let mut report = Report::new(path, document);
    let schema = schema();
    let values = match layers(text, variables, &schema, &mut report) {
        Ok(values) => values,
        Err(error) => {
            report.problem("", error.to_string(), "mend the file");
            return Err(report.finish());
        }
    };
    let mended = validate::mend(&schema, values, "", &mut report);
    let config = match serde_json::from_value(mended) {
        Ok(spec) => build::config(&spec, variables, purpose, &mut report),
        Err(error) => {
            report.problem("", error.to_string(), "mend the file");
            None
        }
    };
    config
        .filter(|_| report.is_empty())
        .ok_or_else(|| report.finish())
}

/// The file with the variables laid over it.
fn layers(
    text: &str,
    variables: &Variables,
    schema: &Value,
    report: &mut Report<'_>,
) -> Result<Value, ConfigError> {
    let file = || Layers::builder().add_source(File::from_str(text, FileFormat::Toml));
    let alone: Value = file().build()?.try_deserialize()?;
    let mut builder = file();
    for set in environment::overrides(variables, schema, &alone, report) {
        let value: config::Value = serde_json::from_value(set.value)
            .map_err(|error| ConfigError::Foreign(Box::new(error)))?;
        builder = builder.set_override(set.key, value)?;
    }
    builder.build()?.try_deserialize()
}

/// What a broken line begins with is shown only if it is one of our keys: in the middle of a broken
/// list it may be a secret.
fn not_toml(path: &Path, bad: &[document::BadSyntax]) -> LoadError {
    let schema = schema();
    let is_key = |written: &str| {
        let last = written.rsplit('.').next().unwrap_or_default();
        schema::is_key(&schema, last)
    };
    let problems = bad.iter().map(|bad| Problem {
        file: path.display().to_string(),
        line: Some(bad.line),
        key: Some(bad.key.clone())
            .filter(|key| is_key(key))
            .unwrap_or_default(),
        what: bad.what.clone(),
        remedy: "mend this line; texts stand in quotes, each key once in its table".to_owned(),
    });
    LoadError::Problems(problems.collect())
}
