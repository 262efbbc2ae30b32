//! A door before a server: it lets requests through, refuses them, or lets them be done and keeps
//! the answer for itself. One stands between Request Tracker and the bridge's webhooks, one between
//! the bridge and Request Tracker's REST. Neighbour: `stage`, which puts them up.
//!
//! It carries bytes and knows of HTTP only where a message ends. Every exchange has a connection of
//! its own, so a cut concerns one request.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
    time::Instant,
};

/// One exchange may take this long: Request Tracker's slowest answer on a busy machine, twice over.
const EXCHANGE_WITHIN: Duration = Duration::from_secs(30);

/// The address of a shut door may be lent to an outgoing connection meanwhile; those end soon.
const REOPEN_WITHIN: Duration = Duration::from_secs(10);

/// The largest head of a message, in bytes. Both sides' heads are under a tenth of it.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// A request that came through.
#[derive(Clone, Debug)]
pub struct Passed {
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// When it came.
    pub at: Instant,
    /// How long the server took to answer.
    pub took: Duration,
    /// Whether the answer was kept from the caller.
    pub cut: bool,
}

impl Passed {
    /// The method and the path without ids, for figures.
    pub fn kind(&self) -> String {
        let words = self.path.split('/').skip(1);
        let is_id = |word: &&str| word.contains(|c: char| c.is_ascii_digit());
        let named: Vec<&str> = words.filter(|word| !is_id(word)).collect();
        format!("{} {}", self.method, named.join("/"))
    }
}

/// The door. It shuts for good when this is dropped.
pub struct Proxy {
    /// Where callers knock.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

struct Shared {
    server: Mutex<Option<SocketAddr>>,
    cuts: Mutex<Vec<(&'static str, String)>>,
    refusals: Mutex<Vec<(&'static str, &'static str, &'static str)>>,
    passed: Mutex<Vec<Passed>>,
    wanted: watch::Sender<bool>,
    stands_open: watch::Sender<bool>,
    shuts_at_cut: AtomicBool,
}

impl Proxy {
    /// Opens a door on a free port. Nothing is behind it yet.
    pub async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server: Mutex::default(),
            cuts: Mutex::default(),
            refusals: Mutex::default(),
            passed: Mutex::default(),
            wanted: watch::Sender::new(true),
            stands_open: watch::Sender::new(true),
            shuts_at_cut: AtomicBool::new(false),
        });
        let wanted = shared.wanted.subscribe();
        let keeper = tokio::spawn(keep(listener, addr, Arc::clone(&shared), wanted));
        Ok(Self {
            addr,
            shared,
            keeper,
        })
    }

    /// Says which server is behind it.
    pub fn lead_to(&self, server: SocketAddr) {
        *lock(&self.shared.server) = Some(server);
    }

    /// Opens or shuts it, and returns when it stands so. Who knocks at a shut door is refused the
    /// connection.
    pub async fn set_open(&self, open: bool) {
        self.shared.stands(open).await;
    }

    /// The next request with this method and path is done, and its answer never arrives.
    pub fn cut_next(&self, method: &'static str, path: &str) {
        lock(&self.shared.cuts).push((method, path.to_owned()));
    }

    /// The same, and the door stands shut before the caller learns that no answer comes: it asks nothing more.
    pub fn cut_next_and_shut(&self, method: &'static str, path: &str) {
        self.shared.shuts_at_cut.store(true, Ordering::SeqCst);
        self.cut_next(method, path);
    }

    /// The next request with this method and a path that ends so never reaches the server: it is answered
    /// with this status line and these headers.
    pub fn refuse_next(&self, method: &'static str, ending: &'static str, head: &'static str) {
        lock(&self.shared.refusals).push((method, ending, head));
    }

    /// What came through so far, in the order of the answers.
    pub fn passed(&self) -> Vec<Passed> {
        lock(&self.shared.passed).clone()
    }

    /// How many requests came through that ask for a change.
    pub fn writes(&self) -> usize {
        let reads = |passed: &Passed| passed.method == "GET";
        self.passed().iter().filter(|passed| !reads(passed)).count()
    }
}

