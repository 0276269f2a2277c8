//! The network of a confined program: sockets that are made inside, and answered outside
//! by a [`Broker`], see [`crate::egress`].
//!
//! They are handed over through a socket with a name, in a folder of the user's alone,
//! that is gone before the program does anything: the stage that is inside comes to it
//! before it leaves the old root.

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::root::Network;
use crate::egress::swap::Swap;
use crate::egress::{Broker, NSSWITCH_CONF, Options, Plan, Report, Sockets};
use crate::sandbox::SandboxError;
use crate::sandbox::stage::{Failure, doing};

/// What the stage inside has to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Inside {
    plan: Plan,
    channel: PathBuf,
}

/// Where the sockets are waited for.
pub(super) struct Outside {
    plan: Plan,
    listener: UnixListener,
    folder: tempfile::TempDir,
}

impl Outside {
    pub(super) fn new(plan: Plan) -> Result<Self, SandboxError> {
        let folder = tempfile::tempdir().map_err(SandboxError::Channel)?;
        let listener = UnixListener::bind(channel(folder.path())).map_err(SandboxError::Channel)?;
        Ok(Self { plan, listener, folder })
    }

    pub(super) fn inside(&self) -> Inside {
        Inside { plan: self.plan.clone(), channel: channel(self.folder.path()) }
    }

    /// The files below `/etc` that name the hosts.
    pub(super) fn network(&self) -> Network {
        let files = [
            ("hosts", self.plan.hosts()),
            ("resolv.conf", self.plan.resolv_conf()),
            ("nsswitch.conf", NSSWITCH_CONF.to_owned()),
        ];
        Network::Own(files.map(|(name, text)| (name.to_owned(), text)).into())
    }

    /// Takes the sockets, which the stage inside has sent by the time that its program
    /// runs, and serves them.
    pub(super) fn serve(
        self,
        swap: Option<Arc<Swap>>,
        report: Report,
    ) -> Result<Broker, SandboxError> {
        let (channel, _) = self.listener.accept().map_err(SandboxError::Channel)?;
        let sockets = Sockets::receive(&channel, &self.plan).map_err(SandboxError::Network)?;
        Broker::start(&self.plan, sockets, Options { swap, ..Options::default() }, report)
            .map_err(SandboxError::Network)
    }
}

impl Inside {
    /// Makes the sockets, and sends them out.
    pub(super) fn set_up(&self) -> Result<(), Failure> {
        let failed = |error| doing("making a network")(std::io::Error::other(error));
        let channel = UnixStream::connect(&self.channel).map_err(doing("handing over sockets"))?;
        let sockets = Sockets::bind(&self.plan).map_err(failed)?;
        sockets.send(&channel).map_err(failed)
    }
}

fn channel(folder: &Path) -> PathBuf {
    folder.join("sockets")
}
