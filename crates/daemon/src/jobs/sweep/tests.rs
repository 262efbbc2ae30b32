use super::*;
use crate::{
    app,
    config::{self, Variables},
    store::{Options, Store},
};
use bridge_core::ticket::{Requester, Status};
use sqlx::{ConnectOptions, Connection, query, sqlite::SqliteConnectOptions};
use std::path::PathBuf;
use tempfile::TempDir;

/// A bridge, of which nothing runs, on a disk of its own.
struct Scene {
    jobs: Jobs,
    bridge: Arc<Bridge>,
    database: PathBuf,
    _folder: TempDir,
}

async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("bridge.db");
    let url = format!("sqlite:{}", database.display());
    let new = Options {
        migrate: true,
        create: true,
    };
    Store::open(&url, new).await.unwrap().close().await;
    let text = format!(
        r#"
[database]
url = "{url}"

[bridges.main.jelou]
project_id = "p1"
bots = ["b1"]
api_key = "k1"
signing_secrets = ["s1"]
ticket_id_to_jelou = "none"

[bridges.main.ticketing]
profile = "sandbox"
base_url = "http://127.0.0.1:9"
credentials = {{ token = "t1" }}
webhook_secrets = ["w1"]
"#
    );
    let path = folder.path().join("bridge.toml");
    let config = config::parse(&text, &path, &Variables::default()).unwrap();
    let jobs = app::offline(config).await.unwrap();
    let main = BridgeName::parse("main").unwrap();
    let bridge = Arc::clone(&jobs.runtime.borrow().bridges[&main]);
    Scene {
        jobs,
        bridge,
        database,
        _folder: folder,
    }
}

impl Scene {
    /// Somebody else at the same file.
    async fn shell(&self, statement: &'static str) {
        let options = SqliteConnectOptions::new().filename(&self.database);
        let mut shell = options.connect().await.unwrap();
        query(statement).execute(&mut shell).await.unwrap();
        shell.close().await.unwrap();
    }

    /// A round that begins at this moment lists a ticket of a system that tells no versions.
    async fn lists(&self, at: i64) -> Result<bool, StoreError> {
        let ticket = Ticket {
            id: TicketId::parse("7").unwrap(),
            version: Version::None,
            status: Status::new("open"),
            subject: None,
            priority: None,
            tags: vec!["whatsapp".to_owned()],
            group: None,
            requester: Requester::default(),
            assignee: None,
            link_field: None,
            fields: BTreeMap::new(),
            url: None,
            created_at: None,
            merged_into: None,
        };
        record_ticket(&self.jobs, &self.bridge, ticket, Timestamp(at)).await
    }
}

#[tokio::test]
async fn a_ticket_that_the_store_refused_is_recorded_by_the_next_round() {
    let scene = scene().await;
    let full =
        "CREATE TRIGGER full BEFORE INSERT ON delivery BEGIN SELECT RAISE(ABORT, 'full'); END";
    scene.shell(full).await;
    assert!(scene.lists(1_000).await.is_err());
    scene.shell("DROP TRIGGER full").await;
    assert_eq!(scene.lists(2_000).await, Ok(true), "nobody had it");
    assert_eq!(scene.lists(3_000).await, Ok(false), "it is as it was");
}