impl Shared {
    async fn stands(&self, open: bool) {
        self.wanted.send_replace(open);
        let mut stands = self.stands_open.subscribe();
        let _ = stands.wait_for(|stands| *stands == open).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Holds the listener while the door is to be open, and nothing while it is to be shut.
async fn keep(
    first: TcpListener,
    addr: SocketAddr,
    shared: Arc<Shared>,
    mut wanted: watch::Receiver<bool>,
) {
    let mut listener = Some(first);
    loop {
        let open = *wanted.borrow_and_update();
        listener = match (open, listener) {
            (false, _) => None,
            (true, Some(listener)) => Some(listener),
            (true, None) => Some(bind_again(addr).await),
        };
        shared.stands_open.send_replace(open);
        loop {
            let accepted = async {
                match &listener {
                    Some(listener) => listener.accept().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = wanted.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                Ok((caller, _)) = accepted => {
                    let shared = Arc::clone(&shared);
                    tokio::spawn(async move {
                        // A caller or server that goes away in the middle ends this exchange alone.
                        let _ = tokio::time::timeout(EXCHANGE_WITHIN, exchange(caller, &shared)).await;
                    });
                }
            }
        }
    }
}

async fn bind_again(addr: SocketAddr) -> TcpListener {
    let give_up = Instant::now() + REOPEN_WITHIN;
    loop {
        match TcpListener::bind(addr).await {
            Ok(listener) => return listener,
            Err(error) => assert!(Instant::now() < give_up, "{addr} is taken: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn exchange(mut caller: TcpStream, shared: &Shared) -> io::Result<()> {
    let server = *lock(&shared.server);
    let server = server.ok_or_else(|| io::Error::other("nothing is behind this door"))?;
    let (head, mut body) = read_head(&mut caller).await?;
    let length = content_length(&head).unwrap_or(0);
    let missing = length.saturating_sub(body.len());
    let mut rest = vec![0; missing];
    caller.read_exact(&mut rest).await?;
    body.extend(rest);

    let (method, path) = asked(&head);
    let begun = Instant::now();
    if let Some(head) = take_refusal(shared, &method, &path) {
        lock(&shared.passed).push(Passed {
            method,
            path,
            at: begun,
            took: Duration::ZERO,
            cut: false,
        });
        let head = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n");
        caller.write_all(closing(&head).as_bytes()).await?;
        return caller.shutdown().await;
    }
    let mut behind = TcpStream::connect(server).await?;
    behind.write_all(closing(&head).as_bytes()).await?;
    behind.write_all(&body).await?;
    let (answer_head, mut answer) = read_head(&mut behind).await?;
    behind.read_to_end(&mut answer).await?;

    let cut = take_cut(shared, &method, &path);
    lock(&shared.passed).push(Passed {
        method,
        path,
        at: begun,
        took: begun.elapsed(),
        cut,
    });
    if cut {
        if shared.shuts_at_cut.swap(false, Ordering::SeqCst) {
            shared.stands(false).await;
        }
        return Ok(());
    }
    caller.write_all(closing(&answer_head).as_bytes()).await?;
    caller.write_all(&answer).await?;
    caller.shutdown().await
}

/// The head with its empty line, and what of the body came along with it.
async fn read_head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = bytes.split_off(end + 4);
            let head = String::from_utf8(bytes).map_err(io::Error::other)?;
            return Ok((head, body));
        }
        if bytes.len() > HEAD_BYTES_MAX {
            return Err(io::Error::other("the head does not end"));
        }
        let mut more = [0; 4096];
        let came = stream.read(&mut more).await?;
        if came == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&more[..came]);
    }
}

fn content_length(head: &str) -> Option<usize> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let ours = name.eq_ignore_ascii_case("content-length");
        ours.then(|| value.trim().parse().ok()).flatten()
    })
}

fn asked(head: &str) -> (String, String) {
    let mut words = head.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default().to_owned();
    (method, path)
}

/// The same head, saying that the connection ends after this message.
fn closing(head: &str) -> String {
    let mut lines: Vec<&str> = head.trim_end().split("\r\n").collect();
    let is_connection = |line: &str| line.to_ascii_lowercase().starts_with("connection:");
    lines.retain(|line| !is_connection(line));
    format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"))
}

fn take_cut(shared: &Shared, method: &str, path: &str) -> bool {
    let mut cuts = lock(&shared.cuts);
    let meant = cuts.iter().position(|(m, p)| *m == method && p == path);
    meant.map(|index| cuts.remove(index)).is_some()
}

fn take_refusal(shared: &Shared, method: &str, path: &str) -> Option<&'static str> {
    let mut refusals = lock(&shared.refusals);
    let meant = refusals
        .iter()
        .position(|(m, ending, _)| *m == method && path.ends_with(ending));
    meant.map(|index| refusals.remove(index).2)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
