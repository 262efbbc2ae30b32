//! What the daemon tells on its admin listener: health, metrics, the API. Neighbour: `program`,
//! which it is asked of.

use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock, time::Duration};
use tokio::time::Instant;

/// No answer of the admin listener takes longer, on any machine that does something else as well.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The page is without what the store knows while that answers nothing: asked for again so long...
const TOLD_WITHIN: Duration = Duration::from_secs(60);

/// ...and so often.
const ASKED_EVERY: Duration = Duration::from_millis(250);

/// A figure of the store's that is on every page with what the store knows.
const OF_THE_STORE: &str = "jelou_bridge_lanes_claimed";

/// One client for all who ask. It keeps no connection: those of a runtime end with it, and tests
/// have a runtime each.
static CLIENT: LazyLock<Option<reqwest::Client>> = LazyLock::new(|| {
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN);
    client.pool_max_idle_per_host(0).build().ok()
});

fn client() -> Option<reqwest::Client> {
    CLIENT.clone()
}

/// The status of a page without a token; `None` while nobody answers.
pub async fn status(admin: &str, path: &str) -> Option<u16> {
    let asked = client()?.get(format!("http://{admin}{path}")).send().await;
    asked.ok().map(|answer| answer.status().as_u16())
}

/// An answer of the API below `/api/v1`.
///
/// # Errors
/// What went wrong, in a sentence.
pub async fn api(admin: &str, token: &str, path: &str) -> Result<Value, String> {
    let url = format!("http://{admin}/api/v1{path}");
    let client = client().ok_or("no client")?;
    let asked = client.get(&url).bearer_auth(token).send().await;
    read(path, asked).await
}

/// An order to the API below `/api/v1`.
///
/// # Errors
/// What went wrong, in a sentence.
pub async fn order(admin: &str, token: &str, path: &str, body: &Value) -> Result<Value, String> {
    let url = format!("http://{admin}/api/v1{path}");
    let client = client().ok_or("no client")?;
    let asked = client.post(&url).bearer_auth(token).body(body.to_string());
    let asked = asked
        .header("content-type", "application/json")
        .send()
        .await;
    read(path, asked).await
}

async fn read(
    path: &str,
    asked: Result<reqwest::Response, reqwest::Error>,
) -> Result<Value, String> {
    let answer = asked.map_err(|error| error.to_string())?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    if !status.is_success() {
        return Err(format!("{path} was answered {status}: {text}"));
    }
    serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
}

/// The metrics at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(Vec<(String, BTreeMap<String, String>, f64)>);

impl Figures {
    /// Reads them from a daemon, with what its store knows: without that nothing would seem to wait.
    ///
    /// # Errors
    /// What went wrong, in a sentence.
    pub async fn of(admin: &str) -> Result<Self, String> {
        let give_up = Instant::now() + TOLD_WITHIN;
        loop {
            let page = Self::page(admin).await?;
            if page.0.iter().any(|(name, ..)| name == OF_THE_STORE) {
                return Ok(page);
            }
            if Instant::now() > give_up {
                return Err(format!(
                    "the metrics were without the store's for {TOLD_WITHIN:?}"
                ));
            }
            tokio::time::sleep(ASKED_EVERY).await;
        }
    }

    async fn page(admin: &str) -> Result<Self, String> {
        let client = client().ok_or("no client")?;
        let asked = client.get(format!("http://{admin}/metrics")).send().await;
        let answer = asked.map_err(|error| error.to_string())?;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        Ok(Self::read(&text))
    }

    /// Reads Prometheus text; lines that are none of it are left out.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self(text.lines().filter_map(sample).collect())
    }

    /// The sum over all series of a name that bear these labels; 0 if there is none.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let bears = |one: &BTreeMap<String, String>| {
            labels
                .iter()
                .all(|(key, value)| one.get(*key).is_some_and(|is| is == value))
        };
        self.0
            .iter()
            .filter(|(is, one, _)| is == name && bears(one))
            .map(|(_, _, value)| value)
            .sum()
    }

    /// Which values of a label have anything in them, and how much.
    #[must_use]
    pub fn by(&self, name: &str, label: &str) -> BTreeMap<String, f64> {
        let mut by = BTreeMap::new();
        for (is, labels, value) in &self.0 {
            if is == name
                && *value > 0.0
                && let Some(which) = labels.get(label)
            {
                *by.entry(which.clone()).or_default() += value;
            }
        }
        by
    }
}

fn sample(line: &str) -> Option<(String, BTreeMap<String, String>, f64)> {
    if line.starts_with('#') {
        return None;
    }
    let (series, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, labels)) = series.split_once('{') else {
        return Some((series.to_owned(), BTreeMap::new(), value));
    };
    let pairs = labels.strip_suffix('}')?.split("\",");
    let pairs = pairs.filter_map(|pair| pair.split_once("=\""));
    let labels = pairs.map(|(key, value)| (key.to_owned(), value.trim_end_matches('"').to_owned()));
    Some((name.to_owned(), labels.collect(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, routing::get};
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    // Found by the long outage itself: a page without the store's figures counted as "nothing waits", and the
    // program was killed with half of the events not heard.
    #[tokio::test]
    async fn a_page_without_the_stores_figures_does_not_say_that_nothing_waits() {
        let asked = Arc::new(AtomicUsize::new(0));
        let page = move || async move {
            match asked.fetch_add(1, Ordering::Relaxed) {
                0 => "jelou_bridge_calls_total 7\n",
                _ => "jelou_bridge_lanes_claimed 0\njelou_bridge_unsettled_deliveries 480098\n",
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let admin = listener.local_addr().unwrap().to_string();
        let router = Router::new().route("/metrics", get(page));
        let served = tokio::spawn(axum::serve(listener, router).into_future());
        let figures = Figures::of(&admin).await.unwrap();
        assert!(figures.sum("jelou_bridge_unsettled_deliveries", &[]) > 480_000.0);
        served.abort();
    }

    #[test]
    fn figures_are_added_up_over_the_labels_that_were_not_asked_for() {
        let text = "# TYPE a counter\na_total{bridge=\"x\",side=\"jelou\"} 2\n\
                    a_total{bridge=\"x\",side=\"ticketing\"} 3\nb 0.5\n# EOF\n";
        let figures = Figures::read(text);
        assert!((figures.sum("a_total", &[("bridge", "x")]) - 5.0).abs() < 0.1);
        assert!((figures.sum("a_total", &[("side", "jelou")]) - 2.0).abs() < 0.1);
        assert!((figures.sum("b", &[]) - 0.5).abs() < 0.1);
        assert_eq!(figures.by("a_total", "side").len(), 2);
    }
}
