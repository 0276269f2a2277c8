//! Statements about what is published: from a request to an entry of the log.
//!
//! ```text
//! receive the bundle ── which package does it claim to be about?
//! does it build upon that package's last entry, in this log?
//! verify it over the bytes of that entry
//! may its signer state it? ── put the bundle ── hand it to the log ── answer
//! ```
//!
//! A statement that was logged is answered with its entry, however often it is sent.
//! One that builds upon an older entry is a conflict, be it late, replayed, or of two
//! that were made at once: its signer looks at what happened, and signs anew.

use axum::extract::Request;
use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use mcpkg_core::api::Artifact;
use mcpkg_core::log::{BindingChange, Entry, Rebuild, StatusChange};
use mcpkg_core::namespace::authorise;
use mcpkg_core::policy::Refusal;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::{PackageStatement, RebuildStatement};
use mcpkg_core::{Digest, PackageName};
use mcpkg_verify::bundle::MAX_BYTES;
use mcpkg_verify::{claimed_package_statement, verify_package_statement};

use super::PublishError;
use super::body::MeasuredBody;
use crate::access::Caller;
use crate::app::App;
use crate::blobs::blocking;
use crate::log::Logged;
use crate::policy::Action;
use crate::store::{Bar, Basis, Change, NewStatement, Statement};

/// What became of a statement.
#[derive(Debug)]
pub(crate) struct Stated {
    /// Its entry and its bundle.
    pub(crate) statement: Statement,
    /// Whether it was logged now.
    pub(crate) is_new: bool,
}

/// A statement whose signature was verified, and who signed.
struct Verified {
    statement: PackageStatement,
    signer: Publisher,
    basis: Basis,
}

