//! The one writer: a task that owns the writing connection, takes what is queued, and commits it
//! as a group. Neighbours: every file that writes hands it commands; `open` starts it.
//!
//! A command is answered after its group's commit, never before. Each runs in a savepoint of its
//! own, so that one which is refused leaves no trace and spoils nothing. If the group itself
//! fails, its members are tried one by one, so that one member's trouble is not everybody's.

use super::open::Connector;
use crate::store::error::{CommitError, StoreError};
use backon::{ExponentialBuilder, RetryableWithContext};
use futures::{FutureExt, future::BoxFuture};
use sqlx::{Connection, SqliteConnection, query};
use std::{panic::AssertUnwindSafe, time::Duration};
use tokio::{
    sync::{broadcast, mpsc, oneshot, watch},
    time::Instant,
};

/// Commands that may wait for the writer. Beyond this the callers wait, and webhooks are answered
/// 503: at ten thousand commits a second it is under half a second of work.
const QUEUE_CAPACITY: usize = 4_096;

/// Commands in one transaction. Larger groups gain nothing (measured: 100 to 1,000 a transaction
/// cost the same per row) and let the first member wait for the last.
const GROUP_MAX: usize = 256;

/// A caller waits this long for a place in the queue. Jelou gives up on a webhook after 10 s, and
/// the commit itself may wait for the file's lock.
const QUEUE_WAIT: Duration = Duration::from_secs(2);

/// Another program's lock on the file is waited for as often as this, each time for the
/// connection's busy timeout; then the group is answered `Busy`.
const BEGIN_RETRIES: usize = 1;

/// Where a command stands in its group: what came from outside is made safe first, and claims see
/// all that the group made due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// A new Delivery.
    Ingest,
    /// Work that may make something due.
    Work,
    /// Work that makes nothing due.
    Quiet,
    /// A claim.
    Claim,
}

/// One command's statements: given its arguments, on the writing connection.
pub(super) type Run<A, T> =
    for<'c> fn(&'c mut SqliteConnection, &'c A) -> BoxFuture<'c, Result<T, CommitError>>;

/// A command in the queue, whatever it brings.
trait Member: Send {
    fn turn(&self) -> Turn;
    /// Runs the statements and keeps what came of them for [`Member::committed`].
    fn run<'c>(&'c mut self, db: &'c mut SqliteConnection) -> BoxFuture<'c, Ran>;
    fn committed(self: Box<Self>);
    fn failed(self: Box<Self>, error: StoreError);
}

/// How a member's statements went.
enum Ran {
    /// Well.
    Done,
    /// Refused: what it wrote must be undone, the others go on.
    Refused,
    /// The database itself has trouble: nothing of the group is to be trusted.
    Trouble(StoreError),
}

struct Command<A, T> {
    turn: Turn,
    args: A,
    run: Run<A, T>,
    outcome: Option<Result<T, CommitError>>,
    answer: oneshot::Sender<Result<T, CommitError>>,
}

impl<A: Send + Sync, T: Send> Member for Command<A, T> {
    fn turn(&self) -> Turn {
        self.turn
    }

    fn run<'c>(&'c mut self, db: &'c mut SqliteConnection) -> BoxFuture<'c, Ran> {
        Box::pin(async move {
            // A panic in one command must not end the writer for all.
            let outcome = AssertUnwindSafe((self.run)(db, &self.args))
                .catch_unwind()
                .await
                .unwrap_or_else(|_| {
                    Err(CommitError::Store(StoreError::Broken {
                        what: "a command panicked".to_owned(),
                    }))
                });
            let ran = match &outcome {
                Ok(_) => Ran::Done,
                Err(CommitError::Store(error)) if error.is_trouble() => Ran::Trouble(error.clone()),
                Err(_) => Ran::Refused,
            };
            self.outcome = Some(outcome);
            ran
        })
    }

    // Whoever asked may have left; then nobody needs the answer.
    fn committed(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            let _ = self.answer.send(outcome);
        }
    }

    fn failed(self: Box<Self>, error: StoreError) {
        let _ = self.answer.send(Err(CommitError::Store(error)));
    }
}

