//! A TUF repository of the test's own, which publishes one `trusted_root.json`.
//!
//! It is laid out as Sigstore's is: consistent snapshots, ECDSA keys, the target
//! in the top-level targets. Each role has one key; the root's can be rotated.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};
use mcpkg_verify::tuf::{Fetched, TufSource};
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;
use sigstore_tuf::canonical_json::to_canonical_bytes;

use crate::background::Background;

const TARGET: &str = "trusted_root.json";

/// What a repository serves, by path.
#[derive(Clone, Default)]
pub struct TufFiles(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl TufFiles {
    fn get(&self, path: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    /// All of them, to be put back later.
    pub fn save(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves exactly these.
    pub fn restore(&self, files: BTreeMap<String, Vec<u8>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }

    /// Changes the one file whose path ends like this, which has to be there.
    pub fn edit(&self, path_end: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let file = files.iter_mut().rfind(|(path, _)| path.ends_with(path_end));
        change(file.expect("the repository has such a file").1);
    }

    fn put(&self, path: String, bytes: Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(path, bytes);
    }
}

impl TufSource for TufFiles {
    fn fetch<'a>(&'a self, path: &'a str, _max_bytes: u64) -> Fetched<'a> {
        Box::pin(async move { Ok(self.get(path)) })
    }
}

/// A role's key.
struct Key {
    pair: KeyPair,
    id: String,
    declared: Value,
}

impl Key {
    fn generate() -> Self {
        let pair = KeyPair::generate_ecdsa_p256().expect("the system has randomness");
        let pem = pair.public_key_der().expect("a key that was just made encodes").to_pem();
        let scheme = "ecdsa-sha2-nistp256";
        let declared = json!({ "keytype": "ecdsa", "scheme": scheme, "keyval": { "public": pem } });
        let canonical = to_canonical_bytes(&declared).expect("there is no number in it");
        Self { pair, id: sigstore_crypto::sha256(&canonical).to_hex(), declared }
    }

    fn sign(&self, signed: &Value) -> Value {
        let canonical = to_canonical_bytes(signed).expect("there are integers only");
        let signature = self.pair.sign(&canonical).expect("the key signs");
        json!({ "keyid": self.id, "sig": hex::encode(signature.as_bytes()) })
    }
}

/// The repository, at a URL on the loopback interface until it is dropped.
pub struct TestTuf {
    files: TufFiles,
    server: Background,
    root_key: Key,
    online_key: Key,
    first_root: Vec<u8>,
    /// The version of everything but the root.
    version: u64,
    root_version: u64,
    target: String,
    /// How long each role is valid from now on, in hours.
    hours: BTreeMap<&'static str, i64>,
}

impl TestTuf {
    /// Starts one that publishes `trusted_root_json`.
    pub fn start(trusted_root_json: &str) -> Self {
        let files = TufFiles::default();
        let shared = files.clone();
        let server = Background::serve(|_| Router::new().fallback(serve).with_state(shared));
        let mut tuf = Self {
            files,
            server,
            root_key: Key::generate(),
            online_key: Key::generate(),
            first_root: Vec::new(),
            version: 0,
            root_version: 0,
            target: trusted_root_json.to_owned(),
            hours: BTreeMap::from([
                ("root", 24 * 100),
                ("targets", 24 * 100),
                ("snapshot", 24 * 7),
                ("timestamp", 24),
            ]),
        };
        tuf.sign_root(&[]);
        tuf.first_root = tuf.files.get("1.root.json").expect("it was just put there");
        tuf.sign();
        tuf
    }

    /// Where it is, with a slash at the end.
    pub fn url(&self) -> String {
        format!("{}/", self.server.url())
    }

    /// The root of version 1, to begin with.
    pub fn root_json(&self) -> &[u8] {
        &self.first_root
    }

    /// What it serves.
    pub fn files(&self) -> &TufFiles {
        &self.files
    }

    /// Signs everything below the root anew, one version on.
    pub fn sign(&mut self) {
        self.version += 1;
        let (version, target) = (self.version, self.target.clone().into_bytes());
        let hash = sigstore_crypto::sha256(&target).to_hex();
        let listed = json!({ "length": target.len(), "hashes": { "sha256": hash } });
        self.files.put(format!("targets/{hash}.{TARGET}"), target);
        let targets = self.role("targets", &json!({ "targets": { TARGET: listed } }));
        let snapshot = json!({ "meta": { "targets.json": pin(&targets, version) } });
        self.files.put(format!("{version}.targets.json"), targets);
        let snapshot = self.role("snapshot", &snapshot);
        let timestamp = json!({ "meta": { "snapshot.json": pin(&snapshot, version) } });
        self.files.put(format!("{version}.snapshot.json"), snapshot);
        let timestamp = self.role("timestamp", &timestamp);
        self.files.put("timestamp.json".to_owned(), timestamp);
    }

    /// Publishes another `trusted_root.json`.
    pub fn publish(&mut self, trusted_root_json: &str) {
        trusted_root_json.clone_into(&mut self.target);
        self.sign();
    }

    /// Signs `role` for so many hours from now on; in the past, if negative.
    pub fn lasting(&mut self, role: &'static str, hours: i64) {
        self.hours.insert(role, hours);
        if role == "root" {
            self.sign_root(&[]);
        }
        self.sign();
    }

    /// Hands the root and everything else to new keys. Both root keys sign it.
    pub fn rotate(&mut self) {
        let old = std::mem::replace(&mut self.root_key, Key::generate());
        self.online_key = Key::generate();
        self.sign_root(&[&old]);
        self.sign();
    }

    /// Puts up a root of new keys that the old one has not signed.
    pub fn usurp(&mut self) {
        self.root_key = Key::generate();
        self.online_key = Key::generate();
        self.sign_root(&[]);
        self.sign();
    }

    fn sign_root(&mut self, others: &[&Key]) {
        self.root_version += 1;
        let (root, online) = (&self.root_key, &self.online_key);
        let role = |key: &Key| json!({ "keyids": [key.id], "threshold": 1 });
        let signed = json!({
            "_type": "root",
            "spec_version": "1.0.31",
            "version": self.root_version,
            "expires": self.expires("root"),
            "consistent_snapshot": true,
            "keys": { (root.id.clone()): root.declared, (online.id.clone()): online.declared },
            "roles": {
                "root": role(root),
                "targets": role(online),
                "snapshot": role(online),
                "timestamp": role(online),
            },
        });
        let keys = [root].into_iter().chain(others.iter().copied());
        let signatures: Vec<Value> = keys.map(|key| key.sign(&signed)).collect();
        let root = json!({ "signed": signed, "signatures": signatures });
        self.files.put(format!("{}.root.json", self.root_version), root.to_string().into_bytes());
    }

    fn role(&self, role: &str, content: &Value) -> Vec<u8> {
        let mut signed = json!({
            "_type": role,
            "spec_version": "1.0.31",
            "version": self.version,
            "expires": self.expires(role),
        });
        for (key, value) in content.as_object().expect("it is an object") {
            signed[key] = value.clone();
        }
        let signature = self.online_key.sign(&signed);
        json!({ "signed": signed, "signatures": [signature] }).to_string().into_bytes()
    }

    fn expires(&self, role: &str) -> String {
        let at = Timestamp::now() + SignedDuration::from_hours(self.hours[role]);
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// What a role says of another's file.
fn pin(bytes: &[u8], version: u64) -> Value {
    let hash = sigstore_crypto::sha256(bytes).to_hex();
    json!({ "version": version, "length": bytes.len(), "hashes": { "sha256": hash } })
}

async fn serve(State(files): State<TufFiles>, uri: Uri) -> Result<Vec<u8>, StatusCode> {
    files.get(uri.path().trim_start_matches('/')).ok_or(StatusCode::NOT_FOUND)
}
