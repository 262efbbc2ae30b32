//! Whatever address a message names, nothing that is not everybody's is opened.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails where it does not get what it asked for"
)]

use bridge_transport::{FILE_BYTES_MAX, FILES_AT_ONCE, FILES_IN_LINE, Fetcher, NoFile};
use std::{
    collections::BTreeSet,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const DEADLINE: Duration = Duration::from_secs(5);

/// Names as an attacker would set them up.
fn hostile_names(name: String) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>> {
    let found: Vec<&str> = match name.trim_end_matches('.') {
        "mixed.example" => vec!["93.184.215.14", "127.0.0.1"],
        "mapped.example" => vec!["::ffff:127.0.0.1"],
        "six.example" => vec!["::1"],
        "nowhere.example" => vec![],
        "rebind.example" => vec!["127.0.0.1"],
        _ => vec!["127.0.0.1", "::1"],
    };
    let found = found.into_iter().map(|ip| ip.parse().unwrap()).collect();
    Box::pin(async move { Ok(found) })
}

/// A server on loopback that counts who connects, and answers everybody the same.
async fn server(answer: &'static [u8]) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let connects = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connects);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut asked = [0; 4096];
                let _ = stream.read(&mut asked).await;
                let _ = stream.write_all(answer).await;
            });
        }
    });
    (addr, connects)
}

/// Ways to write an address of this machine or of somebody's own network.
const HOSTS: [&str; 103] = [
    // This machine, as browsers and C libraries read it.
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0x7f.0x0.0x0.0x1",
    "0177.0x0.0.1",
    "127.000.000.001",
    "127.0.0.1.",
    "127.127.127.127",
    "0.0.0.0",
    "0",
    "0x0",
    "00000000000",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "127。0。0。1",
    "127．0．0．1",
    "①②⑦.0.0.1",
    "１２７.0.0.1",
    // Networks of one's own, and of the neighbours.
    "10.0.0.1",
    "10.255.255.255",
    "167772161",
    "0xa000001",
    "012.0.0.1",
    "172.16.0.1",
    "172.31.255.254",
    "0xac100001",
    "192.168.0.1",
    "192.168.1.254",
    "3232235521",
    "0xc0a80001",
    "100.64.0.1",
    "100.127.255.254",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.170.2",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "192.88.99.1",
    "0.1.2.3",
    // IPv6, and IPv4 within it.
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[::ffff:8.8.8.8]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a00:1]",
    "[64:ff9b:1::1]",
    "[2002:7f00:1::]",
    "[2002:a00:1::1]",
    "[2001::1]",
    "[2001:0:7f00:1::]",
    "[2001:db8::1]",
    "[2001:10::1]",
    "[2001:20::1]",
    "[100::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[febf::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[ff0e::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[4000::1]",
    // Names that lead there.
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost.localdomain",
    "ip6-localhost",
    "rebind.example",
    "rebind.example.",
    "mixed.example",
    "mapped.example",
    "six.example",
    "nowhere.example",
    "metadata.google.internal",
    "instance-data",
    "kubernetes.default.svc",
    "router.local",
    "127.0.0.1.nip.example",
    "xn--rebind-abc.example",
    "r\u{e9}bind.example",
];

/// [`HOSTS`], and each of the 16 networks of private use, somewhere within.
fn hosts() -> impl Iterator<Item = String> {
    let private = (16..32).map(|n| format!("172.{n}.7.7"));
    HOSTS.iter().map(|host| (*host).to_owned()).chain(private)
}

/// What is no https.
const SCHEMES: [&str; 15] = [
    "http",
    "ftp",
    "file",
    "gopher",
    "dict",
    "ldap",
    "ws",
    "wss",
    "data",
    "jar",
    "unix",
    "tftp",
    "sftp",
    "smb",
    "javascript",
];

