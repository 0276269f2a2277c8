//! Bringing the loopback interface up, and giving it further addresses.
//!
//! A server that was granted `10.1.2.3:5432` connects to just that, so in its
//! namespace the loopback interface has that address.
//!
//! Source: `rtnetlink(7)`, `RTM_NEWLINK`, `RTM_NEWADDR` and `RTM_NEWROUTE`;
//! `netlink(7)`, `NLMSG_ERROR`.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

/// The loopback interface is the first of every network namespace.
const INTERFACE: u32 = 1;
const NLMSG_ERROR: u16 = 2;
const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const CHANGE: u16 = 0x1 | 0x4;
/// `NLM_F_CREATE` as well.
const CREATE: u16 = CHANGE | 0x400;
/// `NLM_F_REPLACE` as well.
const ADD: u16 = CREATE | 0x100;
const IFF_UP: u32 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// Usable at once: nobody else on this interface could have the address.
const IFA_F_NODAD: u8 = 2;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RT_TABLE_LOCAL: u8 = 255;
const RTPROT_BOOT: u8 = 3;
const RTN_LOCAL: u8 = 2;

/// A netlink socket of this process's network namespace.
pub(super) struct Loopback(OwnedFd);

impl Loopback {
    pub(super) fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        // Of protocol 0, which is `NETLINK_ROUTE`.
        Ok(Self(socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?))
    }

    /// Brings the interface up, if it is not.
    pub(super) fn up(&mut self) -> io::Result<()> {
        // `struct ifinfomsg`: no family, no type, the interface, a flag and its mask.
        let mut body = vec![0; 4];
        for field in [INTERFACE, IFF_UP, IFF_UP] {
            body.extend(field.to_ne_bytes());
        }
        self.ask(RTM_NEWLINK, CHANGE, &body)
    }

    /// Gives the interface `address`, if it does not have it yet.
    pub(super) fn add(&mut self, address: IpAddr) -> io::Result<()> {
        let (family, prefix, octets) = match address {
            IpAddr::V4(address) => (AF_INET, 32, address.octets().to_vec()),
            IpAddr::V6(address) => (AF_INET6, 128, address.octets().to_vec()),
        };
        // `struct ifaddrmsg`, then the address twice.
        let mut body = vec![family, prefix, IFA_F_NODAD, 0];
        body.extend(INTERFACE.to_ne_bytes());
        body.extend(attribute(IFA_LOCAL, &octets));
        body.extend(attribute(IFA_ADDRESS, &octets));
        self.ask(RTM_NEWADDR, ADD, &body)?;
        if address.is_ipv4() {
            return Ok(());
        }
        // The kernel adds the route to an IPv6 address of its own a little later, and
        // until then there is no connecting to it. This one is there at once.
        // `struct rtmsg`: the table and type are the fields that are not 0.
        let mut body = vec![family, prefix, 0, 0, RT_TABLE_LOCAL, RTPROT_BOOT, 0, RTN_LOCAL];
        body.extend([0; 4]);
        body.extend(attribute(RTA_DST, &octets));
        body.extend(attribute(RTA_OIF, &INTERFACE.to_ne_bytes()));
        self.ask(RTM_NEWROUTE, CREATE, &body)
    }

    fn ask(&mut self, kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
        // `struct nlmsghdr`: length, type, flags, number, sender.
        let length = u32::try_from(16 + body.len()).map_err(io::Error::other)?;
        let mut message = length.to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        let kernel = SocketAddrNetlink::new(0, 0);
        sendto(&self.0, &message, SendFlags::empty(), &kernel)?;
        let mut reply = [0; 1024];
        let (length, _) = recv(&self.0, &mut reply, RecvFlags::empty())?;
        acknowledged(&reply[..length])
    }
}

/// `struct rtattr`, and its value of a multiple of four bytes.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    [&length.to_ne_bytes(), kind.to_ne_bytes().as_slice(), value].concat()
}

/// Whether the kernel's answer is an error of number 0, which means done.
fn acknowledged(reply: &[u8]) -> io::Result<()> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let field = |at: usize| reply.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
    let kind = reply.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    if kind != Some(NLMSG_ERROR) {
        return Err(invalid());
    }
    match field(16).map(i32::from_ne_bytes).ok_or_else(invalid)? {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error.wrapping_neg())),
    }
}
