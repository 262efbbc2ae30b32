//! Opens the database file: address, lock, checks, migrations. Neighbours: `engine`, which gets
//! the writing connection; the command line, which prints what is refused here.

use super::{
    Store,
    engine::{Engine, Writer, engine},
};
use crate::store::error::StoreError;
use sqlx::{
    ConnectOptions, Connection, Row, SqliteConnection,
    migrate::{Migrate, MigrateError, Migrator},
    query,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// How long a statement waits for another program's lock on the file: longer than a backup's or a
/// shell's short lock, shorter than the 10 s after which Jelou sends a webhook again.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A file up to this size is looked through before it is served: that takes a tenth of a second. A
/// larger one would keep webhooks waiting, and is looked through while they are taken
/// ([`Store::look_through`]).
const LOOKED_THROUGH_AT_ONCE_BYTES: u64 = 64 * 1024 * 1024;

/// Reading connections: the admin API, the Router and the Sweep read; none of them often.
const READERS: u32 = 4;

/// Pages that each reader keeps to itself, KiB. The system keeps the file's pages too: more here would be the same
/// pages once for each reader, and with a million queued the program is to stay under 64 MiB.
const READER_CACHE_KIB: u32 = 512;

/// How long a reader waits for a free connection.
const READER_WAIT: Duration = Duration::from_secs(5);

/// How to open.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Apply what migrations are missing; else they are an error.
    pub migrate: bool,
    /// Make the file if there is none; else that is an error.
    pub create: bool,
}

/// How the writing connection is made, at the start and after trouble.
pub(super) struct Connector {
    path: PathBuf,
    options: SqliteConnectOptions,
}

impl Connector {
    fn new(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            // What retention takes away must be gone from the file, too.
            .pragma("secure_delete", "ON")
            .disable_statement_logging();
        Self {
            path: path.to_owned(),
            options,
        }
    }

    /// How the readers' connections are made.
    fn to_read(&self) -> SqliteConnectOptions {
        // Below zero it is KiB, above it pages.
        let cache = format!("-{READER_CACHE_KIB}");
        let options = self.options.clone().read_only(true);
        options.pragma("cache_size", cache)
    }

    pub async fn connect(&self) -> Result<SqliteConnection, StoreError> {
        SqliteConnection::connect_with(&self.options)
            .await
            .map_err(|e| self.named(e.into()))
    }

    /// A damaged file's error names the file.
    pub fn named(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Corrupt { detail, .. } => StoreError::Corrupt {
                path: self.path.clone(),
                detail,
            },
            other => other,
        }
    }
}

impl Store {
    /// Opens the database at `sqlite:PATH`, and locks it for this process. Claims of a process that
    /// died are free from here on.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another process has it, [`StoreError::Missing`],
    /// [`StoreError::Corrupt`], [`StoreError::Schema`] if its tables are not this version's, or
    /// what the file system said.
    pub async fn open(url: &str, options: Options) -> Result<Self, StoreError> {
        let path = path_of(url)?;
        if !options.create && !path.exists() {
            return Err(StoreError::Missing { path });
        }
        let lock = lock(&path)?;
        private_file(&path)?;
        let connector = Connector::new(&path);
        let mut db = connector.connect().await?;
        let large = is_large(&path);
        check(&mut db, large)
            .await
            .map_err(|e| connector.named(e))?;
        let migrated = migrate(&mut db, options.migrate)
            .await
            .map_err(|e| connector.named(e))?;
        query(FREE_DEAD_CLAIMS).execute(&mut db).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(READER_WAIT)
            .connect_with(connector.to_read())
            .await?;
        let (engine, writer, work): (Engine, Writer, _) = engine(connector, db, lock);
        let running = tokio::spawn(writer.run());
        Ok(Self {
            engine,
            readers,
            owner: format!("{:016x}", rand::random::<u64>()).into(),
            clock: Arc::default(),
            work,
            running: Arc::new(Mutex::new(Some(running))),
            migrated,
            unseen: large.then_some(path),
        })
    }

    /// Looks through every page of a file that was too large for that when it was opened, table by
    /// table, so that the log of writes can be folded in between. Nothing to do for a smaller one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where a page is damaged, or what the database said.
    pub async fn look_through(&self) -> Result<(), StoreError> {
        let Some(path) = &self.unseen else {
            return Ok(());
        };
        let connector = Connector::new(path);
        let options = connector.options.clone().read_only(true);
        let mut db = SqliteConnection::connect_with(&options)
            .await
            .map_err(StoreError::from)?;
        let tables = query("SELECT name FROM sqlite_master WHERE type = 'table'");
        for table in tables.fetch_all(&mut db).await? {
            let name: String = table.try_get(0)?;
            let found: String = query("SELECT * FROM pragma_quick_check(?)")
                .bind(name)
                .fetch_one(&mut db)
                .await
                .and_then(|row| row.try_get(0))
                .map_err(|e| connector.named(e.into()))?;
            whole(found).map_err(|e| connector.named(e))?;
        }
        Ok(db.close().await?)
    }
}

