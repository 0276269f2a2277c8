//! The sockets inside the namespace, and how they get out of it.

use std::net::{TcpListener, UdpSocket};

#[cfg(target_os = "linux")]
use {
    super::netlink::Loopback,
    super::plan::NAME_SERVER,
    super::{EgressError, Plan},
    rustix::net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
    std::collections::BTreeSet,
    std::io::{self, IoSlice, IoSliceMut},
    std::mem::MaybeUninit,
    std::net::SocketAddr,
    std::os::fd::{AsFd, BorrowedFd, OwnedFd},
    std::os::unix::net::UnixStream,
};

/// The most descriptors that the kernel passes in one message.
///
/// Source: `unix(7)`, `SCM_MAX_FD`.
#[cfg(target_os = "linux")]
const MAX_DESCRIPTORS: usize = 253;

/// Sockets that were made inside a network namespace, and answer for what is
/// outside.
///
/// The program that is started later does not inherit them: each is closed when
/// its holder executes another program.
#[derive(Debug)]
pub struct Sockets {
    /// What the server connects to.
    pub(super) listeners: Vec<TcpListener>,
    /// What the server asks for names.
    pub(super) name_server: UdpSocket,
}

#[cfg(target_os = "linux")]
impl Sockets {
    /// Makes all sockets of `plan`, in the namespace that this process is in.
    ///
    /// Brings the loopback interface up first. The process still has the rights over
    /// its network namespace (`CAP_NET_ADMIN`, `CAP_NET_BIND_SERVICE`).
    pub fn bind(plan: &Plan) -> Result<Self, EgressError> {
        let mut loopback = Loopback::open().map_err(EgressError::Loopback)?;
        loopback.up().map_err(EgressError::Loopback)?;
        for address in plan.addresses() {
            let failed = |source| EgressError::Address { address, source };
            loopback.add(address).map_err(failed)?;
        }
        let listen = |address: SocketAddr| {
            TcpListener::bind(address).map_err(|source| EgressError::Bind { address, source })
        };
        let name_server = UdpSocket::bind(NAME_SERVER)
            .map_err(|source| EgressError::Bind { address: NAME_SERVER, source })?;
        let mut listeners: Vec<TcpListener> =
            plan.listeners().into_iter().map(listen).collect::<Result<_, _>>()?;
        // Without them the server still gets nowhere; it is only not noticed. A
        // kernel without IPv6 takes none of those addresses.
        listeners.extend(plan.tripwires().into_iter().filter_map(|address| {
            loopback.add(address.ip()).ok()?;
            listen(address).ok()
        }));
        Ok(Self { listeners, name_server })
    }

    /// Passes the sockets to whoever is at the other end of `channel`.
    pub fn send(&self, channel: &UnixStream) -> Result<(), EgressError> {
        let mut descriptors: Vec<BorrowedFd<'_>> = vec![self.name_server.as_fd()];
        descriptors.extend(self.listeners.iter().map(AsFd::as_fd));
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return Err(EgressError::HandOver(io::ErrorKind::FileTooLarge.into()));
        }
        // A message of no bytes cannot be told from the end of the stream.
        sendmsg(channel, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL)
            .map(|_| ())
            .map_err(|source| EgressError::HandOver(source.into()))
    }

    /// Takes the sockets that the other end of `channel` made for `plan`.
    ///
    /// Blocks until they are there, or the other end is gone.
    pub fn receive(channel: &UnixStream, plan: &Plan) -> Result<Self, EgressError> {
        let invalid = || EgressError::HandOver(io::ErrorKind::InvalidData.into());
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let message = rustix::io::retry_on_intr(|| {
            let flags = RecvFlags::CMSG_CLOEXEC;
            recvmsg(channel, &mut [IoSliceMut::new(&mut byte)], &mut control, flags)
        })
        .map_err(|source| EgressError::HandOver(source.into()))?;
        if message.bytes == 0 {
            return Err(EgressError::HandOver(io::ErrorKind::UnexpectedEof.into()));
        }
        if message.flags.contains(ReturnFlags::CTRUNC) {
            return Err(invalid());
        }
        let mut descriptors = control.drain().flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect::<Vec<OwnedFd>>(),
            _ => Vec::new(),
        });
        let name_server = UdpSocket::from(descriptors.next().ok_or_else(invalid)?);
        let listeners: Vec<TcpListener> = descriptors.map(TcpListener::from).collect();
        let there: BTreeSet<SocketAddr> =
            listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
        if !plan.listeners().is_subset(&there) {
            return Err(invalid());
        }
        Ok(Self { listeners, name_server })
    }
}
