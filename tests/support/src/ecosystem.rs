//! Registries of other ecosystems: npm's, and Python's index, made of files that the test
//! writes.
//!
//! They answer what real npm and pip ask, and whatever else a test puts at an address.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};
use mcpkg_core::Digest;
use mcpkg_core::archive::{Limits, Writer};
use serde_json::{Value, json};
use sha2::Digest as _;

pub use mcpkg_registry_server::{
    ImportConfig, PackageImportError, PackageImported, import_package,
};

use crate::background::Background;
use crate::sigstore::{Identity, ManagedKey, TestSigstore};

type Files = Arc<Mutex<BTreeMap<String, (String, Vec<u8>)>>>;

/// What is served at which path, and what was asked for.
#[derive(Clone, Default)]
struct Shelf {
    files: Files,
    asked: Arc<Mutex<Vec<String>>>,
}

/// Both registries, at one address of the loopback interface, until it is dropped.
pub struct TestEcosystem {
    shelf: Shelf,
    // The versions of each npm package, and the files of each project.
    npm: Mutex<BTreeMap<String, Vec<Value>>>,
    pypi: Mutex<BTreeMap<String, Vec<Value>>>,
    server: Background,
}

impl TestEcosystem {
    /// Starts one that has nothing.
    pub fn start() -> Self {
        let shelf = Shelf::default();
        let answers = shelf.clone();
        let server = Background::serve(|_| Router::new().fallback(answer).with_state(answers));
        Self { shelf, npm: Mutex::default(), pypi: Mutex::default(), server }
    }

    /// Where npm's registry is.
    pub fn npm_url(&self) -> String {
        format!("{}/", self.server.url())
    }

    /// Where Python's index is.
    pub fn pypi_url(&self) -> String {
        format!("{}/simple/", self.server.url())
    }

    /// Serves `body` at `path`, in the place of what was there.
    pub fn put(&self, path: &str, kind: &str, body: impl Into<Vec<u8>>) {
        lock(&self.shelf.files).insert(path.to_owned(), (kind.to_owned(), body.into()));
    }

    /// What is served at `path`.
    pub fn get(&self, path: &str) -> Vec<u8> {
        lock(&self.shelf.files).get(path).expect("something is there").1.clone()
    }

    /// Serves the document at `path` changed.
    pub fn edit(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let mut files = lock(&self.shelf.files);
        let (_, body) = files.get_mut(path).expect("something is there");
        let mut document = serde_json::from_slice(body).expect("it is JSON");
        change(&mut document);
        *body = document.to_string().into_bytes();
    }

