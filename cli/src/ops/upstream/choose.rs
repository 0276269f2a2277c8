//! Deciding about a release of another ecosystem: newly chosen, or as a lock pins it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::lock::{LockedArtifact, LockedServer, LockedUpstream};
use mcpkg_core::policy::Refusal;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{PackageName, Platform, Version};
use mcpkg_upstream::{
    Closure, Importer, Judgement, Lack, Reference, Release, Statement, Terms, judge, uploader,
    version,
};

use super::failed;
use crate::args::{AcceptArgs, UnattestedArgs, parse_release};
use crate::error::{Error, Result};

/// What is known of a release before a byte of it is here.
pub struct Chosen {
    /// All that goes into it.
    pub closure: Closure,
    /// What is attested of it.
    pub statements: Vec<Statement>,
    /// Whose workflow it was, or whoever the registry lets upload it.
    pub publisher: Publisher,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// What its evidence lacks, which the user took upon themselves.
    pub lack: Option<Lack>,
}

/// What a user accepts although it would be refused, each by its name.
#[derive(Clone, Debug, Default)]
pub struct Accepted {
    /// Releases that may be young, as their ecosystem calls them.
    pub fresh: BTreeSet<Release>,
    /// The same, as they are called here.
    pub fresh_here: BTreeSet<(PackageName, Version)>,
    /// Publishers that may take another's place, as [`Publisher::reference`] writes them.
    pub publishers: BTreeSet<String>,
    /// Releases that nobody need attest.
    pub unattested: BTreeSet<Release>,
    /// Releases that their authors may have yanked.
    pub yanked: BTreeSet<Release>,
}

/// What a release is held to.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// What it is called here.
    pub name: &'a PackageName,
    /// What is installed of it.
    pub locked: Option<&'a LockedServer>,
    /// What the user accepts.
    pub accepted: &'a Accepted,
    /// How long ago it must have been signed.
    pub min_age: SignedDuration,
    /// The time.
    pub now: Timestamp,
}

impl Accepted {
    /// What the user accepts with these flags.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] for what names no release and no publisher.
    pub fn parse(accept: &AcceptArgs, unattested: &UnattestedArgs) -> Result<Self> {
        let argument =
            |what, found: &str, reason| Error::Argument { what, found: found.to_owned(), reason };
        let mut accepted = Self {
            unattested: unattested.accept_unattested.iter().cloned().collect(),
            yanked: unattested.accept_yanked.iter().cloned().collect(),
            ..Self::default()
        };
        for text in &accept.accept_fresh {
            if let Ok(release) = text.parse::<Release>() {
                accepted.fresh.insert(release);
            } else {
                let here = parse_release(text).map_err(|it| argument("release", text, it))?;
                accepted.fresh_here.insert(here);
            }
        }
        for text in &accept.accept_publisher {
            let publisher = Publisher::from_reference(text)
                .map_err(|error| argument("publisher", text, error.to_string()))?;
            accepted.publishers.insert(publisher.reference());
        }
        Ok(accepted)
    }

    /// Whether this release may be young.
    pub fn is_fresh(&self, name: &PackageName, version: &Version, release: &Release) -> bool {
        self.fresh.contains(release) || self.fresh_here.contains(&(name.clone(), version.clone()))
    }
}

/// Has the ecosystem's own tool choose what `reference` needs, and decides about it.
pub fn choose(reference: &Reference, importer: &Importer, ask: Ask<'_>) -> Result<Chosen> {
    let platform = Platform::current().ok_or_else(|| Error::Setting {
        message: "this machine is of no platform that artifacts are made for".to_owned(),
        hint: "install it on Linux, macOS or Windows, on x86-64 or 64-bit ARM",
    })?;
    let closure = importer.resolve(reference, platform, &ask.accepted.yanked).map_err(failed)?;
    let statements = importer.evidence(&closure).map_err(failed)?;
    ask.decide(closure, statements, importer)
}

/// The artifact that is locked for this machine.
pub fn artifact(server: &LockedServer) -> Result<&LockedArtifact> {
    server.artifact_for(Platform::current()).ok_or_else(|| {
        let platforms: Vec<_> = server.artifacts.iter().map(|artifact| artifact.platform).collect();
        let available = crate::request::platforms(&platforms);
        let (name, version) = (server.name.clone(), server.version.clone());
        Error::NoArtifact { name, version, available }
    })
}

/// Decides again about what `server` is locked as made of, for `platform`. No tool chooses
/// anything.
pub fn again(
    (server, upstream): (&LockedServer, &LockedUpstream),
    platform: Platform,
    importer: &Importer,
    ask: Ask<'_>,
) -> Result<Chosen> {
    let release = super::release(upstream)?;
    let chosen_for = (platform, upstream.runtime.as_deref());
    let closure = importer.pinned(&release, &upstream.files, chosen_for).map_err(failed)?;
    let statements = importer.pinned_evidence(&closure, &server.evidence).map_err(failed)?;
    ask.decide(closure, statements, importer)
}

impl Ask<'_> {
    fn decide(
        self,
        closure: Closure,
        statements: Vec<Statement>,
        importer: &Importer,
    ) -> Result<Chosen> {
        let root = closure.root();
        let release = &root.release;
        let version = version(release).map_err(failed)?;
        let locked = self.locked.and_then(|it| it.upstream.as_ref());
        if let Some(locked) = locked.filter(|it| it.release == release.to_string())
            && locked.integrity != root.integrity.to_string()
        {
            return Err(Error::Replaced { name: self.name.clone(), version });
        }
        let accepted = self.accepted;
        let is_fresh = accepted.is_fresh(self.name, &version, release);
        let terms = Terms {
            min_age: self.min_age,
            accept_fresh: is_fresh.then(|| release.clone()).into_iter().collect(),
            accept_unattested: accepted.unattested.clone(),
            pinned: self.locked.map(|locked| locked.publisher.clone()),
            accept_publishers: accepted.publishers.clone(),
        };
        let evidence: Vec<_> = statements.iter().map(|it| it.evidence.clone()).collect();
        let (publisher, signed_at, lack) = match judge(release, &evidence, &terms, self.now) {
            Judgement::Attested { publisher, signed_at } => (publisher, signed_at, None),
            Judgement::Unattested(lack) if accepted.unattested.contains(release) => {
                let registry = importer.registry(release.package().ecosystem());
                (uploader(release.package(), registry), self.now, Some(lack))
            }
            Judgement::Unattested(lack) => {
                return Err(Error::Unattested { release: release.to_string(), lack });
            }
            Judgement::Refused(refusals) => return Err(self.refused(release, refusals)),
        };
        Ok(Chosen { closure, statements, publisher, signed_at, lack })
    }

    /// Why it is refused. What was attested before says so, with what accepts it.
    fn refused(self, release: &Release, refusals: Vec<Refusal>) -> Error {
        match (&refusals[..], self.locked) {
            ([Refusal::ProvenanceLost], Some(locked)) => Error::AttestedNoMore {
                release: release.to_string(),
                before: locked.version.clone(),
            },
            _ => Error::Refused(refusals),
        }
    }
}
