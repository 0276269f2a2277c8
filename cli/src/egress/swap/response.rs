//! What of an answer goes back to the server.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use hyper::http::response::Parts;

use super::Site;
use super::mask::Mask;
use super::request::strip;
use crate::egress::Reason;

/// Is told that something of an answer was withheld.
pub(super) type Notice = Arc<dyn Fn(Reason) + Send + Sync>;

impl Site {
    /// Makes of the host's answer the answer to the server.
    ///
    /// # Errors
    ///
    /// [`Reason::Encoded`] if its body cannot be searched for secrets.
    pub(super) fn back(&self, response: &mut Parts, notice: &Notice) -> Result<(), Reason> {
        let mut encodings = response.headers.get_all(CONTENT_ENCODING).iter();
        if encodings.any(|it| !it.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err(Reason::Encoded);
        }
        if response.headers.contains_key(TRANSFER_ENCODING) {
            response.headers.remove(CONTENT_LENGTH);
        }
        strip(&mut response.headers);
        let mut has_masked = false;
        for header in response.headers.values_mut() {
            let mut bytes = header.as_bytes().to_vec();
            if self.mask(&mut bytes) {
                has_masked = true;
                // Asterisks are valid in any header.
                *header = HeaderValue::from_bytes(&bytes)
                    .unwrap_or_else(|_| HeaderValue::from_static("*"));
            }
        }
        if has_masked {
            notice(Reason::Echoed);
        }
        Ok(())
    }
}

/// The body of an answer, with the secrets masked. Trailers are dropped.
pub(super) struct Masked {
    body: Incoming,
    mask: Mask,
    notice: Notice,
    has_ended: bool,
}

impl Masked {
    pub(super) fn new(body: Incoming, site: Arc<Site>, notice: Notice) -> Self {
        Self { body, mask: Mask::new(site), notice, has_ended: false }
    }
}

impl Body for Masked {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        while !self.has_ended {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
                return Poll::Pending;
            };
            let bytes = match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => self.mask.push(bytes),
                    Err(_trailers) => continue,
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.has_ended = true;
                    self.mask.finish()
                }
            };
            if std::mem::take(&mut self.mask.has_masked) {
                (self.notice)(Reason::Echoed);
            }
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.mask.held() == 0 && (self.has_ended || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.mask.held() as u64;
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + held);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + held);
        }
        hint
    }
}