    /// The paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.shelf.asked).clone()
    }

    /// Publishes an npm package: `package` is its `package.json`, which names it. Gives
    /// the tarball's SHA-512.
    pub fn npm(&self, package: &Value, files: &[(&str, &str)]) -> [u8; 64] {
        let text = package.to_string();
        let mut all = vec![("package/package.json".to_owned(), text)];
        all.extend(files.iter().map(|(path, it)| (format!("package/{path}"), (*it).to_owned())));
        let entries: Vec<_> =
            all.iter().map(|(path, content)| TarEntry::file(path, content.as_bytes())).collect();
        self.npm_tarball(package, &gzip(&tar(&entries)))
    }

    /// The same, with a tarball of the test's own making.
    pub fn npm_tarball(&self, package: &Value, tarball: &[u8]) -> [u8; 64] {
        let (name, version) = (text(package, "name"), text(package, "version"));
        let short = name.rsplit('/').next().unwrap_or(&name).to_owned();
        let path = format!("/{name}/-/{short}-{version}.tgz");
        let sha512: [u8; 64] = sha2::Sha512::digest(tarball).into();
        let mut entry = package.clone();
        entry["dist"] = json!({
            "tarball": format!("{}{path}", self.server.url()),
            "integrity": format!("sha512-{}", BASE64.encode(sha512)),
        });
        let mut npm = lock(&self.npm);
        let versions = npm.entry(name.clone()).or_default();
        versions.push(entry);
        let all: serde_json::Map<_, _> =
            versions.iter().map(|it| (text(it, "version"), it.clone())).collect();
        let packument =
            json!({ "name": name, "dist-tags": { "latest": version }, "versions": all });
        self.put(&format!("/{name}"), "application/json", packument.to_string());
        self.put(&path, "application/octet-stream", tarball);
        sha512
    }

    /// Publishes what is attested of an npm package.
    pub fn npm_attest(&self, name: &str, version: &str, attestations: &[(&str, &str)]) {
        let attestations: Vec<_> = attestations
            .iter()
            .map(|(kind, bundle)| {
                let bundle: Value = serde_json::from_str(bundle).expect("a bundle is JSON");
                json!({ "predicateType": kind, "bundle": bundle })
            })
            .collect();
        let path = format!("/-/npm/v1/attestations/{name}@{version}");
        let body = json!({ "attestations": attestations }).to_string();
        self.put(&path, "application/json", body);
    }

    /// Publishes a pure wheel with a console script of the project's name, which calls
    /// `function`. Gives its file name and SHA-256.
    pub fn pypi(
        &self,
        (name, version): (&str, &str),
        requires: &[&str],
        function: &str,
        files: &[(&str, &str)],
    ) -> (String, Digest) {
        let stem = format!("{}-{version}", name.replace('-', "_"));
        let info = format!("{stem}.dist-info");
        let mut metadata = format!(
            "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\
             Summary: What the weather is\nAuthor: Acme\n"
        );
        for requirement in requires {
            // Writing to a string cannot fail.
            let _ = writeln!(metadata, "Requires-Dist: {requirement}");
        }
        let wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n\
                     Tag: py3-none-any\n";
        let scripts = format!("[console_scripts]\n{name} = {function}\n");
        let mut all: BTreeMap<String, String> = BTreeMap::from([
            (format!("{info}/METADATA"), metadata),
            (format!("{info}/WHEEL"), wheel.to_owned()),
            (format!("{info}/entry_points.txt"), scripts),
        ]);
        all.extend(files.iter().map(|(path, it)| ((*path).to_owned(), (*it).to_owned())));
        all.insert(format!("{info}/RECORD"), record(&info, &all));
        let file = format!("{stem}-py3-none-any.whl");
        let digest = self.pypi_wheel(name, &file, &zip(&all));
        (file, digest)
    }

    /// Publishes a wheel of the test's own making.
    pub fn pypi_wheel(&self, name: &str, file: &str, wheel: &[u8]) -> Digest {
        let digest = Digest::of(wheel);
        let path = format!("/files/{file}");
        self.put(&path, "application/octet-stream", wheel);
        let mut pypi = lock(&self.pypi);
        let files = pypi.entry(name.to_owned()).or_default();
        files.push(json!({
            "filename": file,
            "url": format!("{}{path}", self.server.url()),
            "hashes": { "sha256": digest.to_hex() },
            "provenance": format!("{}/integrity/{file}", self.server.url()),
        }));
        let body = json!({ "meta": { "api-version": "1.1" }, "name": name, "files": files });
        let kind = "application/vnd.pypi.simple.v1+json";
        self.put(&format!("/simple/{name}/"), kind, body.to_string());
        digest
    }

    /// Publishes what is attested of a wheel, by the publisher that PyPI names.
    pub fn pypi_attest(&self, file: &str, publisher: &Value, bundles: &[String]) {
        let attestations: Vec<_> = bundles.iter().map(|bundle| pep_740(bundle)).collect();
        let bundle = json!({ "publisher": publisher, "attestations": attestations });
        let body = json!({ "version": 1, "attestation_bundles": [bundle] });
        self.put(&format!("/integrity/{file}"), "application/json", body.to_string());
    }
}

/// The `RECORD` of a wheel with these files, in its folder `info`.
pub fn record(info: &str, files: &BTreeMap<String, String>) -> String {
    let mut record = String::new();
    for (path, content) in files {
        let digest = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(content));
        // Writing to a string cannot fail.
        let _ = writeln!(record, "{path},sha256={digest},{}", content.len());
    }
    let _ = writeln!(record, "{info}/RECORD,,");
    record
}

/// A bundle as PyPI has it.
fn pep_740(bundle: &str) -> Value {
    let bundle: Value = serde_json::from_str(bundle).expect("a bundle is JSON");
    let (material, envelope) = (&bundle["verificationMaterial"], &bundle["dsseEnvelope"]);
    json!({
        "version": 1,
        "verification_material": {
            "certificate": material["certificate"]["rawBytes"],
            "transparency_entries": material["tlogEntries"],
            "timestamp_verification_data": material["timestampVerificationData"],
        },
        "envelope": {
            "statement": envelope["payload"],
            "signature": envelope["signatures"][0]["sig"],
        },
    })
}

/// Who attests npm packages in a test: a workflow, and the registry's key.
pub struct NpmAttestor {
    /// The registry's key.
    pub key: ManagedKey,
}

impl NpmAttestor {
    /// What the bundles of the registry's key are marked with.
    pub const KEY_ID: &str = "SHA256:the-registrys";
    /// The predicate types of the two.
    pub const KINDS: [&str; 2] = [
        "https://slsa.dev/provenance/v1",
        "https://github.com/npm/attestation/tree/main/specs/publish/v0.1",
    ];

    /// One with a fresh key.
    pub fn generate() -> Self {
        Self { key: ManagedKey::generate() }
    }

