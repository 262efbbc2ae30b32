//! A headless Chromium behind its driver, and what a person does with it. Neighbour: the story, which
//! says what is to be seen. The calls are those of W3C's WebDriver.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{Client, Method, header::CONTENT_TYPE};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// The name under which WebDriver hands out an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Chromium is on the page after this, also on a machine with other work.
const WITHIN: Duration = Duration::from_secs(60);

/// How often it is looked whether something shows.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What keeps Chromium to this machine and to itself.
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--window-size=1400,900",
];

/// Free a moment ago, and let go again.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

pub struct Browser {
    client: Client,
    session: String,
    driver: Child,
    /// Chromium's own process.
    process: Option<u64>,
    folder: TempDir,
}

impl Browser {
    /// A fresh browser; `None` if there is none on this machine and this is not CI.
    pub async fn open() -> Option<Self> {
        let port = free_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let driver = match driver {
            Ok(driver) => driver,
            Err(error) => {
                #[allow(clippy::disallowed_methods)] // Whether this is CI is nobody's setting.
                let is_ci = std::env::var_os("CI").is_some();
                assert!(!is_ci, "chromedriver: {error}");
                eprintln!("no browser is here (chromedriver: {error}): nothing is shown");
                return None;
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let mut browser = Self {
            client: Client::builder()
                .no_proxy()
                .timeout(WITHIN)
                .build()
                .unwrap(),
            session: format!("http://127.0.0.1:{port}/session"),
            driver,
            process: None,
            folder,
        };
        browser.begin().await;
        Some(browser)
    }

    async fn begin(&mut self) {
        let profile = self.folder.path().join("profile");
        let profile = format!("--user-data-dir={}", profile.display());
        let args: Vec<&str> = FLAGS.iter().copied().chain([profile.as_str()]).collect();
        let options = json!({ "goog:chromeOptions": { "args": args } });
        let wanted = json!({ "capabilities": { "alwaysMatch": options } });
        let beginning = async {
            loop {
                // The driver is not listening yet, or has said why there is no session.
                match self.tries(Method::POST, "", Some(&wanted)).await {
                    Ok(begun) => return begun,
                    Err(_) => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        };
        let begun = tokio::time::timeout(WITHIN, beginning).await;
        let begun = begun.expect("chromium starts");
        let id = begun["sessionId"].as_str().expect("a session");
        self.session = format!("{}/{id}", self.session);
        self.process = begun["capabilities"]["goog:processID"].as_u64();
    }

    async fn tries(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, String> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.session));
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let done = answer.status().is_success();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        let told: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if done {
            Ok(told["value"].clone())
        } else {
            Err(told["value"]["message"].to_string())
        }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let done = self.tries(Method::POST, path, Some(&body)).await;
        done.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    async fn get(&self, path: &str) -> Value {
        let found = self.tries(Method::GET, path, None).await;
        found.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub async fn goes_to(&self, page: &str) {
        self.post("/url", json!({ "url": page })).await;
    }

    /// Turns to the desk in its frame, or back to the phone.
    pub async fn at_the_desk(&self, at: bool) {
        if at {
            let frame = self.has("#desk").await;
            self.post("/frame", json!({ "id": { ELEMENT: frame } }))
                .await;
        } else {
            self.post("/frame/parent", json!({})).await;
        }
    }

    /// Waits until there is such an element.
    pub async fn has(&self, element: &str) -> String {
        let looked_for = json!({ "using": "css selector", "value": element });
        let looking = async {
            loop {
                match self
                    .tries(Method::POST, "/element", Some(&looked_for))
                    .await
                {
                    Ok(found) => return found[ELEMENT].as_str().expect("an element").to_owned(),
                    Err(_) => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        };
        let found = tokio::time::timeout(WITHIN, looking).await;
        found.unwrap_or_else(|_| panic!("there is no {element}"))
    }

    /// As by an input method: the driver's keys know no emoji.
    pub async fn types(&self, element: &str, words: &str) {
        self.clicks(element).await;
        let typed = "document.execCommand('insertText', false, arguments[0])";
        self.post("/execute/sync", json!({ "script": typed, "args": [words] }))
            .await;
        let id = self.has(element).await;
        assert_eq!(
            self.get(&format!("/element/{id}/property/value")).await,
            words
        );
    }

    pub async fn clicks(&self, element: &str) {
        let id = self.has(element).await;
        self.post(&format!("/element/{id}/click"), json!({})).await;
    }

    /// Chooses of a list by what is written there.
    pub async fn chooses(&self, list: &str, value: &str) {
        self.clicks(&format!("{list} option[value={value}]")).await;
    }

    /// Gives a file to an input that stays hidden behind its button.
    pub async fn gives(&self, element: &str, file: &Path) {
        let id = self.has(element).await;
        let path = file.to_str().expect("a plain path");
        self.post(&format!("/element/{id}/value"), json!({ "text": path }))
            .await;
    }

    pub async fn text(&self, element: &str) -> String {
        let id = self.has(element).await;
        let text = self.get(&format!("/element/{id}/text")).await;
        text.as_str().expect("text").to_owned()
    }

    /// Waits until these words are to be seen there.
    pub async fn shows(&self, element: &str, words: &str) {
        let shown = tokio::time::timeout(WITHIN, async {
            while !self.text(element).await.contains(words) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        if shown.await.is_err() {
            panic!(
                "{element} shows {:?}, not {words:?}",
                self.text(element).await
            );
        }
    }

    /// Keeps a picture of the whole window.
    pub async fn keeps(&self, path: &Path) {
        let picture = self.get("/screenshot").await;
        let picture = STANDARD
            .decode(picture.as_str().expect("a picture"))
            .unwrap();
        assert!(picture.starts_with(b"\x89PNG"), "a picture");
        std::fs::write(path, picture).unwrap();
    }

    pub async fn closes(mut self) {
        self.tries(Method::DELETE, "", None).await.unwrap();
        self.process = None;
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Also after a story that failed, whose session nobody ended.
        if let Some(process) = self.process {
            let _ = Command::new("kill").arg(process.to_string()).status();
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
