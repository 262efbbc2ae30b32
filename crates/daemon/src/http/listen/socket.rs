//! One connection's bytes. Neighbours: `listen`, which hands it to hyper; `framing`, which looks on.
//!
//! Two things that hyper leaves to us: a client that reads nothing must not hold its place for
//! good, and one that still sends must get to read our answer before the connection is reset.

use super::framing::{Framing, Reader};
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
    reader: Reader,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, write_within: Duration, framing: Framing) -> Self {
        Self {
            stream,
            write_within,
            stalled: None,
            reader: framing.reader(),
        }
    }

    /// Says that we are done, and takes what still comes until the client is done too.
    pub(super) async fn linger(mut self) {
        let farewell = async {
            self.stream.shutdown().await?;
            let mut dropped = [0; 4096];
            while self.stream.read(&mut dropped).await? > 0 {}
            io::Result::Ok(())
        };
        // Whatever goes wrong now concerns nobody.
        let _ = timeout(LINGER, farewell).await;
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
        self.reader
            .see(buffer.filled().get(before..).unwrap_or_default());
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
