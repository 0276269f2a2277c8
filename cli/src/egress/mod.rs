//! How a confined server reaches the hosts it was granted, and no other.
//!
//! The server runs in a network namespace with nothing but a loopback interface:
//! every packet it can send stays there. What it was granted is put onto that
//! interface:
//!
//! ```text
//! inside the namespace                     │ outside: `mcpkg run`
//!                                          │
//! api.example.com = 127.71.0.1 (hosts)     │
//! connect 127.71.0.1:443 ───── listener ───┼──> Broker ── looks the name up, checks the
//! anything.else ? ──── 127.0.0.53:53 ──────┼──> (no)      address, connects, copies
//! connect 93.184.216.34:443 ── unreachable │
//! ```
//!
//! The listeners are *made* inside, by the stage that sets the namespace up, and
//! then *handed over* to the process outside, which accepts from them: a socket
//! belongs to the namespace it was made in, whoever holds it. So no process of ours
//! runs inside that the server could attack, and there is no protocol between inside
//! and outside in which a destination could be named: what a connection is for is
//! decided by the address it was made to. TLS stays between the server and its host,
//! and no runtime needs to know of a proxy.
//!
//! The name is looked up once, outside, and what is connected to is an address that
//! was checked: a granted name does not lead to this machine, its network or a
//! cloud's metadata, whatever its owner lets it resolve to.
//!
//! # For the one who makes the namespace
//!
//! ```text
//! outside  let plan = Plan::new(&granted.network.allow)?;      // serde: hand it to the stage
//! inside   let sockets = Sockets::bind(&plan)?;                // brings `lo` up; rights not yet given up
//!          sockets.send(&channel)?;                            // then drop them
//!          plan.hosts(), plan.resolv_conf(), NSSWITCH_CONF     // mounted over the files in /etc
//! outside  let sockets = Sockets::receive(&channel, &plan)?;
//!          let broker = Broker::start(&plan, sockets, Options::default(), report)?;
//!                                                              // until the server has ended
//! ```
//!
//! What the mount namespace has to keep out: Unix sockets that resolve names or lead
//! to a proxy (`/run/systemd/resolve`, `/run/nscd`, `/run/dbus`, `/run/avahi-daemon`).
//!
//! | module | does |
//! |---|---|
//! | `plan` | which address stands for which grant, as pure data |
//! | `sockets` | makes the sockets inside, and hands them over |
//! | `netlink` | brings the loopback interface up, and gives it addresses |
//! | `dns` | reads a question of foreign bytes, and answers it |
//! | `inside` | which name or address the server means, and whether it may |
//! | `outside` | looks a name up, checks what it leads to, connects |
//! | `broker` | accepts, and copies |
//! | `swap` | puts secrets into requests, so that the server need not have them |

mod broker;
pub mod dns;
mod error;
mod inside;
#[cfg(target_os = "linux")]
mod netlink;
mod outside;
mod plan;
mod sockets;
pub mod swap;

pub use self::broker::{Broker, Options, Report};
pub use self::error::{Denial, EgressError, Reason};
pub use self::outside::Pins;
pub use self::plan::{NSSWITCH_CONF, Plan};
pub use self::sockets::Sockets;

// Only there is all of 127.0.0.0/8 this machine.
#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests;
