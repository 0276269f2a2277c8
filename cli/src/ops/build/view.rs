//! What a confined build sees of this machine, besides the system's programs:
//! `/build/source`, `/build/home` and `/tmp`, and its tools where they are.

use std::fs;
use std::path::PathBuf;

use super::{Job, environment, home, temporary};
use crate::sandbox::linux::root::{Access, Network, Part, Root, SYSTEM};
use crate::sandbox::programs;

/// What the steps of a build are to see.
pub(super) fn of(job: &Job<'_>, network: bool) -> Root {
    let site = job.site;
    let is_shown = |path: &PathBuf| {
        let mut parts = path.components().skip(1);
        !parts.next().is_some_and(|first| SYSTEM.iter().any(|name| first.as_os_str() == *name))
    };
    let found = job.tools.values().flat_map(|tool| programs::folders(tool, site.home));
    let mut tools: Vec<PathBuf> =
        found.chain(site.toolchains.iter().cloned()).filter(is_shown).collect();
    tools.sort();
    tools.dedup();
    let show = |from: PathBuf, at: PathBuf, access| Part::Show { from, at, access };
    let writable = [
        (site.source.to_owned(), environment::SOURCE),
        (home(site), environment::HOME),
        (temporary(site), environment::TEMPORARY),
    ];
    let parts = writable
        .into_iter()
        .map(|(from, at)| show(from, at.into(), Access::Write))
        // After those, since a tool may be below one of them.
        .chain(tools.into_iter().map(|tool| show(tool.clone(), tool, Access::Read)))
        .collect();
    Root {
        at: site.scratch.join("root"),
        name: "build".to_owned(),
        home: environment::HOME.into(),
        hidden: fs::canonicalize(site.home).unwrap_or_else(|_| site.home.to_owned()),
        parts,
        network: if network { Network::Machine } else { Network::none() },
    }
}