    /// The key as npm's `keys.json` has it, for use from `start` on.
    pub fn keys_json(&self, start: &str) -> String {
        let pem = self.key.public_pem();
        let raw: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        json!({ "keys": [{
            "keyId": Self::KEY_ID,
            "keyUsage": "npm:attestations",
            "publicKey": {
                "rawBytes": raw,
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                "validFor": { "start": start },
            },
        }] })
        .to_string()
    }

    /// Both attestations of a package, as npm has them.
    pub fn attest(
        &self,
        sigstore: &TestSigstore,
        by: &Identity,
        (name, version): (&str, &str),
        sha512: [u8; 64],
    ) -> [String; 2] {
        let provenance = provenance(&npm_subject(name, version, sha512));
        [sigstore.sign_statement(by, provenance.to_string().as_bytes()), {
            let accepted = npm_publish(name, version, sha512).to_string();
            sigstore.sign_statement_with_key(&self.key, accepted.as_bytes(), Self::KEY_ID)
        }]
    }
}

/// What npm calls a tarball in statements.
pub fn npm_subject(name: &str, version: &str, sha512: [u8; 64]) -> Value {
    let purl = format!("pkg:npm/{}@{version}", name.replace('@', "%40"));
    json!({ "name": purl, "digest": { "sha512": hex::encode(sha512) } })
}

/// SLSA provenance, as GitHub's workflows write it for npm and PyPI.
pub fn provenance(subject: &Value) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1",
                "externalParameters": { "workflow": {} },
                "resolvedDependencies": [],
            },
            "runDetails": { "builder": { "id": "https://github.com/actions/runner" } },
        },
    })
}

/// npm's own statement that it took a package.
pub fn npm_publish(name: &str, version: &str, sha512: [u8; 64]) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "subject": [npm_subject(name, version, sha512)],
        "predicateType": NpmAttestor::KINDS[1],
        "predicate": { "name": name, "version": version, "registry": "https://registry.npmjs.org" },
    })
}

/// PyPI's statement that a workflow uploads a file.
pub fn pypi_publish(file: &str, sha256: Digest) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": file, "digest": { "sha256": sha256.to_hex() } }],
        "predicateType": "https://docs.pypi.org/attestations/publish/v1",
        "predicate": null,
    })
}

/// An entry of a tar, of any kind.
#[derive(Clone, Debug)]
pub struct TarEntry<'a> {
    /// Its name.
    pub path: &'a str,
    /// Its type flag.
    pub kind: u8,
    /// Its mode.
    pub mode: u32,
    /// What is in it.
    pub content: &'a [u8],
}

impl<'a> TarEntry<'a> {
    /// A regular file.
    pub fn file(path: &'a str, content: &'a [u8]) -> Self {
        Self { path, kind: b'0', mode: 0o644, content }
    }
}

/// A tar of these entries.
pub fn tar(entries: &[TarEntry<'_>]) -> Vec<u8> {
    let mut tar = Vec::new();
    for entry in entries {
        let mut header = [0_u8; 512];
        let mut field = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        field(0, entry.path.as_bytes());
        field(100, format!("{:07o}", entry.mode).as_bytes());
        field(124, format!("{:011o}", entry.content.len()).as_bytes());
        field(148, b"        ");
        field(156, &[entry.kind]);
        field(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        header[154] = 0;
        tar.extend_from_slice(&header);
        tar.extend_from_slice(entry.content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// A gzip file of one member, with nothing compressed.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut chunks = bytes.chunks(0xffff).peekable();
    while let Some(chunk) = chunks.next() {
        let length = u16::try_from(chunk.len()).expect("a chunk is shorter");
        gzip.push(u8::from(chunks.peek().is_none()));
        gzip.extend(length.to_le_bytes());
        gzip.extend((!length).to_le_bytes());
        gzip.extend_from_slice(chunk);
    }
    gzip.extend(crc32fast::hash(bytes).to_le_bytes());
    gzip.extend(u32::try_from(bytes.len()).expect("tests are small").to_le_bytes());
    gzip
}

/// A ZIP of these files.
pub fn zip(files: &BTreeMap<String, String>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &Limits::default());
    for (path, content) in files {
        let path = path.parse().expect("it is a path");
        writer.add(&path, false, &mut Cursor::new(content)).expect("it can be packed");
    }
    writer.finish().expect("it can be packed").output
}

async fn answer(State(shelf): State<Shelf>, uri: Uri) -> Response {
    // npm escapes the slash after a scope, and others the `@` before it.
    let path = uri.path().replace("%2f", "/").replace("%2F", "/").replace("%40", "@");
    lock(&shelf.asked).push(path.clone());
    let found = lock(&shelf.files).get(&path).cloned();
    match found {
        // An address, to be sent to.
        Some((kind, body)) if kind == "redirect" => {
            (StatusCode::FOUND, [(header::LOCATION, body)]).into_response()
        }
        Some((kind, body)) => ([(header::CONTENT_TYPE, kind)], body).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().expect("it is there").to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics while it holds it")
}