/// Addresses that different readers read differently, or that are none.
const OTHERS: [&str; 30] = [
    "file:///etc/passwd",
    "data:text/plain,x",
    "about:blank",
    "//127.0.0.1/",
    "127.0.0.1",
    "",
    " ",
    "https://",
    "https:///",
    "https:127.0.0.1",
    "https:/127.0.0.1/",
    "https://@/",
    "https://[::1",
    "https://[fe80::1%25eth0]/",
    "https://exa mple/",
    "https://a\u{0}b/",
    "\thttps://127.0.0.1/",
    "https://127.0.0.1\\@media.example/",
    "https:\\\\127.0.0.1\\",
    "https://127.0.0.1#@media.example/",
    "https://127.0.0.1?@media.example/",
    "https://media.example@127.0.0.1/",
    "https://media.example:443@127.0.0.1/",
    "https://user:secret@rebind.example/",
    "https://rebind.example:0/",
    "https://rebind.example:65536/",
    "https://rebind.example:22/",
    "https://rebind.example:80/",
    "https://rebind.example:6379/",
    "https://rebind.example:08443/",
];

/// At least 200 addresses, each another way in.
fn hostile(port: u16) -> BTreeSet<String> {
    let mut urls = BTreeSet::new();
    for host in hosts() {
        urls.insert(format!("https://{host}/a.jpg"));
        urls.insert(format!("https://{host}:{port}/a.jpg"));
    }
    for scheme in SCHEMES {
        urls.insert(format!("{scheme}://127.0.0.1:{port}/a.jpg"));
    }
    for other in OTHERS {
        urls.insert(other.to_owned());
    }
    urls
}

#[tokio::test]
async fn no_address_leads_to_a_machine_that_is_not_everybodys() {
    let (addr, connects) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret").await;
    let urls = hostile(addr.port());
    assert!(urls.len() >= 200, "{}", urls.len());
    let fetcher = Fetcher::new(hostile_names);
    for url in &urls {
        let fetched = fetcher.fetch(url, None, DEADLINE).await;
        let no_file = fetched
            .err()
            .unwrap_or_else(|| panic!("{url:?} was opened"));
        let told = no_file.to_string();
        // It was refused for what it is, and not because nobody happened to answer there.
        assert!(!told.contains("cannot be reached"), "{url:?}: {told}");
    }
    assert_eq!(connects.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn no_redirect_leads_there_either() {
    let (inside, connects) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret").await;
    let fetcher = Fetcher::new(hostile_names);
    let mut tried = 0;
    for url in hostile(inside.port()) {
        let fit = url.chars().all(|c| c.is_ascii_graphic()) && url.contains("://");
        if !fit {
            continue;
        }
        tried += 1;
        let answer = format!("HTTP/1.1 302 Found\r\nlocation: {url}\r\ncontent-length: 0\r\n\r\n");
        let (door, _) = server(answer.leak().as_bytes()).await;
        let fetched = fetcher
            .fetch(&format!("http://{door}/a.jpg"), Some(door), DEADLINE)
            .await;
        let no_file = fetched
            .err()
            .unwrap_or_else(|| panic!("{url:?} was opened"));
        let told = no_file.to_string();
        assert!(!told.contains("cannot be reached"), "{url:?}: {told}");
    }
    assert!(tried >= 200, "{tried}");
    assert_eq!(connects.load(Ordering::SeqCst), 0);
}

async fn through_the_door(answer: &'static [u8]) -> Result<usize, NoFile> {
    let (door, _) = server(answer).await;
    let fetcher = Fetcher::new(hostile_names);
    let fetched = fetcher
        .fetch(&format!("http://{door}/a.jpg"), Some(door), DEADLINE)
        .await;
    fetched.map(|file| file.bytes.len())
}

#[tokio::test]
async fn a_sandbox_on_this_machine_is_a_door_and_opens_no_other() {
    let file = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 3\r\n\r\npng";
    assert_eq!(through_the_door(file).await, Ok(3));
    let (door, _) = server(file).await;
    let (other, connects) = server(file).await;
    let fetcher = Fetcher::new(hostile_names);
    for url in [
        format!("http://{other}/a.jpg"),
        format!("https://{other}/a.jpg"),
        format!("http://localhost:{}/a.jpg", door.port()),
        format!("http://user@{door}/a.jpg"),
        format!("ftp://{door}/a.jpg"),
    ] {
        let fetched = fetcher.fetch(&url, Some(door), DEADLINE).await;
        assert!(matches!(fetched, Err(NoFile::Never(_))), "{url}");
    }
    let wide: SocketAddr = "10.0.0.1:80".parse().unwrap();
    let fetched = fetcher
        .fetch("http://10.0.0.1/", Some(wide), DEADLINE)
        .await;
    assert!(matches!(fetched, Err(NoFile::Never(_))));
    assert_eq!(connects.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_is_no_file_is_refused_and_what_may_come_is_tried_again() {
    let large = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\nx",
        FILE_BYTES_MAX + 1
    );
    let endless = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(FILE_BYTES_MAX + 1));
    for (answer, word) in [
        (large.leak().as_bytes(), "over"),
        (endless.leak().as_bytes(), "over"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "empty"),
        (b"HTTP/1.1 200 OK\r\ncontent-type: Text/HTML; charset=x\r\ncontent-length: 3\r\n\r\n<p>", "page"),
        (b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "404"),
        (b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", "403"),
        (b"HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n", "redirects"),
        (b"HTTP/1.1 302 Found\r\nlocation: /a.jpg\r\ncontent-length: 0\r\n\r\n", "too often"),
    ] {
        match through_the_door(answer).await {
            Err(NoFile::Never(why)) => assert!(why.contains(word), "{word}: {why}"),
            other => panic!("{word}: {other:?}"),
        }
    }
    for answer in [
        b"HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n".as_slice(),
        b"HTTP/1.1 429 Slowly\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 O",
    ] {
        let fetched = through_the_door(answer).await;
        assert!(matches!(fetched, Err(NoFile::Later(_))), "{fetched:?}");
    }
}

#[tokio::test]
async fn no_credential_cookie_or_referer_goes_along() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let door = listener.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 4096];
        let read = stream.read(&mut asked).await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx";
        stream.write_all(answer).await.unwrap();
        String::from_utf8_lossy(asked.get(..read).unwrap()).to_lowercase()
    });
    let fetcher = Fetcher::new(hostile_names);
    let url = format!("http://{door}/a.jpg?signature=s");
    fetcher.fetch(&url, Some(door), DEADLINE).await.unwrap();
    let heard = heard.await.unwrap();
    assert!(
        heard.starts_with("get /a.jpg?signature=s http/1.1"),
        "{heard}"
    );
    for header in ["authorization", "cookie", "referer", "proxy"] {
        assert!(!heard.contains(header), "{heard}");
    }
}