fn is_large(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.len() > LOOKED_THROUGH_AT_ONCE_BYTES)
}

/// The lock on the file says that whoever held a Claim is dead. It was due when it was claimed.
const FREE_DEAD_CLAIMS: &str = "UPDATE lane SET due_at = min(coalesce(due_at, claimed_at), claimed_at), \
     owner = NULL, lease_until = NULL, claimed_at = NULL WHERE owner IS NOT NULL";

pub(super) fn path_of(url: &str) -> Result<PathBuf, StoreError> {
    let refused = |remedy| StoreError::Address {
        url: without_password(url),
        remedy,
    };
    let path = url
        .strip_prefix("sqlite://")
        .or_else(|| url.strip_prefix("sqlite:"))
        .ok_or_else(|| refused("write sqlite:PATH, such as sqlite:bridge.db"))?;
    if path.is_empty() || path.contains(":memory:") {
        return Err(refused(
            "the bridge keeps what it knows in a file; write sqlite:PATH",
        ));
    }
    if path.contains('?') {
        return Err(refused("write the path alone, without `?` options"));
    }
    Ok(PathBuf::from(path))
}

fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            let (head, tail) = (url.get(..scheme + 3), url.get(at..));
            format!("{}...{}", head.unwrap_or(""), tail.unwrap_or(""))
        }
        _ => url.to_owned(),
    }
}

/// Locks `{database}.lock` for as long as the file is held, also over a kill: the operating system
/// lets go of it when the process ends.
fn lock(database: &Path) -> Result<File, StoreError> {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let unavailable = |e: std::io::Error| StoreError::Unavailable {
        reason: match path.parent() {
            // The lock would be made: it is not what is missing.
            Some(folder) if e.kind() == std::io::ErrorKind::NotFound => format!(
                "there is no folder {} (make it, or mend database.url)",
                folder.display()
            ),
            Some(_) | None => format!("{}: {e}", path.display()),
        },
    };
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
        Err(TryLockError::Error(e)) => Err(unavailable(e)),
    }
}

/// Makes the file before SQLite does, readable by its owner only: it holds customers' data.
/// SQLite gives its companions (`-wal`, `-shm`) the same rights.
fn private_file(path: &Path) -> Result<(), StoreError> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(e) => Err(StoreError::Unavailable {
            reason: format!("{}: {e}", path.display()),
        }),
    }
}

/// Looks through every page once, or of a large file through what names the tables. A damaged file
/// must be refused, not served.
async fn check(db: &mut SqliteConnection, large: bool) -> Result<(), StoreError> {
    let statement = if large {
        "PRAGMA quick_check(sqlite_schema)"
    } else {
        "PRAGMA quick_check(1)"
    };
    let row = query(statement).fetch_one(db).await?;
    whole(row.try_get(0)?)
}

fn whole(found: String) -> Result<(), StoreError> {
    if found == "ok" {
        return Ok(());
    }
    Err(StoreError::Corrupt {
        path: PathBuf::new(),
        detail: found,
    })
}

/// Brings the tables to this version, or refuses. Returns how many migrations were applied.
async fn migrate(db: &mut SqliteConnection, apply: bool) -> Result<usize, StoreError> {
    let applied = applied(db).await?;
    let ours = || MIGRATIONS.iter().map(|m| m.version);
    if let Some(newer) = applied.iter().find(|v| !ours().any(|o| o == **v)) {
        return Err(StoreError::Schema {
            detail: format!(
                "migration {newer} is not known here; a newer jelou-bridge wrote this database. Run that version, or restore a backup"
            ),
        });
    }
    let pending = ours().filter(|v| !applied.contains(v)).count();
    if pending > 0 && !apply {
        return Err(StoreError::Schema {
            detail: format!(
                "{pending} migrations are pending. Run `jelou-bridge migrate`, or `run` without --no-migrate"
            ),
        });
    }
    MIGRATIONS.run(&mut *db).await.map_err(refused_migration)?;
    Ok(pending)
}

async fn applied(db: &mut SqliteConnection) -> Result<Vec<i64>, StoreError> {
    let table = query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?")
        .bind(&*MIGRATIONS.table_name)
        .fetch_optional(&mut *db)
        .await?;
    if table.is_none() {
        return Ok(Vec::new());
    }
    let list = db
        .list_applied_migrations(&MIGRATIONS.table_name)
        .await
        .map_err(refused_migration)?;
    Ok(list.into_iter().map(|m| m.version).collect())
}

fn refused_migration(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => e.into(),
        other => StoreError::Schema {
            detail: other.to_string(),
        },
    }
}

/// A database as an earlier version left it, for the test that migrates it.
#[cfg(test)]
pub(super) async fn make_old(path: &Path, version: i64, rows: &'static str) {
    let mut db = Connector::new(path)
        .options
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    MIGRATIONS.run_to(version, &mut db).await.unwrap();
    sqlx::raw_sql(rows).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}
