//! The levels: which stages a plan becomes, and what is tried first.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use super::network::Outside;
use super::root::{Access, CONFIGURATION, Network, Part, Root, SYSTEM};
use super::{Around, Rights};
use crate::egress::{self, Broker, Report};
use crate::sandbox::stage::{Failure, Stage, Started, doing};
use crate::sandbox::{Confined, Found, Level, Plan, SandboxError, Sight, Wanted, process};

/// Where the time zone is said, for clocks that people read.
const TIME_ZONE: &str = "/etc/localtime";

/// What the machine and the user are called inside.
const NAME: &str = "server";

pub(in crate::sandbox) fn probe(root: PathBuf) -> Found {
    let nothing = Plan {
        program: PathBuf::new(),
        args: Vec::new(),
        environment: std::collections::BTreeMap::new(),
        folder: "/".into(),
        root,
        home: "/".into(),
        sight: Sight::default(),
        hosts: std::collections::BTreeSet::new(),
        swap: None,
    };
    let done = |mut stage: Stage| {
        stage.words.clear();
        let mut started = stage.start(|command| {
            command.stdin(Stdio::null()).stdout(Stdio::null());
        })?;
        started.child.wait().map_err(doing("waiting for a stage"))
    };
    let strong = match done(strong(&nothing, Vec::new(), Network::none())) {
        Ok(_) => return Found { level: Level::Strong, reason: None },
        Err(failure) => failure.to_string(),
    };
    match done(medium(&nothing)) {
        Ok(_) => Found { level: Level::Medium, reason: Some(strong) },
        Err(failure) => Found { level: Level::None, reason: Some(format!("{strong}; {failure}")) },
    }
}

pub(in crate::sandbox) fn spawn(
    plan: &Plan,
    wanted: Wanted,
    report: Report,
) -> Result<Confined, SandboxError> {
    if wanted == Wanted::None {
        let started = begin(&stage(plan)).map_err(SandboxError::of)?;
        return Ok(confined(started, None, Level::None, None));
    }
    let hosts = egress::Plan::new(&plan.hosts).map_err(SandboxError::Network)?;
    let outside = Outside::new(hosts)?;
    let mut stage = strong(plan, parts(plan), outside.network());
    stage.network = Some(outside.inside());
    let reason = match begin(&stage) {
        Ok(started) => {
            let broker =
                outside.serve(plan.swap.as_ref().map(|it| Arc::clone(&it.swap)), report)?;
            return Ok(confined(started, Some(broker), Level::Strong, None));
        }
        Err(failure) if failure.is_of_program => return Err(SandboxError::of(failure)),
        Err(failure) => failure.to_string(),
    };
    if let Some(grant) = beyond_medium(plan) {
        return Err(SandboxError::NotEnforceable { grant, level: Level::Medium, reason });
    }
    match begin(&medium(plan)) {
        Ok(started) => Ok(confined(started, None, Level::Medium, Some(reason))),
        Err(failure) if failure.is_of_program => Err(SandboxError::of(failure)),
        Err(failure) => Err(SandboxError::Unavailable { reason: format!("{reason}; {failure}") }),
    }
}

fn confined(
    started: Started,
    broker: Option<Broker>,
    level: Level,
    reason: Option<String>,
) -> Confined {
    Confined {
        child: started.child,
        found: Found { level, reason },
        ended: None,
        _broker: broker,
        alive: Some(started.alive),
    }
}

/// Starts a stage. Threads that we start from then on get none of its signals.
fn begin(stage: &Stage) -> Result<Started, Failure> {
    let started = stage.start(|command| {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
    })?;
    process::hold_signals()?;
    Ok(started)
}

/// What a plan grants that takes namespaces to hold it to.
fn beyond_medium(plan: &Plan) -> Option<String> {
    let host = plan.hosts.first().map(|host| format!("connecting to {host} and nowhere else"));
    let denied = plan.sight.denied.iter().chain(&plan.sight.frozen).next();
    host.or_else(|| {
        denied.map(|denied| format!("a folder around `{}` without that", denied.display()))
    })
}