#[tokio::test]
async fn files_in_memory_are_few_and_each_gives_its_place_back() {
    let (door, _) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx").await;
    let fetcher = Fetcher::new(hostile_names);
    let url = format!("http://{door}/a.jpg");
    let soon = Duration::from_millis(300);
    let mut held = Vec::new();
    for _ in 0..FILES_AT_ONCE {
        held.push(fetcher.fetch(&url, Some(door), DEADLINE).await.unwrap());
    }
    let fetched = fetcher.fetch(&url, Some(door), soon).await;
    assert!(matches!(fetched, Err(NoFile::Later(_))), "{fetched:?}");
    held.pop();
    assert!(fetcher.fetch(&url, Some(door), DEADLINE).await.is_ok());
}

#[tokio::test]
async fn few_wait_for_their_turn_and_all_others_are_told_at_once_to_come_later() {
    let (door, _) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx").await;
    let fetcher = Fetcher::new(hostile_names);
    let url = format!("http://{door}/a.jpg");
    let mut held = Vec::new();
    for _ in 0..FILES_AT_ONCE {
        held.push(fetcher.fetch(&url, Some(door), DEADLINE).await.unwrap());
    }
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..FILES_AT_ONCE + FILES_IN_LINE {
        let (fetcher, url) = (fetcher.clone(), url.clone());
        waiting.spawn(async move { fetcher.fetch(&url, Some(door), DEADLINE).await });
    }
    // Each of them is in line once it was polled.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let one_more = fetcher.fetch(&url, Some(door), DEADLINE);
    let refused = tokio::time::timeout(Duration::from_millis(200), one_more).await;
    let refused = refused.expect("nobody waits who is not in line");
    assert!(
        matches!(&refused, Err(NoFile::Later(why)) if why.contains("too many")),
        "{refused:?}"
    );
    drop(held);
    while let Some(fetched) = waiting.join_next().await {
        assert!(fetched.unwrap().is_ok(), "whoever waited has their turn");
    }
}