impl StoreError {
    /// Whether the connection or the file is the trouble, and not the one command.
    fn is_trouble(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. }
                | Self::Unavailable { .. }
                | Self::Failing { .. }
                | Self::Corrupt { .. }
        )
    }
}

enum Message {
    Run(Box<dyn Member>),
    Stop,
}

/// The way to the writer.
#[derive(Clone)]
pub(super) struct Engine {
    commits: broadcast::Sender<GroupCommit>,
    queue: mpsc::Sender<Message>,
}

impl Engine {
    /// Runs the statements in the next group, and answers after its commit.
    pub async fn write<A, T>(&self, turn: Turn, args: A, run: Run<A, T>) -> Result<T, CommitError>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let command = Command {
            turn,
            args,
            run,
            outcome: None,
            answer,
        };
        let message = Message::Run(Box::new(command));
        match self.queue.send_timeout(message, QUEUE_WAIT).await {
            Ok(()) => {}
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                return Err(CommitError::Store(StoreError::Busy {
                    reason: "too much waits to be written".to_owned(),
                }));
            }
            Err(mpsc::error::SendTimeoutError::Closed(_)) => {
                return Err(CommitError::Store(StoreError::Closed));
            }
        }
        answered
            .await
            .unwrap_or(Err(CommitError::Store(StoreError::Closed)))
    }

    /// Tells of each group commit from now on.
    pub fn commits(&self) -> broadcast::Receiver<GroupCommit> {
        self.commits.subscribe()
    }

    /// Asks the writer to end after what is queued.
    pub async fn stop(&self) {
        // It may have ended before; then there is nothing to stop.
        let _ = self.queue.send(Message::Stop).await;
    }
}

/// One group commit that held.
#[derive(Clone, Copy, Debug)]
pub struct GroupCommit {
    /// How many commands it carried.
    pub members: usize,
    /// From its begin to its end.
    pub took: Duration,
}

/// Commits told and not yet counted; a counter that lags behind more than this loses the oldest.
const COMMITS_KEPT: usize = 256;

/// The task behind [`Engine`].
pub(super) struct Writer {
    queue: mpsc::Receiver<Message>,
    connector: Connector,
    /// None after trouble: it is opened anew before the next group.
    db: Option<SqliteConnection>,
    work: watch::Sender<u64>,
    commits: broadcast::Sender<GroupCommit>,
    /// Let go of when the last write is done, and not before.
    _lock: std::fs::File,
}

/// The engine and its parts, not yet running.
pub(super) fn engine(
    connector: Connector,
    db: SqliteConnection,
    lock: std::fs::File,
) -> (Engine, Writer, watch::Receiver<u64>) {
    let (sender, queue) = mpsc::channel(QUEUE_CAPACITY);
    let (work, changes) = watch::channel(0);
    let (commits, _) = broadcast::channel(COMMITS_KEPT);
    let writer = Writer {
        queue,
        connector,
        db: Some(db),
        work,
        commits: commits.clone(),
        _lock: lock,
    };
    let engine = Engine {
        queue: sender,
        commits,
    };
    (engine, writer, changes)
}

impl Writer {
    /// Writes until it is stopped or nobody can ask any more. It never dies of a failed commit.
    pub async fn run(mut self) {
        let mut taken = Vec::with_capacity(GROUP_MAX);
        let mut stopping = false;
        while !stopping && self.queue.recv_many(&mut taken, GROUP_MAX).await > 0 {
            let mut members = Vec::with_capacity(taken.len());
            for message in taken.drain(..) {
                match message {
                    Message::Run(member) => members.push(member),
                    Message::Stop => stopping = true,
                }
            }
            members.sort_by_key(|member| member.turn());
            self.settle(members).await;
        }
        self.queue.close();
        if let Some(db) = self.db.take()
            && let Err(error) = db.close().await
        {
            tracing::warn!(error = %StoreError::from(error), "The database did not close cleanly");
        }
    }

