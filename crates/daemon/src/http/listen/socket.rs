//! One connection's bytes. Neighbours: `listen`, which hands it to hyper; `framing`, which looks on.
//!
//! Three things that hyper leaves to us: a client that reads nothing must not hold its place for
//! good; one that still sends must get to read our answer before the connection is reset; and a
//! head that has begun must end in time, though a sender may be silent before it begins.

use super::{
    Limits,
    framing::{Framing, Reader},
    turn::{Turn, is_clients},
};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep, timeout},
};

/// How long a client may go on sending after our last answer. A reset before it reads that answer
/// would look like a failure of ours, and it would send again.
const LINGER: Duration = Duration::from_secs(2);

/// A connection that cannot stall us.
pub(super) struct Socket {
    stream: TcpStream,
    write_within: Duration,
    /// Runs while nothing can be sent.
    stalled: Option<Pin<Box<Sleep>>>,
    head_within: Duration,
    turn: Turn,
    /// The pass of the turn with which the head began that is under way, and when it must have ended.
    head: Option<(u32, Pin<Box<Sleep>>)>,
    /// Whether a head did not end in time.
    late: bool,
    reader: Reader,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, limits: Limits, framing: &Framing, turn: Turn) -> Self {
        Self {
            stream,
            write_within: limits.write_within,
            stalled: None,
            head_within: limits.head_within,
            turn,
            head: None,
            late: false,
            reader: framing.reader(),
        }
    }

    /// Says that we are done, and takes what still comes until the client is done too.
    pub(super) async fn linger(mut self) {
        if self.late {
            // It had its time; lingering would give it more.
            return;
        }
        let farewell = async {
            self.stream.shutdown().await?;
            let mut dropped = [0; 4096];
            while self.stream.read(&mut dropped).await? > 0 {}
            io::Result::Ok(())
        };
        // Whatever goes wrong now concerns nobody.
        let _ = timeout(LINGER, farewell).await;
    }

    /// Whether the client has had the time that a head may take. It runs from the head's first byte,
    /// or from the turn on where the client may not be silent.
    fn head_is_late(&mut self, cx: &mut Context<'_>, came: bool) -> bool {
        let passed = self.turn.passed();
        if !is_clients(passed) {
            self.head = None;
            return false;
        }
        if self.head.as_ref().is_some_and(|(of, _)| *of != passed) {
            self.head = None;
        }
        if self.head.is_none() && !came && self.turn.may_be_silent() {
            return false;
        }
        let within = self.head_within;
        let (_, end) = self
            .head
            .get_or_insert_with(|| (passed, Box::pin(sleep(within))));
        end.as_mut().poll(cx).is_ready()
    }

    fn watched<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let within = self.write_within;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(within)));
        stalled
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let new = buffer.filled().get(before..).unwrap_or_default();
        self.reader.see(new);
        let came = !new.is_empty();
        // What came in time is read, however late we come to it.
        if self.head_is_late(cx, came) && read.is_pending() {
            self.late = true;
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)));
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watched(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.watched(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
