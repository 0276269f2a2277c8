//! Talking to a registry. Here alone, and in [`crate::login`], is HTTP known.
//!
//! Nothing that arrives here is believed: bodies are bounded and timed, and
//! whether they are what was signed is decided elsewhere, from their digests.
//! A registry answers itself: a redirect is followed nowhere, because whoever
//! can make one could otherwise point a private name at another host.

pub(crate) mod connection;
mod log;
mod loopback;
mod review;
mod statement;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use mcpkg_core::api::{PackageIndex, Problem, ReleaseDocument, SearchPage, part};
use mcpkg_core::{Digest, PackageName, Version};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Response, StatusCode};
use sha2::Digest as _;
use tokio::time::{Instant, timeout_at};
use tokio_util::io::ReaderStream;
use url::Url;

use crate::config::{Config, RegistryConfig};
use crate::error::{Error, Result};
use crate::login::{Door, Session, Tried};
use crate::places::Places;
use crate::ui::Ui;

pub(crate) use loopback::is_loopback;

/// The longest JSON body, in bytes: a release document with sixteen bundles of
/// the largest size that `mcpkg-verify` reads.
const MAX_JSON_BYTES: u64 = 20 * 1024 * 1024;
/// How long a server may be silent within a body.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a JSON body may take as a whole, and how long a download may take
/// at least.
const BASE_DEADLINE: Duration = Duration::from_mins(1);
/// The slowest download, in bytes a second: slower is a server that holds on to
/// us on purpose.
const MIN_BYTES_PER_SECOND: u64 = 16 * 1024;

/// A client of one registry.
pub struct Registry {
    base: Url,
    http: reqwest::Client,
    session: Session,
    runtime: tokio::runtime::Runtime,
}

/// What a publish came to.
pub struct Published {
    /// The release as the registry now serves it.
    pub document: ReleaseDocument,
    /// Whether it was there before, with the same content.
    pub existed: bool,
}

/// What is uploaded.
pub struct Upload<'a> {
    /// The canonical `server.json`.
    pub server_json: &'a [u8],
    /// The Sigstore bundles.
    pub bundles: &'a [Vec<u8>],
    /// The artifacts' files.
    pub artifacts: &'a [&'a Path],
}

/// Refuses what is neither https nor on this machine.
pub(crate) fn check_address(base: &Url) -> Result<()> {
    if base.scheme() != "https" && !(base.scheme() == "http" && is_loopback(base)) {
        return Err(Error::Insecure { url: base.to_string() });
    }
    Ok(())
}

