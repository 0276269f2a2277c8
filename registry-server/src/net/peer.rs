//! Telling every request who is at the other end.

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::Service;

use crate::access::Peer;

/// A service for the requests of one connection.
pub(super) struct FromPeer<S> {
    peer: Peer,
    service: S,
}

impl<S> FromPeer<S> {
    pub(super) fn new(peer: Peer, service: S) -> Self {
        Self { peer, service }
    }
}

impl<S: Service<Request<Incoming>>> Service<Request<Incoming>> for FromPeer<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, mut request: Request<Incoming>) -> S::Future {
        request.extensions_mut().insert(self.peer);
        self.service.call(request)
    }
}
