//! The body of a publish request, in measured pieces.
//!
//! A body may be endless, may come a byte a minute, and may come faster than
//! the disk takes it. So it passes through here, on its way to the reader of
//! its parts, which would otherwise gather all that has arrived:
//!
//! - Pieces have at most 64 KiB, and after each one the reader gets to work on
//!   it before it gets the next: memory stays flat.
//! - Between two parts, where the reader looks for the end of a part's head,
//!   it gets four pieces at most.
//! - The client, and not our disk, is measured: only time in which we wait for
//!   it counts.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::Stream;
use tokio::time::{Instant, Sleep};

use super::PublishError;
use crate::limits::Limits;

/// The longest piece, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// How many pieces may come between the end of a part and the end of the head
/// of the next: a head has hundreds of bytes, but shares its pieces with the
/// content that follows.
const PIECES_OF_HEAD: usize = 4;

/// How much more may come before the head of a part has ended. Shared between
/// the body and the reader of its parts.
#[derive(Clone, Debug)]
pub(super) struct HeadBudget(Arc<AtomicUsize>);

/// See the [module](self).
pub(super) struct MeasuredBody {
    body: BodyDataStream,
    /// What has arrived and was not handed on.
    rest: Bytes,
    /// The reader has a piece that it was not given time to work on.
    is_fed: bool,
    head: HeadBudget,
    received: u64,
    /// Since when we wait for the client, if we do.
    waiting_since: Option<Instant>,
    /// How long we have waited for it before that.
    waited: Duration,
    alarm: Pin<Box<Sleep>>,
    limits: Limits,
}

impl HeadBudget {
    const UNLIMITED: usize = usize::MAX;

    fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(PIECES_OF_HEAD)))
    }

    /// A part has begun: its content may be long.
    pub(super) fn lift(&self) {
        self.0.store(Self::UNLIMITED, Ordering::Relaxed);
    }

    /// A part has ended: the head of the next may not be long.
    pub(super) fn impose(&self) {
        self.0.store(PIECES_OF_HEAD, Ordering::Relaxed);
    }

    /// Whether one more piece may come.
    fn spend(&self) -> bool {
        match self.0.load(Ordering::Relaxed) {
            0 => false,
            Self::UNLIMITED => true,
            left => {
                self.0.store(left - 1, Ordering::Relaxed);
                true
            }
        }
    }
}

impl MeasuredBody {
    pub(super) fn new(body: Body, limits: &Limits) -> (Self, HeadBudget) {
        let head = HeadBudget::new();
        let measured = Self {
            body: body.into_data_stream(),
            rest: Bytes::new(),
            is_fed: false,
            head: head.clone(),
            received: 0,
            waiting_since: None,
            waited: Duration::ZERO,
            alarm: Box::pin(tokio::time::sleep(limits.idle())),
            limits: limits.clone(),
        };
        (measured, head)
    }

    /// Waits for the client, and no longer than it may take.
    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PublishError>>> {
        let polled = Pin::new(&mut self.body).poll_next(cx);
        let now = Instant::now();
        let Poll::Ready(frame) = polled else {
            if self.waiting_since.is_none() {
                self.waiting_since = Some(now);
                let left = self.limits.publish().saturating_sub(self.waited);
                self.alarm.as_mut().reset(now + left.min(self.limits.idle()));
            }
            ready!(self.alarm.as_mut().poll(cx));
            return Poll::Ready(Some(Err(self.too_slow(now))));
        };
        self.waited += self.waiting_since.take().map_or(Duration::ZERO, |since| now - since);
        Poll::Ready(match frame {
            None => None,
            Some(Err(error)) => Some(Err(PublishError::Cut(Box::new(error)))),
            Some(Ok(bytes)) => Some(self.measure(bytes, now)),
        })
    }

    fn measure(&mut self, bytes: Bytes, now: Instant) -> Result<Bytes, PublishError> {
        self.received += bytes.len() as u64;
        let limit = self.limits.publish_bytes;
        if self.received > limit {
            return Err(PublishError::TooLarge { what: "the request", limit });
        }
        let counted = self.waited.saturating_sub(self.limits.idle()).as_secs();
        if self.received < counted.saturating_mul(self.limits.publish_bytes_per_second)
            || self.waited > self.limits.publish()
        {
            return Err(self.too_slow(now));
        }
        Ok(bytes)
    }

    fn too_slow(&self, now: Instant) -> PublishError {
        let waiting = self.waiting_since.map_or(Duration::ZERO, |since| now - since);
        PublishError::TooSlow(self.waited + waiting)
    }
}

impl Stream for MeasuredBody {
    type Item = Result<Bytes, PublishError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.is_fed) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            match ready!(self.poll_client(cx)) {
                Some(Ok(bytes)) => self.rest = bytes,
                end => return Poll::Ready(end),
            }
        }
        if !self.head.spend() {
            let limit = (PIECES_OF_HEAD * PIECE_BYTES) as u64;
            return Poll::Ready(Some(Err(PublishError::TooLarge {
                what: "the head of a part",
                limit,
            })));
        }
        let len = self.rest.len().min(PIECE_BYTES);
        self.is_fed = true;
        Poll::Ready(Some(Ok(self.rest.split_to(len))))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::StreamExt as _;

    use super::*;

    fn measured(body: impl Into<Body>, limits: &Limits) -> (MeasuredBody, HeadBudget) {
        MeasuredBody::new(body.into(), limits)
    }

    #[tokio::test]
    async fn pieces_are_small_and_the_reader_works_between_them() {
        let (mut body, head) = measured(vec![0; 3 * PIECE_BYTES + 1], &Limits::default());
        head.lift();
        let mut pieces = Vec::new();
        loop {
            match poll_fn(|cx| Poll::Ready(body.poll_next_unpin(cx))).await {
                Poll::Ready(None) => break,
                Poll::Ready(Some(piece)) => pieces.push(piece.unwrap().len()),
                Poll::Pending => pieces.push(0),
            }
        }
        let p = PIECE_BYTES;
        assert_eq!(pieces, [p, 0, p, 0, p, 0, 1, 0]);
    }

    #[tokio::test]
    async fn the_head_of_a_part_ends_soon() {
        let (mut body, head) = measured(vec![0; 99 * PIECE_BYTES], &Limits::default());
        for _ in 0..PIECES_OF_HEAD {
            assert!(body.next().await.unwrap().is_ok());
        }
        let error = body.next().await.unwrap().unwrap_err();
        assert!(matches!(error, PublishError::TooLarge { what: "the head of a part", .. }));
        head.lift();
        assert!(body.next().await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_client_may_be_slow_and_not_too_slow() {
        let limits = Limits {
            idle_seconds: 10,
            publish_bytes_per_second: 100,
            publish_seconds: 60,
            ..Limits::default()
        };
        // For how long we have waited, what has come in that time, and whether
        // that is enough.
        for (waited, bytes, enough) in [
            (0, 1, true),
            (10, 1, true),
            (20, 1000, true),
            (20, 999, false),
            (60, 5000, true),
            (61, 50_000, false),
        ] {
            let (mut body, _) = measured(Body::empty(), &limits);
            body.waited = Duration::from_secs(waited);
            let result = body.measure(Bytes::from(vec![0; bytes]), Instant::now());
            assert_eq!(result.is_ok(), enough, "{bytes} bytes in {waited} s");
        }
    }
}