    async fn settle(&mut self, mut members: Vec<Box<dyn Member>>) {
        if members.is_empty() {
            return;
        }
        match self.group(&mut members).await {
            Ok(()) => self.answer(members),
            Err(Undone { error, begun }) if !begun || members.len() == 1 => {
                fail(members, &error);
            }
            Err(_) => self.singly(members).await,
        }
    }

    async fn singly(&mut self, members: Vec<Box<dyn Member>>) {
        for member in members {
            let mut alone = vec![member];
            match self.group(&mut alone).await {
                Ok(()) => self.answer(alone),
                Err(Undone { error, .. }) => fail(alone, &error),
            }
        }
    }

    fn answer(&self, members: Vec<Box<dyn Member>>) {
        let made_due = members
            .iter()
            .any(|m| matches!(m.turn(), Turn::Ingest | Turn::Work));
        for member in members {
            member.committed();
        }
        if made_due {
            self.work
                .send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// One transaction. On an error nothing of it is stored.
    async fn group(&mut self, members: &mut [Box<dyn Member>]) -> Result<(), Undone> {
        let db = match self.db.as_mut() {
            Some(db) => db,
            None => self
                .db
                .insert(self.connector.connect().await.map_err(unbegun)?),
        };
        let begun = Instant::now();
        begin(db).await.map_err(unbegun)?;
        match transact(db, members).await {
            Ok(()) => {
                // An error means that nobody counts.
                let _ = self.commits.send(GroupCommit {
                    members: members.len(),
                    took: begun.elapsed(),
                });
                Ok(())
            }
            Err(error) => {
                let undone = query("ROLLBACK").execute(db).await.is_ok();
                // After a failed write or fsync the connection's pages are not to be trusted; and
                // where undoing fails, nobody knows what is open. The next group gets a new one.
                if !undone
                    || matches!(
                        error,
                        StoreError::Failing { .. } | StoreError::Corrupt { .. }
                    )
                {
                    self.db = None;
                }
                let error = self.connector.named(error);
                Err(Undone { error, begun: true })
            }
        }
    }
}

/// A group that left no trace.
struct Undone {
    error: StoreError,
    /// Whether the transaction had begun: else trying the members singly would fail the same way.
    begun: bool,
}

fn unbegun(error: StoreError) -> Undone {
    Undone {
        error,
        begun: false,
    }
}

fn fail(members: Vec<Box<dyn Member>>, error: &StoreError) {
    tracing::warn!(%error, commands = members.len(), "Nothing was written: {error}");
    for member in members {
        member.failed(error.clone());
    }
}

/// Begins, with the write lock: a transaction that finds out later that it must wait cannot.
async fn begin(db: &mut SqliteConnection) -> Result<(), StoreError> {
    let patience = ExponentialBuilder::default().with_max_times(BEGIN_RETRIES);
    let (_, began) = try_to_begin
        .retry(patience)
        .context(db)
        .when(|error: &StoreError| matches!(error, StoreError::Busy { .. }))
        .await;
    began
}

/// One try, in the shape that a retry with a borrowed connection asks for.
async fn try_to_begin(
    db: &mut SqliteConnection,
) -> (&mut SqliteConnection, Result<(), StoreError>) {
    let began = query("BEGIN IMMEDIATE").execute(&mut *db).await;
    (db, began.map(|_| ()).map_err(StoreError::from))
}

async fn transact(
    db: &mut SqliteConnection,
    members: &mut [Box<dyn Member>],
) -> Result<(), StoreError> {
    for member in members {
        query("SAVEPOINT member").execute(&mut *db).await?;
        match member.run(db).await {
            Ran::Done => {}
            Ran::Refused => {
                query("ROLLBACK TO member").execute(&mut *db).await?;
            }
            Ran::Trouble(error) => return Err(error),
        }
        query("RELEASE member").execute(&mut *db).await?;
    }
    query("COMMIT").execute(&mut *db).await?;
    Ok(())
}
