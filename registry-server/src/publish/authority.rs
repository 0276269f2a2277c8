//! Whose domain is it?

use mcpkg_core::domain::DomainProof;
use mcpkg_core::evidence::Evidence;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Code, PackageName};

use super::PublishError;
use crate::app::App;
use crate::store::StoreError;

impl App {
    /// Refuses a name that comes from a registry which is mirrored here: one name is one
    /// place.
    pub(super) async fn refuse_name_of_a_source(
        &self,
        name: &PackageName,
    ) -> Result<(), PublishError> {
        match self.source_of(name).await? {
            None => Ok(()),
            Some((source_name, code)) => {
                Err(PublishError::FromSource { name: name.clone(), source_name, code })
            }
        }
    }

    /// The registry that `name` comes from, if one that is mirrored here has its namespace
    /// or has had a package of it; and how to call it that somebody publishes it here.
    pub(crate) async fn source_of(
        &self,
        name: &PackageName,
    ) -> Result<Option<(String, Code)>, StoreError> {
        if let Some(source) = self.mirror.has_namespace_of(name) {
            return Ok(Some((source.to_string(), Code::NamespaceOwner)));
        }
        let claimant = self.store.claimant(name).await?;
        Ok(claimant.map(|source| (source, Code::SourceChanged)))
    }

    /// What the domain of a new package says of whoever signed for it, if they are one
    /// and that decides. If they are not, [`mcpkg_core::policy::judge`] says so.
    pub(super) async fn domain_of_the_signer(
        &self,
        name: &PackageName,
        evidence: &[Evidence],
    ) -> Result<Option<DomainProof>, PublishError> {
        match evidence.first().map(|evidence| Publisher::of(&evidence.signer)) {
            Some(Ok(publisher)) => self.domain_of(name, &publisher).await,
            _ => Ok(None),
        }
    }

    /// What the domain of `name` says of `publisher`, where no rule of the configuration
    /// decides who publishes there.
    pub(super) async fn domain_of(
        &self,
        name: &PackageName,
        publisher: &Publisher,
    ) -> Result<Option<DomainProof>, PublishError> {
        let is_ruled = self.policy.namespaces.iter().any(|rule| rule.pattern.matches(name));
        if is_ruled {
            return Ok(None);
        }
        Ok(self.authority.vouches(name, publisher).await?)
    }
}
