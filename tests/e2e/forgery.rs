//! Logs as somebody with their key could write them.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::PackageName;
use mcpkg_core::log::{
    Checkpoint, Entry, Level, Node, Publish, SignedNote, SigningKey, Succession, TILE_WIDTH,
    TilePath, Tree, read_bundle, write_bundle,
};
use mcpkg_test_support::background::Background;
use mcpkg_test_support::{Answer, LyingRegistry, RegistryLog};
use serde_json::{Value, json};

use crate::fixture::{Fixture, NAME};

pub(crate) const CHECKPOINT: &str = "/v1/log/checkpoint";

/// A log that somebody with its key can write anything into.
#[derive(Clone)]
pub(crate) struct Forgery {
    log: RegistryLog,
    /// How the log came to its key.
    pub(crate) successions: Vec<String>,
}

impl Deref for Forgery {
    type Target = RegistryLog;

    fn deref(&self) -> &RegistryLog {
        &self.log
    }
}

impl DerefMut for Forgery {
    fn deref_mut(&mut self) -> &mut RegistryLog {
        &mut self.log
    }
}

impl Forgery {
    /// A log with these entries.
    pub(crate) fn new(key: SigningKey, leaves: Vec<Vec<u8>>) -> Self {
        Self { log: RegistryLog { key, leaves }, successions: Vec::new() }
    }

    /// The log of an honest registry.
    pub(crate) fn of(fixture: &Fixture) -> Self {
        let http = fixture.registry.http();
        let text = String::from_utf8(http.get(CHECKPOINT).body).unwrap();
        let note = SignedNote::parse(text.as_bytes()).unwrap();
        let size = Checkpoint::parse(note.text()).unwrap().tree.size;
        let path = TilePath::of_tree(Level::Entries, 0, size).unwrap();
        let bundle = http.get(&format!("/v1/log/tile/{path}")).body;
        let leaves = read_bundle(&bundle).unwrap();
        let leaves = leaves.into_iter().map(<[u8]>::to_vec).collect();
        Self::new(fixture.registry.log_key(), leaves)
    }

    pub(crate) fn tree(&self) -> Tree {
        self.log.tree(self.size())
    }

    pub(crate) fn sign(&self, text: String) -> String {
        let line = self.key.sign(&text);
        SignedNote::new(text, vec![line]).to_string()
    }

    pub(crate) fn checkpoint(&self) -> String {
        self.checkpoint_of(self.tree(), SignedDuration::ZERO)
    }

    /// A checkpoint of any tree, signed some time ago.
    pub(crate) fn checkpoint_of(&self, tree: Tree, age: SignedDuration) -> String {
        self.log.checkpoint_of(tree, Timestamp::now() - age)
    }

    /// Adds a release, as what its log's key alone can make it.
    pub(crate) fn publish(&mut self, change: impl FnOnce(&mut Publish)) {
        let last = self.leaves.last().unwrap();
        let Entry::Publish(mut publish) = Entry::parse(last).unwrap() else {
            panic!("the last entry is a release")
        };
        publish.previous = Some(self.leaves.len() as u64 - 1);
        change(&mut publish);
        self.leaves.push(Entry::Publish(publish).leaf().unwrap());
    }

    /// The file at a path of the log, if it has one.
    pub(crate) fn file(&self, path: &str) -> Option<Vec<u8>> {
        if path == CHECKPOINT {
            return Some(self.checkpoint().into_bytes());
        }
        if path == "/v1/log" {
            let document = json!({
                "origin": self.key.name(),
                "key": self.key.verifier(),
                "successions": self.successions,
            });
            return Some(document.to_string().into_bytes());
        }
        let path: TilePath = path.strip_prefix("/v1/log/tile/")?.parse().ok()?;
        let first = path.index * TILE_WIDTH;
        let range = first..first + u64::from(path.width);
        match path.level {
            Level::Entries => {
                let leaves = self.leaves.get(usize::try_from(range.start).ok()?..)?;
                write_bundle(leaves.get(..usize::from(path.width))?)
            }
            Level::Hashes(level) => {
                if range.end << (level * 8) > self.leaves.len() as u64 {
                    return None;
                }
                let node = |index| Node { level: level * 8, index };
                Some(range.flat_map(|index| *self.hash(node(index)).as_bytes()).collect())
            }
        }
    }