impl App {
    /// Receives, verifies and logs a statement about a package.
    pub(crate) async fn state(
        &self,
        caller: &Caller,
        request: Request,
    ) -> Result<Stated, PublishError> {
        let _permit = self.publishes.try_acquire().map_err(|_| PublishError::Busy)?;
        let bundle = self.receive(request).await?;
        let digest = Digest::of(&bundle);
        if let Some(index) = self.store.find_statement(digest).await? {
            return Ok(Stated { statement: Statement { index, bundle: digest }, is_new: false });
        }
        // Only to know where to look: nothing of it is believed.
        let claimed = claimed_package_statement(&bundle)?;
        let name = claimed.name().clone();
        let judged = self.judge_statement(&claimed, &bundle, digest).await;
        let (signer, entry) = self.hide(caller, &name, judged)?;
        self.permit_signer(caller, &signer, Action::State, &name).await?;
        let app = self.clone();
        // It goes on, whether the client still waits for it or not.
        match tokio::spawn(async move { app.log_statement(entry, bundle).await }).await {
            Ok(stated) => stated,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(PublishError::Busy),
            },
        }
    }

    /// The body, without white space around it.
    async fn receive(&self, request: Request) -> Result<Vec<u8>, PublishError> {
        let (mut body, head) = MeasuredBody::new(request.into_body(), &self.limits);
        head.lift();
        let mut bundle = Vec::new();
        while let Some(piece) = body.next().await {
            let piece = piece?;
            if bundle.len() + piece.len() > MAX_BYTES {
                let limit = MAX_BYTES as u64;
                return Err(PublishError::TooLarge { what: "the bundle", limit });
            }
            bundle.extend_from_slice(&piece);
        }
        Ok(bundle.trim_ascii().to_vec())
    }

    /// The entry that the statement in `bundle` becomes, and who signed it.
    async fn judge_statement(
        &self,
        claimed: &PackageStatement,
        bundle: &[u8],
        digest: Digest,
    ) -> Result<(Publisher, Entry), PublishError> {
        let verified = self.verify_statement(claimed, bundle).await?;
        let signer = verified.signer.clone();
        Ok((signer, self.entry_of(verified, digest).await?))
    }

    /// Verifies that somebody signed the statement in `bundle`, over the last entry of
    /// the package that it is about.
    async fn verify_statement(
        &self,
        claimed: &PackageStatement,
        bundle: &[u8],
    ) -> Result<Verified, PublishError> {
        let basis = self.store.basis(claimed.name(), Timestamp::now()).await?;
        let basis = basis.ok_or_else(|| PublishError::Unknown(claimed.name().to_string()))?;
        let on = claimed.builds_on();
        if on.log != self.log.trust().origin() {
            let expected = self.log.trust().origin().to_owned();
            return Err(PublishError::OtherLog { expected, found: on.log.clone() });
        }
        if on.entry != basis.last {
            return Err(PublishError::conflict(claimed.name(), basis.last, on.entry));
        }
        let _permit = self.verifications.acquire().await.map_err(|_| PublishError::Busy)?;
        let (app, last, bundle) = (self.clone(), basis.last, bundle.to_vec());
        let name = claimed.name().clone();
        let (evidence, statement) = blocking(move || {
            let leaf = app.log.receipt(last).map_err(std::sync::Arc::new)?.leaf;
            let roots = app.trust.for_name(&name)?;
            Ok::<_, PublishError>(verify_package_statement(&bundle, Digest::of(&leaf), &roots)?)
        })
        .await?;
        let signer = Publisher::of(&evidence.signer)
            .map_err(|reason| PublishError::Refused(vec![Refusal::NoPublisher { reason }]))?;
        Ok(Verified { statement, signer, basis })
    }

    /// The entry that a statement becomes, if its signer may state it.
    async fn entry_of(
        &self,
        Verified { statement, signer, basis }: Verified,
        evidence: Digest,
    ) -> Result<Entry, PublishError> {
        let (previous, time) = (basis.last, Timestamp::UNIX_EPOCH);
        let is_bound = |signer: &Publisher| match basis.binding.bound.difference(signer) {
            None => Ok(()),
            Some(difference) => Err(PublishError::Refused(vec![Refusal::NotBound { difference }])),
        };
        Ok(match statement {
            PackageStatement::Status(status) => {
                is_bound(&signer)?;
                Entry::Status(StatusChange {
                    name: status.name,
                    version: status.version,
                    status: status.status,
                    reason: status.reason,
                    publisher: signer,
                    evidence,
                    previous,
                    time,
                })
            }
            PackageStatement::Binding(binding) => {
                is_bound(&signer)?;
                let authority = self.domain_of(&binding.name, &binding.publisher).await?;
                let rules = &self.policy.namespaces;
                authorise(&binding.name, &binding.publisher, rules, authority.as_ref()).map_err(
                    |reason| PublishError::Refused(vec![Refusal::NoAuthority { reason }]),
                )?;
                Entry::Binding(BindingChange {
                    name: binding.name,
                    publisher: binding.publisher,
                    authority,
                    effective: time,
                    signer,
                    evidence,
                    previous,
                    time,
                })
            }
            PackageStatement::Rebuild(rebuild) => {
                let listed = &self.rebuilders;
                if !listed.is_empty() && !listed.iter().any(|it| it.is(&signer)) {
                    return Err(PublishError::Rebuilder(Box::new(signer)));
                }
                self.is_of_the_release(&rebuild).await?;
                Entry::Rebuild(Rebuild {
                    name: rebuild.name,
                    version: rebuild.version,
                    result: rebuild.result,
                    rebuilder: signer,
                    evidence,
                    previous,
                    time,
                })
            }
        })
    }

    /// Whether the trees that a rebuild was compared with are those of the release.
    async fn is_of_the_release(&self, rebuild: &RebuildStatement) -> Result<(), PublishError> {
        let RebuildStatement { name, version, artifacts, .. } = rebuild;
        let subject = || format!("{name}@{version}");
        let release = self.store.find_release(name, version).await?;
        let release = release.ok_or_else(|| PublishError::Unknown(subject()))?;
        let has = |platform, tree| {
            let is_it = |it: &Artifact| it.platform == platform && it.tree == tree;
            release.artifacts.iter().any(is_it)
        };
        match artifacts.iter().find(|built| !has(built.platform, built.published)) {
            Some(built) => Err(PublishError::OtherTree {
                release: subject(),
                platform: built.platform,
                tree: built.published,
            }),
            None => Ok(()),
        }
    }

    async fn log_statement(&self, entry: Entry, bundle: Vec<u8>) -> Result<Stated, PublishError> {
        let blobs = self.blobs.clone();
        let staged = blocking(move || blobs.stage_bytes(&bundle)).await?;
        let stored = staged.stored();
        self.put_all(vec![staged]).await?;
        let hours = i64::from(self.limits.publisher_change_hours);
        let delay = SignedDuration::from_hours(hours);
        let (name, previous) = (entry.name().clone(), entry.previous().unwrap_or_default());
        let bundle = stored.digest;
        let change = Change::Statement(NewStatement { entry, bundle: stored, delay });
        let answer = |index, is_new| Stated { statement: Statement { index, bundle }, is_new };
        match self.submit(change).await? {
            Logged::New(index) => Ok(answer(index, true)),
            Logged::Barred(Bar::Stated(index)) => Ok(answer(index, false)),
            Logged::Barred(Bar::Conflict(last)) => {
                Err(PublishError::conflict(&name, last, previous))
            }
            Logged::Barred(Bar::Bound(bound)) => {
                Err(PublishError::Rebound { name, bound: Box::new(bound) })
            }
            Logged::Barred(Bar::Unknown) => Err(PublishError::Unknown(name.to_string())),
            Logged::Barred(Bar::Already) => Err(PublishError::Already(name)),
            Logged::Barred(Bar::TooMany(limit)) => Err(PublishError::TooMany {
                what: "statements about this release",
                limit: usize::try_from(limit).unwrap_or(usize::MAX),
            }),
            // These are said of releases alone.
            Logged::Barred(Bar::Exists(_) | Bar::Lookalike(_) | Bar::OverQuota(_)) => {
                Err(PublishError::Busy)
            }
        }
    }
}

impl PublishError {
    fn conflict(name: &PackageName, last: u64, found: u64) -> Self {
        Self::Conflict { name: name.clone(), last, found }
    }
}