impl Registry {
    /// A client of the registry `source`, with the log-in that there is at it.
    ///
    /// # Errors
    ///
    /// [`Error::Insecure`] unless the address is https, or http on loopback.
    pub fn open(source: &RegistryConfig, config: &Config, places: &Places) -> Result<Self> {
        let base = &source.url;
        check_address(base)?;
        let transport = |error: reqwest::Error| Error::Transport {
            url: base.to_string(),
            source: Box::new(error),
        };
        let http = connection::to_registry(source, places)?;
        let http = http.read_timeout(READ_TIMEOUT).build().map_err(transport)?;
        let session = Session::new(&Door::of_registry(source), config, places);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| Error::Transport { url: base.to_string(), source: source.into() })?;
        Ok(Self { base: base.clone(), http, session, runtime })
    }

    /// All releases of a package, with the proof that the log's tree of `seen`
    /// entries is the start of its newest.
    pub fn index(&self, name: &PackageName, seen: Option<u64>) -> Result<PackageIndex> {
        let seen = seen.map(|size| size.to_string());
        let query: Vec<_> = seen.iter().map(|size| ("seen", size.as_str())).collect();
        self.json(&["v1", "packages", name.namespace(), name.short()], &query)
    }

    /// One release, with its evidence, and the proof that the tree of its receipt
    /// is the start of the log's tree of `at` entries.
    pub fn release(
        &self,
        name: &PackageName,
        version: &Version,
        at: Option<u64>,
    ) -> Result<ReleaseDocument> {
        let version = version.to_string();
        let at = at.map(|size| size.to_string());
        let query: Vec<_> = at.iter().map(|size| ("at", size.as_str())).collect();
        self.json(&["v1", "packages", name.namespace(), name.short(), &version], &query)
    }

    /// A page of packages that match `query`.
    pub fn search(&self, query: &str, limit: u16, cursor: Option<&str>) -> Result<SearchPage> {
        let limit = limit.to_string();
        let mut parameters = vec![("q", query), ("limit", limit.as_str())];
        parameters.extend(cursor.map(|cursor| ("cursor", cursor)));
        self.json(&["v1", "search"], &parameters)
    }

    /// Downloads the artifact `digest`, of exactly `size_bytes`, into `file`.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] as soon as there is a byte too many, before it is
    /// written; [`Error::DigestMismatch`] if the bytes are others.
    pub fn download(
        &self,
        digest: Digest,
        size_bytes: u64,
        file: &mut File,
        ui: &Ui,
    ) -> Result<()> {
        let url = self.url(&["v1", "blobs", &digest.to_string()]);
        let bar = ui.progress("Downloading", size_bytes);
        let allowed = Duration::from_secs(size_bytes / MIN_BYTES_PER_SECOND) + BASE_DEADLINE;
        let mut hasher = sha2::Sha256::new();
        self.runtime.block_on(async {
            let deadline = Instant::now() + allowed;
            let response = self.send(self.http.get(url.clone()), &url, deadline).await?;
            let mut body = Bounded::new(response, &url, size_bytes, deadline);
            while let Some(chunk) = body.next().await? {
                hasher.update(&chunk);
                file.write_all(&chunk)
                    .map_err(|source| Error::Write { path: "the staging folder".into(), source })?;
                Ui::advance(&bar, chunk.len() as u64);
            }
            Ok::<_, Error>(())
        })?;
        bar.finish_and_clear();
        let found = Digest::from_bytes(hasher.finalize().into());
        if found == digest {
            Ok(())
        } else {
            Err(Error::DigestMismatch { expected: digest, found })
        }
    }

    /// Publishes a release. The same release again is not an error.
    pub fn publish(&self, upload: &Upload<'_>, ui: &Ui) -> Result<Published> {
        let url = self.url(&["v1", "publish"]);
        if self.session.is_expected() {
            // A stream cannot be sent twice, so whoever has to be let in is let in before.
            self.log()?;
        }
        let bar = ui.progress("Uploading", 0);
        self.runtime.block_on(async {
            let bytes =
                |bytes: &[u8], name: &str| Part::bytes(bytes.to_vec()).file_name(name.to_owned());
            let mut form =
                Form::new().part(part::SERVER_JSON, bytes(upload.server_json, "server.json"));
            for bundle in upload.bundles {
                form = form.part(part::BUNDLE, bytes(bundle, "bundle.sigstore.json"));
            }
            let mut size_bytes = 0;
            for path in upload.artifacts {
                let read = |source| Error::Read { path: (*path).to_owned(), source };
                let file = tokio::fs::File::open(path).await.map_err(read)?;
                let length = file.metadata().await.map_err(read)?.len();
                size_bytes += length;
                bar.inc_length(length);
                let bar = bar.clone();
                let stream = ReaderStream::with_capacity(file, 64 * 1024)
                    .inspect_ok(move |chunk| Ui::advance(&bar, chunk.len() as u64));
                let body = Body::wrap_stream(stream);
                let name = path
                    .file_name()
                    .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                form = form
                    .part(part::ARTIFACT, Part::stream_with_length(body, length).file_name(name));
            }
            let deadline = Instant::now()
                + BASE_DEADLINE
                + Duration::from_secs(size_bytes / MIN_BYTES_PER_SECOND);
            let response =
                self.send(self.http.post(url.clone()).multipart(form), &url, deadline).await?;
            bar.finish_and_clear();
            let existed = response.status() == StatusCode::OK;
            let document = read_json(response, &url, deadline).await?;
            Ok(Published { document, existed })
        })
    }

    fn json<T: serde::de::DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.runtime.block_on(async {
            let deadline = Instant::now() + BASE_DEADLINE;
            let response = self.send(self.http.get(url.clone()), &url, deadline).await?;
            read_json(response, &url, deadline).await
        })
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // `new` has refused what has no host, and those are the ones that
        // cannot be a base.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        url: &Url,
        deadline: Instant,
    ) -> Result<Response> {
        let response = self.exchange(request, url, deadline).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            let to = response.headers().get("location").and_then(|to| to.to_str().ok());
            return Err(Error::Redirect {
                url: url.to_string(),
                to: to.unwrap_or("nowhere").chars().take(200).collect(),
            });
        }
        let body = read_bytes(response, url, MAX_JSON_BYTES, deadline).await?;
        if status == StatusCode::UNAUTHORIZED {
            return Err(self.session.refused(&body));
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(Error::Problem(Box::new(problem))),
            Err(_) => Err(Error::Status { url: url.to_string(), status: status.as_u16() }),
        }
    }
}