    /// Hands the log to another key, with the tree as it is.
    pub(crate) fn rotate(&mut self, key: SigningKey) {
        let note = Succession::sign(&self.key, &key, self.tree());
        self.successions.push(note.to_string());
        self.key = key;
    }

    /// The receipt of an entry.
    pub(crate) fn receipt(&self, index: u64) -> String {
        self.log.receipt(index, self.size(), Timestamp::now())
    }

    /// A server of the log alone, as static files.
    pub(crate) fn serve(forgery: &Arc<Mutex<Self>>) -> Background {
        let forgery = Arc::clone(forgery);
        Background::serve(|_| {
            axum::Router::new().fallback(move |uri: axum::http::Uri| async move {
                match forgery.lock().unwrap().file(uri.path()) {
                    Some(bytes) => (axum::http::StatusCode::OK, bytes),
                    None => (axum::http::StatusCode::NOT_FOUND, Vec::new()),
                }
            })
        })
    }
}

/// An answer with this body.
pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Answer {
    Answer { status: 200, headers: Vec::new(), body: body.into() }
}

/// An answer that there is nothing.
pub(crate) fn gone() -> Answer {
    Answer { status: 404, headers: Vec::new(), body: b"gone".to_vec() }
}

/// A registry that lies once it is told to.
pub(crate) struct Turncoat {
    pub(crate) registry: LyingRegistry,
    lies: Arc<AtomicBool>,
}

impl Turncoat {
    pub(crate) fn new(
        fixture: &Fixture,
        lie: impl Fn(&str, Answer) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let lies = Arc::new(AtomicBool::new(false));
        let is_lying = Arc::clone(&lies);
        let registry = LyingRegistry::start(fixture.registry.url(), move |path, answer| {
            if is_lying.load(Ordering::SeqCst) { lie(path, answer) } else { answer }
        });
        Self { registry, lies }
    }

    pub(crate) fn turn(&self) {
        self.lies.store(true, Ordering::SeqCst);
    }

    pub(crate) fn repent(&self) {
        self.lies.store(false, Ordering::SeqCst);
    }
}

/// The release document of the last entry of a forged log, with these parts.
pub(crate) fn served(forged: &Forgery, parts: &Value) -> Value {
    let index = forged.leaves.len() as u64 - 1;
    let entry: Value = serde_json::from_slice(forged.leaves.last().unwrap()).unwrap();
    let mut document = json!({
        "name": entry["name"],
        "version": entry["version"],
        "publisher": entry["publisher"],
        "publishedAt": entry["time"],
        "log": { "entry": entry, "receipt": forged.receipt(index) },
    });
    for (key, value) in parts.as_object().unwrap() {
        document[key] = value.clone();
    }
    document
}

/// The index that a forged log signs, changed; with a line for each entry.
pub(crate) fn index(
    answer: Answer,
    forged: &Forgery,
    change: impl FnOnce(&mut Vec<u64>),
) -> Answer {
    let mut entries: Vec<u64> = (0..forged.leaves.len() as u64).collect();
    change(&mut entries);
    let name: PackageName = NAME.parse().unwrap();
    let lines: Vec<Value> = entries
        .iter()
        .map(|&entry| {
            let leaf = &forged.leaves[usize::try_from(entry).unwrap()];
            let logged: Value = serde_json::from_slice(leaf).unwrap();
            json!({
                "version": logged["version"], "publishedAt": logged["time"],
                "platforms": [], "entry": entry,
            })
        })
        .collect();
    let note = forged.log.index(&name, &entries);
    answer.edit(|index| {
        index["releases"] = json!(lines);
        index["log"]["index"] = json!(note);
        index["log"]["checkpoint"] = json!(forged.checkpoint());
    })
}
