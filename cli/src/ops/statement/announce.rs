//! Stating something about a package: signed here, logged there, and checked on both
//! ways.

use jiff::Timestamp;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::{BuildsOn, PackageStatement};
use mcpkg_core::{Code, Digest, PackageName};
use mcpkg_verify::{TrustStore, verify_package_statement};

use super::AtHand;
use crate::config::{Config, RegistryConfig};
use crate::error::{Error, Result};
use crate::ops::log::statement::{Stated, logged};
use crate::ops::log::{Anchor, Contact, Distrust, KnownLog};
use crate::places::Places;
use crate::registry::Registry;

/// How often a statement is signed anew because something else was logged first.
const ATTEMPTS: usize = 3;

/// What is needed to state something at one registry.
pub struct Announcer<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The registry, as it is configured.
    pub source: &'a RegistryConfig,
    /// The registry itself.
    pub registry: &'a Registry,
    /// Where it is remembered what its log has shown.
    pub places: &'a Places,
    /// Whose signatures count there.
    pub trust: &'a TrustStore,
    /// The time.
    pub now: Timestamp,
    /// Whether nothing is signed and nothing sent.
    pub dry_run: bool,
    /// Signs a statement. It is asked for a signature only when there is something to
    /// sign.
    pub sign: &'a mut dyn FnMut(&[u8]) -> Result<Vec<u8>>,
    /// What the user should look at.
    pub warnings: Vec<String>,
}

/// What came of it.
#[derive(Debug)]
pub enum Announced {
    /// It is so already, and nothing was signed.
    Already,
    /// It would be stated.
    Planned(Box<PackageStatement>),
    /// It was stated.
    Logged {
        /// The entry that it became.
        stated: Box<Stated>,
        /// Who signed it.
        signer: Box<Publisher>,
    },
}

impl<'a> Announcer<'a> {
    /// States about `name` what `make` says of its index, unless that is nothing.
    ///
    /// `make` is told on which entry it builds. Where another entry was logged while it
    /// was signed, it is asked again, three times at most.
    ///
    /// # Errors
    ///
    /// Whatever the log or the signing services do wrong; the registry's refusal; and
    /// [`Code::Conflict`] if there was always something else first.
    pub fn announce(
        &mut self,
        name: &PackageName,
        mut make: impl FnMut(&mut Contact<'_>, BuildsOn) -> Result<Option<PackageStatement>>,
    ) -> Result<Announced> {
        let mut attempts = 1;
        let mut contact = self.contact(name)?;
        loop {
            let entry = contact.newest()?.index;
            let error = match self.attempt(contact, entry, &mut make) {
                Err(Error::Problem(problem)) if problem.code == Code::Conflict => {
                    Error::Problem(problem)
                }
                other => return other,
            };
            contact = self.contact(name)?;
            // If nothing came in between, what was stated is itself in the way.
            if attempts == ATTEMPTS || contact.newest()?.index == entry {
                return Err(error);
            }
            attempts += 1;
        }
    }

    fn attempt(
        &mut self,
        mut contact: Contact<'a>,
        entry: u64,
        make: &mut impl FnMut(&mut Contact<'_>, BuildsOn) -> Result<Option<PackageStatement>>,
    ) -> Result<Announced> {
        let name = &contact.index.name.clone();
        let log = contact.known().trust().origin().to_owned();
        let statement = make(&mut contact, BuildsOn { log, entry })?;
        self.warnings.append(&mut contact.warnings);
        let Some(statement) = statement else { return Ok(Announced::Already) };
        if self.dry_run {
            return Ok(Announced::Planned(Box::new(statement)));
        }

        let leaf = contact.newest_leaf()?;
        let digest = Digest::of(&leaf);
        let bundle = (self.sign)(statement.to_in_toto(digest).to_string().as_bytes())?;
        // What the services answered is checked before it is shown to anybody.
        let failed = "what was signed does not verify, so nothing was sent";
        let roots = self.trust.for_name(name).map_err(Error::wrap(failed))?;
        let (evidence, said) =
            verify_package_statement(&bundle, digest, &roots).map_err(Error::wrap(failed))?;
        let signer = Publisher::of(&evidence.signer).map_err(|reason| {
            Error::Refused(vec![mcpkg_core::policy::Refusal::NoPublisher { reason }])
        })?;
        if said != statement {
            let part = "content";
            return Err(Error::wrap(failed)(Distrust::Statement { index: entry, part }));
        }

        let answer = self.registry.state(&bundle)?;
        // It is logged once it is proved to be in the tree that everybody is shown, and
        // the index says so too. With that, the checkpoint is remembered.
        let mut contact = self.contact(name)?;
        contact.learn_signer(&answer.receipt)?;
        self.warnings.append(&mut contact.warnings);
        let stated = logged(name, &answer, Anchor::Contact(&contact))?;
        if stated.bundle != bundle.trim_ascii() {
            let (index, part) = (stated.index, "evidence");
            return Err(contact.known().distrust(Distrust::Statement { index, part }));
        }
        let at_hand = AtHand::from([(entry, digest)]);
        super::verify(&stated, &at_hand, self.trust, contact.known().trust())?;
        let (stated, signer) = (Box::new(stated), Box::new(signer));
        Ok(Announced::Logged { stated, signer })
    }

    fn contact(&self, name: &PackageName) -> Result<Contact<'a>> {
        let known = KnownLog::read(self.config, self.source, self.places, self.now)?;
        Contact::new(known, self.registry, name)
    }
}