impl Registry {
    /// Sends a request with the token that there is, and again if another one, or a
    /// proof with the server's nonce, may be let in.
    async fn exchange(
        &self,
        request: reqwest::RequestBuilder,
        url: &Url,
        deadline: Instant,
    ) -> Result<Response> {
        let mut request = request.build().map_err(|source| transport(url, source))?;
        let mut tried = Tried::default();
        loop {
            let again = request.try_clone();
            self.session.sign(&mut request).await?;
            let response = timeout_at(deadline, self.http.execute(request))
                .await
                .map_err(|_| Error::TooSlow { url: url.to_string() })?
                .map_err(|source| transport(url, source))?;
            self.session.hear(response.headers());
            let Some(next) = again.filter(|_| response.status() == StatusCode::UNAUTHORIZED) else {
                return Ok(response);
            };
            if !self.session.renew(response.headers(), &mut tried).await? {
                return Ok(response);
            }
            request = next;
        }
    }
}

/// A body that may have so many bytes and take so long.
struct Bounded<'a> {
    response: Response,
    url: &'a Url,
    limit_bytes: u64,
    read_bytes: u64,
    deadline: Instant,
}

impl<'a> Bounded<'a> {
    fn new(response: Response, url: &'a Url, limit_bytes: u64, deadline: Instant) -> Self {
        Self { response, url, limit_bytes, read_bytes: 0, deadline }
    }

    async fn next(&mut self) -> Result<Option<bytes::Bytes>> {
        let chunk = timeout_at(self.deadline, self.response.chunk())
            .await
            .map_err(|_| Error::TooSlow { url: self.url.to_string() })?
            .map_err(|source| transport(self.url, source))?;
        self.read_bytes += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if self.read_bytes > self.limit_bytes {
            let url = self.url.to_string();
            return Err(Error::TooLong { url, limit_bytes: self.limit_bytes });
        }
        Ok(chunk)
    }
}

async fn read_bytes(
    response: Response,
    url: &Url,
    limit_bytes: u64,
    deadline: Instant,
) -> Result<Vec<u8>> {
    let mut body = Bounded::new(response, url, limit_bytes, deadline);
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

async fn read_json<T: serde::de::DeserializeOwned>(
    response: Response,
    url: &Url,
    deadline: Instant,
) -> Result<T> {
    let body = read_bytes(response, url, MAX_JSON_BYTES, deadline).await?;
    if body.is_empty() {
        return Err(Error::Empty { url: url.to_string() });
    }
    serde_json::from_slice(&body)
        .map_err(|error| Error::Nonsense { url: url.to_string(), reason: error.to_string() })
}

fn transport(url: &Url, source: reqwest::Error) -> Error {
    if source.is_timeout() {
        return Error::TooSlow { url: url.to_string() };
    }
    // The address is in our own message; without it the chain reads better.
    Error::Transport { url: url.to_string(), source: Box::new(source.without_url()) }
}
