//! What may be done with which files, and whom signals reach: Landlock.
//!
//! Below namespaces it is the second wall, and the one that says which programs may
//! be started. Without them it is the wall.
//!
//! The right to start a program is held by path when the kernel opens it. A program
//! may still do what another does, by bringing or reading its code, so this keeps a
//! server from using what is there, and not from computing; whatever it starts is
//! confined as it is.
//!
//! Source: `landlock(7)`, and `Documentation/userspace-api/landlock.rst` in Linux.

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, Scope, path_beneath_rules,
};

use super::root::DEVICES;
use super::{Around, Rights};
use crate::sandbox::stage::{Failure, doing};

/// What of `/proc` a runtime reads about the machine.
const MACHINE: [&str; 11] = [
    "cpuinfo",
    "filesystems",
    "loadavg",
    "meminfo",
    "stat",
    "sys/kernel/osrelease",
    "sys/kernel/random",
    "sys/vm/overcommit_memory",
    "uptime",
    "version",
    "version_signature",
];

/// The kernels that say no to all that is asked here have this; from there on, what a
/// newer one can deny besides is denied where it can.
const LEAST: ABI = ABI::V4;
const MOST: ABI = ABI::V6;

pub(super) fn restrict(rights: &Rights) -> Result<(), Failure> {
    rules(rights).map(|_| ()).map_err(|error| doing("restricting files")(io::Error::other(error)))
}

fn rules(rights: &Rights) -> Result<landlock::RestrictionStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    // No device is made, and none is controlled.
    let write = AccessFs::from_all(MOST)
        & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let device = AccessFs::ReadFile | AccessFs::WriteFile;
    let (ruleset, processes, machine) = match rights.around {
        // Its own network is all there is; connections in there are nobody's business.
        Around::Namespaces => {
            let ruleset = Ruleset::default()
                .set_compatibility(CompatLevel::BestEffort)
                .handle_access(AccessFs::from_all(MOST))?;
            (ruleset, vec![PathBuf::from("/proc")], Vec::new())
        }
        Around::Nothing => {
            let network: BitFlags<AccessNet> = AccessNet::BindTcp | AccessNet::ConnectTcp;
            let ruleset = Ruleset::default()
                .set_compatibility(CompatLevel::HardRequirement)
                .handle_access(AccessFs::from_all(LEAST))?
                .handle_access(network)?
                .set_compatibility(CompatLevel::BestEffort)
                .handle_access(AccessFs::from_all(MOST))?;
            let machine = MACHINE.iter().map(|name| Path::new("/proc").join(name)).collect();
            // The program keeps the number of the process that becomes it.
            (ruleset, vec![PathBuf::from("/proc/self")], machine)
        }
    };
    let devices = DEVICES.iter().map(|name| Path::new("/dev").join(name));
    ruleset
        .scope(Scope::from_all(MOST))?
        .create()?
        .add_rules(path_beneath_rules(&rights.read, read))?
        .add_rules(path_beneath_rules(&rights.write, write))?
        .add_rules(path_beneath_rules(&rights.execute, read | AccessFs::Execute))?
        .add_rules(path_beneath_rules(processes, read))?
        .add_rules(path_beneath_rules(machine, read))?
        .add_rules(path_beneath_rules(devices, device))?
        .restrict_self()
}