fn strong(plan: &Plan, parts: Vec<Part>, network: Network) -> Stage {
    let root = Root {
        at: plan.root.clone(),
        name: NAME.to_owned(),
        home: plan.folder.clone(),
        hidden: plan.home.clone(),
        parts,
        network,
    };
    let system = SYSTEM.iter().copied().chain(["etc", "proc"]);
    let mut rights = rights(plan, Around::Namespaces, system.map(|name| Path::new("/").join(name)));
    rights.write.extend(["/tmp", "/dev/shm"].map(PathBuf::from));
    let mut stage = stage(plan);
    stage.environment.insert("TMPDIR".to_owned(), "/tmp".to_owned());
    stage.root = Some(root);
    stage.rights = Some(rights);
    stage
}

fn medium(plan: &Plan) -> Stage {
    let system = SYSTEM.iter().map(|name| Path::new("/").join(name));
    let configuration = CONFIGURATION.iter().map(|name| Path::new("/etc").join(name));
    let time_zone = std::iter::once(PathBuf::from(TIME_ZONE));
    let read = system.chain(configuration).chain(time_zone);
    let mut stage = stage(plan);
    stage.rights = Some(rights(plan, Around::Nothing, read));
    let temporary = plan.folder.join("tmp").to_string_lossy().into_owned();
    stage.environment.insert("TMPDIR".to_owned(), temporary);
    stage
}

fn stage(plan: &Plan) -> Stage {
    let program = plan.program.to_string_lossy().into_owned();
    Stage {
        words: std::iter::once(program).chain(plan.args.iter().cloned()).collect(),
        at_end: Vec::new(),
        folder: plan.folder.clone(),
        environment: plan.environment.clone(),
        umask: None,
        root: None,
        network: None,
        rights: None,
    }
}

fn rights(plan: &Plan, around: Around, system: impl Iterator<Item = PathBuf>) -> Rights {
    let sight = &plan.sight;
    let write = sight.write.iter().chain(&sight.own_writable).chain([&plan.folder]);
    Rights {
        around,
        read: system.chain(sight.read.iter().chain(&sight.own).cloned()).collect(),
        write: write.cloned().collect(),
        execute: sight.execute.clone(),
    }
}

/// What is shown: what was granted, the outer before the inner; over it nothing, where
/// it is denied; and over that what is the server's own.
fn parts(plan: &Plan) -> Vec<Part> {
    let sight = &plan.sight;
    let show = |path: &PathBuf, access| Part::Show { from: path.clone(), at: path.clone(), access };
    // To read in what may be written is no restriction.
    let read = sight.read.iter().filter(|path| !sight.write.iter().any(|it| path.starts_with(it)));
    let mut granted: Vec<(&PathBuf, Access)> = read
        .map(|path| (path, Access::Read))
        .chain(sight.write.iter().map(|path| (path, Access::Write)))
        .collect();
    granted.sort_by_key(|(path, _)| path.components().count());
    let system =
        |path: &PathBuf| SYSTEM.iter().any(|name| path.starts_with(Path::new("/").join(name)));
    let time_zone = Path::new(TIME_ZONE);
    std::iter::once(Part::Temporary("/tmp".into()))
        .chain(time_zone.exists().then(|| show(&time_zone.to_owned(), Access::Read)))
        .chain(sight.links.iter().cloned().map(|(at, to)| Part::Link { at, to }))
        .chain(granted.into_iter().map(|(path, access)| show(path, access)))
        .chain(sight.frozen.iter().map(|path| show(path, Access::Read)))
        .chain(sight.denied.iter().cloned().map(Part::Cover))
        .chain(sight.own.iter().filter(|path| !system(path)).map(|path| show(path, Access::Read)))
        .chain(sight.own_writable.iter().map(|path| show(path, Access::Write)))
        .chain([show(&plan.folder, Access::Write)])
        .collect()
}
