//! A connection that makes progress, and ends so that its peer notices.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long an ended connection is read on.
const LINGER: Duration = Duration::from_secs(2);

/// How much is read of it, in bytes.
const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// A stream whose peer must not keep it waiting.
///
/// A write that makes no progress for a while fails: a client that does not
/// read its answer would otherwise hold the connection, and the blob, for ever.
///
/// Shutting down reads on for a moment and throws away what comes. A request
/// that is refused in the middle of its body leaves bytes in the kernel, and
/// closing a socket over unread bytes resets it: the client would see a broken
/// connection and not the reason. (nginx calls this a lingering close.)
pub(super) struct Steady<S> {
    stream: S,
    patience: Duration,
    alarm: Pin<Box<Sleep>>,
    is_waiting: bool,
    /// How much was thrown away, once the stream was shut down.
    lingering: Option<usize>,
}

impl<S> Steady<S> {
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        let alarm = Box::pin(tokio::time::sleep(patience));
        Self { stream, patience, alarm, is_waiting: false, lingering: None }
    }

    /// Fails if a write has been waiting for too long.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if write.is_ready() {
            self.is_waiting = false;
            return write;
        }
        if !self.is_waiting {
            self.is_waiting = true;
            self.alarm.as_mut().reset(Instant::now() + self.patience);
        }
        ready!(self.alarm.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Steady<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Steady<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, flush)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.alarm.as_mut().reset(Instant::now() + LINGER);
        }
        let mut discarded = self.lingering.unwrap_or(0);
        let mut buffer = [0; 16 * 1024];
        loop {
            self.lingering = Some(discarded);
            if discarded > LINGER_BYTES || self.alarm.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut buf = ReadBuf::new(&mut buffer);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => discarded += buf.filled().len(),
                // The peer has closed its side, or is gone.
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (stream, _peer) = duplex(16);
        let mut steady = Steady::new(stream, Duration::from_millis(1));
        let error = steady.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_peer_that_still_sends_can_read_the_answer() {
        let (stream, mut peer) = duplex(1024);
        let server = tokio::spawn(async move {
            let mut steady = Steady::new(stream, Duration::from_mins(1));
            steady.write_all(b"no").await.unwrap();
            steady.shutdown().await.unwrap();
        });
        for _ in 0..1000 {
            peer.write_all(&[0; 1024]).await.expect("what is sent is taken");
        }
        peer.shutdown().await.unwrap();
        let mut answer = Vec::new();
        peer.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"no");
        server.await.unwrap();
    }
}
