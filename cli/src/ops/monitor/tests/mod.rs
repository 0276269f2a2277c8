//! The monitor over a log in memory: one change each, and the alarm that it is.

mod entries;
mod follow;
mod indexes;
mod releases;
mod remembered;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::log::{
    Checkpoint, Entry, Frontier, Hash, Level, LogTrust, Node, Publish, SignedNote, SigningKey,
    TILE_WIDTH, TilePath, Tree, VerifiedTiles, write_bundle,
};
use mcpkg_core::publisher::{Identity, Publisher};
use mcpkg_core::{Code, Coded as _, Digest};

use super::{Alarm, Finding, Interest, Monitor, Setback, State};

pub(super) const WEATHER: &str = "com.acme/weather";
pub(super) const TIDES: &str = "com.acme/tides";

/// A log, and all of its entries.
pub(super) struct Log {
    pub(super) key: SigningKey,
    pub(super) leaves: Vec<Vec<u8>>,
    // The last entry of each package.
    last: BTreeMap<String, u64>,
}

/// When the tests are.
pub(super) fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(super) fn publisher(subject: &str) -> Publisher {
    let issuer = "https://sso.acme.example".to_owned();
    Publisher::Identity(Identity { issuer, subject: subject.to_owned() })
}

impl Log {
    pub(super) fn new() -> Self {
        let key = SigningKey::from_seed("log.example", [7; 32]).unwrap();
        Self { key, leaves: Vec::new(), last: BTreeMap::new() }
    }

    /// A log of `count` releases of two packages.
    pub(super) fn of(count: u64) -> Self {
        let mut log = Self::new();
        for index in 0..count {
            let name = if index % 2 == 0 { WEATHER } else { TIDES };
            log.publish(name, &format!("1.{index}.0"));
        }
        log
    }

    /// The next release of a package, as it may follow.
    pub(super) fn next(&self, name: &str, version: &str) -> Publish {
        let index = self.leaves.len() as u64;
        let seconds = i64::try_from(index).unwrap() - 100_000;
        Publish {
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            metadata: Digest::of(version.as_bytes()),
            artifacts: Vec::new(),
            evidence: vec![Digest::of(b"bundle")],
            publisher: publisher("a@acme.example"),
            authority: None,
            previous: self.last.get(&name.to_lowercase()).copied(),
            time: now() + SignedDuration::from_secs(seconds),
        }
    }

    pub(super) fn publish(&mut self, name: &str, version: &str) {
        self.push(self.next(name, version));
    }

    pub(super) fn push(&mut self, publish: Publish) {
        self.last.insert(publish.name.to_string().to_lowercase(), self.leaves.len() as u64);
        self.leaves.push(Entry::Publish(publish).leaf().unwrap());
    }

    pub(super) fn trust(&self) -> LogTrust {
        LogTrust::new(self.key.verifier())
    }

    pub(super) fn tree_at(&self, size: usize) -> Tree {
        let mut frontier = Frontier::new();
        self.leaves[..size].iter().for_each(|leaf| frontier.push(Hash::leaf(leaf)));
        frontier.tree()
    }

    pub(super) fn tree(&self) -> Tree {
        self.tree_at(self.leaves.len())
    }

    /// The checkpoint of now.
    pub(super) fn note(&self) -> String {
        self.sign(self.tree(), Some(now()))
    }

    pub(super) fn sign(&self, tree: Tree, at: Option<Timestamp>) -> String {
        let text = Checkpoint { origin: self.key.name().to_owned(), tree }.to_text();
        let mut note = SignedNote::new(text.clone(), vec![self.key.sign(&text)]);
        if let Some(at) = at {
            note.add(self.key.cosign(&text, u64::try_from(at.as_second()).unwrap()));
        }
        note.to_string()
    }

    pub(super) fn hash(&self, node: Node) -> Hash {
        let (width, mut frontier) = (1_usize << node.level, Frontier::new());
        let start = usize::try_from(node.index).unwrap() * width;
        self.leaves[start..start + width].iter().for_each(|leaf| frontier.push(Hash::leaf(leaf)));
        frontier.root()
    }

    /// The static file at `path`.
    pub(super) fn file(&self, path: &TilePath) -> Vec<u8> {
        let first = path.index * TILE_WIDTH;
        let range = first..first + u64::from(path.width);
        match path.level {
            Level::Entries => {
                let leaves = range.map(|index| &self.leaves[usize::try_from(index).unwrap()]);
                write_bundle(leaves).unwrap()
            }
            Level::Hashes(level) => range
                .flat_map(|index| *self.hash(Node { level: level * 8, index }).as_bytes())
                .collect(),
        }
    }

    pub(super) fn tiles(&self) -> VerifiedTiles<impl FnMut(&TilePath) -> Result<Vec<u8>, Setback>> {
        VerifiedTiles::new(self.tree(), |path: &TilePath| Ok(self.file(path)))
    }
}

/// A monitor that knows nothing yet, and is interested in nothing.
pub(super) fn monitor(log: &Log) -> Monitor {
    caring_for(log, &[])
}

pub(super) fn caring_for(log: &Log, names: &[&str]) -> Monitor {
    let interests: Vec<Interest> = names.iter().map(|name| name.parse().unwrap()).collect();
    Monitor::new(log.trust(), interests, State::default())
}

/// Follows `log` to its end, over the files that `serve` makes of the honest ones.
pub(super) fn follow_through(
    monitor: &mut Monitor,
    log: &Log,
    serve: impl Fn(&TilePath, Vec<u8>) -> Vec<u8>,
) -> Result<Vec<Finding>, Setback> {
    let fetch = |path: &TilePath| Ok(serve(path, log.file(path)));
    let mut tiles = monitor.observe(&log.note(), fetch)?;
    let mut findings = Vec::new();
    while let Some(path) = monitor.next_bundle() {
        let bundle = serve(&path, log.file(&path));
        findings.extend(monitor.take(&path, &bundle, &mut tiles, now())?);
    }
    Ok(findings)
}

/// Follows an honest server of `log`.
#[track_caller]
pub(super) fn followed(monitor: &mut Monitor, log: &Log) -> Vec<Finding> {
    follow_through(monitor, log, |_, bytes| bytes).unwrap()
}

/// The alarm that stopped a step.
#[track_caller]
pub(super) fn alarm<T>(result: Result<T, Setback>) -> Alarm {
    match result {
        Err(Setback::Alarm(alarm)) => *alarm,
        Err(Setback::Trouble(error)) => panic!("no alarm but {error}"),
        Ok(_) => panic!("no alarm"),
    }
}

/// The codes of the alarms among findings.
pub(super) fn codes(findings: &[Finding]) -> Vec<Code> {
    findings
        .iter()
        .filter_map(|finding| match finding {
            Finding::Alarm(alarm) => Some(alarm.code()),
            Finding::Notice(_) => None,
        })
        .collect()
}
