//! As much HTTP/1.1 as a load generator and a lean helpdesk need: whole messages over kept
//! connections. Neighbours: `desk` answers with it, `load` asks with it.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Heads and bodies here are a few kilobytes; more is not ours.
const MESSAGE_MAX: usize = 1 << 20;

/// What is read at once.
const CHUNK: usize = 8 * 1024;

/// A connection, and what was read of it and not used yet.
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A message as it came: its first line, its headers in lower case, its body.
#[derive(Debug)]
pub struct Message {
    /// Request line or status line.
    pub first: String,
    /// `name: value` lines.
    head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// The value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines
            .find(|(is, _)| is.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The status of an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.first.split(' ').nth(1)?.parse().ok()
    }
}

impl Wire {
    /// Over this connection.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        // Small messages must not wait for each other; without it they are only slower.
        let _ = stream.set_nodelay(true);
        Self {
            stream,
            read: Vec::with_capacity(CHUNK),
        }
    }

    /// The next message; `None` when the other end is gone or speaks something else.
    pub async fn next(&mut self) -> Option<Message> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|w| w == b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(self.read.get(..end)?).into_owned();
        self.read.drain(..end + 4);
        let (first, head) = head.split_once("\r\n").unwrap_or((&head, ""));
        let mut message = Message {
            first: first.to_owned(),
            head: head.to_owned(),
            body: Vec::new(),
        };
        let length = message.header("content-length").unwrap_or("0");
        let length: usize = length.parse().ok().filter(|n| *n <= MESSAGE_MAX)?;
        while self.read.len() < length {
            self.more().await?;
        }
        message.body = self.read.drain(..length).collect();
        Some(message)
    }

    async fn more(&mut self) -> Option<()> {
        if self.read.len() > MESSAGE_MAX {
            return None;
        }
        let read = self.stream.read_buf(&mut self.read).await.ok()?;
        (read > 0).then_some(())
    }

    /// Sends bytes as they are; `None` when the other end is gone.
    pub async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()
    }

    /// Answers with JSON.
    pub async fn answer(&mut self, status: u16, body: &str) -> Option<()> {
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.send(text.as_bytes()).await
    }
}
